/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of the test hop, as simple roles: `there` answers at once, or keeps
 * what it is asked until the test lets it answer.
 */
#pragma once

#include "wire/here_there.h"

#define KEPT_MAX 16u

struct ends {
	struct ipc_call *kept[KEPT_MAX]; /* calls that wait for the test */
	const void *kept_request[KEPT_MAX];
	unsigned kept_count;
	bool hold; /* keep calls rather than answer them */
	unsigned served, notes, hints, fds, ready, dead;
	uint32_t last;
	char reason[128];
	void (*on_echo)(struct ends *, const struct here_there_echo *);
	void (*fd_close)(void *arg, int fd); /* what a handler does with one */
	void *arg;
};

extern const struct here_there_at_there ends_there;
extern const struct here_there_at_here ends_here;
struct ipc_owner ends_owner(struct ends *);
