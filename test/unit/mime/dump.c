/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/mime/dump: messages on standard input, each as a line with its
 * length and then its bytes; their trees on standard output, each followed by
 * an empty line.  The other half of oracle.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "tree.h"

int main(void)
{
	unsigned long length;
	struct buf out;
	buf_init(&out, 64u << 20);
	while (scanf("%lu", &length) == 1 && getchar() == '\n') {
		char *text = malloc(length + 1);
		ENSURE(text != NULL && fread(text, 1, length, stdin) == length);
		tree_checked(span_of(text, length), &out);
		fwrite(out.data + out.from, 1, buf_len(&out), stdout);
		putchar('\n');
		free(text);
	}
	buf_free(&out);
	return 0;
}
