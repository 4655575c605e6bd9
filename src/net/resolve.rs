//! Asks DNS servers, one question at a time, so that every way to fail keeps its own name.
//!
//! A resolver library hides the differences that a diagnosis lives on: it drops the extended error, and to it a server
//! that is not there looks like one that is slow. So the messages go out here, made and read by hickory, over a
//! connected UDP socket (which hears that nobody listens) and over TCP where the answer did not fit.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::Name;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use crate::event::{LookupOutcome, RecordType};
use crate::net::answer::{Reading, belongs, question, read};

/// Most servers that are asked; the system's own resolver knows three (resolv.conf(5), MAXNS).
const MAX_SERVERS: usize = 3;

/// Most questions that an unfinished CNAME chain may lead to.
const MAX_FOLLOWED: usize = 8;

/// UDP payload offered, free of fragments on common paths.
const UDP_PAYLOAD: u16 = 1232;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// One question to one server.
    pub per_try: Duration,
    /// How often a server that stays silent is asked.
    pub attempts: u8,
    /// All servers and attempts of one look-up together.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { per_try: Duration::from_secs(2), attempts: 2, total: Duration::from_secs(8) }
    }
}

/// Asks the servers in order and gives the first answer that settles the matter, with the server that gave it. Where
/// none does, the failure that says most. True where the server has validated the answer.
pub async fn ask(
    servers: &[SocketAddr],
    name: &str,
    record: RecordType,
    patience: Patience,
) -> (Option<SocketAddr>, bool, LookupOutcome) {
    let query = match question(name, record) {
        Ok(query) => query,
        Err(text) => return (None, false, LookupOutcome::Malformed(text)),
    };
    let deadline = Instant::now() + patience.total;
    let mut best: Option<(SocketAddr, LookupOutcome)> = None;
    let mut silent: Vec<SocketAddr> = servers.iter().copied().take(MAX_SERVERS).collect();
    for _ in 0..patience.attempts {
        let mut still_silent = Vec::new();
        for server in silent {
            if Instant::now() >= deadline {
                break;
            }
            let (outcome, authentic) = chase(server, &query, record, patience.per_try, deadline).await;
            if settles(&outcome) {
                return (Some(server), authentic, outcome);
            }
            if matches!(outcome, LookupOutcome::TimedOut | LookupOutcome::Malformed(_)) {
                still_silent.push(server);
            }
            if best.as_ref().is_none_or(|(_, known)| telling(&outcome) > telling(known)) {
                best = Some((server, outcome));
            }
        }
        silent = still_silent;
    }
    match best {
        Some((server, outcome)) => (Some(server), false, outcome),
        None => (None, false, LookupOutcome::Unreachable("no DNS server is configured".to_owned())),
    }
}

/// True where another server would have nothing to add.
fn settles(outcome: &LookupOutcome) -> bool {
    matches!(outcome, LookupOutcome::Answers(_) | LookupOutcome::NxDomain { .. } | LookupOutcome::NoData)
}

/// How much a failure says: words of a server before silence, silence before an absent server.
fn telling(outcome: &LookupOutcome) -> u8 {
    match outcome {
        LookupOutcome::ServFail { extended: Some(_) } => 6,
        LookupOutcome::ServFail { extended: None } => 5,
        LookupOutcome::Refused => 4,
        LookupOutcome::OtherCode(_) => 3,
        LookupOutcome::Malformed(_) => 2,
        LookupOutcome::TimedOut => 1,
        _ => 0,
    }
}

/// Asks one server, and asks on where it leaves a CNAME chain unfinished. True where it has validated all of it.
async fn chase(
    server: SocketAddr,
    query: &Query,
    record: RecordType,
    per_try: Duration,
    deadline: Instant,
) -> (LookupOutcome, bool) {
    let mut authentic = true;
    let mut chain = Vec::new();
    let mut seen: Vec<Name> = vec![query.name().clone()];
    let mut query = query.clone();
    for _ in 0..MAX_FOLLOWED {
        let limit = deadline.min(Instant::now() + per_try);
        let message = match exchange(server, &query, limit).await {
            Ok(message) => message,
            Err(outcome) => return (outcome, false),
        };
        authentic &= message.metadata.authentic_data;
        match read(&message, query.name(), record) {
            Reading::Final(LookupOutcome::Answers(records)) => {
                chain.extend(records);
                return (LookupOutcome::Answers(chain), authentic);
            }
            Reading::Final(outcome) => return (outcome, authentic),
            Reading::Unfinished { chain: more, next } => {
                if seen.contains(&next) {
                    let circle = "the CNAME records lead in a circle".to_owned();
                    return (LookupOutcome::Malformed(circle), false);
                }
                chain.extend(more);
                seen.push(next.clone());
                query = Query::query(next, query.query_type());
            }
        }
    }
    (LookupOutcome::Malformed("the chain of CNAME records does not end".to_owned()), false)
}

/// One question and its message; without EDNS where the server cannot read that.
async fn exchange(server: SocketAddr, query: &Query, limit: Instant) -> Result<Message, LookupOutcome> {
    let message = over_udp_or_tcp(server, query, true, limit).await?;
    if message.metadata.response_code == ResponseCode::FormErr && message.edns.is_none() {
        return over_udp_or_tcp(server, query, false, limit).await;
    }
    Ok(message)
}

async fn over_udp_or_tcp(
    server: SocketAddr,
    query: &Query,
    edns: bool,
    limit: Instant,
) -> Result<Message, LookupOutcome> {
    let (id, bytes) = encode(query, edns)?;
    let message = over_udp(server, query, id, &bytes, limit).await?;
    if !message.metadata.truncation {
        return Ok(message);
    }
    match timeout_at(limit, over_tcp(server, &bytes)).await {
        Err(_) => Err(LookupOutcome::TimedOut),
        Ok(Err(error)) => Err(LookupOutcome::Unreachable(format!(
            "{server} sent a truncated answer and cannot be asked over TCP: {error}"
        ))),
        Ok(Ok(bytes)) => match Message::from_vec(&bytes) {
            Ok(message) if belongs(&message, id, query) => Ok(message),
            Ok(_) => Err(not_ours(server)),
            Err(error) => Err(unreadable(server, &error)),
        },
    }
}

fn encode(query: &Query, edns: bool) -> Result<(u16, Vec<u8>), LookupOutcome> {
    let mut message = Message::query(); // with a random id
    message.metadata.recursion_desired = true;
    // Asks a validating resolver to say so (RFC 6840 §5.7); without it the answer's AD bit would mean nothing.
    message.metadata.authentic_data = true;
    message.add_query(query.clone());
    if edns {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_PAYLOAD);
        message.edns = Some(edns);
    }
    let bytes = message.to_vec().map_err(|error| LookupOutcome::Malformed(error.to_string()))?;
    Ok((message.metadata.id, bytes))
}

/// Waits for the answer that belongs to the question. What does not, may be forged: it is passed over, and reported
/// only where nothing better comes.
async fn over_udp(
    server: SocketAddr,
    query: &Query,
    id: u16,
    bytes: &[u8],
    limit: Instant,
) -> Result<Message, LookupOutcome> {
    let unreachable = |error: io::Error| LookupOutcome::Unreachable(format!("{server}: {error}"));
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await.map_err(unreachable)?;
    // Connected: the kernel filters strangers out, and tells of ICMP errors.
    socket.connect(server).await.map_err(unreachable)?;
    socket.send(bytes).await.map_err(unreachable)?;
    let mut passed_over = LookupOutcome::TimedOut;
    let mut buffer = [0; 4096];
    loop {
        let Ok(received) = timeout_at(limit, socket.recv(&mut buffer)).await else { return Err(passed_over) };
        let count = received.map_err(unreachable)?;
        match Message::from_vec(buffer.get(..count).unwrap_or_default()) {
            Ok(message) if belongs(&message, id, query) => return Ok(message),
            Ok(_) => passed_over = not_ours(server),
            Err(error) => passed_over = unreadable(server, &error),
        }
    }
}

/// The same question over TCP, each message behind its length (RFC 1035 §4.2.2).
async fn over_tcp(server: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn not_ours(server: SocketAddr) -> LookupOutcome {
    LookupOutcome::Malformed(format!("{server} sent an answer that does not belong to the question"))
}

fn unreadable(server: SocketAddr, error: &dyn std::error::Error) -> LookupOutcome {
    LookupOutcome::Malformed(format!("{server} sent an answer that cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
