/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/job: a fiber for each request that has to wait.
 *
 * Jobs and their memory are kept for the next request, so that the hot path
 * allocates nothing of its own.  A job ends by itself: its operations always
 * come back, and calls to the sorter have deadlines.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "role/store/session.h"

static struct job *job_new(struct store *s)
{
	struct list *l = list_pop_front(&s->idle_jobs);
	if (l != NULL) {
		s->idle_job_count--;
		return CONTAINER_OF(l, struct job, link);
	}
	struct job *j = calloc(1, sizeof *j);
	if (j != NULL)
		j->arena = arena_new(STORE_JOB_MEMORY);
	if (j == NULL || j->arena == NULL) {
		free(j);
		return NULL;
	}
	j->store = s;
	return j;
}

static void job_drop(struct job *j)
{
	struct store *s = j->store;
	load_done(j);
	session_release(j->session);
	arena_reset(j->arena);
	*j = (struct job){.store = s, .arena = j->arena};
	if (s->idle_job_count < STORE_JOBS_IDLE) {
		s->idle_job_count++;
		list_push_front(&s->idle_jobs, &j->link);
		return;
	}
	arena_free(j->arena);
	free(j);
}

static void job_fiber(void *arg)
{
	struct job *j = arg;
	struct store *s = j->store;
	list_push_back(&s->busy_jobs, &j->link);
	j->fiber = fiber_self(s->role->loop);
	j->run(j);
	list_remove(&j->link);
	job_drop(j);
	s->jobs--;
	if (s->draining && s->jobs == 0)
		role_drained(s->role);
}

static bool start(struct store *s, struct ipc_call *call, const void *ask,
		  struct session *session, void (*run)(struct job *))
{
	struct job *j = job_new(s);
	if (j == NULL)
		return false;
	j->call = call;
	j->ask = ask;
	j->run = run;
	if (session != NULL)
		j->session = session_hold(session);
	if (fiber_start(s->role->loop, job_fiber, j) == NULL) {
		job_drop(j);
		return false;
	}
	s->jobs++;
	return true;
}

void job_start(struct store *s, struct ipc_call *call, const void *ask,
	       struct session *session, void (*run)(struct job *))
{
	if (start(s, call, ask, session, run))
		ipc_keep(call);
	else
		ipc_refuse(call, IPC_BUSY);
}

void job_now(struct store *s, struct ipc_call *call, const void *ask,
	     struct session *session, void (*run)(struct job *))
{
	struct job *j = job_new(s);
	if (j == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	j->call = call;
	j->ask = ask;
	if (session != NULL)
		j->session = session_hold(session);
	run(j);
	job_drop(j);
}

bool job_background(struct store *s, void (*run)(struct job *), const void *ask)
{
	return start(s, NULL, ask, NULL, run);
}

void jobs_hurry(struct store *s)
{
	LIST_EACH(&s->busy_jobs, l)
		fiber_stop(CONTAINER_OF(l, struct job, link)->fiber);
}

void jobs_free(struct store *s)
{
	struct list *l;
	while ((l = list_pop_front(&s->idle_jobs)) != NULL) {
		struct job *j = CONTAINER_OF(l, struct job, link);
		arena_free(j->arena);
		free(j);
	}
}

/* ---- waiting ---------------------------------------------------------------- */

void *job_gate(struct job *j)
{
	gate_init(&j->gate);
	return &j->gate;
}

void box_gate(void *gate, enum box_result r)
{
	(void)gate_open(gate, (uint64_t)r);
}

void spool_gate(void *gate, enum spool_result r)
{
	(void)gate_open(gate, (uint64_t)r);
}

void directory_gate(void *gate, enum directory_result r)
{
	(void)gate_open(gate, (uint64_t)r);
}

void kv_gate(void *gate, enum kv_result r)
{
	(void)gate_open(gate, (uint64_t)r);
}

/* Operations end always, and their memory is on our stack: wait to the end. */
static uint64_t wait_open(struct job *j)
{
	uint64_t value = 0;
	engine_touch(j->store);
	while (gate_wait(j->store->role->loop, &j->gate, NS_NEVER, &value) !=
	       WOKE_VALUE)
		fiber_yield(j->store->role->loop);
	return value;
}

/* A commit: what others wait for, too. */
static uint64_t wait_commit(struct job *j)
{
	load_waits(j);
	return wait_open(j);
}

enum box_result job_box(struct job *j, enum box_result started)
{
	return started == BOX_OK ? (enum box_result)wait_commit(j) : started;
}

enum spool_result job_spool(struct job *j, enum spool_result started)
{
	if (started != SPOOL_OK)
		return started;
	enum spool_result r = (enum spool_result)wait_commit(j);
	queue_kick(j->store); /* it may have made something due */
	return r;
}

enum directory_result job_directory(struct job *j,
				    enum directory_result started)
{
	return started == DIRECTORY_OK ? (enum directory_result)wait_commit(j)
				       : started;
}

enum kv_result job_kv(struct job *j, enum kv_result started)
{
	return started == KV_OK ? (enum kv_result)wait_open(j) : started;
}

void job_sleep(struct job *j, uint64_t ns)
{
	struct loop *loop = j->store->role->loop;
	(void)!fiber_sleep_until(loop, loop_now(loop) + ns);
}
