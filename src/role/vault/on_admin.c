/* SPDX-License-Identifier: Apache-2.0 */
/* role/vault/on_admin: keys that are shown first, those that are to follow behind. */
#include "role/vault/on_admin.h"

#include <string.h>

#define ISSUER_MAX 1024u

static void tell_pair(const struct pair *p, const struct admin_vault_key *m,
		      struct admin_vault_key_reply *rep)
{
	rep->certificate = p->certificate;
	rep->names_host = tls_certificate_matches(&p->facts, m->host);
	if (!p->facts.self_signed)
		rep->issuer = span_sub(p->facts.issuer, 0, ISSUER_MAX);
	memcpy(rep->spki, p->facts.spki_sha256, sizeof rep->spki);
}

static void tell_next(const struct next_key *n,
		      struct admin_vault_key_reply *rep)
{
	rep->certificate = n->certificate;
	rep->next = true;
	memcpy(rep->spki, n->spki, sizeof rep->spki);
}

void on_admin_key(const struct shelf *s, struct ipc_call *call,
		  const struct admin_vault_key *m)
{
	struct admin_vault_key_reply rep = {0};
	if (s != NULL) {
		rep.generation = s->generation;
		rep.found = m->index < s->count + s->next_count;
		if (m->index < s->count)
			tell_pair(&s->pairs[m->index], m, &rep);
		else if (rep.found)
			tell_next(&s->next[m->index - s->count], &rep);
	}
	admin_vault_key_answer(call, &rep);
}
