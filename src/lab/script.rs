//! What a server of the lab is to say and do, as data: its capabilities, its users, and its rules, which are where
//! all its faults are. [`server`](crate::lab::server) acts it out.

use serde::Deserialize;

use crate::lab::scenario::Text;
use crate::target::TlsMode;
use crate::wire::bytes::Bytes;

/// A mail server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Its id in the scenario.
    pub id: String,
    /// What it calls itself, in the greeting and to EHLO.
    pub name: String,
    /// When TLS starts.
    pub tls: TlsMode,
    /// What stands behind `220 NAME `.
    #[serde(default = "ready")]
    pub banner: String,
    /// Capability lines before TLS, as sent: `STARTTLS` is among them where it is offered.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Capability lines inside TLS, as sent.
    #[serde(default)]
    pub capabilities_tls: Vec<String>,
    /// How it does TLS; needed unless `tls` is `none`.
    pub secure: Option<Secure>,
    /// Who may sign in.
    #[serde(default)]
    pub auth: Auth,
    /// What MAIL needs.
    #[serde(default)]
    pub mail_needs: Needs,
    /// Largest message in octets; what MAIL declares beyond it is refused.
    pub size_limit: Option<u64>,
    /// True where bytes sent in cleartext behind STARTTLS are answered inside TLS (the flaw of CVE-2011-0411).
    #[serde(default)]
    pub keeps_plaintext: bool,
    /// How long it waits for a command, in milliseconds; 5 minutes (RFC 5321 §4.5.3.2.7) where nothing is said.
    pub idle_ms: Option<u64>,
    /// Where it does otherwise than it should. The first that fits is taken.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

fn ready() -> String {
    "ESMTP ready".to_owned()
}

/// How a server does TLS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secure {
    /// Id of its certificate.
    pub certificate: String,
    /// Oldest version.
    #[serde(default)]
    pub min: Version,
    /// Newest version.
    #[serde(default = "newest")]
    pub max: Version,
    /// Cipher list up to TLS 1.2, in OpenSSL's form.
    pub ciphers: Option<String>,
    /// Cipher suites of TLS 1.3, in OpenSSL's form.
    pub ciphersuites: Option<String>,
    /// Groups, in OpenSSL's form.
    pub groups: Option<String>,
    /// Whether it asks for a client certificate.
    #[serde(default)]
    pub client_certificate: ClientCertificate,
    /// Other certificates, for clients that name these hosts (SNI); `certificate` is for all who do not.
    #[serde(default)]
    pub by_name: Vec<ByName>,
    /// Which ClientHellos never get an answer.
    pub deaf: Option<Deaf>,
}

/// A certificate for those who ask for this name (RFC 6066 §3).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByName {
    /// The name in the ClientHello.
    pub name: String,
    /// Id of the certificate.
    pub certificate: String,
}

/// ClientHellos that get no answer: one over one of these bounds is lost on the way, or the server cannot bear it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deaf {
    /// Of more bytes than this, the record's header included.
    pub above_bytes: Option<usize>,
    /// That offer a newer version than this.
    pub above_version: Option<Version>,
    /// What becomes of the connection: `hang` (silence), `close` or `reset`.
    #[serde(default = "hang")]
    pub then: Then,
}

fn hang() -> Then {
    Then::Hang
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[expect(missing_docs, reason = "the names are TLS's own")]
pub enum Version {
    #[serde(rename = "1.0")]
    Tls10,
    #[serde(rename = "1.1")]
    Tls11,
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

fn newest() -> Version {
    Version::Tls13
}

/// Whether a client certificate is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificate {
    /// No.
    #[default]
    None,
    /// Asked for, and not needed.
    Optional,
    /// Without one the handshake fails.
    Required,
}

/// Who may sign in, and what the others hear. Mechanisms: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1 and SCRAM-SHA-256 with
/// or without -PLUS, XOAUTH2 and OAUTHBEARER, where the capability line lists them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The first that fits is taken.
    #[serde(rename = "answer")]
    pub answers: Vec<AuthAnswer>,
    /// The reply to everybody else; `535 5.7.8 Authentication credentials invalid` where nothing is said.
    pub refused: Option<String>,
}

/// The reply to some credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthAnswer {
    /// This user; any where nothing is said.
    pub user: Option<String>,
    /// This password or token; any where nothing is said.
    pub secret: Option<String>,
    /// This mechanism; any where nothing is said.
    pub mechanism: Option<String>,
    /// The reply; 2yz signs in.
    #[serde(default = "accepted")]
    pub reply: String,
}

fn accepted() -> String {
    "235 2.7.0 Authentication successful".to_owned()
}

/// What MAIL needs before it is accepted.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Needs {
    /// TLS; where nothing is said, a server that speaks STARTTLS wants it.
    pub tls: Option<bool>,
    /// A user signed in; where nothing is said, a server that offers AUTH inside TLS wants it.
    pub auth: Option<bool>,
}

/// One deviation: when, and what then. Without any of `reply`, `raw`, `silent` and `endless` the ordinary reply is
/// given, after the delay.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// When.
    pub at: Point,
    /// Only before, or only inside TLS.
    pub inside: Option<Layer>,
    /// Only the nth time in a connection, from 1.
    pub nth: Option<u32>,
    /// Only where the argument matches; `*` stands for anything, case does not count.
    pub matches: Option<String>,
    /// Only with, or only without a user signed in.
    pub signed_in: Option<bool>,
    /// Waits first.
    pub delay_ms: u64,
    /// This reply, with its code; lines are separated by `\n` and written as they stand.
    pub reply: Option<String>,
    /// These bytes, with `\r`, `\n`, `\\` and `\xNN` as escapes.
    pub raw: Option<Text<Escaped>>,
    /// Nothing.
    pub silent: bool,
    /// This line, for ever.
    pub endless: Option<String>,
    /// These bytes behind whatever is said, in the same write.
    pub append: Option<Text<Escaped>>,
    /// One byte at a time, so many milliseconds apart.
    pub drip_ms: Option<u64>,
    /// What follows.
    pub then: Then,
}

/// Bytes in their escaped form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Escaped(pub Vec<u8>);

impl std::str::FromStr for Escaped {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Bytes::from_escaped(text)
            .map(|bytes| Self(bytes.0))
            .ok_or_else(|| format!(r"'{text}' has a broken escape: \r, \n, \\ and \xNN are known"))
    }
}

/// When a rule applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// Whenever the server would say something.
    #[default]
    Any,
    /// At the first words.
    Greeting,
    /// In place of the ServerHello: once the client has sent its first bytes of TLS.
    Handshake,
    /// EHLO.
    Ehlo,
    /// HELO.
    Helo,
    /// STARTTLS.
    Starttls,
    /// AUTH, before credentials are looked at.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of the message.
    Message,
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
    /// What the server does not know.
    Unknown,
}

/// On which side of the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Before TLS.
    Plain,
    /// Inside TLS.
    Tls,
}

/// What follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// The dialogue goes on.
    #[default]
    GoOn,
    /// The connection is closed in order.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing, ever: reads and does not answer.
    Hang,
}

/// A web server. It waits for a request; to anything else it says 400.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Its id in the scenario.
    pub id: String,
    /// How it does TLS, from the first byte; cleartext where nothing is said.
    pub secure: Option<Secure>,
    /// What stands in the Server field.
    #[serde(default = "httpd")]
    pub server: String,
    /// Its pages.
    #[serde(default, rename = "page")]
    pub pages: Vec<Page>,
    /// Where everything else is redirected, as a captive portal does; 404 where nothing is said.
    pub redirect: Option<String>,
    /// After how many milliseconds without a request it says 408 and closes; 60 s where nothing is said.
    pub idle_ms: Option<u64>,
}

fn httpd() -> String {
    "httpd".to_owned()
}

/// A page.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only for this Host; any where nothing is said.
    pub host: Option<String>,
    /// Its path.
    pub path: String,
    /// Its content.
    pub body: String,
    /// Its type.
    #[serde(default = "plain_text")]
    pub content_type: String,
}

fn plain_text() -> String {
    "text/plain".to_owned()
}

/// A server that is neither: SSH, IMAP, silence.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// Its id in the scenario.
    pub id: String,
    /// Waits first.
    #[serde(default)]
    pub delay_ms: u64,
    /// Said at once.
    pub says: Option<Text<Escaped>>,
    /// Said to each line that the client sends.
    pub answers: Option<Text<Escaped>>,
    /// What follows `says`: `go-on` keeps the connection open.
    #[serde(default)]
    pub then: Then,
}
