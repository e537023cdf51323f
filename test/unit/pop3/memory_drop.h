/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/pop3/memory_drop - a POP3 host over a handful of messages.  The user
 * is "fred" with the password "secret".  Shared with the fuzz harness.
 */
#pragma once

#include "pop3/host.h"

#define DROP_MESSAGES 1100

struct drop_host {
	struct pop3_host host;
	struct span messages[DROP_MESSAGES]; /* UID = 10 + 2 * index, or 1 apart */
	bool gone[DROP_MESSAGES];
	struct span ids[DROP_MESSAGES]; /* from another server; empty: none */
	size_t count;
	bool busy, early, dense, fail_expunge;
	unsigned fail_ids; /* that question for them fails; 0: none */
	unsigned logins, opens, closes, expunges;
	uint64_t deleted; /* messages that expunge named */
};

void drop_init(struct drop_host *);
