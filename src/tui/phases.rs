//! The phases of an exchange: which one a transcript line belongs to, and how long each took.
//!
//! Computed from the transcript once per batch of events, for the ladder and the bars; nothing here draws.

use crate::event::{Awaited, CloseKind, ConnectOutcome, Micros, ProbeId, RouteId};
use crate::session::transcript::{From, Layer};
use crate::session::{Line, Meaning, Session};

/// What a line is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Names are looked up.
    LookUp,
    /// TCP.
    Connect,
    /// The server's greeting.
    Greeting,
    /// EHLO, or HELO, in cleartext.
    Ehlo,
    /// STARTTLS and its reply.
    Starttls,
    /// The handshake and the certificates.
    Tls,
    /// EHLO inside TLS.
    EhloInTls,
    /// AUTH.
    SignIn,
    /// MAIL, RCPT, RSET, DATA.
    Envelope,
    /// Another command.
    Command,
    /// QUIT and the end.
    Goodbye,
    /// A second connection that looks at something.
    SecondLook,
}

impl Phase {
    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::LookUp => "look-up",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Ehlo => "EHLO",
            Self::Starttls => "STARTTLS",
            Self::Tls => "TLS",
            Self::EhloInTls => "EHLO in TLS",
            Self::SignIn => "sign in",
            Self::Envelope => "envelope",
            Self::Command => "command",
            Self::Goodbye => "goodbye",
            Self::SecondLook => "second look",
        }
    }

    /// The phase of a line; `None` where it belongs to whatever was before it.
    pub fn of(line: &Line) -> Option<Self> {
        let of_verb = |verb: &str| match verb {
            "EHLO" | "HELO" if line.encrypted => Self::EhloInTls,
            "EHLO" | "HELO" => Self::Ehlo,
            "STARTTLS" => Self::Starttls,
            "AUTH" => Self::SignIn,
            "MAIL" | "RCPT" | "RSET" | "DATA" => Self::Envelope,
            "QUIT" => Self::Goodbye,
            _ => Self::Command,
        };
        match &line.meaning {
            Meaning::Closed(_) => None,
            Meaning::Greeting { .. } => Some(Self::Greeting),
            Meaning::Command { verb, .. } => Some(of_verb(verb)),
            Meaning::EhloName | Meaning::Capability { .. } => Some(of_verb("EHLO")),
            Meaning::Reply { to, .. } if !to.is_empty() => Some(of_verb(to)),
            Meaning::WaitExpired { awaited: Awaited::Greeting, .. } => Some(Self::Greeting),
            Meaning::WaitExpired { awaited: Awaited::Handshake, .. } => Some(Self::Tls),
            _ => match line.layer {
                Layer::Dns => Some(Self::LookUp),
                Layer::Tcp => Some(Self::Connect),
                Layer::Tls => Some(Self::Tls),
                Layer::Smtp => None,
            },
        }
    }
}

/// One phase of one route, as a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which.
    pub phase: Phase,
    /// When it began.
    pub from: Micros,
    /// When its last line came.
    pub to: Micros,
    /// Its lines: the first and the last of them.
    pub lines: (usize, usize),
}

/// The phases of one route, or of the look-ups before all routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The route.
    pub route: Option<RouteId>,
    /// Its phases, in order.
    pub bars: Vec<Bar>,
    /// One round trip, as the connect showed it.
    pub round_trip: Option<Micros>,
}

impl Group {
    /// From its beginning to its end.
    pub fn span(&self) -> (Micros, Micros) {
        let from = self.bars.iter().map(|bar| bar.from).min().unwrap_or_default();
        (from, self.bars.iter().map(|bar| bar.to).max().unwrap_or_default())
    }
}

/// All groups that have a bar: the look-ups, then the routes in their order.
pub fn groups(session: &Session) -> Vec<Group> {
    let routes = session.routes().iter().filter_map(|route| of_route(session, route.id, route.probe?));
    look_ups(session).into_iter().chain(routes).collect()
}

fn look_ups(session: &Session) -> Option<Group> {
    let lines = session.transcript().lines();
    let mut bar: Option<Bar> = None;
    for answer in &session.dns().answers {
        let Some(line) = lines.get(answer.line) else { continue };
        let from = Micros(line.at.0.saturating_sub(answer.took.0));
        let fresh = Bar { phase: Phase::LookUp, from, to: line.at, lines: (answer.line, answer.line) };
        let bar = bar.get_or_insert(fresh);
        bar.from = bar.from.min(from);
        bar.to = bar.to.max(line.at);
        bar.lines.1 = bar.lines.1.max(answer.line);
    }
    bar.map(|bar| Group { route: None, bars: vec![bar], round_trip: None })
}

fn of_route(session: &Session, route: RouteId, main: ProbeId) -> Option<Group> {
    let mut group = Group { route: Some(route), bars: Vec::new(), round_trip: None };
    let mut over = false;
    let mut looks: Vec<(ProbeId, Bar)> = Vec::new();
    for (index, line) in session.transcript().of_route(route) {
        if line.probe == main {
            // Nobody waits for what comes after QUIT.
            over |= Phase::of(line) == Some(Phase::Goodbye);
            if over || line.meaning == Meaning::Closed(CloseKind::ByUs) {
                continue;
            }
            extend(&mut group, index, line);
        } else if line.probe > main {
            // Connections that look at something; earlier rounds of the route have smaller numbers.
            match looks.iter_mut().find(|(probe, _)| *probe == line.probe) {
                Some((_, bar)) => {
                    // One that signs in, or goes on to the envelope, is worth its name.
                    if let Some(phase @ (Phase::SignIn | Phase::Envelope)) = Phase::of(line) {
                        bar.phase = phase;
                    }
                    bar.to = line.at;
                    bar.lines.1 = index;
                }
                None => {
                    let (phase, at) = (Phase::SecondLook, line.at);
                    looks.push((line.probe, Bar { phase, from: at, to: at, lines: (index, index) }));
                }
            }
        }
    }
    group.bars.extend(looks.into_iter().map(|(_, bar)| bar));
    (!group.bars.is_empty()).then_some(group)
}

/// Takes a line of the route's own probe.
fn extend(group: &mut Group, index: usize, line: &Line) {
    let before = group.bars.last().map(|bar| (bar.phase, bar.to));
    let phase = Phase::of(line).or(before.map(|(phase, _)| phase)).unwrap_or(Phase::Connect);
    let settled = group.round_trip.is_some() || before.is_some_and(|(phase, _)| phase > Phase::Connect);
    if phase == Phase::Connect && settled {
        // Another address, once the dialogue has its connection.
        return;
    }
    if let Meaning::Connect { outcome: ConnectOutcome::Connected, took, .. } = &line.meaning {
        group.round_trip = Some(*took);
    }
    match group.bars.last_mut().filter(|bar| bar.phase == phase) {
        Some(bar) => {
            bar.to = line.at;
            bar.lines.1 = index;
        }
        None => {
            // What the other end says first was waited for since the phase before.
            let waited = line.from == From::Server || matches!(line.meaning, Meaning::WaitExpired { .. });
            let from = before.filter(|_| waited).map_or(line.at, |(_, to)| to);
            group.bars.push(Bar { phase, from, to: line.at, lines: (index, index) });
        }
    }
}

/// Where a line is among the groups: group and bar.
pub fn place(groups: &[Group], at: usize, line: &Line) -> Option<(usize, usize)> {
    let route = if line.layer == Layer::Dns { None } else { line.route };
    let group = groups.iter().position(|group| group.route == route)?;
    let bars = &groups.get(group)?.bars;
    let holds = |bar: &Bar| bar.lines.0 <= at && at <= bar.lines.1;
    let bar = bars.iter().position(holds).or_else(|| bars.iter().rposition(|bar| bar.lines.0 <= at))?;
    Some((group, bar))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::testing::{Tape, stories};
    use crate::target::TlsMode;

    fn told(groups: &[Group]) -> Vec<String> {
        let bar = |bar: &Bar| format!("{} {}", bar.phase.name(), bar.to.since(bar.from).0 / 1_000);
        groups.iter().map(|group| group.bars.iter().map(bar).collect::<Vec<_>>().join(", ")).collect()
    }

    #[test]
    fn every_phase_has_its_time() {
        let mut tape = Tape::new();
        tape.resolves(&["192.0.2.10"]);
        tape.healthy(587, TlsMode::Starttls);
        tape.healthy(465, TlsMode::Implicit);
        let session = tape.session();
        insta::assert_snapshot!(told(&groups(&session)).join("\n"));
    }

    #[test]
    fn every_line_of_a_route_has_its_bar() {
        for (name, events) in stories() {
            let session = crate::session::testing::play(&events);
            let groups = groups(&session);
            for (at, line) in session.transcript().lines().iter().enumerate() {
                let found = place(&groups, at, line).is_some();
                assert!(found || line.route.is_none(), "{name}: {}", line.text);
            }
            for bar in groups.iter().flat_map(|group| &group.bars) {
                assert!(bar.from <= bar.to && bar.lines.0 <= bar.lines.1, "{name}: {bar:?}");
            }
        }
    }
}
