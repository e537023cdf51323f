/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/options - the one table that everything about an option comes from.
 *
 * A row gives block, name, type, range, default, the roles that may see it,
 * whether a reload can change it, and its paragraph of the manual.  Parser,
 * checks, slices, show and letterlock.conf(5) walk the table; none of them
 * names an option that needs no special thought.
 *
 * The blocks tls, limits and timeouts stand at top level and inside a listener;
 * what the listener's does not set it inherits from the top-level one.
 */
#pragma once

#include "conf/conf.h"

enum conf_type {
	CONF_BOOL,     /* bool */
	CONF_NUMBER,   /* uint64_t, as are the next three */
	CONF_SIZE,
	CONF_DURATION,
	CONF_PERCENT,
	CONF_CHOICE,   /* uint32_t, index into choices */
	CONF_STRING,   /* struct span, as are the next four */
	CONF_CIPHERS,
	CONF_NAME,     /* of another block */
	CONF_HOST,
	CONF_PATH,
	CONF_ADDRESSES, /* struct conf_nets with whole addresses */
	CONF_NETWORKS,  /* struct conf_nets */
	CONF_RESOLVERS, /* struct conf_resolvers: addresses, maybe with ports */
	CONF_DURATIONS, /* struct conf_durations */
	CONF_WORDS,     /* struct conf_words, as are the next four */
	CONF_ACCOUNT_NAMES, /* addresses: alice@example.org */
	CONF_DOMAINS,   /* example.org, .example.org, *; lower case */
	CONF_PATHS,
	CONF_SECRETS,   /* paths, written file:/path */
	CONF_SNIS,      /* struct conf_snis, one pair a statement */
	CONF_MAPS,      /* struct conf_maps, one pair a statement */
};

enum conf_block {
	CONF_B_TOP,
	CONF_B_LOG,
	CONF_B_PROCESSES,
	CONF_B_TLS,
	CONF_B_LIMITS,
	CONF_B_TIMEOUTS,
	CONF_B_AUTH,
	CONF_B_STORE,
	CONF_B_QUEUE,
	CONF_B_DNS,
	CONF_B_OUTGOING,
	CONF_B_ACCOUNTS,
	CONF_B_REWRITE,
	CONF_B_CERTIFICATE,
	CONF_B_LISTENER,
	CONF_B_DESTINATION,
	CONF_B_SOURCE,
	CONF_BLOCKS
};

struct conf_option {
	uint8_t block, type;
	bool restart; /* a reload cannot change it */
	const char *name;
	size_t offset; /* in the block's struct */
	uint64_t min, max; /* numbers: value; strings: bytes; lists: items */
	const char *initial; /* as it would be written; NULL: empty or derived */
	uint32_t roles; /* 1 << enum conf_role */
	const char *const *choices; /* NULL-terminated */
	const char *doc;
};

struct conf_block_info {
	const char *name;
	bool named;     /* may stand several times, with a name */
	bool inherited; /* stands in a listener too */
	size_t offset;          /* in struct conf; named: unused */
	size_t listener_offset; /* in struct conf_listener, when inherited */
	const char *doc;
};

#define CONF_OPTIONS_MAX 160u
extern const struct conf_option conf_options[];
extern const size_t conf_option_count;
extern const struct conf_block_info conf_blocks[CONF_BLOCKS];

/* Index of the option or block, or SIZE_MAX. */
size_t conf_option_find(enum conf_block, struct span name);
size_t conf_block_find(struct span name);

/* The first option whose member stands there; ENSUREs that there is one. */
size_t conf_option_at(enum conf_block, size_t offset);

/* Those of which each statement adds one. */
static inline bool conf_type_adds(uint8_t type)
{
	return type == CONF_SNIS || type == CONF_MAPS;
}

/* Bytes that a value of this type takes in its struct. */
size_t conf_type_size(enum conf_type);
const char *conf_type_name(enum conf_type);
