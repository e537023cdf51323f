/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/understand - asks the sorter about a message, and checks what it says.
 *
 * A sorter that died or took too long is asked once more; after that the
 * message is opaque: it is kept with an empty summary.  Only a submission has to
 * be understood, because its author must be checked.
 */
#pragma once

#include "role/store/body.h"

struct understood {
	bool later; /* memory is short, here or there: not now */
	bool opaque;
	bool too_much; /* a submission whose header cannot be put right */
	struct span summary, prefix;
	const struct store_sorter_cut *cuts;
	size_t cut_count;
	const struct span *authors;
	size_t author_count;
	unsigned from_fields;
	uint32_t received;
	const struct span *delivered_to;
	size_t delivered_count;
	bool tls_optional; /* RFC 8689 5 */
};

struct question {
	enum store_sorter_purpose purpose;
	enum kind pool; /* KIND_SORTER_MX or KIND_SORTER_ACCESS */
	struct span id, login;
};

/* Parks.  Everything in *out lives in the job's arena. */
void understand(struct job *, const struct question *, const struct body *,
		struct understood *out);

/* A channel to a sorter of the pool, waited for at most 2 s; NULL: none. */
struct store_sorter *sorter_of(struct job *, enum kind pool);
/* By when a message of this size has to be done with. */
uint64_t sorter_deadline(struct store *, uint64_t size);
/* Whole header fields, each line ended by CRLF; may be empty. */
bool header_ok(struct span);
