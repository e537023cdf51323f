/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/report - collecting what is wrong, within conf, and finding the name
 * that was probably meant.
 */
#pragma once

#include "conf/options.h"
#include "conf/parse.h"

struct conf_place {
	struct span file;
	uint32_t line, column;
};

MUST_USE bool conf_report_init(struct conf_report *);
PRINTF_LIKE(3, 4)
void conf_wrong(struct conf_report *, struct conf_place, const char *fmt, ...);
PRINTF_LIKE(3, 4)
void conf_warn(struct conf_report *, struct conf_place, const char *fmt, ...);
static inline bool conf_report_full(const struct conf_report *r)
{
	return r->errors >= CONF_ERRORS_MAX;
}

/* The candidate nearest to word; NULL when none is near. */
struct conf_nearest {
	struct span word;
	const char *best;
	size_t distance;
};
void conf_nearest_init(struct conf_nearest *, struct span word);
void conf_nearest_try(struct conf_nearest *, struct span candidate);

/*
 * What to do about an unknown name in a block, as a sentence with a leading
 * "; ": a near name, the block that it belongs to, what another mail server's
 * name is called here, or where the names are listed.  Written to out.
 */
void conf_advise(struct span name, enum conf_block in, bool is_block, char *out,
		 size_t size);
