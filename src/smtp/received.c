/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/received: folded lines from facts.
 * Must never let a byte of the peer's choice end a line, comment or field.
 */
#include "smtp/received.h"

#include "base/civil.h"

static void add_safe(struct buf *b, struct span s, const char *special)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool ok = (unsigned char)c > 0x20 && c != 0x7f &&
			  strchr(special, c) == NULL;
		buf_addc(b, ok ? c : '?');
	}
}

/* A word outside comments: nothing that opens, closes or separates. */
static void add_word(struct buf *b, struct span s)
{
	add_safe(b, span_sub(s, 0, SMTP_DOMAIN_MAX + 2), "()<>\\\";,");
}

const char *smtp_with(const struct smtp_received *r)
{
	/* [lmtp or smtp][utf8][secure][authenticated] */
	static const char *const names[2][2][2][2] = {
		{{{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}},
		 {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}}},
		{{{"LMTP", "LMTPA"}, {"LMTPS", "LMTPSA"}},
		 {{"UTF8LMTP", "UTF8LMTPA"}, {"UTF8LMTPS", "UTF8LMTPSA"}}},
	};
	if (!r->extended && !r->lmtp)
		return "SMTP";
	return names[r->lmtp][r->utf8][r->secure][r->authenticated];
}

/* Folding blanks in a path (quoted local parts) would be legal; '?' is not needed. */
static void add_path(struct buf *b, const struct smtp_path *p)
{
	buf_addc(b, '<');
	smtp_path_write(p, b);
	buf_addc(b, '>');
}

static void add_ip(struct buf *b, struct span ip)
{
	buf_addc(b, '[');
	if (span_has(ip, ':'))
		buf_add(b, SPAN("IPv6:"));
	add_word(b, ip);
	buf_addc(b, ']');
}

void smtp_received_write(struct buf *b, const struct smtp_received *r)
{
	buf_add(b, SPAN("Received: from "));
	add_word(b, span_empty(r->hello) ? SPAN("unknown") : r->hello);
	buf_add(b, SPAN(" ("));
	if (!span_empty(r->rdns)) {
		add_word(b, r->rdns);
		buf_addc(b, ' ');
	}
	add_ip(b, r->ip);
	buf_add(b, SPAN(")\r\n\tby "));
	add_word(b, r->by);
	buf_printf(b, " with %s", smtp_with(r));
	if (r->secure) {
		buf_add(b, SPAN("\r\n\t("));
		add_word(b, r->tls_version);
		buf_addc(b, ' ');
		add_word(b, r->tls_suite);
		buf_addc(b, ')');
	}
	buf_add(b, SPAN("\r\n\tid "));
	add_word(b, r->id);
	if (r->for_rcpt != NULL) {
		buf_add(b, SPAN("\r\n\tfor "));
		add_path(b, r->for_rcpt);
	}
	buf_add(b, SPAN(";\r\n\t"));
	civil_add_rfc5322(b, r->date);
	buf_add(b, SPAN("\r\n"));
}

void smtp_return_path_write(struct buf *b, const struct smtp_path *from)
{
	buf_add(b, SPAN("Return-Path: "));
	add_path(b, from);
	buf_add(b, SPAN("\r\n"));
}

void smtp_delivered_to_write(struct buf *b, const struct smtp_path *to)
{
	buf_add(b, SPAN("Delivered-To: "));
	smtp_path_write(to, b);
	buf_add(b, SPAN("\r\n"));
}
