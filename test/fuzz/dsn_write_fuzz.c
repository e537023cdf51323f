/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/write: facts that a peer chose, each a length and its bytes, and behind
 * them the message.  What comes out is a report and says what it should.
 */
#include "base/ensure.h"
#include "oracle.h"
#include "smtp/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned take_byte(struct span *in)
{
	unsigned c = in->len > 0 ? (unsigned char)in->ptr[0] : 0;
	*in = span_skip(*in, 1);
	return c;
}

static struct span take(struct span *in)
{
	size_t len = take_byte(in) * 4u;
	struct span s = span_sub(*in, 0, len);
	*in = span_skip(*in, len);
	return s;
}

static struct dsn_recipient take_recipient(struct span *in)
{
	unsigned how = take_byte(in);
	struct dsn_recipient r = {.action = (enum dsn_action)(how % DSN_ACTIONS)};
	/* One after the other: initialisers have no order. */
	r.status.kind = how % 2 ? 5 : 4;
	r.status.subject = (uint16_t)(take_byte(in) % 8);
	r.status.detail = (uint16_t)(take_byte(in) * 4u % 1000);
	r.attempted = how & 32 ? 1700000000 : 0;
	r.retry_until = how & 64 ? 1700000000 : 0;
	r.final = take(in);
	r.original = take(in);
	r.remote = take(in);
	r.reply = take(in);
	if (how & 128)
		r.named = take(in);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct smtp_path path;
	struct dsn_recipient r[3];
	struct dsn_memory memory;
	struct dsn_made made;
	struct buf out;
	if (size > (1u << 18))
		return 0;
	unsigned flags = take_byte(&in);
	struct dsn_how how = {.host = SPAN("mx.example.org"), .id = SPAN("0123456789abcdef"),
			      .now = 1700000000, .form = (enum dsn_form)((flags & 3) % 3),
			      .return_max = flags & 64 ? DSN_RETURN_MAX : 4096};
	size_t count = (flags >> 2 & 3) % 3 + 1u, step = take_byte(&in);
	struct dsn_letter l = {.ret = flags & 128 ? SMTP_RET_FULL : SMTP_RET_HDRS,
			       .arrived = 1600000000};
	l.sender = take(&in);
	l.envid = take(&in);
	if (smtp_address_parse(l.sender, &path) != SMTP_PATH_OK)
		l.sender = SPAN("sender@example.net");
	for (size_t i = 0; i < count; i++)
		r[i] = take_recipient(&in);
	dsn_memory_init(&memory, in);
	memory.step = step * 256 + 1;
	l.source = &memory.source;
	l.size = in.len;
	buf_init(&out, DSN_REPORT_MAX);
	ENSURE(dsn_write(&how, &l, r, count, &out, &made) == DSN_OK);
	dsn_oracle(&(struct dsn_told_report){buf_span(&out), &how, r, count, in, &made}, NULL);
	buf_free(&out);
	return 0;
}
