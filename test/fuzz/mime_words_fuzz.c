/* SPDX-License-Identifier: Apache-2.0 */
/* mime/words, content and decode: always valid UTF-8, at every cut the same. */
#include "base/ensure.h"
#include "base/utf8.h"
#include "mime/content.h"
#include "base/transfer.h"
#include "mime/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct buf *b)
{
	ENSURE(!buf_ok(b) || utf8_valid(buf_span(b)));
	for (size_t i = 0; i < buf_len(b); i++)
		ENSURE((unsigned char)b->data[b->from + i] >= ' ');
	buf_clear(b);
}

static void decode(struct span in, enum transfer_encoding e, size_t cut)
{
	struct transfer_decoder one, two;
	struct buf a, b;
	buf_init(&a, in.len);
	buf_init(&b, in.len);
	transfer_decoder_init(&one, e);
	transfer_decoder_init(&two, e);
	transfer_decode(&one, in, &a);
	for (size_t at = 0; at < in.len; at += cut)
		transfer_decode(&two, span_sub(in, at, cut), &b);
	transfer_decode_end(&one, &a);
	transfer_decode_end(&two, &b);
	ENSURE(buf_ok(&a) && buf_ok(&b) && span_eq(buf_span(&a), buf_span(&b)));
	buf_free(&a);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 65536)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	struct buf b;
	struct mime_content c;
	struct arena *a = arena_new(8u << 20);
	ENSURE(a != NULL);
	buf_init(&b, 1u << 20);
	struct mime_charsets *sets = data[0] & 16 ? mime_charsets_open() : NULL;
	mime_words_decode(sets, in, &b);
	check(&b);
	if (mime_content_parse(in, a, &c)) {
		mime_param_decode(sets, c.params, SPAN("filename"), &b);
		check(&b);
	}
	decode(in, TRANSFER_BASE64, data[0] % 16 + 1u);
	decode(in, TRANSFER_QP, data[0] % 16 + 1u);
	mime_charsets_close(sets);
	buf_free(&b);
	arena_free(a);
	return 0;
}
