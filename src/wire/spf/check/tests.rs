//! The evaluation over a small DNS.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A small DNS: whatever is not in it is void.
#[derive(Default)]
struct Zone(BTreeMap<(String, Kind), Answer>);

impl Zone {
    fn txt(mut self, name: &str, text: &str) -> Self {
        let entry = self.0.entry((name.into(), Kind::Txt)).or_insert(Answer::Txt(Vec::new()));
        if let Answer::Txt(texts) = entry {
            texts.push(text.into());
        }
        self
    }

    fn a(mut self, name: &str, address: &str) -> Self {
        self.0.insert((name.into(), Kind::A), Answer::Addresses(vec![address.parse().unwrap()]));
        self
    }

    fn ptr(mut self, address: &str, names: &[&str]) -> Self {
        let names = names.iter().map(ToString::to_string).collect();
        self.0.insert((address.into(), Kind::Ptr), Answer::Names(names));
        self
    }

    fn fails(mut self, name: &str, kind: Kind) -> Self {
        self.0.insert((name.into(), kind), Answer::Failed);
        self
    }

    fn mx(mut self, name: &str, host: &str) -> Self {
        self.0.insert((name.into(), Kind::Mx), Answer::Names(vec![host.into()]));
        self
    }
}

impl Lookups for Zone {
    fn answer(&self, name: &str, kind: Kind) -> Answer {
        self.0.get(&(name.to_owned(), kind)).cloned().unwrap_or(Answer::Void)
    }
}

/// Nothing has been asked yet.
struct Nobody;

impl Lookups for Nobody {
    fn answer(&self, _: &str, _: Kind) -> Answer {
        Answer::Unknown
    }
}

fn at(zone: &Zone, ip: &str) -> Verdict {
    check(US, Some(ip.parse().unwrap()), zone).verdict
}

const US: Sender<'static> = Sender { domain: "example.com", local: None };
const PASS: Verdict = Verdict::Said(Qualifier::Pass);
const FAIL: Verdict = Verdict::Said(Qualifier::Fail);

/// RFC 7208 appendix A.1, with the zone of its beginning.
#[test]
fn the_simple_examples_of_the_rfc() {
    let zone = |record: &str| {
        Zone::default()
            .txt("example.com", record)
            .a("example.com", "192.0.2.10")
            .a("mail-a.example.com", "192.0.2.129")
            .a("mail-c.example.org", "192.0.2.140")
            .mx("example.com", "mail-a.example.com")
            .mx("example.org", "mail-c.example.org")
            .a("example.org", "192.0.2.200")
    };
    for (record, ip, verdict) in [
        ("v=spf1 +all", "203.0.113.1", PASS),
        ("v=spf1 a -all", "192.0.2.10", PASS),
        ("v=spf1 a -all", "192.0.2.129", FAIL),
        ("v=spf1 a:example.org -all", "192.0.2.10", FAIL),
        ("v=spf1 mx -all", "192.0.2.129", PASS),
        ("v=spf1 mx:example.org -all", "192.0.2.140", PASS),
        ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131", PASS),
        ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.143", PASS),
        ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.144", FAIL),
        ("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129", PASS),
        ("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65", FAIL),
        ("v=spf1 ?a", "192.0.2.10", Verdict::Said(Qualifier::Neutral)),
        ("v=spf1 a", "203.0.113.1", Verdict::Said(Qualifier::Neutral)),
    ] {
        assert_eq!(at(&zone(record), ip), verdict, "{record} {ip}");
    }
}

#[test]
fn include_passes_on_a_pass_only_and_redirect_takes_over() {
    let zone = Zone::default()
        .txt("example.com", "v=spf1 include:_spf.example.net ~all")
        .txt("_spf.example.net", "v=spf1 ip4:198.51.100.0/24 -all");
    assert_eq!(at(&zone, "198.51.100.7"), PASS);
    assert_eq!(at(&zone, "203.0.113.7"), Verdict::Said(Qualifier::SoftFail));
    let found = check(US, Some("198.51.100.7".parse().unwrap()), &zone);
    assert_eq!(found.matched.unwrap().term, "include:_spf.example.net");
    let zone = Zone::default()
        .txt("example.com", "v=spf1 redirect=_spf.example.net")
        .txt("_spf.example.net", "v=spf1 ip4:198.51.100.0/24 -all");
    assert_eq!(at(&zone, "203.0.113.7"), FAIL);
    assert_eq!(check(US, None, &zone).counted.len(), 1);
}

#[test]
fn broken_ends() {
    let include = Zone::default().txt("example.com", "v=spf1 include:gone.example.net -all");
    let found = check(US, Some("203.0.113.1".parse().unwrap()), &include);
    assert_eq!((found.verdict, found.void), (Verdict::PermError, vec!["gone.example.net".to_owned()]));
    let twice = Zone::default().txt("example.com", "v=spf1 -all").txt("example.com", "v=spf1 a -all");
    assert_eq!(at(&twice, "192.0.2.1"), Verdict::PermError);
    assert_eq!(at(&Zone::default(), "192.0.2.1"), Verdict::None);
    // A term that matches before the broken one decides.
    let early = Zone::default().txt("example.com", "v=spf1 ip4:192.0.2.1 include:gone.example.net -all");
    assert_eq!(at(&early, "192.0.2.1"), PASS);
    // A record that includes itself comes to an end.
    let circle = Zone::default().txt("example.com", "v=spf1 include:example.com -all");
    let found = check(US, None, &circle);
    assert!(found.and_more && found.too_many());
}

/// RFC 7208 §4.6.4: include, a, mx, ptr, exists and redirect count; all, ip4 and ip6 do not; nor does what stands
/// behind all.
#[test]
fn what_counts() {
    let zone = Zone::default().txt(
        "example.com",
        "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 a mx ptr exists:e.example.net include:i.example.net -all a:x.example",
    );
    let zone = zone.txt("i.example.net", "v=spf1 a:j.example.net redirect=k.example.net");
    let zone = zone.txt("k.example.net", "v=spf1 ip4:192.0.2.2 ?all");
    let found = check(US, None, &zone);
    let terms: Vec<_> = found.counted.iter().map(|c| c.term.as_str()).collect();
    let wanted = ["a", "mx", "ptr", "exists:e.example.net", "include:i.example.net", "a:j.example.net"];
    assert_eq!(terms[..6], wanted);
    assert_eq!(terms[6], "redirect=k.example.net");
    assert_eq!(terms.len(), 7);
    // The domain has neither an address nor an exchanger: that is two terms.
    assert_eq!(found.void, ["example.com", "example.com", "e.example.net", "j.example.net"]);
    let ten = |n: usize| (0..n).map(|i| format!("a:h{i}.example.net ")).collect::<String>();
    let exactly = Zone::default().txt("example.com", &format!("v=spf1 {}-all", ten(10)));
    assert!(!check(US, None, &exactly).too_many());
    let beyond = Zone::default().txt("example.com", &format!("v=spf1 {}-all", ten(11)));
    assert!(check(US, None, &beyond).too_many());
}

/// RFC 7208 §5.5, and appendix A.1's `ptr`.
#[test]
fn ptr_asks_for_a_name_that_leads_back() {
    let zone = |record: &str| {
        Zone::default()
            .txt("example.com", record)
            .ptr("192.0.2.65", &["mail.example.com"])
            .a("mail.example.com", "192.0.2.65")
            .ptr("10.0.0.4", &["bob.example.com"])
            .a("bob.example.com", "10.0.0.5")
            .ptr("192.0.2.140", &["mail-c.example.org"])
            .a("mail-c.example.org", "192.0.2.140")
    };
    for (record, ip, verdict) in [
        ("v=spf1 ptr -all", "192.0.2.65", PASS),
        ("v=spf1 ptr -all", "192.0.2.140", FAIL),
        // Its reverse name does not lead back.
        ("v=spf1 ptr -all", "10.0.0.4", FAIL),
        ("v=spf1 ptr:example.org -all", "192.0.2.140", PASS),
        ("v=spf1 ptr:c.example.org -all", "192.0.2.140", FAIL),
        ("v=spf1 ptr:mail-c.example.org -all", "192.0.2.140", PASS),
        // No reverse name at all.
        ("v=spf1 ptr ~all", "203.0.113.1", Verdict::Said(Qualifier::SoftFail)),
        // The macro of the validated name.
        ("v=spf1 a:%{p} -all", "192.0.2.140", PASS),
        ("v=spf1 exists:%{p}.example -all", "203.0.113.1", FAIL),
    ] {
        assert_eq!(at(&zone(record), ip), verdict, "{record} {ip}");
    }
    // A look-up that fails is a name that does not match, no error.
    let failing = zone("v=spf1 ptr -all").fails("192.0.2.65", Kind::Ptr);
    assert_eq!(at(&failing, "192.0.2.65"), FAIL);
    // Of many names the first ten are looked at.
    let names: Vec<String> = (0..11).map(|n| format!("h{n}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let last = |n: usize| {
        let zone = Zone::default().txt("example.com", "v=spf1 ptr -all").ptr("192.0.2.7", &names);
        zone.a(&format!("h{n}.example.com"), "192.0.2.7")
    };
    assert_eq!((at(&last(9), "192.0.2.7"), at(&last(10), "192.0.2.7")), (PASS, FAIL));
}

/// One level at a time: the reverse name, then the addresses of the names.
#[test]
fn ptr_wants_what_it_needs() {
    struct Level(usize);
    impl Lookups for Level {
        fn answer(&self, name: &str, kind: Kind) -> Answer {
            match (kind, self.0) {
                (Kind::Txt, _) => Answer::Txt(vec!["v=spf1 ptr -all".into()]),
                (Kind::Ptr, 1..) => Answer::Names(vec!["mail.example.com".into()]),
                (Kind::Aaaa, 2..) if name == "mail.example.com" => {
                    Answer::Addresses(vec!["2001:db8::7".parse().unwrap()])
                }
                _ => Answer::Unknown,
            }
        }
    }
    let at = |level: usize| check(US, Some("2001:db8::7".parse().unwrap()), &Level(level));
    assert_eq!(at(0).wanted, [("2001:db8::7".to_owned(), Kind::Ptr)]);
    assert_eq!(at(1).wanted, [("mail.example.com".to_owned(), Kind::Aaaa)]);
    assert_eq!((at(1).verdict, at(2).verdict), (Verdict::Pending, PASS));
    assert!(check(US, None, &Level(0)).wanted.is_empty(), "nobody in particular has no reverse name");
}

/// RFC 7208 §4.6.4: a third term that looks up what is not there is an error; only for a sender that comes so far.
#[test]
fn void_look_ups_of_a_sender_are_limited() {
    let zone = Zone::default()
        .txt("example.com", "v=spf1 exists:%{i}.a.example exists:%{i}.b.example ip4:192.0.2.1 ptr -all");
    assert_eq!(at(&zone, "192.0.2.1"), PASS, "two are allowed, and the third is not looked at");
    let found = check(US, Some("192.0.2.2".parse().unwrap()), &zone);
    assert_eq!((found.verdict, found.void_met.len()), (Verdict::PermError, 3));
    assert!(found.problem.unwrap().contains("3 of its look-ups"));
    assert!(check(US, None, &zone).void.is_empty(), "for nobody in particular the names are not known");
}

/// What is not known of a sender is not guessed: the part before the @, and the name said in HELO.
#[test]
fn macros_about_an_unknown_sender_settle_nothing() {
    let zone = |macros: &str| {
        let record = format!("v=spf1 exists:{macros}._spf.example.com -all");
        Zone::default().txt("example.com", &record).a("ann._spf.example.com", "127.0.0.2")
    };
    assert_eq!(at(&zone("%{l}"), "192.0.2.1"), Verdict::Pending);
    assert_eq!(at(&zone("%{h}"), "192.0.2.1"), Verdict::Pending);
    let named = |local| Sender { domain: "example.com", local: Some(local) };
    let of = |local| check(named(local), Some("192.0.2.1".parse().unwrap()), &zone("%{l}")).verdict;
    assert_eq!((of("ann"), of("bob")), (PASS, FAIL));
}

#[test]
fn what_is_not_known_yet_is_wanted() {
    let found = check(US, None, &Nobody);
    assert_eq!((found.verdict, found.wanted), (Verdict::Pending, vec![("example.com".into(), Kind::Txt)]));
}

proptest! {
    #[test]
    fn any_record_comes_to_an_end(terms in proptest::collection::vec("[-~?+]?(all|a|mx|ptr|include:example.com|include:b.example|redirect=b.example|exists:%\\{i\\}.example.com|ip4:192.0.2.0/24)", 0..30)) {
        let text = format!("v=spf1 {}", terms.join(" "));
        let zone = Zone::default().txt("example.com", &text).txt("b.example", &text);
        let found = check(US, Some("192.0.2.1".parse().unwrap()), &zone);
        prop_assert!(found.counted.len() <= MAX_COUNTED);
    }
}
