/* SPDX-License-Identifier: Apache-2.0 */
/* base/base64: RFC 4648 vectors, and every spelling that is not the one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"

static const struct {
	struct span bytes, text;
} vectors[] = {
	{SPAN_INIT(""), SPAN_INIT("")},
	{SPAN_INIT("f"), SPAN_INIT("Zg==")},
	{SPAN_INIT("fo"), SPAN_INIT("Zm8=")},
	{SPAN_INIT("foo"), SPAN_INIT("Zm9v")},
	{SPAN_INIT("foob"), SPAN_INIT("Zm9vYg==")},
	{SPAN_INIT("fooba"), SPAN_INIT("Zm9vYmE=")},
	{SPAN_INIT("foobar"), SPAN_INIT("Zm9vYmFy")},
	{SPAN_INIT("\xff\xef\xbe\x00"), SPAN_INIT("/+++AA==")},
};

static void vectors_go_both_ways(void **state)
{
	(void)state;
	struct arena *a = arena_new(4096);
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct buf b;
		struct span out;
		buf_init(&b, 64);
		base64_encode(&b, vectors[i].bytes);
		assert_true(span_eq(buf_span(&b), vectors[i].text));
		buf_clear(&b);
		assert_int_equal(base64_decode(&b, vectors[i].text), BASE64_OK);
		assert_true(span_eq(buf_span(&b), vectors[i].bytes));
		assert_int_equal(base64_decode_arena(a, vectors[i].text, &out),
				 BASE64_OK);
		assert_true(span_eq(out, vectors[i].bytes));
		buf_free(&b);
	}
	arena_free(a);
}

static void other_spellings_are_refused(void **state)
{
	(void)state;
	static const struct span bad[] = {
		SPAN_INIT("Z"),
		SPAN_INIT("Zg"),
		SPAN_INIT("Zg="),
		SPAN_INIT("Zg==="),
		SPAN_INIT("===="),
		SPAN_INIT("Z==="),
		SPAN_INIT("Zh=="),
		SPAN_INIT("Zm9="),
		SPAN_INIT("Zg=="
			  "Zg=="),
		SPAN_INIT("Zm9v "),
		SPAN_INIT(" Zm9v"),
		SPAN_INIT("Zm\r\n"),
		SPAN_INIT("Zm9v\r\n"),
		SPAN_INIT("Zm-_"),
		SPAN_INIT("Zm\0v"),
		SPAN_INIT("Zm=v"),
		SPAN_INIT("=Zm9"),
		SPAN_INIT("="),
	};
	struct buf b;
	buf_init(&b, 64);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(base64_decode(&b, bad[i]), BASE64_BAD);
		assert_int_equal(buf_len(&b), 0);
		assert_true(buf_ok(&b));
	}
	buf_free(&b);
}

static void limits_are_memory_not_blame(void **state)
{
	(void)state;
	struct arena *a = arena_new(2);
	struct span out;
	struct buf b;
	buf_init(&b, 3);
	assert_int_equal(base64_decode(&b, SPAN("Zm9v")), BASE64_OK);
	assert_int_equal(base64_decode(&b, SPAN("Zg==")), BASE64_MEMORY);
	buf_clear(&b);
	base64_encode(&b, SPAN("f"));
	assert_false(buf_ok(&b));
	assert_int_equal(base64_decode_arena(a, SPAN("Zm9v"), &out),
			 BASE64_MEMORY);
	buf_free(&b);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_go_both_ways),
		cmocka_unit_test(other_spellings_are_refused),
		cmocka_unit_test(limits_are_memory_not_blame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
