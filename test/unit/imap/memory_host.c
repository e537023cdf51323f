/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/memory_host: see memory_host.h. */
#include "memory_host.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/ensure.h"
#include "base/siphash.h"

static struct mem_host *mem(struct imap_host *h)
{
	return CONTAINER_OF(h, struct mem_host, host);
}

static struct span box_name(const struct mem_box *b)
{
	return span_of(b->name, b->name_len);
}

static struct mem_box *find(struct mem_host *m, struct span name)
{
	for (size_t i = 0; i < MEM_BOXES; i++)
		if (m->boxes[i].used && span_eq(box_name(&m->boxes[i]), name))
			return &m->boxes[i];
	return NULL;
}

static struct mem_box *by_handle(struct mem_host *m, uint64_t handle)
{
	ENSURE(handle >= 1 && handle <= MEM_BOXES);
	struct mem_box *b = &m->boxes[handle - 1];
	return b->used ? b : NULL;
}

struct mem_box *mem_find(struct mem_host *m, struct span name)
{
	return find(m, name);
}

struct mem_box *mem_box(struct mem_host *m, const char *name)
{
	return find(m, span_cstr(name));
}

struct mem_box *mem_add_box(struct mem_host *m, struct span name)
{
	for (size_t i = 0; i < MEM_BOXES; i++) {
		struct mem_box *b = &m->boxes[i];
		if (b->used || name.len > sizeof b->name)
			continue;
		memset(b, 0, sizeof *b);
		b->used = true;
		memcpy(b->name, name.ptr, name.len);
		b->name_len = name.len;
		b->uid_validity = ++m->validity;
		b->uid_next = b->recent_from = 1;
		b->version = 1;
		return b;
	}
	return NULL;
}

static void forget(struct mem_message *msg)
{
	free(msg->data);
	buf_free(&msg->written);
}

static void clear(struct mem_box *b)
{
	for (size_t i = 0; i < b->count; i++)
		forget(&b->messages[i]);
	b->used = false;
	b->count = 0;
}

/* Header and body cut at the blank line: all that these tests look at. */
static struct summary *summarise(struct mem_host *m, struct span data)
{
	struct summary *s = summary_opaque(m->summaries, data.len);
	ENSURE(s != NULL);
	size_t at = span_find_span(data, SPAN("\r\n\r\n"));
	s->flags = 0;
	s->parts[0].type = SPAN("text");
	s->parts[0].subtype = SPAN("plain");
	s->parts[0].body_start = at == SIZE_MAX ? data.len : at + 4;
	for (size_t i = s->parts[0].body_start; i < data.len; i++)
		s->parts[0].lines += data.ptr[i] == '\n';
	return s;
}

struct mem_message *mem_deliver(struct mem_host *m, struct mem_box *b, struct span data)
{
	if (b->count == MEM_MESSAGES)
		return NULL;
	struct mem_message *msg = &b->messages[b->count++];
	*msg = (struct mem_message){.uid = b->uid_next++, .modseq = ++b->version,
				    .date = MEM_DATE, .saved = MEM_NOW, .size = data.len};
	msg->email = (uint8_t)++m->emails;
	msg->data = malloc(data.len + 1);
	memcpy(msg->data, data.ptr, data.len);
	struct span kept = span_of(msg->data, msg->size);
	msg->summary = m->understand ? m->understand(m->summaries, kept) : summarise(m, kept);
	buf_init(&msg->written, SUMMARY_MAX);
	return msg;
}

void mem_expunge(struct mem_box *b, uint32_t uid)
{
	for (size_t i = 0; i < b->count; i++) {
		if (b->messages[i].uid != uid)
			continue;
		forget(&b->messages[i]);
		memmove(&b->messages[i], &b->messages[i + 1],
			(--b->count - i) * sizeof b->messages[0]);
		ENSURE(b->log_count < MEM_LOG);
		b->log[b->log_count].uid = uid;
		b->log[b->log_count++].version = ++b->version;
		return;
	}
}

static struct mem_message *message(struct mem_box *b, uint32_t uid)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->messages[i].uid == uid)
			return &b->messages[i];
	return NULL;
}

void mem_flags(struct mem_box *b, uint32_t uid, uint32_t flags)
{
	struct mem_message *msg = message(b, uid);
	msg->flags = flags;
	msg->modseq = ++b->version;
}

static int64_t now(struct imap_host *h)
{
	return MEM_NOW + mem(h)->moments++;
}

static enum imap_answer login(struct imap_host *h, struct span user, struct span password)
{
	mem(h)->logins++;
	return span_eq(user, SPAN("fred")) && span_eq(password, SPAN("secret"))
		       ? IMAP_YES : IMAP_DENIED;
}

static bool auth_begin(struct imap_host *h, struct span mechanism)
{
	mem(h)->auth_plain = span_eq_nocase(mechanism, SPAN("PLAIN"));
	mem(h)->auth_step = 0;
	return mem(h)->auth_plain || span_eq_nocase(mechanism, SPAN("LOGIN"));
}

static enum imap_auth auth_step(struct imap_host *h, bool first, struct span in,
				struct arena *a UNUSED, struct span *out)
{
	struct mem_host *m = mem(h);
	*out = span_of("", 0);
	if (first && m->auth_plain)
		return IMAP_AUTH_MORE;
	if (m->auth_plain) {
		m->logins++;
		return span_eq(in, SPAN("\0fred\0secret")) ? IMAP_AUTH_DONE
							   : IMAP_AUTH_FAILED;
	}
	if (first) {
		*out = SPAN("User Name");
		return IMAP_AUTH_MORE;
	}
	if (m->auth_step++ == 0) {
		*out = SPAN("Password");
		return span_eq(in, SPAN("fred")) ? IMAP_AUTH_MORE : IMAP_AUTH_FAILED;
	}
	return span_eq(in, SPAN("secret")) ? IMAP_AUTH_DONE : IMAP_AUTH_FAILED;
}

static void auth_cancel(struct imap_host *h)
{
	mem(h)->auth_step = 0;
}

static void unauthenticate(struct imap_host *h)
{
	ENSURE(mem(h)->selects == mem(h)->deselects);
	mem(h)->logouts++;
}

static bool children(struct mem_host *m, struct span name)
{
	for (size_t i = 0; i < MEM_BOXES; i++) {
		struct span n = box_name(&m->boxes[i]);
		if (m->boxes[i].used && n.len > name.len && span_starts(n, name) &&
		    n.ptr[name.len] == '/')
			return true;
	}
	return false;
}

/* Two names an answer, so that going on is tested. */
static enum imap_answer list(struct imap_host *h, struct arena *a, struct span after,
			     struct imap_entries *out)
{
	struct mem_host *m = mem(h);
	struct span last = after;
	*out = (struct imap_entries){.entries = ARENA_ARRAY(a, 2, struct imap_entry)};
	for (;;) {
		struct mem_box *next = NULL;
		for (size_t i = 0; i < MEM_BOXES; i++) {
			struct mem_box *b = &m->boxes[i];
			if (!b->used)
				continue;
			size_t n = size_min(b->name_len, last.len);
			int c = n ? memcmp(b->name, last.ptr, n) : 0;
			if (c < 0 || (c == 0 && b->name_len <= last.len))
				continue;
			if (next != NULL) {
				n = size_min(b->name_len, next->name_len);
				c = memcmp(b->name, next->name, n);
				if (c > 0 || (c == 0 && b->name_len > next->name_len))
					continue;
			}
			next = b;
		}
		out->more = next != NULL;
		if (next == NULL || out->count == 2)
			return IMAP_YES;
		last = box_name(next);
		out->entries[out->count++] = (struct imap_entry){
			.name = last, .exists = true, .selectable = true,
			.subscribed = next->subscribed, .use = next->use,
			.children = children(m, last)};
	}
}

static enum imap_answer create(struct imap_host *h, struct span name, enum imap_use use,
			       uint64_t *object)
{
	struct mem_host *m = mem(h);
	if (find(mem(h), name) != NULL)
		return IMAP_EXISTS;
	for (size_t i = 0; i < MEM_BOXES && use != IMAP_USE_NONE; i++)
		if (m->boxes[i].used && m->boxes[i].use == use)
			return IMAP_CANNOT;
	struct mem_box *b = mem_add_box(m, name);
	if (b != NULL)
		b->use = use;
	*object = b != NULL ? b->uid_validity : 0;
	return b != NULL ? IMAP_YES : IMAP_LIMIT;
}

static enum imap_answer remove_box(struct imap_host *h, struct span name)
{
	struct mem_box *b = find(mem(h), name);
	if (span_eq(name, SPAN("INBOX")))
		return IMAP_CANNOT;
	if (b == NULL)
		return IMAP_NONEXISTENT;
	mem_annotations_drop(mem(h), (size_t)(b - mem(h)->boxes) + 1);
	clear(b);
	return IMAP_YES;
}

static enum imap_answer rename_box(struct imap_host *h, struct span from, struct span to)
{
	struct mem_box *b = find(mem(h), from);
	if (b == NULL)
		return IMAP_NONEXISTENT;
	if (find(mem(h), to) != NULL)
		return IMAP_EXISTS;
	memcpy(b->name, to.ptr, to.len);
	b->name_len = to.len;
	return IMAP_YES;
}

static enum imap_answer subscribe(struct imap_host *h, struct span name, bool on)
{
	struct mem_box *b = find(mem(h), name);
	if (b != NULL)
		b->subscribed = on;
	return b != NULL || !on ? IMAP_YES : IMAP_NONEXISTENT;
}

static uint32_t recent(const struct mem_box *b)
{
	uint32_t n = 0;
	for (size_t i = 0; i < b->count; i++)
		n += b->messages[i].uid >= b->recent_from;
	return n;
}

static enum imap_answer status(struct imap_host *h, struct span name, bool deleted,
			       struct imap_status *out)
{
	struct mem_box *b = find(mem(h), name);
	if (b == NULL)
		return IMAP_NONEXISTENT;
	*out = (struct imap_status){.messages = (uint32_t)b->count,
				    .recent = recent(b),
				    .uid_next = b->uid_next,
				    .uid_validity = b->uid_validity,
				    .version = b->version,
				    .object = b->uid_validity};
	for (size_t i = 0; i < b->count; i++) {
		out->unseen += !(b->messages[i].flags & IMAP_SEEN);
		out->deleted_count += (b->messages[i].flags & IMAP_DELETED) != 0;
		if (deleted && (b->messages[i].flags & IMAP_DELETED))
			out->deleted += b->messages[i].size;
	}
	return IMAP_YES;
}

static enum imap_answer news(struct imap_host *h, bool begin, struct arena *a,
			     struct imap_news_of_all *out)
{
	struct mem_host *m = mem(h);
	ENSURE(begin || m->follows);
	if (m->news_answer != IMAP_UNAVAILABLE)
		m->follows = m->news_answer == IMAP_YES;
	m->follows_begun += begin;
	if (m->news_answer != IMAP_YES)
		return m->news_answer;
	size_t n = begin ? 0 : size_min(m->moved_count, 32);
	*out = (struct imap_news_of_all){.list = ARENA_ARRAY(a, n + 1, struct imap_moved),
					 .count = n, .more = n < m->moved_count && !begin};
	if (out->list == NULL)
		return IMAP_UNAVAILABLE;
	memcpy(out->list, m->moved, n * sizeof *out->list);
	m->moved_count -= n;
	memmove(m->moved, m->moved + n, m->moved_count * sizeof *m->moved);
	return IMAP_YES;
}

static void no_news(struct imap_host *h)
{
	mem(h)->follows = false;
}

static enum imap_answer quota(struct imap_host *h, struct imap_quota *out)
{
	*out = mem(h)->quota;
	return mem(h)->quota_answer;
}

static enum imap_answer select_box(struct imap_host *h, struct span name, bool read_only,
				   struct imap_selected *out)
{
	struct mem_host *m = mem(h);
	struct mem_box *b = find(m, name);
	enum imap_answer r = mem_may(m, name, ACL_R);
	if (r != IMAP_YES)
		return r;
	*out = (struct imap_selected){.mailbox = (uint64_t)(b - m->boxes) + 1,
				      .read_only = read_only,
				      .rights = m->rights,
				      .uid_validity = b->uid_validity,
				      .uid_next = b->uid_next,
				      .exists = (uint32_t)b->count,
				      .recent = recent(b),
				      .recent_from = b->recent_from,
				      .version = b->version,
				      .object = b->uid_validity};
	for (size_t i = b->count; i-- > 0;)
		if (!(b->messages[i].flags & IMAP_SEEN))
			out->first_unseen = (uint32_t)i + 1;
	if (!read_only)
		b->recent_from = b->uid_next;
	m->selects++;
	m->selected = out->mailbox;
	return IMAP_YES;
}

static enum imap_answer visit(struct imap_host *h, struct span name, struct imap_selected *out)
{
	uint64_t selected = mem(h)->selected;
	enum imap_answer r = mem(h)->visit_answer;
	if (r == IMAP_YES)
		r = select_box(h, name, true, out);
	mem(h)->selected = selected;
	if (r == IMAP_YES && mem(h)->visit_exists != 0)
		out->exists = mem(h)->visit_exists;
	return r;
}

static void deselect(struct imap_host *h, uint64_t mailbox UNUSED)
{
	mem(h)->deselects++;
}

static enum imap_answer uids(struct imap_host *h, uint64_t mailbox, struct imap_set *out)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	for (size_t i = 0; b != NULL && i < b->count; i++)
		if (!imap_set_add(out, b->messages[i].uid, b->messages[i].uid))
			return IMAP_UNAVAILABLE;
	return b != NULL ? IMAP_YES : IMAP_GONE;
}

/* Three slots an answer, so that going on is tested. */
static enum imap_answer pages(struct imap_host *h, uint64_t mailbox, uint32_t first,
			      uint32_t last, uint64_t above, struct arena *a,
			      struct imap_slots *out)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	if (b == NULL)
		return IMAP_GONE;
	*out = (struct imap_slots){.slots = ARENA_ARRAY(a, 3, struct imap_slot)};
	for (size_t i = 0; i < b->count; i++) {
		struct mem_message *msg = &b->messages[i];
		if (msg->uid < first || msg->uid > last || msg->modseq <= above)
			continue;
		if (out->count == 3) {
			out->next = msg->uid;
			break;
		}
		out->slots[out->count++] = (struct imap_slot){msg->uid, msg->flags,
							      msg->keywords, msg->modseq};
	}
	return IMAP_YES;
}

static enum imap_answer rows(struct imap_host *h, uint64_t mailbox, struct arena *a UNUSED,
			     const uint32_t *ids, size_t count, unsigned want,
			     struct imap_row *out)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	for (size_t i = 0; b != NULL && i < count; i++) {
		struct mem_message *msg = message(b, ids[i]);
		out[i] = (struct imap_row){.uid = ids[i], .found = msg != NULL};
		if (msg == NULL)
			continue;
		buf_clear(&msg->written);
		ENSURE(summary_write(msg->summary, &msg->written));
		out[i].internal_date = msg->date;
		out[i].size = msg->size;
		out[i].prefix = msg->prefix;
		if (want & IMAP_WANT_ORIGIN)
			out[i].saved = msg->saved, out[i].email[15] = msg->email;
		if (want & IMAP_WANT_SUMMARY)
			out[i].summary = buf_span(&msg->written);
	}
	return b != NULL ? IMAP_YES : IMAP_GONE;
}

static enum imap_answer changes(struct imap_host *h, uint64_t mailbox, uint64_t since,
				struct arena *a UNUSED, struct imap_changes *out)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	if (b == NULL)
		return IMAP_GONE;
	out->version = b->version;
	out->uid_next = b->uid_next;
	out->exists = (uint32_t)b->count;
	for (size_t i = 0; i < b->log_count; i++)
		if (b->log[i].version > since &&
		    !imap_set_add(&out->vanished, b->log[i].uid, b->log[i].uid))
			return IMAP_UNAVAILABLE;
	imap_set_sort(&out->vanished);
	return IMAP_YES;
}

static enum imap_answer body(struct imap_host *h, uint64_t mailbox, uint32_t uid,
			     uint64_t offset, size_t len, struct span *out)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	struct mem_message *msg = b ? message(b, uid) : NULL;
	mem(h)->bodies++;
	ENSURE(len <= IMAP_CHUNK_MAX);
	if (msg != NULL && mem(h)->body_gone && offset < mem(h)->body_gone_from)
		len = (size_t)(mem(h)->body_gone_from - offset);
	else if (msg == NULL || mem(h)->body_gone)
		return IMAP_NONEXISTENT;
	*out = span_sub(span_of(msg->data, msg->size), (size_t)offset, len);
	return IMAP_YES;
}

static enum imap_answer keywords(struct imap_host *h, uint64_t mailbox, struct arena *a,
				 struct span **names, size_t *count)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	if (b == NULL)
		return IMAP_GONE;
	*names = ARENA_ARRAY(a, IMAP_KEYWORDS_MAX, struct span);
	*count = b->keyword_count;
	for (size_t i = 0; i < b->keyword_count; i++)
		(*names)[i] = span_of(b->keywords[i], b->keyword_len[i]);
	return IMAP_YES;
}

static enum imap_answer keyword(struct mem_box *b, struct span name, unsigned *bit)
{
	for (size_t i = 0; i < b->keyword_count; i++) {
		if (span_eq_nocase(span_of(b->keywords[i], b->keyword_len[i]), name)) {
			*bit = (unsigned)i;
			return IMAP_YES;
		}
	}
	if (b->keyword_count == IMAP_KEYWORDS_MAX)
		return IMAP_LIMIT;
	memcpy(b->keywords[b->keyword_count], name.ptr, name.len);
	b->keyword_len[b->keyword_count] = name.len;
	*bit = (unsigned)b->keyword_count++;
	return IMAP_YES;
}

static enum imap_answer keyword_add(struct imap_host *h, uint64_t mailbox,
				    struct span name, unsigned *bit)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	if ((mem(h)->rights & ACL_W) == 0)
		return IMAP_DENIED;
	return b != NULL ? keyword(b, name, bit) : IMAP_GONE;
}

static enum imap_answer store(struct imap_host *h, uint64_t mailbox,
			      const struct imap_set *set, const struct imap_store *how,
			      struct arena *a UNUSED, struct imap_stored *out)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	if (b == NULL)
		return IMAP_GONE;
	uint32_t locked = mem_locked(mem(h)->rights);
	bool others = (locked & IMAP_DRAFT) == 0;
	uint32_t asked = how->how == IMAP_STORE_SET ? 31 : how->flags;
	if ((asked & ~locked) == 0 && (how->keywords != 0 ? !others : asked != 0))
		return IMAP_DENIED;
	out->before = out->after = b->version;
	for (size_t i = 0; i < b->count; i++) {
		struct mem_message *msg = &b->messages[i];
		if (!imap_set_has(set, msg->uid))
			continue;
		if (msg->modseq > how->unchanged_since) {
			if (!imap_set_add(&out->modified, msg->uid, msg->uid))
				return IMAP_UNAVAILABLE;
			continue;
		}
		if (out->after == out->before)
			out->after = ++b->version;
		msg->modseq = b->version;
		uint32_t before = msg->flags;
		if (how->how == IMAP_STORE_SET) {
			msg->flags = how->flags;
			msg->keywords = how->keywords;
		} else if (how->how == IMAP_STORE_ADD) {
			msg->flags |= how->flags;
			msg->keywords |= how->keywords;
		} else {
			msg->flags &= ~how->flags;
			msg->keywords &= ~how->keywords;
		}
		msg->flags = (msg->flags & ~locked) | (before & locked);
	}
	return IMAP_YES;
}

static enum imap_answer expunge(struct imap_host *h, uint64_t mailbox,
				const struct imap_set *set)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	if (b == NULL)
		return IMAP_GONE;
	if ((mem(h)->rights & ACL_E) == 0)
		return IMAP_DENIED;
	mem(h)->expunges++;
	for (size_t i = b->count; i-- > 0;)
		if ((b->messages[i].flags & IMAP_DELETED) &&
		    (set == NULL || imap_set_has(set, b->messages[i].uid)))
			mem_expunge(b, b->messages[i].uid);
	return IMAP_YES;
}

static enum imap_answer copy(struct imap_host *h, uint64_t mailbox,
			     const struct imap_set *set, struct span to, bool move,
			     struct arena *a, struct imap_copied *out)
{
	struct mem_host *m = mem(h);
	struct mem_box *b = by_handle(m, mailbox), *target = find(m, to);
	if (b == NULL || target == NULL)
		return b == NULL ? IMAP_GONE : IMAP_NONEXISTENT;
	if (m->copy_answer != IMAP_YES)
		return m->copy_answer;
	if (target->count + b->count > MEM_MESSAGES)
		return IMAP_OVERQUOTA;
	*out = (struct imap_copied){.uid_validity = target->uid_validity,
				    .from = ARENA_ARRAY(a, MEM_MESSAGES, uint32_t),
				    .to = ARENA_ARRAY(a, MEM_MESSAGES, uint32_t)};
	size_t n = b->count;
	for (size_t i = 0; i < n; i++) {
		struct mem_message *msg = &b->messages[i];
		if (!imap_set_has(set, msg->uid))
			continue;
		struct mem_message *made =
			mem_deliver(m, target, span_of(msg->data, msg->size));
		made->flags = msg->flags, made->email = msg->email;
		out->from[out->count] = msg->uid;
		out->to[out->count++] = made->uid;
	}
	for (size_t i = 0; move && i < out->count; i++)
		mem_expunge(b, out->from[i]);
	return IMAP_YES;
}

static bool contains(struct span where, struct span what)
{
	for (size_t i = 0; i + what.len <= where.len; i++)
		if (span_eq_nocase(span_sub(where, i, what.len), what))
			return true;
	return false;
}

static bool judge(const struct mem_message *msg, const struct imap_query_op *op)
{
	struct span data = span_of(msg->data, msg->size);
	int64_t day = msg->date / 86400;
	switch (op->kind) {
	case IMAP_Q_ALL: return true;
	case IMAP_Q_FLAGS: return (msg->flags & op->number) == op->number;
	case IMAP_Q_KEYWORDS: return (msg->keywords & op->number) == op->number;
	case IMAP_Q_UIDS: return imap_set_has(&op->uids, msg->uid);
	case IMAP_Q_BEFORE: case IMAP_Q_SENTBEFORE: return day < op->day;
	case IMAP_Q_ON: case IMAP_Q_SENTON: return day == op->day;
	case IMAP_Q_SINCE: case IMAP_Q_SENTSINCE: return day >= op->day;
	case IMAP_Q_SAVEDBEFORE: return msg->saved / 86400 < op->day;
	case IMAP_Q_SAVEDON: return msg->saved / 86400 == op->day;
	case IMAP_Q_SAVEDSINCE: return msg->saved / 86400 >= op->day;
	case IMAP_Q_OLDER: return msg->date <= (int64_t)op->number;
	case IMAP_Q_YOUNGER: return msg->date >= (int64_t)op->number;
	case IMAP_Q_LARGER: return msg->size > op->number;
	case IMAP_Q_SMALLER: return msg->size < op->number;
	case IMAP_Q_HEADER: return contains(data, op->name) && contains(data, op->text);
	case IMAP_Q_BODY: case IMAP_Q_TEXT: return contains(data, op->text);
	case IMAP_Q_EMAIL: return (uint8_t)op->text.ptr[15] == msg->email;
	case IMAP_Q_MODSEQ: return msg->modseq >= op->number;
	default: return false;
	}
}

static bool evaluate(const struct mem_message *msg, const struct imap_query *q)
{
	bool stack[IMAP_QUERY_STACK];
	size_t depth = 0;
	for (size_t i = 0; i < q->count; i++) {
		enum imap_query_kind kind = q->ops[i].kind;
		if (kind == IMAP_Q_NOT) {
			ENSURE(depth >= 1);
			stack[depth - 1] = !stack[depth - 1];
		} else if (kind == IMAP_Q_AND || kind == IMAP_Q_OR) {
			ENSURE(depth >= 2);
			depth--;
			bool x = stack[depth - 1], y = stack[depth];
			stack[depth - 1] = kind == IMAP_Q_AND ? x && y : x || y;
		} else {
			ENSURE(depth < IMAP_QUERY_STACK);
			stack[depth++] = judge(msg, &q->ops[i]);
		}
	}
	ENSURE(depth == 1);
	return stack[0];
}

static enum imap_answer search(struct imap_host *h, uint64_t mailbox,
			       const struct imap_query *q, struct imap_set *out,
			       uint64_t *highest)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	if (b == NULL)
		return IMAP_GONE;
	mem(h)->query_ops = q->count;
	for (size_t i = 0; i < b->count; i++) {
		const struct mem_message *msg = &b->messages[i];
		if (!evaluate(msg, q))
			continue;
		if (!imap_set_add(out, msg->uid, msg->uid))
			return IMAP_UNAVAILABLE;
		*highest = u64_max(*highest, msg->modseq);
	}
	return IMAP_YES;
}

/* Subjects as they are written, ids by their bytes: enough for what the session says of it. */
static void order_of(const struct mem_message *msg, struct arena *a, struct summary_row *r)
{
	static const uint8_t key[SIPHASH_KEY] = "memory host";
	const struct summary *s = msg->summary;
	const struct summary_envelope *e = s->parts[0].envelope;
	uint64_t *ids = ARENA_ARRAY(a, s->reference_count + 1, uint64_t);
	*r = (struct summary_row){.uid = msg->uid, .arrived = msg->date, .sent = msg->date,
				  .size = msg->prefix + msg->size};
	for (size_t i = 0; i < s->reference_count && ids != NULL; i++)
		ids[i] = siphash(key, s->references[i]);
	r->order.ids = span_of((const char *)ids, ids != NULL ? s->reference_count * sizeof *ids : 0);
	if (e == NULL)
		return;
	r->order.id = e->message_id.len > 0 ? siphash(key, e->message_id) : 0;
	r->order.subject = e->subject.len > 0 ? siphash(key, e->subject) : 0;
	r->order.key[SUMMARY_ORDER_BASE] = e->subject;
}

static enum imap_answer sort(struct imap_host *h, uint64_t mailbox, const struct imap_order *how,
			     const struct imap_set *uids, struct arena *a, struct imap_ordered *out)
{
	struct mem_box *b = by_handle(mem(h), mailbox);
	struct summary_row *rows = ARENA_ARRAY(a, MEM_MESSAGES + 1, struct summary_row);
	struct summary_pause pause = {0};
	struct summary_threads t = {0};
	size_t n = 0;
	if (b == NULL || rows == NULL || mem(h)->sort_answer != IMAP_YES)
		return b == NULL ? IMAP_GONE : rows == NULL ? IMAP_UNAVAILABLE : mem(h)->sort_answer;
	for (size_t i = 0; i < b->count; i++)
		if (imap_set_has(uids, b->messages[i].uid))
			order_of(&b->messages[i], a, &rows[n++]);
	*out = (struct imap_ordered){.uids = ARENA_ARRAY(a, 3 * n + 1, uint32_t)};
	uint32_t *order = how->threads ? NULL : summary_sort(rows, n, how->keys, how->key_count, a, &pause);
	if (out->uids == NULL || (order == NULL && !how->threads))
		return IMAP_UNAVAILABLE;
	for (; order != NULL && out->count < n; out->count++)
		out->uids[out->count] = rows[order[out->count]].uid;
	if (!how->threads)
		return IMAP_YES;
	out->depths = ARENA_ARRAY(a, 3 * n + 1, uint16_t);
	if (out->depths == NULL || !summary_threads(rows, n, how->how, a, &pause, &t))
		return IMAP_UNAVAILABLE;
	for (; out->count < t.count; out->count++) {
		uint32_t row = t.at[out->count].row;
		out->uids[out->count] = row == SUMMARY_THREAD_NOBODY ? 0 : rows[row].uid;
		out->depths[out->count] = (uint16_t)t.at[out->count].depth;
	}
	return IMAP_YES;
}

static enum imap_answer append_begin(struct imap_host *h, const struct imap_append *a)
{
	struct mem_host *m = mem(h);
	struct mem_box *b = find(m, a->mailbox);
	if (b == NULL || m->append_begin != IMAP_YES)
		return b == NULL ? IMAP_NONEXISTENT : m->append_begin;
	m->append = *a;
	m->append_box = (size_t)(b - m->boxes);
	m->append_flags = a->flags.system;
	m->append_keywords = 0;
	for (size_t i = 0; i < a->flags.keyword_count; i++) {
		unsigned bit;
		if (keyword(b, a->flags.keywords[i], &bit) != IMAP_YES)
			return IMAP_LIMIT;
		m->append_keywords |= UINT64_C(1) << bit;
	}
	buf_clear(&m->incoming);
	m->appends++;
	return IMAP_YES;
}

static enum imap_answer append_chunk(struct imap_host *h, struct span bytes)
{
	ENSURE(bytes.len <= IMAP_CHUNK_MAX);
	buf_add(&mem(h)->incoming, bytes);
	return buf_ok(&mem(h)->incoming) ? IMAP_YES : IMAP_OVERQUOTA;
}

static enum imap_answer append_hold(struct imap_host *h)
{
	struct mem_host *m = mem(h);
	ENSURE(m->held_count < ARRAY_LEN(m->held));
	ENSURE(m->append.pieces || buf_len(&m->incoming) == m->append.size);
	struct mem_held *held = &m->held[m->held_count++];
	*held = (struct mem_held){.flags = m->append_flags,
				  .keywords = m->append_keywords,
				  .dated = m->append.dated,
				  .date = m->append.internal_date};
	buf_init(&held->bytes, 1u << 20);
	buf_add(&held->bytes, buf_span(&m->incoming));
	return buf_ok(&held->bytes) ? IMAP_YES : IMAP_UNAVAILABLE;
}

static void held_drop(struct mem_host *m)
{
	while (m->held_count > 0)
		buf_free(&m->held[--m->held_count].bytes);
}

static enum imap_answer append_end(struct imap_host *h, struct imap_kept *out)
{
	struct mem_host *m = mem(h);
	struct mem_box *b = &m->boxes[m->append_box], *from = NULL;
	uint32_t gone = m->append.replaces;
	enum imap_answer r = append_hold(h);
	if (r == IMAP_YES)
		r = m->append_end;
	if (r == IMAP_YES && b->count + m->held_count > MEM_MESSAGES)
		r = IMAP_OVERQUOTA;
	if (r == IMAP_YES && gone != 0) {
		from = by_handle(m, m->selected);
		if (from == NULL || message(from, gone) == NULL)
			r = IMAP_CANNOT;
	}
	*out = (struct imap_kept){b->uid_validity, b->uid_next};
	for (size_t i = 0; r == IMAP_YES && i < m->held_count; i++) {
		const struct mem_held *held = &m->held[i];
		struct mem_message *msg = mem_deliver(m, b, buf_span(&held->bytes));
		msg->flags = held->flags;
		msg->keywords = held->keywords;
		if (held->dated)
			msg->date = held->date;
	}
	if (r == IMAP_YES && gone != 0)
		mem_expunge(from, gone);
	held_drop(m);
	return r;
}

static void append_abort(struct imap_host *h)
{
	mem(h)->aborts++;
	held_drop(mem(h));
}

void mem_init(struct mem_host *m)
{
	*m = (struct mem_host){
		.host = {.facts = {.tls = true, .starttls = true,
				   .mechanisms = SPAN_INIT("PLAIN LOGIN"),
				   .name = SPAN_INIT("mail.example"),
				   .version = SPAN_INIT("1"), .append_max = 100000},
			 .now = now, .login = login, .auth_begin = auth_begin,
			 .auth_step = auth_step, .auth_cancel = auth_cancel,
			 .unauthenticate = unauthenticate,
			 .list = list, .create = create, .remove = remove_box,
			 .rename = rename_box, .subscribe = subscribe, .status = status,
			 .quota = quota, .news = news, .no_news = no_news,
			 .select = select_box, .deselect = deselect, .visit = visit, .uids = uids,
			 .pages = pages, .rows = rows, .changes = changes, .body = body,
			 .keywords = keywords, .keyword_add = keyword_add,
			 .store = store, .expunge = expunge, .copy = copy,
			 .search = search, .sort = sort, .append_begin = append_begin,
			 .append_chunk = append_chunk, .append_hold = append_hold,
			 .append_end = append_end,
			 .append_abort = append_abort}};
	mem_rights_ops(m);
	mem_shelf_ops(&m->host);
	m->boxes = calloc(MEM_BOXES, sizeof *m->boxes);
	m->summaries = arena_new(64u << 20);
	ENSURE(m->boxes != NULL && m->summaries != NULL);
	buf_init(&m->incoming, 1u << 20);
	mem_add_box(m, SPAN("INBOX"))->subscribed = true;
	mem_add_box(m, SPAN("Sent"))->use = IMAP_USE_SENT;
}

void mem_free(struct mem_host *m)
{
	for (size_t i = 0; i < MEM_BOXES; i++)
		clear(&m->boxes[i]);
	mem_annotations_drop(m, SIZE_MAX);
	ENSURE(m->held_count == 0);
	free(m->boxes);
	arena_free(m->summaries);
	buf_free(&m->incoming);
}
