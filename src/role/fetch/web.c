/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/fetch/web: the multi interface of libcurl over watches and one timer.
 *
 * Each request has a handle and a connection of its own, and both end with it:
 * nothing of one answer can reach another.  The library is told an address that
 * is never used, so that it has nothing to look up; where it would make a socket
 * it gets the descriptor.
 */
#include "role/fetch/web.h"

#include <stdlib.h>
#include <time.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/ensure.h"
#include "base/list.h"

#define TAG_WEB TAG4('W', 'E', 'B', '_')

struct web {
	uint32_t tag;
	struct loop *loop;
	CURLM *multi;
	struct timer timer;
	struct list asks;
	size_t active;
	char *authorities;
	size_t authorities_len, authority_count;
	bool busy; /* inside of the library */
};

/* A descriptor as the library watches it. */
struct seen {
	struct web *web;
	struct watch watch;
	curl_socket_t fd;
};

struct ask {
	struct list link;
	struct web *web;
	CURL *easy;
	struct curl_slist *fields, *to;
	int fd; /* -1: the library has it */
	web_done_fn *done;
	void *ctx;
	struct buf body;
	size_t header; /* bytes so far */
	bool large;
	char error[CURL_ERROR_SIZE];
};

/* ---- from the library ------------------------------------------------------- */

static size_t on_body(char *bytes, size_t one, size_t count, void *arg)
{
	struct ask *q = arg;
	buf_add(&q->body, span_of(bytes, one * count));
	q->large = q->large || (!buf_ok(&q->body) && !buf_short(&q->body));
	return buf_ok(&q->body) ? count : 0;
}

/* Trailers and interim answers come here too, and count. */
static size_t on_header(char *bytes, size_t one, size_t count, void *arg)
{
	struct ask *q = arg;
	(void)bytes;
	q->header += one * count;
	q->large = q->large || q->header > WEB_HEADER_MAX;
	return q->large ? 0 : count;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose,
			     struct curl_sockaddr *addr)
{
	struct ask *q = arg;
	int fd = q->fd;
	(void)purpose;
	(void)addr;
	q->fd = -1; /* once: it is asked for a second one after a failure */
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int on_opened(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)arg;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static int on_close(void *arg, curl_socket_t fd)
{
	struct web *w = arg;
	world_close(loop_world(w->loop), fd);
	return 0;
}

static void finished(struct web *);

static void act(struct web *w, curl_socket_t fd, int bits)
{
	int running;
	ENSURE(!w->busy);
	w->busy = true;
	(void)curl_multi_socket_action(w->multi, fd, bits, &running);
	w->busy = false;
	finished(w);
}

static void on_ready(struct watch *watch, unsigned ready)
{
	struct seen *s = watch->arg;
	int bits = ((ready & READY_IN) != 0 ? CURL_CSELECT_IN : 0) |
		   ((ready & READY_OUT) != 0 ? CURL_CSELECT_OUT : 0);
	/* An end is for the next read or write to find. */
	if ((ready & READY_END) != 0)
		bits |= CURL_CSELECT_IN | CURL_CSELECT_OUT;
	act(s->web, s->fd, bits);
}

static void on_time(struct timer *t)
{
	struct web *w = t->arg;
	act(w, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct web *w = arg;
	(void)multi;
	timer_stop(&w->timer);
	if (ms < 0)
		return 0;
	uint64_t at = loop_now(w->loop) + (uint64_t)ms * NS_PER_MS;
	return timer_start(w->loop, &w->timer, at, on_time, w) ? 0 : -1;
}

static void unsee(struct web *w, struct seen *s)
{
	(void)curl_multi_assign(w->multi, s->fd, NULL);
	watch_stop(&s->watch);
	free(s);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		     void *seen)
{
	struct web *w = arg;
	struct seen *s = seen;
	unsigned want = ((what & CURL_POLL_IN) != 0 ? READY_IN : 0u) |
			((what & CURL_POLL_OUT) != 0 ? READY_OUT : 0u);
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			unsee(w, s);
		return 0;
	}
	if (s != NULL) {
		watch_want(&s->watch, want);
		return 0;
	}
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return -1;
	*s = (struct seen){.web = w, .fd = fd};
	if (watch_start(w->loop, &s->watch, fd, want, on_ready, s) != OS_OK ||
	    curl_multi_assign(w->multi, fd, s) != CURLM_OK) {
		watch_stop(&s->watch);
		free(s);
		return -1;
	}
	return 0;
}

/* ---- the end of a request --------------------------------------------------- */

static void ask_free(struct ask *q)
{
	struct web *w = q->web;
	if (q->easy != NULL) {
		(void)curl_multi_remove_handle(w->multi, q->easy);
		curl_easy_cleanup(q->easy);
	}
	curl_slist_free_all(q->fields);
	curl_slist_free_all(q->to);
	world_close(loop_world(w->loop), q->fd);
	buf_free(&q->body);
	list_remove(&q->link);
	w->active--;
	free(q);
}

static enum web_end end_of(const struct ask *q, CURLcode code)
{
	if (q->large)
		return WEB_TOO_LARGE;
	if (buf_short(&q->body))
		return WEB_SHORT;
	switch (code) {
	case CURLE_OK:
		return WEB_ANSWERED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		return WEB_CERTIFICATE;
	case CURLE_OPERATION_TIMEDOUT:
		return WEB_LATE;
	default: /* CURLE_OUT_OF_MEMORY too: a peer's endless line ends so */
		return WEB_BROKEN;
	}
}

/* The library may quote what the server said. */
static struct span printable(char *text)
{
	struct span s = span_sub(span_cstr(text), 0, WEB_WHY_MAX);
	for (size_t i = 0; i < s.len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			text[i] = '?';
	return s;
}

/*
 * Does the answer itself say where it ends?  Where only the connection does, the
 * library (SSL_OP_IGNORE_UNEXPECTED_EOF) takes what anybody on the way cut off for
 * the whole.
 */
static bool end_is_told(CURL *e)
{
	struct curl_header *h;
	curl_off_t length = -1;
	(void)curl_easy_getinfo(e, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return length >= 0 ||
	       (curl_easy_header(e, "Transfer-Encoding", 0, CURLH_HEADER, -1,
				 &h) == CURLHE_OK &&
		span_ends_nocase(span_cstr(h->value), SPAN("chunked")));
}

static void read_answer(struct ask *q, struct web_answer *a)
{
	char *media = NULL;
	long status = 0;
	(void)curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(q->easy, CURLINFO_CONTENT_TYPE, &media);
	if (buf_len(&q->body) > 0 && !end_is_told(q->easy)) {
		a->end = WEB_BROKEN;
		a->why = SPAN("the answer does not say where it ends");
		return;
	}
	a->status = status > 0 && status < 1000 ? (unsigned)status : 0;
	a->media = span_cstr(media);
	a->body = buf_span(&q->body);
	if (a->media.len > WEB_MEDIA_MAX)
		a->media.len = 0;
}

static void tell(struct ask *q, CURLcode code)
{
	struct web_answer a = {.end = end_of(q, code)};
	if (a.end == WEB_ANSWERED) {
		read_answer(q, &a);
	} else if (a.end == WEB_TOO_LARGE) {
		a.why = SPAN("the answer is larger than is read");
	} else {
		a.why = q->error[0] != '\0'
				? printable(q->error)
				: span_cstr(curl_easy_strerror(code));
	}
	q->done(q->ctx, &a);
	ask_free(q);
}

static void finished(struct web *w)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(w->multi, &left)) != NULL) {
		char *q = NULL;
		CURLcode code = m->data.result;
		ENSURE(m->msg == CURLMSG_DONE);
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &q);
		tell((struct ask *)(void *)q, code);
	}
}

/* ---- a request -------------------------------------------------------------- */

static const char user_agent[] = "letterlock";

/* Nothing of the surroundings counts: no environment, no file, no other host. */
static bool set_frame(struct ask *q, const struct web_request *r, long ms)
{
	CURL *e = q->easy;
	return curl_easy_setopt(e, CURLOPT_CURLU, r->url->parsed) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) ==
		       CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CONNECT_TO, q->to) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
	       /* Whoever connected has set it. */
	       curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 0L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, ms) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, ms) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
				(long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_USERAGENT, user_agent) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_ERRORBUFFER, q->error) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PRIVATE, q) == CURLE_OK;
}

static bool set_tls(struct ask *q)
{
	struct web *w = q->web;
	/* Copied: others may come while this request runs. */
	struct curl_blob blob = {.data = w->authorities,
				 .len = w->authorities_len,
				 .flags = CURL_BLOB_COPY};
	CURL *e = q->easy;
	/* The default paths would be opened while a certificate is verified. */
	return curl_easy_setopt(e, CURLOPT_CAINFO, NULL) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSLVERSION,
				(long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK;
}

static bool set_calls(struct ask *q)
{
	CURL *e = q->easy;
	return curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open) ==
		       CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, q) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_opened) ==
		       CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close) ==
		       CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, q->web) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEDATA, q) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) ==
		       CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HEADERDATA, q) == CURLE_OK;
}

static bool add_field(struct ask *q, const char *name, struct span value)
{
	struct buf line;
	bool ok = false;
	buf_init(&line, 64 + WEB_MEDIA_MAX);
	buf_printf(&line, "%s %.*s", name, SPAN_FMT(value));
	buf_addc(&line, '\0');
	struct curl_slist *more =
		buf_ok(&line) ? curl_slist_append(q->fields, buf_span(&line).ptr)
			      : NULL;
	if (more != NULL) {
		q->fields = more;
		ok = true;
	}
	buf_free(&line);
	return ok;
}

static bool set_body(struct ask *q, const struct web_request *r)
{
	CURL *e = q->easy;
	/* Without a value: the field is not sent. */
	if (!add_field(q, "Expect:", SPAN("")))
		return false;
	if (r->post &&
	    (!add_field(q, "Content-Type:", r->media) ||
	     curl_easy_setopt(e, CURLOPT_POST, 1L) != CURLE_OK ||
	     curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			      (curl_off_t)r->body.len) != CURLE_OK ||
	     curl_easy_setopt(e, CURLOPT_POSTFIELDS,
			      r->body.len > 0 ? r->body.ptr : "") != CURLE_OK))
		return false;
	return curl_easy_setopt(e, CURLOPT_HTTPHEADER, q->fields) == CURLE_OK;
}

bool web_ask(struct web *w, const struct web_request *r, web_done_fn *done,
	     void *ctx)
{
	ENSURE_TAG(w, TAG_WEB);
	uint64_t now = loop_now(w->loop);
	long ms = r->deadline > now ? (long)((r->deadline - now) / NS_PER_MS) : 0;
	struct ask *q = calloc(1, sizeof *q);
	if (q == NULL) {
		world_close(loop_world(w->loop), r->fd);
		return false;
	}
	*q = (struct ask){.web = w, .fd = r->fd, .done = done, .ctx = ctx};
	buf_init(&q->body, WEB_BODY_MAX);
	list_push_back(&w->asks, &q->link);
	w->active++;
	q->easy = curl_easy_init();
	q->to = curl_slist_append(NULL, "::192.0.2.1:443");
	/* 0 would be no limit. */
	if (q->easy != NULL && q->to != NULL && set_frame(q, r, ms > 0 ? ms : 1) &&
	    set_tls(q) && set_calls(q) && set_body(q, r) &&
	    curl_multi_add_handle(w->multi, q->easy) == CURLM_OK)
		return true;
	ask_free(q);
	return false;
}

void web_stop(struct web *w)
{
	ENSURE_TAG(w, TAG_WEB);
	while (!list_empty(&w->asks))
		tell(CONTAINER_OF(list_first(&w->asks), struct ask, link),
		     CURLE_ABORTED_BY_CALLBACK);
}

size_t web_active(const struct web *w)
{
	ENSURE_TAG(w, TAG_WEB);
	return w->active;
}

/* ---- URLs --------------------------------------------------------------------- */

static bool host_fits(const char *host)
{
	struct span s = span_cstr(host);
	bool letter = false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_alnum(s.ptr[i]) && s.ptr[i] != '-' &&
		    s.ptr[i] != '.' && s.ptr[i] != '_')
			return false;
		letter = letter || ascii_alpha(s.ptr[i]);
	}
	/* No address: 192.0.2.1 has no letter, [2001:db8::1] a colon. */
	return s.len > 0 && s.len <= WEB_HOST_MAX && letter;
}

static bool part_is(CURLU *u, CURLUPart part, const char *value)
{
	char *text = NULL;
	CURLUcode r = curl_url_get(u, part, &text, 0);
	bool is = r == CURLUE_OK ? value != NULL && strcmp(text, value) == 0
				 : value == NULL;
	curl_free(text);
	return is;
}

static const char *read_host(CURLU *u, struct web_url *out)
{
	char *host = NULL, *port = NULL;
	const char *why = "its host is no name";
	uint64_t number = 0;
	if (curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    host_fits(host)) {
		memcpy(out->host, host, strlen(host) + 1);
		why = "its port is none";
		if (curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
			    CURLUE_OK &&
		    span_u64(span_cstr(port), UINT16_MAX, &number) && number > 0)
			why = NULL;
	}
	out->port = (uint16_t)number;
	curl_free(host);
	curl_free(port);
	return why;
}

const char *web_url_read(struct span text, struct web_url *out)
{
	char url[WEB_URL_MAX + 1];
	*out = (struct web_url){0};
	if (text.len == 0 || text.len > WEB_URL_MAX)
		return "it is too long";
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= 0x20 || text.ptr[i] > 0x7e)
			return "it holds what no URL holds";
	memcpy(url, text.ptr, text.len);
	url[text.len] = '\0';
	CURLU *u = curl_url();
	if (u == NULL)
		return "memory is short";
	out->parsed = u;
	const char *why = NULL;
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		why = "it is no URL";
	else if (!part_is(u, CURLUPART_SCHEME, "https"))
		why = "it is not https";
	else if (!part_is(u, CURLUPART_USER, NULL) ||
		 !part_is(u, CURLUPART_PASSWORD, NULL) ||
		 !part_is(u, CURLUPART_OPTIONS, NULL) ||
		 !part_is(u, CURLUPART_FRAGMENT, NULL))
		why = "it holds more than host, path and question";
	else
		why = read_host(u, out);
	if (why != NULL)
		web_url_free(out);
	return why;
}

void web_url_free(struct web_url *u)
{
	curl_url_cleanup(u->parsed);
	u->parsed = NULL;
}

/* ---- life ------------------------------------------------------------------- */

bool web_authorities(struct web *w, struct span pem)
{
	static const struct span begin = SPAN_INIT("-----BEGIN CERTIFICATE-----");
	ENSURE_TAG(w, TAG_WEB);
	ENSURE(pem.len <= WEB_AUTHORITIES_MAX);
	char *copy = malloc(pem.len + 1);
	size_t at;
	if (copy == NULL)
		return false;
	free(w->authorities);
	if (pem.len > 0)
		memcpy(copy, pem.ptr, pem.len);
	w->authorities = copy;
	w->authorities_len = pem.len;
	w->authority_count = 0;
	while ((at = span_find_span(pem, begin)) != SIZE_MAX) {
		w->authority_count++;
		pem = span_skip(pem, at + begin.len);
	}
	return true;
}

size_t web_authority_count(const struct web *w) { return w->authority_count; }

struct web *web_start(struct loop *loop)
{
	struct web *w = calloc(1, sizeof *w);
	if (w == NULL)
		return NULL;
	w->tag = TAG_WEB;
	w->loop = loop;
	list_init(&w->asks);
	/* The first conversion of a time, UTC too, opens the zone's file. */
	tzset();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(w);
		return NULL;
	}
	w->multi = curl_multi_init();
	if (w->multi == NULL ||
	    curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket) !=
		    CURLM_OK ||
	    curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w) != CURLM_OK ||
	    curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer) !=
		    CURLM_OK ||
	    curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w) != CURLM_OK ||
	    curl_multi_setopt(w->multi, CURLMOPT_PIPELINING,
			      (long)CURLPIPE_NOTHING) != CURLM_OK) {
		web_end(w);
		return NULL;
	}
	return w;
}

void web_end(struct web *w)
{
	if (w == NULL)
		return;
	ENSURE_TAG(w, TAG_WEB);
	ENSURE(w->active == 0);
	timer_stop(&w->timer);
	if (w->multi != NULL)
		(void)curl_multi_cleanup(w->multi);
	curl_global_cleanup();
	free(w->authorities);
	w->tag = 0;
	free(w);
}
