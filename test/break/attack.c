/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames are made by the toolbox of test/unit/ipc, which knows the layout from
 * its description and shares no code with src/ipc.
 */
#include "attack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "hostile.h"
#include "os/file.h"
#include "os/sock.h"

#define SETTLE_MS  5u
#define REPLY_MS   20000u
#define FLIPS      400u
#define FRAME_CAP  IPC_FRAME_MAX
#define PEER_INDEX 7u

struct attack {
	const char *name;
	/* Puts a frame together on a channel of which nothing was sent yet. */
	void (*make)(const struct target *, struct buf *);
	bool greet;   /* a right greeting comes first */
	bool pass_fd; /* with a descriptor */
};

static struct world *world_of(const struct target *t)
{
	return house_world(t->house);
}

/* ---- tools ----------------------------------------------------------------- */

static const struct ipc_message *message_of(const struct target *t,
					    const char *name)
{
	return &t->schema->messages[hostile_number(t->schema, name)];
}

static void frame_init(struct buf *b)
{
	buf_init(b, FRAME_CAP);
}

void attack_send(const struct target *t, int fd, const struct buf *frame, int pass)
{
	enum os r;

	do {
		r = sock_send(world_of(t), fd, buf_span(frame), pass);
		if (r == OS_AGAIN)
			house_run(t->house, 1);
	} while (r == OS_AGAIN);
	/* A dead end is what some of them are after. */
	assert_true(r == OS_OK || r == OS_BROKEN || r == OS_EOF);
}

int attack_join(const struct target *t)
{
	int fd = house_peer(t->role, t->hop, t->peer, PEER_INDEX);
	struct buf frame;

	frame_init(&frame);
	hostile_hello(&frame, t->schema, t->side);
	attack_send(t, fd, &frame, -1);
	buf_free(&frame);
	return fd;
}

static void encode(const struct ipc_message *m, const void *fields, struct buf *out)
{
	buf_init(out, IPC_BODY_MAX);
	if (!ipc_encode(&m->body, fields, out))
		fail_msg("%s: the fields cannot be encoded", m->name);
}

void attack_call(const struct target *t, struct buf *frame, uint32_t id,
		 const char *name, const void *fields)
{
	const struct ipc_message *m = message_of(t, name);
	struct buf body;

	encode(m, fields, &body);
	hostile_call(frame, m->number, id, IPC_NEVER, buf_span(&body));
	buf_free(&body);
}

void attack_cast(const struct target *t, struct buf *frame, const char *name,
		 const void *fields)
{
	const struct ipc_message *m = message_of(t, name);
	struct buf body;

	encode(m, fields, &body);
	hostile_cast(frame, m->number, buf_span(&body));
	buf_free(&body);
}

bool attack_ended(const struct target *t, int fd)
{
	char *frame = malloc(FRAME_CAP);
	size_t len;
	int passed;
	enum os r;

	assert_non_null(frame);
	do {
		r = sock_recv(world_of(t), fd, frame, FRAME_CAP, &len, &passed);
		world_close(world_of(t), passed);
		if (r == OS_OK)
			house_run(t->house, 1); /* there may be more to come */
	} while (r == OS_OK);
	free(frame);
	return r == OS_EOF || r == OS_BROKEN;
}

/* Looks through a frame for the answer to `id`.  0: not there, 1: it is, 2: refused */
static int find_answer(struct span frame, uint32_t id, struct span *body,
		       unsigned *number)
{
	struct unpack u = unpack_of(frame);

	while (unpack_ok(&u) && u.rest.len > 0) {
		unsigned kind = unpack_u8(&u);
		uint32_t of = 0;
		*number = unpack_u8(&u);
		size_t len = unpack_u16(&u);
		if (kind == HOSTILE_CALL) {
			(void)unpack_u32(&u);
			(void)unpack_u64(&u);
		} else if (kind == HOSTILE_REPLY || kind == HOSTILE_REFUSAL) {
			of = unpack_u32(&u);
		}
		*body = unpack_bytes(&u, kind == HOSTILE_RETURN ? 0 : len);
		if (of == id && unpack_ok(&u))
			return kind == HOSTILE_REPLY ? 1 : 2;
	}
	return 0;
}

bool attack_reply(const struct target *t, int fd, const char *name, uint32_t id,
		  struct arena *arena, void *reply, unsigned *refused)
{
	const struct ipc_message *m = message_of(t, name);
	char *frame = malloc(FRAME_CAP);
	struct span body = {0};
	unsigned number = 0;
	int passed, found = 0;
	size_t len;

	assert_non_null(frame);
	*refused = 0;
	for (unsigned i = 0; i < REPLY_MS && found == 0; i++) {
		enum os r = sock_recv(world_of(t), fd, frame, FRAME_CAP, &len, &passed);
		if (r == OS_EOF || r == OS_BROKEN)
			break;
		if (r == OS_AGAIN)
			house_run(t->house, 1);
		world_close(world_of(t), passed);
		if (r == OS_OK)
			found = find_answer(span_of(frame, len), id, &body, &number);
	}
	if (found == 2)
		*refused = number;
	if (found == 1) {
		/* What the reply points to lives as long as the arena. */
		assert_int_equal(number, m->number);
		assert_true(arena_copy(arena, body, &body));
		assert_true(ipc_decode(&m->reply, body, arena, reply));
	}
	free(frame);
	return found == 1;
}

/* ---- the attacks -------------------------------------------------------------- */

/* The first call or cast that the role takes from this side, all fields zero. */
static const struct ipc_message *some(const struct target *t, bool call)
{
	for (unsigned i = 0; i < t->schema->message_count; i++) {
		const struct ipc_message *m = &t->schema->messages[i];
		if (m->to != t->side && m->is_call == call)
			return m;
	}
	return NULL;
}

/* A side that only asks takes nothing: then whatever there is, the wrong way. */
static const struct ipc_message *any(const struct target *t)
{
	const struct ipc_message *m = some(t, true);
	if (m == NULL)
		m = some(t, false);
	return m != NULL ? m : &t->schema->messages[0];
}

/* Zeroed fields; a descriptor that is asked for is none. */
static bool zeroes(const struct ipc_message *m, struct buf *body)
{
	void *fields = calloc(1, m->body.size);
	bool ok;

	assert_non_null(fields);
	buf_init(body, IPC_BODY_MAX);
	ok = ipc_encode(&m->body, fields, body);
	free(fields);
	return ok;
}

static void put(const struct target *t, const struct ipc_message *m, uint32_t id,
		struct buf *out)
{
	struct buf body;

	(void)t;
	assert_true(zeroes(m, &body));
	if (m->is_call)
		hostile_call(out, m->number, id, IPC_NEVER, buf_span(&body));
	else
		hostile_cast(out, m->number, buf_span(&body));
	buf_free(&body);
}

static void garbage(const struct target *t, struct buf *b)
{
	(void)t;
	buf_add(b, SPAN("GET / HTTP/1.1\r\nHost: letterlock\r\n\r\n"));
}

static void no_greeting(const struct target *t, struct buf *b)
{
	put(t, any(t), 1, b);
}

static void other_hash(const struct target *t, struct buf *b)
{
	struct ipc_hop h = *t->schema;

	h.hash[0] ^= 1;
	hostile_hello(b, &h, t->side);
}

static void other_hop(const struct target *t, struct buf *b)
{
	struct ipc_hop h = *t->schema;

	h.name = "nowhere";
	hostile_hello(b, &h, t->side);
}

static void other_side(const struct target *t, struct buf *b)
{
	hostile_hello(b, t->schema, 1 - t->side);
}

static void side_two(const struct target *t, struct buf *b)
{
	hostile_hello(b, t->schema, 2);
}

static void greets_twice(const struct target *t, struct buf *b)
{
	hostile_hello(b, t->schema, t->side);
}

static void kind_unknown(const struct target *t, struct buf *b)
{
	(void)t;
	hostile_head(b, 77, 0, 0);
}

static void kind_zero(const struct target *t, struct buf *b)
{
	(void)t;
	hostile_head(b, 0, 0, 0);
}

static void number_unknown(const struct target *t, struct buf *b)
{
	hostile_call(b, t->schema->message_count, 1, IPC_NEVER, SPAN(""));
}

/* Something that only this side may be asked. */
static void wrong_direction(const struct target *t, struct buf *b)
{
	for (unsigned i = 0; i < t->schema->message_count; i++) {
		const struct ipc_message *m = &t->schema->messages[i];
		if (m->to == t->side) {
			put(t, m, 1, b);
			return;
		}
	}
	number_unknown(t, b); /* no such message on this hop */
}

static void call_as_cast(const struct target *t, struct buf *b)
{
	const struct ipc_message *m = any(t);

	if (m->is_call)
		hostile_cast(b, m->number, SPAN(""));
	else
		hostile_call(b, m->number, 1, IPC_NEVER, SPAN(""));
}

static void half_a_head(const struct target *t, struct buf *b)
{
	(void)t;
	buf_add(b, SPAN("\2\0"));
}

static void longer_than_frame(const struct target *t, struct buf *b)
{
	hostile_head(b, HOSTILE_CALL, any(t)->number, 65535);
	pack_u32(b, 1);
	pack_u64(b, IPC_NEVER);
}

static void leftover(const struct target *t, struct buf *b)
{
	const struct ipc_message *m = any(t);
	struct buf body;

	assert_true(zeroes(m, &body));
	pack_u8(&body, 0);
	if (m->is_call)
		hostile_call(b, m->number, 1, IPC_NEVER, buf_span(&body));
	else
		hostile_cast(b, m->number, buf_span(&body));
	buf_free(&body);
}

static void reply_to_nothing(const struct target *t, struct buf *b)
{
	hostile_reply(b, any(t)->number, 0x1001, SPAN(""));
}

static void refusal_of_nothing(const struct target *t, struct buf *b)
{
	(void)t;
	hostile_refusal(b, IPC_BUSY, 0x1001);
}

static void return_of_nothing(const struct target *t, struct buf *b)
{
	(void)t;
	hostile_head(b, HOSTILE_RETURN, 0, 1);
}

/* The one with the fewest bytes: many of them have to fit a frame. */
static const struct ipc_message *shortest_call(const struct target *t)
{
	const struct ipc_message *best = NULL;
	size_t least = SIZE_MAX;

	for (unsigned i = 0; i < t->schema->message_count; i++) {
		const struct ipc_message *m = &t->schema->messages[i];
		struct buf body;
		if (m->to == t->side || !m->is_call)
			continue;
		if (zeroes(m, &body) && buf_len(&body) < least) {
			least = buf_len(&body);
			best = m;
		}
		buf_free(&body);
	}
	return best;
}

/* One more in a turn than the role lends. */
static void over_credit(const struct target *t, struct buf *b)
{
	const struct ipc_message *m = shortest_call(t);
	unsigned side = 1 - t->side;
	unsigned n = m != NULL ? t->schema->credit[side] : t->schema->window[side];

	if (m == NULL)
		m = any(t);
	for (unsigned i = 0; i <= n; i++)
		put(t, m, i << 12 | 1u, b);
	if (!buf_ok(b)) { /* a window that no frame can overrun */
		buf_free(b);
		frame_init(b);
		number_unknown(t, b);
	}
}

static void stray_descriptor(const struct target *t, struct buf *b)
{
	hostile_head(b, HOSTILE_RETURN, 0, 0);
	(void)t;
}

static const struct attack attacks[] = {
	{"garbage", garbage, false, false},
	{"no greeting", no_greeting, false, false},
	{"another schema's hash", other_hash, false, false},
	{"another hop", other_hop, false, false},
	{"the role's own side", other_side, false, false},
	{"a side that there is not", side_two, false, false},
	{"greets twice", greets_twice, true, false},
	{"an unknown kind", kind_unknown, true, false},
	{"kind 0", kind_zero, true, false},
	{"an unknown number", number_unknown, true, false},
	{"the wrong direction", wrong_direction, true, false},
	{"a call sent as a cast or the other way", call_as_cast, true, false},
	{"half a head", half_a_head, true, false},
	{"a length beyond the frame", longer_than_frame, true, false},
	{"a byte too many", leftover, true, false},
	{"a reply to nothing", reply_to_nothing, true, false},
	{"a refusal of nothing", refusal_of_nothing, true, false},
	{"casts returned that were not sent", return_of_nothing, true, false},
	{"over its credit", over_credit, true, false},
	{"a descriptor that nobody asked for", stray_descriptor, true, true},
};

/* ---- running them ---------------------------------------------------------------- */

static size_t open_now(const struct target *t)
{
	t->honest(t->arg); /* also gives the last attack time to end */
	return sim_open(world_of(t));
}

static void same(const struct target *t, const char *name, size_t before)
{
	size_t now = open_now(t);

	if (now != before)
		fail_msg("%s: %zu descriptors are open, were %zu", name, now, before);
}

static void run(const struct target *t, const struct attack *a)
{
	size_t before = open_now(t);
	unsigned told = t->role->broken;
	int fd, pass = -1;
	struct buf frame;

	frame_init(&frame);
	fd = a->greet ? attack_join(t)
		      : house_peer(t->role, t->hop, t->peer, PEER_INDEX);
	a->make(t, &frame);
	if (!buf_ok(&frame))
		fail_msg("%s does not fit a frame", a->name);
	if (a->pass_fd)
		assert_int_equal(blob_new(world_of(t), &pass), OS_OK);
	attack_send(t, fd, &frame, pass);
	world_close(world_of(t), pass);
	house_run(t->house, SETTLE_MS);
	if (!attack_ended(t, fd))
		fail_msg("%s: the channel lives", a->name);
	world_close(world_of(t), fd);
	if (t->untold ? t->role->broken != told
		      : t->role->broken != told + 1 || t->role->broken_kind != t->peer)
		fail_msg("%s: the supervisor was told %u times", a->name,
			 t->role->broken - told);
	buf_free(&frame);
	same(t, a->name, before);
}

/* Every message that the role takes, cut at each of its bytes. */
static void cut_everywhere(const struct target *t, const struct ipc_message *m)
{
	struct buf whole;

	assert_true(zeroes(m, &whole));
	for (size_t n = 0; n < buf_len(&whole); n++) {
		struct span part = span_sub(buf_span(&whole), 0, n);
		struct buf frame;
		int fd = attack_join(t);

		frame_init(&frame);
		if (m->is_call)
			hostile_call(&frame, m->number, 1, IPC_NEVER, part);
		else
			hostile_cast(&frame, m->number, part);
		attack_send(t, fd, &frame, -1);
		house_run(t->house, SETTLE_MS);
		if (!attack_ended(t, fd))
			fail_msg("%s cut at %zu: the channel lives", m->name, n);
		world_close(world_of(t), fd);
		buf_free(&frame);
	}
	buf_free(&whole);
}

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A conversation with bits flipped anywhere: nothing is known about its end. */
static void flip_bits(const struct target *t, uint64_t *state)
{
	struct buf frame;
	int fd = house_peer(t->role, t->hop, t->peer, PEER_INDEX);

	frame_init(&frame);
	hostile_hello(&frame, t->schema, t->side);
	for (unsigned i = 0; i < t->schema->message_count; i++)
		if (t->schema->messages[i].to != t->side)
			put(t, &t->schema->messages[i], i + 1, &frame);
	for (unsigned n = 1 + (unsigned)(draw(state) % 4); n > 0; n--) {
		size_t at = (size_t)(draw(state) % buf_len(&frame));
		frame.data[frame.from + at] ^= (char)(1u << draw(state) % 8);
	}
	attack_send(t, fd, &frame, -1);
	house_run(t->house, SETTLE_MS);
	world_close(world_of(t), fd);
	house_run(t->house, SETTLE_MS);
	buf_free(&frame);
}

/* Asks and asks, and never reads an answer. */
static void never_reads(const struct target *t)
{
	const struct ipc_message *m = some(t, true);
	int fd = attack_join(t);

	for (uint32_t i = 0; m != NULL && i < 4u * SIM_PACKETS_MAX; i++) {
		struct buf frame;
		frame_init(&frame);
		put(t, m, i << 12 | 1u, &frame);
		if (sock_send(world_of(t), fd, buf_span(&frame), -1) != OS_OK)
			i = UINT32_MAX - 1; /* it was thrown out */
		house_run(t->house, 1);
		buf_free(&frame);
	}
	t->honest(t->arg); /* while the other's answers lie there */
	world_close(world_of(t), fd);
	house_run(t->house, SETTLE_MS);
}

/* Comes and goes, in the middle of everything. */
static void leaves(const struct target *t)
{
	unsigned told = t->role->broken;
	struct buf frame;
	int fd = attack_join(t);

	frame_init(&frame);
	if (any(t)->to != t->side) {
		put(t, any(t), 1, &frame);
		attack_send(t, fd, &frame, -1);
	}
	world_close(world_of(t), fd);
	buf_free(&frame);
	house_run(t->house, SETTLE_MS);
	assert_int_equal(t->role->broken, told); /* that is no violation */
}

/* ---- lies ------------------------------------------------------------------------ */

/* What a liar says to one question. */
static void lie(const struct target *t, enum lie how, const struct ipc_message *m,
		uint32_t id, uint64_t *state, struct buf *out)
{
	char noise[512];
	struct ipc_message reply = *m;
	struct buf body;

	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (char)draw(state);
	reply.body = m->reply;
	buf_init(&body, IPC_BODY_MAX);
	if (!zeroes(&reply, &body))
		how = LIE_NOISE;
	switch (how) {
	case LIE_ZEROES:
		hostile_reply(out, m->number, id, buf_span(&body));
		break;
	case LIE_FLIPPED:
		for (size_t i = 0; i < 2 && buf_len(&body) > 0; i++)
			body.data[body.from + draw(state) % buf_len(&body)] ^=
				(char)(1u << draw(state) % 8);
		hostile_reply(out, m->number, id, buf_span(&body));
		break;
	case LIE_NOISE:
		hostile_reply(out, m->number, id,
			      span_of(noise, (size_t)(draw(state) % sizeof noise)));
		break;
	case LIE_EMPTY:
		hostile_reply(out, m->number, id, SPAN(""));
		break;
	case LIE_LONGER:
		pack_u8(&body, 0);
		hostile_reply(out, m->number, id, buf_span(&body));
		break;
	case LIE_OTHER_NUMBER:
		hostile_reply(out, (m->number + 1) % t->schema->message_count, id,
			      buf_span(&body));
		break;
	case LIE_OTHER_ID:
		hostile_reply(out, m->number, id + 1, buf_span(&body));
		break;
	case LIE_TWICE:
		hostile_reply(out, m->number, id, buf_span(&body));
		hostile_reply(out, m->number, id, buf_span(&body));
		break;
	case LIE_REFUSAL:
		hostile_refusal(out, IPC_BUSY, id);
		break;
	case LIE_ODD_REFUSAL:
		hostile_refusal(out, 200, id);
		break;
	case LIE_SILENCE:
	case LIE_LEAVE:
	case LIE_COUNT:
		break;
	}
	buf_free(&body);
}

/* Every call in a frame is answered; false: the liar leaves. */
static bool lie_to_frame(const struct target *t, enum lie how, struct span frame,
			 uint64_t *state, struct buf *out)
{
	struct unpack u = unpack_of(frame);

	while (unpack_ok(&u) && u.rest.len > 0) {
		unsigned kind = unpack_u8(&u), number = unpack_u8(&u);
		size_t len = unpack_u16(&u);
		uint32_t id = 0;
		if (kind == HOSTILE_CALL) {
			id = unpack_u32(&u);
			(void)unpack_u64(&u);
		} else if (kind == HOSTILE_REPLY || kind == HOSTILE_REFUSAL) {
			(void)unpack_u32(&u);
		}
		(void)unpack_bytes(&u, kind == HOSTILE_RETURN ? 0 : len);
		if (kind != HOSTILE_CALL || !unpack_ok(&u))
			continue;
		if (how == LIE_LEAVE)
			return false;
		assert_true(number < t->schema->message_count);
		lie(t, how, &t->schema->messages[number], id, state, out);
	}
	return true;
}

bool attack_lie(const struct target *t, int *fd, enum lie how, uint64_t *state,
		const bool *done, uint64_t ms)
{
	char *frame = malloc(FRAME_CAP);
	struct buf out;
	int passed;
	size_t len;

	assert_non_null(frame);
	for (uint64_t i = 0; i < ms && !*done; i++) {
		enum os r = *fd < 0 ? OS_AGAIN
				    : sock_recv(world_of(t), *fd, frame, FRAME_CAP, &len,
						&passed);
		if (r != OS_OK) {
			house_run(t->house, 1);
			continue;
		}
		world_close(world_of(t), passed);
		frame_init(&out);
		bool stays = lie_to_frame(t, how, span_of(frame, len), state, &out);
		if (stays && buf_ok(&out) && buf_len(&out) > 0)
			attack_send(t, *fd, &out, -1);
		buf_free(&out);
		if (!stays) {
			world_close(world_of(t), *fd);
			*fd = -1;
		}
	}
	free(frame);
	return *done;
}

void attack_framing(const struct target *t, uint64_t seed)
{
	uint64_t state = seed;
	size_t before;

	for (size_t i = 0; i < ARRAY_LEN(attacks); i++)
		run(t, &attacks[i]);
	before = open_now(t);
	for (unsigned i = 0; i < t->schema->message_count; i++)
		if (t->schema->messages[i].to != t->side)
			cut_everywhere(t, &t->schema->messages[i]);
	same(t, "messages cut short", before);
	for (unsigned i = 0; i < FLIPS; i++)
		flip_bits(t, &state);
	house_run(t->house, 60000); /* work that is left comes to its end */
	same(t, "flipped bits", before);
	never_reads(t);
	same(t, "answers unread", before);
	leaves(t);
	same(t, "leaving", before);
}
