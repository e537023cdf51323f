/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/users: two maps, by lookup name and by account, and a list of the
 * longest unused.
 *
 * An answer of the store may be overtaken by a change while the fiber that
 * asked waits for its turn: the last changes are remembered by number, and an
 * answer that any of them hit is used once and not kept.
 */
#include "role/auth/users.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/map.h"
#include "crypto/secret.h"

#define CHANGES_KEPT 64u

struct users {
	uint32_t tag;
	struct loop *loop;
	struct map *by_key, *by_account;
	struct list list;
	uint64_t changes; /* how many there were */
	uint64_t changed[CHANGES_KEPT];
	uint64_t lost; /* the number of changes when all was forgotten */
};
#define TAG_USERS TAG4('U', 'S', 'R', 'S')

struct users *users_new(struct loop *loop, const uint8_t secret[16])
{
	struct users *u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	u->tag = TAG_USERS;
	u->loop = loop;
	list_init(&u->list);
	u->by_key = map_new(secret, USERS_MAX);
	u->by_account = map_new(secret, USERS_MAX);
	if (u->by_key != NULL && u->by_account != NULL)
		return u;
	users_free(u);
	return NULL;
}

static struct span key_of(const struct user *u)
{
	return span_of(u->key, u->key_len);
}

void user_release(struct user *u)
{
	if (u == NULL || --u->refs > 0)
		return;
	secret_wipe(u, sizeof *u + u->app_count * sizeof u->apps[0]);
	free(u);
}

static void drop(struct users *us, struct user *u)
{
	list_remove(&u->link);
	(void)map_remove(us->by_key, key_of(u));
	if (u->found)
		(void)map_remove_id(us->by_account, u->account);
	u->stale = true;
	user_release(u);
}

void users_free(struct users *us)
{
	if (us == NULL)
		return;
	ENSURE_TAG(us, TAG_USERS);
	LIST_EACH(&us->list, link)
		drop(us, CONTAINER_OF(link, struct user, link));
	map_free(us->by_key);
	map_free(us->by_account);
	us->tag = 0;
	free(us);
}

/* ---- from the store's answer ---------------------------------------------- */

static bool take_text(struct span text, char out[PASSWORD_TEXT_MAX])
{
	if (text.len >= PASSWORD_TEXT_MAX)
		return false;
	if (text.len > 0)
		memcpy(out, text.ptr, text.len);
	out[text.len] = '\0';
	return true;
}

static bool scram_fits(const struct auth_store_verifiers_reply *r)
{
	return r->scram_iterations >= SCRAM_ITERATIONS_MIN &&
	       r->scram_iterations <= SCRAM_ITERATIONS_MAX &&
	       r->scram_salt.len == SCRAM_SALT_LEN &&
	       r->scram_stored.len == SHA256_LEN &&
	       r->scram_server.len == SHA256_LEN;
}

static void take_scram(struct user *u,
		       const struct auth_store_verifiers_reply *r)
{
	if (!scram_fits(r))
		return;
	u->has_scram = true;
	u->scram.iterations = r->scram_iterations;
	memcpy(u->scram.salt, r->scram_salt.ptr, SCRAM_SALT_LEN);
	memcpy(u->scram.stored_key.bytes, r->scram_stored.ptr, SHA256_LEN);
	memcpy(u->scram.server_key.bytes, r->scram_server.ptr, SHA256_LEN);
}

static void take_apps(struct user *u,
		      const struct auth_store_verifiers_reply *r)
{
	for (size_t i = 0; i < r->app_passwords_count; i++) {
		const struct auth_store_app_password *from = &r->app_passwords[i];
		struct user_app *to = &u->apps[u->app_count];
		if (from->argon2.len == 0 || !take_text(from->argon2, to->argon2))
			continue;
		to->scopes = from->scopes;
		u->app_count++;
	}
}

static struct user *user_new(struct span key,
			     const struct auth_store_verifiers_reply *r)
{
	bool found = r->answer == AUTH_STORE_ANSWER_YES;
	size_t apps = found ? r->app_passwords_count : 0;
	struct user *u;
	ENSURE(key.len <= SASL_NAME_MAX && apps <= USER_APPS_MAX);
	u = calloc(1, sizeof *u + apps * sizeof u->apps[0]);
	if (u == NULL)
		return NULL;
	u->refs = 1;
	u->found = found && r->name.len <= sizeof u->name;
	memcpy(u->key, key.ptr, key.len);
	u->key_len = key.len;
	if (!u->found)
		return u;
	u->account = r->account;
	u->version = r->version;
	memcpy(u->name, r->name.ptr, r->name.len);
	u->name_len = r->name.len;
	/* An overlong text is none that we made: nobody logs in with it. */
	if (!take_text(r->argon2, u->argon2))
		u->argon2[0] = '\0';
	take_scram(u, r);
	take_apps(u, r);
	return u;
}

/* ---- the table ------------------------------------------------------------ */

/* Was the account changed since there were `before` changes? */
static bool overtaken(const struct users *us, uint64_t before,
		      const struct user *u)
{
	if (us->lost > before || us->changes - before > CHANGES_KEPT)
		return true;
	for (uint64_t i = before; i < us->changes; i++)
		/* An unknown name may be the one that was just made. */
		if (!u->found || us->changed[i % CHANGES_KEPT] == u->account)
			return true;
	return false;
}

static void keep(struct users *us, struct user *u)
{
	struct user *old = map_get(us->by_key, key_of(u));
	if (old != NULL)
		drop(us, old);
	/* One name a account is kept, so that a change finds it. */
	if (u->found && map_get_id(us->by_account, u->account) != NULL)
		return;
	if (map_count(us->by_key) >= USERS_MAX)
		drop(us, CONTAINER_OF(list_first(&us->list), struct user, link));
	if (!map_put(us->by_key, key_of(u), u))
		return;
	if (u->found && !map_put_id(us->by_account, u->account, u)) {
		(void)map_remove(us->by_key, key_of(u));
		return;
	}
	u->refs++;
	list_push_back(&us->list, &u->link);
}

static struct user *known(struct users *us, struct span key)
{
	struct user *u = map_get(us->by_key, key);
	if (u == NULL)
		return NULL;
	/* Any change may have made the name that was unknown. */
	if (!u->found && (loop_now(us->loop) >= u->until ||
			  u->version != us->changes)) {
		drop(us, u);
		return NULL;
	}
	list_remove(&u->link);
	list_push_back(&us->list, &u->link);
	u->refs++;
	return u;
}

/* Who asked beside us may have kept the same answer: then there is one of it. */
static struct user *kept_meanwhile(struct users *us, const struct user *u)
{
	struct user *k = known(us, key_of(u));
	if (k == NULL || (k->found == u->found && k->account == u->account &&
			  k->version == u->version))
		return k;
	user_release(k);
	return NULL;
}

static struct user *ask(struct users *us, struct auth_store *store,
			struct span key, uint64_t deadline, struct arena *a)
{
	struct auth_store_verifiers req = {.user = key};
	struct auth_store_verifiers_reply rep;
	uint64_t before = us->changes;
	if (auth_store_verifiers(store, &req, a, &rep, deadline) != IPC_OK ||
	    rep.answer == AUTH_STORE_ANSWER_LATER)
		return NULL;
	struct user *u = user_new(key, &rep);
	if (u == NULL)
		return NULL;
	u->until = loop_now(us->loop) + USERS_UNKNOWN_NS;
	if (!u->found)
		u->version = before;
	u->stale = overtaken(us, before, u);
	if (u->stale)
		return u;
	struct user *other = kept_meanwhile(us, u);
	if (other != NULL) {
		user_release(u);
		return other;
	}
	keep(us, u);
	return u;
}

struct user *users_get(struct users *us, struct auth_store *store,
		       struct span key, uint64_t deadline)
{
	ENSURE_TAG(us, TAG_USERS);
	struct user *u = known(us, key);
	if (u != NULL || store == NULL)
		return u;
	struct arena *a = arena_new(IPC_DECODE_MAX);
	if (a == NULL)
		return NULL;
	u = ask(us, store, key, deadline, a);
	arena_free(a);
	return u;
}

void users_changed(struct users *us, uint64_t account)
{
	ENSURE_TAG(us, TAG_USERS);
	us->changed[us->changes++ % CHANGES_KEPT] = account;
	struct user *u = map_get_id(us->by_account, account);
	if (u != NULL)
		drop(us, u);
}

void users_forget_all(struct users *us)
{
	ENSURE_TAG(us, TAG_USERS);
	us->changes++;
	us->lost = us->changes;
	LIST_EACH(&us->list, link)
		drop(us, CONTAINER_OF(link, struct user, link));
}

size_t users_count(const struct users *us)
{
	ENSURE_TAG(us, TAG_USERS);
	return map_count(us->by_key);
}
