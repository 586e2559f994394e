/* pulse: the guest's signs of life. While it starts, one is due by a deadline; while the agent
 * runs, staying away for two ticks is told once. */
#ifndef CCVM_SESSION_PULSE_H
#define CCVM_SESSION_PULSE_H

struct loop;
struct pulse;

struct pulse_callbacks {
	void (*on_silence)(void *ctx); /* the deadline has passed */
	void (*on_quiet)(void *ctx);   /* the second tick in a row without a sign */
};

/* Nothing is due yet. Never NULL. */
struct pulse *pulse_new(struct loop *loop, const struct pulse_callbacks *callbacks, void *ctx);
void pulse_free(struct pulse *p); /* NULL is fine */

/* A sign of life is due in so many milliseconds, counted anew. */
void pulse_expect(struct pulse *p, unsigned ms);
/* None is due any more. */
void pulse_stop(struct pulse *p);
/* The guest has said something; a deadline stands until the next pulse_expect. */
void pulse_heard(struct pulse *p);
/* Once in a while, less often than a living guest speaks. One tick alone may come right after this
 * process was stopped for a while itself. */
void pulse_tick(struct pulse *p);

#endif
