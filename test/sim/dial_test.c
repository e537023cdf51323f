/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialer as the courier and fetch see it, on a simulated world: typed answers
 * with their trust, connections that race, and what is forbidden.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ipc/over_os.h"
#include "names.h"
#include "os/sock.h"
#include "role/dialer/dialer.h"
#include "role/dialer/role.h"

#define HEAD                                                                   \
	"hostname mx.example.test;\ndata /nowhere;\nstore { engine memory; }\n"  \
	"dns { lookups off; }\n"

#define CONF HEAD "outgoing { reach 127.0.0.0/8 ::1; ports 2525 2526; web-ports 8443; }\n"

static const struct names_row rows[] = {
	{"example.org", DNS_MX, "10 mx1.example.org", RESOLVER_SECURE},
	{"example.org", DNS_MX, "5 MX0.example.org", RESOLVER_SECURE},
	{"example.org", DNS_TXT, "v=one", RESOLVER_INSECURE},
	{"example.org", DNS_TXT, "v=two", RESOLVER_INSECURE},
	{"mx0.example.org", DNS_A, "127.0.0.2", RESOLVER_SECURE},
	{"mx0.example.org", DNS_AAAA, "::1", RESOLVER_SECURE},
	{"v4.example.org", DNS_A, "127.0.0.2", RESOLVER_INSECURE},
	{"_25._tcp.mx0.example.org", DNS_TLSA, "030101abcd", RESOLVER_SECURE},
	{"_25._tcp.mx0.example.org", DNS_TLSA, "03", RESOLVER_SECURE},
	{"alias.example.org", DNS_CNAME, "example.org", RESOLVER_INSECURE},
	{"www.example.org", DNS_CNAME, "mx0.example.org", RESOLVER_SECURE},
	{"out.example.org", DNS_CNAME, "far.example.net", RESOLVER_SECURE},
	{"far.example.net", DNS_A, "127.0.0.3", RESOLVER_INSECURE},
	{"null.example.org", DNS_MX, "0 .", RESOLVER_INSECURE},
	{"forged.example.org", 0, NULL, RESOLVER_BOGUS},
	{"broken.example.org", 0, NULL, RESOLVER_FAILED},
	{"silent.example.org", 0, NULL, RESOLVER_TIMEOUT},
	{"inner.example.org", DNS_A, "10.0.0.1", RESOLVER_INSECURE},
};

struct fix {
	struct house *house;
	struct house_role *dialer;
	struct courier_dialer *courier;
	struct fetch_dialer *fetch;
	struct names names;
	struct arena *arena;
	size_t open;
};

static void begin(void **state, const char *conf)
{
	struct fix *f = calloc(1, sizeof *f);
	const struct ipc_owner owner = {.role = f};

	assert_non_null(f);
	f->house = house_new(7, conf);
	f->dialer = house_raise(f->house, &dialer_role, KIND_DIALER);
	assert_true(house_activate(f->dialer));
	f->courier = courier_dialer_join_courier(
		house_link(f->dialer, HOP_COURIER_DIALER, KIND_EDGE_ADMIN), &owner);
	f->fetch = fetch_dialer_join_fetch(
		house_link(f->dialer, HOP_FETCH_DIALER, KIND_EDGE_ADMIN), &owner);
	f->names = (struct names){.rows = rows, .count = ARRAY_LEN(rows),
				  .absent = RESOLVER_SECURE};
	names_serve(&f->names, f->dialer);
	f->arena = arena_new(1u << 20);
	house_run(f->house, 5);
	f->open = sim_open(house_world(f->house));
	*state = f;
}

static int setup(void **state)
{
	begin(state, CONF);
	return 0;
}

/* Whatever happened, nothing is left open. */
static int teardown(void **state)
{
	struct fix *f = *state;

	house_run(f->house, 5);
	assert_int_equal(sim_open(house_world(f->house)), f->open);
	assert_int_equal(f->dialer->broken, 0);
	ipc_free(courier_dialer_ipc(f->courier));
	ipc_free(fetch_dialer_ipc(f->fetch));
	house_free(f->house);
	arena_free(f->arena);
	free(f);
	return 0;
}

static void answered(void *ctx, enum ipc_result r)
{
	assert_int_equal(r, IPC_OK);
	*(bool *)ctx = true;
}

#define ASK(f, call, m, rep)                                                   \
	do {                                                                   \
		bool done = false;                                             \
		arena_reset((f)->arena);                                       \
		assert_int_equal(courier_dialer_##call##_start(                \
					 (f)->courier, (m), (f)->arena, (rep), \
					 IPC_NEVER, answered, &done),          \
				 IPC_OK);                                      \
		assert_true(house_until((f)->house, &done, 200000));           \
	} while (0)

/* ---- answers ---------------------------------------------------------------- */

static struct courier_dialer_mx_reply mx(struct fix *f, const char *name)
{
	struct courier_dialer_mx m = {.name = span_cstr(name)};
	struct courier_dialer_mx_reply rep;
	ASK(f, mx, &m, &rep);
	return rep;
}

static struct courier_dialer_addresses_reply addresses(struct fix *f,
						       const char *name)
{
	struct courier_dialer_addresses m = {.name = span_cstr(name)};
	struct courier_dialer_addresses_reply rep;
	ASK(f, addresses, &m, &rep);
	return rep;
}

static void mx_records(void **state)
{
	struct fix *f = *state;
	struct courier_dialer_mx_reply r = mx(f, "Example.ORG.");
	assert_int_equal(r.trust, COURIER_DIALER_TRUST_SECURE);
	assert_true(r.found && r.mx_count == 2 && r.ttl == 300);
	assert_true(span_eq(r.mx[0].name, SPAN("mx0.example.org")));
	assert_int_equal(r.mx[1].preference, 10);
	assert_int_equal(r.canonical.len, 0);
	r = mx(f, "alias.example.org");
	assert_int_equal(r.trust, COURIER_DIALER_TRUST_INSECURE);
	assert_int_equal(r.mx_count, 2);
	assert_true(span_eq(r.canonical, SPAN("example.org")));
	r = mx(f, "null.example.org");
	assert_true(r.found && r.mx_count == 1 && r.mx[0].name.len == 0);
}

/* What nobody answered, or forged, is never "there is none". */
static void trust_of_what_is_not_there(void **state)
{
	struct fix *f = *state;
	static const struct {
		const char *name;
		enum courier_dialer_trust trust;
	} none[] = {
		{"nowhere.example.org", COURIER_DIALER_TRUST_SECURE},
		{"mx0.example.org", COURIER_DIALER_TRUST_SECURE}, /* no MX */
		{"forged.example.org", COURIER_DIALER_TRUST_BOGUS},
		{"broken.example.org", COURIER_DIALER_TRUST_FAILED},
		{"silent.example.org", COURIER_DIALER_TRUST_FAILED},
		{"no..name", COURIER_DIALER_TRUST_INSECURE},
	};
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct courier_dialer_mx_reply r = mx(f, none[i].name);
		assert_int_equal(r.trust, none[i].trust);
		assert_false(r.found);
		assert_int_equal(r.mx_count, 0);
		struct courier_dialer_tlsa m = {.name = span_cstr(none[i].name)};
		struct courier_dialer_tlsa_reply t;
		ASK(f, tlsa, &m, &t);
		assert_int_equal(t.trust, none[i].trust);
		assert_false(t.found);
		struct courier_dialer_txt x = {.name = span_cstr(none[i].name)};
		struct courier_dialer_txt_reply y;
		ASK(f, txt, &x, &y);
		assert_int_equal(y.trust, none[i].trust);
		assert_false(y.found);
	}
}

static void tlsa_and_txt(void **state)
{
	struct fix *f = *state;
	struct courier_dialer_tlsa m = {.name = SPAN("_25._tcp.mx0.example.org")};
	struct courier_dialer_tlsa_reply t;
	ASK(f, tlsa, &m, &t);
	assert_int_equal(t.trust, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(t.records_count, 2); /* also what makes no sense */
	assert_true(span_eq(t.records[0], SPAN("\3\1\1\xab\xcd")));
	struct courier_dialer_txt x = {.name = SPAN("example.org")};
	struct courier_dialer_txt_reply y;
	ASK(f, txt, &x, &y);
	assert_int_equal(y.records_count, 2);
	assert_true(span_eq(y.records[1], SPAN("v=two")));
}

static void addresses_of_both_families(void **state)
{
	struct fix *f = *state;
	struct courier_dialer_addresses_reply r = addresses(f, "mx0.example.org");
	struct addr v4 = addr_v4(127, 0, 0, 2, 0);
	assert_int_equal(r.v4, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(r.v6, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(r.addresses_count, 2);
	assert_int_equal(r.addresses[0][15], 1); /* IPv6 first */
	assert_memory_equal(r.addresses[1], v4.ip, 16);
	assert_int_equal(r.canonical.len, 0);
	assert_int_equal(r.ttl, 300);
	r = addresses(f, "v4.example.org");
	assert_int_equal(r.v4, COURIER_DIALER_TRUST_INSECURE);
	assert_int_equal(r.v6, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(r.addresses_count, 1);
	r = addresses(f, "nowhere.example.org");
	assert_int_equal(r.v4, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(r.addresses_count, 0);
	r = addresses(f, "broken.example.org");
	assert_int_equal(r.v4, COURIER_DIALER_TRUST_FAILED);
	r = addresses(f, "forged.example.org");
	assert_int_equal(r.v6, COURIER_DIALER_TRUST_BOGUS);
	r = addresses(f, "");
	assert_int_equal(r.v6, COURIER_DIALER_TRUST_INSECURE);
	assert_true(r.why.len > 0);
}

/* RFC 7671 section 7: a signed alias counts, whatever its end is. */
static void aliases_have_their_own_trust(void **state)
{
	struct fix *f = *state;
	struct courier_dialer_addresses_reply r = addresses(f, "www.example.org");
	assert_int_equal(r.v4, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(r.canonical_trust, COURIER_DIALER_TRUST_SECURE);
	assert_true(span_eq(r.canonical, SPAN("mx0.example.org")));
	unsigned before = f->names.asked;
	r = addresses(f, "out.example.org");
	assert_int_equal(f->names.asked - before, 3);
	assert_int_equal(r.v4, COURIER_DIALER_TRUST_INSECURE);
	assert_int_equal(r.canonical_trust, COURIER_DIALER_TRUST_SECURE);
	assert_true(span_eq(r.canonical, SPAN("far.example.net")));
	assert_int_equal(r.addresses_count, 1);
	r = addresses(f, "alias.example.org");
	assert_int_equal(r.canonical_trust, COURIER_DIALER_TRUST_INSECURE);
}

/* ---- questions under way -------------------------------------------------------- */

struct held {
	struct question *at[8];
	unsigned count;
};

static void hold(void *ctx, struct question *q, const struct dns_name *name,
		 uint16_t type)
{
	struct held *h = ctx;
	(void)name, (void)type;
	assert_true(h->count < ARRAY_LEN(h->at));
	h->at[h->count++] = q;
}

static void the_same_question_is_asked_once(void **state)
{
	struct fix *f = *state;
	struct courier_dialer_mx same = {.name = SPAN("example.org")};
	struct courier_dialer_mx cased = {.name = SPAN("EXAMPLE.org.")};
	struct courier_dialer_mx other = {.name = SPAN("example.net")};
	const struct courier_dialer_mx *m[] = {&same, &cased, &other, &same};
	struct courier_dialer_mx_reply rep[4];
	bool done[4] = {0};
	struct held held = {0};

	assert_true(dialer_script(f->dialer->role->self, hold, &held));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(courier_dialer_mx_start(f->courier, m[i], f->arena,
							 &rep[i],
							 IPC_NEVER, answered,
							 &done[i]),
				 IPC_OK);
	house_run(f->house, 50);
	assert_int_equal(held.count, 2);
	resolver_told(held.at[0], span_of(NULL, 0), RESOLVER_FAILED);
	house_run(f->house, 50);
	assert_true(done[0] && done[1] && !done[2] && done[3]);
	/* Nobody answers the other: each asker has its time. */
	house_run(f->house, 11000);
	assert_true(done[2]);
	assert_int_equal(rep[2].trust, COURIER_DIALER_TRUST_FAILED);
	assert_int_equal(house_figure(f->dialer, "pending"), 1);
	/* Asked again it joins the question that still is under way. */
	done[2] = false;
	assert_int_equal(courier_dialer_mx_start(f->courier, &other, f->arena, &rep[2],
						 IPC_NEVER, answered, &done[2]),
			 IPC_OK);
	house_run(f->house, 50);
	assert_int_equal(held.count, 2);
	resolver_told(held.at[1], span_of(NULL, 0), RESOLVER_FAILED);
	house_run(f->house, 50);
	assert_true(done[2]);
	assert_int_equal(house_figure(f->dialer, "pending"), 0);
}

static void lookups_off_is_said(void **state)
{
	struct fix *f = *state;
	struct dialer *d = f->dialer->role->self;
	resolver_free(d->resolver);
	d->resolver = NULL;
	struct courier_dialer_mx_reply r = mx(f, "example.org");
	assert_int_equal(r.trust, COURIER_DIALER_TRUST_FAILED);
	assert_true(span_eq(r.why, SPAN("lookups are off (dns lookups)")));
	struct courier_dialer_addresses_reply a = addresses(f, "example.org");
	assert_int_equal(a.v4, COURIER_DIALER_TRUST_FAILED);
	assert_int_equal(a.v6, COURIER_DIALER_TRUST_FAILED);
	assert_true(a.why.len > 0);
}

/* ---- connections ------------------------------------------------------------------ */

static struct courier_dialer_target at(struct addr a)
{
	struct courier_dialer_target t = {.port = a.port};
	memcpy(t.address, a.ip, sizeof t.address);
	return t;
}

static int listen_on(struct fix *f, struct addr a)
{
	int fd;
	assert_int_equal(sock_listen(house_world(f->house), &a,
				     (struct listen_how){0}, &fd),
			 OS_OK);
	return fd;
}

static struct courier_dialer_connect_reply
connect_to(struct fix *f, const struct courier_dialer_target *t, size_t n)
{
	struct courier_dialer_connect m = {.targets = t, .targets_count = n};
	struct courier_dialer_connect_reply rep;
	ASK(f, connect, &m, &rep);
	assert_int_equal(rep.has_connection,
			 rep.reached == COURIER_DIALER_REACHED_CONNECTED);
	return rep;
}

static struct addr v6_loopback(uint16_t port)
{
	return addr_v6((const uint8_t[16]){[15] = 1}, port);
}

static void a_connection_is_handed_over(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct addr a = addr_v4(127, 0, 0, 2, 2525), peer;
	struct courier_dialer_target t = at(a);
	int l = listen_on(f, a), other;
	char c;
	size_t n;

	struct courier_dialer_connect_reply r = connect_to(f, &t, 1);
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_CONNECTED);
	assert_int_equal(r.of, 0);
	assert_int_equal(r.attempts_count, 0);
	assert_int_equal(r.local[15], 1); /* 127.0.0.1 */
	assert_int_equal(sock_accept(w, l, &other, &peer), OS_OK);
	assert_int_equal(sock_write(w, other, "x", 1, &n), OS_OK);
	assert_int_equal(sock_read(w, r.connection, &c, 1, &n), OS_OK);
	assert_int_equal(c, 'x');
	world_close(w, other);
	world_close(w, r.connection);
	world_close(w, l);
}

static void families_take_turns(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct courier_dialer_target t[] = {
		at(addr_v4(127, 0, 0, 2, 2525)), at(addr_v4(127, 0, 0, 3, 2525)),
		at(v6_loopback(2525)), at(v6_loopback(2526)),
		at(addr_v4(127, 0, 0, 4, 2525))};
	struct courier_dialer_connect_reply r = connect_to(f, t, ARRAY_LEN(t));
	static const uint16_t order[] = {2, 0, 3, 1, 4};

	assert_int_equal(r.reached, COURIER_DIALER_REACHED_UNREACHABLE);
	assert_int_equal(r.attempts_count, ARRAY_LEN(t));
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(r.attempts[i].of, order[i]);
		assert_true(span_eq(r.attempts[i].why, SPAN("connection refused")));
	}
	/* The last of them is there. */
	int l = listen_on(f, addr_v4(127, 0, 0, 4, 2525));
	r = connect_to(f, t, ARRAY_LEN(t));
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_CONNECTED);
	assert_int_equal(r.of, 4);
	assert_int_equal(r.attempts_count, 4);
	world_close(w, r.connection);
	world_close(w, l);
}

/* Who is silent holds up nobody for more than a quarter of a second. */
static void silence_is_overtaken(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct courier_dialer_target t[] = {at(v6_loopback(2525)),
					    at(addr_v4(127, 0, 0, 2, 2525))};
	struct courier_dialer_connect m = {.targets = t, .targets_count = 2};
	struct courier_dialer_connect_reply rep;
	int l = listen_on(f, addr_v4(127, 0, 0, 2, 2525));
	bool done = false;

	assert_true(sim_fault_set(w, "sim.connect.hole", 1000000));
	assert_int_equal(courier_dialer_connect_start(f->courier, &m, f->arena, &rep,
						      IPC_NEVER, answered, &done),
			 IPC_OK);
	house_run(f->house, 200);
	assert_int_equal(house_figure(f->dialer, "connecting"), 1);
	assert_true(sim_fault_set(w, "sim.connect.hole", 0));
	house_run(f->house, 100);
	assert_true(done);
	assert_int_equal(rep.reached, COURIER_DIALER_REACHED_CONNECTED);
	assert_int_equal(rep.of, 1);
	assert_int_equal(rep.attempts_count, 1);
	assert_in_range(rep.attempts[0].milliseconds, 249, 300);
	assert_true(span_eq(rep.attempts[0].why, SPAN("another one was faster")));
	assert_int_equal(house_figure(f->dialer, "connecting"), 0);
	world_close(w, rep.connection);
	world_close(w, l);
}

static void silence_ends(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct courier_dialer_target t[DIAL_TARGETS_MAX];
	uint64_t began = world_now(w);

	assert_true(sim_fault_set(w, "sim.connect.hole", 1000000));
	for (size_t i = 0; i < DIAL_TARGETS_MAX; i++)
		t[i] = at(addr_v4(127, 0, 1, (uint8_t)i, 2525));
	struct courier_dialer_connect_reply r = connect_to(f, t, 1);
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_UNREACHABLE);
	assert_true(span_eq(r.why, SPAN("no answer within 30 seconds")));
	assert_in_range((world_now(w) - began) / NS_PER_SEC, 30, 31);
	/* All of them: so many at once, each its time. */
	began = world_now(w);
	r = connect_to(f, t, DIAL_TARGETS_MAX);
	assert_int_equal(r.attempts_count, DIAL_TARGETS_MAX);
	assert_in_range((world_now(w) - began) / NS_PER_SEC, 120, 130);
	assert_true(sim_fault_count(w, "sim.connect.hole") == DIAL_TARGETS_MAX + 1);
	assert_true(sim_fault_set(w, "sim.connect.hole", 0));
}

static void gave_up(void *ctx, enum ipc_result r)
{
	*(enum ipc_result *)ctx = r;
}

/* The caller's deadline ends it, and nothing stays open for him. */
static void the_deadline_ends_it(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct courier_dialer_target t = at(addr_v4(127, 0, 0, 2, 2525));
	struct courier_dialer_connect m = {.targets = &t, .targets_count = 1};
	struct courier_dialer_connect_reply rep;
	enum ipc_result got = IPC_OK;

	assert_true(sim_fault_set(w, "sim.connect.hole", 1000000));
	assert_int_equal(courier_dialer_connect_start(
				 f->courier, &m, f->arena, &rep,
				 world_now(w) + 2 * NS_PER_SEC, gave_up, &got),
			 IPC_OK);
	house_run(f->house, 1000);
	assert_int_equal(house_figure(f->dialer, "connecting"), 1);
	house_run(f->house, 1500);
	assert_int_equal(got, IPC_LATE);
	assert_int_equal(house_figure(f->dialer, "connecting"), 0);
	assert_true(sim_fault_set(w, "sim.connect.hole", 0));
}

/* Late answers and refusals, by seed: each dial ends, and ends once. */
static void late_and_refused(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct courier_dialer_target t[] = {at(v6_loopback(2525)),
					    at(addr_v4(127, 0, 0, 2, 2525)),
					    at(addr_v4(127, 0, 0, 3, 2525))};
	int l = listen_on(f, addr_v4(127, 0, 0, 2, 2525));
	unsigned connected = 0, other = 0;

	assert_true(sim_fault_set(w, "sim.connect.late", 700000));
	assert_true(sim_fault_set(w, "sim.connect.refused", 300000));
	assert_true(sim_fault_set(w, "sim.connect.hole", 200000));
	for (unsigned i = 0; i < 200; i++) {
		struct courier_dialer_connect_reply r = connect_to(f, t, 3);
		if (r.reached == COURIER_DIALER_REACHED_CONNECTED) {
			connected++;
			assert_int_equal(r.of, 1);
			world_close(w, r.connection);
		} else {
			assert_int_equal(r.reached,
					 COURIER_DIALER_REACHED_UNREACHABLE);
			assert_int_equal(r.attempts_count, 3);
			other++;
		}
		int fd;
		struct addr peer;
		while (sock_accept(w, l, &fd, &peer) == OS_OK)
			world_close(w, fd);
	}
	assert_true(connected > 40 && other > 40);
	assert_true(sim_fault_set(w, "sim.connect.late", 0));
	assert_true(sim_fault_set(w, "sim.connect.refused", 0));
	assert_true(sim_fault_set(w, "sim.connect.hole", 0));
	world_close(w, l);
}

static void what_is_forbidden_is_not_tried(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct courier_dialer_target inner = at(addr_v4(10, 0, 0, 1, 25));
	struct courier_dialer_target port = at(addr_v4(127, 0, 0, 2, 22));
	struct courier_dialer_target both[] = {inner,
					       at(addr_v4(127, 0, 0, 2, 2525))};
	int l = listen_on(f, addr_v4(10, 0, 0, 1, 25)), k, other;
	struct addr peer;

	struct courier_dialer_connect_reply r = connect_to(f, &inner, 1);
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_DENIED);
	assert_true(span_eq(r.why, SPAN("a private address")));
	assert_int_equal(sock_accept(w, l, &other, &peer), OS_AGAIN);
	r = connect_to(f, &port, 1);
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_DENIED);
	assert_true(span_eq(r.why, SPAN("a port that is not for this")));
	k = listen_on(f, addr_v4(127, 0, 0, 2, 2525));
	r = connect_to(f, both, 2);
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_CONNECTED);
	assert_int_equal(r.of, 1);
	assert_int_equal(r.attempts_count, 1);
	assert_int_equal(sock_accept(w, l, &other, &peer), OS_AGAIN);
	assert_int_equal(house_figure(f->dialer, "denied"), 2);
	world_close(w, r.connection);
	world_close(w, l);
	world_close(w, k);
}

static void no_targets_is_no_question(void **state)
{
	struct fix *f = *state;
	struct courier_dialer_connect m = {0};
	struct courier_dialer_connect_reply rep;
	enum ipc_result got = IPC_OK;

	assert_int_equal(courier_dialer_connect_start(f->courier, &m, f->arena, &rep,
						      IPC_NEVER, gave_up, &got),
			 IPC_OK);
	house_run(f->house, 50);
	assert_int_equal(got, IPC_NOT_NOW);
}

struct waiting {
	struct courier_dialer_connect_reply rep;
	bool done;
};

/* So many to one network at a time; the next is told so, and another is not. */
static void a_network_has_its_limit(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct waiting *all = calloc(DIAL_NETWORK_MAX + 2, sizeof *all);
	struct arena *a = arena_new(16u << 20);

	assert_true(all != NULL && a != NULL);
	assert_true(sim_fault_set(w, "sim.connect.hole", 1000000));
	for (unsigned i = 0; i < DIAL_NETWORK_MAX + 2; i++) {
		bool last = i == DIAL_NETWORK_MAX + 1;
		struct courier_dialer_target t =
			at(addr_v4(127, 0, last ? 1 : 0, (uint8_t)(i + 1), 2525));
		struct courier_dialer_connect m = {.targets = &t,
						   .targets_count = 1};
		assert_int_equal(courier_dialer_connect_start(
					 f->courier, &m, a, &all[i].rep, IPC_NEVER,
					 answered, &all[i].done),
				 IPC_OK);
	}
	house_run(f->house, 1000);
	assert_int_equal(house_figure(f->dialer, "connecting"), DIAL_NETWORK_MAX + 1);
	assert_true(all[DIAL_NETWORK_MAX].done);
	assert_int_equal(all[DIAL_NETWORK_MAX].rep.reached,
			 COURIER_DIALER_REACHED_BUSY);
	house_run(f->house, 31000);
	for (unsigned i = 0; i < DIAL_NETWORK_MAX + 2; i++)
		assert_true(all[i].done);
	assert_int_equal(house_figure(f->dialer, "connecting"), 0);
	assert_int_equal(house_figure(f->dialer, "busy"), 1);
	assert_true(sim_fault_set(w, "sim.connect.hole", 0));
	arena_free(a);
	free(all);
}

/* A channel has its limit; another has its own room beside it. */
static void a_channel_has_its_limit(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct waiting *all = calloc(DIAL_CLIENT_MAX + 1, sizeof *all);
	struct arena *a = arena_new(32u << 20);
	struct fetch_dialer_connect q = {.host = SPAN("v4.example.org"), .port = 8443};
	struct fetch_dialer_connect_reply rep;
	bool done = false;

	assert_true(all != NULL && a != NULL);
	assert_true(sim_fault_set(w, "sim.connect.hole", 1000000));
	for (unsigned i = 0; i <= DIAL_CLIENT_MAX; i++) {
		struct courier_dialer_target t =
			at(addr_v4(127, 1, (uint8_t)(i % 16), (uint8_t)(1 + i / 16), 2525));
		struct courier_dialer_connect m = {.targets = &t,
						   .targets_count = 1};
		assert_int_equal(courier_dialer_connect_start(
					 f->courier, &m, a, &all[i].rep, IPC_NEVER,
					 answered, &all[i].done),
				 IPC_OK);
	}
	house_run(f->house, 1000);
	assert_int_equal(house_figure(f->dialer, "connecting"), DIAL_CLIENT_MAX);
	assert_true(all[DIAL_CLIENT_MAX].done);
	assert_int_equal(all[DIAL_CLIENT_MAX].rep.reached,
			 COURIER_DIALER_REACHED_BUSY);
	assert_int_equal(fetch_dialer_connect_start(f->fetch, &q, a, &rep, IPC_NEVER,
						    answered, &done),
			 IPC_OK);
	house_run(f->house, 1000);
	assert_int_equal(house_figure(f->dialer, "connecting"), DIAL_CLIENT_MAX + 1);
	house_run(f->house, 31000);
	assert_true(done);
	assert_true(sim_fault_set(w, "sim.connect.hole", 0));
	arena_free(a);
	free(all);
}

/* The courier dies: what was being made for it is closed. */
static void who_dies_leaves_nothing(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	const struct ipc_owner owner = {.role = f};
	struct courier_dialer_target t = at(addr_v4(127, 0, 0, 2, 2525));
	struct courier_dialer_connect m = {.targets = &t, .targets_count = 1};
	struct courier_dialer_connect_reply rep;
	enum ipc_result got = IPC_OK;

	assert_true(sim_fault_set(w, "sim.connect.hole", 1000000));
	assert_int_equal(courier_dialer_connect_start(f->courier, &m, f->arena, &rep,
						      IPC_NEVER, gave_up, &got),
			 IPC_OK);
	house_run(f->house, 100);
	assert_int_equal(house_figure(f->dialer, "connecting"), 1);
	ipc_free(courier_dialer_ipc(f->courier));
	house_run(f->house, 100);
	assert_int_equal(got, IPC_DEAD);
	assert_int_equal(house_figure(f->dialer, "connecting"), 0);
	f->courier = courier_dialer_join_courier(
		house_link(f->dialer, HOP_COURIER_DIALER, KIND_EDGE_ADMIN), &owner);
	assert_true(sim_fault_set(w, "sim.connect.hole", 0));
}

/* ---- configured ---------------------------------------------------------------------- */

static int own_listeners(void **state)
{
	begin(state, HEAD "outgoing { reach 127.0.0.0/8; ports 2525 2526; }\n"
			  "tls { profile auto; }\n"
			  "listener a { role mx; address 127.0.0.9; port 2525; }\n"
			  "listener b { role mx; address 0.0.0.0; port 2526; }\n"
			  "listener c { role mx; address 127.0.0.8; port 2525; "
			  "enabled off; }\n");
	return 0;
}

static void ourselves(void **state)
{
	struct fix *f = *state;
	struct courier_dialer_target a = at(addr_v4(127, 0, 0, 9, 2525));
	struct courier_dialer_target b = at(addr_v4(127, 0, 0, 5, 2526));
	struct courier_dialer_target c = at(addr_v4(127, 0, 0, 8, 2525));
	const struct courier_dialer_target *ours[] = {&a, &b};

	for (size_t i = 0; i < 2; i++) {
		struct courier_dialer_connect_reply r = connect_to(f, ours[i], 1);
		assert_int_equal(r.reached, COURIER_DIALER_REACHED_OURSELVES);
		assert_true(span_eq(r.why, SPAN("it leads back to this server")));
	}
	/* Beside one that does not answer it is still what a loop looks like. */
	const struct courier_dialer_target both[] = {c, a};
	assert_int_equal(connect_to(f, both, 2).reached,
			 COURIER_DIALER_REACHED_OURSELVES);
	/* Switched off it is nobody's. */
	assert_int_equal(connect_to(f, &c, 1).reached,
			 COURIER_DIALER_REACHED_UNREACHABLE);
}

static int with_sources(void **state)
{
	begin(state, HEAD "outgoing { reach 127.0.0.0/8 ::1; ports 2525; "
			  "source 127.0.0.7 127.0.0.6; families ipv4-first; }\n");
	return 0;
}

static void sources(void **state)
{
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct addr a = addr_v4(127, 0, 0, 2, 2525), other = addr_v4(127, 0, 0, 6, 0),
		    foreign = addr_v4(127, 0, 0, 5, 0);
	struct courier_dialer_target t[] = {at(v6_loopback(2525)), at(a)};
	struct courier_dialer_connect m = {
		.targets = t, .targets_count = 2, .has_source4 = true};
	struct courier_dialer_connect_reply r;
	int l = listen_on(f, a);

	/* The first one configured, and IPv4 goes first. */
	r = connect_to(f, t, 2);
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_CONNECTED);
	assert_int_equal(r.attempts_count, 0);
	assert_int_equal(r.local[15], 7);
	world_close(w, r.connection);
	memcpy(m.source4, other.ip, 16);
	ASK(f, connect, &m, &r);
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_CONNECTED);
	assert_int_equal(r.local[15], 6);
	world_close(w, r.connection);
	/* Nobody but the configuration says what is ours. */
	memcpy(m.source4, foreign.ip, 16);
	m.targets = &t[1];
	m.targets_count = 1;
	ASK(f, connect, &m, &r);
	assert_int_equal(r.reached, COURIER_DIALER_REACHED_DENIED);
	assert_true(span_find_span(r.why, SPAN("source")) != SIZE_MAX);
	world_close(w, l);
}

static int only_v4(void **state)
{
	begin(state, HEAD "outgoing { reach 127.0.0.0/8 ::1; ports 2525; "
			  "families ipv4; }\n");
	return 0;
}

static int only_v6(void **state)
{
	begin(state, HEAD "outgoing { reach 127.0.0.0/8 ::1; ports 2525; "
			  "families ipv6; }\n");
	return 0;
}

static void one_family(void **state)
{
	struct fix *f = *state;
	struct dialer *d = f->dialer->role->self;
	bool v4 = d->conf->outgoing.families == CONF_FAMILIES_IPV4;
	struct courier_dialer_target t[] = {at(v6_loopback(2525)),
					    at(addr_v4(127, 0, 0, 2, 2525))};
	struct courier_dialer_connect_reply r = connect_to(f, t, 2);

	assert_int_equal(r.reached, COURIER_DIALER_REACHED_UNREACHABLE);
	assert_int_equal(r.attempts_count, 2);
	assert_int_equal(r.attempts[0].of, v4 ? 0 : 1); /* forbidden */
	assert_true(span_ends(r.attempts[0].why, SPAN("is switched off")));
	assert_true(span_eq(r.attempts[1].why, SPAN("connection refused")));
}

/* ---- fetch ------------------------------------------------------------------------------ */

static struct fetch_dialer_connect_reply fetch(struct fix *f, const char *host,
					       uint16_t port)
{
	struct fetch_dialer_connect m = {.host = span_cstr(host), .port = port};
	struct fetch_dialer_connect_reply rep;
	bool done = false;

	arena_reset(f->arena);
	assert_int_equal(fetch_dialer_connect_start(f->fetch, &m, f->arena, &rep,
						    IPC_NEVER, answered, &done),
			 IPC_OK);
	assert_true(house_until(f->house, &done, 100000));
	assert_int_equal(rep.has_connection,
			 rep.reached == FETCH_DIALER_REACHED_CONNECTED);
	return rep;
}

static void fetch_connects_by_name(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		enum fetch_dialer_reached reached;
	} cases[] = {
		{"v4.example.org", 443, FETCH_DIALER_REACHED_UNREACHABLE},
		{"v4.example.org", 80, FETCH_DIALER_REACHED_DENIED},
		{"v4.example.org", 25, FETCH_DIALER_REACHED_DENIED},
		{"v4.example.org", 2525, FETCH_DIALER_REACHED_DENIED},
		{"inner.example.org", 443, FETCH_DIALER_REACHED_DENIED},
		{"nowhere.example.org", 443, FETCH_DIALER_REACHED_UNKNOWN},
		{"forged.example.org", 443, FETCH_DIALER_REACHED_UNKNOWN},
		{"broken.example.org", 443, FETCH_DIALER_REACHED_UNKNOWN},
		{"a..b", 443, FETCH_DIALER_REACHED_UNKNOWN},
	};
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct addr a = addr_v4(127, 0, 0, 2, 8443);
	int l = listen_on(f, a);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fetch_dialer_connect_reply r =
			fetch(f, cases[i].host, cases[i].port);
		if (r.reached != cases[i].reached)
			fail_msg("%s %u: %d", cases[i].host, cases[i].port,
				 r.reached);
		assert_true(r.why.len > 0);
	}
	struct fetch_dialer_connect_reply r = fetch(f, "WWW.example.org", 8443);
	assert_int_equal(r.reached, FETCH_DIALER_REACHED_CONNECTED);
	assert_memory_equal(r.address, a.ip, 16);
	world_close(w, r.connection);
	world_close(w, l);
}

#define TEST(t)		cmocka_unit_test_setup_teardown(t, setup, teardown)
#define WITH(t, conf)	cmocka_unit_test_setup_teardown(t, conf, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mx_records),
		TEST(trust_of_what_is_not_there),
		TEST(tlsa_and_txt),
		TEST(addresses_of_both_families),
		TEST(aliases_have_their_own_trust),
		TEST(the_same_question_is_asked_once),
		TEST(lookups_off_is_said),
		TEST(a_connection_is_handed_over),
		TEST(families_take_turns),
		TEST(silence_is_overtaken),
		TEST(silence_ends),
		TEST(the_deadline_ends_it),
		TEST(late_and_refused),
		TEST(what_is_forbidden_is_not_tried),
		TEST(no_targets_is_no_question),
		TEST(a_network_has_its_limit),
		TEST(a_channel_has_its_limit),
		TEST(who_dies_leaves_nothing),
		WITH(ourselves, own_listeners),
		WITH(sources, with_sources),
		WITH(one_family, only_v4),
		WITH(one_family, only_v6),
		TEST(fetch_connects_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
