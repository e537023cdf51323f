/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/postmaster: who gets mail for postmaster and abuse when nobody was
 * named for it by an account, an alias or the configuration: the oldest account.
 *
 * Ids grow within a partition of the directory, so the oldest account is among
 * the first ones of the partitions, at most one of each: looking for it costs
 * the same however many accounts there are.
 */
#include "role/store/store.h"

static bool is_older(const struct directory_account *a,
		     const struct directory_account *b)
{
	if (b == NULL)
		return true;
	if (a->made != b->made)
		return a->made < b->made;
	return span_cmp(a->name, b->name) < 0;
}

void postmaster_choose(struct store *s)
{
	const struct directory_account *a = NULL, *oldest = NULL;
	if (s->conf->accounts.postmaster.len > 0)
		return;
	for (unsigned seen = 0;
	     (a = directory_account_next(s->directory, a ? a->id : 0)) != NULL;) {
		seen++;
		if (a->state == DIRECTORY_ACTIVE && is_older(a, oldest))
			oldest = a;
		if (seen >= DIRECTORY_PARTITIONS && oldest != NULL)
			break;
	}
	directory_set_postmaster(s->directory,
				 oldest != NULL ? oldest->name : SPAN(""));
}
