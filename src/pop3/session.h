/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/session - a POP3 server session (RFC 1939, 2449, 2595, 5034, 6856).
 *
 * The same shape as imap/session: greet, then run for each wake-up, until
 * POP3_CLOSE.  Between two commands only the session object is left: a few
 * hundred bytes, the UID runs of the snapshot taken at login, and one bit per message once
 * something was marked with DELE.
 *
 * A message number always means the message that it meant at login; what was
 * expunged elsewhere since is answered -ERR.  Nothing is deleted before QUIT.
 * No credential is taken before TLS; APOP does not exist here.
 */
#pragma once

#include "base/stream.h"
#include "pop3/host.h"

#define POP3_LINE_MAX      512u   /* a command with its CRLF; RFC 2449 asks 255 */
#define POP3_AUTH_LINE_MAX 16384u /* a line of a SASL exchange */
#define POP3_DRAIN_MAX     65536u /* refused bytes that are read and dropped */
#define POP3_BAD_MAX       20u    /* refused commands in a row, then goodbye */
#define POP3_LOGIN_MAX     5u     /* failed logins, then goodbye */
#define POP3_USER_MAX      320u   /* bytes of a user name */

#define POP3_WAIT_LOGIN    60u    /* seconds without a byte */
#define POP3_WAIT_COMMAND  660u   /* RFC 1939 3: ten minutes at least */

enum pop3_next {
	POP3_IDLE,  /* between two commands */
	POP3_CLOSE, /* everything was said: close the connection */
};

struct pop3_session;

/* Stream and host are the owner's and outlive the session.  NULL: no memory. */
MUST_USE struct pop3_session *pop3_session_new(struct stream *, struct pop3_host *);
void pop3_session_free(struct pop3_session *); /* NULL is allowed */

enum pop3_next pop3_session_greet(struct pop3_session *);
/* Waits for one command, runs it, and goes on while input is buffered. */
enum pop3_next pop3_session_run(struct pop3_session *);
/* Say goodbye with this text (ours, printable) and close; deletes nothing. */
enum pop3_next pop3_session_stop(struct pop3_session *, const char *why);

bool pop3_session_authenticated(const struct pop3_session *);
