/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site: edge (pool mx), store with its memory engine, sorter, and a vault without
 * certificates, joined as the supervisor would, with one domain and one account.
 *
 * The test has two ends of its own at the store: that of edge-admin, to make the
 * account, and those of edge-access and auth, to look into the mailbox.
 */
#pragma once

#include "house.h"

#define SITE_PORT 2525u
#define SITE_USER "alice@example.test"

struct site {
	struct house *house;
	struct house_role *vault, *store, *sorter, *edge;
	int wire; /* of the channel between edge and store, see house_join */
};

struct site *site_new(uint64_t seed);
void site_free(struct site *);
/* Break the channel between edge and store, as when the store died; make a new
 * one, as the supervisor would when it is back. */
void site_break(struct site *);
void site_mend(struct site *);
/* How many messages stand in the account's INBOX, as a fresh session sees it. */
unsigned site_count(struct site *);
/* Message number n from 1, whole; the caller's to free.  ptr NULL: not there. */
struct span site_message(struct site *, unsigned n);
