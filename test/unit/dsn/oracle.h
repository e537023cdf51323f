/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/oracle - is this a report as it should be?  Read with our own eyes for
 * mail (mime, dsn/read), which know nothing of how it was written.
 *
 * Aborts when it is not; so it serves unit tests and the fuzz harness.
 */
#pragma once

#include "dsn/write.h"

/* Bytes in memory as the source of a message; gives `step` bytes at a time. */
struct dsn_memory {
	struct dsn_source source;
	struct span bytes;
	size_t step;
	uint64_t fail_at; /* no byte from here on can be had */
	size_t asked;	  /* the longest range that was asked for */
};
void dsn_memory_init(struct dsn_memory *, struct span bytes);

struct dsn_told_report {
	struct span report; /* what dsn_write wrote */
	const struct dsn_how *how;
	const struct dsn_recipient *recipients;
	size_t count;
	struct span original;
	const struct dsn_made *made;
};
/* `text`, when not NULL, gets the part for a person, decoded. */
void dsn_oracle(const struct dsn_told_report *, struct buf *text);
