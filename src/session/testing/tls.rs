//! TLS records and certificates as servers send them, for recorded sessions that never touched a network.

/// Certificates, DER. They were made with the script beside them and fit a session that starts on 2026-11-24.
pub mod certs {
    /// For `smtp.example.com`, in order; issued by [`INTERMEDIATE`].
    pub const GOOD: &[u8] = include_bytes!("../../../tests/fixtures/certs/good.der");
    /// Issued by a root that nobody sends.
    pub const INTERMEDIATE: &[u8] = include_bytes!("../../../tests/fixtures/certs/intermediate.der");
    /// Ended on 2026-11-12.
    pub const EXPIRED: &[u8] = include_bytes!("../../../tests/fixtures/certs/expired.der");
    /// Begins on 2026-12-01.
    pub const NOT_YET: &[u8] = include_bytes!("../../../tests/fixtures/certs/not-yet.der");
    /// Ends on 2026-12-01.
    pub const SOON: &[u8] = include_bytes!("../../../tests/fixtures/certs/soon.der");
    /// For `server7.hosting.example`.
    pub const OTHER_NAME: &[u8] = include_bytes!("../../../tests/fixtures/certs/other-name.der");
    /// For `server7.hosting.example`, ended on 2026-11-12.
    pub const EXPIRED_OTHER_NAME: &[u8] =
        include_bytes!("../../../tests/fixtures/certs/expired-other-name.der");
    /// Issued by itself.
    pub const SELF_SIGNED: &[u8] = include_bytes!("../../../tests/fixtures/certs/self-signed.der");
    /// Issued by a company's own authority.
    pub const PRIVATE_CA: &[u8] = include_bytes!("../../../tests/fixtures/certs/private-ca.der");
    /// Issued by an antivirus on the way.
    pub const INTERCEPTED: &[u8] = include_bytes!("../../../tests/fixtures/certs/intercepted.der");
    /// For clients only.
    pub const CLIENT_ONLY: &[u8] = include_bytes!("../../../tests/fixtures/certs/client-only.der");
    /// RSA 1024.
    pub const WEAK_KEY: &[u8] = include_bytes!("../../../tests/fixtures/certs/weak-key.der");
    /// Signed with SHA-1.
    pub const WEAK_SIGNATURE: &[u8] = include_bytes!("../../../tests/fixtures/certs/weak-signature.der");
}

fn u16_of(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &u16_of(body.len())[..], body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
    record(22, &[&[kind], &length[1..], body].concat())
}

fn extension(number: u16, body: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &u16_of(body.len()), body].concat()
}

/// A ClientHello that offers TLS 1.3 and 1.2.
pub fn client_hello(server_name: &str) -> Vec<u8> {
    let name = server_name.as_bytes();
    let sni = [&u16_of(name.len() + 3)[..], &[0], &u16_of(name.len()), name].concat();
    let share = [&[0, 36, 0, 29, 0, 32][..], &[7; 32]].concat();
    let mut extensions = Vec::new();
    // An address is never named (RFC 6066 §3).
    if server_name.parse::<std::net::IpAddr>().is_err() {
        extensions.extend(extension(0, &sni));
    }
    extensions.extend(extension(10, &[0, 4, 0, 29, 0, 23]));
    extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
    extensions.extend(extension(51, &share));
    let head = [&[3, 3][..], &[1; 32], &[0], &[0, 4, 0x13, 0x02, 0xc0, 0x2f], &[1, 0]].concat();
    message(1, &[head, u16_of(extensions.len()).to_vec(), extensions].concat())
}

fn server_hello(cipher: u16, version: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = [&version.to_be_bytes()[..], &[9; 32], &[0], &cipher.to_be_bytes(), &[0]].concat();
    if !extensions.is_empty() {
        body.extend(u16_of(extensions.len()));
        body.extend(extensions);
    }
    message(2, &body)
}

/// A ServerHello that chooses TLS 1.3, TLS_AES_256_GCM_SHA384 and x25519, and what follows it, encrypted.
pub fn server_flight_13() -> Vec<u8> {
    let share = [&[0, 29, 0, 32][..], &[8; 32]].concat();
    let extensions = [extension(43, &[3, 4]), extension(51, &share)].concat();
    let hello = server_hello(0x1302, 0x0303, &extensions);
    [hello, record(20, &[1]), record(23, &[0; 64]), record(23, &[0; 900])].concat()
}

/// A ServerHello that chooses TLS 1.2, and the chain in the clear.
pub fn server_flight_12(chain: &[&[u8]]) -> Vec<u8> {
    server_flight(0xc02f, 0x0303, chain)
}

/// A ServerHello that chooses TLS 1.0, and the chain in the clear.
pub fn server_flight_10(chain: &[&[u8]]) -> Vec<u8> {
    server_flight(0xc013, 0x0301, chain)
}

fn server_flight(cipher: u16, version: u16, chain: &[&[u8]]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or_default().to_be_bytes();
    let list: Vec<u8> = chain.iter().flat_map(|der| [&length(der.len())[1..], der].concat()).collect();
    let certificates = [&length(list.len())[1..], &list].concat();
    [
        server_hello(cipher, version, &[]),
        message(11, &certificates),
        message(12, &[3, 0, 29, 1, 7, 0, 0, 0, 0]),
        message(14, &[]),
    ]
    .concat()
}

/// A CertificateRequest of TLS 1.2: a certificate of the client is asked for.
pub fn certificate_request() -> Vec<u8> {
    message(13, &[1, 1, 0, 2, 4, 1, 0, 0])
}

/// An alert: 1 warning, 2 fatal.
pub fn alert(level: u8, code: u8) -> Vec<u8> {
    record(21, &[level, code])
}

/// The client's last flight.
pub fn client_finished() -> Vec<u8> {
    [record(20, &[1]), record(23, &[0; 69])].concat()
}
