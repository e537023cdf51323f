/* SPDX-License-Identifier: Apache-2.0 */
/* route/verdict: fates of an attempt as rows of small rules. */
#include "route/verdict.h"

#include <stdio.h>

#include "base/ensure.h"

bool route_asks_next(const struct smtp_outcome *o)
{
	switch (o->fate) {
	case SMTP_FATE_LEFT:
	case SMTP_FATE_LOST:
	case SMTP_FATE_TEMPORARY:
	case SMTP_FATE_CONVERT:
		return true;
	case SMTP_FATE_PERMANENT:
		/* What this host does not offer another one may. */
		return o->cannot == SMTP_CANNOT_ADDRESS ||
		       o->cannot == SMTP_CANNOT_REQUIRETLS ||
		       o->cannot == SMTP_CANNOT_DELIVERBY ||
		       o->cannot == SMTP_CANNOT_IN_TIME;
	case SMTP_FATE_DELIVERED:
	case SMTP_FATE_UNKNOWN:
		break;
	}
	return false;
}

enum route_fate route_fate(const struct smtp_outcome *o)
{
	switch (o->fate) {
	case SMTP_FATE_DELIVERED:
		return ROUTE_DELIVERED;
	case SMTP_FATE_PERMANENT:
	case SMTP_FATE_CONVERT:
		return ROUTE_FAILED;
	case SMTP_FATE_LEFT:
	case SMTP_FATE_TEMPORARY:
	case SMTP_FATE_LOST:
	case SMTP_FATE_UNKNOWN:
		break;
	}
	return ROUTE_DEFERRED;
}

/* RFC 3463, by the basic code where it says something (RFC 5321 4.2.3). */
static struct smtp_enhanced usual(const struct smtp_outcome *o, uint8_t klass)
{
	if (o->fate == SMTP_FATE_LOST || o->fate == SMTP_FATE_UNKNOWN)
		return (struct smtp_enhanced){klass, 4, 2};
	if (o->fate == SMTP_FATE_LEFT)
		return (struct smtp_enhanced){klass, 4, 1};
	switch (o->code % 100) {
	case 50: /* 450, 550 */
	case 51:
	case 53:
		if (o->stage == SMTP_STAGE_RCPT)
			return (struct smtp_enhanced){klass, 1, o->code % 100 == 53 ? 3 : 1};
		break;
	case 52:
		return (struct smtp_enhanced){klass, 2, 2};
	case 21:
		return (struct smtp_enhanced){klass, 3, 2};
	default:
		break;
	}
	return (struct smtp_enhanced){klass, 0, 0};
}

struct span route_status(const struct smtp_outcome *o, char out[ROUTE_STATUS_MAX])
{
	static const uint8_t klasses[] = {[ROUTE_DELIVERED] = 2,
					  [ROUTE_DEFERRED] = 4,
					  [ROUTE_FAILED] = 5};
	uint8_t klass = klasses[route_fate(o)];
	struct smtp_enhanced e = o->enhanced;
	if (e.klass != klass)
		e = usual(o, klass);
	int n = snprintf(out, ROUTE_STATUS_MAX, "%u.%u.%u", e.klass,
			 e.subject % 1000u, e.detail % 1000u);
	ENSURE(n > 0 && n < (int)ROUTE_STATUS_MAX);
	return span_of(out, (size_t)n);
}

struct span route_words(const struct smtp_outcome *o)
{
	static const struct span cannot[] = {
		[SMTP_CAN] = SPAN_INIT("the server said nothing"),
		[SMTP_CANNOT_8BIT] = SPAN_INIT("the message has 8-bit text, and no "
					       "server of the domain carries that"),
		[SMTP_CANNOT_BINARY] = SPAN_INIT("the message is binary, and no server "
						 "of the domain carries that"),
		[SMTP_CANNOT_UTF8] = SPAN_INIT("the header of the message is "
					       "international, and no server of the "
					       "domain carries that"),
		[SMTP_CANNOT_ADDRESS] = SPAN_INIT("an address is international, and "
						  "no server of the domain carries "
						  "that"),
		[SMTP_CANNOT_REQUIRETLS] = SPAN_INIT("REQUIRETLS was asked for, and no "
						     "server of the domain keeps it"),
		[SMTP_CANNOT_ENVELOPE] = SPAN_INIT("the address cannot be written in "
						   "a command"),
		[SMTP_CANNOT_DELIVERBY] = SPAN_INIT("it was to come back unless it is "
						    "delivered in time, and no server "
						    "of the domain promises that"),
		[SMTP_CANNOT_IN_TIME] = SPAN_INIT("it could not be delivered in the time "
						  "that its sender set"),
	};
	if (o->fate == SMTP_FATE_UNKNOWN)
		return SPAN("the connection ended after the message and before the "
			    "answer");
	if (o->fate == SMTP_FATE_LOST)
		return SPAN("the connection ended before the message was handed over");
	if (o->fate == SMTP_FATE_LEFT)
		return SPAN("the session ended before this recipient's turn");
	return cannot[o->cannot];
}

bool route_never(const struct route_session *s)
{
	return s->stage == SMTP_STAGE_GREETING && (s->code == 521 || s->code == 556);
}

bool route_slow(uint16_t code, enum smtp_stage stage)
{
	return code == 421 || ((code == 450 || code == 451 || code == 452) &&
			       (stage == SMTP_STAGE_GREETING ||
				stage == SMTP_STAGE_HELLO || stage == SMTP_STAGE_MAIL));
}
