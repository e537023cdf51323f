/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A taken-over configuration parser, a process of its own as the real one.
 *
 * The first byte of the text that it is to read says how it answers; see the
 * table in conf_test.c.  It ends when its channel closes.
 */
#include <stdlib.h>
#include <unistd.h>

#include "hostile.h"
#include "os/file.h"
#include "os/sock.h"
#include "os/spawn.h"
#include "wire/boss_conf.h"

#define CHANNEL  3
#define INCLUDES 200u

struct question {
	unsigned number;
	uint32_t id;
};

static bool question_of(struct span frame, struct question *q)
{
	struct unpack u = unpack_of(frame);

	while (unpack_ok(&u) && u.rest.len > 0) {
		unsigned kind = unpack_u8(&u);
		q->number = unpack_u8(&u);
		size_t len = unpack_u16(&u);
		q->id = kind == HOSTILE_CALL ? unpack_u32(&u) : 0;
		if (kind == HOSTILE_CALL)
			(void)unpack_u64(&u);
		if (kind == HOSTILE_CALL)
			return unpack_ok(&u);
		(void)unpack_bytes(&u, len);
	}
	return false;
}

/* The true form, every field zero, but for a descriptor. */
static void truth(struct buf *out, const struct question *q, bool done, bool with_file)
{
	const struct ipc_message *m = &boss_conf_hop.messages[q->number];
	struct boss_conf_slice_reply slice = {.done = done, .has_bytes = with_file};
	char *zero = calloc(1, m->reply.size);
	bool is_slice = q->number == hostile_number(&boss_conf_hop, "slice");
	struct buf body;

	buf_init(&body, IPC_BODY_MAX);
	if (zero == NULL || !ipc_encode(&m->reply, is_slice ? (void *)&slice : zero, &body))
		spawn_exit_now(2);
	hostile_reply(out, q->number, q->id, buf_span(&body));
	buf_free(&body);
	free(zero);
}

static int file_of(struct world *w, bool seal)
{
	int fd = -1;

	if (blob_new(w, &fd) != OS_OK ||
	    file_append(w, fd, SPAN("no slice of any configuration")) != OS_OK ||
	    (seal && blob_seal(w, fd) != OS_OK))
		spawn_exit_now(2);
	return fd;
}

static void include(struct buf *out)
{
	const struct boss_conf_include m = {.path = SPAN("/x")};
	unsigned number = hostile_number(&boss_conf_hop, "include");
	struct buf body;

	buf_init(&body, IPC_BODY_MAX);
	if (!ipc_encode(&boss_conf_hop.messages[number].body, &m, &body))
		spawn_exit_now(2);
	hostile_call(out, number, (uint32_t)(1 + buf_len(out) % 1000), IPC_NEVER, buf_span(&body));
	buf_free(&body);
}

static int answer(struct world *w, char how, const struct question *q, struct buf *out)
{
	bool slice = q->number == hostile_number(&boss_conf_hop, "slice");
	int fd = -1;

	switch (how) {
	case 'n': /* not done, and a descriptor nevertheless */
	case 'u': /* done, but not sealed */
	case 's': /* sealed, and no slice */
		if (slice)
			fd = file_of(w, how == 's');
		truth(out, q, how != 'n', slice);
		break;
	case 'z':
		truth(out, q, false, false);
		break;
	case 'g':
		buf_add(out, SPAN("GET / HTTP/1.1\r\n\r\n"));
		break;
	case 'i':
		hostile_reply(out, q->number, q->id + 1, SPAN(""));
		break;
	case 'r':
		hostile_refusal(out, IPC_BUSY, q->id);
		break;
	case 'h': /* says nothing, and will not end either */
	case 'l': /* right so far, then nothing more */
		if (how == 'l' && q->number == hostile_number(&boss_conf_hop, "parse")) {
			truth(out, q, false, false);
			break;
		}
		for (;;)
			(void)pause();
	case 'f': /* asks for files for ever, one after the other */
		include(out);
		break;
	case 'b': /* more of them at once than it may */
		for (unsigned i = 0; i < INCLUDES; i++)
			include(out);
		break;
	case 'd': /* a descriptor that nobody asked for */
		fd = file_of(w, true);
		truth(out, q, true, false);
		break;
	default:
		spawn_exit_now(1);
	}
	return fd;
}

int main(void)
{
	struct world *w = world_linux();
	char *frame = malloc(IPC_FRAME_MAX), how = 0;
	struct buf out;
	struct question q;
	size_t len, got = 0;
	int passed;

	buf_init(&out, IPC_FRAME_MAX);
	hostile_hello(&out, &boss_conf_hop, 1);
	if (w == NULL || frame == NULL || sock_send(w, CHANNEL, buf_span(&out), -1) != OS_OK)
		spawn_exit_now(2);
	for (;;) {
		enum os r = sock_recv(w, CHANNEL, frame, IPC_FRAME_MAX, &len, &passed);
		if (r == OS_AGAIN)
			continue;
		if (r != OS_OK)
			spawn_exit_now(0);
		if (how == 0 && passed >= 0 &&
		    file_read_at(w, passed, &how, 1, 0, &got) != OS_OK)
			spawn_exit_now(2);
		world_close(w, passed);
		if (!question_of(span_of(frame, len), &q) && how != 'f')
			continue;
		buf_clear(&out);
		passed = answer(w, how, &q, &out);
		r = sock_send(w, CHANNEL, buf_span(&out), passed);
		world_close(w, passed);
		if (r != OS_OK)
			spawn_exit_now(0);
	}
}
