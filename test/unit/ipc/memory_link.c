/* SPDX-License-Identifier: Apache-2.0 */
/* ipc links over two queues; see memory_link.h. */
#include "memory_link.h"

#include <stdlib.h>

#include "base/ensure.h"

struct frame {
	size_t len;
	int fd;
	char data[IPC_FRAME_MAX + 16];
};

struct end {
	struct ipc_link link;
	struct memory_pair *pair;
	unsigned number;
	struct ipc *ch;
	struct frame *in[MEMORY_FRAMES];
	unsigned count;
	bool closed, turn, wants_room;
	uint64_t alarm;
};

struct memory_pair {
	struct end end[2];
	uint64_t now;
	int fds;
};

static struct end *of(struct ipc_link *l)
{
	return CONTAINER_OF(l, struct end, link);
}

static bool mem_attach(struct ipc_link *l, struct ipc *ch)
{
	of(l)->ch = ch;
	return true;
}

static void mem_close(struct ipc_link *l)
{
	struct end *e = of(l);
	ENSURE(!e->closed);
	memory_close(e->pair, e->number);
	e->ch = NULL;
}

static void mem_free(struct ipc_link *l) { (void)l; }

static enum ipc_io mem_send(struct ipc_link *l, struct span s, int fd)
{
	struct end *e = of(l);
	struct end *to = &e->pair->end[1 - e->number];
	if (to->closed)
		return IPC_IO_BROKEN;
	if (to->count == MEMORY_FRAMES) {
		e->wants_room = true;
		return IPC_IO_AGAIN;
	}
	memory_push(e->pair, e->number, s, fd);
	return IPC_IO_DONE;
}

static enum ipc_io mem_recv(struct ipc_link *l, char *buf, size_t cap,
			    size_t *len, int *fd)
{
	struct end *e = of(l);
	if (e->count == 0)
		return e->pair->end[1 - e->number].closed ? IPC_IO_END
							   : IPC_IO_AGAIN;
	struct frame *f = e->in[0];
	memcpy(buf, f->data, f->len < cap ? f->len : cap);
	*len = f->len;
	*fd = f->fd;
	free(f);
	memmove(e->in, e->in + 1, --e->count * sizeof e->in[0]);
	return IPC_IO_DONE;
}

static void mem_close_fd(struct ipc_link *l, int fd)
{
	(void)fd;
	memory_fd_close(of(l)->pair);
}

static void mem_rest(struct ipc_link *l) { (void)l; }
static void mem_want(struct ipc_link *l) { of(l)->turn = true; }
static void mem_alarm(struct ipc_link *l, uint64_t at) { of(l)->alarm = at; }
static uint64_t mem_now(struct ipc_link *l) { return of(l)->pair->now; }
static void *mem_fiber(struct ipc_link *l)
{
	(void)l;
	return NULL;
}
static bool mem_park(struct ipc_link *l)
{
	ENSURE(l == NULL); /* there are no fibers here */
	return false;
}
static void mem_wake(struct ipc_link *l, void *fiber)
{
	(void)l;
	(void)fiber;
}

struct memory_pair *memory_pair_new(void)
{
	static const struct ipc_link_ops ops = {
		mem_attach, mem_close, mem_free, mem_send, mem_recv,
		mem_close_fd, mem_rest, mem_want, mem_alarm, mem_now, mem_fiber,
		mem_park, mem_wake};
	struct memory_pair *p = calloc(1, sizeof *p);
	ENSURE(p != NULL);
	for (unsigned i = 0; i < 2; i++)
		p->end[i] = (struct end){.link = {&ops},
					 .pair = p,
					 .number = i,
					 .alarm = UINT64_MAX};
	return p;
}

void memory_pair_free(struct memory_pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!p->end[i].closed)
			memory_close(p, i);
	}
	free(p);
}

struct ipc_link *memory_link(struct memory_pair *p, unsigned end)
{
	return &p->end[end].link;
}

/* One turn of one end.  True: something was done. */
static bool turn(struct end *e)
{
	bool did = false;
	struct end *peer = &e->pair->end[1 - e->number];
	if (e->ch != NULL && e->alarm <= e->pair->now) {
		e->alarm = UINT64_MAX;
		did = true;
		ipc_on_alarm(e->ch);
	}
	if (e->ch != NULL && (e->count > 0 || peer->closed)) {
		did = true;
		ipc_on_readable(e->ch);
	}
	if (e->ch != NULL && e->wants_room && peer->count < MEMORY_FRAMES) {
		e->wants_room = false;
		did = true;
		ipc_on_writable(e->ch);
	}
	if (e->ch != NULL && e->turn) {
		e->turn = false;
		did = true;
		ipc_on_turn_end(e->ch);
	}
	return did;
}

void memory_run(struct memory_pair *p)
{
	bool first, second;
	do {
		first = turn(&p->end[0]);
		second = turn(&p->end[1]);
	} while (first || second);
}

void memory_clock(struct memory_pair *p, uint64_t now) { p->now = now; }

void memory_push(struct memory_pair *p, unsigned end, struct span s, int fd)
{
	struct end *to = &p->end[1 - end];
	struct frame *f = malloc(sizeof *f);
	ENSURE(f != NULL && to->count < MEMORY_FRAMES);
	ENSURE(s.len <= sizeof f->data);
	if (s.len > 0)
		memcpy(f->data, s.ptr, s.len);
	f->len = s.len;
	f->fd = fd;
	if (fd != -1)
		p->fds++;
	to->in[to->count++] = f;
}

bool memory_pull(struct memory_pair *p, unsigned end, char *buf, size_t *len,
		 int *fd)
{
	return mem_recv(&p->end[end].link, buf, IPC_FRAME_MAX, len, fd) ==
	       IPC_IO_DONE;
}

void memory_close(struct memory_pair *p, unsigned end)
{
	struct end *e = &p->end[end];
	for (unsigned i = 0; i < e->count; i++) {
		if (e->in[i]->fd != -1)
			p->fds--;
		free(e->in[i]);
	}
	e->count = 0;
	e->closed = true;
}

int memory_fd(struct memory_pair *p) { return 100 + p->fds++; }
void memory_fd_close(struct memory_pair *p)
{
	ENSURE(p->fds > 0);
	p->fds--;
}
int memory_fds(const struct memory_pair *p) { return p->fds; }
