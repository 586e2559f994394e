#include "ctl/ctl_start.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/link.h"
#include "ctl/ctl_session.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* A failure as its WIRE_EXIT tells it. */
static int start_failed(const struct wire_frame *f, struct err *e)
{
	struct json_value json;
	AUTO_FREE char *reason = NULL;
	AUTO_FREE char *stage = NULL;
	AUTO_FREE char *remedy = NULL;
	int64_t code = 0;

	json_open(f->payload, f->n, &json);
	reason = json_member_text(json, "reason");
	stage = json_member_text(json, "stage");
	remedy = json_member_text(json, "remedy");
	json_int(json_member(json, "code"), INT_MIN, INT_MAX, &code);
	if (reason[0] && stage[0])
		err_set(e, "%s: %s", stage, reason);
	else
		err_set(e, "the agent ended with %d", (int)code);
	if (remedy[0])
		err_remedy(e, "%s", remedy);
	if (code >= ERR_EXIT_GUEST && code <= ERR_EXIT_AGENT)
		err_exit_code(e, (int)code);
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
		const bool event = f.type == WIRE_EVENT && json_parse_line((const char *)f.payload, f.n, &l) == 0;
		const char *now = event ? json_get_string(&l, "state") : NULL, *known = event ? json_get_string(&l, "session") : NULL;
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
