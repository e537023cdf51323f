/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/reader/open: what is looked for in a mail is the first part that says it is
 * a report, else the first that has the name of one.
 */
#include "role/reader/open.h"

#include "base/transfer.h"
#include "gzip/gzip.h"
#include "mime/parse.h"
#include "policy/report.h"

#define BOM "\xef\xbb\xbf"

static const char *unpacked(struct arena *a, struct span gz, struct span *json)
{
	struct buf out;
	const char *why = NULL;
	buf_init(&out, POLICY_REPORT_TEXT_MAX);
	switch (gzip_unpack(&out, gz)) {
	case GZIP_OK:
		if (!arena_copy(a, buf_span(&out), json))
			why = "memory is short";
		break;
	case GZIP_BROKEN:
		why = "its compression is broken, or it ends early";
		break;
	case GZIP_LIMIT:
		why = "it unpacks to more than is read";
		break;
	case GZIP_MEMORY:
		why = "memory is short";
		break;
	}
	buf_free(&out);
	return why;
}

/* NULL and *json empty: it is neither. */
static const char *of_bytes(struct arena *a, struct span s, struct span *json)
{
	*json = (struct span){0};
	if (gzip_looks(s))
		return unpacked(a, s, json);
	if (span_starts(s, SPAN(BOM)))
		s = span_skip(s, sizeof BOM - 1);
	size_t at = 0;
	while (at < s.len && span_has(SPAN(" \t\r\n"), s.ptr[at]))
		at++;
	if (at < s.len && s.ptr[at] == '{')
		*json = s;
	return NULL;
}

/* ---- mail ------------------------------------------------------------------- */

static bool is_report(const struct summary_part *p)
{
	return p->kind == SUMMARY_LEAF &&
	       span_eq_nocase(p->type, SPAN("application")) &&
	       (span_eq_nocase(p->subtype, SPAN("tlsrpt+gzip")) ||
		span_eq_nocase(p->subtype, SPAN("tlsrpt+json")));
}

static bool is_named(const struct summary_part *p)
{
	struct span name = summary_param(p->disposition_params, SPAN("filename"));
	if (name.len == 0)
		name = summary_param(p->params, SPAN("name"));
	return p->kind == SUMMARY_LEAF &&
	       (span_ends_nocase(name, SPAN(".json.gz")) ||
		span_ends_nocase(name, SPAN(".json")));
}

static const struct summary_part *find(const struct summary *s)
{
	for (size_t i = 0; i < s->part_count; i++)
		if (is_report(&s->parts[i]))
			return &s->parts[i];
	for (size_t i = 0; i < s->part_count; i++)
		if (is_named(&s->parts[i]))
			return &s->parts[i];
	return NULL;
}

static const char *of_part(struct arena *a, struct span mail,
			   const struct summary_part *p, struct span *json)
{
	struct transfer_decoder d;
	struct buf out;
	struct span bytes;
	buf_init(&out, READER_FILE_MAX);
	transfer_decoder_init(&d, transfer_encoding_of(p->encoding));
	transfer_decode(&d,
			span_sub(mail, (size_t)p->body_start,
				 (size_t)(p->body_end - p->body_start)),
			&out);
	transfer_decode_end(&d, &out);
	bool ok = buf_ok(&out) && arena_copy(a, buf_span(&out), &bytes);
	buf_free(&out);
	return ok ? of_bytes(a, bytes, json) : "memory is short";
}

static const char *of_mail(struct arena *a, struct span mail, struct span *json)
{
	struct mime_parser *m = mime_parser_new(NULL);
	const struct summary *s = NULL;
	const char *why = NULL;
	if (m != NULL) {
		mime_parser_feed(m, mail);
		s = mime_parser_end(m);
	}
	const struct summary_part *p = s != NULL ? find(s) : NULL;
	if (s == NULL)
		why = "memory is short";
	else if (p != NULL)
		why = of_part(a, mail, p, json);
	mime_parser_free(m);
	return why;
}

const char *reader_open(struct arena *a, struct span file, struct span *json)
{
	const char *why = of_bytes(a, file, json);
	if (why == NULL && json->len == 0)
		why = of_mail(a, file, json);
	if (why == NULL && json->len == 0)
		why = "there is no report on TLS in it";
	return why;
}
