/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/restore: a backup becomes the store again.
 *
 * All of it goes into a new folder beside the store's place and is moved there
 * when it is whole, so that a restore that was interrupted leaves nothing that
 * could be started on.
 */
#include <stdio.h>

#include "cmd/keep.h"
#include "os/file.h"

#define FRESH "store.restored"

/* The place is free, or holds an empty folder. */
static bool place_free(struct keep *k, enum end *end)
{
	if (k->running) {
		complain(k->c, "letterlock runs on %s: stop it first "
			       "(`letterlock stop`)",
			 k->data);
		*end = END_REFUSED;
		return false;
	}
	if (k->store_dir < 0 ||
	    file_rmdir(k->c->world, k->data_dir, "store") == OS_OK)
		return true;
	complain(k->c, "%s/store holds a store already: move it away (`mv "
		       "%s/store %s/store.old`), then restore again",
		 k->data, k->data, k->data);
	*end = END_REFUSED;
	return false;
}

static bool move_in(struct keep *k)
{
	enum os r = file_rename(k->c->world, k->data_dir, FRESH, k->data_dir,
				"store");
	if (r == OS_OK)
		r = file_dir_sync(k->c->world, k->data_dir);
	if (r != OS_OK)
		complain(k->c, "%s/store: %s", k->data, os_text(r));
	return r == OS_OK;
}

static void restore_all(struct keep *k, int from, struct answer *out)
{
	int to = -1;
	enum os r = file_tree_remove(k->c->world, k->data_dir, FRESH);
	if (r == OS_OK)
		r = keep_folder(k, k->data_dir, FRESH, &to);
	if (r != OS_OK) {
		complain(k->c, "%s/" FRESH ": %s", k->data, os_text(r));
		return;
	}
	struct keep_run run = {
		.words = {"restore",
			  args_has(k->args, "--latest") ? "latest" : NULL},
		.folders = {from, to},
		.folder_count = 2};
	keep_run(k, &run, out);
	world_close(k->c->world, to);
	if (out->end == END_DONE && !move_in(k))
		out->end = END_FAILED;
	if (out->end != END_DONE)
		(void)!file_tree_remove(k->c->world, k->data_dir, FRESH);
}

static enum end everything(struct command *c, const struct args *a,
			   const char *path)
{
	static const struct column columns[] = {
		{"made", "state of", COLUMN_TIME},
		{"files", "files", COLUMN_COUNT},
		{"bytes", "size", COLUMN_SIZE},
		{"accounts", "accounts", COLUMN_COUNT},
		{"mailboxes", "mailboxes", COLUMN_COUNT},
		{"messages", "messages", COLUMN_COUNT},
		{"uidvalidity", "UIDVALIDITY", COLUMN_TEXT},
	};
	static const struct showing show = {.shape = SHAPE_ONE,
					    .columns = columns,
					    .column_count = ARRAY_LEN(columns)};
	struct answer answer = {.end = END_FAILED};
	char name[KEEP_NAME];
	struct keep k;
	enum end end;
	int from;
	if (!keep_open(&k, c, a, &end))
		return end;
	answer.end = END_FAILED;
	if (!place_free(&k, &answer.end)) {
		keep_close(&k);
		return answer.end;
	}
	if (keep_find(&k, path, &from, name)) {
		restore_all(&k, from, &answer);
		world_close(c->world, from);
	}
	keep_close(&k);
	return answer.end == END_DONE ? answer_show(c, a, &answer, &show)
				      : answer.end;
}

enum end verb_restore(struct command *c)
{
	static const struct arg_option options[] = {
		{"--latest", NULL},    {"--backup", "NAME"},
		{"--account", "ADDRESS"}, {"--message", "ID"},
		{"--into", "FOLDER"},
	};
	struct args a;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	const char *which = args_value(&a, "--backup");
	bool mail = args_has(&a, "--account");
	if (a.word_count != 1)
		return usage_error(c, "say which backup");
	if (!mail && (args_has(&a, "--message") || args_has(&a, "--into")))
		return usage_error(c, "say whose mail: --account ADDRESS");
	if (args_has(&a, "--message") && *args_value(&a, "--message") == '\0')
		return usage_error(c, "say which message");
	if (mail && args_has(&a, "--latest"))
		return usage_error(c, "--latest is for a whole store");
	const char *path = a.words[0];
	if (which != NULL) {
		struct span s = arena_printf(c->arena, "%s/%s", path, which);
		path = arena_cstr(c->arena, s);
	}
	if (path == NULL)
		return END_FAILED;
	return mail ? restore_mail(c, &a, path) : everything(c, &a, path);
}
