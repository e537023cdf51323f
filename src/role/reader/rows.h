/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/reader/rows - a report as rows of JSON, one a line: for each policy its sums,
 * behind it each kind of failure.
 */
#pragma once

#include "base/buf.h"
#include "policy/report.h"

#define READER_ROWS_MAX 10000u
#define READER_TEXT_MAX 300u /* bytes of one text of a row */

void reader_rows(struct buf *, const struct policy_report *);
