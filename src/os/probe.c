/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/probe - the attempts, a function each, by raw system calls where libc
 * would choose another call.
 *
 * An attempt answers the call's result, negative with errno set when refused.
 * Those that would replace the process or leave it changed work in a child:
 * its making is the first thing that a confined process is refused.
 */
#include "os/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/ensure.h"

static long shut(long fd)
{
	if (fd >= 0)
		(void)close((int)fd);
	return fd;
}

static long p_open(void)
{
#ifdef SYS_open
	return shut(syscall(SYS_open, "/etc/passwd", O_RDONLY));
#else
	return shut(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
#endif
}

static long p_openat(void)
{
	return shut(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
}

static long p_openat2(void)
{
	struct open_how how = {.flags = O_RDONLY};
	return shut(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof(how)));
}

static long p_create(void)
{
	return shut(syscall(SYS_openat, AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0600));
}

static long p_inet(void) { return shut(socket(AF_INET, SOCK_STREAM, 0)); }
static long p_inet6(void) { return shut(socket(AF_INET6, SOCK_DGRAM, 0)); }
static long p_unix(void) { return shut(socket(AF_UNIX, SOCK_STREAM, 0)); }

/* A listener of our own on loopback is what the control connects to. */
static long p_connect(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	long r = -1;

	if (l >= 0 && c >= 0 && bind(l, (struct sockaddr *)&a, len) == 0 &&
	    listen(l, 1) == 0 && getsockname(l, (struct sockaddr *)&a, &len) == 0)
		r = connect(c, (struct sockaddr *)&a, len);
	(void)shut(l);
	(void)shut(c);
	return r;
}

/* Refused is refused by the filter; ECONNREFUSED means the call went through. */
static long p_abstract(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0letterlock-probe"};
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	long r = c < 0 ? -1 : connect(c, (struct sockaddr *)&a, sizeof(a));

	(void)shut(c);
	return c >= 0 && r < 0 && errno == ECONNREFUSED ? 0 : r;
}

/* Runs `fn` in a child, which answers 0 by its exit status when it worked. */
static long in_child(long (*fn)(void))
{
	int status;
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(fn() >= 0 ? 0 : errno);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ENOSYS;
	return -1;
}

/*
 * The very call, in this process: an empty path is ENOENT where exec is
 * allowed at all, and nothing is replaced.
 */
static long past_filter(long r)
{
	return r < 0 && (errno == ENOENT || errno == EFAULT || errno == EINVAL ||
			 errno == EBADF || errno == ESRCH)
		       ? 0
		       : r;
}

static long p_execve(void)
{
	char *const argv[] = {(char[]){"probe"}, NULL};
	return past_filter(syscall(SYS_execve, "", argv, NULL));
}

static long p_execveat(void)
{
	char *const argv[] = {(char[]){"probe"}, NULL};
	return past_filter(syscall(SYS_execveat, -1, "", argv, NULL, AT_EMPTY_PATH));
}

static long p_memfd_exec(void)
{
	char *const argv[] = {(char[]){"probe"}, NULL};
	int fd = memfd_create("probe", 0);
	long r = fd < 0 ? -1
			: syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH);
	int err = errno;

	(void)shut(fd);
	errno = err;
	/* Empty content is no program: the kernel got as far as looking. */
	return fd >= 0 && r < 0 && (err == ENOEXEC || err == EACCES) ? 0 : r;
}

static long nothing(void) { return 0; }
static long p_fork(void) { return in_child(nothing); }
static long p_ptrace(void) { return past_filter(ptrace(PTRACE_PEEKDATA, getpid(), NULL, NULL)); }

static long p_vm_read(void)
{
	char from[4] = "abc", to[4];
	struct iovec a = {to, 4}, b = {from, 4};
	return process_vm_readv(getpid(), &a, 1, &b, 1, 0);
}

static long p_vm_write(void)
{
	char from[4] = "abc", to[4];
	struct iovec a = {from, 4}, b = {to, 4};
	return process_vm_writev(getpid(), &a, 1, &b, 1, 0);
}

static long p_kill_parent(void) { return kill(getppid(), 0); }
static long p_kill_init(void) { return kill(1, 0); }

static long p_pidfd(void)
{
	return shut(syscall(SYS_pidfd_open, getpid(), 0));
}

static long p_mount(void)
{
	return past_filter(syscall(SYS_mount, NULL, "", NULL, 0, NULL));
}

static long p_unshare(void) { return syscall(SYS_unshare, 0); }
static long p_setns(void) { return past_filter(syscall(SYS_setns, -1, 0)); }

static long p_io_uring(void)
{
	return past_filter(syscall(SYS_io_uring_setup, 0, NULL));
}

static long p_bpf(void) { return past_filter(syscall(SYS_bpf, 0, NULL, 0)); }

static long p_keyctl(void)
{
	return syscall(SYS_keyctl, 0, -3, 0); /* the process keyring's id */
}

static long p_perf(void)
{
	return past_filter(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static long p_userfault(void) { return shut(syscall(SYS_userfaultfd, 1)); }

static long p_mmap_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	if (p == MAP_FAILED)
		return -1;
	(void)munmap(p, 4096);
	return 0;
}

static long p_mprotect_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long r;

	if (p == MAP_FAILED)
		return -1;
	r = mprotect(p, 4096, PROT_READ | PROT_EXEC);
	(void)munmap(p, 4096);
	return r;
}

static long p_setuid(void)
{
	uid_t u = geteuid();
	return syscall(SYS_setresuid, u, u, u);
}

static long p_module(void)
{
	return past_filter(syscall(SYS_finit_module, -1, "", 0));
}

static const struct {
	struct probe_info info;
	long (*fn)(void);
} probes[] = {
	{{"open", "open /etc/passwd", true}, p_open},
	{{"openat", "openat /etc/passwd", true}, p_openat},
	{{"openat2", "openat2 /etc/passwd", true}, p_openat2},
	{{"create", "make a file in /tmp", true}, p_create},
	{{"socket-inet", "make a TCP socket", true}, p_inet},
	{{"socket-inet6", "make an IPv6 UDP socket", true}, p_inet6},
	{{"socket-unix", "make a local socket", true}, p_unix},
	{{"connect", "connect by TCP to this host", true}, p_connect},
	{{"connect-abstract", "connect to an abstract local name", true}, p_abstract},
	{{"execve", "exec a path", true}, p_execve},
	{{"execveat", "exec a descriptor", true}, p_execveat},
	{{"memfd-exec", "exec anonymous memory", true}, p_memfd_exec},
	{{"fork", "start a process", true}, p_fork},
	{{"ptrace", "trace a process", true}, p_ptrace},
	{{"process-vm-readv", "read a process's memory", true}, p_vm_read},
	{{"process-vm-writev", "write a process's memory", true}, p_vm_write},
	{{"kill-parent", "signal the parent", true}, p_kill_parent},
	{{"kill-init", "signal process 1", false}, p_kill_init},
	{{"pidfd-open", "get a handle of a process", true}, p_pidfd},
	{{"mount", "call mount", false}, p_mount},
	{{"unshare", "call unshare", true}, p_unshare},
	{{"setns", "call setns", true}, p_setns},
	{{"io-uring", "call io_uring_setup", false}, p_io_uring},
	{{"bpf", "call bpf", false}, p_bpf},
	{{"keyctl", "ask for a keyring", false}, p_keyctl},
	{{"perf-event", "call perf_event_open", true}, p_perf},
	{{"userfaultfd", "make a userfaultfd", false}, p_userfault},
	{{"mmap-exec", "map executable memory", true}, p_mmap_exec},
	{{"mprotect-exec", "make memory executable", true}, p_mprotect_exec},
	{{"setresuid", "set user ids", true}, p_setuid},
	{{"finit-module", "load a kernel module", false}, p_module},
};

size_t probe_count(void) { return ARRAY_LEN(probes); }

const struct probe_info *probe_info(size_t i)
{
	ENSURE(i < ARRAY_LEN(probes));
	return &probes[i].info;
}

enum probe_end probe_run(size_t i, int *err)
{
	long r;

	ENSURE(i < ARRAY_LEN(probes));
	errno = 0;
	r = probes[i].fn();
	*err = r < 0 ? errno : 0;
	return r < 0 ? PROBE_REFUSED : PROBE_SUCCEEDED;
}
