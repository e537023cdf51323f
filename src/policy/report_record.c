/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/report: the record that says where reports go.
 *
 * Must never yield an address with control characters or blanks in it: it goes
 * into an envelope or a request.
 */
#include "base/hex.h"
#include "policy/record.h"
#include "policy/report.h"

#define URI_MAX 1024u

static bool visible(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f)
			return false;
	return s.len > 0;
}

/* RFC 6068: the address in front of "?", its escapes undone. */
static bool mail_address(struct arena *arena, struct span s, struct span *out)
{
	struct span rest = s;
	(void)span_cut(&rest, '?', &s);
	char *to = arena_bytes(arena, s.len + 1);
	size_t n = 0;
	if (to == NULL)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '%') {
			if (!hex_decode(span_sub(s, i + 1, 2), &c, 1))
				c = ' '; /* no address holds it */
			i += 2;
		}
		to[n++] = (char)c;
	}
	*out = span_of(to, n);
	return true;
}

static bool address_valid(struct span s)
{
	size_t at = span_find_last(s, '@');
	return visible(s) && at != SIZE_MAX && at > 0 && at + 1 < s.len;
}

static bool take_uri(struct arena *arena, struct span uri,
		     struct policy_reporting *out)
{
	struct policy_rua r = {.uri = uri};
	if (out->count == POLICY_RUA_MAX || !visible(uri) || uri.len > URI_MAX)
		return true;
	if (span_starts_nocase(uri, SPAN("mailto:"))) {
		if (!mail_address(arena, span_skip(uri, 7), &r.uri))
			return false;
		if (address_valid(r.uri))
			out->rua[out->count++] = r;
	} else if (span_starts_nocase(uri, SPAN("https://")) && uri.len > 8 &&
		   ascii_alnum(uri.ptr[8])) {
		r.https = true;
		if (!arena_copy(arena, uri, &r.uri))
			return false;
		out->rua[out->count++] = r;
	}
	return true;
}

bool policy_reporting_read(struct arena *arena, const struct span *rdata,
			   size_t count, struct policy_reporting *out)
{
	char room[POLICY_RECORD_MAX];
	struct span text, name, value, rua = {0}, uri;
	out->count = 0;
	if (policy_record_pick(rdata, count, SPAN("v=TLSRPTv1"), room, &text) !=
	    POLICY_RECORD_ONE)
		return true;
	while (policy_record_field(&text, &name, &value))
		if (rua.len == 0 && span_eq(name, SPAN("rua")))
			rua = value;
	if (text.len > 0)
		return true;
	while (rua.len > 0) {
		(void)span_cut(&rua, ',', &uri);
		if (!take_uri(arena, span_trim(uri), out))
			return false;
	}
	return true;
}
