/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/print - values as text, one function a type: what conf_value_parse reads
 * as the same.
 */
#include "conf/value.h"

#include "conf/net.h"

static void print_text(struct span s, struct buf *out)
{
	bool plain = s.len > 0;
	for (size_t i = 0; i < s.len; i++)
		plain &= s.ptr[i] > ' ' && s.ptr[i] < 0x7f &&
			 !memchr(";{}\"#", s.ptr[i], 5);
	if (plain) {
		buf_add(out, s);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.ptr[i]);
	}
	buf_addc(out, '"');
}

static void print_words(const struct conf_option *o, const void *at,
			struct buf *out)
{
	const struct conf_words *w = at;
	for (size_t i = 0; i < w->count; i++) {
		struct buf b;
		buf_init(&b, 2 * CONF_VALUE_MAX);
		if (o->type == CONF_SECRETS)
			buf_add(&b, SPAN("file:"));
		buf_add(&b, w->at[i]);
		if (i)
			buf_addc(out, ' ');
		print_text(buf_span(&b), out);
		buf_free(&b);
	}
}

static void print_nets(const struct conf_option *o, const void *at,
		       struct buf *out)
{
	const struct conf_nets *n = at;
	for (size_t i = 0; i < n->count; i++) {
		if (i)
			buf_addc(out, ' ');
		conf_net_print(&n->at[i], o->type == CONF_ADDRESSES, out);
	}
}

static void print_resolvers(const void *at, struct buf *out)
{
	const struct conf_resolvers *r = at;
	for (size_t i = 0; i < r->count; i++) {
		if (i)
			buf_addc(out, ' ');
		conf_resolver_print(&r->at[i], out);
	}
}

static void print_durations(const struct conf_option *o, const void *at,
			    struct buf *out)
{
	const struct conf_durations *d = at;
	for (size_t i = 0; i < d->count; i++) {
		if (i)
			buf_addc(out, ' ');
		conf_number_print(o, d->at[i], out);
	}
}

size_t conf_value_items(const struct conf_option *o, const void *at)
{
	if (o->type == CONF_SNIS)
		return ((const struct conf_snis *)at)->count;
	if (o->type == CONF_MAPS)
		return ((const struct conf_maps *)at)->count;
	return 1;
}

void conf_value_print(const struct conf_option *o, const void *at, size_t item,
		      struct buf *out)
{
	const struct conf_snis *snis = at;
	const struct conf_maps *maps = at;
	switch ((enum conf_type)o->type) {
	case CONF_BOOL:
		buf_add(out, *(const bool *)at ? SPAN("on") : SPAN("off"));
		break;
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_PERCENT:
		conf_number_print(o, *(const uint64_t *)at, out);
		break;
	case CONF_CHOICE:
		buf_add(out, span_cstr(o->choices[*(const uint32_t *)at]));
		break;
	case CONF_STRING:
	case CONF_CIPHERS:
	case CONF_NAME:
	case CONF_HOST:
	case CONF_PATH:
		print_text(*(const struct span *)at, out);
		break;
	case CONF_ADDRESSES:
	case CONF_NETWORKS:
		print_nets(o, at, out);
		break;
	case CONF_RESOLVERS:
		print_resolvers(at, out);
		break;
	case CONF_DURATIONS:
		print_durations(o, at, out);
		break;
	case CONF_WORDS:
	case CONF_ACCOUNT_NAMES:
	case CONF_DOMAINS:
	case CONF_PATHS:
	case CONF_SECRETS:
		print_words(o, at, out);
		break;
	case CONF_SNIS:
		buf_add(out, snis->at[item].name);
		buf_addc(out, ' ');
		buf_add(out, snis->at[item].certificate);
		break;
	case CONF_MAPS:
		print_text(maps->at[item].from, out);
		buf_addc(out, ' ');
		print_text(maps->at[item].to, out);
		break;
	}
}

bool conf_value_empty(const struct conf_option *o, const void *at)
{
	switch ((enum conf_type)o->type) {
	case CONF_BOOL:
		return false;
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_PERCENT:
		return *(const uint64_t *)at < o->min;
	case CONF_CHOICE:
		return o->choices[*(const uint32_t *)at][0] == 0;
	case CONF_STRING:
	case CONF_CIPHERS:
	case CONF_NAME:
	case CONF_HOST:
	case CONF_PATH:
		return ((const struct span *)at)->len < o->min ||
		       (o->min == 0 && o->type != CONF_STRING &&
			((const struct span *)at)->len == 0);
	case CONF_ADDRESSES:
	case CONF_NETWORKS:
		return ((const struct conf_nets *)at)->count == 0;
	case CONF_RESOLVERS:
		return ((const struct conf_resolvers *)at)->count == 0;
	case CONF_DURATIONS:
		return ((const struct conf_durations *)at)->count == 0;
	case CONF_WORDS:
	case CONF_ACCOUNT_NAMES:
	case CONF_DOMAINS:
	case CONF_PATHS:
	case CONF_SECRETS:
		return ((const struct conf_words *)at)->count == 0;
	case CONF_SNIS:
		return ((const struct conf_snis *)at)->count == 0;
	case CONF_MAPS:
		return ((const struct conf_maps *)at)->count == 0;
	}
	return true;
}
