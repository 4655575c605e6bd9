//! What look-ups gave: DNS records, and the policy that is served over HTTPS. Only values: nothing here looks, waits or decides.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::wire::bytes::Bytes;

/// What came of asking for an MTA-STS policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyOutcome {
    /// The page, as it was sent.
    Page(Bytes),
    /// Another status than 200; a redirect is not followed (RFC 8461 §3.3).
    Status(u16),
    /// It is longer than any policy has reason to be.
    TooLong,
    /// No end within the limit.
    TimedOut,
    /// The host has no address, cannot be reached, or its certificate does not verify: the events before say which.
    NotReached,
    /// What came is no HTTP, or the connection broke.
    Failed(String),
}

/// DNS record types that ehlo asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are DNS's own")]
pub enum RecordType {
    A,
    Aaaa,
    Cname,
    Mx,
    Srv,
    Txt,
    Tlsa,
    Ptr,
}

impl RecordType {
    /// The type's name in DNS.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
            Self::Tlsa => "TLSA",
            Self::Ptr => "PTR",
        }
    }
}

/// Where the answer to a look-up came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookupSource {
    /// A DNS server; its address where one server was asked.
    Dns(Option<SocketAddr>),
    /// A DNS server that says that it has validated the answer by DNSSEC (the AD bit, RFC 6840 §5.8). That is worth as
    /// much as the way to this server.
    Validated(Option<SocketAddr>),
    /// The hosts file, or the rule that stands for it for `localhost` (RFC 6761 §6.3).
    HostsFile,
    /// `--resolve`.
    Given,
    /// The target is an address.
    Literal,
}

/// How a look-up ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookupOutcome {
    /// Records, in the order of the answer, CNAMEs first.
    Answers(Vec<Record>),
    /// No such name. `at` is the name that does not exist: the end of a CNAME chain may be another.
    NxDomain {
        /// The name that does not exist.
        at: String,
    },
    /// The name exists and has no such record.
    NoData,
    /// The resolver failed, with the extended error (RFC 8914) where it sent one.
    ServFail {
        /// Info code and extra text.
        extended: Option<(u16, String)>,
    },
    /// The resolver refuses to answer.
    Refused,
    /// Another response code.
    OtherCode(u16),
    /// No answer within the limit.
    TimedOut,
    /// The resolver cannot be reached, or none is configured: the system's words.
    Unreachable(String),
    /// The answer could not be read.
    Malformed(String),
}

/// One resource record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Owner name.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// Type and data.
    pub data: RecordData,
}

/// The data of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "fields bear DNS's own names")]
pub enum RecordData {
    /// IPv4 or IPv6 address.
    Address(IpAddr),
    /// Canonical name.
    Cname(String),
    /// Mail exchanger.
    Mx { preference: u16, exchange: String },
    /// Service.
    Srv { priority: u16, weight: u16, port: u16, target: String },
    /// Text, its parts joined.
    Txt(String),
    /// DANE association; data in hexadecimal.
    Tlsa { usage: u8, selector: u8, matching: u8, data: String },
    /// Reverse name.
    Ptr(String),
}
