//! What the fuzz targets check for hours, here for a moment: the same functions, fed with input that is nearly right.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "that is how a test fails")]

use ehlo::event::{
    CloseKind, ConnectOutcome, Endpoint, Event, EventKind, LookupOutcome, LookupSource, Micros, ProbeId,
    Record, RecordData, RecordType, Side, TlsOutcome, VerifyError,
};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509NameBuilder, extension::SubjectAlternativeName};
use proptest::prelude::*;

#[path = "../fuzz/src/lib.rs"]
mod bodies;

/// Bytes with some of them changed, removed, doubled or put in.
fn nearly(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 0..6);
    (proptest::sample::select(seeds), edits).prop_map(|(mut bytes, edits)| {
        for (index, kind, byte) in edits {
            if bytes.is_empty() {
                bytes.push(byte);
            }
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

fn dialogues() -> Vec<Vec<u8>> {
    let long = [b"\x07250-".as_slice(), &[b'A'; 9000], b"\r\n250 OK\r\n"].concat();
    let endless = [b"\x11".as_slice(), &b"250-X\n".repeat(300)].concat();
    vec![
        b"\x05220 mx ESMTP\r\n250-mx\r\n250-SIZE 35882577\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH=LOGIN\r\n250 STARTTLS\r\n\
          220 2.0.0 go\r\n250-mx\r\n250 AUTH PLAIN\r\n"
            .to_vec(),
        b"\x01554-5.7.1 no\r\n554 service\r\n".to_vec(),
        b"\x03HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"\x02\x15\x03\x03\x00\x02\x02\x0a\x16\x03\x01\x00\x05hello".to_vec(),
        "\u{9}250-\u{202e}mx\u{301}\u{301}\u{301}\r\n250 x\u{200b}\u{85}\r\n".as_bytes().to_vec(),
        long,
        endless,
    ]
}

/// A ServerHello, a HelloRetryRequest's beginning, a chain, an alert, and data, as TLS 1.2 has them.
fn records() -> Vec<Vec<u8>> {
    let record = |kind: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3], length.as_slice(), body].concat()
    };
    let message = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind], &length[1..], body].concat()
    };
    let hello = |random: [u8; 32], extensions: &[u8]| {
        let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
        let body = [&[3, 3], random.as_slice(), &[0, 0x13, 0x02, 0], &length, extensions].concat();
        message(2, &body)
    };
    let key_share = [0, 51, 0, 6, 0, 29, 0, 2, 1, 2, 0, 43, 0, 2, 3, 4];
    let retry = [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
        0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ];
    let chain = message(11, &[0, 0, 7, 0, 0, 4, 0x30, 2, 5, 0]);
    let tls12 = [
        vec![4],
        record(22, &[hello([7; 32], &[]), chain].concat()),
        record(20, &[1]),
        record(22, &[9; 40]),
        record(23, &[9; 40]),
        record(21, &[2, 40]),
    ];
    let tls13 =
        [vec![1], record(22, &hello(retry, &[0, 51, 0, 2, 0, 25])), record(22, &hello([7; 32], &key_share))];
    vec![tls12.concat(), tls13.concat(), b"\x02220 mx ESMTP\r\n".to_vec()]
}

fn certificates() -> Vec<Vec<u8>> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "smtp.example.com").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(1_800_000_000).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let names = SubjectAlternativeName::new()
        .dns("smtp.example.com")
        .ip("192.0.2.1")
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let der = builder.build().to_der().unwrap();
    assert!(ehlo::wire::certificate::read(&der).is_ok());
    vec![der]
}

fn journal_lines() -> Vec<Vec<u8>> {
    let address: Endpoint = Endpoint::Address("192.0.2.1:587".parse().unwrap());
    let record =
        Record { name: "a.example".to_owned(), ttl: 60, data: RecordData::Address([192, 0, 2, 1].into()) };
    let error = VerifyError { depth: 0, code: 20, text: "unable to get local issuer certificate".to_owned() };
    let kinds = vec![
        EventKind::Lookup {
            name: "a.example".to_owned(),
            record: RecordType::A,
            source: LookupSource::Dns(None),
            outcome: LookupOutcome::Answers(vec![record]),
            took: Micros(1),
        },
        EventKind::ConnectEnded {
            address,
            outcome: ConnectOutcome::Reset,
            took: Micros(2),
            local: None,
            retransmitted: Vec::new(),
        },
        EventKind::Received { bytes: b"220 \xff\r\n"[..].into(), encrypted: false },
        EventKind::TlsBytes { from: Side::Server, bytes: b"\x15\x03\x03"[..].into() },
        EventKind::TlsEnded { outcome: TlsOutcome::Established { leaf: Some(b"\x30"[..].into()) } },
        EventKind::ChainInspected { chain: Vec::new(), errors: vec![error] },
        EventKind::Closed { how: CloseKind::ByServer },
    ];
    let line = |kind| serde_json::to_vec(&Event { at: Micros(1_000), probe: ProbeId(1), kind }).unwrap();
    kinds.into_iter().map(line).collect()
}

fn domains() -> Vec<Vec<u8>> {
    let seeds: [&[u8]; 6] = [
        b"a mx/24 include:%{d2}.example.net exists:%{ir}.%{v}._spf.%{d} redirect=_spf.example.com -all",
        b"ip4:192.0.2.0/24 ip6:2001:db8::/32 ?include:b.example ~all exp=why.example.com",
        b"p=quarantine; sp=reject; rua=mailto:a@example.com; pct=50; adkim=s",
        b"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=; t=y:s",
        b"version: STSv1\nmode: enforce\nmx: *.example.net\nmax_age: 604800\n",
        b"id=20160831085700Z;",
    ];
    seeds.into_iter().map(<[u8]>::to_vec).collect()
}

fn secrets() -> Vec<Vec<u8>> {
    let seeds: [&[u8]; 3] = [
        b"\x0ehunTer2Geheim.5.7.8 no such user, aHVuVGVyMkdlaGVpbS4 hunTer2\r\n535 5.7.8 Geheim. ",
        b"\x06pass 1535 5.7.8 Pass 1 p a s s 1 %70%61%73%73%20%31 ",
        b"\x1ccorrect horse battery staple\r\n334 Y29ycmVjdCBob3JzZQ== tim b913a602c7eda7a495b4e6e7334d3890",
    ];
    seeds.into_iter().map(<[u8]>::to_vec).collect()
}

fn messages() -> Vec<Vec<u8>> {
    let seeds: [&[u8]; 3] = [
        b"smtplib.SMTPAuthenticationError: (535, b'5.7.8 Username and Password not accepted')",
        b"Error: connect ETIMEDOUT 192.0.2.7:465\n    at TCPConnectWrap { code: 'ESOCKET', command: 'CONN' }",
        "host: smtp.\u{202e}example.com port=587 SSL routines:ssl3_get_record:wrong version number \x1b[2J"
            .as_bytes(),
    ];
    seeds.into_iter().map(<[u8]>::to_vec).collect()
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..200)
}

proptest! {
    #[test]
    fn smtp(data in prop_oneof![nearly(dialogues()), anything()]) {
        bodies::reply(&data);
        bodies::capability(&data);
        bodies::dialogue(&data);
        bodies::printable_text(&data);
    }

    #[test]
    fn tls(data in prop_oneof![nearly(records()), anything()]) {
        bodies::tls(&data);
    }

    #[test]
    fn certificate(data in prop_oneof![nearly(certificates()), anything()]) {
        bodies::certificate(&data);
    }

    #[test]
    fn domain(data in prop_oneof![nearly(domains()), anything()]) {
        bodies::domain(&data);
    }

    #[test]
    fn secret(data in prop_oneof![nearly(secrets()), anything()]) {
        bodies::secret(&data);
    }

    #[test]
    fn journal(data in prop_oneof![nearly(journal_lines()), anything()]) {
        bodies::journal(&data);
    }
}

proptest! {
    // Some hundred patterns are held against each text.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn message(data in prop_oneof![nearly(messages()), anything()]) {
        bodies::message(&data);
    }
}

/// A seed that is refused would prove nothing.
#[test]
fn the_seeds_are_taken() {
    for line in journal_lines() {
        assert!(serde_json::from_slice::<Event>(&line).is_ok());
    }
    for stream in records().into_iter().take(2) {
        let seen = ehlo::wire::tls::Decoder::new().push(&stream[1..]);
        assert!(seen.len() >= 2 && !format!("{seen:?}").contains("Malformed"), "{seen:?}");
    }
}
