/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers far away: one fiber a door and one a connection, which reads lines and
 * throws dice about what it says.
 *
 * A server whose dice say no keeps nothing, one that says yes keeps the message
 * first: so a yes that does not arrive leaves a copy, as on the internet.
 */
#include "far.h"

#include <stdlib.h>

#include "dns/packet.h"
#include "os/sock.h"
#include "storm.h"

#define HOSTS     5u
#define PORT      25u
#define RUDE_MOST 24u /* of a hundred commands, at most */
#define DOWN_OF   25u /* of a hundred: a server is down */
#define HANG_NS   (4000 * NS_PER_SEC) /* longer than a courier's whole session */
#define SLOW_NS   (100 * NS_PER_SEC)
#define NAMES_NS  (90 * NS_PER_SEC)
#define TEXT_MAX  (1u << 20)

/* d0 and d3 share a server, d1 has two, d2 has no MX. */
static const struct names_row rows[] = {
	{"d0.test", DNS_MX, "10 mx.d0.test", RESOLVER_INSECURE},
	{"mx.d0.test", DNS_A, "127.0.1.1", RESOLVER_INSECURE},
	{"d1.test", DNS_MX, "10 mx.d1.test", RESOLVER_INSECURE},
	{"d1.test", DNS_MX, "20 backup.d1.test", RESOLVER_INSECURE},
	{"mx.d1.test", DNS_A, "127.0.1.2", RESOLVER_INSECURE},
	{"backup.d1.test", DNS_A, "127.0.1.3", RESOLVER_INSECURE},
	{"d2.test", DNS_A, "127.0.1.4", RESOLVER_INSECURE},
	{"d3.test", DNS_MX, "10 mx.d0.test", RESOLVER_SECURE},
	{"elsewhere.test", DNS_MX, "5 mail.elsewhere.test", RESOLVER_INSECURE},
	{"mail.elsewhere.test", DNS_A, "127.0.1.5", RESOLVER_INSECURE},
};

enum deed {
	DEFERS, REFUSES, CUTS, HANGS, SLOW, TAKES_AND_CUTS, TAKES_AND_HANGS,
	DOWN, NAME_FAILS, NAME_LATE, NAME_SILENT,
};

static const char *const deeds[] = {
	[DEFERS] = "far: defers",	[REFUSES] = "far: refuses",
	[CUTS] = "far: cuts",		[HANGS] = "far: hangs",
	[SLOW] = "far: is slow",	[TAKES_AND_CUTS] = "far: takes, and cuts",
	[TAKES_AND_HANGS] = "far: takes, and hangs", [DOWN] = "far: is down",
	[NAME_FAILS] = "far: a name fails", [NAME_LATE] = "far: a name is late",
	[NAME_SILENT] = "far: a name is silent",
};
_Static_assert(ARRAY_LEN(deeds) == FAR_DEEDS, "a row each");

struct door {
	struct far *far;
	struct fiber *fiber;
	struct fiber_io io;
	int fd;
	bool down;
};

/* A connection to one of them. */
struct guest {
	struct list link;
	struct far *far;
	struct fiber *fiber;
	struct client c;
	bool mail;
	unsigned ways; /* recipients of this transaction that were accepted */
};

struct far {
	struct storm *storm;
	struct names names;
	struct dice dice;
	struct door doors[HOSTS];
	struct list guests;
	unsigned rude; /* of a hundred commands */
	unsigned refusals;
	unsigned count[FAR_DEEDS];
	bool well;
};

static bool happens(struct far *f, enum deed d, unsigned of_hundred)
{
	if (f->well || !dice_chance(&f->dice, of_hundred))
		return false;
	f->count[d]++;
	f->refusals += d == REFUSES;
	return true;
}

/* False: the fiber has to end. */
static bool rests(struct guest *g, uint64_t ns)
{
	struct loop *l = g->c.loop;

	return fiber_sleep_until(l, loop_now(l) + ns) == WOKE_TIMEOUT;
}

static void says(struct guest *g, const char *line)
{
	client_send(&g->c, span_cstr(line));
	client_send(&g->c, SPAN("\r\n"));
}

/* One answer; *good: it was the good one.  False: the connection is over. */
static bool answers(struct guest *g, const char *text, bool *good)
{
	struct far *f = g->far;
	bool odd = !f->well && dice_chance(&f->dice, f->rude);

	*good = false;
	if (odd && happens(f, CUTS, 20))
		return false;
	if (odd && happens(f, HANGS, 12))
		return rests(g, HANG_NS) && false;
	if (odd && happens(f, REFUSES, 20)) {
		says(g, "550 5.7.1 we do not want that");
		return true;
	}
	if (odd && happens(f, DEFERS, 60)) {
		says(g, dice_chance(&f->dice, 30) ? "421 4.3.2 come back later"
						  : "451 4.3.0 not now");
		return true;
	}
	if (odd && happens(f, SLOW, 100) && !rests(g, dice_below(&f->dice, SLOW_NS)))
		return false;
	*good = true;
	says(g, text);
	return true;
}

/* ---- a message ------------------------------------------------------------------- */

static bool hear(struct guest *g, struct buf *text)
{
	struct span line;

	while (client_line(&g->c, &line)) {
		if (line.len == 1 && line.ptr[0] == '.')
			return buf_ok(text);
		buf_add(text, line.len > 0 && line.ptr[0] == '.' ? span_skip(line, 1) : line);
		buf_add(text, SPAN("\r\n"));
	}
	return false;
}

/* What becomes of it; the copy is there before the answer. */
static bool ends(struct guest *g, struct span text)
{
	struct far *f = g->far;
	bool odd = !f->well && dice_chance(&f->dice, f->rude);

	if (odd && happens(f, TAKES_AND_CUTS, 30)) {
		away_arrives(f->storm, text, g->ways, false);
		return false;
	}
	if (odd && happens(f, TAKES_AND_HANGS, 15)) {
		away_arrives(f->storm, text, g->ways, false);
		return rests(g, HANG_NS) && false;
	}
	if (odd && happens(f, CUTS, 20))
		return false;
	if (odd && happens(f, REFUSES, 30)) {
		says(g, "554 5.6.0 not that");
		return true;
	}
	if (odd && happens(f, DEFERS, 60)) {
		says(g, "452 4.3.1 no room");
		return true;
	}
	away_arrives(f->storm, text, g->ways, true);
	says(g, "250 2.0.0 it is ours");
	return true;
}

static bool data(struct guest *g)
{
	struct buf text;
	bool goes_on = false, good;

	if (g->ways == 0) {
		says(g, "503 5.5.1 nobody is named");
		return true;
	}
	if (!answers(g, "354 go on", &good) || !good)
		return good;
	buf_init(&text, TEXT_MAX);
	if (hear(g, &text))
		goes_on = ends(g, buf_span(&text));
	buf_free(&text);
	g->mail = false;
	g->ways = 0;
	return goes_on;
}

/* ---- a session --------------------------------------------------------------------- */

static bool command(struct guest *g, struct span line)
{
	bool good = true;

	if (span_starts(line, SPAN("EHLO")))
		return answers(g, dice_chance(&g->far->dice, 50)
					  ? "250-far.test\r\n250 PIPELINING"
					  : "250 far.test",
			       &good);
	if (span_starts(line, SPAN("MAIL FROM:"))) {
		g->ways = 0;
		return answers(g, "250 2.1.0 ok", &g->mail);
	}
	if (span_starts(line, SPAN("RCPT TO:<")) && g->mail) {
		unsigned way = away_way(span_skip(line, 9));
		if (!answers(g, "250 2.1.5 ok", &good))
			return false;
		g->ways |= good ? 1u << way : 0;
		return true;
	}
	if (span_eq(line, SPAN("DATA")))
		return data(g);
	if (span_eq(line, SPAN("QUIT"))) {
		says(g, "221 2.0.0 bye");
		return false;
	}
	if (span_eq(line, SPAN("RSET")))
		g->mail = false, g->ways = 0;
	says(g, span_starts(line, SPAN("RCPT")) ? "503 5.5.1 no sender" : "250 2.0.0 ok");
	return true;
}

static void serve(void *arg)
{
	struct guest *g = arg;
	struct span line;
	bool good;

	if (answers(g, "220 far.test", &good))
		while (client_line(&g->c, &line) && command(g, line))
			;
	client_close(&g->c);
	list_remove(&g->link);
	free(g);
}

/* ---- doors ------------------------------------------------------------------------ */

static void comes(struct door *d, int fd)
{
	struct far *f = d->far;
	struct loop *loop = house_loop(f->storm->town->house);
	struct guest *g = calloc(1, sizeof *g);

	if (g == NULL)
		storm_fail("memory is short");
	g->far = f;
	client_adopt(&g->c, loop, fd);
	if (d->down && !f->well) {
		f->count[DOWN]++;
		client_close(&g->c);
		free(g);
		return;
	}
	list_push_back(&f->guests, &g->link);
	g->fiber = fiber_start(loop, serve, g);
	if (g->fiber == NULL)
		storm_fail("no stack for a server");
}

static void stand_open(void *arg)
{
	struct door *d = arg;
	struct world *w = house_world(d->far->storm->town->house);
	struct addr peer;
	int fd;

	for (;;) {
		enum os r = sock_accept(w, d->fd, &fd, &peer);
		if (r == OS_OK)
			comes(d, fd);
		else if (r == OS_AGAIN &&
			 fiber_io_wait(&d->io, READY_IN, NS_NEVER) != WOKE_VALUE)
			break;
	}
	fiber_io_end(&d->io);
	world_close(w, d->fd);
	d->fiber = NULL;
}

void far_begin(struct far *f, struct storm *s)
{
	struct world *w = house_world(s->town->house);
	struct loop *loop = house_loop(s->town->house);

	f->storm = s;
	for (unsigned i = 0; i < HOSTS; i++) {
		struct door *d = &f->doors[i];
		struct addr a = addr_v4(127, 0, 1, (uint8_t)(i + 1), PORT);
		d->far = f;
		if (sock_listen(w, &a, (struct listen_how){0}, &d->fd) != OS_OK)
			storm_fail("no door for a server");
		sim_give(loop, d->fd);
		if (fiber_io_start(loop, &d->io, d->fd) != OS_OK ||
		    (d->fiber = fiber_start(loop, stand_open, d)) == NULL)
			storm_fail("no stack for a door");
	}
	far_shift(f);
}

void far_shift(struct far *f)
{
	for (unsigned i = 0; i < HOSTS; i++)
		f->doors[i].down = dice_chance(&f->dice, DOWN_OF);
}

static void cut_all(struct far *f)
{
	LIST_EACH (&f->guests, at)
		fiber_stop(CONTAINER_OF(at, struct guest, link)->fiber);
}

void far_mend(struct far *f)
{
	f->well = true;
	cut_all(f);
}

void far_end(struct far *f)
{
	cut_all(f);
	for (unsigned i = 0; i < HOSTS; i++)
		fiber_stop(f->doors[i].fiber);
	house_run(f->storm->town->house, 10);
	if (!list_empty(&f->guests))
		storm_fail("a server does not end");
}

/* ---- names ------------------------------------------------------------------------- */

static uint64_t name_takes(void *arg, enum resolver_verdict *instead)
{
	struct far *f = arg;
	bool odd = !f->well && dice_chance(&f->dice, f->rude);

	if (odd && happens(f, NAME_FAILS, 40)) {
		*instead = RESOLVER_FAILED;
		return dice_below(&f->dice, NAMES_NS);
	}
	if (odd && happens(f, NAME_SILENT, 20)) {
		*instead = RESOLVER_TIMEOUT;
		return NAMES_NS;
	}
	return odd && happens(f, NAME_LATE, 100) ? dice_below(&f->dice, NAMES_NS) : 0;
}

struct far *far_new(uint64_t seed)
{
	struct far *f = calloc(1, sizeof *f);

	if (f == NULL)
		storm_fail("memory is short");
	f->dice.state = seed ^ 0xfa4;
	f->rude = (unsigned)dice_below(&f->dice, RUDE_MOST + 1);
	list_init(&f->guests);
	f->names = (struct names){.rows = rows, .count = ARRAY_LEN(rows),
				  .absent = RESOLVER_INSECURE,
				  .takes = name_takes, .arg = f};
	return f;
}

struct names *far_names(struct far *f) { return &f->names; }

void far_free(struct far *f) { free(f); }

unsigned far_refusals(const struct far *f) { return f->refusals; }

const char *far_deed(size_t row) { return row < FAR_DEEDS ? deeds[row] : NULL; }

unsigned far_count(const struct far *f, size_t row) { return f->count[row]; }
