//! The transcript as time: each phase of each route as a bar, with what it took and how many round trips that is. The
//! selected line is shown by its bar; up and down go from bar to bar.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::transcript::position;
use crate::event::Micros;
use crate::guide::path::outcome;
use crate::session::Outcome;
use crate::session::route::State;
use crate::tui::facts::duration;
use crate::tui::phases::{Bar, Group, Phase, place};
use crate::tui::state::{Cursor, Pane, Ui};
use crate::tui::text::{cut, plain};
use crate::tui::theme::Role;

/// Columns of the phase's name, of its time, and of the hint behind it.
const NAME: usize = 12;
const TIME: usize = 8;
const HINT: usize = 16;
/// From this width on there is room for the hint.
const ROOMY: u16 = 60;
/// Round trips up to which a phase is explained by the way alone.
const MOST_ROUND_TRIPS: u64 = 4;

/// Title, routes and bars.
pub struct Timing<'a>(pub &'a Ui);

/// A row: a route's heading, or a bar, by group and bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Heading(usize),
    Bar(usize, usize),
}

impl Widget for Timing<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        if area.is_empty() {
            return;
        }
        super::title(buffer, area, &ui.theme, "Timing", &position(ui), super::focus(ui, Pane::Transcript));
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let groups = grown(ui);
        let entries = entries(&groups);
        let current = current(ui).map(|(group, bar)| Entry::Bar(group, bar));
        let rows = usize::from(body.height);
        let rests = match (ui.cursor, current) {
            // Once all is over one reads from the top; while it runs, what is new matters.
            (Cursor::Following, _) if ui.session.ended().is_some() => 0,
            (Cursor::Following, _) | (_, None) => entries.len(),
            (_, Some(entry)) => {
                entries.iter().position(|other| *other == entry).unwrap_or(0).saturating_sub(rows / 2)
            }
        };
        let top = rests.min(entries.len().saturating_sub(rows));
        let selected = current.filter(|_| matches!(ui.cursor, Cursor::Line(_)));
        let lines: Vec<Row<'static>> = entries
            .iter()
            .map(|entry| row(ui, &groups, *entry, selected == Some(*entry), body.width))
            .collect();
        super::scroll(buffer, body, &ui.theme, &lines, top);
        if entries.is_empty() && !body.is_empty() {
            buffer.set_string(body.x + 2, body.y, "Nothing has taken time yet.", ui.theme.style(Role::Quiet));
        }
    }
}

/// The groups, with what is under way grown up to now.
fn grown(ui: &Ui) -> Vec<Group> {
    let mut groups = ui.timing.clone();
    for group in &mut groups {
        let route = group.route.and_then(|id| ui.session.route(id));
        let running = route.is_some_and(|route| matches!(route.state, State::Running(_)));
        if let Some(bar) = group.bars.last_mut().filter(|_| running) {
            bar.to = bar.to.max(ui.clock);
        }
    }
    groups
}

fn entries(groups: &[Group]) -> Vec<Entry> {
    let of = |(at, group): (usize, &Group)| {
        let bars = (0..group.bars.len()).map(move |bar| Entry::Bar(at, bar));
        group.route.map(|_| Entry::Heading(at)).into_iter().chain(bars)
    };
    groups.iter().enumerate().flat_map(of).collect()
}

/// The bar of the selected line, or of the line on top.
fn current(ui: &Ui) -> Option<(usize, usize)> {
    let at = match ui.cursor {
        Cursor::Line(at) => at,
        Cursor::Following | Cursor::Resting(_) => ui.top,
    };
    place(&ui.timing, at, ui.lines().get(at)?)
}

/// The first line of the bar that lies so many bars away from the current one; of the first or last bar where no line
/// is selected.
pub fn travelled(ui: &Ui, steps: isize) -> Option<usize> {
    let bars: Vec<(usize, usize)> = ui
        .timing
        .iter()
        .enumerate()
        .flat_map(|(group, of)| (0..of.bars.len()).map(move |bar| (group, bar)))
        .collect();
    let last = bars.len().checked_sub(1)?;
    let here = current(ui).filter(|_| matches!(ui.cursor, Cursor::Line(_)));
    let to = match here.and_then(|here| bars.iter().position(|bar| *bar == here)) {
        Some(at) => at.saturating_add_signed(steps).min(last),
        None if steps == isize::MIN || (1..isize::MAX).contains(&steps) => 0,
        None => last,
    };
    let (group, bar) = bars.get(to)?;
    Some(ui.timing.get(*group)?.bars.get(*bar)?.lines.0)
}

fn row(ui: &Ui, groups: &[Group], entry: Entry, selected: bool, width: u16) -> Row<'static> {
    match entry {
        Entry::Heading(group) => {
            groups.get(group).map_or_else(Row::default, |group| heading(ui, group, width))
        }
        Entry::Bar(at, bar) => {
            let group = groups.get(at);
            let bar = group.and_then(|group| Some((group, group.bars.get(bar)?)));
            bar.map_or_else(Row::default, |(group, bar)| drawn(ui, group, bar, selected, width))
        }
    }
}

/// Port, mode, how it ended, when it began and how long it took.
fn heading(ui: &Ui, group: &Group, width: u16) -> Row<'static> {
    let theme = &ui.theme;
    let Some(route) = group.route.and_then(|id| ui.session.route(id)) else { return Row::default() };
    let (mark, role) = match (route.state, route.outcome) {
        (State::Ended, Outcome::Works) => (theme.glyphs.good, Role::Good),
        (State::Ended, Outcome::NotTried) => (theme.glyphs.skipped, Role::Quiet),
        (State::Ended, _) => (theme.glyphs.bad, Role::Bad),
        _ => (theme.glyphs.current, Role::Accent),
    };
    let (from, to) = group.span();
    let began = format!("from {}.{:03} s", from.0 / 1_000_000, from.0 / 1_000 % 1_000);
    let ended = match route.state {
        State::Ended => outcome(route.outcome),
        _ => "under way".to_owned(),
    };
    let took = duration(to.since(from));
    let several = ui.session.routes().iter().any(|other| other.host != route.host);
    let host = if several { format!(" at {}", route.host) } else { String::new() };
    let words = format!("{} {}{host}: {ended}, {began}, {took} in all", route.port, route.tls.phrase());
    let room = usize::from(width).saturating_sub(4);
    Row::from(vec![
        Span::raw(" "),
        Span::styled(mark, theme.style(role)),
        Span::raw(" "),
        Span::styled(cut(&plain(&words, theme), room, theme), theme.style(Role::Title)),
    ])
}

fn drawn(ui: &Ui, group: &Group, bar: &Bar, selected: bool, width: u16) -> Row<'static> {
    let theme = &ui.theme;
    let quiet = theme.style(Role::Quiet);
    let hint_room = if width >= ROOMY { HINT } else { 0 };
    let room = usize::from(width).saturating_sub(3 + NAME + TIME + hint_room + 1);
    let pointer = if selected { theme.glyphs.pointer } else { " " };
    let took = bar.to.since(bar.from);
    let (before, long) = place_on(room, group.span(), bar);
    let role = match bar.phase {
        Phase::Tls | Phase::EhloInTls | Phase::SignIn | Phase::Envelope => Role::Secure,
        Phase::SecondLook | Phase::LookUp => Role::Quiet,
        _ => Role::Accent,
    };
    let name_style = if selected { theme.strong(Role::Text) } else { theme.style(Role::Text) };
    Row::from(vec![
        Span::styled(pointer, theme.strong(Role::Accent)),
        Span::raw("  "),
        Span::styled(pad(bar.phase.name(), NAME), name_style),
        Span::raw(" ".repeat(before)),
        Span::styled(theme.glyphs.block.repeat(long), theme.style(role)),
        Span::raw(" ".repeat(room.saturating_sub(before + long))),
        Span::styled(format!("{:>TIME$}", duration(took)), name_style),
        Span::styled(cut(&hint(group, bar, took), hint_room, theme), quiet),
    ])
}

fn pad(name: &str, width: usize) -> String {
    format!("{name}{}", " ".repeat(width.saturating_sub(name.width())))
}

/// Columns before a bar, and of the bar itself: at least one.
fn place_on(room: usize, (from, to): (Micros, Micros), bar: &Bar) -> (usize, usize) {
    let whole = u128::from(to.since(from).0.max(1));
    let scaled = |at: Micros| {
        let columns = u128::from(at.since(from).0) * room as u128 / whole;
        usize::try_from(columns).unwrap_or(room).min(room)
    };
    let before = scaled(bar.from).min(room.saturating_sub(1));
    (before, scaled(bar.to).saturating_sub(before).max(1).min(room.saturating_sub(before)))
}

/// How many times the way there and back that is.
fn hint(group: &Group, bar: &Bar, took: Micros) -> String {
    // Below a millisecond the machines themselves take longer than the way.
    let Some(Micros(trip)) = group.round_trip.filter(|trip| trip.0 >= 1_000) else { return String::new() };
    match (took.0 + trip / 2) / trip {
        _ if bar.phase == Phase::SecondLook => String::new(),
        0 => "  no round trip".to_owned(),
        1 => "  1 round trip".to_owned(),
        count @ ..=MOST_ROUND_TRIPS => format!("  {count} round trips"),
        _ => "  mostly waiting".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Theme;

    #[test]
    fn a_bar_has_its_place_on_the_axis() {
        let bar = |from, to| Bar { phase: Phase::Tls, from: Micros(from), to: Micros(to), lines: (0, 0) };
        let axis = (Micros(100), Micros(1_100));
        assert_eq!(place_on(10, axis, &bar(100, 1_100)), (0, 10));
        assert_eq!(place_on(10, axis, &bar(600, 1_100)), (5, 5));
        assert_eq!(place_on(10, axis, &bar(1_100, 1_100)), (9, 1), "what took no time is seen all the same");
        assert_eq!(place_on(10, (Micros(5), Micros(5)), &bar(5, 5)), (0, 1));
        assert_eq!(place_on(0, axis, &bar(100, 200)), (0, 0));
    }

    #[test]
    fn hints_count_round_trips() {
        let group = |trip| Group { route: None, bars: Vec::new(), round_trip: trip };
        let said = |trip, took| {
            let bar = Bar { phase: Phase::Greeting, from: Micros(0), to: Micros(took), lines: (0, 0) };
            hint(&group(trip), &bar, Micros(took)).trim().to_owned()
        };
        let trip = Some(Micros(40_000));
        assert_eq!(said(trip, 1_000), "no round trip");
        assert_eq!(said(trip, 44_000), "1 round trip");
        assert_eq!(said(trip, 90_000), "2 round trips");
        assert_eq!(said(trip, 6_000_000), "mostly waiting");
        assert_eq!(said(Some(Micros(90)), 1_000), "");
        assert_eq!(said(None, 1_000), "");
    }

    #[test]
    fn a_bar_is_as_wide_as_its_columns() {
        for theme in [Theme::new(true, true), Theme::new(true, false)] {
            assert_eq!(theme.glyphs.block.width(), 1);
        }
    }
}
