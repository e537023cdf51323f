/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/body: staging, and the rewriting that a submission may need.
 *
 * Must never let a session stage more than one message, or all of them more
 * than the configured sum.
 */
#include "role/store/body.h"

#include <stdlib.h>

#include "base/check.h"
#include "crypto/hash.h"
#include "os/file.h"

#define PIECE 65536u

static enum edge_store_answer of_kv(enum kv_result r)
{
	if (r == KV_OK)
		return EDGE_STORE_ANSWER_YES;
	return r == KV_FULL ? EDGE_STORE_ANSWER_LIMIT : EDGE_STORE_ANSWER_LATER;
}

/* ---- staging -------------------------------------------------------------- */

void staged_drop(struct store *s, struct staged *st)
{
	if (st == NULL)
		return;
	world_close(s->role->world, st->blob);
	kv_body_drop(st->file);
	s->staged -= st->size;
	free(st);
}

static struct staged *staged_new(struct store *s)
{
	struct staged *st = calloc(1, sizeof *st);
	if (st == NULL)
		return NULL;
	if (blob_new(s->role->world, &st->blob) != OS_OK) {
		free(st);
		return NULL;
	}
	do
		st->id = world_random_u64(s->role->world);
	while (st->id == 0);
	return st;
}

/* The first bytes of a body that turned out to be large. */
static enum edge_store_answer file_begin(struct store *s, struct staged *st)
{
	char *piece = malloc(PIECE);
	uint64_t at = 0;
	st->name = kv_body_name(s->kv);
	enum kv_result r = piece ? kv_body_begin(s->kv, &st->name, &st->file)
				 : KV_UNAVAILABLE;
	while (r == KV_OK && at < st->size) {
		size_t want = (size_t)u64_min(PIECE, st->size - at), got = 0;
		if (file_read_at(s->role->world, st->blob, piece, want, at,
				 &got) != OS_OK ||
		    got != want)
			r = KV_UNAVAILABLE;
		else
			r = kv_body_append(st->file, span_of(piece, got));
		st->crc = crc32c(st->crc, span_of(piece, got));
		at += got;
	}
	free(piece);
	return of_kv(r);
}

uint64_t staged_most(const struct store *s, const struct session *ss)
{
	uint64_t most = s->conf->store.staged;
	return ss->account != 0 ? most : most - most / 10;
}

static enum edge_store_answer append(struct store *s, const struct session *ss,
				     struct staged *st, struct span piece)
{
	enum edge_store_answer a = EDGE_STORE_ANSWER_YES;
	if (st->size + piece.len > s->conf->limits.message_size)
		return EDGE_STORE_ANSWER_TOO_BIG;
	if (s->staged + piece.len > staged_most(s, ss))
		return EDGE_STORE_ANSWER_LIMIT;
	if (st->file == NULL && st->size + piece.len > BODY_APART)
		a = file_begin(s, st);
	if (a != EDGE_STORE_ANSWER_YES)
		return a;
	if (file_append(s->role->world, st->blob, piece) != OS_OK)
		return EDGE_STORE_ANSWER_LATER;
	if (st->file != NULL) {
		st->crc = crc32c(st->crc, piece);
		a = of_kv(kv_body_append(st->file, piece));
	}
	st->size += piece.len;
	s->staged += piece.len;
	return a;
}

enum edge_store_answer stage_piece(struct session *ss, bool fresh,
				   struct span piece)
{
	struct store *s = ss->store;
	if (fresh) {
		staged_drop(s, ss->staged);
		ss->staged = staged_new(s);
	}
	if (ss->staged == NULL)
		return fresh ? EDGE_STORE_ANSWER_LATER : EDGE_STORE_ANSWER_NO;
	enum edge_store_answer a = append(s, ss, ss->staged, piece);
	if (a != EDGE_STORE_ANSWER_YES) {
		staged_drop(s, ss->staged);
		ss->staged = NULL;
	}
	return a;
}

/* An envelope with a recipient, or somebody who may append. */
static bool may_stage(const struct session *ss)
{
	return ss->service == EDGE_STORE_SERVICE_IMAP ||
	       (ss->transaction != NULL && ss->transaction->count > 0);
}

void on_stage(void *ctx, struct ipc_call *call,
	      const struct edge_store_stage *m)
{
	struct peer *p = ctx;
	struct session *ss = session_sends(p, m->session);
	struct edge_store_stage_reply rep = {.answer = EDGE_STORE_ANSWER_NO};
	bool fresh = m->staged == 0;
	if (ss != NULL &&
	    (fresh ? may_stage(ss)
		   : ss->staged != NULL && m->staged == ss->staged->id))
		rep.answer = stage_piece(ss, fresh, m->piece);
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.staged = ss->staged->id;
	edge_store_stage_answer(call, &rep);
}

/* ---- the whole ------------------------------------------------------------- */

static enum edge_store_answer read_back(struct job *j, struct body *b)
{
	size_t len = (size_t)b->size, got = 0;
	char *bytes = arena_bytes(j->arena, len);
	if (bytes == NULL ||
	    file_read_at(b->store->role->world, b->blob, bytes, len, 0, &got) !=
		    OS_OK ||
	    got != len)
		return EDGE_STORE_ANSWER_LATER;
	b->bytes = span_of(bytes, len);
	b->crc = crc32c(0, b->bytes);
	return EDGE_STORE_ANSWER_YES;
}

enum edge_store_answer body_collect(struct job *j, uint64_t staged,
				    struct span tail, struct body *b)
{
	struct store *s = j->store;
	struct staged *st = j->session->staged;
	*b = (struct body){.store = s, .blob = -1};
	if (staged == 0) {
		b->bytes = tail;
		b->size = tail.len;
		b->crc = crc32c(0, tail);
		b->name = kv_body_name(s->kv);
		return EDGE_STORE_ANSWER_YES;
	}
	if (st == NULL || st->id != staged)
		return EDGE_STORE_ANSWER_NO;
	j->session->staged = NULL;
	b->staged = st;
	b->blob = st->blob;
	enum edge_store_answer a = append(s, j->session, st, tail);
	b->size = st->size;
	if (a == EDGE_STORE_ANSWER_YES &&
	    blob_seal(s->role->world, st->blob) != OS_OK)
		a = EDGE_STORE_ANSWER_LATER;
	if (a != EDGE_STORE_ANSWER_YES)
		return a;
	if (st->file == NULL) {
		b->name = kv_body_name(s->kv);
		return read_back(j, b);
	}
	b->name = st->name;
	b->crc = st->crc;
	b->file = st->file;
	st->file = NULL;
	return EDGE_STORE_ANSWER_YES;
}

void body_drop(struct body *b)
{
	kv_body_drop(b->file);
	if (b->staged != NULL)
		staged_drop(b->store, b->staged);
	*b = (struct body){.store = b->store, .blob = -1};
}

bool body_peek(const struct body *b, uint64_t at, void *to, size_t len)
{
	size_t got = 0;
	if (b->blob >= 0)
		return file_read_at(b->store->role->world, b->blob, to, len, at,
				    &got) == OS_OK &&
		       got == len;
	if (at > b->bytes.len || len > b->bytes.len - at)
		return false;
	memcpy(to, b->bytes.ptr + at, len);
	return true;
}

/* ---- editing ---------------------------------------------------------------- */

/* Where an edited body goes: memory, or a new file of the engine. */
struct copy {
	const struct body *from;
	struct loop *loop;
	char *piece;
	char *to; /* memory */
	size_t at;
	struct kv_body *file;
	uint32_t crc;
};

static bool copy_bytes(struct copy *c, struct span bytes)
{
	c->crc = crc32c(c->crc, bytes);
	if (c->file != NULL)
		return kv_body_append(c->file, bytes) == KV_OK;
	if (bytes.len > 0)
		memcpy(c->to + c->at, bytes.ptr, bytes.len);
	c->at += bytes.len;
	return true;
}

static bool copy_range(struct copy *c, uint64_t at, uint64_t end)
{
	while (at < end) {
		size_t n = (size_t)u64_min(PIECE, end - at);
		if (!body_peek(c->from, at, c->piece, n) ||
		    !copy_bytes(c, span_of(c->piece, n)))
			return false;
		at += n;
		if (c->file != NULL)
			fiber_yield(c->loop); /* others have their turn */
	}
	return true;
}

static bool copy_kept(struct copy *c, const struct store_sorter_cut *cuts,
		      size_t count)
{
	uint64_t at = 0;
	for (size_t i = 0; i < count; i++) {
		if (!copy_range(c, at, cuts[i].offset))
			return false;
		at = cuts[i].offset + cuts[i].length;
	}
	return copy_range(c, at, c->from->size);
}

static void replace(struct body *b, const struct copy *c, struct kv_id name,
		    uint64_t size)
{
	kv_body_drop(b->file);
	b->file = c->file;
	b->bytes = span_of(c->to, c->file ? 0 : (size_t)size);
	b->name = name;
	b->size = size;
	b->crc = c->crc;
}

enum edge_store_answer body_edit(struct job *j, struct body *b,
				 struct span prefix,
				 const struct store_sorter_cut *cuts,
				 size_t count)
{
	struct copy c = {.from = b, .loop = j->store->role->loop};
	uint64_t size = b->size + prefix.len;
	if (prefix.len == 0 && count == 0)
		return EDGE_STORE_ANSWER_YES;
	for (size_t i = 0; i < count; i++)
		size -= cuts[i].length;
	struct kv_id name = kv_body_name(b->store->kv);
	enum kv_result r = KV_OK;
	c.piece = arena_bytes(j->arena, PIECE);
	if (size <= BODY_APART)
		c.to = arena_bytes(j->arena, (size_t)size + 1);
	else
		r = kv_body_begin(b->store->kv, &name, &c.file);
	bool ok = r == KV_OK && c.piece != NULL &&
		  (c.to != NULL || c.file != NULL) && copy_bytes(&c, prefix) &&
		  copy_kept(&c, cuts, count);
	if (!ok) {
		kv_body_drop(c.file);
		return r == KV_OK ? EDGE_STORE_ANSWER_LATER : of_kv(r);
	}
	replace(b, &c, name, size);
	return EDGE_STORE_ANSWER_YES;
}

enum edge_store_answer body_settle(struct job *j, struct body *b)
{
	if (b->file == NULL)
		return EDGE_STORE_ANSWER_YES;
	kv_body_finish(b->file, kv_gate, job_gate(j));
	b->file = NULL;
	enum kv_result r = job_kv(j, KV_OK);
	b->kept = r == KV_OK;
	return of_kv(r);
}
