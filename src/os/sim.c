/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sim - clock, seed, descriptors, pollers, and who goes next.
 *
 * Nothing in here depends on addresses of memory or on the real clock: lists
 * are in order of creation and every choice is drawn from the seed.
 */
#include "os/sim.h"

#include <stdlib.h>

#include "os/sim_inner.h"

struct entry {
	struct list link;
	struct sim_obj *obj;
	int fd;
	unsigned want;
	void *token;
};

const struct sim *sim_of_const(const struct world *w)
{
	ENSURE_TAG(w, TAG_SIM);
	return (const struct sim *)(const void *)w;
}

struct sim *sim_of(struct world *w)
{
	ENSURE_TAG(w, TAG_SIM);
	return (struct sim *)(void *)w;
}

/* --- randomness: xoshiro256**, seeded by splitmix64 --- */

static uint64_t rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }

uint64_t sim_draw(struct sim *s)
{
	uint64_t *r = s->random, out = rotate(r[1] * 5, 7) * 9, t = r[1] << 17;

	r[2] ^= r[0];
	r[3] ^= r[1];
	r[1] ^= r[2];
	r[0] ^= r[3];
	r[2] ^= t;
	r[3] = rotate(r[3], 45);
	return out;
}

static void seed(struct sim *s, uint64_t x)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = (x += 0x9e3779b97f4a7c15);
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		s->random[i] = z ^ (z >> 31);
	}
}

static void s_random(struct world *w, void *out, size_t len)
{
	char *at = out;

	while (len > 0) {
		uint64_t r = sim_draw(sim_of(w));
		size_t n = len < sizeof(r) ? len : sizeof(r);
		memcpy(at, &r, n);
		at += n;
		len -= n;
	}
}

/* --- clock --- */

static uint64_t s_now(struct world *w) { return sim_of(w)->now; }

static struct wall s_wall(struct world *w)
{
	struct sim *s = sim_of(w);
	return (struct wall){s->wall_sec + (int64_t)(s->now / NS_PER_SEC),
			     (uint32_t)(s->now % NS_PER_SEC)};
}

void sim_wall_set(struct world *w, struct wall t)
{
	struct sim *s = sim_of(w);
	s->wall_sec = t.sec - (int64_t)(s->now / NS_PER_SEC);
}

/* --- descriptors --- */

struct sim_obj *sim_get(struct sim *s, int fd)
{
	ENSURE(fd >= 0 && (size_t)fd < s->fds_cap && s->fds[fd].obj != NULL);
	return s->fds[fd].obj;
}

enum os sim_fd(struct sim *s, struct sim_obj *o, int *fd)
{
	size_t i = 3;

	while (i < s->fds_cap && s->fds[i].obj != NULL)
		i++;
	if (i >= s->fds_cap) {
		size_t cap = s->fds_cap ? s->fds_cap * 2 : 64;
		struct sim_fd *more;
		more = cap > SIM_FDS_MAX ? NULL : realloc(s->fds, cap * sizeof(*more));
		if (more == NULL) {
			sim_unref(o);
			return cap > SIM_FDS_MAX ? OS_NOFD : OS_NOMEM;
		}
		memset(more + s->fds_cap, 0, (cap - s->fds_cap) * sizeof(*more));
		s->fds = more;
		s->fds_cap = cap;
	}
	s->fds[i] = (struct sim_fd){o, s->turn};
	s->fds_open++;
	*fd = (int)i;
	return OS_OK;
}

static void s_close(struct world *w, int fd)
{
	struct sim *s = sim_of(w);
	struct sim_obj *o = sim_get(s, fd);

	s->fds[fd] = (struct sim_fd){0};
	s->fds_open--;
	sim_unref(o);
}

static enum os s_dup(struct world *w, int fd, int *out)
{
	struct sim_obj *o = sim_get(sim_of(w), fd);

	o->refs++;
	return sim_fd(sim_of(w), o, out);
}

size_t sim_open(const struct world *w) { return sim_of_const(w)->fds_open; }
uint64_t sim_steps(const struct world *w) { return sim_of_const(w)->steps; }

/* --- pollers --- */

static enum os s_poller_new(struct world *w, struct world_party party,
			    struct poller **out)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return OS_NOMEM;
	p->sim = sim_of(w);
	p->party = party;
	p->number = ++p->sim->pollers_made;
	list_init(&p->entries);
	list_push_back(&p->sim->pollers, &p->link);
	*out = p;
	return OS_OK;
}

static void s_poller_free(struct poller *p)
{
	ENSURE(list_empty(&p->entries));
	for (size_t i = 0; i < p->sim->fds_cap; i++)
		if (p->sim->fds[i].owner == p)
			p->sim->fds[i].owner = NULL;
	list_remove(&p->link);
	free(p);
}

static struct entry *find_entry(struct poller *p, int fd)
{
	LIST_EACH(&p->entries, it) {
		struct entry *e = CONTAINER_OF(it, struct entry, link);
		if (e->fd == fd)
			return e;
	}
	return NULL;
}

static enum os s_poller_add(struct poller *p, int fd, unsigned want, void *token)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return OS_NOMEM;
	ENSURE(find_entry(p, fd) == NULL);
	*e = (struct entry){.obj = sim_get(p->sim, fd), .fd = fd, .want = want,
			    .token = token};
	list_push_back(&p->entries, &e->link);
	return OS_OK;
}

static enum os s_poller_change(struct poller *p, int fd, unsigned want, void *token)
{
	struct entry *e = find_entry(p, fd);

	if (e == NULL)
		return OS_NOENT;
	e->want = want;
	e->token = token;
	return OS_OK;
}

static void s_poller_remove(struct poller *p, int fd)
{
	struct entry *e = find_entry(p, fd);

	if (e != NULL) {
		list_remove(&e->link);
		free(e);
	}
}

static unsigned entry_ready(const struct poller *p, const struct entry *e)
{
	/* A watch outlives its descriptor only by a bug. */
	ENSURE(sim_get(p->sim, e->fd) == e->obj);
	return sim_readiness(p->sim, e->obj) & (e->want | READY_END);
}

/* What did not fit into one batch goes first in the next. */
static size_t s_poller_wait(struct poller *p, uint64_t until, struct ready *out,
			    size_t max)
{
	size_t n = 0;

	ENSURE(until == 0); /* loop_run belongs to the real world */
	LIST_EACH(&p->entries, it) {
		struct entry *e = CONTAINER_OF(it, struct entry, link);
		unsigned what = entry_ready(p, e);
		if (what == 0)
			continue;
		out[n++] = (struct ready){e->token, what};
		if (n == max) {
			list_remove(&p->entries);
			list_insert_before(e->link.next, &p->entries);
			break;
		}
	}
	for (size_t i = n; i > 1; i--) { /* nobody promised an order */
		size_t k = (size_t)(sim_draw(p->sim) % i);
		struct ready other = out[k];
		out[k] = out[i - 1];
		out[i - 1] = other;
	}
	return n;
}

/* Is there something now?  Else *next is lowered to when something arrives. */
static bool any_ready(struct poller *p, uint64_t *next)
{
	LIST_EACH(&p->entries, it) {
		struct entry *e = CONTAINER_OF(it, struct entry, link);
		struct list *first = list_first(&e->obj->queue);
		if (entry_ready(p, e) != 0)
			return true;
		if (e->obj->stands > p->sim->now && e->obj->stands < *next)
			*next = e->obj->stands;
		if (e->obj->kind != SIM_PACKET || first == NULL || e->obj->dead)
			continue;
		uint64_t at = CONTAINER_OF(first, struct sim_packet, link)->at;
		if (at > p->sim->now && at < *next)
			*next = at;
	}
	return false;
}

/* --- threads and signals: there are none --- */

static enum os s_signals(struct world *w, unsigned set, int *fd)
{
	(void)w, (void)set;
	*fd = -1;
	return OS_OK;
}

static struct world_kept *s_kept(struct world *w) { return &sim_of(w)->kept; }

static enum os s_poke_new(struct world *w, int *fd)
{
	(void)w;
	*fd = -1;
	return OS_OK;
}

/* --- running --- */

/* One that has something to do now, drawn from the seed; else when one will. */
static struct poller *choose(struct sim *s, uint64_t *next)
{
	struct poller *chosen = NULL;
	uint64_t count = 0;

	*next = NS_NEVER;
	LIST_EACH(&s->pollers, it) {
		struct poller *p = CONTAINER_OF(it, struct poller, link);
		uint64_t at = p->party.next(p->party.arg);
		if (at > s->now && !any_ready(p, &at)) {
			*next = at < *next ? at : *next;
			continue;
		}
		if (sim_draw(s) % ++count == 0)
			chosen = p;
	}
	return chosen;
}

enum sim_end sim_run(struct world *w, uint64_t until, uint64_t max_steps)
{
	struct sim *s = sim_of(w);

	for (uint64_t step = 0; step < max_steps;) {
		uint64_t next;
		struct poller *p = choose(s, &next);
		if (p != NULL) {
			s->steps++;
			step++;
			struct poller *outer = s->turn; /* of a test that waits */
			s->turn = p;
			sim_note(s, "turn", span_of(NULL, 0));
			p->party.turn(p->party.arg);
			s->turn = outer;
			continue;
		}
		if (next > until) {
			s->now = s->now > until ? s->now : until;
			return SIM_UNTIL;
		}
		if (next == NS_NEVER)
			return SIM_IDLE;
		s->now = next;
	}
	return SIM_STEPS;
}

static void s_free(struct world *w)
{
	struct sim *s = sim_of(w);

	ENSURE(list_empty(&s->pollers));
	for (size_t i = 0; i < s->fds_cap; i++)
		if (s->fds[i].obj != NULL)
			sim_unref(s->fds[i].obj);
	free(s->fds);
	if (s->kept.what != NULL)
		s->kept.free(s->kept.what);
	w->tag = 0;
	free((void *)(uintptr_t)w->ops);
	free(s);
}

struct world *world_sim(uint64_t with_seed)
{
	struct sim *s = calloc(1, sizeof(*s));
	struct world_ops *ops = calloc(1, sizeof(*ops));

	if (s == NULL || ops == NULL) {
		free(s);
		free(ops);
		return NULL;
	}
	*ops = (struct world_ops){
		.now = s_now, .wall = s_wall, .random = s_random,
		.fault = sim_fault_asked, .kept = s_kept, .free = s_free,
		.close = s_close, .dup = s_dup,
		.poller_new = s_poller_new, .poller_free = s_poller_free,
		.poller_add = s_poller_add, .poller_change = s_poller_change,
		.poller_remove = s_poller_remove, .poller_wait = s_poller_wait,
		.signals = s_signals, .poke_new = s_poke_new};
	sim_sock_ops(ops);
	s->world = (struct world){TAG_SIM, ops};
	s->now = NS_PER_SEC;
	s->wall_sec = 1700000000;
	s->next_port = 40000;
	list_init(&s->listeners);
	list_init(&s->pollers);
	seed(s, with_seed);
	return &s->world;
}
