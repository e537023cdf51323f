/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/engine: opens the data and keeps groups going.
 *
 * Groups are polled at the end of a turn in which something was staged or
 * finished, so that all of a turn's work shares one sync.  While the engine is
 * being repaired a timer asks it from time to time.
 */
#include "kv/rocksdb.h"
#include "os/file.h"
#include "role/store/store.h"

#define POLL_AGAIN_NS (20 * NS_PER_MS)

static void poll_now(struct hook *);

static void poll_again(struct timer *t)
{
	engine_touch(t->arg);
}

void engine_touch(struct store *s)
{
	if (s->kv != NULL)
		loop_at_end(s->role->loop, &s->poll, poll_now, s);
}

static void poll_now(struct hook *h)
{
	struct store *s = h->arg;
	struct loop *loop = s->role->loop;
	bool more = kv_poll(s->kv);
	/* Also when nobody waits: what is refused meanwhile asks no more. */
	if (!kv_up(s->kv))
		(void)!timer_start(loop, &s->poll_later,
				   loop_now(loop) + POLL_AGAIN_NS, poll_again,
				   s);
	else if (more && kv_fd(s->kv) < 0)
		engine_touch(s);
}

static void on_ready(struct watch *w, unsigned ready)
{
	(void)ready;
	engine_touch(w->arg);
}

bool engine_watch(struct store *s)
{
	int fd = kv_fd(s->kv);
	return fd < 0 || watch_start(s->role->loop, &s->kv_ready, fd, READY_IN,
				     on_ready, s) == OS_OK;
}

static void free_disk(void *disk) { kv_disk_free(disk); }

/* Kept by a simulated world, the disk outlives the store; else it is the store's. */
static bool open_memory(struct store *s, struct buf *why)
{
	struct world *w = s->role->world;
	struct world_kept *kept = world_kept(w);
	struct kv_disk *disk = kept != NULL ? kept->what : NULL;
	if (disk == NULL)
		disk = kv_disk_new(world_random_u64(w));
	if (kept != NULL)
		*kept = (struct world_kept){disk, free_disk};
	else
		s->disk = disk;
	if (disk != NULL && kv_open_memory(disk, w, &s->kv) == KV_OK)
		return true;
	buf_add(why, SPAN("memory is short"));
	return false;
}

static bool open_folder(struct store *s, struct buf *why)
{
	if (s->folder < 0) {
		buf_add(why, SPAN("the data folder is missing"));
		return false;
	}
	enum os r = file_enter(s->role->world, s->folder);
	if (r != OS_OK) {
		buf_printf(why, "the data folder: %s", os_text(r));
		return false;
	}
	struct kv_rocksdb how = {
		.world = s->role->world,
		.dir = SPAN("."),
		.cache = (size_t)s->conf->store.cache,
		.readers = (unsigned)s->conf->store.read_threads};
	return kv_open_rocksdb(&how, &s->kv, why) == KV_OK;
}

void engine_adopt(struct store *s)
{
	const struct conf_store *c = &s->conf->store;
	const struct conf_accounts *a = &s->conf->accounts;
	kv_set_reserve(s->kv, (unsigned)c->reserve, c->reserve_least);
	directory_set_postmaster(s->directory, a->postmaster);
	postmaster_choose(s);
	directory_set_separators(s->directory, a->recipient_delimiter);
	queue_adopt(s);
}

static bool open_models(struct store *s, struct buf *why)
{
	enum directory_result d = directory_open(s->kv, &s->directory);
	if (d != DIRECTORY_OK) {
		buf_printf(why, "the directory cannot be read: %s",
			   directory_result_name(d));
		return false;
	}
	directory_on_change(s->directory, account_changed, s);
	engine_adopt(s);
	enum spool_result r = spool_open(s->kv, &s->spool);
	if (r != SPOOL_OK)
		buf_printf(why, "the queue cannot be opened: %s",
			   spool_result_name(r));
	return r == SPOOL_OK && queue_open(s, why);
}

bool engine_open(struct store *s, struct buf *why)
{
	bool ok = s->conf->store.engine == CONF_ENGINE_MEMORY
			  ? open_memory(s, why)
			  : open_folder(s, why);
	if (ok && !open_models(s, why)) {
		engine_close(s);
		return false;
	}
	return ok;
}

void engine_close(struct store *s)
{
	watch_stop(&s->kv_ready);
	hook_stop(&s->poll);
	timer_stop(&s->poll_later);
	queue_close(s);
	spool_close(s->spool);
	directory_close(s->directory);
	kv_close(s->kv);
	kv_disk_free(s->disk);
	s->spool = NULL;
	s->directory = NULL;
	s->kv = NULL;
	s->disk = NULL;
}
