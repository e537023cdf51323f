/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/binary: BINARY (RFC 3516) and PREVIEW (RFC 8970). */
#include <stdlib.h>

#include "talk.h"

static struct summary_part *message(struct mem_host *m, struct span data, struct span encoding)
{
	struct mem_message *msg = mem_deliver(m, mem_box(m, "INBOX"), data);
	struct summary *s = msg->summary;
	s->flags = 0;
	s->parts[0].encoding = encoding;
	s->preview = SPAN("Gr\xc3\xbc\xc3\x9f"
			  "e \"x\"");
	return &s->parts[0];
}

/* One message of each kind. */
static void kinds(struct mem_host *m)
{
	message(m, SPAN("H: 1\r\n\r\nSGVsbG8s\r\nIHdvcmxkIQ==\r\n"), SPAN("base64"));
	message(m, SPAN("H: 1\r\n\r\na=3Db=\r\nc\r\n"), SPAN("Quoted-Printable"));
	message(m, SPAN("H: 1\r\n\r\nplain\r\n"), span_of(NULL, 0));
	message(m, SPAN("H: 1\r\n\r\nAABB\r\n"), SPAN("base64"));
	message(m, SPAN("H: 1\r\n\r\nabc\r\n"), SPAN("x-uuencode"));
}

static void gone(struct mem_host *m) { kinds(m); m->body_gone = true; }
static void torn(struct mem_host *m) { gone(m); m->body_gone_from = 20; }

static void opaque(struct mem_host *m)
{
	mem_deliver(m, mem_box(m, "INBOX"), SPAN("x"))->summary->flags = SUMMARY_OPAQUE;
}

/* 201 characters, one of two bytes: one too many. */
static void long_preview(struct mem_host *m)
{
	char *text = arena_bytes(m->summaries, 202);
	memset(text, 'x', 202);
	memcpy(text, "\xc3\xbc", 2);
	message(m, SPAN("H: 1\r\n\r\nx\r\n"), SPAN("7bit"));
	mem_box(m, "INBOX")->messages[0].summary->preview = span_of(text, 202);
}

T(decoded, kinds, SELECT "a FETCH 1 BINARY[1]\r\nb FETCH 2 BINARY.PEEK[1]\r\nc FETCH 3 (BINARY.PEEK[1] BINARY.SIZE[1])\r\n",
  "* 1 FETCH (BINARY[1] {13}\r\nHello, world! FLAGS (\\Seen \\Recent))\r\na OK", "* 2 FETCH (BINARY[1] {6}\r\na=bc\r\n)\r\nb OK", "BINARY[1] {7}\r\nplain\r\n BINARY.SIZE[1] 7)\r\nc OK")
T(sizes, kinds, SELECT "a FETCH 1:4 (BINARY.SIZE[1])\r\nb FETCH 1 (BINARY.SIZE[2] BINARY.PEEK[2])\r\nc FETCH 1 (BINARY.SIZE[])\r\n",
  "* 1 FETCH (BINARY.SIZE[1] 13)\r\n* 2 FETCH (BINARY.SIZE[1] 6)\r\n* 3 FETCH (BINARY.SIZE[1] 7)\r\n* 4 FETCH (BINARY.SIZE[1] 3)\r\na OK", "* 1 FETCH (BINARY.SIZE[2] 0 BINARY[2] NIL)\r\nb OK", "* 1 FETCH (BINARY.SIZE[] 32)\r\nc OK")
T(a_part_of_it, kinds, SELECT "a FETCH 1 BINARY.PEEK[1]<7.3>\r\nb FETCH 1 BINARY.PEEK[1]<12.100>\r\nc FETCH 1 BINARY.PEEK[1]<13.1>\r\nd FETCH 1 BINARY.PEEK[1]<0.1>\r\n",
  "BINARY[1]<7> {3}\r\nwor)\r\na OK", "BINARY[1]<12> {1}\r\n!)\r\nb OK", "BINARY[1]<13> {0}\r\n)\r\nc OK", "BINARY[1]<0> {1}\r\nH)\r\nd OK")
T(whole, kinds, SELECT "a FETCH 2 BINARY.PEEK[]\r\n", "* 2 FETCH (BINARY[] {19}\r\nH: 1\r\n\r\na=3Db=\r\nc\r\n)\r\na OK")
T(unknown_encoding, kinds, SELECT "a FETCH 5 (UID BINARY.PEEK[1])\r\nb FETCH 5 BINARY.SIZE[1]\r\n", "* 5 FETCH (UID 5 BINARY[1] NIL)\r\na NO [UNKNOWN-CTE]", "b NO [UNKNOWN-CTE]")
T(cannot_be_read, gone, SELECT "a FETCH 1 BINARY.PEEK[1]\r\nb NOOP\r\n", "* 1 FETCH (BINARY[1] NIL)\r\na NO [CORRUPTION]", "b OK")
T(ends_early, torn, SELECT "a FETCH 1 BINARY.PEEK[1]\r\nb NOOP\r\n", "* 1 FETCH (BINARY[1] NIL)\r\na NO [CORRUPTION]", "b OK")
T(refused, kinds, SELECT "a FETCH 1 BINARY\r\nb FETCH 1 BINARY[TEXT]\r\nc FETCH 1 BINARY.SIZE[1]<0.1>\r\nd FETCH 1 BINARY[1.MIME]\r\ne FETCH 1 BINARY[0]\r\nf FETCH 1 BINARY.NIX[1]\r\n", "a BAD", "b BAD", "c BAD", "d BAD", "e BAD", "f BAD")
T(append_literal8, NULL, SELECT "a APPEND INBOX ~{5+}\r\nHello\r\nb APPEND INBOX (\\Seen) ~{3+}\r\na\0b\r\nc APPEND INBOX ~\r\n", "a OK [APPENDUID 1 1]", "b NO [UNKNOWN-CTE]", "c BAD")
T(preview, kinds, SELECT "a FETCH 1 (PREVIEW)\r\nb FETCH 1 PREVIEW (LAZY)\r\nc FETCH 1 (PREVIEW (LAZY) UID)\r\nd FETCH 1 (PREVIEW (EAGER))\r\n",
  "* 1 FETCH (PREVIEW {11}\r\nGr\xc3\xbc\xc3\x9f" "e \"x\")\r\na OK", "b OK", "UID 1)\r\nc OK", "d BAD")
T(preview_of_nothing, opaque, SELECT "a FETCH 1 PREVIEW\r\n", "* 1 FETCH (PREVIEW NIL)\r\na OK")
T(preview_limit, long_preview, SELECT "a FETCH 1 PREVIEW\r\n", "* 1 FETCH (PREVIEW {201}\r\n\xc3\xbcxx", "xxx)\r\na OK")

int main(void)
{
#define C(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		C(decoded), C(sizes), C(a_part_of_it), C(whole), C(unknown_encoding),
		C(cannot_be_read), C(ends_early), C(refused), C(append_literal8), C(preview),
		C(preview_of_nothing), C(preview_limit),
	};
	return cmocka_run_group_tests_name("imap_binary", tests, NULL, NULL);
}
