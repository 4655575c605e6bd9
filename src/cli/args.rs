//! What can be typed. The same definitions make `--help`, the completions and the manual page.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::guide::snippet;
use crate::net::proxy::ProxyArgument;
use crate::net::system::{DnsServer, Given};
use crate::report::text::Settings;
use crate::target::{Goal, RouteSpec, Secret};

/// Finds out which SMTP port and TLS mode work for sending mail from this machine, shows why, and teaches it.
///
/// Without a command it walks you through the decision tree in the terminal; without TARGET it asks for one, or for an
/// error message that an application printed. Nothing is sent but greetings: no password and no mail, unless you ask
/// for it.
#[derive(Debug, Parser)]
#[command(name = "ehlo", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do instead of the walk.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to walk to.
    #[command(flatten)]
    pub walk: WalkArgs,
}

const EXAMPLES: &str = "\
Examples:
  ehlo smtp.example.com          the guided walk
  ehlo lab:587-filtered          the same, in the built-in lab: no network is needed
  ehlo check smtp.example.com    the same without a screen, for scripts
  ehlo check sendgrid --json     a provider by its id, as JSON";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The same walk without a screen: prints a report and sets the exit status.
    #[command(after_help = EXIT_STATUS)]
    Check(Box<CheckArgs>),
    /// Learn without a network: scenarios that run inside the program.
    Lab(LabArgs),
    /// Names the likely cause of an error message that an application printed.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Opens a recorded journal.
    Replay(ReplayArgs),
    /// Prints shell completions.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page.
    Man,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  a route is ready
  1  a route is ready only after a fix
  2  no route works from here
  3  the run itself failed (usage, unreadable file, stopped by a signal)";

/// `ehlo [TARGET]`
#[derive(Clone, Debug, Args)]
pub struct WalkArgs {
    /// A host, host:port, [v6]:port, an IP address, an e-mail address, a provider's id such as sendgrid, or lab:SCENARIO
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// What both walks share.
    #[command(flatten)]
    pub options: Options,
    /// How the lab teaches.
    #[command(flatten)]
    pub quiz: QuizArgs,
}

/// How the lab teaches.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct QuizArgs {
    /// In the lab: walks plainly, without asking what you expect before each step.
    #[arg(long, help_heading = "Screen")]
    pub no_quiz: bool,
}

/// `ehlo check TARGET`
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// A host, host:port, [v6]:port, an IP address, an e-mail address, a provider's id such as sendgrid, or lab:SCENARIO
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// What both walks share.
    #[command(flatten)]
    pub options: Options,
    /// The form of the report.
    #[command(flatten)]
    pub form: FormArgs,
    /// Prints the transcript too, its lines numbered from 1 as on the screen; the JSON report has indexes from 0
    #[arg(long, help_heading = "Report")]
    pub transcript: bool,
    /// Shows how NAME spells the settings, such as nodemailer or postfix; `all` shows every program known.
    #[arg(long, value_name = "NAME", value_parser = settings, help_heading = "Report")]
    pub settings: Option<Settings>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub struct FormArgs {
    /// Prints the report as JSON (ehlo-report/1).
    #[arg(long, help_heading = "Report")]
    pub json: bool,
    /// Prints the report as Markdown, for a ticket.
    #[arg(long, help_heading = "Report")]
    pub markdown: bool,
    /// Prints each event as a JSON line as it happens.
    #[arg(long, help_heading = "Report")]
    pub events: bool,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  ehlo explain 'Connection refused (111)' --host smtp.example.com --port 587
  journalctl -u app | tail -50 | ehlo explain
  ehlo explain 535            a reply code; also 5.7.8, STARTTLS, 587, SPF, cert-expired";

/// `ehlo explain [TEXT]`
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// The error message, a reply code, an enhanced status code, a keyword or a finding; else standard input is read.
    #[arg(value_name = "TEXT")]
    pub text: Vec<String>,
    /// The host in the application's settings.
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// The port in the application's settings.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// How TLS starts there: starttls, implicit or none.
    #[arg(long, value_name = "MODE")]
    pub tls: Option<String>,
    /// Prints the explanation as JSON (ehlo-explain/1).
    #[arg(long, help_heading = "Report")]
    pub json: bool,
    /// How it looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// `ehlo lab`
#[derive(Clone, Debug, Args)]
pub struct LabArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<LabCommand>,
    /// How it looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// How it teaches.
    #[command(flatten)]
    pub quiz: QuizArgs,
}

/// The commands of the lab.
#[derive(Clone, Debug, Subcommand)]
pub enum LabCommand {
    /// Lists the scenarios: id, title and lesson, one a line.
    List,
    /// Prints a scenario with its solution, for those who teach.
    Show(LabShowArgs),
    /// Puts a scenario's servers on this machine, for swaks, openssl, curl, or an application under test.
    Serve(ServeArgs),
}

/// `ehlo lab show NAME`
#[derive(Clone, Debug, Args)]
pub struct LabShowArgs {
    /// The scenario.
    pub name: String,
}

/// `ehlo lab serve NAME`
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// The scenario.
    pub name: String,
    /// Listens on this address; 127.0.0.1 where nothing is said.
    #[arg(long, value_name = "ADDR")]
    pub bind: Option<IpAddr>,
    /// Which port here stands for which of the scenario, such as 587=1587,465=1465; 0 is any that is free.
    #[arg(long, value_name = "PORT=HERE", value_delimiter = ',')]
    pub ports: Vec<PortPair>,
    /// Allows an address that is not loopback: whoever reaches it can then talk to servers that are broken on purpose.
    #[arg(long)]
    pub expose_to_network: bool,
}

/// A port of the scenario, and the port here that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortPair(pub u16, pub u16);

impl std::str::FromStr for PortPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = text.split_once('=').and_then(|(of, here)| Some((of.parse().ok()?, here.parse().ok()?)));
        pair.filter(|(of, _)| *of != 0)
            .map(|(of, here)| Self(of, here))
            .ok_or_else(|| format!("'{text}' is not a pair of ports: write it as 587=1587"))
    }
}

/// `ehlo replay FILE`
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// The journal.
    pub file: PathBuf,
    /// The form of the report; without one the journal opens in the terminal.
    #[command(flatten)]
    pub form: ReplayFormArgs,
    /// Prints the transcript too, its lines numbered from 1 as on the screen; the JSON report has indexes from 0
    #[arg(long, help_heading = "Report")]
    pub transcript: bool,
    /// Shows how NAME spells the settings, such as nodemailer or postfix; `all` shows every program known.
    #[arg(long, value_name = "NAME", value_parser = settings, help_heading = "Report")]
    pub settings: Option<Settings>,
    /// How it looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// The forms of a replayed report.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub struct ReplayFormArgs {
    /// Prints its report as JSON (ehlo-report/1).
    #[arg(long, help_heading = "Report")]
    pub json: bool,
    /// Prints its report as Markdown.
    #[arg(long, help_heading = "Report")]
    pub markdown: bool,
    /// Prints its report as text.
    #[arg(long, help_heading = "Report")]
    pub text: bool,
}

/// How the program looks.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ScreenArgs {
    /// Uses no colours (so do NO_COLOR and TERM=dumb).
    #[arg(long, help_heading = "Screen")]
    pub no_color: bool,
    /// Uses only ASCII characters (so does a locale without UTF-8).
    #[arg(long, help_heading = "Screen")]
    pub ascii: bool,
}

/// What the mail is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GoalArg {
    /// An app or a mail client submits mail.
    #[default]
    Submit,
    /// A mail server delivers to other servers.
    Relay,
    /// Mail is accepted but lands in spam.
    Inbox,
}

impl From<GoalArg> for Goal {
    fn from(goal: GoalArg) -> Self {
        match goal {
            GoalArg::Submit => Self::Submit,
            GoalArg::Relay => Self::Relay,
            GoalArg::Inbox => Self::Inbox,
        }
    }
}

/// The heading over what is done beyond reaching the server.
const SUBMIT: &str = "Sign in and envelope";

/// Options shared by the walk and `check`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// What the mail is for.
    #[arg(long, value_enum, help_heading = "What to try")]
    pub goal: Option<GoalArg>,
    /// A route to try, instead of 587/starttls 465/implicit 2525/starttls; may be given several times.
    #[arg(long, value_name = "PORT/MODE", help_heading = "What to try")]
    pub route: Vec<RouteSpec>,
    /// Tries every route even after one works, port 25 included (for information), and looks closely at those that work:
    /// all certificates, the certificate without SNI, and whether NOOP behind STARTTLS is answered inside TLS.
    #[arg(long, help_heading = "What to try")]
    pub all: bool,
    /// Probes each route N times: for STARTTLS that comes and goes, and for flaky links.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "What to try")]
    pub repeat: u16,
    /// With --goal inbox: a host that sends for the domain, or whose SPF record is included; may be given several times.
    #[arg(long, value_name = "NAME", help_heading = "What to try")]
    pub sending_host: Vec<String>,
    /// With --goal inbox: an address that sends for the domain; may be given several times.
    #[arg(long, value_name = "ADDR", help_heading = "What to try")]
    pub sending_ip: Vec<IpAddr>,
    /// With --goal inbox: the selector of a DKIM key, instead of common ones; may be given several times.
    #[arg(long, value_name = "NAME", help_heading = "What to try")]
    pub dkim_selector: Vec<String>,
    /// The name said in EHLO.
    #[arg(long, value_name = "NAME", help_heading = "What to try")]
    pub ehlo: Option<String>,
    /// Also trusts the PEM roots in FILE.
    #[arg(long, value_name = "FILE", help_heading = "What to try")]
    pub cacert: Option<PathBuf>,

    /// Signs in with this user name, once, after TLS is verified; needs a password, or asks on the screen for it.
    #[arg(long, value_name = "NAME", help_heading = SUBMIT)]
    pub user: Option<String>,
    /// Takes the password, or the token, from the first line of FILE.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password_env", "ask_password"], help_heading = SUBMIT)]
    pub password_file: Option<PathBuf>,
    /// Takes it from the environment variable VAR.
    #[arg(long, value_name = "VAR", conflicts_with = "ask_password", help_heading = SUBMIT)]
    pub password_env: Option<String>,
    /// Asks for it on the terminal, without showing it.
    #[arg(long, requires = "user", help_heading = SUBMIT)]
    pub ask_password: bool,
    /// Uses this mechanism instead of the strongest that fits; with XOAUTH2 and OAUTHBEARER a token stands in the
    /// place of the password.
    #[arg(long, value_name = "MECH", help_heading = SUBMIT)]
    pub auth: Option<String>,
    /// Names this sender (MAIL FROM), then takes it back (RSET): nothing is sent. `<>` is the null sender.
    #[arg(long, value_name = "ADDRESS", help_heading = SUBMIT)]
    pub mail_from: Option<String>,
    /// Names this recipient too (RCPT TO).
    #[arg(long, value_name = "ADDRESS", help_heading = SUBMIT)]
    pub rcpt_to: Option<String>,
    /// Declares a message of so many octets with the sender, to see whether one of that size is taken.
    #[arg(long, value_name = "OCTETS", conflicts_with = "send_test", help_heading = SUBMIT)]
    pub message_size: Option<u64>,
    /// Sends one small message to that recipient; asks first.
    #[arg(long, help_heading = SUBMIT)]
    pub send_test: bool,
    /// Agrees to --send-test beforehand.
    #[arg(long, requires = "send_test", help_heading = SUBMIT)]
    pub yes: bool,
    /// Tries, without signing in, whether the server takes mail of a stranger for another stranger; nothing is sent.
    #[arg(long, help_heading = SUBMIT)]
    pub check_open_relay: bool,
    /// What was typed when a password was asked for.
    #[arg(skip)]
    pub asked: Option<Secret>,
    /// What was answered when asked about a message.
    #[arg(skip)]
    pub consent: Option<bool>,

    /// Limit of a TCP connect, for each address, in seconds.
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = seconds, help_heading = "Limits")]
    pub connect_timeout: Duration,
    /// Limit of the greeting, of each reply and of the TLS handshake, in seconds.
    #[arg(long, value_name = "SECS", default_value = "30", value_parser = seconds, help_heading = "Limits")]
    pub reply_timeout: Duration,
    /// Limit of the whole run, in seconds.
    #[arg(long, value_name = "SECS", default_value = "120", value_parser = seconds, help_heading = "Limits")]
    pub max_time: Duration,

    /// Uses IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6", help_heading = "Network")]
    pub ipv4: bool,
    /// Uses IPv6 only.
    #[arg(short = '6', help_heading = "Network")]
    pub ipv6: bool,
    /// Takes these addresses for HOST instead of asking DNS.
    #[arg(long, value_name = "HOST:ADDR[,ADDR]", help_heading = "Network")]
    pub resolve: Vec<Given>,
    /// Asks this DNS server instead of the system's.
    #[arg(long, value_name = "ADDR[:PORT]", help_heading = "Network")]
    pub dns_server: Option<DnsServer>,
    /// Connects through a proxy: socks5h://HOST:PORT, http://HOST:PORT (CONNECT), or ssh://USER@HOST (ssh -W, so that
    /// the probe leaves from there). Host names are looked up at the far end; what DNS publishes for a domain is asked here.
    #[arg(long, value_name = "URL", conflicts_with_all = ["ipv4", "ipv6"], help_heading = "Network")]
    pub proxy: Option<ProxyArgument>,
    /// Connects from this local address.
    #[arg(long, value_name = "ADDR", help_heading = "Network")]
    pub interface: Option<IpAddr>,

    /// Records the session in FILE as it runs (JSON lines); see replay.
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub journal: Option<PathBuf>,
    /// How it looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

impl Default for Options {
    /// What stands where nothing is typed.
    fn default() -> Self {
        let whole = Cli::try_parse_from(["ehlo"]);
        // The defaults are proven by a test: parsing nothing succeeds.
        whole.map_or_else(|error| error.exit(), |cli| cli.walk.options)
    }
}

fn settings(text: &str) -> Result<Settings, String> {
    if text == "all" {
        return Ok(Settings::All);
    }
    snippet::by_id(text).map(Settings::Of).ok_or_else(|| {
        let known: Vec<&str> = snippet::all().iter().map(|snippet| snippet.id.as_str()).collect();
        format!("'{text}' is not known: write all, or one of {}", known.join(", "))
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a time: write seconds from 0.1 to 3600");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if !(0.1..=3600.0).contains(&seconds) {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn check(line: &str) -> Result<CheckArgs, clap::Error> {
        let cli = Cli::try_parse_from(line.split(' '))?;
        match cli.command {
            Some(Command::Check(args)) => Ok(*args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_contracts_calls_are_understood() {
        let args = check(
            "ehlo check smtp.example.com --route 587/starttls --route 465/implicit --all --repeat 3 \
             --connect-timeout 2.5 -4 --resolve smtp.example.com:192.0.2.1,2001:db8::1 --dns-server 192.0.2.53 --json",
        )
        .unwrap();
        assert_eq!(args.options.route.len(), 2);
        assert_eq!(args.options.connect_timeout, Duration::from_millis(2500));
        assert_eq!(args.options.resolve[0].addresses.len(), 2);
        assert_eq!(args.options.dns_server, Some("192.0.2.53".parse().unwrap()));
        assert!(args.form.json && args.options.ipv4 && args.options.all);
        let walk = Cli::try_parse_from(["ehlo", "lab:587-filtered"]).unwrap();
        assert_eq!(walk.walk.target.as_deref(), Some("lab:587-filtered"));
        assert!(Cli::try_parse_from(["ehlo"]).unwrap().walk.target.is_none());
    }

    #[test]
    fn what_is_wrong_is_said_before_anything_runs() {
        for line in [
            "ehlo check",
            "ehlo check h --route 0/starttls",
            "ehlo check h --route 70000/implicit",
            "ehlo check h --route 587/tls",
            "ehlo check h --connect-timeout 0",
            "ehlo check h --max-time never",
            "ehlo check h --repeat 0",
            "ehlo check h -4 -6",
            "ehlo check h --json --markdown",
            "ehlo check h --resolve h",
            "ehlo check h --resolve h:nowhere",
            "ehlo check h --dns-server ns.example.com",
            "ehlo check h --user ann --password hunter2",
            "ehlo check h --user ann --password-file f --password-env v",
            "ehlo check h --ask-password",
            "ehlo check h --yes",
            "ehlo check h --message-size many",
            "ehlo check h --proxy socks5h://p:1 -4",
        ] {
            assert!(check(line).is_err(), "{line}");
        }
    }
}
