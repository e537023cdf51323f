/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/log: `letterlock log tls`.
 *
 * The same counts as the classic pipeline over a syslog file (established from,
 * fields 12 to 15, sort, uniq -c, sort -n), for both directions and every
 * listener, from the fields that each handshake's line carries.
 */
#include "cmd/log.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/ask.h"
#include "cmd/config.h"

#define EVENT    "tls.established"
#define LOG_MAX  (200u << 20)
#define FIELDS   4

static const char *const keys[FIELDS] = {"listener", "direction", "version",
					 "suite"};

/* ---- one line -------------------------------------------------------------- */

static bool from_json(struct arena *a, struct span line, struct span *out)
{
	const struct json *o = json_read(a, line);
	if (!span_eq(json_text(o, "event"), SPAN(EVENT)))
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		out[i] = json_text(o, keys[i]);
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
		out[i] = pair(line, keys[i]);
	return true;
}

/* ---- counting --------------------------------------------------------------- */

static bool same(const struct log_group *g, const struct span *f)
{
	return span_eq(g->listener, f[0]) && span_eq(g->direction, f[1]) &&
	       span_eq(g->version, f[2]) && span_eq(g->suite, f[3]);
}

static bool keep(struct log_summary *s, struct arena *a, const struct span *f)
{
	struct log_group *g = &s->groups[s->count];
	if (s->count == LOG_GROUPS_MAX || !arena_copy(a, f[0], &g->listener) ||
	    !arena_copy(a, f[1], &g->direction) ||
	    !arena_copy(a, f[2], &g->version) || !arena_copy(a, f[3], &g->suite))
		return false;
	g->count = 1;
	s->count++;
	return true;
}

static void count_line(struct log_summary *s, struct arena *a,
		       const struct span *f)
{
	for (size_t i = 0; i < s->count; i++)
		if (same(&s->groups[i], f)) {
			s->groups[i].count++;
			return;
		}
	if (!keep(s, a, f))
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
	int order = span_cmp(a->listener, b->listener);
	if (order == 0)
		order = span_cmp(a->version, b->version);
	return order != 0 ? order : span_cmp(a->suite, b->suite);
}

void log_summary_sort(struct log_summary *s)
{
	qsort(s->groups, s->count, sizeof s->groups[0], rarer);
}

/* ---- the verb --------------------------------------------------------------- */

static void row(struct buf *out, const struct log_group *g)
{
	const struct span values[FIELDS] = {g->listener, g->direction,
					    g->version, g->suite};
	buf_printf(out, "{\"count\":%llu", (unsigned long long)g->count);
	for (size_t i = 0; i < FIELDS; i++) {
		buf_printf(out, ",\"%s\":", keys[i]);
		json_quote(out, values[i]);
	}
	buf_addc(out, '}');
}

static enum end show(struct command *c, const struct args *a,
		     const struct log_summary *s)
{
	static const struct column columns[] = {
		{"count", "COUNT", COLUMN_COUNT},
		{"version", "VERSION", COLUMN_TEXT},
		{"suite", "SUITE", COLUMN_TEXT},
		{"direction", "WAY", COLUMN_TEXT},
		{"listener", "LISTENER", COLUMN_TEXT},
	};
	static const struct showing showing = {
		.shape = SHAPE_LIST,
		.columns = columns,
		.column_count = ARRAY_LEN(columns),
		.done = "no TLS handshake in this log"};
	struct span *rows = ARENA_ARRAY(c->arena, s->count + 1, struct span);
	struct answer answer = {.end = END_DONE, .rows = rows};
	struct buf text;
	bool ok = rows != NULL;
	buf_init(&text, 1u << 20);
	for (size_t i = 0; i < s->count && ok; i++) {
		buf_clear(&text);
		row(&text, &s->groups[i]);
		ok = buf_ok(&text) && arena_copy(c->arena, buf_span(&text),
						 &rows[answer.row_count++]);
	}
	buf_free(&text);
	if (s->left_out > 0)
		complain(c, "%llu lines left out: more than %u kinds",
			 (unsigned long long)s->left_out, LOG_GROUPS_MAX);
	return ok ? answer_show(c, a, &answer, &showing) : END_FAILED;
}

static const char *log_file(struct command *c, const struct args *a)
{
	const char *given = args_value(a, "--file"), *out = NULL;
	const char *config = given ? NULL : command_config(c, a);
	struct conf_snapshot *s = config ? config_load(c, config) : NULL;
	if (given != NULL)
		return given;
	if (s == NULL)
		return NULL;
	if (conf_values(s)->log.to == CONF_LOG_FILE)
		out = arena_cstr(c->arena, conf_values(s)->log.file);
	else
		complain(c, "the log goes to standard error: name the file that "
			    "it ends in with --file FILE");
	conf_snapshot_free(s);
	return out;
}

enum end verb_log(struct command *c)
{
	static const struct arg_option options[] = {{"--file", "FILE"}};
	struct log_summary s;
	struct args a;
	struct span text;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	if (a.word_count != 1 || !span_eq(span_cstr(a.words[0]), SPAN("tls")))
		return usage_error(c, "say what to show: tls");
	const char *path = log_file(c, &a);
	if (path == NULL)
		return END_FAILED;
	const char *why = command_load(c, path, LOG_MAX, &text);
	if (why != NULL) {
		complain(c, "%s: %s", path, why);
		return END_FAILED;
	}
	struct arena *temporary = arena_new(4u << 20);
	if (temporary == NULL)
		return END_FAILED;
	log_summary(&s, c->arena, temporary, text);
	arena_free(temporary);
	if (s.groups == NULL) {
		complain(c, "memory is short");
		return END_FAILED;
	}
	log_summary_sort(&s);
	return show(c, &a, &s);
}
