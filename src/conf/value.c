/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/value - values from tokens, one function a type.
 *
 * Every refusal says what would be right.  Nothing here knows an option by
 * name: what it needs stands in the row.
 */
#include "conf/value.h"

#include "base/check.h"
#include "base/ensure.h"
#include "conf/net.h"
#include "conf/shape.h"

#define WORD_MAX 128u

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"T", 1ull << 40}, {"G", 1ull << 30}, {"M", 1ull << 20},
	{"K", 1ull << 10}, {NULL, 0}};
static const struct unit time_units[] = {
	{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {NULL, 0}};

/* What is being parsed: passed to the function of each type. */
struct job {
	struct conf_parsing *p;
	const struct conf_option *o;
	void *at;
};

#define WRONG(j, t, ...)                                                       \
	(conf_wrong((j)->p->report, conf_place((j)->p, (t)), __VA_ARGS__),     \
	 false)

static bool no_memory(struct job *j)
{
	j->p->memory = true;
	return false;
}

static void print_units(const struct unit *u, uint64_t v, struct buf *out)
{
	while (u->name && (v == 0 || v % u->factor != 0))
		u++;
	buf_add_u64(out, u->name ? v / u->factor : v);
	if (u->name)
		buf_add(out, span_cstr(u->name));
}

void conf_number_print(const struct conf_option *o, uint64_t v, struct buf *out)
{
	if (o->type == CONF_SIZE)
		print_units(size_units, v, out);
	else if (o->type == CONF_DURATION || o->type == CONF_DURATIONS)
		print_units(time_units, v, out);
	else
		buf_add_u64(out, v);
	if (o->type == CONF_PERCENT)
		buf_addc(out, '%');
}

static bool in_range(struct job *j, const struct conf_token *t, uint64_t v)
{
	if (v >= j->o->min && v <= j->o->max) {
		memcpy(j->at, &v, sizeof(v));
		return true;
	}
	struct buf b;
	buf_init(&b, 128);
	conf_number_print(j->o, j->o->min, &b);
	buf_add(&b, SPAN(" and "));
	conf_number_print(j->o, j->o->max, &b);
	struct span range = buf_span(&b);
	(void)WRONG(j, t, "%s must be between %.*s", j->o->name,
		    SPAN_FMT(range));
	buf_free(&b);
	return false;
}

static struct span digits(struct span s)
{
	size_t n = 0;
	while (n < s.len && ascii_digit(s.ptr[n]))
		n++;
	return span_sub(s, 0, n);
}

static bool number(struct job *j, const struct conf_token *t)
{
	uint64_t v;
	struct span d = digits(t->text);
	if (d.len != t->text.len || d.len == 0)
		return WRONG(j, t,
			     "%s takes a whole number such as %llu, not "
			     "\"%.*s\"",
			     j->o->name, (unsigned long long)j->o->max,
			     SPAN_FMT(t->text));
	if (!span_u64(d, UINT64_MAX, &v))
		v = UINT64_MAX;
	return in_range(j, t, v);
}

/* One number with its unit off the front of *s. */
static bool quantity(struct span *s, const struct unit *u, uint64_t *out)
{
	struct span d = digits(*s);
	uint64_t v;
	*s = span_skip(*s, d.len);
	if (d.len == 0)
		return false;
	if (!span_u64(d, UINT64_MAX, &v))
		v = UINT64_MAX;
	for (; u->name; u++)
		if (span_starts_nocase(*s, span_cstr(u->name))) {
			if (!u64_mul(v, u->factor, out))
				*out = UINT64_MAX;
			*s = span_skip(*s, strlen(u->name));
			return true;
		}
	*out = v;
	return span_empty(*s);
}

static bool size(struct job *j, const struct conf_token *t)
{
	struct span s = t->text;
	uint64_t v;
	bool ok = quantity(&s, size_units, &v);
	if (ok && span_eq(s, SPAN("iB")))
		s = SPAN("");
	if (!ok || !span_empty(s))
		return WRONG(j, t,
			     "%s takes a size such as 512, 64K, 50M or 2G "
			     "(powers of 1024), not \"%.*s\"",
			     j->o->name, SPAN_FMT(t->text));
	return in_range(j, t, v);
}

static bool duration(struct job *j, const struct conf_token *t)
{
	struct span s = t->text;
	uint64_t total = 0, v, none;
	const struct unit *u = time_units;
	if (span_u64(s, UINT64_MAX, &none) && none > 0)
		return WRONG(j, t,
			     "%s takes a duration with its unit: %.*ss, %.*sm, "
			     "%.*sh or %.*sd",
			     j->o->name, SPAN_FMT(s), SPAN_FMT(s), SPAN_FMT(s),
			     SPAN_FMT(s));
	bool unit = s.len > 0 && !ascii_digit(s.ptr[s.len - 1]);
	do {
		if (!quantity(&s, u, &v) || (!unit && !span_eq(t->text, SPAN("0"))))
			return WRONG(j, t,
				     "%s takes a duration such as 5s, 10m, 4h, "
				     "5d or 1h30m, not \"%.*s\"",
				     j->o->name, SPAN_FMT(t->text));
		if (!u64_add(total, v, &total))
			total = UINT64_MAX;
	} while (!span_empty(s));
	return in_range(j, t, total);
}

static bool percent(struct job *j, const struct conf_token *t)
{
	uint64_t v;
	struct span d = digits(t->text);
	if (d.len == 0 || !span_eq(span_skip(t->text, d.len), SPAN("%")))
		return WRONG(j, t,
			     "%s takes a percentage such as 2%%, not \"%.*s\"",
			     j->o->name, SPAN_FMT(t->text));
	if (!span_u64(d, UINT64_MAX, &v))
		v = UINT64_MAX;
	return in_range(j, t, v);
}

static bool boolean(struct job *j, const struct conf_token *t)
{
	bool v = span_eq(t->text, SPAN("on"));
	if (!v && !span_eq(t->text, SPAN("off")))
		return WRONG(j, t, "%s is on or off, not \"%.*s\"", j->o->name,
			     SPAN_FMT(t->text));
	memcpy(j->at, &v, sizeof(v));
	return true;
}

static bool choice(struct job *j, const struct conf_token *t)
{
	struct conf_nearest n;
	struct buf b;
	conf_nearest_init(&n, t->text);
	buf_init(&b, 256);
	for (uint32_t i = 0; j->o->choices[i]; i++) {
		struct span c = span_cstr(j->o->choices[i]);
		if (span_empty(c))
			continue;
		if (span_eq(t->text, c)) {
			memcpy(j->at, &i, sizeof(i));
			buf_free(&b);
			return true;
		}
		conf_nearest_try(&n, c);
		if (buf_len(&b))
			buf_add(&b, j->o->choices[i + 1] ? SPAN(", ")
							 : SPAN(" or "));
		buf_add(&b, c);
	}
	struct span all = buf_span(&b);
	(void)WRONG(j, t, "%s is %.*s, not \"%.*s\"%s%s%s", j->o->name,
		    SPAN_FMT(all), SPAN_FMT(t->text),
		    n.best ? "; did you mean \"" : "", n.best ? n.best : "",
		    n.best ? "\"?" : "");
	buf_free(&b);
	return false;
}

static bool set_span(struct job *j, struct span s)
{
	struct span copy;
	if (!arena_copy(j->p->arena, s, &copy))
		return no_memory(j);
	memcpy(j->at, &copy, sizeof(copy));
	return true;
}

static bool lower(struct job *j, struct span s, struct span *out)
{
	char *low = arena_bytes(j->p->arena, s.len);
	for (size_t i = 0; low && i < s.len; i++)
		low[i] = ascii_lower(s.ptr[i]);
	*out = span_of(low, s.len);
	return low != NULL;
}

static bool host_span(struct job *j, const struct conf_token *t,
		      struct span *out)
{
	if (!conf_is_host(t->text))
		return WRONG(j, t,
			     "%s takes a host name such as mx.example.org, not "
			     "\"%.*s\"; other scripts are written as xn--",
			     j->o->name, SPAN_FMT(t->text));
	return lower(j, t->text, out) || no_memory(j);
}

static bool host(struct job *j, const struct conf_token *t)
{
	struct span s;
	if (!host_span(j, t, &s))
		return false;
	memcpy(j->at, &s, sizeof(s));
	return true;
}

static bool text_length(struct job *j, const struct conf_token *t)
{
	if (t->text.len < j->o->min || t->text.len > j->o->max)
		return WRONG(j, t, "%s has %llu to %llu bytes, this has %zu",
			     j->o->name, (unsigned long long)j->o->min,
			     (unsigned long long)j->o->max, t->text.len);
	return true;
}

static bool path(struct job *j, const struct conf_token *t)
{
	if (!conf_is_path(t->text))
		return WRONG(j, t, "%s takes a path from the root, with a / in "
				   "front, not \"%.*s\"",
			     j->o->name, SPAN_FMT(t->text));
	return text_length(j, t) && set_span(j, t->text);
}

static bool text(struct job *j, const struct conf_token *t)
{
	return text_length(j, t) && set_span(j, t->text);
}

static bool name(struct job *j, const struct conf_token *t)
{
	if (!conf_is_name(t->text))
		return WRONG(j, t,
			     "%s takes the name of a block: letters, digits, - _ "
			     "and ., not \"%.*s\"",
			     j->o->name, SPAN_FMT(t->text));
	return set_span(j, t->text);
}

/* Only the shape: which suites there are the TLS library knows. */
static bool ciphers(struct job *j, const struct conf_token *t)
{
	struct span s = t->text, part;
	bool more = true;
	while (more) {
		more = span_cut(&s, ':', &part);
		bool ok = part.len > 0;
		for (size_t i = 0; i < part.len; i++)
			ok &= ascii_alnum(part.ptr[i]) ||
			      memchr("!+-@=_", part.ptr[i], 6);
		if (!ok)
			return WRONG(j, t,
				     "%s takes suites in the syntax of OpenSSL, "
				     "such as \"ECDHE+AESGCM:!aNULL\"; \"%.*s\" "
				     "is not one",
				     j->o->name, SPAN_FMT(part));
	}
	return text_length(j, t) && set_span(j, t->text);
}

static bool one_net(struct job *j, const struct conf_token *t,
		    struct conf_net *out)
{
	bool whole = j->o->type == CONF_ADDRESSES;
	struct span s = t->text;
	if (span_eq(s, SPAN("*")))
		return WRONG(j, t, "write 0.0.0.0 for every IPv4 address and :: "
				   "for every IPv6 address");
	size_t colon = span_find(s, ':');
	bool with_port = colon != SIZE_MAX && colon == span_find_last(s, ':') &&
			 span_has(span_sub(s, 0, colon), '.');
	if (span_has(s, '[') || with_port)
		return WRONG(j, t,
			     "write the address alone, without brackets and "
			     "without a port");
	if (!conf_net_parse(s, out) || (whole && span_has(s, '/')))
		return WRONG(j, t, "%s takes %s, not \"%.*s\"", j->o->name,
			     whole ? "addresses such as 192.0.2.1 or 2001:db8::1"
				   : "networks such as 192.0.2.0/24 or "
				     "2001:db8::/32",
			     SPAN_FMT(s));
	if (conf_net_mask(out)) {
		struct buf b;
		buf_init(&b, 64);
		conf_net_print(out, false, &b);
		struct span net = buf_span(&b);
		(void)WRONG(j, t, "\"%.*s\" has bits behind its prefix; write "
				  "%.*s",
			    SPAN_FMT(s), SPAN_FMT(net));
		buf_free(&b);
		return false;
	}
	return true;
}

static bool same_net(const struct conf_net *a, const struct conf_net *b)
{
	return a->family == b->family && a->bits == b->bits &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool nets(struct job *j, const struct conf_token *v, size_t n)
{
	struct conf_net *at = ARENA_ARRAY(j->p->arena, n, struct conf_net);
	if (!at)
		return no_memory(j);
	for (size_t i = 0; i < n; i++) {
		if (!one_net(j, &v[i], &at[i]))
			return false;
		for (size_t k = 0; k < i; k++)
			if (same_net(&at[k], &at[i]))
				return WRONG(j, &v[i],
					     "\"%.*s\" stands twice; remove one",
					     SPAN_FMT(v[i].text));
	}
	struct conf_nets list = {at, n};
	memcpy(j->at, &list, sizeof(list));
	return true;
}

/* What the parser made of it, as it should be written. */
static bool write_so(struct job *j, const struct conf_token *t,
		     const struct conf_resolver *r)
{
	struct buf b;
	buf_init(&b, 64);
	conf_resolver_print(r, &b);
	struct span s = buf_span(&b);
	(void)WRONG(j, t, "write %.*s", SPAN_FMT(s));
	buf_free(&b);
	return false;
}

static bool one_resolver(struct job *j, const struct conf_token *t,
			 struct conf_resolver *out)
{
	struct span s = t->text;
	switch (conf_resolver_parse(s, out)) {
	case CONF_PORT_RIGHT:
		return true;
	case CONF_PORT_ALONE:
	case CONF_PORT_AT:
		return write_so(j, t, out);
	case CONF_PORT_RANGE:
		return WRONG(j, t, "\"%.*s\": a port is a number between 1 and "
				   "65535, behind a colon",
			     SPAN_FMT(s));
	case CONF_PORT_ADDRESS:
		break;
	}
	return WRONG(j, t, "%s takes addresses such as 192.0.2.1, 2001:db8::1, "
			   "192.0.2.1:5353 or [2001:db8::1]:5353, not \"%.*s\"",
		     j->o->name, SPAN_FMT(s));
}

static bool resolvers(struct job *j, const struct conf_token *v, size_t n)
{
	struct conf_resolver *at =
		ARENA_ARRAY(j->p->arena, n, struct conf_resolver);
	if (!at)
		return no_memory(j);
	for (size_t i = 0; i < n; i++) {
		if (!one_resolver(j, &v[i], &at[i]))
			return false;
		for (size_t k = 0; k < i; k++)
			if (conf_resolver_eq(&at[k], &at[i]))
				return WRONG(j, &v[i],
					     "\"%.*s\" stands twice; remove one",
					     SPAN_FMT(v[i].text));
	}
	struct conf_resolvers list = {at, n};
	memcpy(j->at, &list, sizeof(list));
	return true;
}

static bool one_pattern(struct job *j, const struct conf_token *t,
			struct span *out)
{
	if (!conf_is_pattern(t->text))
		return WRONG(j, t, "%s takes domains such as example.org, "
				   ".example.org for all below it, or * for "
				   "every domain, not \"%.*s\"",
			     j->o->name, SPAN_FMT(t->text));
	if (!lower(j, t->text, out))
		return no_memory(j);
	return true;
}

/* Here a value may come twice: what waits an hour may wait an hour again. */
static bool durations(struct job *j, const struct conf_token *v, size_t n)
{
	uint64_t *at = ARENA_ARRAY(j->p->arena, n, uint64_t);
	struct conf_durations list = {at, n};
	if (!at)
		return no_memory(j);
	for (size_t i = 0; i < n; i++) {
		struct job one = {j->p, j->o, &at[i]};
		if (!duration(&one, &v[i]))
			return false;
	}
	memcpy(j->at, &list, sizeof(list));
	return true;
}

/* As a block's name, but as long as a digest may be. */
static bool is_word(struct span s)
{
	if (s.len > WORD_MAX)
		return false;
	for (; s.len > CONF_NAME_MAX; s.len--)
		if (!ascii_alnum(s.ptr[s.len - 1]))
			return false;
	return conf_is_name(s);
}

static bool one_word(struct job *j, const struct conf_token *t,
		     struct span *out)
{
	struct span s = t->text;
	if (j->o->type == CONF_SECRETS) {
		if (!span_starts(s, SPAN("file:")))
			return WRONG(j, t,
				     "%s takes a reference such as "
				     "file:/etc/letterlock/key.pem; a secret "
				     "itself never stands in this file",
				     j->o->name);
		s = span_skip(s, 5);
	}
	if (j->o->type == CONF_DOMAINS)
		return one_pattern(j, t, out);
	if (j->o->type == CONF_ACCOUNT_NAMES && !conf_is_address(s))
		return WRONG(j, t, "%s takes addresses of accounts such as "
				   "info@example.org, separated by blanks",
			     j->o->name);
	bool paths = j->o->type == CONF_PATHS || j->o->type == CONF_SECRETS;
	if (paths && (!conf_is_path(s) || s.len > 1000))
		return WRONG(j, t, "%s takes paths from the root, with a / in "
				   "front and at most 1000 bytes",
			     j->o->name);
	if (j->o->type == CONF_WORDS && !is_word(s))
		return WRONG(j, t, "%s takes words of letters, digits, - _ and "
				   "., separated by blanks",
			     j->o->name);
	if (!arena_copy(j->p->arena, s, out))
		return no_memory(j);
	return true;
}

static bool words(struct job *j, const struct conf_token *v, size_t n)
{
	struct span *at = ARENA_ARRAY(j->p->arena, n, struct span);
	if (!at)
		return no_memory(j);
	for (size_t i = 0; i < n; i++) {
		if (!one_word(j, &v[i], &at[i]))
			return false;
		for (size_t k = 0; k < i; k++)
			if (span_eq(at[k], at[i]))
				return WRONG(j, &v[i],
					     "\"%.*s\" stands twice; remove one",
					     SPAN_FMT(v[i].text));
	}
	struct conf_words list = {at, n};
	memcpy(j->at, &list, sizeof(list));
	return true;
}

static bool sni(struct job *j, const struct conf_token *v, size_t n)
{
	struct conf_snis list;
	struct conf_sni pair;
	memcpy(&list, j->at, sizeof(list));
	if (n != 2)
		return WRONG(j, v, "sni takes a host name and the name of a "
				   "certificate block");
	if (!host_span(j, &v[0], &pair.name))
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (span_eq(list.at[i].name, pair.name))
			return WRONG(j, v, "sni for %.*s stands twice in this "
					   "listener; remove one",
				     SPAN_FMT(pair.name));
	if (list.count == CONF_SNI_MAX)
		return WRONG(j, v, "more than %u names in one listener; use one "
				   "certificate for several names",
			     CONF_SNI_MAX);
	if (!conf_is_name(v[1].text))
		return WRONG(j, &v[1], "sni takes the name of a certificate "
				       "block, not \"%.*s\"",
			     SPAN_FMT(v[1].text));
	/* The first pair makes room for all: the list never moves. */
	struct conf_sni *at = (struct conf_sni *)(uintptr_t)list.at;
	if (list.count == 0)
		list.at = at = ARENA_ARRAY(j->p->arena, CONF_SNI_MAX,
					   struct conf_sni);
	if (!at || !arena_copy(j->p->arena, v[1].text, &pair.certificate))
		return no_memory(j);
	at[list.count++] = pair;
	memcpy(j->at, &list, sizeof(list));
	return true;
}

/* With the domain in lower case. */
static bool map_side(struct job *j, struct span s, struct span *out)
{
	size_t at = span_find_last(s, '@');
	char *p = arena_bytes(j->p->arena, s.len);
	for (size_t i = 0; p && i < s.len; i++)
		p[i] = i > at ? ascii_lower(s.ptr[i]) : s.ptr[i];
	*out = span_of(p, s.len);
	return p != NULL;
}

static bool map_shape(struct job *j, const struct conf_token *v, size_t n)
{
	if (n != 2)
		return WRONG(j, v, "%s takes an address and what it becomes, or "
				   "@example.org and @example.com for all of a "
				   "domain",
			     j->o->name);
	for (size_t i = 0; i < 2; i++)
		if (!conf_is_map_side(v[i].text))
			return WRONG(j, &v[i], "%s takes addresses such as "
					       "alice@example.org, or "
					       "@example.org for all of a domain, "
					       "not \"%.*s\"",
				     j->o->name, SPAN_FMT(v[i].text));
	if (!conf_is_map(v[0].text, v[1].text))
		return WRONG(j, &v[1], "an address becomes an address, and a "
				       "domain with an @ in front another "
				       "domain, not \"%.*s\"",
			     SPAN_FMT(v[1].text));
	if (span_eq_nocase(v[0].text, v[1].text))
		return WRONG(j, &v[1], "\"%.*s\" becomes itself; remove the "
				       "statement",
			     SPAN_FMT(v[1].text));
	return true;
}

static bool map(struct job *j, const struct conf_token *v, size_t n)
{
	struct conf_maps list;
	struct conf_map pair;
	memcpy(&list, j->at, sizeof(list));
	if (!map_shape(j, v, n))
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (span_eq_nocase(list.at[i].from, v[0].text))
			return WRONG(j, v, "%s for %.*s stands twice; remove one",
				     j->o->name, SPAN_FMT(v[0].text));
	if (list.count == CONF_MAPS_MAX)
		return WRONG(j, v, "%s stands more than %u times; use one for a "
				   "whole domain, or aliases",
			     j->o->name, CONF_MAPS_MAX);
	/* As in sni: the list never moves. */
	struct conf_map *at = (struct conf_map *)(uintptr_t)list.at;
	if (list.count == 0)
		list.at = at = ARENA_ARRAY(j->p->arena, CONF_MAPS_MAX,
					   struct conf_map);
	if (!at || !map_side(j, v[0].text, &pair.from) ||
	    !map_side(j, v[1].text, &pair.to))
		return no_memory(j);
	at[list.count++] = pair;
	memcpy(j->at, &list, sizeof(list));
	return true;
}

static bool list(struct job *j, const struct conf_token *v, size_t n)
{
	if (j->o->type == CONF_SNIS)
		return sni(j, v, n);
	if (j->o->type == CONF_MAPS)
		return map(j, v, n);
	uint64_t most = j->o->type == CONF_DURATIONS ? CONF_STEPS_MAX
						     : j->o->max;
	if (n > most)
		return WRONG(j, &v[most], "%s takes at most %llu values",
			     j->o->name, (unsigned long long)most);
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == CONF_T_WORD && v[i].text.len > 1 &&
		    v[i].text.ptr[v[i].text.len - 1] == ',')
			return WRONG(j, &v[i],
				     "values are separated by blanks; remove the "
				     "comma");
	if (j->o->type == CONF_ADDRESSES || j->o->type == CONF_NETWORKS)
		return nets(j, v, n);
	if (j->o->type == CONF_RESOLVERS)
		return resolvers(j, v, n);
	if (j->o->type == CONF_DURATIONS)
		return durations(j, v, n);
	return words(j, v, n);
}

static bool (*const single[])(struct job *, const struct conf_token *) = {
	[CONF_BOOL] = boolean,	   [CONF_NUMBER] = number,
	[CONF_SIZE] = size,	   [CONF_DURATION] = duration,
	[CONF_PERCENT] = percent,  [CONF_CHOICE] = choice,
	[CONF_STRING] = text,	   [CONF_CIPHERS] = ciphers,
	[CONF_NAME] = name,	   [CONF_HOST] = host,
	[CONF_PATH] = path,
};

bool conf_value_parse(struct conf_parsing *p, const struct conf_option *o,
		      const struct conf_token *name_token,
		      const struct conf_token *values, size_t n, void *at)
{
	struct job j = {p, o, at};
	if (n == 0)
		return WRONG(&j, name_token, "%s needs a value: %s", o->name,
			     conf_type_name(o->type));
	if (o->type > CONF_PATH)
		return list(&j, values, n);
	if (n > 1)
		return WRONG(&j, &values[1],
			     "%s takes one value; put a ; behind \"%.*s\"",
			     o->name, SPAN_FMT(values[0].text));
	return single[o->type](&j, &values[0]);
}

bool conf_value_initial(struct conf_parsing *p, const struct conf_option *o,
			void *at)
{
	struct conf_token v[8] = {0}, none = {0};
	size_t n = 0;
	if (!o->initial)
		return true;
	struct span rest = span_cstr(o->initial);
	/* Several words are several values where there may be several. */
	char blank = o->type > CONF_PATH ? ' ' : '\0';
	do {
		ENSURE(n < ARRAY_LEN(v));
		v[n].kind = CONF_T_WORD;
		span_cut(&rest, blank, &v[n++].text);
	} while (!span_empty(rest));
	bool ok = conf_value_parse(p, o, &none, v, n, at);
	ENSURE(ok || p->memory);
	return ok;
}
