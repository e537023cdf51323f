/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into packets, as a name server would. */
#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/hex.h"
#include "base/pack.h"
#include "dns/packet.h"
#include "os/addr.h"
#include "role/dialer/role.h"

#define TTL 300u

static void u16(struct buf *b, unsigned v)
{
	pack_u8(b, (uint8_t)(v >> 8));
	pack_u8(b, (uint8_t)v);
}

static void add_name(struct buf *b, struct span text)
{
	struct dns_name n;

	assert_true(dns_name_parse(text, &n));
	buf_add(b, span_of(n.wire, n.len));
}

static void add_data(struct buf *b, const struct names_row *r)
{
	struct span text = span_cstr(r->data), word;
	uint64_t preference;
	struct addr a;

	switch (r->type) {
	case DNS_A:
		assert_true(addr_parse(text, &a) && addr_is_v4(&a));
		buf_add(b, span_of(a.ip + 12, 4));
		break;
	case DNS_AAAA:
		assert_true(addr_parse(text, &a) && !addr_is_v4(&a));
		buf_add(b, span_of(a.ip, 16));
		break;
	case DNS_MX:
		assert_true(span_cut(&text, ' ', &word));
		assert_true(span_u64(word, 65535, &preference));
		u16(b, (unsigned)preference);
		add_name(b, text);
		break;
	case DNS_CNAME:
		add_name(b, text);
		break;
	case DNS_TXT:
		assert_in_range(text.len, 0, 255);
		pack_u8(b, (uint8_t)text.len);
		buf_add(b, text);
		break;
	default: {
		char *room = buf_room(b, text.len / 2);
		assert_true(room != NULL && hex_decode(text, room, text.len / 2));
		buf_wrote(b, text.len / 2);
	}
	}
}

static void add_record(struct buf *b, struct span name, const struct names_row *r)
{
	struct buf data;

	buf_init(&data, 4096);
	add_data(&data, r);
	add_name(b, name);
	u16(b, r->type);
	u16(b, DNS_CLASS_IN);
	pack_u32_be(b, TTL);
	u16(b, (unsigned)buf_len(&data));
	buf_add(b, buf_span(&data));
	buf_free(&data);
}

static bool same(const struct names_row *r, struct span name)
{
	return span_eq_nocase(span_cstr(r->name), name);
}

static enum resolver_verdict weaker(enum resolver_verdict a, enum resolver_verdict b)
{
	return a > b ? a : b; /* the enum stands in this order */
}

/* Appends what stands there; the verdict.  *exists: the name has any row. */
static enum resolver_verdict collect(const struct names *n, struct span name,
				     uint16_t type, struct buf *b, unsigned *count,
				     bool *exists)
{
	enum resolver_verdict v = RESOLVER_SECURE;
	bool found = false;

	*exists = false;
	for (size_t i = 0; i < n->count; i++) {
		const struct names_row *r = &n->rows[i];
		if (!same(r, name))
			continue;
		*exists = true;
		if (r->data == NULL)
			return r->verdict;
		if (r->type != type && r->type != DNS_CNAME)
			continue;
		found = true;
		v = weaker(v, r->verdict);
		add_record(b, name, r);
		++*count;
		if (r->type != type && *count < 20)
			return weaker(v, collect(n, span_cstr(r->data), type, b, count,
						 exists));
	}
	return found ? v : n->absent;
}

static void answer(struct names *n, struct question *q, const struct dns_name *name,
		   uint16_t type, enum resolver_verdict instead)
{
	struct buf text, records, packet;
	unsigned count = 0;
	bool exists;

	buf_init(&text, DNS_TEXT_MAX);
	buf_init(&records, DNS_PACKET_MAX);
	buf_init(&packet, DNS_PACKET_MAX);
	dns_name_text(name, &text);
	enum resolver_verdict v = weaker(
		instead, collect(n, span_sub(buf_span(&text), 0, buf_len(&text) - 1),
				 type, &records, &count, &exists));
	u16(&packet, 1);
	u16(&packet, exists ? 0x8180 : 0x8183);
	u16(&packet, 1);
	u16(&packet, count);
	pack_u32_be(&packet, 0);
	buf_add(&packet, span_of(name->wire, name->len));
	u16(&packet, type);
	u16(&packet, DNS_CLASS_IN);
	buf_add(&packet, buf_span(&records));
	bool none = v == RESOLVER_FAILED || v == RESOLVER_TIMEOUT;
	resolver_told(q, none ? span_of(NULL, 0) : buf_span(&packet), v);
	buf_free(&text);
	buf_free(&records);
	buf_free(&packet);
}

/* ---- when ----------------------------------------------------------------------- */

/* A question whose answer takes time. */
struct late {
	struct list link;
	struct timer timer;
	struct names *names;
	struct question *question;
	struct dns_name name;
	uint16_t type;
	enum resolver_verdict instead;
};

static void on_time(struct timer *t)
{
	struct late *l = t->arg;

	list_remove(&l->link);
	answer(l->names, l->question, &l->name, l->type, l->instead);
	free(l);
}

static void on_question(void *ctx, struct question *q, const struct dns_name *name,
			uint16_t type)
{
	struct names *n = ctx;
	enum resolver_verdict instead = RESOLVER_SECURE; /* nothing */
	uint64_t ns = n->takes != NULL ? n->takes(n->arg, &instead) : 0;
	struct late *l;

	n->asked++;
	if (ns == 0) {
		answer(n, q, name, type, instead);
		return;
	}
	l = calloc(1, sizeof *l);
	assert_non_null(l);
	*l = (struct late){.names = n, .question = q, .name = *name, .type = type,
			   .instead = instead};
	list_push_back(&n->late, &l->link);
	assert_true(timer_start(n->loop, &l->timer, loop_now(n->loop) + ns, on_time, l));
}

void names_drop(struct names *n)
{
	if (n->late.next == NULL)
		return;
	LIST_EACH (&n->late, at) {
		struct late *l = CONTAINER_OF(at, struct late, link);
		timer_stop(&l->timer);
		list_remove(&l->link);
		free(l);
	}
}

void names_serve(struct names *n, struct house_role *dialer)
{
	n->loop = dialer->loop;
	list_init(&n->late);
	assert_true(dialer_script(dialer->role->self, on_question, n));
}
