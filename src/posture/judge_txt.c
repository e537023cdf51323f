/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posture/judge_txt: policies that are TXT records: SPF (RFC 7208), DMARC (RFC
 * 7489), MTA-STS (RFC 8461), TLSRPT (RFC 8460).
 *
 * SPF is not evaluated here, only read: what another name would have to be asked
 * for may allow an address, and then nothing is told.
 */
#include "posture/judge.h"

#include "conf/net.h"
#include "policy/record.h"
#include "policy/report.h"
#include "policy/sts.h"

/* The strings as RDATA; malformed ones are left out. */
static struct span *rdata_of(struct judging *j, size_t *count)
{
	struct span *list = ARENA_ARRAY(j->arena, j->count + 1, struct span);
	bool full = false;
	*count = 0;
	for (size_t i = 0; list != NULL && i < j->count; i++)
		if (posture_txt_rdata(j->arena, j->records[i].data,
				      &list[*count], &full))
			++*count;
	j->ok = j->ok && list != NULL && !full;
	return j->ok ? list : NULL;
}

static void several(struct judging *j, const char *what)
{
	posture_tell(j, POSTURE_WRONG,
		     "several %s records: receivers take that for none or for "
		     "an error",
		     what);
	posture_mend(j, "keep one");
}

/* ---- SPF ------------------------------------------------------------------ */

struct spf {
	struct conf_net from[POSTURE_ADDRESSES_MAX];
	size_t count;
	bool covered[POSTURE_ADDRESSES_MAX];
	bool unsure; /* some term leads elsewhere */
	bool ends;   /* with all or redirect */
	bool open;   /* +all */
};

/* "mx:example.org/24" becomes mx, example.org. */
static struct span term_name(struct span term, struct span *target)
{
	struct span name, rest = term, bits;
	(void)span_cut(&rest, '/', &bits);
	(void)span_cut(&bits, ':', &name);
	*target = bits;
	return name;
}

static void spf_network(struct spf *s, struct span term)
{
	struct conf_net net;
	if (!conf_net_parse(span_skip(term, 4), &net))
		return;
	(void)conf_net_mask(&net);
	for (size_t i = 0; i < s->count; i++)
		s->covered[i] |= conf_net_has(&net, s->from[i].family,
					      s->from[i].bytes);
}

/* a or mx: of this name, of the host, or of somebody else. */
static void spf_host(const struct judging *j, struct spf *s, bool mx,
		     struct span target)
{
	const struct posture_server *v = j->server;
	bool own = target.len == 0 ||
		   posture_same_name(target, j->need->name);
	struct span name = own ? j->need->name : target;
	bool known = mx && own;
	for (size_t i = 0; i < s->count; i++) {
		const struct conf_net *a = &s->from[i];
		if ((mx && own) || posture_same_name(name, v->host)) {
			s->covered[i] |= posture_is_ours(v, a);
			known = true;
		} else if (!mx && posture_same_name(posture_name_of(v, a), name)) {
			s->covered[i] = known = true;
		}
	}
	s->unsure |= !known;
}

static void spf_term(const struct judging *j, struct spf *s, struct span term)
{
	char q = term.ptr[0];
	struct span target;
	if (q == '+' || q == '-' || q == '~' || q == '?')
		term = span_skip(term, 1);
	else
		q = '+';
	struct span name = term_name(term, &target);
	if (span_eq_nocase(term, SPAN("all"))) {
		s->ends = true;
		s->open = q == '+';
	} else if (span_starts_nocase(term, SPAN("redirect="))) {
		s->ends = s->unsure = true;
	} else if (span_eq_nocase(name, SPAN("include")) ||
		   span_eq_nocase(name, SPAN("exists")) ||
		   span_eq_nocase(name, SPAN("ptr"))) {
		s->unsure = true;
	} else if (q != '+') {
		return;
	} else if (span_eq_nocase(name, SPAN("ip4")) ||
		   span_eq_nocase(name, SPAN("ip6"))) {
		spf_network(s, term);
	} else if (span_eq_nocase(name, SPAN("a")) ||
		   span_eq_nocase(name, SPAN("mx"))) {
		spf_host(j, s, span_eq_nocase(name, SPAN("mx")), target);
	}
}

static void spf_judge(struct judging *j, struct span text)
{
	struct spf s = {0};
	struct span word;
	s.count = posture_sending(j->server, s.from);
	while (!s.ends && posture_word(&text, &word))
		spf_term(j, &s, word);
	if (s.open) {
		posture_tell(j, POSTURE_WRONG,
			     "+all lets everybody send in the name");
		posture_mend(j, "end it with -all or ~all");
		return;
	}
	for (size_t i = 0; !s.unsure && i < s.count; i++) {
		struct buf b;
		if (s.covered[i])
			continue;
		buf_init(&b, 64);
		conf_net_print(&s.from[i], true, &b);
		posture_tell(j, POSTURE_WRONG,
			     "it does not allow %.*s, an address of this "
			     "server",
			     SPAN_FMT(buf_span(&b)));
		posture_mend(j, "add to it: ip%u:%.*s", s.from[i].family,
			     SPAN_FMT(buf_span(&b)));
		buf_free(&b);
	}
	if (!s.ends) {
		posture_tell(j, POSTURE_ADVICE,
			     "it does not say what of all other addresses");
		posture_mend(j, "end it with -all or ~all");
	}
}

void posture_judge_spf(struct judging *j)
{
	struct span text, the = SPAN("");
	size_t count, found = 0;
	struct span *rdata = rdata_of(j, &count);
	for (size_t i = 0; rdata != NULL && i < count; i++) {
		if (!posture_txt_join(j->arena, rdata[i], &text)) {
			j->ok = false;
			return;
		}
		if (!span_starts_nocase(text, SPAN("v=spf1")) ||
		    (text.len > 6 && text.ptr[6] != ' '))
			continue;
		the = span_skip(text, 6);
		found++;
	}
	if (!j->ok)
		return;
	if (found == 0)
		posture_tell_absent(j);
	else if (found > 1)
		several(j, "SPF");
	else
		spf_judge(j, the);
}

/* ---- fields --------------------------------------------------------------- */

/* True: there is one, and its fields are in *text.  Else it was told. */
static bool fields(struct judging *j, struct span version, char *room,
		   struct span *text)
{
	size_t count;
	struct span *rdata = rdata_of(j, &count);
	if (rdata == NULL)
		return false;
	switch (policy_record_pick(rdata, count, version, room, text)) {
	case POLICY_RECORD_ONE:
		return true;
	case POLICY_RECORD_NONE:
		posture_tell_absent(j);
		return false;
	case POLICY_RECORD_MANY:
		several(j, "such");
		return false;
	case POLICY_RECORD_BAD:
		break;
	}
	posture_tell(j, POSTURE_WRONG, "it cannot be read, and counts as none");
	posture_mend_publish(j);
	return false;
}

static bool dmarc_policy(struct span v)
{
	return span_eq_nocase(v, SPAN("none")) ||
	       span_eq_nocase(v, SPAN("quarantine")) ||
	       span_eq_nocase(v, SPAN("reject"));
}

void posture_judge_dmarc(struct judging *j)
{
	char room[POLICY_RECORD_MAX];
	struct span text, name, value;
	bool says = false;
	if (!fields(j, SPAN("v=DMARC1"), room, &text))
		return;
	while (policy_record_field(&text, &name, &value))
		says = says || (span_eq_nocase(name, SPAN("p")) &&
				dmarc_policy(value));
	if (says && text.len == 0)
		return;
	posture_tell(j, POSTURE_WRONG,
		     says ? "a field of it cannot be read"
			  : "it names no policy: p=none, quarantine or reject");
	posture_mend_publish(j);
}

void posture_judge_sts(struct judging *j, struct policy_lookup l)
{
	size_t count;
	struct span *rdata = rdata_of(j, &count);
	if (rdata == NULL)
		return;
	struct policy_sts_record r = policy_sts_record(l, rdata, count);
	if (r.kind == POLICY_STS_TXT_ID)
		return;
	if (r.kind == POLICY_STS_TXT_NONE) {
		posture_tell_absent(j);
		return;
	}
	posture_tell(j, POSTURE_WRONG, "it cannot be read, and counts as none");
	posture_mend_publish(j);
}

void posture_judge_tlsrpt(struct judging *j)
{
	char room[POLICY_RECORD_MAX];
	struct policy_reporting r = {0};
	struct span text;
	size_t count;
	if (!fields(j, SPAN("v=TLSRPTv1"), room, &text))
		return;
	struct span *rdata = rdata_of(j, &count);
	if (rdata == NULL || !policy_reporting_read(j->arena, rdata, count, &r)) {
		j->ok = false;
		return;
	}
	if (r.count > 0)
		return;
	posture_tell(j, POSTURE_WRONG,
		     "it names no address for reports that can be used");
	posture_mend_publish(j);
}
