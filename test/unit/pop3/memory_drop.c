/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/pop3/memory_drop: see memory_drop.h. */
#include "memory_drop.h"

#include "base/ensure.h"

static struct drop_host *drop(struct pop3_host *h)
{
	return CONTAINER_OF(h, struct drop_host, host);
}

static uint32_t uid_of(const struct drop_host *d, size_t i)
{
	return (uint32_t)(d->dense ? 1 + i : 10 + 2 * i);
}

static size_t index_of(const struct drop_host *d, uint32_t uid)
{
	size_t i = d->dense ? uid - 1 : (uid - 10) / 2;
	ENSURE(i < d->count && uid_of(d, i) == uid);
	return i;
}

static enum pop3_answer login(struct pop3_host *h, struct span user, struct span password)
{
	drop(h)->logins++;
	return span_eq(user, SPAN("fred")) && span_eq(password, SPAN("sec ret"))
		       ? POP3_YES : POP3_DENIED;
}

static bool auth_begin(struct pop3_host *h UNUSED, struct span mechanism)
{
	return span_eq_nocase(mechanism, SPAN("PLAIN"));
}

static enum pop3_auth auth_step(struct pop3_host *h, bool first, struct span in,
				struct arena *a UNUSED, struct span *out)
{
	*out = span_of("", 0);
	if (first)
		return POP3_AUTH_MORE;
	drop(h)->logins++;
	return span_eq(in, SPAN("\0fred\0secret")) ? POP3_AUTH_DONE : POP3_AUTH_FAILED;
}

static void auth_cancel(struct pop3_host *h UNUSED) {}

static enum pop3_answer open_drop(struct pop3_host *h, struct arena *a, struct pop3_drop *out)
{
	struct drop_host *d = drop(h);
	if (d->busy)
		return POP3_BUSY;
	if (d->early)
		return POP3_EARLY;
	d->opens++;
	*out = (struct pop3_drop){.mailbox = 1, .uid_validity = 7};
	out->runs = ARENA_ARRAY(a, DROP_MESSAGES, struct pop3_run);
	for (size_t i = 0; i < d->count; i++) {
		uint32_t uid = uid_of(d, i);
		out->octets += d->messages[i].len;
		if (out->count > 0 && out->runs[out->count - 1].last + 1 == uid)
			out->runs[out->count - 1].last = uid;
		else
			out->runs[out->count++] = (struct pop3_run){uid, uid};
	}
	return POP3_YES;
}

static void close_drop(struct pop3_host *h, uint64_t mailbox)
{
	ENSURE(mailbox == 1);
	drop(h)->closes++;
}

static enum pop3_answer sizes(struct pop3_host *h, uint64_t mailbox UNUSED,
			      const uint32_t *uids, size_t count, uint64_t *out)
{
	struct drop_host *d = drop(h);
	ENSURE(count <= POP3_BATCH);
	for (size_t i = 0; i < count; i++) {
		size_t at = index_of(d, uids[i]);
		out[i] = d->gone[at] ? UINT64_MAX : d->messages[at].len;
	}
	return POP3_YES;
}

/* A page holds two. */
static enum pop3_answer ids(struct pop3_host *h, struct arena *a, uint64_t mailbox UNUSED,
			    uint32_t from, uint32_t to, struct pop3_ids *out)
{
	struct drop_host *d = drop(h);
	*out = (struct pop3_ids){.list = ARENA_ARRAY(a, 2, struct pop3_id)};
	if (d->fail_ids > 0 && --d->fail_ids == 0)
		return POP3_UNAVAILABLE;
	for (size_t i = 0; i < d->count && i < DROP_MESSAGES; i++) {
		uint32_t uid = uid_of(d, i);
		if (d->ids[i].len == 0 || uid < from || uid > to)
			continue;
		if (out->count == 2) {
			out->next = uid;
			break;
		}
		out->list[out->count++] = (struct pop3_id){uid, d->ids[i]};
	}
	return POP3_YES;
}

static enum pop3_answer body(struct pop3_host *h, uint64_t mailbox UNUSED, uint32_t uid,
			     uint64_t offset, size_t len, struct span *out)
{
	struct drop_host *d = drop(h);
	size_t at = index_of(d, uid);
	if (d->gone[at])
		return POP3_GONE;
	/* Short ranges, so that lines are cut everywhere. */
	*out = span_sub(d->messages[at], (size_t)offset, len < 5 ? len : 5);
	return POP3_YES;
}

static enum pop3_answer expunge(struct pop3_host *h, uint64_t mailbox UNUSED,
				const struct pop3_run *runs, size_t count)
{
	struct drop_host *d = drop(h);
	d->expunges++;
	for (size_t i = 0; i < count; i++) {
		index_of(d, runs[i].first);
		index_of(d, runs[i].last);
		d->deleted += runs[i].last - runs[i].first + 1;
	}
	return d->fail_expunge ? POP3_UNAVAILABLE : POP3_YES;
}

void drop_init(struct drop_host *d)
{
	*d = (struct drop_host){
		.host = {.facts = {.tls = true, .stls = true,
				   .mechanisms = SPAN_INIT("PLAIN"),
				   .name = SPAN_INIT("mail.example"),
				   .implementation = SPAN_INIT("letterlock")},
			 .login = login, .auth_begin = auth_begin,
			 .auth_step = auth_step, .auth_cancel = auth_cancel,
			 .open = open_drop, .close = close_drop, .sizes = sizes, .ids = ids,
			 .body = body, .expunge = expunge}};
	d->messages[0] = SPAN("Subject: a\r\n\r\n.dot\r\n..\r\nend\r\n");
	d->messages[1] = SPAN("Subject: b\r\n\r\nno end");
	d->messages[2] = SPAN("x\n.\r\ny");
	d->count = 3;
}
