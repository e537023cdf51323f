/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/anchor - trust anchors that follow their zone: RFC 5011.
 *
 * Who asks for the zone's DNSKEY records gives what a validated answer showed to
 * dns_anchors_step, and keeps the text of the result.  A new key counts after it was
 * seen for 30 days; one that revokes itself counts no more from that moment on, ever
 * again.  Everything is a function of its arguments: no clock, no file, and no
 * signature is verified here.
 */
#pragma once

#include "dns/packet.h"

#define DNS_KEY_MAX	 1028u /* bytes of a public key: RSA of 8192 bits */
#define DNS_KEYS_MAX	 24u   /* in one answer; more is no answer */
#define DNS_ANCHORS_MAX	 32u   /* of all states */
#define DNS_ANCHORS_TEXT 65536u
#define DNS_ANCHOR_ADD	 (30 * 86400) /* seconds: hold-down before a key counts */
#define DNS_ANCHOR_REMOVE (30 * 86400) /* ... and before a revoked one is over */

#define DNS_KEY_ZONE   0x0100u
#define DNS_KEY_REVOKE 0x0080u
#define DNS_KEY_SEP    0x0001u

struct dns_key {
	uint16_t flags, len;
	uint8_t algorithm;
	uint8_t bytes[DNS_KEY_MAX];
};

/* ---- answers ----------------------------------------------------------------- */

struct dns_rrsig {
	uint8_t algorithm, labels;
	uint16_t tag;
	uint32_t ttl, expires, incepts;
	struct dns_name signer;
	struct span signature; /* borrowed from the packet */
};

struct dns_keyset {
	size_t count, signatures;
	struct dns_key keys[DNS_KEYS_MAX];
	struct dns_rrsig by[DNS_KEYS_MAX]; /* over these keys */
};

/*
 * The DNSKEY records at the question's own name, and the signatures over them; what
 * is malformed or above the limit makes it no answer.
 */
MUST_USE bool dns_keyset_read(const struct dns_answer *, struct dns_keyset *out);
/*
 * The bytes that this signature is over (RFC 4034 section 3.1.8.1) for the keys at
 * `owner`; their order and doubles do not matter.  buf_ok tells.
 */
void dns_keyset_signed(const struct dns_keyset *, const struct dns_name *owner,
		       const struct dns_rrsig *, struct buf *out);
/* It counts at this time (seconds since 1970). */
bool dns_rrsig_is_now(const struct dns_rrsig *, int64_t now);

void dns_key_data(const struct dns_key *, struct buf *); /* RDATA */
uint16_t dns_key_tag(const struct dns_key *);
/* The same key, revoked or not. */
bool dns_key_same(const struct dns_key *, const struct dns_key *);

/* ---- anchors ------------------------------------------------------------------ */

enum dns_anchor_state {
	DNS_ANCHOR_PENDING, /* new, and held down */
	DNS_ANCHOR_VALID,
	DNS_ANCHOR_MISSING, /* valid, but not published now */
	DNS_ANCHOR_REVOKED,
	DNS_ANCHOR_REMOVED,
};

struct dns_anchor {
	enum dns_anchor_state state;
	int64_t since;
	struct dns_key key;
};

struct dns_anchors {
	int64_t again; /* when to ask next; 0: at once */
	size_t count;
	struct dns_anchor at[DNS_ANCHORS_MAX];
};

/* What a validated answer showed of one key. */
struct dns_seen {
	const struct dns_key *key;
	bool configured;  /* it is one of those to begin with */
	bool self_signed; /* its own signature over the answer is right */
};

void dns_anchors_step(struct dns_anchors *, const struct dns_seen *, size_t count,
		      uint32_t ttl, int64_t now);
/* It is trusted. */
static inline bool dns_anchor_counts(const struct dns_anchor *a)
{
	return a->state == DNS_ANCHOR_VALID || a->state == DNS_ANCHOR_MISSING;
}

/* Seconds until the next question (section 2.3); left: until the signature ends. */
int64_t dns_anchors_wait(uint32_t ttl, int64_t left, bool answered);

/* For the file.  Reading refuses whatever writing would not have written. */
void dns_anchors_write(const struct dns_anchors *, struct buf *);
MUST_USE bool dns_anchors_read(struct span text, struct dns_anchors *out);
const char *dns_anchor_state_text(enum dns_anchor_state);

/* ---- what there is to begin with -------------------------------------------------- */

struct dns_anchor_line {
	bool is_key; /* else a DS */
	uint16_t tag;
	uint8_t algorithm, digest_type;
	size_t digest_len;
	uint8_t digest[64];
	struct dns_key key;
};

/*
 * One line of a trust anchor file, ". 3600 IN DS 20326 8 2 E06D..." or DNSKEY with
 * base64.  False: it is none of the root's.
 */
MUST_USE bool dns_anchor_line_read(struct span line, struct dns_anchor_line *out);
