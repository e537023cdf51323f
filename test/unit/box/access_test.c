/* SPDX-License-Identifier: Apache-2.0 */
/* box/access: a key for each mailbox, its own, until a new one is wanted. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include "box/format.h"

static enum box_result access_key(struct test *t, uint32_t mailbox, bool fresh,
				  struct box_access_key *key)
{
	struct box_access q = {.mailbox = mailbox, .fresh = fresh};
	enum box_result r;
	do {
		struct answer a = {0};
		r = wait_for(t, box_access(t->b, &q, answered, &a), &a);
	} while (r == BOX_OK && q.more);
	if (key != NULL)
		*key = q.key;
	return r;
}

static bool same(const struct box_access_key *a, const struct box_access_key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static void keys(void **state)
{
	(void)state;
	struct test t;
	struct box_access_key a, b, c, got;
	uint32_t other;
	start(&t);
	assert_int_equal(tree(&t, BOX_CREATE, "x", "", &other), BOX_OK);
	assert_int_equal(box_access_get(t.b, KV_VISIBLE, t.inbox, &got), BOX_NONE);
	assert_int_equal(access_key(&t, t.inbox, false, &a), BOX_OK);
	assert_int_equal(access_key(&t, t.inbox, false, &b), BOX_OK);
	assert_true(same(&a, &b));
	assert_int_equal(box_access_get(t.b, KV_VISIBLE, t.inbox, &got), BOX_OK);
	assert_true(same(&a, &got));
	assert_int_equal(access_key(&t, other, false, &c), BOX_OK);
	assert_false(same(&a, &c));
	assert_int_equal(access_key(&t, t.inbox, true, &b), BOX_OK);
	assert_false(same(&a, &b));
	assert_int_equal(access_key(&t, 77, false, &b), BOX_NONE);
	/* A new name, the same key; a removed mailbox takes it along. */
	assert_int_equal(tree(&t, BOX_RENAME, "x", "y", NULL), BOX_OK);
	assert_int_equal(access_key(&t, other, false, &b), BOX_OK);
	assert_true(same(&b, &c));
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "y", "", NULL), BOX_OK);
	struct answer done = {0};
	struct box_tree q = {.verb = BOX_PURGE, .before = INT64_MAX};
	assert_int_equal(wait_for(&t, box_tree(t.b, &q, answered, &done), &done), BOX_OK);
	assert_int_equal(box_access_get(t.b, KV_VISIBLE, other, &got), BOX_NONE);
	/* All of them. */
	assert_int_equal(access_key(&t, 0, true, NULL), BOX_OK);
	assert_int_equal(box_access_get(t.b, KV_VISIBLE, t.inbox, &got), BOX_NONE);
	assert_int_equal(access_key(&t, 0, true, NULL), BOX_OK);
	clean(&t);
	stop(&t);
}

static enum kv_result damage(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_key k = box_key_mailbox('Y', *(uint32_t *)arg);
	(void)op;
	kv_put(b, box_key_span(&k), SPAN("\1short"));
	return KV_OK;
}

/* What cannot be read vouches for nothing, and is replaced. */
static void unreadable(void **state)
{
	(void)state;
	struct test t;
	struct box_access_key a, got;
	start(&t);
	assert_int_equal(kv_op_wait(box_space(t.b), 0, damage, &t.inbox, NULL), KV_OK);
	assert_int_equal(box_access_get(t.b, KV_VISIBLE, t.inbox, &got), BOX_NONE);
	assert_int_equal(access_key(&t, t.inbox, false, &a), BOX_OK);
	assert_int_equal(box_access_get(t.b, KV_VISIBLE, t.inbox, &got), BOX_OK);
	assert_true(same(&a, &got));
	stop(&t);
}

/* More of them than one commit forgets. */
static void very_many(void **state)
{
	(void)state;
	struct test t;
	struct box_access_key got;
	uint32_t id = 0;
	start(&t);
	for (unsigned i = 0; i < 1001; i++) {
		char name[16];
		snprintf(name, sizeof name, "m%u", i);
		assert_int_equal(tree(&t, BOX_CREATE, name, "", &id), BOX_OK);
		assert_int_equal(access_key(&t, id, false, NULL), BOX_OK);
	}
	assert_int_equal(access_key(&t, 0, true, NULL), BOX_OK);
	assert_int_equal(box_access_get(t.b, KV_VISIBLE, id, &got), BOX_NONE);
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys), cmocka_unit_test(unreadable), cmocka_unit_test(very_many),
	};
	return cmocka_run_group_tests_name("box_access", tests, NULL, NULL);
}
