/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/options and the tests of the whole project: no option without a test that
 * shows its effect, no row for an option that has gone, no row for a test that
 * is not there.
 */
#include <string.h>

#include "conf/options.h"
#include "help.h"

#define FILE_MAX (1u << 20)
#define ROWS_MAX 256u

struct row {
	struct span option, file, test;
};

struct effects {
	char *text;
	struct row rows[ROWS_MAX];
	size_t count;
};

static char *load(const char *name, size_t *len)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", SOURCE, name);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("%s is missing", path);
	char *text = malloc(FILE_MAX);
	assert_non_null(text);
	*len = fread(text, 1, FILE_MAX, f);
	assert_in_range(*len, 1, FILE_MAX - 1);
	fclose(f);
	return text;
}

static struct span word(struct span *line)
{
	struct span w = span_trim(*line);
	size_t end = span_find(w, ' ');
	*line = end == SIZE_MAX ? span_of(NULL, 0) : span_skip(w, end);
	return span_sub(w, 0, end == SIZE_MAX ? w.len : end);
}

static int set_up(void **state)
{
	struct effects *e = calloc(1, sizeof *e);
	size_t len;
	assert_non_null(e);
	e->text = load("test/unit/conf/effects.list", &len);
	struct span rest = span_of(e->text, len), line;
	while (rest.len > 0) {
		(void)span_cut(&rest, '\n', &line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		assert_true(e->count < ROWS_MAX);
		struct row *r = &e->rows[e->count++];
		r->option = word(&line);
		r->file = word(&line);
		r->test = span_trim(line);
		if (r->test.len == 0)
			fail_msg("%.*s has no test", SPAN_FMT(r->option));
	}
	*state = e;
	return 0;
}

static int tear_down(void **state)
{
	struct effects *e = *state;
	free(e->text);
	free(e);
	return 0;
}

static struct span name_of(const struct conf_option *o, char *out, size_t size)
{
	const char *block = conf_blocks[o->block].name;
	snprintf(out, size, "%s%s%s", block, *block ? "." : "", o->name);
	return span_cstr(out);
}

static void every_option_has_a_test(void **state)
{
	const struct effects *e = *state;
	char name[128];
	size_t missing = 0;
	for (size_t i = 0; i < conf_option_count; i++) {
		struct span wanted = name_of(&conf_options[i], name, sizeof name);
		size_t found = 0;
		for (size_t k = 0; k < e->count; k++)
			found += span_eq(e->rows[k].option, wanted);
		if (found != 1)
			print_error("%s stands in %zu rows of effects.list\n",
				    name, found);
		missing += found != 1;
	}
	assert_int_equal(missing, 0);
}

static void every_row_has_an_option(void **state)
{
	const struct effects *e = *state;
	/* Each option has one row: then a row too many shows in the number. */
	assert_int_equal(e->count, conf_option_count);
}

static void every_test_is_there(void **state)
{
	const struct effects *e = *state;
	for (size_t k = 0; k < e->count; k++) {
		const struct row *r = &e->rows[k];
		bool python = span_ends(r->file, SPAN(".py"));
		char path[256], wanted[256];
		size_t len;
		snprintf(path, sizeof path, "%.*s", SPAN_FMT(r->file));
		snprintf(wanted, sizeof wanted, python ? "def %.*s(" : "static void %.*s(",
			 SPAN_FMT(r->test));
		char *text = load(path, &len);
		if (span_find_span(span_of(text, len), span_cstr(wanted)) ==
		    SIZE_MAX)
			fail_msg("%s has no test %.*s", path, SPAN_FMT(r->test));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_a_test),
		cmocka_unit_test(every_row_has_an_option),
		cmocka_unit_test(every_test_is_there),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
