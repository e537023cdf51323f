/* SPDX-License-Identifier: Apache-2.0 */
/* box/index, and queries that know by an index which messages can match. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "box/format.h"
#include "box/index.h"
#include "box/query.h"

static enum box_result put_rows(struct test *t, uint32_t mailbox, struct box_index_change *c,
			   size_t n, struct span shelf)
{
	struct answer a = {0};
	struct box_index_put q = {
		.mailbox = mailbox, .rows = c, .count = n, .shelf = shelf};
	return wait_for(t, box_index_put(t->b, &q, answered, &a), &a);
}

static bool drop(struct test *t, uint32_t mailbox, uint32_t segment, bool shelf)
{
	struct answer a = {0};
	struct box_index_drop q = {.mailbox = mailbox, .segment = segment, .shelf = shelf};
	assert_int_equal(wait_for(t, box_index_drop(t->b, &q, answered, &a), &a), BOX_OK);
	return q.more;
}

static bool is_there(struct test *t, uint32_t mailbox, uint32_t segment, uint32_t n)
{
	struct buf out;
	buf_init(&out, BOX_ROW_MAX);
	enum box_result r = box_index_row(t->b, mailbox, segment, 2, n, &out);
	assert_true(r == BOX_OK || r == BOX_NONE);
	buf_free(&out);
	return r == BOX_OK;
}

static void rows_come_and_go(void **state)
{
	(void)state;
	struct test t;
	struct buf out;
	uint32_t other;
	start(&t);
	buf_init(&out, BOX_ROW_MAX);
	assert_int_equal(tree(&t, BOX_CREATE, "other", "", &other), BOX_OK);
	uint64_t version = kv_version(box_space(t.b), KV_VISIBLE);
	struct box_index_change c[] = {{1, 2, 0, SPAN("one")}, {1, 2, 300, SPAN("two")},
				       {2, 2, 0, SPAN("three")}};
	assert_int_equal(box_index_shelf(t.b, t.inbox, &out), BOX_NONE);
	assert_int_equal(put_rows(&t, t.inbox, c, 3, SPAN("shelf")), BOX_OK);
	assert_int_equal(put_rows(&t, other, c, 1, SPAN("")), BOX_OK);
	assert_int_equal(box_index_shelf(t.b, t.inbox, &out), BOX_OK);
	assert_true(span_eq(buf_span(&out), SPAN("shelf")));
	assert_int_equal(box_index_row(t.b, t.inbox, 1, 2, 300, &out), BOX_OK);
	assert_true(span_eq(buf_span(&out), SPAN("two")));
	c[0].row = span_of(NULL, 0);
	assert_int_equal(put_rows(&t, t.inbox, c, 1, SPAN("")), BOX_OK);
	assert_false(is_there(&t, t.inbox, 1, 0));
	assert_false(drop(&t, t.inbox, 2, false));
	assert_true(is_there(&t, t.inbox, 1, 300) && !is_there(&t, t.inbox, 2, 0));
	assert_false(drop(&t, t.inbox, 0, true));
	assert_false(is_there(&t, t.inbox, 1, 300));
	assert_int_equal(box_index_shelf(t.b, t.inbox, &out), BOX_NONE);
	assert_true(is_there(&t, other, 1, 0));
	/* Nobody outside hears of it. */
	assert_int_equal(kv_version(box_space(t.b), KV_VISIBLE), version);
	assert_int_equal(put_rows(&t, 4711, c, 3, SPAN("")), BOX_NONE);
	buf_free(&out);
	stop(&t);
}

static void it_goes_with_the_mailbox(void **state)
{
	(void)state;
	struct test t;
	uint32_t id;
	struct answer a = {0};
	start(&t);
	assert_int_equal(tree(&t, BOX_CREATE, "m", "", &id), BOX_OK);
	struct box_index_change c[1000];
	for (uint32_t i = 0; i < 1000; i++)
		c[i] = (struct box_index_change){7, 2, i, SPAN("row")};
	assert_int_equal(put_rows(&t, id, c, 1000, SPAN("shelf")), BOX_OK);
	assert_false(drop(&t, id, 8, false));
	assert_true(drop(&t, id, 0, false)); /* not all at once */
	assert_int_equal(put_rows(&t, id, c, 1000, SPAN("shelf")), BOX_OK);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "m", "", NULL), BOX_OK);
	struct box_tree q = {.verb = BOX_PURGE, .before = INT64_MAX, .more = true};
	while (q.more) {
		a = (struct answer){0};
		assert_int_equal(wait_for(&t, box_tree(t.b, &q, answered, &a), &a), BOX_OK);
	}
	assert_false(is_there(&t, id, 7, 0) || is_there(&t, id, 7, 999));
	stop(&t);
}

/* ---- queries ---- */

struct asked {
	unsigned times;
	uint32_t only; /* the one for which the callback says yes */
};

static enum box_result leaf(void *arg, const struct box_message *m, uint64_t number,
			    bool *truth)
{
	struct asked *a = arg;
	(void)number;
	a->times++;
	*truth = m->uid == a->only;
	return BOX_OK;
}

static void an_index_spares_questions(void **state)
{
	(void)state;
	struct test t;
	struct box_uids sure, may, out;
	struct asked asked = {.only = 1500};
	start(&t);
	put_many(&t, t.inbox, 1600);
	box_uids_init(&sure, t.a);
	box_uids_init(&may, t.a);
	assert_true(box_uids_add(&sure, 3, 4) && box_uids_add(&sure, 700, 700));
	assert_true(box_uids_add(&may, 300, 300) && box_uids_add(&may, 1500, 1500));
	struct box_query_op ops[] = {
		{.kind = BOX_Q_LEAF, .uids = &sure, .may = &may, .known = 1590},
		{.kind = BOX_Q_NOT}};
	for (int negated = 0; negated < 2; negated++) {
		struct box_query q = {.ops = ops, .count = negated ? 2 : 1, .leaf = leaf, .arg = &asked};
		uint64_t highest = 0;
		uint32_t next = 1;
		unsigned runs = 0;
		asked.times = 0;
		box_uids_init(&out, t.a);
		while (next != 0) {
			runs++;
			assert_int_equal(box_query_run(t.b, KV_VISIBLE, t.inbox, &q, next,
						       60, &out, &highest, &next),
					 BOX_OK);
		}
		assert_true(runs > 1);
		/* Two that may, and those that the index does not know yet. */
		assert_int_equal(asked.times, 2 + 10);
		assert_int_equal(box_uids_size(&out), negated ? 1600 - 4 : 4);
		assert_int_equal(box_uids_has(&out, 1500), !negated);
		assert_int_equal(box_uids_has(&out, 300), negated);
		assert_int_equal(box_uids_has(&out, 4), !negated);
	}
	stop(&t);
}

static void pages_without_a_match_are_not_read(void **state)
{
	(void)state;
	struct test t;
	struct box_uids few, out;
	uint64_t highest = 0;
	uint32_t next = 1;
	start(&t);
	put_many(&t, t.inbox, 2000);
	box_uids_init(&few, t.a);
	box_uids_init(&out, t.a);
	assert_true(box_uids_add(&few, 1999, 4000000000u));
	struct box_query_op op = {.kind = BOX_Q_UIDS, .uids = &few};
	struct box_query q = {.ops = &op, .count = 1, .leaf = NULL, .arg = NULL};
	/* One run: seven pages at a unit each, and the last one. */
	assert_int_equal(box_query_run(t.b, KV_VISIBLE, t.inbox, &q, 1, 30, &out, &highest,
				       &next),
			 BOX_OK);
	assert_int_equal(next, 0);
	assert_int_equal(box_uids_size(&out), 2);
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_and_go),
		cmocka_unit_test(it_goes_with_the_mailbox),
		cmocka_unit_test(an_index_spares_questions),
		cmocka_unit_test(pages_without_a_match_are_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
