/* SPDX-License-Identifier: Apache-2.0 */
/* mime/gist: hands what mime/text gives to terms/extract, field by field. */
#include "mime/gist.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "mime/text.h"
#include "terms/field.h"

#define GIST_TAG TAG4('G', 'I', 'S', 'T')

struct mime_gist {
	uint32_t tag;
	struct terms *terms;
	struct mime_text *text;
	struct mime_text_sink sink;
};

static void on_field(void *arg, const struct mime_text_field *f)
{
	struct mime_gist *g = arg;
	enum term_field field = f->top ? term_field_named(f->name) : TERM_HEADER;
	if (term_field_is_seal(f->name))
		return;
	struct span name = span_sub(f->line, 0, f->line.len - f->value.len);
	terms_text(g->terms, TERM_HEADER, name);
	terms_text(g->terms, field, f->value);
	terms_break(g->terms);
}

static void on_text(void *arg, struct span piece)
{
	struct mime_gist *g = arg;
	if (piece.len > 0)
		terms_text(g->terms, TERM_BODY, piece);
	else
		terms_break(g->terms);
}

static bool enough(void *arg)
{
	struct mime_gist *g = arg;
	return terms_open(g->terms);
}

struct mime_gist *mime_gist_new(struct mime_charsets *c, const struct summary *s,
				const uint8_t secret[SIPHASH_KEY])
{
	struct mime_gist *g = calloc(1, sizeof *g);
	if (g == NULL)
		return NULL;
	g->tag = GIST_TAG;
	g->sink = (struct mime_text_sink){on_field, on_text, enough, g};
	g->terms = terms_new(secret);
	g->text = mime_text_new(c, s, &g->sink);
	if (g->terms != NULL && g->text != NULL)
		return g;
	mime_gist_free(g);
	return NULL;
}

void mime_gist_free(struct mime_gist *g)
{
	if (g == NULL)
		return;
	ENSURE_TAG(g, GIST_TAG);
	mime_text_free(g->text);
	terms_free(g->terms);
	g->tag = 0;
	free(g);
}

void mime_gist_prefix(struct mime_gist *g, struct span fields)
{
	ENSURE_TAG(g, GIST_TAG);
	mime_text_fields(g->text, fields);
}

bool mime_gist_feed(struct mime_gist *g, struct span chunk)
{
	ENSURE_TAG(g, GIST_TAG);
	mime_text_feed(g->text, chunk);
	return enough(g);
}

void mime_gist_end(struct mime_gist *g)
{
	ENSURE_TAG(g, GIST_TAG);
	mime_text_end(g->text);
	terms_break(g->terms);
}

struct span mime_gist_terms(const struct mime_gist *g) { return terms_bytes(g->terms); }

bool mime_gist_short(const struct mime_gist *g)
{
	return mime_text_short(g->text) || terms_short(g->terms);
}
