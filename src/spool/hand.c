/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/hand: see hand.h.  A copy is one piece of memory: the record, the recipients
 * and all bytes that they point to.
 */
#include "spool/hand.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

bool hand_init(struct hand *h, const uint8_t secret[SIPHASH_KEY])
{
	list_init(&h->all);
	h->bytes = 0;
	h->ids = map_new(secret, HAND_MOST);
	return h->ids != NULL;
}

void hand_free(struct hand *h)
{
	if (!h->ids)
		return;
	LIST_EACH (&h->all, l)
		free(CONTAINER_OF(l, struct held, all));
	map_free(h->ids);
	h->ids = NULL;
}

static struct span key_of(const struct spool_id *id)
{
	return span_of(id->byte, sizeof(id->byte));
}

static size_t bytes_of(const struct spool_recipient *r)
{
	return r->address.len + r->original.len + r->folder.len +
	       r->prefix.len + r->reason.len + r->destination.len +
	       r->status.len + r->host.len;
}

static size_t size_of(const struct spool_accept *q, struct span name)
{
	size_t n = sizeof(struct held) +
		   (q->count + 1) * sizeof(struct spool_recipient) + name.len +
		   q->job.sender.len + q->job.facts.len + q->job.summary.len +
		   q->bytes.len;
	for (size_t i = 0; i < q->count; i++)
		n += bytes_of(&q->recipients[i]);
	return n;
}

static struct span keep(struct held *h, struct span s)
{
	char *at = h->at;
	if (s.len)
		memcpy(at, s.ptr, s.len);
	h->at += s.len;
	return span_of(at, s.len);
}

static void keep_recipient(struct held *h, struct spool_recipient *r)
{
	r->address = keep(h, r->address);
	r->original = keep(h, r->original);
	r->folder = keep(h, r->folder);
	r->prefix = keep(h, r->prefix);
	r->reason = keep(h, r->reason);
	r->destination = keep(h, r->destination);
	r->status = keep(h, r->status);
	r->host = keep(h, r->host);
}

static void keep_all(struct held *h, const struct spool_accept *q,
		     struct span name)
{
	h->copy.recipients = (struct spool_recipient *)(void *)h->bytes;
	h->at = (char *)(h->copy.recipients + q->count);
	h->copy.job = q->job;
	h->copy.job.sender = keep(h, q->job.sender);
	h->copy.job.facts = keep(h, q->job.facts);
	h->copy.job.summary = keep(h, q->job.summary);
	h->copy.job.recipients = h->copy.job.open = (uint32_t)q->count;
	h->body = keep(h, q->bytes);
	h->name = keep(h, name);
	h->copy.count = q->count;
	for (size_t i = 0; i < q->count; i++) {
		h->copy.recipients[i] = q->recipients[i];
		h->copy.recipients[i].n = (uint32_t)i;
		keep_recipient(h, &h->copy.recipients[i]);
	}
}

struct held *hand_copy(struct hand *h, const struct spool_accept *q,
		       int64_t now)
{
	char room[SPOOL_DESTINATION_MAX];
	struct span name = spool_destination(&q->recipients[0], room);
	size_t size = size_of(q, name);
	if (h->bytes + size > HAND_BYTES)
		return NULL;
	struct held *one = malloc(size);
	if (!one)
		return NULL;
	memset(one, 0, sizeof(*one));
	keep_all(one, q, name);
	one->came = now;
	one->size = size;
	if (!map_put(h->ids, key_of(&one->copy.job.id), one)) {
		free(one);
		return NULL;
	}
	list_push_back(&h->all, &one->all);
	h->bytes += size;
	return one;
}

struct held *hand_find(const struct hand *h, const struct spool_id *id)
{
	return map_get(h->ids, key_of(id));
}

void hand_drop(struct hand *h, struct held *one)
{
	ENSURE(!one->out && !list_linked(&one->link));
	map_remove(h->ids, key_of(&one->copy.job.id));
	list_remove(&one->all);
	h->bytes -= one->size;
	free(one);
}

const struct held *hand_old(const struct hand *h, int64_t now)
{
	LIST_EACH (&h->all, l) {
		const struct held *one = CONTAINER_OF(l, struct held, all);
		if (one->durable && !one->copy.gone)
			return one->came + HAND_S <= now ? one : NULL;
	}
	return NULL;
}
