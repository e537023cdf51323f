/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/linux - the real world: clock, randomness, poller, signals; the table.
 *
 * The world itself has no state, so any thread may use it.  A poller is an
 * epoll descriptor, level-triggered, whose events carry the token.
 */
#include "os/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "os/inner.h"

struct poller {
	struct world *world;
	int fd;
};

enum os linux_result(long r)
{
	return r >= 0 ? OS_OK : os_from_errno(errno);
}

static uint64_t l_now(struct world *w)
{
	struct timespec t;

	(void)w;
	ENSURE(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

static struct wall l_wall(struct world *w)
{
	struct timespec t;

	(void)w;
	ENSURE(clock_gettime(CLOCK_REALTIME, &t) == 0);
	return (struct wall){t.tv_sec, (uint32_t)t.tv_nsec};
}

static void l_random(struct world *w, void *out, size_t len)
{
	char *at = out;

	(void)w;
	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);
		ENSURE(n > 0 || errno == EINTR);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
}

static bool l_fault(struct world *w, const char *name)
{
	(void)w, (void)name;
	return false;
}

static void l_free(struct world *w)
{
	w->tag = 0;
	free(w);
}

static void l_close(struct world *w, int fd)
{
	(void)w;
	/* After EINTR Linux has closed it all the same; EBADF is our bug. */
	ENSURE(close(fd) == 0 || errno != EBADF);
}

static enum os l_dup(struct world *w, int fd, int *out)
{
	(void)w;
	*out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return linux_result(*out);
}

/* --- poller --- */

static enum os l_poller_new(struct world *w, struct world_party party,
			    struct poller **out)
{
	struct poller *p = malloc(sizeof(*p));

	(void)party;
	if (p == NULL)
		return OS_NOMEM;
	p->world = w;
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->fd < 0) {
		enum os r = linux_result(-1);
		free(p);
		return r;
	}
	*out = p;
	return OS_OK;
}

static void l_poller_free(struct poller *p)
{
	l_close(p->world, p->fd);
	free(p);
}

static enum os control(struct poller *p, int op, int fd, unsigned want, void *token)
{
	struct epoll_event e = {.data.ptr = token};

	if (want & READY_IN)
		e.events |= EPOLLIN;
	if (want & READY_OUT)
		e.events |= EPOLLOUT;
	return linux_result(epoll_ctl(p->fd, op, fd, &e));
}

static enum os l_poller_add(struct poller *p, int fd, unsigned want, void *token)
{
	return control(p, EPOLL_CTL_ADD, fd, want, token);
}

static enum os l_poller_change(struct poller *p, int fd, unsigned want, void *token)
{
	return control(p, EPOLL_CTL_MOD, fd, want, token);
}

static void l_poller_remove(struct poller *p, int fd)
{
	(void)control(p, EPOLL_CTL_DEL, fd, 0, NULL);
}

/* Whole milliseconds, rounded up: a timer never runs early. */
static int wait_ms(struct poller *p, uint64_t until)
{
	uint64_t now, ms;

	if (until == 0 || until == NS_NEVER)
		return until == 0 ? 0 : -1;
	now = l_now(p->world);
	if (until <= now)
		return 0;
	ms = (until - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > 3600000 ? 3600000 : (int)ms;
}

static size_t l_poller_wait(struct poller *p, uint64_t until, struct ready *out,
			    size_t max)
{
	struct epoll_event e[LOOP_EVENTS_MAX];
	int n;

	ENSURE(max > 0 && max <= LOOP_EVENTS_MAX);
	n = epoll_wait(p->fd, e, (int)max, wait_ms(p, until));
	ENSURE(n >= 0 || errno == EINTR);
	for (int i = 0; i < n; i++) {
		out[i].token = e[i].data.ptr;
		out[i].what = (e[i].events & EPOLLIN ? READY_IN : 0) |
			      (e[i].events & EPOLLOUT ? READY_OUT : 0) |
			      (e[i].events & (EPOLLHUP | EPOLLERR) ? READY_END : 0);
	}
	return n < 0 ? 0 : (size_t)n;
}

/* --- signals, pokes --- */

static enum os l_signals(struct world *w, unsigned set, int *fd)
{
	sigset_t s;

	(void)w;
	ENSURE(sigemptyset(&s) == 0);
	if (set & LOOP_TERM) {
		ENSURE(sigaddset(&s, SIGTERM) == 0);
		ENSURE(sigaddset(&s, SIGINT) == 0);
	}
	if (set & LOOP_HUP)
		ENSURE(sigaddset(&s, SIGHUP) == 0);
	if (set & LOOP_CHILD)
		ENSURE(sigaddset(&s, SIGCHLD) == 0);
	ENSURE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ENSURE(sigprocmask(SIG_BLOCK, &s, NULL) == 0);
	*fd = signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC);
	return linux_result(*fd);
}

static unsigned l_signals_take(struct world *w, int fd)
{
	struct signalfd_siginfo info;
	unsigned set = 0;

	(void)w;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			set |= LOOP_HUP;
		else if (info.ssi_signo == SIGCHLD)
			set |= LOOP_CHILD;
		else
			set |= LOOP_TERM;
	}
	return set;
}

static enum os l_poke_new(struct world *w, int *fd)
{
	(void)w;
	*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return linux_result(*fd);
}

static void l_poke(struct world *w, int fd)
{
	uint64_t one = 1;

	(void)w;
	/* A full counter is as good as a poke. */
	ENSURE(write(fd, &one, sizeof(one)) == (ssize_t)sizeof(one) ||
	       errno == EAGAIN);
}

static void l_poke_take(struct world *w, int fd)
{
	uint64_t n;

	(void)w;
	ENSURE(read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n) || errno == EAGAIN);
}

static const struct world_ops linux_ops = {
	.now = l_now, .wall = l_wall, .random = l_random, .fault = l_fault,
	.free = l_free, .close = l_close, .dup = l_dup,
	.poller_new = l_poller_new, .poller_free = l_poller_free,
	.poller_add = l_poller_add, .poller_change = l_poller_change,
	.poller_remove = l_poller_remove, .poller_wait = l_poller_wait,
	.signals = l_signals, .signals_take = l_signals_take,
	.poke_new = l_poke_new, .poke = l_poke, .poke_take = l_poke_take,
	.listen = linux_listen, .accept = linux_accept,
	.connect = linux_connect, .connected = linux_connected,
	.local = linux_local, .read = linux_read, .write = linux_write,
	.shutdown = linux_shutdown, .stream_pair = linux_stream_pair,
	.packet_pair = linux_packet_pair, .packet_listen = linux_packet_listen,
	.packet_accept = linux_packet_accept,
	.packet_connect = linux_packet_connect,
	.packet_send = linux_packet_send, .packet_recv = linux_packet_recv,
	.blob_new = linux_blob_new, .blob_seal = linux_blob_seal,
	.blob_check = linux_blob_check, .open = linux_open,
	.pread = linux_pread, .pwrite = linux_pwrite, .append = linux_append,
	.sync = linux_sync, .truncate = linux_truncate,
	.reserve = linux_reserve, .facts = linux_facts, .mkdir = linux_mkdir,
	.own = linux_own, .enter = linux_enter,
	.rename = linux_rename, .link = linux_link, .unlink = linux_unlink, .rmdir = linux_rmdir,
	.each = linux_each, .lock = linux_lock, .space = linux_space,
};

struct world *world_linux(void)
{
	struct world *w = malloc(sizeof(*w));

	if (w != NULL)
		*w = (struct world){TAG_LINUX, &linux_ops};
	return w;
}
