/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/narrow: a message with 8-bit text for a server without 8BITMIME
 * (RFC 6152 3), turned while it is sent (sevenbit/sevenbit.h).
 *
 * Must never hold more of it than a piece, nor send one that was judged to stay as
 * it is.
 */
#include "base/check.h"
#include "role/courier/job.h"
#include "sevenbit/sevenbit.h"

#define PIECE_IN 2048u
#define PIECE_OUT (PIECE_IN * SEVENBIT_GROWTH + SEVENBIT_MORE)

_Static_assert(PIECE_OUT <= SMTP_CLIENT_PIECE_MAX, "a turned piece is a piece");

struct narrow {
	struct job *job;
	struct smtp_source *whole; /* prefix and body */
	struct sevenbit *seven;
	enum sevenbit_can can;
	bool judged;
	uint64_t at; /* of prefix and body */
	struct span rest; /* of what was pulled */
	bool ended;
	struct buf out;
	struct smtp_source source;
};

/* A piece of the message with the part that is its prefix; the end is empty. */
static enum smtp_pull piece(struct narrow *n, struct span *prefix, struct span *body)
{
	uint64_t before = n->job->lease->prefix.len;
	if (n->rest.len == 0) {
		enum smtp_pull p = n->whole->pull(n->whole, &n->rest);
		if (p != SMTP_PULL_BYTES)
			return p;
	}
	struct span all = span_sub(n->rest, 0, PIECE_IN);
	size_t front = n->at < before ? (size_t)u64_min(before - n->at, all.len) : 0;
	n->rest = span_skip(n->rest, all.len);
	n->at += all.len;
	*prefix = span_sub(all, 0, front);
	*body = span_skip(all, front);
	return SMTP_PULL_BYTES;
}

static void rewind_it(struct narrow *n)
{
	n->whole = letter_source(n->job->letter);
	n->at = 0;
	n->rest = span_of(NULL, 0);
	n->ended = false;
}

static enum smtp_pull pull(struct smtp_source *s, struct span *bytes)
{
	struct narrow *n = CONTAINER_OF(s, struct narrow, source);
	buf_clear(&n->out);
	while (buf_len(&n->out) == 0) {
		struct span prefix, body;
		if (n->ended)
			return SMTP_PULL_END;
		enum smtp_pull p = piece(n, &prefix, &body);
		if (p == SMTP_PULL_FAILED)
			return p;
		n->ended = p == SMTP_PULL_END;
		if (n->ended) {
			sevenbit_end(n->seven, &n->out);
		} else {
			buf_add(&n->out, prefix);
			sevenbit_turn(n->seven, body, &n->out);
		}
		if (!buf_ok(&n->out))
			return SMTP_PULL_FAILED;
	}
	*bytes = buf_span(&n->out);
	return SMTP_PULL_BYTES;
}

static bool has_high(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > 127)
			return true;
	return false;
}

static struct summary *structure(struct job *j)
{
	struct courier_store *store = job_store(j);
	struct courier_store_structure m = {.lease = j->lease->lease};
	struct courier_store_structure_reply rep;
	struct summary *s = NULL;
	if (store == NULL ||
	    courier_store_structure(store, &m, j->arena, &rep,
				    courier_within(j->courier, COURIER_STORE_NS)) !=
		    IPC_OK ||
	    rep.answer != COURIER_STORE_ANSWER_YES)
		return NULL;
	if (summary_read(rep.summary, j->lease->size, j->arena, &s) == SUMMARY_OK)
		return s;
	return summary_opaque(j->arena, j->lease->size);
}

/* The whole message is looked at.  False: not now. */
static bool judge(struct narrow *n)
{
	struct job *j = n->job;
	struct summary *s = structure(j);
	bool high = false;
	enum smtp_pull p;
	n->seven = s != NULL ? sevenbit_new(s, j->arena) : NULL;
	if (n->seven == NULL)
		return false;
	struct span prefix, body;
	rewind_it(n);
	while ((p = piece(n, &prefix, &body)) == SMTP_PULL_BYTES) {
		high |= has_high(prefix);
		sevenbit_look(n->seven, body);
	}
	if (p != SMTP_PULL_END)
		return false;
	n->can = sevenbit_judge(n->seven);
	if (high)
		n->can = SEVENBIT_HEADER;
	n->judged = true;
	return true;
}

struct smtp_source *narrow_source(struct job *j, struct span *why)
{
	*why = span_of(NULL, 0);
	if (j->narrow == NULL) {
		struct narrow *n = ARENA_NEW(j->arena, struct narrow);
		if (n == NULL)
			return NULL;
		*n = (struct narrow){.job = j, .source = {.pull = pull}};
		buf_init(&n->out, PIECE_OUT);
		j->narrow = n;
	}
	struct narrow *n = j->narrow;
	if (!n->judged && !judge(n))
		return NULL;
	*why = span_cstr(sevenbit_why(n->can));
	if (n->can > SEVENBIT_CAN)
		return NULL;
	if (n->can == SEVENBIT_CAN)
		TELL(&j->story, "carry.narrowed", F_U64("size", letter_size(j->letter)));
	rewind_it(n);
	sevenbit_begin(n->seven);
	return &n->source;
}

void narrow_free(struct narrow *n)
{
	if (n != NULL)
		buf_free(&n->out);
}
