/* hostenv: settings of this computer from the user's environment: directories, programs and
 * devices. conf/env.c resolves it, once in a process; everything below takes it from here and reads
 * no environment itself. */
#ifndef CCVM_PROTO_HOSTENV_H
#define CCVM_PROTO_HOSTENV_H

#include <stdbool.h>
#include <stdint.h>

enum hostenv_templates {
	HOSTENV_TEMPLATES_MAKE, /* start from a saved guest, and save one where there is none */
	HOSTENV_TEMPLATES_USE,	/* save none */
	HOSTENV_TEMPLATES_OFF,	/* boot cold */
};

struct hostenv { /* strings are owned by whoever filled it in, and borrowed by everybody else; NULL: not set */
	const char *home;	/* HOME */
	const char *path;	/* PATH */
	const char *runtime;	/* XDG_RUNTIME_DIR, as it is */
	const char *cache;	/* ccvm's directory of the user's cache; never NULL */
	const char *state;	/* ccvm's directory of the user's state */
	const char *claude_dir; /* CLAUDE_CONFIG_DIR, or ~/.claude */
	const char *image;	/* CCVM_IMAGE */
	const char *templates;	/* directory of saved guests; never NULL */
	const char *scratch;	/* directory for the encrypted disk, as it is; never NULL */
	bool scratch_may_be_tmpfs;
	const char *qemu;	  /* CCVM_QEMU */
	const char *machine;	  /* machine type; never NULL */
	const char *kvm_device;	  /* never NULL */
	bool qemu_sandbox;	  /* QEMU's own seccomp filter */
	const char *boot_timeout; /* seconds, as unchecked text; never NULL */
	enum hostenv_templates template_mode;
	/* Set by the tests' build of the programs alone (conf/env.c). */
	const char *kernel_words; /* behind the rest of the guest kernel's command line */
	/* of the encrypted disk, whatever vmDiskSize says; 0: none; -1: as vmDiskSize says */
	int64_t disk_bytes;
};

#endif
