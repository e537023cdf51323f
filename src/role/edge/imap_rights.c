/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/imap_rights: namespaces and rights in mailboxes, asked of the store.
 *
 * Nothing is decided here: what a session may do the store judges at each request.
 */
#include "role/edge/imap_side.h"

static enum imap_answer namespaces(struct imap_host *h, struct arena *arena,
				   struct imap_namespaces *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_namespaces m = {.session = c->session};
	struct edge_store_namespaces_reply r;
	enum imap_answer a = IMAP_ASK(c, namespaces, &m, arena, &r, EDGE_READ_NS);
	if (a == IMAP_YES)
		*out = (struct imap_namespaces){.others = r.others, .shared = r.shared};
	return a;
}

static enum imap_answer rights(struct imap_host *h, struct span name, uint32_t *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_rights m = {.session = c->session, .name = name};
	struct edge_store_rights_reply r;
	enum imap_answer a = IMAP_ASK(c, rights, &m, connection_scratch(c), &r,
				      EDGE_READ_NS);
	if (a == IMAP_YES)
		*out = r.rights & ACL_ALL;
	return a;
}

static enum imap_answer grants(struct imap_host *h, struct span name,
			       struct arena *arena, struct imap_grants *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_grants m = {.session = c->session, .name = name};
	struct edge_store_grants_reply r;
	enum imap_answer a = IMAP_ASK(c, grants, &m, arena, &r, EDGE_READ_NS);
	if (a != IMAP_YES)
		return a;
	out->grants = ARENA_ARRAY(arena, r.grants_count + 1, struct imap_grant);
	if (out->grants == NULL)
		return IMAP_UNAVAILABLE;
	out->count = r.grants_count;
	for (size_t i = 0; i < r.grants_count; i++)
		out->grants[i] = (struct imap_grant){
			.who = r.grants[i].who,
			.rights = r.grants[i].rights & ACL_ALL,
			.refused = r.grants[i].refused & ACL_ALL};
	return IMAP_YES;
}

static enum imap_answer grant(struct imap_host *h, struct span name, struct span who,
			      enum imap_store_how how, uint32_t bits, bool refused)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_grant m = {.session = c->session,
				     .name = name,
				     .who = who,
				     .how = (uint8_t)how,
				     .rights = (uint16_t)bits,
				     .refused = refused};
	struct edge_store_grant_reply r;
	return IMAP_ASK(c, grant, &m, connection_scratch(c), &r, EDGE_LONG_NS);
}

static enum imap_answer grantable(struct imap_host *h, struct span name, struct span who,
				  uint32_t *always, uint32_t *others)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_grantable m = {
		.session = c->session, .name = name, .who = who};
	struct edge_store_grantable_reply r;
	enum imap_answer a = IMAP_ASK(c, grantable, &m, connection_scratch(c), &r,
				      EDGE_READ_NS);
	if (a == IMAP_YES) {
		*always = r.always & ACL_ALL;
		*others = r.others & ACL_ALL;
	}
	return a;
}

void imap_rights_ops(struct imap_host *h)
{
	h->namespaces = namespaces;
	h->rights = rights;
	h->grants = grants;
	h->grant = grant;
	h->grantable = grantable;
}
