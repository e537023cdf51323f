/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/world - the wrappers of world.h and sock.h around the table.
 *
 * They check what is a bug of the caller's, so that both worlds judge alike.
 */
#include "os/world.h"

#include "base/ensure.h"
#include "os/sock.h"

void world_free(struct world *w)
{
	if (w != NULL)
		w->ops->free(w);
}

uint64_t world_now(struct world *w) { return w->ops->now(w); }
struct wall world_wall(struct world *w) { return w->ops->wall(w); }

void world_random(struct world *w, void *out, size_t len)
{
	w->ops->random(w, out, len);
}

uint64_t world_random_u64(struct world *w)
{
	uint64_t r;

	w->ops->random(w, &r, sizeof(r));
	return r;
}

bool world_fault(struct world *w, const char *name)
{
	return w->ops->fault(w, name);
}

struct world_kept *world_kept(struct world *w)
{
	return w->ops->kept != NULL ? w->ops->kept(w) : NULL;
}

void world_close(struct world *w, int fd)
{
	if (fd >= 0)
		w->ops->close(w, fd);
}

enum os world_dup(struct world *w, int fd, int *out)
{
	return w->ops->dup(w, fd, out);
}

enum os sock_listen(struct world *w, const struct addr *a, struct listen_how how,
		    int *fd)
{
	*fd = -1;
	return w->ops->listen(w, a, how, fd);
}

enum os sock_accept(struct world *w, int fd, int *out, struct addr *peer)
{
	*out = -1;
	return w->ops->accept(w, fd, out, peer);
}

enum os sock_connect(struct world *w, const struct addr *to,
		     const struct addr *from, int *fd)
{
	*fd = -1;
	return w->ops->connect(w, to, from, fd);
}

enum os sock_connected(struct world *w, int fd)
{
	return w->ops->connected(w, fd);
}

enum os sock_local(struct world *w, int fd, struct addr *out)
{
	return w->ops->local(w, fd, out);
}

enum os sock_read(struct world *w, int fd, void *buf, size_t len, size_t *got)
{
	return w->ops->read(w, fd, buf, len, got);
}

enum os sock_write(struct world *w, int fd, const void *buf, size_t len,
		   size_t *done)
{
	return w->ops->write(w, fd, buf, len, done);
}

enum os sock_shutdown(struct world *w, int fd)
{
	return w->ops->shutdown(w, fd);
}

enum os sock_stream_pair(struct world *w, int out[2])
{
	return w->ops->stream_pair(w, out);
}

enum os sock_packet_pair(struct world *w, int out[2])
{
	return w->ops->packet_pair(w, out);
}

enum os sock_packet_listen(struct world *w, const char *path, uint32_t mode,
			   int *fd)
{
	*fd = -1;
	return w->ops->packet_listen(w, path, mode, fd);
}

enum os sock_packet_accept(struct world *w, int fd, int *out,
			   struct peer_cred *cred)
{
	*out = -1;
	return w->ops->packet_accept(w, fd, out, cred);
}

enum os sock_packet_connect(struct world *w, const char *path, int *fd)
{
	*fd = -1;
	return w->ops->packet_connect(w, path, fd);
}

enum os sock_send(struct world *w, int fd, struct span bytes, int pass)
{
	ENSURE(bytes.len > 0);
	if (bytes.len > SOCK_PACKET_MAX)
		return OS_TOOBIG;
	return w->ops->packet_send(w, fd, bytes.ptr, bytes.len, pass);
}

enum os sock_recv(struct world *w, int fd, void *buf, size_t cap, size_t *len,
		  int *passed)
{
	ENSURE(cap > 0);
	return w->ops->packet_recv(w, fd, buf, cap, len, passed);
}
