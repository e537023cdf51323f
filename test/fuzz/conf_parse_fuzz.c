/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/parse: any bytes either are complained about, or give a snapshot that
 * survives being shown and read again.  A NUL cuts the input into the text and
 * one file that may be included any number of times.
 */
#include "base/ensure.h"
#include "conf/show.h"
#include "conf/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *fetch(void *ctx, const char *path, struct span *out)
{
	const struct span *file = ctx;
	*out = *file;
	return path[0] == 'x' ? "No such file or directory" : NULL;
}

static void again(const struct conf_snapshot *s)
{
	struct conf_snapshot *t;
	struct conf_report r;
	struct buf text;
	buf_init(&text, CONF_SHOW_MAX);
	conf_show_text(s, CONF_SHOW_WRITTEN, &text);
	ENSURE(buf_ok(&text));
	enum conf_result res =
		conf_parse(SPAN("shown"), buf_span(&text), NULL, &r, &t);
	/* Shown text is never wrong, only perhaps longer than a file may be. */
	ENSURE(res == CONF_OK || buf_len(&text) > CONF_FILE_MAX);
	if (res == CONF_OK)
		ENSURE(conf_hash(s) == conf_hash(t));
	conf_snapshot_free(t);
	conf_report_free(&r);
	buf_free(&text);
}

static void slices(const struct conf_snapshot *s)
{
	for (unsigned role = 0; role < CONF_ROLES; role++) {
		struct buf b;
		struct arena *a = arena_new(CONF_MEMORY_MAX);
		buf_init(&b, CONF_SLICE_MAX);
		conf_slice(s, role, &b);
		ENSURE(a && buf_ok(&b));
		ENSURE(conf_slice_read(buf_span(&b), role, a));
		arena_free(a);
		buf_free(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), text;
	struct conf_snapshot *s;
	struct conf_report r;
	span_cut(&rest, 0, &text);
	struct conf_includes includes = {&rest, fetch};
	enum conf_result res =
		conf_parse(SPAN("/f/main"), text, &includes, &r, &s);
	ENSURE((res == CONF_OK) == (s != NULL));
	ENSURE((res == CONF_WRONG) == (r.errors > 0) || res == CONF_MEMORY);
	if (s) {
		again(s);
		slices(s);
	}
	conf_snapshot_free(s);
	conf_report_free(&r);
	return 0;
}
