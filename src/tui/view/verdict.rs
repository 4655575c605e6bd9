//! The verdict: the recommendation in one sentence, why, every route, and what was found, with its fixes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::event::RunEnd;
use crate::guide::headline::Tone;
use crate::guide::lead::{self, Held};
use crate::guide::recommendation::Recommendation;
use crate::guide::request::request;
use crate::guide::snippet;
use crate::guide::words::{lower, words_in};
use crate::report::text::{mode_names, number, owner, vantage};
use crate::session::{Finding, Outcome, Route, Severity};
use crate::target::{Goal, TlsMode};
use crate::tui::facts::duration;
use crate::tui::layout::inner;
use crate::tui::state::Ui;
use crate::tui::text::{Document, cut, plain};
use crate::tui::theme::{Role, Theme};
use crate::tui::view::{footer, header, meaning, next};
use crate::wire::printable::printable;

/// The verdict screen.
pub struct Verdict<'a>(pub &'a Ui);

impl Widget for Verdict<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        header::Header(ui).render(Rect { height: 1, ..area }, buffer);
        let body = body(ui);
        let (lines, _) = document(ui, body.width);
        super::scroll(buffer, body, &ui.theme, &lines, ui.verdict_top);
        footer::Footer(ui).render(Rect { y: area.bottom() - 1, height: 1, ..area }, buffer);
    }
}

/// The rectangle of the text.
pub fn body(ui: &Ui) -> Rect {
    let (width, height) = ui.size;
    // Lines longer than this are hard to read.
    let screen = Rect { x: 0, y: 1, width: width.min(110), height: height.saturating_sub(2) };
    inner(screen)
}

/// The text, and the line where each finding begins.
pub fn document(ui: &Ui, width: u16) -> (Vec<Line<'static>>, Vec<usize>) {
    let theme = &ui.theme;
    let mut document = Document::new(theme, width.saturating_sub(1));
    sentence(ui, &mut document);
    reasons(ui, &mut document);
    message(ui, &mut document);
    if !ui.session.routes().is_empty() {
        document.line(Line::default());
        document.title("Routes");
        let column = ui.session.routes().iter().map(|route| outcome_words(route.outcome).width()).max();
        for route in ui.session.routes() {
            let line = of_route(ui, route, column.unwrap_or(0), usize::from(width.saturating_sub(1)));
            document.line(line);
        }
    }
    let mut starts = Vec::new();
    for (at, finding) in ui.session.findings().iter().enumerate() {
        if finding.follows.is_none() {
            document.line(Line::default());
        }
        if at == 0 {
            document.title("What was found");
        }
        starts.push(document.lines.len());
        of_finding(ui, &mut document, finding, ui.finding == Some(at));
    }
    let relays = ui.session.started().is_some_and(|started| started.goal == Goal::Relay);
    if let Some(found) = ui.recommendation.as_ref().filter(|_| !relays) {
        settings(theme, &mut document, found);
    }
    if !ui.session.warnings().is_empty() {
        document.line(Line::default());
        document.title("About this run");
        for warning in ui.session.warnings() {
            document.hanging(1, (theme.glyphs.warn, theme.style(Role::Warn)), Style::new(), warning);
        }
    }
    (document.lines, starts)
}

/// The sentence that matters, beside a bar.
fn sentence(ui: &Ui, document: &mut Document<'_>) {
    let theme = &ui.theme;
    let Some(headline) = &ui.headline else { return };
    let role = match headline.tone {
        Tone::Good => Role::Good,
        Tone::Fix => Role::Warn,
        Tone::Bad => Role::Bad,
        Tone::Neutral => Role::Accent,
    };
    let below = match (&ui.recommendation, ui.session.started()) {
        // The sentence above has port and mode.
        (Some(found), _) => format!("on {}", found.host),
        (None, Some(started)) if headline.tone == Tone::Bad && !started.host.is_empty() => {
            format!("{}, asked from {}", started.host, vantage(&printable(&started.vantage, 60)))
        }
        (None, _) => String::new(),
    };
    let bar = theme.glyphs.bar;
    let bar_style = theme.strong(role);
    document.line(Line::default());
    document.line(Line::from(Span::styled(format!(" {bar}"), bar_style)));
    let text_from = document.lines.len();
    document.hanging(1, (bar, bar_style), theme.style(Role::Title), &format!(" {}", next::verdict(ui)));
    document.hanging(1, (bar, bar_style), theme.style(Role::Text), &below);
    // The bar goes down beside every line, and a space keeps the words off it.
    for line in document.lines.iter_mut().skip(text_from) {
        let words: String = line.spans.iter().skip(1).map(|span| span.content.as_ref()).collect();
        let words = words.trim_start_matches(bar).trim_start().to_owned();
        let style = line.spans.last().map(|span| span.style).unwrap_or_default();
        *line = Line::from(vec![
            Span::raw(" "),
            Span::styled(bar, bar_style),
            Span::raw("  "),
            Span::styled(words, style),
        ]);
    }
    document.line(Line::from(Span::styled(format!(" {bar}"), bar_style)));
}

fn reasons(ui: &Ui, document: &mut Document<'_>) {
    let theme = &ui.theme;
    let why = ui.headline.as_ref().map(|headline| headline.why.as_slice()).unwrap_or_default();
    let stopped = ui.session.ended() == Some(RunEnd::DeadlineReached);
    if why.is_empty() && !stopped {
        return;
    }
    document.line(Line::default());
    document.title("Why");
    let dot = (theme.glyphs.dot, theme.style(Role::Quiet));
    if stopped {
        let text = "The time for the whole run was up before everything was tried (--max-time).";
        document.hanging(1, dot, Style::new(), text);
    }
    for reason in why {
        document.hanging(1, dot, Style::new(), reason);
    }
    let Some(found) = &ui.recommendation else { return };
    if !found.alternatives.is_empty() {
        let others: Vec<String> =
            found.alternatives.iter().map(|(port, tls)| format!("{port} {}", tls.phrase())).collect();
        let text = format!("These work as well: {}.", others.join(", "));
        document.hanging(1, dot, Style::new(), &text);
    }
}

/// Whether the probe showed what the error message was taken for.
fn message(ui: &Ui, document: &mut Document<'_>) {
    let theme = &ui.theme;
    let Some(judgement) = lead::judge(&ui.session) else { return };
    document.line(Line::default());
    document.title("The error message");
    let (mark, role) = match judgement.held {
        Held::Confirmed => (theme.glyphs.good, Role::Good),
        Held::Other => (theme.glyphs.warn, Role::Warn),
        Held::NotFound => (theme.glyphs.bad, Role::Bad),
        Held::Open => (theme.glyphs.dot, Role::Quiet),
    };
    let mark = (mark, theme.style(role));
    if let Some(supposed) = judgement.supposed {
        let text = format!("Supposed: {}.", lower(supposed));
        document.hanging(1, mark, theme.style(Role::Title), &text);
    }
    for says in &judgement.says {
        document.paragraph(Role::Text, if judgement.supposed.is_some() { 3 } else { 1 }, says);
    }
}

/// How many programs' settings are shown.
const SNIPPETS: usize = 4;

/// What to type into the user's own software.
fn settings(theme: &Theme, document: &mut Document<'_>, found: &Recommendation) {
    document.line(Line::default());
    document.title("What to type");
    for (name, value) in [
        ("Host", found.host.clone()),
        ("Port", found.port.to_string()),
        ("TLS", mode_names(found.tls).to_owned()),
        ("Sign in", found.auth.join(", ")),
    ] {
        if !value.is_empty() {
            document.hanging(1, (&format!("{name:<8}"), theme.style(Role::Quiet)), Style::new(), &value);
        }
    }
    for snippet in snippet::all().iter().take(SNIPPETS) {
        document.line(Line::default());
        document.paragraph(Role::Accent, 1, &snippet.name);
        for line in snippet.fill(&found.host, found.port, found.tls).lines() {
            // Kept as it is: it is to be copied, and its indentation may matter.
            document.line(Line::from(Span::raw(format!("   {}", plain(line, theme)))));
        }
    }
}

/// An outcome in a few words.
pub fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Works => "works",
        Outcome::Filtered => "blocked: no answer",
        Outcome::Refused => "refused",
        Outcome::Unreachable => "unreachable",
        Outcome::Closed => "wrong: closed at once",
        Outcome::Silent => "wrong: no greeting",
        Outcome::NotSmtp => "wrong: not SMTP",
        Outcome::Rejected => "wrong: turned away",
        Outcome::ModeMismatch => "wrong: other TLS mode",
        Outcome::NoStarttls => "wrong: no STARTTLS",
        Outcome::StarttlsRefused => "wrong: STARTTLS refused",
        Outcome::Interrupted => "wrong: broken off",
        Outcome::TlsFailed => "wrong: TLS failed",
        Outcome::CertInvalid => "wrong: certificate",
        Outcome::AuthFailed => "wrong: sign-in failed",
        Outcome::NotTried => "not tried",
    }
}

fn of_route(ui: &Ui, route: &Route, column: usize, width: usize) -> Line<'static> {
    let theme = &ui.theme;
    let recommended = ui.recommendation.as_ref().is_some_and(|found| found.route == route.id);
    let (glyph, role) = match route.outcome {
        Outcome::Works => (theme.glyphs.good, Role::Good),
        Outcome::NotTried => (theme.glyphs.skipped, Role::Quiet),
        _ => (theme.glyphs.bad, Role::Bad),
    };
    let mode = match route.tls {
        TlsMode::Starttls => "STARTTLS",
        TlsMode::Implicit => "implicit TLS",
        TlsMode::None => "no TLS",
    };
    let name_style = match (recommended, role) {
        (true, _) => theme.style(Role::Title),
        (false, Role::Quiet) => theme.style(Role::Quiet),
        (false, _) => theme.style(Role::Text),
    };
    let words = outcome_words(route.outcome);
    let mut spans = vec![
        Span::raw(" "),
        Span::styled(glyph, theme.style(role)),
        Span::styled(format!(" {:>5}  {mode:<12}  ", route.port), name_style),
        Span::styled(words, theme.style(role)),
        Span::raw(" ".repeat(column.saturating_sub(words.width()))),
    ];
    let total = route.timing.total.filter(|_| route.outcome != Outcome::NotTried);
    let total = total.map(duration).unwrap_or_default();
    spans.push(Span::styled(format!("  {total:>6}"), theme.style(Role::Quiet)));
    let mut notes = Vec::new();
    if let Some(session) = &route.session {
        notes.push(session.version.clone());
    }
    if let Some(capabilities) = &route.after_tls {
        let auth = capabilities.auth();
        if !auth.is_empty() {
            notes.push(format!("sign in by {}", auth.join(" ")));
        }
    }
    let main = ui.session.started().map(|started| started.host.as_str()).unwrap_or_default();
    if route.host != main {
        notes.insert(0, route.host.clone());
    }
    let used: usize = spans.iter().map(Span::width).sum();
    // What stands elsewhere on the page is left out rather than cut.
    while notes.len() > 1 && used + 2 + notes.join(", ").width() > width {
        notes.pop();
    }
    let notes = plain(&notes.join(", "), theme);
    if used + 2 < width {
        spans.push(Span::styled(
            format!("  {}", cut(&notes, width - used - 2, theme)),
            theme.style(Role::Quiet),
        ));
    }
    Line::from(spans)
}

fn of_finding(ui: &Ui, document: &mut Document<'_>, finding: &Finding, chosen: bool) {
    let theme = &ui.theme;
    let (mark, style, word) = meaning::severity(finding.severity, theme);
    let words = words_in(&ui.session, finding);
    let place = finding.port.map(|port| format!(" {} port {port}", theme.glyphs.dot)).unwrap_or_default();
    let after = finding.follows.map(|cause| format!(" {} follows from {cause}", theme.glyphs.dot));
    let after = after.unwrap_or_default();
    let pointer = if chosen { theme.glyphs.pointer } else { " " };
    let head = Line::from(vec![
        Span::styled(pointer, theme.strong(Role::Accent)),
        Span::styled(mark, style),
        Span::styled(format!(" {word}"), style),
        Span::styled(
            format!("{place} {} {}{after}", theme.glyphs.dot, finding.code),
            theme.style(Role::Quiet),
        ),
    ]);
    document.line(head);
    if finding.follows.is_some() {
        // What it means and who can mend it stands above, with its cause.
        document.paragraph(Role::Text, 3, &words.summary);
        document.paragraph(Role::Quiet, 3, &seen(finding));
        return;
    }
    document.paragraph(Role::Title, 3, &words.summary);
    document.paragraph(Role::Text, 3, &words.explanation);
    let label = theme.style(Role::Accent);
    if !words.fix.is_empty() {
        document.hanging(3, ("Fix:", label), theme.style(Role::Text), &words.fix);
    }
    if finding.severity != Severity::Info {
        document.hanging(3, ("Who:", label), theme.style(Role::Text), owner(words.owner));
    }
    if let Some(confirm) = &words.confirm {
        // A command is to be copied: it is broken only where a line of its own does not hold it.
        if confirm.width() + 8 > document.width() {
            document.line(Line::from(vec![Span::raw("   "), Span::styled("Try:", label)]));
            document.paragraph(Role::Text, 3, confirm);
        } else {
            document.hanging(3, ("Try:", label), theme.style(Role::Text), confirm);
        }
    }
    let mut foot = seen(finding);
    if let Some(reference) = &words.reference {
        if !foot.is_empty() {
            foot.push_str(". ");
        }
        foot.push_str(reference);
    }
    document.paragraph(Role::Quiet, 3, &foot);
}

/// The lines that show a finding.
fn seen(finding: &Finding) -> String {
    let mut evidence = finding.evidence.clone();
    evidence.sort_unstable();
    let lines: Vec<String> = evidence.iter().take(8).map(|line| number(*line).to_string()).collect();
    match lines.as_slice() {
        [] => String::new(),
        [one] => format!("Seen in line {one}"),
        several => format!("Seen in lines {}", several.join(", ")),
    }
}

/// What is sent to the clipboard: the chosen finding's command, or its words; without one, the verdict.
pub fn to_copy(ui: &Ui) -> String {
    if let Some(finding) = ui.finding.and_then(|at| ui.session.findings().get(at)) {
        let words = words_in(&ui.session, finding);
        return words.confirm.unwrap_or_else(|| format!("{}\n{}\n", words.summary, words.fix));
    }
    match &ui.recommendation {
        Some(found) => {
            let mut text = format!(
                "{}\nhost: {}\nport: {}\nTLS: {}\n",
                found.summary,
                found.host,
                found.port,
                match found.tls {
                    TlsMode::Starttls => "STARTTLS",
                    TlsMode::Implicit => "implicit TLS",
                    TlsMode::None => "none",
                }
            );
            for finding in ui.session.findings().iter().filter(|f| found.blockers.contains(&f.code)) {
                text.push_str(&format!("first: {}\n", words_in(&ui.session, finding).fix));
            }
            text
        }
        None => {
            let mut text = format!("{}\n", next::verdict(ui));
            for finding in
                ui.session.findings().iter().filter(|f| f.severity == Severity::Error && f.follows.is_none())
            {
                text.push_str(&format!("{}: {}\n", finding.code, words_in(&ui.session, finding).summary));
            }
            if let Some(found) = request(&ui.session) {
                text.push_str(&format!("\nTo {}:\n{}", found.to, found.text));
            }
            text
        }
    }
}
