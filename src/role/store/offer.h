/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/offer - one message between its end of data and its answer.
 */
#pragma once

#include "role/store/understand.h"

/* Of RFC 3461's NOTIFY, as the schemas carry it. */
#define NOTIFY_NEVER   1u
#define NOTIFY_SUCCESS 2u

struct target {
	uint64_t account; /* 0: remote */
	struct span address;
	const struct recipient *recipient; /* that led here first */
};

struct offer {
	struct job *job;
	const struct edge_store_offer *ask;
	struct transaction *transaction;
	struct body body;
	struct understood seen;
	struct target *targets; /* deduplicated */
	size_t count, cap;
	int64_t release; /* seconds; 0: at once */
	uint64_t began;
};

bool offer_submitted(const struct offer *); /* by one of our users */
/* Has the sender to hear that it is in the mailbox? */
bool offer_confirms(const struct offer *, const struct target *);

/* Return-Path and Delivered-To (each when its span is there), the trace. */
struct span offer_prefix(struct arena *, const struct span *sender,
			 const struct span *delivered_to, struct span trace);

/* direct.c: all of them ours, nobody has to hear of it, and not more. */
#define DIRECT_MOST 100u
enum edge_store_answer offer_direct(struct offer *);
/* custody.c: everything else; yes once the queue has it. */
enum edge_store_answer offer_custody(struct offer *);
