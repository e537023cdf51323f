/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_answer: see client_answer.h.  Must never let a byte of the
 * server into a text that is not printable ASCII, nor believe half a reply.
 */
#include "smtp/client_answer.h"

#include "base/check.h"

static bool small_number(struct span *s, uint16_t *out)
{
	uint16_t v = 0;
	size_t n = 0;
	while (n < s->len && n < 3 && ascii_digit(s->ptr[n])) {
		v = (uint16_t)(v * 10 + (s->ptr[n] - '0'));
		n++;
	}
	*out = v;
	*s = span_skip(*s, n);
	return n > 0;
}

static bool dot(struct span *s)
{
	bool is = s->len > 0 && s->ptr[0] == '.';
	*s = span_skip(*s, is ? 1 : 0);
	return is;
}

bool smtp_enhanced_parse(struct span *text, struct smtp_enhanced *e)
{
	struct span s = *text;
	if (s.len == 0 || (s.ptr[0] != '2' && s.ptr[0] != '4' && s.ptr[0] != '5'))
		return false;
	struct smtp_enhanced found = {.klass = (uint8_t)(s.ptr[0] - '0')};
	s = span_skip(s, 1);
	if (!dot(&s) || !small_number(&s, &found.subject) || !dot(&s) ||
	    !small_number(&s, &found.detail) || (s.len > 0 && s.ptr[0] != ' '))
		return false;
	*e = found;
	*text = span_skip(s, 1);
	return true;
}

static void add_text(struct smtp_answer *a, struct span text)
{
	if (a->text_len > 0 && text.len > 0 && a->text_len < SMTP_ANSWER_TEXT_MAX)
		a->text[a->text_len++] = ' ';
	text = span_sub(text, 0, SMTP_ANSWER_TEXT_MAX - a->text_len);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i] == '\t' ? ' ' : text.ptr[i];
		a->text[a->text_len++] = c < 0x20 || c > 0x7e ? '?' : c;
	}
}

/* 2yz to 5yz, or 0. */
static uint16_t code_of(struct span line)
{
	if (line.len < 3 || line.ptr[0] < '2' || line.ptr[0] > '5' ||
	    !ascii_digit(line.ptr[1]) || !ascii_digit(line.ptr[2]))
		return 0;
	return (uint16_t)((line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 +
			  (line.ptr[2] - '0'));
}

enum smtp_answer_result smtp_answer_line(struct smtp_answer *a, struct span line,
					 struct span *raw)
{
	uint16_t code = code_of(line);
	bool more = line.len > 3 && line.ptr[3] == '-';
	if (code == 0 || (line.len > 3 && line.ptr[3] != ' ' && !more) ||
	    (a->lines > 0 && code != a->code))
		return SMTP_ANSWER_BAD;
	if (span_has(line, '\0') || span_has(line, '\r') || span_has(line, '\n'))
		return SMTP_ANSWER_BAD;
	if (a->lines == SMTP_ANSWER_LINES_MAX || line.len > SMTP_ANSWER_BYTES_MAX - a->bytes)
		return SMTP_ANSWER_BAD;
	a->code = code;
	a->lines++;
	a->bytes += (uint32_t)line.len;
	*raw = span_skip(line, 4);
	struct span text = *raw;
	struct smtp_enhanced e;
	if (smtp_enhanced_parse(&text, &e) && e.klass == code / 100) {
		if (a->enhanced.klass == 0)
			a->enhanced = e;
	} else {
		text = *raw;
	}
	add_text(a, span_trim(text));
	return more ? SMTP_ANSWER_MORE : SMTP_ANSWER_OK;
}

enum smtp_answer_result smtp_answer_read(struct stream *stream, struct smtp_answer *a,
					 void (*take)(void *, struct span raw), void *owner)
{
	*a = (struct smtp_answer){0};
	for (;;) {
		struct span line, raw;
		enum io io = stream_line(stream, SMTP_ANSWER_LINE_MAX, SMTP_ANSWER_DRAIN, &line);
		if (io == IO_LONG)
			return SMTP_ANSWER_BAD;
		if (io != IO_OK)
			return SMTP_ANSWER_LOST;
		enum smtp_answer_result r = smtp_answer_line(a, line, &raw);
		if (r == SMTP_ANSWER_BAD)
			return r;
		if (take != NULL)
			take(owner, raw);
		if (r == SMTP_ANSWER_OK)
			return r;
	}
}
