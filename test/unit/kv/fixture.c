/* SPDX-License-Identifier: Apache-2.0 */
/* Engines for tests: the real one in a folder under /tmp, or in memory. */
#define _GNU_SOURCE /* nftw, mkdtemp */
#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/sim.h"

/* A world has no room for a test's state: the armed fault lives here. */
static struct {
	char name[32];
	unsigned left;
} armed;

static bool fault(struct world *w, const char *name)
{
	(void)w;
	if (armed.left == 0 || strcmp(name, armed.name) != 0)
		return false;
	armed.left--;
	return true;
}

void fixture_fault(struct fixture *f, const char *name, unsigned n)
{
	(void)f;
	snprintf(armed.name, sizeof(armed.name), "%s", name);
	armed.left = n;
}

void fixture_start(struct fixture *f, enum which which, uint64_t seed)
{
	*f = (struct fixture){.which = which, .memtable = 4 << 20};
	armed.left = 0;
	f->world = which == ROCKSDB ? world_linux() : world_sim(seed);
	assert_non_null(f->world);
	f->real = f->world->ops;
	f->ops = *f->real;
	f->ops.fault = fault;
	f->world->ops = &f->ops;
	if (which == MEMORY) {
		f->disk = kv_disk_new(seed);
		assert_non_null(f->disk);
	} else {
		snprintf(f->dir, sizeof(f->dir), "/tmp/kv_test.XXXXXX");
		assert_non_null(mkdtemp(f->dir));
	}
	fixture_open(f);
}

void fixture_open(struct fixture *f)
{
	enum kv_result r;
	struct buf why;
	buf_init(&why, 1024);
	if (f->which == MEMORY)
		r = kv_open_memory(f->disk, f->world, &f->kv);
	else
		r = kv_open_rocksdb(&(struct kv_rocksdb){.world = f->world,
							 .dir = span_cstr(f->dir),
							 .memtable = f->memtable},
				    &f->kv, &why);
	if (r != KV_OK)
		fail_msg("open: %s: %.*s", kv_result_name(r),
			 SPAN_FMT(buf_span(&why)));
	buf_free(&why);
}

void fixture_reopen(struct fixture *f)
{
	kv_close(f->kv);
	fixture_open(f);
}

void fixture_cut(struct fixture *f)
{
	kv_abandon(f->kv);
	fixture_open(f);
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void fixture_stop(struct fixture *f)
{
	kv_close(f->kv);
	if (f->which == MEMORY)
		kv_disk_free(f->disk);
	else
		nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	f->world->ops = f->real;
	world_free(f->world);
}

uint64_t roll(uint64_t *state, uint64_t below)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (*state >> 33) % below;
}

