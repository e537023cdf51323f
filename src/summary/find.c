/* SPDX-License-Identifier: Apache-2.0 */
/* summary/find: parts by their IMAP numbers, parameters by name; the opaque one. */
#include "summary/summary.h"

const struct summary_part *summary_child(const struct summary *s, const struct summary_part *p)
{
	return p->first_child != 0 ? &s->parts[p->first_child] : NULL;
}

const struct summary_part *summary_sibling(const struct summary *s,
					   const struct summary_part *p)
{
	return p->next_sibling != 0 ? &s->parts[p->next_sibling] : NULL;
}

const struct summary_part *summary_find(const struct summary *s, const uint32_t *numbers,
					size_t count)
{
	const struct summary_part *p = &s->parts[0];
	bool named = false; /* p was already called 1 as the only body */
	for (size_t i = 0; i < count; i++) {
		uint32_t n = numbers[i];
		/* Numbers go on inside the nested message. */
		if (i > 0 && p->kind == SUMMARY_MESSAGE) {
			p = summary_child(s, p);
			named = false;
		}
		if (n == 0 || p == NULL)
			return NULL;
		if (p->kind != SUMMARY_MULTIPART) {
			/* The only body of a message; nothing is below a leaf. */
			if (n != 1 || p->envelope == NULL || named)
				return NULL;
			named = true;
			continue;
		}
		for (p = summary_child(s, p); p != NULL && n > 1; n--)
			p = summary_sibling(s, p);
		if (p == NULL)
			return NULL;
	}
	return p;
}

struct span summary_param(struct summary_params p, struct span name)
{
	for (size_t i = 0; i < p.count; i++)
		if (span_eq_nocase(p.at[i].name, name))
			return p.at[i].value;
	return (struct span){0};
}

void summary_default_type(struct summary_part *p)
{
	static const struct summary_param ascii = {SPAN_INIT("charset"), SPAN_INIT("us-ascii")};
	p->type = SPAN("text");
	p->subtype = SPAN("plain");
	p->params = (struct summary_params){&ascii, 1};
}

struct summary *summary_opaque(struct arena *arena, uint64_t size)
{
	struct summary *s = ARENA_NEW(arena, struct summary);
	struct summary_part *p = ARENA_NEW(arena, struct summary_part);
	struct summary_envelope *e = ARENA_NEW(arena, struct summary_envelope);
	if (s == NULL || p == NULL || e == NULL)
		return NULL;
	*p = (struct summary_part){
		.parent = SUMMARY_NO_PARENT,
		.body_end = size,
		.type = SPAN("application"),
		.subtype = SPAN("octet-stream"),
		.envelope = e,
	};
	*s = (struct summary){
		.flags = SUMMARY_OPAQUE, .size = size, .parts = p, .part_count = 1,
	};
	return s;
}
