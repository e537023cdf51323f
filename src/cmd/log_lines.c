/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/log_lines: the lines of a log in any of its formats, counted by kind.
 *
 * Must never take for our own field what a peer had a say in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cmd/log.h"

#define EVENT  "tls.established"
#define FIELDS LOG_FIELDS

const char *const log_keys[FIELDS] = {"listener", "direction", "version",
					 "suite"};

/* ---- one line -------------------------------------------------------------- */

static bool from_json(struct arena *a, struct span line, struct span *out)
{
	const struct json *o = json_read(a, line);
	if (!span_eq(json_text(o, "event"), SPAN(EVENT)))
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		out[i] = json_text(o, log_keys[i]);
	return true;
}

/* Up to the closing quote; the escapes stay. */
static struct span quoted(struct span s)
{
	size_t i = 0;
	while (i < s.len && s.ptr[i] != '"')
		i += s.ptr[i] == '\\' ? 2 : 1;
	return span_sub(s, 0, i);
}

/* The value behind " key=", plain or between quotes. */
static struct span pair(struct span line, const char *key)
{
	char mark[32];
	int n = snprintf(mark, sizeof mark, " %s=", key);
	size_t at = span_find_span(line, span_of(mark, (size_t)n));
	if (at == SIZE_MAX)
		return span_of(NULL, 0);
	struct span rest = span_skip(line, at + (size_t)n), value;
	if (span_starts(rest, SPAN("\"")))
		return quoted(span_skip(rest, 1));
	(void)span_cut(&rest, ' ', &value);
	return value;
}

/*
 * Our own pairs stand behind the event; what stands before it (the sentence of
 * a syslog line) holds text that a peer had a say in.
 */
static bool from_pairs(struct span line, struct span *out)
{
	size_t at = span_find_span(line, SPAN(" event=" EVENT " "));
	if (at == SIZE_MAX)
		return false;
	line = span_skip(line, at);
	struct span message = pair(line, "message");
	if (message.ptr != NULL) /* logfmt: the sentence is a pair */
		line = span_skip(line, (size_t)(message.ptr + message.len -
						line.ptr));
	for (size_t i = 0; i < FIELDS; i++)
		out[i] = pair(line, log_keys[i]);
	return true;
}

/* ---- counting --------------------------------------------------------------- */

/* By all fields: 0 when a line is of this group. */
static int order(const struct log_group *g, const struct span *f)
{
	int r = span_cmp(g->listener, f[0]);
	if (r == 0)
		r = span_cmp(g->direction, f[1]);
	if (r == 0)
		r = span_cmp(g->version, f[2]);
	return r != 0 ? r : span_cmp(g->suite, f[3]);
}

/* A new group, at this place of the order. */
static bool keep(struct log_summary *s, struct arena *a, const struct span *f, size_t at)
{
	struct log_group *g = &s->groups[s->count];
	if (s->count == LOG_GROUPS_MAX || !arena_copy(a, f[0], &g->listener) ||
	    !arena_copy(a, f[1], &g->direction) ||
	    !arena_copy(a, f[2], &g->version) || !arena_copy(a, f[3], &g->suite))
		return false;
	g->count = 1;
	memmove(&s->order[at + 1], &s->order[at], (s->count - at) * sizeof s->order[0]);
	s->order[at] = (uint16_t)s->count++;
	return true;
}

/* Found by halves: a log of a peer's making may hold every kind there is room for. */
static void count_line(struct log_summary *s, struct arena *a, const struct span *f)
{
	size_t from = 0, to = s->count;
	while (from < to) {
		size_t middle = (from + to) / 2;
		struct log_group *g = &s->groups[s->order[middle]];
		int r = order(g, f);
		if (r == 0) {
			g->count++;
			return;
		}
		if (r < 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (!keep(s, a, f, from))
		s->left_out++;
}

void log_summary(struct log_summary *s, struct arena *a, struct arena *temporary,
		 struct span text)
{
	struct span line, f[FIELDS];
	*s = (struct log_summary){
		.groups = ARENA_ARRAY(a, LOG_GROUPS_MAX + 1, struct log_group)};
	while (s->groups != NULL && text.len > 0) {
		(void)span_cut(&text, '\n', &line);
		if (span_find_span(line, SPAN(EVENT)) == SIZE_MAX)
			continue;
		arena_reset(temporary);
		if (span_starts(line, SPAN("{")) ? from_json(temporary, line, f)
						 : from_pairs(line, f))
			count_line(s, a, f);
	}
}

static int rarer(const void *va, const void *vb)
{
	const struct log_group *a = va, *b = vb;
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	int by = span_cmp(a->listener, b->listener);
	if (by == 0)
		by = span_cmp(a->version, b->version);
	return by != 0 ? by : span_cmp(a->suite, b->suite);
}

void log_summary_sort(struct log_summary *s)
{
	qsort(s->groups, s->count, sizeof s->groups[0], rarer);
}
