/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - a client of the control socket for test/break/probe_test.py.
 *
 *   probe list                     number, name, "control" or "maybe", a line each
 *   probe control ATTEMPT          try it in this very process, unconfined
 *   probe SOCKET ROLE ATTEMPT      have a role's process try it
 *
 * Prints how it ended: held, hole, killed, silent, refused (the instance may not be
 * probed) or gone (the process that spoke with us went away).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/over_os.h"
#include "os/fiber.h"
#include "os/probe.h"
#include "os/sock.h"
#include "wire/cmd_admin.h"

#define PATIENCE_NS (10 * NS_PER_SEC)

struct asking {
	struct world *world;
	struct loop *loop;
	struct cmd_admin *channel;
	struct cmd_admin_run m;
	char outcome[64];
};

static int list(void)
{
	for (size_t i = 0; i < probe_count(); i++)
		printf("%zu %s %s\n", i, probe_info(i)->name,
		       probe_info(i)->control ? "control" : "maybe");
	return 0;
}

static bool number(const char *text, size_t *out)
{
	uint64_t n;
	if (!span_u64(span_cstr(text), probe_count() - 1, &n))
		return false;
	*out = (size_t)n;
	return true;
}

static int control(const char *text)
{
	size_t attempt;
	int err;
	if (!number(text, &attempt))
		return 2;
	puts(probe_run(attempt, &err) == PROBE_SUCCEEDED ? "hole" : "held");
	return 0;
}

/* {"outcome":"held","error":38} */
static void on_row(void *ctx, struct cmd_admin *c, const struct cmd_admin_row *m)
{
	struct asking *a = ctx;
	struct span word, rest = m->json;
	(void)c;
	for (int quotes = 0; quotes < 3; quotes++)
		(void)span_cut(&rest, '"', &word);
	(void)span_cut(&rest, '"', &word);
	snprintf(a->outcome, sizeof a->outcome, "%.*s", SPAN_FMT(word));
}

static void on_progress(void *ctx, struct cmd_admin *c,
			const struct cmd_admin_progress *m)
{
	(void)ctx, (void)c, (void)m;
}

static const struct cmd_admin_at_cmd handlers = {.row = on_row,
						 .progress = on_progress};

static void ask(void *arg)
{
	struct asking *a = arg;
	struct cmd_admin_run_reply rep = {0};
	struct arena *arena = arena_new(1u << 20);
	enum ipc_result r = IPC_NO_MEMORY;
	if (arena != NULL)
		r = cmd_admin_run(a->channel, &a->m, arena, &rep,
				  world_now(a->world) + PATIENCE_NS);
	if (r != IPC_OK)
		snprintf(a->outcome, sizeof a->outcome, "%s",
			 r == IPC_DEAD ? "gone" : "silent");
	else if (rep.status != CMD_ADMIN_STATUS_DONE)
		snprintf(a->outcome, sizeof a->outcome, "refused");
	arena_free(arena);
	loop_stop(a->loop);
}

static int in_role(const char *path, const char *role, const char *attempt)
{
	const struct cmd_admin_argument arguments[] = {
		{SPAN("role"), span_cstr(role)},
		{SPAN("attempt"), span_cstr(attempt)},
		{SPAN("index"), SPAN("0")}};
	struct asking a = {.m = {.verb = SPAN("probe"),
				 .arguments = arguments,
				 .arguments_count = 3}};
	const struct ipc_owner owner = {.role = &a};
	int fd;
	a.world = world_linux();
	a.loop = a.world != NULL ? loop_new(a.world) : NULL;
	if (a.loop == NULL || sock_packet_connect(a.world, path, &fd) != OS_OK) {
		puts("gone");
		return 1;
	}
	a.channel = cmd_admin_join_cmd(ipc_link_os(a.loop, fd), &owner, &handlers);
	if (a.channel == NULL || fiber_start(a.loop, ask, &a) == NULL)
		return 1;
	loop_run(a.loop);
	puts(a.outcome);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc == 3 && strcmp(argv[1], "control") == 0)
		return control(argv[2]);
	if (argc == 4)
		return in_role(argv[1], argv[2], argv[3]);
	fputs("usage: probe list | control ATTEMPT | SOCKET ROLE ATTEMPT\n", stderr);
	return 2;
}
