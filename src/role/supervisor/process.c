/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/process: the life of one role's process.
 *
 * Raised by a fiber step by step; each step has a deadline, and a process that
 * does not come up in order is killed and tried again later.  A role that had
 * become ready and served for a second is replaced at once.
 */
#include "role/supervisor/supervisor.h"

#include <stdio.h>

#include "base/ensure.h"
#include "ipc/over_os.h"
#include "os/sock.h"

#define WHY_MAX 2048u

static uint64_t step_deadline(struct process *p)
{
	return world_now(p->super->world) + STEP_NS;
}

static void channel_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct process *p = ctx;
	(void)reason;
	p->channel = NULL;
	ipc_free(c);
	/* A process without its channel is of no use; SIGCHLD does the rest. */
	if (p->pid != 0)
		(void)spawn_signal(p->pid, SPAWN_KILL);
}

static void on_broken(void *ctx, struct boss_role *c,
		      const struct boss_role_broken *m)
{
	(void)c;
	graph_broken(ctx, m);
}

static void on_worn(void *ctx, struct boss_role *c,
		    const struct boss_role_worn *m)
{
	(void)c;
	cohort_worn(ctx, m->old);
}

static void on_guest(void *ctx, struct ipc_call *call,
		     const struct boss_role_guest *m)
{
	guest_came(ctx, call, m);
}

static void on_dismiss(void *ctx, struct boss_role *c,
		       const struct boss_role_dismiss *m)
{
	(void)c;
	guest_dismiss(ctx, m->id);
}

static void on_known(void *ctx, struct boss_role *c,
		     const struct boss_role_known *m)
{
	(void)c;
	guest_known(ctx, m->known);
}

static const struct boss_role_at_boss handlers = {.broken = on_broken,
						   .worn = on_worn,
						   .guest = on_guest,
						   .dismiss = on_dismiss,
						   .known = on_known};

static bool start_process(struct process *p, struct buf *why)
{
	struct super *s = p->super;
	char title[48], kind[12], index[12];
	int pair[2];
	snprintf(title, sizeof title, "letterlock: %s", kind_name(p->kind));
	snprintf(kind, sizeof kind, "%u", (unsigned)p->kind);
	snprintf(index, sizeof index, "%u", p->index);
	const char *argv[6] = {title, kind, index};
	size_t words = 3;
	if (s->options.probe)
		argv[words++] = ROLE_PROBE_WORD;
	if (s->options.weak)
		argv[words++] = CONFINE_WEAK_WORD;
	if (sock_packet_pair(s->world, pair) != OS_OK) {
		buf_add(why, SPAN("no descriptors for a channel"));
		return false;
	}
	uint32_t id = ROLE_UID_FIRST + (uint32_t)p->kind;
	struct spawn spec = {.program = s->programs[p->kind],
			     .argv = argv,
			     .fds = &pair[1],
			     .fd_count = 1,
			     .set_ids = s->root,
			     .uid = id,
			     .gid = id};
	enum os r = spawn(&spec, &p->pid);
	world_close(s->world, pair[1]);
	struct ipc_link *link = NULL;
	if (r == OS_OK)
		link = ipc_link_os(s->loop, pair[0]);
	else
		world_close(s->world, pair[0]);
	if (link != NULL) {
		struct ipc_owner owner = {.role = p, .dead = channel_dead};
		p->channel = boss_role_join_boss(link, &owner, &handlers);
	}
	if (p->channel != NULL)
		return true;
	buf_printf(why, "%s could not be started: %s", kind_program(p->kind),
		   r == OS_OK ? "memory is short" : os_text(r));
	return false;
}

bool process_configure(struct process *p, struct buf *why)
{
	struct super *s = p->super;
	struct boss_role_configure_reply rep;
	struct arena *a = arena_new(65536);
	int slice = s->settings.slices[kind_conf(p->kind)];
	bool ok = a != NULL && p->channel != NULL &&
		  world_dup(s->world, slice, &slice) == OS_OK;
	if (ok) {
		struct boss_role_configure m = {
			.generation = s->settings.generation, .slice = slice};
		enum ipc_result r = boss_role_configure(p->channel, &m, a, &rep,
							step_deadline(p));
		ok = r == IPC_OK && rep.outcome == BOSS_ROLE_OUTCOME_DONE;
		if (r != IPC_OK)
			buf_printf(why, "no answer to its configuration (%s)",
				   ipc_result_name(r));
		else if (!ok)
			buf_add(why, rep.why);
	}
	arena_free(a);
	return ok;
}

bool process_activate(struct process *p, struct buf *why)
{
	struct boss_role_activate_reply rep;
	struct arena *a = arena_new(65536);
	bool ok = a != NULL && p->channel != NULL;
	if (ok) {
		struct boss_role_activate m = {
			.generation = p->super->settings.generation};
		enum ipc_result r = boss_role_activate(p->channel, &m, a, &rep,
						       step_deadline(p));
		ok = r == IPC_OK && rep.outcome == BOSS_ROLE_OUTCOME_DONE;
		if (r != IPC_OK)
			buf_printf(why, "no answer to its activation (%s)",
				   ipc_result_name(r));
		else if (!ok)
			buf_add(why, rep.why);
	}
	arena_free(a);
	return ok;
}

static bool give_listener(struct process *p, struct port *port)
{
	struct boss_role_listener_reply rep;
	int fd;
	if (world_dup(p->super->world, port->fd, &fd) != OS_OK)
		return false;
	struct arena *a = arena_new(4096);
	struct boss_role_listener m = {.name = span_cstr(port->name),
				       .socket = fd};
	bool ok = a != NULL && p->channel != NULL &&
		  boss_role_listener(p->channel, &m, a, &rep,
				     step_deadline(p)) == IPC_OK;
	arena_free(a);
	return ok;
}

bool process_listeners(struct process *p)
{
	struct super *s = p->super;
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].pool == p->kind && !guest_place(p) &&
		    !give_listener(p, &s->ports[i]))
			return false;
	return true;
}

static bool raise_steps(struct process *p, struct buf *why)
{
	if (!start_process(p, why) || !process_configure(p, why))
		return false;
	p->state = CONFIGURED;
	if (!material_give(p, why))
		return false;
	if (!graph_connect(p) || !process_listeners(p)) {
		buf_add(why, SPAN("its channels could not be made"));
		return false;
	}
	return process_activate(p, why);
}

/* At the start the logger comes first: nothing that follows goes unsaid. */
static void raise_rest(struct super *s)
{
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i].state == DOWN)
			process_raise(&s->processes[i]);
}

static void raise_fiber(void *arg)
{
	struct process *p = arg;
	struct super *s = p->super;
	struct buf why;
	buf_init(&why, WHY_MAX);
	if (raise_steps(p, &why)) {
		p->state = READY;
		p->ready = world_now(s->world);
		LOG(s->log, INFO, "role.ready", 0,
		    F_CSTR("role", kind_name(p->kind)),
		    F_U64("process", (uint64_t)p->pid),
		    F_U64("ms", (p->ready - p->started) / NS_PER_MS));
		cohort_ready(p);
		guest_ready(p);
		if (p->kind == KIND_LOGGER && !s->up)
			raise_rest(s);
		if (p->kind == KIND_LOGGER && !s->up && s->lacks != 0)
			LOG(s->log, WARNING, "confine.weak-kernel", 0,
			    F_CSTR("lacks", confine_lacks_text(s->lacks)));
		if (p->kind == KIND_LOGGER && !s->up && s->last_used)
			LOG(s->log, WARNING, "conf.last-used", 0,
			    F_CSTR("wrong", s->options.config));
	} else {
		LOG(s->log, ERROR, "role.not-started", 0,
		    F_CSTR("role", kind_name(p->kind)),
		    F("why", buf_span(&why)));
		if (p->pid != 0)
			(void)spawn_signal(p->pid, SPAWN_KILL);
		/* The first start is an administrator's: say why and end. */
		if (!s->up && !s->stopping) {
			struct span text = buf_span(&why);
			fprintf(stderr, "letterlock: cannot start: %s: %.*s\n",
				kind_name(p->kind), SPAN_FMT(text));
			control_stop(s, 1000, 1);
		}
	}
	buf_free(&why);
	p->raising = NULL;
	report_changed(s);
}

void process_raise(struct process *p)
{
	struct super *s = p->super;
	ENSURE(p->pid == 0 && p->raising == NULL);
	p->state = COMING;
	p->started = world_now(s->world);
	p->ready = 0;
	p->drained = false;
	p->words = 0;
	p->raising = fiber_start(s->loop, raise_fiber, p);
}

static void raise_again(struct timer *);

static void raise_at(struct process *p, uint64_t when)
{
	if (!timer_start(p->super->loop, &p->again, when, raise_again, p))
		control_stop(p->super, 1000, 1);
}

static void raise_again(struct timer *t)
{
	struct process *p = t->arg;
	if (p->super->stopping)
		return;
	if (p->raising != NULL) { /* its fiber has not seen the death yet */
		raise_at(p, world_now(p->super->world) + NS_PER_MS);
		return;
	}
	p->restarts++;
	process_raise(p);
}

static uint64_t backoff(const struct process *p)
{
	uint64_t wait = BACKOFF_FIRST_NS;
	if (p->early_deaths == 0)
		return 0;
	for (unsigned i = 1; i < p->early_deaths && wait < BACKOFF_MAX_NS; i++)
		wait *= 2;
	return wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS;
}

/*
 * Without its channel a process ends by itself; one whose channel died was killed
 * for that.  Freeing completes calls, which leads here again: the channel is
 * taken out first.
 */
void process_end(struct process *p)
{
	struct boss_role *channel = p->channel;
	p->channel = NULL;
	if (channel == NULL)
		return;
	(void)ipc_flush(boss_role_ipc(channel));
	ipc_free(boss_role_ipc(channel));
}

static struct process *process_of(struct super *s, int32_t pid)
{
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i].pid == pid)
			return &s->processes[i];
	return NULL;
}

static void log_death(struct process *p, const struct spawn_exit *e)
{
	char text[128];
	LOG(p->super->log, ERROR, "role.died", 0,
	    F_CSTR("role", kind_name(p->kind)),
	    F("how", spawn_exit_text(e, text, sizeof text)),
	    F_U64("process", (uint64_t)e->pid), F_U64("restarts", p->restarts));
}

void process_died(struct super *s, const struct spawn_exit *e)
{
	struct process *p = process_of(s, e->pid);
	if (p == NULL)
		return;
	uint64_t now = world_now(s->world);
	bool early = p->ready == 0 || now - p->ready < EARLY_DEATH_NS;
	bool over = p->state == RETIRED && p->channel == NULL;
	if (!s->stopping && !over)
		log_death(p, e);
	p->pid = 0;
	guest_died(p);
	over = !s->stopping && cohort_ended(p);
	if (!over)
		p->state = DOWN;
	if (p->channel != NULL)
		ipc_kill(boss_role_ipc(p->channel), "the process ended");
	if (s->stopping) {
		control_child_gone(s);
		return;
	}
	if (over) {
		guest_top_up(s);
		report_changed(s);
		return;
	}
	p->early_deaths = early ? p->early_deaths + 1 : 0;
	if (!s->up) {
		control_stop(s, 1000, 1);
		return;
	}
	report_changed(s);
	raise_at(p, now + backoff(p));
}

bool processes_ready(const struct super *s)
{
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i].state != READY &&
		    s->processes[i].state != RETIRED &&
		    s->processes[i].state != FREE)
			return false;
	return true;
}
