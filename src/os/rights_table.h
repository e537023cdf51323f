/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/rights_table - the shape of the rows, for the code that builds the filter.
 *
 * A call that is allowed under a condition is refused with ENOSYS when the
 * condition does not hold; IF_THREAD kills (it is a fork then).
 */
#pragma once

#include "os/rights.h"

enum rights_if {
	IF_ANY,
	IF_NO_EXEC,    /* third argument without PROT_EXEC */
	IF_EMPTY_PATH, /* with AT_EMPTY_PATH: how libc spells fstat */
	IF_SELF,       /* first argument is our own process */
	IF_READ_LIMIT, /* own limits, reading only */
	IF_VERSION,    /* only asks for the version of Landlock */
	IF_ASKING,     /* prctl that only asks, or names a thread */
	IF_THREAD,     /* with CLONE_THREAD */
	IF_INET,       /* IPv4 or IPv6 */
	IF_PROGRAM,    /* first argument is one of the programs' descriptors */
	IF_ROLE_ID,    /* all three ids one of the roles' */
	IF_NO_GROUPS,  /* an empty list */
};

struct rights_row {
	const char *name;
	unsigned rights;
	enum rights_if when;
};

const struct rights_row *rights_row(size_t i); /* NULL: there are no more */
size_t rights_deadly(const char *const **);
