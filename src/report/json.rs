//! `ehlo-report/1`: the report for programs. Fields may be added; none changes its meaning.

mod dns;

use serde::Serialize;

use self::dns::{Dns, dns};

use crate::event::{ConnectOutcome, IcmpError, Micros, ProxyFault};
use crate::guide::hosting::Hosting;
use crate::guide::recommendation::{self, Recommendation, Status};
use crate::guide::walk::{self, StepState};
use crate::guide::{glossary, hosting, lead, request, words};
use crate::session::route::{Attempt, Told};
use crate::session::transcript::{From, Layer};
use crate::session::{Finding, Outcome, Route, Session, Severity};
use crate::target::{Host, TlsMode};
use crate::wire::capability::Capabilities;
use crate::wire::certificate::{Certificate, date};
use crate::wire::printable::visible_json;

/// The version of this form.
pub const SCHEMA: &str = "ehlo-report/1";

/// The report, indented.
pub fn json(session: &Session) -> String {
    // Serialising these types cannot fail: no maps with odd keys, no fallible implementations.
    visible_json(&serde_json::to_string_pretty(&report(session)).unwrap_or_default())
}

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    ehlo_version: String,
    target: Target,
    vantage: String,
    started_at: String,
    elapsed_ms: f64,
    ended: Option<&'static str>,
    recommendation: Option<Recommended>,
    routes: Vec<RouteReport>,
    dns: Dns,
    findings: Vec<FindingReport>,
    hosting: Option<HostingReport>,
    request: Option<RequestReport>,
    /// Where an error message led to the walk.
    lead: Option<LeadReport>,
    path: Vec<PathReport>,
    transcript: Vec<LineReport>,
    warnings: Vec<String>,
}

/// What an error message was taken for, and whether the probe showed it.
#[derive(Debug, Serialize)]
struct LeadReport {
    causes: Vec<String>,
    start_at: String,
    held: &'static str,
    says: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Target {
    input: String,
    host: String,
    /// The host in its own letters, where DNS spells it in ASCII.
    unicode: Option<String>,
    goal: &'static str,
}

#[derive(Debug, Serialize)]
struct Recommended {
    status: &'static str,
    host: String,
    port: u16,
    tls: TlsMode,
    auth: Vec<String>,
    blockers: Vec<&'static str>,
    summary: String,
    reasons: Vec<String>,
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Serialize)]
struct Alternative {
    port: u16,
    tls: TlsMode,
}

#[derive(Debug, Serialize)]
struct RouteReport {
    host: String,
    port: u16,
    tls: TlsMode,
    outcome: Outcome,
    address: Option<String>,
    attempts: Vec<AttemptReport>,
    rounds: Vec<Outcome>,
    timing_ms: TimingReport,
    greeting: Option<String>,
    capabilities: CapabilitiesReport,
    auth: Vec<String>,
    tls_session: Option<TlsReport>,
    certificates: Vec<CertificateReport>,
    findings: Vec<&'static str>,
    submission: Option<SubmissionReport>,
}

/// Signing in and the envelope, on the route where they were tried.
#[derive(Debug, Serialize)]
struct SubmissionReport {
    user: Option<String>,
    mechanism: Option<String>,
    auth: Option<ToldReport>,
    envelope: Vec<ToldReport>,
}

#[derive(Debug, Serialize)]
struct ToldReport {
    command: String,
    accepted: bool,
    reply: String,
}

#[derive(Debug, Serialize)]
struct AttemptReport {
    address: String,
    outcome: &'static str,
    detail: Option<String>,
    ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct TimingReport {
    connect: Option<f64>,
    greeting: Option<f64>,
    ehlo: Option<f64>,
    starttls: Option<f64>,
    tls: Option<f64>,
    total: Option<f64>,
}

#[derive(Debug, Serialize)]
struct CapabilitiesReport {
    before_tls: Vec<String>,
    after_tls: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TlsReport {
    version: String,
    cipher: String,
    group: Option<String>,
}

#[derive(Debug, Serialize)]
struct CertificateReport {
    subject: String,
    issuer: String,
    not_before: String,
    not_after: String,
    /// Whole days until then, from the end of the run; negative where it is past.
    days_left: Option<i64>,
    names: Vec<String>,
    key: String,
    signature: String,
}

#[derive(Debug, Serialize)]
struct FindingReport {
    code: &'static str,
    severity: Severity,
    port: Option<u16>,
    summary: String,
    explanation: String,
    fix: String,
    evidence: Vec<usize>,
    reference: Option<String>,
    owner: words::Owner,
    confirm: Option<String>,
    follows_from: Option<&'static str>,
}

/// The company whose machine this is, and what it blocks.
#[derive(Debug, Serialize)]
struct HostingReport {
    id: &'static str,
    name: &'static str,
    blocks: &'static [u16],
    open: &'static [u16],
    policy: String,
    lift: &'static str,
    documented: bool,
    source: &'static str,
    checked: &'static str,
}

/// What to ask, of whom.
#[derive(Debug, Serialize)]
struct RequestReport {
    to: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct PathReport {
    step: String,
    result: String,
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct LineReport {
    at_ms: f64,
    port: Option<u16>,
    from: &'static str,
    layer: &'static str,
    encrypted: bool,
    text: String,
    note: Option<String>,
    /// Where that stands: RFC and section, or another document.
    note_source: Option<String>,
}

/// Makes the report.
pub fn report(session: &Session) -> Report {
    let started = session.started();
    let text =
        |pick: fn(&crate::event::SessionStarted) -> &String| started.map(pick).cloned().unwrap_or_default();
    Report {
        schema: SCHEMA,
        ehlo_version: text(|s| &s.ehlo_version),
        target: Target {
            input: text(|s| &s.input),
            host: text(|s| &s.host),
            unicode: started.and_then(|s| Host::parse(&s.host).ok()?.unicode()),
            goal: started.map(|s| s.goal).unwrap_or_default().as_str(),
        },
        vantage: text(|s| &s.vantage),
        started_at: text(|s| &s.started_at),
        elapsed_ms: session.now().as_ms(),
        ended: session.ended().map(|reason| match reason {
            crate::event::RunEnd::Completed => "completed",
            crate::event::RunEnd::Cancelled => "cancelled",
            crate::event::RunEnd::DeadlineReached => "deadline-reached",
        }),
        recommendation: recommendation::recommend(session).map(recommended),
        routes: session.routes().iter().map(|found| route(session, found)).collect(),
        dns: dns(session),
        findings: session.findings().iter().map(|found| finding(session, found)).collect(),
        hosting: hosting::of(session).map(hosted),
        request: request::request(session).map(|found| RequestReport { to: found.to, text: found.text }),
        lead: led(session),
        path: walk::path(session).into_iter().filter(is_walked).map(step).collect(),
        transcript: session.transcript().lines().iter().map(|line| self::line(session, line)).collect(),
        warnings: session.warnings().to_vec(),
    }
}

fn led(session: &Session) -> Option<LeadReport> {
    let lead = session.started()?.lead.as_ref()?;
    let judged = lead::judge(session)?;
    Some(LeadReport {
        causes: lead.causes.clone(),
        start_at: lead.start_at.clone(),
        held: judged.held.as_str(),
        says: judged.says,
    })
}

fn recommended(found: Recommendation) -> Recommended {
    Recommended {
        status: match found.status {
            Status::Ready => "ready",
            Status::AfterFix => "after-fix",
        },
        host: found.host,
        port: found.port,
        tls: found.tls,
        auth: found.auth,
        blockers: found.blockers,
        summary: found.summary,
        reasons: found.reasons,
        alternatives: found.alternatives.into_iter().map(|(port, tls)| Alternative { port, tls }).collect(),
    }
}

fn route(session: &Session, route: &Route) -> RouteReport {
    let ms = |time: Option<Micros>| time.map(Micros::as_ms);
    let texts = |found: Option<&Capabilities>| -> Vec<String> {
        found.map(|c| c.entries.iter().map(|entry| entry.text.clone()).collect()).unwrap_or_default()
    };
    let offered = match route.tls {
        TlsMode::None => route.before_tls.as_ref(),
        _ => route.after_tls.as_ref(),
    };
    RouteReport {
        host: route.host.clone(),
        port: route.port,
        tls: route.tls,
        outcome: route.outcome,
        address: route.chosen.as_ref().map(|chosen| chosen.host()),
        attempts: route.attempts.iter().map(attempt).collect(),
        rounds: route.rounds.iter().map(|round| round.outcome).collect(),
        timing_ms: TimingReport {
            connect: ms(route.timing.connect),
            greeting: ms(route.timing.greeting),
            ehlo: ms(route.timing.ehlo),
            starttls: ms(route.timing.starttls),
            tls: ms(route.timing.tls),
            total: ms(route.timing.total),
        },
        greeting: route.greeting.as_ref().map(|reply| reply.summary()),
        capabilities: CapabilitiesReport {
            before_tls: texts(route.before_tls.as_ref()),
            after_tls: texts(route.after_tls.as_ref()),
        },
        auth: offered.map(Capabilities::auth).unwrap_or_default(),
        tls_session: route.session.as_ref().map(|tls| TlsReport {
            version: tls.version.clone(),
            cipher: tls.cipher.clone(),
            group: tls.group.clone(),
        }),
        certificates: route
            .certificates
            .iter()
            .map(|found| certificate(found, session.wall_clock()))
            .collect(),
        findings: codes(session, route),
        submission: route.submission.as_ref().map(|done| SubmissionReport {
            user: done.user.clone(),
            mechanism: done.mechanism.clone(),
            auth: done.auth.as_ref().map(told),
            envelope: done.replies.iter().map(told).collect(),
        }),
    }
}

fn told(told: &Told) -> ToldReport {
    ToldReport { command: told.command.clone(), accepted: told.accepted, reply: told.reply.clone() }
}

/// The codes found on a route, each once.
fn codes(session: &Session, route: &Route) -> Vec<&'static str> {
    let mut codes = Vec::new();
    for finding in session.findings().iter().filter(|finding| finding.route == Some(route.id)) {
        if !codes.contains(&finding.code) {
            codes.push(finding.code);
        }
    }
    codes
}

fn attempt(attempt: &Attempt) -> AttemptReport {
    let (outcome, detail) = match &attempt.outcome {
        None => ("cancelled", None),
        Some(outcome) => connect(outcome),
    };
    AttemptReport { address: attempt.endpoint.host(), outcome, detail, ms: attempt.took.map(Micros::as_ms) }
}

/// The word for a connect's outcome; the same that a route's outcome has, where there is one.
pub fn connect(outcome: &ConnectOutcome) -> (&'static str, Option<String>) {
    match outcome {
        ConnectOutcome::Connected => ("connected", None),
        ConnectOutcome::TimedOut => ("filtered", None),
        ConnectOutcome::Reset => ("refused", None),
        ConnectOutcome::Icmp(error) => ("unreachable", Some(icmp(error))),
        ConnectOutcome::NoRoute { errno } => ("unreachable", Some(format!("no route, errno {errno}"))),
        ConnectOutcome::LocalRefusal { errno } => {
            ("unreachable", Some(format!("refused on this machine, errno {errno}")))
        }
        ConnectOutcome::Failed { text, .. } => ("failed", Some(text.clone())),
        ConnectOutcome::Proxy { text, fault } => {
            let word = match fault {
                ProxyFault::Refused => "refused",
                ProxyFault::TimedOut => "filtered",
                ProxyFault::TargetUnreachable => "unreachable",
                _ => "failed",
            };
            (word, Some(text.clone()))
        }
        ConnectOutcome::Cancelled => ("cancelled", None),
    }
}

fn icmp(error: &IcmpError) -> String {
    let protocol = if error.v6 { "ICMPv6" } else { "ICMP" };
    let sender = error.sender.map(|sender| format!(" from {sender}")).unwrap_or_default();
    format!("{protocol} type {} code {}{sender}", error.kind, error.code)
}

fn certificate(found: &Certificate, now: Option<i64>) -> CertificateReport {
    CertificateReport {
        subject: found.subject.clone(),
        issuer: found.issuer.clone(),
        not_before: date(found.not_before),
        not_after: date(found.not_after),
        days_left: now.map(|now| found.not_after.saturating_sub(now).div_euclid(86_400)),
        names: found.names.clone(),
        key: found.key.clone(),
        signature: found.signature.clone(),
    }
}

/// What the domain publishes for mail, in the order of the answers.
fn finding(session: &Session, found: &Finding) -> FindingReport {
    let words = words::words_in(session, found);
    FindingReport {
        code: found.code,
        severity: found.severity,
        port: found.port,
        summary: words.summary,
        explanation: words.explanation,
        fix: words.fix,
        evidence: found.evidence.clone(),
        reference: words.reference,
        owner: words.owner,
        confirm: words.confirm,
        follows_from: found.follows,
    }
}

fn hosted(found: &'static Hosting) -> HostingReport {
    HostingReport {
        id: &found.id,
        name: &found.name,
        blocks: &found.blocks,
        open: &found.open,
        policy: found.policy(),
        lift: &found.lift,
        documented: found.sure,
        source: &found.source,
        checked: &found.checked,
    }
}

/// The report gives the steps that were walked; what lies ahead or was not needed is the screen's affair.
fn is_walked(step: &walk::PathStep) -> bool {
    match step.state {
        StepState::Good | StepState::Bad | StepState::Current => true,
        StepState::Skipped => step.result == "skipped",
        StepState::Ahead => false,
    }
}

fn step(step: walk::PathStep) -> PathReport {
    PathReport {
        step: step.id,
        result: step.result,
        state: match step.state {
            StepState::Ahead => "ahead",
            StepState::Current => "current",
            StepState::Good => "good",
            StepState::Bad => "bad",
            StepState::Skipped => "skipped",
        },
    }
}

fn line(session: &Session, line: &crate::session::Line) -> LineReport {
    let (note, note_source) =
        glossary::explain(session, line).map_or((None, None), |note| (Some(note.text), note.reference));
    LineReport {
        at_ms: line.at.as_ms(),
        port: line.port,
        from: match line.from {
            From::Client => "client",
            From::Server => "server",
            From::Probe => "probe",
        },
        layer: match line.layer {
            Layer::Dns => "dns",
            Layer::Tcp => "tcp",
            Layer::Tls => "tls",
            Layer::Smtp => "smtp",
        },
        encrypted: line.encrypted,
        text: line.text.clone(),
        note,
        note_source,
    }
}
