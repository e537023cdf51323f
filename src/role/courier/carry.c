/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/carry: the life of a leased message, top to bottom.
 *
 * Must never: settle a recipient twice, or one about which nothing is known as
 * anything but due again.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "base/hex.h"
#include "role/courier/job.h"
#include "role/courier/visit.h"

#define TEXT_MAX 1024u
#define HOST_MAX 255u
#define SETTLE_PAUSE_NS NS_PER_SEC /* before it is said again */

bool carry_done(const struct job *j)
{
	for (size_t i = 0; i < j->count; i++)
		if (!j->carried[i].settled)
			return false;
	return true;
}

/* The class says what becomes of it, whatever the reason would be for good. */
static struct span status_of(struct job *j, const struct verdict *v)
{
	const char *rest = v->status + 1;
	char klass = v->failed ? '5' : '4';
	if (v->status[0] == klass)
		return span_cstr(v->status);
	struct span s = arena_printf(j->arena, "%c%s", klass, rest);
	return s.len > 0 ? s : v->failed ? SPAN("5.0.0") : SPAN("4.0.0");
}

void carry_verdict(struct job *j, const struct verdict *v)
{
	for (size_t i = 0; i < j->count; i++) {
		struct carried *r = &j->carried[i];
		if (r->settled)
			continue;
		r->settled = true;
		r->outcome.fate = v->failed ? COURIER_STORE_FATE_FAILED
					    : COURIER_STORE_FATE_DEFERRED;
		r->outcome.code = v->code;
		r->outcome.status = status_of(j, v);
		r->outcome.text = span_sub(v->text, 0, TEXT_MAX);
		r->outcome.host = span_sub(v->host, 0, HOST_MAX);
	}
	if (v->down && j->trouble.len == 0)
		j->trouble = v->text;
}

/* ---- the lease, as we need it ---------------------------------------------- */

/* Ours is a number; that of anybody else is in the words of the log alone. */
static uint64_t id_of(struct span text)
{
	uint64_t id = 0;
	return hex_u64(text, &id) ? id : 0;
}

static bool take_sender(struct job *j)
{
	if (j->lease->sender.len == 0) {
		j->from.null = true;
		return true;
	}
	return smtp_address_parse(j->lease->sender, &j->from) == SMTP_PATH_OK;
}

/* An address that the store has and we cannot read ends for itself. */
static void take_recipient(struct job *j, size_t i)
{
	const struct courier_store_recipient *r = &j->lease->recipients[i];
	struct smtp_rcpt *to = &j->to[i].rcpt;
	j->carried[i].outcome.n = r->n;
	to->notify = r->notify;
	to->orcpt = r->original;
	if (smtp_address_parse(r->address, &to->to) == SMTP_PATH_OK)
		return;
	j->carried[i].settled = true;
	j->carried[i].outcome = (struct courier_store_outcome){
		.n = r->n,
		.fate = COURIER_STORE_FATE_FAILED,
		.status = SPAN("5.1.3"),
		.text = SPAN("the address cannot be read")};
}

static bool take_lease(struct job *j)
{
	const struct courier_store_lease_reply *l = j->lease;
	j->to = ARENA_ARRAY(j->arena, l->recipients_count + 1,
			    struct smtp_destination);
	j->carried = ARENA_ARRAY(j->arena, l->recipients_count + 1,
				 struct carried);
	if (j->to == NULL || j->carried == NULL)
		return false;
	j->count = l->recipients_count;
	for (size_t i = 0; i < j->count; i++)
		take_recipient(j, i);
	j->letter = letter_new(j);
	if (j->letter == NULL)
		return false;
	if (!take_sender(j))
		carry_verdict(j, &(struct verdict){
					 .failed = true,
					 .status = "5.1.7",
					 .text = SPAN("the sender's address "
						      "cannot be read")});
	return true;
}

/* ---- the end --------------------------------------------------------------- */

static void count(struct job *j, const struct courier_store_outcome *o)
{
	struct courier_counts *n = &j->courier->counts;
	if (o->fate == COURIER_STORE_FATE_DELIVERED)
		n->delivered++;
	else if (o->fate == COURIER_STORE_FATE_FAILED || o->fate == COURIER_STORE_FATE_HELD)
		n->failed++;
	else
		n->deferred++;
}

static void tell_outcome(const struct job *j, size_t i)
{
	static const char *const names[] = {
		[COURIER_STORE_FATE_DELIVERED] = "delivered",
		[COURIER_STORE_FATE_DEFERRED] = "deferred",
		[COURIER_STORE_FATE_FAILED] = "failed",
		[COURIER_STORE_FATE_HELD] = "held"};
	const struct courier_store_outcome *o = &j->carried[i].outcome;
	TELL(&j->story, "carry.recipient",
	     F("recipient", j->lease->recipients[i].address),
	     F_CSTR("outcome", names[o->fate]), F_U64("code", o->code),
	     F("status", o->status), F("text", o->text), F("host", o->host));
}

static enum courier_store_mood mood(const struct job *j)
{
	if (!j->spoke && j->trouble.len > 0)
		return COURIER_STORE_MOOD_DOWN;
	return j->slow ? COURIER_STORE_MOOD_SLOW : COURIER_STORE_MOOD_FINE;
}

/*
 * Until the store has an answer: a lease that nobody ends is its recipients' for
 * as long as this process lives.  With the channel the lease goes, too, and all of it
 * is due again.
 */
static void end_lease(struct courier *c, struct arena *a, uint64_t epoch,
		      const struct courier_store_settle *m, const struct story *story)
{
	struct courier_store_settle_reply rep;
	struct loop *loop = c->role->loop;
	bool told = false;
	while (c->store != NULL && c->epoch == epoch) {
		enum ipc_result r = courier_store_settle(
			c->store, m, a, &rep, courier_within(c, COURIER_STORE_NS));
		bool later = r == IPC_OK ? rep.answer == COURIER_STORE_ANSWER_LATER
					 : r == IPC_BUSY || r == IPC_LATE ||
						   r == IPC_NO_MEMORY;
		if (r == IPC_OK && rep.answer == COURIER_STORE_ANSWER_YES)
			return;
		if (story != NULL && !told)
			TELL(story, "carry.unsettled",
			     F_CSTR("text", r != IPC_OK ? ipc_result_name(r)
					    : later     ? "the store cannot write now"
							: "the store does not know the lease"));
		told = true;
		if (!later || fiber_sleep_until(loop, loop_now(loop) + SETTLE_PAUSE_NS) !=
				      WOKE_TIMEOUT)
			return;
	}
}

static void settle(struct job *j)
{
	struct courier_store_outcome *list = ARENA_ARRAY(
		j->arena, j->count + 1, struct courier_store_outcome);
	struct courier_store_settle m = {.lease = j->lease->lease,
					 .outcomes = list,
					 .mood = mood(j),
					 .why = span_sub(j->trouble, 0, TEXT_MAX)};
	for (size_t i = 0; list != NULL && i < j->count; i++) {
		if (!j->carried[i].settled)
			continue;
		list[m.outcomes_count++] = j->carried[i].outcome;
		if (j->lease->work == COURIER_STORE_WORK_DELIVERED)
			continue; /* nobody carried it */
		count(j, &j->carried[i].outcome);
		tell_outcome(j, i);
	}
	end_lease(j->courier, j->arena, j->epoch, &m, &j->story);
}

/* ---- what is to be done ---------------------------------------------------- */

static void deliver(struct job *j)
{
	struct way *way = ARENA_NEW(j->arena, struct way);
	struct verdict v = {.status = "4.3.0", .text = SPAN("memory is short")};
	struct way_ask ask = {.courier = j->courier,
			      .arena = j->arena,
			      .story = &j->story,
			      .domain = j->lease->destination,
			      .requiretls = j->lease->requiretls,
			      .tls_optional = j->lease->tls_optional};
	if (carry_done(j))
		return;
	if (visit_again(j) && carry_done(j))
		return; /* over a connection that was open */
	if (way == NULL || !way_find(&ask, way, &v))
		carry_verdict(j, &v);
	else
		visit_all(j, way);
}

/* The last reason that it waited for is the one to be told. */
static void expire(struct job *j)
{
	/* The sender's own time, after which he wants it back (RFC 2852). */
	bool late = (j->lease->by_mode & SMTP_BY_RETURN) != 0;
	for (size_t i = 0; i < j->count; i++) {
		const struct courier_store_recipient *r = &j->lease->recipients[i];
		struct span text = r->reason.len > 0
					   ? r->reason
					   : SPAN("it could not be handed over in "
						  "the time that it may take");
		if (j->carried[i].settled)
			continue;
		j->carried[i].settled = true;
		j->carried[i].outcome = (struct courier_store_outcome){
			.n = r->n,
			.fate = COURIER_STORE_FATE_FAILED,
			.status = late ? SPAN("5.4.7") : SPAN("4.4.7"),
			.text = span_sub(text, 0, TEXT_MAX)};
	}
}

/* It is where it belongs, whatever else is said of it. */
static void confirm(struct job *j)
{
	for (size_t i = 0; i < j->count; i++) {
		j->carried[i].settled = true;
		j->carried[i].outcome = (struct courier_store_outcome){
			.n = j->lease->recipients[i].n,
			.fate = COURIER_STORE_FATE_DELIVERED,
			.status = SPAN("2.0.0")};
	}
}

/* Memory is short: nothing was done, all of it is due again. */
static void give_back(struct courier *c, struct arena *a, uint64_t epoch,
		      const struct courier_store_lease_reply *l)
{
	struct courier_store_settle m = {.lease = l->lease};
	end_lease(c, a, epoch, &m, NULL);
}

void carry(struct courier *c, struct arena *a, uint64_t epoch,
	   const struct courier_store_lease_reply *l)
{
	struct job *j = ARENA_NEW(a, struct job);
	if (j == NULL) {
		give_back(c, a, epoch, l);
		return;
	}
	*j = (struct job){.courier = c,
			  .arena = a,
			  .epoch = epoch,
			  .story = {.log = c->role->log, .id = id_of(l->id)},
			  .lease = l};
	if (take_lease(j)) {
		switch (l->work) {
		case COURIER_STORE_WORK_CARRY:
			deliver(j);
			tell_sender(j);
			break;
		case COURIER_STORE_WORK_EXPIRED:
			expire(j);
			tell_sender(j);
			break;
		case COURIER_STORE_WORK_DELAY:
			tell_delay(j);
			break;
		case COURIER_STORE_WORK_DELIVERED:
			confirm(j);
			tell_sender(j);
			break;
		}
	}
	settle(j);
	letter_free(j->letter);
	narrow_free(j->narrow);
}
