/* SPDX-License-Identifier: Apache-2.0 */
/* srs/srs: there and back, forgeries, age, length, what is no plain address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "srs/srs.h"

#define DAY 86400
#define NOW ((int64_t)20000 * DAY + 3600)

static const struct span key = SPAN_INIT("0123456789abcdef0123456789abcdef");
static const struct span other = SPAN_INIT("0123456789abcdef0123456789abcdeF");

static struct span forward(struct buf *b, const char *sender)
{
	buf_clear(b);
	assert_int_equal(srs_forward(key, NOW, span_cstr(sender), SPAN("our.example"), b), SRS_OK);
	assert_true(srs_looks(buf_span(b)));
	return buf_span(b);
}

static void back(int64_t now, struct span address, enum srs_result want, const char *original)
{
	struct buf b;
	buf_init(&b, 512);
	enum srs_result r = srs_reverse(key, now, address, &b);
	if (r != want)
		fail_msg("%.*s: %d, not %d", SPAN_FMT(address), r, want);
	if (want == SRS_OK)
		assert_true(span_eq(buf_span(&b), span_cstr(original)));
	buf_free(&b);
}

static void there_and_back(void **state)
{
	(void)state;
	static const char *const senders[] = {
		"a@b.example", "A.b+c=d-e@Sub.B-1.example", "=@b.example", "srs0@b.example",
		"SRS0@b.example", "\xc3\xa9@b.example", "SRS=x@b.example",
		/* Like an SRS1, but there is no SRS0 in it. */
		"SRS1=h=first=x=y@b.example",
	};
	struct buf b;
	buf_init(&b, 512);
	for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
		struct span s = forward(&b, senders[i]);
		assert_true(span_starts(s, SPAN("SRS0=")));
		assert_true(span_ends(s, SPAN("@our.example")));
		back(NOW, s, SRS_OK, senders[i]);
	}
	/* Known for ever: what is under way survives a new version. */
	assert_true(span_eq(forward(&b, "a@b.example"), SPAN("SRS0=BEAZGDBK=RA=b.example=a@our.example")));
	buf_free(&b);
}

static void the_second_forwarder(void **state)
{
	(void)state;
	static const struct {
		const char *sender, *goes_to;
	} rows[] = {
		{"SRS0=HHHH=TT=b.example=a@first.example", "SRS0=HHHH=TT=b.example=a@first.example"},
		{"srs0+HHHH+TT=b.example=a@first.example", "SRS0+HHHH+TT=b.example=a@first.example"},
		{"SRS1=XYZ=first.example==HH=TT=b.example=a@second.example",
		 "SRS0=HH=TT=b.example=a@first.example"},
		{"SRS1-XYZ=first.example=+HH=TT=b.example=a@second.example",
		 "SRS0+HH=TT=b.example=a@first.example"},
	};
	struct buf b;
	buf_init(&b, 512);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = forward(&b, rows[i].sender);
		assert_true(span_starts(s, SPAN("SRS1=")));
		back(NOW + 1000 * DAY, s, SRS_OK, rows[i].goes_to);
	}
	buf_free(&b);
}

/* Letters may change their case on the way, and nothing else may. */
static void every_changed_octet_is_seen(void **state)
{
	(void)state;
	static const char *const senders[] = {"ab@c.example", "SRS0=HHHH=TT=b.example=a@first.example"};
	struct buf b, changed;
	buf_init(&b, 512);
	buf_init(&changed, 512);
	for (size_t k = 0; k < ARRAY_LEN(senders); k++) {
		struct span s = forward(&b, senders[k]);
		size_t at = span_find(s, '@');
		for (size_t i = 5; i < at; i++) {
			for (unsigned char c = '!'; c < 127; c++) {
				struct buf out;
				buf_init(&out, 512);
				buf_clear(&changed);
				buf_add(&changed, s);
				((char *)buf_span(&changed).ptr)[i] = (char)c;
				bool same = ascii_lower((char)c) == ascii_lower(s.ptr[i]);
				enum srs_result r = srs_reverse(key, NOW, buf_span(&changed), &out);
				if ((r == SRS_OK) != same)
					fail_msg("%.*s", SPAN_FMT(buf_span(&changed)));
				buf_free(&out);
			}
		}
		buf_clear(&changed);
		for (size_t i = 0; i < s.len; i++)
			buf_addc(&changed, ascii_lower(s.ptr[i]));
		struct buf out;
		buf_init(&out, 512);
		assert_int_equal(srs_reverse(key, NOW, buf_span(&changed), &out), SRS_OK);
		buf_clear(&out);
		assert_int_equal(srs_reverse(other, NOW, s, &out), SRS_FORGED);
		buf_free(&out);
	}
	buf_free(&b);
	buf_free(&changed);
}

static void age(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 512);
	struct span s = forward(&b, "a@b.example");
	back(NOW + (SRS_DAYS - 1) * DAY, s, SRS_OK, "a@b.example");
	back(NOW + SRS_DAYS * DAY, s, SRS_OK, "a@b.example");
	back(NOW + (SRS_DAYS + 1) * DAY, s, SRS_OLD, NULL);
	back(NOW - 2 * DAY, s, SRS_OLD, NULL);
	back(NOW + 1000 * DAY, s, SRS_OLD, NULL);
	/* The days of an address go around. */
	buf_clear(&b);
	int64_t late = NOW + (1023 - 20000 % 1024) * DAY;
	assert_int_equal(srs_forward(key, late, SPAN("a@b.example"), SPAN("our.example"), &b), SRS_OK);
	back(late + SRS_DAYS * DAY, buf_span(&b), SRS_OK, "a@b.example");
	back(late + (SRS_DAYS + 1) * DAY, buf_span(&b), SRS_OLD, NULL);
	buf_free(&b);
}

static void length(void **state)
{
	(void)state;
	/* "SRS0=" hash "=" TT "=" domain "=" local */
	const size_t room = SRS_LOCAL_MAX - 5 - 8 - 1 - 2 - 1 - 1 - (sizeof "b.example" - 1);
	for (size_t n = room - 1; n <= room + 1; n++) {
		char sender[128];
		struct buf b;
		buf_init(&b, 512);
		memset(sender, 'x', n);
		snprintf(sender + n, sizeof sender - n, "@b.example");
		enum srs_result r = srs_forward(key, NOW, span_cstr(sender), SPAN("our.example"), &b);
		assert_int_equal(r, n <= room ? SRS_OK : SRS_CANNOT);
		if (r == SRS_OK)
			back(NOW, buf_span(&b), SRS_OK, sender);
		buf_free(&b);
	}
	back(NOW, SPAN("SRS0=BEAZGDBK=RA=b.example=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@our.example"),
	     SRS_NOT, NULL);
}

static void no_plain_address(void **state)
{
	(void)state;
	static const char *const senders[] = {
		"", "@", "a@", "@b.example", "a", "\"a b\"@b.example", "a@[192.0.2.1]",
		"a b@b.example", "a@b@c.example", "a@b=c.example", "a\r@b.example",
	};
	for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
		struct buf b;
		buf_init(&b, 512);
		assert_int_equal(srs_forward(key, NOW, span_cstr(senders[i]), SPAN("our.example"), &b),
				 SRS_CANNOT);
		assert_int_equal(buf_len(&b), 0);
		buf_free(&b);
	}
	static const char *const others[] = {
		"a@our.example", "SRS0@our.example", "SRS0=@our.example", "SRS2=a=b=c=d@our.example",
		"SRS0=h=TT=b.example@our.example", "SRS0=h=TTT=b.example=a@our.example",
		"SRS0=h=TT==a@our.example", "SRS0=h=TT=b.example=@our.example", "SRS1=h=first@our.example",
		"SRS1=h==x@our.example", "SRS1=h=first=@our.example", "SRS0=h=TT=b.example=a",
	};
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		back(NOW, span_cstr(others[i]), SRS_NOT, NULL);
	assert_false(srs_looks(SPAN("a@our.example")));
	assert_false(srs_looks(SPAN("SRS0@our.example")));
	assert_false(srs_looks(SPAN("srs0=x")));
	assert_true(srs_looks(SPAN("srs0=x@y")));
	assert_true(srs_looks(SPAN("SRS1+x@y")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(the_second_forwarder),
		cmocka_unit_test(every_changed_octet_is_seen),
		cmocka_unit_test(age),
		cmocka_unit_test(length),
		cmocka_unit_test(no_plain_address),
	};
	return cmocka_run_group_tests_name("srs/srs", tests, NULL, NULL);
}
