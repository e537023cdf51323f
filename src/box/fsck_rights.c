/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/fsck_rights: rows 'R' and 'G'.
 *
 * Mended is by taking away what nobody can read or no mailbox has: such a row grants
 * nothing as it stands.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "box/fsck_inner.h"

#define GONE_MAX 500u /* rows that one commit takes away */

/* Has the mailbox of these grants rows, or had it? */
static enum kv_result grants_wanted(struct kv_space *s, enum kv_view view,
				    uint32_t mailbox, bool *wanted)
{
	struct box_key head = box_key_mailbox('H', mailbox);
	struct box_key gone = box_key_mailbox('X', mailbox);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, view, &head, &row);
	if (r == KV_NONE)
		r = box_row_get(s, view, &gone, &row);
	buf_free(&row);
	*wanted = r == KV_OK;
	return r == KV_NONE ? KV_OK : r;
}

/* One row of rights: *what is wrong with it, NULL: nothing. */
static enum kv_result judge_rights(struct kv_space *s, enum kv_view view,
				   struct span key, struct span value,
				   struct box_grants *g, const char **what)
{
	bool wanted = true;
	enum kv_result r = KV_OK;
	*what = NULL;
	if (*key.ptr == 'G') {
		*what = box_giver_read(key, value) ? NULL : "unreadable";
		return KV_OK;
	}
	if (!box_grants_read(value, g))
		*what = "unreadable";
	else
		r = grants_wanted(s, view, box_key_number(key, 1), &wanted);
	if (!wanted)
		*what = "of no mailbox";
	return r;
}

struct mend_rights {
	char kind;
	struct box_grants *grants;
	bool more;
};

/* Takes away what grants nothing that can be read. */
static enum kv_result mend_rights(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct mend_rights *m = arg;
	struct box_key k = box_key_kind(m->kind);
	struct kv_scan *scan;
	struct span key, value;
	const char *what;
	m->more = false;
	enum kv_result r = box_scan_prefix(op->space, KV_STAGED, &k, &scan);
	if (r != KV_OK)
		return r;
	while (!m->more && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		r = judge_rights(op->space, KV_STAGED, key, value, m->grants, &what);
		if (r != KV_OK)
			break;
		if (what == NULL)
			continue;
		m->more = kv_batch_rows(b) == GONE_MAX;
		if (!m->more)
			kv_delete(b, key);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static void tell(const struct annotation_look *look, struct span key, const char *what)
{
	char text[128];
	if (*key.ptr == 'R')
		snprintf(text, sizeof text, "mailbox %" PRIu32 ": its rights are %s",
			 box_key_number(key, 1), what);
	else
		snprintf(text, sizeof text, "a row of who granted rights is %s", what);
	look->tell(look->arg, text);
}

static enum kv_result check(struct box *b, const struct annotation_look *look, char kind,
			    bool repair, struct box_grants *g)
{
	struct mend_rights m = {.kind = kind, .grants = g};
	struct box_key k = box_key_kind(kind);
	struct kv_scan *scan;
	struct span key, value;
	const char *what;
	enum kv_result r = box_scan_prefix(b->space, KV_VISIBLE, &k, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		r = judge_rights(b->space, KV_VISIBLE, key, value, g, &what);
		if (r != KV_OK)
			break;
		if (what == NULL)
			continue;
		tell(look, key, what);
		m.more = repair;
	}
	kv_scan_close(scan);
	if (r == KV_NONE)
		r = KV_OK;
	while (r == KV_OK && m.more)
		r = kv_op_wait(b->space, KV_SHRINKS, mend_rights, &m, NULL);
	return r;
}

enum kv_result box_fsck_rights(struct box *b, const struct annotation_look *look,
			       bool repair)
{
	struct box_grants *g = malloc(sizeof *g);
	enum kv_result r = g != NULL ? check(b, look, 'R', repair, g) : KV_UNAVAILABLE;
	if (r == KV_OK)
		r = check(b, look, 'G', repair, g);
	free(g);
	return r;
}
