/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/control: signals; reload, drain and stop.
 *
 * Reload is two-phased: every role prepares, and only when all have said yes is
 * anything adopted.  Stop: roles drain side by side (edges first stop taking
 * connections), then their channels are closed, which ends them; what is still
 * there at the end of the time is killed.
 */
#include "role/supervisor/supervisor.h"

#include "os/notify.h"

#define WHY_MAX     8192u
#define DRAIN_GRACE (500 * NS_PER_MS) /* of the time, kept for ending */

/* ---- reload ------------------------------------------------------------ */

static bool prepare_all(struct super *s, struct buf *why)
{
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (p->state != READY)
			continue;
		if (!process_configure(p, why)) {
			buf_printf(why, " (%s)", kind_name(p->kind));
			return false;
		}
		if (p->kind != KIND_STORE && p->kind != KIND_DIALER &&
		    !material_give(p, why))
			return false;
	}
	return true;
}

static bool adopt_all(struct super *s, struct buf *why)
{
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (p->state == READY && !process_activate(p, why))
			return false;
	}
	return true;
}

/* New sockets go to the roles that run; a role ignores those it has. */
static bool offer_ports(struct super *s)
{
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i].state == READY &&
		    !process_listeners(&s->processes[i]))
			return false;
	return true;
}

/* The new text is dropped; what was bound for it goes, what it left returns. */
static void back_to(struct super *s, struct settings *old, struct settings *next)
{
	struct buf why;
	s->settings = *old;
	buf_init(&why, WHY_MAX);
	if (!ports_open(s, old->conf, &why))
		LOG(s->log, ERROR, "listener.lost", 0,
		    F("why", buf_span(&why)));
	buf_free(&why);
	settings_drop(s, next);
}

static bool reload(struct super *s, struct buf *why)
{
	struct settings next, old = s->settings;
	if (!settings_read(s, &next, why))
		return false;
	s->settings = next;
	if (!ports_open(s, next.conf, why) || !prepare_all(s, why)) {
		back_to(s, &old, &next);
		return false;
	}
	bool ok = offer_ports(s) && adopt_all(s, why);
	if (ok)
		settings_commit(s);
	settings_drop(s, &old);
	report_changed(s);
	return ok;
}

bool control_reload_now(struct super *s, struct buf *why)
{
	notify_send(s->notify, NOTIFY_RELOADING, NULL);
	bool ok = reload(s, why);
	if (ok)
		LOG(s->log, NOTICE, "conf.reloaded", 0,
		    F_U64("generation", s->settings.generation));
	else
		LOG(s->log, ERROR, "conf.refused", 0, F("why", buf_span(why)));
	notify_send(s->notify, NOTIFY_READY, NULL);
	return ok;
}

static void reload_fiber(void *arg)
{
	struct super *s = arg;
	struct buf why;
	buf_init(&why, WHY_MAX);
	(void)control_reload_now(s, &why);
	buf_free(&why);
	s->fiber = NULL;
}

void control_reload(struct super *s)
{
	if (s->fiber == NULL && s->up && !s->stopping)
		s->fiber = fiber_start(s->loop, reload_fiber, s);
}

/* ---- stop --------------------------------------------------------------- */

static void drained(void *ctx, enum ipc_result r)
{
	struct process *p = ctx;
	(void)r;
	p->drained = true;
	control_child_gone(p->super);
}

/* Edges drain while their servers still answer; then the rest ends. */
static bool serves_clients(enum kind k)
{
	return k == KIND_EDGE_MX || k == KIND_EDGE_ACCESS ||
	       k == KIND_EDGE_ADMIN || k == KIND_EDGE_LOCAL;
}

static bool waiting_for(const struct super *s, bool edges)
{
	for (size_t i = 0; i < s->process_count; i++) {
		const struct process *p = &s->processes[i];
		if (p->pid != 0 && !p->drained &&
		    serves_clients(p->kind) == edges)
			return true;
	}
	return false;
}

static void drain_some(struct super *s, bool edges, uint32_t within_ms)
{
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (serves_clients(p->kind) != edges || p->pid == 0 ||
		    p->state == LEAVING)
			continue;
		enum state was = p->state;
		p->state = LEAVING;
		struct boss_role_drain m = {.within_ms = within_ms};
		arena_free(p->drain_arena);
		p->drain_arena = arena_new(4096);
		if ((was != READY && was != RETIRED) ||
		    p->channel == NULL ||
		    p->drain_arena == NULL ||
		    boss_role_drain_start(p->channel, &m, p->drain_arena,
					  &p->drain_reply, IPC_NEVER, drained,
					  p) != IPC_OK)
			p->drained = true;
	}
}

/* The logger last: the others have a last word. */
static void end_all(struct super *s)
{
	bool others = false;
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i].kind != KIND_LOGGER) {
			process_end(&s->processes[i]);
			others |= s->processes[i].pid != 0;
		}
	for (size_t i = 0; i < s->process_count && !others; i++)
		process_end(&s->processes[i]);
}

static bool any_left(const struct super *s)
{
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i].pid != 0)
			return true;
	return false;
}

/* Called whenever something moved while stopping: take the next step. */
void control_child_gone(struct super *s)
{
	if (!s->stopping)
		return;
	if (waiting_for(s, true))
		return;
	drain_some(s, false, 1000);
	if (waiting_for(s, false))
		return;
	end_all(s);
	if (!any_left(s))
		loop_stop(s->loop);
}

static void out_of_time(struct timer *t)
{
	struct super *s = t->arg;
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (p->pid == 0)
			continue;
		LOG(s->log, WARNING, "role.killed", 0,
		    F_CSTR("role", kind_name(p->kind)),
		    F_CSTR("why", "it did not end in time"));
		p->drained = true;
		(void)spawn_signal(p->pid, SPAWN_KILL);
	}
	if (!any_left(s))
		loop_stop(s->loop);
}

void control_stop(struct super *s, uint32_t within_ms, int exit_code)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->exit_code = exit_code;
	notify_send(s->notify, NOTIFY_STOPPING, NULL);
	for (size_t i = 0; i < s->port_count; i++)
		world_close(s->world, s->ports[i].fd);
	s->port_count = 0;
	uint64_t within = (uint64_t)within_ms * NS_PER_MS;
	if (!timer_start(s->loop, &s->force, world_now(s->world) + within,
			 out_of_time, s))
		loop_stop(s->loop);
	uint32_t grace = (uint32_t)(DRAIN_GRACE / NS_PER_MS);
	drain_some(s, true, within_ms > grace ? within_ms - grace : 0);
	control_child_gone(s);
}

/* ---- signals ------------------------------------------------------------ */

static void reap(struct super *s)
{
	struct spawn_exit e;
	while (spawn_reap(&e) == OS_OK) {
		if (e.pid == s->populate_pid) {
			s->populate_pid = 0;
			s->populated = !e.signalled && e.code == 0;
			if (!s->populated)
				control_stop(s, 1000, 1);
			else
				report_changed(s);
		}
		settings_child_gone(s, &e);
		process_died(s, &e);
	}
}

static void on_signal(void *ctx, enum loop_signal sig)
{
	struct super *s = ctx;
	if (sig == LOOP_CHILD)
		reap(s);
	else if (sig == LOOP_HUP)
		control_reload(s);
	else
		control_stop(s,
			     s->settings.conf != NULL
				     ? (uint32_t)(s->settings.conf->drain * 1000)
				     : 1000,
			     0);
}

bool control_start(struct super *s)
{
	return loop_signals(s->loop, LOOP_TERM | LOOP_HUP | LOOP_CHILD,
			    on_signal, s) == OS_OK;
}
