/* SPDX-License-Identifier: Apache-2.0 */
/* base/ensure: say what was false and where, then abort.  No allocation. */
#include "base/ensure.h"

#include <stdio.h>
#include <stdlib.h>

void ensure_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "letterlock: bug: %s is false at %s:%d\n", what, file,
		line);
	abort();
}
