/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/stub - asks one resolver that is trusted to validate.
 *
 * Its AD bit is believed (RFC 6840 section 5.8), so it has to be one that nobody can
 * speak for: on this host, or on a network of one's own.  Questions go over one TCP
 * connection, many at a time (RFC 7766), which is made when there are some; a
 * question that meets the connection's end is asked once more on another.  Nothing
 * is kept here: that resolver has a cache.
 *
 * What it would not answer, SERVFAIL among it, is RESOLVER_FAILED: whether an answer
 * was bogus is not told.
 */
#pragma once

#include "os/addr.h"
#include "role/dialer/resolver.h"

#define STUB_WAIT_NS	(15 * NS_PER_SEC) /* for an answer */
#define STUB_TRIES_MAX	2u

struct stub;

MUST_USE struct stub *stub_new(struct loop *, const struct addr *resolver);
/* After the resolver whose source it is: its questions are gone then. */
void stub_free(struct stub *); /* NULL is allowed */
/* A resolver's source: resolver_asking(loop, stub_ask, stub). */
void stub_ask(void *stub, struct question *, const struct dns_name *,
	      uint16_t type);
