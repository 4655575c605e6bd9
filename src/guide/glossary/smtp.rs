//! Notes on what is said in SMTP.

use crate::session::Line;
use crate::target::TlsMode;
use crate::wire::capability::is_masked;
use crate::wire::enhanced::EnhancedCode;
use crate::wire::printable::printable;
use crate::wire::sasl::{HIDDEN, decoded};

use super::{Draft, entry, list, phrase};

/// Longest text that is read out of base64, in characters.
const MAX_DECODED: usize = 120;
/// Most mechanisms that one note explains.
const MAX_MECHANISMS: usize = 8;

pub(super) fn command(draft: &mut Draft, verb: &str, argument: &str, line: &Line, tls: Option<TlsMode>) {
    // AUTH and DATA are carried on by lines that are no commands; they bear the verb they belong to.
    let begins = line.text.get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb));
    match verb {
        "EHLO" if line.encrypted && tls == Some(TlsMode::Starttls) && !argument.is_empty() => {
            draft.add("command", &["EHLO-again"], &[("argument", argument)]);
        }
        "AUTH" if !begins => answer(draft, &line.text),
        "AUTH" => match argument.split_ascii_whitespace().next() {
            Some(mechanism) => {
                let facts = [("mechanism", mechanism), ("about", about(mechanism))];
                draft.add("command", &["AUTH"], &facts);
                draft.cite("mechanism", &[&mechanism.to_ascii_uppercase(), "unknown"]);
            }
            None => draft.add("command", &["AUTH-bare"], &[]),
        },
        "DATA" if line.text == "." => draft.add("command", &["message"], &[]),
        "DATA" if !begins => draft.add("command", &["message-line"], &[("line", &line.text)]),
        "EHLO" | "HELO" if argument.is_empty() => draft.add("command", &[&format!("{verb}-bare")], &[]),
        "MAIL" | "RCPT" if argument.is_empty() => draft.add("command", &["other"], &[("line", &line.text)]),
        "EHLO" | "HELO" | "STARTTLS" | "QUIT" | "MAIL" | "RCPT" | "RSET" | "DATA" | "NOOP" | "GET" => {
            draft.add("command", &[verb], &[("argument", argument), ("line", &line.text)]);
        }
        _ => draft.add("command", &["other"], &[("line", &line.text)]),
    }
}

/// A line that carries AUTH on.
fn answer(draft: &mut Draft, line: &str) {
    match line {
        "" => draft.add("command", &["AUTH-empty"], &[]),
        "*" => draft.add("command", &["AUTH-cancel"], &[]),
        _ => match readable(line) {
            Some(decoded) => draft.add("command", &["AUTH-answer"], &[("line", line), ("decoded", &decoded)]),
            None => draft.add("command", &["secret"], &[("line", line)]),
        },
    }
}

/// What stands in base64, where it is something to read. No secret is ever in a line.
fn readable(text: &str) -> Option<String> {
    let bytes = decoded(text.as_bytes()).filter(|bytes| !bytes.is_empty())?;
    std::str::from_utf8(&bytes).ok().map(|text| printable(text, MAX_DECODED))
}

pub(super) fn greeting(
    draft: &mut Draft,
    code: Option<u16>,
    enhanced: Option<EnhancedCode>,
    first: bool,
    line: &str,
) {
    let Some(code) = code else { return draft.add("greeting", &["none"], &[]) };
    let text = behind_code(line);
    let name = text.split_ascii_whitespace().next().unwrap_or_default();
    let digits = code.to_string();
    let facts = [("code", digits.as_str()), ("name", name)];
    let stars = text.bytes().filter(|byte| *byte == b'*').count();
    match code {
        220 if stars >= 4 && stars * 2 > text.len() => draft.add("greeting", &["220-masked"], &facts),
        220 if !first => draft.add("greeting", &["more"], &facts),
        220 if is_a_name(name) => draft.add("greeting", &["220"], &facts),
        220 => draft.add("greeting", &["220-bare"], &facts),
        _ => draft.add("greeting", &[&digits, &class(code), "odd"], &facts),
    }
    if let Some(enhanced) = enhanced {
        detail(draft, enhanced);
    }
    let named = code == 220 && first && is_a_name(name);
    let words = if named { text.get(name.len()..).unwrap_or_default() } else { text };
    let words = without_code(words.trim(), enhanced);
    if words.is_empty() {
        return;
    }
    if code != 220 {
        return draft.add("reply", &["words"], &[("words", words)]);
    }
    draft.add("greeting", &["words"], &[("words", words)]);
    if words.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("ESMTP")) {
        draft.add("greeting", &["esmtp"], &[]);
    }
    let words: Vec<String> =
        words.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_lowercase).collect();
    if let Some(software) = words.iter().find(|word| entry("software", word).is_some()) {
        draft.add("software", &[software], &[]);
    }
    if has_clock(text) {
        draft.add("greeting", &["clock"], &[]);
    }
}

/// True for a text with a time of day and an offset from UTC, as RFC 5322 §3.3 writes them.
fn has_clock(text: &str) -> bool {
    let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.windows(2).any(|pair| {
        let [time, zone] = pair else { return false };
        let offset = zone.strip_prefix(['+', '-']).is_some_and(|rest| rest.len() == 4 && digits(rest));
        offset && time.len() == 8 && time.split(':').count() == 3 && time.split(':').all(digits)
    })
}

/// The text behind an enhanced code, which is explained on its own.
fn without_code(words: &str, enhanced: Option<EnhancedCode>) -> &str {
    let code = enhanced.map(|code| code.to_string());
    code.and_then(|code| words.strip_prefix(&code)).unwrap_or(words).trim()
}

/// A host name, or a word that may stand for one; `ESMTP` and the like are no names.
fn is_a_name(word: &str) -> bool {
    let letters = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    letters
        && !matches!(word.to_ascii_uppercase().as_str(), "" | "SMTP" | "ESMTP" | "READY" | "WELCOME" | "OK")
}

pub(super) fn ehlo_name(draft: &mut Draft, line: &Line, tls: Option<TlsMode>) {
    let text = behind_code(&line.text);
    let name = text.split_ascii_whitespace().next().unwrap_or_default();
    let words = text.trim_start().get(name.len()..).unwrap_or_default().trim();
    let key = if name.is_empty() { "name-bare" } else { "name" };
    let code = line.text.get(..3).unwrap_or_default();
    draft.add("capability", &[key], &[("name", name), ("code", code)]);
    if !words.is_empty() {
        draft.add("capability", &["name-words"], &[("words", words)]);
    }
    if let Some(address) = words.split_once('[').and_then(|(_, rest)| rest.split_once(']')) {
        draft.add("capability", &["name-address"], &[("address", address.0)]);
    }
    if line.encrypted && tls == Some(TlsMode::Starttls) {
        draft.add("capability", &["name-again"], &[]);
    }
    last(draft, &line.text);
}

/// The last line of a list has a space behind its code.
fn last(draft: &mut Draft, line: &str) {
    if line.get(3..4) == Some(" ") {
        draft.add("capability", &["last"], &[]);
    }
}

pub(super) fn capability(
    draft: &mut Draft,
    keyword: &str,
    parameters: &[String],
    encrypted: bool,
    line: &str,
) {
    // Old Exchange servers write `X-EXPS=LOGIN`.
    let (word, value) = keyword.split_once('=').unwrap_or((keyword, ""));
    let all = match value {
        "" => parameters.join(" "),
        value => format!("{value} {}", parameters.join(" ")).trim_end().to_owned(),
    };
    let facts = [("keyword", keyword), ("parameters", all.as_str())];
    match word {
        "AUTH" => auth(draft, parameters, encrypted, line),
        "SIZE" => size(draft, parameters),
        "STARTTLS" if encrypted => draft.add("capability", &["STARTTLS-again"], &facts),
        "LIMITS" if !parameters.is_empty() => {
            let limits: Vec<String> = parameters.iter().map(|limit| explain_limit(limit)).collect();
            draft.add("capability", &["LIMITS"], &[("limits", &list(&limits, MAX_MECHANISMS))]);
        }
        "BURL" | "LIMITS" | "X-EXPS" if all.is_empty() => {
            draft.add("capability", &[&format!("{word}-bare")], &facts);
        }
        _ if is_masked(word) => draft.add("capability", &["masked"], &facts),
        _ => {
            let unknown = if word.starts_with('X') { "unknown-x" } else { "unknown" };
            // The keys that are no keywords of servers have small letters.
            let word = if word.contains(|c: char| c.is_lowercase()) { "" } else { word };
            draft.add("capability", &[word, unknown], &facts);
        }
    }
    if !all.is_empty() && !matches!(word, "AUTH" | "SIZE" | "LIMITS" | "BURL" | "X-EXPS") {
        draft.add("capability", &["parameters"], &facts);
    }
    last(draft, line);
}

/// `RCPTMAX=100 (recipients per message)`.
fn explain_limit(limit: &str) -> String {
    let name = limit.split_once('=').map_or(limit, |(name, _)| name);
    format!("{limit} ({})", phrase("limit", &[&name.to_ascii_uppercase(), "unknown"]))
}

fn auth(draft: &mut Draft, mechanisms: &[String], encrypted: bool, line: &str) {
    if mechanisms.is_empty() {
        draft.add("capability", &["AUTH-bare"], &[]);
    } else {
        let explained: Vec<String> = mechanisms
            .iter()
            .map(|mechanism| mechanism.to_ascii_uppercase())
            .map(|mechanism| format!("{mechanism} ({})", about(&mechanism)))
            .collect();
        draft.add("capability", &["AUTH"], &[("mechanisms", &list(&explained, MAX_MECHANISMS))]);
        for mechanism in mechanisms.iter().take(MAX_MECHANISMS) {
            draft.cite("mechanism", &[&mechanism.to_ascii_uppercase(), "unknown"]);
        }
        if !encrypted {
            draft.add("capability", &["AUTH-cleartext"], &[]);
        }
    }
    if line.to_ascii_uppercase().contains("AUTH=") {
        draft.add("capability", &["AUTH-old"], &[]);
    }
}

fn about(mechanism: &str) -> &'static str {
    phrase("mechanism", &[&mechanism.to_ascii_uppercase(), "unknown"])
}

fn size(draft: &mut Draft, parameters: &[String]) {
    match parameters.first().and_then(|limit| limit.parse::<u64>().ok()) {
        None => {
            draft.add("capability", &["SIZE-bare"], &[]);
            if !parameters.is_empty() {
                draft.add("capability", &["parameters"], &[("parameters", &parameters.join(" "))]);
            }
        }
        Some(0) => draft.add("capability", &["SIZE-unlimited"], &[]),
        Some(octets) => {
            // Base64 turns 57 octets into 78, line end included (RFC 2045 §6.8).
            let files = octets / 78 * 57;
            let facts = [
                ("octets", octets.to_string()),
                ("megabytes", megabytes(octets)),
                ("files", megabytes(files)),
            ];
            draft.add(
                "capability",
                &["SIZE"],
                &facts.each_ref().map(|(name, value)| (*name, value.as_str())),
            );
        }
    }
}

/// Decimal units, as people use them for files: `35.9 MB`.
fn megabytes(octets: u64) -> String {
    let (unit, name) = match octets {
        0..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    match (octets / unit, octets % unit * 10 / unit) {
        (whole, 0) => format!("{whole} {name}"),
        (whole, tenth) => format!("{whole}.{tenth} {name}"),
    }
}

pub(super) fn reply(
    draft: &mut Draft,
    code: Option<u16>,
    enhanced: Option<EnhancedCode>,
    to: &str,
    line: &str,
) {
    let Some(code) = code else { return draft.add("reply", &["none"], &[]) };
    let (digits, class) = (code.to_string(), class(code));
    let facts = [("code", digits.as_str())];
    let general = [digits.as_str(), class.as_str(), "odd"];
    let known = match to {
        "" => {
            let closing = draft.try_add("reply-none", &[&digits], &facts);
            if !closing {
                draft.add("reply-none", &["other"], &facts);
            }
            closing
        }
        "QUIT" => draft.try_add("reply-quit", &[&digits, "other"], &facts),
        "AUTH" if code == 334 => return challenge(draft, behind_code(line).trim()),
        _ => {
            let section = format!("reply-{}", to.to_ascii_lowercase());
            draft.try_add(&section, &[&digits, &class], &facts)
        }
    };
    if !known {
        draft.add("reply", &general, &facts);
    }
    if let Some(enhanced) = enhanced {
        detail(draft, enhanced);
    }
    let words = without_code(behind_code(line).trim(), enhanced);
    if !words.is_empty() {
        draft.add("reply", &["words"], &[("words", words)]);
    }
}

/// What the server asks during AUTH.
fn challenge(draft: &mut Draft, words: &str) {
    match (words, readable(words)) {
        ("", _) => draft.add("reply-auth", &["challenge-bare"], &[]),
        (HIDDEN, _) => draft.add("reply-auth", &["challenge-hidden"], &[("words", words)]),
        (_, Some(decoded)) => {
            draft.add("reply-auth", &["challenge"], &[("words", words), ("decoded", &decoded)]);
        }
        (_, None) => {
            draft.add("reply-auth", &["334"], &[]);
            draft.add("reply", &["words"], &[("words", words)]);
        }
    }
}

/// `5yz` for 550.
fn class(code: u16) -> String {
    format!("{}yz", code / 100)
}

/// What an enhanced status code adds.
pub(super) fn detail(draft: &mut Draft, enhanced: EnhancedCode) {
    let EnhancedCode { class, subject, detail } = enhanced;
    let keys = [
        format!("{class}-{subject}-{detail}"),
        // A success that has no text of its own: what a failure of that kind would mean is of no interest.
        if class == 2 { "2".to_owned() } else { format!("X-{subject}-{detail}") },
        format!("X-{subject}"),
        "X".to_owned(),
    ];
    let shown = enhanced.to_string();
    draft.add("enhanced", &keys.each_ref().map(String::as_str), &[("enhanced", &shown)]);
}

/// What stands behind the code of a line.
fn behind_code(line: &str) -> &str {
    let digits = line.get(..3).is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    if digits { line.get(4..).unwrap_or_default() } else { line }
}
