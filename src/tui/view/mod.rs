//! What is drawn: one file for each screen and pane, each a widget over the state.
//!
//! Nothing here changes the state. Long texts are documents of wrapped lines, so how far they can be scrolled is known
//! to the update as well; the transcript is never laid out whole: only the lines on screen are looked at.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::layout::{Areas, Shape, areas, inner};
use super::state::{Overlay, Pane, Reading, Screen, Ui};
use super::text::{cut, plain};
use super::theme::{Role, Theme, to_ascii, to_visible};

pub mod case;
pub mod causes;
pub mod footer;
pub mod header;
pub mod lab;
pub mod ladder;
pub mod meaning;
pub mod message;
pub mod next;
pub mod page;
pub mod path;
pub mod predict;
pub mod question;
pub mod sign_in;
pub mod start;
pub mod step;
pub mod timing;
pub mod transcript;
pub mod verdict;

/// Draws the whole screen.
pub fn draw(frame: &mut Frame<'_>, ui: &Ui) {
    let area = frame.area();
    let shape = Shape::of(ui.size);
    if shape == Shape::TooSmall || (area.width, area.height) != ui.size {
        frame.render_widget(TooSmall(ui), area);
    } else {
        match ui.screen {
            Screen::Start => frame.render_widget(start::Start(ui), area),
            Screen::Message => frame.render_widget(message::Message(ui), area),
            Screen::Causes => frame.render_widget(causes::Causes(ui), area),
            Screen::Lab => frame.render_widget(lab::Lab(ui), area),
            Screen::Walk => draw_walk(frame, ui, shape),
            Screen::Verdict => frame.render_widget(verdict::Verdict(ui), area),
        }
        match ui.overlay {
            Overlay::None | Overlay::Find(..) => {}
            Overlay::Help(_) | Overlay::Why(_) | Overlay::Case(_) => {
                frame.render_widget(page::Page(ui), area)
            }
            Overlay::Question(_) => frame.render_widget(question::Question(ui), area),
            Overlay::SignIn(_) => frame.render_widget(sign_in::SignIn(ui), area),
            Overlay::Predict(_) => frame.render_widget(predict::Predict(ui), area),
        }
        let places = [footer::caret, sign_in::caret, start::caret, message::caret, causes::caret];
        if let Some(place) = places.iter().find_map(|caret| caret(ui)) {
            frame.set_cursor_position(place);
        }
    }
    to_visible(frame.buffer_mut());
    if ui.theme.ascii {
        to_ascii(frame.buffer_mut());
    }
}

fn draw_walk(frame: &mut Frame<'_>, ui: &Ui, shape: Shape) {
    let Areas { header, crumbs, walk, facts, transcript, meaning, next, footer, wall, .. } = areas(ui);
    frame.render_widget(header::Header(ui), header);
    match shape {
        Shape::Tabs => frame.render_widget(path::Tabs(ui), crumbs),
        _ => frame.render_widget(path::Crumbs(ui), crumbs),
    }
    frame.render_widget(path::Path(ui), walk);
    frame.render_widget(step::Step(ui), facts);
    match ui.reading {
        Reading::List => frame.render_widget(transcript::Transcript(ui), transcript),
        Reading::Ladder => frame.render_widget(ladder::Ladder(ui), transcript),
        Reading::Timing => frame.render_widget(timing::Timing(ui), transcript),
    }
    frame.render_widget(meaning::Meaning(ui), meaning);
    frame.render_widget(next::Next(ui), next);
    frame.render_widget(footer::Footer(ui), footer);
    for y in wall.top()..wall.bottom() {
        frame.buffer_mut().set_string(wall.x, y, ui.theme.glyphs.wall, ui.theme.style(Role::Quiet));
    }
}

/// One honest sentence where nothing else fits.
struct TooSmall<'a>(&'a Ui);

impl Widget for TooSmall<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let text = "ehlo needs 40 columns and 10 rows; make the window larger, or use ehlo check.";
        let lines = super::text::wrap(text, usize::from(area.width));
        for (row, line) in lines.iter().take(usize::from(area.height)).enumerate() {
            let y = area.y + u16::try_from(row).unwrap_or(u16::MAX);
            buffer.set_string(area.x, y, line, self.0.theme.style(Role::Text));
        }
    }
}

/// Draws the title of a pane: its name, a rule, and a word at the right end.
fn title(buffer: &mut Buffer, area: Rect, theme: &Theme, name: &str, right: &str, focus: bool) {
    if area.is_empty() {
        return;
    }
    let room = usize::from(area.width);
    let right = plain(right, theme);
    let name = cut(&plain(name, theme), room.saturating_sub(right.width() + 6), theme);
    let role = if focus { Role::Accent } else { Role::Title };
    let tail = if right.is_empty() { String::new() } else { format!(" {right} ") };
    let rule = room.saturating_sub(name.width() + 2 + tail.width());
    let quiet = theme.style(Role::Quiet);
    let line = Line::from(vec![
        Span::raw(" "),
        Span::styled(name, theme.strong(role)),
        Span::raw(" "),
        Span::styled(theme.glyphs.rule.repeat(rule), quiet),
        Span::styled(tail, quiet),
    ]);
    buffer.set_line(area.x, area.y, &line, area.width);
}

/// Whether a pane has the focus, and there is more than one to have it.
fn focus(ui: &Ui, pane: Pane) -> bool {
    ui.pane == pane && Shape::of(ui.size) != Shape::Tabs
}

/// Draws lines from `top` on; a mark at the right edge says that more lies above or below.
fn scroll(buffer: &mut Buffer, area: Rect, theme: &Theme, lines: &[Line<'_>], top: usize) {
    let rows = usize::from(area.height);
    for (row, line) in lines.iter().skip(top).take(rows).enumerate() {
        let y = area.y + u16::try_from(row).unwrap_or(u16::MAX);
        buffer.set_line(area.x, y, line, area.width);
    }
    if area.is_empty() {
        return;
    }
    let quiet = theme.style(Role::Quiet);
    if top > 0 {
        buffer.set_string(area.right() - 1, area.y, theme.glyphs.above, quiet);
    }
    if top + rows < lines.len() {
        buffer.set_string(area.right() - 1, area.bottom() - 1, theme.glyphs.below, quiet);
    }
}

/// Clears an area and draws a box around it; what is left inside it.
fn boxed(buffer: &mut Buffer, area: Rect, theme: &Theme, name: &str) -> Rect {
    ratatui::widgets::Clear.render(area, buffer);
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let quiet = theme.style(Role::Quiet);
    let [tl, tr, bl, br] = theme.glyphs.corners;
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    let rule = theme.glyphs.rule.repeat(usize::from(area.width - 2));
    for (y, left_corner, right_corner) in [(area.y, tl, tr), (bottom, bl, br)] {
        buffer.set_string(area.x, y, left_corner, quiet);
        buffer.set_string(area.x + 1, y, &rule, quiet);
        buffer.set_string(right, y, right_corner, quiet);
    }
    for y in area.y + 1..bottom {
        buffer.set_string(area.x, y, theme.glyphs.wall, quiet);
        buffer.set_string(right, y, theme.glyphs.wall, quiet);
    }
    let name = cut(&plain(name, theme), usize::from(area.width - 4), theme);
    buffer.set_string(area.x + 2, area.y, format!(" {name} "), theme.strong(Role::Accent));
    Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 }
}

/// The middle of an area, at most this large.
fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Rows on screen and lines in all of the page that lies over the screen.
pub fn page_extent(ui: &Ui) -> (usize, usize) {
    page::extent(ui)
}

/// Rows on screen and lines in all of the verdict.
pub fn verdict_extent(ui: &Ui) -> (usize, usize) {
    let area = verdict::body(ui);
    (usize::from(area.height), verdict::document(ui, area.width).0.len())
}

/// The verdict's line where a finding begins.
pub fn finding_line(ui: &Ui, finding: usize) -> Option<usize> {
    verdict::document(ui, verdict::body(ui).width).1.get(finding).copied()
}

/// Rows on screen and lines in all of the meaning.
pub fn meaning_extent(ui: &Ui) -> (usize, usize) {
    let areas = areas(ui);
    (areas.meaning_rows(), meaning::document(ui, inner(areas.meaning).width).1.len())
}
