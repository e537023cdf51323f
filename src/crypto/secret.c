/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/secret - comparison and wiping, as libcrypto does them: written so
 * that no compiler turns them into something faster and talkative.
 */
#include "crypto/secret.h"

#include <openssl/crypto.h>

bool secret_eq(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void secret_wipe(void *p, size_t n)
{
	if (n > 0)
		OPENSSL_cleanse(p, n);
}
