/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/tell: who is told what (dsn/rule), and the report itself.
 *
 * A report has to fit into one message to the store: as much of the original is
 * returned as there is room, and many recipients make several reports.
 *
 * Must never: write to a sender whom nobody proved, or about a report.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "base/hex.h"
#include "dsn/rule.h"
#include "role/courier/job.h"

#define REPORT_MAX 49152u /* of the schema */
#define ID_BYTES   10u

/* The front of the original that a report may return, tried in this order. */
static const uint32_t returned[] = {24576, 8192, 1024};

static enum dsn_event event_of(const struct job *j, const struct carried *c)
{
	const struct conf_destination *rule =
		courier_rule(j->courier, j->lease->destination);
	if (j->lease->work == COURIER_STORE_WORK_DELIVERED)
		return DSN_ON_DELIVERED;
	if (c->outcome.fate == COURIER_STORE_FATE_FAILED)
		return DSN_ON_FAILED;
	if (rule != NULL && rule->protocol == CONF_PROTOCOL_LMTP)
		return DSN_ON_DELIVERED;
	return c->handed ? DSN_ON_HANDED : DSN_ON_RELAYED;
}

static struct dsn_ruling rule(struct job *j, size_t i, enum dsn_event e)
{
	const struct courier_store_lease_reply *l = j->lease;
	int64_t now = world_wall(j->courier->role->world).sec;
	uint32_t notify = l->recipients[i].notify;
	/* A trace tells of each server that took it on (RFC 2852 4). */
	if ((l->by_mode & SMTP_BY_TRACE) != 0 && (notify & SMTP_NOTIFY_NEVER) == 0 &&
	    (e == DSN_ON_HANDED || e == DSN_ON_RELAYED)) {
		e = DSN_ON_RELAYED;
		notify |= SMTP_NOTIFY_SUCCESS;
	}
	/* So does a deadline that was to be told of. */
	if ((l->by_mode & SMTP_BY_NOTIFY) != 0 && (notify & SMTP_NOTIFY_NEVER) == 0 &&
	    e == DSN_ON_WAITING)
		notify |= SMTP_NOTIFY_DELAY;
	struct dsn_case facts = {
		.event = e,
		.null_sender = j->from.null,
		.proven = l->proven,
		.on_double = DSN_DOUBLE_HOLD,
		.notify = notify,
		.accepted = l->accepted,
		.now = now,
		/* When it is time the store has decided. */
		.delay_after = e == DSN_ON_WAITING && now > l->accepted ? 1 : 0,
	};
	struct dsn_ruling r = dsn_rule(&facts);
	if (e != DSN_ON_FAILED && r.what != DSN_DO_REPORT)
		return r;
	TELL(&j->story, "carry.report",
	     F("recipient", l->recipients[i].address),
	     F_CSTR("outcome", r.what == DSN_DO_REPORT ? "the sender is told"
			       : r.what == DSN_DO_HOLD ? "it is held"
						       : "nobody is told"),
	     F_CSTR("rule", dsn_rule_name(r.rule)));
	return r;
}

static struct dsn_recipient describe(const struct job *j, size_t i,
				     enum dsn_action action)
{
	const struct courier_store_recipient *r = &j->lease->recipients[i];
	const struct courier_store_outcome *o = &j->carried[i].outcome;
	struct dsn_recipient d = {.final = r->address,
				  .original = r->original,
				  .action = action,
				  .remote = o->host,
				  .reply = o->text,
				  .attempted = world_wall(j->courier->role->world).sec};
	if (action == DSN_DELAYED) {
		d.reply = r->reason;
		d.attempted = r->last;
		d.retry_until = j->lease->expires;
	}
	if (!dsn_status_parse(o->status, &d.status))
		d.status = (struct dsn_status){
			.kind = action == DSN_FAILED	? 5
				: action == DSN_DELAYED ? 4
							: 2};
	return d;
}

static enum dsn_result compose(struct job *j, const struct dsn_recipient *list,
			       size_t count, uint32_t most, struct buf *out)
{
	struct span host; /* a reload may come while the message is read */
	const struct courier_store_lease_reply *l = j->lease;
	uint8_t dice[ID_BYTES];
	struct buf id;
	buf_init(&id, 2 * ID_BYTES);
	world_random(j->courier->role->world, dice, sizeof dice);
	hex_encode(&id, span_of(dice, sizeof dice));
	bool ok = arena_copy(j->arena, j->courier->conf->hostname, &host);
	struct dsn_how how = {.host = host,
			      .id = buf_span(&id),
			      .now = world_wall(j->courier->role->world).sec,
			      .form = j->from.utf8 ? DSN_UTF8 : DSN_7BIT,
			      .return_max = most};
	struct dsn_letter letter = {
		.sender = l->sender,
		.envid = l->envid,
		.ret = (enum smtp_ret)(l->ret <= SMTP_RET_HDRS ? l->ret : 0),
		.arrived = l->accepted,
		/* One byte more than is returned whole: the header alone. */
		.size = u64_min(letter_size(j->letter), most + 1),
		.source = letter_ranges(j->letter)};
	struct dsn_made made;
	enum dsn_result r = ok && buf_ok(&id) ? dsn_write(&how, &letter, list, count,
						    out, &made)
					: DSN_MEMORY;
	buf_free(&id);
	return r;
}

static bool hand_in(struct job *j, enum courier_store_kind kind, uint32_t first,
		    struct span body)
{
	struct courier_store *store = job_store(j);
	struct courier_store_report m = {.lease = j->lease->lease,
					 .kind = kind,
					 .first = first,
					 .body = body};
	struct courier_store_report_reply rep;
	if (store == NULL ||
	    courier_store_report(store, &m, j->arena, &rep,
				 courier_within(j->courier, COURIER_STORE_NS)) !=
		    IPC_OK ||
	    rep.answer != COURIER_STORE_ANSWER_YES)
		return false;
	j->courier->counts.reports++;
	return true;
}

struct group {
	struct dsn_recipient *list;
	size_t *which; /* of the job's recipients */
	size_t count;
};

/* How many of the first were told; 0: none could be. */
static size_t tell_some(struct job *j, enum courier_store_kind kind,
			const struct group *g, size_t from)
{
	for (size_t n = size_min(g->count - from, DSN_RECIPIENTS_MAX); n > 0;
	     n /= 2)
		for (size_t i = 0; i < ARRAY_LEN(returned); i++) {
			struct buf out;
			buf_init(&out, REPORT_MAX);
			enum dsn_result r = compose(j, g->list + from, n,
						    returned[i], &out);
			bool told = r == DSN_OK &&
				    hand_in(j, kind,
					    j->lease->recipients[g->which[from]].n,
					    buf_span(&out));
			buf_free(&out);
			if (told)
				return n;
			if (r != DSN_MEMORY)
				return 0;
		}
	return 0;
}

/* Without its report a failure is not settled: it is due again, and told then. */
static void unsettle(struct job *j, const struct group *g, size_t from)
{
	for (size_t k = from; k < g->count; k++)
		j->carried[g->which[k]].settled = false;
	TELL(&j->story, "carry.untold",
	     F_CSTR("text", "the report could not be made or kept"));
}

static void tell_group(struct job *j, enum courier_store_kind kind,
		       const struct group *g)
{
	for (size_t at = 0; at < g->count;) {
		size_t n = tell_some(j, kind, g, at);
		if (n == 0) {
			if (kind == COURIER_STORE_KIND_FAILURE)
				unsettle(j, g, at);
			return;
		}
		at += n;
	}
}

static bool group_begin(struct job *j, struct group *g)
{
	*g = (struct group){
		.list = ARENA_ARRAY(j->arena, j->count + 1, struct dsn_recipient),
		.which = ARENA_ARRAY(j->arena, j->count + 1, size_t)};
	return g->list != NULL && g->which != NULL;
}

static void group_add(struct job *j, struct group *g, size_t i,
		      enum dsn_action action)
{
	g->list[g->count] = describe(j, i, action);
	g->which[g->count++] = i;
}

void tell_sender(struct job *j)
{
	struct group failed, done;
	if (!group_begin(j, &failed) || !group_begin(j, &done)) {
		for (size_t i = 0; i < j->count; i++)
			j->carried[i].settled &= j->carried[i].outcome.fate !=
						 COURIER_STORE_FATE_FAILED;
		return;
	}
	for (size_t i = 0; i < j->count; i++) {
		const struct carried *c = &j->carried[i];
		if (!c->settled || c->outcome.fate == COURIER_STORE_FATE_DEFERRED)
			continue;
		struct dsn_ruling r = rule(j, i, event_of(j, c));
		if (r.what == DSN_DO_HOLD)
			j->carried[i].outcome.fate = COURIER_STORE_FATE_HELD;
		if (r.what != DSN_DO_REPORT)
			continue;
		group_add(j, r.action == DSN_FAILED ? &failed : &done, i,
			  r.action);
	}
	tell_group(j, COURIER_STORE_KIND_FAILURE, &failed);
	tell_group(j, COURIER_STORE_KIND_SUCCESS, &done);
}

void tell_delay(struct job *j)
{
	struct group g;
	if (!group_begin(j, &g))
		return;
	for (size_t i = 0; i < j->count; i++) {
		struct dsn_ruling r = rule(j, i, DSN_ON_WAITING);
		if (r.what == DSN_DO_REPORT)
			group_add(j, &g, i, r.action);
	}
	tell_group(j, COURIER_STORE_KIND_DELAY, &g);
	/* Nothing of it is an outcome. */
	for (size_t i = 0; i < j->count; i++)
		j->carried[i].settled = false;
}
