/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posture - the DNS records that this server's names need, and what is wrong
 * with those that are found.
 *
 * posture_host and posture_domain list the needs of the host and of one mail
 * domain: an owner, a type, the data that should be there, and what its absence
 * means.  The caller asks a resolver for each and posture_judge says what
 * differs and how it is mended.  Nothing here asks anybody or reads a clock.
 *
 * Names are ASCII (A-labels) without the dot at their end; data is as in a zone
 * file, its names absolute.  What is made lives in the arena, the rest borrows
 * from the server that was described.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "policy/lookup.h"

#define POSTURE_TTL	      3600u
#define POSTURE_ADDRESSES_MAX 32u
#define POSTURE_SENDERS_MAX   32u
#define POSTURE_NEEDS_MAX     256u /* of the host, or of one domain */
#define POSTURE_RECORDS_MAX   256u /* of one answer; more are not looked at */
#define POSTURE_FINDINGS_MAX  8u   /* of one need; more are not told */
#define POSTURE_NAME_MAX      255u

/* ---- the server ----------------------------------------------------------- */

enum posture_service_kind {
	POSTURE_SMTP, /* from other servers */
	POSTURE_SUBMISSIONS,
	POSTURE_SUBMISSION,
	POSTURE_IMAPS,
	POSTURE_IMAP,
	POSTURE_POP3S,
	POSTURE_POP3,
};

struct posture_service {
	enum posture_service_kind kind;
	uint16_t port;
	struct span certificate; /* the one shown for the host's name; or empty */
};

/* A public key that is shown, or that will follow one which is. */
struct posture_key {
	struct span certificate;
	bool next;
	bool names_host; /* the certificate is valid for the host's name */
	uint8_t spki_sha256[32];
	struct span issuer; /* as text; empty: self-signed, or no certificate yet */
};

/* An address that mail leaves from, and the name in EHLO there. */
struct posture_sender {
	struct conf_net address;
	struct span hello;
};

struct posture_server {
	struct span host;  /* in greetings and in MX records */
	struct span hello; /* in EHLO; empty: the host's */
	/* Where it is said from which addresses mail leaves; none: from all. */
	const struct posture_sender *senders;
	size_t sender_count; /* at most POSTURE_SENDERS_MAX */
	const struct conf_net *addresses;
	size_t address_count; /* at most POSTURE_ADDRESSES_MAX */
	bool addresses_known; /* false: they are those found under its name */
	const struct posture_service *services;
	size_t service_count;
	const struct posture_key *keys;
	size_t key_count;
};

/* The name in EHLO from this address, or the host's when nothing leaves there. */
struct span posture_name_of(const struct posture_server *,
			    const struct conf_net *);
/* Those that mail leaves from. */
size_t posture_sending(const struct posture_server *,
		       struct conf_net out[POSTURE_ADDRESSES_MAX]);
/* Is it one of the host's? */
bool posture_is_ours(const struct posture_server *, const struct conf_net *);

/* Can the world reach it?  No private, local or multicast address. */
bool posture_public(const struct conf_net *);

/* ---- needs ---------------------------------------------------------------- */

enum posture_level {
	POSTURE_RIGHT,
	POSTURE_ADVICE,	 /* it works without */
	POSTURE_UNKNOWN, /* there was no answer */
	POSTURE_WRONG,
};
const char *posture_level_text(enum posture_level); /* "right", "advice" ... */

enum posture_kind {
	POSTURE_NOTE, /* no record: a line to be read */
	POSTURE_MX,
	POSTURE_ADDRESS, /* A or AAAA */
	POSTURE_PTR,
	POSTURE_SPF,
	POSTURE_DMARC,
	POSTURE_STS,
	POSTURE_TLSRPT,
	POSTURE_TLSA,
	POSTURE_SRV,
	POSTURE_CAA, /* found at the name, or else at one above it */
};

struct posture_need {
	enum posture_kind kind;
	struct span domain; /* whose need: the host, or a mail domain */
	struct span name;
	const char *type; /* "TLSA"; NULL for a note */
	const struct span *data; /* none: nothing of this type should be there */
	size_t count;
	enum posture_level absent; /* what it means that none is there */
	struct span note;	   /* for who reads; may be empty */
};

struct posture_needs {
	struct posture_need at[POSTURE_NEEDS_MAX];
	size_t count;
};

/* False: the arena is full. */
MUST_USE bool posture_host(const struct posture_server *, struct arena *,
			   struct posture_needs *);
MUST_USE bool posture_domain(const struct posture_server *, struct span domain,
			     struct arena *, struct posture_needs *);

/* "NAME. 3600 IN TYPE DATA" */
void posture_line(struct buf *, const struct posture_need *, size_t record);
/* The address in a record of type A or AAAA; false: it is none. */
MUST_USE bool posture_address(struct span line, struct conf_net *);
/* The name above it, or an empty one when that would be a top-level domain. */
struct span posture_above(struct span name);

/* ---- what was found ------------------------------------------------------- */

struct posture_found {
	struct policy_lookup lookup;
	const struct span *records; /* "NAME. TTL IN TYPE DATA", any type */
	size_t count;
	struct span canonical; /* where aliases lead; or empty */
	struct span why;       /* with BOGUS and FAILED */
};

struct posture_finding {
	enum posture_level level;
	struct span what, mend;
};

struct posture_findings {
	struct posture_finding at[POSTURE_FINDINGS_MAX];
	size_t count; /* 0: right */
};

/* False: the arena is full. */
MUST_USE bool posture_judge(const struct posture_server *,
			    const struct posture_need *,
			    const struct posture_found *, struct arena *,
			    struct posture_findings *);
/*
 * What is wrong without the DNS: certificates that are not valid for the host's
 * name (RFC 9525), so that clients which check refuse them.
 */
MUST_USE bool posture_certificates(const struct posture_server *,
				   struct arena *, struct posture_findings *);

/*
 * Do the TLSA records of `found` name this key ("3 1 1")?  For waiting before a
 * change of keys.
 */
bool posture_names_key(const struct posture_found *, const struct posture_key *);
/* Is the key one of those that the need is about? */
bool posture_needs_key(const struct posture_need *, const struct posture_key *);
/* The largest of its records, in seconds. */
uint32_t posture_found_ttl(const struct posture_found *);
