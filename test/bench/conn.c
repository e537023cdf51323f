/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that do not block, under fibers that do. */
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define COMMAND_MAX 2048
#define AGAIN	    (-2) /* of receive() and transmit(): wait, then once more */

static bool wait_for(struct conn *c)
{
	double seconds = c->patience > 0 ? c->patience : c->b->o.timeout;
	return loop_wait(c->b->loop, &c->waiter, seconds);
}

struct conn *conn_make(struct bench *b, int fd)
{
	struct conn *c = zeroed(1, sizeof *c);
	int one = 1;
	c->b = b;
	c->fd = fd;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	loop_watch(b->loop, fd, &c->waiter);
	return c;
}

void conn_close(struct conn *c)
{
	if (c == NULL)
		return;
	if (c->ssl != NULL) {
		ERR_clear_error();
		if (!c->dead)
			(void)SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	(void)close(c->fd);
	free(c->in);
	free(c->out);
	loop_discard(c->b->loop, c);
}

/* The port is chosen with the destination: one address has as many for each of those. */
static int bind_source(struct bench *b, int fd)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	int on = 1;
	if (b->o.source == NULL)
		return 0;
	if (inet_pton(AF_INET, b->o.source, &own.sin_addr) != 1)
		die("--source is an IPv4 address");
	return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
			       bind(fd, (struct sockaddr *)&own, sizeof own) != 0
		       ? errno
		       : 0;
}

/* 0 once connected, else what went wrong. */
static int finish_connect(struct conn *c)
{
	for (;;) {
		struct sockaddr_in peer;
		socklen_t size = sizeof peer;
		if (getpeername(c->fd, (struct sockaddr *)&peer, &size) == 0)
			return 0;
		int error = 0;
		size = sizeof error;
		(void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0)
			return error;
		if (!wait_for(c))
			return ETIMEDOUT;
	}
}

struct conn *conn_open(struct bench *b, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, b->o.host, &to.sin_addr) != 1)
		die("--host is an IPv4 address");
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		failed(b, "socket: %s", strerror(errno));
		return NULL;
	}
	struct conn *c = conn_make(b, fd);
	int error = bind_source(b, fd);
	if (error == 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0 &&
	    errno != EINPROGRESS)
		error = errno;
	if (error == 0)
		error = finish_connect(c);
	if (error == 0)
		return c;
	failed(b, "connect to port %d: %s", port, strerror(error));
	c->dead = true;
	conn_close(c);
	return NULL;
}

static bool shake(struct conn *c, int (*step)(SSL *))
{
	for (;;) {
		ERR_clear_error();
		int done = step(c->ssl);
		if (done == 1)
			return true;
		int why = SSL_get_error(c->ssl, done);
		if ((why == SSL_ERROR_WANT_READ ||
		     why == SSL_ERROR_WANT_WRITE) &&
		    wait_for(c))
			continue;
		const char *reason = ERR_reason_error_string(ERR_peek_error());
		failed(c->b, "TLS handshake: %s",
		       reason != NULL ? reason : "cut");
		c->dead = true;
		return false;
	}
}

static void tls_begin(struct conn *c, SSL_CTX *how)
{
	c->ssl = SSL_new(how);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		die("out of memory");
}

bool conn_tls(struct conn *c)
{
	struct bench *b = c->b;
	tls_begin(c, b->tls);
	if (b->o.resume && b->ticket != NULL)
		(void)SSL_set_session(c->ssl, b->ticket);
	return shake(c, SSL_connect);
}

bool conn_tls_serve(struct conn *c, SSL_CTX *how)
{
	tls_begin(c, how);
	c->in_at = c->in_end = 0; /* nothing of before it counts */
	return shake(c, SSL_accept);
}

static ssize_t tls_result(struct conn *c, int done)
{
	if (done > 0)
		return done;
	switch (SSL_get_error(c->ssl, done)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return -1;
	}
}

static ssize_t receive(struct conn *c, char *to, size_t room)
{
	if (c->ssl != NULL) {
		ERR_clear_error();
		return tls_result(c, SSL_read(c->ssl, to, (int)room));
	}
	ssize_t got = recv(c->fd, to, room, 0);
	return got < 0 && errno == EAGAIN ? AGAIN : got;
}

static ssize_t transmit(struct conn *c, const char *from, size_t length)
{
	if (c->ssl != NULL) {
		ERR_clear_error();
		return tls_result(c, SSL_write(c->ssl, from, (int)length));
	}
	ssize_t sent = send(c->fd, from, length, MSG_NOSIGNAL);
	return sent < 0 && errno == EAGAIN ? AGAIN : sent;
}

bool conn_fill(struct conn *c)
{
	if (c->in_at != 0) {
		memmove(c->in, c->in + c->in_at, c->in_end - c->in_at);
		c->in_end -= c->in_at;
		c->in_at = 0;
	}
	if (c->in_room - c->in_end < 2048) {
		c->in_room = c->in_room == 0 ? 4096 : c->in_room * 2;
		c->in = grow(c->in, c->in_room);
	}
	while (!c->dead) {
		/* one byte is kept for the NUL of a line */
		ssize_t got = receive(c, c->in + c->in_end,
				      c->in_room - c->in_end - 1);
		if (got > 0) {
			c->in_end += (size_t)got;
			c->taken += (uint64_t)got;
			return true;
		}
		if (got != AGAIN || !wait_for(c))
			c->dead = true;
	}
	return false;
}

bool conn_has_line(const struct conn *c)
{
	return c->in_end != c->in_at &&
	       memchr(c->in + c->in_at, '\n', c->in_end - c->in_at) != NULL;
}

char *conn_line(struct conn *c, size_t *length)
{
	size_t seen = 0;
	for (;;) {
		size_t have = c->in_end - c->in_at;
		char *end = have == seen ? NULL
					 : memchr(c->in + c->in_at + seen, '\n',
						  have - seen);
		if (end == NULL) {
			seen = have;
			if (!conn_fill(c))
				return NULL;
			continue;
		}
		char *line = c->in + c->in_at;
		size_t n = (size_t)(end - line);
		c->in_at += n + 1;
		if (n != 0 && line[n - 1] == '\r')
			n--;
		line[n] = '\0';
		if (length != NULL)
			*length = n;
		return line;
	}
}

void conn_bytes(struct conn *c, const void *from, size_t length)
{
	if (c->out_end + length > c->out_room) {
		c->out_room = (c->out_end + length) * 2;
		c->out = grow(c->out, c->out_room);
	}
	memcpy(c->out + c->out_end, from, length);
	c->out_end += length;
}

void conn_put(struct conn *c, const char *format, ...)
{
	char text[COMMAND_MAX];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof text)
		die("a command is too long");
	conn_bytes(c, text, (size_t)n);
}

bool conn_flush(struct conn *c)
{
	size_t at = 0;
	while (!c->dead && at < c->out_end) {
		ssize_t sent = transmit(c, c->out + at, c->out_end - at);
		if (sent > 0)
			at += (size_t)sent;
		else if (sent != AGAIN || !wait_for(c))
			c->dead = true;
	}
	c->out_end = 0;
	return !c->dead;
}
