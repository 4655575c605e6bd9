//! One probe of one route with a story, and the pairs of a story that gives a code and one that must not.

use crate::event::{ProbeId, RouteId};
use crate::session::testing::{Tape, V4};
use crate::session::{Finding, Session};
use crate::target::TlsMode;

/// What happens to one probe of one route.
pub(super) type Tell = fn(&mut Tape, RouteId, ProbeId);

/// The session of one route, 587 or 465 by its mode, and one probe with this story.
pub(super) fn tell(tls: TlsMode, story: Tell) -> Session {
    let mut tape = Tape::new();
    tape.resolves(&[V4]);
    let route = tape.route(if tls == TlsMode::Implicit { 465 } else { 587 }, tls);
    let probe = tape.probe(route);
    story(&mut tape, route, probe);
    if tape.session().probe(probe).is_none_or(|probe| probe.ended.is_none()) {
        tape.end(probe);
    }
    tape.session()
}

/// The finding of this code, where there is one.
pub(super) fn found<'a>(session: &'a Session, code: &str) -> Option<&'a Finding> {
    session.findings().iter().find(|finding| finding.code == code)
}

/// Two tests: a story that gives the code, and its neighbour that must not.
macro_rules! pair {
    ($says:ident, $no:ident, $code:literal, $tls:ident, $story:expr, $neighbour:expr $(,)?) => {
        #[test]
        fn $says() {
            let story: crate::session::tests::telling::Tell = $story;
            let session = crate::session::tests::telling::tell(crate::target::TlsMode::$tls, story);
            let codes: Vec<&str> = session.findings().iter().map(|finding| finding.code).collect();
            let finding = crate::session::tests::telling::found(&session, $code);
            assert!(finding.is_some(), "{codes:?}");
            let lines = session.transcript().lines().len();
            assert!(
                finding.is_some_and(|f| !f.evidence.is_empty() && f.evidence.iter().all(|at| *at < lines))
            );
        }

        #[test]
        fn $no() {
            let story: crate::session::tests::telling::Tell = $neighbour;
            let session = crate::session::tests::telling::tell(crate::target::TlsMode::$tls, story);
            assert!(
                crate::session::tests::telling::found(&session, $code).is_none(),
                "{:?}",
                session.findings()
            );
        }
    };
}
pub(super) use pair;
