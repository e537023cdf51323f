/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/spawn - fork, put the descriptors in order, become somebody, exec.
 *
 * A pipe that closes on exec tells the parent whether the child came that far;
 * otherwise it carries the errno.  Between fork and exec only calls are made
 * that are safe there.
 */
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ensure.h"

/* Above all final numbers, so that nothing is overwritten while moving. */
#define ASIDE (SPAWN_FD_FIRST + (int)SPAWN_FDS_MAX + 8)

enum os spawn_program_open(const char *path, int *fd)
{
	int low = open(path, O_PATH | O_CLOEXEC);

	*fd = low >= 0 ? fcntl(low, F_DUPFD_CLOEXEC, ASIDE) : -1;
	if (low >= 0)
		(void)close(low);
	return *fd >= 0 ? OS_OK : os_from_errno(errno);
}

/* Returns only the first failure's errno. */
static int place_fds(const struct spawn *s, int *pipe_fd)
{
	int aside[SPAWN_FDS_MAX], null;

	*pipe_fd = fcntl(*pipe_fd, F_DUPFD_CLOEXEC, ASIDE);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (*pipe_fd < 0 || null < 0)
		return errno;
	for (size_t i = 0; i < s->fd_count; i++) {
		aside[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, ASIDE);
		if (aside[i] < 0)
			return errno;
	}
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return errno;
	for (size_t i = 0; i < s->fd_count; i++)
		if (dup2(aside[i], SPAWN_FD_FIRST + (int)i) < 0)
			return errno;
	if (close_range((unsigned)SPAWN_FD_FIRST + (unsigned)s->fd_count, ~0u,
			CLOSE_RANGE_CLOEXEC) != 0)
		return errno;
	return 0;
}

static int become(const struct spawn *s)
{
	if (!s->set_ids)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(s->gid, s->gid, s->gid) != 0 ||
	    setresuid(s->uid, s->uid, s->uid) != 0)
		return errno;
	return 0;
}

static int fresh_signals(void)
{
	static const int heard[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE};
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LEN(heard); i++)
		if (signal(heard[i], SIG_DFL) == SIG_ERR)
			return errno;
	if (sigemptyset(&none) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return errno;
	return 0;
}

NORETURN static void child(const struct spawn *s, pid_t parent, int pipe_fd)
{
	static char *const no_env[] = {NULL};
	char *const *envp = s->envp != NULL ? (char *const *)(uintptr_t)s->envp : no_env;
	int err = place_fds(s, &pipe_fd);

	if (err == 0)
		err = fresh_signals();
	if (err == 0)
		err = become(s);
	/* After the change of ids, which clears it. */
	if (err == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		err = errno;
	if (getppid() != parent)
		_exit(0);
	if (err == 0) {
		/* Not fexecve, which would try a path when this is refused. */
		(void)syscall(SYS_execveat, s->program, "", s->argv, envp, AT_EMPTY_PATH);
		err = errno;
	}
	if (write(pipe_fd, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(126);
	_exit(127);
}

static enum os came_through(int fd, pid_t pid)
{
	int err = 0;
	ssize_t n;

	do
		n = read(fd, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return OS_OK;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return n == (ssize_t)sizeof(err) ? os_from_errno(err) : OS_IO;
}

enum os spawn(const struct spawn *s, int32_t *out)
{
	pid_t parent = getpid(), pid;
	int ends[2];
	enum os r;

	ENSURE(s->program >= ASIDE); /* from spawn_program_open, named in a filter */
	ENSURE(s->fd_count <= SPAWN_FDS_MAX && s->argv != NULL && s->argv[0] != NULL);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return os_from_errno(errno);
	pid = fork();
	if (pid == 0)
		child(s, parent, ends[1]);
	r = pid < 0 ? os_from_errno(errno) : OS_OK;
	(void)close(ends[1]);
	if (r == OS_OK)
		r = came_through(ends[0], pid);
	(void)close(ends[0]);
	*out = r == OS_OK ? pid : 0;
	return r;
}

enum os spawn_reap(struct spawn_exit *out)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(-1, &status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid <= 0)
		return pid == 0 ? OS_AGAIN : os_from_errno(errno);
	*out = (struct spawn_exit){
		.pid = pid, .signalled = WIFSIGNALED(status),
		.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)};
	return OS_OK;
}

struct span spawn_exit_text(const struct spawn_exit *e, char *out, size_t cap)
{
	const char *name = e->signalled ? sigabbrev_np(e->code) : NULL;
	int n;

	ENSURE(cap > 0);
	if (!e->signalled)
		n = snprintf(out, cap, "exited with %d", e->code);
	else
		n = snprintf(out, cap, "killed by SIG%s%s", name ? name : "?",
			     e->code == SIGSYS ? " (refused system call)" : "");
	return span_of(out, n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1);
}

enum os spawn_signal(int32_t pid, enum spawn_signal which)
{
	static const int signals[] = {[SPAWN_TERM] = SIGTERM, [SPAWN_KILL] = SIGKILL,
				      [SPAWN_HUP] = SIGHUP};

	ENSURE(pid > 1);
	return kill(pid, signals[which]) == 0 ? OS_OK : os_from_errno(errno);
}

void spawn_exit_now(int code) { _exit(code); }
uint32_t os_uid(void) { return geteuid(); }
uint32_t os_gid(void) { return getegid(); }
int32_t os_pid(void) { return getpid(); }

unsigned os_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 && n < 65536 ? (unsigned)n : 1;
}
