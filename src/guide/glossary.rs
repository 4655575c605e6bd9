//! What a line means, for a learner: `assets/glossary.toml`.
//!
//! Here it is decided which entries of the glossary a line calls for, and with which values they are filled in; the
//! words themselves stand in the asset. What a server chose goes through [`printable`] on its way into a note.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::event::LookupSource;
use crate::session::transcript::{From, Layer};
use crate::session::{Line, Meaning, Session};
use crate::target::TlsMode;
use crate::wire::certificate::Certificate;
use crate::wire::mta_sts::Mode;
use crate::wire::printable::printable;

mod domain;
mod network;
mod smtp;
mod tls;

/// Longest value that is filled into a text, in characters.
const MAX_FACT: usize = 1_000;

/// Longest item of a list in a value, in characters.
const MAX_ITEM: usize = 160;

/// An explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// One to four short sentences.
    pub text: String,
    /// RFC and section, such as `RFC 5321 §4.2`; several are separated by `; `.
    pub reference: Option<String>,
}

/// Explains a line; `None` where there is nothing to say that the line does not say itself.
pub fn explain(session: &Session, line: &Line) -> Option<Note> {
    draft(&Context::of(session, line), line).finish()
}

/// What must be known besides the line itself.
#[derive(Clone, Copy, Debug, Default)]
struct Context<'a> {
    /// The TLS mode of its route.
    tls: Option<TlsMode>,
    /// The certificate that a certificate's line is about.
    certificate: Option<&'a Certificate>,
    /// Where the answer of a look-up's line came from.
    source: Option<&'a LookupSource>,
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

impl<'a> Context<'a> {
    fn of(session: &'a Session, line: &Line) -> Self {
        let route = line.route.and_then(|id| session.route(id));
        let mut context = Self { tls: route.map(|route| route.tls), ..Self::default() };
        match &line.meaning {
            Meaning::Certificate { depth, .. } => {
                context.certificate = route.and_then(|route| route.certificates.get(*depth));
            }
            Meaning::Lookup { name, record, outcome } => {
                let answers = session.dns().answers.iter();
                let mut same =
                    answers.filter(|a| a.name == *name && a.record == *record && a.outcome == *outcome);
                context.source = same.next().map(|answer| &answer.source);
            }
            Meaning::Closed(_) => context.reached = reached(session, line),
            _ => {}
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
fn draft(context: &Context<'_>, line: &Line) -> Draft {
    let mut draft = Draft::default();
    match &line.meaning {
        Meaning::Lookup { name, record, outcome } => {
            network::lookup(&mut draft, name, *record, outcome, context.source);
        }
        Meaning::Policy { mode } => {
            draft.add("policy", &[mode.map_or("unavailable", Mode::word)], &[]);
        }
        Meaning::SystemLookup { agrees } => {
            draft.add("system", &[if *agrees { "agrees" } else { "differs" }], &[]);
        }
        Meaning::ConnectStarted => network::started(&mut draft, line.port),
        Meaning::Connect(outcome) => network::connect(&mut draft, outcome),
        Meaning::DroppedHere => draft.add("connect", &["dropped-here"], &[]),
        Meaning::Chosen => draft.add("connect", &["chosen"], &[]),
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
        Meaning::Reply { code, enhanced, to } => smtp::reply(&mut draft, *code, *enhanced, to),
        Meaning::NotReply { looks_like } => {
            draft.add("not-reply", &[looks_like.unwrap_or("unknown"), "unknown"], &[]);
        }
        Meaning::AfterStarttls => draft.add("not-reply", &["after-starttls"], &[]),
        Meaning::TlsStarted { verification, inspecting } => {
            tls::started(&mut draft, *verification, *inspecting);
        }
        Meaning::ClientHello { versions, server_name } => {
            tls::client_hello(&mut draft, versions, server_name.as_deref());
        }
        Meaning::ServerHello { version, cipher, group } => {
            tls::server_hello(&mut draft, version, cipher, group.as_deref());
        }
        Meaning::HelloRetryRequest { group } => tls::hello_retry(&mut draft, group.as_deref()),
        Meaning::CertificateChain { certificates } => tls::chain(&mut draft, *certificates),
        Meaning::Certificate { depth, faults } => {
            tls::certificate(&mut draft, *depth, faults, context.certificate);
        }
        Meaning::ChainOrder { certificates, in_order, surplus, ends_in_root } => {
            tls::chain_order(&mut draft, *certificates, *in_order, *surplus, *ends_in_root);
        }
        Meaning::Handshake { name, from } => tls::handshake(&mut draft, name, *from),
        Meaning::ChangeCipherSpec => draft.add("tls", &["change-cipher-spec"], &[]),
        Meaning::EncryptedRecords { from } => tls::encrypted(&mut draft, *from),
        Meaning::Alert { level, code, from } => tls::alert(&mut draft, *level, *code, *from),
        Meaning::NotTls { looks_like } => tls::not_tls(&mut draft, *looks_like),
        Meaning::TlsEstablished { verification } => tls::established(&mut draft, *verification),
        Meaning::TlsFailed => draft.add("tls", &["failed"], &[]),
        Meaning::Closed(how) => network::closed(&mut draft, how, context.reached),
        Meaning::WaitExpired(awaited) => network::expired(&mut draft, *awaited),
        Meaning::LimitReached => draft.add("run", &["limit"], &[]),
        Meaning::Remark => draft.add("run", &["remark"], &[]),
    }
    draft
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
        if let Some(reference) = entry.reference.as_deref()
            && !self.references.contains(&reference)
        {
            self.references.push(reference);
        }
        #[cfg(test)]
        self.used.push((section.to_owned(), (*_key).to_owned()));
        true
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
