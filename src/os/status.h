/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/status - what the machine can answer, in our own words.
 *
 * errno is turned into this enum in one place (os_from_errno); nothing above
 * this folder reads errno.  A failure that only a bug of ours can cause (bad
 * descriptor, bad address) is OS_BUG: callers pass it to os_ensure or handle it
 * like OS_IO.
 */
#pragma once

#include "base/attr.h"

enum os {
	OS_OK,
	OS_AGAIN,       /* nothing there or no room now: wait and ask again */
	OS_EOF,         /* the other end closed in good order */
	OS_BROKEN,      /* the other end is gone: reset, broken pipe */
	OS_REFUSED,     /* nobody listens there */
	OS_TIMEOUT,
	OS_UNREACHABLE, /* no route, network down, address family missing */
	OS_INUSE,       /* the address is taken */
	OS_FULL,        /* disk or quota */
	OS_IO,          /* the device failed; durable state is unknown */
	OS_NOENT,
	OS_EXIST,
	OS_DENIED,
	OS_NOMEM,
	OS_NOFD,        /* out of descriptors */
	OS_BUSY,        /* held by somebody else: a lock, a directory in use */
	OS_TOOBIG,      /* a packet or a name over its limit */
	OS_BAD,         /* well-formed call, unfit object: wrong kind, seals missing */
	OS_UNSUPPORTED, /* this kernel does not have it */
	OS_BUG,
	OS_COUNT
};

/* Never OS_OK: errno 0 is OS_BUG. */
MUST_USE enum os os_from_errno(int err);
/* A few words for a message to the administrator: "disk full". */
const char *os_text(enum os);
