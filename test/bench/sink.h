/* SPDX-License-Identifier: Apache-2.0 */
/* An SMTP server that takes all mail, counts it and keeps none. */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct bench;
struct conn;

struct sink {
	struct bench *b;
	struct conn *listener;
	SSL_CTX *tls; /* NULL: in clear alone */
	long messages, recipients, connections, handshakes;
	double first, last; /* when the first and the last message were in */
	bool stop;	    /* set it to end the listener */
};

/* Offers STARTTLS, with a certificate of its own, if --sink-tls says so. */
void sink_start(struct sink *, struct bench *, int port);
void sink_end(struct sink *);

#endif
