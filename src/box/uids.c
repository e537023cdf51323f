/* SPDX-License-Identifier: Apache-2.0 */
/* box/uids: sorted runs of UIDs. */
#include "base/ensure.h"
#include "box/box.h"

void box_uids_init(struct box_uids *u, struct arena *a)
{
	*u = (struct box_uids){.arena = a};
}

bool box_uids_add(struct box_uids *u, uint32_t first, uint32_t last)
{
	ENSURE(first > 0 && first <= last);
	struct box_run *end = u->count ? &u->runs[u->count - 1] : NULL;
	ENSURE(!end || first > end->last);
	if (end && first == end->last + 1) {
		end->last = last;
		return true;
	}
	if (u->count == u->cap) {
		size_t cap = u->cap ? u->cap * 2 : 8;
		struct box_run *runs = ARENA_ARRAY(u->arena, cap, struct box_run);
		if (!runs)
			return false;
		if (u->count)
			memcpy(runs, u->runs, u->count * sizeof(*runs));
		u->runs = runs;
		u->cap = cap;
	}
	u->runs[u->count++] = (struct box_run){first, last};
	return true;
}

bool box_uids_any(const struct box_uids *u, uint32_t first, uint32_t last)
{
	size_t lo = 0, hi = u->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (u->runs[mid].last < first)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < u->count && u->runs[lo].first <= last;
}

bool box_uids_has(const struct box_uids *u, uint32_t uid)
{
	return box_uids_any(u, uid, uid);
}

uint64_t box_uids_size(const struct box_uids *u)
{
	uint64_t n = 0;
	for (size_t i = 0; i < u->count; i++)
		n += (uint64_t)u->runs[i].last - u->runs[i].first + 1;
	return n;
}
