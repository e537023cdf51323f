/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/watch: hints to sessions whose mailbox moved.
 *
 * The first change after a quiet time is told at once, further ones at most
 * every 5 ms.  A hint is lossy: one that found no window is sent again later, and
 * it always carries the version of that moment.
 *
 * Who was told of one version is told of the next in the hint itself, when that
 * is little: 200 sessions on one mailbox cost one look at it, no questions.
 */
#include "role/store/access.h"
#include "role/store/follow.h"
#include "role/store/index.h"

#define HINT_NS	      (5 * NS_PER_MS)
#define HINT_AGAIN_NS (100 * NS_PER_MS)
#define DELTA_MAX     32u	  /* entries of a list in a hint */
#define DELTA_MEMORY  (16u << 20) /* UIDs of one mailbox, in runs */

static void send_due(struct timer *);

static void arm(struct store *s, uint64_t at)
{
	if (timer_active(&s->hint_timer) && s->hint_timer.item.key <= at)
		return;
	(void)!timer_start(s->role->loop, &s->hint_timer, at, send_due, s);
}

/* From inside kv_poll: only remember it. */
void watch_moved(struct kv_watch *w, struct kv_space *space, uint64_t version)
{
	struct open_box *b = CONTAINER_OF(w, struct open_box, watch);
	struct store *s = b->store;
	uint64_t now = loop_now(s->role->loop);
	(void)space;
	indexing_moved(b, version);
	if ((list_empty(&b->watchers) && b->follow == NULL) || list_linked(&b->hinting))
		return;
	list_push_back(&s->hinting, &b->hinting);
	arm(s, now >= b->hinted_at + HINT_NS ? now : b->hinted_at + HINT_NS);
}

/*
 * What happened between two versions of a mailbox, once for all who were told
 * of the same one.
 */
struct delta {
	struct arena *arena;
	uint32_t mailbox; /* 0: nothing was looked at yet */
	uint64_t since;
	uint32_t since_next;
	enum box_result result;
	struct box_status now;
	bool whole; /* it fits a hint */
	struct edge_store_left gone[DELTA_MAX];
	size_t gone_count;
	struct edge_store_flagged flags[DELTA_MAX];
	size_t flag_count;
};

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* How many of the set are below uid. */
static uint32_t below(const struct box_uids *set, uint32_t uid)
{
	uint32_t n = 0;
	for (size_t i = 0; i < set->count && set->runs[i].first < uid; i++)
		n += smaller(set->runs[i].last, uid - 1) - set->runs[i].first +
		     1;
	return n;
}

/* Sequence numbers, as those have them who were told of d->since. */
static bool number(struct box *b, struct delta *d, const struct box_uids *gone)
{
	struct box_uids view;
	box_uids_init(&view, d->arena);
	if (d->gone_count + d->flag_count == 0)
		return true;
	if (box_view(b, KV_VISIBLE, d->mailbox, d->since, d->since_next,
		     &view) != BOX_OK)
		return false;
	for (size_t i = 0; i < d->gone_count; i++)
		d->gone[i].rank = below(&view, d->gone[i].first) + 1;
	for (size_t i = 0; i < d->flag_count; i++)
		d->flags[i].rank = below(&view, d->flags[i].uid) -
				   below(gone, d->flags[i].uid) + 1;
	return true;
}

/* New flags of messages that were there; false: too many for a hint. */
static bool put_flags(struct box *b, struct delta *d)
{
	struct box_slot slots[DELTA_MAX + 1];
	size_t count = 0;
	uint32_t next;
	if (box_slots(b, KV_VISIBLE, d->mailbox, 1, d->since, slots,
		      DELTA_MAX + 1, &count, &next) != BOX_OK)
		return false;
	for (size_t i = 0; i < count && slots[i].uid < d->since_next; i++) {
		if (i == DELTA_MAX || slots[i].keywords != 0)
			return false; /* names of keywords have to be asked */
		d->flags[d->flag_count++] =
			(struct edge_store_flagged){.uid = slots[i].uid,
						    .flags = (uint8_t)slots[i].flags,
						    .modseq = slots[i].modseq};
	}
	return true;
}

/* Expunged UIDs that were there at d->since. */
static bool put_gone(struct delta *d, const struct box_uids *gone)
{
	for (size_t i = 0; i < gone->count; i++) {
		struct box_run run = gone->runs[i];
		if (run.first >= d->since_next)
			break;
		if (i == DELTA_MAX)
			return false;
		d->gone[d->gone_count++] = (struct edge_store_left){
			.first = run.first,
			.last = smaller(run.last, d->since_next - 1)};
	}
	return true;
}

static void look(struct box *b, const struct selected *m, struct delta *d)
{
	struct box_changes c;
	arena_reset(d->arena);
	d->mailbox = m->mailbox;
	d->since = m->told;
	d->since_next = m->told_next;
	d->whole = false;
	d->gone_count = d->flag_count = 0;
	d->result = box_status(b, KV_VISIBLE, m->mailbox, &d->now);
	if (d->result != BOX_OK || d->now.version == d->since)
		return;
	d->whole = box_changes(b, KV_VISIBLE, m->mailbox, d->since, false,
			       d->arena, &c) == BOX_OK &&
		   put_gone(d, &c.vanished) && put_flags(b, d) &&
		   number(b, d, &c.vanished);
}

/* False: no room on that channel now. */
static bool hint(struct selected *m, struct delta *d)
{
	struct peer *p = m->session->peer;
	struct edge_store_hint h = {.session = m->session->id,
				    .mailbox = m->handle};
	bool reads = access_reads(m);
	if (reads && (d->mailbox != m->mailbox || d->since != m->told ||
		      d->since_next != m->told_next))
		look(m->box->box, m, d);
	h.version = d->now.version;
	if (!reads || d->result == BOX_NONE)
		h.version = m->told + 1; /* it is gone: asking will tell */
	else if (d->result != BOX_OK)
		return false;
	if (h.version == m->told || p == NULL || p->channel == NULL)
		return true;
	bool known = reads && d->result == BOX_OK;
	if (known && d->whole) {
		h.since = d->since;
		h.uid_next = d->now.uid_next;
		h.exists = d->now.messages;
		h.gone = d->gone;
		h.gone_count = d->gone_count;
		h.flags = d->flags;
		h.flags_count = d->flag_count;
	}
	if (edge_store_hint(edge_store_of(p->channel), &h) != IPC_OK)
		return false;
	m->told = h.version;
	if (known)
		m->told_next = d->now.uid_next;
	p->store->count.hints++;
	return true;
}

static bool hint_all(struct open_box *b)
{
	struct delta d = {.arena = arena_new(DELTA_MEMORY)};
	bool all = d.arena != NULL;
	if (all)
		LIST_EACH(&b->watchers, l)
			all &= hint(CONTAINER_OF(l, struct selected, watching),
				    &d);
	arena_free(d.arena);
	return follow_hint(b) && all;
}

static void send_due(struct timer *t)
{
	struct store *s = t->arg;
	uint64_t now = loop_now(s->role->loop), next = NS_NEVER;
	LIST_EACH(&s->hinting, l) {
		struct open_box *b = CONTAINER_OF(l, struct open_box, hinting);
		uint64_t at = b->hinted_at + HINT_NS;
		if (b->hinted_at == 0 || at <= now) {
			b->hinted_at = now;
			if (hint_all(b)) {
				list_remove(&b->hinting);
				continue;
			}
			at = now + HINT_AGAIN_NS;
		}
		next = at < next ? at : next;
	}
	if (next != NS_NEVER)
		arm(s, next);
}

void watches_stop(struct store *s)
{
	timer_stop(&s->hint_timer);
}

void on_watch(void *ctx, struct edge_store *c, const struct edge_store_watch *m)
{
	struct session *ss = session_bound(ctx, m->session);
	struct selected *sel = ss ? session_mailbox(ss, m->mailbox) : NULL;
	struct box_status st;
	(void)c;
	if (sel == NULL)
		return;
	list_remove(&sel->watching);
	if (!m->on)
		return;
	/* Whoever starts to watch asks for changes once after it. */
	sel->told = 0;
	if (box_status(sel->box->box, KV_VISIBLE, sel->mailbox, &st) == BOX_OK) {
		sel->told = st.version;
		sel->told_next = st.uid_next;
	}
	list_push_back(&sel->box->watchers, &sel->watching);
}
