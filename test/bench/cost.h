/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server costs: processor time and memory of its processes (a cgroup,
 * or the tree below a pid), counters of its disk, and how much of the machine
 * others took meanwhile - the noise of the run.
 */
#ifndef BENCH_COST_H
#define BENCH_COST_H

struct bench;

struct usage {
	double at;	  /* seconds */
	double user, sys; /* of the server */
	double own;	  /* of this process */
	double busy;	  /* of the whole machine */
	double flushes, writes, kib;
};

struct memory {
	double pss, private_; /* KiB */
	int processes;
};

struct usage usage_now(const struct bench *);
double usage_server_us(const struct usage *from, const struct usage *to,
		       double units);
/* What was spent between the two, in all and for one unit of work. */
void json_usage(struct bench *, const struct usage *from,
		const struct usage *to, double units, const char *unit);

struct memory memory_now(const struct bench *);
double memory_available(void); /* KiB, of the machine */

#endif
