use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::MessageType;
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;
use hickory_resolver::proto::rr::rdata::{A, CNAME, SOA};
use hickory_resolver::proto::rr::{RData, Record as WireRecord};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::event::{Record, RecordData};

/// Long enough for a loaded machine where an answer is to come.
const PATIENT: Patience =
    Patience { per_try: Duration::from_secs(10), attempts: 1, total: Duration::from_secs(30) };

/// Short where none is.
const HASTY: Patience =
    Patience { per_try: Duration::from_millis(100), attempts: 2, total: Duration::from_secs(5) };

/// A DNS server on loopback that answers as a test tells it to. It ends with the test.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// `udp` makes the datagrams that answer a question.
    async fn new(udp: impl Fn(Message) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::SeqCst);
                for answer in udp(Message::from_vec(&buffer[..length]).unwrap()) {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    /// Answers over TCP too, on the same port.
    async fn over_tcp(mut self, tcp: impl Fn(Message) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self._tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![0; stream.read_u16().await.unwrap().into()];
                stream.read_exact(&mut bytes).await.unwrap();
                let answer = tcp(Message::from_vec(&bytes).unwrap());
                stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        self
    }

    async fn outcome(&self, patience: Patience) -> LookupOutcome {
        let (server, _, outcome) = ask(&[self.address], "a.example.com", RecordType::A, patience).await;
        assert_eq!(server, Some(self.address));
        outcome
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn reply(asked: &Message, code: ResponseCode) -> Message {
    let mut message = Message::response(asked.metadata.id, asked.metadata.op_code);
    message.metadata.response_code = code;
    message.queries.clone_from(&asked.queries);
    message
}

fn a(owner: &str) -> WireRecord {
    WireRecord::from_rdata(name(owner), 60, RData::A(A::new(192, 0, 2, 1)))
}

fn cname(owner: &str, target: &str) -> WireRecord {
    WireRecord::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(target))))
}

fn bytes(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap()
}

fn with(asked: &Message, answers: Vec<WireRecord>) -> Vec<u8> {
    let mut message = reply(asked, ResponseCode::NoError);
    message.answers = answers;
    bytes(&message)
}

fn address_of(outcome: &LookupOutcome) -> &[Record] {
    let LookupOutcome::Answers(records) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(records.last().unwrap().data, RecordData::Address(_)), "{records:?}");
    records
}

#[tokio::test]
async fn an_answer_comes_with_its_chain() {
    let server = Server::new(|asked| {
        assert!(asked.metadata.recursion_desired);
        assert_eq!(asked.metadata.message_type, MessageType::Query);
        vec![with(&asked, vec![cname("a.example.com.", "b.example.com."), a("b.example.com.")])]
    });
    let outcome = server.await.outcome(PATIENT).await;
    assert_eq!(address_of(&outcome).len(), 2);
}

#[tokio::test]
async fn kinds_of_failure_stay_apart() {
    let of = async |code: ResponseCode| {
        Server::new(move |asked| vec![bytes(&reply(&asked, code))]).await.outcome(PATIENT).await
    };
    assert_eq!(of(ResponseCode::NoError).await, LookupOutcome::NoData);
    assert_eq!(of(ResponseCode::NXDomain).await, LookupOutcome::NxDomain { at: "a.example.com".into() });
    assert_eq!(of(ResponseCode::ServFail).await, LookupOutcome::ServFail { extended: None });
    assert_eq!(of(ResponseCode::Refused).await, LookupOutcome::Refused);
    assert_eq!(of(ResponseCode::NotImp).await, LookupOutcome::OtherCode(4));
    let bad_version = Server::new(|asked| {
        let mut message = reply(&asked, ResponseCode::BADVERS);
        message.edns = Some(Edns::new());
        vec![bytes(&message)]
    });
    let outcome = bad_version.await.outcome(PATIENT).await;
    assert_eq!(
        outcome,
        LookupOutcome::OtherCode(16),
        "the high bits of the code are in EDNS (RFC 6891 §6.1.3)"
    );
}

#[tokio::test]
async fn the_extended_error_is_kept() {
    let server = Server::new(|asked| {
        let mut message = reply(&asked, ResponseCode::ServFail);
        let mut edns = Edns::new();
        edns.options_mut().insert(EdnsOption::Unknown(15, b"\x00\x06bogus".to_vec()));
        message.edns = Some(edns);
        vec![bytes(&message)]
    });
    let expected = LookupOutcome::ServFail { extended: Some((6, "bogus".into())) };
    assert_eq!(server.await.outcome(PATIENT).await, expected);
}

#[tokio::test]
async fn what_is_not_the_answer_is_passed_over() {
    let server = Server::new(|asked| {
        let mut stranger = asked.clone();
        stranger.metadata.id = !asked.metadata.id;
        let forged = with(&stranger, vec![a("a.example.com.")]);
        let mut other = asked.clone();
        other.queries = vec![Query::query(name("b.example.com."), other.queries[0].query_type())];
        vec![
            forged,
            with(&other, vec![a("b.example.com.")]),
            b"garbage".to_vec(),
            bytes(&reply(&asked, ResponseCode::NXDomain)),
        ]
    });
    let outcome = server.await.outcome(PATIENT).await;
    assert_eq!(outcome, LookupOutcome::NxDomain { at: "a.example.com".into() });
}

#[tokio::test]
async fn silence_garbage_and_a_wrong_id_are_told_apart() {
    let silent = Server::new(|_| vec![]).await;
    assert_eq!(silent.outcome(HASTY).await, LookupOutcome::TimedOut);
    assert_eq!(silent.asked(), 2, "asked once more");
    let garbage = Server::new(|_| vec![b"\x00".to_vec()]).await;
    let LookupOutcome::Malformed(text) = garbage.outcome(HASTY).await else { panic!("not Malformed") };
    assert!(text.contains("cannot be read"), "{text}");
    let wrong = Server::new(|mut asked| {
        asked.metadata.id = !asked.metadata.id;
        vec![with(&asked, vec![a("a.example.com.")])]
    });
    let LookupOutcome::Malformed(text) = wrong.await.outcome(HASTY).await else { panic!("not Malformed") };
    assert!(text.contains("does not belong"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_a_slow_one() {
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (server, _, outcome) = ask(&[gone], "a.example.com", RecordType::A, PATIENT).await;
    assert_eq!(server, Some(gone));
    assert!(matches!(outcome, LookupOutcome::Unreachable(text) if text.contains(&gone.to_string())));

    let (server, _, outcome) = ask(&[], "a.example.com", RecordType::A, PATIENT).await;
    assert_eq!(server, None);
    assert!(matches!(outcome, LookupOutcome::Unreachable(text) if text.contains("configured")));
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_over_tcp() {
    fn cut(asked: &Message) -> Vec<Vec<u8>> {
        let mut message = reply(asked, ResponseCode::NoError);
        message.metadata.truncation = true;
        vec![bytes(&message)]
    }
    let server = Server::new(|asked| cut(&asked)).await;
    let server = server.over_tcp(|asked| with(&asked, vec![a("a.example.com."); 200])).await;
    assert_eq!(address_of(&server.outcome(PATIENT).await).len(), 200);

    let LookupOutcome::Unreachable(text) = Server::new(|asked| cut(&asked)).await.outcome(PATIENT).await
    else {
        panic!("not Unreachable");
    };
    assert!(text.contains("truncated"), "{text}");

    let server = Server::new(|asked| cut(&asked)).await.over_tcp(|_| vec![0; 3]).await;
    assert!(matches!(server.outcome(PATIENT).await, LookupOutcome::Malformed(_)));
}

#[tokio::test]
async fn a_chain_that_the_server_leaves_unfinished_is_asked_on() {
    let server = Server::new(|asked| {
        let link = |from: &str, to: &str| vec![with(&asked, vec![cname(from, to)])];
        match asked.queries[0].name().to_ascii().as_str() {
            "a.example.com." => link("a.example.com.", "b.example.com."),
            "b.example.com." => link("b.example.com.", "c.example.com."),
            _ => vec![with(&asked, vec![a("c.example.com.")])],
        }
    });
    let server = server.await;
    assert_eq!(address_of(&server.outcome(PATIENT).await).len(), 3);
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn circles_and_endless_chains_end() {
    let circle = Server::new(|asked| {
        let records =
            vec![cname("a.example.com.", "b.example.com."), cname("b.example.com.", "a.example.com.")];
        vec![with(&asked, records)]
    });
    assert!(matches!(circle.await.outcome(PATIENT).await, LookupOutcome::Malformed(_)));
    let piecemeal = Server::new(|asked| match asked.queries[0].name().to_ascii().as_str() {
        "a.example.com." => vec![with(&asked, vec![cname("a.example.com.", "b.example.com.")])],
        _ => vec![with(&asked, vec![cname("b.example.com.", "a.example.com.")])],
    });
    assert!(matches!(piecemeal.await.outcome(PATIENT).await, LookupOutcome::Malformed(_)));
    let endless = Server::new(|asked| {
        let from = asked.queries[0].name().to_ascii();
        vec![with(&asked, vec![cname(&from, &format!("x{from}"))])]
    });
    let endless = endless.await;
    assert!(matches!(endless.outcome(PATIENT).await, LookupOutcome::Malformed(_)));
    assert_eq!(endless.asked(), MAX_FOLLOWED);
}

#[tokio::test]
async fn a_server_that_does_not_know_edns_is_asked_without() {
    let server = Server::new(|asked| match asked.edns {
        Some(_) => vec![bytes(&reply(&asked, ResponseCode::FormErr))],
        None => vec![with(&asked, vec![a("a.example.com.")])],
    });
    address_of(&server.await.outcome(PATIENT).await);
}

#[tokio::test]
async fn the_next_server_is_asked_and_the_most_telling_failure_is_kept() {
    let code = async |code: ResponseCode| Server::new(move |asked| vec![bytes(&reply(&asked, code))]).await;
    let refuses = code(ResponseCode::Refused).await;
    let fails = code(ResponseCode::ServFail).await;
    let knows = Server::new(|asked| {
        let mut message = reply(&asked, ResponseCode::NXDomain);
        let soa = SOA::new(name("ns.example.com."), name("root.example.com."), 1, 2, 3, 4, 5);
        message.authorities = vec![WireRecord::from_rdata(name("example.com."), 60, RData::SOA(soa))];
        vec![bytes(&message)]
    });
    let knows = knows.await;
    let of = async |servers: &[&Server]| {
        let servers: Vec<_> = servers.iter().map(|server| server.address).collect();
        ask(&servers, "a.example.com", RecordType::A, PATIENT).await
    };
    let (by, _, outcome) = of(&[&refuses, &fails, &knows]).await;
    assert_eq!((by, outcome), (Some(knows.address), LookupOutcome::NxDomain { at: "a.example.com".into() }));
    let (by, _, outcome) = of(&[&refuses, &fails]).await;
    assert_eq!((by, outcome), (Some(fails.address), LookupOutcome::ServFail { extended: None }));
    let (by, ..) = of(&[&refuses, &refuses, &refuses, &knows]).await;
    assert_eq!(by, Some(refuses.address), "no more than three are asked");
}

/// RFC 6840 §5.7 and §5.8: the question asks for the AD bit, and an answer counts as validated only where every message
/// of a chain bears it.
#[tokio::test]
async fn validated_answers_are_told_from_others() {
    let validates = async |all: bool| {
        let server = Server::new(move |asked| {
            assert!(asked.metadata.authentic_data, "the question asks for it");
            let first = asked.queries.first().unwrap().name() == &name("a.example.com.");
            let mut message = reply(&asked, ResponseCode::NoError);
            message.metadata.authentic_data = all || first;
            message.answers =
                vec![if first { cname("a.example.com.", "b.example.com.") } else { a("b.example.com.") }];
            vec![bytes(&message)]
        })
        .await;
        let (_, validated, outcome) = ask(&[server.address], "a.example.com", RecordType::A, PATIENT).await;
        assert_eq!(address_of(&outcome).len(), 2);
        validated
    };
    assert!(validates(true).await);
    assert!(!validates(false).await);
}
