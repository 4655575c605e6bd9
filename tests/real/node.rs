//! A real server on Node: Nodemailer's smtp-server.

use crate::internet::{Host, Internet, SERVER_V6};
use crate::submission::{NAME, Place, Report, Running, healthy};
use crate::tools::{fetched, require_or_skip};

fn start(host: &Host) -> Running<'_> {
    let place = Place::new();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/node/server.js");
    let (key, certificate) = (place.file("key.pem"), place.file("certificate.pem"));
    let modules = format!("NODE_PATH={}", fetched("node/node_modules").display());
    let (key, certificate) = (key.to_string_lossy(), certificate.to_string_lossy());
    place.start(host, &["env", &modules, "node", program, NAME, &key, &certificate])
}

#[test]
fn nothing_is_wrong_with_smtp_server_and_its_default_is_told() {
    if !require_or_skip(&[fetched("node/node_modules/smtp-server")]) {
        return;
    }
    let internet = Internet::new();
    let node = start(&internet.server);
    healthy(&internet, &node.authority_file(), "smtp-server");

    // As it comes it offers AUTH before TLS: a client that does not insist on TLS sends its password in cleartext
    // before it hears 538.
    let report = Report::of(&internet, &node.authority_file(), SERVER_V6, &[]);
    assert_eq!(report.complaints(), ["auth-before-tls"], "{:#}", report.json);
    assert_eq!((report.status, &report.json["recommendation"]["port"]), (Some(0), &587.into()));
}
