/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/message: cold rows and bytes of messages.
 *
 * Rows that stand close together are read by one scan: by name each costs a search through
 * the engine's tables, in a scan the next one lies behind the last.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "box/inner.h"

enum kv_result box_summary_load(struct box *b, const struct cold *c,
				struct arena *a, struct span *out)
{
	struct buf body;
	buf_init(&body, BOX_SUMMARY_MAX);
	enum kv_result r = kv_body_read(b->kv, &c->summary_id, 0,
					c->summary_len, &body);
	if (r == KV_OK && buf_len(&body) != c->summary_len)
		r = KV_CORRUPT;
	if (r == KV_NONE)
		r = KV_CORRUPT;
	if (r == KV_OK && !arena_copy(a, buf_span(&body), out))
		r = KV_UNAVAILABLE;
	buf_free(&body);
	return r;
}

/* What a cold row says, with its spans in the arena. */
static enum kv_result message_of(struct box *b, struct span row, bool summary, struct arena *a,
				 struct box_message *out)
{
	struct cold c;
	if (!box_cold_read(row, &c))
		return KV_CORRUPT;
	*out = c.message;
	out->summary = (struct span){0};
	if (!arena_copy(a, c.message.prefix, &out->prefix))
		return KV_UNAVAILABLE;
	if (summary && c.summary_kept)
		return box_summary_load(b, &c, a, &out->summary);
	if (summary && !arena_copy(a, c.message.summary, &out->summary))
		return KV_UNAVAILABLE;
	return KV_OK;
}

enum box_result box_message(struct box *b, enum kv_view view, uint32_t mailbox,
			    uint32_t uid, bool summary, struct arena *a,
			    struct box_message *out)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key k = box_key_two('M', mailbox, uid);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(b->space, view, &k, &row);
	if (r == KV_OK)
		r = message_of(b, buf_span(&row), summary, a, out);
	if (r == KV_OK)
		out->uid = uid;
	buf_free(&row);
	return box_from_kv(r);
}

#define NEAR_GAP   8u /* UIDs not wanted that a scan steps over */
#define NEAR_LEAST 4u /* a scan costs as much as so many rows by name */

/* How many of the UIDs from the first on stand close together. */
static size_t near(const uint32_t *uids, size_t n)
{
	size_t i = 1;
	while (i < n && uids[i] - uids[i - 1] <= NEAR_GAP)
		i++;
	return i;
}

struct messages {
	struct box *box;
	enum kv_view view;
	uint32_t mailbox;
	bool summary, stopped;
	struct arena *arena;
	box_message_fn *each;
	void *arg;
};

static void tell(struct messages *m, uint32_t uid, const struct box_message *message)
{
	m->stopped = !m->each(m->arg, uid, message);
}

static enum kv_result messages_scan(struct messages *m, const uint32_t *uids, size_t n)
{
	struct box_key from = box_key_two('M', m->mailbox, uids[0]),
		       last = box_key_two('M', m->mailbox, uids[n - 1]),
		       end = box_key_end(&last);
	struct box_message message;
	struct kv_scan *scan;
	struct span key, value;
	size_t i = 0;
	enum kv_result r = kv_scan_open(m->box->space, m->view, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	while (i < n && !m->stopped && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		uint32_t uid = box_key_number(key, 5);
		while (i < n && uids[i] < uid && !m->stopped)
			tell(m, uids[i++], NULL);
		if (i == n || uids[i] != uid || m->stopped)
			continue;
		r = message_of(m->box, value, m->summary, m->arena, &message);
		if (r != KV_OK)
			break;
		message.uid = uid;
		tell(m, uids[i++], &message);
	}
	kv_scan_close(scan);
	while (r == KV_NONE && i < n && !m->stopped)
		tell(m, uids[i++], NULL);
	return r == KV_NONE ? KV_OK : r;
}

static enum box_result messages_one(struct messages *m, uint32_t uid)
{
	struct box_message message;
	enum box_result r = box_message(m->box, m->view, m->mailbox, uid, m->summary,
					m->arena, &message);
	if (r == BOX_OK || r == BOX_NONE)
		tell(m, uid, r == BOX_OK ? &message : NULL);
	return r == BOX_NONE ? BOX_OK : r;
}

enum box_result box_messages(struct box *b, enum kv_view view,
			     uint32_t mailbox, const uint32_t *uids, size_t n,
			     bool summary, struct arena *a,
			     box_message_fn *each, void *arg)
{
	ENSURE_TAG(b, BOX_TAG);
	struct messages m = {.box = b,
			     .view = view,
			     .mailbox = mailbox,
			     .summary = summary,
			     .arena = a,
			     .each = each,
			     .arg = arg};
	enum box_result r = BOX_OK;
	for (size_t i = 0; r == BOX_OK && i < n && !m.stopped;) {
		size_t some = near(uids + i, n - i);
		if (some < NEAR_LEAST)
			some = 1;
		r = some == 1 ? messages_one(&m, uids[i])
			      : box_from_kv(messages_scan(&m, uids + i, some));
		i += some;
	}
	return r;
}

enum box_result box_read(struct box *b, const struct box_message *m,
			 uint64_t from, size_t len, struct buf *out)
{
	ENSURE_TAG(b, BOX_TAG);
	if (from < m->prefix.len) {
		struct span s = span_sub(m->prefix, (size_t)from, len);
		buf_add(out, s);
		if (!buf_ok(out))
			return BOX_UNAVAILABLE;
		len -= s.len;
		from += s.len;
	}
	from -= m->prefix.len;
	if (len == 0 || from >= m->body_size)
		return BOX_OK;
	size_t before = buf_len(out);
	size_t want = (size_t)u64_min(len, m->body_size - from);
	enum kv_result r = kv_body_read(b->kv, &m->body, from, want, out);
	if (r == KV_NONE || (r == KV_OK && buf_len(out) - before != want))
		r = KV_CORRUPT;
	return box_from_kv(r);
}
