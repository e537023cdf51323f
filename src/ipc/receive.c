/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/receive: frames into messages, each judged before anybody sees it.
 *
 * Must never hand out a byte that stands outside its frame, serve a message
 * before the greeting, or go on after the first thing that does not fit.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "ipc/channel.h"

#define STRAY_FD "a descriptor that nobody asked for"

static void hello(struct ipc *ch, struct span body)
{
	struct unpack u = unpack_of(body);
	uint32_t magic = unpack_u32(&u);
	unsigned side = unpack_u8(&u);
	struct span hash = unpack_bytes(&u, IPC_HASH_LEN);
	struct span name = unpack_span(&u, 64);
	if (ch->ready || !unpack_done(&u) || magic != IPC_MAGIC) {
		channel_doom(ch, "the greeting makes no sense");
		return;
	}
	if (!span_eq(name, span_cstr(ch->hop->name))) {
		channel_doom(ch, "the peer speaks another hop");
	} else if (!span_eq(hash, span_of(ch->hop->hash, IPC_HASH_LEN))) {
		channel_doom(ch, "the peer has another version of the schema");
	} else if (side != 1 - ch->side) {
		channel_doom(ch, "the peer is at the same end of the hop");
	} else {
		ch->ready = true;
		if (ch->owner.ready != NULL)
			ch->owner.ready(ch->owner.role, ch);
	}
}

/* The row of a message that may come to us, or NULL. */
static const struct ipc_message *row(const struct ipc *ch, unsigned number,
				     bool is_call)
{
	if (number >= ch->hop->message_count)
		return NULL;
	const struct ipc_message *m = &ch->hop->messages[number];
	return m->to == ch->side && m->is_call == is_call ? m : NULL;
}

static void request(struct ipc *ch, enum kind kind, unsigned number,
		    uint32_t id, uint64_t deadline, struct span body, int *fd)
{
	const struct ipc_message *m = row(ch, number, kind == KIND_CALL);
	if (m == NULL)
		channel_doom(ch, "an unknown message");
	else if (kind == KIND_CALL)
		serve_call(ch, m, id, deadline, body, fd);
	else
		serve_cast(ch, m, body, fd);
}

static void dispatch(struct ipc *ch, enum kind kind, unsigned number,
		     size_t len, struct unpack *u, int *fd)
{
	uint32_t id = 0;
	uint64_t deadline = 0;
	if (kind == KIND_CALL || kind == KIND_REPLY || kind == KIND_REFUSAL)
		id = unpack_u32(u);
	if (kind == KIND_CALL)
		deadline = unpack_u64(u);
	struct span body = unpack_bytes(u, kind == KIND_RETURN ? 0 : len);
	bool carries = kind == KIND_CALL || kind == KIND_REPLY ||
		       kind == KIND_CAST;
	if (!unpack_ok(u))
		channel_doom(ch, "a message is cut short");
	else if (*fd != -1 && !carries)
		channel_doom(ch, STRAY_FD);
	else if (kind == KIND_HELLO && number == 0)
		hello(ch, body);
	else if (!ch->ready)
		channel_doom(ch, "a message before the greeting");
	else if (kind == KIND_CALL || kind == KIND_CAST)
		request(ch, kind, number, id, deadline, body, fd);
	else if (kind == KIND_REPLY)
		calls_reply(ch, number, id, body, fd);
	else if (kind == KIND_REFUSAL && len == 0)
		calls_refused(ch, (enum ipc_result)number, id);
	else if (kind == KIND_RETURN && number == 0)
		calls_returned(ch, (unsigned)len);
	else
		channel_doom(ch, "an unknown kind of message");
}

static void messages(struct ipc *ch, struct span bytes, int *fd)
{
	struct unpack u = unpack_of(bytes);
	while (ch->doom == NULL && u.rest.len > 0) {
		unsigned kind = unpack_u8(&u);
		unsigned number = unpack_u8(&u);
		size_t len = unpack_u16(&u);
		ch->stats.messages_in++;
		dispatch(ch, (enum kind)kind, number, len, &u, fd);
	}
}

/* A buffer that nobody borrows from. */
static bool fresh_frame(struct ipc *ch)
{
	if (ch->frame != NULL && ch->frame->refs == 1)
		return true;
	struct in_frame *f = malloc(sizeof *f);
	if (f == NULL)
		return false;
	f->refs = 1;
	if (ch->frame != NULL)
		ch->frame->refs--;
	ch->frame = f;
	return true;
}

static bool take_frame(struct ipc *ch)
{
	size_t len = 0;
	int fd = -1;
	if (!fresh_frame(ch)) {
		ch->link->ops->rest(ch->link); /* it stays where it is */
		return false;
	}
	switch (ch->link->ops->recv(ch->link, ch->frame->data, IPC_FRAME_MAX,
				    &len, &fd)) {
	case IPC_IO_AGAIN:
		return false;
	case IPC_IO_SHORT: /* of descriptors: what was passed is lost */
		channel_short(ch);
		return false;
	case IPC_IO_END:
		channel_left(ch, "the peer closed");
		return false;
	case IPC_IO_BROKEN:
		channel_left(ch, "the peer is gone");
		return false;
	case IPC_IO_DONE:
		break;
	}
	ch->stats.frames_in++;
	ch->stats.bytes_in += len;
	if (len == 0 || len > IPC_FRAME_MAX)
		channel_doom(ch, "a frame of a wrong size");
	else
		messages(ch, span_of(ch->frame->data, len), &fd);
	if (fd != -1)
		ch->link->ops->close_fd(ch->link, fd);
	return ch->doom == NULL;
}

void ipc_on_readable(struct ipc *ch)
{
	ENSURE_TAG(ch, IPC_TAG);
	channel_hold(ch);
	for (unsigned i = 0; i < FRAMES_A_TURN && ch->doom == NULL; i++) {
		if (!take_frame(ch))
			break;
	}
	channel_release(ch);
}
