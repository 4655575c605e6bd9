//! The proof of a scenario: everything that is named exists, everything that exists is used, every text and number is
//! in its bounds, and no name or address belongs to anybody outside.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::event::RecordType;
use crate::lab::network::{HERE_V4, HERE_V6};
use crate::lab::pki::BUILT_IN;
use crate::lab::scenario::{OUTCOMES, Reach, Scenario};
use crate::lab::script::{Point, Rule, Secure, Smtp};
use crate::lab::zone::{self, Entry};
use crate::target::{Goal, Host, RouteSpec, Target, TlsMode};

const RECORDS: [RecordType; 8] = [
    RecordType::A,
    RecordType::Aaaa,
    RecordType::Cname,
    RecordType::Mx,
    RecordType::Srv,
    RecordType::Txt,
    RecordType::Tlsa,
    RecordType::Ptr,
];

/// Longest wait that a scenario may ask for, in milliseconds.
const LONGEST_MS: u64 = 600_000;

/// Every mistake, one sentence each. `id` is the name of the file.
pub fn mistakes(id: &str, scenario: &Scenario) -> Vec<String> {
    let mut proof = Proof::default();
    proof.texts(id, scenario);
    proof.certificates(scenario);
    proof.servers(scenario);
    proof.addresses(scenario);
    proof.names(scenario);
    proof.expectations(scenario);
    proof.use_of_all(scenario);
    proof.mistakes
}

#[derive(Default)]
struct Proof {
    mistakes: Vec<String>,
    used: BTreeSet<String>,
}

impl Proof {
    fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.mistakes.push(otherwise());
        }
    }

    fn texts(&mut self, id: &str, scenario: &Scenario) {
        self.check(scenario.id == id, || format!("its id is '{}', the file is named '{id}'", scenario.id));
        self.check(is_word(id), || format!("the id '{id}' may have small letters, digits and hyphens only"));
        for (field, text, most) in [
            ("title", &scenario.title, 60),
            ("lesson", &scenario.lesson, 160),
            ("story", &scenario.story, 1200),
            ("task", &scenario.task, 600),
            ("closing", &scenario.closing, 1600),
        ] {
            self.check(!text.trim().is_empty(), || format!("{field} is empty"));
            self.check(text.chars().count() <= most, || format!("{field} is longer than {most} characters"));
            let one_line = !matches!(field, "title" | "lesson") || !text.contains('\n');
            self.check(one_line, || format!("{field} must be one line"));
            self.check(is_visible(text), || format!("{field} has control characters"));
        }
        self.check(scenario.printed.as_deref().is_none_or(is_visible), || {
            "printed has control characters".into()
        });
        self.check(scenario.faults <= 3, || "more than three faults are no lesson".into());
        self.check((1..=3).contains(&scenario.difficulty), || "difficulty is 1, 2 or 3".into());
        let malformed = scenario.expected.findings.iter().any(|code| code == "target-malformed");
        match (&scenario.host(), malformed) {
            (None, false) => self.mistakes.push(format!("the target '{}' cannot be a host", scenario.target)),
            (Some(_), true) => {
                self.mistakes.push("the target can be a host, yet target-malformed is expected".into())
            }
            (Some(host), false) => self.check(is_ours(&host.to_string()), || foreign(&host.to_string())),
            (None, true) => {}
        }
        let run = &scenario.run;
        self.check(run.user.is_some() || (run.password.is_none() && run.auth.is_none()), || {
            "run has a password or a mechanism and no user".into()
        });
        self.check(run.mail_from.is_some() || run.rcpt_to.is_none(), || {
            "run has rcpt_to and no mail_from".into()
        });
        self.check(run.mail_from.is_some() || run.message_size.is_none(), || {
            "run has message_size and no mail_from".into()
        });
        self.check(run.repeat != Some(0), || "run.repeat cannot be 0".into());
        let names_port = matches!(scenario.target(), Some(Target::Host { port: Some(_), .. }));
        self.check(!names_port || run.routes.is_empty(), || {
            "the target names a port and run.routes others".into()
        });
    }

    fn certificates(&mut self, scenario: &Scenario) {
        let mut known: BTreeSet<&str> = BUILT_IN.into();
        for authority in &scenario.authorities {
            let id = &authority.id;
            self.check(authority.issuer == "self" || known.contains(authority.issuer.as_str()), || {
                format!("authority '{id}': its issuer '{}' is not above it", authority.issuer)
            });
            self.check(known.insert(id) && id != "self", || format!("authority '{id}' is there twice"));
            self.check(authority.not_before_days < authority.not_after_days, || {
                format!("authority '{id}' ends before it begins")
            });
            self.used.insert(format!("authority {}", authority.issuer));
        }
        let mut ids = BTreeSet::new();
        for certificate in &scenario.certificates {
            let id = &certificate.id;
            self.check(ids.insert(id), || format!("certificate '{id}' is there twice"));
            self.check(certificate.issuer == "self" || known.contains(certificate.issuer.as_str()), || {
                format!("certificate '{id}': there is no issuer '{}'", certificate.issuer)
            });
            self.check(certificate.not_before_days < certificate.not_after_days, || {
                format!("certificate '{id}' ends before it begins")
            });
            self.check(!certificate.names.is_empty() || certificate.common_name.is_some(), || {
                format!("certificate '{id}' has no name")
            });
            for name in &certificate.names {
                let bare = name.strip_prefix("*.").unwrap_or(name);
                let readable = Host::parse(bare).is_ok_and(|host| host.to_string() == bare);
                self.check(readable, || format!("certificate '{id}': '{name}' is no name or address"));
                self.check(is_ours(bare), || foreign(name));
            }
            self.used.insert(format!("authority {}", certificate.issuer));
        }
    }

    fn secure(&mut self, server: &str, secure: &Secure, scenario: &Scenario) {
        let id = &secure.certificate;
        let known = scenario.certificates.iter().any(|certificate| certificate.id == *id);
        self.check(known, || format!("server '{server}': there is no certificate '{id}'"));
        self.check(secure.min <= secure.max, || format!("server '{server}': TLS min is newer than max"));
        self.used.insert(format!("certificate {id}"));
        let mut names = BTreeSet::new();
        for other in &secure.by_name {
            let id = &other.certificate;
            let known = scenario.certificates.iter().any(|certificate| certificate.id == *id);
            self.check(known, || format!("server '{server}': there is no certificate '{id}'"));
            self.check(is_ours(&other.name), || foreign(&other.name));
            self.check(names.insert(&other.name), || {
                format!("server '{server}': two certificates for '{}'", other.name)
            });
            self.used.insert(format!("certificate {id}"));
        }
        if let Some(deaf) = &secure.deaf {
            self.check(deaf.above_bytes.is_some() || deaf.above_version.is_some(), || {
                format!("server '{server}': deaf to nothing")
            });
            self.check(deaf.then != crate::lab::script::Then::GoOn, || {
                format!("server '{server}': deaf and going on")
            });
        }
    }

    fn servers(&mut self, scenario: &Scenario) {
        let mut ids = BTreeSet::new();
        for server in &scenario.smtp {
            self.check(ids.insert(&server.id), || format!("server '{}' is there twice", server.id));
            self.smtp(server);
            if let Some(secure) = &server.secure {
                self.secure(&server.id, secure, scenario);
            }
        }
        for server in &scenario.http {
            self.check(ids.insert(&server.id), || format!("server '{}' is there twice", server.id));
            if let Some(secure) = &server.secure {
                self.secure(&server.id, secure, scenario);
            }
            for page in &server.pages {
                self.check(page.path.starts_with('/'), || {
                    format!("server '{}': the path '{}' does not begin with /", server.id, page.path)
                });
            }
        }
        for server in &scenario.raw {
            self.check(ids.insert(&server.id), || format!("server '{}' is there twice", server.id));
            self.check(server.delay_ms <= LONGEST_MS, || format!("server '{}' waits too long", server.id));
        }
    }

    fn smtp(&mut self, server: &Smtp) {
        let id = &server.id;
        self.check(is_ours(&server.name), || foreign(&server.name));
        self.check(server.secure.is_some() == (server.tls != TlsMode::None), || match server.tls {
            TlsMode::None => format!("server '{id}' has `secure` and never uses it"),
            _ => format!("server '{id}' speaks TLS and has no `secure`"),
        });
        let said = match server.tls {
            TlsMode::Starttls => true,
            TlsMode::Implicit => server.capabilities.is_empty(),
            TlsMode::None => server.capabilities_tls.is_empty(),
        };
        self.check(said, || format!("server '{id}' has capabilities that it never says"));
        let offers = |lines: &[String]| lines.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS"));
        self.check(server.tls == TlsMode::Starttls || !offers(&server.capabilities), || {
            format!("server '{id}' offers STARTTLS and cannot do it: give it tls = \"starttls\" and a rule")
        });
        self.check(!offers(&server.capabilities_tls), || {
            format!(
                "server '{id}' offers STARTTLS inside TLS (RFC 3207 §4.2): use a rule if that is the lesson"
            )
        });
        let lines = server.capabilities.iter().chain(&server.capabilities_tls).chain([&server.banner]);
        for line in lines {
            let plain = !line.is_empty() && line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            self.check(plain, || {
                format!("server '{id}': '{}' is not one line of ASCII", line.escape_debug())
            });
        }
        for answer in &server.auth.answers {
            // They are printed in commands for a shell.
            let harmless =
                |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || "@.-_ ".contains(c));
            self.check(answer.user.iter().chain(&answer.secret).all(harmless), || {
                format!("server '{id}': a user or a secret may have letters, digits, blanks and @.-_ only")
            });
            self.reply(id, &answer.reply);
        }
        if let Some(reply) = &server.auth.refused {
            self.reply(id, reply);
        }
        self.check(server.idle_ms.is_none_or(|ms| (1..=LONGEST_MS).contains(&ms)), || {
            format!("server '{id}': idle_ms is from 1 to {LONGEST_MS}")
        });
        for rule in &server.rules {
            self.rule(server, rule);
        }
    }

    fn rule(&mut self, server: &Smtp, rule: &Rule) {
        let place = format!("server '{}', rule at {:?}", server.id, rule.at);
        let says = [rule.reply.is_some(), rule.raw.is_some(), rule.silent, rule.endless.is_some()];
        let says = says.into_iter().filter(|says| *says).count();
        self.check(says <= 1, || format!("{place}: reply, raw, silent and endless exclude each other"));
        let idle = says == 0
            && rule.delay_ms == 0
            && rule.append.is_none()
            && rule.drip_ms.is_none()
            && rule.then == crate::lab::script::Then::GoOn;
        self.check(!idle, || format!("{place} does nothing"));
        self.check(rule.delay_ms <= LONGEST_MS, || format!("{place} waits too long"));
        self.check(rule.drip_ms.is_none_or(|ms| ms <= 10_000), || format!("{place} drips too slowly"));
        self.check(rule.nth != Some(0), || format!("{place}: nth counts from 1"));
        let has_argument = !matches!(rule.at, Point::Greeting | Point::Handshake | Point::Message);
        self.check(has_argument || rule.matches.is_none(), || {
            format!("{place}: there is no argument to match")
        });
        if rule.at == Point::Handshake {
            self.check(server.tls != TlsMode::None, || format!("{place}: this server makes no handshake"));
            let fits =
                !rule.silent && rule.endless.is_none() && rule.append.is_none() && rule.drip_ms.is_none();
            self.check(fits, || format!("{place}: only delay_ms, reply, raw and then have a meaning here"));
        } else if let Some(reply) = &rule.reply {
            self.reply(&server.id, reply);
        }
        let inside_implicit = rule.inside == Some(crate::lab::script::Layer::Plain);
        self.check(!inside_implicit || server.tls != TlsMode::Implicit, || {
            format!("{place}: this server says nothing outside TLS")
        });
    }

    /// A reply must be one: what is none is written as `raw`.
    fn reply(&mut self, server: &str, reply: &str) {
        let lines: Vec<&str> = reply.lines().collect();
        let code = |line: &str| line.get(..3).and_then(|code| code.parse::<u16>().ok());
        let first = lines.first().and_then(|line| code(line));
        let last = lines.len().saturating_sub(1);
        let well_formed = first.is_some_and(|code| (200..=599).contains(&code))
            && lines.iter().enumerate().all(|(at, line)| {
                let separator = if at == last { " " } else { "-" };
                let ascii = line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
                code(line) == first && line.get(3..4) == Some(separator) && line.len() <= 510 && ascii
            });
        self.check(well_formed, || {
            format!("server '{server}': '{}' is not a reply; use raw if that is meant", reply.escape_debug())
        });
    }

    fn addresses(&mut self, scenario: &Scenario) {
        let mut seen = BTreeSet::new();
        for address in &scenario.addresses {
            let ip = address.ip;
            self.check(seen.insert(ip), || format!("address {ip} is there twice"));
            self.check(is_reserved(ip), || {
                format!("address {ip} may belong to somebody: use a documentation one")
            });
            self.check(address.latency_ms <= 2000, || format!("address {ip}: more than 2 s one way"));
            self.check(address.largest_packet != Some(0), || {
                format!("address {ip}: no packet is that small")
            });
            for door in address.ports.values().chain([&address.unlisted]) {
                self.check(!door.0.is_empty(), || format!("address {ip}: a port does nothing at all"));
                for reach in &door.0 {
                    match reach {
                        Reach::Open(id) => {
                            let known = scenario.smtp.iter().map(|server| &server.id);
                            let known = known.chain(scenario.http.iter().map(|server| &server.id));
                            let mut known = known.chain(scenario.raw.iter().map(|server| &server.id));
                            self.check(known.any(|known| known == id), || {
                                format!("address {ip}: there is no server '{id}'")
                            });
                            self.used.insert(format!("server {id}"));
                        }
                        Reach::Icmp(icmp) => {
                            let fits = icmp.from.is_ipv4() == ip.is_ipv4() && is_reserved(icmp.from);
                            self.check(fits, || {
                                format!("address {ip}: {} cannot send that ICMP error", icmp.from)
                            });
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn names(&mut self, scenario: &Scenario) {
        let mut seen = BTreeSet::new();
        for name in &scenario.dns.names {
            let place = format!("name '{}'", name.name);
            self.check(seen.insert(&name.name), || format!("{place} is there twice"));
            self.check(name.name == zone::normal(&name.name) && !name.name.is_empty(), || {
                format!("{place} must be in small letters without a dot at the end")
            });
            self.check(is_ours(&name.name), || foreign(&name.name));
            for key in name.fails.keys() {
                let known = key == "all" || RECORDS.iter().any(|record| zone::key(*record) == key);
                self.check(known, || format!("{place}: '{key}' is not a type of record that ehlo asks for"));
            }
            let mut kinds = 0;
            for record in RECORDS {
                let Some(entries) = name.entries(record) else {
                    self.mistakes
                        .push(format!("{place}: a record of type {} cannot be read", zone::key(record)));
                    continue;
                };
                kinds += usize::from(!entries.is_empty());
                for entry in entries {
                    if let Entry::TlsaOf { certificate, .. } = entry {
                        let known = scenario.certificates.iter().any(|spec| spec.id == certificate);
                        self.check(known, || format!("{place}: there is no certificate '{certificate}'"));
                        self.used.insert(format!("certificate {certificate}"));
                    }
                }
            }
            self.check(name.cname.is_none() || kinds == 1, || {
                format!("{place} is an alias and has other records (RFC 1034 §3.6.2)")
            });
            let addresses = name.a.iter().copied().map(IpAddr::V4);
            for ip in addresses.chain(name.aaaa.iter().copied().map(IpAddr::V6)) {
                // The caller is at none of them, and where no port is tried nobody goes there.
                let elsewhere = ip == HERE_V4 || ip == HERE_V6 || scenario.goal == Goal::Inbox;
                self.check(elsewhere || scenario.address(ip).is_some(), || {
                    format!("{place}: there is no address {ip}")
                });
            }
        }
        for system in &scenario.dns.system {
            self.check(is_ours(&system.name), || foreign(&system.name));
            self.check(system.error.is_some() == system.addresses.is_empty(), || {
                format!("the system's answer for '{}' is addresses or an error", system.name)
            });
        }
    }

    fn expectations(&mut self, scenario: &Scenario) {
        let expected = &scenario.expected;
        for code in expected.findings.iter().chain(&expected.absent) {
            self.check(is_word(code), || format!("'{code}' is not a finding code"));
        }
        for code in &expected.findings {
            self.check(!expected.absent.contains(code), || format!("{code} is expected and must be absent"));
        }
        for (route, outcome) in &expected.outcomes {
            if let Err(error) = route.parse::<RouteSpec>() {
                self.mistakes.push(format!("expected.outcomes: {error}"));
            }
            self.check(OUTCOMES.contains(&outcome.as_str()), || {
                format!("'{outcome}' is not an outcome of a route")
            });
        }
    }

    fn use_of_all(&mut self, scenario: &Scenario) {
        let servers = scenario.smtp.iter().map(|server| &server.id);
        let servers = servers.chain(scenario.http.iter().map(|server| &server.id));
        let servers =
            servers.chain(scenario.raw.iter().map(|server| &server.id)).map(|id| format!("server {id}"));
        let certificates = scenario.certificates.iter().map(|spec| format!("certificate {}", spec.id));
        let authorities = scenario.authorities.iter().map(|spec| format!("authority {}", spec.id));
        let unused =
            servers.chain(certificates).chain(authorities).filter(|thing| !self.used.contains(thing));
        let unused: Vec<String> = unused.map(|thing| format!("{thing} is never used")).collect();
        self.mistakes.extend(unused);
    }
}

fn foreign(name: &str) -> String {
    format!(
        "'{name}' may belong to somebody: use names under example.com, example.net, example.org, .example or .test"
    )
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_visible(text: &str) -> bool {
    text.chars().all(|char| !char.is_control() || char == '\n')
}

/// Names that are set aside for examples (RFC 2606, RFC 6761), and reverse names.
fn is_ours(name: &str) -> bool {
    const ZONES: [&str; 9] = [
        "example.com",
        "example.net",
        "example.org",
        "example",
        "test",
        "invalid",
        "localhost",
        "in-addr.arpa",
        "ip6.arpa",
    ];
    if let Ok(ip) = name.parse() {
        return is_reserved(ip);
    }
    let under =
        |zone: &&str| name.strip_suffix(*zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    ZONES.iter().any(under)
}

/// Addresses that are nobody's: documentation, private, loopback, link-local.
fn is_reserved(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_documentation() || ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => {
            let documentation = matches!(ip.segments(), [0x2001, 0xdb8, ..]);
            documentation || ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
    }
}
