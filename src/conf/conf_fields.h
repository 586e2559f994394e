/* conf_fields: the options of a run as a struct, with where each value came from. */
#ifndef CCVM_CONF_CONF_FIELDS_H
#define CCVM_CONF_CONF_FIELDS_H

#include <stdbool.h>

#include "base/mem.h"

#define CONF_OPTION_MAX 56 /* at least the rows of the option table; checked when it is compiled */

/* Among the entries of protect: what git on the host would run. */
#define CONF_PROTECT_GIT "git"

enum conf_accel { CONF_ACCEL_AUTO, CONF_ACCEL_KVM, CONF_ACCEL_TCG };

/* Where a value came from, weakest first. */
enum conf_source {
	CONF_SOURCE_DEFAULT,
	CONF_SOURCE_IMAGE,
	CONF_SOURCE_FILE,
	CONF_SOURCE_GROUP, /* CCVM_SHARE_CLAUDE_CONFIG: weaker than the variable of one item */
	CONF_SOURCE_VARIABLE,
	CONF_SOURCE_FLAG,
};

struct conf {
	bool writable_cwd;
	char *overlay_dir; /* "": the run directory */
	long undo_size;	   /* MiB; 0: nothing is recorded */
	long memory;	   /* MiB */
	long cores;
	int acceleration; /* enum conf_accel */
	bool share_settings;
	bool share_claude_md;
	bool share_keybindings;
	bool share_commands;
	bool share_agents;
	bool share_skills;
	bool share_output_styles;
	bool share_plugins;
	bool share_config; /* the sanitised ~/.claude.json */
	bool share_git_config;
	bool persist_claude_projects;
	struct strv protect;	  /* CONF_PROTECT_GIT, and patterns as hide's */
	struct strv hide;	  /* patterns of the workspace's entries (fs/fs_patterns.h) */
	struct strv extra_dirs;	  /* "PATH:ro" or "PATH:rw" */
	struct strv private_dirs; /* relative to the workspace */
	long vm_disk_size;	  /* GiB; 0: RAM only */
	bool clipboard_images;
	struct strv egress_allowlist; /* normalised; empty: open */
	struct strv egress_ports;     /* decimal, 1 to 65535 */
	bool host_loopback;
	bool link_local; /* and metadata services */
	int agent_sudo;	 /* -1 auto, 0, 1; conf_agent_sudo resolves it */
	bool nix_enable;
	struct strv nix_substituters;
	struct strv nix_trusted_public_keys;
	char *api_key_variable; /* name of the variable that holds the API key; "" for none */
	struct strv pass_env;	/* names; a trailing * matches any ending */
	char *extra_claude_md;	/* NULL: the built-in text; "": no context at all */
	bool lock_guest_memory;
	long template_cache_size; /* MiB */
	struct strv extra_packages;
	char *package;
	char *tui_prefix;
	char *tui_theme;
	struct strv tui_keys;
	char *tui_notify;
	bool tui_warm_spare;
	bool terminal_filter;
	long tui_history; /* lines */

	unsigned char source[CONF_OPTION_MAX]; /* enum conf_source, by row of the option table */
	int line[CONF_OPTION_MAX];	       /* line of the config file, for CONF_SOURCE_FILE */
	/* the config file that was read; NULL when there is none */
	char *file;
	/* for the user: what was lowered, ignored or looks mistyped */
	struct strv notes;
};

#endif
