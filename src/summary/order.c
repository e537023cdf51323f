/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/order: the record, byte by byte.
 *
 *   u8 flags, varint sent (zigzag), u64 subject, u64 id, then each key as a
 *   byte with its length and its bytes, then u8 count and the ids as u64.
 */
#include "summary/order.h"

#include "base/pack.h"
#include "summary/format.h"

static size_t limit_of(size_t key)
{
	return key == SUMMARY_ORDER_BASE ? SUMMARY_ORDER_SUBJECT : SUMMARY_ORDER_NAME;
}

bool summary_order_write(const struct summary_order *o, struct buf *out)
{
	size_t ids = summary_order_ids(o);
	for (size_t i = 0; i < SUMMARY_ORDER_KEYS; i++)
		if (o->key[i].len > limit_of(i))
			return false;
	if (ids > SUMMARY_ORDER_IDS || o->ids.len % sizeof(uint64_t) != 0 ||
	    (o->flags & ~SUMMARY_ORDER_FLAGS) != 0)
		return false;
	pack_u8(out, (uint8_t)o->flags);
	pack_varint(out, (uint64_t)o->sent << 1 ^ (uint64_t)(o->sent >> 63));
	pack_u64(out, o->subject);
	pack_u64(out, o->id);
	for (size_t i = 0; i < SUMMARY_ORDER_KEYS; i++) {
		pack_u8(out, (uint8_t)o->key[i].len);
		buf_add(out, o->key[i]);
	}
	pack_u8(out, (uint8_t)ids);
	buf_add(out, o->ids);
	return buf_ok(out);
}

bool summary_order_read(struct span record, struct summary_order *o)
{
	struct unpack in = unpack_of(record);
	o->flags = unpack_u8(&in);
	uint64_t sent = unpack_varint(&in, UINT64_MAX);
	o->sent = (int64_t)(sent >> 1 ^ (0 - (sent & 1)));
	o->subject = unpack_u64(&in);
	o->id = unpack_u64(&in);
	for (size_t i = 0; i < SUMMARY_ORDER_KEYS; i++) {
		size_t n = unpack_u8(&in);
		o->key[i] = unpack_bytes(&in, n);
		if (n > limit_of(i))
			unpack_fail(&in);
	}
	size_t ids = unpack_u8(&in);
	if (ids > SUMMARY_ORDER_IDS || (o->flags & ~SUMMARY_ORDER_FLAGS) != 0)
		unpack_fail(&in);
	o->ids = unpack_bytes(&in, ids * sizeof(uint64_t));
	return unpack_done(&in);
}

uint64_t summary_order_id(const struct summary_order *o, size_t i)
{
	struct unpack in = unpack_of(span_sub(o->ids, i * sizeof(uint64_t), sizeof(uint64_t)));
	return unpack_u64(&in);
}

struct span summary_order_of(struct span summary)
{
	struct unpack in = unpack_of(summary);
	bool ours = span_eq(unpack_bytes(&in, 4), SPAN(SUMMARY_MAGIC));
	uint16_t format = unpack_u16(&in), n = unpack_u16(&in);
	struct span record = {0};
	if (ours && format >= SUMMARY_FORMAT_ORDER && n <= SUMMARY_ORDER_MAX)
		record = unpack_bytes(&in, n);
	return unpack_ok(&in) ? record : (struct span){0};
}
