//! A text of several lines that is typed or pasted, with a place in it. What comes in is made harmless at the door; how
//! much comes in is bounded; and it lies in memory that is wiped, for an error message may hold a password.

use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;
use zeroize::Zeroizing;

use crate::guide::symptom::without_escapes;
use crate::wire::printable::is_hidden;

/// Longest text, in bytes. All of it is set aside at once, so that no copy is left behind when it grows.
pub const LONGEST: usize = 64 * 1024;
/// Most marks that may stand on one character.
const MOST_MARKS: usize = 2;

/// The text and the place in it.
#[derive(Clone)]
pub struct Area {
    text: Zeroizing<String>,
    at: usize,
}

impl fmt::Debug for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Area").field("bytes", &self.text.len()).field("at", &self.at).finish()
    }
}

impl Default for Area {
    fn default() -> Self {
        Self { text: Zeroizing::new(String::with_capacity(LONGEST)), at: 0 }
    }
}

impl Area {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True where nothing stands in it but blanks.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Puts a text at the place. False where not all of it found room.
    pub fn insert(&mut self, text: &str) -> bool {
        let clean = Zeroizing::new(without_escapes(text));
        let room = LONGEST - self.text.len();
        let mut taken = Zeroizing::new(String::with_capacity(clean.len().min(room)));
        let mut marks = 0;
        for c in clean.chars() {
            let c = match c {
                '\n' => c,
                c if is_hidden(c) => ' ',
                c => c,
            };
            marks = if c != '\n' && c.width() == Some(0) { marks + 1 } else { 0 };
            if marks > MOST_MARKS {
                continue;
            }
            if taken.len() + c.len_utf8() > room {
                self.put(&taken);
                return false;
            }
            taken.push(c);
        }
        self.put(&taken);
        true
    }

    fn put(&mut self, text: &str) {
        self.text.insert_str(self.at, text);
        self.at += text.len();
    }

    /// Empties it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes the character before the place away.
    pub fn backspace(&mut self) {
        if let Some(c) = self.text[..self.at].chars().next_back() {
            self.at -= c.len_utf8();
            self.text.remove(self.at);
        }
    }

    /// Takes the character behind the place away.
    pub fn delete(&mut self) {
        if self.at < self.text.len() {
            self.text.remove(self.at);
        }
    }

    /// One character back.
    pub fn left(&mut self) {
        self.at -= self.text[..self.at].chars().next_back().map_or(0, char::len_utf8);
    }

    /// One character on.
    pub fn right(&mut self) {
        self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
    }

    /// To the beginning of the row on screen.
    pub fn home(&mut self, width: usize) {
        let (row, _) = self.place(width);
        self.at = self.rows(width).get(row).map_or(0, |row| row.start);
    }

    /// To its end.
    pub fn end(&mut self, width: usize) {
        let (row, _) = self.place(width);
        let rows = self.rows(width);
        let end = rows.get(row).map_or(0, |row| row.end);
        // Where the text goes on in the next row, its end is that row's beginning.
        let goes_on = rows.get(row + 1).is_some_and(|next| next.start == end);
        self.at = end;
        if goes_on {
            self.left();
        }
    }

    /// So many rows up or down, in the same column where that is possible.
    pub fn travel(&mut self, width: usize, rows: isize) {
        let (row, column) = self.place(width);
        let all = self.rows(width);
        let to = row.saturating_add_signed(rows).min(all.len().saturating_sub(1));
        let Some(range) = all.get(to) else { return };
        let mut used = 0;
        self.at = range.start;
        for (at, c) in self.text[range.clone()].char_indices() {
            self.at = range.start + at;
            if used + columns(c) > column {
                return;
            }
            used += columns(c);
        }
        let goes_on = all.get(to + 1).is_some_and(|next| next.start == range.end);
        if !goes_on {
            self.at = range.end;
        }
    }

    /// The rows on a screen of this width: parts of the text, without the line ends. There is one at least.
    pub fn rows(&self, width: usize) -> Vec<Range<usize>> {
        let width = width.max(2);
        let mut rows = Vec::new();
        let (mut start, mut used) = (0, 0);
        for (at, c) in self.text.char_indices() {
            if c == '\n' {
                rows.push(start..at);
                (start, used) = (at + 1, 0);
                continue;
            }
            if used + columns(c) > width {
                rows.push(start..at);
                (start, used) = (at, 0);
            }
            used += columns(c);
        }
        rows.push(start..self.text.len());
        rows
    }

    /// Row and column of the place on a screen of this width.
    pub fn place(&self, width: usize) -> (usize, usize) {
        let rows = self.rows(width);
        let row = rows.partition_point(|row| row.start <= self.at).saturating_sub(1);
        let start = rows.get(row).map_or(0, |row| row.start);
        let column: usize = self.text[start..self.at].chars().map(columns).sum();
        // Behind a row that is full to the last column.
        (row, column.min(width.max(2) - 1))
    }
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(text: &str) -> Area {
        let mut area = Area::default();
        area.insert(text);
        area
    }

    #[test]
    fn what_a_terminal_would_obey_does_not_come_in() {
        let hostile = "a\u{1b}[31mb\u{1b}]52;c;aGk=\u{7}\tc\u{202e}d\u{0}e\r\nf\rg\u{9b}h";
        let area = area(hostile);
        assert!(area.text().chars().all(|c| c == '\n' || !is_hidden(c)), "{:?}", area.text());
        assert!(area.text().starts_with("ab") && area.text().contains("\nf\ng"), "{:?}", area.text());
        assert!(!format!("{area:?}").contains("aGk"));
    }

    #[test]
    fn marks_do_not_climb() {
        assert_eq!(area(&format!("e{}x", "\u{301}".repeat(50))).text(), "e\u{301}\u{301}x");
    }

    #[test]
    fn there_is_an_end() {
        let mut area = Area::default();
        assert!(!area.insert(&"é".repeat(LONGEST)));
        assert_eq!(area.text().len(), LONGEST);
        assert!(!area.insert("x"));
        let room = area.text.capacity();
        area.backspace();
        assert!(area.insert("x"));
        assert_eq!(area.text.capacity(), room, "it never grew");
    }

    #[test]
    fn the_place_moves_over_rows_as_they_are_seen() {
        let mut area = area("abcdef\ngh\n\n漢字x");
        assert_eq!(area.rows(4), [0..4, 4..6, 7..9, 10..10, 11..17, 17..18]);
        assert_eq!(area.place(4), (5, 1));
        area.travel(4, -1);
        assert_eq!(area.place(4), (4, 0), "in the middle of a wide sign there is no place");
        area.end(4);
        assert_eq!(area.place(4), (4, 2));
        area.travel(4, -10);
        assert_eq!(area.place(4), (0, 2));
        area.end(4);
        assert_eq!(area.place(4), (0, 3), "the row goes on");
        area.travel(4, 1);
        assert_eq!(area.place(4), (1, 2));
        area.home(4);
        area.delete();
        assert_eq!(area.text(), "abcdf\ngh\n\n漢字x");
        area.left();
        area.backspace();
        area.right();
        area.insert("Z");
        assert_eq!(area.text(), "abdZf\ngh\n\n漢字x");
        area.clear();
        assert!(area.is_blank() && area.rows(4).len() == 1);
    }

    proptest! {
        #[test]
        fn no_key_breaks_it(text in "[a-z漢é\n]{0,60}", width in 0usize..12, keys in "[blrdhuejx]{0,60}") {
            let mut area = area(&text);
            for key in keys.chars() {
                match key {
                    'b' => area.backspace(),
                    'd' => area.delete(),
                    'l' => area.left(),
                    'r' => area.right(),
                    'h' => area.home(width),
                    'e' => area.end(width),
                    'u' => area.travel(width, -3),
                    'j' => area.travel(width, 1),
                    _ => drop(area.insert("é\nx")),
                }
                let (row, column) = area.place(width);
                let rows = area.rows(width);
                prop_assert!(row < rows.len() && column < width.max(2));
                prop_assert!(rows.iter().all(|row| row.start <= row.end && area.text.get(row.clone()).is_some()));
            }
        }
    }
}
