/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/notify: a service manager of our own listens, by path and by abstract name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/span.h"
#include "os/notify.h"

static int manager(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && len < sizeof(a.sun_path));
	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static struct span heard(int fd, char buf[1024])
{
	ssize_t n = recv(fd, buf, 1024, 0);
	return span_of(buf, n > 0 ? (size_t)n : 0);
}

static void states(const char *name)
{
	char text[1024], big[600];
	int m = manager(name), fd;

	assert_int_equal(notify_open(&fd), OS_OK);
	notify_send(fd, NOTIFY_READY, NULL);
	assert_true(span_eq(heard(m, text), SPAN("READY=1")));
	notify_send(fd, NOTIFY_READY, "10 roles");
	assert_true(span_eq(heard(m, text), SPAN("READY=1\nSTATUS=10 roles")));
	notify_send(fd, NOTIFY_STOPPING, NULL);
	assert_true(span_eq(heard(m, text), SPAN("STOPPING=1")));
	notify_send(fd, NOTIFY_RELOADING, "reload");
	struct span s = heard(m, text), rest = span_skip(s, 28);
	assert_true(span_starts(s, SPAN("RELOADING=1\nMONOTONIC_USEC=")));
	assert_true(span_find_span(rest, SPAN("\nSTATUS=reload")) != SIZE_MAX);
	/* A status too long is cut, never refused. */
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	notify_send(fd, NOTIFY_READY, big);
	assert_int_equal(heard(m, text).len, 511);
	/* The manager went away: nobody is harmed. */
	assert_int_equal(close(m), 0);
	notify_send(fd, NOTIFY_READY, NULL);
	assert_int_equal(close(fd), 0);
}

static void test_states(void **state)
{
	char dir[] = "/tmp/notifyXXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	states(path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	(void)snprintf(path, sizeof(path), "@letterlock-notify-%d", getpid());
	states(path);
}

static void test_nobody(void **state)
{
	char name[109];
	int fd = 7;

	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(notify_open(&fd), OS_NOENT);
	assert_int_equal(fd, -1);
	notify_send(fd, NOTIFY_READY, "nobody hears this");
	assert_int_equal(setenv("NOTIFY_SOCKET", "relative", 1), 0);
	assert_int_equal(notify_open(&fd), OS_BAD);
	assert_int_equal(setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1), 0);
	assert_int_equal(notify_open(&fd), OS_NOENT);
	/* 107 bytes fit a local address, 108 do not. */
	for (size_t n = 106; n <= 108; n++) {
		memset(name, 'n', n);
		name[0] = '/';
		name[n] = 0;
		assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
		assert_int_equal(notify_open(&fd), n < 108 ? OS_NOENT : OS_BAD);
		assert_int_equal(fd, -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_states),
					   cmocka_unit_test(test_nobody)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
