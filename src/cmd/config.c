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

struct conf_snapshot *config_in_force(struct command *c, const char *path)
{
	struct conf_report report, ignored;
	struct conf_snapshot *s = config_read(c, path, &report);
	char last[COMMAND_PATH];
	struct span text;
	bool wrong = s == NULL && report.errors > 0;
	snprintf(last, sizeof last, "%.*s/" CONF_COMMITTED,
		 SPAN_FMT(report.data));
	conf_report_free(&report);
	if (!wrong)
		return s;
	if (command_load(c, last, CONF_FILE_MAX, &text) != NULL)
		return config_load(c, path);
	if (conf_parse(span_cstr(last), text, NULL, &ignored, &s) != CONF_OK)
		complain(c, "%s: not a configuration", last);
	conf_report_free(&ignored);
	return s;
}

const char *config_socket(struct command *c, const struct conf *conf,
			  enum conf_listener_role role)
{
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		if (l->role == role && l->enabled)
			return arena_cstr(c->arena, l->path);
	}
	return NULL;
}
