/* SPDX-License-Identifier: Apache-2.0 */
/* ipc codecs: every type there and back, each limit at -1, 0 and +1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/hop.h"
#include "wire/here_there.h"

static bool fits(const struct here_there_echo *m)
{
	struct buf b;
	buf_init(&b, IPC_BODY_MAX);
	bool ok = here_there_echo_encode(m, &b);
	buf_free(&b);
	return ok;
}

static void all_types_come_back(void **state)
{
	(void)state;
	const struct span words[] = {SPAN_INIT("one"), SPAN_INIT("")};
	const uint64_t numbers[] = {1, UINT64_MAX};
	const uint8_t keys[2][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
	const struct here_there_point points[] = {
		{.x = 1, .y = -2, .colour = HERE_THERE_COLOUR_BLUE},
		{.x = 3, .names = words, .names_count = 2}};
	struct here_there_echo m = {
		.a = 1, .b = 0x1234, .c = 0x12345678, .d = UINT64_MAX,
		.e = INT64_MIN, .f = true, .id = {9, 8, 7},
		.raw = SPAN("\0\xff"), .name = SPAN("\xc3\xa4"),
		.numbers = numbers, .numbers_count = 2,
		.words = words, .words_count = 2,
		.points = points, .points_count = 2,
		.keys = keys, .keys_count = 2,
		.has_maybe = true, .maybe = 5,
		.colour = HERE_THERE_COLOUR_GREEN};
	struct buf b;
	buf_init(&b, IPC_BODY_MAX);
	assert_true(here_there_echo_encode(&m, &b));
	struct arena *a = arena_new(65536);
	struct here_there_echo o;
	assert_true(here_there_echo_decode(buf_span(&b), a, &o));
	assert_true(o.a == 1 && o.b == 0x1234 && o.c == 0x12345678 && o.f);
	assert_true(o.d == UINT64_MAX && o.e == INT64_MIN);
	assert_memory_equal(o.id, m.id, 16);
	assert_true(span_eq(o.raw, m.raw) && span_eq(o.name, m.name));
	assert_true(o.numbers_count == 2 && o.numbers[1] == UINT64_MAX);
	assert_true(o.words_count == 2 && span_eq(o.words[0], words[0]));
	assert_true(o.points_count == 2 && o.points[0].y == -2);
	assert_true(span_eq(o.points[1].names[0], SPAN("one")));
	assert_memory_equal(o.keys, keys, 8);
	assert_true(o.has_maybe && o.maybe == 5 && !o.has_note);
	assert_int_equal(o.colour, HERE_THERE_COLOUR_GREEN);
	/* Cut anywhere, or one byte longer: refused. */
	for (size_t n = 0; n < buf_len(&b); n++)
		assert_false(here_there_echo_decode(
			span_sub(buf_span(&b), 0, n), a, &o));
	buf_addc(&b, 0);
	assert_false(here_there_echo_decode(buf_span(&b), a, &o));
	buf_free(&b);
	arena_free(a);
}

static void limits_hold_when_sending(void **state)
{
	(void)state;
	static const uint64_t numbers[4];
	static const struct span words[4];
	static const struct here_there_point points[3];
	struct here_there_echo m = {0};
	for (size_t n = 4; n <= 6; n++) {
		m.raw = span_of("123456", n);
		assert_int_equal(fits(&m), n <= 5);
	}
	m.raw = SPAN("");
	for (size_t n = 4; n <= 6; n++) {
		m.name = span_of("123456", n);
		assert_int_equal(fits(&m), n <= 5);
	}
	m.name = SPAN("");
	m.numbers = numbers;
	m.words = words;
	for (size_t n = 2; n <= 4; n++) {
		m.numbers_count = n;
		assert_int_equal(fits(&m), n <= 3);
		m.numbers_count = 0;
		m.words_count = n;
		assert_int_equal(fits(&m), n <= 3);
		m.words_count = 0;
	}
	m.points = points;
	for (size_t n = 1; n <= 3; n++) {
		m.points_count = n;
		assert_int_equal(fits(&m), n <= 2);
	}
	m.points_count = 0;
	m.name = SPAN("a\0b");
	assert_false(fits(&m));
	m.name = SPAN("\xc3");
	assert_false(fits(&m));
}

static void limits_hold_when_receiving(void **state)
{
	(void)state;
	struct arena *a = arena_new(65536);
	struct here_there_begin m;
	assert_true(here_there_begin_decode(SPAN("\7\0" "1234567"), a, &m));
	assert_true(here_there_begin_decode(SPAN("\10\0" "12345678"), a, &m));
	assert_true(span_eq(m.who, SPAN("12345678")));
	assert_false(here_there_begin_decode(SPAN("\11\0" "123456789"), a, &m));
	assert_false(here_there_begin_decode(SPAN("\2\0\xc3\x28"), a, &m));
	assert_false(here_there_begin_decode(SPAN("\1\0\0"), a, &m));
	struct here_there_echo_reply r;
	const char head[] = "\0\0\0\0"; /* raw, name */
	struct buf b;
	buf_init(&b, 4096);
	for (unsigned n = 1; n <= 3; n++) { /* points list<=2 */
		buf_clear(&b);
		buf_add(&b, span_of(head, 4));
		pack_u16(&b, (uint16_t)n);
		for (unsigned i = 0; i < n * 15 + 1; i++)
			buf_addc(&b, 0);
		assert_int_equal(here_there_echo_reply_decode(buf_span(&b), a, &r),
				 n <= 2);
	}
	for (unsigned colour = 2; colour <= 3; colour++) {
		buf_clear(&b);
		buf_add(&b, span_of(head, 4));
		pack_u16(&b, 0);
		pack_u8(&b, (uint8_t)colour);
		assert_int_equal(here_there_echo_reply_decode(buf_span(&b), a, &r),
				 colour == 2);
	}
	buf_free(&b);
	/* A flag is 0 or 1. */
	struct here_there_pass_reply p;
	assert_true(here_there_pass_reply_decode(SPAN("\1"), a, &p));
	assert_false(here_there_pass_reply_decode(SPAN("\2"), a, &p));
	arena_free(a);
}

static void a_count_must_be_believable(void **state)
{
	(void)state;
	/* 2 points announced, nothing behind them: no memory is taken. */
	struct arena *a = arena_new(65536);
	struct here_there_echo_reply r;
	assert_false(here_there_echo_reply_decode(SPAN("\0\0\0\0\2\0"), a, &r));
	assert_int_equal(arena_used(a), 0);
	arena_free(a);
}

static void any_bytes_decode_to_themselves_or_not(void **state)
{
	(void)state;
	assert_true(here_there_decode_any(SPAN("\0\2\0me")));
	assert_true(here_there_decode_any(SPAN("\1" "12345678")));
	assert_false(here_there_decode_any(SPAN("")));
	char bytes[64];
	uint32_t x = 1;
	for (unsigned i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof bytes; k++) {
			x = x * 1664525u + 1013904223u;
			bytes[k] = (char)(x >> 24 & (i % 2 ? 0xff : 3));
		}
		here_there_decode_any(span_of(bytes, (x >> 8) % sizeof bytes));
	}
}

static void results_have_names(void **state)
{
	(void)state;
	assert_string_equal(ipc_result_name(IPC_OK), "ok");
	assert_string_equal(ipc_result_name(IPC_STOPPED), "stopped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_types_come_back),
		cmocka_unit_test(limits_hold_when_sending),
		cmocka_unit_test(limits_hold_when_receiving),
		cmocka_unit_test(a_count_must_be_believable),
		cmocka_unit_test(any_bytes_decode_to_themselves_or_not),
		cmocka_unit_test(results_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
