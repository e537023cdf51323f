/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool/confman - prints letterlock.conf(5), made from the option table.
 *
 * Run while building; the page therefore always describes the program that it
 * is installed with.
 */
#include <stdio.h>

#include "conf/show.h"

int main(void)
{
	struct buf b;
	buf_init(&b, CONF_SHOW_MAX);
	conf_manual(&b);
	struct span s = buf_span(&b);
	bool ok = buf_ok(&b) && fwrite(s.ptr, 1, s.len, stdout) == s.len &&
		  fflush(stdout) == 0;
	buf_free(&b);
	return ok ? 0 : 1;
}
