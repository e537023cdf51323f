/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialer's role in this process, on the real world, confined as it always is,
 * with a courier and a fetch that are told what to ask:
 *
 *     interop_ask CONFIGURATION FOLDER
 *
 * FOLDER is the role's own.  Each line of standard input is a question, each
 * answer a line of JSON:
 *
 *     mx NAME | addresses NAME | tlsa NAME | txt NAME | fetch NAME PORT
 *     connect MILLISECONDS ADDRESS:PORT ...
 *     wait MILLISECONDS | status
 *
 * A connection that was made is looked at, and closed.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ensure.h"
#include "base/hex.h"
#include "conf/parse.h"
#include "conf/slice.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "os/sock.h"
#include "role/dialer/role.h"
#include "wire/courier_dialer.h"
#include "wire/fetch_dialer.h"

#define LINE_MAX_ 4096u

struct ask {
	struct world *world;
	struct loop *loop;
	struct role role;
	struct courier_dialer *courier;
	struct fetch_dialer *fetch;
	struct arena *arena;
	bool done;
	enum ipc_result result;
	struct buf out;
};

static void die(const char *what, struct span why)
{
	fprintf(stderr, "interop_ask: %s: %.*s\n", what, SPAN_FMT(why));
	exit(2);
}

/* ---- one answer ---------------------------------------------------------------- */

static void on_done(void *ctx, enum ipc_result r)
{
	struct ask *a = ctx;
	a->done = true;
	a->result = r;
	loop_stop(a->loop);
}

static bool came(struct ask *a, enum ipc_result started)
{
	a->done = started != IPC_OK;
	if (started == IPC_OK)
		loop_run(a->loop);
	else
		a->result = started;
	if (a->result != IPC_OK)
		buf_printf(&a->out, "{\"result\":\"%s\"}",
			   ipc_result_name(a->result));
	return a->result == IPC_OK;
}

static void text(struct buf *b, const char *name, struct span s)
{
	buf_printf(b, ",\"%s\":\"", name);
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '"' || s.ptr[i] == '\\' || s.ptr[i] < ' ')
			buf_printf(b, "\\u%04x", (unsigned char)s.ptr[i]);
		else
			buf_addc(b, s.ptr[i]);
	buf_addc(b, '"');
}

static void address(struct buf *b, const uint8_t ip[16])
{
	char out[ADDR_TEXT_MAX];
	struct addr a = addr_v6(ip, 0);
	struct span s = addr_format(&a, out);
	buf_printf(b, "\"%.*s\"", SPAN_FMT(s));
}

static const char *trust(enum courier_dialer_trust t)
{
	static const char *const names[] = {"failed", "bogus", "insecure", "secure"};
	return names[t];
}

static uint64_t within(struct ask *a, uint64_t ms)
{
	return world_now(a->world) + ms * NS_PER_MS;
}

static void mx(struct ask *a, struct span name)
{
	struct courier_dialer_mx m = {.name = name};
	struct courier_dialer_mx_reply r;
	if (!came(a, courier_dialer_mx_start(a->courier, &m, a->arena, &r,
					     within(a, 60000), on_done, a)))
		return;
	buf_printf(&a->out, "{\"trust\":\"%s\",\"found\":%s,\"ttl\":%u,\"mx\":[",
		   trust(r.trust), r.found ? "true" : "false", r.ttl);
	for (size_t i = 0; i < r.mx_count; i++)
		buf_printf(&a->out, "%s[%u,\"%.*s\"]", i ? "," : "",
			   r.mx[i].preference, SPAN_FMT(r.mx[i].name));
	buf_addc(&a->out, ']');
	text(&a->out, "canonical", r.canonical);
	text(&a->out, "why", r.why);
	buf_addc(&a->out, '}');
}

static void addresses(struct ask *a, struct span name)
{
	struct courier_dialer_addresses m = {.name = name};
	struct courier_dialer_addresses_reply r;
	if (!came(a, courier_dialer_addresses_start(a->courier, &m, a->arena, &r,
						    within(a, 60000), on_done, a)))
		return;
	buf_printf(&a->out,
		   "{\"v4\":\"%s\",\"v6\":\"%s\",\"canonical_trust\":\"%s\","
		   "\"ttl\":%u,\"addresses\":[",
		   trust(r.v4), trust(r.v6), trust(r.canonical_trust), r.ttl);
	for (size_t i = 0; i < r.addresses_count; i++) {
		buf_add(&a->out, i ? SPAN(",") : SPAN(""));
		address(&a->out, r.addresses[i]);
	}
	buf_addc(&a->out, ']');
	text(&a->out, "canonical", r.canonical);
	text(&a->out, "why", r.why);
	buf_addc(&a->out, '}');
}

static void records(struct ask *a, enum courier_dialer_trust t, bool found,
		    const struct span *list, size_t count, bool hex,
		    struct span why)
{
	buf_printf(&a->out, "{\"trust\":\"%s\",\"found\":%s", trust(t),
		   found ? "true" : "false");
	text(&a->out, "why", why);
	buf_add(&a->out, SPAN(",\"records\":["));
	for (size_t i = 0; i < count; i++) {
		buf_add(&a->out, i ? SPAN(",\"") : SPAN("\""));
		if (hex)
			hex_encode(&a->out, list[i]);
		else
			buf_add(&a->out, list[i]);
		buf_addc(&a->out, '"');
	}
	buf_add(&a->out, SPAN("]}"));
}

static void tlsa(struct ask *a, struct span name)
{
	struct courier_dialer_tlsa m = {.name = name};
	struct courier_dialer_tlsa_reply r;
	if (came(a, courier_dialer_tlsa_start(a->courier, &m, a->arena, &r,
					      within(a, 60000), on_done, a)))
		records(a, r.trust, r.found, r.records, r.records_count, true,
			r.why);
}

static void txt(struct ask *a, struct span name)
{
	struct courier_dialer_txt m = {.name = name};
	struct courier_dialer_txt_reply r;
	if (came(a, courier_dialer_txt_start(a->courier, &m, a->arena, &r,
					     within(a, 60000), on_done, a)))
		records(a, r.trust, r.found, r.records, r.records_count, false,
			r.why);
}

/* ---- connections ------------------------------------------------------------------ */

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;
	if (getsockopt(fd, level, name, &value, &len) != 0)
		return -1;
	return value != 0;
}

/* What a receiver finds: its flags, and the first bytes that the server says. */
static void look(struct ask *a, int fd)
{
	char said[64];
	size_t got = 0;
	enum os r = OS_AGAIN;
	for (int i = 0; i < 100 && r == OS_AGAIN; i++) {
		r = sock_read(a->world, fd, said, sizeof said, &got);
		if (r == OS_AGAIN)
			(void)usleep(10000);
	}
	buf_printf(&a->out,
		   ",\"nonblock\":%d,\"cloexec\":%d,\"nodelay\":%d,\"keepalive\":%d",
		   (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0,
		   (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0,
		   option(fd, IPPROTO_TCP, TCP_NODELAY),
		   option(fd, SOL_SOCKET, SO_KEEPALIVE));
	text(&a->out, "said", span_of(said, got));
	world_close(a->world, fd);
}

static const char *reached(enum courier_dialer_reached r)
{
	static const char *const names[] = {"connected", "denied", "unreachable",
					    "busy", "ourselves"};
	return names[r];
}

static const char *fetched(enum fetch_dialer_reached r)
{
	static const char *const names[] = {"connected", "denied", "unreachable",
					    "busy", "unknown", "off"};
	return names[r];
}

static void connect_to(struct ask *a, struct span rest)
{
	struct courier_dialer_target targets[32];
	struct courier_dialer_connect m = {.targets = targets};
	struct courier_dialer_connect_reply r;
	struct span word;
	struct addr to;
	uint64_t ms;
	(void)span_cut(&rest, ' ', &word);
	ENSURE(span_u64(word, 600000, &ms));
	while (rest.len > 0) {
		(void)span_cut(&rest, ' ', &word);
		ENSURE(m.targets_count < 32 && addr_parse_port(word, &to));
		targets[m.targets_count].port = to.port;
		memcpy(targets[m.targets_count++].address, to.ip, 16);
	}
	if (!came(a, courier_dialer_connect_start(a->courier, &m, a->arena, &r,
						  within(a, ms), on_done, a)))
		return;
	buf_printf(&a->out, "{\"reached\":\"%s\",\"of\":%u,\"local\":",
		   reached(r.reached), r.of);
	address(&a->out, r.local);
	text(&a->out, "why", r.why);
	buf_add(&a->out, SPAN(",\"attempts\":["));
	for (size_t i = 0; i < r.attempts_count; i++)
		buf_printf(&a->out, "%s[%u,%u,\"%.*s\"]", i ? "," : "",
			   r.attempts[i].of, r.attempts[i].milliseconds,
			   SPAN_FMT(r.attempts[i].why));
	buf_addc(&a->out, ']');
	if (r.has_connection)
		look(a, r.connection);
	buf_addc(&a->out, '}');
}

static void fetch(struct ask *a, struct span rest)
{
	struct fetch_dialer_connect m = {0};
	struct fetch_dialer_connect_reply r;
	uint64_t port;
	(void)span_cut(&rest, ' ', &m.host);
	ENSURE(span_u64(rest, 65535, &port));
	m.port = (uint16_t)port;
	if (!came(a, fetch_dialer_connect_start(a->fetch, &m, a->arena, &r,
						within(a, 60000), on_done, a)))
		return;
	buf_printf(&a->out, "{\"reached\":\"%s\",\"address\":", fetched(r.reached));
	address(&a->out, r.address);
	text(&a->out, "why", r.why);
	if (r.has_connection)
		look(a, r.connection);
	buf_addc(&a->out, '}');
}

/* ---- questions ------------------------------------------------------------------------ */

static void on_time(struct timer *t)
{
	loop_stop(((struct ask *)t->arg)->loop);
}

static void wait_for(struct ask *a, struct span rest)
{
	struct timer timer = {0};
	uint64_t ms;
	ENSURE(span_u64(rest, 60000, &ms));
	ENSURE(timer_start(a->loop, &timer, within(a, ms), on_time, a));
	loop_run(a->loop);
	buf_add(&a->out, SPAN("{}"));
}

static void status(struct ask *a, struct span rest)
{
	(void)rest;
	buf_addc(&a->out, '{');
	a->role.def->status(a->role.self, &a->out);
	buf_addc(&a->out, '}');
}

static void question(struct ask *a, struct span line)
{
	static const struct {
		struct span name;
		void (*fn)(struct ask *, struct span);
	} rows[] = {{SPAN_INIT("mx"), mx},	     {SPAN_INIT("addresses"), addresses},
		    {SPAN_INIT("tlsa"), tlsa},	     {SPAN_INIT("txt"), txt},
		    {SPAN_INIT("connect"), connect_to}, {SPAN_INIT("fetch"), fetch},
		    {SPAN_INIT("wait"), wait_for},   {SPAN_INIT("status"), status}};
	struct span word;
	(void)span_cut(&line, ' ', &word);
	arena_reset(a->arena);
	buf_clear(&a->out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (span_eq(word, rows[i].name))
			rows[i].fn(a, line);
	buf_addc(&a->out, '\n');
	struct span out = buf_span(&a->out);
	if (!buf_ok(&a->out) || write(1, out.ptr, out.len) != (ssize_t)out.len)
		die("standard output", SPAN("it is gone"));
}

/* ---- life --------------------------------------------------------------------------------- */

static const struct conf *configured(const char *path, struct arena *arena)
{
	static char file[65536];
	struct conf_report report;
	struct conf_snapshot *s;
	struct buf b;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, file, sizeof file);
	if (got < 0)
		die(path, SPAN("cannot be read"));
	(void)close(fd);
	buf_init(&b, CONF_SLICE_MAX);
	if (conf_parse(span_cstr(path), span_of(file, (size_t)got), NULL, &report,
		       &s) != CONF_OK) {
		conf_report_text(&report, &b);
		die(path, buf_span(&b));
	}
	conf_slice(s, CONF_DIALER, &b);
	const struct conf *c = conf_slice_read(buf_span(&b), CONF_DIALER, arena);
	ENSURE(c != NULL);
	conf_report_free(&report);
	conf_snapshot_free(s);
	buf_free(&b);
	return c;
}

static void gone(void *ctx, struct ipc *c, const char *reason)
{
	(void)ctx, (void)c;
	die("a channel died", span_cstr(reason));
}

static struct ipc_link *joined(struct ask *a, enum hop hop)
{
	struct role_peer peer = {.hop = hop, .kind = KIND_EDGE_ADMIN};
	int fds[2];
	ENSURE(sock_packet_pair(a->world, fds) == OS_OK);
	dialer_role.attach(a->role.self, &peer, ipc_link_os(a->loop, fds[0]));
	return ipc_link_os(a->loop, fds[1]);
}

static void begin(struct ask *a, const char *folder, const struct conf *conf)
{
	struct ipc_owner owner = {.role = a, .dead = gone};
	struct buf why;
	int dir;
	buf_init(&why, 4096);
	a->role = (struct role){.world = a->world, .loop = a->loop,
				.log = log_new("dialer"), .def = &dialer_role,
				.kind = KIND_DIALER};
	a->role.self = dialer_role.create(&a->role, conf, &why);
	if (a->role.self == NULL)
		die("create", buf_span(&why));
	if (file_dir_open(a->world, folder, &dir) != OS_OK ||
	    !dialer_role.material(a->role.self, MATERIAL_DIR, SPAN("dialer"), dir,
				  &why))
		die(folder, buf_span(&why));
	a->courier = courier_dialer_join_courier(joined(a, HOP_COURIER_DIALER),
						 &owner);
	a->fetch = fetch_dialer_join_fetch(joined(a, HOP_FETCH_DIALER), &owner);
	struct rights rights = {0};
	dialer_role.rights(a->role.self, &rights);
	/* On a kernel that lacks some of it what is there. */
	enum confined c = confine(&rights);
	if (!confined_enough(c, true))
		die("confine", span_cstr(confined_text(c)));
	if (!dialer_role.start(a->role.self, &why))
		die("start", buf_span(&why));
	buf_free(&why);
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_];
	struct ask a = {.world = world_linux(), .arena = arena_new(4u << 20)};
	struct arena *kept = arena_new(CONF_MEMORY_MAX);
	ENSURE(argc == 3);
	ENSURE( a.world != NULL && a.arena != NULL && kept != NULL);
	a.loop = loop_new(a.world);
	buf_init(&a.out, 1u << 20);
	begin(&a, argv[2], configured(argv[1], kept));
	while (fgets(line, sizeof line, stdin) != NULL)
		question(&a, span_trim(span_of(line, strcspn(line, "\n"))));
	ipc_free(courier_dialer_ipc(a.courier));
	ipc_free(fetch_dialer_ipc(a.fetch));
	dialer_role.destroy(a.role.self);
	for (int i = 0; i < 10; i++)
		(void)loop_turn(a.loop);
	log_free(a.role.log);
	loop_free(a.loop);
	world_free(a.world);
	arena_free(a.arena);
	arena_free(kept);
	buf_free(&a.out);
	return 0;
}
