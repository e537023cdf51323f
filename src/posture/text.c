/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posture/text: lines into records, quoted strings into RDATA.
 *
 * Must never read behind a quote or escape that is not complete.
 */
#include "posture/text.h"

#define STRING_MAX 255u

bool posture_word(struct span *rest, struct span *word)
{
	*rest = span_trim(*rest);
	if (rest->len == 0)
		return false;
	(void)span_cut(rest, ' ', word);
	return true;
}

bool posture_record_read(struct span line, struct posture_record *r)
{
	struct span ttl, class_;
	uint64_t n;
	*r = (struct posture_record){0};
	if (!posture_word(&line, &r->name) || !posture_word(&line, &ttl) ||
	    !span_u64(ttl, UINT32_MAX, &n) || !posture_word(&line, &class_) ||
	    !span_eq_nocase(class_, SPAN("IN")) ||
	    !posture_word(&line, &r->type))
		return false;
	r->ttl = (uint32_t)n;
	r->data = span_trim(line);
	return true;
}

/* "\065" or "\x"; false: it ends early, or is no byte. */
static bool escape(struct span *s, char *out)
{
	uint64_t n;
	if (s->len < 2)
		return false;
	if (!ascii_digit(s->ptr[1])) {
		*out = s->ptr[1];
		*s = span_skip(*s, 2);
		return true;
	}
	if (s->len < 4 || !span_u64(span_sub(*s, 1, 3), 255, &n))
		return false;
	*out = (char)n;
	*s = span_skip(*s, 4);
	return true;
}

/* One string behind its opening quote; its bytes go to `to`. */
static bool string(struct span *s, char *to, size_t *len)
{
	*len = 0;
	while (s->len > 0 && s->ptr[0] != '"') {
		char c = s->ptr[0];
		if (c != '\\')
			*s = span_skip(*s, 1);
		else if (!escape(s, &c))
			return false;
		if (*len == STRING_MAX)
			return false;
		to[(*len)++] = c;
	}
	if (s->len == 0)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

bool posture_txt_rdata(struct arena *a, struct span data, struct span *rdata,
		       bool *full)
{
	size_t n = 0, len;
	if (data.len > POSTURE_TXT_MAX * 4)
		return false;
	/* Each string has two quotes, and here one byte of length. */
	char *out = arena_bytes(a, data.len + 1);
	if (out == NULL) {
		*full = true;
		return false;
	}
	for (data = span_trim(data); data.len > 0; data = span_trim(data)) {
		if (data.ptr[0] != '"')
			return false;
		data = span_skip(data, 1);
		if (!string(&data, out + n + 1, &len))
			return false;
		out[n] = (char)(unsigned char)len;
		n += len + 1;
	}
	*rdata = span_of(out, n);
	return n > 0 && n <= POSTURE_TXT_MAX;
}

bool posture_txt_join(struct arena *a, struct span rdata, struct span *text)
{
	size_t n = 0;
	char *out = arena_bytes(a, rdata.len + 1);
	if (out == NULL)
		return false;
	while (rdata.len > 0) {
		size_t len = (unsigned char)rdata.ptr[0];
		struct span s = span_sub(rdata, 1, len);
		memcpy(out + n, s.ptr, s.len);
		n += s.len;
		rdata = span_skip(rdata, len + 1);
	}
	*text = span_of(out, n);
	return true;
}

static struct span relative(struct span s)
{
	if (s.len > 1 && s.ptr[s.len - 1] == '.')
		s.len--;
	return s;
}

bool posture_same_name(struct span a, struct span b)
{
	return span_eq_nocase(relative(a), relative(b));
}
