/* hostclock: a guest's clock runs on its own after the start; it drifts when the frequency its
 * kernel was told is a little off, and stands still while the host sleeps. So the guest is told the
 * time when it is ready (the seed's is as old as its stages took), then twice a minute, and at once
 * when the host's clock was set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET, which a resume from
 * suspend triggers too). */
#include "session/hostclock.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/fdwatch.h"
#include "loop/timer.h"
#include "proto/guest.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HOSTCLOCK_PERIOD_MS 30000
/* Once more when the rush of the start is over: a busy guest reads its lines late. */
#define HOSTCLOCK_SOON_MS 2000

struct hostclock {
	struct hostclock_callbacks cb;
	void *ctx;
	struct loop *loop;
	struct timer *timer;
	int fd; /* a timerfd that tells when the host's clock was set; -1: none */
	struct fdwatch *jump;
};

void hostclock_tell(struct hostclock *h)
{
	AUTO_BUF struct buf line = {0};

	guest_order_put(&line,
			&(struct guest_order){.type = GUEST_ORDER_CLOCK, .ns = clock_wall_ns()});
	h->cb.send(h->ctx, buf_data(&line), buf_len(&line));
}

static void hostclock_on_timer(void *ctx)
{
	struct hostclock *h = ctx;

	hostclock_tell(h);
	h->cb.on_tick(h->ctx);
}

static int hostclock_arm(int fd)
{
	/* Never due: only the cancellation is of interest. */
	const struct itimerspec far = {.it_value = {.tv_sec = INT32_MAX}};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void hostclock_on_jump(void *ctx)
{
	struct hostclock *h = ctx;
	uint64_t ignored;

	if (read(h->fd, &ignored, sizeof(ignored)) < 0 && errno == ECANCELED)
		hostclock_tell(h);
	if (hostclock_arm(h->fd) < 0)
		fdwatch_set(h->jump, FDWATCH_NONE);
}

void hostclock_start(struct hostclock *h)
{
	hostclock_tell(h);
	timer_start(h->timer, HOSTCLOCK_SOON_MS, HOSTCLOCK_PERIOD_MS);
	h->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (h->fd < 0 || hostclock_arm(h->fd) < 0)
		return;
	h->jump = fdwatch_new(h->loop, h->fd, hostclock_on_jump, h);
	fdwatch_set(h->jump, FDWATCH_READ);
}

struct hostclock *hostclock_new(struct loop *loop, const struct hostclock_callbacks *callbacks,
				void *ctx)
{
	struct hostclock *h = mem_alloc(sizeof(*h));

	h->cb = *callbacks;
	h->ctx = ctx;
	h->loop = loop;
	h->timer = timer_new(loop, hostclock_on_timer, h);
	h->fd = -1;
	return h;
}

void hostclock_free(struct hostclock *h)
{
	if (!h)
		return;
	timer_free(h->timer);
	fdwatch_free(h->jump);
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}
