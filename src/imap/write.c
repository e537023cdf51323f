/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/write: the choice between quoted and literal.
 *
 * Must never let a byte of a message end a quoted string or a line.
 */
#include "imap/write.h"

#include "imap/utf7.h"

#define QUOTED_MAX 1000u /* some clients read lines into fixed buffers */

static void without_nul(struct stream *out, struct span text)
{
	struct span head;
	while (span_cut(&text, '\0', &head)) {
		stream_write(out, head);
		stream_write(out, SPAN(" "));
	}
	stream_write(out, head);
}

static bool escaped(char c) { return c == '"' || c == '\\'; }

static void quoted(struct stream *out, struct span text)
{
	stream_write(out, SPAN("\""));
	size_t from = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (!escaped(text.ptr[i]))
			continue;
		stream_write(out, span_sub(text, from, i - from));
		stream_write(out, SPAN("\\"));
		from = i;
	}
	stream_write(out, span_skip(text, from));
	stream_write(out, SPAN("\""));
}

/* Between quotation marks as it is: without a branch a byte, most texts are short. */
static bool plain(struct span text)
{
	unsigned odd = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		odd |= (unsigned)((uint8_t)(c - ' ') > '~' - ' ') | (unsigned)escaped(c);
	}
	return odd == 0;
}

void imap_write_string(struct stream *out, struct span text)
{
	if (text.len <= QUOTED_MAX && plain(text)) {
		stream_write(out, SPAN("\""));
		stream_write(out, text);
		stream_write(out, SPAN("\""));
		return;
	}
	if (imap_quotable(text) && text.len <= QUOTED_MAX) {
		quoted(out, text);
		return;
	}
	stream_printf(out, "{%zu}\r\n", text.len);
	without_nul(out, text);
}

void imap_write_nstring(struct stream *out, struct span text)
{
	if (text.ptr == NULL)
		stream_write(out, SPAN("NIL"));
	else
		imap_write_string(out, text);
}

void imap_write_name(struct imap_session *s, struct arena *arena, struct span name)
{
	struct stream *out = s->stream;
	struct span wire;
	/* A name has no control characters: name.c. */
	if (s->utf8)
		quoted(out, name);
	else if (imap_utf7_encode(arena, name, &wire))
		imap_write_string(out, wire);
	else
		imap_write_string(out, SPAN(""));
}
