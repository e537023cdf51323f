/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/launch: find, spawn, become. */
#include "cmd/launch.h"

#include <stdio.h>
#include <time.h>

#include "base/ensure.h"
#include "os/confine.h"
#include "os/file.h"
#include "os/spawn.h"

#define KEYGEN_WORDS 16u

static bool stands_at(struct command *c, const char *path)
{
	const char *name;
	int dir, fd = -1;
	enum os r = command_folder(c, path, &dir, &name);
	if (r == OS_OK)
		r = file_open(c->world, dir, name, (struct open_how){0}, &fd);
	if (fd >= 0)
		world_close(c->world, fd);
	if (dir >= 0)
		world_close(c->world, dir);
	return r == OS_OK;
}

const char *launch_path(struct command *c, const char *program)
{
	static const char *const places[] = {"", "../libexec/letterlock/"};
	char own[COMMAND_PATH], path[COMMAND_PATH + 64];
	if (self_folder(own, sizeof own) != OS_OK) {
		complain(c, "cannot find where letterlock is installed: is "
			    "/proc mounted?");
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		snprintf(path, sizeof path, "%s/%s%s", own, places[i], program);
		if (stands_at(c, path))
			return arena_cstr(c->arena, span_cstr(path));
	}
	complain(c, "%s is neither in %s nor in %s/../libexec/letterlock: the "
		    "installation is not complete",
		 program, own, own);
	return NULL;
}

static bool await(struct command *c, int32_t pid)
{
	const struct timespec while_ = {.tv_nsec = 1000000};
	struct spawn_exit e = {0};
	char text[128];
	enum os r;
	while ((r = spawn_reap(&e)) == OS_AGAIN)
		(void)nanosleep(&while_, NULL);
	if (r == OS_OK && e.pid == pid && !e.signalled && e.code == 0)
		return true;
	struct span how = spawn_exit_text(&e, text, sizeof text);
	complain(c, "making keys: letterlock-keygen %.*s", SPAN_FMT(how));
	return false;
}

bool launch_keygen(struct command *c, int folder, bool weak_kernel,
		   const char *const argv[])
{
	const char *path = launch_path(c, "letterlock-keygen");
	const char *words[KEYGEN_WORDS + 2] = {argv[0]};
	struct spawn s = {.argv = words, .fds = &folder, .fd_count = 1};
	size_t n = 1;
	int32_t pid;
	if (weak_kernel)
		words[n++] = CONFINE_WEAK_WORD;
	for (size_t i = 1; argv[i] != NULL; i++) {
		ENSURE(i <= KEYGEN_WORDS);
		words[n++] = argv[i];
	}
	if (path == NULL)
		return false;
	enum os r = spawn_program_open(path, &s.program);
	if (r == OS_OK) {
		r = spawn(&s, &pid);
		world_close(c->world, s.program);
	}
	if (r == OS_OK)
		return await(c, pid);
	complain(c, "%s: %s", path, os_text(r));
	return false;
}

enum end launch_supervisor(struct command *c, const char *args[])
{
	args[0] = launch_path(c, "letterlock-supervisor");
	if (args[0] == NULL)
		return END_FAILED;
	enum os r = self_become(args[0], args);
	complain(c, "%s: %s", args[0], os_text(r));
	return END_FAILED;
}
