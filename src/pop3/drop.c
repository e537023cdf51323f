/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/drop: the snapshot taken at login, as runs of UIDs, and the marks of
 * DELE.
 *
 * Must never let a message number mean another message than it did at login.
 */
#include <stdlib.h>

#include "base/check.h"
#include "pop3/state.h"

/* How many messages; false when the runs are not in order or too many. */
static bool count(const struct pop3_drop *drop, uint32_t *out)
{
	uint64_t total = 0;
	uint32_t before = 0;
	for (size_t i = 0; i < drop->count; i++) {
		struct pop3_run run = drop->runs[i];
		if (run.first <= before || run.last < run.first)
			return false;
		total += (uint64_t)run.last - run.first + 1;
		before = run.last;
	}
	*out = (uint32_t)total;
	return total <= POP3_MESSAGES_MAX;
}

static bool keep(struct pop3_session *s, const struct pop3_drop *drop)
{
	size_t size;
	ENSURE(count(drop, &s->count));
	if (!size_mul(drop->count, sizeof *drop->runs, &size))
		return false;
	struct pop3_run *runs = malloc(size + 1);
	if (runs == NULL)
		return false;
	if (size > 0)
		memcpy(runs, drop->runs, size);
	s->drop = *drop;
	s->drop.runs = runs;
	return true;
}

bool pop3_drop_open(struct pop3_session *s)
{
	struct pop3_drop drop = {0};
	switch (s->host->open(s->host, s->arena, &drop)) {
	case POP3_YES:
		break;
	case POP3_BUSY:
		pop3_err(s, "[IN-USE] Mailbox is in use");
		return false;
	case POP3_EARLY:
		pop3_err(s, "[LOGIN-DELAY] Wait longer between two logins");
		return false;
	default:
		pop3_err(s, "[SYS/TEMP] Try again later");
		return false;
	}
	if (!keep(s, &drop)) {
		s->host->close(s->host, drop.mailbox);
		pop3_err(s, "[SYS/TEMP] Out of memory");
		return false;
	}
	return true;
}

void pop3_drop_free(struct pop3_session *s)
{
	if (s->state == POP3_TRANSACTION)
		s->host->close(s->host, s->drop.mailbox);
	free(s->drop.runs);
	free(s->marks);
	s->drop.runs = NULL;
	s->marks = NULL;
}

uint32_t pop3_uid(const struct pop3_session *s, uint32_t number)
{
	ENSURE(number >= 1 && number <= s->count);
	uint32_t left = number - 1;
	size_t i = 0;
	while (left > s->drop.runs[i].last - s->drop.runs[i].first) {
		left -= s->drop.runs[i].last - s->drop.runs[i].first + 1;
		i++;
	}
	return s->drop.runs[i].first + left;
}

bool pop3_marked(const struct pop3_session *s, uint32_t number)
{
	return s->marks != NULL && (s->marks[number / 8] >> number % 8 & 1);
}

bool pop3_number(struct pop3_session *s, struct span text, uint32_t *out)
{
	uint64_t n;
	if (!span_u64(text, s->count, &n) || n == 0) {
		pop3_err(s, "No such message");
		return false;
	}
	*out = (uint32_t)n;
	if (pop3_marked(s, *out)) {
		pop3_err(s, "Message is marked as deleted");
		return false;
	}
	return true;
}

/* UIDs of n messages in a row, in one walk over the runs. */
static void fill(const struct pop3_session *s, uint32_t number, uint32_t n,
		 uint32_t *uids)
{
	const struct pop3_run *run = s->drop.runs;
	uint32_t left = number - 1;
	for (; n > 0 && left > run->last - run->first; run++)
		left -= run->last - run->first + 1;
	for (uint32_t i = 0; i < n; i++) {
		uids[i] = run->first + left;
		if (uids[i] == run->last) {
			run++;
			left = 0;
		} else {
			left++;
		}
	}
}

uint64_t *pop3_sizes(struct pop3_session *s, uint32_t number, uint32_t n)
{
	ENSURE(n <= POP3_BATCH && n <= s->count - (number - 1));
	uint32_t *uids = ARENA_ARRAY(s->arena, n, uint32_t);
	uint64_t *sizes = ARENA_ARRAY(s->arena, n, uint64_t);
	if (uids == NULL || sizes == NULL)
		return NULL;
	fill(s, number, n, uids);
	if (s->host->sizes(s->host, s->drop.mailbox, uids, n, sizes) != POP3_YES)
		return NULL;
	return sizes;
}
