/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/judge_own - the judge's sentences: what was wrong, what was expected and
 * what was seen.  Private to tls/judge*.c.
 *
 * What the peer wrote is printed in printable ASCII; lists are cut.
 */
#pragma once

#include <openssl/x509v3.h>

#include "tls/client_own.h"

PRINTF_LIKE(2, 3) void tls_say(struct tls_judged *, const char *fmt, ...);
void tls_say_error(struct tls_judged *, X509_STORE_CTX *, int error);
void tls_say_name(struct tls_judged *, const GENERAL_NAMES *seen);
void tls_say_tlsa(struct tls_judged *);
void tls_say_key(struct tls_judged *, struct span seen);
/* Into `by`. */
void tls_say_by(struct tls_judged *, const struct tls_tlsa *);
