/* SPDX-License-Identifier: Apache-2.0 */
/* The two roles of the test hop; see ends.h. */
#include "ends.h"

#include <stdio.h>

#include "base/ensure.h"

static bool held(struct ends *e, struct ipc_call *call, const void *request)
{
	e->served++;
	if (!e->hold)
		return false;
	ENSURE(e->kept_count < KEPT_MAX);
	ipc_keep(call);
	e->kept_request[e->kept_count] = request;
	e->kept[e->kept_count++] = call;
	return true;
}

static void begin(void *role, struct ipc_call *call,
		  const struct here_there_begin *m)
{
	if (!held(role, call, m))
		here_there_begin_answer(
			call, &(struct here_there_begin_reply){.session = 7});
}

static void echo(void *role, struct ipc_call *call,
		 const struct here_there_echo *m)
{
	struct ends *e = role;
	if (e->on_echo != NULL)
		e->on_echo(e, m);
	if (!held(e, call, m))
		here_there_echo_answer(
			call, &(struct here_there_echo_reply){
				      .raw = m->raw,
				      .name = m->name,
				      .points = m->points,
				      .points_count = m->points_count,
				      .colour = m->colour});
}

static void big(void *role, struct ipc_call *call,
		const struct here_there_big *m)
{
	if (!held(role, call, m))
		here_there_big_answer(
			call, &(struct here_there_big_reply){.body = m->body});
}

static void pass(void *role, struct ipc_call *call,
		 const struct here_there_pass *m)
{
	struct ends *e = role;
	e->fds++;
	if (held(e, call, m))
		return;
	here_there_pass_answer(call, &(struct here_there_pass_reply){
					     .has_end = true, .end = m->end});
}

static void only_open(void *role, struct ipc_call *call,
		      const struct here_there_only_open *m)
{
	if (!held(role, call, m))
		here_there_only_open_answer(
			call, &(struct here_there_only_open_reply){0});
}

static void note(void *role, struct here_there *ch,
		 const struct here_there_note *m)
{
	struct ends *e = role;
	(void)ch;
	e->notes++;
	e->last = m->n;
}

static void give(void *role, struct here_there *ch,
		 const struct here_there_give *m)
{
	struct ends *e = role;
	(void)ch;
	e->fds++;
	e->fd_close(e->arg, m->end);
}

static void only_open_cast(void *role, struct here_there *ch,
			   const struct here_there_only_open_cast *m)
{
	struct ends *e = role;
	(void)ch;
	e->last = m->n;
}

static void back(void *role, struct ipc_call *call,
		 const struct here_there_back *m)
{
	if (!held(role, call, m))
		here_there_back_answer(call, &(struct here_there_back_reply){
						     .n = m->n + 1});
}

static void hint(void *role, struct here_there *ch,
		 const struct here_there_hint *m)
{
	struct ends *e = role;
	(void)ch;
	e->hints++;
	e->last = m->n;
}

static void ready(void *role, struct ipc *ch)
{
	struct ends *e = role;
	(void)ch;
	e->ready++;
}

static void dead(void *role, struct ipc *ch, const char *reason)
{
	struct ends *e = role;
	(void)ch;
	e->dead++;
	snprintf(e->reason, sizeof e->reason, "%s", reason);
}

const struct here_there_at_there ends_there = {
	.begin = begin,
	.echo = echo,
	.big = big,
	.pass = pass,
	.only_open = only_open,
	.note = note,
	.give = give,
	.only_open_cast = only_open_cast,
};

const struct here_there_at_here ends_here = {.back = back, .hint = hint};

struct ipc_owner ends_owner(struct ends *e)
{
	return (struct ipc_owner){.role = e, .ready = ready, .dead = dead};
}
