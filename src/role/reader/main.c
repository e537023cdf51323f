/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/reader - reads one file of a stranger for one command, then ends.
 *
 *     letterlock-reader NAME [maybe]
 *
 * Started by `letterlock tls report` with two descriptors: memory for the rows of the
 * answer, and the file, a report on TLS (open.h).  NAME is for what it has to say; with
 * `maybe` it says nothing of a file that holds no report.
 *
 * Rights: these two descriptors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/confine.h"
#include "os/file.h"
#include "os/sanitize.h"
#include "role/reader/open.h"
#include "role/reader/rows.h"

#define OUT_FD	  3
#define FILE_FD	  4
#define MEMORY	  (256u << 20)
#define ROWS_SIZE (32u << 20)

static int say(const char *name, const char *what)
{
	fprintf(stderr, "letterlock: %s: %s\n", name, what);
	return 1;
}

/* NULL: said. */
static char *load(struct world *w, const char *name, size_t *len)
{
	struct file_facts facts;
	enum os r = file_facts(w, FILE_FD, &facts);
	if (r == OS_OK && facts.size > READER_FILE_MAX)
		r = OS_TOOBIG;
	char *bytes = r == OS_OK ? malloc((size_t)facts.size + 1) : NULL;
	if (r == OS_OK)
		r = bytes == NULL ? OS_NOMEM
				  : file_read_at(w, FILE_FD, bytes,
						 (size_t)facts.size, 0, len);
	if (r == OS_OK)
		return bytes;
	free(bytes);
	(void)say(name, os_text(r));
	return NULL;
}

static const char *read_report(struct arena *a, struct span file, bool maybe,
			       struct buf *rows)
{
	struct policy_report report;
	struct span json;
	const char *why = reader_open(a, file, &json);
	if (why != NULL)
		return maybe ? NULL : why;
	why = policy_report_read(a, json, &report);
	if (why == NULL)
		reader_rows(rows, &report);
	return why;
}

static int run(struct world *w, const char *name, bool maybe)
{
	struct arena *a = arena_new(MEMORY);
	struct buf rows;
	size_t len = 0;
	int end = 0;
	char *bytes = load(w, name, &len);
	buf_init(&rows, ROWS_SIZE);
	if (bytes != NULL && a != NULL) {
		const char *why = read_report(a, span_of(bytes, len), maybe, &rows);
		if (why != NULL)
			end = say(name, why);
		else if (!buf_ok(&rows) ||
			 file_append(w, OUT_FD, buf_span(&rows)) != OS_OK)
			end = say(name, "memory is short");
	} else {
		end = 1;
	}
	buf_free(&rows);
	arena_free(a);
	free(bytes);
	return end;
}

int main(int argc, char **argv)
{
	struct world *w = world_linux();
	const struct rights rights = {.sys = RIGHT_BASE, .max_fds = 16};
	bool maybe = argc == 3 && strcmp(argv[2], "maybe") == 0;
	if (w == NULL || (argc != 2 && !maybe)) {
		fputs("letterlock-reader is started by letterlock itself\n",
		      stderr);
		return 2;
	}
	enum confined c = confine(&rights);
	if (!confined_enough(c, false))
		return say(argv[1], confined_text(c));
	int end = run(w, argv[1], maybe);
	sanitize_leaks(w);
	world_free(w);
	return end;
}
