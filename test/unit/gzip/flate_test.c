/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/gzip/flate: a connection that is deflated, with zlib itself as the
 * client.  Whatever is rested in between, both ends read the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <malloc.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "gzip/flate.h"

struct pair {
	struct flate *flate;
	z_stream out, in; /* the client's */
	struct buf said, got;
};

static void begin(struct pair *p)
{
	*p = (struct pair){.flate = flate_new()};
	assert_non_null(p->flate);
	assert_int_equal(deflateInit2(&p->out, 3, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(inflateInit2(&p->in, -15), Z_OK);
	buf_init(&p->said, 64u << 20);
	buf_init(&p->got, 64u << 20);
}

static void end(struct pair *p)
{
	assert_true(span_eq(buf_span(&p->said), buf_span(&p->got)));
	flate_free(p->flate);
	deflateEnd(&p->out);
	inflateEnd(&p->in);
	buf_free(&p->said);
	buf_free(&p->got);
}

/* What is there, in pieces of `cap`. */
static enum flated drain(struct pair *p, size_t cap)
{
	char piece[8192];
	enum flated r = FLATE_OK;
	while (r == FLATE_OK && flate_has(p->flate)) {
		size_t got;
		r = flate_read(p->flate, piece, cap, &got);
		assert_true(got <= cap);
		buf_add(&p->got, span_of(piece, got));
	}
	return r;
}

/* The client says it; `step` bytes of the wire at a time. */
static void say(struct pair *p, struct span text, int flush, size_t step, size_t cap)
{
	size_t max = deflateBound(&p->out, text.len) + 64;
	char *wire = malloc(max);
	assert_non_null(wire);
	p->out.next_in = (Bytef *)(uintptr_t)text.ptr;
	p->out.avail_in = (uInt)text.len;
	p->out.next_out = (Bytef *)wire;
	p->out.avail_out = (uInt)max;
	assert_int_equal(deflate(&p->out, flush), Z_OK);
	struct span rest = span_of(wire, max - p->out.avail_out);
	while (rest.len > 0) {
		struct span part = span_sub(rest, 0, step);
		memcpy(flate_wire(p->flate), part.ptr, part.len);
		flate_came(p->flate, part.len);
		rest = span_skip(rest, part.len);
		assert_int_equal(drain(p, cap), FLATE_OK);
	}
	buf_add(&p->said, text);
	free(wire);
}

/* Bytes that pack badly, or with `wide` false a text that packs well. */
static void fill(char *to, size_t n, uint32_t seed, bool wide)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		to[i] = (char)(wide ? seed >> 24 : 'a' + (seed >> 24) % 4);
	}
}

static void what_is_said_is_read(void **state)
{
	(void)state;
	static const int flushes[] = {Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH};
	static char text[100000];
	fill(text, sizeof text, 7, false);
	for (size_t f = 0; f < 3; f++)
		for (size_t step = 1; step <= FLATE_WIRE; step *= 16) {
			struct pair p;
			begin(&p);
			for (size_t i = 0; i < 20; i++) {
				say(&p, SPAN("a NOOP\r\n"), flushes[f], step, 1 + 97 * i);
				say(&p, span_of(text, 5000 * i + 1), flushes[f], step, 8192);
				if (i % 2 == 0)
					flate_rest(p.flate);
			}
			end(&p);
		}
}

/* What a client refers to is 32 KiB back, over many rests. */
static void the_window_outlives_a_rest(void **state)
{
	(void)state;
	static char text[32000];
	struct pair p;
	begin(&p);
	fill(text, sizeof text, 9, true);
	say(&p, span_of(text, sizeof text), Z_SYNC_FLUSH, FLATE_WIRE, 8192);
	for (size_t i = 0; i < 4; i++) {
		flate_rest(p.flate);
		flate_rest(p.flate);
		uLong before = p.out.total_out;
		say(&p, span_of(text, sizeof text), Z_SYNC_FLUSH, 100, 8192);
		assert_true(p.out.total_out - before < 1000); /* it did refer */
	}
	end(&p);
}

/* Ours: flushed, and the client needs nothing of before a rest. */
static void what_is_written_is_understood(void **state)
{
	(void)state;
	static char text[FLATE_OUT];
	struct pair p;
	begin(&p);
	for (size_t i = 0; i < 60; i++) {
		size_t n = i % 3 == 0 ? FLATE_OUT - i / 30 : 11 * i;
		char back[FLATE_OUT];
		struct span wire;
		fill(text, n, (uint32_t)i, i % 2 == 0);
		assert_int_equal(flate_write(p.flate, span_of(text, n), &wire), FLATE_OK);
		assert_int_equal(wire.len == 0, n == 0);
		p.in.next_in = (Bytef *)(uintptr_t)wire.ptr;
		p.in.avail_in = (uInt)wire.len;
		p.in.next_out = (Bytef *)back;
		p.in.avail_out = sizeof back;
		int z = inflate(&p.in, Z_SYNC_FLUSH);
		assert_true(z == Z_OK || (n == 0 && z == Z_BUF_ERROR));
		assert_int_equal(sizeof back - p.in.avail_out, n);
		assert_memory_equal(back, text, n);
		if (i % 4 == 3)
			flate_rest(p.flate);
	}
	end(&p);
}

/* A thousandfold: never more at a time than there is room for. */
static void little_that_becomes_much(void **state)
{
	(void)state;
	static char zeroes[1u << 20];
	struct pair p;
	begin(&p);
	assert_int_equal(deflateParams(&p.out, 9, Z_DEFAULT_STRATEGY), Z_OK);
	for (int i = 0; i < 20; i++)
		say(&p, span_of(zeroes, sizeof zeroes), Z_SYNC_FLUSH, FLATE_WIRE, 4096);
	assert_true(p.out.total_out < 30000);
	end(&p);
}

static enum flated of_wire(struct span wire)
{
	struct pair p;
	begin(&p);
	memcpy(flate_wire(p.flate), wire.ptr, wire.len);
	flate_came(p.flate, wire.len);
	enum flated r = drain(&p, 4096);
	buf_clear(&p.got);
	end(&p);
	return r;
}

static void what_is_no_connection(void **state)
{
	(void)state;
	assert_int_equal(of_wire(SPAN("\xff\xff\xff\xff")), FLATE_BROKEN); /* no such block */
	assert_int_equal(of_wire(SPAN("\x01\0\0\xff\xff")), FLATE_BROKEN); /* its last block */
	assert_int_equal(of_wire(SPAN("\0\1\0\xff\xff" "a")), FLATE_BROKEN); /* a wrong length */
	assert_int_equal(of_wire(SPAN("\0\0\0\xff\xff\0\0\0\xff\xff")), FLATE_OK); /* nothing, twice */
	assert_int_equal(of_wire(SPAN("a LOGOUT\r\n")), FLATE_BROKEN);
}

/* Bytes that a rested connection holds. */
static size_t held(struct flate *f)
{
	flate_rest(f);
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void rest_gives_memory_back(void **state)
{
	(void)state;
	static char text[100000];
	struct pair p;
	struct span wire;
	begin(&p);
	buf_add(&p.said, span_of(text, 1)), buf_clear(&p.said); /* grown already */
	size_t before = held(p.flate);
	for (int i = 0; i < 50; i++) {
		say(&p, SPAN("a1 UID FETCH 1:* (FLAGS)\r\n"), Z_SYNC_FLUSH, FLATE_WIRE, 4096);
		assert_int_equal(flate_write(p.flate, span_of(text, FLATE_OUT), &wire), FLATE_OK);
		buf_clear(&p.said), buf_clear(&p.got);
	}
	assert_in_range(held(p.flate) - before, 0, 16384);
	fill(text, sizeof text, 3, true);
	for (int i = 0; i < 3; i++) {
		say(&p, span_of(text, sizeof text), Z_SYNC_FLUSH, FLATE_WIRE, 4096);
		buf_free(&p.said), buf_free(&p.got);
		buf_init(&p.said, 1u << 20), buf_init(&p.got, 1u << 20);
		assert_in_range(held(p.flate) - before, 0, 49152);
	}
	end(&p);
}

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(what_is_said_is_read), C(the_window_outlives_a_rest),
		C(what_is_written_is_understood), C(little_that_becomes_much),
		C(what_is_no_connection), C(rest_gives_memory_back),
	};
	return cmocka_run_group_tests_name("gzip_flate", tests, NULL, NULL);
}
