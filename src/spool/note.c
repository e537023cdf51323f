/* SPDX-License-Identifier: Apache-2.0 */
/* spool/note: rows N kind name. */
#include "spool/note.h"

#include "base/ensure.h"
#include "spool/format.h"

struct note_key {
	char bytes[3 + SPOOL_NOTE_NAME];
	size_t len;
};

static bool fits(unsigned kind, struct span name)
{
	return kind < SPOOL_NOTE_KINDS && name.len <= SPOOL_NOTE_NAME;
}

static struct note_key key_of(unsigned kind, struct span name)
{
	struct note_key k = {.bytes = {'N', (char)kind}, .len = 2};
	if (name.len)
		memcpy(k.bytes + 2, name.ptr, name.len);
	k.len += name.len;
	return k;
}

static struct span key_span(const struct note_key *k)
{
	return span_of(k->bytes, k->len);
}

static enum kv_result put_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	const struct spool_note *q = arg;
	struct note_key k = key_of(q->kind, q->name);
	(void)op;
	if (q->value.len)
		kv_put(b, key_span(&k), q->value);
	else
		kv_delete(b, key_span(&k));
	return KV_OK;
}

static void put_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_note *q = arg;
	(void)version;
	q->own.done(q->own.arg, spool_from_kv(r));
}

enum spool_result spool_note_put(struct spool *s, struct spool_note *q,
				 spool_done_fn *done, void *arg)
{
	enum spool_result sr;
	if (!fits(q->kind, q->name) || q->name.len == 0 ||
	    q->value.len > SPOOL_NOTE_VALUE)
		return SPOOL_LIMIT;
	struct kv_space *space = spool_space(s, q->kind, &sr);
	if (!space)
		return sr;
	q->own = (struct spool_own){.spool = s, .done = done, .arg = arg};
	return spool_from_kv(kv_op_run(space,
				       q->value.len ? 0 : KV_SHRINKS, put_run,
				       put_done, q));
}

enum spool_result spool_note_get(struct spool *s, unsigned kind,
				 struct span name, struct buf *out)
{
	enum spool_result sr;
	if (!fits(kind, name))
		return SPOOL_LIMIT;
	struct kv_space *space = spool_space(s, kind, &sr);
	struct note_key k = key_of(kind, name);
	return space ? spool_from_kv(
			       kv_get(space, KV_VISIBLE, key_span(&k), out))
		     : sr;
}

enum spool_result spool_notes(struct spool *s, unsigned kind,
			      struct span after, struct arena *a,
			      struct span *names, size_t max, size_t *count,
			      bool *more)
{
	enum spool_result sr;
	struct kv_scan *scan;
	struct span key, value;
	*count = 0;
	*more = false;
	if (!fits(kind, after))
		return SPOOL_LIMIT;
	struct kv_space *space = spool_space(s, kind, &sr);
	struct note_key from = key_of(kind, after);
	struct note_key end = key_of(kind + 1, span_of(NULL, 0));
	if (!space)
		return sr;
	from.bytes[from.len] = 0;
	from.len += after.len > 0;
	enum kv_result r = kv_scan_open(space, KV_VISIBLE, key_span(&from),
					key_span(&end), false, &scan);
	if (r != KV_OK)
		return spool_from_kv(r);
	while (!*more && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (*count == max)
			*more = true;
		else if (!arena_copy(a, span_skip(key, 2), &names[(*count)++]))
			break;
	}
	kv_scan_close(scan);
	if (r == KV_OK && !*more)
		return SPOOL_UNAVAILABLE;
	return spool_from_kv(r == KV_NONE ? KV_OK : r);
}
