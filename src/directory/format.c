/* SPDX-License-Identifier: Apache-2.0 */
/* directory/format: rows to bytes and back, checked; names checked. */
#include "directory/format.h"

#include "base/ensure.h"
#include "base/utf8.h"
#include "crypto/hash.h"

/* ---- keys ---- */

struct directory_key directory_key_kind(char kind)
{
	return (struct directory_key){.bytes = {kind}, .len = 1};
}

struct directory_key directory_key_text(char kind, struct span text)
{
	struct directory_key k = directory_key_kind(kind);
	ENSURE(text.len <= DIRECTORY_ADDRESS_MAX);
	for (size_t i = 0; i < text.len; i++)
		k.bytes[k.len++] = ascii_lower(text.ptr[i]);
	return k;
}

static void add(struct directory_key *k, uint64_t v, unsigned bytes)
{
	for (unsigned i = bytes; i-- > 0;)
		k->bytes[k->len++] = (char)(v >> (8 * i));
}

struct directory_key directory_key_id(char kind, uint64_t id)
{
	struct directory_key k = directory_key_kind(kind);
	add(&k, id, 8);
	return k;
}

struct directory_key directory_key_verifier(uint64_t id, uint32_t number)
{
	struct directory_key k = directory_key_id('V', id);
	add(&k, number, 4);
	return k;
}

struct directory_key directory_key_end(const struct directory_key *k)
{
	struct directory_key end = *k;
	while (end.len && (uint8_t)end.bytes[end.len - 1] == 0xff)
		end.len--;
	ENSURE(end.len > 0); /* kinds are letters */
	end.bytes[end.len - 1]++;
	return end;
}

static uint64_t number_at(struct span key, size_t from, size_t bytes)
{
	uint64_t v = 0;
	for (size_t i = from; i < from + bytes && i < key.len; i++)
		v = v << 8 | (uint8_t)key.ptr[i];
	return v;
}

uint64_t directory_key_number(struct span key) { return number_at(key, 1, 8); }

uint32_t directory_key_verifier_number(struct span key)
{
	return (uint32_t)number_at(key, 9, 4);
}

unsigned directory_partition(struct span text)
{
	struct directory_key k = directory_key_text('@', text);
	return crc32c(0, span_skip(directory_key_span(&k), 1)) % DIRECTORY_PARTITIONS;
}

/* ---- names ---- */

bool directory_split(struct span address, struct span *local,
		     struct span *domain)
{
	size_t at = span_find_last(address, '@');
	if (at == SIZE_MAX)
		return false;
	*local = span_sub(address, 0, at);
	*domain = span_skip(address, at + 1);
	return true;
}

bool directory_domain_ok(struct span name)
{
	size_t label = 0;
	if (name.len == 0 || name.len > DIRECTORY_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (c == '.') {
			if (label == 0 || name.ptr[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if ((!ascii_alnum(c) && c != '-') || (c == '-' && label == 0) ||
		    ++label > 63)
			return false;
	}
	return label > 0 && name.ptr[name.len - 1] != '-';
}

bool directory_address_ok(struct span address)
{
	struct span local, domain;
	if (address.len > DIRECTORY_ADDRESS_MAX ||
	    !directory_split(address, &local, &domain) || local.len == 0 ||
	    local.len > DIRECTORY_LOCAL_MAX || !directory_domain_ok(domain) ||
	    !utf8_valid(local))
		return false;
	for (size_t i = 0; i < local.len; i++)
		if ((unsigned char)local.ptr[i] < 0x20 || local.ptr[i] == 0x7f)
			return false;
	return true;
}

/* ---- values ---- */

void directory_domain_write(struct buf *b, const struct directory_domain *d)
{
	pack_u8(b, DIRECTORY_FORMAT);
	pack_u64(b, (uint64_t)d->made);
	pack_span(b, d->name);
	pack_span(b, d->catch_all);
}

bool directory_domain_read(struct span row, struct directory_domain *d)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != DIRECTORY_FORMAT)
		return false;
	d->made = (int64_t)unpack_u64(&u);
	d->name = unpack_span(&u, DIRECTORY_DOMAIN_MAX);
	d->catch_all = unpack_span(&u, DIRECTORY_ADDRESS_MAX);
	return unpack_done(&u);
}

void directory_user_write_account(struct buf *b, uint64_t account)
{
	pack_u8(b, DIRECTORY_FORMAT);
	pack_u8(b, DIRECTORY_ACCOUNT);
	pack_u64(b, account);
}

void directory_user_write_alias(struct buf *b, const struct directory_alias *a)
{
	pack_u8(b, DIRECTORY_FORMAT);
	pack_u8(b, DIRECTORY_ALIAS);
	pack_u64(b, (uint64_t)a->made);
	pack_span(b, a->address);
	pack_varint(b, a->count);
	for (size_t i = 0; i < a->count; i++)
		pack_span(b, a->targets[i]);
}

bool directory_list_next(struct span *packed, struct span *one)
{
	struct unpack u = unpack_of(*packed);
	*one = unpack_span(&u, DIRECTORY_ADDRESS_MAX);
	*packed = u.rest;
	return unpack_ok(&u);
}

/* Everything behind the fixed part is a list of `count` texts. */
static bool list_ok(struct unpack *u, size_t count, struct span *packed)
{
	*packed = u->rest;
	for (size_t i = 0; i < count; i++)
		unpack_span(u, DIRECTORY_ADDRESS_MAX);
	return unpack_done(u);
}

bool directory_user_read(struct span row, struct user_row *r)
{
	struct unpack u = unpack_of(row);
	*r = (struct user_row){0};
	if (unpack_u8(&u) != DIRECTORY_FORMAT)
		return false;
	uint8_t kind = unpack_u8(&u);
	r->kind = (enum directory_kind)kind;
	if (kind == DIRECTORY_ACCOUNT) {
		r->account = unpack_u64(&u);
		return unpack_done(&u);
	}
	if (kind != DIRECTORY_ALIAS)
		return false;
	r->alias.made = (int64_t)unpack_u64(&u);
	r->alias.address = unpack_span(&u, DIRECTORY_ADDRESS_MAX);
	r->target_count =
		(uint32_t)unpack_varint(&u, DIRECTORY_TARGETS_MAX);
	return list_ok(&u, r->target_count, &r->targets);
}

void directory_account_write(struct buf *b, const struct directory_account *a)
{
	pack_u8(b, DIRECTORY_FORMAT);
	pack_u8(b, (uint8_t)a->state);
	pack_u64(b, a->quota_bytes);
	pack_u64(b, a->quota_messages);
	pack_u64(b, (uint64_t)a->made);
	pack_u64(b, (uint64_t)a->removed);
	pack_span(b, a->name);
	pack_span(b, a->full_name);
	pack_varint(b, a->grant_count);
	for (size_t i = 0; i < a->grant_count; i++)
		pack_span(b, a->grants[i]);
}

bool directory_account_read(struct span row, uint64_t id, struct directory_account *a,
		  struct span *grants)
{
	struct unpack u = unpack_of(row);
	*a = (struct directory_account){.id = id};
	if (unpack_u8(&u) != DIRECTORY_FORMAT)
		return false;
	uint8_t state = unpack_u8(&u);
	a->state = (enum directory_state)state;
	a->quota_bytes = unpack_u64(&u);
	a->quota_messages = unpack_u64(&u);
	a->made = (int64_t)unpack_u64(&u);
	a->removed = (int64_t)unpack_u64(&u);
	a->name = unpack_span(&u, DIRECTORY_ADDRESS_MAX);
	a->full_name = unpack_span(&u, DIRECTORY_NAME_MAX);
	a->grant_count = (size_t)unpack_varint(&u, DIRECTORY_GRANTS_MAX);
	return list_ok(&u, a->grant_count, grants) &&
	       state >= DIRECTORY_ACTIVE && state <= DIRECTORY_REMOVED;
}

void directory_verifier_write(struct buf *b, const struct directory_verifier *v)
{
	pack_u8(b, DIRECTORY_FORMAT);
	pack_varint(b, v->scopes);
	pack_u64(b, (uint64_t)v->made);
	pack_u64(b, (uint64_t)v->expires);
	pack_span(b, v->label);
	pack_span(b, v->argon2);
	pack_span(b, v->scram);
}

bool directory_verifier_read(struct span row, uint32_t number,
		   struct directory_verifier *v)
{
	struct unpack u = unpack_of(row);
	*v = (struct directory_verifier){.number = number};
	if (unpack_u8(&u) != DIRECTORY_FORMAT)
		return false;
	v->scopes = (uint32_t)unpack_varint(&u, DIRECTORY_ALL);
	v->made = (int64_t)unpack_u64(&u);
	v->expires = (int64_t)unpack_u64(&u);
	v->label = unpack_span(&u, DIRECTORY_LABEL_MAX);
	v->argon2 = unpack_span(&u, DIRECTORY_VERIFIER_MAX);
	v->scram = unpack_span(&u, DIRECTORY_VERIFIER_MAX);
	return unpack_done(&u);
}
