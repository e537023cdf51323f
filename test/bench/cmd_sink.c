/* SPDX-License-Identifier: Apache-2.0 */
/* The sink, on its own (`sink`) or as the next hop of a relay (`smtp --sink`). */
#define _GNU_SOURCE /* accept4 */
#include "sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "bench.h"
#include "conn.h"

#define BACKLOG 4096

struct session {
	struct sink *sink;
	struct conn *c;
};

/* Self-signed, P-256: whoever relays opportunistically takes it. */
static SSL_CTX *tls_new(void)
{
	SSL_CTX *how = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = cert == NULL ? NULL : X509_get_subject_name(cert);
	if (how == NULL || key == NULL || name == NULL ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const unsigned char *)"sink", -1, -1,
					0) ||
	    !X509_set_issuer_name(cert, name) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) ||
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(cert), 86400) == NULL ||
	    !X509_set_pubkey(cert, key) || !X509_sign(cert, key, EVP_sha256()) ||
	    SSL_CTX_use_certificate(how, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(how, key) != 1)
		die("no certificate could be made for the sink");
	X509_free(cert);
	EVP_PKEY_free(key);
	return how;
}

static bool take_message(struct sink *k, struct conn *c, long *recipients)
{
	char *line;
	conn_put(c, "354 go\r\n");
	if (!conn_flush(c))
		return false;
	do {
		line = conn_line(c, NULL);
		if (line == NULL)
			return false;
	} while (strcmp(line, ".") != 0);
	k->last = now();
	if (k->messages++ == 0)
		k->first = k->last;
	k->recipients += *recipients;
	*recipients = 0;
	conn_put(c, "250 2.0.0 taken\r\n");
	return true;
}

static bool answer(struct sink *k, struct conn *c, const char *line,
		   long *recipients)
{
	if (strncasecmp(line, "EHLO", 4) == 0 ||
	    strncasecmp(line, "LHLO", 4) == 0) {
		conn_put(c, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
			    "%s250 SIZE 100000000\r\n",
			 k->tls != NULL && c->ssl == NULL ? "250-STARTTLS\r\n"
							  : "");
		return true;
	}
	if (strncasecmp(line, "STARTTLS", 8) == 0 && k->tls != NULL &&
	    c->ssl == NULL) {
		conn_put(c, "220 go\r\n");
		k->handshakes++;
		return conn_flush(c) && conn_tls_serve(c, k->tls);
	}
	if (strncasecmp(line, "DATA", 4) == 0)
		return take_message(k, c, recipients);
	if (strncasecmp(line, "QUIT", 4) == 0) {
		conn_put(c, "221 bye\r\n");
		(void)conn_flush(c);
		return false;
	}
	if (strncasecmp(line, "RCPT", 4) == 0)
		++*recipients;
	else
		*recipients = 0;
	conn_put(c, "250 2.1.0 ok\r\n");
	return true;
}

static void serve(void *argument)
{
	struct session *s = argument;
	struct conn *c = s->c;
	long recipients = 0;
	char *line;
	conn_put(c, "220 sink ESMTP\r\n");
	bool on = conn_flush(c);
	while (on && (line = conn_line(c, NULL)) != NULL) {
		on = answer(s->sink, c, line, &recipients);
		/* a pipelined group is answered at once */
		if (on && !conn_has_line(c))
			on = conn_flush(c);
	}
	conn_close(c);
	free(s);
}

static void accept_all(void *argument)
{
	struct sink *k = argument;
	while (!k->stop) {
		int fd = accept4(k->listener->fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			(void)loop_wait(k->b->loop, &k->listener->waiter, 0.3);
			continue;
		}
		struct session *s = zeroed(1, sizeof *s);
		s->sink = k;
		s->c = conn_make(k->b, fd);
		k->connections++;
		loop_start(k->b->loop, serve, s);
	}
	conn_close(k->listener);
}

void sink_start(struct sink *k, struct bench *b, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port)};
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int one = 1,
	    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(fd, BACKLOG) != 0)
		die("sink port %d: %s", port, strerror(errno));
	*k = (struct sink){.b = b,
			   .listener = conn_make(b, fd),
			   .tls = b->o.sink_tls == TLS_START ? tls_new() : NULL};
	loop_start(b->loop, accept_all, k);
}

void sink_end(struct sink *k)
{
	SSL_CTX_free(k->tls);
	k->tls = NULL;
}

static void watch(void *argument)
{
	struct sink *k = argument;
	struct bench *b = k->b;
	double limit = now() + b->o.timeout;
	while (now() < limit && (b->o.expect < 0 || k->messages < b->o.expect))
		loop_sleep(b->loop, 20);
	k->stop = true;
}

int cmd_sink(struct bench *b)
{
	struct sink k;
	sink_start(&k, b, b->o.port);
	loop_start(b->loop, watch, &k);
	loop_run(b->loop);
	double wall = k.last - k.first;
	json_int(b, "messages", k.messages);
	json_int(b, "recipients", k.recipients);
	json_number(b, "first_to_last_s", wall);
	json_number(b, "per_s", wall > 0 ? (double)(k.messages - 1) / wall : 0);
	if (b->o.expect >= 0 && k.messages != b->o.expect)
		failed(b, "%ld of %ld arrived", k.messages, b->o.expect);
	sink_end(&k);
	return report_done(b);
}
