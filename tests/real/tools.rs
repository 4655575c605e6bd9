//! Programs that the tests run, and whether they can be run at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// True where the real-server tests can run. Says so where they cannot, past the test runner's capture.
///
/// # Panics
/// With `EHLO_REAL=required`, where anything is missing.
pub fn require_root_or_skip() -> bool {
    require_or_skip(&[])
}

/// The same, where these files are needed as well.
pub fn require_or_skip(files: &[PathBuf]) -> bool {
    let missing = if !nix::unistd::Uid::effective().is_root() {
        Some("they need root".to_owned())
    } else {
        ["ip", "nft", "postfix"]
            .into_iter()
            .find(|tool| !exists(tool))
            .map(|tool| format!("'{tool}' is missing"))
    };
    let absent = || files.iter().find(|file| !file.exists());
    let missing = missing.or_else(|| absent().map(|file| format!("{} is missing", file.display())));
    let Some(missing) = missing else { return true };
    assert!(
        std::env::var_os("EHLO_REAL").is_none_or(|value| value != "required"),
        "EHLO_REAL=required, but the real-server tests cannot run: {missing}"
    );
    let _ = writeln!(std::io::stderr(), "The real-server tests were skipped: {missing}.");
    false
}

/// A server that `tests/real/fetch.sh` has fetched, below the directory that it was given.
pub fn fetched(path: &str) -> PathBuf {
    let given = std::env::var_os("EHLO_SERVERS").map(PathBuf::from);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    given.unwrap_or_else(|| target.join("servers")).join(path)
}

fn exists(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|directory| directory.join(tool).is_file())
}

/// A command that finds what lives in `sbin` and reads nothing.
pub fn command(line: &[&str]) -> Command {
    let (program, arguments) = line.split_first().expect("a program");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(std::process::Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(line: &[&str]) -> Output {
    command(line).output().unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

/// Runs it, insists on success and gives what it printed.
pub fn must(line: &[&str]) -> String {
    let output = run(line);
    assert!(
        output.status.success(),
        "{line:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
