/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/rdata - the data of a DNS record as people write it.
 *
 * Record data comes from anywhere: linear, bounded, no compression pointers
 * (the resolver has expanded names).  Data that does not fit its type, and every
 * type without a form of its own, is written as RFC 3597 has it: \# length hex.
 */
#pragma once

#include "base/buf.h"

/* "MX", "mx" or "TYPE15". */
MUST_USE bool rdata_type(struct span name, uint16_t *type);
/* Appends the text; always printable ASCII. */
void rdata_text(uint16_t type, struct span rdata, struct buf *out);
