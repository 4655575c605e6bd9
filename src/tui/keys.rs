//! The keys: one table from which the footer, the help screen, the README and the manual page are made.
//!
//! A key press is looked up by place and by what can be done at the moment, so the footer never names a key that does
//! nothing, and a key never does what the footer does not name.
//!
//! ```
//! assert!(ehlo::tui::keys::markdown().starts_with("| Key | Where | What it does |"));
//! ```

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

mod table;

pub use table::TABLE;

/// What a key may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each does")]
pub enum Action {
    Begin,
    Read,
    ReadPasted,
    EmptyText,
    LeaveText,
    Walk,
    NextField,
    PreviousField,
    NextMode,
    PreviousMode,
    LeaveField,
    ToText,
    Practise,
    NextGoal,
    PreviousGoal,
    OlderTarget,
    NewerTarget,
    Leave,
    Next,
    Present,
    ShowVerdict,
    RunOn,
    Pause,
    Stop,
    LetGo,
    Skip,
    Again,
    Why,
    Case,
    Back,
    Forward,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Follow,
    Find,
    FindNext,
    FindPrevious,
    Ladder,
    Timing,
    NextPane,
    PreviousPane,
    NextFinding,
    PreviousFinding,
    ShowLines,
    Copy,
    Target,
    Take,
    Close,
    Help,
    Quit,
    QuitNow,
    Suspend,
    Redraw,
}

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The start screen, where letters are text.
    Start,
    /// The list of the lab's scenarios.
    Lab,
    /// The walk with its panes.
    Walk,
    /// The verdict.
    Verdict,
    /// The pane for an error message, where everything is text.
    Message,
    /// What an error message means.
    Causes,
    /// A setting beside it, where letters are text.
    Setting,
    /// A question of the tree is shown.
    Question,
    /// A page of text lies over the screen: help, or why.
    Page,
}

impl Place {
    /// In words, for the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Lab => "lab",
            Self::Walk => "walk",
            Self::Verdict => "verdict",
            Self::Message => "message",
            Self::Causes => "causes",
            Self::Setting => "setting",
            Self::Question => "question",
            Self::Page => "help, why",
        }
    }
}

/// A key, perhaps with Ctrl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chord {
    /// A named key.
    Key(KeyCode),
    /// A letter or sign.
    Char(char),
    /// A letter with Ctrl.
    Ctrl(char),
}

impl Chord {
    /// Whether this is what was pressed.
    pub fn matches(self, event: &KeyEvent) -> bool {
        if event.kind == KeyEventKind::Release {
            return false;
        }
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        match self {
            Self::Key(code) => event.code == code && !ctrl && !alt,
            Self::Char(c) => event.code == KeyCode::Char(c) && !ctrl && !alt,
            Self::Ctrl(c) => event.code == KeyCode::Char(c) && ctrl && !alt,
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Binding {
    /// What it asks for.
    pub action: Action,
    /// The keys, any of them.
    pub chords: &'static [Chord],
    /// The keys as they are written.
    pub shown: &'static str,
    /// The same in ASCII.
    pub plain: &'static str,
    /// Where they do this.
    pub places: &'static [Place],
    /// One or two words for the footer.
    pub short: &'static str,
    /// A sentence for the help screen.
    pub long: &'static str,
    /// Place in the footer: 0 is not shown, 1 stays longest where room is short.
    pub rank: u8,
}

use Place::{Causes, Lab, Message, Page, Question, Setting, Start, Verdict, Walk};

const EVERYWHERE: &[Place] = &[Start, Message, Causes, Setting, Lab, Walk, Verdict, Question, Page];

/// What a key press asks for at a place; `allowed` says what can be done at the moment.
pub fn action(place: Place, event: &KeyEvent, allowed: &dyn Fn(Action) -> bool) -> Option<Action> {
    at(place)
        .find(|row| row.chords.iter().any(|chord| chord.matches(event)) && allowed(row.action))
        .map(|row| row.action)
}

/// The rows of a place, in the table's order.
pub fn at(place: Place) -> impl Iterator<Item = &'static Binding> {
    TABLE.iter().filter(move |row| row.places.contains(&place))
}

/// The table as Markdown, for the README and the manual page.
pub fn markdown() -> String {
    let mut out = String::from("| Key | Where | What it does |\n|---|---|---|\n");
    for row in TABLE {
        let keys: Vec<String> = row.shown.split(' ').map(|key| format!("`{key}`")).collect();
        let places: Vec<&str> = if row.places.len() == EVERYWHERE.len() {
            vec!["everywhere"]
        } else {
            row.places.iter().map(|place| place.name()).collect()
        };
        out.push_str(&format!("| {} | {} | {} |\n", keys.join(" "), places.join(", "), row.long));
    }
    out
}

#[cfg(test)]
mod tests;
