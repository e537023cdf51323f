/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/mime/tree: see tree.h. */
#include "tree.h"

#include "base/ensure.h"

static void put(struct buf *b, const char *name, struct span s)
{
	if (s.ptr != NULL)
		buf_printf(b, " %s=\"%.*s\"", name, SPAN_FMT(s));
}

static void put_params(struct buf *b, const char *mark, struct summary_params p)
{
	for (size_t i = 0; i < p.count; i++)
		buf_printf(b, " %s%.*s=\"%.*s\"", mark, SPAN_FMT(p.at[i].name),
			   SPAN_FMT(p.at[i].value));
}

static void put_envelope(struct buf *b, const struct summary_envelope *e)
{
	static const char *const names[] = {"from", "sender", "reply-to", "to", "cc", "bcc"};
	put(b, "date", e->date);
	put(b, "subject", e->subject);
	put(b, "in-reply-to", e->in_reply_to);
	put(b, "message-id", e->message_id);
	for (size_t w = 0; w < SUMMARY_WHO_COUNT; w++)
		for (size_t i = 0; i < e->who[w].count; i++) {
			const struct summary_address *a = &e->who[w].at[i];
			buf_printf(b, " %s(", names[w]);
			put(b, "n", a->name);
			put(b, "r", a->adl);
			put(b, "m", a->mailbox);
			put(b, "h", a->host);
			buf_addc(b, ')');
		}
}

void tree_write(const struct summary *s, struct buf *b)
{
	for (size_t i = 0; i < s->part_count; i++) {
		const struct summary_part *p = &s->parts[i];
		for (uint32_t d = 0; d < p->depth; d++)
			buf_addc(b, ' ');
		buf_printf(b, "%c %.*s/%.*s %llu-%llu-%llu lines=%llu", "-*@"[p->kind],
			   SPAN_FMT(p->type), SPAN_FMT(p->subtype),
			   (unsigned long long)p->header_start,
			   (unsigned long long)p->body_start, (unsigned long long)p->body_end,
			   (unsigned long long)p->lines);
		put_params(b, "", p->params);
		put(b, "encoding", p->encoding);
		put(b, "id", p->id);
		put(b, "description", p->description);
		put(b, "md5", p->md5);
		put(b, "location", p->location);
		put(b, "disposition", p->disposition);
		put_params(b, ";", p->disposition_params);
		for (size_t k = 0; k < p->language_count; k++)
			put(b, "language", p->languages[k]);
		if (p->envelope != NULL)
			put_envelope(b, p->envelope);
		buf_addc(b, '\n');
	}
	buf_printf(b, "flags=%u size=%llu sent=%lld received=%u", s->flags,
		   (unsigned long long)s->size, (long long)s->sent, s->received_count);
	for (size_t i = 0; i < s->value_count; i++)
		buf_printf(b, " v%d=\"%.*s\"", s->values[i].field, SPAN_FMT(s->values[i].text));
	for (size_t i = 0; i < s->reference_count; i++)
		put(b, "ref", s->references[i]);
	buf_printf(b, " preview=\"%.*s\"\n", SPAN_FMT(s->preview));
}

static void through_bytes(const struct summary *s, const struct buf *expect)
{
	struct buf bytes, again;
	struct summary *back = NULL;
	struct arena *a = arena_new(64u << 20);
	ENSURE(a != NULL);
	buf_init(&bytes, SUMMARY_MAX);
	buf_init(&again, 64u << 20);
	ENSURE(summary_write(s, &bytes));
	ENSURE(summary_read(buf_span(&bytes), s->size, a, &back) == SUMMARY_OK);
	tree_write(back, &again);
	ENSURE(span_eq(buf_span(&again), buf_span(expect)));
	for (size_t i = 0; i < s->part_count; i++)
		ENSURE(back->parts[i].children == s->parts[i].children &&
		       back->parts[i].first_child == s->parts[i].first_child &&
		       back->parts[i].next_sibling == s->parts[i].next_sibling);
	buf_free(&bytes);
	buf_free(&again);
	arena_free(a);
}

void tree_of(struct span message, size_t cut, struct buf *out)
{
	struct mime_parser *p = mime_parser_new(NULL);
	ENSURE(p != NULL);
	if (cut == 0)
		cut = message.len;
	for (size_t at = 0; at < message.len; at += cut)
		mime_parser_feed(p, span_sub(message, at, cut));
	struct summary *s = mime_parser_end(p);
	ENSURE(s != NULL);
	buf_clear(out);
	tree_write(s, out);
	through_bytes(s, out);
	mime_parser_free(p);
}

void tree_checked(struct span message, struct buf *out)
{
	static const size_t cuts[] = {1, 2, 3, 7, 64};
	struct buf other;
	buf_init(&other, 64u << 20);
	tree_of(message, 0, out);
	for (size_t i = 0; i < ARRAY_LEN(cuts) && message.len < 65536; i++) {
		tree_of(message, cuts[i], &other);
		ENSURE(span_eq(buf_span(&other), buf_span(out)));
	}
	buf_free(&other);
}
