/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/confine - the first page of a role: give everything away but the rights.
 *
 * confine() sets, in this order: close-on-exec of every descriptor, rlimits, not dumpable, no_new_privs, all
 * capabilities dropped (but `keep_caps`), Landlock deny-all except the listed
 * directories, the seccomp filter.  It is called once, after start-up and
 * before the first byte from outside; nothing of it can be undone.  The process has
 * one thread then (else CONFINE_FAILED): others would keep what this one gave away.
 *
 * The filter has three answers: listed calls are allowed; dangerous ones kill
 * the process; any other is refused with ENOSYS, so that a newer libc finds its
 * older way instead of ending mail.  Refusals are told by their number, see
 * struct refusals.
 *
 * Builds with sanitizers set no_new_privs and a filter that has RIGHT_SANITIZER
 * too, nothing else, and report CONFINE_SANITIZED: they are not confined.
 */
#pragma once

#include "os/rights.h"
#include "os/status.h"

#define CONFINE_DIRS_MAX 8u
#define CONFINE_IDS_MAX  64u /* role ids of a supervisor: a rule each */

/* Capabilities that a supervisor may keep. */
#define CAP_KEEP_SETUID (1u << 0)
#define CAP_KEEP_SETGID (1u << 1)
#define CAP_KEEP_KILL   (1u << 2)
#define CAP_KEEP_BIND   (1u << 3)

struct rights_dir {
	int fd;        /* an open directory */
	bool writable; /* make, write, rename and remove below it too */
};

struct rights {
	unsigned sys; /* a set of enum right; RIGHT_BASE is implied */
	const struct rights_dir *dirs;
	size_t dir_count;
	unsigned keep_caps;  /* CAP_KEEP_*; 0 for every role but the supervisor */
	uint32_t max_fds;    /* RLIMIT_NOFILE; 0: leave as it is */
	uint64_t max_memory; /* RLIMIT_AS in bytes; 0: leave as it is */
	/*
	 * RIGHT_SPAWN (without `dirs`, no Landlock: its children would
	 * inherit it): what it may exec is fixed to these descriptors, and the
	 * ids that it may set to [id_first, id_last]; 0, 0: none.
	 */
	const int *programs;
	size_t program_count;
	uint32_t id_first, id_last;
	/*
	 * The writing end of struct refusals; 0: refusals are not told.  Ignored
	 * with RIGHT_SPAWN: children inherit a filter, but not the handler.
	 */
	int refusals;
};

enum confined {
	CONFINED,
	CONFINE_NO_LANDLOCK, /* all else is in force; the caller decides */
	CONFINE_NO_SECCOMP,  /* no filter; the caller decides */
	CONFINE_SANITIZED,   /* a sanitizer build: not confined */
	CONFINE_FAILED,      /* half done: end the process */
};

MUST_USE enum confined confine(const struct rights *);
const char *confined_text(enum confined);

/*
 * A kernel that lacks some of it.  Nothing of ours runs on one unless whoever
 * started it allowed that; then with what is there.  Programs are told by this word
 * among their arguments, never by the configuration.
 */
#define CONFINE_WEAK_WORD "weak-kernel"
#define LACKS_LANDLOCK    (1u << 0)
#define LACKS_SECCOMP     (1u << 1)

unsigned confine_kernel_lacks(void);            /* a set of LACKS_*; before confine() */
const char *confine_lacks_text(unsigned lacks); /* "Landlock"; "" for nothing */
/* May a process go on after this answer of confine()? */
bool confined_enough(enum confined, bool weak_kernel);

/*
 * System calls answered with ENOSYS, told through a pipe: watch `in`, take until
 * false.  A full pipe drops further ones, so the count is a lower bound; it says
 * that something asks for what it was not given, not how often.
 */
struct refusals {
	int in, out; /* -1: none */
	uint64_t count; /* taken so far */
	uint32_t last;  /* the last one's number */
};

MUST_USE bool refusals_open(struct refusals *); /* before confine() */
MUST_USE bool refusals_take(struct refusals *, uint32_t *nr);
void refusals_close(struct refusals *);

/* What the kernel says about this process now. */
struct confine_report {
	bool no_new_privs, dumpable;
	int seccomp;          /* 0 none, 1 strict, 2 filter */
	uint64_t cap_eff, cap_prm, cap_bnd;
	int landlock_abi;     /* of the kernel; 0: none */
	uint32_t uid, gid;
	uint64_t core_limit, fd_limit;
};

/*
 * Works before and after confine().  After it everything is asked for by
 * prctl, capget and getrlimit, because /proc is out of reach.
 */
void confine_read(struct confine_report *);
/* The same for another process from /proc/PID/status; OS_NOENT: gone. dumpable, limits and ABI
 * are not in there and stay 0. */
MUST_USE enum os confine_read_pid(int32_t pid, struct confine_report *);
