/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/verb_dns: a DNS question, with what DNSSEC says of the answer; and
 * the records that our own names need, shown or compared.
 */
#include "role/admin/survey.h"

#define LOOKUPS_OFF                                                            \
	"DNS look-ups are switched off in the configuration "                  \
	"(dns { lookups off; })"

static const char *verdict_name(enum admin_dialer_verdict v)
{
	static const char *const names[] = {"secure", "insecure", "bogus",
					    "off", "timeout", "failed",
					    "unasked"};
	return (size_t)v < ARRAY_LEN(names) ? names[v] : "failed";
}

static void answer_row(struct job *j, const struct admin_dialer_query *m,
		       const struct admin_dialer_query_reply *rep)
{
	struct buf *row = row_begin(j);
	row_text(row, "name", m->name);
	row_text(row, "type", m->type);
	row_text(row, "verdict", span_cstr(verdict_name(rep->verdict)));
	row_u64(row, "rcode", rep->rcode);
	row_u64(row, "ttl", rep->ttl);
	row_text(row, "canonical", rep->canonical);
	row_list_begin(row, "records");
	for (size_t i = 0; i < rep->records_count; i++)
		row_list_item(row, rep->records[i]);
	row_list_end(row);
	row_text(row, "why", rep->why);
	row_send(j);
}

static void judge(struct job *j, const struct admin_dialer_query_reply *rep)
{
	switch (rep->verdict) {
	case ADMIN_DIALER_VERDICT_SECURE:
	case ADMIN_DIALER_VERDICT_INSECURE:
		if (rep->records_count == 0)
			job_end(j, CMD_ADMIN_STATUS_FOUND, "no such records");
		break;
	case ADMIN_DIALER_VERDICT_OFF:
		job_end(j, CMD_ADMIN_STATUS_REFUSED, LOOKUPS_OFF);
		break;
	default:
		job_end(j, CMD_ADMIN_STATUS_FOUND, "%s%s%.*s",
			verdict_name(rep->verdict), rep->why.len > 0 ? ": " : "",
			SPAN_FMT(rep->why));
	}
}

void verb_dns_query(struct job *j)
{
	struct admin_dialer *dialer = j->admin->dialer;
	struct admin_dialer_query m = {.name = job_argument(j, "name"),
				       .type = job_argument(j, "type")};
	struct admin_dialer_query_reply rep = {0};
	if (dialer == NULL) {
		job_no_answer(j, IPC_DEAD, "the dialer");
		return;
	}
	enum ipc_result r = admin_dialer_query(dialer, &m, j->arena, &rep,
					       job_deadline(j));
	if (r != IPC_OK) {
		job_no_answer(j, r, "the dialer");
		return;
	}
	if (rep.verdict == ADMIN_DIALER_VERDICT_UNASKED) {
		job_end(j, CMD_ADMIN_STATUS_USAGE, "%.*s", SPAN_FMT(rep.why));
		return;
	}
	answer_row(j, &m, &rep);
	judge(j, &rep);
}

/* ---- the records of our own names ------------------------------------------- */

struct telling {
	struct job *job;
	unsigned levels[POSTURE_WRONG + 1];
	bool all; /* also what is right */
};

/* False: the job has been ended with what is wrong. */
static bool survey(struct job *j, struct survey *ask)
{
	enum ipc_result r;
	ask->admin = j->admin;
	switch (survey_run(ask, &r)) {
	case SURVEY_DONE:
		return true;
	case SURVEY_NO_DOMAIN:
		job_end(j, CMD_ADMIN_STATUS_FOUND, "the domain does not exist");
		break;
	case SURVEY_OFF:
		job_end(j, CMD_ADMIN_STATUS_REFUSED, LOOKUPS_OFF);
		break;
	case SURVEY_SHORT:
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "memory is short");
		break;
	case SURVEY_NO_STORE:
		job_no_answer(j, r, "the store");
		break;
	case SURVEY_NO_VAULT:
		job_no_answer(j, r, "the vault");
		break;
	case SURVEY_NO_DIALER:
		job_no_answer(j, r, "the dialer");
		break;
	case SURVEY_STOPPED:
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "the server ends");
		break;
	}
	return false;
}

/* A row for each record; what is there to be read stands in the first. */
static void show_need(void *ctx, const struct survey_item *it)
{
	struct telling *t = ctx;
	const struct posture_need *n = it->need;
	bool note = n->kind == POSTURE_NOTE;
	for (size_t i = 0; i < (note ? 1 : n->count); i++) {
		struct buf *row = row_begin(t->job);
		row_text(row, "domain", n->domain);
		row_text(row, "name", n->name);
		row_text(row, "type", span_cstr(note ? "" : n->type));
		row_u64(row, "ttl", POSTURE_TTL);
		row_text(row, "data", note ? SPAN("") : n->data[i]);
		row_text(row, "note", i == 0 ? n->note : SPAN(""));
		row_send(t->job);
	}
}

void verb_dns_show(struct job *j)
{
	struct telling t = {.job = j};
	struct survey ask = {.only = job_argument(j, "name"),
			     .told = show_need,
			     .ctx = &t};
	(void)survey(j, &ask);
}

static void found_list(struct buf *row, const struct posture_found *f)
{
	row_list_begin(row, "found");
	for (size_t i = 0; f != NULL && i < f->count; i++)
		row_list_item(row, f->records[i]);
	row_list_end(row);
}

static void check_row(struct telling *t, const struct survey_item *it,
		      const struct posture_finding *f)
{
	const struct posture_need *n = it->need;
	struct buf *row = row_begin(t->job);
	row_text(row, "level", span_cstr(posture_level_text(f->level)));
	row_text(row, "domain", n ? n->domain : it->server->host);
	row_text(row, "name", n ? n->name : it->server->host);
	row_text(row, "type", span_cstr(n ? n->type : "certificate"));
	row_text(row, "what", f->what);
	row_text(row, "mend", f->mend);
	found_list(row, it->found);
	row_send(t->job);
}

static void check_need(void *ctx, const struct survey_item *it)
{
	static const struct posture_finding right = {
		POSTURE_RIGHT, SPAN_INIT(""), SPAN_INIT("")};
	struct telling *t = ctx;
	if (it->findings == NULL)
		return;
	for (size_t i = 0; i < it->findings->count; i++) {
		t->levels[it->findings->at[i].level]++;
		check_row(t, it, &it->findings->at[i]);
	}
	if (it->findings->count > 0 ||
	    (it->need != NULL && it->need->kind == POSTURE_NOTE))
		return;
	t->levels[POSTURE_RIGHT]++;
	if (t->all)
		check_row(t, it, &right);
}

void verb_dns_check(struct job *j)
{
	struct telling t = {.job = j, .all = job_has(j, "all")};
	struct survey ask = {.only = job_argument(j, "name"),
			     .look = true,
			     .told = check_need,
			     .ctx = &t};
	if (!survey(j, &ask))
		return;
	unsigned wrong = t.levels[POSTURE_WRONG] + t.levels[POSTURE_UNKNOWN];
	if (wrong > 0)
		job_end(j, CMD_ADMIN_STATUS_FOUND,
			"%u wrong, %u without an answer, %u to be thought of, "
			"%u right",
			t.levels[POSTURE_WRONG], t.levels[POSTURE_UNKNOWN],
			t.levels[POSTURE_ADVICE], t.levels[POSTURE_RIGHT]);
}

/* Each key that is to follow: is its record there, and for how long kept? */
static void key_rows(void *ctx, const struct survey_item *it)
{
	struct telling *t = ctx;
	const struct posture_server *s = it->server;
	if (it->need == NULL || it->found == NULL)
		return;
	for (size_t i = 0; i < s->key_count; i++) {
		const struct posture_key *k = &s->keys[i];
		if (!k->next || !posture_needs_key(it->need, k))
			continue;
		struct buf *row = row_begin(t->job);
		row_text(row, "name", it->need->name);
		row_text(row, "certificate", k->certificate);
		row_text(row, "trust",
			 span_cstr(policy_trust_text(it->found->lookup.trust)));
		row_bool(row, "dane", it->found->lookup.found);
		row_bool(row, "published", posture_names_key(it->found, k));
		row_u64(row, "ttl", posture_found_ttl(it->found));
		row_send(t->job);
	}
}

void verb_dns_keys(struct job *j)
{
	struct telling t = {.job = j};
	struct survey ask = {.look = true,
			     .keys_only = true,
			     .told = key_rows,
			     .ctx = &t};
	(void)survey(j, &ask);
}
