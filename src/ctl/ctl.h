/* ctl: the commands of ccvmctl, one file each. */
#ifndef CCVM_CTL_CTL_H
#define CCVM_CTL_CTL_H

#include "base/err.h"

/* A command gets its own arguments (argv[0] is its name) and returns the exit code: 0, 1 when something failed and was
 * printed, or -1 with *e set for the caller to print; 2 for wrong usage. */
typedef int ctl_command(int argc, char **argv, struct err *e);

#define CTL_USAGE 2

/* Asks a session to end, then waits until it closes the connection, which it does when all is gone. */
int ctl_stop_one(const char *name, struct err *e);

struct conf;

/* The options as a run would see them now, the image's among them when there is one. conf_fini them on success. */
int ctl_load_conf(struct conf *c, struct err *e);

int ctl_ls(int argc, char **argv, struct err *e);
int ctl_new(int argc, char **argv, struct err *e);
int ctl_attach(int argc, char **argv, struct err *e);
int ctl_send(int argc, char **argv, struct err *e);
int ctl_keys(int argc, char **argv, struct err *e);
int ctl_capture(int argc, char **argv, struct err *e);
int ctl_rename(int argc, char **argv, struct err *e);
int ctl_wait(int argc, char **argv, struct err *e);
int ctl_events(int argc, char **argv, struct err *e);
int ctl_logs(int argc, char **argv, struct err *e);
int ctl_stop(int argc, char **argv, struct err *e);
int ctl_restart(int argc, char **argv, struct err *e);
int ctl_rm(int argc, char **argv, struct err *e);
int ctl_doctor(int argc, char **argv, struct err *e);
int ctl_egress(int argc, char **argv, struct err *e);
int ctl_image(int argc, char **argv, struct err *e);
int ctl_config(int argc, char **argv, struct err *e);

#endif
