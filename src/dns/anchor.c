/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns/anchor: states of keys, and the text that they are kept as.
 *
 * Must never let a key that was revoked count again.
 */
#include "dns/anchor.h"

#include "base/base64.h"
#include "base/check.h"
#include "base/hex.h"

#define HEAD	 SPAN("letterlock trust anchors 1")
#define HOUR	 3600
#define DAY	 86400
#define PROTOCOL 3u

static const char *const names[] = {
	[DNS_ANCHOR_PENDING] = "pending", [DNS_ANCHOR_VALID] = "valid",
	[DNS_ANCHOR_MISSING] = "missing", [DNS_ANCHOR_REVOKED] = "revoked",
	[DNS_ANCHOR_REMOVED] = "removed"};

const char *dns_anchor_state_text(enum dns_anchor_state s)
{
	return names[s];
}

/* ---- steps --------------------------------------------------------------------- */

struct sight {
	bool present, revoked;
};

static struct sight look(const struct dns_key *key, const struct dns_seen *seen,
			 size_t count)
{
	struct sight s = {0};
	for (size_t i = 0; i < count; i++) {
		if (!dns_key_same(seen[i].key, key))
			continue;
		if ((seen[i].key->flags & DNS_KEY_REVOKE) == 0)
			s.present = true;
		else if (seen[i].self_signed)
			s.revoked = true;
	}
	return s;
}

/* What becomes of one that is known; false: it is forgotten. */
static bool go_on(struct dns_anchor *a, struct sight s, uint32_t ttl, int64_t now)
{
	enum dns_anchor_state was = a->state;
	int64_t hold = ttl > DNS_ANCHOR_ADD ? (int64_t)ttl : DNS_ANCHOR_ADD;
	switch (was) {
	case DNS_ANCHOR_PENDING:
		if (!s.present || s.revoked)
			return false;
		if (now - a->since >= hold)
			a->state = DNS_ANCHOR_VALID;
		break;
	case DNS_ANCHOR_VALID:
	case DNS_ANCHOR_MISSING:
		a->state = s.revoked   ? DNS_ANCHOR_REVOKED
			   : s.present ? DNS_ANCHOR_VALID
				       : DNS_ANCHOR_MISSING;
		break;
	case DNS_ANCHOR_REVOKED:
		if (now - a->since >= DNS_ANCHOR_REMOVE)
			a->state = DNS_ANCHOR_REMOVED;
		break;
	case DNS_ANCHOR_REMOVED:
		break;
	}
	if (a->state != was)
		a->since = now;
	return true;
}

static struct dns_anchor *find(struct dns_anchors *all, const struct dns_key *key)
{
	for (size_t i = 0; i < all->count; i++)
		if (dns_key_same(&all->at[i].key, key))
			return &all->at[i];
	return NULL;
}

/* A place for one more: that of the key that is over for the longest time. */
static struct dns_anchor *place(struct dns_anchors *all)
{
	struct dns_anchor *oldest = NULL;
	if (all->count < DNS_ANCHORS_MAX)
		return &all->at[all->count++];
	for (size_t i = 0; i < all->count; i++)
		if (all->at[i].state == DNS_ANCHOR_REMOVED &&
		    (oldest == NULL || all->at[i].since < oldest->since))
			oldest = &all->at[i];
	return oldest;
}

/* A key that may be new. */
static void meet(struct dns_anchors *all, const struct dns_seen *s, int64_t now)
{
	unsigned wanted = DNS_KEY_ZONE | DNS_KEY_SEP;
	bool revoked = (s->key->flags & DNS_KEY_REVOKE) != 0;
	struct dns_anchor *a = find(all, s->key);
	if ((s->key->flags & wanted) != wanted ||
	    (revoked && !(s->configured && s->self_signed)))
		return;
	if (a != NULL) {
		if (a->state != DNS_ANCHOR_PENDING || !s->configured || revoked)
			return;
	} else {
		a = place(all);
		if (a == NULL)
			return;
		a->key = *s->key;
		a->key.flags &= (uint16_t)~DNS_KEY_REVOKE;
	}
	a->since = now;
	a->state = revoked	   ? DNS_ANCHOR_REVOKED
		   : s->configured ? DNS_ANCHOR_VALID
				   : DNS_ANCHOR_PENDING;
}

void dns_anchors_step(struct dns_anchors *all, const struct dns_seen *seen,
		      size_t count, uint32_t ttl, int64_t now)
{
	size_t kept = 0;
	for (size_t i = 0; i < all->count; i++) {
		struct dns_anchor *a = &all->at[i];
		if (!go_on(a, look(&a->key, seen, count), ttl, now))
			continue;
		if (kept != i)
			all->at[kept] = *a;
		kept++;
	}
	all->count = kept;
	for (size_t i = 0; i < count; i++)
		meet(all, &seen[i], now);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t dns_anchors_wait(uint32_t ttl, int64_t left, bool answered)
{
	int64_t share = answered ? 2 : 10;
	int64_t wait = least(answered ? 15 * DAY : DAY,
			     least((int64_t)ttl / share, left / share));
	return wait < HOUR ? HOUR : wait;
}

/* ---- text ------------------------------------------------------------------------ */

void dns_anchors_write(const struct dns_anchors *all, struct buf *b)
{
	buf_add(b, HEAD);
	buf_printf(b, "\nagain %lld\n", (long long)all->again);
	for (size_t i = 0; i < all->count; i++) {
		const struct dns_anchor *a = &all->at[i];
		buf_printf(b, "%s %lld %u %u ", names[a->state],
			   (long long)a->since, a->key.flags, a->key.algorithm);
		base64_encode(b, span_of(a->key.bytes, a->key.len));
		buf_addc(b, '\n');
	}
}

static bool number(struct span *line, uint64_t max, uint64_t *out)
{
	struct span word;
	(void)span_cut(line, ' ', &word);
	return span_u64(word, max, out);
}

static bool key_bytes(struct span text, struct dns_key *key)
{
	struct buf b;
	buf_init(&b, DNS_KEY_MAX);
	bool good = base64_decode(&b, text) == BASE64_OK && buf_len(&b) > 0;
	if (good) {
		key->len = (uint16_t)buf_len(&b);
		memcpy(key->bytes, buf_span(&b).ptr, key->len);
	}
	buf_free(&b);
	return good;
}

static bool row(struct span line, struct dns_anchor *out)
{
	struct span word;
	uint64_t since, flags, algorithm, state = 0;
	(void)span_cut(&line, ' ', &word);
	while (state < ARRAY_LEN(names) && !span_eq(word, span_cstr(names[state])))
		state++;
	if (state == ARRAY_LEN(names) || !number(&line, INT64_MAX, &since) ||
	    !number(&line, 65535, &flags) || !number(&line, 255, &algorithm) ||
	    !key_bytes(line, &out->key))
		return false;
	out->state = (enum dns_anchor_state)state;
	out->since = (int64_t)since;
	out->key.flags = (uint16_t)flags;
	out->key.algorithm = (uint8_t)algorithm;
	return (flags & DNS_KEY_REVOKE) == 0;
}

bool dns_anchors_read(struct span text, struct dns_anchors *out)
{
	struct span line;
	uint64_t again;
	*out = (struct dns_anchors){0};
	if (text.len > DNS_ANCHORS_TEXT || !span_cut(&text, '\n', &line) ||
	    !span_eq(line, HEAD) || !span_cut(&text, '\n', &line) ||
	    !span_starts(line, SPAN("again ")))
		return false;
	line = span_skip(line, 6);
	if (!number(&line, INT64_MAX, &again) || line.len > 0)
		return false;
	while (text.len > 0) {
		struct dns_anchor *a = &out->at[out->count];
		if (out->count == DNS_ANCHORS_MAX ||
		    !span_cut(&text, '\n', &line) || !row(line, a) ||
		    find(out, &a->key) != NULL)
			return false;
		out->count++;
	}
	out->again = (int64_t)again;
	return true;
}

/* ---- lines of a trust anchor file ---------------------------------------------------- */

/* The next word; blanks and tabs are between them. */
static struct span word_of(struct span *line)
{
	struct span s = span_trim(*line);
	size_t n = 0;
	while (n < s.len && s.ptr[n] != ' ' && s.ptr[n] != '\t')
		n++;
	*line = span_skip(s, n);
	return span_sub(s, 0, n);
}

static bool small(struct span *line, uint64_t max, uint64_t *out)
{
	return span_u64(word_of(line), max, out);
}

static bool ds_line(struct span line, struct dns_anchor_line *out)
{
	uint64_t tag, algorithm, type;
	size_t digits = 0;
	char hex[2 * sizeof out->digest];
	if (!small(&line, 65535, &tag) || !small(&line, 255, &algorithm) ||
	    !small(&line, 255, &type))
		return false;
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == ' ' || line.ptr[i] == '\t')
			continue;
		if (digits == sizeof hex)
			return false;
		hex[digits++] = ascii_lower(line.ptr[i]);
	}
	out->tag = (uint16_t)tag;
	out->algorithm = (uint8_t)algorithm;
	out->digest_type = (uint8_t)type;
	out->digest_len = digits / 2;
	return digits > 0 && digits % 2 == 0 &&
	       hex_decode(span_of(hex, digits), out->digest, digits / 2);
}

static bool key_line(struct span line, struct dns_anchor_line *out)
{
	uint64_t flags, protocol, algorithm;
	struct buf joined;
	bool good;
	if (!small(&line, 65535, &flags) || !small(&line, 255, &protocol) ||
	    !small(&line, 255, &algorithm) || protocol != PROTOCOL)
		return false;
	buf_init(&joined, 2 * DNS_KEY_MAX);
	for (struct span w; (w = word_of(&line)).len > 0;)
		buf_add(&joined, w);
	good = buf_ok(&joined) && key_bytes(buf_span(&joined), &out->key);
	buf_free(&joined);
	out->key.flags = (uint16_t)flags;
	out->key.algorithm = (uint8_t)algorithm;
	out->tag = good ? dns_key_tag(&out->key) : 0;
	out->algorithm = (uint8_t)algorithm;
	return good && (flags & DNS_KEY_REVOKE) == 0;
}

bool dns_anchor_line_read(struct span line, struct dns_anchor_line *out)
{
	uint64_t ttl;
	struct span word;
	line = span_sub(line, 0, size_min(span_find(line, ';'), line.len));
	*out = (struct dns_anchor_line){0};
	if (!span_eq(word_of(&line), SPAN(".")))
		return false;
	word = word_of(&line);
	if (span_u64(word, UINT32_MAX, &ttl))
		word = word_of(&line);
	if (span_eq_nocase(word, SPAN("IN")))
		word = word_of(&line);
	if (span_u64(word, UINT32_MAX, &ttl))
		word = word_of(&line);
	out->is_key = span_eq_nocase(word, SPAN("DNSKEY"));
	if (out->is_key)
		return key_line(line, out);
	return span_eq_nocase(word, SPAN("DS")) && ds_line(line, out);
}
