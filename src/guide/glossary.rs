//! What a line means, for a learner: `assets/glossary.toml`.
//!
//! Here it is decided which entries of the glossary a line calls for, and with which values they are filled in; the
//! words themselves stand in the asset. What a server chose goes through [`printable`] on its way into a note.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::session::transcript::{From, Layer};
use crate::session::{Line, Meaning, Session};
use crate::target::TlsMode;
use crate::wire::printable::printable;

mod domain;
pub mod lookup;
mod network;
mod smtp;
mod tls;

/// Longest value that is filled into a text, in characters.
const MAX_FACT: usize = 1_000;

/// Longest item of a list in a value, and longest quotation of a line, in characters.
const MAX_ITEM: usize = 160;

/// An explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// One to four short sentences.
    pub text: String,
    /// Its sources: RFC and section, such as `RFC 5321 §4.2`, or another document; separated by `; `.
    pub reference: Option<String>,
}

/// Explains a line; `None` where there is nothing to say that the line does not say itself.
pub fn explain(session: &Session, line: &Line) -> Option<Note> {
    draft(&Context::of(session, line), line).finish()
}

/// What must be known besides the line itself.
#[derive(Clone, Copy, Debug, Default)]
struct Context {
    /// The TLS mode of its route.
    tls: Option<TlsMode>,
    /// The wall clock, in seconds since 1970.
    now: Option<i64>,
    /// How far the dialogue had come at the end of the connection.
    reached: Reached,
}

/// How far a dialogue came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reached {
    Nothing,
    #[default]
    Greeting,
    Quit,
}

impl Context {
    fn of(session: &Session, line: &Line) -> Self {
        let route = line.route.and_then(|id| session.route(id));
        let tls = route.map(|route| route.tls);
        let mut context = Self { tls, now: session.wall_clock_at(line.at), ..Self::default() };
        if let Meaning::Closed(_) = line.meaning {
            context.reached = reached(session, line);
        }
        context
    }
}

fn reached(session: &Session, end: &Line) -> Reached {
    let mut reached = Reached::Nothing;
    for line in
        session.transcript().lines().iter().filter(|line| line.probe == end.probe && line.at <= end.at)
    {
        match &line.meaning {
            Meaning::Command { verb, .. } if verb == "QUIT" => return Reached::Quit,
            _ if line.from == From::Server && line.layer != Layer::Tcp => reached = Reached::Greeting,
            _ => {}
        }
    }
    reached
}

/// Collects the entries that a line calls for.
fn draft(context: &Context, line: &Line) -> Draft {
    let mut draft = Draft::default();
    match &line.meaning {
        Meaning::Lookup { name, record, source, outcome } => {
            network::lookup(&mut draft, name, *record, source, outcome);
        }
        Meaning::Policy { host, policy, took } => domain::policy(&mut draft, host, policy, *took),
        Meaning::SystemLookup { host, result, agrees } => network::system(&mut draft, host, result, *agrees),
        Meaning::ConnectStarted { address } => network::started(&mut draft, line.port, address),
        Meaning::Connect { outcome, address, took } => {
            network::connect(&mut draft, outcome, address, *took);
        }
        Meaning::DroppedHere { address, took } => network::dropped_here(&mut draft, address, *took),
        Meaning::Chosen { address } => draft.add("connect", &["chosen"], &[("address", address)]),
        Meaning::Command { verb, argument } => {
            smtp::command(&mut draft, verb, argument, line, context.tls);
        }
        Meaning::Greeting { code, enhanced, first } => {
            smtp::greeting(&mut draft, *code, *enhanced, *first, &line.text);
        }
        Meaning::Capability { keyword, parameters, encrypted } => {
            smtp::capability(&mut draft, keyword, parameters, *encrypted, &line.text);
        }
        Meaning::EhloName => smtp::ehlo_name(&mut draft, line, context.tls),
        Meaning::Reply { code, enhanced, to } => {
            smtp::reply(&mut draft, *code, *enhanced, to, &line.text);
        }
        Meaning::NotReply { looks_like } => {
            draft.add("not-reply", &[looks_like.unwrap_or("unknown"), "unknown"], &[]);
            draft.add("not-reply", &["line"], &[("line", &quotation(&line.text))]);
        }
        Meaning::AfterStarttls => {
            draft.add("not-reply", &["after-starttls"], &[]);
            draft.add("not-reply", &["line"], &[("line", &quotation(&line.text))]);
        }
        Meaning::TlsStarted { verification, server_name, library, why } => {
            tls::started(&mut draft, *verification, server_name, library, *why);
        }
        Meaning::ClientHello { versions, server_name, ciphers, groups } => {
            tls::client_hello(&mut draft, versions, server_name.as_deref(), *ciphers, groups);
        }
        Meaning::ServerHello { version, cipher, group } => {
            tls::server_hello(&mut draft, version, cipher, group.as_deref());
        }
        Meaning::HelloRetryRequest { group } => tls::hello_retry(&mut draft, group.as_deref()),
        Meaning::CertificateChain { certificates, bytes } => tls::chain(&mut draft, *certificates, *bytes),
        Meaning::Certificate { depth, faults, certificate } => {
            tls::certificate(&mut draft, *depth, faults, certificate, context.now);
        }
        Meaning::ChainOrder { certificates, in_order, surplus, ends_in_root } => {
            tls::chain_order(&mut draft, *certificates, *in_order, *surplus, *ends_in_root);
            let chain = line.text.strip_prefix("chain: ").unwrap_or(&line.text);
            draft.add("tls", &["order-line"], &[("line", chain)]);
        }
        Meaning::Handshake { name, from } => tls::handshake(&mut draft, name, *from),
        Meaning::ChangeCipherSpec { from } => tls::change_cipher_spec(&mut draft, *from),
        Meaning::EncryptedRecords { records, bytes, from } => {
            tls::encrypted(&mut draft, *records, *bytes, *from);
        }
        Meaning::Alert { level, code, from } => tls::alert(&mut draft, *level, *code, *from),
        Meaning::NotTls { looks_like } => tls::not_tls(&mut draft, *looks_like, &quotation(&line.text)),
        Meaning::TlsEstablished { verification } => tls::established(&mut draft, *verification),
        Meaning::TlsFailed { words, limit } => tls::failed(&mut draft, words.as_deref(), *limit),
        Meaning::Closed(how) => network::closed(&mut draft, how, context.reached),
        Meaning::WaitExpired { awaited, limit } => network::expired(&mut draft, *awaited, *limit),
        Meaning::LimitReached { what } => draft.add("run", &["limit"], &[("what", what)]),
        Meaning::Remark => draft.add("run", &["remark"], &[("line", &quotation(&line.text))]),
    }
    draft
}

/// A line as part of a sentence.
fn quotation(line: &str) -> String {
    printable(line, MAX_ITEM)
}

/// One case of the glossary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    text: String,
    reference: Option<String>,
}

type Sections = BTreeMap<String, BTreeMap<String, Entry>>;

/// The glossary that is built in; a test proves that it can be read.
static GLOSSARY: LazyLock<Sections> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/glossary.toml")).unwrap_or_default());

fn entry(section: &str, key: &str) -> Option<&'static Entry> {
    GLOSSARY.get(section)?.get(key)
}

/// The text of an entry that is only part of a sentence.
fn phrase(section: &str, keys: &[&str]) -> &'static str {
    keys.iter().find_map(|key| entry(section, key)).map_or("", |entry| entry.text.as_str())
}

/// A note in the making.
#[derive(Debug, Default)]
struct Draft {
    text: String,
    references: Vec<&'static str>,
    /// The entries used.
    #[cfg(test)]
    used: Vec<(String, String)>,
}

impl Draft {
    /// Adds the first of these entries that exists, filled in.
    fn add(&mut self, section: &str, keys: &[&str], facts: &[(&str, &str)]) {
        self.try_add(section, keys, facts);
    }

    /// The same; false where none of them exists.
    fn try_add(&mut self, section: &str, keys: &[&str], facts: &[(&str, &str)]) -> bool {
        let Some((_key, entry)) = keys.iter().find_map(|key| Some((key, entry(section, key)?))) else {
            return false;
        };
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        fill(&mut self.text, &entry.text, facts);
        self.refer(entry);
        #[cfg(test)]
        self.used.push((section.to_owned(), (*_key).to_owned()));
        true
    }

    /// Adds only the source of the first of these entries that exists: its text is already part of the note.
    fn cite(&mut self, section: &str, keys: &[&str]) {
        if let Some(entry) = keys.iter().find_map(|key| entry(section, key)) {
            self.refer(entry);
        }
    }

    fn refer(&mut self, entry: &'static Entry) {
        for reference in entry.reference.iter().flat_map(|all| all.split("; ")) {
            if !self.references.contains(&reference) {
                self.references.push(reference);
            }
        }
    }

    fn finish(self) -> Option<Note> {
        let reference = (!self.references.is_empty()).then(|| self.references.join("; "));
        (!self.text.is_empty()).then_some(Note { text: self.text, reference })
    }
}

/// Appends a text with its placeholders filled in. What is filled in is made printable, and is not looked through for
/// placeholders again.
fn fill(out: &mut String, template: &str, facts: &[(&str, &str)]) {
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let known = behind
            .split_once('}')
            .and_then(|(name, behind)| Some((facts.iter().find(|(fact, _)| *fact == name)?.1, behind)));
        match known {
            Some((value, behind)) => {
                out.push_str(&printable(value, MAX_FACT));
                rest = behind;
            }
            None => {
                out.push('{');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
}

/// `a, b, c and 4 more`: at most `most` of them.
fn list(items: &[String], most: usize) -> String {
    let shown = items.iter().take(most).map(|item| printable(item, MAX_ITEM));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
