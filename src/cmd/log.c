/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/log: `letterlock log tls`.
 *
 * The same counts as the classic pipeline over a syslog file (established from,
 * fields 12 to 15, sort, uniq -c, sort -n), for both directions and every
 * listener, from the fields that each handshake's line carries.
 */
#include "cmd/log.h"

#include "cmd/ask.h"
#include "cmd/config.h"

#define LOG_MAX  (200u << 20)

/* ---- the verb --------------------------------------------------------------- */

static void row(struct buf *out, const struct log_group *g)
{
	const struct span values[LOG_FIELDS] = {g->listener, g->direction,
					    g->version, g->suite};
	buf_printf(out, "{\"count\":%llu", (unsigned long long)g->count);
	for (size_t i = 0; i < LOG_FIELDS; i++) {
		buf_printf(out, ",\"%s\":", log_keys[i]);
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
