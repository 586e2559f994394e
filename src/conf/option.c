#include "conf/option.h"
#include "base/mem.h"
#include "conf/check.h"
#include "conf/conf_fields.h"
#include "conf/egress_entry.h"
#include "conf/env.h"
#include "conf/nearest.h"
#include "conf/option_pass.h"

#include <string.h>

/* order of enum conf_accel */
static const char *const accel_choices[] = {"auto", "kvm", "tcg", NULL};
static const char *const theme_choices[] = {"auto", "dark", "light", "mono", NULL};
static const char *const notify_choices[] = {"bell", "desktop", "none", NULL};

#define FIELD(f) .offset = offsetof(struct conf, f)
#define SHARE(n, f, v, h, m)                                                                       \
	{                                                                                          \
		.name = "share." n, .type = OPTION_BOOL, FIELD(f), .fallback = "true",             \
		.variable = "CCVM_SHARE_" v, .group = true, .group_on = true, .help = h, .man = m  \
	}

static const struct option options[] = {
	{.name = "writableCwd",
	 .type = OPTION_BOOL,
	 FIELD(writable_cwd),
	 .fallback = "true",
	 .variable = "CCVM_WRITABLE_CWD",
	 .flag = "--writable-cwd, --read-only-cwd",
	 .help = "live mode: edits land in the project on the host at once",
	 .man = "Live mode: edits of the agent land in the project directory on the host at once. "
		"When false, overlay mode: the project directory is not written, edits go to a "
		"layer "
		"of the session's own and are discarded at exit."},
	{.name = "overlay.dir",
	 .type = OPTION_STRING,
	 FIELD(overlay_dir),
	 .fallback = "\"\"",
	 .variable = "CCVM_OVERLAY_DIR",
	 .not_image = true,
	 .check = check_directory,
	 .help = "directory for the edits of overlay mode; empty: in memory",
	 .man = "An existing directory, on disk, in which overlay mode keeps the edits of a "
		"session "
		"until it ends. Empty: the run directory, which is memory of the host. Part of the "
		"file system is left to others: a guest that fills it is told that there is no "
		"space "
		"left."},
	{.name = "undo.size",
	 .type = OPTION_INT,
	 FIELD(undo_size),
	 .fallback = "256",
	 .variable = "CCVM_UNDO_SIZE",
	 .min = 0,
	 .max = 1L << 20,
	 .help = "space for what files were before the agent changed them, in MiB",
	 .man = "Space in MiB for what files of the project and of extraDirs were before the agent "
		"changed them, in the directory that overlay.dir names, else in the run directory, "
		"which is memory of the host. It is removed at exit. What does not fit is changed "
		"all the same. 0 records nothing."},
	{.name = "memory",
	 .type = OPTION_INT,
	 FIELD(memory),
	 .fallback = "4096",
	 .variable = "CCVM_MEMORY",
	 .min = 512,
	 .max = 16L << 20,
	 .help = "memory of the guest in MiB",
	 .man = "Memory of the guest in MiB: at least 512, at most what the host has."},
	{.name = "cores",
	 .type = OPTION_INT,
	 FIELD(cores),
	 .fallback = "4",
	 .variable = "CCVM_CORES",
	 .min = 1,
	 .max = 4096,
	 .help = "processors of the guest",
	 .man = "Processors of the guest. A number above the host's is lowered."},
	{.name = "acceleration",
	 .type = OPTION_ENUM,
	 FIELD(acceleration),
	 .fallback = "\"auto\"",
	 .variable = "CCVM_ACCEL",
	 .choices = accel_choices,
	 .help = "kvm, tcg, or auto: KVM where it is usable",
	 .man = "auto: KVM where its device is writable and runs guests, else emulation (TCG) with "
		"a "
		"note. A KVM that failed is tried again after the next boot of the host. kvm: KVM "
		"or "
		"an error. tcg: always emulation."},
	SHARE("settings", share_settings, "SETTINGS", "share settings.json",
	      "Share settings.json. Environment variables in it that hold credentials are left "
	      "out."),
	SHARE("claudeMd", share_claude_md, "CLAUDEMD", "share CLAUDE.md",
	      "Share the user's CLAUDE.md."),
	SHARE("keybindings", share_keybindings, "KEYBINDINGS", "share keybindings.json",
	      "Share keybindings.json."),
	SHARE("commands", share_commands, "COMMANDS", "share commands/",
	      "Share the user's commands."),
	SHARE("agents", share_agents, "AGENTS", "share agents/", "Share the user's agents."),
	SHARE("skills", share_skills, "SKILLS", "share skills/", "Share the user's skills."),
	SHARE("outputStyles", share_output_styles, "OUTPUTSTYLES", "share output-styles/",
	      "Share the user's output styles."),
	{.name = "share.plugins",
	 .type = OPTION_BOOL,
	 FIELD(share_plugins),
	 .fallback = "false",
	 .group = true,
	 .variable = "CCVM_SHARE_PLUGINS",
	 .help = "share plugins/",
	 .man = "Share the installed plugins."},
	{.name = "share.config",
	 .type = OPTION_BOOL,
	 FIELD(share_config),
	 .fallback = "false",
	 .group = true,
	 .variable = "CCVM_SHARE_CONFIG",
	 .help = "share ~/.claude.json, without credentials",
	 .man = "Share ~/.claude.json, claude's own record of projects, dialogs and MCP servers, "
		"without credentials and without the environment and headers of MCP servers."},
	{.name = "share.gitConfig",
	 .type = OPTION_BOOL,
	 FIELD(share_git_config),
	 .fallback = "true",
	 .variable = "CCVM_SHARE_GIT_CONFIG",
	 .help = "share the global git configuration",
	 .man = "Share the global git configuration and excludes, so that commits are made as the "
		"user. Credentials, signing and tools that the guest does not have are left out."},
	{.name = "persistClaudeProjects",
	 .type = OPTION_BOOL,
	 FIELD(persist_claude_projects),
	 .fallback = "false",
	 .variable = "CCVM_PERSIST_PROJECTS",
	 .help = "keep claude's history of this project on the host",
	 .man = "Share claude's transcripts of this project (a folder of ~/.claude/projects) with "
		"the "
		"guest, read and write, so that history and resume survive the session. "
		"Transcripts "
		"of other projects are not shared."},
	{.name = "protect",
	 .type = OPTION_LIST,
	 FIELD(protect),
	 .fallback = "[\"" CONF_PROTECT_GIT "\"]",
	 .not_image = true,
	 .check = check_pattern,
	 .help = "what the agent may not change in the project",
	 .man = "What the agent may not change in the project directory in live mode. git: what "
		"git on the host "
		"would run, that is hooks, and keys in a repository's configuration that run a "
		"command or include "
		"a file; branches, remotes and the user's name may be set. Any other entry is a "
		"path below the "
		"project directory, such as src/generated or ./Makefile, or a name without a "
		"slash, which stands "
		"for every file and directory of that name; *, ? and [...] match within a name. "
		"Empty: "
		"nothing is protected."},
	{.name = "hide",
	 .type = OPTION_LIST,
	 FIELD(hide),
	 .fallback = "[]",
	 .not_image = true,
	 .check = check_pattern,
	 .help = "what the agent does not see of the project",
	 .man = "What of the project directory is not there for the agent: paths and names as in "
		"protect, such as "
		".env* or config/secrets. Such names cannot be made either, and a directory that "
		"holds such a "
		"path cannot be renamed."},
	{.name = "extraDirs",
	 .type = OPTION_LIST,
	 FIELD(extra_dirs),
	 .fallback = "[]",
	 .not_image = true,
	 .check = check_extra_dir,
	 .help = "further directories of the host for the guest",
	 .man = "Further directories of the host that the guest sees under their own path: "
		"absolute paths, "
		"at most 8, read-only unless :rw follows. In overlay mode all are read-only. What "
		"may not be a "
		"project directory may not be one of these; neither may what holds the project "
		"directory, lies "
		"in it, or does so with another one of them. protect holds in them as far as it "
		"says git."},
	{.name = "privateDirs",
	 .type = OPTION_LIST,
	 FIELD(private_dirs),
	 .fallback = "[]",
	 .check = check_private_dir,
	 .help = "directories of the project that are the guest's own",
	 .man = "Paths below the project directory, such as node_modules or target, at most 32, "
		"over which "
		"the guest has a directory of its own: empty at the start, gone at the end, on "
		"/scratch where "
		"there is a disk, else in memory. What the host has there is not seen. Where it "
		"has "
		"nothing, an empty directory is made for the while of the session. While it runs, "
		"do "
		"not remove or replace what the host has there: the guest's kernel drops the "
		"mount."},
	{.name = "vmDiskSize",
	 .type = OPTION_INT,
	 FIELD(vm_disk_size),
	 .fallback = "0",
	 .variable = "CCVM_VM_DISK_SIZE",
	 .max = 65536,
	 .help = "encrypted scratch disk in GiB; 0: memory only",
	 .man = "Size in GiB of the encrypted disk that backs /scratch, and the Nix store where "
		"that "
		"was built in. 0 keeps everything in memory. Its key exists only in the guest's "
		"memory."},
	{.name = "clipboard.images",
	 .type = OPTION_BOOL,
	 .when = OPTION_IMAGE_RUN,
	 FIELD(clipboard_images),
	 .fallback = "true",
	 .variable = "CCVM_CLIPBOARD_IMAGES",
	 .only_lowers = true,
	 .help = "paste images from the clipboard of the host",
	 .man = "Let claude paste an image from the clipboard of the host for a few seconds after "
		"Ctrl+V. Text never crosses. The variable can only turn it off."},
	{.name = "egressAllowlist",
	 .type = OPTION_LIST,
	 FIELD(egress_allowlist),
	 .fallback = "[]",
	 .variable = "CCVM_EGRESS_ALLOWLIST",
	 .check = egress_entry_normalise,
	 .help = "hosts the guest may reach; empty: all",
	 .man = "Hosts that the guest may reach: names, *.domain, IP addresses, CIDRs. Empty: "
		"every "
		"host. With entries, everything else is refused; api.anthropic.com is always "
		"allowed."},
	{.name = "egressPorts",
	 .type = OPTION_PORTS,
	 FIELD(egress_ports),
	 .fallback = "[443]",
	 .variable = "CCVM_EGRESS_PORTS",
	 .help = "ports of those hosts",
	 .man = "Ports on which the hosts of egressAllowlist may be reached."},
	{.name = "hostLoopback",
	 .type = OPTION_BOOL,
	 FIELD(host_loopback),
	 .fallback = "true",
	 .variable = "CCVM_HOST_LOOPBACK",
	 .help = "let the guest reach the host at 10.0.2.2 and its addresses",
	 .man = "Let the guest reach servers on the loopback of the host at 10.0.2.2, and the host "
		"at "
		"its other addresses, while egress is open. With egressAllowlist both must be "
		"listed "
		"as well, each address by itself."},
	{.name = "linkLocal",
	 .type = OPTION_BOOL,
	 FIELD(link_local),
	 .fallback = "false",
	 .variable = "CCVM_LINK_LOCAL",
	 .help = "let the guest reach link-local and metadata addresses",
	 .man = "Let the guest reach 169.254.0.0/16 and the metadata services of clouds, which "
		"hand "
		"out credentials of the machine. With egressAllowlist they must be listed as "
		"well."},
	{.name = "agentSudo",
	 .type = OPTION_TRI,
	 .when = OPTION_IMAGE_RUN,
	 FIELD(agent_sudo),
	 .fallback = "null",
	 .variable = "CCVM_AGENT_SUDO",
	 .help = "root in the guest; null: unless egress is locked",
	 .man = "Whether the agent has root in the guest. null: yes, unless egressAllowlist is "
		"set, "
		"since root can flush the firewall of the guest. A run cannot grant what the image "
		"was built without."},
	{.name = "nix.enable",
	 .type = OPTION_BOOL,
	 .when = OPTION_IMAGE,
	 FIELD(nix_enable),
	 .fallback = "false",
	 .help = "Nix inside the guest",
	 .man = "Build the image with Nix and a writable store."},
	{.name = "nix.substituters",
	 .type = OPTION_LIST,
	 .when = OPTION_IMAGE,
	 FIELD(nix_substituters),
	 .fallback = "[]",
	 .check = check_url,
	 .help = "additional binary caches",
	 .man = "Binary caches in addition to the default ones. They must serve signed paths "
		"without "
		"credentials."},
	{.name = "nix.trustedPublicKeys",
	 .type = OPTION_LIST,
	 .when = OPTION_IMAGE,
	 FIELD(nix_trusted_public_keys),
	 .fallback = "[]",
	 .check = check_nix_key,
	 .help = "public keys of those caches",
	 .man = "Public keys (name:base64) with which those caches sign."},
	{.name = "apiKeyVariable",
	 .type = OPTION_STRING,
	 FIELD(api_key_variable),
	 .fallback = "\"ANTHROPIC_API_KEY\"",
	 .not_image = true,
	 .check = check_variable,
	 .help = "variable that holds the API key; empty: none",
	 .man = "Name of the environment variable that holds the API key. The key is sent to "
		"claude "
		"under the same name over the encrypted connection and is written to no file. "
		"Empty: "
		"no key is sent."},
	{.name = "passEnv",
	 .type = OPTION_LIST,
	 FIELD(pass_env),
	 .fallback = OPTION_PASS_DEFAULT,
	 .variable = "CCVM_PASS_ENV",
	 .not_image = true,
	 .adds = true,
	 .check = check_pass_env,
	 .help = "variables passed to claude",
	 .man = "Names of environment variables that are passed to claude; a trailing * matches "
		"any "
		"ending. The variable adds names. A name from which claude reads a credential is "
		"refused."},
	{.name = "extraClaudeMd",
	 .type = OPTION_TEXT,
	 FIELD(extra_claude_md),
	 .fallback = "null",
	 .variable = "CCVM_CLAUDE_MD",
	 .help = "text appended to CLAUDE.md in the guest; empty: none",
	 .man = "Text appended to CLAUDE.md in the guest, after lines about this run. null: a "
		"built-in text. Empty: nothing is appended. The variable names a file; empty: "
		"nothing."},
	{.name = "lockGuestMemory",
	 .type = OPTION_BOOL,
	 FIELD(lock_guest_memory),
	 .fallback = "false",
	 .variable = "CCVM_MLOCK",
	 .help = "keep guest memory out of swap",
	 .man = "Lock the memory of the guest, so that it is never written to swap. Needs a "
		"sufficient RLIMIT_MEMLOCK."},
	{.name = "templateCacheSize",
	 .type = OPTION_INT,
	 FIELD(template_cache_size),
	 .fallback = "2048",
	 .variable = "CCVM_TEMPLATE_CACHE_SIZE",
	 .min = 0,
	 .max = 1L << 20,
	 .help = "disk space for saved guests, in MiB",
	 .man = "Disk space in MiB that templates (saved guests, from which sessions start in a "
		"fraction of a second) may take in the cache directory. The least recently used "
		"are "
		"removed first."},
	{.name = "extraPackages",
	 .type = OPTION_LIST,
	 .when = OPTION_IMAGE,
	 FIELD(extra_packages),
	 .fallback = "[]",
	 .check = check_package,
	 .help = "additional packages in the image",
	 .man = "Packages added to the image."},
	{.name = "package",
	 .type = OPTION_STRING,
	 .when = OPTION_IMAGE,
	 FIELD(package),
	 .fallback = "\"claude-code\"",
	 .check = check_package,
	 .help = "the agent's package",
	 .man = "The package of the agent."},
	{.name = "tui.prefix",
	 .type = OPTION_STRING,
	 .when = OPTION_TUI,
	 FIELD(tui_prefix),
	 .fallback = "\"C-\\\\\"",
	 .check = check_key,
	 .help = "prefix key of ccvm-tui in a pane",
	 .man = "The prefix key of ccvm-tui in a pane, such as C-x or M-x."},
	{.name = "tui.theme",
	 .type = OPTION_STRING,
	 .when = OPTION_TUI,
	 FIELD(tui_theme),
	 .fallback = "\"auto\"",
	 .choices = theme_choices,
	 .help = "colours of ccvm-tui",
	 .man = "Colours of ccvm-tui: for a dark or a light background, or mono for none. auto: as "
		"NO_COLOR and COLORFGBG say, else dark."},
	{.name = "tui.keys",
	 .type = OPTION_LIST,
	 .when = OPTION_TUI,
	 FIELD(tui_keys),
	 .fallback = "[]",
	 .check = check_binding,
	 .help = "additional keys for commands of ccvm-tui, as stop=X",
	 .man = "Additional keys for commands of ccvm-tui, each as COMMAND=KEY, for example stop=X "
		"or "
		"next-waiting=C-n. They take precedence over the usual keys. Commands: up, down, "
		"next-waiting, find, enter, list, answer, explain, new, rename, stop, restart, "
		"egress, events, copy, panes, next-pane, zoom, redraw, help, quit."},
	{.name = "tui.notify",
	 .type = OPTION_STRING,
	 .when = OPTION_TUI,
	 FIELD(tui_notify),
	 .fallback = "\"bell\"",
	 .choices = notify_choices,
	 .help = "how a waiting session is announced",
	 .man = "How ccvm-tui announces a session that waits for the user."},
	{.name = "tui.warmSpare",
	 .type = OPTION_BOOL,
	 .when = OPTION_TUI,
	 FIELD(tui_warm_spare),
	 .fallback = "false",
	 .help = "keep one session started in advance",
	 .man = "Keep one more session running in the directory that ccvm-tui was started in, with "
		"the agent up and not shown, so that a new session there is on the screen at once. "
		"It "
		"costs what an idle session costs: its private memory (some 100 MiB) and a little "
		"processor time. It ends with ccvm-tui."},
	{.name = "terminal.filter",
	 .type = OPTION_BOOL,
	 .not_image = true,
	 FIELD(terminal_filter),
	 .fallback = "true",
	 .variable = "CCVM_TERMINAL_FILTER",
	 .help = "filter risky escape sequences of the guest",
	 .man = "Filter what a guest writes to the terminal of ccvm or ccvmctl attach. Dropped are "
		"clipboard writes (OSC 52 and the like), DCS, APC, PM and SOS strings, and with "
		"them "
		"sixel, images by kitty's protocol and tmux passthrough, operating system commands "
		"other than titles, colours, links and notifications, printing, reports of the "
		"title, "
		"and invalid UTF-8. Modes are reset at the end either way; pipes get every byte. "
		"ccvm-tui needs no filter."},
	{.name = "tui.history",
	 .type = OPTION_INT,
	 FIELD(tui_history),
	 .fallback = "10000",
	 .variable = "CCVM_TUI_HISTORY",
	 .min = 0,
	 .max = 100000,
	 .help = "lines kept above a session's screen",
	 .man = "Lines that scrolled off the top of a session's screen and are kept, for ccvm-tui "
		"and "
		"ccvmctl capture --history. The value at the start of the session counts. Each "
		"character takes 24 bytes. 0 keeps none."},
};

_Static_assert(ARRAY_LEN(options) <= CONF_OPTION_MAX, "raise CONF_OPTION_MAX");

size_t option_count(void)
{
	return ARRAY_LEN(options);
}

const struct option *option_at(size_t i)
{
	return i < ARRAY_LEN(options) ? &options[i] : NULL;
}

int option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool option_is_variable(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].variable && strcmp(options[i].variable, name) == 0)
			return true;
	return env_is_known(name);
}

void *option_field(const struct option *o, struct conf *c)
{
	return (char *)c + o->offset;
}

const void *option_field_const(const struct option *o, const struct conf *c)
{
	return (const char *)c + o->offset;
}

const char *option_when_text(enum option_when when)
{
	static const char *const texts[] = {[OPTION_RUN] = "run",
					    [OPTION_IMAGE] = "image",
					    [OPTION_IMAGE_RUN] = "image and run",
					    [OPTION_TUI] = "ccvm-tui"};

	return texts[when];
}

const char *option_nearest(const char *name)
{
	struct nearest near = {.wanted = name};

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const char *dot = strchr(options[i].name, '.');

		nearest_offer(&near, options[i].name);
		/* "plugins" for "share.plugins": the last part alone is a common slip */
		if (!near.best && dot && nearest_distance(name, dot + 1) == 0)
			near = (struct nearest){name, options[i].name, 0};
	}
	return near.best;
}

const char *option_nearest_variable(const char *name)
{
	struct nearest near = {.wanted = name};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].variable)
			nearest_offer(&near, options[i].variable);
	for (size_t i = 0; i < ENV_OURS; i++)
		nearest_offer(&near, env_row(i)->name);
	return near.best;
}
