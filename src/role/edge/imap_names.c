/* SPDX-License-Identifier: Apache-2.0 */
/* role/edge/imap_names: mailboxes by name, asked of the store. */
#include "base/ensure.h"
#include "role/edge/imap_side.h"

static enum imap_use use_of(uint8_t use)
{
	return use <= IMAP_USE_TRASH ? (enum imap_use)use : IMAP_USE_NONE;
}

static enum imap_answer list(struct imap_host *h, struct arena *arena,
			     struct span after, struct imap_entries *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_entries m = {.session = c->session, .after = after};
	struct edge_store_entries_reply r;
	enum imap_answer a = IMAP_ASK(c, entries, &m, arena, &r, EDGE_READ_NS);
	if (a != IMAP_YES)
		return a;
	out->entries = ARENA_ARRAY(arena, r.entries_count + 1,
				   struct imap_entry);
	if (out->entries == NULL)
		return IMAP_UNAVAILABLE;
	for (size_t i = 0; i < r.entries_count; i++)
		out->entries[i] = (struct imap_entry){
			.name = r.entries[i].name,
			.exists = r.entries[i].present,
			.selectable = r.entries[i].selectable,
			.subscribed = r.entries[i].subscribed,
			.children = r.entries[i].children,
			.use = use_of(r.entries[i].use),
		};
	out->count = r.entries_count;
	out->more = r.more;
	return IMAP_YES;
}

static enum imap_answer create(struct imap_host *h, struct span name,
			       enum imap_use use, uint64_t *object)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_create m = {
		.session = c->session, .name = name, .use = (uint8_t)use};
	struct edge_store_create_reply r;
	enum imap_answer a = IMAP_ASK(c, create, &m, connection_scratch(c), &r,
				      EDGE_LONG_NS);
	if (a == IMAP_YES)
		*object = r.object;
	return a;
}

static enum imap_answer remove_name(struct imap_host *h, struct span name)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_remove m = {.session = c->session, .name = name};
	struct edge_store_remove_reply r;
	return IMAP_ASK(c, remove, &m, connection_scratch(c), &r, EDGE_LONG_NS);
}

static enum imap_answer rename_name(struct imap_host *h, struct span from,
				    struct span to)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_rename m = {
		.session = c->session, .name = from, .to = to};
	struct edge_store_rename_reply r;
	return IMAP_ASK(c, rename, &m, connection_scratch(c), &r, EDGE_LONG_NS);
}

static enum imap_answer subscribe(struct imap_host *h, struct span name, bool on)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_subscribe m = {
		.session = c->session, .name = name, .on = on};
	struct edge_store_subscribe_reply r;
	return IMAP_ASK(c, subscribe, &m, connection_scratch(c), &r,
			EDGE_LONG_NS);
}

static enum imap_answer status(struct imap_host *h, struct span name, bool deleted,
			       struct imap_status *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_status m = {
		.session = c->session, .name = name, .deleted = deleted};
	struct edge_store_status_reply r;
	enum imap_answer a = IMAP_ASK(c, status, &m, connection_scratch(c), &r,
				      EDGE_READ_NS);
	if (a == IMAP_YES)
		*out = (struct imap_status){
			.messages = r.messages,
			.recent = r.recent,
			.uid_next = r.uid_next,
			.uid_validity = r.uid_validity,
			.unseen = r.unseen,
			.deleted_count = r.deleted,
			.version = r.version,
			.size = r.size,
			.deleted = r.deleted_size,
			.object = r.object,
		};
	return a;
}

static enum imap_answer news(struct imap_host *h, bool begin, struct arena *arena,
			     struct imap_news_of_all *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_news m = {.session = c->session, .begin = begin};
	struct edge_store_news_reply r;
	enum imap_answer a = IMAP_ASK(c, news, &m, arena, &r, EDGE_READ_NS);
	if (a != IMAP_YES || r.overflow)
		return a != IMAP_YES ? a : IMAP_LIMIT;
	*out = (struct imap_news_of_all){.more = r.more && r.moved_count > 0};
	out->list = ARENA_ARRAY(arena, r.moved_count + 1, struct imap_moved);
	if (out->list == NULL)
		return IMAP_UNAVAILABLE;
	for (size_t i = 0; i < r.moved_count; i++)
		out->list[out->count++] = (struct imap_moved){
			.name = r.moved[i].name,
			.old = r.moved[i].old,
			.what = r.moved[i].what,
			.object = r.moved[i].mailbox,
			.subscribed = r.moved[i].subscribed,
			.children = r.moved[i].children,
			.uid_validity = r.moved[i].uid_validity,
			.uid_next = r.moved[i].uid_next,
			.messages = r.moved[i].messages,
			.version = r.moved[i].version};
	return IMAP_YES;
}

static void no_news(struct imap_host *h)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_no_news m = {.session = c->session};
	if (store_of(c) != NULL)
		(void)edge_store_no_news(store_of(c), &m);
}

static enum imap_answer quota(struct imap_host *h, struct imap_quota *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_quota m = {.session = c->session};
	struct edge_store_quota_reply r;
	enum imap_answer a = IMAP_ASK(c, quota, &m, connection_scratch(c), &r,
				      EDGE_READ_NS);
	if (a == IMAP_YES)
		*out = (struct imap_quota){.used = r.bytes_used,
					   .limit = r.bytes_limit};
	return a;
}

static enum imap_answer annotate(struct imap_host *h, struct span mailbox,
				 const struct imap_annotation *list, size_t count)
{
	struct connection *c = imap_side_of(h)->c;
	struct arena *arena = connection_scratch(c);
	struct edge_store_annotation *out =
		ARENA_ARRAY(arena, count + 1, struct edge_store_annotation);
	struct edge_store_annotate m = {.session = c->session,
					.mailbox = mailbox,
					.list = out,
					.list_count = count};
	struct edge_store_annotate_reply r;
	if (out == NULL)
		return IMAP_UNAVAILABLE;
	for (size_t i = 0; i < count; i++)
		out[i] = (struct edge_store_annotation){.name = list[i].name,
							.has_value = list[i].set,
							.value = list[i].value};
	return IMAP_ASK(c, annotate, &m, arena, &r, EDGE_LONG_NS);
}

static enum imap_answer annotations(struct imap_host *h,
				    const struct imap_annotations_of *of,
				    struct span after, struct arena *arena,
				    struct imap_annotations *out)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_annotations m = {.session = c->session,
					   .mailbox = of->mailbox,
					   .entries = of->entries,
					   .entries_count = of->count,
					   .depth = (uint8_t)of->depth,
					   .largest = of->largest,
					   .after = after};
	struct edge_store_annotations_reply r;
	enum imap_answer a = IMAP_ASK(c, annotations, &m, arena, &r, EDGE_READ_NS);
	if (a != IMAP_YES)
		return a;
	out->list = ARENA_ARRAY(arena, r.list_count + 1, struct imap_annotation);
	if (out->list == NULL)
		return IMAP_UNAVAILABLE;
	for (size_t i = 0; i < r.list_count; i++)
		out->list[i] = (struct imap_annotation){.name = r.list[i].name,
							.set = r.list[i].has_value,
							.value = r.list[i].value,
							.size = r.list[i].size};
	out->count = r.list_count;
	out->more = r.more && r.list_count > 0;
	return IMAP_YES;
}

static enum imap_answer url_sign(struct imap_host *h, struct span url,
				 struct arena *arena, struct span *token)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_url_sign m = {.session = c->session, .url = url};
	struct edge_store_url_sign_reply r;
	enum imap_answer a = IMAP_ASK(c, url_sign, &m, arena, &r, EDGE_LONG_NS);
	if (a == IMAP_YES)
		*token = r.token;
	return a;
}

static enum imap_answer url_open(struct imap_host *h, struct span url,
				 uint64_t *mailbox)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_url_open m = {.session = c->session, .url = url};
	struct edge_store_url_open_reply r;
	enum imap_answer a = IMAP_ASK(c, url_open, &m, connection_scratch(c), &r,
				      EDGE_READ_NS);
	if (a == IMAP_YES)
		*mailbox = r.mailbox;
	return a;
}

static enum imap_answer url_reset(struct imap_host *h, struct span mailbox)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_url_reset m = {.session = c->session, .mailbox = mailbox};
	struct edge_store_url_reset_reply r;
	return IMAP_ASK(c, url_reset, &m, connection_scratch(c), &r, EDGE_LONG_NS);
}

static enum imap_answer open_name(struct connection *c, struct span name,
				  bool read_only, struct imap_selected *out)
{
	struct edge_store_select m = {
		.session = c->session, .name = name, .read_only = read_only};
	struct edge_store_select_reply r;
	enum imap_answer a = IMAP_ASK(c, select, &m, connection_scratch(c), &r,
				      EDGE_READ_NS);
	if (a != IMAP_YES)
		return a;
	*out = (struct imap_selected){
		.mailbox = r.mailbox,
		.read_only = r.read_only,
		.uid_validity = r.uid_validity,
		.uid_next = r.uid_next,
		.exists = r.exists,
		.recent = r.recent,
		.recent_from = r.recent_from,
		.first_unseen = r.first_unseen,
		.version = r.version,
		.object = r.object,
		.rights = r.rights,
	};
	return IMAP_YES;
}

static enum imap_answer select_name(struct imap_host *h, struct span name,
				    bool read_only, struct imap_selected *out)
{
	struct connection *c = imap_side_of(h)->c;
	enum imap_answer a = open_name(c, name, read_only, out);
	struct edge_store_watch watch = {
		.session = c->session, .mailbox = out->mailbox, .on = true};
	if (a == IMAP_YES && store_of(c) != NULL)
		(void)edge_store_watch(store_of(c), &watch);
	return a;
}

static enum imap_answer visit(struct imap_host *h, struct span name, struct imap_selected *out)
{
	return open_name(imap_side_of(h)->c, name, true, out);
}

static void deselect(struct imap_host *h, uint64_t mailbox)
{
	struct connection *c = imap_side_of(h)->c;
	struct edge_store_deselect m = {.session = c->session,
					.mailbox = mailbox};
	if (store_of(c) != NULL)
		(void)edge_store_deselect(store_of(c), &m);
}

void imap_names_ops(struct imap_host *h)
{
	h->list = list;
	h->create = create;
	h->remove = remove_name;
	h->rename = rename_name;
	h->subscribe = subscribe;
	h->status = status;
	h->news = news;
	h->no_news = no_news;
	h->quota = quota;
	h->url_sign = url_sign;
	h->url_open = url_open;
	h->url_reset = url_reset;
	h->annotate = annotate;
	h->annotations = annotations;
	h->select = select_name;
	h->deselect = deselect;
	h->visit = visit;
}
