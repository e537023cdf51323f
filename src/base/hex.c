/* SPDX-License-Identifier: Apache-2.0 */
/* base/hex: see hex.h. */
#include "base/hex.h"

#include "base/check.h"

void hex_encode(struct buf *b, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";
	size_t len;
	if (!size_mul(bytes.len, 2, &len))
		len = SIZE_MAX;
	char *out = buf_room(b, len);
	if (out == NULL)
		return;
	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t v = (uint8_t)bytes.ptr[i];
		*out++ = digits[v >> 4];
		*out++ = digits[v & 15];
	}
	buf_wrote(b, len);
}

bool hex_decode(struct span digits, void *out, size_t n)
{
	if (digits.len % 2 != 0 || digits.len / 2 != n)
		return false;
	uint8_t *p = out;
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(digits.ptr[2 * i]);
		int low = hex_value(digits.ptr[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		p[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool hex_u64(struct span digits, uint64_t *out)
{
	uint64_t v = 0;
	if (digits.len < 1 || digits.len > 16)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		int d = hex_value(digits.ptr[i]);
		if (d < 0)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	*out = v;
	return true;
}
