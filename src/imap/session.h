/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/session - an IMAP4rev1 server session (RFC 3501) over a stream.
 *
 * Straight-line code in the owner's fiber while a command runs; between two
 * commands, and in IDLE, there is nothing on the stack and nothing in memory
 * but the session object itself (under IMAP_SESSION_MAX bytes, whatever the
 * size of the mailbox), so that the owner can give fiber and buffers back.
 *
 *     imap_session_greet, then for each wake-up:
 *       bytes came    imap_session_run
 *       store hinted  imap_session_hint
 *       shutting down imap_session_stop
 *     until one of them returns IMAP_CLOSE; then imap_session_free.
 *
 * Credentials are never taken and mechanisms never named before TLS, the
 * greeting is never PREAUTH, and nothing that came before a STARTTLS handshake
 * is read after it.
 */
#pragma once

#include "base/stream.h"
#include "imap/host.h"

#define IMAP_SESSION_MAX     2048u   /* bytes of a session object */
#define IMAP_TAG_MAX         64u     /* bytes of a tag */
#define IMAP_COMMAND_EARLY   8192u   /* a command before login, literals too */
#define IMAP_COMMAND_MAX     65536u  /* after it, without literals */
#define IMAP_LITERALS_MAX    262144u /* all literals of one command, not APPEND's */
#define IMAP_LITERAL_MINUS   4096u   /* RFC 7888: the most without asking */
#define IMAP_DRAIN_MAX       65536u  /* refused bytes that are read and dropped */
#define IMAP_BAD_MAX         20u     /* refused commands in a row, then BYE */
#define IMAP_LOGIN_MAX       5u      /* failed logins, then BYE */
#define IMAP_AUTH_LINE_MAX   16384u  /* one line of a SASL exchange */

/* Seconds without a byte (RFC 3501 5.4 asks for 30 minutes after login). */
#define IMAP_WAIT_LOGIN      60u
#define IMAP_WAIT_COMMAND    1860u
#define IMAP_WAIT_WITHIN     300u    /* inside one command */

enum imap_next {
	IMAP_IDLE,  /* between two commands, or in IDLE: nothing to do */
	IMAP_CLOSE, /* everything was said: close the connection */
};

struct imap_session;

/*
 * What happened to a mailbox between two versions, with the numbers of a client
 * that was told everything up to the first: it is said without asking the host.
 */
struct imap_left {
	struct imap_run run; /* expunged: one run of UIDs */
	uint32_t rank;       /* of its first, before any run was told */
};
struct imap_flagged {
	struct imap_slot slot; /* without keywords */
	uint32_t rank;         /* once the expunged are told */
};
struct imap_news {
	uint64_t mailbox, since, version;
	uint32_t uid_next, exists;
	const struct imap_left *gone; /* ascending */
	size_t gone_count;
	const struct imap_flagged *flags; /* ascending */
	size_t flag_count;
};

/* Stream and host are the owner's and outlive the session.  NULL: no memory. */
MUST_USE struct imap_session *imap_session_new(struct stream *, struct imap_host *);
/* Deselects what is selected.  NULL is allowed. */
void imap_session_free(struct imap_session *);

enum imap_next imap_session_greet(struct imap_session *);
/* Waits for one command, runs it, and goes on while input is buffered. */
enum imap_next imap_session_run(struct imap_session *);
/*
 * The selected mailbox may have changed, or any for one that follows all: in IDLE, or
 * where NOTIFY asked for it, the client is told at once.
 * news that do not fit what it was told last, or NULL: the host is asked.
 */
enum imap_next imap_session_hint(struct imap_session *, const struct imap_news *);
/*
 * While a question of the running command takes long: everything below this UID
 * was looked at.  The owner asks from inside of its answer, every ten seconds or
 * so; the client is told that we are alive (RFC 9585).
 */
void imap_session_progress(struct imap_session *, uint32_t uid);
/* Say BYE with this text (ours, printable) and close. */
enum imap_next imap_session_stop(struct imap_session *, const char *why);

/* For the owner's books. */
bool imap_session_authenticated(const struct imap_session *);
bool imap_session_idling(const struct imap_session *);
/* In IDLE, or between any two commands (RFC 5465): hints are of use now. */
bool imap_session_listens(const struct imap_session *);
/* The handle that the host gave, 0 when no mailbox is selected. */
uint64_t imap_session_mailbox(const struct imap_session *);
