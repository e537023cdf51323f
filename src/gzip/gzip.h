/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip - RFC 1952, whole in memory: zlib behind two functions.
 *
 * Unpacking takes strangers' bytes: what comes out is bounded by the limit of the
 * buf, so a small file that unpacks to much costs that much and no more.
 */
#pragma once

#include "base/buf.h"

enum gzip {
	GZIP_OK,
	GZIP_BROKEN, /* not gzip, cut short, a wrong checksum, or something behind */
	GZIP_LIMIT,  /* more than the buf takes */
	GZIP_MEMORY,
};

/* Appends; failure shows in buf_ok.  The same input gives the same output. */
void gzip_pack(struct buf *, struct span);
/* Appends.  Unless GZIP_OK what was appended is of no use. */
MUST_USE enum gzip gzip_unpack(struct buf *, struct span);

/* The first bytes of every gzip file. */
static inline bool gzip_looks(struct span s)
{
	return s.len >= 2 && s.ptr[0] == '\x1f' && s.ptr[1] == '\x8b';
}
