/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/hasher: the queue lives on the loop; a thread is given a job only
 * when it is free, so order and lateness are judged at the last moment.
 */
#include "role/auth/hasher.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "crypto/secret.h"

struct hasher {
	uint32_t tag;
	struct loop *loop;
	struct workers *workers; /* NULL: in a simulated world */
	struct watch watch;
	struct timer timer;
	struct hash_job *on_loop;
	struct list favoured, others;
	size_t waiting, queue, running, threads;
	uint64_t hashes;
};
#define TAG_HASHER TAG4('H', 'A', 'S', 'H')

/* ---- the work, on a thread ------------------------------------------------- */

bool app_password_digits(struct span text, char out[APP_PASSWORD_DIGITS])
{
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = ascii_lower(text.ptr[i]);
		if (c == '-' || c == ' ')
			continue;
		if (!(ascii_alpha(c) || (c >= '2' && c <= '7')) ||
		    n == APP_PASSWORD_DIGITS)
			return false;
		out[n++] = c;
	}
	return n == APP_PASSWORD_DIGITS;
}

void app_password_text(const unsigned char random[15],
		       char out[APP_PASSWORD_TEXT])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	size_t at = 0;
	for (size_t i = 0; i < APP_PASSWORD_DIGITS; i++) {
		size_t bit = i * 5, byte = bit / 8;
		unsigned pair = (unsigned)random[byte] << 8 |
				(byte + 1 < 15 ? random[byte + 1] : 0u);
		if (i > 0 && i % 4 == 0)
			out[at++] = '-';
		out[at++] = digits[pair >> (11 - bit % 8) & 31];
	}
}

/* All of them, whichever is right, and as many for those who have none. */
static bool check_apps(struct hash_job *j)
{
	char text[APP_PASSWORD_DIGITS];
	struct span password = span_of(j->password, j->password_len);
	bool right = false;
	if (!app_password_digits(password, text))
		return false;
	for (size_t i = 0; i < USER_APPS_MAX; i++) {
		struct span v = {0};
		if (i < j->user->app_count)
			v = span_cstr(j->user->apps[i].argon2);
		if (password_verify(span_of(text, sizeof text), v,
				    APP_PASSWORD_COST) != PASSWORD_OK)
			continue;
		right = true;
		j->scopes = j->user->apps[i].scopes;
	}
	secret_wipe(text, sizeof text);
	return right;
}

static enum hash_end check(struct hash_job *j)
{
	struct span password = span_of(j->password, j->password_len);
	if (check_apps(j))
		return HASH_DONE;
	j->hashes++;
	switch (password_verify(password, span_cstr(j->user->argon2), j->cost)) {
	case PASSWORD_OK:
		j->scopes = SCOPES_ALL;
		return HASH_DONE;
	case PASSWORD_NO_MEMORY:
		return HASH_LATER;
	case PASSWORD_WRONG:
	case PASSWORD_TOO_LONG:
	case PASSWORD_BAD_VERIFIER:
	case PASSWORD_BAD_COST:
		break;
	}
	return HASH_WRONG;
}

static enum hash_end make(struct hash_job *j)
{
	struct span password = span_of(j->password, j->password_len);
	struct password_cost cost = j->cost;
	if (j->work == HASH_MAKE_APP)
		cost = APP_PASSWORD_COST;
	else
		j->hashes++;
	if (password_hash(password, cost, j->argon2) != PASSWORD_OK)
		return HASH_LATER;
	if (j->work == HASH_MAKE && j->scram_iterations > 0 &&
	    !scram_verifier_make(password, j->salt, j->scram_iterations,
				 &j->scram))
		return HASH_LATER;
	return HASH_DONE;
}

static void run(struct worker_job *job)
{
	struct hash_job *j = CONTAINER_OF(job, struct hash_job, job);
	j->end = j->work == HASH_CHECK ? check(j) : make(j);
	secret_wipe(j->password, sizeof j->password);
}

/* ---- the queue, on the loop ------------------------------------------------- */

static void pump(struct hasher *h);

static void finish(struct hasher *h, struct hash_job *j)
{
	h->hashes += j->hashes;
	j->over = true;
	(void)fiber_wake(j->fiber, 0);
}

static void on_finished(struct watch *w, unsigned ready)
{
	struct hasher *h = w->arg;
	struct worker_job *job;
	(void)ready;
	while ((job = workers_finished(h->workers)) != NULL) {
		h->running--;
		finish(h, CONTAINER_OF(job, struct hash_job, job));
	}
	pump(h);
}

static void on_sim(struct timer *t)
{
	struct hasher *h = t->arg;
	struct hash_job *j = h->on_loop;
	h->on_loop = NULL;
	h->running--;
	run(&j->job);
	finish(h, j);
	pump(h);
}

static void begin(struct hasher *h, struct hash_job *j)
{
	h->running++;
	if (h->workers != NULL) {
		workers_submit(h->workers, 0, &j->job);
		return;
	}
	h->on_loop = j;
	if (!timer_start(h->loop, &h->timer, loop_now(h->loop) + HASHER_SIM_NS,
			 on_sim, h))
		on_sim(&h->timer);
}

static void pump(struct hasher *h)
{
	while (h->waiting > 0 && h->running < h->threads) {
		struct list *link = list_pop_front(&h->favoured);
		if (link == NULL)
			link = list_pop_front(&h->others);
		struct hash_job *j = CONTAINER_OF(link, struct hash_job, link);
		h->waiting--;
		if (loop_now(h->loop) < j->deadline &&
		    (j->answered == NULL || !j->answered(j))) {
			begin(h, j);
		} else {
			secret_wipe(j->password, sizeof j->password);
			finish(h, j);
		}
	}
}

/* It is not to be done.  A thread that holds the job is waited for. */
static void withdraw(struct hasher *h, struct hash_job *j, bool wake)
{
	if (list_linked(&j->link)) {
		list_remove(&j->link);
		h->waiting--;
	} else if (h->on_loop == j) {
		timer_stop(&h->timer);
		h->on_loop = NULL;
		h->running--;
	} else {
		workers_wait(h->workers);
		on_finished(&h->watch, 0);
		return;
	}
	secret_wipe(j->password, sizeof j->password);
	j->over = true;
	if (wake)
		(void)fiber_wake(j->fiber, 0);
}

enum hash_end hasher_run(struct hasher *h, struct hash_job *j,
			 uint64_t deadline)
{
	ENSURE_TAG(h, TAG_HASHER);
	uint64_t ignored;
	size_t most = j->favoured ? h->queue : h->queue - h->queue / 4;
	if (h->waiting >= most)
		return HASH_LATER;
	j->fiber = fiber_self(h->loop);
	j->deadline = deadline;
	j->end = HASH_LATER;
	j->over = false;
	j->hashes = 0;
	j->job.run = run;
	h->waiting++;
	list_push_back(j->favoured ? &h->favoured : &h->others, &j->link);
	pump(h);
	do { /* its end wakes us, also when it came in pump */
		if (fiber_park(h->loop, &ignored) == WOKE_STOPPED && !j->over)
			withdraw(h, j, false);
	} while (!j->over);
	return j->end;
}

/* ---- life ------------------------------------------------------------------- */

/* The simulation has nothing for other threads to write to. */
static bool has_threads(struct world *w)
{
	int fd = -1;
	bool yes = w->ops->poke_new(w, &fd) == OS_OK && fd >= 0;
	world_close(w, fd);
	return yes;
}

struct hasher *hasher_new(struct loop *loop, unsigned threads, size_t queue)
{
	struct hasher *h = calloc(1, sizeof *h);
	if (h == NULL)
		return NULL;
	h->tag = TAG_HASHER;
	h->loop = loop;
	h->queue = queue;
	h->threads = 1;
	list_init(&h->favoured);
	list_init(&h->others);
	h->timer.arg = h;
	if (!has_threads(loop_world(loop)))
		return h;
#ifdef M_ARENA_MAX
	/* Asked for more arenas libc would count processors in a file. */
	(void)mallopt(M_ARENA_MAX, 2);
#endif
	h->threads = threads;
	h->workers = workers_new(&threads, 1);
	if (h->workers != NULL &&
	    watch_start(loop, &h->watch, workers_fd(h->workers), READY_IN,
			on_finished, h) == OS_OK)
		return h;
	hasher_free(h);
	return NULL;
}

void hasher_settle(struct hasher *h)
{
	if (h == NULL)
		return;
	ENSURE_TAG(h, TAG_HASHER);
	LIST_EACH(&h->favoured, link)
		withdraw(h, CONTAINER_OF(link, struct hash_job, link), true);
	LIST_EACH(&h->others, link)
		withdraw(h, CONTAINER_OF(link, struct hash_job, link), true);
	if (h->on_loop != NULL)
		withdraw(h, h->on_loop, true);
	while (h->running > 0) {
		workers_wait(h->workers);
		on_finished(&h->watch, 0);
	}
}

void hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	ENSURE_TAG(h, TAG_HASHER);
	timer_stop(&h->timer);
	watch_stop(&h->watch);
	workers_free(h->workers);
	h->tag = 0;
	free(h);
}

void hasher_limit(struct hasher *h, size_t queue)
{
	ENSURE_TAG(h, TAG_HASHER);
	h->queue = queue;
}

size_t hasher_waiting(const struct hasher *h)
{
	ENSURE_TAG(h, TAG_HASHER);
	return h->waiting;
}

uint64_t hasher_hashes(const struct hasher *h)
{
	ENSURE_TAG(h, TAG_HASHER);
	return h->hashes;
}
