/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/fetch/web - one HTTPS request over a connection that is there: libcurl on
 * our loop.
 *
 * The caller brings a connected descriptor; libcurl looks up no name, opens no
 * socket and no file, and knows no proxy, cookie, redirect or password.  What it
 * would open on first use is used once by web_start, before confinement.
 *
 * Must never: take an answer without a certificate for the host of the URL, or
 * hold more than WEB_BODY_MAX bytes of a body for anybody.
 */
#pragma once

#include "base/span.h"
#include "os/loop.h"

#define WEB_BODY_MAX   61440u /* bytes of an answer, as the hop has room for */
#define WEB_HEADER_MAX 32768u /* bytes of all its header fields */
#define WEB_MEDIA_MAX  255u   /* of Content-Type; longer counts as none */
#define WEB_HOST_MAX   253u
#define WEB_URL_MAX    2048u
#define WEB_WHY_MAX    256u
#define WEB_AUTHORITIES_MAX (4u << 20) /* bytes of PEM */

struct web; /* what all requests share */

/* NULL: the library cannot work here. */
MUST_USE struct web *web_start(struct loop *);
void web_end(struct web *); /* every request must be over */

/* The only ones that count, PEM, copied; empty: nobody is trusted.  False: memory is short. */
MUST_USE bool web_authorities(struct web *, struct span pem);
size_t web_authority_count(const struct web *);

/* A URL that may be asked for. */
struct web_url {
	void *parsed; /* the library's; NULL: none */
	char host[WEB_HOST_MAX + 1];
	uint16_t port;
};

/* NULL, or why it may not: https, a host by name, no user, no fragment. */
MUST_USE const char *web_url_read(struct span text, struct web_url *out);
void web_url_free(struct web_url *);

enum web_end {
	WEB_ANSWERED,
	WEB_CERTIFICATE, /* not one for this host that is trusted */
	WEB_LATE,
	WEB_TOO_LARGE,
	WEB_BROKEN, /* no TLS, not HTTP, or ended early */
	WEB_SHORT,  /* memory, here */
};

struct web_answer {
	enum web_end end;
	unsigned status;
	struct span media, body; /* with WEB_ANSWERED */
	struct span why;	 /* printable ASCII */
};

struct web_request {
	const struct web_url *url; /* lives until the answer */
	int fd;		   /* connected; the request's from here on */
	uint64_t deadline; /* loop_now's time */
	bool post;	   /* with media and body, which live until the answer */
	struct span media, body;
};

/* Called once, never from inside of web_ask; spans live during the call. */
typedef void web_done_fn(void *ctx, const struct web_answer *);

/* False: memory is short, nothing is begun, and fd is closed. */
MUST_USE bool web_ask(struct web *, const struct web_request *, web_done_fn *,
		      void *ctx);
/* Ends all requests, each with WEB_BROKEN. */
void web_stop(struct web *);
size_t web_active(const struct web *);
