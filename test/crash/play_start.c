/* SPDX-License-Identifier: Apache-2.0 */
/* The store's process as the supervisor starts it, and the ends of its channels. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "conf/slice.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "os/sock.h"
#include "../no_guests.h"
#include "play.h"

#define ANSWER_MAX (1u << 20)

extern char **environ;

/* ---- packets are counted --------------------------------------------------------- */

static struct play *the_play; /* links have no room for a pointer to us */

static struct tap *tap_of(const struct ipc_link *link)
{
	struct tap *t = the_play->taps;
	while (t != NULL && t->link != link)
		t = t->next;
	return t;
}

static enum ipc_io counted(struct ipc_link *link, char *buf, size_t cap, size_t *len, int *fd)
{
	struct tap *t = tap_of(link);
	enum ipc_io r = t->ops->recv(link, buf, cap, len, fd);
	t->packets += r == IPC_IO_DONE;
	return r;
}

static struct tap *tap(struct play *p, int fd, uint64_t ino, struct ipc_link **link)
{
	struct tap *t = calloc(1, sizeof *t);
	*link = ipc_link_os(p->loop, fd);
	if (t == NULL || *link == NULL)
		abort();
	*t = (struct tap){.next = p->taps, .link = *link, .ops = (*link)->ops,
			  .mine = *(*link)->ops, .ino = ino};
	t->mine.recv = counted;
	(*link)->ops = &t->mine;
	p->taps = t;
	return t;
}

void asked_init(struct asked *a, struct play *p, const struct tap *t)
{
	*a = (struct asked){.loop = p->loop, .tap = t};
	gate_init(&a->gate);
}

void asked_done(void *asked, enum ipc_result r)
{
	struct asked *a = asked;
	a->result = r;
	a->packet = a->tap != NULL ? a->tap->packets : 0;
	(void)gate_open(&a->gate, 0);
}

bool asked_wait(struct asked *a, enum ipc_result started)
{
	uint64_t value;
	if (started != IPC_OK)
		return false;
	while (gate_wait(a->loop, &a->gate, NS_NEVER, &value) != WOKE_VALUE)
		fiber_yield(a->loop);
	return a->result == IPC_OK;
}

/* ---- a process --------------------------------------------------------------------- */

static void boss_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct child *child = ctx;
	(void)reason;
	child->boss = NULL;
	ipc_free(c);
}

static void on_broken(void *ctx, struct boss_role *c, const struct boss_role_broken *m)
{
	(void)ctx, (void)c;
	printf("broken %.*s\n", SPAN_FMT(m->why));
}

/* No successor comes: a worn process serves on. */
static void on_worn(void *ctx, struct boss_role *c, const struct boss_role_worn *m)
{
	(void)ctx, (void)c, (void)m;
}

static const struct boss_role_at_boss handlers = {.broken = on_broken, .worn = on_worn,
	NO_GUESTS};

static bool said(struct child *c, bool got, enum boss_role_outcome outcome, struct span why,
		 const char *what)
{
	if (got && outcome == BOSS_ROLE_OUTCOME_DONE)
		return true;
	if (got)
		printf("cannot %s %s: %.*s\n", what, kind_name(c->kind), SPAN_FMT(why));
	return false;
}

static bool configure(struct child *c, struct arena *a)
{
	struct play *p = c->play;
	struct boss_role_configure m = {.generation = 1};
	struct boss_role_configure_reply rep = {0};
	struct asked w;
	struct buf slice;

	buf_init(&slice, CONF_SLICE_MAX);
	conf_slice(p->conf, kind_conf(c->kind), &slice);
	if (blob_new(p->world, &m.slice) != OS_OK ||
	    file_append(p->world, m.slice, buf_span(&slice)) != OS_OK ||
	    blob_seal(p->world, m.slice) != OS_OK)
		return false;
	buf_free(&slice);
	bool got = ASK(p, NULL, boss_role_configure, c->boss, &m, a, &rep, &w);
	return said(c, got, rep.outcome, rep.why, "configure");
}

static bool give_folder(struct child *c, struct arena *a)
{
	struct play *p = c->play;
	struct boss_role_material m = {.kind = MATERIAL_DIR, .name = SPAN("data")};
	struct boss_role_material_reply rep = {0};
	struct asked w;

	if (file_dir_open(p->world, p->folder, &m.file) != OS_OK)
		return false;
	bool got = ASK(p, NULL, boss_role_material, c->boss, &m, a, &rep, &w);
	return said(c, got, rep.outcome, rep.why, "give a folder to");
}

static bool activate(struct child *c, struct arena *a)
{
	struct boss_role_activate m = {.generation = 1};
	struct boss_role_activate_reply rep = {0};
	struct asked w;

	bool got = ASK(c->play, NULL, boss_role_activate, c->boss, &m, a, &rep, &w);
	return said(c, got, rep.outcome, rep.why, "activate");
}

/* The preload is the store's alone: "LD_PRELOAD=..." and what is CRASH_*. */
static void environment(const struct play *p, const char **out, size_t cap)
{
	size_t n = 0;
	if (p->preload[0] != 0)
		out[n++] = p->preload;
	for (char **e = environ; *e != NULL && n + 1 < cap; e++)
		if (strncmp(*e, "CRASH_", 6) == 0)
			out[n++] = *e;
	out[n] = NULL;
}

static bool start_child(struct child *c, struct play *p, enum kind kind, const char *path)
{
	const char *envp[16] = {NULL};
	char number[12];
	int pair[2], program;

	*c = (struct child){.play = p, .kind = kind};
	snprintf(number, sizeof number, "%u", (unsigned)kind);
	const char *const argv[] = {kind_name(kind), number, "0", NULL};
	if (kind == KIND_STORE)
		environment(p, envp, 16);
	if (spawn_program_open(path, &program) != OS_OK ||
	    sock_packet_pair(p->world, pair) != OS_OK)
		return false;
	struct spawn s = {.program = program, .argv = argv, .envp = envp, .fds = &pair[1],
			  .fd_count = 1};
	enum os r = spawn(&s, &c->pid);
	world_close(p->world, program);
	world_close(p->world, pair[1]);
	struct ipc_owner owner = {.role = c, .dead = boss_dead};
	c->boss = boss_role_join_boss(ipc_link_os(p->loop, pair[0]), &owner, &handlers);
	return r == OS_OK && c->boss != NULL;
}

/* ---- channels ------------------------------------------------------------------------ */

static bool attach(struct child *c, struct arena *a, enum hop hop, enum kind peer,
		   unsigned index, int fd)
{
	struct boss_role_attach m = {.hop = (uint16_t)hop, .peer = (uint16_t)peer,
				     .index = (uint16_t)index, .pid = 1, .channel = fd};
	struct boss_role_attach_reply rep = {0};
	struct asked w;

	bool got = ASK(c->play, NULL, boss_role_attach, c->boss, &m, a, &rep, &w);
	return said(c, got, rep.outcome, SPAN("a channel"), "give a channel to");
}

/* Our end, tapped. */
static struct tap *join(struct play *p, struct arena *a, enum hop hop, enum kind peer,
			unsigned index, struct ipc_link **link)
{
	struct stat st;
	int pair[2];

	if (sock_packet_pair(p->world, pair) != OS_OK || fstat(pair[1], &st) != 0)
		abort();
	struct tap *t = tap(p, pair[0], st.st_ino, link);
	if (!attach(&p->children[0], a, hop, peer, index, pair[1]))
		p->failed = true;
	return t;
}

static bool join_sorter(struct play *p, struct arena *a, unsigned i, enum kind kind)
{
	int pair[2];
	struct child *c = &p->children[i];

	return start_child(c, p, kind, p->sorter) && configure(c, a) &&
	       sock_packet_pair(p->world, pair) == OS_OK &&
	       attach(c, a, HOP_STORE_SORTER, KIND_STORE, 0, pair[1]) &&
	       attach(&p->children[0], a, HOP_STORE_SORTER, kind, 0, pair[0]) && activate(c, a);
}

static void on_hint(void *ctx, struct edge_store *c, const struct edge_store_hint *m)
{
	(void)ctx, (void)c, (void)m;
}

static void on_changed(void *ctx, struct auth_store *c, const struct auth_store_changed *m)
{
	(void)ctx, (void)c, (void)m;
}

static void on_load(void *ctx, struct edge_store *c, const struct edge_store_load *m)
{
	(void)ctx, (void)c, (void)m;
}

static const struct edge_store_at_edge at_edge = {.hint = on_hint, .load = on_load};
static const struct auth_store_at_auth at_auth = {.changed = on_changed};

static void join_all(struct play *p, struct arena *a)
{
	const struct ipc_owner owner = {.role = p};
	struct ipc_link *l;

	p->admin_tap = join(p, a, HOP_ADMIN_STORE, KIND_EDGE_ADMIN, 0, &l);
	p->admin = admin_store_join_admin(l, &owner);
	p->auth_tap = join(p, a, HOP_AUTH_STORE, KIND_AUTH, 0, &l);
	p->auth = auth_store_join_auth(l, &owner, &at_auth);
	p->mx_tap = join(p, a, HOP_EDGE_STORE, KIND_EDGE_MX, 0, &l);
	p->mx = edge_store_join_edge(l, &owner, &at_edge);
	p->access_tap = join(p, a, HOP_EDGE_STORE, KIND_EDGE_ACCESS, 0, &l);
	p->access = edge_store_join_edge(l, &owner, &at_edge);
	p->other_tap = join(p, a, HOP_EDGE_STORE, KIND_EDGE_ACCESS, 1, &l);
	p->other = edge_store_join_edge(l, &owner, &at_edge);
	p->courier_tap = join(p, a, HOP_COURIER_STORE, KIND_COURIER, 0, &l);
	p->courier = courier_store_join_courier(l, &owner);
}

bool play_start(struct play *p)
{
	struct arena *a = arena_new(ANSWER_MAX);
	struct child *store = &p->children[0];
	uint64_t began = world_now(p->world);

	the_play = p;
	bool ok = start_child(store, p, KIND_STORE, p->store) && configure(store, a) &&
		  give_folder(store, a) && activate(store, a);
	printf("ready %llu\n",
	       (unsigned long long)((world_now(p->world) - began) / NS_PER_MS));
	if (ok)
		join_all(p, a);
	if (ok && p->sorter[0] != 0)
		ok = join_sorter(p, a, 1, KIND_SORTER_MX) &&
		     join_sorter(p, a, 2, KIND_SORTER_ACCESS);
	arena_free(a);
	return ok && !p->failed;
}

void play_kill(struct play *p)
{
	if (p->admin != NULL) {
		ipc_free(admin_store_ipc(p->admin));
		ipc_free(auth_store_ipc(p->auth));
		ipc_free(edge_store_ipc(p->mx));
		ipc_free(edge_store_ipc(p->access));
		ipc_free(edge_store_ipc(p->other));
		ipc_free(courier_store_ipc(p->courier));
	}
	for (size_t i = 0; i < 3; i++) {
		struct child *c = &p->children[i];
		if (c->pid == 0)
			continue;
		(void)spawn_signal(c->pid, SPAWN_KILL);
		(void)waitpid(c->pid, NULL, 0);
		if (c->boss != NULL)
			ipc_free(boss_role_ipc(c->boss));
		*c = (struct child){0};
	}
	p->admin = NULL; /* taps stay: a link may outlive its channel */
}
