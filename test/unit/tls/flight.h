/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flight - a server of TLS 1.2 as far as its certificate, made of bytes alone.
 *
 * In TLS 1.2 that much is in clear and depends on nothing that the client says,
 * so any certificate reaches a client's judge without a key behind it.
 */
#pragma once

#include "tls/client.h"

/* One DER value: tag, length, content. */
void flight_der(struct buf *, unsigned char tag, struct span content);
/* Signed by itself, or said to be: subjectAltName holds `names`, GeneralNames in
 * DER; valid from 2020 to 2049. */
void flight_certificate(struct buf *, struct span names);
/* One more certificate of a Certificate message. */
void flight_list(struct buf *, struct span der);
/* ServerHello and the Certificate message with that list, in records. */
void flight_pack(struct buf *, struct span list);
/* The PEM of a certificate. */
void flight_pem(struct buf *, struct span der);

struct flight {
	struct span rest;
};

/* A connection whose server says these bytes, and no more; NULL: no memory. */
MUST_USE struct tls_conn *flight_meet(struct flight *, struct tls_client *,
				      const struct tls_expect *, struct span);
/* A client with a key box that is empty; for the life of the program. */
MUST_USE struct tls_client *flight_client(void);
