//! What `ehlo explain` prints: text for people, `ehlo-explain/1` for programs.
//!
//! Nothing of the error text itself is repeated: it may hold a password, or bytes that a terminal obeys.

use serde::Serialize;

use super::command::quote;
use super::page::{Page, Style};
use super::text::TextOptions;
use crate::guide::symptom::{self, Confidence, Doubt, Explanation, book};
use crate::guide::tree;
use crate::target::{Goal, Host, RouteSpec, TlsMode};
use crate::wire::printable::{printable, visible_json};

/// The version of this form.
pub const SCHEMA: &str = "ehlo-explain/1";

/// Longest host that is shown, in characters.
const MAX_HOST: usize = 253;

/// Causes that are shown in full where none is certain.
const IN_FULL: usize = 3;

/// The explanation for programs, indented. Fields may be added; none changes its meaning.
pub fn json(found: &Explanation, page: Option<&symptom::Page>) -> String {
    // Serialising these types cannot fail.
    visible_json(&serde_json::to_string_pretty(&report(found, page)).unwrap_or_default())
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    decided: bool,
    causes: Vec<CauseReport<'a>>,
    settings: SettingsReport,
    start_at: &'a str,
    decides: Option<&'a str>,
    doubt: Option<&'static str>,
    written_by: &'a [String],
    next: String,
    page: Option<PageReport<'a>>,
}

#[derive(Debug, Serialize)]
struct CauseReport<'a> {
    code: &'a str,
    confidence: Confidence,
    title: &'a str,
    why: &'a str,
    fix: &'a str,
    decides: &'a str,
}

#[derive(Debug, Serialize)]
struct SettingsReport {
    host: Option<String>,
    port: Option<u16>,
    tls: Option<TlsMode>,
}

#[derive(Debug, Serialize)]
struct PageReport<'a> {
    subject: &'a str,
    kind: &'static str,
    summary: Option<&'a str>,
    parts: Vec<PartReport<'a>>,
    fix: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct PartReport<'a> {
    heading: &'static str,
    text: &'a str,
    reference: Option<&'a str>,
}

fn report<'a>(found: &'a Explanation, page: Option<&'a symptom::Page>) -> Report<'a> {
    let causes = found.causes.iter().filter_map(|ranked| {
        let cause = book().cause(&ranked.code)?;
        Some(CauseReport {
            code: &ranked.code,
            confidence: ranked.confidence,
            title: &cause.title,
            why: &cause.why,
            fix: &cause.fix,
            decides: &cause.decides,
        })
    });
    let part = |part: &'a symptom::PagePart| PartReport {
        heading: part.heading,
        text: &part.text,
        reference: part.reference.as_deref(),
    };
    Report {
        schema: SCHEMA,
        decided: found.decided,
        causes: causes.collect(),
        settings: SettingsReport {
            host: found.settings.host.as_deref().map(|host| printable(host, MAX_HOST)),
            port: found.settings.port,
            tls: found.settings.tls,
        },
        start_at: &found.start_at,
        decides: found.decides.as_deref(),
        doubt: found.doubt.map(|doubt| match doubt {
            Doubt::Foreign => "foreign",
            Doubt::Prose => "prose",
        }),
        written_by: &found.writers,
        next: command(found),
        page: page.map(|page| PageReport {
            subject: &page.subject,
            kind: page.kind.as_str(),
            summary: page.summary.as_deref(),
            parts: page.parts.iter().map(part).collect(),
            fix: page.fix.as_deref(),
        }),
    }
}

/// The call to type next, with the settings filled in; HOST, DOMAIN, NAME and ADDRESS stand for what is not known.
pub fn command(found: &Explanation) -> String {
    command_to(found, None)
}

/// The same to a target that is known besides: it may be more than a host.
pub fn command_to(found: &Explanation, target: Option<&str>) -> String {
    if found.goal != Goal::Submit {
        // A sender's domain is not that of the recipients.
        let known = found.domain.as_deref().filter(|_| found.goal == Goal::Relay);
        let domain = target.or(known).map_or_else(|| "DOMAIN".to_owned(), quote);
        return format!("ehlo check {domain} --goal {}", found.goal.as_str());
    }
    let mut call = match target {
        Some(target) if Host::parse(target).is_err() => to_target(found, target),
        _ => to_host(found, target),
    };
    match found.start_at.as_str() {
        "sign-in" => call.push_str(" --user NAME --ask-password"),
        "envelope" => call.push_str(" --mail-from ADDRESS --rcpt-to ADDRESS"),
        _ => {}
    }
    call
}

/// To a target that is no host, or is one with a port.
fn to_target(found: &Explanation, target: &str) -> String {
    let call = format!("ehlo check {}", quote(target));
    match found.route() {
        Some(route) if route.port == 25 => format!("{call} --all"),
        Some(route) if !matches!(found.start_at.as_str(), "host" | "connect") => {
            format!("{call} --route {route}")
        }
        _ => call,
    }
}

fn to_host(found: &Explanation, host: Option<&str>) -> String {
    let host = host.map(str::to_owned).or_else(|| target_host(found));
    let shown = host.as_deref().unwrap_or("HOST");
    let Some(route) = found.route() else { return format!("ehlo check {}", quote(shown)) };
    // Where the way is blocked, the other ports are what matters.
    if matches!(found.start_at.as_str(), "host" | "connect") && route.port != 25 {
        return format!("ehlo check {}", quote(shown));
    }
    if route.port == 25 {
        return format!("ehlo check {} --all", quote(shown));
    }
    if route.tls == TlsMode::usual_for(route.port) {
        return format!("ehlo check {}", quote(&with_port(shown, route)));
    }
    format!("ehlo check {} --route {route}", quote(shown))
}

fn with_port(host: &str, route: RouteSpec) -> String {
    if host.contains(':') { format!("[{host}]:{}", route.port) } else { format!("{host}:{}", route.port) }
}

/// The host, where it is one that can be looked up.
pub fn target_host(found: &Explanation) -> Option<String> {
    let host = found.settings.host.as_deref()?;
    Host::parse(host).ok().map(|host| host.to_string())
}

/// What the text interface and `ehlo explain` say first.
pub fn headline(found: &Explanation) -> String {
    let first = found.causes.first().and_then(|first| book().cause(&first.code));
    match (first, found.decided) {
        (Some(cause), true) => format!("{}.", cause.title),
        (Some(_), false) if found.causes.len() == 1 => {
            "Cannot tell for sure from this text; probing will. One cause fits.".to_owned()
        }
        (Some(_), false) => {
            "Cannot tell for sure from this text; probing will. What fits, best first:".to_owned()
        }
        (None, _) => "Cannot tell from this text; probing will.".to_owned(),
    }
}

/// Why nothing is certain, or what to do where nothing was found.
pub fn remark(found: &Explanation) -> Option<&'static str> {
    match (found.doubt, found.causes.is_empty()) {
        (Some(Doubt::Foreign), _) => Some(
            "The text seems to be about another service than mail submission: what fits here may not fit there.",
        ),
        (Some(Doubt::Prose), false) => Some(
            "The text reads like prose about errors. Paste the error itself, as the application printed it.",
        ),
        (_, true) => Some(
            "No error that ehlo knows stands in it. Paste the whole message of the application, its log around that \
             time, or switch its debugging on.",
        ),
        (None, false) if found.by_words => {
            Some("ehlo knows no wording of it. By its single words it resembles errors of this kind.")
        }
        (None, false) => None,
    }
}

/// The settings in a sentence.
pub fn settings(found: &Explanation) -> Option<String> {
    let settings = &found.settings;
    let mut parts = Vec::new();
    parts.extend(settings.host.as_deref().map(|host| format!("host {}", printable(host, MAX_HOST))));
    parts.extend(settings.port.map(|port| format!("port {port}")));
    parts.extend(settings.tls.map(|tls| match tls {
        TlsMode::Starttls => "STARTTLS".to_owned(),
        TlsMode::Implicit => "implicit TLS".to_owned(),
        TlsMode::None => "no TLS".to_owned(),
    }));
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What to put in place of the words in capitals of a call.
pub fn placeholders(command: &str) -> Option<String> {
    let has = |word: &str| {
        command.split_whitespace().any(|part| part == word || part.starts_with(&format!("{word}:")))
    };
    let all: Vec<&str> = [
        ("HOST", "the host from your application's settings in place of HOST"),
        ("DOMAIN", "your domain, or the recipients' domain for --goal relay, in place of DOMAIN"),
        ("NAME", "the user name in place of NAME"),
        ("ADDRESS", "the sender and the recipient in place of ADDRESS"),
    ]
    .into_iter()
    .filter_map(|(word, what)| has(word).then_some(what))
    .collect();
    (!all.is_empty()).then(|| format!("with {}", all.join(", ")))
}

/// Who writes such words, in a sentence.
pub fn writers(found: &Explanation) -> Option<String> {
    (!found.writers.is_empty()).then(|| format!("Words like these come from {}.", found.writers.join("; ")))
}

/// The explanation for people.
pub fn text(found: &Explanation, about: Option<&symptom::Page>, options: &TextOptions) -> String {
    let mut page = Page::new(*options);
    match about {
        Some(about) => subject(&mut page, about),
        None => {
            let headline =
                page.styled(&headline(found), if found.decided { Style::Care } else { Style::Bold });
            page.line(&headline);
        }
    }
    if let Some(remark) = remark(found).filter(|_| about.is_none()) {
        page.paragraph("  ", remark);
    }
    let named = about.is_some_and(|about| about.cause.is_some());
    if !named {
        causes(&mut page, found, about.is_some());
    }
    if let Some(settings) = settings(found) {
        page.line("");
        page.paragraph("Settings known: ", &format!("{settings}."));
    }
    if let Some(writers) = writers(found).filter(|_| about.is_none()) {
        page.line("");
        page.paragraph("", &writers);
    }
    next(&mut page, found, about);
    page.finish()
}

fn subject(page: &mut Page, about: &symptom::Page) {
    let title = format!("{} ({})", about.subject, about.kind.as_str());
    let title = page.styled(&title, Style::Bold);
    page.line(&title);
    if let Some(summary) = &about.summary {
        page.paragraph("  ", summary);
    }
    for part in &about.parts {
        let heading = if part.heading.is_empty() { String::new() } else { format!("{}: ", part.heading) };
        let reference = part.reference.as_deref().map(|r| format!(" [{r}]")).unwrap_or_default();
        page.paragraph("  ", &format!("{heading}{}{reference}", part.text));
    }
    if let Some(fix) = &about.fix {
        page.styled_paragraph("  Fix: ", fix, Some(Style::Good));
    }
}

fn causes(page: &mut Page, found: &Explanation, after_page: bool) {
    let known: Vec<(&symptom::Cause, Confidence)> = found
        .causes
        .iter()
        .filter_map(|ranked| Some((book().cause(&ranked.code)?, ranked.confidence)))
        .collect();
    if after_page {
        if !known.is_empty() {
            page.heading("What may be behind it");
        }
        for (cause, _) in &known {
            page.paragraph("  - ", &format!("{}. Shown by: {}", cause.title, cause.decides));
        }
    } else if let Some(((first, _), others)) = known.split_first().filter(|_| found.decided) {
        page.paragraph("  ", &first.why);
        page.styled_paragraph("  Fix: ", &first.fix, Some(Style::Good));
        less_likely(page, others);
    } else {
        for (at, (cause, confidence)) in known.iter().take(IN_FULL).enumerate() {
            page.line("");
            let title = format!("{} ({})", cause.title, confidence.as_str());
            page.styled_paragraph(&format!("{}. ", at + 1), &title, Some(Style::Bold));
            page.paragraph("   ", &cause.why);
            page.styled_paragraph("   Fix: ", &cause.fix, Some(Style::Good));
            page.styled_paragraph("   Shown by: ", &cause.decides, Some(Style::Dim));
        }
        less_likely(page, known.get(IN_FULL..).unwrap_or_default());
    }
    if let Some(decides) = found.decides.as_deref().filter(|_| !found.decided && known.len() > 1) {
        page.heading("What decides");
        page.paragraph("  ", decides);
    }
}

fn less_likely(page: &mut Page, causes: &[(&symptom::Cause, Confidence)]) {
    if !causes.is_empty() {
        let titles: Vec<&str> = causes.iter().map(|(cause, _)| cause.title.as_str()).collect();
        page.line("");
        page.paragraph("Less likely: ", &format!("{}.", titles.join("; ")));
    }
}

fn next(page: &mut Page, found: &Explanation, about: Option<&symptom::Page>) {
    // The page of a code or a keyword is read, not walked.
    if about.is_some() && found.settings.host.is_none() {
        return;
    }
    page.heading(if found.decided { "To confirm it" } else { "To find out" });
    let command = command(found);
    page.line(&format!("  {command}"));
    if let Some(what) = placeholders(&command) {
        page.paragraph("  ", &format!("({what})"));
    }
    page.paragraph("  ", &format!("The step that shows it: {}.", tree::title(&found.start_at)));
}

#[cfg(test)]
mod tests;
