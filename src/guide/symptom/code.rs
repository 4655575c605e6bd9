//! Reply codes and enhanced status codes in a text. A number counts only where a reply code would stand; `SMTP code: 111`
//! of PHPMailer is an error number of the system, and versions and addresses are not enhanced codes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

/// Most codes that are collected.
const MAX_CODES: usize = 64;

/// The codes found, as `535` and `5.7.8`.
pub(super) fn codes(text: &str) -> BTreeSet<String> {
    static ENHANCED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:^|[^0-9A-Za-z.])([45]\.\d{1,3}\.\d{1,3})(?:$|[^0-9.]|\.(?:$|[^0-9]))").ok()
    });
    static REPLY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        // Before it: the start of a line, a bracket, a quotation mark, or a word that announces a code; behind it: a
        // blank, a hyphen, a mark, or the end.
        Regex::new(concat!(
            r#"(?mi)(?:^|[(\["'{,|>]|\bb'|\b(?:code|responsecode|reply|response|said|errors?|failed|received|returned|status|"#,
            r#"denied|login|refused|with|exception|unsuccessful|server|got|auth|command|username|from|recipient|sender|rcpt|"#,
            r#"data|rejected|warning|s|mail|failure|permanent|transient|smtp|message|ehlo|to|not|because|authenticate|err|"#,
            r#"response code|error code)\W{0,4})\s*([45][0-9]{2})(?:[-\s,'")\]:;#.<]|$)"#
        ))
        .ok()
    });
    let mut found = BTreeSet::new();
    if let Some(reply) = &*REPLY {
        let all = reply.captures_iter(text).filter_map(|c| c.get(1));
        found.extend(all.map(|code| code.as_str().to_owned()).filter(|code| is_known(code)).take(MAX_CODES));
    }
    if let Some(enhanced) = &*ENHANCED {
        let mut at = 0;
        while let Some(code) = enhanced.captures_at(text, at).and_then(|c| c.get(1)) {
            found.insert(code.as_str().to_owned());
            // `550-5.7.1` shows its reply code too.
            if let Some(before) = text.get(..code.start()).map(|t| t.trim_end_matches([' ', '-', '#', '\t']))
                && let Some(reply) = before.get(before.len().saturating_sub(3)..)
                && is_known(reply)
            {
                found.insert(reply.to_owned());
            }
            at = code.end();
            if found.len() > MAX_CODES {
                break;
            }
        }
    }
    found
}

/// Reply codes that servers use where mail is submitted or delivered.
fn is_known(code: &str) -> bool {
    const KNOWN: [&str; 34] = [
        "421", "431", "432", "435", "441", "442", "450", "451", "452", "454", "455", "471", "500", "501",
        "502", "503", "504", "510", "512", "521", "523", "525", "530", "534", "535", "538", "541", "550",
        "551", "552", "553", "554", "555", "556",
    ];
    KNOWN.contains(&code) || matches!(code, "557" | "571" | "573" | "458" | "459" | "472" | "456")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        codes(text).into_iter().collect()
    }

    #[test]
    fn codes_stand_where_replies_stand() {
        assert_eq!(found("535-5.7.8 Username\n535 5.7.8 https"), ["5.7.8", "535"]);
        assert_eq!(found("(535, b'Error: authentication failed')"), ["535"]);
        assert_eq!(found("got code \"553\", with message"), ["553"]);
        assert_eq!(found("Invalid login: 535 Error"), ["535"]);
        assert_eq!(found("The server response was: 5.7.57 Client"), ["5.7.57"]);
        assert_eq!(found("501 #5.1.1 bad"), ["5.1.1", "501"]);
    }

    #[test]
    fn other_numbers_are_no_codes() {
        for text in [
            "SMTP code: 111",
            "lib 4.5.6.7",
            "smtp.php:550",
            "nodemailer 4.7.0-beta.1",
            "10.5.7.8",
            "line 534",
        ] {
            let found: Vec<_> = found(text).into_iter().filter(|code| code.len() == 3).collect();
            assert!(found.is_empty(), "{text}: {found:?}");
        }
        assert!(found("curl/7.68.0 5.7.8.9").is_empty());
    }
}
