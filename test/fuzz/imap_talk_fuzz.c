/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap: conversations of commands that are mostly right, thrown with dice,
 * over the memory host, whose answers may fail, while another session changes
 * the mailbox.
 *
 * The client sees every answer before its next turn.  Each command ends with
 * exactly one line of its tag; responses are whole (literals, quotes, brackets);
 * message numbers never pass what the client was told of, and none is expunged
 * under FETCH, STORE and SEARCH by number; what stands in a literal is never
 * obeyed; nothing is said after BYE but that line; memory is bounded.
 */
#include "base/ensure.h"
#include "imap/session.h"
#include "memory_host.h"
#include "mime/parse.h"
#include "turns.h"

#define GROUP	   4u
#define TURNS	   120u
#define MEMORY_MAX (64u << 20) /* after login */
#define MEMORY_EARLY (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { PLAIN, SELECT, BY_NUMBER, STARTTLS, IDLE, AUTH, GARBAGE, LOGOUT };

struct client {
	struct turns turns;
	struct dice dice;
	struct mem_host host, real; /* real: the answers without dice */
	struct imap_session *session;
	bool fail;		    /* the host may fail */

	enum kind kinds[GROUP];
	unsigned count, first; /* commands of this turn; the first one's number */
	unsigned turn, literals;
	struct buf text;       /* the command, as far as it was not sent */
	size_t stops[16];      /* where it waits for "+ " */
	unsigned stop_count, stop;
	bool greeted, wild, bye;
	bool plus;	       /* the session asked to go on */
	bool sent_in_literal;
	uint64_t exists;       /* messages that the client knows of */
	bool uidonly, rev2;    /* it said so, and was told that it is on */
};

static struct client *of(struct turns *t)
{
	return CONTAINER_OF(t, struct client, turns);
}

/* ---- the host ---- */

static struct client *owner(struct imap_host *h)
{
	return CONTAINER_OF(CONTAINER_OF(h, struct mem_host, host), struct client, host);
}

/* What the host says instead, once in a while. */
static enum imap_answer mood(struct imap_host *h, enum imap_answer other)
{
	struct client *c = owner(h);
	if (!c->fail || dice(&c->dice, 10) < 9)
		return IMAP_YES;
	return dice(&c->dice, 2) ? other : IMAP_UNAVAILABLE;
}

#define MOODY(op, other, params, args)                                    \
	static enum imap_answer op params                                 \
	{                                                                 \
		enum imap_answer r = mood(h, other);                      \
		return r != IMAP_YES ? r : owner(h)->real.host.op args;   \
	}

MOODY(login, IMAP_DENIED, (struct imap_host *h, struct span u, struct span p), (h, u, p))
MOODY(list, IMAP_UNAVAILABLE, (struct imap_host *h, struct arena *a, struct span s, struct imap_entries *o), (h, a, s, o))
MOODY(create, IMAP_CANNOT, (struct imap_host *h, struct span n, enum imap_use u, uint64_t *o), (h, n, u, o))
MOODY(remove, IMAP_HASCHILDREN, (struct imap_host *h, struct span n), (h, n))
MOODY(rename, IMAP_LIMIT, (struct imap_host *h, struct span f, struct span t), (h, f, t))
MOODY(subscribe, IMAP_LIMIT, (struct imap_host *h, struct span n, bool on), (h, n, on))
MOODY(status, IMAP_NONEXISTENT, (struct imap_host *h, struct span n, bool d, struct imap_status *o), (h, n, d, o))
MOODY(quota, IMAP_DENIED, (struct imap_host *h, struct imap_quota *o), (h, o))
MOODY(annotate, IMAP_LIMIT, (struct imap_host *h, struct span m, const struct imap_annotation *l, size_t n), (h, m, l, n))
MOODY(annotations, IMAP_NONEXISTENT, (struct imap_host *h, const struct imap_annotations_of *of, struct span s, struct arena *a, struct imap_annotations *o), (h, of, s, a, o))
MOODY(namespaces, IMAP_DENIED, (struct imap_host *h, struct arena *a, struct imap_namespaces *o), (h, a, o))
MOODY(rights, IMAP_NONEXISTENT, (struct imap_host *h, struct span n, uint32_t *o), (h, n, o))
MOODY(grants, IMAP_DENIED, (struct imap_host *h, struct span n, struct arena *a, struct imap_grants *o), (h, n, a, o))
MOODY(grant, IMAP_CANNOT, (struct imap_host *h, struct span n, struct span w, enum imap_store_how how, uint32_t r_, bool f), (h, n, w, how, r_, f))
MOODY(grantable, IMAP_DENIED, (struct imap_host *h, struct span n, struct span w, uint32_t *a, uint32_t *o), (h, n, w, a, o))
MOODY(url_sign, IMAP_DENIED, (struct imap_host *h, struct span u, struct arena *a, struct span *t), (h, u, a, t))
MOODY(url_open, IMAP_DENIED, (struct imap_host *h, struct span u, uint64_t *m), (h, u, m))
MOODY(url_reset, IMAP_NONEXISTENT, (struct imap_host *h, struct span m), (h, m))
MOODY(select, IMAP_DENIED, (struct imap_host *h, struct span n, bool r_o, struct imap_selected *o), (h, n, r_o, o))
MOODY(visit, IMAP_DENIED, (struct imap_host *h, struct span n, struct imap_selected *o), (h, n, o))
MOODY(uids, IMAP_GONE, (struct imap_host *h, uint64_t m, struct imap_set *o), (h, m, o))
MOODY(pages, IMAP_GONE, (struct imap_host *h, uint64_t m, uint32_t f, uint32_t l, uint64_t v, struct arena *a, struct imap_slots *o), (h, m, f, l, v, a, o))
MOODY(rows, IMAP_GONE, (struct imap_host *h, uint64_t m, struct arena *a, const uint32_t *u, size_t n, unsigned s, struct imap_row *o), (h, m, a, u, n, s, o))
MOODY(changes, IMAP_GONE, (struct imap_host *h, uint64_t m, uint64_t v, struct arena *a, struct imap_changes *o), (h, m, v, a, o))
MOODY(body, IMAP_NONEXISTENT, (struct imap_host *h, uint64_t m, uint32_t u, uint64_t at, size_t n, struct span *o), (h, m, u, at, n, o))
MOODY(keywords, IMAP_GONE, (struct imap_host *h, uint64_t m, struct arena *a, struct span **n, size_t *k), (h, m, a, n, k))
MOODY(keyword_add, IMAP_LIMIT, (struct imap_host *h, uint64_t m, struct span n, unsigned *b), (h, m, n, b))
MOODY(store, IMAP_GONE, (struct imap_host *h, uint64_t m, const struct imap_set *u, const struct imap_store *s, struct arena *a, struct imap_stored *o), (h, m, u, s, a, o))
MOODY(expunge, IMAP_GONE, (struct imap_host *h, uint64_t m, const struct imap_set *u), (h, m, u))
MOODY(copy, IMAP_OVERQUOTA, (struct imap_host *h, uint64_t m, const struct imap_set *u, struct span t, bool mv, struct arena *a, struct imap_copied *o), (h, m, u, t, mv, a, o))
MOODY(search, IMAP_LIMIT, (struct imap_host *h, uint64_t m, const struct imap_query *q, struct imap_set *o, uint64_t *v), (h, m, q, o, v))
MOODY(append_begin, IMAP_OVERQUOTA, (struct imap_host *h, const struct imap_append *a), (h, a))
MOODY(append_chunk, IMAP_OVERQUOTA, (struct imap_host *h, struct span b), (h, b))
MOODY(append_hold, IMAP_OVERQUOTA, (struct imap_host *h), (h))
MOODY(append_end, IMAP_OVERQUOTA, (struct imap_host *h, struct imap_kept *o), (h, o))

static struct summary *understand(struct arena *a, struct span message)
{
	struct mime_parser *p = mime_parser_new(NULL);
	struct summary *s = NULL;
	struct buf bytes;
	ENSURE(p != NULL);
	buf_init(&bytes, SUMMARY_MAX);
	mime_parser_feed(p, message);
	ENSURE(summary_write(mime_parser_end(p), &bytes));
	struct span kept;
	ENSURE(arena_copy(a, buf_span(&bytes), &kept));
	ENSURE(summary_read(kept, message.len, a, &s) == SUMMARY_OK);
	buf_free(&bytes);
	mime_parser_free(p);
	return s;
}

static void host_init(struct client *c)
{
	mem_init(&c->host);
	c->real = c->host;
	c->host.understand = understand;
	struct imap_host *h = &c->host.host;
	h->login = login, h->list = list, h->create = create, h->remove = remove;
	h->rename = rename, h->subscribe = subscribe, h->status = status, h->select = select;
	h->visit = visit;
	h->quota = quota, h->annotate = annotate, h->annotations = annotations;
	h->namespaces = namespaces, h->rights = rights, h->grants = grants;
	h->grant = grant, h->grantable = grantable;
	h->url_sign = url_sign, h->url_open = url_open, h->url_reset = url_reset;
	h->uids = uids, h->pages = pages, h->rows = rows, h->changes = changes, h->body = body;
	h->keywords = keywords, h->keyword_add = keyword_add, h->store = store;
	h->expunge = expunge, h->copy = copy, h->search = search;
	h->append_begin = append_begin, h->append_chunk = append_chunk;
	h->append_hold = append_hold, h->append_end = append_end;
}

/* ---- messages ---- */

#define MAIL "From: \"A \\\" B\" <a@b.example>\r\nTo: x@y, group: a@b, c@d;\r\n" \
	"Subject: =?utf-8?q?caf=C3=A9?=\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n" \
	"Message-ID: <1@b.example>\r\nIn-Reply-To: <0@b>\r\n"

static const char *const messages[] = {
	MAIL "\r\nplain text\r\nof two lines\r\n",
	"Subject: x\r\n\r\nnew\r\n", "no header at all", "\r\n", "a: b",
	MAIL "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b; x*0=1; x*1=2\r\n\r\n"
	"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Language: de, en\r\n\r\n<p>\r\n"
	"--b\r\nContent-Type: message/rfc822\r\nContent-Description: q\r\n\r\n" MAIL "\r\ninner\r\n"
	"--b\r\nContent-Type: application/x; name=\"f\"\r\nContent-Disposition: attachment; "
	"filename*=utf-8''%e2%82%ac\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <i>\r\n\r\nAAAA\r\n--b--\r\n",
	MAIL "Content-Type: multipart/alternative; boundary=\"c\"\r\n\r\n--c\r\n\r\n1\r\n--c\r\n"
	"Content-Type: multipart/related; boundary=d\r\n\r\n--d\r\n\r\n2\r\n--d\r\n\r\n3\r\n--d--\r\n--c--\r\n",
	"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: deep\r\n\r\nx",
	"Subject: \xff\xfe 8 bit\r\nX: \"\\\r\nFrom: (((\r\n\r\n\xe2\x82",
};

static void others(struct client *c)
{
	struct mem_host *m = &c->host;
	struct mem_box *b = mem_box(m, dice(&c->dice, 8) == 7 ? "Sent" : "INBOX");
	unsigned what = dice(&c->dice, 6);
	if (b == NULL || b->count > 60 || b->log_count > MEM_LOG / 2)
		return;
	if (what == 1)
		ENSURE(mem_deliver(m, b, DICE_WORD(&c->dice, messages)) != NULL);
	else if (what == 2 && b->count > 0)
		mem_expunge(b, b->messages[dice(&c->dice, (unsigned)b->count)].uid);
	else if (what == 3 && b->count > 0)
		mem_flags(b, b->messages[dice(&c->dice, (unsigned)b->count)].uid,
			  dice(&c->dice, 32));
}

/* ---- answers ---- */

/*
 * One response with its literals and CRLF, cut off *said.  A body that fails in
 * its middle ends the session inside of a literal or line: half is never shown as whole.
 */
static struct span response(struct span *said, bool may_break)
{
	size_t at = 0;
	for (;;) {
		struct span rest = span_skip(*said, at);
		size_t end = span_find(rest, '\n');
		if (may_break && end == SIZE_MAX) {
			*said = (struct span){0};
			return *said;
		}
		ENSURE(end != SIZE_MAX && end > 0 && rest.ptr[end - 1] == '\r');
		struct span line = span_sub(rest, 0, end - 1);
		at += end + 1;
		size_t open = span_find_last(line, '{');
		uint64_t n;
		if (open == SIZE_MAX || !span_ends(line, SPAN("}")) ||
		    !span_u64(span_sub(line, open + 1, line.len - open - 2), 1u << 30, &n))
			break;
		if (may_break && n > said->len - at) {
			*said = (struct span){0};
			return *said;
		}
		ENSURE(n <= said->len - at);
		at += (size_t)n;
	}
	struct span whole = span_sub(*said, 0, at - 2);
	*said = span_skip(*said, at);
	return whole;
}

/* Quotes end, brackets match, and outside of literals all is clean. */
static void check_whole(struct span r)
{
	int depth = 0;
	for (size_t i = 0; i < r.len; i++) {
		if (r.ptr[i] == '"') {
			for (i++; i < r.len && r.ptr[i] != '"'; i++) {
				ENSURE(r.ptr[i] != '\r' && r.ptr[i] != '\n' && r.ptr[i] != '\0');
				i += r.ptr[i] == '\\';
			}
			ENSURE(i < r.len);
		} else if (r.ptr[i] == '{') {
			size_t close = span_find(span_skip(r, i), '}');
			uint64_t n = 0;
			ENSURE(close != SIZE_MAX &&
			       span_u64(span_sub(r, i + 1, close - 1), r.len, &n));
			i += close + 2 + (size_t)n;
		} else {
			depth += (r.ptr[i] == '(') - (r.ptr[i] == ')');
			ENSURE(depth >= 0 && (unsigned char)r.ptr[i] >= ' ');
		}
	}
	ENSURE(depth == 0);
}

static void check_search(const struct client *c, struct span rest)
{
	struct span word;
	uint64_t n;
	while (rest.len > 0) {
		span_cut(&rest, ' ', &word);
		if (word.len > 0 && span_u64(word, UINT32_MAX, &n))
			ENSURE(n > 0 && n <= c->exists);
	}
}

/* "1:3,7" of messages that the client knows of. */
static void check_vanished(struct client *c, struct span set)
{
	struct span run, first;
	while (set.len > 0) {
		uint64_t a, b;
		span_cut(&set, ',', &run);
		bool two = span_cut(&run, ':', &first);
		ENSURE(span_u64(first, UINT32_MAX, &a) && a > 0);
		ENSURE(!two || span_u64(run, UINT32_MAX, &b));
		uint64_t n = two ? b - a + 1 : 1;
		ENSURE((!two || b > a) && n <= c->exists);
		c->exists -= n;
	}
}

/* What was switched on; what must not be seen from then on. */
static void check_modes(struct client *c, struct span r)
{
	if (span_starts(r, SPAN("ENABLED"))) {
		c->uidonly |= span_find_span(r, SPAN("UIDONLY")) != SIZE_MAX;
		c->rev2 |= span_find_span(r, SPAN("IMAP4rev2")) != SIZE_MAX;
	}
	if (c->rev2)
		ENSURE(!span_starts(r, SPAN("SEARCH")) && !span_ends(r, SPAN(" RECENT")));
	if (c->uidonly)
		ENSURE(!span_ends(r, SPAN(" EXPUNGE")));
}

static void check_untagged(struct client *c, struct span r, enum kind now)
{
	struct span number, rest = r;
	uint64_t n;
	if (span_starts(r, SPAN("BYE "))) {
		ENSURE(!c->bye);
		c->bye = true;
		return;
	}
	check_modes(c, r);
	if (span_starts(r, SPAN("VANISHED ")) && !span_starts(r, SPAN("VANISHED (EARLIER)"))) {
		ENSURE(now != BY_NUMBER);
		check_vanished(c, span_skip(r, 9));
	}
	if (span_starts(r, SPAN("ESEARCH ")) || span_starts(r, SPAN("UIDBATCHES ")))
		check_whole(r);
	if (span_starts(r, SPAN("FLAGS ")) || span_starts(r, SPAN("LIST ")) ||
	    span_starts(r, SPAN("LSUB ")) || span_starts(r, SPAN("STATUS ")))
		check_whole(r);
	if (span_starts(r, SPAN("SEARCH")) && now == BY_NUMBER)
		check_search(c, span_skip(r, 6));
	if (!span_cut(&rest, ' ', &number) || !span_u64(number, UINT32_MAX, &n))
		return;
	if (span_eq(rest, SPAN("EXISTS"))) {
		ENSURE(now == SELECT || n >= c->exists);
		c->exists = n;
	} else if (span_eq(rest, SPAN("EXPUNGE"))) {
		ENSURE(now != BY_NUMBER && n > 0 && n <= c->exists);
		c->exists--;
	} else if (span_starts(rest, SPAN("UIDFETCH "))) {
		ENSURE(c->uidonly);
		check_whole(rest);
	} else if (span_starts(rest, SPAN("FETCH "))) {
		ENSURE(!c->uidonly && n > 0 && n <= c->exists);
		check_whole(rest);
	} else {
		ENSURE(span_eq(rest, SPAN("RECENT")) && n <= c->exists);
	}
}

/* Did the tagged line of this command come? */
static bool is_end(const struct client *c, struct span r, unsigned number, enum kind k)
{
	struct span tag, rest = r;
	uint64_t n;
	if (k == GARBAGE && span_starts(r, SPAN("* BAD ")))
		return true;
	if (span_starts(r, SPAN("* ")))
		return false;
	if (c->wild)
		return false;
	/* A tag of ours, the next in order, and nothing from inside a literal. */
	ENSURE(span_cut(&rest, ' ', &tag) && span_starts(tag, SPAN("t")) &&
	       span_u64(span_skip(tag, 1), UINT32_MAX, &n) && n == number);
	ENSURE(span_starts(rest, SPAN("OK ")) || span_starts(rest, SPAN("NO ")) ||
	       span_starts(rest, SPAN("BAD ")));
	check_whole(rest);
	return true;
}

static void check_said(struct client *c, struct span said, bool complete)
{
	unsigned at = 0;
	c->plus = false;
	while (said.len > 0) {
		struct span r = response(&said, c->fail && !complete);
		if (r.len == 0)
			return;
		enum kind now = at < c->count ? c->kinds[at] : PLAIN;
		if (!c->greeted) {
			ENSURE(span_starts(r, SPAN("* OK [CAPABILITY IMAP4rev1")));
			c->greeted = true;
			continue;
		}
		if (span_starts(r, SPAN("+ "))) {
			ENSURE(!c->plus && !c->bye);
			c->plus = true;
			continue;
		}
		if (is_end(c, r, c->first + at, now)) {
			ENSURE(at < c->count && (!c->plus || c->sent_in_literal));
			at++;
		} else if (span_starts(r, SPAN("* "))) {
			check_untagged(c, span_skip(r, 2), now);
		}
	}
	if (!complete || c->wild)
		return;
	ENSURE(!c->bye && at == c->count - (c->plus ? 1 : 0));
	if (c->plus) { /* the last command goes on */
		c->kinds[0] = c->kinds[c->count - 1];
		c->first += at;
		c->count = 1;
	}
}

/* ---- commands ---- */

static const char *const boxes[] = {"INBOX", "inbox", "Sent", "x", "x/y", "&U,BTFw-", "\"a b\"", "nobox",
	"a//b", "&", "\"\"", "../x", "INBOX/y", "\"q\\\"q\"", "&AGE-", "/"};
static const char *const sets[] = {"1", "1:*", "*", "2:1", "1,3", "1:2,4:*", "7", "0", "4294967295", "1:",
	"*:1", "1,2,3,2:3", "4294967296", "x", "1:4294967295", ",1", "$"};
static const char *const flags[] = {"(\\Seen)", "\\Deleted", "(\\Flagged $x)", "()", "(\\Recent)", "(a b c)",
	"(\\Answered \\Draft \\Seen)", "(\\*)", "NIL", "(\\Seen", "\\Deleted \\Seen", "(\\x)"};
static const char *const fetches[] = {"FLAGS", "ALL", "FULL", "FAST", "UID", "ENVELOPE", "BODYSTRUCTURE",
	"BODY", "BODY[]", "BODY.PEEK[]", "BODY[HEADER]", "BODY[TEXT]", "BODY[1]", "BODY[2.1]", "BODY[2.HEADER]",
	"BODY[1.MIME]", "BODY[HEADER.FIELDS (Subject From)]", "BODY[HEADER.FIELDS.NOT (\"Subject\")]",
	"BODY[]<0.5>", "BODY[TEXT]<3.100>", "RFC822", "RFC822.SIZE", "RFC822.HEADER", "RFC822.TEXT",
	"INTERNALDATE", "BODY[2.TEXT]", "BODY[9]", "BODY[", "BODY[]<5>", "X", "BODY[2.1.HEADER.FIELDS (a)]",
	"BODY[0]", "BODY[1.]", "BODY[]<0.0>", "BODY[HEADER.FIELDS ()]", "BODY[2.2.1]",
	"MODSEQ", "PREVIEW", "PREVIEW (LAZY)", "BINARY[1]", "BINARY.PEEK[2]<1.9>", "BINARY.SIZE[1]", "SAVEDATE", "EMAILID",
	"THREADID", "BODY[]<4294967296.9>", "BINARY[HEADER]", "EMAILID.X"};
static const char *const searches[] = {"ALL", "SEEN", "UNSEEN", "NEW", "OLD", "RECENT", "DELETED", "1:*",
	"UID 1:*", "FROM a", "SUBJECT \"x y\"", "TEXT new", "BODY \"\"", "LARGER 3", "SMALLER 99999",
	"SINCE 1-Jan-2000", "BEFORE 31-Dec-1999", "ON 1-Feb-1994", "SENTSINCE \"1-Jan-1990\"", "KEYWORD $x",
	"UNKEYWORD $x", "HEADER X-A b", "NOT SEEN", "OR SEEN DELETED", "(SEEN (DELETED))", "NOT (NOT ALL)",
	"BCC x", "CC x", "TO x", "SENTON 7-Feb-1994", "SENTBEFORE 1-Jan-2030", "X", "OR ALL", "(ALL", "LARGER x",
	"SINCE 99-Foo-1", "UNANSWERED UNDRAFT UNFLAGGED UNDELETED", "ANSWERED DRAFT FLAGGED", "2,4", "", "$",
	"OLDER 1", "YOUNGER 4294967295", "OLDER 0", "SAVEDON 1-Jan-2020", "SAVEDSINCE 1-Jan-1990", "SAVEDBEFORE 1-Jan-2030",
	"SAVEDATESUPPORTED", "MODSEQ 3", "MODSEQ \"/flags/\\\\Seen\" all 1", "EMAILID M00000000000000000000000000000001",
	"THREADID T1", "EMAILID a.b", "LARGER 4294967296"};
static const char *const plain[] = {"NOOP", "CAPABILITY", "NAMESPACE", "CHECK", "CLOSE", "UNSELECT",
	"EXPUNGE", "ENABLE CONDSTORE", "ID NIL", "ID (\"name\" \"x\")", "ID (\"a\")", "XYZZY", "NOOP x", "ENABLE",
	"UID", "UID NOOP", "FETCH", "LIST", "SEARCH", "", "UID SORT (SUBJECT REVERSE SIZE) UTF-8 ALL",
	"UID SORT RETURN (PARTIAL -1:-2 COUNT) (DATE) UTF-8 UNSEEN", "UID THREAD REFERENCES UTF-8 ALL", "STATUS INBOX", "STATUS INBOX (MESSAGES X)",
	"STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)", "STATUS INBOX (SIZE DELETED-STORAGE)",
	"GETQUOTAROOT INBOX", "GETQUOTA \"\"", "SETQUOTA \"\" (STORAGE 1)", "ID (\"a\" NIL \"b\" \"c\")", "LOGIN a",
	"STORE 1 FLAGS", "STORE 1 X (a)", "UID EXPUNGE 1:*", "UID EXPUNGE", "COPY 1", "IDLE x", "CREATE",
	"APPEND INBOX x", "AUTHENTICATE", "ID (", "STATUS INBOX ()", "SELECT", "UID SEARCH", "RENAME INBOX",
	"ENABLE QRESYNC", "ENABLE UIDONLY", "ENABLE IMAP4rev2", "ENABLE UTF8=ACCEPT X", "COMPRESS", "COMPRESS X",
	"UIDBATCHES 500", "UIDBATCHES 500 1:2", "UIDBATCHES 1", "STATUS INBOX (HIGHESTMODSEQ MAILBOXID DELETED APPENDLIMIT)",
	"CREATE u (USE (\\Junk))", "CREATE u (USE (\\All \\Junk))", "CREATE u (USE", "SELECT INBOX (QRESYNC (1 1))",
	"SELECT INBOX (QRESYNC (1 3 1:9 (1,2 1,2)))", "SELECT INBOX (CONDSTORE)", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 2 VANISHED)",
	"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 2)", "UID FETCH 1:* (UID) (PARTIAL -1:-3)", "REPLACE 1 INBOX", "REPLACE", "UID REPLACE 1",
	"LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (* x/%) RETURN (CHILDREN STATUS (MAILBOXID))", "LIST \"\" * RETURN (SUBSCRIBED STATUS (RECENT))"};
static const char *const patterns[] = {"*", "%", "\"\"", "x/%", "*%*%*", "INBOX", "\"x*\"", "&U,BTFw-*", "a(b"};

static void add(struct client *c, struct span s)
{
	buf_add(&c->text, s);
}

/* A string as the dice say: atom or quoted as given, or some kind of literal. */
static void add_string(struct client *c, struct span s)
{
	static const char *const marks[] = {"", "+"};
	unsigned how = dice(&c->dice, 6);
	if (how < 4 || c->stop_count == ARRAY_LEN(c->stops)) {
		add(c, s);
		return;
	}
	if (how == 5 && dice(&c->dice, 4) == 3)
		s = SPAN("x\r\nevil LOGOUT\r\n\" (");
	buf_printf(&c->text, "{%zu%s}\r\n", s.len, marks[how - 4]);
	if (how == 4)
		c->stops[c->stop_count++] = buf_len(&c->text);
	add(c, s);
	c->literals++;
}

static void add_message(struct client *c)
{
	struct span m = DICE_WORD(&c->dice, messages);
	bool plus = dice(&c->dice, 2);
	switch (dice(&c->dice, 12)) {
	case 11:
		m = SPAN("nul\0\r\n\r\nevil NOOP\r\n");
		break;
	case 10:
		m = SPAN("");
		break;
	case 9:
		buf_printf(&c->text, "{%u+}\r\n", IMAP_LITERAL_MINUS + 1);
		for (unsigned i = 0; i < IMAP_LITERAL_MINUS + 1; i++)
			buf_addc(&c->text, 'e');
		return;
	case 8:
		add(c, SPAN("{100001}\r\n"));
		c->stops[c->stop_count++] = buf_len(&c->text);
		return;
	default:
		break;
	}
	buf_printf(&c->text, "{%zu%s}\r\n", m.len, plus ? "+" : "");
	if (!plus)
		c->stops[c->stop_count++] = buf_len(&c->text);
	add(c, m);
	if (dice(&c->dice, 10) == 9)
		add_string(c, SPAN(" more"));
}

/* Another one behind it, or what only looks like one. */
static void add_more(struct client *c)
{
	static const char *const between[] = {" ", " (\\Seen) ", " \"17-Jul-1996 02:44:25 -0700\" ", " (\\Bad) ", "", " UTF8 (~"};
	while (dice(&c->dice, 3) == 2 && c->stop_count < 8 && c->literals < 200) {
		unsigned which = dice(&c->dice, ARRAY_LEN(between));
		add(c, span_cstr(between[which]));
		add_message(c);
		if (which == 5 && dice(&c->dice, 4) > 0)
			add(c, SPAN(")"));
	}
}

static void replace(struct client *c, bool uid)
{
	add(c, uid ? SPAN("UID REPLACE ") : SPAN("REPLACE "));
	add(c, DICE_WORD(&c->dice, sets));
	add(c, SPAN(" "));
	add_string(c, DICE_WORD(&c->dice, boxes));
	add(c, SPAN(" "));
	add_message(c);
	if (dice(&c->dice, 6) == 5)
		add_more(c);
}

static void append(struct client *c)
{
	static const char *const dates[] = {"\"17-Jul-1996 02:44:25 -0700\" ", "\" 1-Jan-2020 00:00:00 +0000\" ",
		"\"x\" ", "\"17-Jul-1996 02:44:25 -0700\""};
	add(c, SPAN("APPEND "));
	add_string(c, DICE_WORD(&c->dice, boxes));
	add(c, SPAN(" "));
	if (dice(&c->dice, 3) == 2) {
		add(c, DICE_WORD(&c->dice, flags));
		add(c, SPAN(" "));
	}
	if (dice(&c->dice, 3) == 2)
		add(c, DICE_WORD(&c->dice, dates));
	bool utf8 = dice(&c->dice, 6) == 5;
	add(c, utf8 ? SPAN("UTF8 (~") : SPAN(""));
	add_message(c);
	add(c, utf8 ? SPAN(")") : SPAN(""));
	add_more(c);
}

static enum kind fetch(struct client *c, bool uid)
{
	unsigned n = 1 + dice(&c->dice, 4);
	add(c, uid ? SPAN("UID FETCH ") : SPAN("FETCH "));
	add(c, DICE_WORD(&c->dice, sets));
	add(c, n > 1 ? SPAN(" (") : SPAN(" "));
	for (unsigned i = 0; i < n; i++) {
		add(c, i > 0 ? SPAN(" ") : SPAN(""));
		add(c, DICE_WORD(&c->dice, fetches));
	}
	add(c, n > 1 ? SPAN(")") : SPAN(""));
	return uid ? PLAIN : BY_NUMBER;
}

static enum kind store_flags(struct client *c, bool uid)
{
	static const char *const how[] = {" FLAGS ", " +FLAGS ", " -FLAGS ", " FLAGS.SILENT ",
		" +FLAGS.SILENT ", " -flags.silent "};
	add(c, uid ? SPAN("UID STORE ") : SPAN("STORE "));
	add(c, DICE_WORD(&c->dice, sets));
	add(c, DICE_WORD(&c->dice, how));
	add(c, DICE_WORD(&c->dice, flags));
	return uid ? PLAIN : BY_NUMBER;
}

static enum kind find(struct client *c, bool uid)
{
	static const char *const returns[] = {"RETURN () ", "RETURN (MIN MAX COUNT ALL) ", "RETURN (SAVE) ",
		"RETURN (SAVE MIN) ", "RETURN (PARTIAL 1:2 COUNT) ", "RETURN (PARTIAL -1:-9) ", "RETURN (X) "};
	static const char *const charsets[] = {"", "", "CHARSET UTF-8 ", "CHARSET US-ASCII ", "CHARSET x "};
	unsigned n = 1 + dice(&c->dice, 4);
	add(c, uid ? SPAN("UID SEARCH ") : SPAN("SEARCH "));
	if (dice(&c->dice, 3) == 2)
		add(c, DICE_WORD(&c->dice, returns));
	add(c, DICE_WORD(&c->dice, charsets));
	for (unsigned i = 0; i < n; i++) {
		add(c, i > 0 ? SPAN(" ") : SPAN(""));
		add(c, DICE_WORD(&c->dice, searches));
	}
	if (dice(&c->dice, 4) == 3) {
		add(c, SPAN(" TEXT "));
		add_string(c, SPAN("new"));
	}
	return uid ? PLAIN : BY_NUMBER;
}

static void transfer(struct client *c)
{
	static const char *const how[] = {"COPY ", "MOVE ", "UID COPY ", "UID MOVE "};
	add(c, DICE_WORD(&c->dice, how));
	add(c, DICE_WORD(&c->dice, sets));
	add(c, SPAN(" "));
	add_string(c, DICE_WORD(&c->dice, boxes));
}

static void one_name(struct client *c)
{
	static const char *const how[] = {"CREATE ", "DELETE ", "SUBSCRIBE ", "UNSUBSCRIBE ", "RENAME "};
	unsigned which = dice(&c->dice, ARRAY_LEN(how));
	add(c, span_cstr(how[which]));
	add_string(c, DICE_WORD(&c->dice, boxes));
	if (which == 4) {
		add(c, SPAN(" "));
		add_string(c, DICE_WORD(&c->dice, boxes));
	}
}

static void list_names(struct client *c)
{
	static const char *const how[] = {"LIST ", "LSUB ", "LIST (SUBSCRIBED) ", "LIST (X) "};
	add(c, DICE_WORD(&c->dice, how));
	add_string(c, dice(&c->dice, 3) ? SPAN("\"\"") : DICE_WORD(&c->dice, boxes));
	add(c, SPAN(" "));
	add_string(c, DICE_WORD(&c->dice, patterns));
}

static void log_in(struct client *c)
{
	add(c, SPAN("LOGIN "));
	add_string(c, SPAN("fred"));
	add(c, SPAN(" "));
	add_string(c, dice(&c->dice, 4) == 3 ? SPAN("wrong") : SPAN("secret"));
}

static enum kind authenticate(struct client *c)
{
	static const char *const how[] = {"PLAIN", "LOGIN", "PLAIN AGZyZWQAc2VjcmV0", "PLAIN =", "X", "PLAIN !",
		"LOGIN ZnJlZA==", "PLAIN "};
	add(c, SPAN("AUTHENTICATE "));
	add(c, DICE_WORD(&c->dice, how));
	return AUTH;
}

static enum kind select_box(struct client *c)
{
	add(c, dice(&c->dice, 3) ? SPAN("SELECT ") : SPAN("EXAMINE "));
	add_string(c, dice(&c->dice, 2) ? SPAN("INBOX") : DICE_WORD(&c->dice, boxes));
	return SELECT;
}

/* A whole command without its CRLF. */
static enum kind command(struct client *c)
{
	bool uid = dice(&c->dice, 2);
	/* Most commands need a mailbox: the way there is short. */
	if (dice(&c->dice, 4) > 0 && !imap_session_authenticated(c->session)) {
		log_in(c);
		return PLAIN;
	}
	if (dice(&c->dice, 4) > 0 && imap_session_mailbox(c->session) == 0)
		return select_box(c);
	switch (dice(&c->dice, 22)) {
	case 0: case 1: log_in(c); return PLAIN;
	case 2: case 3: return select_box(c);
	case 4: case 5: case 6: return fetch(c, uid);
	case 7: case 8: return store_flags(c, uid);
	case 9: case 10: return find(c, uid);
	case 11: case 12: append(c); return PLAIN;
	case 13: transfer(c); return PLAIN;
	case 14: one_name(c); return PLAIN;
	case 15: list_names(c); return PLAIN;
	case 16: return authenticate(c);
	case 17: add(c, SPAN("IDLE")); return IDLE;
	case 18:
		add(c, uid ? SPAN("STARTTLS") : SPAN("STATUS Sent (MESSAGES)"));
		return uid ? STARTTLS : PLAIN;
	case 19: replace(c, uid); return PLAIN;
	case 20:
		/* As after STARTTLS nothing that was sent along is read. */
		add(c, uid ? SPAN("COMPRESS DEFLATE") : SPAN("NOOP"));
		return uid ? STARTTLS : PLAIN;
	default: add(c, DICE_WORD(&c->dice, plain)); return PLAIN;
	}
}

/* What is left of the command, up to where it waits again. */
static void say_on(struct client *c, struct buf *say)
{
	size_t from = c->stop > 0 ? c->stops[c->stop - 1] : 0;
	size_t to = c->stop < c->stop_count ? c->stops[c->stop] : buf_len(&c->text);
	buf_add(say, span_sub(buf_span(&c->text), from, to - from));
	if (to == from)
		buf_add(say, SPAN("\r\n"));
	c->stop++;
}

static bool waits(const struct client *c)
{
	return c->plus && c->stop <= c->stop_count && c->stop > 0 && c->stop_count > 0;
}

static void say_new(struct client *c, struct buf *say)
{
	static const char *const garbage[] = {"", "(", "\"x\" NOOP", " NOOP", "* NOOP", "+ NOOP", "{5+}\r\nevil "};
	buf_clear(&c->text);
	c->stop_count = c->stop = 0;
	c->first += c->count;
	c->count = 0;
	if (dice(&c->dice, 24) == 23) {
		add(c, DICE_WORD(&c->dice, garbage));
		add(c, SPAN("\r\n"));
		c->kinds[c->count++] = GARBAGE;
		say_on(c, say);
		return;
	}
	unsigned n = 1 + (dice(&c->dice, 4) == 3 ? dice(&c->dice, GROUP) : 0);
	bool more = true;
	while (c->count < n && more) {
		buf_printf(&c->text, "t%u ", c->first + c->count);
		enum kind k = command(c);
		add(c, SPAN("\r\n"));
		c->kinds[c->count++] = k;
		more = k != IDLE && k != AUTH && k != STARTTLS && c->stop_count == 0;
	}
	say_on(c, say);
}

static void say_answer(struct client *c, struct buf *say)
{
	static const char *const answers[] = {"AGZyZWQAc2VjcmV0", "ZnJlZA==", "c2VjcmV0", "*", "", "!", "AAAA"};
	if (c->kinds[0] == IDLE)
		buf_add(say, dice(&c->dice, 8) == 7 ? SPAN("evil NOOP") : SPAN("DONE"));
	else
		buf_add(say, DICE_WORD(&c->dice, answers));
	buf_add(say, SPAN("\r\n"));
}

static void say_wild(struct client *c, struct buf *say)
{
	static const char *const wild[] = {"t LOGOUT\r\n", "t FETCH 1:* (BODY[]", "t APPEND INBOX {10}\r\nabc",
		"\r\n\r\n\r\n", "t LOGIN {99999999999999999999}\r\n", "t SEARCH ((((((((((((((((((((\r\n",
		"t NOOP\nt NOOP\r\n", "t LOGIN {70000+}\r\nx", "t STATUS {4294967296+}\r\n", "\x16\x03\x01\x02"};
	c->wild = true;
	buf_add(say, DICE_WORD(&c->dice, wild));
	if (dice(&c->dice, 8) == 7)
		for (unsigned i = 0; i < 70000; i++)
			buf_addc(say, 'A');
}

static bool next(struct turns *t, struct span said, struct buf *say)
{
	struct client *c = of(t);
	check_said(c, said, true);
	if (c->dice.left.len == 0 || ++c->turn > TURNS)
		return false;
	others(c);
	c->sent_in_literal = false;
	if (c->wild) {
		say_wild(c, say);
	} else if (c->plus && waits(c)) {
		say_on(c, say);
		c->sent_in_literal = true;
	} else if (c->plus) {
		say_answer(c, say);
		c->sent_in_literal = true;
	} else if (dice(&c->dice, 60) == 59) {
		say_wild(c, say);
	} else {
		say_new(c, say);
	}
	return true;
}

/* ---- */

static void converse(struct client *c)
{
	static const size_t splits[] = {0, 0, 0, 1, 9};
	static const enum io ends[] = {IO_EOF, IO_BROKEN, IO_TIMEOUT, IO_STOP};
	turns_init(&c->turns, 65536);
	c->turns.next = next;
	c->turns.split = splits[dice(&c->dice, ARRAY_LEN(splits))];
	c->turns.at_end = ends[dice(&c->dice, ARRAY_LEN(ends))];
	c->turns.tls_result = dice(&c->dice, 16) == 15 ? IO_BROKEN : IO_OK;
	struct imap_session *s = c->session = imap_session_new(&c->turns.stream, &c->host.host);
	ENSURE(s != NULL);
	enum imap_next n = imap_session_greet(s);
	while (n == IMAP_IDLE) {
		if (dice(&c->dice, 4) == 3) {
			others(c);
			if (imap_session_hint(s, NULL) == IMAP_CLOSE)
				break;
		}
		if (c->turn > 3 && dice(&c->dice, 60) == 59) {
			ENSURE(imap_session_stop(s, "Stop") == IMAP_CLOSE);
			c->wild = true;
			break;
		}
		n = imap_session_run(s);
		ENSURE(imap_session_authenticated(s) || imap_session_mailbox(s) == 0);
	}
	c->turns.over = true;
	check_said(c, turns_said(&c->turns), false);
	ENSURE(c->host.host.facts.tls || c->host.logins == 0);
	ENSURE(c->turns.peak - c->turns.base <
	       (imap_session_authenticated(s) ? MEMORY_MAX : MEMORY_EARLY));
	imap_session_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client c = {.dice = {span_of(data, size)}, .first = 1};
	if (size < 8 || size > 8192)
		return 0;
	host_init(&c);
	buf_init(&c.text, 1u << 20);
	c.fail = dice(&c.dice, 2);
	c.host.host.facts.tls = dice(&c.dice, 4) > 0;
	for (unsigned n = dice(&c.dice, 6); n > 0; n--)
		ENSURE(mem_deliver(&c.host, mem_box(&c.host, "INBOX"), DICE_WORD(&c.dice, messages)));
	converse(&c);
	ENSURE(c.host.selects == c.host.deselects);
	mem_free(&c.host);
	/* Only its table of answers was used. */
	c.real.boxes = NULL;
	turns_free(&c.turns);
	buf_free(&c.text);
	return 0;
}
