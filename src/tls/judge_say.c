/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/judge_say - one sentence about a certificate that is not as expected.
 *
 * Must never: print a byte of the peer's that is not printable ASCII, or more
 * than SHOWN of a list.
 */
#include <openssl/objects.h>

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/civil.h"
#include "base/hex.h"
#include "tls/certificate_read.h"
#include "tls/facts_own.h"
#include "tls/judge_own.h"
#include "tls/pkey.h"

#define SENTENCE_MAX 8192u
#define SHOWN	     3u   /* of a list */
#define NAME_SHOWN   120u /* of a distinguished name */

/* What fits, without the end of a word being cut for nothing. */
static void keep(char *to, size_t max, const struct buf *b)
{
	struct span s = span_sub(buf_span(b), 0, max);

	if (!buf_ok(b))
		s = SPAN("memory is short");
	memcpy(to, s.ptr, s.len);
	to[s.len] = '\0';
}

static void say(struct tls_judged *j, struct buf *b)
{
	keep(j->why, TLS_PEER_WHY_MAX, b);
	buf_free(b);
}

void tls_say(struct tls_judged *j, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(j->why, sizeof(j->why), fmt, ap);
	va_end(ap);
}

static void add_date(struct buf *b, const ASN1_TIME *t)
{
	int64_t at;

	if (tls_asn1_seconds(t, &at))
		civil_add_rfc5322(b, at);
	else
		buf_printf(b, "an unreadable date");
}

static void add_expected(struct buf *b, const struct tls_judged *j)
{
	struct tls_authorities *a = j->expect.authorities;

	if (j->what == TLS_EXPECT_TLSA)
		buf_printf(b, "a chain to the anchor of a TLSA record");
	else if (!a)
		buf_printf(b, "an authority, and none is known here");
	else
		buf_printf(b, "a chain to one of %zu authorities",
			   tls_authorities_count(a));
}

static void add_whose(struct buf *b, X509 *x)
{
	buf_printf(b, "\"");
	tls_name_add(b, X509_get_subject_name(x), NAME_SHOWN);
	buf_printf(b, "\" issued by \"");
	tls_name_add(b, X509_get_issuer_name(x), NAME_SHOWN);
	buf_printf(b, "\"");
}

void tls_say_error(struct tls_judged *j, X509_STORE_CTX *x, int error)
{
	X509 *at = X509_STORE_CTX_get_current_cert(x);
	int depth = X509_STORE_CTX_get_error_depth(x);
	struct buf b;

	if (!at) {
		at = j->leaf;
		depth = 0;
	}
	buf_init(&b, SENTENCE_MAX);
	if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
		buf_printf(&b, "the certificate expired on ");
		add_date(&b, X509_get0_notAfter(at));
	} else if (error == X509_V_ERR_CERT_NOT_YET_VALID) {
		buf_printf(&b, "the certificate is not valid before ");
		add_date(&b, X509_get0_notBefore(at));
	} else {
		buf_printf(&b, "the certificate cannot be verified (%s)",
			   X509_verify_cert_error_string(error));
	}
	buf_printf(&b, "; expected ");
	add_expected(&b, j);
	buf_printf(&b, ", seen ");
	add_whose(&b, at);
	if (depth > 0)
		buf_printf(&b, ", %d above the host's", depth);
	say(j, &b);
}

static void add_more(struct buf *b, size_t count)
{
	if (count > SHOWN)
		buf_printf(b, " and %zu more", count - SHOWN);
}

static void add_seen_names(struct buf *b, const GENERAL_NAMES *all)
{
	int n = all ? sk_GENERAL_NAME_num(all) : 0;
	struct span name;
	size_t count = 0;

	for (int i = 0; i < n; i++) {
		if (!tls_dns_name(sk_GENERAL_NAME_value(all, i), &name))
			continue;
		if (count < SHOWN)
			buf_printf(b, "%s%.*s", count > 0 ? ", " : "",
				   SPAN_FMT(name));
		count++;
	}
	if (count == 0)
		buf_printf(b, "no DNS name in subjectAltName");
	add_more(b, count);
}

void tls_say_name(struct tls_judged *j, const GENERAL_NAMES *seen)
{
	const struct tls_expect *e = &j->expect;
	struct buf b;

	buf_init(&b, SENTENCE_MAX);
	buf_printf(&b, "the certificate is for other names; expected ");
	for (size_t i = 0; i < e->name_count && i < SHOWN; i++)
		buf_printf(&b, "%s%.*s", i > 0 ? ", " : "",
			   SPAN_FMT(e->names[i]));
	add_more(&b, e->name_count);
	buf_printf(&b, "%s, seen ", e->name_count > 0 ? "" : "none");
	add_seen_names(&b, seen);
	say(j, &b);
}

static void add_tlsa(struct buf *b, const struct tls_tlsa *t)
{
	struct span data = span_sub(t->data, 0, 64);

	buf_printf(b, "%u %u %u ", t->usage, t->selector, t->matching);
	hex_encode(b, data);
	if (data.len < t->data.len)
		buf_printf(b, "...");
}

void tls_say_tlsa(struct tls_judged *j)
{
	const struct tls_expect *e = &j->expect;
	unsigned char spki[32];
	struct buf b;

	buf_init(&b, SENTENCE_MAX);
	buf_printf(&b, "no TLSA record matches; seen 3 1 1 ");
	if (tls_x509_spki(j->leaf, spki))
		hex_encode(&b, span_of(spki, sizeof(spki)));
	buf_printf(&b, ", expected ");
	for (size_t i = 0; i < e->tlsa_count && i < SHOWN; i++) {
		buf_printf(&b, "%s", i > 0 ? ", " : "");
		add_tlsa(&b, &e->tlsa[i]);
	}
	add_more(&b, e->tlsa_count);
	say(j, &b);
}

void tls_say_key(struct tls_judged *j, struct span seen)
{
	const struct tls_expect *e = &j->expect;
	struct buf b;

	buf_init(&b, SENTENCE_MAX);
	buf_printf(&b, "the key is none of those that are listed; seen ");
	hex_encode(&b, seen);
	buf_printf(&b, ", expected ");
	for (size_t i = 0; i < e->key_count && i < SHOWN; i++) {
		buf_printf(&b, "%s", i > 0 ? ", " : "");
		hex_encode(&b, e->keys[i]);
	}
	add_more(&b, e->key_count);
	buf_printf(&b, "%s", e->key_count > 0 ? "" : "none");
	say(j, &b);
}

void tls_say_by(struct tls_judged *j, const struct tls_tlsa *t)
{
	struct buf b;

	buf_init(&b, SENTENCE_MAX);
	buf_printf(&b, "TLSA ");
	add_tlsa(&b, t);
	keep(j->by, TLS_PEER_BY_MAX, &b);
	buf_free(&b);
}
