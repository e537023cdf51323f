/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/talk: see talk.h. */
#include "talk.h"

#include <stdlib.h>

static enum io tls_on(struct stream *s)
{
	struct script *script = CONTAINER_OF(s, struct script, stream);
	struct talk *t = CONTAINER_OF(script, struct talk, script);
	t->mem.host.facts.tls = true;
	return IO_OK;
}

void talk_once(struct talk *t, talk_setup setup, struct span input, size_t split)
{
	mem_init(&t->mem);
	script_init_bytes(&t->script, input, split);
	const struct stream_ops *old = t->script.stream.ops;
	struct stream_ops ops = *old;
	ops.start_tls = tls_on;
	t->script.stream.ops = &ops;
	if (setup != NULL)
		setup(&t->mem);
	t->session = imap_session_new(&t->script.stream, &t->mem.host);
	assert_non_null(t->session);
	enum imap_next next = imap_session_greet(t->session);
	while (next != IMAP_CLOSE)
		next = imap_session_run(t->session);
	t->script.stream.ops = old;
	struct span out = script_output(&t->script);
	t->out = malloc(out.len + 1);
	assert_non_null(t->out);
	memcpy(t->out, out.ptr ? out.ptr : "", out.len);
	t->out[out.len] = '\0';
	t->out_len = out.len;
}

void talk_run(struct talk *t, talk_setup setup, struct span input)
{
	static const size_t splits[] = {1, 2, 3, 7};
	talk_once(t, setup, input, 0);
	for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
		struct talk other;
		talk_once(&other, setup, input, splits[i]);
		assert_string_equal(other.out, t->out);
		talk_free(&other);
	}
}

void talk_free(struct talk *t)
{
	imap_session_free(t->session);
	/* Every mailbox that was selected is let go of. */
	assert_int_equal(t->mem.selects, t->mem.deselects);
	free(t->out);
	script_free(&t->script);
	mem_free(&t->mem);
}

void talk_expect(const struct talk *t, ...)
{
	va_list ap;
	const char *at = t->out, *want;
	va_start(ap, t);
	while ((want = va_arg(ap, const char *)) != NULL) {
		const char *found = strstr(at, want);
		if (found == NULL)
			fail_msg("missing: %s\nin: %s", want, t->out);
		at = found + strlen(want);
	}
	va_end(ap);
}

void talk_lacks(const struct talk *t, const char *what)
{
	if (strstr(t->out, what) != NULL)
		fail_msg("should not be there: %s\nin: %s", what, t->out);
}

const char *live_said(struct live *l, char *copy, size_t size)
{
	struct span out = script_output(&l->script);
	size_t n = out.len - l->read < size - 1 ? out.len - l->read : size - 1;
	memcpy(copy, out.ptr + l->read, n);
	copy[n] = '\0';
	l->read = out.len;
	return copy;
}

void live_init(struct live *l, talk_setup setup, const char *const *lines, size_t count)
{
	memset(l, 0, sizeof *l);
	assert_true(count <= ARRAY_LEN(l->chunks));
	mem_init(&l->mem);
	setup(&l->mem);
	for (size_t i = 0; i < count; i++)
		l->chunks[i] = span_cstr(lines[i]);
	script_init(&l->script, l->chunks, count);
	l->session = imap_session_new(&l->script.stream, &l->mem.host);
	assert_non_null(l->session);
	assert_int_equal(imap_session_greet(l->session), IMAP_IDLE);
}

void live_free(struct live *l)
{
	imap_session_free(l->session);
	script_free(&l->script);
	mem_free(&l->mem);
}
