/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/append - messages that a client puts into a mailbox.  Private.
 *
 * APPEND takes up to IMAP_APPENDS_MAX of them, all or none; REPLACE takes one,
 * and another one goes in the same moment.
 */
#pragma once

#include "imap/flags.h"

#define IMAP_APPENDS_MAX 128u /* messages of one command */

struct imap_appending {
	struct imap_append append;
	struct imap_flag_args flags;
	struct imap_literal literal; /* announced, and not read yet */
	bool binary;
	bool utf8;    /* UTF8 (...): a parenthesis follows */
	bool begun;   /* the host was told of a message */
	size_t count; /* of messages, this one too */
	struct buf line;  /* behind the message; flags borrow from it */
	struct span rest; /* ... what is not read yet */
	void (*kept)(struct imap_session *, const char *code);
};

/* Everything from the mailbox on; `kept` answers OK, with APPENDUID as its code. */
void imap_append_run(struct imap_session *, struct imap_lex *, uint32_t replaces,
		     void (*kept)(struct imap_session *, const char *code));
