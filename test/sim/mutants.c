/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores that lie, one way each: what the oracles are there to find.
 *
 * A mutant keeps the program as it is and lets the simulated disk forget what it
 * acknowledged.  Whoever changes the workload or the oracles so that one of these
 * gets through has made the simulation blind.
 */
#include "storm.h"

static bool is(struct span key, char kind) { return key.len > 0 && key.ptr[0] == kind; }

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

static unsigned heads, messages;

const struct mutant mutants[] = {
	{"dropped-commit", "a commit to an account is acknowledged and not written",
	 {.drop = 100}},
	{"early-answer", "answers go out before the sync that covers them",
	 {.no_sync = true}},
	{"reused-uid", "a mailbox forgets how far its UIDs went",
	 {.row = not_head, .arg = &heads}},
	{"lost-message", "the row of a message is not written",
	 {.row = not_message, .arg = &messages}},
	{"lost-job", "mail accepted into the queue is not kept", {.row = not_log}},
	{"forgotten-delivery", "that a queued message was delivered is not remembered",
	 {.row = not_done}},
	{"lost-account", "the directory's changes live as long as the process",
	 {.row = not_directory}},
};
const size_t mutants_count = ARRAY_LEN(mutants);
