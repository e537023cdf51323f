/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of a simulated world with a question before each call that can fail.
 *
 * __wrap_world_sim exchanges the table of the world that it makes; the world
 * stays what it is, so that sim_run and its sisters work on it.  Each poller's
 * turns are framed by fault_enter and fault_leave; what the simulation does
 * below a call is outside.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "base/list.h"
#include "fault_inner.h"
#include "os/sim.h"


enum { MEMORY, DESCRIPTORS, FULL, IO, BROKEN, AGAIN, SHORT };
#define WAY(w) (1u << (w))

static const enum os answers[] = {OS_NOMEM, OS_NOFD, OS_FULL, OS_IO, OS_BROKEN, OS_AGAIN,
				  OS_OK};

struct party {
	struct list link;
	struct world_party of;
	struct poller *poller;
	bool exempt;
};

static struct {
	const struct world_ops *real; /* of every simulated world the same */
	struct list parties;
} hooked = {.parties = {&hooked.parties, &hooked.parties}};

struct world *__real_world_sim(uint64_t seed);
struct world *__wrap_world_sim(uint64_t seed);

/* OS_OK: go on; *cut: with one byte of the many. */
static enum os ask(const char *what, const void *where, unsigned possible, bool *cut)
{
	unsigned way = 0;

	if (cut != NULL)
		*cut = false;
	if (!fault_now(FAULT_WORLD, what, where, &way))
		return OS_OK;
	if ((possible & WAY(way)) == 0)
		way = (unsigned)__builtin_ctz(possible);
	if (way == SHORT)
		*cut = true;
	return answers[way];
}

#define HERE __builtin_return_address(0)
/* Ask; when the call may go on, do it outside of the count. */
#define CALL(name, possible, ...)                                              \
	do {                                                                   \
		enum os r = ask(#name, HERE, possible, NULL);                  \
		if (r != OS_OK)                                                \
			return r;                                              \
		unsigned before = fault_outside();                             \
		r = hooked.real->name(__VA_ARGS__);                            \
		fault_back(before);                                            \
		return r;                                                      \
	} while (0)
/* The same for calls that move bytes: perhaps only one of them. */
#define MOVE(name, possible, len, ...)                                         \
	do {                                                                   \
		bool cut;                                                      \
		enum os r = ask(#name, HERE, possible, &cut);                  \
		if (r != OS_OK)                                                \
			return r;                                              \
		if (cut && len > 1)                                            \
			len = 1;                                               \
		unsigned before = fault_outside();                             \
		r = hooked.real->name(__VA_ARGS__);                            \
		fault_back(before);                                            \
		return r;                                                      \
	} while (0)

/* ---- turns ---------------------------------------------------------------------- */

static void turn(void *arg)
{
	struct party *p = arg;

	if (!p->exempt)
		fault_enter();
	p->of.turn(p->of.arg);
	if (!p->exempt)
		fault_leave();
}

static uint64_t next(void *arg)
{
	struct party *p = arg;
	return p->of.next(p->of.arg);
}

static enum os f_poller_new(struct world *w, struct world_party of, struct poller **out)
{
	enum os r = ask("poller_new", HERE, WAY(DESCRIPTORS) | WAY(MEMORY), NULL);
	if (r != OS_OK)
		return r;
	unsigned before = fault_outside();
	struct party *p = calloc(1, sizeof *p);
	ENSURE(p != NULL);
	p->of = of;
	r = hooked.real->poller_new(w, (struct world_party){turn, next, p}, out);
	ENSURE(r == OS_OK);
	p->poller = *out;
	list_push_back(&hooked.parties, &p->link);
	fault_back(before);
	return r;
}

static void f_poller_free(struct poller *poller)
{
	unsigned before = fault_outside();

	hooked.real->poller_free(poller);
	LIST_EACH(&hooked.parties, it) {
		struct party *p = CONTAINER_OF(it, struct party, link);
		if (p->poller != poller)
			continue;
		list_remove(&p->link);
		free(p);
		break;
	}
	fault_back(before);
}

void fault_exempt(struct loop *l)
{
	LIST_EACH(&hooked.parties, it) {
		struct party *p = CONTAINER_OF(it, struct party, link);
		if (p->of.arg == l)
			p->exempt = true;
	}
}

static enum os f_poller_add(struct poller *p, int fd, unsigned want, void *token)
{
	CALL(poller_add, WAY(MEMORY) | WAY(FULL), p, fd, want, token);
}

/* Cannot fail, but uses memory of the simulation's. */
static void f_poller_remove(struct poller *p, int fd)
{
	unsigned before = fault_outside();
	hooked.real->poller_remove(p, fd);
	fault_back(before);
}

static void f_close(struct world *w, int fd)
{
	unsigned before = fault_outside();
	hooked.real->close(w, fd);
	fault_back(before);
}

/* ---- descriptors and sockets ------------------------------------------------------ */

static enum os f_dup(struct world *w, int fd, int *out)
{
	CALL(dup, WAY(DESCRIPTORS), w, fd, out);
}

static enum os f_accept(struct world *w, int fd, int *out, struct addr *peer)
{
	CALL(accept, WAY(DESCRIPTORS) | WAY(MEMORY) | WAY(BROKEN) | WAY(AGAIN), w, fd, out,
	     peer);
}

static enum os f_local(struct world *w, int fd, struct addr *out)
{
	CALL(local, WAY(MEMORY), w, fd, out);
}

static enum os f_read(struct world *w, int fd, void *to, size_t len, size_t *got)
{
	MOVE(read, WAY(BROKEN) | WAY(AGAIN) | WAY(SHORT), len, w, fd, to, len, got);
}

static enum os f_write(struct world *w, int fd, const void *from, size_t len, size_t *done)
{
	MOVE(write, WAY(BROKEN) | WAY(MEMORY) | WAY(AGAIN) | WAY(SHORT), len, w, fd, from, len,
	     done);
}

static enum os f_shutdown(struct world *w, int fd)
{
	CALL(shutdown, WAY(BROKEN), w, fd);
}

static enum os f_packet_send(struct world *w, int fd, const void *from, size_t len, int pass)
{
	CALL(packet_send, WAY(MEMORY) | WAY(AGAIN) | WAY(DESCRIPTORS), w, fd, from, len, pass);
}

static enum os f_packet_recv(struct world *w, int fd, void *to, size_t cap, size_t *len,
			     int *passed)
{
	CALL(packet_recv, WAY(MEMORY) | WAY(AGAIN), w, fd, to, cap, len, passed);
}

static enum os f_packet_pair(struct world *w, int out[2])
{
	CALL(packet_pair, WAY(DESCRIPTORS) | WAY(MEMORY), w, out);
}

/* ---- sealed memory ------------------------------------------------------------------ */

static enum os f_blob_new(struct world *w, int *fd)
{
	CALL(blob_new, WAY(DESCRIPTORS) | WAY(MEMORY), w, fd);
}

static enum os f_blob_seal(struct world *w, int fd)
{
	CALL(blob_seal, WAY(IO), w, fd);
}

static enum os f_append(struct world *w, int fd, const void *from, size_t len, size_t *done)
{
	MOVE(append, WAY(MEMORY) | WAY(FULL) | WAY(IO) | WAY(SHORT), len, w, fd, from, len,
	     done);
}

static enum os f_pread(struct world *w, int fd, void *to, size_t len, uint64_t at,
		       size_t *got)
{
	MOVE(pread, WAY(IO) | WAY(SHORT), len, w, fd, to, len, at, got);
}

static bool f_fault(struct world *w, const char *name)
{
	unsigned way;
	if (strncmp(name, "kv.", 3) == 0 && fault_now(FAULT_ENGINE, name, HERE, &way))
		return true;
	return hooked.real->fault(w, name);
}

struct world *__wrap_world_sim(uint64_t seed)
{
	unsigned before = fault_outside();
	struct world *w = __real_world_sim(seed);
	struct world_ops *ops = malloc(sizeof *ops);

	ENSURE(w != NULL && ops != NULL);
	*ops = *w->ops;
	ops->poller_new = f_poller_new;
	ops->poller_free = f_poller_free;
	ops->poller_add = f_poller_add;
	ops->poller_remove = f_poller_remove;
	ops->close = f_close;
	ops->dup = f_dup;
	ops->accept = f_accept;
	ops->local = f_local;
	ops->read = f_read;
	ops->write = f_write;
	ops->shutdown = f_shutdown;
	ops->packet_send = f_packet_send;
	ops->packet_recv = f_packet_recv;
	ops->packet_pair = f_packet_pair;
	ops->blob_new = f_blob_new;
	ops->blob_seal = f_blob_seal;
	ops->append = f_append;
	ops->pread = f_pread;
	ops->fault = f_fault;
	/* Both tables are the world's to free; this one keeps the real functions. */
	static struct world_ops real;
	real = *w->ops;
	hooked.real = &real;
	free((void *)(uintptr_t)w->ops);
	w->ops = ops;
	fault_back(before);
	return w;
}
