/* SPDX-License-Identifier: Apache-2.0 */
/* The scene: scripts at both hops and behind each connection. */
#include "carry.h"

#include "mime/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/check.h"
#include "os/fiber.h"
#include "os/sock.h"
#include "role/courier/role.h"

#define FIRST_PIECE 32768u

/* ---- a server -------------------------------------------------------------- */

struct guest {
	struct scene *scene;
	struct server *server;
	int fd;
	struct fiber_io io;
	struct buf in;
};

static bool say(struct guest *g, const char *text)
{
	struct span b = span_cstr(text);
	size_t done = 0;
	return text != NULL && sock_write(house_world(g->scene->house), g->fd, b.ptr, b.len,
					  &done) == OS_OK && done == b.len;
}

/* One line with its end, or all until then. */
static bool hear(struct guest *g, struct span *line)
{
	for (;;) {
		struct span b = buf_span(&g->in);
		size_t at = span_find(b, '\n');
		if (at != SIZE_MAX) {
			*line = span_sub(b, 0, at + 1);
			return true;
		}
		char room[8192];
		size_t got = 0;
		enum os r = sock_read(house_world(g->scene->house), g->fd, room, sizeof room, &got);
		if (r == OS_OK)
			buf_add(&g->in, span_of(room, got));
		else if (r != OS_AGAIN ||
			 fiber_io_wait(&g->io, READY_IN, NS_NEVER) != WOKE_VALUE)
			return false;
	}
}

static void drop(struct guest *g, struct span line)
{
	buf_take(&g->in, line.len);
}

static bool take_data(struct guest *g)
{
	struct span line;
	if (!say(g, "354 go\r\n"))
		return false;
	for (bool end = false; !end;) {
		if (!hear(g, &line))
			return false;
		end = span_eq(line, SPAN(".\r\n"));
		buf_add(&g->server->data, line);
		drop(g, line);
	}
	g->server->messages++;
	return say(g, g->server->end);
}

static const char *reply_to(const struct server *s, struct span line)
{
	if (span_starts(line, SPAN("EHLO")) || span_starts(line, SPAN("LHLO")))
		return s->ehlo;
	for (size_t i = 0; i < ARRAY_LEN(s->replies) && s->replies[i].front; i++)
		if (span_starts(line, span_cstr(s->replies[i].front)))
			return s->replies[i].text;
	return span_starts(line, SPAN("QUIT")) ? "221 bye\r\n" : "250 ok\r\n";
}

static void serve(void *arg)
{
	struct guest *g = arg;
	struct span line;
	struct loop *loop = house_loop(g->scene->house);
	(void)!fiber_sleep_until(loop, loop_now(loop) + g->server->wait_ms * NS_PER_MS);
	bool ok = say(g, g->server->greeting);
	while (ok && hear(g, &line)) {
		const char *reply = reply_to(g->server, line);
		bool data = span_eq(line, SPAN("DATA\r\n")) && span_starts(span_cstr(reply), SPAN("250"));
		bool quit = span_starts(line, SPAN("QUIT"));
		buf_add(&g->server->heard, line);
		drop(g, line);
		ok = data ? take_data(g) : say(g, reply);
		ok = ok && !quit;
	}
	fiber_io_end(&g->io);
	world_close(house_world(g->scene->house), g->fd);
	buf_free(&g->in);
	free(g);
}

static void open_door(struct scene *s, struct server *server, int fd)
{
	struct guest *g = calloc(1, sizeof *g);
	assert_non_null(g);
	*g = (struct guest){.scene = s, .server = server, .fd = fd};
	buf_init(&g->in, 1u << 24);
	server->connections++;
	assert_int_equal(fiber_io_start(house_loop(s->house), &g->io, fd), OS_OK);
	assert_non_null(fiber_start(house_loop(s->house), serve, g));
}

/* ---- the dialer ------------------------------------------------------------ */

static const struct zone_host *find(struct scene *s, struct span name)
{
	s->questions++;
	for (size_t i = 0; i < s->zone_count; i++)
		if (span_eq_nocase(span_cstr(s->zone[i].name), name))
			return &s->zone[i];
	return NULL;
}

static void on_mx(void *role, struct ipc_call *call, const struct courier_dialer_mx *m)
{
	const struct zone_host *z = find(role, m->name);
	struct courier_dialer_host list[8];
	struct courier_dialer_mx_reply rep = {.trust = COURIER_DIALER_TRUST_INSECURE, .mx = list};
	if (z != NULL) {
		rep.trust = z->trust;
		rep.found = z->mx_count > 0;
		rep.mx_count = z->mx_count;
		for (size_t i = 0; i < z->mx_count; i++)
			list[i] = (struct courier_dialer_host){z->mx[i].preference,
							       span_cstr(z->mx[i].name)};
	}
	courier_dialer_mx_answer(call, &rep);
}

static void map_v4(const uint8_t v4[4], uint8_t out[16])
{
	memset(out, 0, 16);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, v4, 4);
}

static void on_addresses(void *role, struct ipc_call *call, const struct courier_dialer_addresses *m)
{
	const struct zone_host *z = find(role, m->name);
	uint8_t list[1][16];
	struct courier_dialer_addresses_reply rep = {.v4 = COURIER_DIALER_TRUST_INSECURE,
						     .v6 = COURIER_DIALER_TRUST_INSECURE,
						     .addresses = list};
	if (z != NULL && z->v4[0] != 0) {
		map_v4(z->v4, list[0]);
		rep.addresses_count = 1;
	}
	if (z != NULL)
		rep.v4 = rep.v6 = z->trust;
	courier_dialer_addresses_answer(call, &rep);
}

static void on_tlsa(void *role, struct ipc_call *call, const struct courier_dialer_tlsa *m)
{
	struct scene *s = role;
	(void)find(s, m->name);
	courier_dialer_tlsa_answer(call, &(struct courier_dialer_tlsa_reply){.trust = s->tlsa});
}

static void on_txt(void *role, struct ipc_call *call, const struct courier_dialer_txt *m)
{
	struct scene *s = role;
	struct span record = span_cstr(s->txt);
	(void)find(s, m->name);
	courier_dialer_txt_answer(call, &(struct courier_dialer_txt_reply){
						.trust = COURIER_DIALER_TRUST_INSECURE,
						.found = s->txt != NULL,
						.records = &record,
						.records_count = s->txt != NULL});
}

static struct server *behind(struct scene *s, const uint8_t address[16])
{
	uint8_t own[16];
	map_v4((const uint8_t[]){192, 0, 2, 1}, own);
	if (memcmp(own, address, 16) == 0)
		return s->fixed;
	for (size_t i = 0; i < s->zone_count; i++) {
		map_v4(s->zone[i].v4, own);
		if (s->zone[i].v4[0] != 0 && memcmp(own, address, 16) == 0 &&
		    !s->zone[i].unreachable)
			return s->zone[i].server;
	}
	return NULL;
}

static void on_connect(void *role, struct ipc_call *call, const struct courier_dialer_connect *m)
{
	struct scene *s = role;
	struct courier_dialer_connect_reply rep = {.reached = COURIER_DIALER_REACHED_UNREACHABLE,
						   .why = SPAN("nobody answers")};
	int pair[2];
	s->asked = *m;
	s->port = m->targets_count > 0 ? m->targets[0].port : 0;
	for (size_t i = 0; i < m->targets_count && !rep.has_connection; i++) {
		struct server *server = behind(s, m->targets[i].address);
		if (server == NULL)
			continue;
		assert_int_equal(sock_stream_pair(house_world(s->house), pair), OS_OK);
		open_door(s, server, pair[1]);
		rep = (struct courier_dialer_connect_reply){
			.reached = COURIER_DIALER_REACHED_CONNECTED,
			.has_connection = true,
			.connection = pair[0],
			.of = (uint16_t)i};
		rep.local[15] = 1;
	}
	courier_dialer_connect_answer(call, &rep);
}

static const struct courier_dialer_at_dialer dialer_handlers = {.mx = on_mx,
								.addresses = on_addresses,
								.tlsa = on_tlsa,
								.txt = on_txt,
								.connect = on_connect};

/* ---- the store ------------------------------------------------------------- */

static void hand_out(struct scene *s, struct ipc_call *call)
{
	const struct test_job *j = &s->jobs[s->leased];
	struct courier_store_recipient list[4];
	size_t count = 0;
	for (; count < 4 && j->recipients[count] != NULL; count++)
		list[count] = (struct courier_store_recipient){
			.n = (uint32_t)count,
			.address = span_cstr(j->recipients[count]),
			.notify = j->notify,
			.reason = SPAN("nobody answered")};
	struct courier_store_lease_reply rep = {
		.answer = COURIER_STORE_ANSWER_YES,
		.lease = ++s->leased,
		.work = j->work,
		.job = SPAN("job"),
		.id = SPAN("00000000000000ab"),
		.destination = span_cstr(j->destination),
		.sender = span_cstr(j->sender),
		.eight_bit = j->eight_bit,
		.utf8 = j->utf8,
		.requiretls = j->requiretls,
		.proven = !j->stranger,
		.accepted = 1799990000,
		.expires = 1800400000,
		.recipients = list,
		.recipients_count = count,
		.prefix = j->prefix,
		.size = j->body.len,
		.body = span_sub(j->body, 0, FIRST_PIECE)};
	courier_store_lease_answer(call, &rep);
}

static void on_lease(void *role, struct ipc_call *call, const struct courier_store_lease *m)
{
	struct scene *s = role;
	if (s->leased < s->job_count) {
		hand_out(s, call);
		return;
	}
	if (m->only) {
		courier_store_lease_answer(call, &(struct courier_store_lease_reply){
							 .answer = COURIER_STORE_ANSWER_NONE});
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(s->waiting); i++)
		if (s->waiting[i] == NULL) {
			ipc_keep(call);
			s->waiting[i] = call;
			return;
		}
	fail_msg("too many wait");
}

static void on_body(void *role, struct ipc_call *call, const struct courier_store_body *m)
{
	struct scene *s = role;
	struct courier_store_body_reply rep = {.answer = COURIER_STORE_ANSWER_STALE};
	if (m->lease >= 1 && m->lease <= s->leased) {
		rep.answer = COURIER_STORE_ANSWER_YES;
		rep.bytes = span_sub(s->jobs[m->lease - 1].body, m->offset, m->length);
		s->pulled += rep.bytes.len;
	}
	courier_store_body_answer(call, &rep);
}

static void copy(char *out, size_t size, struct span s)
{
	snprintf(out, size, "%.*s", (int)s.len, s.ptr);
}

static void on_settle(void *role, struct ipc_call *call, const struct courier_store_settle *m)
{
	struct scene *s = role;
	struct settled *t = &s->settled[s->settled_count++];
	t->job = (unsigned)m->lease;
	t->mood = m->mood;
	copy(t->why, sizeof t->why, m->why);
	for (size_t i = 0; i < m->outcomes_count && i < 4; i++) {
		const struct courier_store_outcome *o = &m->outcomes[i];
		t->at[i].n = o->n;
		t->at[i].fate = o->fate;
		t->at[i].code = o->code;
		copy(t->at[i].status, sizeof t->at[i].status, o->status);
		copy(t->at[i].text, sizeof t->at[i].text, o->text);
		copy(t->at[i].host, sizeof t->at[i].host, o->host);
	}
	t->count = m->outcomes_count;
	s->reached = s->settled_count >= s->want;
	courier_store_settle_answer(call, &(struct courier_store_settle_reply){
						  .answer = s->later > 0 ? COURIER_STORE_ANSWER_LATER
									 : COURIER_STORE_ANSWER_YES});
	s->later -= s->later > 0;
}

static void on_report(void *role, struct ipc_call *call, const struct courier_store_report *m)
{
	struct scene *s = role;
	buf_add(&s->reports, m->body);
	s->report_count++;
	s->report_kind = m->kind;
	courier_store_report_answer(call, &(struct courier_store_report_reply){
						  .answer = s->refuse_report
								    ? COURIER_STORE_ANSWER_LATER
								    : COURIER_STORE_ANSWER_YES});
}

static void on_send(void *role, struct ipc_call *call, const struct courier_store_send *m)
{
	(void)role, (void)m;
	courier_store_send_answer(call, &(struct courier_store_send_reply){0});
}

static void on_note_put(void *role, struct ipc_call *call, const struct courier_store_note_put *m)
{
	(void)role, (void)m;
	courier_store_note_put_answer(call, &(struct courier_store_note_put_reply){0});
}

static void on_note_get(void *role, struct ipc_call *call, const struct courier_store_note_get *m)
{
	(void)role, (void)m;
	courier_store_note_get_answer(call, &(struct courier_store_note_get_reply){
						    .answer = COURIER_STORE_ANSWER_NONE});
}

static void on_notes(void *role, struct ipc_call *call, const struct courier_store_notes *m)
{
	(void)role, (void)m;
	courier_store_notes_answer(call, &(struct courier_store_notes_reply){0});
}

/* As the sorter would have found it. */
static void on_structure(void *role, struct ipc_call *call,
			 const struct courier_store_structure *m)
{
	struct scene *s = role;
	struct mime_parser *p = mime_parser_new(NULL);
	struct buf out;
	assert_non_null(p);
	buf_init(&out, SUMMARY_MAX);
	mime_parser_feed(p, s->jobs[m->lease - 1].body);
	assert_true(summary_write(mime_parser_end(p), &out));
	courier_store_structure_answer(call, &(struct courier_store_structure_reply){
						     .answer = s->no_structure
								       ? COURIER_STORE_ANSWER_LATER
								       : COURIER_STORE_ANSWER_YES,
						     .summary = buf_span(&out)});
	buf_free(&out);
	mime_parser_free(p);
}

static const struct courier_store_at_store store_handlers = {.lease = on_lease,
							     .body = on_body,
							     .structure = on_structure,
							     .settle = on_settle,
							     .report = on_report,
							     .send = on_send,
							     .note_put = on_note_put,
							     .note_get = on_note_get,
							     .notes = on_notes};

/* ---- the scene ------------------------------------------------------------- */

/* Of a channel that is gone. */
static void drop_waiting(struct scene *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->waiting); i++)
		if (s->waiting[i] != NULL)
			ipc_refuse(s->waiting[i], IPC_BUSY); /* into nothing */
	memset(s->waiting, 0, sizeof s->waiting);
}

void scene_join(struct scene *s)
{
	const struct ipc_owner owner = {.role = s};
	if (s->dialer != NULL)
		ipc_free(courier_dialer_ipc(s->dialer));
	if (s->store != NULL)
		ipc_free(courier_store_ipc(s->store));
	drop_waiting(s);
	s->dialer = courier_dialer_join_dialer(
		house_link(s->courier, HOP_COURIER_DIALER, KIND_DIALER), &owner, &dialer_handlers);
	s->store = courier_store_join_store(house_link(s->courier, HOP_COURIER_STORE, KIND_STORE),
					    &owner, &store_handlers);
}

struct scene *scene_new(const char *conf)
{
	struct scene *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->tlsa = COURIER_DIALER_TRUST_INSECURE;
	s->house = house_new(7, conf);
	sim_wall_set(house_world(s->house), (struct wall){1800000000, 0});
	buf_init(&s->reports, 1u << 24);
	s->courier = house_raise(s->house, &courier_role, KIND_COURIER);
	scene_join(s);
	assert_true(house_activate(s->courier));
	return s;
}

static void wipe(struct server *s)
{
	if (s != NULL) {
		buf_free(&s->heard);
		buf_free(&s->data);
	}
}

void scene_free(struct scene *s)
{
	house_fall(s->courier);
	house_run(s->house, 10);
	ipc_free(courier_store_ipc(s->store));
	ipc_free(courier_dialer_ipc(s->dialer));
	if (s->guest != NULL)
		ipc_free(s->guest);
	drop_waiting(s);
	for (size_t i = 0; i < s->zone_count; i++)
		wipe(s->zone[i].server);
	wipe(s->fixed);
	house_free(s->house);
	buf_free(&s->reports);
	free(s);
}

static void listen_to(struct server *s)
{
	if (s != NULL && s->heard.limit == 0) {
		buf_init(&s->heard, 1u << 24);
		buf_init(&s->data, 1u << 24);
	}
}

void scene_job(struct scene *s, const struct test_job *j)
{
	struct test_job *to = &s->jobs[s->job_count++];
	*to = *j;
	if (to->sender == NULL)
		to->sender = "alice@us.example";
	if (to->destination == NULL)
		to->destination = "there.example";
	if (to->recipients[0] == NULL)
		to->recipients[0] = "bob@there.example";
	if (to->prefix.len == 0)
		to->prefix = SPAN("Received: from somewhere\r\n");
	if (to->body.len == 0)
		to->body = SPAN("Subject: x\r\n\r\nhello\r\n");
	listen_to(s->fixed);
	for (size_t i = 0; i < s->zone_count; i++)
		listen_to(s->zone[i].server);
	for (size_t i = 0; i < ARRAY_LEN(s->waiting); i++)
		if (s->waiting[i] != NULL) {
			struct ipc_call *call = s->waiting[i];
			s->waiting[i] = NULL;
			hand_out(s, call);
			return;
		}
}

void scene_run(struct scene *s, size_t settled)
{
	s->want = settled;
	s->reached = s->settled_count >= settled;
	assert_true(house_until(s->house, &s->reached, 3600 * 1000));
}
