/* SPDX-License-Identifier: Apache-2.0 */
/* test/fuzz/turns: see turns.h.  Never blocks. */
#include "turns.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

/* Of AddressSanitizer's run time, where that is linked. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

size_t turns_allocated(void)
{
	return __sanitizer_get_current_allocated_bytes != NULL
		       ? __sanitizer_get_current_allocated_bytes() : 0;
}

unsigned dice(struct dice *d, unsigned n)
{
	ENSURE(n > 0 && n <= 256);
	if (d->left.len == 0)
		return 0;
	unsigned v = (unsigned char)d->left.ptr[0];
	d->left = span_skip(d->left, 1);
	return v % n;
}

struct span dice_word(struct dice *d, const char *const *words, unsigned count)
{
	return span_cstr(words[dice(d, count)]);
}

static struct turns *turns_of(struct stream *s)
{
	return CONTAINER_OF(s, struct turns, stream);
}

/* TURNS_SHOW=1 fuzz_imap_talk found-...: what was said on both sides. */
static void show(const char *who, struct span text)
{
	if (getenv("TURNS_SHOW") == NULL)
		return;
	fprintf(stderr, "%s", who);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		fprintf(stderr, c == '\r' ? "\\r" : c == '\n' ? "\\n\n   " :
			c < 0x20 || c > 0x7e ? "\\x%02x" : "%c", c);
	}
	fprintf(stderr, "\n");
}

/* False: the client is gone. */
static bool turn(struct turns *t)
{
	buf_clear(&t->say);
	t->peak = size_max(t->peak, turns_allocated());
	show("S: ", buf_span(&t->said));
	bool more = t->next(t, buf_span(&t->said), &t->say);
	show("C: ", buf_span(&t->say));
	buf_clear(&t->said);
	ENSURE(buf_ok(&t->say) && (!more || buf_len(&t->say) > 0));
	return more;
}

static enum io fill(struct stream *s)
{
	struct turns *t = turns_of(s);
	ENSURE(!t->over && s->out_len == 0);
	if (buf_len(&t->say) == 0 && !turn(t))
		return t->at_end;
	size_t held = s->in_to - s->in_from;
	memmove(s->in, s->in + s->in_from, held);
	s->in_from = 0;
	size_t n = size_min(buf_len(&t->say), s->in_cap - held);
	if (t->split != 0)
		n = size_min(n, t->split);
	ENSURE(n > 0);
	memcpy(s->in + held, buf_span(&t->say).ptr, n);
	s->in_to = held + n;
	buf_take(&t->say, n);
	return IO_OK;
}

static enum io flush(struct stream *s)
{
	struct turns *t = turns_of(s);
	buf_add(&t->said, span_of(s->out, s->out_len));
	s->out_len = 0;
	ENSURE(buf_ok(&t->said));
	return IO_OK;
}

static enum io start_tls(struct stream *s)
{
	struct turns *t = turns_of(s);
	t->tls++;
	buf_clear(&t->say);
	return t->tls_result;
}

static void deadline(struct stream *s, uint32_t seconds)
{
	(void)s;
	ENSURE(seconds > 0);
}

/* The bytes are what they were: what is looked at here is the session. */
static enum io start_deflate(struct stream *s)
{
	buf_clear(&turns_of(s)->say);
	return IO_OK;
}

static const struct stream_ops ops = {fill, flush, start_tls, deadline, start_deflate};

void turns_init(struct turns *t, size_t in_cap)
{
	*t = (struct turns){
		.stream = {.ops = &ops, .in = malloc(in_cap), .in_cap = in_cap,
			   .out = malloc(STREAM_OUT_MAX), .out_cap = STREAM_OUT_MAX},
		.at_end = IO_EOF,
	};
	ENSURE(t->stream.in != NULL && t->stream.out != NULL);
	buf_init(&t->said, TURNS_SAID_MAX);
	buf_init(&t->say, 1u << 20);
	t->base = t->peak = turns_allocated();
}

void turns_free(struct turns *t)
{
	free(t->stream.in);
	free(t->stream.out);
	buf_free(&t->said);
	buf_free(&t->say);
}

struct span turns_said(struct turns *t)
{
	ENSURE(flush(&t->stream) == IO_OK);
	return buf_span(&t->said);
}
