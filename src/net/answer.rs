//! Reads a DNS message as the answer to one question: pure, no sockets.
//!
//! The CNAME chain is followed inside the message, so that each kind of failure keeps its own name: no such name (and
//! which one of the chain), no such record, an error of the resolver. What does not belong to the chain is left out:
//! nobody asked for it.

use std::net::IpAddr;

use hickory_resolver::proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_resolver::proto::rr::{Name, RData, RecordType as WireType};

use crate::event::{LookupOutcome, Record, RecordData, RecordType};

/// Most records of one answer that are kept.
const MAX_RECORDS: usize = 256;

/// Most characters of an extended error's text that are kept.
const MAX_EXTENDED_TEXT: usize = 256;

/// Code of the extended error in EDNS (RFC 8914 §2).
const EXTENDED_ERROR: u16 = 15;

/// What a message says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All there is to know.
    Final(LookupOutcome),
    /// A CNAME chain whose end the message does not know: ask again for this name.
    Unfinished {
        /// The chain so far.
        chain: Vec<Record>,
        /// Its last name.
        next: Name,
    },
}

/// The question for `name`. A reverse look-up takes an address or its name under `arpa`.
///
/// # Errors
/// Why the text cannot be a DNS name.
pub(crate) fn question(name: &str, record: RecordType) -> Result<Query, String> {
    let mut owner = match name.parse::<IpAddr>() {
        Ok(address) if record == RecordType::Ptr => Name::from(address),
        _ => Name::from_ascii(name).map_err(|error| format!("{name:?} is not a DNS name: {error}"))?,
    };
    owner.set_fqdn(true);
    Ok(Query::query(owner, wire_type(record)))
}

/// True where the message answers the question that was asked. A resolver that could not even read a question may
/// leave it out of its error.
pub(crate) fn belongs(message: &Message, id: u16, question: &Query) -> bool {
    message.metadata.id == id
        && message.metadata.message_type == MessageType::Response
        && match message.queries.as_slice() {
            [asked] => asked == question,
            [] => message.metadata.response_code != ResponseCode::NoError,
            _ => false,
        }
}

/// Reads the answer to a question about `asked`.
pub(crate) fn read(message: &Message, asked: &Name, record: RecordType) -> Reading {
    let code = message.metadata.response_code;
    match code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::ServFail => {
            return Reading::Final(LookupOutcome::ServFail { extended: extended_error(message) });
        }
        ResponseCode::Refused => return Reading::Final(LookupOutcome::Refused),
        other => return Reading::Final(LookupOutcome::OtherCode(other.into())),
    }

    let mut chain = Vec::new();
    let mut seen = vec![asked.clone()];
    let mut last = asked.clone();
    if record != RecordType::Cname {
        while let Some((target, entry)) = alias(message, &last) {
            if seen.contains(&target) {
                let text = format!("the CNAME records lead in a circle at {}", plain(&target));
                return Reading::Final(LookupOutcome::Malformed(text));
            }
            chain.push(entry);
            seen.push(target.clone());
            last = target;
        }
    }

    let found: Vec<Record> = message
        .answers
        .iter()
        .filter(|entry| entry.name == last && entry.record_type() == wire_type(record))
        .filter_map(|entry| {
            Some(Record { name: plain(&entry.name), ttl: entry.ttl, data: data(&entry.data)? })
        })
        .take(MAX_RECORDS)
        .collect();
    if !found.is_empty() {
        chain.extend(found);
        return Reading::Final(LookupOutcome::Answers(chain));
    }
    if code == ResponseCode::NXDomain {
        return Reading::Final(LookupOutcome::NxDomain { at: plain(&last) });
    }
    // A negative answer proves itself by the zone's SOA (RFC 2308 §2.2). A chain without one was cut off.
    let negative = message.authorities.iter().any(|entry| entry.record_type() == WireType::SOA);
    if chain.is_empty() || negative {
        return Reading::Final(LookupOutcome::NoData);
    }
    Reading::Unfinished { chain, next: last }
}

/// The CNAME of a name in the answer.
fn alias(message: &Message, owner: &Name) -> Option<(Name, Record)> {
    message.answers.iter().find_map(|entry| match &entry.data {
        RData::CNAME(target) if entry.name == *owner => {
            let name = plain(&entry.name);
            let data = RecordData::Cname(plain(&target.0));
            Some((target.0.clone(), Record { name, ttl: entry.ttl, data }))
        }
        _ => None,
    })
}

fn extended_error(message: &Message) -> Option<(u16, String)> {
    let option = message.edns.as_ref()?.option(EdnsCode::Unknown(EXTENDED_ERROR))?;
    let EdnsOption::Unknown(_, bytes) = option else { return None };
    let (code, text) = bytes.split_first_chunk::<2>()?;
    let text = String::from_utf8_lossy(text).trim_end_matches('\0').chars().take(MAX_EXTENDED_TEXT).collect();
    Some((u16::from_be_bytes(*code), text))
}

fn data(data: &RData) -> Option<RecordData> {
    Some(match data {
        RData::A(address) => RecordData::Address(IpAddr::V4(address.0)),
        RData::AAAA(address) => RecordData::Address(IpAddr::V6(address.0)),
        RData::CNAME(name) => RecordData::Cname(plain(&name.0)),
        RData::MX(mx) => RecordData::Mx { preference: mx.preference, exchange: plain(&mx.exchange) },
        RData::SRV(srv) => RecordData::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: plain(&srv.target),
        },
        RData::TXT(txt) => RecordData::Txt(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        RData::TLSA(tlsa) => RecordData::Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.iter().map(|byte| format!("{byte:02x}")).collect(),
        },
        RData::PTR(name) => RecordData::Ptr(plain(&name.0)),
        _ => return None,
    })
}

/// A name as users write it: lower case, no dot at the end; the root alone is `.`.
pub(crate) fn plain(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(bare) => bare.to_owned(),
    }
}

fn wire_type(record: RecordType) -> WireType {
    match record {
        RecordType::A => WireType::A,
        RecordType::Aaaa => WireType::AAAA,
        RecordType::Cname => WireType::CNAME,
        RecordType::Mx => WireType::MX,
        RecordType::Srv => WireType::SRV,
        RecordType::Txt => WireType::TXT,
        RecordType::Tlsa => WireType::TLSA,
        RecordType::Ptr => WireType::PTR,
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::OpCode;
    use hickory_resolver::proto::rr::rdata::{self, A, MX, SOA, SRV, TLSA, TXT, tlsa};
    use hickory_resolver::proto::rr::{RData, Record as WireRecord};
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn entry(owner: &str, data: RData) -> WireRecord {
        WireRecord::from_rdata(name(owner), 60, data)
    }

    fn cname(owner: &str, target: &str) -> WireRecord {
        entry(owner, RData::CNAME(rdata::CNAME(name(target))))
    }

    fn a(owner: &str) -> WireRecord {
        entry(owner, RData::A(A::new(192, 0, 2, 1)))
    }

    fn soa() -> WireRecord {
        let data = SOA::new(name("ns.example.com."), name("root.example.com."), 1, 2, 3, 4, 5);
        entry("example.com.", RData::SOA(data))
    }

    fn answer(code: ResponseCode, answers: Vec<WireRecord>, authorities: Vec<WireRecord>) -> Message {
        let mut message = Message::response(7, OpCode::Query);
        message.metadata.response_code = code;
        message.answers = answers;
        message.authorities = authorities;
        message
    }

    fn outcome(message: &Message, record: RecordType) -> LookupOutcome {
        match read(message, &name("a.example.com."), record) {
            Reading::Final(outcome) => outcome,
            Reading::Unfinished { .. } => panic!("not final"),
        }
    }

    #[test]
    fn a_chain_is_kept_in_order_and_what_nobody_asked_for_is_not() {
        let answers = vec![
            a("c.example.net."),
            cname("B.example.com.", "c.example.net."),
            a("stranger.example.com."),
            cname("a.example.com.", "b.example.com."),
        ];
        let LookupOutcome::Answers(records) =
            outcome(&answer(ResponseCode::NoError, answers, vec![]), RecordType::A)
        else {
            panic!("no answers");
        };
        let names: Vec<_> = records.iter().map(|record| record.name.as_str()).collect();
        assert_eq!(names, ["a.example.com", "b.example.com", "c.example.net"]);
        assert_eq!(records[1].data, RecordData::Cname("c.example.net".into()));
        assert_eq!(records[2].data, RecordData::Address("192.0.2.1".parse().unwrap()));
        assert_eq!(records[2].ttl, 60);
    }

    #[test]
    fn a_chain_to_nothing_names_the_name_that_is_missing() {
        let message =
            answer(ResponseCode::NXDomain, vec![cname("a.example.com.", "gone.example.net.")], vec![soa()]);
        assert_eq!(
            outcome(&message, RecordType::A),
            LookupOutcome::NxDomain { at: "gone.example.net".into() }
        );
        let message = answer(ResponseCode::NXDomain, vec![], vec![soa()]);
        assert_eq!(outcome(&message, RecordType::A), LookupOutcome::NxDomain { at: "a.example.com".into() });
    }

    #[test]
    fn no_such_record_is_told_from_a_chain_cut_off() {
        let chain = || vec![cname("a.example.com.", "b.example.com.")];
        assert_eq!(
            outcome(&answer(ResponseCode::NoError, vec![], vec![]), RecordType::A),
            LookupOutcome::NoData
        );
        assert_eq!(
            outcome(&answer(ResponseCode::NoError, chain(), vec![soa()]), RecordType::A),
            LookupOutcome::NoData
        );
        let cut = answer(ResponseCode::NoError, chain(), vec![]);
        assert!(matches!(
            read(&cut, &name("a.example.com."), RecordType::A),
            Reading::Unfinished { chain, next } if chain.len() == 1 && next == name("b.example.com.")
        ));
    }

    #[test]
    fn a_circle_of_cnames_ends() {
        let circle =
            vec![cname("a.example.com.", "b.example.com."), cname("b.example.com.", "A.example.com.")];
        let message = answer(ResponseCode::NoError, circle, vec![]);
        assert!(
            matches!(outcome(&message, RecordType::A), LookupOutcome::Malformed(text) if text.contains("circle"))
        );
        let itself = answer(ResponseCode::NoError, vec![cname("a.example.com.", "a.example.com.")], vec![]);
        assert!(matches!(outcome(&itself, RecordType::A), LookupOutcome::Malformed(_)));
    }

    #[test]
    fn each_error_of_a_resolver_keeps_its_name() {
        let mut failed = answer(ResponseCode::ServFail, vec![], vec![]);
        assert_eq!(outcome(&failed, RecordType::A), LookupOutcome::ServFail { extended: None });
        let mut edns = hickory_resolver::proto::op::Edns::new();
        edns.options_mut().insert(EdnsOption::Unknown(15, b"\x00\x16no reachable authority".to_vec()));
        failed.edns = Some(edns);
        assert_eq!(
            outcome(&failed, RecordType::A),
            LookupOutcome::ServFail { extended: Some((22, "no reachable authority".into())) }
        );
        assert_eq!(
            outcome(&answer(ResponseCode::Refused, vec![], vec![]), RecordType::A),
            LookupOutcome::Refused
        );
        assert_eq!(
            outcome(&answer(ResponseCode::NotImp, vec![], vec![]), RecordType::A),
            LookupOutcome::OtherCode(4)
        );
    }

    #[test]
    fn every_type_has_its_data() {
        let one = |record: RecordType, data: RData| {
            let message = answer(ResponseCode::NoError, vec![entry("a.example.com.", data)], vec![]);
            match outcome(&message, record) {
                LookupOutcome::Answers(mut records) => records.remove(0).data,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            one(RecordType::Mx, RData::MX(MX::new(0, Name::root()))),
            RecordData::Mx { preference: 0, exchange: ".".into() },
            "the null MX of RFC 7505"
        );
        assert_eq!(
            one(RecordType::Srv, RData::SRV(SRV::new(1, 2, 587, name("Smtp_1.example.com.")))),
            RecordData::Srv { priority: 1, weight: 2, port: 587, target: "smtp_1.example.com".into() }
        );
        assert_eq!(
            one(RecordType::Txt, RData::TXT(TXT::new(vec!["v=spf1 ".into(), "-all".into()]))),
            RecordData::Txt("v=spf1 -all".into()),
            "parts are joined without a space (RFC 7208 §3.3)"
        );
        let tlsa = TLSA::new(
            tlsa::CertUsage::DaneEe,
            tlsa::Selector::Spki,
            tlsa::Matching::Sha256,
            vec![0xab, 0x01],
        );
        assert_eq!(
            one(RecordType::Tlsa, RData::TLSA(tlsa)),
            RecordData::Tlsa { usage: 3, selector: 1, matching: 1, data: "ab01".into() }
        );
        assert_eq!(
            one(RecordType::Ptr, RData::PTR(rdata::PTR(name("mx.example.com.")))),
            RecordData::Ptr("mx.example.com".into())
        );
        assert_eq!(
            one(RecordType::Cname, RData::CNAME(rdata::CNAME(name("b.example.com.")))),
            RecordData::Cname("b.example.com".into())
        );
    }

    #[test]
    fn questions() {
        let text = |name: &str, record| question(name, record).unwrap().name().to_ascii();
        assert_eq!(text("_submission._tcp.example.com", RecordType::Srv), "_submission._tcp.example.com.");
        assert_eq!(text("example.com.", RecordType::Mx), "example.com.");
        assert_eq!(text("192.0.2.1", RecordType::Ptr), "1.2.0.192.in-addr.arpa.");
        assert!(text("2001:db8::1", RecordType::Ptr).ends_with("8.b.d.0.1.0.0.2.ip6.arpa."));
        assert!(question("a..example.com", RecordType::A).is_err());
        assert!(question(&"a".repeat(64), RecordType::A).is_err());
        assert!(question(&"a.".repeat(140), RecordType::A).is_err());
    }

    #[test]
    fn an_answer_must_belong_to_its_question() {
        let asked = question("a.example.com", RecordType::A).unwrap();
        let mut message = answer(ResponseCode::NoError, vec![], vec![]);
        assert!(!belongs(&message, 7, &asked), "a good answer repeats the question");
        message.queries = vec![question("A.EXAMPLE.com", RecordType::A).unwrap()];
        assert!(belongs(&message, 7, &asked), "names do not differ by case");
        assert!(!belongs(&message, 8, &asked));
        message.queries = vec![question("b.example.com", RecordType::A).unwrap()];
        assert!(!belongs(&message, 7, &asked));
        message.queries = vec![question("a.example.com", RecordType::Aaaa).unwrap()];
        assert!(!belongs(&message, 7, &asked));
        message.queries = vec![];
        message.metadata.response_code = ResponseCode::FormErr;
        assert!(belongs(&message, 7, &asked));
        message.metadata.message_type = MessageType::Query;
        assert!(!belongs(&message, 7, &asked), "our own question sent back");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            if let Ok(message) = Message::from_vec(&bytes) {
                let _ = read(&message, &name("a.example.com."), RecordType::A);
            }
        }

        /// Whatever CNAMEs point where: the walk ends, and the chain hangs together from the name asked for.
        #[test]
        fn any_tangle_of_cnames_ends(edges in proptest::collection::vec((0_u8..6, 0_u8..6), 0..12), has_a in 0_u8..6) {
            let node = |n: u8| if n == 0 { "a.example.com.".to_owned() } else { format!("n{n}.example.com.") };
            let mut answers: Vec<_> = edges.iter().map(|(from, to)| cname(&node(*from), &node(*to))).collect();
            answers.push(a(&node(has_a)));
            let message = answer(ResponseCode::NoError, answers, vec![soa()]);
            if let LookupOutcome::Answers(records) = outcome(&message, RecordType::A) {
                let mut expected = "a.example.com".to_owned();
                for record in &records {
                    prop_assert_eq!(&record.name, &expected);
                    if let RecordData::Cname(target) = &record.data {
                        expected.clone_from(target);
                    }
                }
                prop_assert!(matches!(records.last().map(|r| &r.data), Some(RecordData::Address(_))));
            }
        }

        /// A message that a server mangled in one byte never makes a panic.
        #[test]
        fn any_mutation_is_survived(at in 0_usize..120, byte: u8) {
            let answers = vec![cname("a.example.com.", "b.example.com."), a("b.example.com.")];
            let mut bytes = answer(ResponseCode::NoError, answers, vec![soa()]).to_vec().unwrap();
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
            if let Ok(message) = Message::from_vec(&bytes) {
                let _ = read(&message, &name("a.example.com."), RecordType::A);
            }
        }
    }
}
