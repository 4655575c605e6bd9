//! How well error texts are explained, measured on a collection of real ones that lies beside the project, where it does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

use std::path::Path;

use ehlo::guide::symptom::{Book, Confidence, Settings, mode_of_words};

#[path = "explain/learn.rs"]
mod learn;

use learn::{Sample, learn};

/// One text of the collection.
struct Case {
    id: String,
    text: String,
    given: Settings,
    cause: String,
}

const UNDETERMINED: &str = "generic-wrapper-undetermined";

fn collection() -> Option<Vec<Case>> {
    let file = match std::env::var_os("EXPLAIN_FILE") {
        Some(file) => file.into(),
        None => {
            let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
            beside.map(|folder| folder.join("shared/errors-open.jsonl")).find(|file| file.exists())?
        }
    };
    Some(cases(&file))
}

fn cases(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).unwrap();
    let read = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let word = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let settings = &value["settings"];
        Case {
            id: word(&value["id"]).unwrap(),
            text: word(&value["text"]).unwrap(),
            cause: word(&value["cause"]).unwrap(),
            given: Settings {
                host: word(&settings["host"]),
                port: settings["port"].as_u64().and_then(|port| u16::try_from(port).ok()),
                tls: word(&settings["tls"]).and_then(|words| mode_of_words(&words)),
            },
        }
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(read).collect()
}

const WORDS: &str = "assets/words.toml";

fn asset(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The book; with the words of another file where `EXPLAIN_WORDS` names one.
fn book() -> Book {
    let words = std::env::var("EXPLAIN_WORDS")
        .map_or_else(|_| asset(WORDS), |file| std::fs::read_to_string(file).unwrap());
    Book::read(&asset("assets/symptoms.toml"), &words).unwrap()
}

#[derive(Debug, Default)]
struct Rates {
    decidable: usize,
    first: usize,
    three: usize,
    confident: usize,
    wrong: usize,
    undetermined_decided: usize,
}

fn measure(book: &Book, cases: &[&Case], with_settings: bool, show: bool) -> Rates {
    let mut rates = Rates::default();
    for case in cases {
        let given = if with_settings { case.given.clone() } else { Settings::default() };
        let found = book.explain(&case.text, &given);
        let place = found.causes.iter().position(|cause| cause.code == case.cause);
        if case.cause == UNDETERMINED {
            rates.undetermined_decided += usize::from(found.decided);
            continue;
        }
        rates.decidable += 1;
        rates.first += usize::from(place == Some(0));
        rates.three += usize::from(place.is_some_and(|place| place < 3));
        rates.confident += usize::from(found.decided);
        let certain = found.causes.first().is_some_and(|cause| cause.confidence == Confidence::Certain);
        assert_eq!(certain, found.decided);
        rates.wrong += usize::from(found.decided && place != Some(0));
        if show && place != Some(0) {
            let causes: Vec<_> =
                found.causes.iter().map(|c| format!("{} {}", c.code, c.confidence.as_str())).collect();
            println!(
                "{} {} {} -> {causes:?}\n    {:?} {:?} {:?}\n    {}",
                if found.decided {
                    "WRONG"
                } else if place.is_some_and(|p| p < 3) {
                    "second"
                } else {
                    "missed"
                },
                case.id,
                case.cause,
                found.symptoms,
                found.settings,
                found.doubt,
                case.text.replace('\n', "\n    ")
            );
        }
    }
    rates
}

#[test]
fn the_right_cause_comes_first() {
    let Some(cases) = collection() else {
        println!("no collection of error texts lies beside the project: nothing was measured");
        return;
    };
    let book = book();
    // EXPLAIN_FILE=FILE measures another collection of the same form, EXPLAIN_FOLD=2/3 leaves all but every third text out, EXPLAIN_SHOW=text or settings shows what was not first.
    let fold = std::env::var("EXPLAIN_FOLD").ok();
    let fold = fold.as_deref().and_then(|fold| fold.split_once('/'));
    let fold: Option<(usize, usize)> = fold.and_then(|(at, of)| Some((at.parse().ok()?, of.parse().ok()?)));
    let chosen: Vec<&Case> = cases
        .iter()
        .enumerate()
        .filter(|(at, _)| fold.is_none_or(|(one, of)| at % of.max(1) == one))
        .map(|(_, case)| case)
        .collect();
    let show = std::env::var("EXPLAIN_SHOW").unwrap_or_default();
    let mut all = Vec::new();
    for (name, with_settings) in [("text", false), ("settings", true)] {
        let rates = measure(&book, &chosen, with_settings, show == name);
        let of = |count: usize| 100.0 * count as f64 / rates.decidable as f64;
        println!(
            "{name}: {} texts, first {:.1} %, in three {:.1} %, confident {:.1} %, confident and wrong {:.1} %",
            rates.decidable,
            of(rates.first),
            of(rates.three),
            of(rates.confident),
            of(rates.wrong)
        );
        all.push(rates);
    }
    for rates in all {
        let of = |count: usize| 100.0 * count as f64 / rates.decidable as f64;
        assert!(of(rates.first) >= 85.0 && of(rates.three) >= 95.0 && of(rates.wrong) < 3.0, "{rates:?}");
        assert_eq!(rates.undetermined_decided, 0);
    }
}

/// Learns what single words say: `EXPLAIN_LEARN=FILE:FILE cargo test --release --test explain learned -- --nocapture`
/// measures it in five parts, each by what was learned from the other four, which
/// `EXPLAIN_FAST=1` leaves out, and writes what all of them teach to the file that `EXPLAIN_WRITE` names.
#[test]
fn words_are_learned() {
    let Some(files) = std::env::var_os("EXPLAIN_LEARN") else { return };
    let mut seen = std::collections::BTreeSet::new();
    let all: Vec<Case> = std::env::split_paths(&files)
        .flat_map(|file| cases(&file))
        .filter(|case| seen.insert((case.text.clone(), format!("{:?}", case.given))))
        .collect();
    let symptoms = asset("assets/symptoms.toml");
    let present = asset(WORDS);
    let head: String = present
        .lines()
        .take_while(|line| line.starts_with('#') || line.is_empty())
        .map(|l| format!("{l}\n"))
        .collect();
    let reader = book();
    let learned = |cases: &[&Case]| {
        let samples: Vec<Sample> = cases
            .iter()
            .flat_map(|case| [(case, case.given.clone()), (case, Settings::default())])
            .map(|(case, given)| Sample {
                words: reader.words(&case.text, &given),
                cause: case.cause.clone(),
            })
            .collect();
        learn(&samples, &head)
    };
    const PARTS: usize = 5;
    for with_settings in [false, true] {
        if std::env::var_os("EXPLAIN_FAST").is_some() {
            break;
        }
        let mut sum = Rates::default();
        for part in 0..PARTS {
            let (test, rest): (Vec<_>, Vec<_>) =
                all.iter().enumerate().partition(|(at, _)| at % PARTS == part);
            let rest: Vec<&Case> = rest.into_iter().map(|(_, case)| case).collect();
            let test: Vec<&Case> =
                test.into_iter().map(|(_, case)| case).filter(|case| case.cause != "none").collect();
            let book = Book::read(&symptoms, &learned(&rest)).unwrap();
            let rates = measure(&book, &test, with_settings, false);
            sum.decidable += rates.decidable;
            sum.first += rates.first;
            sum.three += rates.three;
            sum.wrong += rates.wrong;
        }
        let of = |count: usize| 100.0 * count as f64 / sum.decidable as f64;
        println!(
            "settings {with_settings}: {} first {:.1} three {:.1} wrong {:.1}",
            sum.decidable,
            of(sum.first),
            of(sum.three),
            of(sum.wrong)
        );
    }
    let file = learned(&all.iter().collect::<Vec<_>>());
    println!("{} texts, {} bytes", all.len(), file.len());
    if let Some(to) = std::env::var_os("EXPLAIN_WRITE") {
        std::fs::write(to, file).unwrap();
    }
}

/// Runs `ehlo explain` with these arguments and this standard input: exit status, standard output, standard error.
fn ehlo(arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_ehlo"))
        .arg("explain")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may stop reading before the end.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_reads_its_text_from_either_place() {
    let error = "530 5.7.0 Must issue a STARTTLS command first";
    let (status, by_argument, _) = ehlo(&["--json", error], b"");
    assert_eq!(status, Some(0));
    let (_, by_input, _) = ehlo(&["--json"], error.as_bytes());
    assert_eq!(by_argument, by_input);
    let (_, in_words, _) =
        ehlo(&["530", "5.7.0", "Must", "issue", "a", "STARTTLS", "command", "first", "--json"], b"");
    assert_eq!(by_argument, in_words);
    let value: serde_json::Value = serde_json::from_str(&by_argument).unwrap();
    assert_eq!(value["schema"], "ehlo-explain/1");
    assert_eq!(value["causes"][0]["code"], "auth-before-starttls-required");
    assert_eq!(value["decided"], true);
    let (_, text, _) = ehlo(&[error, "--host", "smtp.example.com", "--port", "587"], b"");
    assert!(text.contains("ehlo check smtp.example.com:587"), "{text}");
}

#[test]
fn the_command_stands_what_is_thrown_at_it() {
    let (status, text, notes) = ehlo(&[], &b"\xff\xfe\x1b[2J535 \xe9\0".repeat(60_000));
    assert_eq!(status, Some(0));
    assert!(!text.contains('\u{1b}') && notes.contains("only its first 256 KiB"), "{notes}");
    for (arguments, why) in [
        (&[][..], "there is no text"),
        (&["--port", "0", "x"][..], "0 is not in"),
        (&["--what"][..], "--what"),
    ] {
        let (status, out, notes) = ehlo(arguments, b" \n");
        assert_eq!((status, out.as_str()), (Some(3), ""), "{arguments:?}");
        assert!(notes.contains(why), "{notes}");
    }
    let (status, _, notes) = ehlo(&["EOF", "--tls", "TLS"], b"");
    assert_eq!(status, Some(0));
    assert!(notes.contains("can mean either mode"), "{notes}");
    let (status, text, _) = ehlo(&["- Connection refused"], b"");
    assert!(status == Some(0) && text.contains("Nothing listens"), "{text}");
}
