/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_url: URLs that let others read a message (RFC 4467, INTERNAL).
 *
 * A token is a byte that names the algorithm (1: HMAC-SHA-256 under the mailbox's access
 * key) and the code of the URL in front of it, in hexadecimal digits.  What the URL says is read
 * here, not where it came from: whoever asks can be mistaken, and gets a handle for
 * one message.
 *
 * Must never tell what was wrong with a URL, nor let a key out.
 */
#include "box/access.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "role/store/session.h"
#include "url/imap.h"
#include "base/hex.h"

#define ALGORITHM 1
#define TOKEN     (1 + SHA256_LEN)

static void token_of(const struct box_access_key *key, struct span rump,
		     unsigned char out[TOKEN])
{
	struct sha256 code = hmac_sha256(span_of(key->bytes, sizeof key->bytes), rump);
	out[0] = ALGORITHM;
	memcpy(out + 1, code.bytes, SHA256_LEN);
}

/* ---- sign ------------------------------------------------------------------- */

static enum edge_store_answer of_url(enum box_result r)
{
	return r == BOX_NONE || r == BOX_CANNOT ? EDGE_STORE_ANSWER_NO : answer_of(r);
}

static enum box_result sign(struct job *j, struct open_box *b, const struct url_imap *u,
			    struct buf *token)
{
	struct box_access q = {0};
	unsigned char bytes[TOKEN];
	enum box_result r = box_find(b->box, KV_VISIBLE, u->mailbox, &q.mailbox);
	if (r == BOX_OK && q.mailbox == 0)
		r = BOX_NONE; /* a bare level of hierarchy */
	if (r == BOX_OK)
		r = job_box(j, box_access(b->box, &q, box_gate, job_gate(j)));
	if (r == BOX_OK) {
		token_of(&q.key, u->rump, bytes);
		hex_encode(token, span_of(bytes, sizeof bytes));
	}
	secret_wipe(&q.key, sizeof q.key);
	return r == BOX_OK && !buf_ok(token) ? BOX_UNAVAILABLE : r;
}

static const struct directory_account *named(struct job *j, struct span user)
{
	const struct directory_account *a =
		directory_account_named(j->store->directory, user);
	return a != NULL && a->state == DIRECTORY_ACTIVE ? a : NULL;
}

/* One of the user's own mailboxes, with an access, and no token yet. */
static bool can_sign(struct job *j, struct span text, struct url_imap *u)
{
	if (!url_imap_parse(j->arena, text, u) || !u->absolute ||
	    u->access == URL_NOT_SIGNED || u->mechanism.len > 0)
		return false;
	const struct directory_account *owner = named(j, u->user);
	return owner != NULL && owner->id == j->session->account;
}

static void run_url_sign(struct job *j)
{
	const struct edge_store_url_sign *m = j->ask;
	struct edge_store_url_sign_reply rep = {.answer = EDGE_STORE_ANSWER_NO};
	struct url_imap u;
	struct buf token;
	buf_init(&token, 2 * TOKEN);
	bool own = can_sign(j, m->url, &u);
	if (!own && arena_short(j->arena))
		rep.answer = EDGE_STORE_ANSWER_LATER;
	if (own) {
		struct open_box *b = own_box(j, &rep.answer);
		if (b != NULL)
			rep.answer = of_url(sign(j, b, &u, &token));
		box_release(b);
	}
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.token = buf_span(&token);
	edge_store_url_sign_answer(j->call, &rep);
	buf_free(&token);
}
BOUND_JOB(url_sign)

/* ---- open ------------------------------------------------------------------- */

/*
 * Who may read.  Nobody is logged in here without an account, so everybody is an
 * authorised user; and nobody submits mail for others (RFC 4468).
 */
static bool may_read(struct job *j, const struct url_imap *u)
{
	if (u->expires && world_wall(j->store->role->world).sec > u->expire)
		return false;
	if (u->access == URL_USER) {
		const struct directory_account *a = named(j, u->reader);
		return a != NULL && a->id == j->session->account;
	}
	return u->access == URL_AUTHUSER || u->access == URL_ANONYMOUS;
}

/* The same work whatever is there: RFC 4467 6. */
static bool vouched(const struct url_imap *u, const struct box_access_key *key, bool known)
{
	unsigned char is[TOKEN], said[TOKEN] = {0};
	bool good = u->token.len == 2 * TOKEN && hex_decode(u->token, said, sizeof said);
	token_of(key, u->rump, is);
	bool same = secret_eq(span_of(is, sizeof is), span_of(said, sizeof said));
	secret_wipe(is, sizeof is);
	return same && good && known && span_eq_nocase(u->mechanism, SPAN("INTERNAL"));
}

/* The box of the owner, held, and the mailbox in it; NULL: none. */
static struct open_box *owner_box(struct job *j, const struct url_imap *u,
				  uint32_t *mailbox, struct box_access_key *key,
				  enum box_result *r)
{
	const struct directory_account *owner = named(j, u->user);
	*r = BOX_NONE;
	struct open_box *b = owner != NULL ? box_hold(j->store, owner->id, r) : NULL;
	if (b != NULL)
		*r = box_find(b->box, KV_VISIBLE, u->mailbox, mailbox);
	if (*r == BOX_OK)
		*r = box_access_get(b->box, KV_VISIBLE, *mailbox, key);
	return b;
}

static enum box_result open_url(struct job *j, struct open_box *b, uint32_t mailbox,
				const struct url_imap *u, uint64_t *handle)
{
	struct box_status st;
	enum box_result r = box_status(b->box, KV_VISIBLE, mailbox, &st);
	if (r == BOX_OK && u->uid_validity != 0 && u->uid_validity != st.uid_validity)
		r = BOX_NONE;
	if (r != BOX_OK)
		return r;
	struct selected *sel = session_select(j->session, box_again(b), mailbox);
	if (sel == NULL) {
		box_release(b);
		return BOX_UNAVAILABLE;
	}
	sel->read_only = true;
	sel->only = u->uid;
	*handle = sel->handle;
	return BOX_OK;
}

static void run_url_open(struct job *j)
{
	const struct edge_store_url_open *m = j->ask;
	struct edge_store_url_open_reply rep = {.answer = EDGE_STORE_ANSWER_NO};
	struct box_access_key key = {0};
	struct url_imap u;
	uint32_t mailbox = 0;
	enum box_result r;
	bool good = url_imap_parse(j->arena, m->url, &u);
	if (!good && arena_short(j->arena))
		rep.answer = EDGE_STORE_ANSWER_LATER;
	if (good && u.absolute && u.mechanism.len > 0) {
		struct open_box *b = owner_box(j, &u, &mailbox, &key, &r);
		good = vouched(&u, &key, r == BOX_OK);
		if (good && may_read(j, &u))
			r = open_url(j, b, mailbox, &u, &rep.mailbox);
		else if (r == BOX_OK)
			r = BOX_NONE;
		rep.answer = of_url(r);
		box_release(b);
		secret_wipe(&key, sizeof key);
	}
	edge_store_url_open_answer(j->call, &rep);
}
BOUND_NOW(url_open)

/* ---- reset ------------------------------------------------------------------ */

static enum box_result reset(struct job *j, struct open_box *b, struct span name)
{
	struct box_access q = {.fresh = true};
	enum box_result r = BOX_OK;
	if (name.len > 0)
		r = box_find(b->box, KV_VISIBLE, name, &q.mailbox);
	if (name.len > 0 && r == BOX_OK && q.mailbox == 0)
		r = BOX_NONE;
	do {
		if (r == BOX_OK)
			r = job_box(j, box_access(b->box, &q, box_gate, job_gate(j)));
	} while (r == BOX_OK && q.more);
	secret_wipe(&q.key, sizeof q.key);
	return r;
}

static void run_url_reset(struct job *j)
{
	const struct edge_store_url_reset *m = j->ask;
	struct edge_store_url_reset_reply rep = {0};
	struct open_box *b = own_box(j, &rep.answer);
	if (b != NULL)
		rep.answer = answer_of(reset(j, b, m->mailbox));
	edge_store_url_reset_answer(j->call, &rep);
	box_release(b);
}
BOUND_JOB(url_reset)
