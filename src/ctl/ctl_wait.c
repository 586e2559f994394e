#include "ctl/ctl_wait.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/number.h"
#include "client/sessions.h"
#include "ctl/ctl.h"

#include <string.h>

#define WAIT_STATES	 "waiting|idle|working|running|ended" /* the same as words */
#define WAIT_SECONDS_MAX 1000000
#define WAIT_BEGIN_MS	 15000 /* for an agent to begin with what it was sent; a guest may be slow */

static const char *const wait_states[] = {"waiting", "idle", "working", "running", "ended"};

static bool wait_is_state(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(wait_states); i++)
		if (strcmp(wait_states[i], name) == 0)
			return true;
	return false;
}

static bool wait_is(const struct json_line *l, const char *field, const char *wanted)
{
	const char *value = json_get_string(l, field);

	return value && strcmp(value, wanted) == 0;
}

/* Whether an event says that the wanted state is reached. */
static bool wait_is_reached(const struct json_line *l, const char *wanted)
{
	return wait_is(l, "state", wanted) || wait_is(l, "agent", wanted);
}

/* What is so already, since a time. */
static bool wait_is_so(const char *id, const char *wanted, int64_t since_ms)
{
	static struct json_line l;
	int64_t began = 0;

	if (!sessions_status(id, &l))
		return false;
	if (wait_is(&l, "state", wanted))
		return json_get_int(&l, "state_since_ms", &began) && began >= since_ms;
	return wait_is(&l, "agent", wanted) && json_get_int(&l, "agent_since_ms", &began) &&
	       began >= since_ms;
}

/* As link_next, up to a moment of the monotonic clock; -1: for ever. */
static int wait_next(struct link *k, int64_t end_ms, struct wire_frame *f, struct err *e)
{
	const int64_t left = end_ms < 0 ? -1 : end_ms - clock_mono_ms();

	return link_next(k,
			 end_ms < 0	    ? -1
			 : left < 0	    ? 0
			 : left > INT32_MAX ? INT32_MAX
					    : (int)left,
			 f, e);
}

static int64_t wait_end_ms(int64_t seconds)
{
	return seconds < 0 ? -1 : clock_mono_ms() + seconds * 1000;
}

int ctl_wait_until(struct link *k, const struct ctl_session *s, const char *wanted,
		   int64_t since_ms, int64_t seconds, struct err *e)
{
	static struct json_line l;
	const int64_t end = wait_end_ms(seconds);
	struct wire_frame f;
	int rc;

	if (wait_is_so(s->id, wanted, since_ms))
		return 0;
	while ((rc = wait_next(k, end, &f, e)) == 1) {
		const bool reached = f.type == WIRE_EVENT &&
				     json_parse_line((const char *)f.payload, f.n, &l) == 0 &&
				     wait_is_reached(&l, wanted);

		link_drop(k, &f);
		if (reached)
			return 0;
	}
	if (rc == 0 && strcmp(wanted, "ended") == 0)
		return 0;
	if (rc < 0)
		return -1;
	return rc == 0 ? err_set(e, "%s ended before it was %s", s->name, wanted)
		       : err_set(e, "%s was not %s within %lld s", s->name, wanted,
				 (long long)seconds);
}

/* One of the names of an agent's states, for good. */
static const char *wait_name(const char *state)
{
	for (size_t i = 0; state && i < ARRAY_LEN(wait_states); i++)
		if (strcmp(wait_states[i], state) == 0)
			return wait_states[i];
	return "unknown";
}

/* What the agent does now. */
static const char *wait_agent(const char *id)
{
	static struct json_line l;

	return sessions_status(id, &l) ? wait_name(json_get_string(&l, "agent")) : "ended";
}

/* The agent's new state, if the frame is an event that says it. */
static const char *wait_told(const struct wire_frame *f)
{
	static struct json_line l;

	if (f->type != WIRE_EVENT || json_parse_line((const char *)f->payload, f->n, &l) < 0 ||
	    !wait_is(&l, "event", "agent"))
		return NULL;
	return wait_name(json_get_string(&l, "agent"));
}

const char *ctl_wait_done(struct link *k, const struct ctl_session *s, int64_t seconds,
			  struct err *e)
{
	const int64_t begin = clock_mono_ms() + WAIT_BEGIN_MS, end = wait_end_ms(seconds);
	const char *state = wait_agent(s->id);
	bool worked = strcmp(state, "working") == 0;
	struct wire_frame f;
	int rc;

	for (;;) {
		const bool limited = end >= 0 && (worked || end < begin);
		const char *told;

		rc = wait_next(k, limited ? end : worked ? -1 : begin, &f, e);
		if (rc == 2 && !limited)
			return wait_agent(s->id); /* it had nothing to do */
		if (rc != 1)
			break;
		told = wait_told(&f);
		link_drop(k, &f);
		if (told && strcmp(told, "working") == 0)
			worked = true;
		else if (told && (worked || strcmp(told, "waiting") == 0))
			return told;
	}
	if (rc == 0)
		err_set(e, "%s ended", s->name);
	else if (rc == 2)
		err_set(e, "%s was not done within %lld s", s->name, (long long)seconds);
	return NULL;
}

static void wait_report(const struct ctl_session *s, const char *until)
{
	AUTO_BUF struct buf out = {0};

	json_begin(&out);
	ctl_session_add(&out, s);
	json_add_string(&out, "until", until);
	json_end(&out);
	ctl_print_json(&out);
}

int ctl_wait_seconds(const struct ctl_args *a, int64_t *seconds, struct err *e)
{
	const char *text = ctl_value(a, "timeout");

	*seconds = CTL_WAIT_FOR_EVER;
	if (text && !number_parse(text, 0, WAIT_SECONDS_MAX, seconds))
		return ctl_usage(e, "invalid number of seconds %s", text);
	return 0;
}

static int wait_since(const struct ctl_args *a, int64_t *since_ms, struct err *e)
{
	const char *text = ctl_value(a, "since");

	*since_ms = 0;
	if (text && !number_parse(text, 0, INT64_MAX, since_ms))
		return ctl_usage(e,
				 "invalid time %s: it is a number of milliseconds, as send --json "
				 "prints it",
				 text);
	return 0;
}

static int wait_main(const struct ctl_args *a, struct err *e)
{
	const char *until = ctl_value(a, "until");
	struct ctl_session s;
	int64_t timeout, since_ms;
	struct link k;
	int rc;

	if (!wait_is_state(until))
		return ctl_usage(e, "invalid state %s: it is one of " WAIT_STATES, until);
	if (ctl_wait_seconds(a, &timeout, e) < 0 || wait_since(a, &since_ms, e) < 0 ||
	    ctl_session_find(&s, a->operands[0], e) < 0)
		return -1;
	rc = link_open(&k, s.id, e);
	if (rc == 0) {
		rc = ctl_wait_until(&k, &s, until, since_ms, timeout, e);
		link_close(&k);
	}
	if (rc == 0 && ctl_has(a, "json"))
		wait_report(&s, until);
	ctl_session_fini(&s);
	return rc;
}

const struct ctl_command ctl_wait = {
	.name = "wait",
	.operands = "SESSION",
	.help = "wait until the session or its agent reaches a state",
	.more = "Exits with 1 when it does not.",
	.options = (const struct ctl_option[]){{"until", 'u', WAIT_STATES, "the state",
						CTL_REQUIRED},
					       {"since", 0, "TIME",
						"only a state that began after TIME, as printed by "
						"send --json, in milliseconds"},
					       {"timeout", 't', "SECONDS",
						"time limit (default: none)"},
					       CTL_JSON,
					       {0}},
	.least = 1,
	.most = 1,
	.operand = CTL_SESSION,
	.run = wait_main,
};
