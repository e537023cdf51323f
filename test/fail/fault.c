/* SPDX-License-Identifier: Apache-2.0 */
/* The count, the plan, and the memory of our code behind the linker's --wrap. */
#define _GNU_SOURCE /* dladdr */
#include "fault.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault_inner.h"

#ifdef LL_SANITIZE
#include <sanitizer/common_interface_defs.h>
#endif

static struct {
	struct fault_plan plan;
	bool armed;
	unsigned inside; /* of a role's turn, minus what is exempt in it */
	uint64_t calls, failed;
	const char *what;
	const void *where;
	size_t blocks;
} state;

static const char *const memory_ways[] = {"none left"};
static const char *const world_ways[] = {"memory", "descriptors", "disk full",
					 "input/output", "broken", "again", "short"};
static const char *const engine_ways[] = {"unavailable", "corrupt", "full"};

static const struct {
	const char *name;
	const char *const *ways;
	unsigned count;
} kinds[FAULT_KINDS] = {
	[FAULT_MEMORY] = {"memory", memory_ways, ARRAY_LEN(memory_ways)},
	[FAULT_WORLD] = {"world", world_ways, ARRAY_LEN(world_ways)},
	[FAULT_ENGINE] = {"engine", engine_ways, ARRAY_LEN(engine_ways)},
};

const char *fault_kind_name(enum fault_kind k) { return kinds[k].name; }
unsigned fault_ways(enum fault_kind k) { return kinds[k].count; }
const char *fault_way_name(enum fault_kind k, unsigned way)
{
	return kinds[k].ways[way];
}

void fault_arm(const struct fault_plan *p)
{
	state.plan = *p;
	state.armed = true;
	state.calls = state.failed = 0;
	state.what = NULL;
	state.where = NULL;
}

uint64_t fault_disarm(void)
{
	state.armed = false;
	return state.calls;
}

uint64_t fault_failed(void) { return state.failed; }
size_t fault_blocks(void) { return state.blocks; }
void fault_enter(void) { state.inside++; }
void fault_leave(void) { state.inside--; }

unsigned fault_outside(void)
{
	unsigned before = state.inside;
	state.inside = 0;
	return before;
}

void fault_back(unsigned before) { state.inside = before; }

void fault_site(char *out, size_t cap)
{
	Dl_info program = {0};
	size_t at = 0;

	if (state.where != NULL && dladdr(state.where, &program) != 0)
		at = (size_t)((const char *)state.where - (const char *)program.dli_fbase);
	(void)snprintf(out, cap, "%s called before 0x%zx (addr2line -fie)",
		       state.what != NULL ? state.what : "nothing", at);
}

bool fault_now(enum fault_kind kind, const char *what, const void *where, unsigned *way)
{
	const struct fault_plan *p = &state.plan;

	if (!state.armed || state.inside == 0 || kind != p->kind)
		return false;
	state.calls++;
	if (p->at == 0 || (p->for_good ? state.calls < p->at : state.calls != p->at))
		return false;
	if (state.failed++ == 0) {
		state.what = what;
		state.where = where;
	}
	*way = p->way;
#ifdef LL_SANITIZE
	if (getenv("FAIL_TRACE") != NULL)
		__sanitizer_print_stack_trace();
#endif
	return true;
}

/* ---- memory --------------------------------------------------------------------- */

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_reallocarray(void *, size_t, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
void __wrap_free(void *);

static bool short_of(const char *what, const void *where)
{
	unsigned way;
	return fault_now(FAULT_MEMORY, what, where, &way);
}

static void *counted(void *p)
{
	state.blocks += p != NULL;
	return p;
}

void *__wrap_malloc(size_t n)
{
	if (short_of("malloc", __builtin_return_address(0)))
		return NULL;
	return counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	if (short_of("calloc", __builtin_return_address(0)))
		return NULL;
	return counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	if (short_of("realloc", __builtin_return_address(0)))
		return NULL;
	return p == NULL ? counted(__real_realloc(p, n)) : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	if (short_of("reallocarray", __builtin_return_address(0)))
		return NULL;
	return p == NULL ? counted(__real_reallocarray(p, n, size))
			 : __real_reallocarray(p, n, size);
}

void __wrap_free(void *p)
{
	state.blocks -= p != NULL;
	__real_free(p);
}
