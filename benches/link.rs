//! What a walk costs on a slow link, beside swaks and `openssl s_client`: real servers behind 100 ms of delay each way,
//! in network namespaces of the benchmark's own. Needs root, aiosmtpd, Postfix, python3, swaks and openssl.
//!
//! Postfix leaves Nagle's algorithm on. Behind TLS 1.3 it sends session tickets, and holds back its reply to EHLO until
//! they are acknowledged: a seventh round trip that no client can save. aiosmtpd turns it off, and so shows what the
//! client spends.
//!
//! ```text
//! cargo bench --bench link
//! ```
//!
//! Prints the minimum, median and maximum of whole commands, and of the route as ehlo's own report times it; ends with
//! an error where a claim does not hold: a healthy 587 in 6 round trips and 60 ms, and with 587 and 465 filtered the
//! verdict on 2525 within the connect timeout and 8 round trips.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unused_imports,
    missing_docs,
    reason = "a bench, with the tools of the tests"
)]

#[path = "../tests/real/aiosmtpd.rs"]
mod aiosmtpd;
#[path = "../tests/real/authority.rs"]
mod authority;
#[path = "../tests/real/internet.rs"]
mod internet;
#[path = "../tests/lines/judge.rs"]
mod judge;
#[path = "../tests/real/postfix.rs"]
mod postfix;
#[path = "../tests/real/submission.rs"]
mod submission;
#[path = "../tests/real/tools.rs"]
mod tools;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use internet::{Host, Internet, SERVER_V4};
use postfix::Postfix;
use serde_json::Value;
use submission::{CLIENT, NAME};

/// Delay of the link in one direction.
const DELAY_MS: u32 = 100;
const ROUND_TRIP: Duration = Duration::from_millis(2 * DELAY_MS as u64);
/// Counted runs of each command, after one that is not counted.
const RUNS: usize = 5;
/// For what is filtered.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Times of one thing, sorted.
struct Times(Vec<Duration>);

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    fn row(&self, name: &str) {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let trips = self.median().as_secs_f64() / ROUND_TRIP.as_secs_f64();
        let (min, max) = (self.0[0], self.0[self.0.len() - 1]);
        println!("{name:<52} {:>7.0} {:>7.0} {:>7.0}   {trips:>5.2}", ms(min), ms(self.median()), ms(max));
    }
}

/// Whole runs of a command on the client.
fn whole(client: &Host, line: &[&str], wanted: impl Fn(&str) -> bool) -> Times {
    let runs = (0..=RUNS).map(|_| {
        let started = Instant::now();
        let output = client.run(line);
        let took = started.elapsed();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            wanted(&said),
            "{line:?} did not do its work\n{said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        took
    });
    Times::of(runs.skip(1).collect())
}

/// ehlo's own times of a route, from SYN to the capabilities after TLS; and of the whole run.
fn reported(client: &Host, line: &[&str], port: u64) -> (Times, Times) {
    let (mut routes, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..=RUNS {
        let output = client.run(line);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let route = report["routes"].as_array().expect("routes").iter().find(|route| route["port"] == port);
        let ms = |value: &Value| Duration::from_secs_f64(value.as_f64().expect("a time") / 1000.0);
        routes.push(ms(&route.expect("the route")["timing_ms"]["total"]));
        runs.push(ms(&report["elapsed_ms"]));
    }
    (Times::of(routes.split_off(1)), Times::of(runs.split_off(1)))
}

/// `ehlo check` with what stands for this small internet.
fn ehlo(authority: &str) -> Vec<String> {
    let timeout = CONNECT_TIMEOUT.as_secs().to_string();
    let resolve = format!("{NAME}:{SERVER_V4}");
    let line = [env!("CARGO_BIN_EXE_ehlo"), "check", NAME, "--resolve", &resolve, "--cacert", authority];
    let more = ["--connect-timeout", &timeout, "--ehlo", CLIENT, "--json"];
    line.iter().chain(&more).map(ToString::to_string).collect()
}

/// ehlo beside the others against one server; gives the time of ehlo's route over 587.
fn compare(server: &str, client: &Host, authority: &str) -> Times {
    let ehlo = ehlo(authority);
    let ehlo: Vec<&str> = ehlo.iter().map(String::as_str).collect();
    let swaks = |port: &str, tls: &str| {
        let line = format!(
            "swaks --server {SERVER_V4} --port {port} {tls} --ehlo {CLIENT} --quit-after EHLO \
             --to anna@example.test --from anna@example.test"
        );
        let line: Vec<&str> = line.split(' ').collect();
        whole(client, &line, |said| said.contains("AUTH"))
    };
    // What is to be said in TLS is sent without waiting for the greeting or the handshake, as nobody should.
    let s_client = |port: &str, more: &str| {
        let line = format!(
            "printf 'EHLO {CLIENT}\\r\\nQUIT\\r\\n' | \
             openssl s_client -connect {SERVER_V4}:{port} {more} -CAfile {authority} -verify_hostname {NAME} -quiet"
        );
        whole(client, &["sh", "-c", &line], |said| said.contains("AUTH"))
    };
    let recommends = |said: &str| said.contains("Use port");
    println!("{server}");
    let (healthy, _) = reported(client, &ehlo, 587);
    healthy.row("  ehlo, 587 STARTTLS, SYN to capabilities in TLS");
    whole(client, &ehlo, recommends).row("  ehlo check, whole command");
    swaks("587", "-tls").row("  swaks -tls, whole command");
    s_client("587", "-starttls smtp").row("  openssl s_client -starttls smtp, sent blind");
    let implicit = [ehlo.as_slice(), &["--route", "465/implicit"]].concat();
    let (route, _) = reported(client, &implicit, 465);
    route.row("  ehlo, 465 implicit TLS, SYN to capabilities");
    whole(client, &implicit, recommends).row("  ehlo check, whole command");
    swaks("465", "-tlsc").row("  swaks -tlsc, whole command");
    s_client("465", "").row("  openssl s_client, sent blind");
    healthy
}

fn main() -> ExitCode {
    // `cargo test --benches` and `cargo clippy` build this; only `cargo bench` runs it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    if !tools::require_root_or_skip() {
        return ExitCode::SUCCESS;
    }
    let internet = Internet::slow(DELAY_MS);
    let (client, server) = (&internet.client, &internet.server);
    println!("a link of {DELAY_MS} ms each way; milliseconds, and the median in round trips");
    println!("{:<52} {:>7} {:>7} {:>7}   {:>5}", "", "min", "median", "max", "trips");
    let healthy = {
        let aiosmtpd = aiosmtpd::start(server);
        compare("aiosmtpd", client, &aiosmtpd.authority_file().to_string_lossy())
    };
    let postfix = Postfix::start(server);
    let authority = postfix.authority_file().to_string_lossy().into_owned();
    compare("Postfix", client, &authority);

    server.firewall("input tcp dport { 587, 465 } drop");
    let ehlo = ehlo(&authority);
    let ehlo: Vec<&str> = ehlo.iter().map(String::as_str).collect();
    let (_, filtered) = reported(client, &ehlo, 2525);
    filtered.row("ehlo, 587 and 465 filtered: run to the verdict on 2525");
    server.no_firewall();

    let claims = [
        ("587 in 6 round trips and 60 ms", healthy.median(), 6 * ROUND_TRIP + Duration::from_millis(60)),
        ("2525 within the timeout and 8 round trips", filtered.median(), CONNECT_TIMEOUT + 8 * ROUND_TRIP),
    ];
    let mut holds = true;
    for (claim, took, limit) in claims {
        let word = if took <= limit { "holds" } else { "DOES NOT HOLD" };
        println!("{claim}: {word} ({} ms of {} ms)", took.as_millis(), limit.as_millis());
        holds &= took <= limit;
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
