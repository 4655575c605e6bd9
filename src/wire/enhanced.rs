//! Enhanced status codes (RFC 3463), such as `5.7.8`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// class.subject.detail
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EnhancedCode {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl EnhancedCode {
    /// Reads one from the beginning of a reply's text; `None` where there is none.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.split_ascii_whitespace().next()?;
        let mut parts = word.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || !matches!(class, "2" | "4" | "5") {
            return None;
        }
        let number = |part: &str| {
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        };
        Some(Self { class: class.parse().ok()?, subject: number(subject)?, detail: number(detail)? })
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_stands_first() {
        assert_eq!(EnhancedCode::parse("5.7.8 Bad").map(|c| c.to_string()), Some("5.7.8".into()));
        assert_eq!(EnhancedCode::parse("5.7.139"), Some(EnhancedCode { class: 5, subject: 7, detail: 139 }));
        for not in ["", "3.0.0", "5.7", "5.7.8.9", "5.7.1000", "mx 2.0.0", "5..1", "5.+7.1"] {
            assert_eq!(EnhancedCode::parse(not), None, "{not}");
        }
    }
}
