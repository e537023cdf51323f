/* SPDX-License-Identifier: Apache-2.0 */
/* base/civil: the whole calendar, each way of writing, each zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/civil.h"

static const int64_t moment = 1795317521; /* 2026-11-22T03:18:41Z, a Sunday */

static void every_day_goes_both_ways(void **state)
{
	(void)state;
	int weekday = 1;
	int64_t back;
	for (int64_t t = CIVIL_MIN; t <= CIVIL_MAX; t += 86400) {
		struct civil c = civil_of(t + 86399);
		if (c.weekday != weekday || !civil_seconds(&c, &back) ||
		    back != t + 86399)
			fail_msg("%lld", (long long)t);
		weekday = (weekday + 1) % 7;
	}
}

static void known_moments(void **state)
{
	(void)state;
	struct civil c = civil_of(0);
	assert_int_equal(c.year, 1970);
	assert_int_equal(c.month, 1);
	assert_int_equal(c.day, 1);
	assert_int_equal(c.weekday, 4);
	c = civil_of(-1);
	assert_int_equal(c.year, 1969);
	assert_int_equal(c.second, 59);
	c = civil_of(951782400);
	assert_int_equal(c.month, 2);
	assert_int_equal(c.day, 29);
}

static void out_of_range_is_clamped_or_refused(void **state)
{
	(void)state;
	int64_t t;
	assert_int_equal(civil_of(INT64_MIN).year, 1);
	assert_int_equal(civil_of(INT64_MAX).year, 9999);
	static const struct civil bad[] = {
		{0, 1, 1, 0, 0, 0, 0},	   {10000, 1, 1, 0, 0, 0, 0},
		{2026, 0, 1, 0, 0, 0, 0},  {2026, 13, 1, 0, 0, 0, 0},
		{2026, 4, 31, 0, 0, 0, 0}, {2025, 2, 29, 0, 0, 0, 0},
		{1900, 2, 29, 0, 0, 0, 0}, {2026, 1, 0, 0, 0, 0, 0},
		{2026, 1, 1, 24, 0, 0, 0}, {2026, 1, 1, 0, 60, 0, 0},
		{2026, 1, 1, 0, 0, 60, 0}, {2026, 1, 1, -1, 0, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(civil_seconds(&bad[i], &t));
	assert_true(
		civil_seconds(&(struct civil){2000, 2, 29, 0, 0, 0, 0}, &t));
	assert_true(civil_seconds(&(struct civil){1, 1, 1, 0, 0, 0, 0}, &t));
	assert_true(t == CIVIL_MIN);
	assert_true(civil_seconds(&(struct civil){9999, 12, 31, 23, 59, 59, 0},
				  &t));
	assert_true(t == CIVIL_MAX);
}

static void written(void **state)
{
	(void)state;
	struct buf b;
	char imap[CIVIL_IMAP_LEN];
	buf_init(&b, 256);
	civil_add_rfc5322(&b, moment);
	buf_addc(&b, '|');
	buf_add(&b, civil_put_imap(imap, moment - 20 * 86400));
	buf_addc(&b, '|');
	civil_add_iso(&b, moment * 1000 + 7);
	buf_addc(&b, '|');
	civil_add_iso(&b, -1);
	buf_addc(&b, '|');
	civil_add_syslog(&b, moment - 20 * 86400);
	assert_true(
		span_eq(buf_span(&b), SPAN("Sun, 22 Nov 2026 03:18:41 +0000|"
					   " 2-Nov-2026 03:18:41 +0000|"
					   "2026-11-22T03:18:41.007Z|"
					   "1969-12-31T23:59:59.999Z|"
					   "Nov  2 03:18:41")));
	buf_free(&b);
}

static void rfc5322_is_read(void **state)
{
	(void)state;
	static const struct {
		struct span text;
		int zone; /* of the same moment */
	} good[] = {
		{SPAN_INIT("Sun, 22 Nov 2026 03:18:41 +0000"), 0},
		{SPAN_INIT("22 Nov 2026 03:18:41 +0000"), 0},
		{SPAN_INIT("sun, 22 nov 26 3:18:41 GMT"), 0},
		{SPAN_INIT("Sun,22 Nov 126 03:18:41 UT"), 0},
		{SPAN_INIT("Sun, 22 Nov 2026 03:18:41"), 0},
		{SPAN_INIT("Sun, 22 Nov 2026 03:18:41 Z"), 0},
		{SPAN_INIT("Sun, 22 Nov 2026 03:18:41 XYZZY"), 0},
		{SPAN_INIT("Sun, 22 Nov 2026 03:18:41 -0000 (UTC)"), 0},
		{SPAN_INIT("Sat, 21 Nov 2026 22:18:41 EST"), -300},
		{SPAN_INIT("Sat, 21 Nov 2026 19:18:41 PST"), -480},
		{SPAN_INIT("Sat, 21 Nov 2026 20:18:41 PDT"), -420},
		{SPAN_INIT("Sun, 22 Nov 2026 08:48:41 +0530"), 330},
		{SPAN_INIT("(a(b\\))c) Sun\r\n , (x)22(y)Nov\t2026 03 : 18 : "
			   "41 (z) +0000 ()"),
		 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct civil_stamp s;
		if (!civil_parse_rfc5322(good[i].text, &s))
			fail_msg("refused: %s", good[i].text.ptr);
		assert_true(s.seconds == moment);
		assert_int_equal(s.zone, good[i].zone);
	}
}

static void rfc5322_years_of_two_and_three_digits(void **state)
{
	(void)state;
	static const struct {
		struct span text;
		int year;
	} years[] = {
		{SPAN_INIT("1 Jan 00 00:00"), 2000},
		{SPAN_INIT("1 Jan 49 00:00"), 2049},
		{SPAN_INIT("1 Jan 50 00:00"), 1950},
		{SPAN_INIT("1 Jan 99 00:00"), 1999},
		{SPAN_INIT("1 Jan 000 00:00"), 1900},
		{SPAN_INIT("1 Jan 999 00:00"), 2899},
		{SPAN_INIT("1 Jan 0001 00:00"), 1},
	};
	for (size_t i = 0; i < ARRAY_LEN(years); i++) {
		struct civil_stamp s;
		assert_true(civil_parse_rfc5322(years[i].text, &s));
		assert_int_equal(civil_of(s.seconds).year, years[i].year);
	}
}

static void rfc5322_is_refused(void **state)
{
	(void)state;
	static const struct span bad[] = {
		SPAN_INIT(""),
		SPAN_INIT("Sun"),
		SPAN_INIT("Foo, 22 Nov 2026 03:18:41 +0000"),
		SPAN_INIT("Sun 22 Nov 2026 03:18:41 +0000"),
		SPAN_INIT("31 Apr 2026 03:18:41 +0000"),
		SPAN_INIT("22 Nov 20260 03:18:41 +0000"),
		SPAN_INIT("22 Nov 6 03:18:41 +0000"),
		SPAN_INIT("22 Nov 0000 03:18:41 +0000"),
		SPAN_INIT("22 Nov 2026 24:00:00 +0000"),
		SPAN_INIT("22 Nov 2026 03:60:00 +0000"),
		SPAN_INIT("22 Nov 2026 03:18:61 +0000"),
		SPAN_INIT("22 Nov 2026 03:18:41 +000"),
		SPAN_INIT("22 Nov 2026 03:18:41 +00000"),
		SPAN_INIT("22 Nov 2026 03:18:41 +0060"),
		SPAN_INIT("22 Nov 2026 03:18:41 +0000 x"),
		SPAN_INIT("22 Nov 2026 03:18:41 +0000 (x"),
		SPAN_INIT("22 Nov 2026 03:18:41 +0000 (\\"),
		SPAN_INIT("22 Nov 2026 03:18:41 +0000\0"),
		SPAN_INIT("31 Dec 9999 23:59:59 -0001"),
		SPAN_INIT("1 Jan 0001 00:00:00 +0001"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct civil_stamp s;
		if (civil_parse_rfc5322(bad[i], &s))
			fail_msg("accepted: %s", bad[i].ptr);
	}
}

static void the_text_is_bounded(void **state)
{
	(void)state;
	char text[CIVIL_TEXT_MAX + 1];
	struct civil_stamp s;
	memset(text, ' ', sizeof text);
	memcpy(text, "22 Nov 2026 03:18:41", 20);
	assert_true(civil_parse_rfc5322(span_of(text, CIVIL_TEXT_MAX - 1), &s));
	assert_true(civil_parse_rfc5322(span_of(text, CIVIL_TEXT_MAX), &s));
	assert_false(
		civil_parse_rfc5322(span_of(text, CIVIL_TEXT_MAX + 1), &s));
}

static void a_leap_second_is_the_one_before(void **state)
{
	(void)state;
	struct civil_stamp s;
	assert_true(civil_parse_rfc5322(SPAN("31 Dec 2016 23:59:60 GMT"), &s));
	assert_int_equal(s.seconds, 1483228799);
}

static void imap_date_time(void **state)
{
	(void)state;
	struct civil_stamp s;
	assert_true(civil_parse_imap(SPAN("22-Nov-2026 03:18:41 +0000"), &s));
	assert_true(s.seconds == moment);
	assert_true(civil_parse_imap(SPAN(" 2-Nov-2026 01:18:41 -0200"), &s));
	assert_true(s.seconds == moment - 20 * 86400);
	assert_int_equal(s.zone, -120);
	assert_true(civil_parse_imap(SPAN("02-nov-2026 03:18:41 +0000"), &s));
	static const struct span bad[] = {
		SPAN_INIT("2-Nov-2026 03:18:41 +0000"),
		SPAN_INIT(" 22-Nov-2026 03:18:41 +0000"),
		SPAN_INIT("22-Nov-2026 3:18:41 +0000"),
		SPAN_INIT("22-Nov-2026 03:18:41 GMT"),
		SPAN_INIT("22-Nov-2026 03:18:41"),
		SPAN_INIT("22-Nov-2026  03:18:41 +0000"),
		SPAN_INIT("22-Nov-2026 03:18:41 +0000 "),
		SPAN_INIT("22-Nov-26 03:18:41 +0000"),
		SPAN_INIT("29-Feb-2025 03:18:41 +0000"),
		SPAN_INIT("22 Nov 2026 03:18:41 +0000"),
		SPAN_INIT(""),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(civil_parse_imap(bad[i], &s));
}

static void imap_date(void **state)
{
	(void)state;
	int64_t t;
	assert_true(civil_parse_imap_date(SPAN("1-Feb-1994"), &t));
	assert_int_equal(t, 760060800);
	assert_true(civil_parse_imap_date(SPAN("01-FEB-1994"), &t));
	assert_int_equal(t, 760060800);
	assert_false(civil_parse_imap_date(SPAN(" 1-Feb-1994"), &t));
	assert_false(civil_parse_imap_date(SPAN("001-Feb-1994"), &t));
	assert_false(civil_parse_imap_date(SPAN("30-Feb-1994"), &t));
	assert_false(civil_parse_imap_date(SPAN("1-Feb-94"), &t));
	assert_false(civil_parse_imap_date(SPAN("1-Feb-1994 "), &t));
}

static void rfc3339(void **state)
{
	(void)state;
	static const struct {
		struct span text;
		int64_t seconds;
	} good[] = {
		{SPAN_INIT("1970-01-01T00:00:00Z"), 0},
		{SPAN_INIT("1970-01-01t00:00:01z"), 1},
		{SPAN_INIT("2003-11-15T16:30:00.5+01:00"), 1068910200},
		{SPAN_INIT("2003-11-15T14:00:00-01:30"), 1068910200},
		{SPAN_INIT("2003-11-15T15:29:60-00:01"), 1068910259},
	};
	static const struct span bad[] = {
		SPAN_INIT(""), SPAN_INIT("2003-11-15"), SPAN_INIT("2003-11-15T16:30:00"),
		SPAN_INIT("2003-11-15T16:30:00.Z"), SPAN_INIT("2003-11-15T16:30:00+0100"),
		SPAN_INIT("2003-11-15T16:30:00+24:00"), SPAN_INIT("2003-11-15T16:30:00+01:60"),
		SPAN_INIT("2003-11-15T16:30:00Z "), SPAN_INIT("2003-02-30T16:30:00Z"),
		SPAN_INIT("2003-11-15T24:30:00Z"), SPAN_INIT("03-11-15T16:30:00Z"),
		SPAN_INIT("2003-11-15 16:30:00Z"), SPAN_INIT("0001-01-01T00:00:00+00:01"),
	};
	int64_t t;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(civil_parse_rfc3339(good[i].text, &t));
		assert_true(t == good[i].seconds);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(civil_parse_rfc3339(bad[i], &t));
	struct buf b;
	buf_init(&b, CIVIL_TEXT_MAX);
	civil_add_rfc3339(&b, 1068910200);
	assert_true(span_eq(buf_span(&b), SPAN("2003-11-15T15:30:00Z")));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_goes_both_ways),
		cmocka_unit_test(known_moments),
		cmocka_unit_test(out_of_range_is_clamped_or_refused),
		cmocka_unit_test(written),
		cmocka_unit_test(rfc5322_is_read),
		cmocka_unit_test(rfc5322_years_of_two_and_three_digits),
		cmocka_unit_test(rfc5322_is_refused),
		cmocka_unit_test(the_text_is_bounded),
		cmocka_unit_test(a_leap_second_is_the_one_before),
		cmocka_unit_test(imap_date_time),
		cmocka_unit_test(imap_date),
		cmocka_unit_test(rfc3339),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
