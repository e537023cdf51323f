/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The house: every step of a role's life is a call on the hop boss_role, made
 * from the test's loop and waited for by turning the simulated world.
 */
#include "house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conf/parse.h"
#include "conf/slice.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "../no_guests.h"
#include "os/sock.h"

#define STEP_MS     30000u   /* virtual: nothing that is asked takes longer */
#define TICK_NS     NS_PER_MS
#define TURNS_MAX   2000000u /* in one tick: a role that spins */
#define ANSWER_MAX  (1u << 20)

struct house {
	struct world *world;
	struct loop *loop;
	struct conf_snapshot *conf;
	struct house_role roles[HOUSE_ROLES_MAX];
	struct arena *answer;
};

/* An answer to wait for. */
struct waiting {
	bool done;
	enum ipc_result result;
};

static void answered(void *ctx, enum ipc_result r)
{
	struct waiting *w = ctx;
	w->done = true;
	w->result = r;
}

struct world *house_world(struct house *h) { return h->world; }
struct loop *house_loop(struct house *h) { return h->loop; }

static struct conf_snapshot *parse(const char *text)
{
	struct conf_snapshot *conf = NULL;
	struct conf_report report;
	struct buf said;

	enum conf_result r = conf_parse(SPAN("house.conf"), span_cstr(text), NULL,
					&report, &conf);
	buf_init(&said, 65536);
	conf_report_text(&report, &said);
	if (r != CONF_OK)
		fail_msg("%.*s", SPAN_FMT(buf_span(&said)));
	buf_free(&said);
	conf_report_free(&report);
	return conf;
}

struct house *house_new(uint64_t seed, const char *conf)
{
	struct house *h = calloc(1, sizeof *h);
	assert_non_null(h);
	h->world = world_sim(seed);
	assert_non_null(h->world);
	h->loop = loop_new(h->world);
	h->answer = arena_new(ANSWER_MAX);
	assert_true(h->loop != NULL && h->answer != NULL);
	h->conf = parse(conf);
	return h;
}

static void tick(struct house *h, uint64_t until)
{
	if (sim_run(h->world, until, TURNS_MAX) == SIM_STEPS)
		fail_msg("somebody spins");
}

void house_run(struct house *h, uint64_t ms)
{
	tick(h, world_now(h->world) + ms * NS_PER_MS);
}

bool house_until(struct house *h, const bool *flag, uint64_t ms)
{
	uint64_t end = world_now(h->world) + ms * NS_PER_MS;

	while (!*flag && world_now(h->world) < end) {
		uint64_t before = world_now(h->world);
		tick(h, before + TICK_NS);
		if (!*flag && world_now(h->world) == before)
			return false; /* nobody has anything to do, ever */
	}
	return *flag;
}

struct errand {
	fiber_fn *fn;
	void *arg;
	bool done;
};

static void on_errand(void *arg)
{
	struct errand *e = arg;
	e->fn(e->arg);
	e->done = true;
}

void house_do(struct house *h, fiber_fn *fn, void *arg)
{
	struct errand e = {.fn = fn, .arg = arg};

	assert_non_null(fiber_start(h->loop, on_errand, &e));
	if (!house_until(h, &e.done, 10 * STEP_MS))
		fail_msg("an errand does not end");
}

static bool wait_for(struct house *h, struct waiting *w)
{
	if (!house_until(h, &w->done, STEP_MS))
		fail_msg("a role does not answer its supervisor");
	return w->result == IPC_OK;
}

/* ---- a role ------------------------------------------------------------- */

static void boss_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct house_role *r = ctx;
	(void)reason;
	r->boss = NULL;
	ipc_free(c);
}

static void on_broken(void *ctx, struct boss_role *c,
		      const struct boss_role_broken *m)
{
	struct house_role *r = ctx;
	(void)c;
	r->broken++;
	r->broken_kind = (enum kind)m->peer;
}

static void on_worn(void *ctx, struct boss_role *c, const struct boss_role_worn *m)
{
	struct house_role *r = ctx;
	(void)c;
	r->worn++;
	r->worn_old = m->old;
}

static const struct boss_role_at_boss handlers = {.broken = on_broken, .worn = on_worn,
	NO_GUESTS};

static int sealed(struct house *h, struct span bytes)
{
	int fd;
	assert_int_equal(blob_new(h->world, &fd), OS_OK);
	assert_int_equal(file_append(h->world, fd, bytes), OS_OK);
	assert_int_equal(blob_seal(h->world, fd), OS_OK);
	return fd;
}

static int slice_of(struct house *h, const struct conf_snapshot *conf, enum kind kind)
{
	struct buf slice;
	int fd;

	buf_init(&slice, CONF_SLICE_MAX);
	conf_slice(conf, kind_conf(kind), &slice);
	assert_true(buf_ok(&slice));
	fd = sealed(h, buf_span(&slice));
	buf_free(&slice);
	return fd;
}

int house_slice(struct house *h, const char *conf, enum kind kind)
{
	struct conf_snapshot *other = parse(conf);
	int fd = slice_of(h, other, kind);

	conf_snapshot_free(other);
	return fd;
}

static void configure(struct house_role *r)
{
	struct house *h = r->house;
	struct boss_role_configure m = {.generation = 1};
	struct boss_role_configure_reply rep;
	struct waiting w = {0};

	m.slice = slice_of(h, h->conf, r->kind);
	arena_reset(h->answer);
	assert_int_equal(boss_role_configure_start(r->boss, &m, h->answer, &rep,
						   IPC_NEVER, answered, &w),
			 IPC_OK);
	assert_true(wait_for(h, &w));
	if (rep.outcome != BOSS_ROLE_OUTCOME_DONE)
		fail_msg("%s: %.*s", kind_name(r->kind), SPAN_FMT(rep.why));
}

struct house_role *house_place(struct house *h, enum kind kind, int *end)
{
	struct house_role *r = h->roles;
	int pair[2];

	while (r->loop != NULL)
		r++;
	assert_true(r < h->roles + HOUSE_ROLES_MAX);
	*r = (struct house_role){.house = h, .kind = kind};
	r->loop = loop_new(h->world);
	assert_non_null(r->loop);
	assert_int_equal(sock_packet_pair(h->world, pair), OS_OK);
	struct ipc_owner owner = {.role = r, .dead = boss_dead};
	r->boss = boss_role_join_boss(ipc_link_os(h->loop, pair[0]), &owner,
				      &handlers);
	assert_non_null(r->boss);
	sim_give(r->loop, pair[1]);
	*end = pair[1];
	return r;
}

bool house_born(struct house_role *r, const struct role_def *def, unsigned index, int end)
{
	struct ipc_link *link = ipc_link_os(r->loop, end);

	if (link != NULL)
		r->role = role_new(def, r->house->world, r->loop, r->kind, index, link);
	/* Without a logger what roles complain about would fill the terminal. */
	if (r->role != NULL)
		log_set_level(r->role->log, ROLE_LOGGER_LEVEL_ERROR);
	return r->role != NULL;
}

struct house_role *house_raise(struct house *h, const struct role_def *def,
			       enum kind kind)
{
	int end;
	struct house_role *r = house_place(h, kind, &end);

	assert_true(house_born(r, def, 0, end));
	configure(r);
	return r;
}

bool house_material(struct house_role *r, enum material kind, const char *name,
		    struct span bytes, int *keep)
{
	struct house *h = r->house;
	struct boss_role_material m = {.kind = (uint16_t)kind,
				       .name = span_cstr(name)};
	struct boss_role_material_reply rep;
	struct waiting w = {0};

	assert_int_equal(blob_new(h->world, &m.file), OS_OK);
	if (bytes.len > 0)
		assert_int_equal(file_append(h->world, m.file, bytes), OS_OK);
	if (keep != NULL)
		assert_int_equal(world_dup(h->world, m.file, keep), OS_OK);
	arena_reset(h->answer);
	assert_int_equal(boss_role_material_start(r->boss, &m, h->answer, &rep,
						  IPC_NEVER, answered, &w),
			 IPC_OK);
	return wait_for(h, &w) && rep.outcome == BOSS_ROLE_OUTCOME_DONE;
}

void house_listen(struct house_role *r, const char *name, uint16_t port)
{
	struct addr a = addr_v4(127, 0, 0, 1, port);
	int fd;

	assert_int_equal(sock_listen(r->house->world, &a, (struct listen_how){0}, &fd),
			 OS_OK);
	house_lend(r, name, fd);
}

void house_lend(struct house_role *r, const char *name, int fd)
{
	struct house *h = r->house;
	struct boss_role_listener m = {.name = span_cstr(name), .socket = fd};
	struct boss_role_listener_reply rep;
	struct waiting w = {0};

	arena_reset(h->answer);
	assert_int_equal(boss_role_listener_start(r->boss, &m, h->answer, &rep,
						  IPC_NEVER, answered, &w),
			 IPC_OK);
	assert_true(wait_for(h, &w));
	assert_int_equal(rep.outcome, BOSS_ROLE_OUTCOME_DONE);
}

/* ---- channels ------------------------------------------------------------- */

static void give_end(struct house_role *r, enum hop hop, enum kind peer,
		     unsigned index, int fd)
{
	struct house *h = r->house;
	struct boss_role_attach m = {.hop = (uint16_t)hop,
				     .peer = (uint16_t)peer,
				     .index = (uint16_t)index,
				     .pid = 1000u + (unsigned)peer,
				     .channel = fd};
	struct boss_role_attach_reply rep;
	struct waiting w = {0};

	arena_reset(h->answer);
	assert_int_equal(boss_role_attach_start(r->boss, &m, h->answer, &rep,
						IPC_NEVER, answered, &w),
			 IPC_OK);
	assert_true(wait_for(h, &w));
	assert_int_equal(rep.outcome, BOSS_ROLE_OUTCOME_DONE);
}

int house_join(struct house_role *a, struct house_role *b, enum hop hop)
{
	struct world *w = a->house->world;
	int pair[2], handle;

	assert_int_equal(sock_packet_pair(w, pair), OS_OK);
	assert_int_equal(world_dup(w, pair[0], &handle), OS_OK);
	give_end(b, hop, a->kind, 0, pair[1]);
	give_end(a, hop, b->kind, 0, pair[0]);
	return handle;
}

struct ipc_link *house_link(struct house_role *r, enum hop hop, enum kind peer)
{
	return ipc_link_os(r->house->loop, house_peer(r, hop, peer, 0));
}

int house_peer(struct house_role *r, enum hop hop, enum kind peer, unsigned index)
{
	int pair[2];

	assert_int_equal(sock_packet_pair(r->house->world, pair), OS_OK);
	give_end(r, hop, peer, index, pair[1]);
	return pair[0];
}

/* ---- the rest of its life --------------------------------------------------- */

bool house_activate(struct house_role *r)
{
	struct house *h = r->house;
	struct boss_role_activate m = {.generation = 1};
	struct boss_role_activate_reply rep;
	struct waiting w = {0};

	arena_reset(h->answer);
	assert_int_equal(boss_role_activate_start(r->boss, &m, h->answer, &rep,
						  IPC_NEVER, answered, &w),
			 IPC_OK);
	if (wait_for(h, &w) && rep.outcome == BOSS_ROLE_OUTCOME_DONE)
		return true;
	print_message("%s: %.*s\n", kind_name(r->kind), SPAN_FMT(rep.why));
	return false;
}

struct span house_status(struct house_role *r)
{
	struct house *h = r->house;
	struct boss_role_status m = {0};
	struct boss_role_status_reply rep;
	struct waiting w = {0};

	arena_reset(h->answer);
	assert_int_equal(boss_role_status_start(r->boss, &m, h->answer, &rep,
						IPC_NEVER, answered, &w),
			 IPC_OK);
	assert_true(wait_for(h, &w));
	return rep.json;
}

uint64_t house_figure(struct house_role *r, const char *name)
{
	struct span json = house_status(r);
	uint64_t n = 0;
	char key[64];
	size_t at, len = 0;

	(void)snprintf(key, sizeof key, "\"%s\":", name);
	at = span_find_span(json, span_cstr(key));
	if (at == SIZE_MAX)
		fail_msg("%s tells no %s", kind_name(r->kind), name);
	json = span_skip(json, at + strlen(key));
	while (len < json.len && ascii_digit(json.ptr[len]))
		len++;
	assert_true(span_u64(span_sub(json, 0, len), UINT64_MAX, &n));
	return n;
}

static void retired(void *arg, enum ipc_result result)
{
	struct house_role *r = arg;

	r->retired = result == IPC_OK;
}

void house_retire(struct house_role *r)
{
	r->retire_arena = arena_new(4096);
	assert_non_null(r->retire_arena);
	assert_int_equal(boss_role_retire_start(r->boss, &(struct boss_role_retire){0},
						r->retire_arena, &r->retire_reply,
						IPC_NEVER, retired, r),
			 IPC_OK);
}

static bool end(struct house_role *r)
{
	bool clean;

	role_free(r->role);
	clean = sim_owned(r->loop) == 0;
	if (r->boss != NULL)
		ipc_free(boss_role_ipc(r->boss));
	loop_free(r->loop);
	arena_free(r->retire_arena);
	*r = (struct house_role){0};
	return clean;
}

void house_fall(struct house_role *r)
{
	struct house *h = r->house;

	(void)end(r); /* house_free looks at what is left */
	house_run(h, 1); /* its peers see it */
}

bool house_kill(struct house_role *r)
{
	sim_kill(r->loop);
	return end(r);
}

void house_free(struct house *h)
{
	for (size_t i = HOUSE_ROLES_MAX; i-- > 0;)
		if (h->roles[i].role != NULL)
			house_fall(&h->roles[i]);
	conf_snapshot_free(h->conf);
	arena_free(h->answer);
	loop_free(h->loop);
	assert_int_equal(sim_open(h->world), 0);
	world_free(h->world);
	free(h);
}
