//! Which pane goes where: from the size of the screen and from what there is to show, rectangles.
//!
//! A pure function, asked by the views to draw and by the update to know how far a page is.

use ratatui::layout::Rect;

use super::facts;
use super::state::{Pane, Reading, Screen, Ui};
use super::text::wrap;

/// The form of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Too small for anything but a sentence.
    TooSmall,
    /// One pane, and tabs.
    Tabs,
    /// The path as a line, the panes one above the other.
    Stacked,
    /// The walk on the left, the transcript on the right, the meaning below.
    Wide,
}

impl Shape {
    /// The form that a size takes.
    pub fn of((width, height): (u16, u16)) -> Self {
        match (width, height) {
            (..40, _) | (_, ..10) => Self::TooSmall,
            (..64, _) | (_, ..18) => Self::Tabs,
            (..110, _) | (_, ..24) => Self::Stacked,
            _ => Self::Wide,
        }
    }
}

/// The panes of the walk. What is not shown has no rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// Program, target, what is going on.
    pub header: Rect,
    /// The path in a line, or the tabs.
    pub crumbs: Rect,
    /// The path as a list, where there is room.
    pub walk: Rect,
    /// Title and facts of the step.
    pub facts: Rect,
    /// Title and lines of the transcript.
    pub transcript: Rect,
    /// Rows of it above its first line.
    pub heads: u16,
    /// Title and text of the meaning.
    pub meaning: Rect,
    /// What comes next.
    pub next: Rect,
    /// The keys.
    pub footer: Rect,
    /// The column between walk and transcript.
    pub wall: Rect,
}

impl Areas {
    /// Rows for transcript lines.
    pub fn transcript_rows(&self) -> usize {
        usize::from(self.transcript.height.saturating_sub(self.heads))
    }

    /// Rows for the text of the meaning.
    pub fn meaning_rows(&self) -> usize {
        usize::from(self.meaning.height.saturating_sub(1))
    }
}

/// Columns left free at both sides of text.
pub const MARGIN: u16 = 1;

/// A rectangle without the margin at its sides.
pub fn inner(area: Rect) -> Rect {
    Rect { x: area.x + MARGIN.min(area.width), width: area.width.saturating_sub(2 * MARGIN), ..area }
}

/// The panes of the walk on a screen of this size.
pub fn areas(ui: &Ui) -> Areas {
    let (width, height) = ui.size;
    let screen = Rect::new(0, 0, width, height);
    let mut rest = Rows(screen);
    let areas = match Shape::of(ui.size) {
        Shape::TooSmall => Areas::default(),
        Shape::Tabs => tabs(ui, &mut rest),
        Shape::Stacked => stacked(ui, &mut rest),
        Shape::Wide => wide(ui, &mut rest),
    };
    Areas { heads: if ui.reading == Reading::Ladder { super::view::ladder::HEADS } else { 1 }, ..areas }
}

fn tabs(ui: &Ui, rest: &mut Rows) -> Areas {
    let mut areas = Areas { header: rest.top(1), crumbs: rest.top(1), ..Areas::default() };
    areas.footer = rest.bottom(1);
    if rest.0.height >= 9 {
        areas.next = rest.bottom(next_rows(ui, rest.0.width, 2));
    }
    match ui.pane {
        Pane::Walk => areas.walk = rest.0,
        Pane::Transcript => areas.transcript = rest.0,
        Pane::Meaning => areas.meaning = rest.0,
    }
    areas
}

fn stacked(ui: &Ui, rest: &mut Rows) -> Areas {
    let width = rest.0.width;
    let mut areas = Areas { header: rest.top(1), ..Areas::default() };
    areas.crumbs = rest.top(super::view::path::crumb_rows(ui, width).min(2));
    areas.footer = rest.bottom(1);
    areas.next = rest.bottom(next_rows(ui, width, 3));
    let facts = u16::try_from(facts::rows(ui, width).len()).unwrap_or(u16::MAX);
    areas.facts = rest.top(1 + facts.clamp(1, rest.0.height / 5));
    let meaning = (rest.0.height * 2 / 5).clamp(4, 14);
    areas.meaning = rest.bottom(meaning);
    areas.transcript = rest.0;
    areas
}

fn wide(ui: &Ui, rest: &mut Rows) -> Areas {
    let width = rest.0.width;
    let mut areas = Areas { header: rest.top(1), ..Areas::default() };
    if rest.0.height >= 30 {
        rest.top(1);
    }
    areas.footer = rest.bottom(1);
    areas.next = rest.bottom(next_rows(ui, width, 3));
    areas.meaning = rest.bottom((rest.0.height / 3).clamp(5, 16));
    let left = (width / 3).clamp(38, 52);
    areas.walk = Rect { width: left, ..rest.0 };
    areas.wall = Rect { x: left, width: 1, ..rest.0 };
    areas.transcript = Rect { x: left + 1, width: width - left - 1, ..rest.0 };
    areas
}

/// Rows of the band that says what comes next, its title among them.
fn next_rows(ui: &Ui, width: u16, most: u16) -> u16 {
    if ui.screen != Screen::Walk {
        return 0;
    }
    let Some(text) = super::view::next::text(ui) else { return 0 };
    let lines = wrap(&text, usize::from(width.saturating_sub(2 * MARGIN + 2))).len();
    1 + u16::try_from(lines).unwrap_or(u16::MAX).clamp(1, most)
}

/// Rows that are taken from both ends.
struct Rows(Rect);

impl Rows {
    fn top(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.0.height);
        let taken = Rect { height: rows, ..self.0 };
        self.0.y += rows;
        self.0.height -= rows;
        taken
    }

    fn bottom(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.0.height);
        self.0.height -= rows;
        Rect { y: self.0.bottom(), height: rows, ..self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Theme;

    #[test]
    fn the_shape_follows_the_size() {
        let cases = [
            ((39, 24), Shape::TooSmall),
            ((80, 9), Shape::TooSmall),
            ((40, 10), Shape::Tabs),
            ((60, 20), Shape::Tabs),
            ((120, 17), Shape::Tabs),
            ((80, 24), Shape::Stacked),
            ((109, 50), Shape::Stacked),
            ((120, 40), Shape::Wide),
        ];
        for (size, shape) in cases {
            assert_eq!(Shape::of(size), shape, "{size:?}");
        }
    }

    #[test]
    fn no_pane_leaves_the_screen_or_lies_over_another() {
        for width in [40, 63, 64, 80, 109, 110, 200] {
            for height in [10, 17, 18, 24, 40, 80] {
                let ui = Ui::new(Theme::new(true, true), (width, height), Screen::Walk);
                let a = areas(&ui);
                let panes =
                    [a.header, a.crumbs, a.walk, a.wall, a.facts, a.transcript, a.meaning, a.next, a.footer];
                let screen = Rect::new(0, 0, width, height);
                for (i, pane) in panes.iter().enumerate() {
                    assert_eq!(pane.intersection(screen).area(), pane.area(), "{width}x{height} {pane:?}");
                    for other in &panes[i + 1..] {
                        assert!(!pane.intersects(*other), "{width}x{height} {pane:?} {other:?}");
                    }
                }
                assert_eq!(a.footer.bottom(), height);
            }
        }
    }
}
