/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/tree: names.  A name is a row of its own, so the tree is the order of the
 * keys; what a mailbox holds hangs on its number, so renaming moves names only.
 *
 * A mailbox that is removed while others stand below it leaves a bare level
 * (mailbox 0), which can be made a mailbox again.
 */
#include "box/tree.h"

#include "base/check.h"
#include "base/ensure.h"
#include "base/utf8.h"
#include "box/inner.h"

#define PURGE_ROWS 1800u /* deleted by one commit */

bool box_name_ok(struct span name)
{
	unsigned levels = 1;
	if (name.len == 0 || name.len > BOX_NAME_MAX || !utf8_valid(name) ||
	    name.ptr[0] == '/' || name.ptr[name.len - 1] == '/')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		if (c < 0x20 || c == 0x7f)
			return false;
		/* C1 controls, two bytes in UTF-8. */
		if (c == 0xc2 && (unsigned char)name.ptr[i + 1] < 0xa0)
			return false;
		if (c != '/')
			continue;
		levels++;
		if (name.ptr[i + 1] == '/')
			return false;
	}
	return levels <= BOX_DEPTH_MAX;
}

static bool is_inbox(struct span name) { return span_eq(name, SPAN("INBOX")); }

/* ---- pieces ---- */

static enum kv_result account_load(struct kv_space *s, struct account_row *a)
{
	struct box_key k = box_key_kind('A');
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, KV_STAGED, &k, &row);
	if (r == KV_OK && !box_account_read(buf_span(&row), a))
		r = KV_CORRUPT;
	buf_free(&row);
	return r;
}

static void put_small(struct kv_batch *b, const struct box_key *k,
		      void (*write)(struct buf *, const void *),
		      const void *what)
{
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	write(&row, what);
	kv_put_row(b, box_key_span(k), &row);
	buf_free(&row);
}

static void write_account(struct buf *b, const void *p) { box_account_write(b, p); }
static void write_name(struct buf *b, const void *p) { box_name_write(b, p); }
static void write_head(struct buf *b, const void *p) { box_head_pack(b, p); }
static void write_mark(struct buf *b, const void *p)
{
	(void)p;
	pack_u8(b, BOX_FORMAT);
}

static void put_account(struct kv_batch *b, const struct account_row *a)
{
	struct box_key k = box_key_kind('A');
	put_small(b, &k, write_account, a);
}

static void put_name(struct kv_batch *b, struct span name,
		     const struct name_row *n)
{
	struct box_key k = box_key_name('N', name);
	put_small(b, &k, write_name, n);
}

/* UIDVALIDITY: the time, but larger than any before. */
static uint32_t next_validity(struct kv *kv, struct account_row *a)
{
	uint64_t now = (uint64_t)kv_now(kv);
	uint64_t v = u64_max(u64_min(now, UINT32_MAX - 1),
			     (uint64_t)a->last_validity + 1);
	ENSURE(v <= UINT32_MAX);
	a->last_validity = (uint32_t)v;
	return a->last_validity;
}

/* A new, empty mailbox under a name. */
static uint32_t add_mailbox(struct kv_op *op, struct kv_batch *b,
			    struct account_row *a, struct span name,
			    enum box_use use)
{
	struct head h = {.uid_next = 1,
			 .recent_from = 1,
			 .version = op->version + 1,
			 .floor = op->version + 1};
	struct name_row n = {a->next_mailbox++, use};
	h.uid_validity = next_validity(kv_space_kv(op->space), a);
	box_page_init(&h.tail, 0);
	struct box_key k = box_key_mailbox('H', n.mailbox);
	put_small(b, &k, write_head, &h);
	put_name(b, name, &n);
	return n.mailbox;
}

static bool has_children(struct kv_space *s, struct span name,
			 enum kv_result *r)
{
	struct box_key from = box_key_name('N', name), end;
	struct kv_scan *scan;
	struct span key, value;
	from.bytes[from.len++] = '/';
	end = box_key_end(&from);
	*r = kv_scan_open(s, KV_STAGED, box_key_span(&from), box_key_span(&end), false,
			  &scan);
	if (*r != KV_OK)
		return false;
	*r = kv_scan_next(scan, &key, &value);
	kv_scan_close(scan);
	bool found = *r == KV_OK;
	if (*r == KV_NONE)
		*r = KV_OK;
	return found;
}

/* How many there are; has one of them this use? */
static enum kv_result count_names(struct kv_space *s, size_t *count,
				  enum box_use use, bool *taken)
{
	struct box_key k = box_key_kind('N');
	struct kv_scan *scan;
	struct span key, value;
	struct name_row n;
	*count = 0;
	*taken = false;
	enum kv_result r = box_scan_prefix(s, KV_STAGED, &k, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		++*count;
		if (use != BOX_USE_NONE && box_name_read(value, &n))
			*taken |= n.mailbox != 0 && n.use == use;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

/* Every superior level that does not exist becomes a mailbox. */
static enum kv_result add_superiors(struct kv_op *op, struct kv_batch *b,
				    struct account_row *a, struct span name,
				    size_t *made)
{
	for (size_t i = 1; i < name.len; i++) {
		struct name_row n;
		if (name.ptr[i] != '/')
			continue;
		struct span above = span_sub(name, 0, i);
		enum kv_result r =
			box_name_load(op->space, KV_STAGED, above, &n);
		if (r == KV_NONE) {
			uint32_t new = add_mailbox(op, b, a, above, BOX_USE_NONE);
			++*made;
			r = box_grants_inherit(op->space, b, above, new);
		}
		if (r != KV_OK)
			return r;
	}
	return KV_OK;
}

/* ---- verbs ---- */

static enum kv_result setup(struct box_tree *q, struct kv_op *op,
			    struct kv_batch *b)
{
	static const struct {
		struct span name;
		enum box_use use;
	} first[] = {
		{SPAN_INIT("INBOX"), BOX_USE_NONE},
		{SPAN_INIT("Drafts"), BOX_USE_DRAFTS},
		{SPAN_INIT("Sent"), BOX_USE_SENT},
		{SPAN_INIT("Junk"), BOX_USE_JUNK},
		{SPAN_INIT("Trash"), BOX_USE_TRASH},
		{SPAN_INIT("Archive"), BOX_USE_ARCHIVE},
	};
	struct account_row a = {.next_mailbox = 1};
	enum kv_result r = account_load(op->space, &a);
	if (r == KV_OK)
		return box_own_refuse(&q->own, BOX_EXISTS);
	if (r != KV_NONE)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		uint32_t n = add_mailbox(op, b, &a, first[i].name,
					 first[i].use);
		struct box_key k = box_key_name('S', first[i].name);
		put_small(b, &k, write_mark, NULL);
		if (i == 0)
			q->mailbox = n;
	}
	put_account(b, &a);
	return KV_OK;
}

static enum kv_result create(struct box_tree *q, struct kv_op *op,
			     struct kv_batch *b, struct span name,
			     enum box_use use)
{
	struct account_row a;
	struct name_row n;
	size_t names, made = 1;
	bool taken;
	enum kv_result r = account_load(op->space, &a);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r != KV_OK)
		return r;
	r = box_name_load(op->space, KV_STAGED, name, &n);
	if (r == KV_OK && n.mailbox)
		return box_own_refuse(&q->own, BOX_EXISTS);
	if (r != KV_OK && r != KV_NONE)
		return r;
	r = count_names(op->space, &names, use, &taken);
	if (r == KV_OK && taken)
		return box_own_refuse(&q->own, BOX_CANNOT);
	if (r == KV_OK)
		r = add_superiors(op, b, &a, name, &made);
	if (r != KV_OK)
		return r;
	if (names + made > BOX_MAILBOXES_MAX)
		return box_own_refuse(&q->own, BOX_LIMIT);
	q->mailbox = add_mailbox(op, b, &a, name, use);
	put_account(b, &a);
	return box_grants_inherit(op->space, b, name, q->mailbox);
}

/* The head goes where BOX_REVIVE finds it. */
static enum kv_result put_removed(struct box_tree *q, struct kv_op *op,
				  struct kv_batch *b, const struct name_row *n)
{
	struct box_key head = box_key_mailbox('H', n->mailbox);
	struct box_key gone = box_key_mailbox('X', n->mailbox);
	struct buf row, text;
	buf_init(&row, BOX_ROW_MAX);
	buf_init(&text, BOX_ROW_MAX);
	enum kv_result r = box_row_get(op->space, KV_STAGED, &head, &row);
	struct head h;
	/* An empty one can be made anew. */
	if (r == KV_OK && (!box_head_unpack(buf_span(&row), false, &h) ||
			   h.messages == 0))
		r = KV_NONE;
	if (r == KV_OK) {
		struct removed_row x = {
			.when = kv_now(kv_space_kv(op->space)),
			.use = n->use,
			.name = q->name,
			.head = buf_span(&row)};
		box_removed_write(&text, &x);
		kv_put_row(b, box_key_span(&gone), &text);
		r = buf_ok(&text) ? KV_OK : KV_UNAVAILABLE;
	} else if (r == KV_NONE) {
		put_small(b, &gone, write_mark, NULL);
		r = KV_OK;
	}
	kv_delete(b, box_key_span(&head));
	buf_free(&text);
	buf_free(&row);
	return r;
}

static enum kv_result remove_mailbox(struct box_tree *q, struct kv_op *op,
				     struct kv_batch *b)
{
	struct name_row n;
	enum kv_result r = box_name_load(op->space, KV_STAGED, q->name, &n);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r != KV_OK)
		return r;
	bool children = has_children(op->space, q->name, &r);
	if (r != KV_OK)
		return r;
	if (!n.mailbox && children)
		return box_own_refuse(&q->own, BOX_CHILDREN);
	struct box_key name = box_key_name('N', q->name);
	if (children)
		put_name(b, q->name, &(struct name_row){0, BOX_USE_NONE});
	else
		kv_delete(b, box_key_span(&name));
	q->mailbox = n.mailbox;
	if (!n.mailbox)
		return KV_OK;
	r = box_annotations_leave(op, b, n.mailbox, false);
	return r == KV_OK ? put_removed(q, op, b, &n) : r;
}

/* The last one of this name, in `row`, which `x` borrows. */
static enum kv_result find_removed(struct kv_space *s, struct span name,
				   struct buf *row, struct removed_row *x,
				   uint32_t *mailbox)
{
	struct box_key prefix = box_key_kind('X');
	struct kv_scan *scan;
	struct span key, value;
	int64_t last = 0;
	enum kv_result r = box_scan_prefix(s, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!box_removed_read(value, x) || x->when == 0 ||
		    x->when < last || !span_eq(x->name, name))
			continue;
		last = x->when;
		*mailbox = box_key_number(key, 1);
		buf_clear(row);
		buf_add(row, value);
	}
	kv_scan_close(scan);
	if (r != KV_NONE)
		return r;
	if (last == 0)
		return KV_NONE;
	return buf_ok(row) && box_removed_read(buf_span(row), x)
		       ? KV_OK
		       : KV_UNAVAILABLE;
}

static bool too_much(struct box_tree *q, const struct box_quota *used)
{
	return (q->quota_bytes != 0 && used->bytes > q->quota_bytes) ||
	       (q->quota_messages != 0 && used->messages > q->quota_messages);
}

static enum kv_result put_revived(struct box_tree *q, struct kv_op *op,
				  struct kv_batch *b, struct account_row *a,
				  const struct removed_row *x)
{
	struct box_key head = box_key_mailbox('H', q->mailbox);
	struct box_key gone = box_key_mailbox('X', q->mailbox);
	struct name_row n = {q->mailbox, x->use}, there;
	struct span name = q->to.len > 0 ? q->to : q->name;
	struct box_quota quota;
	struct head h;
	if (!box_head_unpack(x->head, true, &h))
		return KV_CORRUPT;
	enum kv_result r = box_name_load(op->space, KV_STAGED, name, &there);
	if (r == KV_OK && there.mailbox)
		return box_own_refuse(&q->own, BOX_EXISTS);
	if (r == KV_OK || r == KV_NONE)
		r = box_quota_staged(q->own.box, &quota);
	if (r != KV_OK)
		return r;
	quota.bytes += h.bytes;
	quota.messages += h.messages;
	if (too_much(q, &quota))
		return box_own_refuse(&q->own, BOX_OVERQUOTA);
	h.uid_validity = next_validity(kv_space_kv(op->space), a);
	put_small(b, &head, write_head, &h);
	put_name(b, name, &n);
	put_account(b, a);
	kv_delete(b, box_key_span(&gone));
	box_quota_moved(q->own.box, op, &quota);
	return box_annotations_leave(op, b, n.mailbox, true);
}

static enum kv_result revive(struct box_tree *q, struct kv_op *op,
			     struct kv_batch *b)
{
	struct account_row a;
	struct removed_row x;
	struct buf row;
	size_t names, made = 1;
	bool taken = false;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = account_load(op->space, &a);
	if (r == KV_OK)
		r = find_removed(op->space, q->name, &row, &x, &q->mailbox);
	if (r == KV_NONE)
		r = box_own_refuse(&q->own, BOX_NONE);
	if (r == KV_OK)
		r = count_names(op->space, &names, x.use, &taken);
	if (taken) /* two of one use would be one too many */
		x.use = BOX_USE_NONE;
	if (r == KV_OK)
		r = add_superiors(op, b, &a, q->to.len > 0 ? q->to : q->name,
				  &made);
	if (r == KV_OK && names + made > BOX_MAILBOXES_MAX)
		r = box_own_refuse(&q->own, BOX_LIMIT);
	if (r == KV_OK)
		r = put_revived(q, op, b, &a, &x);
	buf_free(&row);
	return r;
}

/* One name moves: `from` and what stood behind it in the old name. */
static enum kv_result move_name(struct box_tree *q, struct kv_op *op,
				struct kv_batch *b, struct span old,
				const struct name_row *n)
{
	char bytes[2 * BOX_NAME_MAX];
	struct span rest = span_skip(old, q->name.len);
	struct span name = span_of(bytes, q->to.len + rest.len);
	struct name_row there;
	memcpy(bytes, q->to.ptr, q->to.len);
	if (rest.len)
		memcpy(bytes + q->to.len, rest.ptr, rest.len);
	if (!box_name_ok(name))
		return box_own_refuse(&q->own, BOX_LIMIT);
	enum kv_result r = box_name_load(op->space, KV_STAGED, name, &there);
	if (r == KV_OK && there.mailbox)
		return box_own_refuse(&q->own, BOX_EXISTS);
	if (r != KV_OK && r != KV_NONE)
		return r;
	struct box_key k = box_key_name('N', old);
	kv_delete(b, box_key_span(&k));
	put_name(b, name, n);
	return KV_OK;
}

static enum kv_result move_below(struct box_tree *q, struct kv_op *op,
				 struct kv_batch *b, size_t *moved)
{
	struct box_key from = box_key_name('N', q->name), end;
	struct kv_scan *scan;
	struct span key, value;
	struct name_row n;
	from.bytes[from.len++] = '/';
	end = box_key_end(&from);
	enum kv_result r = kv_scan_open(op->space, KV_STAGED, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (++*moved > BOX_RENAME_MAX)
			r = box_own_refuse(&q->own, BOX_LIMIT);
		else if (!box_name_read(value, &n))
			r = KV_CORRUPT;
		else
			r = move_name(q, op, b, span_skip(key, 1), &n);
		if (r != KV_OK)
			break;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static bool below(struct span name, struct span above)
{
	return name.len > above.len && span_starts(name, above) &&
	       name.ptr[above.len] == '/';
}

static enum kv_result rename_mailbox(struct box_tree *q, struct kv_op *op,
				     struct kv_batch *b)
{
	struct account_row a;
	struct name_row n;
	size_t moved = 1, made = 0, names;
	bool taken;
	if (span_eq(q->name, q->to))
		return box_own_refuse(&q->own, BOX_EXISTS);
	if (below(q->to, q->name) && !is_inbox(q->name))
		return box_own_refuse(&q->own, BOX_CANNOT);
	enum kv_result r = box_name_load(op->space, KV_STAGED, q->name, &n);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r != KV_OK)
		return r;
	if (is_inbox(q->name)) {
		q->more = true;
		r = create(q, op, b, q->to, BOX_USE_NONE);
		return r == KV_OK ? box_annotations_copy(op, b, n.mailbox, q->mailbox)
				  : r;
	}
	r = account_load(op->space, &a);
	if (r == KV_OK)
		r = move_name(q, op, b, q->name, &n);
	if (r == KV_OK)
		r = move_below(q, op, b, &moved);
	if (r == KV_OK)
		r = count_names(op->space, &names, BOX_USE_NONE, &taken);
	if (r == KV_OK)
		r = add_superiors(op, b, &a, q->to, &made);
	if (r != KV_OK)
		return r;
	if (names + made > BOX_MAILBOXES_MAX)
		return box_own_refuse(&q->own, BOX_LIMIT);
	if (made)
		put_account(b, &a);
	q->mailbox = n.mailbox;
	return KV_OK;
}

/* Delete rows of one kind of a removed mailbox; false: the batch is full. */
static bool purge_kind(struct kv_op *op, struct kv_batch *b, char kind,
		       uint32_t mailbox, enum kv_result *r)
{
	struct box_key prefix = box_key_mailbox(kind, mailbox);
	struct kv_scan *scan;
	struct span key, value;
	*r = box_scan_prefix(op->space, KV_STAGED, &prefix, &scan);
	if (*r != KV_OK)
		return false;
	bool all = true;
	while (all && (*r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		all = kv_batch_rows(b) < PURGE_ROWS;
		if (all)
			kv_delete(b, key);
	}
	kv_scan_close(scan);
	if (*r == KV_NONE)
		*r = KV_OK;
	return all;
}

/* A removed mailbox whose time is over.  KV_NONE: nothing waits. */
static enum kv_result find_over(struct kv_space *s, int64_t before,
				uint32_t *mailbox)
{
	struct box_key prefix = box_key_kind('X');
	struct kv_scan *scan;
	struct span key, value;
	struct removed_row x;
	enum kv_result r = box_scan_prefix(s, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		*mailbox = box_key_number(key, 1);
		if (!box_removed_read(value, &x) || x.when == 0 ||
		    x.when < before)
			break;
	}
	kv_scan_close(scan);
	return r;
}

static enum kv_result purge(struct box_tree *q, struct kv_op *op,
			    struct kv_batch *b)
{
	static const char kinds[] = {'M', 'O', 'P', 'L', 'K', 'I', 'J', 'T',
				     'R', 'U', 'V', 'Y'};
	uint32_t mailbox = 0;
	enum kv_result r = find_over(op->space, q->before, &mailbox);
	if (r != KV_OK)
		return r;
	q->more = true;
	/* With the first row that goes there is no way back. */
	struct box_key k = box_key_mailbox('X', mailbox);
	put_small(b, &k, write_mark, NULL);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!purge_kind(op, b, kinds[i], mailbox, &r))
			return r;
	kv_delete(b, box_key_span(&k));
	return KV_OK;
}

static enum kv_result erase(struct box_tree *q, struct kv_op *op,
			    struct kv_batch *b)
{
	const struct span all = {0};
	struct kv_scan *scan;
	struct span key, value;
	enum kv_result r =
		kv_scan_open(op->space, KV_STAGED, all, all, false, &scan);
	if (r != KV_OK)
		return r;
	while (!q->more && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		q->more = kv_batch_rows(b) == PURGE_ROWS;
		if (!q->more)
			kv_delete(b, key);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result subscribe(struct box_tree *q, struct kv_op *op,
				struct kv_batch *b)
{
	struct box_key k = box_key_name('S', q->name);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(op->space, KV_STAGED, &k, &row);
	buf_free(&row);
	if (r != KV_OK && r != KV_NONE)
		return r;
	if ((r == KV_OK) == (q->verb == BOX_SUBSCRIBE))
		return KV_NONE;
	if (q->verb == BOX_SUBSCRIBE)
		put_small(b, &k, write_mark, NULL);
	else
		kv_delete(b, box_key_span(&k));
	return KV_OK;
}

/* ---- the operation ---- */

static enum kv_result tree_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_tree *q = arg;
	q->own.refusal = BOX_OK;
	q->mailbox = 0;
	q->more = false;
	switch (q->verb) {
	case BOX_SETUP:
		return setup(q, op, b);
	case BOX_CREATE:
		return create(q, op, b, q->name, q->use);
	case BOX_REMOVE_MAILBOX:
		return remove_mailbox(q, op, b);
	case BOX_RENAME:
		return rename_mailbox(q, op, b);
	case BOX_SUBSCRIBE:
	case BOX_UNSUBSCRIBE:
		return subscribe(q, op, b);
	case BOX_REVIVE:
		return revive(q, op, b);
	case BOX_PURGE:
		return purge(q, op, b);
	case BOX_ERASE:
		return erase(q, op, b);
	}
	return box_own_refuse(&q->own, BOX_CANNOT);
}

static void tree_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_tree *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_tree(struct box *b, struct box_tree *q, box_done_fn *done,
			 void *arg)
{
	bool named = q->verb != BOX_SETUP && q->verb != BOX_PURGE &&
		     q->verb != BOX_ERASE;
	unsigned flags = 0;
	if (named && !box_name_ok(q->name))
		return BOX_CANNOT;
	if ((q->verb == BOX_RENAME ||
	     (q->verb == BOX_REVIVE && q->to.len > 0)) &&
	    !box_name_ok(q->to))
		return BOX_CANNOT;
	if (q->verb == BOX_REMOVE_MAILBOX && is_inbox(q->name))
		return BOX_CANNOT;
	if (q->verb == BOX_PURGE || q->verb == BOX_ERASE)
		flags = KV_QUIET | KV_SHRINKS;
	if (q->verb == BOX_REMOVE_MAILBOX)
		flags = KV_SHRINKS;
	return box_own_run(&q->own, b, flags, tree_run, tree_done, q, done, arg);
}
