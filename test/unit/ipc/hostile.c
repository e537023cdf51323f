/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written from the description of the frames in ipc/channel.h and not with its
 * code, so that the two check each other.
 */
#include "hostile.h"

#include "base/ensure.h"

void hostile_head(struct buf *b, unsigned kind, unsigned number, unsigned len)
{
	pack_u8(b, (uint8_t)kind);
	pack_u8(b, (uint8_t)number);
	pack_u16(b, (uint16_t)len);
}

void hostile_hello(struct buf *b, const struct ipc_hop *hop, unsigned side)
{
	size_t name = strlen(hop->name);
	hostile_head(b, HOSTILE_HELLO, 0, (unsigned)(4 + 1 + 16 + 1 + name));
	buf_add(b, SPAN("llk1"));
	pack_u8(b, (uint8_t)side);
	buf_add(b, span_of(hop->hash, 16));
	pack_u8(b, (uint8_t)name);
	buf_add(b, span_of(hop->name, name));
}

void hostile_call(struct buf *b, unsigned number, uint32_t id,
		  uint64_t deadline, struct span body)
{
	hostile_head(b, HOSTILE_CALL, number, (unsigned)body.len);
	pack_u32(b, id);
	pack_u64(b, deadline);
	buf_add(b, body);
}

void hostile_reply(struct buf *b, unsigned number, uint32_t id, struct span body)
{
	hostile_head(b, HOSTILE_REPLY, number, (unsigned)body.len);
	pack_u32(b, id);
	buf_add(b, body);
}

void hostile_refusal(struct buf *b, unsigned why, uint32_t id)
{
	hostile_head(b, HOSTILE_REFUSAL, why, 0);
	pack_u32(b, id);
}

void hostile_cast(struct buf *b, unsigned number, struct span body)
{
	hostile_head(b, HOSTILE_CAST, number, (unsigned)body.len);
	buf_add(b, body);
}

unsigned hostile_number(const struct ipc_hop *hop, const char *name)
{
	unsigned i = 0;
	while (i < hop->message_count && strcmp(hop->messages[i].name, name) != 0)
		i++;
	ENSURE(i < hop->message_count);
	return i;
}

uint32_t hostile_first_call(struct span frame)
{
	struct unpack u = unpack_of(frame);
	while (unpack_ok(&u) && u.rest.len > 0) {
		unsigned kind = unpack_u8(&u);
		unpack_u8(&u);
		size_t len = unpack_u16(&u);
		if (kind == HOSTILE_CALL)
			return unpack_u32(&u);
		if (kind == HOSTILE_REPLY || kind == HOSTILE_REFUSAL)
			unpack_u32(&u);
		unpack_bytes(&u, kind == HOSTILE_RETURN ? 0 : len);
	}
	return 0;
}
