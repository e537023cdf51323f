/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/keeper - works on the store's files for one command, then ends.
 *
 *     letterlock-keeper VERB [WORD...] [--progress]
 *
 * Started by `letterlock backup`, `restore` and `fsck` as the user that the
 * store runs as, with the folders of the verb as open descriptors.
 *
 * Rights: those folders, for reading alone where that is enough.  No network, no other file, no other process.
 */
#include "role/keeper/keeper.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/library.h"
#include "os/confine.h"

#define ROW_MAX	      12288u
#define PROGRESS_NS   (200 * NS_PER_MS)
#define KEEPER_FDS    1024u
#define FOLDERS_MAX   3u

struct keeper_verb {
	const char *name;
	unsigned folders; /* with `after` one more */
	bool (*run)(struct keeper *);
	bool reads; /* its folders are only read */
};

static const struct keeper_verb verbs[] = {
	{"check", 1, keeper_check, false},
	{"copy", 2, keeper_copy, false},
	{"facts", 1, keeper_facts, true},
	{"verify", 1, keeper_verify, true},
	{"restore", 2, keeper_restore, false},
	{"mail", 1, keeper_mail, true},
};

/* ---- what the verbs share ---------------------------------------------------- */

static void clear_progress(struct keeper *k)
{
	if (k->progress && k->told > 0)
		fputs("\r\x1b[K", stderr);
	k->told = 0;
}

bool keeper_fail(struct keeper *k, const char *fmt, ...)
{
	va_list args;
	clear_progress(k);
	fputs("letterlock: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

void keeper_row(struct keeper *k, const char *fmt, ...)
{
	char text[ROW_MAX];
	struct buf row;
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	buf_init(&row, ROW_MAX + 4);
	buf_printf(&row, "{%s}\n", text);
	if (file_append(k->world, KEEPER_OUT, buf_span(&row)) != OS_OK)
		(void)keeper_fail(k, "a row of the answer was lost: {%s}", text);
	buf_free(&row);
}

const char *keeper_text(struct keeper *k, struct span s)
{
	char *copy = arena_cstr(k->arena, s);
	for (char *p = copy; p != NULL && *p != '\0'; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20 ||
		    (unsigned char)*p >= 0x7f)
			*p = '?';
	return copy ? copy : "?";
}

void keeper_progress(struct keeper *k, const char *what, uint64_t done,
		     uint64_t of)
{
	uint64_t now = k->progress ? world_now(k->world) : 0;
	if (!k->progress || now - k->told < PROGRESS_NS)
		return;
	k->told = now;
	fprintf(stderr, "\r\x1b[K%.1f of %.1f MiB %s", (double)done / 1048576,
		(double)of / 1048576, what);
	fflush(stderr);
}

bool keeper_argument(const struct keeper *k, const char *word)
{
	for (int i = 0; i < k->argc; i++)
		if (strcmp(k->argv[i], word) == 0)
			return true;
	return false;
}

const char *keeper_word(const struct keeper *k, const char *key)
{
	for (int i = 0; i < k->argc; i++)
		if (strncmp(k->argv[i], key, strlen(key)) == 0)
			return k->argv[i] + strlen(key);
	return "";
}

const char *keeper_value(struct keeper *k, const char *key)
{
	return keeper_text(k, span_cstr(keeper_word(k, key)));
}

/* ---- rights: the first page ------------------------------------------------- */

static bool confined_to(struct keeper *k, unsigned folders, bool reads)
{
	struct rights_dir dirs[FOLDERS_MAX];
	struct rights rights = {.sys = RIGHT_BASE | RIGHT_DATA_FILES |
				       RIGHT_THREADS,
				.dirs = dirs,
				.dir_count = folders,
				.max_fds = KEEPER_FDS};
	/* A second name may be made only between folders that may both be
	 * written. */
	for (unsigned i = 0; i < folders; i++)
		dirs[i] = (struct rights_dir){.fd = KEEPER_FOLDER + (int)i,
					      .writable = !reads};
	enum confined c = confine(&rights);
	return c == CONFINED || c == CONFINE_SANITIZED ||
	       keeper_fail(k, "%s", confined_text(c));
}

static const struct keeper_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct keeper_verb *v = argc > 1 ? find_verb(argv[1]) : NULL;
	struct keeper k = {.world = world_linux(),
			   .arena = arena_new(KEEPER_MEMORY),
			   .piece = malloc(KEEPER_PIECE),
			   .argc = argc - 2,
			   .argv = argv + 2};
	if (v == NULL || k.world == NULL || k.arena == NULL || k.piece == NULL) {
		fputs("letterlock-keeper is started by letterlock itself\n",
		      stderr);
		return 2;
	}
	k.progress = keeper_argument(&k, "--progress");
	if (!crypto_library_start() ||
	    !confined_to(&k, v->folders + keeper_argument(&k, "after"),
			 v->reads))
		return 1;
	bool ok = v->run(&k);
	clear_progress(&k);
	arena_free(k.arena);
	free(k.piece);
	world_free(k.world);
	return ok ? 0 : 1;
}
