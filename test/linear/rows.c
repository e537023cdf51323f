/* SPDX-License-Identifier: Apache-2.0 */
/* test/linear: rows of the store, messages of hops, texts to sign, certificates. */
#include <stdio.h>
#include <stdlib.h>

#include "backup/manifest.h"
#include "base/ensure.h"
#include "box/format.h"
#include "directory/format.h"
#include "index/ask.h"
#include "index/list.h"
#include "index/merge.h"
#include "index/row.h"
#include "kv/wal.h"
#include "linear.h"
#include "os/file.h"
#include "os/linux.h"
#include "role/logger/trail.h"
#include "spool/facts.h"
#include "spool/format.h"
#include "rewrite/rewrite.h"
#include "srs/srs.h"
#include "tls/certificate.h"
#include "tls/recognise.h"
#include "wire/edge_store.h"
#include "wire/store_sorter.h"
#include "url/imap.h"

static void on_page(void *arg, uint32_t index)
{
	(void)arg;
	(void)index;
}

static bool on_run(void *arg, uint32_t first, uint32_t last)
{
	(void)arg;
	return first <= last;
}

static void log_row(struct span in)
{
	(void)!box_log_read(in, on_page, on_run, NULL);
}

/* Runs of one message, every other UID. */
static void log_build(struct buf *b, size_t n)
{
	struct log_row l = {.run_count = n / 2 - 16};
	l.runs = calloc(l.run_count, sizeof *l.runs);
	ENSURE(l.runs != NULL);
	for (size_t i = 0; i < l.run_count; i++)
		l.runs[i].first = l.runs[i].last = (uint32_t)(2 * i + 1);
	box_log_write(b, &l);
	free(l.runs);
}

/* A row of an index: the text of each term asked for, and all of them read. */
static bool one_row(void *arg, uint32_t segment, enum index_part part, uint32_t n,
		    struct buf *out)
{
	(void)segment;
	(void)n;
	buf_clear(out);
	buf_add(out, part == INDEX_WORDS ? *(const struct span *)arg : SPAN("\0\0\0\0"));
	return buf_ok(out);
}

static bool no_sink(void *arg, uint32_t segment, enum index_part part, uint32_t n,
		    struct span row)
{
	(void)arg;
	(void)segment;
	(void)part;
	(void)n;
	return row.len > 0;
}

static bool everybody(void *arg, uint32_t uid)
{
	(void)arg;
	return uid > 0;
}

static void index_row(struct span in)
{
	static struct index_shelf shelf;
	struct index_segment out, s = {.id = 1, .first = 1, .last = 9, .docs = 4,
				       .uids_bytes = 4, .word_rows = 1};
	struct index_rows rows = {one_row, &in};
	struct index_sink sink = {no_sink, NULL};
	struct index_alive alive = {everybody, NULL};
	struct index_ask *a = index_ask_new();
	struct needle n;
	uint64_t bits[1024] = {0};
	needle_cut(&n, SPAN("aaab"));
	ENSURE(a != NULL && index_ask_leaf(a, (1u << TERM_FIELDS) - 1, &n));
	ENSURE(index_ask_run(a, &s, &rows) != INDEX_MEMORY);
	ENSURE(index_merge(&s, 1, &rows, &sink, &alive, 2, &out) != INDEX_MEMORY);
	(void)!index_list_or(in, 65536, bits);
	(void)!index_shelf_read(in, &shelf);
	index_ask_free(a);
}

static void index_build(struct buf *b, size_t n)
{
	struct buf texts, numbers;
	uint32_t count = 0;
	buf_init(&texts, n);
	buf_init(&numbers, n);
	while (buf_len(&texts) + buf_len(&numbers) + 64 < n) {
		buf_printf(&texts, "\x11" "aaa%05xaaab", count++);
		buf_addc(&numbers, 3);
	}
	index_row_write(b, count, 0, buf_span(&texts), buf_span(&numbers));
	buf_free(&texts);
	buf_free(&numbers);
}

static void other_rows(struct span in)
{
	static struct page p;
	struct cold c;
	struct box_order o;
	struct done_row d;
	struct name_row name;
	struct gone_row gone;
	struct removed_row removed;
	struct span names[BOX_KEYWORDS_MAX];
	size_t n;
	(void)!box_gone_read(in, &gone);
	(void)!box_removed_read(in, &removed);
	(void)!box_page_read(in, 3, &p);
	(void)!box_cold_read(in, &c);
	(void)!box_order_read(in, &o);
	(void)!box_done_read(in, &d);
	(void)!box_name_read(in, &name);
	(void)!box_keywords_read(in, names, &n);
	struct box_grants grants;
	(void)!box_grants_read(in, &grants);
}

static void alias_row(struct span in)
{
	struct user_row user;
	struct span one;
	ENSURE(directory_user_read(in, &user));
	while (directory_list_next(&user.targets, &one))
		;
}

static void alias_build(struct buf *b, size_t n)
{
	static const struct span target = SPAN_INIT("someone.with.a.long.name.for.an.alias@somewhere.example");
	struct directory_alias a = {.address = SPAN("a@b.example"), .count = n / 60};
	struct span *targets = calloc(a.count, sizeof *targets);
	ENSURE(targets != NULL);
	for (size_t i = 0; i < a.count; i++)
		targets[i] = target;
	a.targets = targets;
	directory_user_write_alias(b, &a);
	free(targets);
}

static void directory_names(struct span in)
{
	struct span local, part;
	(void)directory_address_ok(in);
	(void)directory_domain_ok(in);
	(void)!directory_split(in, &local, &part);
}

static void spool_rows(struct span in)
{
	const struct spool_id id = {{1}};
	struct spool_facts f;
	struct spool_recipient r;
	struct job_row j;
	struct lease_row l;
	struct whole w;
	(void)!spool_whole_read(in, &id, &w);
	(void)!spool_recipient_read(in, 1, &r);
	(void)!spool_job_read(in, &id, &j);
	(void)!spool_lease_read(in, &l);
	(void)!spool_facts_read(in, &f);
}

static void recognise(struct span in)
{
	(void)tls_recognise(0x0403, in);
}

/* The same bytes as every message of two hops. */
static void hop(struct span in)
{
	char *text = malloc(in.len);
	ENSURE(text != NULL);
	memcpy(text, in.ptr, in.len);
	for (int kind = 0; kind < 64; kind++) {
		text[0] = (char)kind;
		edge_store_decode_any(span_of(text, in.len));
		store_sorter_decode_any(span_of(text, in.len));
	}
	free(text);
}

static void certificate(struct span in)
{
	struct arena *a = arena_new(8u << 20);
	struct tls_certificate c;
	ENSURE(a != NULL);
	(void)!tls_certificate_check(a, in, SPAN("f"), 1700000000, NULL, &c);
	arena_free(a);
}

static void manifest(struct span in)
{
	struct arena *a = arena_new(16u << 20);
	struct manifest m;
	ENSURE(a != NULL);
	manifest_init(&m, a);
	(void)!manifest_read(in, &m);
	manifest_free(&m);
	arena_free(a);
}

static void wal(struct span in)
{
	struct wal_scan s = {0};
	for (size_t at = 0; at < in.len; at += WAL_BLOCK)
		kv_wal_block(&s, span_sub(in, at, WAL_BLOCK), at);
}

static void rewrite(struct span in)
{
	static const struct conf_map maps[] = {
		{SPAN_INIT("a@b.example"), SPAN_INIT("c@b.example")},
		{SPAN_INIT("@old.example"), SPAN_INIT("@new.example")}};
	static const struct span domain[] = {SPAN_INIT("b")};
	const struct conf_rewrite rules = {.canonical = {maps, 2}, .masquerade = {domain, 1}};
	struct buf out;
	buf_init(&out, 2 * REWRITE_ADDRESS_MAX);
	(void)!rewrite_address(&rules, REWRITE_SENDER, in, &out);
	buf_free(&out);
}

static void url(struct span in)
{
	struct arena *a = arena_new(1u << 20);
	struct url_imap u;
	if (a != NULL)
		(void)!url_imap_parse(a, in, &u);
	arena_free(a);
}

static void srs(struct span in)
{
	static const struct span key = SPAN_INIT("0123456789abcdef0123456789abcdef");
	struct buf out;
	buf_init(&out, 4096);
	(void)!srs_forward(key, 0, in, SPAN("our.example"), &out);
	(void)!srs_reverse(key, 0, in, &out);
	buf_free(&out);
}

/* Files of one size, paths ascending, and the last line that makes it whole. */
static void manifest_build(struct buf *b, size_t n)
{
	struct arena *a = arena_new(64u << 20);
	struct manifest m;
	char path[32];
	ENSURE(a != NULL);
	manifest_init(&m, a);
	for (size_t i = 0; i < n / 110; i++) {
		(void)snprintf(path, sizeof path, "rocksdb/%012zu.sst", i);
		struct manifest_file f = {.path = span_cstr(path), .size = i};
		ENSURE(manifest_add(&m, &f));
	}
	manifest_write(&m, b);
	manifest_free(&m);
	arena_free(a);
}

/* A file of lines under one id is read, and all of them found. */
static struct trail *trail_over(struct world *w, struct span content, int *fd)
{
	int again;
	ENSURE(blob_new(w, fd) == OS_OK && world_dup(w, *fd, &again) == OS_OK);
	ENSURE(content.len == 0 || file_append(w, *fd, content) == OS_OK);
	struct trail *t = trail_new(w, again, TRAIL_LEAST);
	ENSURE(t != NULL);
	while (!trail_read(t))
		;
	return t;
}

static void trail(struct span in)
{
	struct world *w = world_linux();
	struct arena *a = arena_new(1u << 20);
	struct trail_entry e;
	uint64_t at = 0;
	int fd;
	ENSURE(w != NULL && a != NULL);
	struct trail *t = trail_over(w, in, &fd);
	do {
		arena_reset(a);
		(void)!trail_next(t, 1, &at, a, &e);
	} while (at != 0);
	trail_free(t);
	world_close(w, fd);
	world_free(w);
	arena_free(a);
}

static void trail_build(struct buf *b, size_t n)
{
	struct world *w = world_linux();
	size_t got = 0;
	int fd;
	ENSURE(w != NULL);
	struct trail *t = trail_over(w, span_of(NULL, 0), &fd);
	struct role_logger_line l = {.event = SPAN("linear.line"), .id = 1};
	for (size_t i = 0; i < n / 110; i++)
		trail_add(t, &(struct trail_stamp){.role = SPAN("store")}, &l);
	trail_free(t);
	char *room = buf_room(b, n);
	ENSURE(room != NULL && file_read_at(w, fd, room, n, 0, &got) == OS_OK);
	buf_wrote(b, got);
	world_close(w, fd);
	world_free(w);
}

#define ROW(n, f, max, b, u, a) {.name = n, .before = SPAN_INIT(b), .unit = SPAN_INIT(u), \
	.after = SPAN_INIT(a), .limit = max, .run = f}

static const struct linear_case cases[] = {
	{.name = "index", .limit = 60000, .run = index_row, .build = index_build},
	ROW("index", index_row, 60000, "", "\x11" "a", ""),
	{.name = "box_rows", .limit = BOX_ROW_MAX, .run = log_row, .build = log_build},
	ROW("box_rows", other_rows, BOX_ROW_MAX, "\1", "\1\1", ""),
	ROW("box_rows", other_rows, BOX_ROW_MAX, "\1", "\x40", ""),
	{.name = "directory_rows", .limit = DIRECTORY_TARGETS_BYTES, .run = alias_row, .build = alias_build},
	ROW("directory_rows", directory_names, DIRECTORY_ADDRESS_MAX, "", "a.", "@b"),
	ROW("directory_rows", directory_names, DIRECTORY_ADDRESS_MAX, "\"", "\\\"", "\"@b"),
	ROW("spool_rows", spool_rows, SPOOL_ROW, "\1", "\1", ""),
	ROW("spool_rows", spool_rows, SPOOL_ROW, "\1", "\0\x7f", ""),
	ROW("rewrite", rewrite, DIRECTORY_ADDRESS_MAX, "\"", "a", "\"@x.b"),
	ROW("rewrite", rewrite, DIRECTORY_ADDRESS_MAX, "a@", "b.", "b"),
	ROW("url", url, URL_IMAP_MAX, "imap://a@h/", "%41", "/;UID=1"),
	ROW("url", url, URL_IMAP_MAX, "/x/;UID=1/;SECTION=", "1.", "1"),
	ROW("url", url, URL_IMAP_MAX, "imap://", ";", "@h/x/;UID=1;URLAUTH=authuser"),
	ROW("url", url, URL_IMAP_MAX, "imap://a@h/x/;UID=1;URLAUTH=user+", "%41", ":INTERNAL:00"),
	ROW("srs", srs, DIRECTORY_ADDRESS_MAX, "SRS0=h=TT=b.example=", "a", "@our.example"),
	ROW("srs", srs, DIRECTORY_ADDRESS_MAX, "SRS1=h=first=", "=", "@our.example"),
	{.name = "trail", .limit = LINEAR_INPUT, .run = trail, .build = trail_build},
	{.name = "manifest", .limit = LINEAR_INPUT, .run = manifest, .build = manifest_build},
	ROW("manifest", manifest, LINEAR_INPUT, "letterlock-backup 1\nmade 1\n", "file ", ""),
	ROW("manifest", manifest, LINEAR_INPUT, "letterlock-backup 1\nmade 1\n", "x\n", ""),
	ROW("wal", wal, LINEAR_INPUT, "", "\0", ""),
	ROW("wal", wal, LINEAR_INPUT, "", "\1\0\1\2", ""),
	ROW("recognise", recognise, LINEAR_INPUT, "", " ", ""),
	ROW("hop", hop, IPC_BODY_MAX, "x", "\0\1a", ""),
	ROW("hop", hop, IPC_BODY_MAX, "x", "\1\0", ""),
	ROW("hop", hop, IPC_BODY_MAX, "x", "\0", ""),
	ROW("certificate", certificate, TLS_PEM_MAX, "", "-----BEGIN CERTIFICATE-----\n", ""),
	ROW("certificate", certificate, TLS_PEM_MAX, "-----BEGIN CERTIFICATE-----\n", "AAAA\n",
	    "-----END CERTIFICATE-----\n"),
	ROW("certificate", certificate, TLS_PEM_MAX, "", "-----BEGIN X-----\nAAAA\n-----END X-----\n", ""),
};

struct linear_cases linear_rows(void)
{
	return (struct linear_cases){cases, ARRAY_LEN(cases)};
}
