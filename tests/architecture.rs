//! The arrows of ARCHITECTURE.md, kept true: which room may import which, and what the pure rooms may not touch.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Room, and the rooms it may import. A room may always import itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("target", &[]),
    ("wire", &["target"]),
    ("event", &["target", "wire"]),
    ("order", &["target"]),
    ("session", &["target", "wire", "event"]),
    ("guide", &["target", "wire", "event", "session"]),
    ("net", &["target", "wire", "event"]),
    ("probe", &["target", "wire", "event", "net"]),
    ("journal", &["wire", "event"]),
    ("engine", &["target", "wire", "event", "order", "session", "guide", "net", "probe", "journal"]),
    ("lab", &["target", "wire", "event", "net"]),
    ("report", &["target", "wire", "event", "session", "guide"]),
    ("tui", &["target", "wire", "event", "order", "session", "guide", "report"]),
    (
        "cli",
        &[
            "target", "wire", "event", "order", "session", "guide", "net", "probe", "journal", "engine",
            "lab", "report", "tui",
        ],
    ),
];

/// Rooms without I/O, clock or async.
const PURE: &[&str] = &["target", "wire", "event", "order", "session", "guide"];

/// What would bring them in.
const IMPURE: &[&str] = &[
    "tokio",
    "TcpStream",
    "UdpSocket",
    "std::fs",
    "stdin",
    "std::process",
    "env::var",
    "Instant",
    "SystemTime",
    "now_utc",
    "crossterm",
    "ratatui",
    "socket2",
    "nix::",
    "native_tls",
    "openssl::",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(room: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join("src").join(room)];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let file = root().join("src").join(format!("{room}.rs"));
    if file.exists() {
        found.push(file);
    }
    assert!(!found.is_empty(), "the room {room} has no source");
    found
}

/// The code of a file: without comments, and without the tests at its end.
fn code(path: &Path) -> String {
    if path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let text = match text.find("#[cfg(test)]\nmod ") {
        Some(end) => &text[..end],
        None => &text,
    };
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The rooms that stand behind each `crate::` of the code.
fn imported(code: &str) -> Vec<String> {
    let mut heads = Vec::new();
    for part in code.split("crate::").skip(1) {
        let items: Vec<&str> = match part.strip_prefix('{') {
            Some(group) => group.split(';').next().unwrap_or("").split(',').collect(),
            None => vec![part],
        };
        for item in items {
            let item = item.trim_start();
            heads.push(item.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
        }
    }
    heads
}

#[test]
fn imports_run_one_way() {
    let rooms: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for (room, may) in ARROWS {
        for path in sources(room) {
            for head in imported(&code(&path)) {
                if rooms.contains(head.as_str()) && head != *room && !may.contains(&head.as_str()) {
                    wrong.push(format!("{}: {room} imports {head}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that ARCHITECTURE.md does not have:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_table() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rooms: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(rooms, declared);
}

#[test]
fn pure_rooms_touch_nothing_outside() {
    let mut wrong = Vec::new();
    for room in PURE {
        for path in sources(room) {
            let code = code(&path);
            for forbidden in IMPURE.iter().chain(&["async fn", ".await;", ".await?", ".await)"]) {
                if code.contains(forbidden) {
                    wrong.push(format!("{}: {forbidden}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "pure rooms must not touch these:\n{}", wrong.join("\n"));
}

#[test]
fn only_net_makes_sockets() {
    for (room, _) in ARROWS.iter().filter(|(room, _)| *room != "net") {
        for path in sources(room) {
            let code = code(&path);
            for socket in ["TcpStream::connect", "TcpSocket", "UdpSocket", "TcpListener", "socket2::"] {
                assert!(!code.contains(socket), "{} makes a socket: {socket}", path.display());
            }
        }
    }
}

#[test]
fn architecture_names_every_room() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (room, may) in ARROWS {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{room}`")));
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for {room}"));
        for other in *may {
            assert!(row.contains(&format!("`{other}`")), "the row of {room} does not name {other}");
        }
    }
}

#[test]
fn the_guards_can_fail() {
    assert_eq!(imported("use crate::tui::keys;\nuse crate::{net::tap, lab};"), ["tui", "net", "lab"]);
}

/// Secrets go only where a certificate was verified: the proof of it is made by the strict handshake, and nowhere else.
#[test]
fn the_proof_of_a_verified_certificate_is_made_in_one_place() {
    let mut makers = Vec::new();
    for (room, _) in ARROWS {
        for file in sources(room) {
            let text = fs::read_to_string(&file).unwrap();
            // Tests make their own.
            let live = text.split("\nmod tests {").next().unwrap_or_default();
            if !file.ends_with("tests.rs") && live.contains("Verified::by_strict_handshake(") {
                makers.push(file.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    assert_eq!(makers, ["src/net/tls.rs"]);
    let maker = fs::read_to_string(root().join("src/net/tls.rs")).unwrap();
    let body = maker.split("pub async fn verified_handshake(").nth(1).unwrap();
    let body = body.split("\n    }\n").next().unwrap();
    assert!(body.contains("self.shared.strict") && body.contains("Verified::by_strict_handshake("), "{body}");
}
