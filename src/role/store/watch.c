/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/watch: hints to sessions whose mailbox moved.
 *
 * The first change after a quiet time is told at once, further ones at most
 * every 5 ms.  A hint is lossy: one that found no window is sent again later, and
 * it always carries the version of that moment.
 */
#include "role/store/session.h"

#define HINT_NS	      (5 * NS_PER_MS)
#define HINT_AGAIN_NS (100 * NS_PER_MS)

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
	(void)version;
	if (list_empty(&b->watchers) || list_linked(&b->hinting))
		return;
	list_push_back(&s->hinting, &b->hinting);
	arm(s, now >= b->hinted_at + HINT_NS ? now : b->hinted_at + HINT_NS);
}

/* False: no room on that channel now. */
static bool hint(struct selected *m)
{
	struct box_status st;
	struct peer *p = m->session->peer;
	enum box_result r = box_status(m->box->box, KV_VISIBLE, m->mailbox, &st);
	if (r == BOX_NONE)
		st.version = m->told + 1; /* it is gone: asking will tell */
	else if (r != BOX_OK)
		return false;
	if (st.version == m->told || p == NULL || p->channel == NULL)
		return true;
	struct edge_store_hint h = {.session = m->session->id,
				    .mailbox = m->handle,
				    .version = st.version};
	if (edge_store_hint(edge_store_of(p->channel), &h) != IPC_OK)
		return false;
	m->told = st.version;
	p->store->count.hints++;
	return true;
}

static bool hint_all(struct open_box *b)
{
	bool all = true;
	LIST_EACH(&b->watchers, l)
		all &= hint(CONTAINER_OF(l, struct selected, watching));
	return all;
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
	sel->told = box_status(sel->box->box, KV_VISIBLE, sel->mailbox, &st) ==
				    BOX_OK
			    ? st.version
			    : 0;
	list_push_back(&sel->box->watchers, &sel->watching);
}
