/* SPDX-License-Identifier: Apache-2.0 */
/* terms/field - under which field of an index a header field stands. */
#pragma once

#include "terms/term.h"

enum term_field term_field_named(struct span name);
/*
 * Signatures and the like: long, made by machines for machines, and no text that
 * anybody looks for in TEXT.  They are in no index; HEADER finds them, by looking.
 */
bool term_field_is_seal(struct span name);
