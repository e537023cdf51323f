/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/library_own - what the files of tls/ see of a tls_library.  Private.
 */
#pragma once

#include <openssl/bio.h>
#include <openssl/provider.h>

#include "tls/library.h"
#include "tls/provider.h"

struct tls_library {
	uint32_t tag;
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *defaults, *own;
	BIO_METHOD *transport;
	struct provider provider;
};
#define TAG_LIBRARY TAG4('t', 'l', 'i', 'b')

/* The BIO over a struct tls_conn; NULL: no memory. */
BIO_METHOD *transport_method(void);
