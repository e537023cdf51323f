/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/protect: STARTTLS, what is expected of the server, and what
 * policy_judge makes of what came.
 *
 * A private key is nowhere in this process; certificates of ours are shown by
 * signatures of the vault.
 *
 * Must never: go on after a handshake that was not as expected where the
 * decision asked for more than any certificate.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/hex.h"
#include "crypto/library.h"
#include "os/addr.h"
#include "os/file.h"
#include "role/courier/visit.h"
#include "tls/facts.h"

#define WHY_MAX	 1024u
#define LINE_MAX 2048u

/* ---- of the process -------------------------------------------------------- */

/* It opens what it needs before confinement, nothing after. */
bool protect_start(struct courier *c, struct buf *why)
{
	struct tls_client_settings set = {.profile = TLS_OPPORTUNISTIC};
	if (crypto_library_start())
		c->library = tls_library_new(
			&(struct tls_signer){.sign = certs_sign, .owner = c});
	if (c->library == NULL) {
		buf_add(why, SPAN("memory is short, or the TLS library cannot "
				  "work here"));
		return false;
	}
	c->tls = tls_client_new(c->library, &set, why);
	return c->tls != NULL;
}

void protect_end(struct courier *c)
{
	certs_end(c);
	tls_client_free(c->tls);
	tls_library_free(c->library);
	tls_authorities_free(c->authorities);
	tls_authorities_free(c->next_authorities);
}

bool protect_authorities(struct courier *c, int fd, struct buf *why)
{
	char *pem = malloc(TLS_AUTHORITIES_PEM_MAX + 1u);
	size_t len = 0;
	enum os r = pem == NULL ? OS_NOMEM
				: file_read_at(c->role->world, fd, pem,
					       TLS_AUTHORITIES_PEM_MAX + 1u, 0,
					       &len);
	struct tls_authorities *a =
		r == OS_OK ? tls_authorities_new(span_of(pem, len), why) : NULL;
	free(pem);
	if (r != OS_OK)
		buf_add(why, span_cstr(os_text(r)));
	if (a == NULL)
		return false;
	tls_authorities_free(c->next_authorities);
	c->next_authorities = a;
	return true;
}

/* ---- what is expected ------------------------------------------------------ */

static const struct policy_target *target_of(const struct visit *v)
{
	return &v->way->decision.targets[v->host];
}

static bool expect_tlsa(struct visit *v, const struct policy_tlsa_set *set,
			struct tls_expect *e)
{
	struct tls_tlsa *at =
		ARENA_ARRAY(v->arena, set->count + 1, struct tls_tlsa);
	for (size_t i = 0; at != NULL && i < set->count; i++) {
		const struct policy_tlsa *r = &set->records[i];
		at[i] = (struct tls_tlsa){r->usage, r->selector, r->matching,
					  r->data};
	}
	e->what = TLS_EXPECT_TLSA;
	e->tlsa = at;
	e->tlsa_count = set->count;
	return at != NULL;
}

static bool expect(struct visit *v, struct tls_expect *e)
{
	const struct policy_target *t = target_of(v);
	*e = (struct tls_expect){.what = TLS_EXPECT_ANYTHING,
				 .enforce = policy_level_verifies(t->level),
				 .now = world_wall(v->courier->role->world).sec,
				 .sni = t->sni,
				 .authorities = v->courier->authorities,
				 .names = t->names,
				 .name_count = t->name_count,
				 .keys = t->keys,
				 .key_count = t->key_count};
	if (t->tlsa != NULL)
		return expect_tlsa(v, t->tlsa, e);
	if (t->key_count > 0)
		e->what = TLS_EXPECT_KEYS;
	else if (t->name_count > 0 && (e->enforce || t->report_only))
		e->what = TLS_EXPECT_NAMES;
	/* A level that verifies is never satisfied by anything. */
	return !e->enforce || e->what != TLS_EXPECT_ANYTHING;
}

/* ---- what came ------------------------------------------------------------- */

static struct span shown(struct visit *v, const struct tls_peer_facts *p)
{
	struct buf hex;
	buf_init(&hex, 2 * sizeof p->spki_sha256);
	hex_encode(&hex, span_of(p->spki_sha256, sizeof p->spki_sha256));
	struct span key = buf_span(&hex);
	struct span s = arena_printf(v->arena,
				     "%.*s by %.*s, %.*s, key SHA-256 %.*s",
				     SPAN_FMT(p->subject), SPAN_FMT(p->issuer),
				     SPAN_FMT(p->key), SPAN_FMT(key));
	buf_free(&hex);
	return p->shown ? s : SPAN("");
}

/* The line of the log that pipelines read, and what `why` shows. */
static void tell_handshake(struct visit *v, const struct line *l, bool up)
{
	const struct policy_target *t = target_of(v);
	struct tls_facts f = {0};
	struct tls_peer_facts p = {0};
	struct buf text;
	char ip[ADDR_TEXT_MAX];
	struct addr host = l->peer;
	host.port = 0;
	buf_init(&text, LINE_MAX);
	bool peer = l->tls != NULL && tls_peer_facts(l->tls, v->arena, &p);
	if (up && tls_facts(l->tls, v->arena, &f))
		tls_facts_log(&f, span_cstr(l->host), addr_format(&host, ip),
			      &text);
	TELL(v->story, up ? "tls.established" : "tls.failed",
	     F("message", buf_span(&text)), F_CSTR("direction", "out"),
	     F_CSTR("host", l->host), F("address", addr_format(&host, ip)),
	     F("tls", f.version), F("cipher", f.suite),
	     F_CSTR("level", policy_level_text(t->level)),
	     F_CSTR("by", policy_by_text(t->by)),
	     F("certificate", shown(v, &p)),
	     F_CSTR("outcome", peer ? tls_peer_text(p.peer) : "handshake"),
	     F("verified-by", p.by),
	     F("shown", p.gave ? visit_certificate(v) : SPAN("")),
	     F("text", p.why.len > 0	? p.why
		       : l->tls != NULL ? tls_reason(l->tls)
					: SPAN("")));
	buf_free(&text);
}

static enum policy_event event_of(enum tls_peer p)
{
	switch (p) {
	case TLS_PEER_GOOD:
		return POLICY_EVENT_GOOD;
	case TLS_PEER_NAME:
		return POLICY_EVENT_NAME;
	case TLS_PEER_EXPIRED:
		return POLICY_EVENT_EXPIRED;
	case TLS_PEER_UNTRUSTED:
		return POLICY_EVENT_UNTRUSTED;
	case TLS_PEER_TLSA:
		return POLICY_EVENT_TLSA;
	case TLS_PEER_KEY:
		return POLICY_EVENT_KEY;
	case TLS_PEER_CERTIFICATE:
		return POLICY_EVENT_CERTIFICATE;
	case TLS_PEER_HANDSHAKE:
	case TLS_PEER_OURS:
		break;
	}
	return POLICY_EVENT_HANDSHAKE;
}

static const char *go_text(enum policy_go go)
{
	static const char *const texts[] = {
		[POLICY_GO_TLS] = "on inside of TLS",
		[POLICY_GO_CLEAR] = "on in clear",
		[POLICY_GO_CLEAR_AGAIN] = "connect again, in clear",
		[POLICY_GO_NEXT] = "not this host"};
	return texts[go];
}

void visit_count(const struct visit *v, const struct line *l,
		 enum policy_failure failure, struct span reason)
{
	char to[ADDR_TEXT_MAX], from[ADDR_TEXT_MAX];
	struct courier_tlsrpt_seen seen = {.in = &v->way->in,
					   .target = target_of(v),
					   .failure = failure,
					   .reason = reason};
	if (v->uncounted)
		return;
	if (l != NULL) {
		struct addr peer = l->peer, local = l->local;
		peer.port = local.port = 0;
		seen.receiving_ip = addr_format(&peer, to);
		seen.sending_ip = addr_format(&local, from);
	}
	courier_tlsrpt_saw(v->courier->tlsrpt, &seen);
}

static struct line *judged(struct visit *v, struct line *l, enum policy_event e,
			   bool *again)
{
	const struct policy_target *t = target_of(v);
	struct policy_verdict p = policy_judge(t, e);
	struct span why = span_cstr(p.why);
	if (l->tls != NULL && e != POLICY_EVENT_GOOD) {
		struct tls_peer_facts f;
		if (tls_peer_facts(l->tls, v->arena, &f) && f.why.len > 0)
			why = f.why;
	}
	TELL(v->story, "carry.protection", F("host", t->host),
	     F_CSTR("level", policy_level_text(t->level)),
	     F_CSTR("by", policy_by_text(t->by)),
	     F_CSTR("outcome", go_text(p.go)), F_CSTR("status", p.status),
	     F("text", why));
	/* What TLS of this session came to was counted before that. */
	if (e != POLICY_EVENT_NO_REQUIRETLS)
		visit_count(v, l, p.failure, why);
	*again = p.go == POLICY_GO_CLEAR_AGAIN;
	if (p.go == POLICY_GO_TLS || p.go == POLICY_GO_CLEAR)
		return l;
	line_end(l);
	if (*again)
		return NULL;
	v->security = true;
	return visit_nothing(v, p.status, why);
}

/* Ours is the fault: no verdict on the server, and nothing in clear. */
static struct line *our_fault(struct visit *v, struct line *l)
{
	line_end(l);
	return visit_nothing(v, "4.3.0",
			     SPAN("TLS could not be begun: memory is short, or "
				  "the vault has no certificate of ours for "
				  "it"));
}

static struct line *shake(struct visit *v, struct line *l, bool *again)
{
	struct tls_expect want;
	if (!expect(v, &want))
		return our_fault(v, l);
	l->expect = &want;
	l->certificate = visit_certificate(v);
	enum smtp_client_result r = smtp_client_starttls(l->client);
	l->expect = NULL;
	l->certificate = SPAN("");
	bool up = smtp_client_secure(l->client);
	if (l->tls != NULL)
		tell_handshake(v, l, up);
	if (!up && l->tls == NULL && !l->ours &&
	    (r == SMTP_CLIENT_LATER || r == SMTP_CLIENT_REFUSED))
		return judged(v, l, POLICY_EVENT_REFUSED, again);
	if (!up && (l->ours || (l->tls != NULL &&
				tls_peer(l->tls) == TLS_PEER_OURS)))
		return our_fault(v, l);
	if (!up)
		return judged(v, l,
			      l->tls != NULL ? event_of(tls_peer(l->tls))
					     : POLICY_EVENT_HANDSHAKE,
			      again);
	enum policy_event e = event_of(tls_peer(l->tls));
	l = judged(v, l, e, again);
	if (l != NULL && r != SMTP_CLIENT_OK)
		return visit_turned_away(v, l, r, "at EHLO inside of TLS");
	return l;
}

struct line *visit_protect(struct visit *v, struct line *l, bool *again)
{
	const struct policy_target *t = target_of(v);
	uint32_t starttls = SMTP_OFFER_STARTTLS;
	*again = false;
	l->level = t->level;
	l->by = t->by;
	if (t->level == POLICY_LEVEL_NONE)
		return l;
	if ((smtp_client_offer(l->client)->extensions & starttls) == 0)
		return judged(v, l, POLICY_EVENT_NOT_OFFERED, again);
	l = shake(v, l, again);
	if (l == NULL || !t->requiretls ||
	    (smtp_client_offer(l->client)->extensions & SMTP_OFFER_REQUIRETLS) != 0)
		return l;
	return judged(v, l, POLICY_EVENT_NO_REQUIRETLS, again);
}
