//! The words that the recommendation has in the user's own software: `assets/snippets.toml`.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::target::TlsMode;

/// One program's settings.
#[derive(Clone, Debug, Deserialize)]
pub struct Snippet {
    /// `python-smtplib`.
    pub id: String,
    /// `Python, smtplib`.
    pub name: String,
    /// Settings with `{host}` and `{port}`, for STARTTLS.
    pub starttls: String,
    /// The same for implicit TLS.
    pub implicit: String,
}

#[derive(Deserialize)]
struct File {
    snippet: Vec<Snippet>,
}

/// All snippets, the most usual first.
pub fn all() -> &'static [Snippet] {
    static ALL: OnceLock<Vec<Snippet>> = OnceLock::new();
    // A test proves that the file can be read.
    ALL.get_or_init(|| {
        toml::from_str::<File>(include_str!("../../assets/snippets.toml"))
            .map(|file| file.snippet)
            .unwrap_or_default()
    })
}

/// The snippet with this id.
pub fn by_id(id: &str) -> Option<&'static Snippet> {
    all().iter().find(|snippet| snippet.id == id)
}

impl Snippet {
    /// The settings with host and port filled in. Where there is no TLS there is nothing that should be typed.
    pub fn fill(&self, host: &str, port: u16, tls: TlsMode) -> String {
        let text = match tls {
            TlsMode::Starttls => &self.starttls,
            TlsMode::Implicit => &self.implicit,
            TlsMode::None => return String::new(),
        };
        text.trim_end().replace("{host}", host).replace("{port}", &port.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_snippet_is_whole() {
        assert!(all().len() >= 12);
        let ids: BTreeSet<_> = all().iter().map(|snippet| &snippet.id).collect();
        assert_eq!(ids.len(), all().len());
        for snippet in all() {
            for (tls, port) in [(TlsMode::Starttls, 587), (TlsMode::Implicit, 465)] {
                let text = snippet.fill("smtp.example.com", port, tls);
                assert!(
                    text.contains("smtp.example.com") && text.contains(&port.to_string()),
                    "{}",
                    snippet.id
                );
                assert!(!text.contains("{host}") && !text.contains("{port}"), "{}", snippet.id);
                assert!(text.lines().all(|line| line.len() <= 76), "{} is too wide", snippet.id);
            }
            assert_ne!(snippet.starttls, snippet.implicit, "{}", snippet.id);
        }
    }
}
