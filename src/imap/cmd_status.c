/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_status: STATUS (RFC 3501 6.3.10; SIZE of RFC 8438, DELETED and
 * DELETED-STORAGE of RFC 9208, APPENDLIMIT of RFC 7889, MAILBOXID of RFC 8474).  A table of items: an extension adds a row.
 * Who asks for HIGHESTMODSEQ minds mod-sequences from then on (RFC 7162 3.1).
 */
#include "imap/object.h"
#include "imap/write.h"

/* What an item's value is taken from. */
struct told {
	struct imap_status of;
	uint64_t append_max; /* one for all mailboxes */
};

static uint64_t messages(const struct told *t) { return t->of.messages; }
static uint64_t recent(const struct told *t) { return t->of.recent; }
static uint64_t uid_next(const struct told *t) { return t->of.uid_next; }
static uint64_t uid_validity(const struct told *t) { return t->of.uid_validity; }
static uint64_t unseen(const struct told *t) { return t->of.unseen; }
static uint64_t size(const struct told *t) { return t->of.size; }
static uint64_t deleted_count(const struct told *t) { return t->of.deleted_count; }
static uint64_t deleted(const struct told *t) { return t->of.deleted; }
static uint64_t modseq(const struct told *t) { return t->of.version; }
static uint64_t object(const struct told *t) { return t->of.object; }
static uint64_t append_limit(const struct told *t) { return t->append_max; }

static const struct {
	const char *name;
	uint64_t (*value)(const struct told *);
} items[] = {
	{"MESSAGES", messages},         {"RECENT", recent},
	{"UIDNEXT", uid_next},          {"UIDVALIDITY", uid_validity},
	{"UNSEEN", unseen},             {"HIGHESTMODSEQ", modseq},
	{"SIZE", size},                 {"DELETED", deleted_count},
	{"DELETED-STORAGE", deleted},
	{"APPENDLIMIT", append_limit},  {"MAILBOXID", object},
};

bool imap_status_parse(struct imap_session *s, struct imap_lex *lex, unsigned *wanted)
{
	*wanted = 0;
	if (!imap_lex_char(lex, '('))
		return false;
	do {
		struct span name;
		size_t i = 0;
		if (!imap_lex_atom(lex, &name))
			return false;
		while (i < ARRAY_LEN(items) &&
		       !span_eq_nocase(name, span_cstr(items[i].name)))
			i++;
		if (i == ARRAY_LEN(items) || (s->rev2 && items[i].value == recent))
			return false;
		*wanted |= 1u << i;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')');
}

static bool wants(unsigned wanted, uint64_t (*value)(const struct told *))
{
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		if ((wanted >> i & 1) && items[i].value == value)
			return true;
	return false;
}

enum imap_answer imap_status_tell(struct imap_session *s, struct span name, unsigned wanted)
{
	struct told told = {.append_max = s->host->facts.append_max};
	if (wants(wanted, modseq))
		imap_condstore_on(s);
	enum imap_answer r =
		s->host->status(s->host, name, wants(wanted, deleted), &told.of);
	if (r != IMAP_YES)
		return r;
	stream_write(s->stream, SPAN("* STATUS "));
	imap_write_name(s, s->work->arena, name);
	const char *between = " (";
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		if (!(wanted >> i & 1))
			continue;
		char id[IMAP_MAILBOXID];
		imap_mailboxid(id, told.of.object);
		if (items[i].value == object)
			stream_printf(s->stream, "%s%s", between, id);
		else
			stream_printf(s->stream, "%s%s %llu", between, items[i].name,
				      (unsigned long long)items[i].value(&told));
		between = " ";
	}
	stream_write(s->stream, SPAN(")\r\n"));
	return IMAP_YES;
}

void imap_cmd_status(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	unsigned wanted;
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!imap_lex_space(lex) || !imap_status_parse(s, lex, &wanted) ||
	    !imap_lex_end(lex)) {
		imap_bad(s, "STATUS takes a name and a list of items");
		return;
	}
	enum imap_answer r = imap_status_tell(s, name, wanted);
	if (r == IMAP_YES)
		imap_ok(s, NULL, "That is all");
	else
		imap_no_answer(s, r);
}
