//! Takes secrets out of what is recorded. A server may send back what it was sent, and in more than one form.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::target::Secret;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "[hidden]";

/// Shortest form that is looked for in base64 and hexadecimal: shorter ones occur by chance everywhere.
const SHORTEST_FORM: usize = 4;

/// Finds a secret, as it is and in base64, hexadecimal and percent-encoding.
pub struct Scrubber {
    /// The longest first, so that no part of one form is left over by another.
    forms: Vec<Zeroizing<Vec<u8>>>,
}

impl Scrubber {
    /// Knows this secret from now on.
    pub fn new(secret: &Secret) -> Self {
        let bytes = secret.expose().as_bytes();
        let mut forms: Vec<Zeroizing<Vec<u8>>> = vec![Zeroizing::new(bytes.to_vec())];
        for offset in 0..3 {
            for url in [false, true] {
                forms.extend(base64_core(bytes, offset, url));
            }
        }
        let percent = |all: bool, upper: bool| {
            bytes.iter().fold(String::new(), |out, byte| match byte {
                b if !all && (b.is_ascii_alphanumeric() || b"-._~".contains(b)) => {
                    out + &char::from(*b).to_string()
                }
                b if upper => out + &format!("%{b:02X}"),
                b => out + &format!("%{b:02x}"),
            })
        };
        let hex = |upper: bool| {
            bytes.iter().fold(String::new(), |out, b| {
                out + &if upper { format!("{b:02X}") } else { format!("{b:02x}") }
            })
        };
        let others = [
            percent(false, true),
            percent(false, false),
            percent(true, true),
            percent(true, false),
            hex(true),
            hex(false),
        ];
        forms.extend(others.into_iter().map(|form| Zeroizing::new(form.into_bytes())));
        let escaped: String = secret.expose().escape_default().collect();
        forms.push(Zeroizing::new(escaped.into_bytes()));
        let whole = bytes.len();
        forms.retain(|form| !form.is_empty() && (form.len() >= SHORTEST_FORM || form.len() == whole));
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self { forms }
    }

    /// The line with [`HIDDEN`] for every form of the secret. The reply code at its beginning stays: it is the
    /// server's, whatever the secret is.
    pub fn line(&self, line: &[u8]) -> Vec<u8> {
        let code = line.len() >= 3 && line.iter().take(3).all(u8::is_ascii_digit);
        let (head, rest) = line.split_at(if code { line.len().min(4) } else { 0 });
        [head, &self.text(rest)].concat()
    }

    fn text(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.first() {
            match self.forms.iter().find(|form| rest.starts_with(form)) {
                Some(form) => {
                    out.extend_from_slice(HIDDEN.as_bytes());
                    rest = rest.get(form.len()..).unwrap_or_default();
                }
                None => {
                    out.push(*first);
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
        }
        out
    }
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
        assert_eq!(
            scrubbed("hunter2", "235 2.7.0 Authentication successful"),
            "235 2.7.0 Authentication successful"
        );
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
