/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of /proc/net/tcp: any bytes are read without harm, the first two being the
 * port; a row that listens on one port listens on no other.
 */
#include "os/inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span row;
	uint16_t port;

	if (size < 2)
		return 0;
	port = (uint16_t)(data[0] << 8 | data[1]);
	row = span_of(data + 2, size - 2);
	if (port_row_inode(row, port) != 0)
		ENSURE(port_row_inode(row, (uint16_t)(port + 1)) == 0);
	return 0;
}
