//! Makes an error text plain: what terminals, loggers, programming languages and wrapped mails put around the words
//! is taken away. Gives two forms: `lines`, as written, for settings and codes; `flat`, in small letters on one line
//! without repeated reply codes, for phrases.

use super::phrase::Flat;

/// Most bytes of a text that are read; what is longer is read at both ends, where errors stand.
pub(super) const MAX_TEXT: usize = 64 * 1024;

/// A text, made plain.
#[derive(Debug)]
pub(super) struct Clean {
    /// As written, without escapes.
    pub(super) lines: String,
    /// One line, small letters, one kind of quotation mark.
    pub(super) flat: Flat,
}

impl Clean {
    pub(super) fn of(text: &str) -> Self {
        let lines = unescape(&without_escapes(&bounded(text)));
        let flat = Flat::of(flatten(&lines));
        Self { lines, flat }
    }
}

/// Both ends of a text that is too long.
fn bounded(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let half = MAX_TEXT / 2;
    let head = (0..=half).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let tail = (text.len() - half..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    format!("{}\n{}", &text[..head], &text[tail..])
}

/// A text without ANSI sequences and other control characters; line ends become `\n`.
pub fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                if chars.next_if_eq(&'[').is_some() {
                    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                    chars.next_if(|c| matches!(c, '@'..='~'));
                }
            }
            '\n' | '\t' => out.push(c),
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}' => {}
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Undoes what string literals, JSON and HTML made of quotation marks and line ends.
fn unescape(text: &str) -> String {
    const ENTITIES: [(&str, char); 8] = [
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&#34;", '"'),
        ("&#39;", '\''),
        ("&#039;", '\''),
        ("&amp;", '&'),
        ("<CRLF>", '\n'),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '&', '<', '*']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some((entity, c)) = ENTITIES.iter().find(|(entity, _)| from.starts_with(entity)) {
            out.push(*c);
            rest = &from[entity.len()..];
            continue;
        }
        let mut chars = from.chars();
        let first = chars.next().unwrap_or(' ');
        let second = chars.clone().next();
        let third = chars.clone().nth(1);
        let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase());
        match (first, second) {
            // `C:\new` is a path, `queue\r\n` is not: a line end is followed by anything but a small letter, or the
            // text before it is the end of a sentence or a code.
            ('\\', Some('n' | 'r')) if !letter(third) || !before.ends_with([':', 's', 'e']) => {
                out.push('\n');
                chars.next();
            }
            ('\\', Some('t')) if !letter(third) => {
                out.push(' ');
                chars.next();
            }
            ('\\', Some('"' | '\'' | '/')) => {}
            // Bold in Markdown.
            ('*', Some('*')) => {
                chars.next();
            }
            (c, _) => out.push(c),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// One line in small letters: blanks become one, quotation marks become `'`, and the reply code that stands before
/// each line of a long reply is left out where it repeats.
fn flatten(text: &str) -> String {
    let mut flat = String::with_capacity(text.len());
    let mut last: Option<String> = None;
    let mut waiting: Option<String> = None;
    for word in text.split_whitespace() {
        let word: String = word
            .chars()
            .flat_map(char::to_lowercase)
            .map(|c| match c {
                '"' | '`' | '´' | '‘' | '’' | '‚' | '“' | '”' | '„' | '«' | '»' => '\'',
                c => c,
            })
            .collect();
        // `550-5.7.26 not 550-5.7.26 accepted`, and `534-5.7.9 Application ... 534 5.7.9 https`.
        let before = waiting.take();
        let whole = before.as_ref().map_or_else(|| word.clone(), |code| format!("{code}-{word}"));
        let mut push = |word: &str| {
            if !flat.is_empty() {
                flat.push(' ');
            }
            flat.push_str(word);
        };
        if let Some(code) = before.filter(|_| !is_reply(&whole)) {
            push(&code);
        }
        if is_code(&word) && last.as_deref().is_some_and(|last| last.starts_with(&word)) {
            waiting = Some(word);
            continue;
        }
        if is_reply(&whole) {
            if last.as_ref() == Some(&whole) {
                continue;
            }
            last = Some(whole);
        }
        push(&word);
    }
    flat
}

fn is_code(word: &str) -> bool {
    word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|b| b.is_ascii_digit())
}

/// `550-5.7.26`, `550-`.
fn is_reply(word: &str) -> bool {
    let Some((code, rest)) = word.split_at_checked(3) else { return false };
    is_code(code) && rest.starts_with('-') && rest[1..].bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> String {
        Clean::of(text).flat.text
    }

    #[test]
    fn wrapping_is_taken_away() {
        assert_eq!(flat("\u{1b}[31mError:\u{1b}[0m \"It\"  failed\r\n now"), "error: 'it' failed now");
        assert_eq!(flat(r#"{"msg":"said \"no\"\r\n"}"#), "{'msg':'said 'no' '}");
        assert_eq!(flat("&lt;a@b&gt; refused"), "<a@b> refused");
        assert_eq!(flat(r"C:\ws\deps\new"), r"c:\ws\deps\new");
    }

    #[test]
    fn a_long_reply_is_one_sentence() {
        assert_eq!(
            flat("550-5.7.25 The IP does not\n550-5.7.25 have a PTR 550 5.7.25 record"),
            "550-5.7.25 the ip does not have a ptr record"
        );
        assert_eq!(flat("550 first then 550 second"), "550 first then 550 second");
    }

    #[test]
    fn a_text_too_long_keeps_both_ends() {
        let text = format!("first {} last", "é".repeat(MAX_TEXT));
        let clean = Clean::of(&text);
        assert!(clean.flat.text.starts_with("first") && clean.flat.text.ends_with("last"));
        assert!(clean.lines.len() <= MAX_TEXT + 8);
    }
}
