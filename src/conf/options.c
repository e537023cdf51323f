/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/options - the table.  One row an option, in the order of the manual.
 *
 * A new option is a member in conf/conf.h and a row here.  Give the smallest
 * set of roles that needs it: the slice of every other role is made without
 * it.  A row may be RELOAD only when every role in it takes a new value while
 * it runs.
 */
#include "conf/options.h"

#include "base/ensure.h"

#define R(role)  (1u << CONF_##role)
#define EDGES    (R(EDGE_MX) | R(EDGE_ACCESS) | R(EDGE_ADMIN))
#define MAIL     (R(EDGE_MX) | R(EDGE_ACCESS))
#define ACCESS   R(EDGE_ACCESS)
#define EVERYONE ((1u << CONF_ROLES) - 1)

#define RELOAD   false
#define RESTART  true

#define OPT(b, t, s, m, n, lo, hi, init, r, when, ch, d)                       \
	{CONF_B_##b, CONF_##t, when, n, offsetof(struct s, m), lo, hi,         \
	 init, r, ch, d}

static const char *const log_formats[] = {"json", "logfmt", "syslog", NULL};
static const char *const log_to[] = {"file", "stderr", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug",
					 NULL};
static const char *const profiles[] = {"auto", "modern", "strict",
				       "opportunistic", "legacy", NULL};
static const char *const versions[] = {"1.2", "1.3", NULL};
static const char *const orders[] = {"chacha", "server", "client", NULL};
static const char *const dhe_groups[] = {"off", "ffdhe2048", "ffdhe3072",
					 "ffdhe4096", NULL};
static const char *const client_modes[] = {"off", "request", "require", NULL};
static const char *const isolations[] = {"off", "user", NULL};
static const char *const engines[] = {"rocksdb", "memory", NULL};
static const char *const families[] = {"any", "ipv4-first", "ipv4", "ipv6", NULL};
static const char *const securities[] = {"auto", "starttls", "implicit", "none",
					 NULL};
/* Index 0 stands for "not written"; the empty name cannot be typed. */
static const char *const listener_roles[] = {
	"", "mx", "submission", "imap", "pop3", "admin", "local", NULL};
static const char *const protocols[] = {"smtp", "lmtp", NULL};
static const char *const levels[] = {"none", "may", "encrypt", "fingerprint",
				     "dane", "dane-only", "sts", "verify",
				     "secure", NULL};

#define KI 1024ull
#define MI (1024ull * KI)
#define GI (1024ull * MI)
#define TI (1024ull * GI)
#define MINUTE 60ull
#define HOUR   3600ull
#define DAY    86400ull

const struct conf_option conf_options[] = {
	OPT(TOP, HOST, conf, hostname, "hostname", 0, 0, NULL,
	    EDGES | R(EDGE_LOCAL) | R(STORE) | R(COURIER) | R(LOGGER), RELOAD, NULL,
	    "The full name of this host, as MX records and clients name it. It "
	    "stands in greetings, in EHLO and in Received lines, and the default "
	    "certificate has to be valid for it. The only option that has no "
	    "default."),
	OPT(TOP, PATH, conf, data, "data", 1, 100, "/var/lib/letterlock",
	    R(SUPERVISOR), RESTART, NULL,
	    "The folder that holds mail, queue, accounts, keys and logs."),
	OPT(TOP, PATH, conf, run, "run", 1, 90, "/run/letterlock",
	    R(SUPERVISOR), RESTART, NULL,
	    "The folder for the control socket and the list of endpoints; gone "
	    "after a restart of the machine."),
	OPT(TOP, DURATION, conf, drain, "drain", 0, HOUR, "5s",
	    R(SUPERVISOR) | R(EDGE_ADMIN), RELOAD, NULL,
	    "How long sessions may go on after the order to stop. Messages that "
	    "are being received or committed finish; then the peer is told."),

	OPT(TOP, NUMBER, conf, hops, "hops", 5, 1000, "50", R(STORE), RELOAD,
	    NULL, "Received lines in a message before it is taken for a loop."),

	OPT(LOG, CHOICE, conf_log, format, "format", 0, 0, "json", R(LOGGER),
	    RELOAD, log_formats,
	    "One JSON object a line, key=value pairs, or the layout of BSD "
	    "syslog."),
	OPT(LOG, CHOICE, conf_log, to, "to", 0, 0, "file",
	    R(SUPERVISOR), RELOAD, log_to,
	    "Whether log lines go to a file or to standard error, as a service "
	    "manager likes them."),
	OPT(LOG, PATH, conf_log, file, "file", 1, 1000, NULL,
	    R(SUPERVISOR), RELOAD, NULL,
	    "The log file. Default: log/letterlock.log in the data folder."),
	OPT(LOG, CHOICE, conf_log, level, "level", 0, 0, "info", EVERYONE,
	    RELOAD, log_levels,
	    "The least important kind of line that is still written."),
	OPT(LOG, WORDS, conf_log, fields, "fields", 1, CONF_LIST_MAX, NULL,
	    R(LOGGER), RELOAD, NULL,
	    "Only these fields of a log line are written; time, role and id "
	    "always are. Default: all."),
	OPT(LOG, SIZE, conf_log, trail, "trail", 0, 4 * GI, "256M",
	    R(SUPERVISOR) | R(LOGGER), RESTART, NULL,
	    "How much is kept of the events of messages for letterlock-why(1), in "
	    "the file trail of the data folder, written round and round whatever "
	    "the log's format, fields and rotation are. 0 keeps none."),
	OPT(LOG, STRING, conf_log, tag, "tag", 1, 32, "letterlock", R(LOGGER),
	    RELOAD, NULL, "The program name in lines of the syslog layout."),

	OPT(PROCESSES, NUMBER, conf_processes, mx, "mx", 0, 8, "0",
	    R(SUPERVISOR), RESTART, NULL,
	    "Processes that take mail from other servers. 0: one for each two "
	    "processors."),
	OPT(PROCESSES, NUMBER, conf_processes, access, "access", 0, 8, "0",
	    R(SUPERVISOR), RESTART, NULL,
	    "Processes that serve users: submission, IMAP and POP3. 0: one for "
	    "each two processors."),
	OPT(PROCESSES, NUMBER, conf_processes, admin, "admin", 1, 4, "1",
	    R(SUPERVISOR), RESTART, NULL,
	    "Processes that serve the control socket."),
	OPT(PROCESSES, NUMBER, conf_processes, sorter, "sorter", 0, 8, "0",
	    R(SUPERVISOR), RESTART, NULL,
	    "Processes in each pool that understands messages. 0: one for each "
	    "two processors."),
	OPT(PROCESSES, NUMBER, conf_processes, sessions, "sessions", 1, 20000,
	    "1000", ACCESS, RELOAD, NULL,
	    "Sessions that one access process may hold: what somebody who breaks "
	    "into it would see. When seven of eight have logged in, the next "
	    "process takes over and this one only goes on with what it has."),
	OPT(PROCESSES, DURATION, conf_processes, age, "age", 0, 30 * 86400, "1h",
	    MAIL, RELOAD, NULL,
	    "How long a process takes new connections before the next one does; "
	    "its sessions go on in it. 0: for ever."),
	OPT(PROCESSES, CHOICE, conf_processes, isolate, "isolate", 0, 0, "off",
	    R(SUPERVISOR) | ACCESS, RESTART, isolations,
	    "user: a process of its own for each connection to submission, IMAP "
	    "and POP3, so that who breaks into one finds no other session in it. "
	    "It costs about 2 MiB a connection, and some milliseconds when it "
	    "begins; access, sessions and age do not count then."),
	OPT(PROCESSES, NUMBER, conf_processes, isolated, "isolated", 4,
	    CONF_ISOLATED_MAX, "64", R(SUPERVISOR) | ACCESS, RESTART, NULL,
	    "Connections at a time with isolate user. When so many are there, "
	    "the one that has been at its login longest, and for two seconds at "
	    "least, gives way to the next; without such a one the next is told "
	    "to come later."),
	OPT(PROCESSES, NUMBER, conf_processes, sorter_messages,
	    "sorter-messages", 0, 1000000000, "10000", R(SORTER), RELOAD, NULL,
	    "Messages that one process understands before the next one takes "
	    "over. 0: no limit."),
	OPT(PROCESSES, DURATION, conf_processes, sorter_age, "sorter-age", 0,
	    30 * 86400, "10m", R(SORTER), RELOAD, NULL,
	    "How long one process understands messages before the next one takes "
	    "over, if it saw any. 0: for ever."),

	OPT(TLS, NAME, conf_tls, certificate, "certificate", 0, 0, NULL,
	    EDGES | R(VAULT), RELOAD, NULL,
	    "The certificate block that is shown to clients which ask for no "
	    "name, or for one that no sni statement lists. Default: the only "
	    "certificate block there is, else the one called default."),
	OPT(TLS, CHOICE, conf_tls, profile, "profile", 0, 0, "auto", EDGES,
	    RELOAD, profiles,
	    "modern is TLS 1.3 alone. strict adds TLS 1.2 with ECDHE and AEAD "
	    "suites. opportunistic takes everything that is not broken, for port "
	    "25, where the alternative is cleartext. legacy adds every other suite "
	    "of TLS 1.2 with ECDHE, on role mx only, and warns. auto is opportunistic on role mx and "
	    "strict elsewhere."),
	OPT(TLS, CHOICE, conf_tls, minimum, "minimum", 0, 0, "1.2", EDGES,
	    RELOAD, versions,
	    "The lowest TLS version that is spoken. 1.3 is the same as profile "
	    "modern. Nothing older than 1.2 is spoken to anybody."),
	OPT(TLS, CIPHERS, conf_tls, ciphers, "ciphers", 1, 2048, NULL, EDGES,
	    RELOAD, NULL,
	    "A list of TLS 1.2 suites in the syntax of openssl-ciphers(1), in "
	    "place of the profile's. What it becomes, without the suites that "
	    "cannot be served (RSA key exchange, and DHE while dhe is off), is "
	    "told in the log, event tls.context."),
	OPT(TLS, WORDS, conf_tls, groups, "groups", 1, 16, "X25519 P-256 P-384",
	    EDGES, RELOAD, NULL, "Groups for the key exchange, best first."),
	OPT(TLS, CHOICE, conf_tls, dhe, "dhe", 0, 0, "off", EDGES | R(VAULT),
	    RELOAD, dhe_groups,
	    "The group of RFC 7919 for key exchange in a finite field, with "
	    "clients of TLS 1.2 that know no elliptic curves, or off. It takes an "
	    "RSA certificate, and stands behind every suite with ECDHE unless "
	    "ciphers says otherwise. RFC 10015 forbids servers to choose it, so "
	    "anything but off is a warning. There is no group below 2048 bits, "
	    "and a handshake in a large one holds others up: ffdhe4096 takes "
	    "about 20 ms."),
	OPT(TLS, CHOICE, conf_tls, order, "cipher-order", 0, 0, "chacha", EDGES,
	    RELOAD, orders,
	    "server: the server's order of suites wins. client: the client's "
	    "does. chacha: the server's, but a client that puts ChaCha20 first "
	    "gets it."),
	OPT(TLS, CHOICE, conf_tls, client_certificate, "client-certificate", 0,
	    0, "off", EDGES, RELOAD, client_modes,
	    "request asks for a certificate and logs what comes; require refuses "
	    "clients without one that client-ca vouches for."),
	OPT(TLS, PATH, conf_tls, client_ca, "client-ca", 1, 1000, NULL,
	    R(SUPERVISOR), RELOAD, NULL,
	    "A PEM file with the authorities that sign client certificates."),
	OPT(TLS, BOOL, conf_tls, allow_self_signed, "allow-self-signed", 0, 0,
	    "off", R(VAULT), RELOAD, NULL,
	    "A self-signed certificate is refused on submission, imap and pop3 "
	    "unless this is on; on mx it is a warning."),

	OPT(LIMITS, SIZE, conf_limits, message_size, "message-size", KI, 2 * GI,
	    "50M", MAIL | R(EDGE_LOCAL) | R(STORE), RELOAD, NULL,
	    "The largest message that is taken. A listener can lower the "
	    "top-level value, not raise it."),
	OPT(LIMITS, NUMBER, conf_limits, recipients, "recipients", 1, 1000,
	    "100", MAIL, RELOAD, NULL,
	    "Recipients of one message; the next one is asked to come again."),
	OPT(LIMITS, NUMBER, conf_limits, errors, "errors", 1, 1000, "20", MAIL,
	    RELOAD, NULL,
	    "Wrong commands in one SMTP session before it is closed. IMAP and "
	    "POP3 sessions are closed after 20."),
	OPT(LIMITS, NUMBER, conf_limits, messages, "messages", 0, 1000000, "0",
	    MAIL, RELOAD, NULL, "Messages in one SMTP session; 0 is no limit."),
	OPT(LIMITS, NUMBER, conf_limits, connections, "connections", 0, 1000000,
	    "0", MAIL, RELOAD, NULL,
	    "Connections to one listener at a time, in each of the processes "
	    "that share it; 0 is what the descriptors allow."),
	OPT(LIMITS, NUMBER, conf_limits, connections_per_address,
	    "connections-per-address", 0, 100000, "50", MAIL, RELOAD, NULL,
	    "Connections to one listener from one IPv4 address or IPv6 /64 at a "
	    "time, in each of the processes that share it; 0 is no limit."),
	OPT(LIMITS, NETWORKS, conf_limits, exempt, "exempt", 1, CONF_LIST_MAX,
	    NULL, MAIL, RELOAD, NULL,
	    "Networks to which connections-per-address does not apply."),

	OPT(TIMEOUTS, DURATION, conf_timeouts, handshake, "handshake", 1,
	    5 * MINUTE, "30s", MAIL, RELOAD, NULL,
	    "From the start of a TLS handshake to its end."),
	OPT(TIMEOUTS, DURATION, conf_timeouts, login, "login", 5, HOUR, "2m",
	    ACCESS, RELOAD, NULL,
	    "From the connection to a login; then it is closed."),
	OPT(TIMEOUTS, DURATION, conf_timeouts, command, "command", 5, HOUR,
	    "5m", MAIL, RELOAD, NULL, "Waiting for the next SMTP command."),
	OPT(TIMEOUTS, DURATION, conf_timeouts, data, "data", 5, HOUR, "3m",
	    MAIL, RELOAD, NULL,
	    "Waiting for the next bytes of a message on its way in."),
	OPT(TIMEOUTS, DURATION, conf_timeouts, imap_idle, "imap-idle",
	    5, DAY, "30m", ACCESS, RELOAD, NULL,
	    "An IMAP session without a command, or in IDLE, ends after this. RFC "
	    "3501 asks for 30 minutes at least; less is a warning."),
	OPT(TIMEOUTS, DURATION, conf_timeouts, pop3_idle, "pop3-idle",
	    5, DAY, "10m", ACCESS, RELOAD, NULL,
	    "A POP3 session without a command ends after this. RFC 1939 asks for "
	    "10 minutes at least; less is a warning."),

	OPT(AUTH, BOOL, conf_auth, scram, "scram", 0, 0, "on",
	    ACCESS | R(AUTH), RELOAD, NULL,
	    "Offer SCRAM-SHA-256, and keep its verifier beside the argon2id one "
	    "when a password is set."),
	OPT(AUTH, NUMBER, conf_auth, scram_iterations, "scram-iterations", 4096,
	    10000000, "100000", R(AUTH), RELOAD, NULL,
	    "Rounds in a SCRAM verifier made from now on."),
	OPT(AUTH, SIZE, conf_auth, argon2_memory, "argon2-memory", 8 * MI, GI,
	    "64M", R(AUTH), RELOAD, NULL,
	    "Memory that one look at a password takes, in hashes made from now "
	    "on."),
	OPT(AUTH, NUMBER, conf_auth, argon2_passes, "argon2-passes", 1, 16, "3",
	    R(AUTH), RELOAD, NULL, "Passes over that memory."),
	OPT(AUTH, NUMBER, conf_auth, threads, "threads", 1, 64, "2", R(AUTH),
	    RESTART, NULL, "Passwords looked at in the same moment."),
	OPT(AUTH, NUMBER, conf_auth, queue, "queue", 1, 10000, "4096", R(AUTH),
	    RELOAD, NULL,
	    "Logins that may wait for that; the next is asked to come again."),
	OPT(AUTH, DURATION, conf_auth, remember, "remember", 0, HOUR, "5m",
	    R(AUTH), RELOAD, NULL,
	    "A password just found right is known again without argon2 for this "
	    "long, in memory only; 0 never."),
	OPT(AUTH, DURATION, conf_auth, window, "window", MINUTE, DAY, "10m",
	    R(AUTH), RELOAD, NULL,
	    "The time over which the failures below are counted."),
	OPT(AUTH, NUMBER, conf_auth, failures_address, "failures-per-address",
	    0, 1000000, "10", R(AUTH), RELOAD, NULL,
	    "Wrong passwords from one address before it has to wait; 0 is no "
	    "limit."),
	OPT(AUTH, NUMBER, conf_auth, failures_network, "failures-per-network",
	    0, 1000000, "40", R(AUTH), RELOAD, NULL,
	    "The same for an IPv4 /24 or an IPv6 /64."),
	OPT(AUTH, NUMBER, conf_auth, failures_account, "failures-per-account",
	    0, 1000000, "20", R(AUTH), RELOAD, NULL,
	    "The same for one account. Its owner is not locked out: an address "
	    "from which the account logged in lately is counted by itself."),
	OPT(AUTH, HOST, conf_auth, login_domain, "login-domain", 0, 0, NULL,
	    R(AUTH), RELOAD, NULL,
	    "The domain added to a login name that has none. Default: such a "
	    "name is unknown."),
	OPT(AUTH, DURATION, conf_auth, pop3_delay, "pop3-delay", 0, DAY, "0s",
	    ACCESS | R(STORE), RELOAD, NULL,
	    "The least time between two POP3 logins of a user, for programs "
	    "that look for mail too often; 0 is none."),

	OPT(STORE, CHOICE, conf_store, engine, "engine", 0, 0, "rocksdb",
	    R(STORE), RESTART, engines,
	    "Where mail is kept. memory forgets everything at the end and is for "
	    "trials."),
	OPT(STORE, PERCENT, conf_store, reserve, "reserve", 0, 50, "2%",
	    R(STORE), RELOAD, NULL,
	    "The share of the file system kept free: below it no mail is taken, "
	    "so that removing and cleaning up still work."),
	OPT(STORE, SIZE, conf_store, reserve_least, "reserve-least", 0, TI,
	    "256M", R(STORE), RELOAD, NULL, "The least that reserve means."),
	OPT(STORE, DURATION, conf_store, keep_removed, "keep-removed", 0,
	    3650 * DAY, "14d", R(STORE), RELOAD, NULL,
	    "How long the mail of a removed account can be had back."),
	OPT(STORE, DURATION, conf_store, keep_deleted, "keep-deleted", 0,
	    3650 * DAY, "7d", R(STORE), RELOAD, NULL,
	    "How long expunged mail and removed mailboxes can be had back with "
	    "letterlock mailbox undelete; 0 is not at all. No quota counts them; "
	    "when the disk's reserve is reached, they go at once."),
	OPT(STORE, SIZE, conf_store, cache, "cache", MI, TI, "64M", R(STORE),
	    RESTART, NULL, "Memory for blocks read from disk."),
	OPT(STORE, SIZE, conf_store, staged, "staged", MI, TI, "512M",
	    R(STORE), RELOAD, NULL,
	    "Bytes of messages that may be on their way in, all sessions "
	    "together; above it senders are asked to come again."),
	OPT(STORE, NUMBER, conf_store, read_threads, "read-threads", 1, 64, "4",
	    R(STORE), RESTART, NULL, "Reads from disk in the same moment."),

	OPT(QUEUE, DURATION, conf_queue, lifetime, "lifetime", HOUR, 100 * DAY,
	    "5d", R(STORE), RELOAD, NULL,
	    "How long a message is tried before its sender is told that it could "
	    "not be delivered. It holds for messages accepted from then on."),
	OPT(QUEUE, DURATION, conf_queue, warn, "warn", 0, 100 * DAY, "4h",
	    R(STORE), RELOAD, NULL,
	    "After this time the sender is told once that the message is still "
	    "being tried; 0 never."),
	OPT(QUEUE, DURATIONS, conf_queue, retry, "retry", 10, 7 * DAY,
	    "5m 10m 20m 40m 1h 2h 4h", R(STORE), RELOAD, NULL,
	    "Times between one attempt and the next, for a recipient and also for "
	    "a destination none of whose hosts can be spoken to; the last one "
	    "repeats. Each is moved a little by chance, so that what failed "
	    "together does not come together."),
	OPT(QUEUE, NUMBER, conf_queue, per_destination, "per-destination", 1,
	    1000, "20", R(STORE), RELOAD, NULL,
	    "Messages that are delivered to one destination at a time. One that "
	    "asks for less gets less for a while."),

	OPT(DNS, BOOL, conf_dns, lookups, "lookups", 0, 0, "on",
	    R(DIALER) | R(COURIER), RESTART, NULL,
	    "off sends no DNS question at all: for a trial or a closed network."),
	OPT(DNS, RESOLVERS, conf_dns, resolvers, "resolvers", 1, 8, NULL,
	    R(DIALER), RESTART, NULL,
	    "Resolvers to ask, such as 192.0.2.1 or 2001:db8::1; with another "
	    "port than 53, 192.0.2.1:5353 or [2001:db8::1]:5353. Default: letterlock resolves by itself from the "
	    "root. It validates DNSSEC in both cases."),
	OPT(DNS, RESOLVERS, conf_dns, trusted, "trust-resolver", 1, 1, NULL,
	    R(DIALER), RESTART, NULL,
	    "A resolver that validates DNSSEC, and whose word for it (the AD bit) "
	    "is believed: in place of resolvers, and of validating here. It is "
	    "asked by TCP. Whoever can answer in its name decides where mail goes, "
	    "so name one on this host."),
	OPT(DNS, PATH, conf_dns, trust_anchor, "trust-anchor", 1, 1000, NULL,
	    R(DIALER), RESTART, NULL,
	    "A file with DNSSEC trust anchors in place of the root's. The dialer "
	    "reads it with its own user id, so everybody has to be able to. Keys "
	    "of the root are followed from there (RFC 5011), in dialer/root.key in "
	    "the data folder; to begin anew, remove that file."),
	OPT(DNS, ADDRESSES, conf_dns, addresses, "addresses", 1,
	    CONF_ADDRESSES_MAX, NULL, R(EDGE_ADMIN), RELOAD, NULL,
	    "The addresses by which the world knows this host, as its A and AAAA "
	    "records should name them: letterlock-dns(1) compares. Default: those "
	    "of the mx listeners that are public, or else whatever the records "
	    "say."),
	OPT(DNS, DURATION, conf_dns, timeout, "timeout", 1, MINUTE, "10s",
	    R(DIALER), RELOAD, NULL,
	    "The longest that one question may take in all."),
	OPT(DNS, SIZE, conf_dns, cache, "cache", MI, 4 * GI, "16M", R(DIALER),
	    RESTART, NULL, "Memory for answers that may be asked for again."),

	OPT(OUTGOING, NETWORKS, conf_outgoing, reach, "reach", 1, CONF_LIST_MAX,
	    NULL, R(DIALER), RELOAD, NULL,
	    "Networks that may be connected to although their addresses are "
	    "loopback, private, link-local, documentation or reserved ones: an "
	    "inner mail server, for example. Without this option nothing that "
	    "another server's DNS says leads there."),
	OPT(OUTGOING, ADDRESSES, conf_outgoing, source, "source", 1,
	    CONF_ADDRESSES_MAX, NULL,
	    R(DIALER) | R(EDGE_ADMIN) | R(COURIER) | R(STORE), RELOAD, NULL,
	    "Own addresses from which connections are made: the first IPv4 and "
	    "the first IPv6 one, unless a destination names another. Default: "
	    "what the system chooses."),
	OPT(OUTGOING, CHOICE, conf_outgoing, families, "families", 0, 0, "any",
	    R(DIALER) | R(COURIER) | R(STORE), RELOAD, families,
	    "any tries IPv6 and IPv4 in turn and takes what answers first; IPv6 "
	    "has a quarter of a second's start, with ipv4-first IPv4 has it. ipv4 "
	    "and ipv6 use that one alone."),
	OPT(OUTGOING, WORDS, conf_outgoing, ports, "ports", 1, CONF_LIST_MAX,
	    NULL, R(DIALER), RELOAD, NULL,
	    "Ports to which mail may be sent beside 24, 25, 465, 587, the port "
	    "of this block and those of destinations."),
	OPT(OUTGOING, WORDS, conf_outgoing, web_ports, "web-ports", 1,
	    CONF_LIST_MAX, NULL, R(DIALER), RELOAD, NULL,
	    "Ports on which other servers' web pages (policies, reports) may be "
	    "asked for beside 443."),
	OPT(OUTGOING, PATH, conf_outgoing, authorities, "authorities", 1, 1000,
	    NULL, R(SUPERVISOR), RELOAD, NULL,
	    "A PEM file with the certificate authorities that servers of others "
	    "are held to: web servers with MTA-STS policies, and mail servers "
	    "where a policy asks for a certificate. Default: "
	    "/etc/ssl/certs/ca-certificates.crt; where that is missing, none is "
	    "trusted."),
	OPT(OUTGOING, HOST, conf_outgoing, hello, "hello", 0, 0, NULL,
	    R(COURIER) | R(EDGE_ADMIN), RELOAD, NULL,
	    "The name in EHLO. Default: hostname."),
	OPT(OUTGOING, NUMBER, conf_outgoing, port, "port", 1, 65535, "25",
	    R(COURIER) | R(DIALER), RELOAD, NULL, "The port of other servers."),
	OPT(OUTGOING, NUMBER, conf_outgoing, connections, "connections", 1, 500,
	    "50", R(COURIER), RELOAD, NULL,
	    "Messages that are on their way out in the same moment."),
	OPT(OUTGOING, NUMBER, conf_outgoing, messages,
	    "messages-per-connection", 1, 10000, "100", R(COURIER), RELOAD,
	    NULL, "Messages that one connection carries before it is closed."),
	OPT(OUTGOING, DURATION, conf_outgoing, idle, "idle", 0, 5 * MINUTE,
	    "5s", R(COURIER), RELOAD, NULL,
	    "How long a connection stays open while nothing waits for the same "
	    "destination."),

	OPT(ACCOUNTS, SIZE, conf_accounts, quota, "quota", 0, 1024 * TI, "0",
	    R(STORE), RELOAD, NULL,
	    "What an account without a quota of its own may hold; 0 is no limit."),
	OPT(ACCOUNTS, STRING, conf_accounts, recipient_delimiter,
	    "recipient-delimiter", 0, 4, "+", R(STORE), RELOAD, NULL,
	    "Each character of it starts the detail of an address: mail for "
	    "alice+shop goes to alice. \"\" switches this off."),
	OPT(ACCOUNTS, STRING, conf_accounts, postmaster, "postmaster", 0, 254,
	    NULL, R(STORE), RELOAD, NULL,
	    "The address that gets mail for postmaster and abuse when no domain "
	    "has an account or alias of that name. Default: the oldest account."),

	OPT(ACCOUNTS, ACCOUNT_NAMES, conf_accounts, shared, "shared", 1, CONF_LIST_MAX,
	    NULL, R(STORE), RELOAD, NULL,
	    "Accounts that belong to nobody alone, such as info@example.org. Who "
	    "has rights in their mailboxes finds them below shared-name, and only "
	    "there rights can be granted to anyone."),
	OPT(ACCOUNTS, STRING, conf_accounts, shared_name, "shared-name", 1, 64,
	    "Shared Folders", R(STORE), RELOAD, NULL,
	    "The level below which IMAP shows mailboxes of those accounts."),
	OPT(ACCOUNTS, STRING, conf_accounts, others_name, "others-name", 0, 64,
	    "Other Users", R(STORE), RELOAD, NULL,
	    "The level below which it shows mailboxes of other users who granted "
	    "rights in them. \"\" switches that off: nobody reaches them."),

	OPT(REWRITE, MAPS, conf_rewrite, canonical, "canonical", 1,
	    CONF_MAPS_MAX, NULL, R(STORE) | R(SORTER), RELOAD, NULL,
	    "An address and what it becomes, or a domain and what it becomes, "
	    "both with an @ in front: it is replaced as sender and as "
	    "recipient. The statement may be repeated."),
	OPT(REWRITE, MAPS, conf_rewrite, sender, "sender", 1, CONF_MAPS_MAX,
	    NULL, R(STORE) | R(SORTER), RELOAD, NULL,
	    "The same for senders alone: the envelope's, and From, Sender and "
	    "Reply-To."),
	OPT(REWRITE, MAPS, conf_rewrite, recipient, "recipient", 1,
	    CONF_MAPS_MAX, NULL, R(STORE) | R(SORTER), RELOAD, NULL,
	    "The same for recipients alone: the envelope's, and To and Cc."),
	OPT(REWRITE, DOMAINS, conf_rewrite, masquerade, "masquerade", 1,
	    CONF_LIST_MAX, NULL, R(STORE) | R(SORTER), RELOAD, NULL,
	    "Domains that stand for all below them: alice@pc7.example.org "
	    "becomes alice@example.org, in the envelope's sender and in the "
	    "header."),
	OPT(REWRITE, DOMAINS, conf_rewrite, keep_domains, "keep-domains", 1,
	    CONF_LIST_MAX, NULL, R(STORE) | R(SORTER), RELOAD, NULL,
	    "Domains that masquerade leaves alone: lists.example.org is that "
	    "one, .lab.example.org any below it."),
	OPT(REWRITE, WORDS, conf_rewrite, keep_users, "keep-users", 1,
	    CONF_LIST_MAX, NULL, R(STORE) | R(SORTER), RELOAD, NULL,
	    "What stands before the @ of addresses that masquerade leaves "
	    "alone, as root does where it has to be seen which machine wrote."),

	OPT(CERTIFICATE, PATHS, conf_certificate, chain, "chain", 1,
	    CONF_PAIRS_MAX, NULL, R(SUPERVISOR) | R(VAULT), RELOAD, NULL,
	    "PEM files, each with a certificate and after it those that signed "
	    "it. Give one for RSA and one for ECDSA to serve both kinds of "
	    "client."),
	OPT(CERTIFICATE, SECRETS, conf_certificate, key, "key", 1,
	    CONF_PAIRS_MAX, NULL, R(SUPERVISOR), RELOAD, NULL,
	    "The private keys in the order of the chains, by reference: "
	    "file:/path. The supervisor opens them for the vault; no other "
	    "process ever sees them."),
	OPT(CERTIFICATE, SECRETS, conf_certificate, next_key, "next-key", 1,
	    CONF_PAIRS_MAX, NULL, R(SUPERVISOR), RELOAD, NULL,
	    "Private keys that will take the place of those above. Nothing is "
	    "signed with them yet: letterlock-dns(1) shows their TLSA records, "
	    "which have to be seen by everybody before the keys are."),

	OPT(LISTENER, CHOICE, conf_listener, role, "role", 0, 0, NULL,
	    R(SUPERVISOR) | EDGES | R(EDGE_LOCAL) | R(VAULT) | R(DIALER), RELOAD,
	    listener_roles,
	    "What is spoken: mx takes mail for own domains from other servers; "
	    "submission takes mail from users; imap and pop3 let users read it; "
	    "admin serves the command line and local takes mail from users of "
	    "this machine, each on a Unix socket only."),
	OPT(LISTENER, BOOL, conf_listener, enabled, "enabled", 0, 0, "on",
	    R(SUPERVISOR) | EDGES | R(EDGE_LOCAL) | R(VAULT) | R(DIALER), RELOAD,
	    NULL, "off keeps the block and opens no port."),
	OPT(LISTENER, ADDRESSES, conf_listener, address, "address", 1,
	    CONF_ADDRESSES_MAX, "0.0.0.0 ::", R(SUPERVISOR) | R(DIALER) | R(EDGE_ADMIN),
	    RELOAD, NULL,
	    "Addresses to listen on. Default: every IPv4 and IPv6 address."),
	OPT(LISTENER, NUMBER, conf_listener, port, "port", 1, 65535, NULL,
	    R(SUPERVISOR) | R(DIALER) | R(EDGE_ADMIN), RELOAD, NULL,
	    "Default by role: mx 25, submission 587, imap 143, pop3 110; with tls "
	    "implicit submission 465, imap 993, pop3 995."),
	OPT(LISTENER, PATH, conf_listener, path, "path", 1, 107, NULL,
	    R(SUPERVISOR), RESTART, NULL,
	    "The Unix socket of a listener with role admin. Default: the "
	    "listener's name in the run folder."),
	OPT(LISTENER, CHOICE, conf_listener, security, "tls", 0, 0, "auto",
	    EDGES, RELOAD, securities,
	    "implicit speaks TLS from the first byte. starttls offers it on role "
	    "mx and demands it before a login elsewhere. none is for mx and for "
	    "Unix sockets: no password ever travels in the clear. auto is "
	    "implicit on ports 465, 993 and 995, none on a Unix socket, starttls "
	    "elsewhere."),
	OPT(LISTENER, SNIS, conf_listener, sni, "sni", 1, CONF_SNI_MAX, NULL,
	    EDGES | R(VAULT), RELOAD, NULL,
	    "A host name and a certificate block: clients that ask for this name "
	    "are shown this certificate. The statement may be repeated."),
	OPT(LISTENER, NUMBER, conf_listener, backlog, "backlog", 1, 65535,
	    "1024", R(SUPERVISOR), RESTART, NULL,
	    "Connections that the system may hold until they are accepted."),

	OPT(DESTINATION, DOMAINS, conf_destination, domain, "domain", 1,
	    CONF_LIST_MAX, NULL, R(COURIER) | R(STORE), RELOAD, NULL,
	    "The domains of recipients that the block is for: example.org is "
	    "that one, .example.org any below it, * every one."),
	OPT(DESTINATION, STRING, conf_destination, host, "host", 1, 253, NULL,
	    R(COURIER), RELOAD, NULL,
	    "Where the mail goes: a name, whose addresses are used, or an "
	    "address. Default: the hosts of the domain's MX records."),
	OPT(DESTINATION, NUMBER, conf_destination, port, "port", 1, 65535, NULL,
	    R(COURIER) | R(DIALER), RELOAD, NULL,
	    "Default: that of the block outgoing; with protocol lmtp 24."),
	OPT(DESTINATION, CHOICE, conf_destination, protocol, "protocol", 0, 0,
	    "smtp", R(COURIER), RELOAD, protocols,
	    "What the host speaks. lmtp needs a host."),
	OPT(DESTINATION, CHOICE, conf_destination, level, "tls", 0, 0, "may",
	    R(COURIER), RELOAD, levels,
	    "The least protection that is wanted. none: clear text. may: TLS "
	    "where it is offered. encrypt: TLS, whoever answers. fingerprint: a "
	    "key of the list. dane: as may, with TLSA records where they are. "
	    "dane-only: TLSA records or no mail. sts: a host of the domain's "
	    "MTA-STS policy. verify: the host's name. secure: the domain's "
	    "name. What the domain itself publishes is kept on top of it."),
	OPT(DESTINATION, NAME, conf_destination, certificate, "certificate", 0,
	    0, NULL, R(COURIER) | R(VAULT), RELOAD, NULL,
	    "The certificate block that is shown to servers which ask for one, "
	    "in TLS 1.3. Its key signs for nothing else, unless a listener "
	    "shows it too. While the vault does not have it mail waits: it "
	    "does not go without."),
	OPT(DESTINATION, DOMAINS, conf_destination, names, "name", 1, 16, NULL,
	    R(COURIER), RELOAD, NULL,
	    "Names of which the certificate has to have one, in place of the "
	    "host's or domain's. .example.org is any name below it."),
	OPT(DESTINATION, WORDS, conf_destination, fingerprints, "fingerprint",
	    1, 16, NULL, R(COURIER), RELOAD, NULL,
	    "SHA-256 of the server's public key, 64 hexadecimal digits, for tls "
	    "fingerprint. Give the next key too before it comes."),
	OPT(DESTINATION, BOOL, conf_destination, ignore_published,
	    "ignore-published", 0, 0, "off", R(COURIER), RELOAD, NULL,
	    "on: what the domain publishes (DANE, MTA-STS) does not count."),
	OPT(DESTINATION, STRING, conf_destination, login, "login", 1, 255, NULL,
	    R(COURIER), RELOAD, NULL,
	    "The user name for a server that wants a login. It is given inside "
	    "TLS only: by SCRAM-SHA-256 where the server offers that, bound to "
	    "the connection where both sides can, so that the server sees no "
	    "password; else by PLAIN."),
	OPT(DESTINATION, SECRETS, conf_destination, password, "password", 1, 1,
	    NULL, R(SUPERVISOR), RELOAD, NULL,
	    "The password for login, by reference: file:/path. A line end behind "
	    "it does not count."),
	OPT(DESTINATION, ADDRESSES, conf_destination, source, "source", 1, 2,
	    NULL, R(COURIER) | R(DIALER) | R(EDGE_ADMIN) | R(STORE), RELOAD,
	    NULL,
	    "The own address to connect from, one of each family at most; a "
	    "block source limits what leaves by it."),
	OPT(DESTINATION, HOST, conf_destination, hello, "hello", 0, 0, NULL,
	    R(COURIER) | R(EDGE_ADMIN), RELOAD, NULL,
	    "The name in EHLO. Default: that of the block outgoing."),
	OPT(DESTINATION, NUMBER, conf_destination, connections, "connections",
	    1, 1000, NULL, R(STORE), RELOAD, NULL,
	    "Connections to one of the domains at a time, each with a message. "
	    "Default: per-destination of the block queue. In all there are "
	    "never more than connections of the block outgoing."),
	OPT(DESTINATION, NUMBER, conf_destination, per_minute, "per-minute", 1,
	    1000000, NULL, R(STORE), RELOAD, NULL,
	    "Messages to one of the domains in a minute; the others wait for the "
	    "next one. Default: no limit."),

	OPT(SOURCE, ADDRESSES, conf_source, address, "address", 1,
	    CONF_ADDRESSES_MAX, NULL, R(COURIER) | R(STORE), RELOAD, NULL,
	    "Own addresses, as source of the block outgoing or of a destination "
	    "names them; an address is in one block. Default: the usual one, by "
	    "which mail leaves where its destination names none, also if the "
	    "system chooses it."),
	OPT(SOURCE, NUMBER, conf_source, connections, "connections", 1, 1000,
	    NULL, R(COURIER) | R(STORE), RELOAD, NULL,
	    "Connections that stand at a time, also those that wait for another "
	    "message. Default: no limit but connections of the block outgoing."),
	OPT(SOURCE, NUMBER, conf_source, per_minute, "per-minute", 1, 1000000,
	    NULL, R(STORE), RELOAD, NULL,
	    "Messages in a minute, which begins with the first one; the others "
	    "wait for the next one. Default: no limit."),
};

const size_t conf_option_count = ARRAY_LEN(conf_options);
_Static_assert(ARRAY_LEN(conf_options) <= CONF_OPTIONS_MAX, "raise the limit");

#define PLAIN(m)   false, false, offsetof(struct conf, m), 0
#define SHARED(m)                                                              \
	false, true, offsetof(struct conf, m), offsetof(struct conf_listener, m)

const struct conf_block_info conf_blocks[CONF_BLOCKS] = {
	[CONF_B_TOP] = {"", false, false, 0, 0,
			"These statements stand outside of every block."},
	[CONF_B_LOG] = {"log", PLAIN(log), "What is written about the work."},
	[CONF_B_PROCESSES] = {"processes", PLAIN(processes),
			      "How many processes share the work."},
	[CONF_B_TLS] = {"tls", SHARED(tls), "How connections are protected."},
	[CONF_B_LIMITS] = {"limits", SHARED(limits), "What a peer may use."},
	[CONF_B_TIMEOUTS] = {"timeouts", SHARED(timeouts),
			     "How long a peer may take."},
	[CONF_B_AUTH] = {"auth", PLAIN(auth), "Passwords and guessing them."},
	[CONF_B_STORE] = {"store", PLAIN(store), "Where mail is kept."},
	[CONF_B_QUEUE] = {"queue", PLAIN(queue),
			  "How mail for other servers is tried."},
	[CONF_B_DNS] = {"dns", PLAIN(dns), "Looking up names."},
	[CONF_B_OUTGOING] = {"outgoing", PLAIN(outgoing),
			     "Connections to other servers."},
	[CONF_B_ACCOUNTS] = {"accounts", PLAIN(accounts),
			     "What holds for every account."},
	[CONF_B_REWRITE] = {"rewrite", PLAIN(rewrite),
			    "Addresses that become others in mail of users and "
			    "of programs of this machine, in its envelope and "
			    "its header. The first that fits counts, once: an "
			    "address of sender or recipient, one of canonical, a "
			    "domain of sender or recipient, one of canonical; "
			    "then masquerade. Whether a login may use an "
			    "address is asked of the one that was written and, "
			    "where it may not, of what becomes of it. A header "
			    "with a signature (DKIM-Signature) stays as it is. "
			    "Mail of other servers is not changed; of its "
			    "recipients those that become an address of ours "
			    "are taken for that."},
	[CONF_B_CERTIFICATE] = {"certificate", true, false, 0, 0,
				"A certificate with its private key, one block "
				"a name."},
	[CONF_B_LISTENER] = {"listener", true, false, 0, 0,
			     "A port and what is spoken there, one block a "
			     "name. The blocks tls, limits and timeouts may "
			     "stand inside it; what they do not set is "
			     "inherited from the blocks at top level. As soon "
			     "as the file holds one listener, the standard "
			     "ones are gone, but for admin, the control socket, "
			     "and local, the socket of letterlock-sendmail(1): "
			     "each is there until a listener of that role takes "
			     "its place."},
	[CONF_B_DESTINATION] = {"destination", true, false, 0, 0,
				"How mail for some domains goes out, one block a "
				"name. The first block whose domain matches "
				"counts. Where there is none, mail goes to the "
				"hosts of the MX records with the best "
				"protection that they offer."},
	[CONF_B_SOURCE] = {"source", true, false, 0, 0,
			   "How much leaves by own addresses, all destinations "
			   "together, one block a name; addresses of one block "
			   "share its limits. They hold beside those of "
			   "destinations. Destinations take turns, each with a "
			   "few messages. Where a destination has an IPv4 and an "
			   "IPv6 source in different blocks, a message waits "
			   "until both have room, since it is not known before "
			   "by which one it leaves. What waits says so in "
			   "letterlock-queue(1)."},
};

size_t conf_option_find(enum conf_block block, struct span name)
{
	for (size_t i = 0; i < conf_option_count; i++)
		if (conf_options[i].block == block &&
		    span_eq(name, span_cstr(conf_options[i].name)))
			return i;
	return SIZE_MAX;
}

size_t conf_block_find(struct span name)
{
	for (size_t i = CONF_B_TOP + 1; i < CONF_BLOCKS; i++)
		if (span_eq(name, span_cstr(conf_blocks[i].name)))
			return i;
	return SIZE_MAX;
}

size_t conf_option_at(enum conf_block block, size_t offset)
{
	size_t i = 0;
	while (i < conf_option_count && (conf_options[i].block != block ||
					 conf_options[i].offset != offset))
		i++;
	ENSURE(i < conf_option_count);
	return i;
}

size_t conf_type_size(enum conf_type type)
{
	switch (type) {
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_PERCENT:
		return sizeof(uint64_t);
	case CONF_CHOICE:
		return sizeof(uint32_t);
	case CONF_STRING:
	case CONF_CIPHERS:
	case CONF_NAME:
	case CONF_HOST:
	case CONF_PATH:
		return sizeof(struct span);
	case CONF_ADDRESSES:
	case CONF_NETWORKS:
		return sizeof(struct conf_nets);
	case CONF_RESOLVERS:
		return sizeof(struct conf_resolvers);
	case CONF_DURATIONS:
		return sizeof(struct conf_durations);
	case CONF_WORDS:
	case CONF_ACCOUNT_NAMES:
	case CONF_DOMAINS:
	case CONF_PATHS:
	case CONF_SECRETS:
		return sizeof(struct conf_words);
	case CONF_SNIS:
		return sizeof(struct conf_snis);
	case CONF_MAPS:
		return sizeof(struct conf_maps);
	}
	ENSURE(false);
	return 0;
}

const char *conf_type_name(enum conf_type type)
{
	static const char *const names[] = {
		[CONF_BOOL] = "on or off",
		[CONF_NUMBER] = "a number",
		[CONF_SIZE] = "a size",
		[CONF_DURATION] = "a duration",
		[CONF_PERCENT] = "a percentage",
		[CONF_CHOICE] = "a choice",
		[CONF_STRING] = "text",
		[CONF_CIPHERS] = "a cipher list",
		[CONF_NAME] = "the name of a block",
		[CONF_HOST] = "a host name",
		[CONF_PATH] = "a path",
		[CONF_ADDRESSES] = "addresses",
		[CONF_NETWORKS] = "networks",
		[CONF_RESOLVERS] = "addresses, with or without a port",
		[CONF_DURATIONS] = "durations",
		[CONF_WORDS] = "words",
		[CONF_ACCOUNT_NAMES] = "accounts",
		[CONF_DOMAINS] = "domains",
		[CONF_PATHS] = "paths",
		[CONF_SECRETS] = "references to secrets",
		[CONF_SNIS] = "a host name and the name of a certificate",
		[CONF_MAPS] = "an address and what it becomes",
	};
	return names[type];
}
