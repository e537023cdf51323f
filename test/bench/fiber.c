/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucontext is slow next to a hand-made switch (two system calls each time) but
 * the same everywhere; a session switches a few times a message.
 */
#include "fiber.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "report.h"

#define STACK  ((size_t)128 * 1024)
#define EVENTS 256
#define SCAN   0.2 /* seconds between looks for time-outs */

struct fiber {
	ucontext_t context;
	struct loop *loop;
	void *stack;
	void (*run)(void *);
	void *argument;
	double wake;
	bool sleeping, waiting, late;
	struct fiber *next_ready, *next, *previous;
};

struct discarded {
	void *memory;
	struct discarded *next;
};

struct loop {
	ucontext_t main;
	struct fiber *current, *ready, *last_ready, *all;
	struct discarded *discarded;
	int fibers, sleepers, epoll;
};

struct loop *loop_make(void)
{
	struct loop *l = zeroed(1, sizeof *l);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		die("epoll: %s", strerror(errno));
	return l;
}

static void free_discarded(struct loop *l)
{
	while (l->discarded != NULL) {
		struct discarded *d = l->discarded;
		l->discarded = d->next;
		free(d->memory);
		free(d);
	}
}

void loop_free(struct loop *l)
{
	free_discarded(l);
	(void)close(l->epoll);
	free(l);
}

static void wake(struct fiber *f)
{
	struct loop *l = f->loop;
	f->waiting = false;
	if (f->sleeping) {
		f->sleeping = false;
		l->sleepers--;
	}
	f->next_ready = NULL;
	if (l->last_ready != NULL)
		l->last_ready->next_ready = f;
	else
		l->ready = f;
	l->last_ready = f;
}

/* makecontext passes ints: the pointer travels as two halves. */
static void entry(unsigned low, unsigned high)
{
	struct fiber *f =
		(struct fiber *)((uintptr_t)low | (uintptr_t)high << 32);
	f->run(f->argument);
	f->run = NULL;
	(void)swapcontext(&f->context, &f->loop->main);
}

void loop_start(struct loop *l, void (*run)(void *), void *argument)
{
	struct fiber *f = zeroed(1, sizeof *f);
	f->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f->stack == MAP_FAILED)
		die("a stack: %s", strerror(errno));
	f->loop = l;
	f->run = run;
	f->argument = argument;
	(void)getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK;
	makecontext(&f->context, (void (*)(void))(void *)entry, 2,
		    (unsigned)(uintptr_t)f, (unsigned)((uintptr_t)f >> 32));
	f->next = l->all;
	if (l->all != NULL)
		l->all->previous = f;
	l->all = f;
	l->fibers++;
	wake(f);
}

static void pause_fiber(struct loop *l)
{
	(void)swapcontext(&l->current->context, &l->main);
}

void loop_sleep(struct loop *l, double milliseconds)
{
	l->current->sleeping = true;
	l->sleepers++;
	l->current->wake = now() + milliseconds / 1000;
	pause_fiber(l);
}

bool loop_wait(struct loop *l, struct waiter *w, double seconds)
{
	struct fiber *f = l->current;
	w->fiber = f;
	f->waiting = true;
	f->late = false;
	f->wake = now() + seconds;
	pause_fiber(l);
	w->fiber = NULL;
	return !f->late;
}

void loop_watch(struct loop *l, int fd, struct waiter *w)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP |
					      EPOLLET,
				    .data.ptr = w};
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl: %s", strerror(errno));
}

void loop_discard(struct loop *l, void *memory)
{
	struct discarded *d = zeroed(1, sizeof *d);
	d->memory = memory;
	d->next = l->discarded;
	l->discarded = d;
}

static void end(struct fiber *f)
{
	struct loop *l = f->loop;
	if (f->previous != NULL)
		f->previous->next = f->next;
	else
		l->all = f->next;
	if (f->next != NULL)
		f->next->previous = f->previous;
	(void)munmap(f->stack, STACK);
	free(f);
	l->fibers--;
}

static void run_ready(struct loop *l)
{
	while (l->ready != NULL) {
		struct fiber *f = l->ready;
		l->ready = f->next_ready;
		if (l->ready == NULL)
			l->last_ready = NULL;
		l->current = f;
		(void)swapcontext(&l->main, &f->context);
		if (f->run == NULL)
			end(f);
	}
}

static void scan(struct loop *l, double time)
{
	for (struct fiber *f = l->all; f != NULL; f = f->next) {
		if (f->sleeping && f->wake <= time) {
			wake(f);
		} else if (f->waiting && f->wake <= time) {
			f->late = true;
			wake(f);
		}
	}
}

void loop_run(struct loop *l)
{
	struct epoll_event events[EVENTS];
	double scanned = now();
	for (;;) {
		run_ready(l);
		free_discarded(l);
		if (l->fibers == 0)
			return;
		int count = epoll_wait(l->epoll, events, EVENTS,
				       l->sleepers != 0 ? 2 : 200);
		for (int i = 0; i < count; i++) {
			struct waiter *w = events[i].data.ptr;
			if (w->fiber != NULL) {
				struct fiber *f = w->fiber;
				w->fiber = NULL;
				wake(f);
			}
		}
		double time = now();
		if (l->sleepers != 0 || time - scanned > SCAN) {
			scanned = time;
			scan(l, time);
		}
	}
}
