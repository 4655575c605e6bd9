//! A terminal of the tests' own: a pseudo-terminal with a program in it, what its screen shows, and keys to press.

use std::io::{Read as _, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use nix::sys::termios::LocalFlags;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// Far above what any step of these tests takes; only a failure waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys as a terminal sends them.
#[allow(dead_code, reason = "each test binary uses some of them")]
pub mod key {
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\x1b";
    pub const UP: &str = "\x1b[A";
    pub const TAB: &str = "\t";
    pub const BACK_TAB: &str = "\x1b[Z";
    pub const CTRL_D: &str = "\x04";
    pub const CTRL_C: &str = "\x03";
    pub const CTRL_U: &str = "\x15";
    pub const CTRL_Z: &str = "\x1a";
}

/// What the program wrote, seen as a terminal would show it.
struct Seen {
    screen: vt100::Parser,
    raw: Vec<u8>,
    closed: bool,
}

impl Seen {
    /// True unless a frame has begun to arrive and is not whole yet (synchronized update, mode 2026).
    fn between_frames(&self) -> bool {
        let last = |mark: &[u8]| self.raw.windows(mark.len()).rposition(|window| window == mark);
        last(b"\x1b[?2026h") <= last(b"\x1b[?2026l")
    }
}

/// A program in a pseudo-terminal. It is ended when dropped.
pub struct Pty {
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[allow(dead_code, reason = "each test binary uses some of them")]
impl Pty {
    /// Starts `line` on a screen of so many columns and rows, in a UTF-8 locale, with more variables of its own.
    pub fn start(line: &[&str], (columns, rows): (u16, u16), variables: &[(&str, &str)]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(line[0]);
        command.args(&line[1..]);
        command.env_clear();
        let path = std::env::var("PATH").unwrap_or_default();
        for (name, value) in [("PATH", path.as_str()), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        // What the program may keep stays with the test.
        command.env("HOME", std::env::temp_dir());
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().expect("its output");
        let keyboard = pair.master.take_writer().expect("its input");
        let screen = vt100::Parser::new(rows, columns, 0);
        let seen = Arc::new((Mutex::new(Seen { screen, raw: Vec::new(), closed: false }), Condvar::new()));
        let writes = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // A pseudo-terminal whose last user is gone reads as an error.
                let count = output.read(&mut buffer).unwrap_or(0);
                let mut seen = writes.0.lock().expect("no test panics with it");
                seen.screen.process(&buffer[..count]);
                seen.raw.extend_from_slice(&buffer[..count]);
                seen.closed = count == 0;
                writes.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { master: pair.master, keyboard, child, seen }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the program listens");
        self.keyboard.flush().expect("the program listens");
    }

    /// Pastes, as a terminal does that marks a paste (bracketed paste, mode 2004).
    pub fn paste(&mut self, text: &str) {
        self.until("pastes are asked to be marked", vt100::Screen::bracketed_paste);
        self.press(&format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r")));
    }

    /// Waits until the screen is as wanted, and gives it.
    #[track_caller]
    pub fn until(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().expect("the reader does not panic");
        loop {
            if seen.between_frames() && wanted(seen.screen.screen()) {
                return seen.screen.screen().contents();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.closed {
                let shown = seen.screen.screen().contents();
                drop(seen);
                panic!("never seen: {what}\n{shown}");
            }
            seen = self.seen.1.wait_timeout(seen, left).expect("the reader does not panic").0;
        }
    }

    /// Waits until the screen shows a text, and gives the screen.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contents().contains(text))
    }

    /// The screen as it is.
    pub fn screen(&self) -> String {
        self.seen.0.lock().expect("the reader does not panic").screen.screen().contents()
    }

    /// All bytes that the program has written.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.0.lock().expect("the reader does not panic").raw.clone()
    }

    /// Changes the size of the screen, as a window does.
    pub fn resize(&self, (columns, rows): (u16, u16)) {
        self.seen.0.lock().expect("the reader does not panic").screen.screen_mut().set_size(rows, columns);
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("the pseudo-terminal is open");
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = self.child.process_id().and_then(|id| i32::try_from(id).ok()).expect("it runs");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).expect("it runs");
    }

    /// Waits for its end, checks that the terminal was given back, and gives the exit status and the normal screen.
    #[track_caller]
    pub fn ends(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        };
        let shown = self.given_back();
        (status, shown)
    }

    /// Checks that the terminal is as the program found it, and gives the normal screen.
    #[track_caller]
    pub fn given_back(&self) -> String {
        let shown = self.until("the normal screen, with a cursor", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && !self.is_cooked() {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(self.is_cooked(), "the terminal is still in raw mode\n{shown}");
        let seen = self.seen.0.lock().expect("the reader does not panic");
        let screen = seen.screen.screen();
        assert_eq!(
            screen.mouse_protocol_mode(),
            vt100::MouseProtocolMode::None,
            "the mouse is the terminal's own"
        );
        shown
    }

    /// Checks that the program has given the screen back, in a terminal that a shell now edits lines in.
    #[track_caller]
    pub fn given_back_to_a_shell(&self) -> String {
        self.until("the normal screen, with a cursor", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor()
        })
    }

    /// How many bytes were written, once no more come for a moment.
    pub fn settled(&self) -> usize {
        let deadline = Instant::now() + PATIENCE;
        let mut before = usize::MAX;
        while Instant::now() < deadline {
            let now = self.bytes().len();
            if now == before {
                break;
            }
            before = now;
            std::thread::sleep(Duration::from_millis(300));
        }
        before
    }

    /// True where the driver handles lines and signals itself.
    fn is_cooked(&self) -> bool {
        let wanted = (LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG).bits();
        // By the bits: the library's own nix is an older one.
        self.master.get_termios().is_some_and(|modes| modes.local_flags.bits() & wanted == wanted)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A screen without what differs from run to run: times become `# s`, and the blanks that they move become two.
#[allow(dead_code, reason = "each test binary uses some of them")]
pub fn steady(screen: &str) -> String {
    let mut out = String::new();
    for line in screen.lines() {
        let mut words: Vec<&str> = line.split(' ').collect();
        for unit in 1..words.len() {
            let number = words[unit - 1].trim_start_matches('<').parse::<f64>().is_ok();
            if number && ["ms", "s"].contains(&words[unit].trim_end_matches([',', '.'])) {
                words[unit - 1] = "#";
                words[unit] = if words[unit].ends_with(',') { "s," } else { "s" };
            }
        }
        let line = words.join(" ");
        let indent = line.len() - line.trim_start().len();
        let body: Vec<&str> = line.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect();
        out.push_str(&" ".repeat(indent.min(4)));
        out.push_str(&body.join("  "));
        out.push('\n');
    }
    out
}
