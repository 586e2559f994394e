/* ccvmctl events, logs: what a session does and did, for scripts. */
#include "ctl/ctl.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/link.h"
#include "client/sessions.h"
#include "ctl/ctl_session.h"
#include "proto/rundir.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define WATCH_LOG_MAX (1u << 20)

static void events_print(const char *json, size_t n, bool as_json)
{
	static struct json_line l;
	static const char *const fields[] = {"name",  "event", "state",	 "agent",
					     "stage", "text",  "reason", "host"};
	const char *separator = "";

	if (as_json || json_parse_line(json, n, &l) < 0) {
		log_print(json, n);
		printf("\n");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *text = json_get_string(&l, fields[i]);
		AUTO_BUF struct buf shown = {0};

		if (!text)
			continue;
		log_escape(&shown, text, strlen(text), 512);
		printf("%s%s", separator, buf_text(&shown));
		separator = "  ";
	}
	printf("\n");
}

static int events_run(const struct ctl_args *a, struct err *e)
{
	const bool json = ctl_has(a, "json");
	struct wire_frame f;
	struct link k;
	int rc;

	if (link_open(&k, a->operands[0], e) < 0)
		return -1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((rc = link_next(&k, -1, &f, e)) == 1) {
		if (f.type == WIRE_EVENT)
			events_print((const char *)f.payload, f.n, json);
		link_drop(&k, &f);
	}
	link_close(&k);
	return rc;
}

const struct ctl_command ctl_events = {
	.name = "events",
	.operands = "SESSION",
	.help = "print the events of a session, until it ends",
	.more = "With --json, prints one object a line.",
	.options = (const struct ctl_option[]){CTL_JSON, {0}},
	.least = 1,
	.most = 1,
	.operand = CTL_SESSION,
	.run = events_run,
};

/* Lines stay lines; every other control character of the guest's is shown as what it is. */
static void logs_escape(const struct buf *text, struct buf *shown)
{
	const char *p = (const char *)buf_data(text), *end = p + buf_len(text);

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const size_t n = eol ? (size_t)(eol - p) : (size_t)(end - p);

		log_escape(shown, p, n && p[n - 1] == '\r' ? n - 1 : n, 8192);
		buf_add(shown, "\n", 1);
		p += n + 1;
	}
}

static void logs_print_json(const struct ctl_session *s, const char *log, const struct buf *text)
{
	AUTO_BUF struct buf out = {0};

	json_begin(&out);
	ctl_session_add(&out, s);
	json_add_string(&out, "log", log);
	json_add_bytes(&out, "text", buf_data(text), buf_len(text));
	json_end(&out);
	ctl_print_json(&out);
}

static int logs_print(const struct ctl_args *a, const char *directory, const struct ctl_session *s,
		      struct err *e)
{
	const bool qemu = ctl_has(a, "qemu");
	AUTO_FREE char *path = mem_format("%s/%s", directory, qemu ? RUNDIR_QEMU : RUNDIR_CONSOLE);
	AUTO_BUF struct buf text = {0}, shown = {0};

	if (file_read(AT_FDCWD, path, WATCH_LOG_MAX, &text, e) < 0)
		return -1;
	logs_escape(&text, &shown);
	if (ctl_has(a, "json"))
		logs_print_json(s, qemu ? "qemu" : "console", &shown);
	else
		fwrite(buf_data(&shown), 1, buf_len(&shown), stdout);
	return 0;
}

static int logs_run(const struct ctl_args *a, struct err *e)
{
	struct ctl_session s;
	AUTO_FREE char *directory = NULL;
	int rc;

	if (ctl_session_find(&s, a->operands[0], e) < 0)
		return -1;
	directory = sessions_directory(s.id, e);
	rc = directory ? logs_print(a, directory, &s, e) : -1;
	ctl_session_fini(&s);
	return rc;
}

const struct ctl_command ctl_logs = {
	.name = "logs",
	.operands = "SESSION",
	.help = "print the guest's console, or the output of QEMU and ccvm-net",
	.options = (const struct ctl_option[]){{"qemu", 'q', NULL,
						"the output of QEMU and ccvm-net"},
					       CTL_JSON,
					       {0}},
	.least = 1,
	.most = 1,
	.operand = CTL_SESSION,
	.run = logs_run,
};
