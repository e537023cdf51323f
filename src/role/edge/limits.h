/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/limits - how many connections a port has, in all and from where.
 *
 * One address counts by itself in IPv4 and by its /64 in IPv6.  Networks in
 * `exempt` are not counted by address at all.
 */
#pragma once

#include "base/map.h"
#include "conf/conf.h"
#include "os/world.h"

struct crowd {
	struct map *places; /* made when the first one is counted */
	size_t count;
};

/* So many are there from one place. */
struct crowd_place {
	uint8_t key[16];
	uint32_t count;
};

enum crowd_answer {
	CROWD_IN,
	CROWD_FULL,     /* the listener's limit */
	CROWD_TOO_MANY, /* that of the address */
};

/* On CROWD_IN it is counted; *place is NULL for an exempt address. */
MUST_USE enum crowd_answer crowd_enter(struct crowd *, struct world *,
				       const struct conf_limits *,
				       const struct addr *,
				       struct crowd_place **place);
void crowd_leave(struct crowd *, struct crowd_place *);
void crowd_free(struct crowd *);
