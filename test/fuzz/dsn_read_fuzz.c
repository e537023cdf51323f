/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/read and the small parsers of dsn: any bytes give values within limits,
 * and what is written of them reads back as it was.
 */
#include "base/ensure.h"
#include "base/utf8.h"
#include "dsn/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct span s)
{
	ENSURE(s.len <= DSN_READ_VALUE && utf8_valid(s));
	for (size_t i = 0; i < s.len; i++)
		ENSURE((unsigned char)s.ptr[i] >= ' ' && s.ptr[i] != 0x7f);
}

static void report(struct span in)
{
	struct arena *a = arena_new(DSN_READ_ARENA);
	struct dsn_report r;
	ENSURE(a != NULL);
	enum dsn_reading got = dsn_read(in, a, &r);
	ENSURE(got != DSN_READ_MEMORY && r.count <= DSN_READ_RECIPIENTS);
	ENSURE((got == DSN_READ_OK) == (r.count > 0));
	check_value(r.reporting);
	check_value(r.envid);
	for (size_t i = 0; i < r.count; i++) {
		ENSURE(r.at[i].final.len > 0 && r.at[i].action < DSN_ACTIONS);
		check_value(r.at[i].final);
		check_value(r.at[i].original);
		check_value(r.at[i].remote);
		check_value(r.at[i].diagnostic);
	}
	arena_free(a);
}

static void words(struct span in)
{
	struct dsn_status s;
	struct buf one, two;
	buf_init(&one, 16u * in.len + 16);
	buf_init(&two, 16u * in.len + 16);
	if (dsn_status_parse(in, &s)) {
		struct dsn_status again;
		dsn_status_write(s, &one);
		ENSURE(dsn_status_parse(buf_span(&one), &again) && again.detail == s.detail);
		ENSURE(dsn_status_words(s).why != NULL);
		buf_clear(&one);
	}
	(void)!dsn_utf8_decode(in, &one);
	buf_clear(&one);
	dsn_utf8_encode(in, &one);
	ENSURE(dsn_utf8_decode(buf_span(&one), &two));
	ENSURE(!utf8_valid(in) || span_eq(buf_span(&two), in));
	buf_free(&one);
	buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	report(in);
	words(span_sub(in, 0, 4096));
	return 0;
}
