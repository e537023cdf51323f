/* SPDX-License-Identifier: Apache-2.0 */
/* role/store/access: the one place that judges a session by rights. */
#include "role/store/access.h"

#include "base/ensure.h"

/* ---- accounts ------------------------------------------------------------------ */

static bool is_shared(const struct store *s, struct span account)
{
	const struct conf_words *w = &s->conf->accounts.shared;
	for (size_t i = 0; i < w->count; i++)
		if (span_eq_nocase(w->at[i], account))
			return true;
	return false;
}

static enum sharing sharing_of(const struct store *s, const struct directory_account *a)
{
	if (a == NULL || a->state == DIRECTORY_REMOVED)
		return SHARING_NOT;
	if (is_shared(s, a->name))
		return SHARING_SHARED;
	return s->conf->accounts.others_name.len > 0 ? SHARING_OTHERS : SHARING_NOT;
}

enum sharing access_sharing(const struct store *s, uint64_t account)
{
	return sharing_of(s, directory_account(s->directory, account));
}

/* ---- names --------------------------------------------------------------------- */

/* What stands below a level of names; false: not below it. */
static bool below(struct span name, struct span level, struct span *rest)
{
	if (level.len == 0 || !span_starts(name, level) ||
	    (name.len > level.len && name.ptr[level.len] != '/'))
		return false;
	*rest = span_skip(name, level.len + (name.len > level.len));
	return true;
}

static bool reserved(const struct session *ss, struct span name, enum sharing *level,
		     struct span *rest)
{
	const struct conf_accounts *c = &ss->store->conf->accounts;
	*level = SHARING_NOT;
	if (ss->administers)
		return false;
	if (below(name, c->shared_name, rest))
		*level = SHARING_SHARED;
	else if (below(name, c->others_name, rest))
		*level = SHARING_OTHERS;
	return *level != SHARING_NOT;
}

bool access_reserved(const struct session *ss, struct span name)
{
	enum sharing level;
	struct span rest;
	return reserved(ss, name, &level, &rest);
}

struct access_name access_name(const struct session *ss, struct span name)
{
	struct access_name n = {.account = ss->account, .name = name, .own = true};
	enum sharing level;
	struct span rest, account;
	if (!reserved(ss, name, &level, &rest))
		return n;
	n = (struct access_name){0};
	if (!span_cut(&rest, '/', &account))
		return n;
	const struct directory_account *a =
		directory_account_named(ss->store->directory, account);
	/* One spelling each: a mailbox must not have two names. */
	if (a == NULL || !span_eq(a->name, account) || a->id == ss->account ||
	    sharing_of(ss->store, a) != level)
		return n;
	n.account = a->id;
	n.name = rest;
	return n;
}

uint64_t access_object(const struct session *ss, uint64_t account, uint32_t mailbox)
{
	return account == ss->account ? mailbox : account << 32 | mailbox;
}

/* ---- rights -------------------------------------------------------------------- */

enum box_result access_rights(const struct session *ss, struct open_box *b,
			      uint32_t mailbox, uint32_t *rights)
{
	struct box_grants g;
	*rights = ACL_ALL;
	if (b->account == ss->account)
		return BOX_OK;
	*rights = 0;
	enum sharing how = access_sharing(ss->store, b->account);
	if (how == SHARING_NOT)
		return BOX_OK;
	enum box_result r = box_grants(b->box, KV_VISIBLE, mailbox, &g);
	if (r == BOX_OK)
		*rights = box_grants_of(&g, ss->account, how == SHARING_SHARED);
	/* What cannot be read grants nothing. */
	return r == BOX_CORRUPT ? BOX_OK : r;
}

uint32_t access_locked(uint32_t rights)
{
	uint32_t locked = 0;
	if ((rights & ACL_S) == 0)
		locked |= BOX_SEEN;
	if ((rights & ACL_T) == 0)
		locked |= BOX_DELETED;
	if ((rights & ACL_W) == 0)
		locked |= BOX_FLAGS & ~(uint32_t)(BOX_SEEN | BOX_DELETED);
	return locked;
}

/* ---- by name ------------------------------------------------------------------- */

enum edge_store_answer access_box(struct job *j, const struct access_name *n,
				  struct open_box **out)
{
	enum box_result r = BOX_NONE;
	*out = NULL;
	if (n->account == 0)
		return EDGE_STORE_ANSWER_UNKNOWN;
	*out = box_prepared(j, n->account, &r);
	if (*out != NULL)
		return EDGE_STORE_ANSWER_YES;
	enum edge_store_answer a = answer_of(r);
	return a == EDGE_STORE_ANSWER_UNKNOWN ? EDGE_STORE_ANSWER_LATER : a;
}

static enum edge_store_answer judge(const struct session *ss, struct reached *r,
				    struct span name, uint32_t need)
{
	enum box_result b = box_find(r->box->box, KV_VISIBLE, name, &r->mailbox);
	if (b == BOX_OK)
		b = access_rights(ss, r->box, r->mailbox, &r->rights);
	if (b != BOX_OK)
		return answer_of(b);
	if ((r->rights & need) == need)
		return EDGE_STORE_ANSWER_YES;
	return (r->rights & ACL_L) != 0 ? EDGE_STORE_ANSWER_NO
					      : EDGE_STORE_ANSWER_UNKNOWN;
}

enum edge_store_answer access_reach(struct job *j, struct span name, uint32_t need,
				    struct reached *out)
{
	struct access_name n = access_name(j->session, name);
	*out = (struct reached){.own = n.own};
	enum edge_store_answer a = access_box(j, &n, &out->box);
	if (a == EDGE_STORE_ANSWER_YES)
		a = judge(j->session, out, n.name, need);
	if (a == EDGE_STORE_ANSWER_YES)
		return a;
	box_release(out->box);
	out->box = NULL;
	return a;
}

enum edge_store_answer access_make(struct job *j, struct open_box *b, struct span name)
{
	uint32_t mailbox = 0, rights = 0;
	enum box_result r = BOX_NONE;
	size_t slash;
	while (r == BOX_NONE && (slash = span_find_last(name, '/')) != SIZE_MAX) {
		name = span_sub(name, 0, slash);
		r = box_find(b->box, KV_VISIBLE, name, &mailbox);
	}
	if (r == BOX_OK)
		r = access_rights(j->session, b, mailbox, &rights);
	if (r != BOX_OK && r != BOX_NONE)
		return answer_of(r);
	return (rights & ACL_K) != 0 ? EDGE_STORE_ANSWER_YES
					   : EDGE_STORE_ANSWER_NO;
}

/* ---- selected ------------------------------------------------------------------ */

struct selected *access_selected(struct session *ss, uint64_t handle, uint32_t need,
				 enum edge_store_answer *a)
{
	struct selected *sel = session_mailbox(ss, handle);
	uint32_t rights = 0;
	*a = EDGE_STORE_ANSWER_NO;
	if (sel == NULL)
		return NULL;
	enum box_result r = access_rights(ss, sel->box, sel->mailbox, &rights);
	if (r != BOX_OK)
		*a = answer_of(r);
	else if ((rights & ACL_R) == 0)
		*a = EDGE_STORE_ANSWER_GONE;
	else if ((rights & need) == need)
		return sel;
	return NULL;
}

bool access_reads(const struct selected *sel)
{
	uint32_t rights;
	return access_rights(sel->session, sel->box, sel->mailbox, &rights) != BOX_OK ||
	       (rights & ACL_R) != 0;
}
