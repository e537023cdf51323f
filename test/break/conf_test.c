/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor against its configuration parser (hop boss_conf), taken over.
 *
 * The child is a process, as in life; what it says is never a configuration.  The
 * supervisor answers with a reason, in time, and keeps no descriptor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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
	{'x', "gone"},
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

static void one(struct super *s, char how, const char *name)
{
	const char path[] = {how, 0};
	struct reading r = {.super = s};

	s->options.config = path;
	buf_init(&r.why, 4096);
	assert_non_null(fiber_start(s->loop, read_settings, &r));
	loop_run(s->loop);
	assert_true(r.done);
	if (r.taken)
		fail_msg("%s: taken", name);
	if (buf_len(&r.why) == 0)
		fail_msg("%s: no reason", name);
	buf_free(&r.why);
	for (int i = 0; i < 5; i++)
		(void)loop_turn(s->loop);
}

static void test_lies(void **state)
{
	struct super *s = calloc(1, sizeof *s);
	int before;

	(void)state;
	assert_non_null(s);
	s->world = world_linux();
	s->loop = loop_new(s->world);
	s->log = log_new("supervisor");
	s->data_dir = -1;
	assert_int_equal(spawn_program_open(LIAR, &s->programs[PROGRAM_CONF]), OS_OK);
	one(s, 'z', "warm");
	before = next_fd(s->world);
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < ARRAY_LEN(lies); i++)
			one(s, lies[i].how, lies[i].name);
	assert_int_equal(next_fd(s->world), before);
	world_close(s->world, s->programs[PROGRAM_CONF]);
	log_free(s->log);
	loop_free(s->loop);
	world_free(s->world);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lies)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
