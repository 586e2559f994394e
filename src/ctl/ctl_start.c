#include "ctl/ctl_start.h"
#include "base/json.h"
#include "base/log.h"
#include "client/link.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* A failure as its WIRE_EXIT tells it. */
static int start_failed(const struct wire_frame *f, struct err *e)
{
	cJSON *json = cJSON_ParseWithLength((const char *)f->payload, f->n);
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(json, "reason");
	const cJSON *stage = cJSON_GetObjectItemCaseSensitive(json, "stage");
	const cJSON *remedy = cJSON_GetObjectItemCaseSensitive(json, "remedy");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(json, "code");

	if (cJSON_IsString(reason) && cJSON_IsString(stage))
		err_set(e, "%s: %s", stage->valuestring, reason->valuestring);
	else
		err_set(e, "the agent ended with %d", cJSON_IsNumber(code) ? code->valueint : 0);
	if (cJSON_IsString(remedy) && remedy->valuestring[0])
		err_remedy(e, "%s", remedy->valuestring);
	if (cJSON_IsNumber(code) && code->valueint >= ERR_EXIT_GUEST && code->valueint <= ERR_EXIT_AGENT)
		err_exit_code(e, code->valueint);
	cJSON_Delete(json);
	return -1;
}

/* Until the session has come as far as it is waited for; id is set from its events. */
static int start_await(struct link *k, const char *state, char id[64], struct err *e)
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
			snprintf(id, 64, "%s", known);
		if (event && json_get_string(&l, "text"))
			log_note("%s", json_get_string(&l, "text"));
		link_drop(k, &f);
		if (reached)
			return 0;
	}
	return rc < 0 ? -1 : err_set(e, "ccvm-session died");
}

int ctl_start(const struct launch *l, bool wait, struct err *e)
{
	struct link k = {.fd = -1};
	char id[64] = "";
	int rc;

	if (launch_session(l, &k.fd, e) < 0)
		return -1;
	rc = start_await(&k, wait ? "running" : "starting", id, e);
	link_close(&k);
	if (rc == 0) {
		log_print(id, strlen(id));
		printf("\n");
	}
	return rc;
}
