/* SPDX-License-Identifier: Apache-2.0 */
/* route/mx: a stable sort of few, and the cut at our own place. */
#include "route/mx.h"

#include "base/check.h"

static bool is_own(struct span name, const struct span *own, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq_nocase(name, own[i]))
			return true;
	return false;
}

static bool stands(const struct route_mx *at, size_t count, struct span name)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq_nocase(at[i].name, name))
			return true;
	return false;
}

/* In front of the first that is worse. */
static void insert(struct route_mx *at, size_t *count, struct route_mx mx)
{
	size_t to = *count;
	while (to > 0 && at[to - 1].preference > mx.preference)
		to--;
	for (size_t i = *count; i > to; i--)
		at[i] = at[i - 1];
	at[to] = mx;
	++*count;
}

enum route_mx_result route_mx(const struct route_mx *mx, size_t count,
			      const struct span *own, size_t own_count,
			      struct route_mx hosts[ROUTE_HOSTS_MAX],
			      size_t *host_count)
{
	struct route_mx sorted[ROUTE_MX_MAX];
	size_t n = 0;
	uint32_t end = UINT32_MAX;
	*host_count = 0;
	count = size_min(count, ROUTE_MX_MAX);
	for (size_t i = 0; i < count; i++)
		if (mx[i].name.len > 0)
			insert(sorted, &n, mx[i]);
	if (n == 0)
		return count == 1 ? ROUTE_NULL : ROUTE_NONE;
	for (size_t i = 0; i < n && end == UINT32_MAX; i++)
		if (is_own(sorted[i].name, own, own_count))
			end = sorted[i].preference;
	for (size_t i = 0; i < n && *host_count < ROUTE_HOSTS_MAX; i++)
		if (sorted[i].preference < end &&
		    !stands(hosts, *host_count, sorted[i].name))
			hosts[(*host_count)++] = sorted[i];
	return *host_count > 0 ? ROUTE_HOSTS : ROUTE_LOOP;
}
