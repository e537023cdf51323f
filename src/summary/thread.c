/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/thread: ORDEREDSUBJECT, REFERENCES and REFS (RFC 5256 3).
 *
 * Nodes are numbers: first the messages, then those that only others speak of;
 * node 0 is the root above all.  Whoever links a node looks whether it would
 * stand below itself; for all links together that takes at most WALK_STEPS
 * steps a message, later doubtful ones are not made.  Must never recurse.
 */
#include "base/check.h"
#include "summary/sort.h"

#define WALK_STEPS 64u /* of all links, for each message */
#define IDS_EACH   4u  /* ids that are kept, for each message */
#define NOBODY	   SUMMARY_THREAD_NOBODY

struct node {
	uint32_t parent, first, last, next; /* 0: none */
	uint32_t row;			    /* NOBODY: not here */
	int64_t date;
};

struct slot {
	uint64_t id;
	uint32_t node;
};

struct forest {
	const struct summary_row *rows;
	size_t n;
	struct node *nodes;
	size_t count, cap;
	struct slot *slots; /* id -> node, open addressing */
	size_t mask, ids;
	uint64_t walked;
	uint32_t *scratch, *order; /* of as many as nodes */
	struct arena *arena;
	struct summary_pause *pause;
};

/* ---- links ------------------------------------------------------------------------ */

static void append(struct forest *f, uint32_t parent, uint32_t child)
{
	struct node *p = &f->nodes[parent], *c = &f->nodes[child];
	c->parent = parent;
	c->next = 0;
	if (p->last != 0)
		f->nodes[p->last].next = child;
	else
		p->first = child;
	p->last = child;
}

static bool is_above(struct forest *f, uint32_t node, uint32_t below)
{
	if (node == below)
		return true;
	if (f->nodes[node].first == 0 && f->nodes[node].last == 0)
		return false;
	for (uint32_t at = f->nodes[below].parent; at != 0; at = f->nodes[at].parent) {
		summary_step(f->pause);
		if (at == node || ++f->walked > WALK_STEPS * f->n)
			return true;
	}
	return false;
}

/*
 * While links are made only parents are kept; `last` says that somebody points
 * here.  Lists of children are made once, afterwards.
 */
static void set_parent(struct forest *f, uint32_t child, uint32_t parent)
{
	f->nodes[child].parent = parent;
	f->nodes[parent].last = 1;
}

static uint32_t node_of(struct forest *f, uint64_t id)
{
	size_t at = id & f->mask;
	while (f->slots[at].id != 0 && f->slots[at].id != id)
		at = (at + 1) & f->mask;
	if (f->slots[at].id == id)
		return f->slots[at].node;
	if (f->count == f->cap)
		return 0;
	uint32_t node = (uint32_t)f->count++;
	f->nodes[node] = (struct node){.row = NOBODY};
	f->slots[at] = (struct slot){id, node};
	return node;
}

/* Messages have their places first; a second one with the same id has none. */
static void place_messages(struct forest *f)
{
	for (size_t i = 0; i < f->n; i++) {
		uint64_t id = f->rows[i].order.id;
		f->nodes[f->count] = (struct node){.row = (uint32_t)i, .date = f->rows[i].sent};
		uint32_t mine = (uint32_t)f->count++;
		size_t at = id & f->mask;
		summary_step(f->pause);
		while (id != 0 && f->slots[at].id != 0 && f->slots[at].id != id)
			at = (at + 1) & f->mask;
		if (id != 0 && f->slots[at].id == 0)
			f->slots[at] = (struct slot){id, mine};
	}
}

static void link_message(struct forest *f, size_t i)
{
	const struct summary_order *o = &f->rows[i].order;
	uint32_t mine = (uint32_t)i + 1, before = 0;
	for (size_t k = 0; k < summary_order_ids(o); k++) {
		uint32_t node = node_of(f, summary_order_id(o, k));
		summary_step(f->pause);
		if (node == 0)
			continue;
		if (before != 0 && f->nodes[node].parent == 0 && !is_above(f, node, before))
			set_parent(f, node, before);
		before = node;
	}
	/* What the message says of itself counts more than what others said. */
	f->nodes[mine].parent = 0;
	if (before != 0 && !is_above(f, mine, before))
		set_parent(f, mine, before);
}

static void list_children(struct forest *f)
{
	for (size_t i = 0; i < f->count; i++)
		f->nodes[i].first = f->nodes[i].last = f->nodes[i].next = 0;
	for (uint32_t i = 1; i < f->count; i++) {
		append(f, f->nodes[i].parent, i);
		summary_step(f->pause);
	}
}

/* ---- walking ----------------------------------------------------------------------- */

/* All nodes below the root into order[], parents before children. */
static size_t preorder(struct forest *f)
{
	size_t count = 0;
	uint32_t at = f->nodes[0].first;
	while (at != 0) {
		f->order[count++] = at;
		summary_step(f->pause);
		uint32_t next = f->nodes[at].first;
		while (next == 0 && at != 0) {
			next = f->nodes[at].next;
			at = f->nodes[at].parent;
		}
		at = next;
	}
	return count;
}

/* Nobodies go: their children take their place, at the root only a single one. */
static void prune_children(struct forest *f, uint32_t parent)
{
	uint32_t at = f->nodes[parent].first;
	f->nodes[parent].first = f->nodes[parent].last = 0;
	while (at != 0) {
		struct node *c = &f->nodes[at];
		uint32_t next = c->next, child = c->first;
		bool stays = c->row != NOBODY ||
			     (parent == 0 && child != 0 && f->nodes[child].next != 0);
		summary_step(f->pause);
		if (stays) {
			append(f, parent, at);
		} else {
			while (child != 0) {
				uint32_t then = f->nodes[child].next;
				append(f, parent, child);
				child = then;
				summary_step(f->pause);
			}
		}
		at = next;
	}
}

static void prune(struct forest *f)
{
	size_t count = preorder(f);
	while (count-- > 0)
		prune_children(f, f->order[count]);
	prune_children(f, 0);
}

static int compare_nodes(const void *arg, uint32_t a, uint32_t b)
{
	const struct forest *f = arg;
	const struct node *x = &f->nodes[a], *y = &f->nodes[b];
	if (x->date != y->date)
		return x->date < y->date ? -1 : 1;
	/* Nobody stands where the first of its children does. */
	uint32_t i = x->row != NOBODY ? x->row : f->nodes[x->first].row;
	uint32_t k = y->row != NOBODY ? y->row : f->nodes[y->first].row;
	return i < k ? -1 : i > k;
}

/* Children by date; a node that is nobody gets the date of its first. */
static bool sort_children(struct forest *f, uint32_t parent)
{
	size_t count = 0;
	for (uint32_t at = f->nodes[parent].first; at != 0; at = f->nodes[at].next)
		f->scratch[count++] = at;
	bool sorted = true;
	for (size_t i = 1; i < count && sorted; i++)
		sorted = compare_nodes(f, f->scratch[i - 1], f->scratch[i]) <= 0;
	if (!sorted) {
		struct arena *own = arena_new(count * sizeof(uint32_t) + 64);
		bool good = own != NULL && summary_merge_sort(f->scratch, count, compare_nodes, f,
							      own, f->pause);
		arena_free(own);
		if (!good)
			return false;
		f->nodes[parent].first = f->nodes[parent].last = 0;
		for (size_t i = 0; i < count; i++)
			append(f, parent, f->scratch[i]);
	}
	if (f->nodes[parent].row == NOBODY && count > 0)
		f->nodes[parent].date = f->nodes[f->nodes[parent].first].date;
	return true;
}

static bool sort_all(struct forest *f)
{
	for (size_t count = preorder(f); count-- > 0;)
		if (!sort_children(f, f->order[count]))
			return false;
	return sort_children(f, 0);
}

/* ---- subjects ------------------------------------------------------------------------ */

static const struct summary_order *order_of(const struct forest *f, uint32_t node)
{
	const struct node *n = &f->nodes[node];
	return &f->rows[n->row != NOBODY ? n->row : f->nodes[n->first].row].order;
}

static struct slot *subject_slot(struct forest *f, uint64_t id)
{
	size_t at = id & f->mask;
	while (f->slots[at].id != 0 && f->slots[at].id != id)
		at = (at + 1) & f->mask;
	return &f->slots[at];
}

static bool is_nobody(const struct forest *f, uint32_t node)
{
	return f->nodes[node].row == NOBODY;
}

static bool answers(const struct forest *f, uint32_t node)
{
	return !is_nobody(f, node) &&
	       (order_of(f, node)->flags & SUMMARY_ORDER_REPLY) != 0;
}

/* Who stands for each subject: nobody before somebody, a question before answers. */
static void gather_subjects(struct forest *f)
{
	memset(f->slots, 0, (f->mask + 1) * sizeof *f->slots);
	for (uint32_t at = f->nodes[0].first; at != 0; at = f->nodes[at].next) {
		uint64_t id = order_of(f, at)->subject;
		summary_step(f->pause);
		if (id == 0)
			continue;
		struct slot *s = subject_slot(f, id);
		if (s->id == 0 || (!is_nobody(f, s->node) &&
				   (is_nobody(f, at) || (answers(f, s->node) && !answers(f, at)))))
			*s = (struct slot){id, at};
	}
}

static void move_children(struct forest *f, uint32_t from, uint32_t to)
{
	for (uint32_t child = f->nodes[from].first; child != 0;) {
		uint32_t next = f->nodes[child].next;
		append(f, to, child);
		child = next;
	}
	f->nodes[from].first = f->nodes[from].last = 0;
}

/* Both below a new nobody, who stands at the root instead of `there`. */
static void join(struct forest *f, struct slot *s, uint32_t node)
{
	uint32_t there = s->node, fresh = (uint32_t)f->count++;
	struct node old = f->nodes[there];
	f->nodes[fresh] = (struct node){.row = NOBODY, .date = old.date};
	f->scratch[there] = fresh; /* told to the rebuilding of the root's list */
	s->node = fresh;
	append(f, fresh, there);
	append(f, fresh, node);
}

/*
 * Threads of one subject become one (RFC 5256 3, step 5).  The root's list is
 * taken apart and made anew; scratch[i] is who stands in the place of node i.
 */
static void join_subjects(struct forest *f)
{
	size_t count = 0;
	for (uint32_t at = f->nodes[0].first; at != 0; at = f->nodes[at].next) {
		f->order[count++] = at;
		f->scratch[at] = at;
	}
	f->nodes[0].first = f->nodes[0].last = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t at = f->order[i];
		uint64_t id = order_of(f, at)->subject;
		struct slot *s = id != 0 ? subject_slot(f, id) : NULL;
		summary_step(f->pause);
		if (s == NULL || s->node == at || f->scratch[at] != at)
			continue;
		f->scratch[at] = 0;
		if (is_nobody(f, s->node) && is_nobody(f, at))
			move_children(f, at, s->node);
		else if (is_nobody(f, s->node) || (answers(f, at) && !answers(f, s->node)))
			append(f, s->node, at);
		else
			join(f, s, at);
	}
	for (size_t i = 0; i < count; i++)
		if (f->scratch[f->order[i]] != 0)
			append(f, 0, f->scratch[f->order[i]]);
}

/* ---- REFS ------------------------------------------------------------------------------ */

/* The date of a thread is that of its latest message. */
static bool sort_by_latest(struct forest *f)
{
	for (size_t count = preorder(f); count-- > 0;) {
		uint32_t at = f->order[count], parent = f->nodes[at].parent;
		if (parent != 0 && f->nodes[parent].date < f->nodes[at].date)
			f->nodes[parent].date = f->nodes[at].date;
	}
	return sort_children(f, 0);
}

/* ---- the whole --------------------------------------------------------------------------- */

static bool make_forest(struct forest *f)
{
	size_t ids = 0, slots = 16;
	for (size_t i = 0; i < f->n; i++)
		ids += summary_order_ids(&f->rows[i].order);
	ids = size_min(ids, IDS_EACH * f->n);
	/* The root, the messages, those that are spoken of, and joints of two threads. */
	f->cap = 1 + f->n + ids;
	while (slots < 2 * (f->cap + f->n))
		slots *= 2;
	f->mask = slots - 1;
	size_t room = f->cap + f->n;
	f->nodes = ARENA_ARRAY(f->arena, room, struct node);
	f->slots = ARENA_ARRAY(f->arena, slots, struct slot);
	f->scratch = ARENA_ARRAY(f->arena, room, uint32_t);
	f->order = ARENA_ARRAY(f->arena, room, uint32_t);
	if (f->nodes == NULL || f->slots == NULL || f->scratch == NULL || f->order == NULL)
		return false;
	memset(f->slots, 0, slots * sizeof *f->slots);
	f->nodes[0] = (struct node){.row = NOBODY};
	f->count = 1;
	place_messages(f);
	return true;
}

static bool tell(struct forest *f, struct summary_threads *out)
{
	size_t count = preorder(f);
	out->at = ARENA_ARRAY(f->arena, count + 1, struct summary_thread);
	if (out->at == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct node *n = &f->nodes[f->order[i]];
		/* Depths of those before are known; scratch keeps them. */
		uint32_t depth = n->parent == 0 ? 0 : f->scratch[n->parent] + 1;
		f->scratch[f->order[i]] = depth;
		out->at[i] = (struct summary_thread){n->row, depth};
	}
	out->count = count;
	return true;
}

static bool by_references(struct forest *f, bool subjects)
{
	if (!make_forest(f))
		return false;
	for (size_t i = 0; i < f->n; i++)
		link_message(f, i);
	list_children(f);
	prune(f);
	if (!sort_all(f))
		return false;
	if (!subjects)
		return sort_by_latest(f);
	gather_subjects(f);
	join_subjects(f);
	return sort_all(f);
}

static int compare_subjects(const void *arg, uint32_t a, uint32_t b)
{
	const struct summary_row *x = (const struct summary_row *)arg + a,
				 *y = (const struct summary_row *)arg + b;
	if (x->order.subject != y->order.subject)
		return x->order.subject < y->order.subject ? -1 : 1;
	if (x->sent != y->sent)
		return x->sent < y->sent ? -1 : 1;
	return a < b ? -1 : 1;
}

/* All of one subject below the first of them. */
static bool by_subject(struct forest *f)
{
	if (!make_forest(f))
		return false;
	for (size_t i = 0; i < f->n; i++)
		f->order[i] = (uint32_t)i;
	if (!summary_merge_sort(f->order, f->n, compare_subjects, f->rows, f->arena, f->pause))
		return false;
	uint32_t first = 0;
	for (size_t i = 0; i < f->n; i++) {
		bool other = i == 0 || f->rows[f->order[i]].order.subject !=
					       f->rows[f->order[i - 1]].order.subject;
		first = other ? 0 : first != 0 ? first : f->order[i - 1] + 1;
		f->nodes[f->order[i] + 1].parent = first;
	}
	list_children(f);
	return sort_all(f);
}

bool summary_threads(const struct summary_row *rows, size_t n, enum summary_thread_how how,
		     struct arena *arena, struct summary_pause *pause, struct summary_threads *out)
{
	struct forest f = {.rows = rows, .n = n, .arena = arena, .pause = pause};
	bool good = how == SUMMARY_THREAD_SUBJECT
			    ? by_subject(&f)
			    : by_references(&f, how == SUMMARY_THREAD_REFERENCES);
	return good && tell(&f, out);
}
