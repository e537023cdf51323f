/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/port_row - the inode of a listener in a row of /proc/net/tcp.
 *
 * The kernel wrote it, so a row that looks otherwise is one of no listener.
 */
#include "base/hex.h"
#include "os/inner.h"

/* The next word of a table's row. */
static struct span word(struct span *row)
{
	struct span head;

	*row = span_trim(*row);
	(void)span_cut(row, ' ', &head);
	return head;
}

uint64_t port_row_inode(struct span row, uint16_t port)
{
	uint64_t local, state, inode;
	struct span at;

	(void)word(&row);
	at = word(&row);
	(void)word(&row);
	if (!hex_u64(span_skip(at, span_find_last(at, ':') + 1), &local) ||
	    local != port || !hex_u64(word(&row), &state) || state != 0x0a)
		return 0;
	for (int i = 0; i < 5; i++)
		(void)word(&row);
	return span_u64(word(&row), UINT64_MAX, &inode) ? inode : 0;
}
