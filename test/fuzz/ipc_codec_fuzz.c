/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/codec, the writing side: a field within its limits is read back the same,
 * one beyond them is never put out.
 */
#include "base/ensure.h"
#include "base/utf8.h"
#include "ipc/hop.h"
#include "turns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(struct dice *d, struct ipc_pack *p, struct arena *a)
{
	unsigned kind = dice(d, 4), max = dice(d, 64);
	struct span s = span_sub(d->left, 0, dice(d, 128));
	buf_clear(p->out);
	if (kind == 0)
		ipc_put_bytes(p, s, max);
	else if (kind == 1)
		ipc_put_text(p, s, max);
	else if (kind == 2)
		ipc_put_count(p, s.len, max);
	else
		ipc_put_bool(p, s.len % 2);
	struct ipc_unpack u = {.in = unpack_of(buf_span(p->out)), .arena = a, .fd = -1};
	bool text = kind != 1 || (!span_has(s, '\0') && utf8_valid(s));
	if (kind == 3) {
		ENSURE(buf_ok(p->out) && unpack_bool(&u.in) == (s.len % 2 == 1));
		return;
	}
	ENSURE(buf_ok(p->out) == (s.len <= max && text));
	if (!buf_ok(p->out))
		return;
	if (kind == 2)
		return;
	ENSURE(span_eq(kind == 0 ? ipc_get_bytes(&u, max) : ipc_get_text(&u, max), s));
	ENSURE(unpack_ok(&u.in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dice d = {span_of(data, size)};
	struct arena *a = arena_new(1u << 16);
	ENSURE(a != NULL);
	for (int i = 0; i < 16; i++) {
		struct buf out;
		struct ipc_pack p = {.out = &out, .fd = -1};
		buf_init(&out, IPC_BODY_MAX);
		one(&d, &p, a);
		buf_free(&out);
	}
	ENSURE(ipc_result_name((enum ipc_result)dice(&d, IPC_STOPPED + 1))[0] != '\0');
	arena_free(a);
	return 0;
}
