use super::*;

const GOOD: &str = r#"
id = "good"
title = "Good"
topic = "ports"
difficulty = 1
lesson = "A lesson."
story = "A story."
task = "A task."
target = "smtp.example.com"
closing = "The end."

[expected]
recommendation = { ready = "465/implicit" }
findings = ["port-filtered"]
absent = ["port-refused"]
outcomes = { "465/implicit" = "works" }

[[dns.name]]
name = "smtp.example.com"
a = ["192.0.2.10"]

[[address]]
ip = "192.0.2.10"
latency_ms = 20
[address.ports]
465 = { open = "smtps" }
587 = ["filtered", { icmp = { type = 3, code = 13, from = "192.0.2.1" } }]

[[smtp]]
id = "smtps"
name = "smtp.example.com"
tls = "implicit"
capabilities_tls = ["AUTH PLAIN"]
secure = { certificate = "smtp" }
[[smtp.rule]]
at = "ehlo"
reply = "550 No"

[[certificate]]
id = "smtp"
names = ["smtp.example.com"]
"#;

#[test]
fn a_good_one_is_read() {
    let scenario = Scenario::read("good", GOOD).unwrap();
    let route = RouteSpec { port: 465, tls: crate::target::TlsMode::Implicit };
    assert_eq!(scenario.expected.recommendation, Recommended::Ready(Text(route)));
    let address = &scenario.addresses[0];
    assert_eq!(address.ports[&465], Door(vec![Reach::Open("smtps".into())]));
    assert_eq!(address.ports[&587].0.len(), 2);
    assert_eq!(address.unlisted, Door(vec![Reach::Refused]));
}

#[test]
fn each_mistake_is_named() {
    for (right, wrong, named) in [
        ("id = \"good\"", "id = \"bad\"", "its id is 'bad', the file is named 'good'"),
        ("title = \"Good\"\n", "", "missing field `title`"),
        ("title = \"Good\"", "title = ''", "title is empty"),
        ("title = \"Good\"", "tittle = \"Good\"", "unknown field `tittle`"),
        ("lesson = \"A lesson.\"", "lesson = \"\"\"A\nlesson.\"\"\"", "lesson must be one line"),
        ("A story.", "A \\u001b[2J story.", "story has control characters"),
        ("difficulty = 1", "difficulty = 4", "difficulty is 1, 2 or 3"),
        ("topic = \"ports\"", "topic = \"port\"", "unknown variant `port`"),
        ("target = \"smtp.example.com\"", "target = \"smtp example\"", "cannot be a host"),
        ("target = \"smtp.example.com\"", "target = \"lab:good\"", "cannot be a host"),
        (
            "target = \"smtp.example.com\"",
            "target = \"smtp.gmail.com\"",
            "'smtp.gmail.com' may belong to somebody",
        ),
        ("465/implicit\" }", "465/ssl\" }", "'ssl' is not a TLS mode"),
        ("\"465/implicit\" = \"works\"", "\"465/implicit\" = \"fine\"", "'fine' is not an outcome"),
        ("[\"port-filtered\"]", "[\"Port Filtered\"]", "'Port Filtered' is not a finding code"),
        ("[\"port-refused\"]", "[\"port-filtered\"]", "port-filtered is expected and must be absent"),
        ("a = [\"192.0.2.10\"]", "a = [\"192.0.2.11\"]", "there is no address 192.0.2.11"),
        ("a = [\"192.0.2.10\"]", "mx = [\"mx.example.com\"]", "a record of type mx cannot be read"),
        (
            "a = [\"192.0.2.10\"]",
            "cname = \"x.example.com\"\ntxt = [\"x\"]",
            "is an alias and has other records",
        ),
        ("a = [\"192.0.2.10\"]", "fails = { spf = \"timeout\" }", "'spf' is not a type of record"),
        ("name = \"smtp.example.com\"\na", "name = \"SMTP.example.com\"\na", "must be in small letters"),
        ("ip = \"192.0.2.10\"", "ip = \"8.8.8.8\"", "address 8.8.8.8 may belong to somebody"),
        ("latency_ms = 20", "latency_ms = 9000", "more than 2 s one way"),
        ("465 = {", "0 = {", "'0' is not a port"),
        ("465 = {", "smtps = {", "'smtps' is not a port"),
        ("587 = [", "588 = []\n587 = [", "a port does nothing at all"),
        ("{ open = \"smtps\" }", "\"ajar\"", "unknown variant `ajar`"),
        ("{ open = \"smtps\" }", "7", "what a port does"),
        (
            "{ open = \"smtps\" }",
            "{ open = \"pop\" }",
            "there is no server 'pop'; server smtps is never used",
        ),
        ("from = \"192.0.2.1\"", "from = \"2001:db8::1\"", "2001:db8::1 cannot send that ICMP error"),
        ("tls = \"implicit\"", "tls = \"none\"", "has `secure` and never uses it"),
        ("secure = { certificate = \"smtp\" }", "", "speaks TLS and has no `secure`"),
        ("certificate = \"smtp\" }", "certificate = \"pop\" }", "there is no certificate 'pop'"),
        (
            "certificate = \"smtp\" }",
            "certificate = \"smtp\", min = \"1.3\", max = \"1.2\" }",
            "TLS min is newer than max",
        ),
        (
            "capabilities_tls",
            "capabilities = [\"PIPELINING\"]\ncapabilities_tls",
            "capabilities that it never says",
        ),
        ("\"AUTH PLAIN\"", "\"STARTTLS\"", "offers STARTTLS inside TLS"),
        ("\"AUTH PLAIN\"", "\"AUTH\\r\\nPLAIN\"", "is not one line of ASCII"),
        ("reply = \"550 No\"", "reply = \"550\"", "'550' is not a reply"),
        ("reply = \"550 No\"", "reply = \"550 No\\n551 No\"", "is not a reply"),
        ("reply = \"550 No\"", "raw = '\\q'", "broken escape"),
        ("reply = \"550 No\"", "", "rule at Ehlo does nothing"),
        ("reply = \"550 No\"", "reply = \"550 No\"\nsilent = true", "exclude each other"),
        ("reply = \"550 No\"", "reply = \"550 No\"\nnth = 0", "nth counts from 1"),
        ("reply = \"550 No\"", "reply = \"550 No\"\ninside = \"plain\"", "says nothing outside TLS"),
        ("at = \"ehlo\"", "at = \"handshake\"\nappend = 'x'", "only delay_ms, reply, raw and then"),
        ("at = \"ehlo\"", "at = \"greeting\"\nmatches = \"x\"", "there is no argument to match"),
        ("names = [\"smtp.example.com\"]", "", "certificate 'smtp' has no name"),
        ("names = [\"smtp.example.com\"]", "names = [\"smtp .example.com\"]", "is no name or address"),
        ("names = [\"smtp.example.com\"]", "names = [\"example.de\"]", "'example.de' may belong to somebody"),
        ("id = \"smtp\"\n", "id = \"smtp\"\nissuer = \"nobody\"\n", "there is no issuer 'nobody'"),
        ("id = \"smtp\"\n", "id = \"smtp\"\nnot_after_days = -40\n", "ends before it begins"),
        (
            "[[certificate]]",
            "[[authority]]\nid = \"own\"\nname = \"Own\"\nissuer = \"own\"\n[[certificate]]",
            "its issuer 'own' is not above it",
        ),
    ] {
        assert!(GOOD.contains(right), "{right}");
        let error = Scenario::read("good", &GOOD.replacen(right, wrong, 1)).expect_err(wrong).to_string();
        assert!(error.contains(named), "{wrong}: {error}");
        assert!(error.starts_with("scenario good "), "{error}");
    }
}
