/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of any of our text protocols on a simulated socket, with TLS or without.
 *
 * For fibers of the test's loop.  Nothing here fails the test: a connection that
 * ends, or that says nothing for TALK_PATIENCE of virtual time, is a fact about
 * the server, and the caller judges it.
 */
#pragma once

#include "base/buf.h"
#include "os/fiber.h"

struct ssl_st;

#define TALK_PATIENCE_S 100u /* longer than the server takes for anything here */

enum talk_end { TALK_CLOSED, TALK_OPEN, TALK_SILENT };

struct talk {
	struct loop *loop;
	struct fiber_io io;
	struct ssl_st *tls;
	struct buf in; /* plain text, read but not taken */
	int fd;
	enum talk_end end;
	unsigned tag;	/* of the last command of IMAP */
	char line[1024]; /* the last one, cut, without its end */
};

/* False: no connection, or no handshake; close it in any case. */
bool talk_open(struct talk *, struct loop *, uint16_t port, bool tls);
void talk_close(struct talk *);
void talk_send(struct talk *, struct span);
/* The next line into t->line; false at the end. */
bool talk_line(struct talk *);
/* So many bytes that follow, dropped into *out (may be NULL). */
bool talk_bytes(struct talk *, size_t n, struct buf *out);

/* SMTP: a line without its end, and the code of the reply; 0: none came. */
unsigned talk_smtp(struct talk *, const char *line);
unsigned talk_smtp_reply(struct talk *);

/* IMAP: a command without tag and end; what came before the tagged line goes to
 * `data` (may be NULL), literals included.  'O' OK, 'N' NO, 'B' BAD, 0: the end. */
char talk_imap(struct talk *, const char *command, struct buf *data);
/* The same with one literal behind the command. */
char talk_imap_literal(struct talk *, const char *command, struct span literal);

/* POP3: '+', '-', or 0; with `data` the lines up to the dot follow a '+'. */
char talk_pop3(struct talk *, const char *command, struct buf *data);
