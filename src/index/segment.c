/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/segment: the shelf's row.  Must never let numbers through that the rows
 * of a segment cannot have: sizes of memory are taken from them.
 */
#include "index/segment.h"

#include "base/ensure.h"
#include "base/pack.h"
#include "terms/extract.h"

#define TIER_FIRST 512u
#define TIER_TIMES 8u
#define TERMS_MOST 0xffffffffu
#define BYTES_MOST ((uint64_t)UINT32_MAX * INDEX_ROW)

void index_shelf_init(struct index_shelf *s)
{
	*s = (struct index_shelf){.version = TERMS_VERSION, .next_id = 1};
}

static void write_segment(struct buf *b, const struct index_segment *s)
{
	pack_varint(b, s->id);
	pack_varint(b, s->first);
	pack_varint(b, s->last - s->first);
	pack_varint(b, s->docs);
	pack_varint(b, s->terms);
	pack_varint(b, s->postings);
	pack_varint(b, s->docs_bytes);
	pack_varint(b, s->uids_bytes);
	pack_varint(b, s->words_bytes);
	pack_varint(b, s->word_rows);
	for (size_t i = 0; i < TERM_CLASSES; i++)
		pack_varint(b, s->row_of[i] - (i > 0 ? s->row_of[i - 1] : 0));
}

void index_shelf_write(struct buf *b, const struct index_shelf *s)
{
	pack_u8(b, INDEX_FORMAT);
	pack_varint(b, s->version);
	pack_varint(b, s->next_id);
	pack_varint(b, s->covered);
	pack_varint(b, s->count);
	for (size_t i = 0; i < s->count; i++)
		write_segment(b, &s->segment[i]);
	pack_varint(b, s->gone_count);
	for (size_t i = 0; i < s->gone_count; i++) {
		pack_varint(b, s->gone[i].id);
		pack_varint(b, s->gone[i].word_rows);
		pack_varint(b, s->gone[i].docs_rows);
		pack_varint(b, s->gone[i].uids_rows);
	}
}

static bool read_segment(struct unpack *u, uint32_t after, struct index_segment *s)
{
	uint64_t span, at = 0;
	s->id = (uint32_t)unpack_varint(u, UINT32_MAX);
	s->first = (uint32_t)unpack_varint(u, UINT32_MAX);
	span = unpack_varint(u, UINT32_MAX);
	s->last = (uint32_t)(s->first + span);
	s->docs = (uint32_t)unpack_varint(u, INDEX_DOCS_MAX);
	s->terms = unpack_varint(u, TERMS_MOST);
	s->postings = unpack_varint(u, UINT64_MAX);
	s->docs_bytes = unpack_varint(u, BYTES_MOST);
	s->uids_bytes = unpack_varint(u, (uint64_t)INDEX_DOCS_MAX * 5);
	s->words_bytes = unpack_varint(u, BYTES_MOST);
	s->word_rows = (uint32_t)unpack_varint(u, UINT32_MAX);
	for (size_t i = 0; i < TERM_CLASSES; i++) {
		at += unpack_varint(u, UINT32_MAX);
		s->row_of[i] = (uint32_t)at;
		if (at > s->word_rows)
			return false;
	}
	return unpack_ok(u) && s->first > after &&
	       span <= UINT32_MAX - s->first && s->docs <= span + 1;
}

bool index_shelf_read(struct span row, struct index_shelf *s)
{
	struct unpack u = unpack_of(row);
	uint32_t after = 0;
	if (unpack_u8(&u) != INDEX_FORMAT)
		return false;
	s->version = (unsigned)unpack_varint(&u, UINT16_MAX);
	s->next_id = (uint32_t)unpack_varint(&u, UINT32_MAX);
	s->covered = (uint32_t)unpack_varint(&u, UINT32_MAX);
	s->count = (size_t)unpack_varint(&u, INDEX_SEGMENTS);
	for (size_t i = 0; i < s->count && unpack_ok(&u); i++) {
		if (!read_segment(&u, after, &s->segment[i]) ||
		    s->segment[i].id >= s->next_id)
			return false;
		after = s->segment[i].last;
	}
	s->gone_count = (size_t)unpack_varint(&u, INDEX_GONE);
	for (size_t i = 0; i < s->gone_count; i++) {
		s->gone[i].id = (uint32_t)unpack_varint(&u, UINT32_MAX);
		s->gone[i].word_rows = (uint32_t)unpack_varint(&u, UINT32_MAX);
		s->gone[i].docs_rows = (uint32_t)unpack_varint(&u, UINT32_MAX);
		s->gone[i].uids_rows = (uint32_t)unpack_varint(&u, UINT32_MAX);
	}
	return unpack_done(&u) && after <= s->covered && s->next_id > 0 &&
	       s->version == TERMS_VERSION;
}

/* ---- which to merge ---- */

/* Segments of a tier have up to eight times as many documents as those of the last. */
static unsigned tier(uint32_t docs)
{
	unsigned t = 0;
	for (; docs >= TIER_FIRST; docs /= TIER_TIMES)
		t++;
	return t;
}

/* The last segments that are of no higher tier than t, and how many are of it. */
static size_t tail(const struct index_shelf *s, unsigned t, size_t *of_it)
{
	size_t n = 0;
	*of_it = 0;
	uint64_t docs = 0;
	while (n < s->count && n < INDEX_GONE) {
		const struct index_segment *g = &s->segment[s->count - 1 - n];
		docs += g->docs;
		if (tier(g->docs) > t || docs > INDEX_DOCS_MAX)
			break;
		*of_it += tier(g->docs) == t;
		n++;
	}
	return n;
}

/* The two neighbours with the fewest documents between them. */
static size_t smallest_pair(const struct index_shelf *s, size_t *from)
{
	uint64_t least = INDEX_DOCS_MAX;
	size_t found = 0;
	for (size_t i = 0; i + 1 < s->count; i++) {
		uint64_t docs = (uint64_t)s->segment[i].docs + s->segment[i + 1].docs;
		if (docs <= least) {
			least = docs;
			*from = i;
			found = 2;
		}
	}
	return found;
}

size_t index_shelf_due(const struct index_shelf *s, size_t *from)
{
	for (unsigned t = 0; t <= tier(INDEX_DOCS_MAX); t++) {
		size_t of_it, n = tail(s, t, &of_it);
		*from = s->count - n;
		if (of_it >= TIER_TIMES)
			return n;
	}
	return s->count == INDEX_SEGMENTS ? smallest_pair(s, from) : 0;
}

void index_shelf_replace(struct index_shelf *s, size_t from, size_t count,
			 const struct index_segment *by)
{
	ENSURE(count > 0 && count <= INDEX_GONE && from + count <= s->count);
	ENSURE(s->gone_count == 0);
	for (size_t i = 0; i < count; i++) {
		const struct index_segment *g = &s->segment[from + i];
		s->gone[s->gone_count++] = (struct index_gone){
			.id = g->id,
			.word_rows = g->word_rows,
			.docs_rows = index_stream_rows(g->docs_bytes),
			.uids_rows = index_stream_rows(g->uids_bytes)};
	}
	s->segment[from] = *by;
	memmove(&s->segment[from + 1], &s->segment[from + count],
		(s->count - from - count) * sizeof s->segment[0]);
	s->count -= count - 1;
}
