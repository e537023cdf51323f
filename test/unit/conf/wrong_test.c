/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/parse: what is said about wrong configurations: the place to the byte,
 * and how to mend it, word for word.  One row a mistake.
 */
#include "help.h"

#include "base/check.h"

static const struct {
	const char *text, *at, *said;
} rows[] = {
	{"hostnam mx.example.org;",
	 "1:1",
	 "unknown option \"hostnam\"; did you mean \"hostname\"?"},
	{"hostname mx.example.org",
	 "1:24",
	 "missing ; behind \"mx.example.org\""},
	{"hostname;",
	 "1:1",
	 "hostname needs a value: a host name"},
	{"hostname a b;",
	 "1:12",
	 "hostname takes one value; put a ; behind \"a\""},
	{"hostname mx_1.example.org;",
	 "1:10",
	 "hostname takes a host name such as mx.example.org, not "
	 "\"mx_1.example.org\"; other scripts are written as xn--"},
	{"hostname 192.0.2.1;",
	 "1:10",
	 "hostname takes a host name such as mx.example.org, not "
	 "\"192.0.2.1\"; other scripts are written as xn--"},
	{"hostname mx;",
	 "1:1",
	 "hostname needs the full name with its domain, such as "
	 "mx.example.org"},
	{"hostname mx.example.org; hostname my.example.org;",
	 "1:26",
	 "hostname is set a second time; the first is at t.conf:1, "
	 "keep one of them"},
	{"hostname \"mx.example.org;",
	 "1:10",
	 "the quoted text does not end; close it with a \""},
	{"hostname mx\"x\";",
	 "1:12",
	 "a quote inside a word; quote the whole value"},
	{"hostname mx#x;",
	 "1:12",
	 "a # inside a word; put a blank before a comment, or quote "
	 "the value"},
	{"hostname \"m\\q\";",
	 "1:12",
	 "only \\\" and \\\\ may follow a backslash; double it"},
	{"hostname \"x\ty\";",
	 "1:12",
	 "a control character in quoted text; remove it"},
	{"\"hostname\" mx;",
	 "1:1",
	 "a statement begins with the name of an option or a block"},
	{"{ }",
	 "1:1",
	 "a statement begins with the name of an option or a block"},
	{";",
	 "1:1",
	 "nothing stands before this ;, remove it"},
	{"}",
	 "1:1",
	 "this } closes nothing; remove it"},
	{HOST "limits { recipients 0; }",
	 "2:21",
	 "recipients must be between 1 and 1000"},
	{HOST "limits { recipients 1001; }",
	 "2:21",
	 "recipients must be between 1 and 1000"},
	{HOST "limits { recipients many; }",
	 "2:21",
	 "recipients takes a whole number such as 1000, not \"many\""},
	{HOST "limits { recipients -1; }",
	 "2:21",
	 "recipients takes a whole number such as 1000, not \"-1\""},
	{HOST "limits { recipients 99999999999999999999999; }",
	 "2:21",
	 "recipients must be between 1 and 1000"},
	{HOST "limits { message-size 50MB; }",
	 "2:23",
	 "message-size takes a size such as 512, 64K, 50M or 2G "
	 "(powers of 1024), not \"50MB\""},
	{HOST "limits { message-size 3G; }",
	 "2:23",
	 "message-size must be between 1K and 2G"},
	{HOST "limits { message-size M; }",
	 "2:23",
	 "message-size takes a size such as 512, 64K, 50M or 2G "
	 "(powers of 1024), not \"M\""},
	{HOST "limits { messagesize 5M; }",
	 "2:10",
	 "unknown option \"messagesize\"; did you mean \"message-size\"?"},
	{HOST "limits { message_size 5M; }",
	 "2:10",
	 "unknown option \"message_size\"; did you mean "
	 "\"message-size\"?"},
	{HOST "limits message-size 5M;",
	 "2:1",
	 "limits is a block; write limits { ... }"},
	{HOST "limits { recipients 5;",
	 "2:8",
	 "this { is never closed; put a } behind the block's last "
	 "statement"},
	{HOST "limits x { recipients 5; }",
	 "2:8",
	 "a block limits has no name; remove it"},
	{HOST "limits;",
	 "2:1",
	 "limits is a block; write limits { ... }"},
	{HOST "recipients 5;",
	 "2:1",
	 "unknown option \"recipients\"; it belongs into a block "
	 "limits"},
	{HOST "timeouts { login 5; }",
	 "2:18",
	 "login takes a duration with its unit: 5s, 5m, 5h or 5d"},
	{HOST "timeouts { login 5m3; }",
	 "2:18",
	 "login takes a duration such as 5s, 10m, 4h, 5d or 1h30m, "
	 "not \"5m3\""},
	{HOST "timeouts { login soon; }",
	 "2:18",
	 "login takes a duration such as 5s, 10m, 4h, 5d or 1h30m, "
	 "not \"soon\""},
	{HOST "timeouts { imap-idle 4s; }",
	 "2:22",
	 "imap-idle must be between 5s and 1d"},
	{HOST "timeouts { pop3-idle 4s; }",
	 "2:22",
	 "pop3-idle must be between 5s and 1d"},
	{HOST "auth { scram yes; }",
	 "2:14",
	 "scram is on or off, not \"yes\""},
	{HOST "auth { argon2-memory 1M; }",
	 "2:22",
	 "argon2-memory must be between 8M and 1G"},
	{HOST "store { reserve 2; }",
	 "2:17",
	 "reserve takes a percentage such as 2%, not \"2\""},
	{HOST "store { reserve 51%; }",
	 "2:17",
	 "reserve must be between 0% and 50%"},
	{HOST "log { format xml; }",
	 "2:14",
	 "format is json, logfmt or syslog, not \"xml\""},
	{HOST "log { format jsn; }",
	 "2:14",
	 "format is json, logfmt or syslog, not \"jsn\"; did you mean "
	 "\"json\"?"},
	{HOST "log { file log.txt; }",
	 "2:12",
	 "file takes a path from the root, with a / in front, not "
	 "\"log.txt\""},
	{HOST "log { to file; to stderr; }",
	 "2:16",
	 "to is set a second time; the first is at t.conf:2, keep "
	 "one of them"},
	{HOST "log { fields a, b; }",
	 "2:14",
	 "values are separated by blanks; remove the comma"},
	{HOST "log { fields a a; }",
	 "2:16",
	 "\"a\" stands twice; remove one"},
	{HOST "data relative;",
	 "2:6",
	 "data takes a path from the root, with a / in front, not "
	 "\"relative\""},
	{HOST "queue { retry 5m 9s; }",
	 "2:18",
	 "retry must be between 10s and 7d"},
	{HOST "queue { retry 5m, 10m; }",
	 "2:15",
	 "values are separated by blanks; remove the comma"},
	{HOST "queue { retry 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m; }",
	 "2:63",
	 "retry takes at most 16 values"},
	{HOST "dns { resolvers *; }",
	 "2:17",
	 "resolvers takes addresses such as 192.0.2.1, 2001:db8::1, "
	 "192.0.2.1:5353 or [2001:db8::1]:5353, not \"*\""},
	{HOST "dns { resolvers 1.2.3; }",
	 "2:17",
	 "resolvers takes addresses such as 192.0.2.1, 2001:db8::1, "
	 "192.0.2.1:5353 or [2001:db8::1]:5353, not \"1.2.3\""},
	{HOST "dns { resolvers 01.2.3.4; }",
	 "2:17",
	 "resolvers takes addresses such as 192.0.2.1, 2001:db8::1, "
	 "192.0.2.1:5353 or [2001:db8::1]:5353, not \"01.2.3.4\""},
	{HOST "dns { resolvers 1::2::3; }",
	 "2:17",
	 "resolvers takes addresses such as 192.0.2.1, 2001:db8::1, "
	 "192.0.2.1:5353 or [2001:db8::1]:5353, not \"1::2::3\""},
	{HOST "dns { resolvers [1.2.3.4]:53; }",
	 "2:17",
	 "resolvers takes addresses such as 192.0.2.1, 2001:db8::1, "
	 "192.0.2.1:5353 or [2001:db8::1]:5353, not \"[1.2.3.4]:53\""},
	{HOST "dns { resolvers [::1:53; }",
	 "2:17",
	 "resolvers takes addresses such as 192.0.2.1, 2001:db8::1, "
	 "192.0.2.1:5353 or [2001:db8::1]:5353, not \"[::1:53\""},
	{HOST "dns { resolvers [::1/128]:53; }",
	 "2:17",
	 "resolvers takes addresses such as 192.0.2.1, 2001:db8::1, "
	 "192.0.2.1:5353 or [2001:db8::1]:5353, not \"[::1/128]:53\""},
	{HOST "dns { resolvers localhost:53; }",
	 "2:17",
	 "resolvers takes addresses such as 192.0.2.1, 2001:db8::1, "
	 "192.0.2.1:5353 or [2001:db8::1]:5353, not \"localhost:53\""},
	{HOST "dns { resolvers 127.0.0.1:0; }",
	 "2:17",
	 "\"127.0.0.1:0\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers 127.0.0.1:65536; }",
	 "2:17",
	 "\"127.0.0.1:65536\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers 127.0.0.1:; }",
	 "2:17",
	 "\"127.0.0.1:\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers 127.0.0.1:053; }",
	 "2:17",
	 "\"127.0.0.1:053\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers 127.0.0.1:53:53; }",
	 "2:17",
	 "\"127.0.0.1:53:53\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers [::1]:0; }",
	 "2:17",
	 "\"[::1]:0\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers [::1]:65536; }",
	 "2:17",
	 "\"[::1]:65536\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers [::1]53; }",
	 "2:17",
	 "\"[::1]53\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers [::1]@0; }",
	 "2:17",
	 "\"[::1]@0\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers 127.0.0.1@; }",
	 "2:17",
	 "\"127.0.0.1@\": a port is a number between 1 and 65535, behind "
	 "a colon"},
	{HOST "dns { resolvers [::1]; }",
	 "2:17",
	 "write ::1"},
	{HOST "dns { resolvers 127.0.0.1@5353; }",
	 "2:17",
	 "write 127.0.0.1:5353"},
	{HOST "dns { resolvers ::1@5353; }",
	 "2:17",
	 "write [::1]:5353"},
	{HOST "dns { resolvers [::1]@5353; }",
	 "2:17",
	 "write [::1]:5353"},
	{HOST "dns { resolvers ::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9; }",
	 "2:49",
	 "resolvers takes at most 8 values"},
	{HOST "dns { resolvers ::1 ::1; }",
	 "2:21",
	 "\"::1\" stands twice; remove one"},
	{HOST "dns { resolvers ::1 [::1]:53; }",
	 "2:21",
	 "\"[::1]:53\" stands twice; remove one"},
	{HOST "listener x { role mx; address *; }",
	 "2:31",
	 "write 0.0.0.0 for every IPv4 address and :: for every IPv6 "
	 "address"},
	{HOST "listener x { role mx; address 127.0.0.1:25; }",
	 "2:31",
	 "write the address alone, without brackets and without a "
	 "port"},
	{HOST "listener x { role mx; address [::1]; }",
	 "2:31",
	 "write the address alone, without brackets and without a "
	 "port"},
	{HOST "listener x { role mx; address 1.2.3; }",
	 "2:31",
	 "address takes addresses such as 192.0.2.1 or 2001:db8::1, not "
	 "\"1.2.3\""},
	{HOST "listener x { role mx; address ::1 ::1; }",
	 "2:35",
	 "\"::1\" stands twice; remove one"},
	{HOST "limits { exempt 10.0.0.1/8; }",
	 "2:17",
	 "\"10.0.0.1/8\" has bits behind its prefix; write 10.0.0.0/8"},
	{HOST "limits { exempt 10.0.0.0/33; }",
	 "2:17",
	 "exempt takes networks such as 192.0.2.0/24 or "
	 "2001:db8::/32, not \"10.0.0.0/33\""},
	{HOST "tls { profile strictt; }",
	 "2:15",
	 "profile is auto, modern, strict, opportunistic or legacy, "
	 "not \"strictt\"; did you mean \"strict\"?"},
	{HOST "tls { minimum 1.1; }",
	 "2:15",
	 "minimum is 1.2 or 1.3, not \"1.1\"; did you mean \"1.2\"?"},
	{HOST "tls { dhe on; }",
	 "2:11",
	 "dhe is off, ffdhe2048, ffdhe3072 or ffdhe4096, not \"on\""},
	{HOST "tls { dhe ffdhe1024; }",
	 "2:11",
	 "dhe is off, ffdhe2048, ffdhe3072 or ffdhe4096, not \"ffdhe1024\"; "
	 "did you mean \"ffdhe2048\"?"},
	{HOST "tls { dhe ffdhe8192; }",
	 "2:11",
	 "dhe is off, ffdhe2048, ffdhe3072 or ffdhe4096, not \"ffdhe8192\"; "
	 "did you mean \"ffdhe3072\"?"},
	{HOST "tls { dhe 2048; }",
	 "2:11",
	 "dhe is off, ffdhe2048, ffdhe3072 or ffdhe4096, not \"2048\""},
	{HOST "tls { ssl_dh_parameters_length 2048; }",
	 "2:7",
	 "unknown option \"ssl_dh_parameters_length\"; here it is called dhe, in "
	 "the block tls"},
	{HOST "tls { ciphers \"A::B\"; }",
	 "2:15",
	 "ciphers takes suites in the syntax of OpenSSL, such as "
	 "\"ECDHE+AESGCM:!aNULL\"; \"\" is not one"},
	{HOST "tls { ciphers \"A;B\"; }",
	 "2:15",
	 "ciphers takes suites in the syntax of OpenSSL, such as "
	 "\"ECDHE+AESGCM:!aNULL\"; \"A;B\" is not one"},
	{HOST "tls { ssl_protocols \"x\"; }",
	 "2:7",
	 "unknown option \"ssl_protocols\"; here it is called minimum, "
	 "in the block tls"},
	{HOST "tls { client-certificate require; }",
	 "2:7",
	 "require needs client-ca, the file with the authorities "
	 "that sign clients"},
	{HOST "tls { profile modern; minimum 1.2; }",
	 "2:23",
	 "profile modern is TLS 1.3 alone; remove minimum, or use "
	 "profile strict"},
	{HOST "tls { profile legacy; }",
	 "2:7",
	 "profile legacy is for role mx only: here passwords travel; "
	 "use strict"},
	{HOST "accounts { recipient-delimiter \"+-_.=\"; }",
	 "2:32",
	 "recipient-delimiter has 0 to 4 bytes, this has 5"},
	{HOST "destination d { host a.example; }",
	 "2:1",
	 "destination d is for no domain; add domain example.org, or "
	 "domain * for all"},
	{HOST "destination d { domain a..b; }",
	 "2:24",
	 "domain takes domains such as example.org, .example.org for all "
	 "below it, or * for every domain, not \"a..b\""},
	{HOST "destination d { domain *; host \"a b\"; }",
	 "2:27",
	 "host takes a name such as mx.example.org or an address, not "
	 "\"a b\""},
	{HOST "destination d { domain *; protocol lmtp; }",
	 "2:27",
	 "protocol lmtp is for a host of your own; add host"},
	{HOST "destination d { domain *; certificate nobody; }",
	 "2:27",
	 "there is no certificate \"nobody\"; add a block certificate nobody { "
	 "chain ...; key ...; }"},
	{HOST "destination d { domain *; source 192.0.2.1 192.0.2.2; }",
	 "2:27",
	 "source takes one address of each family"},
	{HOST "destination d { domain *; tls fingerprint; }",
	 "2:27",
	 "tls fingerprint needs the key of the server; add fingerprint ..."},
	{HOST "destination d { domain *; tls fingerprint; fingerprint abc; }",
	 "2:44",
	 "fingerprint takes 64 hexadecimal digits, not \"abc\""},
	{HOST "destination d { domain *; name a.b; }",
	 "2:27",
	 "name counts with tls verify and tls secure alone; add one of them"},
	{HOST "destination d { domain *; tls dane-only; ignore-published on; }",
	 "2:42",
	 "tls dane-only is what the domain publishes; remove ignore-published"},
	{HOST "destination d { domain *; host a.b; login x; }",
	 "2:37",
	 "login and password come together; add the other one"},
	{HOST "destination d { domain *; login x; password file:/p; }",
	 "2:27",
	 "a password goes to a known host alone; add host"},
	{HOST "destination d { domain *; host a.b; login x; password file:/p; tls none; }",
	 "2:64",
	 "a password never travels in the clear; use tls verify"},
	{HOST "destination d { domain *; } destination d { domain a.b; }",
	 "2:41",
	 "there is a destination \"d\" already; give this one another name"},
	{HOST "certificate { chain /a; key file:/b; }",
	 "2:1",
	 "certificate takes one name of letters, digits, - _ and . "
	 "before the {, such as certificate main {"},
	{HOST "certificate a { chain /a; }",
	 "2:1",
	 "certificate a has no key; add key "
	 "file:/path/to/privkey.pem;"},
	{HOST "certificate a { key file:/a; }",
	 "2:1",
	 "certificate a has no chain; add chain "
	 "/path/to/fullchain.pem;"},
	{HOST "certificate a { chain /a /b; key file:/a; }",
	 "2:1",
	 "certificate a has 2 chains and 1 keys; give one key for "
	 "each chain, in the same order"},
	{HOST "certificate a { chain /a; key /a; }",
	 "2:31",
	 "key takes a reference such as "
	 "file:/etc/letterlock/key.pem; a secret itself never stands "
	 "in this file"},
	{HOST "certificate a { chain /a; key file:a; }",
	 "2:31",
	 "key takes paths from the root, with a / in front and at "
	 "most 1000 bytes"},
	{HOST "certificate a { chain /a; key file:/a; } certificate a { }",
	 "2:54",
	 "there is a certificate \"a\" already; give this one another "
	 "name"},
	{HOST "certificate a! { }",
	 "2:13",
	 "certificate takes one name of letters, digits, - _ and . "
	 "before the {, such as certificate main {"},
	{HOST "certificate a { chain /a; key file:/a; } certificate b { chain /c; key file:/c; }",
	 "",
	 "listener mx has no certificate, and there are several; "
	 "write tls { certificate NAME; }"},
	{HOST "certificate main { chain /a; key file:/a; } tls { certificate mian; }",
	 "2:51",
	 "there is no certificate \"mian\"; did you mean \"main\"?"},
	{HOST "listener x { role imap; sni y.example.org nobody; }",
	 "2:25",
	 "there is no certificate \"nobody\"; add a block certificate "
	 "nobody { chain ...; key ...; }"},
	{HOST "listener x { role imap; sni y.example.org; }",
	 "2:29",
	 "sni takes a host name and the name of a certificate block"},
	{HOST "listener x { role imap; sni a.b default; sni A.b default; }",
	 "2:46",
	 "sni for a.b stands twice in this listener; remove one"},
	{HOST "rewrite { canonical a@b.example; }", "2:21",
	 "canonical takes an address and what it becomes, or @example.org and "
	 "@example.com for all of a domain"},
	{HOST "rewrite { sender a@b.example c; }", "2:30",
	 "sender takes addresses such as alice@example.org, or @example.org for "
	 "all of a domain, not \"c\""},
	{HOST "rewrite { sender a..b@b.example c@d.example; }", "2:18",
	 "sender takes addresses such as alice@example.org, or @example.org for "
	 "all of a domain, not \"a..b@b.example\""},
	{HOST "rewrite { recipient @b.example c@d.example; }", "2:32",
	 "an address becomes an address, and a domain with an @ in front "
	 "another domain, not \"c@d.example\""},
	{HOST "rewrite { recipient A@b.example a@B.example; }", "2:33",
	 "\"a@B.example\" becomes itself; remove the statement"},
	{HOST "rewrite { sender @b.example @c.d; sender @B.example @e.f; }",
	 "2:42", "sender for @B.example stands twice; remove one"},
	{HOST "rewrite { masquerade .b.example; }", "2:11",
	 "masquerade takes domains such as example.org, which those below them "
	 "become, not \".b.example\""},
	{HOST "rewrite { keep-users a@b; }", "2:22",
	 "keep-users takes words of letters, digits, - _ and ., separated by "
	 "blanks"},
	{HOST "destination d { domain a.example; connections 0; }", "2:47",
	 "connections must be between 1 and 1000"},
	{HOST "destination d { domain a.example; per-minute 0; }", "2:46",
	 "per-minute must be between 1 and 1000000"},
	{HOST "source s { connections 0; }", "2:24",
	 "connections must be between 1 and 1000"},
	{HOST "source s { per-minute 1000001; }", "2:23",
	 "per-minute must be between 1 and 1000000"},
	{HOST "source s { address 192.0.2.0/24; }", "2:20",
	 "address takes addresses such as 192.0.2.1 or 2001:db8::1, not "
	 "\"192.0.2.0/24\""},
	{HOST "source s { }", "2:1",
	 "source s limits nothing; add connections or per-minute"},
	{HOST "source s { address 0.0.0.0; connections 1; }", "2:12",
	 "address takes addresses of this host; without it the block is for "
	 "the usual one"},
	{HOST "source s { connections 1; } source t { per-minute 1; }", "2:29",
	 "source t has no address, nor has source s; one block is for the usual "
	 "one"},
	{HOST "outgoing { source 192.0.2.1; } "
	      "source s { address 192.0.2.1; connections 1; } "
	      "source t { address 192.0.2.1; per-minute 1; }", "2:90",
	 "192.0.2.1 is in source s, too; keep it in one of them"},
	{HOST "listener x { }",
	 "2:1",
	 "listener x has no role; add role mx, submission, imap, "
	 "pop3, admin or local"},
	{HOST "listener x { role smtp; }",
	 "2:19",
	 "role is mx, submission, imap, pop3, admin or local, not "
	 "\"smtp\"; did you mean \"imap\"?"},
	{HOST "listener x { role submision; }",
	 "2:19",
	 "role is mx, submission, imap, pop3, admin or local, not "
	 "\"submision\"; did you mean \"submission\"?"},
	{HOST "listener x { role mx; port 465; }",
	 "2:23",
	 "role mx is port 25 with tls starttls: port 465 and "
	 "implicit TLS belong to submission (RFC 8314)"},
	{HOST "listener x { role mx; tls implicit; }",
	 "2:23",
	 "role mx is port 25 with tls starttls: port 465 and "
	 "implicit TLS belong to submission (RFC 8314)"},
	{HOST "listener x { role submission; tls none; }",
	 "2:31",
	 "role submission takes passwords, and those never travel in "
	 "the clear, on any address; use starttls or implicit"},
	{HOST "listener x { role imap; tls none; address 127.0.0.1; }",
	 "2:25",
	 "role imap takes passwords, and those never travel in the "
	 "clear, on any address; use starttls or implicit"},
	{HOST "listener x { role pop3; tls none; }",
	 "2:25",
	 "role pop3 takes passwords, and those never travel in the "
	 "clear, on any address; use starttls or implicit"},
	{HOST "listener x { role imap; path /run/x; }",
	 "2:25",
	 "role imap is on a port; use address and port in place of "
	 "path"},
	{HOST "listener x { role admin; port 5; }",
	 "2:26",
	 "role admin is on a Unix socket; use path in place of port"},
	{HOST "listener x { role admin; address ::1; }",
	 "2:26",
	 "role admin is on a Unix socket; use path in place of "
	 "address"},
	{HOST "listener x { role admin; tls starttls; }",
	 "2:26",
	 "role admin is on a Unix socket and needs no TLS; remove tls"},
	{HOST "listener x { role imap; port 0; }",
	 "2:30",
	 "port must be between 1 and 65535"},
	{HOST "listener x { role imap; port 65536; }",
	 "2:30",
	 "port must be between 1 and 65535"},
	{HOST "listener x { role imap; tls { profile legacy; } }",
	 "2:31",
	 "profile legacy is for role mx only: here passwords travel; "
	 "use strict"},
	{HOST "hops 4;",
	 "2:6",
	 "hops must be between 5 and 1000"},
	{HOST "listener x { role mx; limits { hops 9; } }",
	 "2:32",
	 "unknown option \"hops\"; it belongs at top level"},
	{HOST "dns { resolvers 127.0.0.1; trust-resolver 127.0.0.1; }",
	 "2:28",
	 "trust-resolver takes the place of resolvers; keep one of them"},
	{HOST "outgoing { ports 2525 smtp; }", "2:12",
	 "ports takes port numbers between 1 and 65535, separated by blanks, "
	 "not \"smtp\""},
	{HOST "outgoing { web-ports 65536; }", "2:12",
	 "web-ports takes port numbers between 1 and 65535, separated by "
	 "blanks, not \"65536\""},
	{HOST "outgoing { ports 0; }", "2:12",
	 "ports takes port numbers between 1 and 65535, separated by blanks, "
	 "not \"0\""},
	{HOST "outgoing { source 192.0.2.1 ::; }", "2:12",
	 "source takes addresses of this host; without it the system chooses "
	 "one"},
	{HOST "accounts { shared info; }",
	 "2:19",
	 "shared takes addresses of accounts such as info@example.org, separated by "
	 "blanks"},
	{HOST "accounts { shared-name a/b; }",
	 "2:12",
	 "shared-name takes one level of a mailbox name, such as \"Shared Folders\""},
	{HOST "accounts { shared-name InBox; }",
	 "2:12",
	 "shared-name takes one level of a mailbox name, such as \"Shared Folders\""},
	{HOST "accounts { others-name \"50%\"; }",
	 "2:12",
	 "others-name takes one level of a mailbox name, such as \"Other Users\""},
	{HOST "accounts { others-name \"Shared Folders\"; }",
	 "2:12",
	 "others-name and shared-name have to differ"},
	{HOST "accounts { postmaster root; }",
	 "2:12",
	 "postmaster takes an address such as admin@example.org, not "
	 "\"root\""},
	{HOST "accounts { postmaster \"a b@example.org\"; }",
	 "2:12",
	 "postmaster takes an address such as admin@example.org, not "
	 "\"a b@example.org\""},
	{HOST "accounts { recipient-delimiter \"+a\"; }",
	 "2:12",
	 "recipient-delimiter takes signs such as + - _ =, no letters, digits, "
	 "blanks, dots or @"},
	{HOST "listener x { role mx; limits { message-size 51M; } }",
	 "2:32",
	 "a listener cannot raise message-size; raise it in the "
	 "block limits at top level"},
	{HOST "listener x { role mx; log { } }",
	 "2:23",
	 "a block log cannot stand inside listener; close that one "
	 "before it"},
	{HOST "listener x { role mx; message-size 5M; }",
	 "2:23",
	 "unknown option \"message-size\"; it belongs into a block "
	 "limits"},
	{HOST "listener x { role mx; ssl on; }",
	 "2:23",
	 "unknown option \"ssl\"; here it is called tls, in a listener"},
	{HOST "listener x { role mx; } listener y { role imap; port 25; address ::1; }",
	 "2:49",
	 "port 25 is taken by listener x on the same address; use "
	 "another port or address"},
	{HOST "listener x { role admin; path /s; } listener y { role admin; path /s; }",
	 "2:62",
	 "the path is taken by listener x; use another one"},
	{HOST "listener x { role mx; }}",
	 "2:24",
	 "this } closes nothing; remove it"},
	{HOST "include \"x.conf\";",
	 "2:9",
	 "files cannot be included here; write its content instead"},
	{HOST "include;",
	 "2:1",
	 "include takes one path, such as include \"listeners.conf\";"},
	{HOST "myhostname mx;",
	 "2:1",
	 "unknown option \"myhostname\"; here it is called hostname"},
	{HOST "hostname { }",
	 "2:10",
	 "hostname is no block; write hostname VALUE;"},
	{HOST "listner x { }",
	 "2:1",
	 "unknown block \"listner\"; did you mean \"listener\"?"},
	{HOST "listener x {\n role imap\n port 143;\n}",
	 "3:11",
	 "missing ; behind \"imap\""},
	{HOST "role mx;",
	 "2:1",
	 "unknown option \"role\"; it belongs into a block listener"},
};

static void each_mistake_has_its_place_and_its_cure(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char got[1200], want[1200];
		assert_false(try_parse(span_cstr(rows[i].text), got,
				       sizeof(got)));
		snprintf(want, sizeof(want), "t.conf%s%s: error: %s",
			 rows[i].at[0] ? ":" : "", rows[i].at, rows[i].said);
		assert_string_equal(got, want);
	}
}

static void bytes_that_no_text_has_are_named(void **state)
{
	(void)state;
	char got[1200];
	assert_false(try_parse(SPAN("data \0;"), got, sizeof(got)));
	assert_non_null(strstr(got, "1:6: error: a NUL byte"));
	assert_false(try_parse(SPAN("\xef\xbb\xbf" HOST), got, sizeof(got)));
	assert_non_null(strstr(got, "1:1: error: the file begins with a byte "
				    "order mark"));
	assert_false(try_parse(SPAN("hostname \"\xc0\x80\";"), got,
			       sizeof(got)));
	assert_non_null(strstr(got, "1:11: error: not UTF-8"));
	assert_false(try_parse(SPAN("hostname m\xc3\xbc.de;"), got,
			       sizeof(got)));
	assert_non_null(strstr(got, "1:11: error: only ASCII"));
}

static size_t errors(const char *text)
{
	struct conf_snapshot *s;
	struct conf_report r;
	assert_int_equal(conf_parse(SPAN("t.conf"), span_cstr(text), NULL, &r,
				    &s),
			 CONF_WRONG);
	assert_null(s);
	size_t n = r.errors;
	conf_report_free(&r);
	return n;
}

static void one_run_reports_several_but_not_all(void **state)
{
	(void)state;
	char text[2000];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", HOST);
	for (size_t i = 1; i <= CONF_ERRORS_MAX + 1; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"wrong%zu x;\n", i);
		assert_int_equal(errors(text), size_min(i, CONF_ERRORS_MAX));
	}
	assert_int_equal(errors("hostname mx.example.org\nlog { to x; }\n"
				"listener { }\nport 5;\n"),
			 4);
}

static void inherited_mistakes_are_said_once(void **state)
{
	(void)state;
	assert_int_equal(errors(HOST "tls { client-certificate require; }"), 1);
}

static void warnings_do_not_prevent_a_start(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} warned[] = {
		{HOST "listener x { role mx; tls { profile legacy; } }",
		 "2:29: warning: profile legacy"},
		{HOST "listener x { role mx; tls none; }",
		 "2:23: warning: without TLS"},
		{HOST "listener x { role mx; tls { profile strict; } }",
		 "2:29: warning: servers that cannot speak"},
		{HOST "listener x { role imap; port 993; tls starttls; }",
		 "2:35: warning: clients speak TLS at once on port 993"},
		{HOST "timeouts { imap-idle 29m; }",
		 "2:12: warning: clients expect 30 minutes"},
		{HOST "timeouts { pop3-idle 9m; }",
		 "2:12: warning: clients expect 10 minutes"},
		{HOST "tls { client-ca /ca.pem; }",
		 "2:7: warning: client-ca does nothing"},
		{HOST "tls { dhe ffdhe2048; }",
		 "2:7: warning: RFC 10015 forbids DHE in TLS 1.2"},
		{HOST "listener x { role imap; tls { profile modern; dhe "
		      "ffdhe4096; } }",
		 "2:47: warning: dhe does nothing where TLS 1.3 alone"},
		{HOST "listener x { role imap; tls { minimum 1.3; dhe "
		      "ffdhe4096; } }",
		 "2:44: warning: dhe does nothing where TLS 1.3 alone"},
		{HOST "listener x { role imap; enabled off; }",
		 "t.conf: warning: no listener is enabled"},
		{HOST "auth { failures-per-address 0; failures-per-network 0; "
		      "failures-per-account 0; }",
		 "2:56: warning: passwords can be guessed"},
	};
	for (size_t i = 0; i < ARRAY_LEN(warned); i++) {
		char got[1200];
		assert_true(try_parse(span_cstr(warned[i].text), got,
				      sizeof(got)));
		if (!strstr(got, warned[i].said))
			fail_msg("%s", got);
	}
}

static void complaints_are_json_too(void **state)
{
	(void)state;
	struct conf_snapshot *s;
	struct conf_report r;
	struct buf b;
	buf_init(&b, 10000);
	assert_int_equal(conf_parse(SPAN("a\"b"), SPAN("x;"), NULL, &r, &s),
			 CONF_WRONG);
	conf_report_json(&r, &b);
	static const char want[] =
		"[\n{\"file\":\"a\\\"b\",\"line\":1,\"column\":1,\"kind\":"
		"\"error\",\"text\":\"unknown option";
	assert_memory_equal(buf_span(&b).ptr, want, sizeof(want) - 1);
	buf_free(&b);
	conf_report_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_has_its_place_and_its_cure),
		cmocka_unit_test(bytes_that_no_text_has_are_named),
		cmocka_unit_test(one_run_reports_several_but_not_all),
		cmocka_unit_test(inherited_mistakes_are_said_once),
		cmocka_unit_test(warnings_do_not_prevent_a_start),
		cmocka_unit_test(complaints_are_json_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
