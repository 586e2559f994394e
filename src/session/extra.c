/* extra: further directories of the host, which the guest has under their own path (option extraDirs). Each is
 * opened once and judged by what it is, as the workspace is. */
#include "session/wiring.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/place.h"
#include "proto/names.h"
#include "session/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define EXTRA_OPTION "extraDirs"

static int extra_refuse(struct err *e)
{
	err_remedy(e, "take it out of " EXTRA_OPTION);
	return err_exit_code(e, ERR_EXIT_POLICY);
}

/* Two names of one file, of which one may be read-only, would be a way around that. */
static int extra_check_apart(int fd, const char *path, int other_fd, const char *other,
			     struct err *e)
{
	struct place place, other_place;

	if (!place_of(fd, &place) || !place_of(other_fd, &other_place))
		return err_sys(e, "look at %s", path);
	if (!place_is_within(fd, other_place) && !place_is_within(other_fd, place))
		return 0;
	err_set(e, EXTRA_OPTION ": %s and %s share files", path, other);
	return extra_refuse(e);
}

static int extra_check(const struct session *s, const struct extra_dir *x,
		       const struct user_dirs *d, struct err *e)
{
	if (policy_check_path(EXTRA_OPTION, x->path, e) < 0 ||
	    policy_check_listed(x->fd, x->path, EXTRA_OPTION, d, e) < 0)
		return -1;
	if (file_is_within(x->path, NAME_SCRATCH)) {
		err_set(e, EXTRA_OPTION " %s would lie on the guest's disk", x->path);
		return extra_refuse(e);
	}
	if (extra_check_apart(x->fd, x->path, s->workspace_fd, s->workspace, e) < 0)
		return -1;
	for (const struct extra_dir *other = s->extra; other < x; other++)
		if (extra_check_apart(x->fd, x->path, other->fd, other->path, e) < 0)
			return -1;
	return 0;
}

/* entry: as check_extra_dir makes it. */
static int extra_open_one(struct session *s, const char *entry, const struct user_dirs *d,
			  struct err *e)
{
	const char *mode = strrchr(entry, ':') + 1;
	AUTO_FREE char *name = mem_strndup(entry, (size_t)(mode - 1 - entry));
	struct extra_dir *x = &s->extra[s->extras];

	x->fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (x->fd < 0 || faccessat(x->fd, ".", R_OK | X_OK, AT_EACCESS) < 0) {
		err_sys(e, EXTRA_OPTION ": open %s", name);
		return extra_refuse(e);
	}
	x->path = place_path(x->fd, e);
	if (!x->path)
		return -1;
	x->writable = strcmp(mode, "rw") == 0 && s->conf.writable_cwd;
	s->extras++;
	return extra_check(s, x, d, e);
}

int extra_open(struct session *s, const struct user_dirs *d, struct err *e)
{
	if (s->conf.private_dirs.n > NAME_PRIVATE_MAX) {
		err_set(e, "privateDirs: more than %d directories", NAME_PRIVATE_MAX);
		err_remedy(e, "list fewer");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	if (s->conf.extra_dirs.n > NAME_EXTRA_MAX) {
		err_set(e, EXTRA_OPTION ": more than %d directories", NAME_EXTRA_MAX);
		return extra_refuse(e);
	}
	for (size_t i = 0; i < s->conf.extra_dirs.n; i++)
		if (extra_open_one(s, s->conf.extra_dirs.v[i], d, e) < 0)
			return -1;
	return 0;
}

const char *extra_mode(const struct extra_dir *x)
{
	return x->writable ? "rw" : "ro";
}

static void extra_add_list(struct buf *status, const char *name, const struct strv *list)
{
	AUTO_BUF struct buf json = {0};

	if (!list->n)
		return;
	for (size_t i = 0; i < list->n; i++) {
		buf_addf(&json, "%s", i ? "," : "[");
		json_quote(&json, list->v[i], strlen(list->v[i]));
	}
	buf_addf(&json, "]");
	json_add_raw(status, name, buf_text(&json));
}

void extra_add_status(const struct session *s, struct buf *status)
{
	const struct strv *protect = &s->conf.protect;
	const bool usual = protect->n == 1 && strcmp(protect->v[0], CONF_PROTECT_GIT) == 0;
	AUTO_STRV struct strv dirs = {0};

	for (size_t i = 0; i < s->extras; i++)
		strv_addf(&dirs, "%s:%s", s->extra[i].path, extra_mode(&s->extra[i]));
	extra_add_list(status, "extra_dirs", &dirs);
	extra_add_list(status, "private_dirs", &s->conf.private_dirs);
	extra_add_list(status, "hide", &s->conf.hide);
	if (!protect->n)
		json_add_raw(status, "protect", "[]");
	else if (!usual)
		extra_add_list(status, "protect", protect);
}

char *extra_seed_lines(const struct session *s)
{
	AUTO_BUF struct buf b = {0};

	for (size_t i = 0; i < s->extras; i++)
		buf_addf(&b, "%s %s\n", extra_mode(&s->extra[i]), s->extra[i].path);
	return s->extras ? mem_strdup(buf_text(&b)) : NULL;
}
