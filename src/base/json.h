/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/json - JSON read into a tree, and text quoted.
 *
 * Reading is strict (RFC 8259), in linear time, at most JSON_DEPTH deep and
 * JSON_VALUES values.  Of members of one name the first counts.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define JSON_DEPTH  16u
#define JSON_VALUES 65536u

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT };

struct json {
	enum json_kind kind;
	bool truth;
	struct span key;  /* inside an object */
	struct span text; /* of a text, unescaped; of a number, as written */
	struct json *first, *next; /* children; siblings */
};

/* NULL: not JSON, too deep, or the arena is full.  Spans live in the arena or
 * in the text. */
struct json *json_read(struct arena *, struct span text);
/* NULL: no such member, or not an object (NULL is none). */
const struct json *json_member(const struct json *, const char *key);
/* The text of a text or number; empty otherwise. */
struct span json_text(const struct json *object, const char *key);
uint64_t json_u64(const struct json *object, const char *key);

/* With its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_quote(struct buf *, struct span);
