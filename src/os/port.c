/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/port - find out which process listens on a port.
 *
 * /proc/net/tcp names the listening socket's inode; a process that has
 * "socket:[inode]" among its descriptors holds it.  Everything read here was
 * written by the kernel, except the program's name, which is cleaned.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/inner.h"
#include "os/sock.h"

/* The inode of who listens on the port, or 0. */
static uint64_t inode_in(const char *table, uint16_t port)
{
	FILE *f = fopen(table, "re");
	uint64_t found = 0;
	char line[512];

	if (f == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof(line), f) != NULL)
		found = port_row_inode(span_cstr(line), port);
	(void)fclose(f);
	return found;
}

static bool holds(const char *pid, const char *link)
{
	char path[600], target[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	d = opendir(path);
	if (d == NULL)
		return false;
	while (!found && (e = readdir(d)) != NULL) {
		ssize_t n;
		(void)snprintf(path, sizeof(path), "/proc/%.20s/fd/%s", pid, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = 0;
		found = strcmp(target, link) == 0;
	}
	(void)closedir(d);
	return found;
}

static void read_name(const char *pid, char out[32])
{
	char path[64];
	size_t n = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (f != NULL) {
		n = fread(out, 1, 31, f);
		(void)fclose(f);
	}
	out[n] = 0;
	for (size_t i = 0; i < n; i++)
		if (out[i] == '\n')
			out[i] = 0;
		else if (out[i] < 32 || out[i] > 126)
			out[i] = '?';
}

bool sock_who_holds(uint16_t port, struct port_holder *out)
{
	uint64_t inode = inode_in("/proc/net/tcp", port);
	char link[64];
	struct dirent *e;
	DIR *d;

	if (inode == 0)
		inode = inode_in("/proc/net/tcp6", port);
	*out = (struct port_holder){0};
	if (inode == 0)
		return false;
	(void)snprintf(link, sizeof(link), "socket:[%llu]",
		       (unsigned long long)inode);
	d = opendir("/proc");
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!ascii_digit(e->d_name[0]) || !holds(e->d_name, link))
			continue;
		uint64_t pid;
		if (span_u64(span_cstr(e->d_name), INT32_MAX, &pid))
			out->pid = (int32_t)pid;
		read_name(e->d_name, out->name);
		break;
	}
	if (d != NULL)
		(void)closedir(d);
	return true;
}
