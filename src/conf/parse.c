/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/parse - statements and blocks into a snapshot.
 *
 * After a mistake the statement is skipped up to its end, and reading goes on,
 * so that one run shows most of what is wrong.  Nesting is bounded: blocks by
 * the table (two levels), includes by CONF_DEPTH_MAX.
 */
#include "conf/parse.h"

#include "base/ensure.h"
#include "conf/check.h"
#include "conf/lex.h"
#include "conf/report.h"
#include "conf/shape.h"
#include "conf/snapshot.h"
#include "conf/value.h"

#define SNAPSHOT_TAG TAG4('c', 'o', 'n', 'f')

/* The control socket, when the text names no listener of role admin. */
#define STANDARD_ADMIN "listener admin { role admin; }"
/* The same for the socket of users of this machine. */
#define STANDARD_LOCAL "listener local { role local; }"

/* The server that stands there when the text names no listener. */
#define STANDARD_LISTENERS                                                     \
	"listener mx { role mx; }"                                             \
	"listener submission { role submission; }"                             \
	"listener submissions { role submission; tls implicit; }"              \
	"listener imap { role imap; }"                                         \
	"listener imaps { role imap; tls implicit; }"                          \
	"listener pop3 { role pop3; }"                                         \
	"listener pop3s { role pop3; tls implicit; }"

struct reader {
	struct conf_parsing p; /* p.file: the file being read */
	struct conf_snapshot *s;
	const struct conf_includes *includes;
	size_t tokens;
	bool stop;     /* no use in reading on */
	bool standard; /* reading our own text: origins are defaults */
};

/* One file being read. */
struct source {
	struct conf_lexer lexer;
	struct conf_token token; /* the next one */
	uint32_t file;
	const struct source *parent;
	unsigned depth;
};

/* Where statements go: a block, or a listener with the blocks inside it. */
struct target {
	enum conf_block block;
	struct conf_area area;
	size_t listener; /* index; for CONF_B_LISTENER */
};

struct statement {
	struct conf_token name;
	struct conf_token values[CONF_LIST_MAX];
	size_t count;
};

static void statements(struct reader *, struct source *, const struct target *,
		       bool braces);

#define WRONG(r, t, ...)                                                       \
	conf_wrong((r)->p.report, conf_place(&(r)->p, (t)), __VA_ARGS__)

static bool going(const struct reader *r)
{
	return !r->stop && !r->p.memory && !conf_report_full(r->p.report);
}

static void next(struct reader *r, struct source *src)
{
	src->token = conf_lex(&src->lexer);
	if (src->token.kind == CONF_T_MEMORY)
		r->p.memory = true;
	if (src->token.kind != CONF_T_END && !r->standard &&
	    ++r->tokens > CONF_TOKENS_MAX) {
		WRONG(r, &src->token,
		      "more than %u words and signs in all files; remove what "
		      "is not needed",
		      CONF_TOKENS_MAX);
		r->stop = true;
	}
	if (!going(r))
		src->token.kind = CONF_T_END;
}

/* To behind the end of the statement, whatever it was meant to be. */
static void skip_statement(struct reader *r, struct source *src)
{
	size_t open = 0;
	for (;; next(r, src)) {
		enum conf_token_kind k = src->token.kind;
		if (k == CONF_T_END || (k == CONF_T_CLOSE && open == 0))
			return;
		if (k == CONF_T_OPEN)
			open++;
		if (k == CONF_T_CLOSE && --open == 0)
			break;
		if (k == CONF_T_SEMICOLON && open == 0)
			break;
		if (k == CONF_T_BAD && open == 0)
			break;
	}
	next(r, src);
}

static bool starts_statement(const struct target *to, struct span word)
{
	if (conf_option_find(to->block, word) != SIZE_MAX)
		return true;
	size_t b = conf_block_find(word);
	if (b == SIZE_MAX)
		return false;
	return to->block == CONF_B_TOP || (to->block == CONF_B_LISTENER &&
					   conf_blocks[b].inherited);
}

static void missing_semicolon(struct reader *r, const struct conf_token *last)
{
	struct conf_token at = *last;
	at.line = last->end_line;
	at.column = last->end_column;
	WRONG(r, &at, "missing ; behind \"%.*s\"", SPAN_FMT(last->text));
}

/*
 * The values up to ; or {.  False: said, and skipped.  A known name at the
 * start of a line shows that a semicolon was forgotten: the statement ends
 * there, and the next one is read as meant.
 */
static bool gather(struct reader *r, struct source *src,
		   const struct target *to, struct statement *st)
{
	const struct conf_token *last = &st->name;
	st->count = 0;
	for (;; next(r, src)) {
		struct conf_token *t = &src->token;
		if (t->kind == CONF_T_SEMICOLON || t->kind == CONF_T_OPEN)
			return true;
		if (t->kind == CONF_T_BAD) {
			WRONG(r, t, "%s", t->fault);
			skip_statement(r, src);
			return false;
		}
		bool value = t->kind == CONF_T_WORD || t->kind == CONF_T_STRING;
		if (!value ||
		    (t->kind == CONF_T_WORD && t->line > last->end_line &&
		     st->count > 0 && starts_statement(to, t->text))) {
			if (going(r))
				missing_semicolon(r, last);
			return t->kind == CONF_T_WORD;
		}
		if (st->count == CONF_LIST_MAX) {
			WRONG(r, t, "more than %u values; split the list or "
				    "shorten it",
			      CONF_LIST_MAX);
			skip_statement(r, src);
			return false;
		}
		st->values[st->count++] = *t;
		last = &st->values[st->count - 1];
	}
}

static struct conf_origin origin(const struct reader *r,
				 const struct source *src,
				 const struct conf_token *t)
{
	if (r->standard)
		return (struct conf_origin){.from = CONF_FROM_DEFAULT};
	return (struct conf_origin){CONF_FROM_FILE, src->file, t->line,
				    t->column};
}

static void set_option(struct reader *r, const struct source *src,
		       const struct target *to, size_t index,
		       const struct statement *st)
{
	const struct conf_option *o = &conf_options[index];
	struct conf_origin *was = &to->area.origins[index];
	if (was->from == CONF_FROM_FILE && !conf_type_adds(o->type)) {
		WRONG(r, &st->name,
		      "%s is set a second time; the first is at %.*s:%u, keep "
		      "one of them",
		      o->name, SPAN_FMT(r->s->files[was->file]), was->line);
		return;
	}
	if (conf_value_parse(&r->p, o, &st->name, st->values, st->count,
			     to->area.base + o->offset))
		*was = origin(r, src, &st->name);
}

/* path as written, seen from the folder of the file that names it. */
static char *resolve(struct reader *r, struct span path)
{
	size_t slash = span_find_last(r->p.file, '/');
	if (path.ptr[0] == '/' || slash == SIZE_MAX)
		return arena_cstr(r->p.arena, path);
	struct span folder = span_sub(r->p.file, 0, slash + 1);
	char *out = arena_bytes(r->p.arena, folder.len + path.len + 1);
	if (!out)
		return NULL;
	memcpy(out, folder.ptr, folder.len);
	memcpy(out + folder.len, path.ptr, path.len);
	out[folder.len + path.len] = 0;
	return out;
}

static void read_source(struct reader *r, struct span name, struct span text,
			const struct source *parent, const struct target *to)
{
	struct source src = {.file = (uint32_t)r->s->file_count,
			     .parent = parent,
			     .depth = parent ? parent->depth + 1 : 0};
	struct span before = r->p.file;
	r->p.file = name;
	if (!r->standard)
		r->s->files[r->s->file_count++] = name;
	struct conf_place start = {name, 1, 1};
	if (text.len > CONF_FILE_MAX) {
		conf_wrong(r->p.report, start,
			   "the file has more than %u bytes; split it with "
			   "include",
			   CONF_FILE_MAX);
	} else {
		conf_lex_init(&src.lexer, text, r->p.arena);
		next(r, &src);
		statements(r, &src, to, false);
	}
	r->p.file = before;
}

static const char *include_refused(const struct reader *r,
				   const struct source *src, struct span path)
{
	if (!r->includes)
		return "files cannot be included here; write its content "
		       "instead";
	if (src->depth == CONF_DEPTH_MAX)
		return "includes are nested too deeply (16); include from an "
		       "outer file";
	for (const struct source *s = src; s; s = s->parent)
		if (span_eq(r->s->files[s->file], path))
			return "this file includes itself; remove one of the "
			       "includes";
	if (r->s->file_count == CONF_FILES_MAX)
		return "more than 64 files; join some of them";
	return NULL;
}

static void include(struct reader *r, struct source *src,
		    const struct target *to, const struct statement *st)
{
	const struct conf_token *t = &st->values[0];
	if (st->count != 1 || span_empty(t->text)) {
		WRONG(r, &st->name, "include takes one path, such as include "
				    "\"listeners.conf\";");
		return;
	}
	char *path = resolve(r, t->text);
	if (!path) {
		r->p.memory = true;
		return;
	}
	const char *why = include_refused(r, src, span_cstr(path));
	if (why) {
		WRONG(r, t, "%s", why);
		return;
	}
	struct span text = {0};
	why = r->includes->fetch(r->includes->ctx, path, &text);
	if (why)
		WRONG(r, t, "cannot read \"%s\": %s", path, why);
	else
		read_source(r, span_cstr(path), text, src, to);
}

static void unknown(struct reader *r, const struct target *to,
		    const struct conf_token *t, bool block)
{
	char advice[160];
	conf_advise(t->text, to->block, block, advice, sizeof(advice));
	struct span name = span_sub(t->text, 0, 64);
	WRONG(r, t, "unknown %s \"%.*s\"%s", block ? "block" : "option",
	      SPAN_FMT(name), advice);
}

/* What differs between the named blocks. */
struct kind {
	size_t *count, most;
	struct conf_instance *info;
	struct conf_area (*area)(const struct conf_snapshot *, size_t);
	bool (*find)(const struct conf *, struct span name);
};

static struct conf_area listener_area(const struct conf_snapshot *s, size_t i)
{
	return conf_area_listener(s, i, CONF_B_LISTENER);
}

static bool find_listener(const struct conf *c, struct span name)
{
	return conf_listener(c, name) != NULL;
}

static bool find_certificate(const struct conf *c, struct span name)
{
	return conf_certificate(c, name) != NULL;
}

static bool find_destination(const struct conf *c, struct span name)
{
	return conf_destination(c, name) != NULL;
}

static bool find_source(const struct conf *c, struct span name)
{
	return conf_source(c, name) != NULL;
}

static struct kind kind_of(struct conf_snapshot *s, enum conf_block block)
{
	if (block == CONF_B_LISTENER)
		return (struct kind){&s->values.listener_count,
				     CONF_LISTENERS_MAX, s->listener_info,
				     listener_area, find_listener};
	if (block == CONF_B_DESTINATION)
		return (struct kind){&s->values.destination_count,
				     CONF_DESTINATIONS_MAX, s->destination_info,
				     conf_area_destination, find_destination};
	if (block == CONF_B_SOURCE)
		return (struct kind){&s->values.source_count, CONF_SOURCES_MAX,
				     s->source_info, conf_area_source,
				     find_source};
	return (struct kind){&s->values.certificate_count,
			     CONF_CERTIFICATES_MAX, s->certificate_info,
			     conf_area_certificate, find_certificate};
}

/* A new named block, filled with defaults. */
static bool add_named(struct reader *r, enum conf_block block,
		      struct conf_origin where, const struct conf_token *name,
		      struct target *to)
{
	struct conf_snapshot *s = r->s;
	const struct kind kind = kind_of(s, block);
	size_t *count = kind.count;
	struct span copy;
	if (*count == kind.most) {
		WRONG(r, name, "more than %zu blocks of this kind; remove those "
			       "that are not needed",
		      *count);
		return false;
	}
	if (!arena_copy(r->p.arena, name->text, &copy)) {
		r->p.memory = true;
		return false;
	}
	size_t i = (*count)++;
	*to = (struct target){.block = block, .listener = i};
	kind.info[i].where = where;
	to->area = kind.area(s, i);
	memcpy(to->area.base, &copy, sizeof(copy)); /* the first member of all */
	if (block == CONF_B_DESTINATION && where.from == CONF_FROM_FILE) {
		s->destinations[i].file = s->files[where.file];
		s->destinations[i].line = where.line;
	}
	for (size_t k = 0; k < conf_option_count; k++)
		if (conf_options[k].block == block &&
		    !conf_value_initial(&r->p, &conf_options[k],
					to->area.base + conf_options[k].offset))
			return false;
	return true;
}

static bool named(struct reader *r, const struct source *src,
		  enum conf_block block, const struct statement *st,
		  struct target *to)
{
	const struct conf_token *t = &st->values[0];
	const char *kind = conf_blocks[block].name;
	if (st->count != 1 || !conf_is_name(t->text)) {
		WRONG(r, st->count ? t : &st->name,
		      "%s takes one name of letters, digits, - _ and . before "
		      "the {, such as %s main {",
		      kind, kind);
		return false;
	}
	if (kind_of(r->s, block).find(&r->s->values, t->text)) {
		WRONG(r, t, "there is a %s \"%.*s\" already; give this one "
			    "another name",
		      kind, SPAN_FMT(t->text));
		return false;
	}
	return add_named(r, block, origin(r, src, &st->name), t, to);
}

static bool enter(struct reader *r, struct source *src, const struct target *to,
		  const struct statement *st, struct target *inner)
{
	size_t b = conf_block_find(st->name.text);
	size_t o = conf_option_find(to->block, st->name.text);
	bool here = b != SIZE_MAX &&
		    (to->block == CONF_B_TOP || (to->block == CONF_B_LISTENER &&
						 conf_blocks[b].inherited));
	if (!here && o != SIZE_MAX) {
		WRONG(r, &src->token, "%s is no block; write %s VALUE;",
		      conf_options[o].name, conf_options[o].name);
		return false;
	}
	if (!here && b != SIZE_MAX) {
		WRONG(r, &st->name, "a block %s cannot stand inside %s; close "
				    "that one before it",
		      conf_blocks[b].name, conf_blocks[to->block].name);
		return false;
	}
	if (!here) {
		unknown(r, to, &st->name, true);
		return false;
	}
	if (conf_blocks[b].named)
		return named(r, src, (enum conf_block)b, st, inner);
	if (st->count > 0) {
		WRONG(r, &st->values[0], "a block %s has no name; remove it",
		      conf_blocks[b].name);
		return false;
	}
	*inner = (struct target){.block = (enum conf_block)b};
	inner->area = to->block == CONF_B_TOP
			      ? conf_area_top(r->s, inner->block)
			      : conf_area_listener(r->s, to->listener,
						   inner->block);
	return true;
}

static void block(struct reader *r, struct source *src, const struct target *to,
		  const struct statement *st)
{
	struct target inner;
	struct conf_token open = src->token;
	if (!enter(r, src, to, st, &inner)) {
		skip_statement(r, src);
		return;
	}
	next(r, src);
	statements(r, src, &inner, true);
	if (src->token.kind == CONF_T_CLOSE)
		next(r, src);
	else if (going(r))
		WRONG(r, &open, "this { is never closed; put a } behind the "
				"block's last statement");
	/* "};" is a habit from elsewhere and does no harm. */
	if (src->token.kind == CONF_T_SEMICOLON)
		next(r, src);
}

static void plain(struct reader *r, struct source *src, const struct target *to,
		  const struct statement *st)
{
	size_t i = conf_option_find(to->block, st->name.text);
	size_t b = conf_block_find(st->name.text);
	if (span_eq(st->name.text, SPAN("include")))
		include(r, src, to, st);
	else if (i != SIZE_MAX)
		set_option(r, src, to, i, st);
	else if (b != SIZE_MAX && starts_statement(to, st->name.text))
		WRONG(r, &st->name, "%s is a block; write %s%s { ... }",
		      conf_blocks[b].name, conf_blocks[b].name,
		      conf_blocks[b].named ? " NAME" : "");
	else
		unknown(r, to, &st->name, false);
}

static void statement(struct reader *r, struct source *src,
		      const struct target *to)
{
	struct statement st;
	st.name = src->token;
	next(r, src);
	if (!gather(r, src, to, &st))
		return;
	if (src->token.kind == CONF_T_OPEN) {
		block(r, src, to, &st);
		return;
	}
	plain(r, src, to, &st);
	/* Behind a forgotten semicolon stands the next statement. */
	if (src->token.kind == CONF_T_SEMICOLON)
		next(r, src);
}

static void statements(struct reader *r, struct source *src,
		       const struct target *to, bool braces)
{
	while (going(r)) {
		struct conf_token *t = &src->token;
		if (t->kind == CONF_T_END || (t->kind == CONF_T_CLOSE && braces))
			return;
		if (t->kind == CONF_T_WORD) {
			statement(r, src, to);
			continue;
		}
		if (t->kind == CONF_T_BAD)
			WRONG(r, t, "%s", t->fault);
		else if (t->kind == CONF_T_CLOSE)
			WRONG(r, t, "this } closes nothing; remove it");
		else if (t->kind == CONF_T_SEMICOLON)
			WRONG(r, t, "nothing stands before this ;, remove it");
		else
			WRONG(r, t, "a statement begins with the name of an "
				    "option or a block");
		if (t->kind == CONF_T_STRING || t->kind == CONF_T_OPEN)
			skip_statement(r, src);
		else
			next(r, src);
	}
}

static bool start(struct reader *r)
{
	struct conf_snapshot *s = r->s;
	s->certificates = ARENA_ARRAY(s->arena, CONF_CERTIFICATES_MAX,
				      struct conf_certificate);
	s->certificate_info = ARENA_ARRAY(s->arena, CONF_CERTIFICATES_MAX,
					  struct conf_instance);
	s->listeners =
		ARENA_ARRAY(s->arena, CONF_LISTENERS_MAX, struct conf_listener);
	s->listener_info =
		ARENA_ARRAY(s->arena, CONF_LISTENERS_MAX, struct conf_instance);
	s->destinations = ARENA_ARRAY(s->arena, CONF_DESTINATIONS_MAX,
				      struct conf_destination);
	s->destination_info = ARENA_ARRAY(s->arena, CONF_DESTINATIONS_MAX,
					  struct conf_instance);
	s->sources = ARENA_ARRAY(s->arena, CONF_SOURCES_MAX, struct conf_source);
	s->source_info =
		ARENA_ARRAY(s->arena, CONF_SOURCES_MAX, struct conf_instance);
	if (!s->certificates || !s->certificate_info || !s->listeners ||
	    !s->listener_info || !s->destinations || !s->destination_info ||
	    !s->sources || !s->source_info)
		return false;
	s->values.sources = s->sources;
	s->values.destinations = s->destinations;
	s->values.certificates = s->certificates;
	s->values.listeners = s->listeners;
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		if (!conf_blocks[o->block].named &&
		    !conf_value_initial(&r->p, o,
					conf_area_top(s, o->block).base +
						o->offset))
			return false;
	}
	return true;
}

/* One that is switched off counts: somebody did not want it. */
static bool has_role(const struct conf_snapshot *s, enum conf_listener_role role)
{
	for (size_t i = 0; i < s->values.listener_count; i++)
		if (s->listeners[i].role == role)
			return true;
	return s->values.listener_count == CONF_LISTENERS_MAX;
}

static void run(struct reader *r, struct span file, struct span text)
{
	struct target top = {.block = CONF_B_TOP,
			     .area = conf_area_top(r->s, CONF_B_TOP)};
	struct span name;
	if (!start(r) || !arena_copy(r->p.arena, file, &name)) {
		r->p.memory = true;
		return;
	}
	read_source(r, name, text, NULL, &top);
	if (!going(r))
		return;
	if (r->s->values.listener_count == 0) {
		r->standard = true;
		read_source(r, SPAN("standard"), SPAN(STANDARD_LISTENERS), NULL,
			    &top);
	}
	if (!has_role(r->s, CONF_ROLE_ADMIN)) {
		r->standard = true;
		read_source(r, SPAN("standard"), SPAN(STANDARD_ADMIN), NULL,
			    &top);
	}
	if (!has_role(r->s, CONF_ROLE_LOCAL)) {
		r->standard = true;
		read_source(r, SPAN("standard"), SPAN(STANDARD_LOCAL), NULL,
			    &top);
	}
	if (!conf_complete(r->s))
		r->p.memory = true;
	else if (r->p.report->errors == 0)
		conf_judge(r->p.report, r->s);
}

enum conf_result conf_parse(struct span file, struct span text,
			    const struct conf_includes *includes,
			    struct conf_report *report,
			    struct conf_snapshot **out)
{
	*out = NULL;
	if (!conf_report_init(report))
		return CONF_MEMORY;
	struct arena *arena = arena_new(CONF_MEMORY_MAX);
	struct conf_snapshot *s =
		arena ? ARENA_NEW(arena, struct conf_snapshot) : NULL;
	if (!s) {
		arena_free(arena);
		return CONF_MEMORY;
	}
	s->tag = SNAPSHOT_TAG;
	s->arena = arena;
	struct reader r = {.p = {.arena = arena, .report = report, .file = file},
			   .s = s,
			   .includes = includes};
	run(&r, file, text);
	if (!arena_copy(report->arena, s->values.data, &report->data))
		r.p.memory = true;
	if (!r.p.memory && report->errors == 0) {
		*out = s;
		return CONF_OK;
	}
	conf_snapshot_free(s);
	return r.p.memory ? CONF_MEMORY : CONF_WRONG;
}

void conf_snapshot_free(struct conf_snapshot *s)
{
	if (!s)
		return;
	ENSURE_TAG(s, SNAPSHOT_TAG);
	s->tag = 0;
	arena_free(s->arena);
}

const struct conf *conf_values(const struct conf_snapshot *s)
{
	ENSURE_TAG(s, SNAPSHOT_TAG);
	return &s->values;
}
