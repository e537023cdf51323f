/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/rights - the table: every system call that any process of ours may make.
 *
 * To give a role more, add a right to its row in its own first page; to change
 * what a right means, change it here.  Calls that a kernel of another
 * architecture does not have are skipped when the filter is built.
 *
 * RIGHT_SPAWN is wide: a filter is inherited, so what roles need in order to
 * start and to confine themselves must be open to the supervisor.  exec is
 * bound to the programs' descriptors (confine.c).
 */
#include "os/rights.h"

#include "os/rights_table.h"
#include "os/sanitize.h"

#define B RIGHT_BASE
#define F RIGHT_DATA_FILES
#define L RIGHT_LOG_FILES
#define S RIGHT_SPAWN
#define D RIGHT_DIAL
#define N RIGHT_BIND

static const struct rights_row rows[] = {
	/* input and output on descriptors that are there */
	{"read", B, IF_ANY}, {"readv", B, IF_ANY}, {"pread64", B, IF_ANY},
	{"preadv", B, IF_ANY}, {"write", B, IF_ANY}, {"writev", B, IF_ANY},
	{"pwrite64", B, IF_ANY}, {"recvmsg", B, IF_ANY}, {"sendmsg", B, IF_ANY},
	{"recvfrom", B, IF_ANY}, {"sendto", B, IF_ANY}, {"shutdown", B, IF_ANY},
	{"getsockopt", B, IF_ANY}, {"getsockname", B, IF_ANY},
	{"getpeername", B, IF_ANY}, {"close", B, IF_ANY}, {"fstat", B, IF_ANY},
	{"newfstatat", B, IF_EMPTY_PATH}, {"lseek", B, IF_ANY},
	{"fcntl", B, IF_ANY}, {"dup", B, IF_ANY}, {"poll", B, IF_ANY},
	{"ppoll", B, IF_ANY}, {"epoll_wait", B, IF_ANY},
	{"epoll_pwait", B, IF_ANY}, {"epoll_ctl", B, IF_ANY},
	{"epoll_create1", B, IF_ANY}, {"eventfd2", B, IF_ANY},
	/* memory */
	{"mmap", B, IF_NO_EXEC}, {"mprotect", B, IF_NO_EXEC}, {"munmap", B, IF_ANY},
	{"mremap", B, IF_ANY}, {"madvise", B, IF_ANY}, {"brk", B, IF_ANY},
	/* time, chance, waiting */
	{"clock_gettime", B, IF_ANY}, {"clock_getres", B, IF_ANY},
	{"clock_nanosleep", B, IF_ANY}, {"nanosleep", B, IF_ANY},
	{"gettimeofday", B, IF_ANY}, {"time", B, IF_ANY}, {"getrandom", B, IF_ANY},
	{"futex", B, IF_ANY}, {"sched_yield", B, IF_ANY},
	{"sched_getaffinity", B, IF_ANY}, {"rseq", B, IF_ANY},
	{"set_robust_list", B, IF_ANY}, {"restart_syscall", B, IF_ANY},
	/* ourselves */
	{"exit", B, IF_ANY}, {"exit_group", B, IF_ANY},
	{"rt_sigaction", B, IF_ANY}, {"rt_sigprocmask", B, IF_ANY},
	{"rt_sigreturn", B, IF_ANY}, {"sigaltstack", B, IF_ANY},
	{"tgkill", B, IF_SELF}, {"getpid", B, IF_ANY}, {"gettid", B, IF_ANY},
	{"getppid", B, IF_ANY}, {"getuid", B, IF_ANY}, {"geteuid", B, IF_ANY},
	{"getgid", B, IF_ANY}, {"getegid", B, IF_ANY}, {"capget", B, IF_ANY},
	{"getrusage", B, IF_ANY}, {"prlimit64", B, IF_READ_LIMIT},
	{"prctl", B, IF_ASKING}, {"landlock_create_ruleset", B, IF_VERSION}, {"uname", B, IF_ANY}, {"sysinfo", B, IF_ANY},
	{"setsockopt", RIGHT_ACCEPT | D | N | S, IF_ANY},
	{"accept4", RIGHT_ACCEPT | S, IF_ANY},
	{"memfd_create", RIGHT_BLOBS | S, IF_ANY},
	{"ftruncate", RIGHT_BLOBS | F | S, IF_ANY},
	/* files, inside the directories that Landlock leaves */
	{"openat", F | L | S, IF_ANY}, {"open", F | S, IF_ANY},
	{"stat", F | S, IF_ANY}, {"lstat", F | S, IF_ANY},
	{"newfstatat", F | L | S, IF_ANY}, {"statx", F | L | S, IF_ANY},
	{"access", F | S, IF_ANY}, {"faccessat", F | S, IF_ANY},
	{"faccessat2", F | S, IF_ANY}, {"unlink", F | S, IF_ANY},
	{"unlinkat", F | L | S, IF_ANY}, {"rename", F, IF_ANY},
	{"renameat", F | L | S, IF_ANY}, {"renameat2", F | L | S, IF_ANY},
	{"link", F, IF_ANY}, {"linkat", F, IF_ANY}, {"mkdir", F | S, IF_ANY},
	{"mkdirat", F | S, IF_ANY}, {"rmdir", F, IF_ANY},
	{"getdents64", F | L | S, IF_ANY}, {"fsync", F | L | S, IF_ANY},
	{"fdatasync", F | L | S, IF_ANY}, {"sync_file_range", F, IF_ANY},
	{"fallocate", F, IF_ANY}, {"fadvise64", F, IF_ANY},
	{"readahead", F, IF_ANY}, {"flock", F | L | S, IF_ANY},
	{"fstatfs", F | L | S, IF_ANY}, {"statfs", F | L | S, IF_ANY},
	{"getcwd", F | S, IF_ANY}, {"readlink", F | S, IF_ANY},
	{"pwritev", F, IF_ANY}, {"fchmod", F | S, IF_ANY},
	/* threads of this process; a clone without CLONE_THREAD is a fork */
	{"clone", RIGHT_THREADS, IF_THREAD}, {"sched_setscheduler", RIGHT_THREADS, IF_ANY},
	{"setpriority", RIGHT_THREADS, IF_ANY}, {"sched_getparam", RIGHT_THREADS, IF_ANY},
	/* the network */
	{"socket", D, IF_INET}, {"connect", D, IF_ANY}, {"bind", D | N | S, IF_ANY},
	{"socket", N | S, IF_ANY}, {"listen", N | S, IF_ANY},
	{"connect", S, IF_ANY}, {"sendmmsg", D, IF_ANY}, {"recvmmsg", D, IF_ANY},
	{"ioctl", D | L | S, IF_ANY},
	/* the supervisor, and what its children need before their own filter */
	{"clone", S, IF_ANY}, {"fork", S, IF_ANY}, {"vfork", S, IF_ANY},
	{"execveat", S, IF_PROGRAM}, {"wait4", S, IF_ANY}, {"waitid", S, IF_ANY},
	{"kill", S, IF_ANY}, {"tgkill", S, IF_ANY}, {"pipe2", S, IF_ANY},
	{"dup2", S, IF_ANY}, {"dup3", S, IF_ANY}, {"socketpair", S, IF_ANY},
	{"close_range", S, IF_ANY}, {"signalfd4", B, IF_ANY},
	{"setresuid", S, IF_ROLE_ID}, {"setresgid", S, IF_ROLE_ID},
	{"setgroups", S, IF_NO_GROUPS}, {"umask", S, IF_ANY},
	{"prctl", S, IF_ANY}, {"prlimit64", S, IF_ANY}, {"capset", S, IF_ANY},
	{"seccomp", S, IF_ANY}, {"landlock_create_ruleset", S, IF_ANY},
	{"landlock_add_rule", S, IF_ANY}, {"landlock_restrict_self", S, IF_ANY},
	{"mmap", S, IF_ANY}, {"mprotect", S, IF_ANY}, {"arch_prctl", S, IF_ANY},
	{"set_tid_address", S, IF_ANY}, {"chdir", S, IF_ANY},
	{"fchdir", F | S, IF_ANY}, {"chmod", S, IF_ANY}, {"fchown", S, IF_ANY},
};

/* What planted code would try first.  Kills, unless a right above lists it. */
static const char *const deadly[] = {
	"open", "openat", "openat2", "creat", "open_by_handle_at",
	"name_to_handle_at", "socket", "socketpair", "connect", "bind", "listen",
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv",
	"process_vm_writev", "process_madvise", "pidfd_open", "pidfd_getfd",
	"pidfd_send_signal", "kcmp", "mount", "umount2", "pivot_root", "chroot",
	"move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick",
	"mount_setattr", "unshare", "setns", "bpf", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "keyctl", "add_key",
	"request_key", "kexec_load", "kexec_file_load", "init_module",
	"finit_module", "delete_module", "userfaultfd", "perf_event_open",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid",
	"setgroups", "setfsuid", "setfsgid", "capset", "personality", "reboot",
	"swapon", "swapoff", "settimeofday", "clock_settime", "adjtimex", "acct",
	"quotactl", "syslog", "ioperm", "iopl", "modify_ldt", "fanotify_init",
	"link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "chmod",
	"fchmodat", "chown", "fchownat", "lchown", "truncate", "unlink",
	"unlinkat", "rename", "renameat", "renameat2", "memfd_secret",
};

const struct rights_row *rights_row(size_t i)
{
	return i < ARRAY_LEN(rows) ? &rows[i] : sanitize_row(i - ARRAY_LEN(rows));
}

size_t rights_deadly(const char *const **out)
{
	*out = deadly;
	return ARRAY_LEN(deadly);
}

const char *right_name(enum right r)
{
	static const char *const names[] = {"base", "accept", "data-files",
		"threads", "dial", "log-files", "spawn", "bind", "blobs", "sanitizer"};
	int bit = __builtin_ffs((int)r) - 1;

	return bit >= 0 && (size_t)bit < ARRAY_LEN(names) ? names[bit] : "unknown";
}

bool rights_allow(unsigned rights, const char *name)
{
	const struct rights_row *row;

	for (size_t i = 0; (row = rights_row(i)) != NULL; i++)
		if ((row->rights & (rights | RIGHT_BASE)) && strcmp(row->name, name) == 0)
			return true;
	return false;
}

bool rights_kill(unsigned rights, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		if (strcmp(deadly[i], name) == 0)
			return !rights_allow(rights, name);
	return false;
}
