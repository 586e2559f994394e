/* conf: the options of a run, resolved from flags, CCVM_* variables, the config file, the image and defaults.
 *
 * What an option is called, its type, default, variable, flag and help text stand in one table (option.c);
 * everything here is made from it. The config file is `$XDG_CONFIG_HOME/ccvm/config.json`, or the file that
 * CCVM_CONFIG names. */
#ifndef CCVM_CONF_CONF_H
#define CCVM_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "conf/conf_args.h"
#include "conf/conf_pass.h"
#include "conf/conf_show.h"

#define CONF_OPTION_MAX 48 /* at least the rows of the option table; checked when it is compiled */

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
	long memory; /* MiB */
	long cores;
	bool shared_mappings;
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
	long vm_disk_size; /* GiB; 0: RAM only */
	bool clipboard_images;
	struct strv egress_allowlist; /* normalised; empty: open */
	struct strv egress_ports;     /* decimal, 1 to 65535 */
	bool host_loopback;
	bool link_local; /* and metadata services */
	int agent_sudo; /* -1 auto, 0, 1; conf_agent_sudo resolves it */
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
	char *file;			       /* the config file that was read; NULL when there is none */
	struct strv notes;		       /* for the user: what was lowered, ignored or looks mistyped */
};

void conf_init(struct conf *c); /* every option at its default */
void conf_fini(struct conf *c);

/* Resolves all options but the image's (conf_apply_image). c was initialised; a may be NULL (no flags).
 * Returns 0, or -1 with exit code 126 and a text that names the variable, or file and line, and the
 * nearest known name. Warnings that do not stop a run are in c->notes. */
int conf_load(struct conf *c, const struct conf_args *a, char *const *envp, struct err *e);

/* Applies what an image was built with: a JSON object of option names. An option that nobody else set gets
 * the image's value; for those that an image grants (clipboard.images, agentSudo) a run can only take away.
 * Names this program does not know are ignored: an image may be newer. So are passEnv and apiKeyVariable, which
 * ccvm needs before the session opens the image. Called twice with the same text, the second time does nothing. */
int conf_apply_image(struct conf *c, const char *json, struct err *e);

/* The resolved options as one line of JSON, and back without loss. Free the text. */
char *conf_to_json(const struct conf *c);
int conf_from_json(struct conf *c, const char *json, struct err *e);

/* Whether the agent has root in the guest: as set, or with auto exactly when egress is open. */
bool conf_agent_sudo(const struct conf *c);

/* With lockGuestMemory, checks that RLIMIT_MEMLOCK (its hard limit) or CAP_IPC_LOCK lets QEMU lock its memory;
 * the error says what to change. */
int conf_check_memlock(const struct conf *c, struct err *e);

/* As conf_check_memlock, for a given limit in bytes. Pure. */
int conf_check_memlock_limit(const struct conf *c, unsigned long long limit, struct err *e);

#endif
