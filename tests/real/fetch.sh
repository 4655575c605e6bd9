#!/bin/bash
# Fetches mail servers for the tests, into a directory of their own; nothing is installed.
# usage: fetch.sh DIRECTORY
#
# exim4      from this Debian: as a package it would replace Postfix.
# opensmtpd  from Debian 13, with the libraries it needs, as a tree to change root into: Debian 12 has 6.8.0p2, whose
#            TLS does not work with OpenSSL 3 (github.com/OpenSMTPD/OpenSMTPD/issues/1171).
# node       Nodemailer's smtp-server, as tests/real/node/package-lock.json pins it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
servers=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# apt fetches as a user of its own.
chmod 711 "$work"

download() { # DIRECTORY PACKAGE…
    mkdir -p "$1"
    chmod 777 "$1"
    (cd "$1" && shift && apt-get -qq download "$@")
}

# Puts a directory in its place once it is complete.
place() { # FROM TO
    rm -rf "$2"
    mv "$1" "$2"
}

if [ ! -x "$servers/exim4/usr/sbin/exim4" ]; then
    apt-cache show exim4-daemon-light >/dev/null 2>&1 || apt-get -qq update
    download "$work/exim4-packages" exim4-daemon-light
    for package in "$work"/exim4-packages/*.deb; do dpkg -x "$package" "$work/exim4"; done
    place "$work/exim4" "$servers/exim4"
fi

if [ ! -x "$servers/opensmtpd/usr/sbin/smtpd" ]; then
    mkdir -p "$work"/trixie/{lists,cache}/partial "$work/trixie/cache/archives/partial"
    : >"$work/trixie/status"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keyring] http://deb.debian.org/debian trixie main" >"$work/trixie/sources.list"
    cat >"$work/trixie/apt.conf" <<END
Dir::Etc::sourcelist "$work/trixie/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$work/trixie/lists";
Dir::State::status "$work/trixie/status";
Dir::Cache "$work/trixie/cache";
Acquire::Languages "none";
END
    (
        export APT_CONFIG=$work/trixie/apt.conf
        apt-get -qq update
        download "$work/opensmtpd-packages" opensmtpd libc6 libcrypt1 libdb5.3t64 libevent-2.1-7t64 libpam0g \
            libssl3t64 libzstd1 zlib1g libaudit1 libcap-ng0 libgcc-s1
    )
    root=$work/opensmtpd
    mkdir -p "$root"/{etc,run,tmp,dev,config} "$root"/usr/{lib,lib64,bin,sbin} \
        "$root"/var/lib/opensmtpd/empty "$root"/var/{empty,run,spool/smtpd}
    chmod 711 "$root/var/spool/smtpd"
    for name in lib lib64 bin sbin; do ln -s "usr/$name" "$root/$name"; done
    for package in "$work"/opensmtpd-packages/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink
    done
    cat >"$root/etc/passwd" <<'END'
root:x:0:0::/:/bin/sh
opensmtpd:x:901:901::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:902:902::/var/lib/opensmtpd/empty:/usr/sbin/nologin
END
    printf '%s\n' root:x:0: opensmtpd:x:901: opensmtpq:x:902: >"$root/etc/group"
    # It reads this file before it begins, though it verifies nobody here.
    mkdir -p "$root/etc/ssl/certs"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    place "$root" "$servers/opensmtpd"
fi

if ! cmp -s "$here/node/package-lock.json" "$servers/node/package-lock.json"; then
    mkdir "$work/node"
    cp "$here"/node/package*.json "$work/node/"
    (cd "$work/node" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error)
    place "$work/node" "$servers/node"
fi
