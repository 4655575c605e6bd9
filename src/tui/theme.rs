//! Roles, not colours; glyphs, not characters: decided once, from what the terminal can show.
//!
//! Nine roles are drawn with the terminal's own sixteen colours and with modifiers, so a reader's palette is kept.
//! Meaning never hangs on colour alone: each state has its mark, each severity its word. Without colour the roles are
//! modifiers only; without Unicode every cell on the screen is ASCII ([`to_ascii`]).
//!
//! ```
//! use ehlo::tui::theme::Theme;
//!
//! let plain = Theme::new(false, false);
//! assert_eq!(plain.glyphs.good, "+");
//! ```

use crate::wire::printable::is_hidden;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// What a piece of text is, for its style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Text that may be passed over: times, rules, hints.
    Quiet,
    /// Titles and the sentence that matters.
    Title,
    /// Where the reader is: the current step, the focus, keys.
    Accent,
    /// It works.
    Good,
    /// It works, with a doubt.
    Warn,
    /// It does not work.
    Bad,
    /// Inside TLS.
    Secure,
    /// A match of the search, a choice under the cursor.
    Marked,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Quiet,
        Self::Title,
        Self::Accent,
        Self::Good,
        Self::Warn,
        Self::Bad,
        Self::Secure,
        Self::Marked,
    ];
}

/// The marks that are drawn. Each is as wide as its name says: one column, unless noted.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// A step or fact that ended well.
    pub good: &'static str,
    /// One that ended badly.
    pub bad: &'static str,
    /// A warning.
    pub warn: &'static str,
    /// Information.
    pub info: &'static str,
    /// The step where the walk is.
    pub current: &'static str,
    /// A step ahead.
    pub ahead: &'static str,
    /// A step passed over.
    pub skipped: &'static str,
    /// The selected line.
    pub pointer: &'static str,
    /// Between the steps of the breadcrumb.
    pub crumb: &'static str,
    /// Between words of one line.
    pub dot: &'static str,
    /// From client to server in cleartext; two columns.
    pub to_server: &'static str,
    /// From server to client in cleartext; two columns.
    pub to_client: &'static str,
    /// From client to server, of TLS itself; two columns.
    pub tls_to_server: &'static str,
    /// From server to client, of TLS itself; two columns.
    pub tls_to_client: &'static str,
    /// Inside TLS; two columns.
    pub lock: &'static str,
    /// Text goes on.
    pub more: &'static str,
    /// More above.
    pub above: &'static str,
    /// More below.
    pub below: &'static str,
    /// A horizontal rule.
    pub rule: &'static str,
    /// A vertical rule.
    pub wall: &'static str,
    /// A vertical rule where all is encrypted.
    pub double_wall: &'static str,
    /// A horizontal rule of TLS itself.
    pub double_rule: &'static str,
    /// The head of an arrow to the left.
    pub head_left: &'static str,
    /// The head of an arrow to the right.
    pub head_right: &'static str,
    /// A piece of a bar of time.
    pub block: &'static str,
    /// A heavy bar beside what matters most.
    pub bar: &'static str,
    /// The choice taken.
    pub chosen: &'static str,
    /// A choice not taken.
    pub open: &'static str,
    /// The four states of the spinner.
    pub spinner: [&'static str; 4],
    /// Corners of a box: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
}

const UNICODE: Glyphs = Glyphs {
    good: "✓",
    bad: "✗",
    warn: "!",
    info: "i",
    current: "●",
    ahead: "○",
    skipped: "–",
    pointer: "▸",
    crumb: "›",
    dot: "·",
    to_server: "→ ",
    to_client: "← ",
    tls_to_server: "⇒ ",
    tls_to_client: "⇐ ",
    lock: "🔒",
    more: "…",
    above: "↑",
    below: "↓",
    rule: "─",
    wall: "│",
    double_wall: "║",
    double_rule: "═",
    head_left: "◂",
    head_right: "▸",
    block: "█",
    bar: "┃",
    chosen: "●",
    open: "○",
    spinner: ["◐", "◓", "◑", "◒"],
    corners: ["╭", "╮", "╰", "╯"],
};

const ASCII: Glyphs = Glyphs {
    good: "+",
    bad: "x",
    warn: "!",
    info: "i",
    current: "o",
    ahead: ".",
    skipped: "-",
    pointer: ">",
    crumb: ">",
    dot: "-",
    to_server: "->",
    to_client: "<-",
    tls_to_server: "=>",
    tls_to_client: "<=",
    lock: "* ",
    more: "~",
    above: "^",
    below: "v",
    rule: "-",
    wall: "|",
    double_wall: "|",
    double_rule: "=",
    head_left: "<",
    head_right: ">",
    block: "#",
    bar: "|",
    chosen: "x",
    open: ".",
    spinner: ["|", "/", "-", "\\"],
    corners: ["+", "+", "+", "+"],
};

/// How everything is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// True where colours may be used.
    pub colour: bool,
    /// True where every cell must be ASCII.
    pub ascii: bool,
    /// The marks.
    pub glyphs: &'static Glyphs,
}

impl Theme {
    /// A theme with or without colour, with or without Unicode.
    pub fn new(colour: bool, unicode: bool) -> Self {
        Self { colour, ascii: !unicode, glyphs: if unicode { &UNICODE } else { &ASCII } }
    }

    /// Decides by flags and environment: `--no-color`, NO_COLOR (set and not empty) and `TERM=dumb` take the colour
    /// away; `--ascii`, `TERM=dumb` and a terminal without Unicode take the glyphs. `unicode` says what the locale
    /// allows; `variable` reads the environment.
    pub fn detect(
        no_color: bool,
        ascii: bool,
        unicode: bool,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let asked = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::new(!(no_color || asked || dumb), unicode && !ascii && !dumb)
    }

    /// The theme of this process's standard output.
    pub fn of_this_terminal(no_color: bool, ascii: bool) -> Self {
        let unicode = supports_unicode::on(supports_unicode::Stream::Stdout);
        Self::detect(no_color, ascii, unicode, &|name| std::env::var(name).ok())
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new();
        match (role, self.colour) {
            (Role::Text, _) => style,
            // Not "bright black": several palettes make it the colour of the background.
            (Role::Quiet, _) => style.add_modifier(Modifier::DIM),
            (Role::Title, _) => style.add_modifier(Modifier::BOLD),
            (Role::Accent, true) => style.fg(Color::Cyan),
            (Role::Accent, false) => style.add_modifier(Modifier::BOLD),
            (Role::Good, true) => style.fg(Color::Green),
            (Role::Good, false) => style,
            (Role::Warn, true) => style.fg(Color::Yellow),
            (Role::Warn, false) => style.add_modifier(Modifier::BOLD),
            (Role::Bad, true) => style.fg(Color::Red),
            (Role::Bad, false) => style.add_modifier(Modifier::BOLD),
            (Role::Secure, true) => style.fg(Color::Green),
            (Role::Secure, false) => style,
            (Role::Marked, _) => style.add_modifier(Modifier::REVERSED),
        }
    }

    /// The role in bold.
    pub fn strong(&self, role: Role) -> Style {
        self.style(role).add_modifier(Modifier::BOLD)
    }
}

/// Most characters in one cell: a letter and its marks.
const MAX_CLUSTER: usize = 4;

/// Leaves nothing on the screen that cannot be seen or that turns the direction of writing: the last thing that happens
/// to a frame. What servers say is made visible long before; a journal of strangers may hold anything anywhere.
pub fn to_visible(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if !symbol.is_ascii() && (symbol.contains(is_hidden) || symbol.chars().count() > MAX_CLUSTER) {
            cell.set_char('?');
        }
    }
}

/// Makes every cell ASCII: the last thing that happens to a frame where the terminal has no Unicode. What has no twin
/// becomes `?`.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let twin = symbol.chars().next().map_or('?', twin);
        cell.set_char(twin);
    }
}

/// The ASCII twin of a character, in one column.
pub fn twin(character: char) -> char {
    match character {
        c if c.is_ascii() => c,
        '\u{a0}' | '\u{202f}' => ' ',
        '–' | '—' | '‐' | '‑' | '−' | '─' | '·' | '•' => '-',
        '‘' | '’' | '′' => '\'',
        '“' | '”' | '″' | '«' | '»' => '"',
        '…' => '.',
        '→' | '⇒' | '▸' | '›' | '≥' => '>',
        '←' | '⇐' | '‹' | '≤' | '◂' => '<',
        '↑' => '^',
        '↓' => 'v',
        '│' | '┃' | '║' => '|',
        '═' => '=',
        '█' => '#',
        '×' | '✗' => 'x',
        '✓' => '+',
        '●' => 'o',
        '○' => '.',
        '🔒' => '*',
        '≈' => '~',
        'ä' | 'á' | 'à' | 'â' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'ö' | 'ó' | 'ô' => 'o',
        'ü' | 'ú' => 'u',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn environment(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_frame_turns_no_direction_and_stacks_no_marks() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        let climbing = format!("\u{202e}b\u{e000}c{}d e\u{301}", "\u{301}".repeat(9));
        buffer.set_string(0, 0, climbing, Style::new());
        to_visible(&mut buffer);
        let row: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert!(!row.contains(is_hidden) && row.matches('\u{301}').count() == 1, "{row:?}");
        assert!(row.contains("b?") && row.contains("?d e\u{301}"), "{row:?}");
    }

    #[test]
    fn what_takes_colour_and_glyphs_away() {
        #[expect(clippy::type_complexity, reason = "a table")]
        let cases: [(bool, bool, bool, &'static [(&str, &str)], bool, bool); 7] = [
            (false, false, true, &[("TERM", "xterm")], true, false),
            (true, false, true, &[], false, false),
            (false, true, true, &[], true, true),
            (false, false, false, &[], true, true),
            (false, false, true, &[("NO_COLOR", "1")], false, false),
            (false, false, true, &[("NO_COLOR", "")], true, false),
            (false, false, true, &[("TERM", "dumb")], false, true),
        ];
        for (no_color, ascii, unicode, pairs, colour, plain) in cases {
            let theme = Theme::detect(no_color, ascii, unicode, &environment(pairs));
            assert_eq!((theme.colour, theme.ascii), (colour, plain), "{pairs:?}");
        }
    }

    #[test]
    fn without_colour_no_role_has_one_and_what_matters_still_differs() {
        let theme = Theme::new(false, true);
        for role in Role::ALL {
            assert_eq!((theme.style(role).fg, theme.style(role).bg), (None, None), "{role:?}");
        }
        for role in [Role::Title, Role::Accent, Role::Bad, Role::Warn, Role::Marked, Role::Quiet] {
            assert_ne!(theme.style(role), theme.style(Role::Text), "{role:?}");
        }
    }

    fn all(glyphs: &Glyphs) -> Vec<(&'static str, usize)> {
        let one = [
            glyphs.good,
            glyphs.bad,
            glyphs.warn,
            glyphs.info,
            glyphs.current,
            glyphs.ahead,
            glyphs.skipped,
            glyphs.pointer,
            glyphs.crumb,
            glyphs.dot,
            glyphs.more,
            glyphs.above,
            glyphs.below,
            glyphs.rule,
            glyphs.wall,
            glyphs.double_wall,
            glyphs.double_rule,
            glyphs.head_left,
            glyphs.head_right,
            glyphs.block,
            glyphs.bar,
            glyphs.chosen,
            glyphs.open,
        ];
        let two =
            [glyphs.to_server, glyphs.to_client, glyphs.tls_to_server, glyphs.tls_to_client, glyphs.lock];
        let one = one.into_iter().chain(glyphs.spinner).chain(glyphs.corners).map(|glyph| (glyph, 1));
        one.chain(two.map(|glyph| (glyph, 2))).collect()
    }

    #[test]
    fn glyphs_are_as_wide_as_their_columns_and_the_ascii_set_is_ascii() {
        for (glyph, width) in all(&UNICODE).into_iter().chain(all(&ASCII)) {
            assert_eq!(glyph.width(), width, "{glyph}");
        }
        assert!(all(&ASCII).iter().all(|(glyph, _)| glyph.is_ascii()));
    }

    #[test]
    fn a_frame_becomes_ascii_in_place() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        buffer.set_string(0, 0, "a → “b” 🔒 漢é…", Style::new());
        to_ascii(&mut buffer);
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(text, "a > \"b\" *  ? e.     ");
    }
}
