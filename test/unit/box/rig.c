/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/box/rig: see rig.h. */
#include "rig.h"

#include "box/fsck.h"
#include "crypto/hash.h"

void answered(void *arg, enum box_result r)
{
	struct answer *a = arg;
	assert_false(a->done);
	*a = (struct answer){true, r};
}

enum box_result wait_for(struct test *t, enum box_result started,
				struct answer *a)
{
	if (started != BOX_OK)
		return started;
	assert_false(a->done);
	while (!a->done)
		kv_poll(t->f.kv);
	return a->result;
}

enum box_result tree(struct test *t, enum box_tree_verb verb,
			    const char *name, const char *to, uint32_t *id)
{
	struct answer a = {0};
	struct box_tree q = {
		.verb = verb, .name = span_cstr(name), .to = span_cstr(to)};
	enum box_result r = wait_for(t, box_tree(t->b, &q, answered, &a), &a);
	if (id)
		*id = q.mailbox;
	return r;
}

void start(struct test *t)
{
	*t = (struct test){.a = arena_new(64 << 20)};
	fixture_start(&t->f, MEMORY, 1);
	assert_int_equal(box_open(t->f.kv, 1, &t->b), BOX_OK);
	assert_int_equal(box_ready(t->b, KV_VISIBLE), BOX_NONE);
	assert_int_equal(tree(t, BOX_SETUP, "", "", &t->inbox), BOX_OK);
	assert_int_equal(tree(t, BOX_SETUP, "", "", NULL), BOX_EXISTS);
	assert_int_equal(box_ready(t->b, KV_VISIBLE), BOX_OK);
}

void stop(struct test *t)
{
	box_close(t->b);
	fixture_stop(&t->f);
	arena_free(t->a);
}

struct box_new mail_of(struct test *t, uint32_t mailbox,
			      struct span body)
{
	return (struct box_new){.mailbox = mailbox,
				.prefix = SPAN("P: x\r\n"),
				.body = kv_body_name(t->f.kv),
				.bytes = body,
				.body_size = body.len,
				.body_crc = crc32c(0, body),
				.date = 1000,
				.summary = SPAN("s")};
}

enum box_result insert(struct test *t, struct box_insert *q)
{
	struct answer a = {0};
	return wait_for(t, box_insert(t->b, q, answered, &a), &a);
}

uint32_t put(struct test *t, uint32_t mailbox, const char *body)
{
	struct box_new m = mail_of(t, mailbox, span_cstr(body));
	struct box_insert q = {.messages = &m, .count = 1};
	assert_int_equal(insert(t, &q), BOX_OK);
	return m.uid;
}

void put_many(struct test *t, uint32_t mailbox, unsigned n)
{
	struct box_new m[BOX_INSERT_MAX];
	while (n) {
		unsigned k = n < BOX_INSERT_MAX ? n : BOX_INSERT_MAX;
		for (unsigned i = 0; i < k; i++)
			m[i] = mail_of(t, mailbox, SPAN("body"));
		struct box_insert q = {.messages = m, .count = k};
		assert_int_equal(insert(t, &q), BOX_OK);
		n -= k;
	}
}

enum box_result change(struct test *t, verb_fn *verb,
			      struct box_change *q)
{
	struct answer a = {0};
	q->arena = t->a;
	return wait_for(t, verb(t->b, q, answered, &a), &a);
}

struct box_uids range(struct test *t, uint32_t first, uint32_t last)
{
	struct box_uids u;
	box_uids_init(&u, t->a);
	assert_true(box_uids_add(&u, first, last));
	return u;
}

struct box_status status(struct test *t, uint32_t mailbox)
{
	struct box_status st;
	assert_int_equal(box_status(t->b, KV_VISIBLE, mailbox, &st), BOX_OK);
	return st;
}

void clean(struct test *t)
{
	struct box_fsck_count c;
	assert_int_equal(box_fsck(t->b, BOX_FSCK_DEEP, NULL, NULL, &c), BOX_OK);
	assert_true(c.wrong == 0);
}
