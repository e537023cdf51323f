/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A short, fixed run of a hop's fuzz harness: bytes that are mostly small, so
 * that lengths and counts often fit, for every message.
 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(void)
{
	uint8_t bytes[256];
	uint32_t x = 1;
	for (unsigned i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof bytes; k++) {
			x = x * 1664525u + 1013904223u;
			bytes[k] = (uint8_t)(x >> 24 & (i % 3 ? 1 : 0x0f));
		}
		bytes[0] = (uint8_t)i;
		LLVMFuzzerTestOneInput(bytes, (x >> 8) % sizeof bytes);
	}
	return 0;
}
