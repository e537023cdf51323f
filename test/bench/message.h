/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages sent, and the check of what comes back.
 *
 * A message has X-Mailbench-Id, unique in the run, and X-Mailbench-Sum, a
 * checksum of the body without its CRs.  Its text is drawn from a pool of
 * words by a seeded generator; number N has needle<N%1000> once in the body
 * and subj<N%1000> in its Subject, so that a search has a known answer.
 */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench;
struct corpus;

#define MESSAGE_NEEDLES 1000
#define MESSAGE_LEAST	700 /* bytes; a smaller --size becomes this */

struct corpus *corpus_make(unsigned seed);
void corpus_free(struct corpus *);

/* Bytes of one message; grown as needed, freed by its owner. */
struct message {
	char *bytes;
	size_t length, room;
};

void message_make(struct bench *, long number, const char *from,
		  const char *to, struct message *);

/* Fed with a message as it comes back, in pieces. */
struct check {
	bool in_body, has_sum;
	size_t length;
	uint64_t wanted, sum;
	char line[1200];
};

void check_start(struct check *);
void check_add(struct check *, const char *, size_t);
bool check_good(const struct check *);

uint64_t draw(uint64_t *state); /* the next number of a seeded generator */

#endif
