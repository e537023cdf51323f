/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/report: what others are told of the processes.
 *
 * The endpoints file (a throw-away instance's contract) is written by rename
 * when everything is ready, and again whenever a process was replaced.  Status
 * is asked by the admin pool and gathers every role's own words unread.
 */
#include "role/supervisor/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/over_os.h"
#include "os/file.h"
#include "os/notify.h"

#define JSON_MAX      57344u
#define PART_MAX      (1u << 20)
#define WHY_MAX       2048u
#define PROBE_NS  (2 * NS_PER_SEC) /* one attempt to break out */

/* ---- endpoints ---------------------------------------------------------- */

static void pids_json(const struct super *s, struct buf *out)
{
	buf_printf(out, "\"pids\":{\"supervisor\":[%d]", os_pid());
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		const char *comma = "";
		buf_printf(out, ",\"%s\":[", kind_name((enum kind)k));
		for (size_t i = 0; i < s->process_count; i++) {
			if (s->processes[i].state == FREE ||
			    s->processes[i].kind != (enum kind)k)
				continue;
			buf_printf(out, "%s%d", comma, s->processes[i].pid);
			comma = ",";
		}
		buf_addc(out, ']');
	}
	buf_addc(out, '}');
}

static bool load_part(struct super *s, struct buf *out)
{
	struct buf why;
	int fd;
	size_t got = 0;
	char *room = buf_room(out, PART_MAX);
	buf_init(&why, WHY_MAX);
	bool ok = room != NULL && path_open(s, s->options.part,
					    (struct open_how){0}, &fd, &why);
	buf_free(&why);
	if (!ok)
		return false;
	ok = file_read_at(s->world, fd, room, PART_MAX, 0, &got) == OS_OK;
	world_close(s->world, fd);
	buf_wrote(out, got);
	return ok;
}

static enum os replace_at(struct world *w, const char *path,
			  struct span content)
{
	char folder[PATH_LEN_MAX];
	const char *slash = strrchr(path, '/');
	int dir;
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 2,
		 slash ? path : "./");
	enum os r = file_dir_open(w, folder, &dir);
	if (r == OS_OK)
		r = file_replace(w, dir, slash ? slash + 1 : path, content);
	if (dir >= 0)
		world_close(w, dir);
	return r;
}

static void write_endpoints(struct super *s)
{
	struct buf text;
	const char *path = s->options.endpoints;
	buf_init(&text, PART_MAX + JSON_MAX);
	buf_addc(&text, '{');
	bool ok = load_part(s, &text);
	buf_addc(&text, ',');
	pids_json(s, &text);
	buf_add(&text, SPAN("}\n"));
	ok = ok && buf_ok(&text) &&
	     replace_at(s->world, path, buf_span(&text)) == OS_OK;
	if (!ok)
		LOG(s->log, ERROR, "endpoints.not-written", 0,
		    F_CSTR("file", path));
	buf_free(&text);
}

/* ---- populate ----------------------------------------------------------- */

static bool run_populate(struct super *s)
{
	struct buf why;
	int fds[2];
	const char *const argv[] = {"letterlock: populate",
				    s->options.weak ? CONFINE_WEAK_WORD : NULL, NULL};
	buf_init(&why, WHY_MAX);
	bool ok = path_open(s, s->options.populate, (struct open_how){0},
			    &fds[1], &why);
	buf_free(&why);
	if (!ok)
		return false;
	if (!graph_admit_command(s, &fds[0])) {
		world_close(s->world, fds[1]);
		return false;
	}
	uint32_t id = ROLE_UID_FIRST + PROGRAM_POPULATE;
	struct spawn spec = {.program = s->programs[PROGRAM_POPULATE],
			     .argv = argv,
			     .fds = fds,
			     .fd_count = 2,
			     .set_ids = s->root,
			     .uid = id,
			     .gid = id};
	ok = spawn(&spec, &s->populate_pid) == OS_OK;
	world_close(s->world, fds[0]);
	world_close(s->world, fds[1]);
	return ok;
}

static void populate_fiber(void *arg)
{
	struct super *s = arg;
	s->fiber = NULL;
	if (run_populate(s))
		return;
	LOG(s->log, ERROR, "populate.not-started", 0);
	control_stop(s, 1000, 1);
}

/* ---- the moment everything is ready ------------------------------------- */

static void now_up(struct super *s)
{
	s->up = true;
	guest_top_up(s);
	settings_commit(s);
	notify_send(s->notify, NOTIFY_READY, "serving");
	LOG(s->log, NOTICE, "letterlock.ready", 0,
	    F_U64("ms", (world_now(s->world) - s->started) / NS_PER_MS),
	    F_U64("processes", s->process_count));
}

void report_changed(struct super *s)
{
	if (s->stopping || !processes_ready(s))
		return;
	if (!s->up)
		now_up(s);
	if (s->options.populate != NULL && !s->populated) {
		if (s->populate_pid == 0 && s->fiber == NULL)
			s->fiber = fiber_start(s->loop, populate_fiber, s);
		return;
	}
	if (s->options.endpoints != NULL)
		write_endpoints(s);
}

/* ---- the admin hop ------------------------------------------------------ */

static const char *state_name(enum state st)
{
	static const char *const names[] = {
		[FREE] = "free",	  [DOWN] = "down",
		[COMING] = "coming",	  [CONFIGURED] = "coming",
		[READY] = "ready",	  [RETIRED] = "retired",
		[LEAVING] = "leaving",
	};
	return names[st];
}

static void process_json(struct process *p, struct buf *out)
{
	struct super *s = p->super;
	uint64_t now = world_now(s->world);
	buf_printf(out,
		   "{\"role\":\"%s\",\"index\":%u,\"pid\":%d,\"state\":\"%s\","
		   "\"restarts\":%u,\"uptime_s\":%llu,\"detail\":",
		   kind_name(p->kind), p->index, p->pid, state_name(p->state),
		   p->restarts,
		   (unsigned long long)(p->ready ? (now - p->ready) / NS_PER_SEC
						 : 0));
	struct boss_role_status_reply rep;
	struct arena *a = arena_new(1u << 17);
	struct boss_role_status ask = {0};
	bool ok = a != NULL && p->channel != NULL &&
		  (p->state == READY || p->state == RETIRED) &&
		  boss_role_status(p->channel, &ask, a, &rep,
				   now + 2 * NS_PER_SEC) == IPC_OK;
	buf_add(out, ok ? rep.json : SPAN("null"));
	buf_addc(out, '}');
	arena_free(a);
}

static void confinement_of_self(struct super *s, struct buf *out)
{
	struct confine_report c;
	confine_read(&c);
	buf_printf(out,
		   "\"supervisor\":{\"pid\":%d,\"uid\":%u,\"seccomp\":%d,"
		   "\"no_new_privs\":%s,\"cap_eff\":%llu,\"separate_uids\":%s,"
		   "\"weak_kernel_allowed\":%s,\"kernel_lacks\":\"%s\"}",
		   os_pid(), c.uid, c.seccomp, c.no_new_privs ? "true" : "false",
		   (unsigned long long)c.cap_eff, s->root ? "true" : "false",
		   s->options.weak ? "true" : "false", confine_lacks_text(s->lacks));
}

struct admin_job {
	struct super *s;
	struct ipc_call *call;
};

static void status_fiber(void *arg)
{
	struct admin_job *j = arg;
	struct super *s = j->s;
	struct buf json;
	buf_init(&json, JSON_MAX);
	buf_addc(&json, '{');
	confinement_of_self(s, &json);
	guest_json(s, &json);
	buf_add(&json, SPAN(",\"roles\":["));
	for (size_t i = 0; i < s->process_count; i++) {
		if (s->processes[i].state == FREE ||
		    guest_serves(&s->processes[i]))
			continue;
		if (i > 0)
			buf_addc(&json, ',');
		process_json(&s->processes[i], &json);
	}
	buf_add(&json, SPAN("]}"));
	struct admin_boss_status_reply rep = {
		.answer = buf_ok(&json) ? ADMIN_BOSS_ANSWER_DONE
					: ADMIN_BOSS_ANSWER_REFUSED,
		.json = buf_ok(&json) ? buf_span(&json) : SPAN("{}")};
	admin_boss_status_answer(j->call, &rep);
	buf_free(&json);
	free(j);
}

static void reload_fiber(void *arg)
{
	struct admin_job *j = arg;
	struct super *s = j->s;
	struct buf why;
	buf_init(&why, WHY_MAX * 4);
	bool ok = control_reload_now(s, &why);
	struct span text = buf_span(&why); /* lines; the last needs no end */
	if (text.len > 0 && text.ptr[text.len - 1] == '\n')
		text.len--;
	admin_boss_reload_answer(
		j->call, &(struct admin_boss_reload_reply){
				 .answer = ok ? ADMIN_BOSS_ANSWER_DONE
					      : ADMIN_BOSS_ANSWER_REFUSED,
				 .why = span_sub(text, 0, 2048)});
	buf_free(&why);
	s->fiber = NULL;
	free(j);
}

/* A question that waits for roles is answered by a fiber of its own. */
static struct fiber *answer_later(struct process *p, struct ipc_call *call,
				  fiber_fn *fn)
{
	struct admin_job *j = malloc(sizeof *j);
	struct fiber *f = NULL;
	if (j != NULL) {
		*j = (struct admin_job){.s = p->super, .call = call};
		ipc_keep(call);
		f = fiber_start(p->super->loop, fn, j);
	}
	if (f == NULL) {
		free(j);
		ipc_refuse(call, IPC_BUSY);
	}
	return f;
}

static void on_status(void *ctx, struct ipc_call *call,
		      const struct admin_boss_status *m)
{
	(void)m;
	(void)answer_later(ctx, call, status_fiber);
}

static void on_reload(void *ctx, struct ipc_call *call,
		      const struct admin_boss_reload *m)
{
	struct process *p = ctx;
	(void)m;
	if (p->super->fiber != NULL || p->super->stopping)
		ipc_refuse(call, IPC_BUSY);
	else
		p->super->fiber = answer_later(p, call, reload_fiber);
}

/* ---- probes ------------------------------------------------------------- */

struct probe_job {
	struct super *s;
	struct ipc_call *call;
	const struct admin_boss_probe *ask;
};

static struct process *process_named(struct super *s, struct span role,
				     unsigned index)
{
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (p->index == index && p->state != FREE &&
		    span_eq(role, span_cstr(kind_name(p->kind))))
			return p;
	}
	return NULL;
}

/* A process that dies of it takes its channel along, which is the answer. */
static void probe_fiber(void *arg)
{
	struct probe_job *j = arg;
	struct process *p = process_named(j->s, j->ask->role, j->ask->index);
	struct admin_boss_probe_reply out = {.answer = ADMIN_BOSS_ANSWER_REFUSED};
	struct boss_role_probe ask = {.attempt = j->ask->attempt};
	struct boss_role_probe_reply rep = {0};
	struct arena *a = arena_new(4096);
	enum ipc_result r = IPC_NOT_NOW;
	if (a != NULL && p != NULL && p->state == READY && p->channel != NULL)
		r = boss_role_probe(p->channel, &ask, a, &rep,
				    world_now(j->s->world) + PROBE_NS);
	if (r != IPC_NOT_NOW) {
		out.answer = ADMIN_BOSS_ANSWER_DONE;
		out.error = rep.error;
		out.outcome = r == IPC_DEAD   ? ADMIN_BOSS_OUTCOME_KILLED
			      : r != IPC_OK   ? ADMIN_BOSS_OUTCOME_SILENT
			      : rep.succeeded ? ADMIN_BOSS_OUTCOME_HOLE
					      : ADMIN_BOSS_OUTCOME_HELD;
	}
	admin_boss_probe_answer(j->call, &out);
	arena_free(a);
	free(j);
}

static void on_probe(void *ctx, struct ipc_call *call,
		     const struct admin_boss_probe *m)
{
	struct process *p = ctx;
	struct probe_job *j = p->super->options.probe ? malloc(sizeof *j) : NULL;
	if (j == NULL) {
		ipc_refuse(call, IPC_NOT_NOW);
		return;
	}
	*j = (struct probe_job){.s = p->super, .call = call, .ask = m};
	ipc_keep(call);
	if (fiber_start(p->super->loop, probe_fiber, j) != NULL)
		return;
	free(j);
	ipc_refuse(call, IPC_BUSY);
}

static void on_stop(void *ctx, struct ipc_call *call,
		    const struct admin_boss_stop *m)
{
	struct process *p = ctx;
	admin_boss_stop_answer(call, &(struct admin_boss_stop_reply){
					     .answer = ADMIN_BOSS_ANSWER_DONE});
	if (p->admin != NULL)
		(void)ipc_flush(admin_boss_ipc(p->admin));
	control_stop(p->super, m->within_ms, 0);
}

const struct admin_boss_at_boss report_admin = {
	.status = on_status,
	.reload = on_reload,
	.stop = on_stop,
	.probe = on_probe,
};
