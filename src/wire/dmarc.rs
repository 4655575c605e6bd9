//! DMARC records: what a domain asks of receivers whose checks of SPF and DKIM fail (RFC 9989, which has taken the
//! place of RFC 7489 and RFC 9091).
//!
//! ```
//! use ehlo::wire::dmarc::{Policy, parse};
//! assert_eq!(parse("v=DMARC1; p=reject").unwrap().policy, Policy::Reject);
//! assert!(parse("v=DMARC1; p=block").is_err());
//! ```

use crate::wire::printable::printable;
use crate::wire::tags::Tags;

/// Most questions of one tree walk (RFC 9989 §4.10).
const MAX_WALK: usize = 8;

/// What is asked of receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing but reports.
    None,
    /// Treat it with suspicion: mostly the spam folder.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl Policy {
    fn read(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "quarantine" => Self::Quarantine,
            "reject" => Self::Reject,
            _ => return None,
        })
    }

    /// As it stands in the record.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `p`: for the domain itself.
    pub policy: Policy,
    /// `sp`: for its subdomains, where that is said.
    pub subdomains: Option<Policy>,
    /// `adkim=s`: the signature must be of exactly this domain.
    pub strict_dkim: bool,
    /// `aspf=s`: the envelope sender must be of exactly this domain.
    pub strict_spf: bool,
    /// `t=y`: still being tried out (RFC 9989 §4.7).
    pub testing: bool,
    /// `pct`: the share of failing mail it was meant for, where an older record says less than 100.
    pub percent: Option<u8>,
    /// `psd=n`: where a tree walk ends.
    pub organizational: bool,
    /// Where reports go.
    pub reports: Vec<String>,
}

/// True where a TXT record is a DMARC record: the version tag comes first (RFC 9989 §4.7).
pub fn is_record(text: &str) -> bool {
    let Some((name, rest)) = text.split_once('=') else { return false };
    let value = rest.split(';').next().unwrap_or_default();
    name.trim_end() == "v" && value.trim() == "DMARC1"
}

/// Reads a record.
///
/// # Errors
/// In a few words what makes receivers ignore it.
pub fn parse(text: &str) -> Result<Record, String> {
    if !is_record(text) {
        return Err("it does not begin with v=DMARC1".to_owned());
    }
    let tags = Tags::read(text);
    if let Some(part) = tags.broken.first() {
        return Err(format!("\"{}\" is no tag=value", printable(part, 60)));
    }
    let policy = |tag: &str| match tags.get(tag) {
        None => Ok(None),
        Some(value) => {
            let bad = || format!("{tag}={} is none of none, quarantine, reject", printable(value, 40));
            Policy::read(value).ok_or_else(bad).map(Some)
        }
    };
    let subdomains = policy("sp")?;
    policy("np")?;
    let strict = |tag: &str| tags.get(tag).is_some_and(|value| value.eq_ignore_ascii_case("s"));
    Ok(Record {
        policy: policy("p")?.ok_or("the tag p is missing, which says what receivers shall do")?,
        subdomains,
        strict_dkim: strict("adkim"),
        strict_spf: strict("aspf"),
        testing: tags.get("t").is_some_and(|value| value.eq_ignore_ascii_case("y")),
        percent: tags.get("pct").and_then(|value| value.parse().ok()).filter(|percent| *percent < 100),
        organizational: tags.get("psd").is_some_and(|value| value.eq_ignore_ascii_case("n")),
        reports: tags
            .get("rua")
            .into_iter()
            .flat_map(|value| value.split(','))
            .map(|uri| printable(uri.trim(), 200))
            .filter(|uri| !uri.is_empty())
            .take(16)
            .collect(),
    })
}

/// The names at which a record may stand, the domain's own first, then its parents up to the top (RFC 9989 §4.10).
pub fn tree_walk(domain: &str) -> Vec<String> {
    let labels: Vec<&str> =
        domain.trim_end_matches('.').split('.').filter(|label| !label.is_empty()).collect();
    let mut names = Vec::new();
    let mut from = 0;
    while from < labels.len() && names.len() < MAX_WALK {
        names.push(format!("_dmarc.{}", labels.get(from..).unwrap_or_default().join(".")));
        // A long name is cut to seven labels at the second question.
        from = if from == 0 && labels.len() > MAX_WALK { labels.len() - (MAX_WALK - 1) } else { from + 1 };
    }
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_as_they_are_published() {
        let record = parse("v=DMARC1; p=none; rua=mailto:a@example.com, mailto:b@example.net").unwrap();
        assert_eq!((record.policy, record.reports.len()), (Policy::None, 2));
        let record = parse("v=DMARC1;p=quarantine;sp=reject;adkim=s;aspf=r;pct=50;unknown=x;t=y").unwrap();
        assert_eq!(record.subdomains, Some(Policy::Reject));
        assert!(record.strict_dkim && !record.strict_spf && record.testing);
        assert_eq!(record.percent, Some(50));
    }

    #[test]
    fn what_receivers_ignore() {
        assert!(!is_record("p=none; v=DMARC1"));
        assert!(!is_record("v=DMARC10; p=none"));
        assert!(!is_record("v=dmarc1; p=none"));
        assert!(is_record("v = DMARC1"));
        for (text, why) in [
            ("v=DMARC1", "p is missing"),
            ("v=DMARC1; p=", "p="),
            ("v=DMARC1; p=rejected", "p=rejected"),
            ("v=DMARC1; p=none; sp=all", "sp=all"),
            ("v=DMARC1 p=none", "does not begin"),
            ("v=DMARC1; p=none; rua", "\"rua\""),
        ] {
            assert!(parse(text).unwrap_err().contains(why), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn the_walk_of_rfc_9989() {
        assert_eq!(tree_walk("a.mail.example.com")[1], "_dmarc.mail.example.com");
        assert_eq!(tree_walk("example.com"), ["_dmarc.example.com", "_dmarc.com"]);
        let long = tree_walk("a.b.c.d.e.f.g.h.i.j.mail.example.com");
        assert_eq!(long[0], "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com");
        assert_eq!(long[1], "_dmarc.g.h.i.j.mail.example.com");
        assert_eq!((long.len(), long[7].as_str()), (8, "_dmarc.com"));
    }

    proptest! {
        #[test]
        fn anything_can_be_read(text in ".{0,200}") {
            let _ = parse(&text);
            let _ = parse(&format!("v=DMARC1;{text}"));
            prop_assert!(tree_walk(&text).len() <= 8);
        }
    }
}
