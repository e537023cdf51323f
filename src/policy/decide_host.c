/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/decide: one host.  A level is chosen first, then REQUIRETLS may raise
 * it; whatever lacks for a level refuses the host.
 *
 * Two questions, answered apart: may this name be a host of the domain (signed
 * MX records, the MTA-STS policy or our configuration), and is this peer the
 * host of that name (TLSA records or a certificate).
 *
 * Must never end at clear text, or at an unknown peer, because an answer lacks.
 */
#include "policy/decide_own.h"

#include "base/ensure.h"

struct hosting {
	struct deciding *d;
	const struct policy_host *host;
	const struct policy_dane_result *dane;
	struct policy_target *t;
	bool in_sts; /* the MTA-STS policy, of whatever mode, names this host */
};

static bool literal(struct span name)
{
	return name.len == 0 || name.ptr[0] == '[';
}

static void give(struct hosting *x, enum policy_level level, enum policy_by by)
{
	x->t->allowed = true;
	x->t->level = level;
	x->t->by = by;
	x->t->cleartext = level == POLICY_LEVEL_NONE || level == POLICY_LEVEL_MAY;
}

/* Printed into the arena: why not, and what to do. */
static void refuse(struct hosting *x, enum policy_failure failure,
		   bool temporary, struct span why)
{
	struct policy_target *t = x->t;
	t->allowed = false;
	t->cleartext = false;
	t->tlsa = NULL;
	t->name_count = 0;
	t->key_count = 0;
	t->failure = failure;
	t->temporary = temporary;
	t->why = why;
	if (why.len == 0)
		x->d->failed = true;
}

static void add_name(struct hosting *x, struct span name)
{
	struct policy_target *t = x->t;
	if (literal(name) || t->name_count == POLICY_NAMES_MAX)
		return;
	for (size_t i = 0; i < t->name_count; i++)
		if (span_eq_nocase(t->names[i], name))
			return;
	t->names[t->name_count++] = name;
}

static bool vouched(const struct hosting *x)
{
	return policy_route_vouches(x->d) || x->in_sts;
}

/* ---- levels of our own that replace what is published ---------------------- */

static void by_names(struct hosting *x, enum policy_level level)
{
	const struct policy_rule *rule = x->d->in->rule;
	struct span domain = x->d->in->domain;
	give(x, level, POLICY_BY_RULE);
	for (size_t i = 0; i < rule->name_count; i++)
		add_name(x, rule->names[i]);
	if (rule->name_count == 0 && level == POLICY_LEVEL_VERIFY)
		add_name(x, x->host->name);
	if (rule->name_count == 0 && level == POLICY_LEVEL_SECURE &&
	    !literal(domain)) {
		struct span below = arena_printf(x->d->arena, ".%.*s",
						 SPAN_FMT(domain));
		x->d->failed |= below.len == 0;
		add_name(x, domain);
		add_name(x, below);
	}
	if (x->t->name_count == 0)
		refuse(x, POLICY_VALIDATION_FAILURE, false,
		       arena_printf(x->d->arena,
				    "%.*s:%u asks for a certificate of %.*s, "
				    "which has no name. Next: give the rule "
				    "names, or level fingerprint.",
				    SPAN_FMT(rule->file), rule->line,
				    SPAN_FMT(x->host->name)));
}

static void by_keys(struct hosting *x)
{
	const struct policy_rule *rule = x->d->in->rule;
	give(x, POLICY_LEVEL_FINGERPRINT, POLICY_BY_RULE);
	x->t->keys = rule->keys;
	x->t->key_count = rule->key_count;
	if (rule->key_count == 0)
		refuse(x, POLICY_VALIDATION_FAILURE, false,
		       arena_printf(x->d->arena,
				    "%.*s:%u has level fingerprint and lists no "
				    "key. Next: add the SHA-256 of the host's "
				    "public key.",
				    SPAN_FMT(rule->file), rule->line));
}

/* ---- what the domain publishes -------------------------------------------- */

static bool dane_counts(const struct hosting *x)
{
	return x->d->published || x->d->least == POLICY_LEVEL_DANE_ONLY;
}

static void by_dane(struct hosting *x)
{
	bool only = x->d->least == POLICY_LEVEL_DANE_ONLY;
	give(x, only ? POLICY_LEVEL_DANE_ONLY : POLICY_LEVEL_DANE,
	     only ? POLICY_BY_RULE : POLICY_BY_DANE);
	x->t->tlsa = &x->dane->set;
	x->t->sni = x->dane->base;
	x->t->type = POLICY_TYPE_TLSA;
	add_name(x, x->dane->base);
	add_name(x, x->host->name);
	if (policy_route_vouches(x->d))
		add_name(x, x->d->in->domain);
}

static void dane_unknown(struct hosting *x)
{
	unsigned port = x->d->in->port != 0 ? x->d->in->port : 25;
	refuse(x, POLICY_DNSSEC_INVALID, true,
	       arena_printf(x->d->arena,
			    "%.*s is not used now: %s, and without DANE an "
			    "attacker who holds answers back could read the "
			    "mail. It waits. Next: letterlock dns query "
			    "_%u._tcp.%.*s TLSA",
			    SPAN_FMT(x->host->name), x->dane->why, port,
			    SPAN_FMT(x->dane->base)));
}

static void dane_lacks(struct hosting *x)
{
	const struct policy_rule *rule = x->d->in->rule;
	refuse(x, POLICY_DANE_REQUIRED, false,
	       arena_printf(x->d->arena,
			    "%.*s:%u wants DANE, and %s%.*s. Next: ask the "
			    "domain to publish signed TLSA records, or lower "
			    "the rule's level.",
			    SPAN_FMT(rule->file), rule->line,
			    policy_route_vouches(x->d)
				    ? "there is no usable TLSA record for "
				    : "the MX records are not signed for ",
			    SPAN_FMT(policy_route_vouches(x->d)
					     ? x->host->name
					     : x->d->in->domain)));
}

static void sts_lacks(struct hosting *x)
{
	const struct policy_rule *rule = x->d->in->rule;
	refuse(x,
	       x->d->in->sts_failure != POLICY_FAILURE_NONE
		       ? x->d->in->sts_failure
		       : POLICY_STS_FETCH_ERROR,
	       false,
	       arena_printf(x->d->arena,
			    "%.*s:%u wants MTA-STS, and no policy of %.*s "
			    "names hosts. Next: look at https://mta-sts.%.*s"
			    "/.well-known/mta-sts.txt, or lower the rule's "
			    "level.",
			    SPAN_FMT(rule->file), rule->line,
			    SPAN_FMT(x->d->in->domain),
			    SPAN_FMT(x->d->in->domain)));
}

static void not_in_sts(struct hosting *x)
{
	refuse(x, POLICY_VALIDATION_FAILURE, false,
	       arena_printf(x->d->arena,
			    "%.*s is no host of the MTA-STS policy of %.*s. If "
			    "its MX records are right, the policy has to name "
			    "the host; until then other hosts are tried.",
			    SPAN_FMT(x->host->name),
			    SPAN_FMT(x->d->in->domain)));
	x->t->type = POLICY_TYPE_STS;
}

static void sts_bogus(struct hosting *x)
{
	refuse(x, POLICY_DNSSEC_INVALID, true,
	       arena_printf(x->d->arena,
			    "The answer for _mta-sts.%.*s is one that DNSSEC "
			    "proves wrong, so it is not known whether a policy "
			    "applies. The mail waits. Next: letterlock dns "
			    "query _mta-sts.%.*s TXT",
			    SPAN_FMT(x->d->in->domain),
			    SPAN_FMT(x->d->in->domain)));
}

static void by_sts(struct hosting *x)
{
	bool own = x->d->least == POLICY_LEVEL_STS;
	give(x, POLICY_LEVEL_STS, own ? POLICY_BY_RULE : POLICY_BY_STS);
	add_name(x, x->host->name);
	x->t->type = POLICY_TYPE_STS;
}

/* The policy is in testing: everything is checked, nothing insisted on. */
static void by_test(struct hosting *x)
{
	x->t->report_only = true;
	x->t->type = POLICY_TYPE_STS;
	add_name(x, x->host->name);
	if (!x->in_sts)
		x->t->failure = POLICY_VALIDATION_FAILURE;
}

/* Neither DANE nor MTA-STS verifies this host. */
static void by_the_least(struct hosting *x, bool records)
{
	struct deciding *d = x->d;
	if (records) {
		give(x, POLICY_LEVEL_ENCRYPT, POLICY_BY_DANE);
		x->t->type = POLICY_TYPE_TLSA;
		x->t->failure = POLICY_TLSA_INVALID;
		return;
	}
	if (d->least == POLICY_LEVEL_ENCRYPT)
		give(x, POLICY_LEVEL_ENCRYPT, POLICY_BY_RULE);
	else if (d->near_dane)
		give(x, POLICY_LEVEL_ENCRYPT, POLICY_BY_DANE);
	else
		give(x, POLICY_LEVEL_MAY,
		     d->in->rule != NULL ? POLICY_BY_RULE : POLICY_BY_NOBODY);
	if (d->testing) {
		by_test(x);
	} else if (d->published && d->in->sts == NULL &&
		   d->in->sts_failure != POLICY_FAILURE_NONE) {
		x->t->type = POLICY_TYPE_STS;
		x->t->failure = d->in->sts_failure;
	}
}

static void by_published(struct hosting *x)
{
	struct deciding *d = x->d;
	enum policy_dane dane = dane_counts(x) ? x->dane->state
					       : POLICY_DANE_NONE;
	bool signed_dane = dane == POLICY_DANE_USABLE && policy_route_vouches(d);
	if (dane == POLICY_DANE_UNKNOWN)
		dane_unknown(x);
	else if (d->least == POLICY_LEVEL_DANE_ONLY && !signed_dane)
		dane_lacks(x);
	else if (d->least == POLICY_LEVEL_STS && !d->enforce)
		sts_lacks(x);
	else if (d->enforce && !x->in_sts &&
		 (!signed_dane || d->least == POLICY_LEVEL_STS))
		not_in_sts(x);
	else if (d->published && d->in->sts == NULL && !signed_dane &&
		 d->in->sts_txt == POLICY_STS_TXT_BOGUS)
		sts_bogus(x);
	else if (dane == POLICY_DANE_USABLE)
		by_dane(x);
	else if (d->enforce)
		by_sts(x);
	else
		by_the_least(x, dane == POLICY_DANE_UNUSABLE);
}

/* ---- REQUIRETLS ----------------------------------------------------------- */

static void cannot_require(struct hosting *x, const char *why)
{
	refuse(x, POLICY_FAILURE_NONE, false,
	       arena_printf(x->d->arena,
			    "The sender asked for REQUIRETLS, and %s for %.*s. "
			    "Next: send it without REQUIRETLS, or by another "
			    "way.",
			    why, SPAN_FMT(x->host->name)));
}

static void require_tls(struct hosting *x)
{
	struct policy_target *t = x->t;
	t->requiretls = true;
	t->cleartext = false;
	switch (t->level) {
	case POLICY_LEVEL_NONE:
		cannot_require(x, "our own rule allows no TLS");
		break;
	case POLICY_LEVEL_FINGERPRINT:
	case POLICY_LEVEL_SECURE:
	case POLICY_LEVEL_STS:
		break;
	case POLICY_LEVEL_MAY:
	case POLICY_LEVEL_ENCRYPT:
		if (vouched(x) && !literal(x->host->name)) {
			give(x, POLICY_LEVEL_VERIFY, POLICY_BY_REQUIRETLS);
			t->report_only = false;
			add_name(x, x->host->name);
			break;
		}
		cannot_require(x, "nothing proves which host is the right one");
		break;
	case POLICY_LEVEL_DANE:
	case POLICY_LEVEL_DANE_ONLY:
	case POLICY_LEVEL_VERIFY:
		if (!vouched(x))
			cannot_require(x, "nothing vouches that this host is "
					  "one of the domain's");
		break;
	}
}

/* ---- all ------------------------------------------------------------------ */

static void no_address(struct hosting *x)
{
	bool bogus = policy_host_bogus(x->host);
	refuse(x, bogus ? POLICY_DNSSEC_INVALID : POLICY_FAILURE_NONE, true,
	       arena_printf(x->d->arena,
			    "%.*s: %s. Next: letterlock dns query %.*s A",
			    SPAN_FMT(x->host->name),
			    bogus ? "an answer for its address is one that "
				    "DNSSEC proves wrong"
			    : policy_answered(x->host->a) &&
					    policy_answered(x->host->aaaa)
				    ? "it has no address"
				    : "the lookup of its address fails",
			    SPAN_FMT(x->host->name)));
}

static void choose(struct hosting *x)
{
	switch (x->d->least) {
	case POLICY_LEVEL_NONE:
		give(x, POLICY_LEVEL_NONE, POLICY_BY_RULE);
		break;
	case POLICY_LEVEL_FINGERPRINT:
		by_keys(x);
		break;
	case POLICY_LEVEL_VERIFY:
		/* A forged MX record could name any host with a certificate. */
		if (x->d->enforce && !vouched(x))
			not_in_sts(x);
		else
			by_names(x, POLICY_LEVEL_VERIFY);
		break;
	case POLICY_LEVEL_SECURE:
		by_names(x, POLICY_LEVEL_SECURE);
		break;
	case POLICY_LEVEL_MAY:
	case POLICY_LEVEL_ENCRYPT:
	case POLICY_LEVEL_DANE:
	case POLICY_LEVEL_DANE_ONLY:
	case POLICY_LEVEL_STS:
		by_published(x);
		break;
	}
}

void policy_decide_host(struct deciding *d, size_t i)
{
	const struct policy_inputs *in = d->in;
	struct hosting x = {.d = d,
			    .host = &in->hosts[i],
			    .dane = &d->dane[i],
			    .t = &d->out->targets[i]};
	x.t->host = x.host->name;
	x.t->sni = literal(x.host->name) ? span_of(NULL, 0) : x.host->name;
	x.in_sts = in->sts != NULL && in->sts->mode != POLICY_STS_MODE_NONE &&
		   policy_sts_match(in->sts, x.host->name);
	if (policy_host_bogus(x.host) || !policy_host_has_address(x.host))
		no_address(&x);
	else
		choose(&x);
	if (x.t->allowed && in->requiretls)
		require_tls(&x);
	ENSURE(!x.t->allowed || !x.t->cleartext ||
	       x.t->level <= POLICY_LEVEL_MAY);
	if (x.t->allowed)
		policy_step(d, x.host->name, policy_by_text(x.t->by),
			    "level %s%s%s", policy_level_text(x.t->level),
			    x.t->cleartext ? ", clear text if TLS fails" : "",
			    x.t->report_only ? ", MTA-STS in testing: verified "
					       "for the report only"
					     : "");
	else
		policy_step(d, x.host->name, "not used", "%.*s",
			    SPAN_FMT(x.t->why));
}
