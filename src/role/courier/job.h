/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/job - one leased message while it is carried, and its way.
 *
 * All of it lives in the arena of the slot that carries it.
 */
#pragma once

#include "dsn/write.h"
#include "policy/decide.h"
#include "role/courier/courier.h"
#include "role/courier/story.h"
#include "route/mx.h"
#include "smtp/client.h"

#define WAY_ADDRESSES_MAX 32u /* of one host */

/* A host of the way, and what is known of it. */
struct way_host {
	struct span name;
	struct addr addresses[WAY_ADDRESSES_MAX];
	size_t count;
	struct span why; /* no address: what the dialer said */
};

/* Where mail for a domain goes, and how it has to be protected. */
struct way {
	const struct conf_destination *rule; /* NULL: none of ours */
	uint64_t rules; /* of the courier, when it was looked for */
	struct span domain; /* the recipients'; or of the rule's host */
	uint16_t port;
	bool lmtp;
	struct policy_rule policy_rule;
	struct policy_inputs in;
	struct way_host hosts[ROUTE_HOSTS_MAX];
	struct policy_host known[ROUTE_HOSTS_MAX];
	struct policy_decision decision;
};

/* Why there is no way, now or for ever. */
struct verdict {
	bool failed;	    /* else later */
	const char *status; /* RFC 3463 */
	struct span text;   /* a sentence */
	struct span host;   /* who said it; empty: we do */
	uint16_t code;
	bool down; /* of the destination as a whole */
};

/* Whose mail goes where: what a way is looked for. */
struct way_ask {
	struct courier *courier;
	struct arena *arena;
	const struct story *story;
	struct span domain;
	bool requiretls, tls_optional;
};

struct letter;

/* A recipient of the job: what is known so far. */
struct carried {
	bool settled; /* the outcome is final */
	struct courier_store_outcome outcome;
	bool handed; /* delivered to a server that reports further itself */
};

struct job {
	struct courier *courier;
	struct arena *arena;
	struct courier_store *store; /* that it was leased from */
	uint64_t epoch;
	struct story story;
	const struct courier_store_lease_reply *lease;
	struct smtp_path from;
	struct smtp_destination *to;
	struct carried *carried;
	size_t count;
	struct letter *letter;
	struct narrow *narrow; /* the message for servers without 8BITMIME */
	struct span stays_wide; /* why it has no such form */
	bool spoke, slow; /* some host greeted us; one asked for less */
	struct span trouble; /* why the destination is slow or down */
};

/* carry.c: the whole life of a leased message. */
void carry(struct courier *, struct arena *, uint64_t epoch,
	   const struct courier_store_lease_reply *);
/* The recipients that are not settled yet get this end. */
void carry_verdict(struct job *, const struct verdict *);
bool carry_done(const struct job *); /* every recipient is settled */
/* The store that leased it is still there. */
static inline struct courier_store *job_store(const struct job *j)
{
	return j->epoch == j->courier->epoch ? j->courier->store : NULL;
}

/* way.c.  False: *v says why there is none. */
MUST_USE bool way_find(const struct way_ask *, struct way *, struct verdict *v);

/* letter.c */
MUST_USE struct letter *letter_new(struct job *);
struct smtp_source *letter_source(struct letter *); /* from its first byte */
struct dsn_source *letter_ranges(struct letter *);
uint64_t letter_size(const struct letter *);
void letter_free(struct letter *); /* NULL is allowed */

/*
 * narrow.c: the message in seven bits, from its first byte; its structure is asked
 * of the store once a job.  NULL: *why says why not; an empty one, that it is not
 * known now.
 */
struct smtp_source *narrow_source(struct job *, struct span *why);
void narrow_free(struct narrow *); /* NULL is allowed */

/* tell.c: reports that are owed for what is settled. */
void tell_sender(struct job *);
void tell_delay(struct job *);

