/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the recorder writes: a shared file, one struct record_head, then records.
 *
 * A record is a struct record and two byte strings, padded to 8 bytes.  disk.py
 * reads the same layout.  Records stand in the order in which the calls took
 * effect: each call is made and noted under one lock.  Several processes, one
 * after the other, append to the same file.
 */
#pragma once

#include <stdint.h>

#define RECORD_MAGIC   0x6872636c6c657474ull
#define RECORD_LOG_MAX (256ull << 20)

enum record_kind {
	RECORD_OPEN = 1, /* to make or cut: ino; in dir, a: path; how: flags */
	RECORD_WRITE,	 /* ino, at, a: bytes */
	RECORD_SIZE,	 /* ino, at: new size */
	RECORD_SYNC,	 /* ino begins to be synced; at: a number for its end */
	RECORD_SYNCED,	 /* ino, at: that number; how: 0, or the errno */
	RECORD_RENAME,	 /* dir, a -> other, b */
	RECORD_LINK,
	RECORD_UNLINK, /* dir, a */
	RECORD_MKDIR,  /* dir, a, ino */
	RECORD_RMDIR,
	RECORD_ENTER, /* the working directory is dir now */
	RECORD_SENT,  /* ino: of the socket */
	RECORD_START, /* a program began */
	RECORD_SEEN,  /* a call that the explorer cannot replay; a: its name */
};

struct record_head {
	uint64_t magic, used; /* used counts from the start of the file */
};

struct record {
	uint32_t size; /* all of it, a multiple of 8 */
	uint16_t kind, unused;
	uint64_t ino, dir, other, at;
	uint32_t how, a_len, b_len, thread;
};
