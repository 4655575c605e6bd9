//! The report for a ticket, in Markdown. What a server said stands in code spans and fences that it cannot leave.

use std::fmt::Write as _;

use crate::guide::path::outcome;
use crate::guide::recommendation::{Status, recommend};
use crate::guide::words::words;
use crate::report::text::{mode_names, no_route, owner, transcript_line};
use crate::session::{Session, Severity};

/// The report.
pub fn markdown(session: &Session) -> String {
    let mut out = String::new();
    let (host, at, vantage, version) = match session.started() {
        Some(s) => (s.host.as_str(), s.started_at.as_str(), s.vantage.as_str(), s.ehlo_version.as_str()),
        None => ("", "", "", ""),
    };
    match recommend(session) {
        Some(found) => {
            let fix = if found.status == Status::AfterFix { ", after a fix" } else { "" };
            let _ = writeln!(out, "# {}{fix}\n", escape(&found.summary));
            let _ = writeln!(
                out,
                "Host {}, port {}, {}.\n",
                code(&found.host),
                found.port,
                escape(mode_names(found.tls))
            );
            for reason in &found.reasons {
                let _ = writeln!(out, "- {}", escape(reason));
            }
        }
        None => {
            let _ = writeln!(out, "# {}\n\nHost {}.", no_route(session), code(host));
        }
    }
    let _ = writeln!(out, "\nehlo {version}, {at}, from: {}.", escape(vantage));
    routes(&mut out, session);
    findings(&mut out, session);
    transcript(&mut out, session);
    out
}

fn routes(out: &mut String, session: &Session) {
    if session.routes().is_empty() {
        return;
    }
    out.push_str("\n## Routes\n\n| port | TLS | outcome | address | TLS session |\n|---|---|---|---|---|\n");
    for route in session.routes() {
        let address = route.chosen.as_ref().map(|chosen| code(&chosen.host())).unwrap_or_default();
        let tls =
            route.session.as_ref().map(|t| code(&format!("{} {}", t.version, t.cipher))).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {address} | {tls} |",
            route.port,
            route.tls,
            escape(&outcome(route.outcome))
        );
    }
}

fn findings(out: &mut String, session: &Session) {
    if session.findings().is_empty() {
        return;
    }
    out.push_str("\n## Findings\n");
    for finding in session.findings() {
        let words = words(finding);
        let label = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        let lines: Vec<String> = finding.evidence.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "\n### {} ({label}, {})\n", escape(&words.summary), code(finding.code));
        let _ = writeln!(out, "{}\n", escape(&words.explanation));
        let _ = writeln!(out, "- What to do: {}", escape(&words.fix));
        let _ = writeln!(out, "- Who can: {}", escape(owner(words.owner)));
        if let Some(confirm) = &words.confirm {
            let _ = writeln!(out, "- Confirm by hand: {}", code(confirm));
        }
        let _ = writeln!(out, "- Evidence: transcript lines {}", lines.join(", "));
        if let Some(reference) = &words.reference {
            let _ = writeln!(out, "- Source: {}", escape(reference));
        }
    }
}

fn transcript(out: &mut String, session: &Session) {
    let lines = session.transcript().lines();
    if lines.is_empty() {
        return;
    }
    let body: String = lines
        .iter()
        .enumerate()
        .map(|(index, line)| format!("{index:>4} {}\n", transcript_line(line)))
        .collect();
    // A fence longer than any run of backticks inside cannot be closed from inside (CommonMark §4.5).
    let fence = "`".repeat(longest_run(&body).max(2) + 1);
    let _ = write!(out, "\n## Transcript\n\n{fence}text\n{body}{fence}\n");
}

/// A code span that its content cannot leave, also in a table.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    let text = text.replace('|', "\\|");
    if text.starts_with('`') || text.ends_with('`') {
        format!("{ticks} {text} {ticks}")
    } else {
        format!("{ticks}{text}{ticks}")
    }
}

/// Text in which nothing is markup. Reports are one line here: line breaks become blanks.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' | '&' | '@' => {
                out.push('\\');
                out.push(c);
            }
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
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(escape("<b>x</b> [l](u)\n# h"), "\\<b\\>x\\</b\\> \\[l\\](u) \\# h");
        assert_eq!(longest_run("a```b`"), 3);
    }
}
