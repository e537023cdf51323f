/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - put in front of libc (LD_PRELOAD) in the real store program.
 *
 * Every call that changes the disk below CRASH_ROOT is made and noted under one
 * lock, so that the log is one total order over all threads, RocksDB's too; so
 * is every packet that leaves on a channel.  The log is mapped before the
 * program confines itself: noting needs no system call but those it has.
 *
 * CRASH_LOG      the log; without it nothing is noted
 * CRASH_ROOT     the data folder: other file systems are not looked at
 * CRASH_SYNC_US  a sync takes so long, so that groups gather as on a real disk
 * CRASH_MEMTABLE RocksDB's memtables get so many bytes, so that flush and
 *                compaction happen in small scenarios
 * CRASH_FAIL     "body:3": the third sync of a large body fails with EIO, once;
 *                "dir:3" of a folder after the first body's, "file:3" of any other
 *                file
 * CRASH_DIE      the first process of a log is gone at its n-th sync, as by kill -9
 * CRASH_DIE_WITH the first process of a log is gone when it is about to sync what
 *                holds these bytes: they are written, and not on the disk
 * CRASH_AHEAD_S  the clocks jump ahead by so many seconds, AHEAD_AFTER_US after the
 *                start: what is done once a day is done now
 *
 * What libc itself writes through a FILE is not seen; RocksDB's LOG is such a
 * file and nothing reads it.  The explorer proves that nothing else is missed:
 * the whole log replayed must give the folder that is there.
 */
/* open and open64 are two names here, and nothing may be inlined around us. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#define _GNU_SOURCE
#include "record.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct record_head *head;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dev_t root_dev;
static uint64_t syncs;
static long sync_us, memtable, fail_in, die_at, ahead;
static char fail_kind; /* b, d or f */
static bool ready, bodies;
static const char *die_with;
static uint64_t die_ino; /* of the file that has these bytes */
static uint64_t born_us;

#define AHEAD_AFTER_US 400000u
#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);
	if (f == NULL)
		abort();
	return f;
}

static long number(const char *name)
{
	const char *text = getenv(name);
	return text != NULL ? strtol(text, NULL, 10) : 0;
}

static void note(struct record r, const void *a, size_t a_len, const void *b, size_t b_len);

static uint64_t now_us(void)
{
	struct timespec t;
	REAL(clock_gettime)(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CRASH_LOG"), *root = getenv("CRASH_ROOT");
	struct stat st;

	sync_us = number("CRASH_SYNC_US");
	memtable = number("CRASH_MEMTABLE");
	const char *fail = getenv("CRASH_FAIL"), *colon = fail ? strchr(fail, ':') : NULL;
	fail_kind = colon != NULL ? fail[0] : 0;
	fail_in = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;
	ahead = number("CRASH_AHEAD_S");
	if (path != NULL && root != NULL) {
		int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || stat(root, &st) != 0)
			abort();
		root_dev = st.st_dev;
		head = mmap(NULL, RECORD_LOG_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (head == MAP_FAILED || head->magic != RECORD_MAGIC)
			abort();
		(void)close(fd);
		if (head->used == sizeof *head)
			die_at = number("CRASH_DIE"), die_with = getenv("CRASH_DIE_WITH");
	}
	born_us = now_us();
	ready = true;
	note((struct record){.kind = RECORD_START}, NULL, 0, NULL, 0);
}

/* Under the lock. */
static void note(struct record r, const void *a, size_t a_len, const void *b, size_t b_len)
{
	if (head == NULL)
		return;
	size_t size = (sizeof r + a_len + b_len + 7) & ~(size_t)7;
	if (head->used + size > RECORD_LOG_MAX)
		abort(); /* a longer log is needed, not a shorter truth */
	char *to = (char *)head + head->used;
	r.size = (uint32_t)size;
	r.a_len = (uint32_t)a_len;
	r.b_len = (uint32_t)b_len;
	r.thread = (uint32_t)gettid();
	memcpy(to, &r, sizeof r);
	if (a_len > 0)
		memcpy(to + sizeof r, a, a_len);
	if (b_len > 0)
		memcpy(to + sizeof r + a_len, b, b_len);
	head->used += size;
}

static void enter(void)
{
	pthread_mutex_lock(&lock);
}

static void leave(void)
{
	int e = errno;
	pthread_mutex_unlock(&lock);
	errno = e;
}

/* The inode behind a descriptor if it lives on the disk that is recorded. */
static uint64_t disk_ino(int fd)
{
	struct stat st;
	int e = errno;
	bool ok = head != NULL && fstat(fd, &st) == 0 && st.st_dev == root_dev &&
		  (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	errno = e;
	return ok ? st.st_ino : 0;
}

/* 0: the working directory. */
static uint64_t dir_ino(int dir)
{
	return dir == AT_FDCWD ? 0 : disk_ino(dir);
}

/* ---- names ------------------------------------------------------------------ */

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	bool makes = (flags & (O_CREAT | O_TRUNC)) != 0;
	enter();
	int fd = REAL(openat)(dir, path, flags, mode);
	uint64_t ino = fd >= 0 && makes ? disk_ino(fd) : 0;
	if (ino != 0)
		note((struct record){.kind = RECORD_OPEN, .ino = ino, .dir = dir_ino(dir),
				     .how = (uint32_t)flags},
		     path, strlen(path), NULL, 0);
	leave();
	return fd;
}

#define MODE(flags, mode)                                                      \
	do {                                                                   \
		va_list ap;                                                    \
		va_start(ap, flags);                                           \
		if (((flags) & (O_CREAT | O_TMPFILE)) != 0)                    \
			(mode) = va_arg(ap, mode_t);                           \
		va_end(ap);                                                    \
	} while (0)

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	MODE(flags, mode);
	return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	MODE(flags, mode);
	return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	MODE(flags, mode);
	return open_at(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	MODE(flags, mode);
	return open_at(dir, path, flags, mode);
}

static void note_names(uint16_t kind, int dir, const char *a, int other, const char *b)
{
	note((struct record){.kind = kind, .dir = dir_ino(dir), .other = dir_ino(other)},
	     a, strlen(a), b, strlen(b));
}

int renameat(int dir, const char *a, int other, const char *b)
{
	enter();
	int r = REAL(renameat)(dir, a, other, b);
	if (r == 0)
		note_names(RECORD_RENAME, dir, a, other, b);
	leave();
	return r;
}

int rename(const char *a, const char *b)
{
	return renameat(AT_FDCWD, a, AT_FDCWD, b);
}

int linkat(int dir, const char *a, int other, const char *b, int flags)
{
	enter();
	int r = REAL(linkat)(dir, a, other, b, flags);
	if (r == 0)
		note_names(RECORD_LINK, dir, a, other, b);
	leave();
	return r;
}

int link(const char *a, const char *b)
{
	return linkat(AT_FDCWD, a, AT_FDCWD, b, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
	enter();
	int r = REAL(unlinkat)(dir, path, flags);
	if (r == 0)
		note_names(flags & AT_REMOVEDIR ? RECORD_RMDIR : RECORD_UNLINK, dir, path,
			   AT_FDCWD, "");
	leave();
	return r;
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	struct stat st = {0};
	enter();
	int r = REAL(mkdirat)(dir, path, mode);
	if (r == 0 && head != NULL && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == root_dev)
		note((struct record){.kind = RECORD_MKDIR, .ino = st.st_ino, .dir = dir_ino(dir)},
		     path, strlen(path), NULL, 0);
	leave();
	return r;
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int fchdir(int fd)
{
	enter();
	int r = REAL(fchdir)(fd);
	if (r == 0)
		note((struct record){.kind = RECORD_ENTER, .dir = disk_ino(fd)}, NULL, 0, NULL, 0);
	leave();
	return r;
}

/* ---- bytes ------------------------------------------------------------------- */

static ssize_t noted(uint64_t ino, uint64_t at, const void *bytes, ssize_t n)
{
	if (n > 0 && die_with != NULL && memmem(bytes, (size_t)n, die_with, strlen(die_with)))
		die_ino = ino;
	if (n > 0)
		note((struct record){.kind = RECORD_WRITE, .ino = ino, .at = at}, bytes,
		     (size_t)n, NULL, 0);
	return n;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	enter();
	ssize_t n = REAL(pwrite)(fd, bytes, len, at);
	uint64_t ino = n > 0 ? disk_ino(fd) : 0;
	if (ino != 0)
		noted(ino, (uint64_t)at, bytes, n);
	leave();
	return n;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	return pwrite(fd, bytes, len, at);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	enter();
	ssize_t n = REAL(write)(fd, bytes, len);
	uint64_t ino = n > 0 ? disk_ino(fd) : 0;
	if (ino != 0) /* the position is behind what was written, also with O_APPEND */
		noted(ino, (uint64_t)(lseek(fd, 0, SEEK_CUR) - n), bytes, n);
	leave();
	return n;
}

static void cannot(int fd, const char *name)
{
	uint64_t ino = disk_ino(fd);
	if (ino != 0)
		note((struct record){.kind = RECORD_SEEN, .ino = ino}, name, strlen(name), NULL, 0);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	enter();
	ssize_t r = REAL(writev)(fd, v, n);
	cannot(fd, "writev");
	leave();
	return r;
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	enter();
	ssize_t r = REAL(pwritev)(fd, v, n, at);
	cannot(fd, "pwritev");
	leave();
	return r;
}

ssize_t copy_file_range(int from, off_t *a, int to, off_t *b, size_t len, unsigned flags)
{
	enter();
	ssize_t r = REAL(copy_file_range)(from, a, to, b, len, flags);
	cannot(to, "copy_file_range");
	leave();
	return r;
}

int msync(void *at, size_t len, int flags)
{
	enter();
	int r = REAL(msync)(at, len, flags);
	note((struct record){.kind = RECORD_SEEN}, "msync", 5, NULL, 0);
	leave();
	return r;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	void *p = REAL(mmap)(at, len, prot, flags, fd, from);
	if (ready && p != MAP_FAILED && fd >= 0 && (flags & MAP_SHARED) != 0 &&
	    (prot & PROT_WRITE) != 0) {
		enter();
		cannot(fd, "mmap");
		leave();
	}
	return p;
}

int ftruncate(int fd, off_t size)
{
	enter();
	int r = REAL(ftruncate)(fd, size);
	uint64_t ino = r == 0 ? disk_ino(fd) : 0;
	if (ino != 0)
		note((struct record){.kind = RECORD_SIZE, .ino = ino, .at = (uint64_t)size}, NULL,
		     0, NULL, 0);
	leave();
	return r;
}

/* With KEEP_SIZE nothing of it can be seen; a file system may refuse it. */
int fallocate(int fd, int mode, off_t from, off_t len)
{
	if (head != NULL || (mode & FALLOC_FL_KEEP_SIZE) != 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return REAL(fallocate)(fd, mode, from, len);
}

int posix_fallocate(int fd, off_t from, off_t len)
{
	(void)fd, (void)from, (void)len;
	return EOPNOTSUPP;
}

/* ---- syncs --------------------------------------------------------------------- */

static void take_time(void)
{
	uint64_t until = now_us() + (uint64_t)sync_us;
	while (sync_us > 0 && now_us() < until) {
		struct timespec t = {0, 50000};
		(void)nanosleep(&t, NULL);
	}
}

static char kind_of(int fd)
{
	struct stat st;
	char first[6];
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return 'd';
	return pread(fd, first, sizeof first, 0) == sizeof first &&
			       memcmp(first, "LLBODY", sizeof first) == 0
		       ? 'b'
		       : 'f';
}

/* Is it this one's turn to fail?  Under the lock. */
static bool fails(int fd)
{
	char kind = fail_in > 0 ? kind_of(fd) : 0;
	bodies = bodies || kind == 'b';
	return fail_in > 0 && kind == fail_kind && (kind != 'd' || bodies) && --fail_in == 0;
}

/*
 * It covers what was done before it began, and counts when it has come back.  One
 * that fails may have dropped what it was to keep, and the next one says that all
 * is well: so does Linux.
 */
static int sync_file(int fd, int (*call)(int))
{
	enter();
	uint64_t ino = disk_ino(fd), mine = ++syncs;
	struct record r = {.kind = RECORD_SYNC, .ino = ino, .at = mine};
	if (ino != 0)
		note(r, NULL, 0, NULL, 0);
	leave();
	if (mine == (uint64_t)die_at || (ino != 0 && ino == die_ino))
		_exit(9);
	if (ino != 0)
		take_time();
	enter();
	int result = call(fd);
	if (ino != 0 && fails(fd)) {
		result = -1;
		errno = EIO;
	}
	r.kind = RECORD_SYNCED;
	r.how = result == 0 ? 0 : (uint32_t)errno;
	if (ino != 0)
		note(r, NULL, 0, NULL, 0);
	leave();
	return result;
}

int fsync(int fd)
{
	return sync_file(fd, REAL(fsync));
}

int fdatasync(int fd)
{
	return sync_file(fd, REAL(fdatasync));
}

/* Promises nothing after a power cut: neither sizes nor the disk's own cache. */
int sync_file_range(int fd, off_t from, off_t len, unsigned flags)
{
	(void)fd, (void)from, (void)len, (void)flags;
	return 0;
}

/* ---- what others are told --------------------------------------------------------- */

static void sent(int fd, ssize_t n)
{
	struct stat st;
	int e = errno;
	if (head != NULL && n > 0 && fstat(fd, &st) == 0)
		note((struct record){.kind = RECORD_SENT, .ino = st.st_ino, .at = (uint64_t)n},
		     NULL, 0, NULL, 0);
	errno = e;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	enter();
	ssize_t n = REAL(sendmsg)(fd, m, flags);
	sent(fd, n);
	leave();
	return n;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	enter();
	ssize_t n = REAL(send)(fd, bytes, len, flags);
	sent(fd, n);
	leave();
	return n;
}

/* ---- RocksDB and time ---------------------------------------------------------------- */

typedef struct rocksdb_options_t rocksdb_options_t;
void rocksdb_options_set_write_buffer_size(rocksdb_options_t *o, size_t size);

void rocksdb_options_set_write_buffer_size(rocksdb_options_t *o, size_t size)
{
	REAL(rocksdb_options_set_write_buffer_size)(o, memtable > 0 ? (size_t)memtable : size);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int r = REAL(clock_gettime)(clock, t);
	if (r == 0 && ahead > 0 && now_us() - born_us > AHEAD_AFTER_US)
		t->tv_sec += ahead;
	return r;
}
