/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of conf share: cmocka, and text to snapshot in one call. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/parse.h"

#define HOST "hostname mx.example.org;\n"

static inline struct conf_snapshot *must_parse(const char *text)
{
	struct conf_snapshot *s;
	struct conf_report r;
	enum conf_result res =
		conf_parse(SPAN("t.conf"), span_cstr(text), NULL, &r, &s);
	if (res != CONF_OK) {
		struct buf b;
		buf_init(&b, 100000);
		conf_report_text(&r, &b);
		struct span said = buf_span(&b);
		fail_msg("%.*s", SPAN_FMT(said));
	}
	conf_report_free(&r);
	return s;
}

/* True: parsed. The first error, else the first warning, goes to out. */
static inline bool try_parse(struct span text, char *out, size_t size)
{
	struct conf_snapshot *s;
	struct conf_report r;
	struct buf b;
	enum conf_result res = conf_parse(SPAN("t.conf"), text, NULL, &r, &s);
	buf_init(&b, 100000);
	conf_report_text(&r, &b);
	struct span said = buf_span(&b), first;
	size_t error = span_find_span(said, SPAN(": error: "));
	span_cut(&said, '\n', &first);
	while (error != SIZE_MAX && !span_empty(said) &&
	       span_find_span(first, SPAN(": error: ")) == SIZE_MAX)
		span_cut(&said, '\n', &first);
	snprintf(out, size, "%.*s", SPAN_FMT(first));
	buf_free(&b);
	conf_snapshot_free(s);
	conf_report_free(&r);
	return res == CONF_OK;
}
