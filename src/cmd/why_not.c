/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/why_not: `letterlock why-not DOMAIN`. */
#include <stdio.h>

#include "cmd/ask.h"

#define PAGE_MAX (4u << 20)

/* One step a paragraph: what, then each thing that is known of it. */
static void put_step(struct buf *out, const struct json *row)
{
	table_plain(out, json_text(row, "step"));
	buf_addc(out, '\n');
	for (const struct json *f = row->first; f != NULL; f = f->next) {
		if (f->text.len == 0 || span_eq(f->key, SPAN("step")))
			continue;
		buf_add(out, SPAN("   "));
		table_plain(out, f->key);
		if (span_has(f->text, '\n')) {
			buf_add(out, SPAN(":\n"));
			table_lines(out, SPAN("      "), f->text);
			continue;
		}
		buf_add(out, SPAN(": "));
		table_plain(out, f->text);
		buf_addc(out, '\n');
	}
}

static bool show(struct command *c, const struct answer *x)
{
	struct buf out;
	buf_init(&out, PAGE_MAX);
	for (size_t i = 0; i < x->row_count; i++) {
		const struct json *row = json_read(c->arena, x->rows[i]);
		if (row == NULL)
			break;
		put_step(&out, row);
	}
	fwrite(out.data + out.from, 1, buf_len(&out), stdout);
	bool ok = buf_ok(&out);
	buf_free(&out);
	if (!ok)
		complain(c, "memory is short");
	return ok;
}

enum end verb_why_not(struct command *c)
{
	static const struct showing json = {.shape = SHAPE_LIST};
	static const struct arg_option options[] = {{"--requiretls", NULL}};
	struct args a;
	struct answer x;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	if (a.word_count != 1)
		return usage_error(c, "one domain");
	struct asking what[] = {{"domain", span_cstr(a.words[0])},
				{"requiretls", SPAN("yes")}};
	size_t count = args_has(&a, "--requiretls") ? 2 : 1;
	if (!ask(c, &a, "why-not", what, count, &x))
		return x.end;
	if (a.json)
		return answer_show(c, &a, &x, &json);
	if (!show(c, &x))
		return END_FAILED;
	if (x.why.len > 0) {
		if (x.end == END_DONE)
			printf("%.*s\n", SPAN_FMT(x.why));
		else
			complain(c, "%.*s", SPAN_FMT(x.why));
	}
	return x.end;
}
