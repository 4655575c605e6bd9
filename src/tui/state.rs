//! What the interface knows: the session it has heard so far, and where the reader is in it.
//!
//! What is on screen is an enum ([`Screen`], [`Overlay`]), so no two things can be on screen at once by accident. All
//! that can be computed from the session is computed once per batch of events ([`Ui::derive`]), never while drawing.

use std::collections::BTreeSet;

use tui_input::Input;

use super::message::Message;
use super::phases::{self, Group};
use super::sign_in::SignIn;
use super::theme::Theme;
use crate::event::{Event, EventKind, Micros, ProbeId};
use crate::guide::headline::{Headline, headline};
use crate::guide::quiz::Quiz;
use crate::guide::recommendation::{Recommendation, recommend};
use crate::guide::walk::{self, Next, PathStep, Settings};
use crate::session::Session;
use crate::target::Goal;

mod allowed;
mod looked;
mod practice;

pub use practice::{Practice, Supply, level};

/// The screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Asks for a target.
    Start,
    /// Takes an error message.
    Message,
    /// What an error message means.
    Causes,
    /// The list of the lab's scenarios.
    Lab,
    /// The walk with its panes.
    Walk,
    /// The verdict.
    Verdict,
}

/// What lies over the screen.
#[derive(Clone, Debug, Default)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// All keys, scrolled to this line.
    Help(usize),
    /// Why the step is done, scrolled to this line.
    Why(usize),
    /// The search field, in the place of the footer, and where the reader was before.
    Find(Input, Cursor),
    /// The question that waits, with the cursor on this answer.
    Question(usize),
    /// The form for user name and password.
    SignIn(Box<SignIn>),
    /// What the lab asks before a step, with the cursor on this answer.
    Predict(usize),
    /// The case of the lab: story and task, and at the end the score; scrolled to this line.
    Case(usize),
}

/// The panes of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The path and the step's facts.
    Walk,
    /// The transcript.
    Transcript,
    /// What it means.
    Meaning,
}

impl Pane {
    /// All, in the order in which Tab goes.
    pub const ALL: [Self; 3] = [Self::Walk, Self::Transcript, Self::Meaning];

    /// Its title.
    pub fn name(self) -> &'static str {
        match self {
            Self::Walk => "Walk",
            Self::Transcript => "Transcript",
            Self::Meaning => "Meaning",
        }
    }
}

/// How the transcript is shown. Place and selection are the same in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// One line a row.
    List,
    /// Client and server as two lifelines.
    Ladder,
    /// The phases as bars of time.
    Timing,
}

/// Whether each step waits for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It does.
    Guided,
    /// It does not.
    Running,
}

/// Which step is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewed {
    /// Where the walk is.
    Present,
    /// The step with this id.
    Step(String),
}

/// Where the reader is in the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// At the end, as it grows; no line is selected.
    Following,
    /// At rest with this line on top; no line is selected.
    Resting(usize),
    /// On this line.
    Line(usize),
}

/// How the run stands, as far as its events tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has begun.
    Idle,
    /// Something runs, or will in a moment.
    Working,
    /// The plan of a step is shown and waits for a key.
    Ready,
    /// A question waits for its answer.
    Asking {
        /// Question id.
        question: String,
        /// Answer id.
        default: String,
    },
    /// The verdict is there.
    Over,
}

/// A search of the transcript. It grows with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What is looked for, in whatever case.
    pub needle: String,
    /// The lines that contain it.
    pub hits: Vec<usize>,
    /// How many lines were searched.
    pub searched: usize,
}

/// What is chosen on the start screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A walk for this goal.
    Goal(Goal),
    /// There is an error message.
    Message,
}

impl Choice {
    /// All, in the order in which Tab goes.
    pub const ALL: [Self; 4] =
        [Self::Goal(Goal::Submit), Self::Goal(Goal::Relay), Self::Goal(Goal::Inbox), Self::Message];
}

impl Default for Choice {
    fn default() -> Self {
        Self::Goal(Goal::default())
    }
}

/// The start screen's form.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The target field.
    pub target: Input,
    /// What is chosen.
    pub choice: Choice,
    /// What is wrong with the target.
    pub complaint: Option<String>,
    /// Targets of this sitting, the latest last; never written anywhere.
    pub recent: Vec<String>,
    /// Which of them is in the field.
    pub recalled: Option<usize>,
}

/// Everything the interface knows.
#[derive(Debug)]
pub struct Ui {
    /// How it is drawn.
    pub theme: Theme,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The session, as heard.
    pub session: Session,
    /// The screen.
    pub screen: Screen,
    /// What lies over it.
    pub overlay: Overlay,
    /// The pane with the focus.
    pub pane: Pane,
    /// The pace.
    pub pace: Pace,
    /// The start screen.
    pub form: Form,
    /// The error message, once one was to be typed; none any more once the walk that it led to has begun.
    pub message: Option<Box<Message>>,
    /// The lab's scenarios, once they were needed.
    pub practices: Vec<Practice>,
    /// Where they come from.
    pub supply: Supply,
    /// The scenario under the cursor.
    pub practice: usize,
    /// Which scenarios are listed: those with this text; all where it is empty.
    pub filter: String,
    /// Whether the lab asks what is expected before each step.
    pub asks: bool,
    /// What was expected so far.
    pub quiz: Quiz,
    /// True once the score was shown.
    pub scored: bool,
    /// True once it was noted that the scenario is solved.
    pub solved_noted: bool,
    /// The step looked at.
    pub viewed: Viewed,
    /// The place in the transcript.
    pub cursor: Cursor,
    /// The first transcript line on screen.
    pub top: usize,
    /// How the transcript is shown.
    pub reading: Reading,
    /// What was searched for.
    pub search: Option<Search>,
    /// The first line of the meaning on screen.
    pub meaning_top: usize,
    /// The first line of the verdict on screen.
    pub verdict_top: usize,
    /// The finding chosen on the verdict.
    pub finding: Option<usize>,
    /// The question over which another page was opened.
    pub put_back: Option<Overlay>,
    /// A word to the reader, until the next key.
    pub notice: Option<String>,
    /// True where another target can be begun from here; a replay has none.
    pub can_begin: bool,
    /// The time shown: that of the latest event, and what has passed since.
    pub clock: Micros,
    /// Turns of the spinner.
    pub turns: usize,
    /// The path, computed.
    pub path: Vec<PathStep>,
    /// The phases of the routes, computed while they are shown.
    pub timing: Vec<Group>,
    /// How the run stands, computed.
    pub stage: Stage,
    /// The recommendation, computed once the run is over.
    pub recommendation: Option<Recommendation>,
    /// The verdict in a sentence, and why; computed once the run is over.
    pub headline: Option<Headline>,
    running: BTreeSet<ProbeId>,
    /// Count of steps that were entered when the last probe began or ended.
    steps_done: usize,
    /// An order to go on was given and nothing was heard since.
    ordered: bool,
    /// No more events will come.
    silent: bool,
}

impl Ui {
    /// A fresh interface.
    pub fn new(theme: Theme, size: (u16, u16), screen: Screen) -> Self {
        Self {
            theme,
            size,
            session: Session::default(),
            screen,
            overlay: Overlay::None,
            pane: Pane::Transcript,
            pace: Pace::Guided,
            form: Form::default(),
            message: None,
            practices: Vec::new(),
            supply: Supply::default(),
            practice: 0,
            filter: String::new(),
            asks: false,
            quiz: Quiz::default(),
            scored: false,
            solved_noted: false,
            viewed: Viewed::Present,
            cursor: Cursor::Following,
            top: 0,
            reading: Reading::List,
            search: None,
            meaning_top: 0,
            verdict_top: 0,
            finding: None,
            put_back: None,
            notice: None,
            can_begin: true,
            clock: Micros(0),
            turns: 0,
            path: Vec::new(),
            timing: Vec::new(),
            stage: Stage::Idle,
            recommendation: None,
            headline: None,
            running: BTreeSet::new(),
            steps_done: 0,
            ordered: false,
            silent: false,
        }
    }

    /// Forgets the session and everything that was looked at in it.
    pub fn restart(&mut self) {
        let fresh = Self::new(self.theme, self.size, Screen::Walk);
        let old = std::mem::replace(self, fresh);
        self.form = old.form;
        self.message = old.message;
        self.reading = old.reading;
        self.practices = old.practices;
        self.supply = old.supply;
        self.practice = old.practice;
        self.filter = old.filter;
        self.asks = old.asks;
        self.can_begin = old.can_begin;
    }

    /// Takes an event. [`Ui::derive`] must follow, once for a batch.
    pub fn hear(&mut self, event: &Event) {
        match (&event.kind, self.session.started()) {
            (EventKind::SessionStarted(_), Some(_)) => self.restart(),
            (EventKind::SessionStarted(_), None) => {}
            // The end of a session that was left behind for this one.
            (_, None) => return,
            (_, Some(_)) => {}
        }
        self.session.apply(event);
        if matches!(event.kind, EventKind::SessionStarted(_)) {
            // It has served: what may hold a password is wiped.
            self.message = None;
        }
        if let EventKind::SessionStarted(started) = &event.kind
            && started.input.starts_with("lab:")
            && self.can_begin
        {
            self.need_practices();
            if self.asks && self.case().is_some() {
                self.overlay = Overlay::Case(0);
            }
        }
        self.clock = self.session.now();
        self.ordered = false;
        match &event.kind {
            EventKind::ProbeStarted { .. } => {
                self.running.insert(event.probe);
                self.steps_done = self.session.steps().len();
            }
            EventKind::ProbeEnded { .. } => {
                self.running.remove(&event.probe);
                self.steps_done = self.session.steps().len();
            }
            EventKind::StepSkipped { .. } => self.steps_done = self.session.steps().len(),
            EventKind::RunEnded { .. } => self.running.clear(),
            EventKind::Warning { text } => self.notice = Some(text.clone()),
            _ => {}
        }
    }

    /// Notes that no more events will come.
    pub fn hear_no_more(&mut self) {
        self.silent = true;
        self.running.clear();
        if self.session.started().is_some() && self.session.ended().is_none() {
            self.notice = Some("The run has stopped; what was found stays on screen.".to_owned());
        }
    }

    /// Computes what follows from the session.
    pub fn derive(&mut self) {
        if let Some(search) = &mut self.search {
            let transcript = self.session.transcript();
            search.hits.extend(transcript.search_in(&search.needle, search.searched..transcript.len()));
            search.searched = transcript.len();
        }
        self.measure();
        self.path = walk::path(&self.session);
        self.stage = self.stage_now();
        let over = self.stage == Stage::Over;
        self.recommendation = if over { recommend(&self.session) } else { None };
        self.headline = over.then(|| headline(&self.session));
        let known = |id: &String| self.path.iter().any(|step| step.id == *id);
        if matches!(&self.viewed, Viewed::Step(id) if !known(id)) {
            self.viewed = Viewed::Present;
        }
        if let Overlay::Question(_) | Overlay::SignIn(_) = self.overlay
            && !matches!(self.stage, Stage::Asking { .. })
        {
            self.overlay = Overlay::None;
        }
        if let Overlay::Predict(_) = self.overlay
            && self.predicting().is_none()
        {
            self.overlay = Overlay::None;
        }
    }

    /// Shows the transcript in this way; where it is shown so already, as a list.
    pub fn read_as(&mut self, reading: Reading) {
        self.reading = if self.reading == reading { Reading::List } else { reading };
        self.pane = Pane::Transcript;
        self.measure();
    }

    fn measure(&mut self) {
        self.timing = match self.reading {
            Reading::Timing => phases::groups(&self.session),
            Reading::List | Reading::Ladder => Vec::new(),
        };
    }

    fn stage_now(&self) -> Stage {
        let Some(started) = self.session.started() else { return Stage::Idle };
        if !self.running.is_empty() {
            return Stage::Working;
        }
        if self.session.ended().is_some() || self.silent {
            return Stage::Over;
        }
        if self.session.steps().len() > self.steps_done {
            return Stage::Ready;
        }
        if self.pace == Pace::Guided {
            let settings = Settings { all: started.all, repeat: started.repeat, asks: true };
            if let Next::Question { question, default } = walk::next(&self.session, &settings) {
                return Stage::Asking { question, default };
            }
        }
        Stage::Working
    }

    /// Searches the transcript; an empty needle ends the search.
    pub fn search_for(&mut self, needle: &str) {
        let transcript = self.session.transcript();
        self.search = (!needle.is_empty()).then(|| Search {
            needle: needle.to_owned(),
            hits: transcript.search(needle),
            searched: transcript.len(),
        });
    }

    /// Notes that an order to go on was given, so that a second press does not count for the step after.
    pub fn note_order(&mut self) {
        self.ordered = true;
    }

    /// Whether something moves on screen though no event comes.
    pub fn animates(&self) -> bool {
        self.screen == Screen::Walk && !self.running.is_empty()
    }
}

/// What a goal is, in a few words.
pub fn goal_words(goal: Goal) -> &'static str {
    match goal {
        Goal::Submit => "an app submits mail",
        Goal::Relay => "a server delivers to other servers",
        Goal::Inbox => "mail lands in spam",
    }
}
