/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds of every message that is turned, for the tests and the fuzzer: it has
 * no byte over 127, no line that is too long where it made one, the same parts, and
 * each of them decodes to the same bytes.
 */
#pragma once

#include "sevenbit/sevenbit.h"

/* Turn it, in pieces of `cut` bytes; ENSUREs all of that.  The message in *out when
 * it could be turned or was plain. */
enum sevenbit_can sevenbit_oracle(struct span message, size_t cut, struct buf *out);
