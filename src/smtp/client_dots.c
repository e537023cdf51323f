/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_dots: see client_dots.h.  Must never put a CR without its LF, a
 * LF without its CR, or a dot alone on a line.
 */
#include "smtp/client_dots.h"

#include "base/check.h"

#define CRLF SPAN("\r\n")

struct scan {
	struct span in;
	size_t at, from; /* looked at up to; not yet put from */
	size_t cr, lf;   /* the next of each at or after `at`, or SIZE_MAX */
	void (*put)(void *, struct span);
	void *owner;
};

static void put_run(struct scan *s, size_t to)
{
	if (to > s->from)
		s->put(s->owner, span_sub(s->in, s->from, to - s->from));
	s->from = to;
}

/* The line end that was at `at` and took n bytes is written anew. */
static void mend(struct scan *s, size_t at, size_t n)
{
	put_run(s, at);
	s->put(s->owner, CRLF);
	s->at = s->from = at + n;
}

static size_t next_of(const struct scan *s, size_t last, char c)
{
	if (last == SIZE_MAX || last >= s->at)
		return last;
	size_t n = span_find(span_skip(s->in, s->at), c);
	return n == SIZE_MAX ? n : s->at + n;
}

static uint64_t count_nul(struct span in)
{
	uint64_t n = 0;
	for (size_t at; (at = span_find(in, '\0')) != SIZE_MAX; n++)
		in = span_skip(in, at + 1);
	return n;
}

/* The CR held back meets the first byte after it. */
static void settle_cr(struct smtp_dots *d, struct scan *s)
{
	bool pair = s->in.ptr[0] == '\n';
	mend(s, 0, pair ? 1 : 0);
	d->bare_cr += !pair;
	d->cr = false; /* and mid is */
}

/* One line end at s->cr or s->lf, whichever comes first. */
static void line_end(struct smtp_dots *d, struct scan *s)
{
	size_t at = size_min(s->cr, s->lf);
	d->mid = false;
	if (at == s->lf) {
		d->bare_lf++;
		mend(s, at, 1);
	} else if (at + 1 == s->in.len) {
		put_run(s, at);
		s->at = s->from = at + 1;
		d->cr = true;
	} else if (s->lf == at + 1) {
		s->at = at + 2;
	} else {
		d->bare_cr++;
		mend(s, at, 1);
	}
}

void smtp_dots_add(struct smtp_dots *d, struct span in, void (*put)(void *, struct span),
		   void *owner)
{
	if (in.len == 0)
		return;
	struct scan s = {.in = in, .put = put, .owner = owner};
	d->nul += count_nul(in);
	s.cr = span_find(in, '\r');
	s.lf = span_find(in, '\n');
	if (d->cr)
		settle_cr(d, &s);
	while (s.at < in.len) {
		if (!d->mid && in.ptr[s.at] == '.') {
			put_run(&s, s.at);
			put(owner, SPAN("."));
		}
		d->mid = true;
		s.cr = next_of(&s, s.cr, '\r');
		s.lf = next_of(&s, s.lf, '\n');
		if (s.cr == SIZE_MAX && s.lf == SIZE_MAX)
			break;
		line_end(d, &s);
	}
	put_run(&s, in.len);
}

void smtp_dots_close(struct smtp_dots *d, void (*put)(void *, struct span), void *owner)
{
	if (d->cr)
		d->bare_cr++;
	else
		d->unended = d->mid;
	if (d->cr || d->mid)
		put(owner, CRLF);
	d->cr = d->mid = false;
}
