/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory/fsck: rows against each other and against their places.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/ensure.h"
#include "directory/inner.h"

struct fsck {
	struct directory *d;
	struct kv_space *space;
	unsigned partition;
	bool repair;
	directory_fsck_fn *fn;
	void *arg;
	struct directory_fsck_count *count;
	/* The key in hand; bad: it has to go. */
	char key[KV_KEY_MAX + 1];
	size_t key_len;
	bool bad;
};

PRINTF_LIKE(2, 3)
static void finding(struct fsck *f, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->count->wrong++;
	if (f->fn)
		f->fn(f->arg, f->count, text);
}

static bool domain_there(struct fsck *f, struct span address)
{
	struct span local, domain;
	return directory_split(address, &local, &domain) &&
	       directory_domain(f->d, domain);
}

static void check_domain(struct fsck *f, struct span name, struct span value)
{
	struct directory_domain d;
	f->count->domains++;
	f->bad = !directory_domain_read(value, &d);
	if (f->bad)
		finding(f, "domain %.*s: its row is unreadable",
			SPAN_FMT(name));
	else if (directory_partition(name) != f->partition ||
		 !span_eq_nocase(d.name, name)) {
		f->bad = true;
		finding(f, "domain %.*s stands in the wrong place",
			SPAN_FMT(name));
	}
}

static enum kv_result check_user(struct fsck *f, struct span address,
				 struct span value)
{
	struct user_row u;
	struct buf row;
	f->bad = !directory_user_read(value, &u);
	if (f->bad) {
		finding(f, "address %.*s: its row is unreadable",
			SPAN_FMT(address));
		return KV_OK;
	}
	if (directory_partition(address) != f->partition) {
		f->bad = true;
		finding(f, "address %.*s stands in the wrong place",
			SPAN_FMT(address));
	}
	if (!domain_there(f, address))
		finding(f, "address %.*s: the domain is not ours",
			SPAN_FMT(address));
	if (u.kind == DIRECTORY_ALIAS) {
		f->count->aliases++;
		return KV_OK;
	}
	struct directory_key k = directory_key_id('A', u.account);
	buf_init(&row, DIRECTORY_ROW);
	enum kv_result r = directory_row(f->space, KV_VISIBLE, &k, &row);
	buf_free(&row);
	if (r == KV_NONE) {
		f->bad = true;
		finding(f, "address %.*s: account %" PRIu64 " is missing",
			SPAN_FMT(address), u.account);
		r = KV_OK;
	}
	return r;
}

static enum kv_result check_account(struct fsck *f, uint64_t id,
				    struct span value)
{
	struct directory_account a;
	struct span grants;
	struct user_row u;
	struct buf row;
	f->count->accounts++;
	/* A damaged account is told, not removed: mail hangs on its number. */
	if (!directory_account_read(value, id, &a, &grants)) {
		finding(f, "account %" PRIu64 ": its row is unreadable", id);
		return KV_OK;
	}
	if (id % DIRECTORY_PARTITIONS != f->partition)
		finding(f, "account %" PRIu64 " stands in the wrong place", id);
	if (a.state == DIRECTORY_REMOVED)
		return KV_OK;
	struct directory_key k = directory_key_text('U', a.name);
	buf_init(&row, DIRECTORY_ROW);
	enum kv_result r = directory_row(f->space, KV_VISIBLE, &k, &row);
	if (r == KV_NONE || (r == KV_OK && (!directory_user_read(buf_span(&row), &u) ||
					    u.kind != DIRECTORY_ACCOUNT ||
					    u.account != id)))
		finding(f, "account %" PRIu64 ": address %.*s is not its own",
			id, SPAN_FMT(a.name));
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result check_verifier(struct fsck *f, struct span key,
				     struct span value)
{
	struct directory_verifier v;
	struct directory_key k = directory_key_id('A', directory_key_number(key));
	struct buf row;
	f->count->verifiers++;
	f->bad = !directory_verifier_read(value, directory_key_verifier_number(key), &v);
	if (f->bad) {
		finding(f, "account %" PRIu64 ": a verifier is unreadable",
			directory_key_number(key));
		return KV_OK;
	}
	buf_init(&row, DIRECTORY_ROW);
	enum kv_result r = directory_row(f->space, KV_VISIBLE, &k, &row);
	buf_free(&row);
	if (r == KV_NONE) {
		f->bad = true;
		finding(f, "a verifier of account %" PRIu64
			   ", which is missing",
			directory_key_number(key));
		r = KV_OK;
	}
	return r;
}

static enum kv_result check_row(struct fsck *f, struct span key,
				struct span value)
{
	f->bad = false;
	switch (key.ptr[0]) {
	case 'C':
		return KV_OK;
	case 'D':
		check_domain(f, span_skip(key, 1), value);
		return KV_OK;
	case 'U':
		return check_user(f, span_skip(key, 1), value);
	case 'A':
		return check_account(f, directory_key_number(key), value);
	case 'V':
		return check_verifier(f, key, value);
	default:
		f->bad = true;
		finding(f, "a row of a kind that nobody knows");
		return KV_OK;
	}
}

static enum kv_result remove_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct fsck *f = arg;
	(void)op;
	kv_delete(b, span_of(f->key, f->key_len));
	return KV_OK;
}

/* The first row behind the key in hand; one at a time, as a repair may write. */
static enum kv_result next_row(struct fsck *f, struct buf *value)
{
	struct kv_scan *scan;
	struct span key, v;
	enum kv_result r =
		kv_scan_open(f->space, KV_VISIBLE, span_of(f->key, f->key_len),
			     (struct span){0}, false, &scan);
	if (r != KV_OK)
		return r;
	r = kv_scan_next(scan, &key, &v);
	if (r == KV_OK) {
		ENSURE(key.len < sizeof(f->key));
		memcpy(f->key, key.ptr, key.len);
		f->key_len = key.len;
		buf_clear(value);
		buf_add(value, v);
		if (!buf_ok(value))
			r = KV_UNAVAILABLE;
	}
	kv_scan_close(scan);
	return r;
}

static enum kv_result check_partition(struct fsck *f)
{
	struct buf value;
	enum kv_result r;
	f->key_len = 0;
	buf_init(&value, DIRECTORY_ROW);
	while ((r = next_row(f, &value)) == KV_OK) {
		r = check_row(f, span_of(f->key, f->key_len),
			      buf_span(&value));
		if (r == KV_OK && f->bad && f->repair) {
			r = kv_op_wait(f->space, KV_SHRINKS, remove_run, f,
				       NULL);
			f->count->repaired += r == KV_OK;
		}
		if (r != KV_OK)
			break;
		f->key[f->key_len++] = 0;
	}
	buf_free(&value);
	return r == KV_NONE ? KV_OK : r;
}

enum directory_result directory_fsck(struct directory *d, bool repair,
				     directory_fsck_fn *fn, void *arg,
				     struct directory_fsck_count *out)
{
	ENSURE_TAG(d, DIRECTORY_TAG);
	struct fsck f = {
		.d = d, .repair = repair, .fn = fn, .arg = arg, .count = out};
	enum kv_result r = KV_OK;
	*out = (struct directory_fsck_count){0};
	for (unsigned i = 0; i < DIRECTORY_PARTITIONS && r == KV_OK; i++) {
		f.space = d->partition[i].space;
		f.partition = i;
		r = check_partition(&f);
		if (fn)
			fn(arg, out, NULL);
	}
	return directory_from_kv(r);
}
