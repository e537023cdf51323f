/* SPDX-License-Identifier: Apache-2.0 */
/* role/socket/step: two tables of meanings, and the choice between them. */
#include "role/socket/step.h"

static enum step step_os(enum os r, enum step again)
{
	if (r == OS_OK)
		return STEP_DONE;
	if (r == OS_AGAIN)
		return again;
	return r == OS_EOF ? STEP_END : STEP_BROKEN;
}

enum step step_of_tls(enum tls r)
{
	switch (r) {
	case TLS_OK:
		return STEP_DONE;
	case TLS_WANT_READ:
		return STEP_READ;
	case TLS_WANT_WRITE:
		return STEP_WRITE;
	case TLS_CLOSED:
		return STEP_END;
	case TLS_TRUNCATED:
	case TLS_FAILED:
		break;
	}
	return STEP_BROKEN;
}

enum step step_get(struct world *w, int fd, struct tls_conn *tls, char *p,
		   size_t cap, size_t *got)
{
	if (tls != NULL)
		return step_of_tls(tls_read(tls, p, cap, got));
	return step_os(sock_read(w, fd, p, cap, got), STEP_READ);
}

enum step step_put(struct world *w, int fd, struct tls_conn *tls, struct span b,
		   size_t *done)
{
	if (tls != NULL)
		return step_of_tls(tls_write(tls, b, done));
	return step_os(sock_write(w, fd, b.ptr, b.len, done), STEP_WRITE);
}

static enum tls_io tls_io_of(enum os r)
{
	switch (r) {
	case OS_OK:
		return TLS_IO_OK;
	case OS_AGAIN:
		return TLS_IO_AGAIN;
	case OS_EOF:
		return TLS_IO_END;
	default:
		return TLS_IO_BROKEN;
	}
}

enum tls_io step_tls_read(struct world *w, int fd, char *p, size_t cap,
			  size_t *got)
{
	return tls_io_of(sock_read(w, fd, p, cap, got));
}

enum tls_io step_tls_write(struct world *w, int fd, struct span b, size_t *put)
{
	return tls_io_of(sock_write(w, fd, b.ptr, b.len, put));
}
