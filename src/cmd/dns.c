/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/dns: the records that this server's names need, as a zone file; what is
 * wrong with those that there are; and any question to the server's resolver.
 */
#include "cmd/dns.h"

#include <stdio.h>

#include "cmd/data.h"

#define SHOW_MAX (64u << 20)

static const struct column columns[] = {
	{"name", "name", COLUMN_TEXT},
	{"type", "type", COLUMN_TEXT},
	{"verdict", "verdict", COLUMN_TEXT},
	{"canonical", "canonical", COLUMN_TEXT},
	{"ttl", "ttl (s)", COLUMN_COUNT},
	{"records", "records", COLUMN_LIST},
	{"why", "why", COLUMN_TEXT},
};

static const struct data_action actions[] = {
	{"query", "dns.query", {"name", "type"},
	 {.shape = SHAPE_ONE, .columns = columns,
	  .column_count = ARRAY_LEN(columns)},
	 NULL},
};

static const struct data_verb query = {actions, ARRAY_LEN(actions), NULL, 0};

static void plain(struct buf *out, const struct json *row, const char *key)
{
	table_plain(out, json_text(row, key));
}

/* ---- show ------------------------------------------------------------------- */

/* A paragraph for each domain; what is no record is a comment. */
static void zone_row(struct buf *out, const struct json *row, struct span *domain)
{
	struct span note = json_text(row, "note");
	if (!span_eq(*domain, json_text(row, "domain"))) {
		*domain = json_text(row, "domain");
		buf_add(out, buf_len(out) > 0 ? SPAN("\n; ") : SPAN("; "));
		table_plain(out, *domain);
		buf_addc(out, '\n');
	}
	if (note.len > 0) {
		buf_add(out, SPAN("; "));
		table_plain(out, note);
		buf_addc(out, '\n');
	}
	if (json_text(row, "type").len == 0)
		return;
	plain(out, row, "name");
	buf_printf(out, ". %llu IN ", (unsigned long long)json_u64(row, "ttl"));
	plain(out, row, "type");
	buf_addc(out, ' ');
	plain(out, row, "data");
	buf_addc(out, '\n');
}

/* ---- check ------------------------------------------------------------------ */

static void finding_row(struct buf *out, const struct json *row,
			struct span *domain)
{
	(void)domain;
	struct span level = json_text(row, "level");
	buf_printf(out, "%-8.*s", SPAN_FMT(level));
	plain(out, row, "name");
	buf_addc(out, ' ');
	plain(out, row, "type");
	if (json_text(row, "what").len > 0) {
		buf_add(out, SPAN(": "));
		plain(out, row, "what");
	}
	buf_addc(out, '\n');
	if (json_text(row, "mend").len == 0)
		return;
	buf_add(out, SPAN("        -> "));
	plain(out, row, "mend");
	buf_addc(out, '\n');
}

/* ---- both ------------------------------------------------------------------- */

static enum end print(struct command *c, const struct answer *x,
		      void (*line)(struct buf *, const struct json *,
				   struct span *))
{
	struct span domain = SPAN("");
	struct buf out;
	bool ok = true;
	buf_init(&out, SHOW_MAX);
	for (size_t i = 0; ok && i < x->row_count; i++) {
		const struct json *row = json_read(c->arena, x->rows[i]);
		ok = row != NULL;
		if (ok)
			line(&out, row, &domain);
	}
	fwrite(out.data + out.from, 1, buf_len(&out), stdout);
	ok = ok && buf_ok(&out);
	buf_free(&out);
	if (!ok)
		complain(c, "the answer is too long to be shown: name a domain");
	return ok ? x->end : END_FAILED;
}

static enum end own(struct command *c, const struct args *a, bool check)
{
	static const struct showing json = {.shape = SHAPE_LIST};
	struct asking what[2];
	struct answer x;
	size_t n = 0;
	if (a->word_count > 2)
		return usage_error(c, "one domain, or none for all");
	if (a->word_count == 2)
		what[n++] = (struct asking){"name", span_cstr(a->words[1])};
	if (args_has(a, "--all"))
		what[n++] = (struct asking){"all", SPAN("yes")};
	if (!ask(c, a, check ? "dns.check" : "dns.show", what, n, &x))
		return x.end;
	if (a->json)
		return answer_show(c, a, &x, &json);
	enum end end = print(c, &x, check ? finding_row : zone_row);
	if (x.end != END_DONE && x.why.len > 0)
		complain(c, "%.*s", SPAN_FMT(x.why));
	else if (check && x.end == END_DONE && x.row_count == 0)
		puts("every record is as it should be");
	return end;
}

enum end verb_dns(struct command *c)
{
	static const struct arg_option options[] = {{"--all", NULL},
						    {"--wait", NULL}};
	struct args a;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	struct span word = a.word_count > 0 ? span_cstr(a.words[0]) : SPAN("");
	bool check = span_eq(word, SPAN("check")),
	     show = span_eq(word, SPAN("show"));
	if (!check && (args_has(&a, "--all") || args_has(&a, "--wait")))
		return usage_error(c, "--all and --wait belong to check");
	if (check && args_has(&a, "--wait"))
		return a.word_count == 1 && !args_has(&a, "--all")
			       ? dns_wait(c, &a)
			       : usage_error(c, "--wait takes nothing else");
	return check || show ? own(c, &a, check) : data_run(c, &query);
}
