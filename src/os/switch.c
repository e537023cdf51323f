/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/switch - what a stack looks like before its first switch.
 *
 * For x86-64 and aarch64 a frame is laid out by hand for the assembly beside
 * this file.  Elsewhere, or with LL_FIBER_UCONTEXT, the C library's ucontext
 * does the work: slower (it makes system calls), with the same behaviour.
 */
#include "os/inner.h"

#if defined(LL_FIBER_UCONTEXT) || !(defined(__x86_64__) || defined(__aarch64__))

#include <stdlib.h>
#include <ucontext.h>

/* A saved stack is named by the context that was left, freed at the end. */
struct left {
	ucontext_t context;
	void (*fn)(void *);
	void *arg;
};

/* makecontext passes ints only: a pointer travels in two. */
static void entry(unsigned high, unsigned low)
{
	struct left *l = (struct left *)((uintptr_t)high << 32 | low);
	l->fn(l->arg);
}

void *fiber_switch_new(void *bottom, size_t size, void (*fn)(void *), void *arg)
{
	struct left *l = calloc(1, sizeof(*l));
	uint64_t p = (uintptr_t)l;

	if (l == NULL)
		return NULL;
	ENSURE(getcontext(&l->context) == 0);
	l->fn = fn;
	l->arg = arg;
	l->context.uc_stack.ss_sp = bottom;
	l->context.uc_stack.ss_size = size;
	makecontext(&l->context, (void (*)(void))entry, 2, (unsigned)(p >> 32),
		    (unsigned)p);
	return l;
}

void fiber_switch_end(void *sp) { free(sp); }

/*
 * A fiber is left into its own context, which *save already names.  The loop has none:
 * its context lives on its own stack while a fiber runs.
 */
void fiber_switch(void **save, void *load)
{
	struct left here, *to = load, *from = *save != NULL ? *save : &here;

	if (from == &here)
		*save = &here;
	ENSURE(swapcontext(&from->context, &to->context) == 0);
	if (from == &here)
		*save = NULL;
}

#else

void fiber_entry(void);

#if defined(__x86_64__)

void *fiber_switch_new(void *bottom, size_t size, void (*fn)(void *), void *arg)
{
	uintptr_t top = ((uintptr_t)bottom + size) & ~(uintptr_t)15;
	uint64_t *sp = (uint64_t *)top - 10;

	/*
	 * control words, r15, r14, r13, r12, rbx, rbp, the return address, and
	 * a zero above it where a backtrace ends.  At fiber_entry rsp is a
	 * multiple of 16, as before any call.
	 */
	sp[0] = 0x037f00001f80; /* the ABI's state at program start */
	sp[1] = sp[2] = 0;
	sp[3] = (uint64_t)(uintptr_t)fn;
	sp[4] = (uint64_t)(uintptr_t)arg;
	sp[5] = sp[6] = 0;
	sp[7] = (uint64_t)(uintptr_t)fiber_entry;
	sp[8] = sp[9] = 0;
	return sp;
}

#else

void *fiber_switch_new(void *bottom, size_t size, void (*fn)(void *), void *arg)
{
	uintptr_t top = ((uintptr_t)bottom + size) & ~(uintptr_t)15;
	uint64_t *sp = (uint64_t *)top - 20;

	for (int i = 0; i < 20; i++)
		sp[i] = 0;
	sp[0] = (uint64_t)(uintptr_t)arg;
	sp[1] = (uint64_t)(uintptr_t)fn;
	sp[11] = (uint64_t)(uintptr_t)fiber_entry; /* x30 */
	return sp;
}

#endif

void fiber_switch_end(void *sp) { (void)sp; }

#endif
