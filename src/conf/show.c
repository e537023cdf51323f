/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/show - walking a snapshot in the order of the table, once for text and
 * once for JSON: the walk calls a small table of functions at each block and
 * option.
 */
#include "conf/show.h"

#include "conf/options.h"
#include "conf/snapshot.h"
#include "conf/value.h"

struct show {
	const struct conf_snapshot *s;
	enum conf_show what;
	struct buf *out;
	unsigned depth;
	bool first; /* JSON: no comma yet */
};

struct writer {
	void (*open)(struct show *, const char *block, struct span name);
	void (*close)(struct show *);
	void (*option)(struct show *, const struct conf_option *,
		       const void *at, const struct conf_origin *);
};

static bool is_number(const struct conf_option *o)
{
	return o->type == CONF_NUMBER || o->type == CONF_SIZE ||
	       o->type == CONF_DURATION || o->type == CONF_PERCENT;
}

static bool shown(const struct show *w, const struct conf_option *o,
		  const void *at, const struct conf_origin *origin)
{
	if (w->what == CONF_SHOW_WRITTEN)
		return origin->from == CONF_FROM_FILE;
	if (w->what == CONF_SHOW_LIMITS && !is_number(o))
		return false;
	return !conf_value_empty(o, at);
}

static const char *unit(const struct conf_option *o)
{
	switch (o->type) {
	case CONF_SIZE:
		return "bytes";
	case CONF_DURATION:
		return "seconds";
	case CONF_PERCENT:
		return "per cent";
	default:
		return "";
	}
}

/* "mail.conf:3", "default", "inherited from limits, mail.conf:3". */
static void print_origin(const struct show *w, const struct conf_option *o,
			 const struct conf_origin *from, struct buf *out)
{
	if (from->from == CONF_FROM_INHERITED)
		buf_printf(out, "inherited from %s, ",
			   conf_blocks[o->block].name);
	if (from->line == 0) {
		buf_add(out, SPAN("default"));
		return;
	}
	/* A file's name is not ours: no line end may leave the comment. */
	struct span file = w->s->files[from->file];
	for (size_t i = 0; i < file.len; i++) {
		unsigned char c = (unsigned char)file.ptr[i];
		buf_addc(out, c < ' ' || c == 0x7f ? '?' : (char)c);
	}
	buf_printf(out, ":%u", from->line);
}

static void indent(struct show *w)
{
	for (unsigned i = 0; i < w->depth; i++)
		buf_addc(w->out, '\t');
}

static void text_open(struct show *w, const char *block, struct span name)
{
	indent(w);
	buf_add(w->out, span_cstr(block));
	buf_addc(w->out, ' ');
	if (name.len) {
		buf_add(w->out, name);
		buf_addc(w->out, ' ');
	}
	buf_add(w->out, SPAN("{\n"));
	w->depth++;
}

static void text_close(struct show *w)
{
	w->depth--;
	indent(w);
	buf_add(w->out, SPAN("}\n"));
}

static void text_limit(struct show *w, const struct conf_option *o,
		       const void *at)
{
	buf_add(w->out, SPAN("  # "));
	if (unit(o)[0])
		buf_printf(w->out, "%llu %s, ",
			   (unsigned long long)*(const uint64_t *)at, unit(o));
	conf_number_print(o, o->min, w->out);
	buf_add(w->out, SPAN(" to "));
	conf_number_print(o, o->max, w->out);
}

static void text_option(struct show *w, const struct conf_option *o,
			const void *at, const struct conf_origin *origin)
{
	size_t n = conf_value_items(o, at);
	for (size_t i = 0; i < n; i++) {
		indent(w);
		buf_add(w->out, span_cstr(o->name));
		buf_addc(w->out, ' ');
		conf_value_print(o, at, i, w->out);
		buf_addc(w->out, ';');
		if (w->what == CONF_SHOW_LIMITS)
			text_limit(w, o, at);
		if (w->what == CONF_SHOW_EFFECTIVE) {
			buf_add(w->out, SPAN("  # "));
			print_origin(w, o, origin, w->out);
		}
		buf_addc(w->out, '\n');
	}
}

static void json_string(struct buf *out, struct span s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		if (c < ' ')
			buf_printf(out, "\\u%04x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, '"');
}

static void json_next(struct show *w)
{
	buf_add(w->out, w->first ? SPAN("\n") : SPAN(",\n"));
	w->first = false;
	indent(w);
}

/* Named blocks: "listener NAME"; option names hold no blank, so none clash. */
static void json_open(struct show *w, const char *block, struct span name)
{
	json_next(w);
	buf_printf(w->out, "\"%s%s%.*s\": {", block, name.len ? " " : "",
		   SPAN_FMT(name));
	w->depth++;
	w->first = true;
}

static void json_close(struct show *w)
{
	w->depth--;
	buf_addc(w->out, '\n');
	indent(w);
	buf_addc(w->out, '}');
	w->first = false;
}

static void json_value(struct show *w, const struct conf_option *o,
		       const void *at)
{
	struct buf b;
	size_t n = conf_value_items(o, at);
	if (is_number(o)) {
		buf_add_u64(w->out, *(const uint64_t *)at);
		return;
	}
	if (o->type == CONF_BOOL) {
		buf_add(w->out,
			*(const bool *)at ? SPAN("true") : SPAN("false"));
		return;
	}
	if (o->type == CONF_STRING) {
		json_string(w->out, *(const struct span *)at);
		return;
	}
	buf_init(&b, CONF_SHOW_MAX);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add(&b, SPAN(", "));
		conf_value_print(o, at, i, &b);
	}
	json_string(w->out, buf_span(&b));
	buf_free(&b);
}

static void json_option(struct show *w, const struct conf_option *o,
			const void *at, const struct conf_origin *origin)
{
	json_next(w);
	buf_printf(w->out, "\"%s\": ", o->name);
	if (w->what == CONF_SHOW_WRITTEN) {
		json_value(w, o, at);
		return;
	}
	buf_add(w->out, SPAN("{\"value\": "));
	json_value(w, o, at);
	if (w->what == CONF_SHOW_LIMITS) {
		buf_printf(w->out, ", \"unit\": \"%s\", \"min\": %llu, \"max\": %llu}",
			   unit(o), (unsigned long long)o->min,
			   (unsigned long long)o->max);
		return;
	}
	struct buf b;
	buf_init(&b, CONF_SHOW_MAX);
	print_origin(w, o, origin, &b);
	buf_add(w->out, SPAN(", \"origin\": "));
	json_string(w->out, buf_span(&b));
	buf_addc(w->out, '}');
	buf_free(&b);
}

static const struct writer text_writer = {text_open, text_close, text_option};
static const struct writer json_writer = {json_open, json_close, json_option};

/* Options of one block; with title its braces, when there is anything. */
static void walk_block(struct show *w, const struct writer *v,
		       enum conf_block block, struct conf_area a, bool title)
{
	bool open = !title;
	for (size_t k = 0; k < conf_option_count; k++) {
		const struct conf_option *o = &conf_options[k];
		const void *at = a.base + o->offset;
		if (o->block != block || !shown(w, o, at, &a.origins[k]))
			continue;
		if (!open)
			v->open(w, conf_blocks[block].name, SPAN(""));
		open = true;
		v->option(w, o, at, &a.origins[k]);
	}
	if (open && title)
		v->close(w);
}

static bool instance_shown(const struct show *w, const struct conf_instance *i)
{
	return w->what != CONF_SHOW_WRITTEN || i->where.from == CONF_FROM_FILE;
}

static void walk_listener(struct show *w, const struct writer *v, size_t i)
{
	v->open(w, "listener", w->s->listeners[i].name);
	for (unsigned b = 0; b < CONF_BLOCKS; b++) {
		/* The listener's own statements come before its blocks. */
		unsigned at = b == 0 ? CONF_B_LISTENER : b - 1;
		if (at == CONF_B_TOP || !conf_in_listener(at) ||
		    (b > 0 && at == CONF_B_LISTENER))
			continue;
		/* Without TLS its settings mean nothing. */
		if (at == CONF_B_TLS && w->what == CONF_SHOW_LIMITS)
			continue;
		walk_block(w, v, at, conf_area_listener(w->s, i, at),
			   at != CONF_B_LISTENER);
	}
	v->close(w);
}

static void walk(struct show *w, const struct writer *v)
{
	const struct conf *c = &w->s->values;
	for (unsigned b = 0; b < CONF_BLOCKS; b++)
		if (!conf_blocks[b].named)
			walk_block(w, v, b, conf_area_top(w->s, b),
				   b != CONF_B_TOP);
	for (size_t i = 0; i < c->certificate_count; i++) {
		if (w->what == CONF_SHOW_LIMITS ||
		    !instance_shown(w, &w->s->certificate_info[i]))
			continue;
		v->open(w, "certificate", c->certificates[i].name);
		walk_block(w, v, CONF_B_CERTIFICATE,
			   conf_area_certificate(w->s, i), false);
		v->close(w);
	}
	for (size_t i = 0; i < c->listener_count; i++)
		if (instance_shown(w, &w->s->listener_info[i]))
			walk_listener(w, v, i);
	for (size_t i = 0; i < c->destination_count; i++) {
		v->open(w, "destination", c->destinations[i].name);
		walk_block(w, v, CONF_B_DESTINATION,
			   conf_area_destination(w->s, i), false);
		v->close(w);
	}
	for (size_t i = 0; i < c->source_count; i++) {
		v->open(w, "source", c->sources[i].name);
		walk_block(w, v, CONF_B_SOURCE, conf_area_source(w->s, i),
			   false);
		v->close(w);
	}
}

void conf_show_text(const struct conf_snapshot *s, enum conf_show what,
		    struct buf *out)
{
	struct show w = {.s = s, .what = what, .out = out};
	walk(&w, &text_writer);
}

void conf_show_json(const struct conf_snapshot *s, enum conf_show what,
		    struct buf *out)
{
	struct show w = {
		.s = s, .what = what, .out = out, .depth = 1, .first = true};
	buf_addc(out, '{');
	walk(&w, &json_writer);
	buf_add(out, SPAN("\n}\n"));
}
