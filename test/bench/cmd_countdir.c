/* SPDX-License-Identifier: Apache-2.0 */
/* countdir: the messages in all files below a folder, Maildir or any plain
 * store. */
#define _GNU_SOURCE /* memmem */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "message.h"

#define DEPTH  16
#define ID_MAX 60

struct found {
	struct bench *b;
	char **ids;
	size_t count, room;
	long checked, bad;
};

static void add(struct found *f, const char *id, size_t length)
{
	if (f->count == f->room) {
		f->room = f->room != 0 ? f->room * 2 : 4096;
		f->ids = grow(f->ids, f->room * sizeof *f->ids);
	}
	f->ids[f->count++] = strndup(id, length);
}

static void scan_bytes(struct found *f, const char *bytes, size_t size)
{
	static const char field[] = "X-Mailbench-Id: ";
	const char *at = bytes, *end = bytes + size;
	int here = 0;
	while ((at = memmem(at, (size_t)(end - at), field, sizeof field - 1)) !=
	       NULL) {
		at += sizeof field - 1;
		const char *start = at;
		while (at < end && !isspace((unsigned char)*at) &&
		       at - start < ID_MAX)
			at++;
		add(f, start, (size_t)(at - start));
		here++;
	}
	if (f->b->o.verify && here == 1) {
		struct check k;
		check_start(&k);
		check_add(&k, bytes, size);
		f->checked++;
		f->bad += !check_good(&k);
	}
}

static void scan_file(struct found *f, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		size_t size = (size_t)st.st_size;
		void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			scan_bytes(f, bytes, size);
			(void)munmap(bytes, size);
		}
	}
	(void)close(fd);
}

static void scan_folder(struct found *f, const char *folder, int depth)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	while (d != NULL && (entry = readdir(d)) != NULL) {
		char path[4096];
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0 ||
		    snprintf(path, sizeof path, "%s/%s", folder,
			     entry->d_name) >= (int)sizeof path)
			continue;
		if (entry->d_type == DT_DIR && depth < DEPTH)
			scan_folder(f, path, depth + 1);
		else if (entry->d_type == DT_REG)
			scan_file(f, path);
	}
	if (d != NULL)
		(void)closedir(d);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int cmd_countdir(struct bench *b)
{
	struct found f = {.b = b};
	long unique = 0;
	scan_folder(&f, b->o.dir, 0);
	if (f.count != 0)
		qsort(f.ids, f.count, sizeof *f.ids, compare);
	for (size_t i = 0; i < f.count; i++)
		unique += i == 0 || strcmp(f.ids[i], f.ids[i - 1]) != 0;
	json_int(b, "messages", (long)f.count);
	json_int(b, "unique", unique);
	if (b->o.verify) {
		json_int(b, "checked", f.checked);
		json_int(b, "bad", f.bad);
	}
	if (f.bad > 0)
		failed(b, "%ld bodies are wrong", f.bad);
	if (b->o.expect >= 0 && (long)f.count != b->o.expect)
		failed(b, "%zu messages, not %ld", f.count, b->o.expect);
	say(b, "%s countdir: %zu messages, %ld checked, %ld bad\n", b->o.label,
	    f.count, f.checked, f.bad);
	for (size_t i = 0; i < f.count; i++)
		free(f.ids[i]);
	free(f.ids);
	return report_done(b);
}
