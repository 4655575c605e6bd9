//! Hostile bytes become visible text: no control character, no direction override, nothing that a terminal obeys.
//!
//! What a server sends is shown, never obeyed. Everything that moves a cursor, turns the direction of writing, or
//! cannot be seen becomes an ASCII mark in angle brackets; what is left is one line of bounded length. The result
//! is for the eye: a server may send the characters `<1b>` too, so it cannot be read back.
//!
//! ```
//! use ehlo::wire::printable::{printable, printable_bytes};
//!
//! assert_eq!(printable("220 \x1b[2Jmx", 80), "220 <1b>[2Jmx");
//! assert_eq!(printable("moc.elpmaxe\u{202e}", 80), "moc.elpmaxe<u+202e>");
//! assert_eq!(printable("a line that is too long", 12), "a line <cut>");
//! assert_eq!(printable_bytes(b"caf\xc3\xa9 \xff", 80), "café <ff>");
//! ```

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

/// Stands at the end of what was cut.
pub const CUT: &str = "<cut>";

/// Most combining marks that may stand on one character; more of them would climb into other lines.
const MAX_MARKS: usize = 2;

/// Makes text safe and visible, on one line, of at most `max` characters; what is longer is cut and ends in [`CUT`]
/// (as much of it as `max` allows). Control characters become `<1b>`, invisible and direction-changing characters
/// `<u+202e>`.
pub fn printable(text: &str, max: usize) -> String {
    let mut writer = Writer::new(max);
    for c in text.chars() {
        if !writer.character(c) {
            break;
        }
    }
    writer.finish()
}

/// The same for bytes: valid UTF-8 stays, other bytes become `<ff>`.
pub fn printable_bytes(bytes: &[u8], max: usize) -> String {
    let mut writer = Writer::new(max);
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().chars().all(|c| writer.character(c)) {
            break;
        }
        if !chunk.invalid().iter().all(|&byte| writer.byte(byte)) {
            break;
        }
    }
    writer.finish()
}

/// Text of several lines made safe and visible, whatever it is made of; line breaks stay.
///
/// ```
/// use ehlo::wire::printable::visible_lines;
///
/// assert_eq!(visible_lines("one\ntwo \x1b[2J\r\n"), "one\ntwo <1b>[2J<0d>\n");
/// ```
pub fn visible_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| printable(line, usize::MAX)).collect();
    lines.join("\n")
}

/// Somebody else's words within ours: in quotation marks, and with none inside that could end them.
///
/// ```
/// use ehlo::wire::printable::quoted;
///
/// assert_eq!(quoted("550 no”. Use port 25. “"), "“550 no'. Use port 25. '”");
/// ```
pub fn quoted(text: &str) -> String {
    let inside = text.replace(['"', '“', '”', '„', '‟', '«', '»', '″', '〝', '〞', '〟', '＂'], "'");
    format!("“{inside}”")
}

/// JSON that may go to a terminal: what a terminal obeys, and what cannot be seen, is written as `\\u202e`, which means
/// the same to whoever reads the JSON. Outside of strings JSON has no such characters.
///
/// ```
/// use ehlo::wire::printable::visible_json;
///
/// assert_eq!(visible_json("{\"text\":\"a\u{202e}b\u{9b}c\u{e0041}d\"}"), r#"{"text":"a\u202eb\u009bc\udb40\udc41d"}"#);
/// ```
pub fn visible_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if !c.is_ascii() && (is_hidden(c) || c.width().unwrap_or(0) == 0) || c == '\x7f' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// True for a character that is shown as a mark wherever it stands.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        // Spaces that look like the ordinary one, or like nothing.
        | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{2800}'
        // Line and paragraph separators.
        | '\u{2028}' | '\u{2029}'
        // Direction: marks, embeddings, overrides, isolates.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Zero width, joiners, fillers, invisible operators, deprecated format characters.
        | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        // Signs that enclose the digits behind them.
        | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{110bd}'
        | '\u{110cd}'
        // Variation selectors, tags.
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}'
        // Private use and what is no character: nobody knows what it looks like.
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Builds the visible text and stops at the limit.
struct Writer {
    out: String,
    max: usize,
    /// Characters in `out`.
    count: usize,
    /// Bytes of `out` to which it is cut back to make room for the mark: never inside a mark of ours.
    safe: usize,
    /// Combining marks since the last character that bears them; none may stand at the beginning.
    marks: usize,
    cut: bool,
}

impl Writer {
    fn new(max: usize) -> Self {
        Self { out: String::new(), max, count: 0, safe: 0, marks: MAX_MARKS, cut: false }
    }

    /// False where there is no more room.
    fn character(&mut self, c: char) -> bool {
        if is_hidden(c) {
            self.marks = MAX_MARKS;
            return if u32::from(c) < 0x80 {
                self.mark(format_args!("<{:02x}>", u32::from(c)))
            } else {
                self.mark(format_args!("<u+{:04x}>", u32::from(c)))
            };
        }
        if c.width().unwrap_or(0) == 0 {
            if self.marks >= MAX_MARKS {
                return self.mark(format_args!("<u+{:04x}>", u32::from(c)));
            }
            self.marks += 1;
        } else {
            self.marks = 0;
        }
        self.mark(format_args!("{c}"))
    }

    fn byte(&mut self, byte: u8) -> bool {
        self.marks = MAX_MARKS;
        self.mark(format_args!("<{byte:02x}>"))
    }

    /// Appends what must stay in one piece.
    fn mark(&mut self, piece: std::fmt::Arguments<'_>) -> bool {
        let before = self.out.len();
        // Writing to a String does not fail.
        let _ = self.out.write_fmt(piece);
        let length = self.out.get(before..).map_or(0, |added| added.chars().count());
        if self.count.saturating_add(length) > self.max {
            self.cut = true;
            return false;
        }
        self.count += length;
        if self.count.saturating_add(CUT.len()) <= self.max {
            self.safe = self.out.len();
        }
        true
    }

    fn finish(mut self) -> String {
        if self.cut {
            self.out.truncate(self.safe);
            self.out.extend(CUT.chars().take(self.max));
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_plain_stays() {
        for text in ["", "220 mx.example.com ESMTP", "Grüße aus Köln", "送信できません", "שלום", "e\u{301}"]
        {
            assert_eq!(printable(text, 80), text);
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        assert_eq!(printable("\x1b]52;c;aGk=\x07", 80), "<1b>]52;c;aGk=<07>");
        assert_eq!(printable("a\tb\r\nc\0\x7f", 80), "a<09>b<0d><0a>c<00><7f>");
        assert_eq!(printable("\u{9b}31m", 80), "<u+009b>31m", "C1 CSI");
        assert_eq!(printable_bytes(b"\x9b31m", 80), "<9b>31m", "the same as a bare byte");
        assert_eq!(printable("\u{202e}gpj.exe\u{2069}", 80), "<u+202e>gpj.exe<u+2069>");
        assert_eq!(
            printable("a\u{200b}b\u{feff}c\u{ad}d\u{2028}e", 80),
            "a<u+200b>b<u+feff>c<u+00ad>d<u+2028>e"
        );
        assert_eq!(printable("a\u{a0}b\u{3164}c\u{e0041}d", 80), "a<u+00a0>b<u+3164>c<u+e0041>d");
    }

    #[test]
    fn marks_do_not_pile_up() {
        let flood = format!("a{}", "\u{301}".repeat(5));
        assert_eq!(printable(&flood, 80), "a\u{301}\u{301}<u+0301><u+0301><u+0301>");
        assert_eq!(printable("\u{301}a", 80), "<u+0301>a", "nor on what stands before the text");
        assert_eq!(printable("\x1b\u{301}", 80), "<1b><u+0301>");
    }

    #[test]
    fn the_cut_is_visible_and_never_inside_a_mark() {
        assert_eq!(printable("0123456789", 10), "0123456789");
        assert_eq!(printable("0123456789x", 10), "01234<cut>");
        assert_eq!(printable("012\x1b456789", 10), "012<cut>");
        assert_eq!(printable("\x1b\x1b\x1b", 10), "<1b><cut>");
        assert_eq!(printable("abcdef", 3), "<cu");
        assert_eq!(printable("abcdef", 0), "");
        assert_eq!(printable_bytes(&[0xff; 1_000_000], 13), "<ff><ff><cut>");
    }

    #[test]
    fn a_broken_sequence_loses_no_byte() {
        assert_eq!(printable_bytes(b"a\xe2\x82z", 80), "a<e2><82>z");
        assert_eq!(printable_bytes(b"\xed\xa0\x80", 80), "<ed><a0><80>", "a surrogate");
        assert_eq!(printable_bytes(b"\xf8\x88\x80\x80\x80", 80), "<f8><88><80><80><80>");
    }

    proptest! {
        #[test]
        fn nothing_hidden_comes_out(text in any::<String>(), max in 0..200_usize) {
            let shown = printable(&text, max);
            prop_assert!(shown.chars().count() <= max);
            prop_assert!(!shown.chars().any(is_hidden), "{shown:?}");
        }

        #[test]
        fn nor_from_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), max in 0..200_usize) {
            let shown = printable_bytes(&bytes, max);
            prop_assert!(shown.chars().count() <= max);
            prop_assert!(!shown.chars().any(is_hidden), "{shown:?}");
        }

        #[test]
        fn visible_json_means_the_same(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let visible = visible_json(&json);
            prop_assert!(!visible.chars().any(is_hidden), "{visible:?}");
            prop_assert_eq!(serde_json::from_str::<String>(&visible).unwrap(), text);
        }

        #[test]
        fn twice_is_once(text in any::<String>()) {
            let once = printable(&text, 10_000);
            prop_assert_eq!(printable(&once, 10_000), once);
        }
    }
}
