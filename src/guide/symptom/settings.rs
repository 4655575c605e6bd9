//! The application's settings, as its error text shows them: host, port, how TLS starts.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::target::TlsMode;

/// Settings, as found in the text or given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The host. As given it may be anything; as found it has the form of a name or an address.
    pub host: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// How TLS starts.
    pub tls: Option<TlsMode>,
}

impl Settings {
    /// What was given, and for the rest what was found.
    pub(super) fn or(self, found: Self) -> Self {
        Self { host: self.host.or(found.host), port: self.port.or(found.port), tls: self.tls.or(found.tls) }
    }
}

const NAME: &str = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]\.?";
const ADDRESS: &str = r"\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]";

/// Names of source files look like hosts.
const FILES: [&str; 24] = [
    "py", "rb", "js", "ts", "go", "java", "php", "rs", "cs", "pl", "pm", "lua", "ex", "exs", "erl", "cc",
    "cpp", "mjs", "cjs", "html", "txt", "conf", "log", "kt",
];

/// A pattern with groups named `host`, `port` and `scheme`.
struct Pattern {
    regex: Regex,
    /// One label is enough: the words around leave no doubt that it is a host.
    sure: bool,
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let any = r"[^\s'\x22,;)>\]]+";
    // The surest first.
    let sources: Vec<(String, bool)> = vec![
        (
            format!(
                r"(?i)(?P<scheme>smtps?|submissions?|ssl|tls|tcp|smtp\+(?:starttls|ssl|tls))://(?:[^\s/@]*@)?(?P<host>{NAME}|{ADDRESS}|[a-z0-9_-]+)(?::(?P<port>\d+))?"
            ),
            true,
        ),
        (format!(r"(?i)host, port: (?P<host>{any}), (?P<port>\d+)"), true),
        (
            format!(
                r"(?i)smtp (?:host|server):? '?\x22?(?P<host>{NAME}|{ADDRESS}|localhost)'?\x22?,? (?:on )?port:? (?P<port>\d+)"
            ),
            true,
        ),
        (format!(r"(?i)server: (?P<host>{any}) on port:? (?P<port>\d+)"), true),
        (
            format!(
                r"(?i)(?:connect(?:ed|ion)?|connecting) (?:to|with|attempt to) '?\x22?(?P<host>{NAME}|{ADDRESS}|localhost)'?\x22?(?: ?\([^)\n]*\))?,?:? port:? (?P<port>\d+)"
            ),
            true,
        ),
        (format!(r"(?i)server=(?P<host>{any})[^\n]*?port=(?P<port>\d+)"), true),
        // Python's calls, Windows' mail programs, a hand at the keyboard.
        (
            format!(
                r"(?i)(?:smtp|smtp_ssl|connect)\(\(?[\x22'](?P<host>{NAME}|{ADDRESS}|localhost)[\x22'], ?(?:port=)?(?P<port>\d+)"
            ),
            true,
        ),
        (format!(r"(?i)server: '(?P<host>{any})', protocol: smtp, port: (?P<port>\d+)"), true),
        (format!(r"(?i)\btelnet (?P<host>{NAME}|{ADDRESS}|localhost) (?P<port>\d+)"), true),
        (
            format!(
                r"(?i)(?:server|host) [\x22'](?P<host>{NAME}|{ADDRESS}|localhost)[\x22'] [a-z ]{{1,40}}on port (?P<port>\d+)"
            ),
            true,
        ),
        // Go and Rust: from here to there.
        (format!(r"(?:->|\u{{2192}})(?P<host>{ADDRESS}):(?P<port>\d+)"), true),
        (format!(r"(?i)(?P<host>{NAME})\[[0-9a-f.:]+\]:(?P<port>\d+)"), false),
        (format!(r"(?i)(?P<host>{NAME}|{ADDRESS}|\blocalhost):(?P<port>\d{{2,5}})\b"), false),
        (format!(r"(?i)ENOTFOUND (?P<host>{any}?)(?::(?P<port>\d+))?(?:[\s'\x22]|$)"), true),
        (format!(r"(?i)(?:EAI_AGAIN|EAI_FAIL|ESERVFAIL|ETIMEOUT|ENODATA) (?P<host>{NAME})"), false),
        (format!(r"(?i)Unknown(?:Host|Address)Exception: (?P<host>{any})"), true),
        (format!(r"(?i)\blookup (?P<host>{NAME}|[a-z0-9-]+)(?::| on )"), true),
        (format!(r"(?i)resolve (?:host|address)?(?: for)?:? ?'?(?P<host>{NAME})"), false),
        (format!(r"(?i)locate host (?P<host>{any}?):"), true),
        (format!(r"(?i)expected CN=[`'\x22](?P<host>{NAME})"), false),
        (format!(r"(?i)hostname \x22(?P<host>{NAME}|localhost)\x22 does not match"), true),
        (format!(r"(?i)not valid for '(?P<host>{NAME}|localhost|{ADDRESS})'"), true),
        (format!(r"(?i)altnames: \x22?'?Host: (?P<host>{NAME})"), false),
        (format!(r"(?i)valid for [^\n]{{1,300}}?, not (?P<host>{NAME}|localhost)"), true),
        (format!(r"(?i)match hostname (?P<host>{NAME})"), false),
        (
            format!(
                r"(?i)with host \x22?'?(?P<host>{NAME}|{ADDRESS}|localhost)(?: |\x22|'|\[|:(?P<port>\d+))"
            ),
            true,
        ),
        (format!(r"(?i)cannot connect to (?P<host>{NAME}|{ADDRESS}|localhost), port (?P<port>\d+)"), true),
        (format!(r"(?i)\bH=(?P<host>{NAME})"), false),
        (format!(r"(?i)\bhost (?P<host>{NAME}) ?\[[0-9a-f.:]+\]"), false),
        (format!(r"(?i)(?:connected|connect) to (?P<host>{NAME}|localhost|{ADDRESS})(?:\[| \(|$| )"), false),
        (
            format!(
                r"(?i)(?:smtp|mail|email)[a-z_.]*(?:host|server|hostname|hub|address|relay)[\x22']?\]?\s*(?:=>|[:=])\s*[\x22']?(?P<host>{NAME}|{ADDRESS}|localhost)"
            ),
            true,
        ),
        (
            format!(
                r"(?i)\b(?:host|hostname|server|relayhost|smarthost|mailhub)[\x22']?\]?\s*(?:=>|[:=])\s*[\x22']?\[?(?P<host>{NAME}|{ADDRESS}|localhost)\]?(?::(?P<port>\d+))?"
            ),
            true,
        ),
        (
            format!(
                r"(?i)(?:^|[^a-z0-9._@-])(?P<host>(?:smtp|mail|mx|relay|in|send|email-smtp|smtp-relay|smtp-mail)[a-z0-9-]*\.{NAME})"
            ),
            false,
        ),
    ];
    let compile =
        |(source, sure): (String, bool)| Regex::new(&source).ok().map(|regex| Pattern { regex, sure });
    sources.into_iter().filter_map(compile).collect()
});

static PORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:[a-z_.]*_)?port[\x22']?\]?\s*(?:=>|[:=]|is|number)?:?\s*[\x22']?(?P<port>\d{2,5})\b",
    )
    .ok()
});

static BARE_PORT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:tcp |connect |\])?:(25|465|587|2525)\b").ok());

/// Reads the settings out of a text.
pub(super) fn found(text: &str) -> Settings {
    let mut settings = Settings::default();
    for pattern in PATTERNS.iter() {
        for captures in pattern.regex.captures_iter(text).take(32) {
            take(&mut settings, &captures, pattern.sure);
        }
    }
    if settings.port.is_none() {
        let first = |regex: &Option<Regex>| {
            let mut all = regex
                .as_ref()?
                .captures_iter(text)
                .filter_map(|captures| captures.iter().skip(1).flatten().next());
            all.find_map(|found| port(found.as_str()))
        };
        settings.port = first(&PORT).or_else(|| first(&BARE_PORT));
    }
    settings.tls = settings.tls.or_else(|| mode(text));
    settings
}

fn take(settings: &mut Settings, captures: &Captures<'_>, sure: bool) {
    let group = |name| captures.name(name).map(|found| found.as_str());
    let Some(host) = group("host").map(|host| host.trim_matches(['.', '[', ']', '"', '\''])) else { return };
    let host = if host.contains("::") { host } else { host.trim_matches(':') };
    if !is_host(host, sure) {
        return;
    }
    let found = group("port").and_then(port);
    let scheme = group("scheme").map(str::to_ascii_lowercase);
    let tls = scheme.and_then(|scheme| match scheme.as_str() {
        "smtps" | "submissions" | "ssl" | "tls" | "smtp+ssl" | "smtp+tls" => Some(TlsMode::Implicit),
        "smtp+starttls" => Some(TlsMode::Starttls),
        _ => None,
    });
    // A name is better than an address, and the first better than the later ones.
    let by_address = settings.host.as_deref().is_some_and(|host| host.parse::<std::net::IpAddr>().is_ok());
    let better = by_address && host.parse::<std::net::IpAddr>().is_err() && found.is_none();
    if settings.host.is_none() || better {
        settings.host = Some(host.to_ascii_lowercase());
    }
    if settings.host.as_deref() == Some(host.to_ascii_lowercase().as_str()) || settings.port.is_none() {
        settings.port = settings.port.or(found);
    }
    settings.tls = settings.tls.or(tls);
}

fn is_host(host: &str, sure: bool) -> bool {
    if host.is_empty() || host.len() > 253 || host.contains("@") {
        return false;
    }
    let lower = host.to_ascii_lowercase();
    let last = lower.rsplit('.').next().unwrap_or_default();
    if FILES.contains(&last) {
        return false;
    }
    let address = lower.parse::<std::net::IpAddr>().is_ok();
    // Classes of programs have dots too: `com.sun.mail.smtp.SMTPSendFailedException`.
    let classes = [
        "javax.",
        "java.",
        "com.sun.",
        "jakarta.",
        "system.net",
        "mailkit.",
        "smtplib.",
        "sun.security",
        "org.eclipse",
    ];
    let class = (lower.contains('.') && last.len() > 12)
        || classes.iter().any(|start| lower.starts_with(start))
        || lower.contains(".smtp.smtp");
    address || (!class && (lower == "localhost" || lower.contains('.') || sure))
}

fn port(text: &str) -> Option<u16> {
    // 53 is the resolver's, 3-digit lines of code are no ports of mail.
    text.parse().ok().filter(|port| ![0, 53].contains(port))
}

/// How TLS starts, by what the text shows of the settings or of the dialogue.
fn mode(text: &str) -> Option<TlsMode> {
    static IMPLICIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)\bsecure[\x22']?\s*(?:=>|[:=])\s*[\x22']?true|use_?ssl[\x22']?\s*(?:=>|[:=])\s*[\x22']?(?:true|1|yes)|smtp_?ssl\b|encryption[\x22']?\s*(?:=>|[:=])\s*[\x22']?ssl|sslonconnect|wrappermode\s*=\s*yes|smtps/smtpd|\bisssl true|secure\(ssl\): yes|ssl\.enable\s*=\s*true|smtp_?crypto\W{1,6}ssl|tls_starttls off",
        )
        .ok()
    });
    static STARTTLS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)stream_socket_enable_crypto|convert socket to tls|starttls (?:upgrade )?failed|connect with starttls|after starttls|go ahead|ready (?:to )?start tls|ready for tls|\.starttls\(|use_?tls[\x22']?\s*(?:=>|[:=])\s*[\x22']?(?:true|1|yes)|encryption[\x22']?\s*(?:=>|[:=])\s*[\x22']?(?:start)?tls|starttls[a-z_.]*[\x22']?\s*(?:=>|[:=])\s*[\x22']?(?:true|1|yes|always)|-starttls smtp|starttls-proto=smtp|tls_starttls on|\btls: :always|smtp_?crypto\W{1,6}tls|\(port \d+, starttls\)",
        )
        .ok()
    });
    static CLEARTEXT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\bisssl false|secure\(ssl\): no|smtpusessl\s*=\s*false|\btelnet \S+ \d+|\bsmtplib\.smtp\([\x22']").ok()
    });
    let is_in = |regex: &Option<Regex>| regex.as_ref().is_some_and(|regex| regex.is_match(text));
    match (is_in(&IMPLICIT), is_in(&STARTTLS), is_in(&CLEARTEXT)) {
        (true, false, false) => Some(TlsMode::Implicit),
        (false, true, _) => Some(TlsMode::Starttls),
        (false, false, true) => Some(TlsMode::None),
        _ => None,
    }
}

/// The mode that a setting's own word stands for. `None` where it may mean either: `TLS` is one program's STARTTLS and
/// another's implicit TLS.
pub fn mode_of_words(words: &str) -> Option<TlsMode> {
    let words = words.trim().to_ascii_lowercase();
    let at = |word: &str| words.find(word);
    if words.is_empty() || ["none", "plain", "off", "no", "null", "cleartext"].contains(&words.as_str()) {
        return Some(TlsMode::None);
    }
    if words.starts_with("none") {
        return Some(TlsMode::None);
    }
    let starttls = at("starttls").or_else(|| at("start_tls")).or_else(|| at("opportunistic"));
    match (at("implicit"), starttls) {
        (Some(implicit), Some(starttls)) if implicit < starttls => return Some(TlsMode::Implicit),
        (_, Some(_)) => return Some(TlsMode::Starttls),
        (Some(_), None) => return Some(TlsMode::Implicit),
        (None, None) => {}
    }
    if ["false", "disabled", "missing"].iter().any(|word| words.contains(word)) {
        Some(TlsMode::None)
    } else if ["smtps", "wrapper", "ssl"].iter().any(|word| words.contains(word)) {
        Some(TlsMode::Implicit)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, Option<u16>, Option<TlsMode>) {
        let Settings { host, port, tls } = found(text);
        (host, port, tls)
    }

    #[test]
    fn settings_are_found_as_programs_print_them() {
        let host = |name: &str| Some(name.to_owned());
        let implicit = Some(TlsMode::Implicit);
        let starttls = Some(TlsMode::Starttls);
        for (text, expected) in [
            (
                "opening to ssl://smtp.example.com:465, timeout=300",
                (host("smtp.example.com"), Some(465), implicit),
            ),
            ("smtps://user:pw@mail.example.org", (host("mail.example.org"), None, implicit)),
            (
                "Couldn't connect to host, port: mail.example.org, 25; timeout -1",
                (host("mail.example.org"), Some(25), None),
            ),
            (
                "Could not connect to SMTP host: smtp.example.com, port: 465, response: -1",
                (host("smtp.example.com"), Some(465), None),
            ),
            (
                "postfix/smtp[1]: connect to mx.example.com[192.0.2.1]:25: Connection timed out",
                (host("mx.example.com"), Some(25), None),
            ),
            ("connect ETIMEDOUT 192.0.2.1:587", (host("192.0.2.1"), Some(587), None)),
            (
                "getaddrinfo ENOTFOUND mail.example.net mail.example.net:465",
                (host("mail.example.net"), Some(465), None),
            ),
            (
                "dial tcp: lookup smtp.example.com on 127.0.0.11:53: no such host",
                (host("smtp.example.com"), None, None),
            ),
            (
                "VALUES: server=smtp.example.com encryption=tls hello=me port=587",
                (host("smtp.example.com"), Some(587), starttls),
            ),
            (
                "{ host: 'smtp.example.com', port: 587, secure: true }",
                (host("smtp.example.com"), Some(587), implicit),
            ),
            (
                "EMAIL_HOST = 'smtp.example.com'\nEMAIL_PORT = 587\nEMAIL_USE_TLS = True",
                (host("smtp.example.com"), Some(587), starttls),
            ),
            (
                "cannot connect to smtp.example.com, port 587: Connection refused",
                (host("smtp.example.com"), Some(587), None),
            ),
            ("did not match expected CN=`mail.example.com'", (host("mail.example.com"), None, None)),
            ("* Connected to mx.example.eu (192.0.2.9) port 25", (host("mx.example.eu"), Some(25), None)),
            ("connect: connection refused [::1]:587", (host("::1"), Some(587), None)),
            (
                "smtplib.SMTP('smtp.example.com', 465)",
                (host("smtp.example.com"), Some(465), Some(TlsMode::None)),
            ),
            (
                "server = smtplib.SMTP_SSL(\"smtp.example.com\", 587)",
                (host("smtp.example.com"), Some(587), implicit),
            ),
            (
                "Account: 'me', Server: 'smtp.example.com', Protocol: SMTP, Port: 465, Secure(SSL): No",
                (host("smtp.example.com"), Some(465), Some(TlsMode::None)),
            ),
            (
                "DEBUG SMTP: trying to connect to host \"smtp.example.com\", port 465, isSSL false",
                (host("smtp.example.com"), Some(465), Some(TlsMode::None)),
            ),
            ("read tcp 172.18.0.4:44210->192.0.2.7:465: i/o timeout", (host("192.0.2.7"), Some(465), None)),
            (
                "openssl s_client -starttls smtp -connect mail.example.com:465",
                (host("mail.example.com"), Some(465), starttls),
            ),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn code_and_exceptions_are_no_hosts() {
        for text in [
            "at SMTPConnection._formatError (smtp-connection/index.js:781:19)",
            "com.sun.mail.smtp.SMTPSendFailedException: 530",
            "smtplib.SMTPAuthenticationError: (535, b'no')",
            "/usr/lib/python3.8/smtplib.py, line 700",
            "at 10:23:45 today",
        ] {
            assert_eq!(read(text), (None, None, None), "{text}");
        }
    }

    #[test]
    fn words_of_settings_are_understood_where_they_have_one_meaning() {
        assert_eq!(mode_of_words("STARTTLS"), Some(TlsMode::Starttls));
        assert_eq!(mode_of_words("SSL on connect"), Some(TlsMode::Implicit));
        assert_eq!(mode_of_words("none, STARTTLS is offered"), Some(TlsMode::None));
        assert_eq!(mode_of_words("use_ssl=false"), Some(TlsMode::None));
        assert_eq!(mode_of_words("TLS"), None);
    }
}
