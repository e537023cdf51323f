/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/box/rig - one account on the memory engine, and its operations as calls that
 * wait for the answer.
 */
#pragma once

#include "fixture.h"

#include "box/tree.h"

struct test {
	struct fixture f;
	struct box *b;
	struct arena *a;
	uint32_t inbox;
};

struct answer {
	bool done;
	enum box_result result;
};

typedef enum box_result verb_fn(struct box *, struct box_change *,
				box_done_fn *, void *);

void answered(void *arg, enum box_result r);
enum box_result wait_for(struct test *t, enum box_result started,
				struct answer *a);
enum box_result tree(struct test *t, enum box_tree_verb verb,
			    const char *name, const char *to, uint32_t *id);
void start(struct test *t);
void stop(struct test *t);
struct box_new mail_of(struct test *t, uint32_t mailbox,
			      struct span body);
enum box_result insert(struct test *t, struct box_insert *q);
uint32_t put(struct test *t, uint32_t mailbox, const char *body);
void put_many(struct test *t, uint32_t mailbox, unsigned n);
enum box_result change(struct test *t, verb_fn *verb,
			      struct box_change *q);
struct box_uids range(struct test *t, uint32_t first, uint32_t last);
struct box_status status(struct test *t, uint32_t mailbox);
void clean(struct test *t);
