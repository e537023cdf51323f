/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/gather - a new segment from messages, in memory.
 *
 * Messages come by ascending UID with their terms (terms/term.h) in any order;
 * what is written is sorted.  Terms that cannot be read make a message one of
 * which the index says nothing.
 */
#pragma once

#include "base/siphash.h"
#include "index/segment.h"

#define GATHER_DOCS  512u
#define GATHER_BYTES (4u << 20) /* of terms; one message may take it above that */

struct index_gather;

/* NULL: memory is short.  Words are chosen by strangers: hence the secret. */
MUST_USE struct index_gather *index_gather_new(const uint8_t secret[SIPHASH_KEY]);
void index_gather_free(struct index_gather *); /* NULL is allowed */

bool index_gather_full(const struct index_gather *);
uint32_t index_gather_docs(const struct index_gather *);
/* The next message; its terms follow, in as many pieces as one likes. */
void index_gather_message(struct index_gather *, uint32_t uid);
/* False: memory is short, and this gather is of no use any more. */
MUST_USE bool index_gather_terms(struct index_gather *, struct span terms);

/* The segment; it covers UIDs first to last.  False: the sink refused, memory. */
MUST_USE bool index_gather_write(struct index_gather *, const struct index_sink *,
				 uint32_t id, uint32_t first, uint32_t last,
				 struct index_segment *out);
