/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/state - what the files of this folder share of a session; nobody else
 * includes it.
 *
 * A verb is a row (verb.c) and a function that answers everything itself and
 * says whether the session goes on.  The order rules that are the same for
 * many verbs are flags of the row.
 */
#pragma once

#include "base/ensure.h"
#include "smtp/data.h"
#include "smtp/reply.h"
#include "smtp/session.h"

#define SMTP_SESSION_TAG TAG4('S', 'M', 'T', 'P')

enum smtp_step { SMTP_ON, SMTP_END };

/* The message that is being read. */
struct smtp_message {
	bool open;               /* the host was asked to begin, and did */
	bool too_big;
	enum smtp_reply refusal; /* of the host, while reading */
	uint64_t size, slice;
	uint64_t drained; /* read though the message is refused already */
	struct smtp_data framing;
};

struct smtp_session {
	uint32_t tag;
	struct stream *stream;
	struct smtp_host *host;
	const struct smtp_settings *set;

	bool extended, secure, authenticated;
	bool spoken; /* a first command line was read */
	uint8_t hello_len;
	char hello[SMTP_DOMAIN_MAX];
	struct smtp_tls_facts tls;

	/* The transaction, from MAIL on. */
	bool mail, utf8, has_size;
	bool chunked; /* BDAT has begun */
	bool broken;  /* a chunk was refused */
	enum smtp_body_type body;
	uint64_t size;
	uint32_t recipients;
	struct smtp_message msg;

	uint32_t bad, idle, auth_failures;
};

#define SMTP_V_CLEAR 1u /* answered before a required STARTTLS */
#define SMTP_V_HELLO 2u /* needs EHLO or HELO */
#define SMTP_V_AUTH  4u /* needs AUTH on a submission listener */
#define SMTP_V_BARE  8u /* takes no argument */
#define SMTP_V_IDLE  16u /* moves no mail: counted */

struct smtp_verb {
	struct span name;
	unsigned flags;
	enum smtp_step (*run)(struct smtp_session *, struct span arg);
	/* How to refuse it out of order; NULL: smtp_bad. */
	enum smtp_step (*refuse)(struct smtp_session *, struct span arg, enum smtp_reply);
};

const struct smtp_verb *smtp_verb_find(struct span name);

/* Write a reply; text, when not empty, replaces the words. */
void smtp_say(struct smtp_session *, enum smtp_reply);
void smtp_say_text(struct smtp_session *, enum smtp_reply, struct span text);
/* The client broke the protocol: say so, or 421 when it was once too often. */
MUST_USE enum smtp_step smtp_bad(struct smtp_session *, enum smtp_reply);
void smtp_note(struct smtp_session *, enum smtp_note, struct span detail);
/* A read failed: end, with a goodbye where one can be said. */
MUST_USE enum smtp_step smtp_lost(struct smtp_session *, enum io);

bool smtp_announces(const struct smtp_session *, uint32_t extension);
void smtp_transaction_end(struct smtp_session *);
void smtp_hello_forget(struct smtp_session *);

/* One parameter after a path: "KEY" or "KEY=value". */
struct smtp_param {
	struct span key, value;
	bool has_value;
};
/* False at the end or when the syntax is wrong (*bad). */
bool smtp_param_next(struct span *rest, struct smtp_param *, bool *bad);

/* The codes of a path that does not parse. */
enum smtp_reply smtp_path_reply(enum smtp_path_result, enum smtp_reply syntax);

/* message.c */
bool smtp_message_begin(struct smtp_session *, bool chunked, enum smtp_reply *,
			struct span *text);
void smtp_message_bytes(struct smtp_session *, struct span);
/* IO_LONG: more came of a refused message than is worth reading. */
MUST_USE enum io smtp_message_slice(struct smtp_session *, size_t read);
enum smtp_reply smtp_message_refusal(const struct smtp_session *);
void smtp_message_abort(struct smtp_session *);
/* Replies to the end of data: in LMTP one a recipient (RFC 2033 4.2, 4.3). */
uint32_t smtp_message_answers(const struct smtp_session *);
void smtp_message_refuse(struct smtp_session *, enum smtp_reply, struct span text);
/* All bytes are here: ask for custody, answer, end the transaction. */
void smtp_message_end(struct smtp_session *);

enum smtp_step smtp_cmd_ehlo(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_helo(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_lhlo(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_starttls(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_auth(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_mail(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_rcpt(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_data(struct smtp_session *, struct span);
enum smtp_step smtp_refuse_data(struct smtp_session *, struct span, enum smtp_reply);
enum smtp_step smtp_cmd_bdat(struct smtp_session *, struct span);
enum smtp_step smtp_refuse_bdat(struct smtp_session *, struct span, enum smtp_reply);
enum smtp_step smtp_cmd_rset(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_noop(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_help(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_vrfy(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_quit(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_not_here(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_privileged(struct smtp_session *, struct span);
enum smtp_step smtp_cmd_http(struct smtp_session *, struct span);
