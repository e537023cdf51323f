/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/probe - try to break out.
 *
 * A table of attempts, each something that code planted into a role would do
 * next: open a file, make a socket, exec, look into another process.  One is
 * run by index in the very process that is to be judged.  Three things can
 * happen: the kernel refuses it, it works, or the process is killed, which the
 * observer sees from outside.  Run without confinement (the control) every
 * attempt marked `control` must work, which shows that the attempt is real.
 *
 * Attempts clean up after themselves where they succeed, in a way that a
 * control run leaves the process usable; those that cannot (they replace or
 * copy the process) run it in a child of their own.
 */
#pragma once

#include "base/span.h"

enum probe_end {
	PROBE_REFUSED,   /* *err says how */
	PROBE_SUCCEEDED, /* a hole, or the control */
};

struct probe_info {
	const char *name;
	const char *what; /* for the table: "open /etc/passwd for reading" */
	/*
	 * Works for an ordinary process on any supported kernel.  Others depend
	 * on the machine (ptrace scope, being root, kernel options).
	 */
	bool control;
};

size_t probe_count(void);
const struct probe_info *probe_info(size_t index);
/* index < probe_count(). */
enum probe_end probe_run(size_t index, int *err);
