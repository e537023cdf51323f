/* SPDX-License-Identifier: Apache-2.0 */
/* index/list: gaps and bits, what is written is read, what is damaged is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "index/list.h"

static void both_ways(void **state)
{
	(void)state;
	static uint32_t docs[1000], again[1000];
	srand(3);
	for (int run = 0; run < 2000; run++) {
		uint32_t of = 1u + (uint32_t)rand() % 999u, n = 0;
		unsigned one_in = 1u + (unsigned)rand() % 20u;
		uint64_t bits[1000 / 64 + 1] = {0};
		struct buf b;
		for (uint32_t d = 0; d < of; d++)
			if ((unsigned)rand() % one_in == 0)
				docs[n++] = d;
		if (n == 0)
			docs[n++] = of - 1;
		buf_init(&b, 8192);
		index_list_write(&b, docs, n, of);
		assert_true(buf_ok(&b));
		assert_true(buf_len(&b) <= 2 + (of + 7) / 8 + 2 * of / 8);
		assert_int_equal(index_list_count(buf_span(&b), of), n);
		assert_true(index_list_read(buf_span(&b), of, again));
		assert_memory_equal(docs, again, n * sizeof *docs);
		assert_true(index_list_or(buf_span(&b), of, bits));
		for (uint32_t d = 0, k = 0; d < of; d++) {
			bool want = k < n && docs[k] == d;
			k += want;
			assert_int_equal(bits[d / 64] >> d % 64 & 1, want);
		}
		/* Less or more bytes than it says. */
		assert_false(index_list_read(span_sub(buf_span(&b), 0, buf_len(&b) - 1),
					     of, again));
		buf_addc(&b, 0);
		assert_false(index_list_read(buf_span(&b), of, again));
		buf_free(&b);
	}
}

static void damaged(void **state)
{
	(void)state;
	uint32_t docs[8];
	uint64_t bits[1] = {0};
	static const struct {
		struct span row;
		uint32_t of;
		bool good;
	} rows[] = {
		{SPAN_INIT(""), 8, false},
		{SPAN_INIT("\0"), 8, false},
		{SPAN_INIT("\x01\x07"), 8, true},    /* the last one, by gap */
		{SPAN_INIT("\x01\x08"), 8, false},
		{SPAN_INIT("\x02\x80"), 8, false},   /* bits: says two, has one */
		{SPAN_INIT("\x02\x81"), 8, true},
		{SPAN_INIT("\x02\x44"), 7, true},
		{SPAN_INIT("\x02\x82"), 7, false},   /* a bit behind the end */
		{SPAN_INIT("\x09\xff\x01"), 8, false}, /* more than there are */
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(index_list_read(rows[i].row, rows[i].of, docs),
				 rows[i].good);
		assert_int_equal(index_list_or(rows[i].row, rows[i].of, bits),
				 rows[i].good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
