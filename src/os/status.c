/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/status - errno becomes enum os here and nowhere else.
 *
 * Two tables; an errno that stands in none of the rows means that we called
 * the kernel wrongly.
 */
#include "os/status.h"

#include <errno.h>
#include <stddef.h>

static const struct {
	int err;
	enum os os;
} errors[] = {
	{EAGAIN, OS_AGAIN}, {EINPROGRESS, OS_AGAIN}, {EALREADY, OS_AGAIN},
	{EINTR, OS_AGAIN},
	{EPIPE, OS_BROKEN}, {ECONNRESET, OS_BROKEN}, {ECONNABORTED, OS_BROKEN},
	{ENOTCONN, OS_BROKEN}, {ESHUTDOWN, OS_BROKEN},
	{ECONNREFUSED, OS_REFUSED},
	{ETIMEDOUT, OS_TIMEOUT},
	{ENETUNREACH, OS_UNREACHABLE}, {EHOSTUNREACH, OS_UNREACHABLE},
	{ENETDOWN, OS_UNREACHABLE}, {EHOSTDOWN, OS_UNREACHABLE},
	{EADDRNOTAVAIL, OS_UNREACHABLE}, {EAFNOSUPPORT, OS_UNREACHABLE},
	{EADDRINUSE, OS_INUSE},
	{ENOSPC, OS_FULL}, {EDQUOT, OS_FULL}, {EFBIG, OS_FULL},
	{EIO, OS_IO}, {EROFS, OS_IO}, {ENXIO, OS_IO}, {ENODEV, OS_IO},
	{ESTALE, OS_IO},
	{ENOENT, OS_NOENT}, {ECHILD, OS_NOENT}, {ESRCH, OS_NOENT},
	{EEXIST, OS_EXIST}, {ENOTEMPTY, OS_EXIST},
	{EACCES, OS_DENIED}, {EPERM, OS_DENIED},
	{ENOMEM, OS_NOMEM}, {ENOBUFS, OS_NOMEM},
	{EMFILE, OS_NOFD}, {ENFILE, OS_NOFD}, {ETOOMANYREFS, OS_NOFD},
	{EBUSY, OS_BUSY}, {ETXTBSY, OS_BUSY},
	{EMSGSIZE, OS_TOOBIG}, {ENAMETOOLONG, OS_TOOBIG}, {E2BIG, OS_TOOBIG},
	{ENOTDIR, OS_BAD}, {EISDIR, OS_BAD}, {ELOOP, OS_BAD}, {ENOEXEC, OS_BAD},
	{EXDEV, OS_BAD}, {EPROTOTYPE, OS_BAD},
	{ENOSYS, OS_UNSUPPORTED}, {EOPNOTSUPP, OS_UNSUPPORTED},
	{EPROTONOSUPPORT, OS_UNSUPPORTED},
};

static const char *const texts[OS_COUNT] = {
	[OS_OK] = "done",
	[OS_AGAIN] = "not ready yet",
	[OS_EOF] = "closed by the other end",
	[OS_BROKEN] = "connection broken",
	[OS_REFUSED] = "connection refused",
	[OS_TIMEOUT] = "timed out",
	[OS_UNREACHABLE] = "address cannot be reached",
	[OS_INUSE] = "address in use",
	[OS_FULL] = "disk full",
	[OS_IO] = "input/output error",
	[OS_NOENT] = "does not exist",
	[OS_EXIST] = "exists already",
	[OS_DENIED] = "not permitted",
	[OS_NOMEM] = "out of memory",
	[OS_NOFD] = "out of descriptors",
	[OS_BUSY] = "held by another process",
	[OS_TOOBIG] = "too big",
	[OS_BAD] = "of the wrong kind",
	[OS_UNSUPPORTED] = "not supported by this system",
	[OS_BUG] = "wrong call",
};

enum os os_from_errno(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].err == err)
			return errors[i].os;
	return OS_BUG;
}

const char *os_text(enum os s)
{
	return (unsigned)s < OS_COUNT ? texts[s] : "unknown";
}
