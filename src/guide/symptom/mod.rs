//! What an error text from an application means: the causes that fit it, best first, and where the walk should start.
//!
//! Pure: reads `assets/symptoms.toml` and the text it is given. The text is somebody else's and may be hostile: what is
//! read of it is bounded, and nothing of it is passed on but host, port and mode.
//!
//! ```
//! use ehlo::guide::symptom::{Settings, explain};
//!
//! let found = explain("530 5.7.0 Must issue a STARTTLS command first", &Settings::default());
//! assert_eq!(found.causes[0].code, "auth-before-starttls-required");
//! assert!(found.decided);
//! ```

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::target::{Goal, RouteSpec, TlsMode};

mod book;
mod clean;
mod code;
mod delivery;
mod doubt;
mod page;
mod phrase;
mod rank;
mod settings;
mod words;

pub use book::{Book, Cause};
pub use clean::without_escapes;
pub use doubt::Doubt;
pub use page::{Kind, Page, PagePart, page};
pub use settings::{Settings, mode_of_words};
pub use words::{NOTHING, OPEN, Words};

use book::Depth;
use clean::Clean;

/// Share of all weight from which a cause is certain, and from which it is likely.
const CERTAIN: f64 = 0.85;
const LIKELY: f64 = 0.5;

/// Least share that is worth a line, and most lines.
const LEAST: f64 = 0.04;
const MOST: usize = 5;

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It fits, as others do.
    Possible,
    /// It fits better than all others together.
    Likely,
    /// The text settles it.
    Certain,
}

impl Confidence {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// A cause that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// Its id.
    pub code: String,
    /// How sure it is.
    pub confidence: Confidence,
}

/// What a text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the text settles the cause.
    pub decided: bool,
    /// The causes that fit, best first.
    pub causes: Vec<Ranked>,
    /// What is known of the application's settings.
    pub settings: Settings,
    /// The step of the tree to start at.
    pub start_at: String,
    /// What decides between the causes.
    pub decides: Option<String>,
    /// Why the words are not taken at face value.
    pub doubt: Option<Doubt>,
    /// Who writes such words: programs, libraries, servers. They may be several.
    pub writers: Vec<String>,
    /// What the walk is for.
    pub goal: Goal,
    /// The recipients' domain, where the text is of a server that delivers to it by itself.
    pub domain: Option<String>,
    /// The symptoms found, by id.
    pub symptoms: Vec<String>,
    /// Whether the causes come from the text's single words, as no signature knows its wording.
    pub by_words: bool,
}

/// The book that is built in; a test proves that it can be read.
static BOOK: LazyLock<Book> = LazyLock::new(|| Book::read(SYMPTOMS, WORDS).unwrap_or_default());

const SYMPTOMS: &str = include_str!("../../../assets/symptoms.toml");
const WORDS: &str = include_str!("../../../assets/words.toml");

/// The book that is built in.
pub fn book() -> &'static Book {
    &BOOK
}

/// Names the causes of an error text. `given` are the application's settings, as far as they are known besides.
pub fn explain(text: &str, given: &Settings) -> Explanation {
    book().explain(text, given)
}

impl Book {
    /// The text made plain, and what signatures know of it.
    fn case(&self, text: &str, given: &Settings) -> (Clean, rank::Case<'_>) {
        let clean = Clean::of(text);
        let codes = code::codes(&clean.lines);
        let settings = given.clone().or(settings::found(&clean.lines));
        let case = rank::case(self, &clean, &codes, settings, given.host.is_some());
        (clean, case)
    }

    /// The words of a text by which `assets/words.toml` is learned.
    pub fn words(&self, text: &str, given: &Settings) -> BTreeSet<String> {
        let (clean, case) = self.case(text, given);
        words::words(&clean.flat.text, &case)
    }

    /// Names the causes of an error text by this book.
    pub fn explain(&self, text: &str, given: &Settings) -> Explanation {
        let (clean, case) = self.case(text, given);
        let doubt = doubt::doubt(&clean, given);
        let depth = case.depth();
        let found = case.weigh();
        let certain = found.first().filter(|first| first.share >= CERTAIN && depth == Some(Depth::Telling));
        let certain = certain.map(|first| first.cause);
        // What a signature named stays named, also where the words speak for others.
        let named: BTreeSet<&str> =
            found.iter().filter(|one| one.share >= LEAST).map(|one| one.cause).collect();
        let said = self.words.say(&words::words(&clean.flat.text, &case));
        let weighed = if depth.is_none() && doubt.is_some() { found } else { said.join(found, depth) };
        let mut causes: Vec<Ranked> = Vec::new();
        let worth = |one: &&rank::Weighed<'_>| one.share >= LEAST || named.contains(one.cause);
        for found in weighed.iter().filter(worth).take(MOST) {
            let settled = certain == Some(found.cause) && !said.contradicts(found.cause);
            let confidence = match (found.share, causes.is_empty(), doubt) {
                (_, _, Some(Doubt::Foreign)) => Confidence::Possible,
                (_, true, None) if settled => Confidence::Certain,
                (share, true, _) if share >= LIKELY && depth.is_some() => Confidence::Likely,
                _ => Confidence::Possible,
            };
            causes.push(Ranked { code: found.cause.to_owned(), confidence });
        }
        let first = causes.first().and_then(|first| self.cause(&first.code));
        let start_at = start(first, &case.settings);
        let domain = delivery::domain(&clean.lines, &case.settings);
        Explanation {
            decided: causes.first().is_some_and(|first| first.confidence == Confidence::Certain),
            goal: delivery::goal(first, domain.as_deref()),
            domain,
            start_at,
            decides: case.decides().map(str::to_owned),
            doubt,
            writers: case.writers(),
            symptoms: case.symptoms.keys().map(|id| (*id).to_owned()).collect(),
            by_words: depth.is_none() && !causes.is_empty(),
            settings: case.settings,
            causes,
        }
    }
}

/// The step to start at. Where the mode is the fault, the route in the right mode; where nothing is known, the top.
fn start(cause: Option<&Cause>, settings: &Settings) -> String {
    let Some(cause) = cause else { return "host".to_owned() };
    if cause.start != "route" {
        return cause.start.clone();
    }
    route(cause, settings)
        .map_or_else(|| "host".to_owned(), |route| format!("route-{}-{}", route.port, route.tls))
}

/// The port in the mode that a cause of the wrong mode asks for.
fn route(cause: &Cause, settings: &Settings) -> Option<RouteSpec> {
    let usual = |tls| if tls == TlsMode::Implicit { 465 } else { 587 };
    let tls = cause.mode?;
    Some(RouteSpec { port: settings.port.unwrap_or_else(|| usual(tls)), tls })
}

impl Explanation {
    /// Nothing is known but the settings.
    fn empty(settings: Settings) -> Self {
        Self {
            decided: false,
            causes: Vec::new(),
            start_at: "host".to_owned(),
            settings,
            decides: None,
            doubt: None,
            writers: Vec::new(),
            goal: Goal::default(),
            domain: None,
            symptoms: Vec::new(),
            by_words: false,
        }
    }

    /// The route to try first, where one can be named.
    pub fn route(&self) -> Option<RouteSpec> {
        let named =
            self.start_at.strip_prefix("route-").and_then(|route| route.replace('-', "/").parse().ok());
        let tls = self.settings.tls.filter(|tls| *tls != TlsMode::None);
        let known = |port| RouteSpec { port, tls: tls.unwrap_or_else(|| TlsMode::usual_for(port)) };
        named.or_else(|| self.settings.port.map(known))
    }
}

#[cfg(test)]
mod tests;
