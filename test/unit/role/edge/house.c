/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both pools of edge in one process, on real sockets, with stand-ins for the
 * supervisor, the store, auth and the vault.
 *
 * Prints the ports, then obeys lines from standard input and answers each with
 * one line:
 *   store-off store-on auth-off auth-on   a peer dies, a new one comes
 *   put TEXT       a message that nobody sent
 *   slow / answer  offers wait / the one that waits is answered
 *   status         the status of both pools
 *   reload         a new configuration: imap has gone, few lets one in
 *   drain MS       the order to stop; answers when both are drained
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ensure.h"
#include "conf/parse.h"
#include "conf/slice.h"
#include "conf/snapshot.h"
#include "crypto/library.h"
#include "fake_store.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "os/fiber.h"
#include "os/sock.h"
#include "role/edge/role.h"
#include "tls/issue.h"
#include "tls/keybox.h"
#include "wire/edge_auth.h"
#include "../../../no_guests.h"
#include "wire/edge_vault.h"

/* What a reload does not change. */
#define COMMON                                                                 \
	"hostname mx.example.test;\n"                                          \
	"log { level debug; }\n"                                               \
	"timeouts { login 8s; handshake 2s; command 6s; }\n"                   \
	"certificate default { chain /nowhere/c.pem; "                         \
	"key file:/nowhere/k.pem; }\n"                                         \
	"listener mx { role mx; port 2025; "                                   \
	"limits { connections-per-address 0; } }\n"                            \
	"listener submission { role submission; port 2587; }\n"                \
	"listener imaps { role imap; port 2993; tls implicit; }\n"             \
	"listener pop3 { role pop3; port 2110; }\n"                            \
	"listener pop3s { role pop3; port 2995; tls implicit; }\n"

static const char text[] =
	COMMON
	"listener few { role mx; port 2026; "
	"limits { connections-per-address 2; } }\n"
	"listener imap { role imap; port 2143; }\n";
static const char text_after[] =
	COMMON
	"listener few { role mx; port 2026; "
	"limits { connections-per-address 1; } }\n";
struct pool {
	struct house *house;
	enum kind kind;
	struct role *role;
	struct boss_role *boss;
	struct edge_auth *auth;
	struct edge_vault *vault;
	struct fake_store store;
	int sockets[CONF_LISTENERS_MAX]; /* by the listener's place in `text` */
	bool drained;
};

struct house {
	struct world *w;
	struct loop *loop;
	struct conf_snapshot *snapshot;
	struct tls_keybox *keys;
	struct buf chain;
	struct pool mx, access;
	struct watch input;
	char line[4096];
	size_t line_len;
	struct boss_role *boss_of_drain;
	uint32_t drain_ms;
};

static void say(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
}

/* ---- vault and auth --------------------------------------------------------- */

static void certificates(void *r, struct ipc_call *c,
			 const struct edge_vault_certificates *m)
{
	struct edge_vault_certificate one = {
		.id = 1, .name = SPAN("default"), .key = 9};
	(void)r;
	(void)m;
	edge_vault_certificates_answer(c,
				       &(struct edge_vault_certificates_reply){
					       .generation = 1,
					       .certificates = &one,
					       .certificates_count = 1});
}

static void chain(void *r, struct ipc_call *c, const struct edge_vault_chain *m)
{
	struct pool *p = r;
	(void)m;
	edge_vault_chain_answer(c, &(struct edge_vault_chain_reply){
					   .found = true,
					   .pem = buf_span(&p->house->chain)});
}

static void sign(void *r, struct ipc_call *c, const struct edge_vault_sign *m)
{
	struct pool *p = r;
	char out[TLS_SIGNATURE_MAX];
	size_t len = 0;
	enum tls_recognised seen;
	struct edge_vault_sign_reply rep = {
		.result = EDGE_VAULT_SIGN_RESULT_FAILED};
	if (tls_keybox_sign(p->house->keys, 1, m->key, m->scheme, m->text, &seen,
			    out, &len) == TLS_KEYBOX_SIGNED) {
		rep.result = EDGE_VAULT_SIGN_RESULT_SIGNED;
		rep.signature = span_of(out, len);
	}
	edge_vault_sign_answer(c, &rep);
}

static const struct edge_vault_at_vault vault_handlers = {
	.certificates = certificates, .chain = chain, .sign = sign};

/* PLAIN, and X-LAST that ends in a message from the server like SCRAM. */
static void mechanisms(void *r, struct ipc_call *c,
		       const struct edge_auth_mechanisms *m)
{
	static const struct span names[] = {SPAN_INIT("PLAIN"),
					    SPAN_INIT("X-LAST")};
	static const struct span plus[] = {SPAN_INIT("X-BOUND-PLUS")};
	(void)r;
	(void)m;
	edge_auth_mechanisms_answer(c, &(struct edge_auth_mechanisms_reply){
					       .names = names,
					       .names_count = 2,
					       .plus_names = plus,
					       .plus_names_count = 1});
}

static enum edge_auth_state judge(struct span user, struct span password)
{
	if (span_eq(user, SPAN("slow@example.test")))
		return EDGE_AUTH_STATE_THROTTLED;
	return span_eq(user, SPAN("alice@example.test")) &&
			       span_eq(password, SPAN("secret"))
		       ? EDGE_AUTH_STATE_BOUND
		       : EDGE_AUTH_STATE_FAILED;
}

static void start(void *r, struct ipc_call *c, const struct edge_auth_start *m)
{
	struct edge_auth_start_reply rep = {
		.state = EDGE_AUTH_STATE_MORE,
		.exchange = 5,
		.user = SPAN("alice@example.test")};
	(void)r;
	if (m->has_initial && span_eq(m->mechanism, SPAN("PLAIN"))) {
		struct span rest = m->initial, empty, user;
		(void)span_cut(&rest, '\0', &empty);
		(void)span_cut(&rest, '\0', &user);
		rep.state = judge(user, rest);
	}
	if (span_eq(m->mechanism, SPAN("X-LAST"))) {
		rep.state = EDGE_AUTH_STATE_BOUND;
		rep.blob = SPAN("v=proof");
	}
	if (span_eq(m->mechanism, SPAN("X-BOUND-PLUS")))
		rep.state = m->binding.len == 32 ? EDGE_AUTH_STATE_BOUND
						 : EDGE_AUTH_STATE_FAILED;
	edge_auth_start_answer(c, &rep);
}

static void step(void *r, struct ipc_call *c, const struct edge_auth_step *m)
{
	struct span rest = m->blob, empty, user;
	(void)r;
	(void)span_cut(&rest, '\0', &empty);
	(void)span_cut(&rest, '\0', &user);
	edge_auth_step_answer(c, &(struct edge_auth_step_reply){
					 .state = judge(user, rest),
					 .user = user});
}

static void password(void *r, struct ipc_call *c,
		     const struct edge_auth_password *m)
{
	(void)r;
	edge_auth_password_answer(
		c, &(struct edge_auth_password_reply){
			   .state = judge(m->user, m->password),
			   .user = SPAN("alice@example.test")});
}

static void abandon(void *r, struct edge_auth *c,
		    const struct edge_auth_abandon *m)
{
	(void)r;
	(void)c;
	(void)m;
}

static const struct edge_auth_at_auth auth_handlers = {
	.mechanisms = mechanisms,
	.start = start,
	.step = step,
	.password = password,
	.abandon = abandon,
};

/* ---- the supervisor's part ---------------------------------------------------- */

static void attach(struct pool *p, enum hop hop, enum kind peer,
		   struct ipc_link **mine)
{
	struct world *w = p->house->w;
	struct boss_role_attach_reply rep;
	struct arena *a = arena_new(4096);
	int pair[2];
	ENSURE(a != NULL && sock_packet_pair(w, pair) == OS_OK);
	*mine = ipc_link_os(p->house->loop, pair[0]);
	struct boss_role_attach m = {.hop = (uint16_t)hop,
				     .peer = (uint16_t)peer,
				     .channel = pair[1]};
	ENSURE(boss_role_attach(p->boss, &m, a, &rep, IPC_NEVER) == IPC_OK);
	arena_free(a);
}

static void store_on(struct pool *p)
{
	struct ipc_link *link;
	struct ipc_owner owner = {.role = &p->store};
	attach(p, HOP_EDGE_STORE, KIND_STORE, &link);
	p->store.channel =
		edge_store_join_store(link, &owner, &fake_store_handlers);
}

static void auth_on(struct pool *p)
{
	struct ipc_link *link;
	struct ipc_owner owner = {.role = p};
	attach(p, HOP_EDGE_AUTH, KIND_AUTH, &link);
	p->auth = edge_auth_join_auth(link, &owner, &auth_handlers);
}

static void vault_on(struct pool *p)
{
	struct ipc_link *link;
	struct ipc_owner owner = {.role = p};
	attach(p, HOP_EDGE_VAULT, KIND_VAULT, &link);
	p->vault = edge_vault_join_vault(link, &owner, &vault_handlers);
}

static int slice_for(struct house *h, const struct conf_snapshot *snapshot,
		     enum conf_role role)
{
	struct buf bytes;
	int fd;
	buf_init(&bytes, CONF_SLICE_MAX);
	conf_slice(snapshot, role, &bytes);
	ENSURE(buf_ok(&bytes) && blob_new(h->w, &fd) == OS_OK &&
	       file_append(h->w, fd, buf_span(&bytes)) == OS_OK &&
	       blob_seal(h->w, fd) == OS_OK);
	buf_free(&bytes);
	return fd;
}

static void offer_socket(struct pool *p, struct span name, int fd)
{
	struct boss_role_listener_reply rep;
	struct arena *a = arena_new(4096);
	struct boss_role_listener m = {.name = name};
	ENSURE(a != NULL && world_dup(p->house->w, fd, &m.socket) == OS_OK);
	ENSURE(boss_role_listener(p->boss, &m, a, &rep, IPC_NEVER) == IPC_OK);
	arena_free(a);
}

static void listen_for(struct pool *p, const struct conf_listener *l, int *fd)
{
	struct world *w = p->house->w;
	struct addr at = addr_v4(127, 0, 0, 1, 0), bound;
	ENSURE(sock_listen(w, &at, (struct listen_how){.reuse_addr = true},
			   fd) == OS_OK &&
	       sock_local(w, *fd, &bound) == OS_OK);
	printf("%.*s %u\n", SPAN_FMT(l->name), bound.port);
	offer_socket(p, l->name, *fd);
}

static void on_broken(void *r, struct boss_role *c,
		      const struct boss_role_broken *m)
{
	(void)r;
	(void)c;
	(void)m;
}

/* Nobody is replaced here. */
static void on_worn(void *ctx, struct boss_role *c, const struct boss_role_worn *m)
{
	(void)ctx;
	(void)c;
	(void)m;
}

static const struct boss_role_at_boss boss_handlers = {.broken = on_broken, .worn = on_worn,
	NO_GUESTS};

static void raise_pool(struct pool *p)
{
	struct house *h = p->house;
	struct boss_role_configure_reply configured;
	struct boss_role_activate_reply active;
	struct arena *a = arena_new(65536);
	enum conf_role role = kind_conf(p->kind);
	int pair[2];
	ENSURE(a != NULL && sock_packet_pair(h->w, pair) == OS_OK);
	p->role = role_new(&edge_role, h->w, h->loop, p->kind, 0,
			   ipc_link_os(h->loop, pair[1]));
	struct ipc_owner owner = {.role = p};
	p->boss = boss_role_join_boss(ipc_link_os(h->loop, pair[0]), &owner,
				      &boss_handlers);
	buf_init(&p->store.staged, 64u << 20);
	for (size_t i = 0; i < ARRAY_LEN(p->sockets); i++)
		p->sockets[i] = -1;
	struct boss_role_configure m = {.generation = 1,
					.slice = slice_for(h, h->snapshot,
							   role)};
	ENSURE(boss_role_configure(p->boss, &m, a, &configured, IPC_NEVER) ==
	       IPC_OK);
	if (configured.outcome != BOSS_ROLE_OUTCOME_DONE)
		printf("%.*s\n", SPAN_FMT(configured.why));
	store_on(p);
	vault_on(p);
	if (p->kind == KIND_EDGE_ACCESS)
		auth_on(p);
	const struct conf *conf = &h->snapshot->values;
	for (size_t i = 0; i < conf->listener_count; i++)
		if (conf_pool(conf->listeners[i].role) == role)
			listen_for(p, &conf->listeners[i], &p->sockets[i]);
	struct boss_role_activate go = {.generation = 1};
	ENSURE(boss_role_activate(p->boss, &go, a, &active, IPC_NEVER) ==
		       IPC_OK &&
	       active.outcome == BOSS_ROLE_OUTCOME_DONE);
	arena_free(a);
}

static void reload_pool(struct pool *p, const struct conf_snapshot *next)
{
	struct house *h = p->house;
	struct boss_role_configure_reply configured;
	struct boss_role_activate_reply active;
	struct arena *a = arena_new(65536);
	enum conf_role role = kind_conf(p->kind);
	const struct conf *old = &h->snapshot->values;
	struct boss_role_configure m = {
		.generation = 2, .slice = slice_for(h, next, role)};
	struct boss_role_activate go = {.generation = 2};
	ENSURE(a != NULL && boss_role_configure(p->boss, &m, a, &configured,
						IPC_NEVER) == IPC_OK);
	for (size_t i = 0; i < old->listener_count; i++) {
		struct span name = old->listeners[i].name;
		if (conf_pool(old->listeners[i].role) != role)
			continue;
		if (conf_listener(&next->values, name) != NULL) {
			offer_socket(p, name, p->sockets[i]);
			continue;
		}
		world_close(h->w, p->sockets[i]);
		p->sockets[i] = -1;
	}
	ENSURE(boss_role_activate(p->boss, &go, a, &active, IPC_NEVER) ==
	       IPC_OK);
	arena_free(a);
}

static void reload(struct house *h)
{
	struct conf_report report;
	struct conf_snapshot *next;
	ENSURE(conf_parse(SPAN("after.conf"), span_cstr(text_after), NULL,
			  &report, &next) == CONF_OK);
	conf_report_free(&report);
	reload_pool(&h->mx, next);
	reload_pool(&h->access, next);
	conf_snapshot_free(next);
}

/* ---- lines from the test --------------------------------------------------------- */

static void store_off(struct pool *p)
{
	ipc_free(edge_store_ipc(p->store.channel));
	p->store.channel = NULL;
	p->store.watched = 0;
}

static void tell_status(struct pool *p)
{
	struct boss_role_status_reply rep;
	struct boss_role_status m = {0};
	struct arena *a = arena_new(262144);
	ENSURE(boss_role_status(p->boss, &m, a, &rep, IPC_NEVER) == IPC_OK);
	printf("%.*s ", (int)rep.json.len, rep.json.ptr);
	arena_free(a);
}

static void drain_pool(struct pool *p, uint32_t ms)
{
	struct boss_role_drain m = {.within_ms = ms};
	struct boss_role_drain_reply rep;
	struct arena *a = arena_new(4096);
	ENSURE(boss_role_drain(p->boss, &m, a, &rep, IPC_NEVER) == IPC_OK);
	p->drained = true;
	arena_free(a);
}

static void drain_mx(void *arg)
{
	struct house *h = arg;
	drain_pool(&h->mx, h->drain_ms);
	if (h->access.drained)
		say("drained");
}

static void drain_access(void *arg)
{
	struct house *h = arg;
	drain_pool(&h->access, h->drain_ms);
	if (h->mx.drained)
		say("drained");
}

static void close_sockets(struct pool *p)
{
	for (size_t i = 0; i < ARRAY_LEN(p->sockets); i++) {
		world_close(p->house->w, p->sockets[i]);
		p->sockets[i] = -1;
	}
}

static void obey(struct house *h, const char *line)
{
	if (strcmp(line, "store-off") == 0) {
		store_off(&h->mx);
		store_off(&h->access);
	} else if (strcmp(line, "store-on") == 0) {
		store_on(&h->mx);
		store_on(&h->access);
	} else if (strcmp(line, "auth-off") == 0) {
		ipc_free(edge_auth_ipc(h->access.auth));
	} else if (strcmp(line, "auth-on") == 0) {
		auth_on(&h->access);
	} else if (strncmp(line, "put ", 4) == 0) {
		fake_store_put(&h->access.store, span_cstr(line + 4));
	} else if (strcmp(line, "slow") == 0) {
		h->mx.store.slow = true;
	} else if (strcmp(line, "answer") == 0) {
		edge_store_offer_answer(h->mx.store.waiting,
					&(struct edge_store_offer_reply){
						.answer =
							EDGE_STORE_ANSWER_YES});
		h->mx.store.slow = false;
	} else if (strcmp(line, "status") == 0) {
		printf("[");
		tell_status(&h->mx);
		printf(",");
		tell_status(&h->access);
		printf(",{\"kept\":%u,\"closed\":%u,\"resets\":%u}]",
		       h->mx.store.count, h->mx.store.closed,
		       h->mx.store.resets);
		say("");
		return;
	} else if (strncmp(line, "last ", 5) == 0) {
		const struct fake_store *s = &h->mx.store;
		(void)fwrite(s->messages[s->count - 1].bytes.ptr, 1,
			     s->messages[s->count - 1].bytes.len, stdout);
		say("\n.");
		return;
	} else if (strcmp(line, "reload") == 0) {
		reload(h);
	} else if (strncmp(line, "drain ", 6) == 0) {
		close_sockets(&h->mx);
		close_sockets(&h->access);
		h->drain_ms = (uint32_t)strtoul(line + 6, NULL, 10);
		ENSURE(fiber_start(h->loop, drain_mx, h) != NULL &&
		       fiber_start(h->loop, drain_access, h) != NULL);
		return;
	}
	say("done");
}

static void obey_fiber(void *arg)
{
	struct house *h = arg;
	char *end;
	while ((end = memchr(h->line, '\n', h->line_len)) != NULL) {
		char line[sizeof h->line];
		size_t n = (size_t)(end - h->line);
		memcpy(line, h->line, n);
		line[n] = '\0';
		h->line_len -= n + 1;
		memmove(h->line, end + 1, h->line_len);
		obey(h, line);
	}
}

static void on_input(struct watch *watch, unsigned ready)
{
	struct house *h = watch->arg;
	ssize_t n = read(0, h->line + h->line_len,
			 sizeof h->line - h->line_len);
	(void)ready;
	if (n <= 0) {
		watch_stop(watch);
		loop_stop(h->loop);
		return;
	}
	h->line_len += (size_t)n;
	ENSURE(fiber_start(h->loop, obey_fiber, h) != NULL);
}

/* ---- the house -------------------------------------------------------------------- */

static void make_keys(struct house *h, const char *ca_path)
{
	struct span dns[] = {SPAN("mx.example.test"), SPAN("localhost")};
	char loopback[4] = {127, 0, 0, 1};
	struct span ip[] = {{loopback, 4}};
	struct tls_issue_names names = {dns, 2, ip, 1};
	struct buf key, ca;
	buf_init(&key, 65536);
	buf_init(&ca, 65536);
	buf_init(&h->chain, 65536);
	struct tls_issued leaf = {&key, &h->chain, TLS_KEY_P256, 0};
	ENSURE(crypto_library_start());
	h->keys = tls_keybox_new();
	ENSURE(tls_issue_throwaway(SPAN("Test CA"), &names,
				   world_wall(h->w).sec, 30, &leaf, 1, &ca) &&
	       tls_keybox_add(h->keys, 9, 1, buf_span(&key)) == TLS_KEY_LOADED);
	FILE *f = fopen(ca_path, "w");
	struct span pem = buf_span(&ca);
	ENSURE(f != NULL && fwrite(pem.ptr, 1, pem.len, f) == pem.len);
	fclose(f);
	buf_free(&key);
	buf_free(&ca);
}

static void raise_all(void *arg)
{
	struct house *h = arg;
	raise_pool(&h->mx);
	raise_pool(&h->access);
	say("ready");
}

static void pool_free(struct pool *p)
{
	if (p->store.channel != NULL)
		ipc_free(edge_store_ipc(p->store.channel));
	ipc_free(edge_vault_ipc(p->vault));
	if (p->kind == KIND_EDGE_ACCESS)
		ipc_free(edge_auth_ipc(p->auth));
	ipc_free(boss_role_ipc(p->boss));
	role_free(p->role);
	close_sockets(p);
	for (uint32_t i = 0; i < p->store.count; i++)
		free((char *)(uintptr_t)p->store.messages[i].bytes.ptr);
	buf_free(&p->store.staged);
}

int main(int argc, char **argv)
{
	struct house *h = calloc(1, sizeof *h);
	struct conf_report report;
	ENSURE(argc == 2 && h != NULL);
	h->w = world_linux();
	h->loop = loop_new(h->w);
	h->mx = (struct pool){.house = h, .kind = KIND_EDGE_MX};
	h->access = (struct pool){.house = h, .kind = KIND_EDGE_ACCESS};
	ENSURE(conf_parse(SPAN("test.conf"), span_cstr(text), NULL, &report,
			  &h->snapshot) == CONF_OK);
	conf_report_free(&report);
	make_keys(h, argv[1]);
	ENSURE(watch_start(h->loop, &h->input, 0, READY_IN, on_input, h) ==
	       OS_OK);
	ENSURE(fiber_start(h->loop, raise_all, h) != NULL);
	loop_run(h->loop);
	pool_free(&h->mx);
	pool_free(&h->access);
	for (unsigned i = 0; i < 16; i++)
		(void)loop_turn(h->loop);
	loop_free(h->loop);
	tls_keybox_free(h->keys);
	buf_free(&h->chain);
	conf_snapshot_free(h->snapshot);
	world_free(h->w);
	free(h);
	return 0;
}
