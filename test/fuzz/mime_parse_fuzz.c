/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/parse, submit, trace, match and gist on any bytes: the summary can be written
 * and does not depend on the cut; edits lie within the header; what match finds in a
 * message its terms do not rule out, and what they say for certain match finds.
 */
#include "base/ensure.h"
#include "base/utf8.h"
#include "judge.h"
#include "mime/gist.h"
#include "mime/match.h"
#include "mime/parse.h"
#include "mime/submit.h"
#include "mime/trace.h"
#include "terms/fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct summary *parse(struct mime_parser **p, struct span m, size_t cut, struct buf *out)
{
	*p = mime_parser_new(NULL);
	ENSURE(*p != NULL);
	for (size_t at = 0; at < m.len; at += cut)
		mime_parser_feed(*p, span_sub(m, at, cut));
	struct summary *s = mime_parser_end(*p);
	ENSURE(s != NULL);
	buf_init(out, SUMMARY_MAX);
	ENSURE(summary_write(s, out));
	return s;
}

static void match(struct span m, const struct summary *s, size_t cut)
{
	const struct mime_needle n[] = {
		{MIME_IN_BODY, {0}, SPAN("b")}, {MIME_IN_TEXT, {0}, SPAN("never found here")},
		{MIME_IN_FIELD, SPAN("Subject"), SPAN("a")},
	};
	struct mime_match *one = mime_match_new(NULL, s, n, 3), *two = mime_match_new(NULL, s, n, 3);
	ENSURE(one != NULL && two != NULL);
	(void)!mime_match_feed(one, m);
	for (size_t at = 0; at < m.len; at += cut)
		(void)!mime_match_feed(two, span_sub(m, at, cut));
	ENSURE(mime_match_end(one) == mime_match_end(two));
	mime_match_free(one);
	mime_match_free(two);
}

static void gist(struct span m, const struct summary *s, struct span needle, size_t cut)
{
	static const uint8_t secret[SIPHASH_KEY] = {5};
	const struct mime_needle n = {MIME_IN_TEXT, {0}, needle};
	struct mime_gist *g = mime_gist_new(NULL, s, secret);
	struct mime_match *one = mime_match_new(NULL, s, &n, 1);
	struct needle asked;
	struct buf folded;
	ENSURE(g != NULL && one != NULL);
	for (size_t at = 0; at < m.len; at += cut)
		if (mime_gist_feed(g, span_sub(m, at, cut)))
			break;
	mime_gist_end(g);
	(void)!mime_match_feed(one, m);
	bool there = mime_match_end(one) != 0;
	buf_init(&folded, FOLD_GROWTH * needle.len + 1);
	terms_fold(&folded, needle);
	needle_cut(&asked, buf_span(&folded));
	enum verdict v = judge_needle(mime_gist_terms(g), &asked);
	ENSURE(there ? v != VERDICT_NO : v != VERDICT_SURE);
	buf_free(&folded);
	mime_gist_free(g);
	mime_match_free(one);
}

/* Whatever it is called with is an address, and nothing becomes of most. */
static bool becomes(const void *ctx, bool sender, struct span address, struct buf *out)
{
	(void)ctx;
	ENSURE(span_has(address, '@'));
	if (address.len % 2 == 0)
		return false;
	buf_add(out, sender ? SPAN("s@c") : SPAN("a.longer.recipient@c.example"));
	return buf_ok(out);
}

/* Whole fields, as the store wants them. */
static void lines_end(struct span prefix)
{
	struct span line;
	while (prefix.len > 0) {
		ENSURE(span_cut(&prefix, '\n', &line) && span_ends(line, SPAN("\r")));
		line.len--;
		ENSURE(span_trim(line).len > 0 && !span_has(line, '\r') && !span_has(line, '\0'));
	}
}

static void submit(struct span m, bool rewrites)
{
	struct arena *a = arena_new(8u << 20);
	struct mime_edit e;
	const struct mime_rewriting rewriting = {NULL, becomes};
	const struct mime_submit how = {.login = SPAN("u@b"), .message_id = SPAN("<i@b>"),
					.rewriting = rewrites ? &rewriting : NULL};
	ENSURE(a != NULL);
	if (mime_submit(m, &how, a, &e) == MIME_SUBMIT_OK) {
		uint64_t at = 0;
		for (size_t i = 0; i < e.cut_count; i++) {
			ENSURE(e.cuts[i].from >= at && e.cuts[i].to > e.cuts[i].from);
			at = e.cuts[i].to;
		}
		ENSURE(at <= m.len);
		lines_end(e.prefix);
	}
	mime_trace_delivered(m, SPAN("u@b"));
	mime_trace_received(m);
	mime_trace_tls_optional(m);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > (1u << 18))
		return 0;
	struct span m = span_of(data + 1, size - 1);
	size_t cut = data[0] % 32 + 1u;
	struct mime_parser *p, *q;
	struct buf one, two;
	struct summary *s = parse(&p, m, m.len + 1, &one);
	parse(&q, m, cut, &two);
	ENSURE(s->size == m.len && span_eq(buf_span(&one), buf_span(&two)));
	match(m, s, cut);
	struct span needle = span_sub(m, m.len / 2, cut);
	if (needle.len > 0 && utf8_valid(needle))
		gist(m, s, needle, cut);
	submit(m, false);
	submit(m, true);
	buf_free(&one);
	buf_free(&two);
	mime_parser_free(p);
	mime_parser_free(q);
	return 0;
}
