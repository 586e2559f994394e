/* policy: what ccvm refuses to do before anything is started. Pure functions. */
#ifndef CCVM_SESSION_POLICY_H
#define CCVM_SESSION_POLICY_H

#include "base/err.h"

struct policy_paths { /* absolute and resolved; borrowed */
	const char *workspace;
	const char *claude_dir; /* holds the host login */
	const char *run_base;   /* holds the keys of running sessions */
};

/* Refuses (exit code 126) a workspace that would bring the host login or the run directory into the guest, that
 * would cover a part of the guest's own system, or whose path the guest could not take over. */
int policy_check_workspace(const struct policy_paths *p, struct err *e);

/* The same for the resolved directory of transcripts that persistClaudeProjects shares: a link may lead anywhere. */
int policy_check_projects(const struct policy_paths *p, const char *projects, struct err *e);

#endif
