/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory/format - the rows of a partition, byte by byte.  Private to
 * src/directory.
 *
 *  C             the next account's count; its number is count * 256 + partition
 *  D name        domain
 *  U address     who has this address: an account's number, or an alias
 *  A id          account
 *  V id number   verifier
 *
 * Names in keys are in lower case.  A domain lives in the partition of its
 * name's hash, an address and its account in that of the address's; so the low
 * byte of an account's number is its partition.  A removed account keeps its A
 * and V rows; its address is free again.
 */
#pragma once

#include "base/pack.h"
#include "directory/directory.h"

#define DIRECTORY_FORMAT 1u
#define DIRECTORY_ROW	 KV_VALUE_MAX

struct directory_key {
	char bytes[DIRECTORY_ADDRESS_MAX + 16];
	size_t len;
};
static inline struct span directory_key_span(const struct directory_key *k)
{
	return span_of(k->bytes, k->len);
}
struct directory_key directory_key_kind(char kind);
/* In lower case; the text is at most DIRECTORY_ADDRESS_MAX long. */
struct directory_key directory_key_text(char kind, struct span text);
struct directory_key directory_key_id(char kind, uint64_t id);
struct directory_key directory_key_verifier(uint64_t id, uint32_t number);
struct directory_key directory_key_end(const struct directory_key *);
uint64_t directory_key_number(struct span key);	       /* of A and V keys */
uint32_t directory_key_verifier_number(struct span key); /* of V keys */
/* Of a domain or an address. */
unsigned directory_partition(struct span text);

struct user_row {
	enum directory_kind kind;
	uint64_t account;	      /* ACCOUNT */
	struct directory_alias alias; /* ALIAS; targets as packed bytes */
	struct span targets;
	uint32_t target_count;
};

void directory_domain_write(struct buf *, const struct directory_domain *);
MUST_USE bool directory_domain_read(struct span, struct directory_domain *);
void directory_user_write_account(struct buf *, uint64_t account);
void directory_user_write_alias(struct buf *, const struct directory_alias *);
MUST_USE bool directory_user_read(struct span, struct user_row *);
/* The next of the packed targets or grants. */
MUST_USE bool directory_list_next(struct span *packed, struct span *one);
void directory_account_write(struct buf *, const struct directory_account *);
/* grants: packed, grant_count of them. */
MUST_USE bool directory_account_read(struct span, uint64_t id,
			   struct directory_account *, struct span *grants);
void directory_verifier_write(struct buf *, const struct directory_verifier *);
MUST_USE bool directory_verifier_read(struct span, uint32_t number,
			    struct directory_verifier *);

/* An address as we keep them: local part, '@', domain; both with bounds. */
bool directory_address_ok(struct span address);
bool directory_domain_ok(struct span name);
/* false: no '@'. */
bool directory_split(struct span address, struct span *local,
		     struct span *domain);
