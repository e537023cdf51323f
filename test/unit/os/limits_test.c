/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of this folder, each one below, at and one above.  A limit on what
 * only our own code can ask for is an ENSURE: there the child must abort.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/confine.h"
#include "os/file.h"
#include "os/inner.h"
#include "os/sim.h"
#include "os/sock.h"
#include "os/spawn.h"
#include "os/thread.h"

enum { FINE = 0, SETUP = 12 };

/* The child's wait status; what an ENSURE says goes nowhere. */
static int child(int (*fn)(size_t), size_t n)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(2);
		_exit(fn(n));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool aborted(int s)
{
	return WIFSIGNALED(s) && WTERMSIG(s) == SIGABRT;
}

static void around(int (*fn)(size_t), size_t limit)
{
	assert_int_equal(child(fn, limit - 1), FINE);
	assert_int_equal(child(fn, limit), FINE);
	assert_true(aborted(child(fn, limit + 1)));
}

static int spawn_fds(size_t n)
{
	const char *const argv[] = {"true", NULL};
	struct spawn s = {.argv = argv, .fd_count = n};
	int fds[SPAWN_FDS_MAX + 1];
	int32_t pid;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = 0;
	s.fds = fds;
	if (spawn_program_open("/bin/true", &s.program) != OS_OK)
		return SETUP;
	return spawn(&s, &pid) == OS_OK ? FINE : 1;
}

static int lanes(size_t n)
{
	const unsigned one[WORKER_LANES + 1] = {1, 1, 1, 1, 1};
	struct workers *w = workers_new(one, n);

	if (w == NULL)
		return 1;
	workers_free(w);
	return FINE;
}

static void test_processes(void **state)
{
	(void)state;
	around(spawn_fds, SPAWN_FDS_MAX);
	around(lanes, WORKER_LANES);
}

#ifndef LL_SANITIZE
static int dirs(size_t n)
{
	struct rights_dir d[CONFINE_DIRS_MAX + 1];
	struct rights r = {.sys = RIGHT_DATA_FILES, .dirs = d, .dir_count = n};
	struct world *w = world_linux();
	int root;

	if (file_dir_open(w, "/", &root) != OS_OK)
		return SETUP;
	for (size_t i = 0; i < ARRAY_LEN(d); i++)
		d[i] = (struct rights_dir){.fd = root};
	enum confined c = confine(&r);
	return c == CONFINED || c == CONFINE_NO_LANDLOCK ? FINE : 1;
}

static int ids(size_t n)
{
	struct rights r = {.sys = RIGHT_SPAWN, .id_first = 1000,
			   .id_last = 1000 + (uint32_t)n - 1};
	return confine(&r) == CONFINED ? FINE : 1;
}

static void test_confinement(void **state)
{
	(void)state;
	around(dirs, CONFINE_DIRS_MAX);
	around(ids, CONFINE_IDS_MAX);
}
#endif

static void test_path(void **state)
{
	struct world *w = world_linux();
	char dir[] = "/tmp/limitsXXXXXX", path[SOCK_PATH_MAX + 2];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t n = SOCK_PATH_MAX - 1; n <= SOCK_PATH_MAX + 1; n++) {
		memset(path, 'n', n);
		memcpy(path, dir, strlen(dir));
		path[strlen(dir)] = '/';
		path[n] = 0;
		enum os r = sock_packet_listen(w, path, 0600, &fd);
		assert_int_equal(r, n <= SOCK_PATH_MAX ? OS_OK : OS_TOOBIG);
		if (r != OS_OK)
			continue;
		world_close(w, fd);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(dir), 0);
	world_free(w);
}

static void test_sim_stream(void **state)
{
	static char bytes[SIM_STREAM_BUF + 1];
	struct world *w = world_sim(1);
	size_t done;
	int p[2];

	(void)state;
	assert_int_equal(sock_stream_pair(w, p), OS_OK);
	assert_int_equal(sock_write(w, p[0], bytes, SIM_STREAM_BUF - 1, &done), OS_OK);
	assert_int_equal(done, SIM_STREAM_BUF - 1);
	assert_int_equal(sock_write(w, p[0], bytes, 2, &done), OS_OK);
	assert_int_equal(done, 1);
	assert_int_equal(sock_write(w, p[0], bytes, 1, &done), OS_AGAIN);
	world_close(w, p[0]);
	world_close(w, p[1]);
	assert_int_equal(sim_open(w), 0);
	world_free(w);
}

static void test_sim_packets(void **state)
{
	struct world *w = world_sim(1);
	int p[2];

	(void)state;
	assert_int_equal(sock_packet_pair(w, p), OS_OK);
	for (size_t i = 0; i < SIM_PACKETS_MAX; i++)
		assert_int_equal(sock_send(w, p[0], SPAN("x"), -1), OS_OK);
	assert_int_equal(sock_send(w, p[0], SPAN("x"), -1), OS_AGAIN);
	world_close(w, p[0]);
	world_close(w, p[1]);
	world_free(w);
}

static void test_sim_faults(void **state)
{
	struct world *w = world_sim(1);
	char name[32];
	size_t n = 0;

	(void)state;
	while (n < 2 * SIM_FAULTS_MAX) {
		(void)snprintf(name, sizeof(name), "limits.fault.%zu", n);
		if (!sim_fault_set(w, name, 1))
			break;
		n++;
	}
	assert_int_equal(n, SIM_FAULTS_MAX);
	world_free(w);
}

/* Prefix lengths, of both families. */
static void test_cidr(void **state)
{
	struct cidr c;

	(void)state;
	assert_true(cidr_parse(SPAN("192.0.2.0/31"), &c));
	assert_true(cidr_parse(SPAN("192.0.2.0/32"), &c) && c.bits == 128);
	assert_false(cidr_parse(SPAN("192.0.2.0/33"), &c));
	assert_true(cidr_parse(SPAN("2001:db8::/127"), &c));
	assert_true(cidr_parse(SPAN("2001:db8::/128"), &c) && c.bits == 128);
	assert_false(cidr_parse(SPAN("2001:db8::/129"), &c));
	assert_true(cidr_parse(SPAN("0.0.0.0/0"), &c) && c.bits == 96);
}

/* Rows as the kernel writes them, and rows that are none. */
static void test_rows(void **state)
{
	const struct span tail = SPAN("00000000:0000 0A 00000000:00000000 "
				      "00:00000000 00000000 0 0 4242 1");
	char row[256];

	(void)state;
	(void)snprintf(row, sizeof(row), "  0: 0100007F:FFFF %.*s", SPAN_FMT(tail));
	assert_int_equal(port_row_inode(span_cstr(row), 65535), 4242);
	assert_int_equal(port_row_inode(span_cstr(row), 65534), 0);
	assert_int_equal(port_row_inode(span_sub(span_cstr(row), 0, 60), 65535), 0);
	(void)snprintf(row, sizeof(row), "  0: 0100007F:10019 %.*s", SPAN_FMT(tail));
	assert_int_equal(port_row_inode(span_cstr(row), 0x19), 0);
	assert_int_equal(port_row_inode(SPAN("  sl  local_address rem_address st"), 0), 0);
	assert_int_equal(port_row_inode(SPAN(""), 0), 0);
	assert_int_equal(port_row_inode(SPAN("0: X:19 Y:0 01 a b c d e 7"), 0x19), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes),
#ifndef LL_SANITIZE
		cmocka_unit_test(test_confinement),
#endif
		cmocka_unit_test(test_path), cmocka_unit_test(test_sim_stream),
		cmocka_unit_test(test_sim_packets), cmocka_unit_test(test_sim_faults),
		cmocka_unit_test(test_cidr), cmocka_unit_test(test_rows)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
