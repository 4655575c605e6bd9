//! Takes secrets that servers were told out of what else they have a hand in: answers of DNS, pages, words of a proxy.
//!
//! A name that ehlo asked for itself stays, and so does what an answer has in common with it: a password `example` is
//! not taken out of `mx.example.com` where `example.com` was the question. Certificates and handshakes stay as they
//! are: other bytes would be another record; only text in the place of a handshake is text.

use crate::event::{
    ConnectOutcome, EventKind, LookupOutcome, PolicyOutcome, Record, RecordData, RecordType, Side,
};
use crate::wire::bytes::Bytes;
use crate::wire::sasl::Scrubber;

/// The event without what its server was told.
pub(super) fn without(mut kind: EventKind, told: &Scrubber) -> EventKind {
    if told.is_empty() {
        return kind;
    }
    match &mut kind {
        EventKind::Lookup { name, record, outcome, .. } => looked_up(outcome, name, *record, told),
        EventKind::SystemLookup { result: Err(text), .. } => hide(text, told),
        EventKind::PolicyFetched { outcome, .. } => match outcome {
            PolicyOutcome::Page(page) => *page = Bytes(told.text(&page.0)),
            PolicyOutcome::Failed(text) => hide(text, told),
            PolicyOutcome::Status(_)
            | PolicyOutcome::TooLong
            | PolicyOutcome::TimedOut
            | PolicyOutcome::NotReached => {}
        },
        EventKind::ConnectEnded { outcome: ConnectOutcome::Proxy { text, .. }, .. } => hide(text, told),
        EventKind::TlsBytes { from: Side::Server, bytes } if is_text(&bytes.0) => {
            bytes.0 = told.text(&bytes.0);
        }
        _ => {}
    }
    kind
}

fn looked_up(outcome: &mut LookupOutcome, asked: &str, record: RecordType, told: &Scrubber) {
    match outcome {
        LookupOutcome::Answers(records) => {
            for Record { name, data, .. } in records {
                hide_in_name(name, asked, told);
                match data {
                    RecordData::Txt(text) => hide(text, told),
                    // A reverse name has nothing in common with its question.
                    RecordData::Ptr(name) if record == RecordType::Ptr => hide(name, told),
                    RecordData::Cname(name)
                    | RecordData::Mx { exchange: name, .. }
                    | RecordData::Srv { target: name, .. }
                    | RecordData::Ptr(name) => hide_in_name(name, asked, told),
                    // In hexadecimal, of a certificate.
                    RecordData::Tlsa { data, .. } => hide(data, told),
                    RecordData::Address(_) => {}
                }
            }
        }
        LookupOutcome::NxDomain { at } => hide_in_name(at, asked, told),
        LookupOutcome::ServFail { extended: Some((_, text)) }
        | LookupOutcome::Unreachable(text)
        | LookupOutcome::Malformed(text) => hide(text, told),
        LookupOutcome::ServFail { extended: None }
        | LookupOutcome::NoData
        | LookupOutcome::Refused
        | LookupOutcome::OtherCode(_)
        | LookupOutcome::TimedOut => {}
    }
}

fn hide(text: &mut String, told: &Scrubber) {
    let left = told.text(text.as_bytes());
    if left != text.as_bytes() {
        *text = String::from_utf8_lossy(&left).into_owned();
    }
}

/// In a name, before the labels that it shares with the one asked for.
fn hide_in_name(name: &mut String, asked: &str, told: &Scrubber) {
    let same = |(a, b): &(&str, &str)| a.eq_ignore_ascii_case(b);
    let shared = name.rsplit('.').zip(asked.rsplit('.')).take_while(same).count();
    let labels: Vec<&str> = name.split('.').collect();
    let (own, shared) = labels.split_at(labels.len().saturating_sub(shared));
    if own.is_empty() {
        return;
    }
    let mut left = own.join(".");
    hide(&mut left, told);
    *name = [&[left.as_str()], shared].concat().join(".");
}

/// True for what is no TLS at all, but words.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::{SystemTime, UNIX_EPOCH};

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::event::{Endpoint, Event, Limits, Micros, ProbeId, ProxyFault, RouteId};
    use crate::lab::network::LabNetwork;
    use crate::lab::scenario::Scenario;
    use crate::probe::route::Job;
    use crate::probe::{Context, Family, LazyTls, inspect, policy, resolve};
    use crate::report;
    use crate::session::{Session, testing};
    use crate::target::{Host, Secret, TlsMode};

    const PASSWORD: &str = "correct horse battery staple";

    fn told(password: &str) -> Scrubber {
        Scrubber::new(&Secret::new(password.to_owned()))
    }

    /// A domain whose owner was told the password and says it wherever it can.
    fn network() -> LabNetwork {
        let echo = STANDARD.encode(PASSWORD);
        let text = include_str!("../../assets/lab/healthy.toml").to_owned()
            + &format!(
                "
[[dns.name]]
name = 'example.com'
txt = ['v=spf1 -all {PASSWORD}', '{echo}']
mx = ['10 correcthorsebatterystaple.example.com']
[[dns.name]]
name = 'mta-sts.example.com'
a = ['192.0.2.44']
[[address]]
ip = '192.0.2.44'
latency_ms = 5
[address.ports]
443 = {{ open = 'policy' }}
80 = {{ open = 'web' }}
[[http]]
id = 'web'
redirect = 'http://login.example.com/?{PASSWORD}'
[[http]]
id = 'policy'
secure = {{ certificate = 'policy' }}
page = [{{ path = '/.well-known/mta-sts.txt', body = 'version: STSv1\\nmode: {PASSWORD}\\nmx: {echo}\\n' }}]
[[certificate]]
id = 'policy'
names = ['mta-sts.example.com']
"
            );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        LabNetwork::new(Scenario::read("healthy", &text).unwrap(), i64::try_from(now).unwrap())
    }

    /// What is looked up and fetched of it; with the secret told before, or not.
    async fn heard(knows: bool) -> Vec<Event> {
        let network = Arc::new(network());
        let tls = Arc::new(LazyTls::new(network.trust().unwrap()));
        let limits = Limits { connect_ms: 5_000, reply_ms: 5_000, total_ms: 60_000 };
        let (send, mut events) = mpsc::unbounded_channel();
        let context = Context::new(network, tls, limits, "me.example.net".into(), Family::V4, send);
        if knows {
            context.recorder().told().learn(&Secret::new(PASSWORD.to_owned()));
        }
        let questions =
            [RecordType::Txt, RecordType::Mx].map(|record| ("example.com".to_owned(), record)).to_vec();
        let done = || oneshot::channel().0;
        resolve::ask(context.clone(), context.recorder(), "example.com".into(), questions, done()).await;
        policy::policy(context.clone(), context.recorder(), "mta-sts.example.com".into(), done()).await;
        let web = SocketAddr::new("192.0.2.44".parse().unwrap(), 80);
        let job = Job {
            route: RouteId(0),
            round: 1,
            host: Host::Name("example.com".into()),
            addresses: vec![web.ip()],
            port: web.port(),
            tls: TlsMode::None,
            closely: false,
            whole_chain: false,
        };
        inspect::http(&context, &job, &Endpoint::Address(web), false).await;
        drop(context);
        let mut heard = Vec::new();
        while let Some(event) = events.recv().await {
            heard.push(event);
        }
        heard
    }

    /// All that anybody gets to see: the journal, the transcript, the reports.
    fn shown(events: &[Event]) -> String {
        let started = EventKind::SessionStarted(testing::started("example.com"));
        let first = Event { at: Micros(0), probe: ProbeId::SESSION, kind: started };
        let mut session = Session::default();
        let mut shown = String::new();
        for event in std::iter::once(&first).chain(events) {
            session.apply(event);
            shown.push_str(&serde_json::to_string(event).unwrap());
        }
        for line in session.transcript().lines() {
            shown.push_str(&line.text);
        }
        shown + &report::json::json(&session) + &report::markdown::markdown(&session)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_says_it_in_dns_and_in_its_pages() {
        let echo = STANDARD.encode(PASSWORD);
        let echo = echo.trim_end_matches('=');
        let echo = &echo[..echo.len() - 2];
        let forms = [PASSWORD, "horse", echo, "correcthorsebatterystaple"];
        let before = shown(&heard(false).await);
        assert!(forms.iter().all(|form| before.contains(form)), "it does say it: {before}");
        let events = heard(true).await;
        let hidden = events.iter().filter(|event| format!("{event:?}").contains("[hidden]")).count();
        assert_eq!(hidden, 4, "TXT, MX, the policy and the redirect: {events:#?}");
        let after = shown(&events);
        for form in forms {
            assert!(!after.contains(form), "{form}: {after}");
        }
        assert!(after.contains("v=spf1 -all [hidden]") && after.contains("[hidden].example.com"), "{after}");
    }

    #[test]
    fn names_keep_what_was_asked_for() {
        let kept = |password: &str, name: &str, asked: &str| {
            let mut name = name.to_owned();
            hide_in_name(&mut name, asked, &told(password));
            name
        };
        assert_eq!(kept("example", "mx.Example.com", "example.com"), "mx.Example.com");
        assert_eq!(kept("example", "example.com", "example.com"), "example.com");
        assert_eq!(kept("example", "mx.example.net", "example.com"), "mx.[hidden].net");
        assert_eq!(kept("hunter2", "hunter2.example.com", "example.com"), "[hidden].example.com");
        assert_eq!(
            kept("hunTer2Geheim", "hunter2.geheim.example.com", "example.com"),
            "[hidden].example.com"
        );
    }

    #[test]
    fn other_words_of_servers() {
        let told = told("hunter2");
        let failed = |outcome| EventKind::Lookup {
            name: "example.com".into(),
            record: RecordType::A,
            source: crate::event::LookupSource::Dns(None),
            outcome,
            took: Micros(0),
        };
        let text = || "no hunter2 here".to_owned();
        let address = Endpoint::Name("smtp.example.com".into(), 587);
        let proxy = ConnectOutcome::Proxy { text: text(), fault: ProxyFault::Unknown };
        let took = Micros(0);
        for kind in [
            failed(LookupOutcome::ServFail { extended: Some((0, text())) }),
            failed(LookupOutcome::Malformed(text())),
            failed(LookupOutcome::NxDomain { at: "hunter2.example.net".into() }),
            EventKind::PolicyFetched { host: "h".into(), outcome: PolicyOutcome::Failed(text()), took },
            EventKind::ConnectEnded { address, outcome: proxy, took, local: None, retransmitted: Vec::new() },
            EventKind::TlsBytes { from: Side::Server, bytes: text().into_bytes().into() },
        ] {
            let left = without(kind.clone(), &told);
            assert_ne!(left, kind);
            assert_eq!(without(kind.clone(), &Scrubber::default()), kind, "nobody was told anything");
            assert!(!format!("{left:?}").contains("hunter2"), "{left:?}");
        }
        let record =
            EventKind::TlsBytes { from: Side::Server, bytes: b"\x16\x03\x03\0\x07hunter2".to_vec().into() };
        assert_eq!(without(record.clone(), &told), record, "a record of TLS stays as it is");
    }
}
