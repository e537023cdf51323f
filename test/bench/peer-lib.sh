# SPDX-License-Identifier: Apache-2.0
# Shared by the peer-* scripts; sourced, not run.
#
#   peer-NAME start [VAR=value ...]   prints KEY=value lines (DIR, ports, CGROUP, PID)
#   peer-NAME stop DIR                ends that server and removes DIR
#
# Variables all peers know: BASE (first port), USERS (mailboxes u1..uN, default
# 200), KEY (ec or rsa: the certificate's key, default ec), NICE (of the server,
# default 0), KEEP=1 (stop leaves DIR), ADDRESS (where Postfix, Exim and
# Dovecot listen, default 127.0.0.1), DOMAIN (of the mailboxes of the first two, default
# example.test).
# Everything lives in a folder made with mktemp (below TMPDIR).
# Needs root and a Debian with its package archive.

set -eu
PEER=${0##*/peer-}
HERE=$(cd "$(dirname "$0")" && pwd)
say() { echo "$*" >&2; }

# need PACKAGE...: those not yet here are installed; no service is started
need() {
	miss=
	for p in "$@"; do dpkg -s "$p" 2>/dev/null | grep -q '^Status: install ok' || miss="$miss $p"; done
	[ -z "$miss" ] && return 0
	made=
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
		made=1
	fi
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $miss >&2
	if [ -n "$made" ]; then rm -f /usr/sbin/policy-rc.d; fi
}

download() {
	apt-get -o APT::Sandbox::User=root download "$@" >&2 && return 0
	apt-get update >&2 && apt-get -o APT::Sandbox::User=root download "$@" >&2
}

# unpack PREFIX PACKAGE...: for packages that conflict with one another
unpack() {
	prefix=$1; shift
	mkdir -p "$prefix"
	(cd "$prefix" && download "$@" && for d in *.deb; do dpkg -x "$d" .; rm -f "$d"; done)
}

setup() {
	for kv in "$@"; do eval "${kv%%=*}=\${kv#*=}"; done
	USERS=${USERS:-200}
	KEY=${KEY:-ec}
	ADDRESS=${ADDRESS:-127.0.0.1}
	DOMAIN=${DOMAIN:-example.test}
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/peer-$PEER.XXXXXX")
	chmod 755 "$DIR"
	id mbench >/dev/null 2>&1 || useradd -r -M -d /nonexistent -s /usr/sbin/nologin mbench
	VUID=$(id -u mbench); VGID=$(id -g mbench)
	if [ "$KEY" = rsa ]; then alg="rsa:2048"; else alg="ec -pkeyopt ec_paramgen_curve:P-256"; fi
	# shellcheck disable=SC2086
	openssl req -x509 -newkey $alg -nodes -days 30 -subj "/CN=mail.$DOMAIN" \
		-addext "subjectAltName=DNS:mail.$DOMAIN" -keyout "$DIR/key.pem" -out "$DIR/cert.pem" 2>/dev/null
	chmod 644 "$DIR/cert.pem"; chmod 640 "$DIR/key.pem"
	cgroup
}

# a cgroup of the peer's own, where the machine lets us: its cost can be read there
cgroup() {
	CGROUP=
	cg=$(awk '$3=="cgroup2"{print $2; exit}' /proc/mounts)
	if [ -n "$cg" ] && mkdir "$cg/mailbench.${DIR##*/}" 2>/dev/null; then CGROUP=$cg/mailbench.${DIR##*/}; fi
	echo "$CGROUP" >"$DIR/cgroup"
}

# idle sessions of one system user need an inotify instance each; the kernel's
# usual 128 would turn notification into polling (the setting is not set back)
inotify() {
	f=/proc/sys/fs/inotify/max_user_instances
	if [ "$(cat $f)" -lt 65536 ]; then echo 65536 >$f 2>/dev/null || say "cannot raise $f: IDLE will poll"; fi
}

# run the server's start command inside the cgroup, so that its cost can be read
incg() {
	if [ -n "$CGROUP" ]; then nice -n "${NICE:-0}" sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$CGROUP" "$@"
	else nice -n "${NICE:-0}" "$@"; fi
}

# free PORT...: refuses to start where another server listens
free() {
	for p in "$@"; do
		if (exec 3<>"/dev/tcp/$ADDRESS/$p") 2>/dev/null; then say "port $p is taken: choose another BASE"; exit 1; fi
	done
}

waitport() {
	i=0
	while ! (exec 3<>"/dev/tcp/$ADDRESS/$1") 2>/dev/null; do
		i=$((i+1)); [ $i -lt 100 ] || { say "port $1 does not answer; see $DIR/log"; return 1; }
		sleep 0.1
	done
}

shown() {
	echo "PEER=$PEER"
	echo "DIR=$DIR"
	[ -z "$CGROUP" ] || echo "CGROUP=$CGROUP"
	for kv in "$@"; do echo "$kv"; done
}

# ends the server whose pid is in DIR/pid, then whatever of its processes is left
stop() {
	DIR=$1
	case ${DIR##*/} in peer-"$PEER".*) ;; *) say "not a folder of this peer: $DIR"; exit 2;; esac
	pid=$(cat "$DIR/pid" 2>/dev/null || true)
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	cg=$(cat "$DIR/cgroup" 2>/dev/null || true)
	i=0
	while [ $i -lt 50 ]; do
		if [ -n "$cg" ]; then left=$(cat "$cg/cgroup.procs" 2>/dev/null || true)
		else left=$(kill -0 "$pid" 2>/dev/null && echo "$pid" || true); fi
		[ -n "$left" ] || break
		i=$((i+1)); sleep 0.1
	done
	if [ -n "$cg" ] && [ -d "$cg" ]; then
		while read -r p; do kill -9 "$p" 2>/dev/null || true; done <"$cg/cgroup.procs"
		sleep 0.2
		rmdir "$cg" 2>/dev/null || true
	fi
	[ -n "${KEEP:-}" ] || rm -rf "$DIR"
}
