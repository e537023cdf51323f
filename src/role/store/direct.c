/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/direct: one recipient of ours, one commit from data to inbox.
 */
#include "box/change.h"
#include "role/store/offer.h"

/* A full disk or a limit of a row are not the recipient's quota. */
static enum edge_store_answer kept_or_not(enum box_result r)
{
	/* INBOX is always there: without it something else is wrong. */
	return r == BOX_NONE ? EDGE_STORE_ANSWER_LATER : answer_of(r);
}

enum edge_store_answer offer_direct(struct offer *o)
{
	struct store *s = o->job->store;
	const struct target *t = &o->targets[0];
	enum box_result r;
	struct open_box *b = box_prepared(o->job, t->account, &r);
	if (b == NULL)
		return kept_or_not(r);
	const struct directory_account *a =
		directory_account(s->directory, t->account);
	struct box_new m = {.mailbox = b->inbox,
			    .prefix = offer_prefix(o->job->arena,
						   &o->ask->sender, &t->address,
						   o->ask->trace),
			    .body = o->body.name,
			    .bytes = o->body.bytes,
			    .kept = o->body.kept,
			    .body_size = o->body.size,
			    .body_crc = o->body.crc,
			    .summary = o->seen.summary};
	struct box_insert in = {
		.messages = &m,
		.count = 1,
		.quota_bytes = a != NULL ? quota_of(s, a) : 0,
		.quota_messages = a != NULL ? a->quota_messages : 0};
	/* Removed while the message was looked at: asked again it is refused. */
	if (a != NULL && a->state == DIRECTORY_REMOVED)
		a = NULL;
	r = a == NULL ? BOX_NONE : BOX_UNAVAILABLE;
	if (a != NULL && m.prefix.len > 0)
		r = job_box(o->job,
			    box_insert(b->box, &in, box_gate, job_gate(o->job)));
	box_release(b);
	if (r == BOX_OK)
		s->count.kept_direct++;
	return kept_or_not(r);
}
