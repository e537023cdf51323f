/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/script_stream: see script_stream.h.  Never blocks. */
#include "script_stream.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

static struct script *script_of(struct stream *s)
{
	return CONTAINER_OF(s, struct script, stream);
}

static void next_chunk(struct script *t)
{
	t->chunk++;
	t->offset = 0;
}

static enum io fill(struct stream *s)
{
	struct script *t = script_of(s);
	t->fills++;
	while (t->chunk < t->chunk_count &&
	       t->offset == t->chunks[t->chunk].len)
		next_chunk(t);
	if (t->chunk == t->chunk_count)
		return t->at_end;
	size_t held = s->in_to - s->in_from;
	memmove(s->in, s->in + s->in_from, held);
	s->in_from = 0;
	size_t n =
		size_min(t->chunks[t->chunk].len - t->offset, s->in_cap - held);
	if (t->split != 0)
		n = size_min(n, t->split);
	ENSURE(n > 0);
	memcpy(s->in + held, t->chunks[t->chunk].ptr + t->offset, n);
	s->in_to = held + n;
	t->offset += n;
	return IO_OK;
}

static enum io flush(struct stream *s)
{
	struct script *t = script_of(s);
	if (t->flush_after != IO_OK &&
	    buf_len(&t->out) + s->out_len > t->flush_limit)
		return t->flush_after;
	buf_add(&t->out, span_of(s->out, s->out_len));
	s->out_len = 0;
	return buf_ok(&t->out) ? IO_OK : IO_BROKEN;
}

static enum io start_tls(struct stream *s)
{
	struct script *t = script_of(s);
	t->tls++;
	t->tls_at = buf_len(&t->out);
	if (t->offset > 0)
		next_chunk(t);
	return t->tls_result;
}

static void deadline(struct stream *s, uint32_t seconds)
{
	struct script *t = script_of(s);
	if (t->deadline_count < SCRIPT_DEADLINES)
		t->deadlines[t->deadline_count] = seconds;
	t->deadline_count++;
}

static enum io start_deflate(struct stream *s)
{
	struct script *t = script_of(s);
	t->deflates++;
	return IO_OK;
}

static const struct stream_ops ops = {fill, flush, start_tls, deadline, start_deflate};

static char *allocate(size_t n)
{
	char *p = malloc(n);
	ENSURE(p != NULL);
	return p;
}

void script_init(struct script *t, const struct span *chunks, size_t count)
{
	*t = (struct script){
		.stream = {.ops = &ops,
			   .in = allocate(SCRIPT_IN),
			   .in_cap = SCRIPT_IN,
			   .out = allocate(STREAM_OUT_MAX),
			   .out_cap = STREAM_OUT_MAX},
		.at_end = IO_EOF,
		.chunks = chunks,
		.chunk_count = count,
	};
	buf_init(&t->out, SCRIPT_OUT_LIMIT);
}

void script_init_bytes(struct script *t, struct span input, size_t split)
{
	script_init(t, NULL, 1);
	t->single = input;
	t->chunks = &t->single;
	t->split = split;
}

void script_in_cap(struct script *t, size_t cap)
{
	ENSURE(t->fills == 0 && cap > 0);
	free(t->stream.in);
	t->stream.in = allocate(cap);
	t->stream.in_cap = cap;
}

void script_free(struct script *t)
{
	free(t->stream.in);
	free(t->stream.out);
	buf_free(&t->out);
}

struct span script_output(struct script *t)
{
	buf_add(&t->out, span_of(t->stream.out, t->stream.out_len));
	t->stream.out_len = 0;
	return buf_span(&t->out);
}

size_t script_unread(const struct script *t)
{
	size_t n = t->stream.in_to - t->stream.in_from;
	for (size_t i = t->chunk; i < t->chunk_count; i++)
		n += t->chunks[i].len - (i == t->chunk ? t->offset : 0);
	return n;
}
