/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/authorities - the certificates that others' certificates are traced to.
 *
 * Read once from the bytes of a PEM bundle (a confined process opens no files)
 * and shared: contexts and connections keep it alive.  Only self-signed
 * certificates in it are the end of a chain; an intermediate one helps to find
 * the way.
 */
#pragma once

#include "base/buf.h"

#define TLS_AUTHORITIES_PEM_MAX (4u << 20) /* bytes of a bundle */
#define TLS_AUTHORITIES_MAX     2048u      /* certificates in it */

struct tls_authorities;

/* NULL: `why` says what is wrong with the bundle. */
MUST_USE struct tls_authorities *tls_authorities_new(struct span pem,
						     struct buf *why);
void tls_authorities_free(struct tls_authorities *); /* NULL is allowed */
size_t tls_authorities_count(const struct tls_authorities *);
