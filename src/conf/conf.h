/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/conf - the values of one configuration, as plain structs.
 *
 * A `struct conf` is immutable and complete: every option has a value, written,
 * inherited or the default.  In a role it comes from a slice (conf/slice.h) and
 * then holds only what that role may see: everything else is zero or empty.
 *
 * Pointers and spans live as long as the snapshot or the arena that the value
 * came from.  Units: sizes are bytes, durations are seconds, percentages whole
 * per cents.  Where 0 means "no limit" the comment says so.
 *
 * Each member is described once, in the table in conf/options.c, from which
 * parser, checks, slices and letterlock.conf(5) are made.
 */
#pragma once

#include "base/span.h"

/* Who may see an option: one bit a role, in the rows of the option table. */
enum conf_role {
	CONF_SUPERVISOR,
	CONF_EDGE_MX,
	CONF_EDGE_ACCESS,
	CONF_EDGE_ADMIN,
	CONF_EDGE_LOCAL,
	CONF_AUTH,
	CONF_VAULT,
	CONF_STORE,
	CONF_SORTER,
	CONF_DIALER,
	CONF_FETCH,
	CONF_COURIER,
	CONF_LOGGER,
	CONF_ROLES
};

/* Named blocks and lists: how many there may be. */
#define CONF_LISTENERS_MAX    64u
#define CONF_CERTIFICATES_MAX 256u
#define CONF_DESTINATIONS_MAX 256u
#define CONF_SOURCES_MAX      64u
#define CONF_PAIRS_MAX        4u   /* key pairs of one certificate */
#define CONF_SNI_MAX          256u /* names on one listener */
#define CONF_LIST_MAX         64u  /* items of any other list */
#define CONF_ADDRESSES_MAX    16u  /* addresses of one listener */
#define CONF_STEPS_MAX        16u  /* times between attempts */
#define CONF_MAPS_MAX         1024u /* addresses that become others, of a kind */

/* An address, or a network with bits < 32 or 128. */
struct conf_net {
	uint8_t family; /* 4 or 6 */
	uint8_t bits;
	uint8_t bytes[16]; /* network order; IPv4 uses the first four */
};

struct conf_nets {
	const struct conf_net *at;
	size_t count;
};

/* A name server that is asked. */
#define CONF_RESOLVER_PORT 53u /* when none is written */

struct conf_resolver {
	uint8_t family; /* 4 or 6 */
	uint8_t bytes[16]; /* as in conf_net */
	uint16_t port; /* never 0 */
};

struct conf_resolvers {
	const struct conf_resolver *at;
	size_t count;
};

struct conf_durations {
	const uint64_t *at; /* seconds */
	size_t count;
};

struct conf_words {
	const struct span *at;
	size_t count;
};

/* A name that a client may ask for by SNI, and what it is shown. */
struct conf_sni {
	struct span name;        /* lower case */
	struct span certificate; /* name of a certificate block */
};

struct conf_snis {
	const struct conf_sni *at;
	size_t count;
};

/* An address that becomes another one; or both are "@" and a domain. */
struct conf_map {
	struct span from, to; /* domains in lower case */
};

struct conf_maps {
	const struct conf_map *at;
	size_t count;
};

enum conf_log_format { CONF_LOG_JSON, CONF_LOG_LOGFMT, CONF_LOG_SYSLOG };
enum conf_log_to { CONF_LOG_FILE, CONF_LOG_STDERR };
enum conf_log_level {
	CONF_LOG_ERROR,
	CONF_LOG_WARNING,
	CONF_LOG_INFO,
	CONF_LOG_DEBUG
};

struct conf_log {
	uint32_t format, to, level;
	struct span file; /* never empty in a complete snapshot */
	struct conf_words fields; /* empty: all */
	uint64_t trail; /* bytes; 0: none is kept */
	struct span tag;
};

#define CONF_ISOLATED_MAX 256u

enum conf_isolate { CONF_ISOLATE_OFF, CONF_ISOLATE_USER };

struct conf_processes {
	uint64_t mx, access, admin, sorter;
	uint64_t sessions; /* in one access process */
	uint32_t isolate;  /* enum conf_isolate */
	uint64_t isolated; /* sessions in all, with `isolate user` */
	uint64_t age;      /* seconds; 0: for ever */
	uint64_t sorter_messages, sorter_age; /* 0: no limit; seconds */
};

/* CONF_PROFILE_AUTO never appears in a listener of a complete snapshot. */
enum conf_profile {
	CONF_PROFILE_AUTO,
	CONF_PROFILE_MODERN,
	CONF_PROFILE_STRICT,
	CONF_PROFILE_OPPORTUNISTIC,
	CONF_PROFILE_LEGACY
};
enum conf_tls_version {
	CONF_TLS_1_2,
	CONF_TLS_1_3
};
enum conf_cipher_order { CONF_ORDER_CHACHA, CONF_ORDER_SERVER, CONF_ORDER_CLIENT };
enum conf_client_certificate {
	CONF_CLIENT_OFF,
	CONF_CLIENT_REQUEST,
	CONF_CLIENT_REQUIRE
};

/* Groups of RFC 7919. */
enum conf_dhe {
	CONF_DHE_OFF,
	CONF_DHE_2048,
	CONF_DHE_3072,
	CONF_DHE_4096
};

struct conf_tls {
	struct span certificate; /* name of a certificate block */
	uint32_t profile, minimum, order, client_certificate, dhe;
	struct span ciphers; /* OpenSSL syntax; empty: those of the profile */
	struct conf_words groups;
	struct span client_ca; /* empty: none */
	bool allow_self_signed;
};

struct conf_limits {
	uint64_t message_size, recipients, errors;
	uint64_t messages;                /* in one session; 0: no limit */
	uint64_t connections;             /* 0: no limit but descriptors */
	uint64_t connections_per_address; /* 0: no limit */
	struct conf_nets exempt; /* networks without a limit per address */
};

struct conf_timeouts {
	uint64_t handshake, login, command, data, imap_idle, pop3_idle;
};

struct conf_auth {
	bool scram;
	uint64_t scram_iterations, argon2_memory, argon2_passes, threads, queue;
	uint64_t remember; /* 0: off */
	uint64_t window;
	uint64_t failures_address, failures_network, failures_account; /* 0: off */
	struct span login_domain; /* empty: none */
	uint64_t pop3_delay;	  /* seconds; 0: none */
};

enum conf_engine { CONF_ENGINE_ROCKSDB, CONF_ENGINE_MEMORY };

struct conf_store {
	uint32_t engine;
	uint64_t reserve; /* per cent of the file system */
	uint64_t reserve_least, keep_removed, keep_deleted, cache, staged, read_threads;
};

struct conf_queue {
	uint64_t lifetime, warn; /* seconds; warn 0: never */
	struct conf_durations retry; /* never empty; the last one repeats */
	uint64_t per_destination;
};

struct conf_dns {
	bool lookups;
	struct conf_resolvers resolvers; /* empty: ask the root servers itself */
	struct conf_resolvers trusted;	 /* one, in place of them, or none */
	struct span trust_anchor;   /* empty: the built-in one */
	struct conf_nets addresses; /* of this host; empty: not told */
	uint64_t timeout, cache;
};

enum conf_families {
	CONF_FAMILIES_ANY, /* IPv6 goes first */
	CONF_FAMILIES_IPV4_FIRST,
	CONF_FAMILIES_IPV4,
	CONF_FAMILIES_IPV6
};

struct conf_outgoing {
	struct conf_nets reach;	 /* that no rule keeps from being connected to */
	struct conf_nets source; /* own addresses; the first of a family is usual */
	uint32_t families;
	struct conf_words ports; /* numbers, judged; conf_port_listed */
	struct conf_words web_ports;
	struct span authorities; /* empty: the system's */
	struct span hello; /* empty: the host's name */
	uint64_t port, connections, messages;
	uint64_t idle; /* seconds */
};

struct conf_accounts {
	uint64_t quota; /* 0: none */
	struct span recipient_delimiter; /* each byte is one; empty: off */
	struct span postmaster; /* who stands in for one; empty: nobody */
	struct conf_words shared; /* addresses of accounts of nobody's own */
	struct span shared_name, others_name; /* first levels; empty: no others */
};

/* What becomes of addresses in mail of our users (rewrite/rewrite.h). */
struct conf_rewrite {
	struct conf_maps canonical, sender, recipient;
	struct conf_words masquerade; /* domains, without patterns */
	struct conf_words keep_domains; /* patterns */
	struct conf_words keep_users; /* local parts */
};

struct conf_certificate {
	struct span name;
	struct conf_words chain; /* PEM files, leaf first */
	struct conf_words key;   /* the nth key belongs to the nth chain */
	struct conf_words next_key; /* those that will follow, if any */
};

enum conf_listener_role {
	CONF_ROLE_NONE, /* not written: refused by the checks */
	CONF_ROLE_MX,
	CONF_ROLE_SUBMISSION,
	CONF_ROLE_IMAP,
	CONF_ROLE_POP3,
	CONF_ROLE_ADMIN,
	CONF_ROLE_LOCAL
};
/* AUTO never appears in a complete snapshot. */
enum conf_security {
	CONF_SECURITY_AUTO,
	CONF_SECURITY_STARTTLS, /* offered on mx, demanded elsewhere */
	CONF_SECURITY_IMPLICIT,
	CONF_SECURITY_NONE
};

struct conf_listener {
	struct span name;
	bool enabled;
	uint32_t role;
	struct conf_nets address; /* empty when path is set */
	uint64_t port;            /* 0 when path is set */
	struct span path;         /* a Unix socket: admin and local only */
	uint32_t security;
	struct conf_snis sni;
	uint64_t backlog;
	struct conf_tls tls;
	struct conf_limits limits;
	struct conf_timeouts timeouts;
};

enum conf_protocol { CONF_PROTOCOL_SMTP, CONF_PROTOCOL_LMTP };

/* In the order of enum policy_level. */
enum conf_level {
	CONF_LEVEL_NONE,
	CONF_LEVEL_MAY,
	CONF_LEVEL_ENCRYPT,
	CONF_LEVEL_FINGERPRINT,
	CONF_LEVEL_DANE,
	CONF_LEVEL_DANE_ONLY,
	CONF_LEVEL_STS,
	CONF_LEVEL_VERIFY,
	CONF_LEVEL_SECURE
};

/* How mail for some domains goes out; the first that matches counts. */
struct conf_destination {
	struct span name;
	struct span file; /* where it stands */
	uint64_t line;
	struct conf_words domain; /* example.org, .example.org, * */
	struct span host;	  /* a name or an address; empty: by MX */
	uint64_t port;		  /* 0: that of the block outgoing, or of LMTP */
	uint32_t protocol, level;
	struct conf_words names;	/* to verify in place of the usual */
	struct conf_words fingerprints; /* SHA-256 of public keys, hex */
	bool ignore_published;
	struct span certificate; /* name of a certificate block; empty: none */
	struct span login;
	struct conf_words password; /* one file; never in a role's slice */
	struct conf_nets source;
	struct span hello; /* empty: that of the block outgoing */
	uint64_t connections; /* to one domain; 0: queue.per-destination */
	uint64_t per_minute;  /* messages to one domain; 0: no limit */
};

/* What may leave by own addresses, all destinations together. */
struct conf_source {
	struct span name;
	struct conf_nets address; /* empty: where a destination names none */
	uint64_t connections;	  /* at a time; 0: no limit */
	uint64_t per_minute;	  /* messages; 0: no limit */
};

struct conf {
	struct span hostname, data, run;
	uint64_t drain;
	uint64_t hops; /* Received lines; more are a loop */
	struct conf_log log;
	struct conf_processes processes;
	struct conf_tls tls; /* what listeners inherit */
	struct conf_limits limits;
	struct conf_timeouts timeouts;
	struct conf_auth auth;
	struct conf_store store;
	struct conf_queue queue;
	struct conf_dns dns;
	struct conf_accounts accounts;
	struct conf_rewrite rewrite;
	struct conf_outgoing outgoing;
	const struct conf_certificate *certificates;
	size_t certificate_count;
	const struct conf_listener *listeners; /* disabled ones too */
	size_t listener_count;
	const struct conf_destination *destinations; /* in their order */
	size_t destination_count;
	const struct conf_source *sources;
	size_t source_count;
};

/* By name; NULL when there is none. */
const struct conf_certificate *conf_certificate(const struct conf *,
						struct span name);
const struct conf_listener *conf_listener(const struct conf *, struct span name);
const struct conf_destination *conf_destination(const struct conf *,
						struct span name);
const struct conf_source *conf_source(const struct conf *, struct span name);

/* The first block of which a domain fits; NULL: none does. */
const struct conf_destination *conf_destination_for(const struct conf *,
						    struct span domain);

/*
 * The own address that connections of that family leave by, where mail goes by this
 * rule (NULL: by none).  NULL: the system chooses.
 */
const struct conf_net *conf_leaves_by(const struct conf *,
				      const struct conf_destination *, bool v4);
/* The block that limits them; NULL: none does, or there are no such connections. */
const struct conf_source *conf_source_for(const struct conf *,
					  const struct conf_destination *,
					  bool v4);

/* "example.org" is that domain alone, ".example.org" any below it, "*" all. */
bool conf_pattern_matches(struct span pattern, struct span domain);

/* The edge pool that serves a listener of this role; CONF_ROLES for none. */
enum conf_role conf_pool(uint32_t listener_role);

/* "edge-mx"; "mx"; "strict" ... for messages and logs; NULL when unknown. */
const char *conf_role_name(enum conf_role);
const char *conf_listener_role_name(uint32_t);
const char *conf_security_name(uint32_t);
const char *conf_profile_name(uint32_t);

/* Whether addr (family, 4 or 16 bytes) lies in the network. */
bool conf_net_has(const struct conf_net *, uint8_t family, const uint8_t *addr);

/* Whether they are the same address; whether one of a list is. */
bool conf_net_same(const struct conf_net *, const struct conf_net *);
bool conf_net_listed(const struct conf_nets *, const struct conf_net *);

/* Whether the list, of words that are port numbers, has this one. */
bool conf_port_listed(const struct conf_words *, uint16_t port);

/* The same address and the same port. */
bool conf_resolver_eq(const struct conf_resolver *,
		      const struct conf_resolver *);
