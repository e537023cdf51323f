/* SPDX-License-Identifier: Apache-2.0 */
/* box/rights: grants with their mailbox, from its making to its end, and their rows. */
#include "rig.h"

#include <stdio.h>

#include "box/format.h"
#include "box/fsck.h"
#include "box/rights.h"

#define LR (ACL_L | ACL_R)

static enum box_result granting(struct test *t, struct box_granting q)
{
	struct answer a = {0};
	return wait_for(t, box_granting(t->b, &q, answered, &a), &a);
}

static enum box_result grant(struct test *t, uint32_t mailbox, uint64_t who, enum box_how how,
			     uint32_t rights)
{
	return granting(t, (struct box_granting){.mailbox = mailbox,
						 .account = who,
						 .how = how,
						 .rights = rights});
}

static uint32_t has(struct test *t, uint32_t mailbox, uint64_t who)
{
	struct box_grants g;
	assert_int_equal(box_grants(t->b, KV_VISIBLE, mailbox, &g), BOX_OK);
	return box_grants_of(&g, who, false);
}

static void granted_and_taken(void **state)
{
	struct test t;
	struct box_grants g;
	(void)state;
	start(&t);
	struct box_status before = status(&t, t.inbox);
	assert_int_equal(has(&t, t.inbox, 7), 0);
	assert_int_equal(grant(&t, t.inbox, 7, BOX_SET, LR), BOX_OK);
	assert_int_equal(grant(&t, t.inbox, 7, BOX_ADD, ACL_S), BOX_OK);
	assert_int_equal(grant(&t, t.inbox, 7, BOX_REMOVE, ACL_L), BOX_OK);
	assert_int_equal(has(&t, t.inbox, 7), ACL_R | ACL_S);
	assert_int_equal(has(&t, t.inbox, 8), 0);
	/* anyone counts only where it is asked for, what is refused always. */
	assert_int_equal(grant(&t, t.inbox, BOX_ANYONE, BOX_SET, LR), BOX_OK);
	assert_int_equal(granting(&t, (struct box_granting){.mailbox = t.inbox,
							    .account = 8,
							    .rights = ACL_R,
							    .refuse = true}),
			 BOX_OK);
	assert_int_equal(box_grants(t.b, KV_VISIBLE, t.inbox, &g), BOX_OK);
	assert_int_equal(g.count, 3);
	assert_int_equal(box_grants_of(&g, 9, false), 0);
	assert_int_equal(box_grants_of(&g, 9, true), LR);
	assert_int_equal(box_grants_of(&g, 8, true), ACL_L);
	assert_int_equal(box_grants_of(&g, 7, true), LR | ACL_S);
	/* No client has to be told of it. */
	assert_true(status(&t, t.inbox).version == before.version);
	assert_int_equal(grant(&t, t.inbox, 7, BOX_SET, 0), BOX_OK);
	assert_int_equal(grant(&t, 999, 7, BOX_SET, LR), BOX_NONE);
	assert_int_equal(box_granting(t.b, &(struct box_granting){.rights = ACL_ALL + 1},
				      answered, NULL),
			 BOX_LIMIT);
	stop(&t);
}

static void as_many_as_there_may_be(void **state)
{
	struct test t;
	struct box_grants g;
	(void)state;
	start(&t);
	for (uint64_t who = BOX_GRANTS_MAX; who > 0; who--)
		assert_int_equal(grant(&t, t.inbox, who, BOX_SET, LR), BOX_OK);
	assert_int_equal(grant(&t, t.inbox, BOX_GRANTS_MAX + 1, BOX_SET, LR), BOX_LIMIT);
	assert_int_equal(grant(&t, t.inbox, 3, BOX_ADD, ACL_S), BOX_OK);
	assert_int_equal(grant(&t, t.inbox, 4, BOX_SET, 0), BOX_OK);
	assert_int_equal(grant(&t, t.inbox, BOX_GRANTS_MAX + 1, BOX_SET, LR), BOX_OK);
	assert_int_equal(box_grants(t.b, KV_VISIBLE, t.inbox, &g), BOX_OK);
	assert_int_equal(g.count, BOX_GRANTS_MAX);
	for (size_t i = 1; i < g.count; i++)
		assert_true(g.of[i - 1].account < g.of[i].account);
	stop(&t);
}

static void givers(void **state)
{
	struct test t;
	uint64_t list[BOX_GIVERS_MAX + 1];
	size_t count;
	(void)state;
	start(&t);
	for (uint64_t i = 0; i < BOX_GIVERS_MAX; i++)
		assert_int_equal(granting(&t, (struct box_granting){.verb = BOX_GIVER,
								    .account = i << 20 | 5}),
				 BOX_OK);
	assert_int_equal(granting(&t, (struct box_granting){.verb = BOX_GIVER, .account = 6}),
			 BOX_LIMIT);
	assert_int_equal(granting(&t, (struct box_granting){.verb = BOX_GIVER, .account = 5}),
			 BOX_OK);
	assert_int_equal(box_givers(t.b, KV_VISIBLE, list, BOX_GIVERS_MAX + 1, &count), BOX_OK);
	assert_int_equal(count, BOX_GIVERS_MAX);
	assert_true(list[0] == 5 && list[999] == (999ull << 20 | 5));
	assert_int_equal(granting(&t, (struct box_granting){.verb = BOX_FORGET_GIVER,
							    .account = 1 << 20 | 5}),
			 BOX_OK);
	assert_int_equal(granting(&t, (struct box_granting){.verb = BOX_GIVER, .account = 6}),
			 BOX_OK);
	stop(&t);
}

static enum box_result count_one(void *arg, uint32_t mailbox, const struct box_grants *g)
{
	unsigned *n = arg;
	assert_true(mailbox != 0 && g->count > 0);
	++*n;
	return BOX_OK;
}

static unsigned rows(struct test *t)
{
	unsigned n = 0;
	assert_int_equal(box_grants_each(t->b, KV_VISIBLE, count_one, &n), BOX_OK);
	return n;
}

/* They are inherited, follow a rename, come back, and go with the last row. */
static void with_their_mailbox(void **state)
{
	struct test t;
	uint32_t a, b, c;
	struct box_tree purge = {.verb = BOX_PURGE, .before = INT64_MAX};
	struct answer ans = {0};
	(void)state;
	start(&t);
	assert_int_equal(tree(&t, BOX_CREATE, "a", NULL, &a), BOX_OK);
	assert_int_equal(grant(&t, a, 7, BOX_SET, LR), BOX_OK);
	assert_int_equal(tree(&t, BOX_CREATE, "a/b/c", NULL, &c), BOX_OK);
	assert_int_equal(has(&t, c, 7), LR);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("a/b"), &b), BOX_OK);
	assert_int_equal(has(&t, b, 7), LR);
	/* A copy: what is changed above is not changed below. */
	assert_int_equal(grant(&t, a, 7, BOX_SET, 0), BOX_OK);
	assert_int_equal(rows(&t), 2);
	assert_int_equal(has(&t, c, 7), LR);
	assert_int_equal(tree(&t, BOX_RENAME, "a/b/c", "elsewhere", NULL), BOX_OK);
	assert_int_equal(box_find(t.b, KV_VISIBLE, SPAN("elsewhere"), &b), BOX_OK);
	assert_int_equal(b, c);
	assert_int_equal(has(&t, c, 7), LR);
	put(&t, c, "x");
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "elsewhere", NULL, NULL), BOX_OK);
	assert_int_equal(grant(&t, c, 8, BOX_SET, LR), BOX_NONE);
	assert_int_equal(tree(&t, BOX_CREATE, "elsewhere", NULL, &b), BOX_OK);
	assert_int_equal(has(&t, b, 7), 0);
	assert_int_equal(tree(&t, BOX_REVIVE, "elsewhere", "again", &b), BOX_OK);
	assert_int_equal(b, c);
	assert_int_equal(has(&t, c, 7), LR);
	clean(&t);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "again", NULL, NULL), BOX_OK);
	clean(&t);
	assert_int_equal(rows(&t), 2);
	do {
		ans.done = false;
		assert_int_equal(wait_for(&t, box_tree(t.b, &purge, answered, &ans), &ans), BOX_OK);
	} while (purge.more);
	assert_int_equal(rows(&t), 1);
	clean(&t);
	stop(&t);
}

/* ---- damage -------------------------------------------------------------------- */

struct said {
	char text[256];
};

static void hear(void *arg, const struct box_fsck_count *n, const char *what)
{
	struct said *s = arg;
	(void)n;
	if (what)
		snprintf(s->text, sizeof s->text, "%s", what);
}

static enum kv_result put_row(struct kv_op *op, struct kv_batch *b, void *arg)
{
	const struct box_key *k = arg;
	(void)op;
	kv_put(b, box_key_span(k), SPAN("\1\1\5"));
	return KV_OK;
}

static void damaged(struct test *t, struct box_key k, const char *words)
{
	struct said said = {""};
	struct box_fsck_count n;
	assert_int_equal(kv_op_wait(box_space(t->b), 0, put_row, &k, NULL), KV_OK);
	assert_int_equal(box_fsck(t->b, 0, hear, &said, &n), BOX_OK);
	assert_int_equal(n.wrong, 1);
	assert_non_null(strstr(said.text, words));
	assert_int_equal(box_fsck(t->b, BOX_FSCK_REPAIR, hear, &said, &n), BOX_OK);
	assert_int_equal(n.repaired, 1);
	assert_int_equal(box_fsck(t->b, 0, NULL, NULL, &n), BOX_OK);
	assert_int_equal(n.wrong, 0);
}

static void found_and_mended(void **state)
{
	struct test t;
	struct box_grants g;
	(void)state;
	start(&t);
	assert_int_equal(grant(&t, t.inbox, 7, BOX_SET, LR), BOX_OK);
	struct box_key k = box_key_mailbox('R', t.inbox);
	assert_int_equal(kv_op_wait(box_space(t.b), 0, put_row, &k, NULL), KV_OK);
	assert_int_equal(box_grants(t.b, KV_VISIBLE, t.inbox, &g), BOX_CORRUPT);
	assert_int_equal(g.count, 0);
	assert_int_equal(rows(&t), 0);
	damaged(&t, k, "its rights are unreadable");
	damaged(&t, box_key_giver(9), "who granted rights is unreadable");
	stop(&t);
}

static enum kv_result put_orphan(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_key k = box_key_mailbox('R', 999);
	(void)op;
	(void)arg;
	kv_put(b, box_key_span(&k), SPAN("\1\1\5\3\0"));
	return KV_OK;
}

static void without_a_mailbox(void **state)
{
	struct test t;
	struct said said = {""};
	struct box_fsck_count n;
	(void)state;
	start(&t);
	assert_int_equal(kv_op_wait(box_space(t.b), 0, put_orphan, NULL, NULL), KV_OK);
	assert_int_equal(box_fsck(t.b, BOX_FSCK_REPAIR, hear, &said, &n), BOX_OK);
	assert_non_null(strstr(said.text, "its rights are of no mailbox"));
	assert_int_equal(n.repaired, 1);
	clean(&t);
	stop(&t);
}

static void written_and_read(void **state)
{
	struct box_grants g = {.of = {{0, LR, 0}, {UINT64_MAX, ACL_ALL, ACL_A}},
			       .count = 2},
			  again;
	struct buf row;
	(void)state;
	buf_init(&row, BOX_ROW_MAX);
	box_grants_write(&row, &g);
	assert_true(box_grants_read(buf_span(&row), &again));
	assert_int_equal(again.count, 2);
	assert_true(again.of[1].account == UINT64_MAX && again.of[1].refused == ACL_A);
	assert_false(box_grants_read(span_sub(buf_span(&row), 0, buf_len(&row) - 1), &again));
	assert_false(box_grants_read(SPAN("\1\2\5\3\0\5\3\0"), &again)); /* twice */
	assert_false(box_grants_read(SPAN("\2\0"), &again));	       /* of a later time */
	assert_false(box_grants_read(SPAN("\1\1\5\x80\x10\0"), &again)); /* a right too many */
	buf_free(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(granted_and_taken),
		cmocka_unit_test(as_many_as_there_may_be),
		cmocka_unit_test(givers),
		cmocka_unit_test(with_their_mailbox),
		cmocka_unit_test(found_and_mended),
		cmocka_unit_test(without_a_mailbox),
		cmocka_unit_test(written_and_read),
	};
	return cmocka_run_group_tests_name("box_rights", tests, NULL, NULL);
}
