/* SPDX-License-Identifier: Apache-2.0 */
/* The scripts of store, dialer and fetch. */
#include "peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/over_os.h"
#include "os/sock.h"

#define STEPS_MAX 10000000u

/* ---- the store ---------------------------------------------------------------- */

struct peers_note *peers_note(struct peers *p, enum courier_store_note kind, const char *name)
{
	for (size_t i = 0; i < PEERS_NOTES; i++)
		if (p->notes[i].value != NULL && p->notes[i].kind == kind &&
		    strcmp(p->notes[i].name, name) == 0)
			return &p->notes[i];
	return NULL;
}

static void text_of(char *out, size_t cap, struct span s)
{
	assert_true(s.len < cap);
	memcpy(out, s.ptr, s.len);
	out[s.len] = '\0';
}

static char *copy_of(struct span s)
{
	char *copy = malloc(s.len + 1);

	assert_non_null(copy);
	memcpy(copy, s.len > 0 ? s.ptr : "", s.len);
	copy[s.len] = '\0';
	return copy;
}

static enum courier_store_answer put(struct peers *p, const struct courier_store_note_put *m)
{
	char name[321];
	struct peers_note *n;

	text_of(name, sizeof name, m->name);
	n = peers_note(p, m->kind, name);
	if (n != NULL)
		free(n->value);
	if (n != NULL)
		n->value = NULL;
	if (m->value.len == 0)
		return COURIER_STORE_ANSWER_YES;
	for (size_t i = 0; n == NULL && i < PEERS_NOTES; i++)
		if (p->notes[i].value == NULL)
			n = &p->notes[i];
	if (n == NULL)
		return COURIER_STORE_ANSWER_LIMIT;
	n->kind = m->kind;
	(void)snprintf(n->name, sizeof n->name, "%s", name);
	n->value = copy_of(m->value);
	n->len = m->value.len;
	return COURIER_STORE_ANSWER_YES;
}

static void on_note_put(void *ctx, struct ipc_call *call, const struct courier_store_note_put *m)
{
	struct peers *p = ctx;
	struct courier_store_note_put_reply rep = {.answer = COURIER_STORE_ANSWER_LATER};

	p->puts++;
	if (!p->store_fails)
		rep.answer = put(p, m);
	assert_true(courier_store_note_put_answer(call, &rep));
}

static void on_note_get(void *ctx, struct ipc_call *call, const struct courier_store_note_get *m)
{
	struct peers *p = ctx;
	struct courier_store_note_get_reply rep = {.answer = COURIER_STORE_ANSWER_NONE};
	char name[321];

	text_of(name, sizeof name, m->name);
	struct peers_note *n = peers_note(p, m->kind, name);
	p->gets++;
	if (n != NULL)
		rep = (struct courier_store_note_get_reply){.answer = COURIER_STORE_ANSWER_YES,
							    .value = span_of(n->value, n->len)};
	if (p->store_fails)
		rep = (struct courier_store_note_get_reply){.answer = COURIER_STORE_ANSWER_LATER};
	assert_true(courier_store_note_get_answer(call, &rep));
}

/* The smallest name behind `after`. */
static struct peers_note *next_note(struct peers *p, enum courier_store_note kind,
				    const char *after)
{
	struct peers_note *best = NULL;

	for (size_t i = 0; i < PEERS_NOTES; i++) {
		struct peers_note *n = &p->notes[i];
		if (n->value != NULL && n->kind == kind && strcmp(n->name, after) > 0 &&
		    (best == NULL || strcmp(n->name, best->name) < 0))
			best = n;
	}
	return best;
}

static void on_notes(void *ctx, struct ipc_call *call, const struct courier_store_notes *m)
{
	struct peers *p = ctx;
	struct span names[100];
	struct courier_store_notes_reply rep = {.answer = COURIER_STORE_ANSWER_YES,
						.names = names};
	char after[321];
	struct peers_note *n;

	text_of(after, sizeof after, m->after);
	while ((n = next_note(p, m->kind, after)) != NULL && rep.names_count < 100) {
		names[rep.names_count++] = span_cstr(n->name);
		(void)snprintf(after, sizeof after, "%s", n->name);
	}
	rep.more = n != NULL;
	if (p->store_fails)
		rep = (struct courier_store_notes_reply){.answer = COURIER_STORE_ANSWER_LATER};
	assert_true(courier_store_notes_answer(call, &rep));
}

static void keep_sent(struct peers *p, struct span to, struct span sender, struct span media,
		      struct span body)
{
	assert_true(p->sent_count < PEERS_SENT);
	struct peers_sent *s = &p->sent[p->sent_count++];
	text_of(s->to, sizeof s->to, to);
	text_of(s->sender, sizeof s->sender, sender);
	text_of(s->media, sizeof s->media, media);
	s->body = copy_of(body);
	s->len = body.len;
}

static void on_send(void *ctx, struct ipc_call *call, const struct courier_store_send *m)
{
	struct peers *p = ctx;
	struct courier_store_send_reply rep = {.answer = p->send_answer};

	if (p->send_answer == COURIER_STORE_ANSWER_YES)
		keep_sent(p, m->recipient, m->sender, SPAN("mail"), m->body);
	assert_true(courier_store_send_answer(call, &rep));
}

static void on_lease(void *ctx, struct ipc_call *call, const struct courier_store_lease *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static void on_body(void *ctx, struct ipc_call *call, const struct courier_store_body *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static void on_structure(void *ctx, struct ipc_call *call,
			 const struct courier_store_structure *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static void on_settle(void *ctx, struct ipc_call *call, const struct courier_store_settle *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static void on_report(void *ctx, struct ipc_call *call, const struct courier_store_report *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static const struct courier_store_at_store at_store = {.lease = on_lease,
						       .body = on_body,
						       .structure = on_structure,
						       .settle = on_settle,
						       .report = on_report,
						       .send = on_send,
						       .note_put = on_note_put,
						       .note_get = on_note_get,
						       .notes = on_notes};

/* ---- the dialer ------------------------------------------------------------------- */

struct peers_page *peers_page(struct peers *p, const char *name)
{
	for (size_t i = 0; i < PEERS_PAGES; i++)
		if (p->pages[i].name != NULL && strcmp(p->pages[i].name, name) == 0)
			return &p->pages[i];
	return NULL;
}

static struct peers_page *page_of(struct peers *p, struct span name)
{
	char text[2049];

	text_of(text, sizeof text, name);
	return peers_page(p, text);
}

static void on_txt(void *ctx, struct ipc_call *call, const struct courier_dialer_txt *m)
{
	struct peers_page *page = page_of(ctx, m->name);
	struct span records[3];
	struct courier_dialer_txt_reply rep = {.trust = COURIER_DIALER_TRUST_INSECURE,
					       .records = records};

	if (page != NULL) {
		rep.trust = page->trust;
		page->asked++;
		while (rep.records_count < 3 && page->txt[rep.records_count] != NULL) {
			records[rep.records_count] = span_cstr(page->txt[rep.records_count]);
			rep.records_count++;
		}
		rep.found = rep.records_count > 0;
	}
	assert_true(courier_dialer_txt_answer(call, &rep));
}

static void on_mx(void *ctx, struct ipc_call *call, const struct courier_dialer_mx *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static void on_addresses(void *ctx, struct ipc_call *call, const struct courier_dialer_addresses *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static void on_tlsa(void *ctx, struct ipc_call *call, const struct courier_dialer_tlsa *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static void on_connect(void *ctx, struct ipc_call *call, const struct courier_dialer_connect *m)
{
	(void)ctx, (void)m;
	ipc_refuse(call, IPC_BUSY);
}

static const struct courier_dialer_at_dialer at_dialer = {.mx = on_mx,
							  .addresses = on_addresses,
							  .tlsa = on_tlsa,
							  .txt = on_txt,
							  .connect = on_connect};

/* ---- fetch -------------------------------------------------------------------------- */

struct late {
	struct timer timer;
	struct ipc_call *call;
	struct peers_page *page;
};

static void answer_get(struct ipc_call *call, const struct peers_page *page)
{
	struct courier_fetch_get_reply rep = {.outcome = COURIER_FETCH_OUTCOME_UNREACHABLE,
					      .why = SPAN("nobody is there")};

	if (page != NULL) {
		rep.outcome = page->outcome;
		rep.why = SPAN("");
		if (page->outcome == COURIER_FETCH_OUTCOME_ANSWERED) {
			rep.status = (uint16_t)page->status;
			rep.media = page->media != NULL ? span_cstr(page->media)
							: SPAN("text/plain");
			rep.body = span_cstr(page->body);
		}
	}
	(void)courier_fetch_get_answer(call, &rep); /* who asked may have gone */
}

static void late_answer(struct timer *t)
{
	struct late *l = t->arg;

	answer_get(l->call, l->page);
	free(l);
}

static void on_get(void *ctx, struct ipc_call *call, const struct courier_fetch_get *m)
{
	struct peers *p = ctx;
	struct peers_page *page = page_of(p, m->host);
	struct late *l;

	assert_true(span_eq(m->path, SPAN("/.well-known/mta-sts.txt")));
	if (page != NULL)
		page->asked++;
	if (page == NULL || page->delay_ms == 0) {
		answer_get(call, page);
		return;
	}
	l = calloc(1, sizeof *l);
	assert_non_null(l);
	ipc_keep(call);
	l->call = call;
	l->page = page;
	assert_true(timer_start(p->loop, &l->timer,
				loop_now(p->loop) + page->delay_ms * NS_PER_MS, late_answer, l));
}

static void on_post(void *ctx, struct ipc_call *call, const struct courier_fetch_post *m)
{
	struct peers *p = ctx;
	struct peers_page *page = page_of(p, m->url);
	struct courier_fetch_post_reply rep = {.outcome = COURIER_FETCH_OUTCOME_UNREACHABLE};

	if (page != NULL) {
		page->asked++;
		rep.outcome = page->outcome;
		rep.status = (uint16_t)page->status;
		if (page->outcome == COURIER_FETCH_OUTCOME_ANSWERED && page->status / 100 == 2)
			keep_sent(p, m->url, SPAN(""), m->media, m->body);
	}
	assert_true(courier_fetch_post_answer(call, &rep));
}

static const struct courier_fetch_at_fetch at_fetch = {.get = on_get, .post = on_post};

/* ---- all of it ---------------------------------------------------------------------- */

static void pair(struct peers *p, struct ipc_link *out[2])
{
	int fds[2];

	assert_int_equal(sock_packet_pair(p->world, fds), OS_OK);
	out[0] = ipc_link_os(p->loop, fds[0]);
	out[1] = ipc_link_os(p->loop, fds[1]);
	assert_true(out[0] != NULL && out[1] != NULL);
}

void peers_new(struct peers *p, uint64_t seed)
{
	const struct ipc_owner owner = {.role = p};
	struct ipc_link *l[2];

	*p = (struct peers){.world = world_sim(seed)};
	p->loop = loop_new(p->world);
	assert_non_null(p->loop);
	pair(p, l);
	p->store = courier_store_join_courier(l[0], &owner);
	p->at_store = courier_store_join_store(l[1], &owner, &at_store);
	pair(p, l);
	p->dialer = courier_dialer_join_courier(l[0], &owner);
	p->at_dialer = courier_dialer_join_dialer(l[1], &owner, &at_dialer);
	pair(p, l);
	p->fetch = courier_fetch_join_courier(l[0], &owner);
	p->at_fetch = courier_fetch_join_fetch(l[1], &owner, &at_fetch);
	peers_run(p, 1);
}

void peers_free(struct peers *p)
{
	ipc_free(courier_store_ipc(p->store));
	ipc_free(courier_dialer_ipc(p->dialer));
	ipc_free(courier_fetch_ipc(p->fetch));
	ipc_free(courier_store_ipc(p->at_store));
	ipc_free(courier_dialer_ipc(p->at_dialer));
	ipc_free(courier_fetch_ipc(p->at_fetch));
	peers_run(p, 3600);
	for (size_t i = 0; i < PEERS_NOTES; i++)
		free(p->notes[i].value);
	for (size_t i = 0; i < p->sent_count; i++)
		free(p->sent[i].body);
	assert_int_equal(fiber_count(p->loop), 0);
	loop_free(p->loop);
	assert_int_equal(sim_open(p->world), 0);
	world_free(p->world);
}

void peers_run(struct peers *p, uint64_t seconds)
{
	enum sim_end end = sim_run(p->world, world_now(p->world) + seconds * NS_PER_SEC, STEPS_MAX);

	assert_int_not_equal(end, SIM_STEPS);
}

struct doing {
	fiber_fn *fn;
	void *arg;
	bool done;
};

static void do_it(void *arg)
{
	struct doing *d = arg;

	d->fn(d->arg);
	d->done = true;
}

void peers_do(struct peers *p, fiber_fn *fn, void *arg)
{
	struct doing d = {.fn = fn, .arg = arg};

	assert_non_null(fiber_start(p->loop, do_it, &d));
	for (int i = 0; i < 36000 && !d.done; i++)
		(void)sim_run(p->world, world_now(p->world) + 100 * NS_PER_MS, STEPS_MAX);
	assert_true(d.done);
}
