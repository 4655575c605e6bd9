use super::*;
use crate::guide::symptom::{Settings, explain, page};

fn found(text: &str) -> Explanation {
    explain(text, &Settings::default())
}

#[test]
fn the_next_call_has_the_settings_filled_in() {
    for (text, call) in [
        ("connect ETIMEDOUT smtp.example.com:587", "ehlo check smtp.example.com"),
        ("dial tcp 192.0.2.1:25: i/o timeout", "ehlo check 192.0.2.1 --all"),
        (
            "ssl://smtp.example.com:587 SSL routines:ssl3_get_record:wrong version number",
            "ehlo check smtp.example.com:587",
        ),
        (
            "smtp.example.com:2525 Greeting never received",
            "ehlo check smtp.example.com --route 2525/implicit",
        ),
        ("connect ETIMEDOUT 52.96.184.50:465", "ehlo check 52.96.184.50:587"),
        ("550 5.7.25 does not have a PTR record", "ehlo check DOMAIN --goal relay"),
        ("530 5.7.0 Must issue a STARTTLS command first", "ehlo check HOST"),
        (
            "535 5.7.8 Error: authentication failed at smtp.example.com:465",
            "ehlo check smtp.example.com:465 --user NAME --ask-password",
        ),
        ("535 5.7.8 Error: authentication failed", "ehlo check HOST --user NAME --ask-password"),
        (
            "554 5.7.1 <bob@example.net>: Relay access denied",
            "ehlo check HOST --mail-from ADDRESS --rcpt-to ADDRESS",
        ),
    ] {
        assert_eq!(command(&found(text)), call, "{text}");
    }
}

#[test]
fn the_text_for_people() {
    let options = TextOptions::default();
    let text = |error: &str| super::text(&found(error), None, &options);
    insta::assert_snapshot!(
        "decided",
        text("Error: smtp.example.com:587 SSL routines:ssl3_get_record:wrong version number")
    );
    insta::assert_snapshot!("open", text("connect ECONNREFUSED, send failed"));
    insta::assert_snapshot!("nothing", text("the weather is fine"));
    let about = |word: &str| {
        let about = page(word).unwrap();
        super::text(&about.explanation(), Some(&about), &options)
    };
    insta::assert_snapshot!("code", about("535"));
    insta::assert_snapshot!("both_codes", about("550 5.7.1"));
    insta::assert_snapshot!("keyword", about("starttls"));
    insta::assert_snapshot!("finding", about("cert-expired"));
}

#[test]
fn the_form_for_programs() {
    let value: serde_json::Value = serde_json::from_str(&json(
        &found("535 5.7.8 Error: authentication failed at smtp.example.com:587"),
        None,
    ))
    .unwrap();
    assert_eq!(value["schema"], "ehlo-explain/1");
    assert_eq!(value["decided"], false);
    assert_eq!(value["causes"][0]["code"], "auth-bad-credentials");
    assert_eq!(value["causes"][0]["confidence"], "likely");
    assert_eq!(value["settings"]["host"], "smtp.example.com");
    assert_eq!(value["settings"]["port"], 587);
    assert_eq!(value["settings"]["tls"], serde_json::Value::Null);
    assert_eq!(value["start_at"], "sign-in");
    for word in ["535", "5.7.8", "STARTTLS", "cert-expired", "tls-alert"] {
        let about = page(word).unwrap();
        let value: serde_json::Value =
            serde_json::from_str(&json(&about.explanation(), Some(&about))).unwrap();
        assert_eq!(value["schema"], "ehlo-explain/1", "{word}");
        assert!(value["causes"].is_array() && value["start_at"].is_string() && value["decided"].is_boolean());
        assert_eq!(value["page"]["subject"], word, "{word}");
    }
}

#[test]
fn the_next_call_goes_to_the_target_that_is_known_besides() {
    let sign_in = "535 5.7.8 Error: authentication failed at smtp.example.com:465";
    for (text, target, call) in [
        (sign_in, "mail.example.net", "ehlo check mail.example.net:465 --user NAME --ask-password"),
        (sign_in, "lab:healthy", "ehlo check lab:healthy --route 465/implicit --user NAME --ask-password"),
        ("connect ETIMEDOUT 192.0.2.1:587", "anna@example.com", "ehlo check anna@example.com"),
        ("550 5.7.25 does not have a PTR record", "example.com", "ehlo check example.com --goal relay"),
    ] {
        assert_eq!(command_to(&found(text), Some(target)), call, "{text}");
    }
}

#[test]
fn each_word_in_capitals_is_explained() {
    for (call, told) in [
        ("ehlo check smtp.example.com", None),
        ("ehlo check HOST:465 --user NAME --ask-password", Some("HOST, the user name in place of NAME")),
        ("ehlo check DOMAIN --goal relay", Some("in place of DOMAIN")),
        (
            "ehlo check h --mail-from ADDRESS --rcpt-to ADDRESS",
            Some("with the sender and the recipient in place of ADDRESS"),
        ),
    ] {
        let found = placeholders(call);
        assert_eq!(found.is_some(), told.is_some(), "{call}");
        assert!(found.is_none_or(|found| found.ends_with(told.unwrap_or_default())), "{call}");
    }
}

#[test]
fn who_writes_such_words_is_named() {
    let text = |error: &str| super::text(&found(error), None, &TextOptions::default());
    let node = text("Error: Greeting never received");
    assert!(node.contains("Words like these come from Nodemailer."), "{node}");
    assert!(!text("the weather is fine").contains("Words like these"));
}

#[test]
fn nothing_of_the_text_is_repeated() {
    let secret = "smtp://user:hunter2@smtp.example.com:587 Connection refused \u{1b}[2J";
    let found = found(secret);
    let all = format!("{}{}", json(&found, None), super::text(&found, None, &TextOptions::default()));
    assert!(!all.contains("hunter2") && !all.contains('\u{1b}') && all.contains("smtp.example.com"));
}
