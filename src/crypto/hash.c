/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/hash - SHA-256 and HMAC-SHA-256 by libcrypto's EVP.
 *
 * HMAC is built from two SHA-256 runs (RFC 2104) because EVP_MAC costs a fetch
 * and several allocations a call, and needs none of them here.  Key material on
 * the stack is wiped.
 */
#include "crypto/hash.h"

#include <openssl/evp.h>

#include <stdlib.h>

#include "base/ensure.h"
#include "crypto/secret.h"

#define BLOCK     64u
#define PARTS_MAX 8u
#define TAG_SHA   TAG4('s', 'h', 'a', '2')

struct sha256_stream {
	uint32_t tag;
	EVP_MD_CTX *md;
};

static EVP_MD_CTX *sha_begin(void)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	ENSURE(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
	return md;
}

static void sha_add(EVP_MD_CTX *md, const void *p, size_t n)
{
	if (n > 0)
		ENSURE(EVP_DigestUpdate(md, p, n) == 1);
}

static struct sha256 sha_end(EVP_MD_CTX *md)
{
	struct sha256 out;
	unsigned int n = 0;

	ENSURE(EVP_DigestFinal_ex(md, out.bytes, &n) == 1 && n == SHA256_LEN);
	EVP_MD_CTX_free(md);
	return out;
}

struct sha256 sha256_of(struct span s)
{
	EVP_MD_CTX *md = sha_begin();

	sha_add(md, s.ptr, s.len);
	return sha_end(md);
}

/* The key as one block: hashed first when it is longer. */
static void key_block(struct span key, unsigned char block[BLOCK])
{
	memset(block, 0, BLOCK);
	if (key.len > BLOCK) {
		struct sha256 h = sha256_of(key);
		memcpy(block, h.bytes, SHA256_LEN);
		secret_wipe(&h, sizeof(h));
	} else if (key.len > 0) {
		memcpy(block, key.ptr, key.len);
	}
}

static void xor_block(unsigned char block[BLOCK], unsigned char with)
{
	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= with;
}

struct sha256 hmac_sha256_parts(struct span key, const struct span *parts,
				size_t n)
{
	unsigned char block[BLOCK];
	struct sha256 inner, out;
	EVP_MD_CTX *md;

	ENSURE(n <= PARTS_MAX);
	key_block(key, block);
	xor_block(block, 0x36);
	md = sha_begin();
	sha_add(md, block, BLOCK);
	for (size_t i = 0; i < n; i++)
		sha_add(md, parts[i].ptr, parts[i].len);
	inner = sha_end(md);
	xor_block(block, 0x36 ^ 0x5c);
	md = sha_begin();
	sha_add(md, block, BLOCK);
	sha_add(md, inner.bytes, SHA256_LEN);
	out = sha_end(md);
	secret_wipe(block, sizeof(block));
	secret_wipe(&inner, sizeof(inner));
	return out;
}

struct sha256 hmac_sha256(struct span key, struct span data)
{
	return hmac_sha256_parts(key, &data, 1);
}

struct sha256_stream *sha256_stream_new(void)
{
	struct sha256_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->tag = TAG_SHA;
	s->md = EVP_MD_CTX_new();
	if (!s->md || EVP_DigestInit_ex(s->md, EVP_sha256(), NULL) != 1) {
		sha256_stream_drop(s);
		return NULL;
	}
	return s;
}

void sha256_stream_add(struct sha256_stream *s, struct span data)
{
	ENSURE_TAG(s, TAG_SHA);
	sha_add(s->md, data.ptr, data.len);
}

struct sha256 sha256_stream_end(struct sha256_stream *s)
{
	struct sha256 out;

	ENSURE_TAG(s, TAG_SHA);
	out = sha_end(s->md);
	s->md = NULL;
	sha256_stream_drop(s);
	return out;
}

void sha256_stream_drop(struct sha256_stream *s)
{
	if (!s)
		return;
	ENSURE_TAG(s, TAG_SHA);
	EVP_MD_CTX_free(s->md);
	s->tag = 0;
	free(s);
}
