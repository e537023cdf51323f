/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/field: a header block cut into fields.
 * Must never look past the empty line that ends the block.
 */
#include "mime/parse.h"

/* Length of the line at the front of s with its line end. */
static size_t line_length(struct span s)
{
	size_t lf = span_find(s, '\n');
	return lf == SIZE_MAX ? s.len : lf + 1;
}

static struct span without_line_end(struct span s)
{
	if (span_ends(s, SPAN("\n")))
		s.len--;
	if (span_ends(s, SPAN("\r")))
		s.len--;
	return s;
}

static bool name_ok(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == 0x7f)
			return false;
	return name.len > 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool mime_field_next(struct span *rest, size_t *at, struct mime_field *f)
{
	while (rest->len > 0) {
		size_t n = line_length(*rest);
		struct span line = without_line_end(span_sub(*rest, 0, n));
		if (line.len == 0)
			return false;
		while (n < rest->len && is_blank(rest->ptr[n]))
			n += line_length(span_skip(*rest, n));
		struct span whole = span_sub(*rest, 0, n);
		f->at = *at;
		f->len = n;
		f->value = without_line_end(whole);
		*rest = span_skip(*rest, n);
		*at += n;
		bool colon = span_cut(&f->value, ':', &f->name);
		while (f->name.len > 0 && is_blank(f->name.ptr[f->name.len - 1]))
			f->name.len--;
		if (colon && f->name.len <= line.len && name_ok(f->name))
			return true;
	}
	return false;
}

void mime_unfold(struct span value, struct buf *out)
{
	size_t from = 0, to = value.len;
	while (from < to && (unsigned char)value.ptr[from] <= ' ')
		from++;
	while (to > from && (unsigned char)value.ptr[to - 1] <= ' ')
		to--;
	char *p = buf_room(out, to - from);
	size_t n = 0;
	if (p == NULL)
		return;
	for (size_t i = from; i < to; i++) {
		char c = value.ptr[i];
		if (c == '\r' || c == '\n')
			continue;
		p[n++] = (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
	}
	buf_wrote(out, n);
}
