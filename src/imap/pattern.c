/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/pattern: a set of live pattern positions, moved on by every byte.
 *
 * Must never go back over a name: a thousand wildcards cost what one does.
 */
#include "imap/pattern.h"

#include "base/ensure.h"

#define WORDS ((IMAP_PATTERN_MAX + 1) / 64)

struct imap_pattern {
	size_t length;
	uint64_t star[WORDS], percent[WORDS]; /* positions with that wildcard */
	uint64_t literal[256][WORDS];         /* positions that take this byte */
};

static void set(uint64_t *bits, size_t at)
{
	bits[at / 64] |= UINT64_C(1) << at % 64;
}

static bool wild(char c)
{
	return c == '*' || c == '%';
}

struct imap_pattern *imap_pattern_new(struct arena *arena, struct span text)
{
	struct imap_pattern *p = ARENA_NEW(arena, struct imap_pattern);
	if (p == NULL)
		return NULL;
	bool inbox = imap_name_inbox(text);
	for (size_t i = 0; i < text.len; p->length++) {
		if (p->length == IMAP_PATTERN_MAX)
			return NULL;
		char c = text.ptr[i++];
		if (!wild(c)) {
			set(p->literal[(unsigned char)c], p->length);
			if (inbox && i <= IMAP_INBOX_LEN)
				set(p->literal[(unsigned char)ascii_upper(c)],
				    p->length);
			continue;
		}
		/* A run of wildcards is "*" if one of them is. */
		bool star = c == '*';
		for (; i < text.len && wild(text.ptr[i]); i++)
			star = star || text.ptr[i] == '*';
		set(star ? p->star : p->percent, p->length);
	}
	return p;
}

/* A wildcard may stand for nothing: its successor is live too. */
static void pass(const struct imap_pattern *p, uint64_t *live)
{
	uint64_t carry = 0;
	for (size_t w = 0; w < WORDS; w++) {
		uint64_t hit = live[w] & (p->star[w] | p->percent[w]);
		live[w] |= hit << 1 | carry;
		carry = hit >> 63;
	}
}

bool imap_pattern_match(const struct imap_pattern *p, struct span name)
{
	uint64_t live[WORDS] = {1};
	pass(p, live);
	for (size_t i = 0; i < name.len; i++) {
		const uint64_t *literal = p->literal[(unsigned char)name.ptr[i]];
		uint64_t carry = 0, any = 0;
		for (size_t w = 0; w < WORDS; w++) {
			uint64_t stay = p->star[w];
			if (name.ptr[i] != '/')
				stay |= p->percent[w];
			uint64_t step = live[w] & literal[w];
			live[w] = (live[w] & stay) | step << 1 | carry;
			carry = step >> 63;
			any |= live[w];
		}
		if (any == 0)
			return false;
		pass(p, live);
	}
	return live[p->length / 64] >> p->length % 64 & 1;
}
