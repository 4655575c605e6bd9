//! A real server on aiosmtpd, from Debian's `python3-aiosmtpd`.

use crate::internet::{Host, Internet};
use crate::submission::{NAME, Place, Running, healthy};
use crate::tools::require_or_skip;

/// Where Debian puts it; the Python in the path may be another one.
const PACKAGE: &str = "/usr/lib/python3/dist-packages/aiosmtpd";
const PYTHON: &str = "/usr/bin/python3";

pub fn start(host: &Host) -> Running<'_> {
    let place = Place::new();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/aiosmtpd_server.py");
    let (key, certificate) = (place.file("key.pem"), place.file("certificate.pem"));
    place.start(host, &[PYTHON, program, NAME, &key.to_string_lossy(), &certificate.to_string_lossy()])
}

#[test]
fn nothing_is_wrong_with_aiosmtpd() {
    if !require_or_skip(&[PACKAGE.into(), PYTHON.into()]) {
        return;
    }
    let internet = Internet::new();
    let aiosmtpd = start(&internet.server);
    healthy(&internet, &aiosmtpd.authority_file(), "aiosmtpd");
}
