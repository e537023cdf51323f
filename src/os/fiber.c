/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/fiber - parking, waking, and the pool of stacks.
 *
 * One mapping holds guard page, stack and, at its upper end, the struct fiber;
 * so starting a fiber on a warm stack allocates nothing.  Switches go between
 * the loop and a fiber only, never from fiber to fiber: the loop's order is the
 * only order.  AddressSanitizer is told about each switch.
 */
#include "os/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include "os/inner.h"

#ifdef LL_SANITIZE
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

enum fiber_state { FIBER_RUNNABLE, FIBER_RUNNING, FIBER_PARKED, FIBER_DONE };

struct fiber {
	uint32_t tag;
	enum fiber_state state;
	struct loop *loop;
	fiber_fn *fn;
	void *arg;
	void *sp;
	void *map;  /* guard page first */
	size_t map_len;
	char *stack;
	size_t stack_len;
	void *fake; /* AddressSanitizer's */
	struct list link;
	struct timer timer;
	uint64_t value;
	bool has_wake, stopped, hears_wake;
};

/* --- the sanitizer's view --- */

static void before_switch(void **fake, const void *bottom, size_t size)
{
#ifdef LL_SANITIZE
	__sanitizer_start_switch_fiber(fake, bottom, size);
#else
	(void)fake, (void)bottom, (void)size;
#endif
}

static void after_switch(void *fake, const void **bottom, size_t *size)
{
#ifdef LL_SANITIZE
	__sanitizer_finish_switch_fiber(fake, bottom, size);
#else
	(void)fake, (void)bottom, (void)size;
#endif
}

static void stack_begins(struct fiber *f)
{
#ifdef LL_SANITIZE
	__asan_unpoison_memory_region(f->stack, f->stack_len);
	/* What a parked fiber holds is no leak. */
	__lsan_register_root_region(f->stack, f->stack_len);
#endif
	(void)f;
}

static void stack_ends(struct fiber *f)
{
#ifdef LL_SANITIZE
	__lsan_unregister_root_region(f->stack, f->stack_len);
#endif
	(void)f;
}

/* --- stacks --- */

void fiber_pool_init(struct loop *l)
{
	list_init(&l->fibers.runnable);
	list_init(&l->fibers.idle);
	l->fibers.limit = FIBER_STACKS_MAX;
}

static void stack_unmap(struct fiber *f)
{
	f->tag = 0;
	ENSURE(munmap(f->map, f->map_len) == 0);
}

void fiber_pool_free(struct loop *l)
{
	struct list *at;

	ENSURE(l->fibers.count == 0);
	while ((at = list_pop_front(&l->fibers.idle)) != NULL)
		stack_unmap(CONTAINER_OF(at, struct fiber, link));
}

static struct fiber *stack_map(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t len = page + FIBER_STACK;
	size_t head = (sizeof(struct fiber) + 63) & ~(size_t)63;
	struct fiber *f;
	char *map = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK,
			 -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	if (mprotect(map, page, PROT_NONE) != 0) {
		ENSURE(munmap(map, len) == 0);
		return NULL;
	}
	f = (struct fiber *)(void *)(map + len - head);
	*f = (struct fiber){.map = map, .map_len = len, .stack = map + page,
			    .stack_len = FIBER_STACK - head};
	return f;
}

static struct fiber *stack_take(struct fiber_pool *p)
{
	struct list *at;

	if (p->count >= p->limit)
		return NULL;
	at = list_pop_front(&p->idle);
	if (at == NULL)
		return stack_map();
	p->idle_count--;
	return CONTAINER_OF(at, struct fiber, link);
}

static void stack_give(struct fiber_pool *p, struct fiber *f)
{
	f->tag = 0;
	if (p->idle_count >= FIBER_STACKS_IDLE) {
		stack_unmap(f);
		return;
	}
	p->idle_count++;
	list_push_front(&p->idle, &f->link);
}

/* --- switching --- */

static void to_loop(struct fiber *f)
{
	struct fiber_pool *p = &f->loop->fibers;

	before_switch(f->state == FIBER_DONE ? NULL : &f->fake, p->loop_bottom,
		      p->loop_size);
	fiber_switch(&f->sp, p->loop_sp);
	after_switch(f->fake, &p->loop_bottom, &p->loop_size);
}

static void fiber_main(void *arg)
{
	struct fiber *f = arg;
	struct fiber_pool *p = &f->loop->fibers;

	after_switch(NULL, &p->loop_bottom, &p->loop_size);
	f->fn(f->arg);
	f->state = FIBER_DONE;
	to_loop(f);
	ENSURE(f->state != FIBER_DONE); /* it would be run after its end */
}

static void run(struct loop *l, struct fiber *f)
{
	struct fiber_pool *p = &l->fibers;
	uint64_t began = loop_clock(l);

	ENSURE_TAG(f, TAG_FIBER);
	ENSURE(p->self == NULL && f->state == FIBER_RUNNABLE);
	f->state = FIBER_RUNNING;
	p->self = f;
	before_switch(&p->loop_fake, f->stack, f->stack_len);
	fiber_switch(&p->loop_sp, f->sp);
	after_switch(p->loop_fake, NULL, NULL);
	p->self = NULL;
	loop_measure(l, "fiber", began);
	if (f->state == FIBER_DONE) {
		ENSURE(!timer_active(&f->timer));
		fiber_switch_end(f->sp);
		p->count--;
		stack_ends(f);
		stack_give(p, f);
	}
}

bool fiber_run_all(struct loop *l)
{
	struct list *at;
	size_t runs = 0;

	while (runs < LOOP_FIBER_RUNS &&
	       (at = list_pop_front(&l->fibers.runnable)) != NULL) {
		run(l, CONTAINER_OF(at, struct fiber, link));
		runs++;
	}
	return runs > 0;
}

/* --- the interface --- */

static void make_runnable(struct fiber *f)
{
	f->state = FIBER_RUNNABLE;
	list_push_back(&f->loop->fibers.runnable, &f->link);
}

struct fiber *fiber_start(struct loop *l, fiber_fn *fn, void *arg)
{
	struct fiber_pool *p = &l->fibers;
	struct fiber *f;

	ENSURE_TAG(l, TAG_LOOP);
	ENSURE(fn != NULL);
	f = stack_take(p);
	if (f == NULL)
		return NULL;
	stack_begins(f);
	*f = (struct fiber){.tag = TAG_FIBER, .loop = l, .fn = fn, .arg = arg,
			    .map = f->map, .map_len = f->map_len,
			    .stack = f->stack, .stack_len = f->stack_len};
	f->sp = fiber_switch_new(f->stack, f->stack_len, fiber_main, f);
	if (f->sp == NULL) {
		stack_ends(f);
		stack_give(p, f);
		return NULL;
	}
	p->count++;
	make_runnable(f);
	return f;
}

void fiber_limit(struct loop *l, size_t max)
{
	l->fibers.limit = max < FIBER_STACKS_MAX ? max : FIBER_STACKS_MAX;
}

size_t fiber_count(const struct loop *l) { return l->fibers.count; }
struct fiber *fiber_self(const struct loop *l) { return l->fibers.self; }
struct loop *fiber_loop(const struct fiber *f) { return f->loop; }
bool fiber_stopped(const struct fiber *f) { return f->stopped; }

size_t fiber_room(const struct loop *l)
{
	const struct fiber *f = l->fibers.self;

	ENSURE(f != NULL);
	return (size_t)((const char *)__builtin_frame_address(0) - f->stack);
}

static void on_deadline(struct timer *t)
{
	struct fiber *f = t->arg;

	if (f->state == FIBER_PARKED)
		make_runnable(f);
}

/* Parks unless there is a reason not to; says why the fiber goes on. */
static enum woke wait_for(struct fiber *f, bool hears_wake, uint64_t deadline)
{
	ENSURE(f != NULL && f->state == FIBER_RUNNING);
	if (f->stopped)
		return WOKE_STOPPED;
	if (hears_wake && f->has_wake)
		return WOKE_VALUE;
	if (deadline <= f->loop->now)
		return WOKE_TIMEOUT;
	if (deadline != NS_NEVER &&
	    !timer_start(f->loop, &f->timer, deadline, on_deadline, f))
		return WOKE_TIMEOUT;
	f->hears_wake = hears_wake;
	f->state = FIBER_PARKED;
	to_loop(f);
	f->hears_wake = false;
	timer_stop(&f->timer);
	if (f->stopped)
		return WOKE_STOPPED;
	return hears_wake && f->has_wake ? WOKE_VALUE : WOKE_TIMEOUT;
}

enum woke fiber_park_until(struct loop *l, uint64_t deadline, uint64_t *value)
{
	struct fiber *f = l->fibers.self;
	enum woke why = wait_for(f, true, deadline);

	if (why == WOKE_VALUE) {
		f->has_wake = false;
		if (value != NULL)
			*value = f->value;
	}
	return why;
}

enum woke fiber_park(struct loop *l, uint64_t *value)
{
	return fiber_park_until(l, NS_NEVER, value);
}

enum woke fiber_sleep_until(struct loop *l, uint64_t at)
{
	return wait_for(l->fibers.self, false, at);
}

void fiber_yield(struct loop *l)
{
	struct fiber *f = l->fibers.self;

	ENSURE(f != NULL);
	make_runnable(f);
	to_loop(f);
}

bool fiber_wake(struct fiber *f, uint64_t value)
{
	ENSURE_TAG(f, TAG_FIBER);
	if (f->has_wake)
		return false;
	f->has_wake = true;
	f->value = value;
	if (f->state == FIBER_PARKED && f->hears_wake)
		make_runnable(f);
	return true;
}

void fiber_stop(struct fiber *f)
{
	ENSURE_TAG(f, TAG_FIBER);
	f->stopped = true;
	if (f->state == FIBER_PARKED)
		make_runnable(f);
}

/* --- gates --- */

bool gate_open(struct fiber_gate *g, uint64_t value)
{
	if (g->open)
		return false;
	g->open = true;
	g->value = value;
	if (g->waiter != NULL)
		(void)fiber_wake(g->waiter, 0);
	return true;
}

/*
 * A wake that was meant for something else, or is left over from an earlier
 * gate, only makes the loop look again.
 */
enum woke gate_wait(struct loop *l, struct fiber_gate *g, uint64_t deadline,
		    uint64_t *value)
{
	enum woke why = WOKE_VALUE;

	ENSURE(fiber_self(l) != NULL && g->waiter == NULL);
	g->waiter = fiber_self(l);
	while (!g->open && why == WOKE_VALUE)
		why = fiber_park_until(l, deadline, NULL);
	g->waiter = NULL;
	if (!g->open)
		return why;
	if (value != NULL)
		*value = g->value;
	return WOKE_VALUE;
}

/* --- descriptors --- */

static void on_ready(struct watch *w, unsigned ready)
{
	struct fiber_io *io = w->arg;
	unsigned want = w->want;

	if (ready & READY_END)
		io->ended = true;
	if ((ready & READY_IN) || io->ended) {
		if (io->reader != NULL)
			(void)fiber_wake(io->reader, 0);
		want &= ~READY_IN;
	}
	if ((ready & READY_OUT) || io->ended) {
		if (io->writer != NULL)
			(void)fiber_wake(io->writer, 0);
		want &= ~READY_OUT;
	}
	if (io->ended) {
		/* It would be reported for ever; reads and writes tell the rest. */
		watch_stop(w);
		return;
	}
	/*
	 * A reader that is there keeps its interest: it reads now and most often
	 * waits again.  Bytes that nobody waits for must not wake us again.
	 */
	if (io->reader != NULL && (ready & READY_IN))
		want |= READY_IN;
	watch_want(w, want);
}

enum os fiber_io_start(struct loop *l, struct fiber_io *io, int fd)
{
	*io = (struct fiber_io){0};
	return watch_start(l, &io->watch, fd, 0, on_ready, io);
}

enum woke fiber_io_wait(struct fiber_io *io, unsigned what, uint64_t deadline)
{
	struct fiber **place = what == READY_IN ? &io->reader : &io->writer;
	struct loop *l = io->watch.loop;
	enum woke why;

	ENSURE(what == READY_IN || what == READY_OUT);
	if (io->ended)
		return WOKE_VALUE;
	ENSURE(l != NULL && *place == NULL && fiber_self(l) != NULL);
	*place = fiber_self(l);
	watch_want(&io->watch, io->watch.want | what);
	why = fiber_park_until(l, deadline, NULL);
	*place = NULL;
	return why;
}

void fiber_io_end(struct fiber_io *io)
{
	ENSURE(io->reader == NULL && io->writer == NULL);
	watch_stop(&io->watch);
}
