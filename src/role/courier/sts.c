/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/sts: a cache of rows, one fetch a domain, a round over all of them.
 *
 * An entry lives while somebody has it (pins) or it fits; what is dropped is in the
 * store.  A row is replaced only by what a fetch made of it.
 */
#include "role/courier/sts.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/list.h"
#include "base/map.h"
#include "os/fiber.h"
#include "role/courier/txt.h"

#define TAG_STS	     TAG4('C', 'S', 'T', 'S')
#define DOMAIN_MAX   243u /* what "_mta-sts." leaves of a name */
#define LOOKUP_NS    (60 * NS_PER_SEC)
#define STORE_NS     (60 * NS_PER_SEC)
#define FETCH_NS     (70 * NS_PER_SEC) /* fetch itself ends after a minute */
#define FETCH_ARENA  (256u << 10)
#define ROUND_ARENA  (256u << 10)
#define WHY_MAX	     200u
#define POLICY_PATH  "/.well-known/mta-sts.txt"

struct entry {
	struct list link; /* the latest used last */
	struct span name; /* lower case; its bytes follow the entry */
	unsigned pins;
	bool loaded;  /* row is what the store has; empty: nothing */
	bool fetching;
	struct span row; /* malloc'ed */
	struct list waiters;
	enum policy_failure failure; /* of the last fetch ... */
	char why[WHY_MAX];	     /* ... in this life; empty: not known */
	size_t why_len;
};

struct waiter {
	struct list link;
	struct fiber_gate gate;
};

struct courier_sts {
	uint32_t tag;
	struct courier_sts_use use;
	struct map *map;
	struct list entries;
	size_t bytes;
	unsigned fibers; /* of our own */
	struct fiber *round;
	struct list renewals;
	bool ending;
	struct courier_sts_counts counts;
};

/* A fetch behind the back of mail. */
struct renewal {
	struct list link;
	struct courier_sts *sts;
	struct entry *entry;
	struct policy_sts_record record;
	struct fiber *fiber;
};

static int64_t wall(struct courier_sts *s)
{
	return world_wall(loop_world(s->use.loop)).sec;
}

static uint64_t within(struct courier_sts *s, uint64_t ns)
{
	return world_now(loop_world(s->use.loop)) + ns;
}

/* ---- entries ---------------------------------------------------------------- */

static void entry_free(struct courier_sts *s, struct entry *e)
{
	ENSURE(e->pins == 0 && list_empty(&e->waiters));
	(void)map_remove(s->map, e->name);
	list_remove(&e->link);
	s->bytes -= e->row.len;
	free((void *)(uintptr_t)e->row.ptr);
	free(e);
}

/* The longest unused go until all fits; those in use stay. */
static void trim(struct courier_sts *s)
{
	LIST_EACH(&s->entries, link) {
		struct entry *e = CONTAINER_OF(link, struct entry, link);
		if (map_count(s->map) <= COURIER_STS_CACHE &&
		    s->bytes <= COURIER_STS_BYTES)
			return;
		if (e->pins == 0)
			entry_free(s, e);
	}
}

static struct entry *pin(struct courier_sts *s, struct span domain)
{
	char name[DOMAIN_MAX];
	ENSURE(domain.len <= sizeof name);
	for (size_t i = 0; i < domain.len; i++)
		name[i] = ascii_lower(domain.ptr[i]);
	struct entry *e = map_get(s->map, span_of(name, domain.len));
	if (e == NULL) {
		e = calloc(1, sizeof *e + domain.len);
		if (e == NULL)
			return NULL;
		memcpy(e + 1, name, domain.len);
		e->name = span_of(e + 1, domain.len);
		list_init(&e->waiters);
		if (!map_put(s->map, e->name, e)) {
			free(e);
			return NULL;
		}
	} else {
		list_remove(&e->link);
	}
	list_push_back(&s->entries, &e->link);
	e->pins++;
	trim(s);
	return e;
}

static void unpin(struct courier_sts *s, struct entry *e)
{
	ENSURE(e->pins > 0);
	e->pins--;
	trim(s);
}

static bool set_row(struct courier_sts *s, struct entry *e, struct span row)
{
	char *copy = malloc(row.len + 1);
	if (copy == NULL)
		return false;
	if (row.len > 0)
		memcpy(copy, row.ptr, row.len);
	s->bytes -= e->row.len;
	free((void *)(uintptr_t)e->row.ptr);
	e->row = span_of(copy, row.len);
	s->bytes += row.len;
	e->loaded = true;
	return true;
}

/* False: the store gives no answer. */
static bool load(struct courier_sts *s, struct entry *e, struct arena *a)
{
	struct courier_store_note_get m = {.kind = COURIER_STORE_NOTE_STS,
					   .name = e->name};
	struct courier_store_note_get_reply rep;
	if (e->loaded)
		return true;
	if (*s->use.store == NULL ||
	    courier_store_note_get(*s->use.store, &m, a, &rep,
				   within(s, STORE_NS)) != IPC_OK)
		return false;
	if (rep.answer != COURIER_STORE_ANSWER_YES &&
	    rep.answer != COURIER_STORE_ANSWER_NONE)
		return false;
	/* A fetch may have been quicker. */
	return e->loaded ||
	       set_row(s, e, rep.answer == COURIER_STORE_ANSWER_YES
				     ? rep.value
				     : SPAN(""));
}

/* NULL: nothing is kept, or what no version of ours wrote. */
static const struct policy_sts_kept *kept_of(const struct entry *e,
					     struct policy_sts_kept *out)
{
	return e->row.len > 0 && policy_sts_unpack(e->row, out) ? out : NULL;
}

/* Not kept by the store: kept here, and asked for again after a restart. */
static void save(struct courier_sts *s, struct entry *e, struct arena *a)
{
	struct courier_store_note_put m = {.kind = COURIER_STORE_NOTE_STS,
					   .name = e->name,
					   .value = e->row};
	struct courier_store_note_put_reply rep = {0};
	bool kept = *s->use.store != NULL &&
		    courier_store_note_put(*s->use.store, &m, a, &rep,
					   within(s, STORE_NS)) == IPC_OK &&
		    rep.answer == COURIER_STORE_ANSWER_YES;
	if (!kept && s->use.log != NULL)
		LOG(s->use.log, WARNING, "sts.not-kept", 0,
		    F("domain", e->name));
}

/* ---- a fetch ------------------------------------------------------------------- */

static void remember(struct entry *e, enum policy_failure failure,
		     struct span why)
{
	e->failure = failure;
	e->why_len = why.len < WHY_MAX - 1 ? why.len : WHY_MAX - 1;
	if (e->why_len > 0)
		memcpy(e->why, why.ptr, e->why_len);
	e->why[e->why_len] = '\0';
}

static void judge_outcome(struct entry *e, const struct courier_fetch_get_reply *r)
{
	bool certificate = r->outcome == COURIER_FETCH_OUTCOME_CERTIFICATE;
	remember(e,
		 certificate ? POLICY_STS_WEBPKI_INVALID
			     : POLICY_STS_FETCH_ERROR,
		 r->why.len > 0 ? r->why : SPAN("the policy host gave no answer"));
}

/* False: there is no policy; e->why says why not. */
static bool get(struct courier_sts *s, struct entry *e, struct arena *a,
		struct policy_sts *out)
{
	struct courier_fetch_get m = {
		.host = arena_printf(a, "mta-sts.%.*s", SPAN_FMT(e->name)),
		.path = SPAN(POLICY_PATH)};
	struct courier_fetch_get_reply r;
	if (*s->use.fetch == NULL || m.host.len == 0 ||
	    courier_fetch_get(*s->use.fetch, &m, a, &r, within(s, FETCH_NS)) !=
		    IPC_OK) {
		remember(e, POLICY_STS_FETCH_ERROR,
			 SPAN("the process that asks web servers gave no answer"));
		return false;
	}
	if (r.outcome != COURIER_FETCH_OUTCOME_ANSWERED) {
		judge_outcome(e, &r);
		return false;
	}
	struct policy_sts_reply reply = {.status = r.status,
					 .media = r.media,
					 .body = r.body,
					 .whole = true};
	const char *wrong = policy_sts_reply(&reply, out);
	if (wrong != NULL)
		remember(e, r.status == 200 ? POLICY_STS_INVALID
					    : POLICY_STS_FETCH_ERROR,
			 span_cstr(wrong));
	return wrong == NULL;
}

/* What was learned becomes the row.  A policy that no row holds is a failure. */
static bool learn(struct courier_sts *s, struct entry *e,
		  const struct policy_sts_record *record,
		  const struct policy_sts *fresh)
{
	struct policy_sts_kept kept = {0};
	struct buf row;
	(void)kept_of(e, &kept);
	policy_sts_learn(&kept, record, fresh, wall(s));
	buf_init(&row, POLICY_STS_ROW_MAX);
	policy_sts_pack(&row, &kept);
	bool ok = buf_ok(&row) && set_row(s, e, buf_span(&row));
	buf_free(&row);
	return ok;
}

static void tell(struct courier_sts *s, const struct entry *e,
		 const struct policy_sts *fresh)
{
	if (s->use.log == NULL)
		return;
	if (fresh != NULL)
		LOG(s->use.log, INFO, "sts.fetched", 0, F("domain", e->name),
		    F_CSTR("mode", policy_sts_mode_text(fresh->mode)),
		    F_U64("max-age", fresh->max_age));
	else
		LOG(s->use.log, NOTICE, "sts.not-fetched", 0,
		    F("domain", e->name), F_CSTR("why", e->why));
}

/* The entry's `fetching` is ours; the others are told at the end. */
static void fetch(struct courier_sts *s, struct entry *e,
		  const struct policy_sts_record *record)
{
	struct arena *a = arena_new(FETCH_ARENA);
	struct policy_sts *fresh = a ? ARENA_NEW(a, struct policy_sts) : NULL;
	s->counts.fetched++;
	if (fresh == NULL) {
		remember(e, POLICY_STS_FETCH_ERROR, SPAN("memory is short"));
	} else {
		bool ok = get(s, e, a, fresh);
		if (ok && !learn(s, e, record, fresh)) {
			remember(e, POLICY_STS_INVALID,
				 SPAN("the policy is larger than is kept"));
			ok = false;
		}
		if (!ok)
			(void)!learn(s, e, record, NULL);
		s->counts.failed += !ok;
		tell(s, e, ok ? fresh : NULL);
		save(s, e, a);
	}
	arena_free(a);
	e->fetching = false;
	LIST_EACH(&e->waiters, link)
		(void)gate_open(&CONTAINER_OF(link, struct waiter, link)->gate, 0);
}

/* False: our fiber was told to end. */
static bool wait_for_other(struct courier_sts *s, struct entry *e)
{
	struct waiter w = {0};
	uint64_t value;
	gate_init(&w.gate);
	list_push_back(&e->waiters, &w.link);
	enum woke how = gate_wait(s->use.loop, &w.gate, NS_NEVER, &value);
	list_remove(&w.link);
	return how == WOKE_VALUE;
}

static void renew_fiber(void *arg)
{
	struct renewal *r = arg;
	struct courier_sts *s = r->sts;
	fetch(s, r->entry, &r->record);
	unpin(s, r->entry);
	list_remove(&r->link);
	free(r);
	s->fibers--;
}

static void renew(struct courier_sts *s, struct entry *e,
		  const struct policy_sts_record *record)
{
	struct renewal *r = e->fetching || s->ending ? NULL
						     : calloc(1, sizeof *r);
	if (r == NULL)
		return; /* the next one who asks tries again */
	*r = (struct renewal){.sts = s, .entry = e, .record = *record};
	r->fiber = fiber_start(s->use.loop, renew_fiber, r);
	if (r->fiber == NULL) {
		free(r);
		return;
	}
	list_push_back(&s->renewals, &r->link);
	s->fibers++;
	s->counts.renewed++;
	e->pins++;
	e->fetching = true;
}

/* ---- the answer -------------------------------------------------------------------- */

static bool answer(const struct entry *e, const struct policy_sts_kept *k,
		   bool apply, const struct policy_sts_record *record,
		   struct arena *a, struct courier_sts_answer *out)
{
	struct span row, why;
	struct policy_sts_kept *copy = ARENA_NEW(a, struct policy_sts_kept);
	*out = (struct courier_sts_answer){.txt = record->kind};
	if (copy == NULL)
		return false;
	if (apply && k != NULL) {
		if (!arena_copy(a, e->row, &row) ||
		    !policy_sts_unpack(row, copy))
			return false;
		out->policy = &copy->policy;
		return true;
	}
	if (record->kind != POLICY_STS_TXT_ID)
		return true;
	why = e->why_len > 0 ? span_of(e->why, e->why_len)
			     : SPAN("the last fetch of the policy failed");
	out->wrong = arena_cstr(a, why);
	out->failure = e->why_len > 0 ? e->failure : POLICY_STS_FETCH_ERROR;
	return out->wrong != NULL;
}

static bool look_up(struct courier_sts *s, const struct entry *e,
		    struct arena *a, struct policy_sts_record *out)
{
	struct txt_answer t;
	if (!txt_find(*s->use.dialer, "_mta-sts", e->name, a,
		      within(s, LOOKUP_NS), &t))
		return false;
	*out = policy_sts_record(t.lookup, t.rdata, t.count);
	return true;
}

static bool find(struct courier_sts *s, struct entry *e, struct arena *a,
		 struct courier_sts_answer *out)
{
	struct policy_sts_record record;
	bool tried = false;
	if (!load(s, e, a) || !look_up(s, e, a, &record))
		return false;
	for (;;) {
		struct policy_sts_kept room;
		const struct policy_sts_kept *k = kept_of(e, &room);
		struct policy_sts_plan plan =
			policy_sts_plan(k, &record, wall(s));
		if (!plan.wait || tried) {
			if (plan.fetch && !plan.wait)
				renew(s, e, &record);
			return answer(e, k, plan.apply, &record, a, out);
		}
		if (e->fetching) {
			if (!wait_for_other(s, e))
				return false;
			continue;
		}
		e->fetching = tried = true;
		fetch(s, e, &record);
	}
}

bool courier_sts_for(struct courier_sts *s, struct span domain, struct arena *a,
		     struct courier_sts_answer *out)
{
	ENSURE_TAG(s, TAG_STS);
	*out = (struct courier_sts_answer){.txt = POLICY_STS_TXT_NONE};
	s->counts.asked++;
	/* No name, or one that leaves no room for a record below it. */
	if (domain.len == 0 || domain.len > DOMAIN_MAX ||
	    span_starts(domain, SPAN("[")))
		return true;
	struct entry *e = pin(s, domain);
	if (e == NULL)
		return false;
	bool known = find(s, e, a, out);
	unpin(s, e);
	return known;
}

/* ---- the round ----------------------------------------------------------------------- */

/* Neither in force, nor of any use to a fetch to come. */
static bool dead(const struct policy_sts_kept *k, int64_t now)
{
	int64_t last = k == NULL ? 0 : k->failed;
	if (k != NULL && k->has_policy && policy_sts_expires(k) > last)
		last = policy_sts_expires(k);
	return last < now - COURIER_STS_FORGET;
}

static void forget(struct courier_sts *s, struct entry *e, struct arena *a)
{
	if (!e->fetching && set_row(s, e, SPAN("")))
		save(s, e, a);
}

/* One at a time, so that a round is no burst. */
static void look_at(struct courier_sts *s, struct span name, struct arena *a)
{
	static const struct policy_sts_record silent = {.kind =
								POLICY_STS_TXT_FAILED};
	struct policy_sts_kept room;
	struct policy_sts_record record;
	struct entry *e = name.len <= DOMAIN_MAX ? pin(s, name) : NULL;
	if (e == NULL)
		return;
	if (load(s, e, a)) {
		const struct policy_sts_kept *k = kept_of(e, &room);
		if (dead(k, wall(s))) {
			forget(s, e, a);
		} else if (policy_sts_plan(k, &silent, wall(s)).fetch &&
			   look_up(s, e, a, &record) &&
			   policy_sts_plan(k, &record, wall(s)).fetch &&
			   !e->fetching) {
			e->fetching = true;
			s->counts.renewed++;
			fetch(s, e, &record);
		}
	}
	unpin(s, e);
}

/* False: the round is over. */
static bool page(struct courier_sts *s, struct arena *a, struct arena *each,
		 struct span *after)
{
	struct courier_store_notes m = {.kind = COURIER_STORE_NOTE_STS,
					.after = *after};
	struct courier_store_notes_reply rep;
	if (s->ending || *s->use.store == NULL ||
	    courier_store_notes(*s->use.store, &m, a, &rep, within(s, STORE_NS)) !=
		    IPC_OK ||
	    rep.answer != COURIER_STORE_ANSWER_YES || rep.names_count == 0)
		return false;
	for (size_t i = 0; i < rep.names_count && !s->ending; i++) {
		arena_reset(each);
		look_at(s, rep.names[i], each);
	}
	*after = rep.names[rep.names_count - 1];
	return rep.more && !s->ending;
}

static void round_once(struct courier_sts *s)
{
	struct arena *a = arena_new(ROUND_ARENA), *each = arena_new(ROUND_ARENA);
	char last[320];
	struct span after = SPAN("");
	while (a != NULL && each != NULL && page(s, a, each, &after)) {
		ENSURE(after.len <= sizeof last);
		memcpy(last, after.ptr, after.len);
		after = span_of(last, after.len);
		arena_reset(a);
	}
	arena_free(a);
	arena_free(each);
}

static void round_fiber(void *arg)
{
	struct courier_sts *s = arg;
	struct world *w = loop_world(s->use.loop);
	while (!s->ending) {
		uint64_t rest = 0;
		/* Servers that were started together do not ask together. */
		world_random(w, &rest, sizeof rest);
		rest = (COURIER_STS_ROUND / 2 + rest % COURIER_STS_ROUND) *
		       NS_PER_SEC;
		if (fiber_sleep_until(s->use.loop, world_now(w) + rest) !=
		    WOKE_TIMEOUT)
			break;
		round_once(s);
	}
	s->round = NULL;
	s->fibers--;
}

/* ---- life ---------------------------------------------------------------------------- */

struct courier_sts *courier_sts_new(const struct courier_sts_use *use)
{
	struct courier_sts *s = calloc(1, sizeof *s);
	uint8_t secret[SIPHASH_KEY];
	if (s == NULL)
		return NULL;
	s->tag = TAG_STS;
	s->use = *use;
	list_init(&s->entries);
	list_init(&s->renewals);
	world_random(loop_world(use->loop), secret, sizeof secret);
	/* Those in use come on top of the limit. */
	s->map = map_new(secret, 2 * COURIER_STS_CACHE);
	if (s->map != NULL)
		return s;
	free(s);
	return NULL;
}

void courier_sts_start(struct courier_sts *s)
{
	ENSURE_TAG(s, TAG_STS);
	if (s->round != NULL)
		return;
	s->round = fiber_start(s->use.loop, round_fiber, s);
	s->fibers += s->round != NULL;
}

void courier_sts_free(struct courier_sts *s)
{
	if (s == NULL)
		return;
	ENSURE_TAG(s, TAG_STS);
	s->ending = true;
	if (s->round != NULL)
		fiber_stop(s->round);
	LIST_EACH(&s->renewals, link)
		fiber_stop(CONTAINER_OF(link, struct renewal, link)->fiber);
	while (s->fibers > 0)
		(void)loop_turn(s->use.loop);
	LIST_EACH(&s->entries, link)
		entry_free(s, CONTAINER_OF(link, struct entry, link));
	map_free(s->map);
	s->tag = 0;
	free(s);
}

struct courier_sts_counts courier_sts_counts(const struct courier_sts *s)
{
	struct courier_sts_counts c = s->counts;
	c.cached = map_count(s->map);
	c.bytes = s->bytes;
	return c;
}
