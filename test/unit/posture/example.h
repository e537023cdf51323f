/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server, mx.example.org, as its records should describe it: two addresses, a
 * certificate with two keys on every port, a key that is to follow.
 */
#pragma once

#include "conf/net.h"
#include "posture/posture.h"

#define KEY_A "3 1 1 0101010101010101010101010101010101010101010101010101010101010101"
#define KEY_B "3 1 1 0202020202020202020202020202020202020202020202020202020202020202"
#define KEY_C "3 1 1 0303030303030303030303030303030303030303030303030303030303030303"

struct example {
	struct conf_net addresses[2];
	struct posture_service services[4];
	struct posture_key keys[3];
	struct posture_server server;
};

static inline void example_make(struct example *e)
{
	static const struct span cert = SPAN_INIT("main");
	*e = (struct example){0};
	assert_true(conf_net_parse(SPAN("192.0.2.25"), &e->addresses[0]));
	assert_true(conf_net_parse(SPAN("2001:db8::25"), &e->addresses[1]));
	e->services[0] = (struct posture_service){POSTURE_SMTP, 25, cert};
	e->services[1] = (struct posture_service){POSTURE_SUBMISSIONS, 465, cert};
	e->services[2] = (struct posture_service){POSTURE_IMAPS, 993, cert};
	e->services[3] = (struct posture_service){POSTURE_IMAP, 143, cert};
	for (size_t i = 0; i < 3; i++) {
		e->keys[i] = (struct posture_key){
			.certificate = cert,
			.next = i == 2,
			.names_host = i < 2,
			.issuer = i < 2 ? SPAN("C=US, O=Let's Encrypt, CN=R11") : SPAN("")};
		memset(e->keys[i].spki_sha256, (int)i + 1, 32);
	}
	e->server = (struct posture_server){.host = SPAN("mx.example.org"),
					    .addresses = e->addresses,
					    .address_count = 2,
					    .addresses_known = true,
					    .services = e->services,
					    .service_count = 4,
					    .keys = e->keys,
					    .key_count = 3};
}
