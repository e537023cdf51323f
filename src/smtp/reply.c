/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/reply: the table, and the cleaning of texts that are not ours.
 * Must never let a line end or a control byte into a reply.
 */
#include "smtp/reply.h"

#include "base/ensure.h"
#include "smtp/session.h"

static const struct smtp_reply_row rows[SMTP_REPLY_COUNT] = {
#define X(name, code, enhanced, words) [SMTP_R_##name] = {code, enhanced, words},
	SMTP_REPLIES(X)
#undef X
};

const struct smtp_reply_row *smtp_reply_row(enum smtp_reply r)
{
	ENSURE(r > SMTP_R_NONE && r < SMTP_REPLY_COUNT);
	return &rows[r];
}

void smtp_reply_clean(struct span text, struct buf *out)
{
	text = span_sub(text, 0, SMTP_REPLY_TEXT_MAX);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '\r' || c == '\n' || c == '\t')
			c = ' ';
		else if (c < 0x20 || c > 0x7e)
			c = '?';
		buf_addc(out, c);
	}
}
