//! An error message in the interface: the pane that it is pasted into, and what it was found to mean, with the
//! settings to begin the walk with. What it means is the guide's word; here is only what is typed and looked at.

use tui_input::Input;

use crate::guide::lead;
use crate::guide::provider;
use crate::guide::symptom::{self, Explanation, Settings};
use crate::target::{Goal, Host, Lead, Target, TlsMode};

pub mod area;

pub use area::Area;

/// Where the pane was opened from, and where Esc leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The start screen.
    #[default]
    Start,
    /// The question of the walk.
    Question,
}

/// A message and what is known of it.
#[derive(Debug, Default)]
pub struct Message {
    /// Where it was opened from.
    pub origin: Origin,
    /// The text.
    pub area: Area,
    /// True directly after a paste that the terminal marked as one: an Enter then is a person's.
    pub pasted: bool,
    /// The target known before: typed on the start screen, or that of the walk.
    pub target: String,
    /// What it means, once it was read.
    pub reading: Option<Reading>,
}

/// A setting that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The host, or the domain.
    Host,
    /// The port.
    Port,
    /// How TLS starts.
    Tls,
}

/// What a message means, and the settings beside it.
#[derive(Debug)]
pub struct Reading {
    /// What it means, with the settings as they stand.
    pub found: Explanation,
    /// The page, where the text is one word that has one.
    pub page: Option<symptom::Page>,
    /// The host, or the domain.
    pub host: Input,
    /// The port.
    pub port: Input,
    /// How TLS starts.
    pub tls: Option<TlsMode>,
    /// The setting with the cursor; `None` while the text is read.
    pub field: Option<Field>,
    /// What is wrong with a setting.
    pub complaint: Option<String>,
    /// True where a setting was changed since the text was read.
    stale: bool,
    /// The first line of the text on screen.
    pub top: usize,
}

/// What a walk begins with.
#[derive(Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The target.
    pub input: String,
    /// What the mail is for.
    pub goal: Goal,
    /// What led to it.
    pub lead: Lead,
}

/// Longest text, in bytes, that is read anew while a setting is typed; a longer one is read when the setting is left, for
/// a key must be answered at once.
const READ_WHILE_TYPING: usize = 4 * 1024;

/// Digits of the longest port.
pub const PORT_DIGITS: usize = 5;

impl Message {
    /// Names what the text means, and shows the settings found in it.
    pub fn read(&mut self) {
        let target = Some(self.target.as_str()).filter(|target| !target.is_empty());
        // The target may be more than a host; what is no host name tells nothing of the message.
        let parsed =
            target.and_then(|target| Target::parse(target, &|id| provider::by_id(id).is_some()).ok());
        let (host, port) = match &parsed {
            Some(Target::Host { host, port }) => (Some(host.to_string()), *port),
            _ => (None, None),
        };
        let given = Settings { host: host.clone(), port, tls: None };
        let (found, page) = explained(self.area.text(), given);
        let domain = found.goal != Goal::Submit;
        let shown = match (host, target) {
            (Some(host), _) => host,
            (None, Some(target)) => target.to_owned(),
            // A host in a message about another's domain is not that domain.
            (None, None) if domain => {
                found.domain.clone().filter(|_| found.goal == Goal::Relay).unwrap_or_default()
            }
            (None, None) => {
                found.settings.host.clone().filter(|host| Host::parse(host).is_ok()).unwrap_or_default()
            }
        };
        let port = found.settings.port.map(|port| port.to_string()).unwrap_or_default();
        self.reading = Some(Reading {
            tls: found.settings.tls,
            field: shown.is_empty().then_some(Field::Host),
            host: Input::new(shown),
            port: Input::new(port),
            complaint: None,
            stale: false,
            top: 0,
            found,
            page,
        });
    }

    /// Takes note of a setting that was changed.
    pub fn changed(&mut self) {
        let Some(reading) = &mut self.reading else { return };
        reading.complaint = None;
        reading.found.settings = reading.settings();
        reading.stale = true;
        if self.area.text().len() <= READ_WHILE_TYPING {
            self.settle();
        }
    }

    /// Names anew what the text means, with the settings as they were changed.
    pub fn settle(&mut self) {
        let text = self.area.text();
        let Some(reading) = self.reading.as_mut().filter(|reading| reading.stale) else { return };
        let given = reading.settings();
        (reading.found, reading.page) = explained(text, given.clone());
        // What was taken away is not read from the text again.
        reading.found.settings = given;
        reading.stale = false;
    }
}

fn explained(text: &str, given: Settings) -> (Explanation, Option<symptom::Page>) {
    match symptom::page(text) {
        Some(page) => (page.explanation_with(given), Some(page)),
        None => (symptom::explain(text, &given), None),
    }
}

impl Reading {
    /// The settings as they stand; what cannot be one is none.
    pub fn settings(&self) -> Settings {
        let host = Host::parse(self.host.value().trim()).ok().map(|host| host.to_string());
        Settings { host, port: self.port.value().parse().ok().filter(|port| *port != 0), tls: self.tls }
    }

    /// The settings that there are: for a domain, only that.
    pub fn fields(&self) -> &'static [Field] {
        match self.found.goal {
            Goal::Submit => &[Field::Host, Field::Port, Field::Tls],
            Goal::Relay | Goal::Inbox => &[Field::Host],
        }
    }

    /// The next setting, or the one before; behind the last one the text.
    pub fn turn(&mut self, forward: bool) {
        let fields = self.fields();
        let at = self.field.and_then(|field| fields.iter().position(|other| *other == field));
        self.field = match (at, forward) {
            (None, true) => fields.first().copied(),
            (None, false) => fields.last().copied(),
            (Some(at), true) => fields.get(at + 1).copied(),
            (Some(at), false) => at.checked_sub(1).and_then(|at| fields.get(at).copied()),
        };
    }

    /// The mode after this one, or before.
    pub fn turn_mode(&mut self, forward: bool) {
        const MODES: [Option<TlsMode>; 4] =
            [None, Some(TlsMode::Starttls), Some(TlsMode::Implicit), Some(TlsMode::None)];
        let at = MODES.iter().position(|mode| *mode == self.tls).unwrap_or(0);
        self.tls = MODES[(at + if forward { 1 } else { MODES.len() - 1 }) % MODES.len()];
    }

    /// What the walk begins with. Where a setting is missing or wrong it is complained about, with the cursor on it.
    pub fn begin(&mut self) -> Option<Beginning> {
        self.complaint = None;
        let input = self.host.value().trim().to_owned();
        let target = Target::parse(&input, &|id| provider::by_id(id).is_some());
        let complaint = match &target {
            _ if input.is_empty() => Some((Field::Host, self.asks_for().to_owned())),
            Err(error) => Some((Field::Host, error.to_string())),
            Ok(_) if !self.port.value().is_empty() && self.settings().port.is_none() => {
                Some((Field::Port, "A port is a number from 1 to 65535.".to_owned()))
            }
            Ok(_) => None,
        };
        if let Some((field, complaint)) = complaint {
            self.field = Some(field);
            self.complaint = Some(complaint);
            return None;
        }
        let mut found = self.found.clone();
        let input = match target {
            // A port behind the host is a setting like the other.
            Ok(Target::Host { host, port: Some(port) }) if found.goal == Goal::Submit => {
                found.settings.port = found.settings.port.or(Some(port));
                host.to_string()
            }
            _ => input,
        };
        Some(Beginning { input, goal: found.goal, lead: lead::of(&found) })
    }

    /// What is to be typed as host.
    pub fn asks_for(&self) -> &'static str {
        match self.found.goal {
            Goal::Submit => "Type the host of the application's settings.",
            Goal::Relay => "Type the domain of the recipients.",
            Goal::Inbox => "Type the domain of the sender.",
        }
    }
}

#[cfg(test)]
mod tests;
