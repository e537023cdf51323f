/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/civil: dates read.  One scanner walks once over the text; a date field
 * in a header is a peer's, so it is bounded and judged by the calendar.
 *
 * Must never accept a date that civil_of could not have produced, whatever
 * the zone moves it to.
 */
#include "base/check.h"
#include "base/civil.h"

struct name {
	struct span name;
	int value;
};

static const struct name months[] = {
	{SPAN_INIT("Jan"), 1},	{SPAN_INIT("Feb"), 2},	{SPAN_INIT("Mar"), 3},
	{SPAN_INIT("Apr"), 4},	{SPAN_INIT("May"), 5},	{SPAN_INIT("Jun"), 6},
	{SPAN_INIT("Jul"), 7},	{SPAN_INIT("Aug"), 8},	{SPAN_INIT("Sep"), 9},
	{SPAN_INIT("Oct"), 10}, {SPAN_INIT("Nov"), 11}, {SPAN_INIT("Dec"), 12},
};

static const struct name weekdays[] = {
	{SPAN_INIT("Sun"), 0}, {SPAN_INIT("Mon"), 1}, {SPAN_INIT("Tue"), 2},
	{SPAN_INIT("Wed"), 3}, {SPAN_INIT("Thu"), 4}, {SPAN_INIT("Fri"), 5},
	{SPAN_INIT("Sat"), 6},
};

/* Hours east of UTC; RFC 5322 section 4.3. */
static const struct name zones[] = {
	{SPAN_INIT("UT"), 0},	{SPAN_INIT("GMT"), 0},	{SPAN_INIT("EST"), -5},
	{SPAN_INIT("EDT"), -4}, {SPAN_INIT("CST"), -6}, {SPAN_INIT("CDT"), -5},
	{SPAN_INIT("MST"), -7}, {SPAN_INIT("MDT"), -6}, {SPAN_INIT("PST"), -8},
	{SPAN_INIT("PDT"), -7},
};

static bool lookup(const struct name *table, size_t n, struct span word,
		   int *out)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(table[i].name, word)) {
			*out = table[i].value;
			return true;
		}
	return false;
}

static bool skip_char(struct span *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

static struct span take_while(struct span *s, bool (*is)(char))
{
	size_t n = 0;
	while (n < s->len && is(s->ptr[n]))
		n++;
	struct span word = span_sub(*s, 0, n);
	*s = span_skip(*s, n);
	return word;
}

/* A number of low to high digits; how many there were is *digits. */
static bool number(struct span *s, size_t low, size_t high, int *out,
		   size_t *digits)
{
	struct span word = take_while(s, ascii_digit);
	uint64_t v;
	if (word.len < low || word.len > high || !span_u64(word, 9999, &v))
		return false;
	*digits = word.len;
	*out = (int)v;
	return true;
}

static bool fixed(struct span *s, size_t digits, int *out)
{
	return number(s, digits, digits, out, &digits);
}

static bool month(struct span *s, int *out)
{
	return lookup(months, ARRAY_LEN(months), take_while(s, ascii_alpha),
		      out);
}

/* "+hhmm" after its sign. */
static bool offset(struct span *s, bool west, int *out)
{
	int v;
	if (!fixed(s, 4, &v) || v % 100 > 59)
		return false;
	v = v / 100 * 60 + v % 100;
	*out = west ? -v : v;
	return true;
}

static bool stamp(struct civil *c, int zone, struct civil_stamp *out)
{
	int64_t seconds;
	if (c->second == 60)
		c->second = 59;
	if (!civil_seconds(c, &seconds))
		return false;
	seconds -= (int64_t)zone * 60;
	if (seconds < CIVIL_MIN || seconds > CIVIL_MAX)
		return false;
	*out = (struct civil_stamp){seconds, zone};
	return true;
}

bool civil_parse_imap(struct span s, struct civil_stamp *out)
{
	struct civil c = {.year = 0};
	int zone;
	bool one = skip_char(&s, ' ');
	if (!fixed(&s, one ? 1 : 2, &c.day) || !skip_char(&s, '-') ||
	    !month(&s, &c.month) || !skip_char(&s, '-') ||
	    !fixed(&s, 4, &c.year) || !skip_char(&s, ' ') ||
	    !fixed(&s, 2, &c.hour) || !skip_char(&s, ':') ||
	    !fixed(&s, 2, &c.minute) || !skip_char(&s, ':') ||
	    !fixed(&s, 2, &c.second) || !skip_char(&s, ' '))
		return false;
	bool west = skip_char(&s, '-');
	return (west || skip_char(&s, '+')) && offset(&s, west, &zone) &&
	       s.len == 0 && stamp(&c, zone, out);
}

bool civil_parse_imap_date(struct span s, int64_t *out)
{
	struct civil c = {.year = 0};
	size_t digits;
	return number(&s, 1, 2, &c.day, &digits) && skip_char(&s, '-') &&
	       month(&s, &c.month) && skip_char(&s, '-') &&
	       fixed(&s, 4, &c.year) && s.len == 0 && civil_seconds(&c, out);
}

/* "Z", "+hh:mm". */
static bool colon_offset(struct span *s, int *out)
{
	int hours, minutes;
	*out = 0;
	if (skip_char(s, 'Z') || skip_char(s, 'z'))
		return true;
	bool west = skip_char(s, '-');
	if ((!west && !skip_char(s, '+')) || !fixed(s, 2, &hours) || !skip_char(s, ':') ||
	    !fixed(s, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*out = west ? -(hours * 60 + minutes) : hours * 60 + minutes;
	return true;
}

bool civil_parse_rfc3339(struct span s, int64_t *out)
{
	struct civil c = {.year = 0};
	struct civil_stamp t;
	int zone;
	if (s.len > CIVIL_TEXT_MAX || !fixed(&s, 4, &c.year) || !skip_char(&s, '-') ||
	    !fixed(&s, 2, &c.month) || !skip_char(&s, '-') || !fixed(&s, 2, &c.day) ||
	    (!skip_char(&s, 'T') && !skip_char(&s, 't')) || !fixed(&s, 2, &c.hour) ||
	    !skip_char(&s, ':') || !fixed(&s, 2, &c.minute) || !skip_char(&s, ':') ||
	    !fixed(&s, 2, &c.second))
		return false;
	if (skip_char(&s, '.') && take_while(&s, ascii_digit).len == 0)
		return false;
	if (!colon_offset(&s, &zone) || s.len > 0 || !stamp(&c, zone, &t))
		return false;
	*out = t.seconds;
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A comment, with those inside it; the text is bounded, so is the depth. */
static bool comment(struct span *s)
{
	size_t depth = 0, i = 0;
	do {
		if (i >= s->len)
			return false;
		char c = s->ptr[i++];
		if (c == '\\')
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
	} while (depth > 0);
	*s = span_skip(*s, i);
	return true;
}

/* Blanks, folds and comments, as many as stand there. */
static bool skip(struct span *s)
{
	for (;;) {
		take_while(s, blank);
		if (s->len == 0 || s->ptr[0] != '(')
			return true;
		if (!comment(s))
			return false;
	}
}

static bool year(struct span *s, int *out)
{
	size_t digits;
	if (!number(s, 2, 4, out, &digits))
		return false;
	if (digits == 3 || (digits == 2 && *out >= 50))
		*out += 1900;
	else if (digits == 2)
		*out += 2000;
	return true;
}

static bool day_and_month(struct span *s, struct civil *c)
{
	size_t digits;
	struct span name = take_while(s, ascii_alpha);
	if (name.len > 0 &&
	    (!lookup(weekdays, ARRAY_LEN(weekdays), name, &c->weekday) ||
	     !skip(s) || !skip_char(s, ',') || !skip(s)))
		return false;
	return number(s, 1, 2, &c->day, &digits) && skip(s) &&
	       month(s, &c->month) && skip(s) && year(s, &c->year);
}

static bool time_of_day(struct span *s, struct civil *c)
{
	size_t digits;
	if (!number(s, 1, 2, &c->hour, &digits) || !skip(s) ||
	    !skip_char(s, ':') || !skip(s) || !fixed(s, 2, &c->minute) ||
	    !skip(s))
		return false;
	return !skip_char(s, ':') || (skip(s) && fixed(s, 2, &c->second));
}

static bool zone_of(struct span *s, int *zone)
{
	*zone = 0;
	bool west = skip_char(s, '-');
	if (west || skip_char(s, '+'))
		return offset(s, west, zone);
	/* A name that RFC 5322 does not know says nothing about the place. */
	if (!lookup(zones, ARRAY_LEN(zones), take_while(s, ascii_alpha), zone))
		*zone = 0;
	*zone *= 60;
	return true;
}

bool civil_parse_rfc5322(struct span s, struct civil_stamp *out)
{
	struct civil c = {.year = 0};
	int zone;
	if (s.len > CIVIL_TEXT_MAX || !skip(&s) || !day_and_month(&s, &c) ||
	    !skip(&s) || !time_of_day(&s, &c) || !skip(&s) ||
	    !zone_of(&s, &zone) || !skip(&s))
		return false;
	return s.len == 0 && stamp(&c, zone, out);
}
