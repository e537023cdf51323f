/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/attach: see attach.h.  Must never hold more than a piece of a body beside
 * the memory that the sorter gets.
 */
#include "role/store/attach.h"

#include "base/check.h"
#include "os/file.h"
#include "summary/summary.h"

#define PIECE 65536u

uint64_t attach_text_end(const struct box_message *m, struct arena *a)
{
	struct summary *s;
	uint64_t end = 0;
	if (summary_read(m->summary, m->body_size, a, &s) != SUMMARY_OK)
		return m->body_size;
	for (size_t i = 0; i < s->part_count; i++) {
		const struct summary_part *p = &s->parts[i];
		bool is_text = span_eq_nocase(p->type, SPAN("text")) ||
			       span_eq_nocase(p->type, SPAN("message"));
		end = u64_max(end, is_text ? p->body_end : p->body_start);
	}
	return end;
}

static enum kv_result copy(struct job *j, const struct box_message *m, uint64_t end,
			   struct buf *piece, int file)
{
	struct store *s = j->store;
	enum kv_result r = KV_OK;
	for (uint64_t at = 0; r == KV_OK && at < end;) {
		size_t want = (size_t)u64_min(PIECE, end - at);
		buf_clear(piece);
		r = job_kv(j, kv_body_fetch(s->kv, &m->body, at, want, piece, kv_gate,
					    job_gate(j)));
		if (r == KV_OK && buf_len(piece) != want)
			r = buf_short(piece) ? KV_UNAVAILABLE : KV_CORRUPT;
		at += want;
		if (r == KV_OK && file >= 0 &&
		    file_append(s->role->world, file, buf_span(piece)) != OS_OK)
			r = KV_UNAVAILABLE;
	}
	return r;
}

enum kv_result attach_body(struct job *j, const struct box_message *m, uint64_t end,
			   struct arena *a, struct attached *out)
{
	struct world *w = j->store->role->world;
	struct buf piece;
	/* The summary and what is asked travel in the same frame. */
	bool inside = end <= ATTACH_INLINE && m->summary.len <= ATTACH_INLINE;
	*out = (struct attached){.file = -1};
	if (!inside && blob_new(w, &out->file) != OS_OK)
		return KV_UNAVAILABLE;
	buf_init(&piece, PIECE);
	enum kv_result r = copy(j, m, u64_min(end, m->body_size), &piece, out->file);
	if (r == KV_OK && out->file >= 0 && blob_seal(w, out->file) != OS_OK)
		r = KV_UNAVAILABLE;
	if (r == KV_OK && out->file < 0 && !arena_copy(a, buf_span(&piece), &out->bytes))
		r = KV_UNAVAILABLE;
	if (r != KV_OK)
		world_close(w, out->file);
	buf_free(&piece);
	return r;
}
