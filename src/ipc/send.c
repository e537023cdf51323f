/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/send: messages are gathered into frames; frames leave at the end of the
 * turn, or when the socket has room again.
 *
 * The queue has no limit of its own.  It is bounded by what may be under way:
 * our calls by the peer's credit, our answers by our own (counted until the
 * answer has left, so a peer that never reads cannot grow it), casts by the
 * window.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "ipc/channel.h"

static void send_queue(struct ipc *ch);

/*
 * A frame.  When memory is short, what is ready leaves now and gives its frame
 * back, so that an answer finds one as long as the socket has room.
 */
static struct out_frame *frame_add(struct ipc *ch)
{
	if (ch->spare == NULL)
		ch->spare = malloc(sizeof *ch->spare);
	if (ch->spare == NULL)
		send_queue(ch);
	struct out_frame *f = ch->spare;
	ch->spare = NULL;
	if (f == NULL)
		return NULL;
	f->next = NULL;
	f->len = 0;
	f->fd = -1;
	f->answers = f->returned = 0;
	if (ch->last != NULL)
		ch->last->next = f;
	else
		ch->queue = f;
	ch->last = f;
	return f;
}

static void frame_drop(struct ipc *ch)
{
	struct out_frame *f = ch->queue;
	ch->queue = f->next;
	if (ch->queue == NULL)
		ch->last = NULL;
	if (f->fd != -1)
		ch->link->ops->close_fd(ch->link, f->fd);
	ch->stats.queue_now -= f->len;
	if (ch->spare == NULL)
		ch->spare = f;
	else
		free(f);
}

/* The frame that takes a message of this length; its descriptor must lead. */
static struct out_frame *frame_for(struct ipc *ch, size_t len, bool has_fd)
{
	struct out_frame *f = ch->last;
	if (f != NULL && !has_fd && len <= IPC_FRAME_MAX - f->len)
		return f;
	return frame_add(ch);
}

static void put(struct out_frame *f, struct span s)
{
	if (s.len > 0)
		memcpy(f->data + f->len, s.ptr, s.len);
	f->len += s.len;
}

static void put_head(struct out_frame *f, enum kind kind, unsigned number,
		     size_t len)
{
	const char head[HEAD_LEN] = {(char)kind, (char)number,
				     (char)(len & 0xff), (char)(len >> 8)};
	put(f, span_of(head, sizeof head));
}

bool send_message(struct ipc *ch, enum kind kind, unsigned number,
		  struct span extra, struct span body, int fd)
{
	size_t len = HEAD_LEN + extra.len + body.len;
	ENSURE(len <= IPC_FRAME_MAX);
	struct out_frame *f =
		ch->doom == NULL ? frame_for(ch, len, fd != -1) : NULL;
	if (f == NULL) {
		if (fd != -1)
			ch->link->ops->close_fd(ch->link, fd);
		channel_short(ch);
		return false;
	}
	if (fd != -1)
		f->fd = fd;
	put_head(f, kind, number, body.len);
	put(f, extra);
	put(f, body);
	ch->stats.messages_out++;
	ch->stats.queue_now += len;
	ch->stats.queue_high =
		size_max(ch->stats.queue_high, ch->stats.queue_now);
	ch->link->ops->want_turn_end(ch->link);
	return true;
}

void send_answered(struct ipc *ch) { ch->last->answers++; }

bool send_hello(struct ipc *ch)
{
	struct buf b;
	buf_init(&b, 256);
	pack_u32(&b, IPC_MAGIC);
	pack_u8(&b, (uint8_t)ch->side);
	buf_add(&b, span_of(ch->hop->hash, IPC_HASH_LEN));
	pack_span(&b, span_cstr(ch->hop->name));
	bool ok = buf_ok(&b) && send_message(ch, KIND_HELLO, 0, SPAN(""),
					     buf_span(&b), -1);
	buf_free(&b);
	return ok;
}

/*
 * Give the peer's window back: along with other messages, or when half of it
 * is spent, so that a row of casts does not cost a frame each in return.
 */
static void return_casts(struct ipc *ch)
{
	unsigned n = ch->casts_handled;
	if (n == 0 || (ch->queue == NULL && n * 2 < ch->hop->window[ch->side]))
		return;
	struct out_frame *f = frame_for(ch, HEAD_LEN, false);
	if (f == NULL) {
		channel_short(ch);
		return;
	}
	put_head(f, KIND_RETURN, 0, n);
	f->returned += n;
	ch->casts_handled = 0;
	ch->stats.queue_now += HEAD_LEN;
}

static void sent(struct ipc *ch)
{
	struct out_frame *f = ch->queue;
	ch->stats.frames_out++;
	ch->stats.bytes_out += f->len;
	ch->calls_in -= f->answers;
	ch->casts_in -= f->returned;
	frame_drop(ch);
}

static void send_queue(struct ipc *ch)
{
	while (!ch->blocked && ch->queue != NULL && ch->doom == NULL) {
		struct out_frame *f = ch->queue;
		switch (ch->link->ops->send(ch->link, span_of(f->data, f->len),
					    f->fd)) {
		case IPC_IO_DONE:
			sent(ch);
			break;
		case IPC_IO_AGAIN:
			ch->blocked = true;
			break;
		case IPC_IO_SHORT: /* the link comes back by itself */
			ch->blocked = true;
			break;
		case IPC_IO_END:
		case IPC_IO_BROKEN:
			channel_left(ch, "the peer is gone");
			break;
		}
	}
}

void send_frames(struct ipc *ch)
{
	if (ch->doom != NULL || ch->blocked)
		return;
	return_casts(ch);
	send_queue(ch);
}

void send_drop_all(struct ipc *ch)
{
	while (ch->queue != NULL)
		frame_drop(ch);
}
