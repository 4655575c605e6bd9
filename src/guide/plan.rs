//! What a step will do, said before it is done: to whom it connects, what it sends, and what stays undone.

use crate::event::{RecordType, RouteOrigin};
use crate::session::Route;
use crate::target::TlsMode;

/// What a step will do, before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Step id: `host`, `route-587-starttls`, `way-out`, `verdict`.
    pub step: String,
    /// In one line: to whom, what is sent, and what stays undone.
    pub text: String,
}

/// The step id of a route: `route-587-starttls`; where DNS named the host, several may share a port, and so the host
/// follows: `route-25-starttls@mx1.example.com`.
pub fn step_id(route: &Route) -> String {
    let id = step_id_of(route.port, route.tls);
    match route.origin {
        RouteOrigin::Srv | RouteOrigin::Mx => format!("{id}@{}", route.host),
        _ => id,
    }
}

/// The same from port and mode.
pub fn step_id_of(port: u16, tls: TlsMode) -> String {
    format!("route-{port}-{tls}")
}

/// The plan of a route's step.
pub fn route(route: &Route) -> Plan {
    let to = format!("connects to {} port {}", route.host, route.port);
    let dialogue = match route.tls {
        TlsMode::Starttls => {
            format!("{to}, reads the greeting, sends EHLO, STARTTLS, makes TLS, sends EHLO, QUIT")
        }
        TlsMode::Implicit => {
            format!("{to}, makes TLS at once, reads the greeting, sends EHLO, QUIT")
        }
        TlsMode::None => {
            format!("{to}, reads the greeting, sends EHLO, QUIT, all of it in cleartext")
        }
    };
    let second = match route.tls {
        TlsMode::None => "",
        _ => "; a second connection may look at the certificate",
    };
    Plan { step: step_id(route), text: format!("{dialogue}{second}; no mail and no password is sent") }
}

/// The plan of looking the host up; through a proxy that is done where the proxy is.
pub fn host(host: &str, is_address: bool, carrier: Option<&str>) -> Plan {
    let text = if is_address {
        format!("{host} is an address: nothing is looked up and nothing is sent")
    } else if let Some(carrier) = carrier {
        format!("looks nothing up here: {carrier} looks {host} up when it connects; nothing is sent yet")
    } else {
        format!(
            "asks DNS for the IPv6 and IPv4 addresses of {host}, and this system's own resolver for comparison; \
             nothing is sent to {host} itself"
        )
    };
    Plan { step: "host".to_owned(), text }
}

/// The plan of the control connection.
pub fn way_out(host: &str, ports: &[u16]) -> Plan {
    let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", then port ");
    Plan {
        step: "way-out".to_owned(),
        text: format!(
            "connects to {host} port {ports}, and closes again as soon as one answers; not a byte is sent"
        ),
    }
}

/// The plan of the verdict.
pub fn verdict() -> Plan {
    Plan {
        step: "verdict".to_owned(),
        text: "sends nothing: draws the conclusion from what was seen".to_owned(),
    }
}

/// The plan of asking DNS what it says of a domain; that is asked from here, whoever carries the connections.
pub fn ask(
    step: &str,
    domain: &str,
    about: &str,
    questions: &[(String, RecordType)],
    carrier: Option<&str>,
) -> Plan {
    let list: Vec<_> =
        questions.iter().take(4).map(|(name, record)| format!("{} {name}", record.name())).collect();
    let more = match questions.len().saturating_sub(list.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Plan {
        step: step.to_owned(),
        text: format!(
            "asks DNS about {domain}: {about} ({}{more}){}; nothing is sent to a mail server",
            list.join(", "),
            not_through(carrier)
        ),
    }
}

/// The same plan, where a proxy carries the connections.
pub fn through(mut plan: Plan, carrier: Option<&str>) -> Plan {
    if let Some(carrier) = carrier {
        plan.text.push_str(&format!("; carried by {carrier}"));
    }
    plan
}

fn not_through(carrier: Option<&str>) -> String {
    carrier.map(|carrier| format!(", from this machine and not through {carrier}")).unwrap_or_default()
}

/// The plan of fetching an MTA-STS policy.
pub fn policy(host: &str, carrier: Option<&str>) -> Plan {
    let way = match carrier {
        Some(carrier) => format!("connects through {carrier} to port 443 of {host}"),
        None => format!("looks up {host}, connects to its port 443"),
    };
    Plan {
        step: "mta-sts-policy".to_owned(),
        text: format!("{way}, makes verified TLS and fetches one page, the policy; nothing else is sent"),
    }
}

/// The plan of asking DNS about a domain.
pub fn discover(domain: &str, questions: &[(String, RecordType)], carrier: Option<&str>) -> Plan {
    let list: Vec<_> = questions.iter().map(|(name, record)| format!("{} {name}", record.name())).collect();
    Plan {
        step: "discover".to_owned(),
        text: format!(
            "asks DNS where {domain} has its mail servers ({}){}; nothing is sent to them",
            list.join(", "),
            not_through(carrier)
        ),
    }
}
