/* SPDX-License-Identifier: Apache-2.0 */
/* conf/values - finding blocks and naming values; and areas of a snapshot. */
#include "base/ensure.h"
#include "conf/options.h"
#include "conf/snapshot.h"

const struct conf_certificate *conf_certificate(const struct conf *c,
						struct span name)
{
	for (size_t i = 0; i < c->certificate_count; i++)
		if (span_eq(c->certificates[i].name, name))
			return &c->certificates[i];
	return NULL;
}

const struct conf_listener *conf_listener(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (span_eq(c->listeners[i].name, name))
			return &c->listeners[i];
	return NULL;
}

const struct conf_destination *conf_destination(const struct conf *c,
						struct span name)
{
	for (size_t i = 0; i < c->destination_count; i++)
		if (span_eq(c->destinations[i].name, name))
			return &c->destinations[i];
	return NULL;
}

const struct conf_source *conf_source(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < c->source_count; i++)
		if (span_eq(c->sources[i].name, name))
			return &c->sources[i];
	return NULL;
}

static const struct conf_net *first_of(const struct conf_nets *list, bool v4)
{
	for (size_t i = 0; i < list->count; i++)
		if ((list->at[i].family == 4) == v4)
			return &list->at[i];
	return NULL;
}

const struct conf_net *conf_leaves_by(const struct conf *c,
				      const struct conf_destination *d, bool v4)
{
	const struct conf_net *own = d != NULL ? first_of(&d->source, v4) : NULL;
	return own != NULL ? own : first_of(&c->outgoing.source, v4);
}

const struct conf_source *conf_source_for(const struct conf *c,
					  const struct conf_destination *d,
					  bool v4)
{
	const struct conf_net *by = conf_leaves_by(c, d, v4);
	const struct conf_net *usual = conf_leaves_by(c, NULL, v4);
	const struct conf_source *rest = NULL;
	if (c->outgoing.families == (v4 ? (uint32_t)CONF_FAMILIES_IPV6
					: (uint32_t)CONF_FAMILIES_IPV4))
		return NULL;
	for (size_t i = 0; i < c->source_count; i++) {
		const struct conf_source *s = &c->sources[i];
		if (by != NULL && conf_net_listed(&s->address, by))
			return s;
		if (s->address.count == 0)
			rest = s;
	}
	return by == usual || (usual != NULL && conf_net_same(by, usual)) ? rest
									 : NULL;
}

bool conf_pattern_matches(struct span pattern, struct span domain)
{
	if (span_eq(pattern, SPAN("*")))
		return true;
	if (!span_starts(pattern, SPAN(".")))
		return span_eq_nocase(pattern, domain);
	return domain.len > pattern.len &&
	       span_eq_nocase(span_skip(domain, domain.len - pattern.len),
			      pattern);
}

const struct conf_destination *conf_destination_for(const struct conf *c,
						    struct span domain)
{
	for (size_t i = 0; i < c->destination_count; i++) {
		const struct conf_destination *d = &c->destinations[i];
		for (size_t k = 0; k < d->domain.count; k++)
			if (conf_pattern_matches(d->domain.at[k], domain))
				return d;
	}
	return NULL;
}

enum conf_role conf_pool(uint32_t listener_role)
{
	switch (listener_role) {
	case CONF_ROLE_MX:
		return CONF_EDGE_MX;
	case CONF_ROLE_SUBMISSION:
	case CONF_ROLE_IMAP:
	case CONF_ROLE_POP3:
		return CONF_EDGE_ACCESS;
	case CONF_ROLE_ADMIN:
		return CONF_EDGE_ADMIN;
	case CONF_ROLE_LOCAL:
		return CONF_EDGE_LOCAL;
	default:
		return CONF_ROLES;
	}
}

const char *conf_role_name(enum conf_role role)
{
	static const char *const names[CONF_ROLES] = {
		[CONF_SUPERVISOR] = "supervisor",
		[CONF_EDGE_MX] = "edge-mx",
		[CONF_EDGE_ACCESS] = "edge-access",
		[CONF_EDGE_ADMIN] = "edge-admin",
		[CONF_EDGE_LOCAL] = "edge-local",
		[CONF_AUTH] = "auth",
		[CONF_VAULT] = "vault",
		[CONF_STORE] = "store",
		[CONF_SORTER] = "sorter",
		[CONF_DIALER] = "dialer",
		[CONF_FETCH] = "fetch",
		[CONF_COURIER] = "courier",
		[CONF_LOGGER] = "logger",
	};
	return role < CONF_ROLES ? names[role] : NULL;
}

/* The word for a choice, from the row of the option. */
static const char *choice(enum conf_block block, size_t offset, uint32_t value)
{
	const char *const *c =
		conf_options[conf_option_at(block, offset)].choices;
	for (uint32_t i = 0; c[i]; i++)
		if (i == value)
			return c[i][0] ? c[i] : NULL;
	return NULL;
}

const char *conf_listener_role_name(uint32_t v)
{
	return choice(CONF_B_LISTENER, offsetof(struct conf_listener, role), v);
}

const char *conf_security_name(uint32_t v)
{
	return choice(CONF_B_LISTENER, offsetof(struct conf_listener, security),
		      v);
}

const char *conf_profile_name(uint32_t v)
{
	return choice(CONF_B_TLS, offsetof(struct conf_tls, profile), v);
}

/* The snapshot's own arena is writable; its users get it const. */
static struct conf_area area(const void *base, const struct conf_origin *o)
{
	return (struct conf_area){(char *)(uintptr_t)base,
				  (struct conf_origin *)(uintptr_t)o};
}

struct conf_area conf_area_top(const struct conf_snapshot *s,
			       enum conf_block block)
{
	ENSURE(!conf_blocks[block].named);
	return area((const char *)&s->values + conf_blocks[block].offset,
		    s->origins);
}

struct conf_area conf_area_certificate(const struct conf_snapshot *s, size_t i)
{
	return area(&s->certificates[i], s->certificate_info[i].origins);
}

struct conf_area conf_area_destination(const struct conf_snapshot *s, size_t i)
{
	return area(&s->destinations[i], s->destination_info[i].origins);
}

struct conf_area conf_area_source(const struct conf_snapshot *s, size_t i)
{
	return area(&s->sources[i], s->source_info[i].origins);
}

struct conf_area conf_area_listener(const struct conf_snapshot *s, size_t i,
				    enum conf_block block)
{
	ENSURE(conf_in_listener(block));
	return area((const char *)&s->listeners[i] +
			    conf_blocks[block].listener_offset,
		    s->listener_info[i].origins);
}
