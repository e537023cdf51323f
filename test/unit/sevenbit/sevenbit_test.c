/* SPDX-License-Identifier: Apache-2.0 */
/* sevenbit: what becomes of parts, byte for byte, and what stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/ensure.h"
#include "oracle.h"

#define MIME "MIME-Version: 1.0\r\n"
#define QP   "Content-Transfer-Encoding: quoted-printable\r\n"
#define B64  "Content-Transfer-Encoding: base64\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define UE   "\xc3\xbc"
/* Bytes of others, so that the one is few among them. */
#define PAD  "padding padding padding"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"

static const struct {
	const char *in;
	enum sevenbit_can can;
	const char *out; /* NULL: as it came, or not at all */
} rows[] = {
	{"A: b\r\n\r\nhello\r\n", SEVENBIT_PLAIN, NULL},
	{"", SEVENBIT_PLAIN, NULL},
	{MIME TEXT "Content-Transfer-Encoding: 8bit\r\nA: b\r\n\r\n" PAD " gr" UE "n = " UE "\r\nx \r\n",
	 SEVENBIT_CAN,
	 MIME TEXT "A: b\r\n" QP "\r\n" PAD " gr=C3=BCn =3D =C3=BC\r\nx=20\r\n"},
	/* Folds of the field that goes, names in any case, blanks before the colon. */
	{MIME TEXT "content-transfer-encoding :\r\n 8bit\r\nA: b\r\n\r\n" PAD UE "\r\n", SEVENBIT_CAN,
	 MIME TEXT "A: b\r\n" QP "\r\n" PAD "=C3=BC\r\n"},
	/* No MIME at all: the charset is unknown (RFC 1428). */
	{"A: b\r\n\r\n" PAD UE "\r\n", SEVENBIT_CAN,
	 "A: b\r\n" MIME "Content-Type: text/plain; charset=unknown-8bit\r\n" QP "\r\n" PAD "=C3=BC\r\n"},
	/* Many of them: base64 is shorter. */
	{MIME TEXT "\r\n" UE UE UE UE, SEVENBIT_CAN, MIME TEXT B64 "\r\nw7zDvMO8w7w=\r\n"},
	/* No text: base64. */
	{MIME "Content-Type: image/gif\r\n\r\n" PAD UE "\r\n", SEVENBIT_CAN,
	 MIME "Content-Type: image/gif\r\n" B64 "\r\ncGFkZGluZyBwYWRkaW5nIHBhZGRpbmfDvA0K\r\n"},
	/* Parts: those that have none stay, what contains them is 7bit now. */
	{MIME MIXED "Content-Transfer-Encoding: 8bit\r\n\r\nfront\r\n--b\r\n\r\nplain\r\n--b\r\n" TEXT
	 "Content-Transfer-Encoding: 8bit\r\n\r\n" PAD UE "\r\n--b\r\n" TEXT
	 "Content-Transfer-Encoding: 8bit\r\n\r\nascii\r\n--b--\r\nback\r\n",
	 SEVENBIT_CAN,
	 MIME MIXED "\r\nfront\r\n--b\r\n\r\nplain\r\n--b\r\n" TEXT QP "\r\n" PAD "=C3=BC\r\n--b\r\n" TEXT
	 "\r\nascii\r\n--b--\r\nback\r\n"},
	/* A message in a message. */
	{MIME "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	 "Subject: in\r\n\r\n" PAD UE "\r\n",
	 SEVENBIT_CAN,
	 MIME "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n" MIME
	 "Content-Type: text/plain; charset=unknown-8bit\r\n" QP "\r\n" PAD "=C3=BC\r\n"},
	/* A header that ends with its part stays: without the field it would end before. */
	{MIME MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=b\r\n"
	 "Content-Transfer-Encoding: 8bit\r\n--b\r\n\r\n" PAD UE "\r\n--b--\r\n",
	 SEVENBIT_CAN,
	 MIME MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=b\r\n"
	 "Content-Transfer-Encoding: 8bit\r\n--b\r\n" QP "\r\n" PAD "=C3=BC\r\n--b--\r\n"},
	/* What stays as it is, and why. */
	{"DKIM-Signature: x\r\n" MIME TEXT "\r\n" UE "\r\n", SEVENBIT_SIGNED, NULL},
	{"arc-seal: x\r\n" MIME TEXT "\r\n" UE "\r\n", SEVENBIT_SIGNED, NULL},
	{"DKIM-Signature: x\r\n\r\nascii\r\n", SEVENBIT_PLAIN, NULL},
	{MIME "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" TEXT "\r\n" UE
	 "\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n",
	 SEVENBIT_SIGNED, NULL},
	{MIME "Content-Type: message/rfc822\r\n\r\nDKIM-Signature: x\r\n\r\n" UE "\r\n", SEVENBIT_SIGNED, NULL},
	{"Subject: " UE "\r\n\r\n" UE "\r\n", SEVENBIT_HEADER, NULL},
	{"Subject: " UE "\r\n\r\nascii\r\n", SEVENBIT_HEADER, NULL},
	{MIME MIXED "\r\n" UE "\r\n--b\r\n\r\nx\r\n--b--\r\n", SEVENBIT_BETWEEN, NULL},
	{MIME MIXED "\r\n--b\r\n\r\nx\r\n--b--\r\n" UE "\r\n", SEVENBIT_BETWEEN, NULL},
	{MIME TEXT QP "\r\n" UE "\r\n", SEVENBIT_ENCODED, NULL},
	{MIME TEXT B64 "\r\n" UE "\r\n", SEVENBIT_ENCODED, NULL},
	{MIME TEXT "Content-Transfer-Encoding: x-uuencode\r\n\r\n" UE "\r\n", SEVENBIT_ENCODED, NULL},
	{MIME "Content-Type: message/delivery-status\r\n\r\n" UE "\r\n", SEVENBIT_ENCODED, NULL},
};

static void rows_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t cut = 1; cut < 70; cut += cut < 4 ? 1 : 13) {
			struct span in = span_cstr(rows[i].in);
			struct span want = rows[i].out != NULL ? span_cstr(rows[i].out) : in;
			struct buf out;
			buf_init(&out, 1u << 20);
			enum sevenbit_can can = sevenbit_oracle(in, cut, &out);
			if (can != rows[i].can ||
			    (can <= SEVENBIT_CAN && !span_eq(buf_span(&out), want)))
				fail_msg("row %zu, cut %zu, %d gave\n%.*s", i, cut, can,
					 SPAN_FMT(buf_span(&out)));
			buf_free(&out);
		}
}

/* What is signed stays to the byte beside a part that is turned. */
static void a_signed_part_stays(void **state)
{
	(void)state;
#define SIGNED                                                                                    \
	"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n" TEXT                          \
	"Content-Transfer-Encoding: 8bit\r\n\r\nascii = \r\n--s\r\nA: b\r\n\r\nx\r\n--s--\r\n"
	struct buf out;
	buf_init(&out, 1u << 20);
	assert_int_equal(sevenbit_oracle(SPAN(MIME MIXED "\r\n--b\r\n" SIGNED "\r\n--b\r\n" TEXT "\r\n" UE
					      "\r\n--b--\r\n"), 7, &out),
			 SEVENBIT_CAN);
	assert_true(span_find_span(buf_span(&out), SPAN(SIGNED)) != SIZE_MAX);
	buf_free(&out);
}

/* Soft line ends: 76 characters at most, no blank before one. */
static void lines_of_any_length(void **state)
{
	(void)state;
	for (size_t n = 60; n < 160; n++) {
		static const char *const tails[] = {"", " ", "\t ", "\r\n", " \r\n", "\r", UE, " " UE " "};
		for (size_t t = 0; t < ARRAY_LEN(tails); t++) {
			struct buf m, out;
			struct span line, rest;
			buf_init(&m, 4096);
			buf_init(&out, 1u << 20);
			buf_add(&m, SPAN(MIME TEXT "\r\n"));
			for (size_t i = 0; i < n; i++)
				buf_addc(&m, i % 7 == 3 ? ' ' : 'x');
			buf_add(&m, span_cstr(tails[t]));
			buf_add(&m, SPAN("\r\n" UE "\r\n"));
			assert_int_equal(sevenbit_oracle(buf_span(&m), 11, &out), SEVENBIT_CAN);
			rest = span_skip(buf_span(&out), sizeof(MIME TEXT QP "\r\n") - 1);
			while (rest.len > 0) {
				assert_true(span_cut(&rest, '\n', &line));
				assert_true(span_ends(line, SPAN("\r")) && line.len <= 77);
				assert_false(span_ends(line, SPAN(" \r")) || span_ends(line, SPAN("\t\r")));
			}
			buf_free(&m);
			buf_free(&out);
		}
	}
}

/* Long lines of binary parts go with the others; one byte below, at and above. */
static void long_lines(void **state)
{
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		struct buf m, out;
		buf_init(&m, 8192);
		buf_init(&out, 1u << 20);
		buf_add(&m, SPAN(MIME MIXED "\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n"));
		for (size_t i = 0; i < 998 - 1 + d; i++)
			buf_addc(&m, 'x');
		buf_add(&m, SPAN("\r\ny\r\n--b\r\n\r\n" UE "\r\n--b--\r\n"));
		assert_int_equal(sevenbit_oracle(buf_span(&m), 100, &out), SEVENBIT_CAN);
		size_t soft = span_find_span(buf_span(&out), SPAN("x=\r\nx"));
		assert_int_equal(soft != SIZE_MAX, d == 2);
		buf_free(&m);
		buf_free(&out);
	}
}

static void structures_that_are_not_known(void **state)
{
	(void)state;
	struct arena *a = arena_new(1u << 16);
	struct span m = SPAN("A: b\r\n\r\n" UE "\r\n");
	struct sevenbit *s = sevenbit_new(summary_opaque(a, m.len), a);
	sevenbit_look(s, m);
	assert_int_equal(sevenbit_judge(s), SEVENBIT_UNKNOWN);
	/* Another message than the summary's. */
	s = sevenbit_new(summary_opaque(a, m.len + 1), a);
	sevenbit_look(s, m);
	assert_int_equal(sevenbit_judge(s), SEVENBIT_UNKNOWN);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_hold),
		cmocka_unit_test(a_signed_part_stays),
		cmocka_unit_test(lines_of_any_length),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(structures_that_are_not_known),
	};
	return cmocka_run_group_tests_name("sevenbit/sevenbit", tests, NULL, NULL);
}
