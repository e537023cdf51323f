/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/rule - who is told what happened to a recipient, and where the recipient
 * then stands in the ledger (RFC 3461 4.1, 5.2, 6.2; RFC 5321 4.5.5, 6.1).
 *
 * A pure function of facts.  For each event and recipient it names exactly one
 * thing to do, one place in the ledger and the rule that decided, for the log:
 * nothing ends in silence.
 *
 * Never: a report about a message with the null sender to anybody but our own
 * postmaster, and none about that one; a report to a sender whose address
 * nobody proved (backscatter); more than one report of a delay; strangers' mail
 * with the null sender kept for a person, who would never be done with it.
 */
#pragma once

#include "base/attr.h"
#include "dsn/dsn.h"

enum dsn_event {
	DSN_ON_WAITING,	  /* an attempt failed and another one will follow */
	DSN_ON_FAILED,	  /* given up */
	DSN_ON_DELIVERED, /* into a mailbox */
	DSN_ON_HANDED,	  /* to a server that announced DSN and got our NOTIFY */
	DSN_ON_RELAYED,	  /* to a server without DSN: nobody reports from there */
	DSN_ON_EXPANDED,  /* into other recipients, which are accounted by themselves */
	DSN_EVENTS
};

/* What becomes of a failed message with the null sender. */
enum dsn_double {
	DSN_DOUBLE_HOLD,       /* it waits for a person */
	DSN_DOUBLE_POSTMASTER, /* our postmaster gets the report */
};

struct dsn_case {
	enum dsn_event event;
	bool null_sender;
	bool proven;	   /* the sender was authenticated, or is DMARC-aligned; of a
			    * null sender: the report is our own, or a user's */
	bool to_postmaster; /* the message is itself a report to our postmaster */
	enum dsn_double on_double;
	uint32_t notify;     /* SMTP_NOTIFY_*; 0: not given, which means FAILURE and DELAY */
	int64_t accepted, now;
	int64_t delay_after; /* seconds; 0: delays are never reported */
	bool delay_told;     /* a delay of this recipient was reported already */
};

enum dsn_do {
	DSN_DO_NOTHING,
	DSN_DO_REPORT,	   /* to the sender, with `action` */
	DSN_DO_POSTMASTER, /* to our postmaster, with `action` */
	DSN_DO_HOLD,
	DSN_DO_DISCARD, /* the recipient ends here; log the rule */
};

/* Where the recipient stands now; all but OPEN are ends or kept for a person. */
enum dsn_account {
	DSN_IS_OPEN,
	DSN_IS_DELIVERED, /* or somebody else's custody */
	DSN_IS_BOUNCED,
	DSN_IS_HELD,
	DSN_IS_DISCARDED,
};

/* Rules with their names as the log shows them. */
#define DSN_RULES(X)                                                           \
	X(NULL_SENDER, "null-sender")	  /* nobody to tell */                 \
	X(UNPROVEN, "unproven-sender")	  /* it could hit somebody else */     \
	X(NOT_WANTED, "notify-not-wanted") /* NOTIFY says so */                \
	X(WANTED, "notify-wanted")                                             \
	X(HANDED, "next-server-reports")                                       \
	X(DELAY_OFF, "delay-reports-off")                                      \
	X(DELAY_TOLD, "delay-told")                                            \
	X(DELAY_EARLY, "delay-not-due")                                        \
	X(DOUBLE_HOLD, "double-bounce-held")                                   \
	X(DOUBLE_POSTMASTER, "double-bounce-to-postmaster")                    \
	X(POSTMASTER_HOLD, "report-to-postmaster-held")

enum dsn_rule {
#define X(name, text) DSN_RULE_##name,
	DSN_RULES(X)
#undef X
	DSN_RULE_COUNT
};
const char *dsn_rule_name(enum dsn_rule);

struct dsn_ruling {
	enum dsn_do what;
	enum dsn_action action; /* of REPORT and POSTMASTER */
	enum dsn_account account;
	enum dsn_rule rule;
};

MUST_USE struct dsn_ruling dsn_rule(const struct dsn_case *);
