/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores and couriers that lie, one way each: what the oracles are there to find.
 *
 * A mutant keeps the program as it is and lets the simulated disk forget what it
 * acknowledged, or the courier mistake what a server said (courier.c).  Whoever changes the workload or the oracles so that one of these
 * gets through has made the simulation blind.
 */
#include "storm.h"

static bool is(struct span key, char kind) { return key.len > 0 && key.ptr[0] == kind; }

/* Rows that were written once. */
struct rows {
	uint64_t hash[4096];
	size_t count;
};

/* The formats of rows are in box/format.h and spool/format.h. */
static bool not_done(void *arg, struct kv_name n, struct span key)
{
	(void)arg;
	return n.kind != KV_ACCOUNT || !is(key, 'D');
}

static bool not_head(void *arg, struct kv_name n, struct span key)
{
	unsigned *calls = arg;
	return n.kind != KV_ACCOUNT || !is(key, 'H') || ++*calls % 5 != 0;
}

static bool not_message(void *arg, struct kv_name n, struct span key)
{
	unsigned *calls = arg;
	return n.kind != KV_ACCOUNT || !is(key, 'M') || ++*calls % 5 != 0;
}

static bool not_log(void *arg, struct kv_name n, struct span key)
{
	(void)arg, (void)key;
	return n.kind != KV_SPOOL;
}

static bool not_directory(void *arg, struct kv_name n, struct span key)
{
	(void)arg, (void)key;
	return n.kind != KV_DIRECTORY;
}

/* What becomes of a recipient is its row's second writing. */
static bool not_again(void *arg, struct kv_name n, struct span key)
{
	struct rows *r = arg;
	uint64_t h = 1469598103934665603u;

	if (n.kind != KV_SPOOL || !is(key, 'R'))
		return true;
	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (unsigned char)key.ptr[i]) * 1099511628211u;
	for (size_t i = 0; i < r->count; i++)
		if (r->hash[i] == h)
			return false;
	if (r->count < ARRAY_LEN(r->hash))
		r->hash[r->count++] = h;
	return true;
}

static unsigned heads, messages;
static struct rows rows;

const struct mutant mutants[] = {
	{"dropped-commit", "a commit to an account is acknowledged and not written",
	 .lies = {.drop = 100}},
	{"early-answer", "answers go out before the sync that covers them",
	 .lies = {.no_sync = true}},
	{"reused-uid", "a mailbox forgets how far its UIDs went",
	 .lies = {.row = not_head, .arg = &heads}},
	{"lost-message", "the row of a message is not written",
	 .lies = {.row = not_message, .arg = &messages}},
	{"lost-job", "mail accepted into the queue is not kept",
	 .lies = {.row = not_log}},
	{"forgotten-delivery", "that a queued message was delivered is not remembered",
	 .lies = {.row = not_done}},
	{"forgotten-end", "what became of a recipient elsewhere is not written",
	 .lies = {.row = not_again, .arg = &rows}},
	{"hopeful-courier", "it settles before the server's reply, as if it were a yes",
	 .lie = LIE_HOPES},
	{"forgetful-courier", "it sends again what a server took", .lie = LIE_FORGETS},
	{"silent-courier", "no sender hears that his mail failed", .lie = LIE_SILENT},
	{"crowded-source", "more goes out at a time by an address than it may have",
	 .lie = LIE_CROWDS},
	{"lost-account", "the directory's changes live as long as the process",
	 .lies = {.row = not_directory}},
};
const size_t mutants_count = ARRAY_LEN(mutants);
