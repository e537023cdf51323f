/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_body: the message by DATA or BDAT, and what is said after it.
 *
 * Must never write an end of data but after the last byte of the source, nor
 * call anybody's message delivered or refused whose reply did not come.
 */
#include "smtp/client_state.h"

static void put(void *owner, struct span b)
{
	struct smtp_client *c = owner;
	stream_write(c->stream, b);
}

/* The session is over and the data has not ended. */
static void lost(struct smtp_client *c, struct smtp_transaction *t)
{
	smtp_settle_rest(c, t, c->answer.code == 421 ? SMTP_FATE_TEMPORARY : SMTP_FATE_LOST);
}

static void give_up(struct smtp_client *c, struct smtp_transaction *t,
		    enum smtp_client_result why)
{
	c->stage = SMTP_STAGE_BODY;
	c->answer = (struct smtp_answer){0};
	smtp_client_end(c, why);
	lost(c, t);
}

/* The next piece; END also when the transaction was given up (c->over). */
static enum smtp_pull pull(struct smtp_client *c, struct smtp_transaction *t, struct span *b)
{
	struct smtp_source *source = t->out->source;
	enum smtp_pull p = source->pull(source, b);
	if (p == SMTP_PULL_FAILED)
		give_up(c, t, SMTP_CLIENT_GAVE_UP);
	if (p != SMTP_PULL_BYTES)
		return p;
	ENSURE(b->len > 0 && b->len <= SMTP_CLIENT_PIECE_MAX);
	stream_deadline(c->stream, SMTP_CLIENT_BLOCK_SECONDS);
	return p;
}

static enum smtp_client_result listen_end(struct smtp_client *c)
{
	return smtp_client_done(c, smtp_client_listen(c, SMTP_STAGE_END, SMTP_CLIENT_END_SECONDS,
						      NULL, NULL));
}

/* The end of the data is written: from here on silence is ambiguous. */
static void hear_end(struct smtp_client *c, struct smtp_transaction *t)
{
	t->out->sent = true;
	c->dirty = false;
	if (!c->set->lmtp) {
		smtp_settle_rest(c, t, smtp_fate_of(listen_end(c), true));
		return;
	}
	for (uint32_t i = 0; i < t->count && !c->over; i++)
		if (t->turns[i] == SMTP_TURN_ACCEPTED)
			smtp_settle(c, t, i, smtp_fate_of(listen_end(c), true));
	smtp_settle_rest(c, t, SMTP_FATE_UNKNOWN);
}

/* False: given up. */
static bool send_lines(struct smtp_client *c, struct smtp_transaction *t, struct smtp_dots *d)
{
	struct span b;
	enum smtp_pull p;
	while ((p = pull(c, t, &b)) == SMTP_PULL_BYTES) {
		smtp_dots_add(d, b, put, c);
		if (smtp_client_io(c) != IO_OK) {
			give_up(c, t, SMTP_CLIENT_LOST);
			return false;
		}
	}
	return p == SMTP_PULL_END;
}

void smtp_client_send_data(struct smtp_client *c, struct smtp_transaction *t)
{
	struct smtp_dots d = {0};
	if (!smtp_client_quiet(c, SMTP_STAGE_BODY)) {
		lost(c, t);
		return;
	}
	bool whole = send_lines(c, t, &d);
	if (whole)
		smtp_dots_close(&d, put, c);
	t->out->mended_cr = d.bare_cr;
	t->out->mended_lf = d.bare_lf;
	t->out->mended_end = d.unended;
	t->out->nul = d.nul;
	if (!whole)
		return;
	if (smtp_client_io(c) != IO_OK) {
		give_up(c, t, SMTP_CLIENT_LOST);
		return;
	}
	stream_write(c->stream, SMTP_DOTS_END);
	hear_end(c, t);
}

/*
 * Read the replies to chunks until at most `leave` are due.  False when a
 * chunk was refused: all are settled, and all that is due was read.
 */
static bool hear_chunks(struct smtp_client *c, struct smtp_transaction *t, uint32_t *due,
			uint32_t leave)
{
	bool ok = true;
	while (!c->over && *due > (ok ? leave : 0)) {
		enum smtp_client_result r = smtp_client_done(
			c, smtp_client_listen(c, SMTP_STAGE_DATA, SMTP_CLIENT_END_SECONDS, NULL,
					      NULL));
		--*due;
		if (r == SMTP_CLIENT_OK || c->over)
			continue;
		if (ok)
			smtp_settle_rest(c, t, smtp_fate_of(r, false));
		ok = false;
	}
	if (c->over)
		lost(c, t);
	return ok && !c->over;
}

/* Nothing may have come that was not due. */
static bool may_speak(struct smtp_client *c, struct smtp_transaction *t, uint32_t due)
{
	if (due > 0 || smtp_client_quiet(c, SMTP_STAGE_BODY))
		return true;
	lost(c, t);
	return false;
}

void smtp_client_send_chunks(struct smtp_client *c, struct smtp_transaction *t)
{
	uint32_t due = 0;
	uint32_t most = smtp_offers(c, SMTP_OFFER_PIPELINING) ? SMTP_CLIENT_CHUNKS : 1;
	struct span b;
	enum smtp_pull p;
	while ((p = pull(c, t, &b)) == SMTP_PULL_BYTES) {
		if (!hear_chunks(c, t, &due, most - 1) || !may_speak(c, t, due))
			return;
		stream_printf(c->stream, "BDAT %zu\r\n", b.len);
		stream_write(c->stream, b);
		due++;
		if (smtp_client_io(c) != IO_OK) {
			give_up(c, t, SMTP_CLIENT_LOST);
			return;
		}
	}
	if (p != SMTP_PULL_END || !hear_chunks(c, t, &due, 0) || !may_speak(c, t, 0))
		return;
	/* The source says only afterwards that a piece was its last. */
	stream_write(c->stream, SPAN("BDAT 0 LAST\r\n"));
	hear_end(c, t);
}
