#include "ctl/ctl_start.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/link.h"
#include "ctl/ctl_session.h"
#include "proto/outcome.h"

#include <stdio.h>
#include <string.h>

/* A failure as its WIRE_EXIT tells it. */
static int start_failed(const struct wire_frame *f, struct err *e)
{
	struct outcome o;

	(void)outcome_get(f->payload, f->n, &o);
	if (o.reason && o.stage)
		err_set(e, "%s: %s", o.stage, o.reason);
	else
		err_set(e, "the agent ended with %d", o.code);
	if (o.remedy && o.remedy[0])
		err_remedy(e, "%s", o.remedy);
	if (o.code >= ERR_EXIT_GUEST && o.code <= ERR_EXIT_AGENT)
		err_exit_code(e, o.code);
	outcome_fini(&o);
	return -1;
}

static void start_is_called(struct ctl_session *s, const char *id, const char *name)
{
	ctl_session_fini(s);
	s->id = mem_strdup(id);
	s->name = mem_strdup(name ? name : id);
}

/* Until the session has come as far as it is waited for; s is set from its events. */
static int start_await(struct link *k, const char *state, struct ctl_session *s, struct err *e)
{
	static struct json_line l;
	struct wire_frame f;
	int rc;

	while ((rc = link_next(k, -1, &f, e)) == 1) {
		const bool event = f.type == WIRE_EVENT &&
				   json_parse_line((const char *)f.payload, f.n, &l) == 0;
		const char *now = event ? json_get_string(&l, "state") : NULL,
			   *known = event ? json_get_string(&l, "session") : NULL;
		const bool reached = now && strcmp(now, state) == 0;

		if (f.type == WIRE_EXIT)
			return start_failed(&f, e);
		if (known)
			start_is_called(s, known, json_get_string(&l, "name"));
		if (event && json_get_string(&l, "text"))
			log_note("%s", json_get_string(&l, "text"));
		link_drop(k, &f);
		if (reached)
			return 0;
	}
	return rc < 0 ? -1 : err_set(e, "ccvm-session died");
}

int ctl_start(const struct launch *l, bool wait, bool json, struct err *e)
{
	struct link k = {.fd = -1};
	struct ctl_session s = {0};
	int rc;

	if (launch_session(l, &k.fd, e) < 0)
		return -1;
	rc = start_await(&k, wait ? "running" : "starting", &s, e);
	link_close(&k);
	if (rc == 0 && json) {
		ctl_session_print(&s);
	} else if (rc == 0) {
		log_print(s.id ? s.id : "", s.id ? strlen(s.id) : 0);
		printf("\n");
	}
	ctl_session_fini(&s);
	return rc;
}
