//! The glossary as a book to look things up in: what a code, a keyword, a command or a mechanism is, without a line that
//! shows it.

use super::{Draft, Note, entry, fill};
use crate::wire::enhanced::EnhancedCode;

/// What a section says, for the reader: `As a reply to AUTH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it may be met; empty where that makes no difference.
    pub heading: &'static str,
    /// What it means there.
    pub note: Note,
}

/// The replies to commands, in the order of a dialogue.
const REPLIES: [(&str, &str); 9] = [
    ("reply", ""),
    ("reply-none", "Unasked"),
    ("reply-ehlo", "As a reply to EHLO"),
    ("reply-starttls", "As a reply to STARTTLS"),
    ("reply-auth", "As a reply to AUTH"),
    ("reply-mail", "As a reply to MAIL"),
    ("reply-rcpt", "As a reply to RCPT"),
    ("reply-data", "As a reply to the message"),
    ("reply-quit", "As a reply to QUIT"),
];

/// What a reply code means, in general and after each command. Empty for a number that is no reply code.
pub fn reply_code(code: u16) -> Vec<Part> {
    if !(200..600).contains(&code) || code % 100 > 59 {
        return Vec::new();
    }
    let digits = code.to_string();
    let class = format!("{}yz", code / 100);
    let mut parts = Vec::new();
    for (section, heading) in REPLIES {
        let keys: &[&str] = if heading.is_empty() { &[&digits, &class] } else { &[&digits] };
        parts.extend(part(section, keys, heading, &[("code", &digits)]));
    }
    parts
}

/// What an enhanced status code means.
pub fn enhanced_code(code: EnhancedCode) -> Option<Note> {
    let mut draft = Draft::default();
    super::smtp::detail(&mut draft, code);
    draft.finish()
}

/// What a word of the dialogue means: a capability, a command, a mechanism of signing in. Empty where it is none.
pub fn keyword(word: &str) -> Vec<Part> {
    let word = word.to_ascii_uppercase();
    // The keys in small letters are no words of the dialogue.
    if word.is_empty() || word.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Vec::new();
    }
    let facts = [
        ("mechanisms", "the mechanisms it names"),
        ("mechanism", "the one it names"),
        ("about", "see there"),
        ("argument", "our name"),
        ("keyword", word.as_str()),
        ("parameters", "what it lists"),
    ];
    let bare = format!("{word}-bare");
    let mut parts = Vec::new();
    let capability: &[&str] = if word == "AUTH" { &[&word] } else { &[&bare, &word] };
    parts.extend(part("capability", capability, "As a capability of the server", &facts));
    parts.extend(part("command", &[&bare, &word], "As a command of the client", &facts));
    if let Some(mechanism) = entry("mechanism", &word) {
        let note =
            Note { text: format!("{word}: {}.", mechanism.text), reference: mechanism.reference.clone() };
        parts.push(Part { heading: "As a way to sign in", note });
    }
    parts
}

fn part(section: &str, keys: &[&str], heading: &'static str, facts: &[(&str, &str)]) -> Option<Part> {
    let found = keys.iter().find_map(|key| entry(section, key))?;
    let mut text = String::new();
    fill(&mut text, &found.text, facts);
    Some(Part { heading, note: Note { text, reference: found.reference.clone() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_they_mean_after_each_command() {
        let parts = reply_code(535);
        assert_eq!(parts[0].heading, "");
        assert!(parts.iter().any(|part| part.heading == "As a reply to AUTH"));
        assert!(reply_code(599).is_empty() && reply_code(111).is_empty() && reply_code(1000).is_empty());
        // A code of no register still has its class.
        assert_eq!(reply_code(559).len(), 1);
    }

    #[test]
    fn no_page_shows_a_gap() {
        let words = [
            "STARTTLS", "AUTH", "size", "LIMITS", "BURL", "EHLO", "HELO", "MAIL", "PLAIN", "xoauth2",
            "X-EXPS", "DSN", "QUIT",
        ];
        for word in words {
            let parts = keyword(word);
            assert!(!parts.is_empty(), "{word}");
            for part in parts {
                assert!(!part.note.text.contains(['{', '}']), "{word}: {}", part.note.text);
            }
        }
        for word in ["", "unknown", "other", "masked", "message-line", "host", "name"] {
            assert!(keyword(word).is_empty(), "{word}");
        }
        for code in 200..600 {
            assert!(reply_code(code).iter().all(|part| !part.note.text.contains('{')), "{code}");
        }
    }
}
