//! The masked form for user name and password, in a real terminal.

use crate::pty::{Pty, key, steady};
use crate::{EHLO, NORMAL};

const SECRET: &str = "Tr0ub4dor-and-more";

#[test]
fn a_password_is_typed_masked_and_stands_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("walk.jsonl");
    let line = [
        EHLO,
        "--no-quiz",
        "--user",
        "ben@example.com",
        "--journal",
        file.to_str().unwrap(),
        "lab:587-filtered",
    ];
    let mut pty = Pty::start(&line, NORMAL, &[]);
    pty.shows("What is sending the mail?");
    for next in ["Next: Host", "Next: 587 STARTTLS", "Next: 465 implicit TLS", "Shall user name"] {
        pty.press(key::ENTER);
        pty.shows(next);
    }
    pty.press("j");
    pty.shows("▸ Yes, I type them in");
    pty.press(key::ENTER);
    // The name is known: the cursor is on the password.
    let form = pty.shows("▸ Password");
    assert!(form.contains("User name ben@example.com"), "{form}");
    pty.press(SECRET);
    pty.shows(&"•".repeat(SECRET.len()));
    insta::assert_snapshot!("sign-in-form", steady(&pty.screen()));
    pty.press(key::ENTER);
    let plan = pty.shows("signs in as ben@example.com by");
    assert!(plan.contains("Next: Sign in"), "{plan}");
    pty.press(key::ENTER);
    pty.shows("Enter shows it");
    pty.press(key::ENTER);
    let verdict = pty.shows("Why ──");
    insta::assert_snapshot!("sign-in-verdict", steady(&verdict));
    pty.press("q");
    let written = pty.bytes();
    pty.ends();
    let kept = std::fs::read(&file).unwrap();
    assert!(!kept.is_empty());
    let base64 = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("\0ben@example.com\0{SECRET}"))
    };
    for secret in [SECRET, base64.as_str()] {
        for (place, bytes) in [("screen", &written), ("journal", &kept)] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "the password is on the {place}");
        }
    }
}
