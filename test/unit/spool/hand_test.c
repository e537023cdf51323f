/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/hand: a copy is like what it was made of, and as many fit as may; and which
 * jobs are one row (spool.h, SPOOL_WHOLE_*), at each limit.
 */
#include "fixture.h"

#include <stdlib.h>

#include "crypto/hash.h"
#include "spool/carry.h"
#include "spool/format.h"
#include "spool/hand.h"

static const struct schedule_rules rules = {
	.per_destination = 3, .steps = {60}, .step_count = 1};
static const uint8_t secret[SIPHASH_KEY] = "fifteen letters";

/* ---- copies ---- */

static struct spool_accept numbered(uint32_t n, const struct spool_recipient *r,
				    struct span body)
{
	struct spool_accept q = {.job = {.sender = SPAN("a@b.example"),
					 .facts = SPAN("facts"),
					 .summary = SPAN("summary"),
					 .body_size = body.len},
				 .bytes = body,
				 .recipients = r,
				 .count = 1};
	memcpy(q.job.id.byte, &n, sizeof n);
	return q;
}

static void a_copy_stands_alone(void **state)
{
	(void)state;
	struct hand h;
	char address[] = "X@Far.example", body[] = "hello";
	struct spool_recipient r = {.state = SPOOL_REMOTE,
				    .address = span_of(address, sizeof address - 1),
				    .original = SPAN("rfc822;x@far.example"),
				    .prefix = SPAN("Received: x\r\n"),
				    .notify = 3};
	struct spool_accept q = numbered(7, &r, span_of(body, 5));
	assert_true(hand_init(&h, secret));
	struct held *one = hand_copy(&h, &q, 100);
	assert_non_null(one);
	memset(address, '-', sizeof address);
	memset(body, '-', sizeof body);
	assert_true(span_eq(one->name, SPAN("far.example")) &&
		    span_eq(one->body, SPAN("hello")) &&
		    span_eq(one->copy.job.facts, SPAN("facts")) &&
		    span_eq(one->copy.recipients[0].address,
			    SPAN("X@Far.example")) &&
		    one->copy.recipients[0].notify == 3);
	assert_ptr_equal(hand_find(&h, &q.job.id), one);
	assert_null(hand_old(&h, 1000)); /* it is being accepted */
	one->durable = true;
	assert_null(hand_old(&h, 100 + HAND_S - 1));
	assert_ptr_equal(hand_old(&h, 100 + HAND_S), one);
	hand_drop(&h, one);
	assert_null(hand_find(&h, &q.job.id));
	hand_free(&h);
}

static void only_so_many(void **state)
{
	(void)state;
	struct hand h;
	struct spool_recipient r = {.address = SPAN("a@b.example")};
	struct held *last = NULL;
	assert_true(hand_init(&h, secret));
	for (uint32_t n = 1; n <= HAND_MOST; n++) {
		struct spool_accept q = numbered(n, &r, SPAN("x"));
		last = hand_copy(&h, &q, 1);
		assert_non_null(last);
	}
	struct spool_accept more = numbered(HAND_MOST + 1, &r, SPAN("x"));
	assert_null(hand_copy(&h, &more, 1));
	hand_drop(&h, last);
	assert_non_null(hand_copy(&h, &more, 1));
	hand_free(&h);
}

static void only_so_large(void **state)
{
	(void)state;
	struct hand h;
	struct spool_recipient r = {.address = SPAN("a@b.example")};
	char *body = calloc(1, HAND_BYTES);
	assert_non_null(body);
	assert_true(hand_init(&h, secret));
	struct spool_accept q = numbered(1, &r, span_of(body, 1000));
	struct held *one = hand_copy(&h, &q, 1);
	size_t rest = HAND_BYTES - h.bytes, own = one->size - 1000;
	q = numbered(2, &r, span_of(body, rest - own + 1));
	assert_null(hand_copy(&h, &q, 1));
	q = numbered(3, &r, span_of(body, rest - own));
	assert_non_null(hand_copy(&h, &q, 1));
	assert_true(h.bytes == HAND_BYTES);
	q = numbered(4, &r, SPAN(""));
	assert_null(hand_copy(&h, &q, 1));
	hand_free(&h);
	free(body);
}

/* ---- which jobs are one row ---- */

struct test {
	struct fixture f;
	struct spool *s;
	struct carry *c;
	struct spool_accept q;
	char *room;
	struct spool_recipient r[SPOOL_WHOLE_RECIPIENTS + 1];
};

static void answered(void *arg, enum spool_result r)
{
	assert_int_equal(r, SPOOL_OK);
	*(bool *)arg = true;
}

/* Each time another destination: nothing else is due there. */
static bool is_one_row(struct test *t)
{
	char name[] = "a@far000.example";
	bool done = false;
	static unsigned next;
	next++;
	name[5] = (char)('0' + next / 100 % 10);
	name[6] = (char)('0' + next / 10 % 10);
	name[7] = (char)('0' + next % 10);
	for (size_t i = 0; i < t->q.count; i++)
		if (t->r[i].destination.len == 0)
			t->r[i].address = span_cstr(name);
	t->q.job.id = spool_name(t->s);
	t->q.job.body = kv_body_name(t->f.kv);
	t->q.job.body_size = t->q.bytes.len;
	t->q.job.body_crc = crc32c(0, t->q.bytes);
	assert_int_equal(spool_accept(t->s, &t->q, answered, &done), SPOOL_OK);
	while (!done)
		(void)kv_pause(t->f.kv);
	struct spool_key k = spool_key_id('W', &t->q.job.id);
	enum spool_result sr;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = kv_get(spool_space(t->s, t->q.job.id.byte[0], &sr),
				  KV_VISIBLE, spool_span(&k), &row);
	buf_free(&row);
	return r == KV_OK;
}

static void usual(struct test *t, size_t count)
{
	for (size_t i = 0; i < count; i++)
		t->r[i] = (struct spool_recipient){.state = SPOOL_REMOTE,
						   .prefix = SPAN("P")};
	int64_t now = kv_now(t->f.kv);
	t->q = (struct spool_accept){.job = {.priority = SPOOL_NORMAL,
					     .accepted = now,
					     .expires = now + 86400,
					     .warns = SPOOL_NEVER},
				     .bytes = SPAN("hello"),
				     .recipients = t->r,
				     .count = count};
}

static void each_limit(void **state)
{
	(void)state;
	static struct test t;
	fixture_start(&t.f, MEMORY, 1);
	assert_int_equal(spool_open(t.f.kv, &t.s), SPOOL_OK);
	t.c = carry_new(t.s, secret, &rules, SCHEDULE_MOST);
	t.room = calloc(1, 2 * SPOOL_WHOLE_BODY);
	assert_true(t.c != NULL && t.room != NULL);
	for (int d = -1; d <= 1; d++) {
		bool fits = d <= 0;
		usual(&t, 1);
		t.q.bytes = span_of(t.room, (size_t)((int)SPOOL_WHOLE_BODY + d));
		assert_int_equal(is_one_row(&t), fits);
		usual(&t, (size_t)((int)SPOOL_WHOLE_RECIPIENTS + d));
		assert_int_equal(is_one_row(&t), fits);
		usual(&t, 1);
		t.q.job.summary =
			span_of(t.room, (size_t)((int)SPOOL_SUMMARY_ROW + d));
		assert_int_equal(is_one_row(&t), fits);
		/* Prefixes and facts are as long as the row may be, with the rest. */
		usual(&t, 5);
		size_t prefix = (SPOOL_WHOLE_ROW - 5 * (16 + 128)) / 5 - 1;
		for (size_t i = 0; i < 5; i++)
			t.r[i].prefix = span_of(t.room, prefix);
		size_t left = SPOOL_WHOLE_ROW - 5 * (16 + 128 + prefix);
		t.q.job.facts = span_of(t.room, left - 1 + (size_t)(d + 1));
		assert_int_equal(is_one_row(&t), fits);
		/* Seconds of the test may pass meanwhile. */
		usual(&t, 1);
		t.q.job.warns = kv_now(t.f.kv) + SPOOL_WHOLE_S + 5 * d;
		if (d != 0)
			assert_int_equal(is_one_row(&t), d > 0);
		usual(&t, 1);
		t.q.job.expires = kv_now(t.f.kv) + SPOOL_WHOLE_S + 5 * d;
		if (d != 0)
			assert_int_equal(is_one_row(&t), d > 0);
	}
	carry_free(t.c);
	spool_close(t.s);
	fixture_stop(&t.f);
	free(t.room);
}

static void only_what_one_lease_carries(void **state)
{
	(void)state;
	static struct test t;
	fixture_start(&t.f, MEMORY, 1);
	assert_int_equal(spool_open(t.f.kv, &t.s), SPOOL_OK);
	t.c = carry_new(t.s, secret, &rules, SCHEDULE_MOST);
	usual(&t, 2);
	assert_true(is_one_row(&t));
	t.r[1].prefix = SPAN("Q");
	assert_false(is_one_row(&t));
	usual(&t, 2);
	t.r[1].destination = SPAN("elsewhere.example");
	t.r[1].address = SPAN("b@far.example");
	assert_false(is_one_row(&t));
	usual(&t, 2);
	t.r[1].state = SPOOL_HELD;
	assert_false(is_one_row(&t));
	usual(&t, 1);
	t.r[0].next = kv_now(t.f.kv) + 60;
	assert_false(is_one_row(&t));
	usual(&t, 1);
	t.q.job.priority = SPOOL_LAST;
	assert_false(is_one_row(&t));
	carry_free(t.c); /* nobody has it at hand */
	usual(&t, 1);
	assert_false(is_one_row(&t));
	spool_close(t.s);
	fixture_stop(&t.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(only_so_many),
		cmocka_unit_test(only_so_large),
		cmocka_unit_test(each_limit),
		cmocka_unit_test(only_what_one_lease_carries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
