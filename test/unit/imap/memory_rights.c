/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/memory_rights: one list of grants for all mailboxes of the memory host. */
#include <string.h>

#include "memory_host.h"

static struct mem_host *mem(struct imap_host *h)
{
	return CONTAINER_OF(h, struct mem_host, host);
}

static enum imap_answer namespaces(struct imap_host *h, struct arena *arena,
				   struct imap_namespaces *out)
{
	(void)arena;
	*out = mem(h)->namespaces;
	return IMAP_YES;
}

enum imap_answer mem_may(struct mem_host *m, struct span name, uint32_t need)
{
	if (mem_find(m, name) == NULL || (m->rights & (need | ACL_L)) == 0)
		return IMAP_NONEXISTENT;
	return (m->rights & need) == need ? IMAP_YES : IMAP_DENIED;
}

static enum imap_answer rights(struct imap_host *h, struct span name, uint32_t *out)
{
	*out = mem(h)->rights;
	return mem_may(mem(h), name, ACL_L);
}

static enum imap_answer grants(struct imap_host *h, struct span name, struct arena *arena,
			       struct imap_grants *out)
{
	struct mem_host *m = mem(h);
	enum imap_answer r = mem_may(m, name, ACL_A);
	if (r != IMAP_YES)
		return r;
	out->grants = ARENA_ARRAY(arena, MEM_GRANTS + 1, struct imap_grant);
	if (out->grants == NULL)
		return IMAP_UNAVAILABLE;
	out->grants[out->count++] =
		(struct imap_grant){.who = SPAN("fred"), .rights = ACL_ALL};
	for (size_t i = 0; i < m->grant_count; i++)
		out->grants[out->count++] = (struct imap_grant){
			.who = span_of(m->grants[i].who, m->grants[i].who_len),
			.rights = m->grants[i].rights,
			.refused = m->grants[i].refused};
	return IMAP_YES;
}

static struct mem_grant *grant_of(struct mem_host *m, struct span who)
{
	for (size_t i = 0; i < m->grant_count; i++)
		if (span_eq(span_of(m->grants[i].who, m->grants[i].who_len), who))
			return &m->grants[i];
	if (m->grant_count == MEM_GRANTS)
		return NULL;
	struct mem_grant *g = &m->grants[m->grant_count++];
	*g = (struct mem_grant){.who_len = who.len};
	memcpy(g->who, who.ptr, who.len);
	return g;
}

/* Anybody but the owner and nobody. */
static bool grants_to(struct span who)
{
	return who.len <= sizeof((struct mem_grant *)0)->who && !span_eq(who, SPAN("fred")) &&
	       !span_eq(who, SPAN("nobody"));
}

static enum imap_answer grant(struct imap_host *h, struct span name, struct span who,
			      enum imap_store_how how, uint32_t bits, bool refused)
{
	enum imap_answer r = mem_may(mem(h), name, ACL_A);
	if (r != IMAP_YES || !grants_to(who))
		return r != IMAP_YES ? r : IMAP_CANNOT;
	struct mem_grant *g = grant_of(mem(h), who);
	if (g == NULL)
		return IMAP_LIMIT;
	uint32_t *at = refused ? &g->refused : &g->rights;
	*at = how == IMAP_STORE_SET   ? bits
	      : how == IMAP_STORE_ADD ? *at | bits
				      : *at & ~bits;
	return IMAP_YES;
}

static enum imap_answer grantable(struct imap_host *h, struct span name, struct span who,
				  uint32_t *always, uint32_t *others)
{
	enum imap_answer r = mem_may(mem(h), name, ACL_A);
	if (r != IMAP_YES)
		return r;
	*always = span_eq(who, SPAN("fred")) ? ACL_ALL : 0;
	*others = *always != 0 ? 0 : ACL_ALL;
	return *always != 0 || grants_to(who) ? IMAP_YES : IMAP_CANNOT;
}

uint32_t mem_locked(uint32_t r)
{
	return ((r & ACL_S) != 0 ? 0u : IMAP_SEEN) |
	       ((r & ACL_T) != 0 ? 0u : IMAP_DELETED) |
	       ((r & ACL_W) != 0 ? 0u
					 : IMAP_ANSWERED | IMAP_FLAGGED | IMAP_DRAFT);
}

void mem_rights_ops(struct mem_host *m)
{
	m->rights = ACL_ALL;
	m->host.namespaces = namespaces;
	m->host.rights = rights;
	m->host.grants = grants;
	m->host.grant = grant;
	m->host.grantable = grantable;
}
