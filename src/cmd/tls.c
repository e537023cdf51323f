/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/tls: reports on TLS, those that other servers sent and those that were sent
 * to them.
 *
 * The former are strangers' files, or mail in one of our mailboxes (keep_mail.c): a
 * process for each of them, letterlock-reader, which has the file and nothing else,
 * reads it and leaves rows.
 */
#include <stdio.h>
#include <time.h>

#include "cmd/keep.h"
#include "cmd/launch.h"
#include "os/file.h"
#include "os/spawn.h"
#include "role/common/hops.h"

#define WAIT_NSEC 1000000
/* The user of what reads configuration text, behind those of the roles. */
#define READER_UID (ROLE_UID_FIRST + KIND_COUNT)

static bool await(struct command *c, const char *path, int32_t pid)
{
	const struct timespec while_ = {.tv_nsec = WAIT_NSEC};
	struct spawn_exit e = {0};
	char text[128];
	enum os r;
	while ((r = spawn_reap(&e)) == OS_AGAIN)
		(void)nanosleep(&while_, NULL);
	if (r == OS_OK && e.pid == pid && !e.signalled && e.code <= 1)
		return e.code == 0; /* it has said why */
	struct span how = spawn_exit_text(&e, text, sizeof text);
	complain(c, "%s: letterlock-reader %.*s", path, SPAN_FMT(how));
	return false;
}

static bool start(struct command *c, const char *path, bool maybe, int rows,
		  int file, int32_t *pid)
{
	const char *const argv[] = {"letterlock: reader", path,
				    maybe ? "maybe" : NULL, NULL};
	const int fds[] = {rows, file};
	const char *program = launch_path(c, "letterlock-reader");
	struct spawn s = {.argv = argv,
			  .fds = fds,
			  .fd_count = ARRAY_LEN(fds),
			  .set_ids = os_uid() == 0,
			  .uid = READER_UID,
			  .gid = READER_UID};
	if (program == NULL)
		return false;
	enum os r = spawn_program_open(program, &s.program);
	if (r == OS_OK) {
		r = spawn(&s, pid);
		world_close(c->world, s.program);
	}
	if (r != OS_OK)
		complain(c, "%s: %s", program, os_text(r));
	return r == OS_OK;
}

static int open_file(struct command *c, const char *path)
{
	const char *name;
	int dir = -1, fd = -1;
	enum os r = command_folder(c, path, &dir, &name);
	if (r == OS_OK)
		r = file_open(c->world, dir, name, (struct open_how){0}, &fd);
	world_close(c->world, dir);
	if (r != OS_OK)
		complain(c, "%s: %s", path, os_text(r));
	return r == OS_OK ? fd : -1;
}

/* maybe: it need not be a report. */
static bool read_open(struct command *c, const char *path, bool maybe, int file,
		      struct answer *out)
{
	int32_t pid;
	int rows = -1;
	bool ok = false;
	*out = (struct answer){.end = END_FAILED};
	if (blob_new(c->world, &rows) != OS_OK)
		complain(c, "memory is short");
	else if (start(c, path, maybe, rows, file, &pid))
		ok = await(c, path, pid) && keep_rows(c, rows, out);
	world_close(c->world, rows);
	return ok;
}

static bool read_one(struct command *c, const char *path, struct answer *out)
{
	int file = open_file(c, path);
	bool ok = file >= 0 && read_open(c, path, false, file, out);
	world_close(c->world, file);
	return ok;
}

/* `more` behind what is there; false: memory is short. */
static bool join(struct command *c, struct answer *all, const struct answer *more)
{
	size_t count = all->row_count + more->row_count;
	struct span *rows = ARENA_ARRAY(c->arena, count + 1, struct span);
	if (rows == NULL)
		return false;
	if (all->row_count > 0)
		memcpy(rows, all->rows, all->row_count * sizeof *rows);
	if (more->row_count > 0)
		memcpy(rows + all->row_count, more->rows,
		       more->row_count * sizeof *rows);
	all->rows = rows;
	all->row_count = count;
	return true;
}

/* ---- reports in files, and in a mailbox ---- */

static enum end show(struct command *c, const struct args *a,
		     const struct answer *all)
{
	static const struct column columns[] = {
		{"domain", "DOMAIN", COLUMN_TEXT},
		{"policy", "POLICY", COLUMN_TEXT},
		{"successes", "GOOD", COLUMN_COUNT},
		{"failures", "FAILED", COLUMN_COUNT},
		{"failure", "FAILURE", COLUMN_TEXT},
		{"times", "TIMES", COLUMN_COUNT},
		{"mx", "RECEIVING MX", COLUMN_TEXT},
		{"reason", "REASON", COLUMN_TEXT},
		{"organization", "FROM", COLUMN_TEXT},
		{"start", "SINCE", COLUMN_TIME},
	};
	static const struct showing show = {.shape = SHAPE_LIST,
					    .columns = columns,
					    .column_count = ARRAY_LEN(columns),
					    .done = "no report on TLS in it"};
	return answer_show(c, a, all, &show);
}

static enum end report(struct command *c, const struct args *a)
{
	struct answer all = {.end = END_DONE}, one;
	bool whole = true;
	for (size_t i = 1; i < a->word_count; i++) {
		if (!read_one(c, a->words[i], &one))
			whole = false;
		else if (!join(c, &all, &one)) {
			complain(c, "memory is short");
			return END_FAILED;
		}
	}
	if (!whole && all.row_count == 0)
		return END_FAILED;
	enum end end = show(c, a, &all);
	return whole ? end : END_FAILED;
}

struct gathering {
	struct keep_mail mail;
	struct command *c; /* whose memory holds the rows */
	struct answer all;
	bool whole;
	uint64_t mailboxes;
};

static bool each_mailbox(void *arg, struct span name, bool first)
{
	struct gathering *g = arg;
	(void)name;
	g->mailboxes += first;
	return true;
}

static bool each_message(void *arg, const struct kept_message *m)
{
	struct gathering *g = arg;
	struct answer one;
	char name[64];
	int file = -1;
	snprintf(name, sizeof name, "message %u", m->uid);
	if (blob_new(g->c->world, &file) != OS_OK ||
	    keep_mail_copy(g->c->world, m, file) != OS_OK) {
		complain(g->c, "%s: memory is short", name);
		world_close(g->c->world, file);
		return false;
	}
	bool ok = read_open(g->c, name, true, file, &one);
	world_close(g->c->world, file);
	g->whole = g->whole && ok;
	if (!ok || join(g->c, &g->all, &one))
		return true;
	complain(g->c, "memory is short");
	return false;
}

static enum end report_mailbox(struct command *c, const struct args *a,
			       const char *account)
{
	const char *mailbox = args_value(a, "--mailbox");
	struct keep k;
	enum end end;
	if (!keep_open(&k, c, a, &end))
		return end;
	struct gathering g = {
		.c = c,
		.whole = true,
		.all = {.end = END_DONE},
		.mail = {.k = &k,
			 .c = *c,
			 .account = account,
			 .mailbox = mailbox != NULL ? mailbox : "INBOX",
			 .each_mailbox = each_mailbox,
			 .each_message = each_message}};
	g.mail.arg = &g;
	g.mail.c.arena = arena_new(KEEP_MAIL_MEMORY);
	if (g.mail.c.arena == NULL) {
		complain(c, "memory is short");
		g.whole = false;
	} else if (!keep_mail_here(&g.mail)) {
		g.whole = false;
	} else if (g.mailboxes == 0) {
		complain(c, "%s has no mailbox %s", account, g.mail.mailbox);
		g.whole = false;
	}
	end = g.whole || g.all.row_count > 0 ? show(c, a, &g.all) : END_FAILED;
	arena_free(g.mail.c.arena);
	keep_close(&k);
	return g.whole ? end : END_FAILED;
}

static enum end sent(struct command *c, const struct args *a)
{
	static const struct column columns[] = {
		{"day", "DAY", COLUMN_TIME},	   {"domain", "DOMAIN", COLUMN_TEXT},
		{"to", "TO", COLUMN_TEXT},	   {"outcome", "OUTCOME", COLUMN_TEXT},
		{"when", "LAST TRIED", COLUMN_TIME}, {"why", "WHY", COLUMN_TEXT},
	};
	static const struct showing show = {.shape = SHAPE_LIST,
					    .columns = columns,
					    .column_count = ARRAY_LEN(columns),
					    .done = "no report was sent within a month"};
	struct answer x;
	if (!ask(c, a, "tls.sent", NULL, 0, &x))
		return x.end;
	return answer_show(c, a, &x, &show);
}

enum end verb_tls(struct command *c)
{
	static const struct arg_option options[] = {
		{"--sent", NULL}, {"--account", "ADDRESS"}, {"--mailbox", "NAME"}};
	struct args a;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	bool of_ours = args_has(&a, "--sent");
	const char *account = args_value(&a, "--account");
	if (a.word_count == 0 || !span_eq(span_cstr(a.words[0]), SPAN("report")))
		return usage_error(c, "say what to do: report");
	if ((of_ours || account != NULL) && a.word_count > 1)
		return usage_error(c, "--sent and --account take no files");
	if ((of_ours && account != NULL) ||
	    (account == NULL && args_has(&a, "--mailbox")))
		return usage_error(c, "--mailbox belongs to --account, and nothing else");
	if (account != NULL)
		return report_mailbox(c, &a, account);
	if (of_ours)
		return sent(c, &a);
	if (a.word_count == 1)
		return usage_error(c, "name the files to read, or --account, or --sent");
	return report(c, &a);
}
