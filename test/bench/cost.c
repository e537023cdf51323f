/* SPDX-License-Identifier: Apache-2.0 */
/* Reading /proc and cgroups.  What cannot be read counts as nothing. */
#include "cost.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

struct pids {
	long *pid;
	size_t count, room;
};

static void pids_add(struct pids *p, long pid)
{
	if (p->count == p->room) {
		p->room = p->room != 0 ? p->room * 2 : 64;
		p->pid = grow(p->pid, p->room * sizeof *p->pid);
	}
	p->pid[p->count++] = pid;
}

/* Calls fn for that file of each folder in --cgroup. */
static void each_cgroup(const struct bench *b, const char *file,
			void (*fn)(FILE *, void *), void *argument)
{
	for (const char *at = b->o.cgroup; at != NULL && *at != '\0';) {
		size_t n = strcspn(at, ",");
		char path[600];
		(void)snprintf(path, sizeof path, "%.*s/%s", (int)n, at, file);
		FILE *f = fopen(path, "re");
		if (f != NULL) {
			fn(f, argument);
			(void)fclose(f);
		}
		at += n + (at[n] == ',');
	}
}

static void read_pids(FILE *f, void *argument)
{
	char line[64];
	while (fgets(line, sizeof line, f) != NULL)
		pids_add(argument, strtol(line, NULL, 10));
}

static void read_cpu(FILE *f, void *argument)
{
	double *seconds = argument;
	char line[256];
	while (fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, "user_usec ", 10) == 0)
			seconds[0] += strtod(line + 10, NULL) * 1e-6;
		if (strncmp(line, "system_usec ", 12) == 0)
			seconds[1] += strtod(line + 12, NULL) * 1e-6;
	}
}

/* The fields of /proc/PID/stat after the name, which may hold anything. */
static bool read_stat(long pid, char *line, int size, char **fields)
{
	char path[64];
	(void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	char *name_end =
		fgets(line, size, f) != NULL ? strrchr(line, ')') : NULL;
	(void)fclose(f);
	*fields = name_end != NULL ? name_end + 2 : NULL;
	return name_end != NULL;
}

static void tree_pids(long root, struct pids *out)
{
	struct pids all = {0}, parents = {0};
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		char line[512], *fields;
		long pid = strtol(entry->d_name, NULL, 10);
		if (pid <= 0 || !read_stat(pid, line, sizeof line, &fields))
			continue;
		pids_add(&all, pid);
		pids_add(&parents, strtol(fields + 2, NULL, 10));
	}
	if (proc != NULL)
		(void)closedir(proc);
	pids_add(out, root);
	for (size_t i = 0; i < out->count; i++)
		for (size_t k = 0; k < all.count; k++)
			if (parents.pid[k] == out->pid[i])
				pids_add(out, all.pid[k]);
	free(all.pid);
	free(parents.pid);
}

static struct pids server_pids(const struct bench *b)
{
	struct pids p = {0};
	if (b->o.cgroup != NULL)
		each_cgroup(b, "cgroup.procs", read_pids, &p);
	else if (b->o.root_pid > 0)
		tree_pids(b->o.root_pid, &p);
	return p;
}

/* utime, stime, cutime and cstime are fields 14 to 17 of the line. */
static void stat_cpu(long pid, double *user, double *sys)
{
	char line[512], *at;
	double ticks = (double)sysconf(_SC_CLK_TCK), value[4];
	if (!read_stat(pid, line, sizeof line, &at))
		return;
	for (int skip = 0; skip < 11 && at != NULL; skip++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at == NULL)
		return;
	for (int i = 0; i < 4; i++)
		value[i] = strtod(at, &at);
	*user += (value[0] + value[2]) / ticks;
	*sys += (value[1] + value[3]) / ticks;
}

static void server_cpu(const struct bench *b, struct usage *u)
{
	double seconds[2] = {0, 0};
	if (b->o.cgroup != NULL) {
		each_cgroup(b, "cpu.stat", read_cpu, seconds);
	} else {
		struct pids p = server_pids(b);
		for (size_t i = 0; i < p.count; i++)
			stat_cpu(p.pid[i], &seconds[0], &seconds[1]);
		free(p.pid);
	}
	u->user = seconds[0];
	u->sys = seconds[1];
}

/* user, nice, system, irq and softirq of the first line of /proc/stat */
static double machine_busy(void)
{
	char line[512];
	FILE *f = fopen("/proc/stat", "re");
	double sum = 0;
	if (f != NULL && fgets(line, sizeof line, f) != NULL) {
		char *at = line + 3;
		for (int i = 0; i < 7; i++) {
			double value = strtod(at, &at);
			if (i != 3 && i != 4)
				sum += value;
		}
	}
	if (f != NULL)
		(void)fclose(f);
	return sum / (double)sysconf(_SC_CLK_TCK);
}

/* Fields of a line of /proc/diskstats after the name: 5 writes, 7 sectors
 * written, 16 flushes, counted from 1. */
static void disk_counters(const char *disk, struct usage *u)
{
	char line[512];
	FILE *f = disk != NULL ? fopen("/proc/diskstats", "re") : NULL;
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		char *at = strstr(line, disk);
		size_t n = strlen(disk);
		if (at == NULL || at[-1] != ' ' || at[n] != ' ')
			continue;
		double value[17] = {0};
		at += n;
		for (int i = 0; i < 17; i++)
			value[i] = strtod(at, &at);
		u->writes = value[4];
		u->kib = value[6] / 2;
		u->flushes = value[15];
	}
	if (f != NULL)
		(void)fclose(f);
}

struct usage usage_now(const struct bench *b)
{
	struct usage u = {.at = now()};
	struct rusage own;
	server_cpu(b, &u);
	(void)getrusage(RUSAGE_SELF, &own);
	u.own = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
		(double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) * 1e-6;
	u.busy = machine_busy();
	disk_counters(b->o.disk, &u);
	return u;
}

double usage_server_us(const struct usage *from, const struct usage *to,
		       double units)
{
	double spent = to->user + to->sys - from->user - from->sys;
	return units > 0 ? spent * 1e6 / units : 0;
}

static void json_for_each(struct bench *b, const char *what, const char *unit,
			  double value)
{
	char key[64];
	(void)snprintf(key, sizeof key, "%s_per_%s", what, unit);
	json_number(b, key, value);
}

void json_usage(struct bench *b, const struct usage *from,
		const struct usage *to, double units, const char *unit)
{
	double user = to->user - from->user, sys = to->sys - from->sys;
	double own = to->own - from->own, wall = to->at - from->at;
	if (b->o.cgroup != NULL || b->o.root_pid > 0) {
		json_number(b, "server_user_s", user);
		json_number(b, "server_sys_s", sys);
		json_for_each(b, "server_cpu_us", unit,
			      usage_server_us(from, to, units));
	}
	json_number(b, "client_cpu_s", own);
	if (wall > 0)
		json_number(b, "other_cpu_share",
			    (to->busy - from->busy - user - sys - own) / wall /
				    (double)sysconf(_SC_NPROCESSORS_ONLN));
	if (b->o.disk != NULL && units > 0) {
		json_for_each(b, "disk_flushes", unit,
			      (to->flushes - from->flushes) / units);
		json_for_each(b, "disk_writes", unit,
			      (to->writes - from->writes) / units);
		json_for_each(b, "disk_kib", unit,
			      (to->kib - from->kib) / units);
	}
}

struct memory memory_now(const struct bench *b)
{
	struct memory m = {0};
	struct pids p = server_pids(b);
	for (size_t i = 0; i < p.count; i++) {
		char path[64], line[256];
		(void)snprintf(path, sizeof path, "/proc/%ld/smaps_rollup",
			       p.pid[i]);
		FILE *f = fopen(path, "re");
		if (f == NULL)
			continue;
		while (fgets(line, sizeof line, f) != NULL) {
			if (strncmp(line, "Pss:", 4) == 0)
				m.pss += strtod(line + 4, NULL);
			if (strncmp(line, "Private_", 8) == 0)
				m.private_ +=
					strtod(strchr(line, ':') + 1, NULL);
		}
		(void)fclose(f);
	}
	m.processes = (int)p.count;
	free(p.pid);
	return m;
}

double memory_available(void)
{
	char line[256];
	double kib = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "MemAvailable:", 13) == 0)
			kib = strtod(line + 13, NULL);
	if (f != NULL)
		(void)fclose(f);
	return kib;
}
