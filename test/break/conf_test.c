/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor against its configuration parser (hop boss_conf), taken over.
 *
 * The child is a process, as in life; what it says is never a configuration.  The
 * supervisor answers with a reason, in time, keeps no descriptor, and leaves no child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/file.h"
#include "os/sock.h"
#include "role/supervisor/supervisor.h"
#include "wire/boss_conf.h"

static const struct {
	char how; /* see conf_liar.c */
	const char *name;
} lies[] = {
	{'z', "all zero"},
	{'n', "no slice, but a descriptor"},
	{'u', "slices that are not sealed"},
	{'s', "sealed noise"},
	{'g', "garbage"},
	{'i', "another question's answer"},
	{'r', "refused"},
	{'d', "a stray descriptor"},
	{'b', "more questions than it may ask"},
	{'x', "gone"},
};

/* These would never come to an end by themselves. */
static const struct {
	char how;
	const char *name;
	bool leaves; /* with its channel; else it has to be killed */
} hangs[] = {
	{'h', "silent", false},
	{'l', "silent after its first answer", false},
	{'f', "asks for files for ever", true},
};

/* What settings.c wants of its neighbours. */
bool path_open(struct super *s, const char *path, struct open_how how, int *fd,
	       struct buf *why)
{
	(void)how;
	(void)why;
	if (blob_new(s->world, fd) != OS_OK)
		return false;
	return file_append(s->world, *fd, span_sub(span_cstr(path), 0, 1)) == OS_OK;
}

bool folders_make(struct super *s, const struct conf *c, struct buf *why)
{
	(void)s, (void)c, (void)why;
	fail_msg("a liar's configuration was taken");
	return false;
}

#define PARSER_MS 300u  /* in place of PARSER_NS */
#define SOON_MS   3000u /* wall time, on a loaded machine */

struct reading {
	struct super *super;
	bool taken, done;
	struct buf why;
};

static void read_settings(void *arg)
{
	struct reading *r = arg;
	struct settings out;

	r->taken = settings_read(r->super, &out, &r->why);
	r->done = true;
	loop_stop(r->super->loop);
}

/* The lowest free descriptor. */
static int next_fd(struct world *w)
{
	int fd;

	assert_int_equal(blob_new(w, &fd), OS_OK);
	world_close(w, fd);
	return fd;
}

/* As control.c does on SIGCHLD, until no child is left.  How many were killed. */
static unsigned await_parsers(struct super *s)
{
	uint64_t end = world_now(s->world) + SOON_MS * NS_PER_MS;
	struct spawn_exit e = {0};
	unsigned killed = 0;
	enum os r;

	while ((r = spawn_reap(&e)) != OS_NOENT) {
		if (r == OS_OK) {
			settings_child_gone(s, &e);
			killed += e.signalled && e.code == SIGKILL;
			continue;
		}
		if (world_now(s->world) > end)
			fail_msg("a parser lives");
		(void)loop_turn(s->loop);
		(void)usleep(1000);
	}
	assert_int_equal(s->parser_pid, 0);
	assert_false(timer_active(&s->parser_end));
	return killed;
}

/* How many parsers had to be killed. */
static unsigned one(struct super *s, char how, const char *name)
{
	const char path[] = {how, 0};
	struct reading r = {.super = s};
	uint64_t from = world_now(s->world);

	s->options.config = path;
	buf_init(&r.why, 4096);
	assert_non_null(fiber_start(s->loop, read_settings, &r));
	loop_run(s->loop);
	assert_true(r.done);
	if (r.taken)
		fail_msg("%s: taken", name);
	if (buf_len(&r.why) == 0)
		fail_msg("%s: no reason", name);
	if (world_now(s->world) - from > SOON_MS * NS_PER_MS)
		fail_msg("%s: it takes too long", name);
	buf_free(&r.why);
	return await_parsers(s);
}

static int setup(void **state)
{
	struct super *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->world = world_linux();
	s->loop = loop_new(s->world);
	s->log = log_new("supervisor");
	s->data_dir = -1;
	s->parser_ns = PARSER_MS * NS_PER_MS;
	assert_int_equal(spawn_program_open(LIAR, &s->programs[PROGRAM_CONF]), OS_OK);
	(void)one(s, 'z', "warm");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct super *s = *state;

	world_close(s->world, s->programs[PROGRAM_CONF]);
	log_free(s->log);
	loop_free(s->loop);
	world_free(s->world);
	free(s);
	return 0;
}

static void test_lies(void **state)
{
	struct super *s = *state;
	int before = next_fd(s->world);

	for (int round = 0; round < 8; round++)
		for (size_t i = 0; i < ARRAY_LEN(lies); i++)
			if (one(s, lies[i].how, lies[i].name) != 0)
				fail_msg("%s: it had to be killed", lies[i].name);
	assert_int_equal(next_fd(s->world), before);
}

static void test_hangs(void **state)
{
	struct super *s = *state;
	int before = next_fd(s->world);

	for (size_t i = 0; i < ARRAY_LEN(hangs); i++)
		if (one(s, hangs[i].how, hangs[i].name) != !hangs[i].leaves)
			fail_msg("%s: its end is another", hangs[i].name);
	assert_int_equal(next_fd(s->world), before);
}

/* One that still hangs when the next one is started: both come to their end. */
static void test_hangs_again(void **state)
{
	struct super *s = *state;
	struct reading r = {.super = s};

	s->options.config = "h";
	buf_init(&r.why, 4096);
	assert_non_null(fiber_start(s->loop, read_settings, &r));
	loop_run(s->loop);
	assert_true(r.done && !r.taken);
	assert_true(span_find_span(buf_span(&r.why), SPAN("within 300 ms")) != SIZE_MAX);
	buf_free(&r.why);
	assert_int_not_equal(s->parser_pid, 0);
	assert_int_equal(one(s, 'z', "after one that hangs"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lies),
		cmocka_unit_test(test_hangs), cmocka_unit_test(test_hangs_again)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
