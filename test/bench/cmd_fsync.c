/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsync: what the disk allows, whatever the server.  4 KiB appends with one
 * fdatasync a group, the same into a preallocated log, or a file a message as
 * Maildir does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "cost.h"

#define LOG	((long)64 << 20) /* bytes of the preallocated log */
#define SECONDS 3.0

struct work {
	struct bench *b;
	int worker, folder;
	double begun;
	long done;
	char *bytes;
	struct samples took;
};

struct result {
	long done;
	double p50, p99, seconds;
};

static void put(int fd, const char *bytes, size_t size)
{
	if (write(fd, bytes, size) != (ssize_t)size)
		die("write: %s", strerror(errno));
}

static void name(const struct work *w, char kind, long number, char *out,
		 size_t size)
{
	(void)snprintf(out, size, "%s/mailbench.%c.%d.%d.%ld", w->b->o.dir,
		       kind, getpid(), w->worker, number);
}

static int create(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void run_log(struct work *w, double seconds, bool preallocated)
{
	size_t size = (size_t)w->b->o.size;
	char path[600];
	name(w, 'l', 0, path, sizeof path);
	int fd = create(path);
	if (preallocated) {
		/* written once, so that a write changes neither size nor
		 * extents */
		for (long n = 0; n < LOG / w->b->o.size; n++)
			put(fd, w->bytes, size);
		if (fsync(fd) != 0 || lseek(fd, 0, SEEK_SET) != 0)
			die("fsync: %s", strerror(errno));
	}
	w->begun = now();
	while (now() < w->begun + seconds) {
		if (preallocated &&
		    lseek(fd, 0, SEEK_CUR) > LOG - w->b->o.size * w->b->o.group)
			(void)lseek(fd, 0, SEEK_SET);
		double start = now();
		for (int i = 0; i < w->b->o.group; i++)
			put(fd, w->bytes, size);
		if (fdatasync(fd) != 0)
			die("fdatasync: %s", strerror(errno));
		samples_add(&w->took, now() - start);
		w->done += w->b->o.group;
	}
	(void)close(fd);
	(void)unlink(path);
}

/* A file each, synced and renamed; the folder is synced once a group. */
static void run_maildir(struct work *w, double seconds)
{
	char from[600], to[600];
	w->begun = now();
	while (now() < w->begun + seconds) {
		double start = now();
		for (int i = 0; i < w->b->o.group; i++, w->done++) {
			name(w, 't', w->done, from, sizeof from);
			name(w, 'n', w->done, to, sizeof to);
			int fd = create(from);
			put(fd, w->bytes, (size_t)w->b->o.size);
			if (fsync(fd) != 0 || close(fd) != 0 ||
			    rename(from, to) != 0)
				die("%s: %s", from, strerror(errno));
		}
		if (fsync(w->folder) != 0)
			die("fsync: %s", strerror(errno));
		samples_add(&w->took, now() - start);
	}
}

static struct result run_worker(struct bench *b, int worker)
{
	struct work w = {.b = b, .worker = worker};
	double seconds = b->o.seconds > 0 ? b->o.seconds : SECONDS;
	char path[600];
	w.bytes = zeroed(1, (size_t)b->o.size);
	memset(w.bytes, 'x', (size_t)b->o.size);
	w.folder = open(b->o.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w.folder < 0)
		die("%s: %s", b->o.dir, strerror(errno));
	bool maildir = strcmp(b->o.mode, "maildir") == 0;
	if (maildir)
		run_maildir(&w, seconds);
	else
		run_log(&w, seconds, strcmp(b->o.mode, "prealloc") == 0);
	struct result r = {.done = w.done, .seconds = now() - w.begun};
	r.p50 = samples_at(&w.took, .5);
	r.p99 = samples_at(&w.took, .99);
	for (long n = 0; maildir && n < w.done; n++) {
		name(&w, 'n', n, path, sizeof path);
		(void)unlink(path);
	}
	(void)close(w.folder);
	free(w.bytes);
	free(w.took.us);
	return r;
}

static void start_worker(struct bench *b, int worker, int out)
{
	pid_t pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid > 0)
		return;
	struct result r = run_worker(b, worker);
	_exit(write(out, &r, sizeof r) == (ssize_t)sizeof r ? 0 : 1);
}

int cmd_fsync(struct bench *b)
{
	struct result sum = {0}, r;
	double rate = 0;
	int ends[2];
	if (pipe(ends) != 0)
		die("pipe: %s", strerror(errno));
	struct usage begun = usage_now(b);
	for (int i = 0; i < b->o.workers; i++)
		start_worker(b, i, ends[1]);
	(void)close(ends[1]);
	for (int i = 0; i < b->o.workers; i++) {
		if (read(ends[0], &r, sizeof r) != (ssize_t)sizeof r)
			die("a worker died");
		sum.done += r.done;
		rate += (double)r.done / r.seconds;
		sum.p50 += r.p50 / b->o.workers;
		if (r.p99 > sum.p99)
			sum.p99 = r.p99;
	}
	while (wait(NULL) > 0)
		continue;
	(void)close(ends[0]);
	struct usage ended = usage_now(b);
	json_text(b, "mode", b->o.mode);
	json_int(b, "size", b->o.size);
	json_int(b, "group", b->o.group);
	json_int(b, "workers", b->o.workers);
	json_number(b, "writes_per_s", rate);
	json_number(b, "groups_per_s", rate / b->o.group);
	json_number(b, "p50_ms", sum.p50);
	json_number(b, "p99_ms", sum.p99);
	json_usage(b, &begun, &ended, (double)sum.done, "write");
	say(b,
	    "%s fsync %s: %ld B, group %d, %d workers: %.0f writes/s, p50 %.3f "
	    "ms, p99 %.3f ms\n",
	    b->o.label, b->o.mode, b->o.size, b->o.group, b->o.workers, rate,
	    sum.p50, sum.p99);
	return report_done(b);
}
