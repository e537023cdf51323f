/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/file - files that survive a power cut, and sealed memory.
 *
 * Names are relative to an open directory and hold no path of a peer's making;
 * symbolic links are not followed at the last step.  A file is 0600, a
 * directory 0700.  Whole-operation helpers retry after interrupts and short
 * writes; when they answer anything but OS_OK the state is what the comment
 * says.
 *
 * After OS_IO from file_sync the kernel may have dropped the data: never retry
 * the sync on the same descriptor; close, reopen, compare.
 */
#pragma once

#include "os/world.h"

#define FILE_NAME_LEN_MAX 255u

/* --- directories --- */

/* An absolute or working-directory path, for start-up. */
MUST_USE enum os file_dir_open(struct world *, const char *path, int *dir);
MUST_USE enum os file_dir_at(struct world *, int dir, const char *name, int *out);
/* OS_EXIST when something of that name is there. */
MUST_USE enum os file_mkdir(struct world *, int dir, const char *name);
/* Give an open file or directory to another user (root only). */
MUST_USE enum os file_own(struct world *, int fd, uint32_t uid, uint32_t gid);
/*
 * Make it the process's working directory: for a library that opens files by
 * path, so that it need not reach through the directories above.
 */
MUST_USE enum os file_enter(struct world *, int dir);
MUST_USE enum os file_each(struct world *, int dir, file_each_fn *, void *arg);
/* Make the names in this directory durable. */
MUST_USE enum os file_dir_sync(struct world *, int dir);

/* --- files --- */

MUST_USE enum os file_open(struct world *, int dir, const char *name,
			   struct open_how, int *fd);
/* Up to len bytes; *got less than len means the end of the file. */
MUST_USE enum os file_read_at(struct world *, int fd, void *, size_t len,
			      uint64_t at, size_t *got);
/* All of it or an error. */
MUST_USE enum os file_write_at(struct world *, int fd, struct span, uint64_t at);
MUST_USE enum os file_append(struct world *, int fd, struct span);
MUST_USE enum os file_sync(struct world *, int fd);      /* data and size */
MUST_USE enum os file_sync_all(struct world *, int fd);  /* and all metadata */
MUST_USE enum os file_truncate(struct world *, int fd, uint64_t size);
/* Allocate room ahead, so that later writes inside it cannot find a full disk. */
MUST_USE enum os file_reserve(struct world *, int fd, uint64_t size);
MUST_USE enum os file_facts(struct world *, int fd, struct file_facts *);
MUST_USE enum os file_rename(struct world *, int dir, const char *from,
			     int to_dir, const char *to);
/* A second name for a file.  OS_BAD or OS_DENIED where the file system, or this
 * process's rights, know no such thing; OS_EXIST. */
MUST_USE enum os file_link(struct world *, int dir, const char *name, int to_dir,
			   const char *to);
MUST_USE enum os file_unlink(struct world *, int dir, const char *name);
MUST_USE enum os file_rmdir(struct world *, int dir, const char *name);
/* A folder with all that is in it, at most FILE_DEPTH_MAX levels.  OS_OK also
 * when there is none. */
#define FILE_DEPTH_MAX 4u
MUST_USE enum os file_tree_remove(struct world *, int dir, const char *name);

/*
 * Replace the whole file `name`: written beside it as "name.new", synced,
 * renamed, directory synced.  After a power cut it is the old or the new one,
 * after OS_OK the new one.
 */
MUST_USE enum os file_replace(struct world *, int dir, const char *name,
			      struct span content);
/* All of a small file into buf; OS_TOOBIG when it is longer than cap. */
MUST_USE enum os file_load(struct world *, int dir, const char *name, void *buf,
			   size_t cap, size_t *len);

/* Ours until the descriptor is closed or the process ends.  OS_BUSY: somebody
 * else's (this is how a second instance on the same data is refused). */
MUST_USE enum os file_lock(struct world *, int dir, const char *name, int *fd);

/* Bytes that an ordinary user may still write, and all. */
MUST_USE enum os file_space(struct world *, int fd, uint64_t *avail,
			    uint64_t *total);

/* --- blobs: anonymous memory that is written, sealed, passed, read --- */

/* Written with file_append, then sealed: after that nobody can change it. */
MUST_USE enum os blob_new(struct world *, int *fd);
MUST_USE enum os blob_seal(struct world *, int fd);
/* OS_BAD unless it is sealed memory against write, grow and shrink; the receiver
 * checks before it believes a size. */
MUST_USE enum os blob_check(struct world *, int fd, uint64_t *size);
