/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/host - the questions that an SMTP session asks its owner.
 *
 * The session knows the grammar and the order of commands; the owner knows
 * accounts, domains, load and where bytes go.  Every question may park the
 * calling fiber.  Spans handed in are borrowed for the call only: the owner
 * copies what it keeps.  Spans handed out (texts, challenges, ids) stay valid
 * until the next question.
 *
 * A text replaces the words of the standard reply and never its codes; empty
 * means the standard words.  The session makes it one printable ASCII line.
 *
 * Order of a transaction: mail_from, rcpt_to (once or more), body_begin,
 * body_chunk*, then body_end or body_abort; `reset` tells that a transaction
 * is over or given up, and may come at any time after mail_from.  After
 * body_end the session asks nothing more about that message but
 * body_recipient (LMTP), then reset.
 *
 * SMTP_KEPT from body_end is custody: the message is durable.  It alone leads
 * to a positive reply after the data.
 *
 * A session calls the ops through a non-NULL table with every entry set.
 */
#pragma once

#include "base/span.h"
#include "smtp/path.h"

struct smtp_host;

/* What TLS negotiated; spans live as long as the connection. */
struct smtp_tls_facts {
	struct span version; /* "TLSv1.3" */
	struct span suite;   /* "TLS_AES_256_GCM_SHA384" */
};

enum smtp_load {
	SMTP_CALM,
	SMTP_BUSY, /* no new message now: 451 before 354 */
	SMTP_FULL, /* no new session now: 421 */
};

enum smtp_hello {
	SMTP_HELLO_OK,
	SMTP_HELLO_REFUSED, /* 550 5.7.1 */
	SMTP_HELLO_LATER,   /* 451 4.7.1 */
};

enum smtp_auth {
	SMTP_AUTH_OK,
	SMTP_AUTH_CONTINUE,    /* send the challenge, come back with the answer */
	SMTP_AUTH_FAILED,      /* 535 5.7.8 */
	SMTP_AUTH_UNKNOWN,     /* 504 5.5.4: no such mechanism */
	SMTP_AUTH_MALFORMED,   /* 501 5.5.2: not a message of this mechanism */
	SMTP_AUTH_UNAVAILABLE, /* 454 4.7.0: could not be checked */
	SMTP_AUTH_THROTTLED,   /* 454 4.7.0: too many failures, wait */
};

/* RFC 6152, RFC 3030 */
enum smtp_body_type { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };

enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };

#define SMTP_ENVID_MAX 100u /* RFC 3461 4.4, as received (xtext) */
#define SMTP_ORCPT_MAX 500u /* RFC 3461 4.2, as received */

struct smtp_mail {
	struct smtp_path from; /* from.null for <> */
	bool has_size;
	uint64_t size; /* SIZE=, a hint: may lie */
	enum smtp_body_type body;
	bool utf8;              /* SMTPUTF8 */
	bool has_auth;          /* AUTH= was given */
	struct smtp_path auth;  /* auth.null for AUTH=<> and from the unknown */
	enum smtp_ret ret;      /* RFC 3461 */
	struct span envid;      /* xtext as received, checked, may be empty */
	bool requiretls;        /* RFC 8689 */
	int64_t release;        /* RFC 4865: seconds since 1970; 0: not given */
	int8_t priority;        /* RFC 6710: -9 to 9; 0: not given */
	uint8_t by_mode;        /* RFC 2852: SMTP_BY_*; 0: not given */
	int64_t by;             /* seconds since 1970 */
};

/* One of the first two, and perhaps the third. */
#define SMTP_BY_RETURN 1u
#define SMTP_BY_NOTIFY 2u
#define SMTP_BY_TRACE  4u
#define SMTP_BY_MOST   999999999 /* seconds, either way */

#define SMTP_PRIORITY_MOST 9

enum smtp_mail_ruling {
	SMTP_MAIL_OK,
	SMTP_MAIL_REFUSED,  /* 550 5.7.1 */
	SMTP_MAIL_NOT_OWN,  /* 553 5.7.1: the login may not use this sender */
	SMTP_MAIL_TOO_BIG,  /* 552 5.3.4 */
	SMTP_MAIL_NO_SPACE, /* 452 4.3.1 */
	SMTP_MAIL_LATER,    /* 451 4.3.0 */
};

#define SMTP_NOTIFY_NEVER   1u
#define SMTP_NOTIFY_SUCCESS 2u
#define SMTP_NOTIFY_FAILURE 4u
#define SMTP_NOTIFY_DELAY   8u

struct smtp_rcpt {
	struct smtp_path to; /* to.domain empty only for <Postmaster> */
	uint32_t notify;     /* SMTP_NOTIFY_*, 0 when not given */
	struct span orcpt;   /* "rfc822;..." as received, checked, may be empty */
};

enum smtp_rcpt_ruling {
	SMTP_RCPT_OK,
	SMTP_RCPT_UNKNOWN,    /* 550 5.1.1: no such mailbox here */
	SMTP_RCPT_RELAY,      /* 550 5.7.1: not ours, and no right to relay */
	SMTP_RCPT_DISABLED,   /* 550 5.2.1 */
	SMTP_RCPT_OVER_QUOTA, /* 452 4.2.2 */
	SMTP_RCPT_REFUSED,    /* 550 5.7.1: policy */
	SMTP_RCPT_LATER,      /* 451 4.3.0 */
	SMTP_RCPT_TOO_MANY,   /* 452 4.5.3 */
};

struct smtp_body {
	bool has_size;
	uint64_t size; /* SIZE= of the client, a hint */
	enum smtp_body_type type;
	bool chunked; /* by BDAT */
};

enum smtp_body_ruling {
	SMTP_BODY_OK,
	SMTP_BODY_NO_SPACE, /* 452 4.3.1 */
	SMTP_BODY_LATER,    /* 451 4.3.0 */
};

enum smtp_end {
	SMTP_KEPT,           /* durable */
	SMTP_END_REFUSED,    /* 550 5.7.1 */
	SMTP_END_OVER_QUOTA, /* 552 5.2.2 */
	SMTP_END_LOOP,       /* 554 5.4.6 */
	SMTP_END_TOO_BIG,    /* 552 5.3.4 */
	SMTP_END_NO_SPACE,   /* 452 4.3.1 */
	SMTP_END_LATER,      /* 451 4.3.0 */
};

/* What the log wants to know and no reply shows; never holds a credential. */
enum smtp_note {
	SMTP_NOTE_EARLY_TALKER,  /* bytes before the greeting or the EHLO reply */
	SMTP_NOTE_NOT_SMTP,      /* an HTTP request or a ClientHello in clear */
	SMTP_NOTE_FLOOD,         /* too many bad or idle commands */
	SMTP_NOTE_CLEAR_AUTH,    /* AUTH before TLS, not checked */
	SMTP_NOTE_PIPELINED,     /* bytes after STARTTLS or a refused DATA */
	SMTP_NOTE_BAD_FRAMING,   /* bare CR, bare LF or NUL in a message */
	SMTP_NOTE_PRIVILEGED,    /* XCLIENT, XFORWARD and the like */
};

struct smtp_host_ops {
	/* Seconds since 1970. */
	int64_t (*now)(struct smtp_host *);
	/* Asked before the greeting and before every message. */
	enum smtp_load (*load)(struct smtp_host *);
	/* Asked once the connection is protected. */
	void (*tls)(struct smtp_host *, struct smtp_tls_facts *);
	/* Mechanisms by blanks ("PLAIN LOGIN"), asked inside TLS only; empty: no AUTH. */
	struct span (*mechanisms)(struct smtp_host *);
	/* `name` is a checked host name or address literal. */
	enum smtp_hello (*hello)(struct smtp_host *, struct span name, bool extended,
				 struct span *text);

	/*
	 * SASL in opaque blobs (no base64).  `initial` NULL: none was sent;
	 * pointing to an empty span: an empty one.  *out is the challenge on
	 * CONTINUE, a text otherwise.  auth_cancel ends an exchange that
	 * answered CONTINUE last; each auth_begin starts from nothing.
	 */
	enum smtp_auth (*auth_begin)(struct smtp_host *, struct span mechanism,
				     const struct span *initial, struct span *out);
	enum smtp_auth (*auth_step)(struct smtp_host *, struct span response,
				    struct span *out);
	void (*auth_cancel)(struct smtp_host *);

	enum smtp_mail_ruling (*mail_from)(struct smtp_host *, const struct smtp_mail *,
					   struct span *text);
	/* Recipients count from 0 in the order in which they were accepted. */
	enum smtp_rcpt_ruling (*rcpt_to)(struct smtp_host *, const struct smtp_rcpt *,
					 struct span *text);

	/* A ruling other than OK from begin or chunk ends the message: the
	 * session reads its rest without handing it on, and calls body_abort. */
	enum smtp_body_ruling (*body_begin)(struct smtp_host *, const struct smtp_body *,
					    struct span *text);
	enum smtp_body_ruling (*body_chunk)(struct smtp_host *, struct span bytes);
	/* *id names the kept message in the reply; *text otherwise. */
	enum smtp_end (*body_end)(struct smtp_host *, struct span *id,
				  struct span *text);
	/* LMTP, after body_end answered SMTP_KEPT: the end of one recipient. */
	enum smtp_end (*body_recipient)(struct smtp_host *, uint32_t index,
					struct span *id, struct span *text);
	void (*body_abort)(struct smtp_host *);
	void (*reset)(struct smtp_host *);

	void (*note)(struct smtp_host *, enum smtp_note, struct span detail);
};

/* Embedded by the owner, who finds himself again with CONTAINER_OF. */
struct smtp_host {
	const struct smtp_host_ops *ops;
};
