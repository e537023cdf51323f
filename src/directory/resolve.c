/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory/resolve: where mail for an address goes.
 *
 * Aliases are opened breadth first from a list that also is the memory of what
 * was seen, so each is opened once however they point at one another; depth,
 * results and the length of the list are bounded.
 */
#include "base/ensure.h"
#include "directory/inner.h"

#define SEEN_MAX (4u * DIRECTORY_RESULTS_MAX)

struct seen {
	struct span lower;
	struct span given; /* local parts elsewhere may mind their case */
	unsigned depth;
};

struct resolving {
	const struct directory *d;
	struct arena *arena;
	struct map *known; /* addresses on the list; accounts in the result */
	struct seen *seen;
	size_t count, next;
	struct directory_target *targets;
	size_t target_count;
	bool loop, memory;
};

static bool is_role(struct span local)
{
	return span_eq_nocase(local, SPAN("postmaster")) ||
	       span_eq_nocase(local, SPAN("abuse"));
}

static void see(struct resolving *r, struct span address, unsigned depth)
{
	if (address.len > DIRECTORY_ADDRESS_MAX)
		return;
	struct directory_key k = directory_key_text('@', address);
	struct span lower = span_skip(directory_key_span(&k), 1);
	if (map_get(r->known, lower))
		return;
	if (depth > DIRECTORY_DEPTH_MAX || r->count == SEEN_MAX) {
		r->loop = true;
		return;
	}
	struct seen *s = &r->seen[r->count];
	if (!arena_copy(r->arena, lower, &s->lower) ||
	    !arena_copy(r->arena, address, &s->given) ||
	    !map_put(r->known, s->lower, s)) {
		r->memory = true;
		return;
	}
	s->depth = depth;
	r->count++;
}

static void add(struct resolving *r, struct directory_target t)
{
	if (r->target_count == DIRECTORY_RESULTS_MAX) {
		r->loop = true;
		return;
	}
	if (t.account) {
		if (map_get_id(r->known, t.account))
			return;
		if (!map_put_id(r->known, t.account, r))
			r->memory = true;
	}
	if (!arena_copy(r->arena, t.address, &t.address) ||
	    !arena_copy(r->arena, t.detail, &t.detail))
		r->memory = true;
	r->targets[r->target_count++] = t;
}

/* An address of ours that somebody has. */
static bool known_address(struct resolving *r, struct span address,
			  struct span detail, unsigned depth)
{
	const struct address_object *o = directory_table_get_address(r->d, address);
	if (!o)
		return false;
	if (o->kind == DIRECTORY_ALIAS) {
		for (size_t i = 0; i < o->alias->alias.count; i++)
			see(r, o->alias->alias.targets[i], depth + 1);
		return true;
	}
	const struct directory_account *a = directory_account(r->d, o->account);
	if (!a || a->state == DIRECTORY_REMOVED)
		return false;
	add(r, (struct directory_target){a->id, a->name, detail});
	return true;
}

static struct span join(struct resolving *r, struct span local,
			struct span domain)
{
	struct span whole = arena_printf(r->arena, "%.*s@%.*s", SPAN_FMT(local),
					 SPAN_FMT(domain));
	r->memory |= whole.len == 0;
	return whole;
}

/* Where the first separator stands; SIZE_MAX: none does. */
static size_t separator_in(const struct directory *d, struct span local)
{
	struct span marks = span_of(d->separators, d->separator_count);
	for (size_t i = 0; i < local.len; i++)
		if (span_has(marks, local.ptr[i]))
			return i;
	return SIZE_MAX;
}

/* Without what stands behind the first separator. */
static bool sub_address(struct resolving *r, struct span local,
			struct span domain, unsigned depth)
{
	size_t at = separator_in(r->d, local);
	if (at == SIZE_MAX || at == 0)
		return false;
	struct span base = join(r, span_sub(local, 0, at), domain);
	return known_address(r, base, span_skip(local, at + 1), depth);
}

/* postmaster and abuse always reach somebody. */
static bool role_address(struct resolving *r, struct span local,
			 unsigned depth)
{
	if (!is_role(local))
		return false;
	const struct directory_domain *dom = NULL;
	struct span after = {0};
	while ((dom = directory_domain_next(r->d, after))) {
		struct span there = join(r, local, dom->name);
		if (known_address(r, there, (struct span){0}, depth))
			return true;
		after = dom->name;
	}
	if (r->d->postmaster.len == 0)
		return false;
	see(r, r->d->postmaster, depth + 1);
	return true;
}

/* False: nobody has it. */
static bool open_address(struct resolving *r, const struct seen *s)
{
	struct span local, domain;
	if (!directory_split(s->lower, &local, &domain))
		return role_address(r, s->lower, s->depth);
	const struct directory_domain *dom = directory_domain(r->d, domain);
	if (!dom) {
		struct span as_given = join(r, span_sub(s->given, 0, local.len), domain);
		add(r, (struct directory_target){0, as_given, {0}});
		return true;
	}
	if (known_address(r, s->lower, (struct span){0}, s->depth) ||
	    sub_address(r, local, domain, s->depth) ||
	    role_address(r, local, s->depth))
		return true;
	if (dom->catch_all.len == 0)
		return false;
	see(r, dom->catch_all, s->depth + 1);
	return true;
}

static enum directory_answer answer_of(const struct resolving *r,
				       struct span address)
{
	struct span local, domain;
	if (r->loop)
		return DIRECTORY_LOOP;
	if (r->target_count == 0)
		return DIRECTORY_UNKNOWN;
	if (r->target_count == 1 && r->targets[0].account)
		return DIRECTORY_OURS;
	if (directory_split(address, &local, &domain) &&
	    !directory_domain(r->d, domain))
		return DIRECTORY_REMOTE;
	return DIRECTORY_SET;
}

/* Nearly every question: an account by its very name. */
static bool quick(const struct directory *d, struct arena *a,
		  struct span address, struct directory_resolved *out)
{
	const struct directory_account *acc =
		directory_account_named(d, address);
	if (!acc || acc->state == DIRECTORY_REMOVED)
		return false;
	struct directory_target *t = ARENA_NEW(a, struct directory_target);
	if (!t || !arena_copy(a, acc->name, &t->address))
		return false;
	t->account = acc->id;
	*out = (struct directory_resolved){DIRECTORY_OURS, t, 1};
	return true;
}

/* And all that is relayed: a domain that is not ours.  *ok: there was memory. */
static bool elsewhere(const struct directory *d, struct arena *a,
		      struct span address, struct directory_resolved *out,
		      bool *ok)
{
	struct resolving r = {.d = d, .arena = a};
	struct directory_key k = directory_key_text('@', address);
	struct span lower = span_skip(directory_key_span(&k), 1), local, domain;
	*ok = true;
	if (!directory_split(lower, &local, &domain) ||
	    directory_domain(d, domain))
		return false;
	struct directory_target *t = ARENA_NEW(a, struct directory_target);
	struct span given = join(&r, span_sub(address, 0, local.len), domain);
	*ok = t != NULL && !r.memory;
	if (*ok) {
		t->address = given;
		*out = (struct directory_resolved){DIRECTORY_REMOTE, t, 1};
	}
	return true;
}

bool directory_resolve(const struct directory *d, struct arena *a,
		       struct span address, struct directory_resolved *out)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	struct resolving r = {.d = d, .arena = a};
	*out = (struct directory_resolved){.answer = DIRECTORY_UNKNOWN};
	bool ok;
	if (address.len > DIRECTORY_ADDRESS_MAX || quick(d, a, address, out))
		return true;
	if (elsewhere(d, a, address, out, &ok))
		return ok;
	r.known = map_new(d->secret, SEEN_MAX + DIRECTORY_RESULTS_MAX);
	r.seen = ARENA_ARRAY(a, SEEN_MAX, struct seen);
	r.targets = ARENA_ARRAY(a, DIRECTORY_RESULTS_MAX,
				struct directory_target);
	ok = r.known && r.seen && r.targets;
	if (ok) {
		see(&r, address, 0);
		while (r.next < r.count && !r.loop && !r.memory)
			open_address(&r, &r.seen[r.next++]);
		ok = !r.memory;
	}
	map_free(r.known);
	if (!ok)
		return false;
	out->answer = answer_of(&r, address);
	out->targets = r.targets;
	out->count = r.target_count;
	return true;
}

/* ---- who may send as whom ---- */

/* The address itself, or without its detail, is the account's or an alias
 * that leads to it alone.  A catch-all is no leave to send. */
static enum directory_leave leads_to(const struct directory *d,
				     struct arena *a, struct span address,
				     uint64_t account)
{
	struct directory_resolved r;
	const struct address_object *o = directory_table_get_address(d, address);
	bool yes;
	if (!o)
		return DIRECTORY_MAY_NOT;
	if (o->kind == DIRECTORY_ACCOUNT)
		yes = o->account == account;
	else if (directory_resolve(d, a, address, &r))
		yes = r.answer == DIRECTORY_OURS &&
		      r.targets[0].account == account;
	else
		return DIRECTORY_MAY_UNKNOWN;
	return yes ? DIRECTORY_MAY : DIRECTORY_MAY_NOT;
}

static bool granted(const struct directory_account *acc, struct span address,
		    struct span domain)
{
	for (size_t i = 0; i < acc->grant_count; i++) {
		struct span g = acc->grants[i];
		if (span_eq_nocase(g, address) ||
		    (g.len && g.ptr[0] == '@' &&
		     span_eq_nocase(span_skip(g, 1), domain)))
			return true;
	}
	return false;
}

enum directory_leave directory_may_send_as(const struct directory *d,
					   uint64_t account,
					   struct span address)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	struct span local, domain;
	const struct directory_account *acc = directory_account(d, account);
	if (!acc || acc->state == DIRECTORY_REMOVED ||
	    !directory_address_ok(address) ||
	    !directory_split(address, &local, &domain))
		return DIRECTORY_MAY_NOT;
	if (granted(acc, address, domain))
		return DIRECTORY_MAY;
	struct arena *a = arena_new(4u << 20);
	if (!a)
		return DIRECTORY_MAY_UNKNOWN;
	enum directory_leave may = leads_to(d, a, address, account);
	size_t at = directory_domain(d, domain) ? separator_in(d, local)
						: SIZE_MAX;
	if (may == DIRECTORY_MAY_NOT && at != SIZE_MAX && at > 0) {
		struct span base =
			arena_printf(a, "%.*s@%.*s", (int)at, local.ptr,
				     SPAN_FMT(domain));
		may = base.len == 0 ? DIRECTORY_MAY_UNKNOWN
				    : leads_to(d, a, base, account);
	}
	arena_free(a);
	return may;
}
