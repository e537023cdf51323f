/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/sendmail: the command lines of cron and its like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/sendmail.h"

#define WORDS 16

static bool take(const char *program, const char *line, struct sendmail_options *o,
		 const char **why)
{
	static char text[512];
	char *argv[WORDS];
	int argc = 0;
	assert_true(strlen(line) < sizeof text);
	memcpy(text, line, strlen(line) + 1);
	for (char *p = text; *p != '\0' && argc < WORDS;) {
		argv[argc++] = p;
		p += strcspn(p, "|");
		if (*p != '\0')
			*p++ = '\0';
	}
	*why = NULL;
	return sendmail_options(program, argc, argv, o, why);
}

static void lines(void **state)
{
	(void)state;
	static const struct {
		const char *line, *sender, *name, *first;
		size_t count;
		bool gather, dots, verbose;
		unsigned notify, ret;
	} rows[] = {
		{"root", NULL, "", "root", 1, 0, 0, 0, 0, 0},
		/* cron */
		{"-FCronDaemon|-i|-B8BITMIME|-oem|alice", NULL, "CronDaemon", "alice", 1, 0, 1, 0, 0, 0},
		/* PHP, mutt, git */
		{"-t|-i", NULL, "", NULL, 0, 1, 1, 0, 0, 0},
		{"-ti", NULL, "", NULL, 0, 1, 1, 0, 0, 0},
		{"-oem|-oi|-f|me@x.example|--|you@x.example|-odd@x.example", "me@x.example", "",
		 "you@x.example", 2, 0, 1, 0, 0, 0},
		{"-i|-fme@x.example|a@x.example, b@x.example,,", "me@x.example", "", "a@x.example", 2,
		 0, 1, 0, 0, 0},
		{"-r|me|-F|A B|-v|you", "me", "A B", "you", 1, 0, 0, 1, 0, 0},
		{"-f||you", "", "", "you", 1, 0, 0, 0, 0, 0},
		{"-bm|-odb|-eq|-h3|-om|-n|-U|-G|-A|x|-Am", NULL, "", "x", 1, 0, 0, 0, 0, 0},
		{"-N|success,Delay|-R|hdrs|-V|id|x", NULL, "", "x", 1, 0, 0, 0, 10, 2},
		{"-Nnever|-Rfull|x", NULL, "", "x", 1, 0, 0, 0, 1, 1},
		{"-C|/etc/x|-X/dev/null|-p|y|-O|A=b|-L|tag|x", NULL, "", "x", 1, 0, 0, 0, 0, 0},
		{"mailq", NULL, "", "mailq", 1, 0, 0, 0, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sendmail_options o;
		const char *why;
		if (!take(NULL, rows[i].line, &o, &why))
			fail_msg("%s: %s", rows[i].line, why);
		assert_int_equal(o.mode, SENDMAIL_SUBMIT);
		assert_int_equal(o.sender.ptr == NULL, rows[i].sender == NULL);
		if (rows[i].sender != NULL)
			assert_true(span_eq(o.sender, span_cstr(rows[i].sender)));
		assert_true(span_eq(o.name, span_cstr(rows[i].name)));
		assert_int_equal(o.count, rows[i].count);
		if (rows[i].first != NULL)
			assert_true(span_eq(o.recipients[0], span_cstr(rows[i].first)));
		assert_int_equal(o.gather, rows[i].gather);
		assert_int_equal(o.dots, rows[i].dots);
		assert_int_equal(o.verbose, rows[i].verbose);
		assert_int_equal(o.notify, rows[i].notify);
		assert_int_equal(o.ret, rows[i].ret);
	}
}

static void modes(void **state)
{
	(void)state;
	static const struct {
		const char *program, *line;
		enum sendmail_mode mode;
	} rows[] = {
		{NULL, "-bp", SENDMAIL_QUEUE}, {NULL, "-bi", SENDMAIL_ALIASES},
		{NULL, "-q", SENDMAIL_NOTHING}, {NULL, "-q30m", SENDMAIL_NOTHING},
		{NULL, "--help", SENDMAIL_HELP}, {"/usr/bin/mailq", "", SENDMAIL_QUEUE},
		{"newaliases", "", SENDMAIL_ALIASES}, {"/usr/sbin/sendmail", "x", SENDMAIL_SUBMIT},
		{"mailq", "-q", SENDMAIL_NOTHING},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sendmail_options o;
		const char *why;
		assert_true(take(rows[i].program, rows[i].line, &o, &why));
		assert_int_equal(o.mode, rows[i].mode);
	}
	assert_non_null(sendmail_by_name("/usr/sbin/sendmail"));
	assert_non_null(sendmail_by_name("mailq"));
	assert_null(sendmail_by_name("/usr/bin/letterlock"));
	assert_null(sendmail_by_name("/usr/sbin/sendmail/x"));
	assert_null(sendmail_by_name(NULL));
}

static void what_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"-bs", "-bv", "-bd", "-b", "-f", "-N|x|y", "-N|never,delay|x", "-N||x", "-R|both|x",
		"-z", "-tz", "-N", "--config",
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sendmail_options o;
		const char *why;
		if (take(NULL, rows[i], &o, &why) || why == NULL)
			fail_msg("%s was taken", rows[i]);
	}
}

static void recipients(void **state)
{
	(void)state;
	static char text[4 * SENDMAIL_RECIPIENTS];
	for (size_t n = SENDMAIL_RECIPIENTS - 1; n <= SENDMAIL_RECIPIENTS + 1; n++) {
		struct sendmail_options o;
		const char *why = NULL;
		char *argv[] = {text};
		for (size_t i = 0; i < n; i++)
			memcpy(text + 2 * i, "a,", 2);
		text[2 * n] = '\0';
		assert_int_equal(sendmail_options(NULL, 1, argv, &o, &why),
				 n <= SENDMAIL_RECIPIENTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(modes),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(recipients),
	};
	return cmocka_run_group_tests_name("cmd/sendmail", tests, NULL, NULL);
}
