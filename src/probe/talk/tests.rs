//! A server that asks for very much hashing, in paused time: others go on meanwhile, and the limit of a wait holds.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, BufReader, DuplexStream, split};
use tokio::sync::mpsc;
use tokio::task::yield_now;

use super::*;
use crate::event::{Event, ProbeId};
use crate::target::{Credentials, SecretKind, TlsMode};
use crate::wire::dialogue::{Errand, SignIn};
use crate::wire::sasl::{Mechanism, Scrubber};

const LIMIT: Duration = Duration::from_secs(30);

/// Speaks inside TLS with a server that lets in by SCRAM; `rounds` of hashing, and behind the challenge `late` of time.
/// What the client sent after the challenge, how the talk ended, and what was recorded.
async fn hashed(rounds: u32, late: Duration) -> (String, Halt, Vec<Event>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (events, mut heard) = mpsc::unbounded_channel();
    let recorder = Recorder {
        probe: ProbeId(1),
        started: Instant::now(),
        told: Arc::new(Mutex::new(Scrubber::default())),
        events,
    };
    let credentials = Credentials { user: "ann".to_owned(), secret: Secret::new("correct horse".to_owned()) };
    let mechanism = Some(Mechanism::ScramSha256);
    let sign_in = Some(SignIn { credentials, kind: SecretKind::Password, mechanism });
    let errand = Errand { sign_in, envelope: None };
    let script = Script { errand, ..Script::new(TlsMode::Implicit, "client.example.net") };
    let mut talk = Talk::new(Box::new(near), script, recorder, LIMIT);
    assert_eq!(talk.advance().await, Halt::StartTls);
    let stream = talk.take().unwrap();
    talk.verified(stream, Verified::by_strict_handshake(None));
    let (halt, (answer, _open)) = tokio::join!(talk.advance(), server(far, rounds, late));
    drop(talk);
    let mut all = Vec::new();
    while let Ok(event) = heard.try_recv() {
        all.push(event);
    }
    (answer, halt, all)
}

/// The first line after the challenge, and the connection, which stays open.
async fn server(stream: DuplexStream, rounds: u32, late: Duration) -> (String, impl Sized) {
    let (read, mut write) = split(stream);
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mx\r\n").await.unwrap();
    lines.next_line().await.unwrap().unwrap();
    write.write_all(b"250-mx\r\n250 AUTH SCRAM-SHA-256\r\n").await.unwrap();
    let auth = lines.next_line().await.unwrap().unwrap();
    let first = STANDARD.decode(auth.strip_prefix("AUTH SCRAM-SHA-256 ").unwrap()).unwrap();
    let first = String::from_utf8(first).unwrap();
    let (_, nonce) = first.split_once("r=").unwrap();
    let challenge = STANDARD.encode(format!("r={nonce}server,s=c2FsdHNhbHQ=,i={rounds}"));
    write.write_all(format!("334 {challenge}\r\n").as_bytes()).await.unwrap();
    // The client has its turns, and begins to hash; were that done in such a turn, this would stand still.
    for _ in 0..50 {
        yield_now().await;
    }
    tokio::time::advance(late).await;
    let answer = lines.next_line().await.unwrap().unwrap();
    write.write_all(b"535 5.7.8 no\r\n").await.unwrap();
    (answer, (lines, write))
}

#[tokio::test(start_paused = true)]
async fn hashing_is_done_beside_and_given_up_at_the_limit() {
    let (answer, halt, _) = hashed(60_000, LIMIT + Duration::from_secs(1)).await;
    assert_eq!(answer, "*", "the exchange is cancelled, which could not be decided while this thread hashes");
    assert_eq!(halt, Halt::Finished(Finish::SignInRefused));
}

#[tokio::test(start_paused = true)]
async fn what_is_hashed_in_time_is_sent() {
    let (answer, halt, events) = hashed(4_096, Duration::ZERO).await;
    assert!(!format!("{events:?}").contains(&answer), "the proof is not recorded");
    let proof = String::from_utf8(STANDARD.decode(answer).unwrap()).unwrap();
    assert!(proof.starts_with("c=biws,r=") && proof.contains(",p="), "{proof}");
    assert_eq!(halt, Halt::Finished(Finish::SignInRefused));
}
