//! A real Dovecot as submission server, from Debian's `dovecot-submissiond`.

use crate::internet::{Host, Internet};
use crate::submission::{NAME, Place, Running, healthy};
use crate::tools::require_or_skip;

/// Where Debian puts it.
pub const SUBMISSION: &str = "/usr/lib/dovecot/submission";

/// Its sockets stand in `/run`, which is its own here.
const START: &str = "mount -t tmpfs -o mode=755 none /run && exec dovecot -F -c \"$1\"";

fn start(host: &Host) -> Running<'_> {
    start_with(host, "plain login")
}

/// Starts it with these mechanisms.
pub fn start_with<'a>(host: &'a Host, mechanisms: &str) -> Running<'a> {
    let place = Place::new();
    place.put("dovecot.conf", configuration(place.path(), mechanisms));
    let file = place.file("dovecot.conf");
    place.start(host, &["sh", "-c", START, "sh", &file.to_string_lossy()])
}

fn configuration(root: &str, mechanisms: &str) -> String {
    format!(
        "protocols = submission
listen = *, ::
hostname = {NAME}
submission_relay_host = 127.0.0.1
ssl = required
ssl_cert = <{root}/certificate.pem
ssl_key = <{root}/key.pem
log_path = {root}/log
auth_mechanisms = {mechanisms}
passdb {{
  driver = static
  args = password=secret
}}
first_valid_uid = 1
mail_location = maildir:{root}/mail
userdb {{
  driver = static
  args = uid=mail gid=mail home=/nonexistent
}}
service submission-login {{
  inet_listener submission {{
    port = 587
  }}
  inet_listener submissions {{
    port = 465
    ssl = yes
  }}
}}
"
    )
}

#[test]
fn nothing_is_wrong_with_dovecot() {
    if !require_or_skip(&[SUBMISSION.into()]) {
        return;
    }
    let internet = Internet::new();
    let dovecot = start(&internet.server);
    healthy(&internet, &dovecot.authority_file(), "dovecot");
}
