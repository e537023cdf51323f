/* SPDX-License-Identifier: Apache-2.0 */
/* box/query: dear keys last, programs that make no sense, limits. */
#include "rig.h"

#include "box/query.h"

/* ---- queries ---- */

static enum box_result leaf(void *arg, const struct box_message *m,
			    uint64_t number, bool *truth)
{
	unsigned *asked = arg;
	++*asked;
	*truth = m->uid % 2 == number;
	return number == 9 ? BOX_UNAVAILABLE : BOX_OK;
}

static void queries_ask_the_dear_keys_last(void **state)
{
	(void)state;
	struct test t;
	unsigned asked = 0;
	struct box_uids out;
	uint64_t highest = 0;
	uint32_t next = 1;
	start(&t);
	put_many(&t, t.inbox, 10);
	struct box_uids some = range(&t, 3, 6);
	struct box_query_op ops[] = {
		{.kind = BOX_Q_LEAF, .number = 1},
		{.kind = BOX_Q_UIDS, .uids = &some},
		{.kind = BOX_Q_AND},
	};
	struct box_query q = {.ops = ops, .count = 3, .leaf = leaf, .arg = &asked};
	box_uids_init(&out, t.a);
	assert_int_equal(box_query_run(t.b, KV_VISIBLE, t.inbox, &q, 1, 10000,
				       &out, &highest, &next),
			 BOX_OK);
	assert_true(box_uids_size(&out) == 2 && box_uids_has(&out, 3) &&
		    box_uids_has(&out, 5) && next == 0);
	assert_int_equal(asked, 4);
	ops[0].number = 9;
	assert_int_equal(box_query_run(t.b, KV_VISIBLE, t.inbox, &q, 1, 10000,
				       &out, &highest, &next),
			 BOX_UNAVAILABLE);
	/* Programs that make no sense. */
	q.leaf = NULL;
	assert_int_equal(box_query_check(&q), BOX_LIMIT);
	q = (struct box_query){.ops = ops + 1, .count = 2};
	assert_int_equal(box_query_check(&q), BOX_LIMIT);
	q.count = 0;
	assert_int_equal(box_query_check(&q), BOX_LIMIT);
	static struct box_query_op many[BOX_QUERY_OPS + 2];
	for (size_t n = BOX_QUERY_OPS - 1; n <= BOX_QUERY_OPS + 1; n++) {
		for (size_t i = 0; i < n; i++)
			many[i].kind = i == 0 ? BOX_Q_ALL : BOX_Q_NOT;
		q = (struct box_query){.ops = many, .count = n};
		assert_int_equal(box_query_check(&q),
				 n > BOX_QUERY_OPS ? BOX_LIMIT : BOX_OK);
	}
	for (size_t d = BOX_QUERY_DEPTH - 1; d <= BOX_QUERY_DEPTH + 1; d++) {
		for (size_t i = 0; i < d; i++)
			many[i].kind = BOX_Q_ALL;
		for (size_t i = d; i < 2 * d - 1; i++)
			many[i].kind = BOX_Q_AND;
		q = (struct box_query){.ops = many, .count = 2 * d - 1};
		assert_int_equal(box_query_check(&q),
				 d > BOX_QUERY_DEPTH ? BOX_LIMIT : BOX_OK);
	}
	stop(&t);
}

/* Each found message is a run of its own: none is left out where an answer is full. */
static void an_answer_has_so_many_runs(void **state)
{
	(void)state;
	struct test t;
	uint64_t highest = 0;
	start(&t);
	put_many(&t, t.inbox, 600);
	for (uint32_t uid = 1; uid <= 600; uid += 2) {
		struct box_uids one = range(&t, uid, uid);
		struct box_change c = {.mailbox = t.inbox, .uids = &one, .how = BOX_ADD,
				       .flags = BOX_FLAGGED, .unchanged_since = UINT64_MAX};
		assert_int_equal(change(&t, box_store, &c), BOX_OK);
	}
	const struct box_query_op flagged = {.kind = BOX_Q_FLAGS, .number = BOX_FLAGGED};
	for (size_t most = 299; most <= 301; most++) {
		struct box_query q = {.ops = &flagged, .count = 1, .most = most};
		struct box_uids out;
		uint32_t next = 1;
		box_uids_init(&out, t.a);
		assert_int_equal(box_query_run(t.b, KV_VISIBLE, t.inbox, &q, 1, 100000, &out,
					       &highest, &next),
				 BOX_OK);
		assert_true(out.count == (most < 300 ? most : 300));
		assert_true(most < 300 ? next == 598 : next == 0 || next == 600);
	}
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_ask_the_dear_keys_last),
		cmocka_unit_test(an_answer_has_so_many_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
