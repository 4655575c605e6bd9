//! A real Exim, from Debian's `exim4-daemon-light`.

use std::fs::create_dir;

use crate::internet::{Host, Internet};
use crate::submission::{NAME, Place, Running, healthy};
use crate::tools::{fetched, must, require_or_skip};

/// Debian's Exim insists on a user `Debian-exim`: in its own view of the machine there is one.
const START: &str = "\
set -e
cp /etc/passwd /etc/group \"$1\"
echo 'Debian-exim:x:8:8::/:/usr/sbin/nologin' >>\"$1/passwd\"
echo 'Debian-exim:x:8:' >>\"$1/group\"
mount --bind \"$1/passwd\" /etc/passwd
mount --bind \"$1/group\" /etc/group
exec \"$2\" -C \"$1/exim.conf\" -bdf
";

fn start(host: &Host) -> Running<'_> {
    let place = Place::new();
    create_dir(place.file("spool")).unwrap();
    place.put("exim.conf", configuration(place.path()));
    must(&["chown", "-R", "mail:", &place.file("spool").to_string_lossy()]);
    must(&["chown", "mail:", &place.file("key.pem").to_string_lossy()]);
    let (directory, exim) = (place.path().to_owned(), fetched("exim4/usr/sbin/exim4"));
    place.start(host, &["sh", "-c", START, "sh", &directory, &exim.to_string_lossy()])
}

fn configuration(root: &str) -> String {
    format!(
        "primary_hostname = {NAME}
keep_environment =
local_interfaces = <; 0.0.0.0 ; ::0
daemon_smtp_ports = 25 : 587 : 465
tls_on_connect_ports = 465
tls_advertise_hosts = *
tls_certificate = {root}/certificate.pem
tls_privatekey = {root}/key.pem
spool_directory = {root}/spool
log_file_path = {root}/spool/%slog
pid_file_path = {root}/spool/pid
exim_user = mail
exim_group = mail
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = deny
begin acl
deny:
  deny
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = no
  server_advertise_condition = ${{if def:tls_in_cipher}}
"
    )
}

#[test]
fn nothing_is_wrong_with_exim() {
    if !require_or_skip(&[fetched("exim4/usr/sbin/exim4")]) {
        return;
    }
    let internet = Internet::new();
    let exim = start(&internet.server);
    healthy(&internet, &exim.authority_file(), "exim");
}
