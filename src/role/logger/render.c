/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/logger/render: escapes once, in one place.
 *
 * Must never let a byte of a value act: no line end, no quote, no terminal
 * control sequence gets through unescaped.
 */
#include "role/logger/render.h"

#include "base/civil.h"
#include "base/utf8.h"

const char *render_level(enum role_logger_level l)
{
	static const char *const names[] = {"debug", "info", "notice",
					    "warning", "error"};
	return (size_t)l < ARRAY_LEN(names) ? names[l] : "error";
}

static bool acts(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
	       c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/* The inside of a JSON string; also right between logfmt's quotes. */
static void escaped(struct buf *out, struct span v)
{
	while (v.len > 0) {
		uint32_t c;
		size_t n = utf8_decode(v, &c);
		if (n == 0) { /* not UTF-8: the byte as U+00XX */
			buf_printf(out, "\\u%04x", (unsigned char)v.ptr[0]);
			n = 1;
		} else if (c == '"' || c == '\\') {
			buf_addc(out, '\\');
			buf_addc(out, (char)c);
		} else if (acts(c)) {
			buf_printf(out, "\\u%04x", c);
		} else {
			buf_add(out, span_sub(v, 0, n));
		}
		v = span_skip(v, n);
	}
}

static bool plain(struct span v)
{
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];
		if (!ascii_alnum(c) && !span_has(SPAN("-_.:/@+<>[],%*"), c))
			return false;
	}
	return v.len > 0;
}

static void quoted(struct buf *out, struct span v)
{
	buf_addc(out, '"');
	escaped(out, v);
	buf_addc(out, '"');
}

static void logfmt_value(struct buf *out, struct span v)
{
	if (plain(v))
		buf_add(out, v);
	else
		quoted(out, v);
}

static bool wanted(const struct conf_words *only, struct span key)
{
	for (size_t i = 0; i < only->count; i++)
		if (span_eq(only->at[i], key))
			return true;
	return only->count == 0;
}

/*
 * Names that only the logger writes: a field of the same name, from a role that
 * lies about who it is, gets an underline before it.
 */
static bool reserved(struct span key)
{
	static const char *const ours[] = {"time", "level", "role",
					   "pid",  "event", "id"};
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (span_eq_nocase(key, span_cstr(ours[i])))
			return true;
	return false;
}

static void json(struct buf *out, const struct conf_words *only,
		 const struct render_stamp *t, const struct role_logger_line *l)
{
	buf_add(out, SPAN("{\"time\":\""));
	civil_add_iso(out, t->sec * 1000 + t->nsec / 1000000);
	buf_printf(out, "\",\"level\":\"%s\",\"role\":\"%.*s\",\"pid\":%u,"
			"\"event\":",
		   render_level(l->level), SPAN_FMT(t->role), t->pid);
	quoted(out, l->event);
	if (l->id != 0)
		buf_printf(out, ",\"id\":\"%016llx\"",
			   (unsigned long long)l->id);
	for (size_t i = 0; i < l->fields_count; i++) {
		if (!wanted(only, l->fields[i].key))
			continue;
		buf_add(out, SPAN(",\""));
		if (reserved(l->fields[i].key))
			buf_addc(out, '_');
		escaped(out, l->fields[i].key);
		buf_add(out, SPAN("\":"));
		quoted(out, l->fields[i].value);
	}
	buf_add(out, SPAN("}\n"));
}

static void pairs(struct buf *out, const struct conf_words *only,
		  const struct role_logger_line *l, struct span except)
{
	for (size_t i = 0; i < l->fields_count; i++) {
		const struct role_logger_field *f = &l->fields[i];
		if (span_eq(f->key, except) || !wanted(only, f->key))
			continue;
		buf_addc(out, ' ');
		if (reserved(f->key))
			buf_addc(out, '_');
		buf_add(out, plain(f->key) ? f->key : SPAN("field"));
		buf_addc(out, '=');
		logfmt_value(out, f->value);
	}
	buf_addc(out, '\n');
}

static void logfmt(struct buf *out, const struct conf_words *only,
		   const struct render_stamp *t,
		   const struct role_logger_line *l)
{
	buf_add(out, SPAN("time="));
	civil_add_iso(out, t->sec * 1000 + t->nsec / 1000000);
	buf_printf(out, " level=%s role=%.*s pid=%u event=",
		   render_level(l->level), SPAN_FMT(t->role), t->pid);
	logfmt_value(out, l->event);
	if (l->id != 0)
		buf_printf(out, " id=%016llx", (unsigned long long)l->id);
	pairs(out, only, l, SPAN(""));
}

static struct span message_of(const struct role_logger_line *l)
{
	for (size_t i = 0; i < l->fields_count; i++)
		if (span_eq(l->fields[i].key, SPAN("message")))
			return l->fields[i].value;
	return SPAN("");
}

static void syslog_line(struct buf *out, const struct conf_words *only,
			const struct render_stamp *t,
			const struct role_logger_line *l)
{
	struct span message = message_of(l);
	civil_add_syslog(out, t->sec);
	buf_printf(out, " %.*s %.*s/%.*s[%u]: ", SPAN_FMT(t->host),
		   SPAN_FMT(t->tag), SPAN_FMT(t->role), t->pid);
	if (message.len > 0) {
		escaped(out, message);
		buf_add(out, SPAN(" event="));
	}
	logfmt_value(out, l->event);
	if (l->id != 0)
		buf_printf(out, " id=%016llx", (unsigned long long)l->id);
	pairs(out, only, l, SPAN("message"));
}

void render_line(struct buf *out, uint32_t format, const struct conf_words *only,
		 const struct render_stamp *t, const struct role_logger_line *l)
{
	if (format == CONF_LOG_JSON)
		json(out, only, t, l);
	else if (format == CONF_LOG_LOGFMT)
		logfmt(out, only, t, l);
	else
		syslog_line(out, only, t, l);
}
