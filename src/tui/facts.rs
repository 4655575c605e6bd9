//! What is known about a step, as a few short facts: addresses, phases, mechanisms, each with its mark.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::state::{Stage, Ui};
use super::text::{cut, plain};
use super::theme::{Role, Theme};
use crate::event::{ConnectOutcome, LookupOutcome, LookupSource, Micros, RecordType};
use crate::guide::walk::{PathStep, StepState};
use crate::session::route::{Attempt, Phase, State};
use crate::session::{Outcome, Route, Session};
use crate::target::TlsMode;

/// How a fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Ended well.
    Good,
    /// Ended badly.
    Bad,
    /// With a doubt.
    Warn,
    /// Under way.
    Now,
    /// Ahead.
    Ahead,
    /// Neither: worth knowing.
    Note,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// How it stands.
    pub mark: Mark,
    /// What it is about.
    pub name: String,
    /// What came of it, or how long it took; may be empty.
    pub detail: String,
}

impl Fact {
    fn new(mark: Mark, name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { mark, name: name.into(), detail: detail.into() }
    }
}

/// A time as people say it: `31 ms`, `5.0 s`, `2 min`.
pub fn duration(time: Micros) -> String {
    match time.0 {
        0..1_000 => "<1 ms".to_owned(),
        1_000..1_000_000 => format!("{} ms", time.0 / 1_000),
        1_000_000..100_000_000 => format!("{}.{} s", time.0 / 1_000_000, time.0 / 100_000 % 10),
        _ => format!("{} min", time.0 / 60_000_000),
    }
}

/// Most addresses that are listed.
const ADDRESSES: usize = 6;

/// The facts of the step that is looked at.
pub fn facts(ui: &Ui) -> Vec<Fact> {
    let Some(step) = ui.shown() else { return Vec::new() };
    let mut facts = match step.route.and_then(|id| ui.session.route(id)) {
        Some(route) => of_route(route),
        None if step.id == "host" => of_look_ups(&ui.session),
        None => Vec::new(),
    };
    if facts.is_empty() {
        facts.extend(of_step(step, ui.stage == Stage::Working));
    }
    facts
}

fn of_step(step: &PathStep, runs: bool) -> Option<Fact> {
    let mark = match step.state {
        StepState::Good => Mark::Good,
        StepState::Bad => Mark::Bad,
        StepState::Current => Mark::Now,
        StepState::Ahead => Mark::Ahead,
        StepState::Skipped => Mark::Note,
    };
    let words = match (step.result.is_empty(), step.state) {
        (false, _) => step.result.as_str(),
        (true, StepState::Current) if runs => "under way",
        (true, StepState::Ahead | StepState::Current) => "not run yet",
        (true, StepState::Skipped) => "passed over",
        (true, _) => return None,
    };
    Some(Fact::new(mark, words, ""))
}

fn of_look_ups(session: &Session) -> Vec<Fact> {
    let dns = session.dns();
    let mut facts = Vec::new();
    for alias in dns.cname.iter().take(ADDRESSES) {
        facts.push(Fact::new(Mark::Note, "alias of", alias));
    }
    let addresses: Vec<_> = dns.a.iter().chain(&dns.aaaa).collect();
    for address in addresses.iter().take(ADDRESSES) {
        facts.push(Fact::new(Mark::Good, address.to_string(), ""));
    }
    if let Some(more) = addresses.len().checked_sub(ADDRESSES + 1) {
        facts.push(Fact::new(Mark::Note, format!("and {} more", more + 1), ""));
    }
    for answer in &dns.answers {
        let record = record_name(answer.record);
        let (mark, detail) = match &answer.outcome {
            LookupOutcome::Answers(_) => continue,
            LookupOutcome::NoData => (Mark::Note, "none".to_owned()),
            LookupOutcome::NxDomain { .. } => (Mark::Bad, "no such name".to_owned()),
            LookupOutcome::ServFail { .. } => (Mark::Bad, "the resolver failed".to_owned()),
            LookupOutcome::Refused => (Mark::Bad, "the resolver refuses".to_owned()),
            LookupOutcome::OtherCode(code) => (Mark::Bad, format!("response code {code}")),
            LookupOutcome::TimedOut => (Mark::Bad, "no answer".to_owned()),
            LookupOutcome::Unreachable(_) => (Mark::Bad, "resolver not reached".to_owned()),
            LookupOutcome::Malformed(_) => (Mark::Bad, "unreadable answer".to_owned()),
        };
        let fact = Fact::new(mark, record, detail);
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    }
    let source = dns.answers.first().map(|answer| &answer.source);
    let from = match source {
        Some(LookupSource::HostsFile) => Some("from the hosts file"),
        Some(LookupSource::Given) => Some("as given"),
        Some(LookupSource::Literal) => Some("an address, no look-up"),
        Some(LookupSource::Dns(_) | LookupSource::Validated(_)) | None => None,
    };
    facts.extend(from.map(|from| Fact::new(Mark::Note, from, "")));
    facts.extend(dns.took.map(|took| Fact::new(Mark::Note, "answered in", duration(took))));
    facts
}

fn record_name(record: RecordType) -> &'static str {
    match record {
        RecordType::A => "A",
        RecordType::Aaaa => "AAAA",
        RecordType::Cname => "CNAME",
        RecordType::Mx => "MX",
        RecordType::Srv => "SRV",
        RecordType::Txt => "TXT",
        RecordType::Tlsa => "TLSA",
        RecordType::Ptr => "PTR",
    }
}

fn of_route(route: &Route) -> Vec<Fact> {
    let mut facts: Vec<Fact> = route.attempts.iter().take(ADDRESSES).map(of_attempt).collect();
    if let Some(more) = route.attempts.len().checked_sub(ADDRESSES + 1) {
        facts.push(Fact::new(Mark::Note, format!("and {} more", more + 1), ""));
    }
    if route.chosen.is_some() {
        facts.extend(of_phases(route));
    }
    if let Some(capabilities) = &route.after_tls {
        let mechanisms = capabilities.auth();
        if !mechanisms.is_empty() {
            facts.push(Fact::new(Mark::Note, "sign in by", mechanisms.join(" ")));
        }
    }
    facts
}

fn of_attempt(attempt: &Attempt) -> Fact {
    let address = attempt.endpoint.host();
    let took = attempt.took.map(duration).unwrap_or_default();
    let after = |words: &str| if took.is_empty() { words.to_owned() } else { format!("{words} {took}") };
    let Some(outcome) = &attempt.outcome else {
        return Fact::new(Mark::Now, address, "connecting");
    };
    let (mark, detail) = match outcome {
        ConnectOutcome::Connected => (Mark::Good, after("connected")),
        ConnectOutcome::TimedOut => (Mark::Bad, after("no answer")),
        ConnectOutcome::Reset => (Mark::Bad, "refused".to_owned()),
        ConnectOutcome::Icmp(error)
            if matches!((error.v6, error.code), (false, 9 | 10 | 13) | (true, 1 | 5 | 6)) =>
        {
            (Mark::Bad, "prohibited".to_owned())
        }
        ConnectOutcome::Icmp(_) => (Mark::Bad, "unreachable".to_owned()),
        ConnectOutcome::NoRoute { .. } => (Mark::Bad, "no route".to_owned()),
        ConnectOutcome::LocalRefusal { .. } => (Mark::Bad, "refused by this machine".to_owned()),
        ConnectOutcome::Failed { text, .. } | ConnectOutcome::Proxy { text, .. } => (Mark::Bad, text.clone()),
        ConnectOutcome::Cancelled => (Mark::Note, "given up".to_owned()),
    };
    Fact::new(mark, address, detail)
}

/// The phases behind the connect, in the order of the mode, up to the one that runs or failed.
fn of_phases(route: &Route) -> Vec<Fact> {
    let phases: &[Phase] = match route.tls {
        TlsMode::Starttls => {
            &[Phase::Greeting, Phase::Ehlo, Phase::Starttls, Phase::Tls, Phase::EhloAfterTls]
        }
        TlsMode::Implicit => &[Phase::Tls, Phase::Greeting, Phase::EhloAfterTls],
        TlsMode::None => &[Phase::Greeting, Phase::Ehlo],
    };
    let failed = failed_phase(route);
    let mut facts = Vec::new();
    for phase in phases {
        let name = phase_name(*phase);
        if failed == Some(*phase) {
            facts.push(Fact::new(Mark::Bad, name, failure(route.outcome)));
            return facts;
        }
        if reached(route, *phase) {
            facts.push(Fact::new(Mark::Good, name, result(route, *phase)));
            continue;
        }
        match route.state {
            State::Running(running) if running == *phase => facts.push(Fact::new(Mark::Now, name, "")),
            State::Running(_) => facts.push(Fact::new(Mark::Ahead, name, "")),
            State::Ended if failed.is_none() && route.outcome != Outcome::Works => {
                facts.push(Fact::new(Mark::Bad, name, failure(route.outcome)));
                return facts;
            }
            State::Ended | State::Waiting => {}
        }
    }
    match (route.state, route.outcome) {
        (State::Running(phase @ (Phase::Auth | Phase::Envelope | Phase::Inspect)), _) => {
            facts.push(Fact::new(Mark::Now, phase_name(phase), ""));
        }
        (State::Ended, Outcome::AuthFailed) => {
            facts.push(Fact::new(Mark::Bad, "sign in", "not accepted"));
        }
        _ => {}
    }
    facts
}

fn reached(route: &Route, phase: Phase) -> bool {
    match phase {
        Phase::Greeting => route.greeting.is_some(),
        Phase::Ehlo => route.before_tls.is_some(),
        Phase::Starttls => route.timing.starttls.is_some(),
        Phase::Tls => route.session.is_some() && (route.verified || route.after_tls.is_some()),
        Phase::EhloAfterTls => route.after_tls.is_some(),
        _ => false,
    }
}

/// The phase that an outcome names; `None` where it is the first that was not reached.
fn failed_phase(route: &Route) -> Option<Phase> {
    if route.state != State::Ended {
        return None;
    }
    match route.outcome {
        Outcome::NoStarttls | Outcome::StarttlsRefused => Some(Phase::Starttls),
        Outcome::TlsFailed | Outcome::CertInvalid => Some(Phase::Tls),
        Outcome::Closed | Outcome::Silent => Some(Phase::Greeting),
        Outcome::NotSmtp | Outcome::ModeMismatch if route.tls != TlsMode::Implicit => Some(Phase::Greeting),
        Outcome::NotSmtp | Outcome::ModeMismatch => Some(Phase::Tls),
        Outcome::Rejected if route.greeting.as_ref().and_then(|reply| reply.code()) != Some(220) => {
            Some(Phase::Greeting)
        }
        _ => None,
    }
}

fn failure(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Closed => "closed before it",
        Outcome::Silent => "none came",
        Outcome::NotSmtp => "not SMTP",
        Outcome::Rejected => "refused",
        Outcome::ModeMismatch => "the other TLS mode",
        Outcome::NoStarttls => "not offered",
        Outcome::StarttlsRefused => "refused",
        Outcome::Interrupted => "broken off",
        Outcome::TlsFailed => "failed",
        Outcome::CertInvalid => "certificate does not verify",
        Outcome::AuthFailed => "not accepted",
        _ => "",
    }
}

fn result(route: &Route, phase: Phase) -> String {
    let took = match phase {
        Phase::Greeting => route.timing.greeting,
        Phase::Ehlo => route.timing.ehlo,
        Phase::Starttls => route.timing.starttls,
        Phase::Tls => route.timing.tls,
        _ => None,
    };
    if let (Some(capabilities), Phase::EhloAfterTls) = (&route.after_tls, phase) {
        return format!("{} capabilities", capabilities.entries.len());
    }
    match (&route.session, phase) {
        (Some(session), Phase::Tls) => match took {
            Some(took) => format!("{} {}", session.version, duration(took)),
            None => session.version.clone(),
        },
        _ => took.map(duration).unwrap_or_default(),
    }
}

/// What a phase is called.
pub fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Connect => "connecting",
        Phase::Greeting => "greeting",
        Phase::Ehlo => "EHLO",
        Phase::Starttls => "STARTTLS",
        Phase::Tls => "TLS",
        Phase::EhloAfterTls => "EHLO in TLS",
        Phase::Auth => "sign in",
        Phase::Envelope => "envelope",
        Phase::Quit => "QUIT",
        Phase::Inspect => "a closer look",
    }
}

/// The glyph and style of a mark. `turn` moves the spinner of what is under way.
pub fn mark(mark: Mark, theme: &Theme, turn: Option<usize>) -> (&'static str, Style) {
    let glyphs = theme.glyphs;
    match (mark, turn) {
        (Mark::Good, _) => (glyphs.good, theme.style(Role::Good)),
        (Mark::Bad, _) => (glyphs.bad, theme.style(Role::Bad)),
        (Mark::Warn, _) => (glyphs.warn, theme.style(Role::Warn)),
        (Mark::Now, Some(turn)) => (glyphs.spinner[turn % glyphs.spinner.len()], theme.style(Role::Accent)),
        (Mark::Now, None) => (glyphs.current, theme.style(Role::Accent)),
        (Mark::Ahead, _) => (glyphs.ahead, theme.style(Role::Quiet)),
        (Mark::Note, _) => (glyphs.dot, theme.style(Role::Quiet)),
    }
}

fn spans(fact: &Fact, theme: &Theme, turn: Option<usize>) -> Vec<Span<'static>> {
    let (glyph, style) = mark(fact.mark, theme, turn);
    let mut spans = vec![Span::styled(glyph, style), Span::raw(" "), Span::raw(plain(&fact.name, theme))];
    if !fact.detail.is_empty() {
        spans.push(Span::raw(" "));
        let role = if fact.mark == Mark::Bad { Role::Bad } else { Role::Quiet };
        spans.push(Span::styled(plain(&fact.detail, theme), theme.style(role)));
    }
    spans
}

/// The facts of the shown step in rows, several a row, for panes that are wider than high.
pub fn rows(ui: &Ui, width: u16) -> Vec<Line<'static>> {
    const GAP: usize = 3;
    let room = usize::from(width.saturating_sub(4)).max(1);
    let turn = ui.animates().then_some(ui.turns);
    let mut rows: Vec<Line<'static>> = Vec::new();
    let mut used = 0;
    for fact in facts(ui) {
        let mut spans = spans(&fact, &ui.theme, turn);
        let mut columns: usize = spans.iter().map(Span::width).sum();
        if columns > room {
            for span in spans.iter_mut().skip(2) {
                let before = columns - span.width();
                *span = Span::styled(
                    cut(&span.content, room.saturating_sub(before).max(1), &ui.theme),
                    span.style,
                );
                columns = before + span.width();
            }
        }
        match rows.last_mut() {
            Some(row) if used + GAP + columns <= room => {
                row.push_span(Span::raw(" ".repeat(GAP)));
                row.extend(spans);
                used += GAP + columns;
            }
            _ => {
                let mut row = Line::raw("  ");
                row.extend(spans);
                rows.push(row);
                used = columns;
            }
        }
    }
    rows
}

/// The facts of the shown step one under the other, details in a column, for the walk pane.
pub fn list(ui: &Ui, width: u16, indent: usize) -> Vec<Line<'static>> {
    let turn = ui.animates().then_some(ui.turns);
    let facts = facts(ui);
    let width = usize::from(width);
    let longest = facts.iter().filter(|fact| !fact.detail.is_empty()).map(|fact| fact.name.width()).max();
    let column = longest.unwrap_or(0).min(width / 2);
    facts
        .iter()
        .map(|fact| {
            let mut spans = spans(fact, &ui.theme, turn);
            if spans.len() > 3 {
                let pad = (column + 2).saturating_sub(spans[2].width());
                spans[3] = Span::raw(" ".repeat(pad.max(1)));
            }
            spans.insert(0, Span::raw(" ".repeat(indent)));
            let last = spans.len() - 1;
            let before: usize = spans[..last].iter().map(Span::width).sum();
            let rest = cut(&spans[last].content, width.saturating_sub(before), &ui.theme);
            spans[last] = Span::styled(rest, spans[last].style);
            Line::from(spans)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_say_them() {
        let cases = [
            (0, "<1 ms"),
            (31_400, "31 ms"),
            (999_999, "999 ms"),
            (5_040_000, "5.0 s"),
            (61_000_000, "61.0 s"),
            (120_000_000, "2 min"),
        ];
        for (micros, text) in cases {
            assert_eq!(duration(Micros(micros)), text);
        }
    }
}
