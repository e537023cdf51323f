/* SPDX-License-Identifier: Apache-2.0 */
/* The client half of SMTP and LMTP, one transaction at a time. */
#ifndef BENCH_SMTP_H
#define BENCH_SMTP_H

#include <stdbool.h>

#include "message.h"

struct bench;
struct conn;

struct smtp {
	struct bench *b;
	struct conn *c;
	bool pipelining;
	char from[160]; /* who logged in may not send as another */
	double sent; /* when the last byte of the last message had left */
};

/* Greeting, EHLO, TLS and AUTH as the options say; user: from 1. */
bool smtp_open(struct smtp *, struct bench *, int user);
/* One message to `recipients` users from number `first` on; -1 when it was not
 * taken, else how many took it.  After -1 the connection is closed. */
int smtp_send(struct smtp *, const struct message *, int first);
void smtp_quit(struct smtp *, bool wait);

bool smtp_ehlo(struct bench *, struct conn *, bool *pipelining);
int smtp_reply(struct conn *, char *text, int size); /* the code, or -1 */

#endif
