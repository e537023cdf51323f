/* SPDX-License-Identifier: Apache-2.0 */
/* gzip: there and back, what is broken, and the limit to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gzip/gzip.h"

#define MUCH (1u << 20)

static struct span packed(struct buf *b, struct span in)
{
	buf_init(b, 2 * MUCH);
	gzip_pack(b, in);
	assert_true(buf_ok(b));
	assert_true(gzip_looks(buf_span(b)));
	return buf_span(b);
}

static enum gzip unpacked(struct span in, size_t limit, struct span want)
{
	struct buf b;
	enum gzip r;

	buf_init(&b, limit);
	r = gzip_unpack(&b, in);
	assert_true(buf_len(&b) <= limit);
	if (r == GZIP_OK)
		assert_true(span_eq(buf_span(&b), want));
	buf_free(&b);
	return r;
}

static void there_and_back(void **state)
{
	static const size_t sizes[] = {0, 1, 16383, 16384, 16385, MUCH};
	char *much = malloc(MUCH);
	uint32_t dice = 7;

	(void)state;
	assert_non_null(much);
	for (size_t i = 0; i < MUCH; i++)
		much[i] = (char)((dice = dice * 1664525 + 1013904223) >> 24);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct span in = span_of(much, sizes[i]);
		struct buf b;
		struct span z = packed(&b, in);
		assert_int_equal(unpacked(z, MUCH + 1, in), GZIP_OK);
		assert_int_equal(unpacked(z, sizes[i], in), GZIP_OK);
		if (sizes[i] > 0)
			assert_int_equal(unpacked(z, sizes[i] - 1, in), GZIP_LIMIT);
		buf_free(&b);
	}
	free(much);
}

/* What `gzip -9n` of another implementation makes of "report\n". */
static void of_others(void **state)
{
	static const char file[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\x4a\x2d\xc8\x2f"
				   "\x2a\xe1\x02\x00\xdd\x6e\xc6\xd8\x07\x00\x00\x00";
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	enum gzip r = gzip_unpack(&b, span_of(file, sizeof file - 1));
	if (r == GZIP_OK)
		assert_true(span_eq(buf_span(&b), SPAN("report\n")));
	assert_int_equal(r, GZIP_OK);
	buf_free(&b);
}

static void broken(void **state)
{
	struct buf b, more;
	struct span z = packed(&b, SPAN("{\"organization-name\":\"x\"}"));

	(void)state;
	for (size_t n = 0; n < z.len; n++)
		assert_int_equal(unpacked(span_sub(z, 0, n), 1000, SPAN("")), GZIP_BROKEN);
	buf_init(&more, 1000);
	buf_add(&more, z);
	buf_addc(&more, 'x');
	assert_int_equal(unpacked(buf_span(&more), 1000, SPAN("")), GZIP_BROKEN);
	more.data[more.to - 5] ^= 1; /* the checksum */
	buf_cut(&more, 1);
	more.data[more.to - 8] ^= 1;
	assert_int_equal(unpacked(buf_span(&more), 1000, SPAN("")), GZIP_BROKEN);
	assert_int_equal(unpacked(SPAN("PK\3\4"), 1000, SPAN("")), GZIP_BROKEN);
	buf_free(&more);
	buf_free(&b);
}

/* A thousandth of what it unpacks to. */
static void a_bomb(void **state)
{
	char *zeroes = calloc(1, MUCH);
	struct buf b;
	struct span z;

	(void)state;
	assert_non_null(zeroes);
	z = packed(&b, span_of(zeroes, MUCH));
	assert_true(z.len < MUCH / 500);
	assert_int_equal(unpacked(z, MUCH - 1, SPAN("")), GZIP_LIMIT);
	assert_int_equal(unpacked(z, MUCH, span_of(zeroes, MUCH)), GZIP_OK);
	buf_free(&b);
	free(zeroes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back),
					   cmocka_unit_test(of_others), cmocka_unit_test(broken),
					   cmocka_unit_test(a_bomb)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
