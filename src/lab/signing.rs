//! AUTH as the lab's servers do it (RFC 4954): PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), SCRAM (RFC 5802, RFC
//! 7677), XOAUTH2 and OAUTHBEARER (RFC 7628), checked against the scenario. The secrets here are the lab's own and open
//! nothing; nonces and salts are always the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::{MessageDigest, hash};
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use crate::lab::script::{Auth, AuthAnswer};

const REFUSED: &str = "535 5.7.8 Authentication credentials invalid";
const BAD_BASE64: &str = "501 5.5.2 Cannot decode response";
const CHALLENGE: &str = "<1896.697170952@lab.example.com>";
const NONCE: &str = "3rfcNHYJY1ZVvWVs7j";
const SALT: &[u8] = b"lab salt of ehlo";
const ITERATIONS: usize = 4_096;

/// An exchange under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// Waits for the one message of PLAIN.
    Plain,
    /// Waits for the user name of LOGIN.
    LoginUser,
    /// Waits for the password of LOGIN.
    LoginPassword(String),
    /// Waits for the digest of CRAM-MD5.
    Cram,
    /// Waits for the first message of SCRAM.
    ScramFirst(Scram),
    /// Waits for the proof.
    ScramProof(Scram, Proof),
    /// The server has shown its own proof and waits for the client to take notice.
    ScramDone(String),
    /// Waits for the one message of XOAUTH2.
    Xoauth2,
    /// Waits for the one message of OAUTHBEARER.
    OauthBearer,
    /// Waits for the client to take notice of the error of a token; then says this.
    TokenRefused(String),
}

/// Which SCRAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scram {
    name: &'static str,
    /// The hash of the server's own certificate, where the exchange is tied to it.
    end_point: Option<Vec<u8>>,
}

/// What the two sides have said so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    user: String,
    header: String,
    first_bare: String,
    server_first: String,
}

/// What comes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// More is needed: the challenge, in base64.
    Challenge(Exchange, String),
    /// The reply that ends it; 2yz signs in.
    Reply(String),
}

impl Exchange {
    /// Begins; `None` for a mechanism that the lab does not do. `end_point` is the hash of the server's certificate,
    /// inside TLS.
    pub fn new(mechanism: &str, end_point: Option<&[u8]>) -> Option<Self> {
        let scram = |name, bound: bool| {
            let end_point = end_point.filter(|_| bound).map(<[u8]>::to_vec);
            (end_point.is_some() == bound).then_some(Self::ScramFirst(Scram { name, end_point }))
        };
        match mechanism {
            "PLAIN" => Some(Self::Plain),
            "LOGIN" => Some(Self::LoginUser),
            "CRAM-MD5" => Some(Self::Cram),
            "SCRAM-SHA-1" => scram("SCRAM-SHA-1", false),
            "SCRAM-SHA-1-PLUS" => scram("SCRAM-SHA-1-PLUS", true),
            "SCRAM-SHA-256" => scram("SCRAM-SHA-256", false),
            "SCRAM-SHA-256-PLUS" => scram("SCRAM-SHA-256-PLUS", true),
            "XOAUTH2" => Some(Self::Xoauth2),
            "OAUTHBEARER" => Some(Self::OauthBearer),
            _ => None,
        }
    }

    /// Asks for the first response, where the client sent none with the command.
    pub fn prompt(self) -> Outcome {
        let challenge = match self {
            Self::LoginUser => STANDARD.encode("Username:"),
            Self::Cram => STANDARD.encode(CHALLENGE),
            _ => String::new(),
        };
        Outcome::Challenge(self, challenge)
    }

    /// Takes a line of the client.
    pub fn on_line(&mut self, line: &[u8], auth: &Auth) -> Outcome {
        if let Self::TokenRefused(reply) | Self::ScramDone(reply) = self {
            return Outcome::Reply(reply.clone());
        }
        if line == b"*" {
            return Outcome::Reply("501 5.7.0 Authentication cancelled".to_owned());
        }
        let Some(text) = STANDARD.decode(line).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Outcome::Reply(BAD_BASE64.to_owned());
        };
        let bad = || Outcome::Reply(BAD_BASE64.to_owned());
        match self {
            Self::LoginUser => Outcome::Challenge(Self::LoginPassword(text), STANDARD.encode("Password:")),
            Self::LoginPassword(user) => Outcome::Reply(reply(auth, "LOGIN", user, &text)),
            Self::Plain => {
                // authzid NUL authcid NUL passwd
                let mut parts = text.split('\0').skip(1);
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(user), Some(secret), None) => Outcome::Reply(reply(auth, "PLAIN", user, secret)),
                    _ => bad(),
                }
            }
            Self::Cram => match text.rsplit_once(' ') {
                Some((user, digest)) => {
                    let right = |secret: &str| hmac_md5(secret, CHALLENGE).as_deref() == Some(digest);
                    Outcome::Reply(proven(auth, "CRAM-MD5", user, &right))
                }
                None => bad(),
            },
            Self::ScramFirst(scram) => scram.first(&text).unwrap_or_else(bad),
            Self::ScramProof(scram, said) => scram.proof(said, &text, auth).unwrap_or_else(bad),
            Self::Xoauth2 => {
                let mut fields = text.split('\u{1}');
                let user = fields.next().and_then(|field| field.strip_prefix("user=")).unwrap_or_default();
                let token =
                    fields.next().and_then(|field| field.strip_prefix("auth=Bearer ")).unwrap_or_default();
                token_reply(
                    reply(auth, "XOAUTH2", user, token),
                    r#"{"status":"400","schemes":"Bearer","scope":"https://mail.example.com/"}"#,
                )
            }
            Self::OauthBearer => {
                let mut fields = text.split('\u{1}');
                let header = fields.next().unwrap_or_default();
                let user = header.split(',').find_map(|part| part.strip_prefix("a=")).unwrap_or_default();
                let token = fields.find_map(|field| field.strip_prefix("auth=Bearer ")).unwrap_or_default();
                token_reply(
                    reply(auth, "OAUTHBEARER", user, token),
                    r#"{"status":"invalid_token","scope":"https://mail.example.com/"}"#,
                )
            }
            Self::TokenRefused(reply) | Self::ScramDone(reply) => Outcome::Reply(reply.clone()),
        }
    }
}

impl Scram {
    fn first(&self, text: &str) -> Option<Outcome> {
        let (flag, rest) = text.split_once(',')?;
        let (_, first_bare) = rest.split_once(',')?;
        let header = text.strip_suffix(first_bare)?;
        let wanted = if self.end_point.is_some() { "p=tls-server-end-point" } else { "n" };
        if flag != wanted {
            return None;
        }
        let mut parts = first_bare.split(',');
        let user = parts.next()?.strip_prefix("n=")?.replace("=2C", ",").replace("=3D", "=");
        let nonce = parts.next()?.strip_prefix("r=")?;
        let server_first = format!("r={nonce}{NONCE},s={},i={ITERATIONS}", STANDARD.encode(SALT));
        let challenge = STANDARD.encode(&server_first);
        let said = Proof { user, header: header.to_owned(), first_bare: first_bare.to_owned(), server_first };
        Some(Outcome::Challenge(Exchange::ScramProof(self.clone(), said), challenge))
    }

    fn proof(&self, said: &Proof, text: &str, auth: &Auth) -> Option<Outcome> {
        let (without, proof) = text.rsplit_once(",p=")?;
        let proof = STANDARD.decode(proof).ok()?;
        let binding = [said.header.as_bytes(), self.end_point.as_deref().unwrap_or_default()].concat();
        let nonce = said.server_first.split(',').next()?;
        if without != format!("c={},{nonce}", STANDARD.encode(binding)) {
            return Some(Outcome::Reply(REFUSED.to_owned()));
        }
        let all = format!("{},{},{without}", said.first_bare, said.server_first);
        let digest = if self.name.contains("256") { MessageDigest::sha256() } else { MessageDigest::sha1() };
        let salted = |secret: &str| {
            let mut out = vec![0; digest.size()];
            pbkdf2_hmac(secret.as_bytes(), SALT, ITERATIONS, digest, &mut out).ok().map(|()| out)
        };
        let right = |secret: &str| {
            let client = salted(secret).and_then(|key| hmac(digest, &key, b"Client Key"));
            let signature = client.as_ref().and_then(|key| {
                let stored = hash(digest, key).ok()?;
                hmac(digest, &stored, all.as_bytes())
            });
            let wanted: Option<Vec<u8>> = client
                .zip(signature)
                .map(|(key, signature)| key.iter().zip(signature).map(|(a, b)| a ^ b).collect());
            wanted.as_ref() == Some(&proof)
        };
        let reply = proven(auth, self.name, &said.user, &right);
        if !reply.starts_with('2') {
            return Some(Outcome::Reply(reply));
        }
        let secret = known(auth, self.name, &said.user)
            .find_map(|answer| answer.secret.as_deref().filter(|s| right(s)));
        let server = salted(secret?).and_then(|key| hmac(digest, &key, b"Server Key"))?;
        let verifier = format!("v={}", STANDARD.encode(hmac(digest, &server, all.as_bytes())?));
        Some(Outcome::Challenge(Exchange::ScramDone(reply), STANDARD.encode(verifier)))
    }
}

fn hmac(digest: MessageDigest, key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = PKey::hmac(key).ok()?;
    Signer::new(digest, &key).ok()?.sign_oneshot_to_vec(text).ok()
}

fn hmac_md5(secret: &str, text: &str) -> Option<String> {
    let digest = hmac(MessageDigest::md5(), secret.as_bytes(), text.as_bytes())?;
    Some(digest.iter().fold(String::new(), |out, byte| out + &format!("{byte:02x}")))
}

fn token_reply(reply: String, error: &str) -> Outcome {
    if reply.starts_with('2') {
        return Outcome::Reply(reply);
    }
    Outcome::Challenge(Exchange::TokenRefused(reply), STANDARD.encode(error))
}

/// The answers that are for this user and mechanism.
fn known<'a>(auth: &'a Auth, mechanism: &'a str, user: &'a str) -> impl Iterator<Item = &'a AuthAnswer> {
    auth.answers.iter().filter(move |answer| {
        answer.user.as_deref().is_none_or(|wanted| wanted == user)
            && answer.mechanism.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(mechanism))
    })
}

fn refused(auth: &Auth) -> String {
    auth.refused.clone().unwrap_or_else(|| REFUSED.to_owned())
}

fn reply(auth: &Auth, mechanism: &str, user: &str, secret: &str) -> String {
    let right = |given: &str| given == secret;
    proven(auth, mechanism, user, &right)
}

/// The reply where the secret is not seen, but can be checked.
fn proven(auth: &Auth, mechanism: &str, user: &str, right: &dyn Fn(&str) -> bool) -> String {
    let answer = known(auth, mechanism, user).find(|answer| answer.secret.as_deref().is_none_or(right));
    answer.map_or_else(|| refused(auth), |answer| answer.reply.clone())
}
