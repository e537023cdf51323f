/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/story - what is done for a message, step by step, told to the log
 * and to whoever else listens (`letterlock why-not`).
 *
 * Names of fields, the same in all events: domain, host, address, level, by,
 * policy, tls, cipher, certificate (the server's), shown (ours), outcome, code,
 * status, text, rule, recipient.
 */
#pragma once

#include "role/common/log.h"

struct story {
	struct log *log; /* NULL: nothing goes there */
	uint64_t id;	 /* the message's */
	void (*also)(void *owner, const char *event, const struct log_field *,
		     size_t count);
	void *owner;
};

void story_tell(const struct story *, const char *event,
		const struct log_field *, size_t count);

#define TELL(story, event, ...)                                                \
	story_tell((story), (event), (const struct log_field[]){__VA_ARGS__},  \
		   sizeof((const struct log_field[]){__VA_ARGS__}) /           \
			   sizeof(struct log_field))
