/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the dialer's resolver and prints what it says: for dns_test.py, which
 * runs a name server that the configuration could not name (it has no port).
 *
 *     dns_ask [--confined] UPSTREAM ANCHOR-FILE NAME TYPE [NAME TYPE ...]
 *
 * One line a question: verdict, rcode, and then a line with two blanks in front
 * for each record.  --confined gives everything up but the dialer's rights
 * before the first question.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dns/packet.h"
#include "os/confine.h"
#include "role/dialer/resolver.h"

#define WAIT_NS (10 * NS_PER_SEC)

struct asker {
	struct loop *loop;
	struct buf out;
};

static void answered(void *ctx, const struct resolver_answer *a)
{
	static const char *const verdicts[] = {"secure", "insecure", "bogus",
					       "timeout", "failed"};
	struct asker *s = ctx;
	buf_printf(&s->out, "%s %s %.*s\n", verdicts[a->verdict],
		   dns_rcode_text(a->rcode), SPAN_FMT(a->why));
	for (size_t i = 0; a->answer != NULL && i < a->answer->count; i++) {
		buf_add(&s->out, SPAN("  "));
		dns_record_text(a->answer, &a->answer->records[i], &s->out);
		buf_addc(&s->out, '\n');
	}
	loop_stop(s->loop);
}

static size_t read_file(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n = f != NULL ? fread(out, 1, cap, f) : 0;
	if (f != NULL)
		(void)fclose(f);
	return n;
}

static bool give_up_rights(void)
{
	struct rights r = {.sys = RIGHT_BASE | RIGHT_DIAL, .max_fds = 4096};
	enum confined c = confine(&r);
	return c == CONFINED || c == CONFINE_SANITIZED;
}

static int ask_all(struct asker *s, struct resolver *r, char **pairs, int n)
{
	for (int i = 0; i + 1 < n; i += 2) {
		struct dns_name name;
		uint16_t type;
		if (!dns_name_parse_idna(span_cstr(pairs[i]), &name) ||
		    !dns_type_parse(span_cstr(pairs[i + 1]), &type))
			return 2;
		if (resolver_ask(r, &name, type,
				 world_now(loop_world(s->loop)) + WAIT_NS,
				 answered, s))
			loop_run(s->loop);
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool confined = argc > 1 && span_eq(span_cstr(argv[1]), SPAN("--confined"));
	int at = 1 + confined, code = 1;
	char *anchors = malloc(RESOLVER_ANCHORS_MAX);
	struct world *w = world_linux();
	struct asker s = {.loop = loop_new(w)};
	if (argc < at + 4 || anchors == NULL)
		return 2;
	buf_init(&s.out, 1u << 20);
	struct resolver_settings set = {.upstreams = {argv[at]},
					.upstream_count = 1,
					.cache = 1u << 20};
	set.anchors = span_of(anchors, read_file(argv[at + 1], anchors,
						 RESOLVER_ANCHORS_MAX));
	struct resolver *r = resolver_new(s.loop, &set, &s.out);
	if (r != NULL && (!confined || give_up_rights()))
		code = ask_all(&s, r, argv + at + 2, argc - at - 2);
	resolver_free(r);
	printf("%.*s\n", (int)buf_len(&s.out),
	       buf_len(&s.out) > 0 ? buf_span(&s.out).ptr : "");
	buf_free(&s.out);
	loop_free(s.loop);
	world_free(w);
	free(anchors);
	return code;
}
