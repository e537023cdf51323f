/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/library - OpenSSL's TLS with private keys that live in another process.
 *
 * One per process.  It has its own OSSL_LIB_CTX with the default provider and
 * a provider of ours whose keys are a public key and a number; signing with
 * one calls the owner's tls_signer.  No configuration file is read and nothing
 * is opened after tls_library_new has returned.
 *
 * Must outlive every context and connection made from it.
 */
#pragma once

#include "tls/sign.h"

struct tls_library;

/* NULL: no memory.  `signer` is copied. */
MUST_USE struct tls_library *tls_library_new(const struct tls_signer *signer);
void tls_library_free(struct tls_library *); /* NULL is allowed */
