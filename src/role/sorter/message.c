/* SPDX-License-Identifier: Apache-2.0 */
/* role/sorter/message: see message.h.  Must never map a file: it may shrink. */
#include "role/sorter/message.h"

#include <stdlib.h>

#include "base/check.h"
#include "os/file.h"

bool message_open(struct message *m, struct loop *loop, uint64_t size,
		  struct span inline_bytes, int file)
{
	*m = (struct message){.loop = loop,
			      .inline_bytes = inline_bytes,
			      .file = file,
			      .size = file < 0 ? inline_bytes.len : size};
	if (file >= 0)
		m->piece = malloc(MESSAGE_PIECE);
	return file < 0 || m->piece != NULL;
}

void message_close(struct message *m)
{
	world_close(loop_world(m->loop), m->file);
	free(m->piece);
}

bool message_failed(const struct message *m) { return m->failed; }

void message_rewind(struct message *m)
{
	m->at = 0;
}

static struct span from_file(struct message *m)
{
	size_t want = (size_t)u64_min(m->size - m->at, MESSAGE_PIECE);
	size_t got = 0;
	fiber_yield(m->loop);
	if (want == 0 || m->failed)
		return span_of(NULL, 0);
	if (file_read_at(loop_world(m->loop), m->file, m->piece, want, m->at,
			 &got) != OS_OK) {
		m->failed = true;
		return span_of(NULL, 0);
	}
	m->at += got;
	return span_of(m->piece, got);
}

struct span message_next(struct message *m)
{
	if (m->file >= 0)
		return from_file(m);
	struct span all = m->inline_bytes;
	struct span rest = span_sub(all, (size_t)m->at, MESSAGE_PIECE);
	m->at += rest.len;
	return rest;
}
