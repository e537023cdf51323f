/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/library - first use of libcrypto, before confinement.
 *
 * The configuration file is refused first of all: any other call would read
 * it.  Then one hash, one keyed hash and one random byte make the library fetch
 * its algorithms and seed its generator, so that later calls open nothing.
 */
#include "crypto/library.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "crypto/hash.h"

bool crypto_library_start(void)
{
	unsigned char byte;

	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
					OPENSSL_INIT_NO_ATEXIT |
					OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
				NULL) != 1)
		return false;
	(void)sha256_of(SPAN("warm"));
	(void)hmac_sha256(SPAN("key"), SPAN("warm"));
	return RAND_bytes(&byte, 1) == 1 && RAND_priv_bytes(&byte, 1) == 1;
}
