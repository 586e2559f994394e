/* Theory of operation.
 *
 * 1. A request is taken apart into acts on entries: made, come by rename, gone, changed. The table at the
 *    end says which. An entry is judged by where it is, which the nodes' names tell: the operation itself
 *    fails when they are not true any more.
 * 2. hide and protect list patterns. The way to what they name is held as well: a directory above is
 *    not renamed, nothing is put in its place.
 * 3. git's directories are known by their content (fs_gitdir). What becomes one with the request at
 *    hand is judged whole; so the order in which a guest builds it does not matter, nor where it is
 *    moved. What is one, and would not pass, stays one: its parts are not taken away, to be put back
 *    after a change.
 * 4. A config file comes by rename alone, and is read then. It has one name, and whoever has it open for
 *    writing writes no more: between reading and renaming nothing changes, and afterwards the name leads
 *    to refusal.
 * 5. core.worktree of a submodule says where git on the host writes files: it leads to the submodule's
 *    place, on a way without links, and neither this nor the git directory is swapped later.
 * 6. commondir is written in place by git. What is written has to be the one text that it may hold. */
#include "fs/fs_policy.h"
#include "fs/fs_gitdir.h"
#include "fs/fs_patterns.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POLICY_PATH_MAX	 300 /* of a path that is shown */
#define POLICY_DEPTH_MAX 512 /* of a place where links come */

#define POLICY_PROTECT "protect"
#define POLICY_HIDE    "hide"

struct policy_export {
	bool git;
	struct fs_patterns *protect, *hide; /* NULL: none */
};

struct fs_policy {
	struct policy_export export[FS_TREE_EXPORTS_MAX];
	void (*on_refused)(void *ctx, const struct fs_policy_refusal *r);
	void *ctx;
	/* of the entry that is looked at, from the export down; borrowed from the nodes */
	const char **part;
	size_t size;
};

enum policy_act {
	POLICY_LOOK,
	POLICY_MAKE_FILE,
	POLICY_MAKE_DIRECTORY,
	POLICY_MAKE_LINK, /* symbolic or hard */
	POLICY_ARRIVE,	  /* by rename */
	POLICY_LEAVE,
	POLICY_REMOVE,
	POLICY_CHANGE,	    /* contents */
	POLICY_CHANGE_ATTR, /* mode, owner, times, attributes */
};

/* An entry of a directory, and what is done with it. */
struct policy_entry {
	struct fs_policy *policy;
	const struct policy_export *rules;
	struct fs_ops *ops;
	struct fs_node *dir;
	const char *name;
	enum policy_act act;
	const struct policy_entry *source; /* POLICY_ARRIVE */
};

struct fs_policy *fs_policy_new(void (*on_refused)(void *ctx, const struct fs_policy_refusal *r),
				void *ctx)
{
	struct fs_policy *p = mem_alloc(sizeof(*p));

	p->on_refused = on_refused;
	p->ctx = ctx;
	return p;
}

void fs_policy_free(struct fs_policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < FS_TREE_EXPORTS_MAX; i++) {
		fs_patterns_free(p->export[i].protect);
		fs_patterns_free(p->export[i].hide);
	}
	free(p->part);
	free(p);
}

/* ---- paths ---- */

/* Fills in policy->part; the number of names. */
static size_t policy_split(const struct policy_entry *e)
{
	struct fs_policy *p = e->policy;
	size_t n = 1, at;

	for (const struct fs_node *d = e->dir; d->parent != FS_NODE_ROOT;
	     d = fs_nodes_get(e->ops->nodes, d->parent))
		n++;
	if (n > p->size) {
		p->size = n + 64;
		p->part = mem_resize(p->part, p->size, sizeof(*p->part));
	}
	at = n;
	p->part[--at] = e->name;
	for (const struct fs_node *d = e->dir; at > 0; d = fs_nodes_get(e->ops->nodes, d->parent))
		p->part[--at] = d->name;
	return n;
}

static int policy_refuse(const struct policy_entry *e, const char *option, const char *why)
{
	AUTO_BUF struct buf path = {0};
	const size_t n = policy_split(e);

	for (size_t i = 0; i < n && buf_len(&path) < POLICY_PATH_MAX; i++)
		buf_addf(&path, "%s%s", i ? "/" : "", e->policy->part[i]);
	if (e->policy->on_refused)
		e->policy->on_refused(e->policy->ctx,
				      &(struct fs_policy_refusal){buf_text(&path), option, why});
	return EPERM;
}

static bool policy_is(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0; /* some file systems of the host do not tell them apart */
}

static struct fs_node *policy_parent(const struct policy_entry *e, const struct fs_node *n)
{
	return n->parent == FS_NODE_ROOT ? NULL : fs_nodes_get(e->ops->nodes, n->parent);
}

/* ---- patterns ---- */

static enum fs_patterns_match policy_match(const struct policy_entry *e,
					   const struct fs_patterns *patterns)
{
	const size_t n = patterns ? policy_split(e) : 0;

	return patterns ? fs_patterns_match(patterns, e->policy->part, n) : FS_PATTERNS_OUTSIDE;
}

/* What is there; 0: nothing that could be looked at. */
static mode_t policy_type(const struct policy_entry *e)
{
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct stat st;

	if (fs_tree_find_directory(e->ops->tree, e->dir, &p) ||
	    fstatat(p.fd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_mode & S_IFMT;
}

static bool policy_is_directory(const struct policy_entry *e)
{
	const mode_t type = policy_type(e);

	return !type || type == S_IFDIR;
}

static bool policy_is_tree_or_link(const struct policy_entry *e)
{
	const mode_t type = policy_type(e);

	return !type || type == S_IFDIR || type == S_IFLNK;
}

/* What would make the way to a named entry another one. */
static bool policy_bends_the_way(const struct policy_entry *e)
{
	switch (e->act) {
	case POLICY_LEAVE:
		return policy_is_directory(e);
	case POLICY_MAKE_LINK:
	case POLICY_ARRIVE:
		return true;
	case POLICY_LOOK:
	case POLICY_MAKE_FILE:
	case POLICY_MAKE_DIRECTORY:
	case POLICY_REMOVE:
	case POLICY_CHANGE:
	case POLICY_CHANGE_ATTR:
		return false;
	}
	return true;
}

static int policy_judge_hidden(const struct policy_entry *e)
{
	switch (policy_match(e, e->rules->hide)) {
	case FS_PATTERNS_OUTSIDE:
		return 0;
	case FS_PATTERNS_ABOVE:
		return policy_bends_the_way(e)
			       ? policy_refuse(e, POLICY_HIDE, "something in it is hidden")
			       : 0;
	case FS_PATTERNS_WITHIN:
		return e->act == POLICY_LOOK || e->act == POLICY_LEAVE || e->act == POLICY_REMOVE
			       ? ENOENT
			       : policy_refuse(e, POLICY_HIDE, "the name is hidden");
	}
	return EPERM;
}

static int policy_judge_protected(const struct policy_entry *e)
{
	switch (policy_match(e, e->rules->protect)) {
	case FS_PATTERNS_OUTSIDE:
		return 0;
	case FS_PATTERNS_ABOVE:
		return policy_bends_the_way(e)
			       ? policy_refuse(e, POLICY_PROTECT, "something in it is protected")
			       : 0;
	case FS_PATTERNS_WITHIN:
		return policy_refuse(e, POLICY_PROTECT, "it is read-only for the agent");
	}
	return EPERM;
}

/* ---- git ---- */

/* A directory, open, and what it has of git's. */
struct policy_git {
	struct fs_node *node;
	struct fs_place at;
	unsigned parts; /* 0: it could not be opened */
};
#define AUTO_GIT __attribute__((cleanup(policy_git_close)))

static void policy_git_close(struct policy_git *g)
{
	fs_place_close(&g->at);
}

/* Whether the directory is one of git's. */
static bool policy_git_open(const struct policy_entry *e, struct fs_node *n, struct policy_git *g)
{
	*g = (struct policy_git){.node = n, .at = FS_PLACE_NONE};
	if (!n || fs_tree_find_directory(e->ops->tree, n, &g->at))
		return false;
	g->parts = fs_gitdir_parts(g->at.fd);
	return fs_gitdir_is(g->parts);
}

static int policy_refuse_git(const struct policy_entry *e, const char *why)
{
	return policy_refuse(e, POLICY_PROTECT, why);
}

/* What core.worktree may be in a git directory `.git/modules/NAME` of a submodule: where the submodule of
 * this name lies. A submodule's own have another `modules` before their name, which may as well be a
 * directory of the submodule's path. */
struct policy_worktrees {
	struct buf text[2];
	const char *value[3];
};

static void policy_worktrees_fini(struct policy_worktrees *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->text); i++)
		buf_fini(&w->text[i]);
}
#define AUTO_WORKTREES __attribute__((cleanup(policy_worktrees_fini)))

/* The number of the name after the last ".git/modules" of n; 0: there is none. */
static size_t policy_find_modules(const char *const *part, size_t n)
{
	for (size_t at = n; at > 1; at--)
		if (policy_is(part[at - 2], ".git") && policy_is(part[at - 1], "modules"))
			return at;
	return 0;
}

/* No link is on the way of n names from the export, as far as it exists: git would follow it. */
static bool policy_is_straight(const struct policy_entry *e, struct buf *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	const struct fs_node *root = fs_tree_export_node(e->ops->tree, e->dir->export);
	AUTO_CLOSE int fd = (int)syscall(SYS_openat2, root->fd, buf_text(path), &how, sizeof(how));
	struct stat st;

	return fd >= 0 ? fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) : errno == ENOENT;
}

static void policy_find_worktrees(const struct policy_entry *e, struct fs_node *git,
				  struct policy_worktrees *w)
{
	struct policy_entry here = *e;
	const char *const *part;
	size_t n, at, values = 0;

	memset(w, 0, sizeof(*w));
	if (git->parent == FS_NODE_ROOT)
		return;
	here.dir = policy_parent(e, git);
	here.name = git->name;
	n = policy_split(&here);
	part = e->policy->part;
	at = policy_find_modules(part, n);
	if (!at || at == n)
		return;
	for (size_t way = 0; way < ARRAY_LEN(w->text); way++) {
		AUTO_BUF struct buf place = {0};

		for (size_t i = 0; i < n; i++)
			if (i < at - 2 || (i >= at && (way == 0 || !policy_is(part[i], "modules"))))
				buf_addf(&place, "%s%s", buf_len(&place) ? "/" : "", part[i]);
		for (size_t i = at - 2; i < n; i++)
			buf_addf(&w->text[way], "../");
		for (size_t i = at; i < n; i++)
			if (way == 0 || !policy_is(part[i], "modules"))
				buf_addf(&w->text[way], "%s%s", part[i], i + 1 < n ? "/" : "");
		if (policy_is_straight(e, &place))
			w->value[values++] = buf_text(&w->text[way]);
	}
}

/* Whoever has the file open for writing writes no more. */
static void policy_revoke(const struct policy_entry *e, int dirfd, const char *name)
{
	struct fs_node *n = NULL;
	struct fs_attr a;

	if (dirfd >= 0 && fs_attr_read(&a, dirfd, name, 0) == 0)
		n = fs_nodes_find(e->ops->nodes, e->dir->export, &a.identity);
	if (n)
		fs_handles_revoke(e->ops->handles, fs_nodes_number(e->ops->nodes, n));
}

/* A linked worktree's: its place is `worktrees` of a repository, where "../.." is that repository. */
static int policy_judge_linked(const struct policy_entry *e, const struct fs_node *worktrees)
{
	AUTO_GIT struct policy_git common = {.at = FS_PLACE_NONE};

	if (worktrees->parent != FS_NODE_ROOT && policy_is(worktrees->name, "worktrees") &&
	    policy_git_open(e, policy_parent(e, worktrees), &common))
		return 0;
	return policy_refuse_git(e, "a linked worktree's directory lies in the worktrees of its "
				    "repository");
}

/* A directory that becomes one of git's, or is to stay one. */
static int policy_judge_whole(const struct policy_entry *e, const struct policy_git *g,
			      unsigned parts)
{
	static const char *const files[] = {"config", "config.worktree", "commondir",
					    "info/attributes"};
	AUTO_WORKTREES struct policy_worktrees w;
	char why[FS_GITCONFIG_WHY_MAX];
	int code = 0;

	policy_find_worktrees(e, g->node, &w);
	if (!fs_gitdir_may_be(g->at.fd, w.value, why) ||
	    !fs_gitdir_commondir_may_be(g->at.fd, "commondir", why))
		return policy_refuse_git(e, why);
	if (parts & FS_GITDIR_COMMONDIR)
		code = g->node->parent == FS_NODE_ROOT
			       ? policy_refuse_git(e, "it would lead git out of the directory")
			       : policy_judge_linked(e, policy_parent(e, g->node));
	for (size_t i = 0; i < ARRAY_LEN(files) && code == 0; i++)
		policy_revoke(e, g->at.fd, files[i]);
	return code;
}

static bool policy_is_made(enum policy_act act)
{
	return act == POLICY_MAKE_FILE || act == POLICY_MAKE_DIRECTORY || act == POLICY_MAKE_LINK ||
	       act == POLICY_ARRIVE;
}

/* ---- files that git reads, in a directory of its ---- */

typedef int policy_judge_file(const struct policy_entry *e, const struct policy_git *g);

/* The source of a rename, open. */
static int policy_open_source(const struct policy_entry *e, struct fs_place *p)
{
	p->fd = -1;
	return fs_tree_find_directory(e->ops->tree, e->source->dir, p);
}

static int policy_judge_config(const struct policy_entry *e, const struct policy_git *g)
{
	AUTO_WORKTREES struct policy_worktrees w = {0};
	AUTO_PLACE struct fs_place from = FS_PLACE_NONE;
	char why[FS_GITCONFIG_WHY_MAX];

	if (e->act == POLICY_LEAVE || e->act == POLICY_REMOVE || e->act == POLICY_CHANGE_ATTR)
		return 0;
	if (e->act != POLICY_ARRIVE)
		return policy_refuse_git(e, "it may be replaced by rename only, as git does");
	if (policy_open_source(e, &from))
		return EPERM;
	policy_find_worktrees(e, g->node, &w);
	if (!fs_gitdir_config_may_be(from.fd, e->source->name, g->at.fd, e->name, w.value, why))
		return policy_refuse_git(e, why);
	policy_revoke(e, from.fd, e->source->name);
	return 0;
}

static int policy_judge_attributes(const struct policy_entry *e, const struct policy_git *g)
{
	AUTO_PLACE struct fs_place from = FS_PLACE_NONE, info = FS_PLACE_NONE;
	char why[FS_GITCONFIG_WHY_MAX];

	(void)g;
	if (e->act == POLICY_LEAVE || e->act == POLICY_REMOVE || e->act == POLICY_CHANGE_ATTR)
		return 0;
	if (e->act != POLICY_ARRIVE)
		return policy_refuse_git(e, "it may be replaced by rename only");
	if (policy_open_source(e, &from) || fs_tree_find_directory(e->ops->tree, e->dir, &info))
		return EPERM;
	if (!fs_gitdir_attributes_may_be(from.fd, e->source->name, info.fd, e->name, why))
		return policy_refuse_git(e, why);
	policy_revoke(e, from.fd, e->source->name);
	return 0;
}

/* When it is made, its text is judged as it is written. */
static int policy_judge_commondir(const struct policy_entry *e, const struct policy_git *g)
{
	AUTO_PLACE struct fs_place from = FS_PLACE_NONE;
	char why[FS_GITCONFIG_WHY_MAX];

	if (e->act == POLICY_LEAVE || e->act == POLICY_REMOVE || e->act == POLICY_CHANGE_ATTR)
		return 0;
	if (e->act == POLICY_MAKE_FILE && !(g->parts & FS_GITDIR_COMMONDIR) &&
	    g->node->parent != FS_NODE_ROOT)
		return policy_judge_linked(e, policy_parent(e, g->node));
	if (e->act != POLICY_ARRIVE || g->node->parent == FS_NODE_ROOT)
		return policy_refuse_git(e, "it would lead git to another directory");
	if (policy_open_source(e, &from))
		return EPERM;
	if (!fs_gitdir_commondir_may_be(from.fd, e->source->name, why))
		return policy_refuse_git(e, why);
	policy_revoke(e, from.fd, e->source->name);
	return policy_judge_linked(e, policy_parent(e, g->node));
}

static int policy_judge_hooks(const struct policy_entry *e, const struct policy_git *g)
{
	AUTO_PLACE struct fs_place from = FS_PLACE_NONE;
	char why[FS_GITCONFIG_WHY_MAX];

	if (e->act == POLICY_MAKE_DIRECTORY || e->act == POLICY_REMOVE ||
	    e->act == POLICY_CHANGE_ATTR)
		return 0;
	if (e->act == POLICY_LEAVE)
		return fs_gitdir_hooks_may_be(g->at.fd, e->name, why) ? 0
								      : policy_refuse_git(e, why);
	if (e->act != POLICY_ARRIVE)
		return policy_refuse_git(e, "git runs what it leads to");
	if (policy_open_source(e, &from))
		return EPERM;
	return fs_gitdir_hooks_may_be(from.fd, e->source->name, why) ? 0
								     : policy_refuse_git(e, why);
}

static int policy_judge_info(const struct policy_entry *e, const struct policy_git *g)
{
	AUTO_PLACE struct fs_place from = FS_PLACE_NONE, info = FS_PLACE_NONE;
	char why[FS_GITCONFIG_WHY_MAX];

	(void)g;
	if (e->act != POLICY_MAKE_LINK && e->act != POLICY_MAKE_FILE && e->act != POLICY_ARRIVE)
		return 0;
	if (e->act != POLICY_ARRIVE)
		return policy_refuse_git(e, "git reads attributes from it");
	if (policy_open_source(e, &from))
		return EPERM;
	if (!fs_gitdir_info_may_be(from.fd, e->source->name, why))
		return policy_refuse_git(e, why);
	info.fd = openat(from.fd, e->source->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	policy_revoke(e, info.fd, "attributes");
	return 0;
}

static const struct {
	const char *name;
	policy_judge_file *judge;
} policy_files[] = {
	{"config", policy_judge_config},       {"config.worktree", policy_judge_config},
	{"commondir", policy_judge_commondir}, {"hooks", policy_judge_hooks},
	{"info", policy_judge_info},
};

static policy_judge_file *policy_file(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(policy_files); i++)
		if (policy_is(policy_files[i].name, name))
			return policy_files[i].judge;
	return NULL;
}

/* HEAD and its like, which make a directory git's. */
static int policy_judge_part(const struct policy_entry *e, const struct policy_git *g)
{
	const unsigned part = fs_gitdir_part(e->name);
	const bool is = fs_gitdir_is(g->parts);

	if (!part || g->at.fd < 0)
		return 0;
	if (policy_is_made(e->act) && !is && fs_gitdir_is(g->parts | part)) {
		const int code = policy_judge_whole(e, g, g->parts | part);

		return code || part != FS_GITDIR_COMMONDIR ? code : policy_judge_commondir(e, g);
	}
	if ((e->act == POLICY_LEAVE || e->act == POLICY_REMOVE) && is &&
	    !fs_gitdir_is(g->parts & ~part))
		return policy_judge_whole(e, g, g->parts & ~(unsigned)FS_GITDIR_COMMONDIR);
	return 0;
}

/* Below hooks: samples come and go, so that a repository can be made and removed. */
static int policy_judge_below_hooks(const struct policy_entry *e)
{
	for (struct fs_node *n = e->dir; n; n = policy_parent(e, n)) {
		AUTO_GIT struct policy_git g = {.at = FS_PLACE_NONE};

		if (n->parent == FS_NODE_ROOT || !policy_is(n->name, "hooks") ||
		    !policy_git_open(e, policy_parent(e, n), &g))
			continue;
		if (n != e->dir || !fs_gitdir_is_sample(e->name))
			return policy_refuse_git(e, "git runs its hooks");
	}
	return 0;
}

/* ---- work trees of submodules ---- */

/* Whether `.git/modules` of a directory above has a submodule at or below the entry's place: where
 * core.worktree leads git on the host, no link may. */
static bool policy_is_submodules(const struct policy_entry *e)
{
	const size_t n = policy_split(e);
	size_t depth = n;

	if (n > POLICY_DEPTH_MAX) /* each step up is looked at from the top */
		return true;
	for (struct fs_node *up = e->dir; up; up = policy_parent(e, up)) {
		AUTO_PLACE struct fs_place above = FS_PLACE_NONE;
		AUTO_CLOSE int at = -1;

		depth--;
		if (fs_tree_find_directory(e->ops->tree, up, &above))
			continue;
		at = openat(above.fd, ".git/modules", O_PATH | O_DIRECTORY | O_CLOEXEC);
		for (size_t i = depth; at >= 0 && i < n; i++) {
			AUTO_FREE char *inner = mem_format("modules/%s", e->policy->part[i]);
			int next = openat(at, e->policy->part[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

			if (next < 0)
				next = openat(at, inner, O_PATH | O_DIRECTORY | O_CLOEXEC);
			close(at);
			at = next;
		}
		if (at >= 0)
			return true;
	}
	return false;
}

/* Directories of submodules stay where core.worktree, which is relative, was judged. */
static int policy_judge_submodule_leaves(const struct policy_entry *e)
{
	const size_t n = policy_split(e);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	bool holds = policy_find_modules(e->policy->part, n) != 0;

	if (!holds && policy_is(e->name, ".git") &&
	    fs_tree_find_directory(e->ops->tree, e->dir, &p) == 0) {
		AUTO_CLOSE int modules = openat(p.fd, ".git/modules",
						O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		holds = modules >= 0;
	}
	return holds && policy_is_directory(e)
		       ? policy_refuse_git(e, "git directories of submodules lie in it")
		       : 0;
}

static int policy_judge_submodules(const struct policy_entry *e)
{
	if (e->act == POLICY_LEAVE)
		return policy_judge_submodule_leaves(e);
	if (e->act != POLICY_MAKE_LINK && e->act != POLICY_ARRIVE)
		return 0;
	if (e->act == POLICY_ARRIVE && !policy_is_tree_or_link(e->source))
		return 0;
	return policy_is_submodules(e)
		       ? policy_refuse_git(e, "it is the place of a submodule, where git writes")
		       : 0;
}

/* A directory that is moved: a linked worktree's only with the repository that it leads to. */
static int policy_judge_moved(const struct policy_entry *e)
{
	AUTO_PLACE struct fs_place from = FS_PLACE_NONE;
	AUTO_CLOSE int moved = -1;
	const unsigned linked = FS_GITDIR_HEAD | FS_GITDIR_COMMONDIR;
	const struct policy_entry *s = e->source;

	if (policy_open_source(e, &from))
		return 0;
	if (policy_is(s->name, "worktrees") && !policy_is(e->name, "worktrees") &&
	    fs_gitdir_has_worktrees(from.fd, s->name))
		return policy_refuse_git(e, "it holds linked worktrees' directories");
	moved = openat(from.fd, s->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (moved < 0 || (fs_gitdir_parts(moved) & linked) != linked)
		return 0;
	return policy_judge_linked(e, e->dir);
}

static int policy_judge_git(const struct policy_entry *e)
{
	policy_judge_file *file = policy_file(e->name);
	AUTO_GIT struct policy_git g = {.at = FS_PLACE_NONE}, above = {.at = FS_PLACE_NONE};
	bool is = false;
	int code;

	if (!e->rules->git || e->act == POLICY_LOOK)
		return 0;
	if (file || fs_gitdir_part(e->name))
		is = policy_git_open(e, e->dir, &g);
	code = policy_judge_below_hooks(e);
	if (code == 0)
		code = policy_judge_part(e, &g);
	if (code == 0 && file && is)
		code = file(e, &g);
	if (code == 0 && policy_is(e->name, "attributes") && e->dir->parent != FS_NODE_ROOT &&
	    policy_is(e->dir->name, "info") && policy_git_open(e, policy_parent(e, e->dir), &above))
		code = policy_judge_attributes(e, &above);
	if (code == 0 && e->act == POLICY_ARRIVE)
		code = policy_judge_moved(e);
	return code ? code : policy_judge_submodules(e);
}

/* ---- requests ---- */

static int policy_judge_entry(const struct policy_entry *e)
{
	int code = policy_judge_hidden(e);

	if (code == 0 && e->act != POLICY_LOOK)
		code = policy_judge_protected(e);
	return code ? code : policy_judge_git(e);
}

/* False: there is no such directory, and the operation itself will say so. */
static bool policy_entry(struct fs_policy *p, struct fs_ops *o, uint64_t directory,
			 const char *name, enum policy_act act, struct policy_entry *e)
{
	struct fs_node *n = fs_nodes_get(o->nodes, directory);

	if (!n || n->identity.type != S_IFDIR || n->export >= FS_TREE_EXPORTS_MAX)
		return false;
	*e = (struct policy_entry){p, &p->export[n->export], o, n, name, act, NULL};
	return true;
}

static int policy_act(struct fs_policy *p, struct fs_ops *o, uint64_t directory, const char *name,
		      enum policy_act act)
{
	struct policy_entry e;

	return policy_entry(p, o, directory, name, act, &e) ? policy_judge_entry(&e) : 0;
}

/* A file of which the guest has a descriptor but no name: another name may be one that is judged. */
static int policy_judge_nameless(const struct policy_export *rules, const struct fs_node *n,
				 enum policy_act act)
{
	struct stat st;

	if (act != POLICY_CHANGE || n->identity.type != S_IFREG ||
	    (!rules->git && !rules->protect && !rules->hide))
		return 0;
	return fstat(n->fd, &st) == 0 && st.st_nlink == 0 ? 0 : EPERM;
}

/* What the node itself is, at its name. */
static int policy_change(struct fs_policy *p, struct fs_ops *o, uint64_t number,
			 enum policy_act act)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, number);

	if (!n || n->export >= FS_TREE_EXPORTS_MAX || n->parent == FS_NODE_ROOT)
		return 0;
	return n->fd >= 0 ? policy_judge_nameless(&p->export[n->export], n, act)
			  : policy_act(p, o, n->parent, n->name, act);
}

static bool policy_is_revoked(const struct fs_ops *o, uint64_t number, uint64_t node)
{
	const struct fs_handle *h = fs_handles_get(o->handles, number, node);

	return h && h->revoked;
}

typedef int policy_row(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m);

static int policy_lookup(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	return policy_act(p, o, m->head.nodeid, m->name, POLICY_LOOK);
}

static int policy_symlink(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	return policy_act(p, o, m->head.nodeid, m->name, POLICY_MAKE_LINK);
}

static int policy_make_file(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	return policy_act(p, o, m->head.nodeid, m->name, POLICY_MAKE_FILE);
}

static int policy_mkdir(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	return policy_act(p, o, m->head.nodeid, m->name, POLICY_MAKE_DIRECTORY);
}

static int policy_remove(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	return policy_act(p, o, m->head.nodeid, m->name, POLICY_REMOVE);
}

static int policy_move(const struct policy_entry *from, const struct policy_entry *to)
{
	struct policy_entry leaves = *from, arrives = *to;
	int code;

	leaves.act = POLICY_LEAVE;
	arrives.act = POLICY_ARRIVE;
	arrives.source = &leaves;
	code = policy_judge_entry(&leaves);
	return code ? code : policy_judge_entry(&arrives);
}

static int policy_rename(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	struct policy_entry from, to;
	int code;

	if (!policy_entry(p, o, m->head.nodeid, m->name, POLICY_LEAVE, &from) ||
	    !policy_entry(p, o, m->in.rename.newdir, m->name2, POLICY_ARRIVE, &to))
		return 0;
	code = policy_move(&from, &to);
	return code == 0 && m->in.rename.flags & RENAME_EXCHANGE ? policy_move(&to, &from) : code;
}

/* A second name is a second way to change it. */
static int policy_link(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	const int code = policy_change(p, o, m->in.link.oldnodeid, POLICY_CHANGE);

	return code ? code : policy_act(p, o, m->head.nodeid, m->name, POLICY_MAKE_LINK);
}

static int policy_open(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	const bool write = (m->in.open.flags & O_ACCMODE) != O_RDONLY || m->in.open.flags & O_TRUNC;

	return policy_change(p, o, m->head.nodeid, write ? POLICY_CHANGE : POLICY_LOOK);
}

static int policy_setattr(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	const struct fuse_setattr_in *in = &m->in.setattr;

	if (!(in->valid & FATTR_SIZE))
		return policy_change(p, o, m->head.nodeid, POLICY_CHANGE_ATTR);
	if (in->valid & FATTR_FH && policy_is_revoked(o, in->fh, m->head.nodeid))
		return EPERM;
	return policy_change(p, o, m->head.nodeid, POLICY_CHANGE);
}

static int policy_xattr(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	return policy_change(p, o, m->head.nodeid, POLICY_CHANGE_ATTR);
}

static bool policy_is_commondir(struct fs_policy *p, struct fs_ops *o, const struct fs_node *n)
{
	AUTO_GIT struct policy_git g = {.at = FS_PLACE_NONE};
	struct policy_entry e;

	return n && n->fd < 0 && n->export < FS_TREE_EXPORTS_MAX && p->export[n->export].git &&
	       policy_is(n->name, "commondir") &&
	       policy_entry(p, o, n->parent, n->name, POLICY_CHANGE, &e) &&
	       policy_git_open(&e, e.dir, &g);
}

static int policy_write(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	static const char text[] = FS_GITDIR_COMMONDIR_TEXT;
	const struct fuse_write_in *in = &m->in.write;

	if (policy_is_revoked(o, in->fh, m->head.nodeid))
		return EPERM;
	if (!policy_is_commondir(p, o, fs_nodes_get(o->nodes, m->head.nodeid)))
		return 0;
	return in->flags & O_APPEND || in->offset > sizeof(text) - 1 ||
			       m->ndata > sizeof(text) - 1 - in->offset ||
			       memcmp(text + in->offset, m->data, m->ndata) != 0
		       ? policy_change(p, o, m->head.nodeid, POLICY_CHANGE)
		       : 0;
}

static int policy_fill(struct fs_policy *p, struct fs_ops *o, uint64_t node, uint64_t handle)
{
	if (policy_is_revoked(o, handle, node))
		return EPERM;
	return policy_is_commondir(p, o, fs_nodes_get(o->nodes, node)) ? EPERM : 0;
}

static int policy_fallocate(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	return policy_fill(p, o, m->head.nodeid, m->in.fallocate.fh);
}

static int policy_copy(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	return policy_fill(p, o, m->in.copy.nodeid_out, m->in.copy.fh_out);
}

static policy_row *const policy_rows[] = {
	[FUSE_LOOKUP] = policy_lookup,
	[FUSE_SYMLINK] = policy_symlink,
	[FUSE_MKNOD] = policy_make_file,
	[FUSE_MKDIR] = policy_mkdir,
	[FUSE_UNLINK] = policy_remove,
	[FUSE_RMDIR] = policy_remove,
	[FUSE_RENAME] = policy_rename,
	[FUSE_RENAME2] = policy_rename,
	[FUSE_LINK] = policy_link,
	[FUSE_CREATE] = policy_make_file,
	[FUSE_SETATTR] = policy_setattr,
	[FUSE_OPEN] = policy_open,
	[FUSE_WRITE] = policy_write,
	[FUSE_SETXATTR] = policy_xattr,
	[FUSE_REMOVEXATTR] = policy_xattr,
	[FUSE_FALLOCATE] = policy_fallocate,
	[FUSE_COPY_FILE_RANGE] = policy_copy,
};

int fs_policy_judge(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m)
{
	policy_row *row = m->head.opcode < ARRAY_LEN(policy_rows) ? policy_rows[m->head.opcode]
								  : NULL;

	return p && row ? row(p, o, m) : 0;
}

bool fs_policy_is_hidden(struct fs_policy *p, struct fs_nodes *nodes, uint32_t directory,
			 const char *name)
{
	struct fs_ops ops = {.nodes = nodes};
	struct policy_entry e;

	return p && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       policy_entry(p, &ops, directory, name, POLICY_LOOK, &e) &&
	       policy_match(&e, e.rules->hide) == FS_PATTERNS_WITHIN;
}

/* ---- what it is told ---- */

static bool policy_list(struct fs_patterns **patterns, const char *pattern)
{
	if (!*patterns)
		*patterns = fs_patterns_new();
	return fs_patterns_add(*patterns, pattern);
}

bool fs_policy_protect(struct fs_policy *p, size_t export, const char *pattern)
{
	return policy_list(&p->export[export].protect, pattern);
}

bool fs_policy_hide(struct fs_policy *p, size_t export, const char *pattern)
{
	return policy_list(&p->export[export].hide, pattern);
}

void fs_policy_protect_git(struct fs_policy *p, size_t export)
{
	p->export[export].git = true;
}

struct policy_learned {
	struct policy_export *rules;
	const char *path;
};

/* A path that git's configuration names: protected, when it lies below the export. base: what it is relative to. */
static void policy_learn_path(const struct policy_learned *l, const char *base, const char *value)
{
	const size_t n = l->path ? strlen(l->path) : 0;
	AUTO_STRV struct strv part = {0};
	AUTO_BUF struct buf path = {0};
	AUTO_FREE char *whole = NULL;
	char *rest, *name;

	if (value[0] == '/' && (!n || strncmp(value, l->path, n) != 0 || value[n] != '/'))
		return;
	whole = value[0] == '/' ? mem_strdup(value + n) : mem_format("%s/%s", base, value);
	for (rest = whole; (name = strsep(&rest, "/"));) {
		if (strcmp(name, "..") == 0 && part.n == 0)
			return;
		if (strcmp(name, "..") == 0)
			free(part.v[--part.n]), part.v[part.n] = NULL;
		else if (name[0] && strcmp(name, ".") != 0)
			strv_add(&part, name);
	}
	for (size_t i = 0; i < part.n; i++)
		buf_addf(&path, "/%s", part.v[i]);
	if (!l->rules->protect)
		l->rules->protect = fs_patterns_new();
	(void)fs_patterns_add_path(l->rules->protect, buf_text(&path));
}

static bool policy_learn_key(void *ctx, const char *key, const char *value)
{
	const char *last = strrchr(key, '.');

	if (!value || !last)
		return true;
	if (strcmp(key, "core.hookspath") == 0)
		policy_learn_path(ctx, "", value);
	else if (strcmp(last, ".path") == 0 &&
		 (strncmp(key, "include.", 8) == 0 || strncmp(key, "includeif.", 10) == 0))
		policy_learn_path(ctx, ".git", value);
	return true;
}

void fs_policy_learn_git(struct fs_policy *p, size_t export, int fd, const char *path)
{
	static const char *const links[] = {".git/hooks", ".git/config", ".git/config.worktree"};
	const struct policy_learned l = {&p->export[export], path};
	AUTO_BUF struct buf text = {0};
	char target[4096];
	ssize_t n;

	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		n = readlinkat(fd, links[i], target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		policy_learn_path(&l, ".git", target);
	}
	if (fs_gitdir_read_config(fd, ".git/config", &text))
		(void)fs_gitconfig_each(
			(struct fs_gitconfig_bytes){buf_text(&text), buf_len(&text)},
			policy_learn_key, (void *)(uintptr_t)&l);
}
