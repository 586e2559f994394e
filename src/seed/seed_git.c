/* The user's global git configuration as git itself sees it from this workspace, without what must
 * not cross.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"
#include "seed/seed_gitconfig.h"
#include "seed/seed_gitrun.h"
#include "seed/seed_part.h"
#include "seed/seed_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define GIT_IGNORE_MAX	 (1u << 20)
#define GIT_GUEST_IGNORE "~/.config/git/ignore"

/* The workspace's own configuration can be broken, or made so: then the user's is read from
 * elsewhere, where only conditions on the repository do not hold. */
static int git_list(const struct seed_run *r, struct buf *list)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err why;

	if (seed_gitrun_list(r->spec, r->spec->workdir_fd, list, &why) == 0)
		return 0;
	buf_drop(list, buf_len(list));
	if (seed_gitrun_list(r->spec, root, list, &why) == 0) {
		seed_note(r,
			  "git cannot read the configuration of %s: conditional includes for it "
			  "are not shared",
			  r->spec->workdir);
		return 0;
	}
	seed_note(r, "git configuration is not shared: %s", why.text);
	return -1;
}

/* Where the user's excludes are: the setting, else git's default (gitignore(5)). */
static char *git_excludes_path(const struct seed_spec *s, const char *setting)
{
	const char *xdg = s->host->config_home;

	if (!setting)
		return xdg && *xdg ? mem_format("%s/git/ignore", xdg)
				   : mem_format("%s/.config/git/ignore", s->dirs.home);
	if (strncmp(setting, "~/", 2) == 0)
		return mem_format("%s/%s", s->dirs.home, setting + 2);
	return setting[0] == '/' ? mem_strdup(setting) : NULL;
}

static int git_write_ignore(const struct seed_run *r, struct seed_gitconfig *g, struct err *e)
{
	AUTO_FREE char *path = git_excludes_path(r->spec, g->excludes_file);
	AUTO_BUF struct buf text = {0};
	struct seed_tree tree;

	if (g->excludes_file && !*g->excludes_file)
		return 0; /* set to nothing: the user wants none */
	if (!path) {
		seed_note(r, "git's core.excludesFile is not shared: it is neither absolute nor "
			     "below ~/");
		return 0;
	}
	/* Its name, or the file itself, may be an agent's: people keep it in a repository of their
	 * own. */
	seed_tree_init(&tree, r,
		       &(struct seed_tree_limits){.files = 1,
						  .bytes = GIT_IGNORE_MAX,
						  .file_bytes = GIT_IGNORE_MAX,
						  .depth = 1});
	if (!seed_tree_read_file(&tree, AT_FDCWD, path, &text, path)) {
		if (g->excludes_file && access(path, F_OK) < 0)
			seed_note(r, "git's core.excludesFile is not shared: %s: %s", path,
				  strerror(errno));
		return 0;
	}
	if (!seed_tree_is_harmless(&tree, &text, path))
		return 0;
	seed_gitconfig_format(&g->text, "core", NULL, "excludesFile", GIT_GUEST_IGNORE);
	return file_create(r->dirfd, NAME_SEED_GITIGNORE, buf_data(&text), buf_len(&text),
			   SEED_FILE_MODE, e);
}

int seed_write_git(const struct seed_run *r, struct err *e)
{
	AUTO_BUF struct buf list = {0};
	struct seed_gitconfig g = {0};
	int rc;

	if (!r->spec->conf->share_git_config || git_list(r, &list) < 0)
		return 0;
	seed_gitconfig_make(buf_text(&list), buf_len(&list), &r->spec->conf->extra_packages, &g);
	for (size_t i = 0; i < g.notes.n; i++)
		seed_note(r, "%s", g.notes.v[i]);
	rc = git_write_ignore(r, &g, e);
	if (rc == 0)
		rc = file_create(r->dirfd, NAME_SEED_GITCONFIG, buf_text(&g.text), buf_len(&g.text),
				 SEED_FILE_MODE, e);
	seed_gitconfig_fini(&g);
	return rc;
}
