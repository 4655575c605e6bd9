//! The report for people: the verdict first, then why, the routes, what was found and how to mend it, the settings to
//! type, and the transcript where it is asked for. Its lines are numbered from 1, as on the screen; the JSON report has
//! indexes, which begin with 0.

use crate::event::{ConnectOutcome, Micros, RunEnd};
use crate::guide::headline::{Tone, headline};
use crate::guide::lead;
use crate::guide::path::{mode_word, outcome};
use crate::guide::provider::{self, Provider};
use crate::guide::recommendation::{Recommendation, recommend};
use crate::guide::request::request;
use crate::guide::snippet::{self, Snippet};
use crate::guide::words::{Owner, lower, words_in};
use crate::report::command::command;
use crate::report::json::connect;
use crate::report::page::{Page, Style, cut};
use crate::session::transcript::{From, Layer};
use crate::session::{Finding, Line, Outcome, Route, Session, Severity};
use crate::target::{Goal, TlsMode};

pub use crate::report::page::ascii;

/// How the text is to look.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Columns of a line.
    pub columns: usize,
    /// ANSI colours and bold.
    pub colour: bool,
    /// ASCII characters only.
    pub ascii: bool,
    /// The transcript too.
    pub transcript: bool,
    /// The verdict alone, for the normal screen after the terminal interface.
    pub brief: bool,
    /// Whose settings are shown.
    pub settings: Settings,
}

/// Whose settings a report shows.
#[derive(Clone, Copy, Debug, Default)]
pub enum Settings {
    /// Some that are used much.
    #[default]
    Usual,
    /// All that are known.
    All,
    /// One program's.
    Of(&'static Snippet),
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            columns: 80,
            colour: false,
            ascii: false,
            transcript: false,
            brief: false,
            settings: Settings::Usual,
        }
    }
}

/// How many programs' settings are shown where none were asked for.
const USUAL: usize = 3;

/// Most findings of a brief report.
const BRIEF: usize = 6;

/// Lines of evidence quoted under a finding.
const QUOTED: usize = 3;

/// The report.
pub fn text(session: &Session, options: &TextOptions) -> String {
    let mut page = Page::new(*options);
    verdict(&mut page, session);
    message(&mut page, session);
    routes(&mut page, session);
    findings(&mut page, session);
    if !options.brief {
        ask(&mut page, session);
        let relays = session.started().is_some_and(|started| started.goal == Goal::Relay);
        if let Some(found) = recommend(session).filter(|_| !relays) {
            settings(&mut page, session, &found);
        }
        if options.transcript {
            transcript(&mut page, session);
        }
    }
    again(&mut page, session);
    page.finish()
}

fn verdict(page: &mut Page, session: &Session) {
    let found = headline(session);
    let style = match found.tone {
        Tone::Good => Style::Good,
        Tone::Fix => Style::Care,
        Tone::Bad => Style::Bad,
        Tone::Neutral => Style::Bold,
    };
    let sentence = page.styled(&found.text, style);
    page.line(&sentence);
    if session.ended() == Some(RunEnd::DeadlineReached) {
        page.paragraph("  ", "The time for the whole run was up before everything was tried (--max-time).");
    }
    let recommended = recommend(session);
    let lead = match (&recommended, session.started()) {
        (Some(found), _) => {
            let auth = match found.auth.as_slice() {
                [] => String::new(),
                auth => format!(", sign in with {}", auth.join(" or ")),
            };
            // The sentence above has port and mode.
            Some(format!("on {}{auth}", found.host))
        }
        (None, Some(started)) if found.tone == Tone::Bad && started.malformed.is_none() => {
            Some(format!("{}, asked from {}", started.host, vantage(&started.vantage)))
        }
        _ => None,
    };
    if let Some(lead) = lead {
        page.paragraph("  ", &lead);
    }
    // On the screen that was just left the reasons could be read; what stays must fit one, and the routes say why.
    let told_by_routes = page.options.brief && session.routes().len() > 1 && found.tone != Tone::Neutral;
    for why in found.why.iter().filter(|_| !told_by_routes) {
        page.paragraph(if found.tone == Tone::Neutral { "  " } else { "  - " }, why);
    }
}

/// Whether the probe showed what the error message was taken for.
fn message(page: &mut Page, session: &Session) {
    let Some(judged) = lead::judge(session) else { return };
    page.heading("The error message");
    if let Some(supposed) = judged.supposed {
        page.paragraph("  ", &format!("Supposed: {}.", lower(supposed)));
    }
    page.paragraph("  ", &judged.says.join(" "));
}

fn routes(page: &mut Page, session: &Session) {
    if session.routes().is_empty() {
        return;
    }
    page.heading("Routes");
    let marks = if page.options.ascii { ["+", ".", "x"] } else { ["✓", "·", "✗"] };
    let mut rows = Vec::new();
    for route in session.routes() {
        let (mark, style) = match route.outcome {
            Outcome::Works => (marks[0], Style::Good),
            Outcome::NotTried => (marks[1], Style::Dim),
            _ => (marks[2], Style::Bad),
        };
        let cells = vec![
            mark.to_owned(),
            place(session, route),
            mode_word(route.tls).to_owned(),
            outcome(route.outcome),
            detail(session, route),
        ];
        rows.push((cells, Some(style)));
    }
    page.table("  ", &rows);
    for route in session.routes().iter().filter(|route| is_mixed(route)) {
        let attempts: Vec<String> = route.attempts.iter().map(attempt).collect();
        page.paragraph(&format!("    {}: ", place(session, route)), &attempts.join(", "));
    }
}

/// Whether the routes lead to more than one host.
pub(super) fn lead_to_several(session: &Session) -> bool {
    session.routes().windows(2).any(|pair| pair[0].host != pair[1].host)
}

/// The port of a route; with its host where the routes lead to several.
fn place(session: &Session, route: &Route) -> String {
    if lead_to_several(session) { format!("{} {}", route.port, route.host) } else { route.port.to_string() }
}

/// What else there is to say of a route, in a few words.
fn detail(session: &Session, route: &Route) -> String {
    let limit = |pick: fn(&crate::event::Limits) -> u64| {
        let ms = session.started().map_or(0, |started| pick(&started.limits));
        format!("{} s", ms.div_ceil(1000))
    };
    let mut detail = match route.outcome {
        Outcome::Works => {
            let version = route.session.as_ref().map(|tls| tls.version.replace("TLSv", "TLS "));
            let time = route.timing.total.map(ms);
            let signed_in = route.submission.as_ref().and_then(|done| done.auth.as_ref());
            let signed_in = signed_in.filter(|told| told.accepted).map(|_| "signed in".to_owned());
            [version, time, signed_in].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Outcome::Filtered => format!("no answer within {}", limit(|limits| limits.connect_ms)),
        Outcome::Refused => "nobody listens, or a firewall rejects".to_owned(),
        Outcome::Unreachable => match route.attempts.iter().find_map(|attempt| attempt.outcome.as_ref()) {
            Some(outcome) => connect(outcome).1.unwrap_or_default(),
            None => String::new(),
        },
        Outcome::Closed => "closes before it greets".to_owned(),
        Outcome::Silent => format!("connects, no word within {}", limit(|limits| limits.reply_ms)),
        Outcome::NotSmtp => "something else answers".to_owned(),
        Outcome::Rejected => "turns this client away".to_owned(),
        Outcome::ModeMismatch => "speaks the other TLS mode".to_owned(),
        Outcome::NoStarttls => "does not offer STARTTLS".to_owned(),
        Outcome::StarttlsRefused => "offers STARTTLS, then refuses it".to_owned(),
        Outcome::Interrupted => "stops in the middle".to_owned(),
        Outcome::TlsFailed => "the handshake fails".to_owned(),
        Outcome::CertInvalid => "the certificate does not verify".to_owned(),
        Outcome::AuthFailed => "the credentials are not accepted".to_owned(),
        Outcome::NotTried => String::new(),
    };
    let works = route.rounds.iter().filter(|round| round.outcome == Outcome::Works).count();
    if route.rounds.len() > 1 {
        let blank = if detail.is_empty() { "" } else { ", " };
        detail.push_str(&format!("{blank}works {works} of {} times", route.rounds.len()));
    }
    detail
}

/// True where the addresses of a route do not all fare alike.
fn is_mixed(route: &Route) -> bool {
    let connected = |outcome: &Option<ConnectOutcome>| matches!(outcome, Some(ConnectOutcome::Connected));
    let good = route.attempts.iter().filter(|attempt| connected(&attempt.outcome)).count();
    good > 0 && good < route.attempts.len()
}

fn attempt(attempt: &crate::session::route::Attempt) -> String {
    let word = attempt.outcome.as_ref().map_or("cancelled", |outcome| connect(outcome).0);
    format!("{} {word}", attempt.endpoint.host())
}

/// Cut, not rounded, as the screen and the transcript's lines have it.
fn ms(time: Micros) -> String {
    match time.0 {
        0..1_000 => "<1 ms".to_owned(),
        micros => format!("{} ms", micros / 1_000),
    }
}

fn findings(page: &mut Page, session: &Session) {
    if session.findings().is_empty() {
        return;
    }
    page.heading("What was found");
    if page.options.brief {
        let causes = || session.findings().iter().filter(|finding| finding.follows.is_none());
        for finding in causes().take(BRIEF) {
            let first = format!("  {}: ", label(finding.severity));
            let summary = format!("{} ({})", words_in(session, finding).summary, finding.code);
            page.styled_paragraph(&first, &summary, Some(severity_style(finding.severity)));
        }
        if let Some(more) = causes().count().checked_sub(BRIEF).filter(|more| *more > 0) {
            page.line(&format!("  and {more} more"));
        }
        return;
    }
    for (index, finding) in session.findings().iter().enumerate() {
        if finding.follows.is_some() {
            follower(page, session, index);
            continue;
        }
        let meaning = words_in(session, finding).explanation;
        let told = session.findings().iter().take(index).any(|earlier| {
            earlier.code == finding.code
                && earlier.follows.is_none()
                && words_in(session, earlier).explanation == meaning
        });
        one_finding(page, session, finding, told);
    }
}

/// What only follows from the finding before it: one sentence, and where it is seen.
fn follower(page: &mut Page, session: &Session, index: usize) {
    let all = session.findings();
    let Some(finding) = all.get(index) else { return };
    let before = index.checked_sub(1).and_then(|index| all.get(index));
    if before.is_none_or(|before| before.follows.is_none()) {
        page.line("    What follows from it:");
    }
    let summary = words_in(session, finding).summary;
    page.paragraph("      - ", &format!("{summary} ({}, {})", finding.code, lines_of(finding)));
}

/// The lines that show a finding, by the numbers with which the transcript is printed.
pub fn lines_of(finding: &Finding) -> String {
    let numbers: Vec<String> = finding.evidence.iter().map(|index| number(*index).to_string()).collect();
    let word = if numbers.len() == 1 { "line" } else { "lines" };
    format!("{word} {}", numbers.join(", "))
}

/// The number of a transcript line for people, who count from 1.
pub fn number(index: usize) -> usize {
    index.saturating_add(1)
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Error => Style::Bad,
        Severity::Warning => Style::Care,
        Severity::Info => Style::Bold,
    }
}

/// What to ask, of whom, to be pasted.
fn ask(page: &mut Page, session: &Session) {
    let Some(found) = request(session) else { return };
    page.heading(&format!("What to ask, of {}", found.to));
    for line in found.text.lines() {
        page.paragraph("  ", line);
    }
}

/// The word for a severity.
pub fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// `told`: the same code stands above, for another port; what it means need not be read twice.
fn one_finding(page: &mut Page, session: &Session, finding: &Finding, told: bool) {
    let words = words_in(session, finding);
    page.line("");
    let first = format!("  {}: ", label(finding.severity));
    let summary = format!("{} ({})", words.summary, finding.code);
    page.styled_paragraph(&first, &summary, Some(severity_style(finding.severity)));
    if !told {
        page.paragraph("    ", &words.explanation);
    }
    let lines = session.transcript().lines();
    for index in finding.evidence.iter().take(QUOTED) {
        if let Some(line) = lines.get(*index) {
            let quote = format!("    Seen: line {}: {}", number(*index), one_line(line));
            let quote = cut(&quote, page.columns(), page.options.ascii);
            page.line(&quote);
        }
    }
    if finding.evidence.len() > QUOTED {
        let more = finding.evidence.len() - QUOTED;
        page.line(&format!("    Seen: {more} more {}", if more == 1 { "line" } else { "lines" }));
    }
    if told {
        page.line("    What to do: as above");
        return;
    }
    page.paragraph("    What to do: ", &words.fix);
    page.paragraph("    Who can: ", owner(words.owner));
    if let Some(confirm) = &words.confirm {
        // A command is to be copied: it is never wrapped.
        page.line(&format!("    Confirm by hand: {confirm}"));
    }
    if let Some(reference) = &words.reference {
        page.paragraph("    Source: ", reference);
    }
}

/// A transcript line as a quotation: direction and text.
fn one_line(line: &Line) -> String {
    format!("{} {}", arrow(line), line.text)
}

/// Who can mend it, in words.
pub fn owner(owner: Owner) -> &'static str {
    match owner {
        Owner::You => "you, here: settings, credentials or this machine",
        Owner::Network => "whoever runs the network between here and the server",
        Owner::Host => "the hosting company or access provider of this machine",
        Owner::Server => "whoever runs the mail server",
        Owner::Provider => "the mail provider",
        Owner::Zone => "whoever runs the domain in DNS",
    }
}

/// Where the probes left from, in words.
pub fn vantage(vantage: &str) -> &str {
    if vantage == "local" { "this machine" } else { vantage }
}

fn settings(page: &mut Page, session: &Session, found: &Recommendation) {
    page.heading("What to type");
    let rows = [
        ("host", found.host.clone()),
        ("port", found.port.to_string()),
        ("encryption", mode_names(found.tls).to_owned()),
    ];
    for (name, value) in rows {
        page.paragraph(&format!("  {name:<11}"), &value);
    }
    if let Some(provider) = provider_of(session) {
        sign_in(page, provider);
    }
    let shown: Vec<&Snippet> = match page.options.settings {
        Settings::Of(snippet) => vec![snippet],
        Settings::All => snippet::all().iter().collect(),
        Settings::Usual => snippet::all().iter().take(USUAL).collect(),
    };
    for snippet in shown {
        let filled = snippet.fill(&found.host, found.port, found.tls);
        if filled.is_empty() {
            continue;
        }
        page.line("");
        let name = page.styled(&snippet.name, Style::Bold);
        page.line(&format!("  {name}"));
        for line in filled.lines() {
            page.line(&format!("    {line}"));
        }
    }
    if matches!(page.options.settings, Settings::Usual) && found.tls != TlsMode::None {
        let others: Vec<&str> = snippet::all().iter().skip(USUAL).map(|other| other.id.as_str()).collect();
        page.line("");
        page.paragraph("  Others, with --settings NAME: ", &others.join(", "));
    }
}

/// The provider of the host, where the table knows it.
fn provider_of(session: &Session) -> Option<&'static Provider> {
    let started = session.started()?;
    started.provider.as_deref().and_then(provider::by_id).or_else(|| provider::by_host(&started.host))
}

fn sign_in(page: &mut Page, provider: &Provider) {
    let name = format!("{} (checked {})", provider.name, provider.checked);
    page.paragraph("  provider   ", &name);
    for (label, value) in
        [("user name", &provider.username), ("password", &provider.secret), ("note", &provider.note)]
    {
        if let Some(value) = value {
            page.paragraph(&format!("  {label:<11}"), value);
        }
    }
}

/// What clients call the mode. They use "SSL" and "TLS" for opposite things, so both words are said.
pub fn mode_names(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Starttls => "STARTTLS (in many programs: \"TLS\")",
        TlsMode::Implicit => "implicit TLS (in many programs: \"SSL\" or \"SSL/TLS\")",
        TlsMode::None => "no encryption",
    }
}

fn transcript(page: &mut Page, session: &Session) {
    page.heading("Transcript");
    for (index, line) in session.transcript().lines().iter().enumerate() {
        let text = transcript_line(line);
        let number = page.styled(&format!("{:>4}", number(index)), Style::Dim);
        page.line(&format!("{number} {text}"));
    }
}

fn arrow(line: &Line) -> &'static str {
    match (line.from, line.layer) {
        (From::Client, Layer::Tls) => "⇒",
        (From::Server, Layer::Tls) => "⇐",
        (From::Client, _) => "→",
        (From::Server, _) => "←",
        (From::Probe, _) => "·",
    }
}

/// One line of the transcript: time, port, lock, arrow, text.
pub fn transcript_line(line: &Line) -> String {
    let port = line.port.map(|port| port.to_string()).unwrap_or_default();
    let lock = if line.encrypted { "*" } else { " " };
    format!("{:>8.3} {port:>5} {lock}{} {}", line.at.as_ms() / 1000.0, arrow(line), line.text)
}

/// The call that makes the same walk again, with every line of the exchange.
fn again(page: &mut Page, session: &Session) {
    let Some(call) = command(session) else { return };
    page.line("");
    let text = if page.options.brief {
        format!("All of it again, with every line: {call} --transcript")
    } else if page.options.transcript {
        format!("Again: {call} --transcript")
    } else {
        format!("Every line of the exchange: {call} --transcript")
    };
    let text = page.styled(&text, Style::Dim);
    page.line(&text);
}

#[cfg(test)]
mod tests;
