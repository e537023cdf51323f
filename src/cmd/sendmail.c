/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/sendmail: a message from standard input, over the local socket, into the
 * store.  Exit code 0 says that it is durable; whoever gets anything else still
 * has it.
 *
 * The text is put right here, with the rights of whoever calls: the server reads
 * it again where it reads all mail.
 */
#include "cmd/sendmail.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "cmd/config.h"
#include "ipc/over_os.h"
#include "mime/letter.h"
#include "os/fiber.h"
#include "os/sock.h"
#include "wire/cmd_local.h"

#define TEXT_MAX (100u << 20)
#define PIECE	 49152u

struct sending {
	struct command *c;
	const struct sendmail_options *o;
	struct span text; /* as it came */
	struct loop *loop;
	struct cmd_local *channel;
	enum end end;
};

static enum end give_up(struct sending *s, enum end end, const char *what,
			struct span why)
{
	complain(s->c, "%s%s%.*s", what, why.len > 0 ? ": " : "", SPAN_FMT(why));
	return end;
}

/* There was no answer: nothing was taken, as far as anybody knows. */
static enum end no_answer(struct sending *s, enum ipc_result r)
{
	if (r == IPC_TOO_BIG)
		return give_up(s, END_SENDMAIL_DATA, "an address is too long, or not UTF-8",
			       span_of(NULL, 0));
	return give_up(s, END_SENDMAIL_LATER, "letterlock did not answer",
		       span_cstr(ipc_result_name(r)));
}

static enum end end_of(enum cmd_local_answer a, enum end refused)
{
	switch (a) {
	case CMD_LOCAL_ANSWER_YES:
		return END_DONE;
	case CMD_LOCAL_ANSWER_UNKNOWN:
		return END_SENDMAIL_NO_USER;
	case CMD_LOCAL_ANSWER_LATER:
		return END_SENDMAIL_LATER;
	case CMD_LOCAL_ANSWER_NO:
		break;
	}
	return refused;
}

static bool whole(struct sending *s, struct span address, struct span domain,
		  struct span *out)
{
	struct buf b;
	buf_init(&b, 4096);
	mime_letter_address(address, domain, &b);
	bool ok = buf_ok(&b) && arena_copy(s->c->arena, buf_span(&b), out);
	buf_free(&b);
	return ok;
}

/* ---- the letter ------------------------------------------------------------ */

static enum end make_letter(struct sending *s, const struct cmd_local_who_reply *who,
			    struct span sender, struct buf *out,
			    struct mime_letter *letter)
{
	struct span own = arena_printf(s->c->arena, "%.*s@%.*s", SPAN_FMT(who->name),
				       SPAN_FMT(who->domain));
	struct mime_letter_how how = {.dot = !s->o->dots,
				      .gather = s->o->gather,
				      .domain = who->domain,
				      .from = sender.len > 0 ? sender : own,
				      .name = s->o->name};
	switch (mime_letter(s->text, &how, s->c->arena, out, letter)) {
	case MIME_LETTER_OK:
		return END_DONE;
	case MIME_LETTER_BARE:
		return give_up(s, END_SENDMAIL_DATA,
			       "the message holds a bare CR or a NUL", span_of(NULL, 0));
	case MIME_LETTER_TOO_MUCH:
		return give_up(s, END_SENDMAIL_DATA, "the message or its header is too long",
			       span_of(NULL, 0));
	case MIME_LETTER_MEMORY:
		break;
	}
	return give_up(s, END_SENDMAIL_LATER, "memory is short", span_of(NULL, 0));
}

/* ---- the conversation --------------------------------------------------------- */

static enum end say_begin(struct sending *s, struct span sender,
			  const struct mime_letter *letter, bool utf8)
{
	struct cmd_local_begin_reply rep;
	struct cmd_local_begin m = {.sender = sender,
				    .envid = s->o->envid,
				    .ret = s->o->ret,
				    .eight_bit = letter->eight_bit,
				    .utf8 = utf8};
	enum ipc_result r = cmd_local_begin(s->channel, &m, s->c->arena, &rep, IPC_NEVER);
	if (r != IPC_OK)
		return no_answer(s, r);
	enum end end = end_of(rep.answer, END_SENDMAIL_REFUSED);
	if (end != END_DONE)
		give_up(s, end, "the sender was not taken", rep.why);
	return end;
}

static enum end say_recipient(struct sending *s, struct span to)
{
	struct cmd_local_recipient_reply rep;
	struct cmd_local_recipient m = {.address = to, .notify = s->o->notify};
	enum ipc_result r =
		cmd_local_recipient(s->channel, &m, s->c->arena, &rep, IPC_NEVER);
	if (r != IPC_OK)
		return no_answer(s, r);
	enum end end = end_of(rep.answer, END_SENDMAIL_NO_SERVICE);
	if (end != END_DONE)
		complain(s->c, "%.*s: %.*s", SPAN_FMT(to), SPAN_FMT(rep.why));
	return end;
}

static enum end say_text(struct sending *s, struct span text)
{
	while (text.len > 0) {
		struct cmd_local_piece_reply rep;
		struct cmd_local_piece m = {.bytes = span_sub(text, 0, PIECE)};
		enum ipc_result r =
			cmd_local_piece(s->channel, &m, s->c->arena, &rep, IPC_NEVER);
		if (r != IPC_OK)
			return no_answer(s, r);
		if (rep.answer != CMD_LOCAL_ANSWER_YES)
			return give_up(s, end_of(rep.answer, END_SENDMAIL_NO_SERVICE),
				       "the message was not taken", rep.why);
		text = span_skip(text, m.bytes.len);
	}
	return END_DONE;
}

static enum end say_end(struct sending *s)
{
	struct cmd_local_end_reply rep;
	struct cmd_local_end m = {0};
	enum ipc_result r = cmd_local_end(s->channel, &m, s->c->arena, &rep, IPC_NEVER);
	if (r != IPC_OK)
		return no_answer(s, r);
	if (rep.answer != CMD_LOCAL_ANSWER_YES)
		return give_up(s, end_of(rep.answer, END_SENDMAIL_NO_SERVICE),
			       "the message was not kept", rep.why);
	if (s->o->verbose)
		printf("kept as %.*s\n", SPAN_FMT(rep.id));
	return END_DONE;
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > 127)
			return false;
	return true;
}

/* All of them, or none: one that is refused keeps the message from the others. */
static enum end say_recipients(struct sending *s, const struct mime_letter *letter,
			       struct span domain)
{
	enum end end = END_DONE;
	for (size_t i = 0; i < s->o->count + letter->count; i++) {
		struct span to;
		bool named = i < s->o->count;
		if (!whole(s, named ? s->o->recipients[i] : letter->recipients[i - s->o->count],
			   domain, &to))
			return give_up(s, END_SENDMAIL_LATER, "memory is short",
				       span_of(NULL, 0));
		enum end one = say_recipient(s, to);
		end = end == END_DONE ? one : end;
	}
	return end;
}

static enum end converse(struct sending *s)
{
	struct cmd_local_who_reply who;
	struct cmd_local_who ask = {0};
	struct mime_letter letter;
	struct span sender;
	struct buf text;
	enum ipc_result r = cmd_local_who(s->channel, &ask, s->c->arena, &who, IPC_NEVER);
	if (r != IPC_OK)
		return no_answer(s, r);
	if (who.answer != CMD_LOCAL_ANSWER_YES)
		return give_up(s, end_of(who.answer, END_SENDMAIL_REFUSED), "not taken", who.why);
	struct span given = s->o->sender.ptr != NULL ? s->o->sender : who.name;
	if (!whole(s, given, who.domain, &sender))
		return give_up(s, END_SENDMAIL_LATER, "memory is short", span_of(NULL, 0));
	buf_init(&text, TEXT_MAX);
	enum end end = make_letter(s, &who, sender, &text, &letter);
	bool utf8 = letter.utf8 || !is_ascii(sender);
	for (size_t i = 0; i < s->o->count; i++)
		utf8 |= !is_ascii(s->o->recipients[i]);
	if (end == END_DONE && s->o->count + letter.count == 0)
		end = give_up(s, END_SENDMAIL_USAGE, "there is no recipient", span_of(NULL, 0));
	if (end == END_DONE)
		end = say_begin(s, sender, &letter, utf8);
	if (end == END_DONE)
		end = say_recipients(s, &letter, who.domain);
	if (end == END_DONE)
		end = say_text(s, buf_span(&text));
	if (end == END_DONE)
		end = say_end(s);
	buf_free(&text);
	return end;
}

static void converse_fiber(void *arg)
{
	struct sending *s = arg;
	s->end = converse(s);
	loop_stop(s->loop);
}

/* ---- the connection ------------------------------------------------------------ */

static void on_dead(void *ctx, struct ipc *ch, const char *reason)
{
	struct sending *s = ctx;
	(void)reason;
	s->channel = NULL;
	ipc_free(ch);
}

static enum end not_connected(struct sending *s, const char *path, enum os r)
{
	if (r == OS_NOENT || r == OS_REFUSED)
		complain(s->c, "letterlock does not run (nobody answers at %s): try again "
			       "later", path);
	else
		complain(s->c, "%s: %s", path, os_text(r));
	return r == OS_DENIED ? END_SENDMAIL_REFUSED : END_SENDMAIL_LATER;
}

static enum end connect_and_send(struct sending *s, const char *path)
{
	int fd;
	enum os r = sock_packet_connect(s->c->world, path, &fd);
	if (r != OS_OK)
		return not_connected(s, path, r);
	s->loop = loop_new(s->c->world);
	struct ipc_link *link = s->loop ? ipc_link_os(s->loop, fd) : NULL;
	struct ipc_owner owner = {.role = s, .dead = on_dead};
	if (link != NULL)
		s->channel = cmd_local_join_cmd(link, &owner);
	s->end = END_SENDMAIL_LATER;
	if (s->channel == NULL || fiber_start(s->loop, converse_fiber, s) == NULL)
		complain(s->c, "memory is short");
	else
		loop_run(s->loop);
	if (s->channel != NULL)
		ipc_free(cmd_local_ipc(s->channel));
	s->channel = NULL;
	if (s->loop != NULL)
		(void)loop_turn(s->loop); /* the channel goes at the end of a turn */
	loop_free(s->loop);
	return s->end;
}

static const char *socket_path(struct command *c, const struct sendmail_options *o)
{
	struct args args = {.config = o->config};
	const char *config = command_config(c, &args), *path = NULL;
	struct conf_snapshot *s = config ? config_in_force(c, config) : NULL;
	if (s == NULL)
		return NULL;
	path = config_socket(c, conf_values(s), CONF_ROLE_LOCAL);
	conf_snapshot_free(s);
	if (path == NULL)
		complain(c, "%s: the listener of role local is switched off", config);
	return path;
}

static enum end submit(struct command *c, const struct sendmail_options *o)
{
	struct sending s = {.c = c, .o = o};
	struct buf text;
	const char *path = socket_path(c, o);
	if (path == NULL)
		return END_SENDMAIL_CONFIG;
	buf_init(&text, TEXT_MAX);
	enum os r = self_read_input(&text);
	enum end end = END_SENDMAIL_DATA;
	s.text = buf_span(&text);
	if (r == OS_OK && buf_ok(&text))
		end = connect_and_send(&s, path);
	else
		complain(c, "standard input: %s",
			 r == OS_OK ? "the message is too big" : os_text(r));
	buf_free(&text);
	return end;
}

static enum end show_queue(struct command *c, const struct sendmail_options *o)
{
	char list[] = "list", config[] = "--config";
	char *given = o->config ? arena_cstr(c->arena, span_cstr(o->config)) : NULL;
	char *argv[] = {list, config, given, NULL};
	struct command queue = {.world = c->world, .arena = c->arena,
				.verb = verb_find(SPAN("queue")),
				.argc = given != NULL ? 3 : 1, .argv = argv};
	return queue.verb->run(&queue);
}

enum end verb_sendmail(struct command *c)
{
	struct sendmail_options *o = ARENA_NEW(c->arena, struct sendmail_options);
	const char *why = NULL;
	if (o == NULL) {
		complain(c, "memory is short");
		return END_SENDMAIL_LATER;
	}
	if (!sendmail_options(c->program, c->argc, c->argv, o, &why)) {
		(void)usage_error(c, why);
		return END_SENDMAIL_USAGE;
	}
	switch (o->mode) {
	case SENDMAIL_SUBMIT:
		return submit(c, o);
	case SENDMAIL_QUEUE:
		return show_queue(c, o);
	case SENDMAIL_ALIASES:
	case SENDMAIL_NOTHING:
		return END_DONE;
	case SENDMAIL_HELP:
		break;
	}
	printf("letterlock sendmail: %s\n\nusage: letterlock sendmail %s\n", c->verb->summary,
	       c->verb->usage);
	return END_DONE;
}
