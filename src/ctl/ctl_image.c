#include "ctl/ctl.h"
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

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
	if (conf_load(&c, NULL, environ, e) < 0)
		return -1;
	if (c.nix_enable) {
		strv_add(args, "--nix");
		image_add_each(args, "--nix-substituter", &c.nix_substituters);
		image_add_each(args, "--nix-key", &c.nix_trusted_public_keys);
	}
	conf_fini(&c);
	return 0;
}

/* store: the cache the image goes to, or NULL when the arguments say where. */
static int image_run_builder(const char *store, int argc, char **argv, struct err *e)
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
	for (int i = 0; i < argc; i++)
		strv_add(&args, argv[i]);
	image_env(environ, &env);
	/* Not by spawn: the builder shares this terminal and its signals. */
	pid = fork();
	if (pid == 0) {
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

static int image_build(int argc, char **argv, struct err *e)
{
	AUTO_FREE char *cache = image_cache_dir();
	AUTO_CLOSE int lock = -1;

	/* --out builds elsewhere and touches no cache. */
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--out") == 0)
			return image_run_builder(NULL, argc, argv, e);
	if (file_mkdirs(cache, 0700, e) < 0)
		return -1;
	lock = image_lock(cache, e);
	return lock < 0 ? -1 : image_run_builder(cache, argc, argv, e);
}

static void image_print(const struct image *img, const char *current, bool json, bool templates, const char *separator)
{
	AUTO_BUF struct buf line = {0};
	int is_current = strcmp(img->id, current) == 0;

	if (!json) {
		printf("%c %-24s claude %-10s kernel %-24s %5lld MB\n", is_current ? '*' : ' ', img->id, img->claude_version,
		       img->kernel_version, (long long)(img->root_size / 1000000));
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

static int image_list(int argc, char **argv, struct err *e)
{
	AUTO_FREE char *cache = image_cache_dir();
	AUTO_FREE char *current = image_current_id(cache);
	const int json = argc == 1 && strcmp(argv[0], "--json") == 0;
	struct dirent *entry;
	int shown = 0;
	DIR *dir;

	if (argc > 0 && !json)
		return CTL_USAGE;
	dir = opendir(cache);
	if (json)
		printf("[");
	while (dir && (entry = readdir(dir))) {
		AUTO_FREE char *path = mem_format("%s/%s", cache, entry->d_name);
		struct image img;

		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "current") == 0 || image_open(&img, path, e) < 0)
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

static int image_rm(int argc, char **argv, struct err *e)
{
	AUTO_FREE char *cache = image_cache_dir();
	AUTO_FREE char *current = image_current_id(cache);

	if (argc == 0)
		return CTL_USAGE;
	for (int i = 0; i < argc; i++) {
		AUTO_FREE char *path = mem_format("%s/%s", cache, argv[i]);
		AUTO_FREE char *manifest = mem_format("%s/" IMAGE_MANIFEST, path);

		/* Only what lies right in the cache and is an image: a name with a slash could be anything. */
		if (argv[i][0] == '.' || strchr(argv[i], '/') || access(manifest, F_OK) < 0) {
			err_set(e, "there is no image %s", argv[i]);
			return err_remedy(e, "ccvmctl image list shows them");
		}
		if (file_remove_tree(AT_FDCWD, path, e) < 0)
			return -1;
		template_remove_of_image(argv[i]);
		if (strcmp(argv[i], current) == 0) {
			AUTO_FREE char *link = mem_format("%s/current", cache);

			unlink(link);
			log_note("%s was the image in use; the next start needs another: ccvmctl image build", current);
		}
	}
	return 0;
}

static int image_info(int argc, char **argv, struct err *e)
{
	AUTO_FREE char *share = launch_share();
	AUTO_FREE char *cache = image_cache_dir();
	AUTO_FREE char *current = image_current_id(cache);
	AUTO_FREE char *path = NULL;
	const int json = argc == 1 && strcmp(argv[0], "--json") == 0;
	struct image img;

	if (argc > 0 && !json)
		return CTL_USAGE;
	path = image_find(share, e);
	if (!path || image_open(&img, path, e) < 0)
		return -1;
	image_print(&img, current, json, true, "");
	if (json) {
		printf("\n");
	} else {
		printf("  %s\n  agent sudo %s, image paste %s, nix %s\n", img.path, img.agent_sudo ? "yes" : "no",
		       img.clipboard ? "yes" : "no", img.nix ? "yes" : "no");
		template_print();
	}
	image_fini(&img);
	return 0;
}

int ctl_image(int argc, char **argv, struct err *e)
{
	static const struct {
		const char *name;
		ctl_command *run;
	} commands[] = {{"build", image_build}, {"list", image_list}, {"rm", image_rm}, {"info", image_info}, {"warm", template_warm}};

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 2, argv + 2, e);
	return CTL_USAGE;
}
