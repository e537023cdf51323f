/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/conn - one TLS connection without a socket.
 *
 * Bytes go through the owner's two functions, straight into and out of
 * OpenSSL's record buffers.  The owner drives it inside a fiber (the functions
 * may park) or without blocking (they answer TLS_IO_AGAIN and the calls here
 * answer TLS_WANT_*, to be repeated with the same arguments).
 *
 * Idle, a connection gives its record buffers back: about 15 KiB remain.
 *
 * Must never: leave an error in the thread's error queue, or take the end of
 * the transport for the end of the data: only close_notify is TLS_CLOSED.
 */
#pragma once

#include "base/arena.h"
#include "tls/context.h"

enum tls_io {
	TLS_IO_OK,
	TLS_IO_AGAIN,
	TLS_IO_END, /* orderly end of the transport (read only) */
	TLS_IO_BROKEN,
};

struct tls_transport {
	/* 1..cap bytes into p on TLS_IO_OK. */
	enum tls_io (*read)(void *owner, char *p, size_t cap, size_t *got);
	/* At least one byte taken on TLS_IO_OK. */
	enum tls_io (*write)(void *owner, struct span bytes, size_t *put);
	void *owner;
};

enum tls {
	TLS_OK,
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_CLOSED,    /* close_notify came */
	TLS_TRUNCATED, /* the transport ended without it */
	TLS_FAILED,    /* protocol failure; tls_reason says which */
};

struct tls_conn;

/* The server's side; NULL: no memory.  `transport` is copied. */
MUST_USE struct tls_conn *tls_conn_new(struct tls_context *,
				       const struct tls_transport *transport);
void tls_conn_free(struct tls_conn *); /* sends nothing; NULL is allowed */

/* The handshake.  On failure the alert has been handed to the transport. */
MUST_USE enum tls tls_shake(struct tls_conn *);
/* 1..cap bytes on TLS_OK. */
MUST_USE enum tls tls_read(struct tls_conn *, char *p, size_t cap, size_t *got);
/* Bytes already decrypted, to be had by tls_read without the transport. */
size_t tls_pending(const struct tls_conn *);
/*
 * A buffered record is waiting inside (decrypted or not): do not wait for the
 * transport before the next tls_read.
 */
bool tls_has_input(const struct tls_conn *);
/* 1..len bytes taken on TLS_OK; repeat a WANT with the same bytes. */
MUST_USE enum tls tls_write(struct tls_conn *, struct span bytes, size_t *put);
/* Sends close_notify; does not wait for the peer's. */
MUST_USE enum tls tls_close(struct tls_conn *);

/* Why TLS_FAILED, in words for a log; empty before.  Lives as the connection. */
struct span tls_reason(const struct tls_conn *);
/* The alert that we sent (RFC 8446 section 6), or -1. */
int tls_alert_sent(const struct tls_conn *);
/* The fatal alert that came, or -1. */
int tls_alert_received(const struct tls_conn *);
