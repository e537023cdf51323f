/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of an account: the first byte chooses the kind.  A page or head that
 * is read is written and read again, and must be the same.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "box/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void page(void *arg, uint32_t index)
{
	(void)arg;
	ENSURE(index <= UINT32_MAX / BOX_PAGE);
}

static bool run(void *arg, uint32_t first, uint32_t last)
{
	(void)arg;
	ENSURE(first > 0 && first <= last);
	return true;
}

static void same_page(const struct page *p)
{
	struct page *again = malloc(sizeof(*again));
	struct buf row;
	uint32_t alive = 0;
	buf_init(&row, BOX_PAGE_BYTES);
	box_page_write(&row, p);
	ENSURE(again && buf_ok(&row));
	ENSURE(box_page_read(buf_span(&row), p->index, again));
	for (unsigned i = 0; i < BOX_PAGE; i++) {
		const struct slot *a = &p->slot[i], *b = &again->slot[i];
		ENSURE(a->alive == b->alive && a->flags == b->flags &&
		       a->keywords == b->keywords && a->modseq == b->modseq);
		alive += a->alive;
	}
	ENSURE(alive == p->alive);
	buf_free(&row);
	free(again);
}

static void same_head(const struct head *h)
{
	struct head *again = calloc(1, sizeof *again);
	struct buf row;
	buf_init(&row, 4 * BOX_PAGE_BYTES);
	box_head_pack(&row, h);
	ENSURE(again && buf_ok(&row) && box_head_unpack(buf_span(&row), true, again));
	ENSURE(again->version == h->version && again->messages == h->messages &&
	       again->uid_next == h->uid_next && again->bytes == h->bytes);
	buf_free(&row);
	free(again);
}

static void read_pages(struct span in)
{
	struct page *p = malloc(sizeof(*p));
	struct head *h = calloc(1, sizeof(*h));
	ENSURE(p && h);
	if (box_page_read(in, 3, p))
		same_page(p);
	if (box_head_unpack(in, true, h)) {
		same_page(&h->tail);
		same_head(h);
	}
	(void)!box_head_unpack(in, false, h);
	free(h);
	free(p);
}

static void read_cold(struct span in)
{
	struct cold c;
	struct buf row;
	if (!box_cold_read(in, &c))
		return;
	buf_init(&row, BOX_ROW_MAX);
	box_cold_write(&row, &c);
	ENSURE(buf_ok(&row) && box_cold_read(buf_span(&row), &c));
	buf_free(&row);
}

static void read_order(struct span in)
{
	struct box_order o;
	struct buf row;
	if (!box_order_read(in, &o))
		return;
	buf_init(&row, BOX_ROW_MAX);
	box_order_write(&row, &o);
	ENSURE(buf_ok(&row) && box_order_read(buf_span(&row), &o));
	buf_free(&row);
}

static void read_log(struct span in)
{
	uint32_t pages[8];
	struct box_run runs[8];
	struct log_row l = {.pages = pages, .runs = runs};
	struct buf row;
	(void)!box_log_read(in, page, run, NULL);
	/* One that is written, of numbers that the bytes choose, is read. */
	for (size_t i = 0; i < 8 && i < in.len; i++) {
		uint32_t step = 1u + (unsigned char)in.ptr[i];
		pages[i] = (i > 0 ? pages[i - 1] : 0) + step;
		runs[i].first = (i > 0 ? runs[i - 1].last + 1 : 1) + step;
		runs[i].last = runs[i].first + step;
		l.page_count = l.run_count = i + 1;
	}
	buf_init(&row, BOX_ROW_MAX);
	box_log_write(&row, &l);
	ENSURE(buf_ok(&row) && box_log_read(buf_span(&row), page, run, NULL));
	buf_free(&row);
}

static void read_done(struct span in)
{
	struct done_row d;
	struct buf row;
	if (!box_done_read(in, &d))
		return;
	buf_init(&row, BOX_ROW_MAX);
	box_done_write(&row, &d);
	ENSURE(buf_ok(&row) && box_done_read(buf_span(&row), &d));
	buf_free(&row);
}

static void read_keywords(struct span in)
{
	struct span names[BOX_KEYWORDS_MAX], again[BOX_KEYWORDS_MAX];
	size_t n, m;
	struct buf row;
	if (!box_keywords_read(in, names, &n))
		return;
	buf_init(&row, BOX_ROW_MAX);
	box_keywords_write(&row, names, n);
	ENSURE(buf_ok(&row) && box_keywords_read(buf_span(&row), again, &m) && n == m);
	buf_free(&row);
}

static void read_names(struct span in)
{
	struct account_row account;
	struct name_row name;
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	if (box_account_read(in, &account)) {
		box_account_write(&row, &account);
		ENSURE(box_account_read(buf_span(&row), &account));
	}
	buf_clear(&row);
	if (box_name_read(in, &name)) {
		box_name_write(&row, &name);
		ENSURE(box_name_read(buf_span(&row), &name));
	}
	buf_free(&row);
}

static void read_grants(struct span in)
{
	struct box_grants g, again;
	struct buf row;
	if (!box_grants_read(in, &g))
		return;
	ENSURE((box_grants_of(&g, 7, true) & ~(uint32_t)ACL_ALL) == 0);
	buf_init(&row, BOX_ROW_MAX);
	box_grants_write(&row, &g);
	ENSURE(buf_ok(&row) && box_grants_read(buf_span(&row), &again) &&
	       again.count == g.count);
	buf_free(&row);
}

static void read_gone(struct span in)
{
	struct gone_row g;
	struct removed_row x;
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	if (box_gone_read(in, &g)) {
		box_gone_write(&row, &g);
		ENSURE(buf_ok(&row) && box_gone_read(buf_span(&row), &g));
	}
	buf_clear(&row);
	if (box_removed_read(in, &x)) {
		box_removed_write(&row, &x);
		ENSURE(buf_ok(&row) && box_removed_read(buf_span(&row), &x));
	}
	buf_free(&row);
}

static void read_annotations(struct span in)
{
	struct annotation_sum sum;
	struct span value;
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	if (box_annotation_sum_read(in, &sum)) {
		box_annotation_sum_write(&row, &sum);
		ENSURE(buf_ok(&row) && box_annotation_sum_read(buf_span(&row), &sum));
	}
	buf_clear(&row);
	if (box_annotation_read(in, &value)) {
		box_annotation_write(&row, value);
		ENSURE(buf_ok(&row) && span_eq(buf_span(&row), in));
	}
	buf_free(&row);
	struct box_access_key access;
	buf_init(&row, BOX_ROW_MAX);
	if (box_access_read(in, &access)) {
		box_access_write(&row, &access);
		ENSURE(buf_ok(&row) && span_eq(buf_span(&row), in));
	}
	buf_free(&row);
	if (box_annotation_name_ok(in)) {
		struct box_key k = box_key_annotation(7, in);
		ENSURE(span_eq(box_annotation_name(box_key_span(&k)), in));
	}
}

static void read_unique_ids(struct span in)
{
	struct span text;
	uint32_t uid;
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	if (box_uidl_read(in, &text)) {
		box_uidl_write(&row, text);
		ENSURE(buf_ok(&row) && span_eq(buf_span(&row), in));
	}
	buf_clear(&row);
	if (box_uidl_owner_read(in, &uid)) {
		box_uidl_owner_write(&row, uid);
		ENSURE(buf_ok(&row) && span_eq(buf_span(&row), in));
	}
	buf_free(&row);
	if (box_uidl_ok(in)) {
		struct box_key k = box_key_uidl(7, in);
		ENSURE(span_eq(span_skip(box_key_span(&k), 5), in));
	}
}

/* A key tells what it was made of, and lies before the end of its range. */
static void keys(struct span in)
{
	uint64_t n = 0;
	for (size_t i = 0; i < 12 && i < in.len; i++)
		n = n << 8 | (unsigned char)in.ptr[i];
	struct box_key log = box_key_log((uint32_t)(n >> 7), n);
	struct box_key two = box_key_two('M', (uint32_t)n, (uint32_t)(n >> 9));
	struct box_key end = box_key_end(&two);
	struct box_key name = box_key_name('N', span_sub(in, 0, BOX_NAME_MAX));
	struct box_token token = {{1, 2}};
	struct box_key done = box_key_token(&token);
	struct box_key gone = box_key_gone((int64_t)n, (uint32_t)n, (uint32_t)(n >> 3));
	struct box_key giver = box_key_giver(n);
	ENSURE(box_key_giver_of(box_key_span(&giver)) == n);
	ENSURE(box_gone_when(box_key_span(&gone)) == (int64_t)n &&
	       box_gone_mailbox(box_key_span(&gone)) == (uint32_t)n &&
	       box_gone_uid(box_key_span(&gone)) == (uint32_t)(n >> 3));
	ENSURE(box_key_modseq(box_key_span(&log)) == n);
	ENSURE(box_key_number(box_key_span(&two), 1) == (uint32_t)n);
	ENSURE(box_key_number(box_key_span(&two), 5) == (uint32_t)(n >> 9));
	ENSURE(span_cmp(box_key_span(&two), box_key_span(&end)) < 0);
	ENSURE(name.len == 1 + size_min(in.len, BOX_NAME_MAX) && done.len == 17);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	switch (data[0] % 7) {
	case 0:
		read_pages(in);
		break;
	case 1:
		read_cold(in);
		read_order(in);
		break;
	case 2:
		read_log(in);
		break;
	case 3:
		read_done(in);
		break;
	case 4:
		read_keywords(in);
		break;
	case 5:
		read_gone(in);
		read_grants(in);
		break;
	default:
		read_names(in);
		read_annotations(in);
		read_unique_ids(in);
		keys(in);
	}
	return 0;
}
