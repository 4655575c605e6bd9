//! Whether a text is an error of sending mail at all. Somebody who writes about errors uses their words, and other
//! services fail with the same ones. Doubt leaves the causes as they are and takes away the certainty.

use super::clean::Clean;
use super::phrase::{Flat, Phrase};
use super::settings::Settings;

/// Why the words are not taken at face value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Another service than mail submission is named.
    Foreign,
    /// The text talks about errors rather than being one.
    Prose,
}

/// What another service's errors contain.
const FOREIGN: &[&str] = &[
    "mysql~",
    "mariadb~",
    "postgres~",
    "psql",
    "redis",
    "mongo~",
    "ldap~",
    "sqlstate",
    "oracle",
    "ora-~",
    "rabbitmq",
    "amqp~",
    "kafka",
    "elasticsearch",
    "memcached",
    "etcd",
    "http:",
    "https:",
    "http/1.1",
    "http/2",
    "get /",
    "post /",
    "imap~",
    "pop3~",
    "ftp",
    "ssh",
    "sshd",
    "docker daemon",
    "kubectl",
    "kubernetes",
    "npm err",
    "npm error",
    "git clone",
    "apt-get",
    "yum",
    "nginx",
    "apache",
    "upstream",
    "websocket",
    "wss:",
    "mqtt~",
    "webhook",
    "curl: * https",
    "x-forwarded~",
    "rpc error",
    "grpc",
    "port 443",
    "port 3306",
    "port 5432",
    "port 6379",
    "port 389",
    "port 636",
    "port 993",
    "port 143",
    "port 995",
    ":443",
    ":3306",
    ":5432",
    ":6379",
    ":389",
    ":636",
    ":993",
    ":143",
    ":995",
    ":80",
    ":8080",
    ":8443",
    ":9200",
    ":5672",
    ":27017",
    "carddav",
    "caldav",
    "sip",
    "rdp",
    "vnc",
    "openvpn",
    "wireguard",
];

/// What errors of sending mail contain.
const MAIL: &[&str] = &[
    "smtp~",
    "nodemailer",
    "phpmailer",
    "swift~",
    "mailer",
    "sendmail",
    "postfix~",
    "exim~",
    "msmtp",
    "ssmtp",
    "send-mail",
    "sendemail",
    "send-email",
    "mailkit",
    "javamail",
    "javax.mail",
    "jakarta.mail",
    "angus.mail",
    "lettre",
    "gomail",
    "starttls",
    "gsmtp",
    "ehlo",
    "helo",
    "rcpt to",
    "mail from",
    "auth plain",
    "auth login",
    "e-mail",
    "email~",
    "mail~",
    "relay~",
    "recipient~",
    "port 25",
    "port 465",
    "port 587",
    "port: 25",
    "port: 465",
    "port: 587",
    ":25",
    ":465",
    ":587",
    ":2525",
    "5.7.~",
    "5.5.~",
    "4.7.~",
    "sasl",
    "xoauth2",
    "mx",
];

/// What people write who talk about errors.
const PROSE: &[&str] = &[
    "if you see",
    "if you get",
    "if you receive",
    "if you encounter",
    "if your",
    "you may see",
    "you might see",
    "you will see",
    "you would see",
    "you can see",
    "you may get",
    "you might get",
    "you'll see",
    "you'll get",
    "means that",
    "this error means",
    "usually means the",
    "changelog",
    "release notes",
    "how to",
    "for example",
    "for instance",
    "e.g.",
    "such as",
    "in this guide",
    "this chapter",
    "this section",
    "this article",
    "this document",
    "rfc 5321",
    "rfc 3207",
    "rfc 4954",
    "rfc 8314",
    "rfc5321",
    "fixed a",
    "fixes a",
    "fixed an",
    "fix for",
    "bugfix",
    "bug fix",
    "we changed",
    "we have changed",
    "now returns",
    "may return",
    "can return",
    "should return",
    "will return",
    "returns a",
    "is returned when",
    "are returned when",
    "when the server",
    "when a server",
    "when a client",
    "some servers",
    "some providers",
    "many providers",
    "most providers",
    "hi all",
    "dear",
    "best regards",
    "kind regards",
    "cheers",
    "thanks for",
    "thank you for",
    "subject:",
    "dear team",
    "let me know",
    "we recommend",
    "it is recommended",
    "troubleshooting guide",
    "common errors",
    "common causes",
    "table of contents",
    "handles",
    "improved",
    "added support",
    "no longer",
    "is used to",
    "are used to",
    "the client must",
    "the client should",
    "the server must",
    "clients must",
    "clients should",
    "servers must",
    "unit test",
    "test case",
    "todo",
    "was fixed",
    "has been fixed",
    "has been resolved",
    "solved by",
    "the answer is",
    "question:",
    "a reply of",
    "an error like",
    "errors like",
    "a message like",
    "messages like",
    "words like",
    "stands for",
    "is defined",
    "defined in",
    "described in",
    "explained in",
];

/// Sentences of servers and clients that read like prose and are none.
const SPOKEN: &[&str] = &[
    "if you intended to connect to",
    "this usually means that",
    "if you believe",
    "review rfc 5321",
    "review rfc 5322",
    "see rfc 5321",
    "see rfc 5322",
    "compliant with rfc 5322",
    "with rfc 5321",
    "no longer supported",
    "for more information",
];

/// Judges a text.
pub(super) fn doubt(text: &Clean, given: &Settings) -> Option<Doubt> {
    let one =
        |phrases: &[&str]| phrases.iter().any(|phrase| Phrase::from((*phrase).to_owned()).is_in(&text.flat));
    let asked_as_mail = given.host.is_some() || given.port.is_some();
    let mail = one(MAIL);
    if !mail && !asked_as_mail && one(FOREIGN) {
        return Some(Doubt::Foreign);
    }
    if other_protocol(&text.flat.text) && !asked_as_mail {
        return Some(Doubt::Foreign);
    }
    let spoken = SPOKEN.iter().fold(text.flat.text.clone(), |text, phrase| text.replace(phrase, " "));
    let spoken = Flat::of(spoken);
    let prose = PROSE.iter().any(|phrase| Phrase::from((*phrase).to_owned()).is_in(&spoken));
    (prose || reads_like_prose(&spoken.text)).then_some(Doubt::Prose)
}

/// Another protocol fails, though mail is spoken of: `imap.example.com:993`, `ldap://`.
fn other_protocol(text: &str) -> bool {
    let schemes = [
        "imap://",
        "imaps://",
        "pop3://",
        "pop3s://",
        "ldap://",
        "ldaps://",
        "mysql://",
        "postgres://",
        "redis://",
        "amqp://",
    ];
    let words = [
        "imap.",
        "pop.",
        "pop3.",
        ":993",
        ":143 ",
        ":995",
        "imap4",
        "imaplib",
        "imapclient",
        "can't connect to mysql server",
        "ldap_bind",
        "ldap_start_tls",
    ];
    let smtp = ["smtp", ":587", ":465", ":25", "submission"];
    (schemes.iter().chain(&words).any(|mark| text.contains(mark)))
        && !smtp.iter().any(|mark| text.contains(mark))
}

/// Long sentences of small words, without anything that only machines write.
fn reads_like_prose(text: &str) -> bool {
    const SMALL: &[&str] = &[
        "the", "a", "an", "of", "to", "and", "is", "are", "that", "in", "it", "for", "with", "this", "was",
        "on", "as", "be", "by", "or", "we", "you", "i", "they", "which", "when", "then", "so", "but", "has",
        "have", "our", "my",
    ];
    let words: Vec<&str> = text.split(' ').map(|word| word.trim_matches(['.', ',', ';', '(', ')'])).collect();
    let small = words.iter().filter(|word| SMALL.contains(word)).count();
    words.len() >= 30 && small * 100 / words.len() >= 34
}
