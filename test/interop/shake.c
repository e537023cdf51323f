/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our TLS client against a server on 127.0.0.1:
 *
 *     interop_shake PORT NAME AUTHORITIES
 *     interop_shake PORT NAME tlsa USAGE SELECTOR MATCHING HEX
 *     interop_shake PORT NAME -
 *
 * Expects that name from one of the authorities, that record, or nothing.  Says
 * what came of it in a line: the answer, version, group, what it was verified by;
 * then why not, in another.  Sends a line and wants one back.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/ensure.h"
#include "base/hex.h"
#include "crypto/library.h"
#include "tls/client.h"
#include "tls/facts.h"

static enum tls_io get(void *owner, char *p, size_t cap, size_t *got)
{
	ssize_t n = read(*(int *)owner, p, cap);

	*got = n > 0 ? (size_t)n : 0;
	return n > 0 ? TLS_IO_OK : n == 0 ? TLS_IO_END : TLS_IO_BROKEN;
}

static enum tls_io put(void *owner, struct span s, size_t *n)
{
	ssize_t r = send(*(int *)owner, s.ptr, s.len, MSG_NOSIGNAL);

	*n = r > 0 ? (size_t)r : 0;
	return r > 0 ? TLS_IO_OK : TLS_IO_BROKEN;
}

static enum tls_sign_result no_key(void *owner, uint32_t key,
				   enum tls_scheme scheme, struct span tbs,
				   char *out, size_t cap, size_t *len)
{
	(void)owner, (void)key, (void)scheme, (void)tbs;
	(void)out, (void)cap, (void)len;
	return TLS_SIGN_REFUSED;
}

static int reach(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)strtoul(port, NULL,
								    10)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ENSURE(fd >= 0 &&
	       connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	return fd;
}

static struct tls_authorities *authorities(const char *path)
{
	FILE *f = fopen(path, "re");
	static char pem[1 << 20];
	struct tls_authorities *a;
	struct buf why;

	ENSURE(f);
	buf_init(&why, 1024);
	a = tls_authorities_new(span_of(pem, fread(pem, 1, sizeof pem, f)),
				&why);
	ENSURE(a);
	fclose(f);
	buf_free(&why);
	return a;
}

static void expect(char **arg, struct tls_expect *e, struct tls_tlsa *tlsa)
{
	static unsigned char data[64];
	size_t n;

	e->what = TLS_EXPECT_ANYTHING;
	if (strcmp(arg[0], "-") == 0)
		return;
	e->what = TLS_EXPECT_NAMES;
	if (strcmp(arg[0], "tlsa") != 0) {
		e->authorities = authorities(arg[0]);
		return;
	}
	n = strlen(arg[4]) / 2;
	ENSURE(n <= sizeof data && hex_decode(span_cstr(arg[4]), data, n));
	*tlsa = (struct tls_tlsa){(uint8_t)atoi(arg[1]), (uint8_t)atoi(arg[2]),
				  (uint8_t)atoi(arg[3]), span_of(data, n)};
	e->what = TLS_EXPECT_TLSA;
	e->tlsa = tlsa;
	e->tlsa_count = 1;
}

/* "ping\n" there and something back. */
static const char *talk(struct tls_conn *c)
{
	char p[256];
	size_t n;
	enum tls r;

	if (tls_write(c, SPAN("ping\n"), &n) != TLS_OK)
		return "cannot write";
	do
		r = tls_read(c, p, sizeof p, &n);
	while (r == TLS_WANT_READ);
	if (r != TLS_OK)
		return "cannot read";
	return tls_close(c) == TLS_OK ? "talked" : "cannot close";
}

int main(int argc, char **argv)
{
	const struct tls_client_settings s = {.profile = TLS_OPPORTUNISTIC};
	struct tls_expect e = {.enforce = true};
	struct span name;
	struct tls_tlsa tlsa;
	struct tls_library *l;
	struct tls_client *client;
	struct tls_conn *c;
	struct tls_facts f = {0};
	struct tls_peer_facts p;
	struct arena *a = arena_new(1 << 20);
	struct buf why;
	const char *said = "did not talk";
	enum tls r;
	int fd;

	ENSURE(argc > 3 && crypto_library_start());
	buf_init(&why, 1024);
	l = tls_library_new(&(struct tls_signer){.sign = no_key});
	client = tls_client_new(l, &s, &why);
	ENSURE(client);
	name = span_cstr(argv[2]);
	e.now = time(NULL);
	e.sni = name;
	e.names = &name;
	e.name_count = 1;
	expect(argv + 3, &e, &tlsa);
	fd = reach(argv[1]);
	c = tls_client_conn(client, &e, &(struct tls_transport){get, put, &fd});
	ENSURE(c);
	do
		r = tls_shake(c);
	while (r == TLS_WANT_READ || r == TLS_WANT_WRITE);
	ENSURE(tls_peer_facts(c, a, &p));
	if (r == TLS_OK) {
		ENSURE(tls_facts(c, a, &f));
		said = talk(c);
	}
	printf("%s, %.*s, %.*s, %.*s, %s\n%.*s\n", tls_peer_text(p.peer),
	       SPAN_FMT(f.version), SPAN_FMT(f.group), SPAN_FMT(p.by), said,
	       SPAN_FMT(r == TLS_OK && p.why.len > 0 ? p.why : tls_reason(c)));
	tls_conn_free(c);
	close(fd);
	tls_client_free(client);
	tls_authorities_free(e.authorities);
	tls_library_free(l);
	buf_free(&why);
	arena_free(a);
	return 0;
}
