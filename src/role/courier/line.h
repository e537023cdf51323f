/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/line - one connection to a server, with the session on it.
 *
 * It belongs to the fiber that opened it until it is kept or ended.  Kept
 * lines wait some seconds for another message of the same key; a byte from the
 * server meanwhile ends them.
 *
 * Must never: serve a message of another key than it was opened for; the key
 * holds everything that the decision on its protection was made from.
 */
#pragma once

#include "role/courier/berth.h"
#include "role/courier/courier.h"
#include "smtp/client.h"
#include "tls/client.h"

#define LINE_IN	     16384u /* a reply line has to fit */
#define LINE_KEY_MAX 300u

_Static_assert(LINE_IN >= SMTP_ANSWER_LINE_MAX, "a reply line has to fit");

struct line {
	struct courier *courier;
	struct list link; /* among the kept ones */
	char key[LINE_KEY_MAX];
	size_t key_len;
	int fd;
	struct watch watch;
	struct fiber *fiber; /* who uses it; NULL: it is kept */
	unsigned waits;	     /* READY_* */
	unsigned busy;	     /* reads and writes since it last waited */
	bool ended;	     /* the watch is over */
	bool asked;	     /* something was sent since it last read */
	bool hasty;	     /* nothing is waited for any more */
	uint64_t deadline, end_by;
	struct stream stream;
	struct tls_conn *tls;
	const struct tls_expect *expect; /* of the handshake to come */
	struct span certificate; /* of ours, that it shows; empty: none */
	bool ours; /* TLS could not be begun, and the server is not why */
	struct smtp_client *client;
	struct smtp_client_settings set;
	struct smtp_client_host auth;
	struct login *login; /* under way, or NULL */
	struct addr peer, local;
	struct berth berth;
	char host[256], hello[256];
	/* What was reached, for the count and the story. */
	enum policy_level level;
	enum policy_by by;
	uint64_t rules;	  /* of the courier, that decided on it */
	uint64_t carried; /* messages */
	struct timer idle;
	char in[LINE_IN], out[STREAM_OUT_MAX];
};

/* The descriptor is the line's, also on failure.  NULL: memory is short. */
MUST_USE struct line *line_new(struct courier *, int fd, struct span host,
			       const struct addr *peer, const struct addr *local);
/* login.c */
extern const struct smtp_client_host_ops login_ops;

/* For the client that speaks on it.  False: memory is short. */
MUST_USE bool line_client(struct line *, struct span hello, bool lmtp);
/* QUIT as far as the socket takes it now, and the end.  NULL is allowed. */
void line_end(struct line *);

/* One that is open for this key, the caller's from here on; or NULL. */
struct line *line_take(struct courier *, struct span key);
/* It waits for more; or ends, when it may carry no more. */
void line_keep(struct line *, struct span key);
void lines_end(struct courier *); /* all that are kept */
