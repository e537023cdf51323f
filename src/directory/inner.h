/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory/inner - the table in memory.  Private to src/directory.
 *
 * Each object is one allocation of its own with its spans behind it; the sorted
 * maps hold a pointer to it in `mark`.
 */
#pragma once

#include "base/map.h"
#include "directory/format.h"
#include "kv/sorted.h"

/* What every object begins with. */
struct object {
	unsigned partition;
	uint64_t seen; /* by which reading of its partition */
};

struct domain_object {
	struct object object;
	struct directory_domain domain;
};

struct account_object {
	struct object object;
	struct directory_account account;
	struct directory_verifier *verifiers; /* by number */
	size_t verifier_count;
	struct arena *arena;	      /* holds it all, but the verifiers' */
	struct arena *verifier_arena; /* NULL: no verifiers */
};

struct alias_object {
	struct directory_alias alias;
	struct arena *arena;
};

/* Who has an address: an alias of its own, or an account by number. */
struct address_object {
	struct object object;
	enum directory_kind kind;
	uint64_t account;
	struct alias_object *alias;
};

struct partition {
	struct kv_watch watch;
	struct directory *directory;
	struct kv_space *space;
	unsigned number;
	uint64_t applied; /* the version that the table shows */
	bool loaded;
};

struct directory {
	uint32_t tag;
	struct kv *kv;
	uint8_t secret[SIPHASH_KEY];
	struct kv_sorted *domains, *addresses, *accounts;
	struct partition partition[DIRECTORY_PARTITIONS];
	struct span postmaster;
	char postmaster_text[DIRECTORY_ADDRESS_MAX];
	char separators[DIRECTORY_SEPARATORS_MAX];
	size_t separator_count;
	uint64_t generation, epoch;
	directory_changed_fn *changed;
	void *arg;
};

#define DIRECTORY_TAG TAG4('D', 'I', 'R', 'Y')

enum directory_result directory_from_kv(enum kv_result);
/* Read all rows of a partition into the table, in place of what it has. */
MUST_USE enum kv_result directory_table_reload(struct directory *, unsigned partition);
/* Bring one object up to date with its visible rows. */
MUST_USE enum kv_result directory_table_domain(struct directory *, struct span name);
MUST_USE enum kv_result directory_table_address(struct directory *, struct span address);
MUST_USE enum kv_result directory_table_account(struct directory *, uint64_t id);
void directory_table_clear(struct directory *);

void *directory_table_get(const struct kv_sorted *, struct span lower);
void *directory_table_get_text(const struct kv_sorted *, struct span text);
struct account_object *directory_table_account_by_id(const struct directory *, uint64_t);
const struct address_object *directory_table_get_address(const struct directory *,
					       struct span address);
void directory_tell(struct directory *, uint64_t account);
MUST_USE enum kv_result directory_row(struct kv_space *, enum kv_view,
				const struct directory_key *, struct buf *);
MUST_USE enum kv_result directory_scan(struct kv_space *, enum kv_view,
				 const struct directory_key *prefix,
				 struct kv_scan **);
