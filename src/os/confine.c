/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/confine - limits, capabilities, Landlock, then the filter (os/filter.c), and
 * reading all of it back from the kernel.
 *
 * The order matters: each step takes away what the next no longer needs.
 */
#include "os/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/ensure.h"
#include "os/filter.h"

#define CAP_MOST 63

const char *confined_text(enum confined c)
{
	static const char *const texts[] = {
		[CONFINED] = "confined",
		[CONFINE_NO_LANDLOCK] = "confined, but this kernel has no Landlock",
		[CONFINE_NO_SECCOMP] = "no system call filter on this kernel",
		[CONFINE_SANITIZED] = "not confined: built with sanitizers",
		[CONFINE_FAILED] = "confinement failed",
	};
	return (unsigned)c < ARRAY_LEN(texts) ? texts[c] : "unknown";
}

/* --- limits and capabilities --- */

static bool limit(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(what, &now) != 0)
		return false;
	if (now.rlim_max < most) /* lower already, and stays so */
		most = now.rlim_max;
	return setrlimit(what, &(struct rlimit){most, most}) == 0;
}

static bool set_limits(const struct rights *r)
{
	if (!limit(RLIMIT_CORE, 0))
		return false;
	if (r->max_fds != 0 && !limit(RLIMIT_NOFILE, r->max_fds))
		return false;
	if (r->max_memory != 0 && !limit(RLIMIT_AS, r->max_memory))
		return false;
	/* Threads count as processes here, and so do the other roles' ones. */
	return (r->sys & (RIGHT_SPAWN | RIGHT_THREADS)) || limit(RLIMIT_NPROC, 0);
}

static uint64_t kept(unsigned keep)
{
	static const struct {
		unsigned keep, cap;
	} map[] = {{CAP_KEEP_SETUID, CAP_SETUID}, {CAP_KEEP_SETGID, CAP_SETGID},
		   {CAP_KEEP_KILL, CAP_KILL}, {CAP_KEEP_BIND, CAP_NET_BIND_SERVICE}};
	uint64_t caps = 0;

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (keep & map[i].keep)
			caps |= UINT64_C(1) << map[i].cap;
	return caps;
}

static bool get_caps(struct __user_cap_data_struct d[2])
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	return syscall(SYS_capget, &h, d) == 0;
}

/*
 * The bounding set needs CAP_SETPCAP, so it goes first.  All of it goes: what is
 * kept is for this program, and nothing that it starts may have it again.
 */
static bool drop_caps(uint64_t keep)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	if (!get_caps(d))
		return false;
	if (d[0].effective & (1u << CAP_SETPCAP))
		for (unsigned c = 0; c <= CAP_MOST; c++)
			if (prctl(PR_CAPBSET_READ, c) == 1 &&
			    prctl(PR_CAPBSET_DROP, c) != 0)
				return false;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int i = 0; i < 2; i++) {
		uint32_t part = (uint32_t)(keep >> (32 * i));
		d[i].effective = d[i].permitted &= part;
		d[i].inheritable = 0;
	}
	return syscall(SYS_capset, &h, d) == 0;
}

/* --- Landlock, by raw system calls --- */

struct ll_attr {
	uint64_t fs, net, scoped;
};

struct ll_path {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

#define LL_CREATE   444
#define LL_ADD      445
#define LL_RESTRICT 446
#define LL_READ     (UINT64_C(1) << 2 | UINT64_C(1) << 3) /* files, directories */
#define LL_EXEC     (UINT64_C(1) << 0)

static int landlock_abi(void)
{
	long v = syscall(LL_CREATE, NULL, 0, 1);
	return v > 0 ? (int)v : 0;
}

/* Every kind of access that this kernel's version knows. */
static struct ll_attr everything(int abi, unsigned sys)
{
	struct ll_attr a = {.fs = (UINT64_C(1) << 13) - 1};

	if (abi >= 2)
		a.fs |= UINT64_C(1) << 13; /* renaming between directories */
	if (abi >= 3)
		a.fs |= UINT64_C(1) << 14; /* truncate */
	if (abi >= 5)
		a.fs |= UINT64_C(1) << 15; /* ioctl on devices */
	if (abi >= 4 && !(sys & (RIGHT_DIAL | RIGHT_BIND)))
		a.net = 3; /* TCP: bind, connect */
	if (abi >= 6 && !(sys & RIGHT_SPAWN))
		a.scoped = 3; /* abstract sockets and signals of others */
	return a;
}

/* Devices, sockets and FIFOs are never made (bits 6, 9, 10, 11), nothing run. */
static uint64_t dir_access(const struct rights_dir *d, uint64_t all)
{
	uint64_t never = LL_EXEC | UINT64_C(1) << 6 | UINT64_C(1) << 9 |
			 UINT64_C(1) << 10 | UINT64_C(1) << 11 | UINT64_C(1) << 12 |
			 UINT64_C(1) << 15;
	return d->writable ? all & ~never : LL_READ;
}

static bool landlock(const struct rights *r, int abi)
{
	struct ll_attr a = everything(abi, r->sys);
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	long set = syscall(LL_CREATE, &a, size, 0);
	bool ok = set >= 0;

	for (size_t i = 0; ok && i < r->dir_count; i++) {
		struct ll_path p = {dir_access(&r->dirs[i], a.fs), r->dirs[i].fd};
		ok = syscall(LL_ADD, set, 1, &p, 0) == 0;
	}
	ok = ok && syscall(LL_RESTRICT, set, 0) == 0;
	if (set >= 0)
		(void)close((int)set);
	return ok;
}

/* --- what there is --- */

unsigned confine_kernel_lacks(void)
{
	return (landlock_abi() == 0 ? LACKS_LANDLOCK : 0) |
	       (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 ? LACKS_SECCOMP : 0);
}

const char *confine_lacks_text(unsigned lacks)
{
	static const char *const texts[] = {
		[0] = "",
		[LACKS_LANDLOCK] = "Landlock",
		[LACKS_SECCOMP] = "seccomp filters",
		[LACKS_LANDLOCK | LACKS_SECCOMP] = "Landlock and seccomp filters",
	};
	return lacks < ARRAY_LEN(texts) ? texts[lacks] : "unknown";
}

bool confined_enough(enum confined c, bool weak_kernel)
{
	if (c == CONFINE_NO_LANDLOCK || c == CONFINE_NO_SECCOMP)
		return weak_kernel;
	return c == CONFINED || c == CONFINE_SANITIZED;
}

/* --- all of it --- */

#ifdef LL_SANITIZE
/*
 * The sanitizers' runtime opens, maps, forks and traces as it likes: its calls
 * are rows of their own, no limit is set and nothing else is dropped.
 */
enum confined confine(const struct rights *given)
{
	struct rights r = *given;

	(void)set_limits, (void)drop_caps, (void)kept, (void)landlock;
	r.sys |= RIGHT_BASE | RIGHT_SANITIZER;
	if (confine_kernel_lacks() & LACKS_SECCOMP)
		return CONFINE_NO_SECCOMP;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_load(&r)
		       ? CONFINE_SANITIZED
		       : CONFINE_FAILED;
}
#else
#define ROLE_FDS_FIRST 3u /* behind the standard ones */

/* Landlock and capabilities are a thread's own: a second one would keep them. */
static bool alone(void)
{
	struct stat tasks;

	/* Two links are the folder's own, one is each thread's. */
	return stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink == 3;
}

enum confined confine(const struct rights *given)
{
	struct rights r = *given;
	int abi = landlock_abi();
	/* A supervisor without directories leaves Landlock to its children. */
	bool use_landlock = !(r.sys & RIGHT_SPAWN) || r.dir_count > 0;

	ENSURE(r.dir_count <= CONFINE_DIRS_MAX);
	r.sys |= RIGHT_BASE;
	/* Libraries open theirs as they like; nobody execs here but a supervisor. */
	(void)close_range(ROLE_FDS_FIRST, ~0u, CLOSE_RANGE_CLOEXEC);
	if (!alone() || !set_limits(&r) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return CONFINE_FAILED;
	if (!drop_caps(kept(r.keep_caps)))
		return CONFINE_FAILED;
	if (use_landlock && abi > 0 && !landlock(&r, abi))
		return CONFINE_FAILED;
	if (confine_kernel_lacks() & LACKS_SECCOMP)
		return CONFINE_NO_SECCOMP;
	if (!filter_load(&r))
		return CONFINE_FAILED;
	return use_landlock && abi == 0 ? CONFINE_NO_LANDLOCK : CONFINED;
}
#endif

bool refusals_open(struct refusals *out)
{
	int ends[2];

	*out = (struct refusals){.in = -1, .out = -1};
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	out->in = ends[0];
	out->out = ends[1];
	return true;
}

bool refusals_take(struct refusals *f, uint32_t *nr)
{
	if (f->in < 0 || read(f->in, nr, sizeof(*nr)) != (ssize_t)sizeof(*nr))
		return false;
	f->count++;
	f->last = *nr;
	return true;
}

void refusals_close(struct refusals *f)
{
	if (f->in >= 0)
		(void)close(f->in);
	if (f->out >= 0)
		(void)close(f->out);
	f->in = f->out = -1;
}

/* --- reports --- */

void confine_read(struct confine_report *out)
{
	struct __user_cap_data_struct d[2] = {0};
	struct rlimit core = {0}, fds = {0};

	(void)get_caps(d);
	(void)getrlimit(RLIMIT_CORE, &core);
	(void)getrlimit(RLIMIT_NOFILE, &fds);
	*out = (struct confine_report){
		.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
		.dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1,
		.seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0),
		.cap_eff = d[0].effective | (uint64_t)d[1].effective << 32,
		.cap_prm = d[0].permitted | (uint64_t)d[1].permitted << 32,
		.landlock_abi = landlock_abi(),
		.uid = geteuid(), .gid = getegid(),
		.core_limit = core.rlim_cur, .fd_limit = fds.rlim_cur};
	for (unsigned c = 0; c <= CAP_MOST; c++)
		if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
			out->cap_bnd |= UINT64_C(1) << c;
}

static bool field(struct span line, struct span name, int base, uint64_t *out)
{
	struct span value;

	if (!span_starts(line, name))
		return false;
	value = span_trim(span_skip(line, name.len));
	/* "Uid:" has four numbers: the first one is meant. */
	value = span_sub(value, 0, span_find(value, '\t'));
	return base == 16 ? hex_u64(value, out) : span_u64(value, UINT64_MAX, out);
}

static void read_status(struct span text, struct confine_report *out)
{
	struct span line;
	uint64_t n;

	while (text.len > 0) {
		(void)span_cut(&text, '\n', &line);
		if (field(line, SPAN("NoNewPrivs:"), 10, &n))
			out->no_new_privs = n == 1;
		else if (field(line, SPAN("Seccomp:"), 10, &n))
			out->seccomp = (int)n;
		else if (field(line, SPAN("Uid:"), 10, &n))
			out->uid = (uint32_t)n;
		else if (field(line, SPAN("Gid:"), 10, &n))
			out->gid = (uint32_t)n;
		else if (!field(line, SPAN("CapEff:"), 16, &out->cap_eff) &&
			 !field(line, SPAN("CapPrm:"), 16, &out->cap_prm))
			(void)field(line, SPAN("CapBnd:"), 16, &out->cap_bnd);
	}
}

enum os confine_read_pid(int32_t pid, struct confine_report *out)
{
	char path[40], text[8192];
	ssize_t n;
	int fd;

	*out = (struct confine_report){0};
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return os_from_errno(errno);
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	if (n <= 0)
		return OS_NOENT;
	read_status(span_of(text, (size_t)n), out);
	return OS_OK;
}
