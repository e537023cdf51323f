/* SPDX-License-Identifier: Apache-2.0 */
/* posture/judge - what the judges of single kinds share. */
#pragma once

#include "posture/posture.h"
#include "posture/text.h"

/* One need under judgement; ok turns false when the arena is full. */
struct judging {
	const struct posture_server *server;
	const struct posture_need *need;
	struct arena *arena;
	struct posture_findings *out;
	/* Those of the need's type. */
	struct posture_record *records;
	size_t count;
	bool ok;
};

PRINTF_LIKE(3, 4)
struct posture_finding *posture_tell(struct judging *, enum posture_level,
				     const char *what, ...);
PRINTF_LIKE(2, 3)
void posture_mend(struct judging *, const char *mend, ...);
/* "publish: LINE | LINE" after what was told last. */
void posture_mend_publish(struct judging *);
/* Nothing is there. */
void posture_tell_absent(struct judging *);

void posture_judge_spf(struct judging *);
void posture_judge_dmarc(struct judging *);
void posture_judge_sts(struct judging *, struct policy_lookup);
void posture_judge_tlsrpt(struct judging *);
