//! The names of a scenario: what its DNS answers, and what the caller's system makes of it. Bytes of DNS are not
//! imitated; the kinds of answer are.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use crate::event::{LookupOutcome, LookupSource, Record, RecordData, RecordType};

/// Longest chain of CNAMEs that is followed.
const MAX_CNAMES: usize = 8;

/// All names of a scenario. A name that is not here does not exist.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Zone {
    /// From question to answer, in milliseconds.
    pub latency_ms: u64,
    /// After how long the caller gives up on a silent resolver, in milliseconds.
    pub timeout_ms: u64,
    /// The resolver that answers.
    pub server: SocketAddr,
    /// The names.
    #[serde(rename = "name")]
    pub names: Vec<Name>,
    /// Where the system's own resolver says something else.
    #[serde(rename = "system")]
    pub system: Vec<SystemAnswer>,
}

impl Default for Zone {
    fn default() -> Self {
        let server = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), 53);
        Self { latency_ms: 4, timeout_ms: 5000, server, names: Vec::new(), system: Vec::new() }
    }
}

/// One name. What is not listed here it does not have (NODATA).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Name {
    /// Lower case, without a dot at the end.
    pub name: String,
    /// Seconds; 300 where nothing is said.
    pub ttl: Option<u32>,
    /// It is an alias of this name.
    pub cname: Option<String>,
    /// IPv4 addresses.
    pub a: Vec<std::net::Ipv4Addr>,
    /// IPv6 addresses.
    pub aaaa: Vec<std::net::Ipv6Addr>,
    /// `10 mx.example.com`; the null MX is `0 .`.
    pub mx: Vec<String>,
    /// `0 1 587 smtp.example.com`: priority, weight, port, target.
    pub srv: Vec<String>,
    /// Texts.
    pub txt: Vec<String>,
    /// `3 1 1 0123…` in hexadecimal, or `3 1 1 @mail`: computed from the certificate of that id.
    pub tlsa: Vec<String>,
    /// Reverse names.
    pub ptr: Vec<String>,
    /// What fails instead of being answered: by type in lower case, or `all`.
    pub fails: BTreeMap<String, Failure>,
    /// The extended error that goes with SERVFAIL (RFC 8914).
    pub extended: Option<Extended>,
    /// True where the resolver has validated the answers by DNSSEC.
    pub validated: bool,
    /// True where the hosts file answers, not DNS.
    pub hosts_file: bool,
    /// Milliseconds on top of the latency.
    pub delay_ms: u64,
}

/// How a question fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are DNS's own")]
pub enum Failure {
    Nxdomain,
    Nodata,
    Servfail,
    Refused,
    Timeout,
}

/// An extended DNS error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extended {
    /// Its info code.
    pub code: u16,
    /// Its extra text.
    pub text: String,
}

/// What the system's resolver says of a name, where it is not what DNS says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SystemAnswer {
    /// The name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The system's error text, in place of addresses.
    pub error: Option<String>,
}

/// A record as the zone has it: a TLSA record may still wait for its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Ready to be given.
    Ready(RecordData),
    /// The association with a certificate of the scenario.
    TlsaOf {
        /// Usage, selector, matching type (RFC 6698 §2.1).
        parameters: (u8, u8, u8),
        /// The certificate's id.
        certificate: String,
    },
}

/// What comes of a question, before certificates are put into TLSA records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Owner, time to live, data: CNAMEs first.
    Entries(Vec<(String, u32, Entry)>),
    /// Nothing of the kind: this is the outcome.
    Nothing(LookupOutcome),
}

/// An answer and its circumstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who answers.
    pub source: LookupSource,
    /// What.
    pub found: Found,
    /// After how many milliseconds.
    pub after_ms: u64,
}

/// Lower case, no dot at the end: the form in which names are compared.
pub fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Where the reverse name of an address stands (RFC 1035 §3.5, RFC 3596 §2.5).
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let labels: Vec<String> = nibbles.map(|nibble| format!("{nibble:x}")).collect();
            format!("{}.ip6.arpa", labels.join("."))
        }
    }
}

impl Zone {
    /// The entry of a name.
    pub fn name(&self, name: &str) -> Option<&Name> {
        let name = normal(name);
        self.names.iter().find(|entry| entry.name == name)
    }

    /// Answers one question.
    pub fn answer(&self, name: &str, record: RecordType) -> Answer {
        // The reverse name of an address is asked for by the address.
        let asked = match name.parse::<IpAddr>() {
            Ok(address) if record == RecordType::Ptr => reverse_name(address),
            _ => normal(name),
        };
        let mut source = LookupSource::Dns(Some(self.server));
        let mut after_ms = self.latency_ms;
        if let Some(entry) = self.name(&asked) {
            after_ms = after_ms.saturating_add(entry.delay_ms);
            if entry.validated {
                source = LookupSource::Validated(Some(self.server));
            }
            if entry.hosts_file {
                (source, after_ms) = (LookupSource::HostsFile, entry.delay_ms);
            }
        }
        let found = self.follow(&asked, record);
        if found == Found::Nothing(LookupOutcome::TimedOut) {
            after_ms = self.timeout_ms;
        }
        Answer { source, found, after_ms }
    }

    fn follow(&self, asked: &str, record: RecordType) -> Found {
        let mut chain = Vec::new();
        let mut at = asked.to_owned();
        loop {
            let Some(name) = self.name(&at) else {
                // A name above another exists, though it has no records (RFC 8020 §2).
                let parent = format!(".{at}");
                let exists = self.names.iter().any(|entry| entry.name.ends_with(&parent));
                let outcome = if exists { LookupOutcome::NoData } else { LookupOutcome::NxDomain { at } };
                return Found::Nothing(outcome);
            };
            let failure = name.fails.get(key(record)).or_else(|| name.fails.get("all"));
            if let Some(failure) = failure {
                return Found::Nothing(match failure {
                    Failure::Nxdomain => LookupOutcome::NxDomain { at },
                    Failure::Nodata => LookupOutcome::NoData,
                    Failure::Servfail => {
                        let extended = name.extended.as_ref().map(|e| (e.code, e.text.clone()));
                        LookupOutcome::ServFail { extended }
                    }
                    Failure::Refused => LookupOutcome::Refused,
                    Failure::Timeout => LookupOutcome::TimedOut,
                });
            }
            let ttl = name.ttl.unwrap_or(300);
            if let Some(target) = &name.cname {
                chain.push((at.clone(), ttl, Entry::Ready(RecordData::Cname(target.clone()))));
                if record == RecordType::Cname {
                    return Found::Entries(chain);
                }
                if chain.len() > MAX_CNAMES {
                    return Found::Nothing(LookupOutcome::ServFail { extended: None });
                }
                at = normal(target);
                continue;
            }
            let entries = name.entries(record).unwrap_or_default();
            if entries.is_empty() {
                return Found::Nothing(LookupOutcome::NoData);
            }
            chain.extend(entries.into_iter().map(|entry| (at.clone(), ttl, entry)));
            return Found::Entries(chain);
        }
    }

    /// What the caller's system makes of a host name: both families, IPv6 first.
    pub fn system(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let host = normal(host);
        if let Some(special) = self.system.iter().find(|answer| answer.name == host) {
            return special.error.clone().map_or_else(|| Ok(special.addresses.clone()), Err);
        }
        let mut addresses = Vec::new();
        let mut failed = None;
        for record in [RecordType::Aaaa, RecordType::A] {
            match self.follow(&host, record) {
                Found::Entries(entries) => {
                    addresses.extend(entries.into_iter().filter_map(|(_, _, entry)| match entry {
                        Entry::Ready(RecordData::Address(address)) => Some(address),
                        _ => None,
                    }));
                }
                Found::Nothing(outcome) => failed = Some(outcome),
            }
        }
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        // The words of getaddrinfo on Linux.
        Err(match failed {
            Some(LookupOutcome::NoData) => "No address associated with hostname",
            Some(LookupOutcome::NxDomain { .. }) | None => "Name or service not known",
            Some(_) => "Temporary failure in name resolution",
        }
        .to_owned())
    }
}

impl Name {
    /// The records of one type; `None` where one of them cannot be read.
    pub fn entries(&self, record: RecordType) -> Option<Vec<Entry>> {
        let ready = |data| Entry::Ready(data);
        match record {
            RecordType::A => {
                Some(self.a.iter().map(|&ip| ready(RecordData::Address(IpAddr::V4(ip)))).collect())
            }
            RecordType::Aaaa => {
                Some(self.aaaa.iter().map(|&ip| ready(RecordData::Address(IpAddr::V6(ip)))).collect())
            }
            RecordType::Cname => Some(self.cname.iter().cloned().map(RecordData::Cname).map(ready).collect()),
            RecordType::Mx => self.mx.iter().map(|text| mx(text).map(ready)).collect(),
            RecordType::Srv => self.srv.iter().map(|text| srv(text).map(ready)).collect(),
            RecordType::Txt => Some(self.txt.iter().cloned().map(RecordData::Txt).map(ready).collect()),
            RecordType::Tlsa => self.tlsa.iter().map(|text| tlsa(text)).collect(),
            RecordType::Ptr => Some(self.ptr.iter().cloned().map(RecordData::Ptr).map(ready).collect()),
        }
    }
}

/// The word for a type in a scenario file.
pub fn key(record: RecordType) -> &'static str {
    match record {
        RecordType::A => "a",
        RecordType::Aaaa => "aaaa",
        RecordType::Cname => "cname",
        RecordType::Mx => "mx",
        RecordType::Srv => "srv",
        RecordType::Txt => "txt",
        RecordType::Tlsa => "tlsa",
        RecordType::Ptr => "ptr",
    }
}

fn mx(text: &str) -> Option<RecordData> {
    let mut words = text.split_ascii_whitespace();
    let preference = words.next()?.parse().ok()?;
    let exchange = words.next()?.to_owned();
    words.next().is_none().then_some(RecordData::Mx { preference, exchange })
}

fn srv(text: &str) -> Option<RecordData> {
    let mut words = text.split_ascii_whitespace();
    let mut number = || words.next()?.parse().ok();
    let (priority, weight, port) = (number()?, number()?, number()?);
    let target = words.next()?.to_owned();
    words.next().is_none().then_some(RecordData::Srv { priority, weight, port, target })
}

fn tlsa(text: &str) -> Option<Entry> {
    let mut words = text.split_ascii_whitespace();
    let mut number = || words.next()?.parse().ok();
    let (usage, selector, matching) = (number()?, number()?, number()?);
    let data = words.next()?;
    if words.next().is_some() {
        return None;
    }
    if let Some(certificate) = data.strip_prefix('@') {
        let parameters = (usage, selector, matching);
        return Some(Entry::TlsaOf { parameters, certificate: certificate.to_owned() });
    }
    let hexadecimal = data.len().is_multiple_of(2) && data.bytes().all(|b| b.is_ascii_hexdigit());
    let data = data.to_ascii_lowercase();
    hexadecimal.then_some(Entry::Ready(RecordData::Tlsa { usage, selector, matching, data }))
}

/// Computes the data of a TLSA record from a certificate's id and usage, selector, matching type.
pub type Associate<'a> = dyn Fn(&str, (u8, u8, u8)) -> Option<String> + 'a;

/// Puts an answer into the form of an event.
pub fn outcome(found: Found, associate: &Associate<'_>) -> LookupOutcome {
    let entries = match found {
        Found::Entries(entries) => entries,
        Found::Nothing(outcome) => return outcome,
    };
    let mut records = Vec::with_capacity(entries.len());
    for (name, ttl, entry) in entries {
        let data = match entry {
            Entry::Ready(data) => data,
            Entry::TlsaOf { parameters, certificate } => {
                let Some(data) = associate(&certificate, parameters) else {
                    return LookupOutcome::ServFail { extended: None };
                };
                let (usage, selector, matching) = parameters;
                RecordData::Tlsa { usage, selector, matching, data }
            }
        };
        records.push(Record { name, ttl, data });
    }
    LookupOutcome::Answers(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> Zone {
        toml::from_str(text).unwrap()
    }

    fn ask(zone: &Zone, name: &str, record: RecordType) -> LookupOutcome {
        outcome(zone.answer(name, record).found, &|_, _| Some("ab".into()))
    }

    const ZONE: &str = r#"
        [[name]]
        name = "smtp.example.com"
        a = ["192.0.2.10", "192.0.2.11"]
        [[name]]
        name = "mail.example.com"
        cname = "smtp.example.com"
        [[name]]
        name = "vanity.example.com"
        cname = "gone.example.net"
        [[name]]
        name = "loop.example.com"
        cname = "loop.example.com"
        [[name]]
        name = "broken.example.com"
        fails = { all = "servfail", a = "timeout" }
        extended = { code = 22, text = "No Reachable Authority" }
        [[name]]
        name = "example.com"
        mx = ["10 mx.example.com", "0 ."]
        txt = ["v=spf1 -all"]
        srv = ["0 1 587 smtp.example.com"]
        tlsa = ["3 1 1 @mail", "3 1 1 AABB"]
        [[name]]
        name = "local.example.com"
        aaaa = ["2001:db8::1"]
        hosts_file = true
        [[system]]
        name = "split.example.com"
        addresses = ["192.0.2.99"]
    "#;

    #[test]
    fn reverse_names_and_validated_answers() {
        assert_eq!(reverse_name("198.51.100.77".parse().unwrap()), "77.100.51.198.in-addr.arpa");
        let v6 = reverse_name("2001:db8:77::77".parse().unwrap());
        assert!(v6.starts_with("7.7.0.0.") && v6.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa"), "{v6}");
        let zone = zone(
            "[[name]]\nname = '77.100.51.198.in-addr.arpa'\nptr = ['mail.example.net']\nvalidated = true\n",
        );
        let answer = zone.answer("198.51.100.77", RecordType::Ptr);
        assert_eq!(answer.source, LookupSource::Validated(Some(zone.server)));
        assert!(matches!(answer.found, Found::Entries(entries) if entries.len() == 1));
        assert_eq!(
            zone.answer("gone.example.net", RecordType::A).source,
            LookupSource::Dns(Some(zone.server))
        );
    }

    #[test]
    fn kinds_of_answers() {
        let zone = zone(ZONE);
        let Some(LookupOutcome::Answers(records)) = Some(ask(&zone, "MAIL.example.com.", RecordType::A))
        else {
            panic!("an alias is followed");
        };
        assert_eq!(records.len(), 3);
        assert_eq!(records[0].data, RecordData::Cname("smtp.example.com".into()));
        assert_eq!(records[2].name, "smtp.example.com");
        assert_eq!(ask(&zone, "smtp.example.com", RecordType::Aaaa), LookupOutcome::NoData);
        assert_eq!(
            ask(&zone, "vanity.example.com", RecordType::A),
            LookupOutcome::NxDomain { at: "gone.example.net".into() }
        );
        assert_eq!(ask(&zone, "loop.example.com", RecordType::A), LookupOutcome::ServFail { extended: None });
        assert_eq!(ask(&zone, "com", RecordType::A), LookupOutcome::NoData, "it is above other names");
        assert!(matches!(ask(&zone, "le.com", RecordType::A), LookupOutcome::NxDomain { .. }));
        assert_eq!(ask(&zone, "broken.example.com", RecordType::A), LookupOutcome::TimedOut);
        assert_eq!(zone.answer("broken.example.com", RecordType::A).after_ms, zone.timeout_ms);
        assert_eq!(
            ask(&zone, "broken.example.com", RecordType::Mx),
            LookupOutcome::ServFail { extended: Some((22, "No Reachable Authority".into())) }
        );
        assert_eq!(zone.answer("local.example.com", RecordType::Aaaa).source, LookupSource::HostsFile);
    }

    #[test]
    fn records_in_presentation_form() {
        let zone = zone(ZONE);
        let data = |record| match ask(&zone, "example.com", record) {
            LookupOutcome::Answers(records) => records.into_iter().map(|r| r.data).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            data(RecordType::Mx),
            [
                RecordData::Mx { preference: 10, exchange: "mx.example.com".into() },
                RecordData::Mx { preference: 0, exchange: ".".into() }
            ]
        );
        assert_eq!(
            data(RecordType::Srv),
            [RecordData::Srv { priority: 0, weight: 1, port: 587, target: "smtp.example.com".into() }]
        );
        let tlsa = |data: &str| RecordData::Tlsa { usage: 3, selector: 1, matching: 1, data: data.into() };
        assert_eq!(data(RecordType::Tlsa), [tlsa("ab"), tlsa("aabb")]);
        for broken in ["10", "x mx.example.com", "10 mx.example.com more", "70000 mx"] {
            assert_eq!(mx(broken), None, "{broken}");
        }
        for broken in ["3 1 1", "3 1 1 abc", "3 1 1 xy", "300 1 1 ab", "3 1 1 ab cd"] {
            assert_eq!(super::tlsa(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_system_agrees_unless_told_otherwise() {
        let zone = zone(ZONE);
        assert_eq!(zone.system("mail.example.com").unwrap().len(), 2);
        assert_eq!(zone.system("split.example.com").unwrap(), ["192.0.2.99".parse::<IpAddr>().unwrap()]);
        assert_eq!(zone.system("nowhere.example.com").unwrap_err(), "Name or service not known");
        assert_eq!(zone.system("example.com").unwrap_err(), "No address associated with hostname");
        assert_eq!(zone.system("broken.example.com").unwrap_err(), "Temporary failure in name resolution");
    }
}
