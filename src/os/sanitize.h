/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sanitize - what a build with sanitizers has beside the others.
 *
 * The rows of RIGHT_SANITIZER, the options that the runtime asks the program for
 * (a role gets no environment, so it cannot be given them in another way), and
 * the look for leaks at the end of a process.  Other builds have none of it.
 */
#pragma once

#include "os/rights_table.h"

#ifdef LL_SANITIZE
/* After the rows of every build; NULL: there are no more. */
const struct rights_row *sanitize_row(size_t i);
/*
 * The last act of a process that ends in good order: what hangs neither on `root`
 * nor on the stack is reported, and the process dies of it.
 */
void sanitize_leaks(const void *root);
#else
static inline const struct rights_row *sanitize_row(size_t i)
{
	(void)i;
	return NULL;
}

static inline void sanitize_leaks(const void *root)
{
	(void)root;
}
#endif
