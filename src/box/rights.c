/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/rights: one row a mailbox, one a giver.
 *
 * Must never read a row that it cannot read as one that grants something.
 */
#include "box/rights.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "box/inner.h"

/* ---- rows -------------------------------------------------------------------- */

enum kv_result box_grants_load(struct kv_space *s, enum kv_view view,
			       uint32_t mailbox, struct box_grants *out)
{
	struct box_key k = box_key_mailbox('R', mailbox);
	struct buf row;
	out->count = 0;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, view, &k, &row);
	if (r == KV_OK && !box_grants_read(buf_span(&row), out))
		r = KV_CORRUPT;
	buf_free(&row);
	if (r != KV_OK)
		out->count = 0;
	return r == KV_NONE ? KV_OK : r;
}

void box_grants_put(struct kv_batch *b, uint32_t mailbox, const struct box_grants *g)
{
	struct box_key k = box_key_mailbox('R', mailbox);
	struct buf row;
	if (g->count == 0) {
		kv_delete(b, box_key_span(&k));
		return;
	}
	buf_init(&row, BOX_ROW_MAX);
	box_grants_write(&row, g);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
}

enum kv_result box_grants_inherit(struct kv_space *s, struct kv_batch *b,
				  struct span name, uint32_t mailbox)
{
	struct name_row n = {0};
	enum kv_result r = KV_NONE;
	size_t slash;
	while (n.mailbox == 0 && (r == KV_NONE || r == KV_OK)) {
		slash = span_find_last(name, '/');
		if (slash == SIZE_MAX)
			return KV_OK;
		name = span_sub(name, 0, slash);
		r = box_name_load(s, KV_STAGED, name, &n);
	}
	struct box_grants *g = r == KV_OK ? malloc(sizeof *g) : NULL;
	if (g == NULL)
		return r == KV_OK ? KV_UNAVAILABLE : r;
	r = box_grants_load(s, KV_STAGED, n.mailbox, g);
	if (r == KV_OK && g->count > 0)
		box_grants_put(b, mailbox, g);
	free(g);
	return r;
}

/* ---- reading ----------------------------------------------------------------- */

enum box_result box_grants(struct box *b, enum kv_view view, uint32_t mailbox,
			   struct box_grants *out)
{
	ENSURE_TAG(b, BOX_TAG);
	return box_from_kv(box_grants_load(b->space, view, mailbox, out));
}

uint32_t box_grants_of(const struct box_grants *g, uint64_t account, bool anyone)
{
	uint32_t rights = 0, refused = 0;
	for (size_t i = 0; i < g->count; i++) {
		const struct box_grant *one = &g->of[i];
		if (one->account != account &&
		    !(anyone && one->account == BOX_ANYONE))
			continue;
		rights |= one->rights;
		refused |= one->refused;
	}
	return rights & ~refused;
}

enum box_result box_grants_each(struct box *b, enum kv_view view, box_grants_fn *fn,
				void *arg)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key k = box_key_kind('R');
	struct box_grants *g = malloc(sizeof *g);
	struct kv_scan *scan;
	struct span key, value;
	enum box_result done = BOX_OK;
	enum kv_result r = KV_UNAVAILABLE;
	if (g != NULL)
		r = box_scan_prefix(b->space, view, &k, &scan);
	if (r != KV_OK) {
		free(g);
		return box_from_kv(r);
	}
	while (done == BOX_OK && (r = kv_scan_next(scan, &key, &value)) == KV_OK)
		/* What cannot be read grants nothing: fsck says so. */
		if (box_grants_read(value, g))
			done = fn(arg, box_key_number(key, 1), g);
	kv_scan_close(scan);
	free(g);
	return done != BOX_OK || r == KV_NONE ? done : box_from_kv(r);
}

enum box_result box_givers(struct box *b, enum kv_view view, uint64_t *givers,
			   size_t max, size_t *count)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key k = box_key_kind('G');
	struct kv_scan *scan;
	struct span key, value;
	*count = 0;
	enum kv_result r = box_scan_prefix(b->space, view, &k, &scan);
	if (r != KV_OK)
		return box_from_kv(r);
	while (*count < max && (r = kv_scan_next(scan, &key, &value)) == KV_OK)
		givers[(*count)++] = box_key_giver_of(key);
	kv_scan_close(scan);
	return r == KV_NONE ? BOX_OK : box_from_kv(r);
}

/* ---- changing ---------------------------------------------------------------- */

static uint32_t changed(uint32_t old, enum box_how how, uint32_t rights)
{
	switch (how) {
	case BOX_SET:
		return rights;
	case BOX_ADD:
		return old | rights;
	case BOX_REMOVE:
		break;
	}
	return old & ~rights;
}

/* The place of an account; made when it is missing.  NULL: no room. */
static struct box_grant *place(struct box_grants *g, uint64_t account)
{
	size_t at = 0;
	while (at < g->count && g->of[at].account < account)
		at++;
	if (at < g->count && g->of[at].account == account)
		return &g->of[at];
	if (g->count == BOX_GRANTS_MAX)
		return NULL;
	memmove(&g->of[at + 1], &g->of[at], (g->count - at) * sizeof g->of[0]);
	g->count++;
	g->of[at] = (struct box_grant){.account = account};
	return &g->of[at];
}

static void drop_empty(struct box_grants *g)
{
	size_t kept = 0;
	for (size_t i = 0; i < g->count; i++)
		if ((g->of[i].rights | g->of[i].refused) != 0)
			g->of[kept++] = g->of[i];
	g->count = kept;
}

static enum kv_result grant(struct box_granting *q, struct kv_op *op,
			    struct kv_batch *b, struct box_grants *g)
{
	struct head h;
	enum kv_result r =
		box_head_load(op->space, KV_STAGED, q->mailbox, false, &h);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r == KV_OK)
		r = box_grants_load(op->space, KV_STAGED, q->mailbox, g);
	if (r != KV_OK)
		return r;
	struct box_grant *one = place(g, q->account);
	if (one == NULL)
		return box_own_refuse(&q->own, BOX_LIMIT);
	if (q->refuse)
		one->refused = changed(one->refused, q->how, q->rights);
	else
		one->rights = changed(one->rights, q->how, q->rights);
	drop_empty(g);
	box_grants_put(b, q->mailbox, g);
	return KV_OK;
}

static enum kv_result giver(struct box_granting *q, struct kv_op *op, struct kv_batch *b)
{
	uint64_t known[BOX_GIVERS_MAX];
	size_t count;
	struct box_key k = box_key_giver(q->account);
	struct buf row;
	enum box_result r = box_givers(q->own.box, KV_STAGED, known, BOX_GIVERS_MAX,
				       &count);
	bool there = false;
	(void)op;
	if (r != BOX_OK)
		return r == BOX_CORRUPT ? KV_CORRUPT : KV_UNAVAILABLE;
	for (size_t i = 0; i < count; i++)
		there |= known[i] == q->account;
	if (there == (q->verb == BOX_GIVER))
		return KV_NONE;
	if (q->verb == BOX_FORGET_GIVER) {
		kv_delete(b, box_key_span(&k));
		return KV_OK;
	}
	if (count == BOX_GIVERS_MAX)
		return box_own_refuse(&q->own, BOX_LIMIT);
	buf_init(&row, BOX_ROW_MAX);
	pack_u8(&row, BOX_FORMAT);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
	return KV_OK;
}

static enum kv_result granting_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_granting *q = arg;
	q->own.refusal = BOX_OK;
	if (q->verb != BOX_GRANT)
		return giver(q, op, b);
	struct box_grants *g = malloc(sizeof *g);
	enum kv_result r = g != NULL ? grant(q, op, b, g) : KV_UNAVAILABLE;
	free(g);
	return r;
}

static void granting_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_granting *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_granting(struct box *b, struct box_granting *q,
			     box_done_fn *done, void *arg)
{
	if (q->rights > ACL_ALL)
		return BOX_LIMIT;
	return box_own_run(&q->own, b, q->verb == BOX_GRANT ? 0 : KV_QUIET,
			   granting_run, granting_done, q, done, arg);
}
