/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/understand: see understand.h.
 *
 * Must never take a sorter's word for where bytes are, nor put its prefix in
 * front of a message unless it is made of whole header fields.
 */
#include "role/store/understand.h"

#include "os/file.h"

#define ATTEMPTS    2u
#define SLOW_BYTES  (8u << 20) /* a second more for each */
#define WAIT_NS	    (2 * NS_PER_SEC)
#define WAIT_STEP   (10 * NS_PER_MS)

static struct store_sorter *pick(struct store *s, enum kind pool)
{
	for (unsigned i = 0; i < STORE_PEERS_MAX; i++) {
		struct peer *p =
			&s->peers[(s->next_sorter + i) % STORE_PEERS_MAX];
		if (p->channel == NULL || p->who.hop != HOP_STORE_SORTER ||
		    p->who.kind != pool || p->leaving ||
		    ipc_is_dead(p->channel))
			continue;
		s->next_sorter = (unsigned)(p - s->peers) + 1;
		return store_sorter_of(p->channel);
	}
	return NULL;
}

struct store_sorter *sorter_of(struct job *j, enum kind pool)
{
	struct store *s = j->store;
	uint64_t until = world_now(s->role->world) + WAIT_NS;
	for (;;) {
		struct store_sorter *c = pick(s, pool);
		if (c != NULL || s->closing ||
		    world_now(s->role->world) >= until)
			return c;
		job_sleep(j, WAIT_STEP);
	}
}

uint64_t sorter_deadline(struct store *s, uint64_t size)
{
	return world_now(s->role->world) + STORE_SORTER_NS +
	       size / SLOW_BYTES * NS_PER_SEC;
}

/* ---- checking ----------------------------------------------------------------- */

static bool line_ok(struct span line, bool first)
{
	bool folded = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
	size_t colon = span_find(line, ':');
	if (line.len == 0 || span_has(line, '\r') || span_has(line, '\0') ||
	    (folded && first))
		return false;
	if (folded)
		return span_trim(line).len > 0;
	for (size_t i = 0; i < colon && colon != SIZE_MAX; i++)
		if (line.ptr[i] <= ' ' || line.ptr[i] >= 127)
			return false;
	return colon != SIZE_MAX && colon > 0;
}

bool header_ok(struct span text)
{
	bool first = true;
	struct span line;
	while (text.len > 0) {
		if (!span_cut(&text, '\n', &line) || !span_ends(line, SPAN("\r")))
			return false;
		if (!line_ok(span_sub(line, 0, line.len - 1), first))
			return false;
		first = false;
	}
	return true;
}

static bool cuts_ok(const struct store_sorter_understand_reply *r,
		    uint64_t size)
{
	uint64_t at = 0;
	for (size_t i = 0; i < r->cuts_count; i++) {
		const struct store_sorter_cut *c = &r->cuts[i];
		if (c->offset < at || c->offset > size || c->length == 0 ||
		    c->length > size - c->offset)
			return false;
		at = c->offset + c->length;
	}
	return true;
}

static bool reply_ok(const struct question *q, uint64_t size,
		     const struct store_sorter_understand_reply *r)
{
	bool edits = r->prefix.len > 0 || r->cuts_count > 0;
	if (edits && q->purpose != STORE_SORTER_PURPOSE_SUBMIT)
		return false;
	return cuts_ok(r, size) && header_ok(r->prefix);
}

/* ---- asking --------------------------------------------------------------------- */

static enum ipc_result ask(struct job *j, struct store_sorter *c,
			   const struct question *q, const struct body *b,
			   struct store_sorter_understand_reply *r)
{
	struct world *w = j->store->role->world;
	struct store_sorter_understand m = {
		.purpose = q->purpose,
		.size = b->size,
		.hostname = j->store->conf->hostname,
		.id = q->id,
		.now = world_wall(w).sec,
		.login = q->login,
		.file = -1};
	if (b->blob >= 0 && b->size > STORE_FRAME_BODY) {
		if (world_dup(w, b->blob, &m.file) != OS_OK)
			return IPC_NO_MEMORY;
		m.has_file = true;
	} else {
		m.body = b->bytes;
	}
	return store_sorter_understand(c, &m, j->arena, r,
				       sorter_deadline(j->store, b->size));
}

static void take(const struct store_sorter_understand_reply *r,
		 struct understood *out)
{
	*out = (struct understood){
		.too_much = r->answer == STORE_SORTER_ANSWER_TOO_MUCH,
		.opaque = r->answer != STORE_SORTER_ANSWER_UNDERSTOOD,
		.summary = r->summary,
		.prefix = r->prefix,
		.cuts = r->cuts,
		.cut_count = r->cuts_count,
		.authors = r->authors,
		.author_count = r->authors_count,
		.from_fields = r->from_fields,
		.received = r->received,
		.delivered_to = r->delivered_to,
		.delivered_count = r->delivered_to_count,
		.tls_optional = r->tls_optional};
	if (out->opaque)
		out->summary = span_of(NULL, 0);
}

void understand(struct job *j, const struct question *q, const struct body *b,
		struct understood *out)
{
	struct store_sorter_understand_reply r;
	const char *why = "no sorter";
	*out = (struct understood){.opaque = true};
	load_waits(j);
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		struct store_sorter *c = sorter_of(j, q->pool);
		if (c == NULL)
			break;
		enum ipc_result said = ask(j, c, q, b, &r);
		why = ipc_result_name(said);
		out->later = said == IPC_NO_MEMORY || said == IPC_BUSY ||
			     (said == IPC_OK &&
			      r.answer == STORE_SORTER_ANSWER_LATER);
		if (out->later) {
			job_sleep(j, WAIT_STEP);
			continue;
		}
		if (said == IPC_OK && reply_ok(q, b->size, &r)) {
			take(&r, out);
			why = "not understood";
			break;
		}
		if (said == IPC_OK) {
			j->store->count.violations++;
			why = "an answer that cannot be true";
			break;
		}
	}
	if (!out->opaque || out->later)
		return;
	j->store->count.opaque++;
	LOG(j->store->role->log, WARNING, "message.opaque", log_id(q->id),
	    F_CSTR("why", why), F_U64("size", b->size));
}
