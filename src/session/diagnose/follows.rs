//! Which finding only follows from another: one cause is told once.
//!
//! Each rule concludes by itself, so a port 25 that drops packets is said as a block on the way out, as a set of ports
//! that are all blocked, as a filtered port and as a mail server that cannot be reached. All of it is true and stays in
//! the list, for programs look for the codes. Here each such finding is told its cause, [`Finding::follows`], and stands
//! directly behind it. Faces tell the cause in full and what follows from it in a line.
//!
//! The cause is, in this order: the block on the way out, where a control connection has shown it; the one kind of
//! answer that every port gave, where it says more than silence; the ports taken together; the port of one route.
//! Nothing is weighed but codes and routes of findings: no rule is made twice here.

use crate::session::{Finding, Severity};

/// What the connect to one port came to.
const PORT: [&str; 5] =
    ["port-filtered", "port-refused", "port-prohibited", "port-unreachable", "local-firewall"];

/// Sets what each finding follows from, and puts it behind that one; the others keep their order.
pub(super) fn arrange(found: &mut Vec<Finding>) {
    let causes: Vec<Option<usize>> = (0..found.len()).map(|at| cause(found, at)).collect();
    let codes: Vec<_> =
        causes.iter().map(|cause| cause.and_then(|at| found.get(at)).map(|f| f.code)).collect();
    for (finding, code) in found.iter_mut().zip(codes) {
        finding.follows = code;
    }
    let mut behind: Vec<(usize, bool, usize, Finding)> = found
        .drain(..)
        .zip(causes)
        .enumerate()
        .map(|(at, (finding, cause))| (cause.unwrap_or(at), cause.is_some(), at, finding))
        .collect();
    behind.sort_by_key(|(cause, follows, at, _)| (*cause, *follows, *at));
    found.extend(behind.into_iter().map(|(_, _, _, finding)| finding));
}

/// The finding that this one follows from. It follows from nothing itself.
fn cause(found: &[Finding], at: usize) -> Option<usize> {
    let finding = found.get(at)?;
    let whole = of_all(found);
    let blocked = whole.is_some() && finding.severity == Severity::Error;
    let cause = match finding.code {
        "all-ports-blocked" => whole,
        code if PORT.contains(&code) && blocked => whole,
        "mx-unreachable" => {
            let same = |other: &Finding| other.route == finding.route && PORT.contains(&other.code);
            let port = found.iter().position(|other| finding.route.is_some() && same(other));
            if blocked && port.is_some() { whole } else { port }
        }
        // The look-up that found no name says of an alias what it leads to, and who can mend it.
        "dns-cname-dangling" => found.iter().position(|other| {
            other.code == "dns-nxdomain" && finding.evidence.iter().any(|line| other.evidence.contains(line))
        }),
        _ => None,
    };
    cause.filter(|cause| *cause != at)
}

/// What all ports have in common, where every one of them is blocked.
fn of_all(found: &[Finding]) -> Option<usize> {
    let by_code = |code: &str| found.iter().position(|finding| finding.code == code);
    let together = by_code("all-ports-blocked")?;
    if let Some(on_the_way_out) = by_code("egress-blocked") {
        return Some(on_the_way_out);
    }
    let mut ports = found.iter().enumerate().filter(|(_, finding)| PORT.contains(&finding.code));
    let Some((first, port)) = ports.next() else { return Some(together) };
    let (mut alike, mut several) = (true, false);
    for (_, other) in ports {
        several = true;
        alike &= other.code == port.code;
    }
    // Silence of several ports says less of each than of all.
    let tells = alike && !(several && port.code == "port-filtered");
    Some(if tells { first } else { together })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RouteId;
    use crate::session::diagnose::finding;

    fn arranged(codes: &[(&'static str, Option<u16>)]) -> Vec<(&'static str, Option<&'static str>)> {
        let make = |(code, route): &(&'static str, Option<u16>)| Finding {
            route: route.map(RouteId),
            ..finding(code, Severity::Error, vec![1], std::collections::BTreeMap::new())
        };
        let mut found: Vec<Finding> = codes.iter().map(make).collect();
        arrange(&mut found);
        found.iter().map(|finding| (finding.code, finding.follows)).collect()
    }

    #[test]
    fn the_block_on_the_way_out_comes_first_and_explains_the_rest() {
        let from = Some("egress-blocked");
        assert_eq!(
            arranged(&[
                ("all-ports-blocked", None),
                ("egress-blocked", None),
                ("spf-multiple", None),
                ("mx-unreachable", Some(0)),
                ("port-filtered", Some(0)),
            ]),
            [
                ("egress-blocked", None),
                ("all-ports-blocked", from),
                ("mx-unreachable", from),
                ("port-filtered", from),
                ("spf-multiple", None),
            ]
        );
    }

    #[test]
    fn several_silent_ports_are_told_together_and_a_single_one_by_itself() {
        let both = [("all-ports-blocked", None), ("port-filtered", Some(0)), ("port-filtered", Some(1))];
        let together = Some("all-ports-blocked");
        assert_eq!(
            arranged(&both),
            [("all-ports-blocked", None), ("port-filtered", together), ("port-filtered", together)]
        );
        assert_eq!(
            arranged(&both[..2]),
            [("port-filtered", None), ("all-ports-blocked", Some("port-filtered"))]
        );
    }

    #[test]
    fn what_all_ports_answer_says_more_than_that_they_are_blocked() {
        let own = Some("local-firewall");
        assert_eq!(
            arranged(&[
                ("all-ports-blocked", None),
                ("local-firewall", Some(0)),
                ("local-firewall", Some(1))
            ]),
            [("local-firewall", None), ("all-ports-blocked", own), ("local-firewall", own)]
        );
    }

    #[test]
    fn an_alias_that_leads_nowhere_is_told_with_the_name_that_is_gone() {
        let gone = [("dns-nxdomain", None), ("spf-multiple", None), ("dns-cname-dangling", None)];
        assert_eq!(
            arranged(&gone),
            [("dns-nxdomain", None), ("dns-cname-dangling", Some("dns-nxdomain")), ("spf-multiple", None)]
        );
        assert_eq!(arranged(&gone[2..]), [("dns-cname-dangling", None)]);
    }

    #[test]
    fn a_mail_server_is_out_of_reach_because_of_its_own_port_only() {
        assert_eq!(
            arranged(&[
                ("mx-unreachable", Some(0)),
                ("mx-unreachable", Some(1)),
                ("port-refused", Some(1)),
                ("mx-unreachable", None),
            ]),
            [
                ("mx-unreachable", None),
                ("port-refused", None),
                ("mx-unreachable", Some("port-refused")),
                ("mx-unreachable", None),
            ],
            "the one without an address follows from no port"
        );
    }
}
