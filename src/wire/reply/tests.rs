//! Replies as RFC 5321 shows them, and as servers send them that do not read it.

use proptest::prelude::*;

use super::*;

/// All replies of a stream that is pushed in pieces of `size` bytes, and then ends.
fn read_in(stream: &[u8], size: usize) -> Vec<Reply> {
    let mut reader = ReplyReader::new();
    let mut replies = Vec::new();
    for piece in stream.chunks(size.max(1)) {
        reader.push(piece);
        replies.extend(std::iter::from_fn(|| reader.next_reply()));
    }
    replies.extend(std::iter::from_fn(|| reader.finish()));
    assert!(reader.pending().is_empty());
    replies
}

fn only(stream: &[u8]) -> Reply {
    let mut replies = read_in(stream, usize::MAX);
    assert_eq!(replies.len(), 1, "{replies:?}");
    replies.remove(0)
}

#[test]
fn a_reply_to_ehlo_as_in_rfc_5321_appendix_d_1() {
    let stream = b"250-mx.example.com greets laptop.example.net\r\n250-8BITMIME\r\n250-SIZE\r\n250-DSN\r\n250 HELP\r\n";
    let reply = only(stream);
    assert_eq!(reply.code(), Some(250));
    assert!(reply.is_positive());
    assert_eq!(reply.quirks, []);
    let texts: Vec<_> = reply.lines.iter().map(ReplyLine::text).collect();
    assert_eq!(texts, ["mx.example.com greets laptop.example.net", "8BITMIME", "SIZE", "DSN", "HELP"]);
    assert_eq!(
        reply.summary(),
        "250 mx.example.com greets laptop.example.net / 8BITMIME / SIZE / DSN / HELP"
    );
}

#[test]
fn no_prefix_of_a_reply_is_a_reply() {
    let stream = b"250-mx.example.com\r\n250-SIZE 35882577\r\n250 STARTTLS\r\n";
    for end in 0..stream.len() {
        let mut reader = ReplyReader::new();
        reader.push(&stream[..end]);
        assert_eq!(reader.next_reply(), None, "after {end} bytes");
        assert_eq!(reader.pending(), &stream[..end]);
    }
}

#[test]
fn pipelined_replies_come_out_one_by_one() {
    let replies = read_in(b"250 2.1.0 Ok\r\n554 5.7.1 Relay access denied\r\n", usize::MAX);
    assert_eq!(replies.len(), 2);
    assert_eq!(replies[1].enhanced().unwrap().to_string(), "5.7.1");
    assert!(!replies[1].is_positive());
}

#[test]
fn a_code_alone_is_a_reply() {
    let reply = only(b"220\r\n");
    assert_eq!((reply.code(), reply.lines[0].separator), (Some(220), Separator::Nothing));
    assert_eq!((reply.quirks.as_slice(), reply.summary().as_str()), ([].as_slice(), "220"));
}

#[test]
fn what_is_wrong_is_noted_beside_the_reply() {
    let cases: [(&[u8], &[Quirk]); 13] = [
        (b"220 mx\n", &[Quirk::BareLf]),
        (b"250-a\r\n220 b\r\n", &[Quirk::MixedCodes]),
        (b"250-a\r\nb\r\n250 c\r\n", &[Quirk::NoCode]),
        (b"600 a\r\n", &[Quirk::OddCode]),
        (b"261 a\r\n", &[Quirk::OddCode]),
        (b"220_mx\r\n", &[Quirk::BadSeparator]),
        (b"220 a\x1b[2J\r\n", &[Quirk::Binary]),
        (b"220 a\r\r\n", &[Quirk::Binary]),
        (b"220 caf\xe9\r\n", &[Quirk::Binary]),
        (b"220 caf\xc3\xa9\ttea\r\n", &[]),
        (b"220 a", &[Quirk::Cut]),
        (b"250-a\r\n", &[Quirk::Cut]),
        (b"2024-01-01 hello\r\n", &[Quirk::NoCode]),
    ];
    for (stream, quirks) in cases {
        assert_eq!(only(stream).quirks, quirks, "{:?}", Bytes::from(stream));
    }
    let long = [b"220 ".as_slice(), &[b'a'; 507], b"\r\n"].concat();
    assert_eq!(only(&long).quirks, [Quirk::LongLine]);
    assert_eq!(only(&[b"220 ".as_slice(), &[b'a'; 506], b"\r\n"].concat()).quirks, []);
}

#[test]
fn the_last_code_counts() {
    assert_eq!(only(b"250-a\r\n421 b\r\n").code(), Some(421));
    assert_eq!(only(b"220-a\r\nb").code(), Some(220));
}

#[test]
fn a_first_line_that_is_no_reply_comes_out_at_once() {
    for line in
        ["HTTP/1.1 400 Bad Request\r\n", "SSH-2.0-x\r\n", "* OK ready\r\n", "+OK ready\r\n", "\r\n", "20\n"]
    {
        let mut reader = ReplyReader::new();
        reader.push(line.as_bytes());
        let reply = reader.next_reply().unwrap();
        assert_eq!((reply.code(), reply.has(Quirk::NoCode)), (None, true), "{line:?}");
        assert_eq!(reply.lines[0].raw.0, line.as_bytes());
    }
}

#[test]
fn tls_does_not_wait_for_a_line_end() {
    // A fatal alert as an implicit-TLS server sends it to plaintext; its last byte may be LF or not.
    for code in [10, 70] {
        let alert = [21, 3, 3, 0, 2, 2, code];
        for end in 0..alert.len() {
            let mut reader = ReplyReader::new();
            reader.push(&alert[..end]);
            assert_eq!(reader.next_reply(), None);
        }
        let mut reader = ReplyReader::new();
        reader.push(&alert);
        let reply = reader.next_reply().unwrap();
        assert_eq!(reply.lines[0].raw.0, alert);
        assert_eq!(reply.quirks, [Quirk::NoCode, Quirk::Binary]);
    }
}

#[test]
fn other_protocols_are_known_by_their_first_words() {
    for (bytes, name) in [
        ("HTTP/1.0 302 Found\r\n", Some("HTTP")),
        ("<html><head>", Some("HTTP")),
        ("SSH-2.0-OpenSSH_9.6\r\n", Some("SSH")),
        ("* OK [CAPABILITY IMAP4rev1] ready\r\n", Some("IMAP")),
        ("+OK POP3 ready\r\n", Some("POP3")),
        ("220 (vsFTPd 3.0.3)\r\n", Some("FTP")),
        ("220---------- Welcome to Pure-FTPd [TLS] ----------\r\n", Some("FTP")),
        ("220 Microsoft FTP Service\r\n", Some("FTP")),
        ("\x16\x03\x01\x02\0", Some("TLS")),
        ("220 ftp.example.com ESMTP Postfix\r\n", None),
        ("220 ftp.example.com ready\r\n", None),
        ("220 mx.example.com ESMTP\r\n", None),
        ("554 no\r\n", None),
        ("", None),
    ] {
        assert_eq!(looks_like(bytes.as_bytes()), name, "{bytes:?}");
    }
}

#[test]
fn endless_lines_are_given_up() {
    let mut reader = ReplyReader::new();
    reader.push(&[b'2'; MAX_LINE - 1]);
    assert_eq!(reader.next_reply(), None);
    reader.push(b"2");
    let reply = reader.next_reply().unwrap();
    assert!(reply.has(Quirk::OverLimit) && reply.has(Quirk::LongLine));
    assert_eq!(reply.lines[0].raw.0.len(), MAX_LINE);
    assert!(reader.pending().is_empty());
}

#[test]
fn endless_replies_are_given_up() {
    let mut reader = ReplyReader::new();
    for line in 1..=MAX_LINES {
        assert_eq!(reader.next_reply(), None, "before line {line}");
        reader.push(b"250-x\r\n");
    }
    let reply = reader.next_reply().unwrap();
    assert_eq!((reply.lines.len(), reply.quirks.as_slice()), (MAX_LINES, [Quirk::OverLimit].as_slice()));

    let mut reader = ReplyReader::new();
    let line = [b"250-".as_slice(), &[b'x'; 4000], b"\r\n"].concat();
    let reply = loop {
        reader.push(&line);
        if let Some(reply) = reader.next_reply() {
            break reply;
        }
    };
    assert!(reply.has(Quirk::OverLimit));
    assert_eq!(reply.lines.iter().map(|line| line.raw.0.len()).sum::<usize>(), MAX_REPLY);
}

#[test]
fn memory_is_bounded_even_if_nobody_reads() {
    let mut reader = ReplyReader::new();
    for _ in 0..100 {
        reader.push(&[b'x'; 100_000]);
    }
    assert_eq!(reader.pending().len(), MAX_PENDING);
    let replies: Vec<_> = std::iter::from_fn(|| reader.next_reply()).collect();
    assert!(replies.last().unwrap().has(Quirk::OverLimit));
    assert!(reader.pending().is_empty());
    reader.push(b"220 mx\r\n");
    assert_eq!(reader.next_reply().unwrap().code(), Some(220), "and it can be used again");
}

/// Streams that are nearly SMTP: the interesting ones.
fn nearly_smtp() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[2-5][0-5][0-9][ -]?[ -~]{0,40}(\r\n|\n)".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..60),
        1 => Just(b"250-x\r\n".repeat(MAX_LINES + 1)),
        1 => Just(vec![b'2'; MAX_LINE + 3]),
        1 => (20..=24_u8, 0..5_u8, any::<u8>()).prop_map(|(kind, minor, low)| vec![kind, 3, minor, 0, low]),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_replies(stream in nearly_smtp(), size in 1..50_usize) {
        prop_assert_eq!(read_in(&stream, size), read_in(&stream, usize::MAX));
    }

    #[test]
    fn the_lines_put_together_are_the_stream(stream in nearly_smtp(), size in 1..5000_usize) {
        let mut together = Vec::new();
        for reply in read_in(&stream, size) {
            prop_assert!(!reply.lines.is_empty());
            for line in reply.lines {
                together.extend_from_slice(&line.raw.0);
            }
        }
        prop_assert_eq!(together, stream);
    }

    #[test]
    fn a_reply_and_what_waits_are_bounded(stream in nearly_smtp(), size in 1..5000_usize) {
        let mut reader = ReplyReader::new();
        for piece in stream.chunks(size) {
            reader.push(piece);
            while let Some(reply) = reader.next_reply() {
                prop_assert!(reply.lines.len() <= MAX_LINES);
                prop_assert!(reply.lines.iter().map(|line| line.raw.0.len()).sum::<usize>() <= MAX_REPLY);
                prop_assert!(reply.quirks.len() <= 9);
                prop_assert!(reply.summary().chars().count() <= MAX_SUMMARY);
                let _ = (reply.code(), reply.enhanced());
            }
            prop_assert!(reader.pending().len() <= MAX_REPLY);
        }
    }

    #[test]
    fn nothing_is_too_odd_to_look_at(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = looks_like(&bytes);
        let _ = read_in(&bytes, 1);
    }
}
