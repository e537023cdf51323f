/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posture/judge: a need beside what was found.
 *
 * Must never take "no answer" for "no record": the one is told as unknown, the
 * other as what its absence means.
 */
#include "posture/judge.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/ensure.h"
#include "base/hex.h"
#include "conf/net.h"

#define TEXT_MAX 700u

/* ---- telling -------------------------------------------------------------- */

PRINTF_LIKE(2, 0)
static struct span text_of(struct judging *j, const char *fmt, va_list args)
{
	char text[TEXT_MAX];
	struct span out = {0};
	int n = vsnprintf(text, sizeof text, fmt, args);
	size_t len = n < 0 ? 0 : (size_t)n;
	j->ok = j->ok &&
		arena_copy(j->arena,
			   span_of(text, len < TEXT_MAX ? len : TEXT_MAX - 1),
			   &out);
	return out;
}

struct posture_finding *posture_tell(struct judging *j, enum posture_level l,
				     const char *what, ...)
{
	static const size_t last = POSTURE_FINDINGS_MAX - 1;
	struct posture_findings *f = j->out;
	size_t at = f->count < POSTURE_FINDINGS_MAX ? f->count++ : last;
	va_list args;
	va_start(args, what);
	f->at[at] = (struct posture_finding){.level = l,
					     .what = text_of(j, what, args)};
	va_end(args);
	return &f->at[at];
}

void posture_mend(struct judging *j, const char *mend, ...)
{
	va_list args;
	ENSURE(j->out->count > 0);
	va_start(args, mend);
	j->out->at[j->out->count - 1].mend = text_of(j, mend, args);
	va_end(args);
}

static void publish(struct judging *j, const size_t *which, size_t count)
{
	struct buf b;
	buf_init(&b, TEXT_MAX);
	for (size_t i = 0; i < count; i++) {
		buf_add(&b, i == 0 ? SPAN("") : SPAN(" | "));
		posture_line(&b, j->need, which ? which[i] : i);
	}
	/* What does not fit is cut: `dns show` has the rest. */
	posture_mend(j, "publish: %.*s", SPAN_FMT(buf_span(&b)));
	buf_free(&b);
}

void posture_mend_publish(struct judging *j) { publish(j, NULL, j->need->count); }

void posture_tell_absent(struct judging *j)
{
	const struct posture_need *n = j->need;
	if (n->absent == POSTURE_RIGHT)
		return;
	posture_tell(j, n->absent, "no record");
	if (n->count > 0)
		posture_mend_publish(j);
}

/* ---- hosts ---------------------------------------------------------------- */

static void judge_mx(struct judging *j)
{
	struct span host = j->server->host, pref, target = SPAN("");
	for (size_t i = 0; i < j->count; i++) {
		target = j->records[i].data;
		if (!posture_word(&target, &pref))
			continue;
		if (posture_same_name(target, host))
			return;
		if (span_eq(target, SPAN("."))) {
			posture_tell(j, POSTURE_WRONG,
				     "a null MX says that the domain takes no "
				     "mail");
			posture_mend(j, "remove it, and add: %.*s. MX 10 "
					"%.*s.",
				     SPAN_FMT(j->need->name), SPAN_FMT(host));
			return;
		}
	}
	posture_tell(j, POSTURE_WRONG, "mail is led to %.*s, not to %.*s.",
		     SPAN_FMT(target), SPAN_FMT(host));
	posture_mend(j, "add: %.*s. MX 10 %.*s.", SPAN_FMT(j->need->name),
		     SPAN_FMT(host));
}

static bool needed(const struct posture_need *n, struct span data)
{
	for (size_t i = 0; i < n->count; i++)
		if (span_eq_nocase(n->data[i], data))
			return true;
	return false;
}

static bool there(const struct judging *j, struct span data)
{
	for (size_t i = 0; i < j->count; i++)
		if (span_eq_nocase(j->records[i].data, data))
			return true;
	return false;
}

static void judge_address(struct judging *j)
{
	for (size_t i = 0; i < j->need->count; i++) {
		if (there(j, j->need->data[i]))
			continue;
		posture_tell(j, POSTURE_WRONG,
			     "the address %.*s of this server is missing",
			     SPAN_FMT(j->need->data[i]));
		publish(j, &i, 1);
	}
	bool all = j->server->addresses_known &&
		   posture_same_name(j->need->name, j->server->host);
	for (size_t i = 0; all && i < j->count; i++) {
		if (needed(j->need, j->records[i].data))
			continue;
		posture_tell(j, POSTURE_WRONG,
			     "%.*s is no address of this server",
			     SPAN_FMT(j->records[i].data));
		posture_mend(j, "remove the record, or name the address in "
				"`dns { addresses ...; }`");
	}
}

static void judge_ptr(struct judging *j)
{
	struct span host = j->need->data[0];
	bool ours = false;
	for (size_t i = 0; i < j->count; i++)
		ours = ours || posture_same_name(j->records[i].data, host);
	if (!ours) {
		posture_tell(j, POSTURE_WRONG,
			     "it says %.*s and not %.*s, the name in EHLO: "
			     "many servers refuse mail for that",
			     SPAN_FMT(j->records[0].data), SPAN_FMT(host));
		posture_mend(j, "ask whoever assigned the address for PTR "
				"%.*s",
			     SPAN_FMT(host));
	} else if (j->count > 1) {
		posture_tell(j, POSTURE_ADVICE,
			     "%zu names for one address: some servers look at "
			     "one only",
			     j->count);
		posture_mend(j, "keep %.*s alone", SPAN_FMT(host));
	}
}

static void judge_srv(struct judging *j)
{
	struct span word, want = j->need->data[0], data = SPAN("");
	for (int i = 0; i < 2; i++) /* priority and weight are the owner's */
		(void)posture_word(&want, &word);
	for (size_t i = 0; i < j->count; i++) {
		data = j->records[i].data;
		(void)posture_word(&data, &word);
		(void)posture_word(&data, &word);
		if (span_eq_nocase(data, want))
			return;
	}
	posture_tell(j, POSTURE_WRONG, "it leads mail programs to \"%.*s\"",
		     SPAN_FMT(data));
	posture_mend_publish(j);
}

/* ---- keys ----------------------------------------------------------------- */

/* Of another kind than ours: what it matches is not known here. */
static bool other_kind(struct span data)
{
	return !span_starts(data, SPAN("3 1 1 "));
}

static bool of_key(struct span data, const struct posture_key *k)
{
	uint8_t sum[32];
	return !other_kind(data) &&
	       hex_decode(span_skip(data, 6), sum, sizeof sum) &&
	       memcmp(sum, k->spki_sha256, sizeof sum) == 0;
}

static bool is_next(const struct judging *j, struct span data)
{
	const struct posture_server *s = j->server;
	for (size_t i = 0; i < s->key_count; i++)
		if (of_key(data, &s->keys[i]))
			return s->keys[i].next;
	return false;
}

static void judge_tlsa(struct judging *j, struct policy_lookup l)
{
	const struct posture_need *n = j->need;
	bool other = false;
	for (size_t i = 0; i < j->count; i++)
		other = other || other_kind(j->records[i].data);
	for (size_t i = 0; i < n->count; i++) {
		bool next = is_next(j, n->data[i]);
		if (there(j, n->data[i]) || (other && !next))
			continue;
		if (next)
			posture_tell(j, POSTURE_WRONG,
				     "the key that is to follow has no record "
				     "yet: do not switch to it");
		else
			posture_tell(j, POSTURE_WRONG,
				     "no record names a key that this server "
				     "shows: senders that follow DANE keep "
				     "their mail back");
		publish(j, &i, 1);
	}
	for (size_t i = 0; i < j->count; i++) {
		if (other_kind(j->records[i].data) ||
		    needed(n, j->records[i].data))
			continue;
		posture_tell(j, POSTURE_ADVICE,
			     "%.*s names no key that this server has",
			     SPAN_FMT(j->records[i].data));
		posture_mend(j, "remove the record once no server shows that "
				"key");
	}
	if (l.trust != POLICY_DNS_SECURE) {
		posture_tell(j, POSTURE_ADVICE,
			     "the zone is not signed, so nobody looks at the "
			     "record");
		posture_mend(j, "sign the zone with DNSSEC");
	}
}

bool posture_names_key(const struct posture_found *f,
		       const struct posture_key *k)
{
	struct posture_record r;
	for (size_t i = 0; i < f->count; i++)
		if (posture_record_read(f->records[i], &r) &&
		    span_eq(r.type, SPAN("TLSA")) && of_key(r.data, k))
			return true;
	return false;
}

bool posture_needs_key(const struct posture_need *n,
		       const struct posture_key *k)
{
	for (size_t i = 0; n->kind == POSTURE_TLSA && i < n->count; i++)
		if (of_key(n->data[i], k))
			return true;
	return false;
}

uint32_t posture_found_ttl(const struct posture_found *f)
{
	struct posture_record r;
	uint32_t ttl = 0;
	for (size_t i = 0; i < f->count; i++)
		if (posture_record_read(f->records[i], &r) && r.ttl > ttl)
			ttl = r.ttl;
	return ttl;
}

bool posture_address(struct span line, struct conf_net *n)
{
	struct posture_record r;
	return posture_record_read(line, &r) && !span_has(r.data, '/') &&
	       (span_eq(r.type, SPAN("A")) || span_eq(r.type, SPAN("AAAA"))) &&
	       conf_net_parse(r.data, n);
}

/* ---- authorities ---------------------------------------------------------- */

/* The value of `0 issue "ca.example; x=y"` up to the semicolon. */
static bool issuer(struct span data, struct span *name)
{
	struct span flags, tag, rest;
	if (!posture_word(&data, &flags) || !posture_word(&data, &tag) ||
	    !span_eq_nocase(tag, SPAN("issue")))
		return false;
	rest = span_trim(data);
	if (rest.len < 2 || rest.ptr[0] != '"')
		return false;
	rest = span_sub(rest, 1, rest.len - 2);
	(void)span_cut(&rest, ';', name);
	*name = span_trim(*name);
	return true;
}

static void judge_caa(struct judging *j)
{
	struct span want, name;
	for (size_t n = 0; n < j->need->count; n++) {
		bool restricted = false, allowed = false;
		if (!issuer(j->need->data[n], &want))
			continue;
		for (size_t i = 0; i < j->count; i++) {
			if (!issuer(j->records[i].data, &name))
				continue;
			restricted = true;
			allowed = allowed || span_eq_nocase(name, want);
		}
		if (!restricted || allowed)
			continue;
		posture_tell(j, POSTURE_WRONG,
			     "the authority of the certificate may not issue "
			     "the next one");
		publish(j, &n, 1);
	}
}

/* ---- one need ------------------------------------------------------------- */

static void gather(struct judging *j, const struct posture_found *f)
{
	j->records = ARENA_ARRAY(j->arena, POSTURE_RECORDS_MAX,
				 struct posture_record);
	j->ok = j->records != NULL;
	for (size_t i = 0;
	     j->ok && i < f->count && j->count < POSTURE_RECORDS_MAX; i++) {
		struct posture_record *r = &j->records[j->count];
		if (posture_record_read(f->records[i], r) &&
		    span_eq_nocase(r->type, span_cstr(j->need->type)))
			j->count++;
	}
}

/* RFC 5321 5.1, RFC 2181 10.3: nobody need follow an alias there. */
static void judge_alias(struct judging *j, struct span canonical)
{
	if ((j->need->kind != POSTURE_MX && j->need->kind != POSTURE_ADDRESS) ||
	    canonical.len == 0 ||
	    posture_same_name(canonical, j->need->name))
		return;
	posture_tell(j, POSTURE_WRONG,
		     "the name is an alias of %.*s: mail domains, MX hosts and "
		     "names in EHLO may not be",
		     SPAN_FMT(canonical));
	posture_mend(j, "remove the CNAME record and give the name records of "
			"its own");
}

static void no_answer(struct judging *j, const struct posture_found *f)
{
	if (f->lookup.trust == POLICY_DNS_BOGUS) {
		posture_tell(j, POSTURE_WRONG,
			     "the signature is wrong (bogus): %.*s",
			     SPAN_FMT(f->why));
		posture_mend(j, "sign the zone again, or mend its DS record: "
				"until then everybody who validates sees "
				"nothing");
		return;
	}
	posture_tell(j, POSTURE_UNKNOWN, "no answer: %.*s", SPAN_FMT(f->why));
	posture_mend(j, "see whether the name servers of the zone answer, then "
			"check again");
}

static void judge_kind(struct judging *j, struct policy_lookup l)
{
	switch (j->need->kind) {
	case POSTURE_MX:
		judge_mx(j);
		break;
	case POSTURE_ADDRESS:
		judge_address(j);
		break;
	case POSTURE_PTR:
		judge_ptr(j);
		break;
	case POSTURE_SPF:
		posture_judge_spf(j);
		break;
	case POSTURE_DMARC:
		posture_judge_dmarc(j);
		break;
	case POSTURE_STS:
		posture_judge_sts(j, l);
		break;
	case POSTURE_TLSRPT:
		posture_judge_tlsrpt(j);
		break;
	case POSTURE_TLSA:
		judge_tlsa(j, l);
		break;
	case POSTURE_SRV:
		judge_srv(j);
		break;
	case POSTURE_CAA:
		judge_caa(j);
		break;
	case POSTURE_NOTE:
		break;
	}
}

bool posture_judge(const struct posture_server *s, const struct posture_need *n,
		   const struct posture_found *f, struct arena *a,
		   struct posture_findings *out)
{
	struct judging j = {.server = s, .need = n, .arena = a, .out = out};
	out->count = 0;
	j.ok = true;
	if (n->kind == POSTURE_NOTE)
		return true;
	if (!policy_answered(f->lookup)) {
		no_answer(&j, f);
		return j.ok;
	}
	gather(&j, f);
	if (!j.ok)
		return false;
	judge_alias(&j, f->canonical);
	if (j.count == 0)
		posture_tell_absent(&j);
	else
		judge_kind(&j, f->lookup);
	return j.ok;
}

bool posture_certificates(const struct posture_server *s, struct arena *a,
			  struct posture_findings *out)
{
	struct judging j = {.server = s, .arena = a, .out = out, .ok = true};
	out->count = 0;
	for (size_t i = 0; i < s->key_count; i++) {
		const struct posture_key *k = &s->keys[i];
		bool shown = false;
		for (size_t v = 0; v < s->service_count; v++)
			shown = shown ||
				span_eq(s->services[v].certificate,
					k->certificate);
		if (k->next || k->names_host || !shown)
			continue;
		posture_tell(&j, POSTURE_WRONG,
			     "certificate \"%.*s\" is not valid for %.*s",
			     SPAN_FMT(k->certificate), SPAN_FMT(s->host));
		posture_mend(&j, "get one whose subjectAltName holds the name "
				 "that MX, PTR and SRV records lead to");
	}
	return j.ok;
}
