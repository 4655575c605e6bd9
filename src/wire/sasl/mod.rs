//! AUTH from the client's side (RFC 4954): which mechanism, what is said, and what of it may be shown.
//!
//! The exchanges are [rsasl]'s, except CRAM-MD5, which it does not have. What it draws a nonce from is its own; all
//! else here takes values and gives values. An exchange can be begun only with [`Verified`] in hand, which only the
//! strict handshake makes: without verified TLS there is nobody to show a secret to.
//!
//! ```
//! use ehlo::target::SecretKind;
//! use ehlo::wire::sasl::Mechanism;
//!
//! let offered = ["LOGIN".to_owned(), "PLAIN".to_owned()];
//! assert_eq!(Mechanism::choose(&offered, SecretKind::Password, None), Ok(Mechanism::Plain));
//! ```

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use md5::Md5;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::{login, oauthbearer, plain, scram, xoauth2};
use rsasl::prelude::{
    ChannelBindingCallback, Mechanism as Library, Mechname, Registry, SASLClient, SASLConfig, Session,
    SessionError,
};
use rsasl::property::{AuthId, AuthzId, OAuthBearerToken, OverrideCBType, Password};
use rsasl::validate::NoValidation;
use zeroize::Zeroizing;

use crate::target::Credentials;
use crate::wire::command::{Command, MAX_COMMAND};

mod mechanism;
mod scrub;

pub use mechanism::{Mechanism, NoMechanism};
pub use scrub::{HIDDEN, Scrubber};

/// Longest line of an exchange, in octets with CR LF (RFC 4954 §4).
pub const MAX_LINE: usize = 12_288;

/// Most rounds of hashing that a server may ask for: each costs time, and a hostile server would ask for four
/// thousand million. Usual are 4096 (RFC 7677 §4) to some hundred thousand.
pub const MAX_ITERATIONS: u32 = 600_000;

/// Most challenges of one exchange; SCRAM has three.
const MAX_CHALLENGES: u8 = 6;

/// The type of channel binding that the live TLS stack gives (RFC 5929 §4).
const BINDING: &str = "tls-server-end-point";

/// Proof that the certificate of this very connection was verified. Only the strict handshake makes it, and an
/// architecture test sees to that; it cannot be cloned.
pub struct Verified {
    end_point: Option<Vec<u8>>,
}

impl Verified {
    /// By the handshake that has just verified the other end, with its hash of the certificate (RFC 5929 §4.1).
    pub(crate) fn by_strict_handshake(end_point: Option<Vec<u8>>) -> Self {
        Self { end_point }
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verified")
    }
}

/// Why an exchange cannot go on. Nothing was sent that should not be; it is cancelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// Name or secret hold what the mechanism cannot carry.
    #[error("the user name or the secret cannot be sent with {0}")]
    Unsendable(&'static str),
    /// The challenge is none that the mechanism knows.
    #[error("the server's challenge makes no sense to {0}")]
    Challenge(&'static str),
    /// The server asks for more hashing than is reasonable.
    #[error("the server asks for more than {MAX_ITERATIONS} rounds of hashing")]
    Iterations,
    /// A line would be too long.
    #[error("the answer is longer than a line may be")]
    TooLong,
    /// The server asked more often than the mechanism has answers.
    #[error("the server asks for more than {0} has to say")]
    Endless(&'static str),
}

/// One exchange, from AUTH to its last answer.
pub struct Exchange {
    mechanism: Mechanism,
    credentials: Credentials,
    session: Option<Box<Session<NoValidation, Binding>>>,
    /// What is to be said first, where it did not go with the command.
    first: Option<Zeroizing<Vec<u8>>>,
    challenges: u8,
    /// The server has shown that it knows the password too, or the mechanism has no way to.
    proven: bool,
}

impl Exchange {
    /// Begins. The proof is used up: one exchange for one connection.
    ///
    /// # Errors
    /// [`SaslError::Unsendable`].
    pub fn new(
        mechanism: Mechanism,
        credentials: Credentials,
        verified: Verified,
    ) -> Result<Self, SaslError> {
        let mut exchange = Self {
            mechanism,
            session: None,
            first: None,
            challenges: 0,
            proven: !mechanism.name().starts_with("SCRAM"),
            credentials,
        };
        if mechanism != Mechanism::CramMd5 {
            let callback = Answers { credentials: exchange.credentials.clone(), mechanism };
            let unsendable = || SaslError::Unsendable(mechanism.name());
            let config = SASLConfig::builder()
                .with_registry(Registry::with_mechanisms(KNOWN))
                .with_callback(callback)
                .map_err(|_| unsendable())?;
            let client = SASLClient::with_cb(config, Binding(verified.end_point));
            let name = Mechname::parse(mechanism.name().as_bytes()).map_err(|_| unsendable())?;
            let session = client.start_suggested_iter([name]).map_err(|_| unsendable())?;
            exchange.session = Some(Box::new(session));
        }
        if mechanism.client_first() {
            exchange.first = Some(exchange.step(None).map_err(|_| SaslError::Unsendable(mechanism.name()))?);
        }
        Ok(exchange)
    }

    /// Its mechanism.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The AUTH command, with the first answer where there is one and it fits into a command line (RFC 4954 §4).
    pub fn command(&mut self) -> Command {
        let name = self.mechanism.name();
        if let Some(first) = self.first.take() {
            let encoded = encoded(&first);
            let line = Zeroizing::new([b"AUTH ", name.as_bytes(), b" ", encoded.as_slice()].concat());
            if line.len() + 2 <= MAX_COMMAND {
                let shown = format!("AUTH {name} {}", self.shown(&first));
                return Command::secret("AUTH", &line, &shown);
            }
            self.first = Some(first);
        }
        Command::line("AUTH", &format!("AUTH {name}"))
    }

    /// True where the challenge to come could be used to guess the password offline: SCRAM's last one.
    pub fn hides_challenge(&self) -> bool {
        self.mechanism.name().starts_with("SCRAM") && self.challenges >= 1
    }

    /// True where an answer may take long to work out, for the server says how many rounds of hashing there are.
    pub fn reckons(&self) -> bool {
        self.mechanism.name().starts_with("SCRAM")
    }

    /// The answer to a challenge: the text behind `334 `, as it came.
    ///
    /// # Errors
    /// [`SaslError`]; the exchange must be cancelled with [`Command::cancel`].
    pub fn answer(&mut self, challenge: &[u8]) -> Result<Command, SaslError> {
        self.challenges += 1;
        if self.challenges > MAX_CHALLENGES {
            return Err(SaslError::Endless(self.mechanism.name()));
        }
        if let Some(first) = self.first.take() {
            // It asks for what did not fit into the command; what else it says here means nothing.
            return self.line(&first);
        }
        let name = self.mechanism.name();
        let text = decoded(challenge);
        match self.mechanism {
            // The prompts of LOGIN differ from server to server; only their order counts.
            Mechanism::Login if self.challenges <= 2 => {
                let said = self.step(None)?;
                self.line(&said)
            }
            Mechanism::CramMd5 if self.challenges == 1 => {
                let said = self.cram(&text.ok_or(SaslError::Challenge(name))?)?;
                self.line(&said)
            }
            Mechanism::Plain | Mechanism::Login | Mechanism::CramMd5 => Err(SaslError::Endless(name)),
            // The error of a token stands in a challenge, and wants an answer before the reply comes: an empty one
            // for XOAUTH2, a byte 1 for OAUTHBEARER (RFC 7628 §3.2.3).
            Mechanism::Xoauth2 => Ok(Command::line("AUTH", "")),
            Mechanism::OauthBearer => Ok(Command::line("AUTH", &STANDARD.encode([1]))),
            _ => {
                let text = text.ok_or(SaslError::Challenge(name))?;
                self.scram(&text)
            }
        }
    }

    /// True where the reply that accepts may be believed. A SCRAM server must have shown its own proof first.
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    fn scram(&mut self, challenge: &[u8]) -> Result<Command, SaslError> {
        let name = self.mechanism.name();
        if self.proven {
            return Err(SaslError::Endless(name));
        }
        let asked = challenge.split(|byte| *byte == b',').find_map(|part| part.strip_prefix(b"i="));
        if asked.is_some_and(|digits| iterations(digits).is_none_or(|count| count > MAX_ITERATIONS)) {
            return Err(SaslError::Iterations);
        }
        if challenge.starts_with(b"e=") {
            // The server's last word without a proof; the reply that refuses follows.
            return Ok(Command::line("AUTH", ""));
        }
        let said = self.step(Some(challenge))?;
        self.proven = asked.is_none();
        if self.proven { Ok(Command::line("AUTH", "")) } else { self.line(&said) }
    }

    fn step(&mut self, input: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, SaslError> {
        // An exchange that has failed is not stepped again: its session is gone.
        let mut session = self.session.take().ok_or(SaslError::Endless(self.mechanism.name()))?;
        let mut out = Zeroizing::new(Vec::with_capacity(MAX_LINE));
        session.step(input, &mut *out).map_err(|_| SaslError::Challenge(self.mechanism.name()))?;
        self.session = Some(session);
        Ok(out)
    }

    /// RFC 2195 §2: the name, and the challenge's HMAC under the password.
    fn cram(&self, challenge: &[u8]) -> Result<Zeroizing<Vec<u8>>, SaslError> {
        let key = self.credentials.secret.expose().as_bytes();
        let mut mac = Hmac::<Md5>::new_from_slice(key).map_err(|_| SaslError::Unsendable("CRAM-MD5"))?;
        mac.update(challenge);
        let digest = mac.finalize().into_bytes();
        let hex = digest.iter().fold(String::new(), |out, byte| out + &format!("{byte:02x}"));
        Ok(Zeroizing::new(format!("{} {hex}", self.credentials.user).into_bytes()))
    }

    fn line(&self, said: &[u8]) -> Result<Command, SaslError> {
        let encoded = encoded(said);
        if encoded.len() + 2 > MAX_LINE {
            return Err(SaslError::TooLong);
        }
        Ok(Command::secret("AUTH", &encoded, &self.shown(said)))
    }

    /// What may be seen of an answer: the user name and a nonce, never what follows from the secret.
    fn shown(&self, said: &[u8]) -> String {
        if self.credentials.user.contains(self.credentials.secret.expose()) {
            return HIDDEN.to_owned();
        }
        let name_only = match self.mechanism {
            Mechanism::Login => said == self.credentials.user.as_bytes(),
            mechanism if mechanism.name().starts_with("SCRAM") => !said.windows(3).any(|part| part == b",p="),
            _ => false,
        };
        if name_only { STANDARD.encode(said) } else { HIDDEN.to_owned() }
    }
}

/// An answer that may take long to work out: for another thread than the one on which others wait.
pub struct Reckoning {
    exchange: Exchange,
    challenge: Vec<u8>,
}

/// What came of a [`Reckoning`].
pub struct Reckoned {
    pub(in crate::wire) exchange: Exchange,
    pub(in crate::wire) answer: Result<Command, SaslError>,
}

impl Reckoning {
    /// Of this challenge.
    pub(in crate::wire) fn new(exchange: Exchange, challenge: Vec<u8>) -> Self {
        Self { exchange, challenge }
    }

    /// Works it out.
    pub fn run(self) -> Reckoned {
        let Self { mut exchange, challenge } = self;
        let answer = exchange.answer(&challenge);
        Reckoned { exchange, answer }
    }
}

impl fmt::Debug for Reckoning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reckoning({})", self.exchange.mechanism.name())
    }
}

impl fmt::Debug for Reckoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reckoned({})", self.exchange.mechanism.name())
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({})", self.mechanism.name())
    }
}

/// The bytes of a challenge; `None` where it is no base64. Missing padding and blanks around it are overlooked.
pub fn decoded(challenge: &[u8]) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::STANDARD, config).decode(challenge.trim_ascii()).ok()
}

fn encoded(said: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(STANDARD.encode(said).into_bytes())
}

fn iterations(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// rsasl's mechanisms that are in use.
static KNOWN: &[Library] = &[
    scram::SCRAM_SHA256,
    scram::SCRAM_SHA1,
    scram::SCRAM_SHA256_PLUS,
    scram::SCRAM_SHA1_PLUS,
    plain::PLAIN,
    login::LOGIN,
    oauthbearer::OAUTHBEARER,
    xoauth2::XOAUTH2,
];

/// What rsasl asks for.
struct Answers {
    credentials: Credentials,
    mechanism: Mechanism,
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let Credentials { user, secret, .. } = &self.credentials;
        request.satisfy::<AuthId>(user)?;
        request.satisfy::<Password>(secret.expose().as_bytes())?;
        request.satisfy::<OAuthBearerToken>(secret.expose())?;
        if self.mechanism == Mechanism::OauthBearer {
            // RFC 7628 §3.1: the user stands in the GS2 header.
            request.satisfy::<AuthzId>(user)?;
        }
        if self.mechanism.binds() {
            request.satisfy::<OverrideCBType>(BINDING)?;
        }
        Ok(())
    }

    fn enable_channel_binding(&self) -> bool {
        self.mechanism.binds()
    }
}

struct Binding(Option<Vec<u8>>);

impl ChannelBindingCallback for Binding {
    fn get_cb_data(&self, name: &str) -> Option<&[u8]> {
        self.0.as_deref().filter(|_| name == BINDING)
    }
}

#[cfg(test)]
mod tests;
