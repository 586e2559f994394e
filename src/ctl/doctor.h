/* doctor: what the checks of `ccvmctl doctor` share. Each check looks at one thing and says in
 * one line what it found and, unless all is well, what to do. Nothing is changed, but that the
 * run directory's base is made. */
#ifndef CCVM_CTL_DOCTOR_H
#define CCVM_CTL_DOCTOR_H

#include "base/err.h"
#include "conf/conf.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* works, but something is slower, weaker or missing */
	DOCTOR_PROBLEM, /* a start would fail, or be refused */
};

struct doctor {
	/* as a run would have it; the defaults when the configuration is not valid */
	struct conf conf;
	bool conf_is_valid;
	struct err conf_err; /* else why */
	char *share;	     /* owned; launch_share */
};

struct finding {
	enum doctor_level level;
	char text[ERR_TEXT_MAX];
	char remedy[ERR_TEXT_MAX]; /* "" when there is nothing to do */
};

typedef void doctor_check(const struct doctor *d, struct finding *f);

/* Sets level and text. */
void doctor_say(struct finding *f, enum doctor_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_remedy(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes text and remedy of an error. */
void doctor_say_err(struct finding *f, enum doctor_level level, const struct err *e);

/* doctor_host.c: this computer and account */
doctor_check doctor_user, doctor_kvm, doctor_landlock, doctor_rundir, doctor_rundir_space,
	doctor_cache_space, doctor_memlock, doctor_fds;
/* doctor_guest.c: what a guest is made of */
doctor_check doctor_config, doctor_programs, doctor_qemu, doctor_qemu_features, doctor_image;
/* doctor_terminal.c: what the user sits at */
doctor_check doctor_terminal, doctor_clipboard;

#endif
