/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/codec: the field types of the schema language, both ways.
 *
 * Must never accept two encodings of one value, allocate for a count that the
 * bytes at hand cannot hold, or put out a field that the other end would
 * refuse: that would kill the channel for our own mistake.
 */
#include "base/ensure.h"
#include "base/utf8.h"
#include "ipc/hop.h"

static void over(struct ipc_pack *p) { p->out->failed = true; }

void ipc_put_bool(struct ipc_pack *p, bool v) { pack_u8(p->out, v ? 1 : 0); }

void ipc_put_bytes(struct ipc_pack *p, struct span s, size_t max)
{
	if (s.len > max) {
		over(p);
		return;
	}
	pack_u16(p->out, (uint16_t)s.len);
	buf_add(p->out, s);
}

static bool is_text(struct span s)
{
	return !span_has(s, '\0') && utf8_valid(s);
}

void ipc_put_text(struct ipc_pack *p, struct span s, size_t max)
{
	if (s.len > max || !is_text(s))
		over(p);
	else
		ipc_put_bytes(p, s, max);
}

void ipc_put_fixed(struct ipc_pack *p, const uint8_t *b, size_t len)
{
	buf_add(p->out, span_of(b, len));
}

void ipc_put_enum(struct ipc_pack *p, unsigned value, unsigned count)
{
	ENSURE(value < count);
	pack_u8(p->out, (uint8_t)value);
}

void ipc_put_count(struct ipc_pack *p, size_t count, size_t max)
{
	if (count > max)
		over(p);
	else
		pack_u16(p->out, (uint16_t)count);
}

void ipc_put_fd(struct ipc_pack *p, int fd)
{
	ENSURE(p->fd == -1);
	p->fd = fd;
}

struct span ipc_get_bytes(struct ipc_unpack *u, size_t max)
{
	size_t len = unpack_u16(&u->in);
	if (len > max)
		unpack_fail(&u->in);
	return unpack_bytes(&u->in, len);
}

struct span ipc_get_text(struct ipc_unpack *u, size_t max)
{
	struct span s = ipc_get_bytes(u, max);
	if (!is_text(s))
		unpack_fail(&u->in);
	return s;
}

void ipc_get_fixed(struct ipc_unpack *u, uint8_t *out, size_t len)
{
	struct span s = unpack_bytes(&u->in, len);
	if (unpack_ok(&u->in))
		memcpy(out, s.ptr, len);
}

unsigned ipc_get_enum(struct ipc_unpack *u, unsigned count)
{
	unsigned v = unpack_u8(&u->in);
	if (v < count)
		return v;
	unpack_fail(&u->in);
	return 0;
}

size_t ipc_get_count(struct ipc_unpack *u, size_t max, size_t least)
{
	size_t count = unpack_u16(&u->in);
	if (count <= max && count * least <= u->in.rest.len)
		return count;
	unpack_fail(&u->in);
	return 0;
}

void *ipc_get_array(struct ipc_unpack *u, size_t *count, size_t size)
{
	if (*count == 0)
		return NULL;
	void *items = arena_array(u->arena, *count, size);
	if (items == NULL) {
		u->no_memory = true;
		unpack_fail(&u->in);
		*count = 0;
	}
	return items;
}

int ipc_get_fd(struct ipc_unpack *u)
{
	int fd = u->fd;
	if (fd == -1)
		unpack_fail(&u->in);
	u->fd = -1;
	return fd;
}

bool ipc_encode(const struct ipc_body *body, const void *fields,
		struct buf *out)
{
	struct ipc_pack p = {.out = out, .fd = -1};
	body->put(&p, fields);
	return buf_ok(out) && buf_len(out) <= IPC_BODY_MAX;
}

/* Stands for a descriptor where there is none to pass. */
#define FD_STAND_IN INT32_MAX

bool ipc_decode(const struct ipc_body *body, struct span bytes,
		struct arena *arena, void *fields)
{
	struct ipc_unpack u = {
		.in = unpack_of(bytes), .arena = arena, .fd = FD_STAND_IN};
	memset(fields, 0, body->size);
	if (bytes.len > IPC_BODY_MAX)
		return false;
	body->get(&u, fields);
	return unpack_done(&u.in);
}

static bool round_trip(const struct ipc_body *body, struct span bytes,
		       struct arena *arena)
{
	void *fields = arena_alloc(arena, body->size);
	ENSURE(fields != NULL);
	if (!ipc_decode(body, bytes, arena, fields))
		return false;
	struct buf again;
	buf_init(&again, IPC_BODY_MAX);
	ENSURE(ipc_encode(body, fields, &again));
	ENSURE(span_eq(buf_span(&again), bytes));
	buf_free(&again);
	return true;
}

bool ipc_decode_any(const struct ipc_hop *hop, struct span s)
{
	struct unpack u = unpack_of(s);
	unsigned pick = unpack_u8(&u);
	const struct ipc_message *m = &hop->messages[pick / 2 % hop->message_count];
	const struct ipc_body *body = pick % 2 ? &m->reply : &m->body;
	if (!unpack_ok(&u) || body->get == NULL)
		return false;
	struct arena *arena = arena_new(IPC_DECODE_MAX);
	ENSURE(arena != NULL);
	bool ok = round_trip(body, u.rest, arena);
	arena_free(arena);
	return ok;
}

const char *ipc_result_name(enum ipc_result r)
{
	static const char *const names[] = {
		[IPC_OK] = "ok",
		[IPC_NOT_NOW] = "not now",
		[IPC_BUSY] = "busy",
		[IPC_LATE] = "late",
		[IPC_DEAD] = "dead",
		[IPC_TOO_BIG] = "too big",
		[IPC_NO_MEMORY] = "no memory",
		[IPC_STOPPED] = "stopped",
	};
	ENSURE((size_t)r < ARRAY_LEN(names));
	return names[r];
}
