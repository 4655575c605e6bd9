//! Words on lines: wrapping by columns, cutting with a mark, documents of styled lines.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::theme::{Role, Theme, twin};

/// Breaks a text into lines of at most `width` columns, at spaces where there are any. Line breaks of the text are
/// kept; an empty text gives no line.
///
/// ```
/// assert_eq!(ehlo::tui::text::wrap("one two three", 8), ["one two", "three"]);
/// ```
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.trim().lines() {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_whitespace() {
            let mut word = word;
            let gap = usize::from(used > 0);
            if used + gap + word.width() <= width {
                if gap > 0 {
                    line.push(' ');
                }
                line.push_str(word);
                used += gap + word.width();
                continue;
            }
            if used > 0 {
                lines.push(std::mem::take(&mut line));
            }
            while word.width() > width {
                let (head, tail) = split_at_columns(word, width);
                if head.is_empty() {
                    break;
                }
                lines.push(head.to_owned());
                word = tail;
            }
            line.push_str(word);
            used = word.width();
        }
        lines.push(line);
    }
    lines
}

/// The longest head of a text that fits `width` columns, and the rest.
fn split_at_columns(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// A text in at most `width` columns; where it is cut, the mark says so.
pub fn cut(text: &str, width: usize, theme: &Theme) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (head, _) = split_at_columns(text, width.saturating_sub(1));
    if width == 0 { String::new() } else { format!("{head}{}", theme.glyphs.more) }
}

/// A text as this theme can show it: without Unicode, an ellipsis and an arrow become what a typewriter has.
pub fn plain(text: &str, theme: &Theme) -> String {
    if !theme.ascii || text.is_ascii() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '…' => out.push_str("..."),
            '→' | '⇒' => out.push_str("->"),
            '←' | '⇐' => out.push_str("<-"),
            '≥' => out.push_str(">="),
            '≤' => out.push_str("<="),
            '—' => out.push_str("--"),
            '§' => out.push_str("section "),
            other => out.push(twin(other)),
        }
    }
    out
}

/// Lines of styled text of a given width, built from top to bottom.
#[derive(Debug)]
pub struct Document<'a> {
    theme: &'a Theme,
    width: usize,
    /// The lines.
    pub lines: Vec<Line<'static>>,
}

impl<'a> Document<'a> {
    /// An empty one.
    pub fn new(theme: &'a Theme, width: u16) -> Self {
        Self { theme, width: usize::from(width), lines: Vec::new() }
    }

    /// Columns of a line.
    pub fn width(&self) -> usize {
        self.width
    }

    /// A paragraph, each line indented.
    pub fn paragraph(&mut self, role: Role, indent: usize, text: &str) {
        self.styled(self.theme.style(role), indent, text);
    }

    /// A paragraph in a style.
    pub fn styled(&mut self, style: Style, indent: usize, text: &str) {
        for line in wrap(&plain(text, self.theme), self.width.saturating_sub(indent)) {
            self.lines.push(Line::from(vec![Span::raw(" ".repeat(indent)), Span::styled(line, style)]));
        }
    }

    /// A paragraph behind a mark or a word; its further lines hang under its first.
    pub fn hanging(&mut self, indent: usize, (mark, mark_style): (&str, Style), style: Style, text: &str) {
        let mark = plain(mark, self.theme);
        let hang = indent + mark.width() + 1;
        for (n, line) in
            wrap(&plain(text, self.theme), self.width.saturating_sub(hang)).into_iter().enumerate()
        {
            let mut spans = vec![Span::raw(" ".repeat(indent))];
            if n == 0 {
                spans.push(Span::styled(mark.clone(), mark_style));
                spans.push(Span::raw(" "));
            } else {
                spans.push(Span::raw(" ".repeat(hang - indent)));
            }
            spans.push(Span::styled(line, style));
            self.lines.push(Line::from(spans));
        }
    }

    /// An empty line, unless there is one already, or nothing yet.
    pub fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    /// A title with a rule to the end of the line.
    pub fn title(&mut self, text: &str) {
        let text = plain(text, self.theme);
        let rule = self.width.saturating_sub(text.width() + 2);
        self.lines.push(Line::from(vec![
            Span::styled(format!("{text} "), self.theme.style(Role::Title)),
            Span::styled(self.theme.glyphs.rule.repeat(rule), self.theme.style(Role::Quiet)),
        ]));
    }

    /// A line as it is.
    pub fn line(&mut self, line: Line<'static>) {
        self.lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_wrap_and_long_ones_break() {
        assert_eq!(wrap("", 10), [""; 0]);
        assert_eq!(wrap("a  b", 10), ["a b"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("one\ntwo", 10), ["one", "two"]);
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "漢字"]);
    }

    #[test]
    fn a_cut_shows() {
        let theme = Theme::new(true, true);
        assert_eq!(cut("abcdef", 4, &theme), "abc…");
        assert_eq!(cut("abcd", 4, &theme), "abcd");
        assert_eq!(cut("abcd", 0, &theme), "");
    }

    #[test]
    fn prose_in_ascii_keeps_its_sense() {
        let theme = Theme::new(true, false);
        assert_eq!(plain("RFC 3207 §4 … “a” → b", &theme), "RFC 3207 section 4 ... \"a\" -> b");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked_and_no_letter_is_lost(text in "[a-zé漢 ]{0,80}", width in 2usize..30) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.width() <= width));
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
