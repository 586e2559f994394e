/* hostenv: settings of this computer from the user's environment: directories, programs and
 * devices. conf/env.c resolves it, once, in the program that the user started; it travels with a
 * request, and everything below takes it from there and reads no environment itself. */
#ifndef CCVM_PROTO_HOSTENV_H
#define CCVM_PROTO_HOSTENV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "proto/document.h"

/* Bytes of one text: no variable can be longer (execve(2)), and room for what is joined to it. */
#define HOSTENV_TEXT_MAX (132u << 10)

enum hostenv_templates {
	HOSTENV_TEMPLATES_MAKE, /* start from a saved guest, and save one where there is none */
	HOSTENV_TEMPLATES_USE,	/* save none */
	HOSTENV_TEMPLATES_OFF,	/* boot cold */
};

struct hostenv {	   /* texts are of any bytes, and owned; NULL: not set */
	char *home;	   /* HOME */
	char *path;	   /* PATH */
	char *runtime;	   /* XDG_RUNTIME_DIR, as it is */
	char *config_home; /* XDG_CONFIG_HOME, as it is: git's is below it */
	char *config_file; /* CCVM_CONFIG, or the usual one; may be relative */
	char *cache;	   /* ccvm's directory of the user's cache; never NULL */
	char *state;	   /* ccvm's directory of the user's state */
	char *claude_dir;  /* CLAUDE_CONFIG_DIR, or ~/.claude */
	bool claude_dir_is_set;
	char *image;	 /* CCVM_IMAGE */
	char *templates; /* directory of saved guests; never NULL */
	char *scratch;	 /* directory for the encrypted disk, as it is; never NULL */
	bool scratch_may_be_tmpfs;
	char *qemu;	    /* CCVM_QEMU */
	char *machine;	    /* machine type; never NULL */
	char *kvm_device;   /* never NULL */
	bool qemu_sandbox;  /* QEMU's own seccomp filter */
	char *boot_timeout; /* seconds, as unchecked text; never NULL */
	enum hostenv_templates template_mode;
	char *git_global, *git_system, *git_nosystem; /* GIT_CONFIG_GLOBAL and so on */
	char *wayland_display, *display, *xauthority; /* whose clipboard images are pasted from */
	/* Set by the tests' build of the programs alone (conf/env.c). */
	char *kernel_words; /* behind the rest of the guest kernel's command line */
	/* of the encrypted disk, whatever vmDiskSize says; 0: none; -1: as vmDiskSize says */
	int64_t disk_bytes;
};

extern const struct document_shape hostenv_shape;

/* clang-format off */
#define HOSTENV_INIT {.disk_bytes = -1} /* before it is read */
/* clang-format on */

/* Whether all is there that is never NULL. Pure. */
bool hostenv_is_whole(const struct hostenv *h);
void hostenv_fini(struct hostenv *h);

/* As a child's standard input: a file in memory, at its start. Close it. -1: failed. */
int hostenv_to_fd(const struct hostenv *h, struct err *e);
/* All that the fd holds. hostenv_fini frees it, also after -1. */
int hostenv_from_fd(struct hostenv *h, int fd, struct err *e);

/* The variables that a program of the display's needs, and none but these. Appends. Pure. */
void hostenv_display(const struct hostenv *h, struct strv *env);
/* The variables that decide which files git reads; nothing that makes it run a program or read
 * another repository. Appends. Pure. */
void hostenv_git(const struct hostenv *h, struct strv *env);

#endif
