#include "conf/env.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/spawn.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* Generous: an emulated guest on a busy machine is slow. */
#define ENV_BOOT_TIMEOUT_DEFAULT "180"

static const struct env_row env_rows[ENV_VARIABLES] = {
	[ENV_SHARE_CLAUDE_CONFIG] =
		{"CCVM_SHARE_CLAUDE_CONFIG",
		 "all share options of ~/.claude at once; single ones take precedence"},
	[ENV_CONFIG] = {"CCVM_CONFIG", "configuration file to read"},
	[ENV_IMAGE] = {"CCVM_IMAGE", "image directory to boot from"},
	[ENV_EVENTS] = {"CCVM_EVENTS",
			"descriptor, or file outside the project, for events as JSON lines"},
	[ENV_DRYRUN] = {"CCVM_DRYRUN", "1: write the seed, print its directory, start nothing"},
	[ENV_KVM_DEV] = {"CCVM_KVM_DEV", "KVM device (default /dev/kvm)"},
	[ENV_MACHINE] = {"CCVM_MACHINE", "machine type (default microvm)"},
	[ENV_SCRATCH_DIR] = {"CCVM_SCRATCH_DIR", "directory for the encrypted disk"},
	[ENV_SCRATCH_ALLOW_TMPFS] = {"CCVM_SCRATCH_ALLOW_TMPFS",
				     "1: allow that directory to be on tmpfs"},
	[ENV_QEMU] = {"CCVM_QEMU", "QEMU program (default qemu-system-x86_64)"},
	[ENV_TEMPLATE] =
		{"CCVM_TEMPLATE",
		 "0: always boot cold; use: start from saved guests, but make none (default 1)"},
	[ENV_TEMPLATE_DIR] = {"CCVM_TEMPLATE_DIR", "directory for saved guests"},
	[ENV_BOOT_TIMEOUT] = {"CCVM_BOOT_TIMEOUT",
			      "seconds a booting guest may be silent (default 180)"},
	[ENV_QEMU_SANDBOX] = {"CCVM_QEMU_SANDBOX", "0: start QEMU without its seccomp sandbox"},
	[ENV_ALLOW_ROOT] = {"CCVM_ALLOW_ROOT", "1: allow running as root, for containers"},
	[ENV_DEBUG] = {"CCVM_DEBUG", "1: same as --ccvm-debug"},
	[ENV_HOME] = {"HOME", "home directory"},
	[ENV_PATH] = {"PATH", "where QEMU, git and the clipboard's tools are found"},
	[ENV_XDG_CACHE_HOME] =
		{"XDG_CACHE_HOME",
		 "images and saved guests are kept in ccvm below it (default ~/.cache)"},
	[ENV_XDG_CONFIG_HOME] = {"XDG_CONFIG_HOME",
				 "ccvm/config.json below it is read (default ~/.config)"},
	[ENV_XDG_RUNTIME_DIR] =
		{"XDG_RUNTIME_DIR",
		 "directories of running sessions are in ccvm below it (default /run/user/UID)"},
	[ENV_XDG_STATE_HOME] =
		{"XDG_STATE_HOME",
		 "recent directories are kept in ccvm below it (default ~/.local/state)"},
	[ENV_CLAUDE_CONFIG_DIR] = {"CLAUDE_CONFIG_DIR",
				   "configuration of claude on the host (default ~/.claude)"},
	[ENV_TERM] = {"TERM", "type of the terminal"},
	[ENV_COLORTERM] = {"COLORTERM", "truecolor or 24bit: the terminal has 24-bit colour"},
	[ENV_COLORFGBG] = {"COLORFGBG", "colours of the terminal, for tui.theme"},
	[ENV_NO_COLOR] = {"NO_COLOR", "when set, ccvm-tui uses no colours"},
	[ENV_STY] = {"STY", "set by GNU screen, where ccvm-tui leaves the mouse alone"},
	[ENV_WAYLAND_DISPLAY] = {"WAYLAND_DISPLAY",
				 "display whose clipboard images are pasted from"},
	[ENV_DISPLAY] = {"DISPLAY", "the same, of X; used when Wayland's does not answer"},
	[ENV_XAUTHORITY] = {"XAUTHORITY",
			    "what the clipboard's tools identify themselves to X with"},
	[ENV_GIT_CONFIG_GLOBAL] = {"GIT_CONFIG_GLOBAL",
				   "where git's configuration is, for shareGitConfig"},
	[ENV_GIT_CONFIG_SYSTEM] = {"GIT_CONFIG_SYSTEM", "the same, of this computer"},
	[ENV_GIT_CONFIG_NOSYSTEM] = {"GIT_CONFIG_NOSYSTEM",
				     "when true, that of this computer is not read"},
};

/* What only the tests' build of the programs reads: it makes guests fail that would not. */
#ifdef CCVM_TEST_HOOKS
#define ENV_HOOK(text) text
#else
#define ENV_HOOK(text) NULL
#endif
#define ENV_HOOK_DISK  ENV_HOOK("CCVM_TEST_DISK_BYTES")
#define ENV_HOOK_WORDS ENV_HOOK("CCVM_TEST_KERNEL_WORDS")

const struct env_row *env_row(size_t i)
{
	return i < ARRAY_LEN(env_rows) ? &env_rows[i] : NULL;
}

bool env_is_known(const char *name)
{
	static const char *const hooks[] = {ENV_HOOK_DISK, ENV_HOOK_WORDS};

	for (size_t i = 0; i < ARRAY_LEN(env_rows); i++)
		if (strcmp(env_rows[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
		if (hooks[i] && strcmp(hooks[i], name) == 0)
			return true;
	return false;
}

const char *env_get(enum env_variable v)
{
	return getenv(env_rows[v].name);
}

const char *env_text(enum env_variable v)
{
	const char *value = env_get(v);

	return value && value[0] ? value : NULL;
}

bool env_is(enum env_variable v, const char *value)
{
	const char *set = env_get(v);

	return set && strcmp(set, value) == 0;
}

const char *env_in(char *const *envp, enum env_variable v)
{
	return spawn_env(envp, env_rows[v].name);
}

char *const *env_all(void)
{
	return environ;
}

/* ---- of this computer ---- */

static char *env_copy(char *const *envp, enum env_variable v, const char *fallback)
{
	const char *value = env_in(envp, v);

	value = value && value[0] ? value : fallback;
	return value ? mem_strdup(value) : NULL;
}

/* As it is: an empty PATH finds nothing, none stands for a default. */
static char *env_raw(char *const *envp, enum env_variable v)
{
	const char *value = env_in(envp, v);

	return value ? mem_strdup(value) : NULL;
}

/* As env_copy, for a directory: a relative one is ignored, as the XDG Base Directory
 * Specification wants it. */
static char *env_absolute(char *const *envp, enum env_variable v, const char *more)
{
	const char *value = env_in(envp, v);

	return value && value[0] == '/' ? mem_format("%s%s", value, more) : NULL;
}

char *env_config_file(char *const *envp)
{
	const char *own = env_in(envp, ENV_CONFIG);
	const char *home = env_in(envp, ENV_HOME);
	char *xdg = env_absolute(envp, ENV_XDG_CONFIG_HOME, "/ccvm/config.json");

	if (own && *own) {
		free(xdg);
		return mem_strdup(own);
	}
	if (xdg)
		return xdg;
	return home && *home ? mem_format("%s/.config/ccvm/config.json", home) : NULL;
}

static enum hostenv_templates env_template_mode(char *const *envp)
{
	const char *text = env_in(envp, ENV_TEMPLATE);

	if (text && strcmp(text, "0") == 0)
		return HOSTENV_TEMPLATES_OFF;
	return text && strcmp(text, "use") == 0 ? HOSTENV_TEMPLATES_USE : HOSTENV_TEMPLATES_MAKE;
}

static bool env_says(char *const *envp, enum env_variable v, const char *what)
{
	const char *value = env_in(envp, v);

	return value && strcmp(value, what) == 0;
}

static void env_resolve_hooks(struct hostenv *h, char *const *envp)
{
	const char *bytes = ENV_HOOK_DISK ? spawn_env(envp, ENV_HOOK_DISK) : NULL;
	const char *words = ENV_HOOK_WORDS ? spawn_env(envp, ENV_HOOK_WORDS) : NULL;

	h->disk_bytes = -1;
	if (bytes)
		number_parse(bytes, 0, INT64_MAX, &h->disk_bytes);
	h->kernel_words = words ? mem_strdup(words) : NULL;
}

void env_host_resolve(struct hostenv *h, char *const *envp)
{
	const char *const home = env_in(envp, ENV_HOME);
	const char *const claude = env_in(envp, ENV_CLAUDE_CONFIG_DIR);

	*h = (struct hostenv){
		.home = env_copy(envp, ENV_HOME, NULL),
		.path = env_raw(envp, ENV_PATH),
		.runtime = env_copy(envp, ENV_XDG_RUNTIME_DIR, NULL),
		.config_home = env_raw(envp, ENV_XDG_CONFIG_HOME),
		.config_file = env_config_file(envp),
		.cache = env_absolute(envp, ENV_XDG_CACHE_HOME, "/ccvm"),
		.state = env_absolute(envp, ENV_XDG_STATE_HOME, "/ccvm"),
		.claude_dir = env_absolute(envp, ENV_CLAUDE_CONFIG_DIR, ""),
		.claude_dir_is_set = claude && *claude,
		.image = env_copy(envp, ENV_IMAGE, NULL),
		.templates = env_absolute(envp, ENV_TEMPLATE_DIR, ""),
		.scratch_may_be_tmpfs = env_says(envp, ENV_SCRATCH_ALLOW_TMPFS, "1"),
		.qemu = env_copy(envp, ENV_QEMU, NULL),
		.machine = env_copy(envp, ENV_MACHINE, "microvm"),
		.kvm_device = env_copy(envp, ENV_KVM_DEV, "/dev/kvm"),
		.qemu_sandbox = !env_says(envp, ENV_QEMU_SANDBOX, "0"),
		.boot_timeout = env_copy(envp, ENV_BOOT_TIMEOUT, ENV_BOOT_TIMEOUT_DEFAULT),
		.template_mode = env_template_mode(envp),
		.git_global = env_raw(envp, ENV_GIT_CONFIG_GLOBAL),
		.git_system = env_raw(envp, ENV_GIT_CONFIG_SYSTEM),
		.git_nosystem = env_raw(envp, ENV_GIT_CONFIG_NOSYSTEM),
		.wayland_display = env_raw(envp, ENV_WAYLAND_DISPLAY),
		.display = env_raw(envp, ENV_DISPLAY),
		.xauthority = env_raw(envp, ENV_XAUTHORITY),
	};
	if (!h->cache)
		h->cache = mem_format("%s/.cache/ccvm", home ? home : "");
	if (!h->state && home && home[0] == '/')
		h->state = mem_format("%s/.local/state/ccvm", home);
	if (!h->claude_dir && h->home)
		h->claude_dir = mem_format("%s/.claude", h->home);
	if (!h->templates)
		h->templates = mem_format("%s/templates", h->cache);
	h->scratch = env_copy(envp, ENV_SCRATCH_DIR, h->cache);
	env_resolve_hooks(h, envp);
}

const struct hostenv *env_host(void)
{
	static struct hostenv host;
	static bool is_resolved;

	if (!is_resolved)
		env_host_resolve(&host, environ);
	is_resolved = true;
	return &host;
}
