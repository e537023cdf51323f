/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/confine on a kernel that lacks something: what is missing is said, whoever
 * did not allow that goes no further, and all the rest is in force.
 *
 * The kernel of the test may have everything, so a filter of the test's own answers
 * for one that has not: with the errors of a kernel that was built without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/confine.h"

enum { SETUP = 12 };

static int child(int (*fn)(unsigned), unsigned lacks)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(lacks));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool weaken(unsigned lacks)
{
	const struct scmp_arg_cmp asks = {.arg = 0, .op = SCMP_CMP_EQ,
					  .datum_a = PR_GET_SECCOMP};
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	bool ok = f != NULL;

	if (lacks & LACKS_LANDLOCK)
		ok = ok && seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS),
					    SCMP_SYS(landlock_create_ruleset), 0) == 0;
	if (lacks & LACKS_SECCOMP)
		ok = ok &&
		     seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0) == 0 &&
		     seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
					    &asks) == 0;
	ok = ok && seccomp_load(f) == 0;
	seccomp_release(f);
	return ok;
}

#define CHECK(n, cond)                                                         \
	do {                                                                   \
		if (!(cond))                                                   \
			return (n);                                            \
	} while (0)

static int says(unsigned lacks)
{
	CHECK(SETUP, weaken(lacks));
	CHECK(1, confine_kernel_lacks() == lacks);
	return 0;
}

#ifndef LL_SANITIZE
/* What there is, is in force. */
static int confined(unsigned lacks)
{
	const struct rights r = {.sys = RIGHT_ACCEPT};
	struct confine_report now;
	enum confined c;

	CHECK(SETUP, weaken(lacks));
	c = confine(&r);
	CHECK(1, c == (lacks & LACKS_SECCOMP ? CONFINE_NO_SECCOMP : CONFINE_NO_LANDLOCK));
	CHECK(2, !confined_enough(c, false));
	CHECK(3, confined_enough(c, true));
	confine_read(&now);
	CHECK(4, now.no_new_privs && !now.dumpable && now.cap_eff == 0 &&
			 now.cap_prm == 0 && now.core_limit == 0);
	CHECK(5, (now.landlock_abi == 0) == ((lacks & LACKS_LANDLOCK) != 0));
	if (lacks == LACKS_SECCOMP)
		CHECK(6, open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	if (!(lacks & LACKS_SECCOMP))
		(void)open("/etc/passwd", O_RDONLY); /* the filter ends it */
	return 0;
}

static void test_the_rest_is_in_force(void **state)
{
	int s = child(confined, LACKS_LANDLOCK);

	(void)state;
	assert_true(WIFSIGNALED(s) && WTERMSIG(s) == SIGSYS);
	assert_int_equal(child(confined, LACKS_SECCOMP), 0);
	assert_int_equal(child(confined, LACKS_LANDLOCK | LACKS_SECCOMP), 0);
}
#endif

static void test_what_is_missing_is_said(void **state)
{
	(void)state;
	assert_int_equal(child(says, LACKS_LANDLOCK), 0);
	assert_int_equal(child(says, LACKS_SECCOMP), 0);
	assert_int_equal(child(says, LACKS_LANDLOCK | LACKS_SECCOMP), 0);
	assert_string_equal(confine_lacks_text(0), "");
	assert_string_equal(confine_lacks_text(LACKS_LANDLOCK), "Landlock");
	assert_string_equal(confine_lacks_text(LACKS_SECCOMP), "seccomp filters");
}

/* Only what a kernel lacks can be allowed; a failure never. */
static void test_what_can_be_allowed(void **state)
{
	(void)state;
	for (int weak = 0; weak < 2; weak++) {
		assert_true(confined_enough(CONFINED, weak));
		assert_true(confined_enough(CONFINE_SANITIZED, weak));
		assert_false(confined_enough(CONFINE_FAILED, weak));
		assert_int_equal(confined_enough(CONFINE_NO_LANDLOCK, weak), weak);
		assert_int_equal(confined_enough(CONFINE_NO_SECCOMP, weak), weak);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_missing_is_said),
		cmocka_unit_test(test_what_can_be_allowed),
#ifndef LL_SANITIZE
		cmocka_unit_test(test_the_rest_is_in_force),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
