/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/dsn - the values that delivery status notifications speak of (RFC 3464,
 * RFC 3463, RFC 6533): actions, status codes, addresses with their type.
 *
 * Parsers take the whole span or refuse it, in linear time.
 */
#pragma once

#include "base/buf.h"

/* In the order in which a person wants to hear of them. */
enum dsn_action {
	DSN_FAILED,
	DSN_DELAYED,
	DSN_RELAYED,
	DSN_EXPANDED,
	DSN_DELIVERED,
	DSN_ACTIONS
};

const char *dsn_action_name(enum dsn_action);
/* Without case. */
MUST_USE bool dsn_action_parse(struct span, enum dsn_action *out);

/* An enhanced status code, RFC 3463 2: 5.1.1 */
struct dsn_status {
	uint8_t kind;		  /* 2, 4 or 5 */
	uint16_t subject, detail; /* 0..999 */
};

MUST_USE bool dsn_status_parse(struct span, struct dsn_status *out);
void dsn_status_write(struct dsn_status, struct buf *);

/* What a code means, for a person: sentences, ASCII, never NULL. */
struct dsn_words {
	const char *why;
	const char *next; /* what the sender can do */
};
struct dsn_words dsn_status_words(struct dsn_status);

/*
 * The address in the form that any server carries (RFC 6533 3,
 * utf-8-addr-xtext): what is not ASCII, and "\", "+", "=", blanks and
 * controls, as \x{HEX}.  Bytes that are no UTF-8 become U+FFFD.
 */
void dsn_utf8_encode(struct span utf8, struct buf *);
/* Append what such a text means.  False: not of this form; out undefined. */
MUST_USE bool dsn_utf8_decode(struct span text, struct buf *);
