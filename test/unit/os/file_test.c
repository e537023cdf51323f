/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/file, os/spawn and os/loop in the real world: replacement, locks, limits,
 * a child with exactly its descriptors, reaping by signal, pokes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/file.h"
#include "os/loop.h"
#include "os/spawn.h"

static void test_files(void **state)
{
	char path[] = "/tmp/letterlock-file-XXXXXX", buf[8];
	struct world *w = world_linux();
	uint64_t avail, total;
	int dir, lock, second;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(file_dir_open(w, path, &dir), OS_OK);
	assert_int_equal(file_replace(w, dir, "a", SPAN("first")), OS_OK);
	assert_int_equal(file_replace(w, dir, "a", SPAN("12345678")), OS_OK);
	assert_int_equal(file_load(w, dir, "a", buf, 8, &len), OS_OK);
	assert_int_equal(len, 8);
	assert_int_equal(file_load(w, dir, "a", buf, 7, &len), OS_TOOBIG);
	assert_int_equal(file_load(w, dir, "b", buf, 7, &len), OS_NOENT);
	assert_int_equal(symlinkat("a", dir, "b"), 0);
	assert_int_equal(file_load(w, dir, "b", buf, 7, &len), OS_BAD);
	assert_int_equal(file_lock(w, dir, "lock", &lock), OS_OK);
	assert_int_equal(file_lock(w, dir, "lock", &second), OS_BUSY);
	world_close(w, lock);
	assert_int_equal(file_lock(w, dir, "lock", &lock), OS_OK);
	world_close(w, lock);
	assert_int_equal(file_space(w, dir, &avail, &total), OS_OK);
	assert_true(avail <= total && total > 0);
	assert_int_equal(file_mkdir(w, dir, "d"), OS_OK);
	assert_int_equal(file_mkdir(w, dir, "d"), OS_EXIST);
	assert_int_equal(file_rmdir(w, dir, "d"), OS_OK);
	assert_int_equal(file_unlink(w, dir, "a"), OS_OK);
	assert_int_equal(file_unlink(w, dir, "b"), OS_OK);
	assert_int_equal(file_unlink(w, dir, "lock"), OS_OK);
	world_close(w, dir);
	assert_int_equal(rmdir(path), 0);
	world_free(w);
}

struct seen {
	struct loop *loop;
	struct spawn_exit exit;
	unsigned pokes;
};

static void on_signal(void *arg, enum loop_signal s)
{
	struct seen *seen = arg;
	if (s == LOOP_CHILD && spawn_reap(&seen->exit) == OS_OK)
		loop_stop(seen->loop);
}

static void on_poke(void *arg)
{
	struct seen *seen = arg;
	seen->pokes++;
	loop_stop(seen->loop);
}

/* A tree of three levels, seven files, one of them with a second name. */
static void test_trees(void **state)
{
	struct world *w = world_linux();
	char path[] = "/tmp/ll_tree.XXXXXX";
	int dir, at, fd;
	struct file_facts facts;
	(void)state;
	assert_non_null(w);
	assert_non_null(mkdtemp(path));
	assert_int_equal(file_dir_open(w, path, &dir), OS_OK);
	assert_int_equal(file_tree_remove(w, dir, "tree"), OS_OK);
	assert_int_equal(file_mkdir(w, dir, "tree"), OS_OK);
	assert_int_equal(file_dir_at(w, dir, "tree", &at), OS_OK);
	assert_int_equal(file_replace(w, at, "one", SPAN("1")), OS_OK);
	assert_int_equal(file_link(w, at, "one", dir, "second"), OS_OK);
	assert_int_equal(file_link(w, at, "one", dir, "second"), OS_EXIST);
	assert_int_equal(file_link(w, at, "none", dir, "third"), OS_NOENT);
	for (unsigned depth = 1; depth < FILE_DEPTH_MAX; depth++) {
		int next;
		assert_int_equal(file_mkdir(w, at, "below"), OS_OK);
		assert_int_equal(file_dir_at(w, at, "below", &next), OS_OK);
		world_close(w, at);
		at = next;
		assert_int_equal(file_replace(w, at, "one", SPAN("1")), OS_OK);
		assert_int_equal(file_replace(w, at, "two", SPAN("2")), OS_OK);
	}
	/* One level more than is removed. */
	assert_int_equal(file_mkdir(w, at, "deep"), OS_OK);
	assert_int_equal(file_tree_remove(w, dir, "tree"), OS_TOOBIG);
	assert_int_equal(file_rmdir(w, at, "deep"), OS_OK);
	world_close(w, at);
	assert_int_equal(file_tree_remove(w, dir, "tree"), OS_OK);
	assert_int_equal(file_dir_at(w, dir, "tree", &at), OS_NOENT);
	/* What had a second name is still there by it. */
	assert_int_equal(file_open(w, dir, "second", (struct open_how){0}, &fd),
			 OS_OK);
	assert_int_equal(file_facts(w, fd, &facts), OS_OK);
	assert_int_equal(facts.size, 1);
	world_close(w, fd);
	assert_int_equal(file_unlink(w, dir, "second"), OS_OK);
	world_close(w, dir);
	assert_int_equal(rmdir(path), 0);
	world_free(w);
}

static void test_spawn(void **state)
{
	/* Descriptors 3 and 4 are there and 5 is not; no environment. */
	static const char *const argv[] = {"letterlock-test", "-c",
		"read x <&3 && [ \"$x\" = hello ] && : >&4 && ! (: >&5) 2>/dev/null "
		"&& [ -z \"$HOME\" ] && exit 7", NULL};
	struct world *w = world_linux();
	struct seen seen = {.loop = loop_new(w)};
	int p[2], fds[2];
	char text[64];
	struct spawn s = {.argv = argv, .fds = fds, .fd_count = 2};
	struct poke *poke;
	int32_t pid;

	(void)state;
	assert_int_equal(loop_signals(seen.loop, LOOP_CHILD, on_signal, &seen), OS_OK);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "hello\n", 6), 6);
	fds[0] = p[0];
	fds[1] = p[1];
	assert_int_equal(spawn_program_open("/bin/sh", &s.program), OS_OK);
	assert_int_equal(spawn(&s, &pid), OS_OK);
	loop_run(seen.loop);
	assert_int_equal(seen.exit.pid, pid);
	(void)spawn_exit_text(&seen.exit, text, sizeof(text));
	assert_string_equal(text, "exited with 7");
	world_close(w, s.program);
	/* What is no program is told to the parent. */
	assert_int_equal(spawn_program_open("/etc/passwd", &s.program), OS_OK);
	assert_int_equal(spawn(&s, &pid), OS_DENIED);
	world_close(w, s.program);
	poke = poke_new(seen.loop, on_poke, &seen);
	assert_non_null(poke);
	loop_poke(poke);
	loop_poke(poke);
	loop_run(seen.loop);
	assert_int_equal(seen.pokes, 1);
	poke_free(poke);
	(void)close(p[0]);
	(void)close(p[1]);
	loop_free(seen.loop);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_files),
					   cmocka_unit_test(test_trees),
					   cmocka_unit_test(test_spawn)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
