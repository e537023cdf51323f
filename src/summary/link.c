/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/link: the invariants in one place, for both writer and reader, and
 * the links between parts that follow from their parents.
 *
 * Must never accept an offset outside of the message or of the parent's body.
 */
#include "summary/summary.h"

static bool string_ok(struct span s)
{
	return s.len <= SUMMARY_STRING_MAX && (s.ptr != NULL || s.len == 0);
}

static bool params_ok(struct summary_params p)
{
	if (p.count > SUMMARY_PARAMS_MAX)
		return false;
	for (size_t i = 0; i < p.count; i++)
		if (!string_ok(p.at[i].name) || !string_ok(p.at[i].value))
			return false;
	return true;
}

static bool envelope_ok(const struct summary_envelope *e)
{
	if (!string_ok(e->date) || !string_ok(e->subject) || !string_ok(e->in_reply_to) ||
	    !string_ok(e->message_id))
		return false;
	for (size_t w = 0; w < SUMMARY_WHO_COUNT; w++) {
		if (e->who[w].count > SUMMARY_ADDRESSES_MAX)
			return false;
		for (size_t i = 0; i < e->who[w].count; i++) {
			const struct summary_address *a = &e->who[w].at[i];
			if (!string_ok(a->name) || !string_ok(a->adl) ||
			    !string_ok(a->mailbox) || !string_ok(a->host))
				return false;
		}
	}
	return true;
}

static bool strings_ok(const struct summary_part *p)
{
	if (p->language_count > SUMMARY_LANGUAGES_MAX || p->type.ptr == NULL ||
	    p->subtype.ptr == NULL)
		return false;
	for (size_t i = 0; i < p->language_count; i++)
		if (!string_ok(p->languages[i]))
			return false;
	return string_ok(p->type) && string_ok(p->subtype) && params_ok(p->params) &&
	       string_ok(p->id) && string_ok(p->description) && string_ok(p->encoding) &&
	       string_ok(p->md5) && string_ok(p->location) && string_ok(p->disposition) &&
	       params_ok(p->disposition_params) &&
	       (p->envelope == NULL || envelope_ok(p->envelope));
}

/* Is part i where its parent's body allows it, and does it fit the tree? */
static bool place_ok(const struct summary *s, size_t i)
{
	const struct summary_part *p = &s->parts[i];
	if (p->kind > SUMMARY_MESSAGE || p->header_start > p->body_start ||
	    p->body_start > p->body_end || p->lines > p->body_end - p->body_start)
		return false;
	if (i == 0)
		return p->parent == SUMMARY_NO_PARENT && p->depth == 0 &&
		       p->header_start == 0 && p->body_end == s->size && p->envelope != NULL;
	if (p->parent >= i || p->depth >= SUMMARY_DEPTH_MAX)
		return false;
	const struct summary_part *up = &s->parts[p->parent];
	bool nested = up->kind == SUMMARY_MESSAGE;
	return up->kind != SUMMARY_LEAF && p->depth == up->depth + 1 &&
	       p->header_start >= up->body_start && p->body_end <= up->body_end &&
	       nested == (p->envelope != NULL);
}

/*
 * Preorder: the parent of each part is the part before it or an ancestor of
 * that.  Links are set on the way; a MESSAGE may not get a second child.
 */
static bool link_parts(struct summary *s)
{
	uint32_t last_at_depth[SUMMARY_DEPTH_MAX] = {0};
	for (uint32_t i = 0; i < s->part_count; i++) {
		struct summary_part *p = &s->parts[i];
		p->children = p->first_child = p->next_sibling = 0;
		last_at_depth[p->depth] = i;
		if (i == 0)
			continue;
		struct summary_part *up = &s->parts[p->parent];
		if (p->depth > s->parts[i - 1].depth + 1 ||
		    last_at_depth[p->depth - 1] != p->parent ||
		    (up->kind == SUMMARY_MESSAGE && up->children > 0))
			return false;
		up->children++;
		if (up->first_child == 0)
			up->first_child = i;
	}
	for (uint32_t i = 0; i < s->part_count; i++)
		if (s->parts[i].kind == SUMMARY_MESSAGE && s->parts[i].children != 1)
			return false;
	return true;
}

/* Walking back, the part seen last with the same parent is the next sibling. */
static void link_siblings(struct summary *s)
{
	uint32_t next_at_depth[SUMMARY_DEPTH_MAX + 1] = {0};
	for (uint32_t i = (uint32_t)s->part_count; i-- > 0;) {
		struct summary_part *p = &s->parts[i];
		p->next_sibling = next_at_depth[p->depth];
		next_at_depth[p->depth] = i;
		next_at_depth[p->depth + 1] = 0;
	}
}

bool summary_link(struct summary *s)
{
	if ((s->flags & ~SUMMARY_FLAGS_ALL) != 0 || s->part_count == 0 ||
	    s->part_count > SUMMARY_PARTS_MAX || s->value_count > SUMMARY_VALUES_MAX ||
	    s->reference_count > SUMMARY_IDS_MAX || s->preview.len > SUMMARY_PREVIEW_MAX)
		return false;
	for (size_t i = 0; i < s->value_count; i++)
		if (s->values[i].field >= SUMMARY_F_COUNT || !string_ok(s->values[i].text))
			return false;
	for (size_t i = 0; i < s->reference_count; i++)
		if (!string_ok(s->references[i]))
			return false;
	for (size_t i = 0; i < s->part_count; i++)
		if (!place_ok(s, i) || !strings_ok(&s->parts[i]))
			return false;
	if ((s->flags & SUMMARY_OPAQUE) != 0 &&
	    (s->part_count != 1 || s->parts[0].kind != SUMMARY_LEAF))
		return false;
	if (!link_parts(s))
		return false;
	link_siblings(s);
	return true;
}
