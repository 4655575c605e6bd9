//! MTA-STS: the record that announces a policy, and the policy itself (RFC 8461 §3).
//!
//! ```
//! use ehlo::wire::mta_sts::{Mode, policy};
//! let policy = policy(b"version: STSv1\nmode: enforce\nmx: *.example.net\nmax_age: 604800\n").unwrap();
//! assert_eq!(policy.mode, Mode::Enforce);
//! assert!(policy.allows("mx1.example.net") && !policy.allows("a.mx1.example.net"));
//! ```

use crate::wire::printable::printable;
use crate::wire::tags::Tags;

/// Largest policy that is read, in octets (RFC 8461 §3.3 suggests this limit).
pub const MAX_POLICY: usize = 64 * 1024;

/// Most patterns of a policy that are kept.
const MAX_PATTERNS: usize = 256;

/// Longest lifetime in seconds: about a year (RFC 8461 §3.2).
const MAX_AGE: u64 = 31_557_600;

/// What senders shall do where the policy is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not deliver.
    Enforce,
    /// Deliver, and report.
    Testing,
    /// Nothing: the policy is withdrawn.
    None,
}

impl Mode {
    /// As it stands in the policy.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What senders shall do.
    pub mode: Mode,
    /// Names of the exchangers that are meant; `*.` stands for exactly one label.
    pub mx: Vec<String>,
    /// Seconds.
    pub max_age: u64,
}

impl Policy {
    /// True where the exchanger is one of those that are meant (RFC 8461 §4.1).
    pub fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.mx.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent)),
            None => host.eq_ignore_ascii_case(pattern),
        })
    }
}

/// True where a TXT record announces a policy (RFC 8461 §3.1).
pub fn is_record(text: &str) -> bool {
    let rest = text.strip_prefix("v=STSv1");
    rest.is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(';'))
}

/// The id in the record that announces a policy.
///
/// # Errors
/// In a few words what is wrong with it.
pub fn announced(text: &str) -> Result<String, String> {
    if !is_record(text) {
        return Err("it does not begin with v=STSv1;".to_owned());
    }
    let tags = Tags::read(text);
    match tags.get("id") {
        Some(id) if (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Ok(id.to_owned())
        }
        Some(_) => Err("its id is not 1 to 32 letters and digits".to_owned()),
        None => Err("it has no id".to_owned()),
    }
}

/// Reads a policy (RFC 8461 §3.2).
///
/// # Errors
/// In a few words why senders ignore it.
pub fn policy(bytes: &[u8]) -> Result<Policy, String> {
    if bytes.len() > MAX_POLICY {
        return Err(format!("it is longer than {} KiB", MAX_POLICY / 1024));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let (mut version, mut mode, mut max_age) = (None, None, None);
    let mut mx = Vec::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let Some((field, value)) = line.split_once(':') else {
            return Err(format!("the line \"{}\" is no field: value", printable(line, 60)));
        };
        let value = value.trim();
        // Where a field stands twice, the first holds (RFC 8461 §3.2).
        match field.trim_end() {
            "version" => _ = version.get_or_insert(value),
            "mode" => _ = mode.get_or_insert(value),
            "max_age" => _ = max_age.get_or_insert(value),
            "mx" if mx.len() < MAX_PATTERNS => mx.push(pattern(value)?),
            _ => {}
        }
    }
    if version != Some("STSv1") {
        return Err("its version is not STSv1".to_owned());
    }
    let mode = match mode {
        Some("enforce") => Mode::Enforce,
        Some("testing") => Mode::Testing,
        Some("none") => Mode::None,
        Some(other) => return Err(format!("its mode \"{}\" is unknown", printable(other, 40))),
        None => return Err("it has no mode".to_owned()),
    };
    let seconds = max_age.and_then(|text| text.parse::<u64>().ok()).filter(|seconds| *seconds <= MAX_AGE);
    let max_age = seconds.ok_or("its max_age is not a number of seconds up to a year")?;
    if mx.is_empty() && mode != Mode::None {
        return Err("it names no mx".to_owned());
    }
    Ok(Policy { mode, mx, max_age })
}

fn pattern(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let good = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    let good = good && !name.starts_with('.') && !name.contains("..");
    if good {
        Ok(text.trim_end_matches('.').to_ascii_lowercase())
    } else {
        Err(format!("the mx \"{}\" is not a host name", printable(text, 60)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 8461 §3.2.
    const EXAMPLE: &str = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n\
                           mx: backupmx.example.com\r\nmax_age: 604800\r\n";

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(announced("v=STSv1; id=20160831085700Z;").unwrap(), "20160831085700Z");
        let policy = policy(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((policy.mode, policy.max_age, policy.mx.len()), (Mode::Enforce, 604_800, 3));
        assert!(policy.allows("MAIL.example.com.") && policy.allows("mx1.example.net"));
        assert!(
            !policy.allows("example.net") && !policy.allows("a.b.example.net") && !policy.allows("x.example")
        );
    }

    #[test]
    fn what_senders_ignore() {
        for text in ["v=STSv1", "v=STSv10; id=1", "id=1; v=STSv1;"] {
            assert!(!is_record(text), "{text}");
        }
        assert!(announced("v=STSv1; id=a-b;").is_err());
        assert!(announced("v=STSv1;").is_err());
        let broken = |from: &str, to: &str| policy(EXAMPLE.replace(from, to).as_bytes()).unwrap_err();
        assert!(broken("STSv1", "STSv2").contains("version"));
        assert!(broken("enforce", "Enforce").contains("mode"));
        assert!(broken("604800", "99999999").contains("max_age"));
        assert!(broken("mx: ", "mx ").contains("no field"));
        assert!(broken("*.example.net", "*").contains("mx"));
        assert!(policy(b"version: STSv1\nmode: enforce\nmax_age: 1\n").unwrap_err().contains("names no mx"));
        assert!(policy(b"version: STSv1\nmode: none\nmax_age: 1\n").is_ok());
        assert!(policy(&vec![b'a'; MAX_POLICY + 1]).is_err());
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,100}") {
            let _ = policy(&bytes);
            let _ = policy(format!("version: STSv1\n{text}").as_bytes());
            let _ = announced(&format!("v=STSv1;{text}"));
        }
    }
}
