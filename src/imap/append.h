/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/append - messages that a client puts into a mailbox.  Private.
 *
 * APPEND takes up to IMAP_APPENDS_MAX of them, all or none; REPLACE takes one,
 * and another one goes in the same moment.
 */
#pragma once

#include "imap/flags.h"

#define IMAP_APPENDS_MAX 128u  /* messages of one command */
#define IMAP_PIECES_MAX  1000u /* of one message: RFC 4469 */

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

/* ---- imap/cmd_append, for its pieces.  All false: it is answered, or the end. */

/* Nothing is kept; what is announced is dropped.  code NULL: BAD. */
bool imap_append_refuse(struct imap_session *, struct imap_appending *, const char *code,
			const char *text);
bool imap_append_refuse_answer(struct imap_session *, struct imap_appending *,
			       enum imap_answer);
/* The stream ended, or memory did. */
bool imap_append_lost(struct imap_session *, struct imap_appending *);
/* The announced literal goes to the host, then the line behind it is read. */
MUST_USE bool imap_append_text(struct imap_session *, struct imap_appending *);
/* The same into memory. */
MUST_USE bool imap_append_literal(struct imap_session *, struct imap_appending *,
				  struct buf *to);

/* imap/catenate.c: everything behind "CATENATE (", up to and with ")". */
MUST_USE bool imap_catenate(struct imap_session *, struct imap_appending *);
