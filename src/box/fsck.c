/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/fsck: collect what pages say and what cold rows say, put both in one
 * list by UID, compare.  Nothing that was read is trusted to agree with anything
 * else.
 */
#include "box/fsck.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "box/fsck_inner.h"
#include "crypto/hash.h"

#define DAMAGED_CHUNK 65536u
#define WALK_ROWS     64u /* between two pauses */

struct fsck {
	struct box *box;
	unsigned how;
	box_fsck_fn *fn;
	void *arg;
	struct box_fsck_count *count;
	struct found_box *boxes;
	size_t box_count, box_cap;
	bool quiet; /* a first look, with pauses: nothing is reported */
};

static void progress(struct fsck *f)
{
	if (f->fn)
		f->fn(f->arg, f->count, NULL);
}

/* A scan that lets others have their turn in a first look. */
struct walk {
	struct kv_scan *scan;
	struct box_key at, end;
	unsigned rows;
};

static enum kv_result walk_open(struct fsck *f, struct walk *w,
				const struct box_key *prefix)
{
	*w = (struct walk){.at = *prefix, .end = box_key_end(prefix)};
	return kv_scan_open(f->box->space, KV_VISIBLE, box_key_span(&w->at),
			    box_key_span(&w->end), false, &w->scan);
}

static void walk_close(struct walk *w)
{
	kv_scan_close(w->scan);
	w->scan = NULL;
}

static enum kv_result walk_next(struct fsck *f, struct walk *w,
				struct span *key, struct span *value)
{
	if (f->quiet && w->rows++ % WALK_ROWS == WALK_ROWS - 1 &&
	    w->at.len < sizeof(w->at.bytes)) {
		walk_close(w);
		progress(f);
		w->at.bytes[w->at.len++] = 0; /* behind the last one */
		enum kv_result r = kv_scan_open(
			f->box->space, KV_VISIBLE, box_key_span(&w->at),
			box_key_span(&w->end), false, &w->scan);
		if (r != KV_OK)
			return r;
	}
	enum kv_result r = kv_scan_next(w->scan, key, value);
	if (r == KV_OK && key->len <= sizeof(w->at.bytes)) {
		memcpy(w->at.bytes, key->ptr, key->len);
		w->at.len = key->len;
	}
	return r;
}

PRINTF_LIKE(3, 4)
static void finding(struct fsck *f, struct found_box *fb, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fb)
		fb->wrong++;
	if (f->quiet)
		return;
	f->count->wrong++;
	if (f->fn)
		f->fn(f->arg, f->count, text);
}

/* ---- collecting ---- */

static struct found_box *box_of(struct fsck *f, uint32_t mailbox)
{
	for (size_t i = 0; i < f->box_count; i++)
		if (f->boxes[i].mailbox == mailbox)
			return &f->boxes[i];
	if (f->box_count == f->box_cap) {
		size_t cap = f->box_cap ? f->box_cap * 2 : 16;
		struct found_box *more =
			realloc(f->boxes, cap * sizeof(*more));
		if (!more)
			return NULL;
		f->boxes = more;
		f->box_cap = cap;
	}
	struct found_box *fb = &f->boxes[f->box_count++];
	*fb = (struct found_box){.mailbox = mailbox};
	return fb;
}

static struct found_mail *mail_add(struct found_box *fb, uint32_t uid)
{
	if (fb->count == fb->cap) {
		size_t cap = fb->cap ? fb->cap * 2 : 256;
		struct found_mail *more =
			realloc(fb->mails, cap * sizeof(*more));
		if (!more)
			return NULL;
		fb->mails = more;
		fb->cap = cap;
	}
	struct found_mail *m = &fb->mails[fb->count++];
	*m = (struct found_mail){.uid = uid};
	return m;
}

static enum kv_result collect_names(struct fsck *f)
{
	struct box_key k = box_key_kind('N');
	struct kv_scan *scan;
	struct span key, value;
	struct name_row n;
	enum kv_result r = box_scan_prefix(f->box->space, KV_VISIBLE, &k, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		struct span name = span_skip(key, 1);
		if (!box_name_read(value, &n)) {
			finding(f, NULL, "name \"%.*s\" is unreadable",
				SPAN_FMT(name));
			continue;
		}
		if (!n.mailbox)
			continue;
		struct found_box *fb = box_of(f, n.mailbox);
		if (!fb) {
			r = KV_UNAVAILABLE;
			break;
		}
		if (fb->named)
			finding(f, NULL,
				"mailbox %" PRIu32 " has two names, "
				"the second is \"%.*s\"",
				n.mailbox, SPAN_FMT(name));
		fb->named = true;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static bool slots_add(struct fsck *f, struct found_box *fb,
		      const struct page *p)
{
	for (uint32_t i = 0; i < BOX_PAGE; i++) {
		const struct slot *s = &p->slot[i];
		uint32_t uid = p->index * BOX_PAGE + i;
		if (!s->alive)
			continue;
		struct found_mail *m = mail_add(fb, uid);
		if (!m)
			return false;
		m->slot = true;
		m->flags = s->flags;
		m->keywords = s->keywords;
		m->modseq = s->modseq;
		if (uid == 0 || uid >= fb->head.uid_next)
			finding(f, fb,
				"mailbox %" PRIu32 ": UID %" PRIu32
				" is not below UIDNEXT",
				fb->mailbox, uid);
		if (s->modseq > fb->head.version)
			finding(f, fb,
				"mailbox %" PRIu32 ": MODSEQ of UID %" PRIu32
				" is above HIGHESTMODSEQ",
				fb->mailbox, uid);
	}
	return true;
}

static enum kv_result collect_pages(struct fsck *f, struct found_box *fb)
{
	struct box_key k = box_key_mailbox('P', fb->mailbox);
	struct page *page = malloc(sizeof(*page));
	struct walk w;
	struct span key, value;
	if (!page)
		return KV_UNAVAILABLE;
	enum kv_result r = walk_open(f, &w, &k);
	while (r == KV_OK &&
	       (r = walk_next(f, &w, &key, &value)) == KV_OK) {
		uint32_t index = box_key_number(key, 5);
		bool ok = box_page_read(value, index, page) &&
			  (!fb->headed || index < fb->head.tail.index);
		if (!ok) {
			finding(f, fb,
				"mailbox %" PRIu32 ": page %" PRIu32
				" is unreadable or misplaced",
				fb->mailbox, index);
			ok = mail_add(fb, index * BOX_PAGE) != NULL;
		} else {
			ok = slots_add(f, fb, page);
		}
		if (!ok)
			r = KV_UNAVAILABLE;
	}
	walk_close(&w);
	if (r == KV_NONE)
		r = !fb->headed || slots_add(f, fb, &fb->head.tail)
			    ? KV_OK
			    : KV_UNAVAILABLE;
	free(page);
	return r;
}

/* ---- bodies ---- */

static bool body_right(struct fsck *f, const struct found_mail *m)
{
	uint64_t size, at = 0;
	uint32_t crc = 0;
	struct buf b;
	f->count->bodies++;
	if (kv_body_size(f->box->kv, &m->body, &size) != KV_OK ||
	    size != m->body_size)
		return false;
	if (!(f->how & BOX_FSCK_DEEP))
		return true;
	buf_init(&b, DAMAGED_CHUNK);
	while (at < size) {
		progress(f);
		buf_clear(&b);
		if (kv_body_read(f->box->kv, &m->body, at, DAMAGED_CHUNK, &b) !=
			    KV_OK ||
		    buf_len(&b) == 0)
			break;
		crc = crc32c(crc, buf_span(&b));
		at += buf_len(&b);
	}
	buf_free(&b);
	return at == size && crc == m->body_crc;
}

/* It may have been expunged since its row was read, and swept. */
static bool still_there(struct fsck *f, const struct found_box *fb, uint32_t uid)
{
	struct cold c;
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_cold_load(f->box->space, KV_VISIBLE, fb->mailbox,
					 uid, &row, &c);
	buf_free(&row);
	return r != KV_NONE;
}

static void check_bodies(struct fsck *f, struct found_box *fb)
{
	for (size_t i = 0; i < fb->count; i++) {
		struct found_mail *m = &fb->mails[i];
		if (!m->row || body_right(f, m) || !still_there(f, fb, m->uid))
			continue;
		m->damaged = true;
		f->count->damaged++;
		finding(f, fb,
			"mailbox %" PRIu32 ": the body of message %" PRIu32
			" is missing or changed",
			fb->mailbox, m->uid);
	}
}

static int by_uid(const void *a, const void *b)
{
	const struct found_mail *x = a, *y = b;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static struct found_mail *mail_find(struct found_box *fb, size_t n,
				    uint32_t uid)
{
	struct found_mail key = {.uid = uid};
	return n ? bsearch(&key, fb->mails, n, sizeof(key), by_uid) : NULL;
}

static bool check_row(struct fsck *f, struct found_box *fb, size_t slots,
		      uint32_t uid, struct span value)
{
	struct cold c;
	struct found_mail *m = mail_find(fb, slots, uid);
	if (!m && !(m = mail_add(fb, uid)))
		return false;
	if (!box_cold_read(value, &c)) {
		m->bad_row = true;
		finding(f, fb,
			"mailbox %" PRIu32 ": message row %" PRIu32
			" is unreadable",
			fb->mailbox, uid);
		return true;
	}
	m->row = true;
	m->size = c.message.size;
	f->count->messages++;
	f->count->bytes += c.message.size;
	if (!m->slot)
		finding(f, fb,
			"mailbox %" PRIu32 ": message %" PRIu32
			" has no slot in its page",
			fb->mailbox, uid);
	m->body = c.message.body;
	m->body_size = c.message.body_size;
	m->body_crc = c.message.body_crc;
	return true;
}

static enum kv_result collect_rows(struct fsck *f, struct found_box *fb)
{
	struct box_key k = box_key_mailbox('M', fb->mailbox);
	struct walk w;
	struct span key, value;
	if (fb->count)
		qsort(fb->mails, fb->count, sizeof(*fb->mails), by_uid);
	size_t slots = fb->count;
	enum kv_result r = walk_open(f, &w, &k);
	if (r != KV_OK)
		return r;
	while ((r = walk_next(f, &w, &key, &value)) == KV_OK)
		if (!check_row(f, fb, slots, box_key_number(key, 5), value)) {
			r = KV_UNAVAILABLE;
			break;
		}
	walk_close(&w);
	if (fb->count)
		qsort(fb->mails, fb->count, sizeof(*fb->mails), by_uid);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result collect_log(struct fsck *f, struct found_box *fb)
{
	struct box_key k = box_key_mailbox('L', fb->mailbox);
	struct walk w;
	struct span key, value;
	enum kv_result r = walk_open(f, &w, &k);
	if (r != KV_OK)
		return r;
	while ((r = walk_next(f, &w, &key, &value)) == KV_OK) {
		fb->log_rows++;
		if (!box_log_read(value, NULL, NULL, NULL))
			finding(f, fb,
				"mailbox %" PRIu32 ": a row of the log is "
				"unreadable",
				fb->mailbox);
	}
	walk_close(&w);
	return r == KV_NONE ? KV_OK : r;
}

/* ---- judging ---- */

static void judge(struct fsck *f, struct found_box *fb)
{
	struct head now = {0};
	for (size_t i = 0; i < fb->count; i++) {
		const struct found_mail *m = &fb->mails[i];
		if (m->slot && !m->row)
			finding(f, fb,
				"mailbox %" PRIu32 ": slot %" PRIu32
				" has no message",
				fb->mailbox, m->uid);
		if (!m->slot)
			continue;
		now.messages++;
		now.bytes += m->size;
		now.unseen += !(m->flags & BOX_SEEN);
		now.deleted += (m->flags & BOX_DELETED) != 0;
	}
	const struct head *h = &fb->head;
	if (fb->headed &&
	    (h->messages != now.messages || h->bytes != now.bytes ||
	     h->unseen != now.unseen || h->deleted != now.deleted))
		finding(f, fb,
			"mailbox %" PRIu32 ": counts are %" PRIu32
			" messages, %" PRIu32 " unseen, %" PRIu64
			" bytes; counted %" PRIu32 ", %" PRIu32 ", %" PRIu64,
			fb->mailbox, h->messages, h->unseen, h->bytes,
			now.messages, now.unseen, now.bytes);
	if (fb->headed && h->log_rows != fb->log_rows)
		finding(f, fb, "mailbox %" PRIu32 ": the log has %" PRIu32
			" rows, not %" PRIu32,
			fb->mailbox, fb->log_rows, h->log_rows);
	if (fb->headed && h->version > kv_version(f->box->space, KV_VISIBLE))
		finding(f, fb,
			"mailbox %" PRIu32 ": HIGHESTMODSEQ is above the "
			"account's version",
			fb->mailbox);
}

/* Everything but the bodies. */
static enum kv_result look_at(struct fsck *f, struct found_box *fb)
{
	enum kv_result r = box_head_load(f->box->space, KV_VISIBLE, fb->mailbox,
				     true, &fb->head);
	fb->headed = r == KV_OK;
	if (r == KV_NONE || r == KV_CORRUPT) {
		fb->head = (struct head){.uid_next = UINT32_MAX,
					 .version = UINT64_MAX};
		finding(f, fb, "mailbox %" PRIu32 ": the head is %s",
			fb->mailbox, r == KV_NONE ? "missing" : "unreadable");
	} else if (r != KV_OK) {
		return r;
	}
	if (!fb->named)
		finding(f, fb, "mailbox %" PRIu32 " has no name", fb->mailbox);
	r = collect_pages(f, fb);
	if (r == KV_OK)
		r = collect_rows(f, fb);
	if (r == KV_OK)
		r = collect_log(f, fb);
	if (r == KV_OK)
		judge(f, fb);
	return r;
}

/*
 * The account changes in the pauses of a first look, which may so seem wrong:
 * then a second one, without pauses, decides.
 */
static enum kv_result look_twice(struct fsck *f, struct found_box *fb)
{
	const struct box_fsck_count before = *f->count;
	const struct found_box fresh = *fb;
	f->quiet = !(f->how & BOX_FSCK_REPAIR);
	enum kv_result r = look_at(f, fb);
	if (!f->quiet || (r == KV_OK && fb->wrong == fresh.wrong)) {
		f->quiet = false;
		return r;
	}
	f->quiet = false;
	free(fb->mails);
	*fb = fresh;
	*f->count = before;
	return look_at(f, fb);
}

static enum kv_result check_box(struct fsck *f, struct found_box *fb)
{
	f->count->mailboxes++;
	enum kv_result r = look_twice(f, fb);
	if (r == KV_OK)
		check_bodies(f, fb);
	if (r == KV_OK && fb->wrong && (f->how & BOX_FSCK_REPAIR)) {
		r = box_fsck_repair(f->box, fb);
		f->count->repaired += fb->repaired;
	}
	free(fb->mails);
	fb->mails = NULL;
	fb->count = fb->cap = 0;
	if (r == KV_OK)
		progress(f);
	return r;
}

/* Heads that no name leads to. */
static enum kv_result collect_heads(struct fsck *f)
{
	struct box_key k = box_key_kind('H');
	struct kv_scan *scan;
	struct span key, value;
	enum kv_result r = box_scan_prefix(f->box->space, KV_VISIBLE, &k, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK)
		if (!box_of(f, box_key_number(key, 1))) {
			r = KV_UNAVAILABLE;
			break;
		}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static bool cold_of(char kind, struct span value, struct cold *c)
{
	struct gone_row gone;
	if (kind != 'E')
		return box_cold_read(value, c);
	return box_gone_read(value, &gone) && box_cold_read(gone.cold, c);
}

static enum kv_result name_bodies(struct box *b, char kind, box_body_fn *fn,
				  void *arg)
{
	struct box_key k = box_key_kind(kind);
	struct kv_scan *scan;
	struct span key, value;
	struct cold c;
	enum kv_result r = box_scan_prefix(b->space, KV_VISIBLE, &k, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!cold_of(kind, value, &c)) {
			r = KV_CORRUPT; /* a sweep must not guess */
			break;
		}
		fn(arg, &c.message.body);
		if (c.summary_kept)
			fn(arg, &c.summary_id);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

enum box_result box_bodies(struct box *b, box_body_fn *fn, void *arg)
{
	ENSURE_TAG(b, BOX_TAG);
	enum kv_result r = name_bodies(b, 'M', fn, arg);
	return box_from_kv(r == KV_OK ? name_bodies(b, 'E', fn, arg) : r);
}

/* ---- what is gone ---- */

/* Takes away what it cannot read: nothing can have it back. */
static enum kv_result mend_gone(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_key k = box_key_kind('E');
	struct kv_scan *scan;
	struct span key, value;
	struct cold c;
	bool *more = arg;
	*more = false;
	enum kv_result r = box_scan_prefix(op->space, KV_STAGED, &k, &scan);
	if (r != KV_OK)
		return r;
	while (!*more && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (cold_of('E', value, &c))
			continue;
		*more = kv_batch_rows(b) == WALK_ROWS;
		if (!*more)
			kv_delete(b, key);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result check_gone(struct fsck *f)
{
	struct box_key k = box_key_kind('E');
	uint64_t wrong = f->count->wrong;
	struct walk w;
	struct span key, value;
	struct cold c;
	enum kv_result r = walk_open(f, &w, &k);
	if (r != KV_OK)
		return r;
	while ((r = walk_next(f, &w, &key, &value)) == KV_OK)
		if (!cold_of('E', value, &c))
			finding(f, NULL,
				"mailbox %" PRIu32 ": expunged message %" PRIu32
				" is unreadable",
				box_gone_mailbox(key), box_gone_uid(key));
	walk_close(&w);
	if (r == KV_NONE)
		r = KV_OK;
	wrong = f->count->wrong - wrong;
	bool more = wrong > 0 && (f->how & BOX_FSCK_REPAIR);
	if (more)
		f->count->repaired += wrong;
	while (r == KV_OK && more)
		r = kv_op_wait(f->box->space, KV_SHRINKS, mend_gone, &more,
			       NULL);
	return r;
}

static void tell_finding(void *arg, const char *what)
{
	finding(arg, NULL, "%s", what);
}

/* Annotations and rights of all mailboxes. */
static enum kv_result check_attached(struct fsck *f)
{
	struct annotation_look look = {tell_finding, f};
	uint64_t wrong = f->count->wrong;
	bool repair = f->how & BOX_FSCK_REPAIR;
	enum kv_result r = box_fsck_annotations(f->box, &look, repair);
	if (r == KV_OK)
		r = box_fsck_rights(f->box, &look, repair);
	if (r == KV_OK && repair)
		f->count->repaired += f->count->wrong - wrong;
	return r;
}

enum box_result box_fsck(struct box *b, unsigned how, box_fsck_fn *fn,
			 void *arg, struct box_fsck_count *out)
{
	ENSURE_TAG(b, BOX_TAG);
	struct fsck f = {.box = b, .how = how, .fn = fn, .arg = arg, .count = out};
	*out = (struct box_fsck_count){0};
	enum kv_result r = collect_names(&f);
	if (r == KV_OK)
		r = collect_heads(&f);
	for (size_t i = 0; r == KV_OK && i < f.box_count; i++)
		r = check_box(&f, &f.boxes[i]);
	if (r == KV_OK)
		r = check_gone(&f);
	if (r == KV_OK)
		r = check_attached(&f);
	free(f.boxes);
	return box_from_kv(r);
}
