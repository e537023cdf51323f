/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_thread: THREAD (RFC 5256).  The host gives threads in preorder with
 * depths; here they become parentheses.  A message with one child is followed by
 * it, one with several by a list for each.
 */
#include "imap/search.h"

static const struct {
	const char *name;
	enum summary_thread_how how;
} algorithms[] = {
	{"ORDEREDSUBJECT", SUMMARY_THREAD_SUBJECT},
	{"REFERENCES", SUMMARY_THREAD_REFERENCES},
	{"REFS", SUMMARY_THREAD_REFS},
};

static bool algorithm(struct imap_lex *lex, struct imap_order *how)
{
	*how = (struct imap_order){.threads = true};
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		if (!imap_lex_word(lex, algorithms[i].name))
			continue;
		how->how = algorithms[i].how;
		return imap_lex_space(lex);
	}
	return false;
}

struct level {
	uint32_t node;
	bool open; /* its list ends with it */
};

/* Children of each node.  NULL: out of memory, or no depths that could be. */
static uint32_t *count_children(const struct imap_numbered *n, struct level *path,
				struct arena *arena)
{
	uint32_t *children = ARENA_ARRAY(arena, n->order.count + 1, uint32_t);
	for (size_t i = 0; children != NULL && i < n->order.count; i++) {
		size_t depth = n->order.depths[i];
		children[i] = 0;
		if (depth > (i > 0 ? n->order.depths[i - 1] + 1u : 0u))
			return NULL;
		path[depth].node = (uint32_t)i;
		if (depth > 0)
			children[path[depth - 1].node]++;
	}
	return children;
}

static bool answer(struct imap_session *s, const struct imap_numbered *n)
{
	struct level *path =
		ARENA_ARRAY(s->work->arena, n->order.count + 1, struct level);
	uint32_t *children = path != NULL ? count_children(n, path, s->work->arena) : NULL;
	size_t deep = 0; /* levels that are there */
	if (children == NULL)
		return false;
	stream_write(s->stream, SPAN("* THREAD"));
	if (n->order.count > 0)
		stream_write(s->stream, SPAN(" "));
	for (size_t i = 0; i < n->order.count; i++) {
		size_t depth = n->order.depths[i];
		while (deep > depth)
			if (path[--deep].open)
				stream_write(s->stream, SPAN(")"));
		uint32_t parent = depth > 0 ? path[depth - 1].node : 0;
		bool open = depth == 0 || children[parent] > 1;
		/* A blank behind a number, before the first of what follows it. */
		if (depth > 0 && parent + 1 == i && n->numbers[parent] != 0)
			stream_write(s->stream, SPAN(" "));
		if (open)
			stream_write(s->stream, SPAN("("));
		if (n->numbers[i] != 0)
			stream_printf(s->stream, "%u", n->numbers[i]);
		path[depth] = (struct level){(uint32_t)i, open};
		deep = depth + 1;
	}
	while (deep > 0)
		if (path[--deep].open)
			stream_write(s->stream, SPAN(")"));
	stream_write(s->stream, SPAN("\r\n"));
	return true;
}

void imap_cmd_thread(struct imap_session *s, struct imap_lex *lex)
{
	struct imap_query query;
	struct imap_order how;
	struct imap_numbered n;
	if (!algorithm(lex, &how)) {
		imap_bad(s, "Unknown thread algorithm");
		return;
	}
	if (!imap_order_parse(s, lex, &query) || !imap_order_run(s, &query, &how, &n))
		return;
	if (answer(s, &n))
		imap_ok(s, NULL, "Threaded");
	else
		imap_no_answer(s, IMAP_UNAVAILABLE);
}
