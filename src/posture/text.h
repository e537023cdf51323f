/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posture/text - records as dns/packet.h writes them, taken apart again.
 *
 * Their data comes from strangers' zones.  Linear; whatever is malformed is no
 * record.
 */
#pragma once

#include "base/arena.h"

#define POSTURE_TXT_MAX 65535u /* bytes of one TXT record */

struct posture_record {
	struct span name, type, data;
	uint32_t ttl;
};

/* "mx.example.org. 3600 IN A 192.0.2.1" */
MUST_USE bool posture_record_read(struct span line, struct posture_record *);

/* "a" "b\"\065" as RDATA: each string with its length before it.  `full` is set
 * when false is the arena's fault. */
MUST_USE bool posture_txt_rdata(struct arena *, struct span data,
				struct span *rdata, bool *full);
/* Its strings joined. */
MUST_USE bool posture_txt_join(struct arena *, struct span rdata,
			       struct span *text);

/* The next word; false at the end. */
bool posture_word(struct span *rest, struct span *word);
/* Absolute or not, whatever the case. */
bool posture_same_name(struct span a, struct span b);
