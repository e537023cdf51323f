/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/command: what every verb uses: complaints, its arguments, files that the
 * administrator names.
 */
#include "cmd/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/file.h"

#define WHY_MAX 512u

void complain(const struct command *c, const char *fmt, ...)
{
	va_list args;
	fflush(stdout);
	fprintf(stderr, "letterlock%s%s: ", c->verb ? " " : "",
		c->verb ? c->verb->name : "");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

static void print_usage(const struct command *c, FILE *to)
{
	struct span rest = span_cstr(c->verb->usage), line;
	const char *intro = "usage:";
	do {
		(void)span_cut(&rest, '\n', &line);
		fprintf(to, "%-6s letterlock %s%s%.*s\n", intro, c->verb->name,
			line.len > 0 ? " " : "", SPAN_FMT(line));
		intro = "";
	} while (rest.len > 0);
}

enum end usage_error(const struct command *c, const char *what)
{
	complain(c, "%s", what);
	print_usage(c, stderr);
	return END_USAGE;
}

bool command_args(const struct command *c, struct args *a,
		  const struct arg_option *options, size_t count, enum end *end)
{
	struct buf why;
	char text[WHY_MAX];
	buf_init(&why, WHY_MAX - 1);
	bool ok = args_parse(a, options, count, c->argc, c->argv, &why);
	struct span s = buf_span(&why);
	snprintf(text, sizeof text, "%.*s", SPAN_FMT(s));
	buf_free(&why);
	*end = END_DONE;
	if (!ok) {
		*end = usage_error(c, text);
	} else if (a->help) {
		printf("letterlock %s: %s\n\n", c->verb->name, c->verb->summary);
		print_usage(c, stdout);
		puts("\nEvery verb takes --config FILE, --json and --help.");
	}
	return ok && !a->help;
}

const char *command_config(struct command *c, const struct args *a)
{
	char path[COMMAND_PATH];
	const char *given = a->config ? a->config : CONFIG_DEFAULT;
	enum os r = self_absolute(given, path, sizeof path);
	const char *copy = NULL;
	if (r == OS_OK)
		copy = arena_cstr(c->arena, span_cstr(path));
	if (copy == NULL)
		complain(c, "%s: %s", given, os_text(r == OS_OK ? OS_NOMEM : r));
	return copy;
}

enum os command_folder(struct command *c, const char *path, int *dir,
		       const char **name)
{
	char folder[COMMAND_PATH];
	const char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	*dir = -1;
	if ((slash ? (size_t)(slash - path) : 1) + 2 > sizeof folder)
		return OS_TOOBIG;
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 2,
		 slash ? path : "./");
	return **name == '\0' ? OS_BAD : file_dir_open(c->world, folder, dir);
}

const char *command_load(struct command *c, const char *path, size_t max,
			 struct span *out)
{
	const char *name;
	int dir, fd = -1;
	size_t got = 0;
	struct file_facts facts = {0};
	char *bytes = NULL;
	enum os r = command_folder(c, path, &dir, &name);
	if (r == OS_OK)
		r = file_open(c->world, dir, name, (struct open_how){0}, &fd);
	if (r == OS_OK)
		r = file_facts(c->world, fd, &facts);
	if (r == OS_OK && facts.size > max)
		r = OS_TOOBIG;
	if (r == OS_OK) {
		bytes = arena_bytes(c->arena, (size_t)facts.size + 1);
		r = bytes == NULL ? OS_NOMEM
				  : file_read_at(c->world, fd, bytes,
						 (size_t)facts.size, 0, &got);
	}
	if (fd >= 0)
		world_close(c->world, fd);
	if (dir >= 0)
		world_close(c->world, dir);
	*out = span_of(bytes, got);
	return r == OS_OK ? NULL : os_text(r);
}
