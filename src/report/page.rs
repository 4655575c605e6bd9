//! A page of text: wrapped paragraphs, aligned tables, colour where it was asked for.
//!
//! What a server said is shown as it stands in the session: already printable, one line. That a journal of strangers
//! keeps to that is not believed: what a terminal obeys leaves a page only as a style of its own. Width is counted in columns,
//! so that wide characters do not break a table.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::text::TextOptions;
use crate::wire::printable::visible_lines;

/// A role of text. Meaning is never in the colour alone.
#[derive(Clone, Copy)]
pub enum Style {
    /// Headings.
    Bold,
    /// What works.
    Good,
    /// What needs care.
    Care,
    /// What fails.
    Bad,
    /// What may be passed over.
    Dim,
}

/// All that a page says to a terminal.
const STYLES: [&str; 6] = ["\x1b[1m", "\x1b[1;32m", "\x1b[1;33m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m"];

/// A page under construction.
pub struct Page {
    /// How it is to look.
    pub options: TextOptions,
    out: String,
}

impl Page {
    /// An empty page.
    pub fn new(options: TextOptions) -> Self {
        Self { options, out: String::new() }
    }

    /// The finished page.
    pub fn finish(self) -> String {
        let out = safe(&self.out, self.options.colour);
        if self.options.ascii { ascii(&out) } else { out }
    }

    /// The text in this style.
    pub fn styled(&self, text: &str, style: Style) -> String {
        if !self.options.colour || text.is_empty() {
            return text.to_owned();
        }
        let [bold, good, care, bad, dim, end] = STYLES;
        let begin = match style {
            Style::Bold => bold,
            Style::Good => good,
            Style::Care => care,
            Style::Bad => bad,
            Style::Dim => dim,
        };
        format!("{begin}{text}{end}")
    }

    /// One line as it is.
    pub fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// A heading with an empty line before it.
    pub fn heading(&mut self, text: &str) {
        self.line("");
        let text = self.styled(text, Style::Bold);
        self.line(&text);
    }

    /// Columns of a line; never so few that nothing fits.
    pub fn columns(&self) -> usize {
        self.options.columns.max(30)
    }

    /// A paragraph with `first` before its first line and blanks of that width before the others.
    pub fn paragraph(&mut self, first: &str, text: &str) {
        self.styled_paragraph(first, text, None);
    }

    /// The same with `first` in a style.
    pub fn styled_paragraph(&mut self, first: &str, text: &str, style: Option<Style>) {
        let blank = " ".repeat(first.width());
        // A finding code is not broken at its hyphens: it is to be searched for.
        let options = textwrap::Options::new(self.columns())
            .initial_indent(first)
            .subsequent_indent(&blank)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for (index, line) in textwrap::wrap(text, options).iter().enumerate() {
            match (index, style, line.strip_prefix(first)) {
                (0, Some(style), Some(rest)) => {
                    let first = self.styled(first, style);
                    self.line(&format!("{first}{rest}"));
                }
                _ => self.line(line),
            }
        }
    }

    /// Rows of cells, aligned, with `indent` before each; a row's style is its first cell's.
    pub fn table(&mut self, indent: &str, rows: &[(Vec<String>, Option<Style>)]) {
        let mut widths: Vec<usize> = Vec::new();
        for (cells, _) in rows {
            for (index, cell) in cells.iter().enumerate() {
                match widths.get_mut(index) {
                    Some(width) => *width = (*width).max(cell.width()),
                    None => widths.push(cell.width()),
                }
            }
        }
        for (cells, style) in rows {
            let mut line = indent.to_owned();
            let mut column = indent.width();
            for (index, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let room = self.columns().saturating_sub(column);
                let cell = cut(cell, room, self.options.ascii);
                let pad = " ".repeat(width.saturating_sub(cell.width()) + 2);
                let shown = match style {
                    Some(style) if index == 0 => self.styled(&cell, *style),
                    _ => cell,
                };
                let _ = write!(line, "{shown}{pad}");
                column += width + 2;
            }
            self.line(&line);
        }
    }
}

/// The text with nothing in it that a terminal obeys but styles.
fn safe(text: &str, colour: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        let (before, from) = rest.split_at(at);
        out.push_str(&visible_lines(before));
        let style = STYLES.iter().find(|style| colour && from.starts_with(**style));
        out.push_str(style.unwrap_or(&"<1b>"));
        rest = from.get(style.map_or(1, |style| style.len())..).unwrap_or_default();
    }
    out + &visible_lines(rest)
}

/// Cuts a text to so many columns, with a mark where something is missing.
pub fn cut(text: &str, columns: usize, ascii: bool) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mark = if ascii { "..." } else { "…" };
    let room = columns.saturating_sub(mark.width());
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if used + width > room {
            break;
        }
        used += width;
        out.push(c);
    }
    if columns >= mark.width() {
        out.push_str(mark);
    }
    out
}

/// The same text in ASCII, for terminals without more.
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '✓' => out.push_str("ok"),
            '✗' => out.push_str("--"),
            '·' => out.push('.'),
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '⇒' => out.push_str("=>"),
            '⇐' => out.push_str("<="),
            '–' | '—' => out.push('-'),
            '“' | '”' => out.push('"'),
            '‘' | '’' => out.push('\''),
            '…' => out.push_str("..."),
            '§' => out.push_str("section "),
            '×' => out.push('x'),
            c if c.is_ascii() => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_styles_of_its_own_leave_a_page() {
        let colour = TextOptions { colour: true, ..TextOptions::default() };
        for (options, start) in [(TextOptions::default(), "a<1b>[2Jb"), (colour, "\x1b[1ma<1b>[2Jb\x1b[0m")] {
            let mut page = Page::new(options);
            let bold = page.styled("a\x1b[2Jb", Style::Bold);
            page.line(&bold);
            page.paragraph("  ", "\u{202e}c\u{9b}31m\x1b]52;c;aGk=\x07");
            page.table("", &[(vec!["d\u{200b}".into(), "e\rf".into()], None)]);
            let out = page.finish();
            assert!(out.starts_with(start), "{out:?}");
            assert!(out.contains("<u+202e>c<u+009b>31m<1b>]52;c;aGk=<07>"), "{out:?}");
            assert!(out.contains("d<u+200b>") && out.contains("e<0d>f"), "{out:?}");
        }
    }

    #[test]
    fn a_table_is_aligned_also_with_wide_characters() {
        let mut page = Page::new(TextOptions::default());
        let row = |a: &str, b: &str| (vec![a.to_owned(), b.to_owned()], None);
        page.table("  ", &[row("587", "x"), row("漢字", "y"), row("1", &"z".repeat(200))]);
        let text = page.finish();
        assert_eq!(text.lines().take(2).collect::<Vec<_>>(), ["  587   x", "  漢字  y"]);
        assert_eq!(text.lines().last().unwrap().width(), 80);
    }

    #[test]
    fn a_style_colours_the_first_words_and_nothing_without_colour() {
        let plain = TextOptions::default();
        let mut page = Page::new(plain);
        page.styled_paragraph("error: ", "all of it", Some(Style::Bad));
        assert_eq!(page.finish(), "error: all of it\n");
        let mut page = Page::new(TextOptions { colour: true, ..plain });
        page.styled_paragraph("error: ", "all of it", Some(Style::Bad));
        assert_eq!(page.finish(), "\x1b[1;31merror: \x1b[0mall of it\n");
    }

    proptest! {
        #[test]
        fn a_paragraph_keeps_its_width(text in "[a-z漢é ]{0,300}", columns in 30_usize..120) {
            let mut page = Page::new(TextOptions { columns, ..TextOptions::default() });
            page.paragraph("  - ", &text);
            for line in page.finish().lines() {
                prop_assert!(line.width() <= columns, "{line:?}");
            }
        }

        #[test]
        fn ascii_is_ascii(text in any::<String>()) {
            prop_assert!(ascii(&text).is_ascii());
        }

        #[test]
        fn what_is_cut_fits(text in any::<String>(), columns in 0_usize..40) {
            prop_assert!(cut(&text, columns, false).width() <= columns.max(text.width().min(columns)));
        }
    }
}
