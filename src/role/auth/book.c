/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/book: see book.h.  A write that fails is no harm: that entry is as it
 * was before, for whoever comes next.
 */
#include "role/auth/book.h"

#include <string.h>

#include "base/check.h"
#include "crypto/secret.h"
#include "os/file.h"

#define HEAD	 64u /* bytes before the first slot */
#define AT_ONCE	 64u /* slots of one read */

static const char words[16] = "letterlock-slow1";

struct head {
	char words[sizeof words];
	uint8_t secret[2 * SIPHASH_KEY];
};

static void keep(void *ctx, size_t slot, const uint8_t record[THROTTLE_RECORD])
{
	struct book *b = ctx;
	(void)!file_write_at(b->world, b->fd, span_of(record, THROTTLE_RECORD),
			     HEAD + slot * THROTTLE_RECORD);
}

static void read_slots(const struct book *b, uint64_t now, struct throttle *t)
{
	uint8_t records[AT_ONCE][THROTTLE_RECORD];
	for (size_t slot = 0; slot < THROTTLE_SLOTS; slot += AT_ONCE) {
		size_t got = 0;
		if (file_read_at(b->world, b->fd, records, sizeof records,
				 HEAD + slot * THROTTLE_RECORD, &got) != OS_OK ||
		    got < THROTTLE_RECORD)
			return;
		for (size_t i = 0; i < got / THROTTLE_RECORD; i++)
			(void)!throttle_take(t, now, slot + i, records[i]);
	}
}

struct throttle *book_open(struct book *b, struct world *w, int fd,
			   uint64_t now, const struct throttle_limits *limits)
{
	struct head h;
	size_t got = 0;
	*b = (struct book){.world = w, .fd = fd};
	bool old = file_read_at(w, fd, &h, sizeof h, 0, &got) == OS_OK &&
		   got == sizeof h && memcmp(h.words, words, sizeof words) == 0;
	if (!old) {
		memcpy(h.words, words, sizeof words);
		world_random(w, h.secret, sizeof h.secret);
		(void)!file_write_at(w, fd, span_of(&h, sizeof h), 0);
	}
	struct throttle *t = throttle_new(h.secret, limits);
	secret_wipe(&h, sizeof h);
	if (t == NULL)
		return NULL;
	if (old)
		read_slots(b, now, t);
	throttle_keep(t, &(struct throttle_keeper){.ctx = b, .keep = keep});
	return t;
}

void book_close(struct book *b)
{
	if (b->world != NULL)
		world_close(b->world, b->fd);
	*b = (struct book){.fd = -1};
}
