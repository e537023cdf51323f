/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/facts_own - text of a peer's made fit for a log.  Private to tls/.
 */
#pragma once

#include <openssl/x509.h>

#include "base/buf.h"

/* A distinguished name (RFC 2253): printable ASCII, at most max bytes. */
void tls_name_add(struct buf *, const X509_NAME *, size_t max);
