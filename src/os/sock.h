/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sock - sockets: TCP streams, and local packets that carry descriptors.
 *
 * Everything is non-blocking: OS_AGAIN means "watch it and come back".
 * Streams have TCP_NODELAY set: callers write whole groups of replies.
 *
 * Packets (SOCK_SEQPACKET) keep their borders: one send is one receive, of at
 * most SOCK_PACKET_MAX bytes and one descriptor.  A received descriptor is the
 * receiver's; further ones that a hostile sender packed in are closed and the
 * packet is answered with OS_BAD.
 */
#pragma once

#include "os/world.h"

#define SOCK_PACKET_MAX WORLD_PACKET_MAX
#define SOCK_BACKLOG    1024u
#define SOCK_PATH_MAX   107u /* of a local socket, without its NUL */

/* --- streams --- */

/* IPv6 sockets take IPv6 only; "both" is two listeners. */
MUST_USE enum os sock_listen(struct world *, const struct addr *,
			     struct listen_how, int *fd);
/* OS_AGAIN: nobody waits.  OS_BROKEN: that one left again, ask once more. */
MUST_USE enum os sock_accept(struct world *, int fd, int *out,
			     struct addr *peer);
/*
 * Begin to connect; `from` (port 0: any) may be NULL.  On OS_OK watch the
 * descriptor for READY_OUT, then ask sock_connected how it went.
 */
MUST_USE enum os sock_connect(struct world *, const struct addr *to,
			      const struct addr *from, int *fd);
MUST_USE enum os sock_connected(struct world *, int fd);
/* Our own address on this socket. */
MUST_USE enum os sock_local(struct world *, int fd, struct addr *);

/* OS_OK: *got >= 1.  OS_EOF, OS_BROKEN, OS_AGAIN: *got is 0. */
MUST_USE enum os sock_read(struct world *, int fd, void *, size_t, size_t *got);
/* OS_OK: *done >= 1, maybe less than asked. */
MUST_USE enum os sock_write(struct world *, int fd, const void *, size_t,
			    size_t *done);
/* No more output from us; reading goes on. */
enum os sock_shutdown(struct world *, int fd);
/* Two connected streams, both ends ours. */
MUST_USE enum os sock_stream_pair(struct world *, int out[2]);

/* --- packets --- */

MUST_USE enum os sock_packet_pair(struct world *, int out[2]);
/* A socket in the file system, permissions `mode`; a stale one is replaced. */
MUST_USE enum os sock_packet_listen(struct world *, const char *path,
				    uint32_t mode, int *fd);
MUST_USE enum os sock_packet_accept(struct world *, int fd, int *out,
				    struct peer_cred *);
MUST_USE enum os sock_packet_connect(struct world *, const char *path, int *fd);

/*
 * Send one packet of 1..SOCK_PACKET_MAX bytes; pass a descriptor or -1.  It
 * stays the caller's to close.  All or nothing.
 */
MUST_USE enum os sock_send(struct world *, int fd, struct span bytes, int pass);
/*
 * Receive one packet.  *passed is -1 or a descriptor that is now ours; on any
 * answer but OS_OK it is -1.  OS_TOOBIG: longer than cap.  OS_BAD: more than
 * one descriptor.  The packet is gone in both cases.
 */
MUST_USE enum os sock_recv(struct world *, int fd, void *buf, size_t cap,
			   size_t *len, int *passed);

/* --- for a start error --- */

struct port_holder {
	int32_t pid;      /* 0: somebody, but we may not see who */
	char name[32];    /* the program's short name, cleaned to printable ASCII */
};

/*
 * Who listens on this TCP port?  Reads /proc; only before confinement.  False:
 * nobody was found.
 */
bool sock_who_holds(uint16_t port, struct port_holder *);
