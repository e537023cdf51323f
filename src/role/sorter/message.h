/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/sorter/message - the bytes of one request, inline or behind a descriptor,
 * read front to back in pieces.
 */
#pragma once

#include "os/fiber.h"

#define MESSAGE_PIECE 65536u

struct message {
	struct loop *loop;
	struct span inline_bytes;
	int file; /* -1: inline */
	uint64_t size, at;
	char *piece; /* for a file */
	bool failed; /* the machine could not give us all of it */
};

/* The descriptor is the message's from here on.  False: memory is short. */
MUST_USE bool message_open(struct message *, struct loop *, uint64_t size,
			   struct span inline_bytes, int file);
void message_close(struct message *);
/*
 * The next bytes, at most MESSAGE_PIECE, valid until the next call; empty at the
 * end or when the file is shorter than was said.  Yields between pieces.
 */
struct span message_next(struct message *);
/* Did it end early because reading failed? */
bool message_failed(const struct message *);
void message_rewind(struct message *);
