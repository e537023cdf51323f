/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_uidl: unique ids of POP3 that messages had on another server; the
 * administrator gives them, sessions read them.
 */
#include "box/uidl.h"
#include "role/store/admin.h"

static enum box_result keep(struct job *j, struct open_box *b, struct box_uidl_keep *q)
{
	enum box_result r = box_find(b->box, KV_VISIBLE, SPAN("INBOX"), &q->mailbox);
	return r == BOX_OK ? job_box(j, box_uidl_keep(b->box, q, box_gate, job_gate(j)))
			   : r;
}

/* What is wrong with one of them. */
static struct span fault_of(enum box_result r)
{
	switch (r) {
	case BOX_CANNOT:
		return SPAN("a unique id is 1 to 70 characters without blanks");
	case BOX_NONE:
		return SPAN("INBOX has no such message");
	case BOX_EXISTS:
		return SPAN("that unique id is another message's");
	default:
		return SPAN("");
	}
}

static struct admin_end kept(enum box_result r, const struct box_uidl_keep *q,
			     uint32_t *wrong)
{
	struct admin_end end = admin_box_end(r);
	struct span fault = fault_of(r);
	if (fault.len > 0) {
		end.why = fault;
		*wrong = (uint32_t)q->wrong;
	}
	return end;
}

static void run_keep_ids(struct job *j)
{
	const struct admin_store_keep_ids *m = j->ask;
	struct admin_store_keep_ids_reply rep = {.wrong = UINT32_MAX};
	struct box_uidl *list = ARENA_ARRAY(j->arena, m->ids_count + 1, struct box_uidl);
	struct box_uidl_keep q = {.list = list, .count = m->ids_count};
	struct admin_end end;
	struct open_box *b = admin_box(j, m->name, &end);
	for (size_t i = 0; list != NULL && i < m->ids_count; i++)
		list[i] = (struct box_uidl){m->ids[i].uid, m->ids[i].id};
	if (b != NULL)
		end = kept(list == NULL ? BOX_UNAVAILABLE : keep(j, b, &q), &q,
			   &rep.wrong);
	rep.answer = end.answer;
	rep.why = end.why;
	admin_store_keep_ids_answer(j->call, &rep);
	box_release(b);
}

ADMIN_ON(keep_ids)
