/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory/directory - domains, aliases, accounts, verifiers and grants.
 *
 * Rows in 256 partitions of the store are the truth (directory/format.h); a table of everything is
 * held in memory, read at open and moved forward when a commit became visible,
 * so that RCPT is answered without a read.  An object lives in the partition
 * of the hash of its key; every change is one commit in one partition.
 *
 * Addresses: local parts and domains are compared without ASCII case; the
 * caller has brought domains to their ASCII (A-label) form.  Accounts are
 * numbers, never reused; their names are addresses.
 *
 * A removed account stops receiving and logging in at once; its number and
 * mail stay until DIRECTORY_GRACE has passed, for account undo and the sweep.
 */
#pragma once

#include "base/arena.h"
#include "kv/op.h"

#define DIRECTORY_PARTITIONS  256u
#define DIRECTORY_ADDRESS_MAX 320u /* 64 + @ + 255 */
#define DIRECTORY_LOCAL_MAX   64u
#define DIRECTORY_DOMAIN_MAX  255u
#define DIRECTORY_DEPTH_MAX   16u   /* aliases inside aliases */
#define DIRECTORY_RESULTS_MAX 1000u /* recipients of one address */
#define DIRECTORY_TARGETS_MAX 1000u /* of one alias */
#define DIRECTORY_TARGETS_BYTES 60000u
#define DIRECTORY_GRANTS_MAX  100u /* of one account */
#define DIRECTORY_APPS_MAX    32u  /* application passwords of one account */
#define DIRECTORY_LABEL_MAX   64u
#define DIRECTORY_NAME_MAX    256u /* of a full name */
#define DIRECTORY_VERIFIER_MAX 256u
#define DIRECTORY_GRACE       (14 * 86400)

enum directory_result {
	DIRECTORY_OK,
	DIRECTORY_NONE,	  /* no such object */
	DIRECTORY_EXISTS, /* the address or domain is taken */
	DIRECTORY_BAD,	  /* not an address, not a domain, no such target */
	DIRECTORY_LIMIT,
	DIRECTORY_IN_USE, /* a domain with accounts or aliases */
	DIRECTORY_FULL,
	DIRECTORY_UNAVAILABLE,
	DIRECTORY_CORRUPT,
};
const char *directory_result_name(enum directory_result);

struct directory;

/* Reads everything. */
MUST_USE enum directory_result directory_open(struct kv *,
					      struct directory **out);
void directory_close(struct directory *); /* NULL is allowed */

/* ---- objects ---- */

struct directory_domain {
	struct span name;
	struct span catch_all; /* an address, or empty */
	int64_t made;
};

enum directory_kind { DIRECTORY_ALIAS = 1, DIRECTORY_ACCOUNT = 2 };

struct directory_alias {
	struct span address;
	const struct span *targets; /* addresses, ours or others' */
	size_t count;
	int64_t made;
};

enum directory_state {
	DIRECTORY_ACTIVE = 1,
	DIRECTORY_LOCKED = 2,  /* receives, cannot log in */
	DIRECTORY_REMOVED = 3, /* neither; mail is kept until `removed` + grace */
};

struct directory_account {
	uint64_t id;
	struct span name; /* its address */
	struct span full_name;
	enum directory_state state;
	uint64_t quota_bytes, quota_messages; /* 0: no limit */
	int64_t made, removed;
	const struct span *grants; /* addresses it may send as, beside its own;
				      "@domain" for a whole domain */
	size_t grant_count;
};

/* What a password opens; for application passwords. */
enum directory_scope {
	DIRECTORY_IMAP = 1,
	DIRECTORY_POP3 = 2,
	DIRECTORY_SMTP = 4,
	DIRECTORY_SIEVE = 8,
	DIRECTORY_WEB = 16,
	DIRECTORY_ALL = 31,
};

struct directory_verifier {
	uint32_t number;    /* 0: the account's own password; else an app password */
	struct span label;  /* app passwords: a name for people */
	uint32_t scopes;
	struct span argon2; /* encoded text */
	struct span scram;  /* the caller's encoding; empty: none */
	int64_t made, expires; /* 0: never */
};

/* ---- questions: from memory, visible state ---- */

/* NULL: none.  Valid until the next kv_poll. */
const struct directory_domain *directory_domain(const struct directory *,
						struct span name);
const struct directory_alias *directory_alias(const struct directory *,
					      struct span address);
const struct directory_account *directory_account(const struct directory *,
						  uint64_t id);
/* By address, removed ones not. */
const struct directory_account *
directory_account_named(const struct directory *, struct span address);
/* The verifiers of an account: *count of them, NULL when none. */
const struct directory_verifier *
directory_verifiers(const struct directory *, uint64_t account, size_t *count);

/* Sorted by name; after: exclusive; NULL at the end. */
const struct directory_domain *directory_domain_next(const struct directory *,
						     struct span after);
const struct directory_alias *directory_alias_next(const struct directory *,
						   struct span after);
/* Removed ones too; by id; 0 starts. */
const struct directory_account *
directory_account_next(const struct directory *, uint64_t after);

/* Changes whenever anything visible changed. */
uint64_t directory_generation(const struct directory *);
/* Called from kv_poll after a change to this account's row or verifiers (for
 * auth), or with 0 for anything else. */
typedef void directory_changed_fn(void *arg, uint64_t account);
void directory_on_change(struct directory *, directory_changed_fn *, void *arg);

enum directory_answer {
	DIRECTORY_OURS,	   /* one account of ours */
	DIRECTORY_SET,	   /* several recipients, or ones elsewhere by alias */
	DIRECTORY_REMOTE,  /* the domain is not ours */
	DIRECTORY_UNKNOWN, /* the domain is ours, the address is not */
	DIRECTORY_LOOP,	   /* too deep or too many: refuse, tell the postmaster */
};
struct directory_target {
	uint64_t account; /* 0: remote */
	struct span address; /* remote: where; ours: the account's name */
	struct span detail;  /* what stood after the separator */
};
struct directory_resolved {
	enum directory_answer answer;
	struct directory_target *targets; /* deduplicated */
	size_t count;
};
/*
 * Where mail for an address goes: exact account or alias, without the
 * sub-address, the domain's catch-all, in this order.  postmaster and abuse
 * at our domains (and postmaster without a domain) always go somewhere: to the
 * address itself, else to the same name at the first domain that has it, else
 * to `postmaster` of directory_set_postmaster.
 * False: the arena is full.
 */
MUST_USE bool directory_resolve(const struct directory *, struct arena *,
				struct span address,
				struct directory_resolved *out);
/* The address that stands in when nobody else is postmaster. Borrowed. */
void directory_set_postmaster(struct directory *, struct span address);
/*
 * Each byte ends the name in an address of ours, and a detail follows it: at
 * most DIRECTORY_SEPARATORS_MAX of them; none at first.
 */
#define DIRECTORY_SEPARATORS_MAX 4u
void directory_set_separators(struct directory *, struct span bytes);

/* May the account send as this address: own name, its sub-addresses, aliases
 * that lead to it alone, grants. */
enum directory_leave {
	DIRECTORY_MAY_NOT,
	DIRECTORY_MAY,
	DIRECTORY_MAY_UNKNOWN, /* memory is short: ask again later */
};
MUST_USE enum directory_leave
directory_may_send_as(const struct directory *, uint64_t account,
		      struct span address);

/* ---- changes ---- */

enum directory_verb {
	DIRECTORY_DOMAIN_PUT, /* add or change */
	DIRECTORY_DOMAIN_REMOVE,
	DIRECTORY_ALIAS_PUT,
	DIRECTORY_ALIAS_REMOVE,
	DIRECTORY_ACCOUNT_ADD, /* account.id is the answer */
	DIRECTORY_ACCOUNT_SET, /* by id: full_name, state, quotas, grants */
	DIRECTORY_ACCOUNT_REMOVE, /* by id: state and time */
	DIRECTORY_ACCOUNT_FORGET, /* after the grace: rows go */
	/* number 0, or UINT32_MAX: a new app password, verifier.number answers */
	DIRECTORY_VERIFIER_PUT,
	DIRECTORY_VERIFIER_REMOVE,
};
struct directory_change {
	enum directory_verb verb;
	struct directory_domain domain;
	struct directory_alias alias;
	struct directory_account account;
	struct directory_verifier verifier;
	bool fresh; /* PUT: DIRECTORY_EXISTS when it is there already */
	/* directory's own */
	struct directory *directory;
	void (*done)(void *arg, enum directory_result);
	void *arg;
	unsigned partition;
	uint32_t made;
	enum directory_result refusal;
};
typedef void directory_done_fn(void *arg, enum directory_result);
/* The change and all its spans belong to the caller until done has run. */
MUST_USE enum directory_result directory_change(struct directory *,
						struct directory_change *,
						directory_done_fn *, void *arg);

/* ---- fsck ---- */
struct directory_fsck_count {
	uint64_t domains, aliases, accounts, verifiers, wrong, repaired;
};
typedef void directory_fsck_fn(void *arg, const struct directory_fsck_count *,
			       const char *what);
/*
 * Rows parse and stand in the partition of their key; account numbers and
 * addresses are unique; verifiers belong to accounts; domains exist.  Repair
 * removes rows that cannot be read and verifiers without an account.
 */
MUST_USE enum directory_result directory_fsck(struct directory *, bool repair,
					      directory_fsck_fn *, void *arg,
					      struct directory_fsck_count *out);
