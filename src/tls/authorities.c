/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/authorities - a PEM bundle into an X509_STORE.
 *
 * Must never take half of a bundle: a damaged block is an error, since nobody
 * would miss what came behind it until a delivery fails.
 */
#include "tls/authorities_own.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdlib.h>

#include "base/ensure.h"

/* False: no memory. */
static bool take(struct tls_authorities *a, X509 *x)
{
	X509_NAME *n = X509_NAME_dup(X509_get_subject_name(x));

	if (!n || X509_STORE_add_cert(a->store, x) != 1 ||
	    sk_X509_NAME_push(a->names, n) <= 0) {
		X509_NAME_free(n);
		return false;
	}
	a->count++;
	return true;
}

static bool read_all(struct tls_authorities *a, BIO *bio, struct buf *why)
{
	X509 *x;
	bool ok = true;

	while (ok && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (a->count == TLS_AUTHORITIES_MAX) {
			buf_printf(why, "more than %u certificates of "
					"authorities", TLS_AUTHORITIES_MAX);
			ok = false;
		} else if (!take(a, x)) {
			buf_printf(why, "no memory");
			ok = false;
		}
		X509_free(x);
	}
	if (ok && ERR_GET_REASON(ERR_peek_last_error()) !=
			  PEM_R_NO_START_LINE) {
		buf_printf(why, "the block after certificate %zu is damaged",
			   a->count);
		return false;
	}
	if (ok && a->count == 0)
		buf_printf(why, "no certificate of an authority in it");
	return ok && a->count > 0;
}

struct tls_authorities *tls_authorities_new(struct span pem, struct buf *why)
{
	struct tls_authorities *a;
	BIO *bio;
	bool ok;

	if (pem.len == 0 || pem.len > TLS_AUTHORITIES_PEM_MAX) {
		buf_printf(why, "the file of authorities is empty or over %u "
				"bytes", TLS_AUTHORITIES_PEM_MAX);
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	ERR_clear_error();
	if (a) {
		a->tag = TAG_AUTHORITIES;
		a->references = 1;
		a->store = X509_STORE_new();
		a->names = sk_X509_NAME_new_null();
	}
	ok = a && bio && a->store && a->names;
	if (!ok)
		buf_printf(why, "no memory");
	ok = ok && read_all(a, bio, why);
	BIO_free(bio);
	ERR_clear_error();
	if (ok)
		return a;
	tls_authorities_free(a);
	return NULL;
}

void tls_authorities_hold(struct tls_authorities *a)
{
	ENSURE_TAG(a, TAG_AUTHORITIES);
	a->references++;
}

void tls_authorities_free(struct tls_authorities *a)
{
	if (!a)
		return;
	ENSURE_TAG(a, TAG_AUTHORITIES);
	if (--a->references > 0)
		return;
	X509_STORE_free(a->store);
	sk_X509_NAME_pop_free(a->names, X509_NAME_free);
	a->tag = 0;
	free(a);
}

size_t tls_authorities_count(const struct tls_authorities *a)
{
	ENSURE_TAG(a, TAG_AUTHORITIES);
	return a->count;
}
