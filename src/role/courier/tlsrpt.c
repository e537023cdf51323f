/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/tlsrpt: one day's counts in memory, and by domain in the store.
 *
 * One fiber saves, turns the day and reads back; another sends.  The day that is
 * counted turns when the saving fiber says so, after all of it was saved.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "os/fiber.h"
#include "role/courier/tlsrpt_inner.h"
#include "role/courier/txt.h"

#define TAG_TLSRPT  TAG4('T', 'R', 'P', 'T')
#define DAY_DIGITS  6
#define DOMAIN_MAX  243u /* what "_smtp._tls." leaves of a name, at the least */
#define MIDNIGHT(t) (((t)->day + 1) * POLICY_REPORT_DAY)

/* ---- notes -------------------------------------------------------------------- */

struct span tlsrpt_name(struct arena *a, int64_t day, struct span domain)
{
	return arena_printf(a, "%0*lld %.*s", DAY_DIGITS, (long long)day,
			    SPAN_FMT(domain));
}

bool tlsrpt_name_read(struct span name, int64_t *day, struct span *domain)
{
	struct span rest = name, head;
	uint64_t n;
	if (!span_cut(&rest, ' ', &head) || head.len != DAY_DIGITS ||
	    !span_u64(head, 999999, &n) || rest.len == 0 || rest.len > DOMAIN_MAX)
		return false;
	*day = (int64_t)n;
	*domain = rest;
	return true;
}

bool tlsrpt_put(struct courier_tlsrpt *t, enum courier_store_note kind,
		struct span name, struct span value, struct arena *a)
{
	struct courier_store_note_put m = {.kind = kind,
					   .name = name,
					   .value = value};
	struct courier_store_note_put_reply rep;
	return *t->use.store != NULL &&
	       courier_store_note_put(*t->use.store, &m, a, &rep,
				      tlsrpt_within(t, TLSRPT_CALL_NS)) ==
		       IPC_OK &&
	       rep.answer == COURIER_STORE_ANSWER_YES;
}

bool tlsrpt_get(struct courier_tlsrpt *t, struct span name, struct arena *a,
		struct span *value)
{
	struct courier_store_note_get m = {.kind = COURIER_STORE_NOTE_TALLY,
					   .name = name};
	struct courier_store_note_get_reply rep;
	if (*t->use.store == NULL ||
	    courier_store_note_get(*t->use.store, &m, a, &rep,
				   tlsrpt_within(t, TLSRPT_CALL_NS)) != IPC_OK)
		return false;
	*value = rep.answer == COURIER_STORE_ANSWER_YES ? rep.value : SPAN("");
	return rep.answer == COURIER_STORE_ANSWER_YES ||
	       rep.answer == COURIER_STORE_ANSWER_NONE;
}

static bool names(struct courier_tlsrpt *t, enum courier_store_note kind,
		  struct span after, struct arena *a,
		  struct courier_store_notes_reply *rep)
{
	struct courier_store_notes m = {.kind = kind, .after = after};
	return *t->use.store != NULL &&
	       courier_store_notes(*t->use.store, &m, a, rep,
				   tlsrpt_within(t, TLSRPT_CALL_NS)) == IPC_OK &&
	       rep->answer == COURIER_STORE_ANSWER_YES;
}

bool tlsrpt_each(struct courier_tlsrpt *t, enum courier_store_note kind,
		 struct span after, tlsrpt_each_fn *fn, void *arg)
{
	struct arena *a = arena_new(TLSRPT_ARENA), *each = arena_new(TLSRPT_ARENA);
	struct courier_store_notes_reply rep = {.more = true};
	char last[TLSRPT_NAME_MAX];
	bool ok = a != NULL && each != NULL, go = ok;
	while (go && ok && rep.more && !t->ending) {
		ENSURE(after.len <= sizeof last);
		if (after.len > 0)
			memmove(last, after.ptr, after.len);
		after = span_of(last, after.len);
		arena_reset(a);
		ok = names(t, kind, after, a, &rep);
		for (size_t i = 0; ok && go && i < rep.names_count; i++) {
			arena_reset(each);
			after = rep.names[i];
			go = fn(t, after, each, arg) && !t->ending;
		}
	}
	arena_free(a);
	arena_free(each);
	return ok && !t->ending;
}

/* ---- saving ---------------------------------------------------------------------- */

bool tlsrpt_wanted(struct courier_tlsrpt *t, struct span domain, struct arena *a,
		   struct policy_reporting *out)
{
	struct txt_answer txt;
	out->count = 0;
	if (!txt_find(*t->use.dialer, "_smtp._tls", domain, a,
		      tlsrpt_within(t, TLSRPT_CALL_NS), &txt) ||
	    !policy_answered(txt.lookup))
		return false;
	return policy_reporting_read(a, txt.rdata, txt.count, out);
}

/* As much of it as a note takes. */
static void pack(struct buf *b, const struct policy_tally_domain *d)
{
	for (int part = POLICY_TALLY_WHOLE; part <= POLICY_TALLY_SUMS; part++) {
		buf_clear(b);
		policy_tally_pack(b, d, (enum policy_tally_part)part);
		if (buf_ok(b))
			return;
	}
}

/* A domain that wants none is looked at again when more was counted. */
static bool save_one(struct courier_tlsrpt *t, struct policy_tally_domain *d,
		     struct arena *a)
{
	struct policy_reporting wanted;
	struct span domain = policy_tally_name(d);
	struct buf row;
	bool known = tlsrpt_wanted(t, domain, a, &wanted);
	if (known && wanted.count == 0) {
		policy_tally_saved(d);
		return true;
	}
	buf_init(&row, TLSRPT_VALUE_MAX);
	pack(&row, d);
	policy_tally_saved(d); /* what is counted while we wait is new again */
	bool ok = buf_ok(&row) &&
		  tlsrpt_put(t, COURIER_STORE_NOTE_TALLY,
			     tlsrpt_name(a, t->day, domain), buf_span(&row), a);
	buf_free(&row);
	if (!ok)
		policy_tally_touched(d);
	return ok;
}

/* The map must not change while it is walked, and the fiber parks. */
static struct policy_tally_domain **changed(struct courier_tlsrpt *t, size_t *count)
{
	size_t at = 0, n = 0, most = policy_tally_domains(t->today);
	struct policy_tally_domain **list = calloc(most + 1, sizeof(void *));
	const struct policy_tally_domain *d;
	while (list != NULL && (d = policy_tally_next(t->today, &at)) != NULL)
		if (policy_tally_changed(d))
			list[n++] = policy_tally_find(t->today,
						      policy_tally_name(d));
	*count = n;
	return list;
}

static bool save_all(struct courier_tlsrpt *t)
{
	size_t count;
	bool ok = true;
	struct policy_tally_domain **list = changed(t, &count);
	struct arena *a = arena_new(TLSRPT_ARENA);
	ok = list != NULL && a != NULL;
	for (size_t i = 0; ok && i < count; i++) {
		arena_reset(a);
		ok = save_one(t, list[i], a);
	}
	free(list);
	arena_free(a);
	return ok;
}

bool courier_tlsrpt_save(struct courier_tlsrpt *t)
{
	ENSURE_TAG(t, TAG_TLSRPT);
	/* Before what was kept is read, saving would write less over it. */
	if (!t->restored || t->saving)
		return false;
	t->saving = true;
	bool ok = save_all(t);
	t->saving = false;
	return ok;
}

/* ---- the day ---------------------------------------------------------------------- */

static bool take_back(struct courier_tlsrpt *t, struct span name,
		      struct arena *each, void *arg)
{
	struct policy_tally *into = arg;
	struct span domain, row;
	int64_t day;
	if (!tlsrpt_name_read(name, &day, &domain))
		return true;
	if (day != t->day)
		return false; /* behind today: of a clock that was ahead */
	if (!tlsrpt_get(t, name, each, &row)) {
		t->restored = false;
		return false;
	}
	/* A row that is none of ours is lost; the next saving replaces it. */
	(void)!policy_tally_unpack(into, domain, row);
	return true;
}

/* What was counted while the store was asked. */
static void merge(struct policy_tally *into, const struct policy_tally *from)
{
	const struct policy_tally_domain *d;
	size_t at = 0;
	struct buf row;
	buf_init(&row, COURIER_TLSRPT_MEMORY);
	while ((d = policy_tally_next(from, &at)) != NULL) {
		struct span name = policy_tally_name(d);
		buf_clear(&row);
		policy_tally_pack(&row, d, POLICY_TALLY_WHOLE);
		if (buf_ok(&row) &&
		    policy_tally_unpack(into, name, buf_span(&row)))
			policy_tally_touched(policy_tally_find(into, name));
	}
	buf_free(&row);
}

/* Read aside, and only when all of it came: else the next time adds it again. */
static void restore(struct courier_tlsrpt *t)
{
	struct arena *a = arena_new(4096);
	struct policy_tally *kept = policy_tally_new(t->secret, COURIER_TLSRPT_MEMORY);
	if (a != NULL && kept != NULL) {
		t->restored = true;
		/* A blank sorts before all names of the day. */
		struct span after = arena_printf(a, "%0*lld ", DAY_DIGITS,
						 (long long)t->day);
		if (!tlsrpt_each(t, COURIER_STORE_NOTE_TALLY, after, take_back, kept))
			t->restored = false;
	}
	if (t->restored) {
		merge(kept, t->today);
		policy_tally_free(t->today);
		t->today = kept;
	} else {
		policy_tally_free(kept);
	}
	arena_free(a);
}

/* All of the day is in the store: the next one begins. */
static void turn(struct courier_tlsrpt *t)
{
	int64_t day = tlsrpt_wall(t) / POLICY_REPORT_DAY;
	struct policy_tally *fresh =
		policy_tally_new(t->secret, COURIER_TLSRPT_MEMORY);
	if (fresh == NULL)
		return; /* a minute later, then */
	policy_tally_free(t->today);
	t->today = fresh;
	t->day = day;
}

static bool rest(struct courier_tlsrpt *t, uint64_t seconds)
{
	uint64_t until = tlsrpt_within(t, seconds * NS_PER_SEC);
	return fiber_sleep_until(t->use.loop, until) == WOKE_TIMEOUT &&
	       !t->ending;
}

static void keeper(void *arg)
{
	struct courier_tlsrpt *t = arg;
	while (!t->ending) {
		if (!t->restored)
			restore(t);
		bool saved = courier_tlsrpt_save(t);
		int64_t now = tlsrpt_wall(t), left = MIDNIGHT(t) - now;
		/* A clock that was set back leaves the day as it is. */
		if (saved && left <= 0) {
			turn(t);
			left = MIDNIGHT(t) - now;
		}
		if (!rest(t, left > 0 && left < COURIER_TLSRPT_SAVE
				     ? (uint64_t)left
				     : COURIER_TLSRPT_SAVE))
			break;
	}
	t->keeper = NULL;
	t->fibers--;
}

static void sends(void *arg)
{
	struct courier_tlsrpt *t = arg;
	while (!t->ending) {
		tlsrpt_send_due(t);
		if (!rest(t, COURIER_TLSRPT_LOOK))
			break;
	}
	t->sender_fiber = NULL;
	t->fibers--;
}

/* ---- counting ------------------------------------------------------------------------ */

bool courier_tlsrpt_ours(const struct courier_tlsrpt *t, struct span sender)
{
	return span_eq_nocase(sender, span_of(t->sender, t->sender_len));
}

void courier_tlsrpt_count(struct courier_tlsrpt *t, const struct policy_session *s)
{
	ENSURE_TAG(t, TAG_TLSRPT);
	if (s->domain.len == 0 || s->domain.len > DOMAIN_MAX)
		return;
	t->counts.sessions++;
	(void)policy_tally_add(t->today, s);
}

struct courier_tlsrpt_counts courier_tlsrpt_counts(const struct courier_tlsrpt *t)
{
	struct courier_tlsrpt_counts c = t->counts;
	c.domains = policy_tally_domains(t->today);
	return c;
}

/* ---- life ---------------------------------------------------------------------------- */

void courier_tlsrpt_host(struct courier_tlsrpt *t, struct span hostname)
{
	struct buf b;
	t->host = hostname;
	buf_init(&b, sizeof t->sender);
	buf_printf(&b, "tls-reports@%.*s", SPAN_FMT(hostname));
	t->sender_len = buf_len(&b);
	memcpy(t->sender, buf_span(&b).ptr, t->sender_len);
	buf_free(&b);
}

struct courier_tlsrpt *courier_tlsrpt_new(const struct courier_tlsrpt_use *use)
{
	struct courier_tlsrpt *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->tag = TAG_TLSRPT;
	t->use = *use;
	world_random(loop_world(use->loop), t->secret, sizeof t->secret);
	t->day = tlsrpt_wall(t) / POLICY_REPORT_DAY;
	t->today = policy_tally_new(t->secret, COURIER_TLSRPT_MEMORY);
	if (t->today != NULL)
		return t;
	free(t);
	return NULL;
}

void courier_tlsrpt_start(struct courier_tlsrpt *t)
{
	ENSURE_TAG(t, TAG_TLSRPT);
	if (t->keeper == NULL)
		t->keeper = fiber_start(t->use.loop, keeper, t);
	t->fibers += t->keeper != NULL;
	if (t->sender_fiber == NULL)
		t->sender_fiber = fiber_start(t->use.loop, sends, t);
	t->fibers += t->sender_fiber != NULL;
}

void courier_tlsrpt_free(struct courier_tlsrpt *t)
{
	if (t == NULL)
		return;
	ENSURE_TAG(t, TAG_TLSRPT);
	t->ending = true;
	if (t->keeper != NULL)
		fiber_stop(t->keeper);
	if (t->sender_fiber != NULL)
		fiber_stop(t->sender_fiber);
	while (t->fibers > 0)
		(void)loop_turn(t->use.loop);
	policy_tally_free(t->today);
	t->tag = 0;
	free(t);
}
