/* ccvmctl wait, events, logs: what a session does and did, for scripts. */
#include "ctl/ctl.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/link.h"
#include "client/sessions.h"
#include "proto/rundir.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WATCH_LOG_MAX (1u << 20)

static const char *const wait_states[] = {"waiting", "idle", "working", "running", "ended"};

static bool wait_is_state(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(wait_states); i++)
		if (strcmp(wait_states[i], name) == 0)
			return true;
	return false;
}

/* Whether an object of status.json, or an event, says that the wanted state is reached. */
static bool wait_is_reached(const struct json_line *l, const char *wanted)
{
	const char *state = json_get_string(l, "state"), *agent = json_get_string(l, "agent");

	return (state && strcmp(state, wanted) == 0) || (agent && strcmp(agent, wanted) == 0);
}

/* What is so already. */
static bool wait_is_so(const char *session, const char *wanted)
{
	static struct json_line l;
	struct sessions s;
	struct err ignored;
	bool so = false;

	if (sessions_list(&s, &ignored) < 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		const char *name;

		if (json_parse_line(s.status[i], strlen(s.status[i]), &l) < 0)
			continue;
		name = json_get_string(&l, "name");
		if (strcmp(s.id[i], session) == 0 || (name && strcmp(name, session) == 0))
			so = so || wait_is_reached(&l, wanted);
	}
	sessions_fini(&s);
	return so;
}

static int wait_run(struct link *k, const char *session, const char *wanted, long seconds, struct err *e)
{
	static struct json_line l;
	const int64_t end = clock_mono_ms() + seconds * 1000;
	struct wire_frame f;
	int rc;

	if (wait_is_so(session, wanted))
		return 0;
	for (;;) {
		const int64_t left = end - clock_mono_ms();
		bool reached;

		rc = link_next(k, seconds < 0 ? -1 : left > 0 ? (int)left : 0, &f, e);
		if (rc != 1)
			break;
		reached = f.type == WIRE_EVENT && json_parse_line((const char *)f.payload, f.n, &l) == 0 && wait_is_reached(&l, wanted);
		link_drop(k, &f);
		if (reached)
			return 0;
	}
	if (rc == 0 && strcmp(wanted, "ended") == 0)
		return 0;
	if (rc < 0)
		return -1;
	return rc == 0 ? err_set(e, "%s ended before it was %s", session, wanted)
		       : err_set(e, "%s was not %s within %ld s", session, wanted, seconds);
}

int ctl_wait(int argc, char **argv, struct err *e)
{
	const char *session = NULL, *until = NULL;
	long timeout = -1;
	struct link k;
	int rc;

	for (int i = 1; i < argc; i++) {
		char *end = NULL;

		if (strcmp(argv[i], "--until") == 0 && i + 1 < argc)
			until = argv[++i];
		else if (strcmp(argv[i], "--timeout") == 0 && i + 1 < argc)
			timeout = strtol(argv[++i], &end, 10);
		else if (!session && argv[i][0] != '-')
			session = argv[i];
		else
			return CTL_USAGE;
		if (end && (*end || timeout < 0 || timeout > 1000000))
			return CTL_USAGE;
	}
	if (!session || !until || !wait_is_state(until))
		return CTL_USAGE;
	if (link_open(&k, session, e) < 0)
		return -1;
	rc = wait_run(&k, session, until, timeout, e);
	link_close(&k);
	return rc;
}

static void events_print(const char *json, size_t n, bool as_json)
{
	static struct json_line l;
	static const char *const fields[] = {"name", "event", "state", "agent", "stage", "text", "reason", "host"};
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

int ctl_events(int argc, char **argv, struct err *e)
{
	const bool json = argc == 3 && strcmp(argv[2], "--json") == 0;
	struct wire_frame f;
	struct link k;
	int rc;

	if (argc != 2 && !json)
		return CTL_USAGE;
	if (link_open(&k, argv[1], e) < 0)
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

static int logs_print(const char *directory, const char *name, struct err *e)
{
	AUTO_FREE char *path = mem_format("%s/%s", directory, name);
	AUTO_BUF struct buf text = {0}, shown = {0};
	const char *p, *end;

	if (file_read(AT_FDCWD, path, WATCH_LOG_MAX, &text, e) < 0)
		return -1;
	/* Lines stay lines; every other control character of the guest's is shown as what it is. */
	for (p = (const char *)buf_data(&text), end = p + buf_len(&text); p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = eol ? (size_t)(eol - p) : (size_t)(end - p);

		log_escape(&shown, p, n && p[n - 1] == '\r' ? n - 1 : n, 8192);
		buf_add(&shown, "\n", 1);
		p += n + 1;
	}
	fwrite(buf_data(&shown), 1, buf_len(&shown), stdout);
	return 0;
}

int ctl_logs(int argc, char **argv, struct err *e)
{
	AUTO_FREE char *directory = NULL;
	const bool qemu = argc == 3 && strcmp(argv[2], "--qemu") == 0;

	if (argc != 2 && !qemu)
		return CTL_USAGE;
	directory = sessions_directory(argv[1], e);
	return directory ? logs_print(directory, qemu ? RUNDIR_QEMU : RUNDIR_CONSOLE, e) : -1;
}
