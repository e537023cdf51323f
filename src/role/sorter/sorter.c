/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/sorter - understands messages, and holds nothing else.
 *
 * Rights: its channels.  Each request is one fiber: the message is read once,
 * its summary made, and for submission the edits worked out.  Nothing is kept
 * between two messages but opened charsets.
 *
 * Must never name an account, a mailbox or a file: its answers are about the
 * bytes that it was given.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/utf8.h"
#include "mime/address.h"
#include "mime/match.h"
#include "mime/order.h"
#include "mime/parse.h"
#include "mime/submit.h"
#include "mime/trace.h"
#include "os/fiber.h"
#include "rewrite/rewrite.h"
#include "role/common/role.h"
#include "role/sorter/message.h"
#include "role/sorter/role.h"
#include "role/sorter/terms.h"
#include "wire/store_sorter.h"

#define CHANNELS_MAX  8u
#define WORK_MAX      (16u << 20) /* memory for one message's answer */
#define AUTHORS_MAX   16u
#define DELIVERED_MAX 16u
#define AGAIN_NS      (10 * NS_PER_SEC) /* between two wishes for a successor */

struct sorter;

struct client {
	struct sorter *sorter;
	struct role_peer peer;
	struct store_sorter *channel;
	bool left; /* it sends no more */
	struct store_sorter_leaving_reply reply;
};

struct sorter {
	struct role *role;
	struct mime_charsets *charsets;
	struct client clients[CHANNELS_MAX];
	const struct conf *conf;
	struct timer worn;
	bool retiring;
	size_t jobs;
	struct arena *answers; /* of leaving */
	uint8_t secret[SIPHASH_KEY];
	uint64_t began, seen, understood, not_understood, matched, listed;
};

struct job {
	struct sorter *sorter;
	struct ipc_call *call;
	const struct store_sorter_understand *ask;
	const struct store_sorter_match *match;
	const struct store_sorter_terms *terms;
	const struct store_sorter_order *order_ask;
	struct message message;
	struct arena *arena;
	struct buf header, summary, order;
	struct mime_edit edit;
	struct span authors[AUTHORS_MAX], delivered[DELIVERED_MAX];
	struct store_sorter_cut cuts[MIME_CUTS_MAX];
};

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE, .max_fds = 512};
}

/* ---- one message ---------------------------------------------------------- */

/* The header block, at most MIME_HEADER_BLOCK_MAX; longer ones are cut there. */
static void read_header(struct job *j)
{
	while (buf_len(&j->header) < MIME_HEADER_BLOCK_MAX) {
		struct span piece = message_next(&j->message);
		size_t seen = buf_len(&j->header);
		if (piece.len == 0)
			break;
		buf_add(&j->header, span_sub(piece, 0,
					     MIME_HEADER_BLOCK_MAX - seen));
		struct span fresh = span_skip(buf_span(&j->header),
					      seen > 3 ? seen - 3 : 0);
		if (span_find_span(fresh, SPAN("\r\n\r\n")) != SIZE_MAX)
			break;
	}
	message_rewind(&j->message);
}

static bool becomes(const void *rules, bool sender, struct span address,
		    struct buf *out)
{
	return rewrite_address(rules,
			       sender ? REWRITE_SENDER : REWRITE_SHOWN_RECIPIENT,
			       address, out);
}

static enum store_sorter_answer work_out_edit(struct job *j)
{
	const struct conf_rewrite *rules = &j->sorter->conf->rewrite;
	const struct mime_rewriting rewriting = {rules, becomes};
	struct mime_submit s = {.login = j->ask->login, .date = j->ask->now};
	if (rewrite_any(rules))
		s.rewriting = &rewriting;
	s.message_id = arena_printf(j->arena, "<%.*s@%.*s>",
				    SPAN_FMT(j->ask->id),
				    SPAN_FMT(j->ask->hostname));
	switch (mime_submit(buf_span(&j->header), &s, j->arena, &j->edit)) {
	case MIME_SUBMIT_OK:
		return STORE_SORTER_ANSWER_UNDERSTOOD;
	case MIME_SUBMIT_MEMORY:
		return STORE_SORTER_ANSWER_LATER;
	case MIME_SUBMIT_TOO_MUCH:
		break;
	}
	return STORE_SORTER_ANSWER_TOO_MUCH;
}

/* What stands between the cuts of this piece goes to the parser. */
static void feed_kept(struct job *j, struct mime_parser *p, struct span piece,
		      uint64_t at, size_t *cut)
{
	while (piece.len > 0) {
		uint64_t keep = piece.len;
		uint64_t skip = 0;
		while (*cut < j->edit.cut_count && j->edit.cuts[*cut].to <= at)
			(*cut)++;
		if (*cut < j->edit.cut_count) {
			const struct mime_cut *c = &j->edit.cuts[*cut];
			keep = c->from > at ? u64_min(c->from - at, keep) : 0;
			if (keep < piece.len)
				skip = u64_min(c->to - (at + keep),
					       piece.len - keep);
		}
		mime_parser_feed(p, span_sub(piece, 0, (size_t)keep));
		piece = span_skip(piece, (size_t)(keep + skip));
		at += keep + skip;
	}
}

static enum store_sorter_answer make_summary(struct job *j)
{
	struct mime_parser *p = mime_parser_new(j->sorter->charsets);
	size_t cut = 0;
	if (p == NULL)
		return STORE_SORTER_ANSWER_LATER;
	mime_parser_feed(p, j->edit.prefix);
	for (;;) {
		uint64_t at = j->message.at;
		struct span piece = message_next(&j->message);
		if (piece.len == 0)
			break;
		feed_kept(j, p, piece, at, &cut);
	}
	struct summary *s = mime_parser_end(p);
	bool ordered = s != NULL && mime_order(j->sorter->charsets, s, &j->order);
	bool ok = ordered;
	if (ordered) {
		s->order = buf_span(&j->order);
		ok = summary_write(s, &j->summary);
	}
	bool is_short = mime_parser_short(p) || buf_short(&j->summary) ||
			(s != NULL && !ordered);
	mime_parser_free(p);
	if (is_short || message_failed(&j->message))
		return STORE_SORTER_ANSWER_LATER;
	return ok && buf_ok(&j->summary) ? STORE_SORTER_ANSWER_UNDERSTOOD
					 : STORE_SORTER_ANSWER_NOT_UNDERSTOOD;
}

/* False: memory is short. */
static bool list_authors(struct job *j, struct store_sorter_understand_reply *r)
{
	struct buf text;
	buf_init(&text, 320);
	for (size_t i = 0; i < j->edit.from.count; i++) {
		const struct summary_address *a = &j->edit.from.at[i];
		if (a->host.ptr == NULL || r->authors_count == AUTHORS_MAX)
			continue;
		buf_clear(&text);
		mime_address_write(a, &text);
		if (buf_ok(&text) &&
		    arena_copy(j->arena, buf_span(&text),
			       &j->authors[r->authors_count]))
			r->authors_count++;
	}
	bool ok = !buf_short(&text) && !arena_short(j->arena);
	buf_free(&text);
	r->authors = j->authors;
	r->from_fields = (uint16_t)size_min(j->edit.from_fields, UINT16_MAX);
	return ok;
}

static void list_trace(struct job *j, struct store_sorter_understand_reply *r)
{
	struct span rest = buf_span(&j->header);
	struct mime_field f;
	size_t at = 0;
	while (mime_field_next(&rest, &at, &f)) {
		if (span_eq_nocase(f.name, SPAN("received")))
			r->received++;
		if (!span_eq_nocase(f.name, SPAN("delivered-to")) ||
		    r->delivered_to_count == DELIVERED_MAX)
			continue;
		struct span v = span_trim(f.value);
		if (v.len <= 320 && utf8_valid(v) && !span_has(v, '\0'))
			j->delivered[r->delivered_to_count++] = v;
	}
	r->delivered_to = j->delivered;
	r->tls_optional = mime_trace_tls_optional(buf_span(&j->header));
}

static void list_cuts(struct job *j, struct store_sorter_understand_reply *r)
{
	for (size_t i = 0; i < j->edit.cut_count; i++)
		j->cuts[i] = (struct store_sorter_cut){
			.offset = j->edit.cuts[i].from,
			.length = j->edit.cuts[i].to - j->edit.cuts[i].from};
	r->cuts = j->cuts;
	r->cuts_count = j->edit.cut_count;
	r->prefix = j->edit.prefix;
}

static void understand(struct job *j, struct store_sorter_understand_reply *r)
{
	*r = (struct store_sorter_understand_reply){
		.answer = STORE_SORTER_ANSWER_LATER};
	read_header(j);
	if (buf_short(&j->header) || message_failed(&j->message))
		return;
	list_trace(j, r);
	if (j->ask->purpose == STORE_SORTER_PURPOSE_SUBMIT) {
		enum store_sorter_answer a = work_out_edit(j);
		if (a == STORE_SORTER_ANSWER_UNDERSTOOD && !list_authors(j, r))
			a = STORE_SORTER_ANSWER_LATER;
		if (a != STORE_SORTER_ANSWER_UNDERSTOOD) {
			r->answer = a;
			return;
		}
		list_cuts(j, r);
	}
	r->answer = make_summary(j);
	if (r->answer == STORE_SORTER_ANSWER_UNDERSTOOD)
		r->summary = buf_span(&j->summary);
}

static void look_whether_done(struct sorter *s);

static void job_free(struct job *j)
{
	struct sorter *s = j->sorter;
	message_close(&j->message);
	buf_free(&j->header);
	buf_free(&j->summary);
	buf_free(&j->order);
	arena_free(j->arena);
	free(j);
	s->jobs--;
	look_whether_done(s);
}

static void understand_fiber(void *arg)
{
	struct job *j = arg;
	struct store_sorter_understand_reply r;
	understand(j, &r);
	if (r.answer == STORE_SORTER_ANSWER_UNDERSTOOD)
		j->sorter->understood++;
	else
		j->sorter->not_understood++;
	store_sorter_understand_answer(j->call, &r);
	job_free(j);
}

/* ---- search --------------------------------------------------------------- */

static struct mime_needle needle_of(const struct store_sorter_needle *n)
{
	struct mime_needle out = {.text = n->text};
	if (n->name.len > 0) {
		out.where = MIME_IN_FIELD;
		out.field = n->name;
	} else {
		out.where = n->whole ? MIME_IN_TEXT : MIME_IN_BODY;
	}
	return out;
}

/* The Date field's day where it was written. */
static void set_day(const struct summary *s, struct store_sorter_match_reply *r)
{
	const struct summary_envelope *e = s->parts[0].envelope;
	struct civil_stamp t;
	if (e == NULL || !civil_parse_rfc5322(e->date, &t))
		return;
	int64_t local = t.seconds + t.zone * 60;
	r->day = local / 86400 - (local % 86400 < 0);
	r->has_day = true;
}

static enum store_sorter_answer match(struct job *j, struct store_sorter_match_reply *r)
{
	struct mime_needle needles[MIME_NEEDLES_MAX];
	struct summary *s = NULL;
	size_t n = j->match->needles_count;
	for (size_t i = 0; i < n; i++)
		needles[i] = needle_of(&j->match->needles[i]);
	if (summary_read(j->match->summary, j->match->size, j->arena, &s) !=
	    SUMMARY_OK)
		return arena_short(j->arena)
			       ? STORE_SORTER_ANSWER_LATER
			       : STORE_SORTER_ANSWER_NOT_UNDERSTOOD;
	set_day(s, r);
	if (n == 0)
		return STORE_SORTER_ANSWER_UNDERSTOOD; /* the day was all */
	struct mime_match *m =
		mime_match_new(j->sorter->charsets, s, needles, n);
	/* NULL for too many or too long needles, too: neither comes here. */
	if (m == NULL)
		return STORE_SORTER_ANSWER_LATER;
	for (;;) {
		struct span piece = message_next(&j->message);
		if (piece.len == 0 || mime_match_feed(m, piece))
			break;
	}
	r->hits = mime_match_end(m);
	bool is_short = mime_match_short(m) || message_failed(&j->message);
	mime_match_free(m);
	return is_short ? STORE_SORTER_ANSWER_LATER
			: STORE_SORTER_ANSWER_UNDERSTOOD;
}

static void match_fiber(void *arg)
{
	struct job *j = arg;
	struct store_sorter_match_reply r = {0};
	r.answer = match(j, &r);
	j->sorter->matched++;
	store_sorter_match_answer(j->call, &r);
	job_free(j);
}

static void terms_fiber(void *arg)
{
	struct job *j = arg;
	struct store_sorter_terms_reply r;
	message_terms(&j->message, j->terms, j->sorter->charsets, j->sorter->secret,
		      j->arena, &r);
	j->sorter->listed++;
	store_sorter_terms_answer(j->call, &r);
	job_free(j);
}

/* ---- order ------------------------------------------------------------------ */

/* A message that cannot be understood has a record without keys. */
static bool one_record(struct job *j, const struct store_sorter_described *d, struct span *out)
{
	static const struct summary_order none = {0};
	struct summary *s;
	buf_clear(&j->order);
	bool ok = summary_read(d->summary, d->size, j->arena, &s) == SUMMARY_OK
			  ? mime_order(j->sorter->charsets, s, &j->order)
			  : !arena_short(j->arena) && summary_order_write(&none, &j->order);
	return ok && arena_copy(j->arena, buf_span(&j->order), out);
}

static void order_fiber(void *arg)
{
	struct job *j = arg;
	struct store_sorter_order_reply r = {.answer = STORE_SORTER_ANSWER_LATER};
	struct span *records = ARENA_ARRAY(j->arena, j->order_ask->items_count + 1, struct span);
	size_t i = 0;
	while (records != NULL && i < j->order_ask->items_count &&
	       one_record(j, &j->order_ask->items[i], &records[i]))
		i++;
	if (records != NULL && i == j->order_ask->items_count) {
		r.answer = STORE_SORTER_ANSWER_UNDERSTOOD;
		r.records = records;
		r.records_count = i;
	}
	store_sorter_order_answer(j->call, &r);
	job_free(j);
}

/* ---- a successor ----------------------------------------------------------- */

/*
 * What one message may have done to this process shall not reach many others:
 * after some messages, or some time, the next process takes over.
 */
static void say_worn(struct timer *t)
{
	struct sorter *s = t->arg;
	uint64_t wait = AGAIN_NS;
	if (s->seen > 0)
		role_worn(s->role, false);
	else
		wait = s->conf->processes.sorter_age * NS_PER_SEC;
	(void)!timer_start(s->role->loop, &s->worn,
			   loop_now(s->role->loop) + wait, say_worn, s);
}

static void count_one(struct sorter *s)
{
	uint64_t most = s->conf->processes.sorter_messages;
	if (++s->seen == most && !s->retiring) {
		s->worn.arg = s;
		say_worn(&s->worn);
	}
}

static void watch_age(struct sorter *s)
{
	uint64_t age = s->conf->processes.sorter_age;
	uint64_t most = s->conf->processes.sorter_messages;
	if (s->retiring || (most != 0 && s->seen >= most))
		return;
	timer_stop(&s->worn);
	if (age != 0)
		(void)!timer_start(s->role->loop, &s->worn,
				   s->began + age * NS_PER_SEC, say_worn, s);
}

/* All stores have said that they send no more, and all is answered. */
static void look_whether_done(struct sorter *s)
{
	if (!s->retiring || s->jobs > 0)
		return;
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (s->clients[i].channel != NULL && !s->clients[i].left)
			return;
	role_retired(s->role);
}

static void on_left(void *ctx, enum ipc_result r)
{
	struct client *c = ctx;
	c->left = r == IPC_OK;
	look_whether_done(c->sorter);
}

static void retire(void *self)
{
	struct sorter *s = self;
	s->retiring = true;
	timer_stop(&s->worn);
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct client *c = &s->clients[i];
		if (c->channel != NULL &&
		    store_sorter_leaving_start(
			    c->channel, &(struct store_sorter_leaving){0},
			    s->answers, &c->reply, IPC_NEVER, on_left, c) !=
			    IPC_OK)
			c->left = true; /* it is about to die */
	}
	look_whether_done(s);
}

/* ---- requests ------------------------------------------------------------ */

/* NULL: refused for load.  The descriptor is taken in any case. */
static struct job *job_new(struct client *c, struct ipc_call *call,
			   uint64_t size, struct span body, int file)
{
	struct loop *loop = c->sorter->role->loop;
	struct job *j = calloc(1, sizeof *j);
	if (j != NULL)
		j->arena = arena_new(WORK_MAX);
	if (j == NULL || j->arena == NULL ||
	    !message_open(&j->message, loop, size, body, file)) {
		world_close(c->sorter->role->world, file);
		if (j != NULL)
			arena_free(j->arena);
		free(j);
		ipc_refuse(call, IPC_BUSY);
		return NULL;
	}
	j->sorter = c->sorter;
	j->sorter->jobs++;
	count_one(j->sorter);
	j->call = call;
	buf_init(&j->header, MIME_HEADER_BLOCK_MAX);
	buf_init(&j->summary, SUMMARY_MAX);
	buf_init(&j->order, SUMMARY_ORDER_MAX);
	ipc_keep(call);
	return j;
}

static void job_start(struct job *j, fiber_fn *fn)
{
	if (fiber_start(j->sorter->role->loop, fn, j) != NULL)
		return;
	ipc_refuse(j->call, IPC_BUSY);
	job_free(j);
}

static void on_understand(void *ctx, struct ipc_call *call,
			  const struct store_sorter_understand *m)
{
	struct job *j = job_new(ctx, call, m->size, m->body,
				m->has_file ? m->file : -1);
	if (j == NULL)
		return;
	j->ask = m;
	job_start(j, understand_fiber);
}

static void on_match(void *ctx, struct ipc_call *call,
		     const struct store_sorter_match *m)
{
	struct job *j = job_new(ctx, call, m->size, m->body,
				m->has_file ? m->file : -1);
	if (j == NULL)
		return;
	j->match = m;
	job_start(j, match_fiber);
}

static void on_terms(void *ctx, struct ipc_call *call,
		     const struct store_sorter_terms *m)
{
	struct job *j = job_new(ctx, call, m->size, m->body,
				m->has_file ? m->file : -1);
	if (j == NULL)
		return;
	j->terms = m;
	job_start(j, terms_fiber);
}

static void on_order(void *ctx, struct ipc_call *call,
		     const struct store_sorter_order *m)
{
	struct job *j = job_new(ctx, call, 0, span_of(NULL, 0), -1);
	if (j == NULL)
		return;
	j->order_ask = m;
	job_start(j, order_fiber);
}

static const struct store_sorter_at_sorter handlers = {
	.understand = on_understand,
	.match = on_match,
	.terms = on_terms,
	.order = on_order,
};

/* ---- channels and life ------------------------------------------------------ */

static void client_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct client *cl = ctx;
	cl->channel = NULL;
	role_peer_dead(cl->sorter->role, &cl->peer, c, reason);
	look_whether_done(cl->sorter);
}

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct sorter *s = self;
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct client *c = &s->clients[i];
		if (c->channel != NULL)
			continue;
		*c = (struct client){.sorter = s, .peer = *peer};
		struct ipc_owner owner = {.role = c, .dead = client_dead};
		c->channel = store_sorter_join_sorter(link, &owner, &handlers);
		return;
	}
	link->ops->close(link);
	link->ops->free(link);
}

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct sorter *s = calloc(1, sizeof *s);
	if (s != NULL) {
		s->charsets = mime_charsets_open();
		s->answers = arena_new(4096);
	}
	if (s == NULL || s->charsets == NULL || s->answers == NULL) {
		buf_add(why, SPAN("memory is short"));
		if (s != NULL) {
			mime_charsets_close(s->charsets);
			arena_free(s->answers);
		}
		free(s);
		return NULL;
	}
	s->role = role;
	s->conf = conf;
	s->began = loop_now(role->loop);
	world_random(role->world, s->secret, sizeof s->secret);
	return s;
}

static void destroy(void *self)
{
	struct sorter *s = self;
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (s->clients[i].channel != NULL)
			ipc_free(store_sorter_ipc(s->clients[i].channel));
	timer_stop(&s->worn);
	arena_free(s->answers);
	mime_charsets_close(s->charsets);
	free(s);
}

static bool start(void *self, struct buf *why)
{
	(void)why;
	watch_age(self);
	return true;
}

static void adopt(void *self, const struct conf *conf)
{
	struct sorter *s = self;
	s->conf = conf;
	watch_age(s);
}

static void status(void *self, struct buf *json)
{
	struct sorter *s = self;
	buf_printf(json,
		   "\"understood\":%llu,\"not_understood\":%llu,"
		   "\"matched\":%llu,\"listed\":%llu",
		   (unsigned long long)s->understood,
		   (unsigned long long)s->not_understood,
		   (unsigned long long)s->matched,
		   (unsigned long long)s->listed);
}

const struct role_def sorter_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.rights = rights,
	.start = start,
	.adopt = adopt,
	.retire = retire,
	.status = status,
};
