/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/read: from bytes of a less trusted writer to memory.
 *
 * Counts are bounded before anything is allocated for them, and by the bytes
 * that are left (each item takes at least one).  summary_link judges the rest.
 */
#include "base/pack.h"
#include "summary/format.h"
#include "summary/order.h"

struct reader {
	struct unpack in;
	struct arena *arena;
	bool no_memory;
};

static struct span get_string(struct reader *r)
{
	uint64_t n = unpack_varint(&r->in, (uint64_t)SUMMARY_STRING_MAX + 1);
	if (n == 0)
		return (struct span){0};
	struct span s = unpack_bytes(&r->in, (size_t)n - 1);
	return s.ptr != NULL ? s : SPAN("");
}

/* An array for a count that was read; NULL when count is 0 or on failure. */
static void *get_array(struct reader *r, uint64_t max, size_t size, size_t *count)
{
	uint64_t n = unpack_varint(&r->in, max);
	*count = 0;
	if (n > r->in.rest.len)
		unpack_fail(&r->in);
	if (n == 0 || !unpack_ok(&r->in))
		return NULL;
	void *p = arena_array(r->arena, (size_t)n, size);
	if (p == NULL) {
		r->no_memory = true;
		unpack_fail(&r->in);
		return NULL;
	}
	*count = (size_t)n;
	return p;
}

static struct summary_params get_params(struct reader *r)
{
	struct summary_params out = {0};
	struct summary_param *p = get_array(r, SUMMARY_PARAMS_MAX, sizeof *p, &out.count);
	for (size_t i = 0; i < out.count; i++) {
		p[i].name = get_string(r);
		p[i].value = get_string(r);
	}
	out.at = p;
	return out;
}

static struct summary_list get_list(struct reader *r)
{
	struct summary_list out = {0};
	struct summary_address *a =
		get_array(r, SUMMARY_ADDRESSES_MAX, sizeof *a, &out.count);
	for (size_t i = 0; i < out.count; i++) {
		a[i].name = get_string(r);
		a[i].adl = get_string(r);
		a[i].mailbox = get_string(r);
		a[i].host = get_string(r);
	}
	out.at = a;
	return out;
}

static const struct summary_envelope *get_envelope(struct reader *r)
{
	struct summary_envelope *e = ARENA_NEW(r->arena, struct summary_envelope);
	if (e == NULL) {
		r->no_memory = true;
		unpack_fail(&r->in);
		return NULL;
	}
	e->date = get_string(r);
	e->subject = get_string(r);
	e->in_reply_to = get_string(r);
	e->message_id = get_string(r);
	for (size_t w = 0; w < SUMMARY_WHO_COUNT; w++)
		e->who[w] = get_list(r);
	return e;
}

static struct span *get_strings(struct reader *r, uint64_t max, size_t *count)
{
	struct span *s = get_array(r, max, sizeof *s, count);
	for (size_t i = 0; i < *count; i++)
		s[i] = get_string(r);
	return s;
}

/* Offsets are bounded by the message, so that sums of them cannot overflow. */
static void get_place(struct reader *r, const struct summary *s, size_t i)
{
	struct summary_part *p = &s->parts[i];
	uint64_t base = 0;
	p->parent = SUMMARY_NO_PARENT;
	if (i > 0) {
		p->parent = (uint32_t)unpack_varint(&r->in, i - 1);
		base = s->parts[p->parent].body_start;
		p->depth = s->parts[p->parent].depth + 1;
	}
	p->header_start = base + unpack_varint(&r->in, s->size - base);
	p->body_start = p->header_start +
			unpack_varint(&r->in, s->size - p->header_start);
	p->body_end = p->body_start + unpack_varint(&r->in, s->size - p->body_start);
	p->lines = unpack_varint(&r->in, s->size);
}

static void get_part(struct reader *r, const struct summary *s, size_t i)
{
	struct summary_part *p = &s->parts[i];
	uint8_t kind = unpack_u8(&r->in);
	if (kind > SUMMARY_MESSAGE)
		unpack_fail(&r->in);
	p->kind = (enum summary_kind)(kind > SUMMARY_MESSAGE ? 0 : kind);
	get_place(r, s, i);
	p->type = get_string(r);
	if (p->type.ptr == NULL) {
		summary_default_type(p);
	} else {
		p->subtype = get_string(r);
		p->params = get_params(r);
	}
	p->id = get_string(r);
	p->description = get_string(r);
	p->encoding = get_string(r);
	p->md5 = get_string(r);
	p->location = get_string(r);
	p->disposition = get_string(r);
	p->disposition_params = get_params(r);
	p->languages = get_strings(r, SUMMARY_LANGUAGES_MAX, &p->language_count);
	p->envelope = unpack_bool(&r->in) ? get_envelope(r) : NULL;
}

static void get_values(struct reader *r, struct summary *s)
{
	struct summary_value *v = get_array(r, SUMMARY_VALUES_MAX, sizeof *v, &s->value_count);
	for (size_t i = 0; i < s->value_count; i++) {
		uint8_t field = unpack_u8(&r->in);
		if (field >= SUMMARY_F_COUNT)
			unpack_fail(&r->in);
		v[i].field = (enum summary_field)(field >= SUMMARY_F_COUNT ? 0 : field);
		v[i].text = get_string(r);
	}
	s->values = v;
}

static enum summary_result get_head(struct reader *r, struct span *order)
{
	if (!span_eq(unpack_bytes(&r->in, 4), SPAN(SUMMARY_MAGIC)))
		return SUMMARY_INVALID;
	uint16_t format = unpack_u16(&r->in);
	if (!unpack_ok(&r->in) || format == 0)
		return SUMMARY_INVALID;
	if (format > SUMMARY_FORMAT)
		return SUMMARY_NEWER;
	uint16_t n = unpack_u16(&r->in);
	if (n > (format < SUMMARY_FORMAT_ORDER ? 0 : SUMMARY_ORDER_MAX))
		return SUMMARY_INVALID;
	struct summary_order check;
	*order = unpack_bytes(&r->in, n);
	return n == 0 || summary_order_read(*order, &check) ? SUMMARY_OK : SUMMARY_INVALID;
}

static void get_body(struct reader *r, struct summary *s, uint64_t size)
{
	s->flags = (uint32_t)unpack_varint(&r->in, SUMMARY_FLAGS_ALL);
	s->size = unpack_varint(&r->in, UINT64_MAX);
	if (s->size != size)
		unpack_fail(&r->in);
	uint64_t sent = unpack_varint(&r->in, UINT64_MAX);
	s->sent = (int64_t)(sent >> 1 ^ (0 - (sent & 1)));
	s->received_count = (uint32_t)unpack_varint(&r->in, UINT32_MAX);
	s->parts = get_array(r, SUMMARY_PARTS_MAX, sizeof *s->parts, &s->part_count);
	for (size_t i = 0; i < s->part_count && unpack_ok(&r->in); i++)
		get_part(r, s, i);
	get_values(r, s);
	s->references = get_strings(r, SUMMARY_IDS_MAX, &s->reference_count);
	s->preview = get_string(r);
}

enum summary_result summary_read(struct span bytes, uint64_t size, struct arena *arena,
				 struct summary **out)
{
	struct reader r = {.in = unpack_of(bytes), .arena = arena};
	if (bytes.len > SUMMARY_MAX)
		return SUMMARY_INVALID;
	struct span order = {0};
	enum summary_result head = get_head(&r, &order);
	if (head != SUMMARY_OK)
		return head;
	struct summary *s = ARENA_NEW(arena, struct summary);
	if (s == NULL)
		return SUMMARY_MEMORY;
	s->order = order;
	get_body(&r, s, size);
	if (r.no_memory)
		return SUMMARY_MEMORY;
	if (!unpack_done(&r.in) || !summary_link(s))
		return SUMMARY_INVALID;
	*out = s;
	return SUMMARY_OK;
}
