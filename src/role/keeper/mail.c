/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/keeper/mail: the mail of one account, out of a backup or of the store.
 *
 *     mail [live|still] account=ADDRESS [mailbox=NAME] [from=MAILBOX:UID] [message=ID]
 *
 * Folder: the backup, or the store's as it was at the checkpoint that the running
 * store holds (live), or while nothing runs (still); it is opened for reading
 * alone.  Behind it
 * KEEPER_MAIL: a file in memory that takes the messages, some MiB of them.  A
 * row each says where in it a message stands; the last row says where the next
 * run goes on.  Names and keywords are in hex: they are its owner's, and may be
 * anything.
 *
 * Of a backup the first run compares the engine's files with the manifest, each
 * run the large bodies that it reads: nothing is brought back that is not what
 * was copied.
 *
 * message: a Message-ID, or the id of our log, which stands in our Received
 * field.
 */
#include "base/hex.h"
#include "box/box.h"
#include "directory/directory.h"
#include "kv/kv.h"
#include "kv/rocksdb.h"
#include "role/keeper/keeper.h"
#include "summary/summary.h"

#include <stdio.h>
#include <string.h>

#define RUN_BYTES      (32u << 20)
#define RUN_MESSAGES   4096u
#define LIST_STEP      64u
#define SLOTS_STEP     256u
#define PIECE	       (256u * 1024u)
#define MESSAGE_MEMORY (8u << 20)

struct mail {
	struct keeper *k;
	bool backup;	 /* with a manifest */
	const char *from; /* in words */
	struct manifest files;
	struct kv *kv;
	struct box *box;
	struct arena *arena; /* of one message */
	struct span wanted;  /* an id; empty: all */
	struct span mailbox; /* a name; empty: all */
	uint32_t from_mailbox, from_uid;
	uint64_t bytes, messages; /* of this run */
	bool full;
};

static bool unread(struct mail *m, const char *what, enum box_result r)
{
	return keeper_fail(m->k, "%s cannot be read out of %s: %s", what, m->from,
			   box_result_name(r));
}

/* ---- what is read is what was copied ------------------------------------ */

static bool sound(struct mail *m, const struct manifest_file *f)
{
	struct sha256 hash;
	uint64_t size = 0;
	enum os r = files_hash(m->k, KEEPER_FOLDER, f->path, &size, &hash);
	if (r == OS_OK && size == f->size &&
	    memcmp(hash.bytes, f->hash.bytes, sizeof hash.bytes) == 0)
		return true;
	return keeper_fail(
		m->k,
		"%.*s in the backup is damaged: restore from another "
		"one (`letterlock backup verify` tells which are "
		"sound)",
		SPAN_FMT(f->path));
}

static bool engine_sound(struct mail *m)
{
	uint64_t done = 0;
	for (size_t i = 0; i < m->files.count; i++) {
		const struct manifest_file *f = &m->files.files[i];
		if (!span_starts(f->path, SPAN("rocksdb/")))
			continue;
		if (!sound(m, f))
			return false;
		keeper_progress(m->k, "verified", done += f->size,
				m->files.bytes);
	}
	return true;
}

/* What is no file is the engine's, which was verified. */
static bool body_sound(struct mail *m, const struct box_message *msg)
{
	char path[48];
	struct buf hex;
	if (!m->backup)
		return true;
	buf_init(&hex, 64);
	hex_encode(&hex, span_of(msg->body.byte, sizeof msg->body.byte));
	struct span name = buf_span(&hex);
	snprintf(path, sizeof path, "bodies/%.2s/%.*s", name.ptr,
		 SPAN_FMT(name));
	buf_free(&hex);
	const struct manifest_file *f =
		manifest_find(&m->files, span_cstr(path));
	if (f == NULL && msg->body_size <= KV_BODY_INLINE)
		return true;
	return f != NULL ? sound(m, f) : unread(m, path, BOX_CORRUPT);
}

/* ---- is it the one? ----------------------------------------------------- */

static struct span bare(struct span id)
{
	id = span_trim(id);
	return id.len >= 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>'
		       ? span_sub(id, 1, id.len - 2)
		       : id;
}

/* "id X" on a line of its own, as our Received field has it. */
static bool received_as(struct span prefix, struct span id)
{
	static const struct span line = SPAN_INIT("\r\n\tid ");
	size_t at;
	while ((at = span_find_span(prefix, line)) != SIZE_MAX) {
		prefix = span_skip(prefix, at + line.len);
		if (span_starts(prefix, id) &&
		    (prefix.len == id.len || !ascii_alnum(prefix.ptr[id.len])))
			return true;
	}
	return false;
}

static bool wanted(struct mail *m, const struct box_message *msg)
{
	struct summary *s;
	if (m->wanted.len == 0 || received_as(msg->prefix, m->wanted))
		return true;
	return summary_read(msg->summary, msg->body_size, m->arena, &s) ==
		       SUMMARY_OK &&
	       s->part_count > 0 && s->parts[0].envelope != NULL &&
	       span_eq(bare(s->parts[0].envelope->message_id), m->wanted);
}

/* ---- a message ---------------------------------------------------------- */

/* Its bytes behind those of the messages before it. */
static bool take_bytes(struct mail *m, const struct box_message *msg)
{
	struct buf piece;
	uint64_t at = 0;
	enum box_result r = BOX_OK;
	enum os o = OS_OK;
	buf_init(&piece, PIECE);
	while (r == BOX_OK && o == OS_OK && at < msg->size) {
		buf_clear(&piece);
		r = box_read(m->box, msg, at, PIECE, &piece);
		if (r == BOX_OK && buf_len(&piece) == 0)
			r = BOX_CORRUPT;
		if (r == BOX_OK)
			o = file_append(m->k->world, KEEPER_MAIL,
					buf_span(&piece));
		at += buf_len(&piece);
	}
	buf_free(&piece);
	if (o != OS_OK) {
		return keeper_fail(m->k, "memory for messages: %s", os_text(o));
	}
	return r == BOX_OK || unread(m, "a message", r);
}

static void add_keywords(struct buf *out, const struct span *names,
			 uint64_t bits)
{
	for (unsigned i = 0; i < BOX_KEYWORDS_MAX; i++) {
		if ((bits >> i & 1) == 0 || names[i].len == 0)
			continue;
		buf_add(out, buf_len(out) > 0 ? SPAN(",\"") : SPAN("\""));
		hex_encode(out, names[i]);
		buf_addc(out, '"');
	}
}

static bool take(struct mail *m, uint32_t mailbox, const struct box_slot *slot,
		 const struct span *keywords)
{
	struct box_message msg;
	struct buf words;
	arena_reset(m->arena);
	enum box_result r = box_message(m->box, KV_VISIBLE, mailbox, slot->uid,
					m->wanted.len > 0, m->arena, &msg);
	if (r == BOX_NONE)
		return true;
	if (r != BOX_OK)
		return unread(m, "a message", r);
	if (!wanted(m, &msg))
		return true;
	if (!body_sound(m, &msg) || !take_bytes(m, &msg))
		return false;
	buf_init(&words, 2 * BOX_KEYWORDS_MAX * (BOX_KEYWORD_MAX + 2));
	add_keywords(&words, keywords, slot->keywords);
	keeper_row(m->k,
		   "\"uid\":%u,\"at\":%llu,\"size\":%llu,\"date\":%llu,"
		   "\"flags\":%u,\"keywords\":[%.*s]",
		   slot->uid, (unsigned long long)m->bytes, (unsigned long long)msg.size,
		   (unsigned long long)msg.date, (unsigned)slot->flags,
		   SPAN_FMT(buf_span(&words)));
	buf_free(&words);
	m->bytes += msg.size;
	m->messages++;
	return true;
}

/* ---- mailboxes ---------------------------------------------------------- */

static void go_on(struct mail *m, uint32_t mailbox, uint32_t uid)
{
	m->full = true;
	keeper_row(m->k, "\"from\":\"%u:%u\"", mailbox, uid);
}

static bool take_mailbox(struct mail *m, uint32_t mailbox, uint32_t uid)
{
	struct box_slot slots[SLOTS_STEP];
	struct span keywords[BOX_KEYWORDS_MAX];
	size_t count = 0, words = 0;
	memset(keywords, 0, sizeof keywords);
	enum box_result r = box_keywords(m->box, KV_VISIBLE, mailbox,
					 m->k->arena, keywords, &words);
	while (r == BOX_OK && uid != 0) {
		uint32_t next = 0;
		r = box_slots(m->box, KV_VISIBLE, mailbox, uid, 0, slots,
			      SLOTS_STEP, &count, &next);
		for (size_t i = 0; r == BOX_OK && i < count; i++) {
			if (m->bytes >= RUN_BYTES ||
			    m->messages >= RUN_MESSAGES) {
				go_on(m, mailbox, slots[i].uid);
				return true;
			}
			if (!take(m, mailbox, &slots[i], keywords))
				return false;
		}
		uid = next;
	}
	return r == BOX_OK || unread(m, "a mailbox", r);
}

static bool take_entry(struct mail *m, const struct box_entry *e)
{
	struct buf hex;
	bool here = e->mailbox == m->from_mailbox;
	if (e->mailbox == 0 || (m->from_mailbox != 0 && !here) ||
	    (m->mailbox.len > 0 && !span_eq(m->mailbox, e->name)))
		return true;
	uint32_t uid = here ? m->from_uid : 1;
	m->from_mailbox = 0;
	buf_init(&hex, 2 * BOX_NAME_MAX + 1);
	hex_encode(&hex, e->name);
	keeper_row(m->k, "\"mailbox\":\"%.*s\",\"first\":%s",
		   SPAN_FMT(buf_span(&hex)), here ? "false" : "true");
	buf_free(&hex);
	return take_mailbox(m, e->mailbox, uid);
}

static bool take_all(struct mail *m)
{
	struct box_entry list[LIST_STEP];
	struct span after = SPAN("");
	size_t count = LIST_STEP;
	while (count == LIST_STEP && !m->full) {
		enum box_result r = box_list(m->box, KV_VISIBLE, m->k->arena,
					     after, list, LIST_STEP, &count);
		if (r != BOX_OK)
			return unread(m, "the list of mailboxes", r);
		for (size_t i = 0; i < count && !m->full; i++) {
			if (!take_entry(m, &list[i]))
				return false;
			after = list[i].name;
		}
	}
	return true;
}

/* ---- the account -------------------------------------------------------- */

static bool open_account(struct mail *m, struct span name)
{
	struct directory *d = NULL;
	enum directory_result r = directory_open(m->kv, &d);
	const struct directory_account *a =
		r == DIRECTORY_OK ? directory_account_named(d, name) : NULL;
	bool ok = a != NULL;
	if (ok && box_open(m->kv, a->id, &m->box) != BOX_OK)
		ok = unread(m, "the account", BOX_UNAVAILABLE);
	else if (r != DIRECTORY_OK)
		(void)keeper_fail(m->k, "the accounts in %s: %s", m->from,
				  directory_result_name(r));
	else if (!ok)
		(void)keeper_fail(m->k,
				  "there is no account %.*s in %s",
				  SPAN_FMT(name), m->from);
	directory_close(d);
	return ok;
}

static bool read_account(struct mail *m, struct span name)
{
	struct kv_rocksdb how = {
		.world = m->k->world,
		.dir = SPAN("."),
		.read_only = true,
		.checkpoint = keeper_argument(m->k, "live")};
	struct buf why;
	buf_init(&why, 4096);
	bool ok = file_enter(m->k->world, KEEPER_FOLDER) == OS_OK &&
		  kv_open_rocksdb(&how, &m->kv, &why) == KV_OK;
	if (!ok)
		(void)keeper_fail(m->k, "%s cannot be opened: %.*s", m->from,
				  SPAN_FMT(buf_span(&why)));
	buf_free(&why);
	ok = ok && open_account(m, name) && take_all(m);
	box_close(m->box);
	kv_close(m->kv);
	return ok;
}

/* "MAILBOX:UID", as go_on wrote it. */
static bool start_at(struct mail *m, struct span from)
{
	struct span mailbox;
	uint64_t box = 0, uid = 0;
	if (from.len == 0)
		return true;
	if (!span_cut(&from, ':', &mailbox) ||
	    !span_u64(mailbox, UINT32_MAX, &box) ||
	    !span_u64(from, UINT32_MAX, &uid))
		return keeper_fail(m->k, "from= is no place to go on from");
	m->from_mailbox = (uint32_t)box;
	m->from_uid = (uint32_t)uid;
	return true;
}

bool keeper_mail(struct keeper *k)
{
	struct mail m = {.k = k,
			 .backup = !keeper_argument(k, "live") &&
				   !keeper_argument(k, "still"),
			 .arena = arena_new(MESSAGE_MEMORY),
			 .mailbox = span_cstr(keeper_word(k, "mailbox=")),
			 .wanted = bare(span_cstr(keeper_word(k, "message=")))};
	bool ok = m.arena != NULL || keeper_fail(k, "memory is short");
	if (m.wanted.len == 0 && *keeper_word(k, "message=") != '\0')
		ok = keeper_fail(k, "that is no id of a message");
	m.from = m.backup ? "this backup" : "the store";
	ok = ok && (!m.backup || files_manifest(k, KEEPER_FOLDER, &m.files)) &&
	     start_at(&m, span_cstr(keeper_word(k, "from="))) &&
	     (m.from_mailbox != 0 || engine_sound(&m)) &&
	     read_account(&m, span_cstr(keeper_word(k, "account=")));
	manifest_free(&m.files);
	arena_free(m.arena);
	return ok;
}
