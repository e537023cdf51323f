/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/linux_sock - TCP and local packet sockets of the real world.
 *
 * A packet that carries more than one descriptor never leaks: the control
 * buffer holds few, the kernel closes what does not fit, we close the rest.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/linux.h"
#include "os/sock.h"

#define KIND (SOCK_NONBLOCK | SOCK_CLOEXEC)

union any_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage storage;
};

static socklen_t to_kernel(const struct addr *a, union any_addr *out)
{
	*out = (union any_addr){0};
	if (addr_is_v4(a)) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(a->port);
		memcpy(&out->v4.sin_addr, a->ip + 12, 4);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons(a->port);
	memcpy(&out->v6.sin6_addr, a->ip, 16);
	return sizeof(out->v6);
}

/* Something that is no network address (a local socket) becomes "::". */
static struct addr from_kernel(const union any_addr *in)
{
	if (in->sa.sa_family == AF_INET) {
		const uint8_t *b = (const uint8_t *)&in->v4.sin_addr;
		return addr_v4(b[0], b[1], b[2], b[3], ntohs(in->v4.sin_port));
	}
	if (in->sa.sa_family == AF_INET6)
		return addr_v6(in->v6.sin6_addr.s6_addr, ntohs(in->v6.sin6_port));
	return (struct addr){0};
}

static bool option(int fd, int level, int name)
{
	int one = 1;
	return setsockopt(fd, level, name, &one, sizeof(one)) == 0;
}

/* Give up on a descriptor that is half made, with the error that stopped it. */
static enum os give_up(int fd)
{
	enum os r = linux_result(-1);

	(void)close(fd);
	return r;
}

enum os linux_listen(struct world *w, const struct addr *a, struct listen_how how,
		     int *out)
{
	union any_addr sa;
	socklen_t len = to_kernel(a, &sa);
	int fd = socket(sa.sa.sa_family, SOCK_STREAM | KIND, 0);

	(void)w;
	if (fd < 0)
		return linux_result(fd);
	if ((how.reuse_addr && !option(fd, SOL_SOCKET, SO_REUSEADDR)) ||
	    (sa.sa.sa_family == AF_INET6 && !option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) ||
	    bind(fd, &sa.sa, len) != 0 ||
	    listen(fd, (int)(how.backlog ? how.backlog : SOCK_BACKLOG)) != 0)
		return give_up(fd);
	*out = fd;
	return OS_OK;
}

enum os linux_accept(struct world *w, int fd, int *out, struct addr *peer)
{
	union any_addr sa = {0};
	socklen_t len = sizeof(sa);
	int got = accept4(fd, &sa.sa, &len, KIND);

	(void)w;
	if (got < 0)
		return linux_result(got);
	/* Fails where the peer is gone already: the first read will say so. */
	(void)option(got, IPPROTO_TCP, TCP_NODELAY);
	*peer = from_kernel(&sa);
	*out = got;
	return OS_OK;
}

enum os linux_connect(struct world *w, const struct addr *to,
		      const struct addr *from, int *out)
{
	union any_addr sa, own;
	socklen_t len = to_kernel(to, &sa), own_len;
	int fd = socket(sa.sa.sa_family, SOCK_STREAM | KIND, 0);

	(void)w;
	if (fd < 0)
		return linux_result(fd);
	if (!option(fd, IPPROTO_TCP, TCP_NODELAY))
		return give_up(fd);
	if (from != NULL) {
		own_len = to_kernel(from, &own);
		if (bind(fd, &own.sa, own_len) != 0)
			return give_up(fd);
	}
	if (connect(fd, &sa.sa, len) != 0 && errno != EINPROGRESS)
		return give_up(fd);
	*out = fd;
	return OS_OK;
}

enum os linux_connected(struct world *w, int fd)
{
	union any_addr sa;
	int err = 0;
	socklen_t len = sizeof(err), sa_len = sizeof(sa);

	(void)w;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		return linux_result(-1);
	if (err != 0)
		return os_from_errno(err);
	if (getpeername(fd, &sa.sa, &sa_len) == 0)
		return OS_OK;
	return errno == ENOTCONN ? OS_AGAIN : linux_result(-1);
}

enum os linux_local(struct world *w, int fd, struct addr *out)
{
	union any_addr sa = {0};
	socklen_t len = sizeof(sa);

	(void)w;
	if (getsockname(fd, &sa.sa, &len) != 0)
		return linux_result(-1);
	*out = from_kernel(&sa);
	return OS_OK;
}

enum os linux_read(struct world *w, int fd, void *buf, size_t len, size_t *got)
{
	ssize_t n;

	(void)w;
	*got = 0;
	ENSURE(len > 0);
	do
		n = recv(fd, buf, len, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? OS_EOF : linux_result(n);
	*got = (size_t)n;
	return OS_OK;
}

enum os linux_write(struct world *w, int fd, const void *buf, size_t len,
		    size_t *done)
{
	ssize_t n;

	(void)w;
	*done = 0;
	ENSURE(len > 0);
	do
		n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return linux_result(n);
	*done = (size_t)n;
	return OS_OK;
}

enum os linux_shutdown(struct world *w, int fd)
{
	(void)w;
	return linux_result(shutdown(fd, SHUT_WR));
}

enum os linux_stream_pair(struct world *w, int out[2])
{
	(void)w;
	return linux_result(socketpair(AF_UNIX, SOCK_STREAM | KIND, 0, out));
}

/* --- packets --- */

enum os linux_packet_pair(struct world *w, int out[2])
{
	(void)w;
	return linux_result(socketpair(AF_UNIX, SOCK_SEQPACKET | KIND, 0, out));
}

static bool local_name(const char *path, struct sockaddr_un *out)
{
	size_t len = strlen(path);

	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len == 0 || len > SOCK_PATH_MAX)
		return false;
	memcpy(out->sun_path, path, len);
	return true;
}

enum os linux_packet_listen(struct world *w, const char *path, uint32_t mode,
			    int *out)
{
	struct sockaddr_un name;
	struct stat st;
	mode_t mask;
	int fd, bound;

	(void)w;
	if (!local_name(path, &name))
		return OS_TOOBIG;
	/* Left by an earlier run; never anything but a socket. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | KIND, 0);
	if (fd < 0)
		return linux_result(fd);
	mask = umask(0177);
	bound = bind(fd, (struct sockaddr *)&name, sizeof(name));
	(void)umask(mask);
	if (bound != 0 || chmod(path, (mode_t)mode) != 0 ||
	    listen(fd, (int)SOCK_BACKLOG) != 0)
		return give_up(fd);
	*out = fd;
	return OS_OK;
}

enum os linux_packet_accept(struct world *w, int fd, int *out,
			    struct peer_cred *cred)
{
	struct ucred c;
	socklen_t len = sizeof(c);
	int got = accept4(fd, NULL, NULL, KIND);

	(void)w;
	if (got < 0)
		return linux_result(got);
	if (getsockopt(got, SOL_SOCKET, SO_PEERCRED, &c, &len) != 0)
		return give_up(got);
	*cred = (struct peer_cred){c.pid, c.uid, c.gid};
	*out = got;
	return OS_OK;
}

enum os linux_packet_connect(struct world *w, const char *path, int *out)
{
	struct sockaddr_un name;
	int fd;

	(void)w;
	if (!local_name(path, &name))
		return OS_TOOBIG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | KIND, 0);
	if (fd < 0)
		return linux_result(fd);
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
		return give_up(fd);
	*out = fd;
	return OS_OK;
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

enum os linux_packet_send(struct world *w, int fd, const void *bytes, size_t len,
			  int pass)
{
	union control c = {0};
	struct iovec v = {(void *)(uintptr_t)bytes, len};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	ssize_t n;

	(void)w;
	if (pass >= 0) {
		struct cmsghdr *h;
		m.msg_control = c.room;
		m.msg_controllen = sizeof(c.room);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &pass, sizeof(int));
	}
	do
		n = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return linux_result(n);
	ENSURE((size_t)n == len);
	return OS_OK;
}

/* All descriptors in the control data; one is kept, the others are closed. */
static size_t take_passed(struct msghdr *m, int *kept)
{
	size_t count = 0;

	*kept = -1;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n;
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
			if (count++ == 0)
				*kept = fd;
			else
				(void)close(fd);
		}
	}
	return count;
}

enum os linux_packet_recv(struct world *w, int fd, void *buf, size_t cap,
			  size_t *len, int *passed)
{
	union control c = {0};
	struct iovec v = {buf, cap};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c.room,
			   .msg_controllen = sizeof(c.room)};
	enum os r = OS_OK;
	size_t count;
	ssize_t n;

	(void)w;
	*len = 0;
	*passed = -1;
	do
		n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return linux_result(n);
	count = take_passed(&m, passed);
	if (n == 0)
		r = OS_EOF;
	else if (m.msg_flags & MSG_TRUNC)
		r = OS_TOOBIG;
	else if (count > 1 || (m.msg_flags & MSG_CTRUNC))
		r = count == 0 ? OS_NOFD : OS_BAD;
	if (r != OS_OK && *passed >= 0) {
		(void)close(*passed);
		*passed = -1;
	}
	*len = r == OS_OK ? (size_t)n : 0;
	return r;
}
