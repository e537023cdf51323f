/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/config: conf_parse with includes from the file system. */
#include "cmd/config.h"

#include <stdio.h>

#define REPORT_MAX 262144u

static const char *fetch(void *ctx, const char *path, struct span *bytes)
{
	return command_load(ctx, path, CONF_FILE_MAX, bytes);
}

struct conf_snapshot *config_read(struct command *c, const char *path,
				  struct conf_report *report)
{
	struct conf_includes includes = {.ctx = c, .fetch = fetch};
	struct conf_snapshot *out = NULL;
	struct span text;
	*report = (struct conf_report){0};
	const char *why = command_load(c, path, CONF_FILE_MAX, &text);
	if (why != NULL) {
		complain(c, "%s: %s; name the configuration with --config FILE",
			 path, why);
		return NULL;
	}
	if (conf_parse(span_cstr(path), text, &includes, report, &out) ==
	    CONF_MEMORY)
		complain(c, "%s: memory is short", path);
	return out;
}

struct conf_snapshot *config_load(struct command *c, const char *path)
{
	struct conf_report report;
	struct buf text;
	struct conf_snapshot *s = config_read(c, path, &report);
	if (s == NULL && report.errors > 0) {
		buf_init(&text, REPORT_MAX);
		conf_report_text(&report, &text);
		fwrite(text.data + text.from, 1, buf_len(&text), stderr);
		buf_free(&text);
	}
	conf_report_free(&report);
	return s;
}

const char *config_socket(struct command *c, const struct conf *conf)
{
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		if (l->role == CONF_ROLE_ADMIN && l->enabled)
			return arena_cstr(c->arena, l->path);
	}
	return NULL;
}
