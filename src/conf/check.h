/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/check - after the text is read: filling in what was not written, and
 * judging what only makes sense together.
 */
#pragma once

#include "conf/snapshot.h"
#include "conf/report.h"

/* Inheritance and derived defaults. False: out of memory. */
MUST_USE bool conf_complete(struct conf_snapshot *);
/* Complains in the report. */
void conf_judge(struct conf_report *, const struct conf_snapshot *);
