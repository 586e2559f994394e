/* hostclock: a guest's clock runs on its own after the start; it drifts when the frequency its kernel was told is a
 * little off, and stands still while the host sleeps. So the guest is told the time when it is ready (the seed's is as old
 * as its stages took), then twice a minute, and at once when
 * the host's clock was set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET, which a resume from suspend triggers too). */
#include "base/clock.h"
#include "session/state.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define HOSTCLOCK_PERIOD_MS 30000
/* Once more when the rush of the start is over: a busy guest reads its lines late. */
#define HOSTCLOCK_SOON_MS 2000

void hostclock_tell(struct session *s)
{
	AUTO_BUF struct buf line = {0};

	if (s->state < SESSION_READY || s->state > SESSION_RUNNING || !s->ctl)
		return;
	json_begin(&line);
	json_add_string(&line, "op", "clock");
	json_add_int(&line, "ns", clock_wall_ns());
	json_end(&line);
	buf_add(&line, "\n", 1);
	/* An old time that waits in a queue would be worse than none. */
	if (stream_queued(s->ctl) == 0)
		stream_write(s->ctl, buf_data(&line), buf_len(&line));
}

static void hostclock_on_timer(uv_timer_t *timer)
{
	hostclock_tell(timer->data);
	boot_check_pulse(timer->data);
}

static int hostclock_arm(int fd)
{
	/* Never due: only the cancellation is of interest. */
	const struct itimerspec far = {.it_value = {.tv_sec = INT32_MAX}};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void hostclock_on_jump(uv_poll_t *poll, int status, int events)
{
	struct session *s = poll->data;
	uint64_t ignored;

	(void)status;
	(void)events;
	if (read(s->clock_fd, &ignored, sizeof(ignored)) < 0 && errno == ECANCELED)
		hostclock_tell(s);
	if (hostclock_arm(s->clock_fd) < 0)
		uv_poll_stop(poll);
}

void hostclock_start(struct session *s)
{
	hostclock_tell(s);
	uv_timer_init(&s->loop, &s->clock_timer);
	s->clock_timer.data = s;
	uv_timer_start(&s->clock_timer, hostclock_on_timer, HOSTCLOCK_SOON_MS, HOSTCLOCK_PERIOD_MS);
	s->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->clock_fd < 0 || hostclock_arm(s->clock_fd) < 0)
		return;
	uv_poll_init(&s->loop, &s->clock_jump, s->clock_fd);
	s->clock_jump.data = s;
	uv_poll_start(&s->clock_jump, UV_READABLE, hostclock_on_jump);
}
