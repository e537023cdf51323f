/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_mailboxes: an account's mailboxes, for the administrator.
 *
 * Names and counts: what a mailbox holds is not told on this hop.
 */
#include "role/store/admin.h"

#define PAGE 50u

struct open_box *admin_box(struct job *j, struct span account,
			   struct admin_end *end)
{
	const struct directory_account *a =
		directory_account_named(j->store->directory, account);
	enum box_result r = BOX_UNAVAILABLE;
	struct open_box *b = NULL;
	if (a == NULL) {
		*end = (struct admin_end){ADMIN_STORE_ANSWER_UNKNOWN,
					  SPAN("nor does the account")};
		return NULL;
	}
	b = box_prepared(j, a->id, &r);
	*end = admin_box_end(r);
	return b;
}

struct admin_end admin_box_end(enum box_result r)
{
	switch (r) {
	case BOX_OK:
		return (struct admin_end){ADMIN_STORE_ANSWER_DONE, SPAN("")};
	case BOX_NONE:
		return (struct admin_end){ADMIN_STORE_ANSWER_UNKNOWN, SPAN("")};
	case BOX_EXISTS:
		return (struct admin_end){ADMIN_STORE_ANSWER_EXISTS,
					  SPAN("a mailbox of that name is there")};
	case BOX_CANNOT:
		return (struct admin_end){ADMIN_STORE_ANSWER_INVALID,
					  SPAN("no mailbox may have that name")};
	case BOX_OVERQUOTA:
		return (struct admin_end){
			ADMIN_STORE_ANSWER_REFUSED,
			SPAN("the account's quota is too small for it")};
	case BOX_LIMIT:
		return (struct admin_end){ADMIN_STORE_ANSWER_REFUSED,
					  SPAN("the account has as many "
					       "mailboxes as it may")};
	case BOX_FULL:
		return (struct admin_end){ADMIN_STORE_ANSWER_LATER,
					  SPAN("the disk is full")};
	case BOX_CORRUPT:
		return (struct admin_end){
			ADMIN_STORE_ANSWER_LATER,
			SPAN("a row is damaged: `letterlock fsck`")};
	case BOX_CHILDREN:
	case BOX_TOO_OLD:
	case BOX_UNAVAILABLE:
		break;
	}
	return (struct admin_end){ADMIN_STORE_ANSWER_LATER, SPAN("")};
}

static struct span use_of(enum box_use use)
{
	static const char *const words[] = {
		[BOX_USE_NONE] = "",	    [BOX_USE_ALL] = "all",
		[BOX_USE_ARCHIVE] = "archive", [BOX_USE_DRAFTS] = "drafts",
		[BOX_USE_FLAGGED] = "flagged", [BOX_USE_JUNK] = "junk",
		[BOX_USE_SENT] = "sent",       [BOX_USE_TRASH] = "trash"};
	return span_cstr(words[use]);
}

static enum box_result describe(struct open_box *b, const struct box_entry *e,
				struct admin_store_mailbox *out)
{
	struct box_status st = {0};
	enum box_result r = BOX_OK;
	if (e->mailbox != 0)
		r = box_status(b->box, KV_VISIBLE, e->mailbox, &st);
	*out = (struct admin_store_mailbox){.name = e->name,
					    .present = e->mailbox != 0,
					    .subscribed = e->subscribed,
					    .use = use_of(e->use),
					    .messages = st.messages,
					    .unseen = st.unseen,
					    .deleted = st.deleted,
					    .size = st.bytes,
					    .uid_validity = st.uid_validity,
					    .uid_next = st.uid_next,
					    .version = st.version};
	return r;
}

/* A page of names behind `after`; more: there may be another one. */
static enum box_result page(struct job *j, struct open_box *b, struct span after,
			    struct admin_store_mailboxes_reply *rep)
{
	struct box_entry *in = ARENA_ARRAY(j->arena, PAGE, struct box_entry);
	struct admin_store_mailbox *out =
		ARENA_ARRAY(j->arena, PAGE, struct admin_store_mailbox);
	size_t n = 0;
	if (in == NULL || out == NULL)
		return BOX_UNAVAILABLE;
	enum box_result r =
		box_list(b->box, KV_VISIBLE, j->arena, after, in, PAGE, &n);
	for (size_t i = 0; r == BOX_OK && i < n; i++)
		r = describe(b, &in[i], &out[i]);
	rep->mailboxes = out;
	rep->mailboxes_count = r == BOX_OK ? n : 0;
	rep->more = n == PAGE;
	return r;
}

static enum box_result add_keywords(struct job *j, struct open_box *b,
				    struct span mailbox,
				    struct admin_store_mailboxes_reply *rep)
{
	struct span *words = ARENA_ARRAY(j->arena, BOX_KEYWORDS_MAX, struct span);
	uint32_t id;
	size_t n = 0;
	enum box_result r = words == NULL
				    ? BOX_UNAVAILABLE
				    : box_find(b->box, KV_VISIBLE, mailbox, &id);
	if (r == BOX_OK)
		r = box_keywords(b->box, KV_VISIBLE, id, j->arena, words, &n);
	rep->keywords = words;
	for (size_t i = 0; r == BOX_OK && i < n; i++)
		if (words[i].len > 0)
			words[rep->keywords_count++] = words[i];
	return r;
}

/* The one of that name, out of the pages. */
static enum box_result one(struct job *j, struct open_box *b, struct span name,
			   struct admin_store_mailboxes_reply *rep)
{
	struct span after = SPAN("");
	enum box_result r;
	while ((r = page(j, b, after, rep)) == BOX_OK) {
		const struct admin_store_mailbox *list = rep->mailboxes;
		size_t n = rep->mailboxes_count, i = 0;
		while (i < n && !span_eq(list[i].name, name))
			i++;
		if (i < n) {
			rep->mailboxes = &list[i];
			rep->mailboxes_count = 1;
			rep->more = false;
			return add_keywords(j, b, name, rep);
		}
		if (!rep->more)
			return BOX_NONE;
		after = list[n - 1].name;
	}
	return r;
}

static void run_mailboxes(struct job *j)
{
	const struct admin_store_mailboxes *m = j->ask;
	struct admin_store_mailboxes_reply rep = {0};
	struct admin_end end;
	struct open_box *b = admin_box(j, m->name, &end);
	if (b != NULL)
		end = admin_box_end(m->mailbox.len > 0
					    ? one(j, b, m->mailbox, &rep)
					    : page(j, b, m->after, &rep));
	rep.answer = end.answer;
	rep.why = end.why;
	admin_store_mailboxes_answer(j->call, &rep);
	box_release(b);
}

ADMIN_ON(mailboxes)
