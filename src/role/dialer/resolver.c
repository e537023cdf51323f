/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/resolver: a libunbound context and the questions that wait for it.
 *
 * A question has one or more askers: who asks what is under way waits with the
 * others.  One whose askers all timed out stays here until the library calls
 * back: it holds the pointer.
 */
#include "role/dialer/resolver.h"

#include <stdio.h>
#include <stdlib.h>

#include <unbound-event.h>
#include <unbound.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/list.h"
#include "role/dialer/events.h"

#define ANCHOR_MAX 2048u /* one record as text */
#define WHY_MAX    512u

/* Published by IANA (root-anchors.xml): key signing keys of 2017 and 2024. */
const struct span resolver_root_anchors = SPAN_INIT(
	". IN DS 20326 8 2 "
	"E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
	". IN DS 38696 8 2 "
	"683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n");

/* The library with one set of anchors: it takes no others once it works. */
struct context {
	struct ub_ctx *ub;
	struct events *events;
	size_t questions;
};

struct resolver {
	uint32_t tag;
	struct loop *loop;
	struct context *now, *old; /* old: until its last question is over */
	char upstreams[RESOLVER_UPSTREAMS_MAX][RESOLVER_UPSTREAM_MAX];
	size_t upstream_count;
	uint64_t cache;
	struct list questions;
	size_t pending, askers;
	resolver_source_fn *script; /* in place of the library */
	void *script_ctx;
	struct dns_answer answer; /* what is being told */
	bool telling, ending;
	struct hook hook;
};
#define TAG_RESOLVER TAG4('R', 'S', 'L', 'V')

struct question {
	struct list link;
	struct resolver *resolver;
	struct context *context; /* that works on it; NULL: none */
	struct dns_name name;
	uint16_t type;
	struct list askers;
	bool begun, asking, back; /* inside of the library's function; told */
};

struct asker {
	struct list link;
	struct resolver *resolver;
	struct timer timer;
	resolver_done_fn *done;
	void *ctx;
};

static void on_turn_end(struct hook *);

/* ---- answers ---------------------------------------------------------------- */

static void asker_free(struct asker *a)
{
	timer_stop(&a->timer);
	list_remove(&a->link);
	a->resolver->askers--;
	free(a);
}

/* Who asks meanwhile asks anew, and later: the answer has to stay. */
static void tell(struct question *q, const struct resolver_answer *answer)
{
	struct list told;
	list_init(&told);
	for (struct list *it; (it = list_pop_front(&q->askers)) != NULL;)
		list_push_back(&told, it);
	q->back = true;
	q->resolver->telling = true;
	for (struct list *it; (it = list_first(&told)) != NULL;) {
		struct asker *a = CONTAINER_OF(it, struct asker, link);
		resolver_done_fn *done = a->done;
		void *ctx = a->ctx;
		asker_free(a);
		done(ctx, answer);
	}
	q->resolver->telling = false;
}

static void question_free(struct question *q)
{
	struct resolver *r = q->resolver;
	ENSURE(list_empty(&q->askers));
	list_remove(&q->link);
	r->pending--;
	if (q->context != NULL)
		q->context->questions--;
	if (r->old != NULL && r->old->questions == 0)
		loop_at_end(r->loop, &r->hook, on_turn_end, r);
	free(q);
}

static void on_late(struct timer *t)
{
	struct asker *a = t->arg;
	resolver_done_fn *done = a->done;
	void *ctx = a->ctx;
	asker_free(a);
	done(ctx, &(struct resolver_answer){.verdict = RESOLVER_TIMEOUT,
					    .why = SPAN("no answer in time")});
}

static enum resolver_verdict verdict_of(int security)
{
	switch (security) {
	case 2:
		return RESOLVER_SECURE;
	case 1:
		return RESOLVER_BOGUS;
	default:
		return RESOLVER_INSECURE;
	}
}

static void tell_packet(struct question *q, struct span packet, int security,
			const char *bogus)
{
	struct resolver *r = q->resolver;
	struct resolver_answer a = {.verdict = RESOLVER_FAILED,
				    .why = SPAN("the answer is not readable")};
	if (dns_packet_read(packet, &r->answer)) {
		a = (struct resolver_answer){.verdict = verdict_of(security),
					     .answer = &r->answer,
					     .rcode = r->answer.rcode,
					     .why = span_cstr(bogus)};
		if (a.verdict == RESOLVER_INSECURE &&
		    a.rcode != DNS_NOERROR && a.rcode != DNS_NXDOMAIN) {
			a.verdict = RESOLVER_FAILED;
			a.why = span_cstr(dns_rcode_text(a.rcode));
		}
	}
	tell(q, &a);
}

static void on_back(void *ctx, int rcode, void *packet, int len, int security,
		    char *bogus, int limited)
{
	struct question *q = ctx;
	(void)limited;
	q->back = true;
	if (rcode == 0 && packet != NULL && len > 0) {
		tell_packet(q, span_of(packet, (size_t)len), security, bogus);
	} else {
		struct resolver_answer a = {
			.verdict = RESOLVER_FAILED,
			.rcode = (unsigned)rcode,
			.why = span_cstr(dns_rcode_text((unsigned)rcode))};
		tell(q, &a);
	}
	if (!q->asking)
		question_free(q);
}

/* ---- questions -------------------------------------------------------------- */

static struct question *under_way(struct resolver *r,
				  const struct dns_name *name, uint16_t type)
{
	LIST_EACH(&r->questions, it) {
		struct question *q = CONTAINER_OF(it, struct question, link);
		if (!q->back && q->type == type && dns_name_eq(&q->name, name))
			return q;
	}
	return NULL;
}

static struct question *question_new(struct resolver *r,
				     const struct dns_name *name, uint16_t type)
{
	struct question *q;
	if (r->pending >= RESOLVER_QUERIES_MAX)
		return NULL;
	q = calloc(1, sizeof *q);
	if (q == NULL)
		return NULL;
	q->resolver = r;
	q->name = *name;
	q->type = type;
	list_init(&q->askers);
	list_push_back(&r->questions, &q->link);
	r->pending++;
	return q;
}

static void ask_library(struct question *q)
{
	char text[DNS_TEXT_MAX + 1];
	struct buf b;
	buf_init(&b, sizeof text);
	dns_name_text(&q->name, &b);
	if (!buf_ok(&b)) { /* short of memory: no name is that long */
		buf_free(&b);
		tell(q, &(struct resolver_answer){.verdict = RESOLVER_FAILED,
						  .why = SPAN("memory is short")});
		question_free(q);
		return;
	}
	ENSURE(buf_len(&b) < sizeof text);
	memcpy(text, buf_span(&b).ptr, buf_len(&b));
	text[buf_len(&b)] = '\0';
	buf_free(&b);
	q->asking = true;
	q->context = q->resolver->now;
	q->context->questions++;
	int error = ub_resolve_event(q->context->ub, text, q->type,
				     DNS_CLASS_IN, q, on_back, NULL);
	q->asking = false;
	if (error != 0) {
		struct resolver_answer a = {.verdict = RESOLVER_FAILED,
					    .why = span_cstr(ub_strerror(error))};
		tell(q, &a);
	}
	if (q->back)
		question_free(q);
}

static void begin(struct question *q)
{
	struct resolver *r = q->resolver;
	q->begun = true;
	if (r->script != NULL)
		r->script(r->script_ctx, q, &q->name, q->type);
	else
		ask_library(q);
}

static void context_free(struct context *c)
{
	if (c == NULL)
		return;
	if (c->ub != NULL)
		ub_ctx_delete(c->ub); /* calls nobody back */
	events_free(c->events);
	free(c);
}

static struct question *not_begun(struct resolver *r)
{
	LIST_EACH(&r->questions, it) {
		struct question *q = CONTAINER_OF(it, struct question, link);
		if (!q->begun)
			return q;
	}
	return NULL;
}

/* Each may end others, or bring new ones: so from the front every time. */
static void on_turn_end(struct hook *h)
{
	struct resolver *r = h->arg;
	for (struct question *q; (q = not_begun(r)) != NULL;)
		begin(q);
	if (r->old != NULL && r->old->questions == 0) {
		context_free(r->old);
		r->old = NULL;
	}
}

bool resolver_ask(struct resolver *r, const struct dns_name *name,
		  uint16_t type, uint64_t deadline, resolver_done_fn *done,
		  void *ctx)
{
	ENSURE_TAG(r, TAG_RESOLVER);
	struct asker *a;
	struct question *q = under_way(r, name, type);
	bool fresh = q == NULL;
	if (r->askers >= RESOLVER_ASKERS_MAX || r->ending)
		return false;
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return false;
	*a = (struct asker){.resolver = r, .done = done, .ctx = ctx};
	if (fresh)
		q = question_new(r, name, type);
	if (q == NULL ||
	    !timer_start(r->loop, &a->timer, deadline, on_late, a)) {
		if (fresh && q != NULL)
			question_free(q);
		free(a);
		return false;
	}
	r->askers++;
	list_push_back(&q->askers, &a->link);
	if (fresh && r->telling)
		loop_at_end(r->loop, &r->hook, on_turn_end, r);
	else if (fresh)
		begin(q);
	return true;
}

void resolver_told(struct question *q, struct span packet,
			      enum resolver_verdict verdict)
{
	struct resolver *r = q->resolver;
	struct resolver_answer a = {.verdict = verdict};
	if (packet.len > 0) {
		ENSURE(dns_packet_read(packet, &r->answer));
		a.answer = &r->answer;
		a.rcode = r->answer.rcode;
	}
	tell(q, &a);
	question_free(q);
}

size_t resolver_pending(const struct resolver *r)
{
	ENSURE_TAG(r, TAG_RESOLVER);
	return r->pending;
}

/* ---- setting up ------------------------------------------------------------- */

static bool set(struct context *r, const char *option, const char *value,
		struct buf *why)
{
	int error = ub_ctx_set_option(r->ub, option, value);
	if (error != 0)
		buf_printf(why, "the resolver refuses %s %s: %s", option, value,
			   ub_strerror(error));
	return error == 0;
}

static bool set_size(struct context *r, const char *option, uint64_t bytes,
		     struct buf *why)
{
	char text[24];
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
	return set(r, option, text, why);
}

size_t resolver_cache(const struct resolver *r)
{
	uint64_t half = 0;
	char *text = NULL;
	if (r->now == NULL)
		return 0;
	if (ub_ctx_get_option(r->now->ub, "rrset-cache-size", &text) == 0 &&
	    !span_u64(span_cstr(text), SIZE_MAX / 2, &half))
		half = 0;
	free(text);
	return (size_t)half * 2;
}

static bool set_all(struct context *r, uint64_t cache, struct buf *why)
{
	static const char *const options[][2] = {
		/* A resolver of our own host is allowed to be asked. */
		{"do-not-query-localhost:", "no"},
		{"edns-buffer-size:", "1232"}, /* no fragments */
		{"qname-minimisation:", "yes"},
		{"harden-glue:", "yes"},
		{"harden-dnssec-stripped:", "yes"},
		{"harden-below-nxdomain:", "yes"},
		{"harden-referral-path:", "no"},
		{"aggressive-nsec:", "yes"},
		{"trust-anchor-signaling:", "no"},
		{"serve-expired:", "no"},
		{"cache-max-ttl:", "86400"},
		{"cache-max-negative-ttl:", "900"},
	};
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (!set(r, options[i][0], options[i][1], why))
			return false;
	return set_size(r, "rrset-cache-size:", cache / 2, why) &&
	       set_size(r, "msg-cache-size:", cache / 4, why) &&
	       set_size(r, "key-cache-size:", cache / 8, why) &&
	       set_size(r, "neg-cache-size:", cache / 8, why);
}

static bool add_anchor(struct context *r, struct span line, struct buf *why)
{
	char text[ANCHOR_MAX + 1];
	size_t comment = span_find(line, ';');
	line = span_trim(comment == SIZE_MAX ? line
					     : span_sub(line, 0, comment));
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0 || line.ptr[0] == '#')
		return true;
	if (line.len > ANCHOR_MAX || span_has(line, '\0')) {
		buf_add(why, SPAN("a trust anchor is too long for a record"));
		return false;
	}
	memcpy(text, line.ptr, line.len);
	text[line.len] = '\0';
	if (ub_ctx_add_ta(r->ub, text) == 0)
		return true;
	buf_printf(why, "that is no trust anchor: %.60s", text);
	return false;
}

static bool add_anchors(struct context *r, struct span text, struct buf *why)
{
	struct span line;
	if (text.len == 0)
		text = resolver_root_anchors;
	while (text.len > 0) {
		(void)span_cut(&text, '\n', &line);
		if (!add_anchor(r, line, why))
			return false;
	}
	return true;
}

static bool add_upstreams(struct context *c, const struct resolver *r,
			  struct buf *why)
{
	for (size_t i = 0; i < r->upstream_count; i++) {
		int error = ub_ctx_set_fwd(c->ub, r->upstreams[i]);
		if (error != 0) {
			buf_printf(why, "resolver %s: %s", r->upstreams[i],
				   ub_strerror(error));
			return false;
		}
	}
	/* Who runs resolvers may keep private names in them. */
	return r->upstream_count == 0 ||
	       set(c, "unblock-lan-zones:", "yes", why);
}

static void on_warm(void *ctx, const struct resolver_answer *a)
{
	bool *works = ctx;
	*works = a->answer != NULL;
}

/* A question that the library answers by itself makes it set up the rest, which
 * reads anchors and what it wants of the system. */
static bool warm(struct resolver *r, struct buf *why)
{
	struct dns_name localhost;
	bool works = false;
	bool ok = dns_name_parse(SPAN("localhost"), &localhost) &&
		  resolver_ask(r, &localhost, DNS_A,
			       loop_now(r->loop) + NS_PER_SEC, on_warm, &works);
	ok = ok && works && r->now->questions == 0;
	if (!ok)
		buf_add(why, SPAN("the resolver cannot be set up: a trust anchor "
				  "is not understood, or memory is short"));
	return ok;
}

static struct resolver *made(struct loop *loop)
{
	struct resolver *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->tag = TAG_RESOLVER;
	r->loop = loop;
	list_init(&r->questions);
	return r;
}

struct resolver *resolver_asking(struct loop *loop, resolver_source_fn *fn,
				   void *ctx)
{
	struct resolver *r = made(loop);
	if (r != NULL) {
		r->script = fn;
		r->script_ctx = ctx;
	}
	return r;
}

static struct context *context_new(const struct resolver *r,
				   struct span anchors, struct buf *why)
{
	struct context *c = calloc(1, sizeof *c);
	if (c != NULL)
		c->events = events_new(r->loop);
	if (c != NULL && c->events != NULL)
		c->ub = ub_ctx_create_ub_event(events_base(c->events));
	if (c == NULL || c->ub == NULL) {
		buf_add(why, SPAN("the resolver library cannot start"));
		context_free(c);
		return NULL;
	}
	/* It would write to standard error about names that peers choose. */
	(void)ub_ctx_debugout(c->ub, NULL);
	if (set_all(c, r->cache, why) && add_upstreams(c, r, why) &&
	    add_anchors(c, anchors, why))
		return c;
	context_free(c);
	return NULL;
}

bool resolver_anchors(struct resolver *r, struct span anchors, struct buf *why)
{
	struct context *next, *was = r->now;
	if (r->old != NULL) {
		buf_add(why, SPAN("the change before this one is not over"));
		return false;
	}
	next = context_new(r, anchors, why);
	if (next == NULL)
		return false;
	r->now = next;
	if (!warm(r, why)) {
		r->now = was;
		/* With a question in it: it goes when that is over. */
		r->old = next;
		loop_at_end(r->loop, &r->hook, on_turn_end, r);
		return false;
	}
	r->old = was;
	if (was != NULL)
		loop_at_end(r->loop, &r->hook, on_turn_end, r);
	return true;
}

struct resolver *resolver_new(struct loop *loop,
			      const struct resolver_settings *s,
			      struct buf *why)
{
	struct resolver *r = made(loop);
	if (r == NULL) {
		buf_add(why, SPAN("memory is short"));
		return NULL;
	}
	r->cache = s->cache;
	for (size_t i = 0; i < s->upstream_count; i++) {
		ENSURE(strlen(s->upstreams[i]) < RESOLVER_UPSTREAM_MAX);
		memcpy(r->upstreams[i], s->upstreams[i],
		       strlen(s->upstreams[i]) + 1);
	}
	r->upstream_count = s->upstream_count;
	if (resolver_anchors(r, s->anchors, why))
		return r;
	resolver_free(r);
	return NULL;
}

void resolver_free(struct resolver *r)
{
	struct resolver_answer a = {.verdict = RESOLVER_FAILED,
				    .why = SPAN("the resolver ends")};
	if (r == NULL)
		return;
	ENSURE_TAG(r, TAG_RESOLVER);
	r->ending = true;
	hook_stop(&r->hook);
	LIST_EACH(&r->questions, link)
		tell(CONTAINER_OF(link, struct question, link), &a);
	/* Their questions call nobody back any more. */
	context_free(r->now);
	context_free(r->old);
	r->now = r->old = NULL;
	LIST_EACH(&r->questions, link) {
		struct question *q = CONTAINER_OF(link, struct question, link);
		q->context = NULL;
		question_free(q);
	}
	r->tag = 0;
	free(r);
}
