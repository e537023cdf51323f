/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/letter: prefix, the beginning of the body that came with the
 * lease, and the rest from the store, piece by piece.
 *
 * Must never: give bytes of a lease that is no longer ours, or an end where the
 * message has not ended.
 */
#include "base/check.h"
#include "role/courier/job.h"

#define PIECE_MAX    61440u /* of the schema */
#define PIECE_ARENA (2u * PIECE_MAX)

struct letter {
	struct job *job;
	struct arena *piece;
	uint64_t at; /* of what is pulled one after the other */
	struct smtp_source source;
	struct dsn_source ranges;
};

uint64_t letter_size(const struct letter *l)
{
	return l->job->lease->prefix.len + l->job->lease->size;
}

/* At least one byte from `at` on, unless that is the end. */
static bool bytes_at(struct letter *l, uint64_t at, size_t len, struct span *out)
{
	struct job *j = l->job;
	struct span prefix = j->lease->prefix, body = j->lease->body;
	uint64_t size = j->lease->size;
	if (at < prefix.len) {
		*out = span_sub(prefix, (size_t)at, len);
		return true;
	}
	at -= prefix.len;
	if (at < body.len) {
		*out = span_sub(body, (size_t)at, len);
		return true;
	}
	struct courier_store *store = job_store(j);
	struct courier_store_body_reply rep;
	struct courier_store_body m = {
		.lease = j->lease->lease,
		.offset = at,
		.length = (uint32_t)u64_min(u64_min(len, PIECE_MAX), size - at)};
	arena_reset(l->piece);
	if (at >= size || store == NULL ||
	    courier_store_body(store, &m, l->piece, &rep,
			       courier_within(j->courier, COURIER_STORE_NS)) !=
		    IPC_OK ||
	    rep.answer != COURIER_STORE_ANSWER_YES || rep.bytes.len == 0 ||
	    rep.bytes.len > m.length)
		return false;
	*out = rep.bytes;
	return true;
}

static enum smtp_pull pull(struct smtp_source *s, struct span *bytes)
{
	struct letter *l = CONTAINER_OF(s, struct letter, source);
	if (l->at >= letter_size(l))
		return SMTP_PULL_END;
	if (!bytes_at(l, l->at, PIECE_MAX, bytes))
		return SMTP_PULL_FAILED;
	l->at += bytes->len;
	return SMTP_PULL_BYTES;
}

static bool pull_range(struct dsn_source *s, uint64_t at, size_t len,
		       struct span *bytes)
{
	return bytes_at(CONTAINER_OF(s, struct letter, ranges), at, len, bytes);
}

struct letter *letter_new(struct job *j)
{
	struct letter *l = ARENA_NEW(j->arena, struct letter);
	if (l == NULL || j->lease->body.len > j->lease->size)
		return NULL;
	*l = (struct letter){.job = j,
			     .piece = arena_new(PIECE_ARENA),
			     .source = {.pull = pull},
			     .ranges = {.pull = pull_range}};
	return l->piece != NULL ? l : NULL;
}

void letter_free(struct letter *l)
{
	if (l != NULL)
		arena_free(l->piece);
}

struct smtp_source *letter_source(struct letter *l)
{
	l->at = 0;
	return &l->source;
}

struct dsn_source *letter_ranges(struct letter *l)
{
	return &l->ranges;
}
