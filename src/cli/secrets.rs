//! Where a password comes from: a file, a variable, a prompt; never an argument, which every user of the machine could
//! read in the list of processes. And the consent that a message needs.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::args::Options;
use crate::cli::check::tell;
use crate::target::{Credentials, Host, Secret, SecretKind};
use crate::wire::printable::{is_hidden, printable};
use crate::wire::sasl::Mechanism;

/// Longest secret, in bytes. In base64 it still fits into a line of AUTH (RFC 4954 §4).
const MAX_SECRET: usize = 8_192;
/// Longest user name, in bytes: an address of RFC 5321 §4.5.3.1 is shorter.
const MAX_USER: usize = 320;

/// Why credentials or an envelope cannot be used. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A user name and no secret.
    #[error("--user needs a password: give --password-file FILE, --password-env VAR or --ask-password")]
    NoSecret,
    /// A secret and no user name.
    #[error("a password was given without a user name: add --user NAME")]
    NoUser,
    /// The user name cannot be sent.
    #[error("the user name is empty, longer than {MAX_USER} bytes or holds control characters")]
    User,
    /// The file cannot be read.
    #[error("the password file {path} cannot be read: {source}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The variable is not set.
    #[error("the environment variable {0} is not set, or is not UTF-8")]
    Variable(String),
    /// The prompt failed.
    #[error("no password could be asked for: {0}; give --password-file FILE or --password-env VAR")]
    Prompt(std::io::Error),
    /// The secret cannot be sent.
    #[error(
        "the password from {0} is empty, longer than {MAX_SECRET} bytes, not UTF-8 or holds control characters"
    )]
    Secret(String),
    /// The mechanism is none that ehlo speaks.
    #[error("'{0}' is not a mechanism that ehlo speaks: write one of {known}", known = mechanisms())]
    Mechanism(String),
    /// An address cannot be sent.
    #[error("'{0}' is not an e-mail address: write it as user@example.com, in ASCII")]
    Address(String),
    /// A recipient without a sender.
    #[error("--rcpt-to needs a sender: add --mail-from ADDRESS")]
    NoSender,
    /// A test message without both.
    #[error("--send-test needs sender and recipient: add --mail-from ADDRESS and --rcpt-to ADDRESS")]
    NoEnvelope,
    /// A size without a sender.
    #[error("--message-size needs a sender: add --mail-from ADDRESS")]
    NoSenderForSize,
    /// Nobody has agreed to a message.
    #[error("--send-test sends a message: without a terminal to ask on, add --yes to agree to it")]
    NoConsent,
}

fn mechanisms() -> String {
    Mechanism::ALL.map(Mechanism::name).join(", ")
}

/// Reads what must come from the terminal, before anything else is on it: the password, and the consent to a message.
///
/// # Errors
/// [`SubmitError`].
pub fn ask(options: &mut Options, host: &str, interactive: bool) -> Result<(), SubmitError> {
    if options.ask_password {
        let user = printable(options.user.as_deref().ok_or(SubmitError::NoUser)?, 60);
        let typed = rpassword::prompt_password(format!("Password of {user} at {}: ", printable(host, 60)));
        options.asked = Some(secret(Zeroizing::new(typed.map_err(SubmitError::Prompt)?), "the prompt")?);
    }
    if options.send_test && !options.yes && !interactive {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(SubmitError::NoConsent);
        }
        let shown = |address: &Option<String>| printable(address.as_deref().unwrap_or_default(), 100);
        tell(&format!(
            "ehlo will send one small message from <{}> to <{}> by way of {}. Send it? [y/N] ",
            shown(&options.mail_from),
            shown(&options.rcpt_to),
            printable(host, 100)
        ));
        let mut answer = String::new();
        let _ = std::io::stdin().lock().take(100).read_line(&mut answer);
        let yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        options.consent = Some(yes);
    }
    Ok(())
}

/// Credentials as given; `None` where none were, or where the secret is still to be asked for on the screen.
///
/// # Errors
/// [`SubmitError`].
pub fn credentials(options: &Options, interactive: bool) -> Result<Option<Credentials>, SubmitError> {
    let secret = match (&options.asked, &options.password_file, &options.password_env) {
        (Some(secret), _, _) => Some(secret.clone()),
        (None, Some(path), _) => Some(from_file(path)?),
        (None, None, Some(name)) => Some(from_variable(name)?),
        (None, None, None) => None,
    };
    if let Some(user) = &options.user
        && (user.is_empty() || user.len() > MAX_USER || user.chars().any(char::is_control))
    {
        return Err(SubmitError::User);
    }
    match (options.user.clone(), secret) {
        (Some(user), Some(secret)) => Ok(Some(Credentials { user, secret })),
        (Some(_), None) if !interactive => Err(SubmitError::NoSecret),
        (None, Some(_)) => Err(SubmitError::NoUser),
        (_, None) => Ok(None),
    }
}

/// The mechanism asked for.
///
/// # Errors
/// [`SubmitError::Mechanism`].
pub fn mechanism(options: &Options) -> Result<Option<Mechanism>, SubmitError> {
    let wrong = |name: &str| SubmitError::Mechanism(printable(name, 40));
    options.auth.as_deref().map(|name| Mechanism::parse(name).ok_or_else(|| wrong(name))).transpose()
}

/// What kind of secret goes with it.
pub fn kind(mechanism: Option<Mechanism>) -> SecretKind {
    mechanism.map(Mechanism::kind).unwrap_or_default()
}

/// Sender and recipient, checked; the null sender is written as `<>` or as nothing.
///
/// # Errors
/// [`SubmitError`].
pub fn envelope(options: &Options) -> Result<(Option<String>, Option<String>), SubmitError> {
    let from = match options.mail_from.as_deref() {
        Some("" | "<>") => Some(String::new()),
        Some(text) => Some(address(text)?),
        None => None,
    };
    let to = options.rcpt_to.as_deref().map(address).transpose()?;
    match (&from, &to) {
        (None, Some(_)) => return Err(SubmitError::NoSender),
        (None, None) | (Some(_), None) if options.send_test => return Err(SubmitError::NoEnvelope),
        (None, _) if options.message_size.is_some() => return Err(SubmitError::NoSenderForSize),
        _ => {}
    }
    Ok((from, to))
}

fn address(text: &str) -> Result<String, SubmitError> {
    let wrong = || SubmitError::Address(printable(text, 100));
    let bare = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text);
    let (local, domain) = bare.rsplit_once('@').ok_or_else(wrong)?;
    // Letters outside ASCII are lawful where the server takes them (RFC 6531 §3.3); what cannot be seen is a mistake.
    let lawful = |c: char| match c.is_ascii() {
        true => c.is_ascii_graphic() && !"<>,;\\\"()[]:".contains(c),
        false => !is_hidden(c),
    };
    // Octets (RFC 5321 §4.5.3.1.1).
    if local.is_empty() || local.len() > 64 || !local.chars().all(lawful) {
        return Err(wrong());
    }
    match Host::parse(domain).map_err(|_| wrong())? {
        Host::Name(domain) => Ok(format!("{local}@{domain}")),
        Host::Address(_) => Err(wrong()),
    }
}

fn from_file(path: &Path) -> Result<Secret, SubmitError> {
    let refused = |source| SubmitError::File { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(refused)?;
    readable_by_others(path, &file);
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET + 3));
    file.take(MAX_SECRET as u64 + 2).read_to_end(&mut bytes).map_err(refused)?;
    let source = format!("the file {}", path.display());
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = first.strip_suffix(b"\r").unwrap_or(first);
    let text = std::str::from_utf8(first).map_err(|_| SubmitError::Secret(source.clone()))?;
    secret(Zeroizing::new(text.to_owned()), &source)
}

/// A word where other users of the machine can read the file.
fn readable_by_others(path: &Path, file: &std::fs::File) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map(|data| data.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 && std::io::stderr().is_terminal() {
        let path = printable(&path.display().to_string(), 400);
        tell(&format!("ehlo: other users of this machine can read {path}; chmod 600 {path}\n"));
    }
}

fn from_variable(name: &str) -> Result<Secret, SubmitError> {
    let wrong = || SubmitError::Variable(printable(name, 60));
    let text = Zeroizing::new(std::env::var(name).map_err(|_| wrong())?);
    secret(text, &format!("the variable {}", printable(name, 60)))
}

fn secret(text: Zeroizing<String>, source: &str) -> Result<Secret, SubmitError> {
    if text.is_empty() || text.len() > MAX_SECRET || text.chars().any(char::is_control) {
        return Err(SubmitError::Secret(source.to_owned()));
    }
    Ok(Secret::new(text.to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn with(change: impl FnOnce(&mut Options)) -> Options {
        let mut options = Options::default();
        change(&mut options);
        options
    }

    fn given(content: &[u8]) -> Result<Option<Credentials>, SubmitError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let options = with(|options| {
            options.user = Some("ann".into());
            options.password_file = Some(file.path().to_owned());
        });
        credentials(&options, false)
    }

    #[test]
    fn the_first_line_of_the_file_is_the_password() {
        for content in [&b"hunter 2"[..], b"hunter 2\n", b"hunter 2\r\n", b"hunter 2\nmore\n"] {
            assert_eq!(given(content).unwrap().unwrap().secret.expose(), "hunter 2");
        }
        for content in [&b""[..], b"\n", b"\xff\xfe\n", b"a\tb\n"] {
            assert!(matches!(given(content), Err(SubmitError::Secret(_))), "{content:?}");
        }
        assert!(matches!(given(&[b'a'; 9_000]), Err(SubmitError::Secret(_))));
        assert_eq!(given("gr\u{fc}n\n".as_bytes()).unwrap().unwrap().secret.expose(), "gr\u{fc}n");
    }

    #[test]
    fn name_and_secret_belong_together() {
        let user = with(|options| options.user = Some("ann".into()));
        assert!(matches!(credentials(&user, false), Err(SubmitError::NoSecret)));
        assert!(credentials(&user, true).unwrap().is_none(), "the screen asks for it");
        let secret = with(|options| options.password_env = Some("PATH".into()));
        assert!(matches!(credentials(&secret, false), Err(SubmitError::NoUser)));
        let unset = with(|options| {
            options.user = Some("ann".into());
            options.password_env = Some("EHLO_TEST_NO_SUCH_VARIABLE".into());
        });
        assert!(matches!(credentials(&unset, false), Err(SubmitError::Variable(_))));
        let odd = with(|options| options.user = Some("a\nb".into()));
        assert!(matches!(credentials(&odd, true), Err(SubmitError::User)));
        let unknown = with(|options| options.auth = Some("NTLM".into()));
        assert!(mechanism(&unknown).unwrap_err().to_string().contains("SCRAM-SHA-256"));
    }

    #[test]
    fn addresses_are_checked_before_anything_runs() {
        let pair = |from: &str, to: &str| {
            envelope(&with(|options| {
                options.mail_from = Some(from.into());
                options.rcpt_to = Some(to.into());
            }))
        };
        let both = pair("<ann+shop@Example.COM>", "bob@b\u{fc}cher.example").unwrap();
        assert_eq!(both, (Some("ann+shop@example.com".into()), Some("bob@xn--bcher-kva.example".into())));
        let utf8 =
            pair("J\u{fc}rgen@b\u{fc}cher.example", "\u{7528}\u{6237}@\u{4f8b}\u{5b50}.example").unwrap();
        assert_eq!(
            utf8,
            (
                Some("J\u{fc}rgen@xn--bcher-kva.example".into()),
                Some("\u{7528}\u{6237}@xn--fsqu00a.example".into())
            )
        );
        assert_eq!(pair("<>", "b@example.net").unwrap().0.as_deref(), Some(""));
        for wrong in [
            "ann",
            "@example.com",
            "a b@example.com",
            "a@",
            "a@192.0.2.1",
            "a\r\nDATA@example.com",
            "j\u{fc}rgen\u{200b}@example.com",
            "\u{202e}nna@example.com",
            &format!("{}@example.com", "\u{fc}".repeat(33)),
        ] {
            assert!(matches!(pair(wrong, "b@example.net"), Err(SubmitError::Address(_))), "{wrong}");
        }
        let alone = with(|options| options.rcpt_to = Some("b@example.net".into()));
        assert!(matches!(envelope(&alone), Err(SubmitError::NoSender)));
        let test = with(|options| {
            options.mail_from = Some("a@example.com".into());
            options.send_test = true;
        });
        assert!(matches!(envelope(&test), Err(SubmitError::NoEnvelope)));
    }
}
