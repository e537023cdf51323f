/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of an account: the first byte chooses the kind.  A page or head that
 * is read is written and read again, and must be the same.
 */
#include <stdlib.h>

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

static void read_pages(struct span in)
{
	struct page *p = malloc(sizeof(*p));
	struct head *h = calloc(1, sizeof(*h));
	ENSURE(p && h);
	if (box_page_read(in, 3, p))
		same_page(p);
	if (box_head_unpack(in, true, h))
		same_page(&h->tail);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span names[BOX_KEYWORDS_MAX];
	struct account_row account;
	struct name_row name;
	struct done_row done;
	size_t n;
	if (size == 0)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0:
		read_pages(in);
		break;
	case 1:
		read_cold(in);
		break;
	case 2:
		(void)!box_log_read(in, page, run, NULL);
		break;
	case 3:
		(void)!box_done_read(in, &done);
		break;
	case 4:
		(void)!box_keywords_read(in, names, &n);
		break;
	default:
		(void)!box_account_read(in, &account);
		(void)!box_name_read(in, &name);
	}
	return 0;
}
