/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/ask: connect, run one verb in a fiber, gather its rows. */
#include "cmd/ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/config.h"
#include "ipc/over_os.h"
#include "os/fiber.h"
#include "os/sock.h"
#include "wire/cmd_admin.h"

#define SHOW_MAX (256u << 20)

struct row {
	struct row *next;
	struct span json;
};

struct ask {
	struct command *c;
	struct loop *loop;
	struct cmd_admin *channel;
	const struct cmd_admin_run *m;
	struct cmd_admin_run_reply reply;
	enum ipc_result result;
	struct row *first, **last;
	size_t rows;
	bool progress, progress_shown, ready, full;
};

static void clear_progress(struct ask *a)
{
	if (a->progress_shown)
		fputs("\r\x1b[K", stderr);
	a->progress_shown = false;
}

static void on_row(void *ctx, struct cmd_admin *ch,
		   const struct cmd_admin_row *m)
{
	struct ask *a = ctx;
	struct row *r = ARENA_NEW(a->c->arena, struct row);
	(void)ch;
	if (r == NULL || !arena_copy(a->c->arena, m->json, &r->json)) {
		a->full = true;
		return;
	}
	*a->last = r;
	a->last = &r->next;
	a->rows++;
}

static void on_progress(void *ctx, struct cmd_admin *ch,
			const struct cmd_admin_progress *m)
{
	struct ask *a = ctx;
	(void)ch;
	if (!a->progress)
		return;
	fprintf(stderr, "\r\x1b[K%llu of %llu %.*s",
		(unsigned long long)m->done, (unsigned long long)m->of,
		SPAN_FMT(m->what));
	a->progress_shown = true;
}

static const struct cmd_admin_at_cmd handlers = {.row = on_row,
						 .progress = on_progress};

static void on_ready(void *ctx, struct ipc *ch)
{
	struct ask *a = ctx;
	(void)ch;
	a->ready = true;
}

static void on_dead(void *ctx, struct ipc *ch, const char *reason)
{
	struct ask *a = ctx;
	(void)reason;
	a->channel = NULL;
	ipc_free(ch);
}

static void run_fiber(void *arg)
{
	struct ask *a = arg;
	a->result = cmd_admin_run(a->channel, a->m, a->c->arena, &a->reply,
				  IPC_NEVER);
	loop_stop(a->loop);
}

/* ---- when there is no answer ---------------------------------------------- */

static enum end not_connected(struct command *c, const char *path, enum os r)
{
	if (r == OS_NOENT || r == OS_REFUSED) {
		complain(c, "letterlock does not run (nobody answers at %s): "
			    "`letterlock start` starts it",
			 path);
		return END_NOT_RUNNING;
	}
	if (r == OS_DENIED) {
		complain(c, "%s: not permitted: administer letterlock as root or "
			    "as the user that it runs as",
			 path);
		return END_REFUSED;
	}
	complain(c, "%s: %s", path, os_text(r));
	return END_FAILED;
}

static enum end no_reply(const struct ask *a)
{
	switch (a->result) {
	case IPC_TOO_BIG:
		complain(a->c, "an argument is too long, or is not UTF-8");
		return END_USAGE;
	case IPC_BUSY:
		complain(a->c, "letterlock is busy with other commands or is "
			       "about to stop: try again");
		return END_NOT_RUNNING;
	case IPC_DEAD:
		if (!a->ready) {
			complain(a->c, "the connection was refused: administer "
				       "letterlock as root or as the user that "
				       "it runs as");
			return END_REFUSED;
		}
		complain(a->c, "the connection ended before the answer; what was "
			       "asked may have been done");
		return END_NOT_RUNNING;
	default:
		complain(a->c, "no answer: %s", ipc_result_name(a->result));
		return END_FAILED;
	}
}

/* ---- asking --------------------------------------------------------------- */

static bool join(struct ask *a, const char *path, enum end *end)
{
	int fd;
	enum os r = sock_packet_connect(a->c->world, path, &fd);
	if (r != OS_OK) {
		*end = not_connected(a->c, path, r);
		return false;
	}
	a->loop = loop_new(a->c->world);
	struct ipc_link *link = a->loop ? ipc_link_os(a->loop, fd) : NULL;
	struct ipc_owner owner = {.role = a, .ready = on_ready, .dead = on_dead};
	if (link != NULL)
		a->channel = cmd_admin_join_cmd(link, &owner, &handlers);
	if (a->channel != NULL)
		return true;
	complain(a->c, "memory is short");
	*end = END_FAILED;
	return false;
}

static void leave(struct ask *a)
{
	if (a->channel != NULL)
		ipc_free(cmd_admin_ipc(a->channel));
	a->channel = NULL;
	(void)loop_turn(a->loop); /* the channel goes at the end of a turn */
	loop_free(a->loop);
}

static enum end end_of(enum cmd_admin_status s)
{
	static const enum end ends[] = {
		[CMD_ADMIN_STATUS_DONE] = END_DONE,
		[CMD_ADMIN_STATUS_FOUND] = END_FAILED,
		[CMD_ADMIN_STATUS_USAGE] = END_USAGE,
		[CMD_ADMIN_STATUS_UNAVAILABLE] = END_NOT_RUNNING,
		[CMD_ADMIN_STATUS_REFUSED] = END_REFUSED,
	};
	return (size_t)s < ARRAY_LEN(ends) ? ends[s] : END_FAILED;
}

static bool gather(struct ask *a, struct answer *out)
{
	struct span *rows =
		ARENA_ARRAY(a->c->arena, a->rows + 1, struct span);
	if (rows == NULL || a->full) {
		complain(a->c, "the answer is too large for this command");
		out->end = END_FAILED;
		return false;
	}
	for (struct row *r = a->first; r != NULL; r = r->next)
		rows[out->row_count++] = r->json;
	out->rows = rows;
	out->end = end_of(a->reply.status);
	out->why = a->reply.why;
	return true;
}

static const char *socket_path(struct command *c, const struct args *args,
			       enum end *end)
{
	const char *config = command_config(c, args), *path = NULL;
	struct conf_snapshot *s = config ? config_in_force(c, config) : NULL;
	*end = END_FAILED;
	if (s == NULL)
		return NULL;
	path = config_socket(c, conf_values(s), CONF_ROLE_ADMIN);
	conf_snapshot_free(s);
	if (path == NULL)
		complain(c, "%s has no control socket: remove the listener of "
			    "role admin, or switch it on",
			 config);
	return path;
}

struct ask *ask_open(struct command *c, const struct args *args, enum end *end)
{
	const char *path = socket_path(c, args, end);
	struct ask *a = path ? calloc(1, sizeof *a) : NULL;
	if (a == NULL)
		return NULL;
	*a = (struct ask){.c = c, .progress = self_is_terminal(2)};
	if (join(a, path, end))
		return a;
	loop_free(a->loop);
	free(a);
	return NULL;
}

void ask_close(struct ask *a)
{
	if (a == NULL)
		return;
	leave(a);
	free(a);
}

bool ask_next(struct ask *a, const char *verb, const struct asking *what,
	      size_t count, struct answer *out)
{
	struct cmd_admin_argument list[ASK_ARGUMENTS_MAX];
	struct cmd_admin_run m = {.verb = span_cstr(verb),
				  .arguments = list,
				  .arguments_count = count};
	*out = (struct answer){.end = END_FAILED};
	for (size_t i = 0; i < count && i < ASK_ARGUMENTS_MAX; i++)
		list[i] = (struct cmd_admin_argument){
			.name = span_cstr(what[i].name), .value = what[i].value};
	a->m = &m;
	a->first = NULL;
	a->last = &a->first;
	a->rows = 0;
	a->reply = (struct cmd_admin_run_reply){0};
	a->result = IPC_DEAD;
	bool started = a->channel == NULL ||
		       fiber_start(a->loop, run_fiber, a) != NULL;
	if (started && a->channel != NULL)
		loop_run(a->loop);
	clear_progress(a);
	if (!started) {
		complain(a->c, "memory is short");
		return false;
	}
	if (a->result != IPC_OK) {
		out->end = no_reply(a);
		return false;
	}
	return gather(a, out);
}

bool ask(struct command *c, const struct args *args, const char *verb,
	 const struct asking *what, size_t count, struct answer *out)
{
	*out = (struct answer){.end = END_FAILED};
	struct ask *a = ask_open(c, args, &out->end);
	bool ok = a != NULL && ask_next(a, verb, what, count, out);
	ask_close(a);
	return ok;
}

/* ---- showing -------------------------------------------------------------- */

static void show_json(const struct answer *x, enum shape shape, struct buf *out)
{
	bool list = shape == SHAPE_LIST || shape == SHAPE_EACH;
	if (list)
		buf_addc(out, '[');
	for (size_t i = 0; i < x->row_count; i++) {
		if (i > 0)
			buf_add(out, SPAN(",\n"));
		buf_add(out, x->rows[i]);
	}
	if (list)
		buf_addc(out, ']');
	if (shape == SHAPE_DONE || (shape == SHAPE_ONE && x->row_count == 0)) {
		buf_printf(out, "{\"end\":%d,\"why\":", (int)x->end);
		json_quote(out, x->why);
		buf_addc(out, '}');
	}
	buf_addc(out, '\n');
}

static bool show_rows(struct command *c, const struct answer *x,
		      const struct showing *s, struct buf *out)
{
	const struct json **rows =
		ARENA_ARRAY(c->arena, x->row_count + 1, const struct json *);
	if (rows == NULL)
		return false;
	for (size_t i = 0; i < x->row_count; i++) {
		rows[i] = json_read(c->arena, x->rows[i]);
		if (rows[i] == NULL)
			return false;
	}
	if (s->shape == SHAPE_LIST && x->row_count > 0)
		return table_render(out, c->arena, s->columns, s->column_count,
				    rows, x->row_count, self_is_terminal(1));
	for (size_t i = 0; i < x->row_count; i++) {
		if (i > 0)
			buf_addc(out, '\n');
		table_render_one(out, s->columns, s->column_count, rows[i]);
	}
	return true;
}

/* Line by line, for a reload's complaints are several. */
static void complain_why(struct command *c, struct span why)
{
	struct span line;
	struct buf plain;
	buf_init(&plain, SHOW_MAX);
	while (why.len > 0) {
		if (buf_len(&plain) > 0)
			buf_addc(&plain, '\n');
		(void)span_cut(&why, '\n', &line);
		table_plain(&plain, line);
	}
	complain(c, "%.*s", (int)buf_len(&plain), plain.data + plain.from);
	buf_free(&plain);
}

enum end answer_show(struct command *c, const struct args *args,
		     const struct answer *x, const struct showing *s)
{
	struct buf out;
	bool ok = true;
	buf_init(&out, SHOW_MAX);
	if (args->json)
		show_json(x, s->shape, &out);
	else
		ok = show_rows(c, x, s, &out);
	if (buf_len(&out) > 0)
		fwrite(out.data + out.from, 1, buf_len(&out), stdout);
	buf_free(&out);
	if (!ok) {
		complain(c, "the answer could not be read: is the running "
			    "letterlock another version? Or memory is short");
		return END_FAILED;
	}
	if (x->end != END_DONE && x->why.len > 0)
		complain_why(c, x->why);
	else if (x->end == END_DONE && !args->json && x->row_count == 0 &&
		 s->done != NULL)
		puts(s->done);
	return x->end;
}
