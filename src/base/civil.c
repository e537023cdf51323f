/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/civil: the calendar, and dates written.  Days are counted from
 * 0001-01-01, a Monday, so every count is positive.
 */
#include "base/civil.h"

#define DAY	       86400
#define DAYS_400_YEARS 146097

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed",
				    "Thu", "Fri", "Sat"};

static bool leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30,
				   31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 0001-01-01 to the first day of the year. */
static int64_t year_start(int year)
{
	int64_t y = year - 1;
	return y * 365 + y / 4 - y / 100 + y / 400;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

struct civil civil_of(int64_t seconds)
{
	int64_t since = clamp(seconds, CIVIL_MIN, CIVIL_MAX) - CIVIL_MIN;
	int64_t day = since / DAY;
	int rest = (int)(since % DAY);
	/* The mean length of a year misses by one at most. */
	int year = (int)(day * 400 / DAYS_400_YEARS) + 1;
	if (year_start(year) > day)
		year--;
	else if (year_start(year + 1) <= day)
		year++;
	int left = (int)(day - year_start(year)), month = 1;
	for (; left >= month_days(year, month); month++)
		left -= month_days(year, month);
	return (struct civil){
		.year = year,
		.month = month,
		.day = left + 1,
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
		.weekday = (int)((day + 1) % 7),
	};
}

static bool within(int v, int low, int high)
{
	return v >= low && v <= high;
}

bool civil_seconds(const struct civil *c, int64_t *out)
{
	if (!within(c->year, 1, 9999) || !within(c->month, 1, 12) ||
	    !within(c->day, 1, month_days(c->year, c->month)) ||
	    !within(c->hour, 0, 23) || !within(c->minute, 0, 59) ||
	    !within(c->second, 0, 59))
		return false;
	int64_t days = year_start(c->year) + c->day - 1;
	for (int m = 1; m < c->month; m++)
		days += month_days(c->year, m);
	*out = CIVIL_MIN + days * DAY + c->hour * 3600 + c->minute * 60 +
	       c->second;
	return true;
}

void civil_add_rfc5322(struct buf *b, int64_t seconds)
{
	struct civil c = civil_of(seconds);
	buf_printf(b, "%s, %02d %s %04d %02d:%02d:%02d +0000",
		   weekdays[c.weekday], c.day, months[c.month - 1], c.year,
		   c.hour, c.minute, c.second);
}

static char *two(char *p, int n)
{
	*p++ = (char)('0' + n / 10);
	*p++ = (char)('0' + n % 10);
	return p;
}

struct span civil_put_imap(char text[CIVIL_IMAP_LEN], int64_t seconds)
{
	struct civil c = civil_of(seconds);
	char *p = text;
	p = two(p, c.day);
	if (text[0] == '0')
		text[0] = ' ';
	*p++ = '-';
	memcpy(p, months[c.month - 1], 3);
	p += 3;
	*p++ = '-';
	p = two(two(p, c.year / 100), c.year % 100);
	*p++ = ' ';
	p = two(p, c.hour);
	*p++ = ':';
	p = two(p, c.minute);
	*p++ = ':';
	p = two(p, c.second);
	memcpy(p, " +0000", 6);
	return span_of(text, CIVIL_IMAP_LEN);
}

void civil_add_iso(struct buf *b, int64_t milliseconds)
{
	int64_t seconds = milliseconds / 1000;
	int64_t ms = milliseconds % 1000;
	if (ms < 0) {
		seconds--;
		ms += 1000;
	}
	struct civil c = civil_of(seconds);
	buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month,
		   c.day, c.hour, c.minute, c.second, (int)ms);
}

void civil_add_rfc3339(struct buf *b, int64_t seconds)
{
	struct civil c = civil_of(seconds);
	buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day,
		   c.hour, c.minute, c.second);
}

void civil_add_syslog(struct buf *b, int64_t seconds)
{
	struct civil c = civil_of(seconds);
	buf_printf(b, "%s %2d %02d:%02d:%02d", months[c.month - 1], c.day,
		   c.hour, c.minute, c.second);
}
