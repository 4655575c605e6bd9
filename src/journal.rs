//! The journal: a session's events as JSON lines, written as they happen and read back for replay.
//!
//! A journal that cannot be written is a warning, never a failed run; one that was cut off in the middle is read up
//! to the cut, and the cut is said. It holds no secrets, because events hold none.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::event::{Event, EventKind, JOURNAL_SCHEMA};
use crate::wire::printable::{printable, visible_json};

/// Longest line that is read, in bytes: more than any event that ehlo writes.
const MAX_LINE: u64 = 1 << 20;

/// Most events that are read.
const MAX_EVENTS: usize = 1_000_000;

/// Writes events as they happen.
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    failed: bool,
}

impl Writer {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// [`JournalError::Create`] where the system refuses.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file =
            File::create(path).map_err(|source| JournalError::Create { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), failed: false })
    }

    /// Appends one event and hands it to the system at once, so that a crash loses nothing.
    /// The first failure is returned as a sentence; after it nothing more is written.
    pub fn write(&mut self, event: &Event) -> Option<String> {
        if self.failed {
            return None;
        }
        let written = line(event)
            .map_err(io::Error::from)
            .and_then(|line| self.file.write_all(line.as_bytes()))
            .and_then(|()| self.file.write_all(b"\n"))
            .and_then(|()| self.file.flush());
        match written {
            Ok(()) => None,
            Err(error) => {
                self.failed = true;
                Some(format!("the journal {} cannot be written any more: {error}", self.path.display()))
            }
        }
    }
}

/// An event as a line, without its end. People look at journals with `cat`: nothing in it moves a cursor.
///
/// # Errors
/// None that an event can give.
pub fn line(event: &Event) -> serde_json::Result<String> {
    serde_json::to_string(event).map(|line| visible_json(&line))
}

/// A journal that was read.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Its events, in order.
    pub events: Vec<Event>,
    /// Where it ends before its end: one sentence that says so.
    pub cut: Option<String>,
}

/// Reads a journal.
///
/// # Errors
/// [`JournalError`] where the file cannot be read or is no journal at all. A journal that is broken later on is
/// returned as far as it goes, with [`Journal::cut`].
pub fn read(path: &Path) -> Result<Journal, JournalError> {
    let file = File::open(path).map_err(|source| JournalError::Open { path: path.to_owned(), source })?;
    read_from(BufReader::new(file), path)
}

fn read_from(mut reader: impl BufRead, path: &Path) -> Result<Journal, JournalError> {
    let mut journal = Journal::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = io::Read::take(&mut reader, MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|source| JournalError::Open { path: path.to_owned(), source })?;
        if read == 0 {
            break;
        }
        let event = match serde_json::from_slice::<Event>(&line) {
            Ok(event) => event,
            Err(_) if journal.events.is_empty() => {
                return Err(JournalError::NotAJournal { path: path.to_owned() });
            }
            Err(error) => {
                journal.cut = Some(format!(
                    "the journal {} breaks off at line {number} ({}); what stands before it is shown",
                    path.display(),
                    printable(&error.to_string(), 200)
                ));
                break;
            }
        };
        if journal.events.is_empty() {
            match &event.kind {
                EventKind::SessionStarted(started) if started.schema == JOURNAL_SCHEMA => {}
                EventKind::SessionStarted(started) => {
                    return Err(JournalError::OtherVersion {
                        path: path.to_owned(),
                        schema: printable(&started.schema, 40),
                    });
                }
                _ => return Err(JournalError::NotAJournal { path: path.to_owned() }),
            }
        }
        journal.events.push(event);
        if journal.events.len() >= MAX_EVENTS {
            journal.cut = Some(format!(
                "the journal {} has more than {MAX_EVENTS} events; the rest is left out",
                path.display()
            ));
            break;
        }
    }
    match journal.events.last() {
        None => return Err(JournalError::NotAJournal { path: path.to_owned() }),
        Some(Event { kind: EventKind::RunEnded { .. }, .. }) => {}
        Some(_) if journal.cut.is_none() => {
            journal.cut = Some(format!(
                "the journal {} ends before its run did; what stands in it is shown",
                path.display()
            ));
        }
        Some(_) => {}
    }
    Ok(journal)
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be made.
    #[error("the journal {path} cannot be written: {source}", path = path.display())]
    Create {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("the journal {path} cannot be read: {source}", path = path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Its first line is not the beginning of a session.
    #[error("{path} is not a journal of ehlo: make one with ehlo check TARGET --journal FILE", path = path.display())]
    NotAJournal {
        /// Which file.
        path: PathBuf,
    },
    /// Its form is another version's.
    #[error("the journal {path} has the form '{schema}', this ehlo reads {JOURNAL_SCHEMA}", path = path.display())]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// The form that it names.
        schema: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Limits, Micros, ProbeId, RunEnd, SessionStarted};
    use crate::target::Goal;

    fn events() -> Vec<Event> {
        let started = SessionStarted {
            schema: JOURNAL_SCHEMA.into(),
            ehlo_version: "0.1.0".into(),
            started_at: "2026-11-24T00:00:00Z".into(),
            input: "smtp.example.com".into(),
            host: "smtp.example.com".into(),
            goal: Goal::Submit,
            routes: Vec::new(),
            all: false,
            repeat: 1,
            vantage: "local".into(),
            ehlo_name: "client.example.net".into(),
            limits: Limits { connect_ms: 5000, reply_ms: 30_000, total_ms: 120_000 },
            provider: None,
            malformed: None,
            sign_in: false,
            discover: None,
            sending: Box::default(),
            submit: Default::default(),
            way: Default::default(),
            lead: None,
        };
        let kinds = [
            EventKind::SessionStarted(started),
            EventKind::Received { bytes: b"220 mx \xff\r\n"[..].into(), encrypted: false },
            EventKind::RunEnded { reason: RunEnd::Completed },
        ];
        let event = |(at, kind)| Event { at: Micros(at), probe: ProbeId::SESSION, kind };
        (0..).zip(kinds).map(event).collect()
    }

    fn written() -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Writer::create(file.path()).unwrap();
        for event in events() {
            assert_eq!(writer.write(&event), None);
        }
        std::fs::read(file.path()).unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> Result<Journal, JournalError> {
        read_from(bytes, Path::new("x.jsonl"))
    }

    #[test]
    fn what_was_written_is_read() {
        let journal = read_bytes(&written()).unwrap();
        assert_eq!(journal.events, events());
        assert_eq!(journal.cut, None);
    }

    #[test]
    fn cut_off_anywhere_keeps_what_stands_before() {
        let bytes = written();
        let first = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
        for end in 0..bytes.len() - 1 {
            match read_bytes(&bytes[..end]) {
                Ok(journal) => {
                    assert!(end >= first - 1);
                    assert!(!journal.events.is_empty());
                    assert!(journal.cut.is_some(), "cut at {end} unnoticed");
                }
                Err(error) => {
                    assert!(end < first - 1, "{error}");
                    assert!(matches!(error, JournalError::NotAJournal { .. }));
                }
            }
        }
    }

    #[test]
    fn other_files_and_versions_are_named() {
        assert!(matches!(read_bytes(b"hello\n"), Err(JournalError::NotAJournal { .. })));
        assert!(matches!(read_bytes(b""), Err(JournalError::NotAJournal { .. })));
        let other = String::from_utf8(written()).unwrap().replace("ehlo-journal/1", "ehlo-journal/9");
        assert!(matches!(read_bytes(other.as_bytes()), Err(JournalError::OtherVersion { .. })));
        let error = read(Path::new("/nonexistent/x.jsonl")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x.jsonl"));
    }
}
