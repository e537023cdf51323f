/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client: writes until all is out, reads until a line is whole.  TLS goes
 * through memory on both sides, so that nothing but the simulated socket waits.
 */
#include "client.h"

#include <openssl/ssl.h>
#include <stdio.h>

#include "base/ensure.h"
#include "os/sock.h"

#define WAIT_NS (3600 * NS_PER_SEC) /* virtual: longer than any server's patience */
#define DIAL_NS (60 * NS_PER_SEC)
#define IN_MAX  (8u << 20)
#define PART    4096

static bool wait_for(struct client *c, unsigned what, uint64_t ns)
{
	uint64_t until = world_now(loop_world(c->loop)) + ns;
	return fiber_io_wait(&c->io, what, until) == WOKE_VALUE;
}

static bool wait(struct client *c, unsigned what)
{
	return wait_for(c, what, WAIT_NS);
}

/* ---- the socket ------------------------------------------------------------- */

static bool put(struct client *c, struct span bytes)
{
	while (bytes.len > 0 && c->fd >= 0) {
		size_t done = 0;
		enum os r = sock_write(loop_world(c->loop), c->fd, bytes.ptr, bytes.len,
				       &done);
		if (r == OS_AGAIN ? !wait(c, READY_OUT) : r != OS_OK)
			return false;
		bytes = span_skip(bytes, done);
	}
	return c->fd >= 0;
}

/* Something that came, at most PART bytes. */
static bool get(struct client *c, char *room, size_t *got)
{
	enum os r;

	while ((r = sock_read(loop_world(c->loop), c->fd, room, PART, got)) == OS_AGAIN)
		if (!wait(c, READY_IN))
			return false;
	return r == OS_OK;
}

/* ---- TLS ---------------------------------------------------------------------- */

static bool flush(struct client *c)
{
	char room[PART];
	int n;

	while ((n = BIO_read(SSL_get_wbio(c->tls), room, PART)) > 0)
		if (!put(c, span_of(room, (size_t)n)))
			return false;
	return true;
}

static bool feed(struct client *c)
{
	char room[PART];
	size_t got = 0;

	return get(c, room, &got) &&
	       BIO_write(SSL_get_rbio(c->tls), room, (int)got) == (int)got;
}

/* After a call that answered n: is it worth to make it again? */
static bool tls_again(struct client *c, int n)
{
	int why = SSL_get_error(c->tls, n);

	return flush(c) && why == SSL_ERROR_WANT_READ && feed(c);
}

bool client_tls(struct client *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int n;

	ENSURE(ctx != NULL && c->tls == NULL);
	c->tls = SSL_new(ctx);
	SSL_CTX_free(ctx);
	ENSURE(c->tls != NULL);
	SSL_set_bio(c->tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	while ((n = SSL_connect(c->tls)) != 1)
		if (!tls_again(c, n))
			return false;
	return flush(c);
}

static bool tls_more(struct client *c)
{
	char room[PART];
	int n;

	while ((n = SSL_read(c->tls, room, PART)) <= 0)
		if (!tls_again(c, n))
			return false;
	buf_add(&c->in, span_of(room, (size_t)n));
	return buf_ok(&c->in);
}

/* ---- bytes and lines ------------------------------------------------------------ */

void client_send(struct client *c, struct span bytes)
{
	if (c->tls == NULL) {
		(void)put(c, bytes);
		return;
	}
	while (bytes.len > 0) {
		int len = (int)(bytes.len < PART ? bytes.len : PART);
		int n = SSL_write(c->tls, bytes.ptr, len);
		if (n > 0)
			bytes = span_skip(bytes, (size_t)n);
		if (n > 0 ? !flush(c) : !tls_again(c, n))
			return;
	}
}

static bool more(struct client *c)
{
	char room[PART];
	size_t got = 0;

	if (c->fd < 0)
		return false;
	if (c->tls != NULL)
		return tls_more(c);
	if (!get(c, room, &got))
		return false;
	buf_add(&c->in, span_of(room, got));
	return buf_ok(&c->in);
}

bool client_line(struct client *c, struct span *line)
{
	size_t end;

	buf_take(&c->in, c->taken);
	c->taken = 0;
	while ((end = span_find(buf_span(&c->in), '\n')) == SIZE_MAX)
		if (!more(c))
			return false;
	c->taken = end + 1;
	*line = span_sub(buf_span(&c->in), 0, end);
	if (end > 0 && line->ptr[end - 1] == '\r')
		line->len--;
	return true;
}

bool client_bytes(struct client *c, size_t n, struct buf *out)
{
	buf_take(&c->in, c->taken);
	c->taken = 0;
	while (buf_len(&c->in) < n)
		if (!more(c))
			return false;
	buf_add(out, span_sub(buf_span(&c->in), 0, n));
	c->taken = n;
	return buf_ok(out);
}

unsigned client_reply(struct client *c)
{
	uint64_t code = 0;
	struct span line;

	c->code = 0;
	do {
		if (c->fd < 0 || !client_line(c, &line))
			return 0;
		size_t n = line.len < sizeof c->text ? line.len : sizeof c->text - 1;
		memset(c->text, 0, 4);
		if (n > 0)
			memcpy(c->text, line.ptr, n);
		c->text[n] = 0;
	} while (c->text[3] == '-');
	if (span_u64(span_of(c->text, 3), 999, &code))
		c->code = (unsigned)code;
	return c->code;
}

unsigned client_say(struct client *c, const char *what)
{
	char line[2048];
	int n = snprintf(line, sizeof line, "%s\r\n", what);

	if (n > 0 && (size_t)n < sizeof line) {
		client_send(c, span_of(line, (size_t)n));
	} else {
		client_send(c, span_cstr(what));
		client_send(c, SPAN("\r\n"));
	}
	return client_reply(c);
}

void client_dial(struct client *c, struct loop *loop, uint16_t port)
{
	struct addr to = addr_v4(127, 0, 0, 1, port);

	*c = (struct client){.loop = loop, .fd = -1};
	buf_init(&c->in, IN_MAX);
	if (sock_connect(loop_world(loop), &to, NULL, &c->fd) != OS_OK ||
	    fiber_io_start(loop, &c->io, c->fd) != OS_OK) {
		c->fd = -1;
		return;
	}
	c->code = wait_for(c, READY_OUT, DIAL_NS) &&
		  sock_connected(loop_world(loop), c->fd) == OS_OK;
}

void client_adopt(struct client *c, struct loop *loop, int fd)
{
	*c = (struct client){.loop = loop, .fd = fd};
	buf_init(&c->in, IN_MAX);
	ENSURE(fiber_io_start(loop, &c->io, fd) == OS_OK);
}

void client_open(struct client *c, struct loop *loop, uint16_t port)
{
	client_dial(c, loop, port);
	if (c->code == 1)
		(void)client_reply(c);
}

void client_close(struct client *c)
{
	if (c->fd >= 0) {
		fiber_io_end(&c->io);
		world_close(loop_world(c->loop), c->fd);
	}
	SSL_free(c->tls);
	buf_free(&c->in);
	c->tls = NULL;
	c->fd = -1;
}
