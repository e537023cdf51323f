/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client when memory is short: the k-th allocation fails, for k = 1 to
 * the last.  That is never a verdict on a recipient, and never an abort.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client_talk.h"

void *__real_malloc(size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_realloc(void *, size_t);

static struct {
	bool armed;
	unsigned left; /* 1: the next one fails */
	bool fired;
} memory;

static bool fails(void)
{
	if (!memory.armed || memory.left == 0 || --memory.left > 0)
		return false;
	memory.fired = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

static const struct span server[] = {
	SPAN_INIT("220 mx\r\n"),
	SPAN_INIT("250-mx\r\n250-AUTH LATE\r\n250-DSN\r\n250 PIPELINING\r\n"),
	SPAN_INIT("334 eA==\r\n"),
	SPAN_INIT("235 in\r\n"),
	SPAN_INIT("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
	SPAN_INIT("250 kept\r\n"),
};

/* True: the k-th allocation was reached, and failed. */
static bool run(unsigned k)
{
	struct client_talk *t = malloc(sizeof *t);
	assert_non_null(t);
	client_talk_init(t);
	client_talk_to(t, "c@d.example");
	client_talk_to(t, "e@f.example");
	t->mechanism = "LATE";
	t->set.secure = true;
	t->out.to = t->to;
	t->out.source = &t->source;
	script_init(&t->script, server, ARRAY_LEN(server));
	t->client = smtp_client_new(&t->script.stream, &t->host, &t->set);
	assert_non_null(t->client);
	memory.left = k;
	memory.fired = false;
	memory.armed = true;
	if (smtp_client_open(t->client) == SMTP_CLIENT_OK &&
	    smtp_client_auth(t->client) == SMTP_CLIENT_OK)
		smtp_client_deliver(t->client, &t->out);
	smtp_client_quit(t->client);
	memory.armed = false;
	for (uint32_t i = 0; i < t->out.count; i++) {
		enum smtp_fate fate = t->to[i].outcome.fate;
		assert_true(smtp_fate_retry(fate) || fate == SMTP_FATE_DELIVERED);
		assert_true(memory.fired || fate == SMTP_FATE_DELIVERED);
		assert_int_equal(t->to[i].outcome.cannot, SMTP_CAN);
	}
	bool fired = memory.fired;
	client_talk_end(t);
	client_talk_free(t);
	free(t);
	return fired;
}

static void no_allocation_that_fails_is_a_verdict(void **state)
{
	(void)state;
	unsigned k = 1;
	while (run(k))
		k++;
	assert_true(k > 8); /* it did reach them */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_allocation_that_fails_is_a_verdict),
	};
	return cmocka_run_group_tests_name("smtp/client_memory", tests, NULL, NULL);
}
