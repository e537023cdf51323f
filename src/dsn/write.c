/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/write: the frame of a report and its part for programs.
 *
 * What the original may carry is judged first (plan), then everything is
 * written front to back.  Must never write a part whose bytes hold a line that
 * begins with the boundary, nor eight-bit bytes in a form that has none.
 */
#include "dsn/write.h"

#include "base/civil.h"
#include "base/ensure.h"
#include "base/utf8.h"
#include "dsn/inner.h"
#include "mime/parse.h"
#include "mime/words.h"
#include "smtp/path.h"
#include "smtp/xtext.h"

#define MESSAGE_ID_MAX 250u

/* How the original goes into the report. */
struct plan {
	bool whole, global, qp, eight_bit;
	char boundary[DSN_ID_MAX + 8];
	size_t boundary_len;
};

static struct span boundary(const struct plan *p)
{
	return span_of(p->boundary, p->boundary_len);
}

#define NONE_FREE (~UINT64_C(0) >> (64 - DSN_CANDIDATES))

static void plan_boundary(struct plan *p, struct span id, uint64_t taken)
{
	unsigned n = 0;
	while (n + 1 < DSN_CANDIDATES && (taken >> n & 1) != 0)
		n++;
	struct buf b;
	buf_init(&b, sizeof p->boundary);
	/* "=_" can stand in no quoted-printable text (RFC 2045 6.7). */
	buf_add(&b, SPAN("=_"));
	buf_add(&b, id);
	buf_addc(&b, '_');
	p->boundary_len = buf_len(&b);
	buf_addc(&b, n < 10 ? (char)('0' + n) : (char)('a' + n - 10));
	ENSURE(buf_ok(&b));
	p->boundary_len = buf_len(&b);
	memcpy(p->boundary, b.data + b.from, p->boundary_len);
	buf_free(&b);
}

static struct span header_of(const struct dsn_original *o)
{
	return span_sub(buf_span(&o->bytes), 0, o->header);
}

/* May the scanned bytes stand in the report as they are? */
static bool as_it_is(const struct dsn_scan *s)
{
	return !s->unfit && s->taken != NONE_FREE;
}

static void plan_original(struct plan *p, const struct dsn_how *how,
			  const struct dsn_original *o)
{
	*p = (struct plan){0};
	plan_boundary(p, how->id, 0);
	struct span stem = span_sub(boundary(p), 0, p->boundary_len - 1);
	struct dsn_scan header = dsn_scan(header_of(o), stem);
	struct dsn_scan all = dsn_scan(buf_span(&o->bytes), stem), *used = &header;
	bool raw_header = !header.eight_bit || (how->form == DSN_UTF8 && !header.invalid);

	p->whole = o->whole && !o->cut && as_it_is(&all) && raw_header &&
		   (!all.eight_bit || how->form != DSN_7BIT);
	if (p->whole)
		used = &all;
	else
		p->qp = !raw_header || !as_it_is(&header);
	p->global = !p->qp && header.eight_bit;
	p->eight_bit = !p->qp && used->eight_bit;
	plan_boundary(p, how->id, p->qp ? 0 : used->taken);
}

/* "<a@b>" of the original, when it is what an id should be; else empty. */
static struct span message_id(struct span header)
{
	struct mime_field f;
	size_t at = 0;
	while (mime_field_next(&header, &at, &f)) {
		if (!span_eq_nocase(f.name, SPAN("Message-ID")))
			continue;
		struct span v = f.value;
		while (v.len > 0 && (unsigned char)v.ptr[0] <= ' ') /* folds too */
			v = span_skip(v, 1);
		while (v.len > 0 && (unsigned char)v.ptr[v.len - 1] <= ' ')
			v.len--;
		bool ok = v.len > 2 && v.len <= MESSAGE_ID_MAX && v.ptr[0] == '<' &&
			  v.ptr[v.len - 1] == '>';
		for (size_t i = 1; ok && i + 1 < v.len; i++)
			ok = v.ptr[i] > ' ' && v.ptr[i] <= '~' && v.ptr[i] != '<' &&
			     v.ptr[i] != '>';
		return ok ? v : span_of("", 0);
	}
	return span_of("", 0);
}

/* The subject of the original for a person: decoded, one line, bounded. */
static void subject_of(struct span header, struct buf *out)
{
	struct mime_field f;
	size_t at = 0;
	while (mime_field_next(&header, &at, &f)) {
		if (!span_eq_nocase(f.name, SPAN("Subject")))
			continue;
		struct buf one, text;
		buf_init(&one, DSN_HEADER_MAX);
		buf_init(&text, 4u * DSN_HEADER_MAX);
		mime_unfold(f.value, &one);
		mime_words_decode(NULL, span_sub(buf_span(&one), 0, 4u * DSN_SUBJECT_MAX), &text);
		dsn_clean(buf_span(&text), DSN_SUBJECT_MAX, out);
		buf_free(&one);
		buf_free(&text);
		return;
	}
}

static void write_head(struct buf *out, const struct dsn_how *how, struct span to,
		       enum dsn_action lead, struct span answers, const struct plan *p)
{
	buf_printf(out, "From: Mail Delivery System <MAILER-DAEMON@%.*s>\r\n", SPAN_FMT(how->host));
	if (how->form == DSN_UTF8 || utf8_ascii(to)) {
		buf_add(out, SPAN("To: <"));
		buf_add(out, to);
		buf_add(out, SPAN(">\r\n"));
	} else
		buf_add(out, SPAN("To: undisclosed-recipients:;\r\n"));
	dsn_date_field(out, "Date", how->now);
	buf_printf(out, "Message-ID: <%.*s@%.*s>\r\n", SPAN_FMT(how->id), SPAN_FMT(how->host));
	buf_printf(out, "Subject: %s\r\nAuto-Submitted: auto-replied\r\n", dsn_subject(lead));
	if (answers.len > 0) {
		buf_printf(out, "In-Reply-To: %.*s\r\n", SPAN_FMT(answers));
		buf_printf(out, "References: %.*s\r\n", SPAN_FMT(answers));
	}
	buf_printf(out, "MIME-Version: 1.0\r\n"
			"Content-Type: multipart/report; report-type=delivery-status;\r\n"
			"\tboundary=\"%.*s\"\r\n\r\n"
			"This is a report for people and programs, in the format of MIME.\r\n",
		   SPAN_FMT(boundary(p)));
}

static void open_part(struct buf *out, const struct plan *p, const char *type,
		      const char *encoding)
{
	buf_printf(out, "\r\n--%.*s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
		   SPAN_FMT(boundary(p)), type, encoding);
}

static bool lines_fit(struct span s)
{
	struct span line;
	while (s.len > 0) {
		span_cut(&s, '\n', &line);
		if (line.len > DSN_COLUMN + 3)
			return false;
	}
	return true;
}

static void write_text(struct buf *out, const struct plan *p, struct span text)
{
	if (utf8_ascii(text) && lines_fit(text)) {
		open_part(out, p, "text/plain; charset=us-ascii", "7bit");
		buf_add(out, text);
	} else {
		open_part(out, p, "text/plain; charset=utf-8", "quoted-printable");
		dsn_qp(text, out);
	}
}

static bool printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < ' ' || s.ptr[i] > '~')
			return false;
	return s.len > 0;
}

static bool type_ok(struct span type)
{
	for (size_t i = 0; i < type.len; i++)
		if (!ascii_alnum(type.ptr[i]) && type.ptr[i] != '-')
			return false;
	return type.len > 0 && type.len <= 40;
}

/*
 * Words after "Name: prefix " as they were before xtext; as xtext where they
 * would not be printable ASCII; not at all when they are not even that.
 */
static void write_xtext(struct buf *out, const char *name, struct span text)
{
	char clear[SMTP_ORCPT_MAX];
	size_t len;
	if (text.len > 0 && text.len <= SMTP_ORCPT_MAX &&
	    smtp_xtext_decode(text, clear, sizeof clear, &len)) {
		struct span shown = span_of(clear, len);
		if (!printable(shown))
			shown = text;
		struct buf words;
		buf_init(&words, 2u * SMTP_ORCPT_MAX);
		dsn_clean(shown, SMTP_ORCPT_MAX, &words);
		dsn_text_field(out, name, buf_span(&words), false);
		out->failed |= !buf_ok(&words);
		buf_free(&words);
	}
}

/* "type;xtext" of ORCPT; utf-8 addresses have a form of their own. */
static void write_original_recipient(struct buf *out, struct span orcpt)
{
	struct span type, text = orcpt;
	char name[96];
	struct buf b;
	if (!span_cut(&text, ';', &type) || !type_ok(type))
		return;
	buf_init(&b, sizeof name);
	buf_printf(&b, "Original-Recipient: %.*s;", SPAN_FMT(type));
	buf_addc(&b, '\0');
	ENSURE(buf_ok(&b));
	memcpy(name, b.data + b.from, buf_len(&b));
	buf_free(&b);
	if (!span_eq_nocase(type, SPAN("utf-8")))
		write_xtext(out, name, text);
	else if (printable(text) && text.len <= SMTP_ORCPT_MAX && !span_has(text, ' '))
		dsn_text_field(out, name, text, false);
}

static void write_recipient(struct buf *out, const struct dsn_recipient *r, bool utf8)
{
	struct buf text;
	buf_init(&text, 2u * DSN_REPLY_MAX);
	buf_add(out, SPAN("\r\n"));
	write_original_recipient(out, r->original);
	dsn_address_field(out, "Final-Recipient", dsn_shown(r), utf8);
	buf_printf(out, "Action: %s\r\nStatus: ", dsn_action_name(r->action));
	dsn_status_write(r->status, out);
	buf_add(out, SPAN("\r\n"));
	dsn_clean(r->remote, SMTP_DOMAIN_MAX, &text);
	if (buf_len(&text) > 0 && !dsn_hidden(r))
		dsn_text_field(out, "Remote-MTA: dns;", buf_span(&text), utf8);
	buf_clear(&text);
	dsn_shown_reply(r, &text);
	if (buf_len(&text) > 0)
		dsn_text_field(out, "Diagnostic-Code: smtp;", buf_span(&text), utf8);
	if (r->attempted != 0)
		dsn_date_field(out, "Last-Attempt-Date", r->attempted);
	if (r->action == DSN_DELAYED && r->retry_until != 0)
		dsn_date_field(out, "Will-Retry-Until", r->retry_until);
	out->failed |= !buf_ok(&text);
	buf_free(&text);
}

/* The fields for programs; true: they hold more than ASCII. */
static bool write_status(struct buf *out, const struct dsn_how *how, const struct dsn_letter *l,
			 const struct dsn_recipient *r, size_t count, const struct plan *p)
{
	bool utf8 = false;
	for (size_t i = 0; i < count && how->form == DSN_UTF8; i++)
		utf8 |= !utf8_ascii(dsn_shown(&r[i]));
	open_part(out, p, utf8 ? "message/global-delivery-status" : "message/delivery-status",
		  utf8 ? "8bit" : "7bit");
	write_xtext(out, "Original-Envelope-Id:", l->envid);
	dsn_text_field(out, "Reporting-MTA: dns;", how->host, false);
	dsn_date_field(out, "Arrival-Date", l->arrived);
	for (size_t i = 0; i < count; i++)
		write_recipient(out, &r[i], utf8);
	return utf8;
}

static void write_original(struct buf *out, const struct dsn_original *o, const struct plan *p)
{
	const char *type = p->whole ? (p->global ? "message/global" : "message/rfc822")
				    : (p->global ? "message/global-headers" : "text/rfc822-headers");
	struct span bytes = p->whole ? buf_span(&o->bytes) : header_of(o);
	open_part(out, p, type, p->qp ? "quoted-printable" : p->eight_bit ? "8bit" : "7bit");
	if (p->qp)
		dsn_qp(bytes, out);
	else
		buf_add(out, bytes);
	buf_printf(out, "\r\n--%.*s--\r\n", SPAN_FMT(boundary(p)));
}

static void write_all(const struct dsn_how *how, const struct dsn_letter *l, struct span to,
		      const struct dsn_recipient *r, size_t count, const struct dsn_original *o,
		      struct buf *out, struct dsn_made *made)
{
	struct plan p;
	struct buf subject, text;
	buf_init(&subject, 2u * DSN_SUBJECT_MAX);
	buf_init(&text, DSN_REPORT_MAX);
	plan_original(&p, how, o);
	subject_of(header_of(o), &subject);
	dsn_person(&text, how, l, r, count, buf_span(&subject), p.whole);
	write_head(out, how, to, dsn_leads(r, count), message_id(header_of(o)), &p);
	write_text(out, &p, buf_span(&text));
	bool utf8 = write_status(out, how, l, r, count, &p);
	write_original(out, o, &p);
	*made = (struct dsn_made){
		.eight_bit = utf8 || p.eight_bit,
		.utf8 = utf8 || p.global || (how->form == DSN_UTF8 && !utf8_ascii(to)),
		.whole = p.whole,
		.cut = o->cut,
	};
	out->failed |= !buf_ok(&subject) || !buf_ok(&text);
	buf_free(&subject);
	buf_free(&text);
}

static void check_how(const struct dsn_how *how)
{
	ENSURE(smtp_hello_ok(how->host) && how->return_max <= DSN_RETURN_MAX);
	ENSURE(how->id.len >= DSN_ID_MIN && how->id.len <= DSN_ID_MAX);
	for (size_t i = 0; i < how->id.len; i++)
		ENSURE(ascii_alnum(how->id.ptr[i]));
}

enum dsn_result dsn_write(const struct dsn_how *how, const struct dsn_letter *l,
			  const struct dsn_recipient *r, size_t count, struct buf *out,
			  struct dsn_made *made)
{
	struct smtp_path path;
	struct dsn_original o;
	struct buf to;
	*made = (struct dsn_made){0};
	check_how(how);
	if (count == 0 || count > DSN_RECIPIENTS_MAX)
		return count == 0 ? DSN_NO_RECIPIENTS : DSN_TOO_MANY;
	if (smtp_address_parse(how->to.len > 0 ? how->to : l->sender, &path) != SMTP_PATH_OK)
		return DSN_NO_ADDRESSEE;
	dsn_original_init(&o);
	buf_init(&to, SMTP_ADDRESS_MAX);
	smtp_path_write(&path, &to);
	bool whole = l->ret == SMTP_RET_FULL && dsn_leads(r, count) == DSN_FAILED;
	enum dsn_result result = dsn_original_pull(&o, l, whole, how->return_max);
	if (result == DSN_OK) {
		write_all(how, l, buf_span(&to), r, count, &o, out, made);
		result = buf_ok(out) && buf_ok(&to) ? DSN_OK : DSN_MEMORY;
	}
	buf_free(&to);
	dsn_original_free(&o);
	return result;
}
