//! The report for people: the verdict first, then why, the routes, what was found and how to mend it, the settings to
//! type, and the transcript where it is asked for.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use crate::event::{Micros, RunEnd};
use crate::guide::path::outcome;
use crate::guide::recommendation::{NO_ROUTE, Recommendation, Status, recommend};
use crate::guide::snippet;
use crate::guide::words::{Owner, words};
use crate::session::transcript::{From, Layer};
use crate::session::{Finding, Line, Outcome, Route, Session, Severity};
use crate::target::TlsMode;

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
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { columns: 80, colour: false, ascii: false, transcript: false, brief: false }
    }
}

/// How many programs' settings are shown.
const SNIPPETS: usize = 4;

/// The report.
pub fn text(session: &Session, options: &TextOptions) -> String {
    let mut page = Page { options: *options, out: String::new() };
    let recommendation = recommend(session);
    verdict(&mut page, session, recommendation.as_ref());
    routes(&mut page, session);
    findings(&mut page, session);
    if let Some(recommendation) = &recommendation {
        settings(&mut page, recommendation);
    }
    if !options.brief {
        if options.transcript {
            transcript(&mut page, session);
        }
        again(&mut page, session);
    }
    if options.ascii { ascii(&page.out) } else { page.out }
}

struct Page {
    options: TextOptions,
    out: String,
}

#[derive(Clone, Copy)]
enum Style {
    Bold,
    Good,
    Bad,
    Dim,
}

impl Page {
    fn styled(&self, text: &str, style: Style) -> String {
        if !self.options.colour {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Good => "1;32",
            Style::Bad => "1;31",
            Style::Dim => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        let text = self.styled(text, Style::Bold);
        self.line(&text);
    }

    /// A paragraph with `first` before its first line and blanks of that width before the others.
    fn paragraph(&mut self, first: &str, text: &str) {
        let blank = " ".repeat(first.width());
        let options = textwrap::Options::new(self.options.columns.max(30))
            .initial_indent(first)
            .subsequent_indent(&blank)
            .break_words(false);
        for line in textwrap::wrap(text, options) {
            self.line(&line);
        }
    }
}

fn verdict(page: &mut Page, session: &Session, recommendation: Option<&Recommendation>) {
    let target = session.started().map(|started| started.host.clone()).unwrap_or_default();
    let sentence = match recommendation {
        Some(found) => match found.status {
            Status::Ready => page.styled(&found.summary, Style::Good),
            Status::AfterFix => {
                let text = format!("{}, after a fix", found.summary);
                page.styled(&text, Style::Bold)
            }
        },
        None => page.styled(no_route(session), Style::Bad),
    };
    page.line(&sentence);
    if session.ended() == Some(RunEnd::DeadlineReached) {
        page.paragraph("  ", "The time for the whole run was up before everything was tried (--max-time).");
    }
    match recommendation {
        Some(found) => {
            let mut facts = vec![found.host.clone()];
            facts.push(match found.tls {
                TlsMode::None => "without TLS".to_owned(),
                TlsMode::Starttls => "STARTTLS".to_owned(),
                TlsMode::Implicit => "implicit TLS".to_owned(),
            });
            if !found.auth.is_empty() {
                facts.push(format!("sign in with {}", found.auth.join(", ")));
            }
            page.paragraph("  ", &facts.join(" · "));
            for reason in &found.reasons {
                page.paragraph("  - ", reason);
            }
            if !found.blockers.is_empty() {
                page.paragraph("  - ", &format!("First mend: {}.", found.blockers.join(", ")));
            }
        }
        None if target.is_empty() || no_route(session) != NO_ROUTE => {}
        None => page.paragraph(
            "  ",
            &format!(
                "None of the ways to {target} that were tried leads to a point where mail can be submitted."
            ),
        ),
    }
}

/// What is said where there is no recommendation: that nothing works is known only once everything was tried.
pub fn no_route(session: &Session) -> &'static str {
    match session.ended() {
        Some(RunEnd::Completed) => NO_ROUTE,
        _ => "No verdict: the run was stopped before its end",
    }
}

fn routes(page: &mut Page, session: &Session) {
    if session.routes().is_empty() {
        return;
    }
    page.heading("Routes");
    let rows: Vec<[String; 5]> = session.routes().iter().map(row).collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    for (row, route) in rows.iter().zip(session.routes()) {
        let mark = match route.outcome {
            Outcome::Works => "✓",
            Outcome::NotTried => "·",
            _ => "✗",
        };
        let mut line = format!("  {mark} ");
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell}{}  ", " ".repeat(width.saturating_sub(cell.width())));
        }
        page.line(&line);
    }
}

fn row(route: &Route) -> [String; 5] {
    let tls = match route.tls {
        TlsMode::Starttls => "STARTTLS",
        TlsMode::Implicit => "implicit TLS",
        TlsMode::None => "no TLS",
    };
    let session = route.session.as_ref().map(|tls| tls.version.replace("TLSv", "TLS ")).unwrap_or_default();
    let time = route.timing.total.filter(|_| route.outcome == Outcome::Works).map(ms).unwrap_or_default();
    [route.port.to_string(), tls.to_owned(), outcome(route.outcome).replace('-', " "), session, time]
}

fn ms(time: Micros) -> String {
    format!("{:.0} ms", time.as_ms())
}

fn findings(page: &mut Page, session: &Session) {
    if session.findings().is_empty() {
        return;
    }
    page.heading("What was found");
    for finding in session.findings() {
        one_finding(page, finding);
    }
}

fn one_finding(page: &mut Page, finding: &Finding) {
    let words = words(finding);
    let label = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    page.line("");
    page.paragraph(&format!("  {label}: "), &format!("{} ({})", words.summary, finding.code));
    if page.options.brief {
        page.paragraph("    What to do: ", &words.fix);
        return;
    }
    page.paragraph("    ", &words.explanation);
    page.paragraph("    What to do: ", &words.fix);
    page.paragraph("    Who can: ", owner(words.owner));
    if let Some(confirm) = &words.confirm {
        // A command is to be copied: it is never wrapped.
        page.line(&format!("    Confirm by hand: {confirm}"));
    }
    if let Some(reference) = &words.reference {
        page.line(&format!("    Source: {reference}"));
    }
}

/// Who can mend it, in words.
pub fn owner(owner: Owner) -> &'static str {
    match owner {
        Owner::You => "you, here: settings, credentials or this machine",
        Owner::Network => "whoever runs the network between here and the server",
        Owner::Host => "the hosting company or access provider of this machine",
        Owner::Server => "whoever runs the mail server",
        Owner::Provider => "the mail provider",
    }
}

fn settings(page: &mut Page, found: &Recommendation) {
    if page.options.brief {
        return;
    }
    page.heading("What to type");
    page.line(&format!("  host {}   port {}   {}", found.host, found.port, mode_names(found.tls)));
    for snippet in snippet::all().iter().take(SNIPPETS) {
        page.line("");
        let name = page.styled(&snippet.name, Style::Bold);
        page.line(&format!("  {name}"));
        for line in snippet.fill(&found.host, found.port, found.tls).lines() {
            page.line(&format!("    {line}"));
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
        let number = page.styled(&format!("{index:>4}"), Style::Dim);
        page.line(&format!("{number} {text}"));
    }
}

/// One line of the transcript: time, port, lock, arrow, text.
pub fn transcript_line(line: &Line) -> String {
    let port = line.port.map(|port| port.to_string()).unwrap_or_default();
    let lock = if line.encrypted { "*" } else { " " };
    let arrow = match (line.from, line.layer) {
        (From::Client, Layer::Tls) => "⇒",
        (From::Server, Layer::Tls) => "⇐",
        (From::Client, _) => "→",
        (From::Server, _) => "←",
        (From::Probe, _) => "·",
    };
    format!("{:>8.3} {port:>5} {lock}{arrow} {}", line.at.as_ms() / 1000.0, line.text)
}

/// The call that shows the same again, and what else there is.
fn again(page: &mut Page, session: &Session) {
    let Some(started) = session.started() else { return };
    let input = if started.input.contains(|c: char| c.is_whitespace() || "'\"$`\\;&|<>()*?#~".contains(c)) {
        format!("'{}'", started.input.replace('\'', r"'\''"))
    } else {
        started.input.clone()
    };
    page.line("");
    if page.options.transcript {
        return;
    }
    let text = format!("Every line of the exchange: ehlo check {input} --transcript");
    let text = page.styled(&text, Style::Dim);
    page.line(&text);
}

/// The same in ASCII.
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '✓' => out.push_str("ok"),
            '✗' => out.push_str("--"),
            '·' => out.push('.'),
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '⇒' => out.push_str("=>"),
            '⇐' => out.push_str("<="),
            '–' | '—' => out.push('-'),
            '“' | '”' => out.push('"'),
            '‘' | '’' => out.push('\''),
            '…' => out.push_str("..."),
            '§' => out.push_str("section "),
            '×' => out.push('x'),
            c if c.is_ascii() => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}
