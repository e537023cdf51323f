/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/common/role: answers the supervisor and leads a role through its life.
 *
 * Must never serve before confinement, and never outlive the channel to the
 * supervisor.
 */
#include "role/common/role.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "conf/slice.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "os/probe.h"
#include "os/sanitize.h"
#include "os/sock.h"
#include "os/spawn.h"

#define ROLE_TAG      TAG4('R', 'O', 'L', 'E')
#define WHY_MAX       1024u
#define STATUS_MAX    57344u
#define SNAPSHOT_MAX  (64u << 20)
#define CALLS_KNOWN   1024u /* system calls above are logged every time */

/* A configuration and the memory that it lives in. */
struct snapshot {
	struct arena *arena;
	const struct conf *conf;
	uint32_t generation;
};

/* struct role is what others see; this is all of it. */
struct life {
	struct role role; /* first */
	uint32_t tag;
	struct boss_role *boss;
	struct role_logger *logger; /* NULL: none, or it left */
	struct snapshot now, next;
	struct ipc_call *draining, *retiring; /* unanswered */
	struct ipc_call *coming; /* ... of our guest */
	enum confined confined;
	struct refusals refusals;
	struct watch refusal_watch;
	uint8_t refused[CALLS_KNOWN / 8]; /* a bit a number: logged already */
	bool active, in_process, ended;
	uint64_t active_since;
	bool probe; /* may be probed: a test instance */
	bool weak;  /* go on where the kernel lacks some confinement */
};

static struct life *life_of(struct role *r)
{
	struct life *l = (struct life *)(void *)r;
	ENSURE_TAG(l, ROLE_TAG);
	return l;
}

static void snapshot_drop(struct snapshot *s)
{
	arena_free(s->arena);
	*s = (struct snapshot){0};
}

/* ---- configure and activate ------------------------------------------- */

static bool read_slice(struct life *l, int fd, struct snapshot *out,
		       struct buf *why)
{
	struct world *w = l->role.world;
	uint64_t size = 0;
	size_t got = 0;
	if (blob_check(w, fd, &size) != OS_OK || size > CONF_SLICE_MAX) {
		buf_add(why, SPAN("the slice is not sealed memory"));
		return false;
	}
	char *bytes = malloc((size_t)size + 1);
	out->arena = arena_new(SNAPSHOT_MAX);
	if (bytes != NULL && out->arena != NULL &&
	    file_read_at(w, fd, bytes, (size_t)size, 0, &got) == OS_OK &&
	    got == size)
		out->conf = conf_slice_read(span_of(bytes, got),
					    kind_conf(l->role.kind), out->arena);
	free(bytes);
	if (out->conf != NULL)
		return true;
	snapshot_drop(out);
	buf_add(why, SPAN("the slice could not be read: programs of different "
			  "versions, or memory is short"));
	return false;
}

static bool take_slice(struct life *l, uint32_t generation, int fd,
		       struct buf *why)
{
	const struct role_def *def = l->role.def;
	struct snapshot s = {.generation = generation};
	if (!read_slice(l, fd, &s, why))
		return false;
	if (l->role.self == NULL) {
		log_set_threshold(l->role.log, s.conf->log.level);
		l->role.self = def->create(&l->role, s.conf, why);
		if (l->role.self == NULL) {
			snapshot_drop(&s);
			return false;
		}
		l->now = s;
		return true;
	}
	if (def->adopt == NULL) { /* nothing of it may change */
		snapshot_drop(&s);
		return true;
	}
	if (def->prepare != NULL && !def->prepare(l->role.self, s.conf, why)) {
		snapshot_drop(&s);
		return false;
	}
	snapshot_drop(&l->next);
	l->next = s;
	return true;
}

static void on_configure(void *ctx, struct ipc_call *call,
			 const struct boss_role_configure *m)
{
	struct life *l = ctx;
	struct buf why;
	buf_init(&why, WHY_MAX);
	bool ok = take_slice(l, m->generation, m->slice, &why);
	world_close(l->role.world, m->slice);
	boss_role_configure_answer(
		call, &(struct boss_role_configure_reply){
			      .outcome = ok ? BOSS_ROLE_OUTCOME_DONE
					    : BOSS_ROLE_OUTCOME_REFUSED,
			      .why = buf_span(&why)});
	buf_free(&why);
}

/* A call that no table lists: once a number is enough for the log. */
static void on_refusal(struct watch *w, unsigned ready)
{
	struct life *l = w->arg;
	uint32_t nr;
	(void)ready;
	while (refusals_take(&l->refusals, &nr)) {
		uint8_t bit = (uint8_t)(1u << nr % 8);
		if (nr < CALLS_KNOWN && (l->refused[nr / 8] & bit))
			continue;
		if (nr < CALLS_KNOWN)
			l->refused[nr / 8] |= bit;
		LOG(l->role.log, WARNING, "confine.refused", 0,
		    F_U64("call", nr));
	}
}

static bool confine_now(struct life *l, struct buf *why)
{
	struct rights rights = {0};
	l->role.def->rights(l->role.self, &rights);
	if (!refusals_open(&l->refusals) ||
	    watch_start(l->role.loop, &l->refusal_watch, l->refusals.in,
			READY_IN, on_refusal, l) != OS_OK) {
		buf_add(why, SPAN("descriptors are short"));
		return false;
	}
	rights.refusals = l->refusals.out;
	l->confined = confine(&rights);
	if (confined_enough(l->confined, l->weak)) {
		struct confine_report now;
		confine_read(&now);
		l->role.fds = now.fd_limit;
		return true;
	}
	buf_printf(why, "confinement failed: %s", confined_text(l->confined));
	return false;
}

static bool activate(struct life *l, struct buf *why)
{
	const struct role_def *def = l->role.def;
	if (l->role.self == NULL) {
		buf_add(why, SPAN("activate before configure"));
		return false;
	}
	if (!l->active) {
		if (!l->in_process && !confine_now(l, why))
			return false;
		l->active = def->start == NULL || def->start(l->role.self, why);
		l->active_since = world_now(l->role.world);
		return l->active;
	}
	if (l->next.conf != NULL) {
		struct snapshot old = l->now;
		l->now = l->next;
		l->next = (struct snapshot){0};
		log_set_threshold(l->role.log, l->now.conf->log.level);
		def->adopt(l->role.self, l->now.conf);
		snapshot_drop(&old);
	}
	return true;
}

static void on_activate(void *ctx, struct ipc_call *call,
			const struct boss_role_activate *m)
{
	struct life *l = ctx;
	struct buf why;
	(void)m;
	buf_init(&why, WHY_MAX);
	bool ok = activate(l, &why);
	boss_role_activate_answer(
		call, &(struct boss_role_activate_reply){
			      .outcome = ok ? BOSS_ROLE_OUTCOME_DONE
					    : BOSS_ROLE_OUTCOME_REFUSED,
			      .why = buf_span(&why)});
	buf_free(&why);
}

/* ---- descriptors ------------------------------------------------------- */

static void log_channel_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct life *l = ctx;
	(void)reason;
	/* A new logger's may have come before this end was seen. */
	if (l->logger != NULL && role_logger_ipc(l->logger) == c)
		log_set_channel(l->role.log, l->logger = NULL);
	ipc_free(c);
}

/* The logger's channel is the same for everybody: it ends here. */
static void attach_log(struct life *l, struct ipc_link *link)
{
	struct ipc_owner owner = {.role = l, .dead = log_channel_dead};
	ipc_link_last(link); /* who waits for an answer is not behind a line of the log */
	if (l->logger != NULL)
		ipc_free(role_logger_ipc(l->logger));
	l->logger = role_logger_join_role(link, &owner);
	log_set_channel(l->role.log, l->logger);
}

static void on_attach(void *ctx, struct ipc_call *call,
		      const struct boss_role_attach *m)
{
	struct life *l = ctx;
	struct ipc_link *link = NULL;
	bool known = m->hop < HOP_COUNT && m->peer < KIND_COUNT + 2 &&
		     l->role.self != NULL;
	if (known)
		link = ipc_link_os(l->role.loop, m->channel);
	else
		world_close(l->role.world, m->channel);
	if (link != NULL) {
		struct role_peer peer = {.hop = (enum hop)m->hop,
					 .kind = (enum kind)m->peer,
					 .index = m->index,
					 .pid = m->pid};
		if (peer.hop == HOP_ROLE_LOGGER && l->role.kind != KIND_LOGGER)
			attach_log(l, link);
		else
			l->role.def->attach(l->role.self, &peer, link);
	}
	boss_role_attach_answer(
		call, &(struct boss_role_attach_reply){
			      .outcome = link != NULL
						 ? BOSS_ROLE_OUTCOME_DONE
						 : BOSS_ROLE_OUTCOME_REFUSED});
}

static void on_listener(void *ctx, struct ipc_call *call,
			const struct boss_role_listener *m)
{
	struct life *l = ctx;
	bool ok = l->role.self != NULL && l->role.def->listener != NULL;
	if (ok)
		l->role.def->listener(l->role.self, m->name, m->socket);
	else
		world_close(l->role.world, m->socket);
	boss_role_listener_answer(
		call, &(struct boss_role_listener_reply){
			      .outcome = ok ? BOSS_ROLE_OUTCOME_DONE
					    : BOSS_ROLE_OUTCOME_REFUSED});
}

static void on_material(void *ctx, struct ipc_call *call,
			const struct boss_role_material *m)
{
	struct life *l = ctx;
	struct buf why;
	buf_init(&why, WHY_MAX);
	bool ok = l->role.self != NULL && l->role.def->material != NULL &&
		  m->kind <= MATERIAL_LAST;
	if (ok)
		ok = l->role.def->material(l->role.self, (enum material)m->kind,
					   m->name, m->file, &why);
	else
		world_close(l->role.world, m->file);
	boss_role_material_answer(
		call, &(struct boss_role_material_reply){
			      .outcome = ok ? BOSS_ROLE_OUTCOME_DONE
					    : BOSS_ROLE_OUTCOME_REFUSED,
			      .why = buf_span(&why)});
	buf_free(&why);
}

/* ---- drain, status, probe ---------------------------------------------- */

static void on_drain(void *ctx, struct ipc_call *call,
		     const struct boss_role_drain *m)
{
	struct life *l = ctx;
	if (l->draining != NULL) {
		ipc_refuse(call, IPC_NOT_NOW);
		return;
	}
	ipc_keep(call);
	l->draining = call;
	if (l->role.self != NULL && l->active && l->role.def->drain != NULL)
		l->role.def->drain(l->role.self, m->within_ms);
	else
		role_drained(&l->role);
}

void role_drained(struct role *r)
{
	struct life *l = life_of(r);
	if (l->draining == NULL)
		return;
	boss_role_drain_answer(l->draining,
			       &(struct boss_role_drain_reply){
				       .outcome = BOSS_ROLE_OUTCOME_DONE});
	l->draining = NULL;
}

static void on_retire(void *ctx, struct ipc_call *call,
		      const struct boss_role_retire *m)
{
	struct life *l = ctx;
	(void)m;
	if (l->retiring != NULL || !l->active) {
		ipc_refuse(call, IPC_NOT_NOW);
		return;
	}
	ipc_keep(call);
	l->retiring = call;
	if (l->role.def->retire != NULL)
		l->role.def->retire(l->role.self);
	else
		role_retired(&l->role);
}

void role_retired(struct role *r)
{
	struct life *l = life_of(r);
	struct ipc_call *call = l->retiring;
	l->retiring = NULL;
	if (call != NULL)
		boss_role_retire_answer(call,
					&(struct boss_role_retire_reply){
						.outcome = BOSS_ROLE_OUTCOME_DONE});
}

void role_worn(struct role *r, bool old)
{
	struct life *l = life_of(r);
	if (l->boss != NULL && l->retiring == NULL && l->draining == NULL)
		(void)boss_role_worn(l->boss, &(struct boss_role_worn){.old = old});
}

/* ---- guests ------------------------------------------------------------- */

static void on_come(void *ctx, struct ipc_call *call,
		    const struct boss_role_come *m)
{
	struct life *l = ctx;
	struct addr peer = {.port = m->port};
	memcpy(peer.ip, m->address, sizeof peer.ip);
	if (l->coming != NULL || !l->active || l->role.def->come == NULL) {
		world_close(l->role.world, m->socket);
		ipc_refuse(call, IPC_NOT_NOW);
		return;
	}
	ipc_keep(call);
	l->coming = call;
	l->role.def->come(l->role.self, m->listener, &peer, m->socket);
}

void role_guest_over(struct role *r)
{
	struct life *l = life_of(r);
	struct ipc_call *call = l->coming;
	l->coming = NULL;
	if (call != NULL)
		boss_role_come_answer(call,
				      &(struct boss_role_come_reply){
					      .outcome = BOSS_ROLE_OUTCOME_DONE});
}

static void on_make_way(void *ctx, struct boss_role *c,
			const struct boss_role_make_way *m)
{
	struct life *l = ctx;
	(void)c;
	(void)m;
	if (l->coming != NULL && l->role.def->make_way != NULL)
		l->role.def->make_way(l->role.self);
}

static void on_guest_known(void *ctx, struct boss_role *c,
			   const struct boss_role_guest_known *m)
{
	struct life *l = ctx;
	(void)c;
	if (l->active && l->role.def->guest_known != NULL)
		l->role.def->guest_known(l->role.self, m->id, m->known);
}

void role_known(struct role *r, bool known)
{
	struct life *l = life_of(r);
	if (l->boss != NULL && l->coming != NULL)
		(void)boss_role_known(l->boss,
				      &(struct boss_role_known){.known = known});
}

void role_dismiss(struct role *r, uint64_t id)
{
	struct life *l = life_of(r);
	if (l->boss != NULL)
		(void)boss_role_dismiss(l->boss,
					&(struct boss_role_dismiss){.id = id});
}

struct leaving {
	struct arena *arena; /* this, too */
	struct boss_role_guest_reply reply;
	void (*left)(void *ctx);
	void *ctx;
};

static void guest_left(void *ctx, enum ipc_result r)
{
	struct leaving *g = ctx;
	(void)r; /* whatever it was: it is not with us */
	g->left(g->ctx);
	arena_free(g->arena);
}

bool role_guest(struct role *r, const struct role_guest *guest,
		void (*left)(void *ctx), void *ctx)
{
	struct life *l = life_of(r);
	struct arena *a = l->boss != NULL ? arena_new(4096) : NULL;
	struct leaving *g = a != NULL ? ARENA_NEW(a, struct leaving) : NULL;
	struct boss_role_guest m = {.id = guest->id,
				    .listener = guest->listener,
				    .port = guest->peer->port,
				    .socket = guest->fd};
	memcpy(m.address, guest->peer->ip, sizeof m.address);
	if (g == NULL) {
		world_close(r->world, guest->fd);
		arena_free(a);
		return false;
	}
	*g = (struct leaving){.arena = a, .left = left, .ctx = ctx};
	if (boss_role_guest_start(l->boss, &m, a, &g->reply, IPC_NEVER,
				  guest_left, g) == IPC_OK)
		return true;
	arena_free(a);
	return false;
}

static void confinement_json(struct life *l, struct buf *out)
{
	struct confine_report c;
	confine_read(&c);
	buf_printf(out,
		   "\"confinement\":{\"state\":\"%s\",\"uid\":%u,"
		   "\"no_new_privs\":%s,\"seccomp\":%d,\"cap_eff\":%llu,"
		   "\"dumpable\":%s,\"landlock_abi\":%d,\"core_limit\":%llu,"
		   "\"refused\":{\"count\":%llu,\"last\":%u}}",
		   l->in_process ? "in process" : confined_text(l->confined),
		   c.uid, c.no_new_privs ? "true" : "false", c.seccomp,
		   (unsigned long long)c.cap_eff, c.dumpable ? "true" : "false",
		   c.landlock_abi, (unsigned long long)c.core_limit,
		   (unsigned long long)l->refusals.count, l->refusals.last);
}

static void on_status(void *ctx, struct ipc_call *call,
		      const struct boss_role_status *m)
{
	struct life *l = ctx;
	struct buf json;
	(void)m;
	buf_init(&json, STATUS_MAX);
	buf_printf(&json, "{\"generation\":%u,\"log_dropped\":%llu,",
		   l->now.generation,
		   (unsigned long long)log_dropped(l->role.log));
	confinement_json(l, &json);
	if (l->role.self != NULL && l->role.def->status != NULL) {
		buf_addc(&json, ',');
		l->role.def->status(l->role.self, &json);
	}
	buf_addc(&json, '}');
	boss_role_status_answer(call,
				&(struct boss_role_status_reply){
					.json = buf_ok(&json) ? buf_span(&json)
							      : SPAN("{}")});
	buf_free(&json);
}

static void on_probe(void *ctx, struct ipc_call *call,
		     const struct boss_role_probe *m)
{
	struct life *l = ctx;
	int err = 0;
	if (!l->probe || m->attempt >= probe_count()) {
		ipc_refuse(call, IPC_NOT_NOW);
		return;
	}
	enum probe_end end = probe_run(m->attempt, &err);
	boss_role_probe_answer(call, &(struct boss_role_probe_reply){
					     .succeeded = end == PROBE_SUCCEEDED,
					     .error = (uint32_t)err});
}

/* Nobody else can mend this channel: the supervisor makes us anew, and it. */
static void give_up(struct life *l, const char *why)
{
	LOG(l->role.log, ERROR, "role.gives_up", 0, F_CSTR("why", why));
	if (!l->in_process)
		loop_stop(l->role.loop);
	else if (l->boss != NULL)
		ipc_free(boss_role_ipc(l->boss));
	l->boss = NULL;
	l->draining = NULL;
	l->ended = true;
}

void role_peer_dead(struct role *r, const struct role_peer *peer,
		    struct ipc *channel, const char *why)
{
	struct life *l = life_of(r);
	struct boss_role_broken m = {.hop = (uint16_t)peer->hop,
				     .peer = (uint16_t)peer->kind,
				     .index = (uint16_t)peer->index,
				     .pid = peer->pid,
				     .why = span_sub(span_cstr(why), 0, 255)};
	bool ours = ipc_is_short(channel);
	if (l->boss != NULL && !ipc_peer_left(channel) && !ours)
		(void)boss_role_broken(l->boss, &m);
	ipc_free(channel);
	if (ours)
		give_up(l, why);
}

/* ---- the beginning and the end ----------------------------------------- */

/* Without a supervisor there is nobody to serve for. */
static void boss_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct life *l = ctx;
	(void)reason;
	l->boss = NULL;
	l->draining = l->retiring = l->coming = NULL;
	l->ended = true;
	ipc_free(c);
	if (!l->in_process)
		loop_stop(l->role.loop);
}

static const struct boss_role_at_role handlers = {
	.configure = on_configure,
	.attach = on_attach,
	.listener = on_listener,
	.material = on_material,
	.activate = on_activate,
	.drain = on_drain,
	.retire = on_retire,
	.come = on_come,
	.make_way = on_make_way,
	.guest_known = on_guest_known,
	.status = on_status,
	.probe = on_probe,
};

static struct life *life_new(const struct role_def *def, struct world *w,
			     struct loop *loop, enum kind kind, unsigned index,
			     struct ipc_link *link, bool in_process)
{
	struct life *l = calloc(1, sizeof *l);
	struct log *log = l != NULL ? log_new(kind_name(kind)) : NULL;
	if (log == NULL) {
		free(l);
		link->ops->close(link);
		link->ops->free(link);
		return NULL;
	}
	l->tag = ROLE_TAG;
	l->in_process = in_process;
	l->refusals = (struct refusals){.in = -1, .out = -1};
	l->role = (struct role){.world = w,
				.loop = loop,
				.def = def,
				.kind = kind,
				.index = index,
				.log = log};
	struct ipc_owner owner = {.role = l, .dead = boss_dead};
	l->boss = boss_role_join_role(link, &owner, &handlers);
	if (l->boss != NULL)
		return l;
	log_free(log);
	free(l);
	return NULL;
}

struct role *role_new(const struct role_def *def, struct world *w,
		      struct loop *loop, enum kind kind, unsigned index,
		      struct ipc_link *boss)
{
	struct life *l = life_new(def, w, loop, kind, index, boss, true);
	return l ? &l->role : NULL;
}

void role_free(struct role *r)
{
	if (r == NULL)
		return;
	struct life *l = life_of(r);
	if (r->self != NULL && r->def->destroy != NULL)
		r->def->destroy(r->self);
	if (l->boss != NULL)
		ipc_free(boss_role_ipc(l->boss));
	if (l->logger != NULL)
		ipc_free(role_logger_ipc(l->logger));
	snapshot_drop(&l->now);
	snapshot_drop(&l->next);
	log_free(r->log);
	l->tag = 0;
	free(l);
}

struct identity {
	enum kind kind;
	unsigned index;
	bool probe, weak;
};

/*
 * argv: program, kind's number, index, and words where the instance was started to
 * be probed or on a weak kernel.  Ours to ourselves: no parser needed.
 */
static bool identity(int argc, char **argv, struct identity *out)
{
	uint64_t k = 0, i = 0;
	*out = (struct identity){0};
	if (argc < 3 || !span_u64(span_cstr(argv[1]), KIND_COUNT - 1, &k) ||
	    !span_u64(span_cstr(argv[2]), UINT16_MAX, &i))
		return false;
	out->kind = (enum kind)k;
	out->index = (unsigned)i;
	for (int n = 3; n < argc; n++) {
		struct span word = span_cstr(argv[n]);
		out->probe |= span_eq(word, SPAN(ROLE_PROBE_WORD));
		out->weak |= span_eq(word, SPAN(CONFINE_WEAK_WORD));
	}
	return argc == 3 + out->probe + out->weak;
}

static void slow(void *ctx, const char *what, uint64_t ns)
{
	struct life *l = ctx;
	/* Opening what it keeps may take its time: nobody is served yet. */
	if (!l->active || world_now(l->role.world) - ns < l->active_since)
		return;
	LOG(l->role.log, WARNING, "loop.slow", 0, F_CSTR("what", what),
	    F_U64("ms", ns / NS_PER_MS));
}

/* The supervisor speaks for signals; a role that hears them itself ignores. */
static void on_signal(void *ctx, enum loop_signal s)
{
	(void)ctx;
	(void)s;
}

/* ROLE_FD came through an exec: a copy of it will not go through another. */
static struct ipc_link *own_channel(struct world *w, struct loop *loop)
{
	int fd;
	if (world_dup(w, ROLE_FD, &fd) != OS_OK)
		return NULL;
	world_close(w, ROLE_FD);
	return ipc_link_os(loop, fd);
}

int role_main(const struct role_def *def, int argc, char **argv)
{
	struct identity me;
	if (!identity(argc, argv, &me)) {
		fprintf(stderr, "%s is started by letterlock itself: type "
				"`letterlock start` or `letterlock demo`\n",
			argc > 0 ? argv[0] : "this program");
		return 2;
	}
	struct world *w = world_linux();
	struct loop *loop = w ? loop_new(w) : NULL;
	struct ipc_link *link = loop ? own_channel(w, loop) : NULL;
	struct life *l = link ? life_new(def, w, loop, me.kind, me.index, link, false)
			      : NULL;
	if (l == NULL || loop_signals(loop, LOOP_TERM | LOOP_HUP, on_signal, l) !=
				 OS_OK) {
		fprintf(stderr, "letterlock %s: cannot start: memory or "
				"descriptors are short\n",
			kind_name(me.kind));
		return 1;
	}
	l->probe = me.probe;
	l->weak = me.weak;
	loop_on_slow(loop, slow, l);
	loop_run(loop);
	/* The process ends: the kernel takes back what the role holds. */
	if (def->destroy != NULL && l->role.self != NULL)
		def->destroy(l->role.self);
	sanitize_leaks(l);
	return 0;
}
