//! Takes secrets out of what is recorded. A server may send back what it was sent, and in more than one form.
//!
//! Texts are compared without case, blanks and signs, across the lines of a reply: `H-U-N`, `hun ter` and a line break
//! in the middle hide nothing from it. What a server makes of a secret with a cipher of its own, nobody finds.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::target::Secret;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "[hidden]";

/// Shortest form that is looked for in base64 and hexadecimal: shorter ones occur by chance everywhere.
const SHORTEST_FORM: usize = 4;

/// Shortest text that is looked for without case, blanks and signs, for the same reason.
const SHORTEST_FOLDED: usize = 6;

/// Shortest piece of a secret that is hidden where the rest of it is missing.
const SHORTEST_PIECE: usize = 8;

/// Longest secret whose pieces are all looked for; of a longer one those that begin at every so many characters.
const ALL_PIECES: usize = 64;

/// Most secrets that are remembered; a session signs in once, unless the user types another password.
const MAX_SECRETS: usize = 16;

/// The alphabet of base32 (RFC 4648 §6).
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Finds secrets: as they are, reversed, in base64 (once and twice), base32, hexadecimal, octal and decimal numbers,
/// percent-encoding, quoted-printable and UTF-16; and most of one where the rest is missing.
#[derive(Default)]
pub struct Scrubber {
    /// Looked for as they are; the longest first, so that no part of one form is left over by another.
    exact: Vec<Zeroizing<Vec<u8>>>,
    /// Looked for without case, blanks and signs.
    folded: Vec<Zeroizing<Vec<u8>>>,
    secrets: usize,
}

impl Scrubber {
    /// Knows this secret from now on.
    pub fn new(secret: &Secret) -> Self {
        let mut scrubber = Self::default();
        scrubber.learn(secret);
        scrubber
    }

    /// Knows this secret too.
    pub fn learn(&mut self, secret: &Secret) {
        if self.secrets >= MAX_SECRETS {
            return;
        }
        self.secrets += 1;
        let text = secret.expose();
        let bytes = text.as_bytes();
        let mut forms = forms(bytes);
        forms.push(Zeroizing::new(text.escape_default().collect::<String>().into_bytes()));
        for wide in [u16::to_le_bytes, u16::to_be_bytes] {
            let wide = Zeroizing::new(text.encode_utf16().flat_map(wide).collect::<Vec<u8>>());
            forms.extend(base64_cores(&wide));
            forms.push(hex(&wide));
        }
        self.folded.extend(forms.iter().map(|form| fold(form)).filter(|form| form.len() >= SHORTEST_FOLDED));
        self.folded.extend(pieces(&fold(bytes)));
        self.exact.push(Zeroizing::new(bytes.to_vec()));
        self.exact.extend(forms.into_iter().filter(|form| form.len() >= SHORTEST_FORM));
        self.sort();
    }

    /// Knows what was said of a secret, of which a listener could guess it: a line of AUTH as it went over the wire.
    pub fn learn_said(&mut self, line: &[u8]) {
        let word = line.trim_ascii_end().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        let Ok(said) = STANDARD.decode(word).map(Zeroizing::new) else { return };
        // The digest of CRAM-MD5 stands behind the user name, the proof of SCRAM behind the nonce.
        let digest = said.rsplit(|byte| *byte == b' ' || *byte == b',').next().unwrap_or_default();
        for form in [word, digest, digest.strip_prefix(b"p=").unwrap_or_default()] {
            let folded = fold(form);
            if folded.len() >= 2 * SHORTEST_PIECE {
                self.folded.extend(pieces(&folded));
                self.folded.push(folded);
            }
        }
        self.sort();
    }

    /// True where no secret is known.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    fn sort(&mut self) {
        for forms in [&mut self.exact, &mut self.folded] {
            forms.retain(|form| !form.is_empty());
            forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            forms.dedup();
        }
    }

    /// The lines with [`HIDDEN`] for every form of a secret, also where it begins in one line and ends in another. The
    /// reply code at the beginning of each stays: it is the server's, whatever the secret is.
    pub fn lines(&self, lines: &[u8]) -> Vec<u8> {
        self.hide(lines, true)
    }

    /// The same for what is no reply of SMTP, so that nothing at the beginning of a line is a code.
    pub fn text(&self, text: &[u8]) -> Vec<u8> {
        self.hide(text, false)
    }

    fn hide(&self, lines: &[u8], codes: bool) -> Vec<u8> {
        let mut hidden = vec![false; lines.len()];
        let mut folded = Vec::new();
        let mut places = Vec::new();
        let mut begin = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let code = codes && line.len() >= 3 && line.iter().take(3).all(u8::is_ascii_digit);
            // Behind a code stands a blank or a hyphen; whatever else does, belongs to what is said.
            let separated = matches!(line.get(3), Some(b' ' | b'-'));
            let head = if code { 3 + usize::from(separated) } else { 0 };
            let (text, at) = (line.get(head..).unwrap_or_default(), begin + head);
            mark(text, &self.exact, |from, to| fill(&mut hidden, at + from, at + to));
            let words = text.iter().enumerate().skip(if codes { enhanced_code(text) } else { 0 });
            for (index, byte) in words.filter(|(_, byte)| is_letter(**byte)) {
                folded.push(byte.to_ascii_lowercase());
                places.push(at + index);
            }
            begin += line.len();
        }
        mark(&folded, &self.folded, |from, to| {
            for line in runs(lines, places.get(from..to).unwrap_or_default()) {
                fill(&mut hidden, line.0, line.1);
            }
        });
        let mut out = Vec::with_capacity(lines.len());
        let mut before = false;
        for (byte, hide) in lines.iter().zip(hidden) {
            match (hide, before) {
                (true, false) => out.extend_from_slice(HIDDEN.as_bytes()),
                (true, true) => {}
                (false, _) => out.push(*byte),
            }
            before = hide;
        }
        out
    }

    /// The same for one line.
    pub fn line(&self, line: &[u8]) -> Vec<u8> {
        self.lines(line)
    }
}

/// Where one of the forms begins and ends, the longest at each place.
fn mark(text: &[u8], forms: &[Zeroizing<Vec<u8>>], mut found: impl FnMut(usize, usize)) {
    // One bit for each byte that a form begins with: most places are none.
    let mut firsts = [false; 256];
    for form in forms {
        if let Some(first) = form.first() {
            firsts[usize::from(*first)] = true;
        }
    }
    for (at, byte) in text.iter().enumerate() {
        if !firsts[usize::from(*byte)] {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        if let Some(form) = forms.iter().find(|form| rest.starts_with(form)) {
            found(at, at + form.len());
        }
    }
}

fn fill(hidden: &mut [bool], from: usize, to: usize) {
    if let Some(part) = hidden.get_mut(from..to) {
        part.fill(true);
    }
}

/// The stretches that these places make, one for each line: from the first of them to behind the last.
fn runs(text: &[u8], places: &[usize]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &place in places {
        match runs.last_mut() {
            Some((_, end)) if !text.get(*end..place).unwrap_or_default().contains(&b'\n') => *end = place + 1,
            _ => runs.push((place, place + 1)),
        }
    }
    runs
}

/// Octets of an enhanced code at the beginning: it stands in every line of a reply (RFC 2034 §4), so that a secret that goes
/// on in the next line goes on behind it.
fn enhanced_code(text: &[u8]) -> usize {
    let end = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let dots = text.iter().take(end).filter(|byte| **byte == b'.').count();
    if dots == 2 && text.get(end) == Some(&b' ') { end } else { 0 }
}

/// True for what counts when texts are compared without blanks and signs. The bytes of letters outside ASCII count.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

fn fold(text: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.iter().filter(|byte| is_letter(**byte)).map(u8::to_ascii_lowercase).collect())
}

/// Three quarters of a text, from every place on; of a long one pieces that any longer piece holds one of.
fn pieces(text: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let (length, step) = match text.len() {
        ..=SHORTEST_PIECE => return Vec::new(),
        whole @ ..=ALL_PIECES => ((whole - whole / 4).max(SHORTEST_PIECE), 1),
        _ => (2 * SHORTEST_PIECE, 2 * SHORTEST_PIECE),
    };
    text.windows(length).step_by(step).map(|piece| Zeroizing::new(piece.to_vec())).collect()
}

/// What a server may make of bytes that it was told.
fn forms(bytes: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let number = |say: &dyn Fn(u8) -> String| {
        Zeroizing::new(bytes.iter().fold(String::new(), |out, byte| out + &say(*byte)).into_bytes())
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut forms = vec![
        Zeroizing::new(bytes.to_vec()),
        Zeroizing::new(bytes.iter().rev().copied().collect()),
        base32(bytes),
        hex(bytes),
        number(&|byte| format!("{byte:02X}")),
        // Of a backslash, a percent sign or an ampersand only what is a letter or a digit counts.
        number(&|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }),
        number(&|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }),
        number(&|byte| format!("%{byte:02X}")),
        number(&|byte| format!("%{byte:02x}")),
        number(&|byte| format!("\\x{byte:02x}")),
        number(&|byte| format!("\\u{byte:04x}")),
        number(&|byte| format!("\\{byte:03o}")),
        number(&|byte| format!("&#{byte};")),
        number(&|byte| format!("&#{byte:03};")),
    ];
    for once in base64_cores(bytes) {
        forms.extend(base64_cores(&once));
        forms.push(once);
    }
    forms
}

fn hex(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = bytes.iter().fold(String::new(), |out, byte| out + &format!("{byte:02x}"));
    Zeroizing::new(text.into_bytes())
}

/// RFC 4648 §6, as far as the bytes alone decide it, and without padding.
fn base32(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() * 2));
    for byte in bytes {
        bits = (bits << 8 | u32::from(*byte)) & 0xffff;
        held += 8;
        while held >= 5 {
            held -= 5;
            out.extend(BASE32.get((bits >> held & 31) as usize));
        }
    }
    out
}

fn base64_cores(bytes: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let ways = (0..3).flat_map(|offset| [(offset, false), (offset, true)]);
    ways.filter_map(|(offset, url)| base64_core(bytes, offset, url)).collect()
}

/// The characters of the base64 of something that holds these bytes `offset` behind a multiple of three, as far as
/// the bytes alone decide them.
fn base64_core(bytes: &[u8], offset: usize, url: bool) -> Option<Zeroizing<Vec<u8>>> {
    let engine = if url { URL_SAFE_NO_PAD } else { STANDARD_NO_PAD };
    let padded = Zeroizing::new([&[0_u8; 2][..offset.min(2)], bytes].concat());
    let text = Zeroizing::new(engine.encode(&*padded).into_bytes());
    // The characters that bits of a neighbour take part in.
    let start = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    let core = text.get(start..end)?;
    (core.len() >= SHORTEST_FORM).then(|| Zeroizing::new(core.to_vec()))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn scrubbed(secret: &str, line: &str) -> String {
        let scrubber = Scrubber::new(&Secret::new(secret.to_owned()));
        String::from_utf8_lossy(&scrubber.line(line.as_bytes())).into_owned()
    }

    #[test]
    fn every_form_is_found() {
        assert_eq!(scrubbed("hunter2", "535 no such password: hunter2!"), "535 no such password: [hidden]!");
        assert_eq!(scrubbed("a b/c", "535 a%20b%2Fc and a%20b%2fc"), "535 [hidden] and [hidden]");
        assert_eq!(scrubbed("hunter2", "535 68756e74657232"), "535 [hidden]");
        for before in ["", "x", "xy", "\0ann\0"] {
            for behind in ["", "z", "zz"] {
                let echo = STANDARD.encode(format!("{before}correct horse{behind}"));
                let left = scrubbed("correct horse", &format!("334 {echo}"));
                assert!(left.contains(HIDDEN), "{before:?} {behind:?}: {left}");
                assert!(left.len() <= 4 + HIDDEN.len() + 14, "{left}");
            }
        }
    }

    #[test]
    fn a_secret_that_looks_like_a_code_leaves_the_code_alone() {
        assert_eq!(scrubbed("535", "535 5.7.8 535"), "535 5.7.8 [hidden]");
        assert_eq!(scrubbed("a", "250-mars"), "250-m[hidden]rs");
        assert_eq!(scrubbed("hunTer2Geheim.", "535hunTer2Geheim."), "535[hidden]");
        assert_eq!(
            scrubbed("hunter2", "235 2.7.0 Authentication successful"),
            "235 2.7.0 Authentication successful"
        );
    }

    #[test]
    fn a_text_has_no_codes() {
        let scrubber = Scrubber::new(&Secret::new("123 horses".to_owned()));
        for said in [&b"123 horses"[..], b"123 horses\nno horses", b"so\n123-horses"] {
            let left = String::from_utf8_lossy(&scrubber.text(said)).into_owned();
            assert!(left.contains(HIDDEN) && !left.contains("123"), "{left}");
        }
    }

    #[test]
    fn other_clothes_do_not_help() {
        let secret = "hunTer2Geheim.x9";
        for echo in [
            "HUNTER2GEHEIM.X9",
            "h u n T e r 2 G e h e i m . x 9",
            "9x.mieheG2reTnuh",
            "68 75 6e 54 65 72 32 47 65 68 65 69 6D 2E 78 39",
            "\\x68\\x75\\x6e\\x54\\x65\\x72\\x32\\x47\\x65\\x68\\x65\\x69\\x6d\\x2e\\x78\\x39",
            "&#104;&#117;&#110;&#84;&#101;&#114;&#50;&#71;&#101;&#104;&#101;&#105;&#109;&#46;&#120;&#57;",
            "=68=75=6E=54=65=72=32=47=65=68=65=69=6D=2E=78=39",
            "hunTer2Geheim=2Ex9",
            "NB2W4VDFOIZEOZLIMVUW2LTYHE======",
            "YUhWdVZHVnlNa2RsYUdWcGJTNTRPUT09",
            "aAB1AG4AVABlAHIAMgBHAGUAaABlAGkAbQAuAHgAOQA=",
            "h\0u\0n\0T\0e\0r\x002\0G\0e\0h\0e\0i\0m\0.\0x\x009\0",
            "unTer2Geheim.x9",
            "hunTer2Geheim.x",
        ] {
            let left = scrubbed(secret, &format!("535 {echo}"));
            assert!(left.starts_with("535 ") && left.contains(HIDDEN), "{echo}: {left}");
            assert!(left.len() <= 4 + HIDDEN.len() + 10, "{echo}: {left}");
        }
        // What a password has in common with ordinary words stays: the sentence is evidence.
        assert_eq!(
            scrubbed("password123", "535 Username and Password not accepted"),
            "535 Username and Password not accepted"
        );
    }

    #[test]
    fn a_secret_over_two_lines_is_one() {
        assert_eq!(
            scrubbed("hunTer2Geheim.x9", "535-5.7.8 you said hunTer2\r\n535 5.7.8 Geheim.x9, did you?\r\n"),
            "535-5.7.8 you said [hidden]\r\n535 5.7.8 [hidden], did you?\r\n"
        );
    }

    #[test]
    fn a_proof_sent_back_is_hidden_too() {
        let mut scrubber = Scrubber::new(&Secret::new("tanstaaftanstaaf".into()));
        // RFC 2195 §2.
        scrubber.learn_said(b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n");
        let left = scrubber.lines(b"535-dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n535 tim b913a602c7eda7a495b4e6e7334d3890\r\n");
        assert_eq!(String::from_utf8_lossy(&left), "535-[hidden]\r\n535 tim [hidden]\r\n");
    }

    #[test]
    fn a_long_token_is_found_in_pieces_and_a_long_reply_takes_no_time() {
        let token: String =
            (0..8_000_u32).map(|n| char::from(b'a' + u8::try_from(n * n % 97 % 26).unwrap())).collect();
        let scrubber = Scrubber::new(&Secret::new(token.clone()));
        let reply = format!("535 {}\r\n", &token[5..7_000]);
        let left = String::from_utf8_lossy(&scrubber.lines(reply.as_bytes())).into_owned();
        assert!(left.contains(HIDDEN) && left.len() < 100, "{left}");
    }

    proptest! {
        #[test]
        fn nothing_of_it_is_left(secret in "[ -~]{6,40}", before in "[ -~]{0,20}", behind in "[ -~]{0,20}") {
            let scrubber = Scrubber::new(&Secret::new(secret.clone()));
            let plain = format!("535 {before}{secret}{behind}");
            let out = scrubber.line(plain.as_bytes());
            prop_assert!(!String::from_utf8_lossy(&out).replace(HIDDEN, "\0").contains(&secret));
            let echo = format!("334 {}", STANDARD.encode(format!("{before}{secret}{behind}")));
            let out = String::from_utf8_lossy(&scrubber.line(echo.as_bytes())).into_owned();
            prop_assert!(out.contains(HIDDEN), "{out}");
        }
    }
}
