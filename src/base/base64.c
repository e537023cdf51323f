/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/base64: the text is judged whole before a byte is written, so a buf or
 * arena never holds half of something that was refused.
 */
#include "base/base64.h"

#include "base/check.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *b, struct span in)
{
	size_t groups = in.len / 3 + (in.len % 3 != 0), len;
	/* SIZE_MAX is over any limit: the buf fails as it should. */
	if (!size_mul(groups, 4, &len))
		len = SIZE_MAX;
	char *out = buf_room(b, len);
	if (out == NULL)
		return;
	const uint8_t *p = (const uint8_t *)in.ptr;
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t v = (uint32_t)p[i] << 16;
		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
		*out++ = left > 2 ? alphabet[v & 63] : '=';
	}
	buf_wrote(b, len);
}

static int value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Is it the one right spelling?  Then *len is what it decodes to. */
static bool judge(struct span text, size_t *len)
{
	if (text.len % 4 != 0)
		return false;
	size_t pad = 0;
	while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=')
		pad++;
	size_t digits = text.len - pad;
	for (size_t i = 0; i < digits; i++)
		if (value(text.ptr[i]) < 0)
			return false;
	/* The bits of the last digit that reach into no byte. */
	int unused = pad == 2 ? 15 : pad == 1 ? 3 : 0;
	if (pad > 0 && (value(text.ptr[digits - 1]) & unused) != 0)
		return false;
	*len = text.len / 4 * 3 - pad;
	return true;
}

static void decode(struct span text, char *out, size_t len)
{
	uint32_t v = 0;
	for (size_t i = 0, done = 0; done < len; i++) {
		v = v << 6 | (uint32_t)value(text.ptr[i]);
		if (i % 4 != 0)
			out[done++] = (char)(v >> (6 - i % 4 * 2) & 255);
	}
}

enum base64 base64_decode(struct buf *b, struct span text)
{
	size_t len;
	if (!judge(text, &len))
		return BASE64_BAD;
	char *out = buf_room(b, len);
	if (out == NULL)
		return BASE64_MEMORY;
	decode(text, out, len);
	buf_wrote(b, len);
	return BASE64_OK;
}

enum base64 base64_decode_arena(struct arena *a, struct span text,
				struct span *out)
{
	size_t len;
	if (!judge(text, &len))
		return BASE64_BAD;
	char *bytes = arena_bytes(a, len);
	if (bytes == NULL)
		return BASE64_MEMORY;
	decode(text, bytes, len);
	*out = span_of(bytes, len);
	return BASE64_OK;
}
