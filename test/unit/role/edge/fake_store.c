/* SPDX-License-Identifier: Apache-2.0 */
/* A store in memory for tests of edge; see fake_store.h. */
#include "fake_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/ensure.h"

#define YES EDGE_STORE_ANSWER_YES

static void tell(struct fake_store *s)
{
	struct edge_store_hint h = {
		.session = s->watched, .mailbox = 1, .version = s->version};
	struct edge_store_hint all = {.session = s->follower, .version = s->version};
	if (s->watched != 0 && s->channel != NULL)
		(void)edge_store_hint(s->channel, &h);
	if (s->follower != 0 && s->channel != NULL)
		(void)edge_store_hint(s->channel, &all);
}

static void put(struct fake_store *s, struct span trace, struct span a,
		struct span b)
{
	size_t len = trace.len + a.len + b.len;
	char *p = malloc(len + 1);
	ENSURE(p != NULL && s->count < FAKE_MESSAGES);
	if (trace.len > 0)
		memcpy(p, trace.ptr, trace.len);
	if (a.len > 0)
		memcpy(p + trace.len, a.ptr, a.len);
	if (b.len > 0)
		memcpy(p + trace.len + a.len, b.ptr, b.len);
	s->messages[s->count++] =
		(struct fake_message){.bytes = span_of(p, len),
				      .trace = (uint32_t)trace.len,
				      .modseq = ++s->version};
	tell(s);
}

void fake_store_put(struct fake_store *s, struct span bytes)
{
	put(s, SPAN(""), bytes, SPAN(""));
}

static void session_open(void *r, struct ipc_call *c,
			 const struct edge_store_session_open *m)
{
	struct fake_store *s = r;
	(void)m;
	edge_store_session_open_answer(
		c, &(struct edge_store_session_open_reply){
			   .answer = YES, .session = ++s->next_session});
}

static void session_close(void *r, struct edge_store *c,
			  const struct edge_store_session_close *m)
{
	struct fake_store *s = r;
	(void)c;
	if (m->session == s->watched)
		s->watched = 0;
	s->closed++;
}

/* Only of the pool that this edge is none of. */
static void local(void *r, struct ipc_call *c, const struct edge_store_local *m)
{
	(void)r;
	(void)m;
	edge_store_local_answer(c, &(struct edge_store_local_reply){
					   .answer = EDGE_STORE_ANSWER_NO});
}

static void sender(void *r, struct ipc_call *c, const struct edge_store_sender *m)
{
	(void)r;
	bool own = span_starts(m->address, SPAN("alice@"));
	edge_store_sender_answer(
		c, &(struct edge_store_sender_reply){
			   .answer = own ? YES : EDGE_STORE_ANSWER_NO});
}

static void recipient(void *r, struct ipc_call *c,
		      const struct edge_store_recipient *m)
{
	struct edge_store_recipient_reply rep = {.handle = 7};
	(void)r;
	if (span_eq(m->address, SPAN("alice@example.test")) ||
	    span_eq_nocase(m->address, SPAN("postmaster")))
		rep.answer = YES;
	else if (span_starts(m->address, SPAN("full@")))
		rep.answer = EDGE_STORE_ANSWER_OVER_QUOTA;
	else if (span_ends(m->address, SPAN("@example.test")))
		rep.answer = EDGE_STORE_ANSWER_UNKNOWN;
	else
		rep.answer = EDGE_STORE_ANSWER_RELAY_DENIED;
	edge_store_recipient_answer(c, &rep);
}

static void reset(void *r, struct edge_store *c, const struct edge_store_reset *m)
{
	struct fake_store *s = r;
	(void)c;
	(void)m;
	s->resets++;
	buf_clear(&s->staged);
}

static void stage(void *r, struct ipc_call *c, const struct edge_store_stage *m)
{
	struct fake_store *s = r;
	if (m->staged == 0)
		buf_clear(&s->staged);
	buf_add(&s->staged, m->piece);
	ENSURE(buf_ok(&s->staged));
	edge_store_stage_answer(c, &(struct edge_store_stage_reply){
					   .answer = YES, .staged = 3});
}

static void offer(void *r, struct ipc_call *c, const struct edge_store_offer *m)
{
	struct fake_store *s = r;
	struct span staged = m->staged ? buf_span(&s->staged) : SPAN("");
	if (s->slow) {
		ipc_keep(c);
		s->waiting = c;
		put(s, m->trace, staged, m->body);
		return;
	}
	put(s, m->trace, staged, m->body);
	edge_store_offer_answer(c, &(struct edge_store_offer_reply){
					   .answer = YES});
}

static void entries(void *r, struct ipc_call *c,
		    const struct edge_store_entries *m)
{
	struct edge_store_entry e = {.name = SPAN("INBOX"),
				     .present = true,
				     .selectable = true,
				     .subscribed = true};
	(void)r;
	edge_store_entries_answer(c, &(struct edge_store_entries_reply){
					     .answer = YES,
					     .entries = &e,
					     .entries_count = m->after.len == 0});
}

/* Names that are there already, or never: enough to see answers come through. */
#define NAME_CALL(what, result)                                                \
	static void what##_name(void *r, struct ipc_call *c,                   \
				const struct edge_store_##what *m)             \
	{                                                                      \
		(void)r;                                                       \
		(void)m;                                                       \
		edge_store_##what##_answer(                                    \
			c, &(struct edge_store_##what##_reply){                \
				   .answer = EDGE_STORE_ANSWER_##result});     \
	}
NAME_CALL(create, EXISTS)
NAME_CALL(remove, CANNOT)
NAME_CALL(rename, UNKNOWN)
NAME_CALL(subscribe, YES)
NAME_CALL(quota, YES)
NAME_CALL(kept_ids, YES)
NAME_CALL(annotate, YES)
NAME_CALL(url_sign, NO)
NAME_CALL(url_open, NO)
NAME_CALL(url_reset, YES)
NAME_CALL(annotations, YES)
NAME_CALL(namespaces, YES)
NAME_CALL(rights, UNKNOWN)
NAME_CALL(grants, UNKNOWN)
NAME_CALL(grant, UNKNOWN)
NAME_CALL(grantable, UNKNOWN)

static uint32_t exists(const struct fake_store *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->count; i++)
		n += !s->messages[i].gone;
	return n;
}

static uint64_t octets(const struct fake_store *s)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->count; i++)
		n += s->messages[i].gone ? 0 : s->messages[i].bytes.len;
	return n;
}

static void status(void *r, struct ipc_call *c, const struct edge_store_status *m)
{
	struct fake_store *s = r;
	(void)m;
	edge_store_status_answer(c, &(struct edge_store_status_reply){
					    .answer = YES,
					    .messages = exists(s),
					    .uid_next = s->count + 1,
					    .uid_validity = 42,
					    .version = s->version,
					    .size = octets(s)});
}

static void select_name(void *r, struct ipc_call *c,
			const struct edge_store_select *m)
{
	struct fake_store *s = r;
	struct edge_store_select_reply rep = {.answer = YES,
					      .mailbox = 1,
					      .read_only = m->read_only,
					      .rights = 2047,
					      .uid_validity = 42,
					      .uid_next = s->count + 1,
					      .exists = exists(s),
					      .version = s->version,
					      .size = octets(s)};
	if (!span_eq(m->name, SPAN("INBOX")))
		rep = (struct edge_store_select_reply){
			.answer = EDGE_STORE_ANSWER_UNKNOWN};
	edge_store_select_answer(c, &rep);
}

static void deselect(void *r, struct edge_store *c,
		     const struct edge_store_deselect *m)
{
	struct fake_store *s = r;
	(void)c;
	if (m->session == s->watched)
		s->watched = 0;
}

static void news(void *r, struct ipc_call *call, const struct edge_store_news *m)
{
	struct fake_store *s = r;
	struct edge_store_news_reply rep = {.answer = EDGE_STORE_ANSWER_YES};
	struct edge_store_moved moved = {.name = SPAN("Other"), .what = 1, .mailbox = 9, .messages = 2,
					 .uid_next = 3, .uid_validity = 4, .version = s->version};
	if (m->begin)
		s->follower = m->session;
	rep.moved = &moved;
	rep.moved_count = m->begin ? 0 : 1;
	edge_store_news_answer(call, &rep);
}

static void no_news(void *r, struct edge_store *c, const struct edge_store_no_news *m)
{
	struct fake_store *s = r;
	(void)c;
	if (s->follower == m->session)
		s->follower = 0;
}

static void watch(void *r, struct edge_store *c, const struct edge_store_watch *m)
{
	struct fake_store *s = r;
	(void)c;
	s->watched = m->on ? m->session : 0;
}

/* A run a message: many of them, and two to an answer. */
static void uids(void *r, struct ipc_call *c, const struct edge_store_uids *m)
{
	struct fake_store *s = r;
	struct edge_store_range out[2];
	struct edge_store_uids_reply rep = {.answer = YES, .ranges = out};
	for (uint32_t uid = m->from; uid <= s->count; uid++) {
		if (s->messages[uid - 1].gone)
			continue;
		if (rep.ranges_count == ARRAY_LEN(out)) {
			rep.next = uid;
			break;
		}
		out[rep.ranges_count++] =
			(struct edge_store_range){.first = uid, .last = uid};
	}
	edge_store_uids_answer(c, &rep);
}

static void pages(void *r, struct ipc_call *c, const struct edge_store_pages *m)
{
	struct fake_store *s = r;
	struct edge_store_slot out[FAKE_MESSAGES];
	struct edge_store_pages_reply rep = {.answer = YES, .slots = out};
	for (uint32_t uid = m->from; uid <= s->count; uid++) {
		const struct fake_message *f = &s->messages[uid - 1];
		if (f->gone || f->modseq <= m->above)
			continue;
		out[rep.slots_count++] =
			(struct edge_store_slot){.uid = uid,
						 .flags = f->flags,
						 .modseq = f->modseq};
	}
	edge_store_pages_answer(c, &rep);
}

/* One to an answer: a caller has to come again. */
static void rows(void *r, struct ipc_call *c, const struct edge_store_rows *m)
{
	struct fake_store *s = r;
	uint32_t uid = m->uids[0];
	struct edge_store_row row = {.uid = uid};
	if (uid >= 1 && uid <= s->count && !s->messages[uid - 1].gone) {
		row.found = true;
		row.internal_date = 1700000000;
		row.size = s->messages[uid - 1].bytes.len;
		row.prefix = s->messages[uid - 1].trace;
	}
	edge_store_rows_answer(c, &(struct edge_store_rows_reply){
					  .answer = YES,
					  .rows = &row,
					  .rows_count = 1});
}

static void changes(void *r, struct ipc_call *c,
		    const struct edge_store_changes *m)
{
	struct fake_store *s = r;
	struct edge_store_range out[FAKE_MESSAGES];
	struct edge_store_changes_reply rep = {.answer = YES,
					       .version = s->version,
					       .uid_next = s->count + 1,
					       .exists = exists(s),
					       .vanished = out};
	for (uint32_t uid = m->from; uid <= s->count; uid++)
		if (s->messages[uid - 1].gone &&
		    s->messages[uid - 1].gone_at > m->since)
			out[rep.vanished_count++] = (struct edge_store_range){
				.first = uid, .last = uid};
	edge_store_changes_answer(c, &rep);
}

static void body(void *r, struct ipc_call *c, const struct edge_store_body *m)
{
	struct fake_store *s = r;
	struct edge_store_body_reply rep = {.answer = EDGE_STORE_ANSWER_UNKNOWN};
	struct edge_store_whole along[64];
	ENSURE(m->length <= 61440);
	/* Every third is left out: a caller has to ask for it by itself. */
	for (size_t i = 0; i < m->ahead_count; i++)
		if (m->ahead[i] % 3 != 0 && !s->messages[m->ahead[i] - 1].gone)
			along[rep.whole_count++] = (struct edge_store_whole){
				m->ahead[i], s->messages[m->ahead[i] - 1].bytes};
	rep.whole = along;
	if (m->uid >= 1 && m->uid <= s->count && !s->messages[m->uid - 1].gone) {
		rep.answer = YES;
		rep.bytes = span_sub(s->messages[m->uid - 1].bytes,
				     (size_t)m->offset, m->length);
	}
	edge_store_body_answer(c, &rep);
}

static void keywords(void *r, struct ipc_call *c,
		     const struct edge_store_keywords *m)
{
	static const struct span names[] = {SPAN_INIT("$Forwarded")};
	(void)r;
	(void)m;
	edge_store_keywords_answer(c, &(struct edge_store_keywords_reply){
					      .answer = YES,
					      .names = names,
					      .names_count = 1});
}

static void keyword_add(void *r, struct ipc_call *c,
			const struct edge_store_keyword_add *m)
{
	(void)r;
	(void)m;
	edge_store_keyword_add_answer(
		c, &(struct edge_store_keyword_add_reply){
			   .answer = EDGE_STORE_ANSWER_LIMIT});
}

static bool within(const struct edge_store_range *set, size_t count,
		   uint32_t uid)
{
	for (size_t i = 0; i < count; i++)
		if (uid >= set[i].first && uid <= set[i].last)
			return true;
	return false;
}

static void store_flags(void *r, struct ipc_call *c,
			const struct edge_store_store_flags *m)
{
	struct fake_store *s = r;
	struct edge_store_store_flags_reply rep = {.answer = YES,
						   .before = s->version};
	s->version++;
	for (uint32_t uid = 1; uid <= s->count; uid++) {
		struct fake_message *f = &s->messages[uid - 1];
		if (f->gone || !within(m->uids, m->uids_count, uid))
			continue;
		uint8_t have = m->how == 0 ? 0 : f->flags;
		f->flags = m->how == 2 ? (uint8_t)(have & ~m->flags)
				       : (uint8_t)(have | m->flags);
		f->modseq = s->version;
	}
	rep.after = s->version;
	edge_store_store_flags_answer(c, &rep);
}

static void expunge(void *r, struct ipc_call *c,
		    const struct edge_store_expunge *m)
{
	struct fake_store *s = r;
	s->version++;
	for (uint32_t uid = 1; uid <= s->count; uid++) {
		struct fake_message *f = &s->messages[uid - 1];
		bool named = m->all || within(m->uids, m->uids_count, uid);
		if (f->gone || !named || (!m->force && (f->flags & 8) == 0))
			continue;
		f->gone = true;
		f->gone_at = s->version;
	}
	edge_store_expunge_answer(c, &(struct edge_store_expunge_reply){
					     .answer = YES});
	tell(s);
}

static void copy(void *r, struct ipc_call *c, const struct edge_store_copy *m)
{
	struct edge_store_range to = {.first = 100, .last = 100};
	(void)r;
	for (size_t i = 0; i < m->uids_count; i++)
		to.last += m->uids[i].last - m->uids[i].first + (i > 0);
	edge_store_copy_answer(c, &(struct edge_store_copy_reply){
					  .answer = YES,
					  .uid_validity = 43,
					  .source = m->uids,
					  .source_count = m->uids_count,
					  .target = &to,
					  .target_count = 1});
}

static void search(void *r, struct ipc_call *c, const struct edge_store_search *m)
{
	struct edge_store_range one = {.first = m->from, .last = m->from};
	struct fake_store *s = r;
	edge_store_search_answer(
		c, &(struct edge_store_search_reply){
			   .answer = YES,
			   .uids = &one,
			   .uids_count = 1,
			   .next = m->from < s->count ? m->from + 1 : 0});
}

/* Nobody asks for an order here. */
static void sort(void *r, struct ipc_call *c, const struct edge_store_sort *m)
{
	(void)r, (void)m;
	edge_store_sort_answer(c, &(struct edge_store_sort_reply){.answer = YES});
}

static void sort_more(void *r, struct ipc_call *c, const struct edge_store_sort_more *m)
{
	(void)r, (void)m;
	edge_store_sort_more_answer(c, &(struct edge_store_sort_more_reply){.answer = YES});
}

static void append_check(void *r, struct ipc_call *c,
			 const struct edge_store_append_check *m)
{
	(void)r;
	bool inbox = span_eq(m->name, SPAN("INBOX"));
	edge_store_append_check_answer(
		c, &(struct edge_store_append_check_reply){
			   .answer = inbox ? YES : EDGE_STORE_ANSWER_UNKNOWN});
}

static void append(void *r, struct ipc_call *c, const struct edge_store_append *m)
{
	struct fake_store *s = r;
	put(s, SPAN(""), m->staged ? buf_span(&s->staged) : SPAN(""), m->body);
	s->messages[s->count - 1].flags = m->flags;
	if (m->replaces != 0)
		s->messages[m->replaces - 1].gone = true;
	edge_store_append_answer(c, &(struct edge_store_append_reply){
					    .answer = YES,
					    .uid_validity = 42,
					    .uid = s->count});
}

const struct edge_store_at_store fake_store_handlers = {
	.session_open = session_open,
	.session_close = session_close,
	.local = local,
	.sender = sender,
	.recipient = recipient,
	.reset = reset,
	.stage = stage,
	.offer = offer,
	.entries = entries,
	.create = create_name,
	.remove = remove_name,
	.rename = rename_name,
	.subscribe = subscribe_name,
	.status = status,
	.news = news,
	.no_news = no_news,
	.select = select_name,
	.deselect = deselect,
	.watch = watch,
	.uids = uids,
	.pages = pages,
	.rows = rows,
	.changes = changes,
	.body = body,
	.kept_ids = kept_ids_name,
	.keywords = keywords,
	.keyword_add = keyword_add,
	.store_flags = store_flags,
	.expunge = expunge,
	.copy = copy,
	.search = search,
	.sort = sort,
	.sort_more = sort_more,
	.append_check = append_check,
	.append = append,
	.quota = quota_name,
	.annotate = annotate_name,
	.url_sign = url_sign_name,
	.url_open = url_open_name,
	.url_reset = url_reset_name,
	.annotations = annotations_name,
	.namespaces = namespaces_name,
	.rights = rights_name,
	.grants = grants_name,
	.grant = grant_name,
	.grantable = grantable_name,
};
