/* Theory of operation. The encrypted disk, seen from the host.
 *
 * 1. Each attempt at a start gets a new file (vm/poolfile.h), which QEMU holds open and nobody
 *    can name. Key and file system are made in the guest; what this process knows of them is
 *    what the guest says.
 * 2. The guest is told before `go`, and again when it changes, how large the file may become
 *    before the host's disk is full, and takes only so much into use: its programs get "no space
 *    left" in time, as on any disk.
 * 3. If the host's disk is full all the same, QEMU stops the guest at that write (nothing is
 *    lost) and tells; the guest goes on when there is space again, which is looked for once a
 *    second. An fd for the directory is kept for that: this process cannot open one any more by
 *    then.
 * 4. Figures of the guest's are bounded by guest_parse and only shown. */
#include "session/disk.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "loop/timer.h"
#include "proto/event.h"
#include "proto/guest.h"
#include "vm/poolfile.h"

#include <stdio.h>
#include <string.h>

/* A limit that moved less than this is not worth telling. */
#define DISK_LIMIT_STEP (INT64_C(4) << 20)
#define DISK_RETRY_MS	1000
/* With less than this free nothing is tried again. */
#define DISK_RETRY_SPACE (INT64_C(8) << 20)

#define DISK_MARKS 2

enum disk_state {
	DISK_NONE,     /* memory only */
	DISK_STARTING, /* the guest has not said yet */
	DISK_ON,
	DISK_FAILED, /* memory only, for the reason given */
};

struct disk {
	struct disk_callbacks cb;
	void *ctx;
	const struct conf *conf;    /* borrowed */
	const struct hostenv *host; /* borrowed */
	enum disk_state state;
	char reason[GUEST_TEXT_MAX]; /* escaped */
	struct poolfile file;	     /* of this attempt */
	bool warned;		     /* of too little room on the host */
	int64_t told_limit;	     /* bytes; -1: nothing yet */
	int64_t total_kib, used_kib; /* as the guest says */
	bool passed[DISK_MARKS];
	bool host_low;
	struct timer *retry; /* while the guest stands still */
};

static const char *const disk_state_names[] = {[DISK_NONE] = "none",
					       [DISK_STARTING] = "starting",
					       [DISK_ON] = "on",
					       [DISK_FAILED] = "failed"};

/* Not always of the size that was asked for: then it can be seen how a guest takes it. */
static int64_t disk_bytes(const struct disk *d)
{
	return d->host->disk_bytes >= 0 ? d->host->disk_bytes
					: (int64_t)d->conf->vm_disk_size << 30;
}

bool disk_is_wanted(const struct disk *d)
{
	return d->conf->vm_disk_size > 0;
}

bool disk_is_there(const struct disk *d)
{
	return disk_is_wanted(d) && disk_bytes(d) > 0;
}

static void disk_warn_of_space(struct disk *d)
{
	const int64_t limit = poolfile_limit(&d->file);
	char text[200];

	if (limit < 0 || limit >= d->file.size)
		return;
	snprintf(text, sizeof(text),
		 "the encrypted disk has %lld MiB, but the host's disk has room for %lld MiB of "
		 "them only",
		 (long long)(d->file.size >> 20), (long long)(limit >> 20));
	d->cb.note(d->ctx, "pool", text);
}

int disk_open(struct disk *d, struct err *e)
{
	poolfile_fini(&d->file);
	d->state = disk_is_wanted(d) ? DISK_STARTING : DISK_NONE;
	d->told_limit = -1;
	if (!disk_is_there(d))
		return 0;
	if (poolfile_open(&d->file, d->host, disk_bytes(d), e) < 0)
		return -1;
	if (!d->warned)
		disk_warn_of_space(d);
	d->warned = true;
	return 0;
}

int disk_fd(const struct disk *d)
{
	return d->file.fd;
}

void disk_handed_over(struct disk *d)
{
	if (d->file.fd >= 0)
		close(mem_steal_fd(&d->file.fd));
}

void disk_close(struct disk *d)
{
	timer_stop(d->retry);
	poolfile_fini(&d->file);
}

void disk_tell_limit(struct disk *d)
{
	const int64_t limit = d->file.watch >= 0 ? poolfile_limit(&d->file) : -1;
	const int64_t moved = limit - d->told_limit;
	AUTO_BUF struct buf line = {0};

	if (limit < 0 ||
	    (d->told_limit >= 0 && moved < DISK_LIMIT_STEP && moved > -DISK_LIMIT_STEP))
		return;
	d->told_limit = limit;
	guest_order_put(&line,
			&(struct guest_order){.type = GUEST_ORDER_POOL_LIMIT, .kib = limit >> 10});
	d->cb.to_guest(d->ctx, buf_data(&line), buf_len(&line));
}

static void disk_event(struct disk *d, const char *what, int percent)
{
	d->cb.event(d->ctx, &(struct event){.type = EVENT_POOL,
					    .what = what,
					    .percent = percent,
					    .total_kib = d->total_kib,
					    .used_kib = d->used_kib});
}

/* Each mark is told when it is passed, and again only after the pool was well below it. */
static void disk_check_marks(struct disk *d)
{
	static const int marks[DISK_MARKS] = {80, 95};
	const int percent = d->total_kib > 0 ? (int)(d->used_kib * 100 / d->total_kib) : 0;

	for (size_t i = 0; i < DISK_MARKS; i++) {
		if (percent >= marks[i] && !d->passed[i]) {
			d->passed[i] = true;
			disk_event(d, "filling", marks[i]);
		} else if (percent < marks[i] - 10) {
			d->passed[i] = false;
		}
	}
}

/* The host's disk is low when it, not the pool's own size, decides how much the pool can still
 * take. */
static void disk_check_host(struct disk *d)
{
	const bool low = d->told_limit >= 0 && d->told_limit < d->file.size &&
			 d->told_limit - poolfile_allocated(&d->file) < d->file.size / 10;

	if (low && !d->host_low)
		disk_event(d, "host disk low",
			   d->total_kib > 0 ? (int)(d->used_kib * 100 / d->total_kib) : 0);
	d->host_low = low;
}

void disk_on_figures(struct disk *d, const struct guest_message *m)
{
	if (d->state != DISK_STARTING && d->state != DISK_ON)
		return;
	d->state = DISK_ON;
	d->total_kib = m->pool_total_kib;
	d->used_kib = m->pool_used_kib;
	disk_tell_limit(d);
	disk_check_marks(d);
	disk_check_host(d);
	d->cb.changed(d->ctx);
}

void disk_on_note(struct disk *d, const struct guest_message *m)
{
	if (d->state != DISK_STARTING || strcmp(m->stage, "pool") != 0)
		return;
	d->state = DISK_FAILED;
	snprintf(d->reason, sizeof(d->reason), "%s", m->reason);
	d->cb.changed(d->ctx);
}

/* ---- the host's disk is full ---- */

static void disk_on_retry(void *ctx)
{
	struct disk *d = ctx;

	if (poolfile_limit(&d->file) - poolfile_allocated(&d->file) < DISK_RETRY_SPACE)
		return;
	timer_stop(d->retry);
	d->cb.changed(d->ctx);
	disk_event(d, "host disk has space again", 0);
	d->cb.go_on(d->ctx);
}

void disk_on_io_error(struct disk *d, bool no_space)
{
	if (!no_space || timer_is_active(d->retry))
		return;
	timer_start(d->retry, DISK_RETRY_MS, DISK_RETRY_MS);
	d->cb.changed(d->ctx); /* no figures of a guest that stands still will do it */
	disk_event(d, "host disk full", 100);
	d->cb.note(d->ctx, "pool",
		   "the host's disk is full: the guest is paused until there is space");
}

bool disk_stands_still(const struct disk *d)
{
	return timer_is_active(d->retry);
}

struct disk *disk_new(struct loop *loop, const struct conf *conf, const struct hostenv *host,
		      const struct disk_callbacks *callbacks, void *ctx)
{
	struct disk *d = mem_alloc(sizeof(*d));

	d->cb = *callbacks;
	d->ctx = ctx;
	d->conf = conf;
	d->host = host;
	d->told_limit = -1;
	poolfile_init(&d->file);
	d->retry = timer_new(loop, disk_on_retry, d);
	return d;
}

void disk_free(struct disk *d)
{
	if (!d)
		return;
	disk_close(d);
	timer_free(d->retry);
	free(d);
}

/* ---- status ---- */

void disk_add_status(const struct disk *d, struct buf *text)
{
	json_add_string(text, "pool", disk_state_names[d->state]);
	if (d->state == DISK_FAILED)
		json_add_string(text, "pool_reason", d->reason);
	if (d->state == DISK_NONE)
		return;
	json_add_int(text, "pool_size_mib", d->file.size >> 20);
	json_add_int(text, "pool_total_kib", d->total_kib);
	json_add_int(text, "pool_used_kib", d->used_kib);
	if (d->host_low || disk_stands_still(d))
		json_add_bool(text, "pool_host_low", true);
}
