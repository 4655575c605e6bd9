//! Reads hellos and certificate messages out of their bodies. Every length is checked against what is there.

use super::names;
use super::{ClientHello, Seen, ServerHello};

/// The `random` of a ServerHello that is a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// Most entries of a list that are kept.
const MAX_LIST: usize = 64;

/// Extension numbers (IANA, TLS ExtensionType Values).
const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;

/// Takes bytes from the front.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn number(&mut self, width: usize) -> Option<usize> {
        Some(self.take(width)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }

    fn short(&mut self) -> Option<u16> {
        u16::try_from(self.number(2)?).ok()
    }

    /// A vector with its length in front (RFC 8446 §3.4).
    fn vector(&mut self, width: usize) -> Option<Cursor<'a>> {
        let length = self.number(width)?;
        self.take(length).map(Cursor)
    }

    fn shorts(self) -> Vec<u16> {
        self.0
            .chunks_exact(2)
            .take(MAX_LIST)
            .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
            .collect()
    }
}

/// ClientHello (RFC 8446 §4.1.2); `length` is the whole message's.
pub(super) fn client_hello(body: &[u8], length: usize) -> Option<ClientHello> {
    let mut body = Cursor(body);
    let legacy = body.short()?;
    body.take(32)?;
    body.vector(1)?;
    let ciphers = body.vector(2)?.0.len() / 2;
    body.vector(1)?;
    let mut hello = ClientHello { ciphers, length, ..ClientHello::default() };
    for (kind, data) in extensions(&mut body) {
        match kind {
            SERVER_NAME => hello.server_name = server_name(data),
            SUPPORTED_GROUPS => {
                let mut data = data;
                hello.groups = data.vector(2)?.shorts().into_iter().filter(real).map(names::group).collect();
            }
            SUPPORTED_VERSIONS => {
                let mut data = data;
                hello.versions =
                    data.vector(1)?.shorts().into_iter().filter(real).map(names::version).collect();
            }
            _ => {}
        }
    }
    if hello.versions.is_empty() {
        hello.versions.push(names::version(legacy));
    }
    Some(hello)
}

/// ServerHello or HelloRetryRequest (RFC 8446 §4.1.3, §4.1.4).
pub(super) fn server_hello(body: &[u8]) -> Option<Seen> {
    let mut body = Cursor(body);
    let mut version = body.short()?;
    let random = body.take(32)?;
    body.vector(1)?;
    let cipher = body.short()?;
    body.take(1)?;
    let mut group = None;
    for (kind, mut data) in extensions(&mut body) {
        match kind {
            SUPPORTED_VERSIONS => version = data.short()?,
            KEY_SHARE => group = data.short(),
            _ => {}
        }
    }
    let group = group.map(names::group);
    if random == RETRY {
        return Some(Seen::HelloRetryRequest(group));
    }
    Some(Seen::ServerHello(ServerHello {
        version: names::version(version),
        cipher: names::cipher(cipher),
        group,
    }))
}

/// Certificate of TLS 1.2 and older (RFC 5246 §7.4.2).
pub(super) fn certificates(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut list = Cursor(body).vector(3)?;
    let mut chain = Vec::new();
    while !list.0.is_empty() && chain.len() < MAX_LIST {
        chain.push(list.vector(3)?.0.to_vec());
    }
    Some(chain)
}

fn extensions<'a>(body: &mut Cursor<'a>) -> Vec<(u16, Cursor<'a>)> {
    let mut found = Vec::new();
    let Some(mut list) = body.vector(2) else { return found };
    while let (Some(kind), Some(data)) = (list.short(), list.vector(2)) {
        found.push((kind, data));
        if found.len() == MAX_LIST {
            break;
        }
    }
    found
}

/// RFC 6066 §3.
fn server_name(mut data: Cursor<'_>) -> Option<String> {
    let mut list = data.vector(2)?;
    (list.number(1)? == 0).then_some(())?;
    Some(String::from_utf8_lossy(list.vector(2)?.0).into_owned())
}

/// Not one of the values that clients send to keep servers tolerant (GREASE, RFC 8701).
fn real(number: &u16) -> bool {
    number & 0x0F0F != 0x0A0A || number >> 8 != number & 0xFF
}
