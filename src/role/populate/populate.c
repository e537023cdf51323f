/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/populate - makes the accounts of a throw-away instance, then ends.
 *
 * Started by the supervisor with two descriptors: a channel of the hop
 * cmd_admin, and a file with a line for each account: address, blank, password.
 * The domain is that of the first address.  What is there already stays.
 *
 * A start that was cut short is mended by the next one: an account has a quota
 * of one byte until its password is set.
 *
 * Rights: its two descriptors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "ipc/over_os.h"
#include "os/confine.h"
#include "os/fiber.h"
#include "os/file.h"
#include "os/sanitize.h"
#include "wire/cmd_admin.h"

#define CHANNEL_FD    3
#define ACCOUNTS_FD   4
#define ACCOUNTS_MAX  (16u << 20) /* bytes */
#define WORKERS       4u          /* as many as auth takes at a time */
#define ANSWER_NS     (120 * NS_PER_SEC)
#define MEMORY        65536u
#define UNFINISHED    SPAN("1") /* the quota of an account without a password */

struct populate {
	struct world *world;
	struct loop *loop;
	struct cmd_admin *channel;
	char *bytes;
	struct span rest; /* lines that nobody has taken yet */
	unsigned working;
	bool unfinished; /* the last row showed such an account */
	bool failed;
};

/* One account on its way. */
struct account {
	struct populate *p;
	struct arena *arena;
	struct span name, password;
};

static void complain(struct populate *p, struct span name, const char *verb,
		     struct span why)
{
	if (!p->failed)
		fprintf(stderr, "letterlock: making the account %.*s: %s: %.*s\n",
			SPAN_FMT(name), verb, SPAN_FMT(why));
	p->failed = true;
}

/* One verb about one account; false: it did not come to an answer. */
static bool ask(struct account *a, const char *verb, const char *key,
		struct span value, struct cmd_admin_run_reply *rep)
{
	struct populate *p = a->p;
	const struct cmd_admin_argument args[] = {
		{.name = SPAN("name"), .value = a->name},
		{.name = span_cstr(key), .value = value}};
	struct cmd_admin_run m = {.verb = span_cstr(verb),
				  .arguments = args,
				  .arguments_count = key ? 2 : 1};
	enum ipc_result r = IPC_DEAD;
	if (p->channel != NULL)
		r = cmd_admin_run(p->channel, &m, a->arena, rep,
				  world_now(p->world) + ANSWER_NS);
	if (r != IPC_OK)
		complain(p, a->name, verb, span_cstr(ipc_result_name(r)));
	return r == IPC_OK;
}

static bool must(struct account *a, const char *verb, const char *key,
		 struct span value)
{
	struct cmd_admin_run_reply rep;
	if (!ask(a, verb, key, value, &rep))
		return false;
	if (rep.status != CMD_ADMIN_STATUS_DONE)
		complain(a->p, a->name, verb, rep.why);
	return rep.status == CMD_ADMIN_STATUS_DONE;
}

/* It was there: with a password, unless a start was cut short. */
static bool is_finished(struct account *a)
{
	struct cmd_admin_run_reply rep;
	a->p->unfinished = false;
	return ask(a, "account.show", NULL, SPAN(""), &rep) &&
	       !a->p->unfinished;
}

static void make_account(struct account *a)
{
	struct cmd_admin_run_reply rep;
	if (!ask(a, "account.add", "quota", UNFINISHED, &rep))
		return;
	if (rep.status == CMD_ADMIN_STATUS_FOUND && is_finished(a))
		return;
	if (rep.status > CMD_ADMIN_STATUS_FOUND) {
		complain(a->p, a->name, "account.add", rep.why);
		return;
	}
	if (must(a, "account.passwd", "password", a->password))
		(void)must(a, "account.set", "quota", SPAN("0"));
}

static bool next_line(struct populate *p, struct account *a)
{
	struct span line;
	do {
		if (p->rest.len == 0 || p->failed)
			return false;
		(void)span_cut(&p->rest, '\n', &line);
	} while (line.len == 0);
	a->password = line;
	if (span_cut(&a->password, ' ', &a->name))
		return true;
	complain(p, line, "reading", SPAN("no password in its line"));
	return false;
}

static void worker(void *arg)
{
	struct populate *p = arg;
	struct account a = {.p = p, .arena = arena_new(MEMORY)};
	if (a.arena == NULL)
		complain(p, SPAN("?"), "starting", SPAN("memory is short"));
	while (a.arena != NULL && next_line(p, &a)) {
		make_account(&a);
		arena_reset(a.arena);
	}
	arena_free(a.arena);
	if (--p->working == 0)
		loop_stop(p->loop);
}

static void start_workers(struct populate *p)
{
	for (p->working = 0; p->working < WORKERS; p->working++)
		if (fiber_start(p->loop, worker, p) == NULL)
			break;
	if (p->working == 0) {
		p->failed = true;
		loop_stop(p->loop);
	}
}

/* The domain first, alone: accounts cannot be without it. */
static void first(void *arg)
{
	struct populate *p = arg;
	struct account a = {.p = p, .arena = arena_new(MEMORY)};
	struct cmd_admin_run_reply rep;
	struct span rest = p->rest, address;
	(void)span_cut(&rest, ' ', &address);
	a.name = span_skip(address, span_find_last(address, '@') + 1);
	if (a.arena == NULL || !ask(&a, "domain.add", NULL, SPAN(""), &rep))
		p->failed = true;
	else if (rep.status > CMD_ADMIN_STATUS_FOUND)
		complain(p, a.name, "domain.add", rep.why);
	arena_free(a.arena);
	if (p->failed)
		loop_stop(p->loop);
	else
		start_workers(p);
}

static void on_row(void *ctx, struct cmd_admin *c,
		   const struct cmd_admin_row *m)
{
	struct populate *p = ctx;
	(void)c;
	p->unfinished = span_find_span(m->json, SPAN("\"quota\":1,")) != SIZE_MAX;
}

static void on_progress(void *ctx, struct cmd_admin *c,
			const struct cmd_admin_progress *m)
{
	(void)ctx;
	(void)c;
	(void)m;
}

static const struct cmd_admin_at_cmd handlers = {.row = on_row,
						 .progress = on_progress};

static void dead(void *ctx, struct ipc *c, const char *reason)
{
	struct populate *p = ctx;
	(void)reason;
	p->channel = NULL;
	ipc_free(c);
}

static bool load(struct populate *p)
{
	size_t got = 0;
	p->bytes = malloc(ACCOUNTS_MAX);
	if (p->bytes == NULL || file_read_at(p->world, ACCOUNTS_FD, p->bytes,
					     ACCOUNTS_MAX, 0, &got) != OS_OK)
		return false;
	p->rest = span_of(p->bytes, got);
	return got > 0 && got < ACCOUNTS_MAX;
}

int main(int argc, char **argv)
{
	struct populate p = {.world = world_linux()};
	const struct rights rights = {.sys = RIGHT_BASE, .max_fds = 64};
	p.loop = p.world ? loop_new(p.world) : NULL;
	struct ipc_link *link = p.loop ? ipc_link_os(p.loop, CHANNEL_FD) : NULL;
	struct ipc_owner owner = {.role = &p, .dead = dead};
	if (link == NULL || !load(&p)) {
		fputs("letterlock populate: the accounts cannot be read\n",
		      stderr);
		return 1;
	}
	enum confined c = confine(&rights);
	if (!confined_enough(c, argc > 1 && strcmp(argv[1], CONFINE_WEAK_WORD) == 0)) {
		fprintf(stderr, "letterlock populate: %s\n", confined_text(c));
		return 1;
	}
	p.channel = cmd_admin_join_cmd(link, &owner, &handlers);
	if (p.channel == NULL || fiber_start(p.loop, first, &p) == NULL)
		return 1;
	loop_run(p.loop);
	free(p.bytes);
	sanitize_leaks(&p);
	return p.failed ? 1 : 0;
}
