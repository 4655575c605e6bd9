//! The report's part on names: what DNS and the policy over HTTPS say.

use serde::Serialize;

use crate::event::{LookupOutcome, LookupSource, Micros, RecordData};
use crate::session::Session;

#[derive(Debug, Serialize)]
pub(super) struct Dns {
    host: String,
    cname: Vec<String>,
    a: Vec<String>,
    aaaa: Vec<String>,
    ms: Option<f64>,
    source: Option<&'static str>,
    system: Option<Vec<String>>,
    mx: Vec<MxReport>,
    srv: Vec<SrvReport>,
    txt: Vec<TxtReport>,
    tlsa: Vec<TlsaReport>,
    ptr: Vec<PtrReport>,
    mta_sts: Option<PolicyReport>,
}

#[derive(Debug, Serialize)]
struct MxReport {
    domain: String,
    preference: u16,
    host: String,
    validated: bool,
}

#[derive(Debug, Serialize)]
struct SrvReport {
    name: String,
    priority: u16,
    weight: u16,
    port: u16,
    target: String,
}

#[derive(Debug, Serialize)]
struct TxtReport {
    name: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct TlsaReport {
    name: String,
    usage: u8,
    selector: u8,
    matching: u8,
    data: String,
    validated: bool,
}

#[derive(Debug, Serialize)]
struct PtrReport {
    address: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct PolicyReport {
    host: String,
    mode: Option<&'static str>,
    mx: Vec<String>,
    max_age: Option<u64>,
    error: Option<String>,
}

fn published(session: &Session, report: &mut Dns) {
    for answer in &session.dns().answers {
        let LookupOutcome::Answers(records) = &answer.outcome else { continue };
        let validated = matches!(answer.source, LookupSource::Validated(_));
        let name = || answer.name.clone();
        for record in records {
            match &record.data {
                RecordData::Mx { preference, exchange } => report.mx.push(MxReport {
                    domain: name(),
                    preference: *preference,
                    host: exchange.clone(),
                    validated,
                }),
                RecordData::Srv { priority, weight, port, target } => report.srv.push(SrvReport {
                    name: name(),
                    priority: *priority,
                    weight: *weight,
                    port: *port,
                    target: target.clone(),
                }),
                RecordData::Txt(text) => report.txt.push(TxtReport { name: name(), text: text.clone() }),
                RecordData::Tlsa { usage, selector, matching, data } => report.tlsa.push(TlsaReport {
                    name: name(),
                    usage: *usage,
                    selector: *selector,
                    matching: *matching,
                    data: data.clone(),
                    validated,
                }),
                RecordData::Ptr(target) => {
                    report.ptr.push(PtrReport { address: name(), name: target.clone() });
                }
                RecordData::Address(_) | RecordData::Cname(_) => {}
            }
        }
    }
    report.mta_sts = session.beyond().policy.as_ref().map(|fetched| {
        let policy = fetched.policy.as_ref().ok();
        PolicyReport {
            host: fetched.host.clone(),
            mode: policy.map(|policy| policy.mode.word()),
            mx: policy.map(|policy| policy.mx.clone()).unwrap_or_default(),
            max_age: policy.map(|policy| policy.max_age),
            error: fetched.policy.as_ref().err().cloned(),
        }
    });
}

/// What the session knows of names.
pub(super) fn dns(session: &Session) -> Dns {
    let mut report = addresses(session);
    published(session, &mut report);
    report
}

fn addresses(session: &Session) -> Dns {
    let dns = session.dns();
    let addresses = |list: &[std::net::IpAddr]| list.iter().map(ToString::to_string).collect();
    Dns {
        host: session.started().map(|started| started.host.clone()).unwrap_or_default(),
        cname: dns.cname.clone(),
        a: addresses(&dns.a),
        aaaa: addresses(&dns.aaaa),
        ms: dns.took.map(Micros::as_ms),
        source: dns.answers.first().map(|answer| match answer.source {
            LookupSource::Dns(_) | LookupSource::Validated(_) => "dns",
            LookupSource::HostsFile => "hosts-file",
            LookupSource::Given => "given",
            LookupSource::Literal => "literal",
        }),
        system: dns.system.as_ref().and_then(|(result, _)| result.as_ref().ok()).map(|list| addresses(list)),
        mx: Vec::new(),
        srv: Vec::new(),
        txt: Vec::new(),
        tlsa: Vec::new(),
        ptr: Vec::new(),
        mta_sts: None,
    }
}
