/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/text: the part of a report that a person reads: what happened, to whom,
 * why, and what to do now, in this order and in plain words.
 * Must never show more of an address or a reply than the rules of inner.h.
 */
#include "base/civil.h"
#include "dsn/inner.h"

#define WRAP 72u

/* Words with `indent` blanks before each line. */
static void paragraph(struct buf *out, unsigned indent, struct span s)
{
	size_t column = 0;
	struct span word;
	while (s.len > 0) {
		span_cut(&s, ' ', &word);
		if (column > 0 && column + 1 + word.len > WRAP) {
			buf_add(out, SPAN("\r\n"));
			column = 0;
		}
		if (column == 0)
			buf_printf(out, "%*s", (int)indent, "");
		else
			buf_addc(out, ' ');
		buf_add(out, word);
		column = (column == 0 ? indent : column + 1) + word.len;
	}
	buf_add(out, SPAN("\r\n"));
}

static const struct {
	const char *subject, *one, *many;
} headings[DSN_ACTIONS] = {
	[DSN_FAILED] = {"Your message was not delivered",
			"Your message could not be delivered to this recipient.",
			"Your message could not be delivered to these recipients."},
	[DSN_DELAYED] = {"Your message is delayed",
			 "Your message has not reached this recipient yet. We go on trying; you need not send it again.",
			 "Your message has not reached these recipients yet. We go on trying; you need not send it again."},
	[DSN_RELAYED] = {"Your message was passed on",
			 "Your message was passed on to the server of this recipient, which does not report deliveries. No further report will come unless something fails.",
			 "Your message was passed on to the servers of these recipients, which do not report deliveries. No further report will come unless something fails."},
	[DSN_EXPANDED] = {"Your message was passed on to a list",
			  "Your message reached this list and was passed on to its members.",
			  "Your message reached these lists and was passed on to their members."},
	[DSN_DELIVERED] = {"Your message was delivered",
			   "Your message was delivered to this recipient.",
			   "Your message was delivered to these recipients."},
};

enum dsn_action dsn_leads(const struct dsn_recipient *r, size_t count)
{
	enum dsn_action lead = r[0].action;
	for (size_t i = 1; i < count; i++)
		lead = r[i].action < lead ? r[i].action : lead;
	return lead;
}

const char *dsn_subject(enum dsn_action a)
{
	return headings[a].subject;
}

static void say_reply(struct buf *out, const struct dsn_recipient *r, struct buf *line)
{
	struct buf reply;
	buf_init(&reply, 2u * DSN_REPLY_MAX);
	dsn_shown_reply(r, &reply);
	if (buf_len(&reply) > 0) {
		buf_clear(line);
		if (r->remote.len > 0 && !dsn_hidden(r))
			dsn_clean(r->remote, SMTP_DOMAIN_MAX, line);
		else
			buf_add(line, SPAN("The server"));
		buf_add(line, SPAN(" answered: "));
		buf_add(line, buf_span(&reply));
		paragraph(out, 4, buf_span(line));
	}
	out->failed |= !buf_ok(&reply);
	buf_free(&reply);
}

static void say_recipient(struct buf *out, const struct dsn_recipient *r)
{
	const struct dsn_words words = dsn_status_words(r->status);
	struct buf line;
	buf_init(&line, 4096);
	buf_add(out, SPAN("\r\n  "));
	dsn_clean(dsn_shown(r), DSN_ADDRESS_MAX, out);
	buf_add(out, SPAN("\r\n"));
	if (r->action == DSN_FAILED || r->action == DSN_DELAYED) {
		buf_add(&line, span_cstr(words.why));
		buf_add(&line, SPAN(" (code "));
		dsn_status_write(r->status, &line);
		buf_addc(&line, ')');
		paragraph(out, 4, buf_span(&line));
		say_reply(out, r, &line);
	}
	buf_clear(&line);
	if (r->action == DSN_FAILED) {
		buf_add(&line, SPAN("What you can do: "));
		buf_add(&line, span_cstr(words.next));
	} else if (r->action == DSN_DELAYED && r->retry_until != 0) {
		buf_add(&line, SPAN("We try until "));
		civil_add_rfc5322(&line, r->retry_until);
		buf_addc(&line, '.');
	}
	if (buf_len(&line) > 0)
		paragraph(out, 4, buf_span(&line));
	out->failed |= !buf_ok(&line);
	buf_free(&line);
}

static void say_group(struct buf *out, enum dsn_action action, const struct dsn_recipient *r,
		      size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += r[i].action == action;
	if (n == 0)
		return;
	paragraph(out, 0, span_cstr(n == 1 ? headings[action].one : headings[action].many));
	for (size_t i = 0; i < count; i++)
		if (r[i].action == action)
			say_recipient(out, &r[i]);
	buf_add(out, SPAN("\r\n"));
}

void dsn_person(struct buf *out, const struct dsn_how *how, const struct dsn_letter *l,
		const struct dsn_recipient *r, size_t count, struct span subject, bool whole)
{
	struct buf line;
	buf_init(&line, 4096);
	for (size_t a = 0; a < DSN_ACTIONS; a++)
		say_group(out, (enum dsn_action)a, r, count);
	buf_add(&line, SPAN("The message came to us on "));
	civil_add_rfc5322(&line, l->arrived);
	buf_add(&line, whole ? SPAN(" and is attached.") : SPAN("; its header is attached."));
	paragraph(out, 0, buf_span(&line));
	if (subject.len > 0) {
		buf_clear(&line);
		buf_add(&line, SPAN("Subject: "));
		buf_add(&line, subject);
		/* Indented, as all that others chose: no boundary is. */
		paragraph(out, 2, buf_span(&line));
	}
	buf_add(out, SPAN("\r\n"));
	buf_clear(&line);
	buf_add(&line, SPAN("This report was made by the mail system at "));
	buf_add(&line, how->host);
	buf_add(&line, SPAN(". Its postmaster has the address postmaster@"));
	buf_add(&line, how->host);
	paragraph(out, 0, buf_span(&line));
	out->failed |= !buf_ok(&line);
	buf_free(&line);
}
