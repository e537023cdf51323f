/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_offer: the table of what EHLO may announce (RFC 5321 4.1.1.1).
 *
 * Must never let a parameter that is malformed count for more than none.
 */
#include "smtp/client_state.h"

/* RFC 1870: 0 or nothing is no limit; what is no number neither. */
static void take_size(struct smtp_offer *o, struct span args)
{
	uint64_t n;
	o->size = span_u64(args, UINT64_MAX, &n) ? n : 0;
}

/* Words by blanks; the longest front that fits. */
static void take_mechanisms(struct smtp_offer *o, struct span args)
{
	o->mechanisms_len = 0;
	while (args.len > 0) {
		struct span word;
		span_cut(&args, ' ', &word);
		bool ok = word.len > 0 && word.len <= 20; /* RFC 4422 3.1 */
		for (size_t i = 0; i < word.len; i++)
			ok = ok && (ascii_alnum(word.ptr[i]) || word.ptr[i] == '-' ||
				    word.ptr[i] == '_');
		if (!ok)
			continue;
		size_t at = o->mechanisms_len, blank = at > 0;
		if (at + blank + word.len > sizeof o->mechanisms)
			return;
		if (blank)
			o->mechanisms[at] = ' ';
		memcpy(o->mechanisms + at + blank, word.ptr, word.len);
		o->mechanisms_len = (uint16_t)(at + blank + word.len);
	}
}

/* RFC 9422 4: NAME=value, numbers of 1 to 6 digits, not 0. */
static void take_limits(struct smtp_offer *o, struct span args)
{
	while (args.len > 0) {
		struct span value, name;
		uint64_t n;
		span_cut(&args, ' ', &value);
		span_cut(&value, '=', &name);
		if (value.len > 6 || !span_u64(value, 999999, &n) || n == 0)
			continue;
		if (span_eq_nocase(name, SPAN("RCPTMAX")))
			o->rcpt_max = (uint32_t)n;
		else if (span_eq_nocase(name, SPAN("MAILMAX")))
			o->mail_max = (uint32_t)n;
		else if (span_eq_nocase(name, SPAN("RCPTDOMAINMAX")))
			o->rcpt_domain_max = (uint32_t)n;
	}
}

/* RFC 2852 3: the least time, or nothing. */
static void take_by(struct smtp_offer *o, struct span args)
{
	uint64_t n;
	o->by_least = args.len <= 9 && span_u64(args, SMTP_BY_MOST, &n) ? (uint32_t)n : 0;
}

static const struct {
	struct span name;
	uint32_t bit;
	void (*take)(struct smtp_offer *, struct span args);
} keywords[] = {
	{SPAN_INIT("PIPELINING"), SMTP_OFFER_PIPELINING, NULL},
	{SPAN_INIT("SIZE"), SMTP_OFFER_SIZE, take_size},
	{SPAN_INIT("8BITMIME"), SMTP_OFFER_8BITMIME, NULL},
	{SPAN_INIT("SMTPUTF8"), SMTP_OFFER_SMTPUTF8, NULL},
	{SPAN_INIT("CHUNKING"), SMTP_OFFER_CHUNKING, NULL},
	{SPAN_INIT("BINARYMIME"), SMTP_OFFER_BINARYMIME, NULL},
	{SPAN_INIT("ENHANCEDSTATUSCODES"), SMTP_OFFER_ENHANCED, NULL},
	{SPAN_INIT("DSN"), SMTP_OFFER_DSN, NULL},
	{SPAN_INIT("REQUIRETLS"), SMTP_OFFER_REQUIRETLS, NULL},
	{SPAN_INIT("STARTTLS"), SMTP_OFFER_STARTTLS, NULL},
	{SPAN_INIT("AUTH"), SMTP_OFFER_AUTH, take_mechanisms},
	{SPAN_INIT("LIMITS"), SMTP_OFFER_LIMITS, take_limits},
	{SPAN_INIT("DELIVERBY"), SMTP_OFFER_DELIVERBY, take_by},
	{SPAN_INIT("MT-PRIORITY"), SMTP_OFFER_PRIORITY, NULL},
};

void smtp_offer_line(struct smtp_offer *o, struct span line)
{
	struct span name, args = span_trim(line);
	span_cut(&args, ' ', &name);
	args = span_trim(args);
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		if (!span_eq_nocase(name, keywords[i].name))
			continue;
		o->extensions |= keywords[i].bit;
		if (keywords[i].take != NULL)
			keywords[i].take(o, args);
	}
}
