/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's part for one role, a dialer that connects where the test says. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/parse.h"
#include "conf/slice.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "os/sock.h"
#include "os/spawn.h"
#include "../../../no_guests.h"
#include "role/common/role.h"

#define ANSWER_MAX (1u << 20)
#define PEM_MAX	   65536u
#define STEP_MS	   20000u

static const char config[] = "hostname mx.example.test;\nstore { engine memory; }\n";

/* ---- waiting ---------------------------------------------------------------- */

static void tick(struct timer *t) { loop_stop(t->arg); }

bool rig_until(struct rig *r, const bool *done, uint64_t ms)
{
	uint64_t end = world_now(r->world) + ms * NS_PER_MS;
	struct timer t = {0};

	while (!*done && world_now(r->world) < end) {
		assert_true(timer_start(r->loop, &t, world_now(r->world) + 2 * NS_PER_MS,
					tick, r->loop));
		loop_run(r->loop);
	}
	timer_stop(&t);
	return *done;
}

static void answered(void *ctx, enum ipc_result result)
{
	assert_int_equal(result, IPC_OK);
	*(bool *)ctx = true;
}

#define BOSS(r, verb, m, rep)                                                  \
	do {                                                                   \
		bool done_ = false;                                            \
		assert_int_equal(boss_role_##verb##_start((r)->boss, m,        \
							  (r)->arena, rep,     \
							  IPC_NEVER, answered, \
							  &done_),             \
				 IPC_OK);                                      \
		assert_true(rig_until(r, &done_, STEP_MS));                    \
		assert_int_equal((rep)->outcome, BOSS_ROLE_OUTCOME_DONE);      \
	} while (0)

/* ---- the dialer ---------------------------------------------------------------- */

struct dialing {
	struct rig *rig;
	struct ipc_call *call;
	struct watch watch;
	int fd;
};

static void dial_done(struct watch *w, unsigned ready)
{
	struct dialing *d = w->arg;
	struct rig *r = d->rig;
	struct fetch_dialer_connect_reply rep = {.reached = FETCH_DIALER_REACHED_UNREACHABLE};

	(void)ready;
	watch_stop(w);
	if (sock_connected(r->world, d->fd) == OS_OK) {
		rep.reached = FETCH_DIALER_REACHED_CONNECTED;
		rep.has_connection = true;
		rep.connection = d->fd;
	}
	assert_true(fetch_dialer_connect_answer(d->call, &rep));
	free(d);
}

static void on_connect(void *ctx, struct ipc_call *call, const struct fetch_dialer_connect *m)
{
	struct rig *r = ctx;
	struct addr to = addr_v4(127, 0, 0, 1,
				 r->dial == DIAL_PLAIN ? r->plain_port : r->tls_port);
	struct dialing *d;

	r->dialed++;
	r->port = m->port;
	(void)snprintf(r->host, sizeof r->host, "%.*s", SPAN_FMT(m->host));
	if (r->dial == DIAL_NOBODY || r->dial == DIAL_LIE) {
		(void)fetch_dialer_connect_answer(
			call, &(struct fetch_dialer_connect_reply){
				      .reached = r->dial == DIAL_LIE
							 ? FETCH_DIALER_REACHED_CONNECTED
							 : FETCH_DIALER_REACHED_UNREACHABLE,
				      .why = SPAN("nobody is there")});
		return;
	}
	ipc_keep(call);
	if (r->dial == DIAL_SILENCE) {
		assert_null(r->unanswered);
		r->unanswered = call;
		return;
	}
	d = calloc(1, sizeof *d);
	assert_non_null(d);
	*d = (struct dialing){.rig = r, .call = call};
	assert_int_equal(sock_connect(r->world, &to, NULL, &d->fd), OS_OK);
	assert_int_equal(watch_start(r->loop, &d->watch, d->fd, READY_OUT, dial_done, d), OS_OK);
}

static void dialer_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct rig *r = ctx;

	(void)reason;
	r->dialer = NULL;
	ipc_free(c);
}

/* ---- the supervisor -------------------------------------------------------------- */

static void boss_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct rig *r = ctx;
	struct spawn_exit e;
	char text[128];

	r->boss = NULL;
	ipc_free(c);
	(void)usleep(100000);
	if (spawn_reap(&e) == OS_OK)
		fail_msg("%s: it %.*s", reason, SPAN_FMT(spawn_exit_text(&e, text, sizeof text)));
	fail_msg("%s", reason);
}

static void on_broken(void *ctx, struct boss_role *c, const struct boss_role_broken *m)
{
	struct rig *r = ctx;

	(void)c, (void)m;
	r->broken++;
}

static void on_worn(void *ctx, struct boss_role *c, const struct boss_role_worn *m)
{
	(void)ctx, (void)c, (void)m;
}

static const struct boss_role_at_boss at_boss = {.broken = on_broken, .worn = on_worn,
	NO_GUESTS};
static const struct fetch_dialer_at_dialer at_dialer = {.connect = on_connect};

static int attach(struct rig *r, enum hop hop, enum kind peer)
{
	struct boss_role_attach_reply rep = {0};
	struct boss_role_attach m = {.hop = (uint16_t)hop, .peer = (uint16_t)peer, .pid = 1};
	int pair[2];

	assert_int_equal(sock_packet_pair(r->world, pair), OS_OK);
	m.channel = pair[1];
	BOSS(r, attach, &m, &rep);
	return pair[0];
}

static void drop_dialer(struct rig *r)
{
	if (r->dialer != NULL)
		ipc_free(fetch_dialer_ipc(r->dialer));
	if (r->unanswered != NULL)
		ipc_refuse(r->unanswered, IPC_BUSY);
	r->unanswered = NULL;
}

void rig_join_dialer(struct rig *r)
{
	const struct ipc_owner owner = {.role = r, .dead = dialer_dead};
	int fd = attach(r, HOP_FETCH_DIALER, KIND_DIALER);

	drop_dialer(r);
	r->dialer = fetch_dialer_join_dialer(ipc_link_os(r->loop, fd), &owner, &at_dialer);
	assert_non_null(r->dialer);
}

static void configure(struct rig *r, uint32_t generation)
{
	struct boss_role_configure m = {.generation = generation};
	struct boss_role_configure_reply rep = {0};
	struct conf_report report;
	struct conf_snapshot *conf;
	struct buf slice;

	assert_int_equal(conf_parse(SPAN("conf"), span_cstr(config), NULL, &report, &conf),
			 CONF_OK);
	buf_init(&slice, CONF_SLICE_MAX);
	conf_slice(conf, kind_conf(KIND_FETCH), &slice);
	assert_int_equal(blob_new(r->world, &m.slice), OS_OK);
	assert_int_equal(file_append(r->world, m.slice, buf_span(&slice)), OS_OK);
	assert_int_equal(blob_seal(r->world, m.slice), OS_OK);
	buf_free(&slice);
	conf_report_free(&report);
	conf_snapshot_free(conf);
	BOSS(r, configure, &m, &rep);
}

static void activate(struct rig *r, uint32_t generation)
{
	struct boss_role_activate m = {.generation = generation};
	struct boss_role_activate_reply rep = {0};

	BOSS(r, activate, &m, &rep);
}

void rig_authorities(struct rig *r, const char *name)
{
	struct boss_role_material m = {.kind = MATERIAL_AUTHORITIES, .name = SPAN("test")};
	struct boss_role_material_reply rep = {0};
	int dir;

	configure(r, 2);
	assert_int_equal(file_dir_open(r->world, r->folder, &dir), OS_OK);
	assert_int_equal(file_open(r->world, dir, name, (struct open_how){0}, &m.file), OS_OK);
	world_close(r->world, dir);
	BOSS(r, material, &m, &rep);
	activate(r, 2);
}

static void start(struct rig *r, const char *program)
{
	char number[12];
	const char *const argv[] = {"fetch", number, "0", NULL};
	const struct ipc_owner owner = {.role = r, .dead = boss_dead};
	int pair[2];

	(void)snprintf(number, sizeof number, "%u", (unsigned)KIND_FETCH);
	struct spawn s = {.argv = argv, .fds = &pair[1], .fd_count = 1};
	assert_int_equal(spawn_program_open(program, &s.program), OS_OK);
	assert_int_equal(sock_packet_pair(r->world, pair), OS_OK);
	assert_int_equal(spawn(&s, &r->pid), OS_OK);
	world_close(r->world, s.program);
	world_close(r->world, pair[1]);
	r->boss = boss_role_join_boss(ipc_link_os(r->loop, pair[0]), &owner, &at_boss);
	assert_non_null(r->boss);
}

/* ---- figures -------------------------------------------------------------------------- */

static struct span status(struct rig *r)
{
	static const struct boss_role_status m;
	struct boss_role_status_reply rep = {0};
	bool done = false;

	arena_reset(r->arena);
	assert_int_equal(boss_role_status_start(r->boss, &m, r->arena, &rep, IPC_NEVER, answered,
						&done),
			 IPC_OK);
	assert_true(rig_until(r, &done, STEP_MS));
	return rep.json;
}

uint64_t rig_figure(struct rig *r, const char *name)
{
	struct span json = status(r);
	char key[64];
	uint64_t n;
	size_t len = 0;

	(void)snprintf(key, sizeof key, "\"%s\":", name);
	size_t at = span_find_span(json, span_cstr(key));
	assert_true(at != SIZE_MAX);
	json = span_skip(json, at + strlen(key));
	while (len < json.len && ascii_digit(json.ptr[len]))
		len++;
	assert_true(span_u64(span_sub(json, 0, len), UINT64_MAX, &n));
	return n;
}

bool rig_confined(struct rig *r)
{
	return span_find_span(status(r), SPAN("\"state\":\"confined\"")) != SIZE_MAX;
}

/* ---- all of it ------------------------------------------------------------------------- */

static void serve(struct rig *r, const char *script)
{
	char command[1024];
	unsigned tls, plain;

	(void)snprintf(r->folder, sizeof r->folder, "/tmp/ll-fetch-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	/* It ends with our end of its standard input, however this test ends. */
	(void)snprintf(command, sizeof command, "exec %s %s < %s/in", script, r->folder, r->folder);
	char fifo[80];
	(void)snprintf(fifo, sizeof fifo, "mkfifo %s/in", r->folder);
	assert_int_equal(system(fifo), 0);
	r->server = popen(command, "r");
	assert_non_null(r->server);
	(void)snprintf(fifo, sizeof fifo, "%s/in", r->folder);
	FILE *in = fopen(fifo, "w");
	assert_non_null(in);
	r->server_in = dup(fileno(in));
	(void)fclose(in);
	assert_int_equal(fscanf(r->server, "%u %u", &tls, &plain), 2);
	r->tls_port = (uint16_t)tls;
	r->plain_port = (uint16_t)plain;
}

void rig_new(struct rig *r, const char *program, const char *server)
{
	const struct ipc_owner owner = {.role = r};

	*r = (struct rig){.world = world_linux(), .arena = arena_new(ANSWER_MAX)};
	r->loop = loop_new(r->world);
	assert_true(r->loop != NULL && r->arena != NULL);
	serve(r, server);
	start(r, program);
	configure(r, 1);
	rig_join_dialer(r);
	r->courier = courier_fetch_join_courier(
		ipc_link_os(r->loop, attach(r, HOP_COURIER_FETCH, KIND_FETCH)), &owner);
	activate(r, 1);
}

void rig_free(struct rig *r)
{
	char command[128];
	struct spawn_exit e = {0};

	ipc_free(courier_fetch_ipc(r->courier));
	drop_dialer(r);
	ipc_free(boss_role_ipc(r->boss)); /* it ends by itself */
	(void)close(r->server_in);
	(void)pclose(r->server);
	uint64_t end = world_now(r->world) + 10 * NS_PER_SEC;
	while (e.pid != r->pid && world_now(r->world) < end) {
		if (spawn_reap(&e) != OS_OK)
			(void)usleep(1000);
	}
	assert_int_equal(e.pid, r->pid);
	assert_false(e.signalled);
	assert_int_equal(e.code, 0);
	(void)snprintf(command, sizeof command, "rm -r %s", r->folder);
	assert_int_equal(system(command), 0);
	arena_free(r->arena);
	loop_free(r->loop);
	world_free(r->world);
}
