/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An eye at the store's own hop: what it is told there, nothing may take back.
 *
 * It opens mailboxes as edge does and writes down versions, UIDs and MODSEQs.  Who
 * shows what is not durable yet is found out when a role dies right after.
 */
#include <stdio.h>

#include "ipc/ipc.h"
#include "storm.h"

static void look(struct person *p, uint64_t session, struct arena *a)
{
	struct storm *s = p->storm;
	const char *name = ledger_names[dice_chance(&p->dice, 80) ? 0 : 1];
	struct ledger_box *box = ledger_box(&s->ledger, p->who, name);
	struct edge_store_select m = {.session = session, .name = span_cstr(name),
				      .read_only = true};
	struct edge_store_select_reply r;
	struct edge_store_pages_reply pages;
	struct told then = box->told;

	if (edge_store_select(s->eye, &m, a, &r, IPC_NEVER) != IPC_OK ||
	    r.answer != EDGE_STORE_ANSWER_YES)
		return;
	ledger_not_below(&then, r.uid_next, r.version);
	ledger_validity(box, r.uid_validity);
	ledger_next(box, r.uid_next);
	ledger_modseq(box, r.version);
	struct edge_store_pages ask = {.session = session, .mailbox = r.mailbox, .from = 1};
	if (s->eye == NULL ||
	    edge_store_pages(s->eye, &ask, a, &pages, IPC_NEVER) != IPC_OK ||
	    pages.answer != EDGE_STORE_ANSWER_YES)
		return;
	for (size_t i = 0; i < pages.slots_count; i++) {
		struct seen *seen = ledger_seen(box, pages.slots[i].uid);
		if (seen == NULL)
			continue;
		if (pages.slots[i].modseq < seen->modseq)
			storm_fail("u%u: the MODSEQ of UID %u fell", p->who, seen->uid);
		seen->modseq = pages.slots[i].modseq;
	}
}

void person_looks(struct person *p)
{
	struct arena *a = arena_new(1u << 20);
	char user[32];

	for (unsigned i = 0; i < p->n && person_rests(p, 1500); i++) {
		struct storm *s = p->storm;
		if (s->eye == NULL || s->auth == NULL)
			continue;
		p->who = (unsigned)dice_below(&p->dice, TOWN_PEOPLE);
		(void)snprintf(user, sizeof user, "u%u@example.test", p->who);
		uint64_t session = town_session(&s->eye, &s->auth, user, a);
		/* After each wait it may be gone, or another one, which refuses. */
		if (session != 0 && s->eye != NULL)
			look(p, session, a);
		if (session != 0 && s->eye != NULL)
			(void)edge_store_session_close(
				s->eye, &(struct edge_store_session_close){session});
		arena_reset(a);
	}
	arena_free(a);
}
