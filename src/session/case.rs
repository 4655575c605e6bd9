//! One route's record with what its inspecting connections saw, and the questions that both the outcome and the rules
//! ask of it.

use std::net::IpAddr;

use crate::event::{
    ConnectOutcome, IcmpError, InspectReason, Micros, ProxyFault, Purpose, RouteOrigin, Side, Submit,
    TlsOutcome,
};
use crate::session::handshake::foreign;
use crate::session::probe::{Handshake, Probe, SeenAlert};
use crate::session::relay::Demand;
use crate::session::route::{Attempt, Route};
use crate::session::talk::location;
use crate::target::{Goal, TlsMode};
use crate::wire::capability::Capabilities;
use crate::wire::printable::printable;
use crate::wire::reply::{Reply, looks_like};
use crate::wire::sasl::{Mechanism, NoMechanism};
use crate::wire::tlsa::{self, Shown, Verdict};

/// A route as the latest probe found it.
#[derive(Clone)]
pub(crate) struct Case<'a> {
    pub goal: Goal,
    pub route: &'a Route,
    pub probe: &'a Probe,
    pub inspections: Vec<&'a Probe>,
    /// The route in the other TLS mode, made after a mismatch here, met something that is not SMTP.
    pub sibling_not_smtp: bool,
    /// The names that the host is an alias of in DNS.
    pub aliases: Vec<String>,
    /// What DANE and MTA-STS demand of it; only where mail is delivered.
    pub demand: Demand,
    /// The connection that signed in or named an envelope.
    pub submission: Option<&'a Probe>,
    /// How to sign in, where credentials were given.
    pub sign_in: Option<&'a Submit>,
    /// Id of the provider, where the table knows the host.
    pub provider: Option<&'a str>,
}

/// Why an address was not reached, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unreached {
    /// A reset: the host is there.
    Refused,
    /// This machine refused.
    LocalFirewall,
    /// ICMP administratively prohibited.
    Prohibited,
    /// Silence, for this machine dropped the packets.
    DroppedHere,
    /// Silence.
    Filtered,
    /// Another ICMP error, or an error of the system.
    Unreachable,
    /// The proxy could not, or would not, connect.
    Proxy(ProxyFault),
    /// This machine has no route, or not this address family.
    NoRoute,
}

impl Unreached {
    /// What a connect's end says; `None` where it was established, given up, or is under way.
    pub fn of(attempt: &Attempt) -> Option<Self> {
        Some(match attempt.outcome.as_ref()? {
            ConnectOutcome::Connected | ConnectOutcome::Cancelled => return None,
            ConnectOutcome::TimedOut if attempt.dropped_here => Self::DroppedHere,
            ConnectOutcome::TimedOut => Self::Filtered,
            ConnectOutcome::Reset => Self::Refused,
            ConnectOutcome::Icmp(error) => Self::of_icmp(*error, attempt.took.unwrap_or_default()),
            ConnectOutcome::NoRoute { .. } => Self::NoRoute,
            ConnectOutcome::LocalRefusal { .. } => Self::LocalFirewall,
            ConnectOutcome::Failed { .. } => Self::Unreachable,
            ConnectOutcome::Proxy { fault, .. } => match fault {
                ProxyFault::Refused => Self::Refused,
                ProxyFault::TimedOut => Self::Filtered,
                ProxyFault::TargetUnreachable => Self::Unreachable,
                ProxyFault::Unreachable
                | ProxyFault::Denied
                | ProxyFault::Broken
                | ProxyFault::Name
                | ProxyFault::Unknown => Self::Proxy(*fault),
            },
        })
    }

    fn of_icmp(error: IcmpError, took: Micros) -> Self {
        let IcmpError { v6, kind, code, from_self, .. } = error;
        // The own kernel says "host unreachable" itself when a neighbour has not answered for seconds; a firewall
        // of this machine answers at once.
        let neighbour_silent =
            matches!((v6, kind, code), (false, 3, 1) | (true, 1, 3)) && took >= Micros(1_000_000);
        if from_self && !neighbour_silent {
            return Self::LocalFirewall;
        }
        match (v6, kind, code) {
            (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => Self::Prohibited,
            _ => Self::Unreachable,
        }
    }
}

/// Who keeps mail from a server whose certificate is not the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forbidden {
    /// The TLSA records, for this reason.
    Dane(&'static str),
    /// The MTA-STS policy.
    Policy,
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsFault {
    /// The certificate did not verify, and all else works.
    Certificate,
    /// Something other than TLS came.
    NotTls,
    /// Nothing came in time.
    Timeout,
    /// No TLS version in common, or none that is safe.
    Version,
    /// No cipher suite, group or signature in common.
    Cipher,
    /// The server demands a client certificate.
    ClientCertificate,
    /// Another alert.
    Alert(SeenAlert),
    /// The connection was closed or reset.
    Closed,
    /// The library gave up for another reason.
    Other,
}

/// OpenSSL's numbers of reasons (sslerr.h).
mod reason {
    /// A received alert is this plus its number.
    pub const ALERT: i32 = 1000;
    /// `unsupported protocol`, `no protocols available`, `legacy sigalg disallowed or unsupported`,
    /// `version too low`, `unsupported ssl version`.
    pub const VERSION: [i32; 5] = [258, 191, 333, 396, 259];
    /// `no ciphers available`, `no shared cipher`, `dh key too small`.
    pub const CIPHER: [i32; 3] = [181, 193, 394];
    /// `unexpected eof while reading`.
    pub const EOF: i32 = 294;
}

impl<'a> Case<'a> {
    /// The same route as the connection saw it that signed in or named an envelope.
    pub fn submitting(&self) -> Option<Self> {
        let probe = self.submission?;
        let mut inspections = self.inspections.clone();
        inspections.retain(|look| look.started >= probe.started);
        Some(Self { probe, inspections, submission: None, ..self.clone() })
    }

    /// Whether and how one can sign in here; `None` where no credentials were given, or none are for this goal.
    pub fn can_sign_in(&self) -> Option<Result<Mechanism, NoMechanism>> {
        // A port that is looked at for information is none to sign in on.
        let meant = self.goal == Goal::Submit && self.route.origin != RouteOrigin::Information;
        let wanted = self.sign_in.filter(|_| meant)?;
        let asked = wanted.mechanism.as_deref().and_then(Mechanism::parse);
        let offered = self.probe.after_tls.as_ref().map(Capabilities::auth).unwrap_or_default();
        Some(Mechanism::choose(&offered, wanted.secret.unwrap_or_default(), asked))
    }

    /// The inspecting connection made for this reason, the latest.
    pub fn inspection(&self, reason: InspectReason) -> Option<&'a Probe> {
        let wanted =
            |probe: &&&'a Probe| matches!(probe.purpose, Some(Purpose::Inspect { why, .. }) if why == reason);
        self.inspections.iter().rev().find(wanted).copied()
    }

    /// The handshake of an inspecting connection.
    pub fn inspected(&self, reason: InspectReason) -> Option<&'a Handshake> {
        self.inspection(reason)?.handshake.as_ref()
    }

    /// The handshake of the live probe.
    pub fn handshake(&self) -> Option<&'a Handshake> {
        self.probe.handshake.as_ref()
    }

    /// The handshake whose view of the certificates is the best: all that was sent, before the server's own only; the
    /// live one, before a second look. A second look counts only where it saw the same server certificate.
    pub fn certificates(&self) -> Option<&'a Handshake> {
        let live = self.handshake();
        let leaf = |handshake: &Handshake| handshake.chain.first().map(|c| c.der.clone());
        let live_leaf = live.and_then(leaf);
        // Without SNI a server may show the certificate of another host.
        let unnamed = |probe: &Probe| {
            matches!(probe.purpose, Some(Purpose::Inspect { why: InspectReason::NoServerName, .. }))
        };
        let looked = self
            .inspections
            .iter()
            .rev()
            .filter(|probe| !unnamed(probe))
            .filter_map(|probe| probe.handshake.as_ref())
            .filter(|other| !other.chain.is_empty() && (live_leaf.is_none() || leaf(other) == live_leaf));
        let seen: Vec<&Handshake> = live.into_iter().filter(|h| !h.chain.is_empty()).chain(looked).collect();
        let best = seen.iter().copied().find(|h| h.complete && h.errors.is_some());
        best.or_else(|| seen.iter().copied().find(|h| h.complete)).or(seen.first().copied())
    }

    /// Why the live handshake failed; `None` where there was none, or it did not fail, or has not ended.
    pub fn tls_fault(&self) -> Option<TlsFault> {
        let handshake = self.handshake()?;
        let Some(ended) = &handshake.ended else {
            return (handshake.cut.is_some() && self.probe.ended.is_some()).then_some(TlsFault::Closed);
        };
        let (reason, errno) = match &ended.outcome {
            TlsOutcome::Established { .. } => return self.fault_after_handshake(),
            TlsOutcome::TimedOut { .. } if handshake.not_tls.is_none() => return Some(TlsFault::Timeout),
            TlsOutcome::TimedOut { .. } => (None, None),
            TlsOutcome::Failed { reason, errno, .. } => (*reason, *errno),
        };
        if handshake.not_tls.is_some() {
            return Some(TlsFault::NotTls);
        }
        if handshake.verify_error().is_some() {
            return Some(TlsFault::Certificate);
        }
        if let Some(fault) = self.alert_fault(handshake, reason) {
            return Some(fault);
        }
        if reason.is_some_and(|reason| self::reason::VERSION.contains(&reason))
            || chose_old_version(handshake)
        {
            return Some(TlsFault::Version);
        }
        if reason.is_some_and(|reason| self::reason::CIPHER.contains(&reason)) {
            return Some(TlsFault::Cipher);
        }
        let ours = handshake.alerts.iter().find(|alert| alert.from == Side::Client).copied();
        let eof = reason == Some(self::reason::EOF);
        if ours.is_none() && (errno.is_some() || eof || handshake.cut.is_some()) {
            return Some(TlsFault::Closed);
        }
        // Where the library has no number for a failed verification, a second look that succeeds is the proof.
        if self.inspected(InspectReason::Relaxed).is_some_and(Handshake::established) {
            return Some(TlsFault::Certificate);
        }
        Some(ours.map_or(TlsFault::Other, TlsFault::Alert))
    }

    /// How the certificates stand to the TLSA records that count; `None` where there are none.
    pub fn dane(&self) -> Option<Verdict> {
        let records = &self.demand.dane.as_ref()?.records;
        let seen = self.certificates();
        let errors = seen.and_then(|handshake| handshake.errors.as_ref());
        Some(tlsa::compare(
            records,
            &Shown {
                chain: seen.map_or(&[], |handshake| handshake.chain.as_slice()),
                complete: seen.is_some_and(|handshake| handshake.complete),
                host: &self.route.host,
                now: self.demand.now,
                // X509_V_ERR_CERT_SIGNATURE_FAILURE.
                bad_signature: errors.is_some_and(|errors| errors.iter().any(|error| error.code == 7)),
            },
        ))
    }

    /// Why the certificate keeps mail from this server although TLS is opportunistic; `None` where it does not.
    pub fn forbidden(&self) -> Option<Forbidden> {
        match self.dane() {
            // DANE comes before MTA-STS, and where it is content nothing else is asked (RFC 8461 §2).
            Some(Verdict::Match { .. } | Verdict::Unseen) => return None,
            Some(Verdict::Mismatch(why)) => return Some(Forbidden::Dane(why)),
            Some(Verdict::NoneUsable) | None => {}
        }
        let verified = self.handshake().is_some_and(Handshake::verified);
        (self.demand.enforced().is_some() && !verified).then_some(Forbidden::Policy)
    }

    /// What the server's own fatal alert, in the clear or by OpenSSL's number, says.
    fn alert_fault(&self, handshake: &Handshake, reason: Option<i32>) -> Option<TlsFault> {
        let seen =
            handshake.alerts.iter().find(|alert| alert.from == Side::Server && alert.level != 1).copied();
        let by_number = reason
            .and_then(|reason| u8::try_from(reason - self::reason::ALERT).ok())
            .map(|code| SeenAlert { level: 2, code, from: Side::Server, line: handshake.end_line() });
        let alert = seen.or(by_number)?;
        let asked = handshake.asks_certificate.is_some();
        Some(match alert.code {
            116 => TlsFault::ClientCertificate,
            // Without a certificate of ours TLS 1.2 servers say handshake_failure or complain about the certificate.
            40..=46 if asked => TlsFault::ClientCertificate,
            70 | 86 => TlsFault::Version,
            40 | 71 if self.older_tls_works() => TlsFault::Version,
            40 | 71 if handshake.hello.is_none() => TlsFault::Cipher,
            _ => TlsFault::Alert(alert),
        })
    }

    /// True where a second look that offered older versions too came through with one of them.
    fn older_tls_works(&self) -> bool {
        self.inspected(InspectReason::OlderTls).is_some_and(|h| h.established() && chose_old_version(h))
    }

    /// The handshake with a small ClientHello, where it came through after the usual one had met silence.
    pub fn small_hello_works(&self) -> Option<&'a Handshake> {
        let live = self.handshake().filter(|live| !live.heard && live.ended.is_some())?;
        let small = self.inspected(InspectReason::SmallHello)?;
        (!live.established() && small.established()).then_some(small)
    }

    /// In TLS 1.3 a server refuses a client without a certificate only after the handshake (RFC 8446 §4.4.2.4): the
    /// first read fails with the alert.
    fn fault_after_handshake(&self) -> Option<TlsFault> {
        let code = self.alert_after_handshake()?;
        let line = self.probe.closed.as_ref().and_then(|closed| closed.line);
        Some(match code {
            116 => TlsFault::ClientCertificate,
            code => TlsFault::Alert(SeenAlert { level: 2, code, from: Side::Server, line }),
        })
    }

    fn alert_after_handshake(&self) -> Option<u8> {
        if self.probe.hello_accepted(true) {
            return None;
        }
        match &self.probe.closed.as_ref()?.how {
            crate::event::CloseKind::Failed { text, .. } => alert_number(text),
            _ => None,
        }
    }

    /// Why no address was reached: the most telling reason of all. `None` where one was, or none has ended.
    pub fn unreached(&self) -> Option<Unreached> {
        if self.probe.connected() {
            return None;
        }
        self.probe.attempts.iter().filter_map(Unreached::of).min()
    }

    /// What the bytes that stand in the place of SMTP look like, and a line that shows them.
    pub fn looks_like(&self) -> Option<(&'static str, Option<usize>)> {
        if let Some(said) = &self.probe.greeting {
            let raw: Vec<u8> =
                said.reply.lines.iter().flat_map(|line| line.raw.0.iter().copied()).take(600).collect();
            return looks_like(&raw).map(|name| (name, said.lines.first().copied()));
        }
        // A web server waits for a request.
        if let Some(said) = self.inspection(InspectReason::Http).and_then(|probe| probe.greeting.as_ref()) {
            let raw = said.reply.lines.first().map(|line| line.raw.0.as_slice()).unwrap_or_default();
            if looks_like(raw) == Some("HTTP") {
                return Some(("HTTP", said.lines.first().copied()));
            }
        }
        // A server that waits for the client, as of HTTP, shows what it is when it is spoken to in TLS.
        let live = self.handshake().filter(|_| self.route.tls == TlsMode::Implicit);
        let (bytes, line) = live.or_else(|| self.inspected(InspectReason::ClientHello))?.not_tls.as_ref()?;
        looks_like(bytes).filter(|name| *name != "TLS").map(|name| (name, *line))
    }

    /// Where a web server in the place of SMTP leads, and the line that says so.
    pub fn location(&self) -> Option<(String, Option<usize>)> {
        let asked = self.inspection(InspectReason::Http);
        let said = [asked, Some(self.probe)].into_iter().flatten().find_map(|probe| probe.location.clone());
        if let Some((location, line)) = said {
            return Some((location, Some(line)));
        }
        let foreign = [self.handshake(), self.inspected(InspectReason::ClientHello)];
        foreign.into_iter().flatten().filter_map(|handshake| handshake.not_tls.as_ref()).find_map(
            |(bytes, line)| {
                let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                lines.find_map(location).map(|location| (location, *line))
            },
        )
    }

    /// True where something on this port answers in TLS although SMTP in cleartext was expected.
    pub fn speaks_tls(&self) -> bool {
        self.looks_like().is_some_and(|(name, _)| name == "TLS")
            || self.inspected(InspectReason::ClientHello).is_some_and(Handshake::is_tls)
    }

    /// True where the handshake of an implicit route met a greeting in cleartext.
    pub fn greets_in_cleartext(&self) -> bool {
        self.route.tls == TlsMode::Implicit
            && self
                .handshake()
                .and_then(|h| h.not_tls.as_ref())
                .is_some_and(|(b, _)| foreign(b) == Some("SMTP"))
    }

    /// The marks that a device which rewrites SMTP has left, as lines and as the first of them reads; `None` where
    /// there are none.
    pub fn masked(&self) -> Option<(Vec<usize>, String)> {
        let mut lines = Vec::new();
        let mut trace = None;
        if let Some(said) = &self.probe.greeting
            && is_masked_banner(&said.reply)
        {
            lines.extend(said.lines.iter().copied());
            trace = Some(said.reply.summary());
        }
        for exchange in self.probe.exchanges.iter().filter(|e| !e.encrypted && e.verb == "EHLO") {
            let Some(said) = &exchange.answer else { continue };
            for (index, line) in said.reply.lines.iter().enumerate().skip(1) {
                let text = line.text();
                let keyword = text.split_ascii_whitespace().next().unwrap_or_default();
                if crate::wire::capability::is_masked(keyword) {
                    lines.extend(said.lines.get(index).copied());
                    trace.get_or_insert_with(|| printable(&text, 100));
                }
            }
        }
        let trace = trace.filter(|_| !lines.is_empty())?;
        Some((lines, trace))
    }

    /// True where STARTTLS was offered and sent, and yet the server never saw that word: it complains about crosses,
    /// or says that it does not know a command (500) which it has just offered.
    pub fn command_masked(&self) -> bool {
        let answer = self.probe.exchange("STARTTLS", false).and_then(|exchange| exchange.answer.as_ref());
        answer.is_some_and(|said| {
            let crossed = |text: String| text.to_ascii_uppercase().contains("XXXX");
            said.reply.code() == Some(500) || said.reply.lines.iter().any(|line| crossed(line.text()))
        })
    }

    /// Attempts of one address family.
    pub fn family(&self, v6: bool) -> impl Iterator<Item = &'a Attempt> {
        let of_family = move |a: &&Attempt| a.endpoint.ip().map(|ip: IpAddr| ip.is_ipv6()) == Some(v6);
        self.probe.attempts.iter().filter(of_family)
    }
}

/// True where the server chose a version that RFC 8996 forbids.
pub(crate) fn chose_old_version(handshake: &Handshake) -> bool {
    let old = |version: &str| matches!(version, "SSLv2" | "SSLv3" | "TLSv1" | "TLSv1.0" | "TLSv1.1");
    handshake.hello.as_ref().is_some_and(|hello| old(&hello.version))
}

/// A banner in which every letter is an asterisk, as Cisco's inspection leaves it: only 2, 0 and blanks come through.
/// A frame of asterisks around words is decoration.
fn is_masked_banner(reply: &Reply) -> bool {
    let text: String = reply.lines.iter().map(|line| line.text()).collect();
    let asterisks = text.bytes().filter(|byte| *byte == b'*').count();
    asterisks >= 5
        && text.bytes().all(|byte| matches!(byte, b'*' | b'2' | b'0') || byte.is_ascii_whitespace())
}

/// The number of the alert that an error text of the TLS library names.
fn alert_number(text: &str) -> Option<u8> {
    let text = text.to_ascii_lowercase();
    if text.contains("certificate required") {
        return Some(116);
    }
    let (_, number) = text.split_once("alert number ")?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_in_the_words_of_openssl() {
        let text = "error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:\
                    ../ssl/record/rec_layer_s3.c:1584:SSL alert number 116";
        assert_eq!(alert_number(text), Some(116));
        assert_eq!(alert_number("x:SSL alert number 48:"), Some(48));
        assert_eq!(alert_number("unexpected EOF"), None);
        assert_eq!(alert_number("SSL alert number 999"), None);
    }
}
