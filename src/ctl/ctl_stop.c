#include "ctl/ctl.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/sessions.h"
#include "ctl/ctl_session.h"
#include "proto/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define STOP_PATIENCE_MS 30000
#define STOP_ENDING_MS	 5000
#define STOP_LOOK_MS	 50

int ctl_stop_one(const char *name, struct err *e)
{
	AUTO_CLOSE int fd = sessions_connect(name, e);
	AUTO_BUF struct buf frame = {0};
	struct pollfd p = {.events = POLLIN};
	char bytes[4096];

	if (fd < 0)
		return -1;
	wire_put(&frame, WIRE_STOP, NULL, 0);
	if (file_write_all(fd, buf_data(&frame), buf_len(&frame), e) < 0)
		return err_wrap(e, "session %s", name);
	p.fd = fd;
	while (poll(&p, 1, STOP_PATIENCE_MS) > 0) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(e, "session %s", name);
	}
	err_set(e, "session %s did not end within %d s", name, STOP_PATIENCE_MS / 1000);
	return err_remedy(e, "kill its ccvm-session process (ccvmctl ls --json shows the pid); "
			     "nothing is left behind");
}

/* One that was ending by itself refuses connections a moment before it is gone. */
static bool stop_has_ended(const char *id)
{
	for (int i = 0; i < STOP_ENDING_MS / STOP_LOOK_MS; i++) {
		struct err ignored;
		AUTO_FREE char *directory = sessions_directory(id, &ignored);

		if (!directory)
			return true;
		poll(NULL, 0, STOP_LOOK_MS);
	}
	return false;
}

/* Adds it to the list of what was stopped. */
static int stop_listed(const char *wanted, struct buf *done, struct err *e)
{
	AUTO_BUF struct buf one = {0};
	struct ctl_session s;
	int rc = ctl_session_find(&s, wanted, e) < 0 ? -1 : ctl_stop_one(s.id, e);

	if (rc == 0) {
		json_begin(&one);
		ctl_session_add(&one, &s);
		json_end(&one);
		buf_addf(done, "%s%s", buf_len(done) ? "," : "", buf_text(&one));
	}
	ctl_session_fini(&s);
	return rc;
}

/* All that can be stopped, also behind one that cannot; the first failure is reported. */
static int stop_all(struct buf *done, struct err *e)
{
	struct sessions s;
	struct err one;
	int rc = 0;

	if (sessions_list(&s, e) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.dry[i] || stop_listed(s.id[i], done, &one) == 0 || stop_has_ended(s.id[i]))
			continue;
		if (rc == 0)
			*e = one;
		rc = -1;
	}
	sessions_fini(&s);
	return rc;
}

static int stop_run(const struct ctl_args *a, struct err *e)
{
	return ctl_session_each(a, "session", stop_listed, stop_all, e);
}

const struct ctl_command ctl_stop = {
	.name = "stop",
	.operands = "[SESSION...]",
	.help = "end sessions; in overlay mode their edits are discarded",
	.more = "With --json, prints those stopped, even if stopping another failed.",
	.options = (const struct ctl_option[]){CTL_ALL("end all sessions"), CTL_JSON, {0}},
	.most = CTL_ANY,
	.operand = CTL_SESSION,
	.run = stop_run,
};
