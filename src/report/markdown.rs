//! The report for a ticket, in Markdown. What a server said stands in code spans and fences that it cannot leave.

use std::fmt::Write as _;

use crate::guide::headline::headline;
use crate::guide::lead;
use crate::guide::path::outcome;
use crate::guide::recommendation::recommend;
use crate::guide::request::request;
use crate::guide::words::{lower, words_in};
use crate::report::command::command;
use crate::report::text::{label, lead_to_several, lines_of, mode_names, number, owner, transcript_line};
use crate::session::{Line, Session};
use crate::target::Goal;
use crate::wire::printable::visible_lines;

/// Most transcript lines in a ticket; hosts of tickets cut long texts somewhere, better here with a word about it.
const MAX_LINES: usize = 400;

/// The report.
pub fn markdown(session: &Session) -> String {
    let mut out = String::new();
    let found = headline(session);
    let _ = writeln!(out, "# {}\n", escape(&found.text));
    let recommended = recommend(session);
    match (&recommended, session.started()) {
        (Some(route), _) => {
            let mode = escape(mode_names(route.tls));
            let _ = writeln!(out, "Host {}, port {}, {mode}.\n", code(&route.host), route.port);
        }
        (None, Some(started)) if !started.host.is_empty() => {
            let what = if started.goal == Goal::Submit { "Host" } else { "Domain" };
            let _ = writeln!(out, "{what} {}.\n", code(&started.host));
        }
        _ => {}
    }
    for why in &found.why {
        let _ = writeln!(out, "- {}", escape(why));
    }
    if let Some(s) = session.started() {
        let (version, at) = (escape(&s.ehlo_version), escape(&s.started_at));
        let _ = writeln!(out, "\nehlo {version}, {at}, from: {}.", escape(&s.vantage));
    }
    if let Some(judged) = lead::judge(session) {
        out.push_str("\n## The error message\n\n");
        if let Some(supposed) = judged.supposed {
            let _ = writeln!(out, "Supposed: {}.\n", escape(&lower(supposed)));
        }
        let _ = writeln!(out, "{}", escape(&judged.says.join(" ")));
    }
    routes(&mut out, session);
    submission(&mut out, session);
    findings(&mut out, session);
    ask(&mut out, session);
    transcript(&mut out, session);
    if let Some(call) = command(session) {
        let _ = writeln!(out, "\nAgain: {}", code(&call));
    }
    // The session's texts are visible already; those of a journal that strangers wrote may not be.
    visible_lines(&out)
}

fn routes(out: &mut String, session: &Session) {
    if session.routes().is_empty() {
        return;
    }
    // The host stands in the table only where the routes lead to several.
    let several = lead_to_several(session);
    let (name, rule) = if several { (" host |", "---|") } else { ("", "") };
    let _ = writeln!(
        out,
        "\n## Routes\n\n|{name} port | TLS | outcome | address | TLS session |\n|{rule}---|---|---|---|---|"
    );
    for route in session.routes() {
        let host = if several { format!(" {} |", cell(&code(&route.host))) } else { String::new() };
        let address = route.chosen.as_ref().map(|chosen| cell(&code(&chosen.host()))).unwrap_or_default();
        let tls = route
            .session
            .as_ref()
            .map(|t| cell(&code(&format!("{} {}", t.version, t.cipher))))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "|{host} {} | {} | {} | {address} | {tls} |",
            route.port,
            route.tls,
            escape(&outcome(route.outcome))
        );
    }
}

/// What signing in and the envelope were told.
fn submission(out: &mut String, session: &Session) {
    let Some((route, done)) =
        session.routes().iter().find_map(|route| Some((route, route.submission.as_ref()?)))
    else {
        return;
    };
    let _ = writeln!(out, "\n## Sign-in and envelope, on port {}\n", route.port);
    if let (Some(user), Some(mechanism)) = (&done.user, &done.mechanism) {
        let _ = writeln!(out, "As {} by {}.\n", code(user), code(mechanism));
    }
    for told in done.auth.iter().chain(&done.replies) {
        let _ = writeln!(out, "- {}: {}", code(&told.command), code(&told.reply));
    }
}

fn findings(out: &mut String, session: &Session) {
    if session.findings().is_empty() {
        return;
    }
    out.push_str("\n## Findings\n");
    for finding in session.findings() {
        let words = words_in(session, finding);
        if finding.follows.is_some() {
            let (summary, lines) = (escape(&words.summary), lines_of(finding));
            let _ = writeln!(out, "- It follows: {summary} ({}, {lines})", code(finding.code));
            continue;
        }
        let label = label(finding.severity);
        let _ = writeln!(out, "\n### {} ({label}, {})\n", escape(&words.summary), code(finding.code));
        let _ = writeln!(out, "{}\n", escape(&words.explanation));
        let _ = writeln!(out, "- What to do: {}", escape(&words.fix));
        let _ = writeln!(out, "- Who can: {}", escape(owner(words.owner)));
        if let Some(confirm) = &words.confirm {
            let _ = writeln!(out, "- Confirm by hand: {}", code(confirm));
        }
        let _ = writeln!(out, "- Evidence: transcript {}", lines_of(finding));
        if let Some(reference) = &words.reference {
            let _ = writeln!(out, "- Source: {}", escape(reference));
        }
    }
}

/// What to ask, of whom: a quotation (CommonMark §5.1).
fn ask(out: &mut String, session: &Session) {
    let Some(found) = request(session) else { return };
    let _ = writeln!(out, "\n## What to ask, of {}\n", escape(&found.to));
    for line in found.text.lines() {
        let (item, line) = line.strip_prefix("- ").map_or(("", line), |line| ("- ", line));
        let _ = writeln!(out, "> {item}{}", escape(line));
    }
}

fn transcript(out: &mut String, session: &Session) {
    let lines = session.transcript().lines();
    if lines.is_empty() {
        return;
    }
    let body = excerpt(lines);
    // A fence longer than any run of backticks inside cannot be closed from inside (CommonMark §4.5).
    let fence = "`".repeat(longest_run(&body).max(2) + 1);
    let _ = write!(out, "\n## Transcript\n\n{fence}text\n{body}{fence}\n");
}

/// The lines with their numbers; of very many the first and the last, and how many lie between.
fn excerpt(lines: &[Line]) -> String {
    let (first, last) = if lines.len() > MAX_LINES {
        (MAX_LINES * 3 / 4, lines.len() - MAX_LINES / 4)
    } else {
        (lines.len(), lines.len())
    };
    let mut body = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index == first {
            let _ = writeln!(body, "     … {} lines left out", last - first);
        }
        if index < first || index >= last {
            let _ = writeln!(body, "{:>4} {}", number(index), transcript_line(line));
        }
    }
    body
}

/// A code span that its content cannot leave (CommonMark §6.1).
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    let text: String = text.chars().map(|c| if c == '\n' || c == '\r' { ' ' } else { c }).collect();
    // A blank on both sides is taken away again; it keeps backticks and blanks at the ends in their place.
    let edge = |c: Option<char>| matches!(c, Some('`' | ' '));
    if edge(text.chars().next()) || edge(text.chars().last()) {
        format!("{ticks} {text} {ticks}")
    } else {
        format!("{ticks}{text}{ticks}")
    }
}

/// A piece of Markdown in a table: only a bar with a backslash does not end the cell, in a code span too.
fn cell(markdown: &str) -> String {
    markdown.replace('|', "\\|")
}

/// Text in which nothing is markup: no block can begin, no span, no link. Line breaks become blanks.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (index, c) in text.chars().enumerate() {
        match c {
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' | '&' | '@' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // At the beginning these make a list, a heading or a table of it.
            '-' | '+' | '=' | ':' if index == 0 => {
                out.push('\\');
                out.push(c);
            }
            '.' | ')' if out.bytes().all(|b| b.is_ascii_digit()) && index > 0 => {
                out.push('\\');
                out.push(c);
            }
            // Bare addresses become links by themselves on many hosts.
            '/' if out.ends_with(":/") => {
                out.insert(out.len() - 2, '\\');
                out.push(c);
            }
            '.' if out.ends_with("www") || out.ends_with("WWW") => out.push_str("\\."),
            c => out.push(c),
        }
    }
    out
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Micros, ProbeId};
    use crate::session::Meaning;
    use crate::session::transcript::{From, Layer};

    fn line(text: &str) -> Line {
        Line {
            at: Micros(1_000),
            probe: ProbeId(1),
            route: None,
            port: Some(587),
            from: From::Server,
            layer: Layer::Smtp,
            encrypted: false,
            text: text.into(),
            meaning: Meaning::Remark,
        }
    }

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(code(" x"), "`  x `");
        assert_eq!(cell(&code("a|b")), "`a\\|b`");
        assert_eq!(escape("<b>x</b> [l](u)\n# h"), "\\<b\\>x\\</b\\> \\[l\\](u) \\# h");
        assert_eq!(escape("- a"), "\\- a");
        assert_eq!(escape("12. a"), "12\\. a");
        assert_eq!(
            escape("see http://a.example and www.b.example"),
            "see http\\://a.example and www\\.b.example"
        );
        assert_eq!(escape("Port 587, 2.0.0"), "Port 587, 2.0.0");
        assert_eq!(longest_run("a```b`"), 3);
    }

    #[test]
    fn a_long_transcript_says_what_is_left_out_and_keeps_its_numbers() {
        let lines: Vec<Line> = (0..1_000).map(|n| line(&format!("line {n}"))).collect();
        let body = excerpt(&lines);
        assert_eq!(body.lines().count(), MAX_LINES + 1);
        assert!(body.contains("… 600 lines left out"));
        assert!(body.ends_with("1000    0.001   587  ← line 999\n"), "{:?}", body.lines().last());
        assert_eq!(excerpt(&lines[..3]).lines().count(), 3);
    }

    proptest! {
        #[test]
        fn a_code_span_ends_where_it_should(text in "[`a| ]{0,40}") {
            let span = code(&text);
            if !text.is_empty() {
                let ticks = span.len() - span.trim_start_matches('`').len();
                let inside = &span[ticks..span.len() - ticks];
                prop_assert!(longest_run(inside) < ticks || longest_run(inside) == 0);
            }
        }

        #[test]
        fn no_markup_is_left_without_a_backslash(text in any::<String>()) {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains('\n'));
            let mut chars = escaped.chars();
            while let Some(c) = chars.next() {
                match c {
                    '\\' => { chars.next(); }
                    c => prop_assert!(!"`*_[]<>#|!~&@$".contains(c), "{escaped:?}"),
                }
            }
        }
    }
}
