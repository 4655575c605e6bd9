//! What it means: the selected line explained, what the step found, or what the step teaches.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line as Row;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::guide::glossary::explain;
use crate::guide::lead;
use crate::guide::quiz::Judged;
use crate::guide::tree::tree;
use crate::guide::walk::{PathStep, StepState};
use crate::guide::words::{lower, words_in};
use crate::session::route::State;
use crate::session::{Finding, Line, Severity};
use crate::tui::layout::{Shape, inner};
use crate::tui::state::{Pane, Ui};
use crate::tui::text::Document;
use crate::tui::theme::{Role, Theme};

/// Title and text.
pub struct Meaning<'a>(pub &'a Ui);

impl Widget for Meaning<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        if area.is_empty() {
            return;
        }
        let body = inner(Rect { y: area.y + 1, height: area.height - 1, ..area });
        let (name, lines) = document(ui, body.width);
        super::title(buffer, area, &ui.theme, name, "", super::focus(ui, Pane::Meaning));
        super::scroll(buffer, body, &ui.theme, &lines, ui.meaning_top);
    }
}

/// Its title and its lines at this width.
pub fn document(ui: &Ui, width: u16) -> (&'static str, Vec<Row<'static>>) {
    let mut document = Document::new(&ui.theme, width.saturating_sub(1));
    if let Some((at, line)) = ui.selected() {
        of_line(ui, &mut document, at, line, usize::from(width));
        if !document.lines.is_empty() {
            return ("What this line means", document.lines);
        }
    }
    supposed(ui, &mut document);
    let Some(step) = ui.shown() else { return ("What it means", document.lines) };
    let findings = findings_of(ui, step);
    let done = matches!(step.state, StepState::Good | StepState::Bad);
    if let Some(judged) = ui.quiz.judge(&ui.session, &step.id) {
        // What was found says why, and better.
        of_prediction(ui, &mut document, &judged, findings.is_empty());
    }
    if done && !findings.is_empty() {
        of_findings(ui, &mut document, &findings);
        document.line(Row::default());
        lesson(ui, &mut document, step);
        return ("What was found", document.lines);
    }
    lesson(ui, &mut document, step);
    ("What this step is about", document.lines)
}

/// What the error message that led here was taken for, until the walk has ended; the verdict says what became of it.
fn supposed(ui: &Ui, document: &mut Document<'_>) {
    let theme = &ui.theme;
    let Some(cause) = lead::supposed(&ui.session).filter(|_| ui.session.ended().is_none()) else { return };
    let text = format!("From the message: {}.", lower(&cause.title));
    document.hanging(1, (theme.glyphs.info, theme.style(Role::Accent)), theme.style(Role::Title), &text);
    document.paragraph(Role::Quiet, 3, &format!("Shown by: {}", lower(&cause.decides)));
    document.line(Row::default());
}

/// Whether it came as expected, and why it came so.
fn of_prediction(ui: &Ui, document: &mut Document<'_>, judged: &Judged, explain: bool) {
    let theme = &ui.theme;
    let came = lower(&judged.came.text);
    let (mark, role, said) = if judged.right() {
        (theme.glyphs.good, Role::Good, format!("As you expected: {came}."))
    } else {
        let expected = lower(&judged.expected.text);
        (theme.glyphs.bad, Role::Bad, format!("You expected: {expected}. It came otherwise: {came}."))
    };
    document.hanging(1, (mark, theme.style(role)), theme.style(Role::Title), &said);
    if let Some(why) = judged.why.first().filter(|_| explain) {
        document.paragraph(Role::Text, 3, why);
    }
}

fn of_line(ui: &Ui, document: &mut Document<'_>, at: usize, line: &Line, width: usize) {
    // A line that the transcript had to cut stands here whole.
    if line.text.width() + 24 > width {
        document.paragraph(Role::Quiet, 1, &line.text);
    }
    if let Some(note) = explain(&ui.session, line) {
        document.paragraph(Role::Text, 1, &note.text);
        if let Some(reference) = &note.reference {
            document.paragraph(Role::Quiet, 1, reference);
        }
    }
    for finding in ui.session.findings().iter().filter(|finding| finding.evidence.contains(&at)) {
        let (mark, style, _) = severity(finding.severity, &ui.theme);
        document.hanging(
            1,
            (mark, style),
            ui.theme.style(Role::Text),
            &words_in(&ui.session, finding).summary,
        );
    }
}

/// What was found in a step, errors first.
fn findings_of<'a>(ui: &'a Ui, step: &PathStep) -> Vec<&'a Finding> {
    let about = |finding: &&Finding| match step.route {
        Some(route) => finding.route == Some(route),
        None if step.id == "host" => {
            finding.route.is_none()
                && ["dns-", "target-", "hosts-", "mx-name-"].iter().any(|of| finding.code.starts_with(of))
        }
        None if step.id == "way-out" => matches!(finding.code, "egress-blocked" | "all-ports-blocked"),
        None => false,
    };
    ui.session.findings().iter().filter(about).collect()
}

/// What follows from another finding stands beneath it in one sentence, also where that one is of another step.
fn of_findings(ui: &Ui, document: &mut Document<'_>, findings: &[&Finding]) {
    let mut told: Vec<&str> = Vec::new();
    for finding in findings {
        let Some(cause) = finding.follows else {
            told.push(finding.code);
            of_finding(ui, document, finding);
            continue;
        };
        let found = ui.session.findings().iter().find(|other| other.code == cause && other.follows.is_none());
        if let Some(found) = found.filter(|_| !told.contains(&cause)) {
            told.push(cause);
            of_finding(ui, document, found);
        }
        let text = format!("It follows: {}", words_in(&ui.session, finding).summary);
        let (mark, style, _) = severity(finding.severity, &ui.theme);
        document.hanging(3, (mark, style), ui.theme.style(Role::Text), &text);
    }
}

fn of_finding(ui: &Ui, document: &mut Document<'_>, finding: &Finding) {
    let theme = &ui.theme;
    let (mark, style, _) = severity(finding.severity, theme);
    let words = words_in(&ui.session, finding);
    document.hanging(1, (mark, style), theme.style(Role::Title), &words.summary);
    document.paragraph(Role::Text, 3, &words.explanation);
    if !words.fix.is_empty() {
        document.hanging(3, ("Fix:", theme.style(Role::Accent)), theme.style(Role::Text), &words.fix);
    }
}

/// The mark, style and word of a severity.
pub fn severity(severity: Severity, theme: &Theme) -> (&'static str, Style, &'static str) {
    match severity {
        Severity::Error => (theme.glyphs.bad, theme.style(Role::Bad), "error"),
        Severity::Warning => (theme.glyphs.warn, theme.style(Role::Warn), "warning"),
        Severity::Info => (theme.glyphs.info, theme.style(Role::Accent), "note"),
    }
}

/// What the step teaches; while a route is probed, what its phase teaches.
fn lesson(ui: &Ui, document: &mut Document<'_>, step: &PathStep) {
    let running = step.route.and_then(|id| ui.session.route(id)).and_then(|route| match route.state {
        State::Running(phase) => tree().phase(phase),
        _ => None,
    });
    let (first, second, reference) = match (running, tree().step(&step.id), tree().question(&step.id)) {
        (Some(phase), ..) => (&phase.lesson, None, &phase.reference),
        (_, Some(step), _) => (&step.why, Some(&step.lesson), &step.reference),
        (_, _, Some(question)) => (&question.lesson, None, &question.reference),
        _ => return,
    };
    // Where rows are few, a blank one between paragraphs costs too much.
    let airy = Shape::of(ui.size) == Shape::Wide;
    for text in [Some(first), second].into_iter().flatten() {
        for paragraph in text.split("\n\n") {
            document.paragraph(Role::Text, 1, paragraph);
            if airy {
                document.blank();
            }
        }
    }
    document.paragraph(Role::Quiet, 1, reference);
}
