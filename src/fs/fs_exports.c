#include "fs/fs_exports.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORTS_FIRST_FD 4
#define EXPORTS_LAST_FD	 1023

static bool exports_fd(const char *text, int *fd)
{
	int64_t n;
	const bool ok = number_parse(text, EXPORTS_FIRST_FD, EXPORTS_LAST_FD, &n);

	*fd = ok ? (int)n : -1;
	return ok;
}

/* Splits the argument in place. */
static int exports_parse_one(char *text, struct fs_export *x, struct err *e)
{
	char *fd = strchr(text, ':'), *mode = fd ? strchr(fd + 1, ':') : NULL;

	*x = (struct fs_export){.name = text, .place.layer = -1, .tree = -1, .work = -1};
	if (mode) {
		*fd++ = *mode++ = '\0';
		x->place.writable = strcmp(mode, "rw") == 0;
	}
	if (!mode || !text[0] || !exports_fd(fd, &x->place.fd) ||
	    (!x->place.writable && strcmp(mode, "ro") != 0 && !exports_fd(mode, &x->place.layer)))
		return err_set(e, "invalid export (NAME:FD:rw, NAME:FD:ro or NAME:FD:FD)");
	return 0;
}

static int exports_open_layer(const struct fs_export *x, const char *name, int *fd, struct err *e)
{
	*fd = openat(x->place.layer, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? err_sys(e, "open the overlay's %s", name) : 0;
}

/* The overlay looks as the directory below it, and its file system can do what it takes. */
static int exports_prepare_layer(struct fs_export *x, struct err *e)
{
	struct stat st;

	if (exports_open_layer(x, "tree", &x->tree, e) < 0 ||
	    exports_open_layer(x, "work", &x->work, e) < 0)
		return -1;
	if (mknodat(x->work, "try", S_IFCHR, 0) < 0 || unlinkat(x->work, "try", 0) < 0)
		return err_sys(e, "the file system of the overlay cannot say that a file is gone");
	/* Another's directory becomes the user's (EPERM). */
	if (fstat(x->place.fd, &st) < 0 ||
	    (fchownat(x->place.layer, "tree", st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	     errno != EPERM) ||
	    fchmodat(x->place.layer, "tree", st.st_mode & 07777, 0) < 0)
		return err_sys(e, "owner and mode of the overlay");
	return 0;
}

static int exports_serve_one(struct fs_tree *tree, struct fs_export *x, struct err *e)
{
	if (x->place.layer < 0)
		return fs_tree_export(tree, x->name, x->place.fd, x->place.writable, e);
	if (exports_prepare_layer(x, e) < 0)
		return -1;
	return fs_tree_export_overlay(tree, x->name, x->place.fd, x->tree, x->work, e);
}

static void exports_on_refused(void *ctx, const struct fs_policy_refusal *r)
{
	const struct fs_exports *all = ctx;

	if (all->notice)
		fs_notice_refused(all->notice, r);
}

/* "FD:BYTES" */
static bool exports_parse_journal(struct fs_exports *all, char *text)
{
	char *bytes = strchr(text, ':');
	int64_t n;

	if (!bytes)
		return false;
	*bytes++ = '\0';
	if (!exports_fd(text, &all->journal) || !number_parse(bytes, 1, INT64_MAX, &n))
		return false;
	all->journal_size = (uint64_t)n;
	return true;
}

/* What follows a directory; false: it is none of these. */
static bool exports_parse_rule(struct fs_exports *all, char *text)
{
	const size_t export = (size_t)(all->n - 1);
	int64_t fd;

	if (strncmp(text, "notices=", 8) == 0 &&
	    number_parse(text + 8, EXPORTS_FIRST_FD, EXPORTS_LAST_FD, &fd)) {
		all->notices = (int)fd;
		return true;
	}
	if (strncmp(text, "journal=", 8) == 0)
		return exports_parse_journal(all, text + 8);
	if (all->n == 0)
		return false;
	if (strcmp(text, "protect-git") == 0) {
		all->export[export].git = true;
		return true;
	}
	if (strcmp(text, "undo") == 0) {
		all->export[export].undo = true;
		return true;
	}
	if (strncmp(text, "at=", 3) == 0) {
		all->export[export].at = text + 3;
		return true;
	}
	if (strncmp(text, "protect=", 8) == 0)
		return fs_policy_protect(all->policy, export, text + 8);
	return strncmp(text, "hide=", 5) == 0 && fs_policy_hide(all->policy, export, text + 5);
}

static int exports_parse(struct fs_exports *all, int n, char **arguments, struct err *e)
{
	for (int i = 0; i < n; i++) {
		if (exports_parse_rule(all, arguments[i]))
			continue;
		if (all->n == FS_TREE_EXPORTS_MAX)
			return err_set(e, "more than %d exported directories", FS_TREE_EXPORTS_MAX);
		if (exports_parse_one(arguments[i], &all->export[all->n], e) < 0)
			return -1;
		all->n++;
	}
	return 0;
}

int fs_exports_serve(struct fs_exports *all, struct fs_tree *tree, struct err *e)
{
	for (int i = 0; i < all->n; i++) {
		struct fs_export *x = &all->export[i];

		if (exports_serve_one(tree, x, e) < 0)
			return -1;
		if (!x->git)
			continue;
		fs_policy_protect_git(all->policy, (size_t)i);
		fs_policy_learn_git(all->policy, (size_t)i, x->place.fd, x->at);
	}
	return 0;
}

void fs_exports_empty_layers(const struct fs_exports *all)
{
	struct err e;

	for (int i = 0; i < all->n; i++)
		if (all->export[i].place.layer >= 0 &&
		    file_empty_dir(all->export[i].place.layer, &e) < 0)
			log_error("the overlay is not empty: %s", e.text);
}

int fs_exports_parse(struct fs_exports *all, int n, char **arguments, struct err *e)
{
	*all = (struct fs_exports){.notices = -1, .journal = -1};
	all->policy = fs_policy_new(exports_on_refused, all);
	if (exports_parse(all, n, arguments, e) < 0)
		return -1;
	if (all->notices < 0)
		return 0;
	if (fcntl(all->notices, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "the pipe for notices");
	all->notice = fs_notice_new(all->notices);
	return 0;
}

uint32_t fs_exports_journaled(const struct fs_exports *all)
{
	uint32_t bits = 0;

	for (int i = 0; i < all->n; i++)
		if (all->export[i].undo)
			bits |= 1u << i;
	return bits;
}

void fs_exports_fini(struct fs_exports *all)
{
	fs_notice_free(all->notice);
	fs_policy_free(all->policy);
}
