/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/why: `letterlock why ID`. */
#include "cmd/why.h"

#include <stdio.h>
#include <string.h>

#include "cmd/ask.h"

#define PAGE_MAX (16u << 20)
#define TIME_LEN 23u /* "2026-11-22T10:00:00.123", without the zone */

/* ---- one event -------------------------------------------------------------- */

/* Which fields an attempt's lines are made of, in this order. */
struct phrase {
	const char *before, *key, *after;
};

static const struct phrase target[] = {
	{" ", "domain", ""},	   {" at ", "host", ""},
	{" [", "address", "]"},
};
static const struct phrase security[] = {
	{" level ", "level", ""},  {" by ", "by", ""},
	{" (", "policy", ")"},	   {" rule ", "rule", ""},
};
static const struct phrase reached[] = {
	{" ", "tls", ""},		    {" ", "cipher", ""},
	{" certificate ", "certificate", ""},
};
static const struct phrase result[] = {
	{" ", "outcome", ""}, {" ", "code", ""},
	{" ", "status", ""},  {" ", "text", ""},
};

struct line {
	const char *title;
	const struct phrase *phrases;
	size_t count;
};

static const struct line lines[] = {
	{"to", target, ARRAY_LEN(target)},
	{"TLS wanted", security, ARRAY_LEN(security)},
	{"TLS reached", reached, ARRAY_LEN(reached)},
	{"result", result, ARRAY_LEN(result)},
};

static bool any(const struct line *l, const struct json *fields)
{
	for (size_t i = 0; i < l->count; i++)
		if (json_text(fields, l->phrases[i].key).len > 0)
			return true;
	return false;
}

static void put_line(struct buf *out, const struct line *l,
		     const struct json *fields)
{
	if (!any(l, fields))
		return;
	buf_printf(out, "      %s:", l->title);
	for (size_t i = 0; i < l->count; i++) {
		const struct phrase *p = &l->phrases[i];
		if (json_text(fields, p->key).len == 0)
			continue;
		buf_add(out, span_cstr(p->before));
		table_plain(out, json_text(fields, p->key));
		buf_add(out, span_cstr(p->after));
	}
	buf_addc(out, '\n');
}

static bool told(struct span key)
{
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		for (size_t k = 0; k < lines[i].count; k++)
			if (span_eq(key, span_cstr(lines[i].phrases[k].key)))
				return true;
	return false;
}

/* What has no place in a sentence. */
static void put_rest(struct buf *out, const struct json *fields, bool all)
{
	size_t n = 0;
	if (fields == NULL)
		return;
	for (const struct json *f = fields->first; f != NULL; f = f->next) {
		if (f->text.len == 0 || (!all && told(f->key)) ||
		    span_eq(f->key, SPAN("session")))
			continue;
		buf_add(out, n++ == 0 ? SPAN("      ") : SPAN(", "));
		table_plain(out, f->key);
		buf_addc(out, ' ');
		table_plain(out, f->text);
	}
	if (n > 0)
		buf_addc(out, '\n');
}

static void put_event(struct buf *out, const struct json *row, bool delivery)
{
	const struct json *fields = json_member(row, "fields");
	struct span level = json_text(row, "level");
	buf_add(out, SPAN("   "));
	table_plain(out, span_sub(json_text(row, "time"), 0, TIME_LEN));
	buf_addc(out, ' ');
	table_plain(out, json_text(row, "event"));
	if (span_eq(level, SPAN("warning")) || span_eq(level, SPAN("error"))) {
		buf_add(out, SPAN(" ("));
		table_plain(out, level);
		buf_addc(out, ')');
	}
	buf_add(out, SPAN("  "));
	table_plain(out, json_text(row, "role"));
	buf_addc(out, '\n');
	for (size_t i = 0; delivery && i < ARRAY_LEN(lines); i++)
		put_line(out, &lines[i], fields);
	put_rest(out, fields, !delivery);
}

/* ---- the page --------------------------------------------------------------- */

static const struct {
	const char *part, *title;
} parts[] = {
	{"arrived", "Arrived"},
	{"checks", "Checks"},
	{"kept", "Kept"},
	{"delivery", "Delivery attempts"},
	{"other", "Other"},
};

void why_page(struct buf *out, struct span id, const struct json *const *rows,
	      size_t count)
{
	buf_add(out, SPAN("Message "));
	table_plain(out, id);
	buf_addc(out, '\n');
	for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
		bool first = true;
		for (size_t i = 0; i < count; i++) {
			if (!span_eq(json_text(rows[i], "part"),
				     span_cstr(parts[p].part)))
				continue;
			if (first)
				buf_printf(out, "\n%s\n", parts[p].title);
			first = false;
			put_event(out, rows[i],
				  strcmp(parts[p].part, "delivery") == 0);
		}
	}
}

static bool show(struct command *c, const struct answer *x, struct span id)
{
	const struct json **rows =
		ARENA_ARRAY(c->arena, x->row_count + 1, const struct json *);
	struct buf out;
	bool ok = rows != NULL;
	buf_init(&out, PAGE_MAX);
	for (size_t i = 0; ok && i < x->row_count; i++) {
		rows[i] = json_read(c->arena, x->rows[i]);
		ok = rows[i] != NULL;
	}
	if (ok && x->row_count > 0)
		why_page(&out, id, rows, x->row_count);
	fwrite(out.data + out.from, 1, buf_len(&out), stdout);
	ok = ok && buf_ok(&out);
	buf_free(&out);
	if (!ok)
		complain(c, "memory is short");
	return ok;
}

enum end verb_why(struct command *c)
{
	static const struct showing json = {.shape = SHAPE_LIST};
	struct args a;
	struct answer x;
	enum end end;
	if (!command_args(c, &a, NULL, 0, &end))
		return end;
	if (a.word_count != 1)
		return usage_error(c, "one id of a message");
	struct asking what = {"id", span_cstr(a.words[0])};
	if (!ask(c, &a, "why", &what, 1, &x))
		return x.end;
	if (a.json)
		return answer_show(c, &a, &x, &json);
	if (!show(c, &x, what.value))
		return END_FAILED;
	if (x.why.len > 0)
		complain(c, "%.*s", SPAN_FMT(x.why));
	return x.end;
}
