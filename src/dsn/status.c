/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/status: actions and status codes, and what they mean to a person.
 *
 * The table goes by subject and detail; the class only tells whether a new
 * attempt can help.  Must never say more than the code does: a reply's own
 * words stand beside these.
 */
#include "dsn/dsn.h"

#include "base/ensure.h"

static const char *const actions[DSN_ACTIONS] = {
	[DSN_FAILED] = "failed",     [DSN_DELAYED] = "delayed",
	[DSN_RELAYED] = "relayed",   [DSN_EXPANDED] = "expanded",
	[DSN_DELIVERED] = "delivered",
};

const char *dsn_action_name(enum dsn_action a)
{
	ENSURE((size_t)a < DSN_ACTIONS);
	return actions[a];
}

bool dsn_action_parse(struct span s, enum dsn_action *out)
{
	for (size_t i = 0; i < DSN_ACTIONS; i++)
		if (span_eq_nocase(s, span_cstr(actions[i]))) {
			*out = (enum dsn_action)i;
			return true;
		}
	return false;
}

static bool number(struct span s, uint16_t *out)
{
	uint64_t v;
	if (s.len > 3 || !span_u64(s, 999, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

bool dsn_status_parse(struct span s, struct dsn_status *out)
{
	struct span kind, subject;
	struct dsn_status v;
	uint16_t k;
	if (!span_cut(&s, '.', &kind) || !span_cut(&s, '.', &subject) || !number(kind, &k) ||
	    kind.len != 1 || (k != 2 && k != 4 && k != 5) || !number(subject, &v.subject) ||
	    !number(s, &v.detail))
		return false;
	v.kind = (uint8_t)k;
	*out = v;
	return true;
}

void dsn_status_write(struct dsn_status s, struct buf *out)
{
	buf_printf(out, "%u.%u.%u", s.kind, s.subject, s.detail);
}

#define TYPING "Check the address for typing errors, or ask the recipient for the right one."
#define SIZE   "Send a smaller message, or give the recipient a link to its large parts."
#define ASK    "Ask the recipient, by another way, to tell his mail administrator."
#define AGAIN  "Send the message again later."
#define OURS   "Tell the postmaster of this server; the address stands at the end of this text."

/* detail ANY: every other one of this subject. */
#define ANY UINT16_MAX

static const struct {
	uint16_t subject, detail;
	struct dsn_words words;
} rows[] = {
	{1, 0, {"There is something wrong with the address.", TYPING}},
	{1, 1, {"There is no such mailbox at the recipient's server.", TYPING}},
	{1, 2, {"The part of the address after the @ is no domain that takes mail.", TYPING}},
	{1, 3, {"The address is not written as an address has to be.", TYPING}},
	{1, 6, {"The mailbox has moved and left no new address.", TYPING}},
	{1, 7, {"The server did not accept your address as a sender.",
		"Check the sender's address in the settings of your mail program."}},
	{1, 8, {"The server did not accept your address as a sender.",
		"Check the sender's address in the settings of your mail program."}},
	{1, 10, {"The recipient's domain says that it takes no mail.", TYPING}},
	{1, ANY, {"There is something wrong with the address.", TYPING}},
	{2, 1, {"The mailbox is disabled and takes no messages.", ASK}},
	{2, 2, {"The recipient's mailbox is full.",
		"Send the message again when the recipient has made room."}},
	{2, 3, {"The message is larger than this mailbox takes.", SIZE}},
	{2, 4, {"The list behind the address could not be expanded.", ASK}},
	{2, ANY, {"The recipient's mailbox could not take the message.", ASK}},
	{3, 1, {"The recipient's server has no space left.", AGAIN}},
	{3, 4, {"The message is larger than the recipient's server takes.", SIZE}},
	{3, ANY, {"The recipient's server is not able to take the message.", ASK}},
	{4, 1, {"The recipient's server does not answer.", ASK}},
	{4, 2, {"The connection to the recipient's server broke again and again.", ASK}},
	{4, 4, {"No way to the recipient's server could be found.", TYPING}},
	{4, 6, {"The message went round in a circle between servers.", ASK}},
	{4, 7, {"The message could not be handed over in the time that is set for it.", ASK}},
	{4, ANY, {"The recipient's server could not be reached over the network.", ASK}},
	{5, 3, {"The message has too many recipients for the server.",
		"Send the message to fewer recipients at a time."}},
	{5, ANY, {"The servers did not understand each other.", OURS}},
	{6, 7, {"The recipient's server does not take addresses beyond plain English letters.",
		"Ask the recipient for an address without them."}},
	{6, ANY, {"The recipient's server cannot take a message of this form.",
		"Send the message again as plain text."}},
	{7, 1, {"The recipient's server refused the message by its rules.", ASK}},
	{7, 2, {"You are not allowed to send to this list.", ASK}},
	{7, 10, {"No encryption could be agreed on that the message or a rule asks for.", ASK}},
	{7, 20, {"The signature of the message was not accepted.", OURS}},
	{7, 23, {"The server says that we may not send for your domain.", OURS}},
	{7, 25, {"The server does not trust the network name of this server.", OURS}},
	{7, 26, {"The server found no proof that the message is yours.", OURS}},
	{7, 30, {"No encryption could be agreed on that the message or a rule asks for.", ASK}},
	{7, ANY, {"The recipient's server refused the message for reasons of security.", ASK}},
};

struct dsn_words dsn_status_words(struct dsn_status s)
{
	if (s.kind == 2)
		return (struct dsn_words){"All went well.", "There is nothing to do."};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].subject == s.subject &&
		    (rows[i].detail == s.detail || rows[i].detail == ANY))
			return rows[i].words;
	return (struct dsn_words){"The server gave no reason that we know.", ASK};
}
