/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/extract: runs are collected to TERM_MAX bytes; one that grows longer
 * becomes pieces of three code points.  A table of offsets finds what is there.
 *
 * Must never drop a term without saying that the message is open.
 */
#include "terms/extract.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/ensure.h"
#include "base/utf8.h"
#include "terms/kind.h"

#define TERMS_TAG    TAG4('T', 'R', 'M', 'S')
#define TABLE_FIRST  1024u
#define MARK_LEN     3u
#define WINDOW_BYTES (TERM_LONG_POINTS * UTF8_MAX)

struct place {
	uint32_t hash;
	uint32_t at; /* in out; 0: free (the mark stands there) */
};

/* The last code points of a run that is kept in pieces. */
struct window {
	char bytes[WINDOW_BYTES];
	unsigned char len[TERM_LONG_POINTS];
	size_t points, used;
};

struct terms {
	uint32_t tag;
	uint8_t secret[SIPHASH_KEY];
	struct buf out; /* the mark, then the terms */
	struct place *places;
	size_t size, count;
	bool is_open, is_short;

	enum term_field field;
	enum point_kind kind; /* of the run under way; PART: none */
	bool is_long;
	size_t run_len, run_points;
	char run[TERM_MAX];
	struct window window;
};

struct terms *terms_new(const uint8_t secret[SIPHASH_KEY])
{
	struct terms *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->tag = TERMS_TAG;
	t->size = TABLE_FIRST;
	t->places = calloc(t->size, sizeof *t->places);
	memcpy(t->secret, secret, SIPHASH_KEY);
	buf_init(&t->out, MARK_LEN + TERMS_BYTES);
	buf_add(&t->out, SPAN("\x01\x01*"));
	if (t->places == NULL || !buf_ok(&t->out)) {
		terms_free(t);
		return NULL;
	}
	return t;
}

void terms_free(struct terms *t)
{
	if (t == NULL)
		return;
	ENSURE_TAG(t, TERMS_TAG);
	buf_free(&t->out);
	free(t->places);
	t->tag = 0;
	free(t);
}

/* ---- the set ---- */

static struct place *find(struct terms *t, uint32_t hash, struct span whole)
{
	size_t at = hash & (t->size - 1);
	struct span out = buf_span(&t->out);
	for (;; at = (at + 1) & (t->size - 1)) {
		struct place *p = &t->places[at];
		if (p->at == 0 ||
		    (p->hash == hash &&
		     span_eq(span_sub(out, p->at, whole.len), whole)))
			return p;
	}
}

static bool grow(struct terms *t)
{
	struct place *old = t->places, *more = calloc(2 * t->size, sizeof *more);
	if (more == NULL)
		return false;
	size_t was = t->size;
	t->size *= 2;
	t->places = more;
	for (size_t i = 0; i < was; i++) {
		if (old[i].at == 0)
			continue;
		size_t at = old[i].hash & (t->size - 1);
		while (more[at].at != 0)
			at = (at + 1) & (t->size - 1);
		more[at] = old[i];
	}
	free(old);
	return true;
}

/* `whole`: class, length, text. */
static void put(struct terms *t, struct span whole)
{
	uint32_t hash = (uint32_t)siphash(t->secret, whole);
	struct place *p = find(t, hash, whole);
	if (p->at != 0)
		return;
	size_t at = buf_len(&t->out);
	if (t->count == TERMS_COUNT || at + whole.len > MARK_LEN + TERMS_BYTES) {
		t->is_open = true;
		return;
	}
	buf_add(&t->out, whole);
	if (!buf_ok(&t->out)) {
		t->is_short = true;
		return;
	}
	*p = (struct place){.hash = hash, .at = (uint32_t)at};
	if (++t->count * 2 > t->size && !grow(t))
		t->is_short = true;
}

static void emit(struct terms *t, enum term_kind kind, struct span text)
{
	char whole[2 + TERM_MAX];
	ENSURE(text.len > 0 && text.len <= TERM_MAX);
	if (t->is_short)
		return;
	whole[0] = (char)TERM_CLASS(t->field, kind);
	whole[1] = (char)text.len;
	memcpy(whole + 2, text.ptr, text.len);
	put(t, span_of(whole, 2 + text.len));
}

/* ---- runs ---- */

static void slide(struct terms *t, enum term_kind kind, size_t points, struct span point)
{
	struct window *w = &t->window;
	if (w->points == points) {
		w->used -= w->len[0];
		memmove(w->bytes, w->bytes + w->len[0], w->used);
		memmove(w->len, w->len + 1, points - 1);
		w->points--;
	}
	memcpy(w->bytes + w->used, point.ptr, point.len);
	w->used += point.len;
	w->len[w->points++] = (unsigned char)point.len;
	if (w->points == points)
		emit(t, kind, span_of(w->bytes, w->used));
}

static void end_run(struct terms *t)
{
	if (t->kind == POINT_WORD && !t->is_long)
		emit(t, TERM_WORD, span_of(t->run, t->run_len));
	if (t->kind == POINT_GRAM && t->window.points == 1)
		emit(t, TERM_GRAM, span_of(t->window.bytes, t->window.used));
	t->kind = POINT_PART;
	t->is_long = false;
	t->run_len = t->run_points = 0;
	t->window.points = t->window.used = 0;
}

/* The run that was collected becomes pieces. */
static void make_long(struct terms *t)
{
	struct span rest = span_of(t->run, t->run_len);
	t->is_long = true;
	while (rest.len > 0) {
		enum point_kind kind;
		size_t n = point_next(rest, &kind);
		slide(t, TERM_LONG, TERM_LONG_POINTS, span_sub(rest, 0, n));
		rest = span_skip(rest, n);
	}
}

static void word_point(struct terms *t, struct span point)
{
	if (!t->is_long && t->run_len + point.len > TERM_MAX)
		make_long(t);
	if (t->is_long) {
		slide(t, TERM_LONG, TERM_LONG_POINTS, point);
		return;
	}
	memcpy(t->run + t->run_len, point.ptr, point.len);
	t->run_len += point.len;
}

static void one_point(struct terms *t, enum point_kind kind, struct span point)
{
	if (kind != t->kind) {
		end_run(t);
		t->kind = kind;
	}
	if (kind == POINT_WORD)
		word_point(t, point);
	else if (kind == POINT_GRAM)
		slide(t, TERM_GRAM, TERM_GRAM_POINTS, point);
}

/* Letters and digits of ASCII at the front. */
static size_t plain_word(struct span s)
{
	size_t n = 0;
	while (n < s.len && ascii_alnum(s.ptr[n]))
		n++;
	return n;
}

static bool is_ascii_at(struct span s, size_t at)
{
	return at < s.len && (unsigned char)s.ptr[at] < 0x80;
}

void terms_text(struct terms *t, enum term_field field, struct span s)
{
	ENSURE_TAG(t, TERMS_TAG);
	ENSURE(field < TERM_FIELDS);
	if (field != t->field)
		end_run(t);
	t->field = field;
	while (s.len > 0) {
		size_t n = plain_word(s);
		/* Most words stand whole in a piece and are ASCII. */
		if (n > 0 && n <= TERM_MAX && t->kind != POINT_WORD &&
		    is_ascii_at(s, n)) {
			end_run(t);
			emit(t, TERM_WORD, span_sub(s, 0, n));
		} else if (n > 0) {
			for (size_t i = 0; i < n; i++)
				one_point(t, POINT_WORD, span_sub(s, i, 1));
		} else {
			enum point_kind kind;
			n = point_next(s, &kind);
			one_point(t, kind, span_sub(s, 0, n));
		}
		s = span_skip(s, n);
	}
}

void terms_break(struct terms *t)
{
	ENSURE_TAG(t, TERMS_TAG);
	end_run(t);
}

void terms_leave_out(struct terms *t)
{
	t->is_open = true;
}

bool terms_open(const struct terms *t) { return t->is_open; }

struct span terms_bytes(const struct terms *t)
{
	ENSURE(t->kind == POINT_PART);
	struct span all = buf_span(&t->out);
	return t->is_open ? all : span_skip(all, MARK_LEN);
}

bool terms_short(const struct terms *t) { return t->is_short; }
