/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trust anchor is read from, by the first byte: the file of states, which is
 * written as it was read; a line of a configured file; an answer with keys, which are
 * then followed for a while: nothing counts that was not valid before, and nothing
 * that was revoked ever counts again.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "dns/anchor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void file(struct span text, struct dns_anchors *a)
{
	struct buf b;
	if (!dns_anchors_read(text, a))
		return;
	buf_init(&b, 2 * DNS_ANCHORS_TEXT);
	dns_anchors_write(a, &b);
	ENSURE(buf_ok(&b));
	/* Numbers may have had zeros before them: what is written reads the same. */
	struct dns_anchors *again = malloc(sizeof *again);
	ENSURE(again != NULL && dns_anchors_read(buf_span(&b), again));
	ENSURE(again->count == a->count && again->again == a->again);
	free(again);
	buf_free(&b);
}

static void line(struct span text)
{
	struct dns_anchor_line *l = malloc(sizeof *l);
	ENSURE(l != NULL);
	if (dns_anchor_line_read(text, l) && l->is_key)
		ENSURE(l->tag == dns_key_tag(&l->key));
	free(l);
}

static void follow(const struct dns_keyset *set, struct dns_anchors *a)
{
	struct dns_seen seen[DNS_KEYS_MAX];
	int64_t now = 1;
	for (unsigned step = 0; step < 4; step++) {
		for (size_t i = 0; i < set->count; i++)
			seen[i] = (struct dns_seen){
				.key = &set->keys[i],
				.configured = (set->keys[i].bytes[0] >> step & 1) != 0,
				.self_signed = step > 1};
		struct dns_anchors *was = malloc(sizeof *was);
		ENSURE(was != NULL);
		*was = *a;
		dns_anchors_step(a, seen, set->count - (step == 3), 300, now);
		for (size_t i = 0; i < a->count; i++)
			for (size_t k = 0; k < was->count; k++)
				if (dns_key_same(&a->at[i].key, &was->at[k].key) &&
				    was->at[k].state >= DNS_ANCHOR_REVOKED)
					ENSURE(!dns_anchor_counts(&a->at[i]));
		ENSURE(a->count <= DNS_ANCHORS_MAX);
		free(was);
		int64_t wait = dns_anchors_wait(set->by[0].ttl, step * 100000, step > 0);
		ENSURE(wait >= 3600 && wait <= 15 * 86400);
		now += step == 0 ? DNS_ANCHOR_ADD - 1 : 2 * DNS_ANCHOR_ADD;
	}
}

static void answer(struct span packet, struct dns_anchors *a)
{
	struct dns_answer *p = malloc(sizeof *p);
	struct dns_keyset *set = calloc(1, sizeof *set);
	struct buf b;
	ENSURE(p != NULL && set != NULL);
	buf_init(&b, 1u << 17);
	*a = (struct dns_anchors){0};
	if (dns_packet_read(packet, p) && dns_keyset_read(p, set)) {
		for (size_t i = 0; i < set->signatures; i++) {
			buf_clear(&b);
			dns_keyset_signed(set, &p->question, &set->by[i], &b);
			ENSURE(buf_ok(&b));
		}
		follow(set, a);
	}
	buf_free(&b);
	free(p);
	free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), rest = span_skip(in, 1);
	struct dns_anchors *a = malloc(sizeof *a);
	ENSURE(a != NULL);
	if (size > 0 && data[0] == 'f')
		file(rest, a);
	else if (size > 0 && data[0] == 'l')
		line(rest);
	else if (size > 0)
		answer(rest, a);
	free(a);
	return 0;
}
