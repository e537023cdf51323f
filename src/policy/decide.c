/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/decide: the destination as a whole: what counts, then each host, then
 * the sum.
 *
 * Must never deliver on a bogus or failed MX lookup: the hosts would be an
 * attacker's.
 */
#include "base/check.h"
#include "policy/decide_own.h"

#include <stdarg.h>
#include <stdio.h>

#define OUTCOME_MAX 512u

void policy_step(struct deciding *d, struct span input, const char *rule,
		 const char *outcome, ...)
{
	char text[OUTCOME_MAX];
	struct policy_decision *out = d->out;
	if (out->step_count == POLICY_STEPS_MAX)
		return;
	va_list ap;
	va_start(ap, outcome);
	int n = vsnprintf(text, sizeof text, outcome, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : size_min((size_t)n, sizeof text - 1);
	struct policy_step *s = &out->steps[out->step_count++];
	s->input = input;
	s->rule = span_cstr(rule);
	if (!arena_copy(d->arena, span_of(text, len), &s->outcome))
		d->failed = true;
}

/* ---- what counts ---------------------------------------------------------- */

static void our_rule(struct deciding *d)
{
	const struct policy_rule *rule = d->in->rule;
	if (rule == NULL) {
		d->least = POLICY_LEVEL_MAY;
		policy_step(d, SPAN("our rules"), "own level first",
			    "no rule for this destination: what it publishes "
			    "counts, else TLS is used where offered");
		return;
	}
	d->least = rule->level;
	policy_step(d, SPAN("our rules"), "own level first", "%.*s:%u says %s%s",
		    SPAN_FMT(rule->file), rule->line,
		    policy_level_text(rule->level),
		    rule->ignore_published
			    ? ", and that DANE and MTA-STS do not count"
			    : "");
}

/* Levels that what the domain publishes is put on top of. */
static bool open_level(enum policy_level level)
{
	return level == POLICY_LEVEL_MAY || level == POLICY_LEVEL_ENCRYPT ||
	       level == POLICY_LEVEL_DANE;
}

static void what_the_sender_asks(struct deciding *d)
{
	const struct policy_inputs *in = d->in;
	if (in->requiretls)
		policy_step(d, SPAN("REQUIRETLS"), "RFC 8689 4.2.1",
			    "TLS with a verified host that offers REQUIRETLS, "
			    "or the message goes back");
	if (!in->tls_required_no)
		return;
	if (in->requiretls || !open_level(d->least)) {
		policy_step(d, SPAN("TLS-Required: No"), "RFC 8689 5",
			    "not heeded: %s",
			    in->requiretls ? "REQUIRETLS goes before it"
					   : "our own rule asks for more");
		return;
	}
	d->published = false;
	policy_step(d, SPAN("TLS-Required: No"), "RFC 8689 5",
		    "the sender would rather have the message arrive: DANE and "
		    "MTA-STS are not looked at");
}

static const char *sts_absent(const struct policy_inputs *in)
{
	switch (in->sts_txt) {
	case POLICY_STS_TXT_FAILED:
		return "the lookup of _mta-sts fails and nothing is kept: as if "
		       "there were no policy (RFC 8461 5.1)";
	case POLICY_STS_TXT_BOGUS:
		return "the answer for _mta-sts is bogus and nothing is kept";
	case POLICY_STS_TXT_NONE:
		return "there is no policy";
	case POLICY_STS_TXT_INVALID:
		return "the record is malformed, or there are several: as if "
		       "there were none";
	case POLICY_STS_TXT_ID:
		break;
	}
	return in->sts_wrong != NULL ? in->sts_wrong
				     : "the policy could not be fetched";
}

static void what_sts_says(struct deciding *d)
{
	const struct policy_inputs *in = d->in;
	if (in->sts == NULL) {
		policy_step(d, SPAN("MTA-STS"), "RFC 8461 3", "%s",
			    sts_absent(in));
		return;
	}
	policy_step(d, SPAN("MTA-STS"), "RFC 8461 5",
		    "policy of mode %s with %zu mx%s",
		    policy_sts_mode_text(in->sts->mode), in->sts->mx_count,
		    d->published ? "" : "; it does not count here");
	if (d->least == POLICY_LEVEL_STS) {
		d->enforce = in->sts->mode != POLICY_STS_MODE_NONE;
	} else if (d->published) {
		d->enforce = in->sts->mode == POLICY_STS_MODE_ENFORCE;
		d->testing = in->sts->mode == POLICY_STS_MODE_TESTING;
	}
}

static const char *const dane_texts[] = {
	[POLICY_DANE_NONE] = "no signed TLSA records",
	[POLICY_DANE_UNUSABLE] = "TLSA records, none of them usable",
	[POLICY_DANE_USABLE] = "usable TLSA records",
	[POLICY_DANE_UNKNOWN] = "not known now",
};

static void what_dane_says(struct deciding *d)
{
	const struct policy_inputs *in = d->in;
	for (size_t i = 0; i < d->out->target_count; i++) {
		struct policy_dane_result *r = &d->dane[i];
		policy_dane_find(&in->hosts[i], r);
		if (r->state != POLICY_DANE_NONE && d->published &&
		    policy_route_vouches(d))
			d->near_dane = true;
		policy_step(d, in->hosts[i].name, "RFC 7672 2.2.3",
			    "DANE: %s%s%s (%zu to match, %zu weaker, %zu not "
			    "usable)%s",
			    dane_texts[r->state], r->why != NULL ? ": " : "",
			    r->why != NULL ? r->why : "", r->set.count,
			    r->set.weaker, r->set.unusable,
			    d->published ? "" : "; it does not count here");
	}
}

/* ---- the sum -------------------------------------------------------------- */

static void whole(struct deciding *d, const char *status, struct span reason)
{
	d->out->action = POLICY_DEFER;
	d->out->status = status;
	d->out->reason = reason;
	if (reason.len == 0)
		d->failed = true;
	for (size_t i = 0; i < d->out->target_count; i++) {
		struct policy_target *t = &d->out->targets[i];
		*t = (struct policy_target){.host = d->in->hosts[i].name,
					    .temporary = true,
					    .why = reason};
		if (d->in->mx.trust == POLICY_DNS_BOGUS)
			t->failure = POLICY_DNSSEC_INVALID;
	}
}

/* The hosts cannot be known. */
static bool mx_unknown(struct deciding *d)
{
	const struct policy_inputs *in = d->in;
	if (in->route == POLICY_ROUTE_HOST) {
		policy_step(d, in->domain, "route", "our configuration names it");
		return false;
	}
	policy_step(d, in->domain, "RFC 7672 2.2.1", "MX lookup: %s, %s",
		    policy_trust_text(in->mx.trust),
		    in->route == POLICY_ROUTE_MX ? "hosts are from MX records"
						 : "there is none, the domain "
						   "is the host");
	if (policy_answered(in->mx))
		return false;
	bool bogus = in->mx.trust == POLICY_DNS_BOGUS;
	whole(d, "4.4.3",
	      arena_printf(d->arena,
			   "The MX lookup for %.*s %s, so it is not known "
			   "which hosts may have the mail. It waits. Next: "
			   "letterlock dns query %.*s MX%s",
			   SPAN_FMT(in->domain),
			   bogus ? "gives an answer that DNSSEC proves wrong"
				 : "fails",
			   SPAN_FMT(in->domain),
			   bogus ? "; if it stays so, tell the domain's "
				   "postmaster by another way"
				 : ""));
	return true;
}

static void sum(struct deciding *d)
{
	struct policy_decision *out = d->out;
	const struct policy_target *first = NULL;
	bool temporary = false;
	for (size_t i = 0; i < out->target_count; i++) {
		const struct policy_target *t = &out->targets[i];
		temporary |= t->temporary;
		if (t->allowed) {
			out->action = POLICY_DELIVER;
			out->level = t->level;
			out->by = t->by;
			return;
		}
		if (first == NULL)
			first = t;
	}
	if (first == NULL) {
		whole(d, "4.4.4",
		      arena_printf(d->arena, "No host of %.*s is known.",
				   SPAN_FMT(d->in->domain)));
		return;
	}
	bool bounce = d->in->requiretls && !temporary;
	out->action = bounce ? POLICY_BOUNCE : POLICY_DEFER;
	out->status = bounce ? "5.7.10" : first->temporary ? "4.4.3" : "4.7.5";
	out->level = first->level;
	out->by = first->by;
	out->reason = first->why;
}

bool policy_decide(const struct policy_inputs *in, struct arena *arena,
		   struct policy_decision *out)
{
	struct deciding d = {
		.in = in, .arena = arena, .out = out, .published = true};
	size_t count = size_min(in->host_count, POLICY_HOSTS_MAX);
	*out = (struct policy_decision){
		.exhausted = in->requiretls ? POLICY_BOUNCE : POLICY_DEFER};
	out->steps = ARENA_ARRAY(arena, POLICY_STEPS_MAX, struct policy_step);
	out->targets = ARENA_ARRAY(arena, count + 1, struct policy_target);
	d.dane = ARENA_ARRAY(arena, count + 1, struct policy_dane_result);
	if (out->steps == NULL || out->targets == NULL || d.dane == NULL)
		return false;
	out->target_count = count;
	if (in->rule != NULL && (in->rule->ignore_published ||
				 in->rule->level == POLICY_LEVEL_NONE))
		d.published = false;
	our_rule(&d);
	what_the_sender_asks(&d);
	if (!mx_unknown(&d)) {
		what_sts_says(&d);
		what_dane_says(&d);
		for (size_t i = 0; i < count; i++)
			policy_decide_host(&d, i);
		sum(&d);
	}
	if (out->by == POLICY_BY_RULE && in->rule != NULL) {
		out->file = in->rule->file;
		out->line = in->rule->line;
	}
	policy_step(&d, in->domain, "sum", "%s, level %s by %s%s%.*s",
		    policy_action_text(out->action),
		    policy_level_text(out->level), policy_by_text(out->by),
		    out->reason.len > 0 ? ": " : "", SPAN_FMT(out->reason));
	return !d.failed;
}
