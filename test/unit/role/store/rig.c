/* SPDX-License-Identifier: Apache-2.0 */
/* The rig: roles by hand, each with a loop of its own, turned by the test. */
#include "rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "conf/parse.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "os/sim.h"
#include "os/sock.h"
#include "role/sorter/role.h"
#include "role/store/role.h"

#define WAIT_MS 20000u

static const char conf_text[] =
	"hostname mx.example.test;\n"
	"store { engine %s; staged 4M; keep-removed 2d; keep-deleted 2d; }\n"
	"limits { message-size 3M; }\n"
	"queue { lifetime 2d; warn 90m; retry 3m 10m; per-destination 2; }\n"
	"destination one { domain one.test .one.test; connections 1; }\n"
	"destination paced { domain paced.test; per-minute 1; }\n"
	"destination by { domain by.test .by.test; source 192.0.2.9; }\n"
	"destination at { domain at.test .at.test; source 192.0.2.10; }\n"
	"source nine { address 192.0.2.9; connections 1; }\n"
	"source ten { address 192.0.2.10; per-minute 1; }\n"
	"hops 20;\n";

/* ---- time ----------------------------------------------------------------------- */

static struct loop *loops(struct rig *r, unsigned i)
{
	struct loop *all[] = {r->loop, r->store.loop, r->sorter_mx.loop,
			      r->sorter_access.loop};
	return i < ARRAY_LEN(all) ? all[i] : NULL;
}

static void turn_real(struct rig *r)
{
	bool any = false;
	for (unsigned i = 0; i < 4; i++)
		if (loops(r, i) != NULL)
			any |= loop_turn(loops(r, i));
	if (!any)
		usleep(200);
}

static void run_ns(struct rig *r, uint64_t ns, const bool *flag)
{
	uint64_t end = world_now(r->world) + ns;
	while (world_now(r->world) < end && (flag == NULL || !*flag)) {
		if (r->engine == RIG_ROCKSDB) {
			turn_real(r);
			continue;
		}
		uint64_t step = flag != NULL ? NS_PER_MS : ns;
		uint64_t to = u64_min(end, world_now(r->world) + step);
		assert_int_not_equal(sim_run(r->world, to, 2000000), SIM_STEPS);
		if (world_now(r->world) < to)
			return; /* nobody has anything to do */
	}
}

void rig_run(struct rig *r, uint64_t ms) { run_ns(r, ms * NS_PER_MS, NULL); }

bool rig_until(struct rig *r, const bool *flag, uint64_t ms)
{
	run_ns(r, ms * NS_PER_MS, flag);
	return *flag;
}

void rig_answered(void *wait, enum ipc_result result)
{
	struct rig_wait *w = wait;
	w->done = true;
	w->result = result;
}

void rig_wait(struct rig *r, struct rig_wait *w)
{
	if (!rig_until(r, &w->done, WAIT_MS))
		fail_msg("the store does not answer");
	assert_int_equal(w->result, IPC_OK);
}

/* ---- channels -------------------------------------------------------------------- */

static void on_hint(void *ctx, struct edge_store *c,
		    const struct edge_store_hint *m)
{
	struct rig *r = ctx;
	(void)c;
	r->hints++;
	r->hint = *m;
	for (size_t i = 0; i < m->gone_count; i++)
		r->gone[i] = m->gone[i];
	for (size_t i = 0; i < m->flags_count; i++)
		r->flags[i] = m->flags[i];
}

static void on_changed(void *ctx, struct auth_store *c,
		       const struct auth_store_changed *m)
{
	struct rig *r = ctx;
	(void)c;
	r->changed++;
	r->changed_account = m->account;
}

static void on_load(void *ctx, struct edge_store *c,
		    const struct edge_store_load *m)
{
	struct rig *r = ctx;
	(void)c;
	r->loads++;
	r->level = m->level;
}

static const struct edge_store_at_edge edge_handlers = {.hint = on_hint,
							  .load = on_load};
static const struct auth_store_at_auth auth_handlers = {.changed = on_changed};

static struct ipc_link *new_peer(struct rig *r, struct rig_role *to, enum hop hop,
				 enum kind kind, unsigned index)
{
	int pair[2];
	struct role_peer peer = {.hop = hop, .kind = kind, .index = index};
	assert_int_equal(sock_packet_pair(r->world, pair), OS_OK);
	to->role->def->attach(to->role->self, &peer,
			      ipc_link_os(to->loop, pair[1]));
	return ipc_link_os(r->loop, pair[0]);
}

static void join_edges(struct rig *r)
{
	static const enum kind kinds[] = {KIND_EDGE_MX, KIND_EDGE_MX,
					  KIND_EDGE_ACCESS, KIND_EDGE_LOCAL};
	struct ipc_owner owner = {.role = r};
	for (unsigned i = 0; i < RIG_EDGES; i++)
		r->edge[i] = edge_store_join_edge(
			new_peer(r, &r->store, HOP_EDGE_STORE, kinds[i], i),
			&owner, &edge_handlers);
	r->auth = auth_store_join_auth(
		new_peer(r, &r->store, HOP_AUTH_STORE, KIND_AUTH, 0), &owner,
		&auth_handlers);
	r->admin = admin_store_join_admin(
		new_peer(r, &r->store, HOP_ADMIN_STORE, KIND_EDGE_ADMIN, 0),
		&owner);
}

struct courier_store *rig_courier(struct rig *r)
{
	struct ipc_owner owner = {.role = r};
	return courier_store_join_courier(
		new_peer(r, &r->store, HOP_COURIER_STORE, KIND_EDGE_MX, 9),
		&owner);
}

static void leave(struct rig *r)
{
	for (unsigned i = 0; i < RIG_EDGES; i++)
		ipc_free(edge_store_ipc(r->edge[i]));
	ipc_free(auth_store_ipc(r->auth));
	ipc_free(admin_store_ipc(r->admin));
}

/* ---- roles ------------------------------------------------------------------------ */

static void raise_role(struct rig *r, struct rig_role *out,
		       const struct role_def *def, enum kind kind)
{
	int pair[2];
	struct buf why;
	buf_init(&why, 1024);
	out->loop = loop_new(r->world);
	assert_non_null(out->loop);
	assert_int_equal(sock_packet_pair(r->world, pair), OS_OK);
	out->role = role_new(def, r->world, out->loop, kind, 0,
			     ipc_link_os(out->loop, pair[1]));
	world_close(r->world, pair[0]);
	assert_non_null(out->role);
	out->role->self = def->create(out->role, conf_values(r->conf), &why);
	if (out->role->self == NULL)
		fail_msg("%s: %.*s", kind_name(kind), SPAN_FMT(buf_span(&why)));
	buf_free(&why);
}

static void end_role(struct rig_role *role)
{
	if (role->role == NULL)
		return;
	role_free(role->role);
	loop_free(role->loop);
	*role = (struct rig_role){0};
}

static void join_sorter(struct rig *r, struct rig_role *sorter, enum kind kind)
{
	int pair[2];
	struct role_peer to_sorter = {.hop = HOP_STORE_SORTER, .kind = KIND_STORE};
	struct role_peer to_store = {.hop = HOP_STORE_SORTER, .kind = kind};
	assert_int_equal(sock_packet_pair(r->world, pair), OS_OK);
	sorter->role->def->attach(sorter->role->self, &to_sorter,
				  ipc_link_os(sorter->loop, pair[0]));
	r->store.role->def->attach(r->store.role->self, &to_store,
				   ipc_link_os(r->store.loop, pair[1]));
}

void rig_sorters_start(struct rig *r)
{
	raise_role(r, &r->sorter_mx, &sorter_role, KIND_SORTER_MX);
	raise_role(r, &r->sorter_access, &sorter_role, KIND_SORTER_ACCESS);
	join_sorter(r, &r->sorter_mx, KIND_SORTER_MX);
	join_sorter(r, &r->sorter_access, KIND_SORTER_ACCESS);
}

void rig_sorters_die(struct rig *r)
{
	end_role(&r->sorter_mx);
	end_role(&r->sorter_access);
}

static void start_store(struct rig *r)
{
	struct buf why;
	int dir;
	buf_init(&why, 1024);
	raise_role(r, &r->store, &store_role, KIND_STORE);
	if (r->engine == RIG_ROCKSDB) {
		assert_int_equal(file_dir_open(r->world, r->dir, &dir), OS_OK);
		if (!store_role.material(r->store.role->self, MATERIAL_DIR,
					 SPAN("store"), dir, &why))
			fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
	}
	if (!store_role.start(r->store.role->self, &why))
		fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
	buf_free(&why);
}

struct rig *rig_new(enum rig_engine engine)
{
	struct rig *r = calloc(1, sizeof *r);
	struct conf_report report;
	char text[1024];
	assert_non_null(r);
	r->engine = engine;
	r->world = engine == RIG_MEMORY ? world_sim(1) : world_linux();
	r->loop = loop_new(r->world);
	r->answer = arena_new(64u << 20);
	snprintf(r->dir, sizeof r->dir, "/tmp/store_test.XXXXXX");
	if (engine == RIG_ROCKSDB)
		assert_non_null(mkdtemp(r->dir));
	snprintf(text, sizeof text, conf_text,
		 engine == RIG_MEMORY ? "memory" : "rocksdb");
	if (conf_parse(SPAN("test"), span_cstr(text), NULL, &report, &r->conf) !=
	    CONF_OK) {
		struct buf said;
		buf_init(&said, 8192);
		conf_report_text(&report, &said);
		fail_msg("%.*s", SPAN_FMT(buf_span(&said)));
	}
	conf_report_free(&report);
	start_store(r);
	rig_sorters_start(r);
	join_edges(r);
	return r;
}

void rig_restart(struct rig *r)
{
	leave(r);
	end_role(&r->store);
	rig_sorters_die(r);
	start_store(r);
	rig_sorters_start(r);
	join_edges(r);
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void rig_free(struct rig *r)
{
	leave(r);
	end_role(&r->store);
	rig_sorters_die(r);
	loop_free(r->loop);
	arena_free(r->answer);
	conf_snapshot_free(r->conf);
	if (r->engine == RIG_MEMORY)
		assert_int_equal(sim_open(r->world), 0);
	else
		nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	world_free(r->world);
	free(r);
}

uint64_t rig_figure(struct rig *r, const char *name)
{
	struct buf json;
	char key[64];
	uint64_t n = 0;
	size_t len = 0;
	buf_init(&json, 65536);
	store_role.status(r->store.role->self, &json);
	snprintf(key, sizeof key, "\"%s\":", name);
	size_t at = span_find_span(buf_span(&json), span_cstr(key));
	assert_int_not_equal(at, SIZE_MAX);
	struct span rest = span_skip(buf_span(&json), at + strlen(key));
	while (len < rest.len && ascii_digit(rest.ptr[len]))
		len++;
	assert_true(span_u64(span_sub(rest, 0, len), UINT64_MAX, &n));
	buf_free(&json);
	return n;
}

/* ---- people ------------------------------------------------------------------------- */

void rig_add_account(struct rig *r, const char *name, uint64_t quota)
{
	struct admin_store_account_add_reply rep;
	ASK(r, r->admin, admin_store_account_add, &rep, .name = span_cstr(name),
	    .quota = quota);
	if (rep.answer != ADMIN_STORE_ANSWER_DONE)
		fail_msg("%s: %d %.*s", name, rep.answer, SPAN_FMT(rep.why));
}

static void add_alias(struct rig *r, const char *name, const char *a,
		      const char *b)
{
	struct admin_store_alias_add_reply rep;
	struct span targets[] = {span_cstr(a), span_cstr(b)};
	ASK(r, r->admin, admin_store_alias_add, &rep, .name = span_cstr(name),
	    .targets = targets, .targets_count = b != NULL ? 2 : 1);
	if (rep.answer != ADMIN_STORE_ANSWER_DONE)
		fail_msg("%s: %d %.*s", name, rep.answer, SPAN_FMT(rep.why));
}

void rig_people(struct rig *r)
{
	struct admin_store_domain_add_reply rep;
	ASK(r, r->admin, admin_store_domain_add, &rep,
	    .name = SPAN("example.test"));
	assert_int_equal(rep.answer, ADMIN_STORE_ANSWER_DONE);
	rig_add_account(r, "alice@example.test", 0);
	rig_add_account(r, "bob@example.test", 0);
	rig_add_account(r, "carol@example.test", 3000);
	add_alias(r, "team@example.test", "alice@example.test",
		  "bob@example.test");
	add_alias(r, "one@example.test", "alice@example.test", NULL);
	add_alias(r, "far@example.test", "somebody@elsewhere.test", NULL);
	arena_reset(r->answer);
}

uint64_t rig_account(struct rig *r, const char *name)
{
	struct admin_store_accounts_reply rep;
	ASK(r, r->admin, admin_store_accounts, &rep, .name = span_cstr(name));
	assert_int_equal(rep.answer, ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(rep.accounts_count, 1);
	return rep.accounts[0].id;
}

/* ---- sessions ------------------------------------------------------------------------- */

static enum auth_store_service service_of(enum edge_store_service s)
{
	return s == EDGE_STORE_SERVICE_IMAP   ? AUTH_STORE_SERVICE_IMAP
	       : s == EDGE_STORE_SERVICE_POP3 ? AUTH_STORE_SERVICE_POP3
					      : AUTH_STORE_SERVICE_SUBMISSION;
}

uint64_t rig_session(struct rig *r, enum rig_edge edge,
		     enum edge_store_service service, const char *name)
{
	struct edge_store_session_open_reply rep;
	struct auth_store_bind_reply bound;
	ASK(r, r->edge[edge], edge_store_session_open, &rep,
	    .service = service, .listener = SPAN("test"));
	assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
	if (name == NULL)
		return rep.session;
	ASK(r, r->auth, auth_store_bind, &bound, .session = rep.session,
	    .account = rig_account(r, name), .service = service_of(service));
	assert_int_equal(bound.answer, AUTH_STORE_ANSWER_YES);
	return rep.session;
}

enum edge_store_answer rig_rcpt(struct rig *r, enum rig_edge edge,
				uint64_t session, const char *address,
				uint64_t *handle)
{
	struct edge_store_recipient_reply rep;
	ASK(r, r->edge[edge], edge_store_recipient, &rep, .session = session,
	    .address = span_cstr(address), .notify = r->notify);
	*handle = rep.handle;
	return rep.answer;
}

static uint64_t stage(struct rig *r, enum rig_edge edge, uint64_t session,
		      struct span *body)
{
	struct edge_store_stage_reply rep = {0};
	while (body->len > 49152) {
		ASK(r, r->edge[edge], edge_store_stage, &rep,
		    .session = session, .staged = rep.staged,
		    .piece = span_sub(*body, 0, 61440));
		assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
		*body = span_skip(*body, 61440);
	}
	return rep.staged;
}

struct edge_store_offer_reply rig_send(struct rig *r, enum rig_edge edge,
				       uint64_t session, const char *from,
				       struct span body, ...)
{
	struct edge_store_offer_reply rep;
	uint64_t handles[16];
	size_t n = 0;
	va_list ap;
	va_start(ap, body);
	for (const char *to; (to = va_arg(ap, const char *)) != NULL; n++)
		assert_int_equal(rig_rcpt(r, edge, session, to, &handles[n]),
				 EDGE_STORE_ANSWER_YES);
	va_end(ap);
	uint64_t staged = stage(r, edge, session, &body);
	ASK(r, r->edge[edge], edge_store_offer, &rep, .session = session,
	    .id = SPAN("id1"), .sender = span_cstr(from),
	    .recipients = handles, .recipients_count = n,
	    .helo = SPAN("client.test"),
	    .trace = SPAN("Received: from client.test\r\n\tby mx; now\r\n"),
	    .staged = staged, .body = body);
	return rep;
}

struct edge_store_select_reply rig_select(struct rig *r, uint64_t session,
					  const char *name)
{
	struct edge_store_select_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_select, &rep, .session = session,
	    .name = span_cstr(name));
	return rep;
}

struct edge_store_status_reply rig_status(struct rig *r, uint64_t session,
					  const char *name)
{
	struct edge_store_status_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_status, &rep, .session = session,
	    .name = span_cstr(name));
	return rep;
}

struct span rig_read(struct rig *r, uint64_t session, uint64_t mailbox,
		     uint32_t uid)
{
	struct edge_store_body_reply rep;
	struct buf all;
	struct span out;
	buf_init(&all, 8u << 20);
	do {
		ASK(r, r->edge[RIG_ACCESS], edge_store_body, &rep,
		    .session = session, .mailbox = mailbox, .uid = uid,
		    .offset = buf_len(&all), .length = 61440);
		assert_int_equal(rep.answer, EDGE_STORE_ANSWER_YES);
		buf_add(&all, rep.bytes);
	} while (rep.bytes.len == 61440);
	assert_true(arena_copy(r->answer, buf_span(&all), &out));
	buf_free(&all);
	return out;
}

bool rig_real(void)
{
	const char *engine = getenv("STORE_ENGINE");
	return engine != NULL && strcmp(engine, "rocksdb") == 0;
}

int rig_set_up(void **state)
{
	*state = rig_new(rig_real() ? RIG_ROCKSDB : RIG_MEMORY);
	rig_people(*state);
	return 0;
}

int rig_tear_down(void **state)
{
	rig_free(*state);
	return 0;
}

uint64_t rig_reader(struct rig *r, const char *name)
{
	return rig_session(r, RIG_ACCESS, EDGE_STORE_SERVICE_IMAP, name);
}

struct edge_store_append_reply rig_append(struct rig *r, uint64_t session,
					     const char *box, struct span body)
{
	struct edge_store_append_reply rep;
	struct span keyword = SPAN("$work");
	ASK(r, r->edge[RIG_ACCESS], edge_store_append, &rep, .session = session,
	    .name = span_cstr(box), .flags = 1, .keywords = &keyword,
	    .keywords_count = 1, .dated = true, .date = RIG_DATE, .body = body);
	return rep;
}

void rig_fill(struct rig *r, uint64_t session)
{
	assert_int_equal(rig_append(r, session, "Archive", MAIL("apple")).answer,
			 EDGE_STORE_ANSWER_YES);
	assert_int_equal(rig_append(r, session, "Archive", MAIL("pear")).uid, 2);
	assert_int_equal(rig_append(r, session, "Archive", MAIL("plum")).uid, 3);
	assert_int_equal(rig_append(r, session, "Nowhere", MAIL("x")).answer,
			 EDGE_STORE_ANSWER_UNKNOWN);
}

struct edge_store_search_reply
rig_search(struct rig *r, uint64_t s, uint64_t mailbox,
       const struct edge_store_op *ops, size_t count)
{
	struct edge_store_search_reply rep;
	struct edge_store_range set = {2, 3};
	ASK(r, r->edge[RIG_ACCESS], edge_store_search, &rep, .session = s,
	    .mailbox = mailbox, .ops = ops, .ops_count = count, .sets = &set,
	    .sets_count = 1);
	assert_int_equal(rep.next, 0);
	return rep;
}
