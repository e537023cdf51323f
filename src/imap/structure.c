/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/structure: ENVELOPE and BODYSTRUCTURE from the summary (RFC 3501 7.4.2).
 *
 * Must never write what a client's parser cannot take: a multipart without
 * parts, or a nested message that is not there, is shown as something plain.
 */
#include "imap/fetch.h"
#include "imap/write.h"

static void addresses(struct stream *out, struct summary_list list)
{
	if (list.count == 0) {
		stream_write(out, SPAN("NIL"));
		return;
	}
	stream_write(out, SPAN("("));
	for (size_t i = 0; i < list.count; i++) {
		stream_write(out, SPAN("("));
		imap_write_nstring(out, list.at[i].name);
		stream_write(out, SPAN(" "));
		imap_write_nstring(out, list.at[i].adl);
		stream_write(out, SPAN(" "));
		imap_write_nstring(out, list.at[i].mailbox);
		stream_write(out, SPAN(" "));
		imap_write_nstring(out, list.at[i].host);
		stream_write(out, SPAN(")"));
	}
	stream_write(out, SPAN(")"));
}

void imap_envelope_write(struct stream *out, const struct summary_envelope *e)
{
	stream_write(out, SPAN("("));
	imap_write_nstring(out, e->date);
	stream_write(out, SPAN(" "));
	imap_write_nstring(out, e->subject);
	for (int who = SUMMARY_FROM; who < SUMMARY_WHO_COUNT; who++) {
		struct summary_list list = e->who[who];
		if (list.count == 0 &&
		    (who == SUMMARY_SENDER || who == SUMMARY_REPLY_TO))
			list = e->who[SUMMARY_FROM];
		stream_write(out, SPAN(" "));
		addresses(out, list);
	}
	stream_write(out, SPAN(" "));
	imap_write_nstring(out, e->in_reply_to);
	stream_write(out, SPAN(" "));
	imap_write_nstring(out, e->message_id);
	stream_write(out, SPAN(")"));
}

static void params(struct stream *out, struct summary_params list)
{
	if (list.count == 0) {
		stream_write(out, SPAN("NIL"));
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		stream_write(out, i ? SPAN(" ") : SPAN("("));
		imap_write_string(out, list.at[i].name);
		stream_write(out, SPAN(" "));
		imap_write_string(out, list.at[i].value);
	}
	stream_write(out, SPAN(")"));
}

/* body-fld-dsp, body-fld-lang, body-fld-loc */
static void extension(struct stream *out, const struct summary_part *p)
{
	if (p->disposition.ptr == NULL) {
		stream_write(out, SPAN(" NIL"));
	} else {
		stream_write(out, SPAN(" ("));
		imap_write_string(out, p->disposition);
		stream_write(out, SPAN(" "));
		params(out, p->disposition_params);
		stream_write(out, SPAN(")"));
	}
	if (p->language_count == 0)
		stream_write(out, SPAN(" NIL"));
	for (size_t i = 0; i < p->language_count; i++) {
		stream_write(out, i ? SPAN(" ") : SPAN(" ("));
		imap_write_string(out, p->languages[i]);
	}
	if (p->language_count > 0)
		stream_write(out, SPAN(")"));
	stream_write(out, SPAN(" "));
	imap_write_nstring(out, p->location);
}

/* Types that promise a structure which a leaf does not have. */
static bool promises(const struct summary_part *p)
{
	return span_eq_nocase(p->type, SPAN("multipart")) ||
	       (span_eq_nocase(p->type, SPAN("message")) &&
		span_eq_nocase(p->subtype, SPAN("rfc822")));
}

static void fields(struct stream *out, const struct summary_part *p)
{
	bool plain = p->kind == SUMMARY_LEAF && promises(p);
	imap_write_string(out, plain ? SPAN("application") : p->type);
	stream_write(out, SPAN(" "));
	imap_write_string(out, plain ? SPAN("octet-stream") : p->subtype);
	stream_write(out, SPAN(" "));
	params(out, p->params);
	stream_write(out, SPAN(" "));
	imap_write_nstring(out, p->id);
	stream_write(out, SPAN(" "));
	imap_write_nstring(out, p->description);
	stream_write(out, SPAN(" "));
	imap_write_string(out, p->encoding.len ? p->encoding : SPAN("7BIT"));
	stream_printf(out, " %llu", (unsigned long long)(p->body_end - p->body_start));
}

/* Depth is at most SUMMARY_DEPTH_MAX, which summary_read promised. */
static void part(struct stream *out, const struct summary *s,
		 const struct summary_part *p, bool extended)
{
	const struct summary_part *child = summary_child(s, p);
	stream_write(out, SPAN("("));
	if (p->kind == SUMMARY_MULTIPART) {
		if (child == NULL)
			stream_write(out, SPAN("(\"text\" \"plain\" NIL NIL NIL "
					       "\"7BIT\" 0 0)"));
		for (; child != NULL; child = summary_sibling(s, child))
			part(out, s, child, extended);
		stream_write(out, SPAN(" "));
		imap_write_string(out, p->subtype);
		if (extended) {
			stream_write(out, SPAN(" "));
			params(out, p->params);
			extension(out, p);
		}
		stream_write(out, SPAN(")"));
		return;
	}
	fields(out, p);
	bool nested = p->kind == SUMMARY_MESSAGE && child != NULL;
	if (nested) {
		stream_write(out, SPAN(" "));
		imap_envelope_write(out, child->envelope);
		stream_write(out, SPAN(" "));
		part(out, s, child, extended);
	}
	if (nested || span_eq_nocase(p->type, SPAN("text")))
		stream_printf(out, " %llu", (unsigned long long)p->lines);
	if (extended) {
		stream_write(out, SPAN(" "));
		imap_write_nstring(out, p->md5);
		extension(out, p);
	}
	stream_write(out, SPAN(")"));
}

void imap_structure_write(struct stream *out, const struct summary *s, bool extended)
{
	part(out, s, &s->parts[0], extended);
}

void imap_part_write(struct stream *out, const struct summary *s,
		     const struct summary_part *p)
{
	part(out, s, p, true);
}
