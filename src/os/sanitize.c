/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sanitize: the wider list of calls, and the runtime's options.
 *
 * A report opens /proc/self/maps, finds symbols, and at the end a tracer of our
 * own stops the process to look for leaks: that is what the rows are for, and
 * nothing else may need them.  Reports go to standard error, which roles share
 * with the supervisor; what was found ends the process.
 */
#include "os/sanitize.h"

#include <sanitizer/lsan_interface.h>

#define Z RIGHT_SANITIZER

static const struct rights_row rows[] = {
	{"open", Z, IF_ANY}, {"openat", Z, IF_ANY}, {"stat", Z, IF_ANY},
	{"lstat", Z, IF_ANY}, {"newfstatat", Z, IF_ANY}, {"access", Z, IF_ANY},
	{"faccessat", Z, IF_ANY}, {"readlink", Z, IF_ANY}, {"readlinkat", Z, IF_ANY},
	{"getcwd", Z, IF_ANY}, {"getdents", Z, IF_ANY}, {"getdents64", Z, IF_ANY},
	{"ioctl", Z, IF_ANY}, {"mmap", Z, IF_ANY}, {"mprotect", Z, IF_ANY},
	{"prctl", Z, IF_ANY}, {"prlimit64", Z, IF_ANY}, {"arch_prctl", Z, IF_ANY},
	{"tgkill", Z, IF_ANY}, {"kill", Z, IF_ANY}, {"set_tid_address", Z, IF_ANY},
	{"clone", Z, IF_ANY}, {"fork", Z, IF_ANY}, {"vfork", Z, IF_ANY},
	{"execve", Z, IF_ANY}, {"wait4", Z, IF_ANY}, {"waitid", Z, IF_ANY},
	{"pipe2", Z, IF_ANY}, {"pipe", Z, IF_ANY}, {"dup2", Z, IF_ANY},
	{"dup3", Z, IF_ANY}, {"socketpair", Z, IF_ANY}, {"ptrace", Z, IF_ANY},
	{"process_vm_readv", Z, IF_ANY}, {"sched_getparam", Z, IF_ANY},
	{"sched_getscheduler", Z, IF_ANY}, {"unlink", Z, IF_ANY},
	{"rename", Z, IF_ANY}, {"ftruncate", Z, IF_ANY}, {"flock", Z, IF_ANY},
};

const struct rights_row *sanitize_row(size_t i)
{
	return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

void sanitize_leaks(const void *root)
{
	const void *volatile here = root; /* on the stack, which is looked at */

	__lsan_do_leak_check();
	(void)here;
}

/* The runtime looks these up by name, in a shared library too. */
#define ASKED __attribute__((visibility("default"), used, no_sanitize("address")))

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* A small quarantine: a dozen processes have one each. */
ASKED const char *__asan_default_options(void)
{
	return "abort_on_error=1:detect_leaks=1:quarantine_size_mb=16";
}

ASKED const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1:abort_on_error=1";
}
