/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong, one row each: faults that happen at a rate while code asks for
 * them, and things that are done to the town between two turns of it.
 *
 * A seed has some of the rates, and some events in an order of its own.  A fault
 * is added by a row here; a run's figures tell how often each one happened.
 */
#include "storm.h"

#define CHANCE_OF_ROW 35u /* of a hundred: a seed has this rate */

/* rate: at most so many of a million. */
static const struct {
	const char *name;
	uint32_t rate;
} rates[] = {
	{"kv.write", 150000},	     /* EIO: nothing of the group went in */
	{"kv.write.torn", 150000},    /* a short write: a beginning of it did */
	{"kv.write.late", 150000},    /* the sync failed, the data is there */
	{"kv.reopen", 600000},	     /* the engine does not come up at once */
	{"kv.body", 200000},	     /* a large body's write or sync fails */
	{"kv.full", 60000},	     /* the disk is full */
	{"kv.slow", 300000},	     /* others go on while a sync is under way */
	{"sim.read.short", 100000},  /* of clients' connections */
	{"sim.write.short", 100000},
	{"sim.packet.again", 100000}, /* a channel between roles is full */
	{"sim.packet.late", 40000},  /* a frame between roles is delayed */
	{"sim.accept.nofd", 150000},  /* descriptors are short */
	{"sim.blob.none", 300000},    /* memory files are short */
	{"sim.connect.refused", 150000},
	{"sim.connect.hole", 60000},  /* nobody answers */
	{"sim.connect.late", 200000},
};

/* ---- events -------------------------------------------------------------------- */

static void some_turns(struct storm *s, uint64_t most)
{
	struct world *w = house_world(s->town->house);

	(void)sim_run(w, world_now(w) + 100 * NS_PER_MS, dice_below(&s->dice, most));
}

static void kill_one(struct storm *s, enum kind k)
{
	storm_say(s, "%s is killed", kind_name(k));
	town_kill(s->town, k);
	some_turns(s, 300);
	storm_raise(s);
}

static void kills(struct storm *s)
{
	kill_one(s, town_kinds[dice_below(&s->dice, town_kinds_count)]);
}

static void kills_store(struct storm *s) { kill_one(s, KIND_STORE); }

/* Two, so that one is raised while another is missing. */
static void kills_two(struct storm *s)
{
	enum kind k = town_kinds[dice_below(&s->dice, town_kinds_count)];

	storm_say(s, "%s is killed, and another", kind_name(k));
	town_kill(s->town, k);
	some_turns(s, 100);
	kills(s);
}

static void kills_courier(struct storm *s) { kill_one(s, KIND_COURIER); }

void trouble_dooms(struct storm *s)
{
	enum kind k = s->doomed;

	s->doomed = KIND_COUNT;
	s->events[0]++;
	storm_say(s, "%s dies at a step of its own", kind_name(k));
	town_kill(s->town, k);
	storm_raise(s);
}

static void power_cut(struct storm *s)
{
	storm_say(s, "the power is cut");
	town_power_cut(s->town);
	some_turns(s, 100);
	storm_raise(s);
}

static void clock_jumps(struct storm *s)
{
	static const int64_t by[] = {1, 3600, 86400, 6 * 86400};
	struct world *w = house_world(s->town->house);
	struct wall t = world_wall(w);
	int64_t jump = by[dice_below(&s->dice, ARRAY_LEN(by))];

	t.sec += dice_chance(&s->dice, 50) ? jump : -jump;
	/* No certificate ends, no removed account is over. */
	if (t.sec < TOWN_WALL - 7 * 86400 || t.sec > TOWN_WALL + 7 * 86400)
		t.sec = TOWN_WALL;
	s->jumped = true;
	storm_say(s, "the clock jumps to %lld", (long long)t.sec);
	sim_wall_set(w, t);
}

static void far_changes(struct storm *s) { far_shift(s->far); }

/* Counts who dies at a step of a message's way. */
static void nothing(struct storm *s) { (void)s; }

/* weight: how often, beside the others */
static const struct {
	const char *name;
	void (*make)(struct storm *);
	unsigned weight;
} events[] = {
	{"killed at a step", nothing, 0}, {"nothing", nothing, 4},
	{"a role is killed", kills, 5},   {"the store is killed", kills_store, 2},
	{"the courier is killed", kills_courier, 2}, {"two are killed", kills_two, 2},
	{"power cut", power_cut, 2},      {"clock jump", clock_jumps, 2},
	{"others are down", far_changes, 2},
};

void trouble_choose(struct storm *s)
{
	struct world *w = house_world(s->town->house);

	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		uint32_t rate = (uint32_t)dice_below(&s->dice, rates[i].rate) + 1;
		if (!dice_chance(&s->dice, CHANCE_OF_ROW))
			continue;
		storm_say(s, "%s at %u of a million", rates[i].name, rate);
		if (!sim_fault_set(w, rates[i].name, rate))
			storm_fail("too many kinds of faults");
	}
}

void trouble_make(struct storm *s)
{
	unsigned all = 0, at;

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		all += events[i].weight;
	at = (unsigned)dice_below(&s->dice, all);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (at < events[i].weight) {
			s->events[i]++;
			events[i].make(s);
			return;
		}
		at -= events[i].weight;
	}
}

void trouble_end(struct storm *s)
{
	struct world *w = house_world(s->town->house);

	for (size_t i = 0; i < ARRAY_LEN(rates); i++)
		(void)!sim_fault_set(w, rates[i].name, 0);
	storm_raise(s);
	storm_say(s, "no more trouble");
}

_Static_assert(ARRAY_LEN(rates) + ARRAY_LEN(events) + FAR_DEEDS <= TROUBLES_MAX,
	       "too many rows");
_Static_assert(ARRAY_LEN(events) <= EVENTS_MAX, "too many events");

const char *trouble_name(size_t row)
{
	if (row < ARRAY_LEN(rates))
		return rates[row].name;
	row -= ARRAY_LEN(rates);
	return row < ARRAY_LEN(events) ? events[row].name
				       : far_deed(row - ARRAY_LEN(events));
}

unsigned trouble_count(const struct storm *s, size_t row)
{
	const struct world *w = house_world(s->town->house);

	if (row < ARRAY_LEN(rates))
		return (unsigned)sim_fault_count(w, rates[row].name);
	row -= ARRAY_LEN(rates);
	return row < ARRAY_LEN(events) ? s->events[row]
				       : far_count(s->far, row - ARRAY_LEN(events));
}
