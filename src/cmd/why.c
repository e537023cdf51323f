/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/why: `letterlock why ID`. */
#include "cmd/why.h"

#include <stdio.h>
#include <string.h>

#include "cmd/ask.h"

#define PAGE_MAX (16u << 20)
#define TIME_LEN 23u /* "2026-11-22T10:00:00.123", without the zone */

/* ---- one event -------------------------------------------------------------- */

/* The fields that steps of a delivery have, in the order of a sentence. */
static const struct {
	const char *before, *key, *after;
	bool begins; /* what stands together, apart from what is before it */
} phrases[] = {
	{"for ", "recipient", "", true}, {"to ", "domain", "", true},
	{"at ", "host", "", false},	 {"[", "address", "]", false},
	{"TLS wanted: ", "level", "", true}, {"by ", "by", "", false},
	{"(", "policy", ")", false},	 {"rule ", "rule", "", true},
	{"TLS reached: ", "tls", "", true}, {"", "cipher", "", false},
	{"certificate ", "certificate", "", false},
	{"", "outcome", "", true},	 {"", "code", "", false},
	{"", "status", "", false},	 {"", "text", "", false},
};

/* It has lines of its own, see put_steps. */
static bool is_policy(size_t phrase)
{
	return strcmp(phrases[phrase].key, "policy") == 0;
}

static bool told(struct span key)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (span_eq(key, span_cstr(phrases[i].key)))
			return true;
	return false;
}

/* What begins, when the one that should is not there, is the next of its group. */
static void put_sentence(struct buf *out, const struct json *fields, size_t *n)
{
	bool begins = true;
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
		struct span text = json_text(fields, phrases[i].key);
		begins = begins || phrases[i].begins;
		if (text.len == 0 || span_eq(text, SPAN("0")) ||
		    (is_policy(i) && span_has(text, '\n')))
			continue;
		buf_add(out, *n == 0 ? SPAN("      ")
				     : (begins ? SPAN("; ") : SPAN(" ")));
		buf_add(out, span_cstr(phrases[i].before));
		table_plain(out, text);
		buf_add(out, span_cstr(phrases[i].after));
		begins = false;
		++*n;
	}
}

/* A decision has a line for each step. */
static void put_steps(struct buf *out, const struct json *fields)
{
	struct span policy = json_text(fields, "policy");
	if (span_has(policy, '\n'))
		table_lines(out, SPAN("         "), policy);
}

/* For the eyes of machines, or said by the other fields already. */
static bool needless(struct span key)
{
	return span_eq(key, SPAN("session")) || span_eq(key, SPAN("message"));
}

/* What has no place in a sentence. */
static void put_rest(struct buf *out, const struct json *fields, bool all,
		     size_t *n)
{
	if (fields == NULL)
		return;
	for (const struct json *f = fields->first; f != NULL; f = f->next) {
		if (f->text.len == 0 || (!all && told(f->key)) ||
		    needless(f->key))
			continue;
		buf_add(out, *n == 0 ? SPAN("      ")
				     : (all ? SPAN(", ") : SPAN("; ")));
		table_plain(out, f->key);
		buf_addc(out, ' ');
		table_plain(out, f->text);
		++*n;
	}
}

static void put_event(struct buf *out, const struct json *row, bool delivery)
{
	const struct json *fields = json_member(row, "fields");
	struct span level = json_text(row, "level");
	size_t n = 0;
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
	if (delivery)
		put_sentence(out, fields, &n);
	put_rest(out, fields, !delivery, &n);
	if (n > 0)
		buf_addc(out, '\n');
	if (delivery)
		put_steps(out, fields);
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
