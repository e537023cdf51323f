/* SPDX-License-Identifier: Apache-2.0 */
/* role/edge/limits: see limits.h.  Must never forget to count one out. */
#include "role/edge/limits.h"

#include <stdlib.h>

#include "base/ensure.h"

#define PLACES_MAX 1000000u
#define V6_NETWORK 8u /* bytes of a /64 */

static void key_of(const struct addr *a, uint8_t key[16])
{
	memcpy(key, a->ip, 16);
	if (!addr_is_v4(a))
		memset(key + V6_NETWORK, 0, 16 - V6_NETWORK);
}

static bool exempt(const struct conf_limits *l, const struct addr *a)
{
	uint8_t family = addr_is_v4(a) ? 4 : 6;
	const uint8_t *bytes = family == 4 ? a->ip + 12 : a->ip;
	for (size_t i = 0; i < l->exempt.count; i++)
		if (conf_net_has(&l->exempt.at[i], family, bytes))
			return true;
	return false;
}

static struct crowd_place *place_of(struct crowd *c, struct world *w,
				    const struct addr *a)
{
	uint8_t key[16], secret[SIPHASH_KEY];
	if (c->places == NULL) {
		world_random(w, secret, sizeof secret);
		c->places = map_new(secret, PLACES_MAX);
	}
	if (c->places == NULL)
		return NULL;
	key_of(a, key);
	struct crowd_place *p = map_get(c->places, span_of(key, sizeof key));
	if (p != NULL)
		return p;
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return NULL;
	memcpy(p->key, key, sizeof key);
	if (map_put(c->places, span_of(p->key, sizeof p->key), p))
		return p;
	free(p);
	return NULL;
}

enum crowd_answer crowd_enter(struct crowd *c, struct world *w,
			      const struct conf_limits *l, const struct addr *a,
			      struct crowd_place **place)
{
	*place = NULL;
	if (l->connections != 0 && c->count >= l->connections)
		return CROWD_FULL;
	if (l->connections_per_address != 0 && !exempt(l, a)) {
		struct crowd_place *p = place_of(c, w, a);
		if (p == NULL)
			return CROWD_FULL; /* memory is short */
		if (p->count >= l->connections_per_address)
			return CROWD_TOO_MANY;
		p->count++;
		*place = p;
	}
	c->count++;
	return CROWD_IN;
}

void crowd_leave(struct crowd *c, struct crowd_place *p)
{
	ENSURE(c->count > 0);
	c->count--;
	if (p == NULL)
		return;
	ENSURE(p->count > 0);
	if (--p->count > 0)
		return;
	(void)map_remove(c->places, span_of(p->key, sizeof p->key));
	free(p);
}

void crowd_free(struct crowd *c)
{
	size_t at = 0;
	struct crowd_place *p;
	while (c->places != NULL && (p = map_next(c->places, &at)) != NULL)
		free(p);
	map_free(c->places);
	c->places = NULL;
}
