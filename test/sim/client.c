/* SPDX-License-Identifier: Apache-2.0 */
/* The client: writes until all is out, reads until a line is whole. */
#include "client.h"

#include <stdio.h>

#include "os/sock.h"

#define WAIT_NS (3600 * NS_PER_SEC) /* virtual: longer than any server's patience */
#define IN_MAX  65536u

static bool wait(struct client *c, unsigned what)
{
	uint64_t until = world_now(loop_world(c->loop)) + WAIT_NS;
	return fiber_io_wait(&c->io, what, until) == WOKE_VALUE;
}

void client_send(struct client *c, struct span bytes)
{
	while (bytes.len > 0 && c->fd >= 0) {
		size_t done = 0;
		enum os r = sock_write(loop_world(c->loop), c->fd, bytes.ptr, bytes.len,
				       &done);
		if (r == OS_AGAIN ? !wait(c, READY_OUT) : r != OS_OK)
			return;
		bytes = span_skip(bytes, done);
	}
}

static bool more(struct client *c)
{
	char room[4096];
	size_t got = 0;
	enum os r;

	while ((r = sock_read(loop_world(c->loop), c->fd, room, sizeof room, &got)) ==
	       OS_AGAIN)
		if (!wait(c, READY_IN))
			return false;
	buf_add(&c->in, span_of(room, got));
	return r == OS_OK && buf_ok(&c->in);
}

static bool line(struct client *c)
{
	size_t end, n;

	while ((end = span_find(buf_span(&c->in), '\n')) == SIZE_MAX)
		if (!more(c))
			return false;
	n = end < sizeof c->text ? end : sizeof c->text - 1;
	memcpy(c->text, buf_span(&c->in).ptr, n);
	c->text[n] = 0;
	buf_take(&c->in, end + 1);
	return true;
}

unsigned client_reply(struct client *c)
{
	uint64_t code = 0;

	c->code = 0;
	do
		if (c->fd < 0 || !line(c))
			return 0;
	while (c->text[3] == '-');
	if (span_u64(span_of(c->text, 3), 999, &code))
		c->code = (unsigned)code;
	return c->code;
}

unsigned client_say(struct client *c, const char *what)
{
	client_send(c, span_cstr(what));
	client_send(c, SPAN("\r\n"));
	return client_reply(c);
}

void client_open(struct client *c, struct loop *loop, uint16_t port)
{
	struct addr to = addr_v4(127, 0, 0, 1, port);

	*c = (struct client){.loop = loop, .fd = -1};
	buf_init(&c->in, IN_MAX);
	if (sock_connect(loop_world(loop), &to, NULL, &c->fd) != OS_OK ||
	    fiber_io_start(loop, &c->io, c->fd) != OS_OK) {
		c->fd = -1;
		return;
	}
	if (wait(c, READY_OUT) && sock_connected(loop_world(loop), c->fd) == OS_OK)
		(void)client_reply(c);
}

void client_close(struct client *c)
{
	if (c->fd >= 0) {
		fiber_io_end(&c->io);
		world_close(loop_world(c->loop), c->fd);
	}
	buf_free(&c->in);
	c->fd = -1;
}
