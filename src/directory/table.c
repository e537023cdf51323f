/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory/table: rows into objects.
 *
 * An object is replaced as a whole when its row changed; pointers that were
 * handed out are therefore good until the next kv_poll only.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "directory/inner.h"

#define OBJECT_MAX    (256u * 1024u)
#define VERIFIERS_MAX ((DIRECTORY_APPS_MAX + 1) * 1024u)

/* ---- sorted maps of pointers ---- */

void *directory_table_get(const struct kv_sorted *m, struct span lower)
{
	struct kv_sorted_node *n = kv_sorted_find(m, lower);
	return n ? (void *)(uintptr_t)n->mark : NULL;
}

void *directory_table_get_text(const struct kv_sorted *m, struct span text)
{
	if (text.len > DIRECTORY_ADDRESS_MAX)
		return NULL;
	struct directory_key k = directory_key_text('@', text);
	return directory_table_get(m, span_skip(directory_key_span(&k), 1));
}

struct account_object *directory_table_account_by_id(const struct directory *d,
					   uint64_t id)
{
	struct directory_key k = directory_key_id('A', id);
	return directory_table_get(d->accounts, span_skip(directory_key_span(&k), 1));
}

const struct address_object *directory_table_get_address(const struct directory *d,
					       struct span address)
{
	return directory_table_get_text(d->addresses, address);
}

static void domain_free(struct domain_object *o) { free(o); }

static void account_free(struct account_object *o)
{
	arena_free(o->verifier_arena);
	arena_free(o->arena);
}

static void address_free(struct address_object *o)
{
	if (o->alias)
		arena_free(o->alias->arena);
	free(o);
}

static void object_free(void *object, char table)
{
	switch (table) {
	case 'D':
		domain_free(object);
		break;
	case 'U':
		address_free(object);
		break;
	default:
		account_free(object);
	}
}

static void forget(struct kv_sorted *m, struct span lower, char table)
{
	void *object = directory_table_get(m, lower);
	if (!object)
		return;
	kv_sorted_remove(m, lower);
	object_free(object, table);
}

/* In place of what was there; the object is the table's afterwards. */
static enum kv_result table_set(struct directory *d, unsigned partition,
				struct kv_sorted *m, struct span lower,
				struct object *object, char table)
{
	void *old = directory_table_get(m, lower);
	struct kv_sorted_node *n = kv_sorted_put(m, lower, (struct span){0});
	if (!n) {
		object_free(object, table);
		return KV_UNAVAILABLE;
	}
	object->partition = partition;
	object->seen = d->epoch;
	n->mark = (uintptr_t)object;
	if (old)
		object_free(old, table);
	return KV_OK;
}

/* ---- rows ---- */

enum kv_result directory_row(struct kv_space *s, enum kv_view view,
		       const struct directory_key *k, struct buf *row)
{
	buf_clear(row);
	return kv_get(s, view, directory_key_span(k), row);
}

enum kv_result directory_scan(struct kv_space *s, enum kv_view view,
			const struct directory_key *prefix,
			struct kv_scan **out)
{
	struct directory_key end = directory_key_end(prefix);
	return kv_scan_open(s, view, directory_key_span(prefix), directory_key_span(&end), false,
			    out);
}

static struct span copy_to(char **at, struct span s)
{
	struct span out = span_of(*at, s.len);
	if (s.len)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return out;
}

static enum kv_result load_domain(struct directory *d, unsigned partition,
				  struct span lower, struct span row)
{
	struct directory_domain read;
	if (!directory_domain_read(row, &read))
		return KV_CORRUPT;
	struct domain_object *o =
		malloc(sizeof(*o) + read.name.len + read.catch_all.len);
	if (!o)
		return KV_UNAVAILABLE;
	char *at = (char *)(o + 1);
	o->domain = read;
	o->domain.name = copy_to(&at, read.name);
	o->domain.catch_all = copy_to(&at, read.catch_all);
	return table_set(d, partition, d->domains, lower, &o->object, 'D');
}

static bool copy_list(struct arena *a, struct span packed, size_t count,
		      const struct span **out)
{
	struct span *list = ARENA_ARRAY(a, count ? count : 1, struct span);
	if (!list)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct span one;
		if (!directory_list_next(&packed, &one) || !arena_copy(a, one, &list[i]))
			return false;
	}
	*out = list;
	return true;
}

static struct alias_object *alias_new(const struct user_row *u)
{
	struct arena *a = arena_new(OBJECT_MAX);
	struct alias_object *o = a ? ARENA_NEW(a, struct alias_object) : NULL;
	if (o) {
		o->arena = a;
		o->alias.made = u->alias.made;
		o->alias.count = u->target_count;
		if (arena_copy(a, u->alias.address, &o->alias.address) &&
		    copy_list(a, u->targets, u->target_count,
			      &o->alias.targets))
			return o;
	}
	arena_free(a);
	return NULL;
}

static enum kv_result load_address(struct directory *d, unsigned partition,
				   struct span lower, struct span row)
{
	struct user_row u;
	if (!directory_user_read(row, &u))
		return KV_CORRUPT;
	struct address_object *o = calloc(1, sizeof(*o));
	if (!o)
		return KV_UNAVAILABLE;
	o->kind = u.kind;
	o->account = u.account;
	if (u.kind == DIRECTORY_ALIAS)
		o->alias = alias_new(&u);
	if (o->alias || u.kind == DIRECTORY_ACCOUNT)
		return table_set(d, partition, d->addresses, lower, &o->object,
				 'U');
	address_free(o);
	return KV_UNAVAILABLE;
}

static bool copy_verifier(struct arena *a, struct directory_verifier *v)
{
	return arena_copy(a, v->label, &v->label) &&
	       arena_copy(a, v->argon2, &v->argon2) &&
	       arena_copy(a, v->scram, &v->scram);
}

/* Rows V of one account. */
static enum kv_result load_verifiers(struct kv_space *s,
				     struct account_object *o)
{
	struct directory_key prefix = directory_key_id('V', o->account.id);
	struct kv_scan *scan;
	struct span key, value;
	const size_t max = DIRECTORY_APPS_MAX + 1;
	enum kv_result r = directory_scan(s, KV_VISIBLE, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while (o->verifier_count < max &&
	       (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!o->verifier_arena) {
			o->verifier_arena = arena_new(VERIFIERS_MAX);
			o->verifiers =
				o->verifier_arena
					? ARENA_ARRAY(o->verifier_arena, max,
						      struct directory_verifier)
					: NULL;
		}
		struct directory_verifier *v =
			o->verifiers ? &o->verifiers[o->verifier_count] : NULL;
		if (!v)
			r = KV_UNAVAILABLE;
		else if (!directory_verifier_read(value, directory_key_verifier_number(key), v))
			continue; /* nobody logs in with it; fsck tells */
		else if (!copy_verifier(o->verifier_arena, v))
			r = KV_UNAVAILABLE;
		if (r != KV_OK)
			break;
		o->verifier_count++;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result load_account(struct directory *d, unsigned partition,
				   uint64_t id, struct span row)
{
	struct directory_key k = directory_key_id('A', id);
	struct span lower = span_skip(directory_key_span(&k), 1), grants;
	struct directory_account read;
	if (!directory_account_read(row, id, &read, &grants))
		return KV_CORRUPT;
	struct arena *a = arena_new(OBJECT_MAX);
	struct account_object *o =
		a ? ARENA_NEW(a, struct account_object) : NULL;
	if (!o) {
		arena_free(a);
		return KV_UNAVAILABLE;
	}
	o->arena = a;
	o->account = read;
	bool ok = arena_copy(a, read.name, &o->account.name) &&
		  arena_copy(a, read.full_name, &o->account.full_name) &&
		  copy_list(a, grants, read.grant_count, &o->account.grants);
	enum kv_result r =
		ok ? load_verifiers(d->partition[partition].space, o)
		   : KV_UNAVAILABLE;
	if (r == KV_OK)
		return table_set(d, partition, d->accounts, lower, &o->object,
				 'A');
	account_free(o);
	return r;
}

/* ---- one object ---- */

enum kv_result directory_table_domain(struct directory *d, struct span name)
{
	struct directory_key k = directory_key_text('D', name);
	unsigned p = directory_partition(name);
	struct buf row;
	buf_init(&row, DIRECTORY_ROW);
	enum kv_result r =
		directory_row(d->partition[p].space, KV_VISIBLE, &k, &row);
	struct span lower = span_skip(directory_key_span(&k), 1);
	if (r == KV_OK)
		r = load_domain(d, p, lower, buf_span(&row));
	if (r == KV_CORRUPT || r == KV_NONE)
		forget(d->domains, lower, 'D'), r = KV_OK;
	buf_free(&row);
	return r;
}

enum kv_result directory_table_address(struct directory *d, struct span address)
{
	struct directory_key k = directory_key_text('U', address);
	unsigned p = directory_partition(address);
	struct buf row;
	buf_init(&row, DIRECTORY_ROW);
	enum kv_result r =
		directory_row(d->partition[p].space, KV_VISIBLE, &k, &row);
	struct span lower = span_skip(directory_key_span(&k), 1);
	if (r == KV_OK)
		r = load_address(d, p, lower, buf_span(&row));
	if (r == KV_CORRUPT || r == KV_NONE)
		forget(d->addresses, lower, 'U'), r = KV_OK;
	buf_free(&row);
	return r;
}

enum kv_result directory_table_account(struct directory *d, uint64_t id)
{
	struct directory_key k = directory_key_id('A', id);
	unsigned p = id % DIRECTORY_PARTITIONS;
	struct buf row;
	buf_init(&row, DIRECTORY_ROW);
	enum kv_result r =
		directory_row(d->partition[p].space, KV_VISIBLE, &k, &row);
	if (r == KV_OK)
		r = load_account(d, p, id, buf_span(&row));
	if (r == KV_CORRUPT || r == KV_NONE)
		forget(d->accounts, span_skip(directory_key_span(&k), 1), 'A'),
			r = KV_OK;
	buf_free(&row);
	return r;
}

/* ---- a whole partition ---- */

/* Objects of a partition that its last reading did not meet. */
static void forget_unseen(struct directory *d, struct kv_sorted *m, char table,
			  unsigned partition)
{
	struct kv_sorted_node *n = kv_sorted_from(m, (struct span){0});
	while (n) {
		struct kv_sorted_node *next = kv_sorted_next(n);
		const struct object *o = (void *)(uintptr_t)n->mark;
		if (o->partition == partition && o->seen != d->epoch)
			forget(m, n->key, table);
		n = next;
	}
}

static void forget_all(struct kv_sorted *m, char table)
{
	struct kv_sorted_node *n;
	while ((n = kv_sorted_from(m, (struct span){0})))
		forget(m, n->key, table);
}

void directory_table_clear(struct directory *d)
{
	forget_all(d->domains, 'D');
	forget_all(d->addresses, 'U');
	forget_all(d->accounts, 'A');
}

/*
 * An unreadable row is left out: the rest of the directory must go on; fsck
 * tells of it.  When the reading fails on its way, what was known stays known:
 * a disk error must not turn into "no such user".
 */
enum kv_result directory_table_reload(struct directory *d, unsigned partition)
{
	struct partition *p = &d->partition[partition];
	struct kv_scan *scan;
	struct span key, value;
	bool again = p->loaded; /* else nothing of it can be stale */
	p->loaded = true;
	d->epoch++;
	enum kv_result r = kv_scan_open(p->space, KV_VISIBLE, SPAN("A"),
					SPAN("Z"), false, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (key.ptr[0] == 'D')
			r = load_domain(d, partition, span_skip(key, 1),
					value);
		else if (key.ptr[0] == 'U')
			r = load_address(d, partition, span_skip(key, 1),
					 value);
		else if (key.ptr[0] == 'A')
			r = load_account(d, partition, directory_key_number(key),
					 value);
		if (r != KV_OK && r != KV_CORRUPT)
			break;
	}
	kv_scan_close(scan);
	if (r != KV_NONE)
		return r;
	if (again) {
		forget_unseen(d, d->domains, 'D', partition);
		forget_unseen(d, d->addresses, 'U', partition);
		forget_unseen(d, d->accounts, 'A', partition);
	}
	p->applied = kv_version(p->space, KV_VISIBLE);
	return KV_OK;
}
