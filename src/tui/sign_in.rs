//! The form for user name and password. What is typed as password is never drawn, kept only in memory that is wiped,
//! and leaves the form once: in the order to sign in.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};
use zeroize::Zeroizing;

use crate::target::{Credentials, Secret};

/// Longest user name, in characters.
const LONGEST_USER: usize = 320;
/// Longest password, in bytes. All of it is set aside at once, so that no copy is left behind when it grows.
const LONGEST_SECRET: usize = 1_024;

/// The field that is typed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The user name.
    User,
    /// The password.
    Secret,
}

/// What a key in the form has come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The form stays.
    Stay,
    /// Back to the question.
    Back,
    /// Sign in with these.
    Done(Credentials),
}

/// The form.
#[derive(Clone)]
pub struct SignIn {
    /// The user name.
    pub user: Input,
    /// Where typing goes.
    pub field: Field,
    secret: Zeroizing<String>,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("user", &self.user.value()).finish_non_exhaustive()
    }
}

impl SignIn {
    /// With the user name that is known already, if one is.
    pub fn new(user: Option<&str>) -> Self {
        let user = Input::new(user.unwrap_or_default().to_owned());
        let field = if user.value().is_empty() { Field::User } else { Field::Secret };
        Self { user, field, secret: Zeroizing::new(String::with_capacity(LONGEST_SECRET)) }
    }

    /// How many characters the password has: all of it that may be seen.
    pub fn length(&self) -> usize {
        self.secret.chars().count()
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Step {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.modifiers.contains(KeyModifiers::ALT) {
            return Step::Stay;
        }
        match (key.code, self.field) {
            (KeyCode::Esc, _) => return Step::Back,
            (KeyCode::Enter, Field::User) | (KeyCode::Tab | KeyCode::Down, _)
                if self.field == Field::User =>
            {
                self.field = Field::Secret;
            }
            (KeyCode::Tab | KeyCode::BackTab | KeyCode::Up, _) => self.field = Field::User,
            (KeyCode::Enter, _) => return self.done(),
            (KeyCode::Char('u'), _) if ctrl => match self.field {
                Field::User => self.user.reset(),
                Field::Secret => self.forget(),
            },
            (KeyCode::Char(_), _) if ctrl => {}
            (KeyCode::Char(c), _) => self.put(c),
            (KeyCode::Backspace, Field::Secret) => {
                self.secret.pop();
            }
            (code, Field::User) => {
                let request = match code {
                    KeyCode::Backspace => InputRequest::DeletePrevChar,
                    KeyCode::Delete => InputRequest::DeleteNextChar,
                    KeyCode::Left => InputRequest::GoToPrevChar,
                    KeyCode::Right => InputRequest::GoToNextChar,
                    KeyCode::Home => InputRequest::GoToStart,
                    KeyCode::End => InputRequest::GoToEnd,
                    _ => return Step::Stay,
                };
                self.user.handle(request);
            }
            _ => {}
        }
        Step::Stay
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        for c in text.trim_matches(['\r', '\n']).chars().filter(|c| !c.is_control()) {
            self.put(c);
        }
    }

    fn put(&mut self, c: char) {
        match self.field {
            Field::User if self.user.value().chars().count() < LONGEST_USER => {
                self.user.handle(InputRequest::InsertChar(c));
            }
            Field::Secret if self.secret.len() + c.len_utf8() <= LONGEST_SECRET => self.secret.push(c),
            Field::User | Field::Secret => {}
        }
    }

    fn forget(&mut self) {
        self.secret = Zeroizing::new(String::with_capacity(LONGEST_SECRET));
    }

    fn done(&mut self) -> Step {
        if self.user.value().is_empty() {
            self.field = Field::User;
            return Step::Stay;
        }
        if self.secret.is_empty() {
            return Step::Stay;
        }
        let credentials = Credentials {
            user: self.user.value().to_owned(),
            secret: Secret::new(self.secret.as_str().to_owned()),
        };
        self.forget();
        Step::Done(credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(form: &mut SignIn, text: &str) {
        for c in text.chars() {
            assert_eq!(form.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)), Step::Stay);
        }
    }

    fn press(form: &mut SignIn, code: KeyCode) -> Step {
        form.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn name_then_password_then_the_order() {
        let mut form = SignIn::new(None);
        typed(&mut form, "ann");
        assert_eq!(press(&mut form, KeyCode::Enter), Step::Stay);
        assert_eq!(press(&mut form, KeyCode::Enter), Step::Stay, "an empty password is none");
        typed(&mut form, "hunter22");
        press(&mut form, KeyCode::Backspace);
        assert_eq!(form.length(), 7);
        assert!(!format!("{form:?}").contains("hunter"));
        let Step::Done(credentials) = press(&mut form, KeyCode::Enter) else { panic!("not done") };
        assert_eq!((credentials.user.as_str(), credentials.secret.expose()), ("ann", "hunter2"));
        assert_eq!(form.length(), 0, "the form keeps nothing");
    }

    #[test]
    fn a_known_name_is_filled_in_and_can_be_changed() {
        let mut form = SignIn::new(Some("ann"));
        assert_eq!(form.field, Field::Secret);
        press(&mut form, KeyCode::BackTab);
        typed(&mut form, "a");
        assert_eq!(form.user.value(), "anna");
        press(&mut form, KeyCode::Tab);
        form.paste("two words\n");
        assert_eq!(form.length(), 9);
        assert_eq!(form.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)), Step::Stay);
        assert_eq!(form.length(), 0);
        assert_eq!(press(&mut form, KeyCode::Esc), Step::Back);
    }

    #[test]
    fn the_field_has_an_end() {
        let mut form = SignIn::new(Some("ann"));
        form.paste(&"x".repeat(5_000));
        assert_eq!(form.length(), LONGEST_SECRET);
    }
}
