/* SPDX-License-Identifier: Apache-2.0 */
/* base/stream: lines cut everywhere, limits, drains, output, TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script_stream.h"

#define LIMIT 16u
#define DRAIN 64u

static void want_line(struct script *t, struct span want)
{
	struct span line;
	assert_int_equal(stream_line(&t->stream, LIMIT, DRAIN, &line), IO_OK);
	assert_true(span_eq(line, want));
}

static void want_end(struct script *t, enum io want)
{
	struct span line;
	assert_int_equal(stream_line(&t->stream, LIMIT, DRAIN, &line), want);
}

static void lines_do_not_depend_on_cuts(void **state)
{
	(void)state;
	for (size_t split = 0; split < 8; split++) {
		struct script t;
		script_init_bytes(&t, SPAN("one\r\n\r\nthree\r\n"), split);
		want_line(&t, SPAN("one"));
		want_line(&t, SPAN(""));
		want_line(&t, SPAN("three"));
		want_end(&t, IO_EOF);
		want_end(&t, IO_EOF);
		script_free(&t);
	}
}

static void a_crlf_may_come_in_two_reads(void **state)
{
	(void)state;
	static const struct span chunks[] = {SPAN_INIT("ab\r"),
					     SPAN_INIT("\ncd\r"), SPAN_INIT(""),
					     SPAN_INIT("\n")};
	struct script t;
	script_init(&t, chunks, ARRAY_LEN(chunks));
	want_line(&t, SPAN("ab"));
	want_line(&t, SPAN("cd"));
	assert_int_equal(t.fills, 3);
	script_free(&t);
}

static void bare_cr_and_lf_are_content(void **state)
{
	(void)state;
	struct script t;
	script_init_bytes(&t, SPAN("a\nb\rc\r\r\n\n\r\nd\0e\r\n"), 1);
	want_line(&t, SPAN("a\nb\rc\r"));
	want_line(&t, SPAN("\n"));
	want_line(&t, SPAN("d\0e"));
	script_free(&t);
}

static void the_line_limit_counts_the_crlf(void **state)
{
	(void)state;
	for (size_t split = 0; split < 4; split++) {
		struct script t;
		script_init_bytes(&t,
				  SPAN("0123456789abc\r\n"
				       "0123456789abcd\r\n"
				       "0123456789abcde\r\n"
				       "next\r\n"),
				  split);
		want_line(&t, SPAN("0123456789abc"));
		want_line(&t, SPAN("0123456789abcd"));
		want_end(&t, IO_LONG);
		want_line(&t, SPAN("next"));
		script_free(&t);
	}
}

/* A line of n bytes, CRLF included, then another. */
static enum io long_line(size_t n, size_t split, size_t in_cap)
{
	char text[256];
	struct span line;
	struct script t;
	assert_true(n + 4 <= sizeof text);
	memset(text, 'x', n);
	memcpy(text + n - 2, "\r\nok\r\n", 6);
	script_init_bytes(&t, span_of(text, n + 4), split);
	script_in_cap(&t, in_cap);
	enum io r = stream_line(&t.stream, LIMIT, DRAIN, &line);
	if (r == IO_LONG)
		want_line(&t, SPAN("ok"));
	else
		want_end(&t, r);
	script_free(&t);
	return r;
}

static void the_drain_limit_is_exact(void **state)
{
	(void)state;
	for (size_t split = 0; split < 5; split++) {
		for (size_t cap = LIMIT; cap < 128; cap += 37) {
			assert_int_equal(long_line(DRAIN - 1, split, cap),
					 IO_LONG);
			assert_int_equal(long_line(DRAIN, split, cap), IO_LONG);
			assert_int_equal(long_line(DRAIN + 1, split, cap),
					 IO_BROKEN);
		}
	}
}

static void bytes_are_had_as_they_come(void **state)
{
	(void)state;
	static const struct span chunks[] = {SPAN_INIT("abcdef"),
					     SPAN_INIT("gh")};
	struct script t;
	struct span s;
	script_init(&t, chunks, 2);
	assert_int_equal(stream_some(&t.stream, 4, &s), IO_OK);
	assert_true(span_eq(s, SPAN("abcd")));
	assert_int_equal(stream_peek(&t.stream, &s), IO_OK);
	assert_true(span_eq(s, SPAN("ef")));
	assert_true(span_eq(stream_buffered(&t.stream), SPAN("ef")));
	stream_consume(&t.stream, 1);
	assert_int_equal(script_unread(&t), 3);
	assert_int_equal(stream_some(&t.stream, 4, &s), IO_OK);
	assert_true(span_eq(s, SPAN("f")));
	assert_int_equal(stream_some(&t.stream, 4, &s), IO_OK);
	assert_true(span_eq(s, SPAN("gh")));
	assert_int_equal(stream_some(&t.stream, 4, &s), IO_EOF);
	assert_int_equal(script_unread(&t), 0);
	script_free(&t);
}

static void a_read_flushes_first(void **state)
{
	(void)state;
	struct script t;
	script_init_bytes(&t, SPAN("x\r\n"), 0);
	stream_printf(&t.stream, "%d hello\r\n", 220);
	assert_int_equal(buf_len(&t.out), 0);
	want_line(&t, SPAN("x"));
	assert_true(span_eq(buf_span(&t.out), SPAN("220 hello\r\n")));
	script_free(&t);
}

static void output_of_any_length_is_whole(void **state)
{
	(void)state;
	char big[STREAM_OUT_MAX * 2 + 7];
	struct script t;
	memset(big, 'y', sizeof big);
	script_init(&t, NULL, 0);
	stream_write(&t.stream, SPAN("a"));
	stream_write(&t.stream, span_of(big, sizeof big));
	stream_printf(&t.stream, "%.*s", 3000, big);
	assert_int_equal(stream_flush(&t.stream), IO_OK);
	assert_int_equal(buf_len(&t.out), 1 + sizeof big + 3000);
	buf_clear(&t.out);
	stream_number(&t.stream, 0);
	stream_number(&t.stream, UINT64_MAX);
	assert_int_equal(stream_flush(&t.stream), IO_OK);
	assert_true(span_eq(buf_span(&t.out), SPAN("018446744073709551615")));
	script_free(&t);
}

static void told_to_stop_it_may_still_say_goodbye(void **state)
{
	(void)state;
	struct script t;
	script_init_bytes(&t, SPAN("x\r\n"), 0);
	t.at_end = IO_STOP;
	want_line(&t, SPAN("x"));
	want_end(&t, IO_STOP);
	stream_write(&t.stream, SPAN("421 bye\r\n"));
	assert_int_equal(stream_flush(&t.stream), IO_STOP);
	assert_true(span_eq(script_output(&t), SPAN("421 bye\r\n")));
	want_end(&t, IO_STOP);
	script_free(&t);
}

static void a_peer_that_went_away_stays_away(void **state)
{
	(void)state;
	struct script t;
	script_init_bytes(&t, SPAN("x\r\n"), 0);
	t.flush_after = IO_TIMEOUT;
	t.flush_limit = 4;
	stream_write(&t.stream, SPAN("1234"));
	assert_int_equal(stream_flush(&t.stream), IO_OK);
	stream_write(&t.stream, SPAN("5"));
	want_end(&t, IO_TIMEOUT);
	stream_write(&t.stream, SPAN("6"));
	assert_int_equal(stream_flush(&t.stream), IO_TIMEOUT);
	assert_int_equal(stream_start_tls(&t.stream), IO_TIMEOUT);
	assert_int_equal(t.tls, 0);
	assert_true(span_eq(buf_span(&t.out), SPAN("1234")));
	script_free(&t);
}

static void start_tls_forgets_the_clear_phase(void **state)
{
	(void)state;
	static const struct span chunks[] = {SPAN_INIT("STARTTLS\r\nINJ\r\n"),
					     SPAN_INIT("EHLO\r\n")};
	for (size_t split = 0; split < 12; split += 10) {
		struct script t;
		script_init(&t, chunks, 2);
		t.split = split;
		want_line(&t, SPAN("STARTTLS"));
		stream_write(&t.stream, SPAN("220\r\n"));
		assert_int_equal(stream_start_tls(&t.stream), IO_OK);
		assert_int_equal(t.tls_at, 5);
		want_line(&t, SPAN("EHLO"));
		assert_int_equal(t.tls, 1);
		script_free(&t);
	}
}

static void a_failed_handshake_is_the_end(void **state)
{
	(void)state;
	struct script t;
	script_init_bytes(&t, SPAN("x\r\n"), 0);
	t.tls_result = IO_BROKEN;
	assert_int_equal(stream_start_tls(&t.stream), IO_BROKEN);
	want_end(&t, IO_BROKEN);
	script_free(&t);
}

static void after_a_failure_buffered_bytes_are_not_read(void **state)
{
	(void)state;
	struct script t;
	struct span bytes;
	script_init_bytes(&t, SPAN("x\r\ny\r\n"), 0);
	want_line(&t, SPAN("x"));
	t.flush_after = IO_BROKEN;
	stream_write(&t.stream, SPAN("z"));
	assert_int_equal(stream_flush(&t.stream), IO_BROKEN);
	want_end(&t, IO_BROKEN);
	assert_int_equal(stream_peek(&t.stream, &bytes), IO_BROKEN);
	assert_int_equal(stream_some(&t.stream, 9, &bytes), IO_BROKEN);
	script_free(&t);
}

static void deadlines_are_passed_on(void **state)
{
	(void)state;
	struct script t;
	script_init(&t, NULL, 0);
	stream_deadline(&t.stream, 300);
	stream_deadline(&t.stream, 600);
	assert_int_equal(t.deadline_count, 2);
	assert_int_equal(t.deadlines[0], 300);
	assert_int_equal(t.deadlines[1], 600);
	script_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_do_not_depend_on_cuts),
		cmocka_unit_test(a_crlf_may_come_in_two_reads),
		cmocka_unit_test(bare_cr_and_lf_are_content),
		cmocka_unit_test(the_line_limit_counts_the_crlf),
		cmocka_unit_test(the_drain_limit_is_exact),
		cmocka_unit_test(bytes_are_had_as_they_come),
		cmocka_unit_test(a_read_flushes_first),
		cmocka_unit_test(output_of_any_length_is_whole),
		cmocka_unit_test(told_to_stop_it_may_still_say_goodbye),
		cmocka_unit_test(a_peer_that_went_away_stays_away),
		cmocka_unit_test(start_tls_forgets_the_clear_phase),
		cmocka_unit_test(a_failed_handshake_is_the_end),
		cmocka_unit_test(after_a_failure_buffered_bytes_are_not_read),
		cmocka_unit_test(deadlines_are_passed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
