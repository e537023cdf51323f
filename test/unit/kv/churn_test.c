/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated month of mail that comes and goes, on the RocksDB engine: each round
 * keeps new bodies and forgets as many, most of them young, and then the disk is
 * measured.  What it takes in the second half stays below DISK_MOST times the bytes
 * that live, or too little garbage is collected; what is written stays below WRITTEN_MOST times what
 * came, and GROWN_MOST while nothing was forgotten, or too much is rewritten.  The
 * log and the first blob file are 2 of those.
 *
 * churn_test [ROUNDS [LIVE, in MiB]]
 */
#define _GNU_SOURCE /* nftw */
#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB	     (1024.0 * 1024)
#define MEMTABLE     (256u << 10) /* of 32 MiB, so all is a small store's part */
#define BODY_LEAST   1100u	  /* a blob file's */
#define BODY_SPREAD  12000u
#define IN_COMMIT    16u
#define YOUNG	     75u /* per cent of what goes is of the last rounds */
#define DISK_MOST    3.2
#define WRITTEN_MOST 4.5
#define GROWN_MOST   2.3

struct live {
	struct kv_id id;
	uint32_t size;
};

struct churn {
	struct fixture f;
	struct kv_space *space;
	uint64_t dice;
	struct live *live;
	size_t count, cap;
	uint64_t bytes, came;
	char body[BODY_LEAST + BODY_SPREAD];
};

static unsigned rounds = 40;
static double live_mib = 10;

static uint64_t disk_used; /* nftw has no argument */

static int add_file(const char *path, const struct stat *st, int flag,
		    struct FTW *ftw)
{
	(void)path, (void)flag, (void)ftw;
	disk_used += (uint64_t)st->st_blocks * 512;
	return 0;
}

static double used(const struct churn *c)
{
	disk_used = 0;
	assert_int_equal(nftw(c->f.dir, add_file, 16, FTW_PHYS), 0);
	return (double)disk_used;
}

static double written(void)
{
	unsigned long long n = 0;
	char line[128];
	FILE *f = fopen("/proc/self/io", "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "wchar: %llu", &n) == 1)
			break;
	(void)fclose(f);
	return (double)n;
}

struct change {
	struct churn *c;
	size_t come, go;
};

static void come(struct churn *c, struct kv_batch *b)
{
	struct live *l = &c->live[c->count++];
	l->id = kv_body_name(c->f.kv);
	l->size = BODY_LEAST + (uint32_t)roll(&c->dice, BODY_SPREAD);
	for (size_t i = 0; i + 8 <= l->size; i += 8) {
		uint64_t x = roll(&c->dice, UINT32_MAX) * 0x9e3779b97f4a7c15ull;
		memcpy(c->body + i, &x, 8);
	}
	kv_put_body(b, &l->id, span_of(c->body, l->size));
	c->bytes += l->size;
	c->came += l->size;
}

static void go(struct churn *c, struct kv_batch *b)
{
	size_t young = c->count / 8 + 1;
	size_t at = roll(&c->dice, 100) < YOUNG
			    ? c->count - 1 - roll(&c->dice, young)
			    : roll(&c->dice, c->count);
	kv_delete_body(b, &c->live[at].id);
	c->bytes -= c->live[at].size;
	memmove(&c->live[at], &c->live[at + 1],
		(--c->count - at) * sizeof c->live[0]);
}

static enum kv_result change_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct change *m = arg;
	(void)op;
	for (size_t i = 0; i < m->come; i++)
		come(m->c, b);
	for (size_t i = 0; i < m->go; i++)
		go(m->c, b);
	return KV_OK;
}

static void change(struct churn *c, size_t n, size_t gone)
{
	struct change m = {c, n, gone};
	assert_true(c->count + n <= c->cap);
	assert_int_equal(kv_op_wait(c->space, KV_QUIET | KV_SHRINKS, change_run,
				    &m, NULL),
			 KV_OK);
}

static void a_month_of_mail(void **state)
{
	struct churn *c = calloc(1, sizeof *c);
	(void)state;
	assert_non_null(c);
	c->dice = 1;
	fixture_start(&c->f, ROCKSDB, 1);
	kv_close(c->f.kv);
	c->f.memtable = MEMTABLE;
	fixture_open(&c->f);
	assert_int_equal(kv_space_open(c->f.kv, (struct kv_name){KV_ACCOUNT, 1},
				       &c->space),
			 KV_OK);
	c->cap = (size_t)(live_mib * MIB / BODY_LEAST) + 2 * IN_COMMIT;
	c->live = calloc(c->cap, sizeof *c->live);
	assert_non_null(c->live);
	double before = written();
	while ((double)c->bytes < live_mib * MIB)
		change(c, IN_COMMIT, 0);
	double grown = (written() - before) / (double)c->came;
	size_t each = c->count / 10 / IN_COMMIT + 1;
	double worst = 0, sum = 0;
	c->came = 0;
	before = written();
	for (unsigned i = 0; i < rounds; i++) {
		for (size_t k = 0; k < each; k++)
			change(c, IN_COMMIT, IN_COMMIT);
		double ratio = used(c) / (double)c->bytes;
		sum += i < rounds / 2 ? 0 : ratio;
		worst = ratio > worst ? ratio : worst;
	}
	double mean = sum / (rounds - rounds / 2);
	double churned = (written() - before) / (double)c->came;
	print_message("churn: %u rounds, %.1f MiB live, %.1f MiB came: disk %.2f "
		      "of what lives, %.2f at most; written %.2f of what came, "
		      "%.2f while it grew\n",
		      rounds, (double)c->bytes / MIB, (double)c->came / MIB,
		      mean, worst, churned, grown);
	assert_true(mean < DISK_MOST);
	assert_true(churned < WRITTEN_MOST);
	assert_true(grown < GROWN_MOST);
	kv_space_close(c->space);
	fixture_stop(&c->f);
	free(c->live);
	free(c);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_month_of_mail)};
	if (argc > 1)
		rounds = (unsigned)atoi(argv[1]);
	if (argc > 2)
		live_mib = atof(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
