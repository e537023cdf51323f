/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/memory_host: annotations, and URLs that are signed. */
#include "memory_host.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/siphash.h"
#include "url/imap.h"

static struct mem_host *mem(struct imap_host *h)
{
	return CONTAINER_OF(h, struct mem_host, host);
}

/* ---- annotations ---- */

/* The box's number; SIZE_MAX: there is none. */
static size_t annotated_box(struct mem_host *m, struct span mailbox)
{
	struct mem_box *b = mailbox.len > 0 ? mem_find(m, mailbox) : NULL;
	if (mailbox.len == 0)
		return 0;
	return b != NULL ? (size_t)(b - m->boxes) + 1 : SIZE_MAX;
}

static struct span annotation_name(const struct mem_annotation *a)
{
	return span_of(a->name, a->name_len);
}

static struct mem_annotation *annotation(struct mem_host *m, size_t box, struct span name)
{
	for (size_t i = 0; i < m->annotation_count; i++)
		if (m->annotations[i].box == box &&
		    span_eq(annotation_name(&m->annotations[i]), name))
			return &m->annotations[i];
	return NULL;
}

static void annotation_drop(struct mem_host *m, struct mem_annotation *a)
{
	free(a->value);
	*a = m->annotations[--m->annotation_count];
}

void mem_annotations_drop(struct mem_host *m, size_t box)
{
	for (size_t i = m->annotation_count; i > 0; i--)
		if (box == SIZE_MAX || m->annotations[i - 1].box == box)
			annotation_drop(m, &m->annotations[i - 1]);
}

static void annotation_set(struct mem_host *m, size_t box, const struct imap_annotation *in)
{
	struct mem_annotation *a = annotation(m, box, in->name);
	if (a != NULL)
		annotation_drop(m, a);
	if (!in->set)
		return;
	a = &m->annotations[m->annotation_count++];
	a->box = box;
	a->name_len = in->name.len;
	a->size = in->value.len;
	memcpy(a->name, in->name.ptr, in->name.len);
	a->value = malloc(in->value.len + 1);
	if (in->value.len > 0)
		memcpy(a->value, in->value.ptr, in->value.len);
}

static enum imap_answer annotate(struct imap_host *h, struct span mailbox,
				 const struct imap_annotation *list, size_t count)
{
	struct mem_host *m = mem(h);
	size_t box = annotated_box(m, mailbox), have = 0;
	if (box == SIZE_MAX)
		return IMAP_NONEXISTENT;
	for (size_t i = 0; i < m->annotation_count; i++)
		have += m->annotations[i].box == box;
	for (size_t i = 0; i < count; i++) {
		ENSURE(list[i].name.len <= IMAP_ENTRY_MAX &&
		       list[i].value.len <= IMAP_ANNOTATION_MAX);
		if (box == 0 && span_starts(list[i].name, SPAN("/shared/")))
			return IMAP_DENIED;
		bool twice = false;
		for (size_t k = 0; k < i; k++)
			twice = twice || span_eq(list[k].name, list[i].name);
		have += list[i].set && !twice && annotation(m, box, list[i].name) == NULL;
	}
	if (have > MEM_ANNOTATIONS || m->annotation_count + count > ARRAY_LEN(m->annotations))
		return IMAP_LIMIT;
	for (size_t i = 0; i < count; i++)
		annotation_set(m, box, &list[i]);
	return IMAP_YES;
}

static bool under(const struct imap_annotations_of *of, struct span name)
{
	for (size_t i = 0; i < of->count; i++) {
		struct span below = span_skip(name, of->entries[i].len);
		unsigned levels = 0;
		if (!span_starts(name, of->entries[i]) || (below.len > 0 && below.ptr[0] != '/'))
			continue;
		for (size_t k = 0; k < below.len; k++)
			levels += below.ptr[k] == '/';
		if (levels <= of->depth)
			return true;
	}
	return false;
}

/* Two an answer, so that going on is tested. */
static enum imap_answer annotations(struct imap_host *h, const struct imap_annotations_of *of,
				    struct span after, struct arena *a,
				    struct imap_annotations *out)
{
	struct mem_host *m = mem(h);
	size_t box = annotated_box(m, of->mailbox);
	struct span last = after;
	if (box == SIZE_MAX)
		return IMAP_NONEXISTENT;
	*out = (struct imap_annotations){.list = ARENA_ARRAY(a, 2, struct imap_annotation)};
	for (;;) {
		const struct mem_annotation *next = NULL;
		for (size_t i = 0; i < m->annotation_count; i++) {
			const struct mem_annotation *n = &m->annotations[i];
			if (n->box == box && under(of, annotation_name(n)) &&
			    span_cmp(annotation_name(n), last) > 0 &&
			    (next == NULL || span_cmp(annotation_name(n), annotation_name(next)) < 0))
				next = n;
		}
		out->more = next != NULL;
		if (next == NULL || out->count == 2)
			return IMAP_YES;
		last = annotation_name(next);
		out->list[out->count++] = (struct imap_annotation){
			.name = last, .set = next->size <= of->largest,
			.value = span_of(next->value, next->size), .size = (uint32_t)next->size};
	}
}

/* ---- signed URLs: the user is fred, a token is a hash under the box's validity and key ---- */

static void url_token(const struct mem_host *m, const struct mem_box *b, struct span rump, char out[33])
{
	uint8_t key[SIPHASH_KEY] = {(uint8_t)b->uid_validity, (uint8_t)m->url_keys};
	snprintf(out, 33, "%016llx%016llx", (unsigned long long)siphash(key, rump), 0x1234567890abcdefull);
}

static enum imap_answer url_sign(struct imap_host *h, struct span url, struct arena *a, struct span *token)
{
	struct mem_host *m = mem(h);
	struct url_imap u;
	char text[33];
	ENSURE(url_imap_parse(a, url, &u) && u.mechanism.len == 0 && u.access != URL_NOT_SIGNED);
	const struct mem_box *b = mem_find(m, u.mailbox);
	if (b == NULL || !span_eq(u.user, SPAN("fred")))
		return IMAP_DENIED;
	url_token(m, b, u.rump, text);
	return arena_copy(a, span_cstr(text), token) ? IMAP_YES : IMAP_UNAVAILABLE;
}

static enum imap_answer url_open(struct imap_host *h, struct span url, uint64_t *mailbox)
{
	struct mem_host *m = mem(h);
	struct arena *a = arena_new(1u << 16);
	struct url_imap u;
	char text[33];
	ENSURE(a != NULL && url_imap_parse(a, url, &u) && u.mechanism.len > 0);
	const struct mem_box *b = mem_find(m, u.mailbox);
	bool good = b != NULL && (!u.expires || u.expire >= MEM_NOW) &&
		    (u.access == URL_ANONYMOUS || u.access == URL_AUTHUSER ||
		     (u.access == URL_USER && span_eq(u.reader, SPAN("fred"))));
	if (good) {
		url_token(m, b, u.rump, text);
		good = span_eq_nocase(u.token, span_cstr(text));
	}
	arena_free(a);
	if (!good)
		return IMAP_DENIED;
	m->selects++;
	*mailbox = (uint64_t)(b - m->boxes) + 1;
	return IMAP_YES;
}

static enum imap_answer url_reset(struct imap_host *h, struct span mailbox)
{
	struct mem_host *m = mem(h);
	if (mailbox.len > 0 && mem_find(m, mailbox) == NULL)
		return IMAP_NONEXISTENT;
	m->url_keys++;
	return IMAP_YES;
}

void mem_shelf_ops(struct imap_host *h)
{
	h->annotate = annotate;
	h->annotations = annotations;
	h->url_sign = url_sign;
	h->url_open = url_open;
	h->url_reset = url_reset;
}
