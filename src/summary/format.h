/* SPDX-License-Identifier: Apache-2.0 */
/* summary/format - what writer and reader share; described in write.c. */
#pragma once

#include "summary/summary.h"

#define SUMMARY_MAGIC "LLsm"
#define SUMMARY_FORMAT_ORDER 2u /* the first that holds an order record */
