/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/report: the mail that carries a report, multipart/report of the type
 * tlsrpt.
 *
 * TLS-Required: No, for a report on TLS that fails has to arrive all the same.
 * Must never put a line end that somebody else chose into the header.
 */
#include "base/base64.h"
#include "base/civil.h"
#include "policy/report.h"

#define LINE 76u /* octets of base64; a multiple of four */
#define ADDRESS_MAX 320u

static bool visible(struct span s, size_t least, size_t most)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || s.ptr[i] == '<' ||
		    s.ptr[i] == '>')
			return false;
	return s.len >= least && s.len <= most;
}

static bool letters(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_alnum(s.ptr[i]))
			return false;
	return s.len >= POLICY_REPORT_BOUNDARY_MIN && s.len <= 60;
}

static void add_field(struct buf *b, const char *name, struct span value)
{
	buf_printf(b, "%s: %.*s\r\n", name, SPAN_FMT(value));
}

static void add_header(struct buf *b, const struct policy_report_mail *m)
{
	struct buf subject;
	buf_init(&subject, 2048);
	policy_report_subject(&subject, m->submitter, m->domain, m->head);
	buf_add(b, SPAN("Date: "));
	civil_add_rfc5322(b, m->now);
	buf_printf(b, "\r\nFrom: TLS reports <%.*s>\r\n", SPAN_FMT(m->from));
	buf_printf(b, "To: <%.*s>\r\n", SPAN_FMT(m->to));
	/* Folded: names may be long. */
	struct span rest = buf_span(&subject), word;
	buf_add(b, SPAN("Subject:"));
	while (rest.len > 0) {
		(void)span_cut(&rest, ' ', &word);
		buf_printf(b, "%s %.*s", word.len > 60 ? "\r\n" : "",
			   SPAN_FMT(word));
	}
	buf_add(b, SPAN("\r\n"));
	buf_share(b, &subject);
	buf_free(&subject);
	buf_printf(b, "Message-ID: <%.*s>\r\n", SPAN_FMT(m->message_id));
	add_field(b, "TLS-Report-Domain", m->domain);
	add_field(b, "TLS-Report-Submitter", m->submitter);
	buf_add(b, SPAN("TLS-Required: No\r\n"
			"Auto-Submitted: auto-generated\r\n"
			"MIME-Version: 1.0\r\n"
			"Content-Type: multipart/report;"
			" report-type=\"tlsrpt\";\r\n"));
	buf_printf(b, " boundary=\"%.*s\"\r\n\r\n", SPAN_FMT(m->boundary));
}

static void add_text(struct buf *b, const struct policy_report_mail *m)
{
	buf_printf(b,
		   "--%.*s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
		   "This is a report (RFC 8460) about TLS on connections from\r\n"
		   "%.*s\r\nto the mail servers of\r\n%.*s\r\nfrom ",
		   SPAN_FMT(m->boundary), SPAN_FMT(m->submitter),
		   SPAN_FMT(m->domain));
	civil_add_rfc3339(b, m->head->start);
	buf_add(b, SPAN(" to "));
	civil_add_rfc3339(b, m->head->end);
	buf_add(b, SPAN(".\r\n\r\n"));
}

static void add_base64(struct buf *b, struct span bytes)
{
	while (bytes.len > 0) {
		base64_encode(b, span_sub(bytes, 0, LINE / 4 * 3));
		buf_add(b, SPAN("\r\n"));
		bytes = span_skip(bytes, LINE / 4 * 3);
	}
}

static void add_report(struct buf *b, const struct policy_report_mail *m)
{
	buf_printf(b,
		   "--%.*s\r\nContent-Type: application/tlsrpt+gzip\r\n"
		   "Content-Transfer-Encoding: base64\r\n"
		   "Content-Disposition: attachment;\r\n filename=\"",
		   SPAN_FMT(m->boundary));
	policy_report_file(b, m->submitter, m->domain, m->head, true);
	buf_add(b, SPAN("\"\r\n\r\n"));
	add_base64(b, m->gzip);
	buf_printf(b, "--%.*s--\r\n", SPAN_FMT(m->boundary));
}

bool policy_report_mail(struct buf *b, const struct policy_report_mail *m)
{
	if (!visible(m->from, 3, ADDRESS_MAX) || !visible(m->to, 3, ADDRESS_MAX) ||
	    !visible(m->submitter, 1, 255) || !visible(m->domain, 1, 255) ||
	    !visible(m->message_id, 3, ADDRESS_MAX) || !letters(m->boundary) ||
	    m->head->id.len > 255)
		return false;
	add_header(b, m);
	add_text(b, m);
	add_report(b, m);
	return true;
}
