/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/args: options by table, words in order. */
#include "cmd/args.h"

#include "base/check.h"

#define WORD_MAX 32u /* of names that are compared */
#define SLIP_MAX 2u

static const struct arg_option common[] = {
	{"--config", "FILE"}, {"--json", NULL}, {"--help", NULL}};

size_t args_distance(struct span a, struct span b)
{
	size_t rows[3][WORD_MAX + 1];
	if (a.len > WORD_MAX || b.len > WORD_MAX)
		return SIZE_MAX;
	for (size_t k = 0; k <= b.len; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *now = rows[i % 3], *up = rows[(i + 2) % 3],
		       *up2 = rows[(i + 1) % 3];
		now[0] = i;
		for (size_t k = 1; k <= b.len; k++) {
			bool same = a.ptr[i - 1] == b.ptr[k - 1];
			now[k] = size_min(size_min(up[k], now[k - 1]) + 1,
					  up[k - 1] + !same);
			if (i > 1 && k > 1 && a.ptr[i - 1] == b.ptr[k - 2] &&
			    a.ptr[i - 2] == b.ptr[k - 1])
				now[k] = size_min(now[k], up2[k - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

size_t args_slip(struct span typed, struct span meant)
{
	size_t d = args_distance(typed, meant);
	if (d <= SLIP_MAX && d < size_min(typed.len, meant.len))
		return d;
	/* An abbreviation comes after every slip. */
	return typed.len >= 2 && span_starts(meant, typed) ? SLIP_MAX + 1
							   : SIZE_MAX;
}

static const struct arg_option *find(struct span name,
				     const struct arg_option *options,
				     size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq(name, span_cstr(options[i].name)))
			return &options[i];
	return NULL;
}

static const char *nearest(struct span name, const struct arg_option *options,
			   size_t count)
{
	const char *best = NULL;
	size_t least = SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		size_t d = args_slip(name, span_cstr(options[i].name));
		if (d < least) {
			least = d;
			best = options[i].name;
		}
	}
	return best;
}

static void unknown(const struct args *a, struct span name, struct buf *why)
{
	const char *near = nearest(name, a->options, a->option_count);
	if (near == NULL)
		near = nearest(name, common, ARRAY_LEN(common));
	buf_printf(why, "unknown option %.*s", SPAN_FMT(name));
	if (near != NULL)
		buf_printf(why, "; did you mean %s?", near);
}

/* Where the value of this option goes; NULL for a common flag. */
static const char **slot(struct args *a, const struct arg_option *o)
{
	if (o == &common[0])
		return &a->config;
	if (o == &common[1] || o == &common[2])
		return NULL;
	return &a->values[o - a->options];
}

static bool option(struct args *a, const char *word, int argc,
		   char *const *argv, int *i, struct buf *why)
{
	struct span rest = span_cstr(word), name;
	bool with_value = span_cut(&rest, '=', &name);
	const struct arg_option *o = find(name, a->options, a->option_count);
	if (o == NULL)
		o = find(name, common, ARRAY_LEN(common));
	if (o == NULL) {
		unknown(a, name, why);
		return false;
	}
	if (o->value == NULL && with_value) {
		buf_printf(why, "%s takes no value", o->name);
		return false;
	}
	const char *value = o->value == NULL ? "" : rest.ptr;
	if (o->value != NULL && !with_value) {
		if (*i + 1 >= argc) {
			buf_printf(why, "%s needs a value: %s %s", o->name,
				   o->name, o->value);
			return false;
		}
		value = argv[++*i];
	}
	const char **to = slot(a, o);
	if (to == NULL) {
		a->json |= o == &common[1];
		a->help |= o == &common[2];
	} else if (*to != NULL) {
		buf_printf(why, "%s was given twice", o->name);
		return false;
	} else {
		*to = value;
	}
	return true;
}

bool args_parse(struct args *a, const struct arg_option *options, size_t count,
		int argc, char *const *argv, struct buf *why)
{
	bool words_only = false;
	*a = (struct args){.options = options, .option_count = count};
	for (int i = 0; i < argc; i++) {
		struct span word = span_cstr(argv[i]);
		if (!words_only && span_eq(word, SPAN("--"))) {
			words_only = true;
		} else if (!words_only && span_eq(word, SPAN("-h"))) {
			a->help = true;
		} else if (!words_only && span_starts(word, SPAN("-")) &&
			   word.len > 1) {
			if (!option(a, argv[i], argc, argv, &i, why))
				return false;
		} else if (a->word_count == ARGS_WORDS_MAX) {
			buf_printf(why, "more than %u words", ARGS_WORDS_MAX);
			return false;
		} else {
			a->words[a->word_count++] = argv[i];
		}
	}
	return true;
}

const char *args_value(const struct args *a, const char *name)
{
	const struct arg_option *o =
		find(span_cstr(name), a->options, a->option_count);
	return o ? a->values[o - a->options] : NULL;
}

bool args_size(struct span text, uint64_t *out)
{
	static const char units[] = "KMGT";
	uint64_t unit = 1, n;
	if (span_eq(text, SPAN("none"))) {
		*out = 0;
		return true;
	}
	if (text.len > 0) {
		size_t u = span_find(span_cstr(units),
				     ascii_upper(text.ptr[text.len - 1]));
		if (u != SIZE_MAX) {
			unit = (uint64_t)1024 << (10 * u);
			text = span_sub(text, 0, text.len - 1);
		}
	}
	return span_u64(text, UINT64_MAX >> 4, &n) && u64_mul(n, unit, out) &&
	       *out <= (uint64_t)1 << 60;
}
