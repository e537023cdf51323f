/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/vault/shelf - one generation of certificates and the keys to them.
 *
 * Filled pair by pair (chain, then key), checked, then shown to who may see it.  A
 * reload fills a new shelf beside the old one; the old one stays for handshakes
 * under way and is wiped after VAULT_GRACE_NS.
 *
 * Rights: a key may be used by a pool, as a server, only when a listener of that
 * pool shows its certificate, and for DHE only when such a listener has it
 * switched on; by couriers, as clients, only when a destination names its
 * certificate.  A certificate that both name gives each its own side.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf.h"
#include "role/common/hops.h"
#include "tls/keybox.h"

#define SHELF_MAX	128u
#define SHELF_CHAIN_MAX 61440u /* bytes that an answer takes */
/* The couriers' place in the masks, above those of the kinds of edges. */
#define SHELF_COURIER ((uint64_t)1 << 63)

struct pair {
	uint32_t id; /* of certificate and key alike */
	struct span label;       /* "name 0" */
	struct span certificate; /* "name" */
	struct span chain;       /* PEM */
	struct tls_certificate facts;
	/* 1 << enum kind as servers, in finite fields too; and as clients. */
	uint64_t rights, dhe, client;
	bool has_key;
};

/* A key that is to follow: only its public hash is kept. */
struct next_key {
	struct span certificate;
	unsigned char spki[32];
};

struct shelf {
	struct arena *arena;
	struct tls_keybox *keys;
	struct pair pairs[SHELF_MAX];
	size_t count;
	struct next_key next[SHELF_MAX];
	size_t next_count;
	uint32_t generation;
};

MUST_USE struct shelf *shelf_new(uint32_t generation);
void shelf_free(struct shelf *); /* wipes the keys; NULL is allowed */

/* False with a sentence in `why`.  `conf` says who shows the certificate. */
MUST_USE bool shelf_add_chain(struct shelf *, const struct conf *,
			      struct span label, struct span pem,
			      struct buf *why);
/*
 * The key of the pair whose chain came before.  Checks the pair as a whole:
 * `why` takes an error, `notes` a line for each warning.
 */
MUST_USE bool shelf_add_key(struct shelf *, const struct conf *,
			    struct span label, struct span pem, int64_t now,
			    struct buf *why, struct buf *notes);
/* A key that will follow those of the certificate; it can sign nothing. */
MUST_USE bool shelf_add_next(struct shelf *, struct span certificate,
			     struct span pem, struct buf *why);
