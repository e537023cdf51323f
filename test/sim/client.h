/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted SMTP client on a simulated socket.
 *
 * For fibers of the test's loop.  It says what it is told to, right or wrong, and
 * reads replies of one or more lines.
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
};

/* Connect to 127.0.0.1 and read the greeting. */
void client_open(struct client *, struct loop *, uint16_t port);
void client_close(struct client *);
/* Send bytes as they are. */
void client_send(struct client *, struct span);
/* Read a reply; the answer is its code. */
unsigned client_reply(struct client *);
/* A command line without its end, and the reply. */
unsigned client_say(struct client *, const char *line);
