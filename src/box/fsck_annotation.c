/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/fsck_annotation: rows 'T'.  One pass in the order of the keys: of each
 * mailbox first its sum, then what is summed.
 *
 * Mended is by taking away what nobody can read or nothing has, and by writing
 * sums anew: an annotation that is there and readable never goes.
 */
#include <inttypes.h>
#include <stdio.h>

#include "box/fsck_inner.h"

#define GONE_MAX 500u /* rows that one commit takes away */

struct pass {
	struct kv_space *space;
	enum kv_view view;
	struct kv_batch *batch; /* NULL: only looking */
	const struct annotation_look *look;
	bool wrong, more;
	uint32_t mailbox;
	bool begun, live, known; /* of the mailbox: in use; or kept for a while */
	struct annotation_sum one, one_said, all, all_said;
};

PRINTF_LIKE(2, 3)
static void finding(struct pass *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	p->wrong = true;
	if (p->batch)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->look->tell(p->look->arg, text);
}

static void sum_check(struct pass *p, const struct box_key *k, uint32_t mailbox,
		      const struct annotation_sum *is, const struct annotation_sum *said)
{
	if (is->count == said->count && is->bytes == said->bytes)
		return;
	finding(p,
		"mailbox %" PRIu32 ": annotations are %" PRIu32 ", %" PRIu64
		" bytes; counted %" PRIu32 ", %" PRIu64,
		mailbox, said->count, said->bytes, is->count, is->bytes);
	if (p->batch && !p->more)
		box_annotation_sum_put(p->batch, k, is);
}

static void mailbox_end(struct pass *p)
{
	struct box_key k = box_key_mailbox('T', p->mailbox);
	/* Rows of a removed one may be on their way out. */
	if (!p->begun || !p->live)
		return;
	sum_check(p, &k, p->mailbox, &p->one, &p->one_said);
	p->all.count += p->one.count;
	p->all.bytes += p->one.bytes;
}

static enum kv_result there(struct pass *p, char kind, bool *is)
{
	struct box_key k = box_key_mailbox(kind, p->mailbox);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(p->space, p->view, &k, &row);
	buf_free(&row);
	*is = r == KV_OK;
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result mailbox_begin(struct pass *p, uint32_t mailbox)
{
	bool removed = false;
	mailbox_end(p);
	p->begun = true;
	p->mailbox = mailbox;
	p->live = mailbox == 0;
	p->one = p->one_said = (struct annotation_sum){0};
	enum kv_result r = p->live ? KV_OK : there(p, 'H', &p->live);
	if (r == KV_OK && !p->live)
		r = there(p, 'X', &removed);
	p->known = p->live || removed;
	if (r == KV_OK && !p->known)
		finding(p, "annotations of mailbox %" PRIu32 ", which is not there",
			mailbox);
	return r;
}

static void take_away(struct pass *p, struct span key)
{
	if (!p->batch)
		return;
	p->more = p->more || kv_batch_rows(p->batch) >= GONE_MAX;
	if (!p->more)
		kv_delete(p->batch, key);
}

static void annotation(struct pass *p, struct span key, struct span row)
{
	struct span name = box_annotation_name(key), value;
	if (!p->known) {
		take_away(p, key);
	} else if (name.len == 0) {
		/* Unreadable: it says nothing, and is written anew. */
		if (!box_annotation_sum_read(row, &p->one_said))
			p->one_said = (struct annotation_sum){UINT32_MAX, 0};
	} else if (!box_annotation_name_ok(name) || !box_annotation_read(row, &value)) {
		finding(p, "mailbox %" PRIu32 ": an annotation is unreadable", p->mailbox);
		take_away(p, key);
	} else {
		p->one.count++;
		p->one.bytes += name.len + value.len;
	}
}

static enum kv_result pass(struct pass *p)
{
	struct box_key all = box_key_kind('T');
	struct kv_scan *scan;
	struct span key, row;
	enum kv_result r = box_scan_prefix(p->space, p->view, &all, &scan);
	if (r != KV_OK)
		return r;
	while (!p->more && (r = kv_scan_next(scan, &key, &row)) == KV_OK) {
		if (key.len < 5) {
			if (!box_annotation_sum_read(row, &p->all_said))
				p->all_said = (struct annotation_sum){UINT32_MAX, 0};
			continue;
		}
		uint32_t mailbox = box_key_number(key, 1);
		if (!p->begun || mailbox != p->mailbox)
			r = mailbox_begin(p, mailbox);
		if (r != KV_OK)
			break;
		annotation(p, key, row);
	}
	kv_scan_close(scan);
	if (r != KV_OK && r != KV_NONE)
		return r;
	mailbox_end(p);
	if (!p->more)
		sum_check(p, &all, 0, &p->all, &p->all_said);
	return KV_OK;
}

struct mend {
	const struct annotation_look *look;
	bool more;
};

static enum kv_result mend(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct mend *m = arg;
	struct pass p = {.space = op->space, .view = KV_STAGED, .batch = b,
			 .look = m->look};
	enum kv_result r = pass(&p);
	m->more = p.more;
	return r == KV_OK && kv_batch_rows(b) == 0 ? KV_NONE : r;
}

enum kv_result box_fsck_annotations(struct box *b, const struct annotation_look *look,
				    bool repair)
{
	struct pass p = {.space = b->space, .view = KV_VISIBLE, .look = look};
	struct mend m = {.look = look, .more = true};
	enum kv_result r = pass(&p);
	if (r != KV_OK || !p.wrong || !repair)
		return r;
	while (r == KV_OK && m.more)
		r = kv_op_wait(b->space, KV_QUIET | KV_SHRINKS, mend, &m, NULL);
	return r;
}
