/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/read: groups of fields, the first about the message, each further one
 * about a recipient.
 * Must never keep more of a value or more recipients than the limits say.
 */
#include "dsn/read.h"

#include "base/utf8.h"
#include "mime/parse.h"

static bool is_status(const struct summary_part *p)
{
	return span_eq_nocase(p->type, SPAN("message")) &&
	       (span_eq_nocase(p->subtype, SPAN("delivery-status")) ||
		span_eq_nocase(p->subtype, SPAN("global-delivery-status")));
}

const struct summary_part *dsn_find(const struct summary *s)
{
	const struct summary_part *top = &s->parts[0];
	if (!span_eq_nocase(top->type, SPAN("multipart")) ||
	    !span_eq_nocase(top->subtype, SPAN("report")))
		return NULL;
	const struct summary_part *p = summary_child(s, top);
	while (p != NULL && !is_status(p))
		p = summary_sibling(s, p);
	return p;
}

/* The value in one line of UTF-8, in the arena. */
static bool keep(struct arena *a, struct span value, struct span *out)
{
	struct buf line, text;
	buf_init(&line, DSN_READ_VALUE);
	buf_init(&text, 3u * DSN_READ_VALUE);
	mime_unfold(span_sub(value, 0, DSN_READ_VALUE), &line);
	utf8_repair(&text, buf_span(&line));
	bool ok = buf_ok(&line) && buf_ok(&text) &&
		  arena_copy(a, utf8_fit(buf_span(&text), DSN_READ_VALUE), out);
	if (ok && out->ptr == NULL)
		*out = span_of("", 0); /* empty is not NIL */
	buf_free(&line);
	buf_free(&text);
	return ok;
}

/* "type; value": the value, and its type when asked for. */
static bool keep_typed(struct arena *a, struct span value, struct span *type, struct span *out)
{
	struct span whole, head;
	if (!keep(a, value, &whole))
		return false;
	*out = whole;
	if (!span_cut(out, ';', &head)) {
		*out = whole;
		head = span_of("", 0);
	}
	*out = span_trim(*out);
	*type = span_trim(head);
	return true;
}

static bool keep_address(struct arena *a, struct span value, struct span *out)
{
	struct span type;
	if (!keep_typed(a, value, &type, out))
		return false;
	if (!span_eq_nocase(type, SPAN("utf-8")) || !span_has(*out, '\\'))
		return true;
	struct buf plain;
	buf_init(&plain, DSN_READ_VALUE);
	bool ok = true;
	if (dsn_utf8_decode(*out, &plain)) {
		struct span clear;
		ok = keep(a, buf_span(&plain), &clear);
		if (ok)
			*out = clear;
	}
	buf_free(&plain);
	return ok;
}

/* The first word of a value; comments and anything else behind it are none. */
static struct span word(struct span value)
{
	size_t from = 0, to;
	while (from < value.len && (unsigned char)value.ptr[from] <= ' ')
		from++;
	for (to = from; to < value.len; to++)
		if ((unsigned char)value.ptr[to] <= ' ' || value.ptr[to] == '(' ||
		    value.ptr[to] == ';')
			break;
	return span_sub(value, from, to - from);
}

struct group {
	struct dsn_told told;
	bool has_action, any;
};

static bool message_field(struct arena *a, const struct mime_field *f, struct dsn_report *r)
{
	struct span type;
	if (span_eq_nocase(f->name, SPAN("Reporting-MTA")) && r->reporting.ptr == NULL)
		return keep_typed(a, f->value, &type, &r->reporting);
	if (span_eq_nocase(f->name, SPAN("Original-Envelope-Id")) && r->envid.ptr == NULL)
		return keep(a, f->value, &r->envid);
	return true;
}

static bool recipient_field(struct arena *a, const struct mime_field *f, struct group *g)
{
	struct dsn_told *t = &g->told;
	struct span type;
	g->any = true;
	if (span_eq_nocase(f->name, SPAN("Final-Recipient")) && t->final.ptr == NULL)
		return keep_address(a, f->value, &t->final);
	if (span_eq_nocase(f->name, SPAN("Original-Recipient")) && t->original.ptr == NULL)
		return keep_address(a, f->value, &t->original);
	if (span_eq_nocase(f->name, SPAN("Remote-MTA")) && t->remote.ptr == NULL)
		return keep_typed(a, f->value, &type, &t->remote);
	if (span_eq_nocase(f->name, SPAN("Diagnostic-Code")) && t->diagnostic.ptr == NULL)
		return keep_typed(a, f->value, &type, &t->diagnostic);
	if (span_eq_nocase(f->name, SPAN("Action")) && !g->has_action)
		g->has_action = dsn_action_parse(word(f->value), &t->action);
	else if (span_eq_nocase(f->name, SPAN("Status")) && !t->has_status)
		t->has_status = dsn_status_parse(word(f->value), &t->status);
	return true;
}

static void skip_empty_lines(struct span *s)
{
	while (s->len > 0 && (s->ptr[0] == '\r' || s->ptr[0] == '\n'))
		*s = span_skip(*s, 1);
}

/* Fields up to an empty line.  False: the arena is full. */
static bool read_group(struct span *rest, struct arena *a, struct dsn_report *r, struct group *g)
{
	struct mime_field f;
	size_t at = 0;
	while (mime_field_next(rest, &at, &f))
		if (g == NULL ? !message_field(a, &f, r) : !recipient_field(a, &f, g))
			return false;
	skip_empty_lines(rest);
	return true;
}

enum dsn_reading dsn_read(struct span part, struct arena *a, struct dsn_report *r)
{
	*r = (struct dsn_report){.cut = part.len > DSN_READ_MAX};
	struct dsn_told *at = ARENA_ARRAY(a, DSN_READ_RECIPIENTS, struct dsn_told);
	struct span rest = span_sub(part, 0, DSN_READ_MAX);
	r->at = at;
	skip_empty_lines(&rest);
	if (at == NULL || !read_group(&rest, a, r, NULL))
		return DSN_READ_MEMORY;
	while (rest.len > 0) {
		struct group g = {0};
		if (r->count == DSN_READ_RECIPIENTS) {
			r->cut = true;
			break;
		}
		if (!read_group(&rest, a, r, &g))
			return DSN_READ_MEMORY;
		if (g.has_action && g.told.final.len > 0)
			at[r->count++] = g.told;
		else
			r->broken += g.any;
	}
	return r->count > 0 ? DSN_READ_OK : DSN_READ_NOTHING;
}
