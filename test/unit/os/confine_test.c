/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/confine against os/probe: each attempt in a child of its own, confined it
 * must end badly, as a control it must work.  Then each group of rights: what it
 * gives, and what it still does not.  In a sanitizer build only the wider list
 * of calls is in force, and that is what is checked then.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/confine.h"
#include "os/probe.h"
#include "os/spawn.h"
#include "os/thread.h"
#include "os/world.h"

enum { REFUSED = 10, SUCCEEDED = 11, SETUP = 12 };

static int child(int (*fn)(size_t), size_t arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(arg));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int try_free(size_t i)
{
	int err;
	return probe_run(i, &err) == PROBE_SUCCEEDED ? SUCCEEDED : REFUSED;
}

static int try_confined(size_t i)
{
	const struct rights r = {.sys = RIGHT_ACCEPT};
	int err;

	if (confine(&r) != CONFINED)
		return SETUP;
	return probe_run(i, &err) == PROBE_SUCCEEDED ? SUCCEEDED : REFUSED;
}

static void test_control(void **state)
{
	(void)state;
	for (size_t i = 0; i < probe_count(); i++) {
		int s = child(try_free, i);
		if (probe_info(i)->control && !(WIFEXITED(s) && WEXITSTATUS(s) == SUCCEEDED))
			fail_msg("control failed: %s (%x)", probe_info(i)->name, s);
	}
}

static int allowed(size_t unused)
{
	const struct rights r = {.sys = RIGHT_ACCEPT | RIGHT_BLOBS};
	struct world *w = world_linux();
	struct confine_report now;
	int landlock;
	char byte;

	(void)unused;
	confine_read(&now);
	landlock = now.landlock_abi;
	if (w == NULL || confine(&r) != CONFINED)
		return SETUP;
	world_random(w, &byte, 1);
	if (world_now(w) == 0 || world_wall(w).sec == 0)
		return 1;
	confine_read(&now);
	if (now.landlock_abi != landlock) /* it may ask, and only ask */
		return 4;
	if (!now.no_new_privs || now.seccomp != 2 || now.cap_eff != 0 ||
	    now.cap_prm != 0 || now.dumpable || now.core_limit != 0)
		return 2;
	/* A call that stands in no table. */
	if (syscall(SYS_sethostname, "x", 1) != -1 || errno != ENOSYS)
		return 3;
	return 0;
}

static void test_confined(void **state)
{
	size_t killed = 0;

	(void)state;
	for (size_t i = 0; i < probe_count(); i++) {
		int s = child(try_confined, i);
		bool dead = WIFSIGNALED(s) && WTERMSIG(s) == SIGSYS;
		killed += dead;
		if (!dead && !(WIFEXITED(s) && WEXITSTATUS(s) == REFUSED))
			fail_msg("hole: %s (%x)", probe_info(i)->name, s);
	}
	assert_true(killed >= 20);
	assert_int_equal(child(allowed, 0), 0);
}

/* --- the groups of rights, each in a child --- */

#define CHECK(n, cond)                                                         \
	do {                                                                   \
		if (!(cond))                                                   \
			return (n);                                            \
	} while (0)

/* Two calls that stand in no table, one of them twice. */
static int tell_refusals(size_t unused)
{
	struct rights r = {.sys = RIGHT_ACCEPT};
	struct refusals f;
	uint32_t nr;

	(void)unused;
	if (!refusals_open(&f))
		return SETUP;
	r.refusals = f.out;
	if (confine(&r) != CONFINED)
		return SETUP;
	CHECK(1, !refusals_take(&f, &nr) && f.count == 0);
	errno = EDOM;
	CHECK(2, syscall(SYS_sethostname, "x", 1) == -1 && errno == ENOSYS);
	CHECK(3, syscall(SYS_sync) == -1 && errno == ENOSYS);
	CHECK(4, syscall(SYS_sync) == -1 && errno == ENOSYS);
	CHECK(5, refusals_take(&f, &nr) && nr == SYS_sethostname);
	CHECK(6, refusals_take(&f, &nr) && nr == SYS_sync);
	CHECK(7, refusals_take(&f, &nr) && !refusals_take(&f, &nr));
	CHECK(8, f.count == 3 && f.last == SYS_sync);
	/* A full pipe changes nothing for the caller. */
	for (size_t i = 0; i < 100000; i++)
		CHECK(9, syscall(SYS_sync) == -1 && errno == ENOSYS);
	while (refusals_take(&f, &nr))
		CHECK(10, nr == SYS_sync);
	CHECK(11, f.count > 1000 && f.count < 100003);
	/* A signal sent by hand is no refusal and does no harm. */
	CHECK(12, raise(SIGSYS) == 0 && !refusals_take(&f, &nr));
	refusals_close(&f);
	refusals_close(&f);
	return 0;
}

struct thread_try {
	struct worker_job job;
	long result;
	int err;
};

static void in_thread(struct worker_job *j)
{
	struct thread_try *t = (struct thread_try *)(void *)j;

	t->result = syscall(SYS_sync);
	t->err = errno;
}

/* Threads that block all signals are answered and counted like the others. */
static int threads(size_t unused)
{
	struct rights r = {.sys = RIGHT_THREADS};
	struct thread_try t = {.job = {.run = in_thread}};
	struct refusals f;
	struct workers *w;
	uint32_t nr;

	(void)unused;
	if (!refusals_open(&f))
		return SETUP;
	r.refusals = f.out;
	if (confine(&r) != CONFINED)
		return SETUP;
	w = workers_new((const unsigned[]){1}, 1);
	CHECK(1, w != NULL);
	workers_submit(w, 0, &t.job);
	workers_wait(w);
	CHECK(2, workers_finished(w) == &t.job);
	CHECK(3, t.result == -1 && t.err == ENOSYS);
	CHECK(4, refusals_take(&f, &nr) && nr == SYS_sync);
	workers_free(w);
	(void)fork(); /* a process is no thread */
	return 5;
}

struct two_dirs {
	char mine[32], other[32];
};

static void idle(struct worker_job *j)
{
	(void)j;
}

/* Threads that are there before are not left behind unconfined. */
static int threads_before(size_t unused)
{
	const struct rights r = {.sys = RIGHT_THREADS};
	struct worker_job job = {.run = idle};
	struct workers *w = workers_new((const unsigned[]){1}, 1);

	(void)unused;
	CHECK(1, w != NULL);
	workers_submit(w, 0, &job);
	workers_wait(w);
	return confine(&r) == CONFINE_FAILED ? 0 : 2;
}

static int files_inside(size_t names)
{
	const struct two_dirs *n = (const struct two_dirs *)(uintptr_t)names;
	struct rights_dir d[2] = {{.writable = true}, {.writable = false}};
	struct rights r = {.sys = RIGHT_DATA_FILES, .dirs = d, .dir_count = 2};
	int fd, outside;

	d[0].fd = open(n->mine, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	d[1].fd = open(n->other, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	outside = open("/", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	fd = openat(d[1].fd, "there", O_CREAT | O_RDWR, 0600);
	if (d[0].fd < 0 || d[1].fd < 0 || outside < 0 || fd < 0)
		return SETUP;
	(void)close(fd);
	(void)unlink("/tmp/confine-outside");
	switch (confine(&r)) {
	case CONFINED:
		break;
	case CONFINE_NO_LANDLOCK:
		return 0; /* nothing to see on this kernel */
	default:
		return SETUP;
	}
	fd = openat(d[0].fd, "a", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	CHECK(1, fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0);
	CHECK(2, renameat(d[0].fd, "a", d[0].fd, "b") == 0);
	CHECK(3, mkdirat(d[0].fd, "sub", 0700) == 0);
	CHECK(4, openat(d[0].fd, "sub/c", O_CREAT | O_RDWR, 0600) >= 0);
	CHECK(5, unlinkat(d[0].fd, "sub/c", 0) == 0);
	CHECK(6, unlinkat(d[0].fd, "sub", AT_REMOVEDIR) == 0);
	/* reading is all that the second folder allows */
	CHECK(7, openat(d[1].fd, "there", O_RDONLY) >= 0);
	CHECK(8, openat(d[1].fd, "there", O_RDWR) < 0 && errno == EACCES);
	CHECK(9, openat(d[1].fd, "new", O_CREAT | O_RDWR, 0600) < 0);
	CHECK(10, unlinkat(d[1].fd, "there", 0) < 0);
	/* and nothing outside, by whatever way */
	CHECK(11, open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	CHECK(12, openat(outside, "etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	CHECK(13, openat(d[0].fd, "../../etc/passwd", O_RDONLY) < 0);
	CHECK(14, open("/tmp/confine-outside", O_CREAT | O_RDWR, 0600) < 0);
	CHECK(15, renameat(d[0].fd, "b", d[1].fd, "b") < 0);
	CHECK(16, unlinkat(d[0].fd, "b", 0) == 0);
	return 0;
}

static int dialing(size_t unused)
{
	const struct rights r = {.sys = RIGHT_DIAL};
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons(1)};
	int fd;

	(void)unused;
	if (confine(&r) != CONFINED)
		return SETUP;
	CHECK(1, socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 ||
			 errno == EAFNOSUPPORT);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(2, fd >= 0);
	CHECK(3, connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 &&
			 errno == ECONNREFUSED);
	CHECK(4, socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == ENOSYS);
	CHECK(5, socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == ENOSYS);
	CHECK(6, socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == ENOSYS);
	(void)listen(fd, 1); /* a dialer never waits for callers */
	return 7;
}

static int binding(size_t unused)
{
	const struct rights r = {.sys = RIGHT_BIND};
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd;

	(void)unused;
	if (confine(&r) != CONFINED)
		return SETUP;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(1, fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(2, listen(fd, 1) == 0);
	(void)connect(fd, (struct sockaddr *)&a, sizeof(a));
	return 3;
}

static int spawn_one(int program, const char *arg, int *code)
{
	const struct spawn s = {.program = program,
				.argv = (const char *const[]){"sh", "-c", arg, NULL}};
	struct spawn_exit e;
	enum os r;
	int32_t pid;

	if (spawn(&s, &pid) != OS_OK)
		return -1;
	while ((r = spawn_reap(&e)) == OS_AGAIN)
		(void)usleep(1000);
	*code = r == OS_OK && e.pid == pid && !e.signalled ? e.code : -1;
	return 0;
}

/* The supervisor: its own programs by descriptor, and nothing else. */
static int spawning(size_t unused)
{
	struct rights r = {.sys = RIGHT_SPAWN, .program_count = 1,
			   .id_first = 70000, .id_last = 70003};
	int program, other, code;

	(void)unused;
	if (spawn_program_open("/bin/sh", &program) != OS_OK ||
	    spawn_program_open("/bin/true", &other) != OS_OK)
		return SETUP;
	r.programs = &program;
	if (confine(&r) != CONFINED)
		return SETUP;
	CHECK(1, spawn_one(program, "exit 7", &code) == 0 && code == 7);
	CHECK(2, spawn_one(other, "exit 7", &code) < 0);
	/* ids outside the roles' are refused; root's are, too */
	CHECK(3, setgroups(1, (const gid_t[]){0}) < 0 && errno == ENOSYS);
	CHECK(4, syscall(SYS_setresuid, 0, 0, 0) < 0 && errno == ENOSYS);
	CHECK(5, syscall(SYS_setresuid, 70004, 70004, 70004) < 0 && errno == ENOSYS);
	CHECK(6, syscall(SYS_setresuid, 70000, 70001, 70000) < 0 && errno == ENOSYS);
	/* an id of a role passes the filter: what remains is the capability */
	CHECK(7, syscall(SYS_setresgid, 70003, 70003, 70003) < 0 && errno == EPERM);
	(void)execve("/bin/true", (char *const[]){(char[]){"true"}, NULL}, NULL);
	return 8;
}

static bool by_sigsys(int s)
{
	return WIFSIGNALED(s) && WTERMSIG(s) == SIGSYS;
}

static void test_refusals(void **state)
{
	(void)state;
	assert_int_equal(child(tell_refusals, 0), 0);
}

static void test_files(void **state)
{
	struct two_dirs n = {"/tmp/confineXXXXXX", "/tmp/confineXXXXXX"};
	char file[64];

	(void)state;
	assert_non_null(mkdtemp(n.mine));
	assert_non_null(mkdtemp(n.other));
	assert_int_equal(child(files_inside, (size_t)(uintptr_t)&n), 0);
	(void)snprintf(file, sizeof(file), "%s/there", n.other);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(n.mine), 0);
	assert_int_equal(rmdir(n.other), 0);
}

static void test_groups(void **state)
{
	(void)state;
	assert_true(by_sigsys(child(threads, 0)));
	assert_int_equal(child(threads_before, 0), 0);
	assert_true(by_sigsys(child(dialing, 0)));
	assert_true(by_sigsys(child(binding, 0)));
	assert_true(by_sigsys(child(spawning, 0)));
}

/* Limits: as many descriptors as given, and not one more. */
static int few_fds(size_t unused)
{
	struct rights r = {.sys = RIGHT_ACCEPT, .max_fds = 16};
	int fd = 0, last = -1;

	(void)unused;
	if (confine(&r) != CONFINED)
		return SETUP;
	while ((fd = dup(0)) >= 0)
		last = fd;
	return last == 15 && errno == EMFILE ? 0 : 1;
}

static void test_fds(void **state)
{
	(void)state;
	assert_int_equal(child(few_fds, 0), 0);
}

/* What /proc says about a confined child is what it says itself. */
static void test_read_pid(void **state)
{
	struct confine_report now;
	int up[2], down[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(confine_read_pid(getpid(), &now), OS_OK);
	assert_int_equal(now.seccomp, prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	assert_int_equal(now.uid, getuid());
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rights r = {.sys = RIGHT_ACCEPT};
		bool ok = confine(&r) == CONFINED && write(up[1], "x", 1) == 1 &&
			  read(down[0], &byte, 1) == 1;
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(confine_read_pid(pid, &now), OS_OK);
	assert_true(now.no_new_privs);
	assert_int_equal(now.seccomp, 2);
	assert_int_equal(now.cap_eff, 0);
	assert_int_equal(now.cap_prm, 0);
	assert_int_equal(now.uid, getuid());
	assert_int_equal(now.gid, getgid());
	assert_int_equal(write(down[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(confine_read_pid(pid, &now), OS_NOENT);
	for (int i = 0; i < 2; i++)
		assert_int_equal(close(up[i]) | close(down[i]), 0);
}

static void test_table(void **state)
{
	(void)state;
	assert_true(rights_allow(RIGHT_BASE, "read"));
	assert_false(rights_allow(RIGHT_BASE, "openat"));
	assert_true(rights_kill(RIGHT_BASE, "openat"));
	assert_false(rights_kill(RIGHT_DATA_FILES, "openat"));
	assert_true(rights_kill(RIGHTS_ALL, "ptrace"));
	assert_true(rights_kill(RIGHTS_ALL, "execve"));
	assert_false(rights_allow(RIGHTS_ALL, "execve"));
#ifdef LL_SANITIZE
	assert_true(rights_allow(RIGHT_SANITIZER, "execve"));
#else
	assert_false(rights_allow(RIGHT_SANITIZER, "execve"));
#endif
	assert_string_equal(right_name(RIGHT_DIAL), "dial");
	assert_string_equal(right_name(RIGHT_SANITIZER), "sanitizer");
	assert_string_equal(right_name((enum right)(RIGHT_SANITIZER << 1)), "unknown");
}

/* The wider list is a list: what the runtime has no use for ends the process. */
static int sanitized(size_t deadly)
{
	struct rights r = {0};
	struct refusals f;
	uint32_t nr;

	if (!refusals_open(&f))
		return SETUP;
	r.refusals = f.out;
	if (confine(&r) != CONFINE_SANITIZED)
		return SETUP;
	CHECK(1, open("/etc/passwd", O_RDONLY) >= 0);
	CHECK(2, syscall(SYS_sync) == -1 && errno == ENOSYS);
	CHECK(3, refusals_take(&f, &nr) && nr == SYS_sync);
	if (deadly)
		(void)syscall(SYS_bpf, 0, NULL, 0);
	return 0;
}

static void test_sanitized(void **state)
{
	(void)state;
	assert_int_equal(child(sanitized, 0), 0);
	assert_true(by_sigsys(child(sanitized, 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
#ifdef LL_SANITIZE
		cmocka_unit_test(test_sanitized),
#else
		cmocka_unit_test(test_control), cmocka_unit_test(test_confined),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_files),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_fds), cmocka_unit_test(test_read_pid),
#endif
	};
#ifdef LL_SANITIZE
	(void)test_control, (void)test_confined, (void)test_refusals;
	(void)test_files, (void)test_groups, (void)test_fds, (void)test_read_pid;
#else
	(void)test_sanitized;
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
