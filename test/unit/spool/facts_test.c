/* SPDX-License-Identifier: Apache-2.0 */
/* spool/facts: both ways, every limit, rows of before, rows that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pack.h"
#include "spool/facts.h"
#include "spool/spool.h"

static const struct spool_facts full = {
	.id = SPAN_INIT("0123456789abcdef"),
	.helo = SPAN_INIT("client.example.test"),
	.envid = SPAN_INIT("a+2Bb"),
	.ret = 2,
	.eight_bit = true,
	.utf8 = true,
	.account = UINT64_MAX,
	.requiretls = true,
	.priority = -9,
	.original = SPAN_INIT("a@b.example"),
	.by_mode = SPOOL_BY_RETURN | SPOOL_BY_TRACE,
	.by = -1,
};

static void same(const struct spool_facts *a, const struct spool_facts *b)
{
	assert_true(span_eq(a->id, b->id) && span_eq(a->helo, b->helo) &&
		    span_eq(a->envid, b->envid) && span_eq(a->original, b->original));
	assert_int_equal(a->ret, b->ret);
	assert_int_equal(a->eight_bit, b->eight_bit);
	assert_int_equal(a->utf8, b->utf8);
	assert_true(a->account == b->account);
	assert_int_equal(a->requiretls, b->requiretls);
	assert_int_equal(a->tls_optional, b->tls_optional);
	assert_int_equal(a->local, b->local);
	assert_int_equal(a->priority, b->priority);
	assert_int_equal(a->by_mode, b->by_mode);
	assert_true(a->by == b->by);
}

static void both_ways(void **state)
{
	(void)state;
	struct spool_facts rows[] = {full, {.ret = 0}, full, full};
	rows[2].requiretls = false;
	rows[2].tls_optional = true;
	rows[2].priority = 9;
	rows[3].priority = 0;
	rows[3].local = true;
	rows[3].by_mode = SPOOL_BY_NOTIFY;
	rows[3].by = INT64_MAX;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		struct spool_facts out;
		buf_init(&b, SPOOL_FACTS_MAX);
		assert_true(spool_facts_write(&rows[i], &b));
		assert_true(spool_facts_read(buf_span(&b), &out));
		same(&rows[i], &out);
		for (size_t n = 0; n < buf_len(&b); n++)
			assert_false(spool_facts_read(span_sub(buf_span(&b), 0, n), &out));
		buf_addc(&b, 0);
		assert_false(spool_facts_read(buf_span(&b), &out));
		buf_free(&b);
	}
}

static void limits(void **state)
{
	(void)state;
	static char text[SPOOL_ADDRESS_MAX + 1];
	memset(text, 'x', sizeof text);
	const struct {
		size_t at, max;
	} rows[] = {{offsetof(struct spool_facts, id), SPOOL_ID_MAX},
		    {offsetof(struct spool_facts, helo), SPOOL_HELO_MAX},
		    {offsetof(struct spool_facts, envid), SPOOL_ENVID_MAX},
		    {offsetof(struct spool_facts, original), SPOOL_ADDRESS_MAX}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t over = 0; over < 3; over++) {
			struct spool_facts f = full, out;
			struct span s = span_of(text, rows[i].max - 1 + over);
			memcpy((char *)&f + rows[i].at, &s, sizeof s);
			struct buf b;
			buf_init(&b, SPOOL_FACTS_MAX);
			assert_int_equal(spool_facts_write(&f, &b), over < 2);
			if (over < 2) {
				assert_true(spool_facts_read(buf_span(&b), &out));
				same(&f, &out);
			}
			buf_free(&b);
		}
	}
	for (int p = -SPOOL_PRIORITY_MOST - 1; p <= SPOOL_PRIORITY_MOST + 1; p++) {
		struct spool_facts f = {.priority = (int8_t)p};
		struct buf b;
		buf_init(&b, SPOOL_FACTS_MAX);
		assert_int_equal(spool_facts_write(&f, &b),
				 p >= -SPOOL_PRIORITY_MOST && p <= SPOOL_PRIORITY_MOST);
		buf_free(&b);
	}
	for (uint8_t mode = 0; mode < 10; mode++)
		for (int64_t by = 0; by < 2; by++) {
			struct spool_facts f = {.by_mode = mode, .by = by};
			bool ok = mode == 0 ? by == 0 : mode == 1 || mode == 2 || mode == 5 || mode == 6;
			struct buf d;
			buf_init(&d, SPOOL_FACTS_MAX);
			assert_int_equal(spool_facts_write(&f, &d), ok);
			buf_free(&d);
		}
	struct spool_facts both = {.requiretls = true, .tls_optional = true};
	struct buf b;
	buf_init(&b, SPOOL_FACTS_MAX);
	assert_false(spool_facts_write(&both, &b));
	buf_free(&b);
}

static void rows_of_the_first_format(void **state)
{
	(void)state;
	struct spool_facts out;
	struct buf b;
	buf_init(&b, SPOOL_FACTS_MAX);
	pack_u8(&b, 1);
	pack_span(&b, SPAN("id"));
	pack_span(&b, SPAN("helo"));
	pack_span(&b, SPAN("env"));
	pack_u8(&b, 1);
	pack_u8(&b, 1);
	pack_u8(&b, 0);
	pack_u64(&b, 7);
	assert_true(spool_facts_read(buf_span(&b), &out));
	same(&out, &(struct spool_facts){.id = SPAN("id"), .helo = SPAN("helo"),
					 .envid = SPAN("env"), .ret = 1,
					 .eight_bit = true, .account = 7});
	buf_free(&b);
}

static void rows_of_the_second_format(void **state)
{
	(void)state;
	struct spool_facts f = full, out;
	struct buf b;
	f.by_mode = 0;
	f.by = 0;
	buf_init(&b, SPOOL_FACTS_MAX);
	assert_true(spool_facts_write(&f, &b));
	char bytes[SPOOL_FACTS_MAX];
	size_t len = buf_len(&b) - 9;
	memcpy(bytes, buf_span(&b).ptr, len);
	bytes[0] = 2;
	assert_true(spool_facts_read(span_of(bytes, len), &out));
	same(&out, &f);
	buf_free(&b);
}

static void rows_that_are_none(void **state)
{
	(void)state;
	struct spool_facts out;
	struct buf b;
	buf_init(&b, SPOOL_FACTS_MAX);
	assert_true(spool_facts_write(&(struct spool_facts){.ret = 0}, &b));
	size_t len = buf_len(&b);
	/* format, the bits, the priority, the deadline */
	const struct {
		size_t at;
		unsigned char value;
	} rows[] = {{0, 0},	 {0, 4},       {len - 12, 3}, {len - 12, 8},
		    {len - 11, 19}, {len - 9, 3}, {len - 9, 4},	 {len - 1, 1}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char bytes[64];
		assert_true(len <= sizeof bytes);
		memcpy(bytes, buf_span(&b).ptr, len);
		assert_true(spool_facts_read(span_of(bytes, len), &out));
		bytes[rows[i].at] = (char)rows[i].value;
		assert_false(spool_facts_read(span_of(bytes, len), &out));
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(limits),
		cmocka_unit_test(rows_of_the_first_format),
		cmocka_unit_test(rows_of_the_second_format),
		cmocka_unit_test(rows_that_are_none),
	};
	return cmocka_run_group_tests_name("spool/facts", tests, NULL, NULL);
}
