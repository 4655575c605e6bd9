use super::*;

const SIGN_IN: &str = "535 5.7.8 Error: authentication failed at smtp.example.com:465";

fn read(text: &str, target: &str) -> Message {
    let mut message = Message { target: target.to_owned(), ..Message::default() };
    message.area.insert(text);
    message.read();
    message
}

fn shown(message: &Message) -> (&str, &str, Option<TlsMode>, Option<Field>) {
    let reading = message.reading.as_ref().unwrap();
    (reading.host.value(), reading.port.value(), reading.tls, reading.field)
}

#[test]
fn the_settings_of_the_text_are_filled_in_and_what_is_missing_is_asked_for() {
    assert_eq!(shown(&read(SIGN_IN, "")), ("smtp.example.com", "465", None, None));
    assert_eq!(
        shown(&read("535 no", "")),
        ("", "", None, Some(Field::Host)),
        "the cursor is on what is missing"
    );
    assert_eq!(shown(&read("535 no", "mail.example.net:2525")), ("mail.example.net", "2525", None, None));
    // What was typed goes before what stands in the text.
    assert_eq!(shown(&read(SIGN_IN, "mail.example.net")), ("mail.example.net", "465", None, None));
    assert_eq!(shown(&read(SIGN_IN, "lab:healthy")), ("lab:healthy", "465", None, None));
    // A host in a message about a domain is not that domain.
    let relay = read("mx.example.net said: 550 5.7.25 does not have a PTR record", "");
    assert_eq!(shown(&relay).0, "");
    assert_eq!(relay.reading.unwrap().fields(), [Field::Host]);
}

#[test]
fn changed_settings_change_the_causes_and_what_the_walk_begins_with() {
    let mut message = read("Greeting never received", "");
    let reading = message.reading.as_mut().unwrap();
    assert_eq!(reading.begin(), None);
    assert_eq!(reading.complaint.as_deref(), Some("Type the host of the application's settings."));
    reading.host = Input::new("smtp.example.com".to_owned());
    reading.port = Input::new("2525".to_owned());
    message.changed();
    let beginning = message.reading.as_mut().unwrap().begin().unwrap();
    assert_eq!((beginning.input.as_str(), beginning.goal), ("smtp.example.com", Goal::Submit));
    assert_eq!(beginning.lead.route, Some("2525/implicit".parse().unwrap()));
    assert_eq!(beginning.lead.start_at, "route-2525-implicit");
}

#[test]
fn a_long_text_is_read_anew_when_the_setting_is_left() {
    let mut message =
        read(&format!("Greeting never received{}", " ".repeat(2 * READ_WHILE_TYPING)), "h.example.com");
    let start = |message: &Message| message.reading.as_ref().unwrap().found.start_at.clone();
    let before = start(&message);
    message.reading.as_mut().unwrap().port = Input::new("2525".to_owned());
    message.changed();
    assert_eq!(start(&message), before);
    message.settle();
    assert_eq!(start(&message), "route-2525-implicit");
}

#[test]
fn a_setting_that_was_emptied_is_not_read_from_the_text_again() {
    let mut message = read(SIGN_IN, "");
    message.reading.as_mut().unwrap().port = Input::default();
    message.changed();
    let beginning = message.reading.as_mut().unwrap().begin().unwrap();
    assert_eq!(beginning.lead.route, None);
    assert_eq!(beginning.lead.start_at, "sign-in");
}

#[test]
fn what_cannot_be_a_setting_is_complained_about_with_the_cursor_on_it() {
    for (host, port, field) in
        [("smtp example.com", "", Field::Host), ("h", "99999", Field::Port), ("h", "0", Field::Port)]
    {
        let mut message = read("535 no", "");
        let reading = message.reading.as_mut().unwrap();
        reading.host = Input::new(host.to_owned());
        reading.port = Input::new(port.to_owned());
        reading.field = None;
        assert_eq!(reading.begin(), None, "{host} {port}");
        assert_eq!(reading.field, Some(field));
        assert!(reading.complaint.is_some());
    }
}

#[test]
fn a_port_behind_the_host_is_a_setting_like_the_other() {
    let mut message = read("535 no", "");
    message.reading.as_mut().unwrap().host = Input::new("smtp.example.com:465".to_owned());
    message.changed();
    let beginning = message.reading.as_mut().unwrap().begin().unwrap();
    assert_eq!(beginning.input, "smtp.example.com");
    assert_eq!(beginning.lead.route, Some("465/implicit".parse().unwrap()));
}

#[test]
fn tab_goes_round_the_settings_and_the_mode_goes_round_too() {
    let mut message = read(SIGN_IN, "");
    let reading = message.reading.as_mut().unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        reading.turn(true);
        seen.push(reading.field);
    }
    assert_eq!(seen, [Some(Field::Host), Some(Field::Port), Some(Field::Tls), None]);
    reading.turn(false);
    assert_eq!(reading.field, Some(Field::Tls));
    let modes: Vec<_> = (0..4)
        .map(|_| {
            reading.turn_mode(true);
            reading.tls
        })
        .collect();
    assert_eq!(modes, [Some(TlsMode::Starttls), Some(TlsMode::Implicit), Some(TlsMode::None), None]);
    reading.turn_mode(false);
    assert_eq!(reading.tls, Some(TlsMode::None));
}

#[test]
fn a_single_word_has_its_page() {
    let message = read("5.7.8", "");
    let reading = message.reading.unwrap();
    assert_eq!(reading.page.unwrap().subject, "5.7.8");
}
