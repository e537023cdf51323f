/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/script_stream - a stream whose peer is a list of byte runs.
 *
 * Each fill hands out one chunk (or `split` bytes of it, when set), so a test
 * decides where reads are cut; what the session writes is collected in `out`.
 * After the last chunk every fill answers `at_end`.  start_tls is counted and
 * throws the rest of the current chunk away, as bytes of the clear phase are;
 * the next chunk is then the first one inside TLS.
 *
 * Set the fields marked "choose" after script_init and before the first read.
 */
#pragma once

#include "base/buf.h"
#include "base/stream.h"

#define SCRIPT_IN	 65536u	     /* default of in_cap */
#define SCRIPT_OUT_LIMIT (64u << 20) /* what a session may write in all */
#define SCRIPT_DEADLINES 64u

struct script {
	struct stream stream; /* what the session gets */

	enum io at_end;	     /* choose: IO_EOF by default */
	enum io tls_result;  /* choose: IO_OK by default */
	enum io flush_after; /* choose: what flushes answer once ... */
	size_t flush_limit;  /* choose: ... so many bytes were written */
	size_t split;	     /* choose: bytes per fill; 0: whole chunks */

	struct buf out;		/* everything flushed so far */
	unsigned fills, tls;	/* how often */
	unsigned deflates;	/* how often start_deflate; bytes stay as they are */
	size_t tls_at;		/* length of `out` at the last start_tls */
	unsigned deadline_count; /* all of them; the first 64 are kept */
	uint32_t deadlines[SCRIPT_DEADLINES];

	const struct span *chunks; /* borrowed */
	size_t chunk_count, chunk, offset;
	struct span single;
};

/* The chunks are borrowed until script_free. */
void script_init(struct script *, const struct span *chunks, size_t count);
/* One run of bytes, handed out `split` bytes at a time (0: as it fits). */
void script_init_bytes(struct script *, struct span input, size_t split);
/* A smaller input buffer, as a role may have one. */
void script_in_cap(struct script *, size_t cap);
void script_free(struct script *);

/* What the session wrote, unflushed bytes included.  Borrowed. */
struct span script_output(struct script *);
/* Bytes of the script that no read has consumed. */
size_t script_unread(const struct script *);
