/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/held - messages of a session that wait for the last one of their
 * command, so that one commit takes them all (RFC 3502).
 *
 * They are understood, large bodies are durable under their names; what is in
 * memory counts as staged.  They go when the session ends or resets.
 */
#pragma once

#include "box/change.h"
#include "role/store/session.h"

struct held {
	struct list link;
	struct arena *arena;
	struct box_new message; /* its spans live in the arena */
	uint64_t charged;
};

/* A copy of the message. */
enum edge_store_answer held_add(struct session *, const struct box_new *);
/* All of them, in order, with room for one more; NULL: memory. */
struct box_new *held_all(struct session *, struct arena *);
void held_drop(struct session *);
