/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/smtp_mail - one SMTP transaction: from MAIL to what the store says.
 *
 * Made at MAIL, gone at the reset.  Handles of recipients belong to one session
 * at the store: when that has gone the transaction is answered "later".
 */
#pragma once

#include "role/edge/connection.h"
#include "smtp/received.h"

#define MAIL_ID_LEN 16u

struct mail {
	uint64_t session; /* that the handles are of */
	struct smtp_path from, first; /* first recipient */
	uint64_t recipients[EDGE_RECIPIENTS_MAX];
	size_t count;
	enum smtp_ret ret;
	bool utf8, eight_bit, requiretls;
	int64_t release;
	int8_t priority;
	uint8_t by_mode;
	int64_t by;
	char envid[SMTP_ENVID_MAX];
	size_t envid_len;
	uint64_t id;
	char id_text[MAIL_ID_LEN + 1]; /* as in the log */
	uint64_t began;
	struct stage stage;
};

struct smtp_side {
	struct smtp_host host;
	struct connection *c;
	struct smtp_session *session;
	struct mail *mail;
	uint64_t messages;
};

/* NULL: memory is short. */
MUST_USE struct mail *mail_new(const struct smtp_mail *);
/* Tells the store to forget it, unless it was offered. */
void mail_free(struct smtp_side *);

enum smtp_rcpt_ruling mail_recipient(struct smtp_side *,
				     const struct smtp_rcpt *,
				     struct span *text);
enum smtp_body_ruling mail_begin(struct smtp_side *);
enum smtp_body_ruling mail_bytes(struct smtp_side *, struct span);
enum smtp_end mail_offer(struct smtp_side *, struct span *id,
			 struct span *text);
void mail_abort(struct smtp_side *);
