//! A domain in the lab: its names, its mail servers, its policy; and who asks about it.

use std::fmt::Write as _;
use std::net::IpAddr;

use ehlo::event::{Discover, ProxyFault, Sending};
use ehlo::lab::scenario::Scenario;
use ehlo::session::Session;
use ehlo::target::Goal;

use super::{Asked, run_asked};

/// A small world around one domain.
#[derive(Clone)]
pub struct World {
    asked: Asked,
    names: Vec<(String, String)>,
    addresses: Vec<(String, String)>,
    rest: String,
}

impl World {
    fn new(domain: &str, goal: Goal) -> Self {
        let asked = Asked { host: domain.to_owned(), goal, ..Asked::default() };
        Self { asked, names: Vec::new(), addresses: Vec::new(), rest: String::new() }
    }

    /// Its recipients are delivered to.
    pub fn relay(domain: &str) -> Self {
        Self::new(domain, Goal::Relay)
    }

    /// Its mail lands in the spam folder.
    pub fn inbox(domain: &str) -> Self {
        Self::new(domain, Goal::Inbox)
    }

    /// One of its users asks where to submit.
    pub fn mailbox(domain: &str) -> Self {
        let mut world = Self::new(domain, Goal::Submit);
        world.asked.discover = Some(Discover::Submission);
        world
    }

    /// A name with its records; in place of what was said of it before.
    pub fn name(mut self, name: &str, records: &str) -> Self {
        self.names.retain(|(known, _)| known != name);
        self.names.push((name.to_owned(), records.to_owned()));
        self
    }

    /// The caller's address has a name that leads back.
    pub fn reverse(self) -> Self {
        self.name("77.100.51.198.in-addr.arpa", "ptr = ['mail.example.net']")
            .name("mail.example.net", "a = ['198.51.100.77']")
    }

    /// An address and its ports.
    pub fn address(mut self, address: &str, ports: &str) -> Self {
        self.addresses.push((address.to_owned(), ports.to_owned()));
        self
    }

    /// A healthy mail server on port 25, with more about its TLS.
    pub fn server(self, address: &str, name: &str, secure: &str) -> Self {
        let certificate = format!("names = ['{name}']");
        self.server_with(address, name, secure, &certificate)
    }

    /// The same with this certificate; its id is `own` and the number of the server.
    pub fn server_with(mut self, address: &str, name: &str, secure: &str, certificate: &str) -> Self {
        let number = self.addresses.len() + 1;
        let more = if secure.is_empty() { String::new() } else { format!(", {secure}") };
        let _ = write!(
            self.rest,
            "[[smtp]]\nid = 'server{number}'\nname = '{name}'\ntls = 'starttls'\n\
             capabilities = ['PIPELINING', 'STARTTLS']\ncapabilities_tls = ['PIPELINING']\n\
             secure = {{ certificate = 'own{number}'{more} }}\n"
        );
        self.certificate(&format!("own{number}"), certificate)
            .address(address, &format!("25 = {{ open = 'server{number}' }}"))
    }

    /// A mail server without STARTTLS.
    pub fn plain_server(mut self, address: &str, name: &str) -> Self {
        let number = self.addresses.len() + 1;
        let _ = write!(
            self.rest,
            "[[smtp]]\nid = 'server{number}'\nname = '{name}'\ntls = 'none'\ncapabilities = ['PIPELINING']\n"
        );
        self.address(address, &format!("25 = {{ open = 'server{number}' }}"))
    }

    /// A certificate.
    pub fn certificate(mut self, id: &str, fields: &str) -> Self {
        let _ = write!(self.rest, "[[certificate]]\nid = '{id}'\n{fields}\n");
        self
    }

    /// The domain announces this policy and serves it.
    pub fn policy(self, body: &str) -> Self {
        self.policy_as(body, "names = ['mta-sts.example.com']")
    }

    /// The same, served with this certificate.
    pub fn policy_as(self, body: &str, certificate: &str) -> Self {
        let page = format!("[[http.page]]\npath = '/.well-known/mta-sts.txt'\nbody = \"{body}\"\n");
        self.serves(&page, certificate)
    }

    /// The domain announces a policy whose server leads elsewhere.
    pub fn policy_redirects(self) -> Self {
        self.serves("redirect = 'https://www.example.com/'\n", "names = ['mta-sts.example.com']")
    }

    fn serves(mut self, more: &str, certificate: &str) -> Self {
        let _ = write!(self.rest, "[[http]]\nid = 'web'\nsecure = {{ certificate = 'web' }}\n{more}");
        self.certificate("web", certificate)
            .name("_mta-sts.example.com", "txt = ['v=STSv1; id=20261125']")
            .name("mta-sts.example.com", "a = ['192.0.2.90']")
            .address("192.0.2.90", "443 = { open = 'web' }")
    }

    /// This address sends for the domain.
    pub fn sends_from(mut self, address: &str) -> Self {
        self.asked.sending.addresses.push(address.parse::<IpAddr>().unwrap());
        self
    }

    /// This host sends for the domain.
    pub fn sends_by(mut self, host: &str) -> Self {
        self.asked.sending.hosts.push(host.to_owned());
        self
    }

    /// This selector is asked for.
    pub fn selector(mut self, selector: &str) -> Self {
        self.asked.sending.selectors.push(selector.to_owned());
        self
    }

    /// A proxy carries the connections, and makes none where there is a fault.
    pub fn carried(mut self, fault: Option<ProxyFault>) -> Self {
        self.asked.carried = Some(fault);
        self
    }

    fn scenario(&self) -> Scenario {
        let goal = self.asked.goal.as_str();
        let mut text = format!(
            "id = 'world'\ntitle = 'A domain'\ntopic = 'relay'\ndifficulty = 1\nlesson = 'A lesson.'\n\
             story = 'A story.'\ntask = 'A task.'\ntarget = '{}'\ngoal = '{goal}'\nclosing = 'The end.'\n\
             expected = {{ recommendation = 'none' }}\n",
            self.asked.host
        );
        for (name, records) in &self.names {
            let _ = write!(text, "[[dns.name]]\nname = '{name}'\n{records}\n");
        }
        for (address, ports) in &self.addresses {
            let _ =
                write!(text, "[[address]]\nip = '{address}'\nlatency_ms = 10\n[address.ports]\n{ports}\n");
        }
        text.push_str(&self.rest);
        Scenario::read("world", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// Runs the engine over it.
    pub async fn run(self) -> Session {
        run_asked(self.asked.clone(), self.scenario()).await
    }

    /// Runs the engine over it; these are the findings, and no others.
    pub async fn finds(self, codes: &[&str]) -> Session {
        let session = self.run().await;
        let mut found: Vec<&str> = session.findings().iter().map(|finding| finding.code).collect();
        found.sort_unstable();
        let mut wanted = codes.to_vec();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "\n{}", crate::told(&session));
        session
    }
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            host: String::new(),
            goal: Goal::Submit,
            routes: Vec::new(),
            all: false,
            discover: None,
            sending: Sending::default(),
            carried: None,
        }
    }
}
