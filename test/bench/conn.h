/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of a fiber: lines in, bytes out, with or without TLS.  After an
 * error it is `dead` and every later call fails.  Certificates are not
 * verified: what is measured is a server of one's own, on loopback.
 */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fiber.h"

struct bench;

struct conn {
	struct waiter waiter;
	struct bench *b;
	SSL *ssl;
	int fd;
	bool dead;
	double patience; /* seconds; 0: the run's --timeout */
	char *in, *out;
	size_t in_room, in_end, in_at, out_room, out_end;
	uint64_t taken; /* bytes read, after TLS */
};

struct conn *conn_open(struct bench *, int port); /* NULL: counted as failed */
struct conn *conn_make(struct bench *, int fd);	  /* takes the descriptor */
void conn_close(struct conn *);			  /* NULL is allowed */
bool conn_tls(struct conn *);
bool conn_tls_serve(struct conn *, SSL_CTX *); /* the other side of it */

bool conn_fill(struct conn *); /* at least one byte more, or false */
/* The next line without its line end, with a NUL; valid until the next read. */
char *conn_line(struct conn *, size_t *length);
bool conn_has_line(const struct conn *);

void conn_bytes(struct conn *, const void *, size_t);
__attribute__((format(printf, 2, 3))) void conn_put(struct conn *,
						    const char *format, ...);
bool conn_flush(struct conn *);

#endif
