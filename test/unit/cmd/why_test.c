/* SPDX-License-Identifier: Apache-2.0 */
/* The page about a message, from rows made by hand: what is asked of a carrier's
 * events, and that strangers' text stays harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cmd/why.h"

#define ROW(part, time, role, event, fields)                                          \
	"{\"part\":\"" part "\",\"time\":\"2026-11-22T" time "Z\",\"role\":\"" role     \
	"\",\"event\":\"" event "\",\"level\":\"info\",\"session\":false,\"fields\":{" \
	fields "}}"

static void page(struct buf *out, const char *const *rows, size_t count)
{
	const struct json *list[16];
	struct arena *a = arena_new(1u << 20);
	assert_true(count <= 16);
	for (size_t i = 0; i < count; i++) {
		list[i] = json_read(a, span_cstr(rows[i]));
		assert_non_null(list[i]);
	}
	buf_init(out, 1u << 20);
	why_page(out, SPAN("e821bb5015b3cfb3"), list, count);
	assert_true(buf_ok(out));
	arena_free(a);
}

static void expect(const char *const *rows, size_t count, const char *text)
{
	struct buf out;
	page(&out, rows, count);
	if (!span_eq(buf_span(&out), span_cstr(text)))
		fail_msg("%.*s", (int)buf_len(&out), out.data + out.from);
	buf_free(&out);
}

static void test_page(void **state)
{
	static const char *const rows[] = {
		ROW("arrived", "10:00:00.001", "edge-mx", "tls.established",
		    "\"version\":\"TLSv1.3\",\"suite\":\"TLS_AES_128_GCM_SHA256\""),
		ROW("kept", "10:00:00.004", "store", "message.kept",
		    "\"from\":\"a@example.org\",\"to\":\"b@example.net\",\"recipients\":\"1\""),
		ROW("arrived", "10:00:00.005", "edge-mx", "smtp.kept",
		    "\"from\":\"a@example.org\",\"user\":\"\",\"session\":\"136ed725839ced96\""),
		ROW("checks", "10:00:00.003", "sorter-mx", "check.spf",
		    "\"result\":\"pass\",\"rule\":\"letterlock.conf:12\""),
		ROW("delivery", "10:00:01.500", "courier", "carry.decided",
		    "\"domain\":\"example.net\",\"outcome\":\"deliver\",\"level\":\"dane\","
		    "\"by\":\"dane\",\"policy\":\"DANE | RFC 7672 2.2 | TLS\\na rule | own | none\",\"rule\":\"letterlock.conf:40\""),
		ROW("delivery", "10:00:01.600", "courier", "carry.protection",
		    "\"host\":\"mx.example.net\",\"address\":\"192.0.2.1\","
		    "\"tls\":\"TLSv1.3\",\"cipher\":\"TLS_AES_256_GCM_SHA384\","
		    "\"certificate\":\"CN=mx.example.net\""),
		ROW("delivery", "10:00:01.700", "courier", "carry.recipient",
		    "\"recipient\":\"b@example.net\",\"outcome\":\"deferred\",\"code\":\"451\","
		    "\"status\":\"4.7.1\",\"text\":\"come again\",\"attempt\":\"1\""),
		("{\"part\":\"delivery\",\"time\":\"2026-11-22T10:05:01.500Z\",\"role\":\"courier\","
		 "\"event\":\"carry.unsettled\",\"level\":\"warning\",\"fields\":{}}"),
	};
	(void)state;
	expect(rows, ARRAY_LEN(rows),
	       "Message e821bb5015b3cfb3\n"
	       "\n"
	       "Arrived\n"
	       "   2026-11-22T10:00:00.001 tls.established  edge-mx\n"
	       "      version TLSv1.3, suite TLS_AES_128_GCM_SHA256\n"
	       "   2026-11-22T10:00:00.005 smtp.kept  edge-mx\n"
	       "      from a@example.org\n"
	       "\n"
	       "Checks\n"
	       "   2026-11-22T10:00:00.003 check.spf  sorter-mx\n"
	       "      result pass, rule letterlock.conf:12\n"
	       "\n"
	       "Kept\n"
	       "   2026-11-22T10:00:00.004 message.kept  store\n"
	       "      from a@example.org, to b@example.net, recipients 1\n"
	       "\n"
	       "Delivery attempts\n"
	       "   2026-11-22T10:00:01.500 carry.decided  courier\n"
	       "      to example.net; TLS wanted: dane by dane; rule letterlock.conf:40; deliver\n"
	       "         DANE | RFC 7672 2.2 | TLS\n"
	       "         a rule | own | none\n"
	       "   2026-11-22T10:00:01.600 carry.protection  courier\n"
	       "      at mx.example.net [192.0.2.1]; TLS reached: TLSv1.3 TLS_AES_256_GCM_SHA384 "
	       "certificate CN=mx.example.net\n"
	       "   2026-11-22T10:00:01.700 carry.recipient  courier\n"
	       "      for b@example.net; deferred 451 4.7.1 come again; attempt 1\n"
	       "   2026-11-22T10:05:01.500 carry.unsettled (warning)  courier\n");
}

static void test_strangers(void **state)
{
	static const char *const rows[] = {
		ROW("delivery", "10:00:00.000", "courier", "courier.attempt",
		    "\"text\":\"\\u001b[2Jgone\\u202e\\r\\n\",\"domain\":\"\\u0007\""),
		ROW("other", "10:00:00.000", "x\\u001b", "y\\u0000z", "\"k\\u001b\":\"v\\u009b\""),
	};
	struct buf out;
	(void)state;
	page(&out, rows, 2);
	for (size_t i = 0; i < buf_len(&out); i++) {
		unsigned char c = (unsigned char)out.data[out.from + i];
		assert_true(c == '\n' || (c >= 0x20 && c < 0x7f));
	}
	assert_true(span_find_span(buf_span(&out), SPAN("gone")) != SIZE_MAX);
	buf_free(&out);
}

/* Rows of another version: nothing is missing that would be needed. */
static void test_odd_rows(void **state)
{
	static const char *const rows[] = {
		"{}", "{\"part\":\"kept\"}", "{\"part\":\"kept\",\"fields\":[1,2]}",
		"{\"part\":\"delivery\",\"fields\":{\"domain\":{},\"code\":250}}",
		"{\"part\":\"delivery\",\"level\":\"error\",\"time\":\"x\"}",
	};
	struct buf out;
	(void)state;
	page(&out, rows, ARRAY_LEN(rows));
	assert_true(span_find_span(buf_span(&out), SPAN("      250\n")) != SIZE_MAX);
	assert_true(span_find_span(buf_span(&out), SPAN("(error)")) != SIZE_MAX);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_odd_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
