/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/socket/step - one attempt to read from or write to a connected
 * descriptor, in clear or through TLS, and what has to be waited for.
 *
 * Shared by the roles that speak with strangers over sockets.  Waiting, and
 * for how long, is theirs.
 *
 * Must never: read or write around a TLS connection that is there.
 */
#pragma once

#include "os/sock.h"
#include "tls/conn.h"

enum step {
	STEP_DONE,
	STEP_READ,  /* wait for bytes, then again */
	STEP_WRITE, /* wait for room, then again */
	STEP_END,   /* the peer closed in good order */
	STEP_BROKEN,
};

/* tls: NULL in clear. */
enum step step_get(struct world *, int fd, struct tls_conn *tls, char *,
		   size_t cap, size_t *got);
enum step step_put(struct world *, int fd, struct tls_conn *tls, struct span,
		   size_t *done);
/* Of a handshake: TLS_OK is DONE. */
enum step step_of_tls(enum tls);

/* The halves of a struct tls_transport. */
enum tls_io step_tls_read(struct world *, int fd, char *, size_t cap,
			  size_t *got);
enum tls_io step_tls_write(struct world *, int fd, struct span, size_t *put);
