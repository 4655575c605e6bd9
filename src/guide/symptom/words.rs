//! The single words of an error text: what they say where no signature knows the wording.
//!
//! Signatures know wordings. A wording that nobody has listed still has words, and `assets/words.toml` says how much
//! each speaks for a cause, or against it. The sum over a text's words, turned into shares, joins what the signatures
//! found: it fills the places that they leave open, and where it speaks loudly against a certain cause, that one is no
//! longer certain. Words alone make nothing certain or likely. Pure, and bounded in words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;

use super::book::Depth;
use super::rank::{Case, Weighed};

/// Most different words of a text that count.
const MOST_WORDS: usize = 600;

/// Longest word, in bytes; what is longer is data.
const LONGEST: usize = 40;

/// What a weight of the file is divided by.
const SCALE: f64 = 10.0;

/// Stands in the place of a cause: a text that is no error of sending mail.
pub const NOTHING: &str = "none";

/// Stands in the place of a cause: an outer message whose cause is not in the text.
pub const OPEN: &str = "generic-wrapper-undetermined";

/// How much the words count beside what the signatures found, by how much those say.
const BESIDE_TELLING: f64 = 0.4;
const BESIDE_PLAIN: f64 = 0.8;
const BESIDE_LITTLE: f64 = 1.6;

/// So many times more must the words speak for another cause to take a certain one's certainty away.
const CONTRADICTED: f64 = 8.0;

/// Fewer known words say nothing: a code, or a bare message that a signature knows better.
const FEWEST: usize = 3;

/// Where no signature fits: least share of the first cause.
const ALONE: f64 = 0.2;

/// The words, read.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "File")]
pub struct Words {
    causes: Vec<String>,
    bias: Vec<f64>,
    /// By word: the place of a cause, and the weight.
    words: BTreeMap<String, Vec<(usize, f64)>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    usual: BTreeMap<String, i32>,
    words: BTreeMap<String, String>,
}

impl TryFrom<File> for Words {
    type Error = String;

    fn try_from(file: File) -> Result<Self, String> {
        let causes: Vec<String> = file.usual.keys().cloned().collect();
        let place: BTreeMap<&str, usize> =
            causes.iter().enumerate().map(|(at, cause)| (cause.as_str(), at)).collect();
        let weight = |word: &str, text: &str| {
            let wrong = || format!("'{text}' of the word '{word}' is no cause with a weight");
            let (cause, weight) = text.trim().split_once(' ').ok_or_else(wrong)?;
            let weight: i32 = weight.parse().map_err(|_| wrong())?;
            Ok::<_, String>((*place.get(cause).ok_or_else(wrong)?, f64::from(weight) / SCALE))
        };
        let mut words = BTreeMap::new();
        for (word, weights) in &file.words {
            let all = weights.split(',').map(|text| weight(word, text)).collect::<Result<_, _>>()?;
            words.insert(word.clone(), all);
        }
        let bias = file.usual.values().map(|weight| f64::from(*weight) / SCALE).collect();
        Ok(Self { causes, bias, words })
    }
}

/// What a text's words say.
#[derive(Clone, Debug, Default)]
pub(super) struct Said<'a> {
    /// Shares by cause; they add up to one.
    shares: BTreeMap<&'a str, f64>,
    /// Words of the text that the file knows.
    known: usize,
}

impl Words {
    /// Reads the words.
    ///
    /// # Errors
    /// Where the text is no such file: a line that says what is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The causes that words speak for, and [`NOTHING`] and [`OPEN`].
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        self.causes.iter().map(String::as_str)
    }

    /// What these words say: a softmax over the sums of their weights, each text counting for one whatever its length.
    pub(super) fn say(&self, words: &BTreeSet<String>) -> Said<'_> {
        let known: Vec<&Vec<(usize, f64)>> = words.iter().filter_map(|word| self.words.get(word)).collect();
        let mut sums = self.bias.clone();
        let length = f64::from(u32::try_from(known.len().max(1)).unwrap_or(u32::MAX)).sqrt();
        for (cause, weight) in known.iter().copied().flatten() {
            if let Some(sum) = sums.get_mut(*cause) {
                *sum += weight / length;
            }
        }
        let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = sums.iter().map(|sum| (sum - most).exp()).collect();
        let all: f64 = powers.iter().sum();
        let shares = self.causes.iter().zip(powers).map(|(cause, power)| (cause.as_str(), power / all));
        Said { shares: shares.collect(), known: known.len() }
    }
}

impl<'a> Said<'a> {
    fn share(&self, cause: &str) -> f64 {
        self.shares.get(cause).copied().unwrap_or(0.0)
    }

    /// Whether the words speak for another cause by far, or rather for no error of mail.
    pub(super) fn contradicts(&self, cause: &str) -> bool {
        let most = self.shares.values().copied().fold(0.0, f64::max);
        let said = self.share(cause);
        self.known >= FEWEST && (most > CONTRADICTED * said || self.share(NOTHING) > said)
    }

    /// Joins what the signatures found.
    pub(super) fn join(&self, found: Vec<Weighed<'a>>, depth: Option<Depth>) -> Vec<Weighed<'a>> {
        let factor = match depth {
            Some(Depth::Telling) => BESIDE_TELLING,
            Some(Depth::Plain) => BESIDE_PLAIN,
            Some(_) => BESIDE_LITTLE,
            None => 1.0,
        };
        if self.known < FEWEST || depth.is_none() && self.is_silent() {
            return found;
        }
        let mut sums: BTreeMap<&str, f64> = found.into_iter().map(|one| (one.cause, one.share)).collect();
        for (cause, share) in self.shares.iter().filter(|(cause, _)| ![NOTHING, OPEN].contains(cause)) {
            *sums.entry(cause).or_default() += factor * share;
        }
        Weighed::sorted(sums)
    }

    /// Whether the words alone say too little to name a cause.
    fn is_silent(&self) -> bool {
        let mut all: Vec<(&str, f64)> = self.shares.iter().map(|(cause, share)| (*cause, *share)).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all.first().is_none_or(|(cause, share)| [NOTHING, OPEN].contains(cause) || *share < ALONE)
            || self.share(NOTHING) + self.share(OPEN) > 0.5
    }
}

/// The different words of a text, and of its settings (`port=465`, `tls=none`, `port=465 tls=none`, `host=gmail`).
pub(super) fn words(flat: &str, case: &Case<'_>) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for piece in flat.split_whitespace() {
        if words.len() >= MOST_WORDS {
            break;
        }
        if piece.contains('@') {
            // Whose mailbox it is says nothing.
            words.insert("@".to_owned());
            continue;
        }
        for word in piece.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'))) {
            take(word.trim_matches(['.', '-', '_', '+']), &mut words);
        }
    }
    if let Some(port) = case.settings.port {
        words.insert(format!("port={port}"));
    }
    if let Some(tls) = case.settings.tls {
        words.insert(format!("tls={}", tls.as_str()));
        if let Some(port) = case.settings.port {
            // A mode alone says little, and what is wrong at 465 is right at 587.
            words.insert(format!("port={port} tls={}", tls.as_str()));
        }
    }
    words.extend(case.hosts.iter().map(|kind| format!("host={kind}")));
    words
}

fn take(word: &str, words: &mut BTreeSet<String>) {
    if word.is_empty() || word.len() > LONGEST || word.contains("example.") {
        // Data, or a name that stands for any other.
        return;
    }
    if word.parse::<IpAddr>().is_ok() {
        words.insert("address".to_owned());
        return;
    }
    // A reply of several lines: `535-5.7.8`, `550-the`.
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((code, rest)) = word.split_once('-').filter(|(code, _)| is_code(code)) {
        take(code, words);
        take(rest, words);
        return;
    }
    if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-') {
        // Codes, ports and error numbers; not years, times and sizes.
        let year = word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
        let enhanced = word.len() <= 9 && ["2.", "4.", "5."].iter().any(|class| word.starts_with(class));
        if enhanced || word.len() <= 6 && !year {
            words.insert(word.to_owned());
        }
        return;
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits > 4 || digits > 1 && word.len() > 8 && !word.contains('.') {
        // The id of a message, a queue or a session.
        return;
    }
    let others: Vec<char> = word.chars().filter(|c| !c.is_ascii()).collect();
    if others.iter().any(|c| ('\u{3040}'..='\u{9fff}').contains(c)) {
        // Scripts without blanks: two characters at a time.
        words.extend(others.windows(2).map(|pair| pair.iter().collect::<String>()));
        return;
    }
    if word.contains('.') {
        words.extend(word.split('.').filter(|part| part.len() > 1).map(str::to_owned));
    }
    words.insert(word.to_owned());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Book, Confidence, Settings, WORDS, book};
    use super::*;

    const SMALL: &str = "[usual]\nconnection-refused = 0\ncert-expired = 0\nnone = 0\n\
                         [words]\npartout = \"cert-expired 60\"\nkaputt = \"cert-expired 40, none -20\"\n\
                         abgelehnt = \"connection-refused 90\"\nwetter = \"none 90\"\nsonnig = \"none 50\"\n";

    fn small() -> Book {
        Book::read(include_str!("../../../assets/symptoms.toml"), SMALL).unwrap()
    }

    fn of(text: &str) -> BTreeSet<String> {
        book().words(text, &Settings::default())
    }

    #[test]
    fn what_is_built_in_holds_together() {
        let words = Words::read(WORDS).unwrap();
        assert!(words.words.len() > 1000);
        for cause in words.causes() {
            assert!(book().cause(cause).is_some() || [NOTHING, OPEN].contains(&cause), "{cause}");
        }
        assert!(WORDS.len() < 700_000, "it is read at the start of every explanation");
    }

    /// A mailbox or a host of somebody must never get in.
    #[test]
    fn words_are_nobodys() {
        for word in Words::read(WORDS).unwrap().words.keys() {
            assert!(word == "@" || !word.contains('@'), "{word}");
            assert!(word.len() <= LONGEST && !word.contains("example."), "{word}");
            assert!(word.split(' ').all(|word| word.parse::<IpAddr>().is_err()), "{word}");
        }
    }

    #[test]
    fn a_file_that_is_none_says_what_is_wrong() {
        let wrong = |text: &str| Words::read(text).unwrap_err();
        assert!(wrong("[usual]\na = 1\n[words]\nx = \"b 3\"\n").contains("'b 3' of the word 'x'"));
        assert!(wrong("[usual]\na = 1\n[words]\nx = \"a much\"\n").contains("is no cause with a weight"));
        assert!(Words::read("[usual]\n[words]\n[more]\n").is_err());
    }

    #[test]
    fn words_are_taken_as_programs_write_them() {
        let words = of(
            "dial tcp 192.0.2.7:587: smtp.gmail.com said 535-5.7.8 5.7.139 to <a@example.org> (x86_64) 2026 id=4f9A77b21c0",
        );
        for word in [
            "dial",
            "address",
            "587",
            "smtp.gmail.com",
            "gmail",
            "535",
            "5.7.8",
            "5.7.139",
            "@",
            "said",
            "port=587",
            "host=gmail",
        ] {
            assert!(words.contains(word), "{word} in {words:?}");
        }
        for word in ["192.0.2.7", "a", "2026", "4f9a77b21c0", "example.org"] {
            assert!(!words.contains(word), "{word} in {words:?}");
        }
        let words = of("Server: 'smtp.example.net', Protocol: SMTP, Port: 465, Secure(SSL): No");
        assert!(words.contains("port=465 tls=none"), "{words:?}");
        assert!(of("连接超时").contains("超时"));
        assert!(of(&"wort ".repeat(5000)).len() < 3);
        let many: String = (0..5000).map(|at| format!("{} ", "q".repeat(at % 39 + 1))).collect();
        assert!(of(&many).len() <= MOST_WORDS);
    }

    #[test]
    fn words_alone_name_what_is_possible() {
        let found = small().explain("wetter sonnig, partout kaputt", &Settings::default());
        assert!(found.causes.is_empty(), "none speaks too: {found:?}");
        let found = small().explain("ganz partout kaputt, nichts abgelehnt", &Settings::default());
        assert_eq!(found.causes.first().map(|cause| cause.code.as_str()), Some("cert-expired"), "{found:?}");
        assert!(found.by_words && !found.decided);
        assert!(found.causes.iter().all(|cause| cause.confidence == Confidence::Possible));
        let few = small().explain("abgelehnt", &Settings::default());
        assert!(few.causes.is_empty(), "one word is no text: {few:?}");
    }

    /// Loud words take certainty away, and add none.
    #[test]
    fn words_beside_a_signature() {
        let text = "535 5.7.8 xx certificate has expired";
        let plain = small().explain("certificate has expired", &Settings::default());
        assert!(plain.decided && !plain.by_words);
        let against = format!("{} abgelehnt", "certificate has expired");
        let loud = SMALL.replace("connection-refused 90", "connection-refused 900");
        let loud = Book::read(
            include_str!("../../../assets/symptoms.toml"),
            &format!("{loud}certificate = \"connection-refused 900\"\nhas = \"connection-refused 900\"\n"),
        );
        assert!(!loud.unwrap().explain(&against, &Settings::default()).decided);
        assert!(!small().explain(text, &Settings::default()).causes.is_empty());
    }

    #[test]
    fn shares_add_up() {
        let words = Words::read(SMALL).unwrap();
        let said = words.say(&["partout", "unknown"].map(str::to_owned).into());
        assert_eq!(said.known, 1);
        assert!((said.shares.values().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(said.share("cert-expired") > 0.99 && said.share("connection-refused") < 0.01);
        assert!(Words::default().say(&BTreeSet::new()).shares.is_empty());
    }
}
