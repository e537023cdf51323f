/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client - the client's half of SMTP (RFC 5321) and LMTP (RFC 2033), as
 * straight-line code over a stream and a host.
 *
 * Life: smtp_client_new; smtp_client_open (greeting, EHLO); if wanted
 * smtp_client_starttls and smtp_client_auth; smtp_client_deliver as often as
 * smtp_client_room says; smtp_client_quit; smtp_client_free.  Everything parks
 * in the stream, on which the client sets the deadline of each step.  How long
 * a whole session may take is the owner's affair.
 *
 * The stream's input buffer holds at least SMTP_ANSWER_LINE_MAX bytes.  Its
 * start_tls makes the handshake as a TLS client and judges the certificate;
 * what it did not like is IO_BROKEN here and known there.
 *
 * Replies have places: one that comes when none is due (behind the greeting,
 * the EHLO reply, the 220 of STARTTLS, the 354; before a command) is not
 * attributed to anything, the session ends.  What the server announced before
 * TLS is forgotten with it.  A session that ended (421, connection lost, no
 * SMTP) has room for nothing more.
 *
 * An announced SIZE refuses nothing by itself: a message over it waits for the
 * reply to MAIL, in which the server says what it means.
 *
 * Never: a credential without TLS; an end mark before the end of the message,
 * a second one, or one after a source that failed; a recipient called
 * delivered without a 2yz after the data; a parameter that was not announced;
 * one session's replies taken for the next command's.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "smtp/client_answer.h"
#include "smtp/host.h"

/* Seconds to wait, RFC 5321 4.5.3.2 where it names them. */
#define SMTP_CLIENT_GREETING_SECONDS 300u
#define SMTP_CLIENT_HELLO_SECONDS    300u
#define SMTP_CLIENT_TLS_SECONDS      120u
#define SMTP_CLIENT_AUTH_SECONDS     120u
#define SMTP_CLIENT_MAIL_SECONDS     300u
#define SMTP_CLIENT_RCPT_SECONDS     300u
#define SMTP_CLIENT_DATA_SECONDS     120u
#define SMTP_CLIENT_BLOCK_SECONDS    180u /* for each piece of the source */
#define SMTP_CLIENT_END_SECONDS      600u
#define SMTP_CLIENT_RSET_SECONDS     300u
#define SMTP_CLIENT_QUIT_SECONDS     5u

#define SMTP_CLIENT_RECIPIENTS     100u  /* a transaction; RFC 5321 4.5.3.1.8 */
#define SMTP_CLIENT_RECIPIENTS_MAX 1000u /* where LIMITS allows more */
#define SMTP_CLIENT_WINDOW         128u  /* commands without their replies */
#define SMTP_CLIENT_CHUNKS         8u    /* chunks without their replies */
#define SMTP_CLIENT_PIECE_MAX      65536u
#define SMTP_CLIENT_COMMAND_MAX    1200u /* the longest RCPT is shorter */
#define SMTP_CLIENT_INITIAL_MAX    512u  /* AUTH with its response; RFC 4954 4 */
#define SMTP_CLIENT_AUTH_STEPS     16u
#define SMTP_CLIENT_BLOB_MAX       8192u /* a SASL message */
#define SMTP_CLIENT_MECHANISMS_MAX 256u

enum smtp_stage {
	SMTP_STAGE_GREETING,
	SMTP_STAGE_HELLO,
	SMTP_STAGE_STARTTLS,
	SMTP_STAGE_AUTH,
	SMTP_STAGE_RSET,
	SMTP_STAGE_MAIL,
	SMTP_STAGE_RCPT,
	SMTP_STAGE_DATA, /* the command, or a chunk that is not the last */
	SMTP_STAGE_BODY, /* sending the message */
	SMTP_STAGE_END,  /* after the end of the data */
};

#define SMTP_OFFER_PIPELINING 1u
#define SMTP_OFFER_SIZE       2u
#define SMTP_OFFER_8BITMIME   4u
#define SMTP_OFFER_SMTPUTF8   8u
#define SMTP_OFFER_CHUNKING   16u
#define SMTP_OFFER_BINARYMIME 32u
#define SMTP_OFFER_ENHANCED   64u
#define SMTP_OFFER_DSN        128u
#define SMTP_OFFER_REQUIRETLS 256u
#define SMTP_OFFER_STARTTLS   512u
#define SMTP_OFFER_AUTH       1024u
#define SMTP_OFFER_LIMITS     2048u
#define SMTP_OFFER_DELIVERBY  4096u
#define SMTP_OFFER_PRIORITY   8192u

/* What the last EHLO said; all zero after HELO. */
struct smtp_offer {
	uint32_t extensions;
	uint64_t size; /* 0: no limit was named */
	uint32_t rcpt_max, mail_max, rcpt_domain_max; /* RFC 9422; 0: not named */
	uint32_t by_least; /* RFC 2852: seconds; 0: any */
	uint16_t mechanisms_len; /* by blanks; more than fit are left out whole */
	char mechanisms[SMTP_CLIENT_MECHANISMS_MAX];
};

enum smtp_client_result {
	SMTP_CLIENT_OK,
	SMTP_CLIENT_LATER,       /* 4yz */
	SMTP_CLIENT_REFUSED,     /* 5yz */
	SMTP_CLIENT_LOST,        /* the stream failed: smtp_client_lost */
	SMTP_CLIENT_PROTOCOL,    /* what came was not SMTP, or had no place */
	SMTP_CLIENT_NOT_OFFERED, /* nothing was sent */
	SMTP_CLIENT_CLEAR,       /* no credential without TLS: nothing was sent */
	SMTP_CLIENT_GAVE_UP,     /* the host did, or our memory */
};

enum smtp_client_auth {
	SMTP_CLIENT_RESPOND, /* `out` is the message, perhaps empty */
	SMTP_CLIENT_WAIT,    /* the server speaks first; to challenge NULL only */
	SMTP_CLIENT_ABORT,
};

struct smtp_client_host;

/* Asked inside TLS only.  May be NULL in a host that never authenticates. */
struct smtp_client_host_ops {
	/* One of `offered` (by blanks), borrowed until the next call; or false. */
	bool (*mechanism)(struct smtp_client_host *, struct span offered, struct span *choice);
	/* Messages without base64; challenge NULL: the first.  `out` is wiped. */
	enum smtp_client_auth (*respond)(struct smtp_client_host *,
					 const struct span *challenge, struct buf *out);
	/* The server said 235: has it shown, where the mechanism asks for it,
	 * that it knows the secret too?  False ends the session. */
	bool (*accept)(struct smtp_client_host *);
};

struct smtp_client_host {
	const struct smtp_client_host_ops *ops;
};

struct smtp_client_settings {
	bool lmtp;
	bool secure;       /* the stream is TLS already */
	struct span hello; /* our name, smtp_hello_ok */
};

enum smtp_pull { SMTP_PULL_BYTES, SMTP_PULL_END, SMTP_PULL_FAILED };

/* The message, from its first byte; 1 to SMTP_CLIENT_PIECE_MAX bytes a time,
 * borrowed until the next pull. */
struct smtp_source {
	enum smtp_pull (*pull)(struct smtp_source *, struct span *bytes);
};

enum smtp_fate {
	SMTP_FATE_LEFT,      /* not tried: no room, or the session ended before */
	SMTP_FATE_DELIVERED, /* 2yz after the data: it is the server's now */
	SMTP_FATE_TEMPORARY, /* 4yz */
	SMTP_FATE_PERMANENT, /* 5yz, or `cannot` */
	SMTP_FATE_LOST,      /* the session ended before the end of the data was
			      * sent: a retry is safe */
	SMTP_FATE_UNKNOWN,   /* it ended after that and before a reply: a retry
			      * may make a duplicate, none may lose the message */
	SMTP_FATE_CONVERT,   /* `cannot`: in another form it could be sent */
};

/* Why we did not even try; the codes of the outcome are then ours. */
enum smtp_cannot {
	SMTP_CAN,
	SMTP_CANNOT_8BIT,       /* 5.6.3, convert: no 8BITMIME */
	SMTP_CANNOT_BINARY,     /* 5.6.3, convert: no CHUNKING and BINARYMIME */
	SMTP_CANNOT_UTF8,       /* 5.6.9, convert: no SMTPUTF8 for the header */
	SMTP_CANNOT_ADDRESS,    /* 5.6.7: no SMTPUTF8 for the sender or recipient */
	SMTP_CANNOT_REQUIRETLS, /* 5.7.30: no TLS, or no REQUIRETLS in it */
	SMTP_CANNOT_ENVELOPE,   /* 5.5.4: our envelope is no command */
	SMTP_CANNOT_DELIVERBY,  /* 5.3.3: no DELIVERBY, and it was to come back in time */
	SMTP_CANNOT_IN_TIME,    /* 5.4.7: the time is over, or too short for it */
};

struct smtp_outcome {
	enum smtp_fate fate;
	enum smtp_stage stage; /* of the words, or where it was lost */
	enum smtp_cannot cannot;
	uint16_t code;         /* 0: the server said nothing about it */
	struct smtp_enhanced enhanced;
	struct span text;      /* clean; lives as long as the arena */
};

struct smtp_destination {
	struct smtp_rcpt rcpt;
	struct smtp_outcome outcome; /* all of it is set by smtp_client_deliver */
};

struct smtp_outgoing {
	/* `auth` is not sent.  `body` tells what the bytes are; `utf8` that the
	 * header holds UTF-8; `size` is what is said in SIZE=. */
	struct smtp_mail mail;
	bool requiretls; /* RFC 8689 */
	/* RFC 2852: what is left of the time for mail.by_mode; mail.by is not read.
	 * It is not for LMTP, which delivers.  mail.priority goes where it can. */
	int64_t by_left;
	struct smtp_destination *to;
	uint32_t count;
	struct smtp_source *source;
	struct arena *arena; /* for texts; where it is full they are empty */

	/* What was changed on the way, set by smtp_client_deliver. */
	bool sent; /* up to the end of the data */
	bool mended_end;
	uint64_t mended_cr, mended_lf, nul;
};

struct smtp_client;

/* NULL when memory is short.  All that is given outlives the client. */
MUST_USE struct smtp_client *smtp_client_new(struct stream *, struct smtp_client_host *,
					     const struct smtp_client_settings *);
void smtp_client_free(struct smtp_client *); /* NULL is allowed */

/* Greeting and EHLO (HELO where EHLO is not known; LHLO). */
MUST_USE enum smtp_client_result smtp_client_open(struct smtp_client *);
/* STARTTLS, the handshake, EHLO again. */
MUST_USE enum smtp_client_result smtp_client_starttls(struct smtp_client *);
MUST_USE enum smtp_client_result smtp_client_auth(struct smtp_client *);

/*
 * One transaction with as many of the recipients as there is room for, in
 * their order; the others are SMTP_FATE_LEFT.  The message is sent when at
 * least one was accepted.
 */
void smtp_client_deliver(struct smtp_client *, struct smtp_outgoing *);
/* Recipients that the next transaction may have; 0: the session is used up. */
uint32_t smtp_client_room(const struct smtp_client *);

/* Says QUIT if that can still be said, and waits for nothing. */
void smtp_client_quit(struct smtp_client *);

/* Whether the recipient is to be tried again (as it is). */
bool smtp_fate_retry(enum smtp_fate);

const struct smtp_offer *smtp_client_offer(const struct smtp_client *);
/* The last reply, and what it answered. */
const struct smtp_answer *smtp_client_answer(const struct smtp_client *,
					     enum smtp_stage *);
bool smtp_client_secure(const struct smtp_client *);
/* Why the stream failed; IO_OK if it did not. */
enum io smtp_client_lost(const struct smtp_client *);
