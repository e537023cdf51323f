/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is for elsewhere: the real courier, watched.
 *
 * Two places are looked at: the calls that the courier makes to the store (the linker
 * puts the functions here between, as __wrap_*) and the servers that get the mail
 * (far.c).  For each recipient:
 *
 *   delivered is said only when a copy is there, failed only after a server said no,
 *   or when time was over
 *   a second copy comes only when a store or courier died between the two leases, or
 *   when the yes to the first never arrived
 *   what was settled is never leased again, nor sent but by who had it before a death
 *   no more goes out at a time than may leave by one address
 *   a sender of ours hears of each failure, once, before it is settled; a stranger never
 *
 * When all is quiet each message that was taken for elsewhere is there, or its sender
 * knows, or the administrator removed it; and the ledger of the queue says the same.
 * The wrappers also lie, for mutants.c.
 */
#include <stdio.h>

#include "ipc/ipc.h"
#include "role/courier/berth.h"
#include "smtp/client.h"
#include "spool/sluice.h"
#include "storm.h"
#include "wire/courier_store.h"

#define LEASES	     256u /* that are remembered */
#define NOBODY_KNOWS UINT32_MAX

/* Of the process, as the wrapped calls are: a run is its only one. */
static struct storm *watched;

void away_watch(struct storm *s) { watched = s; }

unsigned away_way(struct span address)
{
	return span_find_span(address, SPAN("@elsewhere.test")) != SIZE_MAX ? 1 : 0;
}

static int sender_of(const struct storm *s, unsigned token)
{
	const char *from = s->ledger.message[token].from;
	unsigned who;

	return sscanf(from, "u%u@example.test", &who) == 1 ? (int)who : -1;
}

/* Now and then somebody dies just here. */
static void step(struct storm *s)
{
	if (!s->raging || !dice_chance(&s->steps, 3))
		return;
	s->doomed = dice_chance(&s->steps, 50) ? KIND_STORE : KIND_COURIER;
}

/* ---- leases ---------------------------------------------------------------------- */

struct seen_lease {
	uint64_t number;
	unsigned severed; /* since when it is nobody's */
	unsigned token, refusals;
	enum courier_store_work work;
	bool told; /* the store has a report about failures of it */
	const struct fiber *fiber; /* of the courier, that has it */
	unsigned courier;	   /* which one that is */
	bool sending;
	size_t count;
	uint32_t n[LEDGER_WAYS];
	unsigned way[LEDGER_WAYS];
};

static struct seen_lease leases[LEASES];
static unsigned lease_next;

static struct seen_lease *lease_of(const struct storm *s, uint64_t number)
{
	for (unsigned i = 0; i < LEASES; i++)
		if (leases[i].count > 0 && leases[i].number == number &&
		    leases[i].severed == s->town->severed)
			return &leases[i];
	return NULL;
}

static struct away *way_of(struct storm *s, const struct seen_lease *l, uint32_t n)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->n[i] == n)
			return &s->ledger.away[l->token][l->way[i]];
	return NULL;
}

static const struct fiber *fiber_of(const struct storm *s)
{
	const struct house_role *r = s->town->role[KIND_COURIER];

	return r != NULL ? fiber_self(r->loop) : NULL;
}

/* What this fiber of the courier has in hand; NULL: nothing. */
static struct seen_lease *in_hand(const struct storm *s)
{
	const struct fiber *f = fiber_of(s);

	for (unsigned i = 1; f != NULL && i <= LEASES; i++) {
		struct seen_lease *l = &leases[(lease_next - i) % LEASES];
		if (l->fiber == f && l->courier == s->town->couriers)
			return l;
	}
	return NULL;
}

/* severed: when it was asked for.  The answer may come after the end of who gave it. */
static void leased(struct storm *s, const struct courier_store_lease_reply *l,
		   unsigned severed)
{
	struct seen_lease *seen = &leases[lease_next++ % LEASES];
	unsigned token = ledger_token(l->body);

	if (token >= LEDGER_TOKENS)
		storm_fail("a courier got a message that nobody sent");
	if (l->recipients_count == 0 || l->recipients_count > LEDGER_WAYS)
		storm_fail("a courier got %zu recipients", l->recipients_count);
	*seen = (struct seen_lease){.number = l->lease, .severed = severed,
				    .token = token, .work = l->work,
				    .refusals = far_refusals(s->far),
				    .count = l->recipients_count,
				    .fiber = fiber_of(s),
				    .courier = s->town->couriers};
	for (size_t i = 0; i < l->recipients_count; i++) {
		seen->n[i] = l->recipients[i].n;
		seen->way[i] = away_way(l->recipients[i].address);
		const struct away *w = &s->ledger.away[token][seen->way[i]];
		if (w->over)
			storm_fail("message %u was leased again after it was settled", token);
		if (w->said == SAID_NO)
			storm_fail("message %u was refused, and goes out", token);
	}
	for (size_t i = 0; i < l->recipients_count; i++)
		storm_say(s, "message %u to %.*s (%u) is leased, lease %llu, work %d", token,
			  SPAN_FMT(l->recipients[i].address), l->recipients[i].n,
			  (unsigned long long)l->lease, (int)l->work);
}

enum ipc_result __real_courier_store_lease(struct courier_store *,
					   const struct courier_store_lease *,
					   struct arena *,
					   struct courier_store_lease_reply *, uint64_t);
enum ipc_result __wrap_courier_store_lease(struct courier_store *,
					   const struct courier_store_lease *,
					   struct arena *,
					   struct courier_store_lease_reply *, uint64_t);

enum ipc_result __wrap_courier_store_lease(struct courier_store *c,
					   const struct courier_store_lease *m,
					   struct arena *a,
					   struct courier_store_lease_reply *l,
					   uint64_t until)
{
	unsigned severed = watched != NULL ? watched->town->severed : 0;
	enum ipc_result r = __real_courier_store_lease(c, m, a, l, until);

	if (watched != NULL && r == IPC_OK && l->answer == COURIER_STORE_ANSWER_YES) {
		leased(watched, l, severed);
		step(watched);
	}
	return r;
}

/* ---- settles ----------------------------------------------------------------------- */

static void judges(struct storm *s, const struct seen_lease *l,
		   const struct courier_store_outcome *o)
{
	struct away *w = way_of(s, l, o->n);

	if (w == NULL)
		storm_fail("message %u: an outcome of nobody's", l->token);
	if (o->fate == COURIER_STORE_FATE_DELIVERED) {
		if (w->copies == 0)
			storm_fail("message %u is called delivered, and is not there",
				   l->token);
	} else if (o->fate == COURIER_STORE_FATE_FAILED) {
		if (l->work != COURIER_STORE_WORK_EXPIRED &&
		    far_refusals(s->far) == l->refusals)
			storm_fail("message %u is given up, and nobody refused it: %.*s",
				   l->token, SPAN_FMT(o->text));
		if (sender_of(s, l->token) >= 0 && !l->told)
			storm_fail("message %u failed, and its sender did not hear of it",
				   l->token);
		w->given_up = true;
	}
}

static void settled(struct storm *s, const struct seen_lease *l,
		    const struct courier_store_outcome *o)
{
	struct away *w = way_of(s, l, o->n);

	if (o->fate == COURIER_STORE_FATE_DEFERRED)
		return;
	w->over = true;
	w->over_severed = l->severed;
	w->bounced = o->fate == COURIER_STORE_FATE_FAILED;
}

enum ipc_result __real_courier_store_settle(struct courier_store *,
					    const struct courier_store_settle *,
					    struct arena *,
					    struct courier_store_settle_reply *, uint64_t);
enum ipc_result __wrap_courier_store_settle(struct courier_store *,
					    const struct courier_store_settle *,
					    struct arena *,
					    struct courier_store_settle_reply *, uint64_t);

enum ipc_result __wrap_courier_store_settle(struct courier_store *c,
					    const struct courier_store_settle *m,
					    struct arena *a,
					    struct courier_store_settle_reply *r,
					    uint64_t until)
{
	struct storm *s = watched;
	const struct seen_lease *l = s != NULL ? lease_of(s, m->lease) : NULL;
	bool counts = l != NULL && l->work != COURIER_STORE_WORK_DELAY;
	struct seen_lease then;

	if (l == NULL)
		return __real_courier_store_settle(c, m, a, r, until);
	then = *l; /* its place may be another's when the answer is there */
	step(s);
	for (size_t i = 0; counts && i < m->outcomes_count; i++)
		judges(s, &then, &m->outcomes[i]);
	enum ipc_result result = __real_courier_store_settle(c, m, a, r, until);
	bool yes = result == IPC_OK && r->answer == COURIER_STORE_ANSWER_YES;
	storm_say(s, "message %u elsewhere: %zu outcomes, fate %d, %s (%s, %d)", then.token,
		  m->outcomes_count, m->outcomes_count > 0 ? (int)m->outcomes[0].fate : -1,
		  yes ? "settled" : "not settled", ipc_result_name(result),
		  result == IPC_OK ? (int)r->answer : -1);
	for (size_t i = 0; counts && yes && i < m->outcomes_count; i++)
		settled(s, &then, &m->outcomes[i]);
	step(s);
	return result;
}

/* ---- reports ----------------------------------------------------------------------- */

static void reports(struct storm *s, struct away *w, unsigned token,
		    enum courier_store_kind kind, enum said said)
{
	int who = sender_of(s, token);

	if (who < 0)
		storm_fail("message %u: a stranger is written to", token);
	if (w->report[kind] == SAID_NO)
		s->ledger.message[LEDGER_TOKENS + token].most[who]++;
	if (w->report[kind] != SAID_YES && said == SAID_YES)
		s->ledger.message[LEDGER_TOKENS + token].least[who]++;
	if (said > w->report[kind])
		w->report[kind] = said;
}

enum ipc_result __real_courier_store_report(struct courier_store *,
					    const struct courier_store_report *,
					    struct arena *,
					    struct courier_store_report_reply *, uint64_t);
enum ipc_result __wrap_courier_store_report(struct courier_store *,
					    const struct courier_store_report *,
					    struct arena *,
					    struct courier_store_report_reply *, uint64_t);

enum ipc_result __wrap_courier_store_report(struct courier_store *c,
					    const struct courier_store_report *m,
					    struct arena *a,
					    struct courier_store_report_reply *r,
					    uint64_t until)
{
	struct storm *s = watched;
	struct seen_lease *l = s != NULL ? lease_of(s, m->lease) : NULL;
	struct away *w = l != NULL ? way_of(s, l, m->first) : NULL;
	enum ipc_result result;
	unsigned token;

	if (w == NULL)
		return __real_courier_store_report(c, m, a, r, until);
	token = l->token;
	ledger_report(&s->ledger, m->body);
	reports(s, w, token, m->kind, SAID_MAYBE);
	step(s);
	if (storm_lie(s) == LIE_SILENT) {
		*r = (struct courier_store_report_reply){COURIER_STORE_ANSWER_YES};
		result = IPC_OK;
	} else {
		result = __real_courier_store_report(c, m, a, r, until);
	}
	if (result == IPC_OK && r->answer == COURIER_STORE_ANSWER_YES) {
		reports(s, w, token, m->kind, SAID_YES);
		l = lease_of(s, m->lease);
		if (l != NULL)
			l->told |= m->kind == COURIER_STORE_KIND_FAILURE;
	}
	storm_say(s, "message %u (%u): a report of kind %d, %s", token, m->first,
		  (int)m->kind, w->report[m->kind] == SAID_YES ? "kept" : "not kept");
	step(s);
	return result;
}

/* ---- transactions, and couriers that lie -------------------------------------------------- */

static void crowd(const struct storm *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LEASES; i++)
		n += leases[i].sending && leases[i].courier == s->town->couriers;
	if (n > TOWN_BY_ONE)
		storm_fail("%u messages go out at a time by an address of %u connections",
			   n, TOWN_BY_ONE);
}

int64_t __real_sluice_opens(const struct sluices *, const struct sluice *);
int64_t __wrap_sluice_opens(const struct sluices *, const struct sluice *);

int64_t __wrap_sluice_opens(const struct sluices *g, const struct sluice *one)
{
	return watched != NULL && storm_lie(watched) == LIE_CROWDS
		       ? 0
		       : __real_sluice_opens(g, one);
}

struct sluice_place *__real_sluices_next(struct sluices *, bool, int64_t);
struct sluice_place *__wrap_sluices_next(struct sluices *, bool, int64_t);

struct sluice_place *__wrap_sluices_next(struct sluices *g, bool all, int64_t now)
{
	return __real_sluices_next(
		g, all || (watched != NULL && storm_lie(watched) == LIE_CROWDS), now);
}

const struct conf_source *__real_berth_take(struct courier *, struct berth *,
					    const struct conf_destination *, bool, bool);
const struct conf_source *__wrap_berth_take(struct courier *, struct berth *,
					    const struct conf_destination *, bool, bool);

const struct conf_source *__wrap_berth_take(struct courier *c, struct berth *b,
					    const struct conf_destination *rule, bool v6,
					    bool v4)
{
	bool lies = watched != NULL && storm_lie(watched) == LIE_CROWDS;

	return __real_berth_take(c, b, rule, v6 && !lies, v4 && !lies);
}

void __real_smtp_client_deliver(struct smtp_client *, struct smtp_outgoing *);
void __wrap_smtp_client_deliver(struct smtp_client *, struct smtp_outgoing *);

void __wrap_smtp_client_deliver(struct smtp_client *c, struct smtp_outgoing *o)
{
	enum lie lie = watched != NULL ? storm_lie(watched) : LIE_NONE;
	struct seen_lease *l = watched != NULL ? in_hand(watched) : NULL;

	if (l != NULL)
		l->sending = true;
	if (l != NULL)
		crowd(watched);
	__real_smtp_client_deliver(c, o);
	if (l != NULL)
		l->sending = false;
	for (uint32_t i = 0; i < o->count; i++) {
		enum smtp_fate *f = &o->to[i].outcome.fate;
		if (lie == LIE_HOPES && o->sent && *f != SMTP_FATE_PERMANENT)
			*f = SMTP_FATE_DELIVERED;
		if (lie == LIE_FORGETS && *f == SMTP_FATE_DELIVERED)
			*f = SMTP_FATE_UNKNOWN;
	}
}

/* ---- at the other end -------------------------------------------------------------------- */

/* When was it leased, by whoever sends it just now? */
static unsigned sent_by(const struct storm *s, unsigned token, unsigned way)
{
	unsigned severed = NOBODY_KNOWS, n = 0;

	for (unsigned i = 0; i < LEASES; i++)
		for (size_t k = 0; k < leases[i].count; k++)
			if (leases[i].sending && leases[i].token == token &&
			    leases[i].way[k] == way &&
			    leases[i].courier == s->town->couriers) {
				severed = leases[i].severed;
				n++;
			}
	return n == 1 ? severed : NOBODY_KNOWS;
}

void away_arrives(struct storm *s, struct span text, unsigned ways, bool told)
{
	unsigned token = ledger_token(text);

	if (token >= LEDGER_TOKENS)
		storm_fail("a message went out that nobody sent");
	if (!ledger_same(&s->ledger, token, text))
		storm_fail("message %u went out with other bytes", token);
	for (unsigned i = 0; i < LEDGER_WAYS; i++) {
		struct away *w = &s->ledger.away[token][i];
		if ((ways >> i & 1) == 0)
			continue;
		storm_say(s, "message %u is elsewhere, way %u, the yes %s", token, i,
			  told ? "goes out" : "is lost");
		if (w->said == SAID_NO)
			storm_fail("message %u was refused, and went out", token);
		unsigned severed = sent_by(s, token, i);
		/* Who had it when the store died may still send it. */
		if (w->over && severed != NOBODY_KNOWS && severed >= w->over_severed)
			storm_fail("message %u was sent again after it was settled", token);
		if (w->copies > 0 && !w->unheard && severed != NOBODY_KNOWS &&
		    w->severed == severed)
			storm_fail("message %u was sent twice, and nobody had died", token);
		w->copies++;
		w->unheard = !told;
		w->severed = severed;
	}
	step(s);
}

/* ---- what must hold when all is quiet ------------------------------------------------ */

struct sums {
	uint64_t bounced, discarded;
};

static void check_book(struct storm *s, struct sums *sum)
{
	struct arena *a = arena_new(1u << 20);
	struct admin_store_queue_ledger m = {.recount = true};
	struct admin_store_queue_ledger_reply r;

	do {
		if (admin_store_queue_ledger(s->admin, &m, a, &r, IPC_NEVER) != IPC_OK ||
		    r.answer != ADMIN_STORE_ANSWER_DONE)
			storm_fail("the ledger of the queue cannot be read");
		if (r.accepted != r.delivered + r.bounced + r.discarded + r.held + r.open ||
		    r.open != r.seen_open || r.held != r.seen_held || r.open != 0 ||
		    r.held != 0)
			storm_fail("the ledger of the queue does not balance: %llu accepted, "
				   "%llu delivered, %llu bounced, %llu held, %llu open, "
				   "%llu seen",
				   (unsigned long long)r.accepted,
				   (unsigned long long)r.delivered,
				   (unsigned long long)r.bounced, (unsigned long long)r.held,
				   (unsigned long long)r.open,
				   (unsigned long long)r.seen_open);
		sum->bounced += r.bounced;
		sum->discarded += r.discarded;
		m.from = r.next;
	} while (r.more);
	arena_free(a);
}

static void check_sum(const char *what, uint64_t is, unsigned least, unsigned most)
{
	if (is < least || is > most)
		storm_fail("the ledger of the queue has %llu %s, not %u to %u",
			   (unsigned long long)is, what, least, most);
}

void check_away(void *arg)
{
	struct storm *s = arg;
	struct sums sum = {0};
	unsigned bounced = 0, given_up = 0, gone = 0, removed = 0;

	check_book(s, &sum);
	for (unsigned i = 0; i < s->ledger.count * LEDGER_WAYS; i++) {
		unsigned t = i / LEDGER_WAYS;
		const struct away *w = &s->ledger.away[t][i % LEDGER_WAYS];
		if (w->said == SAID_YES && w->copies == 0 && !w->given_up && !w->removed)
			storm_fail("message %u was taken for elsewhere and never went there", t);
		s->ledger.sent += w->copies > 0;
		s->ledger.bounced += w->bounced;
		s->ledger.again += w->copies > 1;
		/* Whose only end it can have been, and whose it may. */
		gone += w->said == SAID_YES && w->copies == 0 && !w->given_up;
		removed += w->removed;
		bounced += w->bounced;
		given_up += w->given_up;
	}
	check_sum("bounced", sum.bounced, bounced, given_up);
	check_sum("discarded", sum.discarded, gone, removed);
}
