//! Phrases: how the asset says what a text must contain.
//!
//! A phrase is what one reads, in small letters: `connection refused`. `*` stands for up to [`GAP`] characters of
//! anything, `..` for a few words, up to [`NEAR`]; `~` at the end of a word for the rest of it (`greylist~`);
//! `(denied|refused)` for one of several. A phrase begins and ends at the edge of a word, so that `eof` is not found
//! in `eoferror`. Searching is plain substring search: its time grows with the text and
//! with nothing else. A table of the text's triples of bytes says first, for most phrases, that they cannot be in it.

/// Most characters between two parts of a phrase, in bytes.
pub(super) const GAP: usize = 160;

/// Most characters between two parts that are near each other, in bytes.
pub(super) const NEAR: usize = 40;

/// Most places where a phrase's first part is tried.
const TRIES: usize = 64;

/// A phrase, ready to be looked for.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(from = "String")]
pub(super) struct Phrase {
    parts: Vec<Part>,
}

/// One of these words, this far behind the part before it.
#[derive(Clone, Debug)]
struct Part {
    words: Vec<Word>,
    gap: usize,
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    /// The word may go on behind it.
    open: bool,
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        let text = text.trim();
        Self { text: text.trim_end_matches('~').to_lowercase(), open: text.ends_with('~') }
    }
}

impl Part {
    fn of(text: &str, gap: usize) -> Self {
        let choice = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let words = match choice.filter(|choice| choice.contains('|')) {
            Some(choice) => choice.split('|').map(Word::from).collect(),
            None => vec![Word::from(text)],
        };
        Self { words, gap }
    }
}

impl From<String> for Phrase {
    fn from(text: String) -> Self {
        let far = text.split('*').map(str::trim).filter(|part| !part.is_empty());
        let parts = far.flat_map(|part| {
            let near = part.split(" .. ").map(str::trim).filter(|part| !part.is_empty());
            near.enumerate().map(|(index, part)| Part::of(part, if index == 0 { GAP } else { NEAR }))
        });
        Self { parts: parts.collect() }
    }
}

/// A text to be searched, which must have been cleaned, with the triples of bytes that it contains.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    /// The text.
    pub(super) text: String,
    triples: Vec<u64>,
}

/// Bits of a triple's place in the table.
const BITS: u32 = 16;

fn triple(bytes: &[u8]) -> usize {
    let value = bytes.iter().fold(0_u32, |value, byte| (value << 8) | u32::from(*byte));
    usize::try_from(value.wrapping_mul(0x9e37_79b1) >> (32 - BITS)).unwrap_or(0)
}

impl Flat {
    pub(super) fn of(text: String) -> Self {
        let mut triples = vec![0_u64; 1 << (BITS - 6)];
        for window in text.as_bytes().windows(3) {
            let at = triple(window);
            if let Some(word) = triples.get_mut(at >> 6) {
                *word |= 1 << (at & 63);
            }
        }
        Self { text, triples }
    }

    /// False where the text cannot contain the part.
    fn may_have(&self, part: &str) -> bool {
        part.as_bytes().windows(3).all(|window| {
            let at = triple(window);
            self.triples.get(at >> 6).is_some_and(|word| word & (1 << (at & 63)) != 0)
        })
    }
}

impl Phrase {
    /// Whether the text contains the phrase.
    pub(super) fn is_in(&self, flat: &Flat) -> bool {
        let Some((first, rest)) = self.parts.split_first() else { return false };
        if !self.parts.iter().all(|part| part.words.iter().any(|word| flat.may_have(&word.text))) {
            return false;
        }
        let text = flat.text.as_str();
        let mut from = 0;
        for _ in 0..TRIES {
            let Some((start, end)) = first_of(text, first, from, text.len()) else { return false };
            if follow(text, rest, end) {
                return true;
            }
            // Two words of a choice may begin in one place.
            from = start + text.get(start..).and_then(|text| text.chars().next()).map_or(1, char::len_utf8);
        }
        false
    }

    /// Whether it says enough to be looked for.
    #[cfg(test)]
    pub(super) fn is_sound(&self) -> bool {
        !self.parts.is_empty()
            && self.parts.iter().flat_map(|part| &part.words).all(|word| word.text.chars().count() >= 2)
    }
}

/// Whether the other parts follow, each within the gap behind the one before.
fn follow(text: &str, parts: &[Part], mut from: usize) -> bool {
    for part in parts {
        match first_of(text, part, from, from.saturating_add(part.gap)) {
            Some((_, end)) => from = end,
            None => return false,
        }
    }
    true
}

/// The first of the words from this place on that begins before the other; where two begin together, the longer one.
fn first_of(text: &str, part: &Part, from: usize, until: usize) -> Option<(usize, usize)> {
    let found = part.words.iter().filter_map(|word| {
        let to = until.saturating_add(word.text.len()).min(text.len());
        find(text, word, from, to)
    });
    found.min_by_key(|(start, end)| (*start, usize::MAX - end))
}

/// Where the first occurrence between two places that begins and ends at the edge of a word begins and ends.
fn find(text: &str, part: &Word, from: usize, to: usize) -> Option<(usize, usize)> {
    let to = (to..=text.len()).find(|at| text.is_char_boundary(*at))?;
    let mut at = from;
    while let Some(found) = text.get(at..to)?.find(&part.text) {
        let (start, end) = (at + found, at + found + part.text.len());
        let bytes = text.as_bytes();
        let word = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_alphanumeric);
        let opens = !word(start) || start == 0 || !word(start - 1);
        let closes = part.open || !word(end - 1) || !word(end);
        if opens && closes {
            return Some((start, end));
        }
        at = start + part.text.chars().next().map_or(1, char::len_utf8);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(phrase: &str, text: &str) -> bool {
        Phrase::from(phrase.to_owned()).is_in(&Flat::of(text.to_owned()))
    }

    #[test]
    fn words_are_whole_unless_left_open() {
        assert!(is_in("eof", "error on notify: eof"));
        assert!(!is_in("eof", "eoferror"));
        assert!(!is_in("eof", "geof"));
        assert!(is_in("greylist~", "try later, greylisted"));
        assert!(is_in("(eof)", "end of file reached(eof)."));
        assert!(is_in("unable to verify", "发送不成功unable to verify it"));
    }

    #[test]
    fn one_of_several_words_may_stand_there() {
        let phrase = "(sender|from address) .. (not allowed|reject~)";
        assert!(is_in(phrase, "550 from address is not allowed"));
        assert!(is_in(phrase, "sender address rejected"));
        assert!(!is_in(phrase, "rejected sender"));
        assert!(!is_in(phrase, "the sending of mail was rejected"));
        assert!(
            is_in(phrase, &format!("sender {} sender was rejected", "x ".repeat(NEAR))),
            "a later one is nearer"
        );
        assert!(!is_in(phrase, &format!("sender {} rejected", "x ".repeat(NEAR))));
        // Brackets without a choice are the text's own.
        assert!(is_in("(eof)", "an (eof) here") && !is_in("(eof)", "an eof here"));
    }

    #[test]
    fn parts_follow_each_other_closely() {
        assert!(is_in(
            "peer certificate * did not match",
            "peer certificate cn='a' did not match expected cn='b'"
        ));
        assert!(!is_in("peer certificate * did not match", "did not match the peer certificate"));
        let far = format!("peer certificate {} did not match", "x ".repeat(GAP));
        assert!(!is_in("peer certificate * did not match", &far));
        // The first occurrence is too far away, a later one is not.
        assert!(is_in("peer certificate * did not match", &format!("{far} peer certificate did not match")));
        assert!(is_in("é * ü", "é über ü"));
    }
}
