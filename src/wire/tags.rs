//! Lists of `tag=value`, as DKIM keys, DMARC and MTA-STS records are written (RFC 6376 §3.2, RFC 9989 §4.7).
//!
//! Values are given as they stand; what a tag means is the affair of its record.

/// Most tags of one record that are read.
const MAX_TAGS: usize = 64;

/// The tags of a record, in order, names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Name and value.
    pub list: Vec<(String, String)>,
    /// Parts that are no `tag=value`.
    pub broken: Vec<String>,
}

impl Tags {
    /// Reads a list. Nothing is refused: what is no tag is kept as broken.
    pub fn read(text: &str) -> Self {
        let mut tags = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()).take(MAX_TAGS) {
            match part.split_once('=') {
                Some((name, value)) if is_name(name.trim()) => {
                    tags.list.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
                _ => tags.broken.push(part.to_owned()),
            }
        }
        tags
    }

    /// The value of a tag; the first where it stands twice.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.list.iter().find(|(tag, _)| tag == name).map(|(_, value)| value.as_str())
    }

    /// A tag that stands more than once.
    pub fn twice(&self) -> Option<&str> {
        let mut tags = self.list.iter().enumerate();
        tags.find(|(at, (name, _))| self.list.iter().skip(at + 1).any(|(other, _)| other == name))
            .map(|(_, (name, _))| name.as_str())
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_in_order_and_what_is_none() {
        let tags = Tags::read(" v=DKIM1 ; P = ab=c;; junk; p=2");
        assert_eq!(tags.get("p"), Some("ab=c"));
        assert_eq!(tags.list.first().map(|(name, _)| name.as_str()), Some("v"));
        assert_eq!((tags.broken.as_slice(), tags.twice()), (&["junk".to_owned()][..], Some("p")));
    }
}
