//! Journals of a hundred thousand events: what is looked at for one event does not grow with those before it.

use crate::event::{
    Event, EventKind, InspectReason, LookupOutcome, LookupSource, Micros, ProbeEnd, ProbeId, Purpose,
    RecordType, RouteId,
};
use crate::session::apply::MAX_ROUNDS;
use crate::session::{Outcome, Session, testing};

/// A walk that works, without its last event; its route's probe, and that probe's events.
fn walk() -> (Vec<Event>, ProbeId, Vec<Event>) {
    let mut events = testing::healthy_587();
    events.pop();
    let is_route =
        |event: &&Event| matches!(&event.kind, EventKind::ProbeStarted { purpose: Purpose::Route { .. } });
    let probe = events.iter().find(is_route).unwrap().probe;
    let of_probe = events.iter().filter(|event| event.probe == probe).cloned().collect();
    (events, probe, of_probe)
}

fn session(events: &[Event]) -> Session {
    let mut session = Session::default();
    events.iter().for_each(|event| session.apply(event));
    session
}

fn event(probe: u32, kind: EventKind) -> Event {
    Event { at: Micros(1_000_000), probe: ProbeId(probe), kind }
}

#[test]
fn a_route_that_is_inspected_without_end_keeps_a_few_inspections() {
    let (mut events, ProbeId(probe), _) = walk();
    for number in 1..2_000 {
        let purpose = Purpose::Inspect { route: RouteId(0), why: InspectReason::Relaxed };
        events.push(event(probe + number, EventKind::ProbeStarted { purpose }));
        events.push(event(probe + number, EventKind::ProbeEnded { how: ProbeEnd::Completed }));
    }
    let session = session(&events);
    let inspects = |probe: &&crate::session::Probe| matches!(probe.purpose, Some(Purpose::Inspect { .. }));
    assert_eq!(session.probes().filter(inspects).count(), 32);
    assert_eq!(session.books[&RouteId(0)].probes.len(), 33, "the route's own and these");
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
}

#[test]
fn a_route_that_is_probed_without_end_keeps_its_first_rounds_and_the_last_record() {
    let (mut events, ProbeId(probe), round) = walk();
    let times = u32::try_from(MAX_ROUNDS).unwrap() + 50;
    for number in 1..=times {
        let again = round.iter().map(|event| Event { probe: ProbeId(probe + number), ..event.clone() });
        events.extend(again);
    }
    let session = session(&events);
    let route = &session.routes()[0];
    assert_eq!((route.rounds.len(), route.rounds[0].probe), (MAX_ROUNDS, ProbeId(probe)));
    assert_eq!((route.probe, route.outcome), (Some(ProbeId(probe + times)), Outcome::Works));
    assert!(session.probes().count() < 10, "records of two rounds are kept");
}

#[test]
fn what_dane_demands_is_judged_anew_so_many_times_only() {
    let (mut events, ProbeId(probe), _) = walk();
    let tlsa = |number: u32| EventKind::Lookup {
        name: format!("n{number}.example"),
        record: RecordType::Tlsa,
        source: LookupSource::Dns(None),
        outcome: LookupOutcome::NoData,
        took: Micros(1),
    };
    events.extend((0..3_000).map(|number| event(probe, tlsa(number))));
    let session = session(&events);
    assert_eq!(session.demands, crate::session::apply::MAX_DEMANDS);
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
}
