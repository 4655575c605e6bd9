//! `assets/symptoms.toml`, read: causes, places, symptoms and their signs.
//!
//! A *sign* is a wording of one client, library or server. Signs that say the same are one *symptom*. A symptom says
//! which *causes* it may have, with weights out of about a hundred, and on which settings or other symptoms they depend.

use serde::Deserialize;

use super::phrase::Phrase;
use super::words::Words;
use crate::target::{Goal, TlsMode};

/// The book of symptoms.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// What may be wrong.
    pub(super) cause: Vec<Cause>,
    /// Hosts that belong together.
    pub(super) place: Vec<Place>,
    /// What a text may show.
    pub(super) symptom: Vec<Symptom>,
    /// What single words say.
    #[serde(skip)]
    pub(super) words: Words,
}

/// A cause, for the reader.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Its id.
    pub code: String,
    /// In one line, without a full stop.
    pub title: String,
    /// What happens.
    pub why: String,
    /// What to do.
    pub fix: String,
    /// What tells it from its neighbours.
    pub decides: String,
    /// The step of the tree to start at; `route` where it is a port and a mode.
    pub start: String,
    /// The finding codes that show it, besides one of its own name.
    #[serde(default)]
    pub found: Vec<String>,
    /// The mode in which the walk should begin, where the cause is the wrong one.
    #[serde(default)]
    pub mode: Option<TlsMode>,
    /// The goal of the walk.
    #[serde(default)]
    pub goal: Goal,
}

/// Hosts that belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// `gmail`.
    pub(super) id: String,
    /// Host names, or the ends of them after a full stop.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// Words in a description given as host.
    #[serde(default)]
    pub(super) words: Vec<Phrase>,
    /// Words in a text that only this place writes.
    #[serde(default)]
    pub(super) marks: Vec<Phrase>,
    /// First octets of its addresses, as in `52.96.`.
    #[serde(default)]
    pub(super) networks: Vec<String>,
    /// False for a place where submission servers do not stand, such as MX hosts.
    #[serde(default = "yes")]
    pub(super) provider: bool,
}

fn yes() -> bool {
    true
}

/// How much a symptom says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Depth {
    /// Nothing alone; others may depend on it.
    Hint,
    /// The outermost message: counts only where nothing else was found.
    Wrapper,
    /// Words of a family, where no exact wording is known: counts beside a bare code, and where nothing else was found.
    Loose,
    /// What follows from another fault, or a bare code.
    Faint,
    /// An error, whose cause is open.
    Plain,
    /// The error itself, in words that name the cause.
    Telling,
}

/// What a text may show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Symptom {
    /// Its id, for conditions.
    pub(super) id: String,
    /// How much it says.
    pub(super) depth: Depth,
    /// What decides between its causes.
    #[serde(default)]
    pub(super) decides: Option<String>,
    /// Symptoms that count for nothing beside this one.
    #[serde(default)]
    pub(super) hides: Vec<String>,
    /// Its causes.
    #[serde(default)]
    pub(super) means: Vec<Meaning>,
    /// Its wordings.
    pub(super) signs: Vec<Sign>,
}

/// A wording.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sign {
    /// Who writes it, as it stands behind `words like these come from`.
    pub(super) from: String,
    /// One of these phrases is in the text.
    #[serde(default)]
    pub(super) say: Vec<Phrase>,
    /// And one of these.
    #[serde(default)]
    pub(super) and: Vec<Phrase>,
    /// And none of these.
    #[serde(default)]
    pub(super) not: Vec<Phrase>,
    /// And one of these reply codes or enhanced codes.
    #[serde(default)]
    pub(super) code: Vec<String>,
    /// And it is said of one of these places, or of such a host.
    #[serde(default)]
    pub(super) host: Vec<String>,
}

/// `cause weight if port=465 host!=loopback tls=none with=refused`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Meaning {
    pub(super) cause: String,
    pub(super) weight: u32,
    pub(super) conditions: Vec<Condition>,
}

/// What a meaning depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) subject: Subject,
    /// True where one of the values must hold, false where none may.
    pub(super) holds: bool,
    pub(super) values: Vec<String>,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Port,
    Host,
    Tls,
    With,
}

impl TryFrom<String> for Meaning {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what} in the meaning '{text}'");
        let mut words = text.split_ascii_whitespace();
        let cause = words.next().ok_or_else(|| wrong("no cause"))?.to_owned();
        let weight = words.next().and_then(|w| w.parse().ok()).ok_or_else(|| wrong("no weight"))?;
        let conditions = match words.next() {
            None => Vec::new(),
            Some("if") => {
                words.map(|w| condition(w).ok_or_else(|| wrong("no condition"))).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(wrong("no 'if'")),
        };
        Ok(Self { cause, weight, conditions })
    }
}

fn condition(text: &str) -> Option<Condition> {
    let (subject, values) = text.split_once('=')?;
    let (subject, holds) = subject.strip_suffix('!').map_or((subject, true), |subject| (subject, false));
    let subject = match subject {
        "port" => Subject::Port,
        "host" => Subject::Host,
        "tls" => Subject::Tls,
        "with" => Subject::With,
        _ => return None,
    };
    Some(Condition { subject, holds, values: values.split(',').map(str::to_owned).collect() })
}

impl Book {
    /// Reads a book: `assets/symptoms.toml`, and `assets/words.toml`.
    ///
    /// # Errors
    /// Where a text is no such file: a line that says what is wrong.
    pub fn read(symptoms: &str, words: &str) -> Result<Self, String> {
        let book: Self = toml::from_str(symptoms).map_err(|error| error.to_string())?;
        Ok(Self { words: Words::read(words)?, ..book })
    }

    /// A cause by its id.
    pub fn cause(&self, code: &str) -> Option<&Cause> {
        self.cause.iter().find(|cause| cause.code == code)
    }

    /// All causes, in the order of the book.
    pub fn causes(&self) -> &[Cause] {
        &self.cause
    }
}
