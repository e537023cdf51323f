/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_read: messages that come along with one that is asked for.  Run once
 * with each engine.
 */
#include "rig.h"

#include <stdlib.h>

#define ROOM 61440u

static void append(struct rig *r, uint64_t session, struct span mail)
{
	struct edge_store_append_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &rep, .session = session,
	    .name = SPAN("Archive"), .body = mail);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
}

static struct edge_store_body_reply body(struct rig *r, uint64_t s, uint64_t box, uint32_t uid,
					 const uint32_t *ahead, size_t count)
{
	struct edge_store_body_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_body, &rep, .session = s, .mailbox = box, .uid = uid,
	    .length = ROOM, .ahead = ahead, .ahead_count = count);
	return rep;
}

static void whole_messages_come_along(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	append(r, s, MAIL("one"));
	append(r, s, MAIL("two"));
	append(r, s, MAIL("three"));
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	/* One that is not there is passed over. */
	static const uint32_t ahead[] = {2, 9, 3};
	struct edge_store_body_reply rep = body(r, s, box, 1, ahead, 3);
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	assert_true(span_eq(rep.bytes, MAIL("one")));
	assert_int_equal(rep.whole_count, 2);
	assert_int_equal(rep.whole[0].uid, 2);
	assert_true(span_eq(rep.whole[0].bytes, MAIL("two")));
	assert_int_equal(rep.whole[1].uid, 3);
	assert_true(span_eq(rep.whole[1].bytes, MAIL("three")));
	/* Nor does anything come with one that is not there, or unasked. */
	rep = body(r, s, box, 9, ahead, 3);
	assert_true(rep.answer == EDGE_STORE_ANSWER_UNKNOWN && rep.whole_count == 0);
	rep = body(r, s, box, 2, NULL, 0);
	assert_true(span_eq(rep.bytes, MAIL("two")) && rep.whole_count == 0);
}

/* As many as fit the frame, in this order. */
static void as_many_as_fit(void **state)
{
	struct rig *r = *state;
	uint64_t s = rig_reader(r, "alice@example.test");
	const size_t size = 20000;
	char *large = calloc(1, size);
	assert_non_null(large);
	memset(large, 'x', size);
	memcpy(large, "A: 1\r\n\r\n", 8);
	memcpy(large + size - 2, "\r\n", 2);
	for (unsigned i = 0; i < 4; i++)
		append(r, s, span_of(large, size));
	append(r, s, MAIL("small"));
	uint64_t box = rig_select(r, s, "Archive").mailbox;
	static const uint32_t ahead[] = {2, 3, 4, 5};
	struct edge_store_body_reply rep = body(r, s, box, 1, ahead, 4);
	assert_int_equal(rep.bytes.len, size);
	assert_int_equal(rep.whole_count, 2);
	assert_true(span_eq(rep.whole[1].bytes, span_of(large, size)));
	free(large);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_messages_come_along), TEST(as_many_as_fit),
	};
	return cmocka_run_group_tests_name("role/store/ahead", tests, NULL, NULL);
}
