/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in memory for tests of edge: one INBOX for everybody, no directory but
 * a few names.  alice exists; full is over quota; nobody else does.
 */
#pragma once

#include "wire/edge_store.h"

#define FAKE_MESSAGES 256u

struct fake_message {
	struct span bytes; /* trace and body */
	uint32_t trace;
	uint8_t flags;
	uint64_t modseq;
	bool gone;
	uint64_t gone_at;
};

struct fake_store {
	struct fake_message messages[FAKE_MESSAGES]; /* uid - 1 */
	uint32_t count;
	uint64_t version, next_session, watched, follower;
	struct edge_store *channel;
	struct buf staged;
	bool slow; /* offers are kept waiting */
	struct ipc_call *waiting;
	unsigned closed, resets;
};

extern const struct edge_store_at_store fake_store_handlers;

/* A message that nobody sent. */
void fake_store_put(struct fake_store *, struct span);
