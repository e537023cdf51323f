/* SPDX-License-Identifier: Apache-2.0 */
/* box/annotation: set, read, bounded, with their mailbox wherever it goes. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "box/format.h"
#include "box/fsck.h"

static enum box_result annotate(struct test *t, uint32_t mailbox,
				const struct box_annotation *list, size_t count)
{
	struct answer a = {0};
	struct box_annotate q = {.mailbox = mailbox, .list = list, .count = count};
	return wait_for(t, box_annotate(t->b, &q, answered, &a), &a);
}

static enum box_result set(struct test *t, uint32_t mailbox, const char *name, const char *value)
{
	struct box_annotation a = {span_cstr(name), value != NULL,
				   span_cstr(value ? value : "")};
	return annotate(t, mailbox, &a, 1);
}

struct text {
	char bytes[4096];
	size_t len, stop;
};

static bool add(void *arg, struct span name, struct span value)
{
	struct text *x = arg;
	int n = snprintf(x->bytes + x->len, sizeof(x->bytes) - x->len, "%.*s=%.*s;",
			 SPAN_FMT(name), SPAN_FMT(value));
	x->len += (size_t)n;
	assert_true(x->len < sizeof(x->bytes));
	return x->stop == 0 || --x->stop > 0;
}

static void has(struct test *t, uint32_t mailbox, const char *want)
{
	struct text x = {0};
	assert_int_equal(box_annotations(t->b, KV_VISIBLE, mailbox, SPAN(""), add, &x), BOX_OK);
	assert_string_equal(x.bytes, want);
}

static void set_and_read(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	uint64_t version = kv_version(box_space(t.b), KV_VISIBLE);
	has(&t, t.inbox, "");
	assert_int_equal(set(&t, t.inbox, "/shared/comment", "one"), BOX_OK);
	assert_int_equal(set(&t, t.inbox, "/private/comment", ""), BOX_OK);
	assert_int_equal(set(&t, 0, "/private/comment", "mine"), BOX_OK);
	has(&t, t.inbox, "/private/comment=;/shared/comment=one;");
	has(&t, 0, "/private/comment=mine;");
	struct box_annotation list[] = {
		{SPAN("/shared/comment"), true, SPAN("two")},
		{SPAN("/private/comment"), false, SPAN("")},
		{SPAN("/shared/vendor/x/y"), true, SPAN("first")},
		{SPAN("/shared/vendor/x/y"), true, SPAN("last")},
		{SPAN("/private/none"), false, SPAN("")},
	};
	assert_int_equal(annotate(&t, t.inbox, list, ARRAY_LEN(list)), BOX_OK);
	has(&t, t.inbox, "/shared/comment=two;/shared/vendor/x/y=last;");
	struct text x = {.stop = 1};
	assert_int_equal(box_annotations(t.b, KV_VISIBLE, t.inbox, SPAN("/shared/comment"), add, &x), BOX_OK);
	assert_string_equal(x.bytes, "/shared/vendor/x/y=last;");
	assert_int_equal(set(&t, t.inbox, "/private/none", NULL), BOX_OK);
	assert_int_equal(set(&t, 4711, "/shared/comment", "x"), BOX_NONE);
	/* No version moved, so no session looks. */
	assert_int_equal(kv_version(box_space(t.b), KV_VISIBLE), version);
	clean(&t);
	stop(&t);
}

static void names(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "/", "/private", "/private/", "/shared", "/public/x", "private/x",
		"/privatex", "/private//x", "/private/x/", "/private/x//y", "/shared/X",
		"/shared/a b", "/shared/a*", "/shared/%", "/shared/\xc3\xa4", "/shared/a\x7f"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(box_annotation_name_ok(span_cstr(wrong[i])));
	assert_true(box_annotation_name_ok(SPAN("/private/x")));
	assert_true(box_annotation_name_ok(SPAN("/shared/vendor/a.b/c-d/~!")));
	char name[BOX_ANNOTATION_NAME_MAX + 1];
	memset(name, 'n', sizeof(name));
	memcpy(name, "/shared/", 8);
	struct test t;
	start(&t);
	for (size_t n = BOX_ANNOTATION_NAME_MAX - 1; n <= BOX_ANNOTATION_NAME_MAX + 1; n++) {
		struct box_annotation a = {span_of(name, n), true, SPAN("v")};
		assert_int_equal(annotate(&t, t.inbox, &a, 1),
				 n <= BOX_ANNOTATION_NAME_MAX ? BOX_OK : BOX_CANNOT);
	}
	clean(&t);
	stop(&t);
}

/* Value of a length; number n of many. */
static enum box_result set_size(struct test *t, uint32_t mailbox, unsigned n, size_t size)
{
	static char value[BOX_ANNOTATION_MAX + 1];
	char name[32];
	snprintf(name, sizeof(name), "/shared/%05u", n);
	struct box_annotation a = {span_cstr(name), true, span_of(value, size)};
	return annotate(t, mailbox, &a, 1);
}

static void limits_of_a_mailbox(void **state)
{
	(void)state;
	struct test t;
	struct box_annotation list[BOX_ANNOTATE_MAX + 1];
	start(&t);
	assert_int_equal(set_size(&t, t.inbox, 0, BOX_ANNOTATION_MAX - 1), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, 0, BOX_ANNOTATION_MAX), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, 0, BOX_ANNOTATION_MAX + 1), BOX_LIMIT);
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = (struct box_annotation){SPAN("/shared/00000"), true, SPAN("x")};
	assert_int_equal(annotate(&t, t.inbox, list, 0), BOX_LIMIT);
	assert_int_equal(annotate(&t, t.inbox, list, BOX_ANNOTATE_MAX - 1), BOX_OK);
	assert_int_equal(annotate(&t, t.inbox, list, BOX_ANNOTATE_MAX), BOX_OK);
	assert_int_equal(annotate(&t, t.inbox, list, BOX_ANNOTATE_MAX + 1), BOX_LIMIT);
	for (unsigned i = 1; i < BOX_ANNOTATIONS_MAX; i++)
		assert_int_equal(set_size(&t, t.inbox, i, 1), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, BOX_ANNOTATIONS_MAX, 1), BOX_LIMIT);
	assert_int_equal(set_size(&t, t.inbox, 7, 2), BOX_OK); /* not a new one */
	/* All or none. */
	list[0].value = SPAN("new");
	list[1] = (struct box_annotation){SPAN("/shared/more"), true, SPAN("")};
	assert_int_equal(annotate(&t, t.inbox, list, 2), BOX_LIMIT);
	struct text x = {.stop = 1};
	assert_int_equal(box_annotations(t.b, KV_VISIBLE, t.inbox, SPAN(""), add, &x), BOX_OK);
	assert_string_equal(x.bytes, "/shared/00000=x;");
	/* One for another. */
	list[0].set = false;
	assert_int_equal(annotate(&t, t.inbox, list, 2), BOX_OK);
	clean(&t);
	stop(&t);
}

static void bytes_of_a_mailbox(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	size_t each = BOX_ANNOTATION_MAX + 13, i = 0, left = BOX_ANNOTATIONS_BYTES;
	for (; left > each; left -= each)
		assert_int_equal(set_size(&t, t.inbox, (unsigned)i++, BOX_ANNOTATION_MAX), BOX_OK);
	left -= 13;
	assert_int_equal(set_size(&t, t.inbox, 99, left + 1), BOX_LIMIT);
	assert_int_equal(set_size(&t, t.inbox, 99, left - 1), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, 99, left), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, 99, left + 1), BOX_LIMIT);
	assert_int_equal(set_size(&t, t.inbox, 0, 5), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, 99, left + 1), BOX_OK);
	clean(&t);
	stop(&t);
}

static uint32_t make(struct test *t, unsigned n)
{
	char name[16];
	uint32_t id;
	snprintf(name, sizeof(name), "m%u", n);
	assert_int_equal(tree(t, BOX_CREATE, name, "", &id), BOX_OK);
	return id;
}

static void fill(struct test *t, uint32_t mailbox, unsigned count)
{
	struct box_annotation list[BOX_ANNOTATE_MAX];
	char names_of[BOX_ANNOTATE_MAX][16];
	for (unsigned at = 0; at < count;) {
		size_t n = 0;
		for (; n < BOX_ANNOTATE_MAX && at < count; n++, at++) {
			snprintf(names_of[n], sizeof(names_of[n]), "/shared/%05u", at);
			list[n] = (struct box_annotation){span_cstr(names_of[n]), true, SPAN("v")};
		}
		assert_int_equal(annotate(t, mailbox, list, n), BOX_OK);
	}
}

static void count_of_an_account(void **state)
{
	(void)state;
	struct test t;
	unsigned n = 0, left = BOX_ANNOTATIONS_ALL - 1;
	uint32_t id = 0;
	start(&t);
	for (; left > 0; left -= left < BOX_ANNOTATIONS_MAX ? left : BOX_ANNOTATIONS_MAX) {
		id = make(&t, n++);
		fill(&t, id, left < BOX_ANNOTATIONS_MAX ? left : BOX_ANNOTATIONS_MAX);
	}
	assert_int_equal(set_size(&t, t.inbox, 1, 1), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, 2, 1), BOX_LIMIT);
	assert_int_equal(set_size(&t, 0, 2, 1), BOX_LIMIT);
	/* A removed mailbox makes room. */
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "m0", "", NULL), BOX_OK);
	fill(&t, 0, BOX_ANNOTATIONS_MAX);
	assert_int_equal(set_size(&t, t.inbox, 2, 1), BOX_LIMIT);
	clean(&t);
	stop(&t);
}

static void bytes_of_an_account(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	size_t left = BOX_ANNOTATIONS_ALL_BYTES, each = 16000 + 13;
	uint32_t id = 0;
	for (unsigned n = 0; left >= each; n++, left -= each) {
		if (n % 16 == 0)
			id = make(&t, n);
		assert_int_equal(set_size(&t, id, n, 16000), BOX_OK);
	}
	assert_true(left > 13);
	left -= 13;
	assert_int_equal(set_size(&t, t.inbox, 0, left - 1), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, 0, left), BOX_OK);
	assert_int_equal(set_size(&t, t.inbox, 0, left + 1), BOX_LIMIT);
	/* Too much for a copy: INBOX is renamed without. */
	uint32_t to;
	assert_int_equal(tree(&t, BOX_RENAME, "INBOX", "old", &to), BOX_OK);
	has(&t, to, "");
	clean(&t);
	stop(&t);
}

static void with_the_mailbox(void **state)
{
	(void)state;
	struct test t;
	uint32_t a, b;
	start(&t);
	assert_int_equal(tree(&t, BOX_CREATE, "a", "", &a), BOX_OK);
	assert_int_equal(set(&t, a, "/shared/comment", "x"), BOX_OK);
	assert_int_equal(tree(&t, BOX_RENAME, "a", "c/d", &b), BOX_OK);
	assert_int_equal(a, b);
	has(&t, b, "/shared/comment=x;");
	/* Gone with it; a new one of that name has none. */
	put(&t, a, "mail");
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "c/d", "", NULL), BOX_OK);
	assert_int_equal(set(&t, a, "/shared/comment", "y"), BOX_NONE);
	assert_int_equal(tree(&t, BOX_CREATE, "c/d", "", &b), BOX_OK);
	assert_int_not_equal(a, b);
	has(&t, b, "");
	clean(&t);
	/* Undeleted, it has them again. */
	assert_int_equal(tree(&t, BOX_REVIVE, "c/d", "e", &b), BOX_OK);
	assert_int_equal(a, b);
	has(&t, b, "/shared/comment=x;");
	clean(&t);
	assert_int_equal(tree(&t, BOX_REMOVE_MAILBOX, "e", "", NULL), BOX_OK);
	struct answer done = {0};
	struct box_tree q = {.verb = BOX_PURGE, .before = INT64_MAX};
	assert_int_equal(wait_for(&t, box_tree(t.b, &q, answered, &done), &done), BOX_OK);
	has(&t, a, "");
	clean(&t);
	/* INBOX keeps its own, the other one has the same (RFC 5464 4.1). */
	assert_int_equal(set(&t, t.inbox, "/shared/comment", "in"), BOX_OK);
	assert_int_equal(tree(&t, BOX_RENAME, "INBOX", "old", &b), BOX_OK);
	has(&t, t.inbox, "/shared/comment=in;");
	has(&t, b, "/shared/comment=in;");
	clean(&t);
	stop(&t);
}

struct raw {
	struct box_key key;
	struct span value;
};

static enum kv_result raw_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct raw *r = arg;
	(void)op;
	kv_put(b, box_key_span(&r->key), r->value);
	return KV_OK;
}

/* Found, mended, found no more. */
static void damage(struct test *t, struct box_key key, struct span value)
{
	struct raw raw = {key, value};
	struct box_fsck_count c;
	assert_int_equal(kv_op_wait(box_space(t->b), 0, raw_run, &raw, NULL), KV_OK);
	assert_int_equal(box_fsck(t->b, 0, NULL, NULL, &c), BOX_OK);
	assert_true(c.wrong > 0 && c.repaired == 0);
	assert_int_equal(box_fsck(t->b, BOX_FSCK_REPAIR, NULL, NULL, &c), BOX_OK);
	assert_true(c.wrong > 0 && c.repaired == c.wrong);
	clean(t);
}

static void damaged(void **state)
{
	(void)state;
	struct test t;
	start(&t);
	assert_int_equal(set(&t, t.inbox, "/shared/comment", "in"), BOX_OK);
	assert_int_equal(set(&t, 0, "/private/comment", "mine"), BOX_OK);
	damage(&t, box_key_kind('T'), SPAN("\1\7\7"));
	damage(&t, box_key_kind('T'), SPAN("what"));
	damage(&t, box_key_mailbox('T', t.inbox), SPAN("\1\7\7"));
	damage(&t, box_key_mailbox('T', 0), SPAN(""));
	damage(&t, box_key_annotation(t.inbox, SPAN("/shared/new")), SPAN("\1new"));
	has(&t, t.inbox, "/shared/comment=in;/shared/new=new;");
	damage(&t, box_key_annotation(t.inbox, SPAN("/shared/new")), SPAN("new"));
	damage(&t, box_key_annotation(t.inbox, SPAN("not a name")), SPAN("\1x"));
	damage(&t, box_key_annotation(77, SPAN("/shared/lost")), SPAN("\1x"));
	has(&t, 77, "");
	has(&t, t.inbox, "/shared/comment=in;");
	has(&t, 0, "/private/comment=mine;");
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_and_read),
		cmocka_unit_test(names),
		cmocka_unit_test(limits_of_a_mailbox),
		cmocka_unit_test(bytes_of_a_mailbox),
		cmocka_unit_test(count_of_an_account),
		cmocka_unit_test(bytes_of_an_account),
		cmocka_unit_test(with_the_mailbox),
		cmocka_unit_test(damaged),
	};
	return cmocka_run_group_tests_name("box_annotation", tests, NULL, NULL);
}
