/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The player as a courier: what it leases, what it says became of it.  A lease that is
 * not settled stays with the channel, so that nobody gets it before the store is
 * started anew.
 */
#include <string.h>

#include "play.h"

#define REPORT_SIZE 700u
#define TRIES	    200u /* looks for what was just accepted or found again */

/* A yes with a job, or no answer at all. */
static bool lease(struct play *p, struct arena *a, const char *domain,
		  struct courier_store_lease_reply *rep, struct asked *said)
{
	struct courier_store_lease m = {.prefer = span_cstr(domain), .only = true};
	for (unsigned i = 0; i < TRIES; i++) {
		arena_reset(a);
		if (!ASK(p, p->courier_tap, courier_store_lease, p->courier, &m, a, rep, said))
			return false;
		if (rep->answer == COURIER_STORE_ANSWER_YES)
			return true;
		(void)!fiber_sleep_until(p->loop, loop_now(p->loop) + 5 * NS_PER_MS);
	}
	return false;
}

static bool report(struct play *p, struct arena *a, const struct courier_store_lease_reply *l,
		   const char *label, struct asked *said)
{
	struct courier_store_report m = {.lease = l->lease,
					 .kind = COURIER_STORE_KIND_FAILURE,
					 .first = l->recipients[0].n,
					 .body = play_message(a, "mailer@example.test", label,
							      REPORT_SIZE)};
	struct courier_store_report_reply rep = {0};
	return ASK(p, p->courier_tap, courier_store_report, p->courier, &m, a, &rep, said) &&
	       rep.answer == COURIER_STORE_ANSWER_YES;
}

static enum courier_store_fate fate_of(const char *word)
{
	if (strcmp(word, "delivered") == 0)
		return COURIER_STORE_FATE_DELIVERED;
	return strcmp(word, "failed") == 0 ? COURIER_STORE_FATE_FAILED
					   : COURIER_STORE_FATE_DEFERRED;
}

static bool settle(struct play *p, struct arena *a, const struct courier_store_lease_reply *l,
		   const char *fate, struct asked *said, unsigned *code)
{
	struct courier_store_outcome list[100];
	struct courier_store_settle m = {.lease = l->lease, .outcomes = list};
	struct courier_store_settle_reply rep = {0};
	for (size_t i = 0; i < l->recipients_count; i++)
		list[m.outcomes_count++] = (struct courier_store_outcome){
			.n = l->recipients[i].n, .fate = fate_of(fate), .status = SPAN("4.0.0"),
			.text = SPAN("said the player")};
	*code = 99;
	if (!ASK(p, p->courier_tap, courier_store_settle, p->courier, &m, a, &rep, said))
		return false;
	*code = rep.answer;
	return rep.answer == COURIER_STORE_ANSWER_YES;
}

bool play_carry(struct play *p, struct arena *a, const char *domain, const char *fate,
		const char *label, struct asked *said, unsigned *code)
{
	struct courier_store_lease_reply l = {0};
	if (!lease(p, a, domain, &l, said)) {
		*code = 99;
		return false;
	}
	*code = l.answer;
	if (label != NULL && !report(p, a, &l, label, said))
		return false;
	return fate == NULL || settle(p, a, &l, fate, said, code);
}
