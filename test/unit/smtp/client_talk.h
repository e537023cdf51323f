/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/smtp/client_talk - whole conversations of the client with a server
 * that is a list of replies.
 *
 * Server bytes are given with '|' between what arrives at once.  What the
 * client says is compared whole, and its results as words: "ok", "later",
 * "refused", "lost", "protocol", "unoffered", "clear", "gaveup" for each step,
 * then for each recipient its fate and code: D250 T451 P550 X U L C, with "!"
 * and the number of enum smtp_cannot where we did not even try.
 *
 * The host's mechanisms: PLAIN (u, right), LATE (waits for the server, then
 * "late"), LONG (`initial` bytes first), NO (gives up), TWOWAY
 * (does not accept a 235).
 */
#pragma once

#include "base/buf.h"
#include "script_stream.h"
#include "smtp/client.h"

#define CLIENT_TALK_TO 1200u

struct client_talk {
	/* choose */
	struct smtp_client_settings set;
	struct smtp_outgoing out; /* `to` and `arena` are ours */
	struct span body;
	size_t piece;    /* bytes a pull; 0: as many as may be */
	size_t fail_at;  /* the source fails there; SIZE_MAX: never */
	bool starttls, auth;
	const char *mechanism;
	size_t initial;     /* bytes of LONG's first message */
	unsigned messages; /* transactions, 1 by default */
	enum io at_end;

	/* found */
	struct smtp_client_host host;
	struct smtp_source source;
	struct smtp_destination to[CLIENT_TALK_TO];
	struct script script;
	struct buf results;
	struct smtp_client *client; /* until client_talk_end */
	size_t at;
};

void client_talk_init(struct client_talk *);
void client_talk_free(struct client_talk *);
/* One more recipient, or the sender. */
void client_talk_to(struct client_talk *, const char *address);
void client_talk_from(struct client_talk *, const char *address);

/* The steps over a stream; results in t->results. */
void client_talk_over(struct client_talk *, struct stream *);
void client_talk_run(struct client_talk *, struct span server, size_t split);
void client_talk_end(struct client_talk *);

/* `says` and `results` must be what was said and found. */
#define CLIENT(t, server, says, results)                                       \
	client_talk_once((t), SPAN(server), 0, SPAN(says), (results), __FILE__, __LINE__)
/* The same at every cut of 1, 2, 3, 7 bytes and whole. */
#define CLIENT_CUT(t, server, says, results)                                   \
	client_talk_all((t), SPAN(server), SPAN(says), (results), __FILE__, __LINE__)
void client_talk_once(struct client_talk *, struct span server, size_t split,
		      struct span says, const char *results, const char *file, int line);
void client_talk_all(struct client_talk *, struct span server, struct span says,
		     const char *results, const char *file, int line);
