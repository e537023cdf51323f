/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/civil - seconds since 1970-01-01T00:00:00Z and dates as people write
 * them: proleptic Gregorian calendar, UTC, years 1 to 9999, no leap seconds.
 *
 * Independent of locale and time zone files.  Reads no clock: the time is a
 * value that the caller has.  Parsers take the whole span or refuse it, in
 * linear time; a second of 60 is taken as 59.
 */
#pragma once

#include "base/buf.h"

#define CIVIL_MIN (-62135596800) /* 0001-01-01T00:00:00Z */
#define CIVIL_MAX 253402300799	 /* 9999-12-31T23:59:59Z */

/* Longest text that civil_parse_rfc5322 looks at (folds and comments too). */
#define CIVIL_TEXT_MAX 256u

struct civil {
	int year;		  /* 1..9999 */
	int month, day;		  /* 1..12, 1..31 */
	int hour, minute, second; /* 0..23, 0..59, 0..59 */
	int weekday;		  /* 0 is Sunday */
};

/* A moment, and where it was noted: minutes east of UTC, -5999 to 5999. */
struct civil_stamp {
	int64_t seconds;
	int zone;
};

/* Values outside of CIVIL_MIN..CIVIL_MAX are taken as the nearer of the two. */
struct civil civil_of(int64_t seconds);
/* False when a field is out of range (31 April).  The weekday is not looked at. */
MUST_USE bool civil_seconds(const struct civil *, int64_t *out);

/* Sun, 22 Nov 2026 03:18:41 +0000 */
void civil_add_rfc5322(struct buf *, int64_t seconds);
/* 22-Nov-2026 03:18:41 +0000: RFC 3501 date-time without its quotes. */
#define CIVIL_IMAP_LEN 26u
struct span civil_put_imap(char text[CIVIL_IMAP_LEN], int64_t seconds);
/* 2026-11-22T03:18:41.007Z */
void civil_add_iso(struct buf *, int64_t milliseconds);
/* 2026-11-22T03:18:41Z */
void civil_add_rfc3339(struct buf *, int64_t seconds);
/* Nov 22 03:18:41: the stamp of BSD syslog. */
void civil_add_syslog(struct buf *, int64_t seconds);

/* RFC 3501 date-time without its quotes; the day may be " 1", "01". */
MUST_USE bool civil_parse_imap(struct span, struct civil_stamp *out);
/* RFC 3501 date-text: 1-Feb-1994; the first second of that day in UTC. */
MUST_USE bool civil_parse_imap_date(struct span, int64_t *out);
/* RFC 3339 date-time: 2003-11-15T16:30:00.5+01:00; fractions do not count. */
MUST_USE bool civil_parse_rfc3339(struct span, int64_t *out);
/*
 * RFC 5322 date-time with the obsolete forms: comments, years of two and
 * three digits, no seconds, zones UT GMT EST EDT CST CDT MST MDT PST PDT and
 * letters (which count as -0000).  A missing zone is UTC.
 */
MUST_USE bool civil_parse_rfc5322(struct span, struct civil_stamp *out);
