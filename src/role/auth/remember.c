/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/remember: MACs as the keys of a map.
 *
 * The map's comparison may take a time that depends on the bytes: they are
 * outputs under a key that nobody outside can compute with.
 */
#include "role/auth/remember.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/list.h"
#include "base/map.h"
#include "crypto/secret.h"

struct entry {
	struct sha256 mac;
	struct list link;
	uint64_t account, until;
	uint32_t scopes;
};

struct remember {
	uint32_t tag;
	unsigned char key[32];
	struct map *map;
	struct list list; /* the longest unused first */
};
#define TAG_REMEMBER TAG4('R', 'E', 'M', 'E')

static struct span mac_span(const struct sha256 *m)
{
	return span_of(m->bytes, SHA256_LEN);
}

struct remember *remember_new(const unsigned char key[32],
			      const uint8_t secret[SIPHASH_KEY])
{
	struct remember *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->tag = TAG_REMEMBER;
	memcpy(r->key, key, sizeof r->key);
	list_init(&r->list);
	r->map = map_new(secret, REMEMBER_MAX);
	if (r->map != NULL)
		return r;
	free(r);
	return NULL;
}

static void entry_drop(struct remember *r, struct entry *e)
{
	list_remove(&e->link);
	(void)map_remove(r->map, mac_span(&e->mac));
	secret_wipe(e, sizeof *e);
	free(e);
}

void remember_free(struct remember *r)
{
	if (r == NULL)
		return;
	ENSURE_TAG(r, TAG_REMEMBER);
	LIST_EACH(&r->list, link)
		entry_drop(r, CONTAINER_OF(link, struct entry, link));
	map_free(r->map);
	secret_wipe(r, sizeof *r);
	free(r);
}

static struct sha256 mac_of(const struct remember *r,
			    const struct remembered *what)
{
	struct span parts[] = {span_of(&what->account, sizeof what->account),
			       span_of(&what->version, sizeof what->version),
			       what->password};
	return hmac_sha256_parts(span_of(r->key, sizeof r->key), parts,
				 ARRAY_LEN(parts));
}

bool remember_check(struct remember *r, uint64_t now,
		    const struct remembered *what, uint32_t *scopes)
{
	ENSURE_TAG(r, TAG_REMEMBER);
	struct sha256 mac = mac_of(r, what);
	struct entry *e = map_get(r->map, mac_span(&mac));
	if (e == NULL)
		return false;
	if (now >= e->until) {
		entry_drop(r, e);
		return false;
	}
	list_remove(&e->link);
	list_push_back(&r->list, &e->link);
	*scopes = e->scopes;
	return true;
}

void remember_put(struct remember *r, uint64_t until,
		  const struct remembered *what, uint32_t scopes)
{
	ENSURE_TAG(r, TAG_REMEMBER);
	struct sha256 mac = mac_of(r, what);
	struct entry *e = map_get(r->map, mac_span(&mac));
	if (e == NULL) {
		if (map_count(r->map) >= REMEMBER_MAX)
			entry_drop(r, CONTAINER_OF(list_first(&r->list),
						   struct entry, link));
		e = calloc(1, sizeof *e);
		if (e == NULL)
			return;
		e->mac = mac;
		if (!map_put(r->map, mac_span(&e->mac), e)) {
			free(e);
			return;
		}
	}
	list_remove(&e->link);
	list_push_back(&r->list, &e->link);
	e->account = what->account;
	e->until = until;
	e->scopes = scopes;
}

void remember_drop(struct remember *r, uint64_t account)
{
	ENSURE_TAG(r, TAG_REMEMBER);
	LIST_EACH(&r->list, link) {
		struct entry *e = CONTAINER_OF(link, struct entry, link);
		if (e->account == account)
			entry_drop(r, e);
	}
}

size_t remember_count(const struct remember *r)
{
	ENSURE_TAG(r, TAG_REMEMBER);
	return map_count(r->map);
}
