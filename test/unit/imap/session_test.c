/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/session: conversations, one test for each command and rule. */
#include "talk.h"

#include <stdlib.h>

#define HELLO                                                                  \
	"From: Fred Foobar <foobar@example>\r\nTo: mooch@example\r\n"          \
	"Subject: afternoon \"meeting\"\r\n\r\nHello Joe,\r\ndo you think?\r\n"

static void clear_text(struct mem_host *m) { m->host.facts.tls = false; }

static void three(struct mem_host *m)
{
	struct mem_box *b = mem_box(m, "INBOX");
	for (int i = 0; i < 3; i++) {
		struct mem_message *msg = mem_deliver(m, b, SPAN(HELLO));
		struct summary_envelope *e = ARENA_NEW(m->summaries, struct summary_envelope);
		struct summary_address *a = ARENA_NEW(m->summaries, struct summary_address);
		*a = (struct summary_address){.name = SPAN("Fred Foobar"),
					      .mailbox = SPAN("foobar"),
					      .host = SPAN("example")};
		*e = (struct summary_envelope){.subject = SPAN("afternoon \"meeting\""),
					       .message_id = SPAN("<1@example>")};
		e->who[SUMMARY_FROM] = (struct summary_list){a, 1};
		msg->summary->parts[0].envelope = e;
	}
}

/* multipart(text, message(text)), with eight bytes of this copy's own in front. */
static void nested(struct mem_host *m)
{
	static const struct summary_part parts[] = {
		{.kind = SUMMARY_MULTIPART, .parent = SUMMARY_NO_PARENT, .body_start = 8,
		 .body_end = 42, .type = SPAN_INIT("multipart"), .subtype = SPAN_INIT("mixed")},
		{.depth = 1, .header_start = 8, .body_start = 16, .body_end = 21, .lines = 1,
		 .type = SPAN_INIT("text"), .subtype = SPAN_INIT("plain")},
		{.kind = SUMMARY_MESSAGE, .depth = 1, .header_start = 21, .body_start = 29,
		 .body_end = 42, .lines = 3, .type = SPAN_INIT("message"),
		 .subtype = SPAN_INIT("rfc822"), .disposition = SPAN_INIT("attachment")},
		{.parent = 2, .depth = 2, .header_start = 29, .body_start = 37, .body_end = 42,
		 .lines = 1, .type = SPAN_INIT("text"), .subtype = SPAN_INIT("html")},
	};
	struct mem_message *msg = mem_deliver(m, mem_box(m, "INBOX"),
		SPAN("X: 000\r\nH: 1\r\n\r\nA: 1\r\n\r\none\r\nB: 1\r\n\r\nC: 1\r\n\r\ntwo\r\n"));
	struct summary *s = summary_opaque(m->summaries, 42);
	const struct summary_envelope *e = s->parts[0].envelope;
	s->flags = 0;
	s->parts = ARENA_ARRAY(m->summaries, 4, struct summary_part);
	s->part_count = 4;
	memcpy(s->parts, parts, sizeof parts);
	s->parts[0].envelope = s->parts[3].envelope = e;
	assert_true(summary_link(s));
	msg->prefix = 8;
	msg->summary = s;
}

/* Without the blank line, and with a line in front that continues nothing. */
static void no_blank(struct mem_host *m)
{
	struct mem_message *msg = mem_deliver(m, mem_box(m, "INBOX"), SPAN(" x\r\nA: 1\r\nB: 2\r\n"));
	msg->summary->parts[0].body_start = msg->summary->size;
}

static void no_append(struct mem_host *m) { m->append_begin = IMAP_OVERQUOTA; }
static void late_append(struct mem_host *m) { m->append_end = IMAP_UNAVAILABLE; }
static void no_copy(struct mem_host *m) { three(m); m->copy_answer = IMAP_OVERQUOTA; }
static void gone_body(struct mem_host *m) { three(m); m->body_gone = true; }
static void torn_body(struct mem_host *m) { gone_body(m); m->body_gone_from = 50; }

T(greeting, NULL, "", "* OK [CAPABILITY IMAP4rev1", "AUTH=PLAIN", "] mail.example ready")
T(capability, NULL, "a CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR LITERAL- ID ENABLE IDLE AUTH=PLAIN AUTH=LOGIN\r\na OK")
T(capability_after_login, NULL, LOGIN "a CAPABILITY\r\n", "l OK [CAPABILITY IMAP4rev1", "* CAPABILITY IMAP4rev1", "NAMESPACE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE UNSELECT UNAUTHENTICATE UIDPLUS MOVE CONDSTORE QRESYNC")
T(noop, NULL, "a NOOP\r\n", "a OK")
T(logout, NULL, "a LOGOUT\r\nb NOOP\r\n", "* BYE", "a OK")
T(login, NULL, LOGIN, "l OK [CAPABILITY")
T(login_quoted, NULL, "a LOGIN \"fred\" \"secret\"\r\n", "a OK")
T(login_literal, NULL, "a LOGIN {4}\r\nfred {6+}\r\nsecret\r\n", "+ Go on\r\na OK")
T(login_wrong, NULL, "a LOGIN fred wrong\r\n", "a NO [AUTHENTICATIONFAILED]")
T(login_five_times, NULL, "a LOGIN x y\r\na LOGIN x y\r\na LOGIN x y\r\na LOGIN x y\r\na LOGIN x y\r\nb NOOP\r\n", "* BYE Too many failed logins")
T(authenticate_plain, NULL, "a AUTHENTICATE PLAIN\r\nAGZyZWQAc2VjcmV0\r\n", "+ \r\na OK")
T(authenticate_initial, NULL, "a AUTHENTICATE PLAIN AGZyZWQAc2VjcmV0\r\n", "a OK")
T(authenticate_login, NULL, "a AUTHENTICATE LOGIN\r\nZnJlZA==\r\nc2VjcmV0\r\n", "+ VXNlciBOYW1l\r\n+ UGFzc3dvcmQ=\r\na OK")
T(authenticate_cancel, NULL, "a AUTHENTICATE PLAIN\r\n*\r\nb NOOP\r\n", "a BAD Cancelled", "b OK")
T(authenticate_not_base64, NULL, "a AUTHENTICATE PLAIN !!\r\nb AUTHENTICATE PLAIN\r\n~\r\n", "a BAD", "b BAD")
T(authenticate_unknown, NULL, "a AUTHENTICATE CRAM-MD5\r\n", "a NO")
T(authenticate_empty_initial, NULL, "a AUTHENTICATE PLAIN =\r\n", "a NO [AUTHENTICATIONFAILED]")
T(login_disabled, clear_text, "a CAPABILITY\r\nb LOGIN fred secret\r\nc AUTHENTICATE PLAIN AGZyZWQAc2VjcmV0\r\nd AUTHENTICATE SCRAM-SHA-256\r\n",
  "* CAPABILITY IMAP4rev1 IMAP4rev2 STARTTLS LOGINDISABLED", "b NO [PRIVACYREQUIRED]", "c NO [PRIVACYREQUIRED]", "d NO [PRIVACYREQUIRED]")
T(create_delete, NULL, LOGIN "a CREATE foo/\r\nb CREATE foo\r\nc DELETE foo\r\nd DELETE foo\r\ne DELETE inbox\r\n",
  "a OK", "b NO [ALREADYEXISTS]", "c OK", "d NO [NONEXISTENT]", "e NO [CANNOT]")
T(rename_, NULL, LOGIN "a CREATE foo\r\nb RENAME foo bar\r\nc RENAME foo x\r\nd RENAME bar bar/below\r\ne LIST \"\" *\r\n",
  "b OK", "c NO [NONEXISTENT]", "d NO [CANNOT]", "\"bar\"\r\n")
T(names_refused, NULL, LOGIN "a CREATE /etc\r\nb CREATE a//b\r\nc CREATE \"a*b\"\r\nd CREATE &bad\r\ne CREATE ../x\r\nf CREATE ~user\r\ng CREATE InBoX\r\nh CREATE \"\"\r\ni CREATE {3+}\r\na\rb\r\n",
  "a NO [CANNOT]", "b NO [CANNOT]", "c NO [CANNOT]", "d NO [CANNOT]", "e NO [CANNOT]", "f OK", "g NO [ALREADYEXISTS]", "h NO [CANNOT]", "i NO [CANNOT]")
T(subscribe_lsub, NULL, LOGIN "a CREATE x/y\r\nb SUBSCRIBE x/y\r\nc LSUB \"\" %\r\nd UNSUBSCRIBE inbox\r\ne LSUB \"\" *\r\n",
  "b OK", "* LSUB () \"/\" \"INBOX\"\r\n* LSUB (\\Noselect) \"/\" \"x\"\r\nc OK", "d OK", "* LSUB () \"/\" \"x/y\"\r\ne OK")
T(list_, NULL, LOGIN "z CREATE Sent/old\r\na LIST \"\" *\r\nb LIST \"\" %\r\nc LIST \"\" \"\"\r\nd LIST Sent/ %\r\ne LIST \"\" iNbOx\r\n",
  "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n* LIST (\\HasChildren \\Sent) \"/\" \"Sent\"\r\n* LIST (\\HasNoChildren) \"/\" \"Sent/old\"\r\na OK",
  "\"Sent\"\r\nb OK", "* LIST (\\Noselect) \"/\" \"\"\r\nc OK", "\"Sent/old\"\r\nd OK", "\"INBOX\"\r\ne OK")
T(list_utf7, NULL, LOGIN "a CREATE &U,BTFw-\r\nb LIST \"\" &U,BTFw-\r\nc CREATE &AGE-\r\n", "a OK", "\"&U,BTFw-\"\r\nb OK", "c NO [CANNOT]")
T(status_, three, LOGIN "a STATUS inbox (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)\r\nb STATUS nix (MESSAGES)\r\nc STATUS INBOX ()\r\n",
  "* STATUS \"INBOX\" (MESSAGES 3 RECENT 3 UIDNEXT 4 UIDVALIDITY 1 UNSEEN 3)\r\na OK", "b NO [NONEXISTENT]", "c BAD")
T(status_modseq, three, LOGIN "a STATUS INBOX (HIGHESTMODSEQ)\r\nb SELECT INBOX\r\nc STORE 1 +FLAGS.SILENT (\\Seen)\r\nd STATUS INBOX (HIGHESTMODSEQ)\r\n",
  "(HIGHESTMODSEQ 4)\r\na OK", "(HIGHESTMODSEQ 5)\r\nd OK")
T(select_, three, SELECT, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)", "[PERMANENTFLAGS (", "\\*)]", "* 3 EXISTS", "* 3 RECENT", "[UNSEEN 1]", "[UIDVALIDITY 1]", "[UIDNEXT 4]", "s OK [READ-WRITE]")
T(select_missing, three, SELECT "a SELECT nix\r\nb CHECK\r\n", "a NO [NONEXISTENT]", "b BAD Not possible now")
T(examine, three, LOGIN "a EXAMINE INBOX\r\nb STORE 1 +FLAGS (\\Seen)\r\nc EXPUNGE\r\nd FETCH 1 BODY[TEXT]\r\ne FETCH 1 FLAGS\r\nf MOVE 1 Sent\r\n",
  "[PERMANENTFLAGS ()]", "a OK [READ-ONLY]", "b NO [READ-ONLY]", "c NO [READ-ONLY]", "do you think?\r\n)\r\nd OK", "* 1 FETCH (FLAGS (\\Recent))", "f NO [READ-ONLY]")
T(append_, NULL, SELECT "a APPEND INBOX (\\Seen $Work) \"17-Jul-1996 02:44:25 -0700\" {5}\r\nHello\r\nb FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)\r\n",
  "+ Go on", "* 1 EXISTS", "a OK [APPENDUID 1 1]", "FLAGS (\\Seen \\Recent $Work) INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" RFC822.SIZE 5)")
T(append_literal_name, NULL, LOGIN "a APPEND {5+}\r\nINBOX {3+}\r\nabc\r\n", "a OK [APPENDUID 1 1]")
T(append_no_literal, NULL, LOGIN "a APPEND INBOX {+}\r\nb NOOP\r\n", "l OK", "a BAD", "b OK")
T(append_trycreate, NULL, LOGIN "a APPEND nix {5}\r\nb APPEND nix {5+}\r\nHello\r\nc NOOP\r\n", "a NO [TRYCREATE]", "b NO [TRYCREATE]", "c OK")
T(append_quota_before_data, no_append, LOGIN "a APPEND INBOX {5}\r\nb NOOP\r\n", "l OK", "a NO [OVERQUOTA]", "b OK")
T(append_late_failure, late_append, LOGIN "a APPEND INBOX {5+}\r\nHello\r\nb NOOP\r\n", "a NO [UNAVAILABLE]", "b OK")
T(append_refusals, NULL, LOGIN "a APPEND INBOX {0}\r\nb APPEND INBOX {3+}\r\na\0b\r\nc APPEND INBOX \"17-Foo-1996 02:44:25 -0700\" {3}\r\nd APPEND INBOX (\\Bad) {3}\r\ne APPEND INBOX {100001}\r\nf APPEND INBOX {3+}\r\nabc {2+}\r\nxy \r\ng APPEND INBOX\r\nh STATUS INBOX (MESSAGES)\r\n",
  "a NO", "b NO", "c BAD", "d BAD", "e NO [TOOBIG]", "f BAD", "g BAD", "(MESSAGES 0)\r\nh OK")
T(check_, three, SELECT "a CHECK\r\n", "a OK")
T(close_expunges, three, SELECT "a STORE 2 +FLAGS.SILENT (\\Deleted)\r\nb CLOSE\r\nc CHECK\r\nd STATUS INBOX (MESSAGES)\r\n", "a OK", "b OK Closed", "c BAD", "MESSAGES 2")
T(unselect_keeps, three, SELECT "a STORE 2 +FLAGS.SILENT (\\Deleted)\r\nb UNSELECT\r\nd STATUS INBOX (MESSAGES)\r\n", "b OK", "MESSAGES 3")
T(expunge_, three, SELECT "a STORE 1,3 +FLAGS (\\Deleted)\r\nb EXPUNGE\r\nc FETCH 1 UID\r\n",
  "* 1 FETCH (FLAGS (\\Deleted \\Recent))\r\n* 3 FETCH (FLAGS (\\Deleted \\Recent))\r\na OK", "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\nb OK", "* 1 FETCH (UID 2)")
T(uid_expunge, three, SELECT "a STORE 1:3 +FLAGS.SILENT (\\Deleted)\r\nb UID EXPUNGE 2\r\nc FETCH 1:* UID\r\n", "a OK", "* 2 EXPUNGE\r\nb OK", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\nc OK")
T(store_, three, SELECT "a STORE 1 FLAGS (\\Seen $A)\r\nb STORE 1 -FLAGS \\Seen\r\nc UID STORE 1 +FLAGS.SILENT (\\Flagged)\r\nd NOOP\r\ne STORE 1 FLAGS (\\Recent)\r\nf STORE 9 FLAGS ()\r\n",
  "* 1 FETCH (FLAGS (\\Seen \\Recent $A))\r\na OK", "* 1 FETCH (FLAGS (\\Recent $A))\r\nb OK", "c OK", "\r\nd OK", "e BAD", "f BAD No such message")
T(copy_, three, SELECT "a COPY 1,3 Sent\r\nb COPY 1 nix\r\nc UID COPY 99 Sent\r\n", "a OK [COPYUID 2 1,3 1:2]", "b NO [TRYCREATE]", "c OK Done")
T(copy_quota, no_copy, SELECT "a COPY 1 Sent\r\n", "a NO [OVERQUOTA]")
T(move_, three, SELECT "a MOVE 1:2 Sent\r\nb UID MOVE 3 Sent\r\n", "* OK [COPYUID 2 1:2 1:2] Moved\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\na OK", "* OK [COPYUID 2 3 3]", "* 1 EXPUNGE\r\nb OK")
T(uid_unknown, three, SELECT "a UID NOOP\r\nb UID EXPUNGE x\r\n", "a BAD", "b BAD")
T(namespace, NULL, LOGIN "a NAMESPACE\r\n", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\na OK")
T(id_, NULL, "a ID NIL\r\nb ID (\"name\" \"x\" \"version\" NIL)\r\nc ID foo\r\n" LOGIN "d ID ()\r\n", "* ID (\"name\" \"letterlock\")\r\na OK", "b OK", "c BAD", "* ID (\"name\" \"letterlock\" \"version\" \"1\")\r\nd OK")
T(enable_, NULL, LOGIN "a ENABLE X-UNKNOWN CONDSTORE\r\nb ENABLE\r\n", "* ENABLED CONDSTORE\r\na OK", "b BAD")
T(idle_, three, SELECT "a IDLE\r\nDONE\r\nb IDLE\r\nnot done\r\nc NOOP\r\n", "+ idling\r\na OK", "+ idling\r\nb BAD", "c OK")
T(fetch_flags, three, SELECT "a FETCH 1:* (UID FLAGS)\r\nb UID FETCH 2:* FLAGS\r\nc FETCH 4 FLAGS\r\nd UID FETCH 77 FLAGS\r\n",
  "* 1 FETCH (UID 1 FLAGS (\\Recent))\r\n* 2 FETCH", "* 3 FETCH", "a OK", "* 2 FETCH (UID 2 FLAGS (\\Recent))\r\n* 3", "b OK", "c BAD", "d OK")
T(fetch_macros, three, SELECT "a FETCH 1 FAST\r\nb FETCH 1 ALL\r\nc FETCH 1 FULL\r\n", "* 1 FETCH (FLAGS (\\Recent) INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" RFC822.SIZE 114)\r\na OK", "ENVELOPE (", "b OK", " BODY (", "c OK")
T(fetch_envelope, three, SELECT "a FETCH 1 ENVELOPE\r\n", "* 1 FETCH (ENVELOPE (NIL \"afternoon \\\"meeting\\\"\" ((\"Fred Foobar\" NIL \"foobar\" \"example\")) ((\"Fred Foobar\" NIL \"foobar\" \"example\")) ((\"Fred Foobar\" NIL \"foobar\" \"example\")) NIL NIL NIL NIL \"<1@example>\"))\r\na OK")
T(fetch_structure, three, SELECT "a FETCH 1 BODYSTRUCTURE\r\nb FETCH 1 BODY\r\n", "* 1 FETCH (BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7BIT\" 27 2 NIL NIL NIL NIL))\r\na OK", "* 1 FETCH (BODY (\"text\" \"plain\" NIL NIL NIL \"7BIT\" 27 2))\r\n")
T(fetch_whole, three, SELECT "a FETCH 1 BODY.PEEK[]\r\nb FETCH 1 FLAGS\r\nc FETCH 1 RFC822\r\n", "* 1 FETCH (BODY[] {114}\r\n" HELLO ")\r\na OK", "FLAGS (\\Recent)", "* 1 FETCH (RFC822 {114}\r\n" HELLO " FLAGS (\\Seen \\Recent))\r\nc OK")
T(fetch_seen, three, SELECT "a FETCH 2 BODY[TEXT]\r\nb NOOP\r\n", "* 2 FETCH (BODY[TEXT] {27}\r\nHello Joe,\r\ndo you think?\r\n FLAGS (\\Seen \\Recent))\r\na OK Fetched\r\nb OK")
T(fetch_header, three, SELECT "a FETCH 1 BODY.PEEK[HEADER]\r\nb FETCH 1 RFC822.HEADER\r\n", "BODY[HEADER] {87}\r\nFrom: ", "\"meeting\"\r\n\r\n)\r\na OK", "RFC822.HEADER {87}\r\n")
T(fetch_fields, three, SELECT "a FETCH 1 BODY.PEEK[HEADER.FIELDS (subject X)]\r\nb FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (from to)]\r\nc FETCH 1 BODY.PEEK[HEADER.FIELDS ({2+}\r\nTo)]<0.4>\r\n",
  "BODY[HEADER.FIELDS (subject X)] {32}\r\nSubject: afternoon \"meeting\"\r\n\r\n)\r\na OK", "BODY[HEADER.FIELDS.NOT (from to)] {32}\r\nSubject", "BODY[HEADER.FIELDS (To)]<0> {4}\r\nTo: )")
T(fetch_fields_alone, no_blank, SELECT "a FETCH 1 BODY.PEEK[HEADER.FIELDS (A)]\r\nb FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (A)]\r\n",
  "{6}\r\nA: 1\r\n)\r\na OK", "{10}\r\n x\r\nB: 2\r\n)\r\nb OK")
T(fetch_partial, three, SELECT "a FETCH 1 BODY.PEEK[TEXT]<6.3>\r\nb FETCH 1 BODY.PEEK[TEXT]<900.3>\r\nc FETCH 1 BODY.PEEK[]<0.0>\r\n", "BODY[TEXT]<6> {3}\r\nJoe)", "BODY[TEXT]<900> {0}\r\n)", "c BAD")
T(fetch_part, three, SELECT "a FETCH 1 (BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[2] BODY.PEEK[1.TEXT])\r\nb FETCH 1 BODY[MIME]\r\nc FETCH 1 BODY[0]\r\n", "BODY[1] {27}\r\nHello", " BODY[1.MIME] {87}\r\n", " BODY[2] NIL BODY[1.TEXT] NIL)\r\na OK", "b BAD", "c BAD")
T(fetch_nested, nested, SELECT "a FETCH 1 BODYSTRUCTURE\r\nb FETCH 1 (BODY.PEEK[HEADER] BODY.PEEK[1] BODY.PEEK[2.HEADER] BODY.PEEK[2.TEXT] BODY.PEEK[2.1] BODY.PEEK[2.MIME] BODY.PEEK[2.1.MIME] BODY.PEEK[3])\r\n",
  "BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7BIT\" 5 1 NIL NIL NIL NIL)(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 13 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (\"text\" \"html\" NIL NIL NIL \"7BIT\" 5 1 NIL NIL NIL NIL) 3 NIL (\"attachment\" NIL) NIL NIL) \"mixed\" NIL NIL NIL NIL))",
  "BODY[HEADER] {16}\r\nX: 000\r\nH: 1\r\n\r\n BODY[1] {5}\r\none\r\n BODY[2.HEADER] {8}\r\nC: 1\r\n\r\n BODY[2.TEXT] {5}\r\ntwo\r\n BODY[2.1] {5}\r\ntwo\r\n BODY[2.MIME] {8}\r\nB: 1\r\n\r\n BODY[2.1.MIME] {8}\r\nC: 1\r\n\r\n BODY[3] NIL)\r\nb OK")
T(fetch_body_gone_is_nil, gone_body, SELECT "a FETCH 1 BODY.PEEK[]\r\nb NOOP\r\n",
  "* 1 FETCH (BODY[] NIL)\r\na NO [CORRUPTION]", "b OK")
T(fetch_body_torn_closes, torn_body, SELECT "a FETCH 1 BODY.PEEK[]\r\nb NOOP\r\n", "* 1 FETCH (BODY[] {114}\r\n")
T(search_, three, SELECT "z STORE 2 FLAGS (\\Seen $K)\r\na SEARCH ALL\r\nb SEARCH UNSEEN\r\nc UID SEARCH 2:3 NOT SEEN\r\nd SEARCH OR UID 1 KEYWORD $k\r\ne SEARCH NEW\r\nf SEARCH KEYWORD nix\r\ng SEARCH (SEEN (OLD))\r\nh SEARCH SUBJECT MEETING BEFORE 1-Jan-2000 SMALLER 1000\r\ni SEARCH CHARSET UTF-8 TEXT {4+}\r\nJoe,\r\n",
  "* SEARCH 1 2 3\r\na OK", "* SEARCH 1 3\r\nb OK", "* SEARCH 3\r\nc OK", "* SEARCH 1 2\r\nd OK", "* SEARCH 1 3\r\ne OK", "* SEARCH\r\nf OK", "* SEARCH\r\ng OK", "* SEARCH 1 2 3\r\nh OK", "* SEARCH 1 2 3\r\ni OK")
T(search_dates, three, SELECT "a SEARCH ON 17-Jul-1996\r\nb SEARCH SINCE 18-Jul-1996\r\nc SEARCH SENTBEFORE 17-Jul-1996 SENTSINCE 1-Jan-1990\r\nd SEARCH SENTON \"17-Jul-1996\"\r\n", "* SEARCH 1 2 3\r\na", "* SEARCH\r\nb", "* SEARCH\r\nc", "* SEARCH 1 2 3\r\nd")
T(search_flags, three, SELECT "a SEARCH ANSWERED\r\nb SEARCH UNANSWERED UNDELETED UNDRAFT UNFLAGGED\r\nc SEARCH DELETED\r\nd SEARCH DRAFT\r\ne SEARCH FLAGGED\r\nf SEARCH UNKEYWORD x RECENT\r\n", "* SEARCH\r\na", "* SEARCH 1 2 3\r\nb", "* SEARCH\r\nc", "* SEARCH\r\nd", "* SEARCH\r\ne", "* SEARCH 1 2 3\r\nf")
T(search_for_nothing, three, SELECT "a SEARCH BODY \"\"\r\nb SEARCH NOT TEXT \"\"\r\n", "* SEARCH 1 2 3\r\na", "* SEARCH\r\nb")
T(search_texts, three, SELECT "a SEARCH FROM fred\r\nb SEARCH TO x@x\r\nc SEARCH CC a BCC b\r\nd SEARCH HEADER subject \"\"\r\ne SEARCH BODY think LARGER 5\r\n", "* SEARCH 1 2 3\r\na", "* SEARCH\r\nb", "* SEARCH\r\nc", "* SEARCH 1 2 3\r\nd", "* SEARCH 1 2 3\r\ne")
T(search_refused, three, SELECT "a SEARCH\r\nb SEARCH FOO\r\nc SEARCH CHARSET KOI8-R ALL\r\nd SEARCH BEFORE 32-Jan-2000\r\ne SEARCH (ALL\r\nf SEARCH 9\r\ng SEARCH SUBJECT {1+}\r\n\xff\r\n", "a BAD", "b BAD", "c NO [BADCHARSET (US-ASCII UTF-8)]", "d BAD", "e BAD", "f BAD", "g BAD")
T(states, NULL, "a SELECT INBOX\r\nb FETCH 1 FLAGS\r\n" LOGIN "c FETCH 1 FLAGS\r\nd LOGIN x y\r\ne STARTTLS\r\n", "a BAD Not possible now", "b BAD", "c BAD", "d BAD", "e BAD")
T(syntax, NULL, "\r\n*\r\na\r\na NOOP x\r\na  NOOP\r\n+a NOOP\r\nb NOOP\r\n", "* BAD Invalid tag", "* BAD", "a BAD", "a BAD", "a BAD", "* BAD", "b OK")
/* Threat 122 */
T(literals_before_login, NULL, "a LOGIN {4294967295}\r\nb LOGIN {18446744073709551616}\r\nc LOGIN {-1}\r\nd LOGIN { 5}\r\ne LOGIN {5}x\r\nf LOGIN {99999999999999999999999}\r\ng NOOP\r\n",
  "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD", "g OK")
T(literal_unasked_is_dropped, NULL, "a LOGIN {5000+}\r\n", "* OK")
T(literal_unasked_too_big_closes, NULL, "a LOGIN {2147483648+}\r\nb NOOP\r\n", "* BYE Literal too large")
T(literal_of_unknown_command, NULL, "a FOO {8+}\r\nb NOOP\r\n\r\nc FOO {8}\r\nd NOOP\r\n", "a BAD Unknown command\r\nc BAD Unknown command\r\nd OK")
T(bad_flood, NULL, "a X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\nb NOOP\r\n", "* BYE Too many refused commands")
T(ok_resets_bad, NULL, "a X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\na X\r\nb NOOP\r\na X\r\nc NOOP\r\n", "b OK", "a BAD", "c OK")

static void starttls(void **state UNUSED)
{
	struct talk t;
	/* The script throws the rest of a chunk away only in its own start_tls. */
	TALK(&t, clear_text, "a STARTTLS\r\n");
	EXPECT(&t, "a OK Begin TLS");
	assert_int_equal(t.mem.logins, 0);
	talk_free(&t);
}

/* NIL and OK would say that the message has no header: clients keep that. */
static void fetch_header_gone_closes(void **state UNUSED)
{
	struct talk t;
	TALK(&t, gone_body,
	     SELECT "a FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\nb NOOP\r\n");
	EXPECT(&t, "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] ");
	talk_lacks(&t, "NIL");
	talk_lacks(&t, "a OK");
	talk_lacks(&t, "b OK");
	talk_free(&t);
}

static void starttls_discards(void **state UNUSED)
{
	static const struct span chunks[] = {
		SPAN_INIT("a STARTTLS\r\nb LOGIN fred secret\r\n"),
		SPAN_INIT("c NOOP\r\n"),
	};
	struct mem_host m;
	struct script script;
	mem_init(&m);
	clear_text(&m);
	script_init(&script, chunks, 2);
	struct imap_session *s = imap_session_new(&script.stream, &m.host);
	assert_int_equal(imap_session_greet(s), IMAP_IDLE);
	while (imap_session_run(s) != IMAP_CLOSE)
		;
	struct span out = script_output(&script);
	assert_true(span_find_span(out, SPAN("b ")) == SIZE_MAX);
	assert_true(span_find_span(out, SPAN("c OK")) != SIZE_MAX);
	assert_int_equal(m.logins, 0);
	assert_int_equal(script.tls, 1);
	imap_session_free(s);
	script_free(&script);
	mem_free(&m);
}

static void no_credential_before_tls(void **state UNUSED)
{
	struct talk t;
	TALK(&t, clear_text, "b LOGIN fred secret\r\nc AUTHENTICATE PLAIN AGZyZWQAc2VjcmV0\r\n");
	assert_int_equal(t.mem.logins, 0);
	talk_lacks(&t, "AUTH=");
	talk_lacks(&t, "PREAUTH");
	talk_free(&t);
}

static void others_changes(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a FETCH 1:3 UID\r\n", "b FETCH 3 UID\r\n",
					    "c NOOP\r\n", "d SEARCH ALL\r\n", "e UID FETCH 1:* FLAGS\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, three, lines, 6);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	assert_int_equal(imap_session_run(l.session), IMAP_IDLE);
	live_said(&l, out, sizeof out);
	mem_expunge(b, 2);
	mem_deliver(&l.mem, b, SPAN("x\r\n"));
	/* Not told during FETCH by number; the gone one is reported as such. */
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 3)\r\na NO [EXPUNGEISSUED] Some of the messages are gone\r\n");
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "* 3 FETCH (UID 3)\r\nb OK Fetched\r\n");
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "* 2 EXPUNGE\r\n* 3 EXISTS\r\n* 3 RECENT\r\nc OK Nothing done\r\n");
	mem_flags(b, 3, IMAP_FLAGGED);
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "* 2 FETCH (FLAGS (\\Flagged \\Recent))\r\n* SEARCH 1 2 3\r\nd OK Searched\r\n");
	mem_expunge(b, 1);
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* 2 FETCH (UID 3 FLAGS (\\Flagged \\Recent))\r\n* 3 FETCH (UID 4 FLAGS (\\Recent))\r\n* 1 EXPUNGE\r\ne NO [EXPUNGEISSUED] Some of the messages are gone\r\n");
	live_free(&l);
}

/* What was delivered before a command is found by it, without a NOOP. */
static void what_came_is_found(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a UID SEARCH ALL\r\n",
					    "b UID FETCH 5:* UID\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, three, lines, 3);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	mem_deliver(&l.mem, b, SPAN("x\r\n"));
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* 4 EXISTS\r\n* 4 RECENT\r\n* SEARCH 1 2 3 4\r\na OK Searched\r\n");
	mem_deliver(&l.mem, b, SPAN("y\r\n"));
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* 5 EXISTS\r\n* 5 RECENT\r\n* 5 FETCH (UID 5)\r\nb OK Fetched\r\n");
	live_free(&l);
}

static void idle_hints(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a IDLE\r\n", "DONE\r\n", "b NOOP\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, three, lines, 4);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	imap_session_run(l.session);
	imap_session_run(l.session);
	assert_true(imap_session_idling(l.session));
	live_said(&l, out, sizeof out);
	mem_deliver(&l.mem, b, SPAN("x\r\n"));
	assert_int_equal(imap_session_hint(l.session, NULL), IMAP_IDLE);
	assert_string_equal(live_said(&l, out, sizeof out), "* 4 EXISTS\r\n* 4 RECENT\r\n");
	mem_expunge(b, 1);
	mem_flags(b, 4, IMAP_SEEN);
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "* 1 EXPUNGE\r\n* 3 FETCH (FLAGS (\\Seen \\Recent))\r\n");
	/* Nothing new: nothing said. */
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "");
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "a OK IDLE ended\r\n");
	mem_expunge(b, 2);
	/* Outside of IDLE a hint waits for a command. */
	imap_session_hint(l.session, NULL);
	assert_string_equal(live_said(&l, out, sizeof out), "");
	imap_session_run(l.session);
	assert_string_equal(live_said(&l, out, sizeof out), "* 1 EXPUNGE\r\nb OK Nothing done\r\n");
	assert_int_equal(imap_session_stop(l.session, "Restart"), IMAP_CLOSE);
	live_free(&l);
}

/* What a hint carried is told without a question, where it fits. */
static void idle_news(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a IDLE\r\n", "DONE\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, three, lines, 3);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	for (int i = 0; i < 3; i++)
		mem_deliver(&l.mem, b, SPAN("x\r\n"));
	imap_session_run(l.session);
	imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	uint64_t v = b->version;
	struct imap_left gone[] = {{.run = {.first = 1, .last = 2}, .rank = 1},
				   {.run = {.first = 5, .last = 5}, .rank = 5}};
	struct imap_flagged flags[] = {
		{.slot = {.uid = 4, .flags = IMAP_SEEN, .modseq = v + 1}, .rank = 2}};
	struct imap_news n = {.mailbox = imap_session_mailbox(l.session),
			      .since = v,
			      .version = v + 1,
			      .uid_next = 8,
			      .exists = 4,
			      .gone = gone,
			      .gone_count = 2,
			      .flags = flags,
			      .flag_count = 1};
	/* What cannot be true is not believed: the host is asked. */
	struct imap_news wrong[6] = {n, n, n, n, n, n};
	struct imap_left high[] = {{.run = {.first = 1, .last = 2}, .rank = 6}};
	struct imap_flagged far[] = {{.slot = flags[0].slot, .rank = 4}};
	wrong[0].exists = 2; /* fewer than are left */
	wrong[1].exists = 5; /* more than UIDs were given */
	wrong[2].gone = high;
	wrong[2].gone_count = 1;
	wrong[2].exists = 5;
	wrong[3].flags = far;
	wrong[4].mailbox++;
	wrong[5].since++;
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(imap_session_hint(l.session, &wrong[i]),
				 IMAP_IDLE);
		assert_string_equal(live_said(&l, out, sizeof out), "");
	}
	assert_int_equal(imap_session_hint(l.session, &n), IMAP_IDLE);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* 5 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n"
			    "* 4 EXISTS\r\n* 4 RECENT\r\n"
			    "* 2 FETCH (FLAGS (\\Seen \\Recent))\r\n");
	/* Told already: nothing. */
	imap_session_hint(l.session, &n);
	assert_string_equal(live_said(&l, out, sizeof out), "");
	/* From before our version: of use without an expunge. */
	n = (struct imap_news){.mailbox = n.mailbox,
			       .since = v,
			       .version = v + 2,
			       .uid_next = 9,
			       .exists = 5,
			       .flags = flags,
			       .flag_count = 1};
	imap_session_hint(l.session, &n);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* 5 EXISTS\r\n* 5 RECENT\r\n");
	live_free(&l);
}

/* The same to who wants no numbers (RFC 9586). */
static void idle_uidonly(void **state UNUSED)
{
	static const char *const lines[] = {SELECT "e ENABLE UIDONLY\r\n", "a IDLE\r\n", "DONE\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, three, lines, 3);
	struct mem_box *b = mem_box(&l.mem, "INBOX");
	imap_session_run(l.session);
	imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	struct imap_left gone[] = {{.run = {.first = 1, .last = 2}, .rank = 1}};
	struct imap_flagged flags[] = {
		{.slot = {.uid = 3, .flags = IMAP_SEEN, .modseq = b->version + 1}, .rank = 1}};
	struct imap_news n = {.mailbox = imap_session_mailbox(l.session),
			      .since = b->version,
			      .version = b->version + 1,
			      .uid_next = 4,
			      .exists = 1,
			      .gone = gone,
			      .gone_count = 1,
			      .flags = flags,
			      .flag_count = 1};
	assert_int_equal(imap_session_hint(l.session, &n), IMAP_IDLE);
	assert_string_equal(live_said(&l, out, sizeof out),
			    "* VANISHED 1:2\r\n* 3 UIDFETCH (FLAGS (\\Seen \\Recent))\r\n");
	live_free(&l);
}

static void mailbox_deleted_under_session(void **state UNUSED)
{
	static const char *const lines[] = {SELECT, "a NOOP\r\n"};
	struct live l;
	char out[4096];
	live_init(&l, three, lines, 2);
	imap_session_run(l.session);
	live_said(&l, out, sizeof out);
	mem_box(&l.mem, "INBOX")->used = false;
	assert_int_equal(imap_session_run(l.session), IMAP_CLOSE);
	assert_non_null(strstr(live_said(&l, out, sizeof out), "* BYE"));
	live_free(&l);
}

/* A line of n bytes with its CRLF: "a NOOP" and one long word. */
static void line_limit(size_t limit, const char *before)
{
	for (size_t n = limit - 1; n <= limit + 1; n++) {
		size_t head = strlen(before), all = head + n;
		char *text = malloc(all + 10);
		memcpy(text, before, head);
		memset(text + head, 'x', n);
		memcpy(text + head, "a NOOP ", 7);
		memcpy(text + all - 2, "\r\nb NOOP\r\n", 10);
		struct talk t;
		talk_once(&t, NULL, span_of(text, all + 8), 0);
		if (n <= limit)
			EXPECT(&t, "a BAD", "b OK");
		else
			EXPECT(&t, "* BYE Command line too long");
		talk_free(&t);
		free(text);
	}
}

static void line_limit_before_login(void **state UNUSED) { line_limit(IMAP_COMMAND_EARLY, ""); }
static void line_limit_after_login(void **state UNUSED) { line_limit(IMAP_COMMAND_MAX, LOGIN); }

/* Threat 125: endless input in every state of the words costs the same. */
static void endless_words(void **state UNUSED)
{
	static const char *const heads[] = {
		"", "a ", "a LOGIN ", "a LOGIN \"", "a LOGIN {", "a APPEND INBOX (",
		"a APPEND INBOX (\\", "a APPEND INBOX \"", "a FETCH 1,", "a SEARCH ",
		"a FETCH 1 (", "a FETCH 1 BODY[", "a LIST \"\" ", "a ID (\"",
	};
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct span chunks[2] = {span_cstr(heads[i])};
		size_t n = 200000;
		char *fill = malloc(n);
		memset(fill, '1', n);
		chunks[1] = span_of(fill, n);
		struct mem_host m;
		struct script script;
		mem_init(&m);
		script_init(&script, chunks, 2);
		struct imap_session *s = imap_session_new(&script.stream, &m.host);
		(void)imap_session_greet(s);
		assert_int_equal(imap_session_run(s), IMAP_CLOSE);
		assert_true(span_find_span(script_output(&script), SPAN("* BYE")) != SIZE_MAX);
		imap_session_free(s);
		script_free(&script);
		mem_free(&m);
		free(fill);
	}
}

/* A search key repeated; limits at their edge. */
static void repeat(struct talk *t, const char *head, const char *piece, size_t count,
		   const char *tail)
{
	struct buf b;
	buf_init(&b, 1u << 20);
	buf_add(&b, span_cstr(head));
	for (size_t i = 0; i < count; i++)
		buf_add(&b, span_cstr(piece));
	buf_add(&b, span_cstr(tail));
	talk_once(t, three, buf_span(&b), 0);
	buf_free(&b);
}

static void search_depth(void **state UNUSED)
{
	for (size_t n = IMAP_QUERY_DEPTH - 2; n <= IMAP_QUERY_DEPTH; n++) {
		struct talk t;
		repeat(&t, SELECT "a SEARCH ", "NOT ", n, "SEEN\r\nb NOOP\r\n");
		EXPECT(&t, n < IMAP_QUERY_DEPTH ? "a OK" : "a NO [LIMIT]", "b OK");
		talk_free(&t);
	}
}

static void search_ops(void **state UNUSED)
{
	/* n keys and n - 1 ANDs. */
	for (size_t n = 499; n <= 501; n++) {
		struct talk t;
		repeat(&t, SELECT "a SEARCH ALL", " ALL", n - 1, "\r\n");
		EXPECT(&t, 2 * n - 1 <= IMAP_QUERY_OPS ? "a OK" : "a NO [LIMIT]");
		talk_free(&t);
	}
}

static void fetch_items(void **state UNUSED)
{
	for (size_t n = 63; n <= 65; n++) {
		struct talk t;
		repeat(&t, SELECT "a FETCH 1 (BODY.PEEK[2]", " BODY.PEEK[2]", n - 1, ")\r\n");
		EXPECT(&t, n <= 64 ? "a OK" : "a BAD");
		talk_free(&t);
	}
}

/* Threat 130: a client that stops reading stops the session as well. */
static void never_reads(void **state UNUSED)
{
	struct mem_host m;
	struct script script;
	mem_init(&m);
	three(&m);
	char *big = malloc(60000);
	memset(big, 'x', 60000);
	for (int i = 0; i < 200; i++)
		mem_deliver(&m, mem_box(&m, "INBOX"), span_of(big, 60000));
	script_init_bytes(&script, SPAN(SELECT "a FETCH 1:* (BODY.PEEK[] BODY.PEEK[TEXT] BODY.PEEK[])\r\nb NOOP\r\n"), 0);
	script.flush_after = IO_BROKEN;
	script.flush_limit = 100000;
	struct imap_session *s = imap_session_new(&script.stream, &m.host);
	(void)imap_session_greet(s);
	assert_int_equal(imap_session_run(s), IMAP_CLOSE);
	assert_true(script_output(&script).len <= 100000 + STREAM_OUT_MAX);
	assert_true(m.bodies < 20);
	imap_session_free(s);
	script_free(&script);
	mem_free(&m);
	free(big);
}

#define C(n) cmocka_unit_test(n)
/* The time that a command is granted does not grow by sending it slowly. */
static void a_slow_literal_gets_no_more_time(void **state UNUSED)
{
	static const struct span text = SPAN_INIT(
		"a LOGIN fred secret\r\nb APPEND INBOX {40+}\r\n"
		"Subject: x\r\n\r\n0123456789012345678901234\r\nc LOGOUT\r\n");
	unsigned granted[2];
	for (unsigned slow = 0; slow < 2; slow++) {
		struct mem_host m;
		struct script script;
		mem_init(&m);
		script_init_bytes(&script, text, slow);
		struct imap_session *s = imap_session_new(&script.stream, &m.host);
		assert_non_null(s);
		/* One run: between two commands there would be a wait of its own. */
		enum imap_next next = imap_session_greet(s);
		unsigned idle = script.deadline_count;
		while (next != IMAP_CLOSE) {
			next = imap_session_run(s);
			idle += next == IMAP_IDLE;
		}
		granted[slow] = script.deadline_count - idle;
		assert_int_equal(m.appends, 1);
		imap_session_free(s);
		script_free(&script);
		mem_free(&m);
	}
	assert_int_equal(granted[0], granted[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		C(greeting), C(capability), C(capability_after_login), C(noop), C(logout),
		C(login), C(login_quoted), C(login_literal), C(login_wrong),
		C(login_five_times), C(authenticate_plain), C(authenticate_initial),
		C(authenticate_login), C(authenticate_cancel), C(authenticate_not_base64),
		C(authenticate_unknown), C(authenticate_empty_initial), C(login_disabled),
		C(create_delete), C(rename_), C(names_refused), C(subscribe_lsub), C(list_),
		C(list_utf7), C(status_), C(status_modseq), C(select_), C(select_missing), C(examine),
		C(append_), C(append_literal_name), C(append_no_literal), C(append_trycreate),
		C(append_quota_before_data), C(append_late_failure), C(append_refusals),
		C(check_), C(close_expunges), C(unselect_keeps), C(expunge_), C(uid_expunge),
		C(store_), C(copy_), C(copy_quota), C(move_), C(uid_unknown), C(namespace),
		C(id_), C(enable_), C(idle_), C(fetch_flags), C(fetch_macros),
		C(fetch_envelope), C(fetch_structure), C(fetch_whole), C(fetch_seen),
		C(fetch_header), C(fetch_fields), C(fetch_fields_alone), C(fetch_partial), C(fetch_part),
		C(fetch_nested), C(fetch_body_gone_is_nil), C(fetch_body_torn_closes),
		C(fetch_header_gone_closes),
		C(search_), C(search_dates), C(search_flags),
		C(search_for_nothing), C(search_texts), C(search_refused), C(states), C(syntax),
		C(literals_before_login), C(literal_unasked_is_dropped),
		C(literal_unasked_too_big_closes), C(literal_of_unknown_command),
		C(bad_flood), C(ok_resets_bad), C(starttls), C(starttls_discards),
		C(no_credential_before_tls), C(others_changes), C(what_came_is_found), C(idle_hints), C(idle_news),
		C(idle_uidonly),
		C(mailbox_deleted_under_session), C(line_limit_before_login),
		C(line_limit_after_login), C(endless_words), C(search_depth), C(search_ops),
		C(fetch_items), C(never_reads),
		cmocka_unit_test(a_slow_literal_gets_no_more_time),
	};
	return cmocka_run_group_tests_name("imap_session", tests, NULL, NULL);
}
