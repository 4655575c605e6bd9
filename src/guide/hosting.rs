//! Whose machine this is, and which mail ports that company blocks on the way out: `assets/hosting.toml`, joined with
//! what the machine says of itself. Nobody is asked over the network.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::session::{Outcome, Route, Session};

/// A hosting company or platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosting {
    /// `digitalocean`.
    pub id: String,
    /// `DigitalOcean`.
    pub name: String,
    /// How its machines are recognised: one of these lists of facts must hold.
    seen: Vec<BTreeMap<String, String>>,
    /// Ports that it blocks outbound.
    pub blocks: Vec<u16>,
    /// Mail ports that it is known to leave open.
    pub open: Vec<u16>,
    /// Whom it blocks, where not everybody.
    pub whom: Option<String>,
    /// Since when: YYYY-MM-DD.
    pub since: Option<String>,
    /// Whom to ask.
    pub ask: String,
    /// How the block is lifted, or what to do instead.
    pub lift: String,
    /// The customer's own rules that may block too.
    pub rules: String,
    /// True where its own documentation says so.
    pub sure: bool,
    /// Where this stands.
    pub source: String,
    /// When it was checked: YYYY-MM.
    pub checked: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    hosting: Vec<Hosting>,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/hosting.toml")).unwrap_or_default());

/// All of them.
pub fn all() -> &'static [Hosting] {
    &TABLE.hosting
}

/// The company whose machine this is, by what the machine says of itself. A platform's variable says more than the
/// hardware that the platform rents.
pub fn by_facts(facts: &BTreeMap<String, String>) -> Option<&'static Hosting> {
    let mut found = all().iter().filter(|hosting| hosting.seen.iter().any(|wanted| holds(wanted, facts)));
    let first = found.next()?;
    let platform =
        |hosting: &&Hosting| hosting.seen.iter().any(|w| w.keys().any(|key| key.starts_with("env/")));
    found.find(platform).or(Some(first))
}

/// The company whose machine ran this session.
pub fn of(session: &Session) -> Option<&'static Hosting> {
    by_facts(session.machine())
}

fn holds(wanted: &BTreeMap<String, String>, facts: &BTreeMap<String, String>) -> bool {
    !wanted.is_empty()
        && wanted.iter().all(|(name, value)| {
            let Some(fact) = facts.get(name) else { return false };
            match (value.strip_prefix('*'), value.strip_suffix('*')) {
                (Some(end), _) => fact.ends_with(end),
                (_, Some(start)) => fact.starts_with(start),
                _ => fact == value,
            }
        })
}

impl Hosting {
    /// What it blocks, in a sentence or two: `DigitalOcean blocks 25, 465 and 587 outbound for new accounts; 2525 is open.`
    pub fn policy(&self) -> String {
        let verb = if self.sure { "blocks" } else { "is reported to block" };
        let mut text = format!("{} {verb} {} outbound", self.name, list(&self.blocks));
        if let Some(whom) = &self.whom {
            text.push_str(&format!(" for {whom}"));
        }
        if let Some(since) = self.since.as_ref().filter(|_| !self.says_when()) {
            text.push_str(&format!(" since {since}"));
        }
        match self.open.as_slice() {
            [] => {}
            [one] => text.push_str(&format!("; {one} is open")),
            more => text.push_str(&format!("; {} are open", list(more))),
        }
        text + "."
    }

    /// The same of one port that it blocks, in a few words.
    pub fn explains_one(&self, port: u16) -> String {
        let verb = if self.sure { "blocks" } else { "is reported to block" };
        format!("This machine is at {}, which {verb} port {port} outbound.", self.name)
    }

    /// True where the sentence has the year in it already.
    fn says_when(&self) -> bool {
        let year = self.since.as_ref().and_then(|since| since.get(..4));
        matches!((year, &self.whom), (Some(year), Some(whom)) if whom.contains(year))
    }

    /// What its policy means for ports that were seen silent: that it explains them, or that something else must.
    pub fn explains(&self, silent: &[u16]) -> String {
        let others: Vec<u16> = silent.iter().copied().filter(|port| !self.blocks.contains(port)).collect();
        let mut text = format!("This machine is at {}.", self.name);
        let some = silent.is_empty() || others.len() < silent.len();
        if some {
            let Self { source, checked, .. } = self;
            text.push_str(&format!(" {} (Source: {source}, checked {checked}.)", self.policy()));
        }
        let word = if others.len() == 1 { "port" } else { "ports" };
        let (list, rules) = (list(&others), &self.rules);
        let more = match others.as_slice() {
            [] => String::new(),
            _ if some => format!(" It is not known to block {word} {list}, silent too: look at {rules}."),
            _ => format!(" It is not known to block {word} {list}: look at {rules} first."),
        };
        text.push_str(&more);
        text
    }
}

/// `25, 465 and 587`.
pub fn list(ports: &[u16]) -> String {
    let mut words: Vec<String> = ports.iter().map(u16::to_string).collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

/// The ports whose connects were not answered, each once.
pub fn silent_ports(routes: &[Route]) -> Vec<u16> {
    let mut ports: Vec<u16> =
        routes.iter().filter(|route| route.outcome == Outcome::Filtered).map(|route| route.port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn id(pairs: &[(&str, &str)]) -> Option<&'static str> {
        by_facts(&facts(pairs)).map(|hosting| hosting.id.as_str())
    }

    #[test]
    fn the_asset_reads_and_every_entry_says_where_it_stands() {
        let read: Result<Table, _> = toml::from_str(include_str!("../../assets/hosting.toml"));
        assert!(read.is_ok_and(|table| table.hosting.len() >= 10));
        let mut ids = std::collections::BTreeSet::new();
        for hosting in all() {
            assert!(ids.insert(&hosting.id), "{} stands twice", hosting.id);
            assert!(!hosting.seen.is_empty() && !hosting.blocks.is_empty(), "{}", hosting.id);
            assert!(hosting.open.iter().all(|port| !hosting.blocks.contains(port)), "{}", hosting.id);
            assert!(hosting.lift.ends_with('.') && !hosting.source.is_empty(), "{}", hosting.id);
            assert!(!hosting.sure || !hosting.source.contains("reports"), "{}", hosting.id);
            let (year, month) = hosting.checked.split_once('-').unwrap();
            assert!(year.parse::<u16>().unwrap() >= 2026 && (1..=12).contains(&month.parse::<u8>().unwrap()));
        }
    }

    #[test]
    fn machines_are_known_by_what_they_say_of_themselves() {
        assert_eq!(id(&[("sys_vendor", "DigitalOcean"), ("product_name", "Droplet")]), Some("digitalocean"));
        assert_eq!(id(&[("sys_vendor", "Amazon EC2")]), Some("amazon-ec2"));
        assert_eq!(id(&[("sys_vendor", "Xen"), ("hypervisor/uuid", "ec2")]), Some("amazon-ec2"));
        assert_eq!(id(&[("sys_vendor", "Xen"), ("bios_version", "4.11.amazon")]), Some("amazon-ec2"));
        assert_eq!(id(&[("product_name", "Google Compute Engine")]), Some("google-cloud"));
        assert_eq!(id(&[("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77")]), Some("azure"));
        // Hyper-V in somebody's cellar, a laptop, and a machine that says nothing.
        assert_eq!(id(&[("sys_vendor", "Microsoft Corporation"), ("product_name", "Virtual Machine")]), None);
        assert_eq!(id(&[("sys_vendor", "LENOVO"), ("product_name", "20XW")]), None);
        assert_eq!(id(&[("sys_vendor", "NotDigitalOcean")]), None);
        assert_eq!(id(&[]), None);
        // The platform that rents its machines from another decides.
        assert_eq!(id(&[("sys_vendor", "Amazon EC2"), ("env/RENDER", "set")]), Some("render"));
    }

    #[test]
    fn policies_in_sentences() {
        let of = |id: &str| all().iter().find(|hosting| hosting.id == id).unwrap();
        assert_eq!(
            of("digitalocean").policy(),
            "DigitalOcean is reported to block 25, 465 and 587 outbound for new accounts; 2525 is open."
        );
        assert_eq!(
            of("azure").policy(),
            "Microsoft Azure blocks 25 outbound for most kinds of subscription since 2017-11-15; 587 and 465 are open."
        );
        assert_eq!(
            of("linode").policy(),
            "Linode (Akamai) blocks 25, 465 and 587 outbound for accounts created after 5 November 2019."
        );
    }

    #[test]
    fn a_policy_explains_only_what_it_is_about() {
        let ec2 = all().iter().find(|hosting| hosting.id == "amazon-ec2").unwrap();
        assert!(ec2.explains(&[25]).contains("Amazon EC2 blocks 25 outbound"));
        assert_eq!(
            ec2.explains(&[465, 587]),
            "This machine is at Amazon EC2. It is not known to block ports 465 and 587: look at the security groups \
             and network ACLs first."
        );
    }
}
