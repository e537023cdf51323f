/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/head: a space's counters as bytes (format 1), big-endian:
 *
 *   turn 8, version 8, moved 1, tokens 1, then 8 for each token, newest first
 *
 * The tokens of the last commits settle an unknown outcome without a row of its
 * own for each commit.
 */
#include "kv/engine.h"

static void put64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint64_t get64(const char *p)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

size_t kv_head_write(const struct head *h, uint8_t out[HEAD_MAX])
{
	put64(out, h->turn);
	put64(out + 8, h->version);
	out[16] = h->moved;
	out[17] = h->tokens;
	for (unsigned i = 0; i < h->tokens; i++)
		put64(out + 18 + 8 * i, h->token[i]);
	return 18u + 8u * h->tokens;
}

bool kv_head_read(struct span s, struct head *h)
{
	if (s.len < 18 || (uint8_t)s.ptr[17] > KV_TOKENS ||
	    s.len != 18u + 8u * (uint8_t)s.ptr[17])
		return false;
	*h = (struct head){.turn = get64(s.ptr),
			   .version = get64(s.ptr + 8),
			   .moved = (uint8_t)s.ptr[16],
			   .tokens = (uint8_t)s.ptr[17]};
	for (unsigned i = 0; i < h->tokens; i++)
		h->token[i] = get64(s.ptr + 18 + 8 * i);
	return true;
}

void kv_head_advance(struct head *h, uint64_t token, bool moves)
{
	memmove(h->token + 1, h->token, (KV_TOKENS - 1) * sizeof(h->token[0]));
	h->token[0] = token;
	h->moved = (uint8_t)(h->moved << 1 | (moves ? 1 : 0));
	if (h->tokens < KV_TOKENS)
		h->tokens++;
	h->turn++;
	h->version += moves ? 1 : 0;
}

bool kv_head_knows(const struct head *h, uint64_t turn, uint64_t token,
		uint64_t *version)
{
	if (turn > h->turn || h->turn - turn >= h->tokens ||
	    h->token[h->turn - turn] != token)
		return false;
	uint64_t v = h->version;
	for (uint64_t i = 0; i < h->turn - turn; i++)
		v -= h->moved >> i & 1;
	*version = v;
	return true;
}

void kv_space_key(struct kv_name name, uint8_t out[SPACE_KEY])
{
	out[0] = (uint8_t)name.kind;
	put64(out + 1, name.id);
}
