/* SPDX-License-Identifier: Apache-2.0 */
/* role/logger/trail: a ring of blocks, and chains through it. */
#include "role/logger/trail.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/pack.h"
#include "base/siphash.h"
#include "os/file.h"

#define MAGIC	   0x314c5254u /* "TRL1" */
#define HEAD_MAGIC 0x3144484cu
#define HEAD	   64u	     /* bytes before an entry's body */
#define SHARE	   1024u     /* bytes of the ring for one bucket ... */
#define BUCKETS	   1048576u  /* ... and no more of them: 8 MiB */

struct trail {
	struct world *world;
	int fd;
	uint64_t size; /* of the ring: whole blocks */
	uint8_t secret[SIPHASH_KEY];
	uint64_t *heads; /* the newest position of a bucket and 1; 0: none */
	size_t mask;
	uint64_t end;  /* the position of the next entry */
	uint64_t scan; /* blocks read so far */
	bool ready;
	struct buf waiting; /* lines without a place yet */
	struct buf out;	    /* entries with one, from `end` on at a flush */
	struct buf body;    /* of the line that is added */
	char *block;
	uint64_t lost;
};

/* ---- entries -------------------------------------------------------------- */

struct head {
	uint32_t len; /* of the body */
	uint64_t position, prev, id;
	uint64_t body; /* the sum of the body; that of the head follows it */
};

#define SUMMED 40u /* bytes of the head that its sum covers */

static void put_head(struct buf *b, const struct head *h)
{
	pack_u32(b, MAGIC);
	pack_u32(b, h->len);
	pack_u64(b, h->position);
	pack_u64(b, h->prev);
	pack_u64(b, h->id);
	pack_u64(b, h->body);
}

/* False: nobody wrote it here. */
static bool read_head(const struct trail *t, struct span s, struct head *h)
{
	struct unpack u = unpack_of(s);
	bool ok = unpack_u32(&u) == MAGIC;
	h->len = unpack_u32(&u);
	h->position = unpack_u64(&u);
	h->prev = unpack_u64(&u);
	h->id = unpack_u64(&u);
	h->body = unpack_u64(&u);
	ok = ok && unpack_u64(&u) == siphash(t->secret, span_sub(s, 0, SUMMED));
	return ok && unpack_ok(&u) && h->len <= TRAIL_ENTRY_MAX;
}

static size_t bucket(const struct trail *t, uint64_t id)
{
	return siphash(t->secret, span_of(&id, sizeof id)) & t->mask;
}

static uint64_t place(const struct trail *t, uint64_t position)
{
	return TRAIL_PAGE + position % t->size;
}

static size_t left_in_block(uint64_t position)
{
	return TRAIL_BLOCK - (size_t)(position % TRAIL_BLOCK);
}

/* ---- the file ------------------------------------------------------------- */

static bool write_page(struct trail *t)
{
	char page[TRAIL_PAGE] = {0};
	struct buf b;
	buf_init(&b, sizeof page);
	pack_u32(&b, HEAD_MAGIC);
	pack_u64(&b, t->size);
	buf_add(&b, span_of(t->secret, sizeof t->secret));
	bool ok = buf_ok(&b);
	if (ok)
		memcpy(page, b.data + b.from, buf_len(&b));
	buf_free(&b);
	return ok && file_truncate(t->world, t->fd, 0) == OS_OK &&
	       file_write_at(t->world, t->fd, span_of(page, sizeof page), 0) ==
		       OS_OK;
}

static bool read_page(struct trail *t)
{
	char page[4 + 8 + SIPHASH_KEY];
	size_t got = 0;
	if (file_read_at(t->world, t->fd, page, sizeof page, 0, &got) != OS_OK ||
	    got < sizeof page)
		return false;
	struct unpack u = unpack_of(span_of(page, got));
	bool ok = unpack_u32(&u) == HEAD_MAGIC && unpack_u64(&u) == t->size;
	memcpy(t->secret, unpack_bytes(&u, SIPHASH_KEY).ptr, SIPHASH_KEY);
	return ok;
}

struct trail *trail_new(struct world *w, int fd, uint64_t size)
{
	struct trail *t = calloc(1, sizeof *t);
	size_t buckets = 1;
	ENSURE(size >= TRAIL_LEAST && size <= TRAIL_MOST);
	if (t == NULL) {
		world_close(w, fd);
		return NULL;
	}
	*t = (struct trail){.world = w, .fd = fd};
	t->size = size / TRAIL_BLOCK * TRAIL_BLOCK;
	while (buckets < t->size / SHARE && buckets < BUCKETS)
		buckets *= 2;
	t->mask = buckets - 1;
	t->heads = calloc(buckets, sizeof *t->heads);
	t->block = malloc(TRAIL_BLOCK);
	buf_init(&t->waiting, TRAIL_WAITING);
	buf_init(&t->out, 3 * TRAIL_WAITING);
	buf_init(&t->body, TRAIL_ENTRY_MAX);
	bool ok = t->heads != NULL && t->block != NULL;
	if (ok && !read_page(t)) {
		world_random(w, t->secret, sizeof t->secret);
		ok = write_page(t);
	}
	if (ok)
		return t;
	trail_free(t);
	return NULL;
}

void trail_free(struct trail *t)
{
	if (t == NULL)
		return;
	if (t->ready)
		trail_flush(t);
	world_close(t->world, t->fd);
	buf_free(&t->waiting);
	buf_free(&t->out);
	buf_free(&t->body);
	free(t->heads);
	free(t->block);
	free(t);
}

/* ---- the table ------------------------------------------------------------ */

static void learn(struct trail *t, const struct head *h)
{
	uint64_t *head = &t->heads[bucket(t, h->id)];
	if (h->position >= *head)
		*head = h->position + 1;
	if (h->position + HEAD + h->len > t->end)
		t->end = h->position + HEAD + h->len;
}

static void read_block(struct trail *t, uint64_t number, struct span s)
{
	size_t at = 0;
	struct head h;
	while (s.len - at >= HEAD && read_head(t, span_skip(s, at), &h) &&
	       h.len <= s.len - at - HEAD &&
	       h.position % t->size == number * TRAIL_BLOCK + at) {
		learn(t, &h);
		at += HEAD + h.len;
	}
}

/* True: all were read, or the file ends. */
static bool read_blocks(struct trail *t)
{
	for (unsigned i = 0; i < TRAIL_SLICE; i++) {
		size_t got = 0;
		if (t->scan * TRAIL_BLOCK == t->size ||
		    file_read_at(t->world, t->fd, t->block, TRAIL_BLOCK,
				 TRAIL_PAGE + t->scan * TRAIL_BLOCK,
				 &got) != OS_OK ||
		    got == 0)
			return true;
		read_block(t, t->scan, span_of(t->block, got));
		t->scan++;
	}
	return false;
}

bool trail_read(struct trail *t)
{
	if (!t->ready && read_blocks(t)) {
		t->ready = true;
		trail_flush(t);
	}
	return t->ready;
}

bool trail_is_ready(const struct trail *t) { return t->ready; }
uint64_t trail_lost(const struct trail *t) { return t->lost; }

/* ---- adding --------------------------------------------------------------- */

/* In `waiting`: length, id, body. */
static void wait_for_place(struct trail *t, uint64_t id, struct span body)
{
	if (TRAIL_WAITING - buf_len(&t->waiting) < body.len + 12) {
		t->lost++;
		return;
	}
	pack_u32(&t->waiting, (uint32_t)body.len);
	pack_u64(&t->waiting, id);
	buf_add(&t->waiting, body);
	if (!buf_ok(&t->waiting)) { /* memory: what waits may be cut */
		t->lost++;
		buf_free(&t->waiting);
		buf_init(&t->waiting, TRAIL_WAITING);
	}
}

void trail_add(struct trail *t, const struct trail_stamp *st,
	       const struct role_logger_line *l)
{
	struct buf *body = &t->body;
	if (l->id == 0)
		return;
	buf_clear(body);
	pack_u64(body, (uint64_t)st->sec);
	pack_u32(body, st->nsec);
	pack_u32(body, st->pid);
	pack_span(body, span_sub(st->role, 0, TRAIL_ROLE_MAX));
	if (role_logger_line_encode(l, body) && buf_ok(body))
		wait_for_place(t, l->id, buf_span(body));
	else
		t->lost++;
}

/* `position` is where out ends; the rest of a block may stay empty. */
static void give_place(struct trail *t, uint64_t *position, uint64_t id,
		       struct span body)
{
	static const char zeros[1024];
	size_t room = left_in_block(*position);
	if (room < HEAD + body.len) {
		*position += room;
		for (; room > 0; room -= room < sizeof zeros ? room : sizeof zeros)
			buf_add(&t->out, span_of(zeros, room < sizeof zeros
								? room
								: sizeof zeros));
	}
	uint64_t *head = &t->heads[bucket(t, id)];
	struct head h = {.len = (uint32_t)body.len,
			 .position = *position,
			 .prev = *head,
			 .id = id,
			 .body = siphash(t->secret, body)};
	size_t begin = buf_len(&t->out);
	put_head(&t->out, &h);
	if (!buf_ok(&t->out))
		return;
	pack_u64(&t->out, siphash(t->secret,
				  span_skip(buf_span(&t->out), begin)));
	pack_u64(&t->out, 0);
	pack_u64(&t->out, 0);
	buf_add(&t->out, body);
	*head = *position + 1;
	*position += HEAD + body.len;
}

/* Round the end of the ring in two. */
static bool write_out(struct trail *t)
{
	struct span s = buf_span(&t->out);
	uint64_t at = t->end;
	while (s.len > 0) {
		uint64_t to_end = t->size - at % t->size;
		struct span part = span_sub(s, 0, (size_t)(to_end < s.len
								   ? to_end
								   : s.len));
		if (file_write_at(t->world, t->fd, part, place(t, at)) != OS_OK)
			return false;
		at += part.len;
		s = span_skip(s, part.len);
	}
	return true;
}

/* Chains lead to what is not there: they are made again from what is. */
static void spoil(struct trail *t)
{
	memset(t->heads, 0, (t->mask + 1) * sizeof *t->heads);
	t->ready = false;
	t->scan = 0;
	t->end = 0;
}

void trail_flush(struct trail *t)
{
	struct unpack u = unpack_of(buf_span(&t->waiting));
	uint64_t position = t->end, lines = 0;
	if (!t->ready || u.rest.len == 0)
		return;
	buf_clear(&t->out);
	while (u.rest.len > 0) {
		uint32_t len = unpack_u32(&u);
		uint64_t id = unpack_u64(&u);
		give_place(t, &position, id, unpack_bytes(&u, len));
		lines++;
	}
	ENSURE(unpack_ok(&u));
	if (buf_ok(&t->out) && write_out(t)) {
		t->end = position;
	} else {
		t->lost += lines;
		spoil(t);
		buf_clear(&t->out);
	}
	buf_clear(&t->waiting);
	buf_trim(&t->waiting);
	buf_clear(&t->out);
	buf_trim(&t->out);
}

/* ---- finding -------------------------------------------------------------- */

static bool still_there(const struct trail *t, uint64_t position)
{
	return position < t->end && t->end - position <= t->size;
}

static bool read_at(struct trail *t, void *to, size_t len, uint64_t position)
{
	size_t got = 0;
	return file_read_at(t->world, t->fd, to, len, place(t, position),
			    &got) == OS_OK &&
	       got == len;
}

static bool take(struct trail *t, const struct head *h, struct arena *a,
		 struct trail_entry *e)
{
	char *body = arena_bytes(a, h->len + 1);
	if (body == NULL || !read_at(t, body, h->len, h->position + HEAD))
		return false;
	struct span s = span_of(body, h->len);
	if (siphash(t->secret, s) != h->body)
		return false;
	struct unpack u = unpack_of(s);
	e->stamp.sec = (int64_t)unpack_u64(&u);
	e->stamp.nsec = unpack_u32(&u);
	e->stamp.pid = unpack_u32(&u);
	e->stamp.role = unpack_span(&u, TRAIL_ROLE_MAX);
	e->line = u.rest;
	return unpack_ok(&u);
}

/* *at is a position and 1, as in the table. */
bool trail_next(struct trail *t, uint64_t id, uint64_t *at, struct arena *a,
		struct trail_entry *e)
{
	char bytes[HEAD];
	struct head h;
	ENSURE(t->ready);
	trail_flush(t);
	if (*at == 0)
		*at = t->heads[bucket(t, id)];
	for (unsigned i = 0; i < TRAIL_STEPS && *at != 0; i++) {
		uint64_t position = *at - 1;
		bool there = still_there(t, position) &&
			     left_in_block(position) >= HEAD &&
			     read_at(t, bytes, HEAD, position) &&
			     read_head(t, span_of(bytes, HEAD), &h) &&
			     h.position == position && h.prev <= position &&
			     h.len <= left_in_block(position) - HEAD;
		*at = there ? h.prev : 0;
		if (there && h.id == id && take(t, &h, a, e))
			return true;
	}
	return false;
}
