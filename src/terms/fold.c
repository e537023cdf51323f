/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/fold: libunistring's tables, one code point at a time.
 *
 * ASCII goes past them.  What cannot be decoded is passed on as it is: the
 * caller's text is valid, and if it were not, both sides of a comparison would
 * still be treated alike.
 */
#include "terms/fold.h"

#include <unicase.h>
#include <uninorm.h>

#include "base/utf8.h"

#define DEPTH_MAX    8u
#define HANGUL_FIRST 0xac00u
#define HANGUL_LAST  0xd7a3u

struct points {
	ucs4_t at[FOLD_POINTS];
	size_t count;
	bool too_many;
};

static void take_apart(ucs4_t c, unsigned depth, struct points *out)
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	int tag, n = -1;
	if (c >= 0x80 && (c < HANGUL_FIRST || c > HANGUL_LAST) && depth < DEPTH_MAX)
		n = uc_decomposition(c, &tag, parts);
	if (n > 0) {
		for (int i = 0; i < n && !out->too_many; i++)
			take_apart(parts[i], depth + 1, out);
	} else if (out->count == FOLD_POINTS) {
		out->too_many = true;
	} else {
		out->at[out->count++] = c;
	}
}

static void fold_point(struct buf *out, ucs4_t c)
{
	char bytes[UTF8_MAX];
	struct points p = {.count = 0};
	ucs4_t title = uc_totitle(c);
	take_apart(title, 0, &p);
	if (p.too_many)
		p = (struct points){.at = {title}, .count = 1};
	for (size_t i = 0; i < p.count; i++) {
		if (p.at[i] < 0x80)
			buf_addc(out, ascii_lower((char)p.at[i]));
		else
			buf_add(out, span_of(bytes, utf8_encode(p.at[i], bytes)));
	}
}

void terms_fold(struct buf *out, struct span text)
{
	size_t at = 0;
	while (at < text.len) {
		size_t n = at;
		while (n < text.len && (unsigned char)text.ptr[n] < 0x80)
			n++;
		char *to = n > at ? buf_room(out, n - at) : NULL;
		if (n > at && to == NULL)
			return;
		for (size_t i = at; i < n; i++)
			to[i - at] = ascii_lower(text.ptr[i]);
		if (n > at)
			buf_wrote(out, n - at);
		at = n;
		if (at == text.len)
			break;
		uint32_t c;
		n = utf8_decode(span_skip(text, at), &c);
		if (n > 0)
			fold_point(out, c);
		else
			buf_addc(out, text.ptr[at]);
		at += n > 0 ? n : 1;
	}
}
