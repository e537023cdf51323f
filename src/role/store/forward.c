/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/forward: see forward.h.
 *
 * Must never rewrite the sender of mail that is not forwarded, nor let the
 * answer depend on anything but the address, the key and the day.
 */
#include "role/store/forward.h"

#include <string.h>

#include "srs/srs.h"

_Static_assert(SRS_KEY == STORE_SECRET, "one length of keys");

static bool key_of(struct job *j, struct span *out)
{
	struct store *s = j->store;
	if (!s->has_srs_key)
		s->has_srs_key = secret_of(j, SPAN("srs-key"), s->srs_key);
	*out = span_of(s->srs_key, sizeof s->srs_key);
	return s->has_srs_key;
}

/* NIL: none. */
static struct span domain_of(struct span address)
{
	size_t at = span_find_last(address, '@');
	return at == SIZE_MAX ? span_of(NULL, 0) : span_skip(address, at + 1);
}

static bool is_ours(const struct store *s, struct span address)
{
	struct span domain = domain_of(address);
	return domain.len > 0 && directory_domain(s->directory, domain) != NULL;
}

/*
 * Where all remote recipients are behind addresses of ours: the domain of the
 * first; else nothing.
 */
static struct span forwarding_domain(const struct offer *o)
{
	const struct store *s = o->job->store;
	struct span domain = {0};
	for (size_t i = 0; i < o->count; i++) {
		const struct target *t = &o->targets[i];
		if (t->account != 0)
			continue;
		if (t->recipient->returning || !is_ours(s, t->recipient->address))
			return span_of(NULL, 0);
		if (domain.len == 0)
			domain = domain_of(t->recipient->address);
	}
	return domain;
}

enum edge_store_answer forward_sender(struct offer *o, struct span *sender)
{
	struct job *j = o->job;
	struct span domain = forwarding_domain(o), key;
	*sender = o->ask->sender;
	if (domain.len == 0 || sender->len == 0 || is_ours(j->store, *sender))
		return EDGE_STORE_ANSWER_YES;
	if (!key_of(j, &key))
		return EDGE_STORE_ANSWER_LATER;
	struct buf b;
	buf_init(&b, SPOOL_ADDRESS_MAX);
	enum srs_result r = srs_forward(key, world_wall(j->store->role->world).sec,
					o->ask->sender, domain, &b);
	if (r == SRS_OK && !arena_copy(j->arena, buf_span(&b), sender))
		r = SRS_MEMORY;
	buf_free(&b);
	if (r == SRS_CANNOT)
		LOG(j->store->role->log, INFO, "forward.sender_kept",
		    log_id(o->ask->id), F("from", o->ask->sender));
	return r == SRS_MEMORY ? EDGE_STORE_ANSWER_LATER : EDGE_STORE_ANSWER_YES;
}

bool forward_looks(const struct store *s, struct span address)
{
	return srs_looks(address) && is_ours(s, address);
}

enum forward_back forward_back(struct job *j, struct span address, struct span *to)
{
	struct span key;
	struct buf b;
	if (!key_of(j, &key))
		return FORWARD_LATER;
	buf_init(&b, DIRECTORY_ADDRESS_MAX);
	enum srs_result r = srs_reverse(key, world_wall(j->store->role->world).sec,
					address, &b);
	if (r == SRS_OK && !arena_copy(j->arena, buf_span(&b), to))
		r = SRS_MEMORY;
	buf_free(&b);
	if (r == SRS_OK)
		return FORWARD_BACK;
	if (r == SRS_NOT)
		return FORWARD_NO;
	return r == SRS_MEMORY ? FORWARD_LATER : FORWARD_INVALID;
}
