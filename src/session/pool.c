/* Theory of operation. The encrypted disk, seen from the host.
 *
 * 1. Each attempt at a start gets a new file (vm/poolfile.h), which QEMU holds open and nobody can name. Key and file system are
 *    made in the guest; what this process knows of them is what the guest says.
 * 2. The guest is told before `go`, and again when it changes, how large the file may become before the host's disk is
 *    full, and takes only so much into use: its programs get "no space left" in time, as on any disk.
 * 3. If the host's disk is full all the same, QEMU stops the guest at that write (nothing is lost) and tells; the guest
 *    goes on when there is space again, which is looked for once a second. An fd for the directory is kept for that:
 *    this process cannot open one any more by then.
 * 4. Figures of the guest's are bounded by guest_parse and only shown. */
#include "base/number.h"
#include "session/state.h"

#include <stdio.h>
#include <string.h>

/* A limit that moved less than this is not worth telling. */
#define POOL_LIMIT_STEP (INT64_C(4) << 20)
#define POOL_RETRY_MS	1000
/* With less than this free nothing is tried again. */
#define POOL_RETRY_SPACE (INT64_C(8) << 20)

static const char *const pool_state_names[] = {[POOL_NONE] = "none", [POOL_STARTING] = "starting", [POOL_ON] = "on", [POOL_FAILED] = "failed"};

/* What a test attaches instead of the disk that was asked for, so that the guest's handling of it can be seen to fail:
 * a size in bytes; 0: nothing. */
static int64_t pool_bytes(const struct session *s)
{
	const char *other = getenv("CCVM_TEST_DISK_BYTES");

	int64_t bytes = (int64_t)s->conf.vm_disk_size << 30;

	if (other)
		number_parse(other, 0, INT64_MAX, &bytes);
	return bytes;
}

bool pool_is_wanted(const struct session *s)
{
	return s->conf.vm_disk_size > 0;
}

bool pool_has_disk(const struct session *s)
{
	return pool_is_wanted(s) && pool_bytes(s) > 0;
}

void pool_init(struct session *s)
{
	poolfile_init(&s->pool.file);
	uv_timer_init(&s->loop, &s->pool.retry);
	s->pool.retry.data = s;
}

static void pool_warn_of_space(struct session *s)
{
	const int64_t limit = poolfile_limit(&s->pool.file);
	char text[200];

	if (limit < 0 || limit >= s->pool.file.size)
		return;
	snprintf(text, sizeof(text), "the encrypted disk has %lld MiB, but the host's disk has room for %lld MiB of them only",
		 (long long)(s->pool.file.size >> 20), (long long)(limit >> 20));
	status_event_note(s, "pool", text);
}

int pool_open(struct session *s, struct err *e)
{
	poolfile_fini(&s->pool.file);
	s->pool.state = pool_is_wanted(s) ? POOL_STARTING : POOL_NONE;
	s->pool.told_limit = -1;
	if (!pool_has_disk(s))
		return 0;
	if (poolfile_open(&s->pool.file, pool_bytes(s), e) < 0)
		return -1;
	if (s->attempts == 1)
		pool_warn_of_space(s);
	return 0;
}

void pool_handed_over(struct session *s)
{
	if (s->pool.file.fd >= 0)
		close(mem_steal_fd(&s->pool.file.fd));
}

void pool_close(struct session *s)
{
	uv_timer_stop(&s->pool.retry);
	poolfile_fini(&s->pool.file);
}

void pool_tell_limit(struct session *s)
{
	const int64_t limit = s->pool.file.watch >= 0 ? poolfile_limit(&s->pool.file) : -1;
	const int64_t moved = limit - s->pool.told_limit;
	AUTO_BUF struct buf line = {0};

	if (limit < 0 || !s->ctl || (s->pool.told_limit >= 0 && moved < POOL_LIMIT_STEP && moved > -POOL_LIMIT_STEP))
		return;
	s->pool.told_limit = limit;
	json_begin(&line);
	json_add_string(&line, "op", "pool-limit");
	json_add_int(&line, "kib", limit >> 10);
	json_end(&line);
	buf_add(&line, "\n", 1);
	stream_write(s->ctl, buf_data(&line), buf_len(&line));
}

static void pool_event(struct session *s, const char *what, int percent)
{
	AUTO_BUF struct buf fields = {0};

	json_add_string(&fields, "what", what);
	json_add_int(&fields, "percent", percent);
	json_add_int(&fields, "total_kib", s->pool.total_kib);
	json_add_int(&fields, "used_kib", s->pool.used_kib);
	status_event(s, "pool", &fields);
}

/* Each mark is told when it is passed, and again only after the pool was well below it. */
static void pool_check_marks(struct session *s)
{
	static const int marks[POOL_MARKS] = {80, 95};
	const int percent = s->pool.total_kib > 0 ? (int)(s->pool.used_kib * 100 / s->pool.total_kib) : 0;

	for (size_t i = 0; i < POOL_MARKS; i++) {
		if (percent >= marks[i] && !s->pool.passed[i]) {
			s->pool.passed[i] = true;
			pool_event(s, "filling", marks[i]);
		} else if (percent < marks[i] - 10) {
			s->pool.passed[i] = false;
		}
	}
}

/* The host's disk is low when it, not the pool's own size, decides how much the pool can still take. */
static void pool_check_host(struct session *s)
{
	const bool low = s->pool.told_limit >= 0 && s->pool.told_limit < s->pool.file.size &&
			 s->pool.told_limit - poolfile_allocated(&s->pool.file) < s->pool.file.size / 10;

	if (low && !s->pool.host_low)
		pool_event(s, "host disk low", s->pool.total_kib > 0 ? (int)(s->pool.used_kib * 100 / s->pool.total_kib) : 0);
	s->pool.host_low = low;
}

void pool_on_figures(struct session *s, const struct guest_message *m)
{
	if (s->pool.state != POOL_STARTING && s->pool.state != POOL_ON)
		return;
	s->pool.state = POOL_ON;
	s->pool.total_kib = m->pool_total_kib;
	s->pool.used_kib = m->pool_used_kib;
	pool_tell_limit(s);
	pool_check_marks(s);
	pool_check_host(s);
	status_write(s);
}

void pool_on_note(struct session *s, const struct guest_message *m)
{
	if (s->pool.state != POOL_STARTING || strcmp(m->stage, "pool") != 0)
		return;
	s->pool.state = POOL_FAILED;
	snprintf(s->pool.reason, sizeof(s->pool.reason), "%s", m->reason);
	status_write(s);
}

/* ---- the host's disk is full ---- */

static void pool_on_retry(uv_timer_t *timer)
{
	struct session *s = timer->data;

	if (poolfile_limit(&s->pool.file) - poolfile_allocated(&s->pool.file) < POOL_RETRY_SPACE)
		return;
	uv_timer_stop(timer);
	status_write(s);
	pool_event(s, "host disk has space again", 0);
	qmp_execute(s->qmp, "cont", NULL, NULL, NULL);
}

void pool_on_io_error(struct session *s, bool no_space)
{
	if (!no_space || uv_is_active((uv_handle_t *)&s->pool.retry))
		return;
	uv_timer_start(&s->pool.retry, pool_on_retry, POOL_RETRY_MS, POOL_RETRY_MS);
	status_write(s); /* no figures of a guest that stands still will do it */
	pool_event(s, "host disk full", 100);
	status_event_note(s, "pool", "the host's disk is full: the guest is paused until there is space");
}

bool pool_stands_still(const struct session *s)
{
	return uv_is_active((const uv_handle_t *)&s->pool.retry);
}

/* ---- status ---- */

void pool_add_status(const struct session *s, struct buf *text)
{
	json_add_string(text, "pool", pool_state_names[s->pool.state]);
	if (s->pool.state == POOL_FAILED)
		json_add_string(text, "pool_reason", s->pool.reason);
	if (s->pool.state == POOL_NONE)
		return;
	json_add_int(text, "pool_size_mib", s->pool.file.size >> 20);
	json_add_int(text, "pool_total_kib", s->pool.total_kib);
	json_add_int(text, "pool_used_kib", s->pool.used_kib);
	if (s->pool.host_low || pool_stands_still(s))
		json_add_bool(text, "pool_host_low", true);
}
