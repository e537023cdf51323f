/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/thread: one mutex over a queue per lane and one queue of what is finished.
 *
 * The eventfd is written when the finished queue stops being empty and read
 * when it was emptied, both under the mutex: it is readable if and only if
 * something waits.
 */
#include "os/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ensure.h"

#define THREADS_MAX 64u

struct queue {
	struct worker_job *first, **last;
};

struct lane {
	struct workers *workers;
	struct queue waiting;
	pthread_cond_t more;
};

struct workers {
	uint32_t tag;
	int fd;
	bool stop;
	size_t out; /* submitted and not yet claimed */
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct queue finished;
	size_t lanes, threads;
	struct lane lane[WORKER_LANES];
	pthread_t thread[THREADS_MAX];
};

#define WORKERS_TAG TAG4('W', 'R', 'K', 'S')

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_push(struct queue *q, struct worker_job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct worker_job *queue_pop(struct queue *q)
{
	struct worker_job *job = q->first;
	if (job && !(q->first = job->next))
		q->last = &q->first;
	return job;
}

static void signal_finished(struct workers *w)
{
	uint64_t one = 1;
	/* The counter is 0 or 1: this cannot block or fail. */
	ENSURE(write(w->fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void *thread_main(void *arg)
{
	struct lane *lane = arg;
	struct workers *w = lane->workers;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct worker_job *job = queue_pop(&lane->waiting);
		if (!job) {
			if (w->stop)
				break;
			pthread_cond_wait(&lane->more, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		job->run(job);
		pthread_mutex_lock(&w->lock);
		if (!w->finished.first)
			signal_finished(w);
		queue_push(&w->finished, job);
		pthread_cond_signal(&w->some);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static bool start_threads(struct workers *w, const unsigned *threads)
{
	sigset_t all, before;
	bool ok = true;
	sigfillset(&all);
	/* The filter's: a refused call must be answered, not end the process. */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 0; i < w->lanes && ok; i++)
		for (unsigned n = 0; n < threads[i] && ok; n++) {
			ENSURE(w->threads < THREADS_MAX);
			ok = pthread_create(&w->thread[w->threads], NULL,
					    thread_main, &w->lane[i]) == 0;
			if (ok)
				w->threads++;
		}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

struct workers *workers_new(const unsigned *threads, size_t lanes)
{
	ENSURE(lanes > 0 && lanes <= WORKER_LANES);
	struct workers *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->tag = WORKERS_TAG;
	w->lanes = lanes;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->some, NULL);
	queue_init(&w->finished);
	for (size_t i = 0; i < lanes; i++) {
		w->lane[i].workers = w;
		queue_init(&w->lane[i].waiting);
		pthread_cond_init(&w->lane[i].more, NULL);
	}
	if (w->fd < 0 || !start_threads(w, threads)) {
		workers_free(w);
		return NULL;
	}
	return w;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	ENSURE_TAG(w, WORKERS_TAG);
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	for (size_t i = 0; i < w->lanes; i++)
		pthread_cond_broadcast(&w->lane[i].more);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->threads; i++)
		pthread_join(w->thread[i], NULL);
	for (size_t i = 0; i < w->lanes; i++)
		pthread_cond_destroy(&w->lane[i].more);
	pthread_cond_destroy(&w->some);
	pthread_mutex_destroy(&w->lock);
	if (w->fd >= 0)
		close(w->fd);
	w->tag = 0;
	free(w);
}

void workers_submit(struct workers *w, size_t lane, struct worker_job *job)
{
	ENSURE_TAG(w, WORKERS_TAG);
	ENSURE(lane < w->lanes);
	pthread_mutex_lock(&w->lock);
	w->out++;
	queue_push(&w->lane[lane].waiting, job);
	pthread_cond_signal(&w->lane[lane].more);
	pthread_mutex_unlock(&w->lock);
}

struct worker_job *workers_finished(struct workers *w)
{
	ENSURE_TAG(w, WORKERS_TAG);
	pthread_mutex_lock(&w->lock);
	struct worker_job *job = queue_pop(&w->finished);
	if (job) {
		w->out--;
		uint64_t count;
		if (!w->finished.first)
			ENSURE(read(w->fd, &count, sizeof(count)) ==
			       (ssize_t)sizeof(count));
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

void workers_wait(struct workers *w)
{
	ENSURE_TAG(w, WORKERS_TAG);
	pthread_mutex_lock(&w->lock);
	while (w->out > 0 && !w->finished.first)
		pthread_cond_wait(&w->some, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

int workers_fd(const struct workers *w)
{
	ENSURE_TAG(w, WORKERS_TAG);
	return w->fd;
}
