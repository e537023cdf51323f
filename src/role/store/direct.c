/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/direct: from data to inboxes, without the queue.
 *
 * One recipient: one commit.  Several, all of them ours: the commit of the first
 * brings the body, and when it is durable the others name it, all in one group.
 * The answer waits for all of them, so there is no promise left for the queue
 * to keep.  It takes only those whom the message cannot reach now.
 *
 * Must never: answer yes for a recipient who has it neither in the inbox nor
 * in the queue; name a body that is not durable; put one into the queue that an
 * unknown outcome may have delivered: then nobody is answered for, and the sender
 * comes again.
 */
#include "role/store/deliver.h"
#include "role/store/offer.h"
#include "summary/order.h"

/* A full disk or a limit of a row are not the recipient's quota. */
static enum edge_store_answer kept_or_not(enum box_result r)
{
	/* INBOX is always there: without it something else is wrong. */
	return r == BOX_NONE ? EDGE_STORE_ANSWER_LATER : answer_of(r);
}

static bool begin(struct offer *o, size_t i, struct delivery *d)
{
	const struct target *t = &o->targets[i];
	struct store *s = o->job->store;
	const struct directory_account *a =
		directory_account(s->directory, t->account);
	*d = (struct delivery){.result = BOX_UNAVAILABLE};
	d->message = (struct box_new){
		.prefix = offer_prefix(o->job->arena, &o->ask->sender,
				       &t->address, o->ask->trace),
		.body = o->body.name,
		.bytes = o->body.kept ? span_of(NULL, 0) : o->body.bytes,
		.kept = o->body.kept,
		.body_size = o->body.size,
		.body_crc = o->body.crc,
		.summary = o->seen.summary,
		.order = summary_order_of(o->seen.summary)};
	/* Several: who had room at RCPT is not refused any more. */
	if (o->count == 1 && a != NULL) {
		d->insert.quota_bytes = quota_of(s, a);
		d->insert.quota_messages = a->quota_messages;
	}
	if (d->message.prefix.len == 0)
		return false;
	delivery_begin(o->job, t->account, d);
	return true;
}

/* Whether it went in is not known, or nothing goes in now. */
static bool hopeless(const struct delivery *d)
{
	return d->result == BOX_FULL ||
	       (d->result == BOX_UNAVAILABLE && d->tried);
}

/* The queue takes those who do not have it. */
static enum edge_store_answer rest(struct offer *o, const struct delivery *list)
{
	struct offer left = *o;
	left.count = 0;
	left.targets = ARENA_ARRAY(o->job->arena, o->count, struct target);
	for (size_t i = 0; i < o->count; i++) {
		if (left.targets == NULL)
			return EDGE_STORE_ANSWER_LATER;
		if (hopeless(&list[i]))
			return kept_or_not(list[i].result);
		if (list[i].result != BOX_OK)
			left.targets[left.count++] = o->targets[i];
	}
	if (left.count > 0)
		return o->count > 1 ? offer_custody(&left)
				    : kept_or_not(list[0].result);
	o->job->store->count.kept_direct++;
	return EDGE_STORE_ANSWER_YES;
}

enum edge_store_answer offer_direct(struct offer *o)
{
	struct job *j = o->job;
	struct delivery *list =
		ARENA_ARRAY(j->arena, o->count, struct delivery);
	size_t at = 0, begun;
	bool memory = list != NULL;
	for (; memory && at < o->count && !o->body.kept; at++) {
		memory = begin(o, at, &list[at]);
		delivery_end(j, &list[at]);
		if (hopeless(&list[at]))
			return kept_or_not(list[at].result);
		o->body.kept = list[at].result == BOX_OK;
	}
	for (begun = at; memory && begun < o->count; begun++)
		memory = begin(o, begun, &list[begun]);
	for (; at < begun; at++)
		delivery_end(j, &list[at]);
	return memory ? rest(o, list) : EDGE_STORE_ANSWER_LATER;
}
