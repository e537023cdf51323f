/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/dial - makes TCP connections: the first that answers is taken.
 *
 * RFC 8305: families take turns; each attempt begins DIAL_STAGGER_NS after the
 * one before it, or at once when none is under way; the first that stands ends
 * the others.  Each attempt has DIAL_ATTEMPT_NS, all of them the caller's
 * deadline.  Nothing is read or written here.
 *
 * Targets that the address policy (reach.h) forbids are not tried.  A connection
 * that turns out to end at one of our own listeners is closed at once.
 */
#pragma once

#include "os/loop.h"
#include "role/dialer/reach.h"

#define DIAL_TARGETS_MAX  32u
#define DIAL_AT_ONCE_MAX  8u   /* attempts of one dial at the same time */
#define DIAL_OPEN_MAX     512u /* attempts of all */
#define DIAL_CLIENT_MAX   384u /* of one channel */
#define DIAL_NETWORK_MAX  128u /* to one IPv4 /24 or IPv6 /56 */
#define DIAL_STAGGER_NS   (250 * NS_PER_MS)
#define DIAL_ATTEMPT_NS   (30 * NS_PER_SEC)

enum dial_end {
	DIAL_CONNECTED,
	DIAL_DENIED,	  /* every target is forbidden: nothing was sent */
	DIAL_UNREACHABLE, /* none of them answered */
	DIAL_BUSY,	  /* over a limit above: nothing was sent */
	DIAL_OURSELVES,	  /* one target is this server, no other answered */
};

struct dials;

struct dial_request {
	const struct conf *conf; /* used before dial() returns and while it goes on */
	const void *owner; /* the channel it is for */
	const struct addr *targets;
	size_t count; /* 1..DIAL_TARGETS_MAX */
	bool (*port)(const struct conf *, uint16_t); /* may it be used? */
	const struct addr *source4, *source6; /* NULL: the usual one */
	uint64_t deadline;
};

struct dial_attempt {
	uint16_t of; /* which target */
	uint32_t milliseconds;
	const char *why;
};

struct dial_answer {
	enum dial_end end;
	int fd; /* CONNECTED: the callee's; else -1 */
	uint16_t of;
	struct addr local;
	/* What failed or was given up, in the order of its end. */
	const struct dial_attempt *attempts;
	size_t attempt_count;
	const char *why; /* not CONNECTED */
};

typedef void dial_done_fn(void *ctx, const struct dial_answer *);

MUST_USE struct dials *dials_new(struct loop *);
/* Those under way end as DIAL_BUSY first. */
void dials_free(struct dials *); /* NULL is allowed */
/* The configuration in which those under way go on. */
void dials_adopt(struct dials *, const struct conf *);
/* The owner is gone: its connections are closed, and told as DIAL_BUSY. */
void dials_drop(struct dials *, const void *owner);

/* done is called exactly once, maybe before this returns. False: no memory. */
MUST_USE bool dial(struct dials *, const struct dial_request *,
		   dial_done_fn *done, void *ctx);

struct dial_counts {
	size_t open; /* attempts under way */
	uint64_t connected, denied, unreachable, busy; /* dials that ended so */
};
struct dial_counts dials_counts(const struct dials *);
