//! Delivering to a domain through a proxy: DNS is asked on this side, and the mail server, the web server with the policy
//! and their names are only to be had on the other.

use serde_json::Value;

use crate::authority::{Identity, authority, server};
use crate::internet::{Internet, ROUTER_V4, SERVER_V4};
use crate::postfix::Postfix;
use crate::proxies::{SSH_PORT, Sshd, serve};
use crate::relay::{DOMAIN, Dns, codes, digest, has, policy, records};
use crate::submission::NAME;
use crate::tools::require_or_skip;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::TXT;

const EHLO: &str = env!("CARGO_BIN_EXE_ehlo");
const POLICY_HOST: &str = "mta-sts.example.test";

/// What DNS publishes for the domain, and not one address.
fn published(identity: &Identity) -> Vec<(&'static str, RData)> {
    let mut all = records(&digest(identity));
    all.retain(|(_, data)| !matches!(data, RData::A(_)));
    all.push(("_mta-sts.example.test", RData::TXT(TXT::new(vec!["v=STSv1; id=1".to_owned()]))));
    all
}

fn sorted(report: &Value) -> Vec<&str> {
    let mut codes = codes(report);
    codes.sort_unstable();
    codes
}

#[test]
fn a_domain_is_delivered_to_through_each_kind_of_proxy() {
    if !require_or_skip(&["/usr/sbin/sshd".into(), "/usr/bin/ssh".into()]) {
        return;
    }
    let internet = Internet::new();
    let (client, router) = (&internet.client, &internet.router);
    let authority = authority();
    let identity = server(&authority, NAME, (0, 90));
    let postfix = Postfix::start_with(&internet.server, &authority, &identity, "");
    let trusted = postfix.authority_file();
    router.firewall("forward drop");
    let sshd = Sshd::start(router, &[NAME, POLICY_HOST]);
    let port = serve(router);
    let web = server(&authority, POLICY_HOST, (0, 90));
    let page = |mx: &str| format!("version: STSv1\r\nmode: enforce\r\nmx: {mx}\r\nmax_age: 86400\r\n");
    let check = |proxy: &str, goal: &str, more: &[&str]| -> (Value, Option<i32>) {
        let limits = ["--connect-timeout", "5", "--cacert", trusted.to_str().unwrap()];
        let line =
            [EHLO, "check", DOMAIN, "--goal", goal, "--json", "--dns-server", "127.0.0.1", "--proxy", proxy];
        let mut command = client.command(&[&line, limits.as_slice(), more].concat());
        let rest = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{rest}:/usr/sbin:/sbin", sshd.folder().display()));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        (report, output.status.code())
    };
    let proxies = [
        format!("socks5h://ann:kf7qz3@{ROUTER_V4}:{port}"),
        format!("http://ann:kf7qz3@{ROUTER_V4}:{port}"),
        format!("ssh://root@{ROUTER_V4}:{SSH_PORT}"),
    ];
    {
        let _dns = Dns::start(client, "127.0.0.1", published(&identity), true);
        for proxy in &proxies {
            let request = policy(&internet.server, &web, &page(NAME));
            let (report, status) = check(proxy, "relay", &[]);
            assert_eq!(status, Some(0), "{proxy}: {report:#}");
            let sent = request.join().unwrap();
            assert!(
                sent.starts_with("GET /.well-known/mta-sts.txt"),
                "{proxy}: the policy came through it: {sent}"
            );
            assert_eq!(report["dns"]["mta_sts"]["mode"], "enforce", "{proxy}");
            assert_eq!(report["routes"][0]["address"], NAME, "{proxy}: looked up behind it");
            assert_eq!(report["dns"]["tlsa"][0]["validated"], true);
            assert_eq!((&report["dns"]["a"], &report["hosting"]), (&serde_json::json!([]), &Value::Null));
            assert_eq!(sorted(&report), ["dane-match", "ptr-unknown"], "{proxy}");
            assert!(report["vantage"].as_str().unwrap().contains(ROUTER_V4), "{report:#}");
        }
        // The policy names another server.
        let request = policy(&internet.server, &web, &page("other.example.test"));
        let (report, status) = check(&proxies[2], "relay", &[]);
        let _ = request.join();
        assert!(has(&report, "mta-sts-mismatch"), "{status:?} {:?}", codes(&report));

        // Where mail lands in the spam folder only DNS is asked, from here.
        let (report, status) = check(&proxies[0], "inbox", &[]);
        assert_eq!((status, &report["routes"]), (Some(0), &serde_json::json!([])));
        let found = ["dkim-missing", "dmarc-missing", "port-is-not-the-cause", "spf-missing"];
        assert_eq!(sorted(&report), found);
    }
    {
        let other = server(&authority, NAME, (0, 90));
        let mut all = published(&other);
        all.retain(|(name, _)| !name.starts_with("_mta-sts"));
        let _dns = Dns::start(client, "127.0.0.1", all, true);
        for proxy in &proxies {
            let (report, status) = check(proxy, "relay", &[]);
            assert_eq!(status, Some(2), "{proxy}: {report:#}");
            assert_eq!(report["routes"][0]["outcome"], "cert-invalid");
            assert!(has(&report, "dane-mismatch"), "{proxy}: {:?}", codes(&report));
        }
        // The proxy lets nobody through: that says nothing of the mail server.
        let denied = format!("socks5h://ann:kf7qz9@{ROUTER_V4}:{port}");
        let (report, status) = check(&denied, "relay", &[]);
        assert_eq!((status, codes(&report)), (Some(2), vec!["proxy-denied"]));

        // An address that the user gives goes before what the proxy would look up.
        let given = format!("{NAME}:{SERVER_V4}");
        let (report, _) = check(&proxies[1], "relay", &["--resolve", &given]);
        assert_eq!(report["routes"][0]["address"], SERVER_V4);
        assert_eq!(report["dns"]["a"], serde_json::json!([SERVER_V4]));
    }
}
