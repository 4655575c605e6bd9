//! The name that this machine says in EHLO when the user gives none.

use std::net::{IpAddr, SocketAddr, UdpSocket};

/// The machine's own full name, where it has one; otherwise an address literal, as RFC 5321 §4.1.4 asks of a client
/// without a name. A bare word such as `localhost` is refused by many servers.
pub fn ehlo_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    name_or_literal(&name, own_address())
}

fn name_or_literal(name: &str, address: Option<IpAddr>) -> String {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let well_formed = name.len() <= 253
        && name.contains('.')
        && !name.ends_with(".local")
        && !name.ends_with(".localdomain")
        && name.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    if well_formed {
        return name;
    }
    match address {
        Some(IpAddr::V4(v4)) => format!("[{v4}]"),
        Some(IpAddr::V6(v6)) => format!("[IPv6:{v6}]"),
        None => "[127.0.0.1]".to_owned(),
    }
}

/// The address from which this machine would reach the internet. Connecting a UDP socket sends nothing; the address
/// asked about is one of those for documentation (RFC 5737).
fn own_address() -> Option<IpAddr> {
    let far: SocketAddr = ([192, 0, 2, 1], 9).into();
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect(far).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_unspecified()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_or_a_literal() {
        let address = Some("192.0.2.7".parse().unwrap());
        assert_eq!(name_or_literal("Client.Example.NET", address), "client.example.net");
        for bare in ["localhost", "laptop", "", "laptop.local", "a..b", "x_y.example.com", "h.localdomain"] {
            assert_eq!(name_or_literal(bare, address), "[192.0.2.7]", "{bare}");
        }
        assert_eq!(name_or_literal("x", Some("2001:db8::7".parse().unwrap())), "[IPv6:2001:db8::7]");
    }
}
