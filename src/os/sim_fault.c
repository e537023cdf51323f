/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sim_fault - what goes wrong in a simulated world, and what happened in it.
 *
 * Faults by name and rate, the death of a process, and the trace: one number that
 * grows with everything that happens, so that two runs can be compared.
 */
#include "os/sim_inner.h"

/* --- faults --- */

static struct sim_fault *find_fault(const struct sim *s, const char *name)
{
	for (size_t i = 0; i < s->fault_count; i++)
		if (strcmp(s->faults[i].name, name) == 0)
			return (struct sim_fault *)(uintptr_t)&s->faults[i];
	return NULL;
}

bool sim_fault_set(struct world *w, const char *name, uint32_t rate)
{
	struct sim *s = sim_of(w);
	struct sim_fault *f = find_fault(s, name);
	size_t len = strlen(name);

	if (f == NULL) {
		if (s->fault_count == SIM_FAULTS_MAX || len >= sizeof(f->name))
			return false;
		f = &s->faults[s->fault_count++];
		memcpy(f->name, name, len + 1);
	}
	f->rate = rate;
	return true;
}

uint64_t sim_fault_count(const struct world *w, const char *name)
{
	const struct sim_fault *f = find_fault(sim_of_const(w), name);
	return f != NULL ? f->count : 0;
}

/* Draws only where a rate is set: a new name elsewhere keeps old runs the same. */
bool sim_fault_now(struct sim *s, const char *name)
{
	struct sim_fault *f = find_fault(s, name);

	if (f == NULL || f->rate == 0 || sim_draw(s) % 1000000 >= f->rate)
		return false;
	f->count++;
	sim_note(s, "fault", span_cstr(name));
	return true;
}

bool sim_fault_asked(struct world *w, const char *name)
{
	return sim_fault_now(sim_of(w), name);
}

/* --- the death of a process --- */

static const struct sim *sim_of_loop(const struct loop *l)
{
	return sim_of_const(l->world);
}

size_t sim_owned(const struct loop *l)
{
	const struct sim *s = sim_of_loop(l);
	size_t n = 0;

	for (size_t i = 0; i < s->fds_cap; i++)
		n += s->fds[i].obj != NULL && s->fds[i].owner == l->poller;
	return n;
}

void sim_give(struct loop *l, int fd)
{
	struct sim *s = sim_of(l->world);

	(void)sim_get(s, fd);
	s->fds[fd].owner = l->poller;
}

void sim_kill(struct loop *l)
{
	struct sim *s = sim_of(l->world);

	for (size_t i = 0; i < s->fds_cap; i++) {
		struct sim_obj *o = s->fds[i].obj;
		if (o == NULL || s->fds[i].owner != l->poller ||
		    (o->kind != SIM_STREAM && o->kind != SIM_PACKET))
			continue;
		o->dead = o->shut = true;
		if (o->peer != NULL)
			o->peer->ended = true;
	}
}

/* --- the trace --- */

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15;
	return h ^ h >> 29;
}

void sim_note(struct sim *s, const char *what, struct span bytes)
{
	uint64_t h = mix(s->trace, s->now), word;
	size_t i = 0;

	h = mix(h, (uint64_t)(unsigned char)what[0] << 32 | bytes.len);
	h = mix(h, s->turn != NULL ? s->turn->number : 0);
	for (; i + sizeof word <= bytes.len; i += sizeof word) {
		memcpy(&word, bytes.ptr + i, sizeof word);
		h = mix(h, word);
	}
	for (; i < bytes.len; i++)
		h = mix(h, (unsigned char)bytes.ptr[i]);
	s->trace = h;
	if (s->tell != NULL)
		s->tell(s->tell_arg, what,
			s->turn != NULL ? s->turn->party.arg : NULL, s->now, bytes);
}

uint64_t sim_trace(const struct world *w) { return sim_of_const(w)->trace; }

void sim_tell(struct world *w, sim_tell_fn *fn, void *arg)
{
	sim_of(w)->tell = fn;
	sim_of(w)->tell_arg = arg;
}
