/* SPDX-License-Identifier: Apache-2.0 */
/* base/transfer: the same bytes at every cut, nothing longer than its source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/transfer.h"

#define B TRANSFER_BASE64
#define Q TRANSFER_QP
#define R(e, in, out) {e, SPAN_INIT(in), SPAN_INIT(out)}

static const struct {
	enum transfer_encoding encoding;
	struct span in, out;
} rows[] = {
	R(B, "", ""), R(B, "QQ==", "A"), R(B, "QUI=", "AB"), R(B, "QUJD", "ABC"),
	R(B, "QU\r\nJD\r\n", "ABC"), R(B, "Q!U@J#D", "ABC"), R(B, "Q", ""), R(B, "QQ", "A"),
	R(B, "QUI", "AB"), R(B, "QQ==QQ==", "AA"), R(B, "=", ""), R(B, "====", ""),
	R(B, "Q=QUJD", "ABC"), R(B, "/+//", "\xff\xef\xff"), R(B, "AAAA", "\0\0\0"),
	R(Q, "", ""), R(Q, "a=3Db", "a=b"), R(Q, "a=3db", "a=b"), R(Q, "a=\r\nb", "ab"),
	R(Q, "a=\nb", "ab"), R(Q, "a  \r\nb", "a\r\nb"), R(Q, "a \t", "a \t"), R(Q, "a b", "a b"),
	R(Q, "a=", "a="), R(Q, "a=4", "a=4"), R(Q, "a=4g", "a=4g"), R(Q, "==41", "=A"),
	R(Q, "=\rx", "=\rx"), R(Q, "=\r\r\n", "=\r\r\n"), R(Q, "=00=ff", "\0\xff"),
	R(Q, "a=20\r\n", "a \r\n"), R(Q, " =\r\n b", "  b"), R(Q, "=zz", "=zz"), R(Q, "a\rb\nc", "a\rb\nc"),
	/* A soft line break with blanks behind it, and what only looks like one. */
	R(Q, "a= \r\nb", "ab"), R(Q, "a=\t \nb", "ab"), R(Q, "a= 3D", "a= 3D"), R(Q, "a= \rb", "a= \rb"),
	R(Q, "a= =3D", "a= ="), R(Q, "a=  ", "a=  "), R(Q, "a= \r\r\nb", "a= \r\r\nb"), R(Q, "= b\n", "= b\n"),
	R(TRANSFER_IDENTITY, "a=3D", "a=3D"),
};

static void every_row_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t cut = 1; cut <= rows[i].in.len + 1; cut++) {
			struct transfer_decoder d;
			struct buf out;
			buf_init(&out, rows[i].in.len);
			transfer_decoder_init(&d, rows[i].encoding);
			for (size_t at = 0; at < rows[i].in.len; at += cut)
				transfer_decode(&d, span_sub(rows[i].in, at, cut), &out);
			transfer_decode_end(&d, &out);
			assert_true(buf_ok(&out));
			if (!span_eq(buf_span(&out), rows[i].out))
				fail_msg("row %zu cut %zu", i, cut);
			buf_free(&out);
		}
}

static void long_blanks_are_text(void **state)
{
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		struct transfer_decoder q;
		struct buf out;
		buf_init(&out, 4096);
		transfer_decoder_init(&q, TRANSFER_QP);
		size_t n = TRANSFER_QP_BLANKS - 1 + d;
		for (size_t i = 0; i < n; i++)
			transfer_decode(&q, SPAN(" "), &out);
		transfer_decode(&q, SPAN("\r\n"), &out);
		transfer_decode_end(&q, &out);
		assert_int_equal(buf_len(&out), d < 2 ? 2 : TRANSFER_QP_BLANKS + 2);
		buf_free(&out);
	}
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(transfer_encoding_of(SPAN(" BASE64 ")), TRANSFER_BASE64);
	assert_int_equal(transfer_encoding_of(SPAN("Quoted-Printable")), TRANSFER_QP);
	assert_int_equal(transfer_encoding_of(SPAN("8bit")), TRANSFER_IDENTITY);
	assert_int_equal(transfer_encoding_of((struct span){0}), TRANSFER_IDENTITY);
	static const char *const known[] = {"7bit", "8BIT", "Binary ", " base64", ""};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		assert_false(transfer_unknown(span_cstr(known[i])));
	assert_true(transfer_unknown(SPAN("x-uuencode")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_at_every_cut),
		cmocka_unit_test(long_blanks_are_text),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
