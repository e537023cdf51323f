/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/notify - one datagram per change of state to the service manager.
 *
 * The protocol: lines of NAME=value to the socket that NOTIFY_SOCKET names.
 */
#include "os/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum os notify_open(int *out)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = name != NULL ? strlen(name) : 0;
	int fd;

	*out = -1;
	if (len == 0)
		return OS_NOENT;
	if (len >= sizeof(a.sun_path) || (name[0] != '/' && name[0] != '@'))
		return OS_BAD;
	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return os_from_errno(errno);
	if (connect(fd, (struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
		enum os r = os_from_errno(errno);
		(void)close(fd);
		return r;
	}
	*out = fd;
	return OS_OK;
}

void notify_send(int fd, enum notify_state state, const char *status)
{
	static const char *const lines[] = {[NOTIFY_READY] = "READY=1",
		[NOTIFY_RELOADING] = "RELOADING=1", [NOTIFY_STOPPING] = "STOPPING=1"};
	struct timespec now = {0};
	char text[512], mono[64] = "";
	int n;

	if (fd < 0)
		return;
	/* A reload names its beginning (Type=notify-reload). */
	if (state == NOTIFY_RELOADING && clock_gettime(CLOCK_MONOTONIC, &now) == 0)
		(void)snprintf(mono, sizeof(mono), "\nMONOTONIC_USEC=%llu",
			       (unsigned long long)now.tv_sec * 1000000ull +
				       (unsigned long long)now.tv_nsec / 1000);
	n = snprintf(text, sizeof(text), "%s%s%s%s", lines[state], mono,
		     status ? "\nSTATUS=" : "", status ? status : "");
	if (n > 0)
		(void)send(fd, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
}
