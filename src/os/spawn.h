/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/spawn - start one of our own programs as a new process.
 *
 * The program is named by an open descriptor, never by a path at the time of
 * the exec.  The child gets exactly the descriptors that are listed, numbered
 * 3, 4, 5 ... in their order, and standard error; 0 and 1 are /dev/null.  It
 * gets no environment but what is listed.  It dies with its parent (PDEATHSIG,
 * and a check for the race before it).  It stays in the process group.
 *
 * The caller has one thread.
 */
#pragma once

#include "os/world.h"

#define SPAWN_FDS_MAX  64u
#define SPAWN_FD_FIRST 3

struct spawn {
	int program;             /* from spawn_program_open */
	const char *const *argv; /* NULL-terminated; argv[0] is what ps shows */
	const char *const *envp; /* NULL-terminated, or NULL for none */
	const int *fds;
	size_t fd_count;
	bool set_ids; /* root only: become uid and gid, no other groups */
	uint32_t uid, gid;
};

MUST_USE enum os spawn_program_open(const char *path, int *fd);
/*
 * OS_OK: the child has exec'ed.  Any failure up to and including the exec
 * is the answer here, and no child is left.
 */
MUST_USE enum os spawn(const struct spawn *, int32_t *pid);

struct spawn_exit {
	int32_t pid;
	bool signalled;
	int code; /* exit status, or the signal's number */
};

/* One dead child, or OS_AGAIN; OS_NOENT when there are no children at all. */
MUST_USE enum os spawn_reap(struct spawn_exit *);
/* "exited with 3", "killed by SIGSYS (refused system call)". */
struct span spawn_exit_text(const struct spawn_exit *, char *out, size_t cap);

enum spawn_signal { SPAWN_TERM, SPAWN_KILL, SPAWN_HUP };
enum os spawn_signal(int32_t pid, enum spawn_signal);

/* End our own process now, without unwinding (children of tests, fatal paths). */
NORETURN void spawn_exit_now(int code);
/* The effective user and our own pid. */
uint32_t os_uid(void);
uint32_t os_gid(void);
int32_t os_pid(void);
/* Processors that may be used, at least 1. */
unsigned os_processors(void);
