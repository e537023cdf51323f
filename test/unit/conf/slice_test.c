/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/slice: a role gets what its rows name and nothing else; a slice that
 * was touched is refused or harmless.
 */
#include "help.h"

#include "conf/options.h"
#include "conf/slice.h"

#define TEXT                                                                   \
	HOST "certificate a { chain /chain; key file:/secret-key; }"           \
	     "certificate b { chain /chain-b; key file:/secret-b; }"           \
	     "tls { certificate a; }"                                          \
	     "accounts { quota 5G; } data /the/data; log { tag the-tag; }"     \
	     "limits { exempt 10.0.0.0/8 2001:db8::/32; recipients 77; }"      \
	     "queue { retry 1m 1m 2h; }"                                       \
	     "dns { resolvers 192.0.2.53 [2001:db8::53]:5353; } auth { login-domain log.in; }"     \
	     "rewrite { recipient a@b.example c@d.example; keep-users u; masquerade m.n; }" \
	     "listener m { role mx; limits { errors 5; } }"                    \
	     "listener i { role imap; sni i.example.org b; }"                  \
	     "listener c { role admin; path /the/control; }"                   \
	     "destination d { domain d.example; host the.relay.example; port 2525;"   \
	     " login me; password file:/the/password; }"           \
	     "source s { address 192.0.2.7; connections 5; per-minute 60; }"

struct sliced {
	struct conf_snapshot *s;
	struct buf b;
	struct arena *a;
};

static const struct conf *slice(struct sliced *x, enum conf_role role)
{
	x->s = must_parse(TEXT);
	x->a = arena_new(CONF_MEMORY_MAX);
	assert_non_null(x->a);
	buf_init(&x->b, CONF_SLICE_MAX);
	conf_slice(x->s, role, &x->b);
	assert_true(buf_ok(&x->b));
	const struct conf *c = conf_slice_read(buf_span(&x->b), role, x->a);
	assert_non_null(c);
	return c;
}

static void unslice(struct sliced *x)
{
	conf_snapshot_free(x->s);
	buf_free(&x->b);
	arena_free(x->a);
}

static bool zero(const void *at, size_t n)
{
	const unsigned char *p = at;
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* A list's empty array may have an address: what counts is that it is empty. */
static void compare(const struct conf_option *o, bool visible, const void *got,
		    const void *whole)
{
	size_t n = conf_type_size(o->type);
	if (!visible)
		assert_true(zero(got, n));
	else if (o->type <= CONF_CHOICE)
		assert_memory_equal(got, whole, n);
	else if (o->type <= CONF_PATH)
		assert_true(span_eq(*(const struct span *)got,
				    *(const struct span *)whole));
	else
		assert_int_equal(((const struct conf_words *)got)->count,
				 ((const struct conf_words *)whole)->count);
}

static void rows_decide_what_a_role_sees(void **state)
{
	(void)state;
	for (unsigned role = 0; role < CONF_ROLES; role++) {
		struct sliced x;
		const struct conf *c = slice(&x, role), *w = conf_values(x.s);
		for (size_t k = 0; k < conf_option_count; k++) {
			const struct conf_option *o = &conf_options[k];
			const struct conf_block_info *b =
				&conf_blocks[o->block];
			bool visible = o->roles >> role & 1;
			if (!b->named)
				compare(o, visible,
					(const char *)c + b->offset + o->offset,
					(const char *)w + b->offset +
						o->offset);
			for (size_t i = 0; o->block == CONF_B_CERTIFICATE &&
					   i < c->certificate_count;
			     i++)
				compare(o, visible,
					(const char *)&c->certificates[i] +
						o->offset,
					(const char *)conf_certificate(
						w, c->certificates[i].name) +
						o->offset);
			for (size_t i = 0; o->block == CONF_B_DESTINATION &&
					   i < c->destination_count;
			     i++)
				compare(o, visible,
					(const char *)&c->destinations[i] +
						o->offset,
					(const char *)&w->destinations[i] +
						o->offset);
			for (size_t i = 0; o->block == CONF_B_SOURCE &&
					   i < c->source_count;
			     i++)
				compare(o, visible,
					(const char *)&c->sources[i] +
						o->offset,
					(const char *)&w->sources[i] +
						o->offset);
			for (size_t i = 0; (o->block == CONF_B_LISTENER ||
					    b->inherited) &&
					   i < c->listener_count;
			     i++)
				compare(o, visible,
					(const char *)&c->listeners[i] +
						b->listener_offset + o->offset,
					(const char *)conf_listener(
						w, c->listeners[i].name) +
						b->listener_offset + o->offset);
		}
		unslice(&x);
	}
}

static void the_bytes_hold_no_foreign_secret(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint32_t roles;
	} rows[] = {
		{"/secret", 1u << CONF_SUPERVISOR},
		{"the-tag", 1u << CONF_LOGGER},
		{"log.in", 1u << CONF_AUTH},
		{"/the/control", 1u << CONF_SUPERVISOR},
		{"the.relay", 1u << CONF_COURIER},
		{"/the/password", 1u << CONF_SUPERVISOR},
	};
	for (unsigned role = 0; role < CONF_ROLES; role++) {
		struct sliced x;
		(void)slice(&x, role);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			assert_int_equal(
				span_find_span(buf_span(&x.b),
					       span_cstr(rows[i].what)) !=
					SIZE_MAX,
				rows[i].roles >> role & 1);
		unslice(&x);
	}
}

static void store_and_courier_see_sources(void **state)
{
	(void)state;
	for (unsigned role = 0; role < CONF_ROLES; role++) {
		struct sliced x;
		const struct conf *c = slice(&x, role);
		bool sees = role == CONF_STORE || role == CONF_COURIER;
		assert_int_equal(c->source_count, sees ? 1 : 0);
		if (sees)
			assert_true(span_eq(c->sources[0].name, SPAN("s")));
		unslice(&x);
	}
}

static void the_courier_sees_where_a_rule_stands(void **state)
{
	(void)state;
	struct sliced x;
	const struct conf *c = slice(&x, CONF_COURIER);
	assert_int_equal(c->destination_count, 1);
	assert_true(span_eq(c->destinations[0].name, SPAN("d")));
	assert_true(span_eq(c->destinations[0].file, SPAN("t.conf")));
	assert_int_equal(c->destinations[0].line, 2);
	unslice(&x);
	(void)slice(&x, CONF_EDGE_MX);
	unslice(&x);
}

static void pools_see_their_own_listeners(void **state)
{
	(void)state;
	static const size_t listeners[CONF_ROLES] = {
		[CONF_SUPERVISOR] = 4, [CONF_EDGE_MX] = 1,
		[CONF_EDGE_ACCESS] = 1, [CONF_EDGE_ADMIN] = 4,
		[CONF_EDGE_LOCAL] = 1, [CONF_VAULT] = 4,
		[CONF_DIALER] = 4};
	static const size_t certificates[CONF_ROLES] = {
		[CONF_SUPERVISOR] = 2, [CONF_EDGE_MX] = 1,
		[CONF_EDGE_ACCESS] = 2, [CONF_EDGE_ADMIN] = 2,
		[CONF_VAULT] = 2};
	for (unsigned role = 0; role < CONF_ROLES; role++) {
		struct sliced x;
		const struct conf *c = slice(&x, role);
		assert_int_equal(c->listener_count, listeners[role]);
		assert_int_equal(c->certificate_count, certificates[role]);
		unslice(&x);
	}
	struct sliced x;
	const struct conf *c = slice(&x, CONF_EDGE_MX);
	assert_int_equal(conf_listener(c, SPAN("m"))->limits.errors, 5);
	assert_int_equal(conf_listener(c, SPAN("m"))->limits.recipients, 77);
	assert_int_equal(conf_listener(c, SPAN("m"))->limits.exempt.at[1].bits,
			 32);
	unslice(&x);
	c = slice(&x, CONF_DIALER);
	assert_int_equal(c->dns.resolvers.count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(conf_resolver_eq(
			&c->dns.resolvers.at[i],
			&conf_values(x.s)->dns.resolvers.at[i]));
	assert_int_equal(c->dns.resolvers.at[0].port, 53);
	assert_int_equal(c->dns.resolvers.at[1].port, 5353);
	unslice(&x);
	c = slice(&x, CONF_STORE);
	assert_int_equal(c->queue.retry.count, 3);
	assert_true(c->queue.retry.at[1] == 60 && c->queue.retry.at[2] == 7200);
	unslice(&x);
}

static void another_role_cut_or_grown_is_refused(void **state)
{
	(void)state;
	for (unsigned role = 0; role < CONF_ROLES; role++) {
		struct sliced x;
		(void)slice(&x, role);
		struct span all = buf_span(&x.b);
		for (size_t n = 0; n < all.len; n++)
			assert_null(conf_slice_read(span_sub(all, 0, n), role,
						    x.a));
		enum conf_role next = (role + 1) % CONF_ROLES;
		assert_null(conf_slice_read(all, next, x.a));
		assert_null(conf_slice_read(all, CONF_ROLES, x.a));
		buf_addc(&x.b, 0);
		assert_null(conf_slice_read(buf_span(&x.b), role, x.a));
		unslice(&x);
	}
}

static void values_out_of_range_are_refused(void **state)
{
	(void)state;
	struct sliced x;
	(void)slice(&x, CONF_LOGGER);
	/* After the head: the host name, then the choice of a log format. */
	size_t at = 13 + 4 + strlen("mx.example.org");
	x.b.data[at] = 3;
	assert_null(conf_slice_read(buf_span(&x.b), CONF_LOGGER, x.a));
	x.b.data[at] = 2;
	const struct conf *c =
		conf_slice_read(buf_span(&x.b), CONF_LOGGER, x.a);
	assert_non_null(c);
	assert_int_equal(c->log.format, CONF_LOG_SYSLOG);
	x.b.data[4] ^= 1; /* another table */
	assert_null(conf_slice_read(buf_span(&x.b), CONF_LOGGER, x.a));
	unslice(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_decide_what_a_role_sees),
		cmocka_unit_test(the_bytes_hold_no_foreign_secret),
		cmocka_unit_test(pools_see_their_own_listeners),
		cmocka_unit_test(store_and_courier_see_sources),
		cmocka_unit_test(the_courier_sees_where_a_rule_stands),
		cmocka_unit_test(another_role_cut_or_grown_is_refused),
		cmocka_unit_test(values_out_of_range_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
