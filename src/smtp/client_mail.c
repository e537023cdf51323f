/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_mail: a transaction: the envelope in one group where the server
 * takes groups (RFC 2920), every recipient's fate.
 *
 * Must never write a parameter that was not announced or a byte that ends a
 * command early, nor send a message of which no recipient was accepted.
 */
#include "smtp/client_state.h"

#include "smtp/state.h"
#include "smtp/xtext.h"

/* The commands of a transaction, by number: RSET, MAIL, RCPT ..., DATA. */
struct group {
	struct smtp_client *c;
	struct smtp_transaction *t;
	uint32_t first, written, read, end; /* of the commands */
	bool refused; /* MAIL was */
	bool data;    /* 354 was said */
	uint32_t rcpts;
	uint16_t order[SMTP_CLIENT_RECIPIENTS_MAX]; /* recipient of each RCPT */
};

#define NR_RSET 0u
#define NR_MAIL 1u
#define NR_RCPT 2u /* the first */

bool smtp_fate_retry(enum smtp_fate f)
{
	return f == SMTP_FATE_LEFT || f == SMTP_FATE_TEMPORARY || f == SMTP_FATE_LOST ||
	       f == SMTP_FATE_UNKNOWN;
}

enum smtp_fate smtp_fate_of(enum smtp_client_result r, bool ended)
{
	switch (r) {
	case SMTP_CLIENT_OK:
		return SMTP_FATE_DELIVERED;
	case SMTP_CLIENT_LATER:
		return SMTP_FATE_TEMPORARY;
	case SMTP_CLIENT_REFUSED:
		return SMTP_FATE_PERMANENT;
	case SMTP_CLIENT_LOST:
	case SMTP_CLIENT_PROTOCOL:
	case SMTP_CLIENT_NOT_OFFERED:
	case SMTP_CLIENT_CLEAR:
	case SMTP_CLIENT_GAVE_UP:
		break;
	}
	return ended ? SMTP_FATE_UNKNOWN : SMTP_FATE_LOST;
}

static struct smtp_outcome outcome(struct smtp_client *c, struct smtp_outgoing *out,
				   enum smtp_fate fate)
{
	struct smtp_outcome o = {.fate = fate, .stage = c->stage};
	if (fate == SMTP_FATE_LOST || fate == SMTP_FATE_UNKNOWN)
		return o;
	o.code = c->answer.code;
	o.enhanced = c->answer.enhanced;
	if (!arena_copy(out->arena, smtp_answer_text(&c->answer), &o.text))
		o.text = (struct span){0};
	return o;
}

void smtp_settle(struct smtp_client *c, struct smtp_transaction *t, uint32_t i,
		 enum smtp_fate fate)
{
	ENSURE(i < t->count && t->turns[i] != SMTP_TURN_SETTLED);
	t->turns[i] = SMTP_TURN_SETTLED;
	t->out->to[i].outcome = outcome(c, t->out, fate);
}

void smtp_settle_rest(struct smtp_client *c, struct smtp_transaction *t, enum smtp_fate fate)
{
	bool made = false;
	struct smtp_outcome o = {0};
	for (uint32_t i = 0; i < t->count; i++) {
		if (t->turns[i] == SMTP_TURN_SETTLED)
			continue;
		if (!made)
			o = outcome(c, t->out, fate);
		made = true;
		t->turns[i] = SMTP_TURN_SETTLED;
		t->out->to[i].outcome = o;
	}
}

static void cannot(struct smtp_transaction *t, uint32_t i, enum smtp_cannot why)
{
	static const struct {
		enum smtp_fate fate;
		struct smtp_enhanced enhanced;
	} rows[] = {
		[SMTP_CANNOT_8BIT] = {SMTP_FATE_CONVERT, {5, 6, 3}},
		[SMTP_CANNOT_BINARY] = {SMTP_FATE_CONVERT, {5, 6, 3}},
		[SMTP_CANNOT_UTF8] = {SMTP_FATE_CONVERT, {5, 6, 9}},
		[SMTP_CANNOT_ADDRESS] = {SMTP_FATE_PERMANENT, {5, 6, 7}},
		[SMTP_CANNOT_REQUIRETLS] = {SMTP_FATE_PERMANENT, {5, 7, 30}},
		[SMTP_CANNOT_ENVELOPE] = {SMTP_FATE_PERMANENT, {5, 5, 4}},
		[SMTP_CANNOT_DELIVERBY] = {SMTP_FATE_PERMANENT, {5, 3, 3}},
		[SMTP_CANNOT_IN_TIME] = {SMTP_FATE_PERMANENT, {5, 4, 7}},
	};
	t->turns[i] = SMTP_TURN_SETTLED;
	t->out->to[i].outcome = (struct smtp_outcome){
		.fate = rows[why].fate,
		.stage = SMTP_STAGE_MAIL,
		.cannot = why,
		.enhanced = rows[why].enhanced,
	};
}

/* What this server cannot carry, whoever the recipient is. */
static enum smtp_cannot lacking(const struct smtp_client *c, const struct smtp_outgoing *out)
{
	const struct smtp_mail *m = &out->mail;
	if ((m->by_mode & SMTP_BY_RETURN) != 0 && !c->set->lmtp) {
		if (out->by_left <= 0)
			return SMTP_CANNOT_IN_TIME;
		if (!smtp_offers(c, SMTP_OFFER_DELIVERBY))
			return SMTP_CANNOT_DELIVERBY;
		if (out->by_left < (int64_t)c->offer.by_least)
			return SMTP_CANNOT_IN_TIME;
	}
	if (out->requiretls && !(c->secure && smtp_offers(c, SMTP_OFFER_REQUIRETLS)))
		return SMTP_CANNOT_REQUIRETLS;
	if (m->from.utf8 && !smtp_offers(c, SMTP_OFFER_SMTPUTF8))
		return SMTP_CANNOT_ADDRESS;
	if (m->utf8 && !smtp_offers(c, SMTP_OFFER_SMTPUTF8))
		return SMTP_CANNOT_UTF8;
	if (m->body == SMTP_BODY_8BITMIME && !smtp_offers(c, SMTP_OFFER_8BITMIME))
		return SMTP_CANNOT_8BIT;
	if (m->body == SMTP_BODY_BINARYMIME &&
	    !smtp_offers(c, SMTP_OFFER_CHUNKING | SMTP_OFFER_BINARYMIME))
		return SMTP_CANNOT_BINARY;
	return SMTP_CAN;
}

/* SMTPUTF8 is said when anything of it is there (RFC 6531 3.4). */
static bool wants_utf8(const struct smtp_transaction *t)
{
	bool utf8 = t->out->mail.utf8 || t->out->mail.from.utf8;
	for (uint32_t i = 0; i < t->count; i++)
		utf8 = utf8 || t->out->to[i].rcpt.to.utf8;
	return utf8;
}

static void write_by(const struct smtp_outgoing *out, struct buf *b)
{
	int64_t left = out->by_left;
	if (left > SMTP_BY_MOST || left < -SMTP_BY_MOST)
		left = left < 0 ? -SMTP_BY_MOST : SMTP_BY_MOST;
	buf_printf(b, " BY=%lld;%c%s", (long long)left,
		   (out->mail.by_mode & SMTP_BY_RETURN) != 0 ? 'R' : 'N',
		   (out->mail.by_mode & SMTP_BY_TRACE) != 0 ? "T" : "");
}

static void write_mail(const struct smtp_client *c, const struct smtp_transaction *t,
		       struct buf *b)
{
	static const char *const bodies[] = {
		[SMTP_BODY_7BIT] = "7BIT",
		[SMTP_BODY_8BITMIME] = "8BITMIME",
		[SMTP_BODY_BINARYMIME] = "BINARYMIME",
	};
	const struct smtp_mail *m = &t->out->mail;
	buf_add(b, SPAN("MAIL FROM:<"));
	smtp_path_write(&m->from, b);
	buf_addc(b, '>');
	if (m->has_size && smtp_offers(c, SMTP_OFFER_SIZE))
		buf_printf(b, " SIZE=%llu", (unsigned long long)m->size);
	if (m->body != SMTP_BODY_7BIT)
		buf_printf(b, " BODY=%s", bodies[m->body]);
	if (wants_utf8(t) && smtp_offers(c, SMTP_OFFER_SMTPUTF8))
		buf_add(b, SPAN(" SMTPUTF8"));
	if (t->out->requiretls)
		buf_add(b, SPAN(" REQUIRETLS"));
	if (m->by_mode != 0 && !c->set->lmtp && smtp_offers(c, SMTP_OFFER_DELIVERBY))
		write_by(t->out, b);
	if (m->priority != 0 && smtp_offers(c, SMTP_OFFER_PRIORITY))
		buf_printf(b, " MT-PRIORITY=%d", m->priority);
	if (!smtp_offers(c, SMTP_OFFER_DSN))
		return;
	if (m->ret != SMTP_RET_NONE)
		buf_printf(b, " RET=%s", m->ret == SMTP_RET_FULL ? "FULL" : "HDRS");
	if (m->envid.len > 0)
		buf_printf(b, " ENVID=%.*s", SPAN_FMT(m->envid));
}

static void write_notify(uint32_t notify, struct buf *b)
{
	static const struct {
		uint32_t bit;
		const char *word;
	} words[] = {
		{SMTP_NOTIFY_NEVER, "NEVER"},
		{SMTP_NOTIFY_SUCCESS, "SUCCESS"},
		{SMTP_NOTIFY_FAILURE, "FAILURE"},
		{SMTP_NOTIFY_DELAY, "DELAY"},
	};
	const char *before = " NOTIFY=";
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if ((notify & words[i].bit) == 0)
			continue;
		buf_printf(b, "%s%s", before, words[i].word);
		before = ",";
	}
}

static void write_rcpt(const struct smtp_client *c, const struct smtp_rcpt *r, struct buf *b)
{
	buf_add(b, SPAN("RCPT TO:<"));
	smtp_path_write(&r->to, b);
	buf_addc(b, '>');
	if (!smtp_offers(c, SMTP_OFFER_DSN))
		return;
	write_notify(r->notify, b);
	if (r->orcpt.len > 0)
		buf_printf(b, " ORCPT=%.*s", SPAN_FMT(r->orcpt));
}

/* A command that is one line, whatever the envelope was made of. */
static bool one_line(const struct buf *b)
{
	struct span s = buf_span(b);
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return false;
	return true;
}

/* Values that are as they should be fit SMTP_CLIENT_COMMAND_MAX: what fails
 * then is memory, and no verdict on the envelope. */
static bool mail_ok(const struct smtp_client *c, const struct smtp_transaction *t, bool *memory)
{
	struct span envid = t->out->mail.envid;
	if (envid.len > SMTP_ENVID_MAX || !smtp_xtext_ok(envid))
		return false;
	struct buf b;
	buf_init(&b, SMTP_CLIENT_COMMAND_MAX);
	write_mail(c, t, &b);
	*memory = *memory && buf_ok(&b);
	bool ok = one_line(&b);
	buf_free(&b);
	return ok;
}

static bool orcpt_ok(struct span orcpt)
{
	struct span type;
	if (orcpt.len == 0)
		return true;
	return orcpt.len <= SMTP_ORCPT_MAX && span_cut(&orcpt, ';', &type) &&
	       smtp_xtext_ok(type) && smtp_xtext_ok(orcpt);
}

static bool rcpt_ok(const struct smtp_client *c, const struct smtp_rcpt *r, bool *memory)
{
	if (r->to.null || r->to.local_len == 0 || !orcpt_ok(r->orcpt))
		return false;
	struct buf b;
	buf_init(&b, SMTP_CLIENT_COMMAND_MAX);
	write_rcpt(c, r, &b);
	*memory = *memory && buf_ok(&b);
	bool ok = one_line(&b);
	buf_free(&b);
	return ok;
}

/* Settle what cannot be sent, and line up the others. */
static void judge(struct group *g)
{
	struct smtp_client *c = g->c;
	struct smtp_transaction *t = g->t;
	enum smtp_cannot all = lacking(c, t->out);
	bool memory = true;
	if (all == SMTP_CAN && !mail_ok(c, t, &memory))
		all = SMTP_CANNOT_ENVELOPE;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct smtp_rcpt *r = &t->out->to[i].rcpt;
		if (all != SMTP_CAN)
			cannot(t, i, all);
		else if (r->to.utf8 && !smtp_offers(c, SMTP_OFFER_SMTPUTF8))
			cannot(t, i, SMTP_CANNOT_ADDRESS);
		else if (!rcpt_ok(c, r, &memory))
			cannot(t, i, SMTP_CANNOT_ENVELOPE);
		else
			g->order[g->rcpts++] = (uint16_t)i;
	}
	if (!memory) {
		smtp_client_end(c, SMTP_CLIENT_GAVE_UP);
		g->rcpts = 0; /* they are LEFT */
	}
}

static void write_command(struct group *g)
{
	struct smtp_client *c = g->c;
	uint32_t nr = g->written++;
	struct buf b;
	if (nr == NR_RSET) {
		stream_write(c->stream, SPAN("RSET\r\n"));
		return;
	}
	if (nr == NR_RCPT + g->rcpts) {
		stream_write(c->stream, SPAN("DATA\r\n"));
		return;
	}
	buf_init(&b, SMTP_CLIENT_COMMAND_MAX);
	if (nr == NR_MAIL) {
		write_mail(c, g->t, &b);
		c->dirty = true;
		c->mails++;
	} else {
		write_rcpt(c, &g->t->out->to[g->order[nr - NR_RCPT]].rcpt, &b);
	}
	ENSURE(one_line(&b)); /* as judged */
	buf_add(&b, SPAN("\r\n"));
	if (buf_ok(&b))
		stream_write(c->stream, buf_span(&b));
	else
		smtp_client_end(c, SMTP_CLIENT_GAVE_UP);
	buf_free(&b);
}

/*
 * Too many recipients is no verdict on one of them (RFC 5321 4.5.3.1.10); a
 * full mailbox (5.2.2), which some say with 552 too, is.
 */
static enum smtp_fate rcpt_fate(const struct smtp_answer *a, enum smtp_client_result r)
{
	if (a->code == 552 && (a->enhanced.klass == 0 ||
			       (a->enhanced.subject == 5 && a->enhanced.detail == 3)))
		return SMTP_FATE_TEMPORARY;
	return smtp_fate_of(r, false);
}

static void read_rcpt(struct group *g, uint32_t i)
{
	struct smtp_client *c = g->c;
	enum smtp_client_result r = smtp_client_done(
		c, smtp_client_listen(c, SMTP_STAGE_RCPT, SMTP_CLIENT_RCPT_SECONDS, NULL, NULL));
	/* The end of the session settles all at once, a refused sender has. */
	if (c->over || g->refused)
		return;
	if (r == SMTP_CLIENT_OK) {
		g->t->turns[i] = SMTP_TURN_ACCEPTED;
		g->t->accepted++;
	} else {
		smtp_settle(c, g->t, i, rcpt_fate(&c->answer, r));
	}
}

static void read_mail(struct group *g)
{
	struct smtp_client *c = g->c;
	enum smtp_client_result r = smtp_client_done(
		c, smtp_client_listen(c, SMTP_STAGE_MAIL, SMTP_CLIENT_MAIL_SECONDS, NULL, NULL));
	if (r == SMTP_CLIENT_OK || c->over)
		return;
	smtp_settle_rest(c, g->t, smtp_fate_of(r, false));
	g->refused = true;
	g->end = g->written;
}

/* Without RSET the old recipients might get the new message. */
static void read_rset(struct group *g)
{
	struct smtp_client *c = g->c;
	enum smtp_client_result r = smtp_client_done(
		c, smtp_client_listen(c, SMTP_STAGE_RSET, SMTP_CLIENT_RSET_SECONDS, NULL, NULL));
	if (r != SMTP_CLIENT_OK)
		c->over = true;
}

static void read_data(struct group *g)
{
	struct smtp_client *c = g->c;
	enum smtp_client_result r =
		smtp_client_listen(c, SMTP_STAGE_DATA, SMTP_CLIENT_DATA_SECONDS, NULL, NULL);
	if (c->over)
		return;
	if (r != SMTP_CLIENT_OK)
		smtp_settle_rest(c, g->t, smtp_fate_of(r, false));
	else if (c->answer.code == 354)
		g->data = true;
	else
		smtp_client_end(c, SMTP_CLIENT_PROTOCOL);
}

static void read_reply(struct group *g)
{
	uint32_t nr = g->read++;
	if (nr == NR_RSET)
		read_rset(g);
	else if (nr == NR_MAIL)
		read_mail(g);
	else if (nr < NR_RCPT + g->rcpts)
		read_rcpt(g, g->order[nr - NR_RCPT]);
	else
		read_data(g);
}

/* How many commands may be under way. */
static uint32_t window(const struct group *g)
{
	const struct smtp_mail *m = &g->t->out->mail;
	const struct smtp_offer *o = &g->c->offer;
	bool too_big = m->has_size && o->size != 0 && m->size > o->size;
	if (!smtp_offers(g->c, SMTP_OFFER_PIPELINING) || (too_big && g->read <= NR_MAIL))
		return 1;
	return SMTP_CLIENT_WINDOW;
}

/* Write what may be under way; false when nothing may be said any more. */
static bool write_some(struct group *g)
{
	while (g->written < g->end && g->written - g->read < window(g)) {
		bool alone = g->written == g->read;
		if (alone && !smtp_client_quiet(g->c, g->c->stage))
			return false;
		/* All replies are here, and nobody wants the message. */
		if (alone && g->written == NR_RCPT + g->rcpts && g->t->accepted == 0)
			g->end = g->written;
		else
			write_command(g);
		if (g->c->over)
			return false;
	}
	return true;
}

static void run_group(struct group *g)
{
	while (g->read < g->end && !g->c->over)
		if (write_some(g) && g->read < g->end)
			read_reply(g);
}

/* The session ended before the message was begun. */
static void settle_over(struct group *g)
{
	struct smtp_client *c = g->c;
	if (g->written == g->first || (c->stage == SMTP_STAGE_RSET && c->answer.code != 0))
		return; /* nothing was tried: they are LEFT */
	smtp_settle_rest(c, g->t, c->answer.code == 421 ? SMTP_FATE_TEMPORARY : SMTP_FATE_LOST);
}

/* 354, and no recipient: an empty message to nobody (RFC 2920 3.1). */
static void end_for_nobody(struct smtp_client *c)
{
	if (c->set->lmtp || !smtp_client_quiet(c, SMTP_STAGE_END)) {
		/* LMTP has no reply to that, and no 354 (RFC 2033 4.2). */
		c->over = true;
		return;
	}
	stream_write(c->stream, SMTP_DOTS_END);
	/* Whatever is said to that changes nothing; not to be SMTP ends it. */
	enum smtp_client_result r = smtp_client_listen(c, SMTP_STAGE_END,
						       SMTP_CLIENT_END_SECONDS, NULL, NULL);
	c->dirty = smtp_client_done(c, r) == SMTP_CLIENT_PROTOCOL;
}

static void transact(struct smtp_client *c, struct smtp_transaction *t)
{
	bool chunks = t->out->mail.body == SMTP_BODY_BINARYMIME;
	struct group g = {.c = c, .t = t};
	judge(&g);
	if (g.rcpts == 0)
		return;
	g.first = g.read = g.written = c->dirty ? NR_RSET : NR_MAIL;
	g.end = NR_RCPT + g.rcpts + (chunks ? 0 : 1);
	run_group(&g);
	if (c->over)
		settle_over(&g);
	else if (g.data && t->accepted == 0)
		end_for_nobody(c);
	else if (g.data)
		smtp_client_send_data(c, t);
	else if (chunks && t->accepted > 0)
		smtp_client_send_chunks(c, t);
}

void smtp_client_deliver(struct smtp_client *c, struct smtp_outgoing *out)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	uint32_t room = smtp_client_room(c);
	struct smtp_transaction t = {
		.out = out,
		.count = room < out->count ? room : out->count,
	};
	for (uint32_t i = 0; i < out->count; i++)
		out->to[i].outcome = (struct smtp_outcome){.fate = SMTP_FATE_LEFT};
	out->sent = out->mended_end = false;
	out->mended_cr = out->mended_lf = out->nul = 0;
	if (t.count > 0)
		transact(c, &t);
}
