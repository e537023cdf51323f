/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/data: from words to an action, from an action to a question. */
#include "cmd/data.h"

#include <stdio.h>
#include <string.h>

#include "base/ensure.h"

#define WHY_MAX 256u

/* How many of the given words name the action: 0 for none. */
static size_t names(const struct data_action *x, const struct args *a)
{
	struct span rest = span_cstr(x->words), word;
	size_t n = 0;
	while (rest.len > 0) {
		(void)span_cut(&rest, ' ', &word);
		if (n == a->word_count ||
		    !span_eq(word, span_cstr(a->words[n])))
			return 0;
		n++;
	}
	return n;
}

static const struct data_action *find(const struct data_verb *v,
				      const struct args *a, size_t *used)
{
	for (size_t i = 0; i < v->action_count; i++) {
		*used = names(&v->actions[i], a);
		if (*used > 0)
			return &v->actions[i];
	}
	return NULL;
}

static enum end no_action(struct command *c, const struct data_verb *v,
			  const struct args *a)
{
	char text[WHY_MAX];
	if (a->word_count == 0)
		return usage_error(c, "say what to do");
	for (size_t i = 0; i < v->action_count; i++)
		if (args_slip(span_cstr(a->words[0]),
			      span_cstr(v->actions[i].words)) != SIZE_MAX) {
			snprintf(text, sizeof text,
				 "there is no \"%.64s\"; did you mean \"%s\"?",
				 a->words[0], v->actions[i].words);
			return usage_error(c, text);
		}
	snprintf(text, sizeof text, "there is no \"%.64s\"", a->words[0]);
	return usage_error(c, text);
}

static enum end wrong(struct command *c, const char *before, const char *what)
{
	char text[WHY_MAX];
	snprintf(text, sizeof text, "%s %.128s", before, what);
	return usage_error(c, text);
}

/* The action's words as arguments. */
static bool take_words(struct command *c, const struct data_action *x,
		       const struct args *a, size_t used, struct asking *out,
		       size_t *n, enum end *end)
{
	size_t i = used;
	for (size_t k = 0; k < ACTION_WORDS_MAX && x->takes[k] != NULL; k++) {
		size_t len = strlen(x->takes[k]);
		char mark = x->takes[k][len - 1];
		bool rest = mark == '+' || mark == '*';
		bool named = rest || mark == '?';
		const char *name = x->takes[k];
		if (named)
			name = arena_cstr(c->arena, span_of(name, len - 1));
		if (i == a->word_count && (mark == '*' || mark == '?'))
			break;
		if (i == a->word_count || name == NULL) {
			*end = wrong(c, "missing after", x->words);
			return false;
		}
		do {
			ENSURE(*n < ASK_ARGUMENTS_MAX);
			out[(*n)++] = (struct asking){
				name, span_cstr(a->words[i++])};
		} while (rest && i < a->word_count);
	}
	if (i < a->word_count) {
		*end = wrong(c, "too much:", a->words[i]);
		return false;
	}
	return true;
}

static bool allowed(const struct data_option *o, const struct data_action *x)
{
	struct span rest = span_cstr(o->actions), word;
	while (rest.len > 0) {
		(void)span_cut(&rest, ' ', &word);
		if (span_eq(word, span_cstr(x->words)))
			return true;
	}
	return false;
}

static bool option_value(struct command *c, const struct data_option *o,
			 const char *value, struct span *out)
{
	uint64_t bytes;
	*out = span_cstr(value);
	if (o->optional_none && span_eq(*out, SPAN("none")))
		*out = SPAN("");
	if (!o->size)
		return true;
	if (!args_size(*out, &bytes))
		return false;
	*out = arena_printf(c->arena, "%llu", (unsigned long long)bytes);
	return out->len > 0;
}

static bool take_options(struct command *c, const struct data_verb *v,
			 const struct data_action *x, const struct args *a,
			 struct asking *out, size_t *n, enum end *end)
{
	for (size_t i = 0; i < v->option_count; i++) {
		const struct data_option *o = &v->options[i];
		const char *value = args_value(a, o->option.name);
		if (value == NULL || o->key == NULL)
			continue;
		if (!allowed(o, x)) {
			*end = wrong(c, o->option.name, "does not belong here");
			return false;
		}
		ENSURE(*n < ASK_ARGUMENTS_MAX);
		if (!option_value(c, o, value, &out[*n].value)) {
			*end = wrong(c, o->option.name,
				     "takes a size such as 500M or 5G");
			return false;
		}
		out[(*n)++].name = o->key;
	}
	return true;
}

enum end data_run(struct command *c, const struct data_verb *v)
{
	struct arg_option options[ARGS_OPTIONS_MAX];
	struct asking asking[ASK_ARGUMENTS_MAX];
	struct answer answer;
	struct args a;
	size_t n = 0, used;
	enum end end;
	for (size_t i = 0; i < v->option_count; i++)
		options[i] = v->options[i].option;
	if (!command_args(c, &a, options, v->option_count, &end))
		return end;
	const struct data_action *x = find(v, &a, &used);
	if (x == NULL)
		return no_action(c, v, &a);
	if (a.word_count - used > ASK_ARGUMENTS_MAX - ARGS_OPTIONS_MAX)
		return usage_error(c, "too many words");
	if (!take_words(c, x, &a, used, asking, &n, &end) ||
	    !take_options(c, v, x, &a, asking, &n, &end) ||
	    (x->more != NULL && !x->more(c, &a, asking, &n, &end)))
		return end;
	if (!ask(c, &a, x->ask, asking, n, &answer))
		return answer.end;
	return answer_show(c, &a, &answer, &x->show);
}
