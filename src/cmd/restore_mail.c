/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/restore_mail: one account's mail, or one message, out of a backup and
 * into the running server.
 *
 * letterlock-keeper reads the backup (keep_mail.c); each message then goes over
 * the control socket and is durable when it is answered.  All of it goes
 * into one new folder of the account: nothing that is there is touched.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/keep.h"
#include "os/file.h"

#define FOLDER_MAX  600u
#define PIECES	    3u
#define PIECE	    16384u
#define WHOLE	    (PIECES * PIECE) /* what one request holds of a message */
#define PROGRESS_NS (200 * NS_PER_MS)

struct bringing {
	struct keep_mail mail;
	struct ask *line;
	const struct args *args;
	char folder[FOLDER_MAX], session[24];
	char mailbox[KEEP_MAILBOX_MAX];
	char *piece; /* WHOLE bytes */
	bool begun, left_said;
	uint64_t mailboxes, messages, bytes, refused, told;
	enum end end;
};

/* ---- asking ------------------------------------------------------------- */

/* How to go on after the folder was begun. */
static void say_left(struct bringing *b)
{
	if (b->begun && !b->left_said)
		complain(&b->mail.c,
			 "%llu messages are in the folder %s of %s and stay "
			 "there; run it again with another folder (`--into "
			 "NAME`), or when %s was removed or renamed",
			 (unsigned long long)b->messages, b->folder, b->mail.account,
			 b->folder);
	b->left_said = true;
}

static bool told(struct bringing *b, const struct answer *a)
{
	if (a->end == END_DONE)
		return true;
	b->end = a->end;
	if (a->why.len > 0)
		complain(&b->mail.c, "%.*s", SPAN_FMT(a->why));
	say_left(b);
	return false;
}

static bool step(struct bringing *b, const char *verb,
		 const struct asking *what, size_t count, struct answer *a)
{
	if (ask_next(b->line, verb, what, count, a))
		return true;
	b->end = a->end;
	say_left(b);
	return false;
}

static bool begin(struct bringing *b)
{
	const struct asking what[] = {
		{"name", span_cstr(b->mail.account)},
		{"folder", span_cstr(b->folder)},
		{"into", SPAN("yes")},
	};
	bool into = b->mail.message != NULL && args_has(b->args, "--into");
	struct answer a;
	if (b->begun)
		return true;
	if (!step(b, "restore.begin", what, into ? 3 : 2, &a))
		return false;
	if (a.end == END_FAILED && span_starts(a.why, SPAN("the folder"))) {
		b->end = END_FAILED;
		complain(
			&b->mail.c,
			"%s has a folder %s already: an earlier restore made "
			"it; use another one (`--into NAME`), or restore again "
			"when it was removed or renamed",
			b->mail.account, b->folder);
		return false;
	}
	if (a.end == END_FAILED && span_starts(a.why, SPAN("the account"))) {
		b->end = END_FAILED;
		complain(&b->mail.c,
			 "%s does not exist here: `letterlock account restore` "
			 "brings it back for two weeks, `letterlock account "
			 "add` makes it anew",
			 b->mail.account);
		return false;
	}
	if (!told(b, &a))
		return false;
	const struct json *row =
		a.row_count > 0 ? json_read(b->mail.c.arena, a.rows[0]) : NULL;
	snprintf(b->session, sizeof b->session, "%llu",
		 (unsigned long long)json_u64(row, "session"));
	b->begun = true;
	return true;
}

static bool finish(struct bringing *b)
{
	const struct asking what[] = {{"session", span_cstr(b->session)}};
	struct answer a;
	return !b->begun ||
	       (step(b, "restore.end", what, 1, &a) && told(b, &a));
}

/* ---- a message ---------------------------------------------------------- */

/* Bytes of it as arguments; false: said. */
static bool pieces(struct bringing *b, int blob, uint64_t at, size_t len,
		   struct asking *out, size_t *count)
{
	size_t got = 0;
	if (file_read_at(b->mail.c.world, blob, b->piece, len, at, &got) !=
		    OS_OK ||
	    got != len) {
		complain(&b->mail.c, "a message could not be read back");
		say_left(b);
		return false;
	}
	for (size_t done = 0; done < len; done += PIECE)
		out[(*count)++] = (struct asking){
			"piece", span_sub(span_of(b->piece, len), done, PIECE)};
	return true;
}

/* What does not fit one request goes before it. */
static bool stage(struct bringing *b, int blob, uint64_t *at, uint64_t *size,
		  struct answer *a)
{
	a->end = END_DONE;
	while (*size > WHOLE && a->end == END_DONE) {
		struct asking what[1 + PIECES] = {
			{"session", span_cstr(b->session)}};
		size_t count = 1;
		if (!pieces(b, blob, *at, WHOLE, what, &count) ||
		    !step(b, "restore.piece", what, count, a))
			return false;
		*at += WHOLE;
		*size -= WHOLE;
	}
	return true;
}

/* It was answered; a single message that is not taken is told and left out. */
static bool judge(struct bringing *b, const struct answer *a, uint64_t size)
{
	if (a->end == END_USAGE) {
		b->refused++;
		complain(&b->mail.c,
			 "a message of %llu bytes in %s was left out: %.*s",
			 (unsigned long long)size, b->mailbox,
			 SPAN_FMT(a->why));
		return true;
	}
	if (!told(b, a))
		return false;
	b->messages++;
	b->bytes += size;
	return true;
}

static void show_progress(struct bringing *b)
{
	uint64_t now = world_now(b->mail.c.world);
	if (!self_is_terminal(2) || now - b->told < PROGRESS_NS)
		return;
	b->told = now;
	fprintf(stderr, "\r\x1b[K%llu messages, %.1f MiB restored",
		(unsigned long long)b->messages, (double)b->bytes / 1048576);
	fflush(stderr);
}

static bool bring_message(void *arg, const struct kept_message *m)
{
	struct bringing *b = arg;
	uint64_t at = m->at, size = m->size;
	struct span flags = arena_printf(b->mail.c.arena, "%u", m->flags);
	struct span date = arena_printf(b->mail.c.arena, "%lld", (long long)m->date);
	struct answer a;
	if (!begin(b) || !stage(b, m->blob, &at, &size, &a))
		return false;
	if (a.end != END_DONE)
		return judge(b, &a, m->size);
	struct asking what[5 + PIECES] = {
		{"session", span_cstr(b->session)},
		{"mailbox", span_cstr(b->mail.message ? "" : b->mailbox)},
		{"flags", flags},
		{"date", date},
		{"keywords", m->keywords}};
	size_t count = 5;
	if (!pieces(b, m->blob, at, (size_t)size, what, &count) ||
	    !step(b, "restore.message", what, count, &a))
		return false;
	show_progress(b);
	return judge(b, &a, m->size);
}

static bool bring_mailbox(void *arg, struct span name, bool first)
{
	struct bringing *b = arg;
	struct answer a;
	snprintf(b->mailbox, sizeof b->mailbox, "%.*s", SPAN_FMT(name));
	if (b->mail.message != NULL || !first)
		return true;
	b->mailboxes++;
	if (!begin(b))
		return false;
	const struct asking what[] = {{"session", span_cstr(b->session)},
				      {"mailbox", name}};
	return step(b, "restore.mailbox", what, 2, &a) && told(b, &a);
}

static bool bring_all(struct bringing *b)
{
	bool ok = keep_mail(&b->mail);
	if (!ok)
		say_left(b);
	if (b->told > 0)
		fputs("\r\x1b[K", stderr);
	return ok && (b->mail.message != NULL || begin(b)) && finish(b);
}

/* ---- the verb ----------------------------------------------------------- */

/* 20261122T063900Z as 2026-11-22 06:39:00; any other name as it is. */
static void name_folder(struct bringing *b, const char *name)
{
	const char *into = args_value(b->args, "--into");
	const char *n = name;
	if (into != NULL)
		snprintf(b->folder, sizeof b->folder, "%s", into);
	else if (!keep_is_name(span_cstr(name)))
		snprintf(b->folder, sizeof b->folder, "Restored/%s", name);
	else
		snprintf(b->folder, sizeof b->folder,
			 "Restored/%.4s-%.2s-%.2s %.2s:%.2s:%.2s", n, n + 4,
			 n + 6, n + 9, n + 11, n + 13);
}

static enum end show(struct bringing *b)
{
	static const struct column columns[] = {
		{"account", "account", COLUMN_TEXT},
		{"folder", "folder", COLUMN_TEXT},
		{"mailboxes", "mailboxes", COLUMN_COUNT},
		{"messages", "messages", COLUMN_COUNT},
		{"bytes", "size", COLUMN_SIZE},
		{"refused", "left out", COLUMN_COUNT},
	};
	static const struct showing how = {.shape = SHAPE_ONE,
					   .columns = columns,
					   .column_count = ARRAY_LEN(columns)};
	struct answer answer = {.row_count = 1};
	struct buf row;
	buf_init(&row, 8192);
	buf_add(&row, SPAN("{\"account\":"));
	json_quote(&row, span_cstr(b->mail.account));
	buf_add(&row, SPAN(",\"folder\":"));
	json_quote(&row, span_cstr(b->folder));
	buf_printf(&row,
		   ",\"mailboxes\":%llu,\"messages\":%llu,\"bytes\":%llu,"
		   "\"refused\":%llu}",
		   (unsigned long long)b->mailboxes,
		   (unsigned long long)b->messages,
		   (unsigned long long)b->bytes,
		   (unsigned long long)b->refused);
	struct span line = buf_span(&row);
	answer.rows = &line;
	answer.end = b->refused > 0 ? END_FAILED : END_DONE;
	enum end end = answer_show(&b->mail.c, b->args, &answer, &how);
	buf_free(&row);
	return end;
}

static enum end bring(struct bringing *b)
{
	b->mail.c.arena = arena_new(KEEP_MAIL_MEMORY);
	b->piece = malloc(WHOLE);
	enum end end = END_FAILED;
	b->end = END_FAILED;
	if (b->mail.c.arena == NULL || b->piece == NULL)
		complain(b->mail.k->c, "memory is short");
	else
		b->line = ask_open(&b->mail.c, b->args, &b->end);
	if (b->line == NULL || !bring_all(b)) {
		end = b->end;
	} else if (b->mail.message != NULL && b->messages + b->refused == 0) {
		complain(&b->mail.c, "%s has no message %s in this backup",
			 b->mail.account, b->mail.message);
	} else {
		end = show(b);
	}
	ask_close(b->line);
	free(b->piece);
	arena_free(b->mail.c.arena);
	return end;
}

enum end restore_mail(struct command *c, const struct args *a, const char *path)
{
	struct keep k;
	enum end end = END_FAILED;
	char name[KEEP_NAME];
	int from;
	if (!keep_open(&k, c, a, &end))
		return end;
	if (!k.running) {
		complain(c,
			 "letterlock does not run on %s: mail of an account "
			 "is restored into a running one (`letterlock start`)",
			 k.data);
		end = END_NOT_RUNNING;
	} else if (keep_find(&k, path, &from, name)) {
		struct bringing b = {
			.args = a,
			.mail = {.c = *c,
				 .k = &k,
				 .folder = from,
				 .account = args_value(a, "--account"),
				 .message = args_value(a, "--message"),
				 .each_mailbox = bring_mailbox,
				 .each_message = bring_message,
				 .arg = &b}};
		name_folder(&b, name);
		end = bring(&b);
		world_close(c->world, from);
	} else {
		end = END_FAILED;
	}
	keep_close(&k);
	return end;
}
