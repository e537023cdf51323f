/* SPDX-License-Identifier: Apache-2.0 */
/* box/order: records come, go and move with their messages, and can come later. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "box/order.h"
#include "box/tree.h"
#include "crypto/hash.h"

struct test {
	struct fixture f;
	struct box *b;
	struct arena *a;
	uint32_t inbox;
	bool done;
	enum box_result result;
};

static void answered(void *arg, enum box_result r)
{
	struct test *t = arg;
	t->done = true;
	t->result = r;
}

static enum box_result answer(struct test *t)
{
	while (!t->done)
		kv_poll(t->f.kv);
	t->done = false;
	return t->result;
}

static void start(struct test *t, uint32_t *archive)
{
	struct box_tree q = {.verb = BOX_SETUP};
	*t = (struct test){.a = arena_new(1 << 20)};
	fixture_start(&t->f, MEMORY, 1);
	assert_int_equal(box_open(t->f.kv, 1, &t->b), BOX_OK);
	assert_int_equal(box_tree(t->b, &q, answered, t), BOX_OK);
	assert_int_equal(answer(t), BOX_OK);
	assert_int_equal(box_find(t->b, KV_VISIBLE, SPAN("INBOX"), &t->inbox), BOX_OK);
	assert_int_equal(box_find(t->b, KV_VISIBLE, SPAN("Archive"), archive), BOX_OK);
}

static void stop(struct test *t)
{
	box_close(t->b);
	fixture_stop(&t->f);
	arena_free(t->a);
}

static struct box_new mail_of(struct test *t, uint32_t mailbox, struct span body)
{
	return (struct box_new){.mailbox = mailbox, .prefix = SPAN("P: x\r\n"),
				.body = kv_body_name(t->f.kv), .bytes = body,
				.body_size = body.len, .body_crc = crc32c(0, body),
				.date = 1000, .summary = SPAN("s")};
}

static enum box_result insert(struct test *t, struct box_insert *q)
{
	enum box_result r = box_insert(t->b, q, answered, t);
	return r == BOX_OK ? answer(t) : r;
}

typedef enum box_result verb_fn(struct box *, struct box_change *, box_done_fn *, void *);

static enum box_result change(struct test *t, verb_fn *verb, struct box_change *q)
{
	q->arena = t->a;
	enum box_result r = verb(t->b, q, answered, t);
	return r == BOX_OK ? answer(t) : r;
}

/* "uid:record" of each, up to a dot. */
static bool add_order(void *arg, const struct box_order *o)
{
	buf_printf(arg, "%u:%.*s:%llu ", o->uid, SPAN_FMT(o->record), (unsigned long long)o->size);
	return o->record.ptr[0] != '.';
}

static void orders_are(struct test *t, uint32_t mailbox, const char *want)
{
	struct buf b;
	uint32_t next = 1;
	buf_init(&b, 4096);
	while (next != 0) /* two at a time, so that it goes on */
		assert_int_equal(box_orders(t->b, KV_VISIBLE, mailbox, next, 2, add_order, &b, &next),
				 BOX_OK);
	if (!span_eq(buf_span(&b), span_cstr(want)))
		fail_msg("%.*s, not %s", (int)buf_len(&b), b.data + b.from, want);
	buf_free(&b);
}

/* Records come with their messages, go with them, and can come later. */
static void orders_follow_their_messages(void **state)
{
	(void)state;
	static const char long_record[BOX_ORDER_MAX + 1] = ".";
	struct test t;
	uint32_t to;
	start(&t, &to);
	struct box_new m[5];
	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		m[i] = mail_of(&t, t.inbox, SPAN("x"));
	m[0].order = SPAN("a");
	m[1].order = SPAN("b");
	m[3].order = SPAN("d");
	m[4].order = span_of(long_record, BOX_ORDER_MAX + 1);
	struct box_insert in = {.messages = m, .count = ARRAY_LEN(m)};
	assert_int_equal(insert(&t, &in), BOX_OK);
	orders_are(&t, t.inbox, "1:a:7 2:b:7 4:d:7 ");
	struct box_uids some;
	box_uids_init(&some, t.a);
	assert_true(box_uids_add(&some, 1, 1) && box_uids_add(&some, 3, 4));
	struct box_change c = {.mailbox = t.inbox, .to = to, .uids = &some};
	assert_int_equal(change(&t, box_copy, &c), BOX_OK);
	orders_are(&t, t.inbox, "1:a:7 2:b:7 4:d:7 ");
	orders_are(&t, to, "1:a:7 3:d:7 ");
	c = (struct box_change){.mailbox = t.inbox, .to = to, .uids = &some};
	assert_int_equal(change(&t, box_move, &c), BOX_OK);
	orders_are(&t, t.inbox, "2:b:7 ");
	orders_are(&t, to, "1:a:7 3:d:7 4:a:7 6:d:7 ");
	c = (struct box_change){.mailbox = to, .uids = &some};
	assert_int_equal(change(&t, box_expunge, &c), BOX_OK);
	orders_are(&t, to, "6:d:7 ");
	/* Of a message that is there, and of one that is not. */
	struct kv_stamp before = kv_stamp(box_space(t.b), KV_VISIBLE);
	uint64_t version = kv_version(box_space(t.b), KV_VISIBLE);
	const struct box_order late[] = {{5, 1, 7, SPAN("e")}, {4, 1, 7, SPAN("x")}};
	struct box_order_keep keep = {.mailbox = t.inbox, .orders = late, .count = 2};
	assert_int_equal(box_order_keep(t.b, &keep, answered, &t), BOX_OK);
	assert_int_equal(answer(&t), BOX_OK);
	orders_are(&t, t.inbox, "2:b:7 5:e:7 ");
	assert_int_equal(kv_version(box_space(t.b), KV_VISIBLE), version);
	assert_true(kv_stamp(box_space(t.b), KV_VISIBLE).turn > before.turn);
	/* Who has seen enough. */
	struct box_new dot = mail_of(&t, t.inbox, SPAN("x"));
	dot.order = span_of(long_record, BOX_ORDER_MAX);
	in = (struct box_insert){.messages = &dot, .count = 1};
	assert_int_equal(insert(&t, &in), BOX_OK);
	struct buf b;
	uint32_t next;
	buf_init(&b, 4096);
	assert_int_equal(box_orders(t.b, KV_VISIBLE, t.inbox, 1, 9, add_order, &b, &next), BOX_LIMIT);
	buf_free(&b);
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_follow_their_messages),
	};
	return cmocka_run_group_tests_name("box/order", tests, NULL, NULL);
}
