/* SPDX-License-Identifier: Apache-2.0 */
/* url/imap: URLs of messages (RFC 5092), signed ones (RFC 4467). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "url/imap.h"

/* One arena for all: what was understood is looked at before the next. */
static struct arena *memory;

static bool parse(const char *text, struct url_imap *u)
{
	arena_reset(memory);
	return url_imap_parse(memory, span_cstr(text), u);
}

static void urls(void **state)
{
	(void)state;
	struct url_imap u;
	/* RFC 5092 9.4, 10.1 */
	assert_true(parse("imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024", &u));
	assert_true(u.absolute && span_eq(u.host, SPAN("minbari.example.org")) && u.user.len == 0 &&
		    span_eq(u.mailbox, SPAN("gray-council")) && u.uid_validity == 385759045 && u.uid == 20 &&
		    u.partial && u.offset == 0 && u.length == 1024);
	assert_true(parse("imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97/;UID=7", &u));
	assert_true(span_eq(u.mailbox, SPAN("~peter/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\xe5\x8f\xb0\xe5\x8c\x97")));
	assert_true(parse("imap://;AUTH=GSSAPI@minbari.example.org:143/a/;uid=20/;section=1.2", &u));
	assert_true(span_eq(u.host, SPAN("minbari.example.org:143")) && u.user.len == 0 &&
		    span_eq(u.section, SPAN("1.2")));
	assert_true(parse("imap://michael%40x;AUTH=*@a.b/inbox/;UID=4294967295/;SECTION=1.MIME/;PARTIAL=7", &u));
	assert_true(span_eq(u.user, SPAN("michael@x")) && span_eq(u.mailbox, SPAN("INBOX")) && u.uid == UINT32_MAX &&
		    span_eq(u.section, SPAN("1.MIME")) && u.offset == 7 && u.length == UINT64_MAX);
	assert_true(parse("/a%3Bb%2Fc/;UID=1/;SECTION=HEADER.FIELDS.NOT%20(From%20%22To%22)", &u));
	assert_true(span_eq(u.mailbox, SPAN("a;b/c")) && span_eq(u.section, SPAN("HEADER.FIELDS.NOT (From \"To\")")));
	static const char *const good[] = {";UID=1", "/;UID=1", ";uid=1/;partial=1.1", "/x/;UID=1/;SECTION=TEXT"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(parse(good[i], &u));
}

static void no_urls(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "/", "x", "/x", "x/;UID=1", "/x;UID=1", "/x/;UID=", "/x/;UID=0", "/x/;UID=4294967296", "/x/;UID=1x", "/x/;UID=1/", "/x/;UID=1/;", "/x/;UID=-1",
		"/x;UIDVALIDITY=0/;UID=1", "/x;UIDVALIDITY=/;UID=1", "/x;UIDVALIDITY=1;UID=1", "/x;UIDVALIDITY=1/UID=1", "/x;UIDVALIDITY=99999999999/;UID=1",
		"/%/;UID=1", "/%4/;UID=1", "/%zz/;UID=1", "/%00/;UID=1", "/%ff/;UID=1", "//;UID=1", "/a/;UID=1 ", "/\xc3\xa4/;UID=1",
		"/x/;UID=1/;SECTION=", 
		"/x/;UID=1/;SECTION=%31%",
		"/x/;UID=1/;PARTIAL=", "/x/;UID=1/;PARTIAL=1.", "/x/;UID=1/;PARTIAL=1.0", "/x/;UID=1/;PARTIAL=.1", "/x/;UID=1/;PARTIAL=9223372036854775808",
		"/x/;UID=1/;PARTIAL=1.2/;SECTION=1", "/x/;UID=1/;FOO=1", "/x/;UID=1;UID=2", "imap://", "imap://h", "imap://h/", "imap://h/x", "imap://@/x/;UID=1",
		"imap://a@b@c/x/;UID=1", "imap://h/;UID=1", "imap:/h/x/;UID=1", "imaps://h/x/;UID=1", "imap://%zz@h/x/;UID=1"};
	struct url_imap u;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (parse(bad[i], &u))
			fail_msg("understood: %s", bad[i]);
}


#define INITIAL "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"
#define TOKEN "91354a473744909de610943775f92038"

static void signatures(void **state)
{
	(void)state;
	struct url_imap u;
	/* RFC 4467, GENURLAUTH. */
	assert_true(parse(INITIAL, &u));
	assert_true(u.access == URL_SUBMIT && span_eq(u.reader, SPAN("fred")) && span_eq(u.user, SPAN("joe")) &&
		    span_eq(u.rump, SPAN(INITIAL)) && u.mechanism.len == 0 && u.uid == 20 && !u.expires);
	assert_true(parse(INITIAL ":internal:" TOKEN, &u));
	assert_true(span_eq(u.rump, SPAN(INITIAL)) && span_eq(u.mechanism, SPAN("internal")) && span_eq(u.token, SPAN(TOKEN)));
	assert_true(parse("imap://a@h/x/;UID=1/;PARTIAL=1.2;EXPIRE=2026-11-22T03:18:41Z;URLAUTH=user+b%40c:INTERNAL:0a", &u));
	assert_true(u.expires && u.expire == 1795317521 && u.access == URL_USER && span_eq(u.reader, SPAN("b@c")));
	assert_true(parse("imap://a@h/x/;UID=1;URLAUTH=authuser", &u) && u.access == URL_AUTHUSER);
	assert_true(parse("imap://a@h/x/;UID=1;URLAUTH=Anonymous", &u) && u.access == URL_ANONYMOUS);
	static const char *const bad[] = {
		"imap://a@h/x/;UID=1;URLAUTH=", "imap://a@h/x/;UID=1;URLAUTH=nobody", "imap://a@h/x/;UID=1;URLAUTH=user+", "imap://a@h/x/;UID=1;URLAUTH=submit+%zz",
		"imap://a@h/x/;UID=1;URLAUTH=authuser:", "imap://a@h/x/;UID=1;URLAUTH=authuser:INTERNAL", "imap://a@h/x/;UID=1;URLAUTH=authuser:INTERNAL:",
		"imap://a@h/x/;UID=1;URLAUTH=authuser::00", "imap://a@h/x/;UID=1;URLAUTH=authuser:INTERNAL:0g", "imap://a@h/x/;UID=1;URLAUTH=authuser:INTERNAL:00:",
		"imap://a@h/x/;UID=1;URLAUTH=authuserx", "imap://a@h/x/;UID=1;EXPIRE=;URLAUTH=authuser", "imap://a@h/x/;UID=1;EXPIRE=tomorrow;URLAUTH=authuser",
		"imap://a@h/x/;UID=1;URLAUTH=authuser;EXPIRE=2026-11-22T03:18:41Z", "imap://a@h/x;URLAUTH=authuser", "imap://a@h/;URLAUTH=authuser"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (parse(bad[i], &u))
			fail_msg("understood: %s", bad[i]);
}

static void limits(void **state)
{
	(void)state;
	static char text[URL_IMAP_MAX + 2];
	struct url_imap u;
	for (size_t n = URL_IMAP_MAX - 1; n <= URL_IMAP_MAX + 1; n++) {
		memset(text, '0', n);
		memcpy(text, "/x/;UID=", 8);
		text[n - 1] = '1';
		text[n] = '\0';
		assert_int_equal(parse(text, &u), n <= URL_IMAP_MAX);
	}
	const char *head = "imap://a@h/x/;UID=1;URLAUTH=authuser:INTERNAL:";
	for (size_t n = URL_TOKEN_MAX - 1; n <= URL_TOKEN_MAX + 1; n++) {
		memset(text, 0, sizeof text);
		memcpy(text, head, strlen(head));
		memset(text + strlen(head), 'f', n);
		assert_int_equal(parse(text, &u), n <= URL_TOKEN_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls), cmocka_unit_test(no_urls), cmocka_unit_test(signatures), cmocka_unit_test(limits),
	};
	memory = arena_new(1u << 20);
	int failed = memory == NULL || cmocka_run_group_tests_name("url_imap", tests, NULL, NULL);
	arena_free(memory);
	return failed;
}
