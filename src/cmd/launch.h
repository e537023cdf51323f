/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/launch - the programs beside the command: where they are, and starting
 * them.  They stand in the command's own folder (a build) or in
 * ../libexec/letterlock (an installation).
 */
#pragma once

#include "cmd/command.h"

/* Its absolute path in the arena; NULL: it is not there, which was said. */
const char *launch_path(struct command *, const char *program);
/*
 * letterlock-keygen in a folder, waited for.  argv[0] is what ps shows.
 * weak_kernel: it may run where the kernel lacks some confinement.  False: it
 * failed and said why.
 */
MUST_USE bool launch_keygen(struct command *, int folder, bool weak_kernel,
			    const char *const argv[]);
/* Become the supervisor with these arguments (args[0] is left free for its
 * path).  Returns only when that failed. */
enum end launch_supervisor(struct command *, const char *args[]);
