/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory/directory: open, look up, walk.
 *
 * Every partition is watched.  Our own changes bring their object up to date
 * when they are answered; when a hint says that a partition moved in a way that
 * was not applied (an outcome learnt late), the partition is read again.
 */
#include "directory/directory.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "directory/inner.h"

const char *directory_result_name(enum directory_result r)
{
	static const char *const names[] = {
		[DIRECTORY_OK] = "ok",
		[DIRECTORY_NONE] = "none",
		[DIRECTORY_EXISTS] = "exists",
		[DIRECTORY_BAD] = "bad",
		[DIRECTORY_LIMIT] = "limit",
		[DIRECTORY_IN_USE] = "in use",
		[DIRECTORY_FULL] = "disk full",
		[DIRECTORY_UNAVAILABLE] = "unavailable",
		[DIRECTORY_CORRUPT] = "corrupt",
	};
	ENSURE((unsigned)r < ARRAY_LEN(names));
	return names[r];
}

enum directory_result directory_from_kv(enum kv_result r)
{
	switch (r) {
	case KV_OK:
		return DIRECTORY_OK;
	case KV_NONE:
		return DIRECTORY_NONE;
	case KV_FULL:
		return DIRECTORY_FULL;
	case KV_LIMIT:
		return DIRECTORY_LIMIT;
	case KV_CORRUPT:
		return DIRECTORY_CORRUPT;
	case KV_CONFLICT:
	case KV_UNKNOWN:
	case KV_UNAVAILABLE:
	case KV_REFUSED:
		break;
	}
	return DIRECTORY_UNAVAILABLE;
}

void directory_tell(struct directory *d, uint64_t account)
{
	d->generation++;
	if (d->changed)
		d->changed(d->arg, account);
}

static void moved(struct kv_watch *w, struct kv_space *s, uint64_t version)
{
	struct partition *p = CONTAINER_OF(w, struct partition, watch);
	(void)s;
	if (p->applied == version)
		return;
	/* If it cannot be read now, the next change of it tries again. */
	if (directory_table_reload(p->directory, p->number) != KV_OK)
		p->applied = UINT64_MAX;
	directory_tell(p->directory, 0);
}

static enum kv_result open_all(struct directory *d)
{
	enum kv_result r = KV_OK;
	for (unsigned i = 0; i < DIRECTORY_PARTITIONS && r == KV_OK; i++) {
		struct partition *p = &d->partition[i];
		p->directory = d;
		p->number = i;
		p->watch.moved = moved;
		r = kv_space_open(d->kv, (struct kv_name){KV_DIRECTORY, i},
				  &p->space);
		if (r != KV_OK)
			return r;
		kv_watch_add(p->space, &p->watch);
		r = directory_table_reload(d, i);
	}
	return r;
}

enum directory_result directory_open(struct kv *kv, struct directory **out)
{
	struct directory *d = calloc(1, sizeof(*d));
	*out = NULL;
	if (!d)
		return DIRECTORY_UNAVAILABLE;
	d->tag = DIRECTORY_TAG;
	d->kv = kv;
	d->generation = 1;
	kv_random(kv, d->secret, sizeof(d->secret));
	d->domains = kv_sorted_new();
	d->addresses = kv_sorted_new();
	d->accounts = kv_sorted_new();
	enum kv_result r = d->domains && d->addresses && d->accounts
				   ? open_all(d)
				   : KV_UNAVAILABLE;
	if (r != KV_OK) {
		directory_close(d);
		return directory_from_kv(r);
	}
	*out = d;
	return DIRECTORY_OK;
}

void directory_close(struct directory *d)
{
	if (!d)
		return;
	ENSURE_TAG(d, DIRECTORY_TAG);
	for (unsigned i = 0; i < DIRECTORY_PARTITIONS; i++)
		if (d->partition[i].space) {
			kv_watch_del(&d->partition[i].watch);
			kv_space_close(d->partition[i].space);
		}
	if (d->domains && d->addresses && d->accounts)
		directory_table_clear(d);
	kv_sorted_free(d->domains);
	kv_sorted_free(d->addresses);
	kv_sorted_free(d->accounts);
	d->tag = 0;
	free(d);
}

uint64_t directory_generation(const struct directory *d)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	return d->generation;
}

void directory_on_change(struct directory *d, directory_changed_fn *fn,
			 void *arg)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	d->changed = fn;
	d->arg = arg;
}

void directory_set_postmaster(struct directory *d, struct span address)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	if (address.len > sizeof(d->postmaster_text))
		address.len = 0;
	if (address.len)
		memcpy(d->postmaster_text, address.ptr, address.len);
	d->postmaster = span_of(d->postmaster_text, address.len);
}

void directory_set_separators(struct directory *d, struct span bytes)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	ENSURE(bytes.len <= sizeof d->separators);
	if (bytes.len)
		memcpy(d->separators, bytes.ptr, bytes.len);
	d->separator_count = bytes.len;
}

/* ---- look up ---- */

const struct directory_domain *directory_domain(const struct directory *d,
						struct span name)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	const struct domain_object *o = directory_table_get_text(d->domains, name);
	return o ? &o->domain : NULL;
}

const struct directory_alias *directory_alias(const struct directory *d,
					      struct span address)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	const struct address_object *o = directory_table_get_address(d, address);
	return o && o->alias ? &o->alias->alias : NULL;
}

const struct directory_account *directory_account(const struct directory *d,
						  uint64_t id)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	const struct account_object *o = directory_table_account_by_id(d, id);
	return o ? &o->account : NULL;
}

const struct directory_account *
directory_account_named(const struct directory *d, struct span address)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	const struct address_object *o = directory_table_get_address(d, address);
	return o && o->kind == DIRECTORY_ACCOUNT
		       ? directory_account(d, o->account)
		       : NULL;
}

const struct directory_verifier *
directory_verifiers(const struct directory *d, uint64_t account, size_t *count)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	const struct account_object *o = directory_table_account_by_id(d, account);
	*count = o ? o->verifier_count : 0;
	return *count ? o->verifiers : NULL;
}

/* ---- walk ---- */

/* The first node behind `after`; an empty one starts. */
static struct kv_sorted_node *next_of(const struct kv_sorted *m, struct span after)
{
	struct directory_key k = {.len = 0};
	if (after.len > DIRECTORY_ADDRESS_MAX)
		return NULL;
	for (size_t i = 0; i < after.len; i++)
		k.bytes[k.len++] = ascii_lower(after.ptr[i]);
	if (after.len)
		k.bytes[k.len++] = 0; /* the smallest larger text */
	return kv_sorted_from(m, directory_key_span(&k));
}

const struct directory_domain *directory_domain_next(const struct directory *d,
						     struct span after)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	struct kv_sorted_node *n = next_of(d->domains, after);
	return n ? &((struct domain_object *)(uintptr_t)n->mark)->domain : NULL;
}

const struct directory_alias *directory_alias_next(const struct directory *d,
						   struct span after)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	for (struct kv_sorted_node *n = next_of(d->addresses, after); n;
	     n = kv_sorted_next(n)) {
		struct address_object *o = (void *)(uintptr_t)n->mark;
		if (o->alias)
			return &o->alias->alias;
	}
	return NULL;
}

const struct directory_account *
directory_account_next(const struct directory *d, uint64_t after)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	if (after == UINT64_MAX)
		return NULL;
	struct directory_key k = directory_key_id('A', after + 1);
	struct kv_sorted_node *n =
		kv_sorted_from(d->accounts, span_skip(directory_key_span(&k), 1));
	return n ? &((struct account_object *)(uintptr_t)n->mark)->account
		 : NULL;
}
