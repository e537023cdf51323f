/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/term: reads what a sorter says that a message holds.  Must never let a
 * byte through that parts terms in an index.
 */
#include "terms/term.h"

bool term_ok(const struct term *t)
{
	if (t->class < TERM_OPEN || t->class >= TERM_CLASSES ||
	    t->text.len == 0 || t->text.len > TERM_MAX)
		return false;
	for (size_t i = 0; i < t->text.len; i++)
		if ((unsigned char)t->text.ptr[i] < TERM_FIRST_BYTE)
			return false;
	return true;
}

bool term_next(struct span *rest, struct term *out)
{
	if (rest->len < 2)
		return false;
	size_t n = (unsigned char)rest->ptr[1];
	if (n > rest->len - 2)
		return false;
	*out = (struct term){.class = (unsigned char)rest->ptr[0],
			     .text = span_sub(*rest, 2, n)};
	if (!term_ok(out))
		return false;
	*rest = span_skip(*rest, 2 + n);
	return true;
}
