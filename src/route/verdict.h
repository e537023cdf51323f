/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route/verdict - what follows from what a server did: the next host, another
 * day, or the end (RFC 5321 4.2.1, 5.1); and what it says of the destination.
 *
 * A refusal for good that is about the mail itself ends it; one host's not-now,
 * its silence, or what it cannot carry is no verdict of the others.  After an
 * end of data without a reply nobody else is asked on the same day: the first
 * one may have the message.
 *
 * Must never: turn what is not known into a failure for good.
 */
#pragma once

#include "smtp/client.h"

/* The recipient may be had by another host now. */
bool route_asks_next(const struct smtp_outcome *);

enum route_fate { ROUTE_DELIVERED, ROUTE_DEFERRED, ROUTE_FAILED };

/* When there is nobody else to ask. */
enum route_fate route_fate(const struct smtp_outcome *);

#define ROUTE_STATUS_MAX 12u /* "5.999.999", with its NUL */

/* The enhanced code that goes with it: the server's, if it fits its reply, or
 * one that says as much as is known.  Always 2, 4 or 5 as the fate is. */
struct span route_status(const struct smtp_outcome *,
			 char out[ROUTE_STATUS_MAX]);
/* What we say where the server said nothing; never empty. */
struct span route_words(const struct smtp_outcome *);

/* What a session said before any mail: the greeting, EHLO, STARTTLS, AUTH. */
struct route_session {
	enum smtp_client_result result;
	enum smtp_stage stage;
	uint16_t code;
};
/* Nobody behind this name will ever take mail (RFC 7504). */
bool route_never(const struct route_session *);
/* It asked for less: too busy, too many connections, come later. */
bool route_slow(uint16_t code, enum smtp_stage);
