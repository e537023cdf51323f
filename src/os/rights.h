/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/rights - which system calls each named right stands for.
 *
 * One table (rights.c) is the whole truth: a row per system call with the
 * rights that include it, and for a few a condition on an argument.  Calls in
 * no row are answered with ENOSYS; the rows of the second table, calls that a
 * process of ours has no honest reason to make, end the process, unless one of
 * its rights lists them.
 */
#pragma once

#include "base/span.h"

enum right {
	RIGHT_BASE = 1u << 0,       /* every role: memory, time, own descriptors */
	RIGHT_ACCEPT = 1u << 1,     /* accept on listening sockets that it was given */
	RIGHT_DATA_FILES = 1u << 2, /* files, within the directories of struct rights */
	RIGHT_THREADS = 1u << 3,    /* start threads (never processes) */
	RIGHT_DIAL = 1u << 4,       /* make TCP and UDP sockets and connect them */
	RIGHT_LOG_FILES = 1u << 5,  /* open, append and rename, within directories */
	RIGHT_SPAWN = 1u << 6,      /* the supervisor: fork, exec, ids, kill, wait */
	RIGHT_BIND = 1u << 7,       /* listening sockets, TCP and local */
	RIGHT_BLOBS = 1u << 8,      /* make sealed memory of its own */
	RIGHT_SANITIZER = 1u << 9,  /* what the runtime of a sanitizer build calls */
};
/* What a role can be given; RIGHT_SANITIZER and its rows (os/sanitize.c) come with a
 * sanitizer build alone. */
#define RIGHTS_ALL 0x1ffu

const char *right_name(enum right); /* "data-files" */

/* Is this call allowed with these rights?  For documentation and tests. */
bool rights_allow(unsigned rights, const char *syscall);
/* Would it end the process? */
bool rights_kill(unsigned rights, const char *syscall);
