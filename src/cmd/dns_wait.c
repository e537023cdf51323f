/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/dns_wait: `letterlock dns check --wait`, before a change of keys.
 *
 * A resolver that asked just before the record was published keeps the old answer
 * for its TTL.  So: from the first time that we see the record, its largest TTL
 * has to pass, and it has to be there still.  What our own resolver had cached
 * counts less than the TTL; the largest one seen, asked for again at its end, is
 * the zone's.
 */
#include <stdio.h>
#include <time.h>

#include "cmd/dns.h"

#include "os/self.h"
#include "os/world.h"

#define KEYS_MAX  64u
#define PAUSE_MAX 60u /* seconds between two looks */

struct waited {
	uint64_t since; /* ns, when first seen without a gap; 0: not seen */
	uint64_t ttl;	/* the largest seen, in seconds */
};

struct waiting {
	struct command *command;
	struct waited keys[KEYS_MAX];
	bool told; /* that we wait */
};

/* Seconds until this key is safe; 0: now. */
static uint64_t left(struct waited *w, const struct json *row, uint64_t now)
{
	const struct json *published = json_member(row, "published");
	const struct json *dane = json_member(row, "dane");
	uint64_t ttl = json_u64(row, "ttl");
	if (published == NULL || !published->truth) {
		*w = (struct waited){0};
		/* Until then our own resolver says the same. */
		bool some = dane != NULL && dane->truth;
		return some && ttl < PAUSE_MAX ? ttl + 1 : PAUSE_MAX;
	}
	if (w->since == 0)
		w->since = now;
	w->ttl = ttl > w->ttl ? ttl : w->ttl;
	uint64_t seen = (now - w->since) / NS_PER_SEC;
	return seen > w->ttl ? 0 : w->ttl - seen + 1;
}

/* Without DANE there is nobody to wait for. */
static bool counts(const struct json *row)
{
	const struct json *dane = json_member(row, "dane");
	return !span_eq(json_text(row, "trust"), SPAN("insecure")) &&
	       !(span_eq(json_text(row, "trust"), SPAN("secure")) &&
		 (dane == NULL || !dane->truth));
}

static bool look(struct waiting *w, struct arena *a, const struct answer *x,
		 uint64_t now, uint64_t *pause, struct buf *who)
{
	*pause = 0;
	for (size_t i = 0; i < x->row_count && i < KEYS_MAX; i++) {
		const struct json *row = json_read(a, x->rows[i]);
		if (row == NULL)
			return false;
		if (!counts(row))
			continue;
		uint64_t s = left(&w->keys[i], row, now);
		if (s > *pause)
			*pause = s;
		if (s > 0)
			buf_printf(who, "%s%.*s of certificate %.*s %s",
				   buf_len(who) > 0 ? "; " : "",
				   SPAN_FMT(json_text(row, "name")),
				   SPAN_FMT(json_text(row, "certificate")),
				   w->keys[i].since == 0
					   ? "does not name its next key yet"
					   : "may be unknown to some resolvers");
	}
	return true;
}

static void tell(struct waiting *w, const struct args *a, struct span who,
		 uint64_t pause)
{
	if (a->json || (w->told && !self_is_terminal(2)))
		return;
	w->told = true;
	complain(w->command, "waiting: %.*s (%llu s)", SPAN_FMT(who),
		 (unsigned long long)pause);
}

static enum end done(const struct args *a, size_t keys)
{
	if (a->json)
		printf("{\"keys\":%zu,\"ready\":true}\n", keys);
	else if (keys == 0)
		puts("no key is to follow (certificate { next-key })");
	else
		puts("everybody knows the next keys: switch to them, then "
		     "`letterlock reload`");
	return END_DONE;
}

static enum end step(struct waiting *w, const struct args *a, bool *again)
{
	struct command *c = w->command;
	struct answer x;
	struct buf who;
	uint64_t pause;
	*again = false;
	if (!ask(c, a, "dns.keys", NULL, 0, &x))
		return x.end;
	if (x.end != END_DONE || x.row_count > KEYS_MAX) {
		complain(c, "%.*s", SPAN_FMT(x.why));
		return x.end != END_DONE ? x.end : END_FAILED;
	}
	buf_init(&who, 1024);
	bool ok = look(w, c->arena, &x, world_now(c->world), &pause, &who);
	if (ok && pause == 0) {
		buf_free(&who);
		return done(a, x.row_count);
	}
	if (ok)
		tell(w, a, buf_span(&who), pause);
	buf_free(&who);
	if (!ok)
		return END_FAILED;
	struct timespec t = {
		.tv_sec = (time_t)(pause < PAUSE_MAX ? pause : PAUSE_MAX)};
	(void)nanosleep(&t, NULL);
	*again = true;
	return END_DONE;
}

enum end dns_wait(struct command *c, const struct args *a)
{
	struct command each = *c;
	struct waiting w = {.command = &each};
	enum end end;
	bool again;
	do {
		each.arena = arena_new(1u << 20);
		if (each.arena == NULL)
			return END_FAILED;
		end = step(&w, a, &again);
		arena_free(each.arena);
	} while (again);
	return end;
}
