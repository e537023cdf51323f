/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, one a line, beside every need of a server: whatever they say, each
 * finding has a sentence and a mend, and text stays within its limits.
 */
#include "base/ensure.h"
#include "posture/posture.h"
#include "posture/text.h"

#define LINES 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct posture_server *s, const struct posture_needs *n,
		  const struct posture_found *f, struct arena *a)
{
	struct posture_findings out;
	for (size_t i = 0; i < n->count; i++) {
		if (!posture_judge(s, &n->at[i], f, a, &out))
			return;
		ENSURE(out.count <= POSTURE_FINDINGS_MAX);
		for (size_t k = 0; k < out.count; k++)
			ENSURE(out.at[k].what.len > 0 && out.at[k].what.len < 1024 &&
			       out.at[k].mend.len > 0 &&
			       out.at[k].level != POSTURE_RIGHT);
	}
}

/* What is asked beside the judge. */
static void others(const struct posture_server *s, const struct posture_needs *n,
		   const struct posture_found *f, struct arena *a)
{
	struct posture_findings out;
	struct conf_net net;
	for (size_t i = 0; i < f->count; i++)
		if (posture_address(f->records[i], &net))
			ENSURE(net.bits == (net.family == 4 ? 32 : 128));
	for (size_t i = 0; i < n->count; i++)
		for (size_t k = 0; k < s->key_count; k++)
			(void)posture_needs_key(&n->at[i], &s->keys[k]);
	(void)posture_names_key(f, &s->keys[1]);
	(void)posture_found_ttl(f);
	ENSURE(posture_certificates(s, a, &out) && out.count > 0);
}

static void strings(struct arena *a, struct span line)
{
	struct span rdata, text;
	bool full = false;
	if (posture_txt_rdata(a, line, &rdata, &full) &&
	    posture_txt_join(a, rdata, &text))
		ENSURE(text.len < rdata.len && rdata.len <= line.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf_net addresses[] = {{4, 32, {192, 0, 2, 25}},
						    {6, 128, {0x20, 1}}};
	static const struct posture_service services[] = {
		{POSTURE_SMTP, 25, SPAN_INIT("main")},
		{POSTURE_IMAPS, 993, SPAN_INIT("main")}};
	static const struct posture_key keys[] = {
		{.certificate = SPAN_INIT("main"),
		 .issuer = SPAN_INIT("O=Let's Encrypt")},
		{.certificate = SPAN_INIT("main"), .next = true, .spki_sha256 = {1}}};
	static const struct posture_server server = {
		.host = SPAN_INIT("mx.example.org"),
		.addresses = addresses, .address_count = 2, .addresses_known = true,
		.services = services, .service_count = 2, .keys = keys, .key_count = 2};
	static struct posture_needs host, domain;
	struct arena *a = arena_new(8u << 20), *scratch = arena_new(16u << 20);
	struct span lines[LINES] = {0}, rest = span_of(data, size);
	struct posture_found found = {.lookup = {POLICY_DNS_SECURE, true},
				      .records = lines};
	if (a != NULL && scratch != NULL &&
	    posture_host(&server, a, &host) &&
	    posture_domain(&server, SPAN("example.org"), a, &domain)) {
		while (rest.len > 0 && found.count < LINES) {
			(void)span_cut(&rest, '\n', &lines[found.count]);
			strings(a, lines[found.count++]);
		}
		judge(&server, &host, &found, scratch);
		arena_reset(scratch);
		judge(&server, &domain, &found, scratch);
		arena_reset(scratch);
		others(&server, &host, &found, scratch);
		/* An alias, and an answer that is none. */
		found.canonical = lines[0];
		judge(&server, &domain, &found, scratch);
		arena_reset(scratch);
		found.lookup.trust = size % 2 ? POLICY_DNS_BOGUS : POLICY_DNS_FAILED;
		found.why = lines[0];
		judge(&server, &host, &found, scratch);
	}
	arena_free(a);
	arena_free(scratch);
	return 0;
}
