/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_uidbatches: UIDBATCHES (RFC 10022): UIDs that cut the mailbox into
 * batches of so many messages, the newest first.
 *
 * The ranges touch one another and the last one ends with UID 1.  One walk over
 * the runs of the map, from its end; what is answered is never kept.
 */
#include "imap/state.h"

#define BATCH_MIN 500u /* a client that asks for less is told so */

struct batches {
	uint64_t size, first, last; /* which ones; last 0: all */
};

static bool parse(struct imap_lex *lex, struct batches *b)
{
	*b = (struct batches){.first = 1};
	if (!imap_lex_number(lex, UINT32_MAX, &b->size) || b->size == 0)
		return false;
	if (imap_lex_space(lex) &&
	    (!imap_lex_number(lex, UINT32_MAX, &b->first) || b->first == 0 ||
	     !imap_lex_char(lex, ':') || !imap_lex_number(lex, UINT32_MAX, &b->last) ||
	     b->last < b->first))
		return false;
	return imap_lex_end(lex);
}

/* The UID of the message that is the n-th from the end of the walk on. */
struct walk {
	const struct imap_set *map;
	size_t runs;   /* of the map, not passed yet */
	uint32_t last; /* UID up to which the last of them counts */
};

static uint32_t back(struct walk *w, uint64_t n)
{
	for (;;) {
		struct imap_run run = w->map->runs[w->runs - 1];
		uint64_t here = (uint64_t)w->last - run.first + 1;
		if (n < here) {
			w->last -= (uint32_t)n;
			return w->last + 1;
		}
		n -= here;
		w->runs--;
		if (w->runs > 0)
			w->last = w->map->runs[w->runs - 1].last;
		if (n == 0)
			return run.first;
	}
}

static void tell(struct imap_session *s, const struct batches *b)
{
	const struct imap_set *map = &s->work->map;
	uint64_t left = imap_set_size(map);
	struct walk w = {.map = map, .runs = map->count};
	const char *between = " ";
	stream_printf(s->stream, "* UIDBATCHES (TAG \"%.*s\")", (int)s->word_len, s->word);
	uint32_t high = 0;
	if (left > 0)
		high = w.last = map->runs[map->count - 1].last;
	for (uint64_t i = 1; left > 0 && (b->last == 0 || i <= b->last); i++) {
		uint64_t n = left < b->size ? left : b->size;
		uint32_t low = back(&w, n);
		left -= n;
		if (left == 0)
			low = 1;
		if (i >= b->first) {
			stream_printf(s->stream, "%s%u:%u", between, high, low);
			between = ",";
		}
		high = low - 1;
	}
	stream_write(s->stream, SPAN("\r\n"));
}

void imap_cmd_uidbatches(struct imap_session *s, struct imap_lex *lex)
{
	struct batches b;
	if (!parse(lex, &b)) {
		imap_bad(s, "UIDBATCHES takes a size and, where not all are wanted, "
			    "the first and the last batch");
		return;
	}
	if (b.size < BATCH_MIN) {
		imap_no(s, "TOOSMALL", "A batch has 500 messages at least");
		return;
	}
	if (!imap_view_map(s))
		return;
	tell(s, &b);
	imap_ok(s, NULL, "That is all");
}
