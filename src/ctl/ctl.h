/* ctl: the commands of ccvmctl. Each is a table in a file of its own (ctl_ls.c, …); ctl.c lists
 * them. */
#ifndef CCVM_CTL_CTL_H
#define CCVM_CTL_CTL_H

#include "base/err.h"
#include "ctl/ctl_options.h"

extern const struct ctl_command ctl_ls, ctl_new, ctl_attach, ctl_send, ctl_keys, ctl_capture,
	ctl_wait, ctl_events, ctl_logs, ctl_rename, ctl_stop, ctl_restart, ctl_rm, ctl_egress,
	ctl_image, ctl_doctor, ctl_config;

/* Runs the command that argv names, prints its error, and returns the exit code. An error is text
 * on stderr, or with --json the last line there: an object with error, remedy ("" where there is
 * none) and code, which is the exit code. */
int ctl_run(int argc, char **argv);

/* Asks a session to end, then waits until it closes the connection, which it does when all is gone. */
int ctl_stop_one(const char *name, struct err *e);

struct conf;

/* The options as a run would see them now, the image's among them when there is one. conf_fini
 * them on success. */
int ctl_load_conf(struct conf *c, struct err *e);

#endif
