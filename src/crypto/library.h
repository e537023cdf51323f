/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/library - start libcrypto and libsodium before the process is confined.
 *
 * crypto_library_start keeps OpenSSL from reading its configuration file, now and
 * later, and makes it set up what it would otherwise set up on first use (the
 * default provider, the random generator), so that nothing opens a file
 * afterwards.  Call it once, first thing in main, before any other function of
 * crypto/, tls/ or sasl/.
 */
#pragma once

#include <stdbool.h>

#include "base/attr.h"

/* False: the library cannot work here (no memory, no random source). */
MUST_USE bool crypto_library_start(void);
