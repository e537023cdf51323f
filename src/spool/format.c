/* SPDX-License-Identifier: Apache-2.0 */
/* spool/format: rows to bytes and back, checked. */
#include "spool/format.h"

#include "base/ensure.h"
#include "crypto/hash.h"

/* ---- keys ---- */

struct spool_key spool_key(char kind)
{
	return (struct spool_key){.bytes = {kind}, .len = 1};
}

static void add(struct spool_key *k, uint64_t v, unsigned bytes)
{
	for (unsigned i = bytes; i-- > 0;)
		k->bytes[k->len++] = (char)(v >> (8 * i));
}

static void add_id(struct spool_key *k, const struct spool_id *id)
{
	memcpy(k->bytes + k->len, id->byte, sizeof(id->byte));
	k->len += sizeof(id->byte);
}

struct spool_key spool_key_id(char kind, const struct spool_id *id)
{
	struct spool_key k = spool_key(kind);
	add_id(&k, id);
	return k;
}

static uint64_t sortable(int64_t time)
{
	return (uint64_t)time ^ 1ull << 63;
}

struct spool_key spool_key_due(char kind, int64_t due,
			       const struct spool_id *id)
{
	struct spool_key k = spool_key(kind);
	add(&k, sortable(due), 8);
	if (id)
		add_id(&k, id);
	return k;
}

struct spool_key spool_key_hash(uint64_t hash)
{
	struct spool_key k = spool_key('D');
	add(&k, hash, 8);
	return k;
}

struct spool_key spool_key_destination(uint64_t hash, enum spool_priority p,
				       int64_t due, const struct spool_id *id)
{
	struct spool_key k = spool_key_hash(hash);
	add(&k, p, 1);
	add(&k, sortable(due), 8);
	if (id)
		add_id(&k, id);
	return k;
}

struct spool_key spool_key_report(const struct spool_id *id, uint8_t kind,
				  uint32_t n)
{
	struct spool_key k = spool_key_id('P', id);
	add(&k, kind, 1);
	add(&k, n, 4);
	return k;
}

struct spool_key spool_key_n(const struct spool_id *id, uint32_t n)
{
	struct spool_key k = spool_key_id('R', id);
	add(&k, n, 4);
	return k;
}

uint32_t spool_key_number(struct span key)
{
	uint32_t n = 0;
	for (size_t i = 1 + sizeof(struct spool_id); i < key.len; i++)
		n = n << 8 | (uint8_t)key.ptr[i];
	return n;
}

struct spool_key spool_key_end(const struct spool_key *k)
{
	struct spool_key end = *k;
	while (end.len && (uint8_t)end.bytes[end.len - 1] == 0xff)
		end.len--;
	ENSURE(end.len > 0); /* kinds are letters */
	end.bytes[end.len - 1]++;
	return end;
}

static uint64_t number(struct span key, size_t from)
{
	uint64_t v = 0;
	for (size_t i = from; i < from + 8; i++)
		v = v << 8 | (uint8_t)key.ptr[i];
	return v;
}

bool spool_key_due_of(struct span key, int64_t *due, struct spool_id *id)
{
	if (key.len != 1 + 8 + sizeof(id->byte))
		return false;
	*due = (int64_t)sortable((int64_t)number(key, 1));
	memcpy(id->byte, key.ptr + 9, sizeof(id->byte));
	return true;
}

bool spool_key_destination_of(struct span key, struct due_row *d)
{
	if (key.len != 1 + 8 + 1 + 8 + sizeof(d->id.byte) ||
	    (uint8_t)key.ptr[9] > SPOOL_LAST)
		return false;
	d->hash = number(key, 1);
	d->priority = (enum spool_priority)(uint8_t)key.ptr[9];
	d->due = (int64_t)sortable((int64_t)number(key, 10));
	memcpy(d->id.byte, key.ptr + 18, sizeof(d->id.byte));
	return true;
}

uint64_t spool_hash(struct span destination)
{
	struct sha256 h = sha256_of(destination);
	return number(span_of(h.bytes, sizeof(h.bytes)), 0);
}

/* ---- values ---- */

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

/* Rows that are the same in both formats keep the number of the first. */
void spool_lease_write(struct buf *b, const struct lease_row *l)
{
	pack_u8(b, SPOOL_OLD);
	pack_u64(b, l->epoch);
	pack_u64(b, l->owner);
	pack_u64(b, (uint64_t)l->until);
}

bool spool_lease_read(struct span row, struct lease_row *l)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != SPOOL_OLD)
		return false;
	l->epoch = unpack_u64(&u);
	l->owner = unpack_u64(&u);
	l->until = (int64_t)unpack_u64(&u);
	return unpack_done(&u);
}

void spool_count_write(struct buf *b, const struct count_row *c)
{
	pack_u8(b, SPOOL_FORMAT);
	pack_varint(b, c->open);
	pack_u64(b, (uint64_t)c->due);
	pack_u64(b, (uint64_t)c->tell);
	pack_u8(b, (uint8_t)c->priority);
	pack_u64(b, (uint64_t)c->warns);
	pack_u64(b, (uint64_t)c->expires);
	pack_u8(b, c->reported);
}

bool spool_count_read(struct span row, struct count_row *c)
{
	struct unpack u = unpack_of(row);
	uint8_t format = unpack_u8(&u);
	if (format != SPOOL_FORMAT && format != SPOOL_OLD)
		return false;
	*c = (struct count_row){.old = format == SPOOL_OLD,
				.priority = SPOOL_NORMAL,
				.tell = SPOOL_NEVER,
				.warns = SPOOL_NEVER,
				.expires = SPOOL_NEVER};
	c->open = (uint32_t)unpack_varint(&u, SPOOL_RECIPIENTS_MAX);
	c->due = (int64_t)unpack_u64(&u);
	if (c->old)
		return unpack_done(&u);
	c->tell = (int64_t)unpack_u64(&u);
	uint8_t priority = unpack_u8(&u);
	c->priority = (enum spool_priority)priority;
	c->warns = (int64_t)unpack_u64(&u);
	c->expires = (int64_t)unpack_u64(&u);
	c->reported = unpack_bool(&u);
	return unpack_done(&u) && priority <= SPOOL_LAST;
}

void spool_ledger_write(struct buf *b, const struct ledger_row *l)
{
	pack_u8(b, SPOOL_FORMAT);
	pack_u8(b, l->upgraded);
	pack_varint(b, l->n.accepted);
	pack_varint(b, l->n.delivered);
	pack_varint(b, l->n.bounced);
	pack_varint(b, l->n.discarded);
	pack_varint(b, l->n.held);
	pack_varint(b, l->n.open);
}

bool spool_ledger_read(struct span row, struct ledger_row *l)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != SPOOL_FORMAT)
		return false;
	l->upgraded = unpack_bool(&u);
	l->n.accepted = unpack_varint(&u, UINT64_MAX);
	l->n.delivered = unpack_varint(&u, UINT64_MAX);
	l->n.bounced = unpack_varint(&u, UINT64_MAX);
	l->n.discarded = unpack_varint(&u, UINT64_MAX);
	l->n.held = unpack_varint(&u, UINT64_MAX);
	l->n.open = unpack_varint(&u, UINT64_MAX);
	return unpack_done(&u);
}

void spool_job_write(struct buf *b, const struct job_row *r)
{
	const struct spool_job *j = &r->job;
	pack_u8(b, SPOOL_OLD);
	pack_u8(b, r->summary_kept ? 1 : 0);
	pack_u64(b, (uint64_t)j->accepted);
	pack_u64(b, (uint64_t)j->expires);
	pack_varint(b, j->recipients);
	pack_id(b, &j->body);
	pack_varint(b, j->body_size);
	pack_u32(b, j->body_crc);
	pack_span(b, j->sender);
	pack_span(b, j->facts);
	if (r->summary_kept) {
		pack_id(b, &r->summary_id);
		pack_varint(b, r->summary_len);
	} else {
		pack_span(b, j->summary);
	}
}

bool spool_job_read(struct span row, const struct spool_id *id, struct job_row *r)
{
	struct unpack u = unpack_of(row);
	struct spool_job *j = &r->job;
	*r = (struct job_row){.job = {.id = *id}};
	if (unpack_u8(&u) != SPOOL_OLD)
		return false;
	r->summary_kept = unpack_bool(&u);
	j->accepted = (int64_t)unpack_u64(&u);
	j->expires = (int64_t)unpack_u64(&u);
	j->recipients = (uint32_t)unpack_varint(&u, SPOOL_RECIPIENTS_MAX);
	unpack_id(&u, &j->body);
	j->body_size = unpack_varint(&u, UINT64_MAX);
	j->body_crc = unpack_u32(&u);
	j->sender = unpack_span(&u, SPOOL_ADDRESS_MAX);
	j->facts = unpack_span(&u, SPOOL_FACTS_MAX);
	if (r->summary_kept) {
		unpack_id(&u, &r->summary_id);
		r->summary_len =
			(uint32_t)unpack_varint(&u, SPOOL_SUMMARY_MAX);
	} else {
		j->summary = unpack_span(&u, SPOOL_SUMMARY_ROW);
	}
	return unpack_done(&u) && j->recipients > 0;
}

void spool_recipient_write(struct buf *b, const struct spool_recipient *r)
{
	pack_u8(b, SPOOL_FORMAT);
	pack_u8(b, (uint8_t)r->state);
	pack_u64(b, r->account);
	pack_varint(b, r->flags);
	pack_varint(b, r->notify);
	pack_varint(b, r->attempts);
	pack_u64(b, (uint64_t)r->next);
	pack_u64(b, (uint64_t)r->last);
	pack_span(b, r->address);
	pack_span(b, r->original);
	pack_span(b, r->folder);
	pack_span(b, r->prefix);
	pack_span(b, r->reason);
	pack_span(b, r->destination);
	pack_u8(b, (uint8_t)r->marks);
	pack_u16(b, r->code);
	pack_span(b, r->status);
	pack_span(b, r->host);
}

bool spool_recipient_read(struct span row, uint32_t n, struct spool_recipient *r)
{
	struct unpack u = unpack_of(row);
	*r = (struct spool_recipient){.n = n};
	uint8_t format = unpack_u8(&u);
	if (format != SPOOL_FORMAT && format != SPOOL_OLD)
		return false;
	uint8_t state = unpack_u8(&u);
	r->state = (enum spool_state)state;
	r->account = unpack_u64(&u);
	r->flags = (uint32_t)unpack_varint(&u, UINT32_MAX);
	r->notify = (uint32_t)unpack_varint(&u, UINT32_MAX);
	r->attempts = (uint32_t)unpack_varint(&u, UINT32_MAX);
	r->next = (int64_t)unpack_u64(&u);
	r->last = (int64_t)unpack_u64(&u);
	r->address = unpack_span(&u, SPOOL_ADDRESS_MAX);
	r->original = unpack_span(&u, SPOOL_ADDRESS_MAX);
	r->folder = unpack_span(&u, SPOOL_FOLDER_MAX);
	r->prefix = unpack_span(&u, SPOOL_PREFIX_MAX);
	r->reason = unpack_span(&u, SPOOL_REASON_MAX);
	if (format == SPOOL_FORMAT) {
		r->destination = unpack_span(&u, SPOOL_DESTINATION_MAX);
		r->marks = unpack_u8(&u);
		r->code = unpack_u16(&u);
		r->status = unpack_span(&u, SPOOL_STATUS_MAX);
		r->host = unpack_span(&u, SPOOL_HOST_MAX);
	}
	return unpack_done(&u) && state >= SPOOL_LOCAL &&
	       state <= SPOOL_DROPPED;
}

/* ---- whole jobs ---- */

bool spool_whole_write(struct buf *b, const struct spool_job *j,
		       const struct spool_recipient *r, size_t count)
{
	struct job_row row = {.job = *j};
	struct buf one;
	buf_init(&one, SPOOL_ROW);
	row.job.recipients = (uint32_t)count;
	spool_job_write(&one, &row);
	pack_u8(b, SPOOL_FORMAT);
	pack_u8(b, (uint8_t)j->priority);
	pack_u64(b, (uint64_t)j->warns);
	pack_span(b, buf_span(&one));
	for (size_t i = 0; i < count && buf_ok(&one); i++) {
		buf_clear(&one);
		spool_recipient_write(&one, &r[i]);
		pack_span(b, buf_span(&one));
	}
	bool ok = buf_ok(&one) && buf_ok(b);
	buf_free(&one);
	return ok;
}

static bool whole_recipients(const struct whole *w)
{
	struct unpack u = unpack_of(w->rest);
	struct spool_recipient r;
	for (uint32_t n = 0; n < w->count.open; n++)
		if (!spool_recipient_read(unpack_span(&u, SPOOL_ROW), n, &r) ||
		    r.state != SPOOL_REMOTE)
			return false;
	return unpack_done(&u);
}

bool spool_whole_read(struct span row, const struct spool_id *id,
		      struct whole *w)
{
	struct unpack u = unpack_of(row);
	*w = (struct whole){0};
	if (unpack_u8(&u) != SPOOL_FORMAT)
		return false;
	uint8_t priority = unpack_u8(&u);
	int64_t warns = (int64_t)unpack_u64(&u);
	struct span job = unpack_span(&u, SPOOL_ROW);
	if (!unpack_ok(&u) || priority > SPOOL_LAST ||
	    !spool_job_read(job, id, &w->job) || w->job.summary_kept)
		return false;
	w->count = (struct count_row){.open = w->job.job.recipients,
				      .due = SPOOL_NEVER,
				      .tell = SPOOL_NEVER,
				      .priority = (enum spool_priority)priority,
				      .warns = warns,
				      .expires = w->job.job.expires};
	w->rest = u.rest;
	return whole_recipients(w);
}

bool spool_whole_next(struct whole *w, struct spool_recipient *r)
{
	struct unpack u = unpack_of(w->rest);
	if (w->at == w->count.open)
		return false;
	/* It was read before. */
	ENSURE(spool_recipient_read(unpack_span(&u, SPOOL_ROW), w->at, r));
	w->at++;
	w->rest = u.rest;
	return true;
}
