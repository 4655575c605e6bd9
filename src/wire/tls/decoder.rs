//! Cuts one direction into records, puts handshake messages together again, and names what it sees.

use super::Seen;
use super::hello;
use super::names;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

/// Longest record body: 2^14 bytes and what encryption may add (RFC 5246 §6.2.3).
const MAX_RECORD: usize = (1 << 14) + 2048;

/// Most alerts that are read out of one record.
const MAX_ALERTS: usize = 16;

/// Longest handshake message that is put together.
const MAX_MESSAGE: usize = 1 << 18;

/// Decodes one direction, fed with bytes at any split.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// What does not make a record yet.
    buffer: Vec<u8>,
    /// What does not make a handshake message yet.
    message: Vec<u8>,
    /// After ChangeCipherSpec, records are ciphertext (TLS 1.2 and older; in TLS 1.3 their type says so).
    encrypted: bool,
    /// A hello of TLS 1.3 was seen, whose ChangeCipherSpec means nothing (RFC 8446 §5, appendix D.4).
    tls13: bool,
    /// The first record has been seen.
    begun: bool,
    /// Nothing more will be understood.
    stopped: bool,
}

impl Decoder {
    /// Most bytes that are kept of what is not TLS.
    pub const MAX_FOREIGN: usize = 512;

    /// An empty decoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes and gives what they complete. Encrypted records are summed up for each call.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut seen = Vec::new();
        if self.stopped {
            return seen;
        }
        self.buffer.extend_from_slice(bytes);
        let mut used = 0;
        loop {
            let rest = self.buffer.get(used..).unwrap_or_default();
            match record(rest) {
                Record::Whole(kind, body) => {
                    used += 5 + body.len();
                    let body = body.to_vec();
                    self.begun = true;
                    self.record(kind, &body, &mut seen);
                    if self.stopped {
                        break;
                    }
                }
                Record::Part => break,
                Record::Foreign => {
                    let foreign = rest.iter().take(Self::MAX_FOREIGN).copied().collect();
                    self.stop(
                        if self.begun {
                            Seen::Malformed("bytes between records")
                        } else {
                            Seen::NotTls(foreign)
                        },
                        &mut seen,
                    );
                    break;
                }
            }
        }
        if self.stopped {
            self.buffer = Vec::new();
            self.message = Vec::new();
        } else {
            self.buffer.drain(..used);
        }
        seen
    }

    fn record(&mut self, kind: u8, body: &[u8], seen: &mut Vec<Seen>) {
        match kind {
            CHANGE_CIPHER_SPEC => {
                self.encrypted = !self.tls13;
                seen.push(Seen::ChangeCipherSpec);
            }
            APPLICATION_DATA => encrypted(body.len(), seen),
            _ if self.encrypted && !still_clear(kind, body) => encrypted(body.len(), seen),
            HANDSHAKE => {
                self.message.extend_from_slice(body);
                self.messages(seen);
            }
            // Older versions allow several in one record.
            ALERT if !body.is_empty() && body.len().is_multiple_of(2) => {
                let alerts = body.chunks_exact(2).take(MAX_ALERTS);
                seen.extend(alerts.filter_map(|alert| match alert {
                    [level, code] => Some(Seen::Alert { level: *level, code: *code }),
                    _ => None,
                }));
            }
            ALERT => self.stop(Seen::Malformed("an alert of the wrong length"), seen),
            _ => {}
        }
    }

    fn messages(&mut self, seen: &mut Vec<Seen>) {
        while let [kind, a, b, c, ..] = self.message[..] {
            let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if length > MAX_MESSAGE {
                self.stop(Seen::Malformed("a handshake message that is too long"), seen);
                return;
            }
            let Some(body) = self.message.get(4..4 + length) else { return };
            let what = match kind {
                1 => hello::client_hello(body, 4 + length).map(Seen::ClientHello),
                2 => hello::server_hello(body),
                11 => hello::certificates(body).map(Seen::Chain),
                other => Some(Seen::Handshake(other, names::handshake(other))),
            };
            self.message.drain(..4 + length);
            match what {
                Some(what) => {
                    self.tls13 |= match &what {
                        Seen::HelloRetryRequest(_) => true,
                        Seen::ServerHello(hello) => hello.version == names::version(0x0304),
                        _ => false,
                    };
                    seen.push(what);
                }
                None => {
                    self.stop(Seen::Malformed("a handshake message that cannot be read"), seen);
                    return;
                }
            }
        }
    }

    fn stop(&mut self, why: Seen, seen: &mut Vec<Seen>) {
        seen.push(why);
        self.stopped = true;
    }
}

/// True where a record behind ChangeCipherSpec cannot be ciphertext. A client does not tell which version it came to:
/// in TLS 1.3 it says ChangeCipherSpec before its second ClientHello, and an alert may follow in the clear.
/// Ciphertext bears at least a tag or a checksum, so two bytes are none; and only by a hair's chance is it a hello.
fn still_clear(kind: u8, body: &[u8]) -> bool {
    match (kind, body) {
        (ALERT, [_, _]) => true,
        (HANDSHAKE, [1, a, b, c, hello @ ..]) => {
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            length == hello.len() && hello::client_hello(hello, body.len()).is_some()
        }
        _ => false,
    }
}

enum Record<'a> {
    Whole(u8, &'a [u8]),
    Part,
    Foreign,
}

/// The record at the front (RFC 8446 §5.1).
fn record(bytes: &[u8]) -> Record<'_> {
    match bytes {
        [] => Record::Part,
        [kind, ..] if !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(kind) => Record::Foreign,
        [_, major, ..] if *major != 3 => Record::Foreign,
        [kind, _, _, high, low, rest @ ..] => {
            let length = usize::from(*high) << 8 | usize::from(*low);
            if length > MAX_RECORD {
                return Record::Foreign;
            }
            rest.get(..length).map_or(Record::Part, |body| Record::Whole(*kind, body))
        }
        _ => Record::Part,
    }
}

/// Adds an encrypted record to the run under way.
fn encrypted(length: usize, seen: &mut Vec<Seen>) {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    if let Some(Seen::Encrypted { records, bytes }) = seen.last_mut() {
        *records = records.saturating_add(1);
        *bytes = bytes.saturating_add(length);
    } else {
        seen.push(Seen::Encrypted { records: 1, bytes: length });
    }
}
