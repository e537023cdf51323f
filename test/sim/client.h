/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted client on a simulated socket: SMTP, and lines of any protocol.  A
 * scripted server is one that was accepted.
 *
 * For fibers of the test's loop.  It says what it is told to, right or wrong, and
 * reads replies of one or more lines, inside TLS when asked.  It checks no
 * certificate: who the server is, is not what is tested with it.
 */
#pragma once

#include "base/buf.h"
#include "os/fiber.h"

struct client {
	struct loop *loop;
	struct fiber_io io;
	struct buf in;
	int fd;         /* -1: not connected */
	unsigned code;  /* of the last reply; 0: the connection ended instead */
	char text[512]; /* its last line, cut */
	struct ssl_st *tls; /* NULL: in clear */
	size_t taken;       /* of in, by client_line */
};

/* Connect to 127.0.0.1 and read the greeting. */
void client_open(struct client *, struct loop *, uint16_t port);
/* The same without reading anything; code is 1 when it is connected. */
void client_dial(struct client *, struct loop *, uint16_t port);
/* The other way round: this connection was accepted. */
void client_adopt(struct client *, struct loop *, int fd);
void client_close(struct client *);
/* Send bytes as they are. */
void client_send(struct client *, struct span);
/* Read a reply; the answer is its code. */
unsigned client_reply(struct client *);
/* The next line without its end, borrowed until the next call.  False: there is none. */
bool client_line(struct client *, struct span *line);
/* The next n bytes, of a literal, appended to out. */
bool client_bytes(struct client *, size_t n, struct buf *out);
/* Shake hands, now.  False: it failed. */
bool client_tls(struct client *);
/* A command line without its end, and the reply. */
unsigned client_say(struct client *, const char *line);
