//! What a good explanation of a transcript line is, so that it can be measured.
//!
//! Each line has a note; the note has a source; every value in the line (a word with a digit in it: a number, a code, an
//! address, a version, a time) stands in the note, and so does at least one of its words; and no two lines that read
//! differently have the same note. A note that would fit other lines as well is thus found out.

use std::collections::HashMap;

use ehlo::guide::glossary::{Note, explain};
use ehlo::session::{Line, Meaning, Session};

/// Longest part of a line that a note must take up; what is longer is quoted in part.
const QUOTED: usize = 150;

/// Words that say nothing.
const EMPTY: [&str; 24] = [
    "the", "and", "of", "by", "in", "is", "to", "for", "from", "with", "not", "no", "or", "an", "on", "as",
    "its", "it", "was", "are", "be", "this", "that", "at",
];

/// Notes by what they explain, across as many sessions as one likes.
#[derive(Default)]
pub struct Judge {
    /// Text of the line, by its note.
    said: HashMap<String, (String, String)>,
    /// How many lines were looked at.
    pub lines: usize,
    /// What is wrong.
    pub complaints: Vec<String>,
}

impl Judge {
    /// Looks at every line of a session.
    pub fn look_at(&mut self, name: &str, session: &Session) {
        for line in session.transcript().lines() {
            self.weigh(name, line, explain(session, line).as_ref());
        }
    }

    /// Looks at one line and its note.
    pub fn weigh(&mut self, name: &str, line: &Line, note: Option<&Note>) {
        self.lines += 1;
        let faults = match note {
            Some(note) => self.faults(name, line, note),
            None => vec!["nothing is said about it".to_owned()],
        };
        for fault in faults {
            self.complaints.push(format!("{name}: {}\n    {fault}", line.text));
        }
    }

    fn faults(&mut self, name: &str, line: &Line, note: &Note) -> Vec<String> {
        let mut faults = Vec::new();
        if note.reference.is_none() {
            faults.push(format!("no source: {}", note.text));
        }
        let spoken = note.text.to_lowercase();
        let mut words = words(&line.text);
        // Each line of EHLO's reply bears the same code, and the note on the first one names it.
        if matches!(line.meaning, Meaning::Capability { .. }) && !words.is_empty() {
            words.remove(0);
        }
        for value in words.iter().filter(|word| word.bytes().any(|byte| byte.is_ascii_digit())) {
            if !spoken.contains(value.as_str()) {
                faults.push(format!("{value} is left out: {}", note.text));
            }
        }
        let mut telling = words.iter().filter(|word| is_telling(word)).peekable();
        if telling.peek().is_some() && !telling.any(|word| spoken.contains(word.as_str())) {
            faults.push(format!("not about this line: {}", note.text));
        }
        // The end of a connect names its address only where there are several; the note always does.
        let content = match line.meaning {
            Meaning::Connect { .. } => line.text.split(" · ").next().unwrap_or_default(),
            _ => &line.text,
        };
        let first =
            self.said.entry(note.text.clone()).or_insert_with(|| (name.to_owned(), content.to_owned()));
        if first.1 != content {
            faults.push(format!("the same is said of \"{}\" in {}: {}", first.1, first.0, note.text));
        }
        faults
    }
}

/// The words of a line, in lower case.
fn words(line: &str) -> Vec<String> {
    let part: String = line.chars().take(QUOTED).collect();
    // The last word may have been cut.
    let part =
        if part.len() < line.len() { part.rsplit_once(' ').map_or("", |(rest, _)| rest) } else { &part };
    part.split(|c: char| c.is_whitespace() || ",;()<>\"".contains(c))
        .map(|word| word.trim_matches(|c: char| ".:!?[]".contains(c)).to_lowercase())
        // `250-SIZE` is a code and a word.
        .flat_map(|word| match word.split_once('-') {
            Some((code, rest)) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()) => {
                vec![code.to_owned(), rest.to_owned()]
            }
            _ => vec![word],
        })
        .filter(|word| !word.is_empty())
        .collect()
}

fn is_telling(word: &str) -> bool {
    word.chars().filter(|c| c.is_alphabetic()).count() >= 2 && !EMPTY.contains(&word)
}
