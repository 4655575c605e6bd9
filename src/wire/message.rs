//! The one small message that `--send-test` sends.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The message (RFC 5322 §3.6), which says what it is. `at` is the time in seconds since 1970; `number` tells two
/// messages of one second apart.
///
/// ```
/// let text = ehlo::wire::message::test_message("a@example.com", "b@example.net", "laptop.example", 1_764_000_000, 7);
/// assert!(text.starts_with("Date: Mon, 24 Nov 2025 16:00:00 +0000\r\nFrom: <a@example.com>\r\n"));
/// assert!(text.contains("\r\nMessage-ID: <ehlo.1764000000.7@example.com>\r\n"));
/// ```
pub fn test_message(from: &str, to: &str, ehlo_name: &str, at: i64, number: u64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let date = date.format(&Rfc2822).unwrap_or_default();
    let domain = from.rsplit_once('@').map_or(ehlo_name, |(_, domain)| domain);
    // The null sender is for notices; the header still needs an author.
    let author = if from.is_empty() { format!("ehlo@{ehlo_name}") } else { from.to_owned() };
    let lines = [
        format!("Date: {date}"),
        format!("From: <{author}>"),
        format!("To: <{to}>"),
        "Subject: Test message from ehlo".to_owned(),
        format!("Message-ID: <ehlo.{at}.{number}@{domain}>"),
        "Auto-Submitted: auto-generated".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=us-ascii".to_owned(),
        String::new(),
        "This message was sent by ehlo, a program that finds out which SMTP port".to_owned(),
        "and TLS mode work. Somebody at the keyboard asked for it (--send-test).".to_owned(),
        "It needs no answer.".to_owned(),
        String::new(),
    ];
    lines.join("\r\n")
}
