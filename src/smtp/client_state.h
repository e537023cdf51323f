/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_state - what the client*.c share of a session; nobody else
 * includes it.
 */
#pragma once

#include "base/ensure.h"
#include "smtp/client.h"
#include "smtp/client_dots.h"

#define SMTP_CLIENT_TAG TAG4('S', 'M', 'T', 'C')

struct smtp_client {
	uint32_t tag;
	struct stream *stream;
	struct smtp_client_host *host;
	const struct smtp_client_settings *set;
	struct smtp_offer offer;
	struct smtp_answer answer;
	enum smtp_stage stage; /* of the answer, or of what is waited for */
	enum io io;            /* why it is over, if the stream failed */
	bool ready;  /* EHLO was accepted */
	bool over;   /* nothing may be said or believed any more */
	bool secure;
	bool dirty;  /* a transaction may be open: RSET before MAIL */
	uint32_t mails; /* MAIL commands, for MAILMAX */
};

static inline bool smtp_offers(const struct smtp_client *c, uint32_t extension)
{
	return (c->offer.extensions & extension) == extension;
}

/* IO_OK, or why nothing can be written or read; without a try. */
static inline enum io smtp_client_io(const struct smtp_client *c)
{
	return c->stream->state;
}

/* The session is over; the result is given back. */
enum smtp_client_result smtp_client_end(struct smtp_client *, enum smtp_client_result);
/*
 * Read one reply.  OK: 2yz or 3yz; LATER, REFUSED; LOST and PROTOCOL end the
 * session, as does 421.
 */
MUST_USE enum smtp_client_result smtp_client_listen(struct smtp_client *, enum smtp_stage,
						    uint32_t seconds,
						    void (*take)(void *, struct span),
						    void *owner);
/*
 * Nothing may have come before the next command.  False: it did; a 421 is
 * kept as the answer, and the session is over.
 */
MUST_USE bool smtp_client_quiet(struct smtp_client *, enum smtp_stage);
/* Make OK out of 2yz only; 3yz here is no SMTP. */
MUST_USE enum smtp_client_result smtp_client_done(struct smtp_client *,
						  enum smtp_client_result);

/* client_offer.c: one keyword line of EHLO. */
void smtp_offer_line(struct smtp_offer *, struct span line);

enum smtp_turn { SMTP_TURN_OPEN, SMTP_TURN_ACCEPTED, SMTP_TURN_SETTLED };

struct smtp_transaction {
	struct smtp_outgoing *out;
	uint32_t count; /* of the recipients: these are tried */
	uint32_t accepted;
	uint8_t turns[SMTP_CLIENT_RECIPIENTS_MAX]; /* enum smtp_turn */
};

/* client_body.c: the message by DATA (354 was said) or by BDAT; settles all. */
void smtp_client_send_data(struct smtp_client *, struct smtp_transaction *);
void smtp_client_send_chunks(struct smtp_client *, struct smtp_transaction *);

/* Settle one recipient, or all that are not yet, by the last reply. */
void smtp_settle(struct smtp_client *, struct smtp_transaction *, uint32_t index,
		 enum smtp_fate);
void smtp_settle_rest(struct smtp_client *, struct smtp_transaction *, enum smtp_fate);
/* The fate that a result makes while the data has not (or has) ended. */
enum smtp_fate smtp_fate_of(enum smtp_client_result, bool ended);
