/* SPDX-License-Identifier: Apache-2.0 */
/* dsn/oracle: the lines, the fields, the parts, and what they say. */
#include "oracle.h"

#include "base/ensure.h"
#include "base/utf8.h"
#include "dsn/inner.h"
#include "dsn/read.h"
#include "base/transfer.h"
#include "mime/parse.h"
#include "smtp/path.h"

static bool pull(struct dsn_source *s, uint64_t at, size_t len, struct span *bytes)
{
	struct dsn_memory *m = CONTAINER_OF(s, struct dsn_memory, source);
	ENSURE(len > 0 && len <= DSN_PULL_MAX && at + len <= m->bytes.len);
	m->asked = len > m->asked ? len : m->asked;
	if (at + len > m->fail_at)
		return false;
	*bytes = span_sub(m->bytes, at, len < m->step ? len : m->step);
	return true;
}

void dsn_memory_init(struct dsn_memory *m, struct span bytes)
{
	*m = (struct dsn_memory){{pull}, bytes, DSN_PULL_MAX, UINT64_MAX, 0};
}

static void check_lines(const struct dsn_told_report *t)
{
	struct span rest = t->report, line;
	bool eight = t->made->eight_bit || t->made->utf8;
	ENSURE(span_ends(rest, SPAN("--\r\n")) && (eight || utf8_ascii(rest)));
	ENSURE(!(t->how->form == DSN_7BIT && eight));
	ENSURE(!(t->how->form == DSN_8BIT && t->made->utf8));
	while (rest.len > 0) {
		ENSURE(span_cut(&rest, '\n', &line) && span_ends(line, SPAN("\r")));
		line.len--;
		ENSURE(line.len <= DSN_LINE_MAX && !span_has(line, '\r') && !span_has(line, '\0'));
	}
}

/* The fields of a block are these, in this order; those with '?' may be missing. */
static void check_fields(struct span block, const char *const *names, size_t count)
{
	struct mime_field f;
	size_t at = 0, i = 0;
	while (mime_field_next(&block, &at, &f)) {
		while (i < count && names[i][0] == '?' && !span_eq(f.name, span_cstr(names[i] + 1)))
			i++;
		ENSURE(i < count);
		ENSURE(span_eq(f.name, span_cstr(names[i] + (names[i][0] == '?'))));
		i++;
	}
	while (i < count && names[i][0] == '?')
		i++;
	ENSURE(i == count);
}

static void check_head(const struct dsn_told_report *t, const struct summary_part *top)
{
	static const char *const names[] = {
		"From", "To", "Date", "Message-ID", "Subject", "Auto-Submitted",
		"?In-Reply-To", "?References", "MIME-Version", "Content-Type",
	};
	struct span head = span_sub(t->report, 0, top->body_start);
	check_fields(head, names, ARRAY_LEN(names));
	ENSURE(t->made->utf8 || utf8_ascii(head));
	ENSURE(span_find_span(head, SPAN("\r\nAuto-Submitted: auto-replied\r\n")) != SIZE_MAX);
	ENSURE(span_eq(top->subtype, SPAN("report")));
	ENSURE(span_eq(summary_param(top->params, SPAN("report-type")), SPAN("delivery-status")));
}

/* Four lines begin with the boundary, whatever follows it there. */
static void check_boundary(const struct dsn_told_report *t, const struct summary_part *top)
{
	struct span boundary = summary_param(top->params, SPAN("boundary"));
	struct span rest = t->report, line;
	size_t found = 0;
	ENSURE(boundary.len > 0 && boundary.len <= 70);
	while (span_cut(&rest, '\n', &line))
		found += span_starts(line, SPAN("--")) && span_starts(span_skip(line, 2), boundary);
	ENSURE(found == 4);
}

static void body_of(const struct dsn_told_report *t, const struct summary_part *p, struct buf *out)
{
	struct transfer_decoder d;
	transfer_decoder_init(&d, transfer_encoding_of(p->encoding));
	transfer_decode(&d, span_sub(t->report, p->body_start, p->body_end - p->body_start), out);
	transfer_decode_end(&d, out);
	ENSURE(buf_ok(out));
}

static void check_groups(struct span s, size_t count)
{
	static const char *const message[] = {"?Original-Envelope-Id", "Reporting-MTA", "Arrival-Date"};
	static const char *const recipient[] = {
		"?Original-Recipient", "Final-Recipient", "Action", "Status", "?Remote-MTA",
		"?Diagnostic-Code", "?Last-Attempt-Date", "?Will-Retry-Until",
	};
	size_t groups = 0;
	while (s.len > 0) {
		size_t end = span_find_span(s, SPAN("\r\n\r\n"));
		struct span group = span_sub(s, 0, end == SIZE_MAX ? s.len : end + 2);
		if (groups++ == 0)
			check_fields(group, message, ARRAY_LEN(message));
		else
			check_fields(group, recipient, ARRAY_LEN(recipient));
		s = span_skip(s, group.len + 2);
	}
	ENSURE(groups == count + 1);
}

static void check_address(struct span said, struct span meant)
{
	struct smtp_path p;
	struct buf coded;
	if (smtp_address_parse(meant, &p) != SMTP_PATH_OK)
		return;
	buf_init(&coded, 1u << 16);
	dsn_utf8_encode(meant, &coded);
	bool odd = false; /* what turns the direction of writing is not repeated */
	for (size_t i = 0; i + 1 < meant.len; i++)
		odd |= meant.ptr[i] == '\xe2' || meant.ptr[i] == '\xc2' || meant.ptr[i] == '\xef';
	if (buf_len(&coded) <= DSN_ADDRESS_MAX && !odd)
		ENSURE(span_eq(said, meant));
	buf_free(&coded);
}

/* An address that no envelope holds may be nothing once it is cleaned. */
static bool sensible(const struct dsn_told_report *t)
{
	struct smtp_path p;
	bool all = true;
	for (size_t i = 0; i < t->count; i++)
		all &= smtp_address_parse(dsn_shown(&t->recipients[i]), &p) == SMTP_PATH_OK;
	return all;
}

static void check_status(const struct dsn_told_report *t, const struct summary_part *p)
{
	struct arena *a = arena_new(DSN_READ_ARENA);
	struct dsn_report r;
	struct buf part;
	ENSURE(a != NULL);
	buf_init(&part, DSN_REPORT_MAX);
	body_of(t, p, &part);
	check_groups(buf_span(&part), t->count);
	enum dsn_reading read = dsn_read(buf_span(&part), a, &r);
	ENSURE(read == (r.count > 0 ? DSN_READ_OK : DSN_READ_NOTHING) && !r.cut);
	ENSURE(r.count + r.broken == t->count && span_eq_nocase(r.reporting, t->how->host));
	ENSURE(r.broken == 0 || !sensible(t));
	for (size_t i = 0; i < t->count && r.broken == 0; i++) {
		const struct dsn_recipient *want = &t->recipients[i];
		ENSURE(r.at[i].action == want->action && r.at[i].has_status);
		ENSURE(r.at[i].status.kind == want->status.kind &&
		       r.at[i].status.subject == want->status.subject &&
		       r.at[i].status.detail == want->status.detail);
		check_address(r.at[i].final, dsn_shown(want));
	}
	buf_free(&part);
	arena_free(a);
}

static void check_original(const struct dsn_told_report *t, const struct summary_part *p)
{
	struct buf part;
	buf_init(&part, DSN_REPORT_MAX);
	body_of(t, p, &part);
	struct span said = buf_span(&part), rest = span_skip(t->original, said.len);
	ENSURE(span_starts(t->original, said));
	if (t->made->whole)
		ENSURE(rest.len == 0 && (span_eq(p->subtype, SPAN("rfc822")) ||
					 span_eq(p->subtype, SPAN("global"))));
	else if (!t->made->cut)
		ENSURE(rest.len == 0 || span_starts(rest, SPAN("\n")) ||
		       span_starts(rest, SPAN("\r\n")));
	if (!t->made->whole)
		ENSURE(span_eq(p->subtype, SPAN("rfc822-headers")) ||
		       span_eq(p->subtype, SPAN("global-headers")));
	ENSURE(said.len <= (t->made->whole ? DSN_RETURN_MAX : DSN_HEADER_MAX));
	buf_free(&part);
}

void dsn_oracle(const struct dsn_told_report *t, struct buf *text)
{
	struct mime_parser *m = mime_parser_new(NULL);
	ENSURE(m != NULL);
	check_lines(t);
	mime_parser_feed(m, t->report);
	struct summary *s = mime_parser_end(m);
	ENSURE(s != NULL && s->parts[0].children == 3);
	check_head(t, &s->parts[0]);
	check_boundary(t, &s->parts[0]);
	const struct summary_part *p = summary_child(s, &s->parts[0]);
	ENSURE(span_eq(p->type, SPAN("text")) && span_eq(p->subtype, SPAN("plain")));
	if (text != NULL)
		body_of(t, p, text);
	p = summary_sibling(s, p);
	ENSURE(p == dsn_find(s));
	check_status(t, p);
	check_original(t, summary_sibling(s, p));
	mime_parser_free(m);
}
