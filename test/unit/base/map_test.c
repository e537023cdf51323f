/* SPDX-License-Identifier: Apache-2.0 */
/* base/map: against a plain array, at its limit, with a walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"

#define KEYS 500u

static const uint8_t secret[SIPHASH_KEY] = {7, 1, 3};

/* Small, good enough to mix steps, the same in every run. */
static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

struct entry {
	char key[8];
	bool in, by_id;
};

static struct span name(const struct entry *e)
{
	return span_cstr(e->key);
}

static void random_steps_match_a_model(void **state)
{
	(void)state;
	struct entry entries[KEYS];
	struct map *m = map_new(secret, KEYS);
	size_t count = 0;
	uint32_t seed = 1;
	memset(entries, 0, sizeof entries);
	for (uint32_t i = 0; i < KEYS; i++) {
		entries[i].by_id = i % 2;
		for (uint32_t n = i, d = 0; d < 4; d++, n /= 10)
			entries[i].key[d] = (char)('0' + n % 10);
	}
	for (int step = 0; step < 50000; step++) {
		uint32_t i = next(&seed) % KEYS;
		struct entry *e = &entries[i];
		assert_ptr_equal(e->by_id ? map_get_id(m, i)
					  : map_get(m, name(e)),
				 e->in ? e : NULL);
		if (next(&seed) % 2) {
			assert_true(e->by_id ? map_put_id(m, i, e)
					     : map_put(m, name(e), e));
			count += !e->in;
			e->in = true;
		} else {
			assert_ptr_equal(e->by_id ? map_remove_id(m, i)
						  : map_remove(m, name(e)),
					 e->in ? e : NULL);
			count -= e->in;
			e->in = false;
		}
		assert_int_equal(map_count(m), count);
	}
	size_t at = 0, walked = 0;
	for (struct entry *e; (e = map_next(m, &at)) != NULL; walked++)
		assert_true(e->in);
	assert_int_equal(walked, count);
	map_free(m);
}

static void the_limit_is_exact(void **state)
{
	(void)state;
	int a, b;
	struct map *m = map_new(secret, 100);
	for (uint64_t i = 0; i < 100; i++)
		assert_true(map_put_id(m, i << 32, &a));
	assert_false(map_put_id(m, 100ull << 32, &a));
	assert_null(map_get_id(m, 100ull << 32));
	assert_true(map_put_id(m, 0, &b));
	assert_ptr_equal(map_get_id(m, 0), &b);
	assert_ptr_equal(map_remove_id(m, 0), &b);
	assert_true(map_put_id(m, 100ull << 32, &a));
	assert_int_equal(map_count(m), 100);
	map_free(m);
}

static void keys_are_bytes(void **state)
{
	(void)state;
	int a, b, c, d;
	struct map *m = map_new(secret, 10);
	assert_null(map_get(m, SPAN("x")));
	assert_null(map_remove(m, SPAN("x")));
	assert_true(map_put(m, SPAN("x\0y"), &a));
	assert_true(map_put(m, SPAN("x\0z"), &b));
	assert_true(map_put(m, SPAN(""), &c));
	assert_true(map_put_id(m, 0, &d));
	assert_ptr_equal(map_get(m, SPAN("x\0y")), &a);
	assert_ptr_equal(map_get(m, SPAN("x\0z")), &b);
	assert_ptr_equal(map_get(m, span_of(NULL, 0)), &c);
	assert_ptr_equal(map_get_id(m, 0), &d);
	assert_null(map_get(m, SPAN("X\0Y")));
	map_free(m);
	map_free(NULL);
}

static void nothing_fits_a_limit_of_zero(void **state)
{
	(void)state;
	int a;
	size_t at = 0;
	struct map *m = map_new(secret, 0);
	assert_false(map_put(m, SPAN("x"), &a));
	assert_null(map_next(m, &at));
	map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps_match_a_model),
		cmocka_unit_test(the_limit_is_exact),
		cmocka_unit_test(keys_are_bytes),
		cmocka_unit_test(nothing_fits_a_limit_of_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
