/* SPDX-License-Identifier: Apache-2.0 */
/* role/reader: a report is found in every wrapping, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base64.h"
#include "gzip/gzip.h"
#include "role/reader/open.h"
#include "role/reader/rows.h"

#define JSON                                                                   \
	"{\"organization-name\":\"Company-X\",\"report-id\":\"r1\",\"policies\":[{\"policy\":{"   \
	"\"policy-type\":\"sts\",\"policy-domain\":\"example.org\"},\"summary\":{"           \
	"\"total-successful-session-count\":7,\"total-failure-session-count\":3},"       \
	"\"failure-details\":[{\"result-type\":\"certificate-expired\","                 \
	"\"receiving-mx-hostname\":\"mx.example.org\",\"failed-session-count\":3}]}]}"

static const char *opened(struct span file, struct span want)
{
	struct arena *a = arena_new(64u << 20);
	struct span json = {0};
	const char *why = reader_open(a, file, &json);

	if (why == NULL)
		assert_true(span_eq(json, want));
	arena_free(a);
	return why;
}

static void finds(const char *file)
{
	const char *why = opened(span_cstr(file), SPAN(JSON));

	if (why != NULL)
		fail_msg("%s in %s", why, file);
}

static void refuses(struct span file, const char *want)
{
	const char *why = opened(file, SPAN(""));

	assert_non_null(why);
	assert_string_equal(why, want);
}

static void plain(void **state)
{
	(void)state;
	finds(JSON);
	assert_null(opened(SPAN("\xef\xbb\xbf" JSON), SPAN(JSON)));
	assert_null(opened(SPAN(" \r\n\t" JSON), SPAN(" \r\n\t" JSON)));
}

static void packed(void **state)
{
	struct buf gz;

	(void)state;
	buf_init(&gz, 1u << 20);
	gzip_pack(&gz, SPAN(JSON));
	assert_null(opened(buf_span(&gz), SPAN(JSON)));
	refuses(span_sub(buf_span(&gz), 0, buf_len(&gz) - 1),
		"its compression is broken, or it ends early");
	buf_free(&gz);
}

/* More than is read comes out of a small file. */
static void bombs(void **state)
{
	char *much = calloc(1, POLICY_REPORT_TEXT_MAX + 1);
	struct buf gz;

	(void)state;
	assert_non_null(much);
	buf_init(&gz, 1u << 20);
	gzip_pack(&gz, span_of(much, POLICY_REPORT_TEXT_MAX + 1));
	refuses(buf_span(&gz), "it unpacks to more than is read");
	buf_clear(&gz);
	/* To the limit is allowed; it is no report all the same. */
	much[0] = '{';
	gzip_pack(&gz, span_of(much, POLICY_REPORT_TEXT_MAX));
	assert_null(opened(buf_span(&gz), span_of(much, POLICY_REPORT_TEXT_MAX)));
	buf_free(&gz);
	free(much);
}

static void mails(void **state)
{
	struct buf gz, mail;
	static const char *const types[] = {
		"application/tlsrpt+gzip",
		"Application/TLSRPT+Gzip; name=\"x\"",
		"application/octet-stream; name=\"a!b!1!2.json.gz\"",
		"application/gzip\r\nContent-Disposition: attachment; filename=\"a.JSON.GZ\""};

	(void)state;
	finds("From: a@b.c\r\nContent-Type: application/tlsrpt+json\r\n\r\n" JSON);
	buf_init(&gz, 65536);
	buf_init(&mail, 65536);
	gzip_pack(&gz, SPAN(JSON));
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		buf_clear(&mail);
		buf_printf(&mail,
			   "Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=b\r\n\r\n"
			   "--b\r\nContent-Type: application/json; name=\"other.txt\"\r\n\r\n{}\r\n"
			   "--b\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n",
			   types[i]);
		base64_encode(&mail, buf_span(&gz));
		buf_add(&mail, SPAN("\r\n--b--\r\n"));
		assert_null(opened(buf_span(&mail), SPAN(JSON)));
	}
	buf_free(&gz);
	buf_free(&mail);
}

static void none(void **state)
{
	static const char *const files[] = {"", "hello", "From: a@b.c\r\n\r\n{}",
					    "PK\3\4", "[1]",
					    "Content-Type: application/tlsrpt+gzip\r\n\r\nnot packed"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		refuses(span_cstr(files[i]), "there is no report on TLS in it");
}

static void rows(void **state)
{
	struct arena *a = arena_new(1u << 20);
	struct policy_report r;
	struct buf b;

	(void)state;
	assert_null(policy_report_read(a, SPAN(JSON), &r));
	buf_init(&b, 65536);
	reader_rows(&b, &r);
	assert_true(span_eq(buf_span(&b),
			    SPAN("{\"row\":\"policy\",\"domain\":\"example.org\",\"policy\":\"sts\","
				 "\"organization\":\"Company-X\",\"report\":\"r1\",\"successes\":7,"
				 "\"failures\":3}\n"
				 "{\"row\":\"failure\",\"domain\":\"example.org\",\"policy\":\"sts\","
				 "\"organization\":\"Company-X\",\"report\":\"r1\","
				 "\"failure\":\"certificate-expired\",\"times\":3,"
				 "\"mx\":\"mx.example.org\"}\n")));
	buf_free(&b);
	arena_free(a);
}

/* As many rows as a table bears, and texts of a length that a line bears. */
static void limits(void **state)
{
	static struct policy_report_detail details[READER_ROWS_MAX + 1];
	static char name[READER_TEXT_MAX + 2];
	struct policy_report_policy p = {.details = details, .detail_count = ARRAY_LEN(details)};
	struct policy_report r = {.policies = &p, .policy_count = 1};
	struct buf b;
	size_t lines = 0;

	(void)state;
	memset(name, 'n', sizeof name);
	p.domain = span_of(name, sizeof name);
	buf_init(&b, 16u << 20);
	reader_rows(&b, &r);
	for (size_t i = 0; i < buf_len(&b); i++)
		lines += buf_span(&b).ptr[i] == '\n';
	assert_int_equal(lines, READER_ROWS_MAX);
	name[READER_TEXT_MAX] = '\0';
	assert_true(span_find_span(buf_span(&b), span_cstr(name)) != SIZE_MAX);
	name[READER_TEXT_MAX] = 'n';
	assert_true(span_find_span(buf_span(&b), span_of(name, sizeof name - 1)) == SIZE_MAX);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain), cmocka_unit_test(packed), cmocka_unit_test(bombs),
		cmocka_unit_test(mails), cmocka_unit_test(none),   cmocka_unit_test(rows),
		cmocka_unit_test(limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
