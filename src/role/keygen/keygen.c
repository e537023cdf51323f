/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/keygen - makes keys and throw-away certificates, then ends.
 *
 *     letterlock-keygen CA KIND:NAME... -- SUBJECT...
 *
 * In the folder that it finds as its one descriptor it writes CA.pem, and for
 * each pair NAME.pem and NAME.key; KIND is ecdsa or rsa.  Subjects are host
 * names, the first of which is the common name, and addresses.  The authority's
 * own key is never written.
 *
 * Rights: that folder.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/library.h"
#include "os/addr.h"
#include "os/confine.h"
#include "os/file.h"
#include "os/sanitize.h"
#include "tls/issue.h"

#define FOLDER_FD  3
#define LEAVES_MAX 4
#define DAYS       365 /* strict clients refuse throw-away ones of more */
#define RSA_BITS   2048
#define PEM_MAX    16384u
#define NAME_MAX_  64u

struct pair {
	char name[NAME_MAX_];
	struct buf key, chain;
};

struct keygen {
	struct world *world;
	struct pair pairs[LEAVES_MAX];
	struct tls_issued leaves[LEAVES_MAX];
	size_t count;
	struct span dns[TLS_ISSUE_NAMES], ips[TLS_ISSUE_NAMES];
	struct addr addrs[TLS_ISSUE_NAMES];
	struct tls_issue_names names;
};

static bool add_pair(struct keygen *k, const char *arg)
{
	struct span name = span_cstr(arg), kind;
	if (k->count == LEAVES_MAX || !span_cut(&name, ':', &kind) ||
	    name.len == 0 || name.len >= NAME_MAX_ || span_has(name, '/'))
		return false;
	struct pair *p = &k->pairs[k->count];
	struct tls_issued *leaf = &k->leaves[k->count++];
	snprintf(p->name, sizeof p->name, "%.*s", SPAN_FMT(name));
	buf_init(&p->key, PEM_MAX);
	buf_init(&p->chain, PEM_MAX);
	*leaf = (struct tls_issued){.key = &p->key, .chain = &p->chain};
	if (span_eq(kind, SPAN("rsa"))) {
		leaf->kind = TLS_KEY_RSA;
		leaf->bits = RSA_BITS;
		return true;
	}
	leaf->kind = TLS_KEY_P256;
	return span_eq(kind, SPAN("ecdsa"));
}

static bool add_subject(struct keygen *k, const char *arg)
{
	size_t i = k->names.ip_count;
	if (i == TLS_ISSUE_NAMES || k->names.dns_count == TLS_ISSUE_NAMES)
		return false;
	if (addr_parse(span_cstr(arg), &k->addrs[i])) {
		bool v4 = addr_is_v4(&k->addrs[i]);
		k->ips[k->names.ip_count++] =
			span_of(k->addrs[i].ip + (v4 ? 12 : 0), v4 ? 4 : 16);
		return true;
	}
	k->dns[k->names.dns_count++] = span_cstr(arg);
	return true;
}

static bool arguments(struct keygen *k, int argc, char **argv)
{
	int i = 2;
	k->names.dns = k->dns;
	k->names.ips = k->ips;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!add_pair(k, argv[i]))
			return false;
	for (i++; i < argc; i++)
		if (!add_subject(k, argv[i]))
			return false;
	return k->count > 0 && k->names.dns_count > 0;
}

static bool write_one(struct keygen *k, const char *name, const char *end,
		      const struct buf *content)
{
	char file[NAME_MAX_ + 8];
	snprintf(file, sizeof file, "%.63s%s", name, end);
	enum os r = file_replace(k->world, FOLDER_FD, file, buf_span(content));
	if (r != OS_OK)
		fprintf(stderr, "letterlock keygen: %s: %s\n", file, os_text(r));
	return r == OS_OK;
}

/* The authority last: its file says that the set is complete. */
static bool write_all(struct keygen *k, const char *ca, const struct buf *pem)
{
	for (size_t i = 0; i < k->count; i++)
		if (!write_one(k, k->pairs[i].name, ".key", &k->pairs[i].key) ||
		    !write_one(k, k->pairs[i].name, ".pem", &k->pairs[i].chain))
			return false;
	return write_one(k, ca, ".pem", pem);
}

int main(int argc, char **argv)
{
	struct keygen k = {.world = world_linux()};
	const struct rights_dir folder = {.fd = FOLDER_FD, .writable = true};
	const struct rights rights = {.sys = RIGHT_BASE | RIGHT_DATA_FILES,
				      .dirs = &folder,
				      .dir_count = 1,
				      .max_fds = 64};
	struct buf ca;
	bool weak = argc > 1 && strcmp(argv[1], CONFINE_WEAK_WORD) == 0;
	if (weak) {
		argc--;
		argv++;
	}
	buf_init(&ca, PEM_MAX);
	if (k.world == NULL || !arguments(&k, argc, argv)) {
		fputs("letterlock-keygen is started by letterlock itself\n",
		      stderr);
		return 2;
	}
	if (!crypto_library_start())
		return 1;
	enum confined c = confine(&rights);
	if (!confined_enough(c, weak)) {
		fprintf(stderr, "letterlock keygen: %s%s\n", confined_text(c),
			confined_enough(c, true)
				? ": accept that with --allow-weak-kernel"
				: "");
		return 1;
	}
	if (!tls_issue_throwaway(SPAN("letterlock throw-away CA"), &k.names,
				 world_wall(k.world).sec, DAYS, k.leaves,
				 k.count, &ca)) {
		fputs("letterlock keygen: the keys could not be made\n", stderr);
		return 1;
	}
	bool ok = write_all(&k, argv[1], &ca);
	sanitize_leaks(&k);
	buf_free(&ca);
	return ok ? 0 : 1;
}
