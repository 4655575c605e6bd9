//! Hellos made by hand and handshakes made by OpenSSL, at every split.

use proptest::prelude::*;

use super::*;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], body].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [&kind.to_be_bytes()[..], &length, data].concat()
}

fn hello_body(random: [u8; 32], cipher: u16, extensions: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    [&[3, 3], &random[..], &[0], &cipher.to_be_bytes(), &[0], &length, extensions].concat()
}

fn server_hello() -> Vec<u8> {
    let extensions = [extension(43, &[3, 4]), extension(51, &[0x11, 0xEC, 0, 2, 9, 9])].concat();
    message(2, &hello_body([7; 32], 0x1302, &extensions))
}

fn seen_at_once(bytes: &[u8]) -> Vec<Seen> {
    Decoder::new().push(bytes)
}

/// Runs of encrypted records are summed up for each call: put them together to compare splits.
fn together(all: Vec<Seen>) -> Vec<Seen> {
    let mut out: Vec<Seen> = Vec::new();
    for seen in all {
        match (out.last_mut(), &seen) {
            (Some(Seen::Encrypted { records, bytes }), Seen::Encrypted { records: r, bytes: b }) => {
                *records += r;
                *bytes += b;
            }
            _ => out.push(seen),
        }
    }
    out
}

#[test]
fn a_server_hello_of_tls_1_3_tells_its_real_version() {
    let expected = Seen::ServerHello(ServerHello {
        version: "TLSv1.3".into(),
        cipher: "TLS_AES_256_GCM_SHA384".into(),
        group: Some("X25519MLKEM768".into()),
    });
    assert_eq!(seen_at_once(&record(22, &server_hello())), [expected]);
}

#[test]
fn a_hello_retry_request_is_known_by_its_random() {
    let random = [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
        0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ];
    let extensions = [extension(43, &[3, 4]), extension(51, &[0, 0x19])].concat();
    let bytes = record(22, &message(2, &hello_body(random, 0x1301, &extensions)));
    assert_eq!(seen_at_once(&bytes), [Seen::HelloRetryRequest(Some("secp521r1".into()))]);
}

#[test]
fn messages_are_put_together_over_records_of_seven_bytes() {
    let chain = message(11, &[&[0, 0, 8][..], &[0, 0, 1, 0xAA], &[0, 0, 1, 0xBB]].concat());
    let messages = [server_hello(), chain, message(14, &[])].concat();
    let bytes: Vec<u8> = messages.chunks(7).flat_map(|part| record(22, part)).collect();
    let seen = seen_at_once(&bytes);
    assert!(matches!(
        &seen[..],
        [Seen::ServerHello(_), Seen::Chain(chain), Seen::Handshake(14, "ServerHelloDone")]
            if *chain == [vec![0xAA], vec![0xBB]]
    ));
}

#[test]
fn after_change_cipher_spec_nothing_is_read_as_clear() {
    let bytes = [record(20, &[1]), record(22, &[9; 40]), record(23, &[1; 10]), record(21, &[5; 30])].concat();
    assert_eq!(seen_at_once(&bytes), [Seen::ChangeCipherSpec, Seen::Encrypted { records: 3, bytes: 80 }]);
}

#[test]
fn other_protocols_are_shown_as_they_came() {
    for text in [&b"220 mx ESMTP\r\n"[..], b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n", &[21, 2, 0, 0]]
    {
        assert_eq!(seen_at_once(text), [Seen::NotTls(text.to_vec())]);
    }
    let mut decoder = Decoder::new();
    let flood = vec![b'x'; 100_000];
    assert!(matches!(&decoder.push(&flood)[..], [Seen::NotTls(kept)] if kept.len() == Decoder::MAX_FOREIGN));
    assert!(decoder.push(&flood).is_empty());
}

#[test]
fn what_is_too_long_or_broken_is_given_up() {
    let endless = record(22, &[11, 0xFF, 0xFF, 0xFF]);
    assert!(matches!(seen_at_once(&endless)[..], [Seen::Malformed(_)]));
    let short = record(22, &message(2, &[3, 3, 0]));
    assert!(matches!(seen_at_once(&short)[..], [Seen::Malformed(_)]));
    let lying = record(22, &message(11, &[0, 0, 200, 0, 0, 1, 0xAA]));
    assert!(matches!(seen_at_once(&lying)[..], [Seen::Malformed(_)]));
}

/// What OpenSSL itself says in a handshake over memory: (client's bytes, server's bytes).
fn openssl_handshake(version: openssl::ssl::SslVersion) -> (Vec<u8>, Vec<u8>) {
    openssl_handshake_over(version, None)
}

/// The same with a server that takes one group only.
fn openssl_handshake_over(version: openssl::ssl::SslVersion, group: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    use std::io::{self, Read, Write};
    use std::sync::{Arc, Mutex};

    use openssl::ssl::{HandshakeError, SslAcceptor, SslConnector, SslMethod, SslVerifyMode};

    type Queue = Arc<Mutex<(Vec<u8>, usize)>>;
    struct End {
        reads: Queue,
        writes: Queue,
    }
    impl Read for End {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let mut queue = self.reads.lock().unwrap();
            let from = queue.1;
            let count = buffer.len().min(queue.0.len() - from);
            if count == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            buffer[..count].copy_from_slice(&queue.0[from..from + count]);
            queue.1 += count;
            Ok(count)
        }
    }
    impl Write for End {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.writes.lock().unwrap().0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (certificate, key) = self_signed();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_max_proto_version(Some(version)).unwrap();
    if let Some(group) = group {
        acceptor.set_groups_list(group).unwrap();
    }
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let (up, down) = (Queue::default(), Queue::default());
    let client = End { reads: Arc::clone(&down), writes: Arc::clone(&up) };
    let server = End { reads: Arc::clone(&up), writes: Arc::clone(&down) };
    let mut client = match connector.build().connect("mail.example.com", client) {
        Err(HandshakeError::WouldBlock(client)) => client,
        _ => panic!("the client waits for the server first"),
    };
    let mut server = match acceptor.build().accept(server) {
        Err(HandshakeError::WouldBlock(server)) => server,
        _ => panic!("the server waits for the client"),
    };
    for _ in 0..4 {
        client = match client.handshake() {
            Err(HandshakeError::WouldBlock(client)) => client,
            _ => break,
        };
        server = match server.handshake() {
            Err(HandshakeError::WouldBlock(server)) => server,
            _ => break,
        };
    }
    let bytes = |queue: &Queue| queue.lock().unwrap().0.clone();
    (bytes(&up), bytes(&down))
}

fn self_signed() -> (openssl::x509::X509, openssl::pkey::PKey<openssl::pkey::Private>) {
    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::{X509, X509Name};

    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "mail.example.com").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

#[test]
fn a_real_handshake_of_tls_1_2_shows_its_chain() {
    let (up, down) = openssl_handshake(openssl::ssl::SslVersion::TLS1_2);
    let Some(Seen::ClientHello(hello)) = seen_at_once(&up).into_iter().next() else {
        panic!("no ClientHello")
    };
    assert_eq!(hello.server_name.as_deref(), Some("mail.example.com"));
    assert!(hello.versions.contains(&"TLSv1.3".to_owned()) && hello.ciphers > 5 && hello.length > 100);
    assert!(hello.groups.contains(&"x25519".to_owned()), "{:?}", hello.groups);
    let seen = seen_at_once(&down);
    assert!(matches!(&seen[0], Seen::ServerHello(hello) if hello.version == "TLSv1.2"), "{seen:?}");
    assert!(seen.iter().any(|s| matches!(s, Seen::Chain(chain) if chain.len() == 1)), "{seen:?}");
    assert!(seen.contains(&Seen::Handshake(12, "ServerKeyExchange")));
    assert!(matches!(seen.last(), Some(Seen::Encrypted { .. })), "{seen:?}");
}

#[test]
fn a_real_handshake_of_tls_1_3_hides_its_chain() {
    let (_, down) = openssl_handshake(openssl::ssl::SslVersion::TLS1_3);
    let seen = seen_at_once(&down);
    assert!(
        matches!(&seen[0], Seen::ServerHello(hello) if hello.version == "TLSv1.3" && hello.group.is_some())
    );
    assert!(!seen.iter().any(|s| matches!(s, Seen::Chain(_))));
    assert!(matches!(seen.last(), Some(Seen::Encrypted { .. })));
}

#[test]
fn a_retry_does_not_hide_the_hellos_behind_it() {
    let (up, down) = openssl_handshake_over(openssl::ssl::SslVersion::TLS1_3, Some("P-521"));
    let seen = seen_at_once(&down);
    assert!(
        matches!(
            &seen[..],
            [
                Seen::HelloRetryRequest(Some(asked)),
                Seen::ChangeCipherSpec,
                Seen::ServerHello(ServerHello { group: Some(group), .. }),
                Seen::Encrypted { .. },
            ] if asked == "secp521r1" && group == "secp521r1"
        ),
        "{seen:?}"
    );
    let seen = seen_at_once(&up);
    assert!(
        matches!(
            &seen[..],
            [Seen::ClientHello(_), Seen::ChangeCipherSpec, Seen::ClientHello(_), Seen::Encrypted { .. }]
        ),
        "{seen:?}"
    );
}

#[test]
fn alerts_in_the_clear_are_read_wherever_they_stand() {
    let two = record(21, &[1, 112, 2, 40]);
    let alert = |level, code| Seen::Alert { level, code };
    assert_eq!(seen_at_once(&two), [alert(1, 112), alert(2, 40)]);
    let after_change = [record(20, &[1]), record(21, &[2, 47])].concat();
    assert_eq!(seen_at_once(&after_change), [Seen::ChangeCipherSpec, alert(2, 47)]);
    for odd in [&[][..], &[2], &[2, 40, 1]] {
        assert!(matches!(seen_at_once(&record(21, odd))[..], [Seen::Malformed(_)]), "{odd:?}");
    }
}

#[test]
fn every_split_of_a_real_handshake_gives_the_same() {
    for version in [openssl::ssl::SslVersion::TLS1_2, openssl::ssl::SslVersion::TLS1_3] {
        let (up, down) = openssl_handshake_over(version, Some("P-521"));
        every_split_gives_the_same(&up);
        every_split_gives_the_same(&down);
    }
}

fn every_split_gives_the_same(down: &[u8]) {
    let whole = together(seen_at_once(down));
    let mut decoder = Decoder::new();
    let bytewise = down.iter().flat_map(|byte| decoder.push(&[*byte])).collect();
    assert_eq!(together(bytewise), whole);
    for at in 0..down.len() {
        let mut decoder = Decoder::new();
        let mut seen = decoder.push(&down[..at]);
        seen.extend(decoder.push(&down[at..]));
        assert_eq!(together(seen), whole, "split at {at}");
    }
}

proptest! {
    #[test]
    fn nothing_is_too_odd_to_look_at(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        split in 0..600_usize,
    ) {
        let split = split.min(bytes.len());
        let mut decoder = Decoder::new();
        decoder.push(&bytes[..split]);
        decoder.push(&bytes[split..]);
    }

    #[test]
    fn nor_are_broken_handshakes(
        kind in 0_u8..30,
        body in proptest::collection::vec(any::<u8>(), 0..300),
        flips in proptest::collection::vec((0..200_usize, any::<u8>()), 0..6),
    ) {
        Decoder::new().push(&record(22, &message(kind, &body)));
        let mut hello = record(22, &server_hello());
        for (at, byte) in flips {
            if let Some(place) = hello.get_mut(at) {
                *place = byte;
            }
        }
        Decoder::new().push(&hello);
    }
}
