/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/password - argon2id through libsodium's string form.
 *
 * A verifier is read by our own strict reader before libsodium sees it: it
 * must be argon2id, version 19, one lane, and its cost within our limits.
 */
#include "crypto/password.h"

#include <errno.h>
#include <sodium.h>

_Static_assert(PASSWORD_TEXT_MAX == crypto_pwhash_STRBYTES, "encoded form");
_Static_assert(PASSWORD_MEMORY_MIN * 1024u == crypto_pwhash_argon2id_MEMLIMIT_MIN,
	       "smallest memory");

bool password_library_start(void) { return sodium_init() >= 0; }

static bool cost_ok(struct password_cost c)
{
	return c.memory_kib >= PASSWORD_MEMORY_MIN &&
	       c.memory_kib <= PASSWORD_MEMORY_MAX && c.passes >= 1 &&
	       c.passes <= PASSWORD_PASSES_MAX;
}

enum password password_hash(struct span password, struct password_cost cost,
			    char out[PASSWORD_TEXT_MAX])
{
	if (password.len > PASSWORD_MAX)
		return PASSWORD_TOO_LONG;
	if (!cost_ok(cost))
		return PASSWORD_BAD_COST;
	if (crypto_pwhash_str_alg(out, password.ptr ? password.ptr : "",
				  password.len, cost.passes,
				  (size_t)cost.memory_kib * 1024,
				  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return PASSWORD_NO_MEMORY;
	return PASSWORD_OK;
}

/* "m=19456,": the number after `name` and before `end`. */
static bool field(struct span *s, struct span name, char end, uint32_t *out)
{
	struct span digits;
	uint64_t v;

	if (!span_starts(*s, name))
		return false;
	*s = span_skip(*s, name.len);
	if (!span_cut(s, end, &digits) || digits.len == 0 ||
	    (digits.len > 1 && digits.ptr[0] == '0') ||
	    !span_u64(digits, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

bool password_cost_of(struct span s, struct password_cost *out)
{
	struct password_cost c;
	struct span salt;
	uint32_t lanes;

	if (s.len >= PASSWORD_TEXT_MAX || span_has(s, '\0') ||
	    !span_starts(s, SPAN("$argon2id$v=19$")))
		return false;
	s = span_skip(s, sizeof("$argon2id$v=19$") - 1);
	if (!field(&s, SPAN("m="), ',', &c.memory_kib) ||
	    !field(&s, SPAN("t="), ',', &c.passes) ||
	    !field(&s, SPAN("p="), '$', &lanes) || lanes != 1 || !cost_ok(c))
		return false;
	if (!span_cut(&s, '$', &salt) || salt.len == 0 || s.len == 0 ||
	    span_has(s, '$'))
		return false;
	*out = c;
	return true;
}

/* The work of a verification whose answer is known to be no. */
static enum password waste(struct span password, struct password_cost cost)
{
	unsigned char key[32];
	static const unsigned char salt[crypto_pwhash_SALTBYTES];

	if (!cost_ok(cost))
		return PASSWORD_BAD_COST;
	if (crypto_pwhash(key, sizeof(key), password.ptr ? password.ptr : "",
			  password.len, salt, cost.passes,
			  (size_t)cost.memory_kib * 1024,
			  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return PASSWORD_NO_MEMORY;
	sodium_memzero(key, sizeof(key));
	return PASSWORD_WRONG;
}

enum password password_verify(struct span password, struct span verifier,
			      struct password_cost unknown)
{
	char text[PASSWORD_TEXT_MAX] = {0};
	struct password_cost cost;

	if (password.len > PASSWORD_MAX)
		return PASSWORD_TOO_LONG;
	if (verifier.len == 0)
		return waste(password, unknown);
	if (!password_cost_of(verifier, &cost))
		return PASSWORD_BAD_VERIFIER;
	memcpy(text, verifier.ptr, verifier.len);
	errno = 0;
	if (crypto_pwhash_str_verify(text, password.ptr ? password.ptr : "",
				     password.len) == 0)
		return PASSWORD_OK;
	return errno == ENOMEM ? PASSWORD_NO_MEMORY : PASSWORD_WRONG;
}
