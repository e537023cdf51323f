/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite: one look through each list, comparing lengths before letters.
 *
 * Must never apply a second rule of the lists to what a first one made, nor
 * make an address out of what is none.
 */
#include "rewrite/rewrite.h"

struct parts {
	struct span local, domain;
};

static bool cut_address(struct span s, struct parts *out)
{
	size_t at = span_find_last(s, '@');
	if (at == SIZE_MAX || at == 0)
		return false;
	*out = (struct parts){span_sub(s, 0, at), span_skip(s, at + 1)};
	return out->domain.len > 0;
}

/* "alice" in quotes is alice. */
static struct span unquoted(struct span local)
{
	if (local.len < 3 || local.ptr[0] != '"' ||
	    local.ptr[local.len - 1] != '"')
		return local;
	struct span inner = span_sub(local, 1, local.len - 2);
	for (size_t i = 0; i < inner.len; i++)
		if (!ascii_alnum(inner.ptr[i]) &&
		    !memchr("!#$%&'*+-/=?^_`{|}~.", inner.ptr[i], 20))
			return local;
	return inner;
}

static const struct conf_map *find(const struct conf_maps *maps,
				   const struct parts *p, bool whole_domain)
{
	struct span local = unquoted(p->local);
	size_t len = whole_domain ? p->domain.len + 1
				  : local.len + 1 + p->domain.len;
	for (size_t i = 0; i < maps->count; i++) {
		struct parts from;
		struct span f = maps->at[i].from;
		if (f.len != len || span_starts(f, SPAN("@")) != whole_domain)
			continue;
		if (whole_domain
			    ? span_eq_nocase(span_skip(f, 1), p->domain)
			    : cut_address(f, &from) &&
				      span_eq_nocase(from.domain, p->domain) &&
				      span_eq_nocase(from.local, local))
			return &maps->at[i];
	}
	return NULL;
}

static bool map_once(const struct conf_rewrite *r, enum rewrite_party party,
		     struct parts *p)
{
	const struct conf_maps *own =
		party == REWRITE_SENDER ? &r->sender : &r->recipient;
	const struct conf_map *m = find(own, p, false);
	if (m == NULL)
		m = find(&r->canonical, p, false);
	if (m == NULL)
		m = find(own, p, true);
	if (m == NULL)
		m = find(&r->canonical, p, true);
	if (m == NULL)
		return false;
	struct parts to;
	if (cut_address(m->to, &to))
		*p = to;
	else
		p->domain = span_skip(m->to, 1);
	return true;
}

static bool is_kept(const struct conf_rewrite *r, const struct parts *p)
{
	struct span local = unquoted(p->local);
	for (size_t i = 0; i < r->keep_users.count; i++)
		if (span_eq_nocase(r->keep_users.at[i], local))
			return true;
	for (size_t i = 0; i < r->keep_domains.count; i++)
		if (conf_pattern_matches(r->keep_domains.at[i], p->domain))
			return true;
	return false;
}

static bool is_below(struct span domain, struct span above)
{
	return domain.len > above.len + 1 && span_ends_nocase(domain, above) &&
	       domain.ptr[domain.len - above.len - 1] == '.';
}

static bool masquerade(const struct conf_rewrite *r, struct parts *p)
{
	struct span best = {0};
	for (size_t i = 0; i < r->masquerade.count; i++) {
		struct span d = r->masquerade.at[i];
		if (span_eq_nocase(d, p->domain))
			return false;
		if (d.len > best.len && is_below(p->domain, d))
			best = d;
	}
	if (best.len == 0 || is_kept(r, p))
		return false;
	p->domain = best;
	return true;
}

bool rewrite_address(const struct conf_rewrite *r, enum rewrite_party party,
		     struct span address, struct buf *out)
{
	struct parts p;
	if (!rewrite_any(r) || !cut_address(address, &p))
		return false;
	bool changed = map_once(r, party, &p);
	if (party != REWRITE_RECIPIENT)
		changed |= masquerade(r, &p);
	if (!changed || p.local.len + 1 + p.domain.len > REWRITE_ADDRESS_MAX)
		return false;
	size_t before = buf_len(out);
	buf_add(out, p.local);
	buf_addc(out, '@');
	buf_add(out, p.domain);
	if (!buf_ok(out))
		return false;
	/* There by a rule and back by masquerading. */
	if (!span_eq(span_skip(buf_span(out), before), address))
		return true;
	buf_cut(out, address.len);
	return false;
}

bool rewrite_any(const struct conf_rewrite *r)
{
	return r->canonical.count + r->sender.count + r->recipient.count +
		       r->masquerade.count >
	       0;
}
