/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/notify - tell systemd how far we are (Type=notify), without its library.
 *
 * notify_open reads NOTIFY_SOCKET (a path, or "@name" in the abstract space)
 * before confinement and keeps a connected descriptor; sends are one datagram
 * and never wait.  Without NOTIFY_SOCKET everything here does nothing.
 */
#pragma once

#include "os/world.h"

enum notify_state { NOTIFY_READY, NOTIFY_RELOADING, NOTIFY_STOPPING };

/* OS_NOENT: nobody wants to know, *fd is -1. */
MUST_USE enum os notify_open(int *fd);
/* `status` is one line for `systemctl status`, or NULL.  fd -1 is allowed. */
void notify_send(int fd, enum notify_state, const char *status);
