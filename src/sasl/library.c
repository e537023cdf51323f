/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/library - libgsasl's global state, and the names of what we offer.
 *
 * libgsasl knows more mechanisms than we want (DIGEST-MD5, CRAM-MD5, ...): only
 * the four of our own table can be asked for, so they cannot be reached.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "sasl/server_own.h"

static const struct span names[SASL_MECHANISMS] = {
	[SASL_PLAIN] = SPAN_INIT("PLAIN"),
	[SASL_LOGIN] = SPAN_INIT("LOGIN"),
	[SASL_SCRAM_SHA_256] = SPAN_INIT("SCRAM-SHA-256"),
	[SASL_SCRAM_SHA_256_PLUS] = SPAN_INIT("SCRAM-SHA-256-PLUS"),
};

struct span sasl_mechanism_name(enum sasl_mechanism m)
{
	ENSURE((unsigned)m < SASL_MECHANISMS);
	return names[m];
}

bool sasl_mechanism_find(struct span name, enum sasl_mechanism *out)
{
	for (unsigned i = 0; i < SASL_MECHANISMS; i++)
		if (span_eq_nocase(name, names[i])) {
			*out = (enum sasl_mechanism)i;
			return true;
		}
	return false;
}

struct sasl_library *sasl_library_new(void)
{
	struct sasl_library *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->tag = TAG_SASL_LIBRARY;
	if (gsasl_init(&l->gsasl) != GSASL_OK) {
		free(l);
		return NULL;
	}
	gsasl_callback_set(l->gsasl, sasl_scram_answer);
	return l;
}

void sasl_library_free(struct sasl_library *l)
{
	if (!l)
		return;
	ENSURE_TAG(l, TAG_SASL_LIBRARY);
	gsasl_done(l->gsasl);
	l->tag = 0;
	free(l);
}
