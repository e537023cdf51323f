/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/linux_file - files, directories and sealed memory of the real world.
 *
 * Descriptors here are ordinary files: reads and writes do not answer "again",
 * an interrupted call is simply made once more.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "os/linux.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

#define BLOB_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#define RETRY(r, call)                                                         \
	do                                                                     \
		(r) = (call);                                                  \
	while ((r) < 0 && errno == EINTR)

static int at(int dir) { return dir >= 0 ? dir : AT_FDCWD; }

enum os linux_blob_new(struct world *w, int *out)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("letterlock", flags | MFD_NOEXEC_SEAL);

	(void)w;
	if (fd < 0 && errno == EINVAL) /* Linux before 6.3 */
		fd = memfd_create("letterlock", flags);
	*out = fd;
	return linux_result(fd);
}

enum os linux_blob_seal(struct world *w, int fd)
{
	(void)w;
	return linux_result(fcntl(fd, F_ADD_SEALS, BLOB_SEALS));
}

enum os linux_blob_check(struct world *w, int fd, uint64_t *size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	int need = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	(void)w;
	if (seals < 0 || (seals & need) != need || fstat(fd, &st) != 0 ||
	    !S_ISREG(st.st_mode) || st.st_size < 0)
		return OS_BAD;
	*size = (uint64_t)st.st_size;
	return OS_OK;
}

enum os linux_open(struct world *w, int dir, const char *name, struct open_how how,
		   int *out)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd;

	(void)w;
	flags |= how.write || how.append ? O_RDWR : O_RDONLY;
	flags |= how.create ? O_CREAT : 0;
	flags |= how.exclusive ? O_EXCL : 0;
	flags |= how.append ? O_APPEND : 0;
	flags |= how.truncate ? O_TRUNC : 0;
	/* A path for start-up may lead through links; a name may not be one. */
	flags |= how.directory ? O_DIRECTORY : O_NOFOLLOW;
	if (dir >= 0)
		flags |= O_NOFOLLOW;
	RETRY(fd, openat(at(dir), name, flags, 0600));
	*out = fd;
	return linux_result(fd);
}

enum os linux_pread(struct world *w, int fd, void *buf, size_t len, uint64_t from,
		    size_t *got)
{
	ssize_t n;

	(void)w;
	*got = 0;
	RETRY(n, pread(fd, buf, len, (off_t)from));
	if (n >= 0)
		*got = (size_t)n;
	return linux_result(n);
}

enum os linux_pwrite(struct world *w, int fd, const void *buf, size_t len,
		     uint64_t from, size_t *done)
{
	ssize_t n;

	(void)w;
	*done = 0;
	RETRY(n, pwrite(fd, buf, len, (off_t)from));
	if (n >= 0)
		*done = (size_t)n;
	return linux_result(n);
}

enum os linux_append(struct world *w, int fd, const void *buf, size_t len,
		     size_t *done)
{
	ssize_t n;

	(void)w;
	*done = 0;
	RETRY(n, write(fd, buf, len));
	if (n >= 0)
		*done = (size_t)n;
	return linux_result(n);
}

enum os linux_sync(struct world *w, int fd, bool data_only)
{
	int r;

	(void)w;
	RETRY(r, data_only ? fdatasync(fd) : fsync(fd));
	return linux_result(r);
}

enum os linux_truncate(struct world *w, int fd, uint64_t size)
{
	int r;

	(void)w;
	RETRY(r, ftruncate(fd, (off_t)size));
	return linux_result(r);
}

enum os linux_reserve(struct world *w, int fd, uint64_t size)
{
	int r;

	(void)w;
	RETRY(r, fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size));
	return linux_result(r);
}

enum os linux_facts(struct world *w, int fd, struct file_facts *out)
{
	struct stat st;

	(void)w;
	if (fstat(fd, &st) != 0)
		return linux_result(-1);
	*out = (struct file_facts){
		.size = (uint64_t)st.st_size, .mtime = st.st_mtime,
		.mode = st.st_mode & 07777, .uid = st.st_uid,
		.is_dir = S_ISDIR(st.st_mode), .is_file = S_ISREG(st.st_mode)};
	return OS_OK;
}

enum os linux_mkdir(struct world *w, int dir, const char *name)
{
	(void)w;
	return linux_result(mkdirat(at(dir), name, 0700));
}

enum os linux_own(struct world *w, int fd, uint32_t uid, uint32_t gid)
{
	(void)w;
	return linux_result(fchown(fd, uid, gid));
}

enum os linux_enter(struct world *w, int dir)
{
	(void)w;
	return linux_result(fchdir(dir));
}

enum os linux_rename(struct world *w, int dir, const char *from, int to_dir,
		     const char *to)
{
	(void)w;
	return linux_result(renameat(at(dir), from, at(to_dir), to));
}

enum os linux_link(struct world *w, int dir, const char *name, int to_dir,
		   const char *to)
{
	(void)w;
	return linux_result(linkat(at(dir), name, at(to_dir), to, 0));
}

enum os linux_unlink(struct world *w, int dir, const char *name)
{
	(void)w;
	return linux_result(unlinkat(at(dir), name, 0));
}

enum os linux_rmdir(struct world *w, int dir, const char *name)
{
	(void)w;
	return linux_result(unlinkat(at(dir), name, AT_REMOVEDIR));
}

enum os linux_each(struct world *w, int dir, file_each_fn *fn, void *arg)
{
	int fd = openat(at(dir), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	enum os r = OS_OK;

	(void)w;
	if (d == NULL) {
		r = linux_result(-1);
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	for (;;) {
		struct dirent *e;
		errno = 0;
		e = readdir(d);
		if (e == NULL) {
			r = errno != 0 ? linux_result(-1) : OS_OK;
			break;
		}
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!fn(arg, e->d_name))
			break;
	}
	(void)closedir(d);
	return r;
}

enum os linux_lock(struct world *w, int fd)
{
	(void)w;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return OS_OK;
	return errno == EWOULDBLOCK ? OS_BUSY : linux_result(-1);
}

enum os linux_space(struct world *w, int fd, uint64_t *avail, uint64_t *total)
{
	struct statvfs s;

	(void)w;
	if (fstatvfs(fd, &s) != 0)
		return linux_result(-1);
	*avail = (uint64_t)s.f_bavail * s.f_frsize;
	*total = (uint64_t)s.f_blocks * s.f_frsize;
	return OS_OK;
}
