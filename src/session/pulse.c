#include "session/pulse.h"
#include "base/mem.h"
#include "loop/timer.h"

struct pulse {
	struct pulse_callbacks cb;
	void *ctx;
	struct timer *deadline;
	unsigned ticks; /* since the guest said something */
};

static void pulse_on_deadline(void *ctx)
{
	struct pulse *p = ctx;

	p->cb.on_silence(p->ctx);
}

struct pulse *pulse_new(struct loop *loop, const struct pulse_callbacks *callbacks, void *ctx)
{
	struct pulse *p = mem_alloc(sizeof(*p));

	*p = (struct pulse){.cb = *callbacks, .ctx = ctx};
	p->deadline = timer_new(loop, pulse_on_deadline, p);
	return p;
}

void pulse_free(struct pulse *p)
{
	if (!p)
		return;
	timer_free(p->deadline);
	free(p);
}

void pulse_expect(struct pulse *p, unsigned ms)
{
	timer_start(p->deadline, ms, 0);
}

void pulse_stop(struct pulse *p)
{
	timer_stop(p->deadline);
}

void pulse_heard(struct pulse *p)
{
	p->ticks = 0;
}

void pulse_tick(struct pulse *p)
{
	if (++p->ticks == 2)
		p->cb.on_quiet(p->ctx);
}
