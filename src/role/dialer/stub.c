/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/stub: questions out, answers in, each in a frame of its length.
 *
 * Must never take an answer for another question than the one that was asked.
 */
#include "role/dialer/stub.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "os/sock.h"

#define LENGTH	  2u /* before each message */
#define IN_MAX	  (LENGTH + DNS_PACKET_MAX)
#define OUT_MAX	  (RESOLVER_QUERIES_MAX * (LENGTH + DNS_QUERY_MAX))
#define READ_SIZE 16384u

struct stub {
	uint32_t tag;
	struct loop *loop;
	struct addr resolver;
	int fd; /* -1: no connection */
	bool up;
	struct watch watch;
	struct timer timer; /* of the oldest question */
	struct hook hook;
	struct buf in, out;
	struct list waiting; /* asked, the oldest first */
	struct dns_answer answer;
};
#define TAG_STUB TAG4('S', 'T', 'U', 'B')

struct asked {
	struct list link;
	struct question *question;
	struct dns_name name;
	uint16_t type, id;
	unsigned tries;
	bool sent; /* on the connection that there is */
	uint64_t until;
};

static void later(struct hook *);

static void tell(struct asked *a, struct span packet, enum resolver_verdict v)
{
	struct question *q = a->question;
	list_remove(&a->link);
	free(a);
	resolver_told(q, packet, v);
}

/* ---- the connection --------------------------------------------------------------- */

static void hang_up(struct stub *s)
{
	if (s->fd < 0)
		return;
	watch_stop(&s->watch);
	world_close(loop_world(s->loop), s->fd);
	s->fd = -1;
	s->up = false;
	buf_clear(&s->in);
	buf_clear(&s->out);
}

/* It ended: what waits is asked once more, or has failed. */
static void broken(struct stub *s)
{
	struct list all;
	hang_up(s);
	list_init(&all);
	for (struct list *it; (it = list_pop_front(&s->waiting)) != NULL;)
		list_push_back(&all, it);
	for (struct list *it; (it = list_pop_front(&all)) != NULL;) {
		struct asked *a = CONTAINER_OF(it, struct asked, link);
		a->sent = false;
		if (a->tries < STUB_TRIES_MAX)
			list_push_back(&s->waiting, it);
		else
			tell(a, span_of(NULL, 0), RESOLVER_FAILED);
	}
	if (!list_empty(&s->waiting))
		loop_at_end(s->loop, &s->hook, later, s);
}

static struct asked *find(struct stub *s, uint16_t id)
{
	LIST_EACH(&s->waiting, it) {
		struct asked *a = CONTAINER_OF(it, struct asked, link);
		if (a->id == id)
			return a;
	}
	return NULL;
}

/* One message; false: it is none, and nothing behind it can be believed. */
static bool take(struct stub *s, struct span packet)
{
	struct dns_answer *p = &s->answer;
	if (!dns_packet_read(packet, p))
		return false;
	struct asked *a = find(s, p->id);
	if (a == NULL)
		return true; /* it was late */
	if (p->question_type != a->type || !dns_name_eq(&p->question, &a->name))
		return false;
	bool good = !p->truncated && (p->rcode == DNS_NOERROR ||
				      p->rcode == DNS_NXDOMAIN);
	tell(a, packet,
	     !good	      ? RESOLVER_FAILED
	     : p->authentic   ? RESOLVER_SECURE
			      : RESOLVER_INSECURE);
	return true;
}

static bool take_all(struct stub *s)
{
	for (;;) {
		struct span in = buf_span(&s->in);
		if (in.len < LENGTH)
			return true;
		size_t len = (size_t)(unsigned char)in.ptr[0] << 8 |
			     (unsigned char)in.ptr[1];
		if (in.len < LENGTH + len)
			return true;
		if (!take(s, span_sub(in, LENGTH, len)))
			return false;
		buf_take(&s->in, LENGTH + len);
	}
}

static bool read_some(struct stub *s)
{
	char bytes[READ_SIZE];
	size_t got;
	enum os r = sock_read(loop_world(s->loop), s->fd, bytes, sizeof bytes,
			      &got);
	if (r == OS_AGAIN)
		return true;
	buf_add(&s->in, span_of(bytes, got));
	return r == OS_OK && buf_ok(&s->in) && take_all(s);
}

static bool write_some(struct stub *s)
{
	while (buf_len(&s->out) > 0) {
		struct span out = buf_span(&s->out);
		size_t done;
		enum os r = sock_write(loop_world(s->loop), s->fd, out.ptr,
				       out.len, &done);
		if (r == OS_AGAIN)
			break;
		if (r != OS_OK)
			return false;
		buf_take(&s->out, done);
	}
	watch_want(&s->watch, READY_IN | (buf_len(&s->out) > 0 ? READY_OUT : 0));
	return true;
}

static void on_ready(struct watch *w, unsigned ready)
{
	struct stub *s = w->arg;
	bool good = true;
	if (!s->up) {
		enum os r = sock_connected(loop_world(s->loop), s->fd);
		if (r == OS_AGAIN && (ready & READY_END) == 0)
			return;
		good = r == OS_OK;
		s->up = good;
	}
	good = good && write_some(s) &&
	       ((ready & (READY_IN | READY_END)) == 0 || read_some(s));
	if (!good)
		broken(s);
}

static bool connect_now(struct stub *s)
{
	enum os r = sock_connect(loop_world(s->loop), &s->resolver, NULL, &s->fd);
	if (r != OS_OK) {
		s->fd = -1;
		return false;
	}
	if (watch_start(s->loop, &s->watch, s->fd, READY_OUT, on_ready, s) == OS_OK)
		return true;
	world_close(loop_world(s->loop), s->fd);
	s->fd = -1;
	return false;
}

/* ---- questions ------------------------------------------------------------------------ */

static uint16_t fresh_id(struct stub *s)
{
	uint16_t id;
	do
		world_random(loop_world(s->loop), &id, sizeof id);
	while (find(s, id) != NULL);
	return id;
}

static void send_one(struct stub *s, struct asked *a)
{
	struct buf b;
	buf_init(&b, DNS_QUERY_MAX);
	dns_query_write(&a->name, a->type, a->id, &b);
	buf_addc(&s->out, (char)(buf_len(&b) >> 8));
	buf_addc(&s->out, (char)buf_len(&b));
	buf_add(&s->out, buf_span(&b));
	s->out.failed |= !buf_ok(&b);
	buf_free(&b);
}

static void on_late(struct timer *t)
{
	struct stub *s = t->arg;
	uint64_t now = loop_now(s->loop);
	for (struct list *it; (it = list_first(&s->waiting)) != NULL;) {
		struct asked *a = CONTAINER_OF(it, struct asked, link);
		if (a->until > now) {
			if (!timer_start(s->loop, t, a->until, on_late, s))
				broken(s);
			return;
		}
		tell(a, span_of(NULL, 0), RESOLVER_TIMEOUT);
	}
	/* Nobody answered for so long: the next question finds another connection. */
	hang_up(s);
}

/* At the end of a turn, with all that was asked in it. */
static void later(struct hook *h)
{
	struct stub *s = h->arg;
	bool good = s->fd >= 0 || connect_now(s);
	LIST_EACH(&s->waiting, it) {
		struct asked *a = CONTAINER_OF(it, struct asked, link);
		if (a->sent)
			continue;
		a->sent = true;
		a->tries++;
		if (good)
			send_one(s, a);
	}
	if (!good || !buf_ok(&s->out) || (s->up && !write_some(s)))
		broken(s);
}

void stub_ask(void *stub, struct question *q, const struct dns_name *name,
	      uint16_t type)
{
	struct stub *s = stub;
	ENSURE_TAG(s, TAG_STUB);
	struct asked *a = calloc(1, sizeof *a);
	uint64_t until = loop_now(s->loop) + STUB_WAIT_NS;
	if (a == NULL || (!timer_active(&s->timer) &&
			  !timer_start(s->loop, &s->timer, until, on_late, s))) {
		free(a);
		resolver_told(q, span_of(NULL, 0), RESOLVER_FAILED);
		return;
	}
	*a = (struct asked){.question = q, .name = *name, .type = type,
			    .id = fresh_id(s), .until = until};
	list_push_back(&s->waiting, &a->link);
	loop_at_end(s->loop, &s->hook, later, s);
}

/* ---- life --------------------------------------------------------------------------------- */

struct stub *stub_new(struct loop *loop, const struct addr *resolver)
{
	struct stub *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->tag = TAG_STUB;
	s->loop = loop;
	s->resolver = *resolver;
	s->fd = -1;
	buf_init(&s->in, IN_MAX + READ_SIZE);
	buf_init(&s->out, OUT_MAX);
	list_init(&s->waiting);
	return s;
}

void stub_free(struct stub *s)
{
	if (s == NULL)
		return;
	ENSURE_TAG(s, TAG_STUB);
	hang_up(s);
	timer_stop(&s->timer);
	hook_stop(&s->hook);
	for (struct list *it; (it = list_pop_front(&s->waiting)) != NULL;)
		free(CONTAINER_OF(it, struct asked, link));
	buf_free(&s->in);
	buf_free(&s->out);
	s->tag = 0;
	free(s);
}
