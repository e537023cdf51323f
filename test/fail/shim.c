/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preload for the store as it is: its k-th call to the disk fails.
 *
 * Works in a program called letterlock-store alone.  A page that is shared with the
 * test (the file `control` beside this library, mapped before the store confines
 * itself) says which kinds of call count, which one fails, with what errno, once or
 * for good, and tells how many there were.  RocksDB's calls count like ours.
 *
 * After a sync that failed, another one of the same descriptor is a fault of the
 * store: the kernel may have dropped the data.  Such are counted in `retried`.
 *
 * With a part of a name in `name` only calls on files whose name has it count.
 */
/* Each function by its own name, none inlined or renamed by the headers. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS  4096
#define NAME 32 /* what is kept of a file's name, with NUL */

enum { KIND_SYNC = 1, KIND_WRITE = 2, KIND_OPEN = 4, KIND_NAME = 8, KIND_READ = 16 };
enum { MODE_ONCE = 1, MODE_FOR_GOOD = 2 };

/* As `Control` in disk_test.py reads it. */
struct control {
	_Atomic uint32_t armed, kinds, mode, error; /* error 0: a short write or read */
	_Atomic uint64_t at, calls, failed, retried;
	char what[64];
	char name[NAME]; /* empty: all */
};

static struct control *control;
static dev_t proc;
static _Atomic uint8_t bad[FDS]; /* a sync of it has failed */
static char names[FDS][NAME];	 /* of what it was opened as */

__attribute__((constructor)) static void begin(void)
{
	Dl_info self;
	char path[4096];
	void *page;
	int fd;

	/* By its file: the supervisor gives it another name. */
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n < 0)
		return;
	path[n] = 0;
	struct stat st;
	if (stat("/proc/self/status", &st) == 0)
		proc = st.st_dev;
	if (strstr(path, "/letterlock-store") == NULL ||
	    dladdr((void *)(uintptr_t)&begin, &self) == 0)
		return;
	if (snprintf(path, sizeof path, "%s.control", self.dli_fname) >= (int)sizeof path)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (page != MAP_FAILED)
		control = page;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

static const char *name_of(int fd)
{
	return fd >= 0 && fd < FDS ? names[fd] : "";
}

/* 0: go on; else the errno, or -1 for less than was asked. */
static int fails(unsigned kind, const char *what, const char *name)
{
	struct control *c = control;
	uint64_t n, at;

	if (c == NULL || c->armed == 0 || (c->kinds & kind) == 0 ||
	    strstr(name, c->name) == NULL)
		return 0;
	n = ++c->calls;
	at = c->at;
	if (at == 0 || (c->mode == MODE_FOR_GOOD ? n < at : n != at))
		return 0;
	if (c->failed++ == 0) {
		strncpy(c->what, what, sizeof c->what - 1);
		c->what[sizeof c->what - 1] = 0;
	}
	return c->error != 0 ? (int)c->error : -1;
}

static int is_file(int fd)
{
	struct stat st;
	int before = errno, is = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	if (st.st_dev == proc)
		is = 0; /* part of a start, no disk */

	errno = before;
	return is;
}

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))
#define PUBLIC __attribute__((visibility("default")))

/* A call without bytes: it fails whole. */
#define WHOLE(kind, called, name, ...)                                         \
	do {                                                                   \
		int error = fails(kind, #name, called);                        \
		if (error != 0) {                                              \
			errno = error > 0 ? error : EIO;                       \
			return -1;                                             \
		}                                                              \
		return REAL(name)(__VA_ARGS__);                                \
	} while (0)

/* A call with bytes: it fails whole, or does half. */
#define PART(kind, name, len)                                                  \
	do {                                                                   \
		int error = control != NULL && is_file(fd)                     \
				    ? fails(kind, #name, name_of(fd))          \
				    : 0;                                       \
		if (error > 0) {                                               \
			errno = error;                                         \
			return -1;                                             \
		}                                                              \
		if (error < 0 && len > 1)                                      \
			len /= 2;                                              \
	} while (0)

static int sync_with(int fd, const char *what, int (*real)(int))
{
	int error;

	if (control != NULL && fd >= 0 && fd < FDS && bad[fd] != 0)
		control->retried++;
	error = fails(KIND_SYNC, what, name_of(fd));
	if (error == 0)
		return real(fd);
	if (fd >= 0 && fd < FDS)
		bad[fd] = 1;
	errno = error > 0 ? error : EIO;
	return -1;
}

PUBLIC int fsync(int fd) { return sync_with(fd, "fsync", REAL(fsync)); }
PUBLIC int fdatasync(int fd) { return sync_with(fd, "fdatasync", REAL(fdatasync)); }

PUBLIC int close(int fd)
{
	if (fd >= 0 && fd < FDS)
		bad[fd] = 0;
	return REAL(close)(fd);
}

PUBLIC ssize_t write(int fd, const void *from, size_t len)
{
	PART(KIND_WRITE, write, len);
	return REAL(write)(fd, from, len);
}

PUBLIC ssize_t pwrite(int fd, const void *from, size_t len, off_t at)
{
	PART(KIND_WRITE, pwrite, len);
	return REAL(pwrite)(fd, from, len, at);
}

PUBLIC ssize_t pwrite64(int fd, const void *from, size_t len, off64_t at)
{
	PART(KIND_WRITE, pwrite64, len);
	return REAL(pwrite64)(fd, from, len, at);
}

/* Half a read is no error of the disk's that anybody has to bear: only whole ones. */
PUBLIC ssize_t pread(int fd, void *to, size_t len, off_t at)
{
	WHOLE(KIND_READ, name_of(fd), pread, fd, to, len, at);
}

PUBLIC ssize_t pread64(int fd, void *to, size_t len, off64_t at)
{
	WHOLE(KIND_READ, name_of(fd), pread64, fd, to, len, at);
}

static int opened(int fd, const char *path)
{
	if (fd >= 0 && fd < FDS) {
		strncpy(names[fd], last_part(path), NAME - 1);
		names[fd][NAME - 1] = 0;
	}
	return fd;
}

/* Folders are opened to name a file in them, files to be written: both count. */
#define OPEN(name, ...)                                                        \
	do {                                                                   \
		unsigned mode = 0;                                             \
		int error = fails(KIND_OPEN, #name, last_part(path));          \
		if (error != 0) {                                              \
			errno = error > 0 ? error : EIO;                       \
			return -1;                                             \
		}                                                              \
		if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                    \
			va_list more;                                          \
			va_start(more, flags);                                 \
			mode = va_arg(more, unsigned);                         \
			va_end(more);                                          \
		}                                                              \
		return opened(REAL(name)(__VA_ARGS__, flags, mode), path);     \
	} while (0)

PUBLIC int open(const char *path, int flags, ...) { OPEN(open, path); }
PUBLIC int open64(const char *path, int flags, ...) { OPEN(open64, path); }
PUBLIC int openat(int dir, const char *path, int flags, ...) { OPEN(openat, dir, path); }
PUBLIC int openat64(int dir, const char *path, int flags, ...) { OPEN(openat64, dir, path); }

PUBLIC int rename(const char *from, const char *to)
{
	WHOLE(KIND_NAME, last_part(to), rename, from, to);
}

PUBLIC int renameat(int a, const char *from, int b, const char *to)
{
	WHOLE(KIND_NAME, last_part(to), renameat, a, from, b, to);
}

PUBLIC int link(const char *from, const char *to)
{
	WHOLE(KIND_NAME, last_part(to), link, from, to);
}

PUBLIC int mkdir(const char *path, mode_t mode)
{
	WHOLE(KIND_NAME, last_part(path), mkdir, path, mode);
}

PUBLIC int ftruncate(int fd, off_t size)
{
	WHOLE(KIND_NAME, name_of(fd), ftruncate, fd, size);
}

PUBLIC int fallocate(int fd, int mode, off_t at, off_t len)
{
	WHOLE(KIND_NAME, name_of(fd), fallocate, fd, mode, at, len);
}
