/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/session - the server's half of SMTP (RFC 5321), submission (RFC 6409)
 * and LMTP (RFC 2033), as straight-line code over a stream and a host.
 *
 * Life: smtp_session_new; for implicit TLS the owner shakes hands first; then
 * smtp_session_greet once; then smtp_session_run whenever bytes arrive, until
 * either answers SMTP_CLOSE; then smtp_session_free.  Before the greeting the
 * owner puts bytes that had already arrived into the stream's buffer: that is
 * how early talkers are seen without waiting.
 *
 * Between two commands a session needs no fiber: run returns SMTP_IDLE with
 * everything flushed and no byte buffered.  Inside a command it reads through
 * the stream and so parks.  The object is under 2 KiB and nothing hangs on it
 * but the owner's stream and host.
 *
 * The stream's input buffer holds at least SMTP_AUTH_LINE_MAX bytes
 * (SMTP_LINE_MAX where AUTH does not exist).
 *
 * Never: a positive reply after data without SMTP_KEPT; a look at, or a log
 * of, a credential that came in clear; a byte of the clear phase read in TLS.
 */
#pragma once

#include "base/span.h"
#include "base/stream.h"
#include "smtp/host.h"

enum smtp_role {
	SMTP_MX,         /* mail from other servers; never AUTH */
	SMTP_SUBMISSION, /* mail from our users; AUTH before MAIL, TLS before AUTH */
	SMTP_LMTP,       /* LHLO, one reply a recipient after the data */
};

enum smtp_tls_mode {
	SMTP_TLS_NONE,
	SMTP_TLS_OFFERED,
	SMTP_TLS_REQUIRED, /* STARTTLS before anything of substance */
	SMTP_TLS_IMPLICIT, /* protected before the greeting */
};

#define SMTP_LINE_MAX      4096u  /* a command with its CRLF */
#define SMTP_AUTH_LINE_MAX 12288u /* AUTH and its answers; RFC 4954 4 */
#define SMTP_LINE_DRAIN    (1u << 20) /* a longer line than this ends the session */

#define SMTP_MESSAGE_SIZE   (50u << 20)
#define SMTP_RECIPIENTS     100u
#define SMTP_BAD_COMMANDS   20u
#define SMTP_IDLE_COMMANDS  200u /* commands that move no mail, since the last message */
#define SMTP_AUTH_FAILURES  5u
#define SMTP_AUTH_STEPS     16u
#define SMTP_REPLY_TEXT_MAX 400u
#define SMTP_RELEASE_SECONDS (30u * 86400u)

/* A message has to arrive at this rate at least: one slice per data_seconds. */
#define SMTP_DATA_SLICE (1u << 20)

struct smtp_limits {
	uint64_t message;       /* bytes after dot-unstuffing */
	uint32_t recipients;    /* a transaction */
	uint32_t bad_commands;  /* the last of them is answered 421 */
	uint32_t idle_commands;
	uint32_t auth_failures;
	uint32_t command_seconds; /* for the next command line */
	uint32_t data_seconds;    /* for a slice of message data */
	uint32_t auth_seconds;    /* for an answer in an AUTH exchange */
	uint32_t release_seconds; /* how long a message may be held (RFC 4865) */
};

#define SMTP_LIMITS_DEFAULT                                                    \
	{                                                                      \
		.message = SMTP_MESSAGE_SIZE, .recipients = SMTP_RECIPIENTS,   \
		.bad_commands = SMTP_BAD_COMMANDS,                             \
		.idle_commands = SMTP_IDLE_COMMANDS,                           \
		.auth_failures = SMTP_AUTH_FAILURES, .command_seconds = 300,   \
		.data_seconds = 600, .auth_seconds = 120,                      \
		.release_seconds = SMTP_RELEASE_SECONDS,                       \
	}

/* Extensions that a listener may leave out; what is not announced is refused. */
#define SMTP_EXT_PIPELINING 1u
#define SMTP_EXT_SIZE       2u
#define SMTP_EXT_8BITMIME   4u
#define SMTP_EXT_SMTPUTF8   8u
#define SMTP_EXT_CHUNKING   16u
#define SMTP_EXT_BINARYMIME 32u /* needs CHUNKING */
#define SMTP_EXT_ENHANCED   64u
#define SMTP_EXT_LIMITS     128u /* RFC 9422 */
#define SMTP_EXT_DSN        256u
#define SMTP_EXT_REQUIRETLS 512u  /* inside TLS only */
#define SMTP_EXT_RELEASE    1024u /* FUTURERELEASE, submission only */
#define SMTP_EXT_PRIORITY   2048u /* MT-PRIORITY, submission only */
#define SMTP_EXT_DELIVERBY  4096u /* submission only */
#define SMTP_EXT_ALL        8191u

/* Per listener, shared by its sessions, outlives them. */
struct smtp_settings {
	enum smtp_role role;
	enum smtp_tls_mode tls;
	struct span hostname;
	uint32_t extensions;
	struct smtp_limits limits;
};

enum smtp_next {
	SMTP_IDLE,  /* nothing to do before bytes arrive */
	SMTP_CLOSE, /* everything is said and flushed: free the session */
};

struct smtp_session;

/* NULL when memory is short.  All three outlive the session. */
MUST_USE struct smtp_session *smtp_session_new(struct stream *, struct smtp_host *,
					       const struct smtp_settings *);
/* Tells the host `reset` when a transaction was open.  NULL is allowed. */
void smtp_session_free(struct smtp_session *);

MUST_USE enum smtp_next smtp_session_greet(struct smtp_session *);
MUST_USE enum smtp_next smtp_session_run(struct smtp_session *);

/* The owner ends an idle session: says 421 and flushes. */
enum smtp_farewell { SMTP_FAREWELL_TIMEOUT, SMTP_FAREWELL_SHUTDOWN };
void smtp_session_farewell(struct smtp_session *, enum smtp_farewell);

/* What the Received line and the log want; spans are the session's own. */
struct smtp_facts {
	struct span hello; /* empty before EHLO */
	bool extended;     /* EHLO or LHLO */
	bool secure, authenticated;
	bool utf8;         /* of the open transaction */
	bool transaction;  /* after MAIL */
	uint32_t recipients;
	struct smtp_tls_facts tls;
};
void smtp_session_facts(const struct smtp_session *, struct smtp_facts *);

size_t smtp_session_size(void); /* bytes of the object, for accounts of memory */
