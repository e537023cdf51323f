/* SPDX-License-Identifier: Apache-2.0 */
/*
 * srs/srs: see srs.h.  Must never give an address out of one whose hash this
 * key did not make.
 */
#include "srs/srs.h"

#include "base/ensure.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#define DAY	    86400
#define DAYS	    1024 /* two digits */
#define HASH_DIGITS 8u
#define TIME_DIGITS 2u

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

struct parts {
	struct span hash;
	struct span rest; /* behind it: what was hashed */
	struct span time, domain, local;
};

/* What may follow the four letters. */
static bool separates(char c)
{
	return c == '=' || c == '+' || c == '-';
}

static bool is_kind(struct span local, char kind)
{
	return span_starts_nocase(local, SPAN("SRS")) && local.len > 4 &&
	       local.ptr[3] == kind && separates(local.ptr[4]);
}

static bool split(struct span address, struct span *local, struct span *domain)
{
	size_t at = span_find_last(address, '@');
	if (at == SIZE_MAX || at == 0 || at + 1 == address.len)
		return false;
	*local = span_sub(address, 0, at);
	*domain = span_skip(address, at + 1);
	return true;
}

bool srs_looks(struct span address)
{
	struct span local, domain;
	return split(address, &local, &domain) &&
	       (is_kind(local, '0') || is_kind(local, '1'));
}

/* Five bits a digit, from the front. */
static void make_hash(struct span key, char kind, struct span text, char out[HASH_DIGITS])
{
	char lower[SRS_LOCAL_MAX];
	ENSURE(text.len <= sizeof lower);
	for (size_t i = 0; i < text.len; i++)
		lower[i] = ascii_lower(text.ptr[i]);
	const struct span pieces[] = {span_of(&kind, 1), span_of(lower, text.len)};
	struct sha256 h = hmac_sha256_parts(key, pieces, ARRAY_LEN(pieces));
	uint64_t bits = 0;
	for (size_t i = 0; i < HASH_DIGITS * 5 / 8; i++)
		bits = bits << 8 | h.bytes[i];
	for (size_t i = HASH_DIGITS; i-- > 0; bits >>= 5)
		out[i] = digits[bits & 31];
}

static bool hash_is_right(struct span key, char kind, struct span hash, struct span text)
{
	char want[HASH_DIGITS], have[HASH_DIGITS];
	if (hash.len != HASH_DIGITS || text.len > SRS_LOCAL_MAX)
		return false;
	make_hash(key, kind, text, want);
	for (size_t i = 0; i < HASH_DIGITS; i++)
		have[i] = ascii_upper(hash.ptr[i]);
	return secret_eq(span_of(want, sizeof want), span_of(have, sizeof have));
}

static int day_of(int64_t now)
{
	int64_t day = now / DAY % DAYS;
	return (int)(day < 0 ? day + DAYS : day);
}

static bool age_is_right(int64_t now, struct span time)
{
	int day = 0;
	for (size_t i = 0; i < time.len; i++) {
		const char *at = memchr(digits, ascii_upper(time.ptr[i]), sizeof digits - 1);
		if (at == NULL)
			return false;
		day = day * 32 + (int)(at - digits);
	}
	return (day_of(now) - day + DAYS) % DAYS <= SRS_DAYS;
}

/* Nothing that needs quotes, and nothing that hides a second address. */
static bool plain(struct span local, struct span domain)
{
	for (size_t i = 0; i < local.len; i++)
		if (local.ptr[i] == '"' || local.ptr[i] == '\\' || local.ptr[i] == '@' ||
		    (unsigned char)local.ptr[i] <= ' ' || local.ptr[i] == 127)
			return false;
	for (size_t i = 0; i < domain.len; i++)
		if (!ascii_alnum(domain.ptr[i]) && domain.ptr[i] != '.' &&
		    domain.ptr[i] != '-' && domain.ptr[i] != '_')
			return false;
	return true;
}

static enum srs_result finish(struct span key, char kind, const struct buf *text,
			      struct span domain, struct buf *out)
{
	char hash[HASH_DIGITS];
	if (buf_short(text))
		return SRS_MEMORY;
	if (!buf_ok(text) || buf_len(text) + sizeof "SRS0==" - 1 + HASH_DIGITS > SRS_LOCAL_MAX)
		return SRS_CANNOT;
	make_hash(key, kind, buf_span(text), hash);
	buf_printf(out, "SRS%c=%.*s=%.*s@%.*s", kind, (int)HASH_DIGITS, hash,
		   SPAN_FMT(buf_span(text)), SPAN_FMT(domain));
	return buf_ok(out) ? SRS_OK : SRS_MEMORY;
}

/* SRS0=h=t=d=l: what is behind "SRS0", with its separator. */
static bool cut_first(struct span local, struct span *behind)
{
	*behind = span_skip(local, 4);
	return is_kind(local, '0') && behind->len > 1;
}

/* SRS1=h=first<behind>: the hash, and all that is hashed. */
static bool cut_second(struct span local, struct parts *p)
{
	struct span rest = span_skip(local, 5);
	if (!is_kind(local, '1') || !span_cut(&rest, '=', &p->hash))
		return false;
	p->rest = rest;
	return span_cut(&rest, '=', &p->domain) && p->domain.len > 0 &&
	       rest.len > 1 && separates(rest.ptr[0]) && (p->local = rest, true);
}

enum srs_result srs_forward(struct span key, int64_t now, struct span sender,
			    struct span ours, struct buf *out)
{
	struct span local, domain, behind;
	struct parts p;
	struct buf text;
	ENSURE(key.len == SRS_KEY);
	if (!split(sender, &local, &domain) || !plain(local, domain))
		return SRS_CANNOT;
	char kind = '1';
	buf_init(&text, SRS_LOCAL_MAX);
	if (cut_first(local, &behind)) {
		buf_printf(&text, "%.*s=%.*s", SPAN_FMT(domain), SPAN_FMT(behind));
	} else if (cut_second(local, &p)) {
		buf_add(&text, p.rest);
	} else {
		int day = day_of(now);
		kind = '0';
		buf_printf(&text, "%c%c=%.*s=%.*s", digits[day / 32], digits[day % 32],
			   SPAN_FMT(domain), SPAN_FMT(local));
	}
	enum srs_result r = finish(key, kind, &text, ours, out);
	buf_free(&text);
	return r;
}

static enum srs_result reverse_first(struct span key, int64_t now, struct span local,
				     struct buf *out)
{
	struct parts p;
	struct span rest = span_skip(local, 5);
	if (!span_cut(&rest, '=', &p.hash))
		return SRS_NOT;
	p.rest = rest;
	if (!span_cut(&rest, '=', &p.time) || p.time.len != TIME_DIGITS ||
	    !span_cut(&rest, '=', &p.domain) || p.domain.len == 0 || rest.len == 0)
		return SRS_NOT;
	if (!hash_is_right(key, '0', p.hash, p.rest))
		return SRS_FORGED;
	if (!age_is_right(now, p.time))
		return SRS_OLD;
	buf_printf(out, "%.*s@%.*s", SPAN_FMT(rest), SPAN_FMT(p.domain));
	return buf_ok(out) ? SRS_OK : SRS_MEMORY;
}

static enum srs_result reverse_second(struct span key, struct span local, struct buf *out)
{
	struct parts p;
	if (!cut_second(local, &p))
		return SRS_NOT;
	if (!hash_is_right(key, '1', p.hash, p.rest))
		return SRS_FORGED;
	buf_printf(out, "SRS0%.*s@%.*s", SPAN_FMT(p.local), SPAN_FMT(p.domain));
	return buf_ok(out) ? SRS_OK : SRS_MEMORY;
}

enum srs_result srs_reverse(struct span key, int64_t now, struct span address,
			    struct buf *out)
{
	struct span local, domain;
	ENSURE(key.len == SRS_KEY);
	if (!split(address, &local, &domain) || local.len > SRS_LOCAL_MAX)
		return SRS_NOT;
	if (is_kind(local, '0'))
		return reverse_first(key, now, local, out);
	return is_kind(local, '1') ? reverse_second(key, local, out) : SRS_NOT;
}
