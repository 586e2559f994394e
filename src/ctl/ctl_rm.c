#include "ctl/ctl.h"
#include "client/sessions.h"
#include "proto/rundir.h"

#include <string.h>

static int rm_all(struct err *e)
{
	struct sessions s;
	int rc = 0;

	if (sessions_list(&s, e) < 0)
		return -1;
	for (size_t i = 0; i < s.n && rc == 0; i++)
		if (s.dry[i])
			rc = rundir_remove_kept(s.id[i], e);
	sessions_fini(&s);
	return rc;
}

int ctl_rm(int argc, char **argv, struct err *e)
{
	if (argc < 2)
		return CTL_USAGE;
	if (argc == 2 && strcmp(argv[1], "--all") == 0)
		return rm_all(e);
	for (int i = 1; i < argc; i++)
		if (rundir_remove_kept(argv[i], e) < 0)
			return -1;
	return 0;
}
