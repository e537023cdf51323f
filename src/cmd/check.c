/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/check: what is wrong in the configuration; and showing it. */
#include <stdio.h>

#include "cmd/config.h"
#include "conf/show.h"

static void print(const struct buf *b, FILE *to)
{
	fwrite(b->data + b->from, 1, buf_len(b), to);
}

static void print_report(const struct conf_report *r, bool json)
{
	struct buf text;
	buf_init(&text, 1u << 20);
	if (json)
		conf_report_json(r, &text);
	else
		conf_report_text(r, &text);
	print(&text, stdout);
	if (json)
		putchar('\n');
	buf_free(&text);
}

enum end verb_check(struct command *c)
{
	struct conf_report report;
	struct args a;
	enum end end;
	if (!command_args(c, &a, NULL, 0, &end))
		return end;
	if (a.word_count > 0)
		return usage_error(c, "check takes no words: name the file with "
				      "--config");
	const char *path = command_config(c, &a);
	if (path == NULL)
		return END_FAILED;
	struct conf_snapshot *s = config_read(c, path, &report);
	if (a.json || report.count > 0)
		print_report(&report, a.json);
	if (!a.json && s != NULL)
		printf("%s: right%s\n", path,
		       report.warnings > 0 ? ", with warnings" : "");
	conf_report_free(&report);
	conf_snapshot_free(s);
	return s != NULL ? END_DONE : END_FAILED;
}

enum end verb_config(struct command *c)
{
	static const struct arg_option options[] = {{"--effective", NULL},
						    {"--limits", NULL}};
	struct args a;
	struct buf out;
	enum end end;
	enum conf_show what = CONF_SHOW_WRITTEN;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	if (a.word_count != 1 ||
	    !span_eq(span_cstr(a.words[0]), SPAN("show")))
		return usage_error(c, "say what to do");
	if (args_has(&a, "--effective") && args_has(&a, "--limits"))
		return usage_error(c, "either --effective or --limits");
	if (args_has(&a, "--effective"))
		what = CONF_SHOW_EFFECTIVE;
	if (args_has(&a, "--limits"))
		what = CONF_SHOW_LIMITS;
	const char *path = command_config(c, &a);
	struct conf_snapshot *s = path ? config_load(c, path) : NULL;
	if (s == NULL)
		return END_FAILED;
	buf_init(&out, CONF_SHOW_MAX);
	if (a.json)
		conf_show_json(s, what, &out);
	else
		conf_show_text(s, what, &out);
	print(&out, stdout);
	bool ok = buf_ok(&out);
	buf_free(&out);
	conf_snapshot_free(s);
	return ok ? END_DONE : END_FAILED;
}
