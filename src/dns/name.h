/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/name - domain names: as text, as labels, and inside a packet.
 *
 * A dns_name is uncompressed wire form (RFC 1035 section 3.1), root label
 * included, case kept.  Comparison folds ASCII case.  Any byte may stand in a
 * label; as text, dots and odd bytes are escaped with a backslash.
 *
 * Compression pointers must point strictly backwards, before the run of labels
 * that they end, so reading a name takes linear time and cannot loop.
 */
#pragma once

#include "base/buf.h"

#define DNS_NAME_MAX  255u /* wire form with the root label */
#define DNS_LABEL_MAX 63u
#define DNS_TEXT_MAX  1016u /* the longest text form, everything escaped */

struct dns_name {
	uint8_t len; /* 1..255; 0: none */
	uint8_t wire[DNS_NAME_MAX];
};

/*
 * From text, "mail.example.org" with or without a dot at the end; "." is the
 * root; escapes are "\." and "\255".  False: an empty or overlong label, an
 * overlong name, a broken escape.
 */
MUST_USE bool dns_name_parse(struct span text, struct dns_name *out);
/* The same after IDNA 2008 has made A-labels of what is not ASCII (UTF-8). */
MUST_USE bool dns_name_parse_idna(struct span text, struct dns_name *out);
/* With a dot at the end. */
void dns_name_text(const struct dns_name *, struct buf *);

/* At `at` in a packet; *next is the offset after it. */
MUST_USE bool dns_name_read(struct span packet, size_t at, struct dns_name *out,
			    size_t *next);

bool dns_name_eq(const struct dns_name *, const struct dns_name *);
/* Is a the name b, or below it? */
bool dns_name_under(const struct dns_name *a, const struct dns_name *b);
unsigned dns_name_labels(const struct dns_name *); /* without the root's */
