/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_admin: domains, accounts, aliases, from the admin pool alone.
 *
 * Lists come in pages ordered by name; changes are answered when they are
 * durable and so in force everywhere.
 */
#include "box/tree.h"
#include "role/store/admin.h"

#define PAGE_DOMAINS  100u
#define PAGE_ACCOUNTS 50u
#define PAGE_ALIASES  6u
#define JOINED_MAX    8192u

enum admin_store_answer admin_answer(enum directory_result r, struct span *why)
{
	switch (r) {
	case DIRECTORY_OK:
		return ADMIN_STORE_ANSWER_DONE;
	case DIRECTORY_NONE:
		return ADMIN_STORE_ANSWER_UNKNOWN;
	case DIRECTORY_EXISTS:
		return ADMIN_STORE_ANSWER_EXISTS;
	case DIRECTORY_BAD:
		*why = SPAN("That is not an address of a domain that is "
			    "served here");
		return ADMIN_STORE_ANSWER_INVALID;
	case DIRECTORY_LIMIT:
		*why = SPAN("That is more than an object may hold");
		return ADMIN_STORE_ANSWER_INVALID;
	case DIRECTORY_IN_USE:
		*why = SPAN("Accounts or aliases still use it");
		return ADMIN_STORE_ANSWER_REFUSED;
	case DIRECTORY_FULL:
		*why = SPAN("The disk is full");
		return ADMIN_STORE_ANSWER_LATER;
	case DIRECTORY_UNAVAILABLE:
	case DIRECTORY_CORRUPT:
		break;
	}
	*why = span_cstr(directory_result_name(r));
	return ADMIN_STORE_ANSWER_LATER;
}

static enum directory_result change(struct job *j, struct directory_change *c)
{
	return job_directory(j, directory_change(j->store->directory, c,
						 directory_gate, job_gate(j)));
}

/* A handler that starts run_<verb>, and the answer of a change. */
#define ADMIN_JOB(verb) static ADMIN_ON(verb)
#define ADMIN_SAY(verb, result)                                                \
	do {                                                                   \
		struct admin_store_##verb##_reply rep = {0};                   \
		rep.answer = admin_answer(result, &rep.why);                   \
		admin_store_##verb##_answer(j->call, &rep);                    \
	} while (0)

/* ---- domains ------------------------------------------------------------------- */

static enum directory_result put_domain(struct job *j, struct span name,
					struct span catch_all, bool fresh)
{
	struct directory_change c = {
		.verb = DIRECTORY_DOMAIN_PUT,
		.domain = {.name = name,
			   .catch_all = catch_all},
		.fresh = fresh};
	if (!fresh && directory_domain(j->store->directory, name) == NULL)
		return DIRECTORY_NONE;
	return change(j, &c);
}

static void run_domain_add(struct job *j)
{
	const struct admin_store_domain_add *m = j->ask;
	ADMIN_SAY(domain_add, put_domain(j, m->name, m->catch_all, true));
}
ADMIN_JOB(domain_add)

static void run_domain_set(struct job *j)
{
	const struct admin_store_domain_set *m = j->ask;
	ADMIN_SAY(domain_set, put_domain(j, m->name, m->catch_all, false));
}
ADMIN_JOB(domain_set)

static void run_domain_remove(struct job *j)
{
	const struct admin_store_domain_remove *m = j->ask;
	struct directory_change c = {.verb = DIRECTORY_DOMAIN_REMOVE,
				     .domain = {.name = m->name}};
	ADMIN_SAY(domain_remove, change(j, &c));
}
ADMIN_JOB(domain_remove)

static bool in_domain(struct span address, struct span domain)
{
	size_t at = span_find_last(address, '@');
	return at != SIZE_MAX &&
	       span_eq_nocase(span_skip(address, at + 1), domain);
}

/* How many objects each domain of a page has: one walk for all of them. */
static void count_objects(struct directory *d, struct admin_store_domain *list,
			  size_t count)
{
	const struct directory_account *a = NULL;
	const struct directory_alias *l = NULL;
	while ((a = directory_account_next(d, a != NULL ? a->id : 0)) != NULL)
		for (size_t i = 0; i < count; i++)
			list[i].accounts += a->state != DIRECTORY_REMOVED &&
					    in_domain(a->name, list[i].name);
	while ((l = directory_alias_next(d, l != NULL ? l->address
						      : span_of(NULL, 0))) !=
	       NULL)
		for (size_t i = 0; i < count; i++)
			list[i].aliases += in_domain(l->address, list[i].name);
}

static void on_domains(void *ctx, struct ipc_call *call,
		       const struct admin_store_domains *m)
{
	struct peer *p = ctx;
	struct directory *d = p->store->directory;
	struct admin_store_domain list[PAGE_DOMAINS] = {0};
	struct admin_store_domains_reply rep = {
		.answer = ADMIN_STORE_ANSWER_DONE, .domains = list};
	struct span after = m->after;
	const struct directory_domain *at;
	while ((at = directory_domain_next(d, after)) != NULL) {
		if (rep.domains_count == PAGE_DOMAINS) {
			rep.more = true;
			break;
		}
		list[rep.domains_count++] = (struct admin_store_domain){
			.name = at->name, .catch_all = at->catch_all};
		after = at->name;
	}
	count_objects(d, list, rep.domains_count);
	admin_store_domains_answer(call, &rep);
}

/* ---- accounts ------------------------------------------------------------------ */

static enum directory_result add_account(struct job *j)
{
	const struct admin_store_account_add *m = j->ask;
	struct directory_change c = {.verb = DIRECTORY_ACCOUNT_ADD,
				     .account = {.name = m->name,
						 .state = DIRECTORY_ACTIVE,
						 .quota_bytes = m->quota},
				     .fresh = true};
	enum directory_result r = change(j, &c);
	const struct directory_account *a =
		directory_account_named(j->store->directory, m->name);
	enum box_result b;
	/* Its mailboxes: a failure here is made good at the first use. */
	if (r == DIRECTORY_OK && a != NULL)
		box_release(box_prepared(j, a->id, &b));
	return r;
}

static void run_account_add(struct job *j)
{
	ADMIN_SAY(account_add, add_account(j));
}
ADMIN_JOB(account_add)

/* A copy of an account's row that outlives the next poll. */
static bool copy_account(struct job *j, const struct directory_account *a,
			 size_t room, struct directory_account *out)
{
	struct span *grants =
		ARENA_ARRAY(j->arena, a->grant_count + room, struct span);
	*out = *a;
	if (grants == NULL || !arena_copy(j->arena, a->name, &out->name) ||
	    !arena_copy(j->arena, a->full_name, &out->full_name))
		return false;
	for (size_t i = 0; i < a->grant_count; i++)
		if (!arena_copy(j->arena, a->grants[i], &grants[i]))
			return false;
	out->grants = grants;
	return true;
}

static enum directory_result set_account(struct job *j)
{
	const struct admin_store_account_set *m = j->ask;
	const struct directory_account *a =
		directory_account_named(j->store->directory, m->name);
	struct directory_change c = {.verb = DIRECTORY_ACCOUNT_SET};
	if (a == NULL)
		return DIRECTORY_NONE;
	if (!copy_account(j, a, 1, &c.account))
		return DIRECTORY_UNAVAILABLE;
	struct span *grants = ARENA_ARRAY(j->arena, c.account.grant_count + 1,
					  struct span);
	size_t n = 0;
	if (grants == NULL)
		return DIRECTORY_UNAVAILABLE;
	for (size_t i = 0; i < c.account.grant_count; i++)
		if (!span_eq_nocase(c.account.grants[i], m->revoke) &&
		    !span_eq_nocase(c.account.grants[i], m->grant))
			grants[n++] = c.account.grants[i];
	if (m->revoke.len > 0 && n == c.account.grant_count)
		return DIRECTORY_NONE;
	if (m->grant.len > 0)
		grants[n++] = m->grant;
	c.account.grants = grants;
	c.account.grant_count = n;
	if (m->has_quota)
		c.account.quota_bytes = m->quota;
	return change(j, &c);
}

static void run_account_set(struct job *j)
{
	ADMIN_SAY(account_set, set_account(j));
}
ADMIN_JOB(account_set)

static enum directory_result remove_account(struct job *j)
{
	const struct admin_store_account_remove *m = j->ask;
	const struct directory_account *a =
		directory_account_named(j->store->directory, m->name);
	struct directory_change c = {.verb = DIRECTORY_ACCOUNT_REMOVE};
	if (a == NULL)
		return DIRECTORY_NONE;
	c.account.id = a->id;
	return change(j, &c);
}

static void run_account_remove(struct job *j)
{
	ADMIN_SAY(account_remove, remove_account(j));
}
ADMIN_JOB(account_remove)

static const struct directory_account *removed_named(struct directory *d,
						     struct span name)
{
	const struct directory_account *a = NULL, *last = NULL;
	while ((a = directory_account_next(d, a != NULL ? a->id : 0)) != NULL)
		if (a->state == DIRECTORY_REMOVED && span_eq_nocase(a->name, name))
			last = a;
	return last;
}

static enum directory_result restore_account(struct job *j)
{
	const struct admin_store_account_restore *m = j->ask;
	struct directory *d = j->store->directory;
	const struct directory_account *a = removed_named(d, m->name);
	struct directory_change c = {.verb = DIRECTORY_ACCOUNT_SET};
	if (a == NULL)
		return DIRECTORY_NONE;
	if (directory_account_named(d, m->name) != NULL ||
	    directory_alias(d, m->name) != NULL)
		return DIRECTORY_EXISTS;
	if (!copy_account(j, a, 1, &c.account))
		return DIRECTORY_UNAVAILABLE;
	c.account.state = DIRECTORY_ACTIVE;
	c.account.removed = 0;
	return change(j, &c);
}

static void run_account_restore(struct job *j)
{
	ADMIN_SAY(account_restore, restore_account(j));
}
ADMIN_JOB(account_restore)

static struct admin_store_account show(struct store *s,
				       const struct directory_account *a)
{
	struct admin_store_account out = {.name = a->name,
					  .id = a->id,
					  .quota = a->quota_bytes,
					  .created = a->made,
					  .removed = a->removed};
	struct box_quota used = {0};
	enum box_result r;
	size_t count = 0;
	struct open_box *b = box_hold(s, a->id, &r);
	const struct directory_verifier *v =
		directory_verifiers(s->directory, a->id, &count);
	if (b != NULL && box_quota(b->box, KV_VISIBLE, &used) == BOX_OK) {
		out.bytes_used = used.bytes;
		out.messages = used.messages;
	}
	box_release(b);
	for (size_t i = 0; i < count; i++)
		out.app_passwords = (uint16_t)(out.app_passwords +
					      (v[i].number != 0));
	return out;
}

/* The account after `after` in the order of names (removed ones too). */
static const struct directory_account *next_named(struct directory *d,
						  struct span after, uint64_t id)
{
	const struct directory_account *a = NULL, *best = NULL;
	while ((a = directory_account_next(d, a != NULL ? a->id : 0)) != NULL) {
		int over = span_cmp(a->name, after);
		if (over < 0 || (over == 0 && a->id <= id))
			continue;
		if (best == NULL || span_cmp(a->name, best->name) < 0)
			best = a;
	}
	return best;
}

static void on_accounts(void *ctx, struct ipc_call *call,
			const struct admin_store_accounts *m)
{
	struct peer *p = ctx;
	struct directory *d = p->store->directory;
	struct admin_store_account list[PAGE_ACCOUNTS] = {0};
	struct admin_store_accounts_reply rep = {
		.answer = ADMIN_STORE_ANSWER_DONE, .accounts = list};
	const struct directory_account *a;
	/* Everything with the last name was told of: go on behind it. */
	struct span after = m->after;
	uint64_t id = m->after.len > 0 ? UINT64_MAX : 0;
	if (m->name.len > 0) {
		a = directory_account_named(d, m->name);
		if (a == NULL)
			a = removed_named(d, m->name);
		rep.answer = a != NULL ? ADMIN_STORE_ANSWER_DONE
				       : ADMIN_STORE_ANSWER_UNKNOWN;
		if (a != NULL) {
			list[rep.accounts_count++] = show(p->store, a);
			rep.grants = a->grants;
			rep.grants_count = a->grant_count;
		}
		admin_store_accounts_answer(call, &rep);
		return;
	}
	while ((a = next_named(d, after, id)) != NULL) {
		bool same = span_eq(a->name, after);
		if (rep.accounts_count == PAGE_ACCOUNTS ||
		    (rep.accounts_count == PAGE_ACCOUNTS - 1 && same)) {
			rep.more = true;
			break;
		}
		list[rep.accounts_count++] = show(p->store, a);
		after = a->name;
		id = a->id;
	}
	admin_store_accounts_answer(call, &rep);
}

static enum directory_result remove_app(struct job *j)
{
	const struct admin_store_app_password_remove *m = j->ask;
	const struct directory_account *a =
		directory_account_named(j->store->directory, m->name);
	struct directory_change c = {.verb = DIRECTORY_VERIFIER_REMOVE,
				     .verifier = {.number = m->id}};
	if (a == NULL || m->id == 0)
		return DIRECTORY_NONE;
	c.account.id = a->id;
	return change(j, &c);
}

static void run_app_password_remove(struct job *j)
{
	ADMIN_SAY(app_password_remove, remove_app(j));
}
ADMIN_JOB(app_password_remove)

/* ---- aliases --------------------------------------------------------------------- */

static enum directory_result put_alias(struct job *j, struct span name,
				       const struct span *targets, size_t count,
				       bool fresh)
{
	struct directory_change c = {.verb = DIRECTORY_ALIAS_PUT,
				     .alias = {.address = name,
					       .targets = targets,
					       .count = count},
				     .fresh = fresh};
	if (!fresh && directory_alias(j->store->directory, name) == NULL)
		return DIRECTORY_NONE;
	return change(j, &c);
}

static void run_alias_add(struct job *j)
{
	const struct admin_store_alias_add *m = j->ask;
	ADMIN_SAY(alias_add,
		  put_alias(j, m->name, m->targets, m->targets_count, true));
}
ADMIN_JOB(alias_add)

static void run_alias_set(struct job *j)
{
	const struct admin_store_alias_set *m = j->ask;
	ADMIN_SAY(alias_set,
		  put_alias(j, m->name, m->targets, m->targets_count, false));
}
ADMIN_JOB(alias_set)

static void run_alias_remove(struct job *j)
{
	const struct admin_store_alias_remove *m = j->ask;
	struct directory_change c = {.verb = DIRECTORY_ALIAS_REMOVE,
				     .alias = {.address = m->name}};
	ADMIN_SAY(alias_remove, change(j, &c));
}
ADMIN_JOB(alias_remove)

/* Targets by blanks; those that do not fit are left out behind "...". */
static struct span join_targets(struct arena *a,
				const struct directory_alias *alias)
{
	struct buf b;
	struct span out = {0};
	buf_init(&b, JOINED_MAX);
	for (size_t i = 0; i < alias->count; i++) {
		if (buf_len(&b) + alias->targets[i].len + 5 > JOINED_MAX) {
			buf_add(&b, SPAN(" ..."));
			break;
		}
		if (i > 0)
			buf_addc(&b, ' ');
		buf_add(&b, alias->targets[i]);
	}
	if (!arena_copy(a, buf_span(&b), &out))
		out = span_of(NULL, 0);
	buf_free(&b);
	return out;
}

static void on_aliases(void *ctx, struct ipc_call *call,
		       const struct admin_store_aliases *m)
{
	struct peer *p = ctx;
	struct arena *a = arena_new(2 * PAGE_ALIASES * JOINED_MAX);
	struct admin_store_alias list[PAGE_ALIASES] = {0};
	struct admin_store_aliases_reply rep = {
		.answer = ADMIN_STORE_ANSWER_DONE, .aliases = list};
	struct span after = m->after;
	const struct directory_alias *at;
	if (a == NULL)
		rep.answer = ADMIN_STORE_ANSWER_LATER;
	while (a != NULL && (at = directory_alias_next(p->store->directory,
						       after)) != NULL) {
		if (rep.aliases_count == PAGE_ALIASES) {
			rep.more = true;
			break;
		}
		list[rep.aliases_count++] = (struct admin_store_alias){
			.name = at->address, .targets = join_targets(a, at)};
		after = at->address;
	}
	admin_store_aliases_answer(call, &rep);
	arena_free(a);
}

const struct admin_store_at_store store_for_admin = {
	.domain_add = on_domain_add,
	.domain_set = on_domain_set,
	.domain_remove = on_domain_remove,
	.domains = on_domains,
	.account_add = on_account_add,
	.account_set = on_account_set,
	.account_remove = on_account_remove,
	.account_restore = on_account_restore,
	.accounts = on_accounts,
	.app_password_remove = on_app_password_remove,
	.alias_add = on_alias_add,
	.alias_set = on_alias_set,
	.alias_remove = on_alias_remove,
	.aliases = on_aliases,
	.queue = on_queue,
	.queue_change = on_queue_change,
	.queue_ledger = on_queue_ledger,
	.index_rebuild = on_index_rebuild,
	.fsck = on_fsck,
	.backup = on_backup,
	.restore_begin = on_restore_begin,
	.restore_mailbox = on_restore_mailbox,
	.restore_stage = on_restore_stage,
	.restore_message = on_restore_message,
	.restore_end = on_restore_end,
	.mailboxes = on_mailboxes,
	.removed = on_removed,
	.expunged = on_expunged,
	.rights = on_admin_rights,
	.grant = on_admin_grant,
	.undelete = on_undelete,
	.keep_ids = on_keep_ids,
	.revive = on_revive,
	.reports = on_reports,
	.statistics = on_statistics,
};
