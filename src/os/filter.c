/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/filter - the seccomp filter, made from the tables of rights.c.
 *
 * A row without a condition beats rows with one; a deadly call with an allowing
 * row is not added as deadly, so its other uses are refused with ENOSYS.
 *
 * Where refusals are to be counted the refused call traps: the kernel sends
 * SIGSYS, and its handler writes the call's number to a pipe and puts ENOSYS
 * where the result belongs.  The pipe's number travels inside the filter's
 * answer (16 bits that the kernel hands to the handler as si_errno), so the
 * handler needs no memory of its own and serves every thread.  A process that
 * starts others cannot have it: they would inherit the trap without the handler.
 */
#include "os/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/ensure.h"
#include "os/rights_table.h"

#define PROGRAM_MAX 4096u /* instructions, the kernel's own limit */
#define PIPE_MAX    UINT16_MAX
#define FROM_FILTER 1 /* si_code: SYS_SECCOMP of the kernel, not in every libc */

/* --- what happens to a call that stands in no row --- */

#if defined(__x86_64__)
#define CAN_ANSWER 1
static void answer(ucontext_t *u, long result)
{
	u->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined(__aarch64__)
#define CAN_ANSWER 1
static void answer(ucontext_t *u, long result)
{
	u->uc_mcontext.regs[0] = (unsigned long long)result;
}
#else
#define CAN_ANSWER 0
static void answer(ucontext_t *u, long result)
{
	(void)u, (void)result;
}
#endif

/* Runs between a refused call and its caller: no call but write, errno kept. */
static void refused(int sig, siginfo_t *info, void *context)
{
	uint32_t nr = (uint32_t)info->si_syscall;
	int err = errno;

	(void)sig;
	if (info->si_code == FROM_FILTER) {
		/* A full pipe has seen this number often enough. */
		ssize_t n = write(info->si_errno, &nr, sizeof(nr));
		(void)n;
		answer(context, -ENOSYS);
	}
	errno = err;
}

static bool hear_refusals(void)
{
	struct sigaction a = {.sa_sigaction = refused,
			      .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER};
	sigset_t sys;

	/* Blocked, the trap would end the process. */
	return sigemptyset(&a.sa_mask) == 0 && sigemptyset(&sys) == 0 &&
	       sigaddset(&sys, SIGSYS) == 0 && sigaction(SIGSYS, &a, NULL) == 0 &&
	       sigprocmask(SIG_UNBLOCK, &sys, NULL) == 0;
}

/* --- the rules --- */

static struct scmp_arg_cmp arg(unsigned n, enum scmp_compare op, uint64_t a,
			       uint64_t b)
{
	return (struct scmp_arg_cmp){.arg = n, .op = op, .datum_a = a, .datum_b = b};
}

struct filter {
	scmp_filter_ctx ctx;
	const struct rights *rights;
	bool ok;
};

static void rule(struct filter *f, uint32_t action, int nr, unsigned n,
		 const struct scmp_arg_cmp *args)
{
	int e = seccomp_rule_add_array(f->ctx, action, nr, n, args);
	/* EEXIST: a wider row came first.  EDOM, ENOSYS: not on this machine. */
	f->ok = f->ok && (e == 0 || e == -EEXIST || e == -EDOM);
}

static void allow1(struct filter *f, int nr, struct scmp_arg_cmp a)
{
	rule(f, SCMP_ACT_ALLOW, nr, 1, &a);
}

static void allow_asking(struct filter *f, int nr)
{
	static const unsigned asks[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP,
		PR_GET_NO_NEW_PRIVS, PR_GET_DUMPABLE, PR_CAPBSET_READ};

	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		allow1(f, nr, arg(0, SCMP_CMP_EQ, asks[i], 0));
}

static void allow_ids(struct filter *f, int nr)
{
	const struct rights *r = f->rights;

	ENSURE(r->id_last - r->id_first < CONFINE_IDS_MAX);
	for (uint32_t id = r->id_first; id != 0 && id <= r->id_last; id++) {
		struct scmp_arg_cmp a[] = {arg(0, SCMP_CMP_EQ, id, 0),
			arg(1, SCMP_CMP_EQ, id, 0), arg(2, SCMP_CMP_EQ, id, 0)};
		rule(f, SCMP_ACT_ALLOW, nr, 3, a);
	}
}

static void allow_row(struct filter *f, const struct rights_row *row, int nr)
{
	switch (row->when) {
	case IF_ANY:
		rule(f, SCMP_ACT_ALLOW, nr, 0, NULL);
		break;
	case IF_NO_EXEC:
		allow1(f, nr, arg(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		break;
	case IF_EMPTY_PATH:
		allow1(f, nr, arg(3, SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
		break;
	case IF_SELF:
		allow1(f, nr, arg(0, SCMP_CMP_EQ, (uint32_t)getpid(), 0));
		break;
	case IF_READ_LIMIT: {
		struct scmp_arg_cmp a[] = {arg(0, SCMP_CMP_EQ, 0, 0),
					   arg(2, SCMP_CMP_EQ, 0, 0)};
		rule(f, SCMP_ACT_ALLOW, nr, 2, a);
		break;
	}
	case IF_VERSION: {
		struct scmp_arg_cmp a[] = {arg(0, SCMP_CMP_EQ, 0, 0),
					   arg(2, SCMP_CMP_EQ, 1, 0)};
		rule(f, SCMP_ACT_ALLOW, nr, 2, a);
		break;
	}
	case IF_ASKING:
		allow_asking(f, nr);
		break;
	case IF_THREAD:
		allow1(f, nr, arg(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
		break;
	case IF_INET:
		allow1(f, nr, arg(0, SCMP_CMP_EQ, AF_INET, 0));
		allow1(f, nr, arg(0, SCMP_CMP_EQ, AF_INET6, 0));
		break;
	case IF_PROGRAM:
		for (size_t i = 0; i < f->rights->program_count; i++)
			allow1(f, nr, arg(0, SCMP_CMP_EQ, (uint32_t)f->rights->programs[i], 0));
		break;
	case IF_ROLE_ID:
		allow_ids(f, nr);
		break;
	case IF_NO_GROUPS:
		allow1(f, nr, arg(0, SCMP_CMP_EQ, 0, 0));
		break;
	}
}

static void add_rows(struct filter *f, bool conditional)
{
	const struct rights_row *row;

	for (size_t i = 0; (row = rights_row(i)) != NULL; i++) {
		int nr = seccomp_syscall_resolve_name(row->name);
		if ((row->rights & f->rights->sys) && nr >= 0 &&
		    (row->when != IF_ANY) == conditional)
			allow_row(f, row, nr);
	}
}

static void add_deadly(struct filter *f)
{
	const char *const *names;
	size_t n = rights_deadly(&names);
	struct scmp_arg_cmp not_thread = arg(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);

	for (size_t i = 0; i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);
		if (nr >= 0 && !rights_allow(f->rights->sys, names[i]))
			rule(f, SCMP_ACT_KILL_PROCESS, nr, 0, NULL);
	}
	if (!(f->rights->sys & (RIGHT_SPAWN | RIGHT_SANITIZER)))
		rule(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1, &not_thread);
}

/*
 * The C library makes threads with every signal blocked, SIGSYS too: a trap
 * there would end the process.  These are refused without being counted.
 */
static void add_untrapped(struct filter *f)
{
	static const char *const names[] = {"clone3", "rseq", "set_robust_list"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);
		if (nr >= 0 && !rights_allow(f->rights->sys, names[i]))
			rule(f, SCMP_ACT_ERRNO(ENOSYS), nr, 0, NULL);
	}
}

/* --- from rules to the kernel --- */

/* Write the pipe's number into every answer that traps. */
static void name_pipe(struct sock_filter *code, size_t count, int pipe_fd)
{
	for (size_t i = 0; i < count; i++)
		if (code[i].code == (BPF_RET | BPF_K) && code[i].k == SECCOMP_RET_TRAP)
			code[i].k |= (uint32_t)pipe_fd;
}

/* All threads of the process at once; there should be one. */
static bool load(const struct sock_filter *code, size_t count)
{
	struct sock_fprog p = {(unsigned short)count, (struct sock_filter *)(uintptr_t)code};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_TSYNC, &p) == 0;
}

/* libseccomp hands out its program by a descriptor. */
static bool take_program(scmp_filter_ctx ctx, int pipe_fd)
{
	struct sock_filter *code = calloc(PROGRAM_MAX, sizeof(*code));
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t n = -1;
	bool ok = false;

	if (code != NULL && fd >= 0 && seccomp_export_bpf(ctx, fd) == 0)
		n = pread(fd, code, PROGRAM_MAX * sizeof(*code), 0);
	if (n > 0 && (size_t)n < PROGRAM_MAX * sizeof(*code) &&
	    (size_t)n % sizeof(*code) == 0) {
		size_t count = (size_t)n / sizeof(*code);
		name_pipe(code, count, pipe_fd);
		ok = load(code, count);
	}
	if (fd >= 0)
		(void)close(fd);
	free(code);
	return ok;
}

bool filter_load(const struct rights *r)
{
	struct filter f = {.rights = r, .ok = true};
	bool trap = CAN_ANSWER && r->refusals > 0 && !(r->sys & RIGHT_SPAWN);

	if (trap && (r->refusals > (int)PIPE_MAX || !hear_refusals()))
		return false;
	f.ctx = seccomp_init(trap ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(ENOSYS));
	if (f.ctx == NULL)
		return false;
	add_rows(&f, false);
	add_rows(&f, true);
	if (trap)
		add_untrapped(&f);
	add_deadly(&f);
	f.ok = f.ok && seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
	       take_program(f.ctx, trap ? r->refusals : 0);
	seccomp_release(f.ctx);
	return f.ok;
}
