/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/value - one option's value: from tokens, to text, to and from bytes.
 * Text that conf_value_print wrote is read by conf_value_parse as the same.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "conf/lex.h"
#include "conf/options.h"
#include "conf/report.h"

struct conf_parsing {
	struct arena *arena;
	struct conf_report *report;
	struct span file;
	bool memory; /* ran out of it */
};

static inline struct conf_place conf_place(const struct conf_parsing *p,
					   const struct conf_token *t)
{
	return (struct conf_place){p->file, t->line, t->column};
}

/*
 * The n > 0 value tokens of a statement into *at.  False: said in the report
 * (or memory is set), *at unchanged.  SNIS and MAPS append one pair to the list.
 */
MUST_USE bool conf_value_parse(struct conf_parsing *, const struct conf_option *,
			       const struct conf_token *name,
			       const struct conf_token *values, size_t n,
			       void *at);

/* The row's default; nothing when it has none.  False: out of memory. */
MUST_USE bool conf_value_initial(struct conf_parsing *,
				 const struct conf_option *, void *at);

/* How many statements say it: pairs of SNIS and MAPS, else 1. */
size_t conf_value_items(const struct conf_option *, const void *at);
/* Without name and semicolon; SNIS and MAPS print the pair number `item`. */
void conf_value_print(const struct conf_option *, const void *at, size_t item,
		      struct buf *);
/* True when there is nothing that a statement could say. */
bool conf_value_empty(const struct conf_option *, const void *at);

/* A number in the unit of the row: 50M, 5m, 2%, 25. */
void conf_number_print(const struct conf_option *, uint64_t, struct buf *);
