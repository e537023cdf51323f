/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/tlsrpt: what a session is counted as: whose policy it was held to, and
 * that policy in the words of RFC 8460 4.4.
 *
 * What does not fit the memory of one call is left out; the session counts.
 */
#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "role/courier/tlsrpt.h"

#define MEMORY	 131072u
#define TLSA_MAX 1024u /* bytes of one record that are told */

static void add(struct policy_session *s, struct span *strings, struct span line)
{
	if (line.len > 0 && s->string_count < POLICY_TALLY_STRINGS)
		strings[s->string_count++] = line;
}

/* The lines of the policy that count, in the order of the RFC's example. */
static void sts_lines(struct arena *a, const struct policy_sts *p,
		      struct policy_session *s, struct span *strings)
{
	add(s, strings, SPAN("version: STSv1"));
	add(s, strings,
	    arena_printf(a, "mode: %s", policy_sts_mode_text(p->mode)));
	for (size_t i = 0; i < p->mx_count; i++)
		add(s, strings, arena_printf(a, "mx: %.*s", SPAN_FMT(p->mx[i])));
	add(s, strings, arena_printf(a, "max_age: %u", p->max_age));
	s->mx = p->mx;
	s->mx_count = size_min(p->mx_count, POLICY_TALLY_STRINGS);
}

static void tlsa_lines(struct arena *a, const struct policy_tlsa_set *set,
		       struct policy_session *s, struct span *strings)
{
	struct buf hex;
	buf_init(&hex, 2 * TLSA_MAX);
	for (size_t i = 0; i < set->count; i++) {
		const struct policy_tlsa *r = &set->records[i];
		struct span text = {0};
		buf_clear(&hex);
		hex_encode(&hex, span_sub(r->data, 0, TLSA_MAX));
		struct span digits = buf_span(&hex);
		char *room = arena_bytes(a, digits.len + 16);
		if (room == NULL)
			break;
		struct span head = arena_printf(a, "%u %u %u ", r->usage,
						r->selector, r->matching);
		if (head.len == 0)
			break;
		memcpy(room, head.ptr, head.len);
		memcpy(room + head.len, digits.ptr, digits.len);
		text = span_of(room, head.len + digits.len);
		add(s, strings, text);
	}
	buf_free(&hex);
}

void courier_tlsrpt_saw(struct courier_tlsrpt *t, const struct courier_tlsrpt_seen *seen)
{
	const struct policy_target *target = seen->target;
	struct span strings[POLICY_TALLY_STRINGS];
	struct arena *a = arena_new(MEMORY);
	bool before = target->failure != POLICY_FAILURE_NONE;
	struct policy_session s = {
		.domain = seen->in->domain,
		.type = target->type,
		.strings = strings,
		.failure = before ? target->failure : seen->failure,
		.sending_ip = seen->sending_ip,
		.receiving_ip = seen->receiving_ip,
		.receiving_mx = target->host,
		.receiving_helo = seen->receiving_helo,
		.reason = before ? target->why : seen->reason};
	if (before && s.reason.len == 0 && seen->in->sts_wrong != NULL &&
	    target->failure == seen->in->sts_failure)
		s.reason = span_cstr(seen->in->sts_wrong);
	if (target->type == POLICY_TYPE_TLSA)
		s.policy_domain = target->sni.len > 0 ? target->sni : target->host;
	if (a != NULL && target->type == POLICY_TYPE_STS && seen->in->sts != NULL)
		sts_lines(a, seen->in->sts, &s, strings);
	if (a != NULL && target->type == POLICY_TYPE_TLSA && target->tlsa != NULL)
		tlsa_lines(a, target->tlsa, &s, strings);
	courier_tlsrpt_count(t, &s);
	arena_free(a);
}
