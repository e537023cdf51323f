/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/format: rows to bytes and back.  Every reader checks what it reads: a
 * damaged row is found here and never trusted further up.
 */
#include "box/format.h"

#include "base/check.h"
#include "base/ensure.h"

/* ---- keys ---- */

static void put32(struct box_key *k, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		k->bytes[k->len++] = (char)(v >> (24 - 8 * i));
}

struct box_key box_key_kind(char kind)
{
	return (struct box_key){.bytes = {kind}, .len = 1};
}

struct box_key box_key_name(char kind, struct span name)
{
	struct box_key k = box_key_kind(kind);
	ENSURE(name.len <= BOX_NAME_MAX + 1);
	if (name.len)
		memcpy(k.bytes + 1, name.ptr, name.len);
	k.len += name.len;
	return k;
}

struct box_key box_key_mailbox(char kind, uint32_t mailbox)
{
	struct box_key k = box_key_kind(kind);
	put32(&k, mailbox);
	return k;
}

struct box_key box_key_two(char kind, uint32_t mailbox, uint32_t n)
{
	struct box_key k = box_key_mailbox(kind, mailbox);
	put32(&k, n);
	return k;
}

struct box_key box_key_log(uint32_t mailbox, uint64_t modseq)
{
	struct box_key k = box_key_mailbox('L', mailbox);
	put32(&k, (uint32_t)(modseq >> 32));
	put32(&k, (uint32_t)modseq);
	return k;
}

/* As unsigned: no time here is before 1970. */
struct box_key box_key_index(uint32_t mailbox, uint32_t segment, uint8_t part,
			     uint32_t n)
{
	struct box_key k = box_key_two('J', mailbox, segment);
	k.bytes[k.len++] = (char)part;
	put32(&k, n);
	return k;
}

struct box_key box_key_gone(int64_t when, uint32_t mailbox, uint32_t uid)
{
	struct box_key k = box_key_kind('E');
	put32(&k, (uint32_t)((uint64_t)when >> 32));
	put32(&k, (uint32_t)when);
	put32(&k, mailbox);
	put32(&k, uid);
	return k;
}

struct box_key box_key_annotation(uint32_t mailbox, struct span name)
{
	struct box_key k = box_key_mailbox('T', mailbox);
	ENSURE(name.len <= BOX_ANNOTATION_NAME_MAX);
	if (name.len)
		memcpy(k.bytes + k.len, name.ptr, name.len);
	k.len += name.len;
	return k;
}

struct box_key box_key_uidl(uint32_t mailbox, struct span text)
{
	struct box_key k = box_key_mailbox('V', mailbox);
	ENSURE(box_uidl_ok(text));
	memcpy(k.bytes + k.len, text.ptr, text.len);
	k.len += text.len;
	return k;
}

struct span box_annotation_name(struct span key) { return span_skip(key, 5); }

int64_t box_gone_when(struct span key)
{
	return (int64_t)((uint64_t)box_key_number(key, 1) << 32 |
			 box_key_number(key, 5));
}

uint32_t box_gone_mailbox(struct span key) { return box_key_number(key, 9); }
uint32_t box_gone_uid(struct span key) { return box_key_number(key, 13); }

struct box_key box_key_token(const struct box_token *t)
{
	struct box_key k = box_key_kind('D');
	memcpy(k.bytes + 1, t->byte, sizeof(t->byte));
	k.len += sizeof(t->byte);
	return k;
}

struct box_key box_key_end(const struct box_key *k)
{
	struct box_key end = *k;
	while (end.len && (uint8_t)end.bytes[end.len - 1] == 0xff)
		end.len--;
	ENSURE(end.len > 0); /* kinds are letters */
	end.bytes[end.len - 1]++;
	return end;
}

uint32_t box_key_number(struct span key, size_t at)
{
	uint32_t v = 0;
	for (size_t i = at; i < at + 4 && i < key.len; i++)
		v = v << 8 | (uint8_t)key.ptr[i];
	return v;
}

uint64_t box_key_modseq(struct span key)
{
	return (uint64_t)box_key_number(key, 5) << 32 | box_key_number(key, 9);
}

/* ---- pages and heads ---- */

void box_page_init(struct page *p, uint32_t index)
{
	*p = (struct page){.index = index};
}

static uint64_t zigzag(uint64_t to, uint64_t from)
{
	int64_t d = (int64_t)(to - from);
	return (uint64_t)d << 1 ^ (uint64_t)(d >> 63);
}

static uint64_t unzigzag(uint64_t z, uint64_t from)
{
	return from + (z >> 1 ^ (0 - (z & 1)));
}

#define SLOT_MAX (2 + 2 * PACK_VARINT_MAX) /* bytes of one */

static void slots_write(struct buf *b, const struct page *p)
{
	char bytes[BOX_PAGE * SLOT_MAX];
	uint64_t modseq = 0;
	unsigned next = 0;
	size_t n = 0;
	pack_varint(b, p->alive);
	for (unsigned i = 0; i < BOX_PAGE; i++) {
		const struct slot *s = &p->slot[i];
		if (!s->alive)
			continue;
		unsigned gap = i - next;
		bytes[n++] = (char)(s->flags |
				    (s->keywords ? BOX_SLOT_KEYWORDS : 0) |
				    (gap ? BOX_SLOT_GAP : 0));
		if (gap)
			bytes[n++] = (char)(gap - 1);
		if (s->keywords)
			n += pack_varint_at(bytes + n, s->keywords);
		n += pack_varint_at(bytes + n, zigzag(s->modseq, modseq));
		modseq = s->modseq;
		next = i + 1;
	}
	buf_add(b, span_of(bytes, n));
}

static void slots_read(struct unpack *u, struct page *p)
{
	uint64_t modseq = 0;
	unsigned at = 0;
	p->alive = (uint32_t)unpack_varint(u, BOX_PAGE);
	for (uint32_t n = 0; n < p->alive && unpack_ok(u); n++, at++) {
		uint8_t bits = unpack_u8(u);
		if (bits & BOX_SLOT_GAP)
			at += unpack_u8(u) + 1u;
		if (bits & 0x80 || at >= BOX_PAGE) {
			unpack_fail(u);
			return;
		}
		struct slot *s = &p->slot[at];
		s->alive = true;
		s->flags = bits & BOX_FLAGS;
		if (bits & BOX_SLOT_KEYWORDS)
			s->keywords = unpack_varint(u, UINT64_MAX);
		s->modseq = modseq =
			unzigzag(unpack_varint(u, UINT64_MAX), modseq);
	}
}

void box_page_write(struct buf *b, const struct page *p)
{
	pack_u8(b, BOX_FORMAT);
	slots_write(b, p);
}

bool box_page_read(struct span row, uint32_t index, struct page *p)
{
	struct unpack u = unpack_of(row);
	box_page_init(p, index);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	slots_read(&u, p);
	return unpack_done(&u);
}

void box_head_pack(struct buf *b, const struct head *h)
{
	pack_u8(b, BOX_FORMAT);
	pack_u32(b, h->uid_validity);
	pack_varint(b, h->uid_next);
	pack_varint(b, h->messages);
	pack_varint(b, h->unseen);
	pack_varint(b, h->deleted);
	pack_varint(b, h->recent_from);
	pack_varint(b, h->log_rows);
	pack_varint(b, h->bytes);
	pack_varint(b, h->version);
	pack_varint(b, h->floor);
	pack_varint(b, h->tail.index);
	slots_write(b, &h->tail);
}

bool box_head_unpack(struct span row, bool tail, struct head *h)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	h->uid_validity = unpack_u32(&u);
	h->uid_next = (uint32_t)unpack_varint(&u, UINT32_MAX);
	h->messages = (uint32_t)unpack_varint(&u, UINT32_MAX);
	h->unseen = (uint32_t)unpack_varint(&u, UINT32_MAX);
	h->deleted = (uint32_t)unpack_varint(&u, UINT32_MAX);
	h->recent_from = (uint32_t)unpack_varint(&u, UINT32_MAX);
	h->log_rows = (uint32_t)unpack_varint(&u, UINT32_MAX);
	h->bytes = unpack_varint(&u, UINT64_MAX);
	h->version = unpack_varint(&u, UINT64_MAX);
	h->floor = unpack_varint(&u, UINT64_MAX);
	uint32_t index =
		(uint32_t)unpack_varint(&u, UINT32_MAX / BOX_PAGE);
	if (!tail) {
		h->tail.index = index;
		return unpack_ok(&u);
	}
	box_page_init(&h->tail, index);
	slots_read(&u, &h->tail);
	return unpack_done(&u);
}

/* ---- small rows ---- */

void box_account_write(struct buf *b, const struct account_row *a)
{
	pack_u8(b, BOX_FORMAT);
	pack_u32(b, a->next_mailbox);
	pack_u32(b, a->last_validity);
}

bool box_account_read(struct span row, struct account_row *a)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	a->next_mailbox = unpack_u32(&u);
	a->last_validity = unpack_u32(&u);
	return unpack_done(&u) && a->next_mailbox > 0;
}

void box_name_write(struct buf *b, const struct name_row *n)
{
	pack_u8(b, BOX_FORMAT);
	pack_u32(b, n->mailbox);
	pack_u8(b, (uint8_t)n->use);
}

bool box_name_read(struct span row, struct name_row *n)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	n->mailbox = unpack_u32(&u);
	uint8_t use = unpack_u8(&u);
	n->use = (enum box_use)use;
	return unpack_done(&u) && use <= BOX_USE_TRASH;
}

/* ---- cold rows ---- */

static void pack_id(struct buf *b, const struct kv_id *id)
{
	buf_add(b, span_of(id->byte, sizeof(id->byte)));
}

static void unpack_id(struct unpack *u, struct kv_id *id)
{
	struct span s = unpack_bytes(u, sizeof(id->byte));
	if (s.len == sizeof(id->byte))
		memcpy(id->byte, s.ptr, s.len);
}

void box_cold_write(struct buf *b, const struct cold *c)
{
	const struct box_message *m = &c->message;
	bool same = kv_id_eq(&m->email, &m->body);
	pack_u8(b, BOX_FORMAT);
	pack_u8(b, (uint8_t)((same ? 0 : 1) | (c->summary_kept ? 2 : 0)));
	pack_varint(b, zigzag((uint64_t)m->date, 0));
	pack_varint(b, zigzag((uint64_t)m->saved, 0));
	pack_varint(b, m->body_size);
	pack_u32(b, m->body_crc);
	pack_id(b, &m->body);
	if (!same)
		pack_id(b, &m->email);
	pack_span(b, m->prefix);
	if (c->summary_kept) {
		pack_id(b, &c->summary_id);
		pack_varint(b, c->summary_len);
	} else {
		pack_span(b, m->summary);
	}
}

void box_order_write(struct buf *b, const struct box_order *o)
{
	pack_u8(b, BOX_FORMAT);
	pack_varint(b, zigzag((uint64_t)o->date, 0));
	pack_varint(b, o->size);
	buf_add(b, o->record);
}

bool box_cold_read(struct span row, struct cold *c)
{
	struct unpack u = unpack_of(row);
	struct box_message *m = &c->message;
	*c = (struct cold){0};
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	uint8_t bits = unpack_u8(&u);
	if (bits > 3)
		return false;
	m->date = (int64_t)unzigzag(unpack_varint(&u, UINT64_MAX), 0);
	m->saved = (int64_t)unzigzag(unpack_varint(&u, UINT64_MAX), 0);
	m->body_size = unpack_varint(&u, UINT64_MAX - BOX_PREFIX_MAX);
	m->body_crc = unpack_u32(&u);
	unpack_id(&u, &m->body);
	m->email = m->body;
	if (bits & 1)
		unpack_id(&u, &m->email);
	m->prefix = unpack_span(&u, BOX_PREFIX_MAX);
	m->size = m->prefix.len + m->body_size;
	c->summary_kept = bits & 2;
	if (c->summary_kept) {
		unpack_id(&u, &c->summary_id);
		c->summary_len =
			(uint32_t)unpack_varint(&u, BOX_SUMMARY_MAX);
	} else {
		m->summary = unpack_span(&u, BOX_SUMMARY_ROW);
	}
	return unpack_done(&u);
}

bool box_order_read(struct span row, struct box_order *o)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	o->date = (int64_t)unzigzag(unpack_varint(&u, UINT64_MAX), 0);
	o->size = unpack_varint(&u, UINT64_MAX);
	o->record = u.rest;
	return unpack_ok(&u) && u.rest.len > 0 && u.rest.len <= BOX_ORDER_MAX;
}

/* ---- what is gone ---- */

void box_gone_write(struct buf *b, const struct gone_row *g)
{
	pack_u8(b, BOX_FORMAT);
	pack_u8(b, g->flags);
	pack_varint(b, g->keywords);
	pack_span(b, g->cold);
}

bool box_gone_read(struct span row, struct gone_row *g)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	g->flags = unpack_u8(&u);
	g->keywords = unpack_varint(&u, UINT64_MAX);
	g->cold = unpack_span(&u, BOX_ROW_MAX);
	return unpack_done(&u) && (g->flags & ~(unsigned)BOX_FLAGS) == 0;
}

void box_removed_write(struct buf *b, const struct removed_row *x)
{
	pack_u8(b, BOX_FORMAT);
	pack_varint(b, (uint64_t)x->when);
	pack_u8(b, (uint8_t)x->use);
	pack_span(b, x->name);
	pack_span(b, x->head);
}

bool box_removed_read(struct span row, struct removed_row *x)
{
	struct unpack u = unpack_of(row);
	*x = (struct removed_row){0};
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	if (u.rest.len == 0) /* a build that kept nothing */
		return true;
	x->when = (int64_t)unpack_varint(&u, INT64_MAX);
	uint8_t use = unpack_u8(&u);
	x->use = (enum box_use)use;
	x->name = unpack_span(&u, BOX_NAME_MAX);
	x->head = unpack_span(&u, 2 * BOX_PAGE_BYTES);
	return unpack_done(&u) && use <= BOX_USE_TRASH;
}

/* ---- annotations ---- */

void box_annotation_sum_write(struct buf *b, const struct annotation_sum *sum)
{
	pack_u8(b, BOX_FORMAT);
	pack_varint(b, sum->count);
	pack_varint(b, sum->bytes);
}

bool box_annotation_sum_read(struct span row, struct annotation_sum *sum)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	sum->count = (uint32_t)unpack_varint(&u, UINT32_MAX / 2);
	sum->bytes = unpack_varint(&u, UINT64_MAX / 2);
	return unpack_done(&u);
}

void box_annotation_write(struct buf *b, struct span value)
{
	pack_u8(b, BOX_FORMAT);
	buf_add(b, value);
}

bool box_annotation_read(struct span row, struct span *value)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	*value = u.rest;
	return value->len <= BOX_ANNOTATION_MAX;
}

/* ---- access keys ---- */

void box_access_write(struct buf *b, const struct box_access_key *k)
{
	pack_u8(b, BOX_FORMAT);
	buf_add(b, span_of(k->bytes, sizeof(k->bytes)));
}

bool box_access_read(struct span row, struct box_access_key *k)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT || u.rest.len != sizeof(k->bytes))
		return false;
	memcpy(k->bytes, u.rest.ptr, sizeof(k->bytes));
	return true;
}

/* ---- unique ids of POP3 ---- */

void box_uidl_write(struct buf *b, struct span text)
{
	pack_u8(b, BOX_FORMAT);
	buf_add(b, text);
}

bool box_uidl_read(struct span row, struct span *text)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	*text = u.rest;
	return box_uidl_ok(*text);
}

void box_uidl_owner_write(struct buf *b, uint32_t uid)
{
	pack_u8(b, BOX_FORMAT);
	pack_u32(b, uid);
}

bool box_uidl_owner_read(struct span row, uint32_t *uid)
{
	struct unpack u = unpack_of(row);
	bool known = unpack_u8(&u) == BOX_FORMAT;
	*uid = unpack_u32(&u);
	return known && unpack_done(&u);
}

/* ---- log ---- */

void box_log_write(struct buf *b, const struct log_row *l)
{
	uint32_t last = 0;
	pack_u8(b, BOX_FORMAT);
	pack_varint(b, l->page_count);
	for (size_t i = 0; i < l->page_count; i++) {
		pack_varint(b, l->pages[i] - last);
		last = l->pages[i];
	}
	pack_varint(b, l->run_count);
	last = 0;
	for (size_t i = 0; i < l->run_count; i++) {
		pack_varint(b, l->runs[i].first - last);
		pack_varint(b, l->runs[i].last - l->runs[i].first);
		last = l->runs[i].last;
	}
}

bool box_log_read(struct span row, void (*page)(void *, uint32_t),
	      bool (*run)(void *, uint32_t first, uint32_t last), void *arg)
{
	struct unpack u = unpack_of(row);
	uint64_t at = 0;
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	uint64_t n = unpack_varint(&u, BOX_ROW_MAX);
	while (n-- > 0 && unpack_ok(&u)) {
		at += unpack_varint(&u, UINT32_MAX / BOX_PAGE);
		if (at > UINT32_MAX / BOX_PAGE)
			return false;
		if (unpack_ok(&u) && page)
			page(arg, (uint32_t)at);
	}
	at = 0;
	n = unpack_varint(&u, BOX_ROW_MAX);
	while (n-- > 0 && unpack_ok(&u)) {
		uint64_t first = at + unpack_varint(&u, UINT32_MAX);
		at = first + unpack_varint(&u, UINT32_MAX);
		if (at > UINT32_MAX || first == 0)
			return false;
		if (unpack_ok(&u) && run &&
		    !run(arg, (uint32_t)first, (uint32_t)at))
			return false;
	}
	return unpack_done(&u);
}

/* ---- done, keywords ---- */

void box_done_write(struct buf *b, const struct done_row *d)
{
	pack_u8(b, BOX_FORMAT);
	pack_varint(b, zigzag((uint64_t)d->made, 0));
	pack_varint(b, d->count);
	for (uint32_t i = 0; i < d->count; i++) {
		pack_u32(b, d->message[i].into);
		pack_u32(b, d->message[i].uid);
		pack_u32(b, d->message[i].uid_validity);
	}
}

bool box_done_read(struct span row, struct done_row *d)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	d->made = (int64_t)unzigzag(unpack_varint(&u, UINT64_MAX), 0);
	d->count = (uint32_t)unpack_varint(&u, BOX_TOKEN_MAX);
	for (uint32_t i = 0; i < d->count; i++) {
		d->message[i].into = unpack_u32(&u);
		d->message[i].uid = unpack_u32(&u);
		d->message[i].uid_validity = unpack_u32(&u);
	}
	return unpack_done(&u);
}

void box_keywords_write(struct buf *b, const struct span *names, size_t count)
{
	pack_u8(b, BOX_FORMAT);
	pack_varint(b, count);
	for (size_t i = 0; i < count; i++)
		pack_span(b, names[i]);
}

bool box_keywords_read(struct span row, struct span names[BOX_KEYWORDS_MAX],
		   size_t *count)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	*count = (size_t)unpack_varint(&u, BOX_KEYWORDS_MAX);
	for (size_t i = 0; i < *count; i++)
		names[i] = unpack_span(&u, BOX_KEYWORD_MAX);
	return unpack_done(&u);
}

/* ---- rights ---- */

void box_grants_write(struct buf *b, const struct box_grants *g)
{
	pack_u8(b, BOX_FORMAT);
	pack_varint(b, g->count);
	for (size_t i = 0; i < g->count; i++) {
		pack_varint(b, g->of[i].account);
		pack_varint(b, g->of[i].rights);
		pack_varint(b, g->of[i].refused);
	}
}

bool box_grants_read(struct span row, struct box_grants *g)
{
	struct unpack u = unpack_of(row);
	g->count = 0;
	if (unpack_u8(&u) != BOX_FORMAT)
		return false;
	uint64_t count = unpack_varint(&u, BOX_GRANTS_MAX);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t account = unpack_varint(&u, UINT64_MAX);
		uint64_t rights = unpack_varint(&u, ACL_ALL);
		uint64_t refused = unpack_varint(&u, ACL_ALL);
		if (!unpack_ok(&u) || (i > 0 && account <= g->of[i - 1].account))
			return false;
		g->of[i] = (struct box_grant){account, (uint32_t)rights,
					      (uint32_t)refused};
	}
	g->count = (size_t)count;
	return unpack_done(&u);
}

struct box_key box_key_giver(uint64_t account)
{
	struct box_key k = box_key_kind('G');
	for (unsigned i = 0; i < 8; i++)
		k.bytes[k.len++] = (char)(account >> (56 - 8 * i) & 0xff);
	return k;
}

uint64_t box_key_giver_of(struct span key)
{
	uint64_t n = 0;
	for (size_t i = 1; i < key.len && i < 9; i++)
		n = n << 8 | (unsigned char)key.ptr[i];
	return n;
}

bool box_giver_read(struct span key, struct span row)
{
	struct unpack u = unpack_of(row);
	return key.len == 9 && unpack_u8(&u) == BOX_FORMAT && unpack_done(&u);
}
