/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/write: from memory to bytes.
 *
 *   "LLsm" u16 format, u16 length of the order record, that record, varints:
 *   flags, size, sent (zigzag), received count, then parts, values, references,
 *   preview.  Format 1 had no order record and 0 in place of its length.
 *
 * A string is a varint: 0 for NIL, else its length + 1, then its bytes.
 * Offsets of a part are written relative to what precedes them, so that most
 * take one or two bytes.
 */
#include "base/pack.h"
#include "summary/format.h"
#include "summary/order.h"

static void put_string(struct buf *b, struct span s)
{
	pack_varint(b, s.ptr == NULL ? 0 : (uint64_t)s.len + 1);
	buf_add(b, s);
}

static void put_params(struct buf *b, struct summary_params p)
{
	pack_varint(b, p.count);
	for (size_t i = 0; i < p.count; i++) {
		put_string(b, p.at[i].name);
		put_string(b, p.at[i].value);
	}
}

static void put_envelope(struct buf *b, const struct summary_envelope *e)
{
	put_string(b, e->date);
	put_string(b, e->subject);
	put_string(b, e->in_reply_to);
	put_string(b, e->message_id);
	for (size_t w = 0; w < SUMMARY_WHO_COUNT; w++) {
		pack_varint(b, e->who[w].count);
		for (size_t i = 0; i < e->who[w].count; i++) {
			const struct summary_address *a = &e->who[w].at[i];
			put_string(b, a->name);
			put_string(b, a->adl);
			put_string(b, a->mailbox);
			put_string(b, a->host);
		}
	}
}

/* The type that most parts have is written as NIL alone. */
static bool has_default_type(const struct summary_part *p)
{
	return span_eq(p->type, SPAN("text")) && span_eq(p->subtype, SPAN("plain")) &&
	       p->params.count == 1 && span_eq(p->params.at[0].name, SPAN("charset")) &&
	       span_eq(p->params.at[0].value, SPAN("us-ascii"));
}

static void put_type(struct buf *b, const struct summary_part *p)
{
	if (has_default_type(p)) {
		put_string(b, (struct span){0});
		return;
	}
	put_string(b, p->type);
	put_string(b, p->subtype);
	put_params(b, p->params);
}

static void put_part(struct buf *b, const struct summary *s, const struct summary_part *p)
{
	uint64_t base = 0;
	pack_u8(b, (uint8_t)p->kind);
	if (p->parent != SUMMARY_NO_PARENT) {
		pack_varint(b, p->parent);
		base = s->parts[p->parent].body_start;
	}
	pack_varint(b, p->header_start - base);
	pack_varint(b, p->body_start - p->header_start);
	pack_varint(b, p->body_end - p->body_start);
	pack_varint(b, p->lines);
	put_type(b, p);
	put_string(b, p->id);
	put_string(b, p->description);
	put_string(b, p->encoding);
	put_string(b, p->md5);
	put_string(b, p->location);
	put_string(b, p->disposition);
	put_params(b, p->disposition_params);
	pack_varint(b, p->language_count);
	for (size_t i = 0; i < p->language_count; i++)
		put_string(b, p->languages[i]);
	pack_u8(b, p->envelope != NULL);
	if (p->envelope != NULL)
		put_envelope(b, p->envelope);
}

static void put_all(struct buf *b, const struct summary *s)
{
	buf_add(b, SPAN(SUMMARY_MAGIC));
	pack_u16(b, SUMMARY_FORMAT);
	pack_u16(b, (uint16_t)s->order.len);
	buf_add(b, s->order);
	pack_varint(b, s->flags);
	pack_varint(b, s->size);
	pack_varint(b, (uint64_t)s->sent << 1 ^ (uint64_t)(s->sent >> 63));
	pack_varint(b, s->received_count);
	pack_varint(b, s->part_count);
	for (size_t i = 0; i < s->part_count; i++)
		put_part(b, s, &s->parts[i]);
	pack_varint(b, s->value_count);
	for (size_t i = 0; i < s->value_count; i++) {
		pack_u8(b, (uint8_t)s->values[i].field);
		put_string(b, s->values[i].text);
	}
	pack_varint(b, s->reference_count);
	for (size_t i = 0; i < s->reference_count; i++)
		put_string(b, s->references[i]);
	put_string(b, s->preview);
}

bool summary_write(const struct summary *s, struct buf *out)
{
	struct summary check = *s;
	struct buf b;
	if (!summary_link(&check) || s->order.len > SUMMARY_ORDER_MAX)
		return false;
	buf_init(&b, SUMMARY_MAX);
	put_all(&b, s);
	bool ok = buf_ok(&b);
	if (ok) {
		size_t had = buf_len(out);
		buf_add(out, buf_span(&b));
		ok = buf_ok(out) && buf_len(out) == had + buf_len(&b);
	}
	buf_share(out, &b);
	buf_free(&b);
	return ok;
}
