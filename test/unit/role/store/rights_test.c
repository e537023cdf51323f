/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store by its hops: what a session may do in a mailbox of another account, right by
 * right, asked by an edge that asks for everything.  Run once with each engine.
 */
#include "rig.h"

#include "box/rights.h"
#include "role/store/search.h"

#define YES	EDGE_STORE_ANSWER_YES
#define NO	EDGE_STORE_ANSWER_NO
#define UNKNOWN EDGE_STORE_ANSWER_UNKNOWN
#define GONE	EDGE_STORE_ANSWER_GONE
#define THERE	"Other Users/alice@example.test/Archive"

struct pair {
	struct rig *r;
	uint64_t alice, bob;
	uint64_t box; /* bob's handle of alice's Archive */
};

static void grant_in(struct rig *r, uint64_t owner, const char *name, const char *who,
		     uint32_t rights)
{
	struct edge_store_grant_reply rep;
	ASK(r, r->edge[RIG_ACCESS], edge_store_grant, &rep, .session = owner,
	    .name = span_cstr(name), .who = span_cstr(who), .rights = (uint16_t)rights);
	assert_int_equal(rep.answer, YES);
}

static void grant(struct pair *p, uint32_t rights)
{
	grant_in(p->r, p->alice, "Archive", "bob@example.test", rights);
}

static struct pair start(struct rig *r)
{
	struct pair p = {.r = r,
			 .alice = rig_reader(r, "alice@example.test"),
			 .bob = rig_reader(r, "bob@example.test")};
	rig_fill(r, p.alice);
	return p;
}

/* ---- verbs ----------------------------------------------------------------------- */

#define VERB(verb, ...)                                                        \
	static enum edge_store_answer ask_##verb(struct pair *p)               \
	{                                                                      \
		struct edge_store_##verb##_reply rep;                          \
		ASK(p->r, p->r->edge[RIG_ACCESS], edge_store_##verb, &rep,     \
		    .session = p->bob, __VA_ARGS__);                           \
		return rep.answer;                                             \
	}
#define ONE .uids = &(struct edge_store_range){1, 1}, .uids_count = 1
#define IN  .mailbox = p->box

VERB(status, .name = SPAN(THERE))
VERB(grants, .name = SPAN(THERE))
VERB(grantable, .name = SPAN(THERE), .who = SPAN("carol@example.test"))
VERB(grant, .name = SPAN(THERE), .who = SPAN("carol@example.test"), .rights = 1)
VERB(append_check, .name = SPAN(THERE), .size = 10)
VERB(append, .name = SPAN(THERE), .body = MAIL("more"))
VERB(create, .name = SPAN(THERE "/below"))
VERB(remove, .name = SPAN(THERE))
VERB(rename, .name = SPAN(THERE), .to = SPAN(THERE "2"))
VERB(annotations, .mailbox = SPAN(THERE), .entries = &(struct span){"/shared", 7},
     .entries_count = 1, .depth = 255)
VERB(annotate, .mailbox = SPAN(THERE),
     .list = &(struct edge_store_annotation){.name = SPAN_INIT("/shared/comment"),
					     .has_value = true,
					     .value = SPAN_INIT("x")},
     .list_count = 1)
VERB(uids, IN, .from = 1)
VERB(pages, IN, .from = 1)
VERB(rows, IN, .uids = &(uint32_t){1}, .uids_count = 1)
VERB(changes, IN, .since = 1, .from = 1)
VERB(body, IN, .uid = 1, .length = 100)
VERB(keywords, IN)
VERB(keyword_add, IN, .name = SPAN("$new"))
VERB(expunge, IN, .all = true)
VERB(search, IN, .ops = &(struct edge_store_op){.kind = OP_ALL}, .ops_count = 1, .from = 1)
VERB(sort, IN, .keys = &(uint8_t){1}, .keys_count = 1, ONE)
VERB(copy, IN, ONE, .to = SPAN("INBOX"))

static enum edge_store_answer ask_select(struct pair *p)
{
	struct edge_store_select_reply rep = rig_select(p->r, p->bob, THERE);
	struct edge_store_deselect m = {.session = p->bob, .mailbox = rep.mailbox};
	if (rep.answer == YES)
		assert_int_equal(edge_store_deselect(p->r->edge[RIG_ACCESS], &m), IPC_OK);
	return rep.answer;
}

static enum edge_store_answer store_flags(struct pair *p, uint8_t flags, uint64_t keywords)
{
	struct edge_store_store_flags_reply rep;
	ASK(p->r, p->r->edge[RIG_ACCESS], edge_store_store_flags, &rep, .session = p->bob, IN,
	    ONE, .how = BOX_ADD, .flags = flags, .keywords = keywords,
	    .unchanged_since = UINT64_MAX);
	return rep.answer;
}
static enum edge_store_answer ask_seen(struct pair *p) { return store_flags(p, BOX_SEEN, 0); }
static enum edge_store_answer ask_deleted(struct pair *p) { return store_flags(p, BOX_DELETED, 0); }
static enum edge_store_answer ask_answered(struct pair *p) { return store_flags(p, BOX_ANSWERED, 0); }
static enum edge_store_answer ask_keyword(struct pair *p) { return store_flags(p, 0, 1); }

static enum edge_store_answer ask_move(struct pair *p)
{
	struct edge_store_copy_reply rep;
	ASK(p->r, p->r->edge[RIG_ACCESS], edge_store_copy, &rep, .session = p->bob, IN,
	    .uids = &(struct edge_store_range){3, 3}, .uids_count = 1,
	    .to = SPAN("INBOX"), .move = true);
	return rep.answer;
}

#define L ACL_L
#define R ACL_R
static const struct {
	const char *name;
	enum edge_store_answer (*ask)(struct pair *);
	uint32_t need;
	bool selected, once; /* once: what it does can be done only once */
} verbs[] = {
	{"status", ask_status, R, false, false},
	{"select", ask_select, R, false, false},
	{"grants", ask_grants, ACL_A, false, false},
	{"grantable", ask_grantable, ACL_A, false, false},
	{"grant", ask_grant, ACL_A, false, false},
	{"append_check", ask_append_check, ACL_I, false, false},
	{"append", ask_append, ACL_I, false, false},
	{"annotations", ask_annotations, L | R, false, false},
	{"annotate", ask_annotate, L | R | ACL_W, false, false},
	{"uids", ask_uids, 0, true, false},
	{"pages", ask_pages, 0, true, false},
	{"rows", ask_rows, 0, true, false},
	{"changes", ask_changes, 0, true, false},
	{"body", ask_body, 0, true, false},
	{"keywords", ask_keywords, 0, true, false},
	{"search", ask_search, 0, true, false},
	{"sort", ask_sort, 0, true, false},
	{"copy", ask_copy, 0, true, false},
	{"keyword_add", ask_keyword_add, ACL_W, true, false},
	{"seen", ask_seen, ACL_S, true, false},
	{"answered", ask_answered, ACL_W, true, false},
	{"keyword", ask_keyword, ACL_W, true, false},
	{"move", ask_move, ACL_T | ACL_E, true, false},
	{"deleted", ask_deleted, ACL_T, true, false},
	{"expunge", ask_expunge, ACL_E, true, false},
	{"rename", ask_rename, ACL_X, false, true},
	{"remove", ask_remove, ACL_X, false, true},
};

/* Without one of its rights a verb is refused, with them alone it is not. */
static void one_verb(struct pair *p, size_t i)
{
	uint32_t base = verbs[i].selected ? R : 0;
	for (uint32_t bit = 1; bit < ACL_ALL; bit <<= 1) {
		if ((verbs[i].need & bit) == 0)
			continue;
		grant(p, ACL_ALL & ~bit);
		enum edge_store_answer a = verbs[i].ask(p);
		if (a != (bit == L ? UNKNOWN : NO))
			fail_msg("%s without %u: %d", verbs[i].name, bit, (int)a);
		grant(p, ACL_ALL & ~bit & ~(uint32_t)L);
		a = verbs[i].ask(p);
		if (a != (verbs[i].selected ? NO : UNKNOWN))
			fail_msg("%s without %u and l: %d", verbs[i].name, bit, (int)a);
	}
	if (verbs[i].selected) {
		grant(p, ACL_ALL & ~(uint32_t)R);
		assert_int_equal(verbs[i].ask(p), GONE);
		grant(p, 0);
		assert_int_equal(verbs[i].ask(p), GONE);
	}
	if (verbs[i].once)
		return;
	grant(p, verbs[i].need | base);
	enum edge_store_answer a = verbs[i].ask(p);
	if (a != YES)
		fail_msg("%s with its rights alone: %d", verbs[i].name, (int)a);
}

static void each_right(void **state)
{
	struct pair p = start(*state);
	grant(&p, ACL_ALL);
	p.box = rig_select(p.r, p.bob, THERE).mailbox;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		one_verb(&p, i);
	/* Nothing of all that was refused happened. */
	assert_int_equal(rig_status(p.r, p.alice, "Archive").answer, YES);
	assert_int_equal(rig_status(p.r, p.alice, "Archive/below").answer, UNKNOWN);
	assert_int_equal(rig_status(p.r, p.alice, "Archive2").answer, UNKNOWN);
}

/* CREATE says no whatever is there; a name that is taken is told to who may make it. */
static void making_below(void **state)
{
	struct pair p = start(*state);
	assert_int_equal(ask_create(&p), NO);
	grant(&p, ACL_ALL & ~(uint32_t)ACL_K);
	assert_int_equal(ask_create(&p), NO);
	grant(&p, ACL_K);
	assert_int_equal(ask_create(&p), YES);
	assert_int_equal(ask_create(&p), EDGE_STORE_ANSWER_EXISTS);
	struct edge_store_create_reply rep;
	static const char *const names[] = {
		"Other Users", "Other Users/alice@example.test", "Other Users/alice@example.test/x",
		"Other Users/nobody@example.test/x", "Other Users/bob@example.test/x",
		"Shared Folders/alice@example.test/x"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		ASK(p.r, p.r->edge[RIG_ACCESS], edge_store_create, &rep, .session = p.bob,
		    .name = span_cstr(names[i]));
		assert_int_equal(rep.answer, NO);
	}
}

/* SET leaves alone what may not be changed, and a copy what may not be set. */
static void flags_that_stay(void **state)
{
	struct pair p = start(*state);
	struct edge_store_store_flags_reply rep;
	struct edge_store_pages_reply pages;
	grant(&p, R | ACL_S);
	p.box = rig_select(p.r, p.bob, THERE).mailbox;
	ASK(p.r, p.r->edge[RIG_ACCESS], edge_store_store_flags, &rep, .session = p.bob,
	    .mailbox = p.box, ONE, .how = BOX_SET, .flags = BOX_FLAGGED | BOX_DELETED,
	    .unchanged_since = UINT64_MAX);
	assert_int_equal(rep.answer, YES);
	ASK(p.r, p.r->edge[RIG_ACCESS], edge_store_pages, &pages, .session = p.bob,
	    .mailbox = p.box, .from = 1);
	assert_int_equal(pages.slots[0].flags, 0); /* \Seen went, $work stayed */
	assert_true(pages.slots[0].keywords != 0);
	/* Read only: nothing at all. */
	grant(&p, ACL_ALL);
	struct edge_store_select_reply sel;
	ASK(p.r, p.r->edge[RIG_ACCESS], edge_store_select, &sel, .session = p.bob,
	    .name = SPAN(THERE), .read_only = true);
	assert_true(sel.read_only);
	assert_int_equal(sel.rights, ACL_ALL);
	p.box = sel.mailbox;
	assert_int_equal(ask_seen(&p), NO);
	assert_int_equal(ask_expunge(&p), NO);
	assert_int_equal(ask_move(&p), NO);
	/* Numbers of other accounts' mailboxes are no numbers of one's own. */
	assert_true(sel.object != rig_select(p.r, p.alice, "Archive").object);
}

/* A hint that the mailbox is gone, as soon as it may not be read any more. */
static void told_that_it_is_gone(void **state)
{
	struct pair p = start(*state);
	struct rig *r = p.r;
	grant(&p, L | R);
	p.box = rig_select(r, p.bob, THERE).mailbox;
	struct edge_store_watch watch = {.session = p.bob, .mailbox = p.box, .on = true};
	assert_int_equal(edge_store_watch(r->edge[RIG_ACCESS], &watch), IPC_OK);
	assert_int_equal(ask_changes(&p), YES);
	unsigned before = r->hints;
	grant(&p, L);
	rig_run(r, 200);
	assert_true(r->hints > before);
	assert_int_equal(r->hint.mailbox, p.box);
	assert_true(r->hint.since == 0); /* nothing of it is told */
	assert_int_equal(ask_changes(&p), GONE);
}

/* What is granted is found in lists, what is taken no more; the rest is never. */
static size_t listed(struct pair *p, const char *name)
{
	struct edge_store_entries_reply rep;
	size_t n = 0;
	ASK(p->r, p->r->edge[RIG_ACCESS], edge_store_entries, &rep, .session = p->bob);
	assert_int_equal(rep.answer, YES);
	for (size_t i = 0; i < rep.entries_count; i++)
		n += span_eq(rep.entries[i].name, span_cstr(name)) && rep.entries[i].present;
	return n;
}

static void lists(void **state)
{
	struct pair p = start(*state);
	assert_int_equal(listed(&p, THERE), 0);
	assert_int_equal(listed(&p, "Other Users"), 0);
	grant(&p, R);
	assert_int_equal(listed(&p, THERE), 0);
	grant(&p, L);
	assert_int_equal(listed(&p, THERE), 1);
	assert_int_equal(listed(&p, "Other Users"), 1);
	assert_int_equal(listed(&p, "Other Users/alice@example.test"), 1);
	grant_in(p.r, p.alice, "Drafts", "bob@example.test", L);
	grant(&p, 0);
	assert_int_equal(listed(&p, THERE), 0);
	assert_int_equal(listed(&p, "Other Users/alice@example.test/Drafts"), 1);
	grant_in(p.r, p.alice, "Drafts", "bob@example.test", 0);
	assert_int_equal(listed(&p, "Other Users"), 0);
	if (rig_real()) {
		grant(&p, L);
		rig_restart(p.r);
		p.bob = rig_reader(p.r, "bob@example.test");
		assert_int_equal(listed(&p, THERE), 1);
	}
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_right),
		TEST(making_below),
		TEST(flags_that_stay),
		TEST(told_that_it_is_gone),
		TEST(lists),
	};
	return cmocka_run_group_tests_name("store_rights", tests, NULL, NULL);
}
