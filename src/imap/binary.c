/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/binary: BINARY and BINARY.SIZE (RFC 3516): a part with its transfer
 * encoding undone.
 *
 * A literal's size is told before its bytes, so a part is decoded twice, range
 * by range, and never held.  Must never send more or fewer bytes than it said.
 */
#include "base/check.h"
#include "base/transfer.h"
#include "imap/fetch.h"

struct decoding {
	struct imap_session *s;
	uint64_t mailbox;
	uint32_t uid;
	struct imap_range range;
	enum transfer_encoding encoding;
	uint64_t from, to;  /* of the decoded bytes, those that are sent */
	uint64_t done;	    /* decoded so far */
	bool nul, sending;
};

static void take(struct decoding *d, struct span bytes)
{
	uint64_t skip = d->from > d->done ? u64_min(d->from - d->done, bytes.len) : 0;
	uint64_t end = d->to > d->done ? u64_min(d->to - d->done, bytes.len) : 0;
	if (d->sending && end > skip)
		stream_write(d->s->stream, span_sub(bytes, (size_t)skip,
						    (size_t)(end - skip)));
	d->nul = d->nul || span_has(bytes, '\0');
	d->done += bytes.len;
}

/* All of the part, once.  False: it could not be read to its end. */
static bool pass(struct decoding *d)
{
	struct imap_host *host = d->s->host;
	struct transfer_decoder decoder;
	struct span bytes;
	struct buf out;
	bool good = true;
	buf_init(&out, IMAP_CHUNK_MAX + TRANSFER_QP_BLANKS + 4);
	transfer_decoder_init(&decoder, d->encoding);
	d->done = 0;
	for (uint64_t at = d->range.from; good && at < d->range.to; at += bytes.len) {
		size_t len = (size_t)u64_min(d->range.to - at, IMAP_CHUNK_MAX);
		good = host->body(host, d->mailbox, d->uid, at, len, &bytes) ==
			       IMAP_YES &&
		       bytes.len > 0 && d->s->stream->state == IO_OK;
		if (!good)
			break;
		buf_clear(&out);
		transfer_decode(&decoder, bytes, &out);
		good = buf_ok(&out);
		take(d, buf_span(&out));
	}
	buf_clear(&out);
	transfer_decode_end(&decoder, &out);
	take(d, buf_span(&out));
	good = good && buf_ok(&out);
	buf_free(&out);
	return good;
}

static enum imap_binary send(struct decoding *d, const struct imap_fetch_item *item)
{
	struct stream *out = d->s->stream;
	if (!pass(d))
		return IMAP_BINARY_DAMAGED;
	uint64_t size = d->done;
	if (item->item == IMAP_ITEM_BINARY_SIZE) {
		stream_printf(out, "%llu", (unsigned long long)size);
		return IMAP_BINARY_SENT;
	}
	d->from = item->partial ? u64_min(item->offset, size) : 0;
	d->to = item->partial ? u64_min(size, d->from + item->length) : size;
	/* RFC 3516 4.3: only a literal8 may hold NUL. */
	stream_printf(out, "%s{%llu}\r\n", d->nul ? "~" : "",
		      (unsigned long long)(d->to - d->from));
	d->sending = true;
	return pass(d) && d->done == size ? IMAP_BINARY_SENT : IMAP_BINARY_BROKEN;
}

enum imap_binary imap_binary_send(struct imap_session *s, uint64_t mailbox,
				  const struct imap_fetch_item *item,
				  const struct imap_row *row, const struct summary *summary)
{
	struct decoding d = {.s = s, .mailbox = mailbox, .uid = row->uid};
	const struct summary_part *part = NULL;
	d.range = imap_section_range(&item->section, row, summary);
	if (!d.range.exists) {
		stream_write(s->stream, item->item == IMAP_ITEM_BINARY ? SPAN("NIL")
								       : SPAN("0"));
		return IMAP_BINARY_SENT;
	}
	if (item->section.count > 0)
		part = summary_find(summary, item->section.numbers, item->section.count);
	/* The whole message, and parts with parts in them, have no encoding. */
	if (part != NULL && part->kind == SUMMARY_LEAF) {
		if (transfer_unknown(part->encoding))
			return IMAP_BINARY_UNKNOWN;
		d.encoding = transfer_encoding_of(part->encoding);
	}
	return send(&d, item);
}
