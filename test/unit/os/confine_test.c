/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/confine against os/probe: each attempt in a child of its own, confined it
 * must end badly, as a control it must work.  In a sanitizer build nothing is
 * confined, which is all that is checked then.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/confine.h"
#include "os/probe.h"
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
	char byte;

	(void)unused;
	if (w == NULL || confine(&r) != CONFINED)
		return SETUP;
	world_random(w, &byte, 1);
	if (world_now(w) == 0 || world_wall(w).sec == 0)
		return 1;
	confine_read(&now);
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

static void test_table(void **state)
{
	(void)state;
	assert_true(rights_allow(RIGHT_BASE, "read"));
	assert_false(rights_allow(RIGHT_BASE, "openat"));
	assert_true(rights_kill(RIGHT_BASE, "openat"));
	assert_false(rights_kill(RIGHT_DATA_FILES, "openat"));
	assert_true(rights_kill(RIGHTS_ALL, "ptrace"));
	assert_true(rights_kill(RIGHTS_ALL, "execve"));
	assert_string_equal(right_name(RIGHT_DIAL), "dial");
}

static void test_sanitized(void **state)
{
	(void)state;
	assert_int_equal(confine(&(struct rights){0}), CONFINE_SANITIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
#ifdef LL_SANITIZE
		cmocka_unit_test(test_sanitized),
#else
		cmocka_unit_test(test_control), cmocka_unit_test(test_confined),
#endif
	};
#ifdef LL_SANITIZE
	(void)test_control, (void)test_confined;
#else
	(void)test_sanitized;
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
