/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/fsck: verify what is stored, in the running server. */
#include "cmd/ask.h"

enum end verb_fsck(struct command *c)
{
	static const struct arg_option options[] = {{"--repair", NULL}};
	static const struct column columns[] = {
		{"kind", "FOUND", COLUMN_TEXT},
		{"where", "WHERE", COLUMN_TEXT},
		{"what", "WHAT", COLUMN_TEXT},
		{"mended", "MENDED", COLUMN_FLAG},
	};
	static const struct showing show = {.shape = SHAPE_LIST,
					    .columns = columns,
					    .column_count = ARRAY_LEN(columns),
					    .done = "everything is in order"};
	static const struct asking repair = {"repair", SPAN_INIT("yes")};
	struct answer answer;
	struct args a;
	enum end end;
	if (!command_args(c, &a, options, ARRAY_LEN(options), &end))
		return end;
	if (a.word_count > 0)
		return usage_error(c, "fsck takes no words");
	if (!ask(c, &a, "fsck", &repair, args_has(&a, "--repair") ? 1 : 0,
		 &answer))
		return answer.end;
	return answer_show(c, &a, &answer, &show);
}
