/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/reply - every reply of the server in one table: code, enhanced code
 * (RFC 3463, RFC 5248), words.
 *
 * The words say what is wrong and, where there is one, the next step.  A reply
 * with a text of the host keeps its codes and takes other words.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

/* name, code, enhanced code ("" for none), words */
#define SMTP_REPLIES(X)                                                        \
	X(BYE, 221, "2.0.0", "Closing connection")                             \
	X(AUTH_OK, 235, "2.7.0", "Authentication successful")                  \
	X(OK, 250, "2.0.0", "OK")                                              \
	X(SENDER_OK, 250, "2.1.0", "Sender OK")                                \
	X(RCPT_OK, 250, "2.1.5", "Recipient OK")                               \
	X(KEPT, 250, "2.0.0", "Message kept")                                  \
	X(CHUNK_OK, 250, "2.0.0", "Chunk received")                            \
	X(VRFY, 252, "2.0.0", "Cannot verify; send mail and see")              \
	X(START_TLS, 220, "2.0.0", "Ready to start TLS")                       \
	X(HELP, 214, "2.0.0",                                                  \
	  "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT") \
	X(START_DATA, 354, "", "Start mail input; end with <CRLF>.<CRLF>")     \
	X(SHUTDOWN, 421, "4.3.2", "Service is shutting down; try again later") \
	X(TIMEOUT, 421, "4.4.2", "Waited too long for a command; closing")     \
	X(NO_SESSION, 421, "4.3.2", "Too busy for new sessions; try again later") \
	X(FLOOD, 421, "4.7.0", "Too many bad commands; closing")               \
	X(IDLE_FLOOD, 421, "4.7.0", "Too many commands without mail; closing") \
	X(AUTH_FLOOD, 421, "4.7.0", "Too many failed logins; closing")         \
	X(HELLO_LATER, 451, "4.7.1", "Try again later")                        \
	X(LATER, 451, "4.3.0", "Could not do this now; try again later")       \
	X(BUSY, 451, "4.3.2", "Too busy for a message; try again later")       \
	X(NO_SPACE, 452, "4.3.1", "No space for this message; try again later") \
	X(OVER_QUOTA, 452, "4.2.2", "Mailbox is full; try again later")        \
	X(TOO_MANY_RCPT, 452, "4.5.3", "Too many recipients; send another message to the rest") \
	X(AUTH_UNAVAILABLE, 454, "4.7.0", "Login cannot be checked now; try again later") \
	X(AUTH_THROTTLED, 454, "4.7.0", "Too many failed logins; wait and try again") \
	X(TLS_UNAVAILABLE, 454, "4.7.0", "TLS is not available now")           \
	X(UNKNOWN, 500, "5.5.1", "Unknown command; see HELP")                  \
	X(BAD_BYTES, 500, "5.5.2", "Commands are printable text ended by CRLF") \
	X(LINE_LONG, 500, "5.5.6", "Line is too long")                         \
	X(BAD_SYNTAX, 501, "5.5.2", "Syntax error")                            \
	X(NO_ARGUMENT, 501, "5.5.4", "This command takes no argument")         \
	X(BAD_PARAM, 501, "5.5.4", "Syntax error in a parameter")              \
	X(HOLD_LONG, 501, "5.5.4", "A message is not held that long; see EHLO") \
	X(BAD_HELLO, 501, "5.5.4", "Give a host name or an address literal")   \
	X(BAD_SENDER, 501, "5.1.7", "Syntax: MAIL FROM:<address>")             \
	X(BAD_RCPT, 501, "5.1.3", "Syntax: RCPT TO:<address>")                 \
	X(BAD_BDAT, 501, "5.5.4", "Syntax: BDAT size [LAST]; closing, as the data cannot be told from commands") \
	X(BAD_BASE64, 501, "5.5.2", "Not base64")                              \
	X(AUTH_MALFORMED, 501, "5.5.2", "Not a message of this mechanism")     \
	X(AUTH_CANCELLED, 501, "5.7.0", "Authentication cancelled")            \
	X(NOT_HERE, 502, "5.5.1", "Command not supported")                     \
	X(SEQUENCE, 503, "5.5.1", "Bad sequence of commands")                  \
	X(HELLO_FIRST, 503, "5.5.1", "Send EHLO first")                        \
	X(MAIL_FIRST, 503, "5.5.1", "Send MAIL first")                         \
	X(RCPT_FIRST, 503, "5.5.1", "Need a valid recipient first")            \
	X(NESTED_MAIL, 503, "5.5.1", "A transaction is open; send RSET first") \
	X(MIXED_DATA, 503, "5.5.1", "BDAT and DATA cannot be mixed in a transaction") \
	X(BINARY_DATA, 503, "5.5.1", "BODY=BINARYMIME needs BDAT")             \
	X(BROKEN_BDAT, 503, "5.5.1", "A chunk was refused; send RSET first")   \
	X(TLS_TWICE, 503, "5.5.1", "TLS is on already")                        \
	X(AUTH_TWICE, 503, "5.5.1", "Already authenticated")                   \
	X(AUTH_IN_MAIL, 503, "5.5.1", "Not during a mail transaction")         \
	X(USE_LHLO, 503, "5.5.1", "This is LMTP; send LHLO")                   \
	X(AUTH_UNKNOWN, 504, "5.5.4", "Unknown mechanism; see EHLO")           \
	X(TLS_FIRST, 530, "5.7.0", "Must issue a STARTTLS command first")      \
	X(AUTH_FIRST, 530, "5.7.0", "Authentication required")                 \
	X(AUTH_FAILED, 535, "5.7.8", "Authentication failed")                  \
	X(CLEAR_AUTH, 538, "5.7.11", "Encryption is required for authentication") \
	X(HELLO_REFUSED, 550, "5.7.1", "Not accepted from this name")          \
	X(REFUSED, 550, "5.7.1", "Refused by policy")                          \
	X(NO_MAILBOX, 550, "5.1.1", "No such mailbox here")                    \
	X(NO_RELAY, 550, "5.7.1", "Relaying refused; this is not a domain of ours") \
	X(DISABLED, 550, "5.2.1", "Mailbox is disabled")                       \
	X(BAD_FRAMING, 550, "5.6.0", "Message holds a bare CR, a bare LF or a NUL; lines end with CRLF") \
	X(MAILBOX_FULL, 552, "5.2.2", "Mailbox is full")                       \
	X(TOO_BIG, 552, "5.3.4", "Message is too big")                         \
	X(NOT_OWN, 553, "5.7.1", "This login may not send from that address")  \
	X(NEED_UTF8, 553, "5.6.7", "Address is not ASCII; say SMTPUTF8 with MAIL") \
	X(SOURCE_ROUTE, 553, "5.1.3", "Source routes are not taken; give the mailbox alone") \
	X(NO_DOMAIN, 553, "5.1.3", "Address needs a domain")                   \
	X(ADDRESS_LONG, 553, "5.1.3", "Address is too long")                   \
	X(EARLY_TALKER, 554, "5.5.0", "Wait for the reply before you talk")    \
	X(NOT_SMTP, 554, "5.5.0", "This is a mail server; closing")            \
	X(LOOP, 554, "5.4.6", "Mail loop")                                     \
	X(NO_VALID_RCPT, 554, "5.5.1", "No valid recipients")                  \
	X(UNKNOWN_PARAM, 555, "5.5.4", "Unknown parameter")

enum smtp_reply {
	SMTP_R_NONE,
#define X(name, code, enhanced, words) SMTP_R_##name,
	SMTP_REPLIES(X)
#undef X
	SMTP_REPLY_COUNT
};

struct smtp_reply_row {
	uint16_t code;
	const char *enhanced; /* "" for none */
	const char *words;
};

const struct smtp_reply_row *smtp_reply_row(enum smtp_reply);

/*
 * A host's text as one line of printable ASCII: other bytes become '?', line
 * ends and tabs blanks, and all past SMTP_REPLY_TEXT_MAX is left out.
 */
void smtp_reply_clean(struct span text, struct buf *out);
