/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/report: counting the sessions of one day.
 *
 * Memory is an arena of a fixed limit.  What does not fit loses its particulars
 * first, then its domain; the sums stay right for what is kept.
 *
 * Must never grow with the number of sessions.
 */
#include "policy/tally.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/map.h"

#define TALLY_TAG  TAG4('T', 'A', 'L', 'Y')
#define DOMAIN_MAX 255u

struct policy_tally {
	uint32_t tag;
	uint8_t secret[SIPHASH_KEY];
	struct arena *arena;
	struct map *domains;
	uint64_t lost;
};

struct policy_tally *policy_tally_new(const uint8_t secret[SIPHASH_KEY],
				      size_t limit)
{
	struct policy_tally *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->tag = TALLY_TAG;
	memcpy(t->secret, secret, sizeof t->secret);
	t->arena = arena_new(limit);
	t->domains = map_new(secret, POLICY_TALLY_DOMAINS);
	if (t->arena == NULL || t->domains == NULL) {
		policy_tally_free(t);
		return NULL;
	}
	return t;
}

void policy_tally_free(struct policy_tally *t)
{
	if (t == NULL)
		return;
	ENSURE_TAG(t, TALLY_TAG);
	map_free(t->domains);
	arena_free(t->arena);
	t->tag = 0;
	free(t);
}

void tally_add(uint64_t *to, uint64_t n)
{
	if (!u64_add(*to, n, to))
		*to = UINT64_MAX;
}

static bool copies(struct arena *arena, const struct span *from, size_t count,
		   struct span **to)
{
	*to = ARENA_ARRAY(arena, count + 1, struct span);
	if (*to == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!arena_copy(arena, from[i], &(*to)[i]))
			return false;
	return true;
}

struct policy_tally_domain *tally_domain(struct policy_tally *t, struct span name)
{
	char lower[DOMAIN_MAX];
	if (name.len == 0 || name.len > DOMAIN_MAX)
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = ascii_lower(name.ptr[i]);
	struct span key = span_of(lower, name.len);
	struct policy_tally_domain *d = map_get(t->domains, key);
	if (d != NULL || map_count(t->domains) == POLICY_TALLY_DOMAINS)
		return d;
	d = ARENA_NEW(t->arena, struct policy_tally_domain);
	if (d == NULL || !arena_copy(t->arena, key, &d->name) ||
	    !map_put(t->domains, d->name, d))
		return NULL;
	return d;
}

static uint64_t print_of(const struct policy_tally *t,
			 const struct policy_session *s)
{
	uint64_t print = s->string_count + siphash(t->secret, s->policy_domain);
	for (size_t i = 0; i < s->string_count; i++)
		print = print * 31 + siphash(t->secret, s->strings[i]);
	return print;
}

/* The policy of this session, made if there is room; else the last of its kind,
 * so that a policy that changes all day still counts. */
struct tally_policy *tally_policy(struct policy_tally *t,
				  struct policy_tally_domain *d,
				  const struct policy_session *s)
{
	struct tally_policy *like = NULL;
	uint64_t print = print_of(t, s);
	for (size_t i = 0; i < d->policy_count; i++) {
		if (d->policies[i]->type != s->type)
			continue;
		like = d->policies[i];
		if (like->print == print)
			return like;
	}
	if (d->policy_count == POLICY_TALLY_POLICIES)
		return like;
	struct tally_policy *p = ARENA_NEW(t->arena, struct tally_policy);
	size_t strings = size_min(s->string_count, POLICY_TALLY_STRINGS);
	size_t mx = size_min(s->mx_count, POLICY_TALLY_STRINGS);
	if (p == NULL || !arena_copy(t->arena, s->policy_domain, &p->domain) ||
	    !copies(t->arena, s->strings, strings, &p->strings) ||
	    !copies(t->arena, s->mx, mx, &p->mx))
		return like;
	p->type = s->type;
	p->print = print;
	p->string_count = strings;
	p->mx_count = mx;
	d->policies[d->policy_count++] = p;
	return p;
}

static bool same(const struct tally_detail *a, const struct policy_session *s)
{
	return a->failure == s->failure &&
	       span_eq(a->sending_ip, s->sending_ip) &&
	       span_eq(a->receiving_ip, s->receiving_ip) &&
	       span_eq(a->receiving_mx, s->receiving_mx) &&
	       span_eq(a->receiving_helo, s->receiving_helo) &&
	       span_eq(a->reason, s->reason);
}

bool tally_failures(struct policy_tally *t, struct tally_policy *p,
		    const struct policy_session *s, uint64_t count)
{
	for (size_t i = 0; i < p->detail_count; i++)
		if (same(p->details[i], s)) {
			tally_add(&p->details[i]->count, count);
			return true;
		}
	if (p->detail_count == POLICY_TALLY_DETAILS)
		return false;
	struct tally_detail *d = ARENA_NEW(t->arena, struct tally_detail);
	if (d == NULL ||
	    !arena_copy(t->arena, s->sending_ip, &d->sending_ip) ||
	    !arena_copy(t->arena, s->receiving_ip, &d->receiving_ip) ||
	    !arena_copy(t->arena, s->receiving_mx, &d->receiving_mx) ||
	    !arena_copy(t->arena, s->receiving_helo, &d->receiving_helo) ||
	    !arena_copy(t->arena, s->reason, &d->reason))
		return false;
	d->failure = s->failure;
	d->count = count;
	p->details[p->detail_count++] = d;
	return true;
}

enum policy_counted policy_tally_add(struct policy_tally *t,
				     const struct policy_session *s)
{
	ENSURE_TAG(t, TALLY_TAG);
	struct policy_tally_domain *d = tally_domain(t, s->domain);
	struct tally_policy *p = d != NULL ? tally_policy(t, d, s) : NULL;
	if (p == NULL) {
		tally_add(&t->lost, 1);
		return POLICY_COUNTED_NOT;
	}
	d->changed = true;
	if (s->failure == POLICY_FAILURE_NONE) {
		tally_add(&p->successes, 1);
		return POLICY_COUNTED;
	}
	tally_add(&p->failures, 1);
	if (tally_failures(t, p, s, 1))
		return POLICY_COUNTED;
	tally_add(&p->bare, 1);
	return POLICY_COUNTED_BARE;
}

struct policy_tally_domain *policy_tally_find(const struct policy_tally *t,
					      struct span domain)
{
	char lower[DOMAIN_MAX];
	ENSURE_TAG(t, TALLY_TAG);
	if (domain.len > DOMAIN_MAX)
		return NULL;
	for (size_t i = 0; i < domain.len; i++)
		lower[i] = ascii_lower(domain.ptr[i]);
	return map_get(t->domains, span_of(lower, domain.len));
}

bool policy_tally_changed(const struct policy_tally_domain *d)
{
	return d->changed;
}

void policy_tally_saved(struct policy_tally_domain *d) { d->changed = false; }
void policy_tally_touched(struct policy_tally_domain *d) { d->changed = true; }

size_t policy_tally_domains(const struct policy_tally *t)
{
	ENSURE_TAG(t, TALLY_TAG);
	return map_count(t->domains);
}

uint64_t policy_tally_lost(const struct policy_tally *t)
{
	ENSURE_TAG(t, TALLY_TAG);
	return t->lost;
}

const struct policy_tally_domain *
policy_tally_next(const struct policy_tally *t, size_t *at)
{
	ENSURE_TAG(t, TALLY_TAG);
	return map_next(t->domains, at);
}

struct span policy_tally_name(const struct policy_tally_domain *d)
{
	return d->name;
}
