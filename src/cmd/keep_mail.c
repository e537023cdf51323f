/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/keep_mail: the mail of one account, as letterlock-keeper reads it.
 *
 * The keeper fills a file in memory with some MiB of messages and says where
 * each stands and where the next run goes on; so there is never more of an account in
 * memory than one run holds.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/hex.h"
#include "cmd/keep.h"
#include "os/file.h"

#define FROM_MAX 32u
#define PIECE	 (64u << 10)

struct reading {
	struct keep_mail *m;
	char from[FROM_MAX]; /* where the next run goes on; empty: the end */
	int blob;
};

/* Their names with blanks between, out of hex. */
static bool keywords(struct arena *a, const struct json *row, struct span *out)
{
	const struct json *list = json_member(row, "keywords");
	size_t len = 0;
	char *words;
	for (const struct json *w = list ? list->first : NULL; w; w = w->next)
		len += w->text.len / 2 + 1;
	words = arena_bytes(a, len + 1);
	len = 0;
	for (const struct json *w = list ? list->first : NULL; w && words;
	     w = w->next) {
		if (!hex_decode(w->text, words + len, w->text.len / 2))
			return false;
		len += w->text.len / 2;
		words[len++] = ' ';
	}
	*out = span_of(words, len > 0 ? len - 1 : 0);
	return words != NULL;
}

static bool one_message(struct reading *r, const struct json *row)
{
	struct kept_message message = {
		.blob = r->blob,
		.at = json_u64(row, "at"),
		.size = json_u64(row, "size"),
		.uid = (uint32_t)json_u64(row, "uid"),
		.flags = (uint32_t)json_u64(row, "flags"),
		.date = (int64_t)json_u64(row, "date")};
	if (keywords(r->m->c.arena, row, &message.keywords))
		return r->m->each_message(r->m->arg, &message);
	complain(&r->m->c, "keywords of a message cannot be read");
	return false;
}

static bool one_mailbox(struct reading *r, const struct json *row)
{
	char name[KEEP_MAILBOX_MAX];
	struct span hex = json_text(row, "mailbox");
	const struct json *first = json_member(row, "first");
	size_t len = hex.len / 2;
	if (len < sizeof name && hex_decode(hex, name, len))
		return r->m->each_mailbox(r->m->arg, span_of(name, len),
					  first != NULL && first->truth);
	complain(&r->m->c, "the name of a mailbox cannot be read");
	return false;
}

static bool one_row(struct reading *r, struct span text)
{
	const struct json *row = json_read(r->m->c.arena, text);
	if (row == NULL)
		return false;
	if (json_member(row, "mailbox") != NULL)
		return one_mailbox(r, row);
	if (json_member(row, "at") != NULL)
		return one_message(r, row);
	snprintf(r->from, sizeof r->from, "%.*s",
		 SPAN_FMT(json_text(row, "from")));
	return true;
}

/* A word of the keeper's; NULL, which ends them, when there is nothing to say. */
static const char *word(struct reading *r, const char *key, const char *value)
{
	struct arena *a = r->m->c.arena;
	struct span s = value != NULL && *value != '\0'
				? arena_printf(a, "%s=%s", key, value)
				: span_of(NULL, 0);
	return s.len > 0 ? arena_cstr(a, s) : NULL;
}

static bool run_once(struct reading *r)
{
	struct keep_mail *m = r->m;
	struct keep k = *m->k;
	struct answer rows = {.end = END_FAILED};
	struct keep_run run = {
		.words = {"mail"},
		.folders = {m->folder, r->blob},
		.folder_count = 2,
		.renew = m->state != NULL && strcmp(m->state, "live") == 0};
	const char *words[] = {m->state, word(r, "account", m->account),
			       word(r, "from", r->from),
			       word(r, "mailbox", m->mailbox),
			       word(r, "message", m->message)};
	size_t n = 1;
	k.c = &m->c;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i] != NULL)
			run.words[n++] = words[i];
	r->from[0] = '\0';
	keep_run(&k, &run, &rows);
	for (size_t i = 0; rows.end == END_DONE && i < rows.row_count; i++)
		if (!one_row(r, rows.rows[i]))
			return false;
	return rows.end == END_DONE;
}

bool keep_mail(struct keep_mail *m)
{
	struct reading r = {.m = m};
	bool ok = true;
	do {
		arena_reset(m->c.arena);
		if (blob_new(m->c.world, &r.blob) != OS_OK) {
			complain(&m->c, "memory is short");
			return false;
		}
		ok = run_once(&r);
		world_close(m->c.world, r.blob);
	} while (ok && r.from[0] != '\0');
	return ok;
}

/* Of the server, which holds a checkpoint as long as it is told to. */
static bool tell(struct keep *k, const char *verb)
{
	struct answer a;
	if (!ask(k->c, k->args, verb, NULL, 0, &a))
		return false;
	if (a.end != END_DONE)
		complain(k->c, "%.*s", SPAN_FMT(a.why));
	return a.end == END_DONE;
}

bool keep_mail_here(struct keep_mail *m)
{
	m->folder = m->k->store_dir;
	m->state = m->k->running ? "live" : "still";
	if (m->folder < 0) {
		complain(m->k->c, "%s holds no store yet", m->k->data);
		return false;
	}
	if (!m->k->running)
		return keep_mail(m);
	if (!tell(m->k, "backup.begin"))
		return false;
	bool ok = keep_mail(m);
	/* Whether it could be told of the end or not: it ends by itself. */
	(void)tell(m->k, "backup.end");
	return ok;
}

enum os keep_mail_copy(struct world *w, const struct kept_message *m, int file)
{
	char piece[PIECE];
	enum os r = OS_OK;
	for (uint64_t at = 0; at < m->size && r == OS_OK; at += PIECE) {
		size_t want = (size_t)u64_min(m->size - at, PIECE), got = 0;
		r = file_read_at(w, m->blob, piece, want, m->at + at, &got);
		if (r == OS_OK && got != want)
			r = OS_IO;
		if (r == OS_OK)
			r = file_append(w, file, span_of(piece, got));
	}
	return r;
}
