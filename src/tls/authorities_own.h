/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/authorities_own - a bundle as OpenSSL wants it.  Private to tls/.
 */
#pragma once

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "tls/authorities.h"

struct tls_authorities {
	uint32_t tag;
	unsigned references;
	X509_STORE *store; /* without any lookup: nothing is opened */
	STACK_OF(X509_NAME) *names;
	size_t count;
};
#define TAG_AUTHORITIES TAG4('t', 'a', 'u', 't')

void tls_authorities_hold(struct tls_authorities *);
