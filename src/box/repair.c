/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/repair: write a mailbox's pages and head anew from its cold rows.
 *
 * Page by page, as many to a commit as fit; the head with the last.  The log's
 * floor rises to the repair's version: whoever was told of an older one reads
 * everything again.  UIDNEXT and versions never fall; a mailbox whose head is
 * lost gets a new UIDVALIDITY, because nobody knows which UIDs were given.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/ensure.h"
#include "box/fsck_inner.h"

struct repair {
	struct box *box;
	struct found_box *found;
	size_t at, next; /* in mails */
	struct head head;
	bool last;
	struct page page;
};

/* Before anything is written: what the new head must say. */
static void plan_head(struct repair *r)
{
	struct found_box *fb = r->found;
	struct head *h = &r->head;
	uint32_t top = 0;
	*h = fb->headed ? fb->head : (struct head){.uid_next = 1};
	h->messages = h->unseen = h->deleted = 0;
	h->bytes = 0;
	h->log_rows = fb->log_rows;
	for (size_t i = 0; i < fb->count; i++) {
		const struct found_mail *m = &fb->mails[i];
		if (m->row || m->slot)
			top = m->uid > top ? m->uid : top;
		if (!m->row || m->uid == 0)
			continue;
		h->messages++;
		h->bytes += m->size;
		h->unseen += !(m->flags & BOX_SEEN);
		h->deleted += (m->flags & BOX_DELETED) != 0;
	}
	if (h->uid_next <= top && top < UINT32_MAX)
		h->uid_next = top + 1;
	if (!fb->headed)
		h->recent_from = h->uid_next;
	uint32_t tail = top / BOX_PAGE;
	box_page_init(&h->tail, fb->headed && fb->head.tail.index > tail
				    ? fb->head.tail.index
				    : tail);
}

/* The page of mails[at], built from those that have rows. */
static size_t build_page(struct repair *r, size_t at, uint64_t version,
			 uint64_t damaged, struct page *p,
			 struct kv_batch *b)
{
	struct found_box *fb = r->found;
	box_page_init(p, fb->mails[at].uid / BOX_PAGE);
	for (; at < fb->count && fb->mails[at].uid / BOX_PAGE == p->index;
	     at++) {
		const struct found_mail *m = &fb->mails[at];
		struct box_key k = box_key_two('M', fb->mailbox, m->uid);
		if (m->bad_row || (m->row && m->uid == 0))
			kv_delete(b, box_key_span(&k));
		if (!m->row || m->uid == 0)
			continue;
		bool mark = m->damaged && !(m->keywords & damaged);
		p->slot[m->uid % BOX_PAGE] = (struct slot){
			true, m->flags,
			m->keywords | (m->damaged ? damaged : 0),
			m->slot && !mark && m->modseq <= version ? m->modseq
								  : version};
		p->alive++;
	}
	return at;
}

static void put_page(struct repair *r, struct kv_batch *b,
		     const struct page *p)
{
	struct box_key k = box_key_two('P', r->found->mailbox, p->index);
	struct buf row;
	if (p->alive == 0) {
		kv_delete(b, box_key_span(&k));
		return;
	}
	buf_init(&row, BOX_ROW_MAX);
	box_page_write(&row, p);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
}

static void put_head(struct repair *r, struct kv_batch *b)
{
	struct box_key k = box_key_mailbox('H', r->found->mailbox);
	/* A page row under the tail's number would be read twice. */
	struct box_key p =
		box_key_two('P', r->found->mailbox, r->head.tail.index);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	box_head_pack(&row, &r->head);
	kv_put_row(b, box_key_span(&k), &row);
	kv_delete(b, box_key_span(&p));
	buf_free(&row);
}

/* The first mailbox that an account gets is its INBOX. */
static void put_name(struct repair *r, struct kv_op *op, struct kv_batch *b)
{
	char text[64];
	struct name_row n;
	struct buf row;
	snprintf(text, sizeof(text), "Recovered-%u", r->found->mailbox);
	if (r->found->mailbox == 1 &&
	    box_name_load(op->space, KV_STAGED, SPAN("INBOX"), &n) != KV_OK)
		snprintf(text, sizeof(text), "INBOX");
	n = (struct name_row){r->found->mailbox, BOX_USE_NONE};
	struct box_key k = box_key_name('N', span_cstr(text));
	buf_init(&row, BOX_ROW_MAX);
	box_name_write(&row, &n);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
}

static enum kv_result new_validity(struct repair *r, struct kv_op *op,
				   struct kv_batch *b)
{
	struct box_key k = box_key_kind('A');
	struct account_row a;
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result kr = box_row_get(op->space, KV_STAGED, &k, &row);
	if (kr != KV_OK || !box_account_read(buf_span(&row), &a))
		a = (struct account_row){r->found->mailbox + 1, 0};
	uint64_t now = (uint64_t)kv_now(r->box->kv);
	a.last_validity = (uint32_t)u64_max(u64_min(now, UINT32_MAX - 1),
					    (uint64_t)a.last_validity + 1);
	if (a.next_mailbox <= r->found->mailbox)
		a.next_mailbox = r->found->mailbox + 1;
	r->head.uid_validity = a.last_validity;
	buf_clear(&row);
	box_account_write(&row, &a);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
	return KV_OK;
}

static bool any_damaged(const struct found_box *fb)
{
	for (size_t i = 0; i < fb->count; i++)
		if (fb->mails[i].damaged)
			return true;
	return false;
}

/* The bit of $Damaged; 0 when the mailbox has no bit left. */
static enum kv_result damaged_bit(struct repair *r, struct kv_op *op,
				  struct kv_batch *b, uint64_t *bit)
{
	struct work w = {.space = op->space,
			 .batch = b,
			 .view = KV_STAGED,
			 .mailbox = r->found->mailbox};
	*bit = 0;
	if (!any_damaged(r->found))
		return KV_OK;
	enum kv_result kr = box_keywords_bits(&w, &SPAN("$Damaged"), 1, bit);
	arena_free(w.names);
	return kr == KV_CORRUPT ? KV_OK : kr;
}

static enum kv_result repair_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct repair *r = arg;
	struct found_box *fb = r->found;
	uint64_t damaged;
	size_t at = r->at;
	enum kv_result kr = damaged_bit(r, op, b, &damaged);
	if (kr != KV_OK)
		return kr;
	box_page_init(&r->head.tail, r->head.tail.index);
	while (at < fb->count &&
	       kv_batch_room(b, 2 * BOX_PAGE + 8, 6 * BOX_PAGE_BYTES)) {
		bool tail =
			fb->mails[at].uid / BOX_PAGE == r->head.tail.index;
		struct page *p = tail ? &r->head.tail : &r->page;
		at = build_page(r, at, op->version + 1, damaged, p, b);
		if (!tail)
			put_page(r, b, p);
	}
	r->next = at;
	r->last = at == fb->count;
	if (!r->last)
		return KV_OK;
	r->head.version = r->head.floor = op->version + 1;
	if (!fb->headed)
		kr = new_validity(r, op, b);
	if (!fb->named)
		put_name(r, op, b);
	put_head(r, b);
	return kr;
}

enum kv_result box_fsck_repair(struct box *box, struct found_box *fb)
{
	struct repair r = {.box = box, .found = fb};
	plan_head(&r);
	do {
		enum kv_result kr = kv_op_wait(box->space, KV_SHRINKS,
					       repair_run, &r, NULL);
		if (kr != KV_OK)
			return kr;
		r.at = r.next;
	} while (!r.last);
	box->quota_known = false;
	fb->repaired = fb->wrong;
	return KV_OK;
}
