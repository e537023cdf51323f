/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite/rewrite: which rule counts, once; masquerading and what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rewrite/rewrite.h"

#define MAP(a, b) {SPAN_INIT(a), SPAN_INIT(b)}
#define MAPS(list) {list, sizeof(list) / sizeof(list)[0]}

static const struct conf_map canonical[] = {
	MAP("@old.example", "@new.example"), MAP("jd@our.example", "john.doe@our.example"),
	MAP("a@swap.example", "b@swap.example"), MAP("b@swap.example", "a@swap.example"),
	MAP("x@old.example", "y@other.example"), MAP("@round.example", "@x.round.example"),
};
static const struct conf_map senders[] = {
	MAP("@old.example", "@sends.example"), MAP("jd@our.example", "office@our.example"),
};
static const struct conf_map recipients[] = {MAP("z@old.example", "z@gets.example")};
static const struct span above[] = {SPAN_INIT("our.example"), SPAN_INIT("lab.our.example"),
				    SPAN_INIT("round.example")};
static const struct span kept[] = {SPAN_INIT("lists.our.example"), SPAN_INIT(".keep.our.example")};
static const struct span users[] = {SPAN_INIT("root")};

static const struct conf_rewrite rules = {
	.canonical = MAPS(canonical), .sender = MAPS(senders), .recipient = MAPS(recipients),
	.masquerade = {above, 3}, .keep_domains = {kept, 2}, .keep_users = {users, 1},
};

static const struct {
	enum rewrite_party party;
	const char *in, *out; /* NULL: it stays */
} rows[] = {
	/* The party's own addresses, canonical ones, own domains, canonical ones. */
	{REWRITE_SENDER, "jd@our.example", "office@our.example"},
	{REWRITE_RECIPIENT, "jd@our.example", "john.doe@our.example"},
	{REWRITE_SENDER, "x@old.example", "y@other.example"},
	{REWRITE_SENDER, "q@old.example", "q@sends.example"},
	{REWRITE_RECIPIENT, "q@old.example", "q@new.example"},
	{REWRITE_RECIPIENT, "z@old.example", "z@gets.example"},
	{REWRITE_SENDER, "z@old.example", "z@sends.example"},
	/* Once. */
	{REWRITE_SENDER, "a@swap.example", "b@swap.example"},
	{REWRITE_SENDER, "b@swap.example", "a@swap.example"},
	/* Letter case and needless quotes do not count; others do. */
	{REWRITE_RECIPIENT, "JD@Our.Example", "john.doe@our.example"},
	{REWRITE_RECIPIENT, "\"jd\"@our.example", "john.doe@our.example"},
	{REWRITE_RECIPIENT, "\"j d\"@our.example", NULL},
	{REWRITE_RECIPIENT, "\"a@b\"@old.example", "\"a@b\"@new.example"},
	/* Masquerading: the longest domain, not in the envelope's recipients. */
	{REWRITE_SENDER, "u@pc.our.example", "u@our.example"},
	{REWRITE_SHOWN_RECIPIENT, "u@a.b.our.example", "u@our.example"},
	{REWRITE_RECIPIENT, "u@pc.our.example", NULL},
	{REWRITE_SENDER, "u@pc.lab.our.example", "u@lab.our.example"},
	{REWRITE_SENDER, "u@lab.our.example", NULL},
	{REWRITE_SENDER, "u@our.example", NULL},
	{REWRITE_SENDER, "u@pcour.example", NULL},
	{REWRITE_SENDER, "u@.our.example", NULL},
	{REWRITE_SENDER, "Root@pc.our.example", NULL},
	{REWRITE_SENDER, "u@lists.our.example", NULL},
	{REWRITE_SENDER, "u@a.keep.our.example", NULL},
	{REWRITE_SENDER, "u@keep.our.example", "u@our.example"},
	/* There and back. */
	{REWRITE_SENDER, "u@round.example", NULL}, {REWRITE_RECIPIENT, "u@round.example", "u@x.round.example"},
	/* No address. */
	{REWRITE_SENDER, "", NULL}, {REWRITE_SENDER, "jd", NULL},
	{REWRITE_SENDER, "@old.example", NULL}, {REWRITE_SENDER, "jd@", NULL},
	{REWRITE_SENDER, "u@other.example", NULL}, {REWRITE_SENDER, "u@[192.0.2.1]", NULL},
};

static void rows_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 1024);
		bool any = rewrite_address(&rules, rows[i].party, span_cstr(rows[i].in), &b);
		if (any != (rows[i].out != NULL) || !span_eq(buf_span(&b), span_cstr(rows[i].out)))
			fail_msg("%s gave %.*s", rows[i].in, SPAN_FMT(buf_span(&b)));
		buf_free(&b);
	}
}

static void too_long_stays(void **state)
{
	(void)state;
	const size_t new_domain = sizeof("@new.example") - 1;
	for (size_t d = 0; d < 3; d++) {
		char in[300];
		struct buf b;
		size_t local = REWRITE_ADDRESS_MAX - new_domain - 1 + d;
		memset(in, 'l', local);
		strcpy(in + local, "@old.example");
		buf_init(&b, 1024);
		bool any = rewrite_address(&rules, REWRITE_RECIPIENT, span_cstr(in), &b);
		assert_int_equal(any, d < 2);
		assert_int_equal(buf_len(&b), d < 2 ? local + new_domain : 0);
		buf_free(&b);
	}
}

static void without_rules_nothing_is_done(void **state)
{
	(void)state;
	const struct conf_rewrite none = {.keep_users = {users, 1}};
	struct buf b;
	buf_init(&b, 1024);
	assert_false(rewrite_any(&none));
	assert_false(rewrite_address(&none, REWRITE_SENDER, SPAN("u@pc.our.example"), &b));
	assert_true(rewrite_any(&rules));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_hold),
		cmocka_unit_test(too_long_stays),
		cmocka_unit_test(without_rules_nothing_is_done),
	};
	return cmocka_run_group_tests_name("rewrite/rewrite", tests, NULL, NULL);
}
