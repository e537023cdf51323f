/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory/change: one operation in one partition for each verb.
 *
 * What the rows of the partition say is judged on staged state inside the
 * operation.  Whether a domain is ours, or still in use, is asked of the table
 * in memory: these live in other partitions, and a race between two
 * administrators leaves something that fsck names, never a lost row.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "directory/inner.h"

static enum kv_result refuse(struct directory_change *q,
			     enum directory_result why)
{
	q->refusal = why;
	return KV_LIMIT;
}

static enum directory_result result_of(const struct directory_change *q,
				       enum kv_result r)
{
	if (r == KV_LIMIT && q->refusal != DIRECTORY_OK)
		return q->refusal;
	return directory_from_kv(r);
}

/* ---- what can be judged before ---- */

static bool in_use(const struct directory *d, struct span name)
{
	for (struct kv_sorted_node *n =
		     kv_sorted_from(d->addresses, (struct span){0});
	     n; n = kv_sorted_next(n)) {
		struct span local, domain;
		if (directory_split(n->key, &local, &domain) &&
		    span_eq_nocase(domain, name))
			return true;
	}
	return false;
}

static bool ours(const struct directory *d, struct span address)
{
	struct span local, domain;
	return directory_split(address, &local, &domain) &&
	       directory_domain(d, domain);
}

static enum directory_result judge_domain(const struct directory_change *q)
{
	const struct directory_domain *d = &q->domain;
	if (!directory_domain_ok(d->name))
		return DIRECTORY_BAD;
	if (q->verb == DIRECTORY_DOMAIN_REMOVE)
		return in_use(q->directory, d->name) ? DIRECTORY_IN_USE
						     : DIRECTORY_OK;
	if (d->catch_all.len && !directory_address_ok(d->catch_all))
		return DIRECTORY_BAD;
	return DIRECTORY_OK;
}

static enum directory_result judge_alias(const struct directory_change *q)
{
	const struct directory_alias *a = &q->alias;
	size_t bytes = 0;
	if (!directory_address_ok(a->address))
		return DIRECTORY_BAD;
	if (q->verb == DIRECTORY_ALIAS_REMOVE)
		return DIRECTORY_OK;
	if (!ours(q->directory, a->address) || a->count == 0)
		return DIRECTORY_BAD;
	if (a->count > DIRECTORY_TARGETS_MAX)
		return DIRECTORY_LIMIT;
	for (size_t i = 0; i < a->count; i++) {
		if (!directory_address_ok(a->targets[i]))
			return DIRECTORY_BAD;
		bytes += a->targets[i].len + 2;
	}
	return bytes > DIRECTORY_TARGETS_BYTES ? DIRECTORY_LIMIT
					       : DIRECTORY_OK;
}

static enum directory_result judge_account(const struct directory_change *q)
{
	const struct directory_account *a = &q->account;
	if (q->verb == DIRECTORY_ACCOUNT_ADD &&
	    (!directory_address_ok(a->name) || !ours(q->directory, a->name)))
		return DIRECTORY_BAD;
	if (a->full_name.len > DIRECTORY_NAME_MAX ||
	    a->grant_count > DIRECTORY_GRANTS_MAX)
		return DIRECTORY_LIMIT;
	for (size_t i = 0; i < a->grant_count; i++) {
		struct span g = a->grants[i];
		bool domain = g.len && g.ptr[0] == '@';
		if (domain ? !directory_domain_ok(span_skip(g, 1))
			   : !directory_address_ok(g))
			return DIRECTORY_BAD;
	}
	return DIRECTORY_OK;
}

static enum directory_result judge(struct directory_change *q)
{
	const struct directory_verifier *v = &q->verifier;
	switch (q->verb) {
	case DIRECTORY_DOMAIN_PUT:
	case DIRECTORY_DOMAIN_REMOVE:
		q->partition = directory_partition(
			span_sub(q->domain.name, 0, DIRECTORY_ADDRESS_MAX));
		return judge_domain(q);
	case DIRECTORY_ALIAS_PUT:
	case DIRECTORY_ALIAS_REMOVE:
		q->partition = directory_partition(
			span_sub(q->alias.address, 0, DIRECTORY_ADDRESS_MAX));
		return judge_alias(q);
	case DIRECTORY_ACCOUNT_ADD:
		q->partition = directory_partition(
			span_sub(q->account.name, 0, DIRECTORY_ADDRESS_MAX));
		return judge_account(q);
	case DIRECTORY_ACCOUNT_SET:
		q->partition = q->account.id % DIRECTORY_PARTITIONS;
		return judge_account(q);
	case DIRECTORY_VERIFIER_PUT:
		if (v->label.len > DIRECTORY_LABEL_MAX ||
		    v->argon2.len > DIRECTORY_VERIFIER_MAX ||
		    v->scram.len > DIRECTORY_VERIFIER_MAX ||
		    v->scopes > DIRECTORY_ALL)
			return DIRECTORY_LIMIT;
		/* fall through */
	case DIRECTORY_ACCOUNT_REMOVE:
	case DIRECTORY_ACCOUNT_FORGET:
	case DIRECTORY_VERIFIER_REMOVE:
		q->partition = q->account.id % DIRECTORY_PARTITIONS;
		return DIRECTORY_OK;
	}
	return DIRECTORY_BAD;
}

/* ---- rows ---- */

static enum kv_result load_user(struct kv_op *op, struct span address,
				struct user_row *u, struct buf *row)
{
	struct directory_key k = directory_key_text('U', address);
	enum kv_result r = directory_row(op->space, KV_STAGED, &k, row);
	if (r == KV_OK && !directory_user_read(buf_span(row), u))
		r = KV_CORRUPT;
	return r;
}

/* Spans borrow the row. */
static enum kv_result load_account_row(struct kv_op *op, uint64_t id,
				       struct directory_account *a,
				       struct span *grants, struct buf *row)
{
	struct directory_key k = directory_key_id('A', id);
	enum kv_result r = directory_row(op->space, KV_STAGED, &k, row);
	if (r == KV_OK && !directory_account_read(buf_span(row), id, a, grants))
		r = KV_CORRUPT;
	return r;
}

static enum kv_result put_row(struct kv_batch *b, const struct directory_key *k,
			      struct buf *row)
{
	enum kv_result r = buf_ok(row)      ? KV_OK
			   : buf_short(row) ? KV_UNAVAILABLE
					    : KV_LIMIT;
	if (r == KV_OK)
		kv_put_row(b, directory_key_span(k), row);
	return r;
}

static enum kv_result put_account(struct kv_batch *b,
				  const struct directory_account *a)
{
	struct directory_key k = directory_key_id('A', a->id);
	struct buf row;
	buf_init(&row, DIRECTORY_ROW);
	directory_account_write(&row, a);
	enum kv_result r = put_row(b, &k, &row);
	buf_free(&row);
	return r;
}

static enum kv_result put_user(struct kv_batch *b, struct span address,
			       uint64_t account)
{
	struct directory_key k = directory_key_text('U', address);
	struct buf row;
	buf_init(&row, DIRECTORY_ROW);
	directory_user_write_account(&row, account);
	enum kv_result r = put_row(b, &k, &row);
	buf_free(&row);
	return r;
}

/* ---- verbs ---- */

static enum kv_result domain_run(struct directory_change *q, struct kv_op *op,
				 struct kv_batch *b, struct buf *row)
{
	struct directory_key k = directory_key_text('D', q->domain.name);
	struct directory_domain old, new = q->domain;
	enum kv_result r = directory_row(op->space, KV_STAGED, &k, row);
	if (r != KV_OK && r != KV_NONE)
		return r;
	bool there = r == KV_OK;
	if (q->verb == DIRECTORY_DOMAIN_REMOVE) {
		if (!there)
			return refuse(q, DIRECTORY_NONE);
		kv_delete(b, directory_key_span(&k));
		return KV_OK;
	}
	if (there && q->fresh)
		return refuse(q, DIRECTORY_EXISTS);
	new.made = there && directory_domain_read(buf_span(row), &old)
			   ? old.made
			   : kv_now(q->directory->kv);
	buf_clear(row);
	directory_domain_write(row, &new);
	return put_row(b, &k, row);
}

static enum kv_result alias_run(struct directory_change *q, struct kv_op *op,
				struct kv_batch *b, struct buf *row)
{
	struct directory_key k = directory_key_text('U', q->alias.address);
	struct directory_alias new = q->alias;
	struct user_row u = {0};
	enum kv_result r = load_user(op, q->alias.address, &u, row);
	if (r != KV_OK && r != KV_NONE)
		return r;
	bool alias = r == KV_OK && u.kind == DIRECTORY_ALIAS;
	if (q->verb == DIRECTORY_ALIAS_REMOVE) {
		if (!alias)
			return refuse(q, DIRECTORY_NONE);
		kv_delete(b, directory_key_span(&k));
		return KV_OK;
	}
	if (r == KV_OK && (!alias || q->fresh))
		return refuse(q, DIRECTORY_EXISTS);
	new.made = alias ? u.alias.made : kv_now(q->directory->kv);
	buf_clear(row);
	directory_user_write_alias(row, &new);
	return put_row(b, &k, row);
}

static enum kv_result account_add(struct directory_change *q, struct kv_op *op,
				  struct kv_batch *b, struct buf *row)
{
	struct directory_key c = directory_key_kind('C');
	struct directory_account a = q->account;
	struct user_row u;
	uint64_t count = 1;
	enum kv_result r = load_user(op, a.name, &u, row);
	if (r == KV_OK)
		return refuse(q, DIRECTORY_EXISTS);
	if (r == KV_NONE)
		r = directory_row(op->space, KV_STAGED, &c, row);
	if (r != KV_OK && r != KV_NONE)
		return r;
	if (r == KV_OK) {
		struct unpack un = unpack_of(buf_span(row));
		if (unpack_u8(&un) != DIRECTORY_FORMAT)
			return KV_CORRUPT;
		count = unpack_u64(&un);
		if (!unpack_done(&un) || count >= UINT64_MAX / 256)
			return KV_CORRUPT;
	}
	a.id = count * DIRECTORY_PARTITIONS + q->partition;
	a.state = DIRECTORY_ACTIVE;
	a.made = kv_now(q->directory->kv);
	a.removed = 0;
	q->account.id = a.id;
	buf_clear(row);
	pack_u8(row, DIRECTORY_FORMAT);
	pack_u64(row, count + 1);
	r = put_row(b, &c, row);
	if (r == KV_OK)
		r = put_user(b, a.name, a.id);
	return r == KV_OK ? put_account(b, &a) : r;
}

static enum kv_result account_set(struct directory_change *q, struct kv_op *op,
				  struct kv_batch *b, struct buf *row)
{
	struct directory_account a, *want = &q->account;
	struct span grants;
	struct user_row u;
	struct buf urow;
	enum kv_result r = load_account_row(op, want->id, &a, &grants, row);
	if (r == KV_NONE)
		return refuse(q, DIRECTORY_NONE);
	if (r != KV_OK)
		return r;
	bool back = a.state == DIRECTORY_REMOVED &&
		    want->state != DIRECTORY_REMOVED;
	if (want->state == DIRECTORY_REMOVED && !back &&
	    a.state != DIRECTORY_REMOVED)
		return refuse(q, DIRECTORY_BAD); /* that is another verb */
	a.full_name = want->full_name;
	a.state = want->state;
	a.quota_bytes = want->quota_bytes;
	a.quota_messages = want->quota_messages;
	a.grants = want->grants;
	a.grant_count = want->grant_count;
	if (back) {
		a.removed = 0;
		buf_init(&urow, DIRECTORY_ROW);
		r = load_user(op, a.name, &u, &urow);
		buf_free(&urow);
		if (r == KV_OK)
			return refuse(q, DIRECTORY_EXISTS);
		if (r == KV_NONE)
			r = put_user(b, a.name, a.id);
		if (r != KV_OK)
			return r;
	}
	return put_account(b, &a);
}

/* Grants as they stand, for a row that is written again. */
static enum kv_result with_grants(struct directory_account *a,
				  struct span packed,
				  struct span list[DIRECTORY_GRANTS_MAX])
{
	for (size_t i = 0; i < a->grant_count; i++)
		if (!directory_list_next(&packed, &list[i]))
			return KV_CORRUPT;
	a->grants = list;
	return KV_OK;
}

static enum kv_result account_remove(struct directory_change *q,
				     struct kv_op *op, struct kv_batch *b,
				     struct buf *row)
{
	struct directory_account a;
	struct span grants, list[DIRECTORY_GRANTS_MAX];
	enum kv_result r =
		load_account_row(op, q->account.id, &a, &grants, row);
	if (r == KV_NONE || (r == KV_OK && a.state == DIRECTORY_REMOVED))
		return refuse(q, DIRECTORY_NONE);
	if (r == KV_OK)
		r = with_grants(&a, grants, list);
	if (r != KV_OK)
		return r;
	struct directory_key k = directory_key_text('U', a.name);
	kv_delete(b, directory_key_span(&k));
	a.state = DIRECTORY_REMOVED;
	a.removed = kv_now(q->directory->kv);
	return put_account(b, &a);
}

/* Every V row of the account; count: how many, top: the largest number. */
static enum kv_result walk_verifiers(struct kv_op *op, uint64_t id,
				     struct kv_batch *delete, uint32_t *count,
				     uint32_t *top)
{
	struct directory_key prefix = directory_key_id('V', id);
	struct kv_scan *scan;
	struct span key, value;
	*count = *top = 0;
	enum kv_result r = directory_scan(op->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		++*count;
		*top = directory_key_verifier_number(key);
		if (delete)
			kv_delete(delete, key);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result account_forget(struct directory_change *q,
				     struct kv_op *op, struct kv_batch *b,
				     struct buf *row)
{
	struct directory_key k = directory_key_id('A', q->account.id);
	struct directory_account a;
	struct span grants;
	uint32_t count, top;
	enum kv_result r =
		load_account_row(op, q->account.id, &a, &grants, row);
	if (r == KV_NONE || (r == KV_OK && a.state != DIRECTORY_REMOVED))
		return refuse(q, DIRECTORY_NONE);
	if (r != KV_OK)
		return r;
	kv_delete(b, directory_key_span(&k));
	return walk_verifiers(op, a.id, b, &count, &top);
}

static enum kv_result verifier_run(struct directory_change *q,
				   struct kv_op *op, struct kv_batch *b,
				   struct buf *row)
{
	struct directory_account a;
	struct span grants;
	struct directory_verifier v = q->verifier;
	uint32_t count, top;
	enum kv_result r =
		load_account_row(op, q->account.id, &a, &grants, row);
	if (r == KV_NONE)
		return refuse(q, DIRECTORY_NONE);
	if (r == KV_OK)
		r = walk_verifiers(op, q->account.id, NULL, &count, &top);
	if (r != KV_OK)
		return r;
	bool new = q->verb == DIRECTORY_VERIFIER_PUT && v.number == UINT32_MAX;
	if (new) {
		if (count > DIRECTORY_APPS_MAX || top == UINT32_MAX - 1)
			return refuse(q, DIRECTORY_LIMIT);
		v.number = top + 1;
	}
	struct directory_key k = directory_key_verifier(q->account.id, v.number);
	r = directory_row(op->space, KV_STAGED, &k, row);
	if (r != KV_OK && r != KV_NONE)
		return r;
	bool there = r == KV_OK;
	if (!there && !new &&
	    (q->verb == DIRECTORY_VERIFIER_REMOVE || v.number != 0))
		return refuse(q, DIRECTORY_NONE);
	if (q->verb == DIRECTORY_VERIFIER_REMOVE) {
		kv_delete(b, directory_key_span(&k));
		return KV_OK;
	}
	v.made = kv_now(q->directory->kv);
	q->made = v.number;
	buf_clear(row);
	directory_verifier_write(row, &v);
	return put_row(b, &k, row);
}

static enum kv_result change_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct directory_change *q = arg;
	struct buf row;
	enum kv_result r = KV_UNAVAILABLE;
	q->refusal = DIRECTORY_OK;
	buf_init(&row, DIRECTORY_ROW);
	switch (q->verb) {
	case DIRECTORY_DOMAIN_PUT:
	case DIRECTORY_DOMAIN_REMOVE:
		r = domain_run(q, op, b, &row);
		break;
	case DIRECTORY_ALIAS_PUT:
	case DIRECTORY_ALIAS_REMOVE:
		r = alias_run(q, op, b, &row);
		break;
	case DIRECTORY_ACCOUNT_ADD:
		r = account_add(q, op, b, &row);
		break;
	case DIRECTORY_ACCOUNT_SET:
		r = account_set(q, op, b, &row);
		break;
	case DIRECTORY_ACCOUNT_REMOVE:
		r = account_remove(q, op, b, &row);
		break;
	case DIRECTORY_ACCOUNT_FORGET:
		r = account_forget(q, op, b, &row);
		break;
	case DIRECTORY_VERIFIER_PUT:
	case DIRECTORY_VERIFIER_REMOVE:
		r = verifier_run(q, op, b, &row);
		break;
	}
	buf_free(&row);
	return r;
}

/* ---- afterwards ---- */

static enum kv_result apply_account(struct directory *d, uint64_t id)
{
	const struct account_object *old = directory_table_account_by_id(d, id);
	char text[DIRECTORY_ADDRESS_MAX];
	struct span name = {0};
	if (old) {
		name = old->account.name;
		memcpy(text, name.ptr, name.len);
		name.ptr = text;
	}
	enum kv_result r = directory_table_account(d, id);
	const struct account_object *new = directory_table_account_by_id(d, id);
	if (r == KV_OK && new)
		r = directory_table_address(d, new->account.name);
	else if (r == KV_OK && name.len)
		r = directory_table_address(d, name);
	return r;
}

static enum kv_result apply(struct directory_change *q)
{
	struct directory *d = q->directory;
	switch (q->verb) {
	case DIRECTORY_DOMAIN_PUT:
	case DIRECTORY_DOMAIN_REMOVE:
		return directory_table_domain(d, q->domain.name);
	case DIRECTORY_ALIAS_PUT:
	case DIRECTORY_ALIAS_REMOVE:
		return directory_table_address(d, q->alias.address);
	default:
		return apply_account(d, q->account.id);
	}
}

static void change_done(void *arg, enum kv_result r, uint64_t version)
{
	struct directory_change *q = arg;
	struct directory *d = q->directory;
	struct partition *p = &d->partition[q->partition];
	enum directory_result result = result_of(q, r);
	if (result == DIRECTORY_OK) {
		if (q->verb == DIRECTORY_VERIFIER_PUT)
			q->verifier.number = q->made;
		/* Read at a state that may be newer: never older. */
		bool next = version == p->applied + 1;
		if (apply(q) == KV_OK && next)
			p->applied = version;
		bool account = q->verb >= DIRECTORY_ACCOUNT_ADD;
		directory_tell(d, account ? q->account.id : 0);
	}
	q->done(q->arg, result);
}

enum directory_result directory_change(struct directory *d,
				       struct directory_change *q,
				       directory_done_fn *done, void *arg)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	q->directory = d;
	q->done = done;
	q->arg = arg;
	q->refusal = judge(q);
	if (q->refusal != DIRECTORY_OK)
		return q->refusal;
	bool shrinks = q->verb == DIRECTORY_DOMAIN_REMOVE ||
		       q->verb == DIRECTORY_ALIAS_REMOVE ||
		       q->verb == DIRECTORY_ACCOUNT_REMOVE ||
		       q->verb == DIRECTORY_ACCOUNT_FORGET ||
		       q->verb == DIRECTORY_VERIFIER_REMOVE ||
		       /* a password must be changeable on a full disk */
		       q->verb == DIRECTORY_VERIFIER_PUT;
	return result_of(q, kv_op_run(d->partition[q->partition].space,
				      shrinks ? KV_SHRINKS : 0, change_run,
				      change_done, q));
}
