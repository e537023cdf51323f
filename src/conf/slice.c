/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/slice - values in table order, little-endian, lengths before bytes:
 *
 *     u32 magic, u64 hash of the table, u8 role,
 *     top-level options,
 *     u32 certificates, each: name, options,
 *     u32 listeners, each: name, options and those of the inherited blocks,
 *     u32 destinations, each: name, file, u64 line, options,
 *     u32 sources, each: name, options.
 *
 * Writer and reader walk the same rows with the same test of the role bit, so
 * an option that a row hides from a role has no place in its slice.
 */
#include "conf/slice.h"

#include "base/check.h"
#include "conf/options.h"
#include "conf/shape.h"
#include "conf/snapshot.h"
#include "conf/value.h"

#define MAGIC 0x4c4c5331u /* "LLS1" */
#define WHOLE CONF_ROLES  /* every option: for hashing */

static bool sees(uint32_t role, const struct conf_option *o)
{
	return role == WHOLE || (o->roles >> role & 1) != 0;
}

static bool sees_listener(uint32_t role, const struct conf_listener *l)
{
	return role == WHOLE || role == CONF_SUPERVISOR ||
	       role == CONF_VAULT || role == CONF_DIALER || role == CONF_EDGE_ADMIN ||
	       role == (uint32_t)conf_pool(l->role);
}

static bool uses(const struct conf_listener *l, struct span certificate)
{
	if (span_eq(l->tls.certificate, certificate))
		return true;
	for (size_t i = 0; i < l->sni.count; i++)
		if (span_eq(l->sni.at[i].certificate, certificate))
			return true;
	return false;
}

static bool sees_certificate(uint32_t role, const struct conf *c, size_t i)
{
	if (role == WHOLE || role == CONF_VAULT || role == CONF_SUPERVISOR)
		return true;
	if (role != CONF_EDGE_MX && role != CONF_EDGE_ACCESS &&
	    role != CONF_EDGE_ADMIN)
		return false;
	for (size_t k = 0; k < c->listener_count; k++)
		if (sees_listener(role, &c->listeners[k]) &&
		    uses(&c->listeners[k], c->certificates[i].name))
			return true;
	return false;
}

static uint64_t fnv(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

#define FNV_START 0xcbf29ce484222325ull

/* Changes whenever a slice's layout or meaning does. */
static uint64_t table_hash(void)
{
	uint64_t h = FNV_START;
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		h = fnv(h, o->name, strlen(o->name) + 1);
		h = fnv(h, &o->block, 1);
		h = fnv(h, &o->type, 1);
		h = fnv(h, &o->roles, sizeof(o->roles));
		for (size_t k = 0; o->choices && o->choices[k]; k++)
			h = fnv(h, o->choices[k], strlen(o->choices[k]) + 1);
	}
	return h;
}

static void put(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_addc(b, (char)(v >> (8 * i)));
}

static void put_span(struct buf *b, struct span s)
{
	put(b, s.len, 4);
	buf_add(b, s);
}

static void put_nets(struct buf *b, const struct conf_nets *n)
{
	put(b, n->count, 4);
	for (size_t i = 0; i < n->count; i++) {
		put(b, n->at[i].family, 1);
		put(b, n->at[i].bits, 1);
		buf_add(b, span_of(n->at[i].bytes, 16));
	}
}

static void put_resolvers(struct buf *b, const struct conf_resolvers *r)
{
	put(b, r->count, 4);
	for (size_t i = 0; i < r->count; i++) {
		put(b, r->at[i].family, 1);
		put(b, r->at[i].port, 2);
		buf_add(b, span_of(r->at[i].bytes, 16));
	}
}

static void put_durations(struct buf *b, const struct conf_durations *d)
{
	put(b, d->count, 4);
	for (size_t i = 0; i < d->count; i++)
		put(b, d->at[i], 8);
}

static void put_value(struct buf *b, const struct conf_option *o,
		      const void *at)
{
	const struct conf_words *w = at;
	const struct conf_snis *snis = at;
	const struct conf_maps *maps = at;
	switch ((enum conf_type)o->type) {
	case CONF_BOOL:
		put(b, *(const bool *)at, 1);
		break;
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_PERCENT:
		put(b, *(const uint64_t *)at, 8);
		break;
	case CONF_CHOICE:
		put(b, *(const uint32_t *)at, 4);
		break;
	case CONF_STRING:
	case CONF_CIPHERS:
	case CONF_NAME:
	case CONF_HOST:
	case CONF_PATH:
		put_span(b, *(const struct span *)at);
		break;
	case CONF_ADDRESSES:
	case CONF_NETWORKS:
		put_nets(b, at);
		break;
	case CONF_RESOLVERS:
		put_resolvers(b, at);
		break;
	case CONF_DURATIONS:
		put_durations(b, at);
		break;
	case CONF_WORDS:
	case CONF_ACCOUNT_NAMES:
	case CONF_DOMAINS:
	case CONF_PATHS:
	case CONF_SECRETS:
		put(b, w->count, 4);
		for (size_t i = 0; i < w->count; i++)
			put_span(b, w->at[i]);
		break;
	case CONF_SNIS:
		put(b, snis->count, 4);
		for (size_t i = 0; i < snis->count; i++) {
			put_span(b, snis->at[i].name);
			put_span(b, snis->at[i].certificate);
		}
		break;
	case CONF_MAPS:
		put(b, maps->count, 4);
		for (size_t i = 0; i < maps->count; i++) {
			put_span(b, maps->at[i].from);
			put_span(b, maps->at[i].to);
		}
		break;
	}
}

static void put_top(const struct conf_snapshot *s, uint32_t role, struct buf *b)
{
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		if (!conf_blocks[o->block].named && sees(role, o))
			put_value(b, o,
				  conf_area_top(s, o->block).base + o->offset);
	}
}

static void put_certificates(const struct conf_snapshot *s, uint32_t role,
			     struct buf *b)
{
	const struct conf *c = &s->values;
	size_t n = 0;
	for (size_t i = 0; i < c->certificate_count; i++)
		n += sees_certificate(role, c, i);
	put(b, n, 4);
	for (size_t i = 0; i < c->certificate_count; i++) {
		if (!sees_certificate(role, c, i))
			continue;
		put_span(b, c->certificates[i].name);
		for (size_t k = 0; k < conf_option_count; k++) {
			const struct conf_option *o = &conf_options[k];
			if (o->block == CONF_B_CERTIFICATE && sees(role, o))
				put_value(b, o,
					  conf_area_certificate(s, i).base +
						  o->offset);
		}
	}
}

static void put_listeners(const struct conf_snapshot *s, uint32_t role,
			  struct buf *b)
{
	const struct conf *c = &s->values;
	size_t n = 0;
	for (size_t i = 0; i < c->listener_count; i++)
		n += sees_listener(role, &c->listeners[i]);
	put(b, n, 4);
	for (size_t i = 0; i < c->listener_count; i++) {
		if (!sees_listener(role, &c->listeners[i]))
			continue;
		put_span(b, c->listeners[i].name);
		for (size_t k = 0; k < conf_option_count; k++) {
			const struct conf_option *o = &conf_options[k];
			if (conf_in_listener(o->block) && sees(role, o))
				put_value(b, o,
					  conf_area_listener(s, i, o->block)
							  .base +
						  o->offset);
		}
	}
}

/* Those without an option of them know nothing of destinations. */
static bool sees_destinations(uint32_t role)
{
	return role == WHOLE || role == CONF_SUPERVISOR ||
	       role == CONF_VAULT || role == CONF_COURIER ||
	       role == CONF_STORE || role == CONF_DIALER;
}

static void put_destinations(const struct conf_snapshot *s, uint32_t role,
			     struct buf *b)
{
	const struct conf *c = &s->values;
	size_t n = sees_destinations(role) ? c->destination_count : 0;
	put(b, n, 4);
	for (size_t i = 0; i < n; i++) {
		put_span(b, c->destinations[i].name);
		if (role != WHOLE) { /* where it stands is no value */
			put_span(b, c->destinations[i].file);
			put(b, c->destinations[i].line, 8);
		}
		for (size_t k = 0; k < conf_option_count; k++) {
			const struct conf_option *o = &conf_options[k];
			if (o->block == CONF_B_DESTINATION && sees(role, o))
				put_value(b, o,
					  conf_area_destination(s, i).base +
						  o->offset);
		}
	}
}

static bool sees_sources(uint32_t role)
{
	return role == WHOLE || role == CONF_COURIER || role == CONF_STORE;
}

static void put_sources(const struct conf_snapshot *s, uint32_t role,
			struct buf *b)
{
	size_t n = sees_sources(role) ? s->values.source_count : 0;
	put(b, n, 4);
	for (size_t i = 0; i < n; i++) {
		put_span(b, s->sources[i].name);
		for (size_t k = 0; k < conf_option_count; k++) {
			const struct conf_option *o = &conf_options[k];
			if (o->block == CONF_B_SOURCE && sees(role, o))
				put_value(b, o,
					  conf_area_source(s, i).base +
						  o->offset);
		}
	}
}

static void encode(const struct conf_snapshot *s, uint32_t role, struct buf *b)
{
	put(b, MAGIC, 4);
	put(b, table_hash(), 8);
	put(b, role, 1);
	put_top(s, role, b);
	put_certificates(s, role, b);
	put_listeners(s, role, b);
	put_destinations(s, role, b);
	put_sources(s, role, b);
}

void conf_slice(const struct conf_snapshot *s, enum conf_role role,
		struct buf *out)
{
	if (role >= CONF_ROLES)
		out->failed = true;
	else
		encode(s, role, out);
}

uint64_t conf_hash(const struct conf_snapshot *s)
{
	struct buf b;
	buf_init(&b, CONF_MEMORY_MAX);
	encode(s, WHOLE, &b);
	struct span all = buf_span(&b);
	uint64_t h = buf_ok(&b) ? fnv(FNV_START, all.ptr, all.len) : 0;
	buf_free(&b);
	return h;
}

static bool same_value(const struct conf_option *o, const char *from,
		       const char *to)
{
	struct buf a, b;
	buf_init(&a, CONF_SLICE_MAX);
	buf_init(&b, CONF_SLICE_MAX);
	put_value(&a, o, from + o->offset);
	put_value(&b, o, to + o->offset);
	bool same = span_eq(buf_span(&a), buf_span(&b));
	buf_free(&a);
	buf_free(&b);
	return same;
}

/* Of the listeners that are in both; others come and go at a reload. */
static bool same_in_listeners(const struct conf_option *o,
			      const struct conf_snapshot *from,
			      const struct conf_snapshot *to)
{
	const struct conf *c = &to->values;
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *was = conf_listener(
			&from->values, c->listeners[i].name);
		if (was != NULL && was->enabled && c->listeners[i].enabled &&
		    !same_value(o, (const char *)was,
				(const char *)&c->listeners[i]))
			return false;
	}
	return true;
}

const char *conf_needs_restart(const struct conf_snapshot *from,
			       const struct conf_snapshot *to)
{
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		if (!o->restart)
			continue;
		bool same = o->block == CONF_B_LISTENER
				    ? same_in_listeners(o, from, to)
				    : same_value(o, conf_area_top(from, o->block).base,
						 conf_area_top(to, o->block).base);
		if (!same)
			return o->name;
	}
	return NULL;
}

/* The reader: one failure makes everything after it a no-op. */
struct take {
	struct span rest;
	struct arena *arena;
	bool bad;
};

static uint64_t take(struct take *t, unsigned bytes)
{
	uint64_t v = 0;
	if (t->bad || t->rest.len < bytes) {
		t->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)(unsigned char)t->rest.ptr[i] << (8 * i);
	t->rest = span_skip(t->rest, bytes);
	return v;
}

/* A number at most max, else bad. */
static size_t take_count(struct take *t, size_t max)
{
	uint64_t v = take(t, 4);
	if (v > max)
		t->bad = true;
	return t->bad ? 0 : (size_t)v;
}

static struct span take_span(struct take *t)
{
	struct span out = {0};
	size_t n = take_count(t, CONF_VALUE_MAX);
	if (t->bad || t->rest.len < n ||
	    !arena_copy(t->arena, span_sub(t->rest, 0, n), &out)) {
		t->bad = true;
		return (struct span){0};
	}
	t->rest = span_skip(t->rest, n);
	return out;
}

static void take_nets(struct take *t, const struct conf_option *o,
		      struct conf_nets *out)
{
	size_t n = take_count(t, o->max);
	struct conf_net *at = ARENA_ARRAY(t->arena, n + 1, struct conf_net);
	t->bad |= !at;
	for (size_t i = 0; i < n && !t->bad; i++) {
		at[i].family = (uint8_t)take(t, 1);
		at[i].bits = (uint8_t)take(t, 1);
		for (size_t k = 0; k < 16; k++)
			at[i].bytes[k] = (uint8_t)take(t, 1);
		t->bad |= (at[i].family != 4 && at[i].family != 6) ||
			  at[i].bits > (at[i].family == 4 ? 32 : 128);
	}
	*out = (struct conf_nets){at, n};
}

static void take_resolvers(struct take *t, const struct conf_option *o,
			   struct conf_resolvers *out)
{
	size_t n = take_count(t, o->max);
	struct conf_resolver *at =
		ARENA_ARRAY(t->arena, n + 1, struct conf_resolver);
	t->bad |= !at;
	for (size_t i = 0; i < n && !t->bad; i++) {
		at[i].family = (uint8_t)take(t, 1);
		at[i].port = (uint16_t)take(t, 2);
		for (size_t k = 0; k < 16; k++)
			at[i].bytes[k] = (uint8_t)take(t, 1);
		t->bad |= (at[i].family != 4 && at[i].family != 6) ||
			  at[i].port == 0;
	}
	*out = (struct conf_resolvers){at, n};
}

static void take_durations(struct take *t, const struct conf_option *o,
			   struct conf_durations *out)
{
	size_t n = take_count(t, CONF_STEPS_MAX);
	uint64_t *at = ARENA_ARRAY(t->arena, n + 1, uint64_t);
	t->bad |= !at || n == 0;
	for (size_t i = 0; i < n && !t->bad; i++) {
		at[i] = take(t, 8);
		t->bad |= at[i] < o->min || at[i] > o->max;
	}
	*out = (struct conf_durations){at, n};
}

static void take_words(struct take *t, const struct conf_option *o,
		       struct conf_words *out)
{
	size_t n = take_count(t, o->max);
	struct span *at = ARENA_ARRAY(t->arena, n + 1, struct span);
	t->bad |= !at;
	for (size_t i = 0; i < n && !t->bad; i++)
		at[i] = take_span(t);
	*out = (struct conf_words){at, n};
}

static void take_snis(struct take *t, const struct conf_option *o,
		      struct conf_snis *out)
{
	size_t n = take_count(t, o->max);
	struct conf_sni *at = ARENA_ARRAY(t->arena, n + 1, struct conf_sni);
	t->bad |= !at;
	for (size_t i = 0; i < n && !t->bad; i++) {
		at[i].name = take_span(t);
		at[i].certificate = take_span(t);
		t->bad |= !t->bad && (!conf_is_host(at[i].name) ||
				      !conf_is_name(at[i].certificate));
	}
	*out = (struct conf_snis){at, n};
}

static void take_maps(struct take *t, const struct conf_option *o,
		      struct conf_maps *out)
{
	size_t n = take_count(t, o->max);
	struct conf_map *at = ARENA_ARRAY(t->arena, n + 1, struct conf_map);
	t->bad |= !at;
	for (size_t i = 0; i < n && !t->bad; i++) {
		at[i].from = take_span(t);
		at[i].to = take_span(t);
		t->bad |= !t->bad && !conf_is_map(at[i].from, at[i].to);
	}
	*out = (struct conf_maps){at, n};
}

static bool text_shape(const struct conf_option *o, struct span s)
{
	if (span_empty(s))
		return true;
	switch ((enum conf_type)o->type) {
	case CONF_HOST:
		return conf_is_host(s);
	case CONF_NAME:
		return conf_is_name(s);
	case CONF_PATH:
		return conf_is_path(s);
	default:
		return s.len <= o->max;
	}
}

static void take_value(struct take *t, const struct conf_option *o, void *at)
{
	uint64_t v;
	uint32_t known = 0;
	switch ((enum conf_type)o->type) {
	case CONF_BOOL:
		v = take(t, 1);
		t->bad |= v > 1;
		*(bool *)at = v == 1;
		break;
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_PERCENT:
		v = take(t, 8);
		/* 0 below the range: a port where there is a path. */
		t->bad |= v > o->max || (v < o->min && v != 0);
		*(uint64_t *)at = v;
		break;
	case CONF_CHOICE:
		v = take(t, 4);
		while (o->choices[known])
			known++;
		t->bad |= v >= known;
		*(uint32_t *)at = (uint32_t)v;
		break;
	case CONF_STRING:
	case CONF_CIPHERS:
	case CONF_NAME:
	case CONF_HOST:
	case CONF_PATH:
		*(struct span *)at = take_span(t);
		t->bad |= !text_shape(o, *(struct span *)at);
		break;
	case CONF_ADDRESSES:
	case CONF_NETWORKS:
		take_nets(t, o, at);
		break;
	case CONF_RESOLVERS:
		take_resolvers(t, o, at);
		break;
	case CONF_DURATIONS:
		take_durations(t, o, at);
		break;
	case CONF_WORDS:
	case CONF_ACCOUNT_NAMES:
	case CONF_DOMAINS:
	case CONF_PATHS:
	case CONF_SECRETS:
		take_words(t, o, at);
		break;
	case CONF_SNIS:
		take_snis(t, o, at);
		break;
	case CONF_MAPS:
		take_maps(t, o, at);
		break;
	}
}

static void take_blocks(struct take *t, uint32_t role, struct conf *c)
{
	size_t n = take_count(t, CONF_CERTIFICATES_MAX);
	struct conf_certificate *certs =
		ARENA_ARRAY(t->arena, n + 1, struct conf_certificate);
	t->bad |= !certs;
	for (size_t i = 0; i < n && !t->bad; i++) {
		certs[i].name = take_span(t);
		t->bad |= !conf_is_name(certs[i].name);
		for (size_t k = 0; k < conf_option_count && !t->bad; k++) {
			const struct conf_option *o = &conf_options[k];
			if (o->block == CONF_B_CERTIFICATE && sees(role, o))
				take_value(t, o, (char *)&certs[i] + o->offset);
		}
	}
	c->certificates = certs;
	c->certificate_count = n;
	n = take_count(t, CONF_LISTENERS_MAX);
	struct conf_listener *ls =
		ARENA_ARRAY(t->arena, n + 1, struct conf_listener);
	t->bad |= !ls;
	for (size_t i = 0; i < n && !t->bad; i++) {
		ls[i].name = take_span(t);
		t->bad |= !conf_is_name(ls[i].name);
		for (size_t k = 0; k < conf_option_count && !t->bad; k++) {
			const struct conf_option *o = &conf_options[k];
			if (conf_in_listener(o->block) && sees(role, o))
				take_value(t, o,
					   (char *)&ls[i] +
						   conf_blocks[o->block]
							   .listener_offset +
						   o->offset);
		}
		t->bad |= !sees_listener(role, &ls[i]);
	}
	c->listeners = ls;
	c->listener_count = n;
}

static void take_destinations(struct take *t, uint32_t role, struct conf *c)
{
	size_t n = take_count(t, CONF_DESTINATIONS_MAX);
	struct conf_destination *ds =
		ARENA_ARRAY(t->arena, n + 1, struct conf_destination);
	t->bad |= !ds || (n > 0 && !sees_destinations(role));
	for (size_t i = 0; i < n && !t->bad; i++) {
		ds[i].name = take_span(t);
		ds[i].file = take_span(t);
		ds[i].line = take(t, 8);
		t->bad |= !conf_is_name(ds[i].name) ||
			  ds[i].line > UINT32_MAX;
		for (size_t k = 0; k < conf_option_count && !t->bad; k++) {
			const struct conf_option *o = &conf_options[k];
			if (o->block == CONF_B_DESTINATION && sees(role, o))
				take_value(t, o, (char *)&ds[i] + o->offset);
		}
	}
	c->destinations = ds;
	c->destination_count = n;
}

static void take_sources(struct take *t, uint32_t role, struct conf *c)
{
	size_t n = take_count(t, CONF_SOURCES_MAX);
	struct conf_source *list =
		ARENA_ARRAY(t->arena, n + 1, struct conf_source);
	t->bad |= !list || (n > 0 && !sees_sources(role));
	for (size_t i = 0; i < n && !t->bad; i++) {
		list[i].name = take_span(t);
		t->bad |= !conf_is_name(list[i].name);
		for (size_t k = 0; k < conf_option_count && !t->bad; k++) {
			const struct conf_option *o = &conf_options[k];
			if (o->block == CONF_B_SOURCE && sees(role, o))
				take_value(t, o, (char *)&list[i] + o->offset);
		}
	}
	c->sources = list;
	c->source_count = n;
}

const struct conf *conf_slice_read(struct span bytes, enum conf_role role,
				   struct arena *arena)
{
	struct take t = {.rest = bytes, .arena = arena};
	struct conf *c = ARENA_NEW(arena, struct conf);
	if (!c || bytes.len > CONF_SLICE_MAX || role >= CONF_ROLES)
		return NULL;
	if (take(&t, 4) != MAGIC || take(&t, 8) != table_hash() ||
	    take(&t, 1) != (uint64_t)role)
		return NULL;
	for (size_t i = 0; i < conf_option_count && !t.bad; i++) {
		const struct conf_option *o = &conf_options[i];
		if (!conf_blocks[o->block].named && sees(role, o))
			take_value(&t, o,
				   (char *)c + conf_blocks[o->block].offset +
					   o->offset);
	}
	if (!t.bad)
		take_blocks(&t, role, c);
	if (!t.bad)
		take_destinations(&t, role, c);
	if (!t.bad)
		take_sources(&t, role, c);
	return t.bad || !span_empty(t.rest) ? NULL : c;
}
