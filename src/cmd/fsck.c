/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/fsck: verify what is stored, in the running server or without it. */
#include "cmd/keep.h"

/* Nobody runs: the keeper looks at the files itself. */
static void check_still(struct keep *k, struct answer *out)
{
	struct keep_run run = {
		.words = {"check", args_has(k->args, "--repair") ? "repair" : NULL},
		.folders = {k->store_dir},
		.folder_count = 1};
	keep_run(k, &run, out);
	if (out->end != END_DONE || out->row_count == 0)
		return;
	out->end = END_FAILED;
	out->why = args_has(k->args, "--repair")
			   ? SPAN("found, see the column mended")
			   : SPAN("found: run `letterlock fsck --repair` to "
				  "mend them");
}

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
	struct keep k;
	if (!keep_open(&k, c, &a, &end))
		return end;
	bool still = !k.running && k.store_dir >= 0;
	if (still)
		check_still(&k, &answer);
	keep_close(&k);
	if (!still && !ask(c, &a, "fsck", &repair,
			   args_has(&a, "--repair") ? 1 : 0, &answer))
		return answer.end;
	return answer_show(c, &a, &answer, &show);
}
