/* SPDX-License-Identifier: Apache-2.0 */
/* mime/address_text: addresses written out, for programs and for people. */
#include "mime/address.h"

#include "base/utf8.h"
#include "mime/words.h"

static bool is_atom(struct span s)
{
	bool dot = true;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool was_dot = dot;
		dot = c == '.';
		if (dot ? was_dot : (unsigned char)c <= ' ' || c == 0x7f ||
					    strchr("()<>@,;:\\\"[]", c) != NULL)
			return false;
	}
	return !dot;
}

void mime_address_write(const struct summary_address *a, struct buf *out)
{
	if (is_atom(a->mailbox)) {
		buf_add(out, a->mailbox);
	} else {
		buf_addc(out, '"');
		for (size_t i = 0; i < a->mailbox.len; i++) {
			if (a->mailbox.ptr[i] == '"' || a->mailbox.ptr[i] == '\\')
				buf_addc(out, '\\');
			buf_addc(out, a->mailbox.ptr[i]);
		}
		buf_addc(out, '"');
	}
	if (a->host.len > 0) {
		buf_addc(out, '@');
		buf_add(out, a->host);
	}
}

void mime_address_text(struct mime_charsets *c, struct summary_list list, struct buf *out)
{
	bool first = true;
	struct buf spec;
	buf_init(&spec, SUMMARY_STRING_MAX);
	for (size_t i = 0; i < list.count; i++) {
		const struct summary_address *a = &list.at[i];
		if (a->host.ptr == NULL && a->mailbox.ptr == NULL)
			continue;
		if (!first)
			buf_add(out, SPAN(", "));
		first = a->host.ptr == NULL;
		if (a->host.ptr == NULL) {
			mime_words_decode(c, a->mailbox, out);
			buf_add(out, SPAN(": "));
			continue;
		}
		if (a->name.len > 0) {
			mime_words_decode(c, a->name, out);
			buf_add(out, SPAN(" <"));
		}
		buf_clear(&spec);
		mime_address_write(a, &spec);
		utf8_repair(out, buf_span(&spec));
		if (a->name.len > 0)
			buf_addc(out, '>');
	}
	buf_share(out, &spec);
	buf_free(&spec);
}
