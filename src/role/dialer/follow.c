/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/follow: the question, what its answer shows, and the file.
 */
#include "role/dialer/follow.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/ensure.h"
#include "crypto/dnssec.h"
#include "os/file.h"

#define CHECK_NS (60 * NS_PER_SEC) /* how often it is looked whether it is time */
#define FIRST_NS (NS_PER_SEC / 10)
#define AGAIN_S	 3600 /* after our own failure */

static const struct dns_name root = {.len = 1};

struct follow {
	struct role *role;
	struct span configured;
	bool roots; /* there are some of the root among them */
	int dir;
	struct resolver *resolver;
	uint64_t timeout;
	struct timer timer;
	bool asking;
	struct hook hook;
	struct dns_anchors anchors;
	struct dns_keyset set;
};

/* ---- what counts ------------------------------------------------------------------ */

static bool matches(const struct dns_anchor_line *l, const struct dns_key *key)
{
	struct dns_key plain = *key;
	uint8_t digest[DNSSEC_DIGEST_MAX];
	struct buf b;
	plain.flags &= (uint16_t)~DNS_KEY_REVOKE;
	if (l->is_key)
		return dns_key_same(&l->key, &plain);
	if (l->algorithm != key->algorithm || l->tag != dns_key_tag(&plain))
		return false;
	buf_init(&b, DNS_KEY_MAX + 16);
	buf_add(&b, span_of(root.wire, root.len));
	dns_key_data(&plain, &b);
	size_t len = buf_ok(&b) ? dnssec_digest(l->digest_type, buf_span(&b), digest)
				: 0;
	buf_free(&b);
	return len > 0 && len == l->digest_len &&
	       memcmp(digest, l->digest, len) == 0;
}

/* Each line in turn; false: there are no more. */
static bool next_line(struct span *rest, struct span *line)
{
	if (rest->len == 0)
		return false;
	(void)span_cut(rest, '\n', line);
	return true;
}

static bool is_configured(const struct follow *f, const struct dns_key *key)
{
	struct span rest = f->configured, line;
	struct dns_anchor_line l;
	while (next_line(&rest, &line))
		if (dns_anchor_line_read(line, &l) && matches(&l, key))
			return true;
	return false;
}

/* Was it seen at the root?  Then its state decides, not the line. */
static bool is_known(const struct follow *f, const struct dns_anchor_line *l)
{
	for (size_t i = 0; i < f->anchors.count; i++)
		if (f->anchors.at[i].state != DNS_ANCHOR_PENDING &&
		    matches(l, &f->anchors.at[i].key))
			return true;
	return false;
}

bool follow_text(struct follow *f, struct buf *out)
{
	struct span rest = f->configured, line;
	struct dns_anchor_line l;
	size_t count = 0;
	while (next_line(&rest, &line)) {
		bool mine = dns_anchor_line_read(line, &l);
		if (mine && is_known(f, &l))
			continue;
		count += mine;
		buf_add(out, line);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < f->anchors.count; i++) {
		const struct dns_anchor *a = &f->anchors.at[i];
		if (!dns_anchor_counts(a))
			continue;
		count++;
		buf_printf(out, ". IN DNSKEY %u 3 %u ", a->key.flags,
			   a->key.algorithm);
		base64_encode(out, span_of(a->key.bytes, a->key.len));
		buf_addc(out, '\n');
	}
	return buf_ok(out) && (count > 0 || !f->roots);
}

/* ---- the file ----------------------------------------------------------------------- */

static bool save(struct follow *f, const struct dns_anchors *a)
{
	struct buf b;
	buf_init(&b, DNS_ANCHORS_TEXT);
	dns_anchors_write(a, &b);
	enum os r = buf_ok(&b) ? file_replace(f->role->world, f->dir, FOLLOW_FILE,
					      buf_span(&b))
			       : OS_NOMEM;
	buf_free(&b);
	if (r != OS_OK)
		LOG(f->role->log, ERROR, "anchor.unsaved", 0,
		    F_CSTR("why", os_text(r)));
	return r == OS_OK;
}

bool follow_folder(struct follow *f, int dir, struct buf *why)
{
	static const char damaged[] =
		"is damaged: it is begun anew from the configured anchors";
	char *text = malloc(DNS_ANCHORS_TEXT);
	size_t len = 0;
	if (text == NULL) {
		world_close(f->role->world, dir);
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	world_close(f->role->world, f->dir);
	f->dir = dir;
	enum os r = f->roots ? file_load(f->role->world, dir, FOLLOW_FILE, text,
					 DNS_ANCHORS_TEXT, &len)
			     : OS_NOENT;
	bool good = r == OS_OK && dns_anchors_read(span_of(text, len), &f->anchors);
	free(text);
	if (!good)
		f->anchors = (struct dns_anchors){0};
	if (!good && (r == OS_OK || r == OS_TOOBIG))
		LOG(f->role->log, WARNING, "anchor.damaged", 0,
		    F_CSTR("file", FOLLOW_FILE), F_CSTR("why", damaged));
	else if (!good && r != OS_NOENT && r != OS_UNSUPPORTED && r != OS_BAD)
		buf_printf(why, "%s: %s", FOLLOW_FILE, os_text(r));
	return why->failed == false && buf_len(why) == 0;
}

/* ---- answers ------------------------------------------------------------------------ */

static void tell_changes(struct follow *f, const struct dns_anchors *was)
{
	for (size_t i = 0; i < f->anchors.count; i++) {
		const struct dns_anchor *a = &f->anchors.at[i];
		bool same = false;
		for (size_t k = 0; k < was->count; k++)
			same |= dns_key_same(&was->at[k].key, &a->key) &&
				was->at[k].state == a->state;
		if (!same)
			LOG(f->role->log, INFO, "anchor.state", 0,
			    F_U64("key", dns_key_tag(&a->key)),
			    F_CSTR("state", dns_anchor_state_text(a->state)));
	}
}

static bool own_signature(const struct follow *f, const struct dns_key *key,
			  int64_t now)
{
	bool good = false;
	struct buf b;
	buf_init(&b, 1u << 17);
	for (size_t i = 0; i < f->set.signatures && !good; i++) {
		const struct dns_rrsig *s = &f->set.by[i];
		if (s->algorithm != key->algorithm ||
		    s->tag != dns_key_tag(key) || !dns_name_eq(&s->signer, &root) ||
		    s->labels != 0 || !dns_rrsig_is_now(s, now))
			continue;
		buf_clear(&b);
		dns_keyset_signed(&f->set, &root, s, &b);
		good = buf_ok(&b) &&
		       dnssec_verify(key->algorithm,
				     span_of(key->bytes, key->len), buf_span(&b),
				     s->signature);
	}
	buf_free(&b);
	return good;
}

/* The keys' own time to live, and when the first signature over them ends. */
static void terms(const struct follow *f, int64_t now, uint32_t *ttl, int64_t *left)
{
	*ttl = 0;
	*left = INT32_MAX;
	for (size_t i = 0; i < f->set.signatures; i++) {
		const struct dns_rrsig *s = &f->set.by[i];
		int64_t l = (int32_t)(s->expires - (uint32_t)now);
		*ttl = s->ttl;
		*left = l < *left ? l : *left;
	}
}

/* What the resolver believes follows what is in the file. */
static void believe(struct hook *h)
{
	struct follow *f = h->arg;
	struct buf text, why;
	buf_init(&text, RESOLVER_ANCHORS_MAX);
	buf_init(&why, 512);
	if (!follow_text(f, &text))
		buf_add(&why, SPAN("no key of the root is left: see dns trust-anchor"));
	else
		(void)!resolver_anchors(f->resolver, buf_span(&text), &why);
	/* What is not believed now is at the next start. */
	if (buf_len(&why) > 0)
		LOG(f->role->log, ERROR, "anchor.failed", 0,
		    F("why", buf_span(&why)));
	buf_free(&text);
	buf_free(&why);
}

static bool same_text(struct follow *f, const struct buf *before)
{
	struct buf after;
	buf_init(&after, RESOLVER_ANCHORS_MAX);
	bool same = follow_text(f, &after) &&
		    span_eq(buf_span(&after), buf_span(before));
	buf_free(&after);
	return same;
}

static void take(struct follow *f, int64_t now)
{
	struct dns_seen seen[DNS_KEYS_MAX];
	struct dns_anchors was = f->anchors;
	struct buf before;
	uint32_t ttl;
	int64_t left;
	terms(f, now, &ttl, &left);
	for (size_t i = 0; i < f->set.count; i++) {
		const struct dns_key *k = &f->set.keys[i];
		bool revoked = (k->flags & DNS_KEY_REVOKE) != 0;
		seen[i] = (struct dns_seen){
			.key = k,
			.configured = is_configured(f, k),
			.self_signed = revoked && own_signature(f, k, now)};
	}
	buf_init(&before, RESOLVER_ANCHORS_MAX);
	(void)!follow_text(f, &before);
	dns_anchors_step(&f->anchors, seen, f->set.count, ttl, now);
	f->anchors.again = now + dns_anchors_wait(ttl, left, true);
	if (!save(f, &f->anchors)) {
		f->anchors = was;
		f->anchors.again = now + AGAIN_S;
	} else {
		tell_changes(f, &was);
		/* Not from inside of an answer. */
		if (!same_text(f, &before))
			loop_at_end(f->role->loop, &f->hook, believe, f);
	}
	buf_free(&before);
}

static void on_keys(void *ctx, const struct resolver_answer *a)
{
	struct follow *f = ctx;
	int64_t now = world_wall(f->role->world).sec;
	f->asking = false;
	if (a->verdict == RESOLVER_SECURE && a->answer != NULL &&
	    dns_keyset_read(a->answer, &f->set)) {
		take(f, now);
		return;
	}
	f->anchors.again = now + dns_anchors_wait(0, 0, false);
	LOG(f->role->log, WARNING, "anchor.unanswered", 0, F("why", a->why));
}

static void on_time(struct timer *t)
{
	struct follow *f = t->arg;
	if (!f->asking && world_wall(f->role->world).sec >= f->anchors.again)
		f->asking = resolver_ask(f->resolver, &root, DNS_DNSKEY,
					 loop_now(f->role->loop) + f->timeout,
					 on_keys, f);
	/* Short of memory it is over until the next start. */
	(void)!timer_start(f->role->loop, t, loop_now(f->role->loop) + CHECK_NS,
			   on_time, f);
}

/* ---- life ----------------------------------------------------------------------------- */

struct follow *follow_new(struct role *role, struct span configured)
{
	struct follow *f = calloc(1, sizeof *f);
	struct dns_anchor_line l;
	struct span line;
	if (f == NULL)
		return NULL;
	f->role = role;
	f->dir = -1;
	f->configured = configured.len > 0 ? configured : resolver_root_anchors;
	for (struct span rest = f->configured; next_line(&rest, &line);)
		f->roots |= dns_anchor_line_read(line, &l);
	return f;
}

void follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	timer_stop(&f->timer);
	hook_stop(&f->hook);
	world_close(f->role->world, f->dir);
	free(f);
}

bool follow_works(const struct follow *f) { return f->roots && f->dir >= 0; }
int follow_dir(const struct follow *f) { return f->dir; }

bool follow_start(struct follow *f, struct resolver *r, uint64_t timeout)
{
	f->resolver = r;
	f->timeout = timeout;
	return timer_start(f->role->loop, &f->timer,
			   loop_now(f->role->loop) + FIRST_NS, on_time, f);
}

void follow_status(const struct follow *f, struct buf *json)
{
	unsigned by[DNS_ANCHOR_REMOVED + 1] = {0};
	for (size_t i = 0; i < f->anchors.count; i++)
		by[f->anchors.at[i].state]++;
	buf_add(json, SPAN("\"anchors\":{"));
	for (size_t i = 0; i < ARRAY_LEN(by); i++)
		buf_printf(json, "%s\"%s\":%u", i > 0 ? "," : "",
			   dns_anchor_state_text((enum dns_anchor_state)i), by[i]);
	buf_addc(json, '}');
}
