/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/set: growing by doubling inside the arena, searching by halves.
 *
 * Must never let two runs touch or overlap after imap_set_sort: ranks would be
 * wrong, and with them every sequence number.
 */
#include "imap/set.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

#define SET_FIRST 8u

void imap_set_init(struct imap_set *set, struct arena *arena)
{
	*set = (struct imap_set){.arena = arena};
}

static bool grow(struct imap_set *set)
{
	size_t cap;
	if (!size_mul(set->cap ? set->cap : SET_FIRST / 2, 2, &cap))
		return false;
	struct imap_run *runs = ARENA_ARRAY(set->arena, cap, struct imap_run);
	if (runs == NULL)
		return false;
	if (set->count > 0)
		memcpy(runs, set->runs, set->count * sizeof *runs);
	set->runs = runs;
	set->cap = cap;
	return true;
}

/* Does `next` continue or overlap `run`, given run->first <= next.first? */
static bool joins(const struct imap_run *run, uint32_t next)
{
	return run->last == UINT32_MAX || next <= run->last + 1;
}

bool imap_set_add(struct imap_set *set, uint32_t first, uint32_t last)
{
	ENSURE(first > 0 && first <= last);
	if (set->count > 0) {
		struct imap_run *end = &set->runs[set->count - 1];
		if (first >= end->first && joins(end, first)) {
			if (last > end->last)
				end->last = last;
			return true;
		}
	}
	if (set->count == set->cap && !grow(set))
		return false;
	set->runs[set->count++] = (struct imap_run){first, last};
	return true;
}

static int by_first(const void *a, const void *b)
{
	const struct imap_run *x = a, *y = b;
	return x->first < y->first ? -1 : x->first > y->first;
}

void imap_set_sort(struct imap_set *set)
{
	if (set->count < 2)
		return;
	qsort(set->runs, set->count, sizeof *set->runs, by_first);
	size_t kept = 0;
	for (size_t i = 1; i < set->count; i++) {
		struct imap_run *end = &set->runs[kept];
		struct imap_run run = set->runs[i];
		if (!joins(end, run.first))
			set->runs[++kept] = run;
		else if (run.last > end->last)
			end->last = run.last;
	}
	set->count = kept + 1;
}

/* Index of the first run whose end is at or after n; count when there is none. */
static size_t find(const struct imap_set *set, uint32_t n)
{
	size_t low = 0, high = set->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->runs[middle].last < n)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool imap_set_has(const struct imap_set *set, uint32_t n)
{
	size_t at = find(set, n);
	return at < set->count && set->runs[at].first <= n;
}

uint64_t imap_set_size(const struct imap_set *set)
{
	uint64_t size = 0;
	for (size_t i = 0; i < set->count; i++)
		size += (uint64_t)set->runs[i].last - set->runs[i].first + 1;
	return size;
}

uint32_t imap_set_rank(const struct imap_set *set, uint32_t n)
{
	uint32_t rank = 0;
	for (size_t i = 0; i < set->count && set->runs[i].first <= n; i++) {
		uint32_t last = set->runs[i].last < n ? set->runs[i].last : n;
		rank += last - set->runs[i].first + 1;
	}
	return rank;
}

uint32_t imap_set_nth(const struct imap_set *set, uint32_t rank)
{
	if (rank == 0)
		return 0;
	uint32_t left = rank - 1;
	for (size_t i = 0; i < set->count; i++) {
		uint32_t more = set->runs[i].last - set->runs[i].first;
		if (left <= more)
			return set->runs[i].first + left;
		left -= more + 1;
	}
	return 0;
}

uint32_t imap_set_next(const struct imap_set *set, uint32_t n)
{
	size_t at = find(set, n);
	if (at == set->count)
		return 0;
	return set->runs[at].first > n ? set->runs[at].first : n;
}

bool imap_set_and(const struct imap_set *a, const struct imap_set *b,
		  struct imap_set *out)
{
	size_t i = 0, j = 0;
	while (i < a->count && j < b->count) {
		struct imap_run x = a->runs[i], y = b->runs[j];
		uint32_t first = x.first > y.first ? x.first : y.first;
		uint32_t last = x.last < y.last ? x.last : y.last;
		if (first <= last && !imap_set_add(out, first, last))
			return false;
		if (x.last < y.last)
			i++;
		else
			j++;
	}
	return true;
}

bool imap_set_minus(const struct imap_set *a, const struct imap_set *b,
		    struct imap_set *out)
{
	size_t j = 0;
	for (size_t i = 0; i < a->count; i++) {
		struct imap_run left = a->runs[i];
		bool over = false;
		while (j < b->count && b->runs[j].last < left.first)
			j++;
		for (size_t k = j; k < b->count && b->runs[k].first <= left.last; k++) {
			struct imap_run cut = b->runs[k];
			if (cut.first > left.first &&
			    !imap_set_add(out, left.first, cut.first - 1))
				return false;
			over = cut.last >= left.last;
			if (over)
				break;
			left.first = cut.last + 1;
			j = k;
		}
		if (!over && !imap_set_add(out, left.first, left.last))
			return false;
	}
	return true;
}

uint32_t imap_cursor_rank(struct imap_cursor *c, uint32_t n)
{
	ENSURE(c->at < c->set->count);
	while (c->set->runs[c->at].last < n) {
		c->before += c->set->runs[c->at].last - c->set->runs[c->at].first + 1;
		c->at++;
		ENSURE(c->at < c->set->count);
	}
	ENSURE(c->set->runs[c->at].first <= n);
	return c->before + (n - c->set->runs[c->at].first) + 1;
}

static bool number(struct span text, uint32_t star, uint32_t *out)
{
	uint64_t n;
	if (text.len == 1 && text.ptr[0] == '*') {
		*out = star;
		return true;
	}
	if (!span_u64(text, UINT32_MAX, &n) || n == 0 || text.ptr[0] == '0')
		return false;
	*out = (uint32_t)n;
	return true;
}

enum imap_set_result imap_set_parse(struct span text, uint32_t star,
				    struct imap_set *out)
{
	bool more = true;
	for (size_t n = 0; more; n++) {
		struct span range, from;
		uint32_t first, last;
		if (n == IMAP_SET_MAX)
			return IMAP_SET_LONG;
		more = span_cut(&text, ',', &range);
		bool pair = span_cut(&range, ':', &from);
		if (!number(from, star, &first))
			return IMAP_SET_BAD;
		last = first;
		if (pair && !number(range, star, &last))
			return IMAP_SET_BAD;
		if (first > last) {
			uint32_t swap = first;
			first = last;
			last = swap;
		}
		/* "*" in an empty mailbox names nothing. */
		if (last == 0)
			continue;
		if (!imap_set_add(out, first ? first : last, last))
			return IMAP_SET_MEMORY;
	}
	imap_set_sort(out);
	return IMAP_SET_OK;
}

void imap_set_text(const struct imap_set *set, struct buf *out)
{
	for (size_t i = 0; i < set->count; i++) {
		buf_printf(out, "%s%u", i ? "," : "", set->runs[i].first);
		if (set->runs[i].last > set->runs[i].first)
			buf_printf(out, ":%u", set->runs[i].last);
	}
}

bool imap_set_ranks(const struct imap_set *all, const struct imap_set *some,
		    struct imap_set *out)
{
	struct imap_cursor cursor = {.set = all};
	for (size_t i = 0; i < some->count; i++) {
		struct imap_run run = some->runs[i];
		uint32_t rank = imap_cursor_rank(&cursor, run.first);
		if (!imap_set_add(out, rank, rank + (run.last - run.first)))
			return false;
	}
	return true;
}

bool imap_set_slice(const struct imap_set *set, uint64_t first, uint64_t last,
		    struct imap_set *out)
{
	uint64_t before = 0; /* members in front of the run */
	for (size_t i = 0; i < set->count && before < last; i++) {
		struct imap_run run = set->runs[i];
		uint64_t size = (uint64_t)run.last - run.first + 1;
		uint64_t from = first > before + 1 ? first - before - 1 : 0;
		uint64_t to = u64_min(last - before, size);
		if (from < to && !imap_set_add(out, run.first + (uint32_t)from,
					       run.first + (uint32_t)(to - 1)))
			return false;
		before += size;
	}
	return true;
}
