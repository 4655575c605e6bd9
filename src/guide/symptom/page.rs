//! What a single word is: a reply code, an enhanced status code, a keyword of the dialogue, a finding or a cause.

use super::{Cause, Confidence, Explanation, Ranked, Settings, book, start};
use crate::guide::glossary::lookup::{self, Part};
use crate::guide::{provider, tree, words};
use crate::wire::enhanced::EnhancedCode;

/// A page about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it is about: `535`, `STARTTLS`, `cert-expired`.
    pub subject: String,
    /// What kind of thing that is.
    pub kind: Kind,
    /// In one sentence, where it has one.
    pub summary: Option<String>,
    /// What it means, by where it is met.
    pub parts: Vec<PagePart>,
    /// What to do.
    pub fix: Option<String>,
    /// The cause of this name, where the book of symptoms has one.
    pub cause: Option<&'static Cause>,
}

/// The kinds of things with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `535`.
    ReplyCode,
    /// `5.7.8`.
    EnhancedCode,
    /// `STARTTLS`.
    Keyword,
    /// `cert-expired`, as a report says it.
    Finding,
    /// The same, as an explanation says it.
    Cause,
    /// `providers`.
    List,
}

impl Kind {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReplyCode => "reply code",
            Self::EnhancedCode => "enhanced status code",
            Self::Keyword => "keyword",
            Self::Finding => "finding",
            Self::Cause => "cause",
            Self::List => "list",
        }
    }
}

impl Page {
    /// What a program is told about it: a cause of this name is certain, a code alone never is.
    pub fn explanation(&self) -> Explanation {
        self.explanation_with(Settings::default())
    }

    /// The same with the application's settings.
    pub fn explanation_with(&self, settings: Settings) -> Explanation {
        let mut found = match self.kind {
            Kind::ReplyCode | Kind::EnhancedCode => book().explain(&self.subject, &settings),
            Kind::Keyword | Kind::Finding | Kind::Cause | Kind::List => Explanation::empty(settings),
        };
        found.decided = false;
        for cause in &mut found.causes {
            cause.confidence = Confidence::Possible;
        }
        if let Some(cause) = self.cause {
            found.decided = true;
            found.causes = vec![Ranked { code: cause.code.clone(), confidence: Confidence::Certain }];
            found.start_at = start(Some(cause), &found.settings);
            found.goal = cause.goal;
        } else if self.kind == Kind::Keyword {
            let step = match self.subject.as_str() {
                "STARTTLS" => "starttls",
                "MAIL" | "RCPT" | "DATA" | "SIZE" | "DSN" | "8BITMIME" | "SMTPUTF8" | "CHUNKING" => {
                    "envelope"
                }
                "AUTH" => "sign-in",
                subject if step_of(subject).is_some() => step_of(subject).map_or("host", |step| &step.id),
                _ if self.parts.iter().any(|part| part.heading == "As a way to sign in") => "sign-in",
                _ => "ehlo",
            };
            step.clone_into(&mut found.start_at);
        }
        found
    }
}

/// A paragraph of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePart {
    /// Where it may be met; may be empty.
    pub heading: &'static str,
    /// What it means there.
    pub text: String,
    /// RFC and section.
    pub reference: Option<String>,
}

impl From<Part> for PagePart {
    fn from(part: Part) -> Self {
        Self { heading: part.heading, text: part.note.text, reference: part.note.reference }
    }
}

/// The page about a text that is one thing and nothing else: a word, or `535 5.7.8`.
pub fn page(text: &str) -> Option<Page> {
    let text = text.trim().trim_end_matches(['.', ':', ',']);
    let number = text.strip_prefix("port ").or_else(|| text.strip_prefix("Port "));
    if let Some(page) = number.and_then(|number| step(number.trim())) {
        return Some(page);
    }
    let mut words = text.split([' ', '-']).filter(|word| !word.is_empty());
    if let (Some(code), Some(detail), None) = (words.next(), words.next(), words.next())
        && let (Some(mut page), Some(detail)) =
            (reply(code), EnhancedCode::parse(detail).filter(|_| is_enhanced(detail)))
    {
        page.subject = format!("{code} {detail}");
        page.parts.insert(1.min(page.parts.len()), about(detail)?);
        return Some(page);
    }
    word(text)
}

fn word(text: &str) -> Option<Page> {
    if text.is_empty() || text.len() > 64 || text.contains(char::is_whitespace) {
        return None;
    }
    reply(text)
        .or_else(|| enhanced(text))
        .or_else(|| finding(text))
        .or_else(|| keyword(text))
        .or_else(|| step(text))
        .or_else(|| providers(text))
}

/// Ports and records that people ask about by name, and the step of the tree that teaches them.
const TAUGHT: [(&str, &str); 11] = [
    ("587", "route-587-starttls"),
    ("465", "route-465-implicit"),
    ("2525", "route-2525-starttls"),
    ("25", "route-25-starttls"),
    ("MX", "mx"),
    ("PTR", "reverse"),
    ("SPF", "spf"),
    ("DKIM", "dkim"),
    ("DMARC", "dmarc"),
    ("DANE", "dane"),
    ("MTA-STS", "mta-sts"),
];

fn step_of(subject: &str) -> Option<&'static tree::Step> {
    let (_, id) = TAUGHT.iter().find(|(name, _)| *name == subject)?;
    tree::tree().step(id)
}

fn step(text: &str) -> Option<Page> {
    let subject = text.to_ascii_uppercase();
    let step = step_of(&subject)?;
    let part = |text: &str, reference| PagePart { heading: "", text: text.trim().to_owned(), reference };
    let reference = Some(step.reference.clone()).filter(|reference| !reference.is_empty());
    let parts = vec![part(&step.why, None), part(&step.lesson, reference)];
    Some(Page { parts, ..bare(&subject, Kind::Keyword) })
}

/// The ids that can be a target.
fn providers(text: &str) -> Option<Page> {
    if !text.eq_ignore_ascii_case("providers") {
        return None;
    }
    let part = |provider: &provider::Provider| PagePart {
        heading: "",
        text: format!("{}: {}", provider.id, provider.name),
        reference: None,
    };
    Some(Page {
        summary: Some(
            "Each of these ids can stand in place of a host, as in: ehlo check sendgrid.".to_owned(),
        ),
        parts: provider::all().iter().map(part).collect(),
        ..bare("providers", Kind::List)
    })
}

fn bare(subject: &str, kind: Kind) -> Page {
    Page { subject: subject.to_owned(), kind, summary: None, parts: Vec::new(), fix: None, cause: None }
}

fn reply(text: &str) -> Option<Page> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = lookup::reply_code(text.parse().ok().filter(|_| digits)?);
    (!parts.is_empty()).then(|| Page {
        parts: parts.into_iter().map(PagePart::from).collect(),
        ..bare(text, Kind::ReplyCode)
    })
}

fn is_enhanced(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn about(code: EnhancedCode) -> Option<PagePart> {
    let note = lookup::enhanced_code(code)?;
    Some(PagePart { heading: "", text: note.text, reference: note.reference })
}

fn enhanced(text: &str) -> Option<Page> {
    let code = EnhancedCode::parse(text).filter(|_| is_enhanced(text))?;
    Some(Page { parts: vec![about(code)?], ..bare(text, Kind::EnhancedCode) })
}

fn finding(text: &str) -> Option<Page> {
    let code = text.to_ascii_lowercase();
    let cause = book().cause(&code);
    if let Some(words) = words::page(&code) {
        let part = PagePart { heading: "", text: words.explanation, reference: words.reference };
        return Some(Page {
            summary: Some(words.summary),
            parts: vec![part],
            fix: Some(words.fix),
            cause,
            ..bare(&code, Kind::Finding)
        });
    }
    let cause = cause?;
    Some(Page {
        summary: Some(format!("{}.", cause.title)),
        parts: vec![PagePart { heading: "", text: cause.why.clone(), reference: None }],
        fix: Some(cause.fix.clone()),
        cause: Some(cause),
        ..bare(&code, Kind::Cause)
    })
}

fn keyword(text: &str) -> Option<Page> {
    let parts = lookup::keyword(text);
    (!parts.is_empty()).then(|| Page {
        parts: parts.into_iter().map(PagePart::from).collect(),
        ..bare(&text.to_ascii_uppercase(), Kind::Keyword)
    })
}
