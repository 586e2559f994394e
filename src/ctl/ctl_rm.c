#include "base/json.h"
#include "base/mem.h"
#include "client/sessions.h"
#include "ctl/ctl.h"
#include "ctl/ctl_session.h"
#include "proto/rundir.h"
#include "conf/env.h"

/* Adds it to the list of what was removed. */
static int rm_one(const char *id, struct buf *done, struct err *e)
{
	AUTO_BUF struct buf one = {0};

	if (rundir_remove_kept(env_host()->runtime, id, e) < 0)
		return -1;
	json_begin(&one);
	json_add_string(&one, "id", id);
	json_end(&one);
	buf_addf(done, "%s%s", buf_len(done) ? "," : "", buf_text(&one));
	return 0;
}

static int rm_all(struct buf *done, struct err *e)
{
	struct sessions s;
	int rc = 0;

	if (sessions_list(&s, e) < 0)
		return -1;
	for (size_t i = 0; i < s.n && rc == 0; i++)
		if (s.dry[i])
			rc = rm_one(s.id[i], done, e);
	sessions_fini(&s);
	return rc;
}

static int rm_run(const struct ctl_args *a, struct err *e)
{
	return ctl_session_each(a, "dry run", rm_one, rm_all, e);
}

const struct ctl_command ctl_rm = {
	.name = "rm",
	.operands = "[DRY-RUN...]",
	.help = "remove directories of dry runs (CCVM_DRYRUN=1), never sessions",
	.more = "With --json, prints those removed, even if removing another failed.",
	.options = (const struct ctl_option[]){CTL_ALL("remove those of all dry runs"),
					       CTL_JSON,
					       {0}},
	.most = CTL_ANY,
	.operand = CTL_DRY_RUN,
	.run = rm_run,
};
