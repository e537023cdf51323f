/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/rule: one function for each kind of event; each ends in one ruling.
 * Must never report to a null or unproven sender, whatever NOTIFY asks for.
 */
#include "dsn/rule.h"

#include "base/ensure.h"
#include "smtp/host.h"

const char *dsn_rule_name(enum dsn_rule r)
{
	static const char *const names[] = {
#define X(name, text) text,
		DSN_RULES(X)
#undef X
	};
	ENSURE((size_t)r < DSN_RULE_COUNT);
	return names[r];
}

static struct dsn_ruling nothing(enum dsn_account a, enum dsn_rule r)
{
	return (struct dsn_ruling){DSN_DO_NOTHING, DSN_FAILED, a, r};
}

/* RFC 3461 4.1: NEVER stands alone; without NOTIFY failures and delays count. */
static bool wants(const struct dsn_case *c, uint32_t bit)
{
	uint32_t notify = c->notify == 0 ? SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY : c->notify;
	return !(notify & SMTP_NOTIFY_NEVER) && (notify & bit) != 0;
}

static struct dsn_ruling waiting(const struct dsn_case *c)
{
	if (c->null_sender)
		return nothing(DSN_IS_OPEN, DSN_RULE_NULL_SENDER);
	if (!c->proven)
		return nothing(DSN_IS_OPEN, DSN_RULE_UNPROVEN);
	if (!wants(c, SMTP_NOTIFY_DELAY))
		return nothing(DSN_IS_OPEN, DSN_RULE_NOT_WANTED);
	if (c->delay_after <= 0)
		return nothing(DSN_IS_OPEN, DSN_RULE_DELAY_OFF);
	if (c->delay_told)
		return nothing(DSN_IS_OPEN, DSN_RULE_DELAY_TOLD);
	int64_t waited;
	if (!__builtin_sub_overflow(c->now, c->accepted, &waited) && waited < c->delay_after)
		return nothing(DSN_IS_OPEN, DSN_RULE_DELAY_EARLY);
	return (struct dsn_ruling){DSN_DO_REPORT, DSN_DELAYED, DSN_IS_OPEN, DSN_RULE_WANTED};
}

static struct dsn_ruling failed(const struct dsn_case *c)
{
	/* First, so that NOTIFY=NEVER cannot make a bounce vanish. */
	if (c->null_sender && !c->proven)
		return (struct dsn_ruling){DSN_DO_DISCARD, DSN_FAILED, DSN_IS_DISCARDED,
					   DSN_RULE_NULL_SENDER};
	if (c->null_sender) {
		if (c->to_postmaster)
			return (struct dsn_ruling){DSN_DO_HOLD, DSN_FAILED, DSN_IS_HELD,
						   DSN_RULE_POSTMASTER_HOLD};
		if (c->on_double == DSN_DOUBLE_POSTMASTER)
			return (struct dsn_ruling){DSN_DO_POSTMASTER, DSN_FAILED, DSN_IS_BOUNCED,
						   DSN_RULE_DOUBLE_POSTMASTER};
		return (struct dsn_ruling){DSN_DO_HOLD, DSN_FAILED, DSN_IS_HELD,
					   DSN_RULE_DOUBLE_HOLD};
	}
	if (!wants(c, SMTP_NOTIFY_FAILURE))
		return (struct dsn_ruling){DSN_DO_DISCARD, DSN_FAILED, DSN_IS_DISCARDED,
					   DSN_RULE_NOT_WANTED};
	if (!c->proven)
		return (struct dsn_ruling){DSN_DO_DISCARD, DSN_FAILED, DSN_IS_DISCARDED,
					   DSN_RULE_UNPROVEN};
	return (struct dsn_ruling){DSN_DO_REPORT, DSN_FAILED, DSN_IS_BOUNCED, DSN_RULE_WANTED};
}

static struct dsn_ruling succeeded(const struct dsn_case *c, enum dsn_action action)
{
	if (c->null_sender)
		return nothing(DSN_IS_DELIVERED, DSN_RULE_NULL_SENDER);
	if (!wants(c, SMTP_NOTIFY_SUCCESS))
		return nothing(DSN_IS_DELIVERED, DSN_RULE_NOT_WANTED);
	if (!c->proven)
		return nothing(DSN_IS_DELIVERED, DSN_RULE_UNPROVEN);
	return (struct dsn_ruling){DSN_DO_REPORT, action, DSN_IS_DELIVERED, DSN_RULE_WANTED};
}

struct dsn_ruling dsn_rule(const struct dsn_case *c)
{
	switch (c->event) {
	case DSN_ON_WAITING:
		return waiting(c);
	case DSN_ON_FAILED:
		return failed(c);
	case DSN_ON_DELIVERED:
		return succeeded(c, DSN_DELIVERED);
	case DSN_ON_RELAYED:
		return succeeded(c, DSN_RELAYED);
	case DSN_ON_EXPANDED:
		return succeeded(c, DSN_EXPANDED);
	case DSN_ON_HANDED:
	case DSN_EVENTS:
		break;
	}
	ENSURE(c->event == DSN_ON_HANDED);
	return nothing(DSN_IS_DELIVERED, DSN_RULE_HANDED);
}
