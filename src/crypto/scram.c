/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/scram - SaltedPassword, StoredKey and ServerKey (RFC 5802 section 3).
 */
#include "crypto/scram.h"

#include <openssl/evp.h>

#include "crypto/password.h"
#include "crypto/secret.h"

bool scram_client_keys(struct span password, struct span salt,
		       uint32_t iterations, struct sha256 *client_key,
		       struct sha256 *server_key)
{
	unsigned char salted[SHA256_LEN];
	struct span key = span_of(salted, sizeof(salted));

	if (password.len > PASSWORD_MAX || salt.len == 0 ||
	    salt.len > SCRAM_SALT_MAX || iterations < SCRAM_ITERATIONS_MIN ||
	    iterations > SCRAM_ITERATIONS_MAX)
		return false;
	if (PKCS5_PBKDF2_HMAC(password.ptr ? password.ptr : "",
			      (int)password.len,
			      (const unsigned char *)salt.ptr, (int)salt.len,
			      (int)iterations, EVP_sha256(), sizeof(salted),
			      salted) != 1)
		return false;
	*client_key = hmac_sha256(key, SPAN("Client Key"));
	*server_key = hmac_sha256(key, SPAN("Server Key"));
	secret_wipe(salted, sizeof(salted));
	return true;
}

bool scram_keys(struct span password, struct span salt, uint32_t iterations,
		struct sha256 *stored_key, struct sha256 *server_key)
{
	struct sha256 client;
	if (!scram_client_keys(password, salt, iterations, &client, server_key))
		return false;
	*stored_key = sha256_of(span_of(client.bytes, SHA256_LEN));
	secret_wipe(&client, sizeof(client));
	return true;
}

bool scram_verifier_make(struct span password,
			 const unsigned char salt[SCRAM_SALT_LEN],
			 uint32_t iterations, struct scram_verifier *out)
{
	struct scram_verifier v = {.iterations = iterations};

	memcpy(v.salt, salt, SCRAM_SALT_LEN);
	if (!scram_keys(password, span_of(salt, SCRAM_SALT_LEN), iterations,
			&v.stored_key, &v.server_key))
		return false;
	*out = v;
	return true;
}
