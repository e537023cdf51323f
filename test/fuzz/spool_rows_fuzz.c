/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the spool: the first byte chooses the kind. */
#include "base/ensure.h"
#include "spool/facts.h"
#include "spool/format.h"

#define WHOLE 200 /* first byte of a job of one row */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_recipient(struct span in)
{
	struct spool_recipient r;
	struct buf row;
	if (!spool_recipient_read(in, 1, &r))
		return;
	buf_init(&row, SPOOL_ROW);
	spool_recipient_write(&row, &r);
	ENSURE(buf_ok(&row) && spool_recipient_read(buf_span(&row), 1, &r));
	char room[SPOOL_DESTINATION_MAX];
	ENSURE(spool_destination(&r, room).len <= sizeof room);
	buf_free(&row);
}

static void read_job(struct span in)
{
	const struct spool_id id = {{1}};
	struct job_row j;
	struct buf row;
	if (!spool_job_read(in, &id, &j))
		return;
	buf_init(&row, SPOOL_ROW);
	spool_job_write(&row, &j);
	ENSURE(buf_ok(&row) && spool_job_read(buf_span(&row), &id, &j));
	buf_free(&row);
}

/* What can be read is written as it was, but for numbers that could be shorter. */
static void read_whole(struct span in)
{
	const struct spool_id id = {{1}};
	struct spool_recipient r[3];
	struct whole w, again;
	struct buf row;
	size_t n = 0;
	if (!spool_whole_read(in, &id, &w))
		return;
	while (n < 3 && spool_whole_next(&w, &r[n]))
		n++;
	w.job.job.warns = w.count.warns;
	w.job.job.priority = w.count.priority;
	buf_init(&row, SPOOL_ROW);
	ENSURE(n > 0 && spool_whole_write(&row, &w.job.job, r, n) &&
	       spool_whole_read(buf_span(&row), &id, &again));
	ENSURE(again.count.open == n && again.count.warns == w.count.warns);
	buf_free(&row);
}

static void read_small(struct span in)
{
	struct lease_row lease;
	struct count_row count;
	struct ledger_row ledger;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	if (spool_lease_read(in, &lease)) {
		spool_lease_write(&row, &lease);
		ENSURE(spool_lease_read(buf_span(&row), &lease));
	}
	buf_clear(&row);
	if (spool_count_read(in, &count)) {
		spool_count_write(&row, &count);
		ENSURE(spool_count_read(buf_span(&row), &count));
	}
	buf_clear(&row);
	if (spool_ledger_read(in, &ledger)) {
		spool_ledger_write(&row, &ledger);
		ENSURE(spool_ledger_read(buf_span(&row), &ledger));
	}
	buf_free(&row);
}

static void read_facts(struct span in)
{
	struct spool_facts f, again;
	struct buf row;
	if (!spool_facts_read(in, &f))
		return;
	buf_init(&row, SPOOL_FACTS_MAX);
	ENSURE(spool_facts_write(&f, &row) &&
	       spool_facts_read(buf_span(&row), &again));
	ENSURE(again.account == f.account && again.priority == f.priority &&
	       span_eq(again.original, f.original));
	buf_free(&row);
}

/* A key tells what it was made of, and lies before the end of its range. */
static void keys(struct span in)
{
	struct spool_id id = {{0}};
	for (size_t i = 0; i < sizeof id && i < in.len; i++)
		((unsigned char *)&id)[i] = (unsigned char)in.ptr[i];
	uint32_t n = (uint32_t)in.len * 0x01010101u;
	struct spool_key k = spool_key_n(&id, n), whole = spool_key_id('J', &id);
	struct spool_key end = spool_key_end(&k);
	ENSURE(spool_key_number(spool_span(&k)) == n);
	ENSURE(span_cmp(spool_span(&k), spool_span(&end)) < 0);
	ENSURE(spool_span(&whole).ptr[0] == 'J');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_id id;
	struct due_row d;
	int64_t due;
	if (size == 0)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	if (data[0] == WHOLE) {
		read_whole(in);
		return 0;
	}
	switch (data[0] % 4) {
	case 0:
		read_recipient(in);
		break;
	case 1:
		read_job(in);
		break;
	case 2:
		(void)!spool_id_parse(in, &id);
		if (spool_key_destination_of(in, &d)) {
			struct spool_key k = spool_key_destination(
				d.hash, d.priority, d.due, &d.id);
			ENSURE(span_eq(span_skip(spool_span(&k), 1),
				       span_skip(in, 1)));
		}
		if (spool_key_due_of(in, &due, &id)) {
			struct spool_key k = spool_key_due('T', due, &id);
			ENSURE(span_eq(span_skip(spool_span(&k), 1),
				       span_skip(in, 1)));
		}
		break;
	default:
		read_small(in);
		read_facts(in);
		keys(in);
	}
	return 0;
}
