/* SPDX-License-Identifier: Apache-2.0 */
/* policy/report_sent: see report_sent.h.  Must never read a line that it would not write. */
#include "policy/report_sent.h"

static const char *const words[] = {
	[POLICY_SENT_QUEUED] = "queued",
	[POLICY_SENT_POSTED] = "posted",
	[POLICY_SENT_FAILED] = "failed",
};

const char *policy_sent_text(enum policy_sent_outcome o)
{
	return words[o];
}

static void add_clean(struct buf *b, struct span s, size_t most, bool blanks)
{
	s = span_sub(s, 0, most);
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool ok = (c > ' ' && c <= '~') || (blanks && c == ' ');
		buf_addc(b, ok ? c : '?');
	}
}

void policy_sent_write(struct buf *b, const struct policy_sent *s)
{
	buf_add_u64(b, s->when > 0 ? (uint64_t)s->when : 0);
	buf_printf(b, " %s ", words[s->outcome]);
	add_clean(b, s->to, POLICY_SENT_TO_MAX, false);
	if (s->why.len > 0) {
		buf_addc(b, ' ');
		add_clean(b, s->why, POLICY_SENT_WHY_MAX, true);
	}
	buf_addc(b, '\n');
}

static bool printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < ' ' || s.ptr[i] > '~')
			return false;
	return true;
}

bool policy_sent_next(struct span *text, struct policy_sent *out)
{
	struct span line, when, word;
	uint64_t n;
	if (!span_cut(text, '\n', &line) || !printable(line) ||
	    !span_cut(&line, ' ', &when) || !span_u64(when, INT64_MAX, &n) ||
	    !span_cut(&line, ' ', &word))
		return false;
	*out = (struct policy_sent){.when = (int64_t)n};
	size_t i = 0;
	while (i < ARRAY_LEN(words) && !span_eq(word, span_cstr(words[i])))
		i++;
	if (i == ARRAY_LEN(words))
		return false;
	out->outcome = (enum policy_sent_outcome)i;
	span_cut(&line, ' ', &out->to);
	out->why = line;
	return out->to.len > 0 && out->to.len <= POLICY_SENT_TO_MAX &&
	       out->why.len <= POLICY_SENT_WHY_MAX;
}
