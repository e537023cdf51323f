/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A destination made of bytes: hosts and answers of any kind.  It is decided,
 * every event is judged, and clear text never follows where TLS was up, where
 * REQUIRETLS was asked for, or where a policy of MTA-STS is in force.
 */
#include "base/ensure.h"
#include "policy/decide.h"

#define HOSTS (POLICY_HOSTS_MAX + 2)

struct bytes {
	struct span rest;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned next(struct bytes *b, unsigned below)
{
	if (b->rest.len == 0)
		return 0;
	unsigned n = (uint8_t)b->rest.ptr[0];
	b->rest = span_skip(b->rest, 1);
	return n % below;
}

static struct span some(struct bytes *b, unsigned max)
{
	unsigned n = next(b, max + 1);
	struct span s = span_sub(b->rest, 0, n);
	b->rest = span_skip(b->rest, s.len);
	return s;
}

static struct policy_lookup lookup(struct bytes *b)
{
	struct policy_lookup l = {(enum policy_trust)next(b, 4), false};
	l.found = next(b, 2) != 0;
	return l;
}

static struct policy_host host(struct bytes *b, struct span tlsa[2])
{
	struct policy_host h = {.name = some(b, 40),
				.a = lookup(b),
				.aaaa = lookup(b),
				.expanded = some(b, 20),
				.alias = lookup(b)};
	for (size_t i = 0; i < 2; i++) {
		tlsa[i] = some(b, 70);
		h.tlsa[i] = (struct policy_tlsa_answer){lookup(b), &tlsa[i],
							next(b, 2)};
	}
	return h;
}

static void check(const struct policy_inputs *in,
		  const struct policy_decision *d)
{
	bool any = false;
	bool held = in->requiretls || (in->sts != NULL && in->rule == NULL &&
				       !in->tls_required_no &&
				       in->sts->mode == POLICY_STS_MODE_ENFORCE);
	ENSURE(d->target_count <= POLICY_HOSTS_MAX);
	for (size_t i = 0; i < d->target_count; i++) {
		const struct policy_target *t = &d->targets[i];
		any |= t->allowed;
		for (unsigned e = 0; t->allowed && e < POLICY_EVENTS; e++) {
			struct policy_verdict v =
				policy_judge(t, (enum policy_event)e);
			bool clear = v.go == POLICY_GO_CLEAR ||
				     v.go == POLICY_GO_CLEAR_AGAIN;
			ENSURE(!clear || (!held && e >= POLICY_EVENT_NOT_OFFERED &&
					  e <= POLICY_EVENT_HANDSHAKE));
		}
	}
	ENSURE(any == (d->action == POLICY_DELIVER));
	ENSURE(any || d->reason.len > 0);
	ENSURE(d->step_count <= POLICY_STEPS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_host hosts[HOSTS];
	static struct span tlsa[HOSTS][2];
	static struct policy_sts sts;
	struct bytes b = {span_of(data, size)};
	struct policy_rule rule = {.file = SPAN("f"), .line = 1};
	struct policy_decision d;
	struct span own;
	struct policy_inputs in = {.route = (enum policy_route)next(&b, 3),
				   .mx = lookup(&b),
				   .hosts = hosts,
				   .requiretls = next(&b, 2) != 0,
				   .tls_required_no = next(&b, 2) != 0,
				   .sts_txt = (enum policy_sts_txt)next(&b, 5)};
	in.domain = some(&b, 60);
	if (next(&b, 2) != 0 && policy_sts_parse(some(&b, 255), &sts) == NULL)
		in.sts = &sts;
	if (next(&b, 2) != 0) {
		rule.level = (enum policy_level)next(&b, 9);
		rule.ignore_published = next(&b, 2) != 0;
		own = some(&b, 30);
		rule.names = rule.keys = &own;
		rule.name_count = rule.key_count = next(&b, 2);
		in.rule = &rule;
	}
	while (b.rest.len > 0 && in.host_count < HOSTS) {
		hosts[in.host_count] = host(&b, tlsa[in.host_count]);
		in.host_count++;
	}
	struct arena *arena = arena_new(POLICY_ARENA);
	if (arena == NULL)
		return 0;
	ENSURE(policy_decide(&in, arena, &d));
	check(&in, &d);
	arena_free(arena);
	return 0;
}
