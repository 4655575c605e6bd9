//! The keys: one table from which the footer, the help screen, the README and the manual page are made.
//!
//! A key press is looked up by place and by what can be done at the moment, so the footer never names a key that does
//! nothing, and a key never does what the footer does not name.
//!
//! ```
//! assert!(ehlo::tui::keys::markdown().starts_with("| Key | Where | What it does |"));
//! ```

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a key may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each does")]
pub enum Action {
    Begin,
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

use Chord::{Char, Ctrl, Key};
use Place::{Lab, Page, Question, Start, Verdict, Walk};

const EVERYWHERE: &[Place] = &[Start, Lab, Walk, Verdict, Question, Page];

const fn row(
    action: Action,
    chords: &'static [Chord],
    shown: &'static str,
    places: &'static [Place],
    (short, rank): (&'static str, u8),
    long: &'static str,
) -> Binding {
    Binding { action, chords, shown, plain: shown, places, short, long, rank }
}

const fn ascii(binding: Binding, plain: &'static str) -> Binding {
    Binding { plain, ..binding }
}

/// All keys, in the order of the footer.
pub const TABLE: &[Binding] = &[
    row(
        Action::Begin,
        &[Key(KeyCode::Enter)],
        "Enter",
        &[Start],
        ("begin", 1),
        "Begin the walk with the target and the goal shown.",
    ),
    row(
        Action::Practise,
        &[Key(KeyCode::Enter)],
        "Enter",
        &[Lab],
        ("begin", 1),
        "Begin the walk in the scenario under the cursor.",
    ),
    row(
        Action::NextGoal,
        &[Key(KeyCode::Tab)],
        "Tab",
        &[Start],
        ("goal", 2),
        "Choose the next goal: what the mail is for.",
    ),
    row(
        Action::PreviousGoal,
        &[Key(KeyCode::BackTab)],
        "Shift-Tab",
        &[Start],
        ("", 0),
        "Choose the goal before.",
    ),
    ascii(
        row(
            Action::OlderTarget,
            &[Key(KeyCode::Up)],
            "↑",
            &[Start],
            ("recent", 3),
            "Put a recent target into the field.",
        ),
        "Up",
    ),
    ascii(
        row(
            Action::NewerTarget,
            &[Key(KeyCode::Down)],
            "↓",
            &[Start],
            ("", 0),
            "Put the one after it into the field.",
        ),
        "Down",
    ),
    row(
        Action::Leave,
        &[Key(KeyCode::Esc)],
        "Esc",
        &[Start],
        ("quit", 1),
        "Empty the target field; leave ehlo where it is empty.",
    ),
    row(
        Action::Next,
        &[Key(KeyCode::Enter)],
        "Enter",
        &[Walk],
        ("next", 1),
        "Run the step whose plan is shown, or open the question that waits.",
    ),
    row(
        Action::Present,
        &[Key(KeyCode::Enter)],
        "Enter",
        &[Walk],
        ("return", 1),
        "Return from an earlier step to where the walk is.",
    ),
    row(
        Action::ShowVerdict,
        &[Key(KeyCode::Enter), Char('v')],
        "Enter v",
        &[Walk],
        ("verdict", 1),
        "Show the verdict, once the walk has come to it.",
    ),
    row(
        Action::Take,
        &[Key(KeyCode::Enter)],
        "Enter",
        &[Question],
        ("answer", 1),
        "Give the answer under the cursor.",
    ),
    row(
        Action::RunOn,
        &[Char('a')],
        "a",
        &[Walk],
        ("run on", 2),
        "Run on without waiting at each step. Routes then race, and questions take their defaults.",
    ),
    row(Action::Pause, &[Char('a')], "a", &[Walk], ("by steps", 2), "Wait at each step again."),
    row(Action::Stop, &[Key(KeyCode::Esc)], "Esc", &[Walk], ("stop", 2), "Stop what runs."),
    row(
        Action::LetGo,
        &[Key(KeyCode::Esc)],
        "Esc",
        &[Lab, Walk],
        ("", 0),
        "Let go of the selected line and of the search; in the lab, list all again.",
    ),
    row(
        Action::ShowLines,
        &[Key(KeyCode::Enter)],
        "Enter",
        &[Verdict],
        ("show lines", 2),
        "Show the transcript lines that the chosen finding rests on.",
    ),
    row(
        Action::NextFinding,
        &[Key(KeyCode::Tab)],
        "Tab",
        &[Verdict],
        ("finding", 2),
        "Choose the next finding.",
    ),
    row(
        Action::PreviousFinding,
        &[Key(KeyCode::BackTab)],
        "Shift-Tab",
        &[Verdict],
        ("", 0),
        "Choose the finding before.",
    ),
    ascii(
        row(
            Action::Up,
            &[Key(KeyCode::Up), Char('k')],
            "↑ k",
            &[Lab, Walk, Verdict, Question, Page],
            ("", 0),
            "One line up; in the transcript the line is selected and explained.",
        ),
        "Up k",
    ),
    ascii(
        row(
            Action::Down,
            &[Key(KeyCode::Down), Char('j')],
            "↓ j",
            &[Lab, Walk, Verdict, Question, Page],
            ("", 0),
            "One line down.",
        ),
        "Down j",
    ),
    row(
        Action::PageUp,
        &[Key(KeyCode::PageUp), Ctrl('b')],
        "PgUp",
        &[Lab, Walk, Verdict, Page],
        ("", 0),
        "One page up.",
    ),
    row(
        Action::PageDown,
        &[Key(KeyCode::PageDown), Ctrl('f'), Char(' ')],
        "PgDn Space",
        &[Lab, Walk, Verdict, Page],
        ("", 0),
        "One page down.",
    ),
    row(
        Action::First,
        &[Key(KeyCode::Home), Char('g')],
        "Home g",
        &[Lab, Walk, Verdict, Page],
        ("", 0),
        "To the first line.",
    ),
    row(
        Action::Last,
        &[Key(KeyCode::End), Char('G')],
        "End G",
        &[Lab, Walk, Verdict, Page],
        ("", 0),
        "To the last line.",
    ),
    row(
        Action::Follow,
        &[Char('f')],
        "f",
        &[Walk],
        ("follow", 6),
        "Follow the end of the transcript as it grows.",
    ),
    row(
        Action::Find,
        &[Char('/')],
        "/",
        &[Lab, Walk],
        ("find", 4),
        "Search the transcript; in the lab, list only what has these words: of its name, its topic, or easy, medium, hard.",
    ),
    row(Action::FindNext, &[Char('n')], "n", &[Walk], ("", 0), "To the next match."),
    row(Action::FindPrevious, &[Char('N')], "N", &[Walk], ("", 0), "To the match before."),
    row(
        Action::Ladder,
        &[Char('l')],
        "l",
        &[Walk],
        ("ladder", 5),
        "Show the transcript as a ladder: who says what to whom, phase by phase. Again: the list.",
    ),
    row(
        Action::Timing,
        &[Char('t')],
        "t",
        &[Walk],
        ("timing", 6),
        "Show how long each phase of each route took. Again: the list.",
    ),
    row(
        Action::NextPane,
        &[Key(KeyCode::Tab)],
        "Tab",
        &[Walk],
        ("pane", 7),
        "Go to the next pane: the walk, the transcript, what it means.",
    ),
    row(Action::PreviousPane, &[Key(KeyCode::BackTab)], "Shift-Tab", &[Walk], ("", 0), "To the pane before."),
    row(
        Action::Copy,
        &[Char('y')],
        "y",
        &[Walk, Verdict],
        ("copy", 5),
        "Send to the terminal's clipboard (OSC 52): the selected line; the recommendation; a finding's command.",
    ),
    row(
        Action::Why,
        &[Char('w')],
        "w",
        &[Walk, Question],
        ("why", 3),
        "Why this step is done, or what the question is about.",
    ),
    row(
        Action::Case,
        &[Char('c')],
        "c",
        &[Walk, Verdict, Question],
        ("case", 4),
        "Show the case of the lab: its story and task, and at the end your score and what to read again.",
    ),
    ascii(
        row(
            Action::Back,
            &[Char('b'), Key(KeyCode::Left)],
            "b ←",
            &[Walk, Verdict],
            ("back", 4),
            "Look at the step before; from the verdict, at the walk. Nothing is undone.",
        ),
        "b Left",
    ),
    ascii(
        row(
            Action::Forward,
            &[Key(KeyCode::Right)],
            "→",
            &[Walk],
            ("", 0),
            "Look at the step after, while looking back.",
        ),
        "Right",
    ),
    row(
        Action::Again,
        &[Char('r')],
        "r",
        &[Walk],
        ("again", 5),
        "Run the step that is shown once more, as long as nothing else runs.",
    ),
    row(
        Action::Skip,
        &[Char('x')],
        "x",
        &[Walk],
        ("skip", 4),
        "Pass over the step whose plan is shown, or that runs.",
    ),
    row(
        Action::Target,
        &[Char('t')],
        "t",
        &[Lab, Verdict],
        ("another target", 4),
        "Go to the start screen and ask about another target; from a case of the lab, to the list of the lab.",
    ),
    row(
        Action::Close,
        &[Key(KeyCode::Esc), Char('q'), Key(KeyCode::Enter)],
        "Esc",
        &[Page],
        ("close", 1),
        "Close the page.",
    ),
    row(
        Action::Close,
        &[Key(KeyCode::Esc)],
        "Esc",
        &[Question],
        ("later", 2),
        "Put the question aside and look at the screen; Enter opens it again.",
    ),
    row(
        Action::Help,
        &[Char('?')],
        "?",
        &[Start, Lab, Walk, Verdict, Question],
        ("help", 1),
        "Show all keys.",
    ),
    row(
        Action::Quit,
        &[Char('q')],
        "q",
        &[Lab, Walk, Verdict, Question],
        ("quit", 1),
        "Leave ehlo. What runs is stopped; the verdict stays on the normal screen.",
    ),
    row(Action::QuitNow, &[Ctrl('c')], "Ctrl-C", EVERYWHERE, ("", 0), "Leave ehlo from anywhere."),
    row(
        Action::Suspend,
        &[Ctrl('z')],
        "Ctrl-Z",
        EVERYWHERE,
        ("", 0),
        "Suspend ehlo; `fg` in the shell brings it back.",
    ),
    row(Action::Redraw, &[Ctrl('l')], "Ctrl-L", EVERYWHERE, ("", 0), "Draw the screen afresh."),
];

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
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn a_key_that_two_rows_share_is_decided_by_what_is_allowed() {
        let enter = press(KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(action(Walk, &enter, &|a| a == Action::ShowVerdict), Some(Action::ShowVerdict));
        assert_eq!(action(Walk, &enter, &|a| a == Action::Next), Some(Action::Next));
        assert_eq!(action(Walk, &enter, &|_| false), None);
    }

    #[test]
    fn modifiers_and_releases_count() {
        let all = |_| true;
        let c = |modifiers| press(KeyCode::Char('c'), modifiers);
        assert_eq!(action(Walk, &c(KeyModifiers::CONTROL), &all), Some(Action::QuitNow));
        assert_eq!(action(Walk, &c(KeyModifiers::NONE), &all), Some(Action::Case));
        assert_eq!(action(Walk, &press(KeyCode::Char('G'), KeyModifiers::SHIFT), &all), Some(Action::Last));
        let mut release = press(KeyCode::Char('q'), KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(action(Walk, &release, &all), None);
    }

    #[test]
    fn every_row_is_complete_and_its_keys_are_named() {
        for row in TABLE {
            assert!(!row.chords.is_empty() && !row.places.is_empty(), "{row:?}");
            assert!(row.long.ends_with('.') && row.plain.is_ascii(), "{row:?}");
            assert_eq!(row.rank == 0, row.short.is_empty(), "{row:?}");
            for chord in row.chords {
                if let Char(c) = chord {
                    let hidden = *c == ' ' || (*c == 'q' && row.action == Action::Close);
                    assert!(hidden || row.shown.contains(*c), "{row:?}");
                }
            }
        }
    }

    /// Two rows of one place may share a key only where they exclude each other, as these do.
    #[test]
    fn no_other_keys_are_shared() {
        let exclusive = [
            (Action::Next, Action::Present),
            (Action::Next, Action::ShowVerdict),
            (Action::Present, Action::ShowVerdict),
            (Action::RunOn, Action::Pause),
            (Action::Stop, Action::LetGo),
        ];
        for place in EVERYWHERE {
            let rows: Vec<&Binding> = at(*place).collect();
            for (i, a) in rows.iter().enumerate() {
                for b in &rows[i + 1..] {
                    let shared = a.chords.iter().any(|chord| b.chords.contains(chord));
                    assert!(!shared || exclusive.contains(&(a.action, b.action)), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn letters_are_text_on_the_start_screen() {
        for row in at(Start) {
            for chord in row.chords {
                assert!(!matches!(chord, Char(c) if c.is_alphanumeric()), "{row:?}");
            }
        }
    }

    #[test]
    fn the_table_for_the_readme() {
        insta::assert_snapshot!(markdown());
    }
}
