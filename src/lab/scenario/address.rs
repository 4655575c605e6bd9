//! The addresses of a scenario: the way there, and what each port does. Data only.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, de};

/// One address and the way there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// One way, in milliseconds.
    pub latency_ms: u64,
    /// The ports that do something.
    #[serde(default, deserialize_with = "ports")]
    pub ports: BTreeMap<u16, Door>,
    /// What every other port does.
    #[serde(default = "refused")]
    pub unlisted: Door,
    /// Larger packets than this many bytes vanish on the way, and with them all that follows in their direction:
    /// a path whose ICMP "fragmentation needed" is filtered (RFC 2923 §2.1).
    pub largest_packet: Option<usize>,
}

fn refused() -> Door {
    Door(vec![Reach::Refused])
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u16, Door>, D::Error> {
    let by_name = BTreeMap::<String, Door>::deserialize(deserializer)?;
    let mut ports = BTreeMap::new();
    for (name, door) in by_name {
        let port = name.parse::<u16>().ok().filter(|port| *port != 0);
        let port = port.ok_or_else(|| de::Error::custom(format!("'{name}' is not a port")))?;
        ports.insert(port, door);
    }
    Ok(ports)
}

/// What a port does: the same each time, or in turn from connect to connect (flaky links, load balancers). Never
/// empty once proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door(pub Vec<Reach>);

/// What becomes of a connect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Established, with the server of this id.
    Open(String),
    /// Silence: something drops the packets.
    Filtered,
    /// A reset.
    Refused,
    /// An ICMP error.
    Icmp(Icmp),
    /// The caller's machine has no route there.
    NoRoute,
    /// The caller's machine refuses the connect.
    LocalRefusal,
}

/// An ICMP error; ICMPv6 where the address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Icmp {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// Who sends it.
    pub from: IpAddr,
    /// True where that is the caller's own machine.
    #[serde(default)]
    pub from_self: bool,
}

impl<'de> Deserialize<'de> for Door {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Door;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "what a port does: \"filtered\", { open = \"server\" }, or a list of these in turn",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Door, E> {
                Reach::deserialize(de::value::StrDeserializer::new(text)).map(|reach| Door(vec![reach]))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Door, A::Error> {
                Reach::deserialize(de::value::MapAccessDeserializer::new(map)).map(|reach| Door(vec![reach]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Door, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(Door)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
