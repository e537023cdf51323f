/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store, dialer and fetch as a courier's part sees them, each a script: records and
 * pages by name, notes in memory.  One loop on a simulated world, so a week passes
 * in no time.
 */
#pragma once

#include "os/fiber.h"
#include "os/sim.h"
#include "wire/courier_dialer.h"
#include "wire/courier_fetch.h"
#include "wire/courier_store.h"

#define PEERS_NOTES 300u
#define PEERS_PAGES 16u
#define PEERS_SENT  64u

struct peers_note {
	enum courier_store_note kind;
	char name[321];
	char *value; /* NULL: a free place */
	size_t len;
};

/* What stands below one domain. */
struct peers_page {
	const char *name; /* of the TXT record, or of the web server's host */
	enum courier_dialer_trust trust;
	const char *txt[3]; /* NULL: no more */
	enum courier_fetch_outcome outcome;
	unsigned status;
	const char *body;
	const char *media; /* NULL: text/plain */
	uint64_t delay_ms; /* of the web server */
	unsigned asked;	   /* times */
};

/* What was sent by mail, or posted. */
struct peers_sent {
	char to[2048], sender[321], media[256];
	char *body;
	size_t len;
};

struct peers {
	struct world *world;
	struct loop *loop;
	/* The courier's ends; NULL: away. */
	struct courier_store *store;
	struct courier_dialer *dialer;
	struct courier_fetch *fetch;
	/* The others'. */
	struct courier_store *at_store;
	struct courier_dialer *at_dialer;
	struct courier_fetch *at_fetch;
	struct peers_note notes[PEERS_NOTES];
	struct peers_page pages[PEERS_PAGES];
	struct peers_sent sent[PEERS_SENT];
	size_t sent_count;
	enum courier_store_answer send_answer;
	unsigned puts, gets;
	bool store_fails; /* every answer is "later" */
};

void peers_new(struct peers *, uint64_t seed);
void peers_free(struct peers *); /* the courier's part is gone already */
/* Let so much time pass. */
void peers_run(struct peers *, uint64_t seconds);
/* fn in a fiber until it returns, an hour at most. */
void peers_do(struct peers *, fiber_fn *fn, void *arg);
struct peers_note *peers_note(struct peers *, enum courier_store_note, const char *name);
struct peers_page *peers_page(struct peers *, const char *name);
