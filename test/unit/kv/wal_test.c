/* SPDX-License-Identifier: Apache-2.0 */
/* kv/wal: torn ends are no damage, anything with a batch behind it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"
#include "crypto/hash.h"
#include "kv/wal.h"

#define HEAD 7u

static void fragment(struct buf *b, unsigned kind, size_t len)
{
	char bytes[WAL_BLOCK];
	bytes[0] = (char)kind;
	for (size_t i = 0; i < len; i++)
		bytes[1 + i] = (char)(i * 7 + kind);
	uint32_t crc = crc32c(0, span_of(bytes, len + 1));
	crc = (crc >> 15 | crc << 17) + 0xa282ead8u;
	for (unsigned i = 0; i < 4; i++)
		buf_addc(b, (char)(crc >> 8 * i));
	buf_addc(b, (char)len);
	buf_addc(b, (char)(len >> 8));
	buf_add(b, span_of(bytes, len + 1));
}

/* Records of these sizes, cut into fragments as RocksDB does. */
static void log_of(struct buf *b, const size_t *sizes, size_t n)
{
	buf_init(b, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		size_t left = sizes[i];
		bool first = true;
		do {
			size_t room = WAL_BLOCK - buf_len(b) % WAL_BLOCK;
			if (room < HEAD) {
				while (room-- > 0)
					buf_addc(b, 0);
				room = WAL_BLOCK;
			}
			size_t now = size_min(left, room - HEAD);
			bool last = now == left;
			fragment(b, first ? (last ? 1 : 2) : (last ? 4 : 3), now);
			left -= now;
			first = false;
		} while (left > 0);
	}
}

static struct wal_scan scan(struct span log)
{
	struct wal_scan s = {0};
	for (size_t at = 0; at < log.len; at += WAL_BLOCK)
		kv_wal_block(&s, span_sub(log, at, WAL_BLOCK), at);
	return s;
}

static const size_t sizes[] = {100, 3000, 70000, 0, 25, 40000, 90000};

static void a_whole_log_is_whole(void **state)
{
	(void)state;
	struct buf b;
	log_of(&b, sizes, ARRAY_LEN(sizes));
	struct wal_scan s = scan(buf_span(&b));
	assert_false(s.damaged);
	assert_true(s.records > ARRAY_LEN(sizes));
	assert_false(scan(span_of(NULL, 0)).damaged);
	buf_free(&b);
}

static void a_cut_is_never_in_the_midst(void **state)
{
	(void)state;
	struct buf b;
	log_of(&b, sizes, ARRAY_LEN(sizes));
	for (size_t len = 0; len < buf_len(&b); len += 997)
		assert_false(scan(span_sub(buf_span(&b), 0, len)).in_midst);
	buf_free(&b);
}

/* The last record alone may be torn in any way: its first fragments are lost
 * and its last ones there. */
static void the_last_record_may_be_torn(void **state)
{
	(void)state;
	struct buf b, before;
	log_of(&before, sizes, ARRAY_LEN(sizes) - 1);
	log_of(&b, sizes, ARRAY_LEN(sizes));
	for (size_t at = buf_len(&before); at < buf_len(&b); at += 1013) {
		char *p = b.data + b.from + at;
		*p = (char)(*p ^ 4);
		struct wal_scan s = scan(buf_span(&b));
		assert_true(s.damaged);
		assert_false(s.in_midst);
		*p = (char)(*p ^ 4);
	}
	buf_free(&before);
	buf_free(&b);
}

static void damage_before_the_last_record_is_told(void **state)
{
	(void)state;
	struct buf b, before;
	log_of(&before, sizes, ARRAY_LEN(sizes) - 1);
	log_of(&b, sizes, ARRAY_LEN(sizes));
	for (size_t at = 0; at < buf_len(&before); at += 499) {
		char *p = b.data + b.from + at;
		*p = (char)(*p ^ 0x20);
		struct wal_scan s = scan(buf_span(&b));
		assert_true(s.damaged && s.in_midst);
		assert_true(s.at <= at && at - s.at < WAL_BLOCK);
		*p = (char)(*p ^ 0x20);
	}
	buf_free(&before);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_log_is_whole),
		cmocka_unit_test(a_cut_is_never_in_the_midst),
		cmocka_unit_test(the_last_record_may_be_torn),
		cmocka_unit_test(damage_before_the_last_record_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
