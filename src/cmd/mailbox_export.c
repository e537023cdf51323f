/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/mailbox_export: an account's mail as files that other programs read.
 *
 *   maildir  DIR/cur (INBOX), DIR/.Sent/cur ...: Maildir++, names in UTF-8, flags in
 *            the names of files, keywords as Dovecot has them
 *   mbox     DIR/INBOX.mbox, DIR/Sent.mbox ...: mboxrd, with Status, X-Status and
 *            X-Keywords
 *   eml      DIR/INBOX/17.eml ...: a file a message, named by its UID
 *
 * The mail is what was there in one moment: the running server's checkpoint, or the
 * store at rest.  Files are made anew and never written over; a message is in the
 * folder under its name only when it is whole.
 *
 * Must never let the name of a mailbox lead out of the folder.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/civil.h"
#include "cmd/keep.h"
#include "os/file.h"

#define PIECE	    (256u << 10) /* of an mbox, written at once */
#define FILE_NAME   200u /* of a file, without what stands behind it */
#define SAME_NAMES  1000u
#define LETTERS	    26u	 /* keywords that a Maildir folder can hold */
#define PROGRESS_NS (200 * NS_PER_MS)
#define PART_NAME   "letterlock.part"

enum { SEEN = 1, ANSWERED = 2, FLAGGED = 4, DELETED = 8, DRAFT = 16 };

struct exporting {
	struct keep_mail mail;
	const struct args *args;
	const struct export_format *format;
	const char *path;
	int dir;    /* of the export */
	int folder; /* of the mailbox in hand; -1: none yet */
	int file;   /* mbox: of the mailbox in hand */
	int tmp, cur; /* maildir */
	char name[FILE_NAME + 16];
	char keywords[LETTERS][65];
	unsigned keyword_count;
	uint64_t mailboxes, messages, bytes, lost, told;
};

struct export_format {
	const char *name;
	bool (*mailbox)(struct exporting *, struct span name);
	bool (*message)(struct exporting *, const struct kept_message *);
	bool (*end)(struct exporting *); /* of a mailbox */
};

static bool said(struct exporting *x, const char *what, enum os r)
{
	if (r != OS_OK)
		complain(&x->mail.c, "%s/%s: %s", x->path, what, os_text(r));
	return r == OS_OK;
}

/* ---- names ---------------------------------------------------------------------- */

/* One that is a file's: '/' and dots as `level` and '_', cut, never empty. */
static void file_name(struct span name, char level, char out[FILE_NAME + 1])
{
	size_t n = 0;
	for (size_t i = 0; i < name.len && n < FILE_NAME; i++) {
		char c = name.ptr[i];
		if (c == '/')
			c = level;
		else if (c == level || (c == '.' && n == 0) || c == '\0' || c == '~')
			c = '_';
		out[n++] = c;
	}
	while (n > 0 && n == FILE_NAME && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
		n--; /* no half character */
	if (n == 0)
		out[n++] = '_';
	out[n] = '\0';
}

/* Two mailboxes may get one name: the later one's gets a number behind it. */
static bool numbered(struct exporting *x, unsigned n)
{
	size_t len = strcspn(x->name, "~");
	snprintf(x->name + len, sizeof x->name - len, "~%u", n);
	return n < SAME_NAMES;
}

static bool mailbox_folder(struct exporting *x, int *out)
{
	unsigned n = 1;
	enum os r;
	while ((r = file_mkdir(x->mail.c.world, x->dir, x->name)) == OS_EXIST &&
	       numbered(x, ++n))
		;
	if (r == OS_OK)
		r = file_dir_at(x->mail.c.world, x->dir, x->name, out);
	return said(x, x->name, r);
}

static bool new_folder(struct exporting *x, int dir, const char *name, int *out)
{
	enum os r = file_mkdir(x->mail.c.world, dir, name);
	if (r == OS_OK)
		r = file_dir_at(x->mail.c.world, dir, name, out);
	return said(x, name, r);
}

static bool new_file(struct exporting *x, int dir, const char *name, int *out)
{
	const struct open_how how = {.write = true, .create = true, .exclusive = true};
	return said(x, name, file_open(x->mail.c.world, dir, name, how, out));
}

/* ---- bytes ---------------------------------------------------------------------- */

static bool copy_message(struct exporting *x, const struct kept_message *m, int file)
{
	return said(x, x->name, keep_mail_copy(x->mail.c.world, m, file));
}

/* ---- eml -------------------------------------------------------------------------- */

static bool eml_mailbox(struct exporting *x, struct span name)
{
	file_name(name, '.', x->name);
	return mailbox_folder(x, &x->folder);
}

static bool eml_message(struct exporting *x, const struct kept_message *m)
{
	struct world *w = x->mail.c.world;
	char name[32];
	int file;
	snprintf(name, sizeof name, "%u.eml", m->uid);
	if (!new_file(x, x->folder, PART_NAME, &file))
		return false;
	bool ok = copy_message(x, m, file);
	world_close(w, file);
	return ok && said(x, name, file_rename(w, x->folder, PART_NAME, x->folder, name));
}

/* ---- maildir ---------------------------------------------------------------------- */

static bool maildir_mailbox(struct exporting *x, struct span name)
{
	static const char *const parts[] = {"cur", "new", "tmp"};
	bool inbox = span_eq(name, SPAN("INBOX"));
	int *open[] = {&x->cur, NULL, &x->tmp};
	x->name[0] = '.';
	file_name(name, '.', x->name + 1);
	if (inbox)
		snprintf(x->name, sizeof x->name, ".");
	if (inbox ? !said(x, ".", file_dir_at(x->mail.c.world, x->dir, ".", &x->folder))
		  : !mailbox_folder(x, &x->folder))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		int made = -1;
		if (!new_folder(x, x->folder, parts[i], &made))
			return false;
		if (open[i] != NULL)
			*open[i] = made;
		else
			world_close(x->mail.c.world, made);
	}
	return true;
}

/* The letter of a keyword; 0: there are no more. */
static char letter(struct exporting *x, struct span word)
{
	unsigned i = 0;
	while (i < x->keyword_count && !span_eq(span_cstr(x->keywords[i]), word))
		i++;
	if (i == LETTERS || word.len >= sizeof x->keywords[0])
		return 0;
	if (i == x->keyword_count) {
		memcpy(x->keywords[i], word.ptr, word.len);
		x->keywords[i][word.len] = '\0';
		x->keyword_count++;
	}
	return (char)('a' + i);
}

static void maildir_name(struct exporting *x, const struct kept_message *m,
			 char *out, size_t cap)
{
	static const struct {
		uint32_t flag;
		char letter;
	} flags[] = {{DRAFT, 'D'}, {FLAGGED, 'F'}, {ANSWERED, 'R'}, {SEEN, 'S'}, {DELETED, 'T'}};
	struct span rest = m->keywords, word;
	bool set[LETTERS] = {false};
	int n = snprintf(out, cap, "%lld.U%u.letterlock,S=%llu:2,", (long long)m->date,
			 m->uid, (unsigned long long)m->size);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (m->flags & flags[i].flag)
			out[n++] = flags[i].letter;
	while (rest.len > 0) {
		(void)span_cut(&rest, ' ', &word);
		char c = letter(x, word);
		if (c != 0)
			set[c - 'a'] = true;
		else
			x->lost++;
	}
	for (unsigned i = 0; i < LETTERS; i++)
		if (set[i])
			out[n++] = (char)('a' + i);
	out[n] = '\0';
}

static bool maildir_message(struct exporting *x, const struct kept_message *m)
{
	struct world *w = x->mail.c.world;
	char name[160];
	int file;
	maildir_name(x, m, name, sizeof name - LETTERS - 8);
	if (!new_file(x, x->tmp, PART_NAME, &file))
		return false;
	bool ok = copy_message(x, m, file);
	world_close(w, file);
	return ok && said(x, name, file_rename(w, x->tmp, PART_NAME, x->cur, name));
}

static bool maildir_end(struct exporting *x)
{
	struct world *w = x->mail.c.world;
	enum os r = OS_OK;
	int file = -1;
	if (x->keyword_count > 0 && !new_file(x, x->folder, "dovecot-keywords", &file))
		return false;
	for (unsigned i = 0; i < x->keyword_count && r == OS_OK; i++)
		r = file_append(w, file,
				arena_printf(x->mail.c.arena, "%u %s\n", i, x->keywords[i]));
	x->keyword_count = 0;
	world_close(w, file);
	return said(x, "dovecot-keywords", r);
}

/* ---- mbox --------------------------------------------------------------------------- */

static bool mbox_mailbox(struct exporting *x, struct span name)
{
	const struct open_how how = {.write = true, .create = true, .exclusive = true};
	char file[FILE_NAME + 24];
	unsigned n = 1;
	enum os r;
	file_name(name, '.', x->name);
	do
		snprintf(file, sizeof file, "%s.mbox", x->name);
	while ((r = file_open(x->mail.c.world, x->dir, file, how, &x->file)) ==
		       OS_EXIST &&
	       numbered(x, ++n));
	return said(x, file, r);
}

static void put_head(struct buf *out, const struct kept_message *m)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
					   "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct civil t = civil_of(m->date);
	buf_printf(out, "From MAILER-DAEMON %s %s %2d %02d:%02d:%02d %04d\n",
		   days[t.weekday], months[t.month - 1], t.day, t.hour, t.minute,
		   t.second, t.year);
	buf_printf(out, "Status: %sO\nX-Status: %s%s%s%s\n",
		   m->flags & SEEN ? "R" : "", m->flags & ANSWERED ? "A" : "",
		   m->flags & FLAGGED ? "F" : "", m->flags & DRAFT ? "T" : "",
		   m->flags & DELETED ? "D" : "");
	if (m->keywords.len > 0)
		buf_printf(out, "X-Keywords: %.*s\n", SPAN_FMT(m->keywords));
}

static bool looks_like_from(struct span line)
{
	size_t n = 0;
	while (n < line.len && line.ptr[n] == '>')
		n++;
	return span_starts(span_skip(line, n), SPAN("From "));
}

/* What was gathered goes to the file when it is a piece, or at the end. */
static enum os flush(struct exporting *x, struct buf *out, bool end)
{
	if (!end && buf_len(out) < PIECE)
		return OS_OK;
	enum os r = buf_ok(out) ? file_append(x->mail.c.world, x->file, buf_span(out))
				: OS_NOMEM;
	buf_clear(out);
	return r;
}

static enum os put_line(struct exporting *x, struct buf *out, struct span line)
{
	enum os r = OS_OK;
	if (looks_like_from(line))
		buf_addc(out, '>');
	while (line.len > 0 && r == OS_OK) {
		struct span piece = span_sub(line, 0, PIECE);
		buf_add(out, piece);
		line = span_skip(line, piece.len);
		r = flush(x, out, false);
	}
	buf_addc(out, '\n');
	return r;
}

/* Lines with LF, those that look like the start of a message behind a '>'. */
static bool mbox_message(struct exporting *x, const struct kept_message *m)
{
	char *whole = malloc((size_t)m->size + 1);
	struct span rest, line;
	struct buf out;
	size_t got = 0;
	enum os r = whole == NULL ? OS_NOMEM
				  : file_read_at(x->mail.c.world, m->blob, whole,
						 (size_t)m->size, m->at, &got);
	buf_init(&out, 3 * PIECE);
	put_head(&out, m);
	rest = span_of(whole, got);
	while (r == OS_OK && rest.len > 0) {
		bool ended = span_cut(&rest, '\n', &line);
		if (ended && line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		r = put_line(x, &out, line);
	}
	buf_addc(&out, '\n');
	if (r == OS_OK)
		r = flush(x, &out, true);
	buf_free(&out);
	free(whole);
	return said(x, x->name, r);
}

static bool nothing(struct exporting *x)
{
	(void)x;
	return true;
}

static const struct export_format formats[] = {
	{"maildir", maildir_mailbox, maildir_message, maildir_end},
	{"mbox", mbox_mailbox, mbox_message, nothing},
	{"eml", eml_mailbox, eml_message, nothing},
};

/* ---- all of it ------------------------------------------------------------------------ */

static void close_mailbox(struct exporting *x)
{
	int *open[] = {&x->folder, &x->file, &x->tmp, &x->cur};
	for (size_t i = 0; i < ARRAY_LEN(open); i++) {
		world_close(x->mail.c.world, *open[i]);
		*open[i] = -1;
	}
}

static bool end_mailbox(struct exporting *x)
{
	bool begun = x->folder >= 0 || x->file >= 0;
	bool ok = !begun || x->format->end(x);
	close_mailbox(x);
	return ok;
}

static bool each_mailbox(void *arg, struct span name, bool first)
{
	struct exporting *x = arg;
	if (!first)
		return true;
	x->mailboxes++;
	return end_mailbox(x) && x->format->mailbox(x, name);
}

static void show_progress(struct exporting *x)
{
	uint64_t now = world_now(x->mail.c.world);
	if (!self_is_terminal(2) || now - x->told < PROGRESS_NS)
		return;
	x->told = now;
	fprintf(stderr, "\r\x1b[K%llu messages, %.1f MiB exported",
		(unsigned long long)x->messages, (double)x->bytes / 1048576);
	fflush(stderr);
}

static bool each_message(void *arg, const struct kept_message *m)
{
	struct exporting *x = arg;
	x->messages++;
	x->bytes += m->size;
	show_progress(x);
	return x->format->message(x, m);
}

static bool is_there(void *arg, const char *name)
{
	(void)name;
	*(bool *)arg = false;
	return false;
}

static bool open_target(struct exporting *x)
{
	struct world *w = x->mail.c.world;
	char whole[COMMAND_PATH];
	const char *last;
	int above;
	enum os r = self_absolute(x->path, whole, sizeof whole);
	if (r == OS_OK)
		r = file_dir_open(w, whole, &x->dir);
	if (r == OS_NOENT && command_folder(x->mail.k->c, whole, &above, &last) == OS_OK) {
		r = file_mkdir(w, above, last);
		if (r == OS_OK)
			r = file_dir_at(w, above, last, &x->dir);
		world_close(w, above);
	}
	bool empty = true;
	if (r == OS_OK)
		r = file_each(w, x->dir, is_there, &empty);
	if (r != OS_OK)
		complain(x->mail.k->c, "%s: %s", x->path, os_text(r));
	else if (!empty)
		complain(x->mail.k->c, "%s is not empty; export into a new folder",
			 x->path);
	return r == OS_OK && empty;
}

static bool run(struct exporting *x)
{
	if (!open_target(x))
		return false;
	bool ok = keep_mail_here(&x->mail);
	ok = end_mailbox(x) && ok;
	if (x->told > 0)
		fputs("\r\x1b[K", stderr);
	if (ok && x->mailboxes == 0) {
		complain(x->mail.k->c, "%s has no mailbox %s", x->mail.account,
			 x->mail.mailbox ? x->mail.mailbox : "at all");
		ok = false;
	}
	return ok;
}

static enum end show(struct exporting *x)
{
	static const struct column columns[] = {
		{"account", "account", COLUMN_TEXT},
		{"folder", "folder", COLUMN_TEXT},
		{"format", "format", COLUMN_TEXT},
		{"mailboxes", "mailboxes", COLUMN_COUNT},
		{"messages", "messages", COLUMN_COUNT},
		{"bytes", "size", COLUMN_SIZE},
		{"keywords_left_out", "keywords left out", COLUMN_COUNT},
	};
	static const struct showing how = {.shape = SHAPE_ONE,
					   .columns = columns,
					   .column_count = ARRAY_LEN(columns)};
	struct answer answer = {.row_count = 1};
	struct buf row;
	buf_init(&row, 16384);
	buf_add(&row, SPAN("{\"account\":"));
	json_quote(&row, span_cstr(x->mail.account));
	buf_add(&row, SPAN(",\"folder\":"));
	json_quote(&row, span_cstr(x->path));
	buf_printf(&row,
		   ",\"format\":\"%s\",\"mailboxes\":%llu,\"messages\":%llu,"
		   "\"bytes\":%llu,\"keywords_left_out\":%llu}",
		   x->format->name, (unsigned long long)x->mailboxes,
		   (unsigned long long)x->messages, (unsigned long long)x->bytes,
		   (unsigned long long)x->lost);
	struct span line = buf_span(&row);
	answer.rows = &line;
	answer.end = END_DONE;
	enum end end = answer_show(x->mail.k->c, x->args, &answer, &how);
	buf_free(&row);
	return end;
}

static const struct export_format *format_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (name == NULL || strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

enum end mailbox_export(struct command *c, const struct args *a)
{
	struct keep k;
	enum end end = END_FAILED;
	struct exporting x = {
		.args = a,
		.format = format_of(args_value(a, "--format")),
		.path = args_value(a, "--to"),
		.dir = -1, .folder = -1, .file = -1, .tmp = -1, .cur = -1};
	if (a->word_count < 2 || a->word_count > 3)
		return usage_error(c, "say of which account, and maybe which mailbox");
	if (x.path == NULL)
		return usage_error(c, "say into which folder: --to DIR");
	if (x.format == NULL)
		return usage_error(c, "--format takes maildir, mbox or eml");
	if (!keep_open(&k, c, a, &end))
		return end;
	x.mail = (struct keep_mail){.k = &k,
				    .c = *c,
				    .account = a->words[1],
				    .mailbox = a->word_count == 3 ? a->words[2] : NULL,
				    .each_mailbox = each_mailbox,
				    .each_message = each_message,
				    .arg = &x};
	x.mail.c.arena = arena_new(KEEP_MAIL_MEMORY);
	if (x.mail.c.arena == NULL)
		complain(c, "memory is short");
	else if (run(&x))
		end = show(&x);
	close_mailbox(&x);
	world_close(c->world, x.dir);
	arena_free(x.mail.c.arena);
	keep_close(&k);
	return end;
}
