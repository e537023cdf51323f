/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/xtext - any bytes as printable ASCII in a parameter (RFC 3461 4): "+" and
 * two digits, in upper case, stand for what may not stand there itself.
 */
#pragma once

#include "base/span.h"

/* Is it xtext, of at most SMTP_ORCPT_MAX bytes once decoded? */
MUST_USE bool smtp_xtext_ok(struct span);
/* Decoded; false when it is not xtext or does not fit. */
MUST_USE bool smtp_xtext_decode(struct span, char *out, size_t cap, size_t *len);
