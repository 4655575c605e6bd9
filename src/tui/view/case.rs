//! The case of the lab: who called and what is to be found out; at the end the score and the lessons.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::guide::quiz::Judged;
use crate::guide::words::lower;
use crate::tui::state::{Stage, Ui, level};
use crate::tui::text::Document;
use crate::tui::theme::Role;

/// Its lines at this width.
pub fn document(ui: &Ui, width: u16) -> Vec<Line<'static>> {
    let theme = &ui.theme;
    let mut document = Document::new(theme, width);
    let Some(case) = ui.case() else { return document.lines };
    document.line(Line::default());
    document.styled(theme.strong(Role::Accent), 0, &case.title);
    document.paragraph(Role::Quiet, 0, &format!("{}, {}", case.topic, level(case.difficulty)));
    if ui.stage == Stage::Over {
        score(ui, &mut document);
        section(&mut document, "To take home", &case.closing);
        again(ui, &mut document);
    }
    section(&mut document, "What happened", &case.story);
    if let Some(printed) = &case.printed {
        document.blank();
        document.title("What the software printed");
        for line in printed.lines() {
            document.styled(theme.style(Role::Text), 2, line);
        }
    }
    section(&mut document, "What to find out", &case.task);
    if ui.stage != Stage::Over {
        document.blank();
        let (key, words) = (theme.style(Role::Accent), theme.style(Role::Quiet));
        for (name, what) in [
            ("Enter", "goes on, one step at a time; before each one you say what you expect."),
            ("c", "shows this page again."),
        ] {
            document.hanging(0, (name, key), words, what);
        }
    }
    document.lines
}

fn section(document: &mut Document<'_>, title: &str, text: &str) {
    document.blank();
    document.title(title);
    for paragraph in text.trim().lines() {
        document.paragraph(Role::Text, 0, paragraph);
    }
}

/// Each prediction with what came of it.
fn score(ui: &Ui, document: &mut Document<'_>) {
    let theme = &ui.theme;
    let judged = ui.quiz.judged(&ui.session);
    document.blank();
    let score = ui.quiz.score(&ui.session);
    let missed = ui.quiz.missed(&ui.session);
    if judged.is_empty() {
        document.title("Your predictions");
        if missed.is_empty() {
            document.paragraph(Role::Quiet, 0, "Nothing was predicted, so nothing is counted.");
        }
    } else {
        document.title(&format!("Your predictions: {} of {} right", score.right, score.of));
    }
    for judged in &judged {
        let (mark, role) =
            if judged.right() { (theme.glyphs.good, Role::Good) } else { (theme.glyphs.bad, Role::Bad) };
        document.hanging(1, (mark, theme.style(role)), Style::new(), &sentence(judged));
    }
    if !missed.is_empty() {
        document.paragraph(Role::Quiet, 1, &missed);
    }
    if ui.quiz.solves(&ui.session) {
        document.paragraph(Role::Good, 1, "Solved.");
    } else if score.of > 0 {
        document.paragraph(
            Role::Quiet,
            1,
            "A case counts as solved where two thirds of its steps were predicted right. It can be walked again.",
        );
    }
}

/// A prediction and what came, in a sentence.
fn sentence(judged: &Judged) -> String {
    if judged.right() {
        return format!("{}: {}, as you expected.", judged.title, lower(&judged.came.text));
    }
    let expected = lower(&judged.expected.text);
    format!("{}: {}. You expected: {expected}.", judged.title, lower(&judged.came.text))
}

/// The lessons of what was predicted wrongly, each once.
fn again(ui: &Ui, document: &mut Document<'_>) {
    let wrong = ui.quiz.judged(&ui.session);
    let mut seen: Vec<&str> = Vec::new();
    for lesson in wrong.iter().filter(|judged| !judged.right()).filter_map(Judged::lesson) {
        if seen.contains(&lesson.id.as_str()) {
            continue;
        }
        seen.push(&lesson.id);
        section(document, &format!("Read again: {}", lesson.title), &lesson.lesson);
        document.paragraph(Role::Quiet, 0, &lesson.reference);
    }
}
