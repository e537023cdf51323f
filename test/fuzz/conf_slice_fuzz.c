/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/slice: the first byte chooses the role; what follows is laid over a
 * real slice (two bytes of position, then bytes), so that the table's hash
 * does not stop everything at the door.
 */
#include "base/ensure.h"
#include "conf/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define TEXT                                                                   \
	"hostname mx.example.org; log { fields a b; }"                         \
	"limits { exempt 10.0.0.0/8 ::1/128; }"                                \
	"dns { resolvers 192.0.2.53 [::1]:5353; }"                             \
	"certificate a { chain /a /b; key file:/c file:/d; }"                  \
	"listener m { role mx; sni x.example.org a; }"                         \
	"listener i { role imap; } listener c { role admin; }"                 \
	"destination d { domain a.b .c *; host 192.0.2.1; source ::1; }"

static void mutate(char *slice, size_t len, struct span with)
{
	for (; with.len >= 3; with = span_skip(with, 3)) {
		size_t at = (unsigned char)with.ptr[0] |
			    (size_t)(unsigned char)with.ptr[1] << 8;
		slice[at % len] = with.ptr[2];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_snapshot *s;
	struct conf_report r;
	struct buf b;
	if (size < 1)
		return 0;
	enum conf_role role = data[0] % CONF_ROLES;
	struct span with = span_of(data + 1, size - 1);
	struct arena *a = arena_new(CONF_MEMORY_MAX);
	ENSURE(a);
	ENSURE(conf_parse(SPAN("f"), SPAN(TEXT), NULL, &r, &s) == CONF_OK);
	buf_init(&b, CONF_SLICE_MAX);
	conf_slice(s, role, &b);
	mutate(b.data, buf_len(&b), with);
	const struct conf *c = conf_slice_read(buf_span(&b), role, a);
	ENSURE(!c || c->listener_count <= CONF_LISTENERS_MAX);
	ENSURE(!conf_slice_read(with, role, a) || with.len > 13);
	buf_free(&b);
	conf_snapshot_free(s);
	conf_report_free(&r);
	arena_free(a);
	return 0;
}
