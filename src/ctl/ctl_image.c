#include "ctl/ctl.h"
#include "ctl/ctl_session.h"
#include "ctl/ctl_template.h"
#include "ctl/image_env.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "client/launch.h"
#include "conf/conf.h"
#include "vm/image.h"
#include "vm/template.h"
#include "conf/env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Images are kept as images/<id>/, the one in use is named by the symlink images/current. */

static char *image_current_id(const char *cache)
{
	AUTO_FREE char *link = mem_format("%s/current", cache);
	char target[256];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	return mem_strndup(target, n > 0 ? (size_t)n : 0);
}

/* One build at a time: two would download and compress the same for nothing. */
static int image_lock(const char *cache, struct err *e)
{
	int fd = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		err_sys(e, "open %s", cache);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		log_note("another image build is running; waiting for it");
		flock(fd, LOCK_EX);
	}
	return fd;
}

static void image_add_each(struct strv *args, const char *option, const struct strv *values)
{
	for (size_t i = 0; i < values->n; i++) {
		strv_add(args, option);
		strv_add(args, values->v[i]);
	}
}

/* What the config file wants of an image with Nix; arguments add to it. */
static int image_add_conf_args(struct strv *args, struct err *e)
{
	struct conf c;

	conf_init(&c);
	/* Without the present image's part: what that has is not what is wanted of the next. */
	if (conf_load(&c, NULL, env_all(), e) < 0)
		return -1;
	if (c.nix_enable) {
		strv_add(args, "--nix");
		image_add_each(args, "--nix-substituter", &c.nix_substituters);
		image_add_each(args, "--nix-key", &c.nix_trusted_public_keys);
	}
	conf_fini(&c);
	return 0;
}

/* All but --json are the builder's. */
static void image_add_options(struct strv *args, const struct ctl_args *a)
{
	for (size_t i = 0; i < a->ngiven; i++) {
		if (strcmp(a->given[i].option->name, "json") == 0)
			continue;
		strv_addf(args, "--%s", a->given[i].option->name);
		if (a->given[i].value)
			strv_add(args, a->given[i].value);
	}
}

/* store: the cache the image goes to, or NULL when the arguments say where. */
static int image_run_builder(const char *store, const struct ctl_args *a, struct err *e)
{
	AUTO_FREE char *share = launch_share();
	AUTO_FREE char *script = mem_format("%s/image/build.sh", share);
	AUTO_STRV struct strv args = {0}, env = {0};
	int status;
	pid_t pid;

	strv_add(&args, script);
	if (store) {
		strv_add(&args, "--store");
		strv_add(&args, store);
	}
	if (image_add_conf_args(&args, e) < 0)
		return -1;
	image_add_options(&args, a);
	image_env(env_all(), &env);
	/* Not by spawn: the builder shares this terminal and its signals. */
	pid = fork();
	if (pid == 0) {
		if (ctl_has(a, "json"))
			dup2(STDERR_FILENO, STDOUT_FILENO); /* what it says is not JSON */
		execve(script, args.v, env.v);
		fprintf(stderr, "ccvmctl: %s: %s\n", script, strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		return err_sys(e, "fork");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	err_set(e, "the image was not built (see above)");
	return err_exit_code(e, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 1);
}

static int image_build_into_cache(const char *cache, const struct ctl_args *a, struct err *e)
{
	AUTO_CLOSE int lock = -1;

	if (file_mkdirs(cache, 0700, e) < 0)
		return -1;
	lock = image_lock(cache, e);
	return lock < 0 ? -1 : image_run_builder(cache, a, e);
}

static void image_print(const struct image *img, const char *current, bool json, bool templates,
			const char *separator)
{
	AUTO_BUF struct buf line = {0};
	int is_current = strcmp(img->id, current) == 0;

	if (!json) {
		printf("%c %-24s claude %-10s kernel %-24s %5lld MB\n", is_current ? '*' : ' ',
		       img->id, img->claude_version, img->kernel_version,
		       (long long)(img->root_size / 1000000));
		return;
	}
	json_begin(&line);
	json_add_string(&line, "id", img->id);
	json_add_string(&line, "path", img->path);
	json_add_bool(&line, "current", is_current);
	json_add_string(&line, "claude_version", img->claude_version);
	json_add_string(&line, "kernel_version", img->kernel_version);
	json_add_int(&line, "root_size", img->root_size);
	json_add_bool(&line, "agent_sudo", img->agent_sudo);
	json_add_bool(&line, "clipboard", img->clipboard);
	json_add_bool(&line, "nix", img->nix);
	if (templates)
		template_add_json(&line);
	json_end(&line);
	printf("%s%s", separator, buf_text(&line));
}

/* --out builds elsewhere and touches no cache. */
static int image_build(const struct ctl_args *a, struct err *e)
{
	AUTO_FREE char *cache = image_cache_dir(env_host());
	const char *store = ctl_value(a, "store");
	AUTO_FREE char *current = mem_format("%s/current", store ? store : cache);
	const char *out = ctl_value(a, "out");
	struct image img;

	if ((out ? image_run_builder(NULL, a, e) : image_build_into_cache(cache, a, e)) < 0)
		return -1;
	if (!ctl_has(a, "json"))
		return 0;
	if (image_open(&img, out ? out : current, e) < 0)
		return -1;
	image_print(&img, out || store ? "" : img.id, true, false, "");
	printf("\n");
	image_fini(&img);
	return 0;
}

static int image_list(const struct ctl_args *a, struct err *e)
{
	AUTO_FREE char *cache = image_cache_dir(env_host());
	AUTO_FREE char *current = image_current_id(cache);
	const bool json = ctl_has(a, "json");
	struct dirent *entry;
	int shown = 0;
	DIR *dir;

	dir = opendir(cache);
	if (json)
		printf("[");
	while (dir && (entry = readdir(dir))) {
		AUTO_FREE char *path = mem_format("%s/%s", cache, entry->d_name);
		struct image img;

		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "current") == 0 ||
		    image_open(&img, path, e) < 0)
			continue;
		image_print(&img, current, json, false, shown++ ? ",\n " : "");
		image_fini(&img);
	}
	if (dir)
		closedir(dir);
	if (json)
		printf("]\n");
	return 0;
}

/* Only what lies right in the cache and is an image: a name with a slash could be anything. */
static int image_remove(const char *cache, const char *current, const char *id, struct err *e)
{
	AUTO_FREE char *path = mem_format("%s/%s", cache, id);
	AUTO_FREE char *manifest = mem_format("%s/" IMAGE_MANIFEST, path);
	AUTO_FREE char *link = mem_format("%s/current", cache);

	if (id[0] == '.' || strchr(id, '/') || access(manifest, F_OK) < 0) {
		err_set(e, "no such image: %s", id);
		return err_remedy(e, "ccvmctl image list lists them");
	}
	if (file_remove_tree(AT_FDCWD, path, e) < 0)
		return -1;
	template_remove_of_image(env_host(), id);
	if (strcmp(id, current) == 0) {
		unlink(link);
		log_note("%s was the image in use; the next start needs another: ccvmctl image "
			 "build",
			 current);
	}
	return 0;
}

static int image_rm(const struct ctl_args *a, struct err *e)
{
	AUTO_FREE char *cache = image_cache_dir(env_host());
	AUTO_FREE char *current = image_current_id(cache);
	AUTO_BUF struct buf list = {0};
	int rc = 0;

	buf_addf(&list, "[");
	for (int i = 0; rc == 0 && i < a->n; i++) {
		AUTO_BUF struct buf one = {0};

		rc = image_remove(cache, current, a->operands[i], e);
		json_begin(&one);
		json_add_string(&one, "id", a->operands[i]);
		json_end(&one);
		if (rc == 0)
			buf_addf(&list, "%s%s", i ? "," : "", buf_text(&one));
	}
	buf_addf(&list, "]");
	if (ctl_has(a, "json"))
		ctl_print_json(&list);
	return rc;
}

static int image_info(const struct ctl_args *a, struct err *e)
{
	AUTO_FREE char *share = launch_share();
	AUTO_FREE char *cache = image_cache_dir(env_host());
	AUTO_FREE char *current = image_current_id(cache);
	AUTO_FREE char *path = NULL;
	const bool json = ctl_has(a, "json");
	struct image img;

	path = image_find(env_host(), share, e);
	if (!path || image_open(&img, path, e) < 0)
		return -1;
	image_print(&img, current, json, true, "");
	if (json) {
		printf("\n");
	} else {
		printf("  %s\n  agent sudo %s, image paste %s, nix %s\n", img.path,
		       img.agent_sudo ? "yes" : "no", img.clipboard ? "yes" : "no",
		       img.nix ? "yes" : "no");
		template_print();
	}
	image_fini(&img);
	return 0;
}

static const struct ctl_option image_build_options[] = {
	{"out", 0, "DIR", "write the image to DIR, replacing an image that is there"},
	{"store", 0, "DIR",
	 "write it to DIR/<image id> and let DIR/current point to it, in place of the cache"},
	{"work", 0, "DIR", "work directory (default $TMPDIR or /var/tmp; about 2 GiB)"},
	{"mirror", 0, "URL",
	 "Debian mirror, or a whole \"deb ...\" line (default: $CCVM_MIRROR, or mmdebstrap's "
	 "choice)"},
	{"security-mirror", 0, "URL",
	 "with --mirror: where security updates come from (default: $CCVM_SECURITY_MIRROR, or "
	 "nowhere)"},
	{"extra-packages", 0, "NAMES", "more Debian packages, \"A B\"; may be given several times"},
	{"no-agent-sudo", 0, NULL, "build without sudo for the agent"},
	{"no-clipboard", 0, NULL, "build without image paste"},
	{"nix", 0, NULL, "add Nix, its daemon and a writable /nix/store"},
	{"nix-substituter", 0, "URL", "with --nix: an additional binary cache; may be repeated"},
	{"nix-key", 0, "NAME:KEY",
	 "with --nix: a public key that paths of those caches are signed with; may be given "
	 "several "
	 "times"},
	{"lock", 0, "FILE", "the lock file that pins Claude Code"},
	{"level", 0, "N", "zstd level of the root file system, 1-19 (default 6)"},
	{"quiet", 0, NULL, "print errors and warnings only"},
	CTL_JSON,
	{0}};

static const struct ctl_command image_commands[] = {
	{.name = "build",
	 .help = "build a guest image, which the next sessions use",
	 .more = "It takes about two minutes and needs no root. With --json the builder's output "
		 "goes to "
		 "stderr.",
	 .options = image_build_options,
	 .run = image_build},
	{.name = "list",
	 .alias = "ls",
	 .help = "list images; * marks the one in use",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .run = image_list},
	{.name = "rm",
	 .operands = "ID...",
	 .help = "remove images, and the guests saved from them",
	 .more = "With --json, prints those removed, even if removing another failed.",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .least = 1,
	 .most = CTL_ANY,
	 .run = image_rm},
	{.name = "info",
	 .help = "show the image in use, and the saved guests",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .run = image_info},
	{.name = "warm",
	 .help = "save a guest of the configured size to start sessions from",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .run = template_warm},
};

const struct ctl_command ctl_image = {
	.name = "image",
	.operands = "COMMAND ...",
	.help = "build, list, remove and show guest images",
	.commands = (const struct ctl_command *const[]){&image_commands[0], &image_commands[1],
							&image_commands[2], &image_commands[3],
							&image_commands[4], NULL},
};
