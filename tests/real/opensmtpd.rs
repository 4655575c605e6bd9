//! A real OpenSMTPD, in the tree that `fetch.sh` has made for it.

use std::fs::create_dir;

use crate::internet::{Host, Internet};
use crate::submission::{NAME, Place, Running, healthy};
use crate::tools::{fetched, require_or_skip};

/// It changes root into its tree, where only what it writes is fresh.
const START: &str = "\
set -e
mount --bind /dev \"$2/dev\"
mount --bind \"$1/config\" \"$2/config\"
mount -t tmpfs -o mode=711 none \"$2/var/spool/smtpd\"
mount -t tmpfs -o mode=755 none \"$2/var/run\"
exec chroot \"$2\" /usr/sbin/smtpd -d -f /config/smtpd.conf
";

fn start(host: &Host) -> Running<'_> {
    let place = Place::new();
    create_dir(place.file("config")).unwrap();
    place.put("config/smtpd.conf", configuration());
    for name in ["certificate.pem", "key.pem"] {
        std::fs::copy(place.file(name), place.file("config").join(name)).unwrap();
    }
    let (directory, tree) = (place.path().to_owned(), fetched("opensmtpd"));
    place.start(host, &["sh", "-c", START, "sh", &directory, &tree.to_string_lossy()])
}

fn configuration() -> String {
    let mut lines = format!(
        "pki {NAME} cert \"/config/certificate.pem\"
pki {NAME} key \"/config/key.pem\"
table users {{ anna = \"$2b$10$......................KfhKqUOjRWTNcOVVRzCGbvp0HfYuA1C\" }}
listen on 0.0.0.0 port 25 hostname {NAME} tls pki {NAME}
"
    );
    for address in ["0.0.0.0", "::"] {
        lines += &format!(
            "listen on {address} port 587 hostname {NAME} tls-require pki {NAME} auth <users>
listen on {address} port 465 hostname {NAME} smtps pki {NAME} auth <users>
"
        );
    }
    lines + "action drop mda \"/bin/false\"\nmatch from any for local action drop\n"
}

#[test]
fn nothing_is_wrong_with_opensmtpd() {
    if !require_or_skip(&[fetched("opensmtpd/usr/sbin/smtpd")]) {
        return;
    }
    let internet = Internet::new();
    let smtpd = start(&internet.server);
    healthy(&internet, &smtpd.authority_file(), "opensmtpd");
}
