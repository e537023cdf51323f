/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/foreign: the mailboxes of others that a session may see, by name.
 *
 * Looked for in the accounts that once granted something to this one, and in those
 * that the configuration calls shared; what they grant now is read there.  The levels
 * above what is seen are told as bare ones, whatever stands there.
 *
 * Must never name a mailbox without the right to see it.  Bounded: one account shows
 * at most OF_ONE, all together at most OF_ALL.
 */
#include <stdlib.h>

#include "role/store/access.h"

#define OF_ONE	 2000u
#define OF_ALL	 10000u
#define PAGE	 512u
#define SLICE_NS (50 * NS_PER_MS) /* then others have their turn */

struct looking {
	struct job *job;
	struct foreign *out;
	size_t cap; /* of out->entries */
	uint64_t turn;
	/* One account. */
	uint64_t account; /* whose session it is */
	bool anyone;
	uint32_t *seen; /* numbers of mailboxes, ascending */
	size_t seen_count;
};

static enum box_result see(void *arg, uint32_t mailbox, const struct box_grants *g)
{
	struct looking *l = arg;
	if ((box_grants_of(g, l->account, l->anyone) & ACL_L) != 0 &&
	    l->seen_count < OF_ONE)
		l->seen[l->seen_count++] = mailbox;
	return BOX_OK;
}

static bool is_seen(const struct looking *l, uint32_t mailbox)
{
	size_t lo = 0, hi = l->seen_count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->seen[mid] == mailbox)
			return true;
		if (l->seen[mid] < mailbox)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Bare levels and mailboxes; too many are left out. */
static bool add(struct looking *l, struct span name, uint32_t mailbox)
{
	struct foreign *f = l->out;
	if (f->count == 2 * OF_ALL || name.len > BOX_NAME_MAX)
		return true;
	if (f->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct box_entry *more =
			ARENA_ARRAY(l->job->arena, cap, struct box_entry);
		if (more == NULL)
			return false;
		if (f->count > 0)
			memcpy(more, f->entries, f->count * sizeof *more);
		f->entries = more;
		l->cap = cap;
	}
	f->entries[f->count++] = (struct box_entry){.mailbox = mailbox, .name = name};
	return true;
}

/* The name, and the levels above it that the one before did not have. */
static bool add_name(struct looking *l, struct span name, uint32_t mailbox)
{
	struct foreign *f = l->out;
	struct span before = {0};
	if (f->count > 0)
		before = f->entries[f->count - 1].name;
	for (size_t i = 1; i < name.len; i++)
		if (name.ptr[i] == '/' &&
		    !(before.len > i && before.ptr[i] == '/' &&
		      span_starts(before, span_sub(name, 0, i))) &&
		    !add(l, span_sub(name, 0, i), 0))
			return false;
	return add(l, name, mailbox);
}

static enum box_result add_entries(struct looking *l, struct span top,
				   struct span account, const struct box_entry *e,
				   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (e[i].mailbox == 0 || !is_seen(l, e[i].mailbox))
			continue;
		struct span name = arena_printf(l->job->arena, "%.*s/%.*s/%.*s",
						SPAN_FMT(top), SPAN_FMT(account),
						SPAN_FMT(e[i].name));
		if (name.ptr == NULL || !add_name(l, name, e[i].mailbox))
			return BOX_UNAVAILABLE;
	}
	return BOX_OK;
}

static enum box_result look_into(struct looking *l, struct open_box *b, struct span top,
				 struct span account)
{
	struct box_entry *page = ARENA_ARRAY(l->job->arena, PAGE, struct box_entry);
	struct span after = {0};
	size_t count = PAGE;
	l->seen_count = 0;
	enum box_result r = page ? BOX_OK : BOX_UNAVAILABLE;
	if (r == BOX_OK)
		r = box_grants_each(b->box, KV_VISIBLE, see, l);
	while (r == BOX_OK && l->seen_count > 0 && count == PAGE) {
		r = box_list(b->box, KV_VISIBLE, l->job->arena, after, page, PAGE,
			     &count);
		if (r == BOX_OK)
			r = add_entries(l, top, account, page, count);
		if (count > 0)
			after = page[count - 1].name;
	}
	return r;
}

/* Names that no client could write are not shown (a "/" would be a level). */
static bool writable(struct span account)
{
	for (size_t i = 0; i < account.len; i++)
		if (account.ptr[i] == '/' || account.ptr[i] == '*' ||
		    account.ptr[i] == '%')
			return false;
	return true;
}

static enum box_result look_at(struct looking *l, uint64_t id)
{
	struct job *j = l->job;
	struct store *s = j->store;
	const struct conf_accounts *c = &s->conf->accounts;
	const struct directory_account *a = directory_account(s->directory, id);
	enum sharing how = access_sharing(s, id);
	struct span account, top;
	enum box_result r = BOX_UNAVAILABLE;
	if (how == SHARING_NOT || id == l->account || !writable(a->name))
		return BOX_OK;
	top = how == SHARING_SHARED ? c->shared_name : c->others_name;
	if (!arena_copy(j->arena, a->name, &account) ||
	    !arena_copy(j->arena, top, &top))
		return BOX_UNAVAILABLE;
	struct open_box *b = box_hold(s, id, &r);
	if (b == NULL)
		return r;
	l->anyone = how == SHARING_SHARED;
	r = box_ready(b->box, KV_VISIBLE);
	r = r == BOX_OK ? look_into(l, b, top, account) : r == BOX_NONE ? BOX_OK : r;
	box_release(b);
	if (world_now(s->role->world) - l->turn > SLICE_NS) {
		fiber_yield(s->role->loop);
		l->turn = world_now(s->role->world);
	}
	return r;
}

static int by_name(const void *a, const void *b)
{
	const struct box_entry *x = a, *y = b;
	int c = span_cmp(x->name, y->name);
	/* The mailbox stands before the level of the same name. */
	return c != 0 ? c : (x->mailbox == 0) - (y->mailbox == 0);
}

/* The first at or behind a name. */
static size_t from(const struct foreign *f, struct span name)
{
	size_t lo = 0, hi = f->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (span_cmp(f->entries[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void put_in_order(struct foreign *f)
{
	size_t kept = 0;
	if (f->count > 0)
		qsort(f->entries, f->count, sizeof *f->entries, by_name);
	for (size_t i = 0; i < f->count; i++)
		if (kept == 0 ||
		    !span_eq(f->entries[kept - 1].name, f->entries[i].name))
			f->entries[kept++] = f->entries[i];
	f->count = kept;
	for (size_t i = 0; i < f->count; i++) {
		char bytes[BOX_NAME_MAX + 1];
		struct span name = f->entries[i].name;
		memcpy(bytes, name.ptr, name.len);
		bytes[name.len] = '/';
		struct span below = span_of(bytes, name.len + 1);
		size_t at = from(f, below);
		f->entries[i].children =
			at < f->count && span_starts(f->entries[at].name, below);
	}
}

/* Accounts of the configuration that exist. */
static enum box_result look_at_shared(struct looking *l)
{
	struct store *s = l->job->store;
	enum box_result r = BOX_OK;
	for (size_t i = 0; r == BOX_OK && i < s->conf->accounts.shared.count; i++) {
		const struct directory_account *a = directory_account_named(
			s->directory, s->conf->accounts.shared.at[i]);
		if (a != NULL)
			r = look_at(l, a->id);
	}
	return r;
}

enum box_result access_foreign(struct job *j, struct open_box *own, struct foreign *out)
{
	struct looking l = {.job = j,
			    .out = out,
			    .account = j->session->account,
			    .turn = world_now(j->store->role->world)};
	uint64_t *givers;
	size_t count = 0;
	*out = (struct foreign){0};
	if (j->session->administers)
		return BOX_OK;
	givers = ARENA_ARRAY(j->arena, BOX_GIVERS_MAX, uint64_t);
	l.seen = ARENA_ARRAY(j->arena, OF_ONE, uint32_t);
	enum box_result r = givers && l.seen ? BOX_OK : BOX_UNAVAILABLE;
	if (r == BOX_OK)
		r = box_givers(own->box, KV_VISIBLE, givers, BOX_GIVERS_MAX, &count);
	for (size_t i = 0; r == BOX_OK && i < count; i++)
		if (access_sharing(j->store, givers[i]) == SHARING_OTHERS)
			r = look_at(&l, givers[i]);
	if (r == BOX_OK)
		r = look_at_shared(&l);
	if (r == BOX_OK)
		put_in_order(out);
	return r;
}
