/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/dialer - the role's object, shared by its files: dialer.c holds its
 * life and the administrator's questions, courier.c and fetch.c what those ask.
 */
#pragma once

#include "role/common/role.h"
#include "role/dialer/dial.h"
#include "role/dialer/follow.h"
#include "role/dialer/lookup.h"
#include "role/dialer/resolver.h"
#include "role/dialer/stub.h"
#include "wire/admin_dialer.h"
#include "wire/courier_dialer.h"
#include "wire/fetch_dialer.h"

#define DIALER_CHANNELS_MAX 32u
#define DIALER_WHY_MAX	    512u /* of the schemas */

struct dialer;

/* One channel; its calls have it as their role. */
struct client {
	struct dialer *dialer;
	struct role_peer peer;
	struct ipc *channel; /* NULL: the place is free */
};

struct dialer {
	struct role *role;
	const struct conf *conf;
	struct resolver *resolver; /* NULL: lookups are off */
	struct stub *stub;     /* the resolver that is trusted; NULL: none */
	struct follow *follow; /* NULL: nothing is validated here */
	struct rights_dir folder; /* given to the rights, when it is followed */
	struct dials *dials;
	char anchors[RESOLVER_ANCHORS_MAX];
	size_t anchors_len;
	struct client clients[DIALER_CHANNELS_MAX];
	uint64_t asked, secure, insecure, bogus, late, failed;
};

/* When a question of this call has to be answered. */
uint64_t dialer_deadline(const struct dialer *, const struct ipc_call *);
/* One question was answered so. */
void dialer_count(struct dialer *, enum resolver_verdict);

extern const struct courier_dialer_at_dialer courier_handlers;
extern const struct fetch_dialer_at_dialer fetch_handlers;
